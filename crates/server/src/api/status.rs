//! How much is there, and how far is the work?

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use intramuros_core::access::Principal;
use intramuros_core::perimeter::ATTACHED;
use intramuros_library::{Phase, Progress};
use intramuros_store::Counts;
use serde::Serialize;
use utoipa::ToSchema;

use crate::application::Shared;
use crate::failure::{Failure, FailureBody};
use crate::guard::Asker;
use crate::parameters::Parameters;

/// How much there is and how far the work is.
#[derive(Serialize, ToSchema)]
pub(crate) struct StatusAnswer {
    /// The program's version.
    #[schema(value_type = String)]
    pub version: &'static str,
    /// How far the work is.
    pub progress: ProgressView,
    /// How much there is; for the owner alone, since it counts documents of all people.
    pub counts: Option<CountsView>,
    /// Names of the sources; for the owner alone.
    pub sources: Vec<String>,
    /// Names of the models that write answers.
    pub writers: Vec<String>,
}

/// How far the work is.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct ProgressView {
    /// `idle`, `looking`, `reading`.
    #[schema(value_type = String)]
    pub phase: &'static str,
    /// Whether the words of everything that was read can be searched.
    pub words_in_step: bool,
    /// What is being done, in numbers; for the owner alone.
    pub work: Option<WorkView>,
}

/// What is being done, in numbers.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct WorkView {
    /// The source being read.
    pub source: String,
    /// Files found in it.
    pub files_found: u64,
    /// Of these, new or changed.
    pub files_to_read: u64,
    /// Of these, dealt with.
    pub files_done: u64,
    /// Of these, not readable.
    pub files_failed: u64,
    /// Passages in all.
    pub passages: u64,
    /// Passages that can be found by their meaning.
    pub embedded: u64,
    /// Texts that have a vector of the declared model, while those of an earlier one serve; none otherwise.
    pub renewing: Option<u64>,
    /// Texts embedded per second, lately.
    pub embedding_rate: f64,
    /// Seconds that reading will still take, as far as can be told.
    pub reading_seconds_left: Option<f64>,
    /// Seconds that embedding will still take, as far as can be told.
    pub embedding_seconds_left: Option<f64>,
    /// What stands in the way of the work.
    pub trouble: Option<String>,
}

/// How much there is.
#[derive(Serialize, ToSchema)]
pub(crate) struct CountsView {
    /// Files known.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files and parts that were not read.
    pub failed: u64,
    /// Documents that can be searched.
    pub documents: u64,
    /// Their passages.
    pub passages: u64,
}

/// That the server answers.
#[derive(Serialize, ToSchema)]
pub(crate) struct HealthAnswer {
    /// Always `ok`.
    #[schema(value_type = String)]
    pub status: &'static str,
}

/// How much there is and how far the work is.
#[utoipa::path(
    get, path = "/api/v1/status", tag = "state",
    responses(
        (status = 200, description = "The state", body = StatusAnswer),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn status(
    State(shared): State<Arc<Shared>>,
    Asker(principal): Asker,
    parameters: Parameters,
) -> Result<Json<StatusAnswer>, Failure> {
    parameters.finish()?;
    let writers = shared.writers.all().iter().map(|writer| writer.name().to_owned()).collect();
    let answer = shared.call(move |library| {
        let (counts, sources) = if principal.owner {
            let sources = library.store().sources()?.into_iter().map(|source| source.name);
            let sources = sources.filter(|name| name != ATTACHED).collect();
            (Some(library.counts()?.into()), sources)
        } else {
            (None, Vec::new())
        };
        let progress = ProgressView::of(&library.progress(), &principal);
        Ok(StatusAnswer { version: env!("CARGO_PKG_VERSION"), progress, counts, sources, writers })
    });
    Ok(Json(answer.await?))
}

/// That the server answers. Says nothing of what it holds.
#[utoipa::path(
    get, path = "/api/v1/health", tag = "state",
    responses((status = 200, description = "It answers", body = HealthAnswer))
)]
pub(crate) async fn health() -> Json<HealthAnswer> {
    Json(HealthAnswer { status: "ok" })
}

/// The word of a phase.
pub(crate) fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::Idle => "idle",
        Phase::Looking => "looking",
        Phase::Reading => "reading",
    }
}

impl ProgressView {
    /// What a principal is told: numbers count documents of all people, so only the owner gets them.
    pub fn of(progress: &Progress, principal: &Principal) -> ProgressView {
        ProgressView {
            phase: word(progress.phase),
            words_in_step: progress.words_in_step,
            work: principal.owner.then(|| WorkView {
                source: progress.source.clone(),
                files_found: progress.files_found,
                files_to_read: progress.files_to_read,
                files_done: progress.files_done,
                files_failed: progress.files_failed,
                passages: progress.passages,
                embedded: progress.embedded,
                renewing: progress.renewing,
                embedding_rate: progress.embedding_rate,
                reading_seconds_left: progress.reading_seconds_left,
                embedding_seconds_left: progress.embedding_seconds_left,
                trouble: progress.trouble.clone(),
            }),
        }
    }
}

impl From<Counts> for CountsView {
    fn from(counts: Counts) -> CountsView {
        CountsView {
            files: counts.files,
            bytes: counts.bytes,
            failed: counts.failed.values().sum(),
            documents: counts.documents,
            passages: counts.passages,
        }
    }
}
