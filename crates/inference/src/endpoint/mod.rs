//! What does a model at a service with OpenAI's interface say?
//!
//! One [`Endpoint`] for each model declared with `kind = "open-ai"`. An answer comes as a stream; dropping it hangs up,
//! which is how a question is cancelled. Only 429, 5xx and a connection that breaks are tried again, and only before the first
//! word; a service that is still loading its model is waited for longer, and one that refuses a field is asked once more
//! without it. Everything leaves through the egress client, under the rule of the model's purpose.

mod error;
mod pause;
mod sse;
mod wire;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use intramuros_core::error::Error;
use intramuros_core::perimeter::{DEFAULT_CONTEXT_TOKENS, Model, ModelKind, Purpose};
use intramuros_egress::{Egress, Request, Response};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::places::{Place, Places};
use crate::thoughts::{Amiss, Habit, Thoughts};
pub use error::ModelError;
pub use wire::{ChatRequest, Round, ToolCall, ToolOffer, Usage};

/// Requests at once where nothing is declared: what a small model on two processors bears.
const DEFAULT_CONCURRENCY: u32 = 4;

/// Attempts at one question, and the first wait between them; each further wait is twice as long.
const ATTEMPTS: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_millis(400);

/// Longest wait that a service may ask for: beyond, the person is told instead.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// How long a service that is loading its model is waited for. 30 s: a model of a few gigabytes is read from a local disk by
/// then, and a person waits as long for one of the model's places.
const LOADING_TIME: Duration = Duration::from_secs(30);

/// Longest wait between two looks at such a service: a dozen requests within that time.
const LOADING_WAIT: Duration = Duration::from_secs(3);

/// How long the figures and the end of a stream are waited for once the model has stopped: they follow at once.
const END_WAIT: Duration = Duration::from_secs(5);

/// Forms in which an answer may be compressed. Nothing else in that field is one: some services write the encoding of letters there.
const PACKED: [&str; 6] = ["gzip", "x-gzip", "deflate", "br", "zstd", "compress"];

/// Bytes of an answer's stream: a hundred times the longest answer, which wraps each word in a few hundred bytes.
const ANSWER_BYTES: u64 = 32 << 20;

/// Bytes of a refusal that are looked at.
const REFUSAL_BYTES: usize = 16 << 10;

/// A model at a service.
pub struct Endpoint {
    name: String,
    model: String,
    url: String,
    key: Option<String>,
    purpose: Purpose,
    fallback: Option<String>,
    context_tokens: u32,
    max_tokens: Option<u32>,
    tokens_per_person_per_day: Option<u64>,
    tools: bool,
    places: Places,
    egress: Egress,
    usage: Counters,
    learnt: Learnt,
}

/// The form of request that the service was found to take, and of answer that it was found to give.
#[derive(Default)]
struct Learnt {
    without_stream_options: AtomicBool,
    completion_tokens: AtomicBool,
    without_encoding_format: AtomicBool,
    without_temperature: AtomicBool,
    /// Whether answers begin with thoughts that no mark opens.
    habit: Habit,
}

impl Learnt {
    fn form(&self) -> wire::Form {
        wire::Form {
            without_stream_options: self.without_stream_options.load(Ordering::Relaxed),
            completion_tokens: self.completion_tokens.load(Ordering::Relaxed),
            without_encoding_format: self.without_encoding_format.load(Ordering::Relaxed),
            without_temperature: self.without_temperature.load(Ordering::Relaxed),
        }
    }

    fn remember(&self, form: wire::Form) {
        self.without_stream_options.fetch_or(form.without_stream_options, Ordering::Relaxed);
        self.completion_tokens.fetch_or(form.completion_tokens, Ordering::Relaxed);
        self.without_encoding_format.fetch_or(form.without_encoding_format, Ordering::Relaxed);
        self.without_temperature.fetch_or(form.without_temperature, Ordering::Relaxed);
    }
}

/// What a service says instead of an answer.
struct Refusal {
    error: ModelError,
    status: u16,
    /// The beginning of its body; never shown or logged.
    text: String,
    /// How long it asks to wait.
    pause: Option<Duration>,
}

#[derive(Default)]
pub(crate) struct Counters {
    pub requests: AtomicU64,
    pub failures: AtomicU64,
    prompt_tokens: AtomicU64,
    completion_tokens: AtomicU64,
}

impl Counters {
    pub fn read(&self) -> Used {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Used {
            requests: read(&self.requests),
            failures: read(&self.failures),
            tokens: Usage {
                prompt_tokens: read(&self.prompt_tokens),
                completion_tokens: read(&self.completion_tokens),
            },
        }
    }

