//! What does Warpgate's administration do? Written after its OpenAPI document and the observed semantics: names are
//! unique, the kind of a target can't be changed, a role given twice is refused, answers hold credentials in clear.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Double, Exchange};

#[derive(Default)]
pub struct Warpgate {
    pub roles: BTreeMap<String, Value>,
    pub targets: BTreeMap<String, Value>,
    pub users: BTreeMap<String, Value>,
    /// User and role, with the end.
    pub grants: BTreeMap<(String, String), Value>,
    /// Target and role.
    pub uses: Vec<(String, String)>,
    pub tickets: BTreeMap<String, Value>,
    pub requests: BTreeMap<String, Value>,
    pub recordings: bool,
    /// Whether people may not ask for tickets.
    pub no_asking: bool,
    pub exchanges: Vec<Exchange>,
    count: u64,
}

type Answer = (u16, Value);

fn text(seconds: i64) -> String {
    intramuros_operator::plan::moment::text(seconds)
}

fn refused(status: u16) -> Answer {
    (status, Value::Null)
}

impl Double for Warpgate {
    fn exchanges(&mut self) -> &mut Vec<Exchange> {
        &mut self.exchanges
    }

    fn answer(&mut self, method: &str, path: &str, body: &Value) -> Answer {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match (method, parts.as_slice()) {
            ("GET", ["parameters"]) => (200, self.parameters()),
            ("GET", ["ssh", "own-keys"]) => {
                let key = json!({
                    "id": self.uuid_at(0), "label": "default", "kind": "ssh-ed25519", "is_default": true,
                    "public_key": "ssh-ed25519 AAAABASTION", "public_key_base64": "AAAABASTION",
                });
                (200, json!([key]))
            }
            (_, ["roles"] | ["role", _]) => {
                self.role(method, parts.get(1).copied().filter(|_| parts[0] == "role"), body)
            }
            (_, ["targets", target, "roles", role]) => self.allow(method, target, role),
            (_, ["targets", rest @ ..]) => self.target(method, rest, body),
            ("GET", ["tickets"]) => (200, self.tickets.values().cloned().collect()),
            ("DELETE", ["tickets", ticket]) => self.withdraw(ticket),
            ("GET", ["ticket-requests"]) => (200, self.requests.values().cloned().collect()),
            ("POST", ["ticket-requests", request, "deny"]) => self.decide(request, "Denied", None, body),
            ("GET", ["users"]) => (200, self.users.values().cloned().collect()),
            ("GET", ["users", user, "roles"]) => (200, self.roles_of(user)),
            (_, ["users", user, "roles", role]) => self.grant(method, user, role, body),
            _ => refused(404),
        }
    }
}

impl Warpgate {
    /// A bastion that records, with these people.
    pub fn with_people(names: &[&str]) -> Warpgate {
        let mut bastion = Warpgate { recordings: true, ..Warpgate::default() };
        for name in names {
            bastion.person(name);
        }
        bastion
    }

    /// A person gets an account.
    pub fn person(&mut self, name: &str) {
        let id = self.uuid();
        self.users.insert(id.clone(), json!({ "id": id, "username": name, "description": "" }));
    }

    /// A person's account gets another name.
    pub fn rename(&mut self, before: &str, after: &str) {
        for user in self.users.values_mut().filter(|user| user["username"] == before) {
            user["username"] = json!(after);
        }
    }

    /// Names of people who may use a target, in order.
    pub fn who_may_use(&self, target: &str) -> Vec<String> {
        let Some((id, _)) = self.targets.iter().find(|(_, known)| known["name"] == target) else {
            return Vec::new();
        };
        let roles: Vec<&String> =
            self.uses.iter().filter(|(known, _)| known == id).map(|(_, role)| role).collect();
        let mut names: Vec<String> = self
            .grants
            .keys()
            .filter(|(_, role)| roles.contains(&role))
            .filter_map(|(user, _)| Some(self.users.get(user)?["username"].as_str()?.to_owned()))
            .collect();
        names.sort();
        names
    }

    /// Everything but people.
    pub fn leftovers(&self) -> Vec<String> {
        let name = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
        let mut found: Vec<String> = self.roles.values().chain(self.targets.values()).map(name).collect();
        found.extend(self.grants.keys().map(|(user, role)| format!("grant {user} {role}")));
        found.extend(self.tickets.keys().map(|id| format!("ticket {id}")));
        found
    }

