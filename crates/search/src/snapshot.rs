//! Which passages hold this word, and how often?
//!
//! The committed words at one moment, and the tables by which their postings are read. It answers only about postings;
//! `lexical` weighs them.

use std::sync::Arc;
use std::time::Instant;

use intramuros_core::error::Error;
use levenshtein_automata::{DFA, Distance, LevenshteinAutomatonBuilder, SINK_STATE};
use tantivy::postings::{Postings, SegmentPostings};
use tantivy::schema::IndexRecordOption;
use tantivy::termdict::TermStreamer;
use tantivy::{DocSet, InvertedIndexReader, SegmentReader, TERMINATED, Term};

use crate::catalogue::{Slot, SlotSet};
use crate::frequencies::Frequencies;
use crate::words::{Fields, In, Lengths, NO_SLOT, Table, failed};

/// A part of the index with what is known of its passages; `base` is the number of its first one.
pub(crate) struct Segment {
    pub reader: SegmentReader,
    pub table: Arc<Table>,
    pub base: u32,
}

impl Segment {
    /// The document of a row, where it is visible.
    fn visible_slot(&self, row: u32, visible: &SlotSet) -> Option<Slot> {
        let alive = self.reader.alive_bitset().is_none_or(|alive| alive.is_alive(row));
        let slot = self.table.slots.get(row as usize).copied();
        slot.filter(|slot| alive && visible.contains(*slot))
    }
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

    /// The document of a passage, and its lengths.
    pub fn row(&self, passage: u32) -> (Slot, Lengths) {
        let Some((segment, row)) = self.locate(passage) else { return (NO_SLOT, Lengths::default()) };
        let slot = segment.table.slots.get(row).copied().unwrap_or(NO_SLOT);
        (slot, segment.table.lengths.get(row).copied().unwrap_or_default())
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
            let blocks = inverted
                .read_block_postings(&term, IndexRecordOption::WithFreqs)
                .map_err(|error| failed("read", error))?;
            let Some(mut blocks) = blocks else { continue };
            let alive = segment.reader.alive_bitset();
            // By blocks: asked for one by one, entries take half as long again.
            while !blocks.docs().is_empty() {
                for (row, count) in blocks.docs().iter().zip(blocks.freqs()) {
                    if alive.is_none_or(|alive| alive.is_alive(*row)) {
                        let slot = segment.table.slots.get(*row as usize).copied().unwrap_or(NO_SLOT);
                        if wanted(Posting { passage: segment.base + row, slot, count: *count }) {
                            return Ok(true);
                        }
                    }
                }
                blocks.advance();
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

    /// Calls `visit` for every visible passage that holds the words one after another, with how often. With each word
    /// stands how many places it takes: 1 but for a day, of which the next word lies three away. `place` must be one with
    /// positions: [`In::Body`] or [`In::Exact`]. `gap` is how many words may lie between two. Of a hidden passage nothing
    /// is read but that it holds the first word.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn phrase(
        &self,
        place: In,
        words: &[(&str, u32)],
        gap: u32,
        visible: &SlotSet,
        mut visit: impl FnMut(Posting),
    ) -> Result<(), Error> {
        let field = self.fields.of(place);
        for segment in &self.segments {
            let inverted = segment.reader.inverted_index(field).map_err(|error| failed("read", error))?;
            let mut lists: Vec<SegmentPostings> = Vec::with_capacity(words.len());
            for (word, _) in words {
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
            let slot_of = |row| segment.visible_slot(row, visible);
            let widths = words.iter().map(|(_, width)| *width);
            phrase_rows(&mut lists, widths, gap, slot_of, |row, slot, count| {
                visit(Posting { passage: segment.base + row, slot, count });
            });
        }
        Ok(())
    }

    /// The first `limit` words by dictionary order that visible documents hold in this exact form, and that are within
    /// one typing error of `word`, or begin with it. What is hidden takes no place among them, it takes time alone. None
    /// when that was over at `until`: how far it came tells of what is hidden, so nothing of it is given.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn similar(
        &self,
        word: &str,
        how: Similar,
        visible: &SlotSet,
        limit: usize,
        until: Instant,
    ) -> Result<Option<Vec<String>>, Error> {
        let pattern = Pattern::new(word, how);
        let mut opened = Vec::new();
        for place in [In::Exact, In::TitleExact] {
            for segment in &self.segments {
                let inverted = segment.reader.inverted_index(self.fields.of(place));
                opened.push((segment, inverted.map_err(|error| failed("read", error))?));
            }
        }
        let mut dictionaries: Vec<Dictionary<'_>> = Vec::new();
        for (segment, inverted) in &opened {
            dictionaries.extend(Dictionary::open(segment, inverted, &pattern)?);
        }
        let mut found: Vec<String> = Vec::new();
        let mut word: Vec<u8> = Vec::new();
        let mut looked_at = 0usize;
        while found.len() < limit {
            if looked_at.is_multiple_of(WORDS_BETWEEN_LOOKS) && Instant::now() >= until {
                return Ok(None);
            }
            looked_at += 1;
            let Some(next) = dictionaries.iter().map(|dictionary| dictionary.terms.key()).min() else {
                break;
            };
            word.clear();
            word.extend_from_slice(next);
            let mut is_visible = false;
            for dictionary in &mut dictionaries {
                if dictionary.terms.key() == word.as_slice() {
                    is_visible = is_visible || dictionary.holds_visible(visible)?;
                    dictionary.read = !dictionary.terms.advance();
                }
            }
            dictionaries.retain(|dictionary| !dictionary.read);
            if is_visible {
                found.extend(std::str::from_utf8(&word).map(str::to_owned).ok());
            }
        }
        Ok(Some(found))
    }
}

/// Words after which the clock is looked at: some 0.05 ms.
const WORDS_BETWEEN_LOOKS: usize = 64;

/// The words of a segment that fit a pattern, by dictionary order.
struct Dictionary<'a> {
    segment: &'a Segment,
    inverted: &'a InvertedIndexReader,
    /// Stands at the next word.
    terms: TermStreamer<'a, &'a Pattern>,
    /// Whether there is none any more.
    read: bool,
}

