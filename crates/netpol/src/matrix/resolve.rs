//! Which endpoints does a flow mean in this cluster, and what connectivity does the whole matrix authorise?

use super::party::Party;
use super::{Flow, Matrix};
use crate::engine::{Endpoint, Engine, Settings};
use crate::error::{Error, Result};
use crate::language::say;
use crate::model::address::Addresses;
use crate::model::labels::Selector;
use crate::model::policy::PortMatch;
use crate::model::ports::Connections;
use crate::report::lines::target_connections;
use std::collections::HashMap;

/// How clusters differ where the matrix only says a word.
#[derive(Clone, Debug)]
pub struct Places {
    /// Namespace of the cluster's resolver.
    pub dns_namespace: String,
    /// Labels of the cluster's resolver.
    pub dns_selector: Selector,
    /// Where the API server answers, when known.
    pub api_server: Option<Addresses>,
    /// The addresses that the cluster gives to pods, when known: a block of the matrix then means only what is
    /// outside of them.
    pub pod_addresses: Addresses,
}

impl Places {
    /// What a block of the matrix means: the addresses outside the cluster that are in it.
    pub fn outside(&self, block: &Addresses) -> Addresses {
        match self.pod_addresses.is_empty() {
            true => block.clone(),
            false => block.minus(&self.pod_addresses),
        }
    }
}

impl Default for Places {
    fn default() -> Self {
        Self {
            dns_namespace: "kube-system".to_owned(),
            dns_selector: Selector::label("k8s-app", "kube-dns"),
            api_server: None,
            pod_addresses: Addresses::default(),
        }
    }
}

/// What the engine must cut and know so that every party of the matrix is made of whole endpoints.
pub fn settings(matrix: &Matrix, places: &Places) -> Settings {
    let mut settings = Settings { api_server: places.api_server.clone(), ..Settings::default() };
    for party in matrix.flows.iter().flat_map(|flow| [&flow.source, &flow.destination]) {
        match party {
            Party::Addresses(addresses) => settings.cuts.push(places.outside(addresses)),
            Party::Name(name) => settings.names.push(name.clone()),
            _ => {}
        }
    }
    settings.cuts.sort();
    settings.cuts.dedup();
    settings
}

/// The endpoints of a party, sorted.
///
/// Errors: nothing in the manifests is called so; at the place of the flow.
pub fn endpoints(engine: &Engine, party: &Party, places: &Places, flow: &Flow) -> Result<Vec<usize>> {
    let pods = |wanted: &dyn Fn(&crate::model::world::Pod) -> bool| -> Vec<usize> {
        (0..engine.pod_endpoints).filter(|&at| engine.pod(at).is_some_and(wanted)).collect()
    };
    let outside = |wanted: &dyn Fn(&Endpoint) -> bool| -> Vec<usize> {
        (engine.pod_endpoints..engine.endpoints.len()).filter(|&at| wanted(&engine.endpoints[at])).collect()
    };
    let found = match party {
        Party::Workload { namespace, name, kind } => pods(&|pod| {
            pod.namespace == *namespace
                && ((pod.owner.0 == *name && kind.as_ref().is_none_or(|kind| pod.owner.1 == *kind))
                    || (pod.name == *name && kind.as_deref() == Some("Pod")))
        }),
        Party::Service { namespace, name } => {
            let service = engine.world.service(namespace, name).ok_or_else(|| {
                Error::input(
                    &flow.origin,
                    say!(
                        "aucun manifeste ne déclare le Service {namespace}/{name}",
                        "no manifest declares the Service {namespace}/{name}"
                    ),
                )
            })?;
            let mut found: Vec<usize> =
                engine.world.backends(service).into_iter().map(|pod| engine.endpoint_of_pod[pod]).collect();
            found.sort_unstable();
            found.dedup();
            found
        }
        Party::Pods { namespace, selector } => pods(&|pod| {
            !pod.host_network
                && namespace.as_ref().is_none_or(|namespace| pod.namespace == *namespace)
                && selector.matches(&pod.labels)
        }),
        Party::Dns => {
            pods(&|pod| pod.namespace == places.dns_namespace && places.dns_selector.matches(&pod.labels))
        }
        Party::Addresses(wanted) => {
            let wanted = places.outside(wanted);
            outside(&|endpoint| matches!(endpoint, Endpoint::Addresses(part) if wanted.covers(part)))
        }
        Party::Name(wanted) => {
            outside(&|endpoint| matches!(endpoint, Endpoint::Name(name) if name == wanted))
        }
        Party::ApiServer => outside(&|endpoint| match (endpoint, &places.api_server) {
            (Endpoint::Addresses(part), Some(known)) => known.covers(part),
            (Endpoint::ApiServer, _) => true,
            _ => false,
        }),
    };
    let named = matches!(party, Party::Workload { .. } | Party::Service { .. });
    if found.is_empty() && named {
        return Err(Error::input(
            &flow.origin,
            say!("aucun manifeste ne déclare de pod de {party}", "no manifest declares a pod of {party}"),
        )
        .hint(say!(
            "donner les manifestes des charges, ou nommer les pods par étiquette : espace/{{app=web}}",
            "give the manifests of the workloads, or name pods by label: namespace/{{app=web}}"
        )));
    }
    Ok(found)
}

