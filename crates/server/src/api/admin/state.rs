//! How do sources and models do, and what is declared where?

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use intramuros_core::perimeter::host::{parse_url, with_port};
use intramuros_core::perimeter::{Model, ModelKind, ModelUse};
use intramuros_journal::time::now_ms;
use intramuros_library::Phase;
use intramuros_sources::{Outcome, State as PlaceState};
use intramuros_store::people::Use;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::Count;
use crate::api::account::act;
use crate::application::Shared;
use crate::caller::Caller;
use crate::failure::{Failure, FailureBody};
use crate::parameters::Parameters;

/// Sources.
#[derive(Serialize, ToSchema)]
pub(crate) struct SourcesAnswer {
    /// In the order of the file.
    pub sources: Vec<SourceView>,
    /// What stands in the way of the work.
    pub trouble: Option<String>,
    /// Whether everything that was read can be found by its words.
    pub words_in_step: bool,
    /// Passages in all.
    pub passages: u64,
    /// Of these, found by their meaning.
    pub embedded: u64,
}

/// A source and how far it is.
#[derive(Serialize, ToSchema)]
pub(crate) struct SourceView {
    /// Its name.
    pub name: String,
    /// Where its documents come from.
    pub place: String,
    /// What it is: `folder`, `webdav`, `git`, `s3`, `web`, `imap`.
    #[schema(value_type = String)]
    pub kind: &'static str,
    /// Where its access rules come from: `rules`, `file-system` or `source`.
    #[schema(value_type = String)]
    pub access: &'static str,
    /// `idle`, `looking`, `reading`.
    #[schema(value_type = String)]
    pub phase: &'static str,
    /// Files known.
    pub files: u64,
    /// Documents that can be found.
    pub documents: u64,
    /// Files and parts that were not read, by reason.
    pub failed: Vec<Count>,
    /// Whether it is declared still.
    pub declared: bool,
    /// How fetching does; none for what is read where it lies.
    pub fetching: Option<FetchingView>,
}

/// How a place outside does.
#[derive(Serialize, ToSchema)]
pub(crate) struct FetchingView {
    /// `waiting`, `fetching`, `reading`.
    #[schema(value_type = String)]
    pub phase: &'static str,
    /// When it was last seen whole, in milliseconds since 1970; none when it never was.
    pub whole_ms: Option<i64>,
    /// When it is looked at next, in milliseconds since 1970.
    pub next_ms: Option<i64>,
    /// Looks that failed since.
    pub failures: u32,
    /// The look that is going on, or the last one.
    pub last: Option<LookView>,
}

/// What one look at a place outside came to.
#[derive(Serialize, ToSchema)]
pub(crate) struct LookView {
    /// When it began, in milliseconds since 1970.
    pub began_ms: i64,
    /// When it ended; 0 while it goes on.
    pub ended_ms: i64,
    /// Files found there.
    pub found: u64,
    /// Of these, fetched now.
    pub fetched: u64,
    /// Of these, the same as before.
    pub unchanged: u64,
    /// Of these, not fetched, each with its reason among what was not read.
    pub unread: u64,
    /// Names that no file can have here.
    pub refused: u64,
    /// Files that are gone.
    pub removed: u64,
    /// Bytes fetched.
    pub bytes: u64,
    /// Why it was not seen whole: `credentials`, `unreachable`, `odd`, `limit`, `own`, `stopped`; none when it was.
    pub failure: Option<String>,
    /// The same in words.
    pub why: Option<String>,
    /// Parts that could not be looked at, with the reason; the first of them.
    pub troubles: Vec<TroubleView>,
}

/// A part of a place that could not be looked at.
#[derive(Serialize, ToSchema)]
pub(crate) struct TroubleView {
    /// Its path there.
    pub path: String,
    /// Why.
    pub why: String,
}

impl From<PlaceState> for FetchingView {
    fn from(state: PlaceState) -> FetchingView {
        FetchingView {
            phase: state.phase.word(),
            whole_ms: state.whole_ms,
            next_ms: state.next_ms,
            failures: state.failures,
            last: state.last.map(LookView::from),
        }
    }
}

impl From<Outcome> for LookView {
    fn from(look: Outcome) -> LookView {
        let troubles = look.troubles.into_iter().map(|(path, why)| TroubleView { path, why });
        LookView {
            began_ms: look.began_ms,
            ended_ms: look.ended_ms,
            found: look.found,
            fetched: look.fetched,
            unchanged: look.unchanged,
            unread: look.unread,
            refused: look.refused,
            removed: look.removed,
            bytes: look.bytes,
            failure: look.failure,
            why: look.why,
            troubles: troubles.collect(),
        }
    }
}

