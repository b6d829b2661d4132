//! What do programs get that speak OpenAI's interface?
//!
//! `/v1/models`, `/v1/chat/completions` and `/v1/embeddings`, as far as clients use them. The last message is the question, the
//! earlier ones are what was said before; a system message is left aside, since what the model is told is ours to say. What a
//! client would build on and is not there (several answers, calls of its tools, another format than text) is refused.
//! Citations come as annotations of the message, and as a list at the end of the text for clients that show no
//! annotations.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::sse::Event as SseEvent;
use axum::response::{IntoResponse, Response, Sse};
use futures_util::stream::unfold;
use intramuros_core::access::Principal;
use intramuros_core::chat::{Message, Role};
use intramuros_dialogue::{Asking, Citation, Event};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answering::{Answering, NothingLeft, Whole, Whom, address, begin};
use crate::application::Shared;
use crate::caller::Caller;
use crate::failure::Failure;
use crate::guard::Asker;

/// The model's name for whoever does not choose: the first declared, or sentences of the documents.
pub(super) const DEFAULT_MODEL: &str = "intramuros";

/// What stands before a collection's name in the name of its model.
pub(super) const COLLECTION_MODEL: &str = "intramuros/";

/// The built-in embedding model, as the report of the perimeter names it, and as it was called here before.
const EMBEDDING_MODEL: &str = "e5-small-fr-en";
const EMBEDDING_MODEL_BEFORE: &str = "multilingual-e5-small";

/// Texts of one request for vectors. 2,048: as many as OpenAI takes, so that clients' batches fit; they are computed a turn at a
/// time, and the body is bounded.
const MAX_TEXTS: usize = 2_048;

/// Texts of one turn. 4: a fraction of a second, after which others come, and whoever does not wait any more has ended it.
const TEXTS_OF_A_TURN: usize = 4;

/// Messages of one conversation that are read; more are cut off at the front.
const MAX_MESSAGES: usize = 2_000;

#[derive(Deserialize)]
struct ChatBody {
    #[serde(default)]
    model: Option<String>,
    messages: Vec<ChatMessage>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    #[serde(default)]
    n: Value,
    #[serde(default)]
    tool_choice: Value,
    #[serde(default)]
    response_format: Value,
}

#[derive(Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: Option<bool>,
}

#[derive(Deserialize)]
pub(super) struct ChatMessage {
    role: String,
    #[serde(default)]
    content: Option<Content>,
}

