//! What can be done at a bastion, which request does it, and what does the bastion look like afterwards?

use serde_json::{Value, json};

use super::Access;
use super::seen::{Bastion, Grant, Options, Role, Target};
use crate::peers::Call;
use crate::plan::moment;

/// What somebody reads whose request is denied.
const DENIED: &str = "the environment does not let you ask for tickets / l'environnement ne vous permet pas de demander de ticket";

/// One change at a bastion.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the objects in `seen`")]
pub enum Action {
    /// Makes a role, or takes it over when it has an id.
    PutRole { role: Role },
    /// Removes a role.
    DeleteRole { id: String, name: String },
    /// Makes a target, or makes it what it should be when it has an id.
    PutTarget { target: Target, access: Access },
    /// Removes a target.
    DeleteTarget { id: String, name: String },
    /// Lets a role use a target.
    Allow { target: String, role: Role, name: String },
    /// Stops a role from using a target.
    Forbid { target: String, role: Role, name: String },
    /// Gives a person a role.
    Grant { grant: Grant, name: String },
    /// Changes until when a person has a role.
    Change { grant: Grant, name: String },
    /// Takes a role from a person.
    Revoke { grant: Grant, name: String },
    /// Takes a ticket from whoever holds it.
    Withdraw { ticket: String, name: String },
    /// Denies a request for a ticket.
    Deny { request: String, name: String },
}

impl Action {
    /// The request that does it.
    pub fn call(&self) -> Call {
        match self {
            Action::PutRole { role } => {
                let body = json!({ "name": role.name, "description": role.description, "is_default": false });
                if role.id.is_empty() {
                    Call::post("/roles", body)
                } else {
                    Call::put(format!("/role/{}", role.id), body)
                }
            }
            Action::DeleteRole { id, .. } => Call::delete(format!("/role/{id}")),
            Action::PutTarget { target, access } => {
                let body = target_body(target, access);
                if target.id.is_empty() {
                    Call::post("/targets", body)
                } else {
                    Call::put(format!("/targets/{}", target.id), body)
                }
            }
            Action::DeleteTarget { id, .. } => Call::delete(format!("/targets/{id}")),
            Action::Allow { target, role, .. } => {
                Call::post(format!("/targets/{target}/roles/{}", role.id), Value::Null)
            }
            Action::Forbid { target, role, .. } => {
                Call::delete(format!("/targets/{target}/roles/{}", role.id))
            }
            Action::Grant { grant, .. } => Call::post(grant_path(grant), grant_body(grant)),
            Action::Change { grant, .. } => Call::put(grant_path(grant), grant_body(grant)),
            Action::Revoke { grant, .. } => Call::delete(grant_path(grant)),
            Action::Withdraw { ticket, .. } => Call::delete(format!("/tickets/{ticket}")),
            Action::Deny { request, .. } => {
                Call::post(format!("/ticket-requests/{request}/deny"), json!({ "reason": DENIED }))
            }
        }
    }

    /// Whether it takes something away: then "not there" is success.
    pub fn removes(&self) -> bool {
        // A request that is not pending any more was decided by a person: that is no success, the bastion is looked at.
        self.verb() == "delete" && !matches!(self, Action::Deny { .. })
    }

    /// Whether "there already" is success: being allowed twice is being allowed.
    pub fn repeatable(&self) -> bool {
        matches!(self, Action::Allow { .. })
    }

