//! Who plays Cluster API's controllers and the infrastructure? This: machines come and go as a Cluster's topology says,
//! they enrol with the key that lies in their Secret, and the API server "answers" once the mesh leads to it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use intramuros_operator::run::rows::resource;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

use crate::doubles::Shared;
use crate::doubles::netbird::NetBird;
use crate::server::apply;

const FINALIZER: &str = "cluster.cluster.x-k8s.io/test";

/// How clusters are played.
#[derive(Clone)]
pub struct Stage {
    /// The administrator's client.
    pub client: Client,
    /// The mesh, for machines that enrol and paths that stand.
    pub mesh: Shared<NetBird>,
    /// What answers as the clusters' API servers; with none, each cluster has an address of its own at which nothing
    /// answers, and no kubeconfig.
    pub workload: Option<Workload>,
    /// Clusters that are done, by version: they are not looked at again.
    pub settled: Arc<Mutex<HashMap<String, String>>>,
}

/// What answers as the API servers of clusters.
#[derive(Clone)]
pub enum Workload {
    /// One server for all, with its kubeconfig, at this port of this machine.
    One(String, u16),
    /// A server for each, by the number in the cluster's name (`tests/clusters`).
    Each(crate::measured::Servers),
}

impl Workload {
    fn endpoint(&self, cluster: &str) -> (String, u16) {
        match self {
            Workload::One(_, port) => ("127.0.0.1".to_owned(), *port),
            Workload::Each(servers) => servers.endpoint(cluster),
        }
    }

    fn kubeconfig(&self, cluster: &str) -> String {
        match self {
            Workload::One(kubeconfig, _) => kubeconfig.clone(),
            Workload::Each(servers) => servers.kubeconfig(cluster),
        }
    }
}

fn machines(client: &Client, namespace: &str) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), namespace, &resource("Machine", "machines"))
}

