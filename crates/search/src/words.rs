//! Which passages hold this word, and how often?
//!
//! The word index on disk (tantivy) and the tables by which its postings are read. It answers only about postings;
//! `lexical` weighs them.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use intramuros_core::error::Error;
use intramuros_core::language::Language;
use levenshtein_automata::{DFA, Distance, LevenshteinAutomatonBuilder, SINK_STATE};
use tantivy::directory::MmapDirectory;
use tantivy::postings::{Postings, SegmentPostings};
use tantivy::schema::{FAST, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{PreTokenizedString, Token};
use tantivy::{
    DocSet, Index, IndexReader, IndexSettings, IndexWriter, ReloadPolicy, SegmentReader, TERMINATED,
    TantivyDocument, Term,
};

use crate::analysis::{Analyser, Word, words};
use crate::catalogue::{Catalogue, Slot};

/// Memory for words waiting to be written. Larger gives fewer segments; 50 MB holds some 100,000 passages.
const WRITER_BYTES: usize = 50 << 20;

/// Changes with the fields or the analysis: an index of another format is built anew from the store.
const FORMAT: u32 = 1;

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
struct Fields {
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
    fn of(&self, place: In) -> Field {
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
        let indexing =
            TextFieldIndexing::default().set_fieldnorms(false).set_tokenizer("raw").set_index_option(record);
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
    index: Index,
    fields: Fields,
    reader: IndexReader,
    writer: Option<IndexWriter>,
    analyser: Analyser,
}

fn failed(what: &str, error: impl std::fmt::Display) -> Error {
    Error::data(format!("the word index can't be {what}"))
        .because(error.to_string())
        .hint("it is derived from the store: delete the folder `words` in the data folder and start again")
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
            .map_err(|error| failed("read", error))?;
        let writer = if write {
            let writer =
                index.writer_with_num_threads(1, WRITER_BYTES).map_err(|error| failed("written", error))?;
            // A kill can leave files that nothing names; that they stay for now is no fault.
            let _ = writer.garbage_collect_files().wait();
            Some(writer)
        } else {
            None
        };
        Ok(WordIndex { index, fields, reader, writer, analyser: Analyser::default() })
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
        let body = self.stems(passage.text, &text, passage.language);
        let title_stems = self.stems(passage.title, &title, passage.language);
        let mut head = self.stems(passage.headings, &headings, passage.language);
        let mut lengths =
            Lengths { body: length(&body), head: length(&head) + length(&title_stems), title: 0 };
        head.extend(title_stems.iter().cloned());
        if passage.first {
            lengths.title = length(&title_stems);
            document.add_pre_tokenized_text(fields.title, pre(title_stems));
            document.add_pre_tokenized_text(fields.title_exact, pre(exact(&title)));
        }
        document.add_pre_tokenized_text(fields.body, pre(body));
        document.add_pre_tokenized_text(fields.head, pre(head));
        document.add_pre_tokenized_text(fields.exact, pre(exact(&text)));
        document.add_u64(fields.lengths, lengths.pack());
        self.writer()?.add_document(document).map_err(|error| failed("written", error))?;
        Ok(())
    }

    fn stems(&mut self, text: &str, words: &[Word], language: Language) -> Vec<(u32, Box<str>)> {
        words
            .iter()
            .filter_map(|word| {
                let piece = text.get(word.range.clone())?;
                self.analyser.stem(piece, &word.exact, language).map(|stem| (word.position, stem))
            })
            .collect()
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
        self.reader.reload().map_err(|error| failed("read", error))?;
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

fn length(stems: &[(u32, Box<str>)]) -> u16 {
    stems.len().min(u16::MAX as usize / 2) as u16
}

fn exact(words: &[Word]) -> Vec<(u32, Box<str>)> {
    words.iter().map(|word| (word.position, word.exact.as_str().into())).collect()
}

fn pre(tokens: Vec<(u32, Box<str>)>) -> PreTokenizedString {
    let token = |(position, text): (u32, Box<str>)| Token {
        offset_from: 0,
        offset_to: 0,
        position: position as usize,
        text: text.into(),
        position_length: 1,
    };
    PreTokenizedString { text: String::new(), tokens: tokens.into_iter().map(token).collect() }
}

/// No document: the passage belongs to one that is gone.
pub const NO_SLOT: Slot = Slot::MAX;

struct Table {
    slots: Vec<Slot>,
    passages: Vec<u64>,
    lengths: Vec<Lengths>,
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

struct Segment {
    reader: SegmentReader,
    table: Arc<Table>,
    base: u32,
}

/// Sums over the passages of a document, in stems.
#[derive(Clone, Copy, Debug, Default)]
pub struct DocumentLengths {
    /// Length of its text.
    pub body: u32,
    /// Length of its title.
    pub title: u32,
    /// Length of title and headings, over all passages.
    pub heads: u32,
    /// How many passages it has.
    pub passages: u32,
}

/// The word index at one moment. Passages are numbered from 0 without regard to documents.
pub struct Snapshot {
    segments: Vec<Segment>,
    passages: usize,
    fields: Fields,
    documents: Vec<DocumentLengths>,
}

/// One occurrence list entry.
#[derive(Clone, Copy, Debug)]
pub struct Posting {
    /// The passage's number in the snapshot.
    pub passage: u32,
    /// Its document.
    pub slot: Slot,
    /// How often the word stands there.
    pub count: u32,
}

impl Snapshot {
    fn new(segments: Vec<Segment>, passages: usize, fields: Fields, slots: usize) -> Snapshot {
        let mut documents = vec![DocumentLengths::default(); slots];
        for segment in &segments {
            for row in segment.reader.doc_ids_alive() {
                let slot = segment.table.slots.get(row as usize).copied().unwrap_or(NO_SLOT);
                let lengths = segment.table.lengths.get(row as usize).copied().unwrap_or_default();
                if let Some(document) = documents.get_mut(slot as usize) {
                    document.body += u32::from(lengths.body);
                    document.title += u32::from(lengths.title);
                    document.heads += u32::from(lengths.head);
                    document.passages += 1;
                }
            }
        }
        Snapshot { segments, passages, fields, documents }
    }

    /// How many passages are numbered, with those that are gone.
    pub fn passages(&self) -> usize {
        self.passages
    }

    /// Lengths by slot.
    pub fn documents(&self) -> &[DocumentLengths] {
        &self.documents
    }

    fn locate(&self, passage: u32) -> Option<(&Segment, usize)> {
        let index = self.segments.partition_point(|segment| segment.base <= passage).checked_sub(1)?;
        let segment = self.segments.get(index)?;
        Some((segment, (passage - segment.base) as usize))
    }

    /// The store's number of a passage.
    pub fn passage_id(&self, passage: u32) -> Option<u64> {
        let (segment, row) = self.locate(passage)?;
        segment.table.passages.get(row).copied()
    }

    /// The lengths of a passage.
    pub fn lengths(&self, passage: u32) -> Lengths {
        self.locate(passage)
            .and_then(|(segment, row)| segment.table.lengths.get(row).copied())
            .unwrap_or_default()
    }

    /// Numbers of the passages that are there, as the store counts them; for checks.
    pub fn passage_ids(&self) -> Vec<u64> {
        let mut ids = Vec::new();
        for segment in &self.segments {
            ids.extend(
                segment
                    .reader
                    .doc_ids_alive()
                    .filter_map(|row| segment.table.passages.get(row as usize).copied()),
            );
        }
        ids.sort_unstable();
        ids
    }

    /// Calls `visit` for every passage that holds `word`.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn postings(&self, place: In, word: &str, mut visit: impl FnMut(Posting)) -> Result<(), Error> {
        self.find_posting(place, word, |posting| {
            visit(posting);
            false
        })
        .map(|_| ())
    }

    /// Whether `wanted` holds for a passage that holds `word`; reads no further than the first such passage.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn find_posting(
        &self,
        place: In,
        word: &str,
        mut wanted: impl FnMut(Posting) -> bool,
    ) -> Result<bool, Error> {
        let field = self.fields.of(place);
        let term = Term::from_field_text(field, word);
        for segment in &self.segments {
            let inverted = segment.reader.inverted_index(field).map_err(|error| failed("read", error))?;
            let postings = inverted
                .read_postings(&term, IndexRecordOption::WithFreqs)
                .map_err(|error| failed("read", error))?;
            let Some(mut postings) = postings else { continue };
            let alive = segment.reader.alive_bitset();
            let mut row = postings.doc();
            while row != TERMINATED {
                if alive.is_none_or(|alive| alive.is_alive(row)) {
                    let slot = segment.table.slots.get(row as usize).copied().unwrap_or(NO_SLOT);
                    let count = postings.term_freq();
                    if wanted(Posting { passage: segment.base + row, slot, count }) {
                        return Ok(true);
                    }
                }
                row = postings.advance();
            }
        }
        Ok(false)
    }

    /// Calls `visit` for every passage that holds the words one after another, with how often. `place` must be one
    /// with positions: [`In::Body`] or [`In::Exact`]. `gap` is how many words may lie between two.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn phrase(
        &self,
        place: In,
        words: &[&str],
        gap: u32,
        mut visit: impl FnMut(Posting),
    ) -> Result<(), Error> {
        let field = self.fields.of(place);
        for segment in &self.segments {
            let inverted = segment.reader.inverted_index(field).map_err(|error| failed("read", error))?;
            let mut lists: Vec<SegmentPostings> = Vec::with_capacity(words.len());
            for word in words {
                let term = Term::from_field_text(field, word);
                match inverted.read_postings(&term, IndexRecordOption::WithFreqsAndPositions) {
                    Ok(Some(postings)) => lists.push(postings),
                    Ok(None) => break,
                    Err(error) => return Err(failed("read", error)),
                }
            }
            if lists.len() < words.len() {
                continue;
            }
            let alive = segment.reader.alive_bitset();
            phrase_rows(&mut lists, gap, |row, count| {
                if alive.is_none_or(|alive| alive.is_alive(row)) {
                    let slot = segment.table.slots.get(row as usize).copied().unwrap_or(NO_SLOT);
                    visit(Posting { passage: segment.base + row, slot, count });
                }
            });
        }
        Ok(())
    }

    /// Words of the exact forms within one typing error of `word`, or beginning with it; at most `limit`, by
    /// dictionary order. Whether they stand in visible documents is for the caller to find out.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn similar(&self, word: &str, how: Similar, limit: usize) -> Result<Vec<String>, Error> {
        let mut found = std::collections::BTreeSet::new();
        let automaton = match how {
            Similar::OneTypo => Some(Automaton(LevenshteinAutomatonBuilder::new(1, true).build_dfa(word))),
            Similar::Beginning => None,
        };
        for place in [In::Exact, In::TitleExact] {
            for segment in &self.segments {
                let inverted = segment
                    .reader
                    .inverted_index(self.fields.of(place))
                    .map_err(|error| failed("read", error))?;
                let mut keep = |key: &[u8]| {
                    if let Ok(key) = std::str::from_utf8(key) {
                        found.insert(key.to_owned());
                    }
                    found.len() < limit
                };
                match &automaton {
                    Some(automaton) => {
                        let mut stream = inverted
                            .terms()
                            .search(automaton)
                            .into_stream()
                            .map_err(|error| failed("read", error))?;
                        while stream.advance() && keep(stream.key()) {}
                    }
                    None => {
                        let range = inverted.terms().range().ge(word.as_bytes());
                        let mut stream = range.into_stream().map_err(|error| failed("read", error))?;
                        while stream.advance()
                            && stream.key().starts_with(word.as_bytes())
                            && keep(stream.key())
                        {}
                    }
                }
            }
        }
        Ok(found.into_iter().collect())
    }
}