    fn parameters(&self) -> Value {
        json!({
            "recordings_enable": self.recordings,
            "ticket_self_service_enabled": !self.no_asking,
            "ticket_request_show_all_targets": true,
        })
    }

    /// Somebody asks for a ticket, until the moment `now` plus `seconds`; gives the request.
    pub fn ask(&mut self, person: &str, target: &str, now: i64) -> String {
        let id = self.uuid();
        let request = json!({
            "id": id, "user_id": self.user_of(person), "target_id": self.target_of(target),
            "requested_duration_seconds": null, "description": "", "status": "Pending",
            "resolved_by_user_id": null, "ticket_id": null, "created": text(now), "resolved_at": null,
            "deny_reason": null,
        });
        self.requests.insert(id.clone(), request);
        id
    }

    /// Somebody approves a request.
    pub fn approve(&mut self, request: &str, by: &str) {
        let by = self.user_of(by);
        self.decide(request, "Approved", Some(by), &Value::Null);
    }

    /// Whoever asked takes the ticket.
    pub fn take(&mut self, request: &str, now: i64, seconds: i64) -> String {
        let asked = self.requests[request].clone();
        assert_eq!(asked["status"], "Approved");
        let id = self.ticket(asked["user_id"].clone(), asked["target_id"].clone(), now, seconds, true);
        self.requests.get_mut(request).unwrap()["ticket_id"] = json!(id);
        id
    }

    /// An administrator gives a ticket by hand.
    pub fn give(&mut self, person: &str, target: &str, now: i64, seconds: i64) -> String {
        let (user, target) = (json!(self.user_of(person)), json!(self.target_of(target)));
        self.ticket(user, target, now, seconds, false)
    }

    fn ticket(&mut self, user: Value, target: Value, now: i64, seconds: i64, own: bool) -> String {
        let id = self.uuid();
        let name =
            |map: &BTreeMap<String, Value>, id: &Value, key: &str| map[id.as_str().unwrap()][key].clone();
        let ticket = json!({
            "id": id, "user_id": user, "username": name(&self.users, &user, "username"),
            "description": "", "target_id": target, "target": name(&self.targets, &target, "name"),
            "uses_left": null, "self_service": own, "expiry": text(now + seconds), "created": text(now),
        });
        self.tickets.insert(id.clone(), ticket);
        id
    }

    fn user_of(&self, name: &str) -> String {
        self.users.iter().find(|(_, user)| user["username"] == name).unwrap().0.clone()
    }

    fn target_of(&self, name: &str) -> String {
        self.targets.iter().find(|(_, target)| target["name"] == name).unwrap().0.clone()
    }

    fn withdraw(&mut self, ticket: &str) -> Answer {
        if self.tickets.remove(ticket).is_none() {
            return refused(404);
        }
        self.requests.retain(|_, request| request["ticket_id"] != *ticket);
        refused(204)
    }

    fn decide(&mut self, request: &str, status: &str, by: Option<String>, body: &Value) -> Answer {
        match self.requests.get_mut(request).filter(|request| request["status"] == "Pending") {
            Some(request) => {
                request["status"] = json!(status);
                request["resolved_by_user_id"] = json!(by);
                request["deny_reason"] = body["reason"].clone();
                (200, request.clone())
            }
            None => refused(404),
        }
    }

    fn uuid(&mut self) -> String {
        self.count += 1;
        self.uuid_at(self.count)
    }

    fn uuid_at(&self, count: u64) -> String {
        format!("00000000-0000-4000-8000-{count:012}")
    }

    fn role(&mut self, method: &str, id: Option<&str>, body: &Value) -> Answer {
        match (method, id) {
            ("GET", None) => (200, self.roles.values().cloned().collect()),
            ("POST", None) => {
                if self.roles.values().any(|role| role["name"] == body["name"]) {
                    return refused(409);
                }
                let id = self.uuid();
                let role = json!({
                    "id": id, "name": body["name"], "is_default": false,
                    "description": body["description"].as_str().unwrap_or_default(),
                });
                self.roles.insert(id, role.clone());
                (201, role)
            }
            ("PUT", Some(id)) => {
                let Some(role) = self.roles.get_mut(id) else { return refused(404) };
                role["name"] = body["name"].clone();
                role["description"] = body["description"].clone();
                (200, role.clone())
            }
            ("DELETE", Some(id)) => {
                if self.roles.remove(id).is_none() {
                    return refused(404);
                }
                self.grants.retain(|(_, role), _| role != id);
                self.uses.retain(|(_, role)| role != id);
                (204, Value::Null)
            }
            _ => refused(405),
        }
    }

