//! Which addresses are there, and what holds at each?
//!
//! One list: the router is made from it, the guard decides by it, the tests go through it, and the table in the
//! documentation is written from it.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, delete, get, patch, post, put};
use intramuros_accounts::{Role, Scope};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;

use crate::api::account::{first, own, provider, session, tokens};
use crate::api::admin::{groups, health, journal, people, see_as, state, usage};
use crate::api::{
    answer, ask, attachments, collections, conversations, documents, events, failures, folders, openapi,
    original, pages, perimeter, search, status, uploads,
};
use crate::application::Shared;
use crate::endpoints::{Body, Endpoint, FORM_BYTES, Need, Who};
use crate::failure::Failure;
use crate::limits::{MAX_ATTACHED_BYTES, MAX_BODY_BYTES, MAX_UPLOAD_BYTES};
use crate::programs::{mcp, openai, responses};
use crate::{guard, page, scim};

/// What answers at an endpoint.
enum Handler {
    /// Text, which shrinks on its way.
    Text(MethodRouter<Arc<Shared>>),
    /// What goes as it is: originals and events.
    AsItIs(MethodRouter<Arc<Shared>>),
    /// The Model Context Protocol.
    Mcp,
}

/// Every endpoint with what answers there.
fn routes() -> Vec<(Endpoint, Handler)> {
    use Handler::{AsItIs, Text};
    let anyone = |endpoint: Endpoint| endpoint.who(Who::Anyone, Need::Nothing);
    let editor = |method, body| {
        let endpoint = Endpoint { method, body, ..Endpoint::get("/api/v1/uploads") };
        endpoint.who(Who::Role(Role::Editor), Need::Scope(Scope::Write))
    };
    let mut routes = page_routes();
    routes.extend([
        (Endpoint::get("/api/v1/search"), Text(get(search::search))),
        (Endpoint::get("/api/v1/ask"), Text(get(ask::ask))),
        (Endpoint::post("/api/v1/answer"), AsItIs(post(answer::answer))),
        (Endpoint::get("/api/v1/folders"), Text(get(folders::folders))),
        (Endpoint::get("/api/v1/collections"), Text(get(collections::collections))),
        (editor("GET", Body::None), Text(get(uploads::uploads))),
        (editor("POST", Body::File(MAX_UPLOAD_BYTES)), Text(post(uploads::bring))),
        (editor("PUT", Body::Json(FORM_BYTES)), Text(put(uploads::let_read))),
        (editor("DELETE", Body::None), Text(delete(uploads::take_away))),
        (Endpoint::get("/api/v1/documents/{id}"), Text(get(documents::document))),
        (Endpoint::get("/api/v1/documents/{id}/original"), AsItIs(get(original::original))),
        (Endpoint::get("/api/v1/documents/{id}/pages/{page}"), Text(get(pages::page))),
        (Endpoint::get("/api/v1/documents/{id}/pages/{page}/picture"), AsItIs(get(pages::picture))),
        (Endpoint::get("/api/v1/status"), Text(get(status::status))),
        (Endpoint::get("/api/v1/events"), AsItIs(get(events::events))),
        (Endpoint::get("/api/v1/failures"), Text(get(failures::failures))),
        (Endpoint::get("/api/v1/perimeter"), Text(get(perimeter::perimeter))),
        (anyone(Endpoint::get("/api/v1/openapi.json")), Text(get(openapi::openapi))),
        (anyone(Endpoint::get("/api/v1/health")), Text(get(status::health))),
        (Endpoint::get("/v1/models"), Text(get(openai::models))),
        (Endpoint::get("/v1/models/{*id}"), Text(get(openai::model))),
        (Endpoint::post("/v1/chat/completions"), Text(post(openai::chat))),
        (Endpoint::post("/v1/responses"), Text(post(responses::responses))),
        (Endpoint::post("/v1/embeddings"), Text(post(openai::embeddings))),
        (Endpoint::get("/mcp").any().body(Body::Json(mcp::MAX_BODY)), Handler::Mcp),
    ]);
    routes.extend(account());
    routes.extend(administration());
    routes.extend(directory());
    routes
}

/// Pages, which follow from their address, and their files.
fn page_routes() -> Vec<(Endpoint, Handler)> {
    let index = || Handler::Text(get(page::index));
    let account = || Handler::Text(get(page::account));
    let administrator = |path| Endpoint::get(path).who(Who::Role(Role::Administrator), Need::Session);
    vec![
        (Endpoint::get("/"), index()),
        (Endpoint::get("/document/{id}"), index()),
        (Endpoint::get("/documents"), index()),
        (Endpoint::get("/failures"), index()),
        (Endpoint::get("/help"), index()),
        (Endpoint::get("/conversations"), index()),
        (Endpoint::get("/conversation"), index()),
        (Endpoint::get("/conversation/{id}"), index()),
        (Endpoint::page("/sign-in"), account()),
        (Endpoint::get("/account").who(Who::Role(Role::Reader), Need::Session), account()),
        (administrator("/administration"), account()),
        (administrator("/administration/{section}"), account()),
        (Endpoint::page("/assets/{name}"), Handler::Text(get(page::asset))),
    ]
}

