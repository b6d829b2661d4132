//! Which sentences of the documents answer?
//!
//! From each of the best documents: the run of up to three sentences of its best passage that covers most of the
//! question, and the document's opening where it says what is asked. Measured on sets with known answers, see
//! docs/measurements.md.

use std::ops::Range;

use intramuros_core::language::Language;
use intramuros_core::sentence::sentences;
use intramuros_search::QueryTerm;
use intramuros_search::analysis::Analyser;
use serde::{Deserialize, Serialize};

use crate::coverage::{coverage, forms_of};

/// Documents that an answer quotes at most: with two, the answer is there four times of five.
pub const MAX_CANDIDATES: usize = 3;

/// Sentences of one quotation, and its words: what a person reads at a glance.
const MAX_SENTENCES: usize = 3;
const MAX_WORDS: usize = 90;

/// What each further sentence must gain in coverage, and what the beginning of a passage is worth.
const SENTENCE_COST: f32 = 0.02;
const OPENING_BONUS: f32 = 0.15;

/// A document's opening is quoted beside its best passage when it covers this much of the question.
const OPENING_COVERAGE: f32 = 0.34;

/// A further document is quoted when it is at most this much farther from the question than the nearest.
const NEARNESS_MARGIN: f32 = 0.03;

/// Below this nearness of the best passages to the question nothing supports an answer. Chosen on questions of one
/// development set put to another: it refuses all across languages and nine of ten within one.
const LEAST_MEANING: f32 = 0.478;

/// Where there are no vectors yet: the share of the question that the best passage must cover.
const LEAST_COVERAGE: f32 = 0.6;

/// A passage from which an answer may quote.
#[derive(Clone, Debug, PartialEq)]
pub struct Excerpt {
    /// The store's number of the passage.
    pub passage: u64,
    /// Its text.
    pub text: String,
    /// The headings above it.
    pub headings: String,
    /// Its language.
    pub language: Language,
}

/// A document from which an answer may quote, best first.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The store's number of the document.
    pub document: u64,
    /// Its title.
    pub title: String,
    /// Its best passage.
    pub best: Excerpt,
    /// Its first passage; none when that is the best one.
    pub opening: Option<Excerpt>,
    /// The greatest dot product of a passage's vector and the question's; none where there are no vectors.
    pub meaning: Option<f32>,
}

/// A quotation with the place where it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// The sentences, exactly as they stand.
    pub text: String,
    /// The document.
    pub document: u64,
    /// The passage.
    pub passage: u64,
    /// Where the sentences stand in the passage's text, in bytes.
    pub range: Range<usize>,
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Whether something supports an answer. When not, there are no statements.
    pub found: bool,
    /// The quotations, those of the best document first.
    pub statements: Vec<Statement>,
    /// The nearest documents, best first, whether quoted or not.
    pub nearest: Vec<u64>,
}

/// Makes an answer from the best documents, or says that there is none.
pub fn answer(terms: &[QueryTerm], candidates: &[Candidate]) -> Answer {
    let candidates = candidates.get(..MAX_CANDIDATES).unwrap_or(candidates);
    let nearest = candidates.iter().map(|candidate| candidate.document).collect();
    let mut analyser = Analyser::default();
    if !is_supported(&mut analyser, terms, candidates) {
        return Answer { found: false, statements: Vec::new(), nearest };
    }
    let nearness = candidates.iter().filter_map(|candidate| candidate.meaning).max_by(f32::total_cmp);
    let mut statements: Vec<Statement> = Vec::new();
    let mut first_coverage = 0.0;
    for candidate in candidates {
        let quoted = quote(&mut analyser, terms, candidate);
        let covered = quoted.iter().map(|(_, covered)| *covered).fold(0.0, f32::max);
        if statements.is_empty() {
            first_coverage = covered;
        } else if !adds(candidate, nearness, covered, first_coverage) {
            continue;
        }
        statements.extend(quoted.into_iter().map(|(statement, _)| statement));
    }
    Answer { found: true, statements, nearest }
}

/// Whether a further document is quoted: it is about as near as the nearest, or covers as much of the question.
fn adds(candidate: &Candidate, nearness: Option<f32>, covered: f32, first_coverage: f32) -> bool {
    let near =
        matches!((candidate.meaning, nearness), (Some(own), Some(best)) if own >= best - NEARNESS_MARGIN);
    near || covered >= first_coverage
}

/// Whether a candidate is near enough, or (where it has no vector yet) covers enough of the question.
fn is_supported(analyser: &mut Analyser, terms: &[QueryTerm], candidates: &[Candidate]) -> bool {
    candidates.iter().any(|candidate| match candidate.meaning {
        Some(meaning) => meaning >= LEAST_MEANING,
        None => {
            let forms = forms_of(analyser, &candidate.best.text, candidate.best.language);
            let context =
                forms_of(analyser, &context_of(candidate, &candidate.best), candidate.best.language);
            coverage(terms, &forms, &context) >= LEAST_COVERAGE
        }
    })
}

fn context_of(candidate: &Candidate, excerpt: &Excerpt) -> String {
    format!("{}\n{}", candidate.title, excerpt.headings)
}

