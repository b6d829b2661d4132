//! Which lines of the matrix do observed flows use, and which observed flows does no line authorise?

use super::{Finding, Kind};
use crate::document::{Node, parse};
use crate::engine::Engine;
use crate::error::{Error, Origin, Result};
use crate::language::say;
use crate::matrix::Matrix;
use crate::matrix::resolve::{Places, authorised, settings};
use crate::model::ports::Protocol;
use crate::model::world::World;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

/// One end of an observed flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Namespace and pod name, when the observer knew them.
    pub pod: Option<(String, String)>,
    /// The address.
    pub address: Option<IpAddr>,
}

/// A connection that was seen.
#[derive(Clone, Debug)]
pub struct Observed {
    /// Who opened it.
    pub from: End,
    /// Who answered.
    pub to: End,
    /// On which protocol.
    pub protocol: Protocol,
    /// On which port.
    pub port: u16,
    /// Where it is recorded.
    pub origin: Origin,
}

/// Reads Hubble's JSON lines, or the output of `conntrack -L`.
pub fn read(text: &str, file: &Arc<str>) -> Result<Vec<Observed>> {
    if text.trim_start().starts_with(['{', '[']) {
        return Ok(parse(text, file)?.iter().filter_map(|node| hubble(node, file)).collect());
    }
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let origin = Origin::new(file, u32::try_from(at + 1).unwrap_or(u32::MAX));
        if line.contains("src=") {
            found.extend(conntrack(line, origin));
        } else if found.is_empty() && at > 5 {
            return Err(Error::input(
                &origin,
                say!(
                    "ce n'est ni un export de Hubble ni une liste de conntrack",
                    "this is neither a Hubble export nor a conntrack list"
                ),
            ));
        }
    }
    Ok(found)
}

fn hubble(node: &Node, file: &Arc<str>) -> Option<Observed> {
    let flow = node.get("flow").unwrap_or(node);
    if flow.get("is_reply").and_then(Node::text) == Some("true") {
        return None;
    }
    let end = |key: &str, ip: &str| {
        let side = flow.get(key);
        let text = |name: &str| side.and_then(|side| side.get(name)).and_then(Node::text).map(str::to_owned);
        End {
            pod: text("namespace").zip(text("pod_name")).filter(|(_, pod)| !pod.is_empty()),
            address: flow.at(&["IP", ip]).and_then(Node::text).and_then(|text| text.parse().ok()),
        }
    };
    let (protocol, port) = [("TCP", Protocol::Tcp), ("UDP", Protocol::Udp), ("SCTP", Protocol::Sctp)]
        .into_iter()
        .find_map(|(key, protocol)| {
            let port = flow.at(&["l4", key, "destination_port"])?.text()?.parse().ok()?;
            Some((protocol, port))
        })?;
    let origin = Origin::new(file, node.line);
    Some(Observed {
        from: end("source", "source"),
        to: end("destination", "destination"),
        protocol,
        port,
        origin,
    })
}

fn conntrack(line: &str, origin: Origin) -> Option<Observed> {
    let protocol = Protocol::parse(line.split_whitespace().next()?)?;
    // The first src, dst and dport are those of the opener; the second ones are the answer's.
    let field = |key: &str| line.split_whitespace().find_map(|word| word.strip_prefix(key));
    let end = |key: &str| Some(End { pod: None, address: Some(field(key)?.parse().ok()?) });
    Some(Observed {
        from: end("src=")?,
        to: end("dst=")?,
        protocol,
        port: field("dport=")?.parse().ok()?,
        origin,
    })
}

/// Lines that nothing used, and flows that no line authorises (one finding per pair and port).
pub fn findings(world: &World, matrix: &Matrix, places: &Places, seen: &[Observed]) -> Result<Vec<Finding>> {
    let engine = Engine::new(World { policies: Vec::new(), ..world.clone() }, &settings(matrix, places));
    let wanted = authorised(&engine, matrix, places)?;
    let mut by_name: HashMap<(&str, &str), usize> = HashMap::new();
    let mut by_address: HashMap<IpAddr, usize> = HashMap::new();
    for (at, pod) in engine.world.pods.iter().enumerate() {
        by_name.insert((&pod.namespace, &pod.name), engine.endpoint_of_pod[at]);
        pod.addresses.iter().for_each(|&address| {
            by_address.insert(address, engine.endpoint_of_pod[at]);
        });
    }
    let find = |end: &End| -> Option<usize> {
        if let Some((namespace, pod)) = &end.pod
            && let Some(at) = by_name.get(&(namespace, pod))
        {
            return Some(*at);
        }
        let address = end.address?;
        by_address.get(&address).copied().or_else(|| engine.endpoint_of_address(address))
    };
    let mut used = vec![false; matrix.flows.len()];
    let mut unknown: BTreeMap<String, Finding> = BTreeMap::new();
    for flow in seen {
        let (Some(from), Some(to)) = (find(&flow.from), find(&flow.to)) else { continue };
        let mut authorised = false;
        for (at, pairs) in wanted.by_flow.iter().enumerate() {
            let fits = |(source, destination, set): &(usize, usize, _)| {
                let set: &crate::model::ports::Connections = set;
                (*source, *destination) == (from, to) && set.contains(flow.protocol, flow.port)
            };
            if pairs.iter().any(fits) {
                used[at] = true;
                authorised = true;
            }
        }
        if !authorised && (engine.is_pod(from) || engine.is_pod(to)) {
            let message = say!(
                "observé : {} -> {} : {} {}, et aucune ligne ne l'autorise",
                "seen: {} -> {} : {} {}, and no line authorises it",
                engine.title(from),
                engine.title(to),
                flow.protocol.name(),
                flow.port
            );
            unknown.entry(message.clone()).or_insert(Finding {
                kind: Kind::Excessive,
                origin: flow.origin.clone(),
                message,
                reasons: Vec::new(),
            });
        }
    }
    let mut found: Vec<Finding> = unknown.into_values().collect();
    for (flow, _) in matrix.flows.iter().zip(used).filter(|(_, used)| !used) {
        let message =
            say!("{} : aucun flux observé ne l'emploie", "{}: no observed flow uses it", flow.text());
        found.push(Finding { kind: Kind::Unused, origin: flow.origin.clone(), message, reasons: Vec::new() });
    }
    Ok(found)
}
