//! How long does a session live, and when is its last use written down?

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;

/// Milliseconds in an hour.
const HOUR_MS: i64 = 3_600_000;

/// How long a session lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// After this long without a request it has ended, in milliseconds.
    pub idle_ms: i64,
    /// After this long it has ended in any case, in milliseconds.
    pub whole_ms: i64,
}

impl Lifetimes {
    /// From hours, as they are declared.
    pub fn of_hours(idle: u32, whole: u32) -> Lifetimes {
        Lifetimes { idle_ms: i64::from(idle) * HOUR_MS, whole_ms: i64::from(whole) * HOUR_MS }
    }

    /// Whether a session that began and was last used then still lives now.
    pub fn alive(&self, began_ms: i64, seen_ms: i64, now_ms: i64) -> bool {
        // A clock that was set back ends nothing by itself; one set forward does.
        now_ms - seen_ms < self.idle_ms && now_ms - began_ms < self.whole_ms
    }
}

/// A last use is written down again after this long, in milliseconds. A minute: people see when, and reading pages
/// does not write to the disk.
pub const SEEN_EVERY_MS: i64 = 60_000;

/// Whether a last use is to be written down.
pub fn seen_is_due(seen_ms: i64, now_ms: i64) -> bool {
    (now_ms - seen_ms).abs() >= SEEN_EVERY_MS
}

/// What was noted as seen within the last minute, so that of requests that come together one writes.
#[derive(Debug)]
pub struct Noted<What>(HashMap<What, i64>);

impl<What> Default for Noted<What> {
    fn default() -> Self {
        Noted(HashMap::new())
    }
}

impl<What: Eq + Hash> Noted<What> {
    /// Whether a last use is to be noted now; says so to one alone of those that ask within a minute.
    pub fn takes(&mut self, what: What, now_ms: i64) -> bool {
        self.0.retain(|_, at| !seen_is_due(*at, now_ms));
        match self.0.entry(what) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                place.insert(now_ms);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_when_nobody_uses_it_and_in_any_case() {
        let lifetimes = Lifetimes::of_hours(12, 168);
        let check = |began: i64, seen: i64, now: i64, expected: bool| {
            let at = |hours: i64| hours * HOUR_MS;
            assert_eq!(lifetimes.alive(at(began), at(seen), at(now)), expected, "{began} {seen} {now}");
        };
        check(0, 0, 0, true);
        check(0, 0, 11, true);
        check(0, 0, 12, false);
        check(0, 160, 167, true);
        check(0, 167, 168, false);
        check(5, 5, 4, true);
    }

    #[test]
    fn of_requests_that_come_together_one_is_noted() {
        let mut noted = Noted::default();
        let mut check = |what: u8, now_ms: i64, expected: bool| {
            assert_eq!(noted.takes(what, now_ms), expected, "{what} at {now_ms}");
        };
        check(1, 0, true);
        check(1, 0, false);
        check(2, 1, true);
        check(1, SEEN_EVERY_MS - 1, false);
        check(1, SEEN_EVERY_MS, true);
        check(1, SEEN_EVERY_MS, false);
        // A clock that was put back.
        check(1, -SEEN_EVERY_MS, true);
    }
}
