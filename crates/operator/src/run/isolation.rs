//! Are the policies in an environment's cluster as declared? The operator asks the cluster itself, through the mesh.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::Value;

use super::context::Context;
use super::matrix::{self, Written};
use super::plain;
use super::table::value_of;
use crate::edge::client::client;
use crate::edge::kubeconfig::Server;
use crate::edge::tally::Tally;
use crate::names::print;
use crate::peers::pace::Pace;
use crate::plan::isolation::{Plan, Seen, after, exported, place, plan, print_of};
use crate::plan::mesh::Endpoint;
use crate::resources::condition::Verdict;
use crate::resources::{Environment, MANAGER};
use crate::words::say;

/// How often a cluster's policies and workloads are looked at. Five minutes: a workload that the matrix names and that
/// is deployed later waits no longer than that.
pub const EVERY: Duration = Duration::from_secs(300);

/// Kinds that the planner reads: group, version, kind, plural.
const READ: [(&str, &str, &str, &str); 7] = [
    ("", "v1", "Namespace", "namespaces"),
    ("", "v1", "Service", "services"),
    ("apps", "v1", "Deployment", "deployments"),
    ("apps", "v1", "StatefulSet", "statefulsets"),
    ("apps", "v1", "DaemonSet", "daemonsets"),
    ("batch", "v1", "Job", "jobs"),
    ("batch", "v1", "CronJob", "cronjobs"),
];

/// Objects asked for at a time.
const PAGE: u32 = 500;

/// Pages of one kind: ten thousand objects. A larger cluster is not governed by one matrix.
const MAX_PAGES: usize = 20;

/// What is remembered of one cluster.
#[derive(Default)]
pub struct Memory {
    /// The client, and the print of the kubeconfig that it was made from.
    client: Option<(String, Client)>,
    /// Prints of the policies that stood after the last look, by place.
    policies: BTreeMap<String, String>,
    /// The print of the matrix that was written down last, and its differences: as long as it is the same, our own API
    /// server is not asked for it.
    written: Option<(String, usize)>,
}

/// What came of a look at a cluster.
pub struct Kept {
    /// Whether its policies are as declared.
    pub verdict: Verdict,
    /// What somebody else had changed, a sentence each.
    pub told: Vec<String>,
}

/// Makes the policies of a cluster what they should be, says whether they are, and writes down what passes.
///
/// # Errors
/// Why the cluster can't be asked, in a sentence.
pub async fn keep(
    context: &Context,
    environment: &Environment,
    endpoint: &Endpoint,
    kubeconfig: &str,
) -> Result<Kept, String> {
    let (namespace, name) = (environment.namespace().unwrap_or_default(), environment.name_any());
    let memory = {
        let mut memories = context.memories.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Arc::clone(memories.entry((namespace.clone(), name.clone())).or_default())
    };
    let mut memory = memory.lock().await;
    let cluster = reach(context, &mut memory, endpoint, kubeconfig)?;
    let flows = flows(context, environment, &namespace).await?;
    let seen = look(&cluster).await?;
    let flows = flows.as_ref().map(|(file, text)| (file.as_str(), text.as_str()));
    let plan = plan(&name, flows, &seen, &memory.policies);
    act(&cluster, &plan).await.map_err(|error| plain(&error))?;
    for policy in &plan.apply {
        memory.policies.extend(print_of(policy).map(|print| (place(policy), print)));
    }
    for (namespace, name) in &plan.delete {
        memory.policies.remove(&format!("{namespace}/{name}"));
    }
    let exported = exported(flows, &after(&seen, &plan));
    let seal = print(format!("{exported:?}").as_bytes());
    let written = match &memory.written {
        Some((known, drift)) if *known == seal => Written { drift: *drift, taken: None },
        _ => matrix::write(context, environment, exported).await?,
    };
    memory.written = written.taken.is_none().then_some((seal, written.drift));
    let told = plan.drift.iter().map(|policy| {
        tracing::warn!(
            environment = name,
            namespace,
            policy,
            "a policy was changed by somebody else and is put back"
        );
        say!(
            "la politique {policy} a été changée par quelqu'un d'autre ; elle est rétablie",
            "the policy {policy} was changed by somebody else and is put back"
        )
    });
    Ok(Kept { told: told.collect(), verdict: verdict(&plan, written) })
}

