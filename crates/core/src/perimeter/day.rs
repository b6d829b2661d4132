//! On which day does a way out close?

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::calendar::civil_from_days;

/// A day of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day {
    /// Year, 1970 to 9999.
    pub year: u16,
    /// Month, 1 to 12.
    pub month: u8,
    /// Day of the month, 1 to 31.
    pub day: u8,
}

impl Day {
    /// Reads `2027-01-31`.
    pub fn parse(text: &str) -> Option<Day> {
        let mut parts = text.split('-');
        let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
        let digits = [year, month, day].iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
        if !digits || parts.next().is_some() || (year.len(), month.len(), day.len()) != (4, 2, 2) {
            return None;
        }
        Day::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
    }

    /// The day in Coordinated Universal Time of a moment in milliseconds since 1970; a moment before is the first day.
    pub fn of_ms(ms: i64) -> Day {
        let (year, month, day) = civil_from_days(ms.max(0) / 86_400_000);
        Day { year: year.min(9999) as u16, month: month as u8, day: day as u8 }
    }

    fn new(year: u16, month: u8, day: u8) -> Option<Day> {
        let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            2 => 28 + u8::from(leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        ((1970..=9999).contains(&year) && (1..=days).contains(&day)).then_some(Day { year, month, day })
    }
}

impl fmt::Display for Day {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl Serialize for Day {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Day;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a day such as 2027-01-31")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Day, E> {
                Day::parse(text).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
            // TOML's own dates arrive as a map with one private key.
            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Day, A::Error> {
                let moment =
                    toml::value::Datetime::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                let text = moment.to_string();
                Day::parse(&text)
                    .ok_or_else(|| serde::de::Error::invalid_value(serde::de::Unexpected::Str(&text), &self))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_follow_the_calendar() {
        let check = |ms: i64, expected: &str| assert_eq!(Day::of_ms(ms).to_string(), expected);
        check(0, "1970-01-01");
        check(951_782_400_000, "2000-02-29");
        check(951_868_800_000, "2000-03-01");
        check(1_795_305_600_000, "2026-11-22");
        check(-5, "1970-01-01");
        for wrong in
            ["2027-02-29", "2027-13-01", "2027-00-10", "27-01-01", "2027-1-1", "2027-01-01T00:00:00", ""]
        {
            assert_eq!(Day::parse(wrong), None, "{wrong}");
        }
        assert!(Day::parse("2028-02-29").unwrap() < Day::parse("2028-03-01").unwrap());
    }
}
