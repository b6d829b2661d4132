//! When does an answer leave, so that its time says nothing?
//!
//! To find the passages that hold a word, its whole list is read, also for who may read few of them: the more hidden
//! passages hold it, the longer it takes (about 2 ms for 100,000, see docs/measurements.md). Answers to those who may
//! not read everything therefore leave at whole steps after the request came, and the time that an answer tells is
//! told in the same steps.
//!
//! The step grows with the time taken. Whoever wants to see a small difference asks so much at once that it adds up; but
//! then everything else adds up too. A step that is always a good part of the whole keeps the share of what is hidden as
//! far below it as it is in a short answer, where one of 10 ms would be crossed again and again.

use std::time::Duration;

use intramuros_core::access::Principal;

/// The shortest step: several times what a hidden word adds, and little beside what a person notices (100 ms).
pub(crate) const STEP: Duration = Duration::from_millis(10);

/// A step is at least this part of the time taken, a quarter, and less than half of it: nothing takes half as long again.
const SHARE: u32 = 4;

/// The longest step. What takes longer than four of them, some 2.5 s, is no search: a model writes, or a file comes in.
/// There a wait in proportion would be felt, and the time is the asker's own line and the model's.
const LONGEST_STEP: Duration = Duration::from_millis(640);

/// How long an answer that took `took` is held back for this principal.
pub(crate) fn hold(principal: &Principal, took: Duration) -> Duration {
    if principal.owner { Duration::ZERO } else { step_after(took).saturating_sub(took) }
}

/// The time to tell this principal for an answer that took `took`, in milliseconds.
pub(crate) fn told(principal: &Principal, took: Duration) -> f64 {
    let told = if principal.owner { took } else { step_after(took) };
    (told.as_secs_f64() * 100_000.0).round() / 100.0
}

/// The length of the steps for an answer that took `took`: the shortest step, doubled as often as it takes. Each length is
/// a whole number of the shorter ones, so that there are few instants at which anything leaves.
fn step_for(took: Duration) -> Duration {
    let mut step = STEP;
    while step < LONGEST_STEP && step.saturating_mul(SHARE) < took {
        step = step.saturating_mul(2);
    }
    step
}

/// The first step that is not before `took`.
fn step_after(took: Duration) -> Duration {
    let step = step_for(took);
    let steps = took.as_nanos().div_ceil(step.as_nanos()).max(1);
    step.saturating_mul(u32::try_from(steps).unwrap_or(u32::MAX))
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
        check(33_000, 40);
        check(40_001, 60);
        check(61_000, 80);
        check(80_001, 120);
        check(123_456, 160);
        check(200_000, 240);
        check(1_234_567, 1_280);
        // Of what takes long nobody waits for much more.
        check(10_000_000, 10_240);
        check(60_000_001, 60_160);
        let took = Duration::from_micros(12_345);
        assert_eq!(
            (hold(&Principal::owner(), took), told(&Principal::owner(), took)),
            (Duration::ZERO, 12.35)
        );
        assert_eq!(step_after(Duration::from_nanos(10_000_001)), Duration::from_millis(20));
    }

    #[test]
    fn the_step_is_a_good_part_of_the_time_and_less_than_half_of_it() {
        let mut left_before = Duration::ZERO;
        for millis in 0..20_000 {
            let took = Duration::from_millis(millis);
            let step = step_for(took);
            assert!(step >= (took / 4).min(LONGEST_STEP), "{took:?}: {step:?}");
            assert!(step == STEP || step * 2 < took, "{took:?}: {step:?}");
            // What takes longer never leaves earlier.
            let left = step_after(took);
            assert!(left >= took.max(left_before) && left - took <= step, "{took:?}: {left:?}");
            left_before = left;
        }
    }

    #[test]
    fn few_instants_are_left_to_tell_apart() {
        let instants: std::collections::BTreeSet<Duration> =
            (0..2_560).map(|millis| step_after(Duration::from_millis(millis))).collect();
        assert_eq!(instants.len(), 16, "{instants:?}");
    }
}
