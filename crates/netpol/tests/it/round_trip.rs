//! list(generate(matrix)) is the matrix, for random matrices, in every dialect.
use intramuros_netpol::engine::{Endpoint, Engine, Settings};
use intramuros_netpol::generate::{Dialect, Options, generate, nftables};
use intramuros_netpol::manifest::{Input, read};
use intramuros_netpol::matrix::read::read as read_matrix;
use intramuros_netpol::model::address::{Addresses, single};
use intramuros_netpol::model::ports::{Connections, Protocol};
use intramuros_netpol::model::world::World;
use intramuros_netpol::report::lines;
use proptest::prelude::*;
use std::collections::BTreeMap;

const WORKLOADS: [&str; 8] = ["a/web", "a/api", "a/db", "b/web", "b/job", "c/api", "c/cache", "c/web"];
const OUTSIDE: [&str; 4] = [
    "192.168.1.0-192.168.1.255",
    "192.168.7.0-192.168.7.127",
    "203.0.113.9-203.0.113.9",
    "172.16.0.0-172.31.255.255",
];

/// Eight workloads; `http` is another number in each, so that names must be resolved at the receiver.
fn world() -> World {
    let mut text = String::new();
    for (at, workload) in WORKLOADS.iter().enumerate() {
        let (namespace, name) = workload.split_once('/').unwrap();
        let extra = if at % 2 == 0 { ", tier: x" } else { "" };
        for pod in 0..2 {
            text += &format!(
                "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}-{pod}, namespace: {namespace}, labels: {{app: {name}{extra}}}, ownerReferences: [{{kind: ReplicaSet, name: {name}}}]}}\nstatus: {{podIP: 10.244.{at}.{pod}}}\nspec: {{containers: [{{name: c, ports: [{{name: http, containerPort: {}}}, {{name: dns, protocol: UDP, containerPort: 53}}]}}]}}\n",
                8000 + at
            );
        }
    }
    read(&[Input::new("world.yaml", text)]).unwrap()
}

#[derive(Clone, Debug)]
struct Line {
    source: usize,
    destination: usize,
    ports: usize,
}

/// Parties: the workloads, then the outside. At least one end is a workload.
fn line(inward: bool) -> impl Strategy<Value = Line> {
    let outside = WORKLOADS.len() + OUTSIDE.len();
    let sources = if inward { outside } else { WORKLOADS.len() };
    (0..sources, 0..outside, 0..PORTS.len()).prop_filter_map(
        "an end is a pod, not the same",
        |(source, destination, ports)| {
            let pods = source < WORKLOADS.len() || destination < WORKLOADS.len();
            (pods && source != destination).then_some(Line { source, destination, ports })
        },
    )
}

const PORTS: [(&str, &str); 7] = [
    ("TCP", "80"),
    ("TCP", "443,8443"),
    ("UDP", "53"),
    ("TCP,UDP", "1000-2000"),
    ("TCP", "http"),
    ("", "all"),
    ("SCTP", "all"),
];

fn party(at: usize) -> String {
    match at < WORKLOADS.len() {
        true => format!("{}[ReplicaSet]", WORKLOADS[at]),
        false => format!("{}[External]", OUTSIDE[at - WORKLOADS.len()]),
    }
}

/// What a line means at a receiver, said again without the crate's own reader.
fn ports(line: &Line) -> Connections {
    let tcp = |low, high| Connections::range(Protocol::Tcp, low, high);
    match line.ports {
        0 => tcp(80, 80),
        1 => tcp(443, 443).union(&tcp(8443, 8443)),
        2 => Connections::range(Protocol::Udp, 53, 53),
        3 => tcp(1000, 2000).union(&Connections::range(Protocol::Udp, 1000, 2000)),
        4 if line.destination < WORKLOADS.len() => tcp(8000, 8000).minus(&tcp(1, 65535)).union(&{
            let port = 8000 + u16::try_from(line.destination).unwrap();
            tcp(port, port)
        }),
        4 => Connections::none(),
        5 => Connections::all(),
        _ => Connections::protocol(Protocol::Sctp),
    }
}

