//! How is a sentence made to say something else?

use intramuros_core::language::Language;

use super::Random;

/// What is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Corruption {
    Number,
    Date,
    Name,
    Negation,
    Fused,
}

impl Corruption {
    pub const ALL: [Corruption; 5] =
        [Corruption::Number, Corruption::Date, Corruption::Name, Corruption::Negation, Corruption::Fused];

    pub fn name(self) -> &'static str {
        match self {
            Corruption::Number => "number swapped",
            Corruption::Date => "date swapped",
            Corruption::Name => "name swapped",
            Corruption::Negation => "negation",
            Corruption::Fused => "facts fused",
        }
    }
}

const FRENCH_MONTHS: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];
const ENGLISH_MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Verbs before or around which a denial is put.
const FRENCH_DENIALS: &[(&str, &str)] = &[
    (" est ", " n'est pas "),
    (" sont ", " ne sont pas "),
    (" peut ", " ne peut pas "),
    (" peuvent ", " ne peuvent pas "),
    (" doit ", " ne doit pas "),
    (" doivent ", " ne doivent pas "),
    (" permet ", " ne permet pas "),
    (" a ", " n'a pas "),
];
const ENGLISH_DENIALS: &[(&str, &str)] = &[
    (" is ", " is not "),
    (" are ", " are not "),
    (" can ", " cannot "),
    (" must ", " must not "),
    (" should ", " should not "),
    (" was ", " was not "),
    (" were ", " were not "),
    (" will ", " will not "),
    (" has ", " has not "),
];

/// Makes a sentence say something else; none where the corruption finds no hold.
pub(super) fn corrupt(
    corruption: Corruption,
    sentence: &str,
    others: &[&String],
    names: &[String],
    language: Language,
    random: &mut Random,
) -> Option<String> {
    let twisted = match corruption {
        Corruption::Number => number(sentence, others, random),
        Corruption::Date => date(sentence, random),
        Corruption::Name => name(sentence, others, names, random),
        Corruption::Negation => negation(sentence, language),
        Corruption::Fused => fused(sentence, others, random),
    }?;
    (twisted != sentence).then_some(twisted)
}

/// The words of a text with where they start.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split([' ', '\u{a0}', '\u{202f}', '\'', '’', '(', ')', ','])
        .map(move |word| (word.as_ptr() as usize - text.as_ptr() as usize, word))
}

