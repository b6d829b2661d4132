//! How does the store follow the files of one source?

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use intramuros_core::access::AccessRule;
use intramuros_core::document::{ExtractError, Limits};
use intramuros_core::error::Error;
use intramuros_core::perimeter::{ATTACHED, AccessOrigin, Perimeter, Source, SourceKind};
use intramuros_store::{FileChange, FileId, FileOutcome, Location, NewFile, SourceId, Stamp, Store};
use serde::Serialize;

use crate::contents::{Contents, Split, contents};
use crate::library::Extract;
use crate::plan::{Job, Known, Plan, is_within, plan};
use crate::progress::{Board, Phase};
use crate::read::{Bytes, NotRead, nothing, read, read_together};
use crate::troubles::{self, Trouble};
use crate::walk::{Found, Walk, Walker};
use crate::{bundle, paths, spool, walk};

/// When what was read is acknowledged: at this many changes, bytes of text, or this long after the first of them.
/// A transaction costs a few milliseconds whatever its size, and readers see only what is acknowledged.
const BATCH_CHANGES: usize = 256;
const BATCH_TEXT_BYTES: usize = 8 << 20;
const BATCH_TIME: Duration = Duration::from_millis(300);

/// Files that were read and wait to be acknowledged, for each thread that reads. 4: enough to keep all busy while a
/// batch is written, and few enough to hold in memory at the largest text.
const WAITING_FOR_EACH_READER: usize = 4;

/// Links and pipes that are listed as not read at a look, at most. 500: half of what is kept of a source, so that folders which can't
/// be looked at have their place.
const MOST_LEFT_OUT: usize = 500;

/// Prefix of the setting that tells on which device a source lay.
const DEVICE: &str = "device:";

/// Prefix of the setting that stands while the files of a whole source are read. What was interrupted leaves it behind.
const READING: &str = "reading:";

/// Which part of a source to look at.
#[derive(Clone, Debug)]
pub(crate) enum Scope {
    /// All of it.
    All,
    /// These paths below its root, with everything below them.
    Paths(Vec<Vec<u8>>),
}

impl Scope {
    /// Whether a path belongs to the part.
    fn covers(&self, path: &[u8]) -> bool {
        match self {
            Scope::All => true,
            Scope::Paths(paths) => paths.iter().any(|one| is_within(path, one)),
        }
    }
}

/// What a scan did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ScanReport {
    /// Files that needed nothing.
    pub unchanged: u64,
    /// Files that were read.
    pub read: u64,
    /// Files that could not be read.
    pub failed: u64,
    /// Files that were found at another place, with their content unchanged.
    pub moved: u64,
    /// Files that are gone.
    pub removed: u64,
    /// Files whose access rule changed.
    pub access_changed: u64,
    /// Folders that could not be looked at: path and reason.
    pub troubles: Vec<(String, String)>,
    /// It was stopped before the end.
    pub stopped: bool,
}

/// What a scan needs.
pub(crate) struct Scan<'a> {
    pub store: &'a Store,
    pub board: &'a Board,
    pub perimeter: &'a Perimeter,
    pub source: &'a Source,
    pub id: SourceId,
    /// The data folder, never read.
    pub data: &'a Path,
    pub limits: &'a Limits,
    pub extract: &'a Extract,
    pub split: Split<'a>,
    pub reader_version: u32,
    pub readers: usize,
    pub stop: &'a AtomicBool,
    /// Called after each acknowledged batch.
    pub acknowledged: &'a (dyn Fn() + Sync),
}

