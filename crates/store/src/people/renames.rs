//! Who is called otherwise now, or is gone, and what has still to follow?
//!
//! What people bring is kept beside the documents, and its rules name them. A change of a name and the note of it here are
//! one transaction (the layout's triggers write the note), so that no fall of the program loses it; whoever keeps such rules
//! reads the notes in their order, follows, and strikes them out.

use intramuros_core::error::Error;
use rusqlite::params;

use super::{People, PersonId};
use crate::error::Doing;

/// Most notes that are read at once.
const MOST: u32 = 1_000;

/// Somebody, or a group, who has another name now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rename {
    /// Number of the note, by which it is struck out.
    pub id: i64,
    /// Whose name it is.
    pub of: Renamed,
    /// The name before.
    pub before: String,
}

/// Whose name changed, and to what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Renamed {
    /// A person, with the new name; none for one who was removed.
    Person(PersonId, Option<String>),
    /// A group, with the new name.
    Group(String),
}

impl People {
    /// The names that changed and that nobody has followed yet, in the order in which they did.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn renames(&self) -> Result<Vec<Rename>, Error> {
        let what = "reading who is called otherwise now";
        self.read(|connection| {
            let sql = "SELECT id, person_id, before, after FROM renames ORDER BY id LIMIT ?1";
            let mut statement = connection.prepare_cached(sql).doing(what)?;
            let rows = statement.query_map([MOST], |row| {
                let person: Option<i64> = row.get(1)?;
                let after: Option<String> = row.get(3)?;
                let of = match person {
                    Some(person) => Renamed::Person(PersonId(person), after),
                    None => Renamed::Group(after.unwrap_or_default()),
                };
                Ok(Rename { id: row.get(0)?, of, before: row.get(2)? })
            });
            rows.doing(what)?.collect::<Result<Vec<_>, _>>().doing(what)
        })
    }

    /// Strikes out a change of a name that was followed.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn followed(&self, rename: &Rename) -> Result<(), Error> {
        self.change(|transaction| {
            transaction
                .execute("DELETE FROM renames WHERE id = ?1", params![rename.id])
                .doing("striking out a change of a name")?;
            Ok(())
        })
    }
}
