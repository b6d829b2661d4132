//! When does the index take in what the store acknowledged?

use std::time::{Duration, Instant};

use tracing::{info, warn};

use crate::library::Shared;

/// How long to wait for a bell before looking anyway.
const LOOK_UP: Duration = Duration::from_millis(500);

/// How long to wait after a fault: a full disk or a stopped one does not mend within moments.
const AFTER_A_FAULT: Duration = Duration::from_secs(5);

/// When what nobody needs any more is removed: in a quiet moment, this long after the last time.
const COMPACT_AFTER: Duration = Duration::from_secs(600);

/// Follows the store until the library stops.
pub(crate) fn run(shared: &Shared) {
    let mut heard = 0;
    let mut compacted = Instant::now();
    let mut changed = false;
    while !shared.stopped() {
        match shared.derived.follow(&shared.store) {
            Ok(0) => {
                shared.tell_fault("words", None);
                shared.in_step.ring();
                if changed && compacted.elapsed() >= COMPACT_AFTER {
                    compact(shared);
                    compacted = Instant::now();
                    changed = false;
                }
                heard = shared.acknowledged.wait(heard, LOOK_UP);
            }
            Ok(_) => {
                changed = true;
                shared.tell_fault("words", None);
                show(shared);
                shared.in_step.ring();
            }
            Err(error) => {
                warn!(%error, "the word index can't follow");
                shared.tell_fault("words", Some(&error));
                heard = shared.acknowledged.wait(heard, AFTER_A_FAULT);
            }
        }
    }
}

fn show(shared: &Shared) {
    if let Err(error) = shared.show_totals() {
        warn!(%error, "counting");
    }
}

fn compact(shared: &Shared) {
    shared.derived.tidy();
    match shared.store.compact(shared.derived.applied()) {
        Ok(compacted) => info!(?compacted, "removed what nobody needs any more"),
        Err(error) => warn!(%error, "compacting"),
    }
}
