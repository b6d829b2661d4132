//! What did each person ask, and what was answered?
//!
//! A conversation belongs to one person, or to this machine's owner where nobody signs in. It goes when its person goes.
//! What was answered is kept as it was shown; whether its reader may still read what it cites is for the caller to say.

use intramuros_core::error::Error;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{People, PersonId};
use crate::error::Doing;

/// Conversations of one person. 2,000: some years of daily questions; the one not touched for longest goes first.
const MOST_FOR_PERSON: i64 = 2_000;

/// Bytes of questions and answers that one search compares, the last changed conversations first. 32 MiB: some ten thousand
/// answers, in seconds.
const MOST_COMPARED: usize = 32 << 20;

/// Questions in one conversation.
pub const MOST_TURNS: i64 = 500;

/// Number of a conversation; never given to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConversationId(pub i64);

/// Whose a conversation is: a person's, or this machine's owner's.
pub type Whose = Option<PersonId>;

/// A conversation without what was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// Its number.
    pub id: ConversationId,
    /// Whose.
    pub whose: Whose,
    /// What it is called.
    pub title: String,
    /// Whether everybody who may sign in can open it by its address.
    pub shared: bool,
    /// When it began, in milliseconds since 1970.
    pub created_ms: i64,
    /// When something was last said.
    pub changed_ms: i64,
    /// Questions.
    pub turns: u32,
    /// Name of the collection that it is about; none for all that its person may read.
    pub collection: Option<String>,
}

/// A question with its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Its number within the conversation, from 1.
    pub number: i64,
    /// The question.
    pub question: String,
    /// The answer in plain text, to be searched and told to a model.
    pub answer: String,
    /// The answer as it was shown; the caller's format.
    pub shown: String,
    /// When it was asked.
    pub asked_ms: i64,
    /// What its reader thought of it: 1, -1, or nothing.
    pub rating: i64,
}

const COLUMNS: &str = "id, person_id, title, shared, created_ms, changed_ms, \
     (SELECT count(*) FROM turns WHERE conversation_id = conversations.id), collection";

impl People {
    /// Begins a conversation. The one that was not touched for longest goes when a person has too many.
    pub fn begin_conversation(
        &self,
        whose: Whose,
        title: &str,
        collection: Option<&str>,
        now_ms: i64,
    ) -> Result<ConversationId, Error> {
        let what = "beginning a conversation";
        let person = whose.map(|person| person.0);
        self.change(|transaction| {
            transaction
                .execute(
                    "INSERT INTO conversations(person_id, title, created_ms, changed_ms, collection) \
                     VALUES(?1, ?2, ?3, ?3, ?4)",
                    params![person, title, now_ms, collection],
                )
                .doing(what)?;
            let id = transaction.last_insert_rowid();
            transaction
                .execute(
                    "DELETE FROM conversations WHERE person_id IS ?1 AND id NOT IN \
                     (SELECT id FROM conversations WHERE person_id IS ?1 ORDER BY changed_ms DESC, id DESC LIMIT ?2)",
                    params![person, MOST_FOR_PERSON],
                )
                .doing(what)?;
            Ok(ConversationId(id))
        })
    }

