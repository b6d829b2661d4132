//! Which words does a text hold, in the form in which they are compared?
//!
//! A word is looked up in two forms: *exact* (lower case, no accents) and *stem* (the exact form without French or
//! English endings). Function words have no stem and so weigh nothing, but keep their exact form for phrases. Numbers are
//! words without the marks between their thousands as well, so that they are found however they are written.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::ops::Range;

use foldhash::fast::RandomState;
use intramuros_core::language::Language;
use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longest word in bytes that is indexed; longer runs are encoded data, not words.
pub const MAX_WORD_BYTES: usize = 64;

/// Words kept in the stem cache of each language: nearly all words that a text is made of. They take about 3 MB, in
/// each thread that answers questions.
const MAX_CACHED_STEMS: usize = 30_000;

/// Longest number that is read without its marks, in parts: 999 999 999 999 999. What is longer is a list of figures.
const MAX_NUMBER_PARTS: usize = 5;

/// Digits between two of these marks.
const THOUSANDS: usize = 3;

thread_local! {
    static ANALYSER: RefCell<Analyser> = RefCell::default();
}

/// The stem of a word as [`Analyser::stem`] finds it, with this thread's memory of frequent words.
pub fn stem(piece: &str, exact: &str, language: Language) -> Option<Box<str>> {
    with_stem(piece, exact, language, |stem| stem.map(Box::from))
}

/// Calls `with` with what [`stem`] gives, without a copy.
pub fn with_stem<T>(piece: &str, exact: &str, language: Language, with: impl FnOnce(Option<&str>) -> T) -> T {
    ANALYSER.with_borrow_mut(|analyser| with(analyser.stem(piece, exact, language)))
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
    /// Whether this is an identifier, number or date kept whole (`L.3242-1`, `2024-03-01`), beside its parts; also a number
    /// without the marks between its thousands (`85000` where `85 000` stands).
    pub whole: bool,
}

/// The words of a text, in order: a whole comes behind its last part.
pub fn words(text: &str) -> Vec<Word> {
    let mut found = pieces(text);
    let numbers = numbers(text, &found);
    if !numbers.is_empty() {
        found.extend(numbers);
        found.sort_by_key(|word| (word.range.end, Reverse(word.range.start)));
    }
    found
}

/// The words of a text as they stand there.
fn pieces(text: &str) -> Vec<Word> {
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

/// Numbers with marks between their thousands, without the marks. Nothing in `3.141` and `1,234` tells a decimal mark from
/// one of thousands, so they are read both ways.
fn numbers(text: &str, found: &[Word]) -> Vec<Word> {
    let is_digits = |word: &&Word| {
        let piece = text.get(word.range.clone()).unwrap_or_default();
        !word.whole && piece.bytes().all(|byte| byte.is_ascii_digit())
    };
    let parts: Vec<&Word> = found.iter().filter(is_digits).collect();
    let mut numbers = Vec::new();
    let mut rest = parts.as_slice();
    while !rest.is_empty() {
        let (run, after) = rest.split_at(run_length(text, rest));
        numbers.extend(number(text, run));
        rest = after;
    }
    numbers
}

/// How many of these parts, from the first on, may be one number: they stand behind the same mark.
fn run_length(text: &str, parts: &[&Word]) -> usize {
    let mark = parts.first().filter(|first| may_begin(text, first)).and_then(|_| mark_of(text, parts));
    match mark {
        Some(_) => 1 + parts.windows(2).take_while(|pair| mark_of(text, pair) == mark).count(),
        None => 1,
    }
}

/// Whether a number may begin with these digits: not with 0, and not inside another number.
fn may_begin(text: &str, first: &Word) -> bool {
    let mut before = text.get(..first.range.start).unwrap_or_default().chars().rev();
    let is_inside = match before.next() {
        Some('.' | ',') => true,
        // In `d'1 200` it is none of a number.
        Some('\'' | '’') => before.next().is_some_and(|character| character.is_ascii_digit()),
        _ => false,
    };
    first.exact.len() <= THOUSANDS && !first.exact.starts_with('0') && !is_inside
}

/// The mark of thousands between the first two of these parts.
fn mark_of(text: &str, parts: &[&Word]) -> Option<char> {
    let [before, next, ..] = parts else { return None };
    let mut between = text.get(before.range.end..next.range.start)?.chars();
    let mark = thousands_mark(between.next()?)?;
    (between.next().is_none() && next.exact.len() == THOUSANDS).then_some(mark)
}

/// What a character is between thousands, in the simplest form; none where it is no mark of them.
fn thousands_mark(character: char) -> Option<char> {
    match character {
        ' ' | '\u{a0}' | '\u{2009}' | '\u{202f}' => Some(' '),
        '\'' | '’' => Some('\''),
        '.' | ',' => Some(character),
        _ => None,
    }
}

/// The number of which these are the parts. A further group behind the same mark makes it something else (`192.168.0.1`);
/// behind a space it is another number.
fn number(text: &str, parts: &[&Word]) -> Option<Word> {
    let (first, last) = (parts.first()?, parts.last()?);
    let mark = mark_of(text, parts)?;
    let mut after = text.get(last.range.end..)?.chars();
    let goes_on = mark != ' '
        && after.next().and_then(thousands_mark) == Some(mark)
        && after.next().is_some_and(|character| character.is_ascii_digit());
    if goes_on || parts.len() > MAX_NUMBER_PARTS {
        return None;
    }
    let exact = parts.iter().map(|part| part.exact.as_str()).collect();
    Some(Word { exact, range: first.range.start..last.range.end, position: first.position, whole: true })
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
            let joins = matches!(character, '.' | ',' | '-' | '/' | ':' | '_' | '°')
                && next.is_some_and(|next| {
                    is_word_character(next)
                        && (character != ',' && character != ':'
                            || (before.is_numeric() && next.is_numeric()))
                });
            if !joins {
                break;
            }
            characters.next();
        }
        Some(start..end)
    })
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

