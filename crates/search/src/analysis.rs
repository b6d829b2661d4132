//! Which words does a text hold, in the form in which they are compared?
//!
//! A word is looked up in two forms: *exact* (lower case, no accents) and *stem* (the exact form without French or
//! English endings). Function words have no stem and so weigh nothing, but keep their exact form for phrases. Numbers are
//! words without the marks between their thousands as well, days words of the form `2024-11-30`, references words of the
//! form `rfc7231`, and words with a hyphen words without it, so that they are found however they are written; names out of
//! programs (`API_KEY`) are kept whole as well. Every dash between words is a hyphen here.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::ops::Range;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use foldhash::fast::RandomState;
use intramuros_core::language::Language;
use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::compounds::{self, is_hyphen};
use crate::identifiers::identifiers;
use crate::readings::{days, numbers, references};

/// Longest word in bytes that is indexed; longer runs are encoded data, not words.
pub const MAX_WORD_BYTES: usize = 64;

/// Words of each language whose stems are remembered: nearly all that a text is made of. They take about 3 MB.
const MAX_CACHED_STEMS: usize = 30_000;

/// Pieces of that memory: more than threads ever look into it in the same moment.
const SHARDS: usize = 64;

/// Endings of which the French stemmer takes the last letter.
const DOUBLED: [&str; 5] = ["enn", "onn", "ett", "ell", "eill"];

static FRENCH: LazyLock<Stems> = LazyLock::new(|| Stems::new(Language::French, Algorithm::French));
static ENGLISH: LazyLock<Stems> = LazyLock::new(|| Stems::new(Language::English, Algorithm::English));

/// The stem of the word at `piece` (as written) with its exact form; none for a function word. A word of neither language is
/// its own stem.
pub fn stem(piece: &str, exact: &str, language: Language) -> Option<Arc<str>> {
    let stems = match language {
        Language::French => &FRENCH,
        Language::English => &ENGLISH,
        Language::Other => return Some(exact.into()),
    };
    // Not remembered by its piece: of `52,000` there are two words. Words with marks (`c++`, `api_key`) have no endings.
    match exact.bytes().any(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'#' | b'.' | b'_' | b'-'))
    {
        true => Some(exact.into()),
        false => stems.of(piece, exact),
    }
}

/// One word of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Lower case, without accents.
    pub exact: String,
    /// Where it stands in the text, in bytes.
    pub range: Range<usize>,
    /// Its number in the text, from 0. An identifier as a whole has the number of its first part.
    pub position: u32,
    /// Whether this is an identifier, number or date kept whole (`L.3242-1`, `API_KEY`), beside its parts; also a number
    /// without the marks between its thousands (`85000` where `85 000` stands), a day (`2024-03-01` where `1er mars 2024`
    /// stands), a reference (`l3242-1` where `L. 3242-1` stands), a word without its hyphen (`email` where `e-mail` stands),
    /// and one with its marks (`c++`).
    pub whole: bool,
}

/// The words of a text, in order: a whole comes behind its last part.
pub fn words(text: &str) -> Vec<Word> {
    let mut found = pieces(text);
    let parts: Vec<&Word> = found.iter().filter(|word| !word.whole).collect();
    let mut added = numbers(text, &parts);
    added.extend(days(text, &parts, &found));
    added.extend(references(text, &parts));
    added.extend(compounds::compounds(text, &parts));
    added.extend(compounds::with_marks(text, &parts));
    added.extend(identifiers(text, &parts, &found));
    if !added.is_empty() {
        found.extend(added);
        found.sort_by_key(|word| (word.range.end, Reverse(word.range.start)));
    }
    found
}

/// The words of a text as they stand there.
pub(crate) fn pieces(text: &str) -> Vec<Word> {
    let mut found = Vec::new();
    let mut position = 0;
    for chunk in chunks(text) {
        let first = found.len();
        for part in parts(text, chunk.clone()) {
            push_word(text, part, position, false, &mut found);
            position += 1;
        }
        let several = found.len() > first + 1;
        if several
            && text.get(chunk.clone()).is_some_and(|chunk| chunk.bytes().any(|byte| byte.is_ascii_digit()))
        {
            let at = found.get(first).map_or(position, |word| word.position);
            push_word(text, chunk, at, true, &mut found);
        }
    }
    found
}

