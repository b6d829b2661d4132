//! What do these documents and passages say now, and which changed?

use intramuros_core::access::{AccessId, AccessRule};
use intramuros_core::document::{Block, Kind};
use intramuros_core::error::Error;
use intramuros_core::language::Language;
use intramuros_core::passage::Passage;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::body;
use crate::error::{Doing, damaged};
use crate::files::outcome;
use crate::pool::Store;
use crate::values::{
    Change, Document, DocumentId, FileId, Location, PassageId, PassageKey, Sequence, SourceId, StoredPassage,
    TextHash,
};
use crate::write::latest;

/// Where the meta table keeps the point up to which deletions were forgotten.
pub(crate) const FORGOTTEN: &str = "forgotten";

const DOCUMENTS: &str =
    "SELECT d.id, d.file_id, f.source_id, f.path, d.part, d.kind, d.title, d.context_title,
    d.author, d.written_ms, f.modified_ns, d.language, d.access_id, d.pages, d.passages, d.outcome, d.detail,
    d.title_hash
    FROM documents d JOIN files f ON f.id = d.file_id";

const PASSAGES: &str =
    "SELECT id, document_id, ordinal, headings, table_header, text, range_start, range_end,
    page_first, page_last, line_first, line_last, section, language, embed_hash FROM passages";

impl Store {
    /// A document; none when it is not there (any more).
    pub fn document(&self, id: DocumentId) -> Result<Option<Document>, Error> {
        self.read(|connection| {
            connection
                .prepare_cached(&format!("{DOCUMENTS} WHERE d.id = ?1"))
                .and_then(|mut statement| statement.query_row([id.0], document).optional())
                .doing("reading a document")
        })
    }

    /// Documents by number; those that are gone are left out.
    pub fn documents(&self, ids: &[DocumentId]) -> Result<Vec<Document>, Error> {
        self.read(|connection| {
            let what = "reading documents";
            let mut statement =
                connection.prepare_cached(&format!("{DOCUMENTS} WHERE d.id = ?1")).doing(what)?;
            let mut found = Vec::with_capacity(ids.len());
            for id in ids {
                found.extend(statement.query_row([id.0], document).optional().doing(what)?);
            }
            Ok(found)
        })
    }

    /// Documents in the order of their numbers, from the one after `after` on, at most `limit`.
    pub fn documents_after(&self, after: DocumentId, limit: usize) -> Result<Vec<Document>, Error> {
        self.read(|connection| {
            connection
                .prepare_cached(&format!("{DOCUMENTS} WHERE d.id > ?1 ORDER BY d.id LIMIT ?2"))
                .and_then(|mut statement| {
                    statement.query_map(params![after.0, limit as i64], document)?.collect()
                })
                .doing("reading documents")
        })
    }

    /// The documents of a file: itself first, then its parts.
    pub fn documents_of(&self, file: FileId) -> Result<Vec<Document>, Error> {
        self.read(|connection| {
            connection
                .prepare_cached(&format!("{DOCUMENTS} WHERE d.file_id = ?1 ORDER BY d.part <> '', d.id"))
                .and_then(|mut statement| statement.query_map([file.0], document)?.collect())
                .doing("reading a file's documents")
        })
    }

    /// The text of a document, block by block; none when the document is not there.
    pub fn body(&self, id: DocumentId) -> Result<Option<Vec<Block>>, Error> {
        let packed: Option<Vec<u8>> = self.read(|connection| {
            connection
                .prepare_cached("SELECT body FROM bodies WHERE document_id = ?1")
                .and_then(|mut statement| statement.query_row([id.0], |row| row.get(0)).optional())
                .doing("reading a document's text")
        })?;
        packed.map(|packed| body::unpack(&packed)).transpose()
    }

    /// The documents whose text can't be unpacked any more, in the order of their numbers. Reads every text, one at a
    /// time.
    pub fn damaged_bodies(&self) -> Result<Vec<DocumentId>, Error> {
        self.read(|connection| {
            let what = "reading every document's text";
            let sql = "SELECT document_id, body FROM bodies ORDER BY document_id";
            let mut statement = connection.prepare_cached(sql).doing(what)?;
            let mut rows = statement.query([]).doing(what)?;
            let mut damaged = Vec::new();
            while let Some(row) = rows.next().doing(what)? {
                let packed = row.get_ref(1).doing(what)?.as_blob();
                if packed.is_ok_and(|packed| body::unpack(packed).is_ok()) {
                    continue;
                }
                damaged.push(DocumentId(row.get(0).doing(what)?));
            }
            Ok(damaged)
        })
    }

    /// The passages of a document, in order.
    pub fn passages_of(&self, document: DocumentId) -> Result<Vec<StoredPassage>, Error> {
        self.read(|connection| {
            connection
                .prepare_cached(&format!("{PASSAGES} WHERE document_id = ?1 ORDER BY ordinal"))
                .and_then(|mut statement| statement.query_map([document.0], passage)?.collect())
                .doing("reading a document's passages")
        })
    }

