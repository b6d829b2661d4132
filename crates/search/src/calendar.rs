//! Which day or instant does a written date name, and which year does an instant lie in?

use intramuros_core::calendar::{civil_from_days, days_from_civil, month_named};

const DAY_MS: i64 = 86_400_000;

/// The year of an instant, UTC, in the Gregorian calendar.
pub fn year_of(instant_ms: i64) -> i32 {
    civil_from_days(instant_ms.div_euclid(DAY_MS)).0 as i32
}

/// The first instant of a year, a month or a day written `2024`, `2024-05`, `2024-05-31`; also `05/2024` and
/// `31/05/2024`. Milliseconds since 1970, UTC, with the first instant after the period.
pub fn period(text: &str) -> Option<(i64, i64)> {
    let mut parts: Vec<i64> = text
        .split(['-', '/'])
        .map(|part| part.parse().ok())
        .collect::<Option<_>>()
        .filter(|parts: &Vec<i64>| parts.len() <= 3)?;
    if text.contains('/') {
        parts.reverse();
    }
    let year = *parts.first()?;
    let month = parts.get(1).copied();
    let day = parts.get(2).copied();
    if !(1000..=9999).contains(&year)
        || !(1..=12).contains(&month.unwrap_or(1))
        || !(1..=31).contains(&day.unwrap_or(1))
    {
        return None;
    }
    let start = days_from_civil(year, month.unwrap_or(1), day.unwrap_or(1));
    let end = match (month, day) {
        (_, Some(_)) => start + 1,
        (Some(12), None) | (None, None) => days_from_civil(year + 1, 1, 1),
        (Some(month), None) => days_from_civil(year, month + 1, 1),
    };
    Some((start * DAY_MS, end * DAY_MS))
}

/// Years of days that are read in texts; other numbers of four digits are none.
const YEARS: std::ops::RangeInclusive<u32> = 1000..=2999;

/// Letters behind the number of a day.
const ORDINALS: [&str; 5] = ["er", "st", "nd", "rd", "th"];

/// Shorter forms of the months in French and English, folded.
const SHORT_MONTHS: [(&str, u32); 17] = [
    ("janv", 1),
    ("jan", 1),
    ("fevr", 2),
    ("fev", 2),
    ("feb", 2),
    ("mar", 3),
    ("avr", 4),
    ("apr", 4),
    ("jun", 6),
    ("juil", 7),
    ("jul", 7),
    ("aug", 8),
    ("sept", 9),
    ("sep", 9),
    ("oct", 10),
    ("nov", 11),
    ("dec", 12),
];

/// The day that three folded words of a text name one after another, as `2024-11-30`: `2024 11 30`, `30 11 2024`,
/// `1er mars 2024`, `november 30 2024`. Between figures the day stands before the month, as in filters, but where only the
/// other way round is a date (`11 30 2024`).
pub fn day_of(words: [&str; 3]) -> Option<String> {
    let [first, second, third] = words;
    let (year, month, day) = if let Some(year) = year(first) {
        (year, month(second)?, day(third)?)
    } else if let Some(month) = named_month(first) {
        (year(third)?, month, day(second)?)
    } else if let Some(month) = named_month(second).or_else(|| month(second)) {
        (year(third)?, month, day(first)?)
    } else {
        (year(third)?, month(first)?, day(second)?)
    };
    Some(format!("{year:04}-{month:02}-{day:02}"))
}

/// Whether a word is a day as [`day_of`] gives it.
pub fn is_day(word: &str) -> bool {
    let mut parts = word.split('-');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(year), Some(month), Some(day), None) => day_of([year, month, day]).as_deref() == Some(word),
        _ => false,
    }
}

/// Whether a word is the year of a day.
pub fn is_year(word: &str) -> bool {
    year(word).is_some()
}

fn year(word: &str) -> Option<u32> {
    number(word, 4).filter(|year| YEARS.contains(year))
}

fn month(word: &str) -> Option<u32> {
    number(word, 2).filter(|month| (1..=12).contains(month))
}

fn day(word: &str) -> Option<u32> {
    let figures = ORDINALS.iter().find_map(|letters| word.strip_suffix(letters)).unwrap_or(word);
    number(figures, 2).filter(|day| (1..=31).contains(day))
}

fn named_month(word: &str) -> Option<u32> {
    let short = || SHORT_MONTHS.iter().find(|(name, _)| *name == word).map(|(_, number)| *number);
    month_named(word).or_else(short)
}

/// A number of at most so many digits.
fn number(word: &str, most_digits: usize) -> Option<u32> {
    let is_number = word.len() <= most_digits && word.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { word.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use intramuros_core::calendar::MONTHS;

    use super::*;

    #[test]
    fn a_day_is_the_same_however_it_is_written() {
        let check = |words: [&str; 3], expected: Option<&str>| {
            assert_eq!(day_of(words).as_deref(), expected, "{words:?}");
            assert!(expected.is_none_or(is_day), "{words:?}");
        };
        for words in [
            ["2024", "11", "30"],
            ["30", "11", "2024"],
            ["11", "30", "2024"],
            ["30", "novembre", "2024"],
            ["30", "nov", "2024"],
            ["30th", "november", "2024"],
            ["november", "30", "2024"],
        ] {
            check(words, Some("2024-11-30"));
        }
        check(["3", "4", "2024"], Some("2024-04-03"));
        check(["1er", "aout", "1914"], Some("1914-08-01"));
        for none in [
            ["13", "13", "2024"],
            ["30", "11", "24"],
            ["2024", "30", "11"],
            ["2024", "0", "11"],
            ["30", "brumaire", "2024"],
            ["mars", "2024", "30"],
            ["32", "mars", "2024"],
            ["30", "11", "3024"],
            ["", "", ""],
        ] {
            check(none, None);
        }
        assert!(is_day("2024-01-05"));
        for none in ["2024-1-5", "2024-13-05", "05-01-2024", "2024-01", "2024-01-05-06", "", "a-b-c"] {
            assert!(!is_day(none), "{none}");
        }
        assert!(
            MONTHS
                .iter()
                .flatten()
                .chain(SHORT_MONTHS.iter().map(|(name, _)| name))
                .all(|name| crate::analysis::fold(name) == *name)
        );
    }

    #[test]
    fn dates_and_years() {
        assert_eq!(period("1970"), Some((0, 365 * DAY_MS)));
        assert_eq!(
            period("2024-02"),
            Some((days_from_civil(2024, 2, 1) * DAY_MS, days_from_civil(2024, 3, 1) * DAY_MS))
        );
        assert_eq!(period("31/12/2023"), period("2023-12-31"));
        assert_eq!(period("12/2023"), period("2023-12"));
        for wrong in ["", "abc", "2024-13", "2024-01-32", "12", "2024-01-01-01", "99999"] {
            assert_eq!(period(wrong), None, "{wrong}");
        }
        for day in (-800_000..800_000).step_by(97) {
            let (year, month, number) = civil_from_days(day);
            assert_eq!(days_from_civil(year, month, number), day);
        }
        assert_eq!(year_of(-1), 1969);
        assert_eq!(year_of(0), 1970);
    }
}
