//! How do people bring documents, and say who may read them?
//!
//! A file comes as the body of a request, is written beside while it comes, and counts once it is whole. It is read by
//! the same processes as every other file, and is never handed out as active content.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::StatusCode;
use futures_util::StreamExt;
use intramuros_accounts::{Role, Scope};
use intramuros_core::access::AccessRule;
use intramuros_core::error::Error;
use intramuros_journal::Event;
use intramuros_journal::time::now_ms;
use intramuros_library::uploads::{Bringing, Refusal, Upload, UploadState, folder_of};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use utoipa::{IntoParams, ToSchema};

use crate::api::form;
use crate::application::Shared;
use crate::caller::Caller;
use crate::failure::{Failure, FailureBody};
use crate::limits::{Limits, MAX_UPLOAD_BYTES, MAX_VALUE_BYTES, Sharer, UPLOAD_TIME};
use crate::parameters::Parameters;

/// Pieces that wait for the disk.
const WAITING: usize = 16;

/// What is said of a file that is brought.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // Read by name in `Parameters`; this is how the OpenAPI document learns of them.
pub(crate) struct UploadParameters {
    /// The source that takes it; the first that does when it is not given.
    source: Option<String>,
    /// Its name: `bail.pdf`.
    name: String,
    /// Who may read it beside who brings it: `me` (nobody else), `everyone`, `group:NAME` (one of one's own).
    readers: Option<String>,
    /// Whether one of the same name gives way.
    replace: Option<bool>,
}

/// Which file is meant.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // As above.
pub(crate) struct WhichUpload {
    /// The source.
    source: String,
    /// Its path in it.
    path: String,
}

/// Who may read a file from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReadersForm {
    /// The source.
    source: String,
    /// Its path in it.
    path: String,
    /// `me`, `everyone`, `group:NAME`.
    readers: String,
}

/// What somebody may bring, and what they brought.
#[derive(Serialize, ToSchema)]
pub(crate) struct UploadsAnswer {
    /// The sources that take files; none where nothing is taken.
    pub sources: Vec<String>,
    /// The groups that a file can be given to: one's own.
    pub groups: BTreeSet<String>,
    /// Most bytes of a file.
    pub most_bytes: u64,
    /// What one brought, the latest first.
    pub uploads: Vec<UploadView>,
}

/// A file that was brought.
#[derive(Serialize, ToSchema)]
pub(crate) struct UploadView {
    /// The source.
    pub source: String,
    /// Its path in it.
    pub path: String,
    /// Its name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// `me`, `everyone`, `group:NAME`.
    pub readers: String,
    /// `waiting`, `read`, `failed`.
    #[schema(value_type = String)]
    pub state: &'static str,
    /// Number of its document, once it is read.
    pub document: Option<i64>,
    /// Why it could not be read: the word, as in the list of failures.
    pub reason: Option<String>,
    /// And what it was.
    pub detail: Option<String>,
}

/// A file that is kept.
#[derive(Serialize, ToSchema)]
pub(crate) struct UploadedAnswer {
    /// The source.
    pub source: String,
    /// Its path in it.
    pub path: String,
    /// Bytes.
    pub size: u64,
}