/// The ports of a flow at a destination: names and Services mean the ports of the pod.
pub fn connections(engine: &Engine, flow: &Flow, to: usize) -> Connections {
    let mut set = Connections::none();
    for port in &flow.ports {
        match port {
            PortMatch::Numbers(numbers) => set = set.union(&through_service(engine, flow, numbers, to)),
            PortMatch::Named(protocol, name) => {
                for declared in engine.pod(to).map(|pod| pod.ports.as_slice()).unwrap_or_default() {
                    if declared.name.as_ref() == Some(name)
                        && protocol.is_none_or(|wanted| wanted == declared.protocol)
                    {
                        set = set.union(&Connections::range(declared.protocol, declared.port, declared.port));
                    }
                }
            }
        }
    }
    set
}

/// A port of a Service means the port of the pod behind it; policies see only the latter.
fn through_service(engine: &Engine, flow: &Flow, numbers: &Connections, to: usize) -> Connections {
    let Party::Service { namespace, name } = &flow.destination else { return numbers.clone() };
    let (Some(service), Some(pod)) = (engine.world.service(namespace, name), engine.pod(to)) else {
        return numbers.clone();
    };
    let mut set = Connections::none();
    for port in service.ports.iter().filter(|port| numbers.contains(port.protocol, port.port)) {
        let one = crate::model::world::Service { ports: vec![port.clone()], ..service.clone() };
        set = set.union(&target_connections(&one, None, pod));
    }
    set
}

/// What a matrix authorises, pair by pair, with the lines that do.
#[derive(Clone, Debug, Default)]
pub struct Authorised {
    /// For every pair of endpoints with a flow: what may pass.
    pub pairs: HashMap<(usize, usize), Connections>,
    /// For every flow: its pairs.
    pub by_flow: Vec<Vec<(usize, usize, Connections)>>,
    /// What a line lets pass without asking for it: pods of the node's network behind a block of addresses. Whether
    /// policies see them there depends on the network plugin.
    pub tolerated: HashMap<(usize, usize), Connections>,
}

impl Authorised {
    /// What passes between two endpoints though no line authorises it.
    pub fn excess(&self, from: usize, to: usize, found: &Connections) -> Connections {
        let known = |map: &HashMap<(usize, usize), Connections>, rest: Connections| match map.get(&(from, to))
        {
            Some(set) => rest.minus(set),
            None => rest,
        };
        known(&self.tolerated, known(&self.pairs, found.clone()))
    }
}

/// The pods of the node's network whose address is in a block, or unknown while the block is a whole family.
fn nodes_behind(engine: &Engine, party: &Party, places: &Places) -> Vec<usize> {
    let Party::Addresses(block) = party else { return Vec::new() };
    let block = places.outside(block);
    let everything = Addresses::everything();
    let whole = block.v4 == everything.v4 || block.v6 == everything.v6;
    let behind = |at: &usize| {
        engine.pod(*at).filter(|pod| pod.host_network).is_some_and(|pod| match pod.addresses.is_empty() {
            true => whole,
            false => pod.addresses.iter().any(|&address| block.contains(address)),
        })
    };
    (0..engine.pod_endpoints).filter(behind).collect()
}

/// Expands a matrix over the endpoints of an engine that was built with [`settings`].
pub fn authorised(engine: &Engine, matrix: &Matrix, places: &Places) -> Result<Authorised> {
    let mut authorised = Authorised::default();
    let mut errors = Vec::new();
    // The same parties stand on many lines: each is looked up once.
    let mut known: HashMap<&Party, Vec<usize>> = HashMap::new();
    for flow in &matrix.flows {
        let mut look_up = |party| match known.get(party) {
            Some(found) => Ok(found.clone()),
            None => {
                let found = endpoints(engine, party, places, flow)?;
                known.insert(party, found.clone());
                Ok(found)
            }
        };
        let ends = look_up(&flow.source).and_then(|from| Ok((from, look_up(&flow.destination)?)));
        let (from, to) = match ends {
            Ok(ends) => ends,
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        let mut pairs = Vec::new();
        for &destination in &to {
            let set = connections(engine, flow, destination);
            if set.is_empty() {
                continue;
            }
            for &source in &from {
                if !engine.is_pod(source) && !engine.is_pod(destination) {
                    continue;
                }
                let known = authorised.pairs.entry((source, destination)).or_default();
                *known = known.union(&set);
                pairs.push((source, destination, set.clone()));
            }
        }
        let (from_nodes, to_nodes) =
            (nodes_behind(engine, &flow.source, places), nodes_behind(engine, &flow.destination, places));
        let pairs_of_nodes = from_nodes
            .iter()
            .flat_map(|&node| to.iter().map(move |&at| (node, at)))
            .chain(to_nodes.iter().flat_map(|&node| from.iter().map(move |&at| (at, node))));
        for (source, destination) in pairs_of_nodes {
            let set = connections(engine, flow, destination);
            let known = authorised.tolerated.entry((source, destination)).or_default();
            *known = known.union(&set);
        }
        authorised.by_flow.push(pairs);
    }
    match Error::join(errors) {
        Some(error) => Err(error),
        None => Ok(authorised),
    }
}
