//! How does an entry reach the disk, and when may the caller rely on it?
//!
//! One thread owns the files. It takes what is waiting (up to [`GROUP_ENTRIES`]), writes it with one call, brings it to
//! the disk with one `fdatasync`, signs the new end, and only then answers those who wait. So the cost of the disk is
//! shared by all entries that arrive at the same time, and what was answered is there after a power cut.

mod open;
mod thread;

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

pub use open::Opened;

use crate::JournalError;
use crate::event::Event;
use crate::line::Hash;
use crate::time;

/// Entries that wait for the writer before callers are held up. 16,384: a third of a second at full rate.
const QUEUE_ENTRIES: usize = 16_384;

/// Most entries in one group. 4,096: about 1 MB, written and synchronised in milliseconds.
const GROUP_ENTRIES: usize = 4_096;

/// Entries after which the chain itself carries a signature. 10,000: a verifier without the head file can tell at most
/// this many apart from forged ones.
const SIGN_EVERY_ENTRIES: u64 = 10_000;

/// Time after which new entries get a signature in the chain though they are few. One minute.
const SIGN_EVERY_MS: i64 = 60_000;

/// When an entry counts as written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// When the disk has it (`fdatasync` for each group): it survives a power cut.
    #[default]
    Disk,
    /// When the operating system has it: it survives a kill of the process, not a power cut.
    System,
}

/// How a journal is kept.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its folder.
    pub folder: PathBuf,
    /// The signing key's file; made when absent. The head file lies beside it.
    pub key_file: PathBuf,
    /// Where the key lay before another place was declared: as long as it lies there, no new one is made.
    pub earlier_key_file: Option<PathBuf>,
    /// When an entry counts as written.
    pub durability: Durability,
    /// Days that entries are kept.
    pub retain_days: u32,
    /// Goes on although the record is broken, in the name of the person given. The break stays visible for ever.
    pub accept_break: Option<String>,
}

impl Options {
    /// A journal in `folder` with its key in it, kept for the default time.
    pub fn new(folder: impl Into<PathBuf>) -> Options {
        let folder = folder.into();
        Options {
            key_file: folder.join("journal.key"),
            earlier_key_file: None,
            folder,
            durability: Durability::Disk,
            retain_days: intramuros_core::perimeter::DEFAULT_RETAIN_DAYS,
            accept_break: None,
        }
    }
}

/// Number and hash of an entry that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The entry's number.
    pub number: u64,
    /// Its hash.
    pub hash: Hash,
}

/// What the writer is asked to do.
#[expect(
    clippy::large_enum_variant,
    reason = "all messages but the last are appends; a box would cost each of them"
)]
enum Message {
    Append { event: Event, at_ms: i64, answer: Option<SyncSender<Result<Stamp, String>>> },
    Stop,
}

/// The journal, open for writing. Clones write to the same one.
#[derive(Clone)]
pub struct Journal {
    sender: SyncSender<Message>,
    shared: Arc<Shared>,
}

/// What the writer tells everybody.
#[derive(Default)]
struct Shared {
    /// The last failure, until writing succeeds again.
    failure: Mutex<Option<String>>,
    /// The writer, until somebody closes the journal.
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Shared {
    fn set_failure(&self, failure: Option<String>) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }

    fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Journal {
    /// Opens the journal: takes its lock, checks its end against the signed head, and removes what a power cut left
    /// unfinished. Writes nothing yet.
    ///
    /// # Errors
    /// When the files can't be used, another process has the journal, or the record is not as it was written.
    pub fn open(options: Options) -> Result<Opened, JournalError> {
        open::open(options)
    }

    fn start(worker: thread::Worker) -> Result<Journal, JournalError> {
        let (sender, receiver): (SyncSender<Message>, Receiver<Message>) = sync_channel(QUEUE_ENTRIES);
        let shared = Arc::new(Shared::default());
        let for_thread = Arc::clone(&shared);
        let handle = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || worker.run(&receiver, &for_thread))
            .map_err(|error| JournalError::Stopped(format!("its thread can't be started: {error}")))?;
        *shared.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(handle);
        Ok(Journal { sender, shared })
    }

    /// Hands an entry over and returns at once (or as soon as the queue has room). For what need not be on the disk
    /// before the program goes on.
    ///
    /// # Errors
    /// When the writer has stopped, or its last write failed: nothing that must be journalled may happen then.
    pub fn append(&self, event: Event) -> Result<(), JournalError> {
        if let Some(failure) = self.shared.failure() {
            // It is handed over all the same: its success is how the writer finds out that the disk works again.
            let _ = self.send(event, time::now_ms(), None);
            return Err(JournalError::Stopped(failure));
        }
        self.send(event, time::now_ms(), None)
    }

    /// Hands an entry over and waits until it is written, as [`Options::durability`] says.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn append_and_wait(&self, event: Event) -> Result<Stamp, JournalError> {
        self.append_at_and_wait(event, time::now_ms())
    }

    /// The same for what happened at another moment (milliseconds since 1970), which was kept meanwhile.
    ///
    /// # Errors
    /// As [`Journal::append_and_wait`].
    pub fn append_at_and_wait(&self, event: Event, at_ms: i64) -> Result<Stamp, JournalError> {
        let (answer, receive) = sync_channel(1);
        self.send(event, at_ms, Some(answer))?;
        receive
            .recv()
            .map_err(|_| JournalError::Stopped("it ended before the entry was written".to_owned()))?
            .map_err(JournalError::Stopped)
    }

    /// Why the last write failed; none when the journal is well.
    pub fn failure(&self) -> Option<String> {
        self.shared.failure()
    }

    /// Writes what waits, notes the stop, signs the end and closes the files. Later appends fail.
    pub fn close(&self) {
        let _ = self.sender.send(Message::Stop);
        let handle = self.shared.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(handle) = handle {
            let _ = handle.join();
        }
    }

    fn send(
        &self,
        event: Event,
        at_ms: i64,
        answer: Option<SyncSender<Result<Stamp, String>>>,
    ) -> Result<(), JournalError> {
        self.sender
            .send(Message::Append { event, at_ms, answer })
            .map_err(|_| JournalError::Stopped("it is closed".to_owned()))
    }
}
