//! Which programs may ask, over which of their protocols?
//!
//! The interface of OpenAI ([`openai`]) and the Model Context Protocol ([`mcp`]). Both are for this machine and its owner
//! until there are accounts; where a token is declared, they ask for it.

pub mod mcp;
pub mod openai;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::application::Shared;
use crate::failure::Failure;

/// Lets a program through that shows the declared token. The hashes are compared, so that the time says nothing.
pub(crate) async fn token(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    if shared.token.is_none_or(|declared| shown(request.headers()) == Some(declared)) {
        return next.run(request).await;
    }
    let failure = Failure::refused(StatusCode::UNAUTHORIZED, "the token is missing or not the declared one")
        .hint("send `Authorization: Bearer …` with the token in `server.token_file`");
    ([(header::WWW_AUTHENTICATE, "Bearer")], failure).into_response()
}

fn shown(headers: &HeaderMap) -> Option<blake3::Hash> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let token = value.strip_prefix("Bearer ").or_else(|| value.strip_prefix("bearer "))?;
    Some(blake3::hash(token.trim().as_bytes()))
}
