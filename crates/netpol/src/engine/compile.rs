//! How do pods, addresses and policies become endpoints, sets and rules?

use super::bits::Bits;
use super::outside::Cuts;
use super::peers::Resolver;
use super::{Compiled, CompiledPolicy, Endpoint, Engine, Settings};
use crate::model::address::{Addresses, single};
use crate::model::labels::Labels;
use crate::model::policy::{NamespaceSet, Peer, PodSet, Policy, PortMatch, Rule, Side, Tier};
use crate::model::ports::{ConnectionTable, Connections, PortsOf};
use crate::model::world::{ContainerPort, World};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

/// Compiles a world into an engine.
pub fn compile(mut world: World, settings: &Settings) -> Engine {
    world.complete_namespaces();
    let (cuts, names, api_server) = mentioned(&world, settings);
    let ipv6 = mentions_ipv6(&world, settings);
    let cuts = Cuts::new(cuts);
    let mut endpoints = pod_classes(&world, &cuts, settings);
    let pod_endpoints = endpoints.len();
    endpoints.extend(cuts.groups().into_iter().map(Endpoint::Addresses));
    endpoints.extend(names.into_iter().map(Endpoint::Name));
    if api_server && settings.api_server.is_none() {
        endpoints.push(Endpoint::ApiServer);
    }
    let mut endpoint_of_pod = vec![usize::MAX; world.pods.len()];
    for (at, endpoint) in endpoints.iter().enumerate() {
        if let Endpoint::Pods(pods) = endpoint {
            pods.iter().for_each(|&pod| endpoint_of_pod[pod] = at);
        }
    }
    let mut table = ConnectionTable::default();
    let mut resolver = Resolver::new(&world, &endpoints, settings);
    let policies =
        world.policies.iter().map(|policy| compile_policy(policy, &mut resolver, &mut table)).collect();
    let selecting = select(&world, &mut resolver, endpoints.len());
    Engine { endpoints, pod_endpoints, endpoint_of_pod, ipv6, policies, selecting, table, world }
}

/// The address blocks and names that rules mention, and whether one speaks of the API server.
fn mentioned(world: &World, settings: &Settings) -> (Vec<Addresses>, BTreeSet<String>, bool) {
    let mut blocks: Vec<Addresses> = settings.cuts.clone();
    blocks.extend(settings.api_server.clone());
    let mut names: BTreeSet<String> = settings.names.iter().cloned().collect();
    let mut api_server = false;
    let mut nodes = false;
    let rules =
        world.policies.iter().flat_map(|policy| policy.ingress.rules.iter().chain(&policy.egress.rules));
    for peer in rules.flat_map(|rule| &rule.peers) {
        match peer {
            Peer::Block { addresses, .. } => blocks.push(addresses.clone()),
            Peer::Names(list) => names.extend(list.iter().cloned()),
            Peer::ApiServer => api_server = true,
            Peer::Nodes(_) | Peer::Hosts | Peer::Cluster => nodes = true,
            _ => {}
        }
    }
    if nodes {
        blocks.extend(world.nodes.iter().flat_map(|node| &node.addresses).map(|&address| single(address)));
    }
    (blocks, names, api_server)
}

fn mentions_ipv6(world: &World, settings: &Settings) -> bool {
    let v6_pod = world.pods.iter().flat_map(|pod| &pod.addresses).any(IpAddr::is_ipv6);
    let v6_block = |peer: &Peer| matches!(peer, Peer::Block { addresses, .. } if !addresses.v6.is_empty());
    let mut sides = world.policies.iter().flat_map(|policy| [&policy.ingress, &policy.egress]);
    v6_pod
        || settings.cuts.iter().any(|cut| !cut.v6.is_empty())
        || sides.any(|side: &Side| side.rules.iter().flat_map(|rule| &rule.peers).any(v6_block))
}

type ClassKey<'w> = (
    &'w str,
    &'w (String, String),
    &'w Labels,
    &'w [ContainerPort],
    (bool, &'w str, Option<&'w str>),
    Vec<usize>,
);

