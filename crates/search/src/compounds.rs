//! Which words does a text join by a hyphen (`vidéo-surveillance`), and which have marks without which they are others
//! (`C++`, `.NET`)?

use intramuros_core::language::Language;

use crate::analysis::{MAX_WORD_BYTES, Word, is_function_word, is_word_character};

/// The hyphen of keyboards, and those of typesetters.
const HYPHENS: [char; 3] = ['-', '\u{2010}', '\u{2011}'];

/// What may stand before `.NET`; behind anything else the dot ends a sentence, or joins what stands around it.
const OPENING: [char; 6] = ['(', '"', '«', '/', '\'', '’'];

/// Whether a character is a hyphen.
pub(crate) fn is_hyphen(character: char) -> bool {
    HYPHENS.contains(&character)
}

/// Two words with a hyphen between in one piece: `videosurveillance` where `vidéo-surveillance` stands. More than two
/// (`peer-to-peer`) are never written so, nor is what ends with a French function word (`peut-on`, `est-ce`) or with one
/// letter (`a-z`).
pub(crate) fn compounds(text: &str, parts: &[&Word]) -> Vec<Word> {
    parts.windows(2).filter_map(|pair| compound(text, pair)).collect()
}

/// Whether a hyphen, and nothing else, stands between two words.
pub(crate) fn are_joined(text: &str, first: &Word, second: &Word) -> bool {
    let gap = text.get(first.range.end..second.range.start);
    gap.and_then(|gap| gap.strip_prefix(is_hyphen)).is_some_and(str::is_empty)
}

/// The compound of these two words, which follow one another.
fn compound(text: &str, pair: &[&Word]) -> Option<Word> {
    let [first, second] = pair else { return None };
    if !are_joined(text, first, second) {
        return None;
    }
    let stands_alone = !text.get(..first.range.start)?.ends_with(HYPHENS)
        && !text.get(second.range.end..)?.starts_with(HYPHENS);
    let is_one = stands_alone
        && [first, second].iter().all(|part| part.exact.chars().all(char::is_alphabetic))
        && second.exact.chars().nth(1).is_some()
        && first.exact.len() + second.exact.len() <= MAX_WORD_BYTES
        && !is_function_word(&second.exact, Language::French);
    let range = first.range.start..second.range.end;
    is_one.then(|| Word {
        exact: format!("{}{}", first.exact, second.exact),
        range,
        position: first.position,
        whole: true,
    })
}

/// Whether a word is a compound in one piece; all other wholes hold a digit or a mark.
pub(crate) fn is_compound(word: &Word) -> bool {
    word.whole && word.exact.chars().all(char::is_alphabetic)
}

/// Words with the marks that tell them from others, beside the words without: `c++`, `c#`, and `.net` where it is written
/// in capitals (`fichier .doc` is a file of any kind).
pub(crate) fn with_marks(text: &str, parts: &[&Word]) -> Vec<Word> {
    parts.iter().filter_map(|word| with_mark(text, word)).collect()
}

fn with_mark(text: &str, word: &Word) -> Option<Word> {
    let end = word.range.end + length_of_mark(text.get(word.range.end..)?);
    let start = word.range.start - usize::from(is_behind_dot(text, word));
    let is_marked = (start..end) != word.range
        && end - start <= MAX_WORD_BYTES
        && word.exact.chars().all(char::is_alphabetic);
    if !is_marked {
        return None;
    }
    let (dot, mark) = (text.get(start..word.range.start)?, text.get(word.range.end..end)?);
    let exact = format!("{dot}{}{mark}", word.exact);
    Some(Word { exact, range: start..end, position: word.position, whole: true })
}

/// How long the mark is that belongs to the word before: `++` (a figure may follow, as in `C++17`) or `#`. Not inside a
/// sum or a name (`a++b`, `x#y`).
fn length_of_mark(behind: &str) -> usize {
    let length = if behind.starts_with("++") { 2 } else { usize::from(behind.starts_with('#')) };
    let next = behind.get(length..).and_then(|rest| rest.chars().next());
    let goes_on = next.is_some_and(|next| {
        matches!(next, '+' | '#') || is_word_character(next) && (length == 1 || !next.is_ascii_digit())
    });
    if goes_on { 0 } else { length }
}

/// Whether a word of two capitals or more stands behind a dot that ends nothing.
fn is_behind_dot(text: &str, word: &Word) -> bool {
    let before = text.get(..word.range.start).and_then(|before| before.strip_suffix('.'));
    let opens = |before: &str| {
        before.chars().next_back().is_none_or(|last| last.is_whitespace() || OPENING.contains(&last))
    };
    let piece = text.get(word.range.clone()).unwrap_or_default();
    before.is_some_and(opens) && piece.len() > 1 && piece.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// Whether a folded word has its mark; all others begin and end with a letter or a figure.
pub(crate) fn has_mark(exact: &str) -> bool {
    exact.starts_with('.') || exact.ends_with(['+', '#'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{fold, stem, words};

    /// The words of a text of which `wanted` holds, with how they are written there.
    fn check(text: &str, wanted: fn(&Word) -> bool, expected: &[(&str, &str)]) {
        let found = words(text);
        let found: Vec<(&str, &str)> = found
            .iter()
            .filter(|word| wanted(word))
            .map(|word| (word.exact.as_str(), &text[word.range.clone()]))
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn two_words_with_a_hyphen_are_one_as_well() {
        let check = |text: &str, expected: &[(&str, &str)]| check(text, is_compound, expected);
        check(
            "la vidéo-surveillance, l'e-mail",
            &[("videosurveillance", "vidéo-surveillance"), ("email", "e-mail")],
        );
        check("un procès\u{2011}verbal", &[("procesverbal", "procès\u{2011}verbal")]);
        check("a plug-in.", &[("plugin", "plug-in")]);
        for none in [
            "est-ce que peut-on, a-t-il",
            "peer-to-peer",
            "[a-z]",
            "vidéo - surveillance",
            "vidéo surveillance",
            "vidéo-\nsurveillance",
            "covid-19",
            "30-Nov-2024",
            "AB-123/C",
            "porte--monnaie",
        ] {
            check(none, &[]);
        }
    }

    #[test]
    fn a_compound_has_the_stem_of_the_word_in_one_piece_and_the_place_of_its_first_part() {
        let text = "Les Vidéo-Surveillances";
        let found = words(text);
        let compound = found.last().unwrap();
        assert_eq!((compound.exact.as_str(), compound.position), ("videosurveillances", 1));
        for language in [Language::French, Language::English, Language::Other] {
            let one = "vidéosurveillances";
            assert_eq!(
                stem(&text[compound.range.clone()], &compound.exact, language),
                stem(one, &fold(one), language),
                "{language:?}"
            );
        }
    }

    #[test]
    fn words_with_marks_are_told_from_those_without() {
        let marked = |word: &Word| has_mark(&word.exact);
        let check = |text: &str, expected: &[(&str, &str)]| check(text, marked, expected);
        check("C++, C# ou F#.", &[("c++", "C++"), ("c#", "C#"), ("f#", "F#")]);
        check("En C++17 et (.NET)", &[("c++", "C++"), (".net", ".NET")]);
        check(".NET", &[(".net", ".NET")]);
        check("C++/C#", &[("c++", "C++"), ("c#", "C#")]);
        for none in
            ["bac+5", "A+", "18++", "a++b", "x#y", "C+++", "ASP.NET", "Fin.ET", "fichier .doc", "3 .A", "#1"]
        {
            check(none, &[]);
        }
        assert_eq!(stem("C++", "c++", Language::French).as_deref(), Some("c++"));
    }
}
