//! How do files, store, words and vectors come to be in step, and stay so?

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use intramuros_core::access::Principal;
use intramuros_core::document::{ExtractError, Extracted, Limits};
use intramuros_core::error::{Error, ErrorKind};
use intramuros_core::passage::Passage;
use intramuros_core::perimeter::{ATTACHED, Perimeter, Source, SourceKind};
use intramuros_store::{Compacted, Counts, Sequence, Source as StoredSource, SourceCounts, SourceId, Store};

use crate::bell::Bell;
use crate::derived::Derived;
use crate::embed::Embed;
use crate::models::Models;
use crate::progress::{Board, Progress};
use crate::query::Rules;
use crate::scan::{self, Scan, ScanReport, Scope};
use crate::uploads::Uploads;
use crate::{embedding, follow, paths, spool, troubles, uploads, words};

/// Reads one file: its name and its bytes. `intramuros-ingest` has the readers; a worker process runs them.
pub type Extract = Arc<dyn Fn(&str, &[u8]) -> Result<Extracted, ExtractError> + Send + Sync>;

/// Cuts what was read into passages.
pub type Split = Arc<dyn Fn(&Extracted) -> Vec<Passage> + Send + Sync>;

/// Ends whatever [`Extract`] is at: what it reads comes back at once, as not read, and so does all that it is asked later.
pub type EndReading = Box<dyn Fn() + Send + Sync>;

/// How many passages can be found by their meaning, where not all can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// Those that can.
    pub embedded: u64,
    /// All of them.
    pub passages: u64,
    /// Whether a process goes on with the others.
    pub goes_on: bool,
}

/// How often a waiting thread looks whether it should stop, should a bell be missed.
const LOOK_UP: Duration = Duration::from_millis(500);

/// How files are read.
#[derive(Clone)]
pub struct Reading {
    /// Reads one file.
    pub extract: Extract,
    /// Cuts it into passages.
    pub split: Split,
    /// Version of both (and of what they depend on, such as OCR being installed): files that another version read are
    /// read again.
    pub version: u32,
    /// Files read at the same time.
    pub threads: usize,
    /// What reading one file may use.
    pub limits: Limits,
}

/// What a library needs.
#[derive(Clone)]
pub struct Options {
    /// The data folder.
    pub data: PathBuf,
    /// What the organisation declared: sources and access rules.
    pub perimeter: Perimeter,
    /// How files are read.
    pub reading: Reading,
    /// Who makes vectors; none searches by words alone.
    pub embed: Option<Arc<dyn Embed>>,
    /// Others whose vectors may be there from before, and serve until those of `embed` are complete.
    pub earlier: Vec<Arc<dyn Embed>>,
}

/// A source of the perimeter with its number in the store.
#[derive(Clone)]
pub(crate) struct KnownSource {
    pub source: Source,
    /// The same as it is written.
    pub declared: Source,
    pub id: SourceId,
}

impl KnownSource {
    /// Whether it is that of what is attached to conversations.
    pub fn is_attached(&self) -> bool {
        self.source.name == ATTACHED
    }

    fn of(store: &Store, declared: &Source) -> Result<KnownSource, Error> {
        let mut source = declared.clone();
        // Events and links are told by the real path. A root that is not there yet is tried again at each scan.
        if !source.is_remote() {
            source.path = std::fs::canonicalize(&source.path).unwrap_or(source.path);
        }
        let stored = store.put_source(&source.name, source.kind.word(), &root_bytes(&source.path))?;
        Ok(KnownSource { source, declared: declared.clone(), id: stored.id })
    }
}

