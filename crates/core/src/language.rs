//! Which language is this text in?

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// The languages that are analysed on their own; every other is searched by its plain words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Language {
    /// French.
    #[serde(rename = "fr")]
    French,
    /// English.
    #[serde(rename = "en")]
    English,
    /// Another language, or not enough text to tell.
    #[default]
    #[serde(rename = "other")]
    Other,
}

impl Language {
    /// The code that is kept and shown: `fr`, `en`, `other`.
    pub fn code(self) -> &'static str {
        match self {
            Language::French => "fr",
            Language::English => "en",
            Language::Other => "other",
        }
    }

    /// Whether two texts are known to be of different languages.
    pub fn differs(self, other: Language) -> bool {
        self != other && self != Language::Other && other != Language::Other
    }

    /// The language for a code written by [`Language::code`]; also takes full tags such as `fr-FR`.
    pub fn from_code(code: &str) -> Language {
        match code.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "fr" | "fra" | "fre" => Language::French,
            "en" | "eng" => Language::English,
            _ => Language::Other,
        }
    }
}

/// Words that are frequent in French and rare in English, Spanish, Italian, Portuguese and German.
const FRENCH: &[&str] = &[
    "au", "aucun", "aucune", "auprès", "autres", "aux", "avec", "avez", "c'est", "ce", "cela", "ces", "cet",
    "cette", "chez", "comment", "dans", "depuis", "des", "doit", "doivent", "donc", "du", "elle", "elles",
    "est", "et", "faut", "il", "ils", "je", "jour", "jours", "l'on", "lequel", "les", "leur", "leurs",
    "lors", "lorsque", "mais", "mes", "même", "ne", "nos", "notre", "nous", "ont", "ou", "où", "par", "pas",
    "peut", "peuvent", "pour", "pourquoi", "puis", "quand", "quel", "quelle", "quelles", "quels", "qui",
    "sans", "selon", "sera", "ses", "soit", "sont", "sous", "suis", "sur", "tous", "tout", "toute", "toutes",
    "très", "une", "vers", "vos", "votre", "vous", "à", "été", "êtes", "être",
];

/// Words that are frequent in English and rare in the others.
const ENGLISH: &[&str] = &[
    "about", "after", "all", "also", "and", "any", "are", "as", "at", "be", "because", "been", "but", "by",
    "can", "could", "did", "do", "does", "each", "for", "from", "had", "has", "have", "he", "her", "his",
    "how", "if", "into", "is", "it", "its", "may", "more", "must", "my", "no", "not", "of", "only", "or",
    "other", "our", "should", "some", "such", "than", "that", "the", "their", "them", "then", "there",
    "these", "they", "this", "those", "to", "until", "use", "used", "using", "we", "were", "what", "when",
    "where", "which", "while", "who", "will", "with", "would", "you", "your",
];

/// Bytes of a text that are looked at: enough to be sure, short enough to cost microseconds.
const DETECT_BYTES: usize = 2_000;

/// Of a hundred words of running text some 35 stand in its own language's list and fewer than 4 in the other's.
const LEAST_PERCENT: usize = 8;

/// The frequent words with the language they speak for.
static KNOWN: LazyLock<HashMap<&str, Language>> = LazyLock::new(|| {
    let french = FRENCH.iter().map(|word| (*word, Language::French));
    french.chain(ENGLISH.iter().map(|word| (*word, Language::English))).collect()
});

/// No word of the lists is longer, in bytes. What is elided may be.
const LONGEST: usize = 10;

/// Detects French and English by their frequent words; [`Language::Other`] when neither is clear.
pub fn detect(text: &str) -> Language {
    let mut end = text.len().min(DETECT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let (mut words, mut french, mut english) = (0usize, 0usize, 0usize);
    let mut lower = String::new();
    for word in
        text.get(..end).unwrap_or_default().split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '’')
    {
        if word.is_empty() || word.chars().all(char::is_numeric) {
            continue;
        }
        words += 1;
        if word.len() > LONGEST && !word.contains(['\'', '’']) {
            continue;
        }
        lower.clear();
        lower.extend(word.chars().flat_map(char::to_lowercase).map(|c| if c == '’' { '\'' } else { c }));
        match KNOWN.get(lower.as_str()) {
            Some(Language::French) => french += 1,
            Some(_) => english += 1,
            None if is_elided(&lower) => french += 1,
            None => {}
        }
    }
    let least = (words * LEAST_PERCENT).div_ceil(100).max(1);
    if french >= least && french > english {
        Language::French
    } else if english >= least && english > french {
        Language::English
    } else {
        Language::Other
    }
}

/// Elision is French by itself: l'eau, d'abord, qu'il, n'est.
fn is_elided(word: &str) -> bool {
    word.split_once('\'').is_some_and(|(article, rest)| {
        matches!(article, "l" | "d" | "qu" | "n" | "j" | "s" | "c" | "jusqu" | "lorsqu") && rest.len() > 1
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn french_and_english_are_told_apart_and_others_left_alone() {
        assert!(FRENCH.iter().chain(ENGLISH).all(|word| word.len() <= LONGEST));
        assert_eq!(KNOWN.len(), FRENCH.len() + ENGLISH.len(), "a word stands in both lists");
        let check = |text: &str, expected: Language| assert_eq!(detect(text), expected, "{text}");
        check("Quelle est la durée de conservation des factures ?", Language::French);
        check("L’installation d’un logiciel", Language::French);
        check("How long must invoices be kept?", Language::English);
        check("what similarity laws must be obeyed when constructing models", Language::English);
        check("cookie", Language::Other);
        check("Dies ist ein deutscher Text für Tests der Spracherkennung.", Language::Other);
        check("El perro come la carne que le dio su amo en la casa de campo", Language::Other);
        check("", Language::Other);
        check("2024 12 31 15:04", Language::Other);
    }
}
