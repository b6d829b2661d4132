//! How does a directory keep people and groups here in step with its own (SCIM 2.0)?
//!
//! For a program's token with the scope `scim`. A directory adds people as readers and changes those that it or a provider
//! brought; who was added here by hand, and whoever is an owner, is not its affair.

mod about;
mod groups;
mod users;

pub(crate) use about::{configuration, resource_type, resource_types, schema, schemas};
pub(crate) use groups::{
    add as add_group, change as change_group, group, groups, put as put_group, remove as remove_group,
};
pub(crate) use users::{
    add as add_user, change as change_user, put as put_user, remove as remove_user, user, users,
};

use axum::Json;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use intramuros_accounts::scim::{self, Filter, Refusal};
use intramuros_journal::time::to_text;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::parameters::Parameters;

/// Most of one list.
const MOST: u64 = 200;

/// Why something is not done, in the standard's form.
pub(crate) struct Refused(Box<Failure>, Option<&'static str>);

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Refused {
        let word = (failure.kind == "taken").then_some("uniqueness");
        Refused(Box::new(failure), word)
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Refused {
        Refused(Box::new(Failure::bad_request(refusal.detail)), Some(refusal.word))
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Refused(failure, word) = self;
        let mut body =
            json!({"schemas": [scim::ERROR], "status": failure.status.as_str(), "detail": failure.message});
        if let Some(word) = word {
            body["scimType"] = json!(word);
        }
        let status = failure.status;
        // For the log alone.
        let logged = failure.into_response();
        let mut response = answer(status, body);
        response.extensions_mut().extend(logged.extensions().clone());
        response
    }
}

/// The answer where there is nothing, in this protocol's form.
pub(crate) fn not_found() -> Response {
    Refused::from(Failure::not_found()).into_response()
}

/// An answer of this protocol.
fn answer(status: StatusCode, body: Value) -> Response {
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("application/scim+json"))];
    (status, kind, Json(body)).into_response()
}

/// An answer that says where something stands from now on.
fn made(location: &str, body: Value) -> Response {
    let mut response = answer(StatusCode::CREATED, body);
    let kind = HeaderMap::from_iter(HeaderValue::from_str(location).map(|value| (header::LOCATION, value)));
    response.headers_mut().extend(kind);
    response
}

fn read(body: &Bytes) -> Result<Value, Refused> {
    serde_json::from_slice(body).map_err(|_| {
        let failure = Failure::bad_request("the body is not JSON");
        Refused(Box::new(failure), Some("invalidSyntax"))
    })
}

/// What a list is narrowed to, where it begins (from 1) and how long it may be.
fn asked(mut parameters: Parameters) -> Result<(Option<Filter>, usize, usize), Refused> {
    let filter = parameters.one("filter")?.map(|filter| Filter::parse(&filter)).transpose()?;
    let whole = |text: Option<String>, otherwise: u64| match text {
        None => Ok(otherwise),
        Some(text) => match text.parse::<i64>() {
            Ok(number) => Ok(u64::try_from(number).unwrap_or(0)),
            Err(_) => Err(Failure::bad_request("`startIndex` and `count` are whole numbers")),
        },
    };
    // What is below 1 counts as 1, as the standard says; other parameters are read over.
    let start = whole(parameters.one("startIndex")?, 1)?.max(1);
    let count = whole(parameters.one("count")?, 100)?.min(MOST);
    Ok((filter, usize::try_from(start).unwrap_or(usize::MAX), count as usize))
}

fn list(total: u64, start: usize, resources: Vec<Value>) -> Response {
    let body = json!({
        "schemas": [scim::LIST], "totalResults": total, "startIndex": start, "itemsPerPage": resources.len(),
        "Resources": resources,
    });
    answer(StatusCode::OK, body)
}

fn meta(kind: &str, home: &str, path: &str, created_ms: i64) -> Value {
    json!({"resourceType": kind, "created": to_text(created_ms), "location": format!("{home}/scim/v2/{path}")})
}