    /// `make`, `change` or `delete`, for tables.
    pub fn verb(&self) -> &'static str {
        match self {
            Action::PutRole { role: Role { id, .. } }
            | Action::PutTarget { target: Target { id, .. }, .. } => {
                if id.is_empty() {
                    "make"
                } else {
                    "change"
                }
            }
            Action::Allow { .. } | Action::Grant { .. } => "make",
            Action::Change { .. } => "change",
            _ => "delete",
        }
    }

    /// The kind and the name of what it touches, for tables and logs.
    pub fn object(&self) -> (&'static str, String) {
        match self {
            Action::PutRole { role } => ("role", role.name.clone()),
            Action::DeleteRole { name, .. } => ("role", name.clone()),
            Action::PutTarget { target, .. } => ("target", target.name.clone()),
            Action::DeleteTarget { name, .. } => ("target", name.clone()),
            Action::Allow { role, name, .. } | Action::Forbid { role, name, .. } => {
                ("use of target", format!("{name} by {}", role.name))
            }
            Action::Grant { name, .. } | Action::Change { name, .. } | Action::Revoke { name, .. } => {
                ("access", name.clone())
            }
            Action::Withdraw { name, .. } => ("ticket", name.clone()),
            Action::Deny { name, .. } => ("request for a ticket", name.clone()),
        }
    }

    /// What the bastion looks like once the action was carried out and answered with this id.
    pub fn absorb(&self, bastion: &mut Bastion, id: &str) {
        match self {
            Action::PutRole { role } => {
                bastion.roles.retain(|known| known.id != id);
                bastion.roles.push(Role { id: id.to_owned(), ..role.clone() });
            }
            Action::DeleteRole { id, name } => {
                bastion.roles.retain(|role| role.id != *id);
                bastion.grants.retain(|grant| grant.role != *id);
                for target in &mut bastion.targets {
                    target.allow_roles.retain(|allowed| allowed != name);
                }
            }
            Action::PutTarget { target, .. } => {
                bastion.targets.retain(|known| known.id != id);
                bastion.targets.push(Target { id: id.to_owned(), ..target.clone() });
            }
            Action::DeleteTarget { id, .. } => {
                bastion.targets.retain(|target| target.id != *id);
                // The bastion forgets them with the target.
                bastion.tickets.retain(|ticket| ticket.target_id != *id);
                bastion.requests.retain(|request| request.target_id != *id);
            }
            Action::Withdraw { ticket, .. } => {
                bastion.tickets.retain(|known| known.id != *ticket);
                bastion.requests.retain(|request| request.ticket_id.as_ref() != Some(ticket));
            }
            Action::Deny { request, .. } => {
                for known in bastion.requests.iter_mut().filter(|known| known.id == *request) {
                    "Denied".clone_into(&mut known.status);
                }
            }
            Action::Allow { target, role, .. } => {
                for target in bastion.targets.iter_mut().filter(|known| known.id == *target) {
                    target.allow_roles.push(role.name.clone());
                }
            }
            Action::Forbid { target, role, .. } => {
                for target in bastion.targets.iter_mut().filter(|known| known.id == *target) {
                    target.allow_roles.retain(|name| *name != role.name);
                }
            }
            Action::Grant { grant, .. } | Action::Change { grant, .. } => {
                bastion.grants.retain(|known| (&known.user, &known.role) != (&grant.user, &grant.role));
                bastion.grants.push(grant.clone());
            }
            Action::Revoke { grant, .. } => {
                bastion.grants.retain(|known| (&known.user, &known.role) != (&grant.user, &grant.role));
            }
        }
    }
}

fn grant_path(grant: &Grant) -> String {
    format!("/users/{}/roles/{}", grant.user, grant.role)
}

fn grant_body(grant: &Grant) -> Value {
    json!({ "expires_at": grant.until.map(moment::text) })
}

fn target_body(target: &Target, access: &Access) -> Value {
    let options = match (&target.options, access) {
        (Options::Ssh { host, port, username }, _) => json!({
            "kind": "Ssh",
            "host": host,
            "port": port,
            "username": username,
            "allow_insecure_algos": false,
            "auth": { "kind": "PublicKey" },
        }),
        (Options::Kubernetes { cluster_url, verify }, Access::Certificate { certificate, key }) => json!({
            "kind": "Kubernetes",
            "cluster_url": cluster_url,
            "tls": { "mode": "Required", "verify": verify },
            "auth": { "kind": "Certificate", "certificate": certificate, "private_key": key },
        }),
        (Options::Kubernetes { .. } | Options::Other, _) => Value::Null,
    };
    json!({
        "name": target.name,
        "description": target.description,
        "options": options,
        "ticket_max_duration_seconds": target.ticket_max_duration_seconds,
        "ticket_requests_disabled": target.ticket_requests_disabled,
        "ticket_require_approval": target.ticket_require_approval,
    })
}