/// How people come in, and what they do for themselves.
fn account() -> Vec<(Endpoint, Handler)> {
    let text = Handler::Text;
    let attachments = |method| Endpoint::own(method, "/api/v1/conversations/{id}/attachments");
    vec![
        (Endpoint::page("/api/v1/session"), text(get(session::session))),
        (Endpoint::sign_in("POST", "/api/v1/session"), text(post(session::sign_in))),
        (Endpoint::own("DELETE", "/api/v1/session"), text(delete(session::sign_out))),
        (Endpoint::sign_in("GET", "/sign-in/with/{provider}"), text(get(provider::begin))),
        (Endpoint::sign_in("GET", "/sign-in/with/{provider}/back"), text(get(provider::back))),
        (Endpoint::sign_in("POST", "/api/v1/first-owner"), text(post(first::first_owner))),
        (Endpoint::sign_in("POST", "/api/v1/invitation"), text(post(first::accept))),
        (
            Endpoint { rate: crate::endpoints::Rate::SignIn, ..Endpoint::own("PUT", "/api/v1/passphrase") },
            text(put(own::passphrase)),
        ),
        (Endpoint::own("GET", "/api/v1/sessions"), text(get(own::sessions))),
        (Endpoint::own("DELETE", "/api/v1/sessions/{id}"), text(delete(own::end_session))),
        (Endpoint::own("GET", "/api/v1/tokens"), text(get(tokens::tokens))),
        (Endpoint::own("POST", "/api/v1/tokens"), text(post(tokens::make))),
        (Endpoint::own("DELETE", "/api/v1/tokens/{id}"), text(delete(tokens::revoke))),
        (Endpoint::own("GET", "/api/v1/conversations"), text(get(conversations::conversations))),
        (Endpoint::own("POST", "/api/v1/conversations"), text(post(conversations::begin))),
        (attachments("GET"), text(get(attachments::attachments))),
        (attachments("POST").body(Body::File(MAX_ATTACHED_BYTES)), text(post(attachments::attach))),
        (attachments("DELETE"), text(delete(attachments::detach))),
        (Endpoint::own("GET", "/api/v1/conversations/{id}"), text(get(conversations::conversation))),
        (Endpoint::own("PATCH", "/api/v1/conversations/{id}"), text(patch(conversations::change))),
        (Endpoint::own("DELETE", "/api/v1/conversations/{id}"), text(delete(conversations::remove))),
        (Endpoint::own("GET", "/api/v1/conversations/{id}/export"), text(get(conversations::export))),
        (
            Endpoint::own("PUT", "/api/v1/conversations/{id}/turns/{number}/rating"),
            text(put(conversations::rate)),
        ),
    ]
}

/// What administrators do and see.
fn administration() -> Vec<(Endpoint, Handler)> {
    let text = Handler::Text;
    let administer = Endpoint::administer;
    vec![
        (administer("GET", "/api/v1/people"), text(get(people::people))),
        (administer("POST", "/api/v1/people"), text(post(people::add))),
        (administer("PATCH", "/api/v1/people/{id}"), text(patch(people::change))),
        (administer("DELETE", "/api/v1/people/{id}"), text(delete(people::remove))),
        (administer("POST", "/api/v1/people/{id}/invitation"), text(post(people::invite))),
        (administer("DELETE", "/api/v1/people/{id}/sessions"), text(delete(people::end_sessions))),
        (administer("GET", "/api/v1/groups"), text(get(groups::groups))),
        (administer("POST", "/api/v1/groups"), text(post(groups::add))),
        (administer("PATCH", "/api/v1/groups/{id}"), text(patch(groups::change))),
        (administer("DELETE", "/api/v1/groups/{id}"), text(delete(groups::remove))),
        (administer("GET", "/api/v1/see-as"), text(get(see_as::see_as))),
        (administer("GET", "/api/v1/sources"), text(get(state::sources))),
        (administer("POST", "/api/v1/sources/{source}/fetch").body(Body::None), text(post(state::fetch))),
        (administer("GET", "/api/v1/models"), text(get(state::models))),
        (administer("GET", "/api/v1/usage"), text(get(usage::usage))),
        (administer("GET", "/api/v1/settings"), text(get(state::settings))),
        (administer("GET", "/api/v1/well"), text(get(health::well))),
        (administer("GET", "/api/v1/journal"), text(get(journal::journal))),
    ]
}

