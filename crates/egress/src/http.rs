//! How is an HTTP request sent, and its answer read under limits?
//!
//! HTTP/1.1. Connections are kept for the next request to the same place. Redirections are followed only where the
//! caller says how many, each through the rules like a request of its own. Nothing is asked for in compressed form, so
//! that the limit on bytes is the limit on what they become.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, HOST, LOCATION, TRANSFER_ENCODING,
    USER_AGENT,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use intramuros_core::perimeter::Purpose;

use crate::client::Egress;
use crate::rules::{Refusal, Target};
use crate::{EgressError, connection};

/// Largest answer unless the caller says otherwise, in bytes. 64 MiB.
pub const DEFAULT_ANSWER_BYTES: u64 = 64 << 20;

/// Time until the first byte of an answer, and between two pieces of it, unless the caller says otherwise. A model
/// that thinks may take a minute to begin.
pub const DEFAULT_WAIT: Duration = Duration::from_secs(120);

/// Largest headers of an answer, in bytes. 64 KiB.
const MAX_HEADER_BYTES: usize = 64 << 10;

/// Connections kept for one place. 8: as many as a model is asked at once.
const IDLE_PER_PLACE: usize = 8;

/// How long an idle connection is kept. 30 s: servers close theirs after a minute or more.
const IDLE_TIME: Duration = Duration::from_secs(30);

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    /// What for; the rule must be for the same.
    pub purpose: Purpose,
    /// The method.
    pub method: Method,
    /// The address: `https://host[:port]/path?query`.
    pub url: String,
    /// Headers. Those that frame the message are set here and may not be given.
    pub headers: HeaderMap,
    /// The body; empty for none.
    pub body: Bytes,
    /// Largest answer, in bytes.
    pub answer_bytes: u64,
    /// Time until the first byte of the answer, and between two pieces of it.
    pub wait: Duration,
    /// How many redirections are followed, each through the rules; none unless the caller says so.
    pub redirections: u8,
    /// Whether a connection may be taken from, and left for, other requests. Not for callers whose runtime ends.
    pub keep: bool,
}

impl Request {
    /// A request without body and headers.
    pub fn new(purpose: Purpose, method: Method, url: impl Into<String>) -> Request {
        Request {
            purpose,
            method,
            url: url.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            answer_bytes: DEFAULT_ANSWER_BYTES,
            wait: DEFAULT_WAIT,
            redirections: 0,
            keep: true,
        }
    }

    /// A request that fetches.
    pub fn get(purpose: Purpose, url: impl Into<String>) -> Request {
        Request::new(purpose, Method::GET, url)
    }

    /// A request that sends a body of a kind (`application/json`).
    pub fn post(
        purpose: Purpose,
        url: impl Into<String>,
        kind: &'static str,
        body: impl Into<Bytes>,
    ) -> Request {
        let mut request = Request::new(purpose, Method::POST, url);
        request.headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static(kind));
        request.body = body.into();
        request
    }

    /// Adds `Authorization: Bearer …`. The value is never shown in messages or logs.
    ///
    /// # Errors
    /// When the token holds what no header may hold.
    pub fn bearer(mut self, token: &str) -> Result<Request, EgressError> {
        let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| {
            EgressError::Request("the token holds characters that no header may hold".to_owned())
        })?;
        value.set_sensitive(true);
        self.headers.insert(AUTHORIZATION, value);
        Ok(self)
    }
}

/// An answer, read as it comes.
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// Where it came from in the end, after redirections.
    pub url: String,
    body: Incoming,
    left: u64,
    limit: u64,
    wait: Duration,
    to: String,
    /// The connection to be kept once the body has been read, with its place.
    keep: Option<(Egress, Place, SendRequest<Full<Bytes>>)>,
}