/// What a reading thread hands over.
struct Done {
    changes: Vec<FileChange>,
    kind: DoneKind,
    bytes: u64,
    text_bytes: usize,
    passages: u64,
    /// Why the file could not be looked into, where what was read of it before stays.
    trouble: Option<Trouble>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum DoneKind {
    Read,
    Failed,
    Moved,
    Unchanged,
    Gone,
}

impl Scan<'_> {
    /// Brings the store in step with the files.
    ///
    /// # Errors
    /// When the root can't be read, and when the store can't be written. Single files that can't be read are no error.
    pub fn run(&self, scope: &Scope) -> Result<ScanReport, Error> {
        self.board.update(|progress| {
            progress.phase = Phase::Looking;
            progress.source.clone_from(&self.source.name);
            progress.files_found = 0;
            progress.files_to_read = 0;
            progress.files_done = 0;
            progress.files_failed = 0;
            progress.files_removed = 0;
            progress.bytes_to_read = 0;
            progress.bytes_done = 0;
        });
        let result = self.look_and_read(scope);
        self.board.update(|progress| {
            progress.phase = Phase::Idle;
            // Nothing is read any more, so nothing is named.
            progress.source.clear();
        });
        result
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    fn look_and_read(&self, scope: &Scope) -> Result<ScanReport, Error> {
        let takes = |path: &str, folder: bool| match folder {
            // Whoever stops does not wait for the rest of a large tree.
            _ if self.stopped() => false,
            true => !self.source.excludes(path),
            false => self.source.takes(path),
        };
        let left_out = RefCell::new(Vec::new());
        let leave_out = |path: &[u8], why: &'static str| {
            let mut left_out = left_out.borrow_mut();
            if left_out.len() < MOST_LEFT_OUT {
                left_out.push((String::from_utf8_lossy(path).into_owned(), why.to_owned()));
            }
        };
        let walker = self.walker(&takes, &leave_out);
        let remote = self.source.is_remote();
        let scope = &if remote { Scope::All } else { widen(&walker, scope) };
        let began_on = walk::device(&self.source.path);
        let walk = match remote {
            true => spool::walk(&self.source.path, &|path| self.source.takes(path))?,
            false => look(&walker, scope)?,
        };
        if self.stopped() {
            // Perhaps not all of it was looked at: what was not found says nothing.
            return Ok(ScanReport { stopped: true, ..ScanReport::default() });
        }
        // What people brought is listed here and nowhere else.
        let walk = match self.source.kind {
            SourceKind::Uploads => Walk { troubles: Vec::new(), ..walk },
            _ => walk,
        };
        let known = self.known(scope)?;
        self.check_mounted(scope, &walk, known.len(), began_on)?;
        let mut report = ScanReport {
            troubles: walk
                .troubles
                .iter()
                // What is not fetched yet is told by whoever fetches.
                .filter(|_| !remote)
                .map(|trouble| (String::from_utf8_lossy(&trouble.path).into_owned(), trouble.detail.clone()))
                .collect(),
            ..ScanReport::default()
        };
        // Listed beside what can't be looked at; but nothing is known below it that would have to stay.
        let mut left_out = left_out.into_inner();
        // One path that is looked at may lie below another.
        left_out.sort();
        left_out.dedup();
        let keep = |report: &ScanReport| {
            let not_read: Vec<Trouble> = report.troubles.iter().chain(&left_out).cloned().collect();
            troubles::keep(self.store, &self.source.name, &|path| scope.covers(path), &not_read)
        };
        keep(&report)?;
        let found = walk.files.len() as u64;
        let rules: HashMap<_, _> = self.store.access_rules()?.into_iter().collect();
        let plan = plan(known, walk, &|found| self.rule(found), &rules, self.reader_version);
        self.board.update(|progress| {
            progress.phase = Phase::Reading;
            progress.files_found = found;
            progress.files_to_read = plan.jobs.len() as u64;
            progress.bytes_to_read = plan.jobs.iter().map(|job| job.stamp.size).sum();
        });
        report.unchanged = plan.unchanged;
        let whole = matches!(scope, Scope::All);
        let reading = format!("{READING}{}", self.source.name);
        if whole && !plan.jobs.is_empty() {
            self.store.set_meta(&reading, "")?;
        }
        self.set_access(&plan, &mut report)?;
        let before = report.troubles.len();
        let vanished = self.read_all(plan.jobs, plan.vanished, &mut report)?;
        if report.troubles.len() > before {
            keep(&report)?;
        }
        report.stopped = self.stopped();
        if !report.stopped {
            self.remove(vanished, &mut report)?;
            if whole && self.store.meta(&reading)?.is_some() {
                self.store.remove_meta(&reading)?;
            }
            if whole && !self.source.is_remote() {
                let device = walk::device(&self.source.path).to_string();
                self.store.set_meta(&format!("{DEVICE}{}", self.source.name), &device)?;
            }
        }
        Ok(report)
    }

