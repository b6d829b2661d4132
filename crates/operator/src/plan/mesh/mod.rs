//! What must be done in the mesh so that the management cluster, and nobody else, reaches an environment's API server?
//!
//! Two groups (the machines that lead in, and what they lead to), a one-off key as long as a machine is still to come,
//! a network with one router and one resource, a policy on the API server's port, and a name. Where the bastion is in the
//! mesh too, one more group and policy for what it leads to. Removal goes the other way round, since a group is refused
//! while anything refers to it.

pub mod action;
pub mod seen;
mod ways;

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

pub use action::Action;
use seen::{Mesh, Network, Peer, Record, Router, Zone};

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
    /// What each machine of the control plane may be called, as far as there are any.
    pub machines: Vec<Vec<String>>,
    /// How many machines the control plane shall have.
    pub replicas: usize,
    /// The id of the key that lies in the environment's Secret.
    pub stored_key: Option<String>,
    /// What the bastion's own peers reach; none where they have another way.
    pub bastion: Option<Bastion>,
    /// The domain of the environment's own names (`prod.shop.env.example.org`).
    pub domain: Option<String>,
    /// Now, in seconds since 1970.
    pub now: i64,
}

/// What a bastion reaches through the mesh: every machine by SSH, and the API server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bastion {
    /// The group of its peers, by name.
    pub group: String,
    /// Names and addresses of machines.
    pub machines: Vec<(String, String)>,
}

/// Where an API server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// An address or a name.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    /// Host and port, an IPv6 address in brackets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.parse::<IpAddr>() {
            Ok(IpAddr::V6(address)) => write!(formatter, "[{address}]:{}", self.port),
            _ => write!(formatter, "{}:{}", self.host, self.port),
        }
    }
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
    machines: String,
    bastion: String,
    bastion_api: String,
}

impl Names {
    fn of(prefix: &str) -> Names {
        Names {
            routers: format!("{prefix}-routers"),
            api: format!("{prefix}-api"),
            keys: format!("{prefix}-nodes"),
            network: prefix.to_owned(),
            machines: format!("{prefix}-machines"),
            bastion: format!("{prefix}-bastion"),
            bastion_api: format!("{prefix}-bastion-api"),
        }
    }
}

/// What must be done for an environment.
pub fn plan(wanted: &Wanted, mesh: &Mesh) -> Plan {
    let names = Names::of(&wanted.identity.prefix());
    let mut actions = Vec::new();
    let machines = wanted.bastion.as_ref().map(|_| &names.machines);
    for name in [&names.routers, &names.api].into_iter().chain(machines) {
        if mesh.group(name).is_none() {
            actions.push(Action::CreateGroup { name: name.clone() });
        }
    }
    let enrolling = enrolling(wanted, mesh);
    let (Some(routers), Some(api), true) =
        (mesh.group(&names.routers), mesh.group(&names.api), actions.is_empty())
    else {
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
    let mut waiting = None;
    ways::open(wanted, mesh, &names, network, api, &mut waiting, &mut actions);
    zone(wanted, mesh, &names, management, &mut actions);
    Plan { actions, waiting, enrolling }
}

/// What must be done so that nothing whose names begin with `prefix` stays in the mesh.
pub fn removal(prefix: &str, mesh: &Mesh) -> Vec<Action> {
    let names = Names::of(prefix);
    let mut actions = Vec::new();
    let policies = [&names.api, &names.bastion, &names.bastion_api];
    for policy in mesh.policies.iter().filter(|policy| policies.contains(&&policy.name)) {
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
    let ours = [&names.routers, &names.api, &names.machines];
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
        ["-routers", "-bastion-api", "-api", "-nodes", "-machines", "-bastion"]
            .iter()
            .find_map(|end| name.strip_suffix(end))
            .unwrap_or(name)
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
    let here = |machine: &Vec<String>| mesh.peers.iter().any(|peer| is_machine(peer, machine));
    wanted.machines.len() < wanted.replicas || !wanted.machines.iter().all(here)
}

/// Whether a peer is a machine, by one of its names.
fn is_machine(peer: &Peer, machine: &[String]) -> bool {
    let hosts = [&peer.hostname, &peer.name];
    machine.iter().any(|name| hosts.iter().any(|host| is_host(host, name)))
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
        let machine = wanted.machines.iter().any(|machine| is_machine(peer, machine));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_written_as_an_address_of_the_web_is() {
        let check = |host: &str, expected: &str| {
            assert_eq!(Endpoint { host: host.to_owned(), port: 6443 }.to_string(), expected);
        };
        check("10.0.0.9", "10.0.0.9:6443");
        check("fd00::9", "[fd00::9]:6443");
        check("api.inner", "api.inner:6443");
    }
}
