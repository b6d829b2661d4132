//! How are numbers, days and references of a text read in one form, however they are written there?
//!
//! Numbers without the marks between their thousands, days as `2024-11-30`, references as `rfc7231`: words beside those
//! that stand there.

use std::ops::Range;

use crate::analysis::{MAX_WORD_BYTES, Word, is_dash, is_word_character};
use crate::calendar::{day_of, is_year};

/// Longest number that is read without its marks, in parts: 999 999 999 999 999. What is longer is a list of figures.
pub(crate) const MAX_NUMBER_PARTS: usize = 5;

/// Digits between two of these marks.
pub(crate) const THOUSANDS: usize = 3;

/// Groups of three digits in the number of a company, and the digits behind them in that of an establishment.
const COMPANY_GROUPS: usize = 3;
const ESTABLISHMENT_DIGITS: usize = 5;

/// Capitals before the figures of a reference, and the figures that it has at least: what is shorter is a size or a step
/// (`A 4`, `MB 10`), what is longer a word in a heading.
const MOST_CAPITALS: usize = 5;
const LEAST_FIGURES: usize = 3;

/// Numbers with marks between their thousands, without the marks. Nothing in `3.141` and `1,234` tells a decimal mark from
/// one of thousands, so they are read both ways.
pub(crate) fn numbers(text: &str, parts: &[&Word]) -> Vec<Word> {
    let is_digits = |word: &&Word| is_figures(text.get(word.range.clone()).unwrap_or_default());
    let digits: Vec<&Word> = parts.iter().copied().filter(is_digits).collect();
    let mut numbers = Vec::new();
    let mut rest = digits.as_slice();
    while !rest.is_empty() {
        let (run, after) = rest.split_at(run_length(text, rest));
        numbers.extend(number(text, run));
        numbers.extend(after.first().and_then(|behind| establishment(text, run, behind)));
        rest = after;
    }
    numbers
}

/// Whether a word is of figures alone.
pub(crate) fn is_figures(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit())
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
    let is_group = next.exact.len() == THOUSANDS && is_figures(&next.exact);
    (between.next().is_none() && is_group).then_some(mark)
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

/// The number of an establishment: that of its company with five digits behind (`732 829 320 00074`).
fn establishment(text: &str, parts: &[&Word], behind: &Word) -> Option<Word> {
    let (first, last) = (parts.first()?, parts.last()?);
    let gap = text.get(last.range.end..behind.range.start)?;
    let is_company = parts.len() == COMPANY_GROUPS && first.exact.len() == THOUSANDS;
    let is_one = is_company
        && behind.exact.len() == ESTABLISHMENT_DIGITS
        && mark_of(text, parts) == Some(' ')
        && gap.chars().map(thousands_mark).eq([Some(' ')]);
    let digits = parts.iter().copied().chain([behind]).map(|part| part.exact.as_str());
    let range = first.range.start..behind.range.end;
    is_one.then(|| Word { exact: digits.collect(), range, position: first.position, whole: true })
}

/// Days that a text writes in another way than `2024-11-30`, in that form; also those that begin something longer
/// (`2024-11-30T11:45`).
pub(crate) fn days(text: &str, parts: &[&Word], found: &[Word]) -> Vec<Word> {
    if !parts.iter().any(|word| is_year(&word.exact)) {
        return Vec::new();
    }
    let days = parts.windows(3).filter_map(|parts| day(text, parts));
    days.filter(|day| !stands_whole(day, found)).collect()
}

/// The day of which these are the parts.
fn day(text: &str, parts: &[&Word]) -> Option<Word> {
    let [first, second, third] = parts else { return None };
    let piece = text.get(third.range.clone())?;
    let digits = piece.bytes().take_while(u8::is_ascii_digit).count();
    let (figures, behind) = (piece.get(..digits)?, piece.get(digits..)?);
    // The time may follow, as in `2024-11-30T11:45`.
    if !behind.is_empty() && !behind.starts_with(['T', 't']) {
        return None;
    }
    let exact = day_of([&first.exact, &second.exact, figures])?;
    let range = first.range.start..third.range.start + digits;
    let gaps =
        [text.get(first.range.end..second.range.start)?, text.get(second.range.end..third.range.start)?];
    let is_named = [first, second].iter().any(|part| part.exact.starts_with(char::is_alphabetic));
    let is_one = if is_named { gaps.into_iter().all(parts_named) } else { parts_figures(text, gaps, &range) };
    is_one.then_some(Word { exact, range, position: first.position, whole: true })
}

/// Whether this may stand between the parts of a day whose month has its name: `30 novembre`, `30, 2024`, `nov. 2024`.
fn parts_named(gap: &str) -> bool {
    let is_mark = |mark: char| mark.is_whitespace() || matches!(mark, ',' | '.' | '-' | '/');
    gap.chars().count() <= 2 && gap.chars().all(is_mark)
}

