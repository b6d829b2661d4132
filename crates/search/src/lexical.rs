//! How well do the words of a document answer the words of a question?
//!
//! BM25 over the *visible* documents alone: their number, lengths and word frequencies are counted for each search,
//! so that results are those of an index that holds nothing else. A document's score is that of its whole text plus
//! that of its best passage (measured better than either), plus a share for words in exactly the form asked, plus a
//! share for neighbouring words that stand side by side.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use intramuros_core::error::Error;

use crate::catalogue::{Slot, SlotSet};
use crate::snapshot::{Posting, Snapshot};
use crate::words::In;

/// Saturation of repeated words and correction for length: the field's usual values, flat optimum on our sets.
const K1: f32 = 1.2;
const B: f32 = 0.75;

/// Weight of exact forms and of neighbouring words beside the stems' 1. Measured, see docs/decisions/0002-search.md.
const EXACT_WEIGHT: f32 = 0.5;
const BIGRAM_WEIGHT: f32 = 0.5;

/// A title that is a question counts this often: in FAQ it says most.
const ASKING_TITLE_COUNT: u32 = 2;

/// Visible entries of a list that is remembered during a search: some 12 kB, of a few hundred lists.
const MOST_REMEMBERED: usize = 1_024;

/// One form in which a word of the question is looked up.
#[derive(Clone, Debug, PartialEq)]
pub struct Form {
    /// Where.
    pub place: In,
    /// The word, as indexed there.
    pub word: String,
    /// What an occurrence counts; 1 for the word itself, less for a guess.
    pub weight: f32,
}

impl Form {
    /// Where it may stand: a stem in headings and titles as well.
    pub(crate) fn places(&self) -> &'static [In] {
        match self.place {
            In::Body => &[In::Body, In::Head, In::Title],
            _ => &[In::Exact, In::TitleExact],
        }
    }
}

/// A word of the question with all forms that stand for it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// Alternatives; their occurrences are added up.
    pub forms: Vec<Form>,
    /// Exact forms, scored apart for documents.
    pub exact: Vec<Form>,
    /// What the word counts in the question.
    pub weight: f32,
}

/// Scores by document and by passage.
pub struct Lexical {
    /// Score by slot; 0 for documents without any of the words.
    pub documents: Vec<f32>,
    /// Passages with a score: number in the snapshot, slot, score; in no order.
    pub passages: Vec<(u32, Slot, f32)>,
    /// What each group says: the rarer among the visible documents, the more.
    pub weights: Vec<f32>,
}

impl Lexical {
    /// How far the passages' scores lie apart; at least a little, so that it can divide.
    pub fn spread(&self) -> f32 {
        let count = self.passages.len().max(1) as f32;
        let mean = self.passages.iter().map(|(_, _, score)| score).sum::<f32>() / count;
        let variance = self.passages.iter().map(|(_, _, score)| (score - mean).powi(2)).sum::<f32>() / count;
        variance.sqrt().max(1e-3)
    }
}

/// Sums over what is visible.
#[derive(Clone, Copy, Debug)]
struct Totals {
    documents: f32,
    document_length: f32,
    passages: f32,
    passage_length: f32,
}

/// What is looked at: the snapshot, the visible documents, and which of them have titles that ask.
pub struct Scope<'a> {
    /// The words.
    pub snapshot: &'a Snapshot,
    /// The documents that count.
    pub visible: &'a SlotSet,
    /// By slot, whether a document's title is a question.
    asks: &'a [bool],
    totals: Totals,
    /// The visible entries of lists that were read already.
    read: RefCell<Lists>,
}

/// Visible entries by place and word.
type Lists = HashMap<(In, String), Rc<[Posting]>>;

impl<'a> Scope<'a> {
    /// What is looked at; `asks` tells by slot whether a document's title is a question.
    pub fn new(snapshot: &'a Snapshot, visible: &'a SlotSet, asks: &'a [bool]) -> Scope<'a> {
        Scope { snapshot, visible, asks, totals: totals(snapshot, visible), read: RefCell::default() }
    }

    /// Calls `visit` for every visible passage that holds `word`. A list with few of them is read once for a search: forms
    /// that lead to it again and again would else multiply the time of what is hidden in it, and so show it.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn postings(&self, place: In, word: &str, mut visit: impl FnMut(Posting)) -> Result<(), Error> {
        let key = (place, word.to_owned());
        let known = self.read.borrow().get(&key).cloned();
        if let Some(known) = known {
            known.iter().copied().for_each(visit);
            return Ok(());
        }
        let (mut first, mut count) = (Vec::new(), 0usize);
        self.snapshot.postings(place, word, |posting| {
            if self.visible.contains(posting.slot) {
                count += 1;
                if count <= MOST_REMEMBERED {
                    first.push(posting);
                }
                visit(posting);
            }
        })?;
        if count <= MOST_REMEMBERED {
            self.read.borrow_mut().insert(key, first.into());
        }
        Ok(())
    }

