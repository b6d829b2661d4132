//! What was read from a file: which text, in which blocks, at which place, and what could not be read?

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::language::Language;

/// What kind of file a document is. The word is what people type in the filter `kind:pdf` and what the facet shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Kind {
    /// PDF.
    Pdf,
    /// Word processing: DOCX, DOC, ODT, RTF.
    Word,
    /// Presentations: PPTX, PPT, ODP.
    Slides,
    /// Spreadsheets and tables: XLSX, XLS, ODS, CSV, TSV.
    Sheet,
    /// HTML and XHTML.
    Html,
    /// Markdown.
    Markdown,
    /// Plain text in any encoding.
    Text,
    /// JSON and other data notations.
    Data,
    /// Electronic books.
    Book,
    /// Mail messages and mailboxes.
    Mail,
    /// Conversations: one thread of a chat export.
    Chat,
    /// Notebooks (Jupyter).
    Notebook,
    /// Program source code.
    Code,
    /// Images, read through OCR.
    Image,
    /// Containers: ZIP, TAR, GZ, 7z. Their members are documents of their own.
    Archive,
}

impl Kind {
    /// Every kind, in the order in which they are shown.
    pub const ALL: [Kind; 15] = [
        Kind::Pdf,
        Kind::Word,
        Kind::Slides,
        Kind::Sheet,
        Kind::Html,
        Kind::Markdown,
        Kind::Text,
        Kind::Data,
        Kind::Book,
        Kind::Mail,
        Kind::Chat,
        Kind::Notebook,
        Kind::Code,
        Kind::Image,
        Kind::Archive,
    ];

    /// The word for this kind, as typed in filters and kept in the store.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Pdf => "pdf",
            Kind::Word => "word",
            Kind::Slides => "slides",
            Kind::Sheet => "sheet",
            Kind::Html => "html",
            Kind::Markdown => "markdown",
            Kind::Text => "text",
            Kind::Data => "data",
            Kind::Book => "book",
            Kind::Mail => "mail",
            Kind::Chat => "chat",
            Kind::Notebook => "notebook",
            Kind::Code => "code",
            Kind::Image => "image",
            Kind::Archive => "archive",
        }
    }

    /// The kind for a word written by [`Kind::word`].
    pub fn from_word(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

/// Where a block or a passage stands, in the words that a reader of the original file would use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Page (PDF), slide (presentations), counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Line of the original file, counted from 1; only for formats that have lines (text, Markdown, code, CSV, JSON…).
    /// Of a block it is the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Where in a block's text each further line of the original begins, in bytes, when the text was joined from
    /// several; a line that gave no text begins with the next one that did. Empty for a block of one line, and for
    /// code, which keeps its line breaks (see [`BlockLines`]).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub line_starts: Vec<u32>,
    /// Name of the part within the file: sheet of a workbook, chapter of a book, cell of a notebook, author and time
    /// of a chat message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
}

/// What a block of text is in its document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum BlockKind {
    /// A heading; level 1 is the highest, 6 the lowest.
    Heading {
        /// 1 to 6.
        level: u8,
    },
    /// Running text.
    Paragraph,
    /// One item of a list; `depth` 0 is the outermost.
    ListItem {
        /// Nesting, from 0.
        depth: u8,
    },
    /// One row of a table. The block's text is the cells joined by [`CELL_SEPARATOR`]; a line break within a cell
    /// becomes a space.
    TableRow {
        /// Number of the table within the document, from 0. Rows of one table follow one another.
        table: u32,
        /// Whether this row holds the column names.
        header: bool,
    },
    /// Source code or preformatted text, kept line by line.
    Code,
    /// A note at the foot or at the end.
    Footnote,
    /// A remark attached to the text (DOCX comment, PDF annotation, speaker's notes).
    Comment,
    /// A field of metadata that people search for: mail headers, form fields.
    Field,
}

/// Stands between the cells of a [`BlockKind::TableRow`].
pub const CELL_SEPARATOR: &str = " | ";

/// Stands between two blocks when they are joined to the document's text.
pub const BLOCK_SEPARATOR: &str = "\n";

/// A piece of a document that is not cut further by its format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// What it is.
    #[serde(flatten)]
    pub kind: BlockKind,
    /// Its text: valid, NFC, no control characters but line breaks (in code and text) and tabs (in code); not empty.
    pub text: String,
    /// Where it stands in the original.
    #[serde(default)]
    pub place: Place,
}

/// On which lines of the original the text of one block stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockLines<'a> {
    first: u32,
    starts: Cow<'a, [u32]>,
}