    fn walker<'a>(
        &'a self,
        takes: &'a dyn Fn(&str, bool) -> bool,
        left_out: &'a dyn Fn(&[u8], &'static str),
    ) -> Walker<'a> {
        Walker {
            root: &self.source.path,
            follow_links: self.source.follow_links,
            permissions: self.source.access == AccessOrigin::FileSystem,
            except: Some(self.data),
            takes,
            left_out,
        }
    }

    fn known(&self, scope: &Scope) -> Result<HashMap<Vec<u8>, Known>, Error> {
        let mut known = HashMap::new();
        let whole = [Vec::new()];
        let paths = match scope {
            Scope::All => whole.as_slice(),
            Scope::Paths(paths) => paths,
        };
        for path in paths {
            self.store.each_file_under(self.id, path, |file| {
                let value = Known::from(&file);
                known.insert(file.location.path, value);
            })?;
        }
        Ok(known)
    }

    /// An empty folder where there were files, on another device than before, is a disk that is not mounted. Where the device
    /// is another one at the end of the look, or when a change is told, a disk went away or came meanwhile: what was not
    /// found says nothing.
    fn check_mounted(&self, scope: &Scope, walk: &Walk, known: usize, began_on: u64) -> Result<(), Error> {
        if known == 0 || self.is_where_it_was()? {
            return Ok(());
        }
        let path = self.source.path.display();
        if !matches!(scope, Scope::All) || walk::device(&self.source.path) != began_on {
            return Err(Error::config(format!(
                "{path} went away or lies on another disk now: nothing was removed"
            ))
            .hint("mount the disk that held it")
            .hint("if another disk is to hold it from now on, wait: everything is looked at again soon"));
        }
        if !walk.files.is_empty() {
            return Ok(());
        }
        Err(Error::config(format!(
            "{path} is empty and lies on another disk than before: nothing was removed"
        ))
        .hint("mount the disk that held it")
        .hint("if the files are gone for good, remove the source and add it again"))
    }

    /// Whether the source lies on the device on which all of it was looked at last; so it does where that was never.
    fn is_where_it_was(&self) -> Result<bool, Error> {
        if self.source.is_remote() {
            return Ok(true);
        }
        let before = self.store.meta(&format!("{DEVICE}{}", self.source.name))?;
        Ok(before.is_none_or(|before| before == walk::device(&self.source.path).to_string()))
    }

    fn rule(&self, found: &Found) -> AccessRule {
        let path = String::from_utf8_lossy(&found.path);
        // No declared rule opens what is attached to a conversation.
        if self.source.name == ATTACHED {
            return found.rule.clone().unwrap_or_else(AccessRule::owner_only);
        }
        match self.perimeter.declared_rule(&self.source.name, &path) {
            Some((_, access)) => access.rule(),
            None => found.rule.clone().unwrap_or_else(AccessRule::owner_only),
        }
    }

    fn set_access(&self, plan: &Plan, report: &mut ScanReport) -> Result<(), Error> {
        // Rules that close come into force with those that open, before anything is read.
        for batch in plan.access.chunks(BATCH_CHANGES) {
            let changes = batch
                .iter()
                .map(|(file, access)| FileChange::SetAccess { file: *file, access: access.clone() });
            self.store.apply(changes.collect())?;
            report.access_changed += batch.len() as u64;
            (self.acknowledged)();
        }
        Ok(())
    }

    fn remove(&self, vanished: HashMap<[u8; 32], Vec<Known>>, report: &mut ScanReport) -> Result<(), Error> {
        let gone: Vec<FileId> = vanished.into_values().flatten().map(|known| known.id).collect();
        for batch in gone.chunks(BATCH_CHANGES) {
            self.store.apply(batch.iter().map(|file| FileChange::Remove { file: *file }).collect())?;
            report.removed += batch.len() as u64;
            self.board.update(|progress| progress.files_removed += batch.len() as u64);
            (self.acknowledged)();
        }
        Ok(())
    }

    /// Reads the files on all threads while this one acknowledges. Returns the vanished files that were not found at
    /// another place.
    fn read_all(
        &self,
        jobs: Vec<Job>,
        vanished: HashMap<[u8; 32], Vec<Known>>,
        report: &mut ScanReport,
    ) -> Result<HashMap<[u8; 32], Vec<Known>>, Error> {
        let vanished = Mutex::new(vanished);
        let next = AtomicUsize::new(0);
        let broken = AtomicBool::new(false);
        let readers = self.readers.clamp(1, jobs.len().max(1));
        let result = std::thread::scope(|scope| {
            let (sender, receiver) = sync_channel(readers * WAITING_FOR_EACH_READER);
            for _ in 0..readers {
                let sender = sender.clone();
                scope.spawn(|| self.reader(sender, &jobs, &next, &vanished, &broken));
            }
            drop(sender);
            let result = self.acknowledge_all(&receiver, report);
            // On an error the readers stop at their next file; what they still hand over is let go.
            broken.store(result.is_err(), Ordering::Relaxed);
            while receiver.recv().is_ok() {}
            result
        });
        result.map(|()| vanished.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn reader(
        &self,
        sender: SyncSender<Done>,
        jobs: &[Job],
        next: &AtomicUsize,
        vanished: &Mutex<HashMap<[u8; 32], Vec<Known>>>,
        broken: &AtomicBool,
    ) {
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            if self.stopped() || broken.load(Ordering::Relaxed) {
                return;
            }
            let done = self.job(job, vanished);
            // Whatever came of it since everything was to end is no fault of the file: it is read again at the next start.
            if self.stopped() || sender.send(done).is_err() {
                return;
            }
        }
    }

    fn job(&self, job: &Job, vanished: &Mutex<HashMap<[u8; 32], Vec<Known>>>) -> Done {
        let bytes = job.stamp.size;
        let done = |changes, kind| Done { changes, kind, bytes, text_bytes: 0, passages: 0, trouble: None };
        let read = match self.read(job) {
            Ok(read) => read,
            Err(NotRead::Gone) => {
                // Not when the root itself went away since the look.
                let known = job.known.as_ref().filter(|_| self.is_where_it_was().unwrap_or(false));
                let change = known.map(|known| FileChange::Remove { file: known.id });
                return done(change.into_iter().collect(), DoneKind::Gone);
            }
            Err(NotRead::Failed(_, ExtractError::Unreadable(why)))
                if job.known.as_ref().is_some_and(|known| known.read) =>
            {
                // As with a folder that can't be looked at: what it held may be there still. Its rule is as it is now.
                let access =
                    |known: &Known| FileChange::SetAccess { file: known.id, access: job.rule.clone() };
                let changes = job.known.iter().map(access).collect();
                let trouble = (String::from_utf8_lossy(&job.path).into_owned(), why);
                return Done { trouble: Some(trouble), ..done(changes, DoneKind::Failed) };
            }
            Err(NotRead::Failed(stamp, error)) => {
                let contents = contents("", Err(error), self.split);
                let file = self.new_file(job, stamp, [0; 32], contents);
                return done(vec![FileChange::Put(Box::new(file))], DoneKind::Failed);
            }
        };
        // What could not be read may be read now: a worker may have been short of something.
        let current = |known: &&Known| {
            known.hash == read.hash && known.reader_version == self.reader_version && known.read
        };
        if let Some(known) = job.known.as_ref().filter(current) {
            // Only the date changed, and perhaps the rule.
            let touch = FileChange::Touch { file: known.id, stamp: read.stamp };
            let access = FileChange::SetAccess { file: known.id, access: job.rule.clone() };
            return done(vec![touch, access], DoneKind::Unchanged);
        }
        if let Some(known) = take_vanished(vanished, &read.hash, self.reader_version) {
            let (to, access) = (self.location(job), job.rule.clone());
            let change = FileChange::Move { file: known.id, to, stamp: read.stamp, access };
            return done(vec![change], DoneKind::Moved);
        }
        let name = match job.members.is_empty() {
            true => String::from_utf8_lossy(paths::last_name(&job.path)),
            false => bundle::NAME.into(),
        };
        // Readers run in a worker of their own; one that runs here and panics takes its file down and nothing else.
        let extracted = catch_unwind(AssertUnwindSafe(|| (self.extract)(&name, &read.bytes)))
            .unwrap_or_else(|_| Err(ExtractError::Crashed("the reader stopped with a fault".to_owned())));
        // Once more with the next scan, no more often: OCR takes minutes, and it may be the file that fells its worker.
        let tried = |known: &Known| known.stamp.modified_ns == 0 && known.hash == read.hash;
        let again = extracted.as_ref().is_err_and(|error| ocr_failed(error) || was_killed(error))
            && !job.known.as_ref().is_some_and(tried);
        let stamp = if again { nothing(read.stamp) } else { read.stamp };
        let contents = contents(&name, extracted, self.split);
        let kind = if contents.outcome == FileOutcome::Read { DoneKind::Read } else { DoneKind::Failed };
        let passages = contents.documents.iter().flat_map(|document| &document.passages);
        let (passages, text_bytes) =
            passages.fold((0, 0), |(count, bytes), passage| (count + 1, bytes + passage.text.len()));
        let file = self.new_file(job, stamp, read.hash, contents);
        Done { passages, text_bytes, ..done(vec![FileChange::Put(Box::new(file))], kind) }
    }

    fn read(&self, job: &Job) -> Result<Bytes, NotRead> {
        if let Some(fault) = &job.fault {
            return Err(NotRead::Failed(job.stamp, fault.clone()));
        }
        let (root, links, limit) = (&self.source.path, self.source.follow_links, self.limits.file_bytes);
        let fetched = self.source.is_remote();
        let within = paths::parent(&job.path);
        match (job.members.is_empty(), fetched) {
            (true, true) => spool::read(root, &job.path, job.stamp, limit),
            (true, false) => read(&paths::under(root, &job.path), links, limit),
            (false, true) => {
                let one = |path: &[u8], most| spool::read(root, path, Stamp::default(), most);
                let read = read_together(within, &job.members, limit, one)?;
                // As it is listed: what was fetched meanwhile is listed otherwise, and read with the next look.
                Ok(Bytes { stamp: job.stamp, ..read })
            }
            (false, false) => read_together(within, &job.members, limit, |path, most| {
                read(&paths::under(root, path), links, most)
            }),
        }
    }

    fn location(&self, job: &Job) -> Location {
        Location { source: self.id, path: job.path.clone() }
    }

    fn new_file(&self, job: &Job, stamp: Stamp, content_hash: [u8; 32], contents: Contents) -> NewFile {
        NewFile {
            location: self.location(job),
            stamp,
            content_hash,
            reader_version: self.reader_version,
            access: job.rule.clone(),
            outcome: contents.outcome,
            warnings: contents.warnings,
            documents: contents.documents,
        }
    }

    fn acknowledge_all(&self, receiver: &Receiver<Done>, report: &mut ScanReport) -> Result<(), Error> {
        let mut batch = Batch::default();
        loop {
            let wait = batch.time_left();
            let flow = match receiver.recv_timeout(wait) {
                Ok(done) => {
                    self.count(&done, report);
                    batch.add(done);
                    ControlFlow::Continue(batch.is_full())
                }
                Err(RecvTimeoutError::Timeout) => ControlFlow::Continue(true),
                Err(RecvTimeoutError::Disconnected) => ControlFlow::Break(()),
            };
            if flow != ControlFlow::Continue(false) && !batch.changes.is_empty() {
                self.store.apply(std::mem::take(&mut batch).changes)?;
                (self.acknowledged)();
            }
            if flow.is_break() {
                return Ok(());
            }
        }
    }

    fn count(&self, done: &Done, report: &mut ScanReport) {
        report.troubles.extend(done.trouble.clone());
        match done.kind {
            DoneKind::Read => report.read += 1,
            DoneKind::Failed => report.failed += 1,
            DoneKind::Moved => report.moved += 1,
            DoneKind::Unchanged => report.unchanged += 1,
            DoneKind::Gone => report.removed += u64::from(!done.changes.is_empty()),
        }
        self.board.update(|progress| {
            progress.files_done += 1;
            progress.bytes_done += done.bytes;
            progress.passages_added += done.passages;
            progress.files_failed += u64::from(done.kind == DoneKind::Failed);
        });
    }
}

