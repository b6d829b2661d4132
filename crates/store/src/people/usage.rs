//! What was each model used for, by whom?
//!
//! Counts by day, never a question or an answer. What is counted of a person goes with the person.

use std::collections::BTreeMap;

use intramuros_core::error::Error;
use rusqlite::params;

use super::People;
use crate::error::Doing;

/// Days that counts are kept: thirteen months, so that a month can be compared with that of the year before.
const KEPT_DAYS: i64 = 400;

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// What is added to the counts of one day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Use {
    /// Number of the person; 0 for this machine's owner and for programs.
    pub person: i64,
    /// Their name in the journal.
    pub who: String,
    /// The declared model; empty for sentences of the documents.
    pub model: String,
    /// Questions.
    pub questions: u64,
    /// Of these, answered.
    pub answered: u64,
    /// Of these, that nothing in the documents answers.
    pub refused: u64,
    /// Times that a model failed.
    pub failed: u64,
    /// Tokens of questions with their passages, as the service counts them.
    pub prompt_tokens: u64,
    /// Tokens of answers.
    pub completion_tokens: u64,
}

/// What people thought of kept answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ratings {
    /// Answers that are kept in conversations.
    pub kept: u64,
    /// Of these, called good.
    pub good: u64,
    /// Of these, called bad.
    pub bad: u64,
}

impl People {
    /// Adds to the counts of a day.
    pub fn count_use(&self, used: &Use, now_ms: i64) -> Result<(), Error> {
        let what = "counting the use of a model";
        let day = now_ms.div_euclid(DAY_MS);
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.change(|transaction| {
            transaction
                .execute("DELETE FROM usage WHERE day < ?1", [day - KEPT_DAYS])
                .doing(what)?;
            transaction
                .execute(
                    "INSERT INTO usage(day, person_id, who, model, questions, answered, refused, failed, \
                     prompt_tokens, completion_tokens) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) \
                     ON CONFLICT(day, person_id, who, model) DO UPDATE SET questions = questions + excluded.questions, \
                     answered = answered + excluded.answered, refused = refused + excluded.refused, \
                     failed = failed + excluded.failed, prompt_tokens = prompt_tokens + excluded.prompt_tokens, \
                     completion_tokens = completion_tokens + excluded.completion_tokens",
                    params![
                        day,
                        used.person,
                        used.who,
                        used.model,
                        number(used.questions),
                        number(used.answered),
                        number(used.refused),
                        number(used.failed),
                        number(used.prompt_tokens),
                        number(used.completion_tokens)
                    ],
                )
                .doing(what)?;
            Ok(())
        })
    }

    /// What was used in the last days, today among them, by person and model, most questions first.
    pub fn used(&self, days: u32, now_ms: i64) -> Result<Vec<Use>, Error> {
        let what = "reading the use of models";
        let from = now_ms.div_euclid(DAY_MS) - i64::from(days) + 1;
        self.read(|connection| {
            let sql = "SELECT person_id, who, model, sum(questions), sum(answered), sum(refused), sum(failed), \
                       sum(prompt_tokens), sum(completion_tokens) FROM usage WHERE day >= ?1 \
                       GROUP BY person_id, who, model ORDER BY 4 DESC, who, model";
            let mut statement = connection.prepare_cached(sql).doing(what)?;
            let rows = statement
                .query_map([from], |row| {
                    let count = |at: usize| row.get::<_, i64>(at).map(|count| count.max(0) as u64);
                    Ok(Use {
                        person: row.get(0)?,
                        who: row.get(1)?,
                        model: row.get(2)?,
                        questions: count(3)?,
                        answered: count(4)?,
                        refused: count(5)?,
                        failed: count(6)?,
                        prompt_tokens: count(7)?,
                        completion_tokens: count(8)?,
                    })
                })
                .doing(what)?;
            rows.map(|row| row.doing(what)).collect()
        })
    }

