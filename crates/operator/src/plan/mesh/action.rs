//! What can be done in a mesh, which request does it, and what does the mesh look like afterwards?

use serde_json::{Value, json};

use super::seen::{Group, Key, Mesh, Network, Policy, Record, Resource, Router, Rule, Zone};
use crate::peers::Call;

/// Seconds that an enrolment key is valid: a day, the least that the API takes.
pub const KEY_SECONDS: u64 = 86_400;

/// Seconds that a name may be remembered.
pub const RECORD_SECONDS: u32 = 300;

/// The metric of our routers. There is one router in each network, so any value does; this is the API's usual one.
pub const METRIC: u32 = 9999;

/// One change in a mesh.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the objects in `seen`")]
pub enum Action {
    /// Makes a group.
    CreateGroup { name: String },
    /// Removes a group to which nothing refers any more.
    DeleteGroup { id: String, name: String },
    /// Makes a one-off key for ephemeral peers, and puts it into the environment's Secret.
    Enrol { name: String, group: String },
    /// Removes a key.
    DeleteKey { id: String, name: String },
    /// Makes a network.
    CreateNetwork { name: String, description: String },
    /// Removes a network.
    DeleteNetwork { id: String, name: String },
    /// Makes a resource, or makes it what it should be when it has an id.
    PutResource { network: String, resource: Resource },
    /// Removes a resource.
    DeleteResource { network: String, id: String, name: String },
    /// Makes a router, or makes it what it should be when it has an id.
    PutRouter { network: String, router: Router },
    /// Removes a router.
    DeleteRouter { network: String, id: String },
    /// Makes a policy, or makes it what it should be when it has an id.
    PutPolicy { policy: Policy },
    /// Removes a policy.
    DeletePolicy { id: String, name: String },
    /// Makes a zone, or makes it what it should be when it has an id; not its records.
    PutZone { zone: Zone },
    /// Removes a zone.
    DeleteZone { id: String, name: String },
    /// Makes a record, or makes it what it should be when it has an id.
    PutRecord { zone: String, record: Record },
    /// Removes a record.
    DeleteRecord { zone: String, id: String, name: String },
    /// Removes a peer.
    DeletePeer { id: String, name: String },
}

impl Action {
    /// The request that does it.
    pub fn call(&self) -> Call {
        match self {
            Action::CreateGroup { name } => Call::post("/api/groups", json!({ "name": name })),
            Action::DeleteGroup { id, .. } => Call::delete(format!("/api/groups/{id}")),
            Action::Enrol { name, group } => Call::post("/api/setup-keys", key_body(name, group)),
            Action::DeleteKey { id, .. } => Call::delete(format!("/api/setup-keys/{id}")),
            Action::CreateNetwork { name, description } => {
                Call::post("/api/networks", json!({ "name": name, "description": description }))
            }
            Action::DeleteNetwork { id, .. } => Call::delete(format!("/api/networks/{id}")),
            Action::PutResource { network, resource } => {
                put(&format!("/api/networks/{network}/resources"), &resource.id, resource_body(resource))
            }
            Action::DeleteResource { network, id, .. } => {
                Call::delete(format!("/api/networks/{network}/resources/{id}"))
            }
            Action::PutRouter { network, router } => {
                put(&format!("/api/networks/{network}/routers"), &router.id, router_body(router))
            }
            Action::DeleteRouter { network, id } => {
                Call::delete(format!("/api/networks/{network}/routers/{id}"))
            }
            Action::PutPolicy { policy } => put("/api/policies", &policy.id, policy_body(policy)),
            Action::DeletePolicy { id, .. } => Call::delete(format!("/api/policies/{id}")),
            Action::PutZone { zone } => put("/api/dns/zones", &zone.id, zone_body(zone)),
            Action::DeleteZone { id, .. } => Call::delete(format!("/api/dns/zones/{id}")),
            Action::PutRecord { zone, record } => {
                put(&format!("/api/dns/zones/{zone}/records"), &record.id, record_body(record))
            }
            Action::DeleteRecord { zone, id, .. } => {
                Call::delete(format!("/api/dns/zones/{zone}/records/{id}"))
            }
            Action::DeletePeer { id, .. } => Call::delete(format!("/api/peers/{id}")),
        }
    }

