//! What do the answers of one configuration amount to?
//!
//! No model judges: the words of the right answer are looked for, and counted.

use std::collections::HashMap;

use intramuros_search::analysis::words;
use serde::Serialize;

use super::set::OwnQuestion;

/// Documents of a search that are looked at.
const DEPTH: usize = 10;

/// What became of one question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was answered.
    Answered,
    /// The documents don't answer it, says the search or the model.
    #[default]
    Refused,
    /// It was not put to anybody: whoever asks may not choose the collection. It counts as refused.
    Closed,
    /// The model did not answer, with what a person is told. What was answered in its place is not its own.
    Failed(&'static str),
}

/// What one question got.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Given {
    /// What became of it.
    pub outcome: Outcome,
    /// The answer; empty where there is none.
    pub text: String,
    /// Paths of the documents that its sentences cite, one for each citation.
    pub cited: Vec<String>,
    /// Paths of the documents that the search gave, best first.
    pub retrieved: Vec<String>,
    /// Sentences that the passages support, and all.
    pub supported: usize,
    /// Sentences.
    pub sentences: usize,
    /// Until the first checked sentence, in milliseconds.
    pub first_ms: Option<f64>,
    /// Until the end.
    pub total_ms: f64,
    /// Tokens of questions with their passages, as the service counts them, or by their length where it does not.
    pub prompt_tokens: u64,
    /// Tokens of answers.
    pub completion_tokens: u64,
    /// What they cost; none where no price is declared.
    pub cost: Option<f64>,
}

impl Given {
    fn is_answered(&self) -> bool {
        self.outcome == Outcome::Answered
    }

    fn is_failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed(_))
    }

    fn is_refused(&self) -> bool {
        matches!(self.outcome, Outcome::Refused | Outcome::Closed)
    }

    /// How long the configuration took; none where it was not asked, or something else answered in its place.
    pub fn time(&self) -> Option<f64> {
        matches!(self.outcome, Outcome::Answered | Outcome::Refused).then_some(self.total_ms)
    }
}

/// A configuration with what each question got, in the order of the questions.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Configuration {
    /// Its name: a model's, `quote` for sentences of the documents, with `@collection`.
    pub name: String,
    /// What each question got.
    pub given: Vec<Given>,
}

/// What a configuration's answers amount to. Shares are from 0 to 1; none where there is nothing to measure.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    /// The configuration.
    pub name: String,
    /// Questions.
    pub questions: usize,
    /// Of these, that the documents answer.
    pub answerable: usize,
    /// Share of the expected documents among the first ten of the search, a mean over the questions.
    pub recall_10: Option<f64>,
    /// Mean of 1 / place of the first expected document.
    pub mrr_10: Option<f64>,
    /// Answerable questions that were answered.
    pub answered: Option<f64>,
    /// Questions without an answer that were refused. A failure is no refusal.
    pub refused: Option<f64>,
    /// Answers that hold the right answer word for word.
    pub span: Option<f64>,
    /// Words shared with the right answer: harmonic mean of both shares; 0 for what was not answered.
    pub token_f1: Option<f64>,
    /// Citations that lead to an expected document.
    pub citation_precision: Option<f64>,
    /// Expected documents that are cited.
    pub citation_recall: Option<f64>,
    /// Sentences that the check supports.
    pub supported: Option<f64>,
    /// Median time until the first checked sentence, in milliseconds.
    pub first_ms: Option<f64>,
    /// Median time until the end, of what was answered or refused.
    pub median_ms: Option<f64>,
    /// Time within which 95 of 100 of these ended.
    pub p95_ms: Option<f64>,
    /// Tokens of questions with their passages.
    pub prompt_tokens: u64,
    /// Tokens of answers.
    pub completion_tokens: u64,
    /// What they cost.
    pub cost: Option<f64>,
    /// Questions that the model did not answer since it failed; they count as not answered.
    pub failures: usize,
}

