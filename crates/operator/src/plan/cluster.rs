//! Which Cluster (Cluster API) does an environment ask for, and what does the one that is there say?

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::names::print;
use crate::plan::mesh::Endpoint;
use crate::resources::{APPLIED, ENVIRONMENT_LABEL, EnvironmentSpec};

/// Cluster API's group.
pub const GROUP: &str = "cluster.x-k8s.io";

/// The version that we speak.
pub const VERSION: &str = "v1beta2";

/// The variable of a ClusterClass that takes the name of the Secret with the enrolment key.
pub const MESH_VARIABLE: &str = "intramurosMeshSecret";

/// The variable of a ClusterClass that takes the bastion's public keys, a list of lines for `authorized_keys`.
pub const BASTION_VARIABLE: &str = "intramurosBastionKeys";

/// The variable of a ClusterClass that takes the address of the mesh's management, where machines enrol.
pub const MESH_URL_VARIABLE: &str = "intramurosMeshUrl";

/// The variable of a ClusterClass that takes the account on machines that the bastion signs in with.
pub const ACCOUNT_VARIABLE: &str = "intramurosBastionAccount";

/// What the cluster of an environment is made from.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The environment's namespace.
    pub namespace: &'a str,
    /// The environment's name, and the cluster's.
    pub name: &'a str,
    /// The environment's id.
    pub uid: &'a str,
    /// What is declared.
    pub spec: &'a EnvironmentSpec,
    /// Variables that the class has.
    pub class_variables: &'a BTreeSet<String>,
    /// The bastion's public keys, once known.
    pub bastion_keys: &'a [String],
    /// The account on machines that the bastion signs in with; none without a bastion.
    pub bastion_account: Option<&'a str>,
    /// The address of the mesh's management; none where the connection is not there.
    pub mesh_url: Option<&'a str>,
}

/// The name of the Secret with the enrolment key of an environment.
pub fn mesh_secret(environment: &str) -> String {
    format!("{environment}-mesh")
}

/// The Cluster object to apply.
pub fn manifest(wanted: &Wanted) -> Value {
    let spec = wanted.spec;
    let mut topology = json!({
        "classRef": { "name": spec.class },
        "version": spec.version,
        "controlPlane": { "replicas": spec.size.control_plane },
    });
    if !spec.size.workers.is_empty() {
        let workers = spec.size.workers.iter().map(
            |workers| json!({ "name": workers.name, "class": workers.class, "replicas": workers.replicas }),
        );
        topology["workers"] = json!({ "machineDeployments": workers.collect::<Vec<_>>() });
    }
    let variables = variables(wanted);
    if !variables.is_empty() {
        topology["variables"] = Value::Array(variables);
    }
    let mut body = Map::new();
    body.insert("topology".to_owned(), topology);
    let blocks = |blocks: &[String]| json!({ "cidrBlocks": blocks });
    if let Some(network) = &spec.network {
        let mut cluster_network = Map::new();
        if !network.pods.is_empty() {
            cluster_network.insert("pods".to_owned(), blocks(&network.pods));
        }
        if !network.services.is_empty() {
            cluster_network.insert("services".to_owned(), blocks(&network.services));
        }
        body.insert("clusterNetwork".to_owned(), Value::Object(cluster_network));
    }
    let print = print(Value::Object(body.clone()).to_string().as_bytes());
    json!({
        "apiVersion": format!("{GROUP}/{VERSION}"),
        "kind": "Cluster",
        "metadata": {
            "name": wanted.name,
            "namespace": wanted.namespace,
            "labels": { ENVIRONMENT_LABEL: wanted.name },
            "annotations": { APPLIED: print },
            "ownerReferences": [owner(wanted.name, wanted.uid)],
        },
        "spec": body,
    })
}

