//! What would be done for an environment, if it were looked at now?

use std::sync::Arc;

use kube::ResourceExt;

use super::context::Context;
use super::environment::{Case, Trouble, no_class};
use super::isolation;
use super::rows::ClusterRow;
use crate::plan::cluster::{self, Seen, Step};
use crate::plan::isolation::place;
use crate::plan::{bastion, mesh};
use crate::resources::Environment;
use crate::resources::condition::Verdict;
use crate::words::{both, say};

/// One thing that would be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// `make`, `change`, `delete`; `wait` for what stands in the way; `unknown` for what can't be seen from here.
    pub verb: &'static str,
    /// Where: `cluster`, `mesh`, `bastion`, `policies`.
    pub place: &'static str,
    /// What, and its name; or why nothing can be said. In both languages where it is known in both.
    pub what: String,
}

/// Rounds of a preview: what depends on an id that does not exist yet is planned in the next one.
const ROUNDS: usize = 8;

/// What would be done for an environment, and nothing is.
pub async fn preview(context: &Context, environment: Arc<Environment>) -> Vec<Preview> {
    let case = Case {
        context,
        namespace: environment.namespace().unwrap_or_default(),
        name: environment.name_any(),
        uid: environment.uid().unwrap_or_else(|| "not there yet".to_owned()),
        now: k8s_openapi::jiff::Timestamp::now().as_second(),
        environment,
    };
    let mut found = Vec::new();
    if case.environment.spec.paused {
        return found;
    }
    let going = case.environment.metadata.deletion_timestamp.is_some();
    let row = context.tables.clusters.get(&case.namespace, &case.name);
    let row = row.filter(|row| cluster::belongs(&row.object, &case.uid));
    let wait = |place: &'static str, Trouble(verdict): Trouble| Preview {
        verb: "wait",
        place,
        what: verdict.message().to_owned(),
    };
    match case.preview_cluster(row.as_deref(), going).await {
        Ok(step) => found.extend(step),
        Err(trouble) => found.push(wait("cluster", trouble)),
    }
    let seen = row.map(|row| row.seen.clone()).unwrap_or_default();
    match case.preview_mesh(&seen, going).await {
        Ok(steps) => found.extend(steps),
        Err(trouble) => found.push(wait("mesh", trouble)),
    }
    match case.preview_bastion(&seen, going).await {
        Ok(steps) => found.extend(steps),
        Err(trouble) => found.push(wait("bastion", trouble)),
    }
    if !going {
        found.extend(case.preview_policies(&seen).await);
    }
    found
}

/// The kind of a thing in both languages, and its name.
fn thing(kind: &str, name: &str) -> String {
    let french = match kind {
        "group" => "groupe",
        "enrolment key" => "clé d'inscription",
        "network" => "réseau",
        "resource" => "ressource",
        "router" => "routeur",
        "policy" => "politique",
        "name" => "nom",
        "peer" => "pair",
        "role" => "rôle",
        "target" => "cible",
        "use of target" => "usage de la cible",
        "access" => "accès",
        "ticket" => "ticket",
        "request for a ticket" => "demande de ticket",
        other => other,
    };
    format!("{} {name}", both(french, kind))
}

