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
    search as search_groups,
};
pub(crate) use users::{
    add as add_user, change as change_user, put as put_user, remove as remove_user, search as search_users,
    user, users,
};

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use intramuros_accounts::scim::{self, Filter, Refusal, Wanted};
use intramuros_journal::time::to_text;
use serde_json::{Value, json};

use crate::application::Shared;
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

/// What is asked of a list.
struct Asked {
    /// What it is narrowed to.
    filter: Option<Filter>,
    /// Where it begins, from 1.
    start: usize,
    /// How long it may be.
    count: usize,
    /// Which attributes are wanted.
    wanted: Wanted,
}

impl Asked {
    // What is below 1 counts as 1, as the standard says; other parameters are read over.
    fn new(
        filter: Option<&str>,
        start: Option<i64>,
        count: Option<i64>,
        wanted: Wanted,
    ) -> Result<Asked, Refused> {
        let filter = filter.map(Filter::parse).transpose()?;
        let start = usize::try_from(start.unwrap_or(1)).unwrap_or(1).max(1);
        let count = u64::try_from(count.unwrap_or(100)).unwrap_or(0).min(MOST) as usize;
        Ok(Asked { filter, start, count, wanted })
    }

    /// From the address.
    fn of(mut parameters: Parameters) -> Result<Asked, Refused> {
        let mut whole = |name: &str| match parameters.one(name)?.map(|text| text.parse::<i64>()).transpose() {
            Ok(number) => Ok(number),
            Err(_) => Err(Failure::bad_request(format!("`{name}` is a whole number"))),
        };
        let (start, count) = (whole("startIndex")?, whole("count")?);
        let filter = parameters.one("filter")?;
        Asked::new(filter.as_deref(), start, count, wanted(parameters)?)
    }

    /// From the body of a search.
    fn of_search(body: &Bytes) -> Result<Asked, Refused> {
        let body = read(body)?;
        let wrong =
            |name: &str| Refused::from(Failure::bad_request(format!("`{name}` is of the wrong kind")));
        let whole = |name: &str| match body.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(number) => number.as_i64().map(Some).ok_or_else(|| wrong(name)),
        };
        let filter = match body.get("filter") {
            None | Some(Value::Null) => None,
            Some(filter) => Some(filter.as_str().ok_or_else(|| wrong("filter"))?),
        };
        Asked::new(filter, whole("startIndex")?, whole("count")?, Wanted::of_search(&body)?)
    }
}

/// Which attributes of an answer are wanted.
fn wanted(mut parameters: Parameters) -> Result<Wanted, Refused> {
    let (only, without) = (parameters.one("attributes")?, parameters.one("excludedAttributes")?);
    Ok(Wanted::parse(only.as_deref(), without.as_deref()))
}

/// People and groups together.
pub(crate) async fn search(State(shared): State<Arc<Shared>>, body: Bytes) -> Result<Response, Refused> {
    let asked = Asked::of_search(&body)?;
    let (mut found, people) = users::found_by(&shared, &asked).await?;
    // Groups come after the last of the people.
    let before = usize::try_from(people).unwrap_or(usize::MAX);
    let rest = Asked {
        start: asked.start.saturating_sub(before).max(1),
        count: asked.count.saturating_sub(found.len()),
        ..asked
    };
    let (groups, more) = groups::found_by(&shared, &rest).await?;
    found.extend(groups);
    Ok(list(people + more, asked.start, found))
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
