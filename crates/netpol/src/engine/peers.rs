//! Which endpoints does this peer of a rule mean?

use super::bits::Bits;
use super::outside::name_matches;
use super::{Endpoint, Settings};
use crate::manifest::cilium::SERVICE_ACCOUNT;
use crate::model::address::Addresses;
use crate::model::labels::{NAMESPACE_NAME, Requirement, Selector};
use crate::model::policy::{NamespaceSet, Peer, PodSet};
use crate::model::world::{Pod, World};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// Resolves peers, remembering every answer: a cluster repeats the same few peers thousands of times.
pub struct Resolver<'w> {
    world: &'w World,
    endpoints: &'w [Endpoint],
    settings: &'w Settings,
    ranges: HashMap<&'w str, Range<usize>>,
    namespaces: HashMap<Selector, Arc<Vec<&'w str>>>,
    peers: HashMap<(Option<String>, Vec<Peer>), Arc<Bits>>,
    policies: u32,
    /// The known addresses of pods, sorted, with their endpoints.
    pods_v4: Vec<(u128, u32)>,
    pods_v6: Vec<(u128, u32)>,
    /// Endpoints of pods without a known address, and whether they use the node's network.
    pods_unknown: Vec<(u32, bool)>,
    /// The endpoints that are no pods.
    outside: Range<usize>,
}

impl<'w> Resolver<'w> {
    /// A resolver over these endpoints, pods sorted by namespace first.
    pub fn new(world: &'w World, endpoints: &'w [Endpoint], settings: &'w Settings) -> Self {
        let mut ranges: HashMap<&str, Range<usize>> = HashMap::new();
        for (at, endpoint) in endpoints.iter().enumerate() {
            if let Endpoint::Pods(pods) = endpoint {
                let namespace = world.pods[pods[0]].namespace.as_str();
                ranges.entry(namespace).or_insert(at..at).end = at + 1;
            }
        }
        let pods = endpoints.iter().take_while(|endpoint| matches!(endpoint, Endpoint::Pods(_))).count();
        let mut resolver = Self {
            world,
            endpoints,
            settings,
            ranges,
            namespaces: HashMap::new(),
            peers: HashMap::new(),
            policies: 0,
            pods_v4: Vec::new(),
            pods_v6: Vec::new(),
            pods_unknown: Vec::new(),
            outside: pods..endpoints.len(),
        };
        (0..pods).for_each(|at| resolver.note_addresses(at));
        resolver.pods_v4.sort_unstable();
        resolver.pods_v6.sort_unstable();
        resolver
    }

    /// All pods of an endpoint are behind the same blocks, so the first one's addresses stand for them.
    fn note_addresses(&mut self, at: usize) {
        let Some(pod) = self.pod(at) else { return };
        let number = u32::try_from(at).unwrap_or(u32::MAX);
        if pod.addresses.is_empty() || (self.settings.ignore_pod_addresses && !pod.host_network) {
            self.pods_unknown.push((number, pod.host_network));
            return;
        }
        for address in &pod.addresses {
            match address {
                std::net::IpAddr::V4(v4) => self.pods_v4.push((u128::from(u32::from(*v4)), number)),
                std::net::IpAddr::V6(v6) => self.pods_v6.push((u128::from(*v6), number)),
            }
        }
    }

    /// The number of the next policy, from 0.
    pub fn next_policy(&mut self) -> u32 {
        self.policies += 1;
        self.policies - 1
    }

