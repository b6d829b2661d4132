//! How is a batch of changes acknowledged, all of it or none?

use std::collections::BTreeSet;

use intramuros_core::access::{AccessId, AccessRule};
use intramuros_core::error::Error;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::body;
use crate::error::{Doing, damaged};
use crate::pool::Store;
use crate::values::{
    DocumentId, FileChange, FileId, FileOutcome, Location, NewDocument, NewFile, Sequence, Source, SourceId,
    Stamp, TextHash,
};

/// A document ready to be written: what takes time was done before the database was locked.
struct Prepared {
    document: NewDocument,
    body: Vec<u8>,
    hashes: Vec<TextHash>,
    digest: [u8; 16],
}

/// A change ready to be written.
enum Ready {
    Put(Box<NewFile>, Vec<Prepared>),
    Other(FileChange),
}

impl Store {
    /// Acknowledges changes, in their order: when this returns, all of them are on disk; on an error, none is.
    /// Returns the latest point in the order of changes.
    ///
    /// # Errors
    /// When the disk is full or refuses, or when a change names a file that is not known.
    pub fn apply(&self, changes: Vec<FileChange>) -> Result<Sequence, Error> {
        let ready = changes.into_iter().map(prepare).collect::<Result<Vec<_>, _>>()?;
        self.write(|connection| {
            let what = "acknowledging what was read";
            let transaction = connection.transaction().doing(what)?;
            for change in ready {
                write(&transaction, change)?;
            }
            let sequence = latest(&transaction)?;
            transaction.commit().doing(what)?;
            Ok(sequence)
        })
    }

    /// Makes a source known, or changes its kind and root; returns its number.
    pub fn put_source(&self, name: &str, kind: &str, root: &[u8]) -> Result<Source, Error> {
        self.write(|connection| {
            let id = connection
                .query_row(
                    "INSERT INTO sources(name, kind, root) VALUES(?1, ?2, ?3)
                     ON CONFLICT(name) DO UPDATE SET kind = excluded.kind, root = excluded.root RETURNING id",
                    params![name, kind, root],
                    |row| row.get(0),
                )
                .doing("keeping a source")?;
            Ok(Source {
                id: SourceId(id),
                name: name.to_owned(),
                kind: kind.to_owned(),
                root: root.to_owned(),
            })
        })
    }

    /// Forgets a source with everything that came from it.
    pub fn remove_source(&self, source: SourceId) -> Result<Sequence, Error> {
        self.write(|connection| {
            let what = "forgetting a source";
            let transaction = connection.transaction().doing(what)?;
            transaction
                .execute(
                    "INSERT OR REPLACE INTO changes(document_id) SELECT d.id FROM documents d
                     JOIN files f ON f.id = d.file_id WHERE f.source_id = ?1 ORDER BY d.id",
                    [source.0],
                )
                .doing(what)?;
            transaction.execute("DELETE FROM sources WHERE id = ?1", [source.0]).doing(what)?;
            let sequence = latest(&transaction)?;
            transaction.commit().doing(what)?;
            Ok(sequence)
        })
    }
}

/// The latest point in the order of changes, also when its row was pruned.
pub(crate) fn latest(connection: &Connection) -> Result<Sequence, Error> {
    connection
        .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'changes'")
        .and_then(|mut statement| statement.query_row([], |row| row.get(0)).optional())
        .map(|sequence| Sequence(sequence.unwrap_or(0)))
        .doing("reading the order of changes")
}

fn prepare(change: FileChange) -> Result<Ready, Error> {
    let FileChange::Put(mut file) = change else { return Ok(Ready::Other(change)) };
    let documents =
        std::mem::take(&mut file.documents).into_iter().map(prepare_document).collect::<Result<_, _>>()?;
    Ok(Ready::Put(file, documents))
}

