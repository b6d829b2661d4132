//! What is kept that nobody needs any more?

use std::collections::HashSet;

use intramuros_core::error::Error;
use rusqlite::{Connection, Transaction, params};

use crate::error::Doing;
use crate::pool::Store;
use crate::read::FORGOTTEN;
use crate::values::{Sequence, TextHash};
use crate::write::latest;

/// Rows deleted in one transaction: short enough that a search or a batch of documents hardly waits.
const DELETED_AT_ONCE: usize = 2_000;

/// Pages given back to the disk in one step, for the same reason (8 MB).
const PAGES_AT_ONCE: u32 = 2_000;

/// What [`Store::compact`] removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Vectors that no passage uses.
    pub vectors: usize,
    /// Notes of deletions that everything derived has followed.
    pub deletions: usize,
}

impl Store {
    /// Removes vectors that no passage uses and notes of deletions up to `followed` (the least point that everything
    /// derived has reached), and gives the space back. May be stopped at any moment and does no harm twice.
    pub fn compact(&self, followed: Sequence) -> Result<Compacted, Error> {
        let deletions = self.forget_deletions(followed)?;
        let vectors = self.sweep_vectors()?;
        self.give_space_back()?;
        Ok(Compacted { vectors, deletions })
    }

    /// Removes every vector of a model when another has taken its place, a little at a time, and then all that is known of it.
    /// Stopped in between, it is taken up where it was.
    pub fn forget_model(&self, model: &str) -> Result<(), Error> {
        let what = "forgetting a model's vectors";
        loop {
            let removed = self.write(|connection| {
                connection
                    .execute(
                        "DELETE FROM vectors WHERE (model_id, hash) IN (SELECT model_id, hash FROM vectors
                         WHERE model_id = (SELECT id FROM models WHERE name = ?1) LIMIT ?2)",
                        params![model, DELETED_AT_ONCE as i64],
                    )
                    .doing(what)
            })?;
            if removed == 0 {
                break;
            }
        }
        self.write(|connection| {
            // One that was written between stays, and is removed the next time.
            let sql = "DELETE FROM models WHERE name = ?1 AND NOT EXISTS
                 (SELECT 1 FROM vectors WHERE model_id = models.id)";
            connection.execute(sql, [model]).doing(what)?;
            Ok(())
        })
    }

    /// The models of which there are vectors, or were.
    pub fn models(&self) -> Result<Vec<String>, Error> {
        let what = "reading the models";
        self.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT name FROM models ORDER BY id").doing(what)?;
            let names = statement.query_map([], |row| row.get(0)).doing(what)?;
            names.collect::<Result<_, _>>().doing(what)
        })
    }

    fn forget_deletions(&self, followed: Sequence) -> Result<usize, Error> {
        self.write(|connection| {
            let what = "forgetting deletions";
            let transaction = connection.transaction().doing(what)?;
            let removed = transaction
                .execute(
                    "DELETE FROM changes WHERE sequence <= ?1
                     AND NOT EXISTS (SELECT 1 FROM documents d WHERE d.id = changes.document_id)",
                    [followed.0],
                )
                .doing(what)?;
            if removed > 0 {
                transaction
                    .execute(
                        "INSERT INTO meta(key, value) VALUES(?1, ?2) ON CONFLICT(key) DO UPDATE
                         SET value = max(CAST(value AS INTEGER), CAST(excluded.value AS INTEGER))",
                        params![FORGOTTEN, followed.0.to_string()],
                    )
                    .doing(what)?;
            }
            transaction.commit().doing(what)?;
            Ok(removed)
        })
    }

    fn sweep_vectors(&self) -> Result<usize, Error> {
        let (collected_at, unused) = self.read(|connection| {
            // The point first: what is added between is looked at again before anything is deleted.
            let at = latest(connection)?;
            Ok((at, unused_vectors(connection)?))
        })?;
        let mut removed = 0;
        for batch in unused.chunks(DELETED_AT_ONCE) {
            removed += self.write(|connection| {
                let what = "removing unused vectors";
                let transaction = connection.transaction().doing(what)?;
                let used_again = hashes_changed_since(&transaction, collected_at)?;
                let mut count = 0;
                for (model, hash) in batch.iter().filter(|(_, hash)| !used_again.contains(hash)) {
                    count += transaction
                        .prepare_cached("DELETE FROM vectors WHERE model_id = ?1 AND hash = ?2")
                        .and_then(|mut statement| statement.execute(params![model, hash.0]))
                        .doing(what)?;
                }
                transaction.commit().doing(what)?;
                Ok(count)
            })?;
        }
        Ok(removed)
    }

    fn give_space_back(&self) -> Result<(), Error> {
        let mut before = i64::MAX;
        loop {
            let left: i64 = self.write(|connection| {
                let what = "giving space back";
                connection
                    .prepare(&format!("PRAGMA incremental_vacuum({PAGES_AT_ONCE})"))
                    .and_then(|mut statement| {
                        let mut rows = statement.query([])?;
                        while rows.next()?.is_some() {}
                        Ok(())
                    })
                    .doing(what)?;
                connection.pragma_query_value(None, "freelist_count", |row| row.get(0)).doing(what)
            })?;
            // Nothing left, or nothing more to be had: a database of another origin may not allow it.
            if left == 0 || left >= before {
                break;
            }
            before = left;
        }
        self.write(|connection| {
            let what = "folding the log back";
            // PASSIVE: readers are not waited for; what they still need is folded back later.
            connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).doing(what)?;
            connection.execute_batch("PRAGMA optimize").doing(what)
        })
    }
}

