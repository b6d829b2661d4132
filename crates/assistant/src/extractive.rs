//! Which sentences of the documents answer?
//!
//! From each of the best documents: the run of up to three sentences of its best passage that covers most of the
//! question, and the document's opening where it says what is asked. Measured on sets with known answers, see
//! docs/measurements.md.

use std::collections::HashSet;
use std::ops::Range;

use intramuros_core::language::Language;
use intramuros_core::sentence::sentences;
use intramuros_search::QueryTerm;
use serde::{Deserialize, Serialize};

use crate::coverage::{coverage, forms_of};
use crate::shape::{MAX_ROWS, Shape};

/// Documents that an answer quotes at most: with two, the answer is there four times of five.
pub const MAX_CANDIDATES: usize = 3;

/// Sentences of one quotation, and its words: what a person reads at a glance.
const MAX_SENTENCES: usize = 3;
const MAX_WORDS: usize = 90;

/// What each further sentence must gain in coverage, and what the beginning of a passage is worth.
const SENTENCE_COST: f32 = 0.02;
const OPENING_BONUS: f32 = 0.05;

/// What a run of a further passage of the same document must cover more than one of the passage before it.
const PASSAGE_COST: f32 = 0.1;

/// A question within a passage that covers this much of what is asked is that question, and worth this much: more than
/// the beginning.
const ASKED_COVERAGE: f32 = 0.99;
const ASKED_BONUS: f32 = 0.2;

/// A document's opening is quoted beside its best passage when it covers this much of the question.
const OPENING_COVERAGE: f32 = 0.34;

/// It is quoted before it when it is about as near to the question and holds about as many of its words: what a document
/// says first is its answer in short.
const OPENING_MEANING_MARGIN: f32 = 0.02;
const OPENING_COVERAGE_MARGIN: f32 = 0.2;

/// A further document is quoted when it is at most this much farther from the question than the nearest.
const NEARNESS_MARGIN: f32 = 0.03;

/// From this nearness of the best passages to the question on, something is taken to answer, whatever its words.
const LEAST_MEANING: f32 = 0.484;

/// Below it, nearness, how far it stands out from other documents of the subject and the share of the question's words
/// that the best passages hold are taken together: an encyclopedia says in few words, near each other, what is asked,
/// and lies farther from a question than a page of questions and answers. Chosen on development sets so that nine of ten
/// questions of one set are refused by another; docs/measurements.md has the held-out figures.
const STANDING_OUT_WEIGHT: f32 = 1.0;
const COVERAGE_WEIGHT: f32 = 0.1;
const LEAST_SUPPORT: f32 = 0.565;

/// What it is worth that one sentence holds every word of the question, of several: a short notice about many things lies far from
/// a question about one of them, though it says it word for word.
const SAID_IN_ONE_SENTENCE: f32 = 0.05;
const EVERY_WORD: f32 = 0.99;

/// What is less than that is made up for by one sentence that lies near by itself. Chosen on cnil_faq_fr and PIAF, so that what is
/// refused there stays refused.
const LEAST_WITH_A_SENTENCE: f32 = 1.04;

/// As near as a sentence comes to a question: where even that would not do, none is looked at.
const MOST_NEARNESS: f32 = 0.56;

/// Sentences that are looked at: those of three passages, the longest ones apart. Each costs some milliseconds.
const MOST_SENTENCES: usize = 24;

/// How far what answers usually stands out; taken where one document is all there is.
const USUAL_STANDING_OUT: f32 = 0.05;

/// What a text in another language than the question's is taken to hold of it, since its words can't be compared. More
/// answers questions of other subjects: see docs/decisions/two-languages.md.
const COVERAGE_ACROSS_LANGUAGES: f32 = 0.7;

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
    /// The dot product of its vector and the question's; none where it is not known.
    pub meaning: Option<f32>,
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
    /// Other passages of it that were found, best first.
    pub others: Vec<Excerpt>,
    /// Its first passage; none when that is the best one.
    pub opening: Option<Excerpt>,
    /// The greatest dot product of a passage's vector and the question's; none where there are no vectors.
    pub meaning: Option<f32>,
    /// Whether it is written in another language than the question.
    pub crosses_languages: bool,
}

