//! Which network policies must be in an environment's cluster, and which of those that are there must go?
//!
//! The policies are `netpol`'s: generated from the matrix for what runs in the cluster, and proved before they are
//! given out. Where the matrix can't be used, every namespace is closed all the same: first a default deny.

use std::collections::{BTreeMap, BTreeSet};

use intramuros_netpol::check::export::{Deployed, deployed};
use intramuros_netpol::generate::{Options, SYSTEM_NAMESPACES, generate};
use intramuros_netpol::manifest::{Input, read};
use intramuros_netpol::matrix::{self, Matrix};
use intramuros_netpol::model::world::World;
use serde_json::{Value, json};

use super::cluster::covers;
use crate::names::print;
use crate::resources::{APPLIED, ENVIRONMENT_LABEL};
use crate::words::Language;

/// What is in the cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// Namespaces, workloads and services.
    pub objects: Vec<Value>,
    /// Network policies, ours and others'.
    pub policies: Vec<Value>,
}

/// What must be done, and what is to be told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Policies to apply, whole.
    pub apply: Vec<Value>,
    /// Policies of ours to remove: namespace and name.
    pub delete: Vec<(String, String)>,
    /// Why the matrix is not in force.
    pub problem: Option<String>,
    /// Policies of others, which may let more through: `namespace/name`.
    pub foreign: Vec<String>,
    /// Policies of ours that somebody changed or removed: `namespace/name`.
    pub drift: Vec<String>,
    /// How many policies are wanted.
    pub policies: usize,
}

/// The matrix of an environment: the name of its file, which says the format, and its content.
pub type Flows<'a> = Option<(&'a str, &'a str)>;

/// What must be done in the cluster of an environment. `known` are the prints of the policies that were applied last,
/// by `namespace/name`: what differs from them was changed by somebody else.
pub fn plan(environment: &str, flows: Flows, seen: &Seen, known: &BTreeMap<String, String>) -> Plan {
    let mut plan = Plan::default();
    let wanted = match policies(flows, seen) {
        Ok(policies) => policies,
        Err(why) => {
            plan.problem = Some(why);
            Vec::new()
        }
    };
    // Namespaces in which nothing runs yet are closed too: what comes there later finds the door shut.
    let all = namespaces(seen).map(deny).chain(wanted);
    let wanted: BTreeMap<String, Value> =
        all.map(|policy| (place(&policy), marked(policy, environment))).collect();
    plan.policies = wanted.len();
    let mut there = BTreeSet::new();
    for policy in &seen.policies {
        let place = place(policy);
        let ours = label(policy) == Some(environment);
        match wanted.get(&place) {
            Some(wanted) if same(policy, wanted) => {}
            Some(wanted) => {
                if ours && known.get(&place) == print_of(wanted).as_ref() {
                    plan.drift.push(place.clone());
                }
                plan.apply.push(wanted.clone());
            }
            None if ours && plan.problem.is_none() => {
                let at =
                    |path: &str| policy.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
                plan.delete.push((at("/metadata/namespace"), at("/metadata/name")));
            }
            // As long as the matrix can't be used, what it opened before stays open: closing it would break what works.
            None if ours => {}
            None => plan.foreign.push(place.clone()),
        }
        there.insert(place);
    }
    for (place, policy) in wanted {
        if !there.contains(&place) {
            if known.contains_key(&place) {
                plan.drift.push(place);
            }
            plan.apply.push(policy);
        }
    }
    // What closes goes first: between two policies nothing may be open that is not authorised.
    plan.apply.sort_by_key(|policy| {
        policy.pointer("/metadata/name").and_then(Value::as_str) != Some("default-deny")
    });
    plan
}

/// The print of a policy that we wrote.
pub fn print_of(policy: &Value) -> Option<String> {
    Some(policy.pointer("/metadata/annotations")?.get(APPLIED)?.as_str()?.to_owned())
}

/// `namespace/name`.
pub fn place(policy: &Value) -> String {
    let at = |path: &str| policy.pointer(path).and_then(Value::as_str).unwrap_or("default");
    format!("{}/{}", at("/metadata/namespace"), at("/metadata/name"))
}

fn declared(flows: Flows) -> Result<Matrix, String> {
    match flows {
        Some((name, text)) => matrix::read::read(name, text.as_bytes()).map_err(|error| error.to_string()),
        None => Ok(Matrix::default()),
    }
}

fn world<'a>(objects: impl Iterator<Item = &'a Value>) -> Result<World, String> {
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects.collect::<Vec<_>>() });
    read(&[Input::new("cluster", list.to_string())]).map_err(|error| error.to_string())
}

