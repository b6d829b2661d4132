//! Which connection serves this call: the one that writes, or one of those that read?

use std::fmt;
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
        let path = folder.join(DATABASE);
        if !path.is_file() {
            return Err(Error::user(format!("{} holds nothing yet", folder.display()))
                .hint("read a folder first: `intramuros ingest FOLDER` or `intramuros serve FOLDER`"));
        }
        let reader = open::reader(&path)?;
        if schema::DOCUMENTS.check(&reader)? < schema::VERSION {
            return Err(Error::config("the data folder was written by an older Intramuros")
                .hint("run `intramuros ingest` or `intramuros serve` once to bring it up to date"));
        }
        let readers = Readers::of(path, vec![reader]);
        Ok(Store { folder: folder.to_owned(), writer: None, readers, _lock: None })
    }

    /// The data folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether this process may write.
    pub fn writes(&self) -> bool {
        self.writer.is_some()
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
