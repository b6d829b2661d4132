//! Who asks, from where, and may they at all?
//!
//! One layer around every route. It decides from the head of a request alone, sets the headers that every answer
//! carries, and writes the one log line of a request that failed: route, status, duration and cause, never the
//! question. Of requests that are wrong by themselves no more than a line a second of each kind is written.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::to_bytes;
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::header::{self, HeaderName};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use intramuros_accounts::oidc;
use intramuros_core::access::Principal;
use intramuros_journal::Event;

use crate::application::{ASKER, Shared};
use crate::caller::{Caller, address_of, identify, is_forwarded};
use crate::endpoints::{Body, Endpoint, Need, Rate, Who};
use crate::failure::{Cause, Failure, REFUSED};
use crate::limits::{MAX_PATH_BYTES, Sharer};
use crate::pace;
use crate::programs::refused;
use crate::told;

/// Only our own files, no script or style within the page, no frame, and no text that becomes markup.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

/// Set on every answer that does not say otherwise.
const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, PAGE_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How often a line about wrong requests of one kind is written to the log at most.
const LINE_EVERY: Duration = Duration::from_secs(1);

/// Which kinds of wrong requests are in the log since when, and how many of each were left out of it.
#[derive(Default)]
pub(crate) struct Lines(Mutex<HashMap<&'static str, Line>>);

#[derive(Default)]
struct Line {
    written: Option<Instant>,
    left_out: u64,
}

impl Lines {
    /// How many of this kind were left out before one that is to be written at `now`; none where it is left out
    /// too.
    fn take(&self, kind: &'static str, now: Instant) -> Option<u64> {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let line = kinds.entry(kind).or_default();
        if line.written.is_some_and(|written| now.saturating_duration_since(written) < LINE_EVERY) {
            line.left_out += 1;
            return None;
        }
        line.written = Some(now);
        Some(std::mem::take(&mut line.left_out))
    }
}

/// The address at the other end of the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub IpAddr);

/// Who asks, to the access rules. The guard found it out before.
pub(crate) struct Asker(pub Principal);

impl FromRequestParts<Arc<Shared>> for Asker {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Asker, Failure> {
        Caller::from_request_parts(parts, shared).await.map(|caller| Asker(caller.principal))
    }
}

impl FromRequestParts<Arc<Shared>> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Shared>) -> Result<Caller, Failure> {
        let caller = parts.extensions.get::<Caller>().cloned();
        caller.ok_or_else(|| Failure::internal("a request that did not come through the guard"))
    }
}

