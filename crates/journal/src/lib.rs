//! What happened, in which order, and has anybody changed the record?
//!
//! Entries are lines of JSON in segment files. Each line ends with a SHA-256 over itself and the hash before it, so a
//! line that is edited, left out, moved or added breaks the chain at its place. After each group of entries that
//! reached the disk, the number and hash of the last one are signed (Ed25519) and written to the head file, which
//! can stand outside the data folder together with the key: a tail that is cut or replaced then shows as well.
//!
//! [`Journal::open`] checks the end of the chain and mends what a power cut left; [`Opened::start`] starts the writer
//! (after the process is sealed, since a thread started earlier is not); [`verify::verify`] checks everything.

pub mod event;
pub mod keys;
pub mod line;
pub mod read;
pub mod segment;
pub mod syslog;
pub mod time;
pub mod verify;
mod writer;

pub use event::Event;
pub use writer::{Durability, Journal, Opened, Options, Stamp};

use std::io;
use std::path::PathBuf;

/// Why the journal can't be opened, written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// A file or folder could not be used.
    #[error("{}: {what}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// The chain is broken: somebody changed the record, or a backup was restored.
    #[error("the journal is not as it was written: {0}")]
    Broken(String),
    /// The key can't be used.
    #[error("{}: {what}", path.display())]
    Key {
        /// The key's file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A key is declared at a place where none is, and another one has signed so far.
    #[error("{} is not there, and {} has signed so far", declared.display(), earlier.display())]
    KeyElsewhere {
        /// Where the key is to be.
        declared: PathBuf,
        /// Where it is.
        earlier: PathBuf,
    },
    /// Another process writes this journal.
    #[error("{} is written by another process", .0.display())]
    Busy(PathBuf),
    /// The writer has stopped after an error, which it reported.
    #[error("the journal's writer has stopped: {0}")]
    Stopped(String),
}

impl JournalError {
    fn io(path: impl Into<PathBuf>, what: &'static str) -> impl FnOnce(io::Error) -> JournalError {
        let path = path.into();
        move |source| JournalError::Io { path, what, source }
    }
}
