//! Which texts have no vector yet, and which vectors are there?
//!
//! A vector is kept under the hash of the exact text it was computed from: a renamed file, a copy or a document read
//! again costs no second computation, and work that was stopped goes on where it was.

use std::collections::HashSet;

use intramuros_core::error::Error;
use intramuros_core::language::Language;
use intramuros_core::passage::Passage;
use rusqlite::{Connection, OptionalExtension, params};

use crate::body::embedded_text;
use crate::error::{Doing, damaged};
use crate::pool::Store;
use crate::values::{Sequence, TextHash};
use crate::write::latest;

/// How far the search for missing vectors came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MissingCursor {
    sequence: Sequence,
    /// Ordinal of the passage after which to go on, within the document changed at `sequence`; -1 for its title.
    ordinal: i64,
}

impl MissingCursor {
    /// After everything up to a point in the order of changes.
    pub fn after(sequence: Sequence) -> MissingCursor {
        MissingCursor { sequence, ordinal: i64::MAX }
    }

    /// The point up to which nothing is missing, were all that was handed out computed.
    pub fn sequence(&self) -> Sequence {
        if self.ordinal == i64::MAX { self.sequence } else { Sequence(self.sequence.0 - 1) }
    }
}

/// A text that has no vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Under which its vector is kept.
    pub hash: TextHash,
    /// The exact text to embed.
    pub text: String,
}

/// Some of the texts that have no vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingPage {
    /// The texts, each once; those of recent changes last.
    pub missing: Vec<Missing>,
    /// Where to go on.
    pub next: MissingCursor,
    /// Whether the latest change was reached.
    pub end: bool,
}

impl Store {
    /// Texts that have no vector of a model, in the order of changes from a cursor on, at most `limit`; of each document
    /// its title and the passages with an ordinal below `before`.
    pub fn missing_vectors(
        &self,
        model: &str,
        from: MissingCursor,
        before: u32,
        limit: usize,
    ) -> Result<MissingPage, Error> {
        self.read(|connection| {
            let what = "looking for texts without a vector";
            // Read before the passages: a change that comes between is found by the next call.
            let latest = latest(connection)?;
            let rows = missing_rows(connection, model_number(connection, model)?, from, before, limit)
                .doing(what)?;
            let end = rows.len() < limit;
            let next = match rows.last() {
                Some(row) if !end => MissingCursor { sequence: row.sequence, ordinal: row.ordinal },
                _ => MissingCursor::after(latest.max(from.sequence())),
            };
            let missing = missing_texts(connection, &rows)?;
            Ok(MissingPage { missing, next, end })
        })
    }

    /// Keeps vectors of a model; what is there under the same hash is replaced.
    pub fn put_vectors(&self, model: &str, vectors: &[(TextHash, Vec<u8>)]) -> Result<(), Error> {
        self.write(|connection| {
            let what = "keeping vectors";
            let transaction = connection.transaction().doing(what)?;
            transaction.execute("INSERT OR IGNORE INTO models(name) VALUES(?1)", [model]).doing(what)?;
            let number = model_number(&transaction, model)?;
            {
                let mut statement = transaction
                    .prepare_cached(
                        "INSERT OR REPLACE INTO vectors(model_id, hash, vector) VALUES(?1, ?2, ?3)",
                    )
                    .doing(what)?;
                for (hash, vector) in vectors {
                    statement.execute(params![number, hash.0, vector]).doing(what)?;
                }
            }
            transaction.commit().doing(what)
        })
    }

    /// Hands every vector of a model to `take`, in the order of their hashes.
    pub fn each_vector(&self, model: &str, mut take: impl FnMut(TextHash, &[u8])) -> Result<(), Error> {
        self.read(|connection| {
            let what = "reading the vectors";
            let number = model_number(connection, model)?;
            let mut statement = connection
                .prepare_cached("SELECT hash, vector FROM vectors WHERE model_id = ?1 ORDER BY hash")
                .doing(what)?;
            let mut rows = statement.query([number]).doing(what)?;
            while let Some(row) = rows.next().doing(what)? {
                let hash = TextHash(row.get(0).doing(what)?);
                let vector = row.get_ref(1).doing(what)?.as_blob().map_err(|_| damaged("a vector"))?;
                take(hash, vector);
            }
            Ok(())
        })
    }

    /// The vectors of a model for some hashes, at their places; none where there is no vector. Fastest when many are
    /// asked at once: they are read in the order in which they lie.
    pub fn vectors(&self, model: &str, hashes: &[TextHash]) -> Result<Vec<Option<Vec<u8>>>, Error> {
        let mut order: Vec<usize> = (0..hashes.len()).collect();
        order.sort_unstable_by_key(|place| hashes.get(*place));
        self.read(|connection| {
            let what = "reading vectors";
            let number = model_number(connection, model)?;
            let mut statement = connection
                .prepare_cached("SELECT vector FROM vectors WHERE model_id = ?1 AND hash = ?2")
                .doing(what)?;
            let mut found: Vec<Option<Vec<u8>>> = vec![None; hashes.len()];
            for place in order {
                if let (Some(hash), Some(slot)) = (hashes.get(place), found.get_mut(place)) {
                    *slot = statement
                        .query_row(params![number, hash.0], |row| row.get(0))
                        .optional()
                        .doing(what)?;
                }
            }
            Ok(found)
        })
    }

