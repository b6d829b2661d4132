//! Which tickets may people hold? A ticket opens one target without any role, and outlives the role of whoever holds it,
//! so each is held against what the environment declares: for whom, how long, approved by whom.

use std::collections::BTreeSet;

use super::seen::{Bastion, Request, Ticket as Held};
use super::{Action, Plan, Wanted, marked, name_of};
use crate::plan::moment;
use crate::resources::environment::Ticket;

/// Seconds that a ticket may last longer than declared: the bastion's clock and ours differ a little.
const SLACK_SECONDS: i64 = 120;

/// Tickets that are shown. A status is read by people.
const MAX_SHOWN: usize = 50;

/// Access for a limited time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedTickets {
    /// The longest time of a ticket, in seconds.
    pub seconds: i64,
    /// Whether another person must approve it.
    pub approval: bool,
    /// Who may hold one beside the administrators.
    pub people: Vec<String>,
    /// Who may approve; whomever the bastion lets approve when nobody is named.
    pub approvers: Vec<String>,
}

/// Withdraws tickets that nobody declared, denies requests of those who may not ask, and tells of the others.
pub fn plan(wanted: &Wanted, bastion: &Bastion, plan: &mut Plan) {
    let mark = wanted.identity.mark();
    let may_hold = may_hold(wanted, plan.unrecorded);
    let mut shown = Vec::new();
    for ticket in live(&mark, bastion, wanted.now) {
        if may_hold.contains(name_of(bastion, &ticket.user_id).as_str())
            && as_declared(wanted, bastion, ticket)
        {
            shown.push(told(
                bastion,
                &ticket.user_id,
                &ticket.target_id,
                "Held",
                ticket.created,
                ticket.expiry,
            ));
        } else {
            plan.actions.push(withdraw(bastion, ticket));
        }
    }
    for request in pending(&mark, bastion) {
        if may_hold.contains(name_of(bastion, &request.user_id).as_str()) {
            shown.push(told(bastion, &request.user_id, &request.target_id, "Asked", request.created, None));
        } else {
            plan.actions.push(deny(bastion, request));
        }
    }
    shown.sort_by(|a, b| (&a.person, &a.target, &a.state).cmp(&(&b.person, &b.target, &b.state)));
    shown.truncate(MAX_SHOWN);
    plan.tickets = shown;
    if let Some(tickets) = &wanted.tickets {
        let unknown = |name: &&String| !bastion.users.iter().any(|user| user.username == **name);
        plan.strangers.extend(tickets.people.iter().filter(unknown).cloned());
        plan.tickets_off = match (bastion.asking, tickets.people.is_empty() || bastion.asking_without_role) {
            (false, _) => Some("ticket_self_service_enabled"),
            (_, false) => Some("ticket_request_show_all_targets"),
            _ => None,
        };
    }
}

/// Takes every ticket for what bears the mark, and denies every request.
pub fn none(mark: &str, bastion: &Bastion) -> Vec<Action> {
    let held = bastion.tickets.iter().filter(|ticket| ours(mark, bastion, &ticket.target_id));
    let tickets = held.map(|ticket| withdraw(bastion, ticket));
    tickets.chain(pending(mark, bastion).map(|request| deny(bastion, request))).collect()
}

/// Who may hold a ticket now, by name.
fn may_hold(wanted: &Wanted, unrecorded: bool) -> BTreeSet<&str> {
    let Some(tickets) = wanted.tickets.as_ref().filter(|_| !unrecorded) else { return BTreeSet::new() };
    let administrators = wanted
        .people
        .iter()
        .filter(|(_, until)| until.is_none_or(|until| until > wanted.now))
        .map(|(name, _)| name.as_str());
    administrators.chain(tickets.people.iter().map(String::as_str)).collect()
}

/// Whether a ticket lasts no longer, and was approved, as declared.
fn as_declared(wanted: &Wanted, bastion: &Bastion, ticket: &Held) -> bool {
    let Some(tickets) = &wanted.tickets else { return false };
    let (Some(expiry), Some(created)) = (ticket.expiry, ticket.created) else { return false };
    if expiry > created.saturating_add(tickets.seconds + SLACK_SECONDS) {
        return false;
    }
    !tickets.approval || bastion.requests.iter().any(|request| approved(tickets, bastion, ticket, request))
}

/// Whether this is the request that the ticket came of, and another person approved it.
fn approved(tickets: &WantedTickets, bastion: &Bastion, ticket: &Held, request: &Request) -> bool {
    let by_another = request.resolved_by_user_id.as_ref().is_some_and(|approver| {
        let named = || tickets.approvers.contains(&name_of(bastion, approver));
        *approver != ticket.user_id && (tickets.approvers.is_empty() || named())
    });
    request.ticket_id.as_ref() == Some(&ticket.id) && request.status == "Approved" && by_another
}

/// Tickets for our targets that still open something. Those that have ended are the bastion's record.
fn live<'a>(mark: &'a str, bastion: &'a Bastion, now: i64) -> impl Iterator<Item = &'a Held> {
    let open = move |ticket: &&Held| ticket.expiry.is_none_or(|expiry| expiry > now);
    bastion.tickets.iter().filter(open).filter(move |ticket| ours(mark, bastion, &ticket.target_id))
}

fn pending<'a>(mark: &'a str, bastion: &'a Bastion) -> impl Iterator<Item = &'a Request> {
    let requests = bastion.requests.iter().filter(|request| request.status == "Pending");
    requests.filter(move |request| ours(mark, bastion, &request.target_id))
}

fn ours(mark: &str, bastion: &Bastion, target: &str) -> bool {
    bastion.targets.iter().any(|known| known.id == target && marked(&known.description, mark))
}

fn target_name(bastion: &Bastion, id: &str) -> String {
    let found = bastion.targets.iter().find(|target| target.id == id);
    found.map_or_else(|| id.to_owned(), |target| target.name.clone())
}

fn named(bastion: &Bastion, user: &str, target: &str) -> String {
    format!("{} -> {}", name_of(bastion, user), target_name(bastion, target))
}

fn withdraw(bastion: &Bastion, ticket: &Held) -> Action {
    Action::Withdraw { ticket: ticket.id.clone(), name: named(bastion, &ticket.user_id, &ticket.target_id) }
}

fn deny(bastion: &Bastion, request: &Request) -> Action {
    Action::Deny { request: request.id.clone(), name: named(bastion, &request.user_id, &request.target_id) }
}

fn told(
    bastion: &Bastion,
    user: &str,
    target: &str,
    state: &str,
    since: Option<i64>,
    until: Option<i64>,
) -> Ticket {
    Ticket {
        person: name_of(bastion, user),
        target: target_name(bastion, target),
        state: state.to_owned(),
        since: since.map(moment::text).unwrap_or_default(),
        until: until.map(moment::text),
    }
}
