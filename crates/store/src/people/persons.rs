//! Who is there, what may they do, and who came to be whom at a provider?

use std::collections::{BTreeMap, BTreeSet};

use intramuros_accounts::{Role, names};
use intramuros_core::error::Error;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, Transaction, params};

use super::{NewPerson, Origin, People, Person, PersonChange, PersonId, Taken, holding};
use crate::error::{Doing, damaged};

const COLUMNS: &str =
    "id, name, shown, mail, role, active, passphrase, origin, external, created_ms, seen_ms";

impl People {
    /// How many owners may sign in. With none, the first visitor who has the code becomes one.
    pub fn owners(&self) -> Result<u64, Error> {
        self.read(owners)
    }

    /// Somebody by number.
    pub fn person(&self, id: PersonId) -> Result<Option<Person>, Error> {
        self.read(|connection| one(connection, "id = ?1", &[&id.0]))
    }

    /// Somebody by name, whatever the size and the writing of its letters.
    pub fn person_named(&self, name: &str) -> Result<Option<Person>, Error> {
        self.read(|connection| match id_of(connection, name)? {
            Some(id) => one(connection, "id = ?1", &[&id.0]),
            None => Ok(None),
        })
    }

    /// The roles of those of these people who may sign in.
    pub fn roles(&self, ids: &BTreeSet<PersonId>) -> Result<BTreeMap<PersonId, Role>, Error> {
        let what = "reading roles";
        let list = serde_json::to_string(&ids.iter().map(|id| id.0).collect::<Vec<_>>()).unwrap_or_default();
        self.read(|connection| {
            let sql = "SELECT id, role FROM people WHERE active AND id IN (SELECT value FROM json_each(?1))";
            let mut statement = connection.prepare_cached(sql).doing(what)?;
            let rows = statement
                .query_map([list], |row| Ok((PersonId(row.get(0)?), row.get::<_, String>(1)?)))
                .doing(what)?;
            rows.map(|row| {
                let (id, word) = row.doing(what)?;
                Role::from_word(&word).map(|role| (id, role)).ok_or_else(|| damaged("a role"))
            })
            .collect()
        })
    }

    /// The names of those of these people who are there, with the names that are shown.
    pub fn names(&self, ids: &BTreeSet<PersonId>) -> Result<BTreeMap<PersonId, (String, String)>, Error> {
        let what = "reading names";
        let list = serde_json::to_string(&ids.iter().map(|id| id.0).collect::<Vec<_>>()).unwrap_or_default();
        self.read(|connection| {
            let sql = "SELECT id, name, shown FROM people WHERE id IN (SELECT value FROM json_each(?1))";
            let mut statement = connection.prepare_cached(sql).doing(what)?;
            let names = statement
                .query_map([list], |row| Ok((PersonId(row.get(0)?), (row.get(1)?, row.get(2)?))))
                .doing(what)?;
            names.map(|row| row.doing(what)).collect()
        })
    }

    /// People in the order of their names, `limit` of them from `offset` on; those alone whose name, shown name or
    /// address holds `part`, where it is not empty.
    pub fn people(&self, part: &str, offset: usize, limit: usize) -> Result<Vec<Person>, Error> {
        let what = "reading the people";
        let part = holding(&names::fold(part));
        self.read(|connection| {
            let sql = format!(
                "SELECT {COLUMNS} FROM people WHERE folded LIKE ?1 ESCAPE '\\' OR lower(shown) LIKE ?1 ESCAPE '\\' \
                 OR lower(coalesce(mail, '')) LIKE ?1 ESCAPE '\\' ORDER BY folded LIMIT ?2 OFFSET ?3"
            );
            let mut statement = connection.prepare_cached(&sql).doing(what)?;
            let rows = statement.query_map(params![part, limit as i64, offset as i64], person).doing(what)?;
            let people = rows.collect::<Result<Vec<_>, _>>().doing(what)?;
            people.into_iter().map(|row| complete(connection, row)).collect()
        })
    }

    /// Somebody by what a directory calls them.
    pub fn person_external(&self, external: &str) -> Result<Option<Person>, Error> {
        self.read(|connection| one(connection, "external = ?1 ORDER BY id LIMIT 1", &[&external]))
    }

