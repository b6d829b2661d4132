//! How does what the kernel refuses reach the journal?
//!
//! The watcher (`commands::watcher`, a process of its own) tells; a thread here writes it down. It tells no more than a
//! few lines a second, whatever is tried (`seal::ledger`). When the watcher ends, the kernel refuses everything that
//! it would have answered, opening files included: the program can't go on, and says so before it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use intramuros_core::error::Error;
use intramuros_journal::{Event, Journal};
use intramuros_seal::{self as seal, Flush, Refusal, Watched};

/// How long the program's end waits for what was still refused. A second: it is told within a tenth of one.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Exit code of a program whose watcher is gone; systemd starts it again.
const WITHOUT_WATCHER: i32 = 70;

/// What the watcher tells, as long as the program runs.
pub struct Told {
    flush: Flush,
    flushed: Receiver<()>,
    ending: Arc<AtomicBool>,
}

impl Told {
    /// Waits until everything that was refused so far is in the journal. To be called once, at the end.
    pub fn finish(&self) {
        self.ending.store(true, Ordering::Release);
        if self.flush.ask().is_ok() {
            let _ = self.flushed.recv_timeout(LAST_WORDS);
        }
    }
}

/// Writes down what is told from now on, in a thread of its own.
///
/// # Errors
/// When no thread can be started.
pub fn follow(watched: Watched, journal: Journal) -> Result<Told, Error> {
    let Watched { refusals, flush } = watched;
    let (done, flushed) = sync_channel(1);
    let ending = Arc::new(AtomicBool::new(false));
    let ends = Arc::clone(&ending);
    let work = move || {
        for told in refusals {
            match told {
                seal::Told::Refused(refusal) => note(&journal, refusal),
                seal::Told::Flushed => _ = done.try_send(()),
            }
        }
        if !ends.load(Ordering::Acquire) {
            give_up(&journal);
        }
    };
    std::thread::Builder::new()
        .name("refusals".to_owned())
        .spawn(work)
        .map_err(|error| Error::internal("a thread can't be started").because(error))?;
    Ok(Told { flush, flushed, ending })
}

fn note(journal: &Journal, refusal: Refusal) {
    let Refusal { process, call, with, times } = refusal;
    if let Err(error) = journal.append(Event::KernelRefused { process, call, with, times }) {
        tracing::error!(%error, "what the kernel refused is not in the journal");
    }
}

/// Nothing can be opened or connected to any more, and nothing that is tried would be written down.
fn give_up(journal: &Journal) {
    tracing::error!(
        "the process that answers for the kernel's refusals has ended; without it nothing can be opened"
    );
    let event = Event::KernelRefused {
        process: "program".to_owned(),
        call: "everything".to_owned(),
        with: "the watcher has ended, and the program with it".to_owned(),
        times: 1,
    };
    let _ = journal.append_and_wait(event);
    std::process::exit(WITHOUT_WATCHER);
}