    /// Passages of a document whose ordinals lie in `ordinals`: the neighbours of a hit.
    pub fn passages_around(
        &self,
        document: DocumentId,
        ordinals: std::ops::RangeInclusive<u32>,
    ) -> Result<Vec<StoredPassage>, Error> {
        self.read(|connection| {
            connection
                .prepare_cached(&format!(
                    "{PASSAGES} WHERE document_id = ?1 AND ordinal BETWEEN ?2 AND ?3 ORDER BY ordinal"
                ))
                .and_then(|mut statement| {
                    statement
                        .query_map(params![document.0, ordinals.start(), ordinals.end()], passage)?
                        .collect()
                })
                .doing("reading the passages around one")
        })
    }

    /// Passages by number, in the order asked; those that are gone are left out.
    pub fn passages(&self, ids: &[PassageId]) -> Result<Vec<StoredPassage>, Error> {
        self.read(|connection| {
            let what = "reading passages";
            let mut statement =
                connection.prepare_cached(&format!("{PASSAGES} WHERE id = ?1")).doing(what)?;
            let mut found = Vec::with_capacity(ids.len());
            for id in ids {
                found.extend(statement.query_row([id.0], passage).optional().doing(what)?);
            }
            Ok(found)
        })
    }

    /// Hands the key of every passage to `take`, in the order of documents and of passages within them. Reads no text.
    pub fn each_passage_key(&self, mut take: impl FnMut(PassageKey)) -> Result<(), Error> {
        self.read(|connection| {
            let what = "reading which vectors belong to which passage";
            let sql = "SELECT id, document_id, ordinal, embed_hash
                       FROM passages INDEXED BY passages_by_document ORDER BY document_id, ordinal";
            let mut statement = connection.prepare_cached(sql).doing(what)?;
            let mut rows = statement.query([]).doing(what)?;
            while let Some(row) = rows.next().doing(what)? {
                take(passage_key(row).doing(what)?);
            }
            Ok(())
        })
    }

    /// The keys of a document's passages.
    pub fn passage_keys(&self, document: DocumentId) -> Result<Vec<PassageKey>, Error> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT id, document_id, ordinal, embed_hash
                     FROM passages INDEXED BY passages_by_document WHERE document_id = ?1 ORDER BY ordinal",
                )
                .and_then(|mut statement| statement.query_map([document.0], passage_key)?.collect())
                .doing("reading which vectors belong to a document")
        })
    }

    /// Hands every document whose title has a vector of its own to `take`, with the hash of the title.
    pub fn each_title_key(&self, mut take: impl FnMut(DocumentId, TextHash)) -> Result<(), Error> {
        self.read(|connection| {
            let what = "reading which vectors belong to which title";
            let sql = "SELECT id, title_hash FROM documents WHERE title_hash IS NOT NULL ORDER BY id";
            let mut statement = connection.prepare_cached(sql).doing(what)?;
            let mut rows = statement.query([]).doing(what)?;
            while let Some(row) = rows.next().doing(what)? {
                take(DocumentId(row.get(0).doing(what)?), TextHash(row.get(1).doing(what)?));
            }
            Ok(())
        })
    }

    /// The highest number of an access rule; 0 when there is none. Rules are added and never changed.
    pub fn highest_access(&self) -> Result<AccessId, Error> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT coalesce(max(id), 0) FROM access_rules")
                .and_then(|mut statement| statement.query_row([], |row| row.get(0).map(AccessId)))
                .doing("reading the access rules")
        })
    }

    /// Every access rule with its number.
    pub fn access_rules(&self) -> Result<Vec<(AccessId, AccessRule)>, Error> {
        self.read(|connection| {
            let what = "reading the access rules";
            let mut statement =
                connection.prepare_cached("SELECT id, rule FROM access_rules ORDER BY id").doing(what)?;
            let mut rows = statement.query([]).doing(what)?;
            let mut rules = Vec::new();
            while let Some(row) = rows.next().doing(what)? {
                let text: String = row.get(1).doing(what)?;
                let rule = serde_json::from_str(&text).map_err(|_| damaged("an access rule"))?;
                rules.push((AccessId(row.get(0).doing(what)?), rule));
            }
            Ok(rules)
        })
    }

    /// The latest point in the order of changes.
    pub fn latest(&self) -> Result<Sequence, Error> {
        self.read(latest)
    }

    /// The documents that changed after a point, oldest change first, at most `limit`. From 0 on it gives every
    /// document that there is.
    pub fn changes_since(&self, after: Sequence, limit: usize) -> Result<Vec<Change>, Error> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT sequence, document_id FROM changes WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
                )
                .and_then(|mut statement| {
                    statement
                        .query_map(params![after.0, limit as i64], |row| {
                            Ok(Change { sequence: Sequence(row.get(0)?), document: DocumentId(row.get(1)?) })
                        })?
                        .collect()
                })
                .doing("reading the changes")
        })
    }

    /// The point up to which deletions were forgotten. Whoever opens something derived that had reached an earlier
    /// point (other than 0) must start it anew: it may hold documents whose deletion nobody notes any more.
    pub fn forgotten(&self) -> Result<Sequence, Error> {
        self.read(forgotten)
    }
}

