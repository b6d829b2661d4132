//! Which files make up the page?
//!
//! They are part of the program: nothing is read from a disk and nothing comes from elsewhere.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use crate::failure::Failure;

struct Asset {
    name: &'static str,
    kind: &'static str,
    content: &'static str,
}

const INDEX: Asset = Asset {
    name: "index.html",
    kind: "text/html; charset=utf-8",
    content: include_str!("../assets/index.html"),
};

/// The page on which people sign in, see what is theirs, and administer.
const ACCOUNT: Asset = Asset {
    name: "account.html",
    kind: "text/html; charset=utf-8",
    content: include_str!("../assets/account.html"),
};

const ASSETS: &[Asset] = &[
    style("style.css", include_str!("../assets/style.css")),
    picture("mark.svg", include_str!("../assets/mark.svg")),
    script("early.js", include_str!("../assets/early.js")),
    script("app.js", include_str!("../assets/app.js")),
    script("dom.js", include_str!("../assets/dom.js")),
    script("words.js", include_str!("../assets/words.js")),
    script("results.js", include_str!("../assets/results.js")),
    script("answer.js", include_str!("../assets/answer.js")),
    script("details-fr.js", include_str!("../assets/details-fr.js")),
    script("said-fr.js", include_str!("../assets/said-fr.js")),
    script("written.js", include_str!("../assets/written.js")),
    script("collections.js", include_str!("../assets/collections.js")),
    script("conversation.js", include_str!("../assets/conversation.js")),
    script("attachments.js", include_str!("../assets/attachments.js")),
    script("document.js", include_str!("../assets/document.js")),
    script("folders.js", include_str!("../assets/folders.js")),
    script("help.js", include_str!("../assets/help.js")),
    script("health.js", include_str!("../assets/health.js")),
    script("uploads.js", include_str!("../assets/uploads.js")),
    script("pages.js", include_str!("../assets/pages.js")),
    script("status.js", include_str!("../assets/status.js")),
    style("account.css", include_str!("../assets/account.css")),
    script("account.js", include_str!("../assets/account.js")),
    script("account-words.js", include_str!("../assets/account-words.js")),
    script("who.js", include_str!("../assets/who.js")),
    script("own.js", include_str!("../assets/own.js")),
    script("people.js", include_str!("../assets/people.js")),
    script("usage.js", include_str!("../assets/usage.js")),
    script("state.js", include_str!("../assets/state.js")),
];

const fn script(name: &'static str, content: &'static str) -> Asset {
    Asset { name, kind: "text/javascript; charset=utf-8", content }
}

const fn style(name: &'static str, content: &'static str) -> Asset {
    Asset { name, kind: "text/css; charset=utf-8", content }
}

const fn picture(name: &'static str, content: &'static str) -> Asset {
    Asset { name, kind: "image/svg+xml", content }
}

/// Hashes of all files, by position; browsers ask with them whether a file changed.
static TAGS: LazyLock<Vec<String>> =
    LazyLock::new(|| ASSETS.iter().chain([&INDEX, &ACCOUNT]).map(tag).collect());

fn tag(asset: &Asset) -> String {
    let hash = blake3::hash(asset.content.as_bytes()).to_hex();
    format!("\"{}\"", hash.get(..16).unwrap_or_default())
}

/// The page; what it shows follows from its address.
pub(crate) async fn index(headers: HeaderMap) -> Response {
    respond(&INDEX, ASSETS.len(), &headers)
}

/// The page of accounts; what it shows follows from its address.
pub(crate) async fn account(headers: HeaderMap) -> Response {
    respond(&ACCOUNT, ASSETS.len() + 1, &headers)
}

/// A file of the page.
pub(crate) async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Failure> {
    let found = ASSETS.iter().enumerate().find(|(_, asset)| asset.name == name);
    let (position, asset) = found.ok_or_else(Failure::not_found)?;
    Ok(respond(asset, position, &headers))
}

/// For addresses that are not there: words for programs, the page for people.
pub(crate) async fn not_found(uri: Uri, headers: HeaderMap) -> Response {
    let person = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    if person && !uri.path().starts_with("/api/") {
        let mut response = respond(&INDEX, ASSETS.len(), &HeaderMap::new());
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    }
    if uri.path().starts_with("/scim/") {
        return crate::scim::not_found();
    }
    Failure::not_found().into_response()
}

fn respond(asset: &Asset, position: usize, headers: &HeaderMap) -> Response {
    let tag = TAGS.get(position).cloned().unwrap_or_default();
    // Asked again each time and answered without a body: a new version shows at once.
    let fresh = [(header::ETAG, tag.clone()), (header::CACHE_CONTROL, "no-cache".to_owned())];
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    if known.is_some_and(|known| known.split(',').any(|one| one.trim().trim_start_matches("W/") == tag)) {
        return (StatusCode::NOT_MODIFIED, fresh).into_response();
    }
    (fresh, [(header::CONTENT_TYPE, asset.kind)], asset.content).into_response()
}
