//! How are the files of a source followed while the program runs?

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use intramuros_core::error::Error;
use tracing::{info, warn};

use crate::library::{FILES, KnownSource, Shared};
use crate::scan::Scope;
use crate::watch::Watch;

/// Everything is looked at this often, for changes of which no event tells (network disks, links to elsewhere).
const SCAN_EVERY: Duration = Duration::from_secs(600);

/// After a fault (a disk that is not mounted, a full one) it is tried again this soon.
const AFTER_A_FAULT: Duration = Duration::from_secs(30);

/// Where the system tells no events, everything is looked at in turn: no more often than this, and with this many
/// times the length of a look between two, so that looking takes a twentieth of one processor at most.
const LOOK_EVERY: Duration = Duration::from_millis(1500);
const LOOK_SHARE: u32 = 20;

/// Folders that can't be looked at, of which it is said. 50: enough to see what they have in common.
const MOST_TOLD: usize = 50;

/// The longest that a thread waits before it looks whether it should stop.
const LOOK_UP: Duration = Duration::from_millis(300);

/// Follows one source until the library stops, or it is declared no more.
pub(crate) fn run(shared: &Shared, known: &KnownSource) {
    let remote = known.source.is_remote();
    let mut watch = if remote { None } else { start(shared, known) };
    let mut next = Scope::All;
    let mut told = HashSet::new();
    while !shared.stopped() && shared.follows(known) {
        let began = Instant::now();
        let declared = shared.declared.load(Ordering::Acquire);
        let result = shared.scan(known, &next);
        let pause = match remote {
            // Whoever fetches tells of changes; only a change of the rules is to be heard of here.
            true => SCAN_EVERY * 6,
            false => pause(shared, &result, watch.is_some(), began.elapsed()),
        };
        if let Ok(report) = &result {
            tell_troubles(&known.source.name, &report.troubles, &mut told);
        }
        // Where the root itself went away, the events went with it.
        if result.is_err() && !remote {
            watch = start(shared, known);
        }
        next = wait(shared, watch.as_ref(), pause, declared);
    }
}

/// Says once of each folder that can't be looked at, beside the list of what was not read: nothing in it is read.
fn tell_troubles(source: &str, troubles: &[(String, String)], told: &mut HashSet<String>) {
    for (path, why) in troubles {
        if told.len() < MOST_TOLD && told.insert(path.clone()) {
            warn!(source, path, why, "a folder or file can't be looked at; what is in it is not read");
        }
    }
}

fn start(shared: &Shared, known: &KnownSource) -> Option<Watch> {
    let source = &known.source;
    match Watch::start(&source.path, shared.store.folder(), source.follow_links) {
        Ok(watch) => Some(watch),
        Err(error) => {
            warn!(source = source.name, %error, "the system tells no changes of files; they are looked for instead");
            None
        }
    }
}

/// How long until everything is looked at again, whatever events say.
fn pause<T>(shared: &Shared, result: &Result<T, Error>, watched: bool, took: Duration) -> Duration {
    match result {
        Ok(_) => {
            shared.tell_fault(FILES, None);
            if watched { SCAN_EVERY } else { (took * LOOK_SHARE).clamp(LOOK_EVERY, SCAN_EVERY) }
        }
        Err(error) => {
            warn!(%error, "a source can't be followed");
            shared.tell_fault(FILES, Some(error));
            AFTER_A_FAULT
        }
    }
}

/// What to look at next, once there is something.
fn wait(shared: &Shared, watch: Option<&Watch>, pause: Duration, declared: u64) -> Scope {
    let until = Instant::now() + pause;
    // Rules that were declared since the last look began hold for every file.
    while !shared.stopped() && shared.declared.load(Ordering::Acquire) == declared {
        let left = until.saturating_duration_since(Instant::now()).min(LOOK_UP);
        if left.is_zero() {
            info!("looking at everything");
            break;
        }
        match watch {
            Some(watch) => {
                if let Some(scope) = watch.changed(left) {
                    return scope;
                }
            }
            None => std::thread::sleep(left),
        }
    }
    Scope::All
}