    pub fn add(&self, usage: Usage) {
        self.prompt_tokens.fetch_add(usage.prompt_tokens, Ordering::Relaxed);
        self.completion_tokens.fetch_add(usage.completion_tokens, Ordering::Relaxed);
    }
}

/// What a model was used for since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// Questions put to it.
    pub requests: u64,
    /// Of these, failed.
    pub failures: u64,
    /// Tokens, as the service counts them.
    pub tokens: Usage,
}

impl Endpoint {
    /// The endpoint of a declared model.
    ///
    /// # Errors
    /// When it is not of kind `open-ai`, or its key can't be read.
    pub fn new(model: &Model, egress: Egress) -> Result<Endpoint, Error> {
        let name = &model.name;
        if model.kind != ModelKind::OpenAi {
            return Err(Error::config(format!("the model {name} is not a service")));
        }
        let url = model.url.as_deref().unwrap_or_default().trim_end_matches('/').to_owned();
        if url.is_empty() {
            return Err(Error::config(format!("the model {name} has no `url`")));
        }
        Ok(Endpoint {
            name: name.clone(),
            model: model.model.clone().unwrap_or_else(|| name.clone()),
            url,
            key: model.key_file.as_deref().map(|path| read_key(name, path)).transpose()?,
            purpose: model.purpose.purpose(),
            fallback: model.fallback.clone(),
            context_tokens: model.context_tokens.unwrap_or(DEFAULT_CONTEXT_TOKENS),
            max_tokens: model.max_tokens,
            tokens_per_person_per_day: model.tokens_per_person_per_day,
            tools: model.tools,
            places: Places::of(model, DEFAULT_CONCURRENCY),
            egress,
            usage: Counters::default(),
            learnt: Learnt::default(),
        })
    }

    /// Its name in `intramuros.toml`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The model to take when this one fails.
    pub fn fallback(&self) -> Option<&str> {
        self.fallback.as_deref()
    }

    /// Tokens of its context: question, passages and answer together.
    pub fn context_tokens(&self) -> u32 {
        self.context_tokens
    }

    /// Tokens of its longest answer, where that is declared.
    pub fn max_tokens(&self) -> Option<u32> {
        self.max_tokens
    }

    /// Tokens that one person may use of it in a day, where that is declared.
    pub fn tokens_per_person_per_day(&self) -> Option<u64> {
        self.tokens_per_person_per_day
    }

    /// Whether it is declared that it is offered tools.
    pub fn takes_tools(&self) -> bool {
        self.tools
    }

    /// What it was used for since the start.
    pub fn used(&self) -> Used {
        self.usage.read()
    }

    /// Puts a question. The answer is read from the stream; dropping it hangs up.
    ///
    /// # Errors
    /// Why there is no answer, after as many attempts as make sense.
    pub async fn chat(self: &Arc<Endpoint>, request: &ChatRequest) -> Result<ChatStream, ModelError> {
        self.usage.requests.fetch_add(1, Ordering::Relaxed);
        let deadline = Instant::now() + self.places.timeout();
        let begun = self.begin(request, deadline).await;
        begun.map_err(|error| {
            self.usage.failures.fetch_add(1, Ordering::Relaxed);
            self.without_key(error)
        })
    }

    /// An error without the key, which a service may have sent back among its identifiers.
    fn without_key(&self, error: ModelError) -> ModelError {
        let Some(key) = &self.key else { return error };
        let hide = |said: String| said.replace(key.as_str(), "…");
        match error {
            ModelError::Failed(said) => ModelError::Failed(hide(said)),
            ModelError::Unpaid(said) => ModelError::Unpaid(hide(said)),
            other => other,
        }
    }

    async fn begin(
        self: &Arc<Endpoint>,
        request: &ChatRequest,
        deadline: Instant,
    ) -> Result<ChatStream, ModelError> {
        let place = self.places.take().await?;
        let body = |form: wire::Form| wire::body(&self.model, request, form);
        let response = self.response("chat/completions", body, deadline).await?;
        Ok(ChatStream::new(Arc::clone(self), place, response, deadline))
    }

