//! How is what holds written down? Only when it differs from what is written already: a steady state costs no writes.

use k8s_openapi::api::events::v1::Event;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::json;

use super::context::Context;
use super::plain;
use crate::plan::moment;
use crate::resources::condition::{Verdict, find, state};
use crate::resources::connection::ConnectionStatus;
use crate::resources::environment::Ticket;
use crate::resources::{Environment, EnvironmentStatus, GROUP, MANAGER, VERSION};
use crate::words::{english, say};

/// Longest note of an event, in characters: the API takes 1,024 bytes.
const MAX_NOTE: usize = 500;

/// What was found out about an environment.
#[derive(Debug, Default)]
pub struct Report {
    /// Verdicts by kind of condition, in the order in which a reason for "not ready" is looked for.
    pub verdicts: Vec<(&'static str, Verdict)>,
    /// Where the API server answers.
    pub endpoint: Option<String>,
    /// Names of targets at the bastion.
    pub targets: Vec<String>,
    /// Tickets that people hold or ask for.
    pub tickets: Vec<Ticket>,
    /// What happened that a person should hear of: a word and a sentence, told in events.
    pub happened: Vec<(&'static str, String)>,
    /// Where people connect by SSH.
    pub ssh: Option<String>,
    /// Where people reach the cluster's API.
    pub kubernetes: Option<String>,
}

impl Report {
    /// Adds a verdict.
    pub fn say(&mut self, kind: &'static str, verdict: Verdict) {
        self.verdicts.push((kind, verdict));
    }

    /// Whether the environment is ready, and if not, why: the first reason.
    pub fn ready(&self) -> Verdict {
        let mut open = self.verdicts.iter().filter(|(_, verdict)| !verdict.holds());
        let first = open.clone().next();
        // What waits for something else is not the reason; what it waits for is.
        let cause = open.find(|(_, verdict)| !verdict.reason().starts_with("Waits"));
        match cause.or(first) {
            None => Verdict::Yes("Ready", say!("tout est comme déclaré", "everything is as declared")),
            Some((_, Verdict::Unknown(reason, message))) => Verdict::Unknown(reason, message.clone()),
            Some((_, verdict)) => Verdict::No(verdict.reason(), verdict.message().to_owned()),
        }
    }

    /// The status that says it, given the one before.
    fn status(&self, before: Option<&EnvironmentStatus>, generation: i64, now: i64) -> EnvironmentStatus {
        let mut conditions = before.map(|before| before.conditions.clone()).unwrap_or_default();
        let now = moment::text(now);
        state(&mut conditions, "Ready", &self.ready(), generation, &now);
        for (kind, verdict) in &self.verdicts {
            state(&mut conditions, kind, verdict, generation, &now);
        }
        // What is not spoken of any more does not apply any more.
        conditions.retain(|condition| {
            condition.kind == "Ready" || self.verdicts.iter().any(|(kind, _)| *kind == condition.kind)
        });
        EnvironmentStatus {
            observed_generation: generation,
            endpoint: self.endpoint.clone(),
            targets: self.targets.clone(),
            tickets: self.tickets.clone(),
            ssh: self.ssh.clone(),
            kubernetes: self.kubernetes.clone(),
            conditions,
        }
    }
}

/// Writes the status of an environment, if it differs.
///
/// # Errors
/// When it can't be written.
pub async fn write(
    context: &Context,
    environment: &Environment,
    report: &Report,
    now: i64,
) -> Result<(), kube::Error> {
    let generation = environment.metadata.generation.unwrap_or_default();
    let before = environment.status.as_ref();
    let after = report.status(before, generation, now);
    for (reason, said) in &report.happened {
        tell(context, environment, &Verdict::No(reason, said.clone())).await;
    }
    if before == Some(&after) {
        return Ok(());
    }
    let namespace = environment.namespace().unwrap_or_default();
    let api: Api<Environment> = Api::namespaced(context.client.clone(), &namespace);
    let patch = json!({
        "apiVersion": format!("{GROUP}/{VERSION}"),
        "kind": "Environment",
        "metadata": { "name": environment.name_any() },
        "status": after,
    });
    let parameters = PatchParams::apply(MANAGER).force();
    api.patch_status(&environment.name_any(), &parameters, &Patch::Apply(&patch)).await?;
    let status = |status: Option<&EnvironmentStatus>| {
        status.and_then(|status| find(&status.conditions, "Ready")).map(|ready| ready.status.clone())
    };
    if status(before) != status(Some(&after)) {
        tell(context, environment, &report.ready()).await;
    }
    Ok(())
}

/// Tells of a change in an event. An event that is lost is no loss: the status says the same.
async fn tell(context: &Context, environment: &Environment, verdict: &Verdict) {
    let namespace = environment.namespace().unwrap_or_default();
    let api: Api<Event> = Api::namespaced(context.client.clone(), &namespace);
    let event = json!({
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": { "generateName": format!("{}-", environment.name_any()), "namespace": namespace },
        "eventTime": k8s_openapi::jiff::Timestamp::now().to_string(),
        "reportingController": GROUP,
        "reportingInstance": context.settings.identity,
        "action": "Reconcile",
        "reason": verdict.reason(),
        "note": english(verdict.message()).chars().take(MAX_NOTE).collect::<String>(),
        "type": if verdict.holds() { "Normal" } else { "Warning" },
        "regarding": {
            "apiVersion": format!("{GROUP}/{VERSION}"),
            "kind": "Environment",
            "name": environment.name_any(),
            "namespace": namespace,
            "uid": environment.uid(),
        },
    });
    let Ok(event) = serde_json::from_value::<Event>(event) else { return };
    if let Err(error) = api.create(&PostParams::default(), &event).await {
        tracing::debug!(error = %plain(&error), "an event was not written");
    }
}

/// The status of a connection, given the one before.
pub fn of_connection(
    before: Option<&ConnectionStatus>,
    verdict: &Verdict,
    environments: usize,
    generation: i64,
    now: i64,
) -> ConnectionStatus {
    let mut conditions = before.map(|before| before.conditions.clone()).unwrap_or_default();
    state(&mut conditions, "Ready", verdict, generation, &moment::text(now));
    ConnectionStatus {
        observed_generation: generation,
        environments: i64::try_from(environments).unwrap_or(i64::MAX),
        conditions,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_what_is_waited_for() {
        let mut report = Report::default();
        assert!(report.ready().holds());
        report.say("ClusterReady", Verdict::No("WaitsForMesh", "waits".to_owned()));
        assert_eq!(report.ready().reason(), "WaitsForMesh");
        report.say("MeshReady", Verdict::No("Credentials", "no token".to_owned()));
        assert_eq!((report.ready().reason(), report.ready().message()), ("Credentials", "no token"));
    }
}
