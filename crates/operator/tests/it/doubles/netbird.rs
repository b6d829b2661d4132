//! What does NetBird's management API do? Written after its OpenAPI document and the observed semantics: a group of a
//! taken name is refused, one that something refers to can't go, names of networks and policies may repeat, a key is
//! shown once.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Double, Exchange, id};

#[derive(Default)]
pub struct NetBird {
    pub groups: BTreeMap<String, Value>,
    pub keys: BTreeMap<String, Value>,
    /// The keys themselves, by id.
    pub secrets: BTreeMap<String, String>,
    pub networks: BTreeMap<String, Value>,
    pub resources: BTreeMap<(String, String), Value>,
    pub routers: BTreeMap<(String, String), Value>,
    pub policies: BTreeMap<String, Value>,
    pub peers: BTreeMap<String, Value>,
    pub zones: BTreeMap<String, Value>,
    pub records: BTreeMap<(String, String), Value>,
    pub exchanges: Vec<Exchange>,
    /// Text that every key holds, to be searched for where keys must not be.
    pub canary: String,
    count: u64,
}

type Answer = (u16, Value);

fn refused(status: u16, message: &str) -> Answer {
    (status, json!({ "message": message, "code": status }))
}

impl Double for NetBird {
    fn exchanges(&mut self) -> &mut Vec<Exchange> {
        &mut self.exchanges
    }

    fn answer(&mut self, method: &str, path: &str, body: &Value) -> Answer {
        let path = path.strip_prefix("/api/").unwrap_or(path);
        let parts: Vec<&str> = path.split('/').collect();
        match parts.as_slice() {
            ["groups", rest @ ..] => self.group(method, rest, body),
            ["setup-keys", rest @ ..] => self.key(method, rest, body),
            ["networks", "routers"] => (200, self.routers.values().cloned().collect()),
            ["networks", network, "resources", rest @ ..] => self.resource(method, network, rest, body),
            ["networks", network, "routers", rest @ ..] => self.router(method, network, rest, body),
            ["networks", rest @ ..] => self.network(method, rest, body),
            ["policies", rest @ ..] => self.policy(method, rest, body),
            ["peers", rest @ ..] => self.peer(method, rest),
            ["dns", "zones", zone, "records", rest @ ..] => self.record(method, zone, rest, body),
            ["dns", "zones", rest @ ..] => self.zone(method, rest, body),
            _ => refused(404, "no such path"),
        }
    }
}

impl NetBird {
    /// A mesh with one group: the management cluster's.
    pub fn with_management() -> NetBird {
        let mut mesh = NetBird { canary: "CANARY-NB".to_owned(), ..NetBird::default() };
        mesh.handle("POST", "/api/groups", &json!({ "name": "management" }));
        mesh.exchanges.clear();
        mesh
    }

    /// A machine enrols with a key: refused when the key is not valid.
    pub fn enrol(&mut self, key: &str, hostname: &str) -> Result<String, String> {
        let Some((key_id, _)) = self.secrets.iter().find(|(_, secret)| *secret == key) else {
            return Err("unknown key".to_owned());
        };
        let Some(known) = self.keys.get_mut(key_id) else { return Err("deleted key".to_owned()) };
        if known["valid"] != json!(true) {
            return Err("key not valid".to_owned());
        }
        known["used_times"] = json!(known["used_times"].as_u64().unwrap() + 1);
        known["valid"] = json!(false);
        let groups: Vec<Value> = list(&known["auto_groups"]);
        let groups: Vec<Value> = groups.iter().filter_map(|id| self.minimum(id.as_str()?)).collect();
        let peer = id("peer", &mut self.count);
        let value = json!({
            "id": peer, "name": hostname, "hostname": hostname, "connected": true, "ephemeral": true,
            "last_seen": "2026-11-22T10:00:00Z", "groups": groups,
        });
        self.peers.insert(peer.clone(), value);
        Ok(peer)
    }

    /// Everything but the management group.
    pub fn leftovers(&self) -> Vec<String> {
        let name = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
        let mut found: Vec<String> = self
            .groups
            .values()
            .chain(self.keys.values())
            .chain(self.networks.values())
            .chain(self.resources.values())
            .chain(self.policies.values())
            .chain(self.peers.values())
            .chain(self.zones.values())
            .chain(self.records.values())
            .map(name)
            .filter(|name| name != "management")
            .collect();
        found.extend(self.routers.keys().map(|(network, id)| format!("router {network}/{id}")));
        found
    }