/// What the threads of a library share.
pub(crate) struct Shared {
    pub store: Store,
    pub derived: Derived,
    perimeter: RwLock<Arc<Perimeter>>,
    /// How often the access rules were declared anew.
    pub declared: AtomicU64,
    pub models: Models,
    pub board: Board,
    /// Rung when something was acknowledged.
    pub acknowledged: Bell,
    /// Rung when the words are in step, and when vectors were computed.
    pub in_step: Bell,
    /// Rung when somebody brought a document.
    pub brought: Bell,
    /// What people brought.
    pub uploads: Uploads,
    pub stop: AtomicBool,
    /// What else is to be done to stop; none where reading takes no time.
    end_reading: OnceLock<EndReading>,
    /// Questions being answered now; embedding steps aside for them.
    pub asking: AtomicUsize,
    /// The point up to which every text has its vector.
    pub embedded: AtomicU64,
    pub rules: RwLock<Arc<Rules>>,
    /// What keeps words or vectors from following, by who they are.
    faults: Mutex<BTreeMap<&'static str, Fault>>,
    reading: Option<Reading>,
    sources: RwLock<Vec<KnownSource>>,
    /// One scan at a time: two would read the same files twice.
    scanning: Mutex<()>,
}

/// Those who follow files, among those who tell faults.
pub(crate) const FILES: &str = "files";

/// The model whose vectors are to take the place of those that serve, among them.
pub(crate) const NEW_VECTORS: &str = "new vectors";

/// An error that is told to everybody who waits.
#[derive(Clone)]
struct Fault {
    kind: ErrorKind,
    message: String,
    hints: Vec<String>,
}

/// Documents of all sources, searchable. Dropping it stops its work; what was acknowledged stays.
pub struct Library {
    pub(crate) shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Library {
    /// Opens a data folder to read sources into it and to search. Words and vectors begin to follow the store at
    /// once, in threads of their own; files are read when [`Library::scan`] or [`Library::follow`] is called.
    ///
    /// # Errors
    /// When another process writes the folder, when it can't be written or is damaged.
    pub fn open(options: Options) -> Result<Library, Error> {
        let store = Store::open(&options.data)?;
        let mut options = options;
        spooled(&mut options.perimeter, &options.data);
        let declared = options.perimeter.sources.iter();
        let sources =
            declared.map(|source| KnownSource::of(&store, source)).collect::<Result<Vec<_>, _>>()?;
        let kept = spool::folder(&options.data, ATTACHED).is_dir();
        let library = Library::with(store, sources, options, true)?;
        if kept {
            library.declare_attached()?;
        }
        library.start("words", words::run)?;
        if library.shared.models.serving().is_some() {
            library.shared.models.note(&library.shared.store)?;
            library.start("vectors", embedding::run)?;
        }
        library.start("uploads", uploads::run)?;
        Ok(library)
    }

    /// Opens a data folder to search only, also while another process writes it. `models` are those that make vectors, the
    /// declared one first; the one whose vectors serve there is taken.
    ///
    /// # Errors
    /// When there is nothing in it yet, or it can't be read.
    pub fn open_read_only(
        data: &Path,
        mut perimeter: Perimeter,
        models: impl IntoIterator<Item = Arc<dyn Embed>>,
    ) -> Result<Library, Error> {
        spooled(&mut perimeter, data);
        let store = Store::open_read_only(data)?;
        let models = Models::of(&store, models.into_iter().collect(), false)?;
        let shared = Shared::new(store, Vec::new(), perimeter, None, models, false)?;
        Ok(Library { shared: Arc::new(shared), threads: Mutex::default() })
    }

    fn with(
        store: Store,
        sources: Vec<KnownSource>,
        options: Options,
        write: bool,
    ) -> Result<Library, Error> {
        let Options { perimeter, reading, embed, earlier, .. } = options;
        let models = Models::of(&store, embed.into_iter().chain(earlier).collect(), write)?;
        let shared = Shared::new(store, sources, perimeter, Some(reading), models, write)?;
        Ok(Library { shared: Arc::new(shared), threads: Mutex::default() })
    }

    /// Brings the store in step with the files of a source, now.
    ///
    /// # Errors
    /// When there is no such source, when its folder can't be read, when the store can't be written.
    pub fn scan(&self, source: &str) -> Result<ScanReport, Error> {
        let known = self.shared.sources().into_iter().find(|known| known.source.name == source);
        let Some(known) = &known else {
            return Err(Error::user(format!("there is no source named {source}"))
                .hint("`intramuros perimeter show` lists the sources"));
        };
        self.shared.scan(known, &Scope::All)
    }

    /// Brings the store in step with the files of all sources, one after another, until the work is stopped.
    ///
    /// # Errors
    /// At the first source that can't be read, and when the store can't be written.
    pub fn scan_all(&self) -> Result<Vec<(String, ScanReport)>, Error> {
        let sources = self.shared.sources().into_iter().filter(|known| !known.is_attached());
        let sources = sources.take_while(|_| !self.shared.stopped());
        sources.map(|known| Ok((known.source.name.clone(), self.shared.scan(&known, &Scope::All)?))).collect()
    }

    /// Follows the files of all sources from now on: a first scan, then every change as it happens, and a scan of
    /// everything from time to time.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn follow(&self) -> Result<(), Error> {
        self.shared.sources().into_iter().try_for_each(|known| self.follow_one(known))
    }

