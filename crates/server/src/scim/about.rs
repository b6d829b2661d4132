//! What do we say of ourselves to a directory?

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use intramuros_accounts::scim::{self, MOST_OPERATIONS};
use serde_json::{Value, json};

use super::{MOST, Refused, answer, list};
use crate::application::Shared;
use crate::failure::Failure;

const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";
const KIND: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
const CONFIGURATION: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";

/// What of the standard is spoken.
pub(crate) async fn configuration(State(shared): State<Arc<Shared>>) -> Response {
    let no = json!({"supported": false});
    let body = json!({
        "schemas": [CONFIGURATION],
        "patch": {"supported": true},
        "bulk": {"supported": false, "maxOperations": MOST_OPERATIONS, "maxPayloadSize": 0},
        "filter": {"supported": true, "maxResults": MOST},
        "changePassword": no, "sort": no, "etag": no,
        "authenticationSchemes": [{
            "type": "oauthbearertoken", "name": "Token", "primary": true,
            "description": "A token for a program, with the scope `scim`",
        }],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": format!("{}/scim/v2/ServiceProviderConfig", shared.home),
        },
    });
    answer(StatusCode::OK, body)
}

fn kinds(home: &str) -> Vec<Value> {
    let kind = |name: &str, endpoint: &str, schema: &str| {
        json!({
            "schemas": [KIND], "id": name, "name": name, "endpoint": endpoint, "schema": schema,
            "meta": {"resourceType": "ResourceType", "location": format!("{home}/scim/v2/ResourceTypes/{name}")},
        })
    };
    vec![kind("User", "/Users", scim::USER), kind("Group", "/Groups", scim::GROUP)]
}

/// What there is.
pub(crate) async fn resource_types(State(shared): State<Arc<Shared>>) -> Response {
    let kinds = kinds(&shared.home);
    list(kinds.len() as u64, 1, kinds)
}

/// One kind of what there is.
pub(crate) async fn resource_type(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    one(kinds(&shared.home), &id)
}

fn one(all: Vec<Value>, id: &str) -> Result<Response, Refused> {
    let found = all.into_iter().find(|one| one["id"] == id).ok_or_else(Failure::not_found)?;
    Ok(answer(StatusCode::OK, found))
}

fn attribute(name: &str, kind: &str, mutability: &str, further: Value) -> Value {
    let mut attribute = json!({
        "name": name, "type": kind, "multiValued": false, "required": false, "caseExact": false,
        "mutability": mutability, "returned": "default", "uniqueness": "none", "description": name,
    });
    if let (Some(fields), Value::Object(further)) = (attribute.as_object_mut(), further) {
        fields.extend(further);
    }
    attribute
}

fn all_schemas(home: &str) -> Vec<Value> {
    let text = |name: &str| attribute(name, "string", "readWrite", json!({}));
    let fixed = |name: &str| attribute(name, "string", "immutable", json!({}));
    let name = json!({"required": true, "uniqueness": "server"});
    let mails = json!({"multiValued": true, "subAttributes": [
        // One address is kept, and is always this.
        text("value"), attribute("type", "string", "readOnly", json!({"canonicalValues": ["work"]})),
        attribute("primary", "boolean", "readOnly", json!({})),
    ]});
    let reference = attribute("$ref", "reference", "immutable", json!({"referenceTypes": ["User"]}));
    let members = json!({"multiValued": true, "subAttributes": [
        fixed("value"), reference, attribute("type", "string", "readOnly", json!({"canonicalValues": ["User"]})),
        attribute("display", "string", "readOnly", json!({})),
    ]});
    let schema = |id: &str, name: &str, attributes: Vec<Value>| {
        json!({
            "schemas": [SCHEMA], "id": id, "name": name, "description": name, "attributes": attributes,
            "meta": {"resourceType": "Schema", "location": format!("{home}/scim/v2/Schemas/{id}")},
        })
    };
    vec![
        schema(
            scim::USER,
            "User",
            vec![
                attribute("userName", "string", "readWrite", name.clone()),
                text("displayName"),
                attribute("active", "boolean", "readWrite", json!({})),
                attribute("emails", "complex", "readWrite", mails),
            ],
        ),
        schema(
            scim::GROUP,
            "Group",
            vec![
                attribute("displayName", "string", "readWrite", name),
                attribute("members", "complex", "readWrite", members),
            ],
        ),
    ]
}

/// What of people and groups is kept.
pub(crate) async fn schemas(State(shared): State<Arc<Shared>>) -> Response {
    let schemas = all_schemas(&shared.home);
    list(schemas.len() as u64, 1, schemas)
}

/// What of one of them is kept.
pub(crate) async fn schema(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    one(all_schemas(&shared.home), &id)
}