fn push_word(text: &str, range: Range<usize>, position: u32, whole: bool, found: &mut Vec<Word>) {
    let Some(piece) = text.get(range.clone()) else { return };
    if piece.len() <= MAX_WORD_BYTES {
        let exact = fold(piece);
        if !exact.is_empty() {
            found.push(Word { exact, range, position, whole });
        }
    }
}

/// Runs of letters and digits, joined by the marks that hold an identifier, number or date together.
fn chunks(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut characters = text.char_indices().peekable();
    std::iter::from_fn(move || {
        let start = loop {
            let (index, character) = characters.next()?;
            if is_word_character(character) {
                break index;
            }
        };
        let mut end = start;
        let mut before = ' ';
        if let Some(character) = text.get(start..).and_then(|rest| rest.chars().next()) {
            end = start + character.len_utf8();
            before = character;
        }
        while let Some(&(index, character)) = characters.peek() {
            if is_word_character(character) {
                end = index + character.len_utf8();
                before = character;
                characters.next();
                continue;
            }
            let next = text.get(index + character.len_utf8()..).and_then(|rest| rest.chars().next());
            if !next.is_some_and(|next| is_word_character(next) && joins(before, character, next)) {
                break;
            }
            characters.next();
        }
        Some(start..end)
    })
}

/// Whether a mark holds together what stands before and behind it.
fn joins(before: char, mark: char, next: char) -> bool {
    match mark {
        '.' | '/' | '_' | '°' => true,
        ',' | ':' => before.is_numeric() && next.is_numeric(),
        // The long dashes part sentences, also without spaces around them.
        '—' | '―' => next.is_numeric(),
        _ => is_dash(mark),
    }
}