/// What would be done in a cluster, and nothing is.
///
/// # Errors
/// Why the cluster can't be asked, in a sentence.
pub async fn planned(
    context: &Context,
    environment: &Environment,
    endpoint: &Endpoint,
    kubeconfig: &str,
) -> Result<(Seen, Plan), String> {
    let namespace = environment.namespace().unwrap_or_default();
    let cluster = reach(context, &mut Memory::default(), endpoint, kubeconfig)?;
    let flows = flows(context, environment, &namespace).await?;
    let seen = look(&cluster).await?;
    let flows = flows.as_ref().map(|(file, text)| (file.as_str(), text.as_str()));
    let plan = plan(&environment.name_any(), flows, &seen, &BTreeMap::new());
    Ok((seen, plan))
}

/// Why a cluster's policies are not known.
pub fn unasked(why: &str) -> String {
    say!("la grappe ne répond pas : {why}", "the cluster can't be asked: {why}")
}

/// Removes what was written down of an environment's matrix.
///
/// # Errors
/// When the API server refuses.
pub async fn forget(context: &Context, environment: &Environment) -> Result<(), kube::Error> {
    matrix::forget(context, environment).await
}

fn verdict(plan: &Plan, written: Written) -> Verdict {
    if let Some(problem) = &plan.problem {
        return Verdict::No(
            "Matrix",
            say!(
                "fermé, mais la matrice des flux n'est pas en vigueur : {problem}",
                "closed, but the flow matrix is not in force: {problem}"
            ),
        );
    }
    if !plan.foreign.is_empty() {
        let names = plan.foreign.iter().take(10).cloned().collect::<Vec<_>>().join(", ");
        let flows = written.drift;
        return Verdict::No(
            "ForeignPolicies",
            say!(
                "des politiques de quelqu'un d'autre peuvent ouvrir davantage : {names} ({flows} écarts à la matrice)",
                "policies of others may let more through: {names} ({flows} differences from the matrix)"
            ),
        );
    }
    if let Some(name) = written.taken {
        return Verdict::No(
            "Conflict",
            say!(
                "le ConfigMap {name} est à quelqu'un d'autre : la matrice de ce qui passe n'est pas écrite",
                "the ConfigMap {name} belongs to somebody else: the matrix of what passes is not written"
            ),
        );
    }
    let count = plan.policies;
    Verdict::Yes(
        "AsDeclared",
        say!("{count} politiques sont comme déclaré", "{count} policies are as declared"),
    )
}

/// The client of a cluster, made anew when its kubeconfig was rotated.
fn reach(
    context: &Context,
    memory: &mut Memory,
    endpoint: &Endpoint,
    kubeconfig: &str,
) -> Result<Client, String> {
    let seal = print(kubeconfig.as_bytes());
    if let Some((known, client)) = &memory.client
        && *known == seal
    {
        return Ok(client.clone());
    }
    let server = Server::of_secret(kubeconfig, endpoint)?;
    if !context.settings.loopback_clusters {
        inside(endpoint)?;
    }
    // Requests to an environment's cluster are not requests to ours.
    let made = client(&server, &Arc::new(Tally::default()), Pace::of_environment())
        .map_err(|error| error.to_string())?;
    memory.client = Some((seal, made.clone()));
    Ok(made)
}