/// What is asked, as far as an answer is chosen by it.
pub struct Asked<'a> {
    /// The question's words.
    pub terms: &'a [QueryTerm],
    /// How near documents lie to the question that don't stand out; none where it is not known.
    pub background: Option<f32>,
    /// Gives how near texts lie to the question, in their order; none where there is no model. It is asked about sentences
    /// in another language than the question's, which can't be chosen by their words.
    pub nearness: &'a dyn Fn(&[&str]) -> Option<Vec<f32>>,
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

impl Answer {
    /// The same without an answer: something else says that nothing answers.
    pub fn refused(self) -> Answer {
        Answer { found: false, statements: Vec::new(), ..self }
    }
}

/// Makes an answer from the best documents, or says that there is none.
pub fn answer(asked: &Asked<'_>, candidates: &[Candidate]) -> Answer {
    let candidates = candidates.get(..MAX_CANDIDATES).unwrap_or(candidates);
    let nearest = candidates.iter().map(|candidate| candidate.document).collect();
    if !is_supported(asked, candidates) {
        return Answer { found: false, statements: Vec::new(), nearest };
    }
    let nearness = candidates.iter().filter_map(|candidate| candidate.meaning).max_by(f32::total_cmp);
    let mut statements: Vec<Statement> = Vec::new();
    let mut first_coverage = 0.0;
    for candidate in candidates {
        let quoted = quote(asked, candidate);
        let covered = quoted.iter().map(|(_, covered)| *covered).fold(0.0, f32::max);
        if statements.is_empty() {
            first_coverage = covered;
        } else if !adds(candidate, nearness, covered, first_coverage) {
            continue;
        }
        for (statement, _) in quoted {
            // Copies of a document say it once.
            if statements.iter().all(|before| !says_the_same(&before.text, &statement.text)) {
                statements.push(statement);
            }
        }
    }
    Answer { found: true, statements, nearest }
}

/// Whether two texts have the same words in the same order.
fn says_the_same(one: &str, other: &str) -> bool {
    one.split_whitespace().eq(other.split_whitespace())
}

/// Whether a further document is quoted: it is about as near as the nearest, or covers as much of the question.
fn adds(candidate: &Candidate, nearness: Option<f32>, covered: f32, first_coverage: f32) -> bool {
    let near =
        matches!((candidate.meaning, nearness), (Some(own), Some(best)) if own >= best - NEARNESS_MARGIN);
    // A title page is near to much, and says none of it.
    (near && covered > 0.0) || covered >= first_coverage
}

/// Whether the candidates are near enough or, a little farther, stand out and hold the question's words. Of passages that have
/// no vectors yet, the words alone must do: how near others lie says nothing of them.
fn is_supported(asked: &Asked<'_>, candidates: &[Candidate]) -> bool {
    let is_unknown = |candidate: &Candidate| candidate.meaning.is_none() || candidate.best.meaning.is_none();
    candidates.iter().any(|candidate| is_unknown(candidate) && holds(asked, candidate))
        || are_near(asked, candidates)
}

/// Whether the best passage of a document, with what stands above it, holds most of the question.
fn holds(asked: &Asked<'_>, candidate: &Candidate) -> bool {
    let best = &candidate.best;
    let forms = forms_of(&best.text, best.language);
    let context = forms_of(&context_of(candidate, best), best.language);
    coverage(asked.terms, &forms, &context) >= LEAST_COVERAGE
}

fn are_near(asked: &Asked<'_>, candidates: &[Candidate]) -> bool {
    let nearness = candidates.iter().filter_map(|candidate| candidate.meaning).max_by(f32::total_cmp);
    let Some(meaning) = nearness else { return false };
    if meaning >= LEAST_MEANING {
        return true;
    }
    let support = support(asked, candidates, meaning);
    support >= LEAST_SUPPORT
        || (support + MOST_NEARNESS >= LEAST_WITH_A_SENTENCE
            && nearest_sentence(asked, candidates)
                .is_some_and(|sentence| support + sentence >= LEAST_WITH_A_SENTENCE))
}

