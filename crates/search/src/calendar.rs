//! Which instant does a written date name, and which year does an instant lie in?

use intramuros_core::calendar::{civil_from_days, days_from_civil};

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

#[cfg(test)]
mod tests {
    use super::*;

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
