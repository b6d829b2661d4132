//! How do the words of passages get into the index on disk (tantivy), and how is what is committed opened?

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use intramuros_core::error::Error;
use intramuros_core::language::Language;
use tantivy::directory::MmapDirectory;
use tantivy::directory::error::LockError;
use tantivy::schema::{FAST, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::{
    Index, IndexReader, IndexSettings, IndexWriter, ReloadPolicy, SegmentReader, TantivyDocument,
    TantivyError, Term,
};

use crate::analysis::{Word, stem, words};
use crate::catalogue::{Catalogue, Slot};
use crate::compounds::is_compound;
use crate::identifiers::is_identifier;
use crate::prepared::{self, Prepared};
use crate::snapshot::{Segment, Snapshot};

/// Memory for words waiting to be written. Larger gives fewer segments; 50 MB holds some 100,000 passages.
const WRITER_BYTES: usize = 50 << 20;

/// Changes with the fields or the analysis: an index of another format is built anew from the store.
const FORMAT: u32 = 5;

/// Where a word can stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum In {
    /// Stems of the passage's text.
    Body,
    /// Stems of the headings above the passage and of the document's title.
    Head,
    /// Stems of the document's title; on its first passage alone.
    Title,
    /// Exact forms of the passage's text.
    Exact,
    /// Exact forms of the title; on the first passage alone.
    TitleExact,
}

const PLACES: [(In, &str); 5] = [
    (In::Body, "body"),
    (In::Head, "head"),
    (In::Title, "title"),
    (In::Exact, "exact"),
    (In::TitleExact, "title_exact"),
];

#[derive(Clone)]
pub(crate) struct Fields {
    document: Field,
    passage: Field,
    lengths: Field,
    body: Field,
    head: Field,
    title: Field,
    exact: Field,
    title_exact: Field,
}

impl Fields {
    pub(crate) fn of(&self, place: In) -> Field {
        match place {
            In::Body => self.body,
            In::Head => self.head,
            In::Title => self.title,
            In::Exact => self.exact,
            In::TitleExact => self.title_exact,
        }
    }
}

fn schema() -> (Schema, Fields) {
    let mut builder = Schema::builder();
    let document = builder.add_u64_field("document", INDEXED | FAST);
    let passage = builder.add_u64_field("passage", FAST);
    let lengths = builder.add_u64_field("lengths", FAST);
    let text = |record| {
        // Lengths are kept exactly in `lengths`; tantivy's own rounded ones are not needed.
        let indexing = TextFieldIndexing::default()
            .set_fieldnorms(false)
            .set_tokenizer(prepared::NAME)
            .set_index_option(record);
        TextOptions::default().set_indexing_options(indexing)
    };
    let mut fields = HashMap::new();
    for (place, name) in PLACES {
        let record = match place {
            In::Body | In::Exact => IndexRecordOption::WithFreqsAndPositions,
            In::Head | In::Title | In::TitleExact => IndexRecordOption::WithFreqs,
        };
        fields.insert(place, builder.add_text_field(name, text(record)));
    }
    let of = |place| fields.get(&place).copied().unwrap_or(document);
    let fields = Fields {
        document,
        passage,
        lengths,
        body: of(In::Body),
        head: of(In::Head),
        title: of(In::Title),
        exact: of(In::Exact),
        title_exact: of(In::TitleExact),
    };
    (builder.build(), fields)
}

/// A passage as it goes into the word index.
pub struct PassageWords<'a> {
    /// The store's number of the passage.
    pub passage: u64,
    /// The store's number of its document.
    pub document: u64,
    /// The document's title.
    pub title: &'a str,
    /// Whether this is the document's first passage: the title counts once.
    pub first: bool,
    /// The headings above it and its table's column names, joined by line breaks.
    pub headings: &'a str,
    /// Its text.
    pub text: &'a str,
    /// Its language.
    pub language: Language,
}

/// Lengths of a passage in stems.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lengths {
    /// Of the text.
    pub body: u16,
    /// Of title and headings.
    pub head: u16,
    /// Of the title; 0 but on the first passage.
    pub title: u16,
}

impl Lengths {
    fn pack(self) -> u64 {
        u64::from(self.body) | u64::from(self.head) << 16 | u64::from(self.title) << 32
    }

    fn unpack(packed: u64) -> Lengths {
        let part = |shift: u32| (packed >> shift & 0xFFFF) as u16;
        Lengths { body: part(0), head: part(16), title: part(32) }
    }
}

/// The word index on disk.
pub struct WordIndex {
    folder: PathBuf,
    index: Index,
    fields: Fields,
    reader: IndexReader,
    writer: Option<IndexWriter>,
}

pub(crate) fn failed(what: &str, error: impl std::fmt::Display) -> Error {
    Error::data(format!("the word index can't be {what}"))
        .because(error.to_string())
        .hint("it is derived from the store: delete the folder `index` in the data folder and start again")
}