/// Refuses endpoints that are this machine's own: what listens beside the operator is no cluster.
pub fn inside(endpoint: &Endpoint) -> Result<(), String> {
    use intramuros_egress::address::{Kind, kind_of};
    let Ok(address) = endpoint.host.parse() else { return Ok(()) };
    match kind_of(address) {
        Kind::Public | Kind::Private => Ok(()),
        other => Err(say!(
            "le point d'accès {address} de la grappe est {other}, où aucune grappe ne répond",
            "the cluster's endpoint {address} is {other}, where no cluster answers"
        )),
    }
}

/// The flow matrix: file name and text.
async fn flows(
    context: &Context,
    environment: &Environment,
    namespace: &str,
) -> Result<Option<(String, String)>, String> {
    let Some(flows) = &environment.spec.flows else { return Ok(None) };
    let api: Api<ConfigMap> = Api::namespaced(context.client.clone(), namespace);
    let map = api.get_opt(&flows.config_map).await.map_err(|error| plain(&error))?;
    let text = map.and_then(|map| map.data?.remove(&flows.key));
    // A matrix that is missing opens nothing: it is read as one that can't be.
    Ok(Some((
        flows.key.clone(),
        text.unwrap_or_else(|| format!("the ConfigMap {} has no '{}'", flows.config_map, flows.key)),
    )))
}

fn policies(cluster: &Client) -> (ApiResource, Api<DynamicObject>) {
    let resource = resource("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies");
    let api = Api::all_with(cluster.clone(), &resource);
    (resource, api)
}

fn resource(group: &str, version: &str, kind: &str, plural: &str) -> ApiResource {
    let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version,
        kind: kind.to_owned(),
        plural: plural.to_owned(),
    }
}

async fn look(cluster: &Client) -> Result<Seen, String> {
    let mut seen = Seen::default();
    for (group, version, kind, plural) in READ {
        let resource = resource(group, version, kind, plural);
        let api = Api::<DynamicObject>::all_with(cluster.clone(), &resource);
        seen.objects.extend(list(&api, &resource).await?);
    }
    let (resource, api) = policies(cluster);
    seen.policies = list(&api, &resource).await?;
    Ok(seen)
}

async fn list(api: &Api<DynamicObject>, resource: &ApiResource) -> Result<Vec<Value>, String> {
    let mut found = Vec::new();
    let mut parameters = ListParams::default().limit(PAGE);
    for _ in 0..MAX_PAGES {
        let page = api.list(&parameters).await.map_err(|error| plain(&error))?;
        found.extend(page.items.into_iter().map(|object| {
            let mut value = value_of(object);
            // A list's items do not say what they are.
            value["apiVersion"] = resource.api_version.clone().into();
            value["kind"] = resource.kind.clone().into();
            if let Some(object) = value.as_object_mut() {
                object.remove("status");
            }
            value
        }));
        match page.metadata.continue_.filter(|next| !next.is_empty()) {
            Some(next) => parameters = parameters.continue_token(&next),
            None => return Ok(found),
        }
    }
    // With a part of them the policies would be wrong.
    let (most, kind) = (MAX_PAGES * PAGE as usize, &resource.kind);
    Err(say!(
        "elle a plus de {most} objets {kind} : trop pour une matrice",
        "it has more than {most} objects {kind}: too many for one matrix"
    ))
}

async fn act(cluster: &Client, plan: &Plan) -> Result<(), kube::Error> {
    let (resource, _) = policies(cluster);
    let of = |namespace: &str| Api::<DynamicObject>::namespaced_with(cluster.clone(), namespace, &resource);
    let parameters = PatchParams::apply(MANAGER).force();
    for policy in &plan.apply {
        let place = place(policy);
        let Some((namespace, name)) = place.split_once('/') else { continue };
        of(namespace).patch(name, &parameters, &Patch::Apply(policy)).await?;
    }
    for (namespace, name) in &plan.delete {
        match of(namespace).delete(name, &DeleteParams::default()).await {
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            other => drop(other?),
        }
    }
    Ok(())
}