/// Lower case without accents or ligatures.
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

/// Finds stems, and remembers those of frequent words.
pub struct Analyser {
    french: Stems,
    english: Stems,
}

struct Stems {
    language: Language,
    stemmer: Stemmer,
    known: HashMap<String, Option<Box<str>>, RandomState>,
    /// The last one that found no room.
    last: Option<Box<str>>,
}

impl Default for Analyser {
    fn default() -> Self {
        let stems = |language, algorithm| Stems {
            language,
            stemmer: Stemmer::create(algorithm),
            known: HashMap::default(),
            last: None,
        };
        Analyser {
            french: stems(Language::French, Algorithm::French),
            english: stems(Language::English, Algorithm::English),
        }
    }
}

impl Analyser {
    /// The stem of the word at `piece` (as written) with its exact form; none for a function word. A word of neither
    /// language is its own stem.
    pub fn stem<'a>(&'a mut self, piece: &str, exact: &'a str, language: Language) -> Option<&'a str> {
        match language {
            Language::French => self.french.stem(piece, exact),
            Language::English => self.english.stem(piece, exact),
            Language::Other => Some(exact),
        }
    }
}

impl Stems {
    fn stem<'a>(&'a mut self, piece: &str, exact: &'a str) -> Option<&'a str> {
        // Not remembered by its piece: of `52,000` there are two words.
        if exact.bytes().any(|byte| byte.is_ascii_digit()) {
            return Some(exact);
        }
        // The accents decide endings (payé, paye), so the word is stemmed as written and folded after.
        if !self.known.contains_key(piece) {
            let stem = self.compute(piece, exact);
            if self.known.len() >= MAX_CACHED_STEMS {
                self.last = stem;
                return self.last.as_deref();
            }
            self.known.insert(piece.to_owned(), stem);
        }
        self.known.get(piece)?.as_deref()
    }