/// Why what is committed can't be read. Whoever reads takes a lock in the index's folder: without it nothing is damaged.
fn not_read(folder: &Path, error: &TantivyError) -> Error {
    let TantivyError::LockFailure(LockError::IoError(cause), _) = error else {
        return failed("read", error);
    };
    let folder = folder.display();
    let message = match cause.kind() {
        std::io::ErrorKind::ReadOnlyFilesystem => {
            format!("{folder} lies on a disk that is mounted read-only: its lock can't be taken to read it")
        }
        _ => format!("the lock of {folder} can't be taken to read it"),
    };
    Error::config(message)
        .hint("whoever searches takes a lock in the data folder, and must be allowed to write there")
        .hint("mount the disk so that it can be written, or search in a copy of the data folder elsewhere")
        .because(cause.to_string())
}

impl WordIndex {
    /// Opens the index in a folder, making it where there is none. An index of another format, or a damaged one, is
    /// thrown away when `write` is set: it is derived.
    ///
    /// # Errors
    /// When the folder can't be used, or the index can't be read and `write` is not set.
    pub fn open(folder: &Path, write: bool) -> Result<WordIndex, Error> {
        match WordIndex::open_existing(folder, write) {
            Err(_) if write => match std::fs::remove_dir_all(folder) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed("remade", error)),
                _ => WordIndex::open_existing(folder, write),
            },
            outcome => outcome,
        }
    }

    fn open_existing(folder: &Path, write: bool) -> Result<WordIndex, Error> {
        let (schema, fields) = schema();
        if write {
            std::fs::create_dir_all(folder).map_err(|error| failed("made", error))?;
        }
        let directory = MmapDirectory::open(folder).map_err(|error| failed("opened", error))?;
        let index = if write {
            Index::builder()
                .schema(schema.clone())
                .settings(IndexSettings::default())
                .open_or_create(directory)
        } else {
            Index::open(directory)
        }
        .map_err(|error| failed("opened", error))?;
        index.tokenizers().register(prepared::NAME, prepared::Cut::default());
        if index.schema() != schema {
            return Err(failed("used", "its fields are of another version"));
        }
        let payload = index.load_metas().map_err(|error| failed("read", error))?.payload;
        if payload.as_deref().is_some_and(|payload| parse_payload(payload).is_none()) {
            return Err(failed("used", "its format is of another version"));
        }
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()
            .map_err(|error: TantivyError| not_read(folder, &error))?;
        let writer = if write {
            let writer =
                index.writer_with_num_threads(1, WRITER_BYTES).map_err(|error| failed("written", error))?;
            // A kill can leave files that nothing names; that they stay for now is no fault.
            let _ = writer.garbage_collect_files().wait();
            Some(writer)
        } else {
            None
        };
        Ok(WordIndex { folder: folder.to_owned(), index, fields, reader, writer })
    }

    /// The sequence number of the last change that was committed; 0 for an empty index.
    pub fn applied(&self) -> u64 {
        self.index.load_metas().ok().and_then(|metas| parse_payload(metas.payload.as_deref()?)).unwrap_or(0)
    }

    fn writer(&mut self) -> Result<&mut IndexWriter, Error> {
        self.writer.as_mut().ok_or_else(|| Error::internal("the word index was opened for reading only"))
    }

    /// Takes out all passages of a document.
    ///
    /// # Errors
    /// When the index can't be written.
    pub fn remove(&mut self, document: u64) -> Result<(), Error> {
        let term = Term::from_field_u64(self.fields.document, document);
        self.writer()?.delete_term(term);
        Ok(())
    }

    /// Adds a passage.
    ///
    /// # Errors
    /// When the index can't be written.
    pub fn add(&mut self, passage: &PassageWords<'_>) -> Result<(), Error> {
        let fields = self.fields.clone();
        let mut document = TantivyDocument::default();
        document.add_u64(fields.document, passage.document);
        document.add_u64(fields.passage, passage.passage);
        let text = words(passage.text);
        let title = words(passage.title);
        let headings = words(passage.headings);
        let language = passage.language;
        let body = stems(passage.text, &text, language);
        let mut head = stems(passage.headings, &headings, language);
        let title_stems = stems(passage.title, &title, language);
        head.append(&title_stems);
        let mut lengths = Lengths { body: body.count(), head: head.count(), title: 0 };
        if passage.first {
            lengths.title = title_stems.count();
            document.add_text(fields.title, title_stems.text());
            document.add_text(fields.title_exact, exact(&title).text());
        }
        document.add_text(fields.body, body.text());
        document.add_text(fields.head, head.text());
        document.add_text(fields.exact, exact(&text).text());
        document.add_u64(fields.lengths, lengths.pack());
        self.writer()?.add_document(document).map_err(|error| failed("written", error))?;
        Ok(())
    }

    /// Makes everything since the last commit durable and visible to later snapshots.
    ///
    /// # Errors
    /// When the index can't be written.
    pub fn commit(&mut self, sequence: u64) -> Result<(), Error> {
        let writer = self.writer()?;
        let mut commit = writer.prepare_commit().map_err(|error| failed("written", error))?;
        commit.set_payload(&format!("{FORMAT} {sequence}"));
        commit.commit().map_err(|error| failed("written", error))?;
        Ok(())
    }

    /// What is committed, ready to be read. Tables of segments that `before` holds already are taken over.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn snapshot(&self, catalogue: &Catalogue, before: Option<&Snapshot>) -> Result<Snapshot, Error> {
        self.reader.reload().map_err(|error| not_read(&self.folder, &error))?;
        let searcher = self.reader.searcher();
        let mut segments = Vec::new();
        let mut base = 0;
        for reader in searcher.segment_readers() {
            let known = before.and_then(|before| {
                before.segments.iter().find(|segment| segment.reader.segment_id() == reader.segment_id())
            });
            let table = match known {
                Some(segment) => Arc::clone(&segment.table),
                None => Arc::new(segment_table(reader, catalogue).map_err(|error| failed("read", error))?),
            };
            segments.push(Segment { reader: reader.clone(), table, base });
            base += reader.max_doc();
        }
        Ok(Snapshot::new(segments, base as usize, self.fields.clone(), catalogue.slots()))
    }
}

