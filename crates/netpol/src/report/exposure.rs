//! To whom would a workload answer that nobody has declared yet? Pods that may come tomorrow, and the outside.

use crate::engine::{Endpoint, Engine, Settings};
use crate::error::Origin;
use crate::language::say;
use crate::model::labels::{Labels, NAMESPACE_NAME, Requirement, Selector};
use crate::model::policy::{Direction, NamespaceSet, Peer, PodSet};
use crate::model::ports::Connections;
use crate::model::world::{Namespace, Pod, World};
use std::collections::{BTreeSet, HashSet};

/// One exposure: a workload, a direction, the kind of unknown peer, and what may pass.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exposure {
    /// The workload.
    pub workload: String,
    /// Towards it or from it.
    pub direction: Direction,
    /// `entire-cluster`, `pods with {…} in namespaces with {…}` or `outside`.
    pub peer: String,
    /// What may pass.
    pub connections: Connections,
    /// Whether any policy selects the workload in this direction.
    pub protected: bool,
}

/// The prefix of the names of pods that do not exist.
const UNKNOWN: &str = "{unknown}";

/// The exposure of every workload.
pub fn exposure(world: &World, settings: &Settings) -> Vec<Exposure> {
    let mut wider = world.clone();
    let strangers = strangers(world);
    for (at, (title, set)) in strangers.iter().enumerate() {
        add_stranger(&mut wider, at, title, set.as_ref());
    }
    let engine = Engine::new(wider, settings);
    let known: Vec<usize> = (0..engine.pod_endpoints)
        .filter(|&at| engine.pod(at).is_some_and(|pod| !pod.owner.1.starts_with(UNKNOWN)))
        .collect();
    let mut found = BTreeSet::new();
    for &at in &known {
        for direction in [Direction::Ingress, Direction::Egress] {
            found.extend(of_workload(&engine, at, direction));
        }
    }
    found.into_iter().collect()
}

fn of_workload(engine: &Engine, at: usize, direction: Direction) -> Vec<Exposure> {
    let protected = !engine.policies_on(at, direction).is_empty();
    let mut everyone = Connections::none();
    let mut outside = Connections::none();
    let mut others = Vec::new();
    for other in 0..engine.endpoints.len() {
        let (from, to) = if direction == Direction::Ingress { (other, at) } else { (at, other) };
        let allowed = engine.verdict(from, to, direction).allowed;
        match &engine.endpoints[other] {
            Endpoint::Addresses(_) => outside = outside.union(&allowed),
            Endpoint::Pods(_) => {
                let Some(pod) = engine.pod(other) else { continue };
                match pod.owner.1.strip_prefix(UNKNOWN) {
                    Some("") => everyone = allowed,
                    Some(title) => others.push((title.to_owned(), allowed)),
                    None => {}
                }
            }
            _ => {}
        }
    }
    let workload = engine.title(at);
    let line = |peer: String, connections: Connections| Exposure {
        workload: workload.clone(),
        direction,
        peer,
        connections,
        protected,
    };
    let mut lines = Vec::new();
    for (title, allowed) in others {
        if !everyone.covers(&allowed) {
            lines.push(line(title, allowed));
        }
    }
    lines.push(line("entire-cluster".to_owned(), everyone));
    lines.push(line("outside".to_owned(), outside));
    lines.retain(|line| !line.connections.is_empty());
    lines
}