    /// The vectors of texts, in their order, as the service gives them. The whole may take `wait`, with what is tried
    /// again.
    ///
    /// # Errors
    /// Why there are none, after as many attempts as make sense.
    pub async fn embed(&self, texts: &[String], wait: Duration) -> Result<Vec<Vec<f32>>, ModelError> {
        self.usage.requests.fetch_add(1, Ordering::Relaxed);
        let wait = wait.min(self.places.timeout());
        let given = self.try_embed(texts, Instant::now() + wait).await;
        given.map_err(|error| {
            self.usage.failures.fetch_add(1, Ordering::Relaxed);
            match error {
                // Named is the wait that held, not what is declared for an answer.
                ModelError::Slow { .. } => ModelError::Slow { seconds: whole_seconds(wait) },
                other => self.without_key(other),
            }
        })
    }

    async fn try_embed(&self, texts: &[String], deadline: Instant) -> Result<Vec<Vec<f32>>, ModelError> {
        let _place = self.places.take_until(deadline).await?;
        let body = |form: wire::Form| wire::embedding_body(&self.model, texts, form);
        let response = self.response("embeddings", body, deadline).await?;
        self.vectors(response, texts.len(), deadline).await
    }

    async fn vectors(
        &self,
        mut response: Response,
        count: usize,
        deadline: Instant,
    ) -> Result<Vec<Vec<f32>>, ModelError> {
        let seconds = self.places.timeout().as_secs();
        let mut bytes = Vec::new();
        loop {
            let piece = tokio::time::timeout_at(deadline, response.chunk())
                .await
                .map_err(|_| self.places.slow())?
                .map_err(|error| ModelError::of_egress(&error, seconds, true))?;
            match piece {
                Some(piece) => bytes.extend_from_slice(&piece),
                None => break,
            }
        }
        let (vectors, tokens) = wire::read_embeddings(&bytes, count)?;
        self.usage.prompt_tokens.fetch_add(tokens, Ordering::Relaxed);
        Ok(vectors)
    }

    /// The answer to a request, after as many attempts as make sense.
    async fn response(
        &self,
        address: &str,
        body: impl Fn(wire::Form) -> Vec<u8>,
        deadline: Instant,
    ) -> Result<Response, ModelError> {
        let loaded_by = deadline.min(Instant::now() + LOADING_TIME);
        let (mut attempt, mut wait, mut look) = (1, FIRST_WAIT, FIRST_WAIT);
        let mut form = self.learnt.form();
        let mut sent = body(form);
        let mut broken = false;
        loop {
            let refusal = match self.attempt(address, &sent, deadline, attempt).await {
                // A service may close a connection that was kept just when it is used again: vLLM's does after 5 s.
                Err(ModelError::Cut(_)) if !broken => {
                    broken = true;
                    continue;
                }
                Err(error) => return Err(error),
                Ok(Ok(response)) => {
                    // Only now: a refusal may name a field because the question does.
                    self.learnt.remember(form);
                    return Ok(response);
                }
                Ok(Err(refusal)) => refusal,
            };
            if let Some(other) = form.asked_for(refusal.status, &refusal.text) {
                let again = body(other);
                // A request without these fields stays as it is. A form only loses what is refused: this ends.
                if again != sent {
                    (form, sent) = (other, again);
                    continue;
                }
            }
            let error = refusal.error;
            let loading = matches!(error, ModelError::Loading);
            let (least, until) = if loading { (look, loaded_by) } else { (wait, deadline) };
            let pause = refusal.pause.unwrap_or(least).max(least);
            let in_time = pause <= MAX_WAIT && Instant::now() + pause < until;
            // Whoever waits for a model to be loaded has all of the attempts still.
            let is_left = loading || attempt < ATTEMPTS;
            if !is_left || !error.is_passing() || !in_time {
                return Err(error);
            }
            tokio::time::sleep(pause).await;
            if loading {
                look = (look * 2).min(LOADING_WAIT);
            } else {
                attempt += 1;
                wait *= 2;
            }
        }
    }