    fn follow_one(&self, known: KnownSource) -> Result<(), Error> {
        self.start("files", move |shared| follow::run(shared, &known))
    }

    /// Has the source of what is attached to conversations, which is made when it is first needed.
    pub(crate) fn declare_attached(&self) -> Result<(), Error> {
        let mut sources = self.shared.sources.write().unwrap_or_else(PoisonError::into_inner);
        if !sources.iter().any(KnownSource::is_attached) {
            let path = spool::folder(self.shared.store.folder(), ATTACHED);
            let source =
                Source { name: ATTACHED.to_owned(), kind: SourceKind::Uploads, path, ..Source::default() };
            sources.push(KnownSource::of(&self.shared.store, &source)?);
        }
        Ok(())
    }

    /// Whether something was ever attached to a conversation.
    pub(crate) fn has_attached(&self) -> bool {
        self.shared.sources().iter().any(KnownSource::is_attached)
    }

    /// Takes over the sources of a changed perimeter: new ones and those that are declared in another way are followed
    /// from now on, others as before. Those that are gone are followed no more; what was read of them stays until
    /// somebody removes it.
    ///
    /// # Errors
    /// When the store can't be written or no thread can be started.
    pub fn declare_sources(&self, declared: &Perimeter) -> Result<(), Error> {
        let mut declared = declared.clone();
        spooled(&mut declared, self.shared.store.folder());
        let before = self.shared.sources();
        let (mut attached, before): (Vec<_>, Vec<_>) = before.into_iter().partition(KnownSource::is_attached);
        let (mut now, mut new) = (Vec::new(), Vec::new());
        for source in &declared.sources {
            match before.iter().find(|known| known.declared == *source) {
                Some(known) => now.push(known.clone()),
                None => {
                    let known = KnownSource::of(&self.shared.store, source)?;
                    now.push(known.clone());
                    new.push(known);
                }
            }
        }
        if new.is_empty() && now.len() == before.len() {
            return Ok(());
        }
        now.append(&mut attached);
        let mut perimeter = (*self.shared.perimeter()).clone();
        perimeter.sources.clone_from(&declared.sources);
        *self.shared.perimeter.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(perimeter);
        *self.shared.sources.write().unwrap_or_else(PoisonError::into_inner) = now;
        // Those who follow what is gone end at their next look.
        self.shared.declared.fetch_add(1, Ordering::Release);
        new.into_iter().try_for_each(|known| self.follow_one(known))
    }

    /// Takes over the access rules of a changed perimeter. Sources that are followed are looked through for them at
    /// once, and those rules that close come into force with those that open; others have them from their next scan on.
    pub fn declare_access(&self, declared: &Perimeter) {
        let mut perimeter = (*self.shared.perimeter()).clone();
        perimeter.access.clone_from(&declared.access);
        *self.shared.perimeter.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(perimeter);
        self.shared.declared.fetch_add(1, Ordering::Release);
    }

