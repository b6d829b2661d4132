//! Where is the matrix of what passes in an environment? In a ConfigMap beside the environment, so that whoever may read
//! there needs no way into the cluster.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;

use super::context::Context;
use super::plain;
use crate::plan::cluster::owner;
use crate::plan::isolation::Exported;
use crate::resources::{ENVIRONMENT_LABEL, Environment, MANAGER, MATRIX, MATRIX_DRIFT};

/// Longest matrix that is written down, in bytes. A ConfigMap holds 1 MiB with everything; 900,000 are some ten
/// thousand flows.
const MAX_MATRIX: usize = 900_000;

/// What was written.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Differences between what passes and what is declared.
    pub drift: usize,
    /// The name of the ConfigMap, when somebody else has made one of that name.
    pub taken: Option<String>,
}

/// The name of the ConfigMap of an environment.
pub fn name(environment: &str) -> String {
    format!("{environment}-matrix")
}

/// Writes the matrix down, if it differs from what is written.
///
/// # Errors
/// What the API server says, in a sentence.
pub async fn write(
    context: &Context,
    environment: &Environment,
    exported: Result<Exported, String>,
) -> Result<Written, String> {
    let api = maps(context, environment);
    let name = name(&environment.name_any());
    let found = api.get_opt(&name).await.map_err(|error| plain(&error))?;
    if found.as_ref().is_some_and(|found| !belongs(found, environment)) {
        return Ok(Written { drift: 0, taken: Some(name) });
    }
    let exported = match exported {
        Ok(exported) if exported.csv.len() <= MAX_MATRIX => exported,
        // What can't be told is said, in the place of the matrix.
        Ok(_) => not_told("more flows than a ConfigMap holds: use `netpol matrix export`"),
        Err(why) => not_told(&crate::words::english(&why)),
    };
    let mut drift = exported.drift.join("\n");
    let room = drift.char_indices().map(|(at, _)| at).take_while(|at| *at <= MAX_MATRIX / 10).last();
    drift.truncate(room.unwrap_or_default());
    let data = json!({ MATRIX: exported.csv, MATRIX_DRIFT: drift });
    let known = found.and_then(|found| serde_json::to_value(found.data).ok());
    if known.as_ref() != Some(&data) {
        let map = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": name,
                "labels": { ENVIRONMENT_LABEL: environment.name_any() },
                "ownerReferences": [owner(&environment.name_any(), &environment.uid().unwrap_or_default())],
            },
            "data": data,
        });
        let parameters = PatchParams::apply(MANAGER).force();
        api.patch(&name, &parameters, &Patch::Apply(&map)).await.map_err(|error| plain(&error))?;
    }
    Ok(Written { drift: exported.drift.len(), taken: None })
}

/// Removes it.
///
/// # Errors
/// When the API server refuses.
pub async fn forget(context: &Context, environment: &Environment) -> Result<(), kube::Error> {
    let api = maps(context, environment);
    let name = name(&environment.name_any());
    if api.get_opt(&name).await?.is_some_and(|found| belongs(&found, environment)) {
        match api.delete(&name, &DeleteParams::default()).await {
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            other => drop(other?),
        }
    }
    Ok(())
}

fn not_told(why: &str) -> Exported {
    Exported { csv: format!("# {why}\n"), drift: Vec::new() }
}

fn maps(context: &Context, environment: &Environment) -> Api<ConfigMap> {
    Api::namespaced(context.client.clone(), &environment.namespace().unwrap_or_default())
}

fn belongs(map: &ConfigMap, environment: &Environment) -> bool {
    let uid = environment.uid().unwrap_or_default();
    map.owner_references().iter().any(|owner| owner.uid == uid)
}