/// Whether a character is the hyphen of keyboards, or one of those and of the dashes and minus signs that are set for it.
pub(crate) fn is_dash(character: char) -> bool {
    matches!(character, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// The parts of a chunk between its joining marks.
fn parts(text: &str, chunk: Range<usize>) -> impl Iterator<Item = Range<usize>> + '_ {
    let base = chunk.start;
    let piece = text.get(chunk).unwrap_or_default();
    let mut at = 0;
    piece.split(|character: char| !is_word_character(character)).filter_map(move |part| {
        let start = at;
        at += part.len();
        at += piece.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        (!part.is_empty()).then(|| base + start..base + start + part.len())
    })
}

/// Whether a character belongs to a word.
pub(crate) fn is_word_character(character: char) -> bool {
    character.is_alphanumeric() || is_combining_mark(character)
}

/// Lower case without accents or ligatures, every dash a hyphen.
pub fn fold(word: &str) -> String {
    if word.is_ascii() {
        return word.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(word.len());
    for character in
        word.nfkd().filter(|character| !is_combining_mark(*character)).flat_map(char::to_lowercase)
    {
        match character {
            'œ' => folded.push_str("oe"),
            'æ' => folded.push_str("ae"),
            'ß' => folded.push_str("ss"),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            dash if is_dash(dash) => folded.push('-'),
            other => folded.push(other),
        }
    }
    folded
}

/// Function words, folded: they have no stem.
const FRENCH_FUNCTION_WORDS: &[&str] = &[
    "a", "ai", "as", "au", "aux", "avec", "avez", "avons", "c", "car", "ce", "ces", "cet", "cette", "d",
    "dans", "de", "des", "donc", "du", "elle", "elles", "en", "entre", "es", "est", "et", "etaient", "etait",
    "ete", "etre", "eux", "il", "ils", "j", "je", "l", "la", "le", "les", "leur", "leurs", "lui", "m", "ma",
    "mais", "me", "mes", "moi", "mon", "n", "ne", "ni", "nos", "notre", "nous", "on", "ont", "or", "ou",
    "par", "pas", "pour", "qu", "que", "qui", "s", "sa", "sans", "se", "sera", "seront", "ses", "si", "soit",
    "son", "sont", "sous", "sur", "t", "ta", "te", "tes", "toi", "ton", "tu", "un", "une", "vos", "votre",
    "vous", "y",
];
const ENGLISH_FUNCTION_WORDS: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "be", "been", "but", "by", "d", "for", "from", "had", "has", "have",
    "he", "her", "his", "i", "if", "in", "into", "is", "it", "its", "ll", "me", "my", "no", "not", "of",
    "on", "or", "our", "s", "she", "so", "such", "t", "that", "the", "their", "them", "then", "there",
    "these", "they", "this", "those", "to", "was", "we", "were", "will", "with", "you", "your",
];

/// Words that ask rather than say what is asked for; they weigh nothing in a question.
const FRENCH_QUESTION_WORDS: &[&str] = &[
    "combien", "comment", "dois", "doit", "doivent", "dont", "faire", "fait", "faut", "laquelle", "lequel",
    "peut", "peuvent", "peux", "pourquoi", "puis", "quand", "quel", "quelle", "quelles", "quels", "quoi",
];
const ENGLISH_QUESTION_WORDS: &[&str] = &[
    "can", "could", "did", "do", "does", "how", "may", "might", "must", "shall", "should", "what", "when",
    "where", "which", "who", "whom", "whose", "why", "would",
];

/// Whether a word, folded, is a function word of a language.
pub fn is_function_word(exact: &str, language: Language) -> bool {
    match language {
        Language::French => FRENCH_FUNCTION_WORDS.binary_search(&exact).is_ok(),
        Language::English => ENGLISH_FUNCTION_WORDS.binary_search(&exact).is_ok(),
        Language::Other => false,
    }
}

/// Whether a word, folded, only asks (`comment`, `what`).
pub fn is_question_word(exact: &str, language: Language) -> bool {
    match language {
        Language::French => FRENCH_QUESTION_WORDS.binary_search(&exact).is_ok(),
        Language::English => ENGLISH_QUESTION_WORDS.binary_search(&exact).is_ok(),
        Language::Other => false,
    }
}

/// The stems of a language. Those of frequent words are remembered for all threads together: each by itself would keep some
/// 3 MB, and begin without any.
struct Stems {
    language: Language,
    stemmer: Stemmer,
    hasher: RandomState,
    /// In pieces, so that threads seldom wait for one another.
    known: [Mutex<Known>; SHARDS],
}

/// Stems by word as it is written; none of a function word.
type Known = HashMap<Box<str>, Option<Arc<str>>, RandomState>;

impl Stems {
    fn new(language: Language, algorithm: Algorithm) -> Stems {
        let known = std::array::from_fn(|_| Mutex::default());
        Stems { language, stemmer: Stemmer::create(algorithm), hasher: RandomState::default(), known }
    }

    fn of(&self, piece: &str, exact: &str) -> Option<Arc<str>> {
        // The accents decide endings (payé, paye), so the word is stemmed as written and folded after.
        let shard = self.known.get(self.hasher.hash_one(piece) as usize % SHARDS)?;
        let lock = || shard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stem) = lock().get(piece) {
            return stem.clone();
        }
        let stem = self.compute(piece, exact).map(Arc::from);
        let mut known = lock();
        if known.len() < MAX_CACHED_STEMS / SHARDS {
            known.insert(piece.into(), stem.clone());
        }
        stem
    }

    fn compute(&self, piece: &str, exact: &str) -> Option<Box<str>> {
        if is_function_word(exact, self.language) {
            return None;
        }
        // `e-mail` in one piece has the stem of `email`.
        let letters = piece.nfc().filter(|letter| !is_hyphen(*letter));
        let lower: String = letters.flat_map(char::to_lowercase).collect();
        let mut stem = fold(&self.stemmer.stem(&lower));
        if self.language == Language::French && stem.len() > 4 && stem.ends_with('e') {
            // What the stemmer leaves apart: employe / employé.
            stem.pop();
            if DOUBLED.iter().any(|ending| stem.ends_with(*ending)) {
                // And donnees / données, of which it makes `don`.
                stem.pop();
            }
        }
        if self.language == Language::French && stem.len() > 2 && stem.ends_with('y') {
            // And paye / payé.
            stem.pop();
            stem.push('i');
        }
        if self.language == Language::French
            && stem.ends_with("air")
            && (lower.ends_with("airie") || lower.ends_with("airies"))
        {
            // But the house is not who works there: mairie / maire, librairie / libraire.
            stem.push('i');
        }
        Some(if stem.is_empty() { exact.into() } else { stem.into() })
    }
}

/// Endings of French words without their accents, the longest first, and what they may stand for. Where the stemmer takes an
/// accent into account, the accents of these decide (`sécurité`, `salarié`, `décès`).
const BARE_ENDINGS: [(&str, &[&str]); 8] = [
    ("ieres", &["ières"]),
    ("ites", &["ités"]),
    ("iere", &["ière"]),
    ("ite", &["ité"]),
    ("ees", &["ées"]),
    ("ee", &["ée"]),
    ("es", &["és", "ès"]),
    ("e", &["é"]),
];

