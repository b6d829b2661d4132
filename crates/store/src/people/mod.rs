//! Who are the people, what groups are they in, which sessions, tokens and codes open the door for them, and what did they
//! ask?
//!
//! One SQLite file beside that of the documents. Of secrets only hashes are here; what must be kept to be used again (a
//! provider's token for signing out) is under lock before it comes here. Every change is on disk when its call returns.

mod codes;
mod conversations;
mod groups;
mod persons;
mod renames;
mod schema;
mod sessions;
mod tokens;
mod usage;
mod values;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use intramuros_core::error::Error;
use rusqlite::{Connection, Transaction};

use crate::error::Doing;
use crate::open;
use crate::pool::Readers;

pub use conversations::{Conversation, ConversationId, MOST_TURNS, Turn, Whose};
pub use groups::GroupChange;
pub use renames::{Rename, Renamed};
pub use schema::VERSION as PEOPLE_VERSION;
pub use usage::{Ratings, Use};
pub use values::{
    Code, CodeUse, Group, GroupId, NewPerson, NewSession, NewToken, Origin, Person, PersonChange, PersonId,
    Session, Taken, Token, TokenId,
};

/// Name of the database within the data folder.
pub const PEOPLE_DATABASE: &str = "people.sqlite";

/// The people of one data folder. Shared between threads by reference; calls block while they read or write.
pub struct People {
    path: PathBuf,
    writer: Mutex<Connection>,
    readers: Readers,
}

impl fmt::Debug for People {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("People").field("path", &self.path).finish_non_exhaustive()
    }
}

impl People {
    /// Opens the people of a data folder, and makes folder and file when they don't exist. The folder's lock is the
    /// documents' store's affair.
    ///
    /// # Errors
    /// When it can't be written, when a newer program wrote it, when it is damaged.
    pub fn open(folder: &Path) -> Result<People, Error> {
        open::make_folder(folder)?;
        let path = folder.join(PEOPLE_DATABASE);
        let writer = open::writer(&path, &schema::PEOPLE)?;
        persons::fold_anew(&writer)?;
        Ok(People { path: path.clone(), writer: Mutex::new(writer), readers: Readers::of(path, Vec::new()) })
    }

    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Error>) -> Result<T, Error> {
        self.readers.read(work)
    }

    /// Runs `work` in one transaction; nothing of it holds when it fails.
    fn change<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T, Error>) -> Result<T, Error> {
        // A panic while writing rolled its transaction back: the connection itself is sound.
        let mut connection = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let what = "changing people";
        let transaction = connection.transaction().doing(what)?;
        let done = work(&transaction)?;
        transaction.commit().doing(what)?;
        Ok(done)
    }
}

/// The pattern by which LIKE (with `ESCAPE '\'`) finds what holds a text.
fn holding(text: &str) -> String {
    // In a pattern these three mean something.
    let text = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{text}%")
}