    fn minimum(&self, group: &str) -> Option<Value> {
        let name = self.groups.get(group)?["name"].clone();
        Some(json!({ "id": group, "name": name, "peers_count": 0, "resources_count": 0 }))
    }

    fn minima(&self, ids: &Value) -> Result<Vec<Value>, Answer> {
        list(ids)
            .iter()
            .map(|id| {
                let id = id.as_str().unwrap_or_default();
                self.minimum(id).ok_or_else(|| refused(404, &format!("group {id} not found")))
            })
            .collect()
    }

    fn group(&mut self, method: &str, rest: &[&str], body: &Value) -> Answer {
        match (method, rest) {
            ("GET", []) => (200, self.groups.values().cloned().collect()),
            ("POST", []) => {
                if self.groups.values().any(|group| group["name"] == body["name"]) {
                    return refused(409, "group with that name already exists");
                }
                let id = id("grp", &mut self.count);
                let group = json!({
                    "id": id, "name": body["name"], "peers_count": 0, "resources_count": 0,
                    "issued": "api", "peers": [], "resources": [],
                });
                self.groups.insert(id, group.clone());
                (200, group)
            }
            ("DELETE", [id]) => {
                if !self.groups.contains_key(*id) {
                    // As the real server does, not as its document says.
                    return refused(400, "group not found");
                }
                if self.refers_to(id) {
                    return refused(400, "group is in use");
                }
                self.groups.remove(*id);
                (200, json!({}))
            }
            _ => refused(405, "not allowed"),
        }
    }

    fn refers_to(&self, group: &str) -> bool {
        let in_list = |list: &Value| {
            super::netbird::list(list)
                .iter()
                .any(|one| one.as_str() == Some(group) || one["id"].as_str() == Some(group))
        };
        self.keys.values().any(|key| in_list(&key["auto_groups"]))
            || self.resources.values().any(|resource| in_list(&resource["groups"]))
            || self.routers.values().any(|router| in_list(&router["peer_groups"]))
            || self.zones.values().any(|zone| in_list(&zone["distribution_groups"]))
            || self.policies.values().any(|policy| {
                list(&policy["rules"])
                    .iter()
                    .any(|rule| in_list(&rule["sources"]) || in_list(&rule["destinations"]))
            })
    }

    fn key(&mut self, method: &str, rest: &[&str], body: &Value) -> Answer {
        match (method, rest) {
            ("GET", []) => (200, self.keys.values().cloned().collect()),
            ("POST", []) => {
                let seconds = body["expires_in"].as_i64().unwrap_or_default();
                if !(86_400..=31_536_000).contains(&seconds) {
                    return refused(422, "expires_in out of range");
                }
                if body["type"] == "one-off" && body["usage_limit"].as_i64().unwrap_or_default() > 1 {
                    return refused(422, "usage_limit is not valid for a one-off setup key");
                }
                if let Err(answer) = self.minima(&body["auto_groups"]) {
                    return answer;
                }
                let id = id("key", &mut self.count);
                let secret = format!("{}-{id}", self.canary);
                let key = json!({
                    "id": id, "key": "CANAR****", "name": body["name"], "type": body["type"],
                    "expires": "2099-01-01T00:00:00Z", "valid": true, "revoked": false, "used_times": 0,
                    "last_used": "0001-01-01T00:00:00Z", "state": "valid", "auto_groups": body["auto_groups"],
                    "updated_at": "2026-11-22T10:00:00Z", "usage_limit": body["usage_limit"],
                    "ephemeral": body["ephemeral"], "allow_extra_dns_labels": false,
                });
                self.keys.insert(id.clone(), key.clone());
                self.secrets.insert(id, secret.clone());
                let mut shown = key;
                shown["key"] = json!(secret);
                (200, shown)
            }
            ("DELETE", [id]) => match self.keys.remove(*id) {
                Some(_) => (200, json!({})),
                None => refused(404, "setup key not found"),
            },
            _ => refused(405, "not allowed"),
        }
    }

