//! Which one-time codes are out?

use intramuros_core::error::Error;
use rusqlite::{OptionalExtension, params};

use super::{Code, CodeUse, People, Person, PersonId, persons};
use crate::error::Doing;

impl People {
    /// Keeps a new code; earlier ones for the same person and use don't hold any more.
    pub fn add_code(&self, code: &Code, now_ms: i64) -> Result<(), Error> {
        let what = "keeping a code";
        self.change(|transaction| {
            transaction
                .execute("DELETE FROM codes WHERE person_id = ?1 AND use = ?2", params![code.person.0, code.of.word()])
                .doing(what)?;
            transaction
                .execute(
                    "INSERT INTO codes(hash, person_id, use, created_ms, expires_ms) VALUES(?1, ?2, ?3, ?4, ?5)",
                    params![code.hash, code.person.0, code.of.word(), now_ms, code.expires_ms],
                )
                .doing(what)?;
            Ok(())
        })
    }

    /// For whom a code is; none when there is none, it has ended, or its person may not sign in. It stays.
    pub fn person_of_code(&self, hash: &[u8; 32], of: CodeUse, now_ms: i64) -> Result<Option<Person>, Error> {
        self.read(|connection| {
            persons::one(
                connection,
                "id = (SELECT person_id FROM codes WHERE hash = ?1 AND use = ?2 AND expires_ms > ?3) AND active",
                &[hash, &of.word(), &now_ms],
            )
        })
    }

    /// Uses a code up and sets the passphrase of its person, both or neither; gives the person. Of several who use one
    /// code, one succeeds. All earlier sessions of the person end.
    pub fn use_code(
        &self,
        hash: &[u8; 32],
        of: CodeUse,
        passphrase: &str,
        now_ms: i64,
    ) -> Result<Option<PersonId>, Error> {
        let what = "using a code";
        self.change(|transaction| {
            let found: Option<i64> = transaction
                .query_row(
                    "DELETE FROM codes WHERE hash = ?1 AND use = ?2 AND expires_ms > ?3 RETURNING person_id",
                    params![hash, of.word(), now_ms],
                    |row| row.get(0),
                )
                .optional()
                .doing(what)?;
            let Some(id) = found else { return Ok(None) };
            transaction
                .execute("UPDATE people SET passphrase = ?1 WHERE id = ?2", params![passphrase, id])
                .doing(what)?;
            transaction.execute("DELETE FROM sessions WHERE person_id = ?1", [id]).doing(what)?;
            Ok(Some(PersonId(id)))
        })
    }
}