/// Whether these parts of a day in figures are one: the same mark stands twice, and no third time beside more figures
/// (`1.2.2024.5`).
fn parts_figures(text: &str, gaps: [&str; 2], range: &Range<usize>) -> bool {
    let [mark @ ("-" | "/" | "."), second] = gaps else { return false };
    let goes_on =
        |rest: Option<&str>| rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let ends = |rest: Option<&str>| rest.is_some_and(|rest| rest.ends_with(|c: char| c.is_ascii_digit()));
    let before = text.get(..range.start).and_then(|before| before.strip_suffix(mark));
    let after = text.get(range.end..).and_then(|after| after.strip_prefix(mark));
    mark == second && !ends(before) && !goes_on(after)
}

/// Whether a text has a word as it is already: these are those that stand there, in order.
pub(crate) fn stands_whole(one: &Word, found: &[Word]) -> bool {
    let at = found.partition_point(|word| word.range.end < one.range.end);
    let mut ending = found.iter().skip(at).take_while(|word| word.range.end == one.range.end);
    ending.any(|word| word.whole && word.range == one.range && word.exact == one.exact)
}

/// References of capitals and figures in one form, however they are joined: `rfc7231` where `RFC 7231` stands, `l3242-1`
/// where `L. 3242-1` or `L.3242-1` does. Those in one piece (`RFC7231`, `L3242-1`) have it already.
pub(crate) fn references(text: &str, parts: &[&Word]) -> Vec<Word> {
    let is_capitals = |word: &&Word| {
        let piece = text.get(word.range.clone()).unwrap_or_default();
        piece.len() <= MOST_CAPITALS && piece.bytes().all(|byte| byte.is_ascii_uppercase())
    };
    let begins = (0..parts.len()).filter(|at| parts.get(*at).is_some_and(is_capitals));
    begins.filter_map(|at| reference(text, parts.get(at..)?)).collect()
}

/// The reference that begins with these parts.
fn reference(text: &str, parts: &[&Word]) -> Option<Word> {
    let (first, rest) = parts.split_first()?;
    let mut exact = first.exact.clone();
    let mut end = first.range.end;
    let (mut figures, mut taken) = (0, 0usize);
    for part in rest {
        let gap = text.get(end..part.range.start)?;
        let joins = if figures == 0 { joins_reference(gap) } else { is_dashed(gap) };
        if !is_figures(&part.exact) || !joins {
            break;
        }
        if figures > 0 {
            exact.push('-');
        }
        exact.push_str(&part.exact);
        figures += part.exact.len();
        taken += 1;
        end = part.range.end;
    }
    // In `SIREN 732 829 320` the figures are the first of a number.
    let last = taken.checked_sub(1).and_then(|last| rest.get(last..));
    let is_number = last.is_some_and(|rest| run_length(text, rest) > 1);
    // Inside something longer (`AB-123/C`) it is another one.
    let mut after = text.get(end..)?.chars();
    let goes_on = after.next().is_some_and(goes_on_behind) && after.next().is_some_and(is_word_character);
    let is_inside = text.get(..first.range.start)?.ends_with(goes_on_behind);
    let is_whole = !goes_on && !is_inside && !is_number;
    let is_one = figures >= LEAST_FIGURES && exact.len() <= MAX_WORD_BYTES && is_whole;
    is_one.then_some(Word { exact, range: first.range.start..end, position: first.position, whole: true })
}

/// Whether behind this mark a reference is another one: a part of something longer.
fn goes_on_behind(mark: char) -> bool {
    matches!(mark, '.' | '/' | '_') || is_dash(mark)
}

/// Whether this may stand between the capitals and the figures of a reference: a dot, a space, both, or a dash.
fn joins_reference(gap: &str) -> bool {
    let space = gap.strip_prefix('.').unwrap_or(gap);
    gap == "." || matches!(space, " " | "\u{a0}" | "\u{202f}") || is_dashed(gap)
}

