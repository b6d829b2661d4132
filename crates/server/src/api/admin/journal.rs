//! What happened, of which kind, by whom and when?

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use intramuros_core::error::Error;
use intramuros_journal::Event;
use intramuros_journal::read::{Filter, Reached, newest};
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::application::Shared;
use crate::caller::Caller;
use crate::failure::{Failure, FailureBody};
use crate::parameters::Parameters;

/// Most entries in one list.
const MOST_ENTRIES: u64 = 500;

/// Most entries that are looked at for one list. 200,000: about a second's reading; a list of what is rarer goes on
/// with the next one.
const MOST_LOOKED_AT: u64 = 200_000;

/// What can be asked of the journal.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // Read by name in `Parameters`; this is how the OpenAPI document learns of them.
pub(crate) struct JournalParameters {
    /// Of this kind: `sign_in`, `question`, `document_read`, `access_refused`, `egress`, `administered`…
    kind: Option<String>,
    /// By this person.
    who: Option<String>,
    /// From this moment on, in milliseconds since 1970.
    #[param(minimum = 0)]
    from_ms: Option<u64>,
    /// Before this moment.
    #[param(minimum = 0)]
    to_ms: Option<u64>,
    /// With a number below this one: what is older than a list that was given.
    #[param(minimum = 1)]
    before: Option<u64>,
    /// Entries wanted.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<u32>,
}

/// Entries of the journal.
#[derive(Serialize, ToSchema)]
pub(crate) struct JournalAnswer {
    /// Whether there is a journal.
    pub kept: bool,
    /// Why it can't be written now.
    pub failure: Option<String>,
    /// The newest first.
    pub entries: Vec<EntryView>,
    /// Whether there are older ones of this kind, or entries that were not looked at yet.
    pub more: bool,
    /// What to ask for as `before` to get them.
    pub next: Option<u64>,
}

/// An entry of the journal.
#[derive(Serialize, ToSchema)]
pub(crate) struct EntryView {
    /// Its number.
    pub number: u64,
    /// When.
    pub time: String,
    /// Of which kind.
    #[schema(value_type = String)]
    pub kind: &'static str,
    /// By whom, where somebody did it.
    pub who: Option<String>,
    /// The rest of what happened.
    #[schema(value_type = Object)]
    pub what: Value,
}

/// The journal, the newest entries first. That it was looked at is an entry too.
#[utoipa::path(
    get, path = "/api/v1/journal", tag = "administration", params(JournalParameters),
    responses(
        (status = 200, description = "The entries", body = JournalAnswer),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn journal(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Json<JournalAnswer>, Failure> {
    let most = i64::MAX as u64;
    let moment = |value: Option<u64>| value.and_then(|value| i64::try_from(value).ok());
    let filter = Filter {
        kinds: parameters.one("kind")?.into_iter().collect(),
        who: parameters.one("who")?,
        from_ms: moment(parameters.number("from_ms", 0, most)?),
        to_ms: moment(parameters.number("to_ms", 0, most)?),
        after: None,
    };
    let before = parameters.number("before", 1, most)?.unwrap_or(u64::MAX);
    let limit = parameters.number("limit", 1, MOST_ENTRIES)?.unwrap_or(100) as usize;
    parameters.finish()?;
    let failure = shared.walls.record.failure();
    let Some(folder) = shared.walls.journal.clone() else {
        return Ok(Json(JournalAnswer {
            kept: false,
            failure,
            entries: Vec::new(),
            more: false,
            next: None,
        }));
    };
    let (entries, next) = shared
        .call(move |_| {
            let mut entries: Vec<EntryView> = Vec::new();
            let reached = newest(&folder, &filter, before, MOST_LOOKED_AT, |entry| {
                entries.push(view(entry.number, &entry.time, &entry.event));
                // One more than is shown, to know whether there is one.
                entries.len() <= limit
            })
            .map_err(|error| Error::data("the journal can't be read").because(error))?;
            entries.truncate(limit);
            let next = match reached {
                Reached::Beginning => None,
                Reached::Enough => entries.last().map(|entry| entry.number),
                Reached::Limit(number) => Some(number),
            };
            Ok((entries, next))
        })
        .await?;
    let count = entries.len() as u64;
    shared.note(Event::Exported { by: caller.name(), what: "journal page".to_owned(), count }).await?;
    Ok(Json(JournalAnswer { kept: true, failure, entries, more: next.is_some(), next }))
}

fn view(number: u64, time: &str, event: &Event) -> EntryView {
    let mut what = serde_json::to_value(event).unwrap_or_default();
    if let Some(fields) = what.as_object_mut() {
        for told in ["event", "by"] {
            fields.remove(told);
        }
    }
    EntryView { number, time: time.to_owned(), kind: event.word(), who: event.who().map(str::to_owned), what }
}
