//! Which instant does a written date name, and which year does an instant lie in?

const DAY_MS: i64 = 86_400_000;

/// The year of an instant, UTC, in the Gregorian calendar.
pub fn year_of(instant_ms: i64) -> i32 {
    civil(instant_ms.div_euclid(DAY_MS)).0
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
    let start = days(year, month.unwrap_or(1), day.unwrap_or(1));
    let end = match (month, day) {
        (_, Some(_)) => start + 1,
        (Some(12), None) | (None, None) => days(year + 1, 1, 1),
        (Some(month), None) => days(year, month + 1, 1),
    };
    Some((start * DAY_MS, end * DAY_MS))
}

/// Days since 1970-01-01 of a civil date (Howard Hinnant's public-domain algorithm).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of a number of days since 1970-01-01.
fn civil(days: i64) -> (i32, u32, u32) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year as i32, month as u32, day as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_years() {
        assert_eq!(period("1970"), Some((0, 365 * DAY_MS)));
        assert_eq!(period("2024-02"), Some((days(2024, 2, 1) * DAY_MS, days(2024, 3, 1) * DAY_MS)));
        assert_eq!(period("31/12/2023"), period("2023-12-31"));
        assert_eq!(period("12/2023"), period("2023-12"));
        for wrong in ["", "abc", "2024-13", "2024-01-32", "12", "2024-01-01-01", "99999"] {
            assert_eq!(period(wrong), None, "{wrong}");
        }
        for day in (-800_000..800_000).step_by(97) {
            let (year, month, number) = civil(day);
            assert_eq!(days(i64::from(year), i64::from(month), i64::from(number)), day);
        }
        assert_eq!(year_of(-1), 1969);
        assert_eq!(year_of(0), 1970);
    }
}
