//! Which day of the Gregorian calendar is it, so many days after 1970-01-01, and the other way round?
//!
//! Howard Hinnant's public-domain algorithms: years begin in March, so that the leap day is the last of its year, and
//! are counted in eras of 400. What a written date may look like is for its reader to say.

/// Days of an era of 400 years, and days from 0000-03-01 to 1970-01-01.
const ERA_DAYS: i64 = 146_097;
const FROM_MARCH_0: i64 = 719_468;

/// The months in French and English, folded: in small letters, without accents.
pub const MONTHS: [[&str; 2]; 12] = [
    ["janvier", "january"],
    ["fevrier", "february"],
    ["mars", "march"],
    ["avril", "april"],
    ["mai", "may"],
    ["juin", "june"],
    ["juillet", "july"],
    ["aout", "august"],
    ["septembre", "september"],
    ["octobre", "october"],
    ["novembre", "november"],
    ["decembre", "december"],
];

/// The number of a month, from 1, by its whole name, folded. Which shorter forms are months is for who reads a date to say.
pub fn month_named(name: &str) -> Option<u32> {
    (1..).zip(&MONTHS).find(|(_, names)| names.contains(&name)).map(|(number, _)| number)
}

/// Days since 1970-01-01 (before it, negative) of a date: any year, months 1 to 12, days 1 to 31. A day past the end of
/// its month is one of the next.
pub fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - FROM_MARCH_0
}

/// Year, month and day of a number of days since 1970-01-01.
pub fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + FROM_MARCH_0;
    let (era, of_era) = (days.div_euclid(ERA_DAYS), days.rem_euclid(ERA_DAYS));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_known_by_their_names_in_both_languages() {
        let check = |name: &str, expected: Option<u32>| assert_eq!(month_named(name), expected, "{name}");
        check("janvier", Some(1));
        check("december", Some(12));
        check("mai", Some(5));
        check("dec", None);
        check("", None);
    }

    #[test]
    fn days_and_dates_are_each_others_inverse() {
        let check = |date: (i64, i64, i64), days: i64| {
            assert_eq!(days_from_civil(date.0, date.1, date.2), days);
            assert_eq!(civil_from_days(days), date);
        };
        check((1970, 1, 1), 0);
        check((1969, 12, 31), -1);
        check((2000, 2, 29), 11_016);
        check((2026, 11, 22), 20_779);
        for days in (-1_000_000..3_000_000).step_by(97) {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), days);
        }
    }
}