    /// Whether it takes something away: then "not there" is success.
    pub fn removes(&self) -> bool {
        self.verb() == "delete"
    }

    /// `make`, `change` or `delete`, for tables.
    pub fn verb(&self) -> &'static str {
        match self {
            Action::CreateGroup { .. } | Action::Enrol { .. } | Action::CreateNetwork { .. } => "make",
            Action::PutResource { resource: Resource { id, .. }, .. }
            | Action::PutRouter { router: Router { id, .. }, .. }
            | Action::PutPolicy { policy: Policy { id, .. } }
            | Action::PutZone { zone: Zone { id, .. } }
            | Action::PutRecord { record: Record { id, .. }, .. } => {
                if id.is_empty() {
                    "make"
                } else {
                    "change"
                }
            }
            _ => "delete",
        }
    }

    /// The kind and the name of what it touches, for tables and logs.
    pub fn object(&self) -> (&'static str, String) {
        match self {
            Action::CreateGroup { name } | Action::DeleteGroup { name, .. } => ("group", name.clone()),
            Action::Enrol { name, .. } | Action::DeleteKey { name, .. } => ("enrolment key", name.clone()),
            Action::CreateNetwork { name, .. } | Action::DeleteNetwork { name, .. } => {
                ("network", name.clone())
            }
            Action::PutResource { resource, .. } => {
                ("resource", format!("{} ({})", resource.name, resource.address))
            }
            Action::DeleteResource { name, .. } => ("resource", name.clone()),
            Action::PutRouter { network, .. } | Action::DeleteRouter { network, .. } => {
                ("router", format!("of network {network}"))
            }
            Action::PutPolicy { policy } => ("policy", policy.name.clone()),
            Action::DeletePolicy { name, .. } => ("policy", name.clone()),
            Action::PutZone { zone } => ("zone", zone.domain.clone()),
            Action::DeleteZone { name, .. } => ("zone", name.clone()),
            Action::PutRecord { record, .. } => ("name", format!("{} -> {}", record.name, record.content)),
            Action::DeleteRecord { name, .. } => ("name", name.clone()),
            Action::DeletePeer { name, .. } => ("peer", name.clone()),
        }
    }

    /// What the mesh looks like once the action was carried out and answered with this id.
    pub fn absorb(&self, mesh: &mut Mesh, id: &str, now: i64) {
        match self {
            Action::CreateGroup { name } => {
                mesh.groups.push(Group { id: id.to_owned(), name: name.clone() });
            }
            Action::Enrol { name, group } => mesh.keys.push(Key {
                id: id.to_owned(),
                name: name.clone(),
                kind: "one-off".to_owned(),
                valid: true,
                used_times: 0,
                expires: crate::plan::moment::text(now + KEY_SECONDS as i64),
                ephemeral: true,
                auto_groups: vec![group.clone()],
            }),
            Action::CreateNetwork { name, description } => mesh.networks.push(Network {
                id: id.to_owned(),
                name: name.clone(),
                description: description.clone(),
                ..Network::default()
            }),
            Action::PutResource { network, resource } => {
                in_network(mesh, network, |found| store(&mut found.resources, resource, id, |r| &mut r.id));
            }
            Action::PutRouter { network, router } => {
                in_network(mesh, network, |found| store(&mut found.routers, router, id, |r| &mut r.id));
            }
            Action::PutPolicy { policy } => store(&mut mesh.policies, policy, id, |policy| &mut policy.id),
            Action::PutZone { zone } => {
                let records =
                    mesh.zones.iter().find(|known| known.id == id).map(|known| known.records.clone());
                let zone = Zone { records: records.unwrap_or_default(), ..zone.clone() };
                store(&mut mesh.zones, &zone, id, |zone| &mut zone.id);
            }
            Action::PutRecord { zone, record } => {
                if let Some(zone) = mesh.zones.iter_mut().find(|known| known.id == *zone) {
                    store(&mut zone.records, record, id, |record| &mut record.id);
                }
            }
            removal => removal.absorb_removal(mesh),
        }
    }

    fn absorb_removal(&self, mesh: &mut Mesh) {
        match self {
            Action::DeleteGroup { id, .. } => mesh.groups.retain(|group| group.id != *id),
            Action::DeleteKey { id, .. } => mesh.keys.retain(|key| key.id != *id),
            Action::DeleteNetwork { id, .. } => mesh.networks.retain(|network| network.id != *id),
            Action::DeleteResource { network, id, .. } => {
                in_network(mesh, network, |found| found.resources.retain(|resource| resource.id != *id));
            }
            Action::DeleteRouter { network, id } => {
                in_network(mesh, network, |found| found.routers.retain(|router| router.id != *id));
            }
            Action::DeletePolicy { id, .. } => mesh.policies.retain(|policy| policy.id != *id),
            Action::DeleteZone { id, .. } => mesh.zones.retain(|zone| zone.id != *id),
            Action::DeleteRecord { zone, id, .. } => {
                for zone in mesh.zones.iter_mut().filter(|known| known.id == *zone) {
                    zone.records.retain(|record| record.id != *id);
                }
            }
            Action::DeletePeer { id, .. } => mesh.peers.retain(|peer| peer.id != *id),
            _ => {}
        }
    }
}