fn is_number(word: &str) -> bool {
    let word = word.trim_end_matches('.');
    !word.is_empty() && word.len() <= 4 && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Another number of the passages in its place, or a made-up one.
fn number(sentence: &str, others: &[&String], random: &mut Random) -> Option<String> {
    let (at, word) = words(sentence).find(|(_, word)| is_number(word) && !is_year(word))?;
    let word = word.trim_end_matches('.');
    let value: usize = word.parse().ok()?;
    let around: Vec<usize> = others
        .iter()
        .flat_map(|other| words(other).map(|(_, word)| word).filter(|word| is_number(word)))
        .filter_map(|word| word.trim_end_matches('.').parse::<usize>().ok())
        .filter(|other| *other != value && !sentence.contains(&other.to_string()))
        .collect();
    let from_passage = random.below(2) == 0;
    let other = around.first().copied().filter(|_| from_passage).unwrap_or(value + 1 + random.below(20));
    let mut text = sentence.to_owned();
    text.replace_range(at..at + word.len(), &other.to_string());
    Some(text)
}

fn is_year(word: &str) -> bool {
    word.trim_end_matches('.').parse().is_ok_and(|year: u32| (1900..=2100).contains(&year))
}

/// Another month or another year.
fn date(sentence: &str, random: &mut Random) -> Option<String> {
    for months in [&FRENCH_MONTHS, &ENGLISH_MONTHS] {
        for (number, month) in months.iter().enumerate() {
            let after_digit = |at: usize| {
                let before = sentence.get(..at).unwrap_or_default().trim_end();
                before.ends_with(|c: char| c.is_ascii_digit()) || before.ends_with("1er")
            };
            let before_digit = |at: usize| {
                sentence
                    .get(at + month.len()..)
                    .unwrap_or_default()
                    .trim_start()
                    .starts_with(|c: char| c.is_ascii_digit())
            };
            let found = sentence.match_indices(month).map(|(at, _)| at);
            if let Some(at) = found.into_iter().find(|at| after_digit(*at) || before_digit(*at)) {
                let other = months.get((number + 1 + random.below(11)) % 12)?;
                let mut text = sentence.to_owned();
                text.replace_range(at..at + month.len(), other);
                return Some(text);
            }
        }
    }
    let (at, word) = words(sentence).find(|(_, word)| is_year(word))?;
    let year: usize = word.trim_end_matches('.').parse().ok()?;
    let mut text = sentence.to_owned();
    text.replace_range(at..at + 4, &(year + 1 + random.below(9)).to_string());
    Some(text)
}

/// A capitalised word inside a sentence.
fn is_name(text: &str, at: usize, word: &str) -> bool {
    let word = word.trim_end_matches('.');
    let before = text.get(..at).unwrap_or_default().trim_end();
    word.chars().count() >= 3
        && word.starts_with(char::is_uppercase)
        && word.chars().all(char::is_alphanumeric)
        && before.ends_with(|c: char| c.is_lowercase() || matches!(c, '\'' | '’' | ',' | '('))
}

/// The names of many sentences, each once, in order of appearance.
pub(super) fn names<'a>(sentences: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for sentence in sentences {
        for (at, word) in words(sentence) {
            let name = word.trim_end_matches('.');
            if is_name(sentence, at, word) && found.len() < 500 && !found.iter().any(|known| known == name) {
                found.push(name.to_owned());
            }
        }
    }
    found
}

/// Another name of the passages, or of the set.
fn name(sentence: &str, others: &[&String], names: &[String], random: &mut Random) -> Option<String> {
    let (at, word) = words(sentence).find(|(at, word)| is_name(sentence, *at, word))?;
    let word = word.trim_end_matches('.');
    let around = self::names(others.iter().copied());
    let fits = |name: &&String| !sentence.contains(name.as_str());
    let from_passage = around.iter().find(fits).filter(|_| random.below(2) == 0);
    let other = from_passage.or_else(|| random.of(names).filter(fits))?;
    let mut text = sentence.to_owned();
    text.replace_range(at..at + word.len(), other);
    Some(text)
}

/// A denial taken out where there is one, put in where there is none.
fn negation(sentence: &str, language: Language) -> Option<String> {
    let pairs = if language == Language::French { FRENCH_DENIALS } else { ENGLISH_DENIALS };
    if let Some((plain, denied)) = pairs.iter().find(|(_, denied)| sentence.contains(denied)) {
        return Some(sentence.replacen(denied, plain, 1));
    }
    let (plain, denied) = pairs.iter().find(|(plain, _)| {
        // "ne peut être" denies already without a second word.
        sentence.find(plain).is_some_and(|at| {
            let before = sentence.get(..at).unwrap_or_default();
            let after = sentence.get(at + plain.len()..).unwrap_or_default();
            !before.ends_with(" ne") && !after.starts_with("pas") && !after.starts_with("not")
        })
    })?;
    Some(sentence.replacen(plain, denied, 1))
}

/// The first half of one sentence and the second half of another.
fn fused(sentence: &str, others: &[&String], random: &mut Random) -> Option<String> {
    let half = |text: &str| {
        let words: Vec<(usize, usize)> = words(text).map(|(at, word)| (at, word.len())).collect();
        words.get(words.len() / 2).map(|(at, _)| *at)
    };
    let fits: Vec<&&String> = others
        .iter()
        .filter(|other| super::is_plain(other) && !sentence.contains(other.trim_end_matches('.')))
        .collect();
    let other = random.of(&fits)?;
    let first = sentence.get(..half(sentence)?)?;
    let second = other.get(half(other)?..)?;
    Some(format!("{}{second}", first.trim_end_matches(',')))
}
