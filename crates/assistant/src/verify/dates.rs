//! Which days, months and years does a text name?
//!
//! `25 mai 2018`, `May 25, 2018`, `25/05/2018` and `2018-05-25` are the same day. A date that says less (`mai 2018`)
//! is borne out by one that says more, not the other way round.

use std::ops::Range;

use intramuros_core::calendar::month_named;
use intramuros_search::analysis::Word;

/// A date, as far as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Date {
    pub year: Option<i32>,
    pub month: Option<u32>,
    pub day: Option<u32>,
    /// Day and month may stand the other way round (`05/06/2018`).
    either: bool,
}

impl Date {
    /// A year alone.
    pub fn year(year: i32) -> Date {
        Date { year: Some(year), month: None, day: None, either: false }
    }

    /// Whether this claim is borne out by `evidence`: everything that it says is said there.
    pub fn is_borne_out_by(&self, evidence: &Date) -> bool {
        let holds = |own: &Date| {
            own.year.is_none_or(|year| evidence.year == Some(year))
                && own.month.is_none_or(|month| evidence.month == Some(month))
                && own.day.is_none_or(|day| evidence.day == Some(day))
        };
        holds(self) || (self.either && holds(&self.turned())) || (evidence.either && self.is_turned(evidence))
    }

    fn is_turned(&self, evidence: &Date) -> bool {
        let plain = Date { either: false, ..evidence.turned() };
        self.is_borne_out_by(&plain)
    }

    fn turned(&self) -> Date {
        Date { month: self.day, day: self.month, either: false, ..*self }
    }
}

/// Shorter forms of months, folded, in both languages.
const SHORT_MONTHS: [(&str, u32); 10] = [
    ("janv", 1),
    ("jan", 1),
    ("fevr", 2),
    ("feb", 2),
    ("apr", 4),
    ("aug", 8),
    ("sept", 9),
    ("oct", 10),
    ("nov", 11),
    ("dec", 12),
];

/// The number of a month by its name, folded.
pub(crate) fn month(word: &str) -> Option<u32> {
    let short = || SHORT_MONTHS.iter().find(|(name, _)| *name == word).map(|(_, number)| *number);
    month_named(word).or_else(short)
}

/// The date that begins with word `first`, with the words that it takes. A month's name alone is none: `may`, `march`
/// and `mars` are other words too.
pub(crate) fn date_at(text: &str, words: &[Word], first: usize) -> Option<(Date, usize)> {
    numeric(text, words, first).or_else(|| named(words, first))
}

fn named(words: &[Word], first: usize) -> Option<(Date, usize)> {
    let word = |offset: usize| words.get(first + offset).map(|word| word.exact.as_str());
    let day_of = |word: &str| {
        let digits = word.trim_end_matches(|c: char| c.is_alphabetic());
        let ending = word.get(digits.len()..).unwrap_or_default();
        let day: u32 = digits.parse().ok()?;
        ((1..=31).contains(&day) && matches!(ending, "" | "er" | "st" | "nd" | "rd" | "th")).then_some(day)
    };
    let year_of = |word: Option<&str>| {
        word.filter(|word| word.len() == 4)
            .and_then(|word| word.parse().ok())
            .filter(|year| (1800..=2100).contains(year))
    };
    let date = |year, month, day, taken| Some((Date { year, month, day, either: false }, taken));
    if let Some(day) = day_of(word(0)?) {
        // 25 mai 2018, 25th of May 2018; "1 er mars" and "1^er mars" are what is left of a raised ending.
        let raised = word(0) == Some("1") && word(1) == Some("er");
        let skip = usize::from(raised || word(1) == Some("of"));
        let month = month(word(1 + skip)?)?;
        let year = year_of(word(2 + skip));
        return date(year, Some(month), Some(day), 2 + skip + usize::from(year.is_some()));
    }
    let month = month(word(0)?)?;
    if let Some(year) = year_of(word(1)) {
        return date(Some(year), Some(month), None, 2);
    }
    // May 25, 2018
    let day = day_of(word(1)?)?;
    let year = year_of(word(2));
    date(year, Some(month), Some(day), 2 + usize::from(year.is_some()))
}

fn numeric(text: &str, words: &[Word], first: usize) -> Option<(Date, usize)> {
    let part = |offset: usize| words.get(first + offset);
    let (one, two, three) = (part(0)?, part(1)?, part(2)?);
    let joint = |before: &Word, after: &Word| -> Option<Range<usize>> {
        let gap = before.range.end..after.range.start;
        matches!(text.get(gap.clone())?, "/" | "-" | ".").then_some(gap)
    };
    let same = text.get(joint(one, two)?)? == text.get(joint(two, three)?)?;
    let number = |word: &Word| word.exact.parse::<u32>().ok();
    let (a, b, c) = (number(one)?, number(two)?, number(three)?);
    let date = |year: u32, month: u32, day: u32, either: bool| {
        let valid =
            (1..=12).contains(&month) && (1..=31).contains(&day) && (1800..=2100).contains(&year) && same;
        valid.then_some((
            Date { year: i32::try_from(year).ok(), month: Some(month), day: Some(day), either },
            3,
        ))
    };
    match (one.exact.len(), three.exact.len()) {
        (4, _) => date(a, b, c, false),
        (_, 4) if b > 12 => date(c, a, b, false),
        (_, 4) => date(c, b, a, a <= 12),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use intramuros_search::analysis::words;

    fn first(text: &str) -> Option<Date> {
        let words: Vec<Word> = words(text).into_iter().filter(|word| !word.whole).collect();
        (0..words.len()).find_map(|at| date_at(text, &words, at)).map(|(date, _)| date)
    }

    #[test]
    fn a_date_is_the_same_in_every_spelling_and_bears_out_what_says_less() {
        let check = |claim: &str, evidence: &str, expected: bool| {
            let (claim_date, evidence_date) = (first(claim).unwrap(), first(evidence).unwrap());
            assert_eq!(claim_date.is_borne_out_by(&evidence_date), expected, "{claim} / {evidence}");
        };
        check("le 25 mai 2018", "on May 25, 2018", true);
        check("25/05/2018", "2018-05-25", true);
        check("05/06/2018", "June 5th, 2018", true);
        check("1er mars 2024", "March 1, 2024", true);
        check("1^er janvier 2011", "1er janvier 2011", true);
        check("1 er janvier 2011", "2 janvier 2011", false);
        check("mai 2018", "25 mai 2018", true);
        check("25 mai 2018", "mai 2018", false);
        check("25 mai 2018", "25 mai 2019", false);
        check("25 mai 2018", "26 mai 2018", false);
    }

    #[test]
    fn words_that_look_like_months_are_no_dates() {
        assert_eq!(first("you may read"), None);
        assert_eq!(first("la planète Mars"), None);
        assert_eq!(first("version 1.2.3"), None);
    }
}