/// The reference by which an object belongs to an environment.
pub fn owner(name: &str, uid: &str) -> Value {
    json!({
        "apiVersion": format!("{}/{}", crate::resources::GROUP, crate::resources::VERSION),
        "kind": "Environment",
        "name": name,
        "uid": uid,
        "controller": true,
    })
}

/// The person's variables, and ours where the class has them. Ours go last and win: a person who sets one would point
/// her machines at another Secret.
fn variables(wanted: &Wanted) -> Vec<Value> {
    let ours = [MESH_VARIABLE, MESH_URL_VARIABLE, BASTION_VARIABLE, ACCOUNT_VARIABLE];
    let mut variables: Vec<Value> = wanted
        .spec
        .variables
        .iter()
        .filter(|variable| !ours.contains(&variable.name.as_str()))
        .map(|variable| json!({ "name": variable.name, "value": variable.value }))
        .collect();
    let values = [
        (MESH_VARIABLE, Some(json!(mesh_secret(wanted.name)))),
        (MESH_URL_VARIABLE, wanted.mesh_url.map(|url| json!(url))),
        (BASTION_VARIABLE, Some(json!(wanted.bastion_keys))),
        (ACCOUNT_VARIABLE, wanted.bastion_account.map(|account| json!(account))),
    ];
    for (name, value) in values.into_iter().filter(|(name, _)| wanted.class_variables.contains(*name)) {
        variables.extend(value.map(|value| json!({ "name": name, "value": value })));
    }
    variables
}

/// The names of a ClusterClass's variables.
pub fn class_variables(class: &Value) -> BTreeSet<String> {
    let list = class.pointer("/spec/variables").and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(|variable| Some(variable.get("name")?.as_str()?.to_owned()))
        .collect()
}

/// What is to be done with the Cluster of an environment.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// It is as it should be.
    Nothing,
    /// Apply this.
    Apply(Value),
    /// One of this name belongs to somebody else.
    Conflict,
}

/// What is to be done, given the Cluster of that name, if there is one.
pub fn step(wanted: &Wanted, observed: Option<&Value>, adopt: bool) -> Step {
    let manifest = manifest(wanted);
    let Some(observed) = observed else { return Step::Apply(manifest) };
    if !belongs(observed, wanted.uid) && !adopt {
        return Step::Conflict;
    }
    // The print catches what we no longer ask for; `covers` what somebody else changed.
    let print =
        |object: &Value| object.pointer("/metadata/annotations").and_then(|all| all.get(APPLIED)).cloned();
    if print(observed) == print(&manifest) && covers(observed, &manifest) {
        Step::Nothing
    } else {
        Step::Apply(manifest)
    }
}

/// Whether an object says that it belongs to the environment of this id.
pub fn belongs(object: &Value, uid: &str) -> bool {
    let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    owners.into_iter().flatten().any(|owner| owner.get("uid").and_then(Value::as_str) == Some(uid))
}

/// Whether `observed` says everything that `wanted` says. It may say more: defaults, and what others own.
pub fn covers(observed: &Value, wanted: &Value) -> bool {
    match (observed, wanted) {
        (Value::Object(observed), Value::Object(wanted)) => {
            wanted.iter().all(|(key, value)| observed.get(key).is_some_and(|known| covers(known, value)))
        }
        (Value::Array(observed), Value::Array(wanted)) => {
            let named = |value: &Value| value.get("name").or_else(|| value.get("uid")).cloned();
            wanted.iter().enumerate().all(|(place, value)| match named(value) {
                Some(name) => {
                    observed.iter().any(|known| named(known) == Some(name.clone()) && covers(known, value))
                }
                None => {
                    observed.len() == wanted.len()
                        && observed.get(place).is_some_and(|known| covers(known, value))
                }
            })
        }
        (observed, wanted) => observed == wanted,
    }
}

/// What a Cluster says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Where its API server answers, once known.
    pub endpoint: Option<Endpoint>,
    /// Whether its control plane has answered once.
    pub initialized: bool,
    /// Whether Cluster API leaves it alone.
    pub paused: bool,
    /// Its conditions: kind, status, reason, message.
    pub conditions: Vec<[String; 4]>,
}