    /// How many people there are, those who may not sign in included.
    pub fn count_people(&self) -> Result<u64, Error> {
        self.read(|connection| {
            let count = connection.query_row("SELECT count(*) FROM people", [], |row| row.get::<_, i64>(0));
            Ok(count.doing("counting the people")? as u64)
        })
    }

    /// Adds somebody, unless the name is taken.
    pub fn add_person(&self, person: &NewPerson, now_ms: i64) -> Result<Result<PersonId, Taken>, Error> {
        self.change(|transaction| add(transaction, person, now_ms))
    }

    /// Changes somebody; says whether the new name is taken. The last owner stays one.
    ///
    /// # Errors
    /// When there would be no owner any more.
    pub fn change_person(&self, id: PersonId, change: &PersonChange) -> Result<Result<(), Taken>, Error> {
        self.change(|transaction| {
            let before = owners(transaction)?;
            if let Some(name) = &change.name {
                if id_of(transaction, name)?.is_some_and(|other| other != id) {
                    return Ok(Err(Taken::Name));
                }
                set(transaction, id, "name", name)?;
                set(transaction, id, "folded", &names::fold(name))?;
            }
            let set = |column: &str, value: &dyn ToSql| set(transaction, id, column, value);
            change.shown.as_ref().map_or(Ok(()), |value| set("shown", value))?;
            change.mail.as_ref().map_or(Ok(()), |value| set("mail", value))?;
            change.role.map_or(Ok(()), |value| set("role", &value.word()))?;
            change.active.map_or(Ok(()), |value| set("active", &value))?;
            change.passphrase.as_ref().map_or(Ok(()), |value| set("passphrase", value))?;
            change.external.as_ref().map_or(Ok(()), |value| set("external", value))?;
            still_owned(transaction, before)?;
            Ok(Ok(()))
        })
    }

    /// Removes somebody with their sessions, tokens and memberships; says whether they were there.
    ///
    /// # Errors
    /// When there would be no owner any more.
    pub fn remove_person(&self, id: PersonId) -> Result<bool, Error> {
        self.change(|transaction| {
            let before = owners(transaction)?;
            let removed =
                transaction.execute("DELETE FROM people WHERE id = ?1", [id.0]).doing("removing a person")?;
            still_owned(transaction, before)?;
            Ok(removed > 0)
        })
    }

    /// Notes when somebody was last here.
    pub fn saw_person(&self, id: PersonId, now_ms: i64) -> Result<(), Error> {
        self.change(|transaction| set(transaction, id, "seen_ms", &now_ms))
    }

    /// Who somebody is that a provider calls so.
    pub fn person_of_identity(&self, provider: &str, subject: &str) -> Result<Option<Person>, Error> {
        self.read(|connection| {
            one(
                connection,
                "id = (SELECT person_id FROM identities WHERE provider = ?1 AND subject = ?2)",
                &[&provider, &subject],
            )
        })
    }

    /// Notes that a provider calls somebody so.
    pub fn add_identity(&self, person: PersonId, provider: &str, subject: &str) -> Result<(), Error> {
        self.change(|transaction| {
            transaction
                .execute(
                    "INSERT OR IGNORE INTO identities(provider, subject, person_id) VALUES(?1, ?2, ?3)",
                    params![provider, subject, person.0],
                )
                .doing("writing who somebody is at a provider")?;
            Ok(())
        })
    }

    /// Whether a provider knows somebody already.
    pub fn has_identity(&self, person: PersonId) -> Result<bool, Error> {
        self.read(|connection| {
            connection
                .query_row(
                    "SELECT EXISTS(SELECT 1 FROM identities WHERE person_id = ?1)",
                    [person.0],
                    |row| row.get(0),
                )
                .doing("reading who somebody is at a provider")
        })
    }
}

fn add(
    transaction: &Transaction<'_>,
    new: &NewPerson,
    now_ms: i64,
) -> Result<Result<PersonId, Taken>, Error> {
    if id_of(transaction, &new.name)?.is_some() {
        return Ok(Err(Taken::Name));
    }
    transaction
        .execute(
            "INSERT INTO people(name, folded, shown, mail, role, passphrase, origin, external, created_ms) \
             VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                new.name,
                names::fold(&new.name),
                new.shown,
                new.mail,
                new.role.word(),
                new.passphrase,
                new.origin.word(),
                new.external,
                now_ms
            ],
        )
        .doing("adding a person")?;
    Ok(Ok(PersonId(transaction.last_insert_rowid())))
}

