//! What must be done in the mesh so that the management cluster, and nobody else, reaches an environment's API server?
//!
//! Two groups (the machines that lead in, and what they lead to), a one-off key as long as a machine is still to come,
//! a network with one router and one resource, a policy on the API server's port, and a name. Removal goes the other
//! way round, since a group is refused while anything refers to it.

pub mod action;
pub mod seen;

use std::collections::BTreeSet;
use std::net::IpAddr;

pub use action::Action;
use seen::{Mesh, Network, Policy, Record, Resource, Router, Rule, Zone};

use super::moment;
use crate::names::{Identity, part, short_in};

/// Seconds after which a peer that is away, and whose machine is gone, is removed. Ten minutes: as long as NetBird
/// waits for ephemeral peers itself.
pub const STALE_SECONDS: i64 = 600;

/// A key that ends within this many seconds is replaced: a machine needs some minutes from its creation to enrolment.
pub const KEY_MARGIN_SECONDS: i64 = 3_600;

/// What an environment needs in the mesh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Whose it is.
    pub identity: Identity,
    /// The group of the management cluster, by name.
    pub management_group: String,
    /// Where the API server answers, once that is known.
    pub endpoint: Option<Endpoint>,
    /// Names of the machines of the control plane, as far as there are any.
    pub machines: BTreeSet<String>,
    /// How many machines the control plane shall have.
    pub replicas: usize,
    /// The id of the key that lies in the environment's Secret.
    pub stored_key: Option<String>,
    /// The domain of the environment's own names (`prod.shop.env.example.org`).
    pub domain: Option<String>,
    /// Now, in seconds since 1970.
    pub now: i64,
}

/// Where an API server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// An address or a name.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// What must be done, and what stands in the way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// In this order.
    pub actions: Vec<Action>,
    /// Why not everything that is declared can be done.
    pub waiting: Option<String>,
    /// Whether a machine is still to come.
    pub enrolling: bool,
}

/// The names of an environment's things in the mesh.
struct Names {
    routers: String,
    api: String,
    keys: String,
    network: String,
}

impl Names {
    fn of(prefix: &str) -> Names {
        Names {
            routers: format!("{prefix}-routers"),
            api: format!("{prefix}-api"),
            keys: format!("{prefix}-nodes"),
            network: prefix.to_owned(),
        }
    }
}

/// What must be done for an environment.
pub fn plan(wanted: &Wanted, mesh: &Mesh) -> Plan {
    let names = Names::of(&wanted.identity.prefix());
    let mut actions = Vec::new();
    for name in [&names.routers, &names.api] {
        if mesh.group(name).is_none() {
            actions.push(Action::CreateGroup { name: name.clone() });
        }
    }
    let enrolling = enrolling(wanted, mesh);
    let (Some(routers), Some(api)) = (mesh.group(&names.routers), mesh.group(&names.api)) else {
        // What refers to a group is planned once its id is known.
        return Plan { actions, waiting: None, enrolling };
    };
    keys(wanted, mesh, &names, routers, enrolling, &mut actions);
    stale_peers(wanted, mesh, routers, &mut actions);
    let Some(network) = network(wanted, mesh, &names, &mut actions) else {
        return Plan { actions, waiting: None, enrolling };
    };
    router(network, routers, &mut actions);
    let management = mesh.group(&wanted.management_group);
    let taken = wanted.endpoint.as_ref().and_then(|endpoint| taken(mesh, &names, endpoint));
    let waiting = taken.clone().or_else(|| {
        let missing = || format!("the mesh has no group '{}' (managementGroup)", wanted.management_group);
        management.is_none().then(missing)
    });
    if let Some(endpoint) = wanted.endpoint.as_ref().filter(|_| taken.is_none()) {
        resource(wanted, network, &names, api, endpoint, &mut actions);
        policy(wanted, mesh, &names, management, api, endpoint, &mut actions);
    }
    zone(wanted, mesh, &names, management, &mut actions);
    Plan { actions, waiting, enrolling }
}

