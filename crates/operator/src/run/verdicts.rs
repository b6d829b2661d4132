//! What do the states of cluster, mesh and bastion mean for an environment, in a word and a sentence?

use super::environment::Trouble;
use crate::peers::PeerError;
use crate::plan::cluster::Seen;
use crate::plan::{bastion, mesh};
use crate::resources::ADOPT;
use crate::resources::condition::{Verdict, find};
use crate::resources::connection::ConnectionStatus;

/// What a peer's failure says about an environment.
pub fn verdict_of(error: &PeerError) -> Verdict {
    let message = error.to_string();
    match error {
        PeerError::Unreachable(_) => Verdict::Unknown("Unreachable", message),
        PeerError::Busy(_) => Verdict::Unknown("Busy", message),
        PeerError::Token(..) => Verdict::No("Credentials", message),
        PeerError::Refused { .. } => Verdict::No("Refused", message),
        PeerError::Strange(_) => Verdict::Unknown("NotUnderstood", message),
    }
}

/// The same for a connection that is missing and for one that may not be used: a namespace's user learns nothing about
/// what others have.
pub(super) fn not_allowed(kind: &str, name: &str, namespace: &str) -> Trouble {
    Trouble(Verdict::No(
        "NotAllowed",
        format!("there is no {kind} '{name}' that the namespace {namespace} may use"),
    ))
}

/// Whether a peer answered when it was looked at last. As long as it does not, one look for all is enough; the
/// environments are woken when it answers again.
pub(super) fn answers(status: Option<&ConnectionStatus>) -> Result<(), Trouble> {
    match status.and_then(|status| find(&status.conditions, "Ready")) {
        Some(ready) if ready.status == "Unknown" => {
            Err(Trouble(Verdict::Unknown("Unreachable", ready.message.clone())))
        }
        Some(ready) if ready.status == "False" && ready.reason != "InUse" => {
            Err(Trouble(Verdict::No("Credentials", ready.message.clone())))
        }
        _ => Ok(()),
    }
}

/// What Cluster API says about the cluster.
pub(super) fn cluster_verdict(seen: &Seen) -> Verdict {
    if seen.paused {
        return Verdict::No("Paused", "the Cluster is paused".to_owned());
    }
    match seen.condition("Available") {
        Some(("True", ..)) => Verdict::Yes("Available", "the cluster is available".to_owned()),
        Some((_, reason, message)) if !message.is_empty() => {
            Verdict::No("NotAvailable", format!("{reason}: {message}"))
        }
        _ => Verdict::No("NotAvailable", "the cluster is being made".to_owned()),
    }
}

pub(super) fn mesh_verdict(plan: &mesh::Plan, seen: &Seen) -> Verdict {
    if let Some(waiting) = &plan.waiting {
        return Verdict::No("WaitsForGroup", waiting.clone());
    }
    if seen.endpoint.is_none() {
        return Verdict::No(
            "WaitsForEndpoint",
            "the path is prepared; the cluster has no endpoint yet".to_owned(),
        );
    }
    match seen.condition("RemoteConnectionProbe") {
        Some(("True", ..)) => {
            Verdict::Yes("Connected", "the management cluster reaches the API server".to_owned())
        }
        Some((_, _, message)) if !message.is_empty() => Verdict::No("NotConnected", message.to_owned()),
        _ if plan.enrolling => Verdict::No(
            "Enrolling",
            "a machine of the control plane is still to enrol in the mesh".to_owned(),
        ),
        _ => Verdict::No("NotConnected", "the API server has not answered through the mesh yet".to_owned()),
    }
}

pub(super) fn bastion_verdict(plan: &bastion::Plan) -> Verdict {
    if !plan.conflicts.is_empty() {
        let taken = plan.conflicts.join(", ");
        return Verdict::No(
            "Conflict",
            format!(
                "made by somebody else at the bastion: {taken}; annotate the environment with {ADOPT}=true to take \
                 it over, where the BastionConnection allows adoption"
            ),
        );
    }
    if plan.unrecorded {
        return Verdict::No("NotRecorded", "the bastion records no sessions, so nobody is let in".to_owned());
    }
    if !plan.strangers.is_empty() {
        return Verdict::No(
            "UnknownPeople",
            format!("no account at the bastion: {}", plan.strangers.join(", ")),
        );
    }
    Verdict::Yes("AsDeclared", format!("{} targets are offered", plan.targets.len()))
}
