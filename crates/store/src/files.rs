//! Which files are known, which could not be read, and how much is there?

use std::collections::BTreeMap;

use intramuros_core::access::AccessId;
use intramuros_core::error::Error;
use intramuros_core::perimeter::ATTACHED;
use rusqlite::{OptionalExtension, Row, params};

use crate::error::Doing;
use crate::pool::Store;
use crate::values::{
    Counts, Failure, FileId, FileOutcome, KnownFile, Location, Source, SourceCounts, SourceId, Stamp,
};

const FILE_COLUMNS: &str = "id, source_id, path, size, modified_ns, inode, content_hash, reader_version, access_id, \
     outcome, detail, changed_ns";

impl Store {
    /// The sources, by name.
    pub fn sources(&self) -> Result<Vec<Source>, Error> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT id, name, kind, root FROM sources ORDER BY name")
                .and_then(|mut statement| {
                    statement
                        .query_map([], |row| {
                            Ok(Source {
                                id: SourceId(row.get(0)?),
                                name: row.get(1)?,
                                kind: row.get(2)?,
                                root: row.get(3)?,
                            })
                        })?
                        .collect()
                })
                .doing("reading the sources")
        })
    }

    /// Hands every known file of a source to `take`, in the order of their numbers.
    pub fn each_file(&self, source: SourceId, mut take: impl FnMut(KnownFile)) -> Result<(), Error> {
        self.read(|connection| {
            let what = "reading the known files";
            let sql = format!("SELECT {FILE_COLUMNS} FROM files WHERE source_id = ?1 ORDER BY id");
            let mut statement = connection.prepare_cached(&sql).doing(what)?;
            let mut rows = statement.query([source.0]).doing(what)?;
            while let Some(row) = rows.next().doing(what)? {
                take(known_file(row).doing(what)?);
            }
            Ok(())
        })
    }

    /// Hands every known file at a path or below it to `take`. An empty path is the source's root.
    pub fn each_file_under(
        &self,
        source: SourceId,
        path: &[u8],
        mut take: impl FnMut(KnownFile),
    ) -> Result<(), Error> {
        if path.is_empty() {
            return self.each_file(source, take);
        }
        if let Some(file) = self.file_at(&Location { source, path: path.to_vec() })? {
            take(file);
        }
        // Everything below starts with the path and `/`; `0` is the byte after `/`.
        let (first, last) = ([path, b"/"].concat(), [path, b"0"].concat());
        self.read(|connection| {
            let what = "reading the known files of a folder";
            let sql = format!(
                "SELECT {FILE_COLUMNS} FROM files WHERE source_id = ?1 AND path >= ?2 AND path < ?3 ORDER BY path"
            );
            let mut statement = connection.prepare_cached(&sql).doing(what)?;
            let mut rows = statement.query(params![source.0, first, last]).doing(what)?;
            while let Some(row) = rows.next().doing(what)? {
                take(known_file(row).doing(what)?);
            }
            Ok(())
        })
    }

    /// A file by its number.
    pub fn file(&self, file: FileId) -> Result<Option<KnownFile>, Error> {
        self.one_file("id = ?1", params![file.0])
    }

    /// The file that is known at a location.
    pub fn file_at(&self, location: &Location) -> Result<Option<KnownFile>, Error> {
        self.one_file("source_id = ?1 AND path = ?2", params![location.source.0, location.path])
    }

    /// The files with a content, at most `limit`.
    pub fn files_with_content(&self, content_hash: &[u8; 32], limit: usize) -> Result<Vec<KnownFile>, Error> {
        self.read(|connection| {
            let sql =
                format!("SELECT {FILE_COLUMNS} FROM files WHERE content_hash = ?1 ORDER BY id LIMIT ?2");
            connection
                .prepare_cached(&sql)
                .and_then(|mut statement| {
                    statement.query_map(params![content_hash, limit as i64], known_file)?.collect()
                })
                .doing("looking for a content")
        })
    }

    /// Warnings kept for a file: what was left out and why.
    pub fn warnings(&self, file: FileId) -> Result<Vec<String>, Error> {
        let text: Option<Option<String>> = self.read(|connection| {
            connection
                .prepare_cached("SELECT warnings FROM files WHERE id = ?1")
                .and_then(|mut statement| statement.query_row([file.0], |row| row.get(0)).optional())
                .doing("reading a file's warnings")
        })?;
        let Some(text) = text.flatten() else { return Ok(Vec::new()) };
        serde_json::from_str(&text).map_err(|_| crate::error::damaged("a file's warnings"))
    }

    /// Files and parts that were not read, files first, each by its number; `offset` of them skipped, at most `limit`.
    pub fn failures(&self, offset: usize, limit: usize) -> Result<Vec<Failure>, Error> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT id, source_id, path, '', outcome, detail, access_id, 0 AS position
                       FROM files WHERE outcome <> 'read'
                        AND source_id IS NOT (SELECT id FROM sources WHERE name = ?3)
                     UNION ALL
                     SELECT f.id, f.source_id, f.path, d.part, d.outcome, d.detail, d.access_id, d.id
                       FROM documents d JOIN files f ON f.id = d.file_id WHERE d.outcome <> 'read'
                        AND f.source_id IS NOT (SELECT id FROM sources WHERE name = ?3)
                     ORDER BY position, 1 LIMIT ?2 OFFSET ?1",
                )
                .and_then(|mut statement| {
                    statement.query_map(params![offset as i64, limit as i64, ATTACHED], failure)?.collect()
                })
                .doing("reading what was not read")
        })
    }

    /// How much there is of each source, in the order of their numbers.
    pub fn counts_by_source(&self) -> Result<Vec<SourceCounts>, Error> {
        self.read(|connection| {
            let what = "counting by source";
            let sql = "SELECT s.name, (SELECT count(*) FROM files f WHERE f.source_id = s.id),
                 (SELECT count(*) FROM documents d JOIN files f ON f.id = d.file_id
                  WHERE f.source_id = s.id AND d.outcome = 'read') FROM sources s WHERE s.name <> ?1 ORDER BY s.id";
            let mut statement = connection.prepare_cached(sql).doing(what)?;
            let one = |row: &rusqlite::Row<'_>| {
                let (files, documents) = (count(row, 1)?, count(row, 2)?);
                Ok(SourceCounts { name: row.get(0)?, files, documents, failed: BTreeMap::new() })
            };
            let mut sources: Vec<SourceCounts> =
                statement.query_map([ATTACHED], one).doing(what)?.collect::<Result<_, _>>().doing(what)?;
            let sql = "SELECT s.name, x.outcome, count(*) FROM (
                     SELECT source_id, outcome FROM files WHERE outcome <> 'read'
                     UNION ALL SELECT f.source_id, d.outcome FROM documents d JOIN files f ON f.id = d.file_id
                     WHERE d.outcome <> 'read'
                 ) x JOIN sources s ON s.id = x.source_id GROUP BY s.name, x.outcome";
            let mut statement = connection.prepare_cached(sql).doing(what)?;
            let mut rows = statement.query([]).doing(what)?;
            while let Some(row) = rows.next().doing(what)? {
                let (name, outcome): (String, String) = (row.get(0).doing(what)?, row.get(1).doing(what)?);
                if let Some(source) = sources.iter_mut().find(|source| source.name == name) {
                    source.failed.insert(outcome, count(row, 2).doing(what)?);
                }
            }
            Ok(sources)
        })
    }

    /// How much there is, but for what is attached to conversations.
    pub fn counts(&self) -> Result<Counts, Error> {
        self.read(|connection| {
            let what = "counting";
            let mut counts = Counts::default();
            connection
                .query_row(
                    "SELECT count(*), coalesce(sum(size), 0), coalesce(sum(outcome = 'read'), 0) FROM files
                     WHERE source_id IS NOT (SELECT id FROM sources WHERE name = ?1)",
                    [ATTACHED],
                    |row| {
                        counts.files = count(row, 0)?;
                        counts.bytes = count(row, 1)?;
                        counts.files_read = count(row, 2)?;
                        Ok(())
                    },
                )
                .doing(what)?;
            connection
                .query_row(
                    "SELECT count(*), coalesce(sum(passages), 0) FROM documents WHERE outcome = 'read' AND file_id NOT IN
                     (SELECT id FROM files WHERE source_id = (SELECT id FROM sources WHERE name = ?1))",
                    [ATTACHED],
                    |row| {
                        counts.documents = count(row, 0)?;
                        counts.passages = count(row, 1)?;
                        Ok(())
                    },
                )
                .doing(what)?;
            let mut statement = connection
                .prepare_cached(
                    "SELECT outcome, count(*) FROM (
                         SELECT outcome FROM files WHERE outcome <> 'read'
                            AND source_id IS NOT (SELECT id FROM sources WHERE name = ?1)
                         UNION ALL SELECT outcome FROM documents WHERE outcome <> 'read' AND file_id NOT IN
                            (SELECT id FROM files WHERE source_id = (SELECT id FROM sources WHERE name = ?1))
                     ) GROUP BY outcome",
                )
                .doing(what)?;
            let failed = statement.query_map([ATTACHED], |row| Ok((row.get(0)?, count(row, 1)?))).doing(what)?;
            counts.failed = failed.collect::<Result<_, _>>().doing(what)?;
            Ok(counts)
        })
    }

    fn one_file(&self, condition: &str, values: impl rusqlite::Params) -> Result<Option<KnownFile>, Error> {
        self.read(|connection| {
            connection
                .prepare_cached(&format!("SELECT {FILE_COLUMNS} FROM files WHERE {condition}"))
                .and_then(|mut statement| statement.query_row(values, known_file).optional())
                .doing("reading a known file")
        })
    }
}

fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(|count| count.max(0) as u64)
}

/// An outcome from its two columns.
pub(crate) fn outcome(word: String, detail: Option<String>) -> FileOutcome {
    if word == "read" {
        FileOutcome::Read
    } else {
        FileOutcome::Failed { reason: word, detail: detail.unwrap_or_default() }
    }
}

fn known_file(row: &Row<'_>) -> rusqlite::Result<KnownFile> {
    Ok(KnownFile {
        id: FileId(row.get(0)?),
        location: Location { source: SourceId(row.get(1)?), path: row.get(2)? },
        stamp: Stamp {
            size: row.get::<_, i64>(3)? as u64,
            modified_ns: row.get(4)?,
            inode: row.get::<_, i64>(5)? as u64,
            changed_ns: row.get(11)?,
        },
        content_hash: row.get(6)?,
        reader_version: row.get(7)?,
        access: AccessId(row.get(8)?),
        outcome: outcome(row.get(9)?, row.get(10)?),
    })
}

fn failure(row: &Row<'_>) -> rusqlite::Result<Failure> {
    Ok(Failure {
        file: FileId(row.get(0)?),
        location: Location { source: SourceId(row.get(1)?), path: row.get(2)? },
        part: row.get(3)?,
        reason: row.get(4)?,
        detail: row.get::<_, Option<String>>(5)?.unwrap_or_default(),
        access: AccessId(row.get(6)?),
    })
}