    /// The conversations of somebody, the last changed first.
    pub fn conversations(
        &self,
        whose: Whose,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<Conversation>, Error> {
        self.read(|connection| listed(connection, whose, offset as i64, limit as i64))
    }

    /// The conversations of somebody of which the title, a question or an answer `holds` what is looked for, the last changed
    /// first. How texts are compared is the caller's affair. Of what was said, so much is compared as a person writes in years.
    pub fn conversations_holding(
        &self,
        whose: Whose,
        holds: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<Conversation>, Error> {
        self.read(|connection| {
            let mut left = MOST_COMPARED;
            let mut found = Vec::new();
            for conversation in listed(connection, whose, 0, MOST_FOR_PERSON)? {
                if holds(&conversation.title) || says(connection, conversation.id, holds, &mut left)? {
                    found.push(conversation);
                }
            }
            Ok(found)
        })
    }

    /// A conversation, when somebody may open it: their own, or one that is shared.
    pub fn conversation(&self, id: ConversationId, reader: Whose) -> Result<Option<Conversation>, Error> {
        self.read(|connection| {
            let found = one(connection, id)?;
            Ok(found.filter(|found| found.whose == reader || found.shared))
        })
    }

    /// Whether there is such a conversation, whosever it is.
    pub fn has_conversation(&self, id: ConversationId) -> Result<bool, Error> {
        self.read(|connection| Ok(one(connection, id)?.is_some()))
    }

    /// The questions and answers of a conversation, in order. Whether they may be read is asked with
    /// [`People::conversation`].
    pub fn turns(&self, id: ConversationId) -> Result<Vec<Turn>, Error> {
        let what = "reading a conversation";
        self.read(|connection| {
            let sql = "SELECT number, question, answer, shown, asked_ms, rating FROM turns \
                       WHERE conversation_id = ?1 ORDER BY number";
            let mut statement = connection.prepare_cached(sql).doing(what)?;
            let rows = statement.query_map([id.0], turn).doing(what)?;
            rows.map(|row| row.doing(what)).collect()
        })
    }

    /// Adds a question with its answer to somebody's own conversation, and gives its number; none when it is not theirs,
    /// is gone, or is full.
    pub fn add_turn(
        &self,
        id: ConversationId,
        whose: Whose,
        question: &str,
        answer: &str,
        shown: &str,
        now_ms: i64,
    ) -> Result<Option<i64>, Error> {
        let what = "keeping an answer";
        self.change(|transaction| {
            let Some(own) = one(transaction, id)?.filter(|found| found.whose == whose) else {
                return Ok(None);
            };
            if i64::from(own.turns) >= MOST_TURNS {
                return Ok(None);
            }
            let number = i64::from(own.turns) + 1;
            transaction
                .execute(
                    "INSERT INTO turns(conversation_id, number, question, answer, shown, asked_ms) \
                     VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
                    params![id.0, number, question, answer, shown, now_ms],
                )
                .doing(what)?;
            transaction
                .execute("UPDATE conversations SET changed_ms = ?2 WHERE id = ?1", params![id.0, now_ms])
                .doing(what)?;
            Ok(Some(number))
        })
    }

    /// Renames or shares somebody's own conversation; false when it is not theirs or gone.
    pub fn change_conversation(
        &self,
        id: ConversationId,
        whose: Whose,
        title: Option<&str>,
        shared: Option<bool>,
    ) -> Result<bool, Error> {
        self.change(|transaction| {
            let changed = transaction
                .execute(
                    "UPDATE conversations SET title = coalesce(?3, title), shared = coalesce(?4, shared) \
                     WHERE id = ?1 AND person_id IS ?2",
                    params![id.0, whose.map(|person| person.0), title, shared],
                )
                .doing("changing a conversation")?;
            Ok(changed > 0)
        })
    }

    /// Deletes somebody's own conversation; false when it is not theirs or gone.
    pub fn remove_conversation(&self, id: ConversationId, whose: Whose) -> Result<bool, Error> {
        self.change(|transaction| {
            let removed = transaction
                .execute(
                    "DELETE FROM conversations WHERE id = ?1 AND person_id IS ?2",
                    params![id.0, whose.map(|person| person.0)],
                )
                .doing("deleting a conversation")?;
            Ok(removed > 0)
        })
    }

    /// Keeps what somebody thought of an answer in their own conversation; false when it is not theirs or gone.
    pub fn rate(&self, id: ConversationId, whose: Whose, number: i64, rating: i64) -> Result<bool, Error> {
        self.change(|transaction| {
            let rated = transaction
                .execute(
                    "UPDATE turns SET rating = ?4 WHERE conversation_id = ?1 AND number = ?3 \
                     AND EXISTS (SELECT 1 FROM conversations WHERE id = ?1 AND person_id IS ?2)",
                    params![id.0, whose.map(|person| person.0), number, rating.signum()],
                )
                .doing("keeping what was thought of an answer")?;
            Ok(rated > 0)
        })
    }
}

fn listed(
    connection: &Connection,
    whose: Whose,
    offset: i64,
    limit: i64,
) -> Result<Vec<Conversation>, Error> {
    let what = "reading the conversations";
    let sql = format!(
        "SELECT {COLUMNS} FROM conversations WHERE person_id IS ?1 \
         ORDER BY changed_ms DESC, id DESC LIMIT ?2 OFFSET ?3"
    );
    let mut statement = connection.prepare_cached(&sql).doing(what)?;
    let of = whose.map(|person| person.0);
    let rows = statement.query_map(params![of, limit, offset], conversation).doing(what)?;
    rows.map(|row| row.doing(what)).collect()
}

/// Whether a question or an answer of a conversation holds what is looked for, as long as bytes to compare are left.
fn says(
    connection: &Connection,
    id: ConversationId,
    holds: &dyn Fn(&str) -> bool,
    left: &mut usize,
) -> Result<bool, Error> {
    let what = "reading a conversation";
    let sql = "SELECT question, answer FROM turns WHERE conversation_id = ?1 ORDER BY number";
    let mut statement = connection.prepare_cached(sql).doing(what)?;
    let mut rows = statement.query([id.0]).doing(what)?;
    while *left > 0 {
        let Some(row) = rows.next().doing(what)? else { break };
        for column in 0..2_usize {
            let text: String = row.get(column).doing(what)?;
            *left = left.saturating_sub(text.len());
            if holds(&text) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn one(connection: &Connection, id: ConversationId) -> Result<Option<Conversation>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM conversations WHERE id = ?1");
    let what = "reading a conversation";
    let mut statement = connection.prepare_cached(&sql).doing(what)?;
    statement.query_row([id.0], conversation).optional().doing(what)
}

fn conversation(row: &Row<'_>) -> rusqlite::Result<Conversation> {
    Ok(Conversation {
        id: ConversationId(row.get(0)?),
        whose: row.get::<_, Option<i64>>(1)?.map(PersonId),
        title: row.get(2)?,
        shared: row.get(3)?,
        created_ms: row.get(4)?,
        changed_ms: row.get(5)?,
        turns: row.get(6)?,
        collection: row.get(7)?,
    })
}

fn turn(row: &Row<'_>) -> rusqlite::Result<Turn> {
    Ok(Turn {
        number: row.get(0)?,
        question: row.get(1)?,
        answer: row.get(2)?,
        shown: row.get(3)?,
        asked_ms: row.get(4)?,
        rating: row.get(5)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_for_is_found_in_titles_questions_and_answers_of_ones_own() {
        let folder = tempfile::tempdir().unwrap();
        let people = People::open(folder.path()).unwrap();
        let begin = |title: &str, now: i64| people.begin_conversation(None, title, None, now).unwrap();
        let (first, second, third) = (begin("Durées", 1), begin("b", 2), begin("c", 3));
        let add = |id: ConversationId, question: &str, answer: &str, now: i64| {
            people.add_turn(id, None, question, answer, "{}", now).unwrap().unwrap()
        };
        add(second, "Quelle durée ?", "x", 4);
        add(third, "x", "y", 5);
        add(third, "x", "La durée est de neuf ans.", 6);
        let found = |text: &str| -> Vec<ConversationId> {
            let found = people.conversations_holding(None, &|said: &str| said.to_lowercase().contains(text));
            found.unwrap().into_iter().map(|one| one.id).collect()
        };
        assert_eq!(found("durée"), [third, second, first]);
        assert_eq!(found("neuf ans"), [third]);
        assert_eq!(found("%"), []);
        // Those of somebody else are not looked at.
        let of_another = people.conversations_holding(Some(PersonId(7)), &|_: &str| true);
        assert_eq!(of_another.unwrap(), []);
        let listed = people.conversations(None, 1, 1).unwrap();
        assert_eq!(listed.iter().map(|one| one.id).collect::<Vec<_>>(), [second]);
    }
}
