//! What may a word of a question have been meant to be?
//!
//! A word that no visible document holds, and one that strays into next to none while many hold a word like it: one
//! typing error anywhere would else stop every question that makes the same one. Everything is counted over what is
//! visible.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Instant;

use intramuros_core::error::Error;
use unicode_normalization::UnicodeNormalization;

use crate::analysis::words;
use crate::catalogue::Slot;
use crate::lexical::{Form, Scope};
use crate::query::{Query, QueryWord};
use crate::searching::Texts;
use crate::snapshot::Similar;
use crate::words::In;

/// Words of visible documents that are looked at for a typing error or a beginning.
const MAX_SIMILAR: usize = 64;

/// Of those, the ones that are looked up.
const MAX_LOOKED_UP: usize = 12;
const MOST_TYPOS: usize = 3;

/// The least letters that a word shares with its kin.
const LEAST_KIN_LETTERS: usize = 5;

/// What a guess counts beside a word that is there.
pub(crate) const TYPO_WEIGHT: f32 = 0.6;
const BEGINNING_WEIGHT: f32 = 0.5;

/// What a stray word itself counts beside the guesses: so much that one occurrence stands before many of theirs (what a
/// word adds levels off), for it may be a name.
pub(crate) const STRAY_WEIGHT: f32 = 10.0;

/// Words of a question, from its beginning, of which it is looked whether they stray. 16: more than people type, and each costs a
/// list of places, those that the asker may not see included.
const MOST_LOOKED_AT: usize = 16;

/// A word strays where at most this many visible documents hold it in any form, and this many times as many hold a word
/// that is one typing error away.
const MOST_OF_STRAY: usize = 2;
const TIMES_AS_MANY: usize = 20;

/// Shorter words have too many neighbours for a guess to mean anything by itself: one has to stand beside a word beside
/// which it stands in the question (`sik leave`). Of a word that is there more is asked: many short ones are words.
const LEAST_TYPO_LETTERS: usize = 4;
const LEAST_STRAY_LETTERS: usize = 5;

/// Of words this short only a letter that is missing is looked for: `CDD` and `CDI` are not the same.
const LEAST_LETTERS: usize = 3;

/// Passages that are read to see how a mended word is written: the index knows it without its accents.
const READ_FOR_ACCENTS: usize = 4;

/// What a word may have been meant to be.
#[derive(Default)]
pub(crate) struct Guess {
    /// Words of visible documents, the most frequent first.
    pub words: Vec<Form>,
    /// The first of them as the documents write it.
    pub written: Option<String>,
    /// Whether a visible document holds a word that begins alike; not looked for where there are others.
    pub has_kin: bool,
}

/// Looks for what the words of one question may have been meant to be.
pub(crate) struct Mending<'a> {
    /// What is looked at.
    pub scope: &'a Scope<'a>,
    /// The question.
    pub query: &'a Query,
    /// Gives the texts of passages.
    pub texts: &'a Texts<'a>,
    /// When looking ends.
    pub until: Instant,
}

