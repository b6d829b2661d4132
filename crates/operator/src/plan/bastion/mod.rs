//! What must be done at the bastion so that the right people, and nobody else, get to an environment's machines and API?
//!
//! One role for the environment, one SSH target for each machine, one Kubernetes target for the cluster. Names are
//! spoken by people, so they can be taken: what bears our name without our mark is left alone and reported, unless the
//! environment says that it may be adopted. People's accounts are the bastion's affair; who has none yet is reported,
//! and let in once she has.

pub mod action;
pub mod seen;
mod tickets;

use std::collections::BTreeSet;
use std::fmt;

pub use action::Action;
use seen::{Bastion, Grant, Options, Role, Target};
pub use tickets::WantedTickets;

use crate::names::{Identity, part, print, short_in};
use crate::resources::environment::Ticket;

/// What an environment needs at the bastion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Whose it is.
    pub identity: Identity,
    /// Whether things of our name that others made are taken over.
    pub adopt: bool,
    /// Ways in.
    pub targets: Vec<WantedTarget>,
    /// Access for a limited time; none when nobody may ask for it.
    pub tickets: Option<WantedTickets>,
    /// Who may come in, and until when in seconds since 1970.
    pub people: Vec<(String, Option<i64>)>,
    /// Whether nobody is let in while nothing is recorded.
    pub require_recordings: bool,
    /// Now, in seconds since 1970.
    pub now: i64,
}

/// One way in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedTarget {
    /// What follows the environment's name, for a machine; empty for the cluster.
    pub suffix: String,
    /// Where it leads.
    pub options: Options,
    /// What the bastion signs in with.
    pub access: Access,
}

/// What the bastion signs in with at a target.
#[derive(Clone, PartialEq, Eq)]
pub enum Access {
    /// Its own key.
    OwnKey,
    /// A certificate and its private key, in PEM.
    Certificate {
        /// The certificate.
        certificate: String,
        /// The private key.
        key: String,
    },
}

impl Access {
    /// A short print that changes when the credentials do.
    fn print(&self) -> String {
        match self {
            Access::OwnKey => String::new(),
            Access::Certificate { certificate, key } => print(format!("{certificate}{key}").as_bytes()),
        }
    }
}

impl fmt::Debug for Access {
    /// Never the credentials.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Access::OwnKey => "OwnKey",
            Access::Certificate { .. } => "Certificate(…)",
        })
    }
}

/// What must be done, and what stands in the way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// In this order.
    pub actions: Vec<Action>,
    /// Names that are taken by things that others made.
    pub conflicts: Vec<String>,
    /// People who have no account yet.
    pub strangers: Vec<String>,
    /// Nobody is let in, since nothing is recorded.
    pub unrecorded: bool,
    /// The setting of the bastion without which nobody can ask for the tickets that are declared.
    pub tickets_off: Option<&'static str>,
    /// Names of the targets that stand or will stand.
    pub targets: Vec<String>,
    /// Tickets that people hold or ask for, and may.
    pub tickets: Vec<Ticket>,
}

/// What must be done for an environment.
pub fn plan(wanted: &Wanted, bastion: &Bastion) -> Plan {
    let mut plan = Plan::default();
    let role = role(wanted, bastion, &mut plan);
    let kept = targets(wanted, bastion, role, &mut plan);
    let mark = wanted.identity.mark();
    let gone = bastion
        .targets
        .iter()
        .filter(|target| marked(&target.description, &mark) && !kept.contains(&target.id));
    for target in gone {
        plan.actions.push(Action::DeleteTarget { id: target.id.clone(), name: target.name.clone() });
    }
    if let Some(role) = role {
        people(wanted, bastion, role, &mut plan);
    }
    tickets::plan(wanted, bastion, &mut plan);
    plan
}

/// What must be done so that nothing that bears `mark` stays at the bastion. People first: whoever is about to lose
/// the environment must not get in while it goes.
pub fn removal(mark: &str, bastion: &Bastion) -> Vec<Action> {
    let mut actions = lock_out(mark, bastion);
    for target in bastion.targets.iter().filter(|target| marked(&target.description, mark)) {
        actions.push(Action::DeleteTarget { id: target.id.clone(), name: target.name.clone() });
    }
    for role in bastion.roles.iter().filter(|role| marked(&role.description, mark)) {
        actions.push(Action::DeleteRole { id: role.id.clone(), name: role.name.clone() });
    }
    actions
}

/// What must be done so that nobody gets in any more.
pub fn lock_out(mark: &str, bastion: &Bastion) -> Vec<Action> {
    let roles = bastion.roles.iter().filter(|role| marked(&role.description, mark));
    let grants = roles.flat_map(|role| bastion.grants.iter().filter(move |grant| grant.role == role.id));
    let revoked =
        grants.map(|grant| Action::Revoke { grant: grant.clone(), name: name_of(bastion, &grant.user) });
    // Whoever holds a ticket gets in without a role.
    revoked.chain(tickets::none(mark, bastion)).collect()
}

/// The marks of things that were made through the connection of id `home` for environments that are no more. `known`
/// are the last parts of the marks of those that exist.
pub fn orphans(home: &str, known: &BTreeSet<String>, bastion: &Bastion) -> BTreeSet<String> {
    let part = part(home);
    let descriptions = (bastion.roles.iter().map(|role| &role.description))
        .chain(bastion.targets.iter().map(|target| &target.description));
    descriptions
        .filter_map(|description| description.split(' ').next())
        .filter(|mark| mark.starts_with("intramuros:"))
        .filter(|mark| short_in(mark).is_some_and(|short| short.starts_with(&part) && !known.contains(short)))
        .map(str::to_owned)
        .collect()
}