impl Seen {
    /// Reads a Cluster object.
    pub fn of(cluster: &Value) -> Seen {
        let endpoint = cluster.pointer("/spec/controlPlaneEndpoint").and_then(|endpoint| {
            let host = endpoint.get("host")?.as_str().filter(|host| !host.is_empty())?.to_owned();
            let port = u16::try_from(endpoint.get("port")?.as_u64()?).ok().filter(|port| *port > 0)?;
            Some(Endpoint { host, port })
        });
        let yes = |path: &str| cluster.pointer(path).and_then(Value::as_bool).unwrap_or_default();
        let text =
            |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let conditions = cluster.pointer("/status/conditions").and_then(Value::as_array);
        Seen {
            endpoint,
            initialized: yes("/status/initialization/controlPlaneInitialized"),
            paused: yes("/spec/paused"),
            conditions: conditions
                .into_iter()
                .flatten()
                .map(|one| ["type", "status", "reason", "message"].map(|key| text(one, key)))
                .collect(),
        }
    }

    /// The status, reason and message of a condition.
    pub fn condition(&self, kind: &str) -> Option<(&str, &str, &str)> {
        let [_, status, reason, message] = self.conditions.iter().find(|[known, ..]| known == kind)?;
        Some((status, reason, message))
    }

    /// Whether a condition is `True`.
    pub fn holds(&self, kind: &str) -> bool {
        self.condition(kind).is_some_and(|(status, ..)| status == "True")
    }
}

/// What a Machine says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Machine {
    /// Its name.
    pub name: String,
    /// What it may be called in the mesh: its name, its host names, its node's name.
    pub names: Vec<String>,
    /// Whether it is part of the control plane.
    pub control_plane: bool,
    /// Its address inside the environment: the first internal one, else the first of any kind.
    pub address: Option<String>,
    /// Whether it is going.
    pub deleting: bool,
}

impl Machine {
    /// Reads a Machine object.
    pub fn of(machine: &Value) -> Option<Machine> {
        let name = machine.pointer("/metadata/name")?.as_str()?.to_owned();
        let labels = machine.pointer("/metadata/labels");
        let control_plane =
            labels.is_some_and(|labels| labels.get("cluster.x-k8s.io/control-plane").is_some());
        let addresses: Vec<(&str, &str)> = machine
            .pointer("/status/addresses")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|one| Some((one.get("type")?.as_str()?, one.get("address")?.as_str()?)))
            .collect();
        let address = ["InternalIP", "InternalDNS", "ExternalIP", "ExternalDNS"]
            .iter()
            .find_map(|wanted| addresses.iter().find(|(kind, _)| kind == wanted))
            .map(|(_, address)| (*address).to_owned());
        let deleting = machine.pointer("/metadata/deletionTimestamp").is_some();
        let hosts = addresses.iter().filter(|(kind, _)| ["Hostname", "InternalDNS"].contains(kind));
        let node = machine.pointer("/status/nodeRef/name").and_then(Value::as_str);
        let mut names: Vec<String> = hosts.map(|(_, host)| (*host).to_owned()).collect();
        names.extend(node.map(str::to_owned));
        names.push(name.clone());
        Some(Machine { name, names, control_plane, address, deleting })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(text: &str) -> EnvironmentSpec {
        serde_json::from_str(text).unwrap()
    }