/// What one document says, with how much of the question it covers: its opening where it answers (a title that asks is
/// answered by what follows it), and its best sentences.
fn quote(analyser: &mut Analyser, terms: &[QueryTerm], candidate: &Candidate) -> Vec<(Statement, f32)> {
    let mut statements = Vec::new();
    let best_range = best_window(analyser, terms, candidate);
    let asks = candidate.title.contains('?');
    let none = std::collections::HashSet::new();
    let mut covered_by = |excerpt: &Excerpt, range: &Range<usize>| {
        let text = excerpt.text.get(range.clone()).unwrap_or_default();
        coverage(terms, &forms_of(analyser, text, excerpt.language), &none)
    };
    if let Some(opening) = &candidate.opening {
        let range = extend(&opening.text, &sentences(&opening.text), 0, 0);
        let covered = covered_by(opening, &range);
        if asks || covered >= OPENING_COVERAGE {
            statements
                .extend(statement(candidate.document, opening, range).map(|statement| (statement, covered)));
        }
    }
    let covered = covered_by(&candidate.best, &best_range);
    let best =
        statement(candidate.document, &candidate.best, best_range).map(|statement| (statement, covered));
    if asks {
        statements.extend(best);
    } else {
        statements.splice(0..0, best);
    }
    statements
}

fn statement(document: u64, excerpt: &Excerpt, range: Range<usize>) -> Option<Statement> {
    let text = excerpt.text.get(range.clone())?.to_owned();
    (!text.is_empty()).then_some(Statement { text, document, passage: excerpt.passage, range })
}

/// The run of sentences of the best passage that covers most of the question.
fn best_window(analyser: &mut Analyser, terms: &[QueryTerm], candidate: &Candidate) -> Range<usize> {
    let excerpt = &candidate.best;
    let found = sentences(&excerpt.text);
    let context = forms_of(analyser, &context_of(candidate, excerpt), excerpt.language);
    let (mut best, mut best_score) = ((0, 0), f32::NEG_INFINITY);
    for first in 0..found.len() {
        for last in first..found.len().min(first + MAX_SENTENCES) {
            let text = span(&excerpt.text, &found, first, last);
            if last > first && count_words(text) > MAX_WORDS {
                break;
            }
            let forms = forms_of(analyser, text, excerpt.language);
            let opens = if first == 0 && candidate.opening.is_none() { OPENING_BONUS } else { 0.0 };
            let score = coverage(terms, &forms, &context) - SENTENCE_COST * (last - first) as f32 + opens;
            if score > best_score {
                (best, best_score) = ((first, last), score);
            }
        }
    }
    extend(&excerpt.text, &found, best.0, best.1)
}

/// Adds the sentences that follow while the quotation stays short: an answer often goes on.
fn extend(text: &str, found: &[Range<usize>], first: usize, last: usize) -> Range<usize> {
    let mut end = last;
    while end + 1 < found.len()
        && end + 1 - first < MAX_SENTENCES
        && count_words(span(text, found, first, end + 1)) <= MAX_WORDS
    {
        end += 1;
    }
    match (found.get(first), found.get(end)) {
        (Some(from), Some(to)) => from.start..to.end,
        _ => 0..0,
    }
}

fn span<'a>(text: &'a str, found: &[Range<usize>], first: usize, last: usize) -> &'a str {
    match (found.get(first), found.get(last)) {
        (Some(from), Some(to)) => text.get(from.start..to.end).unwrap_or_default(),
        _ => "",
    }
}

fn count_words(text: &str) -> usize {
    text.split_whitespace().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(title: &str, opening: Option<&str>, best: &str, meaning: Option<f32>) -> Candidate {
        let excerpt = |passage: u64, text: &str| Excerpt {
            passage,
            text: text.to_owned(),
            headings: String::new(),
            language: Language::French,
        };
        Candidate {
            document: 1,
            title: title.to_owned(),
            best: excerpt(2, best),
            opening: opening.map(|text| excerpt(1, text)),
            meaning,
        }
    }

    fn terms(words: &[&str]) -> Vec<QueryTerm> {
        words.iter().map(|word| QueryTerm { forms: vec![(*word).to_owned()], weight: 1.0 }).collect()
    }

    const PASSAGE: &str = "Les bureaux ferment à midi. Les clefs sont rendues. Le gardien passe. La nuit tombe. \
        Une facture se garde dix ans. Un devis se garde un an.";

    #[test]
    fn the_sentences_that_cover_the_question_are_quoted_exactly_where_they_stand() {
        let answer = answer(&terms(&["facture", "dix"]), &[candidate("Archives", None, PASSAGE, Some(0.6))]);
        assert!(answer.found);
        let first = &answer.statements[0];
        assert!(first.text.starts_with("Une facture se garde dix ans."), "{}", first.text);
        assert_eq!(PASSAGE[first.range.clone()], first.text);
        assert_eq!((first.document, first.passage), (1, 2));
    }

    #[test]
    fn a_title_that_asks_is_answered_by_the_opening() {
        let candidate = candidate("Combien de temps ?", Some("Dix ans. Pas plus."), PASSAGE, Some(0.6));
        let answer = answer(&terms(&["facture"]), &[candidate]);
        assert_eq!(answer.statements[0].text, "Dix ans. Pas plus.");
        assert_eq!(answer.statements[1].passage, 2);
    }

    #[test]
    fn nothing_near_is_not_found() {
        let check = |meaning: Option<f32>, words: &[&str], expected: bool| {
            let answer = answer(&terms(words), &[candidate("Archives", None, PASSAGE, meaning)]);
            assert_eq!(answer.found, expected, "{meaning:?} {words:?}");
            assert_eq!(answer.statements.is_empty(), !expected);
            assert_eq!(answer.nearest, [1]);
        };
        check(Some(0.3), &["facture"], false);
        check(None, &["facture"], true);
        check(None, &["satellite", "orbite", "facture"], false);
        assert!(!super::answer(&terms(&["x"]), &[]).found);
    }
}