fn forgotten(connection: &Connection) -> Result<Sequence, Error> {
    let text: Option<String> = connection
        .prepare_cached("SELECT value FROM meta WHERE key = ?1")
        .and_then(|mut statement| statement.query_row([FORGOTTEN], |row| row.get(0)).optional())
        .doing("reading up to where deletions were forgotten")?;
    match text {
        None => Ok(Sequence(0)),
        Some(text) => {
            text.parse().map(Sequence).map_err(|_| damaged("the point up to which deletions were forgotten"))
        }
    }
}

fn document(row: &Row<'_>) -> rusqlite::Result<Document> {
    let kind: Option<String> = row.get(5)?;
    let language: String = row.get(11)?;
    Ok(Document {
        id: DocumentId(row.get(0)?),
        file: FileId(row.get(1)?),
        location: Location { source: SourceId(row.get(2)?), path: row.get(3)? },
        part: row.get(4)?,
        kind: kind.and_then(|kind| Kind::from_word(&kind)),
        declared_title: row.get(6)?,
        context_title: row.get(7)?,
        author: row.get(8)?,
        written_ms: row.get(9)?,
        modified_ms: row.get::<_, i64>(10)?.div_euclid(1_000_000),
        language: Language::from_code(&language),
        access: AccessId(row.get(12)?),
        pages: row.get(13)?,
        passages: row.get(14)?,
        outcome: outcome(row.get(15)?, row.get(16)?),
        title_hash: row.get::<_, Option<_>>(17)?.map(TextHash),
    })
}

/// A passage from a row of [`PASSAGES`].
fn passage(row: &Row<'_>) -> rusqlite::Result<StoredPassage> {
    let headings: Option<String> = row.get(3)?;
    let language: String = row.get(13)?;
    let headings = match headings {
        None => Vec::new(),
        Some(text) => serde_json::from_str(&text).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(3, rusqlite::types::Type::Text, Box::new(error))
        })?,
    };
    Ok(StoredPassage {
        id: PassageId(row.get(0)?),
        document: DocumentId(row.get(1)?),
        embed_hash: TextHash(row.get(14)?),
        passage: Passage {
            ordinal: row.get(2)?,
            headings,
            table_header: row.get::<_, Option<String>>(4)?.unwrap_or_default(),
            text: row.get(5)?,
            range: row.get::<_, i64>(6)?.max(0) as usize..row.get::<_, i64>(7)?.max(0) as usize,
            pages: pair(row, 8)?,
            lines: pair(row, 10)?,
            section: row.get(12)?,
            language: Language::from_code(&language),
        },
    })
}

fn pair(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<(u32, u32)>> {
    let first: Option<u32> = row.get(column)?;
    let last: Option<u32> = row.get(column + 1)?;
    Ok(first.zip(last))
}

fn passage_key(row: &Row<'_>) -> rusqlite::Result<PassageKey> {
    Ok(PassageKey {
        passage: PassageId(row.get(0)?),
        document: DocumentId(row.get(1)?),
        ordinal: row.get(2)?,
        embed_hash: TextHash(row.get(3)?),
    })
}

#[cfg(test)]
mod tests {
    use intramuros_core::document::{BlockKind, Place};

    use super::*;

    #[test]
    fn a_text_that_is_damaged_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let text = "Le lierre couvre trois murs. ".repeat(40);
        let good =
            body::pack(&[Block { kind: BlockKind::Paragraph, text, place: Place::default() }]).unwrap();
        let cut = good.split_at(good.len() / 2).0.to_vec();
        let no_json = lz4_flex::compress_prepend_size(b"[{");
        store
            .write(|connection| {
                // Texts alone, without what they belong to.
                connection.pragma_update(None, "foreign_keys", false).doing("testing")?;
                for (number, packed) in [(1, &good), (2, &cut), (3, &good), (4, &no_json), (5, &Vec::new())] {
                    connection
                        .execute(
                            "INSERT INTO bodies(document_id, body) VALUES(?1, ?2)",
                            params![number, packed],
                        )
                        .doing("testing")?;
                }
                Ok(())
            })
            .unwrap();
        assert_eq!(store.damaged_bodies().unwrap(), [2, 4, 5].map(DocumentId));
    }
}
