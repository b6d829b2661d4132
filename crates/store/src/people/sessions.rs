//! Which sessions are open?

use intramuros_accounts::session::Lifetimes;
use intramuros_core::error::Error;
use rusqlite::{OptionalExtension, Row, params};

use super::{NewSession, People, Person, PersonId, Session, persons};
use crate::error::Doing;

const COLUMNS: &str = "id, person_id, way, created_ms, seen_ms, address, browser, sealed";

/// Sessions of one person at a time. 50: the oldest end; nobody has so many browsers.
const MOST_FOR_PERSON: i64 = 50;

impl People {
    /// Opens a session; the oldest of a person who has too many ends.
    pub fn open_session(&self, new: &NewSession, now_ms: i64) -> Result<i64, Error> {
        let what = "opening a session";
        self.change(|transaction| {
            transaction
                .execute(
                    "INSERT INTO sessions(hash, person_id, way, created_ms, seen_ms, address, browser, sealed) \
                     VALUES(?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7)",
                    params![new.hash, new.person.0, new.way, now_ms, new.address, new.browser, new.sealed],
                )
                .doing(what)?;
            let id = transaction.last_insert_rowid();
            transaction
                .execute("UPDATE people SET seen_ms = ?1 WHERE id = ?2", params![now_ms, new.person.0])
                .doing(what)?;
            transaction
                .execute(
                    "DELETE FROM sessions WHERE person_id = ?1 AND id NOT IN \
                     (SELECT id FROM sessions WHERE person_id = ?1 ORDER BY id DESC LIMIT ?2)",
                    params![new.person.0, MOST_FOR_PERSON],
                )
                .doing(what)?;
            Ok(id)
        })
    }

    /// The session of a secret's hash with whose it is; none when it is not there or they may not sign in any more.
    /// Whether it still lives is the caller's to say.
    pub fn session(&self, hash: &[u8; 32]) -> Result<Option<(Session, Person)>, Error> {
        let what = "reading a session";
        self.read(|connection| {
            let sql = format!("SELECT {COLUMNS} FROM sessions WHERE hash = ?1");
            let mut statement = connection.prepare_cached(&sql).doing(what)?;
            let Some(session) = statement.query_row([hash], session).optional().doing(what)? else {
                return Ok(None);
            };
            let person = persons::one(connection, "id = ?1 AND active", &[&session.person.0])?;
            Ok(person.map(|person| (session, person)))
        })
    }

    /// Notes that a session was used.
    pub fn saw_session(&self, id: i64, now_ms: i64) -> Result<(), Error> {
        self.change(|transaction| {
            transaction
                .execute("UPDATE sessions SET seen_ms = ?1 WHERE id = ?2", params![now_ms, id])
                .doing("noting that a session was used")?;
            Ok(())
        })
    }

    /// The open sessions, of one person or of all, the last used first.
    pub fn sessions(&self, person: Option<PersonId>, limit: usize) -> Result<Vec<Session>, Error> {
        let what = "reading the sessions";
        self.read(|connection| {
            let sql = format!(
                "SELECT {COLUMNS} FROM sessions WHERE ?1 IS NULL OR person_id = ?1 ORDER BY seen_ms DESC, id DESC LIMIT ?2"
            );
            let mut statement = connection.prepare_cached(&sql).doing(what)?;
            let rows = statement.query_map(params![person.map(|person| person.0), limit as i64], session).doing(what)?;
            rows.collect::<Result<_, _>>().doing(what)
        })
    }

    /// Whose a session is; none when it is not there.
    pub fn whose_session(&self, id: i64) -> Result<Option<PersonId>, Error> {
        self.read(|connection| {
            let found = connection
                .query_row("SELECT person_id FROM sessions WHERE id = ?1", [id], |row| row.get(0))
                .optional()
                .doing("reading whose a session is")?;
            Ok(found.map(PersonId))
        })
    }

    /// Ends a session, of this person where one is given; says whether it was there.
    pub fn end_session(&self, id: i64, person: Option<PersonId>) -> Result<bool, Error> {
        self.change(|transaction| {
            let ended = transaction
                .execute(
                    "DELETE FROM sessions WHERE id = ?1 AND (?2 IS NULL OR person_id = ?2)",
                    params![id, person.map(|person| person.0)],
                )
                .doing("ending a session")?;
            Ok(ended > 0)
        })
    }

    /// Ends all sessions of a person but one; says how many.
    pub fn end_sessions(&self, person: PersonId, except: Option<i64>) -> Result<u64, Error> {
        self.change(|transaction| {
            let ended = transaction
                .execute(
                    "DELETE FROM sessions WHERE person_id = ?1 AND id IS NOT ?2",
                    params![person.0, except],
                )
                .doing("ending sessions")?;
            Ok(ended as u64)
        })
    }

    /// Forgets the sessions and codes whose time is over; says how many.
    pub fn forget_old(&self, lifetimes: Lifetimes, now_ms: i64) -> Result<u64, Error> {
        let what = "forgetting old sessions";
        self.change(|transaction| {
            let sessions = transaction
                .execute(
                    "DELETE FROM sessions WHERE seen_ms <= ?1 OR created_ms <= ?2",
                    [now_ms - lifetimes.idle_ms, now_ms - lifetimes.whole_ms],
                )
                .doing(what)?;
            let codes =
                transaction.execute("DELETE FROM codes WHERE expires_ms <= ?1", [now_ms]).doing(what)?;
            Ok((sessions + codes) as u64)
        })
    }
}

fn session(row: &Row<'_>) -> rusqlite::Result<Session> {
    Ok(Session {
        id: row.get(0)?,
        person: PersonId(row.get(1)?),
        way: row.get(2)?,
        created_ms: row.get(3)?,
        seen_ms: row.get(4)?,
        address: row.get(5)?,
        browser: row.get(6)?,
        sealed: row.get(7)?,
    })
}
