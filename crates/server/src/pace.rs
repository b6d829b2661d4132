//! When does an answer leave, so that its time says nothing?
//!
//! To find the passages that hold a word, its whole list is read, also for who may read few of them: the more hidden
//! passages hold it, the longer it takes (about 2 ms for 100,000, see docs/measurements.md). Answers to those who may
//! not read everything therefore leave at whole steps after the request came, and the time that an answer tells is
//! told in the same steps.

use std::time::Duration;

use intramuros_core::access::Principal;

/// The length of a step: several times what a hidden word adds, and little beside what a person notices (100 ms).
pub(crate) const STEP: Duration = Duration::from_millis(10);

/// How long an answer that took `took` is held back for this principal.
pub(crate) fn hold(principal: &Principal, took: Duration) -> Duration {
    if principal.owner { Duration::ZERO } else { step_after(took).saturating_sub(took) }
}

/// The time to tell this principal for an answer that took `took`, in milliseconds.
pub(crate) fn told(principal: &Principal, took: Duration) -> f64 {
    let told = if principal.owner { took } else { step_after(took) };
    (told.as_secs_f64() * 100_000.0).round() / 100.0
}

/// The first step that is not before `took`.
fn step_after(took: Duration) -> Duration {
    let steps = took.as_micros().div_ceil(STEP.as_micros()).max(1);
    STEP.saturating_mul(u32::try_from(steps).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_not_read_everything_is_answered_in_steps() {
        let anne = Principal::user("anne", [""; 0]);
        let check = |took_micros: u64, left_at_ms: u64| {
            let took = Duration::from_micros(took_micros);
            assert_eq!(took + hold(&anne, took), Duration::from_millis(left_at_ms), "{took:?}");
            assert_eq!(told(&anne, took), left_at_ms as f64, "{took:?}");
        };
        check(0, 10);
        check(1, 10);
        check(9_999, 10);
        check(10_000, 10);
        check(10_001, 20);
        check(1_234_567, 1_240);
        let took = Duration::from_micros(12_345);
        assert_eq!(
            (hold(&Principal::owner(), took), told(&Principal::owner(), took)),
            (Duration::ZERO, 12.35)
        );
    }
}