    fn pod(&self, endpoint: usize) -> Option<&'w Pod> {
        match &self.endpoints[endpoint] {
            Endpoint::Pods(pods) => Some(&self.world.pods[pods[0]]),
            _ => None,
        }
    }

    /// The pod endpoints of a namespace that a selector matches; host-network pods are never selected.
    pub fn pods_in(&self, namespace: &str, selector: &Selector) -> Vec<usize> {
        let Some(range) = self.ranges.get(namespace) else { return Vec::new() };
        let matches =
            |at: &usize| self.pod(*at).is_some_and(|pod| !pod.host_network && pod_matches(selector, pod));
        range.clone().filter(matches).collect()
    }

    fn matching_namespaces(&mut self, selector: &Selector) -> Arc<Vec<&'w str>> {
        if let Some(found) = self.namespaces.get(selector) {
            return Arc::clone(found);
        }
        let by_name = match selector.requirements() {
            [Requirement::In(key, values)] if key == NAMESPACE_NAME => Some(values),
            _ => None,
        };
        let found: Vec<&str> = match by_name {
            Some(names) => names
                .iter()
                .filter_map(|name| self.world.namespaces.get(name).map(|namespace| namespace.name.as_str()))
                .collect(),
            None => self
                .world
                .namespaces
                .values()
                .filter(|namespace| selector.matches(&namespace.labels))
                .map(|namespace| namespace.name.as_str())
                .collect(),
        };
        let found = Arc::new(found);
        self.namespaces.insert(selector.clone(), Arc::clone(&found));
        found
    }

    /// The endpoints of a list of peers, seen from a namespace.
    pub fn peers(&mut self, peers: &[Peer], namespace: Option<&str>) -> Arc<Bits> {
        let own =
            peers.iter().any(|peer| matches!(peer, Peer::Pods(PodSet { namespaces: NamespaceSet::Own, .. })));
        let key = (namespace.filter(|_| own).map(str::to_owned), peers.to_vec());
        if let Some(bits) = self.peers.get(&key) {
            return Arc::clone(bits);
        }
        let mut bits = Bits::none(self.endpoints.len());
        for peer in peers {
            self.add_peer(peer, namespace, &mut bits);
        }
        let bits = Arc::new(bits);
        self.peers.insert(key, Arc::clone(&bits));
        bits
    }

    fn add_peer(&mut self, peer: &Peer, namespace: Option<&str>, bits: &mut Bits) {
        match peer {
            Peer::Pods(set) => self.add_pods(set, namespace, bits),
            Peer::Anything => bits.add(&Bits::all(self.endpoints.len())),
            Peer::Block { addresses, pods, unknown_pods } => {
                self.add_block(addresses, *pods, *unknown_pods, bits);
            }
            Peer::Service { namespace, name } => {
                if let Some(selector) =
                    self.world.service(namespace, name).and_then(|service| service.selector.as_ref())
                {
                    self.pods_in(namespace, selector).into_iter().for_each(|at| bits.insert(at));
                }
            }
            _ => {
                for at in 0..self.endpoints.len() {
                    if self.matches(peer, at) {
                        bits.insert(at);
                    }
                }
            }
        }
    }

    /// The endpoints behind a block of addresses. Pods are found through their sorted addresses: thousands of blocks
    /// must not mean thousands of walks over all pods.
    fn add_block(&self, addresses: &Addresses, pods: bool, unknown_pods: bool, bits: &mut Bits) {
        if pods {
            for (known, intervals) in [(&self.pods_v4, &addresses.v4), (&self.pods_v6, &addresses.v6)] {
                for &(low, high) in intervals.ranges() {
                    let from = known.partition_point(|(address, _)| *address < low);
                    let to = known.partition_point(|(address, _)| *address <= high);
                    known[from..to].iter().for_each(|(_, at)| bits.insert(*at as usize));
                }
            }
        }
        let whole = is_whole(addresses);
        for &(at, host_network) in &self.pods_unknown {
            // A host-network pod has its node's address: inside a whole family whatever it is.
            if unknown_pods || (host_network && pods && whole) {
                bits.insert(at as usize);
            }
        }
        for at in self.outside.clone() {
            if self.matches_outside(addresses, pods, whole, at) {
                bits.insert(at);
            }
        }
    }

    fn matches_outside(&self, addresses: &Addresses, pods: bool, whole: bool, at: usize) -> bool {
        match &self.endpoints[at] {
            // Outside addresses are cut at the boundaries of every block: a part is in it as a whole or not at all.
            Endpoint::Addresses(part) => match (part.v4.ranges().first(), part.v6.ranges().first()) {
                (Some(&(low, _)), _) => addresses.v4.contains(low),
                (None, Some(&(low, _))) => addresses.v6.contains(low),
                (None, None) => false,
            },
            Endpoint::Name(_) => whole,
            Endpoint::ApiServer => pods && whole,
            Endpoint::Pods(_) => false,
        }
    }

    fn add_pods(&mut self, set: &PodSet, namespace: Option<&str>, bits: &mut Bits) {
        match &set.namespaces {
            NamespaceSet::Own => {
                let found = self.pods_in(namespace.unwrap_or_default(), &set.pods);
                found.into_iter().for_each(|at| bits.insert(at));
            }
            NamespaceSet::Match(selector) => {
                for name in self.matching_namespaces(selector).iter() {
                    self.pods_in(name, &set.pods).into_iter().for_each(|at| bits.insert(at));
                }
            }
        }
    }

    fn matches(&self, peer: &Peer, at: usize) -> bool {
        match &self.endpoints[at] {
            Endpoint::Pods(_) => self.pod(at).is_some_and(|pod| self.matches_pod(peer, pod)),
            Endpoint::Addresses(part) => match peer {
                Peer::World => true,
                Peer::ApiServer => self.settings.api_server.as_ref().is_some_and(|known| known.covers(part)),
                Peer::Nodes(selector) => self.node_address(part, Some(selector)),
                Peer::Hosts | Peer::Cluster => self.node_address(part, None),
                _ => false,
            },
            Endpoint::Name(name) => match peer {
                Peer::Names(patterns) => patterns.iter().any(|pattern| name_matches(pattern, name)),
                Peer::World => true,
                _ => false,
            },
            Endpoint::ApiServer => matches!(peer, Peer::ApiServer),
        }
    }

    fn matches_pod(&self, peer: &Peer, pod: &Pod) -> bool {
        match peer {
            Peer::Nodes(selector) => pod.host_network && self.on_node(pod, selector),
            Peer::Hosts => pod.host_network,
            Peer::Cluster => true,
            _ => false,
        }
    }

    fn on_node(&self, pod: &Pod, selector: &Selector) -> bool {
        let node = pod.node.as_ref().and_then(|name| self.world.nodes.iter().find(|node| node.name == *name));
        node.map_or(selector.is_everything(), |node| selector.matches(&node.labels))
    }

    fn node_address(&self, part: &Addresses, selector: Option<&Selector>) -> bool {
        let nodes = self.world.nodes.iter();
        nodes
            .filter(|node| selector.is_none_or(|selector| selector.matches(&node.labels)))
            .flat_map(|node| &node.addresses)
            .any(|&address| *part == crate::model::address::single(address))
    }
}

fn is_whole(addresses: &Addresses) -> bool {
    let all = Addresses::everything();
    addresses.v4 == all.v4 || addresses.v6 == all.v6
}

fn pod_matches(selector: &Selector, pod: &Pod) -> bool {
    if selector.requirements().iter().any(|requirement| requirement.key() == SERVICE_ACCOUNT) {
        let mut labels = pod.labels.clone();
        labels.insert(SERVICE_ACCOUNT.to_owned(), pod.service_account.clone());
        return selector.matches(&labels);
    }
    selector.matches(&pod.labels)
}
