//! Which texts have no vector yet, and which vectors are there?
//!
//! A vector is kept under the hash of the exact text it was computed from: a renamed file, a copy or a document read
//! again costs no second computation, and work that was stopped goes on where it was.

use std::collections::{HashMap, HashSet};

use intramuros_core::error::Error;
use rusqlite::{Connection, OptionalExtension, params};

use crate::body::{embedded_text, heading_text};
use crate::error::{Doing, damaged};
use crate::pool::Store;
use crate::values::{DocumentId, PassageId, PassageKey, Sequence, TextHash};
use crate::write::latest;

/// How far the search for missing vectors came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MissingCursor {
    sequence: Sequence,
    /// Ordinal of the passage after which to go on, within the document changed at `sequence`.
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
    /// Texts that have no vector of a model, in the order of changes from a cursor on, of at most `limit` passages.
    pub fn missing_vectors(
        &self,
        model: &str,
        from: MissingCursor,
        limit: usize,
    ) -> Result<MissingPage, Error> {
        self.read(|connection| {
            let what = "looking for texts without a vector";
            // Read before the passages: a change that comes between is found by the next call.
            let latest = latest(connection)?;
            let rows = missing_rows(connection, model_number(connection, model)?, from, limit).doing(what)?;
            let end = rows.len() < limit;
            let next = match rows.last() {
                Some(row) if !end => {
                    MissingCursor { sequence: row.sequence, ordinal: i64::from(row.key.ordinal) }
                }
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

    /// The vectors of a model for some hashes; hashes without one are left out.
    pub fn vectors(&self, model: &str, hashes: &[TextHash]) -> Result<HashMap<TextHash, Vec<u8>>, Error> {
        self.read(|connection| {
            let what = "reading vectors";
            let number = model_number(connection, model)?;
            let mut statement = connection
                .prepare_cached("SELECT vector FROM vectors WHERE model_id = ?1 AND hash = ?2")
                .doing(what)?;
            let mut found = HashMap::with_capacity(hashes.len());
            for hash in hashes {
                let vector =
                    statement.query_row(params![number, hash.0], |row| row.get(0)).optional().doing(what)?;
                found.extend(vector.map(|vector| (*hash, vector)));
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

/// A passage of which a vector is missing.
struct MissingRow {
    sequence: Sequence,
    key: PassageKey,
    embedded: bool,
    heading_embedded: bool,
}

fn missing_rows(
    connection: &Connection,
    model: i64,
    from: MissingCursor,
    limit: usize,
) -> rusqlite::Result<Vec<MissingRow>> {
    let mut statement = connection.prepare_cached(
        "SELECT c.sequence, p.id, p.document_id, p.ordinal, p.embed_hash, p.heading_hash,
                EXISTS (SELECT 1 FROM vectors v WHERE v.model_id = ?1 AND v.hash = p.embed_hash) AS embedded,
                p.heading_hash IS NULL
                OR EXISTS (SELECT 1 FROM vectors v WHERE v.model_id = ?1 AND v.hash = p.heading_hash) AS headed
         FROM changes c CROSS JOIN passages p INDEXED BY passages_by_document ON p.document_id = c.document_id
         WHERE c.sequence >= ?2 AND (c.sequence > ?2 OR p.ordinal > ?3) AND NOT (embedded AND headed)
         ORDER BY c.sequence, p.ordinal LIMIT ?4",
    )?;
    let values = params![model, from.sequence.0, from.ordinal, limit as i64];
    let rows = statement.query_map(values, |row| {
        let key = PassageKey {
            passage: PassageId(row.get(1)?),
            document: DocumentId(row.get(2)?),
            ordinal: row.get(3)?,
            embed_hash: TextHash(row.get(4)?),
            heading_hash: row.get::<_, Option<_>>(5)?.map(TextHash),
        };
        Ok(MissingRow {
            sequence: Sequence(row.get(0)?),
            key,
            embedded: row.get(6)?,
            heading_embedded: row.get(7)?,
        })
    })?;
    rows.collect()
}

/// The texts behind the rows, each once.
fn missing_texts(connection: &Connection, rows: &[MissingRow]) -> Result<Vec<Missing>, Error> {
    let what = "reading texts to embed";
    let mut statement = connection
        .prepare_cached(
            "SELECT d.context_title, p.headings, p.table_header, p.text
             FROM passages p JOIN documents d ON d.id = p.document_id WHERE p.id = ?1",
        )
        .doing(what)?;
    let mut seen = HashSet::new();
    let mut missing = Vec::new();
    for row in rows {
        let found = statement
            .query_row([row.key.passage.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
            .optional()
            .doing(what)?;
        // Deleted between the two statements: nothing is missing any more.
        let Some((title, headings, table_header, text)) = found else { continue };
        let (embedded, heading) = texts(title, headings, table_header, text)?;
        let heading = row.key.heading_hash.zip(heading).filter(|_| !row.heading_embedded);
        let passage = Some((row.key.embed_hash, embedded)).filter(|_| !row.embedded);
        for (hash, text) in heading.into_iter().chain(passage) {
            if TextHash::of(&text) != hash {
                return Err(damaged("a passage whose text and hash differ"));
            }
            if seen.insert(hash) {
                missing.push(Missing { hash, text });
            }
        }
    }
    Ok(missing)
}

fn texts(
    title: String,
    headings: Option<String>,
    table_header: Option<String>,
    text: String,
) -> Result<(String, Option<String>), Error> {
    let headings: Vec<String> = match headings {
        None => Vec::new(),
        Some(headings) => serde_json::from_str(&headings).map_err(|_| damaged("a passage's headings"))?,
    };
    let passage = intramuros_core::passage::Passage {
        ordinal: 0,
        headings,
        table_header: table_header.unwrap_or_default(),
        range: 0..text.len(),
        text,
        pages: None,
        lines: None,
        section: None,
        language: intramuros_core::language::Language::Other,
    };
    Ok((embedded_text(&title, &passage), heading_text(&title, &passage.headings)))
}