/// Whether a description says that the thing is ours. What follows the mark is a print of credentials.
fn marked(description: &str, mark: &str) -> bool {
    description == mark || description.strip_prefix(mark).is_some_and(|rest| rest.starts_with(' '))
}

fn name_of(bastion: &Bastion, user: &str) -> String {
    bastion
        .users
        .iter()
        .find(|known| known.id == user)
        .map_or_else(|| user.to_owned(), |user| user.username.clone())
}

fn role<'a>(wanted: &Wanted, bastion: &'a Bastion, plan: &mut Plan) -> Option<&'a Role> {
    let (name, mark) = (wanted.identity.spoken(), wanted.identity.mark());
    match bastion.roles.iter().find(|role| role.name == name) {
        Some(role) if marked(&role.description, &mark) => Some(role),
        Some(role) if wanted.adopt => {
            plan.actions.push(Action::PutRole { role: Role { description: mark, ..role.clone() } });
            None
        }
        Some(_) => {
            plan.conflicts.push(format!("role {name}"));
            None
        }
        None => {
            let role = Role { id: String::new(), name, description: mark };
            plan.actions.push(Action::PutRole { role });
            None
        }
    }
}

/// Plans the targets and gives the ids of those that stay.
fn targets(wanted: &Wanted, bastion: &Bastion, role: Option<&Role>, plan: &mut Plan) -> Vec<String> {
    let mark = wanted.identity.mark();
    let mut kept = Vec::new();
    for one in &wanted.targets {
        let target = target(wanted, one, &mark);
        let access = one.access.clone();
        let known = bastion.targets.iter().find(|known| known.name == target.name);
        let Some(known) = known else {
            plan.targets.push(target.name.clone());
            plan.actions.push(Action::PutTarget { target, access });
            continue;
        };
        if !marked(&known.description, &mark) && !wanted.adopt {
            plan.conflicts.push(format!("target {}", known.name));
            continue;
        }
        plan.targets.push(target.name.clone());
        kept.push(known.id.clone());
        if std::mem::discriminant(&known.options) != std::mem::discriminant(&target.options) {
            // The kind of a target can't be changed.
            plan.actions.push(Action::DeleteTarget { id: known.id.clone(), name: known.name.clone() });
            plan.actions.push(Action::PutTarget { target, access });
            continue;
        }
        let target = Target { id: known.id.clone(), allow_roles: known.allow_roles.clone(), ..target };
        if *known != target {
            plan.actions.push(Action::PutTarget { target, access });
        }
        if let Some(role) = role {
            who_may_use(bastion, known, role, plan);
        }
    }
    kept
}

fn target(wanted: &Wanted, one: &WantedTarget, mark: &str) -> Target {
    let spoken = wanted.identity.spoken();
    let print = one.access.print();
    Target {
        id: String::new(),
        name: if one.suffix.is_empty() { spoken } else { format!("{spoken}.{}", one.suffix) },
        description: if print.is_empty() { mark.to_owned() } else { format!("{mark} {print}") },
        allow_roles: Vec::new(),
        options: one.options.clone(),
        ticket_max_duration_seconds: wanted.tickets.as_ref().map(|tickets| tickets.seconds),
        ticket_requests_disabled: wanted.tickets.is_none(),
        ticket_require_approval: wanted.tickets.as_ref().is_none_or(|tickets| tickets.approval),
    }
}

/// Our role and no other: a role that somebody added would let in people whom the environment does not name.
fn who_may_use(bastion: &Bastion, target: &Target, role: &Role, plan: &mut Plan) {
    if !target.allow_roles.contains(&role.name) {
        plan.actions.push(Action::Allow {
            target: target.id.clone(),
            role: role.clone(),
            name: target.name.clone(),
        });
    }
    let others = bastion
        .roles
        .iter()
        .filter(|other| other.name != role.name && target.allow_roles.contains(&other.name));
    for other in others {
        plan.actions.push(Action::Forbid {
            target: target.id.clone(),
            role: other.clone(),
            name: target.name.clone(),
        });
    }
}

fn people(wanted: &Wanted, bastion: &Bastion, role: &Role, plan: &mut Plan) {
    plan.unrecorded = wanted.require_recordings && !bastion.recordings;
    let mut allowed = Vec::new();
    for (name, until) in &wanted.people {
        if plan.unrecorded || until.is_some_and(|until| until <= wanted.now) {
            continue;
        }
        let Some(user) = bastion.users.iter().find(|user| user.username == *name) else {
            plan.strangers.push(name.clone());
            continue;
        };
        allowed.push(user.id.as_str());
        let grant = Grant { user: user.id.clone(), role: role.id.clone(), until: *until };
        let known = bastion.grants.iter().find(|known| known.user == user.id && known.role == role.id);
        match known {
            Some(known) if *known == grant => {}
            Some(_) => plan.actions.push(Action::Change { grant, name: name.clone() }),
            None => plan.actions.push(Action::Grant { grant, name: name.clone() }),
        }
    }
    let held = bastion.grants.iter().filter(|grant| grant.role == role.id);
    for grant in held.filter(|grant| !allowed.contains(&grant.user.as_str())) {
        plan.actions.push(Action::Revoke { grant: grant.clone(), name: name_of(bastion, &grant.user) });
    }
}