fn parse_payload(payload: &str) -> Option<u64> {
    let (format, sequence) = payload.split_once(' ')?;
    (format.parse() == Ok(FORMAT)).then(|| sequence.parse().ok())?
}

fn stems(text: &str, words: &[Word], language: Language) -> Prepared {
    let mut stems = Prepared::default();
    let mut before: Option<Arc<str>> = None;
    for word in words {
        let piece = text.get(word.range.clone()).unwrap_or_default();
        let Some(stem) = stem(piece, &word.exact, language) else { continue };
        if word.whole && is_identifier(&word.exact) {
            // It makes no text longer than its parts do.
            stems.push_beside(word.position, &stem);
        } else if !is_compound(word) {
            stems.push(word.position, &stem);
        } else if before.as_ref() != Some(&stem) {
            // Behind its last part it goes back to the place of the first. The index takes the places of a stem in their
            // order alone, so it may not be that part's stem as well.
            stems.push_beside(word.position, &stem);
        }
        before = Some(stem);
    }
    stems
}

fn exact(words: &[Word]) -> Prepared {
    let mut exact = Prepared::default();
    words.iter().for_each(|word| exact.push(word.position, &word.exact));
    exact
}

/// No document: the passage belongs to one that is gone.
pub const NO_SLOT: Slot = Slot::MAX;

/// What is known of the passages of a segment, by row.
pub(crate) struct Table {
    pub slots: Vec<Slot>,
    pub passages: Vec<u64>,
    pub lengths: Vec<Lengths>,
}

fn segment_table(reader: &SegmentReader, catalogue: &Catalogue) -> tantivy::Result<Table> {
    let fast = reader.fast_fields();
    let (documents, passages, lengths) = (fast.u64("document")?, fast.u64("passage")?, fast.u64("lengths")?);
    let count = reader.max_doc();
    let mut table = Table {
        slots: Vec::with_capacity(count as usize),
        passages: Vec::with_capacity(count as usize),
        lengths: Vec::with_capacity(count as usize),
    };
    for row in 0..count {
        let slot = documents.first(row).and_then(|document| catalogue.slot(document));
        table.slots.push(slot.unwrap_or(NO_SLOT));
        table.passages.push(passages.first(row).unwrap_or_default());
        table.lengths.push(Lengths::unpack(lengths.first(row).unwrap_or_default()));
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use intramuros_core::error::ErrorKind;

    use super::*;

    #[test]
    fn a_lock_that_can_not_be_taken_is_no_damage() {
        let folder = tempfile::tempdir().unwrap();
        drop(WordIndex::open(folder.path(), true).unwrap());
        let lock = folder.path().join(&tantivy::directory::META_LOCK.filepath);
        let _ = std::fs::remove_file(&lock);
        std::fs::create_dir(&lock).unwrap();
        let Err(error) = WordIndex::open(folder.path(), false) else { panic!("opened without a lock") };
        assert_eq!(error.kind, ErrorKind::Config, "{error}");
        let read_only = std::io::Error::from(std::io::ErrorKind::ReadOnlyFilesystem);
        let error = not_read(folder.path(), &TantivyError::from(LockError::wrap_io_error(read_only)));
        assert_eq!(error.kind, ErrorKind::Config);
        let said = error.to_string();
        assert!(said.contains(&*folder.path().to_string_lossy()) && said.contains("read-only"), "{said}");
        assert!(!error.hints.iter().any(|hint| hint.contains("delete")), "{:?}", error.hints);
    }

    #[test]
    fn an_index_of_another_analysis_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let mut words = WordIndex::open(folder.path(), true).unwrap();
        words.commit(7).unwrap();
        assert_eq!(words.applied(), 7);
        let mut commit = words.writer().unwrap().prepare_commit().unwrap();
        commit.set_payload(&format!("{} 8", FORMAT - 1));
        commit.commit().unwrap();
        drop(words);
        assert!(WordIndex::open(folder.path(), false).is_err());
        assert_eq!(WordIndex::open(folder.path(), true).unwrap().applied(), 0);
    }
}