/// How near the nearest sentence of the best passages lies by itself: a passage that speaks of several things lies far from a
/// question about one of them.
fn nearest_sentence(asked: &Asked<'_>, candidates: &[Candidate]) -> Option<f32> {
    let texts = candidates.iter().map(|candidate| candidate.best.text.as_str());
    let sentences: Vec<&str> = texts
        .flat_map(|text| sentences(text).into_iter().filter_map(|range| text.get(range)))
        .take(MOST_SENTENCES)
        .collect();
    (asked.nearness)(&sentences)?.into_iter().max_by(f32::total_cmp)
}

/// How well the candidates support an answer: the nearness of the best one, how far it stands out, and the share of the question
/// that one of them covers.
fn support(asked: &Asked<'_>, candidates: &[Candidate], meaning: f32) -> f32 {
    let covered = candidates
        .iter()
        .flat_map(|one| std::iter::once(&one.best).chain(&one.opening).map(move |excerpt| (one, excerpt)))
        .map(|(one, excerpt)| covered_by(asked, one, &excerpt.text, excerpt.language))
        .fold(0.0, f32::max);
    let standing_out = asked.background.map_or(USUAL_STANDING_OUT, |background| meaning - background);
    let support = meaning + STANDING_OUT_WEIGHT * standing_out + COVERAGE_WEIGHT * covered;
    // Every sentence is taken apart for it: only where more is needed.
    let is_said = support < LEAST_SUPPORT && one_sentence_holds_all(asked, candidates);
    if is_said { support + SAID_IN_ONE_SENTENCE } else { support }
}

/// Whether one sentence of what was found holds all words of a question that has several.
fn one_sentence_holds_all(asked: &Asked<'_>, candidates: &[Candidate]) -> bool {
    let own = candidates.iter().filter(|candidate| !candidate.crosses_languages);
    let mut excerpts = own.flat_map(|one| std::iter::once(&one.best).chain(&one.others).chain(&one.opening));
    let holds = |excerpt: &Excerpt| {
        sentences(&excerpt.text).into_iter().filter_map(|range| excerpt.text.get(range)).any(|sentence| {
            let forms = forms_of(sentence, excerpt.language);
            coverage(asked.terms, &forms, &HashSet::new()) >= EVERY_WORD
        })
    };
    asked.terms.len() > 1 && excerpts.any(holds)
}

/// The share of the question that a text of a document covers by itself, without the headings above it.
fn covered_by(asked: &Asked<'_>, candidate: &Candidate, text: &str, language: Language) -> f32 {
    let covered = coverage(asked.terms, &forms_of(text, language), &HashSet::new());
    if candidate.crosses_languages { covered.max(COVERAGE_ACROSS_LANGUAGES) } else { covered }
}

fn context_of(candidate: &Candidate, excerpt: &Excerpt) -> String {
    format!("{}\n{}", candidate.title, excerpt.headings)
}

/// What one document says, with how much of the question it covers: its opening where it answers (a title that asks is
/// answered by what follows it, also where that stands in the best passage), and its best sentences.
fn quote(asked: &Asked<'_>, candidate: &Candidate) -> Vec<(Statement, f32)> {
    let (excerpt, range) = best_run(asked, candidate);
    let quoted = |excerpt: &Excerpt, range: Range<usize>| {
        let statement = statement(candidate.document, excerpt, range)?;
        let covered = covered_by(asked, candidate, &statement.text, excerpt.language);
        Some((statement, covered))
    };
    let best = quoted(excerpt, range);
    let asks = candidate.title.contains('?');
    let opening = candidate.opening.as_ref().or_else(|| asks.then_some(&candidate.best));
    let opening = opening.and_then(|opening| {
        let found = sentences(&opening.text);
        let begins = Shape { text: &opening.text, found: &found }.beginning();
        quoted(opening, extend(&opening.text, &found, begins, begins))
    });
    let covered = |quoted: &Option<(Statement, f32)>| quoted.as_ref().map_or(0.0, |(_, covered)| *covered);
    let leads = asks || leads(candidate, covered(&opening), covered(&best));
    let covers = |covered: f32| !candidate.crosses_languages && covered >= OPENING_COVERAGE;
    let opening = opening.filter(|(_, covered)| leads || covers(*covered));
    let (first, second) = if leads { (opening, best) } else { (best, opening) };
    let is_said = |other: &Statement| first.as_ref().is_some_and(|(first, _)| overlap(first, other));
    let second = second.filter(|(second, _)| !is_said(second));
    first.into_iter().chain(second).collect()
}

