//! Which pods do workloads make, and who owns each pod?

use super::Meta;
use super::fields::Fields;
use crate::document::Node;
use crate::error::Result;
use crate::language::say;
use crate::model::world::{ContainerPort, Mention, Pod};
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

/// Owners of owners that no controller makes: Pod, ReplicaSet, Deployment, and two to spare.
const MAX_OWNERS: usize = 5;

/// A workload as read: the pod it makes and who controls it.
pub struct Workload {
    kind: String,
    controller: Option<(String, String)>,
    pod: Pod,
}

impl Workload {
    /// Whether it is the object of this kind, namespace and name.
    pub fn is(&self, kind: &str, namespace: &str, name: &str) -> bool {
        self.kind == kind && self.pod.namespace == namespace && self.pod.name == name
    }
}

/// Whether this kind makes pods.
pub fn is_workload(group: &str, kind: &str) -> bool {
    matches!(
        (group, kind),
        ("", "Pod" | "ReplicationController")
            | ("apps" | "extensions", "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet")
            | ("batch", "Job" | "CronJob")
            | ("apps.openshift.io", "DeploymentConfig")
            | ("argoproj.io", "Rollout")
            | (
                "kubevirt.io",
                "VirtualMachine" | "VirtualMachineInstance" | "VirtualMachineInstanceReplicaSet"
            )
    )
}

/// The workload of an object; nothing for pods that have ended.
pub fn read(fields: &Fields, node: &Node, kind: &str, meta: Meta) -> Result<Option<Workload>> {
    let phase = node.at(&["status", "phase"]).and_then(Node::text);
    if kind == "Pod" && matches!(phase, Some("Succeeded" | "Failed")) {
        return Ok(None);
    }
    let template = match kind {
        "Pod" | "VirtualMachineInstance" => Some(node),
        "CronJob" => node.at(&["spec", "jobTemplate", "spec", "template"]),
        _ => node.at(&["spec", "template"]),
    };
    let template = template.ok_or_else(|| {
        fields.fail(
            node,
            say!("{kind} {} : son modèle de pod manque", "{kind} {}: its pod template is missing", meta.name),
        )
    })?;
    let spec = template.get("spec").ok_or_else(|| {
        fields.fail(
            template,
            say!("{kind} {} : la spec du pod manque", "{kind} {}: the pod's spec is missing", meta.name),
        )
    })?;
    let mut controller = None;
    for reference in fields.list(node.get("metadata").unwrap_or(node), "ownerReferences")? {
        // An owner without a kind can only be named; a node owns its static pods without making them a workload.
        let owner = (fields.required(reference, "name")?, fields.text(reference, "kind")?.unwrap_or(kind));
        if owner.1 == "Node" {
            continue;
        }
        if controller.is_none() || fields.flag(reference, "controller")? == Some(true) {
            controller = Some((owner.0.to_owned(), owner.1.to_owned()));
        }
    }
    let replicas = node.at(&["spec", "replicas"]).and_then(Node::text).and_then(|text| text.parse().ok());
    let mut pod = Pod {
        owner: (meta.name.clone(), kind.to_owned()),
        namespace: meta.namespace,
        name: meta.name,
        labels: fields.labels(template.at(&["metadata", "labels"]))?,
        ports: Vec::new(),
        host_network: fields.flag(spec, "hostNetwork")?.unwrap_or(false),
        service_account: fields.text(spec, "serviceAccountName")?.unwrap_or("default").to_owned(),
        addresses: addresses(fields, node)?,
        node: fields.text(spec, "nodeName")?.map(str::to_owned),
        replicas: replicas.unwrap_or(1),
        mentions: Vec::new(),
        config_maps: Vec::new(),
        probes: false,
        remarks: Vec::new(),
        origin: fields.origin(node),
    };
    containers(fields, spec, &mut pod)?;
    Ok(Some(Workload { kind: kind.to_owned(), controller, pod }))
}

fn addresses(fields: &Fields, node: &Node) -> Result<Vec<IpAddr>> {
    let Some(status) = node.get("status") else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    let mut push = |text: Option<&str>| -> Result<()> {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            let address = text.parse().map_err(|_| {
                fields.fail(status, say!("« {text} » n'est pas une adresse", "'{text}' is not an address"))
            })?;
            if !found.contains(&address) {
                found.push(address);
            }
        }
        Ok(())
    };
    push(status.get("podIP").and_then(Node::text))?;
    for item in fields.list(status, "podIPs")? {
        push(fields.text(item, "ip")?)?;
    }
    Ok(found)
}