/// A stranger without labels, and one for every set of pods that a rule names.
fn strangers(world: &World) -> Vec<(String, Option<PodSet>)> {
    let mut list = vec![(String::new(), None)];
    let mut seen = HashSet::new();
    for policy in &world.policies {
        for peer in policy.ingress.rules.iter().chain(&policy.egress.rules).flat_map(|rule| &rule.peers) {
            let Peer::Pods(set) = peer else { continue };
            let namespaces = match (&set.namespaces, &policy.namespace) {
                (NamespaceSet::Match(selector), _) => selector.clone(),
                (NamespaceSet::Own, Some(name)) => Selector::namespace(name),
                (NamespaceSet::Own, None) => Selector::everything(),
            };
            let declared = world.pods.iter().any(|pod| {
                let labels = world.namespaces.get(&pod.namespace).map(|namespace| &namespace.labels);
                !pod.host_network
                    && set.pods.matches(&pod.labels)
                    && labels.is_some_and(|labels| namespaces.matches(labels))
            });
            // Who is declared stands in the list already; this one is about who is not.
            if (set.pods.is_everything() && namespaces.is_everything()) || declared {
                continue;
            }
            let resolved =
                PodSet { namespaces: NamespaceSet::Match(namespaces.clone()), pods: set.pods.clone() };
            if seen.insert(resolved.clone()) {
                let part = |selector: &Selector, nothing: &str| match selector.is_everything() {
                    true => nothing.to_owned(),
                    false => format!("{{{selector}}}"),
                };
                let title = say!(
                    "pods {} dans les espaces {}",
                    "pods {} in namespaces {}",
                    part(&set.pods, "*"),
                    part(&namespaces, "*")
                );
                list.push((title, Some(resolved)));
            }
        }
    }
    list
}

/// Labels that fulfil a selector; `None` when none can.
fn labels_for(selector: &Selector) -> Option<Labels> {
    let mut labels = Labels::new();
    for requirement in selector.requirements() {
        match requirement {
            Requirement::In(key, values) => {
                let value = values.iter().find(|value| {
                    let mut tried = labels.clone();
                    tried.insert(key.clone(), (*value).clone());
                    selector
                        .requirements()
                        .iter()
                        .filter(|other| other.key() == key)
                        .all(|other| other.matches(&tried))
                })?;
                labels.insert(key.clone(), value.clone());
            }
            Requirement::Exists(key) => {
                labels.entry(key.clone()).or_insert_with(|| "unknown".to_owned());
            }
            Requirement::NotIn(..) | Requirement::Missing(_) => {}
        }
    }
    // A pod with another value says more about `notin` than a pod without the label, which other rules may mean.
    for requirement in selector.requirements() {
        let Requirement::NotIn(key, _) = requirement else { continue };
        let mut tried = labels.clone();
        tried.entry(key.clone()).or_insert_with(|| "unknown".to_owned());
        if selector.matches(&tried) {
            labels = tried;
        }
    }
    selector.matches(&labels).then_some(labels)
}

fn add_stranger(world: &mut World, at: usize, title: &str, set: Option<&PodSet>) {
    let (pods, namespaces) = match set {
        None => (Selector::everything(), Selector::everything()),
        Some(PodSet { namespaces: NamespaceSet::Match(namespaces), pods }) => {
            (pods.clone(), namespaces.clone())
        }
        Some(_) => return,
    };
    let (Some(labels), Some(mut namespace_labels)) = (labels_for(&pods), labels_for(&namespaces)) else {
        return;
    };
    let name = match namespace_labels.get(NAMESPACE_NAME) {
        Some(name) => name.clone(),
        None => format!("{UNKNOWN}-{at}"),
    };
    namespace_labels.insert(NAMESPACE_NAME.to_owned(), name.clone());
    world.namespaces.entry(name.clone()).or_insert_with(|| Namespace {
        name: name.clone(),
        labels: namespace_labels,
        origin: None,
    });
    world.pods.push(Pod {
        namespace: name,
        name: format!("unknown-{at}"),
        owner: (format!("unknown-{at}"), format!("{UNKNOWN}{title}")),
        labels,
        ports: Vec::new(),
        host_network: false,
        service_account: String::new(),
        addresses: Vec::new(),
        node: None,
        replicas: 1,
        mentions: Vec::new(),
        config_maps: Vec::new(),
        probes: false,
        remarks: Vec::new(),
        origin: Origin::built_in(),
    });
}