impl<'a> Dictionary<'a> {
    /// None where no word fits.
    fn open(
        segment: &'a Segment,
        inverted: &'a InvertedIndexReader,
        pattern: &'a Pattern,
    ) -> Result<Option<Dictionary<'a>>, Error> {
        let stream = inverted.terms().search(pattern).into_stream();
        let mut terms = stream.map_err(|error| failed("read", error))?;
        Ok(terms.advance().then_some(Dictionary { segment, inverted, terms, read: false }))
    }

    /// Whether a visible document holds the next word.
    fn holds_visible(&self, visible: &SlotSet) -> Result<bool, Error> {
        let postings =
            self.inverted.read_postings_from_terminfo(self.terms.value(), IndexRecordOption::Basic);
        let mut postings = postings.map_err(|error| failed("read", error))?;
        let mut row = postings.doc();
        while row != TERMINATED {
            if self.segment.visible_slot(row, visible).is_some() {
                return Ok(true);
            }
            row = postings.advance();
        }
        Ok(false)
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

/// Calls `visit` for each row that all lists share where the positions follow one another, and that `slot_of` knows a
/// document of. `widths` are the places that each takes.
fn phrase_rows(
    lists: &mut [SegmentPostings],
    widths: impl Iterator<Item = u32> + Clone,
    gap: u32,
    slot_of: impl Fn(u32) -> Option<Slot>,
    mut visit: impl FnMut(u32, Slot, u32),
) {
    let Some((first, rest)) = lists.split_first_mut() else { return };
    let mut row = first.doc();
    let (mut ends, mut next, mut merged) = (Vec::new(), Vec::new(), Vec::new());
    'rows: while row != TERMINATED {
        let Some(slot) = slot_of(row) else {
            row = first.advance();
            continue;
        };
        for list in rest.iter_mut() {
            let at = if list.doc() < row { list.seek(row) } else { list.doc() };
            if at == TERMINATED {
                return;
            }
            if at != row {
                row = first.seek(at);
                continue 'rows;
            }
        }
        first.positions(&mut ends);
        for (list, width) in rest.iter_mut().zip(widths.clone()) {
            list.positions(&mut next);
            merged.clear();
            merged.extend(next.iter().copied().filter(|position| follows(&ends, *position, width, gap)));
            std::mem::swap(&mut ends, &mut merged);
        }
        if !ends.is_empty() {
            visit(row, slot, ends.len() as u32);
        }
        row = first.advance();
    }
}