impl Mending<'_> {
    /// What the word at this place of the question may have been meant to be, where no visible document holds it.
    pub(crate) fn of_unknown(&self, at: usize) -> Result<Guess, Error> {
        let Some(word) = self.query.words.get(at) else { return Ok(Guess::default()) };
        let guess = self.guess(self.typos(at, LEAST_TYPO_LETTERS, 1)?)?;
        let has_kin = guess.words.is_empty() && self.has_kin(word)?;
        Ok(Guess { has_kin, ..guess })
    }

    /// The same of one that stands somewhere, in these forms. What is in quotation marks is meant as it is: every visible
    /// document holds it then, so that no other word stands in more.
    pub(crate) fn of_stray(&self, at: usize, forms: &[Form]) -> Result<Guess, Error> {
        let Some(word) = self.query.words.get(at) else { return Ok(Guess::default()) };
        let is_looked_at = at < MOST_LOOKED_AT && may_be_mistyped(word);
        let holders = if is_looked_at { few_holders(self.scope, forms)? } else { None };
        let typos = match holders {
            Some(holders) => self.typos(at, LEAST_STRAY_LETTERS, holders * TIMES_AS_MANY)?,
            None => Vec::new(),
        };
        self.guess(typos)
    }

    fn guess(&self, words: Vec<Form>) -> Result<Guess, Error> {
        let written = match words.first() {
            Some(best) => Some(as_written(self.scope, &best.word, self.texts)?),
            None => None,
        };
        Ok(Guess { words, written, has_kin: false })
    }

    /// Words in at least so many visible documents that the word may have been meant to be, the most frequent first. From
    /// `letters` on a word says enough by itself.
    fn typos(&self, at: usize, letters: usize, least: usize) -> Result<Vec<Form>, Error> {
        let word = match self.query.words.get(at) {
            Some(word) if may_be_mistyped(word) => word,
            _ => return Ok(Vec::new()),
        };
        let Scope { snapshot, visible, .. } = *self.scope;
        let similar = snapshot.similar(&word.exact, Similar::OneTypo, visible, MAX_SIMILAR, self.until)?;
        let mut similar = similar.unwrap_or_default();
        let own = word.exact.chars().count();
        if own == LEAST_LETTERS {
            similar.retain(|other| other.chars().count() > own);
        }
        if own < letters {
            similar = self.beside(at, similar)?;
        }
        most_frequent(self.scope, similar, MOST_TYPOS, TYPO_WEIGHT, least)
    }

    /// Those of the words that stand in a visible document right beside a word beside which the one at this place stands in
    /// the question; none where that was not found out in time.
    fn beside(&self, at: usize, words: Vec<String>) -> Result<Vec<String>, Error> {
        let word = |at: usize| self.query.words.get(at).filter(|word| !word.whole);
        let follows = |first: &QueryWord, second: &QueryWord| first.position + 1 == second.position;
        let Some(own) = word(at) else { return Ok(Vec::new()) };
        let before = at.checked_sub(1).and_then(word).filter(|before| follows(before, own));
        let behind = word(at + 1).filter(|behind| follows(own, behind));
        let mut beside = Vec::new();
        for word in words {
            if Instant::now() >= self.until {
                return Ok(Vec::new());
            }
            let holds = match (before, behind) {
                (Some(before), _) if self.holds(&before.exact, &word)? => true,
                (_, Some(behind)) => self.holds(&word, &behind.exact)?,
                _ => false,
            };
            if holds {
                beside.push(word);
            }
        }
        Ok(beside)
    }

    /// Whether a visible document holds one word right behind another.
    fn holds(&self, first: &str, second: &str) -> Result<bool, Error> {
        let mut holds = false;
        let pair = [(first, 1), (second, 1)];
        self.scope.snapshot.phrase(In::Exact, &pair, 0, self.scope.visible, |_| holds = true)?;
        Ok(holds)
    }

    /// Whether a visible document holds a word that begins as this one does for most of its length: another form of it that
    /// the stems don't tell (`télétravailleur`, `télétravail`). Numbers have no kin.
    fn has_kin(&self, word: &QueryWord) -> Result<bool, Error> {
        let letters = word.exact.chars().count();
        if word.exact.bytes().any(|byte| byte.is_ascii_digit()) {
            return Ok(false);
        }
        let kept = (letters * 2).div_ceil(3).max(LEAST_KIN_LETTERS);
        let beginning: String = word.exact.chars().take(kept).collect();
        let Scope { snapshot, visible, .. } = *self.scope;
        let kin = snapshot.similar(&beginning, Similar::Beginning, visible, 1, self.until)?;
        // Where it was not found out, nothing is said to stand nowhere.
        Ok(kin.is_none_or(|kin| !kin.is_empty()))
    }
}

/// Whether typing errors are looked for in a word: not in figures, nor in short abbreviations.
fn may_be_mistyped(word: &QueryWord) -> bool {
    let letters = word.exact.chars().count();
    let is_short_name = letters < LEAST_TYPO_LETTERS && word.written.chars().all(char::is_uppercase);
    letters >= LEAST_LETTERS && !is_short_name && !word.exact.bytes().any(|byte| byte.is_ascii_digit())
}

/// How many visible documents hold one of the forms; none where they are more than a stray word has. Reads no further than
/// that is known.
fn few_holders(scope: &Scope<'_>, forms: &[Form]) -> Result<Option<usize>, Error> {
    let mut holders: Vec<Slot> = Vec::new();
    for form in forms {
        for place in form.places() {
            let are_many = scope.snapshot.find_posting(*place, &form.word, |posting| {
                if scope.visible.contains(posting.slot) && !holders.contains(&posting.slot) {
                    holders.push(posting.slot);
                }
                holders.len() > MOST_OF_STRAY
            })?;
            if are_many {
                return Ok(None);
            }
        }
    }
    Ok(Some(holders.len()))
}