/// Vectors whose text no passage has. Both sides are read in one sweep; 16 bytes for each text are held meanwhile.
fn unused_vectors(connection: &Connection) -> Result<Vec<(i64, TextHash)>, Error> {
    let what = "looking for unused vectors";
    let mut used: HashSet<TextHash> = HashSet::new();
    let mut statement = connection
        .prepare(
            "SELECT embed_hash FROM passages INDEXED BY passages_by_document
             UNION ALL SELECT title_hash FROM documents WHERE title_hash IS NOT NULL",
        )
        .doing(what)?;
    let mut rows = statement.query([]).doing(what)?;
    while let Some(row) = rows.next().doing(what)? {
        used.insert(TextHash(row.get(0).doing(what)?));
    }
    let mut statement = connection.prepare("SELECT model_id, hash FROM vectors").doing(what)?;
    let mut rows = statement.query([]).doing(what)?;
    let mut unused = Vec::new();
    while let Some(row) = rows.next().doing(what)? {
        let hash = TextHash(row.get(1).doing(what)?);
        if !used.contains(&hash) {
            unused.push((row.get(0).doing(what)?, hash));
        }
    }
    Ok(unused)
}

/// Hashes of the passages of documents that changed after a point.
fn hashes_changed_since(transaction: &Transaction<'_>, after: Sequence) -> Result<HashSet<TextHash>, Error> {
    let what = "reading hashes in use";
    let mut statement = transaction
        .prepare_cached(
            "SELECT p.embed_hash FROM changes c
             CROSS JOIN passages p INDEXED BY passages_by_document ON p.document_id = c.document_id
             WHERE c.sequence > ?1
             UNION ALL
             SELECT d.title_hash FROM changes c CROSS JOIN documents d ON d.id = c.document_id
             WHERE c.sequence > ?1 AND d.title_hash IS NOT NULL",
        )
        .doing(what)?;
    let mut rows = statement.query([after.0]).doing(what)?;
    let mut hashes = HashSet::new();
    while let Some(row) = rows.next().doing(what)? {
        hashes.insert(TextHash(row.get(0).doing(what)?));
    }
    Ok(hashes)
}