fn prepare_document(document: NewDocument) -> Result<Prepared, Error> {
    let body = body::pack(&document.blocks)?;
    let text = |passage| body::embedded_text(&document.context_title, passage);
    let hashes: Vec<_> = document.passages.iter().map(|passage| TextHash::of(&text(passage))).collect();
    let digest = body::digest(&document, &body, &hashes);
    Ok(Prepared { document, body, hashes, digest })
}

fn write(transaction: &Transaction<'_>, change: Ready) -> Result<(), Error> {
    match change {
        Ready::Put(file, documents) => put(transaction, &file, &documents),
        Ready::Other(FileChange::Move { file, to, stamp, access }) => {
            move_file(transaction, file, &to, stamp, &access)
        }
        Ready::Other(FileChange::Touch { file, stamp }) => touch(transaction, file, stamp),
        Ready::Other(FileChange::Remove { file }) => remove(transaction, file),
        Ready::Other(FileChange::SetAccess { file, access }) => set_access(transaction, file, &access),
        // `prepare` turns every Put into Ready::Put.
        Ready::Other(FileChange::Put(_)) => {
            Err(Error::internal("a file was not prepared before it was written"))
        }
    }
}

fn put(transaction: &Transaction<'_>, file: &NewFile, documents: &[Prepared]) -> Result<(), Error> {
    let access = intern(transaction, &file.access)?;
    let before = date_at(transaction, &file.location)?;
    let id = put_file_row(transaction, file, access)?;
    let moved_in_time = before.is_some_and(|before| before != file.stamp.modified_ns);
    let mut kept = Vec::with_capacity(documents.len());
    for prepared in documents {
        let access = match &prepared.document.readers {
            None => access,
            only => intern(transaction, &file.access.narrowed(only.as_ref()))?,
        };
        kept.push(put_document(transaction, id, access, prepared, moved_in_time)?);
    }
    remove_other_documents(transaction, id, &kept)
}

fn date_at(transaction: &Transaction<'_>, location: &Location) -> Result<Option<i64>, Error> {
    transaction
        .prepare_cached("SELECT modified_ns FROM files WHERE source_id = ?1 AND path = ?2")
        .and_then(|mut statement| {
            statement.query_row(params![location.source.0, location.path], |row| row.get(0)).optional()
        })
        .doing("reading a file's row")
}

fn put_file_row(transaction: &Transaction<'_>, file: &NewFile, access: AccessId) -> Result<FileId, Error> {
    let (outcome, detail) = outcome_columns(&file.outcome);
    let warnings = match file.warnings.as_slice() {
        [] => None,
        warnings => Some(json(&warnings)?),
    };
    transaction
        .prepare_cached(
            "INSERT INTO files(source_id, path, path_text, size, modified_ns, inode, content_hash, reader_version,
                               access_id, outcome, detail, warnings, changed_ns)
             VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
             ON CONFLICT(source_id, path) DO UPDATE SET size = excluded.size, modified_ns = excluded.modified_ns,
                 inode = excluded.inode, content_hash = excluded.content_hash,
                 reader_version = excluded.reader_version, access_id = excluded.access_id,
                 outcome = excluded.outcome, detail = excluded.detail, warnings = excluded.warnings,
                 changed_ns = excluded.changed_ns
             RETURNING id",
        )
        .and_then(|mut statement| {
            let values = params![
                file.location.source.0,
                file.location.path,
                file.location.path_text(),
                file.stamp.size as i64,
                file.stamp.modified_ns,
                file.stamp.inode as i64,
                file.content_hash,
                file.reader_version,
                access.0,
                outcome,
                detail,
                warnings,
                file.stamp.changed_ns,
            ];
            statement.query_row(values, |row| row.get(0).map(FileId))
        })
        .doing("keeping a file")
}

