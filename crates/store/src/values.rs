//! Which values go into the store and come out of it?

use std::collections::{BTreeMap, BTreeSet};

use intramuros_core::access::{AccessId, AccessRule};
use intramuros_core::document::{Block, ExtractError, Kind};
use intramuros_core::language::Language;
use intramuros_core::passage::Passage;
use serde::{Deserialize, Serialize};

/// Number of a source. Numbers are never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SourceId(pub i64);

/// Number of a file. Kept when the file is moved or read again, never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileId(pub i64);

/// Number of a document. Kept when its file is moved or read again, never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DocumentId(pub i64);

/// Number of a passage. A document that is read again with another text gets new passages; never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PassageId(pub i64);

/// Position in the order of changes; 0 is before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Sequence(pub i64);

/// The first 16 bytes of the BLAKE3 hash of a text that is embedded: vectors are found by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextHash(pub [u8; 16]);

impl TextHash {
    /// The hash of a text.
    pub fn of(text: &str) -> TextHash {
        let mut hash = [0; 16];
        blake3::Hasher::new().update(text.as_bytes()).finalize_xof().fill(&mut hash);
        TextHash(hash)
    }
}

/// A place that documents come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its number.
    pub id: SourceId,
    /// Its name in the configuration; unique.
    pub name: String,
    /// What kind of place: `folder`…
    pub kind: String,
    /// Where it is, as the raw bytes of the path.
    pub root: Vec<u8>,
}

/// Where a file stands in its source.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Location {
    /// The source.
    pub source: SourceId,
    /// The path below the source's root, as the raw bytes of the operating system (need not be valid UTF-8).
    pub path: Vec<u8>,
}

impl Location {
    /// The path as text; bytes that are not UTF-8 are shown as U+FFFD.
    pub fn path_text(&self) -> String {
        String::from_utf8_lossy(&self.path).into_owned()
    }
}

/// What `stat` says about a file. As long as it stays the same, the file is not read again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Bytes.
    pub size: u64,
    /// Last change, in nanoseconds since 1970.
    pub modified_ns: i64,
    /// Number of the file in its file system; 0 where there is none.
    pub inode: u64,
    /// Last change of content, rights or name, in nanoseconds since 1970: unlike the date, nobody sets it. 0 where there is
    /// none, and in what was kept before this was.
    pub changed_ns: i64,
}

/// What became of a file or a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileOutcome {
    /// It was read.
    Read,
    /// It was not, and why.
    Failed {
        /// The word of [`ExtractError::word`].
        reason: String,
        /// What was found, for a person.
        detail: String,
    },
}

impl From<&ExtractError> for FileOutcome {
    fn from(error: &ExtractError) -> FileOutcome {
        FileOutcome::Failed { reason: error.word().to_owned(), detail: error.to_string() }
    }
}

/// A file with everything that was read from it.
#[derive(Clone, Debug)]
pub struct NewFile {
    /// Where it stands. A file that is known there is replaced and keeps its number.
    pub location: Location,
    /// What `stat` said before and after it was read.
    pub stamp: Stamp,
    /// BLAKE3 of its bytes; all zero when they could not be read.
    pub content_hash: [u8; 32],
    /// Version of the readers; a file read by an older one is read again.
    pub reader_version: u32,
    /// Who may read its documents; a document may narrow it.
    pub access: AccessRule,
    /// Whether it was read.
    pub outcome: FileOutcome,
    /// What was left out and why.
    pub warnings: Vec<String>,
    /// Its documents: itself (empty part name) and those inside it.
    pub documents: Vec<NewDocument>,
}

/// A document with its passages.
#[derive(Clone, Debug)]
pub struct NewDocument {
    /// Name within the file: empty for the file itself; nested names are joined by `!/`.
    pub part: String,
    /// The only people who may read it, of those who may read the file: by their mail addresses. None where the file
    /// says nothing of it.
    pub readers: Option<BTreeSet<String>>,
    /// What kind of document; none when it was not read.
    pub kind: Option<Kind>,
    /// The title that it declares.
    pub title: Option<String>,
    /// What stands before the headings when its passages are embedded: the title, or a name that speaks. Kept when
    /// the file is renamed, so that nothing is embedded again.
    pub context_title: String,
    /// Whether the context title gets a vector of its own.
    pub embed_title: bool,
    /// Who wrote it.
    pub author: Option<String>,
    /// When it was written, in milliseconds since 1970.
    pub written_ms: Option<i64>,
    /// The language of most of it.
    pub language: Language,
    /// Pages, slides or sheets.
    pub pages: Option<u32>,
    /// Whether it was read (parts fail on their own).
    pub outcome: FileOutcome,
    /// Its text.
    pub blocks: Vec<Block>,
    /// Its passages.
    pub passages: Vec<Passage>,
}

