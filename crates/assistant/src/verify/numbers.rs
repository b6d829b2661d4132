//! Which quantities does a text state, whichever way they are written?
//!
//! `10 000`, `10,000`, `dix mille` and `ten thousand` are the same; so are `3,5 %` and `3.5%`. Where a separator can be
//! read in two ways, both readings are kept and one in common is enough.

use std::ops::Range;

use intramuros_search::analysis::{Word, fold};

/// A number with its unit, where it has one that we know.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Quantity {
    /// The value, in each way it can be read; at least one.
    values: Vec<f64>,
    /// The unit in one spelling for both languages.
    unit: Option<&'static str>,
}

impl Quantity {
    /// Whether both can be the same: a value in common, and no two units that differ.
    pub fn matches(&self, other: &Quantity) -> bool {
        let near = |a: f64, b: f64| (a - b).abs() <= f64::EPSILON * 4.0 * a.abs().max(1.0);
        let value = self.values.iter().any(|own| other.values.iter().any(|its| near(*own, *its)));
        let unit = match (self.unit, other.unit) {
            (Some(own), Some(its)) => own == its,
            _ => true,
        };
        value && unit
    }

    /// The value, when it is a whole number that can be a year.
    pub fn as_year(&self) -> Option<i32> {
        let [value] = self.values.as_slice() else { return None };
        (self.unit.is_none() && value.fract() == 0.0 && (1800.0..=2100.0).contains(value))
            .then_some(*value as i32)
    }
}

/// Units, folded, with one name for both languages.
const UNITS: &[(&str, &str)] = &[
    ("%", "percent"),
    ("pour", "percent"),
    ("percent", "percent"),
    ("€", "euro"),
    ("eur", "euro"),
    ("euro", "euro"),
    ("euros", "euro"),
    ("$", "dollar"),
    ("dollar", "dollar"),
    ("dollars", "dollar"),
    ("seconde", "second"),
    ("secondes", "second"),
    ("second", "second"),
    ("seconds", "second"),
    ("minute", "minute"),
    ("minutes", "minute"),
    ("heure", "hour"),
    ("heures", "hour"),
    ("hour", "hour"),
    ("hours", "hour"),
    ("jour", "day"),
    ("jours", "day"),
    ("day", "day"),
    ("days", "day"),
    ("semaine", "week"),
    ("semaines", "week"),
    ("week", "week"),
    ("weeks", "week"),
    ("mois", "month"),
    ("month", "month"),
    ("months", "month"),
    ("an", "year"),
    ("ans", "year"),
    ("annee", "year"),
    ("annees", "year"),
    ("year", "year"),
    ("years", "year"),
    ("m", "metre"),
    ("metre", "metre"),
    ("metres", "metre"),
    ("meter", "metre"),
    ("meters", "metre"),
    ("km", "kilometre"),
    ("kilometres", "kilometre"),
    ("kilometers", "kilometre"),
    ("kg", "kilogram"),
    ("kilogrammes", "kilogram"),
    ("kilograms", "kilogram"),
    ("ko", "kilobyte"),
    ("kb", "kilobyte"),
    ("mo", "megabyte"),
    ("mb", "megabyte"),
    ("go", "gigabyte"),
    ("gb", "gigabyte"),
    ("to", "terabyte"),
    ("tb", "terabyte"),
];

