//! Which addresses are there?

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;

use crate::api::{answer, ask, documents, events, failures, openapi, original, perimeter, search, status};
use crate::application::Shared;
use crate::failure::Failure;
use crate::limits::MAX_BODY_BYTES;
use crate::programs::{self, mcp, openai};
use crate::{guard, page};

/// The routes of the API, as the OpenAPI document writes them; a test holds the two against each other.
pub const ROUTES: [&str; 11] = [
    "/api/v1/search",
    "/api/v1/ask",
    "/api/v1/answer",
    "/api/v1/documents/{id}",
    "/api/v1/documents/{id}/original",
    "/api/v1/status",
    "/api/v1/events",
    "/api/v1/failures",
    "/api/v1/perimeter",
    "/api/v1/openapi.json",
    "/api/v1/health",
];

/// Every route, behind the guard.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let texts = Router::new()
        .route("/", get(page::index))
        .route("/document/{id}", get(page::index))
        .route("/failures", get(page::index))
        .route("/help", get(page::index))
        .route("/assets/{name}", get(page::asset))
        .route("/api/v1/search", get(search::search))
        .route("/api/v1/ask", get(ask::ask))
        .route("/api/v1/documents/{id}", get(documents::document))
        .route("/api/v1/status", get(status::status))
        .route("/api/v1/failures", get(failures::failures))
        .route("/api/v1/perimeter", get(perimeter::perimeter))
        .route("/api/v1/openapi.json", get(openapi::openapi))
        .route("/api/v1/health", get(status::health))
        // Text shrinks to a quarter at the fastest level; originals and events go as they are.
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest));
    // Programs of other people, behind the declared token.
    let programs = Router::new()
        .route("/v1/models", get(openai::models))
        .route("/v1/chat/completions", post(openai::chat))
        .route("/v1/embeddings", post(openai::embeddings))
        .route_service("/mcp", mcp::service(&shared))
        .layer(from_fn_with_state(Arc::clone(&shared), programs::token));
    texts
        .merge(programs)
        .route("/api/v1/answer", post(answer::answer))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .route("/api/v1/documents/{id}/original", get(original::original))
        .route("/api/v1/events", get(events::events))
        .fallback(page::not_found)
        .method_not_allowed_fallback(async || Failure::wrong_method())
        .layer(from_fn_with_state(Arc::clone(&shared), guard::guard))
        .with_state(shared)
}
