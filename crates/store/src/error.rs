//! What does a fault of the database mean to a person, and what to do next?

use intramuros_core::error::{Error, ErrorKind};
use rusqlite::ErrorCode;

/// A result of the database, told what was being done.
pub(crate) trait Doing<T> {
    /// Turns a fault into an [`Error`] that says what failed and what to do.
    fn doing(self, what: &str) -> Result<T, Error>;
}

impl<T> Doing<T> for Result<T, rusqlite::Error> {
    fn doing(self, what: &str) -> Result<T, Error> {
        self.map_err(|error| explain(error, what))
    }
}

fn explain(error: rusqlite::Error, what: &str) -> Error {
    let explained = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Error::config(format!("the disk is full: {what} was not done"))
            .hint("free some space, then run the same command again: what was acknowledged before is kept"),
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            Error::config(format!("the data folder can't be written or opened: {what} was not done"))
                .hint("check who owns the folder and whether its disk is mounted read-only")
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Error::data(format!(
            "the database is damaged, noticed while {what}"
        ))
        .hint("move the data folder aside and read the sources again: the documents themselves are untouched")
        .hint("check the disk (dmesg, smartctl) before trusting it again"),
        Some(ErrorCode::SystemIoFailure) => Error::data(format!("the disk failed or refused while {what}"))
            .hint("check the free space, quotas and health of the disk, then run the same command again"),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            Error::config(format!("another process holds the database for too long: {what} was not done"))
                .hint("stop the other process or try again")
        }
        _ => Error::new(ErrorKind::Internal, format!("the database refused while {what}")),
    };
    explained.because(error)
}

/// A stored value that can't be understood.
pub(crate) fn damaged(what: &str) -> Error {
    Error::data(format!("the database holds a value that can't be understood: {what}"))
        .hint("move the data folder aside and read the sources again: the documents themselves are untouched")
}
