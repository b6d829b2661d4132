//! How is a moment written, so that people and programs read it alike?

use std::time::{SystemTime, UNIX_EPOCH};

use intramuros_core::calendar::days_from_civil;
use intramuros_core::perimeter::Day;

/// Milliseconds since 1970 of the machine's clock.
pub fn now_ms() -> i64 {
    // A clock before 1970 or after year 292 million is not a clock; 0 is written then.
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| i64::try_from(time.as_millis()).unwrap_or(0))
}

/// The moment in UTC as RFC 3339 writes it, with milliseconds: `2026-11-22T03:20:00.123Z`.
pub fn to_text(ms: i64) -> String {
    let ms = ms.max(0);
    let (day, of_day) = (Day::of_ms(ms), ms % 86_400_000);
    let (hour, minute, second) = (of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1000 % 60);
    format!("{day}T{hour:02}:{minute:02}:{second:02}.{:03}Z", of_day % 1000)
}

/// Reads what [`to_text`] writes, or a day alone (its first millisecond); none for anything else.
pub fn from_text(text: &str) -> Option<i64> {
    let day = Day::parse(text.get(..10)?)?;
    let start = days_from_civil(day.year.into(), day.month.into(), day.day.into()) * 86_400_000;
    let rest = &text[10..];
    if rest.is_empty() {
        return Some(start);
    }
    let rest = rest.strip_prefix('T')?.strip_suffix('Z')?;
    let (clock, milliseconds) = rest.split_once('.').unwrap_or((rest, "000"));
    let number = |text: &str, length: usize, below: i64| -> Option<i64> {
        let digits = text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number| digits && *number < below)
    };
    let mut parts = clock.split(':');
    let (hour, minute, second) =
        (number(parts.next()?, 2, 24)?, number(parts.next()?, 2, 60)?, number(parts.next()?, 2, 60)?);
    if parts.next().is_some() {
        return None;
    }
    Some(start + ((hour * 60 + minute) * 60 + second) * 1000 + number(milliseconds, 3, 1000)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_and_read_back() {
        assert_eq!(to_text(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(to_text(1_795_317_600_123), "2026-11-22T03:20:00.123Z");
        let mut ms = 0;
        while ms < 4_000_000_000_000 {
            assert_eq!(from_text(&to_text(ms)), Some(ms));
            ms += 86_399_999 * 13;
        }
        assert_eq!(from_text("2026-11-22"), Some(1_795_305_600_000));
        for wrong in
            ["", "2026", "2026-11-22T", "2026-11-22T24:00:00.000Z", "2026-11-22T03:20:00", "é026-11-22"]
        {
            assert_eq!(from_text(wrong), None, "{wrong}");
        }
    }
}
