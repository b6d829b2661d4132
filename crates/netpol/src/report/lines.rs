//! Which lines does the connectivity collapse to, when pods stand under their owners and addresses under ranges?

use crate::engine::graph::Graph;
use crate::engine::{Endpoint, Engine};
use crate::model::address::{Addresses, Intervals};
use crate::model::policy::{Direction, Peer};
use crate::model::ports::{ConnectionTable, Connections, ConnectionsId};
use crate::model::world::{Pod, Service, ServicePort, TargetPort, World};
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
        remarks: Vec::new(),
        origin: crate::error::Origin::built_in(),
    });
}

fn is_controller(engine: &Engine, endpoint: usize) -> bool {
    engine.pod(endpoint).is_some_and(|pod| pod.owner.1 == CONTROLLER_KIND)
}

/// Which lines are shown, and how.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// Only lines that touch a party whose name contains this.
    pub focus: Option<String>,
    /// Outside ranges are cut at every boundary that a rule of the direction mentions, so that they are disjoint or
    /// equal over all lines; otherwise they are as wide as they can be.
    pub cut: bool,
    /// All outside addresses together are called the internet.
    pub internet: bool,
}

/// The suffix of the names of outside ranges.
pub const OUTSIDE: &str = "[External]";

/// All lines, sorted; links of a workload with itself are left out.
pub fn lines(engine: &Engine, graph: &Graph, shown: &Shown) -> Vec<Line> {
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
    let cuts = |direction| if shown.cut { boundaries(engine, direction) } else { Cuts::default() };
    let cuts_out = cuts(Direction::Egress);
    for ((pod, id), addresses) in outward {
        for range in ranges(engine, &addresses, &cuts_out, shown.internet) {
            let connections = graph.table.get(id).clone();
            lines.insert(Line { source: names.of(pod).to_owned(), destination: range, connections });
        }
    }
    let cuts_in = cuts(Direction::Ingress);
    for ((pod, id), addresses) in inward {
        for range in ranges(engine, &addresses, &cuts_in, shown.internet) {
            let connections = graph.table.get(id).clone();
            lines.insert(Line { source: range, destination: names.of(pod).to_owned(), connections });
        }
    }
    lines.extend(routes(engine, graph, &names));
    let wanted = |line: &Line| {
        let focus = shown.focus.as_ref();
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

/// Where ranges begin anew, IPv4 and IPv6.
#[derive(Default)]
struct Cuts {
    v4: BTreeSet<u128>,
    v6: BTreeSet<u128>,
}

/// The boundaries of all blocks that the rules of a direction mention.
fn boundaries(engine: &Engine, direction: Direction) -> Cuts {
    let mut cuts = Cuts::default();
    let rules = engine.world.policies.iter().flat_map(|policy| &policy.side(direction).rules);
    for peer in rules.flat_map(|rule| &rule.peers) {
        let Peer::Block { addresses, .. } = peer else { continue };
        for (set, intervals) in [(&mut cuts.v4, &addresses.v4), (&mut cuts.v6, &addresses.v6)] {
            for &(low, high) in intervals.ranges() {
                set.insert(low);
                set.extend(high.checked_add(1));
            }
        }
    }
    cuts
}

fn ranges(engine: &Engine, addresses: &Addresses, cuts: &Cuts, internet: bool) -> Vec<String> {
    let everything = Addresses::everything();
    if internet && addresses.v4 == everything.v4 && (!engine.ipv6 || addresses.v6 == everything.v6) {
        return vec![format!("internet{OUTSIDE}")];
    }
    let mut texts: Vec<String> = pieces(&addresses.v4, &cuts.v4)
        .flat_map(|v4| Addresses { v4, ..Addresses::default() }.range_texts())
        .collect();
    if engine.ipv6 {
        let pieces = pieces(&addresses.v6, &cuts.v6);
        texts.extend(pieces.flat_map(|v6| Addresses { v6, ..Addresses::default() }.range_texts()));
    }
    texts.into_iter().map(|text| format!("{text}{OUTSIDE}")).collect()
}

/// Every interval, cut at the boundaries that fall inside it.
fn pieces(intervals: &Intervals, cuts: &BTreeSet<u128>) -> impl Iterator<Item = Intervals> {
    let mut pieces = Vec::new();
    for &(low, high) in intervals.ranges() {
        let mut start = low;
        for &cut in cuts.range(low..=high).filter(|&&cut| cut > low) {
            pieces.push(Intervals::one(start, cut - 1));
            start = cut;
        }
        pieces.push(Intervals::one(start, high));
    }
    pieces.into_iter()
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
    let by_own_port = |port: &ServicePort| match wanted {
        None => true,
        Some(TargetPort::Number(number)) => port.port == *number,
        Some(TargetPort::Name(name)) => port.name.as_ref() == Some(name),
    };
    // OpenShift Routes name the pod's port, and controllers such as ingress-nginx accept it in an Ingress too.
    let known = service.ports.iter().any(by_own_port);
    for port in &service.ports {
        if !(by_own_port(port) || !known && wanted == Some(&port.target)) {
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