/// One change to acknowledge.
#[derive(Clone, Debug)]
pub enum FileChange {
    /// A file was read, or could not be; replaces what was known at its location.
    Put(Box<NewFile>),
    /// A known file has the same content at another place: documents, passages and vectors stay.
    Move {
        /// Which file.
        file: FileId,
        /// Where it is now. What was known there is removed.
        to: Location,
        /// What `stat` says there.
        stamp: Stamp,
        /// Who may read it there.
        access: AccessRule,
    },
    /// A known file has the same content and another stamp.
    Touch {
        /// Which file.
        file: FileId,
        /// What `stat` says.
        stamp: Stamp,
    },
    /// A file is gone, with its documents.
    Remove {
        /// Which file.
        file: FileId,
    },
    /// Other people may read the file's documents.
    SetAccess {
        /// Which file.
        file: FileId,
        /// Who may.
        access: AccessRule,
    },
}

/// A file as the store knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownFile {
    /// Its number.
    pub id: FileId,
    /// Where it stands.
    pub location: Location,
    /// What `stat` said.
    pub stamp: Stamp,
    /// BLAKE3 of its bytes.
    pub content_hash: [u8; 32],
    /// Version of the readers that read it.
    pub reader_version: u32,
    /// Its access rule.
    pub access: AccessId,
    /// Whether it was read.
    pub outcome: FileOutcome,
}

/// A document without its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its number.
    pub id: DocumentId,
    /// Its file.
    pub file: FileId,
    /// Where the file stands.
    pub location: Location,
    /// Name within the file; empty for the file itself.
    pub part: String,
    /// What kind; none when it was not read.
    pub kind: Option<Kind>,
    /// The title that it declares.
    pub declared_title: Option<String>,
    /// What stands before its passages when they are embedded.
    pub context_title: String,
    /// Hash of the context title, when that has a vector of its own.
    pub title_hash: Option<TextHash>,
    /// Who wrote it.
    pub author: Option<String>,
    /// When it was written, in milliseconds since 1970.
    pub written_ms: Option<i64>,
    /// When its file was last changed, in milliseconds since 1970.
    pub modified_ms: i64,
    /// The language of most of it.
    pub language: Language,
    /// Its access rule.
    pub access: AccessId,
    /// Pages, slides or sheets.
    pub pages: Option<u32>,
    /// How many passages it has.
    pub passages: u32,
    /// Whether it was read.
    pub outcome: FileOutcome,
}

impl Document {
    /// The title to show: the declared one, or the last name of the part or the path.
    pub fn title(&self) -> String {
        if let Some(title) = &self.declared_title {
            return title.clone();
        }
        let path = self.location.path_text();
        let name = if self.part.is_empty() { path.as_str() } else { self.part.as_str() };
        name.rsplit('/').next().unwrap_or(name).to_owned()
    }

    /// The path to show, with the part's name after `!/`.
    pub fn path(&self) -> String {
        let path = self.location.path_text();
        if self.part.is_empty() { path } else { format!("{path}!/{}", self.part) }
    }
}

/// A passage as it stands in the store.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredPassage {
    /// Its number.
    pub id: PassageId,
    /// Its document.
    pub document: DocumentId,
    /// Hash of what is embedded for it.
    pub embed_hash: TextHash,
    /// What it says and where.
    pub passage: Passage,
}

/// Which vector belongs to a passage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassageKey {
    /// The passage.
    pub passage: PassageId,
    /// Its document.
    pub document: DocumentId,
    /// Its position in the document.
    pub ordinal: u32,
    /// Hash of what is embedded for it.
    pub embed_hash: TextHash,
}

/// A document changed at a point in the order of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The point.
    pub sequence: Sequence,
    /// The document. If it can't be read any more, it was deleted.
    pub document: DocumentId,
}

/// A file or part that was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The file.
    pub file: FileId,
    /// Where it stands.
    pub location: Location,
    /// Name of the part; empty for the file itself.
    pub part: String,
    /// The word of [`ExtractError::word`].
    pub reason: String,
    /// What was found.
    pub detail: String,
    /// Who may read the file.
    pub access: AccessId,
}

/// How much there is of one source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceCounts {
    /// Its name.
    pub name: String,
    /// Files known.
    pub files: u64,
    /// Documents that were read.
    pub documents: u64,
    /// Files and parts that were not read, by reason.
    pub failed: BTreeMap<String, u64>,
}

/// How much there is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Files known.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that were read.
    pub files_read: u64,
    /// Files and parts that were not, by reason.
    pub failed: BTreeMap<String, u64>,
    /// Documents that were read.
    pub documents: u64,
    /// Their passages.
    pub passages: u64,
}
