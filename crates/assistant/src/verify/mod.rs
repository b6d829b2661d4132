//! Do the passages say what this sentence says?
//!
//! A sentence is held against the sentences of the passages, never against a passage as a whole: two facts of one
//! passage joined into a third are not supported. Numbers, dates and names must stand there, a denial must be a denial
//! on both sides, and enough of the words must be there, in one place or in one place for each clause. Across languages
//! words can't be compared: there numbers, dates, names and denials must agree, and the nearness in meaning, which the
//! caller computes and passes in, must be great enough.
//!
//! Everything here is a function of values; docs/assistant.md has the figures.

mod align;
mod clauses;
mod dates;
mod judge;
mod numbers;
mod tokens;

use std::ops::Range;

use intramuros_core::language::Language;
use intramuros_core::sentence::sentences;
use serde::{Deserialize, Serialize};

use tokens::{Kind, Token};

/// Sentences that are read together: one. Two that follow each other would let the end of one stand behind the beginning
/// of the other; a sentence that says what two say is taken apart at its joint instead.
const WINDOW: usize = 1;

/// Units of evidence looked at: the passages of one answer hold some fifty sentences.
const MAX_UNITS: usize = 2_000;

/// Tokens of one sentence that are compared; the cost is their product.
const MAX_TOKENS: usize = 400;

/// A passage that may support a sentence.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// Its number in the answer, as cited.
    pub number: usize,
    /// Its text.
    pub text: String,
    /// The document's title and the headings above the passage: names in them count as said.
    pub context: String,
    /// Its language.
    pub language: Language,
}

/// Why a sentence is not supported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "what")]
pub enum Reason {
    /// It cites a passage that does not exist.
    UnknownPassage(usize),
    /// A number is not in the passages, or another stands in its place.
    Number(String),
    /// A date is not in the passages, or another stands in its place.
    Date(String),
    /// A name is not in the passages, or another stands in its place.
    Name(String),
    /// It denies what the passages say, or says what they deny.
    Negation,
    /// No place in the passages says it.
    NotSaid,
}

/// A stretch of a passage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The passage's number in the answer.
    pub passage: usize,
    /// Where it stands in the passage's text, in bytes.
    pub range: Range<usize>,
}

/// A judgement of one sentence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Why it is not supported; none when it is.
    pub reason: Option<Reason>,
    /// What supports it: of each passage that does the shortest stretch that holds all of it, by number.
    pub places: Vec<Place>,
    /// The share of what it says that stands in the best place, from 0 to 1.
    pub coverage: f32,
}

impl Verdict {
    /// Whether the passages support the sentence.
    pub fn is_supported(&self) -> bool {
        self.reason.is_none()
    }
}

/// A sentence of a passage.
#[derive(Clone, Debug)]
pub struct Unit {
    /// The passage's number in the answer.
    pub passage: usize,
    /// Where it stands in the passage, in bytes.
    pub range: Range<usize>,
    /// Its text.
    pub text: String,
    /// Its language.
    pub language: Language,
    tokens: Vec<Token>,
}

/// Passages made ready: sentences are held against them one by one.
pub struct Checker {
    units: Vec<Unit>,
    /// What titles and headings say, by passage.
    contexts: Vec<(usize, Vec<Token>)>,
}

impl Checker {
    /// Takes the passages apart.
    pub fn new(evidence: &[Evidence]) -> Checker {
        let mut units = Vec::new();
        let mut contexts = Vec::new();
        for passage in evidence {
            contexts.push((passage.number, tokens::tokens(&passage.context, passage.language)));
            for range in sentences(&passage.text) {
                if units.len() >= MAX_UNITS {
                    break;
                }
                let text = passage.text.get(range.clone()).unwrap_or_default().to_owned();
                let tokens = tokens_of(&text, passage.language);
                units.push(Unit { passage: passage.number, range, text, language: passage.language, tokens });
            }
        }
        Checker { units, contexts }
    }

    /// The sentences of the passages, in order.
    pub fn units(&self) -> &[Unit] {
        &self.units
    }

