//! How does a command write to the journal, which the running program may hold?
//!
//! A journal has one writer. Where nobody holds it, a command writes its entry itself. Where `serve` does, the command
//! leaves a slip in the data folder, and the program enters it within moments ([`take`]), with the moment at which it was
//! left; slips that were left behind are entered by whoever writes the journal next. Whoever can leave slips there
//! can read and change the data folder anyway: a slip proves no more than the command that wrote it, and is of no kind
//! that a command would not leave.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use intramuros_core::error::Error;
use intramuros_core::perimeter::{OnFailure, Perimeter};
use intramuros_egress::Recorder;
use intramuros_journal::{Event, Journal, JournalError, Opened, keys};

use crate::record;

/// The folder of slips, in the data folder.
const FOLDER: &str = "slips";

/// Largest slip in bytes: an event of a few fields, each cut at 4 KiB by the journal.
const MAX_SLIP_BYTES: u64 = 256 << 10;

/// Slips entered at one look; what is left waits for the next.
const MOST_AT_ONCE: usize = 1_000;

/// Where a command writes what it did, opened.
pub struct Notebook {
    data: PathBuf,
    way: Way<Box<Opened>>,
    on_failure: OnFailure,
}

/// Where a command writes what it did, ready to be written to. The journal is closed when this is dropped.
pub struct Notes {
    way: Way<Journal>,
    on_failure: OnFailure,
}

enum Way<Own> {
    Own(Own),
    Slips(PathBuf),
    Failed(Error),
}

impl Notebook {
    /// Opens the journal, or finds out that another process holds it. Before the seal: the key may lie outside the data
    /// folder. A journal that can't be written matters when something is noted.
    pub fn open(perimeter: &Perimeter, data: &Path) -> Notebook {
        let way = match Journal::open(record::options(perimeter, data)) {
            Ok(opened) => Way::Own(Box::new(opened)),
            Err(JournalError::Busy(_)) => Way::Slips(data.join(FOLDER)),
            Err(error) => Way::Failed(failed(error)),
        };
        Notebook { data: data.to_owned(), way, on_failure: perimeter.journal.on_failure }
    }

    /// Enters what was left for the journal, where nobody else holds it, and lets go of it.
    pub fn enter_what_waits(perimeter: &Perimeter, data: &Path) {
        if !waiting(data).is_empty() {
            drop(Notebook::open(perimeter, data).start());
        }
    }

    /// Makes it ready to be written to. After the seal: a thread that ran before would not be bound by it.
    pub fn start(self) -> Notes {
        let way = match self.way {
            Way::Own(opened) => match opened.start() {
                Ok(journal) => {
                    // What others left comes first. What can't be entered now waits for the next.
                    let _ = take(&self.data, &journal);
                    Way::Own(journal)
                }
                Err(error) => Way::Failed(failed(error)),
            },
            Way::Slips(folder) => Way::Slips(folder),
            Way::Failed(error) => Way::Failed(error),
        };
        Notes { way, on_failure: self.on_failure }
    }
}

impl Notes {
    /// Notes what happened; when it returns, the entries or slips are on the disk. Where the journal can't be written,
    /// gives back why.
    ///
    /// # Errors
    /// When it can't be written and `journal.on_failure = "refuse"` is declared.
    pub fn note(&self, events: &[Event]) -> Result<Option<Error>, Error> {
        let written = match &self.way {
            Way::Own(journal) => events
                .iter()
                .try_for_each(|event| journal.append_and_wait(event.clone()).map(drop))
                .map_err(failed),
            Way::Slips(folder) => leave(folder, events),
            Way::Failed(error) => Err(again(error)),
        };
        match (written, self.on_failure) {
            (Ok(()), _) => Ok(None),
            (Err(error), OnFailure::Refuse) => Err(error),
            (Err(error), OnFailure::Answer) => Ok(Some(error)),
        }
    }

    /// Takes the decisions of the outbound client. What can't be written down does not leave, whatever is declared.
    pub fn recorder(&self) -> Recorder {
        match &self.way {
            Way::Own(journal) => record::recorder(journal.clone()),
            Way::Slips(folder) => {
                let folder = folder.clone();
                Arc::new(move |decision| {
                    leave(&folder, &[record::event(decision)]).map_err(|error| error.to_string())
                })
            }
            Way::Failed(error) => {
                let why = error.to_string();
                Arc::new(move |_| Err(why.clone()))
            }
        }
    }
}

impl Drop for Notes {
    fn drop(&mut self) {
        if let Way::Own(journal) = &self.way {
            journal.close();
        }
    }
}

/// The same error once more.
fn again(error: &Error) -> Error {
    error.hints.iter().fold(Error::data(error.to_string()), |again, hint| again.hint(hint.clone()))
}

/// Leaves slips for whoever writes the journal, from a command that runs beside it for long.
pub struct Slips(PathBuf);

impl Slips {
    /// Slips in a data folder.
    pub fn in_folder(data: &Path) -> Slips {
        Slips(data.join(FOLDER))
    }

    /// Leaves one; when it returns, it is on the disk.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn leave(&self, event: Event) -> Result<(), Error> {
        leave(&self.0, &[event])
    }
}

/// Whether a command in the terminal leaves such an entry. Starts, sign-ins, signatures and what the kernel refused are
/// no command's to tell.
fn is_of_a_command(event: &Event) -> bool {
    matches!(
        event,
        Event::Question { .. }
            | Event::DocumentRead { .. }
            | Event::AccessRefused { .. }
            | Event::ToolCalled { .. }
            | Event::Egress { .. }
            | Event::Fetched { .. }
            | Event::Exported { .. }
    )
}

