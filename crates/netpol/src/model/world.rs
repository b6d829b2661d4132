//! What is declared: namespaces, pods and their owners, services, routes, nodes and policies?

use super::labels::{Labels, NAMESPACE_NAME, Selector};
use super::policy::Policy;
use super::ports::Protocol;
use crate::error::Origin;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

/// A namespace.
#[derive(Clone, Debug)]
pub struct Namespace {
    /// Its name.
    pub name: String,
    /// Its labels, with the one that holds its name.
    pub labels: Labels,
    /// Where it is declared; `None` when it is only mentioned.
    pub origin: Option<Origin>,
}

/// A port that a container declares.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerPort {
    /// Its name, if any.
    pub name: Option<String>,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its number.
    pub port: u16,
}

/// A text of a pod that may name another service: an environment value, an argument.
#[derive(Clone, Debug)]
pub struct Mention {
    /// Where it stands: `env DATABASE_URL`, `argument 2`, `ConfigMap app-config, key url`.
    pub place: String,
    /// The text.
    pub text: String,
    /// Where it is written.
    pub origin: Origin,
}

/// A pod, or the pods that a workload makes (they are alike).
#[derive(Clone, Debug)]
pub struct Pod {
    /// Its namespace.
    pub namespace: String,
    /// Its name, or the workload's.
    pub name: String,
    /// Name and kind of the workload that owns it; itself for a bare pod.
    pub owner: (String, String),
    /// Its labels.
    pub labels: Labels,
    /// The ports that its containers declare.
    pub ports: Vec<ContainerPort>,
    /// Whether it uses the node's network.
    pub host_network: bool,
    /// Its service account.
    pub service_account: String,
    /// Its addresses, when known.
    pub addresses: Vec<IpAddr>,
    /// The node it runs on, when known.
    pub node: Option<String>,
    /// How many pods it stands for.
    pub replicas: u32,
    /// Texts that may name what it calls.
    pub mentions: Vec<Mention>,
    /// ConfigMaps that it reads.
    pub config_maps: Vec<String>,
    /// Whether it declares network probes.
    pub probes: bool,
    /// What was odd about it, one sentence each, with file and line.
    pub remarks: Vec<String>,
    /// Where it is declared.
    pub origin: Origin,
}

impl Pod {
    /// `namespace/name[Kind]` of its owner.
    pub fn title(&self) -> String {
        format!("{}/{}[{}]", self.namespace, self.owner.0, self.owner.1)
    }
}

/// A port of a Service, or the backend port of a route.
#[derive(Clone, Debug)]
pub struct ServicePort {
    /// Its name, if any.
    pub name: Option<String>,
    /// Its protocol.
    pub protocol: Protocol,
    /// The number that clients use.
    pub port: u16,
    /// The number or name in the pod.
    pub target: TargetPort,
}

/// The port in the pod behind a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetPort {
    /// By number.
    Number(u16),
    /// By the name of a container port.
    Name(String),
}

/// A Service.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// The pods behind it; `None` when it has no selector.
    pub selector: Option<Selector>,
    /// Its ports.
    pub ports: Vec<ServicePort>,
    /// `ClusterIP`, `NodePort`, `LoadBalancer` or `ExternalName`.
    pub kind: String,
    /// The name it stands for (`ExternalName`).
    pub external_name: Option<String>,
    /// Where it is declared.
    pub origin: Origin,
}

/// A way into the cluster: one backend of an Ingress, an HTTPRoute, a GRPCRoute, a TCPRoute, …
#[derive(Clone, Debug)]
pub struct Route {
    /// `Ingress`, `HTTPRoute`, …
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Namespace of the backend Service.
    pub service_namespace: String,
    /// The backend Service.
    pub service: String,
    /// Its port: number or name; `None` means all.
    pub port: Option<TargetPort>,
    /// Where it is declared.
    pub origin: Origin,
}

/// A node.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

/// Everything that was read.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// By name.
    pub namespaces: BTreeMap<String, Namespace>,
    /// In the order of reading.
    pub pods: Vec<Pod>,
    /// In the order of reading.
    pub services: Vec<Service>,
    /// In the order of reading.
    pub routes: Vec<Route>,
    /// In the order of reading.
    pub nodes: Vec<Node>,
    /// Service accounts with their labels.
    pub service_accounts: HashMap<(String, String), Labels>,
    /// Texts of ConfigMaps, by namespace and name.
    pub config_maps: HashMap<(String, String), Vec<Mention>>,
    /// In the order of reading.
    pub policies: Vec<Policy>,
    /// Calico's own tiers, first asked first: name, and whether what no rule decides goes on to the next tier.
    pub tiers: Vec<(String, bool)>,
    /// What was read but not understood fully, one sentence each, with file and line.
    pub warnings: Vec<String>,
}

impl World {
    /// Declares the namespaces that objects mention but no manifest declares: they exist in the cluster with their name label.
    pub fn complete_namespaces(&mut self) {
        let mut names: Vec<String> = self.pods.iter().map(|pod| pod.namespace.clone()).collect();
        names.extend(self.services.iter().map(|service| service.namespace.clone()));
        names.extend(self.policies.iter().filter_map(|policy| policy.namespace.clone()));
        for name in names {
            self.namespaces.entry(name.clone()).or_insert_with(|| Namespace {
                labels: Labels::from([(NAMESPACE_NAME.to_owned(), name.clone())]),
                name,
                origin: None,
            });
        }
    }

    /// The Service of this name.
    pub fn service(&self, namespace: &str, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.namespace == namespace && service.name == name)
    }

    /// The pods behind a Service, by index.
    pub fn backends(&self, service: &Service) -> Vec<usize> {
        let Some(selector) = &service.selector else { return Vec::new() };
        (0..self.pods.len())
            .filter(|&at| {
                self.pods[at].namespace == service.namespace && selector.matches(&self.pods[at].labels)
            })
            .collect()
    }
}
