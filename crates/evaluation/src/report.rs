//! What do the rankings of all questions amount to?

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::time::Duration;

use intramuros_assistant::Answer;
use intramuros_core::language::Language;
use intramuros_core::sentence::sentences;
use intramuros_search::Mode;
use intramuros_search::analysis::words;
use intramuros_search::metrics::{mean_with_interval, ndcg, recall, reciprocal_rank};
use serde::Serialize;

use crate::set::Question;

/// One question with what came back.
pub(crate) struct Row {
    pub question: Question,
    pub language: Language,
    pub judged: HashMap<String, u32>,
    pub rankings: HashMap<Mode, (Vec<String>, Duration)>,
    pub embedding: Duration,
    pub answer: Answer,
}

/// The usual measures, each a mean over the questions with half of its 95% confidence interval beside it.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Figures {
    /// Normalised discounted cumulative gain at 10, gain 2^relevance − 1.
    pub ndcg_10: f64,
    /// Half of its interval.
    pub ndcg_10_interval: f64,
    /// Recall at 10.
    pub recall_10: f64,
    /// Half of its interval.
    pub recall_10_interval: f64,
    /// Recall at 100.
    pub recall_100: f64,
    /// Half of its interval.
    pub recall_100_interval: f64,
    /// Mean reciprocal rank at 10.
    pub mrr_10: f64,
    /// Half of its interval.
    pub mrr_10_interval: f64,
}

impl Figures {
    /// The measures in the table's columns.
    fn columns(&self) -> String {
        let column = |mean: f64, half: f64| format!("{mean:>9.4} ± {half:.3}");
        [
            column(self.ndcg_10, self.ndcg_10_interval),
            column(self.recall_10, self.recall_10_interval),
            column(self.recall_100, self.recall_100_interval),
            column(self.mrr_10, self.mrr_10_interval),
        ]
        .concat()
    }
}

/// Figures of the questions of one type.
#[derive(Clone, Debug, Serialize)]
pub struct TypeFigures {
    /// How many questions.
    pub questions: usize,
    /// Words and meaning together.
    pub fused: Figures,
    /// Words alone.
    pub words: Figures,
    /// Meaning alone.
    pub meaning: Figures,
}

/// What a set gave.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The set's name.
    pub set: String,
    /// Documents.
    pub documents: usize,
    /// Passages.
    pub passages: usize,
    /// Passages indexed by words in a second.
    pub passages_per_second: f64,
    /// All questions.
    pub all: TypeFigures,
    /// By type: language, length, form.
    pub by_type: BTreeMap<String, TypeFigures>,
    /// How good the answers are, where the set has answers.
    pub answers: Option<AnswerFigures>,
    /// Share of another set's questions that were refused, where one was given.
    pub refused: Option<f64>,
    /// Median time of a search with the question's vector computed, milliseconds.
    pub median_ms: f64,
}

impl Report {
    pub(crate) fn new(
        set: &str,
        documents: usize,
        passages: usize,
        indexing: Duration,
        rows: Vec<Row>,
        refused: Option<f64>,
    ) -> Report {
        let mut types: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
        for row in &rows {
            for name in types_of(row) {
                types.entry(name).or_default().push(row);
            }
        }
        let mut times: Vec<f64> = rows
            .iter()
            .filter_map(|row| Some((row.embedding + row.rankings.get(&Mode::Fused)?.1).as_secs_f64() * 1e3))
            .collect();
        times.sort_by(f64::total_cmp);
        Report {
            set: set.to_owned(),
            documents,
            passages,
            passages_per_second: passages as f64 / indexing.as_secs_f64().max(1e-9),
            all: type_figures(&rows.iter().collect::<Vec<_>>()),
            by_type: types.into_iter().map(|(name, rows)| (name, type_figures(&rows))).collect(),
            answers: answer_figures(&rows),
            refused,
            median_ms: times.get(times.len() / 2).copied().unwrap_or(0.0),
        }
    }

    /// The report as a table for the terminal.
    pub fn table(&self) -> String {
        let mut out = format!(
            "{}: {} documents, {} passages, {} questions; words indexed at {:.0} passages/s; median search {:.1} ms\n",
            self.set,
            self.documents,
            self.passages,
            self.all.questions,
            self.passages_per_second,
            self.median_ms
        );
        _ = writeln!(
            out,
            "{:<28}{:>10}{:>17}{:>17}{:>17}{:>17}",
            "", "questions", "nDCG@10", "Recall@10", "Recall@100", "MRR@10"
        );
        let of_all = std::iter::once((String::new(), &self.all));
        for (kind, figures) in of_all.chain(self.by_type.iter().map(|(name, of)| (format!(", {name}"), of))) {
            for (mode, of) in
                [("words", &figures.words), ("meaning", &figures.meaning), ("fused", &figures.fused)]
            {
                _ = writeln!(out, "{:<28}{:>10}{}", format!("{mode}{kind}"), figures.questions, of.columns());
            }
        }
        if let Some(answers) = &self.answers {
            _ = writeln!(
                out,
                "answers: {} questions with a known answer, {:.3} answered; the gold answer's first sentence is in the first statement {:.3}, in the first document's {:.3}, in any {:.3}; word for word in any {:.3}",
                answers.questions,
                answers.answered,
                answers.first,
                answers.first_document,
                answers.any,
                answers.exact
            );
        }
        if let Some(refused) = self.refused {
            _ = writeln!(out, "questions of the other set refused: {refused:.3}");
        }
        out
    }
}