/// Writes each slip whole: the program that looks for slips never sees half of one.
fn leave(folder: &Path, events: &[Event]) -> Result<(), Error> {
    let wrong = |error: std::io::Error| {
        Error::data(format!("{}: a slip for the journal can't be left", folder.display())).because(error)
    };
    std::fs::create_dir_all(folder).map_err(wrong)?;
    /// Slips of this process so far.
    static LEFT: AtomicU64 = AtomicU64::new(0);
    // The time puts them in order; process and number keep those of the same moment apart.
    let (now, process) = (intramuros_journal::time::now_ms(), std::process::id());
    for event in events {
        let name = format!("{now:020}-{process}-{:06}", LEFT.fetch_add(1, Ordering::Relaxed));
        let bytes = serde_json::to_vec(event).map_err(|error| Error::internal("JSON").because(error))?;
        let unfinished = folder.join(format!("{name}.new"));
        let mut file = std::fs::File::create(&unfinished).map_err(wrong)?;
        file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(wrong)?;
        std::fs::rename(&unfinished, folder.join(format!("{name}.json"))).map_err(wrong)?;
    }
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(wrong)
}

/// Enters the slips that commands left, the oldest first, and gives how many. A slip is taken away when its entry is
/// on the disk: after a power cut one may be entered twice, none is lost.
///
/// # Errors
/// When the journal can't be written; the slips stay. What is no slip, or of a kind that no command leaves, is put aside
/// as `.unreadable`.
pub fn take(data: &Path, journal: &Journal) -> Result<usize, JournalError> {
    let mut taken = 0;
    for slip in waiting(data) {
        // Moving or removing may fail on a full or failing disk: the slip is seen again at the next look.
        match read(&slip) {
            Some(event) => {
                journal.append_at_and_wait(event, left_at(&slip))?;
                let _ = std::fs::remove_file(&slip);
                taken += 1;
            }
            None => _ = std::fs::rename(&slip, slip.with_extension("unreadable")),
        }
    }
    Ok(taken)
}

/// The oldest slips.
fn waiting(data: &Path) -> Vec<PathBuf> {
    let entries =
        std::fs::read_dir(data.join(FOLDER)).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut slips: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    slips.sort();
    slips.truncate(MOST_AT_ONCE);
    slips
}

/// When a slip was left, by its name; now, when that is no moment of the past.
fn left_at(slip: &Path) -> i64 {
    let now = intramuros_journal::time::now_ms();
    let name = slip.file_name().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
    name.split('-')
        .next()
        .and_then(|digits| digits.parse().ok())
        .filter(|at| (1..=now).contains(at))
        .unwrap_or(now)
}

fn read(slip: &Path) -> Option<Event> {
    let size = std::fs::symlink_metadata(slip).ok().filter(std::fs::Metadata::is_file)?.len();
    let event = (size <= MAX_SLIP_BYTES).then(|| serde_json::from_slice(&std::fs::read(slip).ok()?).ok())?;
    event.filter(is_of_a_command)
}

/// What a fault of the journal means to a person, and what to do.
pub fn failed(error: JournalError) -> Error {
    let said = match &error {
        JournalError::Busy(_) => Error::config("another process already writes the data folder"),
        JournalError::Key { .. } | JournalError::KeyElsewhere { .. } => {
            Error::config("the journal can't be signed")
        }
        _ => Error::data("the journal can't be written"),
    };
    let hints = what_to_do(&error);
    hints.into_iter().fold(said.because(error), Error::hint)
}

fn what_to_do(error: &JournalError) -> Vec<String> {
    let said: &[&str] = match error {
        // As the store says it: both are held by the same program.
        JournalError::Busy(_) => &[
            "a running `serve` follows the folder by itself: nothing else is needed",
            "stop that process, or give this one another folder with --data FOLDER",
        ],
        JournalError::Broken(_) => &[
            "`intramuros journal verify` says what was changed, and where",
            "`intramuros serve --accept-journal-break NAME` goes on in the name of who decides; that stays in the \
             journal",
        ],
        JournalError::KeyElsewhere { declared, earlier } => return moves(declared, earlier),
        _ => &[],
    };
    said.iter().map(|hint| (*hint).to_owned()).collect()
}

/// What brings a journal's key to where it is declared by now: it is nothing without its head.
fn moves(declared: &Path, earlier: &Path) -> Vec<String> {
    let folder = declared.parent().filter(|folder| matches!(folder.try_exists(), Ok(false)));
    let make = folder.map(|folder| format!("make the folder {}", folder.display()));
    let places = [
        (earlier.to_owned(), declared.to_owned()),
        (keys::head_path(earlier), keys::head_path(declared)),
        (keys::public_path(earlier), keys::public_path(declared)),
    ];
    let there = places.into_iter().filter(|(from, _)| from.exists());
    make.into_iter()
        .chain(there.map(|(from, to)| format!("move {} to {}", from.display(), to.display())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_was_left_behind_is_named_with_its_head() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["journal.key", "journal.key.head", "journal.key.pub"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let declared = folder.path().join("keys/j.key");
        let error = failed(JournalError::KeyElsewhere {
            declared: declared.clone(),
            earlier: folder.path().join("journal.key"),
        });
        assert_eq!(error.hints.len(), 4, "{error:?}");
        assert!(
            error.hints[2].contains("journal.key.head to ") && error.hints[2].ends_with("keys/j.key.head")
        );
    }
}
