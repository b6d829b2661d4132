//! Which lines does the connectivity collapse to, when pods stand under their owners and addresses under ranges?

use crate::engine::graph::Graph;
use crate::engine::{Endpoint, Engine};
use crate::model::address::Addresses;
use crate::model::ports::{ConnectionTable, Connections, ConnectionsId};
use crate::model::world::{Pod, Service, TargetPort, World};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// The kind of the pod that stands for an ingress controller whose labels nobody knows.
pub const CONTROLLER_KIND: &str = "IngressController";

/// One line: who, whom, and what may pass.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Line {
    /// The sender: `namespace/name[Kind]`, `a-b[External]`, `name[FQDN]` or `{ingress-controller}`.
    pub source: String,
    /// The receiver, in the same words.
    pub destination: String,
    /// What may pass.
    pub connections: Connections,
}

/// Adds the pod that stands for the ingress controller, so that routes are checked against policies.
pub fn with_controller(world: &mut World) {
    if world.routes.is_empty() {
        return;
    }
    world.pods.push(Pod {
        namespace: "{ingress-controller}".to_owned(),
        name: "ingress-controller".to_owned(),
        owner: ("ingress-controller".to_owned(), CONTROLLER_KIND.to_owned()),
        labels: BTreeMap::new(),
        ports: Vec::new(),
        host_network: false,
        service_account: "default".to_owned(),
        addresses: Vec::new(),
        node: None,
        replicas: 1,
        mentions: Vec::new(),
        config_maps: Vec::new(),
        probes: false,
        origin: crate::error::Origin::built_in(),
    });
}

fn is_controller(engine: &Engine, endpoint: usize) -> bool {
    engine.pod(endpoint).is_some_and(|pod| pod.owner.1 == CONTROLLER_KIND)
}

/// All lines, sorted; links of a workload with itself are left out. With `focus`, only those that touch a workload
/// whose title contains it.
pub fn lines(engine: &Engine, graph: &Graph, focus: Option<&str>) -> Vec<Line> {
    let names = Names::new(engine, graph);
    let mut lines: BTreeSet<Line> = BTreeSet::new();
    let mut outward: BTreeMap<(usize, ConnectionsId), Addresses> = BTreeMap::new();
    let mut inward: BTreeMap<(usize, ConnectionsId), Addresses> = BTreeMap::new();
    for from in 0..engine.endpoints.len() {
        if is_controller(engine, from) {
            continue;
        }
        for (id, set) in graph.rows[from].iter() {
            for to in set.to_vec() {
                if is_controller(engine, to) {
                    continue;
                }
                match (&engine.endpoints[from], &engine.endpoints[to]) {
                    (Endpoint::Addresses(part), _) => widen(&mut inward, (to, *id), part),
                    (_, Endpoint::Addresses(part)) => widen(&mut outward, (from, *id), part),
                    _ => {
                        let (source, destination) = (names.of(from), names.of(to));
                        if source != destination {
                            let connections = graph.table.get(*id).clone();
                            let (source, destination) = (source.to_owned(), destination.to_owned());
                            lines.insert(Line { source, destination, connections });
                        }
                    }
                }
            }
        }
    }
    for ((pod, id), addresses) in outward {
        for range in shown(engine, &addresses) {
            let connections = graph.table.get(id).clone();
            lines.insert(Line { source: names.of(pod).to_owned(), destination: range, connections });
        }
    }
    for ((pod, id), addresses) in inward {
        for range in shown(engine, &addresses) {
            let connections = graph.table.get(id).clone();
            lines.insert(Line { source: range, destination: names.of(pod).to_owned(), connections });
        }
    }
    lines.extend(routes(engine, graph, &names));
    let wanted = |line: &Line| {
        focus.is_none_or(|focus| line.source.contains(focus) || line.destination.contains(focus))
    };
    merge(lines.into_iter().filter(wanted))
}

fn widen(
    known: &mut BTreeMap<(usize, ConnectionsId), Addresses>,
    key: (usize, ConnectionsId),
    part: &Addresses,
) {
    let addresses = known.entry(key).or_default();
    *addresses = addresses.union(part);
}

