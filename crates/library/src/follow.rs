//! How are the files of a source followed while the program runs?

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use intramuros_core::error::Error;
use tracing::{info, warn};

use crate::library::{FILES, KnownSource, Shared};
use crate::scan::Scope;
use crate::walk;
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

/// What was said already. The same again, every half minute, would bury what else is said.
#[derive(Default)]
struct Told {
    paths: HashSet<String>,
    fault: Option<String>,
    unwatched: Option<String>,
}

/// Follows one source until the library stops, or it is declared no more.
pub(crate) fn run(shared: &Shared, known: &KnownSource) {
    let remote = known.source.is_remote();
    let mut told = Told::default();
    let began_on = walk::device(&known.source.path);
    let mut watched_on = began_on;
    let mut was_read = false;
    let mut watch = if remote { None } else { start(shared, known, &mut told) };
    let mut next = Scope::All;
    // When everything is looked at, whatever events say: those that never end must not put it off.
    let mut due = Instant::now();
    while !shared.stopped() && shared.follows(known) {
        let began = Instant::now();
        let declared = shared.declared.load(Ordering::Acquire);
        let result = shared.scan(known, &next);
        let result = result.map_err(|error| explain(shared, known, error, began_on, was_read));
        was_read |= result.is_ok();
        let pause = match remote {
            // Whoever fetches tells of changes; only a change of the rules is to be heard of here.
            true => SCAN_EVERY * 6,
            false => pause(shared, &result, watch.is_some(), began.elapsed(), &mut told),
        };
        if let Ok(report) = &result {
            tell_troubles(&known.source.name, &report.troubles, &mut told.paths);
        }
        if result.is_err() || matches!(next, Scope::All) {
            due = Instant::now() + pause;
        }
        let device = walk::device(&known.source.path);
        // Where the root itself went away, or another disk took its place, the events went with it.
        if !remote && (result.is_err() || device != watched_on) {
            watch = start(shared, known, &mut told);
            if result.is_ok() {
                // What changed there before it was watched.
                due = Instant::now();
            }
            watched_on = device;
        }
        // After a fault, what changed meanwhile is not known: events don't hurry, and everything is looked at.
        let watch = watch.as_ref().filter(|_| result.is_ok());
        let rests = || remote || walk::device(&known.source.path) == watched_on;
        next = wait(shared, watch, due, declared, &rests);
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

fn start(shared: &Shared, known: &KnownSource, told: &mut Told) -> Option<Watch> {
    let source = &known.source;
    let watch = Watch::start(&source.path, shared.store.folder(), source.follow_links);
    if is_new(&mut told.unwatched, watch.as_ref().err().map(ToString::to_string))
        && let Err(error) = &watch
    {
        warn!(source = source.name, %error, "the system tells no changes of files; they are looked for instead");
    }
    watch.ok()
}

/// Keeps what is the matter now, and tells whether it is something else than before.
fn is_new(told: &mut Option<String>, now: Option<String>) -> bool {
    let new = now.is_some() && *told != now;
    *told = now;
    new
}

/// The error, or what lies behind it: the kernel's rules hold for the disk that was there when they were made.
fn explain(shared: &Shared, known: &KnownSource, error: Error, began_on: u64, was_read: bool) -> Error {
    let path = &known.source.path;
    let denied = |error: std::io::Error| error.kind() == std::io::ErrorKind::PermissionDenied;
    let refused = shared.perimeter().sealed && std::fs::read_dir(path).is_err_and(denied);
    let reason = behind_the_walls(path, refused, walk::device(path) != began_on, was_read);
    reason.unwrap_or(error)
}

/// What is said of a root that a sealed program is `refused`, where its disk is the reason.
fn behind_the_walls(path: &Path, refused: bool, another_disk: bool, was_read: bool) -> Option<Error> {
    let path = path.display();
    let message = match (refused, another_disk, was_read) {
        (true, true, _) => format!(
            "{path} lies on another disk than when the program started, and may not be read: the program must be \
             restarted, since its walls were raised around the disk that was there"
        ),
        // A disk that was taken away and mounted again may have the same number.
        (true, false, true) => format!(
            "{path} may not be read any more: if its disk was mounted again, the program must be restarted, since its \
             walls were raised around the disk that was there"
        ),
        _ => return None,
    };
    let error = Error::config(message).hint("mount the disk that held it, then restart the program");
    Some(error.hint("where no disk was mounted, check that the program may read the folder"))
}

/// How long until everything is looked at again, whatever events say.
fn pause<T>(
    shared: &Shared,
    result: &Result<T, Error>,
    watched: bool,
    took: Duration,
    told: &mut Told,
) -> Duration {
    if is_new(&mut told.fault, result.as_ref().err().map(ToString::to_string))
        && let Err(error) = result
    {
        warn!(%error, "a source can't be followed");
    }
    shared.tell_fault(FILES, result.as_ref().err());
    match result {
        Ok(_) if watched => SCAN_EVERY,
        Ok(_) => (took * LOOK_SHARE).clamp(LOOK_EVERY, SCAN_EVERY),
        Err(_) => AFTER_A_FAULT,
    }
}

/// What to look at next, once there is something. Of a disk that is taken away or mounted (`rests` is false then), no event
/// tells.
fn wait(
    shared: &Shared,
    watch: Option<&Watch>,
    due: Instant,
    declared: u64,
    rests: &dyn Fn() -> bool,
) -> Scope {
    // Rules that were declared since the last look began hold for every file.
    while !shared.stopped() && shared.declared.load(Ordering::Acquire) == declared {
        let left = due.saturating_duration_since(Instant::now()).min(LOOK_UP);
        if left.is_zero() || !rests() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_said_once_until_it_is_over() {
        let mut told = None;
        let mut check = |now: Option<&str>, expected: bool| {
            assert_eq!(is_new(&mut told, now.map(str::to_owned)), expected, "{now:?}");
        };
        check(Some("refused"), true);
        check(Some("refused"), false);
        check(Some("gone"), true);
        check(None, false);
        check(Some("gone"), true);
    }

    #[test]
    fn a_disk_that_came_after_the_walls_needs_a_restart_and_nothing_else_does() {
        let check = |refused: bool, another_disk: bool, was_read: bool, expected: Option<&str>| {
            let said = behind_the_walls(Path::new("/papers"), refused, another_disk, was_read);
            let said = said.map(|error| error.to_string());
            match expected {
                Some(part) => {
                    let said = said.unwrap();
                    assert!(said.contains(part) && said.contains("must be restarted"), "{said}");
                }
                None => assert_eq!(said, None),
            }
        };
        for was_read in [false, true] {
            check(true, true, was_read, Some("/papers lies on another disk"));
            // Gone, or full, or whatever else: the error says it.
            check(false, true, was_read, None);
            check(false, false, was_read, None);
        }
        check(true, false, true, Some("if its disk was mounted again"));
        // Never allowed to read it.
        check(true, false, false, None);
    }
}