fn containers(fields: &Fields, spec: &Node, pod: &mut Pod) -> Result<()> {
    for container in fields.list(spec, "containers")? {
        container_ports(fields, container, pod)?;
        mentions(fields, container, pod)?;
    }
    for container in fields.list(spec, "initContainers")? {
        if fields.text(container, "restartPolicy")? == Some("Always") {
            container_ports(fields, container, pod)?;
        }
        mentions(fields, container, pod)?;
    }
    for volume in fields.list(spec, "volumes")? {
        if let Some(map) = volume.get("configMap") {
            pod.config_maps.extend(fields.text(map, "name")?.map(str::to_owned));
        }
    }
    pod.ports.sort();
    pod.ports.dedup();
    pod.config_maps.sort();
    pod.config_maps.dedup();
    Ok(())
}

fn container_ports(fields: &Fields, container: &Node, pod: &mut Pod) -> Result<()> {
    for port in fields.list(container, "ports")? {
        if port.get("containerPort").is_none() {
            let origin = fields.origin(port);
            pod.remarks.push(say!(
                "{origin} : un port sans containerPort, ce que le serveur d'API refuse : laissé de côté",
                "{origin}: a port without containerPort, which the API server refuses: left out"
            ));
            continue;
        }
        pod.ports.push(ContainerPort {
            name: fields.text(port, "name")?.map(str::to_owned),
            protocol: fields.protocol(port, "protocol")?,
            port: fields.port_field(port, "containerPort")?,
        });
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        pod.probes |= container
            .get(probe)
            .is_some_and(|probe| ["httpGet", "tcpSocket", "grpc"].iter().any(|way| probe.get(way).is_some()));
    }
    Ok(())
}

fn mentions(fields: &Fields, container: &Node, pod: &mut Pod) -> Result<()> {
    for variable in fields.list(container, "env")? {
        let name = fields.text(variable, "name")?.unwrap_or_default();
        if let Some(value) = variable.get("value").and_then(Node::text) {
            let place = format!("env {name}");
            pod.mentions.push(Mention { place, text: value.to_owned(), origin: fields.origin(variable) });
        }
        let from = variable.at(&["valueFrom", "configMapKeyRef", "name"]).and_then(Node::text);
        pod.config_maps.extend(from.map(str::to_owned));
    }
    for source in fields.list(container, "envFrom")? {
        let from = source.at(&["configMapRef", "name"]).and_then(Node::text);
        pod.config_maps.extend(from.map(str::to_owned));
    }
    for key in ["command", "args"] {
        for (at, item) in fields.list(container, key)?.iter().enumerate() {
            if let Some(text) = item.text() {
                let place = format!("{key} {}", at + 1);
                pod.mentions.push(Mention { place, text: text.to_owned(), origin: fields.origin(item) });
            }
        }
    }
    Ok(())
}

/// The pods of all workloads: live pods take the place of the templates that made them, and carry the name of the
/// outermost owner that was read (or of their controller, when only its name is known).
pub fn resolve(workloads: Vec<Workload>) -> Vec<Pod> {
    type Key = (String, String, String);
    let key = |workload: &Workload| -> Key {
        (workload.pod.namespace.clone(), workload.kind.clone(), workload.pod.name.clone())
    };
    let controllers: HashMap<Key, Option<(String, String)>> =
        workloads.iter().map(|workload| (key(workload), workload.controller.clone())).collect();
    let root = |workload: &Workload| -> (String, String) {
        let mut current = (workload.pod.name.clone(), workload.kind.clone());
        for step in 0..MAX_OWNERS {
            let at = (workload.pod.namespace.clone(), current.1.clone(), current.0.clone());
            match controllers.get(&at) {
                Some(Some(owner)) => {
                    let present = controllers.contains_key(&(at.0.clone(), owner.1.clone(), owner.0.clone()));
                    if !present && step > 0 {
                        return current;
                    }
                    current = owner.clone();
                }
                _ => return current,
            }
        }
        current
    };
    let roots: Vec<(String, String)> = workloads.iter().map(root).collect();
    let mut alive: HashSet<(String, (String, String))> = HashSet::new();
    for (workload, root) in workloads.iter().zip(&roots) {
        if workload.kind == "Pod" {
            alive.insert((workload.pod.namespace.clone(), root.clone()));
        }
    }
    let mut pods = Vec::with_capacity(workloads.len());
    for (workload, root) in workloads.into_iter().zip(roots) {
        let own = (workload.pod.name.clone(), workload.kind.clone());
        let made_by_another = own != root && workload.kind != "Pod";
        let replaced =
            workload.kind != "Pod" && alive.contains(&(workload.pod.namespace.clone(), root.clone()));
        let outer_known =
            controllers.contains_key(&(workload.pod.namespace.clone(), root.1.clone(), root.0.clone()));
        if replaced || (made_by_another && outer_known) {
            continue;
        }
        let mut pod = workload.pod;
        if workload.kind == "Pod" {
            pod.owner = root;
        }
        pods.push(pod);
    }
    pods
}
