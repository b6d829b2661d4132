//! Where does a sentence end?
//!
//! Rules for French and English prose, lists and lower-case text. A cut too few makes a passage a little longer; a
//! cut too many gives a citation that nobody can read, so doubt keeps the text together.

use std::ops::Range;

/// Abbreviations that end with a full stop inside a sentence, lower case, without the stop.
const ABBREVIATIONS: &[&str] = &[
    "al", "approx", "apr", "art", "aug", "av", "bd", "boul", "c.-à-d", "cap", "cf", "ch", "chap", "co",
    "col", "corp", "dec", "dept", "dir", "dr", "e.g", "ed", "env", "ex", "feb", "fig", "figs", "hab", "i.e",
    "ibid", "inc", "jan", "jr", "jul", "jun", "ltd", "m", "mar", "max", "me", "mgr", "min", "mm", "mr",
    "mrs", "ms", "mt", "n", "no", "nos", "nov", "obs", "oct", "op", "p", "par", "pp", "prof", "ref", "resp",
    "réf", "sec", "sect", "sep", "sept", "spéc", "sr", "st", "ste", "suiv", "svp", "tel", "tom", "trad",
    "tél", "v", "vol", "vs",
];

/// The sentences of a text as byte ranges, in order, without the white space around them. Every character that is
/// not white space is in exactly one of them. A line break always ends a sentence.
pub fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut characters = text.char_indices().peekable();
    while let Some((index, character)) = characters.next() {
        let end = index + character.len_utf8();
        let ends = match character {
            '\n' => true,
            '.' | '!' | '?' | '…' => {
                let mut close = end;
                while let Some(&(next, closing)) = characters.peek() {
                    if !matches!(closing, '.' | '!' | '?' | '…' | '"' | '\'' | '”' | '’' | ')' | ']' | '»')
                    {
                        break;
                    }
                    close = next + closing.len_utf8();
                    characters.next();
                }
                // French puts a space before the closing quotation mark.
                close += closing_guillemet(text.get(close..).unwrap_or_default());
                while characters.peek().is_some_and(|&(next, _)| next < close) {
                    characters.next();
                }
                if ends_sentence(
                    text.get(start..index).unwrap_or_default(),
                    character,
                    text.get(close..).unwrap_or_default(),
                ) && !(character == '.' && is_label(text, start..index))
                {
                    push_trimmed(text, start..close, &mut found);
                    start = close;
                }
                false
            }
            _ => false,
        };
        if ends {
            push_trimmed(text, start..end, &mut found);
            start = end;
        }
    }
    push_trimmed(text, start..text.len(), &mut found);
    found
}

/// Bytes of white space and `»` right after a full stop.
fn closing_guillemet(rest: &str) -> usize {
    let trimmed = rest.trim_start_matches([' ', '\u{a0}', '\u{202f}']);
    if trimmed.starts_with('»') { rest.len() - trimmed.len() + '»'.len_utf8() } else { 0 }
}

/// Whether the sentence ends at a mark, given what stands before it (from the sentence's start) and after it.
fn ends_sentence(before: &str, mark: char, after: &str) -> bool {
    let mut following = after.chars();
    let Some(next) = following.next() else { return true };
    if !next.is_whitespace() {
        return false;
    }
    let Some(first) = after.trim_start().chars().next() else { return true };
    if mark != '.' && mark != '…' {
        return true;
    }
    let detached = before.ends_with(char::is_whitespace);
    if first.is_lowercase() && !detached {
        return false;
    }
    if matches!(first, ',' | ';' | ':' | ')') {
        return false;
    }
    mark == '…' || !is_abbreviation(before, first)
}

/// Whether the word before a full stop is an abbreviation, an initial, or a list number at the sentence's start.
fn is_abbreviation(before: &str, first: char) -> bool {
    let word = before
        .rsplit(|c: char| c.is_whitespace() || matches!(c, '(' | '[' | '«' | '"' | '’' | '\''))
        .next()
        .unwrap_or_default();
    if word.is_empty() {
        return false;
    }
    let only_word = before.trim_start().len() == word.len();
    if word.chars().all(|c| c.is_ascii_digit()) {
        // "3. Conditions" at the start is a number; "in 2020. The" is an end.
        return only_word && word.len() <= 3;
    }
    let mut letters = word.chars();
    if let (Some(letter), None) = (letters.next(), letters.next()) {
        // Initials: "J. Dupont"; but "vitamine C. Le" is rare enough to be kept together.
        return letter.is_uppercase()
            || (only_word && letter.is_alphabetic())
            || ABBREVIATIONS.contains(&word);
    }
    let lower = word.to_lowercase();
    if ABBREVIATIONS.binary_search(&lower.as_str()).is_ok() {
        // "etc." is not in the list: followed by a capital it ends the sentence.
        return !(matches!(lower.as_str(), "min" | "max" | "par" | "me" | "no" | "dir" | "co")
            && first.is_uppercase()
            && lower == word);
    }
    false
}

/// Words that name a division of a text before its number, lower case, without the stop.
const DIVISIONS: &[&str] = &[
    "annexe", "appendix", "art", "article", "chap", "chapitre", "chapter", "clause", "sec", "section",
    "titre", "title",
];