fn expected(matrix: &[Line]) -> Vec<(String, String, String)> {
    let mut merged: BTreeMap<(String, String), Connections> = BTreeMap::new();
    for line in matrix {
        let known = merged.entry((party(line.source), party(line.destination))).or_default();
        *known = known.union(&ports(line));
    }
    merged
        .into_iter()
        .filter(|(_, set)| !set.is_empty())
        .map(|((a, b), set)| (a, b, set.to_string()))
        .collect()
}

fn csv(matrix: &[Line]) -> String {
    let mut text = String::from("Source;Destination;Protocole;Ports;Justification\n");
    for line in matrix {
        let (protocol, ports) = PORTS[line.ports];
        text += &format!(
            "{};{};\"{protocol}\";\"{ports}\";besoin\n",
            party(line.source),
            party(line.destination)
        );
    }
    text
}

fn check(matrix: &[Line], dialect: Dialect) {
    let world = world();
    let flows = read_matrix("matrix.csv", csv(matrix).as_bytes()).unwrap();
    let options = Options { dialect, ..Options::default() };
    let text = generate(&world, &flows, &options)
        .unwrap_or_else(|error| panic!("{dialect:?}: {error}\n{}", csv(matrix)));
    let found = match dialect {
        Dialect::Nftables => nft_lines(&world, &text, matrix),
        _ => {
            let mut whole = world.clone();
            whole.policies = read(&[Input::new("generated.yaml", text.as_str())]).unwrap().policies;
            let settings =
                Settings { ignore_pod_addresses: dialect == Dialect::Cilium, ..Settings::default() };
            let engine = Engine::new(whole, &settings);
            lines::lines(&engine, &engine.graph(), &lines::Shown::default())
                .into_iter()
                .map(|line| (line.source, line.destination, line.connections.to_string()))
                .collect()
        }
    };
    assert_eq!(found, expected(matrix), "{dialect:?}\n{}\n{text}", csv(matrix));
}

/// What a ruleset lets through, asked for every pair of parties of the matrix.
fn nft_lines(world: &World, text: &str, _matrix: &[Line]) -> Vec<(String, String, String)> {
    let (accepted, closed) = nftables::read_back(text).unwrap();
    let cuts =
        OUTSIDE.iter().map(|range| intramuros_netpol::model::address::parse_any(range).unwrap()).collect();
    let engine = Engine::new(world.clone(), &Settings { cuts, ..Settings::default() });
    let of = |at: usize| match &engine.endpoints[at] {
        Endpoint::Pods(pods) => pods
            .iter()
            .fold(Addresses::default(), |set, &pod| set.union(&single(engine.world.pods[pod].addresses[0]))),
        Endpoint::Addresses(addresses) => addresses.clone(),
        _ => Addresses::default(),
    };
    let mut lines = Vec::new();
    for from in 0..engine.endpoints.len() {
        for to in 0..engine.endpoints.len() {
            let (source, destination) = (of(from), of(to));
            let whole = source == Addresses::default() || !engine.is_pod(from) && !engine.is_pod(to);
            if whole || from == to {
                continue;
            }
            let mut set = Connections::none();
            for (senders, receivers, ports) in &accepted {
                if senders.covers(&source) && receivers.covers(&destination) {
                    set = set.union(ports);
                }
            }
            assert!(closed.covers(&source) || closed.covers(&destination));
            if !set.is_empty() {
                lines.push((engine.title(from), engine.title(to), set.to_string()));
            }
        }
    }
    lines.sort();
    lines
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn network_policy(matrix in prop::collection::vec(line(true), 1..14)) {
        check(&matrix, Dialect::NetworkPolicy);
    }

    #[test]
    fn cilium(matrix in prop::collection::vec(line(true), 1..14)) {
        check(&matrix, Dialect::Cilium);
    }

    #[test]
    fn cluster_network_policy(matrix in prop::collection::vec(line(false), 1..14)) {
        let named_to_outside = |line: &Line| line.ports == 4 && line.destination >= WORKLOADS.len();
        prop_assume!(!matrix.iter().any(named_to_outside));
        check(&matrix, Dialect::ClusterNetworkPolicy);
    }

    #[test]
    fn nftables_rules(matrix in prop::collection::vec(line(true), 1..14)) {
        check(&matrix, Dialect::Nftables);
    }
}
