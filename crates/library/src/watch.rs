//! Which paths of a source changed just now?

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, atomic::AtomicBool, atomic::Ordering};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode};
use notify::{Config, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use crate::scan::Scope;
use crate::{paths, skip};

/// Events come in bursts (an editor writes beside, renames, sets the date): they are taken together once it is quiet
/// for this long, and after `PATIENCE` at the latest. Both leave most of the 2 s in which a change must be found.
const QUIET: Duration = Duration::from_millis(250);
const PATIENCE: Duration = Duration::from_millis(1000);

/// Events that wait to be looked at. 8,192: an unpacked archive; beyond it, looking at everything is cheaper.
const WAITING: usize = 8_192;

/// Paths that are looked at one by one; beyond it the whole source is.
const MOST_PATHS: usize = 2_000;

/// Follows the files of one source.
pub(crate) struct Watch {
    root: PathBuf,
    /// The data folder: what the program itself writes is no change.
    except: PathBuf,
    receiver: Receiver<Event>,
    /// Events were lost, or the system said so.
    overflow: Arc<AtomicBool>,
    _watcher: RecommendedWatcher,
}

impl Watch {
    /// Starts to follow `root` and everything below it.
    ///
    /// # Errors
    /// When the system can't or won't: too many folders for its limit, a file system without events.
    pub fn start(root: &Path, except: &Path, follow_links: bool) -> notify::Result<Watch> {
        let (sender, receiver) = sync_channel(WAITING);
        let overflow = Arc::new(AtomicBool::new(false));
        let lost = Arc::clone(&overflow);
        let config = Config::default().with_follow_symlinks(follow_links);
        let mut watcher = RecommendedWatcher::new(move |event| take(event, &sender, &lost), config)?;
        watcher.watch(root, RecursiveMode::Recursive)?;
        Ok(Watch { root: root.to_owned(), except: except.to_owned(), receiver, overflow, _watcher: watcher })
    }

    /// What changed, once something did and it is quiet again; none when nothing did within `wait`.
    pub fn changed(&self, wait: Duration) -> Option<Scope> {
        let mut dirty = BTreeSet::new();
        let until = Instant::now() + wait;
        let mut first: Option<Instant> = None;
        loop {
            let left = match first {
                None => until.saturating_duration_since(Instant::now()),
                Some(first) => QUIET.min(PATIENCE.saturating_sub(first.elapsed())),
            };
            match self.receiver.recv_timeout(left) {
                Ok(event) => {
                    dirty.extend(event.paths.iter().filter_map(|path| self.concerns(path)));
                    if !dirty.is_empty() {
                        first.get_or_insert_with(Instant::now);
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        if self.overflow.swap(false, Ordering::Relaxed) {
            return Some(Scope::All);
        }
        scope(dirty)
    }

    /// The path below the root when a change there can concern a document.
    fn concerns(&self, path: &Path) -> Option<Vec<u8>> {
        if path.starts_with(&self.except) {
            return None;
        }
        let relative = paths::relative(&self.root, path)?;
        let (folder, name) = (paths::parent(&relative), paths::last_name(&relative));
        if folder.split(|byte| *byte == b'/').any(skip::folder) {
            return None;
        }
        // The last name may be a folder's or a file's. Of what is gone, nobody can tell: it is looked at.
        let is_file = || std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file());
        if skip::file(name) && (skip::folder(name) || is_file()) {
            return None;
        }
        Some(place(relative))
    }
}

/// Where to look when something changed at a path: a mark in a folder tells what the whole folder is. The root is read
/// whatever lies in it.
fn place(path: Vec<u8>) -> Vec<u8> {
    let folder = paths::parent(&path);
    let marks = skip::MARKS.iter().any(|mark| mark.as_bytes() == paths::last_name(&path));
    if marks && !folder.is_empty() { folder.to_vec() } else { path }
}

/// Puts an event in the queue; called by the system's thread, so it never waits.
fn take(event: notify::Result<Event>, sender: &SyncSender<Event>, lost: &AtomicBool) {
    let Ok(event) = event else { return lost.store(true, Ordering::Relaxed) };
    if event.need_rescan() {
        lost.store(true, Ordering::Relaxed);
    }
    let read_only = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => false,
        EventKind::Access(_) => true,
        _ => false,
    };
    if read_only {
        return;
    }
    if let Err(TrySendError::Full(_)) = sender.try_send(event) {
        lost.store(true, Ordering::Relaxed);
    }
}

/// The least that covers all changed paths.
fn scope(dirty: BTreeSet<Vec<u8>>) -> Option<Scope> {
    if dirty.is_empty() {
        return None;
    }
    if dirty.len() > MOST_PATHS || dirty.contains(b"".as_slice()) {
        return Some(Scope::All);
    }
    let mut least: Vec<Vec<u8>> = Vec::new();
    // In the order of bytes, what lies below a folder need not follow it at once (`a`, `a.txt`, `a/b`).
    for path in &dirty {
        let covered = path
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b'/')
            .any(|(end, _)| path.get(..end).is_some_and(|above| dirty.contains(above)));
        if !covered {
            least.push(path.clone());
        }
    }
    Some(Scope::Paths(least))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_covers_what_lies_below_it() {
        let check = |dirty: &[&str], expected: Option<&[&str]>| {
            let dirty = dirty.iter().map(|path| path.as_bytes().to_vec()).collect();
            let found = match scope(dirty) {
                Some(Scope::Paths(paths)) => Some(paths),
                Some(Scope::All) => Some(vec![]),
                None => None,
            };
            let expected: Option<Vec<Vec<u8>>> =
                expected.map(|paths| paths.iter().map(|path| path.as_bytes().to_vec()).collect());
            assert_eq!(found, expected);
        };
        check(&[], None);
        check(&["a", "a.txt", "a/b", "a/b/c", "b"], Some(&["a", "a.txt", "b"]));
        check(&["", "x"], Some(&[]));
    }

    #[test]
    fn a_name_that_may_be_a_folders_is_looked_at() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let watch = Watch::start(&root, &root.join("data"), false).unwrap();
        std::fs::create_dir_all(root.join("plans.tmp")).unwrap();
        for file in ["bail.tmp", ".hidden"] {
            std::fs::write(root.join(file), "x").unwrap();
        }
        let check = |path: &str, expected: Option<&str>| {
            let found = watch.concerns(&root.join(path));
            assert_eq!(found, expected.map(|path| path.as_bytes().to_vec()), "{path}");
        };
        check("bail.tmp", None);
        check("plans.tmp", Some("plans.tmp"));
        check("plans.tmp/a.txt", Some("plans.tmp/a.txt"));
        check("gone.part", Some("gone.part"));
        check("gone~", Some("gone~"));
        check(".hidden", None);
        check(".gone", None);
        check(".git/index", None);
        check("data/index", None);
        // A mark counts for its folder, but at the root.
        check("build/CACHEDIR.TAG", Some("build"));
        check("a/env/pyvenv.cfg", Some("a/env"));
        check("CACHEDIR.TAG", Some("CACHEDIR.TAG"));
        check("", Some(""));
    }

    #[test]
    fn changes_are_seen_and_readings_are_not() {
        let root = tempfile::tempdir().unwrap();
        let data = root.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let watch = Watch::start(root.path(), &data, false).unwrap();
        std::fs::write(data.join("index"), "x").unwrap();
        std::fs::write(root.path().join(".hidden"), "x").unwrap();
        assert!(watch.changed(Duration::from_millis(300)).is_none());
        std::fs::create_dir(root.path().join("b")).unwrap();
        std::fs::write(root.path().join("a.txt"), "x").unwrap();
        std::fs::write(root.path().join("b/c.txt"), "x").unwrap();
        match watch.changed(Duration::from_secs(5)) {
            Some(Scope::Paths(paths)) => assert_eq!(paths, [b"a.txt".to_vec(), b"b".to_vec()]),
            other => panic!("{other:?}"),
        }
        std::fs::read(root.path().join("a.txt")).unwrap();
        assert!(watch.changed(Duration::from_millis(400)).is_none());
        std::fs::remove_file(root.path().join("a.txt")).unwrap();
        assert!(watch.changed(Duration::from_secs(5)).is_some());
    }
}
