//! Which passages hold this word, and how often?
//!
//! The committed words at one moment, and the tables by which their postings are read. It answers only about postings;
//! `lexical` weighs them.

use std::sync::Arc;

use intramuros_core::error::Error;
use levenshtein_automata::{DFA, Distance, LevenshteinAutomatonBuilder, SINK_STATE};
use tantivy::postings::{Postings, SegmentPostings};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocSet, SegmentReader, TERMINATED, Term};

use crate::catalogue::{Slot, SlotSet};
use crate::frequencies::Frequencies;
use crate::words::{Fields, In, Lengths, NO_SLOT, Table, failed};

/// A part of the index with what is known of its passages; `base` is the number of its first one.
pub(crate) struct Segment {
    pub reader: SegmentReader,
    pub table: Arc<Table>,
    pub base: u32,
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
    pub(crate) segments: Vec<Segment>,
    passages: usize,
    fields: Fields,
    documents: Vec<DocumentLengths>,
    frequencies: Frequencies,
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
    pub(crate) fn new(segments: Vec<Segment>, passages: usize, fields: Fields, slots: usize) -> Snapshot {
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
        Snapshot { segments, passages, fields, documents, frequencies: Frequencies::default() }
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

    /// In the texts of how many passages of visible documents each stem occurs.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn frequencies(&self, visible: &SlotSet, stems: &[&str]) -> Result<Vec<u32>, Error> {
        self.frequencies.of(visible, stems, |stem| {
            let mut count = 0;
            self.postings(In::Body, stem, |posting| count += u32::from(visible.contains(posting.slot)))?;
            Ok(count)
        })
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