/// Plays until it is aborted.
pub async fn play(stage: Stage) {
    let kind: ApiResource = resource("Cluster", "clusters");
    let api: Api<DynamicObject> = Api::all_with(stage.client.clone(), &kind);
    loop {
        if let Ok(list) = api.list(&ListParams::default()).await {
            for cluster in list.items {
                let key = format!("{}/{}", cluster.namespace().unwrap(), cluster.name_any());
                let version = cluster.resource_version().unwrap_or_default();
                if stage.settled.lock().unwrap().get(&key) == Some(&version) {
                    continue;
                }
                // What fails is tried again: the operator may write at the same time.
                if scene(&stage, &cluster).await == Some(true) {
                    stage.settled.lock().unwrap().insert(key, version);
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
}

/// One look at one cluster. Whether nothing is left to be played until it changes.
async fn scene(stage: &Stage, cluster: &DynamicObject) -> Option<bool> {
    let (namespace, name) = (cluster.namespace()?, cluster.name_any());
    let api: Api<DynamicObject> =
        Api::namespaced_with(stage.client.clone(), &namespace, &resource("Cluster", "clusters"));
    if cluster.metadata.deletion_timestamp.is_some() {
        for machine in machines_of(stage, &namespace, &name).await? {
            let _ = machines(&stage.client, &namespace).delete(&machine, &DeleteParams::default()).await;
        }
        let free = json!({ "metadata": { "finalizers": null } });
        api.patch(&name, &PatchParams::default(), &Patch::Merge(&free)).await.ok()?;
        return Some(false);
    }
    if cluster.data.pointer("/spec/controlPlaneEndpoint/host").is_none() {
        let (host, port) = match &stage.workload {
            Some(workload) => workload.endpoint(&name),
            None => (address_of(&namespace, &name), 6443),
        };
        let patch = json!({
            "metadata": { "finalizers": [FINALIZER] },
            "spec": { "controlPlaneEndpoint": { "host": host, "port": port } },
        });
        api.patch(&name, &PatchParams::default(), &Patch::Merge(&patch)).await.ok()?;
        let status = json!({ "status": { "initialization": { "infrastructureProvisioned": true } } });
        api.patch_status(&name, &PatchParams::default(), &Patch::Merge(&status)).await.ok()?;
        return Some(false);
    }
    let settled = staff(stage, cluster, &namespace, &name).await?;
    let connected = reaches(stage, cluster);
    let known = cluster.data.pointer("/status/initialization/controlPlaneInitialized").is_some();
    if connected && !known {
        if let Some(workload) = &stage.workload {
            kubeconfig_secret(stage, &namespace, &name, &workload.kubeconfig(&name)).await;
        }
        let condition = |kind: &str| {
            json!({
                "type": kind, "status": "True", "reason": "Played", "message": "",
                "lastTransitionTime": "2026-11-22T10:00:00Z",
            })
        };
        let status = json!({ "status": {
            "initialization": { "infrastructureProvisioned": true, "controlPlaneInitialized": true },
            "conditions": [condition("RemoteConnectionProbe"), condition("Available")],
        }});
        api.patch_status(&name, &PatchParams::default(), &Patch::Merge(&status)).await.ok()?;
        return Some(false);
    }
    Some(settled && connected && known)
}

/// An address of its own for each cluster.
fn address_of(namespace: &str, name: &str) -> String {
    let hash = intramuros_operator::names::print(format!("{namespace}/{name}").as_bytes());
    let part = |at: usize| u8::from_str_radix(&hash[at..at + 2], 16).unwrap();
    format!("10.{}.{}.{}", part(0), part(2), part(4))
}

/// Whether the mesh leads from the management group to the cluster's endpoint.
fn reaches(stage: &Stage, cluster: &DynamicObject) -> bool {
    let host =
        cluster.data.pointer("/spec/controlPlaneEndpoint/host").and_then(Value::as_str).unwrap_or_default();
    let mesh = stage.mesh.lock().unwrap();
    let leads = mesh
        .resources
        .values()
        .find(|resource| resource["address"] == format!("{host}/32") || resource["address"] == host);
    let Some(resource) = leads else { return false };
    let peers = !mesh.peers.is_empty();
    peers
        && mesh
            .policies
            .values()
            .any(|policy| policy["name"] == resource["name"] && policy["enabled"] == true)
}

async fn machines_of(stage: &Stage, namespace: &str, cluster: &str) -> Option<Vec<String>> {
    let labels = format!("cluster.x-k8s.io/cluster-name={cluster}");
    let list = machines(&stage.client, namespace).list(&ListParams::default().labels(&labels)).await.ok()?;
    Some(list.items.iter().map(kube::ResourceExt::name_any).collect())
}

/// Machines as the topology says; control planes enrol one after another, as a kubeadm control plane makes them.
async fn staff(stage: &Stage, cluster: &DynamicObject, namespace: &str, name: &str) -> Option<bool> {
    let replicas =
        cluster.data.pointer("/spec/topology/controlPlane/replicas").and_then(Value::as_u64).unwrap_or(1);
    let mut wanted: Vec<(String, bool)> =
        (0..replicas).map(|number| (format!("{name}-cp-{number}"), true)).collect();
    let workers = cluster.data.pointer("/spec/topology/workers/machineDeployments").and_then(Value::as_array);
    for group in workers.into_iter().flatten() {
        let group_name = group["name"].as_str().unwrap_or_default();
        let count = group["replicas"].as_u64().unwrap_or_default();
        wanted.extend((0..count).map(|number| (format!("{name}-{group_name}-{number}"), false)));
    }
    let there = machines_of(stage, namespace, name).await?;
    for machine in there.iter().filter(|machine| !wanted.iter().any(|(name, _)| name == *machine)) {
        machines(&stage.client, namespace).delete(machine, &DeleteParams::default()).await.ok()?;
        let mut mesh = stage.mesh.lock().unwrap();
        mesh.peers.values_mut().filter(|peer| peer["hostname"] == **machine).for_each(|peer| {
            peer["connected"] = json!(false);
        });
    }
    for (number, (machine, control_plane)) in wanted.iter().enumerate() {
        if !there.contains(machine) {
            make(stage, namespace, name, machine, *control_plane, number).await;
        }
        if *control_plane && !enrolled(stage, machine) {
            let key = key(stage, namespace, name).await?;
            let _ = stage.mesh.lock().unwrap().enrol(&key, machine);
            // The next machine waits for this one.
            return Some(false);
        }
    }
    Some(true)
}

fn enrolled(stage: &Stage, machine: &str) -> bool {
    stage.mesh.lock().unwrap().peers.values().any(|peer| peer["hostname"] == machine)
}

async fn key(stage: &Stage, namespace: &str, name: &str) -> Option<String> {
    let api: Api<Secret> = Api::namespaced(stage.client.clone(), namespace);
    let secret = api.get_opt(&format!("{name}-mesh")).await.ok()??;
    String::from_utf8(secret.data?.get("key")?.0.clone()).ok()
}

async fn make(
    stage: &Stage,
    namespace: &str,
    cluster: &str,
    machine: &str,
    control_plane: bool,
    number: usize,
) {
    let mut labels = json!({ "cluster.x-k8s.io/cluster-name": cluster });
    if control_plane {
        labels["cluster.x-k8s.io/control-plane"] = json!("");
    }
    let reference = |kind: &str, group: &str| json!({ "apiGroup": group, "kind": kind, "name": "x" });
    apply(
        &stage.client,
        &json!({
            "apiVersion": "cluster.x-k8s.io/v1beta2",
            "kind": "Machine",
            "metadata": { "name": machine, "namespace": namespace, "labels": labels },
            "spec": {
                "clusterName": cluster,
                "bootstrap": { "dataSecretName": "none" },
                "infrastructureRef": reference("DevMachine", "infrastructure.cluster.x-k8s.io"),
            },
        }),
    )
    .await;
    let status = json!({ "status": { "addresses": [{ "type": "InternalIP", "address": format!("10.9.0.{}", number + 1) }] } });
    let _ = machines(&stage.client, namespace)
        .patch_status(machine, &PatchParams::default(), &Patch::Merge(&status))
        .await;
}

async fn kubeconfig_secret(stage: &Stage, namespace: &str, name: &str, kubeconfig: &str) {
    apply(
        &stage.client,
        &json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "cluster.x-k8s.io/secret",
            "metadata": {
                "name": format!("{name}-kubeconfig"), "namespace": namespace,
                "labels": { "cluster.x-k8s.io/cluster-name": name },
            },
            "stringData": { "value": kubeconfig },
        }),
    )
    .await;
}

/// A ClusterClass with our variables. What it refers to is played and need not exist.
pub fn class(namespace: &str) -> Value {
    let template = |kind: &str, group: &str| json!({ "templateRef": { "apiVersion": format!("{group}/v1beta2"), "kind": kind, "name": "x" } });
    let text = json!({ "openAPIV3Schema": { "type": "string" } });
    let list = json!({ "openAPIV3Schema": { "type": "array", "items": { "type": "string" } } });
    json!({
        "apiVersion": "cluster.x-k8s.io/v1beta2",
        "kind": "ClusterClass",
        "metadata": { "name": "small", "namespace": namespace },
        "spec": {
            "infrastructure": template("DevClusterTemplate", "infrastructure.cluster.x-k8s.io"),
            "controlPlane": template("KubeadmControlPlaneTemplate", "controlplane.cluster.x-k8s.io"),
            "workers": { "machineDeployments": [{
                "class": "worker",
                "bootstrap": template("KubeadmConfigTemplate", "bootstrap.cluster.x-k8s.io"),
                "infrastructure": template("DevMachineTemplate", "infrastructure.cluster.x-k8s.io"),
            }] },
            "variables": [
                { "name": "intramurosMeshSecret", "required": false, "schema": text },
                { "name": "intramurosBastionKeys", "required": false, "schema": list },
            ],
        },
    })
}