    /// Takes over the collections of a changed perimeter: what belongs to each is found out at once.
    pub fn declare_collections(&self, declared: &Perimeter) {
        let mut perimeter = (*self.shared.perimeter()).clone();
        if perimeter.collections == declared.collections {
            return;
        }
        perimeter.collections.clone_from(&declared.collections);
        // The index first: a name that may be chosen holds what belongs to it.
        self.shared.derived.declare(&declared.collections);
        *self.shared.perimeter.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(perimeter);
    }

    /// What is declared now.
    pub fn perimeter(&self) -> Arc<Perimeter> {
        self.shared.perimeter()
    }

    /// Waits until everything acknowledged can be found by its words, at most `wait`. Says whether it can.
    ///
    /// # Errors
    /// When the words can't follow: the disk is full, the index can't be written.
    pub fn wait_for_words(&self, wait: Duration) -> Result<bool, Error> {
        let target = self.shared.store.latest()?;
        self.shared.wait_until(wait, || self.shared.derived.applied() >= target)
    }

    /// Waits until everything acknowledged can be found by its meaning, at most `wait`. Says whether it can.
    ///
    /// # Errors
    /// When the vectors can't follow: the model fails, the disk is full.
    pub fn wait_for_vectors(&self, wait: Duration) -> Result<bool, Error> {
        let target = self.shared.store.latest()?.0 as u64;
        let reached = || self.shared.embedded.load(Ordering::Acquire) >= target;
        if self.shared.models.serving().is_none() { Ok(true) } else { self.shared.wait_until(wait, reached) }
    }

    /// How far the work is. For the owner: it counts documents of all people.
    pub fn progress(&self) -> Progress {
        self.shared.board.now()
    }

    /// How far the work is, once that differs from version `seen` or `wait` has passed; with its version. Start with
    /// version 0 and give back what came.
    pub fn progress_after(&self, seen: u64, wait: Duration) -> (u64, Progress) {
        self.shared.board.after(seen, wait)
    }

    /// How much there is. For the owner: it counts documents of all people. Folders that can't be looked at count among
    /// what was not read.
    pub fn counts(&self) -> Result<Counts, Error> {
        let mut counts = self.shared.store.counts()?;
        for trouble in troubles::all(&self.shared.store)? {
            *counts.failed.entry(trouble.reason).or_default() += 1;
        }
        Ok(counts)
    }

