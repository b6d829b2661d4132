//! Which piece of a passage is shown, and which words in it are marked?

use std::collections::HashSet;
use std::ops::Range;

use foldhash::fast::RandomState;
use intramuros_core::language::Language;
use intramuros_core::sentence::sentences;

use crate::analysis::{is_word_character, stem, words};

/// A piece of a text with the marked words in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snippet {
    /// Where the piece stands in the text, in bytes.
    pub range: Range<usize>,
    /// Where the marked words stand in the text, in bytes, in order, not overlapping.
    pub marks: Vec<Range<usize>>,
}

/// Where words of the question stand in a text: `highlights` are stems and exact forms as given with a result.
pub fn marks(text: &str, language: Language, highlights: &[String]) -> Vec<Range<usize>> {
    let wanted: HashSet<&str, RandomState> = highlights.iter().map(String::as_str).collect();
    let mut found: Vec<Range<usize>> = Vec::new();
    for word in words(text) {
        let piece = text.get(word.range.clone()).unwrap_or_default();
        let hit = wanted.contains(word.exact.as_str())
            || stem(piece, &word.exact, language).is_some_and(|stem| wanted.contains(&*stem));
        if hit {
            // A whole comes behind its parts, and is marked as one.
            let mut mark = word.range;
            while let Some(part) = found.pop_if(|last| mark.start < last.end) {
                mark = mark.start.min(part.start)..mark.end.max(part.end);
            }
            found.push(mark);
        }
    }
    found
}

/// The sentences of a text that hold most of the marked words, at least one and as many as fit into `most` bytes.
pub fn snippet(text: &str, language: Language, highlights: &[String], most: usize) -> Snippet {
    let marks = marks(text, language, highlights);
    let sentences = sentences(text);
    let weight = |range: &Range<usize>| {
        let inside = marks.iter().filter(|mark| range.start <= mark.start && mark.end <= range.end);
        let mut seen: HashSet<String> = HashSet::new();
        for mark in inside {
            // A whole counts with its parts: more than they do by themselves.
            let written = text.get(mark.clone()).unwrap_or_default().to_lowercase();
            seen.extend(written.split(|letter: char| !is_word_character(letter)).map(str::to_owned));
            seen.insert(written);
        }
        seen.len()
    };
    let weights: Vec<usize> = sentences.iter().map(weight).collect();
    let Some(best) =
        (0..sentences.len()).max_by_key(|index| (weights.get(*index), std::cmp::Reverse(*index)))
    else {
        return Snippet { range: 0..0, marks: Vec::new() };
    };
    let (mut from, mut to) = (best, best);
    let span = |from: usize, to: usize| -> Option<Range<usize>> {
        Some(sentences.get(from)?.start..sentences.get(to)?.end)
    };
    let fits = |from: usize, to: usize| span(from, to).is_some_and(|range| range.len() <= most);
    loop {
        let after = (to + 1 < sentences.len() && fits(from, to + 1)).then(|| weights.get(to + 1));
        let before = (from > 0 && fits(from - 1, to)).then(|| weights.get(from - 1));
        match (before, after) {
            (Some(before), Some(after)) if before > after => from -= 1,
            (_, Some(_)) => to += 1,
            (Some(_), None) => from -= 1,
            (None, None) => break,
        }
    }
    let mut range = span(from, to).unwrap_or(0..0);
    range.end = cut_at_word(text, range.start, range.end, most);
    let marks = marks.into_iter().filter(|mark| range.start <= mark.start && mark.end <= range.end).collect();
    Snippet { range, marks }
}

/// The end of a piece of at most `most` bytes, between words.
fn cut_at_word(text: &str, start: usize, end: usize, most: usize) -> usize {
    if end - start <= most {
        return end;
    }
    let mut cut = start + most;
    while !text.is_char_boundary(cut) {
        cut -= 1;
    }
    text.get(start..cut)
        .and_then(|piece| piece.rfind(char::is_whitespace))
        .filter(|space| *space > 0)
        .map_or(cut, |space| start + space)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_snippet_shows_the_sentence_that_answers_with_its_words_marked() {
        let text = "Les factures sont rangées. La durée de conservation d’une facture est de dix ans. Le reste suit.";
        let highlights: Vec<String> = ["dur", "conserv", "factur"].map(str::to_owned).to_vec();
        let found = snippet(text, Language::French, &highlights, 60);
        assert_eq!(&text[found.range.clone()], "La durée de conservation d’une facture est de dix ans.");
        let marked: Vec<&str> = found.marks.iter().map(|mark| &text[mark.clone()]).collect();
        assert_eq!(marked, ["durée", "conservation", "facture"]);
    }

    #[test]
    fn identifiers_and_numbers_are_marked_as_they_stand_in_the_text() {
        let check = |text: &str, highlights: &[&str], expected: &[&str]| {
            let highlights: Vec<String> = highlights.iter().map(|word| (*word).to_owned()).collect();
            let found = marks(text, Language::French, &highlights);
            let marked: Vec<&str> = found.into_iter().map(|mark| &text[mark]).collect();
            assert_eq!(marked, expected, "{text} {highlights:?}");
        };
        check("Soit 85 000 € en mai.", &["85000"], &["85 000"]);
        check("Soit 85\u{202f}000 € en mai.", &["mai", "85000"], &["85\u{202f}000", "mai"]);
        check("85 000 et 12 000", &["85", "000", "85000"], &["85 000", "000"]);
        check("Soit 52,000.50 euros", &["52000", "euros"], &["52,000", "euros"]);
        check("Soit 85000 euros", &["85", "000", "85000"], &["85000"]);
        check("L'article L.3242-1 dit", &["3242", "1", "l.3242-1"], &["L.3242-1"]);
        check("L'article L. 3242-1 dit", &["3242", "1", "l.3242-1"], &["3242", "1"]);
        check("Le 30 novembre 2024 à 11 h 30", &["2024-11-30"], &["30 novembre 2024"]);
        check("2024-11-30T11:45 réunion", &["2024-11-30"], &["2024-11-30"]);
        check("La vidéo-surveillance d'ici", &["videosurveillance"], &["vidéo-surveillance"]);
        check("La vidéo-surveillance d'ici", &["video"], &["vidéo"]);
        check("En C, C++ et C#", &["c++"], &["C++"]);
    }

    #[test]
    fn the_snippet_shows_the_number_rather_than_its_parts_elsewhere() {
        let text =
            "Au 85 de la rue, la porte 000 est close. Le loyer est de 85 000 € par an. Il reste 12 jours.";
        let highlights: Vec<String> = ["85", "000", "85000"].map(str::to_owned).to_vec();
        let found = snippet(text, Language::French, &highlights, 40);
        assert_eq!(&text[found.range], "Le loyer est de 85 000 € par an.");
    }

    #[test]
    fn long_sentences_are_cut_between_words_and_empty_texts_do_no_harm() {
        let text = "é".repeat(50) + " " + &"mot ".repeat(100);
        let found = snippet(&text, Language::French, &[], 110);
        assert!(found.range.len() <= 110 && text.is_char_boundary(found.range.end));
        assert_eq!(snippet("", Language::Other, &[], 10).range, 0..0);
    }
}