/// What passes in a cluster, as a matrix, and how that differs from the one that is declared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// The matrix, as CSV with English headings.
    pub csv: String,
    /// What passes without being declared (`+`), is declared and does not pass (`-`), or passes otherwise (`~`), a line
    /// each.
    pub drift: Vec<String>,
}

/// The matrix of what is in a cluster now. Reasons, owners and dates of review are those of the declared one, as far as
/// it can be used.
///
/// # Errors
/// When it can't be told who is who in the cluster.
pub fn exported(flows: Flows, seen: &Seen) -> Result<Exported, String> {
    let of = Deployed { excluded: SYSTEM_NAMESPACES.map(str::to_owned).to_vec(), ..Deployed::default() };
    let all = || world(seen.objects.iter().chain(&seen.policies));
    let compared = declared(flows)
        .and_then(|matrix| deployed(all()?, Some(&matrix), &of).map_err(|error| error.to_string()));
    let (matrix, changes) = match compared {
        Ok(found) => found,
        // A matrix that names somebody who is not there can't be compared; what passes can be told all the same.
        Err(_) => deployed(all()?, None, &of).map_err(|error| error.to_string())?,
    };
    let line = |change: &intramuros_netpol::check::difference::Change| {
        let (sign, detail) = change.told();
        Language::English.read(&format!("{sign} {} -> {} : {detail}", change.source, change.destination))
    };
    Ok(Exported {
        csv: Language::English.read(&matrix::write::csv(&matrix, Language::English)),
        drift: changes.iter().map(line).collect(),
    })
}

/// What is in the cluster once a plan was carried out.
pub fn after(seen: &Seen, plan: &Plan) -> Seen {
    let gone = |policy: &&Value| {
        let here = place(policy);
        let deleted = plan.delete.iter().any(|(namespace, name)| here == format!("{namespace}/{name}"));
        !deleted && !plan.apply.iter().any(|applied| place(applied) == here)
    };
    let kept = seen.policies.iter().filter(gone).chain(&plan.apply).cloned().collect();
    Seen { objects: seen.objects.clone(), policies: kept }
}

fn policies(flows: Flows, seen: &Seen) -> Result<Vec<Value>, String> {
    let matrix = declared(flows)?;
    let world = world(seen.objects.iter())?;
    let options = Options { dns: has_resolver(seen), ..Options::default() };
    let text = generate(&world, &matrix, &options).map_err(|error| error.to_string())?;
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text).map_err(|error| error.to_string())?;
    Ok(documents.into_iter().filter(Value::is_object).collect())
}

/// Whether the cluster's resolver runs. Before it does there is nothing to open a way to.
fn has_resolver(seen: &Seen) -> bool {
    seen.objects.iter().any(|object| {
        let namespace = object.pointer("/metadata/namespace").and_then(Value::as_str);
        let label = object.pointer("/spec/template/metadata/labels/k8s-app").and_then(Value::as_str);
        namespace == Some("kube-system") && label == Some("kube-dns")
    })
}

fn namespaces(seen: &Seen) -> impl Iterator<Item = &str> {
    seen.objects
        .iter()
        .filter(|object| object.get("kind").and_then(Value::as_str) == Some("Namespace"))
        .filter_map(|object| object.pointer("/metadata/name")?.as_str())
        .filter(|name| !SYSTEM_NAMESPACES.contains(name))
}

fn deny(namespace: &str) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": { "name": "default-deny", "namespace": namespace },
        "spec": { "podSelector": {}, "policyTypes": ["Ingress", "Egress"] },
    })
}

/// The policy with our label and its print.
fn marked(mut policy: Value, environment: &str) -> Value {
    let print = print(policy.get("spec").unwrap_or(&Value::Null).to_string().as_bytes());
    let metadata = &mut policy["metadata"];
    metadata["labels"][ENVIRONMENT_LABEL] = environment.into();
    metadata["annotations"][APPLIED] = print.into();
    policy
}

fn label(policy: &Value) -> Option<&str> {
    policy.pointer("/metadata/labels")?.get(ENVIRONMENT_LABEL)?.as_str()
}

/// Whether a policy of the cluster is the wanted one. A policy is small and wholly ours, so more than what is wanted is
/// as wrong as less; but the server may leave out what is empty.
fn same(policy: &Value, wanted: &Value) -> bool {
    let spec = |policy: &Value| pruned(policy.get("spec").cloned().unwrap_or_default());
    covers(policy, &json!({ "metadata": wanted["metadata"] })) && spec(policy) == spec(wanted)
}