    /// The units whose nearness in meaning to a sentence would help to judge it, best first, at most `most`: those of
    /// another language, which words can't judge.
    pub fn wanted_meanings(&self, sentence: &str, language: Language, most: usize) -> Vec<usize> {
        let claim = tokens_of(sentence, language);
        let mut wanted: Vec<(usize, usize)> = (0..)
            .zip(&self.units)
            .filter(|(_, unit)| unit.language != language)
            .map(|(number, unit)| (judge::agreement(&claim, &unit.tokens), number))
            .collect();
        wanted.sort_by_key(|(agreement, number)| (std::cmp::Reverse(*agreement), *number));
        wanted.into_iter().take(most).map(|(_, number)| number).collect()
    }

    /// Judges a sentence. `cited` are the numbers that it cites; when they don't support it, the other passages are
    /// looked at, and the verdict names those that do. `meanings` holds, by unit, the dot product of the sentence's
    /// vector and the unit's, where it is known; it may be empty.
    pub fn judge(
        &self,
        sentence: &str,
        language: Language,
        cited: &[usize],
        meanings: &[Option<f32>],
    ) -> Verdict {
        let unknown =
            cited.iter().find(|number| !self.contexts.iter().any(|(passage, _)| passage == *number));
        if let Some(number) = unknown {
            return Verdict {
                reason: Some(Reason::UnknownPassage(*number)),
                places: Vec::new(),
                coverage: 0.0,
            };
        }
        let sentence = clauses::without_opening(sentence);
        let claim = tokens_of(sentence, language);
        if !cited.is_empty() {
            let own = judge::judge(self, &claim, sentence, language, Some(cited), meanings);
            if own.is_supported() {
                return own;
            }
            let all = judge::judge(self, &claim, sentence, language, None, meanings);
            return if all.is_supported() { all } else { own };
        }
        judge::judge(self, &claim, sentence, language, None, meanings)
    }

    /// Whether a sentence that no place says is doubtful rather than wrong: everything exact in it (numbers, dates, names)
    /// stands in these passages, and their sentence that is most like it denies when it denies. Only then is it worth
    /// asking somebody who understands rewordings.
    pub fn is_doubtful(
        &self,
        sentence: &str,
        language: Language,
        verdict: &Verdict,
        passages: &[usize],
    ) -> bool {
        if verdict.reason != Some(Reason::NotSaid) {
            return false;
        }
        let claim = tokens_of(sentence, language);
        let units: Vec<&Unit> = self.units.iter().filter(|unit| passages.contains(&unit.passage)).collect();
        judge::is_doubtful(&claim, &units)
    }
}

/// The tokens of a sentence, as many as are looked at.
fn tokens_of(sentence: &str, language: Language) -> Vec<Token> {
    let mut tokens = tokens::tokens(sentence, language);
    tokens.truncate(MAX_TOKENS);
    tokens
}

/// The reason for a critical token that is not borne out.
fn reason_of(token: &Token) -> Reason {
    let what = token.exact.to_string();
    match token.kind {
        Kind::Number(_) => Reason::Number(what),
        Kind::Date(_) => Reason::Date(what),
        Kind::Name => Reason::Name(what),
        Kind::Negation => Reason::Negation,
        Kind::Word => Reason::NotSaid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_its_own_side_by_side_make_another_statement() {
        let text = "The bucket of the project keeps every report for ten years in the archive of the region.\n\
            The lifecycle rule deletes temporary uploads after seven days.";
        let evidence = Evidence {
            number: 1,
            text: text.to_owned(),
            context: "Weekly storage plan".to_owned(),
            language: Language::English,
        };
        let check = |sentence: &str, expected: bool| {
            let verdict =
                Checker::new(std::slice::from_ref(&evidence)).judge(sentence, Language::English, &[], &[]);
            assert_eq!(verdict.is_supported(), expected, "{sentence}: {verdict:?}");
        };
        check(
            "The bucket of the project keeps every report for ten years in the archive of the region.",
            true,
        );
        // One word in its place is a rewording, two that nobody says are something else.
        check(
            "The bucket of the project stores every report for ten years in the archive of the region.",
            true,
        );
        check("The bucket of the project keeps every report for ten years after temporary uploads.", false);
        check("The bucket of the project keeps every report for ten years in the basement vault.", false);
        // What the title says is said.
        check(
            "In the storage plan, the bucket of the project keeps every report for ten years in the archive.",
            true,
        );
    }
}