    /// One attempt: an answer, or a refusal.
    async fn attempt(
        &self,
        address: &str,
        body: &[u8],
        deadline: Instant,
        attempt: u32,
    ) -> Result<Result<Response, Refusal>, ModelError> {
        let seconds = self.places.timeout().as_secs();
        let url = format!("{}/{address}", self.url);
        let mut sent = Request::post(self.purpose, url, "application/json", body.to_vec());
        sent.wait = deadline.saturating_duration_since(Instant::now());
        sent.answer_bytes = ANSWER_BYTES;
        if let Some(key) = &self.key {
            sent = sent.bearer(key).map_err(|error| ModelError::Closed(error.to_string()))?;
        }
        let answer = tokio::time::timeout_at(deadline, self.egress.send(sent)).await;
        let mut response = answer
            .map_err(|_| self.places.slow())?
            .map_err(|error| ModelError::of_egress(&error, seconds, false))?;
        let status = response.status.as_u16();
        if response.status.is_success() {
            let kind = response.headers.get("content-type").and_then(|value| value.to_str().ok());
            if kind.is_some_and(|kind| kind.starts_with("text/html")) {
                return Err(ModelError::Schema("a web page"));
            }
            // Nothing is asked for in compressed form.
            let packed = response.headers.get("content-encoding").map(|value| value.as_bytes());
            if packed.is_some_and(|form| PACKED.iter().any(|one| form.eq_ignore_ascii_case(one.as_bytes()))) {
                return Err(ModelError::Schema("a compressed answer"));
            }
            return Ok(Ok(response));
        }
        let pause = response
            .headers
            .get("retry-after")
            .and_then(|value| pause::asked_for(value.to_str().ok()?, SystemTime::now()));
        let text = beginning(&mut response, deadline).await;
        Ok(Err(Refusal { error: ModelError::of_status(status, &text, attempt), status, text, pause }))
    }
}

/// The seconds of a wait, a begun one for a whole one.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

fn read_key(name: &str, path: &Path) -> Result<String, Error> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Error::config(format!("the key of the model {name} can't be read from {}", path.display()))
            .because(error)
    })?;
    let key = text.trim().to_owned();
    if key.is_empty() {
        return Err(Error::config(format!("the key file of the model {name} is empty: {}", path.display())));
    }
    Ok(key)
}

/// The bytes of an answer from the first that says anything: without spaces, and without the mark of the order of bytes (U+FEFF),
/// which may come in pieces as well.
fn begin(bytes: &[u8]) -> &[u8] {
    let says = |byte: &u8| !byte.is_ascii_whitespace() && !"\u{feff}".as_bytes().contains(byte);
    let start = bytes.iter().position(says).unwrap_or(bytes.len());
    bytes.get(start..).unwrap_or_default()
}

