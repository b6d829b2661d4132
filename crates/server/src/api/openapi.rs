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
        super::collections::collections,
        super::conversations::conversations,
        super::conversations::conversation,
        super::conversations::change,
        super::conversations::remove,
        super::conversations::rate,
        super::conversations::export,
        super::documents::document,
        super::admin::health::well,
        super::folders::folders,
        super::conversations::begin,
        super::attachments::attachments,
        super::attachments::attach,
        super::attachments::detach,
        super::uploads::uploads,
        super::uploads::bring,
        super::uploads::let_read,
        super::uploads::take_away,
        super::original::original,
        super::pages::page,
        super::pages::picture,
        super::status::status,
        super::events::events,
        super::failures::failures,
        super::perimeter::perimeter,
        openapi,
        super::status::health,
        super::account::session::session,
        super::account::session::sign_in,
        super::account::session::sign_out,
        super::account::first::first_owner,
        super::account::first::accept,
        super::account::own::passphrase,
        super::account::own::sessions,
        super::account::own::end_session,
        super::account::tokens::tokens,
        super::account::tokens::make,
        super::account::tokens::revoke,
        super::admin::people::people,
        super::admin::people::add,
        super::admin::people::change,
        super::admin::people::remove,
        super::admin::people::invite,
        super::admin::people::end_sessions,
        super::admin::groups::groups,
        super::admin::groups::add,
        super::admin::groups::change,
        super::admin::groups::remove,
        super::admin::see_as::see_as,
        super::admin::state::sources,
        super::admin::state::fetch,
        super::admin::state::models,
        super::admin::usage::usage,
        super::admin::state::settings,
        super::admin::journal::journal,
    ),
    tags(
        (name = "search", description = "What answers"),
        (name = "conversations", description = "What was asked before, and what others share"),
        (name = "documents", description = "What documents say"),
        (name = "account", description = "Signing in, one's own sessions and tokens"),
        (name = "administration", description = "People, groups, rules, the state, the journal"),
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