/// What must be done so that nothing whose names begin with `prefix` stays in the mesh.
pub fn removal(prefix: &str, mesh: &Mesh) -> Vec<Action> {
    let names = Names::of(prefix);
    let mut actions = Vec::new();
    for policy in mesh.policies.iter().filter(|policy| policy.name == names.api) {
        actions.push(Action::DeletePolicy { id: policy.id.clone(), name: policy.name.clone() });
    }
    for zone in mesh.zones.iter().filter(|zone| zone.name == names.network) {
        remove_zone(zone, &mut actions);
    }
    let networks = || mesh.networks.iter().filter(|network| network.name == names.network);
    for network in networks() {
        empty_network(network, &mut actions);
    }
    for key in mesh.keys.iter().filter(|key| key.name == names.keys) {
        actions.push(Action::DeleteKey { id: key.id.clone(), name: key.name.clone() });
    }
    if let Some(routers) = mesh.group(&names.routers) {
        for peer in mesh.peers.iter().filter(|peer| peer.groups.iter().any(|group| group == routers)) {
            actions.push(Action::DeletePeer { id: peer.id.clone(), name: peer.name.clone() });
        }
    }
    let ours = [&names.routers, &names.api];
    for group in mesh.groups.iter().filter(|group| ours.contains(&&group.name)) {
        actions.push(Action::DeleteGroup { id: group.id.clone(), name: group.name.clone() });
    }
    for network in networks() {
        actions.push(Action::DeleteNetwork { id: network.id.clone(), name: network.name.clone() });
    }
    actions
}

/// The prefixes of things that were made through the connection of id `home` for environments that are no more: what a
/// request made that was given up and carried out later. `known` are the last parts of the names of
/// those that exist.
pub fn orphans(home: &str, known: &BTreeSet<String>, mesh: &Mesh) -> BTreeSet<String> {
    let part = part(home);
    let names = (mesh.groups.iter().map(|group| &group.name))
        .chain(mesh.keys.iter().map(|key| &key.name))
        .chain(mesh.networks.iter().map(|network| &network.name))
        .chain(mesh.policies.iter().map(|policy| &policy.name))
        .chain(mesh.zones.iter().map(|zone| &zone.name));
    let prefixes = names.filter(|name| name.starts_with("im-")).map(|name| {
        ["-routers", "-api", "-nodes"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
    });
    prefixes
        .filter(|prefix| {
            short_in(prefix).is_some_and(|short| short.starts_with(&part) && !known.contains(short))
        })
        .map(str::to_owned)
        .collect()
}

/// Whether a machine of the control plane is still to enrol.
fn enrolling(wanted: &Wanted, mesh: &Mesh) -> bool {
    let here = |machine: &String| {
        mesh.peers.iter().any(|peer| [&peer.hostname, &peer.name].iter().any(|name| is_host(name, machine)))
    };
    wanted.machines.len() < wanted.replicas || !wanted.machines.iter().all(here)
}

/// Whether a host's name, perhaps with its domain, is a machine's.
fn is_host(host: &str, machine: &str) -> bool {
    host == machine || host.strip_prefix(machine).is_some_and(|rest| rest.starts_with('.'))
}

fn keys(
    wanted: &Wanted,
    mesh: &Mesh,
    names: &Names,
    routers: &str,
    enrolling: bool,
    actions: &mut Vec<Action>,
) {
    let ours = || mesh.keys.iter().filter(|key| key.name == names.keys);
    let fresh = ours().find(|key| {
        Some(&key.id) == wanted.stored_key.as_ref()
            && key.valid
            && key.used_times == 0
            && key.ephemeral
            && key.kind == "one-off"
            && key.auto_groups == [routers]
            && moment::seconds(&key.expires).is_some_and(|end| end > wanted.now + KEY_MARGIN_SECONDS)
    });
    let kept = fresh.filter(|_| enrolling).map(|key| key.id.as_str());
    // What is not in the Secret goes first: keys do not pile up, however often the answer to an enrolment is lost.
    for key in ours().filter(|key| Some(key.id.as_str()) != kept) {
        actions.push(Action::DeleteKey { id: key.id.clone(), name: key.name.clone() });
    }
    if enrolling && kept.is_none() {
        actions.push(Action::Enrol { name: names.keys.clone(), group: routers.to_owned() });
    }
}

fn stale_peers(wanted: &Wanted, mesh: &Mesh, routers: &str, actions: &mut Vec<Action>) {
    for peer in mesh.peers.iter().filter(|peer| peer.groups.iter().any(|group| group == routers)) {
        let machine = wanted
            .machines
            .iter()
            .any(|machine| is_host(&peer.hostname, machine) || is_host(&peer.name, machine));
        let away = moment::seconds(&peer.last_seen).is_none_or(|seen| seen + STALE_SECONDS < wanted.now);
        if !machine && !peer.connected && away {
            actions.push(Action::DeletePeer { id: peer.id.clone(), name: peer.name.clone() });
        }
    }
}

/// The network of the environment. Names of networks are not unique: an answer that came late may have made a second
/// one, which is removed; the one with the lowest id stays.
fn network<'a>(
    wanted: &Wanted,
    mesh: &'a Mesh,
    names: &Names,
    actions: &mut Vec<Action>,
) -> Option<&'a Network> {
    let mut found: Vec<&Network> =
        mesh.networks.iter().filter(|network| network.name == names.network).collect();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    if found.is_empty() {
        let description = wanted.identity.mark();
        actions.push(Action::CreateNetwork { name: names.network.clone(), description });
        return None;
    }
    for second in &found[1..] {
        empty_network(second, actions);
        actions.push(Action::DeleteNetwork { id: second.id.clone(), name: second.name.clone() });
    }
    Some(found[0])
}

