//! Does a peer answer, and what did others change there? One look at the whole peer for all environments that use it.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use kube::api::{Patch, PatchParams};
use kube::core::ClusterResourceScope;
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::context::Context;
use super::plain;
use super::queue::Outcome;
use super::status::of_connection;
use super::verdicts::verdict_of;
use super::watches::wake;
use crate::names::short;
use crate::peers::PeerError;
use crate::resources::condition::Verdict;
use crate::resources::connection::ConnectionStatus;
use crate::resources::{Environment, FINALIZER, GROUP, MANAGER, VERSION};
use crate::words::say;

/// What a look at a peer found.
struct Look {
    /// Whether the peer differs from what we believed.
    changed: bool,
    /// Whether it answers.
    verdict: Verdict,
}

/// Looks at a mesh when it is due.
pub async fn look_at_mesh(context: &Context, name: &str) -> Outcome {
    let Some(connection) = context.tables.meshes.get("", name) else { return Outcome::Done(None) };
    let users = context.tables.environments.filter(|environment| environment.spec.mesh == name);
    let every = Duration::from_secs(connection.spec.look_every_seconds.max(1).unsigned_abs().into());
    let home = connection.uid().unwrap_or_default();
    let look = match context.mesh(&connection) {
        Err(why) => Look { changed: false, verdict: Verdict::No("Credentials", why) },
        Ok(mesh) if mesh.age().is_some_and(|age| age < every / 2) => fresh(),
        Ok(mesh) => {
            let known = known(&home, &users);
            let looked = async {
                let changed = mesh.look().await?;
                let swept = mesh.sweep(&home, &known).await?;
                if swept > 0 {
                    tracing::warn!(connection = name, swept, "removed what had no environment any more");
                }
                Ok(changed)
            };
            of(looked.await)
        }
    };
    settle(context, &*connection, connection.status.as_ref(), look, &users, every).await
}

/// Looks at a bastion when it is due.
pub async fn look_at_bastion(context: &Context, name: &str) -> Outcome {
    let Some(connection) = context.tables.bastions.get("", name) else { return Outcome::Done(None) };
    let users =
        context.tables.environments.filter(|environment| environment.spec.bastion.as_deref() == Some(name));
    let every = Duration::from_secs(connection.spec.look_every_seconds.max(1).unsigned_abs().into());
    let home = connection.uid().unwrap_or_default();
    let look = match context.bastion(&connection) {
        Err(why) => Look { changed: false, verdict: Verdict::No("Credentials", why) },
        Ok(bastion) if bastion.age().is_some_and(|age| age < every / 2) => fresh(),
        Ok(bastion) => {
            let known = known(&home, &users);
            let looked = async {
                let changed = bastion.look().await?;
                let swept = bastion.sweep(&home, &known).await?;
                if swept > 0 {
                    tracing::warn!(connection = name, swept, "removed what had no environment any more");
                }
                Ok(changed)
            };
            of(looked.await)
        }
    };
    settle(context, &*connection, connection.status.as_ref(), look, &users, every).await
}

fn fresh() -> Look {
    Look {
        changed: false,
        verdict: Verdict::Yes(
            "Answers",
            say!("il répond, et accepte le jeton", "it answers, and the token is accepted"),
        ),
    }
}

fn of(looked: Result<bool, PeerError>) -> Look {
    match looked {
        Ok(changed) => Look { changed, ..fresh() },
        Err(error) => Look { changed: false, verdict: verdict_of(&error) },
    }
}

/// The last parts of the names of environments that exist.
fn known(home: &str, users: &[Arc<Environment>]) -> BTreeSet<String> {
    users.iter().map(|user| short(home, &user.uid().unwrap_or_default())).collect()
}

/// Writes down what was found, wakes the environments that must know, and says when to look again.
async fn settle<K>(
    context: &Context,
    connection: &K,
    before: Option<&ConnectionStatus>,
    look: Look,
    users: &[Arc<Environment>],
    every: Duration,
) -> Outcome
where
    K: Resource<DynamicType = (), Scope = ClusterResourceScope> + Clone + Debug + DeserializeOwned,
{
    // Whether it answers is told by its status, whose change wakes its users too.
    if look.changed {
        users.iter().for_each(|user| wake(context, user));
    }
    match write(context, connection, before, &look, users).await {
        Ok(()) if look.verdict.holds() => Outcome::Done(Some(every)),
        Ok(()) => Outcome::Failed,
        Err(error) => {
            tracing::warn!(connection = connection.name_any(), error = %plain(&error), "a status was not written");
            Outcome::Failed
        }
    }
}

async fn write<K>(
    context: &Context,
    connection: &K,
    before: Option<&ConnectionStatus>,
    look: &Look,
    users: &[Arc<Environment>],
) -> Result<(), kube::Error>
where
    K: Resource<DynamicType = (), Scope = ClusterResourceScope> + Clone + Debug + DeserializeOwned,
{
    let api: Api<K> = Api::all(context.client.clone());
    let parameters = PatchParams::apply(MANAGER).force();
    let object = |more: Value| {
        let mut object = json!({
            "apiVersion": format!("{GROUP}/{VERSION}"),
            "kind": K::kind(&()),
            "metadata": { "name": connection.name_any() },
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            object[key] = value.clone();
        }
        object
    };
    let name = connection.name_any();
    let kept = connection.finalizers().iter().any(|finalizer| finalizer == FINALIZER);
    let going = connection.meta().deletion_timestamp.is_some();
    if going && users.is_empty() {
        if kept {
            // Nothing uses it, and what was left over has been swept: it may go.
            let free = object(json!({ "metadata": { "name": name } }));
            api.patch(&name, &parameters, &Patch::Apply(&free)).await?;
        }
        return Ok(());
    }
    if !going && !kept {
        let held = object(json!({ "metadata": { "name": name, "finalizers": [FINALIZER] } }));
        api.patch(&name, &parameters, &Patch::Apply(&held)).await?;
    }
    let verdict = if going {
        let names: Vec<String> = users
            .iter()
            .take(5)
            .map(|user| format!("{}/{}", user.namespace().unwrap_or_default(), user.name_any()))
            .collect();
        let names = names.join(", ");
        let said = say!(
            "elle part quand aucun environnement ne l'utilise plus : {names}",
            "it goes once no environment uses it: {names}"
        );
        Verdict::No("InUse", said)
    } else {
        look.verdict.clone()
    };
    let generation = connection.meta().generation.unwrap_or_default();
    let now = k8s_openapi::jiff::Timestamp::now().as_second();
    let after = of_connection(before, &verdict, users.len(), generation, now);
    if before != Some(&after) {
        let status = object(json!({ "status": after }));
        api.patch_status(&name, &parameters, &Patch::Apply(&status)).await?;
    }
    Ok(())
}