/// Whether two quotations of one document have sentences in common.
fn overlap(one: &Statement, other: &Statement) -> bool {
    one.passage == other.passage && one.range.start < other.range.end && other.range.start < one.range.end
}

/// The passage and the sentences in it that cover most of the question, of all that were found in a document: the best passage
/// often stands beside the one that says it.
fn best_run<'a>(asked: &Asked<'_>, candidate: &'a Candidate) -> (&'a Excerpt, Range<usize>) {
    if let Some(nearest) = nearest_window(asked, candidate) {
        return (&candidate.best, nearest);
    }
    let (mut best, (mut range, mut most)) =
        (&candidate.best, best_window(asked.terms, candidate, &candidate.best));
    for (rank, excerpt) in (1..).zip(&candidate.others) {
        let (own, covered) = best_window(asked.terms, candidate, excerpt);
        let covered = covered - PASSAGE_COST * rank as f32;
        if covered > most {
            (best, range, most) = (excerpt, own, covered);
        }
    }
    (best, range)
}

/// Whether what a document says first answers as well as what lies nearest to the question.
fn leads(candidate: &Candidate, opening_covered: f32, best_covered: f32) -> bool {
    let nearness = candidate.opening.as_ref().and_then(|opening| opening.meaning).zip(candidate.best.meaning);
    nearness.is_some_and(|(opening, best)| opening >= best - OPENING_MEANING_MARGIN)
        && opening_covered >= best_covered - OPENING_COVERAGE_MARGIN
}

fn statement(document: u64, excerpt: &Excerpt, range: Range<usize>) -> Option<Statement> {
    let text = excerpt.text.get(range.clone())?.to_owned();
    (!text.is_empty()).then_some(Statement { text, document, passage: excerpt.passage, range })
}

/// In a document of another language: the sentence of the best passage that is nearest to the question, with those that
/// follow it.
fn nearest_window(asked: &Asked<'_>, candidate: &Candidate) -> Option<Range<usize>> {
    if !candidate.crosses_languages {
        return None;
    }
    let text = &candidate.best.text;
    let found = sentences(text);
    if found.len() < 2 {
        return None;
    }
    let texts: Vec<&str> = found.iter().map(|range| text.get(range.clone())).collect::<Option<_>>()?;
    let nearness = (asked.nearness)(&texts)?;
    let (nearest, _) = nearness.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0)))?;
    Some(extend(text, &found, nearest, nearest))
}

/// The run of sentences of a passage that covers most of the question, and how well it does.
fn best_window(terms: &[QueryTerm], candidate: &Candidate, excerpt: &Excerpt) -> (Range<usize>, f32) {
    let found = sentences(&excerpt.text);
    let shape = Shape { text: &excerpt.text, found: &found };
    let context = forms_of(&context_of(candidate, excerpt), excerpt.language);
    let begins = shape.beginning();
    let is_opening = candidate
        .opening
        .as_ref()
        .map_or(excerpt.passage == candidate.best.passage, |opening| opening.passage == excerpt.passage);
    let (mut best, mut best_score) = ((begins, begins), f32::NEG_INFINITY);
    // The head of a mail says what it is about, and nothing of it.
    for first in begins..found.len() {
        let lists = shape.lists(first);
        let most = if shape.is_row(first) || lists { MAX_ROWS } else { MAX_SENTENCES };
        let mut bonus = if first == begins && is_opening { OPENING_BONUS } else { 0.0 };
        for last in first..found.len().min(first + most) {
            let text = span(&excerpt.text, &found, first, last);
            let goes_on = shape.is_row(last) || (lists && shape.is_line(last));
            let past_list = last >= first + MAX_SENTENCES && !goes_on;
            if past_list || (last > first && count_words(text) > MAX_WORDS) {
                break;
            }
            let forms = forms_of(text, excerpt.language);
            let covered = coverage(terms, &forms, &context);
            if first == last && shape.asks(first) && covered >= ASKED_COVERAGE {
                bonus = ASKED_BONUS;
            }
            let score = covered - SENTENCE_COST * (last - first) as f32 + bonus;
            if score > best_score {
                (best, best_score) = ((first, last), score);
            }
        }
    }
    let (first, last) = with_columns(terms, excerpt, &shape, best);
    let first = with_first_step(&shape, first, last);
    (extend(&excerpt.text, &found, first, last), best_score)
}

