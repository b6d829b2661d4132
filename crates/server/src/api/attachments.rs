//! What do people attach to one of their conversations, for its questions alone?
//!
//! It comes as what people bring does (see `uploads`), and goes with its conversation: at once where one is deleted here,
//! and at the next look ([`tidy`]) where it went in another way.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use intramuros_core::access::{AccessRule, Principal};
use intramuros_core::perimeter::ATTACHED;
use intramuros_journal::time::now_ms;
use intramuros_library::attached::MAX_FILES;
use intramuros_library::renamed;
use intramuros_library::uploads::Upload;
use intramuros_store::people::{ConversationId, People, Renamed};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::account::act;
use super::conversations::whose;
use super::number;
use super::uploads::{named, receive, refused, state_of};
use crate::application::Shared;
use crate::caller::Caller;
use crate::failure::{Failure, FailureBody};
use crate::limits::{MAX_ATTACHED_BYTES, Sharer};
use crate::parameters::Parameters;

/// How often what is attached to conversations that are gone is looked for, beside the moments when one is deleted.
const TIDY_EVERY: Duration = Duration::from_secs(3600);

/// What is said of a file that is attached.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // Read by name in `Parameters`; this is how the OpenAPI document learns of them.
pub(crate) struct AttachParameters {
    /// Its name: `bail.pdf`.
    name: String,
    /// Whether one of the same name gives way.
    replace: Option<bool>,
}

/// Which file is meant.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // As above.
pub(crate) struct WhichAttachment {
    /// Its name.
    name: String,
}

/// What is attached to a conversation.
#[derive(Serialize, ToSchema)]
pub(crate) struct AttachmentsAnswer {
    /// Most bytes of a file.
    pub most_bytes: u64,
    /// Most files of a conversation.
    pub most_files: usize,
    /// The files, the latest first.
    pub attachments: Vec<AttachmentView>,
}

