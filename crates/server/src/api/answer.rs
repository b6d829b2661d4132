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
use intramuros_dialogue::{Asking, Citation, Event, MAX_TURNS};
use intramuros_library::SearchOptions;
use intramuros_store::people::{ConversationId, MOST_TURNS, Whose};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::conversations::whose;
use super::keeping::{Begins, Keeping, keep};
use super::seen::{seen_by, text_of};
use super::{DocumentHead, Standing, form, pair};
use crate::answering::{Answering, NothingLeft, Whom, begin};
use crate::application::Shared;
use crate::caller::Caller;
use crate::failure::{Failure, FailureBody};
use crate::limits::EVENT_KEEP_ALIVE;

/// What is asked.
#[derive(Deserialize, ToSchema)]
pub(crate) struct AnswerRequest {
    /// The question, at most 8,192 bytes.
    pub question: String,
    /// Name of a declared model; the first one when not given.
    #[serde(default)]
    pub model: Option<String>,
    /// Name of a collection (`/api/v1/collections`); that of the conversation, or all that may be read, when not given.
    #[serde(default)]
    pub collection: Option<String>,
    /// What was said before, oldest first; for clients that keep conversations themselves.
    #[serde(default)]
    pub history: Vec<Turn>,
    /// The conversation that this goes on, one of one's own; what was said there is the history then. Not with a token.
    #[serde(default)]
    pub conversation: Option<i64>,
    /// Whether the answer begins a conversation that is kept. Not with a token.
    #[serde(default)]
    pub keep: bool,
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
/// `sources` once, `model`, `tool` (what came before is void; `sources` follows anew), `draft` (not checked yet) and
/// `sentence` (checked; `cited` are numbers of sources, and `places` say where in each of them what supports it stands) any
/// number of times, `end` once, and `kept` with the numbers of conversation and question where the answer is kept.
#[utoipa::path(
    post, path = "/api/v1/answer", tag = "search", request_body = AnswerRequest,
    responses(
        (status = 200, description = "Events as they happen", body = Value, content_type = "text/event-stream"),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn answer(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Bytes,
) -> Result<Sse<impl Stream<Item = Result<SseEvent, Infallible>>>, Failure> {
    let asked: AnswerRequest = form(&body)?;
    let known = |name: &String| shared.writers.all().iter().any(|writer| writer.name() == name);
    if asked.model.as_ref().is_some_and(|name| !known(name)) {
        return Err(Failure::model_not_found());
    }
    let keeper = keeper(&shared, &caller, &asked)?;
    let chosen = asked.collection.filter(|name| !name.is_empty());
    let (history, collection) = match &keeper {
        Some(Keeper { conversation: Some(id), own, .. }) => {
            let (history, its) = said_in(&shared, &caller, *id, *own).await?;
            (history, chosen.or(its))
        }
        _ => (asked.history.into_iter().map(|turn| message(turn.person, turn.text)).collect(), chosen),
    };
    let keeper = keeper.map(|keeper| Keeper { collection: collection.clone(), ..keeper });
    let options = SearchOptions { collection, ..SearchOptions::default() };
    let asking = Asking { question: asked.question, history, options };
    let mut whom = Whom::from(&caller);
    // It is their own: `said_in` looked.
    whom.principal.conversation = asked.conversation;
    let answering = begin(&shared, whom, asking, asked.model, NothingLeft::Quote).await?;
    let answer = Answer { answering, keeper, kept: None };
    let events = unfold(answer, |mut answer| async move {
        let event = answer.next().await?;
        Some((Ok(event), answer))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(EVENT_KEEP_ALIVE)))
}

fn message(person: bool, text: String) -> Message {
    Message::new(if person { Role::User } else { Role::Assistant }, text)
}

/// What is needed to keep an answer.
struct Keeper {
    shared: Arc<Shared>,
    own: Whose,
    conversation: Option<ConversationId>,
    /// What a conversation that begins is about.
    collection: Option<String>,
    question: String,
    keeping: Keeping,
}

fn keeper(shared: &Arc<Shared>, caller: &Caller, asked: &AnswerRequest) -> Result<Option<Keeper>, Failure> {
    if asked.conversation.is_none() && !asked.keep {
        return Ok(None);
    }
    if !asked.history.is_empty() {
        return Err(Failure::bad_request("a conversation that is kept here has its history: send none"));
    }
    let own = whose(caller)?;
    shared.accounts()?;
    Ok(Some(Keeper {
        shared: Arc::clone(shared),
        own,
        conversation: asked.conversation.map(ConversationId),
        collection: None,
        question: asked.question.clone(),
        keeping: Keeping::default(),
    }))
}

/// What was said in one's own conversation, as far as one may read it now, and the collection that it is about.
async fn said_in(
    shared: &Shared,
    caller: &Caller,
    id: ConversationId,
    own: Whose,
) -> Result<(Vec<Message>, Option<String>), Failure> {
    let said = shared.accounts()?.people(move |people| {
        let Some(own) = people.conversation(id, own)?.filter(|found| found.whose == own) else {
            return Ok(None);
        };
        people.turns(id).map(|said| Some((own.collection, said)))
    });
    let (collection, said) = said.await?.ok_or_else(Failure::not_found)?;
    if said.len() as i64 >= MOST_TURNS {
        return Err(Failure::bad_request("this conversation is full").hint("begin a new one"));
    }
    // A model repeats what it is shown. All of it is looked at: what is left out here was repeated later.
    let (seen, _) = seen_by(shared, caller.principal.clone().within(id.0), said).await?;
    let left_out = seen.len().saturating_sub(MAX_TURNS);
    let messages = seen
        .into_iter()
        .skip(left_out)
        .flat_map(|turn| {
            let answer = message(false, text_of(&turn));
            [message(true, turn.question), answer]
        })
        .filter(|message| !message.content.is_empty())
        .collect();
    Ok((messages, collection))
}

/// An answer on its way to the page.
struct Answer {
    answering: Answering,
    keeper: Option<Keeper>,
    /// What is told after the end.
    kept: Option<SseEvent>,
}

impl Answer {
    async fn next(&mut self) -> Option<SseEvent> {
        if let Some(kept) = self.kept.take() {
            return Some(kept);
        }
        let event = self.answering.next().await?;
        if self.answering.taken_away {
            // A piece of an answer, to somebody who may not read what it was made from.
            self.keeper = None;
        }
        let (name, data) = view(event);
        if let Some(Keeper { keeping, .. }) = &mut self.keeper
            && let Some(answer) = keeping.take(name, &to_keep(&data))
            && let Some(keeper) = self.keeper.take()
        {
            self.kept = Some(keeper.keep(answer).await);
        }
        Some(SseEvent::default().event(name).data(data.to_string()))
    }
}

impl Keeper {
    /// Keeps the answer; an answer that can't be kept was given all the same.
    async fn keep(self, answer: (String, String)) -> SseEvent {
        let Keeper { shared, own, conversation, collection, question, .. } = self;
        let begins = Begins { question, collection };
        let data = match keep(&shared, own, conversation, begins, answer).await {
            Ok(Some((conversation, turn))) => json!({"conversation": conversation, "turn": turn}),
            Ok(None) => json!({"conversation": null}),
            Err(failure) => {
                tracing::error!(kind = failure.kind, "an answer was not kept");
                json!({"conversation": null})
            }
        };
        SseEvent::default().event("kept").data(data.to_string())
    }
}

/// What is kept of an event: not what names the sources and folders that its asker may read, which others see who open the
/// conversation.
fn to_keep(data: &Value) -> Value {
    let mut kept = data.clone();
    if let Some(fields) = kept.as_object_mut() {
        fields.remove("notices");
    }
    kept
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
        Event::Tool { name, found } => ("tool", json!({"name": name, "found": found})),
        Event::Quoting => ("quoting", json!({})),
        Event::Draft { text } => ("draft", json!({"text": text})),
        Event::Sentence { text, cited, unsupported, new_line } => {
            let numbers: Vec<usize> = cited.iter().map(|place| place.number).collect();
            let places: Vec<Value> = cited.into_iter().map(view_place).collect();
            let data = json!({
                "text": text, "cited": numbers, "places": places, "unsupported": unsupported, "new_line": new_line,
            });
            ("sentence", data)
        }
        Event::End(ending) => ("end", json!(ending)),
    }
}

fn view_place(Citation { number, pages, lines, range }: Citation) -> Value {
    json!({"number": number, "pages": pair(pages), "lines": pair(lines), "start": range.start, "end": range.end})
}