/// What one may bring, and what one brought.
#[utoipa::path(
    get, path = "/api/v1/uploads", tag = "documents",
    responses(
        (status = 200, description = "What one brought", body = UploadsAnswer),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn uploads(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Json<UploadsAnswer>, Failure> {
    parameters.finish()?;
    let folder = folder_of(caller.principal.user.as_deref());
    let groups = caller.principal.groups.clone();
    let answer = shared.call(move |library| {
        let sources = library.upload_sources();
        let mut views = Vec::new();
        for source in &sources {
            let brought = library.uploads(source, &folder)?;
            views.extend(brought.into_iter().map(|upload| view(source, upload)));
        }
        Ok(UploadsAnswer { sources, groups, most_bytes: MAX_UPLOAD_BYTES, uploads: views })
    });
    Ok(Json(answer.await?))
}

/// Brings a file. It is kept when this answers; it is found a moment later.
#[utoipa::path(
    post, path = "/api/v1/uploads", tag = "documents",
    params(UploadParameters),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The file"),
    responses(
        (status = 201, description = "It is kept", body = UploadedAnswer),
        (status = 409, description = "There is one of this name", body = FailureBody),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn bring(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    mut parameters: Parameters,
    body: Body,
) -> Result<(StatusCode, Json<UploadedAnswer>), Failure> {
    let name = named(&mut parameters)?;
    let readers = parameters.one("readers")?;
    let source = parameters.one("source")?;
    let replace = parameters.flag("replace")?;
    parameters.finish()?;
    let rule = rule_of(readers.as_deref().unwrap_or(ME), &caller)?;
    // A browser sends six files at once: some wait for the others.
    let _turn = shared.bringing.take(Some(&Sharer::from(&caller)), shared.limits.upload_pause).await?;
    let library = shared.library();
    let source = source.or_else(|| library.upload_sources().into_iter().next()).unwrap_or_default();
    let folder = folder_of(caller.principal.user.as_deref());
    let begun = {
        let (library, source) = (Arc::clone(&library), source.clone());
        shared.waiting(move || library.bring(&source, &folder, &name, replace)).await?
    };
    let (bringing, size) = receive(begun.map_err(refused)?, body, MAX_UPLOAD_BYTES, &shared.limits).await?;
    let kept = shared.waiting(move || library.keep(bringing, rule, now_ms())).await?;
    let path = kept.map_err(refused)?;
    note(&shared, &caller, "document brought", &source, &path).await?;
    Ok((StatusCode::CREATED, Json(UploadedAnswer { source, path, size })))
}

/// Says who may read a file that one brought.
#[utoipa::path(
    put, path = "/api/v1/uploads", tag = "documents",
    request_body = ReadersForm,
    responses(
        (status = 204, description = "It is so from now on"),
        (status = 404, description = "There is no such file of one's own", body = FailureBody),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn let_read(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Bytes,
) -> Result<StatusCode, Failure> {
    let ReadersForm { source, path, readers } = form(&body)?;
    let rule = rule_of(&readers, &caller)?;
    check_own(&path, &caller)?;
    let library = shared.library();
    let (told, after) = ((source.clone(), path.clone()), rule.clone());
    let before = shared.waiting(move || library.let_read(&source, &path, rule)).await?.map_err(refused)?;
    let Some(before) = before else { return Err(Failure::not_found()) };
    let (source, path) = told;
    let event =
        Event::AccessChanged { by: caller.name(), source, path, before: Some(before), after: Some(after) };
    shared.note(event).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a file that one brought. An administrator may remove any.
#[utoipa::path(
    delete, path = "/api/v1/uploads", tag = "documents",
    params(WhichUpload),
    responses(
        (status = 204, description = "It is gone, and found no more"),
        (status = 404, description = "There is no such file of one's own", body = FailureBody),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn take_away(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<StatusCode, Failure> {
    let mut text = |name: &str| -> Result<String, Failure> {
        let value = parameters.one(name)?.filter(|value| value.len() <= 4 * MAX_VALUE_BYTES);
        value.ok_or_else(|| Failure::bad_request(format!("`{name}` is missing, or too long")))
    };
    let (source, path) = (text("source")?, text("path")?);
    parameters.finish()?;
    // A token does what its scopes say, also an administrator's.
    let administers = caller.scopes.as_ref().is_none_or(|scopes| scopes.hold(Scope::Administer));
    if !(administers && caller.is(Role::Administrator)) {
        check_own(&path, &caller)?;
    }
    let library = shared.library();
    let told = (source.clone(), path.clone());
    let there = shared.waiting(move || library.take_away(&source, &path)).await?.map_err(refused)?;
    if !there {
        return Err(Failure::not_found());
    }
    note(&shared, &caller, "document taken away", &told.0, &told.1).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Nobody but who brings it (and the owner, who reads everything).
const ME: &str = "me";

const EVERYONE: &str = "everyone";

/// Before the name of a group.
const GROUP: &str = "group:";

/// The access rule that somebody chose.
fn rule_of(readers: &str, caller: &Caller) -> Result<AccessRule, Failure> {
    let own = caller.principal.user.clone();
    match readers.strip_prefix(GROUP) {
        None if readers == ME => Ok(AccessRule::readers(own, None::<String>)),
        None if readers == EVERYONE => {
            Ok(AccessRule { everyone: true, ..AccessRule::readers(own, None::<String>) })
        }
        // A group that is not theirs is as good as none: what there is beside, they need not know.
        Some(group) if caller.principal.groups.contains(group) => Ok(AccessRule::readers(own, [group])),
        _ => Err(Failure::bad_request("`readers` is `me`, `everyone`, or `group:` with one of your groups")),
    }
}

fn readers_of(rule: &AccessRule) -> String {
    match rule.groups.iter().next() {
        _ if rule.everyone => EVERYONE.to_owned(),
        Some(group) => format!("{GROUP}{group}"),
        None => ME.to_owned(),
    }
}

fn check_own(path: &str, caller: &Caller) -> Result<(), Failure> {
    let own = format!("{}/", folder_of(caller.principal.user.as_deref()));
    if path.starts_with(&own) { Ok(()) } else { Err(Failure::not_found()) }
}

/// The name under which a file comes.
pub(super) fn named(parameters: &mut Parameters) -> Result<String, Failure> {
    parameters.one("name")?.ok_or_else(|| Failure::bad_request("the name of the file is missing"))
}

/// Writes a body as it comes, within the limits.
pub(super) async fn receive(
    bringing: Bringing,
    body: Body,
    most_bytes: u64,
    limits: &Limits,
) -> Result<(Bringing, u64), Failure> {
    let (sender, mut receiver) = mpsc::channel::<Bytes>(WAITING);
    let writing = tokio::task::spawn_blocking(move || -> std::io::Result<Bringing> {
        let mut bringing = bringing;
        while let Some(piece) = receiver.blocking_recv() {
            bringing.write_all(&piece)?;
        }
        Ok(bringing)
    });
    let received = tokio::time::timeout(UPLOAD_TIME, pass_on(body, sender, most_bytes, limits)).await;
    let written = writing.await.map_err(Failure::internal)?;
    // What the disk says comes first: that the pieces found nobody is its consequence.
    let bringing = written.map_err(|error| refused(Refusal::Disk(error)))?;
    let size = received.map_err(|_| Failure::slow())??;
    Ok((bringing, size))
}

async fn pass_on(
    body: Body,
    sender: mpsc::Sender<Bytes>,
    most_bytes: u64,
    limits: &Limits,
) -> Result<u64, Failure> {
    let mut pieces = body.into_data_stream();
    let mut size = 0u64;
    let mut patience = limits.upload_pause;
    loop {
        let began = Instant::now();
        let piece = tokio::time::timeout(patience, pieces.next()).await.map_err(|_| Failure::late())?;
        let Some(piece) = piece else { return Ok(size) };
        let piece = piece.map_err(|_| Failure::bad_request("the file did not come whole"))?;
        // What the disk takes after it is not the sender's fault, and not counted.
        patience = patience_after(patience, began.elapsed(), piece.len(), limits);
        size += piece.len() as u64;
        if size > most_bytes {
            return Err(Failure::too_large(format!("at most {most_bytes} bytes are taken of one file")));
        }
        if sender.send(piece).await.is_err() {
            return Ok(size);
        }
    }
}

/// How long the next piece of a file may take, after one that took `waited`. Waiting uses patience up and bytes earn it, as
/// much as at the least speed, so that a drip comes to an end; never more than one pause.
fn patience_after(patience: Duration, waited: Duration, bytes: usize, limits: &Limits) -> Duration {
    let earned = limits.upload_pause.mul_f64(bytes as f64 / limits.upload_least.max(1) as f64);
    (patience.saturating_sub(waited) + earned).min(limits.upload_pause)
}

pub(super) fn refused(refusal: Refusal) -> Failure {
    match refusal {
        Refusal::Source => Failure::not_found(),
        Refusal::Name(why) => Failure::bad_request(why),
        Refusal::Taken => {
            Failure::conflict(refusal.to_string()).hint("give it another name, or say `replace=true`")
        }
        Refusal::TooMuch(why) => Failure::too_large(why),
        Refusal::Disk(error) => Failure::from(Error::internal("the document can't be kept").because(error)),
    }
}

async fn note(
    shared: &Shared,
    caller: &Caller,
    action: &str,
    source: &str,
    path: &str,
) -> Result<(), Failure> {
    let on = [("source".to_owned(), source.to_owned()), ("path".to_owned(), path.to_owned())];
    let event = Event::Administered { by: caller.name(), action: action.to_owned(), on: on.into() };
    shared.note(event).await
}

/// How far the reading of a file is: the word, its document, and why it could not be read.
pub(super) fn state_of(state: UploadState) -> (&'static str, Option<i64>, Option<String>, Option<String>) {
    match state {
        UploadState::Waiting => ("waiting", None, None, None),
        UploadState::Read(document) => ("read", document.map(|id| id.0), None, None),
        UploadState::Failed(reason, detail) => ("failed", None, Some(reason), Some(detail)),
    }
}

fn view(source: &str, upload: Upload) -> UploadView {
    let (state, document, reason, detail) = state_of(upload.state);
    UploadView {
        source: source.to_owned(),
        name: upload.path.rsplit('/').next().unwrap_or_default().to_owned(),
        path: upload.path,
        size: upload.size,
        at_ms: upload.at_ms,
        readers: readers_of(&upload.rule),
        state,
        document,
        reason,
        detail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_drips_uses_up_patience_and_one_that_comes_earns_it() {
        let seconds = Duration::from_secs;
        let limits = Limits { upload_pause: seconds(60), upload_least: 60_000, ..Limits::default() };
        let check = |patience: u64, waited: u64, bytes: usize, expected: u64| {
            let left = patience_after(seconds(patience), seconds(waited), bytes, &limits);
            assert_eq!(left.as_secs_f64().round() as u64, expected, "{patience} {waited} {bytes}");
        };
        check(60, 10, 0, 50);
        check(60, 10, 5_000, 55);
        check(60, 10, 10_000, 60);
        check(60, 1, 100_000_000, 60);
        check(5, 10, 0, 0);
        check(5, 10, 2_000, 2);
    }
}