/// Models.
#[derive(Serialize, ToSchema)]
pub(crate) struct ModelsAnswer {
    /// In the order of the file; the built-in one is not among them.
    pub models: Vec<ModelView>,
}

/// A declared model and its use.
#[derive(Serialize, ToSchema)]
pub(crate) struct ModelView {
    /// Its name.
    pub name: String,
    /// `open-ai` or `gguf`.
    #[schema(value_type = String)]
    pub kind: &'static str,
    /// What for.
    #[schema(value_type = String)]
    pub purpose: &'static str,
    /// Host and port; none for a file.
    pub place: Option<String>,
    /// Who runs it, as declared of it or of the way to it; none for this machine.
    pub operator: Option<String>,
    /// Under whose law it stands, likewise.
    pub jurisdiction: Option<String>,
    /// Tokens of its longest answer, where that is declared.
    pub max_tokens: Option<u32>,
    /// Tokens that one person may use of it in a day (UTC), where that is declared.
    pub tokens_per_person_per_day: Option<u64>,
    /// What it was used for today (UTC); none where it writes no answers.
    pub today: Option<TodayView>,
    /// Requests that left since the start.
    pub allowed: u64,
    /// Requests that were refused since the start.
    pub refused: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Last use or attempt, in milliseconds since 1970.
    pub last_ms: Option<i64>,
}

/// What a model was used for today (UTC), by everybody together.
#[derive(Default, Serialize, ToSchema)]
pub(crate) struct TodayView {
    /// Questions that it answered.
    pub questions: u64,
    /// Times that it failed.
    pub failed: u64,
    /// Tokens of questions with their passages.
    pub prompt_tokens: u64,
    /// Tokens of answers.
    pub completion_tokens: u64,
}

impl TodayView {
    fn of(model: &Model, used: &[Use]) -> Option<TodayView> {
        if model.purpose != ModelUse::Answers {
            return None;
        }
        let mut today = TodayView::default();
        for one in used.iter().filter(|one| one.model == model.name) {
            today.questions += one.questions;
            today.failed += one.failed;
            today.prompt_tokens += one.prompt_tokens;
            today.completion_tokens += one.completion_tokens;
        }
        Some(today)
    }
}

/// Settings.
#[derive(Serialize, ToSchema)]
pub(crate) struct SettingsAnswer {
    /// Name of the file; none where there is none.
    pub file: Option<String>,
    /// Every value that holds.
    pub settings: Vec<SettingView>,
}

/// A value that holds.
#[derive(Serialize, ToSchema)]
pub(crate) struct SettingView {
    /// Its path: `egress[0].host`.
    pub path: String,
    /// The value, as TOML writes it.
    pub value: String,
    /// Where it comes from.
    pub origin: String,
    /// Whether it is the default.
    pub default: bool,
}

