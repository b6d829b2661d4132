//! How much may this person still have written for them today?
//!
//! The `tokens_per_person_per_day` of a model is held against what was counted of the person since midnight (UTC). Where
//! a model has such a limit, one answer of a person is written after the other, and each is counted before the next
//! begins: so a limit is passed by one answer at most.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::StatusCode;
use intramuros_dialogue::used_up_in_words;
use intramuros_journal::time::now_ms;

use crate::answering::Whom;
use crate::application::Shared;
use crate::failure::Failure;
use crate::limits::Place;
use crate::record;

/// The word of a request that is not answered since the tokens of the day are used up.
pub(crate) const USED_UP: &str = "used_up";

/// How long a question waits for the answer before it of the same person: as long as for a model's place.
const WAIT: Duration = Duration::from_secs(30);

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// What whoever asks may have written now.
#[derive(Default)]
pub(crate) struct Allowance {
    /// The models of which they have used up their tokens of the day.
    pub used_up: Vec<String>,
    /// Whether these are all that would be asked.
    pub nothing_left: bool,
    /// Their turn, where a limit is declared; given back once the answer is counted.
    pub turn: Option<Place>,
}

impl Allowance {
    /// Of the named model (when none is named, the first declared) and its fallbacks. Waits for an answer that is being
    /// written for the same person, where a limit is declared.
    pub async fn of(shared: &Shared, whom: &Whom, model: Option<&str>) -> Result<Allowance, Failure> {
        let limits = shared.writers.limits(model);
        // Without people nothing is counted, as over pipes.
        let Some(accounts) = &shared.accounts else { return Ok(Allowance::default()) };
        if limits.iter().all(|(_, limit)| limit.is_none()) {
            return Ok(Allowance::default());
        }
        let turn = shared.writing.take(Some(&whom.sharer()), WAIT).await.map_err(|_| Failure::busy())?;
        let (person, who) = (whom.person, record::name(&whom.principal));
        let used = accounts.people(move |people| people.tokens_of_day(person, &who, now_ms())).await?;
        let used_up = used_up(&limits, &used);
        Ok(Allowance { nothing_left: used_up.len() == limits.len(), used_up, turn: Some(turn) })
    }
}

/// The models whose limit is reached.
fn used_up(limits: &[(String, Option<u64>)], used: &BTreeMap<String, u64>) -> Vec<String> {
    let reached = |(name, limit): &&(String, Option<u64>)| {
        limit.is_some_and(|limit| used.get(name).is_some_and(|used| *used >= limit))
    };
    limits.iter().filter(reached).map(|(name, _)| name.clone()).collect()
}

/// What a program is told whose person has nothing left, and from when on there is something again.
pub(crate) fn nothing_left(now_ms: i64) -> Failure {
    let (french, english) = used_up_in_words();
    Failure {
        status: StatusCode::TOO_MANY_REQUESTS,
        kind: USED_UP,
        message: format!("{french} / {english}"),
        hints: Vec::new(),
        cause: None,
        retry_after: Some(until_midnight(now_ms)),
    }
}

/// Seconds until the next day begins (UTC).
fn until_midnight(now_ms: i64) -> u64 {
    let left = DAY_MS - now_ms.rem_euclid(DAY_MS);
    u64::try_from(left).unwrap_or_default().div_ceil(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_reached_by_what_was_counted_of_that_model() {
        let used = BTreeMap::from([("small".to_owned(), 1_000), ("large".to_owned(), 9_000)]);
        let check = |limits: &[(&str, Option<u64>)], expected: &[&str]| {
            let limits: Vec<(String, Option<u64>)> =
                limits.iter().map(|(name, limit)| ((*name).to_owned(), *limit)).collect();
            assert_eq!(used_up(&limits, &used), expected);
        };
        check(&[("small", Some(1_001)), ("large", None), ("new", Some(1))], &[]);
        check(&[("small", Some(1_000)), ("large", Some(9_001))], &["small"]);
        check(&[("small", Some(1)), ("large", Some(1))], &["small", "large"]);
    }

    #[test]
    fn the_next_day_begins_at_midnight_in_coordinated_time() {
        assert_eq!(until_midnight(0), 86_400);
        assert_eq!(until_midnight(20_000 * DAY_MS + 1), 86_400);
        assert_eq!(until_midnight(20_000 * DAY_MS + DAY_MS / 2), 43_200);
        assert_eq!(until_midnight(20_001 * DAY_MS - 1), 1);
        assert_eq!(nothing_left(20_001 * DAY_MS - 5_000).retry_after, Some(5));
    }
}