/// What a folded French word may be with the accent of its ending: for words that were typed without any.
pub fn accented(exact: &str) -> Vec<String> {
    let ending = BARE_ENDINGS.iter().find_map(|(bare, endings)| Some((exact.strip_suffix(*bare)?, endings)));
    let Some((begin, endings)) = ending else { return Vec::new() };
    endings.iter().map(|ending| format!("{begin}{ending}")).collect()
}

/// The readings of a text of unknown language: both when it is clearly neither.
pub fn readings(language: Language) -> &'static [Language] {
    match language {
        Language::French => &[Language::French],
        Language::English => &[Language::English],
        Language::Other => &[Language::French, Language::English],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.exact).collect()
    }

    #[test]
    fn the_lists_are_sorted() {
        for list in
            [FRENCH_FUNCTION_WORDS, ENGLISH_FUNCTION_WORDS, FRENCH_QUESTION_WORDS, ENGLISH_QUESTION_WORDS]
        {
            assert!(list.is_sorted(), "{list:?}");
        }
    }

    #[test]
    fn words_are_found_in_french_and_english() {
        let check = |text: &str, expected: &[&str]| assert_eq!(exact(text), expected, "{text}");
        check("L'eau d’été coûte", &["l", "eau", "d", "ete", "coute"]);
        check("Œuvre cœur naïf", &["oeuvre", "coeur", "naif"]);
        check("porte-monnaie", &["porte", "monnaie", "portemonnaie"]);
        check("don't stop.", &["don", "t", "stop"]);
        check("e\u{301}te\u{301}", &["ete"]);
        check("", &[]);
    }

    #[test]
    fn identifiers_numbers_and_dates_are_kept_whole_beside_their_parts() {
        let check = |text: &str, whole: &str| {
            let found = words(text);
            let is_number = |word: &Word| word.exact.bytes().all(|byte| byte.is_ascii_digit());
            let is_whole = |word: &&Word| word.whole && !is_number(word);
            let word = found.iter().find(is_whole).unwrap_or_else(|| panic!("{text}: {found:?}"));
            assert_eq!(word.exact, whole);
            assert_eq!(&fold(&text[word.range.clone()]), whole);
        };
        check("l'article L.3242-1 du Code", "l.3242-1");
        check("le 2024-03-01.", "2024-03-01");
        check("soit 1,250.50 euros", "1,250.50");
        check("serveur 192.168.0.1:8080", "192.168.0.1:8080");
        check("ref AB-123/C", "ab-123/c");
        for dash in ['‐', '‑', '‒', '–', '—', '―', '−'] {
            check(&format!("docket FAA{dash}2020{dash}0686."), "faa-2020-0686");
        }
        check("de 2019–2020", "2019-2020");
        assert_eq!(exact("de 10–12 %"), ["de", "10", "12", "10-12"]);
        assert!(words("en 2019—le reste, Paris–Lyon – 2020").iter().all(|word| !word.whole));
        assert!(words("Bonjour. Merci").iter().all(|word| !word.whole));
        assert!(words("en 2020, 30 jours").iter().all(|word| !word.whole));
    }

    #[test]
    fn inflections_share_a_stem() {
        let check = |language: Language, forms: &[&str]| {
            let stems: Vec<_> = forms.iter().map(|form| stem(form, &fold(form), language)).collect();
            assert!(stems.iter().all(|stem| stem == &stems[0] && stem.is_some()), "{forms:?} {stems:?}");
        };
        check(Language::French, &["employé", "employés", "employée", "employées"]);
        check(Language::French, &["paye", "payé", "payés", "payes"]);
        check(Language::French, &["données", "donnees", "donnée", "donnee"]);
        check(Language::French, &["conservation", "conservations"]);
        check(Language::French, &["National", "nationale", "nationales"]);
        check(Language::English, &["running", "runs", "run"]);
        check(Language::English, &["Policies", "policy"]);
        check(Language::French, &["mairie", "mairies", "Mairie"]);
        check(Language::French, &["maire", "maires"]);
        let stem_of = |word: &str| stem(word, word, Language::French);
        assert_ne!(stem_of("maire"), stem_of("mairie"));
        assert_ne!(stem_of("libraire"), stem_of("librairies"));
        assert_eq!(stem("les", "les", Language::French), None);
        assert_eq!(accented("securites"), ["securités"]);
        assert_eq!(accented("deces"), ["decés", "decès"]);
        assert_eq!(accented("bail"), Vec::<String>::new());
        assert_eq!(stem("the", "the", Language::English), None);
    }
}