impl Response {
    /// The next piece of the body; none at its end.
    ///
    /// # Errors
    /// When the connection breaks, the wait is too long, or the limit is passed.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, EgressError> {
        loop {
            let frame = tokio::time::timeout(self.wait, self.body.frame()).await.map_err(|_| {
                EgressError::TimedOut { to: self.to.clone(), what: "the next piece of the answer" }
            })?;
            let frame = match frame {
                None => {
                    if let Some((egress, place, sender)) = self.keep.take() {
                        egress.pool().put(place, sender);
                    }
                    return Ok(None);
                }
                Some(frame) => frame
                    .map_err(|error| EgressError::Http { to: self.to.clone(), why: error.to_string() })?,
            };
            // Trailers are of no use to anybody here.
            if let Ok(bytes) = frame.into_data() {
                let length = bytes.len() as u64;
                if length > self.left {
                    self.keep = None;
                    return Err(EgressError::TooLarge { to: self.to.clone(), limit: self.limit });
                }
                self.left -= length;
                return Ok(Some(bytes));
            }
        }
    }

    /// The rest of the body, whole.
    ///
    /// # Errors
    /// As [`Response::chunk`].
    pub async fn bytes(&mut self) -> Result<Vec<u8>, EgressError> {
        let mut whole = Vec::new();
        while let Some(piece) = self.chunk().await? {
            whole.extend_from_slice(&piece);
        }
        Ok(whole)
    }
}

impl Egress {
    /// Sends a request and gives the answer's head; its body is read from the value.
    ///
    /// # Errors
    /// Why it may not leave, or what went wrong. An answer with an error status is an answer.
    pub async fn send(&self, mut request: Request) -> Result<Response, EgressError> {
        check_headers(&request.headers)?;
        let mut followed = 0;
        loop {
            let (target, path) = match Target::of_url(request.purpose, &request.url) {
                Ok(target) => target,
                Err(refusal) => return Err(self.refuse(request.purpose, &request.url, 0, refusal)?),
            };
            let response = self.send_once(&request, &target, &path).await?;
            let location = response.headers.get(LOCATION).and_then(|value| value.to_str().ok());
            let (Some(location), true) =
                (location, response.status.is_redirection() && request.redirections > 0)
            else {
                return Ok(response);
            };
            if followed == request.redirections {
                let (host, refusal) = (target.host.to_string(), Refusal::Redirections(followed));
                return Err(self.refuse(request.purpose, &host, target.port, refusal)?);
            }
            followed += 1;
            let next = join(&target, &path, location);
            redirect(&mut request, response.status, &target, &next);
            request.url = next;
        }
    }

    async fn send_once(
        &self,
        request: &Request,
        target: &Target,
        path: &str,
    ) -> Result<Response, EgressError> {
        let ticket = self.admit(target)?;
        let to = target.place();
        let place = Place { purpose: target.purpose, to: to.clone() };
        let kept = if request.keep { self.pool().take(&place) } else { None };
        let mut sender = match kept {
            // Each request is a decision of its own, also on a connection that stands already.
            Some(sender) => {
                self.record(target, &ticket, None)?;
                sender
            }
            None => handshake(self.open(target, &ticket).await?, &to).await?,
        };
        let wire = build(request, target, path)?;
        let answer = tokio::time::timeout(request.wait, sender.send_request(wire))
            .await
            .map_err(|_| EgressError::TimedOut { to: to.clone(), what: "the answer" })?
            .map_err(|error| EgressError::Http { to: to.clone(), why: error.to_string() })?;
        let (head, body) = answer.into_parts();
        let closing =
            head.headers.get(CONNECTION).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"));
        let keep = (request.keep && !closing).then(|| (self.clone(), place, sender));
        Ok(Response {
            status: head.status,
            headers: head.headers,
            url: request.url.clone(),
            body,
            left: request.answer_bytes,
            limit: request.answer_bytes,
            wait: request.wait,
            to,
            keep,
        })
    }
}

async fn handshake(
    connection: connection::Connection,
    to: &str,
) -> Result<SendRequest<Full<Bytes>>, EgressError> {
    let wrong = |error: hyper::Error| EgressError::Http { to: to.to_owned(), why: error.to_string() };
    let (sender, driver) = http1::Builder::new()
        .max_buf_size(MAX_HEADER_BYTES)
        .handshake(TokioIo::new(connection))
        .await
        .map_err(wrong)?;
    // Ends when the sender and the answer's body are gone.
    tokio::spawn(async move {
        // What breaks the connection is told to whoever waits for the answer.
        let _ = driver.await;
    });
    Ok(sender)
}

