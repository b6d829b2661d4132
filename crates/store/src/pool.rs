//! Which connection serves this call: the one that writes, or one of those that read?

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use intramuros_core::error::Error;
use rusqlite::{Connection, OptionalExtension};

use crate::error::Doing;
use crate::{DATABASE, open, schema};

/// Reading connections kept open between calls. 4: twice the cores of a small server; more are opened when more
/// callers come at once and closed when they are done.
const IDLE_READERS: usize = 4;

/// Connections to one database that read, kept open between calls.
pub(crate) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    /// Readers of the database at a path; `first` are open already.
    pub fn of(path: PathBuf, first: Vec<Connection>) -> Readers {
        Readers { path, idle: Mutex::new(first) }
    }

    /// Runs `work` on a connection that reads.
    pub fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Error>) -> Result<T, Error> {
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => open::reader(&self.path)?,
        };
        let result = work(&connection);
        let mut readers = self.idle();
        if readers.len() < IDLE_READERS {
            readers.push(connection);
        }
        result
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The store of one data folder. Shared between threads by reference; calls block while they read or write.
pub struct Store {
    folder: PathBuf,
    writer: Option<Mutex<Connection>>,
    readers: Readers,
    _lock: Option<open::Lock>,
}

impl fmt::Debug for Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Store").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the store of a data folder to write and read, and makes both when they don't exist.
    ///
    /// # Errors
    /// When another process writes it, when it can't be written, when a newer program wrote it, when it is damaged.
    pub fn open(folder: &Path) -> Result<Store, Error> {
        open::make_folder(folder)?;
        let lock = open::lock(folder)?;
        let path = folder.join(DATABASE);
        let writer = open::writer(&path, &schema::DOCUMENTS)?;
        let store = Store {
            folder: folder.to_owned(),
            writer: Some(Mutex::new(writer)),
            readers: Readers::of(path, Vec::new()),
            _lock: Some(lock),
        };
        store.name_if_new()?;
        Ok(store)
    }

    /// Opens the store of a data folder to read, also while another process writes it.
    ///
    /// # Errors
    /// When there is none, when an older or newer program wrote it, when it can't be read.
    pub fn open_read_only(folder: &Path) -> Result<Store, Error> {
        Store::look_for(folder)?;
        let path = folder.join(DATABASE);
        let reader = open::reader(&path)?;
        if schema::DOCUMENTS.check(&reader)? < schema::VERSION {
            return Err(Error::config("the data folder was written by an older Intramuros")
                .hint("run `intramuros ingest` or `intramuros serve` once to bring it up to date"));
        }
        let readers = Readers::of(path, vec![reader]);
        Ok(Store { folder: folder.to_owned(), writer: None, readers, _lock: None })
    }

    /// Whether a data folder holds a store; makes nothing.
    ///
    /// # Errors
    /// When there is none, and when the system does not let this person see.
    pub fn look_for(folder: &Path) -> Result<(), Error> {
        match std::fs::metadata(folder.join(DATABASE)) {
            Ok(found) if found.is_file() => Ok(()),
            // Somebody else's folder may hold anything.
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(Error::config(format!("the data folder {} can't be read", folder.display()))
                    .hint("check who owns it, or name another with `--data FOLDER`")
                    .because(error))
            }
            _ => Err(Error::user(format!("{} holds nothing yet", folder.display()))
                .hint("read a folder first: `intramuros ingest FOLDER` or `intramuros serve FOLDER`")),
        }
    }

    /// The data folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether this process may write.
    pub fn writes(&self) -> bool {
        self.writer.is_some()
    }

    /// Whether a process has it to write, this one included.
    pub fn is_being_written(&self) -> bool {
        open::is_locked(&self.folder)
    }

    /// A name that no other store has: what is derived carries it, so that an index of another store is not taken
    /// for one of this.
    pub fn identity(&self) -> Result<String, Error> {
        Ok(self.meta("identity")?.unwrap_or_default())
    }

    /// A value kept under a name.
    pub fn meta(&self, key: &str) -> Result<Option<String>, Error> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT value FROM meta WHERE key = ?1")
                .and_then(|mut statement| statement.query_row([key], |row| row.get(0)).optional())
                .doing("reading a setting")
        })
    }

    /// Keeps a value under a name.
    pub fn set_meta(&self, key: &str, value: &str) -> Result<(), Error> {
        self.write(|connection| {
            connection
                .execute("INSERT OR REPLACE INTO meta(key, value) VALUES(?1, ?2)", [key, value])
                .doing("writing a setting")?;
            Ok(())
        })
    }

    /// Forgets the value under a name.
    pub fn remove_meta(&self, key: &str) -> Result<(), Error> {
        self.write(|connection| {
            connection.execute("DELETE FROM meta WHERE key = ?1", [key]).doing("forgetting a setting")?;
            Ok(())
        })
    }

    /// Runs `work` on a connection that reads.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Error>) -> Result<T, Error> {
        self.readers.read(work)
    }

    /// Runs `work` on the connection that writes.
    pub(crate) fn write<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let Some(writer) = &self.writer else {
            return Err(Error::internal("the store was opened to read only"));
        };
        // A panic while writing rolled its transaction back: the connection itself is sound.
        let mut connection = writer.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut connection)
    }

    fn name_if_new(&self) -> Result<(), Error> {
        self.write(|connection| {
            connection
                .execute(
                    "INSERT OR IGNORE INTO meta(key, value) VALUES('identity', lower(hex(randomblob(16))))",
                    [],
                )
                .doing("naming the store")?;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_a_store_is_told_apart_from_one_that_can_not_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let check = |folder: &Path, expected: &str| {
            let said = Store::look_for(folder).unwrap_err().to_string();
            assert!(said.contains(expected), "{said}");
        };
        check(folder.path(), "holds nothing yet");
        check(&folder.path().join("none"), "holds nothing yet");
        // Rights would not do: whoever tests as root has them all.
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        check(&file, "can't be read: Not a directory");
    }
}
