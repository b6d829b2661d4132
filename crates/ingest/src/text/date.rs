//! Which moment does a written date mean, and how is a moment written?

use intramuros_core::calendar::{civil_from_days, days_from_civil};

/// Milliseconds in a day.
const DAY_MS: i64 = 86_400_000;

/// The moment for an ISO 8601 date or date and time (`2024-03-01`, `2024-03-01T10:32:00+01:00`, also with a space, and
/// a year or year and month alone), in milliseconds since 1970 UTC. A time without a zone is taken as UTC.
pub fn parse_iso(text: &str) -> Option<i64> {
    let text = text.trim().trim_matches(['"', '\'']);
    let mut scan = Scan { rest: text };
    let year = scan.number(4, 4)?;
    let (mut month, mut day) = (1, 1);
    if scan.take('-') {
        month = scan.number(1, 2)?;
        if scan.take('-') {
            day = scan.number(1, 2)?;
        }
    }
    let days = days_of(year, month, day)?;
    let mut ms = days * DAY_MS;
    if scan.take('T') || scan.take(' ') || scan.take('t') {
        let Some(hour) = scan.number(1, 2) else { return Some(ms) };
        let minute = if scan.take(':') { scan.number(2, 2)? } else { 0 };
        let second = if scan.take(':') { scan.number(2, 2)? } else { 0 };
        if hour > 24 || minute > 59 || second > 60 {
            return None;
        }
        ms += ((hour * 60 + minute) * 60 + second) * 1000;
        if scan.take('.') {
            scan.rest = scan.rest.trim_start_matches(|character: char| character.is_ascii_digit());
        }
        ms -= scan.zone_minutes() * 60_000;
    }
    Some(ms)
}

/// A moment as `2024-03-01 10:32` (UTC).
pub fn show(ms: i64) -> String {
    let (year, month, day) = civil_from_days(ms.div_euclid(DAY_MS));
    let minutes = ms.rem_euclid(DAY_MS) / 60_000;
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}", minutes / 60, minutes % 60)
}

/// The day of a moment as `2024-03-01` (UTC).
pub fn show_day(ms: i64) -> String {
    let (year, month, day) = civil_from_days(ms.div_euclid(DAY_MS));
    format!("{year:04}-{month:02}-{day:02}")
}

struct Scan<'a> {
    rest: &'a str,
}

impl Scan<'_> {
    fn take(&mut self, character: char) -> bool {
        match self.rest.strip_prefix(character) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn number(&mut self, least: usize, most: usize) -> Option<i64> {
        let digits = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        if digits < least {
            return None;
        }
        let (number, rest) = self.rest.split_at(digits);
        self.rest = rest;
        number.parse().ok()
    }

    fn zone_minutes(&mut self) -> i64 {
        self.rest = self.rest.trim_start();
        let sign = if self.take('+') {
            1
        } else if self.take('-') {
            -1
        } else {
            return 0;
        };
        let hours = self.number(2, 2).unwrap_or(0);
        self.take(':');
        sign * (hours * 60 + self.number(2, 2).unwrap_or(0))
    }
}

/// Days since 1970-01-01 in the Gregorian calendar; none when it is no date.
fn days_of(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_date = (1..=12).contains(&month) && (1..=31).contains(&day);
    is_date.then(|| days_from_civil(year, month, day))
}