/// The beginning of a refusal's body, to tell its kind; never shown or logged.
async fn beginning(response: &mut Response, deadline: Instant) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < REFUSAL_BYTES {
        match tokio::time::timeout_at(deadline, response.chunk()).await {
            Ok(Ok(Some(piece))) => bytes.extend_from_slice(&piece),
            _ => break,
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// An answer as it comes.
pub struct ChatStream {
    endpoint: Arc<Endpoint>,
    _place: Place,
    response: Response,
    deadline: Instant,
    events: Option<sse::Events>,
    waiting: VecDeque<wire::Piece>,
    /// Whether anything has come.
    begun: bool,
    /// The body, where the service answers with plain JSON instead of a stream.
    plain: Option<Vec<u8>>,
    said_anything: bool,
    thoughts: Thoughts,
    finish: Option<String>,
    usage: Option<Usage>,
    calls: wire::Calls,
    ended: bool,
    failed: bool,
}

impl ChatStream {
    fn new(endpoint: Arc<Endpoint>, place: Place, response: Response, deadline: Instant) -> ChatStream {
        let thoughts = endpoint.learnt.habit.thoughts(Instant::now().into_std());
        ChatStream {
            endpoint,
            _place: place,
            response,
            deadline,
            events: Some(sse::Events::default()),
            waiting: VecDeque::new(),
            begun: false,
            plain: None,
            said_anything: false,
            thoughts,
            finish: None,
            usage: None,
            calls: wire::Calls::default(),
            ended: false,
            failed: false,
        }
    }

    /// The next piece of text; none at the end.
    ///
    /// # Errors
    /// When the stream breaks off, is no answer, or takes too long. What came before is all there is.
    pub async fn next(&mut self) -> Result<Option<String>, ModelError> {
        let next = self.read().await;
        if next.is_err() && !self.failed {
            self.failed = true;
            self.ended = true;
            self.endpoint.usage.failures.fetch_add(1, Ordering::Relaxed);
        }
        next.map_err(|error| self.endpoint.without_key(error))
    }

    /// Whether the model stopped because it had no tokens left.
    pub fn was_cut_short(&self) -> bool {
        // Mistral's services tell apart what was asked for and what the model can.
        matches!(self.finish.as_deref(), Some("length" | "model_length"))
    }

    /// The calls that the model asks for; whole at the end of the stream.
    pub fn calls(&self) -> Vec<ToolCall> {
        self.calls.whole()
    }

    /// Tokens of this answer, where the service says.
    pub fn usage(&self) -> Option<Usage> {
        self.usage
    }

    async fn read(&mut self) -> Result<Option<String>, ModelError> {
        loop {
            while let Some(piece) = self.waiting.pop_front() {
                if let Some(usage) = piece.usage {
                    self.count(usage);
                }
                self.finish = piece.finish.or(self.finish.take());
                self.calls.take(piece.calls);
                self.said_anything |= !piece.text.is_empty();
                let text = match self.thoughts.leave_out(&piece.text) {
                    Ok(text) => text,
                    Err(Amiss::Endless) => {
                        self.stop();
                        return Ok(None);
                    }
                    Err(Amiss::Unopened) => {
                        self.learn(true);
                        return Err(ModelError::Thoughts);
                    }
                };
                if !text.is_empty() {
                    return Ok(Some(text));
                }
            }
            if self.ended {
                // Before a call, and where no tokens were left, there may be thoughts without an end.
                let whole = !self.was_cut_short() && self.calls().is_empty();
                let rest = self.thoughts.rest(whole);
                if let Some(thinks_first) = self.thoughts.thought_first() {
                    self.learn(thinks_first);
                }
                return Ok((!rest.is_empty()).then_some(rest));
            }
            let places = &self.endpoint.places;
            let seconds = places.timeout().as_secs();
            let is_whole = self.finish.is_some();
            let until = if is_whole { self.deadline.min(Instant::now() + END_WAIT) } else { self.deadline };
            let piece = match tokio::time::timeout_at(until, self.response.chunk()).await {
                Ok(Ok(piece)) => piece,
                // Nothing of the answer is missing, though its connection does not end as it should.
                _ if is_whole => None,
                Ok(Err(error)) => return Err(ModelError::of_egress(&error, seconds, true)),
                Err(_) => return Err(places.slow()),
            };
            match piece {
                Some(bytes) => self.take(&bytes)?,
                None => self.end()?,
            }
        }
    }

    /// Remembers for the next answers whether this one began with thoughts that no mark opened.
    fn learn(&self, thinks_first: bool) {
        self.endpoint.learnt.habit.learn(thinks_first, Instant::now().into_std());
    }

    /// Takes nothing more of a model that thinks without end: as if it had no tokens left.
    fn stop(&mut self) {
        self.waiting.clear();
        self.ended = true;
        self.finish = Some("length".to_owned());
    }

    fn take(&mut self, mut bytes: &[u8]) -> Result<(), ModelError> {
        if !self.begun {
            bytes = begin(bytes);
            // Not what the header says: services call a stream JSON, and JSON a stream.
            let Some(first) = bytes.first() else { return Ok(()) };
            self.begun = true;
            self.plain = b"{[<".contains(first).then(Vec::new);
        }
        if let Some(plain) = &mut self.plain {
            plain.extend_from_slice(bytes);
            return Ok(());
        }
        let Some(events) = &mut self.events else { return Ok(()) };
        let events = events.push(bytes).map_err(|_| ModelError::Schema("a line without end"))?;
        self.read_events(events)
    }

    fn read_events(&mut self, events: Vec<String>) -> Result<(), ModelError> {
        for event in events {
            let event = event.trim();
            if event == "[DONE]" {
                self.ended = true;
            } else if !self.ended && !event.is_empty() {
                self.waiting.push_back(wire::read(event)?);
            }
        }
        Ok(())
    }

    /// The connection is at its end: was it the answer's end too?
    fn end(&mut self) -> Result<(), ModelError> {
        if let Some(plain) = self.plain.take() {
            self.waiting.push_back(wire::read(&String::from_utf8_lossy(&plain))?);
        } else if let Some(events) = self.events.take() {
            let read = self.read_events(events.finish());
            // Half an event behind the end takes nothing from the answer.
            if self.finish.is_none() {
                read?;
            }
        }
        let finished =
            self.ended || self.finish.is_some() || self.waiting.iter().any(|piece| piece.finish.is_some());
        self.ended = true;
        let says = self.said_anything || self.waiting.iter().any(|piece| !piece.text.is_empty());
        match (finished, says) {
            (true, _) => Ok(()),
            (false, true) => Err(ModelError::Cut("the stream ended before the answer".to_owned())),
            (false, false) => Err(ModelError::Schema("something that is no stream of an answer")),
        }
    }

    fn count(&mut self, usage: Usage) {
        let before = self.usage.replace(usage).unwrap_or_default();
        self.endpoint.usage.add(Usage {
            prompt_tokens: usage.prompt_tokens.saturating_sub(before.prompt_tokens),
            completion_tokens: usage.completion_tokens.saturating_sub(before.completion_tokens),
        });
    }
}