impl<'a> BlockLines<'a> {
    /// The lines of a block; none where its format has no lines.
    pub fn of(block: &'a Block) -> Option<BlockLines<'a>> {
        let first = block.place.line?;
        let starts = match block.kind {
            BlockKind::Code => {
                let breaks = block.text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
                breaks.map(|(at, _)| u32::try_from(at + 1).unwrap_or(u32::MAX)).collect()
            }
            _ => Cow::Borrowed(block.place.line_starts.as_slice()),
        };
        Some(BlockLines { first, starts })
    }

    /// First and last line of a byte range of the block's text.
    pub fn span(&self, range: &Range<usize>) -> (u32, u32) {
        (self.line(range.start), self.line(range.end.saturating_sub(1).max(range.start)))
    }

    fn line(&self, at: usize) -> u32 {
        let begun = self.starts.partition_point(|start| *start as usize <= at);
        self.first.saturating_add(u32::try_from(begun).unwrap_or(u32::MAX))
    }
}

/// A picture of text (a scanned page, a photograph) that only OCR can read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// The page that the picture shows, from 1; none for an image file.
    pub page: Option<u32>,
    /// The picture in a format that `tesseract` reads (PNG, JPEG, TIFF…).
    #[serde(with = "serde_bytes_as_vec")]
    pub bytes: Vec<u8>,
}

mod serde_bytes_as_vec {
    //! How is a picture carried between the worker and its parent? As bytes, not as a list of numbers.
    use serde::{Deserializer, Serializer};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        struct Bytes;
        impl<'de> serde::de::Visitor<'de> for Bytes {
            type Value = Vec<u8>;
            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
                Ok(bytes)
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut sequence: A) -> Result<Vec<u8>, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = sequence.next_element()? {
                    bytes.push(byte);
                }
                Ok(bytes)
            }
        }
        deserializer.deserialize_byte_buf(Bytes)
    }
}

/// A file within a file: a member of an archive, an attachment of a mail, a thread of a chat export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its name inside the container, `/`-separated, made safe: never absolute, never containing `..`.
    pub name: String,
    /// What was read from it, or why nothing was.
    pub outcome: Result<Box<Extracted>, ExtractError>,
    /// The only people who may read it, whoever may read the file around it: the members of a private channel, by
    /// their mail addresses in small letters. None where the file says nothing of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readers: Option<BTreeSet<String>>,
}

impl Part {
    /// A part that whoever may read the file around it may read.
    pub fn new(name: impl Into<String>, outcome: Result<Extracted, ExtractError>) -> Part {
        Part { name: name.into(), outcome: outcome.map(Box::new), readers: None }
    }
}

/// Everything that was read from one file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extracted {
    /// What kind of file it is, by its content rather than by its name; none only in a value being built.
    pub kind: Option<Kind>,
    /// The title that the file itself declares or shows first; none when it has none (the file name is used then).
    pub title: Option<String>,
    /// Who wrote it, as the file says.
    pub author: Option<String>,
    /// When it was written or sent, as the file says; milliseconds since 1970, UTC.
    pub written_ms: Option<i64>,
    /// The language that the file declares; passages are detected on their own.
    pub language: Option<Language>,
    /// How many pages, slides or sheets it has, where that has a meaning.
    pub pages: Option<u32>,
    /// Its text, in reading order.
    pub blocks: Vec<Block>,
    /// Files inside it, each with its own outcome.
    pub parts: Vec<Part>,
    /// Pages that hold pictures of text. They are read by OCR where it is installed and listed otherwise.
    pub pictures: Vec<Picture>,
    /// What was left out and why: a broken page, an attachment over the limit. Never the document's text.
    pub warnings: Vec<String>,
}

impl Extracted {
    /// The document's text: its blocks joined by [`BLOCK_SEPARATOR`]. Byte ranges of passages and citations count in
    /// this text.
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(self.blocks.iter().map(|block| block.text.len() + 1).sum());
        for block in &self.blocks {
            if !text.is_empty() {
                text.push_str(BLOCK_SEPARATOR);
            }
            text.push_str(&block.text);
        }
        text
    }
}

/// Which page of a document is looked at, how wide, and what on it is marked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageWish {
    /// Its number, from 1.
    pub page: u32,
    /// Width of its picture in pixels; none when only its size and marks are wanted.
    pub width: Option<u32>,
    /// The pieces of text to find on it, as they were read.
    pub marks: Vec<String>,
}

/// How a page looks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PageLook {
    /// Width in points (72 to the inch).
    pub width: f32,
    /// Height in points.
    pub height: f32,
    /// Where the text to mark stands: left, top, width and height as shares of the page; empty where it is not found.
    pub marks: Vec<[f32; 4]>,
    /// The page as a PNG, when its picture was wanted.
    #[serde(skip)]
    pub picture: Vec<u8>,
}