/// Measures one configuration.
pub fn figures(questions: &[OwnQuestion], configuration: &Configuration) -> Figures {
    let pairs: Vec<(&OwnQuestion, &Given)> = questions.iter().zip(&configuration.given).collect();
    let with_sources = || pairs.iter().filter(|(question, _)| !question.sources.is_empty());
    let with_answer =
        || pairs.iter().filter_map(|(question, given)| Some((question.answer.as_ref()?, given)));
    let answerable = || pairs.iter().filter(|(question, _)| question.is_answerable());
    let share = |holds: bool| f64::from(u8::from(holds));
    let all = |take: fn(&Given) -> u64| pairs.iter().map(|(_, given)| take(given)).sum();
    let costs: Vec<f64> = pairs.iter().filter_map(|(_, given)| given.cost).collect();
    let mut total: Vec<f64> = pairs.iter().filter_map(|(_, given)| given.time()).collect();
    let mut first: Vec<f64> = pairs.iter().filter_map(|(_, given)| given.first_ms).collect();
    let sentences: usize = pairs.iter().map(|(_, given)| given.sentences).sum();
    let supported: usize = pairs.iter().map(|(_, given)| given.supported).sum();
    let answered_with_sources =
        || with_sources().filter(|(_, given)| given.is_answered() && !given.cited.is_empty());
    Figures {
        name: configuration.name.clone(),
        questions: pairs.len(),
        answerable: answerable().count(),
        recall_10: mean(with_sources().map(|(question, given)| reached(&question.sources, &given.retrieved))),
        mrr_10: mean(
            with_sources().map(|(question, given)| first_place(&question.sources, &given.retrieved)),
        ),
        answered: mean(answerable().map(|(_, given)| share(given.is_answered()))),
        refused: mean(
            pairs
                .iter()
                .filter(|(question, _)| !question.is_answerable())
                .map(|(_, given)| share(given.is_refused())),
        ),
        span: mean(
            with_answer().map(|(answer, given)| share(given.is_answered() && holds(&given.text, answer))),
        ),
        token_f1: mean(
            with_answer()
                .map(|(answer, given)| if given.is_answered() { token_f1(&given.text, answer) } else { 0.0 }),
        ),
        citation_precision: mean(answered_with_sources().map(|(question, given)| {
            let right =
                given.cited.iter().filter(|path| question.sources.iter().any(|source| is(path, source)));
            right.count() as f64 / given.cited.len() as f64
        })),
        citation_recall: mean(
            with_sources().map(|(question, given)| reached(&question.sources, &given.cited)),
        ),
        supported: (sentences > 0).then(|| supported as f64 / sentences as f64),
        first_ms: quantile(&mut first, 0.5),
        median_ms: quantile(&mut total, 0.5),
        p95_ms: quantile(&mut total, 0.95),
        prompt_tokens: all(|given| given.prompt_tokens),
        completion_tokens: all(|given| given.completion_tokens),
        cost: (!costs.is_empty()).then(|| costs.iter().sum()),
        failures: pairs.iter().filter(|(_, given)| given.is_failed()).count(),
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0usize), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

fn quantile(values: &mut [f64], share: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    values.get((last as f64 * share).round() as usize).copied()
}

/// Whether a path is the expected one, or ends in it.
fn is(path: &str, expected: &str) -> bool {
    path == expected || path.strip_suffix(expected).is_some_and(|before| before.ends_with('/'))
}

/// The share of the expected documents that are among these.
fn reached(expected: &[String], paths: &[String]) -> f64 {
    let there = expected.iter().filter(|source| paths.iter().any(|path| is(path, source))).count();
    there as f64 / expected.len().max(1) as f64
}

fn first_place(expected: &[String], paths: &[String]) -> f64 {
    let place = paths.iter().take(DEPTH).position(|path| expected.iter().any(|source| is(path, source)));
    place.map_or(0.0, |place| 1.0 / (place + 1) as f64)
}

fn folded(text: &str) -> Vec<String> {
    words(text).into_iter().filter(|word| !word.whole).map(|word| word.exact).collect()
}

/// Whether a text holds an answer, word for word.
fn holds(text: &str, answer: &str) -> bool {
    let (text, answer) = (folded(text), folded(answer));
    !answer.is_empty() && text.windows(answer.len()).any(|window| window == answer)
}

fn token_f1(text: &str, answer: &str) -> f64 {
    let (text, answer) = (folded(text), folded(answer));
    let mut left: HashMap<&str, usize> = HashMap::new();
    for word in &answer {
        *left.entry(word).or_default() += 1;
    }
    let mut common = 0usize;
    for word in &text {
        if let Some(count) = left.get_mut(word.as_str()).filter(|count| **count > 0) {
            *count -= 1;
            common += 1;
        }
    }
    if common == 0 {
        return 0.0;
    }
    let (precision, recall) = (common as f64 / text.len() as f64, common as f64 / answer.len() as f64);
    2.0 * precision * recall / (precision + recall)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(answer: Option<&str>, sources: &[&str]) -> OwnQuestion {
        OwnQuestion {
            question: "?".to_owned(),
            answer: answer.map(str::to_owned),
            sources: sources.iter().map(|one| (*one).to_owned()).collect(),
            ..OwnQuestion::default()
        }
    }

    fn given(text: &str, cited: &[&str], retrieved: &[&str]) -> Given {
        let owned = |list: &[&str]| list.iter().map(|one| (*one).to_owned()).collect();
        Given {
            outcome: if text.is_empty() { Outcome::Refused } else { Outcome::Answered },
            text: text.to_owned(),
            cited: owned(cited),
            retrieved: owned(retrieved),
            total_ms: 10.0,
            ..Given::default()
        }
    }

    #[test]
    fn right_answers_refusals_and_citations_are_counted() {
        let questions = [
            question(Some("dix ans"), &["archives.md"]),
            question(Some("un an"), &["archives.md", "devis.md"]),
            question(None, &[]),
            question(None, &[]),
        ];
        let configuration = Configuration {
            name: "quote".to_owned(),
            given: vec![
                given("Les factures se gardent dix ans.", &["docs/archives.md"], &["docs/archives.md"]),
                given("", &[], &["x.md", "devis.md"]),
                given("", &[], &[]),
                given("La lune est verte.", &["x.md"], &[]),
            ],
        };
        let found = figures(&questions, &configuration);
        assert_eq!((found.questions, found.answerable), (4, 2));
        assert_eq!((found.answered, found.refused, found.span), (Some(0.5), Some(0.5), Some(0.5)));
        assert_eq!((found.recall_10, found.mrr_10), (Some(0.75), Some(0.75)));
        assert_eq!((found.citation_precision, found.citation_recall), (Some(1.0), Some(0.5)));
        assert!((found.token_f1.unwrap() - 0.25).abs() < 0.01, "{:?}", found.token_f1);
        assert_eq!((found.cost, found.supported, found.median_ms), (None, None, Some(10.0)));
        assert!(is("a/b.md", "b.md") && !is("ab.md", "b.md"));
    }

    #[test]
    fn a_failure_is_neither_an_answer_nor_a_refusal_nor_fast() {
        let questions = [question(Some("dix ans"), &["a.md"]), question(None, &[]), question(None, &[])];
        let with = |outcomes: [Outcome; 3]| {
            let given = |outcome| Given { outcome, total_ms: 10.0, ..Given::default() };
            let configuration = Configuration { name: "m".to_owned(), given: outcomes.map(given).into() };
            figures(&questions, &configuration)
        };
        let failed = Outcome::Failed("?");
        let found = with([failed, failed, Outcome::Refused]);
        assert_eq!((found.failures, found.answered, found.refused), (2, Some(0.0), Some(0.5)));
        assert_eq!((found.span, found.token_f1, found.median_ms), (Some(0.0), Some(0.0), Some(10.0)));
        let found = with([failed; 3]);
        assert_eq!((found.refused, found.median_ms, found.p95_ms), (Some(0.0), None, None));
        // A collection that is not theirs to choose gives them nothing, which takes no time that is worth a number.
        let found = with([Outcome::Closed; 3]);
        assert_eq!((found.failures, found.refused, found.median_ms), (0, Some(1.0), None));
    }
}
