//! What do the states of cluster, mesh and bastion mean for an environment, in a word and a sentence?

use super::environment::Trouble;
use crate::peers::PeerError;
use crate::plan::cluster::Seen;
use crate::plan::{bastion, mesh};
use crate::resources::ADOPT;
use crate::resources::condition::{Verdict, find};
use crate::resources::connection::ConnectionStatus;
use crate::words::{Language, both, say};

/// What a peer's failure says about an environment.
pub fn verdict_of(error: &PeerError) -> Verdict {
    match error {
        PeerError::Unreachable(why) => Verdict::Unknown("Unreachable", why.clone()),
        PeerError::Busy(peer) => Verdict::Unknown(
            "Busy",
            say!("{peer} demande moins de requêtes", "{peer} asks for fewer requests"),
        ),
        PeerError::Token(peer, status) => Verdict::No(
            "Credentials",
            say!("{peer} refuse le jeton ({status})", "{peer} does not accept the token ({status})"),
        ),
        PeerError::Refused { peer, status, what } => Verdict::No(
            "Refused",
            say!("{peer} répond {status} à {what}", "{peer} answers {status} to {what}"),
        ),
        PeerError::Strange(why) => Verdict::Unknown("NotUnderstood", why.clone()),
    }
}

/// The same for a connection that is missing and for one that may not be used: a namespace's user learns nothing about
/// what others have.
pub(super) fn not_allowed(kind: &str, name: &str, namespace: &str) -> Trouble {
    Trouble(Verdict::No(
        "NotAllowed",
        say!(
            "il n'y a pas de {kind} '{name}' que l'espace de noms {namespace} puisse utiliser",
            "there is no {kind} '{name}' that the namespace {namespace} may use"
        ),
    ))
}

/// Whether a peer answered when it was looked at last. As long as it does not, one look for all is enough; the
/// environments are woken when it answers again.
pub(super) fn answers(status: Option<&ConnectionStatus>) -> Result<(), Trouble> {
    match status.and_then(|status| find(&status.conditions, "Ready")) {
        Some(ready) if ready.status == "Unknown" => {
            Err(Trouble(Verdict::Unknown("Unreachable", both(ready.said(Language::French), &ready.message))))
        }
        Some(ready) if ready.status == "False" && ready.reason != "InUse" => {
            Err(Trouble(Verdict::No("Credentials", both(ready.said(Language::French), &ready.message))))
        }
        _ => Ok(()),
    }
}

/// What Cluster API says about the cluster.
pub(super) fn cluster_verdict(seen: &Seen) -> Verdict {
    if seen.paused {
        return Verdict::No("Paused", say!("le Cluster est en pause", "the Cluster is paused"));
    }
    match seen.condition("Available") {
        Some(("True", ..)) => {
            Verdict::Yes("Available", say!("la grappe est disponible", "the cluster is available"))
        }
        Some((_, reason, message)) if !message.is_empty() => {
            Verdict::No("NotAvailable", format!("{reason}: {message}"))
        }
        _ => Verdict::No("NotAvailable", say!("la grappe est en préparation", "the cluster is being made")),
    }
}

pub(super) fn mesh_verdict(plan: &mesh::Plan, seen: &Seen) -> Verdict {
    if let Some(waiting) = &plan.waiting {
        return Verdict::No("WaitsForGroup", waiting.clone());
    }
    if seen.endpoint.is_none() {
        return Verdict::No(
            "WaitsForEndpoint",
            say!(
                "le chemin est préparé ; la grappe n'a pas encore d'adresse",
                "the path is prepared; the cluster has no endpoint yet"
            ),
        );
    }
    match seen.condition("RemoteConnectionProbe") {
        Some(("True", ..)) => {
            let said = say!(
                "la grappe de gestion atteint le serveur d'API",
                "the management cluster reaches the API server"
            );
            Verdict::Yes("Connected", said)
        }
        Some((_, _, message)) if !message.is_empty() => Verdict::No("NotConnected", message.to_owned()),
        _ if plan.enrolling => Verdict::No(
            "Enrolling",
            say!(
                "une machine du plan de contrôle n'est pas encore dans le réseau privé",
                "a machine of the control plane is still to enrol in the mesh"
            ),
        ),
        _ => Verdict::No(
            "NotConnected",
            say!(
                "le serveur d'API n'a pas encore répondu par le réseau privé",
                "the API server has not answered through the mesh yet"
            ),
        ),
    }
}

pub(super) fn bastion_verdict(plan: &bastion::Plan) -> Verdict {
    if !plan.conflicts.is_empty() {
        let taken = plan.conflicts.join(", ");
        return Verdict::No(
            "Conflict",
            say!(
                "fait par quelqu'un d'autre au bastion : {taken} ; annoter l'environnement avec {ADOPT}=true pour le \
                 reprendre, là où la BastionConnection permet l'adoption",
                "made by somebody else at the bastion: {taken}; annotate the environment with {ADOPT}=true to take it \
                 over, where the BastionConnection allows adoption"
            ),
        );
    }
    if plan.unrecorded {
        return Verdict::No(
            "NotRecorded",
            say!(
                "le bastion n'enregistre pas les sessions, donc personne n'entre",
                "the bastion records no sessions, so nobody is let in"
            ),
        );
    }
    if let Some(setting) = plan.tickets_off {
        return Verdict::No(
            "TicketsOff",
            say!(
                "personne ne peut demander de ticket : le bastion n'a pas le réglage {setting}",
                "nobody can ask for a ticket: the bastion has not the setting {setting}"
            ),
        );
    }
    if !plan.strangers.is_empty() {
        let names = plan.strangers.join(", ");
        return Verdict::No(
            "UnknownPeople",
            say!("sans compte au bastion : {names}", "no account at the bastion: {names}"),
        );
    }
    let count = plan.targets.len();
    Verdict::Yes("AsDeclared", say!("{count} cibles sont offertes", "{count} targets are offered"))
}