    /// Whether a visible passage holds `word`. A list without one is read once for a search, as above.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn occurs(&self, place: In, word: &str) -> Result<bool, Error> {
        let key = (place, word.to_owned());
        let known = self.read.borrow().get(&key).map(|known| !known.is_empty());
        if let Some(occurs) = known {
            return Ok(occurs);
        }
        let visible = |posting: Posting| self.visible.contains(posting.slot);
        let occurs = self.snapshot.find_posting(place, word, visible)?;
        if !occurs {
            self.read.borrow_mut().insert(key, Rc::default());
        }
        Ok(occurs)
    }

    fn title_count(&self, slot: Slot) -> u32 {
        if self.asks.get(slot as usize).copied().unwrap_or(false) { ASKING_TITLE_COUNT } else { 1 }
    }

    fn document_length(&self, slot: Slot) -> f32 {
        let lengths = self.snapshot.documents().get(slot as usize).copied().unwrap_or_default();
        (lengths.body + lengths.title * self.title_count(slot)) as f32
    }
}

fn totals(snapshot: &Snapshot, visible: &SlotSet) -> Totals {
    let (mut text, mut passages, mut texts_of_passages, mut documents) = (0u64, 0u64, 0u64, 0u64);
    for (slot, lengths) in snapshot.documents().iter().enumerate() {
        if lengths.passages > 0 && visible.contains(slot as Slot) {
            documents += 1;
            text += u64::from(lengths.body + lengths.title);
            passages += u64::from(lengths.passages);
            texts_of_passages += u64::from(lengths.body + lengths.heads);
        }
    }
    Totals {
        documents: documents as f32,
        document_length: (text as f32 / documents.max(1) as f32).max(1.0),
        passages: passages as f32,
        passage_length: (texts_of_passages as f32 / passages.max(1) as f32).max(1.0),
    }
}

fn idf(total: f32, frequency: usize) -> f32 {
    let frequency = frequency as f32;
    (1.0 + (total - frequency + 0.5).max(0.0) / (frequency + 0.5)).ln()
}

fn saturate(count: f32, length: f32, average: f32) -> f32 {
    count * (K1 + 1.0) / (count + K1 * (1.0 - B + B * length / average))
}

/// Sums by index that remember which entries were touched.
struct Sums {
    values: Vec<f32>,
    touched: Vec<u32>,
}

impl Sums {
    fn new(length: usize) -> Sums {
        Sums { values: vec![0.0; length], touched: Vec::new() }
    }

    #[inline]
    fn add(&mut self, index: u32, value: f32) {
        if let Some(entry) = self.values.get_mut(index as usize) {
            if *entry == 0.0 {
                self.touched.push(index);
            }
            *entry += value;
        }
    }

    /// Hands every touched entry to `visit` and sets it to nothing again.
    fn drain(&mut self, mut visit: impl FnMut(u32, f32)) {
        for index in self.touched.drain(..) {
            if let Some(entry) = self.values.get_mut(index as usize) {
                visit(index, std::mem::take(entry));
            }
        }
    }
}

/// Scores the documents for groups of words. Groups that follow one another in the question with nothing between
/// are neighbours: `neighbours[i]` says so of groups i and i+1.
///
/// # Errors
/// When the index can't be read.
pub fn score(scope: &Scope<'_>, groups: &[Group], neighbours: &[bool]) -> Result<Lexical, Error> {
    let totals = scope.totals;
    let slots = scope.snapshot.documents().len();
    let mut documents = Sums::new(slots);
    let mut passages = Sums::new(scope.snapshot.passages());
    let mut counts = Sums::new(slots);
    let mut passage_counts = Sums::new(scope.snapshot.passages());
    let mut weights = Vec::with_capacity(groups.len());
    for group in groups {
        for form in &group.forms {
            visit_form(scope, form, |posting, by_document| {
                if by_document != ByDocument::Only {
                    passage_counts.add(posting.passage, posting.count as f32 * form.weight);
                }
                if by_document != ByDocument::No {
                    counts.add(posting.slot, posting.count as f32 * form.weight);
                }
            })?;
        }
        weights.push(group.weight * idf(totals.documents, counts.touched.len()));
        let weight = group.weight * idf(totals.passages, passage_counts.touched.len());
        passage_counts.drain(|passage, count| {
            let (_, lengths) = scope.snapshot.row(passage);
            let length = f32::from(lengths.body) + f32::from(lengths.head);
            passages.add(passage, weight * saturate(count, length, totals.passage_length));
        });
        add_documents(scope, &totals, &mut counts, group.weight, &mut documents);
        for form in &group.exact {
            visit_form(scope, form, |posting, _| {
                counts.add(posting.slot, posting.count as f32 * form.weight)
            })?;
        }
        add_documents(scope, &totals, &mut counts, group.weight * EXACT_WEIGHT, &mut documents);
    }
    for (pair, together) in groups.windows(2).zip(neighbours) {
        if let ([first, second], true) = (pair, *together) {
            visit_neighbours(scope, first, second, |posting| counts.add(posting.slot, posting.count as f32))?;
            let weight = first.weight.min(second.weight) * BIGRAM_WEIGHT;
            add_documents(scope, &totals, &mut counts, weight, &mut documents);
        }
    }
    let mut best = Sums::new(slots);
    let mut scored = Vec::with_capacity(passages.touched.len());
    passages.drain(|passage, score| {
        let (slot, _) = scope.snapshot.row(passage);
        let known = best.values.get(slot as usize).copied().unwrap_or_default();
        if score > known {
            best.add(slot, score - known);
        }
        scored.push((passage, slot, score));
    });
    best.drain(|slot, score| documents.add(slot, score));
    Ok(Lexical { documents: documents.values, passages: scored, weights })
}