/// What directories do.
fn directory() -> Vec<(Endpoint, Handler)> {
    let text = Handler::Text;
    let keep =
        |method, path| Endpoint { need: Need::Scope(Scope::Scim), ..Endpoint::administer(method, path) };
    vec![
        (keep("GET", "/scim/v2/ServiceProviderConfig"), text(get(scim::configuration))),
        (keep("GET", "/scim/v2/ResourceTypes"), text(get(scim::resource_types))),
        (keep("GET", "/scim/v2/ResourceTypes/{id}"), text(get(scim::resource_type))),
        (keep("GET", "/scim/v2/Schemas"), text(get(scim::schemas))),
        (keep("GET", "/scim/v2/Schemas/{id}"), text(get(scim::schema))),
        (keep("POST", "/scim/v2/.search"), text(post(scim::search))),
        (keep("POST", "/scim/v2/Users/.search"), text(post(scim::search_users))),
        (keep("POST", "/scim/v2/Groups/.search"), text(post(scim::search_groups))),
        (keep("GET", "/scim/v2/Users"), text(get(scim::users))),
        (keep("POST", "/scim/v2/Users"), text(post(scim::add_user))),
        (keep("GET", "/scim/v2/Users/{id}"), text(get(scim::user))),
        (keep("PUT", "/scim/v2/Users/{id}"), text(put(scim::put_user))),
        (keep("PATCH", "/scim/v2/Users/{id}"), text(patch(scim::change_user))),
        (keep("DELETE", "/scim/v2/Users/{id}"), text(delete(scim::remove_user))),
        (keep("GET", "/scim/v2/Groups"), text(get(scim::groups))),
        (keep("POST", "/scim/v2/Groups"), text(post(scim::add_group))),
        (keep("GET", "/scim/v2/Groups/{id}"), text(get(scim::group))),
        (keep("PUT", "/scim/v2/Groups/{id}"), text(put(scim::put_group))),
        (keep("PATCH", "/scim/v2/Groups/{id}"), text(patch(scim::change_group))),
        (keep("DELETE", "/scim/v2/Groups/{id}"), text(delete(scim::remove_group))),
    ]
}

/// What holds at every address.
pub fn endpoints() -> Vec<Endpoint> {
    routes().into_iter().map(|(endpoint, _)| endpoint).collect()
}

/// Every route, behind the guard.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let mut router = Router::new();
    for (endpoint, handler) in routes() {
        let most = match endpoint.body {
            Body::None => MAX_BODY_BYTES,
            Body::Json(most) => most,
            // Counted while it comes.
            Body::File(_) => MAX_BODY_BYTES,
        };
        let within = DefaultBodyLimit::max(most);
        router = match handler {
            // Text shrinks to a quarter at the fastest level.
            Handler::Text(handler) => {
                let shrink = CompressionLayer::new().quality(CompressionLevel::Fastest);
                router.route(
                    endpoint.path,
                    handler.layer::<_, Infallible>(shrink).layer::<_, Infallible>(within),
                )
            }
            Handler::AsItIs(handler) => router.route(endpoint.path, handler.layer::<_, Infallible>(within)),
            Handler::Mcp => router.route_service(endpoint.path, mcp::service(&shared)),
        };
    }
    router
        .fallback(page::not_found)
        .method_not_allowed_fallback(async || Failure::wrong_method())
        .layer(from_fn_with_state(Arc::clone(&shared), guard::guard))
        .with_state(shared)
}

/// The table of endpoints as it stands in the documentation.
pub fn table() -> String {
    let mut lines = vec![
        "| method | address | who | token | body | attempts |".to_owned(),
        "|---|---|---|---|---|---|".to_owned(),
    ];
    let mut endpoints = endpoints();
    endpoints.sort_by_key(|endpoint| endpoint.path);
    for Endpoint { method, path, who, need, body, rate } in endpoints {
        let who = match who {
            Who::Anyone => "anyone".to_owned(),
            Who::Role(role) => role.to_string(),
        };
        let need = match need {
            Need::Nothing => "none needed".to_owned(),
            Need::Scope(scope) => format!("`{}`", Scope::word(scope)),
            Need::Session => "a session only".to_owned(),
        };
        let body = match body {
            Body::None => "none".to_owned(),
            Body::Json(bytes) => format!("JSON, {} KiB", bytes >> 10),
            Body::File(bytes) => format!("a file, {} MiB", bytes >> 20),
        };
        let rate = match rate {
            crate::endpoints::Rate::General => "general",
            crate::endpoints::Rate::SignIn => "sign-in",
        };
        lines.push(format!("| {method} | `{path}` | {who} | {need} | {body} | {rate} |"));
    }
    lines.join("\n") + "\n"
}