/// Whether a position comes right after one of `ends`, each of so many places, with at most `gap` words between.
fn follows(ends: &[u32], position: u32, width: u32, gap: u32) -> bool {
    let index = ends.partition_point(|end| end + width <= position);
    index.checked_sub(1).and_then(|index| ends.get(index)).is_some_and(|end| position - end <= gap + width)
}

/// What words are compared with, in the form that the term dictionary takes.
enum Pattern {
    /// The words within one typing error.
    OneTypo(DFA),
    /// The words with this beginning. State 1 is before its first letter; none is read in [`SINK_STATE`], which is 0.
    Beginning(Vec<u8>),
}

impl Pattern {
    fn new(word: &str, how: Similar) -> Pattern {
        match how {
            Similar::OneTypo => Pattern::OneTypo(LevenshteinAutomatonBuilder::new(1, true).build_dfa(word)),
            Similar::Beginning => Pattern::Beginning(word.as_bytes().to_vec()),
        }
    }
}

impl tantivy_fst::Automaton for &Pattern {
    type State = u32;

    fn start(&self) -> u32 {
        match self {
            Pattern::OneTypo(dfa) => dfa.initial_state(),
            Pattern::Beginning(_) => 1,
        }
    }

    fn is_match(&self, state: &u32) -> bool {
        match self {
            Pattern::OneTypo(dfa) => matches!(dfa.distance(*state), Distance::Exact(_)),
            Pattern::Beginning(beginning) => *state as usize == beginning.len() + 1,
        }
    }

    fn can_match(&self, state: &u32) -> bool {
        *state != SINK_STATE
    }