/// A run that touches a table, or ends where one begins: from the row that names the columns to the row that answers, where both are
/// near.
fn with_columns(
    terms: &[QueryTerm],
    excerpt: &Excerpt,
    shape: &Shape<'_>,
    (first, last): (usize, usize),
) -> (usize, usize) {
    let fits = |first: usize, last: usize| fits(shape, first, last);
    // What is said right before a table is about it.
    if !shape.is_row(last) && !shape.is_row(last + 1) {
        return (first, last);
    }
    let covers = |row: usize| {
        let text = span(shape.text, shape.found, row, row);
        coverage(terms, &forms_of(text, excerpt.language), &HashSet::new())
    };
    let is_answer = shape.is_row(last) && !shape.announces(last);
    let (mut end, mut best) = (last, if is_answer { covers(last) } else { 0.0 });
    for row in (last + 1..shape.found.len()).take_while(|row| shape.is_row(*row) && fits(first, *row)) {
        // Of rows that say as much, all: half a day's price is not a day's.
        let covered = covers(row);
        if covered > 0.0 && covered >= best {
            (end, best) = (row, covered);
        }
    }
    let header = shape.header_of(first);
    if shape.is_row(first) && fits(header, end) { (header, end) } else { (first, end) }
}

/// Where a run begins in the middle of numbered steps: their first one, with what announces them, where that is near. Who begins
/// at the second step does the wrong thing.
fn with_first_step(shape: &Shape<'_>, first: usize, last: usize) -> usize {
    if shape.step(first).is_none_or(|step| step < 2) {
        return first;
    }
    let Some(one) = (0..first).rev().take(MAX_ROWS).find(|index| shape.step(*index) == Some(1)) else {
        return first;
    };
    let announced = one.checked_sub(1).filter(|before| shape.announces(*before));
    let near = announced.into_iter().chain([one]).find(|start| fits(shape, *start, last));
    near.unwrap_or(first)
}

/// Whether a run is short enough for a quotation of rows and steps.
fn fits(shape: &Shape<'_>, first: usize, last: usize) -> bool {
    last - first < MAX_ROWS && count_words(span(shape.text, shape.found, first, last)) <= MAX_WORDS
}