fn pod_classes(world: &World, cuts: &Cuts, settings: &Settings) -> Vec<Endpoint> {
    let mut classes: BTreeMap<ClassKey<'_>, Vec<usize>> = BTreeMap::new();
    for (at, pod) in world.pods.iter().enumerate() {
        let mut pieces: Vec<usize> = Vec::new();
        if !settings.ignore_pod_addresses || pod.host_network {
            pieces.extend(pod.addresses.iter().map(|&address| cuts.piece(address)));
            pieces.sort_unstable();
        }
        let node = pod.node.as_deref().filter(|_| pod.host_network);
        let rest = (pod.host_network, pod.service_account.as_str(), node);
        let key = (pod.namespace.as_str(), &pod.owner, &pod.labels, pod.ports.as_slice(), rest, pieces);
        classes.entry(key).or_default().push(at);
    }
    classes.into_values().map(Endpoint::Pods).collect()
}

fn compile_policy(
    policy: &Policy,
    resolver: &mut Resolver<'_>,
    table: &mut ConnectionTable,
) -> CompiledPolicy {
    let number = resolver.next_policy();
    let mut named_ports = false;
    let mut side = |rules: &[Rule]| {
        let mut compiled = Vec::with_capacity(rules.len());
        for (at, rule) in rules.iter().enumerate() {
            let ports = compile_ports(rule, table);
            named_ports |= !ports.names.is_empty();
            compiled.push(Compiled {
                policy: number,
                rule: u32::try_from(at).unwrap_or(u32::MAX),
                action: rule.action,
                peers: resolver.peers(&rule.peers, policy.namespace.as_deref()),
                ports,
            });
        }
        compiled
    };
    let ingress = side(&policy.ingress.rules);
    let egress = side(&policy.egress.rules);
    CompiledPolicy { ingress, egress, named_ports }
}

fn compile_ports(rule: &Rule, table: &mut ConnectionTable) -> PortsOf {
    let Some(matches) = &rule.ports else {
        return PortsOf { numbers: ConnectionTable::ALL, names: Vec::new() };
    };
    let mut numbers = Connections::none();
    let mut names = Vec::new();
    for port in matches {
        match port {
            PortMatch::Numbers(set) => numbers = numbers.union(set),
            PortMatch::Named(protocol, name) => names.push((*protocol, name.clone())),
        }
    }
    PortsOf { numbers: table.intern(numbers), names }
}

/// For every endpoint, the policies that select it, in the order in which they are asked.
fn select(world: &World, resolver: &mut Resolver<'_>, size: usize) -> Vec<[Vec<u32>; 2]> {
    let mut selecting: Vec<[Vec<u32>; 2]> = vec![Default::default(); size];
    let mut order: Vec<usize> = (0..world.policies.len()).collect();
    let key = |at: &usize| {
        let policy = &world.policies[*at];
        (policy.tier, policy.name.clone(), policy.namespace.clone(), *at)
    };
    order.sort_by_cached_key(key);
    let mut cache: HashMap<PodSet, Arc<Bits>> = HashMap::new();
    for at in order {
        let policy = &world.policies[at];
        let number = u32::try_from(at).unwrap_or(u32::MAX);
        let applies = [applies(&policy.ingress, policy.tier), applies(&policy.egress, policy.tier)];
        let mut put = |endpoint: usize| {
            for (direction, applies) in applies.iter().enumerate() {
                if *applies {
                    selecting[endpoint][direction].push(number);
                }
            }
        };
        match (&policy.subject.namespaces, &policy.namespace) {
            (NamespaceSet::Own, Some(namespace)) => {
                resolver.pods_in(namespace, &policy.subject.pods).into_iter().for_each(&mut put);
            }
            _ => {
                let bits = match cache.get(&policy.subject) {
                    Some(bits) => Arc::clone(bits),
                    None => {
                        let peer = [Peer::Pods(policy.subject.clone())];
                        let bits = resolver.peers(&peer, policy.namespace.as_deref());
                        cache.insert(policy.subject.clone(), Arc::clone(&bits));
                        bits
                    }
                };
                bits.iter().for_each(&mut put);
            }
        }
    }
    selecting
}

fn applies(side: &Side, tier: Tier) -> bool {
    match tier {
        Tier::Admin(_) | Tier::Baseline(_) => !side.rules.is_empty(),
        _ => side.isolates || !side.rules.is_empty(),
    }
}