/// How far each source is.
#[utoipa::path(
    get, path = "/api/v1/sources", tag = "administration",
    responses(
        (status = 200, description = "The sources", body = SourcesAnswer),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn sources(
    State(shared): State<Arc<Shared>>,
    parameters: Parameters,
) -> Result<Json<SourcesAnswer>, Failure> {
    parameters.finish()?;
    let states = shared.walls.places.as_ref().map(|places| places.states()).unwrap_or_default();
    let answer = shared.call(move |library| {
        let perimeter = library.perimeter();
        let progress = library.progress();
        let mut by_source: BTreeMap<String, _> = library
            .store()
            .counts_by_source()?
            .into_iter()
            .map(|counts| (counts.name.clone(), counts))
            .collect();
        let mut views = Vec::new();
        for source in &perimeter.sources {
            let counts = by_source.remove(&source.name).unwrap_or_default();
            let phase = if progress.source == source.name { progress.phase } else { Phase::Idle };
            views.push(SourceView {
                name: source.name.clone(),
                place: source.place(),
                kind: source.kind.word(),
                access: source.access.word(),
                phase: crate::api::status::word(phase),
                files: counts.files,
                documents: counts.documents,
                failed: failed(counts.failed),
                declared: true,
                fetching: states.iter().find(|state| state.name == source.name).cloned().map(Into::into),
            });
        }
        views.extend(by_source.into_values().map(|counts| SourceView {
            name: counts.name,
            place: String::new(),
            kind: "",
            access: "rules",
            phase: "idle",
            files: counts.files,
            documents: counts.documents,
            failed: failed(counts.failed),
            declared: false,
            fetching: None,
        }));
        Ok(SourcesAnswer {
            sources: views,
            trouble: progress.trouble,
            words_in_step: progress.words_in_step,
            passages: progress.passages,
            embedded: progress.embedded,
        })
    });
    Ok(Json(answer.await?))
}

/// Looks at a place outside now, rather than at its time.
#[utoipa::path(
    post, path = "/api/v1/sources/{source}/fetch", tag = "administration",
    params(("source" = String, Path, description = "The source's name")),
    responses(
        (status = 204, description = "It will be looked at"),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn fetch(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path(source): Path<String>,
    parameters: Parameters,
) -> Result<StatusCode, Failure> {
    parameters.finish()?;
    let places = shared.walls.places.clone().ok_or_else(Failure::not_found)?;
    if !places.names().any(|name| name == source) {
        return Err(Failure::not_found());
    }
    shared.note(act(&caller, "asked for a source to be fetched", &[("source", &source)])).await?;
    places.ask(&source);
    Ok(StatusCode::NO_CONTENT)
}

fn failed(reasons: BTreeMap<String, u64>) -> Vec<Count> {
    reasons.into_iter().map(|(value, count)| Count { value, count }).collect()
}

/// The declared models: who runs them, their limits, their use today and what went to them since the start.
#[utoipa::path(
    get, path = "/api/v1/models", tag = "administration",
    responses(
        (status = 200, description = "The models", body = ModelsAnswer),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn models(
    State(shared): State<Arc<Shared>>,
    parameters: Parameters,
) -> Result<Json<ModelsAnswer>, Failure> {
    parameters.finish()?;
    let accounts = shared.walls.egress.as_ref().map(|egress| egress.accounts()).unwrap_or_default();
    let perimeter = shared.library().perimeter();
    let today = match &shared.accounts {
        Some(accounts) => accounts.people(|people| people.used(1, now_ms())).await?,
        None => Vec::new(),
    };
    let models = perimeter.models.iter().map(|model| {
        let place = model.url.as_deref().and_then(|url| parse_url(url).ok());
        let place = place.map(|(_, host, port, _)| with_port(&host, port));
        let purpose = model.purpose.purpose();
        let used = accounts
            .iter()
            .find(|account| account.purpose == purpose && Some(&account.place) == place.as_ref());
        ModelView {
            name: model.name.clone(),
            kind: match model.kind {
                ModelKind::Gguf => "gguf",
                _ => "open-ai",
            },
            purpose: purpose.word(),
            operator: perimeter.operator_of(model).map(str::to_owned),
            jurisdiction: perimeter.jurisdiction_of(model).map(str::to_owned),
            max_tokens: model.max_tokens,
            tokens_per_person_per_day: model.tokens_per_person_per_day,
            today: TodayView::of(model, &today),
            allowed: used.map_or(0, |account| account.allowed),
            refused: used.map_or(0, |account| account.refused),
            bytes_out: used.map_or(0, |account| account.bytes_out),
            bytes_in: used.map_or(0, |account| account.bytes_in),
            last_ms: used.map(|account| account.last_ms),
            place,
        }
    });
    Ok(Json(ModelsAnswer { models: models.collect() }))
}

/// Every value that holds, and where it is declared. Secrets are in files of their own and not among them.
#[utoipa::path(
    get, path = "/api/v1/settings", tag = "administration",
    responses(
        (status = 200, description = "The settings", body = SettingsAnswer),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn settings(
    State(shared): State<Arc<Shared>>,
    parameters: Parameters,
) -> Result<Json<SettingsAnswer>, Failure> {
    parameters.finish()?;
    let perimeter = shared.library().perimeter();
    let file = perimeter.file().map(str::to_owned);
    let name = file.as_deref().map(std::path::Path::new).and_then(|file| file.file_name());
    let name = name.map_or("intramuros.toml".into(), |name| name.to_string_lossy());
    let settings = perimeter.effective().into_iter().map(|one| SettingView {
        default: one.origin == intramuros_core::perimeter::Origin::Default,
        origin: one.origin.in_words(&name),
        path: one.path,
        value: one.value,
    });
    Ok(Json(SettingsAnswer { settings: settings.collect(), file }))
}