/// Writes a document unless it is already there as it is; returns its number.
fn put_document(
    transaction: &Transaction<'_>,
    file: FileId,
    access: AccessId,
    prepared: &Prepared,
    moved_in_time: bool,
) -> Result<DocumentId, Error> {
    let what = "keeping a document";
    let known: Option<(i64, Vec<u8>, u32)> = transaction
        .prepare_cached("SELECT id, digest, access_id FROM documents WHERE file_id = ?1 AND part = ?2")
        .and_then(|mut statement| {
            statement
                .query_row(params![file.0, prepared.document.part], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })
                .optional()
        })
        .doing(what)?;
    if let Some((id, digest, known_access)) = &known
        && digest.as_slice() == prepared.digest
    {
        let id = DocumentId(*id);
        if *known_access != access.0 {
            let readers = readers_column(&prepared.document)?;
            transaction
                .execute(
                    "UPDATE documents SET access_id = ?2, readers = ?3 WHERE id = ?1",
                    params![id.0, access.0, readers],
                )
                .doing(what)?;
        }
        let dated_by_file = prepared.document.part.is_empty() || prepared.document.written_ms.is_none();
        if *known_access != access.0 || (moved_in_time && dated_by_file) {
            record(transaction, id)?;
        }
        return Ok(id);
    }
    let id = put_document_row(transaction, file, access, prepared)?;
    if known.is_some() {
        transaction.execute("DELETE FROM passages WHERE document_id = ?1", [id.0]).doing(what)?;
    }
    transaction
        .prepare_cached("INSERT OR REPLACE INTO bodies(document_id, body) VALUES(?1, ?2)")
        .and_then(|mut statement| statement.execute(params![id.0, prepared.body]))
        .doing(what)?;
    put_passages(transaction, id, prepared)?;
    record(transaction, id)?;
    Ok(id)
}

fn put_document_row(
    transaction: &Transaction<'_>,
    file: FileId,
    access: AccessId,
    prepared: &Prepared,
) -> Result<DocumentId, Error> {
    let document = &prepared.document;
    let (outcome, detail) = outcome_columns(&document.outcome);
    let readers = readers_column(document)?;
    transaction
        .prepare_cached(
            "INSERT INTO documents(file_id, part, kind, title, context_title, author, written_ms, language,
                                   access_id, pages, passages, outcome, detail, digest, title_hash, readers)
             VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
             ON CONFLICT(file_id, part) DO UPDATE SET kind = excluded.kind, title = excluded.title,
                 context_title = excluded.context_title, author = excluded.author,
                 written_ms = excluded.written_ms, language = excluded.language, access_id = excluded.access_id,
                 pages = excluded.pages, passages = excluded.passages, outcome = excluded.outcome,
                 detail = excluded.detail, digest = excluded.digest,
                 title_hash = excluded.title_hash, readers = excluded.readers
             RETURNING id",
        )
        .and_then(|mut statement| {
            let values = params![
                file.0,
                document.part,
                document.kind.map(|kind| kind.word()),
                document.title,
                document.context_title,
                document.author,
                document.written_ms,
                document.language.code(),
                access.0,
                document.pages,
                document.passages.len() as i64,
                outcome,
                detail,
                prepared.digest,
                body::title_hash(document).map(|hash| hash.0),
                readers,
            ];
            statement.query_row(values, |row| row.get(0).map(DocumentId))
        })
        .doing("keeping a document")
}

fn put_passages(
    transaction: &Transaction<'_>,
    document: DocumentId,
    prepared: &Prepared,
) -> Result<(), Error> {
    let what = "keeping a passage";
    let mut statement = transaction
        .prepare_cached(
            "INSERT INTO passages(document_id, ordinal, headings, table_header, text, range_start, range_end,
                                  page_first, page_last, line_first, line_last, section, language, embed_hash)
             VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )
        .doing(what)?;
    for (passage, embed_hash) in prepared.document.passages.iter().zip(&prepared.hashes) {
        let headings = if passage.headings.is_empty() { None } else { Some(json(&passage.headings)?) };
        let values = params![
            document.0,
            passage.ordinal,
            headings,
            Some(&passage.table_header).filter(|header| !header.is_empty()),
            passage.text,
            passage.range.start as i64,
            passage.range.end as i64,
            passage.pages.map(|pages| pages.0),
            passage.pages.map(|pages| pages.1),
            passage.lines.map(|lines| lines.0),
            passage.lines.map(|lines| lines.1),
            passage.section,
            passage.language.code(),
            embed_hash.0,
        ];
        statement.execute(values).doing(what)?;
    }
    Ok(())
}

