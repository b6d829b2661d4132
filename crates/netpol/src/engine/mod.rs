//! Who can reach whom, on which ports, and which rule decides? Exact, over every dialect at once.
//!
//! Pods that no rule can tell apart share one endpoint; outside addresses are cut at every boundary that a rule
//! mentions, so each piece behaves as one endpoint too. A rule then is a set of endpoints and a set of ports.

mod ambiguity;
pub mod bits;
mod compile;
pub mod decide;
pub mod graph;
mod outside;
mod peers;

use crate::model::address::Addresses;
use crate::model::policy::{Action, Direction, Tier};
use crate::model::ports::{ConnectionTable, ConnectionsId, PortsOf};
use crate::model::world::World;
use bits::Bits;
use std::sync::Arc;

/// What the answer depends on besides the manifests.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Where the API server answers, when known: then `kube-apiserver` means these addresses.
    pub api_server: Option<Addresses>,
    /// Leave pod addresses out of `ipBlock` matching, as Cilium does.
    pub ignore_pod_addresses: bool,
    /// More boundaries at which outside addresses are cut, so that questions about them are exact.
    pub cuts: Vec<Addresses>,
    /// Host names that questions are about.
    pub names: Vec<String>,
}

/// One party of a connection: pods that are alike, or a part of the outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Pods of one owner that no rule tells apart, by index in [`World::pods`].
    Pods(Vec<usize>),
    /// Outside addresses.
    Addresses(Addresses),
    /// A host name, or a pattern of names.
    Name(String),
    /// The API server, when its address is not known.
    ApiServer,
}

/// A rule ready to be asked.
#[derive(Clone, Debug)]
struct Compiled {
    policy: u32,
    rule: u32,
    action: Action,
    peers: Arc<Bits>,
    ports: PortsOf,
}

/// A policy ready to be asked.
#[derive(Clone, Debug, Default)]
struct CompiledPolicy {
    ingress: Vec<Compiled>,
    egress: Vec<Compiled>,
    named_ports: bool,
}

/// Everything that questions need, computed once.
#[derive(Clone, Debug)]
pub struct Engine {
    /// What was read.
    pub world: World,
    /// All parties: pods first, sorted by namespace and owner, then the outside.
    pub endpoints: Vec<Endpoint>,
    /// How many of the endpoints are pods.
    pub pod_endpoints: usize,
    /// The endpoint of every pod.
    pub endpoint_of_pod: Vec<usize>,
    /// Whether IPv6 is mentioned anywhere; otherwise outputs speak of IPv4 only.
    pub ipv6: bool,
    policies: Vec<CompiledPolicy>,
    /// Policies that select each endpoint, in the order in which they are asked: ingress, egress.
    selecting: Vec<[Vec<u32>; 2]>,
    table: ConnectionTable,
}

impl Engine {
    /// Compiles a world. Takes time linear in pods, policies and their matches.
    pub fn new(world: World, settings: &Settings) -> Self {
        compile::compile(world, settings)
    }

    /// The connections of an id.
    pub fn connections(&self, id: ConnectionsId) -> &crate::model::ports::Connections {
        self.table.get(id)
    }

    /// Whether this endpoint is made of pods.
    pub fn is_pod(&self, endpoint: usize) -> bool {
        endpoint < self.pod_endpoints
    }

    /// The first pod of an endpoint.
    pub fn pod(&self, endpoint: usize) -> Option<&crate::model::world::Pod> {
        match self.endpoints.get(endpoint)? {
            Endpoint::Pods(pods) => self.world.pods.get(*pods.first()?),
            _ => None,
        }
    }

    /// The policies that select an endpoint in a direction, in the order in which they are asked.
    pub fn policies_on(&self, endpoint: usize, direction: Direction) -> &[u32] {
        &self.selecting[endpoint][direction as usize]
    }

    /// How an endpoint is called in outputs.
    pub fn title(&self, endpoint: usize) -> String {
        match &self.endpoints[endpoint] {
            Endpoint::Pods(_) => self.pod(endpoint).map(crate::model::world::Pod::title).unwrap_or_default(),
            Endpoint::Addresses(addresses) => {
                let texts = match self.ipv6 {
                    true => addresses.range_texts(),
                    false => Addresses { v4: addresses.v4.clone(), ..Addresses::default() }.range_texts(),
                };
                format!("{}[External]", texts.join(","))
            }
            Endpoint::Name(name) => format!("{name}[FQDN]"),
            Endpoint::ApiServer => "kube-apiserver[Entity]".to_owned(),
        }
    }

    /// The endpoint of an outside address.
    pub fn endpoint_of_address(&self, address: std::net::IpAddr) -> Option<usize> {
        self.endpoints.iter().position(
            |endpoint| matches!(endpoint, Endpoint::Addresses(addresses) if addresses.contains(address)),
        )
    }

    /// When a policy is asked.
    fn tier(&self, policy: u32) -> Tier {
        self.world.policies[policy as usize].tier
    }
}
