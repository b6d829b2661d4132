//! Where does a DOC file keep its text and its tables? The file information block (FIB).

use std::borrow::Cow;
use std::ops::Range;

use encoding_rs::{Encoding, MACINTOSH, WINDOWS_1252};
use intramuros_core::document::ExtractError;

use super::pieces;
use crate::office::bytes::{u16_at, u32_at};

/// The first number of documents of Word 97 and later, and of Word 6 and 95.
const MAGIC: u16 = 0xa5ec;
const OLD_MAGIC: u16 = 0xa5dc;

/// Where a document of Word 6 or 95 says on which computer its text was written, and the number of the Macintosh.
const COMPUTER_AT: usize = 0x14;
const COMPUTER_MACINTOSH: u16 = 0x100;

/// The first version of the format of Word 97.
const WORD_97: u16 = 0xc1;

const ENCRYPTED: u16 = 0x0100;
const TABLE_1: u16 = 0x0200;
const IN_PIECES: u16 = 0x0004;

/// Where the list of tables starts in the block: pairs of position and size.
const TABLES_AT: usize = 0x9a;

/// Tables of the list that are kept. Those that are read are among the first.
const TABLES: usize = 80;

/// Where the lengths of the stories start: body, footnotes, headers, macros, comments, endnotes, text boxes, those of
/// headers.
const LENGTHS_AT: usize = 0x4c;

/// Where a document of Word 6 or 95 says where the list of its pieces stands.
const OLD_PIECES_AT: usize = 0x160;

/// A table of the file, by its number in the list.
#[derive(Clone, Copy)]
pub enum Table {
    Styles = 1,
    FootnoteRefs = 2,
    FootnoteTexts = 3,
    CommentRefs = 4,
    CommentTexts = 5,
    Headers = 11,
    CharacterFormats = 12,
    ParagraphFormats = 13,
    Fonts = 15,
    Pieces = 33,
    EndnoteRefs = 46,
    EndnoteTexts = 47,
    Lists = 73,
    ListUses = 74,
}

/// The file information block.
pub struct Header {
    block: Vec<u8>,
    flags: u16,
    old: bool,
}

impl Header {
    /// Reads the block at the start of the main stream.
    ///
    /// # Errors
    /// Encrypted when it says so; Corrupt when it is none.
    pub fn read(main: &[u8]) -> Result<Header, ExtractError> {
        let corrupt = || ExtractError::Corrupt("no Word header".to_owned());
        let magic = u16_at(main, 0).ok_or_else(corrupt)?;
        let version = u16_at(main, 2).ok_or_else(corrupt)?;
        let flags = u16_at(main, 10).ok_or_else(corrupt)?;
        if magic != MAGIC && magic != OLD_MAGIC {
            return Err(corrupt());
        }
        if flags & ENCRYPTED != 0 {
            return Err(ExtractError::Encrypted("the document is protected by a password".to_owned()));
        }
        let old = magic == OLD_MAGIC || version < WORD_97;
        let end = main.len().min(TABLES_AT + 8 * TABLES);
        let block = main.get(..end).unwrap_or_default().to_vec();
        if !old && block.len() < TABLES_AT + 8 * (Table::EndnoteTexts as usize + 1) {
            return Err(ExtractError::Corrupt("the Word header is cut off".to_owned()));
        }
        Ok(Header { block, flags, old })
    }

    /// Whether the document is of Word 6 or 95.
    pub fn is_old(&self) -> bool {
        self.old
    }

    /// The stream that holds the tables.
    pub fn table_stream(&self) -> &'static str {
        if self.flags & TABLE_1 != 0 { "1Table" } else { "0Table" }
    }

    /// Where a table stands in that stream.
    pub fn table(&self, table: Table) -> Range<usize> {
        let at = TABLES_AT + 8 * table as usize;
        let field =
            |at| u32_at(&self.block, at).and_then(|value| usize::try_from(value).ok()).unwrap_or_default();
        let start = field(at);
        start..start.saturating_add(field(at + 4))
    }

    /// The stories in characters: body, footnotes, headers, comments, endnotes, text boxes, those of headers.
    pub fn stories(&self) -> [Range<usize>; 7] {
        let length = |index: usize| {
            let field =
                u32_at(&self.block, LENGTHS_AT + 4 * index).and_then(|value| i32::try_from(value).ok());
            field.and_then(|value| usize::try_from(value).ok()).unwrap_or_default()
        };
        let mut start: usize = 0;
        let stories: [Range<usize>; 8] = std::array::from_fn(|index| {
            let from = start;
            start = start.saturating_add(length(index));
            from..start
        });
        let [body, footnotes, headers, _, comments, endnotes, boxes, header_boxes] = stories;
        [body, footnotes, headers, comments, endnotes, boxes, header_boxes]
    }

    /// The encoding of the text of a document of Word 6 or 95.
    pub fn old_encoding(&self) -> &'static Encoding {
        match u16_at(&self.block, COMPUTER_AT) {
            Some(COMPUTER_MACINTOSH) => MACINTOSH,
            _ => WINDOWS_1252,
        }
    }

    /// The text of a document of Word 6 or 95; none when it does not stand where the file says.
    pub fn old_text<'m>(&self, main: &'m [u8]) -> Option<Cow<'m, [u8]>> {
        if self.flags & IN_PIECES != 0 {
            let start = usize::try_from(u32_at(main, OLD_PIECES_AT)?).ok()?;
            let length = usize::try_from(u32_at(main, OLD_PIECES_AT + 4)?).ok()?;
            return pieces::old_text(main, main.get(start..)?.get(..length)?).map(Cow::Owned);
        }
        let start = usize::try_from(u32_at(main, 0x18)?).ok()?;
        let length = usize::try_from(u32_at(main, 0x34)?).ok()?;
        main.get(start..)?.get(..length).map(Cow::Borrowed)
    }
}

/// The ranges between the positions of stories. They follow one another: one that goes back over what came before is
/// empty, so that no text is read again and again.
pub fn ranges(positions: &[usize]) -> impl Iterator<Item = Range<usize>> {
    let mut end = 0;
    positions.windows(2).map(move |pair| match pair {
        [from, to] if *from >= end && to >= from => {
            end = *to;
            *from..*to
        }
        _ => end..end,
    })
}

/// The positions of a table: numbers that rise, each but the last followed (further on) by `size` bytes of data.
pub fn positions(tables: &[u8], range: Range<usize>, size: usize) -> Vec<usize> {
    let Some(table) = tables.get(range) else { return Vec::new() };
    let count = table.len().saturating_sub(4) / (4 + size);
    let read = |index: usize| u32_at(table, 4 * index).and_then(|value| usize::try_from(value).ok());
    (0..=count).map_while(read).collect()
}