impl Case<'_> {
    /// What would be done in the cluster itself, where it answers from here.
    async fn preview_policies(&self, seen: &Seen) -> Vec<Preview> {
        let Some((endpoint, kubeconfig)) = self.answering(seen) else { return Vec::new() };
        let one = |verb, what| Preview { verb, place: "policies", what };
        let planned = isolation::planned(self.context, &self.environment, &endpoint, &kubeconfig).await;
        let (there, plan) = match planned {
            Ok(planned) => planned,
            // Most people's machines are not in the mesh.
            Err(why) => return vec![one("unknown", isolation::unasked(&why))],
        };
        let mut found: Vec<Preview> = plan.problem.into_iter().map(|why| one("wait", why)).collect();
        found.extend(plan.apply.iter().map(|policy| {
            let place = place(policy);
            let known = there.policies.iter().any(|known| self::place(known) == place);
            one(if known { "change" } else { "make" }, thing("policy", &place))
        }));
        let gone = plan.delete.iter();
        found.extend(gone.map(|(space, name)| one("delete", thing("policy", &format!("{space}/{name}")))));
        found
    }

    async fn preview_cluster(
        &self,
        row: Option<&ClusterRow>,
        going: bool,
    ) -> Result<Option<Preview>, Trouble> {
        let step = |verb| {
            Some(Preview {
                verb,
                place: "cluster",
                what: format!("Cluster {}/{}", self.namespace, self.name),
            })
        };
        if going {
            return Ok(if row.is_some() { step("delete") } else { None });
        }
        let class = self.context.tables.classes.get(&self.namespace, &self.environment.spec.class);
        let Some(class) = class else {
            let why = no_class(&self.environment.spec.class, &self.namespace);
            return Err(Trouble(Verdict::No("NoClass", why)));
        };
        let keys = self.bastion_keys().await?;
        let (account, mesh_url) = (self.bastion_account(), self.mesh_url());
        let wanted = cluster::Wanted {
            namespace: &self.namespace,
            name: &self.name,
            uid: &self.uid,
            spec: &self.environment.spec,
            class_variables: &class.variables,
            bastion_keys: &keys,
            bastion_account: account.as_deref(),
            mesh_url: mesh_url.as_deref(),
        };
        let object = row.map(|row| &row.object);
        Ok(match cluster::step(&wanted, object, self.adopts()) {
            Step::Nothing => None,
            Step::Apply(_) => step(if object.is_some() { "change" } else { "make" }),
            Step::Conflict => step("wait"),
        })
    }

    async fn preview_mesh(&self, seen: &Seen, going: bool) -> Result<Vec<Preview>, Trouble> {
        let (connection, netbird) = self.connected_mesh(!going)?;
        let mut wanted = self.in_mesh(&connection, seen);
        netbird.plan(&wanted).await?;
        let Some(mut picture) = netbird.picture(Clone::clone) else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for round in 0..ROUNDS {
            let actions = if going {
                mesh::removal(&wanted.identity.prefix(), &picture)
            } else {
                mesh::plan(&wanted, &picture).actions
            };
            for (number, action) in actions.iter().enumerate() {
                let (kind, name) = action.object();
                let seen = Preview { verb: action.verb(), place: "mesh", what: thing(kind, &name) };
                if !found.contains(&seen) {
                    found.push(seen);
                }
                let id = format!("new-{round}-{number}");
                action.absorb(&mut picture, &id, self.now);
                if matches!(action, mesh::Action::Enrol { .. }) {
                    wanted.stored_key = Some(id);
                }
            }
            if actions.is_empty() {
                break;
            }
        }
        Ok(found)
    }

    async fn preview_bastion(&self, seen: &Seen, going: bool) -> Result<Vec<Preview>, Trouble> {
        let Some(connected) = self.connected_bastion(!going) else { return Ok(Vec::new()) };
        let (connection, warpgate) = connected?;
        let wanted = self.at_bastion(&connection, seen);
        let plan = warpgate.plan(&wanted).await?;
        let Some(mut picture) = warpgate.picture(Clone::clone) else { return Ok(Vec::new()) };
        let wait = |what: String| Preview { verb: "wait", place: "bastion", what };
        let mut found: Vec<Preview> = plan
            .conflicts
            .into_iter()
            .map(|name| wait(say!("{name} : fait par quelqu'un d'autre", "{name} was made by somebody else")))
            .collect();
        let strangers = plan.strangers.into_iter();
        found.extend(strangers.map(|name| wait(say!("{name} n'a pas de compte", "{name} has no account"))));
        for round in 0..ROUNDS {
            let actions = if going {
                bastion::removal(&wanted.identity.mark(), &picture)
            } else {
                bastion::plan(&wanted, &picture).actions
            };
            for (number, action) in actions.iter().enumerate() {
                let (kind, name) = action.object();
                found.push(Preview { verb: action.verb(), place: "bastion", what: thing(kind, &name) });
                action.absorb(&mut picture, &format!("new-{round}-{number}"));
            }
            if actions.is_empty() {
                break;
            }
        }
        Ok(found)
    }
}
