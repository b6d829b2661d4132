//! What does the declared model write, sentence by sentence, and does it hold?

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event as SseEvent, KeepAlive};
use futures_util::Stream;
use futures_util::stream::unfold;
use intramuros_core::chat::{Message, Role};
use intramuros_dialogue::{Asking, Event};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{DocumentHead, Standing, pair};
use crate::answering::{Answering, begin};
use crate::application::Shared;
use crate::failure::{Failure, FailureBody};
use crate::guard::Asker;
use crate::limits::EVENT_KEEP_ALIVE;

/// What is asked.
#[derive(Deserialize, ToSchema)]
pub(crate) struct AnswerRequest {
    /// The question, at most 8,192 bytes.
    pub question: String,
    /// Name of a declared model; the first one when not given.
    #[serde(default)]
    pub model: Option<String>,
    /// What was said before, oldest first.
    #[serde(default)]
    pub history: Vec<Turn>,
}

/// One thing said before.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Turn {
    /// Whether the person said it, rather than the assistant.
    pub person: bool,
    /// What.
    pub text: String,
}

/// Answers with the declared model, or with sentences of the documents where none is declared. Events, in this order:
/// `sources` once, `model`, `draft` (not checked yet) and `sentence` (checked) any number of times, `end` once.
#[utoipa::path(
    post, path = "/api/v1/answer", tag = "search", request_body = AnswerRequest,
    responses(
        (status = 200, description = "Events as they happen", body = String, content_type = "text/event-stream"),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn answer(
    State(shared): State<Arc<Shared>>,
    Asker(principal): Asker,
    body: Bytes,
) -> Result<Sse<impl Stream<Item = Result<SseEvent, Infallible>>>, Failure> {
    let asked: AnswerRequest = serde_json::from_slice(&body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Failure::bad_request(format!("the body is not the JSON expected (line {line}, column {column})"))
    })?;
    let known = |name: &String| shared.writers.endpoints().iter().any(|endpoint| endpoint.name() == name);
    if asked.model.as_ref().is_some_and(|name| !known(name)) {
        return Err(Failure::model_not_found());
    }
    let said = |turn: Turn| Message::new(if turn.person { Role::User } else { Role::Assistant }, turn.text);
    let history = asked.history.into_iter().map(said).collect();
    let asking = Asking { question: asked.question, history, ..Asking::default() };
    let answering = begin(&shared, &principal, asking, asked.model).await?;
    let events = unfold(answering, |mut answering: Answering| async move {
        let event = answering.events.recv().await?;
        let (name, data) = view(event);
        Some((Ok(SseEvent::default().event(name).data(data.to_string())), answering))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(EVENT_KEEP_ALIVE)))
}

/// An event as the page reads it.
fn view(event: Event) -> (&'static str, Value) {
    match event {
        Event::Sources { sources } => {
            let sources: Vec<Value> = sources
                .into_iter()
                .map(|source| {
                    let standing = Standing {
                        headings: source.headings,
                        pages: pair(source.pages),
                        lines: pair(source.lines),
                        section: source.section,
                        start: source.range.start,
                        end: source.range.end,
                    };
                    let mut view = json!(standing);
                    if let Some(fields) = view.as_object_mut() {
                        fields.insert("number".to_owned(), json!(source.number));
                        fields.insert("passage".to_owned(), json!(source.passage.0));
                        fields.insert("document".to_owned(), json!(DocumentHead::from(source.document)));
                    }
                    view
                })
                .collect();
            ("sources", json!({"citations": sources}))
        }
        Event::Model { name, instead_of } => {
            let instead_of = instead_of.map(|(name, why)| json!({"name": name, "why": why}));
            ("model", json!({"name": name, "instead_of": instead_of}))
        }
        Event::Quoting => ("quoting", json!({})),
        Event::Draft { text } => ("draft", json!({"text": text})),
        Event::Sentence { text, cited, unsupported, new_line } => (
            "sentence",
            json!({"text": text, "cited": cited, "unsupported": unsupported, "new_line": new_line}),
        ),
        Event::End(ending) => ("end", json!(ending)),
    }
}