    /// The tokens that somebody used of each model on the day (UTC) of a moment, questions and answers together. A person is
    /// known by their number, whatever they are called; whoever has none by the name in the journal.
    pub fn tokens_of_day(&self, person: i64, who: &str, now_ms: i64) -> Result<BTreeMap<String, u64>, Error> {
        let what = "reading the tokens of a day";
        let day = now_ms.div_euclid(DAY_MS);
        self.read(|connection| {
            let sql = "SELECT model, sum(prompt_tokens) + sum(completion_tokens) FROM usage \
                       WHERE day = ?1 AND person_id = ?2 AND (?2 <> 0 OR who = ?3) GROUP BY model";
            let mut statement = connection.prepare_cached(sql).doing(what)?;
            let rows = statement
                .query_map(params![day, person, who], |row| {
                    let tokens: i64 = row.get(1)?;
                    Ok((row.get::<_, String>(0)?, tokens.max(0) as u64))
                })
                .doing(what)?;
            rows.map(|row| row.doing(what)).collect()
        })
    }

    /// What people thought of the answers of the last days that are kept in conversations.
    pub fn ratings(&self, days: u32, now_ms: i64) -> Result<Ratings, Error> {
        let from = (now_ms.div_euclid(DAY_MS) - i64::from(days) + 1) * DAY_MS;
        self.read(|connection| {
            let sql = "SELECT count(*), coalesce(sum(rating > 0), 0), coalesce(sum(rating < 0), 0) FROM turns \
                       WHERE asked_ms >= ?1";
            let mut statement = connection.prepare_cached(sql).doing("reading the ratings")?;
            statement
                .query_row([from], |row| {
                    let count = |at: usize| row.get::<_, i64>(at).map(|count| count.max(0) as u64);
                    Ok(Ratings { kept: count(0)?, good: count(1)?, bad: count(2)? })
                })
                .doing("reading the ratings")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tokens_of_a_day_are_those_of_one_person_and_none_of_the_day_before() {
        let folder = tempfile::tempdir().unwrap();
        let people = People::open(folder.path()).unwrap();
        let noon = 20_000 * DAY_MS + DAY_MS / 2;
        let count = |person: i64, who: &str, model: &str, tokens: (u64, u64), now_ms: i64| {
            let (who, model) = (who.to_owned(), model.to_owned());
            let (prompt_tokens, completion_tokens) = tokens;
            let used = Use { person, who, model, prompt_tokens, completion_tokens, ..Use::default() };
            people.count_use(&used, now_ms).unwrap();
        };
        count(7, "rose", "small", (1_000, 200), noon);
        count(7, "rose", "small", (100, 20), noon + 1);
        count(7, "rosa", "small", (0, 3), noon + 2);
        count(7, "rose", "large", (5, 0), noon);
        count(8, "remi", "small", (70, 7), noon);
        count(0, "owner", "small", (10, 1), noon);
        count(0, "service:wiki", "small", (20, 2), noon);
        count(7, "rose", "small", (9_000, 0), noon - DAY_MS);
        let check = |person: i64, who: &str, now_ms: i64, expected: &[(&str, u64)]| {
            let found = people.tokens_of_day(person, who, now_ms).unwrap();
            let found: Vec<(&str, u64)> =
                found.iter().map(|(model, tokens)| (model.as_str(), *tokens)).collect();
            assert_eq!(found, expected, "{person} {who}");
        };
        check(7, "rosa", noon, &[("large", 5), ("small", 1_323)]);
        check(8, "remi", noon, &[("small", 77)]);
        check(0, "owner", noon, &[("small", 11)]);
        check(0, "service:wiki", noon, &[("small", 22)]);
        check(0, "nobody", noon, &[]);
        // The last moment of the day, and the first of the next.
        let midnight = 20_001 * DAY_MS;
        check(8, "remi", midnight - 1, &[("small", 77)]);
        check(8, "remi", midnight, &[]);
    }
}