fn in_network(mesh: &mut Mesh, id: &str, change: impl FnOnce(&mut Network)) {
    if let Some(network) = mesh.networks.iter_mut().find(|network| network.id == id) {
        change(network);
    }
}

/// Replaces the one with this id, or adds it.
fn store<T: Clone>(list: &mut Vec<T>, item: &T, id: &str, id_of: fn(&mut T) -> &mut String) {
    let mut item = item.clone();
    id_of(&mut item).replace_range(.., id);
    match list.iter_mut().position(|known| id_of(known) == id) {
        Some(place) => list[place] = item,
        None => list.push(item),
    }
}

fn put(folder: &str, id: &str, body: Value) -> Call {
    if id.is_empty() { Call::post(folder, body) } else { Call::put(format!("{folder}/{id}"), body) }
}

fn key_body(name: &str, group: &str) -> Value {
    json!({
        "name": name,
        "type": "one-off",
        "expires_in": KEY_SECONDS,
        "auto_groups": [group],
        "usage_limit": 1,
        "ephemeral": true,
    })
}

fn resource_body(resource: &Resource) -> Value {
    json!({
        "name": resource.name,
        "description": resource.description,
        "address": resource.address,
        "enabled": resource.enabled,
        "groups": resource.groups,
    })
}

fn router_body(router: &Router) -> Value {
    json!({
        "peer_groups": router.peer_groups,
        "metric": router.metric,
        "masquerade": router.masquerade,
        "enabled": router.enabled,
    })
}

fn policy_body(policy: &Policy) -> Value {
    let rule = |rule: &Rule| {
        json!({
            "name": policy.name,
            "enabled": rule.enabled,
            "action": rule.action,
            "bidirectional": rule.bidirectional,
            "protocol": rule.protocol,
            "ports": rule.ports,
            "sources": rule.sources,
            "destinations": rule.destinations,
        })
    };
    json!({
        "name": policy.name,
        "description": policy.description,
        "enabled": policy.enabled,
        "rules": policy.rules.iter().map(rule).collect::<Vec<_>>(),
    })
}

fn zone_body(zone: &Zone) -> Value {
    json!({
        "name": zone.name,
        "domain": zone.domain,
        "enabled": zone.enabled,
        "enable_search_domain": zone.enable_search_domain,
        "distribution_groups": zone.distribution_groups,
    })
}

fn record_body(record: &Record) -> Value {
    json!({ "name": record.name, "type": record.kind, "content": record.content, "ttl": record.ttl })
}