    fn network(&mut self, method: &str, rest: &[&str], body: &Value) -> Answer {
        match (method, rest) {
            ("GET", []) => (200, self.networks.keys().filter_map(|id| self.shown_network(id)).collect()),
            ("POST", []) => {
                let id = id("net", &mut self.count);
                let network = json!({ "id": id, "name": body["name"], "description": body["description"] });
                self.networks.insert(id.clone(), network);
                (200, self.shown_network(&id).unwrap())
            }
            ("DELETE", [id]) => {
                if self.networks.remove(*id).is_none() {
                    return refused(404, "network not found");
                }
                self.resources.retain(|(network, _), _| network != id);
                self.routers.retain(|(network, _), _| network != id);
                (200, json!({}))
            }
            _ => refused(405, "not allowed"),
        }
    }

    fn shown_network(&self, id: &str) -> Option<Value> {
        let mut network = self.networks.get(id)?.clone();
        let of = |keys: Vec<&(String, String)>| -> Value {
            keys.iter().filter(|(network, _)| network == id).map(|(_, id)| json!(id)).collect()
        };
        network["routers"] = of(self.routers.keys().collect());
        network["resources"] = of(self.resources.keys().collect());
        network["routing_peers_count"] = json!(0);
        network["policies"] = json!([]);
        Some(network)
    }

    fn resource(&mut self, method: &str, network: &str, rest: &[&str], body: &Value) -> Answer {
        if !self.networks.contains_key(network) {
            return refused(404, "network not found");
        }
        let place = |id: &str| (network.to_owned(), id.to_owned());
        match (method, rest) {
            ("GET", []) => {
                let ours = self.resources.iter().filter(|((known, _), _)| known == network);
                (200, ours.map(|(_, resource)| resource.clone()).collect())
            }
            ("POST", []) | ("PUT", [_]) => {
                let own = rest.first().map(|id| place(id));
                if own.as_ref().is_some_and(|own| !self.resources.contains_key(own)) {
                    return refused(404, "resource not found");
                }
                let taken = |(key, known): (&(String, String), &Value)| {
                    known["name"] == body["name"] && Some(key) != own.as_ref()
                };
                if self.resources.iter().any(taken) {
                    return refused(422, "resource with that name already exists");
                }
                let groups = match self.minima(&body["groups"]) {
                    Ok(groups) => groups,
                    Err(answer) => return answer,
                };
                let key = own.unwrap_or_else(|| place(&id("res", &mut self.count)));
                let resource = json!({
                    "id": key.1, "type": kind(&body["address"]), "name": body["name"], "description": body["description"],
                    "address": body["address"], "enabled": body["enabled"], "groups": groups,
                });
                self.resources.insert(key, resource.clone());
                (200, resource)
            }
            ("DELETE", [id]) => match self.resources.remove(&place(id)) {
                Some(_) => (200, json!({})),
                None => refused(404, "resource not found"),
            },
            _ => refused(405, "not allowed"),
        }
    }

    fn router(&mut self, method: &str, network: &str, rest: &[&str], body: &Value) -> Answer {
        if !self.networks.contains_key(network) {
            return refused(404, "network not found");
        }
        let place = |id: &str| (network.to_owned(), id.to_owned());
        match (method, rest) {
            ("POST", []) | ("PUT", [_]) => {
                let own = rest.first().map(|id| place(id));
                if own.as_ref().is_some_and(|own| !self.routers.contains_key(own)) {
                    return refused(404, "router not found");
                }
                if let Err(answer) = self.minima(&body["peer_groups"]) {
                    return answer;
                }
                if !(1..=9999).contains(&body["metric"].as_i64().unwrap_or_default()) {
                    return refused(422, "metric out of range");
                }
                let key = own.unwrap_or_else(|| place(&id("rtr", &mut self.count)));
                let mut router = body.clone();
                router["id"] = json!(key.1);
                self.routers.insert(key, router.clone());
                (200, router)
            }
            ("DELETE", [id]) => match self.routers.remove(&place(id)) {
                Some(_) => (200, json!({})),
                None => refused(404, "router not found"),
            },
            _ => refused(405, "not allowed"),
        }
    }