/// Whether OCR failed, for want of time or memory perhaps: another attempt may come to something.
fn ocr_failed(error: &ExtractError) -> bool {
    matches!(error, ExtractError::NeedsOcr(why) if why.starts_with("OCR failed"))
}

/// Whether something else than a fault ended the worker, such as the kernel when the machine was out of memory: another
/// attempt may come to something. What is ended for its own time or memory has another reason.
fn was_killed(error: &ExtractError) -> bool {
    matches!(error, ExtractError::Crashed(why) if why.contains("SIGKILL"))
}

/// Whether the reading of a source began and did not come to its end.
pub(crate) fn is_unfinished(store: &Store) -> Result<bool, Error> {
    for source in store.sources()? {
        if store.meta(&format!("{READING}{}", source.name))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Forgets how far the reading of a source was, when it is removed.
pub(crate) fn forget(store: &Store, source: &str) -> Result<(), Error> {
    store.remove_meta(&format!("{READING}{source}"))
}

/// The scope, with what is read as one in whole.
fn widen(walker: &Walker<'_>, scope: &Scope) -> Scope {
    let Scope::Paths(paths) = scope else { return Scope::All };
    let mut wide: Vec<Vec<u8>> =
        paths.iter().map(|path| walker.export_around(path).unwrap_or_else(|| path.clone())).collect();
    wide.sort();
    wide.dedup();
    if wide.iter().any(Vec::is_empty) { Scope::All } else { Scope::Paths(wide) }
}

/// What is there now.
fn look(walker: &Walker<'_>, scope: &Scope) -> Result<Walk, Error> {
    let paths = match scope {
        Scope::All => return walker.all(),
        Scope::Paths(paths) => paths,
    };
    let mut walk = Walk::default();
    for path in paths {
        let part = walker.at(path)?;
        walk.files.extend(part.files);
        walk.troubles.extend(part.troubles);
    }
    // One path may lie below another.
    walk.files.sort_by(|one, other| one.path.cmp(&other.path));
    walk.files.dedup_by(|one, other| one.path == other.path);
    Ok(walk)
}

fn take_vanished(
    vanished: &Mutex<HashMap<[u8; 32], Vec<Known>>>,
    hash: &[u8; 32],
    reader_version: u32,
) -> Option<Known> {
    let mut vanished = vanished.lock().unwrap_or_else(PoisonError::into_inner);
    let files = vanished.get_mut(hash)?;
    let index = files.iter().position(|known| known.read && known.reader_version == reader_version)?;
    Some(files.swap_remove(index))
}

/// What was read and is not acknowledged yet.
#[derive(Default)]
struct Batch {
    changes: Vec<FileChange>,
    text_bytes: usize,
    since: Option<Instant>,
}

impl Batch {
    fn add(&mut self, done: Done) {
        self.text_bytes += done.text_bytes;
        self.since.get_or_insert_with(Instant::now);
        self.changes.extend(done.changes);
    }

    fn is_full(&self) -> bool {
        self.changes.len() >= BATCH_CHANGES
            || self.text_bytes >= BATCH_TEXT_BYTES
            || self.time_left().is_zero()
    }

    fn time_left(&self) -> Duration {
        // Without anything to acknowledge there is nothing to hurry for; an hour stands for ever.
        self.since.map_or(Duration::from_secs(3600), |since| BATCH_TIME.saturating_sub(since.elapsed()))
    }
}