    const PLAIN: &str = r#"{"class": "small", "version": "v1.36.2", "mesh": "main",
        "size": {"controlPlane": 3, "workers": [{"name": "w", "class": "worker", "replicas": 2}]}}"#;

    fn wanted<'a>(spec: &'a EnvironmentSpec, variables: &'a BTreeSet<String>) -> Wanted<'a> {
        Wanted {
            namespace: "shop",
            name: "prod",
            uid: "u1",
            spec,
            class_variables: variables,
            bastion_keys: &[],
            bastion_account: Some("admin"),
            mesh_url: Some("https://mesh.example.org"),
        }
    }

    #[test]
    fn nothing_is_written_when_the_cluster_says_all_that_is_wanted_and_more() {
        let (spec, none) = (spec(PLAIN), BTreeSet::new());
        let wanted = wanted(&spec, &none);
        let mut observed = manifest(&wanted);
        assert_eq!(step(&wanted, Some(&observed), false), Step::Nothing);
        observed["spec"]["topology"]["variables"] = json!([{ "name": "defaulted", "value": 1 }]);
        observed["spec"]["controlPlaneEndpoint"] = json!({ "host": "10.0.0.1", "port": 6443 });
        assert_eq!(step(&wanted, Some(&observed), false), Step::Nothing);
        observed["spec"]["topology"]["workers"]["machineDeployments"][0]["replicas"] = json!(9);
        assert!(matches!(step(&wanted, Some(&observed), false), Step::Apply(_)));
    }

    #[test]
    fn what_is_no_longer_wanted_is_noticed() {
        let (before, none) = (spec(PLAIN), BTreeSet::new());
        let observed = manifest(&wanted(&before, &none));
        let mut after = before.clone();
        after.size.workers.clear();
        assert!(matches!(step(&wanted(&after, &none), Some(&observed), false), Step::Apply(_)));
    }

    #[test]
    fn the_cluster_of_somebody_else_is_left_alone() {
        let (spec, none) = (spec(PLAIN), BTreeSet::new());
        let wanted = wanted(&spec, &none);
        let other = json!({ "metadata": { "name": "prod" }, "spec": {} });
        assert_eq!(step(&wanted, Some(&other), false), Step::Conflict);
        assert!(matches!(step(&wanted, Some(&other), true), Step::Apply(_)));
    }

    #[test]
    fn a_person_cannot_set_our_variables() {
        let mut spec = spec(PLAIN);
        let set = |name: &str, value: &str| crate::resources::environment::Variable {
            name: name.to_owned(),
            value: json!(value),
        };
        spec.variables = vec![set(MESH_VARIABLE, "somebody-elses"), set("zone", "par-1")];
        let variables = BTreeSet::from([MESH_VARIABLE, MESH_URL_VARIABLE, "zone"].map(str::to_owned));
        let topology = &manifest(&wanted(&spec, &variables))["spec"]["topology"];
        assert_eq!(
            topology["variables"],
            json!([
                { "name": "zone", "value": "par-1" },
                { "name": MESH_VARIABLE, "value": "prod-mesh" },
                { "name": MESH_URL_VARIABLE, "value": "https://mesh.example.org" },
            ])
        );
    }

    #[test]
    fn machines_are_reached_at_their_internal_address() {
        let check = |addresses: Value, expected: Option<&str>| {
            let machine = json!({ "metadata": { "name": "m" }, "status": { "addresses": addresses } });
            assert_eq!(Machine::of(&machine).unwrap().address.as_deref(), expected);
        };
        let one = |kind: &str, address: &str| json!({ "type": kind, "address": address });
        check(json!([one("ExternalIP", "5.6.7.8"), one("InternalIP", "10.0.0.7")]), Some("10.0.0.7"));
        check(json!([one("Hostname", "m"), one("ExternalIP", "5.6.7.8")]), Some("5.6.7.8"));
        check(json!([]), None);
        // Some providers give machines a name of their own.
        let machine = json!({
            "metadata": { "name": "m" },
            "status": { "addresses": [one("InternalDNS", "ip-10-0-0-7.inner")], "nodeRef": { "name": "ip-10-0-0-7" } },
        });
        assert_eq!(Machine::of(&machine).unwrap().names, ["ip-10-0-0-7.inner", "ip-10-0-0-7", "m"]);
    }
}