    fn policy(&mut self, method: &str, rest: &[&str], body: &Value) -> Answer {
        match (method, rest) {
            ("GET", []) => (200, self.policies.values().cloned().collect()),
            ("POST", []) | ("PUT", [_]) => {
                if rest.first().is_some_and(|id| !self.policies.contains_key(*id)) {
                    return refused(404, "policy not found");
                }
                let mut rules = list(&body["rules"]);
                for rule in &mut rules {
                    for side in ["sources", "destinations"] {
                        match self.minima(&rule[side]) {
                            Ok(groups) => rule[side] = json!(groups),
                            Err(answer) => return answer,
                        }
                    }
                }
                // The real server gives all rules the policy's id, and keeps the last.
                rules.drain(..rules.len().saturating_sub(1));
                let id = rest.first().map_or_else(|| id("pol", &mut self.count), |id| (*id).to_owned());
                let policy = json!({
                    "id": id, "name": body["name"], "description": body["description"],
                    "enabled": body["enabled"], "rules": rules, "source_posture_checks": [],
                });
                self.policies.insert(id, policy.clone());
                (200, policy)
            }
            ("DELETE", [id]) => match self.policies.remove(*id) {
                Some(_) => (200, json!({})),
                None => refused(404, "policy not found"),
            },
            _ => refused(405, "not allowed"),
        }
    }

    fn peer(&mut self, method: &str, rest: &[&str]) -> Answer {
        match (method, rest) {
            ("GET", []) => (200, self.peers.values().cloned().collect()),
            ("DELETE", [id]) => match self.peers.remove(*id) {
                Some(_) => (200, json!({})),
                None => refused(404, "peer not found"),
            },
            _ => refused(405, "not allowed"),
        }
    }

    fn zone(&mut self, method: &str, rest: &[&str], body: &Value) -> Answer {
        match (method, rest) {
            ("GET", []) => (200, self.zones.keys().filter_map(|id| self.shown_zone(id)).collect()),
            ("POST", []) | ("PUT", [_]) => {
                if rest.first().is_some_and(|id| !self.zones.contains_key(*id)) {
                    return refused(404, "zone not found");
                }
                let own = rest.first().copied();
                let taken = |(key, known): (&String, &Value)| {
                    known["domain"] == body["domain"] && Some(key.as_str()) != own
                };
                if self.zones.iter().any(taken) {
                    return refused(409, "zone with that domain already exists");
                }
                if let Err(answer) = self.minima(&body["distribution_groups"]) {
                    return answer;
                }
                let id = own.map_or_else(|| id("zone", &mut self.count), str::to_owned);
                let mut zone = body.clone();
                zone["id"] = json!(id);
                self.zones.insert(id.clone(), zone);
                (200, self.shown_zone(&id).unwrap())
            }
            ("DELETE", [id]) => {
                if self.zones.remove(*id).is_none() {
                    return refused(404, "zone not found");
                }
                self.records.retain(|(zone, _), _| zone != id);
                (200, json!({}))
            }
            _ => refused(405, "not allowed"),
        }
    }

    fn shown_zone(&self, id: &str) -> Option<Value> {
        let mut zone = self.zones.get(id)?.clone();
        let records = self.records.iter().filter(|((known, _), _)| known == id);
        zone["records"] = records.map(|(_, record)| record.clone()).collect();
        Some(zone)
    }

    fn record(&mut self, method: &str, zone: &str, rest: &[&str], body: &Value) -> Answer {
        let Some(domain) = self.zones.get(zone).map(|zone| zone["domain"].clone()) else {
            return refused(404, "zone not found");
        };
        match (method, rest) {
            ("POST", []) => {
                let name = body["name"].as_str().unwrap_or_default();
                if !name.ends_with(domain.as_str().unwrap_or_default()) {
                    return refused(422, "record is not in the zone");
                }
                let id = id("rec", &mut self.count);
                let mut record = body.clone();
                record["id"] = json!(id);
                self.records.insert((zone.to_owned(), id), record.clone());
                (200, record)
            }
            ("DELETE", [id]) => match self.records.remove(&(zone.to_owned(), (*id).to_owned())) {
                Some(_) => (200, json!({})),
                None => refused(404, "record not found"),
            },
            _ => refused(405, "not allowed"),
        }
    }
}

/// What an address is: one host, several, or a name.
fn kind(address: &Value) -> &'static str {
    let address = address.as_str().unwrap_or_default();
    let (host, length) = address.split_once('/').unwrap_or((address, ""));
    match host.parse::<std::net::IpAddr>() {
        Err(_) => "domain",
        Ok(host) if length.is_empty() || length == if host.is_ipv4() { "32" } else { "128" } => "host",
        Ok(_) => "subnet",
    }
}

/// The items of a list; none for anything else.
pub fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}