/// Removes the documents of a file that are not among `kept`.
fn remove_other_documents(
    transaction: &Transaction<'_>,
    file: FileId,
    kept: &[DocumentId],
) -> Result<(), Error> {
    let what = "forgetting documents that are gone";
    let kept: std::collections::HashSet<DocumentId> = kept.iter().copied().collect();
    let known: Vec<i64> = transaction
        .prepare_cached("SELECT id FROM documents WHERE file_id = ?1")
        .and_then(|mut statement| statement.query_map([file.0], |row| row.get(0))?.collect())
        .doing(what)?;
    for id in known.into_iter().map(DocumentId).filter(|id| !kept.contains(id)) {
        record(transaction, id)?;
        transaction.execute("DELETE FROM documents WHERE id = ?1", [id.0]).doing(what)?;
    }
    Ok(())
}

fn move_file(
    transaction: &Transaction<'_>,
    file: FileId,
    to: &Location,
    stamp: Stamp,
    access: &AccessRule,
) -> Result<(), Error> {
    let what = "moving a file";
    let there: Option<i64> = transaction
        .query_row(
            "SELECT id FROM files WHERE source_id = ?1 AND path = ?2",
            params![to.source.0, to.path],
            |row| row.get(0),
        )
        .optional()
        .doing(what)?;
    if let Some(other) = there.map(FileId).filter(|other| *other != file) {
        remove(transaction, other)?;
    }
    let id = intern(transaction, access)?;
    let moved = transaction
        .execute(
            "UPDATE files SET source_id = ?2, path = ?3, path_text = ?4, size = ?5, modified_ns = ?6, inode = ?7,
                 access_id = ?8, changed_ns = ?9 WHERE id = ?1",
            params![
                file.0,
                to.source.0,
                to.path,
                to.path_text(),
                stamp.size as i64,
                stamp.modified_ns,
                stamp.inode as i64,
                id.0,
                stamp.changed_ns
            ],
        )
        .doing(what)?;
    expect_known(moved, file)?;
    set_documents_access(transaction, file, access)?;
    record_all(transaction, file)
}

fn touch(transaction: &Transaction<'_>, file: FileId, stamp: Stamp) -> Result<(), Error> {
    let what = "keeping a file's date";
    // Only the date is told to anybody: other rights, or a tree that was unpacked anew, change nothing in the index.
    transaction
        .execute(
            "INSERT OR REPLACE INTO changes(document_id)
             SELECT d.id FROM documents d JOIN files f ON f.id = d.file_id
             WHERE f.id = ?1 AND f.modified_ns <> ?2 AND (d.part = '' OR d.written_ms IS NULL) ORDER BY d.id",
            params![file.0, stamp.modified_ns],
        )
        .doing(what)?;
    let touched = transaction
        .execute(
            "UPDATE files SET size = ?2, modified_ns = ?3, inode = ?4, changed_ns = ?5 WHERE id = ?1",
            params![file.0, stamp.size as i64, stamp.modified_ns, stamp.inode as i64, stamp.changed_ns],
        )
        .doing(what)?;
    expect_known(touched, file)
}

fn remove(transaction: &Transaction<'_>, file: FileId) -> Result<(), Error> {
    record_all(transaction, file)?;
    transaction.execute("DELETE FROM files WHERE id = ?1", [file.0]).doing("forgetting a file")?;
    Ok(())
}