    fn target(&mut self, method: &str, rest: &[&str], body: &Value) -> Answer {
        match (method, rest) {
            ("GET", []) => (200, self.targets.keys().filter_map(|id| self.shown(id)).collect()),
            ("POST", []) | ("PUT", [_]) => {
                let own = rest.first().copied();
                if own.is_some_and(|id| !self.targets.contains_key(id)) {
                    return refused(404);
                }
                let taken = |(key, known): (&String, &Value)| {
                    known["name"] == body["name"] && Some(key.as_str()) != own
                };
                if self.targets.iter().any(taken) {
                    return (409, json!("Name already exists"));
                }
                let kind = |value: &Value| value["options"]["kind"].clone();
                if own.is_some_and(|id| kind(&self.targets[id]) != kind(body)) {
                    return refused(400);
                }
                let id = own.map_or_else(|| self.uuid(), str::to_owned);
                let mut target = body.clone();
                target["id"] = json!(id);
                for (field, value) in [
                    ("description", json!("")),
                    ("ticket_requests_disabled", json!(false)),
                    ("ticket_require_approval", json!(false)),
                ] {
                    if target[field].is_null() {
                        target[field] = value;
                    }
                }
                if target["ticket_max_duration_seconds"].is_null() {
                    target.as_object_mut().unwrap().remove("ticket_max_duration_seconds");
                }
                self.targets.insert(id.clone(), target);
                (if own.is_some() { 200 } else { 201 }, self.shown(&id).unwrap())
            }
            ("DELETE", [id]) => {
                if self.targets.remove(*id).is_none() {
                    return refused(404);
                }
                self.uses.retain(|(target, _)| target != id);
                self.tickets.retain(|_, ticket| ticket["target_id"] != **id);
                self.requests.retain(|_, request| request["target_id"] != **id);
                (204, Value::Null)
            }
            _ => refused(405),
        }
    }

    fn shown(&self, id: &str) -> Option<Value> {
        let mut target = self.targets.get(id)?.clone();
        let roles = self.uses.iter().filter(|(known, _)| known == id);
        target["allow_roles"] =
            roles.filter_map(|(_, role)| Some(self.roles.get(role)?["name"].clone())).collect();
        Some(target)
    }

    fn allow(&mut self, method: &str, target: &str, role: &str) -> Answer {
        let pair = (target.to_owned(), role.to_owned());
        match method {
            "POST" if !self.targets.contains_key(target) || !self.roles.contains_key(role) => refused(404),
            "POST" if self.uses.contains(&pair) => refused(409),
            "POST" => {
                self.uses.push(pair);
                refused(201)
            }
            "DELETE" if self.uses.contains(&pair) => {
                self.uses.retain(|known| *known != pair);
                refused(204)
            }
            _ => refused(404),
        }
    }

    fn assignment(&self, role: &str, end: &Value) -> Value {
        let mut shown = self.roles.get(role).cloned().unwrap_or_default();
        if let Some(shown) = shown.as_object_mut() {
            shown.remove("is_default");
        }
        if !end.is_null() {
            shown["expires_at"] = end.clone();
        }
        shown["is_expired"] = json!(false);
        shown["is_active"] = json!(true);
        shown
    }

    fn roles_of(&self, user: &str) -> Value {
        let held = self.grants.iter().filter(|((known, _), _)| known == user);
        held.map(|((_, role), end)| self.assignment(role, end)).collect()
    }

    fn grant(&mut self, method: &str, user: &str, role: &str, body: &Value) -> Answer {
        let pair = (user.to_owned(), role.to_owned());
        let known = self.grants.contains_key(&pair);
        match method {
            "POST" if !self.users.contains_key(user) || !self.roles.contains_key(role) => refused(404),
            "POST" if known => refused(409),
            "POST" | "PUT" if method == "POST" || known => {
                self.grants.insert(pair, body["expires_at"].clone());
                let status = if method == "POST" { 201 } else { 200 };
                (status, self.assignment(role, &body["expires_at"]))
            }
            "DELETE" if known => {
                self.grants.remove(&pair);
                refused(204)
            }
            _ => refused(404),
        }
    }
}
