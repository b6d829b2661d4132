//! Who asks, from where, and may they at all?
//!
//! One layer around every route. It decides from the head of a request alone, sets the headers that every answer
//! carries, and writes the one log line of a request that failed: route, status, duration and cause, never the
//! question.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::header::{self, HeaderName};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use intramuros_core::access::Principal;
use intramuros_journal::Event;

use crate::application::Shared;
use crate::failure::{Cause, Failure, REFUSED};
use crate::limits::MAX_PATH_BYTES;

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

/// The address at the other end of the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub IpAddr);

/// Who asks. Accounts will decide it here; until then everybody who can connect is the visitor of the settings.
pub(crate) struct Asker(pub Principal);

impl FromRequestParts<Arc<Shared>> for Asker {
    type Rejection = Failure;

    async fn from_request_parts(_: &mut Parts, shared: &Arc<Shared>) -> Result<Asker, Failure> {
        Ok(Asker(shared.visitor.clone()))
    }
}

/// Lets a request through, or answers in its place.
pub(crate) async fn guard(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = shared.next_request();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let mut response = match check(&shared, &request, began) {
        Ok(()) => next.run(request).await,
        Err(failure) => {
            if let Some(event) = refusal(&request, &failure) {
                // That it can't be written changes nothing: it is refused in any case.
                let _ = shared.note(event).await;
            }
            failure.into_response()
        }
    };
    log(&response, &id, route.as_deref().unwrap_or("no route"), began);
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

/// The entry of a request under another's name or from another site. How many there can be is bounded by the rate of
/// their address.
fn refusal(request: &Request, failure: &Failure) -> Option<Event> {
    (failure.kind == REFUSED).then(|| Event::AccessRefused {
        by: "anonymous".to_owned(),
        what: format!("{} {}", request.method(), request.uri().path()),
        why: failure.message.clone(),
        from: request.extensions().get::<Peer>().map(|peer| peer.0.to_string()),
    })
}

fn log(response: &Response, id: &str, route: &str, began: Instant) {
    let Some(Cause { kind, cause }) = response.extensions().get::<Cause>() else { return };
    let status = response.status().as_u16();
    let milliseconds = began.elapsed().as_millis() as u64;
    match cause {
        Some(cause) => {
            tracing::error!(request = id, route, status, milliseconds, kind, cause, "request failed")
        }
        None => tracing::debug!(request = id, route, status, milliseconds, kind, "request not answered"),
    }
}

fn check(shared: &Shared, request: &Request, now: Instant) -> Result<(), Failure> {
    let peer = request.extensions().get::<Peer>().map_or(IpAddr::from([127, 0, 0, 1]), |peer| peer.0);
    if !shared.buckets.take(peer, now) {
        return Err(Failure::too_many());
    }
    if request.uri().path().len() > MAX_PATH_BYTES {
        return Err(Failure::bad_request("the address is too long"));
    }
    check_host(shared, request)?;
    check_origin(shared, request)?;
    let headers = request.headers();
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
