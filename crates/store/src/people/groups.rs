//! Which groups are there, and who is in them?

use std::collections::BTreeSet;

use intramuros_accounts::names;
use intramuros_core::error::Error;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, Transaction, params};

use super::{Group, GroupId, Origin, People, PersonId, Taken};
use crate::error::Doing;

const COLUMNS: &str = "id, name, origin, external, created_ms";

/// What changes of a group.
#[derive(Clone, Copy, Debug)]
pub struct GroupChange<'a> {
    /// Another name.
    pub name: Option<&'a str>,
    /// What a directory calls it; none within takes that away.
    pub external: Option<Option<&'a str>>,
    /// In whose name.
    pub origin: &'a Origin,
    /// Who comes in; people who are not there are passed over.
    pub add: &'a [PersonId],
    /// Who goes out. An administrator takes out whoever brought them in.
    pub remove: &'a [PersonId],
}

impl People {
    /// Every group in the order of their names, `limit` of them from `offset` on.
    pub fn groups(&self, offset: usize, limit: usize) -> Result<Vec<Group>, Error> {
        let what = "reading the groups";
        self.read(|connection| {
            let sql = format!("SELECT {COLUMNS} FROM groups ORDER BY name LIMIT ?1 OFFSET ?2");
            let mut statement = connection.prepare_cached(&sql).doing(what)?;
            let rows = statement.query_map([limit as i64, offset as i64], group).doing(what)?;
            let groups = rows.collect::<Result<Vec<_>, _>>().doing(what)?;
            groups.into_iter().map(|group| with_members(connection, group)).collect()
        })
    }

    /// A group by number.
    pub fn group(&self, id: GroupId) -> Result<Option<Group>, Error> {
        self.read(|connection| one(connection, "id = ?1", &id.0))
    }

    /// A group by name.
    pub fn group_named(&self, name: &str) -> Result<Option<Group>, Error> {
        self.read(|connection| match id_of(connection, name)? {
            Some(id) => one(connection, "id = ?1", &id.0),
            None => Ok(None),
        })
    }

    /// A group by what a directory calls it.
    pub fn group_external(&self, external: &str) -> Result<Option<Group>, Error> {
        self.read(|connection| one(connection, "external = ?1 ORDER BY id LIMIT 1", &external))
    }

    /// How many groups there are.
    pub fn count_groups(&self) -> Result<u64, Error> {
        self.read(|connection| {
            let count = connection.query_row("SELECT count(*) FROM groups", [], |row| row.get::<_, i64>(0));
            Ok(count.doing("counting the groups")? as u64)
        })
    }

    /// Adds a group, unless the name is taken: by hand, also by one that looks like it.
    pub fn add_group(
        &self,
        name: &str,
        origin: &Origin,
        external: Option<&str>,
        now_ms: i64,
    ) -> Result<Result<GroupId, Taken>, Error> {
        self.change(|transaction| {
            if is_taken(transaction, name, origin, None)? {
                return Ok(Err(Taken::Name));
            }
            insert(transaction, name, origin, external, now_ms).map(Ok)
        })
    }

    /// Changes a group: all that is asked for, or nothing where the name is taken.
    pub fn change_group(&self, id: GroupId, change: &GroupChange<'_>) -> Result<Result<(), Taken>, Error> {
        let what = "changing a group";
        self.change(|transaction| {
            if let Some(name) = change.name {
                if is_taken(transaction, name, change.origin, Some(id))? {
                    return Ok(Err(Taken::Name));
                }
                transaction
                    .execute("UPDATE groups SET name = ?1 WHERE id = ?2", params![name, id.0])
                    .doing(what)?;
            }
            if let Some(external) = change.external {
                transaction
                    .execute("UPDATE groups SET external = ?1 WHERE id = ?2", params![external, id.0])
                    .doing(what)?;
            }
            members(transaction, id, change.origin, change.add, change.remove).map(Ok)
        })
    }

    /// Removes a group; says whether it was there.
    pub fn remove_group(&self, id: GroupId) -> Result<bool, Error> {
        self.change(|transaction| {
            let removed =
                transaction.execute("DELETE FROM groups WHERE id = ?1", [id.0]).doing("removing a group")?;
            Ok(removed > 0)
        })
    }

    /// Puts people into a group and takes others out of it, in the name of `origin`. An administrator takes out whoever
    /// brought them in; people who are not there are passed over.
    pub fn change_members(
        &self,
        group: GroupId,
        origin: &Origin,
        add: &[PersonId],
        remove: &[PersonId],
    ) -> Result<(), Error> {
        self.change(|transaction| members(transaction, group, origin, add, remove))
    }

    /// Makes somebody's groups at a provider what it says they are now. Groups that are not known are added; groups that
    /// others put the person into stay.
    pub fn set_provider_groups(
        &self,
        person: PersonId,
        origin: &Origin,
        names: &BTreeSet<String>,
        now_ms: i64,
    ) -> Result<(), Error> {
        self.change(|transaction| {
            transaction
                .execute(
                    "DELETE FROM memberships WHERE person_id = ?1 AND origin = ?2",
                    params![person.0, origin.word()],
                )
                .doing("changing somebody's groups")?;
            for name in names {
                let group = match id_of(transaction, name)? {
                    Some(group) => group,
                    None => insert(transaction, name, origin, None, now_ms)?,
                };
                join(transaction, person, group, origin)?;
            }
            Ok(())
        })
    }
}