impl ChatMessage {
    pub fn new(role: &str, text: String) -> ChatMessage {
        ChatMessage { role: role.to_owned(), content: Some(Content::Text(text)) }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
pub(super) struct Part {
    #[serde(default)]
    text: Option<String>,
}

impl Content {
    /// Whether there are pictures or files among its parts.
    pub fn has_more_than_text(&self) -> bool {
        matches!(self, Content::Parts(parts) if parts.iter().any(|part| part.text.is_none()))
    }

    pub fn text(self) -> String {
        match self {
            Content::Text(text) => text,
            Content::Parts(parts) => {
                parts.into_iter().filter_map(|part| part.text).collect::<Vec<_>>().join("\n")
            }
        }
    }
}

/// The models that can be asked.
pub(crate) async fn models(
    State(shared): State<Arc<Shared>>,
    Asker(principal): Asker,
) -> Result<Json<Value>, Failure> {
    let models: Vec<Value> = names(&shared, principal).await?.iter().map(|name| described(name)).collect();
    Ok(Json(json!({"object": "list", "data": models})))
}

/// One of them. A collection's name holds a slash, which clients send as it is or encoded.
pub(crate) async fn model(
    State(shared): State<Arc<Shared>>,
    name: Result<Path<String>, PathRejection>,
    Asker(principal): Asker,
) -> Result<Json<Value>, Failure> {
    let Path(name) = name.map_err(|_| unknown_model())?;
    let is_there = names(&shared, principal).await?.contains(&name);
    if is_there { Ok(Json(described(&name))) } else { Err(unknown_model()) }
}

fn unknown_model() -> Failure {
    Failure::model_not_found().hint("GET /v1/models lists those that there are")
}

fn described(name: &str) -> Value {
    json!({"id": name, "object": "model", "created": 0, "owned_by": "intramuros"})
}

/// The models' names: `intramuros` for the default, each declared one under its name, one for each collection that whoever asks
/// may choose, and the one that embeds.
async fn names(shared: &Shared, principal: Principal) -> Result<Vec<String>, Failure> {
    let collections = shared.call(move |library| library.collections(&principal)).await?;
    let writers = shared.writers.all();
    let declared = writers.iter().map(|writer| writer.name().to_owned());
    let of_collections = collections.into_iter().map(|one| format!("{COLLECTION_MODEL}{}", one.name));
    let default = std::iter::once(DEFAULT_MODEL.to_owned());
    Ok(default.chain(declared).chain(of_collections).chain([EMBEDDING_MODEL.to_owned()]).collect())
}

/// Answers from the documents, as a stream or at once.
pub(crate) async fn chat(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Bytes,
) -> Result<Response, Failure> {
    let body: ChatBody = parse(&body)?;
    refuse_what_is_not_there(&body)?;
    let whom = Whom::from(&caller);
    let (model, collection) = chosen(&shared, &whom.principal, body.model.as_deref()).await?;
    let named = body.model.unwrap_or_else(|| DEFAULT_MODEL.to_owned());
    let mut asking = asking(body.messages)?;
    asking.options.collection = collection;
    let answering = begin(&shared, whom, asking, model, NothingLeft::Refuse).await?;
    let envelope =
        Envelope { id: shared.next_request(), created: now(), model: named, home: shared.home.clone() };
    if body.stream == Some(true) {
        let usage = body.stream_options.and_then(|options| options.include_usage) == Some(true);
        return Ok(stream(envelope, answering, usage).into_response());
    }
    Ok(Json(envelope.whole(Whole::of(answering).await)).into_response())
}

/// What a client would wait for in vain otherwise.
fn refuse_what_is_not_there(body: &ChatBody) -> Result<(), Failure> {
    if body.n.as_f64().is_some_and(|answers| answers > 1.0) {
        return Err(Failure::bad_request("there is one answer to a question here").hint("leave `n` out"));
    }
    // A client that demands a call reads nothing but calls.
    if body.tool_choice == "required" || body.tool_choice.is_object() {
        return Err(no_call());
    }
    check_format(body.response_format.get("type"))
}

/// That a call is demanded which is not done.
pub(super) fn no_call() -> Failure {
    Failure::bad_request("no tool of a client is called here").hint("leave `tool_choice` out")
}

/// Refuses other formats of an answer than text, by their type.
pub(super) fn check_format(kind: Option<&Value>) -> Result<(), Failure> {
    if kind.is_some_and(|kind| kind != "text") {
        return Err(Failure::bad_request("answers are text here, of no other format"));
    }
    Ok(())
}

pub(super) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Failure> {
    // The parser's own words may quote the body: where it stands is enough.
    serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Failure::bad_request(format!("the body is not the JSON expected (line {line}, column {column})"))
    })
}

/// The declared model or the collection that a name means; neither for the default.
pub(super) async fn chosen(
    shared: &Shared,
    principal: &Principal,
    name: Option<&str>,
) -> Result<(Option<String>, Option<String>), Failure> {
    let Some(name) = name.filter(|name| !["", DEFAULT_MODEL].contains(name)) else { return Ok((None, None)) };
    if shared.writers.all().iter().any(|writer| writer.name() == name) {
        return Ok((Some(name.to_owned()), None));
    }
    if let Some(collection) = name.strip_prefix(COLLECTION_MODEL) {
        let (who, wanted) = (principal.clone(), collection.to_owned());
        if shared.call(move |library| library.collection(&who, &wanted)).await?.is_some() {
            return Ok((None, Some(collection.to_owned())));
        }
    }
    Err(unknown_model())
}

pub(super) fn asking(mut messages: Vec<ChatMessage>) -> Result<Asking, Failure> {
    let question = loop {
        match messages.pop() {
            Some(message) if message.role == "user" => {
                break message.content.map(Content::text).unwrap_or_default();
            }
            Some(_) => {}
            None => return Err(Failure::bad_request("no message of the role `user`")),
        }
    };
    let from = messages.len().saturating_sub(MAX_MESSAGES);
    let history = messages
        .drain(from..)
        .filter_map(|message| {
            let role = match message.role.as_str() {
                "user" => Role::User,
                "assistant" => Role::Assistant,
                _ => return None,
            };
            Some(Message::new(role, message.content.map(Content::text).unwrap_or_default()))
        })
        .collect();
    Ok(Asking { question, history, ..Asking::default() })
}

/// What stands around every piece of an answer.
struct Envelope {
    id: String,
    created: u64,
    model: String,
    home: String,
}

