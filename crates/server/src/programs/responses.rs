//! What do programs get that speak OpenAI's newer interface, `/v1/responses`?
//!
//! Answers from the documents, as a search of files that was done: a `file_search_call`, and a message whose citations are
//! `file_citation` annotations. The stores that a client may name are the collections that it may choose. Nothing is kept
//! (`store` is always false in what comes back), and what can't be done is refused rather than left out: other tools,
//! filters, earlier responses by number, other formats than text.

use std::collections::{BTreeSet, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::sse::{Event as SseEvent, KeepAlive};
use axum::response::{IntoResponse, Response, Sse};
use futures_util::stream::unfold;
use intramuros_dialogue::Citation;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::openai::{
    COLLECTION_MODEL, ChatMessage, Content, DEFAULT_MODEL, asking, check_format, chosen, no_call, now, parse,
};
use crate::answering::{Answering, NothingLeft, Whole, Whom, address, begin};
use crate::application::Shared;
use crate::caller::Caller;
use crate::failure::Failure;

/// The one tool that there is.
const FILE_SEARCH: &str = "file_search";

/// What must be asked for to be told the passages that were found.
const RESULTS: &str = "file_search_call.results";

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    model: Option<String>,
    input: Input,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    tools: Option<Vec<Map<String, Value>>>,
    #[serde(default)]
    tool_choice: Value,
    #[serde(default)]
    include: Option<Vec<String>>,
    #[serde(default)]
    metadata: Value,
    #[serde(default)]
    text: Value,
    #[serde(default)]
    previous_response_id: Value,
    #[serde(default)]
    conversation: Value,
    #[serde(default)]
    prompt: Value,
    #[serde(default)]
    background: Option<bool>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Input {
    Text(String),
    Items(Vec<Item>),
}

/// Something that was said; earlier calls of tools, as a client gives back what it got, say nothing more.
#[derive(Deserialize)]
struct Item {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    role: Option<String>,
    #[serde(default)]
    content: Value,
}

/// Answers from the documents, as a stream or at once.
pub(crate) async fn responses(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Bytes,
) -> Result<Response, Failure> {
    let body: Body = parse(&body)?;
    refuse_what_is_not_there(&body)?;
    let whom = Whom::from(&caller);
    let (model, of_model) = chosen(&shared, &whom.principal, body.model.as_deref()).await?;
    let tools = body.tools.unwrap_or_default();
    let of_tool = match store_of(&tools)? {
        Some(name) => chosen(&shared, &whom.principal, Some(&name)).await.map_err(|_| no_such_store())?.1,
        None => None,
    };
    let collection = match (of_model, of_tool) {
        (Some(one), Some(other)) if one != other => {
            return Err(Failure::bad_request("the model and the tool name two collections")
                .hint("name it once: as the model, or in `vector_store_ids`"));
        }
        (one, other) => one.or(other),
    };
    let mut asking = asking(messages(body.input)?)?;
    asking.options.collection = collection;
    let envelope = Envelope {
        id: shared.next_request(),
        created: now(),
        model: body.model.unwrap_or_else(|| DEFAULT_MODEL.to_owned()),
        home: shared.home.clone(),
        question: asking.question.clone(),
        tools,
        metadata: if body.metadata.is_object() { body.metadata } else { json!({}) },
        results: body.include.is_some_and(|wanted| wanted.iter().any(|one| one == RESULTS)),
    };
    let answering = begin(&shared, whom, asking, model, NothingLeft::Refuse).await?;
    if body.stream == Some(true) {
        return Ok(stream(envelope, answering).into_response());
    }
    let whole = Whole::of(answering).await;
    Ok(Json(envelope.ended(&whole)).into_response())
}

/// What would be left out in silence otherwise.
fn refuse_what_is_not_there(body: &Body) -> Result<(), Failure> {
    let given = |value: &Value| !value.is_null();
    if given(&body.previous_response_id) || given(&body.conversation) {
        return Err(Failure::bad_request("responses are not kept here")
            .hint("send what was said before in `input`, oldest first"));
    }
    if given(&body.prompt) || body.background == Some(true) {
        return Err(Failure::bad_request("`prompt` and `background` are not served here")
            .hint("leave them out; `stream` gives the answer as it comes"));
    }
    check_format(body.text.pointer("/format/type"))?;
    // The search of files is always done, whoever demands it.
    if body.tool_choice.get("type").is_some_and(|kind| kind != FILE_SEARCH) {
        return Err(no_call());
    }
    if body.tool_choice == "none" {
        return Err(Failure::bad_request(
            "answers are made from the documents here: they are always searched",
        )
        .hint("leave `tool_choice` out"));
    }
    Ok(())
}

/// The one store that the tools name; none for everything that may be read.
fn store_of(tools: &[Map<String, Value>]) -> Result<Option<String>, Failure> {
    // None is everything that may be read.
    let mut named: BTreeSet<Option<&str>> = BTreeSet::new();
    for tool in tools {
        if tool.get("type").and_then(Value::as_str) != Some(FILE_SEARCH) {
            return Err(Failure::bad_request(format!("the only tool here is `{FILE_SEARCH}`"))
                .hint("leave other tools out: this service runs nothing of a client's choosing"));
        }
        if let Some(name) = ["filters", "ranking_options"].into_iter().find(|name| is_given(tool, name)) {
            return Err(Failure::bad_request(format!("`{name}` is not served here"))
                .hint("choose a collection in `vector_store_ids`"));
        }
        let stores = tool.get("vector_store_ids").and_then(Value::as_array).into_iter().flatten();
        for name in stores.filter_map(Value::as_str) {
            let own = name.strip_prefix(COLLECTION_MODEL).unwrap_or(name);
            named.insert((name != DEFAULT_MODEL).then_some(own));
        }
    }
    if named.len() > 1 {
        return Err(Failure::bad_request("one collection at a time is searched")
            .hint("name one in `vector_store_ids`, or `intramuros` for everything that you may read"));
    }
    Ok(named.into_iter().flatten().next().map(|name| format!("{COLLECTION_MODEL}{name}")))
}

fn is_given(tool: &Map<String, Value>, name: &str) -> bool {
    tool.get(name).is_some_and(|value| !value.is_null())
}

fn no_such_store() -> Failure {
    Failure::no_collection().hint("GET /v1/models lists them as `intramuros/NAME`")
}

/// What was said, as the chat interface has it.
fn messages(input: Input) -> Result<Vec<ChatMessage>, Failure> {
    let items = match input {
        Input::Text(text) => return Ok(vec![ChatMessage::new("user", text)]),
        Input::Items(items) => items,
    };
    let mut messages = Vec::new();
    for item in items {
        match item.kind.as_deref().unwrap_or("message") {
            "message" => {}
            "file_search_call" | "reasoning" => continue,
            _ => {
                return Err(Failure::bad_request("`input` holds something else than messages")
                    .hint("send messages of text alone"));
            }
        }
        let content: Content = serde_json::from_value(item.content)
            .map_err(|_| Failure::bad_request("the content of a message is text, or parts of text"))?;
        if content.has_more_than_text() {
            return Err(Failure::bad_request("messages hold text alone here")
                .hint("attach documents to a conversation on the page"));
        }
        messages.push(ChatMessage::new(&item.role.unwrap_or_default(), content.text()));
    }
    Ok(messages)
}

/// What stands around an answer.
struct Envelope {
    id: String,
    created: u64,
    model: String,
    home: String,
    question: String,
    tools: Vec<Map<String, Value>>,
    metadata: Value,
    /// Whether the passages that were found are told.
    results: bool,
}

impl Envelope {
    /// The response in some state.
    fn response(&self, status: &str, output: Value, usage: Value) -> Value {
        let incomplete = (status == "incomplete").then(|| json!({"reason": "max_output_tokens"}));
        json!({
            "id": format!("resp_{}", self.id), "object": "response", "created_at": self.created, "status": status,
            "error": null, "incomplete_details": incomplete, "instructions": null, "max_output_tokens": null,
            "model": self.model, "output": output, "parallel_tool_calls": true, "previous_response_id": null,
            "reasoning": {"effort": null, "summary": null}, "store": false, "temperature": 0.0, "top_p": 1.0,
            "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": self.tools,
            "truncation": "disabled", "usage": usage, "user": null, "metadata": self.metadata,
        })
    }

    fn ended(&self, whole: &Whole) -> Value {
        let status = if whole.ending.cut_short { "incomplete" } else { "completed" };
        let message = self.message(status, json!([self.part(whole)]));
        self.response(status, json!([self.search("completed", Some(whole)), message]), usage(whole))
    }

    /// The search that was done.
    fn search(&self, status: &str, whole: Option<&Whole>) -> Value {
        let results = whole.filter(|_| self.results).map(|whole| {
            let result = |source: &intramuros_dialogue::Cited| {
                json!({
                    "file_id": source.document.id.0.to_string(), "filename": source.document.title,
                    "attributes": {"url": address(&self.home, source, &source.range), "page": source.pages.map(|pages| pages.0)},
                    // Passages come best first; their scores mean nothing from one question to the next.
                    "score": null, "text": source.text,
                })
            };
            whole.sources.iter().map(result).collect::<Vec<_>>()
        });
        json!({
            "id": format!("fs_{}", self.id), "type": "file_search_call", "status": status,
            "queries": [self.question], "results": results,
        })
    }

    fn message(&self, status: &str, content: Value) -> Value {
        let id = self.message_id();
        json!({"id": id, "type": "message", "role": "assistant", "status": status, "content": content})
    }

    fn message_id(&self) -> String {
        format!("msg_{}", self.id)
    }

    /// The text with its citations.
    fn part(&self, whole: &Whole) -> Value {
        let text = format!("{}{}", whole.text, whole.foot(&self.home));
        json!({"type": "output_text", "text": text, "annotations": annotations(whole), "logprobs": []})
    }
}

/// One annotation for each citation, behind the sentence that it supports.
fn annotations(whole: &Whole) -> Vec<Value> {
    let annotation = |(_, end, place): &(usize, usize, Citation)| {
        let document = &whole.sources.iter().find(|source| source.number == place.number)?.document;
        let (id, name) = (document.id.0.to_string(), &document.title);
        Some(json!({"type": "file_citation", "index": end, "file_id": id, "filename": name}))
    };
    whole.marks.iter().filter_map(annotation).collect()
}

fn usage(whole: &Whole) -> Value {
    let tokens = whole.ending.usage.unwrap_or_default();
    json!({
        "input_tokens": tokens.prompt_tokens, "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": tokens.completion_tokens, "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": tokens.prompt_tokens + tokens.completion_tokens,
    })
}

/// An answer as it is sent.
struct Sending {
    envelope: Envelope,
    answering: Answering,
    whole: Whole,
    /// What is ready to be sent.
    waiting: VecDeque<SseEvent>,
    sent: u64,
    /// Whether the message began.
    begun: bool,
    over: bool,
}

fn stream(
    envelope: Envelope,
    answering: Answering,
) -> Sse<impl futures_util::Stream<Item = Result<SseEvent, Infallible>>> {
    let (whole, waiting) = (Whole::default(), VecDeque::new());
    let mut sending = Sending { envelope, answering, whole, waiting, sent: 0, begun: false, over: false };
    sending.open();
    let events = unfold(sending, |mut sending| async move {
        let event = sending.next().await?;
        Some((Ok(event), sending))
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}

impl Sending {
    fn say(&mut self, kind: &str, fields: Value) {
        let mut data = json!({"type": kind, "sequence_number": self.sent});
        if let (Some(data), Value::Object(fields)) = (data.as_object_mut(), fields) {
            data.extend(fields);
        }
        self.sent += 1;
        self.waiting.push_back(SseEvent::default().event(kind).data(data.to_string()));
    }

    /// Says it of the text of the message.
    fn say_of_text(&mut self, kind: &str, fields: Value) {
        let mut all = json!({"item_id": self.envelope.message_id(), "output_index": 1, "content_index": 0});
        if let (Some(all), Value::Object(fields)) = (all.as_object_mut(), fields) {
            all.extend(fields);
        }
        self.say(kind, all);
    }

    /// What comes before the first sentence. The search was done when this is called.
    fn open(&mut self) {
        let response = self.envelope.response("in_progress", json!([]), Value::Null);
        self.say("response.created", json!({"response": response}));
        self.say("response.in_progress", json!({"response": response}));
        let item = self.envelope.search("in_progress", None);
        let id = item["id"].clone();
        self.say("response.output_item.added", json!({"output_index": 0, "item": item}));
        for state in ["in_progress", "searching", "completed"] {
            let kind = format!("response.file_search_call.{state}");
            self.say(&kind, json!({"output_index": 0, "item_id": id}));
        }
    }

    /// What comes between the search and the message, once the passages are known.
    fn begin_message(&mut self) {
        let item = self.envelope.search("completed", Some(&self.whole));
        self.say("response.output_item.done", json!({"output_index": 0, "item": item}));
        let item = self.envelope.message("in_progress", json!([]));
        self.say("response.output_item.added", json!({"output_index": 1, "item": item}));
        let part = json!({"type": "output_text", "text": "", "annotations": [], "logprobs": []});
        self.say_of_text("response.content_part.added", json!({"part": part}));
    }

    fn close(&mut self) {
        let foot = self.whole.foot(&self.envelope.home);
        if !foot.is_empty() {
            self.say_of_text("response.output_text.delta", json!({"delta": foot, "logprobs": []}));
        }
        for (number, annotation) in annotations(&self.whole).into_iter().enumerate() {
            let fields = json!({"annotation_index": number, "annotation": annotation});
            self.say_of_text("response.output_text.annotation.added", fields);
        }
        let part = self.envelope.part(&self.whole);
        self.say_of_text("response.output_text.done", json!({"text": part["text"], "logprobs": []}));
        self.say_of_text("response.content_part.done", json!({"part": part}));
        let response = self.envelope.ended(&self.whole);
        let item = response["output"][1].clone();
        self.say("response.output_item.done", json!({"output_index": 1, "item": item}));
        let kind = format!("response.{}", response["status"].as_str().unwrap_or("completed"));
        self.say(&kind, json!({"response": response}));
        self.over = true;
    }

    async fn next(&mut self) -> Option<SseEvent> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            if self.over {
                return None;
            }
            let Some(event) = self.answering.next().await else {
                self.close();
                continue;
            };
            let text = self.whole.take(event);
            // The passages come first, and again when a tool found more.
            if !std::mem::replace(&mut self.begun, true) {
                self.begin_message();
            }
            if !text.is_empty() {
                self.say_of_text("response.output_text.delta", json!({"delta": text, "logprobs": []}));
            }
        }
    }
}