fn members(
    transaction: &Transaction<'_>,
    group: GroupId,
    origin: &Origin,
    add: &[PersonId],
    remove: &[PersonId],
) -> Result<(), Error> {
    for person in remove {
        transaction
            .execute(
                "DELETE FROM memberships WHERE group_id = ?1 AND person_id = ?2 AND (?4 OR origin = ?3)",
                params![group.0, person.0, origin.word(), *origin == Origin::Local],
            )
            .doing("changing a group")?;
    }
    for person in add {
        join(transaction, *person, group, origin)?;
    }
    Ok(())
}

/// The group of a name. Rules name groups exactly, so that only the same letters are the same name, in whichever of their
/// two writings (`é` as one sign or as two): older programs kept the one that they were given.
fn id_of(connection: &Connection, name: &str) -> Result<Option<GroupId>, Error> {
    let exact = connection
        .query_row("SELECT id FROM groups WHERE name = ?1", [name], |row| row.get(0).map(GroupId))
        .optional()
        .doing("looking for a group")?;
    if exact.is_some() || name.is_ascii() {
        return Ok(exact);
    }
    find(connection, |_, other| names::are_same(other, name))
}

/// Whether another group than `own` stands in the way of a name. Who gives it by hand is kept from one that looks like
/// another's; what a provider or a directory calls its groups is its own affair.
fn is_taken(
    connection: &Connection,
    name: &str,
    origin: &Origin,
    own: Option<GroupId>,
) -> Result<bool, Error> {
    let other = match origin {
        Origin::Local => {
            let folded = names::fold(name);
            find(connection, |id, other| Some(id) != own && names::fold(other) == folded)?
        }
        Origin::Provider(_) | Origin::Scim => id_of(connection, name)?.filter(|id| Some(*id) != own),
    };
    Ok(other.is_some())
}

/// The first group of which this holds.
fn find(connection: &Connection, holds: impl Fn(GroupId, &str) -> bool) -> Result<Option<GroupId>, Error> {
    let what = "looking for a group";
    let mut statement = connection.prepare_cached("SELECT id, name FROM groups ORDER BY id").doing(what)?;
    let rows =
        statement.query_map([], |row| Ok((GroupId(row.get(0)?), row.get::<_, String>(1)?))).doing(what)?;
    for row in rows {
        let (id, name) = row.doing(what)?;
        if holds(id, &name) {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

fn insert(
    transaction: &Transaction<'_>,
    name: &str,
    origin: &Origin,
    external: Option<&str>,
    now_ms: i64,
) -> Result<GroupId, Error> {
    transaction
        .execute(
            "INSERT INTO groups(name, origin, external, created_ms) VALUES(?1, ?2, ?3, ?4)",
            params![name, origin.word(), external, now_ms],
        )
        .doing("adding a group")?;
    Ok(GroupId(transaction.last_insert_rowid()))
}

fn join(
    transaction: &Transaction<'_>,
    person: PersonId,
    group: GroupId,
    origin: &Origin,
) -> Result<(), Error> {
    transaction
        .execute(
            "INSERT OR IGNORE INTO memberships(person_id, group_id, origin) \
             SELECT ?1, ?2, ?3 WHERE EXISTS(SELECT 1 FROM people WHERE id = ?1)",
            params![person.0, group.0, origin.word()],
        )
        .doing("changing a group")?;
    Ok(())
}

fn group(row: &Row<'_>) -> rusqlite::Result<Group> {
    Ok(Group {
        id: GroupId(row.get(0)?),
        name: row.get(1)?,
        origin: Origin::from_word(&row.get::<_, String>(2)?),
        external: row.get(3)?,
        created_ms: row.get(4)?,
        members: BTreeSet::new(),
    })
}

fn with_members(connection: &Connection, group: Group) -> Result<Group, Error> {
    let what = "reading a group's members";
    let sql = "SELECT DISTINCT person_id FROM memberships WHERE group_id = ?1";
    let mut statement = connection.prepare_cached(sql).doing(what)?;
    let members = statement.query_map([group.id.0], |row| row.get(0).map(PersonId)).doing(what)?;
    let members = members.collect::<Result<_, _>>().doing(what)?;
    Ok(Group { members, ..group })
}

fn one(connection: &Connection, condition: &str, value: &dyn ToSql) -> Result<Option<Group>, Error> {
    let what = "reading a group";
    let sql = format!("SELECT {COLUMNS} FROM groups WHERE {condition}");
    let mut statement = connection.prepare_cached(&sql).doing(what)?;
    let found = statement.query_row([value], group).optional().doing(what)?;
    found.map(|group| with_members(connection, group)).transpose()
}
