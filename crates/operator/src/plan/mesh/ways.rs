//! What is led to through a mesh, and for whom? The API server for the management cluster; for the bastion, where it is in
//! the mesh, the API server and every machine by SSH.

use std::net::IpAddr;

use super::seen::{Mesh, Network, Policy, Resource, Rule};
use super::{Action, Names, Wanted};
use crate::words::say;

/// The port of SSH on machines.
const SSH: u16 = 22;

/// One thing that is led to.
struct Way<'a> {
    name: String,
    host: &'a str,
    group: &'a str,
}

/// Plans resources and policies. `waiting` gets the first reason why not everything can be led to.
pub(super) fn open(
    wanted: &Wanted,
    mesh: &Mesh,
    names: &Names,
    network: &Network,
    api: &str,
    waiting: &mut Option<String>,
    actions: &mut Vec<Action>,
) {
    let mut ways = Vec::new();
    let mut say_once = |why: Option<String>| {
        let none = why.is_none();
        *waiting = waiting.take().or(why);
        none
    };
    let endpoint = wanted.endpoint.as_ref();
    let endpoint = endpoint.filter(|endpoint| say_once(taken(mesh, names, &endpoint.host)));
    ways.extend(endpoint.map(|endpoint| Way { name: names.api.clone(), host: &endpoint.host, group: api }));
    let group = |name: &str, field: &str| match mesh.group(name) {
        Some(id) => Ok(id),
        None => Err(say!(
            "le réseau privé n'a pas de groupe '{name}' ({field})",
            "the mesh has no group '{name}' ({field})"
        )),
    };
    let management = group(&wanted.management_group, "managementGroup");
    say_once(management.clone().err());
    let to_api = |source: &str| endpoint.map(|endpoint| rule(endpoint.port, source, api));
    let from_management = management.ok().and_then(to_api);

    let (mut to_machines, mut bastion_to_api) = (None, None);
    let machines = mesh.group(&names.machines);
    if let (Some(bastion), Some(machines)) = (&wanted.bastion, machines) {
        for (name, address) in &bastion.machines {
            if say_once(taken(mesh, names, address)) {
                let name = format!("{}-machine-{name}", names.network);
                ways.push(Way { name, host: address, group: machines });
            }
        }
        let peers = group(&bastion.group, "bastionGroup");
        say_once(peers.clone().err());
        if let Ok(peers) = peers {
            to_machines = Some(rule(SSH, peers, machines));
            bastion_to_api = to_api(peers);
        }
    }
    // Policies that go, go first: between two writes nothing is open that is not declared.
    policy(wanted, mesh, &names.bastion, to_machines, actions);
    if endpoint.is_some() || wanted.bastion.is_none() {
        policy(wanted, mesh, &names.bastion_api, bastion_to_api, actions);
    }
    // What stands for the API server stays as it is while nobody can say where that is.
    let untouched = endpoint.is_none().then_some(names.api.as_str());
    resources(wanted, network, &ways, untouched, actions);
    if endpoint.is_some() {
        policy(wanted, mesh, &names.api, from_management, actions);
    }
    if let Some(id) = machines.filter(|_| wanted.bastion.is_none()) {
        actions.push(Action::DeleteGroup { id: id.to_owned(), name: names.machines.clone() });
    }
}

fn rule(port: u16, source: &str, destination: &str) -> Rule {
    Rule {
        enabled: true,
        action: "accept".to_owned(),
        bidirectional: false,
        protocol: "tcp".to_owned(),
        ports: vec![port.to_string()],
        port_ranges: Vec::new(),
        sources: vec![source.to_owned()],
        destinations: vec![destination.to_owned()],
    }
}

fn resources(
    wanted: &Wanted,
    network: &Network,
    ways: &[Way],
    untouched: Option<&str>,
    actions: &mut Vec<Action>,
) {
    let remove = |resource: &Resource| Action::DeleteResource {
        network: network.id.clone(),
        id: resource.id.clone(),
        name: resource.name.clone(),
    };
    let other = |resource: &&Resource| {
        untouched != Some(resource.name.as_str()) && !ways.iter().any(|way| way.name == resource.name)
    };
    actions.extend(network.resources.iter().filter(other).map(remove));
    for way in ways {
        let mut found: Vec<&Resource> =
            network.resources.iter().filter(|resource| resource.name == way.name).collect();
        found.sort_by(|a, b| a.id.cmp(&b.id));
        let resource = Resource {
            id: found.first().map_or_else(String::new, |resource| resource.id.clone()),
            name: way.name.clone(),
            description: wanted.identity.mark(),
            address: block(way.host),
            enabled: true,
            groups: vec![way.group.to_owned()],
        };
        // The API writes an address back as a block, or as it was given.
        let as_given = Resource { address: way.host.to_owned(), ..resource.clone() };
        if !found.first().is_some_and(|known| **known == resource || **known == as_given) {
            actions.push(Action::PutResource { network: network.id.clone(), resource });
        }
        actions.extend(found.into_iter().skip(1).map(remove));
    }
}

/// One policy of a name with this rule; none without. One rule each: the server gives all rules of a policy one id, and
/// keeps the last.
fn policy(wanted: &Wanted, mesh: &Mesh, name: &str, rule: Option<Rule>, actions: &mut Vec<Action>) {
    let mut found: Vec<&Policy> = mesh.policies.iter().filter(|policy| policy.name == name).collect();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    let keep = usize::from(rule.is_some());
    let policy = rule.map(|rule| Policy {
        id: found.first().map_or_else(String::new, |policy| policy.id.clone()),
        name: name.to_owned(),
        description: wanted.identity.mark(),
        enabled: true,
        rules: vec![rule],
    });
    if let Some(policy) = policy.filter(|policy| found.first() != Some(&policy)) {
        actions.push(Action::PutPolicy { policy });
    }
    for second in found.iter().skip(keep) {
        actions.push(Action::DeletePolicy { id: second.id.clone(), name: second.name.clone() });
    }
}

/// Why a host is not led to. A Cluster's endpoint and a Machine's address may be written by a namespace's user: with
/// another environment's address she would draw connections to her machines.
fn taken(mesh: &Mesh, names: &Names, host: &str) -> Option<String> {
    let name = |host: &str| {
        host.len() <= 253
            && host.split('.').all(|part| {
                !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            })
    };
    if host.parse::<IpAddr>().is_err() && !name(host) {
        return Some(say!(
            "un point d'accès de la grappe n'est ni une adresse ni un nom",
            "an endpoint of the cluster is neither an address nor a name"
        ));
    }
    let others = mesh.networks.iter().filter(|network| network.name != names.network);
    let other = others
        .flat_map(|network| &network.resources)
        .any(|resource| resource.address == host || resource.address == block(host));
    other.then(|| {
        say!(
            "le réseau d'un autre environnement mène déjà à {host}",
            "another environment's network leads to {host} already"
        )
    })
}

/// An address as the block that holds it alone; a name as it is.
fn block(host: &str) -> String {
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => format!("{address}/32"),
        Ok(IpAddr::V6(address)) => format!("{address}/128"),
        Err(_) => host.to_owned(),
    }
}