/// Words of a label: `Art. L. 3141-3 bis` is the longest kind.
const LABEL_WORDS: usize = 4;

/// Whether the stop at the end of a range closes the number of a division, which stands at the beginning of a line and
/// belongs to what follows: `II.`, `1.2.`, `Art. 3.`, `Article L. 3141-3.`
fn is_label(text: &str, range: Range<usize>) -> bool {
    let before = text.get(..range.start).unwrap_or_default().trim_end_matches([' ', '\t', '\u{a0}']);
    let label = text.get(range).unwrap_or_default().trim();
    if !(before.is_empty() || before.ends_with('\n')) || label.split_whitespace().count() > LABEL_WORDS {
        return false;
    }
    let mut words = label.split_whitespace().map(|word| word.trim_end_matches('.')).peekable();
    let division = words.next_if(|word| DIVISIONS.contains(&word.to_lowercase().as_str())).is_some();
    let numbered = if division {
        // The letter of a French code (`L. 3141-3`).
        words.next_if(|word| word.len() == 1 && word.starts_with(|letter: char| letter.is_ascii_uppercase()));
        words
            .next()
            .is_some_and(|word| is_roman(word) || is_number(word) || word == "premier" || word == "1er")
    } else {
        words.next().is_some_and(|word| is_roman(word) || (is_number(word) && !word.contains('-')))
    };
    numbered && words.all(|word| matches!(word, "bis" | "ter" | "quater"))
}

/// Small Roman numerals: `MIX` and `DIX` are words.
fn is_roman(word: &str) -> bool {
    (1..=6).contains(&word.len()) && word.bytes().all(|byte| b"IVX".contains(&byte))
}

/// Figures in groups: `3`, `1.2`, `3141-3`; a year or an amount by itself is none.
fn is_number(word: &str) -> bool {
    let mut groups = word.split(['.', '-']);
    let is_group = |group: &str, most: usize| {
        (1..=most).contains(&group.len()) && group.bytes().all(|byte| byte.is_ascii_digit())
    };
    let most = if word.contains('-') { 4 } else { 3 };
    groups.all(|group| is_group(group, most))
}

fn push_trimmed(text: &str, range: Range<usize>, found: &mut Vec<Range<usize>>) {
    let Some(piece) = text.get(range.clone()) else { return };
    let trimmed = piece.trim();
    if !trimmed.is_empty() {
        let start = range.start + (piece.len() - piece.trim_start().len());
        found.push(start..start + trimmed.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let found: Vec<&str> = sentences(text).into_iter().map(|range| &text[range]).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_list_of_abbreviations_is_sorted() {
        assert!(ABBREVIATIONS.is_sorted());
    }

    #[test]
    fn sentences_end_where_a_reader_would_say() {
        check("Un. Deux ! Trois ? Quatre…", &["Un.", "Deux !", "Trois ?", "Quatre…"]);
        check("M. Dupont est là. Il part.", &["M. Dupont est là.", "Il part."]);
        check("Voir l’art. 3 du code. Puis l’al. 2.", &["Voir l’art. 3 du code.", "Puis l’al. 2."]);
        check("It costs 3.50 euros, e.g. today. Fine.", &["It costs 3.50 euros, e.g. today.", "Fine."]);
        check("J. R. Smith wrote it. Yes.", &["J. R. Smith wrote it.", "Yes."]);
        check("En 2020. Le reste", &["En 2020.", "Le reste"]);
        check("3. Conditions générales", &["3. Conditions générales"]);
        check("Il dit : « Non. » Puis il part.", &["Il dit : « Non. »", "Puis il part."]);
        check("(Voir plus bas.) Ensuite.", &["(Voir plus bas.)", "Ensuite."]);
        check(
            "a wing in a slipstream . an experimental study .",
            &["a wing in a slipstream .", "an experimental study ."],
        );
        check("II. - Est assimilé à un délit. Puis.", &["II. - Est assimilé à un délit.", "Puis."]);
        check("Titre.\n  IV. Le délai court.", &["Titre.", "IV. Le délai court."]);
        check("Art. 3. Le bail est écrit. Il dure.", &["Art. 3. Le bail est écrit.", "Il dure."]);
        check("Article premier. - Le bail.", &["Article premier. - Le bail."]);
        check("Article L. 3141-3 bis. Le salarié.", &["Article L. 3141-3 bis. Le salarié."]);
        check("1.2. Objet du marché", &["1.2. Objet du marché"]);
        check("a) Le nom. 1° Le prix.", &["a) Le nom.", "1° Le prix."]);
        // Within a line, and where it is no number, a stop ends a sentence as before.
        check("Voir le titre II. Le reste suit.", &["Voir le titre II.", "Le reste suit."]);
        check("Il cite Henri IV. II. Le reste.", &["Il cite Henri IV.", "II.", "Le reste."]);
        check("2020. Le reste", &["2020.", "Le reste"]);
        check("Article de presse. Le reste", &["Article de presse.", "Le reste"]);
        check("Ligne un\nligne deux", &["Ligne un", "ligne deux"]);
        check("https://example.org/a.b?c=d. Fin", &["https://example.org/a.b?c=d.", "Fin"]);
        check("  ", &[]);
    }
}