/// A word of the index as visible documents write it, with its accents: as most of a few passages do. As the
/// index has it where it stands in titles alone.
fn as_written(scope: &Scope<'_>, word: &str, texts: &Texts<'_>) -> Result<String, Error> {
    // The first by their numbers: their order in the index depends on what else is in it.
    let mut passages: BTreeSet<u64> = BTreeSet::new();
    scope.postings(In::Exact, word, |posting| {
        passages.extend(scope.snapshot.passage_id(posting.passage));
        if passages.len() > READ_FOR_ACCENTS {
            passages.pop_last();
        }
    })?;
    if passages.is_empty() {
        return Ok(word.to_owned());
    }
    let passages: Vec<u64> = passages.into_iter().collect();
    let texts = texts(&passages);
    let written = most_written(word, texts.iter().map(|(text, _)| text.as_str()));
    Ok(written.unwrap_or_else(|| word.to_owned()))
}

/// The form in which texts write a word most often, in lower case; of those as frequent the one with accents.
fn most_written<'a>(word: &str, texts: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    for text in texts {
        // Also in two words with a hyphen.
        for found in words(text).into_iter().filter(|found| found.exact == word) {
            let piece = text.get(found.range).unwrap_or_default();
            *counted.entry(piece.nfc().flat_map(char::to_lowercase).collect()).or_default() += 1;
        }
    }
    // Of equals the last one is taken, and letters with accents come behind those without.
    counted.into_iter().max_by_key(|(_, count)| *count).map(|(written, _)| written)
}

/// Words of visible documents that begin as this one, the most frequent first.
pub(crate) fn beginnings(scope: &Scope<'_>, beginning: &str, until: Instant) -> Result<Vec<Form>, Error> {
    let similar = scope.snapshot.similar(beginning, Similar::Beginning, scope.visible, MAX_SIMILAR, until)?;
    most_frequent(scope, similar.unwrap_or_default(), MAX_LOOKED_UP, BEGINNING_WEIGHT, 1)
}

/// The most frequent of these words, of those that stand in at least so many visible documents.
fn most_frequent(
    scope: &Scope<'_>,
    words: Vec<String>,
    most: usize,
    weight: f32,
    least: usize,
) -> Result<Vec<Form>, Error> {
    let mut counted = Vec::new();
    let mut holders: HashSet<Slot> = HashSet::new();
    for word in words {
        holders.clear();
        let mut count = 0u32;
        for place in [In::Exact, In::TitleExact] {
            scope.postings(place, &word, |posting| {
                count += 1;
                // No more are asked for: frequent words stand in a million passages.
                if holders.len() < least {
                    holders.insert(posting.slot);
                }
            })?;
        }
        if holders.len() >= least {
            counted.push((count, word));
        }
    }
    counted.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    Ok(counted.into_iter().take(most).map(|(_, word)| Form { place: In::Exact, word, weight }).collect())
}

/// A text with a word replaced wherever it stands by itself: not inside a longer one.
pub(crate) fn mended(text: &str, word: &str, by: &str) -> String {
    let mut mended = String::with_capacity(text.len() + by.len());
    let mut rest = 0;
    for (start, _) in text.match_indices(word) {
        let end = start + word.len();
        let before = text.get(..start).unwrap_or_default();
        let behind = text.get(end..).unwrap_or_default();
        if !before.ends_with(char::is_alphanumeric) && !behind.starts_with(char::is_alphanumeric) {
            mended.push_str(text.get(rest..start).unwrap_or_default());
            mended.push_str(by);
            rest = end;
        }
    }
    mended.push_str(text.get(rest..).unwrap_or_default());
    mended
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mended_word_is_written_as_the_documents_write_it() {
        let check = |texts: &[&str], expected: Option<&str>| {
            assert_eq!(most_written("conges", texts.iter().copied()).as_deref(), expected, "{texts:?}");
        };
        check(&["Les congés payés.", "CONGES", "Congés de mai"], Some("congés"));
        check(&["conge\u{301}s", "conges"], Some("congés"));
        check(&["conges, conges", "congés"], Some("conges"));
        check(&["un congé"], None);
        check(&[], None);
    }

    #[test]
    fn a_word_is_mended_wherever_it_stands_by_itself() {
        let check = |text: &str, word: &str, by: &str, expected: &str| {
            assert_eq!(mended(text, word, by), expected);
        };
        check("bak up, roll bak: a bakery (bak)", "bak", "back", "back up, roll back: a bakery (back)");
        check("l’été à sik", "sik", "sick", "l’été à sick");
        check("basik sik", "sik", "sick", "basik sick");
        check("rien", "sik", "sick", "rien");
    }

    #[test]
    fn figures_and_short_abbreviations_are_not_mended() {
        let mistyped = |question: &str| Query::parse(question).words.first().map(may_be_mistyped);
        for word in ["parentel", "sik", "Dupond", "SMIC"] {
            assert_eq!(mistyped(word), Some(true), "{word}");
        }
        for word in ["CDD", "rfc7231", "2024", "ab"] {
            assert_eq!(mistyped(word), Some(false), "{word}");
        }
    }
}