/// Without what says nothing, and with the defaults of the API written out.
fn pruned(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.into_iter().map(|(key, value)| (key, pruned(value)));
            Value::Object(kept.filter(|(_, value)| !value.is_null() && *value != json!([])).collect())
        }
        Value::Array(list) => Value::Array(list.into_iter().map(pruned).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namespace(name: &str) -> Value {
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } })
    }

    fn workload(namespace: &str, name: &str) -> Value {
        json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": { "name": name, "namespace": namespace },
            "spec": { "template": {
                "metadata": { "labels": { "app": name } },
                "spec": { "containers": [{ "name": "c", "image": "i" }] },
            } },
        })
    }

    const MATRIX: &str =
        "source,destination,protocol,ports,justification\nshop/web,shop/db,TCP,5432,Orders\n";

    fn shop() -> Seen {
        let objects = vec![
            namespace("kube-system"),
            namespace("shop"),
            workload("shop", "web"),
            workload("shop", "db"),
        ];
        Seen { objects, policies: Vec::new() }
    }

    #[test]
    fn every_namespace_is_closed_first_and_the_matrix_opens_what_it_names() {
        let seen = shop();
        let first = plan("prod", Some(("matrix.csv", MATRIX)), &seen, &BTreeMap::new());
        assert_eq!(first.problem, None);
        assert_eq!(place(&first.apply[0]), "shop/default-deny");
        assert!(first.apply.len() > 1);
        let seen = Seen { policies: first.apply.clone(), ..seen };
        let again = plan("prod", Some(("matrix.csv", MATRIX)), &seen, &BTreeMap::new());
        assert_eq!((again.apply, again.delete, again.foreign), (vec![], vec![], vec![]));
        let without = plan("prod", None, &seen, &BTreeMap::new());
        assert_eq!(without.apply, Vec::<Value>::new());
        assert_eq!(without.delete.len(), first.apply.len() - 1);
    }

    #[test]
    fn what_passes_is_exported_and_held_against_what_is_declared() {
        let flows = Some(("matrix.csv", MATRIX));
        let open = exported(flows, &shop()).unwrap();
        assert!(open.drift.iter().any(|line| line.starts_with("+ ") || line.starts_with("~ ")), "{open:?}");
        let seen = shop();
        let closed = after(&seen, &plan("prod", flows, &seen, &BTreeMap::new()));
        let told = exported(flows, &closed).unwrap();
        assert_eq!(told.drift, Vec::<String>::new(), "{}", told.csv);
        let lines: Vec<&str> = told.csv.lines().collect();
        assert_eq!(lines.len(), 2, "{}", told.csv);
        for part in ["shop/web", "shop/db", "TCP", "5432", "Orders"] {
            assert!(lines[1].contains(part), "{part}: {}", told.csv);
        }
        // Somebody opens a door by hand: it is in the matrix of what passes, and it is told.
        let mut opened = closed;
        let mut other = deny("shop");
        other["metadata"]["name"] = json!("hand-made");
        other["spec"] = json!({
            "podSelector": { "matchLabels": { "app": "web" } }, "policyTypes": ["Ingress"],
            "ingress": [{ "from": [{ "podSelector": { "matchLabels": { "app": "db" } } }] }],
        });
        let mut out = deny("shop");
        out["metadata"]["name"] = json!("hand-made-too");
        out["spec"] = json!({ "podSelector": {}, "policyTypes": ["Egress"], "egress": [{}] });
        opened.policies.extend([other, out]);
        let told = exported(flows, &opened).unwrap();
        assert!(told.drift.iter().any(|line| line.starts_with("+ shop/db")), "{told:?}");
    }

    #[test]
    fn a_matrix_that_cannot_be_used_opens_nothing_and_closes_everything() {
        let bad = "source,destination,protocol,ports,justification\nshop/nobody,shop/db,TCP,5432,Orders\n";
        let plan = plan("prod", Some(("matrix.csv", bad)), &shop(), &BTreeMap::new());
        assert!(plan.problem.is_some_and(|why| why.contains("nobody")));
        assert_eq!(plan.apply.iter().map(place).collect::<Vec<_>>(), ["shop/default-deny"]);
    }

    #[test]
    fn what_others_change_is_told_and_repaired_and_what_others_add_is_told() {
        let first = plan("prod", None, &shop(), &BTreeMap::new());
        let known: BTreeMap<String, String> =
            first.apply.iter().map(|policy| (place(policy), print_of(policy).unwrap())).collect();
        let mut changed = first.apply.clone();
        changed[0]["spec"]["policyTypes"] = json!(["Ingress"]);
        let mut other = deny("shop");
        other["metadata"]["name"] = json!("hand-made");
        changed.push(other);
        let again = plan("prod", None, &Seen { policies: changed, ..shop() }, &known);
        assert_eq!(again.drift, ["shop/default-deny"]);
        assert_eq!(again.apply, first.apply);
        assert_eq!(again.foreign, ["shop/hand-made"]);
        let gone = plan("prod", None, &shop(), &known);
        assert_eq!(gone.drift, ["shop/default-deny"]);
    }
}
