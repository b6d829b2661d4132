//! Which names out of programs does a text hold (`DOCLING_SERVE_API_KEY`, `--toc-depth`)?

use crate::analysis::{MAX_WORD_BYTES, Word, fold, is_word_character};
use crate::readings::stands_whole;

/// What stands before the long options of commands.
const OPTION: &str = "--";

/// Words joined by underscores, and options of several words, in one piece. Those with a figure are kept whole already
/// where nothing else is joined to them.
pub(crate) fn identifiers(text: &str, parts: &[&Word], found: &[Word]) -> Vec<Word> {
    // Ordinary texts have neither.
    if !text.contains('_') && !text.contains(OPTION) {
        return Vec::new();
    }
    let mut identifiers = Vec::new();
    let mut rest = parts;
    while let Some(first) = rest.first() {
        let is_option = begins_option(text, first);
        let joined = |pair: &&[&Word]| joins(text, pair, is_option);
        let (run, behind) = rest.split_at(1 + rest.windows(2).take_while(joined).count());
        identifiers.extend(identifier(text, run, is_option).filter(|one| !stands_whole(one, found)));
        rest = behind;
    }
    identifiers
}

/// The identifier of which these are the parts.
fn identifier(text: &str, parts: &[&Word], is_option: bool) -> Option<Word> {
    let [first, .., last] = parts else { return None };
    let start = if is_option { first.range.start - OPTION.len() } else { first.range.start };
    let range = start..last.range.end;
    let piece = text.get(range.clone())?;
    let fits = piece.len() <= MAX_WORD_BYTES;
    fits.then(|| Word { exact: fold(piece), range, position: first.position, whole: true })
}

/// Whether an option begins with this word.
fn begins_option(text: &str, word: &Word) -> bool {
    let before = text.get(..word.range.start).and_then(|before| before.strip_suffix(OPTION));
    let is_inside = |last: char| last == '-' || is_word_character(last);
    before.is_some_and(|before| !before.ends_with(is_inside))
}

/// Whether these two words are of one identifier.
fn joins(text: &str, pair: &[&Word], is_option: bool) -> bool {
    let [before, behind] = pair else { return false };
    match text.get(before.range.end..behind.range.start) {
        Some("_" | "__") => true,
        Some("-") => is_option,
        _ => false,
    }
}

/// Whether a folded word is an identifier that holds no figure, or an option.
pub(crate) fn is_identifier(exact: &str) -> bool {
    exact.starts_with(OPTION) || exact.contains('_') && !exact.bytes().any(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{stem, words};
    use intramuros_core::language::Language;

    #[test]
    fn names_out_of_programs_are_words_beside_their_parts() {
        let check = |text: &str, expected: &[(&str, &str)]| {
            let found = words(text);
            let found: Vec<(&str, &str)> = found
                .iter()
                .filter(|word| is_identifier(&word.exact))
                .map(|word| (word.exact.as_str(), &text[word.range.clone()]))
                .collect();
            assert_eq!(found, expected, "{text}");
        };
        check("Set DOCLING_SERVE_API_KEY=x.", &[("docling_serve_api_key", "DOCLING_SERVE_API_KEY")]);
        check("metadata.nbformat_minor: 4", &[("nbformat_minor", "nbformat_minor")]);
        check("LITELLM__API_KEY", &[("litellm__api_key", "LITELLM__API_KEY")]);
        check("pandoc --toc-depth=3", &[("--toc-depth", "--toc-depth")]);
        check("(`--number-sections`)", &[("--number-sections", "--number-sections")]);
        check("--log_level", &[("--log_level", "--log_level")]);
        for none in [
            "__init__",
            "Nom____Prénom",
            "_mot_ _autre_",
            "a _ b",
            "--help",
            "mot--autre-mot",
            "---toc-depth",
            "porte-monnaie - vidéo-surveillance",
            "rapport_2024",
        ] {
            check(none, &[]);
        }
    }

    #[test]
    fn an_identifier_stands_once_with_the_place_of_its_first_part_and_is_its_own_stem() {
        let text = "see utf_8_key";
        let found: Vec<(String, u32, bool)> =
            words(text).into_iter().map(|word| (word.exact, word.position, word.whole)).collect();
        let expected = [
            ("see", 0, false),
            ("utf", 1, false),
            ("8", 2, false),
            ("key", 3, false),
            ("utf_8_key", 1, true),
        ];
        assert_eq!(found, expected.map(|(exact, position, whole)| (exact.to_owned(), position, whole)));
        for exact in ["api_keys", "--toc-depths"] {
            assert_eq!(stem(exact, exact, Language::English).as_deref(), Some(exact));
        }
    }
}