fn shown(engine: &Engine, addresses: &Addresses) -> Vec<String> {
    let mut texts = Addresses { v4: addresses.v4.clone(), ..Addresses::default() }.range_texts();
    if engine.ipv6 {
        texts.extend(Addresses { v6: addresses.v6.clone(), ..Addresses::default() }.range_texts());
    }
    texts.into_iter().map(|text| format!("{text}[External]")).collect()
}

/// Puts lines of the same two parties together: owners of pods that differ have one line for all of them.
fn merge(lines: impl Iterator<Item = Line>) -> Vec<Line> {
    let mut merged: BTreeMap<(String, String), Connections> = BTreeMap::new();
    for line in lines {
        let known = merged.entry((line.source, line.destination)).or_default();
        *known = known.union(&line.connections);
    }
    merged
        .into_iter()
        .map(|((source, destination), connections)| Line { source, destination, connections })
        .collect()
}

/// What each endpoint is called: its owner, or its own pods when pods of one owner may do different things.
pub struct Names(Vec<String>);

impl Names {
    /// The names of all endpoints of this graph.
    pub fn new(engine: &Engine, graph: &Graph) -> Self {
        let mut owners: HashMap<String, Vec<usize>> = HashMap::new();
        for at in 0..engine.endpoints.len() {
            owners.entry(engine.title(at)).or_default().push(at);
        }
        let shared: Vec<(&String, &Vec<usize>)> =
            owners.iter().filter(|(_, members)| members.len() > 1).collect();
        let mut split: HashSet<usize> = HashSet::new();
        for (_, members) in shared {
            if !alike(engine, graph, members) {
                split.extend(members);
            }
        }
        let name = |at: usize| match engine.pod(at) {
            Some(pod) if split.contains(&at) => format!("{}/{}[Pod]", pod.namespace, pod.name),
            _ => engine.title(at),
        };
        Self((0..engine.endpoints.len()).map(name).collect())
    }

    /// The name of an endpoint.
    pub fn of(&self, endpoint: usize) -> &str {
        &self.0[endpoint]
    }
}

fn alike(engine: &Engine, graph: &Graph, members: &[usize]) -> bool {
    let first = members[0];
    let others = (0..engine.endpoints.len()).filter(|at| !members.contains(at));
    others.into_iter().all(|other| {
        let (outward, inward) = (graph.between(first, other), graph.between(other, first));
        members[1..]
            .iter()
            .all(|&member| graph.between(member, other) == outward && graph.between(other, member) == inward)
    })
}

/// The ports of the pod that a Service port means, for one pod.
pub fn target_connections(service: &Service, wanted: Option<&TargetPort>, pod: &Pod) -> Connections {
    let mut set = Connections::none();
    for port in &service.ports {
        let chosen = match wanted {
            None => true,
            Some(TargetPort::Number(number)) => port.port == *number,
            Some(TargetPort::Name(name)) => port.name.as_ref() == Some(name),
        };
        if !chosen {
            continue;
        }
        match &port.target {
            TargetPort::Number(number) => {
                set = set.union(&Connections::range(port.protocol, *number, *number));
            }
            TargetPort::Name(name) => {
                for declared in pod.ports.iter().filter(|declared| {
                    declared.name.as_ref() == Some(name) && declared.protocol == port.protocol
                }) {
                    set = set.union(&Connections::range(declared.protocol, declared.port, declared.port));
                }
            }
        }
    }
    set
}

fn routes(engine: &Engine, graph: &Graph, names: &Names) -> Vec<Line> {
    let Some(controller) = (0..engine.pod_endpoints).find(|&at| is_controller(engine, at)) else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    for route in &engine.world.routes {
        let Some(service) = engine.world.service(&route.service_namespace, &route.service) else { continue };
        for pod in engine.world.backends(service) {
            let to = engine.endpoint_of_pod[pod];
            let wanted = target_connections(service, route.port.as_ref(), &engine.world.pods[pod]);
            let id = graph.between(controller, to);
            if id == ConnectionTable::NONE {
                continue;
            }
            let connections = graph.table.get(id).common(&wanted);
            if !connections.is_empty() {
                let source = "{ingress-controller}".to_owned();
                lines.push(Line { source, destination: names.of(to).to_owned(), connections });
            }
        }
    }
    lines
}