    fn compute(&self, piece: &str, exact: &str) -> Option<Box<str>> {
        if is_function_word(exact, self.language) {
            return None;
        }
        let lower: String = piece.nfc().flat_map(char::to_lowercase).collect();
        let mut stem = fold(&self.stemmer.stem(&lower));
        if self.language == Language::French && stem.len() > 4 && stem.ends_with('e') {
            // What the stemmer leaves apart: employe / employé.
            stem.pop();
        }
        if self.language == Language::French && stem.len() > 2 && stem.ends_with('y') {
            // And paye / payé.
            stem.pop();
            stem.push('i');
        }
        Some(if stem.is_empty() { exact.into() } else { stem.into() })
    }
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
    use proptest::prelude::*;

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
        check("porte-monnaie", &["porte", "monnaie"]);
        check("don't stop.", &["don", "t", "stop"]);
        check("e\u{301}te\u{301}", &["ete"]);
        check("", &[]);
    }

    #[test]
    fn identifiers_numbers_and_dates_are_kept_whole_beside_their_parts() {
        let check = |text: &str, whole: &str| {
            let found = words(text);
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
        assert!(words("Bonjour. Merci").iter().all(|word| !word.whole));
        assert!(words("en 2020, 30 jours").iter().all(|word| !word.whole));
    }

    #[test]
    fn numbers_are_read_without_the_marks_between_their_thousands() {
        let check = |text: &str, expected: &[(&str, &str)]| {
            let found = words(text);
            let found: Vec<(&str, &str)> = found
                .iter()
                .filter(|word| is_number(word))
                .map(|word| (word.exact.as_str(), &text[word.range.clone()]))
                .collect();
            assert_eq!(found, expected, "{text}");
        };
        check("soit 52,000 euros", &[("52000", "52,000")]);
        check("85 000 €", &[("85000", "85 000")]);
        check("85\u{a0}000 €", &[("85000", "85\u{a0}000")]);
        check("85\u{202f}000€.", &[("85000", "85\u{202f}000")]);
        check("24.500. Puis", &[("24500", "24.500")]);
        check("24'500 ou 24’500", &[("24500", "24'500"), ("24500", "24’500")]);
        check("1 234\u{a0}567", &[("1234567", "1 234\u{a0}567")]);
        // Decimals stay out.
        check("1,250,000.50 $", &[("1250000", "1,250,000")]);
        check("85 000,50 €", &[("85000", "85 000")]);
        check("1 234,567", &[("1234", "1 234")]);
        // Beside other words and numbers.
        check("plus d'1 200 euros", &[("1200", "1 200")]);
        check("de 10 000-20 000", &[("10000", "10 000"), ("20000", "20 000")]);
        check("30 000 2024", &[("30000", "30 000")]);
        check("en 2024 123 456 €", &[("123456", "123 456")]);
        check("12 500 13 200", &[("12500", "12 500"), ("13200", "13 200")]);
        // Nothing tells it from a number with thousands.
        check("3.141", &[("3141", "3.141")]);
        for none in [
            "le 2024-03-01 et le 24.12.2024",
            "L.3242-1",
            "01 23 45 67 89",
            "1.2.345 et 1.234.5",
            "192.168.0.1:8080",
            "3,1415",
            "0,125",
            "48.8566, 2.3522",
            "52, 000",
            "85  000",
            "85\n000",
            "85\t000",
            "85 000km",
            "A85 000",
            "1234 567",
            "120 250 300 410 500 620",
        ] {
            check(none, &[]);
        }
    }

    #[test]
    fn a_number_has_the_place_of_its_first_part_and_comes_behind_the_last() {
        let found: Vec<(String, u32)> =
            words("de 85 000,50 euros").into_iter().map(|word| (word.exact, word.position)).collect();
        let expected =
            [("de", 0), ("85", 1), ("000", 2), ("85000", 1), ("50", 3), ("000,50", 2), ("euros", 4)];
        assert_eq!(found, expected.map(|(exact, position)| (exact.to_owned(), position)));
    }

    #[test]
    fn a_number_is_its_own_stem_with_and_without_its_marks() {
        let mut analyser = Analyser::default();
        for exact in ["52,000", "52000", "52,000"] {
            assert_eq!(analyser.stem("52,000", exact, Language::French), Some(exact));
        }
    }

    fn is_number(word: &Word) -> bool {
        word.whole && word.exact.bytes().all(|byte| byte.is_ascii_digit())
    }

    proptest! {
        #[test]
        fn numbers_are_added_and_nothing_else_changes(text in "([0-9]{1,4}|[ .,'’:/-]|\u{a0}|le |L|é|²|_){0,40}") {
            let found = words(&text);
            let (numbers, others): (Vec<Word>, Vec<Word>) = found.iter().cloned().partition(is_number);
            prop_assert_eq!(others, pieces(&text));
            for number in numbers {
                let written = &text[number.range.clone()];
                let digits: String = written.chars().filter(char::is_ascii_digit).collect();
                prop_assert_eq!(&digits, &number.exact);
                let first = found.iter().find(|word| word.range.start == number.range.start);
                prop_assert_eq!(first.map(|word| word.position), Some(number.position));
            }
            // The index takes the places of a word in their order alone.
            for (index, word) in found.iter().enumerate() {
                let mut before = found.iter().take(index).filter(|before| before.exact == word.exact);
                prop_assert!(before.all(|before| before.position < word.position));
            }
        }
    }

    #[test]
    fn inflections_share_a_stem() {
        let mut analyser = Analyser::default();
        let mut check = |language: Language, forms: &[&str]| {
            let stems: Vec<_> = forms
                .iter()
                .map(|form| analyser.stem(form, &fold(form), language).map(str::to_owned))
                .collect();
            assert!(stems.iter().all(|stem| stem == &stems[0] && stem.is_some()), "{forms:?} {stems:?}");
        };
        check(Language::French, &["employé", "employés", "employée", "employées"]);
        check(Language::French, &["paye", "payé", "payés", "payes"]);
        check(Language::French, &["conservation", "conservations"]);
        check(Language::French, &["National", "nationale", "nationales"]);
        check(Language::English, &["running", "runs", "run"]);
        check(Language::English, &["Policies", "policy"]);
        assert_eq!(analyser.stem("les", "les", Language::French), None);
        assert_eq!(analyser.stem("the", "the", Language::English), None);
    }
}
