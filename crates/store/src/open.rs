//! Who may open the data folder, and is it fit to be written?

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind as IoKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use intramuros_core::error::Error;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::Doing;
use crate::schema::Layout;

/// Name of the lock file: the process that holds a lock on it is the one that writes.
const LOCK: &str = "intramuros.lock";

/// How long a connection waits for another one. 10 s: the longest transaction writes a few megabytes.
const BUSY: Duration = Duration::from_secs(10);

/// Page cache of the writer and of each reader, in KiB. Small: the system caches the file anyway, and the whole
/// program has to stay within its memory.
const WRITER_CACHE_KIB: i64 = 8 << 10;
const READER_CACHE_KIB: i64 = 2 << 10;

/// Statements kept prepared for each connection. 64: more than there are.
const STATEMENTS: usize = 64;

/// Pages in the write-ahead log before it is folded back. 4,000 (16 MB): a bulk load syncs the main file less often,
/// and readers still find pages fast.
const CHECKPOINT_PAGES: i64 = 4_000;

/// The lock of the writing process; given back when dropped, also when the process is killed.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Makes the data folder, for its owner only.
pub(crate) fn make_folder(folder: &Path) -> Result<(), Error> {
    let made = create_private_folder(folder);
    made.map_err(|error| {
        Error::config(format!("the data folder {} can't be made", folder.display()))
            .hint("choose a place that you may write, with --data FOLDER")
            .because(error)
    })
}

/// Makes a folder that nobody else on this machine may look into, with those above it. One that is there stays as it is.
///
/// # Errors
/// When it can't be made.
pub fn create_private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// A file that only its owner may read, opened for writing and kept as it is when it exists.
pub(crate) fn private_file(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Takes the folder for this process, or says who has it.
pub(crate) fn lock(folder: &Path) -> Result<Lock, Error> {
    let path = folder.join(LOCK);
    let refused = |error: std::io::Error| {
        let explained = match error.kind() {
            IoKind::StorageFull | IoKind::QuotaExceeded => {
                Error::config(format!("the disk that holds {} is full", folder.display()))
                    .hint("free some space, then run the same command again")
            }
            _ => Error::config(format!("the data folder {} can't be written", folder.display()))
                .hint("check who owns it and whether its disk is mounted read-only")
                .hint("`search` and `ask` only need to read it"),
        };
        explained.because(error)
    };
    let mut file = private_file(&path).map_err(refused)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(held(folder, &mut file)),
        Err(TryLockError::Error(error)) => return Err(refused(error)),
    }
    let write = |file: &mut File| -> std::io::Result<()> {
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        writeln!(file, "{}", std::process::id())
    };
    write(&mut file).map_err(refused)?;
    Ok(Lock { _file: file })
}

/// Whether a process has the folder to write it, this one included. Where that can't be seen, none has.
pub(crate) fn is_locked(folder: &Path) -> bool {
    // A handle of its own, given back at once: it asks for no more than to read beside others.
    let locked = |file: File| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
    File::open(folder.join(LOCK)).is_ok_and(locked)
}

fn held(folder: &Path, file: &mut File) -> Error {
    let mut owner = String::new();
    // Longest process number with room to spare; a foreign file here must not fill the memory.
    let read = file.take(32).read_to_string(&mut owner);
    let who = match (read, owner.trim()) {
        (Ok(_), number) if number.parse::<u32>().is_ok() => format!("process {number}"),
        _ => "another process".to_owned(),
    };
    Error::config(format!("{who} already writes the data folder {}", folder.display()))
        .hint("a running `serve` follows the folder by itself: nothing else is needed")
        .hint("stop that process, or give this one another folder with --data FOLDER")
}

/// Opens the writing connection, lays the database out when it is new, and brings an older one up to date.
pub(crate) fn writer(path: &Path, layout: &Layout) -> Result<Connection, Error> {
    // Made by us first, because SQLite would make it readable for everybody; its log files follow its permissions.
    private_file(path).map_err(|error| {
        Error::config(format!("the database {} can't be written", path.display()))
            .hint("check who owns it and whether its disk is full or mounted read-only")
            .because(error)
    })?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let what = "opening the database";
    let mut connection = Connection::open_with_flags(path, flags).doing(what)?;
    connection.busy_timeout(BUSY).doing(what)?;
    prepare(&connection).doing(what)?;
    layout.check(&connection)?;
    // Before the first table: gives space back in small steps after large deletions.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL").doing(what)?;
    connection.pragma_update(None, "journal_mode", "WAL").doing(what)?;
    connection.pragma_update(None, "synchronous", "FULL").doing(what)?;
    connection.pragma_update(None, "foreign_keys", true).doing(what)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB).doing(what)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES).doing(what)?;
    // After a large transaction the log is cut back to this many bytes.
    connection.pragma_update(None, "journal_size_limit", 64_i64 << 20).doing(what)?;
    layout.migrate(&mut connection)?;
    Ok(connection)
}

/// What every connection is set to.
fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Plans are kept whatever is bound: with statistics (`PRAGMA optimize`), SQLite would plan some statements anew for each
    // value, which took a tenth of the time that a search spends in the database.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // What does not fit into its page cache goes to /var/tmp otherwise, where a sealed process may not write: a transaction
    // that changed some hundred pages failed with "unable to open database file".
    connection.pragma_update(None, "temp_store", "MEMORY")
}

/// Opens a connection that only reads.
pub(crate) fn reader(path: &Path) -> Result<Connection, Error> {
    let what = "opening the database to read";
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY)?;
        prepare(&connection)?;
        connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
        connection.pragma_update(None, "query_only", true)?;
        // Reads one page of the database, so that what stands in the way shows here.
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(connection)
    };
    match open() {
        Ok(connection) => Ok(connection),
        // On a read-only disk the log's index can't be made; without a writer the file alone is the whole truth.
        Err(_) if !has_log(path) => immutable(path).doing(what),
        Err(error) => Err(error).doing(what),
    }
}

fn has_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    fs::metadata(PathBuf::from(log)).is_ok_and(|metadata| metadata.len() > 0)
}

fn immutable(path: &Path) -> rusqlite::Result<Connection> {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                uri.push(char::from(*byte))
            }
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(uri, flags)?;
    prepare(&connection)?;
    connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}