fn set(transaction: &Transaction<'_>, id: PersonId, column: &str, value: &dyn ToSql) -> Result<(), Error> {
    // The column's name is ours, never a caller's text.
    let sql = format!("UPDATE people SET {column} = ?1 WHERE id = ?2");
    transaction.execute(&sql, params![value, id.0]).doing("changing a person")?;
    Ok(())
}

fn owners(connection: &Connection) -> Result<u64, Error> {
    let sql = "SELECT count(*) FROM people WHERE role = 'owner' AND active";
    let count: i64 = connection.query_row(sql, [], |row| row.get(0)).doing("counting the owners")?;
    Ok(count as u64)
}

fn still_owned(transaction: &Transaction<'_>, before: u64) -> Result<(), Error> {
    if before > 0 && owners(transaction)? == 0 {
        return Err(
            Error::user("this is the last owner who can sign in").hint("make somebody else an owner first")
        );
    }
    Ok(())
}

fn id_of(connection: &Connection, name: &str) -> Result<Option<PersonId>, Error> {
    let by = |sql: &str, value: &str| {
        let id = connection.query_row(sql, [value], |row| row.get(0)).optional();
        id.doing("looking for a person").map(|id| id.map(PersonId))
    };
    // An older program may have given two people names that look the same: each is known by theirs as it is written.
    if !name.is_ascii()
        && let Some(id) = by("SELECT id FROM people WHERE name = ?1", name)?
    {
        return Ok(Some(id));
    }
    by("SELECT id FROM people WHERE folded = ?1", &names::fold(name))
}

/// Writes anew how names are compared, where an older program did it otherwise. A name that would be another's then stays as
/// it was.
pub(super) fn fold_anew(connection: &Connection) -> Result<(), Error> {
    let what = "writing how names are compared";
    let sql = "SELECT id, name, folded FROM people WHERE name GLOB '*[^ -~]*'";
    let mut statement = connection.prepare(sql).doing(what)?;
    let rows = statement
        .query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?)))
        .doing(what)?;
    for (id, name, before) in rows.collect::<Result<Vec<_>, _>>().doing(what)? {
        let folded = names::fold(&name);
        if folded != before {
            let sql = "UPDATE OR IGNORE people SET folded = ?1 WHERE id = ?2";
            connection.execute(sql, params![folded, id]).doing(what)?;
        }
    }
    Ok(())
}

/// A row before its words are read and its groups known.
struct Found {
    person: Person,
    role: String,
}

fn person(row: &Row<'_>) -> rusqlite::Result<Found> {
    let person = Person {
        id: PersonId(row.get(0)?),
        name: row.get(1)?,
        shown: row.get(2)?,
        mail: row.get(3)?,
        role: Role::Reader,
        active: row.get(5)?,
        passphrase: row.get(6)?,
        origin: Origin::from_word(&row.get::<_, String>(7)?),
        external: row.get(8)?,
        created_ms: row.get(9)?,
        seen_ms: row.get(10)?,
        groups: BTreeSet::new(),
    };
    Ok(Found { person, role: row.get(4)? })
}

fn complete(connection: &Connection, found: Found) -> Result<Person, Error> {
    let what = "reading somebody's groups";
    let role = Role::from_word(&found.role).ok_or_else(|| damaged("a role"))?;
    let sql =
        "SELECT DISTINCT g.name FROM memberships m JOIN groups g ON g.id = m.group_id WHERE m.person_id = ?1";
    let mut statement = connection.prepare_cached(sql).doing(what)?;
    let names = statement.query_map([found.person.id.0], |row| row.get(0)).doing(what)?;
    let groups = names.collect::<Result<BTreeSet<String>, _>>().doing(what)?;
    Ok(Person { role, groups, ..found.person })
}

/// Somebody by a condition of ours.
pub(super) fn one(
    connection: &Connection,
    condition: &str,
    values: &[&dyn ToSql],
) -> Result<Option<Person>, Error> {
    let what = "reading a person";
    let sql = format!("SELECT {COLUMNS} FROM people WHERE {condition}");
    let mut statement = connection.prepare_cached(&sql).doing(what)?;
    let found = statement.query_row(values, person).optional().doing(what)?;
    found.map(|found| complete(connection, found)).transpose()
}