    fn accept(&self, state: &u32, byte: u8) -> u32 {
        match self {
            Pattern::OneTypo(dfa) => dfa.transition(*state, byte),
            Pattern::Beginning(beginning) => match (*state as usize).checked_sub(1) {
                None => SINK_STATE,
                Some(at) => match beginning.get(at) {
                    None => *state,
                    Some(expected) if *expected == byte => *state + 1,
                    Some(_) => SINK_STATE,
                },
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use intramuros_core::access::AccessId;
    use intramuros_core::language::Language;

    use super::*;
    use crate::catalogue::{AccessSet, Catalogue, Facts, Filters};
    use crate::words::{PassageWords, WordIndex};

    const MINE: AccessId = AccessId(1);
    const HIDDEN: AccessId = AccessId(2);

    /// A snapshot with a segment for each document of one passage, and what of it is mine.
    fn snapshot(documents: &[(AccessId, &str, &str)]) -> (tempfile::TempDir, Snapshot, SlotSet) {
        let folder = tempfile::tempdir().unwrap();
        let mut words = WordIndex::open(folder.path(), true).unwrap();
        let mut catalogue = Catalogue::default();
        for (number, (access, title, text)) in documents.iter().enumerate() {
            let document = number as u64 + 1;
            catalogue.put(Facts::bare(document, *access));
            words
                .add(&PassageWords {
                    passage: document,
                    document,
                    title,
                    first: true,
                    headings: "",
                    text,
                    language: Language::Other,
                })
                .unwrap();
            words.commit(document).unwrap();
        }
        let snapshot = words.snapshot(&catalogue, None).unwrap();
        let visible = catalogue.visible(&AccessSet::of([MINE]), &Filters::default(), None);
        (folder, snapshot, visible)
    }

    #[test]
    fn similar_words_are_the_first_visible_ones_of_all_segments_and_of_titles() {
        let (_folder, snapshot, visible) = snapshot(&[
            (MINE, "bare", "barde barge car"),
            (HIDDEN, "bara", "barba barbe barde barze"),
            (MINE, "bar", "barre barde barbu éclair"),
            (HIDDEN, "barv", "barva carde"),
        ]);
        let later = Instant::now() + Duration::from_secs(600);
        let check = |word: &str, how: Similar, limit: usize, expected: &[&str]| {
            let found = snapshot.similar(word, how, &visible, limit, later).unwrap();
            assert_eq!(found.as_deref().unwrap(), expected, "{word} {limit}");
        };
        let all = ["bar", "barbu", "barde", "bare", "barge", "barre"];
        check("bar", Similar::Beginning, 100, &all);
        for limit in 0..=all.len() {
            check("bar", Similar::Beginning, limit, &all[..limit]);
        }
        check("barb", Similar::Beginning, 9, &["barbu"]);
        check("barba", Similar::Beginning, 9, &[]);
        check("bard", Similar::OneTypo, 9, &["bar", "barde", "bare"]);
        check("bard", Similar::OneTypo, 2, &["bar", "barde"]);
        check("barze", Similar::OneTypo, 9, &["barde", "bare", "barge", "barre"]);
        check("ecl", Similar::Beginning, 9, &["eclair"]);
        check("zzz", Similar::Beginning, 9, &[]);
    }

    #[test]
    fn what_is_not_found_in_time_is_not_found_at_all() {
        let (_folder, snapshot, visible) = snapshot(&[(MINE, "", "barde barge")]);
        let found = |until: Instant| snapshot.similar("bar", Similar::Beginning, &visible, 9, until).unwrap();
        assert_eq!(found(Instant::now()), None);
        assert_eq!(found(Instant::now() + Duration::from_secs(600)).map(|found| found.len()), Some(2));
    }

    #[test]
    fn phrases_are_found_in_visible_passages_alone_with_how_often() {
        let (_folder, snapshot, visible) = snapshot(&[
            (MINE, "", "un deux un deux trois"),
            (HIDDEN, "", "un deux trois quatre"),
            (MINE, "", "deux un"),
            (MINE, "", "quatre un deux"),
        ]);
        let check = |words: &[&str], gap: u32, expected: &[(Slot, u32)]| {
            let mut found = Vec::new();
            let visit = |posting: Posting| found.push((posting.slot, posting.count));
            let words: Vec<(&str, u32)> = words.iter().map(|word| (*word, 1)).collect();
            snapshot.phrase(In::Exact, &words, gap, &visible, visit).unwrap();
            found.sort_unstable();
            assert_eq!(found, expected, "{words:?}");
        };
        check(&["un", "deux"], 0, &[(0, 2), (3, 1)]);
        check(&["un", "deux", "un", "deux"], 0, &[(0, 1)]);
        check(&["deux", "un"], 0, &[(0, 1), (2, 1)]);
        check(&["deux", "trois", "quatre"], 0, &[]);
        check(&["un", "trois"], 0, &[]);
        check(&["un", "trois"], 1, &[(0, 1)]);
        check(&["quatre"], 0, &[(3, 1)]);
        check(&["cinq", "un"], 0, &[]);
        check(&[], 0, &[]);
        // A word of several places: what follows it lies so far away, no nearer and no farther.
        let mut found = Vec::new();
        for width in 1..=4 {
            let words = [("un", width), ("trois", 1)];
            let visit = |posting: Posting| found.push((width, posting.slot));
            snapshot.phrase(In::Exact, &words, 0, &visible, visit).unwrap();
        }
        assert_eq!(found, [(2, 0), (4, 0)]);
    }
}
