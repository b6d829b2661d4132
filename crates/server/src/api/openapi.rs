//! What does the API look like to a program?

use std::sync::LazyLock;

use axum::http::header;
use axum::response::IntoResponse;
use utoipa::OpenApi;

/// Collects what the handlers say of themselves.
#[derive(OpenApi)]
#[openapi(
    info(title = "Intramuros", description = "Search and ask what you may read. Every answer cites where it stands."),
    paths(
        super::search::search,
        super::ask::ask,
        super::answer::answer,
        super::documents::document,
        super::original::original,
        super::status::status,
        super::events::events,
        super::failures::failures,
        super::perimeter::perimeter,
        openapi,
        super::status::health,
    ),
    tags(
        (name = "search", description = "What answers"),
        (name = "documents", description = "What documents say"),
        (name = "state", description = "How much there is, and how far the work is"),
    )
)]
struct Api;

static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    // Plain values of our own: writing them down can't fail.
    document().to_json().unwrap_or_default()
});

/// The OpenAPI document.
pub fn document() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

/// This document.
#[utoipa::path(
    get, path = "/api/v1/openapi.json", tag = "state",
    responses((status = 200, description = "The OpenAPI document", content_type = "application/json"))
)]
pub(crate) async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.as_str())
}