fn empty_network(network: &Network, actions: &mut Vec<Action>) {
    for resource in &network.resources {
        actions.push(Action::DeleteResource {
            network: network.id.clone(),
            id: resource.id.clone(),
            name: resource.name.clone(),
        });
    }
    for router in &network.routers {
        actions.push(Action::DeleteRouter { network: network.id.clone(), id: router.id.clone() });
    }
}

fn router(network: &Network, routers: &str, actions: &mut Vec<Action>) {
    let mut found: Vec<&Router> = network.routers.iter().collect();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    let id = found.first().map_or_else(String::new, |router| router.id.clone());
    let router = Router {
        id,
        peer_groups: vec![routers.to_owned()],
        metric: action::METRIC,
        masquerade: true,
        enabled: true,
    };
    if found.first() != Some(&&router) {
        actions.push(Action::PutRouter { network: network.id.clone(), router });
    }
    for second in found.iter().skip(1) {
        actions.push(Action::DeleteRouter { network: network.id.clone(), id: second.id.clone() });
    }
}

fn resource(
    wanted: &Wanted,
    network: &Network,
    names: &Names,
    api: &str,
    endpoint: &Endpoint,
    actions: &mut Vec<Action>,
) {
    for other in network.resources.iter().filter(|resource| resource.name != names.api) {
        actions.push(Action::DeleteResource {
            network: network.id.clone(),
            id: other.id.clone(),
            name: other.name.clone(),
        });
    }
    let mut found: Vec<&Resource> =
        network.resources.iter().filter(|resource| resource.name == names.api).collect();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    let resource = Resource {
        id: found.first().map_or_else(String::new, |resource| resource.id.clone()),
        name: names.api.clone(),
        description: wanted.identity.mark(),
        address: block(&endpoint.host),
        enabled: true,
        groups: vec![api.to_owned()],
    };
    // The API writes an address back as a block, or as it was given.
    let same = |known: &Resource| {
        *known == resource || *known == Resource { address: endpoint.host.clone(), ..resource.clone() }
    };
    if !found.first().is_some_and(|known| same(known)) {
        actions.push(Action::PutResource { network: network.id.clone(), resource });
    }
    for second in found.iter().skip(1) {
        actions.push(Action::DeleteResource {
            network: network.id.clone(),
            id: second.id.clone(),
            name: second.name.clone(),
        });
    }
}

/// Why an endpoint is not led to. A Cluster's endpoint may be written by a namespace's user: with another environment's
/// address she would draw the management cluster's connections to her machines.
fn taken(mesh: &Mesh, names: &Names, endpoint: &Endpoint) -> Option<String> {
    let host = &endpoint.host;
    let name = |host: &str| {
        host.len() <= 253
            && host.split('.').all(|part| {
                !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            })
    };
    if host.parse::<IpAddr>().is_err() && !name(host) {
        return Some("the cluster's endpoint is neither an address nor a name".to_owned());
    }
    let others = mesh.networks.iter().filter(|network| network.name != names.network);
    let other = others
        .flat_map(|network| &network.resources)
        .any(|resource| resource.address == *host || resource.address == block(host));
    other.then(|| format!("another environment's network leads to {host} already"))
}

