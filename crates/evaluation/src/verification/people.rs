//! How often does the check doubt what people wrote from a document?
//!
//! The right answers of a set were written by people from the document that holds them: as it stands there, shortened, or in
//! their own words. Each of their sentences is held against all passages of that document. Whether a sentence in own words
//! is really established by the document nobody has judged, so that what is doubted is an upper bound of false alarms.

use std::collections::BTreeMap;

use intramuros_assistant::verify::{Checker, Evidence, Reason};
use intramuros_core::language::detect;
use intramuros_core::sentence::sentences;
use serde::Serialize;

use super::passages;
use crate::set::{CorpusDocument, TestSet};

/// Words of a sentence that is taken: shorter ones are names and numbers rather than sentences.
const LEAST_WORDS: usize = 4;

/// What became of people's own sentences.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PeopleFigures {
    /// Sentences that stand in the document word for word.
    pub quoted: usize,
    /// Of these, doubted.
    pub quoted_doubted: usize,
    /// Sentences in other words.
    pub reworded: usize,
    /// Of these, doubted.
    pub reworded_doubted: usize,
    /// Of all that were doubted, those that the model is asked about where that is declared (`check = "model"`).
    pub asked_about: usize,
    /// Why they were doubted, how often.
    pub reasons: BTreeMap<&'static str, usize>,
    /// Those that were doubted, for whoever works on the check.
    #[serde(skip)]
    pub doubted: Vec<String>,
}

impl PeopleFigures {
    /// The figures in a line for the terminal.
    pub(super) fn in_words(&self) -> String {
        let reasons: Vec<String> =
            self.reasons.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
        format!(
            "people's sentences: {} quoted, {} of them doubted; {} in own words, {} of them doubted ({}); the model would be \
             asked about {}",
            self.quoted,
            self.quoted_doubted,
            self.reworded,
            self.reworded_doubted,
            reasons.join(", "),
            self.asked_about
        )
    }
}

/// Holds the sentences of a set's right answers against their documents.
pub(super) fn doubts(set: &TestSet) -> PeopleFigures {
    let mut figures = PeopleFigures::default();
    for question in &set.questions {
        let judged = set.judgements.get(&question.id);
        let documents: Vec<&CorpusDocument> = set
            .corpus
            .iter()
            .filter(|it| judged.is_some_and(|judged| judged.get(&it.id).is_some_and(|value| *value > 0)))
            .collect();
        let Some(answer) = question.answers.first().filter(|_| !documents.is_empty()) else { continue };
        let evidence = evidence(&documents);
        let text: String = documents.iter().map(|it| plain(&it.text)).collect();
        let all_passages: Vec<usize> = evidence.iter().map(|one| one.number).collect();
        let checker = Checker::new(&evidence);
        let language = detect(&documents.iter().map(|it| it.text.as_str()).collect::<String>());
        for range in sentences(answer) {
            let sentence = answer.get(range).unwrap_or_default();
            if sentence.split_whitespace().count() < LEAST_WORDS {
                continue;
            }
            let verdict = checker.judge(sentence, language, &[], &[]);
            let quoted = text.contains(&plain(sentence));
            let (all, doubted) = if quoted {
                (&mut figures.quoted, &mut figures.quoted_doubted)
            } else {
                (&mut figures.reworded, &mut figures.reworded_doubted)
            };
            *all += 1;
            if verdict.is_supported() {
                continue;
            }
            *doubted += 1;
            figures.asked_about +=
                usize::from(checker.is_doubtful(sentence, language, &verdict, &all_passages));
            let Some(reason) = verdict.reason else { continue };
            *figures.reasons.entry(word(&reason)).or_default() += 1;
            figures.doubted.push(format!("{} {reason:?} {:.2}: {sentence}", question.id, verdict.coverage));
        }
    }
    figures
}

fn evidence(documents: &[&CorpusDocument]) -> Vec<Evidence> {
    let cuts = documents.iter().enumerate().flat_map(|(number, it)| {
        let language = detect(&it.text);
        passages(number, &it.text, 1).into_iter().map(move |cut| (cut.text(), it.title.clone(), language))
    });
    let numbered = cuts.enumerate();
    numbered
        .map(|(number, (text, context, language))| Evidence { number: number + 1, text, context, language })
        .collect()
}

/// Letters and digits alone: how a sentence was ended, quoted or spaced makes no other words.
fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn word(reason: &Reason) -> &'static str {
    match reason {
        Reason::UnknownPassage(_) => "passage",
        Reason::Number(_) => "number",
        Reason::Date(_) => "date",
        Reason::Name(_) => "name",
        Reason::Negation => "negation",
        Reason::NotSaid => "not said",
    }
}