impl Envelope {
    fn chunk(&self, delta: Value, finish: Option<&str>) -> Value {
        json!({
            "id": format!("chatcmpl-{}", self.id), "object": "chat.completion.chunk", "created": self.created,
            "model": self.model, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        })
    }

    fn whole(&self, whole: Whole) -> Value {
        let content = format!("{}{}", whole.text, whole.foot(&self.home));
        let message = json!({
            "role": "assistant", "content": content.trim(), "refusal": null,
            "annotations": annotations(&whole, &self.home),
        });
        json!({
            "id": format!("chatcmpl-{}", self.id), "object": "chat.completion", "created": self.created,
            "model": self.model, "usage": usage(&whole),
            "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish(&whole)}],
        })
    }
}

fn finish(whole: &Whole) -> &'static str {
    if whole.ending.cut_short { "length" } else { "stop" }
}

fn usage(whole: &Whole) -> Value {
    let tokens = whole.ending.usage.unwrap_or_default();
    json!({
        "prompt_tokens": tokens.prompt_tokens, "completion_tokens": tokens.completion_tokens,
        "total_tokens": tokens.prompt_tokens + tokens.completion_tokens,
    })
}

/// One annotation for each citation: where the sentence stands in the text, and where its source is.
fn annotations(whole: &Whole, home: &str) -> Vec<Value> {
    let source = |number: usize| whole.sources.iter().find(|source| source.number == number);
    let annotation = |(start, end, place): &(usize, usize, Citation)| {
        let source = source(place.number)?;
        let (title, url) = (&source.document.title, address(home, source, &place.range));
        Some(json!({
            "type": "url_citation",
            "url_citation": {"start_index": start, "end_index": end, "title": title, "url": url},
        }))
    };
    whole.marks.iter().filter_map(annotation).collect()
}

/// What is left to send.
enum Step {
    First,
    Body,
    Foot,
    Usage,
    Done,
    Over,
}

struct Sending {
    envelope: Envelope,
    answering: Answering,
    whole: Whole,
    step: Step,
    usage: bool,
}

fn stream(
    envelope: Envelope,
    answering: Answering,
    usage: bool,
) -> Sse<impl futures_util::Stream<Item = Result<SseEvent, Infallible>>> {
    let sending = Sending { envelope, answering, whole: Whole::default(), step: Step::First, usage };
    let events = unfold(sending, |mut sending| async move {
        let data = sending.next().await?;
        Some((Ok(SseEvent::default().data(data)), sending))
    });
    Sse::new(events).keep_alive(axum::response::sse::KeepAlive::default())
}

impl Sending {
    async fn next(&mut self) -> Option<String> {
        match self.step {
            Step::First => {
                self.step = Step::Body;
                Some(self.envelope.chunk(json!({"role": "assistant", "content": ""}), None).to_string())
            }
            Step::Body => loop {
                let Some(event) = self.answering.next().await else {
                    self.step = Step::Foot;
                    let foot = self.whole.foot(&self.envelope.home);
                    return Some(self.envelope.chunk(json!({"content": foot}), None).to_string());
                };
                let ended = matches!(event, Event::End(_));
                let text = self.whole.take(event);
                if !text.is_empty() && !ended {
                    return Some(self.envelope.chunk(json!({"content": text}), None).to_string());
                }
            },
            Step::Foot => {
                self.step = if self.usage { Step::Usage } else { Step::Done };
                let delta = json!({"annotations": annotations(&self.whole, &self.envelope.home)});
                Some(self.envelope.chunk(delta, Some(finish(&self.whole))).to_string())
            }
            Step::Usage => {
                self.step = Step::Done;
                let mut chunk = self.envelope.chunk(json!({}), None);
                if let Some(fields) = chunk.as_object_mut() {
                    fields.insert("choices".to_owned(), json!([]));
                    fields.insert("usage".to_owned(), usage(&self.whole));
                }
                Some(chunk.to_string())
            }
            Step::Done => {
                self.step = Step::Over;
                Some("[DONE]".to_owned())
            }
            Step::Over => None,
        }
    }
}

pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[derive(Deserialize)]
struct EmbeddingBody {
    input: Input,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    encoding_format: Option<String>,
    #[serde(default)]
    dimensions: Option<u64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Input {
    One(String),
    Several(Vec<String>),
    Other(Value),
}

impl Input {
    fn texts(self) -> Result<Vec<String>, Failure> {
        let texts = match self {
            Input::One(text) => vec![text],
            Input::Several(texts) => texts,
            Input::Other(other) => return Err(not_text(&other)),
        };
        match texts.len() {
            0 => Err(Failure::bad_request("`input` holds no text")),
            1..=MAX_TEXTS => Ok(texts),
            _ => Err(Failure::too_large(format!("at most {MAX_TEXTS} texts at once"))),
        }
    }
}

/// That an input is no text. Numbers are tokens of a model of OpenAI's, which mean other words to ours.
fn not_text(input: &Value) -> Failure {
    let failure = Failure::bad_request("`input` is a text or a list of texts");
    let first = input.as_array().and_then(|list| list.first());
    if first.is_some_and(|first| first.is_number() || first.is_array()) {
        return failure
            .hint("send text, not the numbers of tokens (LangChain: check_embedding_ctx_length=False)");
    }
    failure
}

/// The vectors of texts, taken as passages, with the model that embeds the documents.
pub(crate) async fn embeddings(
    State(shared): State<Arc<Shared>>,
    Asker(_): Asker,
    body: Bytes,
) -> Result<Json<Value>, Failure> {
    let body: EmbeddingBody = parse(&body)?;
    let known = [EMBEDDING_MODEL, EMBEDDING_MODEL_BEFORE, DEFAULT_MODEL, ""];
    if body.model.as_deref().is_some_and(|name| !known.contains(&name)) {
        return Err(Failure::model_not_found().hint(format!("the model that embeds is `{EMBEDDING_MODEL}`")));
    }
    let vectors = vectors_of(&shared, body.input.texts()?, body.dimensions).await?;
    let Some(vectors) = vectors else { return Err(Failure::model_not_found()) };
    let base64 = body.encoding_format.as_deref() == Some("base64");
    let value = |vector: Vec<f32>| if base64 { json!(base64_of(&vector)) } else { json!(vector) };
    let data: Vec<Value> = vectors
        .into_iter()
        .enumerate()
        .map(|(index, vector)| json!({"object": "embedding", "index": index, "embedding": value(vector)}))
        .collect();
    let usage = json!({"prompt_tokens": 0, "total_tokens": 0});
    Ok(Json(json!({"object": "list", "model": EMBEDDING_MODEL, "data": data, "usage": usage})))
}

/// The vectors of texts, a few in each turn; none where there is no model. They are as long as the model makes them: another
/// length is refused once the first are there.
async fn vectors_of(
    shared: &Shared,
    mut texts: Vec<String>,
    wanted: Option<u64>,
) -> Result<Option<Vec<Vec<f32>>>, Failure> {
    let mut vectors = Vec::with_capacity(texts.len());
    while !texts.is_empty() {
        // The end of the program waits for the few that are begun, and for no more.
        if *shared.stopping.borrow() {
            return Err(Failure::busy());
        }
        let rest = texts.split_off(texts.len().min(TEXTS_OF_A_TURN));
        let few = std::mem::replace(&mut texts, rest);
        let Some(some) = shared.call(move |library| library.vectors(&few)).await? else { return Ok(None) };
        check_length(wanted, some.first().map(Vec::len))?;
        vectors.extend(some);
    }
    Ok(Some(vectors))
}

fn check_length(wanted: Option<u64>, own: Option<usize>) -> Result<(), Failure> {
    match (wanted, own) {
        (Some(wanted), Some(own)) if wanted != own as u64 => {
            Err(Failure::bad_request(format!("the vectors have {own} components here"))
                .hint(format!("leave `dimensions` out, or send {own}")))
        }
        _ => Ok(()),
    }
}

/// The components as little-endian bytes in base64, as OpenAI's own client asks for them.
fn base64_of(vector: &[f32]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes: Vec<u8> = vector.iter().flat_map(|value| value.to_le_bytes()).collect();
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group =
            chunk.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for position in 0..4 {
            let letter = LETTERS.get((group >> (18 - 6 * position) & 63) as usize).copied().unwrap_or(b'A');
            text.push(if position <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_written_as_openai_writes_them() {
        // struct.pack("<3f", 1.0, -2.0, 0.5) in base64
        assert_eq!(base64_of(&[1.0, -2.0, 0.5]), "AACAPwAAAMAAAAA/");
        assert_eq!(base64_of(&[1.0]), "AACAPw==");
    }

    #[test]
    fn vectors_of_another_length_than_the_models_are_refused_by_its_length() {
        let check = |wanted: Option<u64>| check_length(wanted, Some(384));
        assert!(check(None).is_ok() && check(Some(384)).is_ok());
        let refused = check(Some(1_536)).unwrap_err();
        assert!(refused.message.contains("384"), "{}", refused.message);
    }
}