/// Adds the sentences that follow while the quotation stays short: an answer often goes on, though not under the next heading.
/// It does not end on what announces something else; headings on the way don't count.
fn extend(text: &str, found: &[Range<usize>], first: usize, last: usize) -> Range<usize> {
    let shape = Shape { text, found };
    let mut end = last;
    while end + 1 < found.len()
        && !(shape.is_heading(end + 1) && shape.says(first, end))
        && (shape.said(first, end) < MAX_SENTENCES
            || (end == last && shape.announces(end))
            || shape.is_next_step(end + 1))
        && count_words(span(text, found, first, end + 1)) <= MAX_WORDS
    {
        end += 1;
    }
    while end > last && shape.announces(end) {
        end -= 1;
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
            meaning: None,
        };
        Candidate {
            document: 1,
            title: title.to_owned(),
            best: Excerpt { meaning, ..excerpt(2, best) },
            others: Vec::new(),
            opening: opening.map(|text| excerpt(1, text)),
            meaning,
            crosses_languages: false,
        }
    }

    fn terms(words: &[&str]) -> Vec<QueryTerm> {
        words.iter().map(|word| QueryTerm { forms: vec![(*word).to_owned()], weight: 1.0 }).collect()
    }

    fn answer(terms: &[QueryTerm], candidates: &[Candidate], background: Option<f32>) -> Answer {
        super::answer(&Asked { terms, background, nearness: &|_| None }, candidates)
    }

    const PASSAGE: &str = "Les bureaux ferment à midi. Les clefs sont rendues. Le gardien passe. La nuit tombe. \
        Une facture se garde dix ans. Un devis se garde un an.";

    #[test]
    fn the_sentences_that_cover_the_question_are_quoted_exactly_where_they_stand() {
        let answer =
            answer(&terms(&["facture", "dix"]), &[candidate("Archives", None, PASSAGE, Some(0.6))], None);
        assert!(answer.found);
        let first = &answer.statements[0];
        assert!(first.text.starts_with("Une facture se garde dix ans."), "{}", first.text);
        assert_eq!(PASSAGE[first.range.clone()], first.text);
        assert_eq!((first.document, first.passage), (1, 2));
    }

    #[test]
    fn a_quotation_holds_what_gives_it_its_meaning() {
        let check = |words: &[&str], passage: &str, expected: &str| {
            let answer = answer(&terms(words), &[candidate("Salles", None, passage, Some(0.6))], None);
            assert_eq!(answer.statements[0].text, expected, "{words:?}");
        };
        let table = "Tarifs\nSalle | Places | Prix\nCamélia | 20 | 150\nGlycine | 80 | 420\nIris | 8 | 90\nFin. Voilà.";
        check(
            &["iris"],
            table,
            "Salle | Places | Prix\nCamélia | 20 | 150\nGlycine | 80 | 420\nIris | 8 | 90",
        );
        check(
            &["prix", "glycine"],
            table,
            "Tarifs\nSalle | Places | Prix\nCamélia | 20 | 150\nGlycine | 80 | 420",
        );
        let questions = "Réponses aux questions sur la cave.\nOù est le vin ?\nDans la cave. Elle est fraîche.\nEt le cidre ?\nNon.";
        check(&["vin"], questions, "Où est le vin ?\nDans la cave. Elle est fraîche.");
        let mail = "Subject: Serveur\nFrom: a@b.org\nTo: c@d.org\nLe serveur va en baie 14.\nJeanne";
        check(&["serveur"], mail, "Le serveur va en baie 14.\nJeanne");
        let list = "Les clefs :\ncave\ngrenier\nLes outils :\npelle";
        check(&["cave"], list, "Les clefs :\ncave\ngrenier");
        let lease = "Bail de la cave\nEntre la ville et Jeanne\nArticle 1 – Durée\nLe bail dure six ans.\nArticle 2 – Loyer\nLe loyer est de 90 euros. Il se paie en mai. Il suit l’indice.\nArticle 3 – Caution\nIl n’y en a pas.";
        check(
            &["bail", "durée"],
            lease,
            "Bail de la cave\nEntre la ville et Jeanne\nArticle 1 – Durée\nLe bail dure six ans.",
        );
        // What stands under the next heading is about something else.
        check(&["dure", "six", "ans"], lease, "Le bail dure six ans.");
        check(&["loyer", "euros"], lease, "Le loyer est de 90 euros. Il se paie en mai. Il suit l’indice.");
        let found = sentences(list);
        assert_eq!(&list[extend(list, &found, 1, 1)], "cave\ngrenier");
    }

    #[test]
    fn one_sentence_that_is_near_by_itself_makes_up_for_a_passage_about_several_things() {
        let check = |passage: f32, sentence: f32, expected: bool| {
            let nearness = |texts: &[&str]| {
                let of = |text: &&str| if text.starts_with("Une facture") { sentence } else { 0.3 };
                Some(texts.iter().map(of).collect())
            };
            let words = terms(&["facture"]);
            let asked = Asked { terms: &words, background: Some(passage - 0.04), nearness: &nearness };
            let candidates = [candidate("Archives", None, PASSAGE, Some(passage))];
            assert_eq!(super::answer(&asked, &candidates).found, expected, "{passage} {sentence}");
        };
        check(0.41, 0.5, true);
        check(0.41, 0.45, false);
        // A passage that lies far away is not looked at sentence by sentence.
        check(0.3, 0.9, false);
    }

    #[test]
    fn a_sentence_that_holds_every_word_makes_up_for_a_passage_that_lies_farther() {
        let check = |words: &[&str], meaning: f32, expected: bool| {
            let answer = answer(
                &terms(words),
                &[candidate("Archives", None, PASSAGE, Some(meaning))],
                Some(meaning - 0.03),
            );
            assert_eq!(answer.found, expected, "{words:?} {meaning}");
        };
        check(&["facture", "dix"], 0.4, true);
        // One word stands in many sentences; and not all of these stand in one.
        check(&["facture"], 0.4, false);
        check(&["facture", "dix", "devis"], 0.4, false);
        check(&["facture", "dix"], 0.35, false);
    }

    #[test]
    fn copies_of_a_document_are_quoted_once() {
        let copy = |document: u64| Candidate { document, ..candidate("Archives", None, PASSAGE, Some(0.6)) };
        let answer = answer(&terms(&["facture"]), &[copy(1), copy(2), copy(3)], None);
        assert_eq!(answer.statements.len(), 1);
    }

    #[test]
    fn a_title_that_asks_is_answered_by_the_opening() {
        let candidate = candidate("Combien de temps ?", Some("Dix ans. Pas plus."), PASSAGE, Some(0.6));
        let answer = answer(&terms(&["facture"]), &[candidate], None);
        assert_eq!(answer.statements[0].text, "Dix ans. Pas plus.");
        assert_eq!(answer.statements[1].passage, 2);
    }

    #[test]
    fn a_title_that_asks_is_answered_by_the_beginning_of_the_best_passage() {
        let passage = "Les bureaux ferment à midi.\nLes clefs sont rendues.\nLe gardien passe.\nLa nuit tombe.\n\
                       Une facture se garde dix ans.\nUn devis se garde un an.";
        let check = |title: &str, word: &str, expected: &[&str]| {
            let answer = answer(&terms(&[word]), &[candidate(title, None, passage, Some(0.6))], None);
            let texts: Vec<&str> = answer.statements.iter().map(|one| one.text.as_str()).collect();
            assert_eq!(texts, expected, "{title} {word}");
        };
        let beginning = "Les bureaux ferment à midi.\nLes clefs sont rendues.\nLe gardien passe.";
        let behind = "Une facture se garde dix ans.\nUn devis se garde un an.";
        check("Quand ferme-t-on ?", "facture", &[beginning, behind]);
        check("Horaires", "facture", &[behind]);
        // What stands in the beginning is not said again.
        check("Quand ferme-t-on ?", "clefs", &[beginning]);
    }

    #[test]
    fn the_passage_that_says_it_is_quoted_though_another_one_is_better() {
        let other = |text: &str| Excerpt {
            passage: 3,
            text: text.to_owned(),
            headings: String::new(),
            language: Language::French,
            meaning: None,
        };
        let check = |other_text: &str, expected: (u64, &str)| {
            let one = Candidate {
                others: vec![other(other_text)],
                ..candidate("Salle", Some("La salle est grande."), "La salle se loue.", Some(0.6))
            };
            let answer = answer(&terms(&["salle", "caution"]), &[one], None);
            let first = &answer.statements[0];
            assert_eq!((first.passage, first.text.as_str()), expected);
        };
        check("La caution de la salle est de 500 €.", (3, "La caution de la salle est de 500 €."));
        check("La salle est claire.", (2, "La salle se loue."));
    }

    #[test]
    fn steps_begin_with_the_first_and_lists_reach_the_item_that_answers() {
        let check = |passage: &str, words: &[&str], expected: &str| {
            let answer = answer(&terms(words), &[candidate("Guide", None, passage, Some(0.6))], None);
            assert_eq!(answer.statements[0].text, expected, "{words:?}");
        };
        let steps = "Vous avez reçu un message douteux.\nFaites ainsi :\n1. Ne cliquez sur rien.\n\
                     2. Appelez le service informatique.\n3. Attendez sa réponse.";
        let all = steps.split_once('\n').unwrap().1;
        check(steps, &["service", "informatique"], all);
        let list = "Elle vaut pour un an. Elle est mise à jour :\nquand le site change\nquand la loi change\n\
                    quand on le demande\nau plus tard après trois ans\nLe reste est libre.";
        let expected = list.rsplit_once('\n').unwrap().0.split_once(". ").unwrap().1;
        check(list, &["jour", "ans"], expected);
        let table = "Tarifs de la salle des fêtes pour une location.\nDurée | Été | Hiver\nDemi-journée | 70 € | 90 €\n\
                     Soirée | 100 € | 120 €\nJournée | 140 € | 260 €";
        check(table, &["salle", "fetes", "journee"], table);
        // The head of a mail holds words of a question, and says nothing.
        let mail = "Subject: Réunion du lundi\nFrom: anne@mairie.example\nÀ la réunion, Jean était excusé.";
        check(mail, &["reunion", "lundi", "excuse"], "À la réunion, Jean était excusé.");
    }

    #[test]
    fn what_a_document_says_first_leads_where_it_says_as_much() {
        let check = |opening: f32, expected: u64| {
            let mut candidate =
                candidate("Archives", Some("Une facture se garde dix ans."), PASSAGE, Some(0.6));
            candidate.best.meaning = Some(0.6);
            candidate.opening.as_mut().unwrap().meaning = Some(opening);
            let answer = answer(&terms(&["facture"]), &[candidate], None);
            assert_eq!(answer.statements[0].passage, expected, "{opening}");
            assert_eq!(answer.statements.len(), 2);
        };
        check(0.59, 1);
        check(0.5, 2);
    }

    #[test]
    fn across_languages_the_nearest_sentence_is_quoted() {
        let english = "Offices close at noon. Keys are handed back. An invoice is kept for ten years.";
        let nearness = |texts: &[&str]| Some(texts.iter().map(|text| text.len() as f32 / 100.0).collect());
        let check = |meaning: f32, expected: Option<&str>| {
            let crossing =
                Candidate { crosses_languages: true, ..candidate("Archive", None, english, Some(meaning)) };
            let words = terms(&["facture", "garde"]);
            let asked = Asked { terms: &words, background: Some(meaning - 0.06), nearness: &nearness };
            let answer = super::answer(&asked, &[crossing]);
            assert_eq!(answer.statements.first().map(|first| first.text.as_str()), expected, "{meaning}");
        };
        check(0.46, Some("An invoice is kept for ten years."));
        check(0.43, None);
    }

    #[test]
    fn while_vectors_are_made_the_words_of_those_without_one_do() {
        let near = candidate("Cantine", None, "La cantine ouvre à midi.", Some(0.3));
        let waiting = Candidate { document: 2, ..candidate("Archives", None, PASSAGE, None) };
        // Of another passage of the same document a vector is there already.
        let begun = Candidate { meaning: Some(0.3), ..waiting.clone() };
        for without in [waiting, begun] {
            let candidates = [near.clone(), without];
            assert!(answer(&terms(&["facture", "garde"]), &candidates, Some(0.28)).found);
            assert!(!answer(&terms(&["facture", "satellite", "orbite"]), &candidates, Some(0.28)).found);
        }
    }

    #[test]
    fn nothing_near_is_not_found() {
        let check = |meaning: Option<f32>, background: Option<f32>, words: &[&str], expected: bool| {
            let answer = answer(&terms(words), &[candidate("Archives", None, PASSAGE, meaning)], background);
            assert_eq!(answer.found, expected, "{meaning:?} {background:?} {words:?}");
            assert_eq!(answer.statements.is_empty(), !expected);
            assert_eq!(answer.nearest, [1]);
        };
        check(Some(0.3), None, &["facture"], false);
        check(None, None, &["facture"], true);
        check(None, None, &["satellite", "orbite", "facture"], false);
        // Near enough whatever the words; a little farther, only what stands out and holds the words.
        check(Some(0.5), Some(0.49), &["satellite"], true);
        check(Some(0.46), Some(0.38), &["facture"], true);
        check(Some(0.45), Some(0.44), &["facture"], false);
        check(Some(0.46), Some(0.38), &["satellite"], false);
        assert!(!answer(&terms(&["x"]), &[], None).found);
    }
}
