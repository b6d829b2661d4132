//! What was not read, and why?

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use intramuros_store::Failure as NotRead;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::Count;
use crate::application::Shared;
use crate::failure::{Failure, FailureBody};
use crate::guard::Asker;
use crate::limits::{DEFAULT_FAILURES, MAX_FAILURES};
use crate::parameters::Parameters;

/// What can be asked of the list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // Read by name in `Parameters`; this is how the OpenAPI document learns of them.
pub(crate) struct FailuresParameters {
    /// Lines wanted.
    #[param(minimum = 1, maximum = 1000, default = 200)]
    limit: Option<u32>,
    /// Lines skipped.
    #[param(minimum = 0, default = 0)]
    offset: Option<u32>,
}

/// What was not read.
#[derive(Serialize, ToSchema)]
pub(crate) struct FailuresAnswer {
    /// Files and parts, files first.
    pub failures: Vec<FailureView>,
    /// How many there are in all, by reason.
    pub reasons: Vec<Count>,
    /// Whether there are more than the limit let through.
    pub more: bool,
}

/// A file or part that was not read.
#[derive(Serialize, ToSchema)]
pub(crate) struct FailureView {
    /// The source.
    pub source: String,
    /// The path; what stands inside a container follows `!/`.
    pub path: String,
    /// `encrypted`, `corrupt`, `unsupported`, `needs_ocr`, `limit`, `time`, `crashed`, `empty`, `unreadable`.
    pub reason: String,
    /// What was found, for people.
    pub detail: String,
}

/// Files that were not read, each with its reason. Only the owner gets any.
#[utoipa::path(
    get, path = "/api/v1/failures", tag = "state", params(FailuresParameters),
    responses(
        (status = 200, description = "The list", body = FailuresAnswer),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn failures(
    State(shared): State<Arc<Shared>>,
    Asker(principal): Asker,
    mut parameters: Parameters,
) -> Result<Json<FailuresAnswer>, Failure> {
    let limit =
        parameters.number("limit", 1, MAX_FAILURES as u64)?.unwrap_or(DEFAULT_FAILURES as u64) as usize;
    let offset = parameters.number("offset", 0, u64::from(u32::MAX))?.unwrap_or(0) as usize;
    parameters.finish()?;
    let answer = shared.call(move |library| {
        let mut failures = library.failures(&principal, offset, limit + 1)?;
        let more = failures.len() > limit;
        failures.truncate(limit);
        let sources = library.store().sources()?;
        let names: HashMap<_, _> = sources.into_iter().map(|source| (source.id, source.name)).collect();
        let reasons = if principal.owner { library.counts()?.failed } else { Default::default() };
        let reasons = reasons.into_iter().map(|(value, count)| Count { value, count }).collect();
        let view = |failure: NotRead| {
            let name = names.get(&failure.location.source).cloned();
            failure_view(failure, name.unwrap_or_default())
        };
        Ok(FailuresAnswer { failures: failures.into_iter().map(view).collect(), reasons, more })
    });
    Ok(Json(answer.await?))
}

fn failure_view(failure: NotRead, source: String) -> FailureView {
    let path = failure.location.path_text();
    FailureView {
        source,
        path: if failure.part.is_empty() { path } else { format!("{path}!/{}", failure.part) },
        reason: failure.reason,
        detail: failure.detail,
    }
}