    /// Whether files were still to be read, or words to be indexed, when whoever did it ended, and nobody goes on with it.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn is_interrupted(&self) -> Result<bool, Error> {
        let shared = &*self.shared;
        if shared.store.is_being_written() {
            return Ok(false);
        }
        Ok(shared.derived.applied() < shared.latest()? || scan::is_unfinished(&shared.store)?)
    }

    /// How many passages can be found by their meaning; none where all can, and where no model is there that makes vectors.
    /// Only the owner is told: it counts documents of all people.
    pub fn without_meaning(&self, principal: &Principal) -> Option<Meaning> {
        if !principal.owner {
            return None;
        }
        let shared = &*self.shared;
        let Progress { embedded, passages, .. } = shared.board.now();
        let missing = embedded < passages && shared.models.serving().is_some();
        missing.then(|| Meaning { embedded, passages, goes_on: shared.store.is_being_written() })
    }

    /// Sources that the store holds and the perimeter does not declare (any more).
    pub fn undeclared_sources(&self) -> Result<Vec<StoredSource>, Error> {
        let mut sources = self.shared.store.sources()?;
        let perimeter = self.shared.perimeter();
        sources.retain(|stored| stored.name != ATTACHED && perimeter.source(&stored.name).is_none());
        Ok(sources)
    }

    /// How much there is of each source that is not declared (any more), where there is anything.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn undeclared_counts(&self) -> Result<Vec<SourceCounts>, Error> {
        let undeclared = self.undeclared_sources()?;
        let mut counts = self.shared.store.counts_by_source()?;
        counts.retain(|one| one.files > 0 && undeclared.iter().any(|source| source.name == one.name));
        Ok(counts)
    }

    /// Forgets a source with everything that came from it. Its files are not touched.
    pub fn remove_source(&self, name: &str) -> Result<(), Error> {
        if let Some(source) = self.shared.store.sources()?.into_iter().find(|source| source.name == name) {
            self.shared.store.remove_source(source.id)?;
            troubles::forget(&self.shared.store, name)?;
            scan::forget(&self.shared.store, name)?;
            self.shared.acknowledged.ring();
        }
        Ok(())
    }

    /// Removes what nobody needs any more (vectors of texts that are gone, notes of deletions) and gives the space back
    /// to the disk. Happens by itself in quiet moments of a long run.
    ///
    /// # Errors
    /// When the store can't be written.
    pub fn compact(&self) -> Result<Compacted, Error> {
        self.shared.derived.tidy();
        self.shared.store.compact(self.shared.derived.applied())
    }

    /// The store beneath, for what else the program keeps.
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// Says how reading is ended when the work is to stop. Until it is said, and where it is not, a file that is being read is
    /// read to its end first.
    pub fn on_stop(&self, end_reading: EndReading) {
        // The first one holds: there is one way in which files are read.
        let _ = self.shared.end_reading.set(end_reading);
    }

    /// Has all work stop, and does not wait for it. What was acknowledged stays, and can be searched; what was being read is
    /// read again at the next start.
    pub fn stop(&self) {
        // First: what comes back as not read from here on is not taken for a fault of the file.
        self.shared.stop.store(true, Ordering::SeqCst);
        if let Some(end_reading) = self.shared.end_reading.get() {
            end_reading();
        }
        self.shared.acknowledged.ring();
        self.shared.in_step.ring();
        self.shared.brought.ring();
    }

    /// Stops all work and waits for its end.
    pub fn close(self) {
        drop(self);
    }

    fn start(&self, name: &str, work: impl FnOnce(&Shared) + Send + 'static) -> Result<(), Error> {
        let shared = Arc::clone(&self.shared);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || work(&shared))
            .map_err(|error| Error::internal("a thread can't be started").because(error))?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        self.stop();
        let threads = self.threads.get_mut().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            // A thread that panicked said so already.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn new(
        store: Store,
        sources: Vec<KnownSource>,
        perimeter: Perimeter,
        reading: Option<Reading>,
        models: Models,
        write: bool,
    ) -> Result<Shared, Error> {
        let derived = Derived::open(&store, write, models.serving().as_deref(), &perimeter.collections)?;
        let shared = Shared {
            derived,
            perimeter: RwLock::new(Arc::new(perimeter)),
            declared: AtomicU64::new(0),
            models,
            board: Board::default(),
            acknowledged: Bell::default(),
            in_step: Bell::default(),
            brought: Bell::default(),
            uploads: Uploads::default(),
            stop: AtomicBool::new(false),
            end_reading: OnceLock::new(),
            asking: AtomicUsize::new(0),
            embedded: AtomicU64::new(0),
            rules: RwLock::default(),
            faults: Mutex::default(),
            reading,
            sources: RwLock::new(sources),
            scanning: Mutex::default(),
            store,
        };
        shared.show_totals()?;
        Ok(shared)
    }

    /// What is declared now.
    pub fn perimeter(&self) -> Arc<Perimeter> {
        Arc::clone(&self.perimeter.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The sources that are followed.
    pub fn sources(&self) -> Vec<KnownSource> {
        self.sources.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a source is still declared as it was.
    pub fn follows(&self, known: &KnownSource) -> bool {
        self.sources().iter().any(|one| one.declared == known.declared)
    }

    /// Whether the work should end.
    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Brings the store in step with a part of a source.
    pub fn scan(&self, known: &KnownSource, scope: &Scope) -> Result<ScanReport, Error> {
        let Some(reading) = &self.reading else {
            return Err(Error::internal("the library was opened to search only"));
        };
        let _one_at_a_time = self.scanning.lock().unwrap_or_else(PoisonError::into_inner);
        let split = |extracted: &Extracted| (reading.split)(extracted);
        // What is attached to conversations is nobody else's to see, not even how much it is.
        let unseen = Board::default();
        let scan = Scan {
            store: &self.store,
            board: if known.is_attached() { &unseen } else { &self.board },
            perimeter: &self.perimeter(),
            source: &known.source,
            id: known.id,
            data: self.store.folder(),
            limits: &reading.limits,
            extract: &reading.extract,
            split: &split,
            reader_version: reading.version,
            readers: reading.threads,
            stop: &self.stop,
            acknowledged: &|| self.acknowledged.ring(),
        };
        scan.run(scope)
    }

    /// The sources that take what people bring.
    pub fn upload_sources(&self) -> Vec<KnownSource> {
        self.sources().into_iter().filter(|known| known.source.kind == SourceKind::Uploads).collect()
    }

    /// The source of what is attached to conversations, where there is any.
    pub fn attached_source(&self) -> Option<Source> {
        self.sources().into_iter().find(KnownSource::is_attached).map(|known| known.source)
    }

    /// Shows how many passages there are and how many have their vector.
    pub fn show_totals(&self) -> Result<(), Error> {
        let counts = self.store.counts()?;
        let embedded = self.derived.index().vectors() as u64;
        let in_step = self.derived.applied() >= self.latest()?;
        self.board.update(|progress| {
            progress.passages = counts.passages;
            // What is attached to conversations has vectors, and is not counted.
            progress.embedded = embedded.min(counts.passages);
            progress.words_in_step = in_step;
        });
        Ok(())
    }

    fn latest(&self) -> Result<Sequence, Error> {
        self.store.latest()
    }

    /// Tells everybody who waits, and whoever looks, what stands in the way of `who`; none when nothing does any more.
    pub fn tell_fault(&self, who: &'static str, error: Option<&Error>) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        match error {
            None => {
                if faults.remove(who).is_none() {
                    return;
                }
            }
            Some(error) => {
                let (message, hints) = (error.to_string(), error.hints.clone());
                faults.insert(who, Fault { kind: error.kind, message, hints });
            }
        }
        let trouble = faults.values().next().map(|fault| fault.message.clone());
        drop(faults);
        self.board.update(|progress| progress.trouble = trouble);
        self.in_step.ring();
    }

    fn check_faults(&self) -> Result<(), Error> {
        let faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        // A source that can't be read keeps nobody from finding what was read before.
        // Nor does a new model that fails: the earlier one serves.
        let hinders = |who: &str| ![FILES, NEW_VECTORS].contains(&who);
        let fault = faults.iter().find(|(who, _)| hinders(who)).map(|(_, fault)| fault.clone());
        match fault {
            None => Ok(()),
            Some(fault) => Err(Error { hints: fault.hints, ..Error::new(fault.kind, fault.message) }),
        }
    }

    fn wait_until(&self, wait: Duration, reached: impl Fn() -> bool) -> Result<bool, Error> {
        let until = Instant::now() + wait;
        let mut heard = 0;
        loop {
            if reached() {
                return Ok(true);
            }
            self.check_faults()?;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.stopped() {
                return Ok(false);
            }
            heard = self.in_step.wait(heard, left.min(LOOK_UP));
        }
    }
}

/// What is fetched from elsewhere is read where it is kept.
fn spooled(perimeter: &mut Perimeter, data: &Path) {
    for source in perimeter.sources.iter_mut().filter(|source| source.is_remote()) {
        source.path = spool::folder(data, &source.name);
    }
}

fn root_bytes(root: &Path) -> Vec<u8> {
    paths::bytes(root.as_os_str())
}