/// How good answers are. A statement holds the gold answer when at least 0.6 of the words of the gold's first sentence
/// stand in it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct AnswerFigures {
    /// Questions with a known answer.
    pub questions: usize,
    /// Share that was answered rather than refused.
    pub answered: f64,
    /// Share with the gold answer in the first statement.
    pub first: f64,
    /// Share with the gold answer in a statement from the first document.
    pub first_document: f64,
    /// Share with the gold answer in any statement.
    pub any: f64,
    /// Share with the gold's first sentence word for word in a statement.
    pub exact: f64,
}

/// Share of the gold's words that count as found.
const LEAST_RECALL: f64 = 0.6;

fn answer_figures(rows: &[Row]) -> Option<AnswerFigures> {
    let rows: Vec<&Row> = rows.iter().filter(|row| !row.question.answers.is_empty()).collect();
    if rows.is_empty() {
        return None;
    }
    let share = |holds: &dyn Fn(&Row) -> bool| {
        rows.iter().filter(|row| holds(row)).count() as f64 / rows.len() as f64
    };
    let holds =
        |row: &Row, text: &str| row.question.answers.iter().any(|gold| recall_of(gold, text) >= LEAST_RECALL);
    let exact = |row: &Row, text: &str| {
        row.question.answers.iter().any(|gold| plain(text).contains(&plain(first_sentence(gold))))
    };
    Some(AnswerFigures {
        questions: rows.len(),
        answered: share(&|row| row.answer.found),
        first: share(&|row| {
            row.answer.statements.first().is_some_and(|statement| holds(row, &statement.text))
        }),
        first_document: share(&|row| {
            let first = row.answer.statements.first().map(|statement| statement.document);
            row.answer
                .statements
                .iter()
                .any(|statement| Some(statement.document) == first && holds(row, &statement.text))
        }),
        any: share(&|row| row.answer.statements.iter().any(|statement| holds(row, &statement.text))),
        exact: share(&|row| row.answer.statements.iter().any(|statement| exact(row, &statement.text))),
    })
}

fn first_sentence(text: &str) -> &str {
    sentences(text).into_iter().next().and_then(|range| text.get(range)).unwrap_or_default()
}

fn plain(text: &str) -> String {
    words(text).into_iter().filter(|word| !word.whole).map(|word| word.exact).collect::<Vec<_>>().join(" ")
}

/// The share of the words of the gold's first sentence that stand in a text, each counted once.
fn recall_of(gold: &str, text: &str) -> f64 {
    let set = |text: &str| words(text).into_iter().map(|word| word.exact).collect::<HashSet<String>>();
    let (gold, text) = (set(first_sentence(gold)), set(text));
    if gold.is_empty() { 0.0 } else { gold.intersection(&text).count() as f64 / gold.len() as f64 }
}

/// The types that a question belongs to.
fn types_of(row: &Row) -> Vec<String> {
    /// Up to this many words a question is key words.
    const SHORT: usize = 4;
    let mut types = vec![format!("language {}", row.language.code())];
    types.push(if row.question.text.split_whitespace().count() <= SHORT {
        "short".to_owned()
    } else {
        "long".to_owned()
    });
    types.push(if row.question.text.contains('?') {
        "question".to_owned()
    } else {
        "no question mark".to_owned()
    });
    types
}

fn type_figures(rows: &[&Row]) -> TypeFigures {
    TypeFigures {
        questions: rows.len(),
        fused: figures(rows, Mode::Fused),
        words: figures(rows, Mode::Words),
        meaning: figures(rows, Mode::Meaning),
    }
}

/// A measure of one ranking against its judgements.
type Measure = dyn Fn(&[&str], &HashMap<String, u32>) -> f64;

fn figures(rows: &[&Row], mode: Mode) -> Figures {
    let measure = |measure: &Measure| -> (f64, f64) {
        let values: Vec<f64> = rows
            .iter()
            .filter_map(|row| {
                let ranking: Vec<&str> = row.rankings.get(&mode)?.0.iter().map(String::as_str).collect();
                Some(measure(&ranking, &row.judged))
            })
            .collect();
        mean_with_interval(&values)
    };
    let (ndcg_10, ndcg_10_interval) = measure(&|ranking, judged| ndcg(ranking, judged, 10));
    let (recall_10, recall_10_interval) = measure(&|ranking, judged| recall(ranking, judged, 10));
    let (recall_100, recall_100_interval) = measure(&|ranking, judged| recall(ranking, judged, 100));
    let (mrr_10, mrr_10_interval) = measure(&|ranking, judged| reciprocal_rank(ranking, judged, 10));
    Figures {
        ndcg_10,
        ndcg_10_interval,
        recall_10,
        recall_10_interval,
        recall_100,
        recall_100_interval,
        mrr_10,
        mrr_10_interval,
    }
}
