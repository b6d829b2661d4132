//! Through which mesh and which bastion are environments reached?
//!
//! Both kinds belong to the whole cluster: the platform's team writes them, and names the namespaces that may use them.
//! Their credentials lie in the operator's own namespace, so that no field of a namespaced resource points at one.

#![allow(clippy::duplicated_attributes, reason = "each printed column has a type")]

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::condition::{self, Condition};

/// The management API of a NetBird mesh.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "intramuros.eu",
    version = "v1alpha1",
    kind = "MeshConnection",
    category = "intramuros",
    status = "ConnectionStatus",
    derive = "PartialEq",
    doc = "The management API of a NetBird mesh, and who may use it.",
    printcolumn(name = "URL", type_ = "string", json_path = ".spec.url"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(name = "Environments", type_ = "integer", json_path = ".status.environments"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct MeshConnectionSpec {
    /// The address of the management API: `https://netbird.example.org`.
    #[schemars(length(max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^https://[^/@ ]+(/[^ ]*)?$') || self.matches('^http://127[.]0[.]0[.]1(:[0-9]+)?$')").message("an https:// address (http:// for 127.0.0.1 alone)"))]
    pub url: String,
    /// The token of a service user, in the operator's namespace.
    pub token: SecretKey,
    /// The certificate authorities that vouch for it (PEM), in the operator's namespace; otherwise the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorities: Option<SecretKey>,
    /// The mesh group whose peers may reach API servers: the management cluster's.
    #[schemars(length(min = 1, max = 128))]
    pub management_group: String,
    /// The mesh group of the bastion's own peers, where it is in the mesh: they reach every machine by SSH, and API
    /// servers. Without one the bastion has another way to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub bastion_group: Option<String>,
    /// The domain under which environments get names in the mesh (`api.ENVIRONMENT.NAMESPACE.DOMAIN`); none without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 180), regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub domain: Option<String>,
    /// Namespaces whose environments may use it; `*` for all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "names")]
    pub namespaces: Vec<String>,
    /// Seconds between two looks for what others changed.
    #[serde(default = "ten_minutes")]
    #[schemars(range(min = 5, max = 86400))]
    pub look_every_seconds: i32,
}

/// The administration of a Warpgate bastion.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "intramuros.eu",
    version = "v1alpha1",
    kind = "BastionConnection",
    category = "intramuros",
    status = "ConnectionStatus",
    derive = "PartialEq",
    doc = "The administration of a Warpgate bastion, and who may use it.",
    printcolumn(name = "URL", type_ = "string", json_path = ".spec.url"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(name = "Environments", type_ = "integer", json_path = ".status.environments"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct BastionConnectionSpec {
    /// The address of the bastion: `https://bastion.example.org:8888`.
    #[schemars(length(max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^https://[^/@ ]+(/[^ ]*)?$') || self.matches('^http://127[.]0[.]0[.]1(:[0-9]+)?$')").message("an https:// address (http:// for 127.0.0.1 alone)"))]
    pub url: String,
    /// The token of an administrator, in the operator's namespace.
    pub token: SecretKey,
    /// The certificate authorities that vouch for it (PEM), in the operator's namespace; otherwise the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorities: Option<SecretKey>,
    /// Where people connect by SSH: `bastion.example.org:2222`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub ssh: Option<String>,
    /// Where people reach API servers: `bastion.example.org:8443`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub kubernetes: Option<String>,
    /// The account on machines that the bastion signs in with.
    #[serde(default = "account")]
    #[schemars(length(min = 1, max = 32))]
    pub account: String,
    /// Whether the bastion checks the certificates of clusters. It has no place for a cluster's own authority, so this
    /// works only where its machine trusts that authority; the path itself is encrypted by the mesh.
    #[serde(default)]
    pub verify_clusters: bool,
    /// Whether nobody is let in while the bastion records nothing.
    #[serde(default = "yes")]
    pub require_recordings: bool,
    /// Whether environments may take over roles and targets of their name that others made. A role made by hand may lead
    /// elsewhere as well, so this is not for a namespace's user to decide.
    #[serde(default)]
    pub adoption: bool,
    /// Namespaces whose environments may use it; `*` for all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "names")]
    pub namespaces: Vec<String>,
    /// Seconds between two looks for what others changed.
    #[serde(default = "ten_minutes")]
    #[schemars(range(min = 5, max = 86400))]
    pub look_every_seconds: i32,
}

/// One value of a Secret in the operator's namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretKey {
    /// The Secret's name.
    #[schemars(length(min = 1, max = 253))]
    pub secret: String,
    /// The key in it.
    #[serde(default = "token_key")]
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

/// What a connection is at the moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionStatus {
    /// The generation that was looked at last.
    #[serde(default)]
    pub observed_generation: i64,
    /// How many environments use it.
    #[serde(default)]
    pub environments: i64,
    /// What holds, what does not, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "condition::schema")]
    pub conditions: Vec<Condition>,
}

/// Whether environments of a namespace may use a connection.
pub fn may_use(namespaces: &[String], namespace: &str) -> bool {
    namespaces.iter().any(|allowed| allowed == "*" || allowed == namespace)
}

fn token_key() -> String {
    "token".to_owned()
}

fn account() -> String {
    "admin".to_owned()
}

fn yes() -> bool {
    true
}

fn ten_minutes() -> i32 {
    600
}

fn names(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "array",
        "maxItems": 1000,
        "x-kubernetes-list-type": "set",
        "items": { "type": "string", "minLength": 1, "maxLength": 63 }
    })
}
