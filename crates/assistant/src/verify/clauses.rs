//! Where can a sentence be cut into clauses that each say something of their own?

use std::ops::Range;

/// Words that join clauses.
const JOINTS: &[&str] =
    &["et", "and", "mais", "but", "tandis", "while", "alors", "whereas", "ainsi", "or", "car", "because"];

/// Words with which a writer says where something comes from, folded.
const ATTRIBUTIONS: &[&str] = &[
    "selon ",
    "d'apres ",
    "d’apres ",
    "en resume",
    "according to ",
    "as stated",
    "in short",
    "in summary",
    "based on ",
    "comme indique",
    "as mentioned",
];

/// Words of an attribution at most.
const ATTRIBUTION_WORDS: usize = 7;

/// A sentence without "According to the document,": that says nothing of the matter.
pub(crate) fn without_opening(sentence: &str) -> &str {
    let folded = intramuros_search::analysis::fold(sentence);
    if !ATTRIBUTIONS.iter().any(|opening| folded.starts_with(opening)) {
        return sentence;
    }
    match sentence.split_once(", ") {
        Some((opening, rest)) if opening.split_whitespace().count() <= ATTRIBUTION_WORDS => rest,
        _ => sentence,
    }
}

/// The places at which a sentence may be cut in two, as the end of the first part and the start of the second.
pub(crate) fn cuts(sentence: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (at, mark) in sentence.char_indices() {
        if matches!(mark, ',' | ';' | ':' | '(' | ')' | '–' | '—') {
            let end = at + mark.len_utf8();
            let next = sentence.get(end..).unwrap_or_default();
            let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
            let inside = digit(sentence.get(..at).and_then(|text| text.chars().next_back()))
                && digit(next.chars().next());
            if !inside {
                found.push((at, end));
            }
        }
    }
    for joint in JOINTS {
        let word = format!(" {joint} ");
        found.extend(sentence.match_indices(&word).map(|(at, _)| (at, at + word.len())));
    }
    found.sort_unstable();
    found
}

/// The two parts of a sentence at a cut.
pub(crate) fn parts(sentence: &str, cut: (usize, usize)) -> [Range<usize>; 2] {
    [0..cut.0, cut.1..sentence.len()]
}