/// Whether this is a dash, at the end of a line or within it.
fn is_dashed(gap: &str) -> bool {
    gap.strip_prefix(is_dash).is_some_and(|rest| matches!(rest, "" | "\n" | " "))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analysis::{fold, pieces, stem, words};
    use crate::calendar::is_day;
    use intramuros_core::language::Language;

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
        check("SIREN 732 829 320", &[("732829320", "732 829 320")]);
        let siret = "732\u{a0}829\u{a0}320\u{a0}00074";
        check(siret, &[("732829320", "732\u{a0}829\u{a0}320"), ("73282932000074", siret)]);
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
    fn references_are_read_in_one_form_beside_their_parts() {
        let check = |text: &str, expected: &[(&str, &str)]| {
            let found = words(text);
            let kept = pieces(text);
            let added: Vec<(&str, &str)> = found
                .iter()
                .filter(|word| !kept.contains(word))
                .map(|word| (word.exact.as_str(), &text[word.range.clone()]))
                .collect();
            assert_eq!(added, expected, "{text}");
        };
        check("l'article L. 3242-1 du code", &[("l3242-1", "L. 3242-1")]);
        check("l'article L.3242-1.", &[("l3242-1", "L.3242-1")]);
        check("l’article L\u{a0}3242-1-2", &[("l3242-1-2", "L\u{a0}3242-1-2")]);
        check("see RFC 7231, ISO 27001:2013", &[("rfc7231", "RFC 7231"), ("iso27001", "ISO 27001")]);
        check("ORA-00942", &[("ora00942", "ORA-00942")]);
        check("FAA–2020–0686", &[("faa2020-0686", "FAA–2020–0686")]);
        check("docket FAA–2020–\n0686.", &[("faa2020-0686", "FAA–2020–\n0686")]);
        check("docket FAA-2020- 0686.", &[("faa2020-0686", "FAA-2020- 0686")]);
        for none in [
            "RFC7231",
            "L3242-1",
            "rfc 7231",
            "Article 1240",
            "A 4",
            "MB 10",
            "AB-123/C",
            "X-AB-123",
            "X–AB–123",
            "CHAPITRE 2024",
            "RFC  7231",
            "RFC, 7231",
            "RFC",
        ] {
            check(none, &[]);
        }
        // The number, and no reference of its first figures.
        check("SIREN 732 829 320", &[("732829320", "732 829 320")]);
    }

    #[test]
    fn days_are_read_in_one_form_beside_their_parts() {
        let check = |text: &str, expected: &[(&str, &str)]| {
            let found = words(text);
            let found: Vec<(&str, &str)> = found
                .iter()
                .filter(|word| is_day(&word.exact))
                .map(|word| (word.exact.as_str(), &text[word.range.clone()]))
                .collect();
            assert_eq!(found, expected, "{text}");
            let parts = words(text).into_iter().filter(|word| !word.whole).map(|word| word.exact);
            assert_eq!(parts.collect::<Vec<_>>(), parts_of(text), "{text}");
        };
        check("le 2024-11-30.", &[("2024-11-30", "2024-11-30")]);
        check("le 30/11/2024, à Lyon", &[("2024-11-30", "30/11/2024")]);
        check("am 30.11.2024.", &[("2024-11-30", "30.11.2024")]);
        check("on 11/30/2024", &[("2024-11-30", "11/30/2024")]);
        check("le 30 novembre 2024", &[("2024-11-30", "30 novembre 2024")]);
        check("le 30\u{a0}Novembre\n2024", &[("2024-11-30", "30\u{a0}Novembre\n2024")]);
        check("le 1er août 1914", &[("1914-08-01", "1er août 1914")]);
        check("on November 30, 2024.", &[("2024-11-30", "November 30, 2024")]);
        check("on Nov. 30th, 2024", &[("2024-11-30", "Nov. 30th, 2024")]);
        check("30-Nov-2024", &[("2024-11-30", "30-Nov-2024")]);
        check("CR_2024-11-30.pdf", &[("2024-11-30", "2024-11-30")]);
        check("2024-11-30T11:45:00Z", &[("2024-11-30", "2024-11-30")]);
        check("le 2024-1-5", &[("2024-01-05", "2024-1-5")]);
        check("du 30/11/2024 au 2024-11-30", &[("2024-11-30", "30/11/2024"), ("2024-11-30", "2024-11-30")]);
        for none in [
            "1.2.2024.5",
            "3.1.2.2024",
            "30/11-2024",
            "30 11 2024",
            "30, 11, 2024",
            "30/11/24",
            "novembre 2024",
            "30 novembre",
            "30 novembre (2024)",
            "30 novembre. Le 2024",
            "30/11/2024a",
            "42/11/2024",
            "01 23 45 67 89",
        ] {
            check(none, &[]);
        }
    }

    /// The words of a text as they stand there, without wholes.
    fn parts_of(text: &str) -> Vec<String> {
        pieces(text).into_iter().filter(|word| !word.whole).map(|word| word.exact).collect()
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
        for exact in ["52,000", "52000", "52,000"] {
            assert_eq!(stem("52,000", exact, Language::French).as_deref(), Some(exact));
        }
    }

    fn is_number(word: &Word) -> bool {
        word.whole && word.exact.bytes().all(|byte| byte.is_ascii_digit())
    }

    proptest! {
        #[test]
        fn readings_are_added_and_nothing_else_changes(
            text in "([0-9]{1,5}|[ .,'’:/+#-]|\u{a0}|le |L|NET|é|²|_|20/|11/|2024|30 mai |T){0,40}"
        ) {
            let found = words(&text);
            let pieces = pieces(&text);
            let (others, added): (Vec<Word>, Vec<Word>) =
                found.iter().cloned().partition(|word| pieces.contains(word));
            prop_assert_eq!(others, pieces);
            let bare = |text: &str| {
                fold(text).chars().filter(|letter| letter.is_alphanumeric()).collect::<String>()
            };
            for word in added {
                let written = &text[word.range.clone()];
                let says_it = bare(written) == bare(&word.exact) || is_day(&word.exact);
                prop_assert!(word.whole && says_it, "{:?}", word);
                let first = found.iter().find(|first| first.range.start == word.range.start);
                prop_assert_eq!(first.map(|first| first.position), Some(word.position));
            }
            // The index takes the places of a word in their order alone.
            for (index, word) in found.iter().enumerate() {
                let mut before = found.iter().take(index).filter(|before| before.exact == word.exact);
                prop_assert!(before.all(|before| before.position < word.position));
            }
        }
    }
}