/// What a number's word adds or multiplies. `un`, `une`, `a` and `one` are articles more often than numbers.
const WORDS: &[(&str, f64)] = &[
    ("deux", 2.0),
    ("two", 2.0),
    ("trois", 3.0),
    ("three", 3.0),
    ("quatre", 4.0),
    ("four", 4.0),
    ("cinq", 5.0),
    ("five", 5.0),
    ("six", 6.0),
    ("sept", 7.0),
    ("seven", 7.0),
    ("huit", 8.0),
    ("eight", 8.0),
    ("neuf", 9.0),
    ("nine", 9.0),
    ("dix", 10.0),
    ("ten", 10.0),
    ("onze", 11.0),
    ("eleven", 11.0),
    ("douze", 12.0),
    ("twelve", 12.0),
    ("treize", 13.0),
    ("thirteen", 13.0),
    ("quatorze", 14.0),
    ("fourteen", 14.0),
    ("quinze", 15.0),
    ("fifteen", 15.0),
    ("seize", 16.0),
    ("sixteen", 16.0),
    ("seventeen", 17.0),
    ("eighteen", 18.0),
    ("nineteen", 19.0),
    ("vingt", 20.0),
    ("vingts", 20.0),
    ("twenty", 20.0),
    ("trente", 30.0),
    ("thirty", 30.0),
    ("quarante", 40.0),
    ("forty", 40.0),
    ("cinquante", 50.0),
    ("fifty", 50.0),
    ("soixante", 60.0),
    ("sixty", 60.0),
    ("seventy", 70.0),
    ("eighty", 80.0),
    ("ninety", 90.0),
    ("cent", 100.0),
    ("cents", 100.0),
    ("hundred", 100.0),
    ("mille", 1_000.0),
    ("thousand", 1_000.0),
    ("million", 1_000_000.0),
    ("millions", 1_000_000.0),
    ("milliard", 1_000_000_000.0),
    ("milliards", 1_000_000_000.0),
    ("billion", 1_000_000_000.0),
];

/// The unit that stands right behind a number: the sign, or the next word.
fn unit_after(text: &str, end: usize) -> Option<&'static str> {
    let rest = text.get(end..)?.trim_start_matches([' ', '\u{a0}', '\u{202f}', '-']);
    let first = rest.chars().next()?;
    let word: String = if first.is_alphabetic() {
        rest.chars().take_while(|c| c.is_alphabetic()).take(16).collect()
    } else {
        first.to_string()
    };
    let folded = fold(&word);
    if folded == "pour" && !rest.get(word.len()..)?.trim_start().starts_with("cent") {
        return None;
    }
    UNITS.iter().find(|(spelling, _)| *spelling == folded).map(|(_, unit)| *unit)
}

/// The quantity that begins with a digit at `start`, with where it ends. None where letters are joined to it: that is
/// an identifier.
pub(crate) fn digits_at(text: &str, start: usize) -> Option<(Quantity, Range<usize>)> {
    let rest = text.get(start..)?;
    let mut end = 0;
    let mut groups: Vec<(char, &str)> = Vec::new();
    let mut separator = ' ';
    loop {
        let run = rest.get(end..)?.bytes().take_while(u8::is_ascii_digit).count();
        if run == 0 {
            break;
        }
        groups.push((separator, rest.get(end..end + run)?));
        end += run;
        let mut following = rest.get(end..)?.chars();
        let (Some(mark), Some(digit)) = (following.next(), following.next()) else { break };
        let spaced = matches!(mark, ' ' | '\u{a0}' | '\u{202f}' | '\'' | '’');
        let three = rest.get(end + mark.len_utf8()..)?.bytes().take_while(u8::is_ascii_digit).count() == 3;
        let grouped = spaced && three && groups.first().is_some_and(|(_, first)| first.len() <= 3);
        if !(digit.is_ascii_digit() && (grouped || matches!(mark, '.' | ','))) {
            break;
        }
        separator = mark;
        end += mark.len_utf8();
    }
    let values = readings(&groups)?;
    let range = start..start + end;
    Some((Quantity { values, unit: unit_after(text, range.end) }, range))
}