/// Scores whole documents for many weighted stems: the second look with words of the first results.
///
/// # Errors
/// When the index can't be read.
pub fn score_documents(scope: &Scope<'_>, stems: &[(String, f32)]) -> Result<Vec<f32>, Error> {
    let totals = scope.totals;
    let slots = scope.snapshot.documents().len();
    let (mut documents, mut counts) = (Sums::new(slots), Sums::new(slots));
    for (stem, weight) in stems {
        for place in [In::Body, In::Title] {
            let form = Form { place, word: stem.clone(), weight: 1.0 };
            visit_form(scope, &form, |posting, by_document| {
                if by_document != ByDocument::No {
                    counts.add(posting.slot, posting.count as f32);
                }
            })?;
        }
        add_documents(scope, &totals, &mut counts, *weight, &mut documents);
    }
    Ok(documents.values)
}

/// How many visible passages there are.
pub fn visible_passages(scope: &Scope<'_>) -> f32 {
    scope.totals.passages
}

fn add_documents(scope: &Scope<'_>, totals: &Totals, counts: &mut Sums, weight: f32, documents: &mut Sums) {
    let weight = weight * idf(totals.documents, counts.touched.len());
    counts.drain(|slot, count| {
        documents.add(slot, weight * saturate(count, scope.document_length(slot), totals.document_length));
    });
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ByDocument {
    /// Counts for the passage and the document.
    Too,
    /// Counts for the document alone: the title, which stands in the heads of its passages already.
    Only,
    /// Counts for the passage alone: headings, which are in the document's text already.
    No,
}

/// Visits the visible occurrences of a form. Stems in the text are looked up in headings as well.
fn visit_form(
    scope: &Scope<'_>,
    form: &Form,
    mut visit: impl FnMut(Posting, ByDocument),
) -> Result<(), Error> {
    let mut at = |place: In, by_document: ByDocument| {
        scope.postings(place, &form.word, |mut posting| {
            if by_document == ByDocument::Only {
                posting.count *= scope.title_count(posting.slot);
            }
            visit(posting, by_document);
        })
    };
    match form.place {
        In::Body => {
            at(In::Body, ByDocument::Too)?;
            at(In::Head, ByDocument::No)?;
            at(In::Title, ByDocument::Only)
        }
        In::Exact => {
            at(In::Exact, ByDocument::Too)?;
            at(In::TitleExact, ByDocument::Only)
        }
        In::Head => at(In::Head, ByDocument::No),
        In::Title => at(In::Title, ByDocument::Only),
        In::TitleExact => at(In::TitleExact, ByDocument::Only),
    }
}

/// Visits visible passages where a stem of the first group stands right before one of the second.
fn visit_neighbours(
    scope: &Scope<'_>,
    first: &Group,
    second: &Group,
    mut visit: impl FnMut(Posting),
) -> Result<(), Error> {
    /// Function words between two words of a question are let pass: "durée de la conservation".
    const GAP: u32 = 2;
    let stems = |group: &'_ Group| {
        group
            .forms
            .iter()
            .filter(|form| form.place == In::Body && form.weight >= 1.0)
            .map(|form| form.word.clone())
            .collect::<Vec<_>>()
    };
    for before in stems(first) {
        for after in stems(second) {
            if scope.occurs(In::Body, &before)? && scope.occurs(In::Body, &after)? {
                let pair = [(before.as_str(), 1), (after.as_str(), 1)];
                scope.snapshot.phrase(In::Body, &pair, GAP, scope.visible, &mut visit)?;
            }
        }
    }
    Ok(())
}
