//! What is an environment?

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::condition::{self, Condition, find};

/// An isolated cluster on demand: reached through the mesh alone, administered through the bastion, closed by policy.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "intramuros.eu",
    version = "v1alpha1",
    kind = "Environment",
    namespaced,
    shortname = "env",
    category = "intramuros",
    status = "EnvironmentStatus",
    derive = "PartialEq",
    doc = "An isolated cluster on demand: reached through the mesh alone, administered through the bastion, closed by policy.",
    validation = Rule::new("self.metadata.name.size() <= 40").message("the name of an environment has at most 40 characters"),
    validation = Rule::new("!self.metadata.name.contains('.')").message("the name of an environment has no dots: they part its name from those of its machines"),
    printcolumn(name = "Version", type_ = "string", json_path = ".spec.version"),
    printcolumn(name = "Class", type_ = "string", json_path = ".spec.class", priority = 1),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Endpoint", type_ = "string", json_path = ".status.endpoint", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.mesh == oldSelf.mesh").message("the mesh of an environment can't be changed: make another environment"),
    validation = Rule::new("has(self.bastion) == has(oldSelf.bastion) && (!has(self.bastion) || self.bastion == oldSelf.bastion)").message("the bastion of an environment can't be changed: make another environment")
)]
pub struct EnvironmentSpec {
    /// The ClusterClass that the cluster is made from, in the same namespace.
    #[schemars(length(min = 1, max = 63))]
    pub class: String,
    /// The version of Kubernetes, such as `v1.36.2`.
    #[schemars(regex(pattern = r"^v[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.+-]+)?$"))]
    pub version: String,
    /// How many machines.
    #[serde(default)]
    pub size: Size,
    /// Addresses inside the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// The MeshConnection through which the cluster is reached.
    #[schemars(length(min = 1, max = 63))]
    pub mesh: String,
    /// The BastionConnection through which the cluster is administered; without one, nobody is given a way in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub bastion: Option<String>,
    /// Who may administer it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "administrators")]
    pub administrators: Vec<Administrator>,
    /// Access for a limited time, which people ask for at the bastion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tickets: Option<Tickets>,
    /// The authorised-flow matrix; without one, nothing but name resolution passes inside the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flows: Option<Flows>,
    /// Variables of the ClusterClass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "variables")]
    pub variables: Vec<Variable>,
    /// Leave everything as it is: nothing is made, changed or removed.
    #[serde(default)]
    pub paused: bool,
}

/// How many machines an environment has.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Size {
    /// Machines of the control plane: 1, 3 or 5.
    #[serde(default = "one")]
    #[x_kube(validation = Rule::new("self in [1, 3, 5]").message("a control plane has 1, 3 or 5 machines"))]
    pub control_plane: i32,
    /// Groups of workers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "workers")]
    pub workers: Vec<Workers>,
}

fn one() -> i32 {
    1
}

impl Default for Size {
    fn default() -> Size {
        Size { control_plane: 1, workers: Vec::new() }
    }
}

/// Workers of one kind.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Workers {
    /// The name of the group.
    #[schemars(length(min = 1, max = 40), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// The class of worker in the ClusterClass.
    #[schemars(length(min = 1, max = 256))]
    pub class: String,
    /// How many.
    #[schemars(range(min = 0, max = 1000))]
    pub replicas: i32,
}

/// Addresses inside the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Network {
    /// Addresses of pods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "blocks")]
    pub pods: Vec<String>,
    /// Addresses of services.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "blocks")]
    pub services: Vec<String>,
}

/// One person who may administer an environment.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Administrator {
    /// Her name at the bastion.
    #[schemars(length(min = 1, max = 128))]
    pub name: String,
    /// Until when, such as `2027-01-31T18:00:00Z`; without it, until she is taken off the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(equal = 20),
        regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$")
    )]
    pub until: Option<String>,
}

/// Access for a limited time.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tickets {
    /// The longest time that a ticket lasts.
    #[schemars(range(min = 1, max = 168))]
    pub hours: i64,
    /// Whether another person must approve it.
    #[serde(default = "yes")]
    pub approval: bool,
    /// Who may hold one beside the administrators, by name at the bastion. She has no other way in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "people")]
    pub people: Vec<String>,
    /// Who may approve, by name at the bastion; whomever the bastion lets approve when nobody is named. Never the one
    /// who asks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "people")]
    pub approvers: Vec<String>,
}

/// A ticket that somebody holds or asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ticket {
    /// Who, by name at the bastion.
    pub person: String,
    /// For which target.
    pub target: String,
    /// `Asked` or `Held`.
    pub state: String,
    /// Since when (RFC 3339).
    pub since: String,
    /// Until when, for one that is held (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

fn yes() -> bool {
    true
}

/// Where the flow matrix is.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Flows {
    /// A ConfigMap in the same namespace.
    #[schemars(length(min = 1, max = 253))]
    pub config_map: String,
    /// Its key; the ending says the format (`.csv` or `.yaml`).
    #[serde(default = "matrix_key")]
    pub key: String,
}

fn matrix_key() -> String {
    "matrix.csv".to_owned()
}

/// A variable of the ClusterClass.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Variable {
    /// Its name.
    #[schemars(length(min = 1, max = 256))]
    pub name: String,
    /// Its value, whatever the class asks for.
    #[schemars(schema_with = "anything")]
    pub value: serde_json::Value,
}

/// What an environment is at the moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentStatus {
    /// The generation that was looked at last.
    #[serde(default)]
    pub observed_generation: i64,
    /// Where the API server answers, inside the mesh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Where people connect by SSH: the bastion's host and port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh: Option<String>,
    /// Where people reach the cluster's API: the bastion's host and port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<String>,
    /// The targets at the bastion, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// Tickets that people hold or ask for, fifty at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tickets: Vec<Ticket>,
    /// What holds, what does not, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "condition::schema")]
    pub conditions: Vec<Condition>,
}

fn map_of<T: JsonSchema>(
    generator: &mut schemars::SchemaGenerator,
    key: &str,
    most: u32,
) -> schemars::Schema {
    let mut schema = <Vec<T>>::json_schema(generator);
    schema.insert("x-kubernetes-list-type".to_owned(), "map".into());
    schema.insert("x-kubernetes-list-map-keys".to_owned(), serde_json::json!([key]));
    schema.insert("maxItems".to_owned(), most.into());
    schema
}

/// Lists have limits: the cost of validation rules is bounded by them, and so is one person's use of the operator.
fn administrators(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    map_of::<Administrator>(generator, "name", 200)
}

fn workers(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    map_of::<Workers>(generator, "name", 50)
}

fn variables(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    map_of::<Variable>(generator, "name", 100)
}

fn blocks(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "array",
        "maxItems": 2,
        "x-kubernetes-list-type": "atomic",
        "items": { "type": "string", "pattern": "^[0-9a-fA-F.:]+/[0-9]{1,3}$" }
    })
}

fn people(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "array",
        "maxItems": 200,
        "x-kubernetes-list-type": "set",
        "items": { "type": "string", "minLength": 1, "maxLength": 128 }
    })
}

fn anything(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "x-kubernetes-preserve-unknown-fields": true })
}

impl Environment {
    /// What was last said of whether it is ready; none before the operator has seen it.
    pub fn ready(&self) -> Option<&Condition> {
        find(&self.status.as_ref()?.conditions, "Ready")
    }

    /// Whether it is ready.
    pub fn is_ready(&self) -> bool {
        self.ready().is_some_and(|ready| ready.status == "True")
    }
}