    /// How many vectors of a model there are.
    pub fn vector_count(&self, model: &str) -> Result<u64, Error> {
        self.read(|connection| {
            let number = model_number(connection, model)?;
            connection
                .query_row("SELECT count(*) FROM vectors WHERE model_id = ?1", [number], |row| {
                    row.get::<_, i64>(0)
                })
                .map(|count| count.max(0) as u64)
                .doing("counting vectors")
        })
    }
}

/// The number of a model; 0, which none has, when there is no vector of it yet.
fn model_number(connection: &Connection, model: &str) -> Result<i64, Error> {
    connection
        .prepare_cached("SELECT id FROM models WHERE name = ?1")
        .and_then(|mut statement| statement.query_row([model], |row| row.get(0)).optional())
        .map(|number| number.unwrap_or(0))
        .doing("reading the models")
}

/// A title or passage whose vector is missing.
struct MissingRow {
    sequence: Sequence,
    /// -1 for the title, which comes before the passages.
    ordinal: i64,
    /// Number of the passage, or of the document for a title.
    id: i64,
    hash: TextHash,
}

fn missing_rows(
    connection: &Connection,
    model: i64,
    from: MissingCursor,
    before: u32,
    limit: usize,
) -> rusqlite::Result<Vec<MissingRow>> {
    let mut rows = Vec::new();
    let passages = "SELECT c.sequence, p.ordinal, p.id, p.embed_hash
         FROM changes c CROSS JOIN passages p INDEXED BY passages_by_document ON p.document_id = c.document_id
         WHERE c.sequence >= ?2 AND (c.sequence > ?2 OR p.ordinal > ?3) AND p.ordinal < ?5
           AND NOT EXISTS (SELECT 1 FROM vectors v WHERE v.model_id = ?1 AND v.hash = p.embed_hash)
         ORDER BY c.sequence, p.ordinal LIMIT ?4";
    let titles = "SELECT c.sequence, -1, d.id, d.title_hash
         FROM changes c CROSS JOIN documents d ON d.id = c.document_id
         WHERE c.sequence >= ?2 AND (c.sequence > ?2 OR -1 > ?3) AND d.title_hash IS NOT NULL AND -1 < ?5
           AND NOT EXISTS (SELECT 1 FROM vectors v WHERE v.model_id = ?1 AND v.hash = d.title_hash)
         ORDER BY c.sequence LIMIT ?4";
    for sql in [passages, titles] {
        let mut statement = connection.prepare_cached(sql)?;
        let values = params![model, from.sequence.0, from.ordinal, limit as i64, before];
        let found = statement.query_map(values, |row| {
            let hash = TextHash(row.get(3)?);
            Ok(MissingRow { sequence: Sequence(row.get(0)?), ordinal: row.get(1)?, id: row.get(2)?, hash })
        })?;
        for row in found {
            rows.push(row?);
        }
    }
    // Both lists are the first of their kind: the first of both together are among them.
    rows.sort_by_key(|row| (row.sequence, row.ordinal));
    rows.truncate(limit);
    Ok(rows)
}

/// The texts behind the rows, each once.
fn missing_texts(connection: &Connection, rows: &[MissingRow]) -> Result<Vec<Missing>, Error> {
    let mut seen = HashSet::new();
    let mut missing = Vec::new();
    for row in rows.iter().filter(|row| seen.insert(row.hash)) {
        let text =
            if row.ordinal < 0 { title_text(connection, row.id)? } else { passage_text(connection, row.id)? };
        // Deleted between the two statements: nothing is missing any more.
        let Some(text) = text else { continue };
        if TextHash::of(&text) != row.hash {
            return Err(damaged("a text and its hash differ"));
        }
        missing.push(Missing { hash: row.hash, text });
    }
    Ok(missing)
}

fn title_text(connection: &Connection, document: i64) -> Result<Option<String>, Error> {
    connection
        .prepare_cached("SELECT context_title FROM documents WHERE id = ?1")
        .and_then(|mut statement| statement.query_row([document], |row| row.get(0)).optional())
        .doing("reading a title to embed")
}

fn passage_text(connection: &Connection, passage: i64) -> Result<Option<String>, Error> {
    let found = connection
        .prepare_cached(
            "SELECT d.context_title, p.headings, p.table_header, p.text
             FROM passages p JOIN documents d ON d.id = p.document_id WHERE p.id = ?1",
        )
        .and_then(|mut statement| {
            statement
                .query_row([passage], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
                .optional()
        })
        .doing("reading a passage to embed")?;
    let Some((title, headings, table_header, text)) = found else { return Ok(None) };
    let (title, headings, table_header): (String, Option<String>, Option<String>) =
        (title, headings, table_header);
    let headings = match headings {
        None => Vec::new(),
        Some(headings) => serde_json::from_str(&headings).map_err(|_| damaged("a passage's headings"))?,
    };
    let passage = Passage {
        ordinal: 0,
        headings,
        table_header: table_header.unwrap_or_default(),
        range: 0..0,
        text,
        pages: None,
        lines: None,
        section: None,
        language: Language::Other,
    };
    Ok(Some(embedded_text(&title, &passage)))
}
