//! Which tokens open the door for programs?

use std::collections::BTreeSet;

use intramuros_accounts::{Scopes, names};
use intramuros_core::error::Error;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{NewToken, People, Person, PersonId, Taken, Token, TokenId, persons};
use crate::error::{Doing, damaged};

const COLUMNS: &str =
    "id, hint, person_id, name, scopes, groups, made_by, created_ms, expires_ms, used_ms, maker_id";

impl People {
    /// Keeps a new token, unless it is a program's and another program has or had its name: it would be taken for that
    /// one, and read what that one brought.
    pub fn add_token(&self, new: &NewToken, now_ms: i64) -> Result<Result<TokenId, Taken>, Error> {
        let what = "adding a token";
        let groups = serde_json::to_string(&new.groups).unwrap_or_default();
        self.change(|transaction| {
            if new.person.is_none() {
                if is_service(transaction, &new.name)? {
                    return Ok(Err(Taken::Name));
                }
                transaction.execute("INSERT INTO services(name) VALUES(?1)", [&new.name]).doing(what)?;
            }
            transaction
                .execute(
                    "INSERT INTO tokens(hash, person_id, name, hint, scopes, groups, made_by, created_ms, expires_ms, \
                     maker_id) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                    params![
                        new.hash,
                        new.person.map(|person| person.0),
                        new.name,
                        new.hint,
                        new.scopes.text(),
                        groups,
                        new.made_by,
                        now_ms,
                        new.expires_ms,
                        new.maker.map(|maker| maker.0)
                    ],
                )
                .doing(what)?;
            Ok(Ok(TokenId(transaction.last_insert_rowid())))
        })
    }

    /// The token of a hash, with whose it is (none for a service's); nothing when it is not there, its person may not sign
    /// in any more, or it holds with who made it and they may not administer any more. Whether it has ended is the
    /// caller's to say.
    pub fn token(&self, hash: &[u8; 32]) -> Result<Option<(Token, Option<Person>)>, Error> {
        let what = "reading a token";
        self.read(|connection| {
            let sql = format!("SELECT {COLUMNS} FROM tokens WHERE hash = ?1");
            let mut statement = connection.prepare_cached(&sql).doing(what)?;
            let Some(found) = statement.query_row([hash], row).optional().doing(what)? else {
                return Ok(None);
            };
            let token = complete(found)?;
            let Some(id) = token.person else {
                let holds = match token.maker {
                    Some(maker) => {
                        let maker = persons::one(connection, "id = ?1 AND active", &[&maker.0])?;
                        token.scopes.hold_with(maker.map(|maker| maker.role))
                    }
                    None => true,
                };
                return Ok(holds.then_some((token, None)));
            };
            let person = persons::one(connection, "id = ?1 AND active", &[&id.0])?;
            Ok(person.map(|person| (token, Some(person))))
        })
    }

    /// The tokens of one person, or all, the newest first.
    pub fn tokens(&self, person: Option<PersonId>, limit: usize) -> Result<Vec<Token>, Error> {
        let what = "reading the tokens";
        self.read(|connection| {
            let sql = format!(
                "SELECT {COLUMNS} FROM tokens WHERE ?1 IS NULL OR person_id = ?1 ORDER BY id DESC LIMIT ?2"
            );
            let mut statement = connection.prepare_cached(&sql).doing(what)?;
            let rows =
                statement.query_map(params![person.map(|person| person.0), limit as i64], row).doing(what)?;
            rows.map(|row| complete(row.doing(what)?)).collect()
        })
    }

    /// Whose a token is; nothing when it is not there, and nobody's when it is a service's.
    pub fn whose_token(&self, id: TokenId) -> Result<Option<Option<PersonId>>, Error> {
        self.read(|connection| {
            let found = connection
                .query_row("SELECT person_id FROM tokens WHERE id = ?1", [id.0], |row| {
                    row.get::<_, Option<i64>>(0)
                })
                .optional()
                .doing("reading whose a token is")?;
            Ok(found.map(|person| person.map(PersonId)))
        })
    }

    /// Notes that a token was used.
    pub fn used_token(&self, id: TokenId, now_ms: i64) -> Result<(), Error> {
        self.change(|transaction| {
            transaction
                .execute("UPDATE tokens SET used_ms = ?1 WHERE id = ?2", params![now_ms, id.0])
                .doing("noting that a token was used")?;
            Ok(())
        })
    }

    /// Revokes a token, of this person where one is given; gives it when it was there.
    pub fn remove_token(&self, id: TokenId, person: Option<PersonId>) -> Result<Option<Token>, Error> {
        let what = "revoking a token";
        self.change(|transaction| {
            let sql = format!(
                "DELETE FROM tokens WHERE id = ?1 AND (?2 IS NULL OR person_id = ?2) RETURNING {COLUMNS}"
            );
            let mut statement = transaction.prepare_cached(&sql).doing(what)?;
            let found = statement
                .query_row(params![id.0, person.map(|person| person.0)], row)
                .optional()
                .doing(what)?;
            found.map(complete).transpose()
        })
    }
}

/// Whether a program has or had this name, or one that looks like it.
fn is_service(connection: &Connection, name: &str) -> Result<bool, Error> {
    let what = "reading the names of programs";
    let folded = names::fold(name);
    let mut statement = connection.prepare_cached("SELECT name FROM services").doing(what)?;
    let known = statement.query_map([], |row| row.get::<_, String>(0)).doing(what)?;
    for one in known {
        if names::fold(&one.doing(what)?) == folded {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A row before its words are read.
struct Found {
    token: Token,
    scopes: String,
    groups: String,
}

fn row(row: &Row<'_>) -> rusqlite::Result<Found> {
    let token = Token {
        id: TokenId(row.get(0)?),
        hint: row.get(1)?,
        person: row.get::<_, Option<i64>>(2)?.map(PersonId),
        name: row.get(3)?,
        scopes: Scopes::default(),
        groups: BTreeSet::new(),
        made_by: row.get(6)?,
        created_ms: row.get(7)?,
        expires_ms: row.get(8)?,
        used_ms: row.get(9)?,
        maker: row.get::<_, Option<i64>>(10)?.map(PersonId),
    };
    Ok(Found { token, scopes: row.get(4)?, groups: row.get(5)? })
}

fn complete(found: Found) -> Result<Token, Error> {
    let scopes = Scopes::parse(&found.scopes).ok_or_else(|| damaged("a token's scopes"))?;
    let groups = serde_json::from_str(&found.groups).map_err(|_| damaged("a token's groups"))?;
    Ok(Token { scopes, groups, ..found.token })
}