fn set_access(transaction: &Transaction<'_>, file: FileId, access: &AccessRule) -> Result<(), Error> {
    let what = "keeping an access rule";
    let id = intern(transaction, access)?;
    let set = transaction
        .execute("UPDATE files SET access_id = ?2 WHERE id = ?1", params![file.0, id.0])
        .doing(what)?;
    expect_known(set, file)?;
    set_documents_access(transaction, file, access)
}

/// Gives each document of a file its rule: the file's, for those people alone to whom the document narrows it. Notes the
/// documents whose rule changed.
fn set_documents_access(
    transaction: &Transaction<'_>,
    file: FileId,
    access: &AccessRule,
) -> Result<(), Error> {
    let what = "keeping an access rule";
    let lists: Vec<Option<String>> = transaction
        .prepare_cached("SELECT DISTINCT readers FROM documents WHERE file_id = ?1")
        .and_then(|mut statement| statement.query_map([file.0], |row| row.get(0))?.collect())
        .doing(what)?;
    for list in lists {
        let only = list.as_deref().map(serde_json::from_str).transpose();
        let only: Option<BTreeSet<String>> = only.map_err(|_| damaged("the readers of a document"))?;
        let id = intern(transaction, &access.narrowed(only.as_ref()))?;
        transaction
            .execute(
                "INSERT OR REPLACE INTO changes(document_id)
                 SELECT id FROM documents WHERE file_id = ?1 AND readers IS ?2 AND access_id <> ?3 ORDER BY id",
                params![file.0, list, id.0],
            )
            .doing(what)?;
        transaction
            .execute(
                "UPDATE documents SET access_id = ?3 WHERE file_id = ?1 AND readers IS ?2",
                params![file.0, list, id.0],
            )
            .doing(what)?;
    }
    Ok(())
}

fn readers_column(document: &NewDocument) -> Result<Option<String>, Error> {
    document.readers.as_ref().map(json).transpose()
}

fn expect_known(rows: usize, file: FileId) -> Result<(), Error> {
    if rows == 1 {
        Ok(())
    } else {
        Err(Error::internal(format!("file {} is not known to the store", file.0)))
    }
}

/// Notes that a document changed now. The older note goes, so that each document stands once in the order.
fn record(transaction: &Transaction<'_>, document: DocumentId) -> Result<(), Error> {
    transaction
        .prepare_cached("INSERT OR REPLACE INTO changes(document_id) VALUES(?1)")
        .and_then(|mut statement| statement.execute([document.0]))
        .doing("noting a change")?;
    Ok(())
}

fn record_all(transaction: &Transaction<'_>, file: FileId) -> Result<(), Error> {
    transaction
        .execute(
            "INSERT OR REPLACE INTO changes(document_id) SELECT id FROM documents WHERE file_id = ?1 ORDER BY id",
            [file.0],
        )
        .doing("noting changes")?;
    Ok(())
}

/// The number of a rule; equal rules share one.
fn intern(transaction: &Transaction<'_>, rule: &AccessRule) -> Result<AccessId, Error> {
    let what = "keeping an access rule";
    let text = json(rule)?;
    let known: Option<i64> = transaction
        .prepare_cached("SELECT id FROM access_rules WHERE rule = ?1")
        .and_then(|mut statement| statement.query_row([&text], |row| row.get(0)).optional())
        .doing(what)?;
    let id = match known {
        Some(id) => id,
        None => {
            transaction.execute("INSERT INTO access_rules(rule) VALUES(?1)", [&text]).doing(what)?;
            transaction.last_insert_rowid()
        }
    };
    u32::try_from(id).map(AccessId).map_err(|_| damaged("the number of an access rule"))
}

fn outcome_columns(outcome: &FileOutcome) -> (&str, Option<&str>) {
    match outcome {
        FileOutcome::Read => ("read", None),
        FileOutcome::Failed { reason, detail } => (reason, Some(detail)),
    }
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value)
        .map_err(|error| Error::internal("a value could not be written down").because(error))
}