/// How [`Snapshot::similar`] compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Similar {
    /// One letter more, less, other, or two exchanged.
    OneTypo,
    /// The word is the beginning.
    Beginning,
}

/// Calls `visit` for each row that all lists share where the positions follow one another.
fn phrase_rows(lists: &mut [SegmentPostings], gap: u32, mut visit: impl FnMut(u32, u32)) {
    let mut row = lists.first().map_or(TERMINATED, DocSet::doc);
    let (mut ends, mut next, mut merged) = (Vec::new(), Vec::new(), Vec::new());
    'rows: while row != TERMINATED {
        for list in lists.iter_mut() {
            let at = if list.doc() < row { list.seek(row) } else { list.doc() };
            if at != row {
                row = at;
                continue 'rows;
            }
        }
        ends.clear();
        for (index, list) in lists.iter_mut().enumerate() {
            if index == 0 {
                list.positions(&mut ends);
                continue;
            }
            list.positions(&mut next);
            merged.clear();
            merged.extend(next.iter().copied().filter(|position| follows(&ends, *position, gap)));
            std::mem::swap(&mut ends, &mut merged);
        }
        if !ends.is_empty() {
            visit(row, ends.len() as u32);
        }
        row = match lists.first_mut() {
            Some(list) => list.advance(),
            None => TERMINATED,
        };
    }
}

/// Whether a position comes right after one of `ends`, with at most `gap` words between.
fn follows(ends: &[u32], position: u32, gap: u32) -> bool {
    let index = ends.partition_point(|end| *end < position);
    index.checked_sub(1).and_then(|index| ends.get(index)).is_some_and(|end| position - end <= gap + 1)
}

/// The typing-error automaton in the form that the term dictionary takes.
struct Automaton(DFA);

impl tantivy_fst::Automaton for &Automaton {
    type State = u32;

    fn start(&self) -> u32 {
        self.0.initial_state()
    }

    fn is_match(&self, state: &u32) -> bool {
        matches!(self.0.distance(*state), Distance::Exact(_))
    }

    fn can_match(&self, state: &u32) -> bool {
        *state != SINK_STATE
    }

    fn accept(&self, state: &u32, byte: u8) -> u32 {
        self.0.transition(*state, byte)
    }
}