/// Headers that say where a message begins and ends are ours alone: a caller's could make two messages of one.
fn check_headers(headers: &HeaderMap) -> Result<(), EgressError> {
    for name in headers.keys() {
        let ours = [HOST, CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION, ACCEPT_ENCODING].contains(name)
            || name.as_str().starts_with("proxy-")
            || ["upgrade", "te", "trailer", "keep-alive", "expect"].contains(&name.as_str());
        if ours {
            return Err(EgressError::Request(format!("the header `{name}` is not the caller's to set")));
        }
    }
    Ok(())
}

fn build(request: &Request, target: &Target, path: &str) -> Result<http::Request<Full<Bytes>>, EgressError> {
    let uri: http::Uri = path
        .parse()
        .map_err(|error| EgressError::Request(format!("the path can't be asked for: {error}")))?;
    let default_port = if target.tls == Some(true) { 443 } else { 80 };
    let host = if target.port == default_port {
        target.place().trim_end_matches(&format!(":{default_port}")).to_owned()
    } else {
        target.place()
    };
    let host = HeaderValue::from_str(&host).map_err(|error| EgressError::Request(error.to_string()))?;
    let mut wire = http::Request::new(Full::new(request.body.clone()));
    *wire.method_mut() = request.method.clone();
    *wire.uri_mut() = uri;
    *wire.headers_mut() = request.headers.clone();
    wire.headers_mut().insert(HOST, host);
    wire.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    // No version: what others need not know.
    wire.headers_mut().entry(USER_AGENT).or_insert(HeaderValue::from_static("intramuros"));
    Ok(wire)
}

/// The address that a `Location` leads to. What it says is judged by the rules, like any other address.
fn join(from: &Target, path: &str, location: &str) -> String {
    let scheme = if from.tls == Some(true) { "https" } else { "http" };
    if location.contains("://") {
        location.to_owned()
    } else if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{}{location}", from.place())
    } else {
        let folder =
            path.split('?').next().unwrap_or_default().rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{scheme}://{}{folder}/{location}", from.place())
    }
}

/// What changes in a request that is sent on: secrets stay with the host they were meant for, and a form is not sent
/// twice.
fn redirect(request: &mut Request, status: StatusCode, from: &Target, next: &str) {
    let same = Target::of_url(request.purpose, next)
        .is_ok_and(|(to, _)| to.host == from.host && to.port == from.port);
    if !same {
        request.headers.remove(AUTHORIZATION);
        request.headers.remove(COOKIE);
    }
    let repeated = matches!(status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
    if !repeated && request.method != Method::HEAD {
        request.method = Method::GET;
        request.body = Bytes::new();
        request.headers.remove(http::header::CONTENT_TYPE);
    }
}

/// Which connections may serve which requests: those for the same purpose to the same host and port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    purpose: Purpose,
    to: String,
}

/// Connections of one place, with when they became idle.
type Idle = Vec<(Instant, SendRequest<Full<Bytes>>)>;

/// Connections that wait for the next request.
#[derive(Default)]
pub(crate) struct Pool(Mutex<HashMap<Place, Idle>>);

impl Pool {
    fn take(&self, place: &Place) -> Option<SendRequest<Full<Bytes>>> {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = idle.get_mut(place)?;
        waiting.retain(|(since, sender)| since.elapsed() < IDLE_TIME && !sender.is_closed());
        let position = waiting.iter().rposition(|(_, sender)| sender.is_ready())?;
        Some(waiting.swap_remove(position).1)
    }

    fn put(&self, place: Place, sender: SendRequest<Full<Bytes>>) {
        if sender.is_closed() {
            return;
        }
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|_, waiting| {
            waiting.retain(|(since, sender)| since.elapsed() < IDLE_TIME && !sender.is_closed());
            !waiting.is_empty()
        });
        let waiting = idle.entry(place).or_default();
        if waiting.len() < IDLE_PER_PLACE {
            waiting.push((Instant::now(), sender));
        }
    }

    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