/// A file that is attached.
#[derive(Serialize, ToSchema)]
pub(crate) struct AttachmentView {
    /// Its name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// When it was attached, in milliseconds since 1970.
    pub at_ms: i64,
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
pub(crate) struct AttachedAnswer {
    /// Its name.
    pub name: String,
    /// Bytes.
    pub size: u64,
}

/// What is attached to one of one's own conversations.
#[utoipa::path(
    get, path = "/api/v1/conversations/{id}/attachments", tag = "conversations",
    params(("id" = i64, Path, description = "Number of the conversation")),
    responses(
        (status = 200, description = "The files", body = AttachmentsAnswer),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn attachments(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Json<AttachmentsAnswer>, Failure> {
    parameters.finish()?;
    let id = own(&shared, &caller, &id).await?;
    let found = shared.call(move |library| library.attached(id.0)).await?;
    let attachments = found.into_iter().map(view).collect();
    Ok(Json(AttachmentsAnswer { most_bytes: MAX_ATTACHED_BYTES, most_files: MAX_FILES, attachments }))
}

/// Attaches a file to one of one's own conversations. It is kept when this answers; its questions find it a moment later.
#[utoipa::path(
    post, path = "/api/v1/conversations/{id}/attachments", tag = "conversations",
    params(("id" = i64, Path, description = "Number of the conversation"), AttachParameters),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The file"),
    responses(
        (status = 201, description = "It is kept", body = AttachedAnswer),
        (status = 409, description = "There is one of this name", body = FailureBody),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn attach(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path(id): Path<String>,
    mut parameters: Parameters,
    body: Body,
) -> Result<(StatusCode, Json<AttachedAnswer>), Failure> {
    let name = named(&mut parameters)?;
    let replace = parameters.flag("replace")?;
    parameters.finish()?;
    let id = own(&shared, &caller, &id).await?;
    let _turn = shared.bringing.take(Some(&Sharer::from(&caller)), shared.limits.upload_pause).await?;
    let principal: Principal = caller.principal.clone();
    let rule = AccessRule::attached(&principal, id.0);
    let begun = {
        let (library, name) = (shared.library(), name.clone());
        shared.waiting(move || library.attach(&principal, id.0, &name, replace)).await?
    };
    let (bringing, size) = receive(begun.map_err(refused)?, body, MAX_ATTACHED_BYTES, &shared.limits).await?;
    // While it came, the conversation may have been deleted.
    own(&shared, &caller, &id.0.to_string()).await?;
    let library = shared.library();
    shared.waiting(move || library.keep(bringing, rule, now_ms())).await?.map_err(refused)?;
    note(&shared, &caller, "document attached", id, &name).await?;
    Ok((StatusCode::CREATED, Json(AttachedAnswer { name, size })))
}

/// Removes a file from one of one's own conversations.
#[utoipa::path(
    delete, path = "/api/v1/conversations/{id}/attachments", tag = "conversations",
    params(("id" = i64, Path, description = "Number of the conversation"), WhichAttachment),
    responses(
        (status = 204, description = "It is gone, and found no more"),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn detach(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path(id): Path<String>,
    mut parameters: Parameters,
) -> Result<StatusCode, Failure> {
    let name = named(&mut parameters)?;
    parameters.finish()?;
    let id = own(&shared, &caller, &id).await?;
    let (library, its) = (shared.library(), name.clone());
    if !shared.waiting(move || library.detach(id.0, &its)).await?.map_err(refused)? {
        return Err(Failure::not_found());
    }
    note(&shared, &caller, "document detached", id, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// One of one's own conversations; of others it is not told whether they are there.
async fn own(shared: &Shared, caller: &Caller, id: &str) -> Result<ConversationId, Failure> {
    let reader = whose(caller)?;
    let id = ConversationId(number(id)?);
    let found = shared.accounts()?.people(move |people| people.conversation(id, reader)).await?;
    found.filter(|found| found.whose == reader).map(|_| id).ok_or_else(Failure::not_found)
}

async fn note(
    shared: &Shared,
    caller: &Caller,
    action: &str,
    id: ConversationId,
    name: &str,
) -> Result<(), Failure> {
    shared.note(act(caller, action, &[("conversation", &id.0.to_string()), ("name", name)])).await
}

fn view(upload: Upload) -> AttachmentView {
    let (state, document, reason, detail) = state_of(upload.state);
    let name = upload.path.rsplit('/').next().unwrap_or_default().to_owned();
    AttachmentView { name, size: upload.size, at_ms: upload.at_ms, state, document, reason, detail }
}

/// Has what people brought follow the names that changed, those of people who are gone as well.
pub(crate) async fn follow_names(shared: &Shared) -> Result<(), Failure> {
    let Some(accounts) = shared.accounts.clone() else { return Ok(()) };
    // One at a time: names are followed in the order in which they changed.
    let _turn = shared.following.lock().await;
    for rename in accounts.people(People::renames).await? {
        let before = rename.before.clone();
        let renamed = match &rename.of {
            Renamed::Person(_, Some(after)) => renamed::Renamed::Person(before, after.clone()),
            Renamed::Person(id, None) => renamed::Renamed::Gone(before, id.0),
            Renamed::Group(after) => renamed::Renamed::Group(before, after.clone()),
        };
        let library = shared.library();
        shared.waiting(move || library.rename_in_brought(&renamed)).await?.map_err(refused)?;
        accounts.people(move |people| people.followed(&rename)).await?;
    }
    Ok(())
}

/// Removes what is attached to conversations that are gone, whatever took them: their person, a fuller list, a fall of the
/// program in between. What others brought follows their names.
pub(crate) async fn tidy(shared: &Shared) -> Result<(), Failure> {
    follow_names(shared).await?;
    let Some(accounts) = shared.accounts.clone() else { return Ok(()) };
    let library = shared.library();
    let known = shared.waiting(move || library.attached_to()).await?.map_err(refused)?;
    if known.is_empty() {
        return Ok(());
    }
    let (mut gone, library) = (known, shared.library());
    for id in gone.clone() {
        if accounts.people(move |people| people.has_conversation(ConversationId(id))).await? {
            gone.remove(&id);
        }
    }
    let removed = shared.waiting(move || library.detach_all(&gone)).await?.map_err(refused)?;
    if removed > 0 {
        tracing::info!(removed, "what was attached to conversations that are gone was removed");
    }
    Ok(())
}

/// Tidies at the start, and from time to time, until the program stops.
pub(crate) fn keep_tidy(shared: Arc<Shared>) {
    tokio::spawn(async move {
        let mut stopping = shared.stopping.clone();
        loop {
            if let Err(failure) = tidy(&shared).await {
                tracing::warn!(
                    kind = failure.kind,
                    source = ATTACHED,
                    "what is attached can't be looked through"
                );
            }
            tokio::select! {
                _ = stopping.changed() => return,
                () = tokio::time::sleep(TIDY_EVERY) => {}
            }
        }
    });
}