/// An address as the block that holds it alone; a name as it is.
fn block(host: &str) -> String {
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => format!("{address}/32"),
        Ok(IpAddr::V6(address)) => format!("{address}/128"),
        Err(_) => host.to_owned(),
    }
}

fn policy(
    wanted: &Wanted,
    mesh: &Mesh,
    names: &Names,
    management: Option<&str>,
    api: &str,
    endpoint: &Endpoint,
    actions: &mut Vec<Action>,
) {
    let mut found: Vec<&Policy> = mesh.policies.iter().filter(|policy| policy.name == names.api).collect();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    let kept = management.map(|management| Policy {
        id: found.first().map_or_else(String::new, |policy| policy.id.clone()),
        name: names.api.clone(),
        description: wanted.identity.mark(),
        enabled: true,
        rules: vec![Rule {
            enabled: true,
            action: "accept".to_owned(),
            bidirectional: false,
            protocol: "tcp".to_owned(),
            ports: vec![endpoint.port.to_string()],
            port_ranges: Vec::new(),
            sources: vec![management.to_owned()],
            destinations: vec![api.to_owned()],
        }],
    });
    let keep = usize::from(kept.is_some());
    if let Some(policy) = kept.filter(|policy| found.first() != Some(&policy)) {
        actions.push(Action::PutPolicy { policy });
    }
    for second in found.iter().skip(keep) {
        actions.push(Action::DeletePolicy { id: second.id.clone(), name: second.name.clone() });
    }
}

fn zone(wanted: &Wanted, mesh: &Mesh, names: &Names, management: Option<&str>, actions: &mut Vec<Action>) {
    let mut found: Vec<&Zone> = mesh.zones.iter().filter(|zone| zone.name == names.network).collect();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    let kept = match (&wanted.domain, management, &wanted.endpoint) {
        (Some(domain), Some(management), Some(endpoint)) => Some((domain, management, endpoint)),
        _ => None,
    };
    let keep = usize::from(kept.is_some());
    for second in found.iter().skip(keep) {
        remove_zone(second, actions);
    }
    let Some((domain, management, endpoint)) = kept else { return };
    let known = found.first().copied();
    let zone = Zone {
        id: known.map_or_else(String::new, |zone| zone.id.clone()),
        name: names.network.clone(),
        domain: domain.clone(),
        enabled: true,
        enable_search_domain: false,
        distribution_groups: vec![management.to_owned()],
        records: known.map_or_else(Vec::new, |zone| zone.records.clone()),
    };
    if known != Some(&zone) {
        actions.push(Action::PutZone { zone });
    }
    if let Some(known) = known {
        record(known, domain, endpoint, actions);
    }
}

fn record(zone: &Zone, domain: &str, endpoint: &Endpoint, actions: &mut Vec<Action>) {
    let name = format!("api.{domain}");
    let kind = match endpoint.host.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => "A",
        Ok(IpAddr::V6(_)) => "AAAA",
        Err(_) => "CNAME",
    };
    let wanted =
        |record: &&Record| record.name == name && record.kind == kind && record.content == endpoint.host;
    let mut found: Vec<&Record> = zone.records.iter().filter(wanted).collect();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    let kept = found.first().map(|record| record.id.as_str());
    // A name can't stand for two kinds of thing, so what is wrong goes first.
    for other in zone.records.iter().filter(|record| Some(record.id.as_str()) != kept) {
        actions.push(Action::DeleteRecord {
            zone: zone.id.clone(),
            id: other.id.clone(),
            name: other.name.clone(),
        });
    }
    if kept.is_none() {
        let record = Record {
            id: String::new(),
            name,
            kind: kind.to_owned(),
            content: endpoint.host.clone(),
            ttl: action::RECORD_SECONDS,
        };
        actions.push(Action::PutRecord { zone: zone.id.clone(), record });
    }
}

fn remove_zone(zone: &Zone, actions: &mut Vec<Action>) {
    for record in &zone.records {
        actions.push(Action::DeleteRecord {
            zone: zone.id.clone(),
            id: record.id.clone(),
            name: record.name.clone(),
        });
    }
    actions.push(Action::DeleteZone { id: zone.id.clone(), name: zone.name.clone() });
}