/// The values that groups of digits can stand for.
fn readings(groups: &[(char, &str)]) -> Option<Vec<f64>> {
    let joined: String = groups.iter().map(|(_, digits)| *digits).collect();
    let whole: f64 = joined.parse().ok()?;
    let marks = groups.iter().skip(1).filter(|(mark, _)| matches!(mark, '.' | ',')).count();
    let (last_mark, last) = groups.last()?;
    if groups.len() == 1 || marks == 0 {
        return Some(vec![whole]);
    }
    let three = last.len() == 3;
    let decimal: f64 = format!("{}.{last}", joined.get(..joined.len() - last.len())?).parse().ok()?;
    let same_mark = groups.iter().skip(1).filter(|(mark, _)| mark == last_mark).count() == marks;
    match (marks, three) {
        (1, false) => Some(vec![decimal]),
        (1, true) => Some(vec![whole, decimal]),
        // 1.250.000 or 1,250.50; several marks of one kind without groups of three are a version, not a number.
        (_, true) if same_mark => Some(vec![whole]),
        (_, _) if !same_mark => Some(vec![decimal]),
        _ => None,
    }
}

/// The quantity written in words that begins with word `first`, with the words that it takes. None for another word.
pub(crate) fn words_at(text: &str, words: &[Word], first: usize) -> Option<(Quantity, usize)> {
    let value_of = |word: &Word| WORDS.iter().find(|(name, _)| *name == word.exact).map(|(_, value)| *value);
    let (mut total, mut group, mut taken) = (0.0_f64, 0.0_f64, 0);
    let mut end = words.get(first)?.range.start;
    for word in words.get(first..)? {
        let gap = text.get(end..word.range.start).unwrap_or_default();
        let joined = gap.chars().all(|c| c.is_whitespace() || c == '-');
        let Some(value) = value_of(word).filter(|_| taken == 0 || joined) else {
            // "vingt et un" and "hundred and five" are rare beside "deux et trois".
            break;
        };
        if value >= 1_000.0 {
            total += group.max(1.0) * value;
            group = 0.0;
        } else if (value - 100.0).abs() < 0.5 {
            group = group.max(1.0) * value;
        } else if (value - 20.0).abs() < 0.5 && (group - 4.0).abs() < 0.5 {
            group = 80.0;
        } else if taken > 0 && group % 100.0 > 0.0 && value >= 20.0 {
            break;
        } else {
            group += value;
        }
        taken += 1;
        end = word.range.end;
    }
    // "pour cent" is a unit of the number before it.
    let lone_hundred = taken == 1 && words.get(first)?.exact.starts_with("cent");
    if taken == 0 || (lone_hundred && first > 0 && words.get(first - 1)?.exact == "pour") {
        return None;
    }
    Some((Quantity { values: vec![total + group], unit: unit_after(text, end) }, taken))
}

#[cfg(test)]
mod tests {
    use super::*;
    use intramuros_search::analysis::words;

    fn first(text: &str) -> Quantity {
        match text.find(|c: char| c.is_ascii_digit()) {
            Some(start) => digits_at(text, start).unwrap().0,
            None => {
                let words: Vec<Word> = words(text).into_iter().filter(|word| !word.whole).collect();
                (0..words.len()).find_map(|at| words_at(text, &words, at)).unwrap().0
            }
        }
    }

    #[test]
    fn the_same_quantity_is_seen_in_every_spelling() {
        let check = |one: &str, other: &str, expected: bool| {
            assert_eq!(first(one).matches(&first(other)), expected, "{one} / {other}");
        };
        check("10 000 euros", "10,000 €", true);
        check("10 000 euros", "dix mille euros", true);
        check("3,5 %", "3.5 percent", true);
        check("20 pour cent", "20%", true);
        check("30 jours", "thirty days", true);
        check("quatre-vingt-dix jours", "90 days", true);
        check("deux cent cinquante", "250", true);
        check("twenty-five", "25", true);
        check("30 jours", "30 mois", false);
        check("30 jours", "30", true);
        check("13 jours", "31 jours", false);
        check("1.250.000", "1250000", true);
        check("1,250.50", "1250.5", true);
    }

    #[test]
    fn versions_are_no_numbers() {
        assert!(digits_at("1.2.3.4", 0).is_none());
        assert_eq!(first("en 2018").as_year(), Some(2018));
    }
}