/// Why a file gave no text. The kind decides what is shown and whether trying again helps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "reason", content = "detail")]
#[non_exhaustive]
pub enum ExtractError {
    /// A password or a key is needed.
    #[error("encrypted: {0}")]
    Encrypted(String),
    /// The bytes are not what the format demands.
    #[error("corrupt: {0}")]
    Corrupt(String),
    /// No reader for this format.
    #[error("not a format that is read: {0}")]
    Unsupported(String),
    /// Only pictures of text: OCR is needed and not installed, or it found nothing.
    #[error("needs OCR: {0}")]
    NeedsOcr(String),
    /// A limit was reached: size, pages, depth, ratio, members, memory.
    #[error("over a limit: {0}")]
    Limit(String),
    /// It took too long; the worker was stopped.
    #[error("took longer than {0:?}; stopped")]
    Time(Duration),
    /// The reader crashed, and its worker fell with it.
    #[error("the reader fell: {0}")]
    Crashed(String),
    /// Nothing in it: no byte or no text at all.
    #[error("empty: {0}")]
    Empty(String),
    /// The file could not be opened or read.
    #[error("not readable: {0}")]
    Unreadable(String),
}

impl ExtractError {
    /// The stable word for the reason, kept in the store and shown in lists.
    pub fn word(&self) -> &'static str {
        match self {
            ExtractError::Encrypted(_) => "encrypted",
            ExtractError::Corrupt(_) => "corrupt",
            ExtractError::Unsupported(_) => "unsupported",
            ExtractError::NeedsOcr(_) => "needs_ocr",
            ExtractError::Limit(_) => "limit",
            ExtractError::Time(_) => "time",
            ExtractError::Crashed(_) => "crashed",
            ExtractError::Empty(_) => "empty",
            ExtractError::Unreadable(_) => "unreadable",
        }
    }
}

/// What a reader may use for one file. Each limit has its reason beside its default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of the file itself. 256 MiB: larger files are recordings and disk images, not documents.
    pub file_bytes: u64,
    /// Bytes after decompression, over the whole file with everything inside it. 200 MiB: what still fits, with the
    /// reader's own structures, in the worker's memory limit.
    pub unpacked_bytes: u64,
    /// Decompressed bytes for each compressed byte, judged from 8 MiB of output on. 200: office files reach 30,
    /// bombs start at 1,000.
    pub ratio: u64,
    /// Files within files within files. 5: a mail in a mailbox in an archive with a zipped attachment.
    pub depth: u32,
    /// Members of a container, over the whole file. 20,000: a large mailbox or Slack export.
    pub members: u32,
    /// Pages, slides or sheets. 20,000: the longest legal compilations.
    pub pages: u32,
    /// Bytes of text taken from one document. 32 MiB: ten times the longest books.
    pub text_bytes: u64,
    /// Nesting of elements (XML, HTML, JSON, RTF groups). 256: deeper is an attack on the stack.
    pub nesting: u32,
    /// Pictures handed to OCR. 200 pages: OCR takes seconds a page.
    pub pictures: u32,
    /// Time for one file. 60 s: stops a reader that hangs.
    pub time: Duration,
    /// Memory of the worker that reads the file, in bytes. 512 MiB.
    pub memory_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            file_bytes: 256 << 20,
            unpacked_bytes: 200 << 20,
            ratio: 200,
            depth: 5,
            members: 20_000,
            pages: 20_000,
            text_bytes: 32 << 20,
            nesting: 256,
            pictures: 200,
            time: Duration::from_secs(60),
            memory_bytes: 512 << 20,
        }
    }
}

/// Whether a letter turns the direction of writing: in a name it shows another one (`report\u{202e}fdp.exe` is shown as
/// `reportexe.pdf`).
pub fn turns_direction(letter: char) -> bool {
    matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_of_a_block_stands_on_its_own_lines() {
        let check = |kind: BlockKind, text: &str, line_starts: &[u32], piece: &str, expected| {
            let place = Place { line: Some(7), line_starts: line_starts.to_vec(), ..Place::default() };
            let block = Block { kind, text: text.to_owned(), place };
            let start = text.find(piece).unwrap();
            let span = BlockLines::of(&block).unwrap().span(&(start..start + piece.len()));
            assert_eq!(span, expected, "{piece:?}");
        };
        // Written as `one two`, `three`, a line without text, `four`.
        let (wrapped, starts) = ("one two three four", [8, 14, 14]);
        check(BlockKind::Paragraph, wrapped, &starts, "two", (7, 7));
        check(BlockKind::Paragraph, wrapped, &starts, "two ", (7, 7));
        check(BlockKind::Paragraph, wrapped, &starts, "two three", (7, 8));
        check(BlockKind::Paragraph, wrapped, &starts, "three", (8, 8));
        check(BlockKind::Paragraph, wrapped, &starts, "four", (10, 10));
        check(BlockKind::Paragraph, wrapped, &starts, wrapped, (7, 10));
        check(BlockKind::Paragraph, "one", &[], "one", (7, 7));
        check(BlockKind::Code, "a\n\nb", &[], "a\n", (7, 7));
        check(BlockKind::Code, "a\n\nb", &[], "b", (9, 9));
    }
}