/// Lets a request through, or answers in its place.
pub(crate) async fn guard(State(shared): State<Arc<Shared>>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = shared.next_request();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let endpoint = route.as_deref().and_then(|route| shared.table.find(route, request.method())).copied();
    let reader = told::reader(&request);
    let speaks_openai = refused::speaks_openai(&request);
    let mut response = match admit(&shared, &mut request, endpoint.as_ref(), began).await {
        Ok(()) => match with_body(&shared, request, endpoint.as_ref()).await {
            Ok(request) => answer(&shared, request, next, endpoint.as_ref(), began).await,
            Err(failure) => failure.into_response(),
        },
        Err(failure) => {
            if let Some(event) = refusal(&shared, &request, &failure, began) {
                // That it can't be written changes nothing: it is refused in any case.
                let _ = shared.note(event).await;
            }
            turned_away(&request, endpoint.as_ref(), failure)
        }
    };
    log(&shared.lines, &response, &id, route.as_deref().unwrap_or("no route"), began);
    if let Some(language) = reader {
        response = told::as_page(response, language);
    } else if speaks_openai {
        response = refused::in_their_words(response);
    }
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

/// The handler's answer, when it may leave.
async fn answer(
    shared: &Shared,
    request: Request,
    next: Next,
    endpoint: Option<&Endpoint>,
    began: Instant,
) -> Response {
    let changes = endpoint.is_some_and(Endpoint::may_change_rights);
    let paced = endpoint.is_some_and(|endpoint| matches!(endpoint.who, Who::Role(_)));
    let principal =
        request.extensions().get::<Caller>().filter(|_| paced).map(|caller| caller.principal.clone());
    let sharer = request.extensions().get::<Caller>().map(Sharer::from);
    let response = match sharer {
        Some(sharer) => ASKER.scope(sharer, next.run(request)).await,
        None => next.run(request).await,
    };
    if let (true, Some(accounts)) = (changes, &shared.accounts) {
        accounts.rights_changed();
    }
    if let Some(principal) = principal {
        tokio::time::sleep(pace::hold(&principal, began.elapsed())).await;
    }
    response
}

/// The request with its whole body, files apart: one that never comes to its end would hold a connection for ever.
async fn with_body(
    shared: &Shared,
    request: Request,
    endpoint: Option<&Endpoint>,
) -> Result<Request, Failure> {
    let Some(Endpoint { body: Body::Json(most), .. }) = endpoint.copied() else { return Ok(request) };
    let (parts, body) = request.into_parts();
    let read = tokio::time::timeout(shared.limits.body_time, to_bytes(body, most)).await;
    let bytes = read.map_err(|_| Failure::late())?.map_err(|_| {
        // Or the other end is gone, and nobody reads this.
        Failure::too_large(format!("at most {most} bytes are taken here"))
    })?;
    Ok(Request::from_parts(parts, bytes.into()))
}

/// Everything that is decided before a handler: from the head of the request alone.
async fn admit(
    shared: &Arc<Shared>,
    request: &mut Request,
    endpoint: Option<&Endpoint>,
    now: Instant,
) -> Result<(), Failure> {
    let address = address(shared, request);
    check(shared, request, address, now)?;
    if let Some(endpoint) = endpoint {
        check_body(request, endpoint)?;
        if endpoint.rate == Rate::SignIn && !shared.sign_ins.take(address, now) {
            return Err(Failure::wait(1_000));
        }
    }
    let caller = match endpoint {
        // The same for everybody: nobody's session is looked up for it.
        Some(endpoint) if endpoint.is_the_same_for_all() => {
            Caller::nobody(address, shared.is_secure(request.headers()))
        }
        _ => identify(shared, request.headers(), endpoint, address).await?,
    };
    let allowed = check_caller(request, endpoint, &caller);
    request.extensions_mut().insert(caller);
    allowed
}

/// From where a request comes: the other end of the connection, or whom a trusted proxy there speaks for.
fn address(shared: &Shared, request: &Request) -> IpAddr {
    let peer = request.extensions().get::<Peer>().map_or(IpAddr::from([127, 0, 0, 1]), |peer| peer.0);
    address_of(peer, request.headers(), &shared.trusted_proxies)
}

/// Whether who asks may ask there.
fn check_caller(request: &Request, endpoint: Option<&Endpoint>, caller: &Caller) -> Result<(), Failure> {
    let Some(endpoint) = endpoint else { return Ok(()) };
    if let Who::Role(role) = endpoint.who {
        if caller.role.is_none() {
            return Err(Failure::sign_in());
        }
        if !caller.is(role) {
            return Err(Failure::forbidden(format!("this is for the role {role} and those above it")));
        }
    }
    match (endpoint.need, &caller.scopes) {
        (Need::Session, Some(_)) => return Err(Failure::forbidden("no token is enough for this: sign in")),
        (Need::Scope(scope), Some(scopes)) if !scopes.hold(scope) => {
            return Err(Failure::forbidden(format!("the token has not the scope `{}`", scope.word())));
        }
        _ => {}
    }
    let safe = matches!(*request.method(), Method::GET | Method::HEAD);
    if caller.is_browser() && !safe && !shows_own_origin(request.headers()) {
        // A browser says from where a page changes something; what comes with its cookie and does not say is not it.
        return Err(Failure::refused(StatusCode::FORBIDDEN, "this does not say which page it comes from"));
    }
    Ok(())
}

/// Whether a request says that a page of ours makes it. That what it says is right was checked before.
fn shows_own_origin(headers: &HeaderMap) -> bool {
    headers.contains_key(header::ORIGIN) || header_text(headers, "sec-fetch-site") == Some("same-origin")
}

/// The answer in place of what was asked for: people are led to where they sign in.
fn turned_away(request: &Request, endpoint: Option<&Endpoint>, failure: Failure) -> Response {
    let page = endpoint.is_some_and(Endpoint::is_page) || told::reader(request).is_some();
    if page && failure.kind == "sign_in" {
        let asked = request.uri().path_and_query().map_or("/", |asked| asked.as_str());
        let next = oidc::encoded(oidc::safe_next(asked));
        let to = if next == "%2F" { "/sign-in".to_owned() } else { format!("/sign-in?next={next}") };
        return Redirect::to(&to).into_response();
    }
    let bearer =
        failure.status == StatusCode::UNAUTHORIZED && !request.headers().contains_key(header::COOKIE);
    let mut response = failure.into_response();
    if bearer {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// What a request brings, as far as its head tells.
fn check_body(request: &Request, endpoint: &Endpoint) -> Result<(), Failure> {
    let headers = request.headers();
    let length =
        headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let has_body = headers.contains_key(header::TRANSFER_ENCODING) || length.is_some_and(|length| length > 0);
    match endpoint.body {
        Body::None if has_body => Err(Failure::too_large("this address takes no body")),
        Body::Json(most) if length.is_some_and(|length| length > most as u64) => {
            Err(Failure::too_large(format!("at most {most} bytes are taken here")))
        }
        Body::File(most) if length.is_some_and(|length| length > most) => {
            Err(Failure::too_large(format!("at most {most} bytes are taken of one file")))
        }
        Body::Json(_) if has_body && !is_json(headers) => {
            Err(Failure::unsupported("JSON", "application/json"))
        }
        // A page of another site can't send this kind without asking first.
        Body::File(_) if has_body && media_type(headers) != FILE => {
            Err(Failure::unsupported("the file itself", FILE))
        }
        _ => Ok(()),
    }
}

/// The kind of body in which a file comes.
const FILE: &str = "application/octet-stream";

fn is_json(headers: &HeaderMap) -> bool {
    ["application/json", "application/scim+json"].contains(&media_type(headers).as_str())
}

/// What a body says it is, without its parameters.
fn media_type(headers: &HeaderMap) -> String {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The entry of a request under another's name or from another site. Of one address that never stops some are counted
/// alone, and the next entry says how many: nobody who may do nothing here fills the disk.
fn refusal(shared: &Shared, request: &Request, failure: &Failure, now: Instant) -> Option<Event> {
    if !matches!(failure.kind, REFUSED | "forbidden") {
        return None;
    }
    let from = address(shared, request);
    if !shared.refusals.take(from, now) {
        shared.unwritten.fetch_add(1, Ordering::Relaxed);
        return None;
    }
    let why = match shared.unwritten.swap(0, Ordering::Relaxed) {
        0 => failure.message.clone(),
        count => format!("{} (since the last such entry {count} more, not written down)", failure.message),
    };
    Some(Event::AccessRefused {
        by: request.extensions().get::<Caller>().map_or_else(|| "anonymous".to_owned(), Caller::name),
        what: format!("{} {}", request.method(), request.uri().path()),
        why,
        from: Some(from.to_string()),
    })
}

fn log(lines: &Lines, response: &Response, id: &str, route: &str, began: Instant) {
    let Some(Cause { kind, cause, .. }) = response.extensions().get::<Cause>() else { return };
    let status = response.status().as_u16();
    let milliseconds = began.elapsed().as_millis() as u64;
    if let Some(cause) = cause {
        tracing::error!(request = id, route, status, milliseconds, kind, cause, "request failed");
        return;
    }
    let told = if is_usual(response.status()) { None } else { lines.take(kind, Instant::now()) };
    match told {
        // A warning: what is less is not shown unless somebody asks for it.
        Some(left_out) => {
            tracing::warn!(request = id, route, status, milliseconds, kind, left_out, "request not answered")
        }
        None => tracing::debug!(request = id, route, status, milliseconds, kind, "request not answered"),
    }
}

/// Whether it happens every day that nobody is signed in there or nothing is there.
fn is_usual(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED)
}

fn check(shared: &Shared, request: &Request, address: IpAddr, now: Instant) -> Result<(), Failure> {
    if !shared.buckets.take(address, now) {
        return Err(Failure::too_many());
    }
    if request.uri().path().len() > MAX_PATH_BYTES {
        return Err(Failure::bad_request("the address is too long"));
    }
    check_host(shared, request)?;
    check_origin(shared, request)?;
    let headers = request.headers();
    if !shared.demands_accounts() && is_forwarded(headers) {
        // Without accounts who connects is the owner: behind a proxy everybody would be.
        return Err(Failure::refused(
            StatusCode::FORBIDDEN,
            "a proxy passed this on, and nobody has to sign in here",
        )
        .hint("declare `public_url` in [server]: people then sign in"));
    }
    let has_body = headers.contains_key(header::TRANSFER_ENCODING)
        || headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0");
    if has_body && matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(Failure::too_large("no address here takes a body"));
    }
    Ok(())
}

fn check_host(shared: &Shared, request: &Request) -> Result<(), Failure> {
    let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => text(host),
        _ => None,
    };
    let absolute = request.uri().authority().map(|authority| authority.as_str());
    let ours = host.as_deref().is_some_and(|host| shared.hosts.accept(host))
        && absolute.is_none_or(|host| shared.hosts.accept(host));
    if ours {
        return Ok(());
    }
    Err(Failure::refused(StatusCode::MISDIRECTED_REQUEST, "this server is not called by that name")
        .hint("open it under the address that it printed at its start, or declare `public_url`"))
}

/// Requests that another site's page makes are refused; that a person follows a link from there to a page is not.
fn check_origin(shared: &Shared, request: &Request) -> Result<(), Failure> {
    let headers = request.headers();
    let value = |name: &str| header_text(headers, name);
    let own_site = value("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none"));
    let own_origin = match headers.get(header::ORIGIN) {
        Some(origin) => origin.to_str().is_ok_and(|origin| shared.hosts.accept_origin(origin)),
        None => true,
    };
    let path = request.uri().path();
    let followed_link = !path.starts_with("/api/")
        && !path.starts_with("/assets/")
        && value("sec-fetch-mode") == Some("navigate")
        && value("sec-fetch-dest") == Some("document")
        && matches!(*request.method(), Method::GET | Method::HEAD)
        && own_origin;
    if (own_site && own_origin) || followed_link {
        return Ok(());
    }
    Err(Failure::refused(StatusCode::FORBIDDEN, "pages of other sites may not ask here"))
}

fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_a_second_of_each_kind_says_how_many_were_left_out() {
        let (lines, start) = (Lines::default(), Instant::now());
        let check = |kind: &'static str, milliseconds: u64, expected: Option<u64>| {
            assert_eq!(lines.take(kind, start + Duration::from_millis(milliseconds)), expected, "{kind}");
        };
        check("bad_request", 0, Some(0));
        check("bad_request", 10, None);
        check("bad_request", 999, None);
        check("too_large", 999, Some(0));
        check("bad_request", 1_000, Some(2));
        check("bad_request", 1_500, None);
        check("bad_request", 9_000, Some(1));
    }

    #[test]
    fn what_happens_every_day_is_no_warning() {
        let usual = [400, 401, 403, 404, 405, 413, 415, 429]
            .into_iter()
            .filter(|status| StatusCode::from_u16(*status).is_ok_and(is_usual));
        assert_eq!(usual.collect::<Vec<u16>>(), [401, 404, 405]);
    }
}
