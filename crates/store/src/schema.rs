//! How is the database laid out, and how does an older one become a newer one?

use intramuros_core::error::Error;
use rusqlite::Connection;

use crate::error::Doing;

/// How one database is laid out.
pub(crate) struct Layout {
    /// Marks the file as ours.
    pub application: i32,
    /// Step `n` leads from version `n` to `n + 1`. Steps are never changed once released.
    pub steps: &'static [&'static str],
}

/// Version of the layout of documents that this program writes.
pub const VERSION: u32 = DOCUMENTS.version();

/// The database of documents; "IMUR".
pub(crate) const DOCUMENTS: Layout = Layout { application: 0x494D_5552, steps: &[FIRST, SECOND, THIRD] };

/// Why it looks so:
/// - numbers are `AUTOINCREMENT`: an index that lags behind never takes a new document for an old one;
/// - `bodies` stands apart so that reading the documents' rows does not drag their texts along;
/// - `passages_by_document` covers what the vector set needs, so that loading it touches no text;
/// - `vectors` is ordered by hash: loading streams it once, and equal texts share one row;
/// - `changes` holds each document once, at its latest change; the row outlives the document and marks its deletion.
const FIRST: &str = "
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE sources(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    root BLOB NOT NULL
);
CREATE TABLE access_rules(id INTEGER PRIMARY KEY AUTOINCREMENT, rule TEXT NOT NULL UNIQUE);
CREATE TABLE files(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    source_id INTEGER NOT NULL REFERENCES sources(id) ON DELETE CASCADE,
    path BLOB NOT NULL,
    path_text TEXT NOT NULL,
    size INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    content_hash BLOB NOT NULL,
    reader_version INTEGER NOT NULL,
    access_id INTEGER NOT NULL REFERENCES access_rules(id),
    outcome TEXT NOT NULL,
    detail TEXT,
    warnings TEXT,
    UNIQUE(source_id, path)
);
CREATE INDEX files_by_content ON files(content_hash);
CREATE INDEX files_not_read ON files(outcome) WHERE outcome <> 'read';
CREATE TABLE documents(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    file_id INTEGER NOT NULL REFERENCES files(id) ON DELETE CASCADE,
    part TEXT NOT NULL,
    kind TEXT,
    title TEXT,
    context_title TEXT NOT NULL,
    author TEXT,
    written_ms INTEGER,
    language TEXT NOT NULL,
    access_id INTEGER NOT NULL REFERENCES access_rules(id),
    title_hash BLOB,
    pages INTEGER,
    passages INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    detail TEXT,
    digest BLOB NOT NULL,
    UNIQUE(file_id, part)
);
CREATE INDEX documents_not_read ON documents(outcome) WHERE outcome <> 'read';
CREATE TABLE bodies(
    document_id INTEGER PRIMARY KEY REFERENCES documents(id) ON DELETE CASCADE,
    body BLOB NOT NULL
);
CREATE TABLE passages(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    document_id INTEGER NOT NULL REFERENCES documents(id) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    headings TEXT,
    table_header TEXT,
    text TEXT NOT NULL,
    range_start INTEGER NOT NULL,
    range_end INTEGER NOT NULL,
    page_first INTEGER,
    page_last INTEGER,
    line_first INTEGER,
    line_last INTEGER,
    section TEXT,
    language TEXT NOT NULL,
    embed_hash BLOB NOT NULL
);
CREATE INDEX passages_by_document ON passages(document_id, ordinal, embed_hash);
CREATE INDEX documents_with_title_vector ON documents(id, title_hash) WHERE title_hash IS NOT NULL;
CREATE TABLE models(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE);
CREATE TABLE vectors(
    model_id INTEGER NOT NULL REFERENCES models(id),
    hash BLOB NOT NULL,
    vector BLOB NOT NULL,
    PRIMARY KEY(model_id, hash)
) WITHOUT ROWID;
CREATE TABLE changes(
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    document_id INTEGER NOT NULL UNIQUE
);
";

/// The only people who may read a document, of those who may read its file: a list of mail addresses, nothing where it
/// says nothing of it.
const SECOND: &str = "ALTER TABLE documents ADD COLUMN readers TEXT;";

/// When content, rights or name of a file last changed, which its date need not tell. 0 for files that are known already:
/// they are held once against the hash of what they held, and not read anew.
const THIRD: &str = "ALTER TABLE files ADD COLUMN changed_ns INTEGER NOT NULL DEFAULT 0;";

/// The version of an open database; 0 for an empty file.
pub(crate) fn version(connection: &Connection) -> Result<u32, Error> {
    connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .doing("reading the version of the database")
}

impl Layout {
    /// The version that this program writes.
    pub const fn version(&self) -> u32 {
        self.steps.len() as u32
    }

    /// Refuses a database that a newer program wrote, or that is not ours; gives its version otherwise.
    pub fn check(&self, connection: &Connection) -> Result<u32, Error> {
        let version = version(connection)?;
        let known = self.version();
        if version > known {
            return Err(Error::config(format!(
                "the data folder was written by a newer Intramuros (layout {version}; this one knows up to {known})"
            ))
            .hint("use the newer program, or point this one to another data folder"));
        }
        let application: i32 = connection
            .pragma_query_value(None, "application_id", |row| row.get(0))
            .doing("reading the mark of the database")?;
        if version > 0 && application != self.application {
            return Err(Error::config("the database in the data folder belongs to another program")
                .hint("point Intramuros to a folder of its own"));
        }
        Ok(version)
    }

    /// Brings a database to this program's version, one step per transaction.
    pub fn migrate(&self, connection: &mut Connection) -> Result<(), Error> {
        let from = self.check(connection)? as usize;
        for (step, sql) in self.steps.iter().enumerate().skip(from) {
            let what = "laying out the database";
            let transaction = connection.transaction().doing(what)?;
            transaction.execute_batch(sql).doing(what)?;
            transaction.pragma_update(None, "application_id", self.application).doing(what)?;
            transaction.pragma_update(None, "user_version", step as u32 + 1).doing(what)?;
            transaction.commit().doing(what)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_is_taken_once_and_a_step_that_fails_leaves_the_last_whole_one() {
        const STEPS: &[&str] =
            &["CREATE TABLE a(x);", "CREATE TABLE b(x); INSERT INTO b VALUES(1);", "CREATE TABLE b(x);"];
        let mut connection = Connection::open_in_memory().unwrap();
        let layout = |steps: usize| Layout { application: 7, steps: &STEPS[..steps] };
        let rows = |connection: &Connection| {
            connection.query_row("SELECT count(*) FROM b", [], |row| row.get::<_, i64>(0)).unwrap()
        };
        layout(1).migrate(&mut connection).unwrap();
        for _ in 0..2 {
            layout(2).migrate(&mut connection).unwrap();
            assert_eq!((version(&connection).unwrap(), rows(&connection)), (2, 1));
        }
        assert!(layout(3).migrate(&mut connection).is_err());
        assert_eq!((version(&connection).unwrap(), rows(&connection)), (2, 1));
        assert!(layout(1).check(&connection).is_err(), "a newer one is refused");
        assert!(Layout { application: 8, ..layout(2) }.check(&connection).is_err(), "another's is refused");
    }
}
