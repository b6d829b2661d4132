//! Which moment is meant by a date of HTTP or of an XML list?

use intramuros_core::calendar::days_from_civil;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// `Sun, 06 Nov 1994 08:49:37 GMT`, in milliseconds since 1970; 0 for anything else.
pub(crate) fn of_http(text: &str) -> i64 {
    let words: Vec<&str> = text.split([' ', '-']).filter(|word| !word.is_empty()).collect();
    let [_, day, month, year, time, ..] = words.as_slice() else { return 0 };
    let month = month.to_ascii_lowercase();
    let Some(month) = MONTHS.iter().position(|name| *name == month) else { return 0 };
    moment(year, month as i64 + 1, day, time).unwrap_or(0)
}

/// `1994-11-06T08:49:37.000Z`, in milliseconds since 1970; 0 for anything else.
pub(crate) fn of_iso(text: &str) -> i64 {
    let Some((date, time)) = text.split_once('T') else { return 0 };
    let mut parts = date.split('-');
    let (Some(year), Some(month), Some(day)) = (parts.next(), parts.next(), parts.next()) else { return 0 };
    let time = time.split(['.', 'Z', '+', '-']).next().unwrap_or_default();
    month.parse().ok().and_then(|month| moment(year, month, day, time)).unwrap_or(0)
}

fn moment(year: &str, month: i64, day: &str, time: &str) -> Option<i64> {
    let (year, day): (i64, i64) = (year.parse().ok()?, day.parse().ok()?);
    let mut clock = time.split(':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let fits = (1..=12).contains(&month) && (1..=31).contains(&day) && (1..=9999).contains(&year);
    if !fits || !(0..24).contains(&hour) || !(0..60).contains(&minute) || !(0..=60).contains(&second) {
        return None;
    }
    Some((days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second) * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read() {
        assert_eq!(of_http("Sun, 06 Nov 1994 08:49:37 GMT"), 784_111_777_000);
        assert_eq!(of_iso("1994-11-06T08:49:37.000Z"), 784_111_777_000);
        assert_eq!(of_iso("1970-01-01T00:00:00Z"), 0);
        assert_eq!(of_http("Thu, 29 Feb 2024 00:00:00 GMT"), 1_709_164_800_000);
        for odd in ["", "yesterday", "Sun, 06 Nov", "1994-13-06T08:49:37Z", "1994-11-06T99:49:37Z", "é"] {
            assert_eq!((of_http(odd), of_iso(odd)), (0, 0), "{odd}");
        }
    }
}
