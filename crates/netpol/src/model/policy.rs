//! What does a policy say, whichever dialect it was written in?

use super::address::Addresses;
use super::labels::Selector;
use super::ports::{Connections, Protocol};
use crate::error::Origin;

/// The dialect a policy was written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// `networking.k8s.io/v1 NetworkPolicy`.
    NetworkPolicy,
    /// `policy.networking.k8s.io/v1alpha1 AdminNetworkPolicy`.
    AdminNetworkPolicy,
    /// `policy.networking.k8s.io/v1alpha1 BaselineAdminNetworkPolicy`.
    BaselineAdminNetworkPolicy,
    /// `policy.networking.k8s.io/v1alpha2 ClusterNetworkPolicy`.
    ClusterNetworkPolicy,
    /// `cilium.io/v2 CiliumNetworkPolicy`.
    CiliumNetworkPolicy,
    /// `cilium.io/v2 CiliumClusterwideNetworkPolicy`.
    CiliumClusterwideNetworkPolicy,
    /// `projectcalico.org/v3 NetworkPolicy`.
    CalicoNetworkPolicy,
    /// `projectcalico.org/v3 GlobalNetworkPolicy`.
    CalicoGlobalNetworkPolicy,
}

impl Dialect {
    /// The kind, as messages call it.
    pub fn kind(self) -> &'static str {
        match self {
            Self::NetworkPolicy => "NetworkPolicy",
            Self::AdminNetworkPolicy => "AdminNetworkPolicy",
            Self::BaselineAdminNetworkPolicy => "BaselineAdminNetworkPolicy",
            Self::ClusterNetworkPolicy => "ClusterNetworkPolicy",
            Self::CiliumNetworkPolicy => "CiliumNetworkPolicy",
            Self::CiliumClusterwideNetworkPolicy => "CiliumClusterwideNetworkPolicy",
            Self::CalicoNetworkPolicy => "Calico NetworkPolicy",
            Self::CalicoGlobalNetworkPolicy => "Calico GlobalNetworkPolicy",
        }
    }
}

/// The `order` of Calico: lower first, none last. Kept as whole thousandths so that it can be compared exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Order(i64);

impl Order {
    /// Without an order: after all others.
    pub const LAST: Self = Self(i64::MAX);

    /// The order of a number.
    #[allow(clippy::cast_possible_truncation)]
    pub fn of(number: f64) -> Self {
        Self((number * 1000.0).clamp(-1e18, 1e18) as i64)
    }
}

/// When a policy is asked, first to last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// Before everything; lower numbers first; rules in their order, the first that matches decides.
    Admin(i32),
    /// A tier of Calico's own, by its place in `World::tiers`, and the order in it; rules in their order.
    Custom(u16, Order),
    /// Calico's default tier, before the NetworkPolicies that it also holds.
    Before(Order),
    /// NetworkPolicy and Cilium: selecting a pod isolates it; allows add up, denies win.
    Namespaced,
    /// Calico's default tier, after the NetworkPolicies that it also holds.
    After(Order),
    /// After everything else has left the question open; rules in their order.
    Baseline(i32),
}

/// What a rule does with the traffic that it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Lets it through.
    Allow,
    /// Drops it.
    Deny,
    /// Leaves the decision to the next tier.
    Pass,
}

/// The way of the traffic, seen from the pod that the policy selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Towards the selected pod.
    Ingress,
    /// From the selected pod.
    Egress,
}

/// Which namespaces a peer or subject is in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NamespaceSet {
    /// The policy's own namespace.
    Own,
    /// The namespaces whose labels match.
    Match(Selector),
}

/// Pods by namespace and label; host-network pods are never among them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PodSet {
    /// Where they are.
    pub namespaces: NamespaceSet,
    /// Which of the pods there.
    pub pods: Selector,
}

/// One end of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Peer {
    /// Pods by label.
    Pods(PodSet),
    /// Addresses; `pods` says whether pods with such an address are meant too (NetworkPolicy and `networks`: yes; Cilium: no).
    Block {
        /// The addresses, exceptions removed.
        addresses: Addresses,
        /// Whether pods whose address is known and inside are matched too.
        pods: bool,
        /// Whether pods whose address is unknown are matched when the block is a whole address family.
        unknown_pods: bool,
    },
    /// Host names: exact, or with a leading `*.`.
    Names(Vec<String>),
    /// Nodes by label, with the host-network pods that run on them.
    Nodes(Selector),
    /// Everything outside the cluster (Cilium `world`).
    World,
    /// Every pod and node of the cluster (Cilium `cluster`).
    Cluster,
    /// Nodes, and host-network pods (Cilium `host`, `remote-node`).
    Hosts,
    /// The API server of the cluster.
    ApiServer,
    /// Everything (Cilium `all`; a rule without peers).
    Anything,
    /// The pods behind a Service (Cilium `toServices`).
    Service {
        /// Namespace of the Service.
        namespace: String,
        /// Name of the Service.
        name: String,
    },
}

/// One port condition of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PortMatch {
    /// Protocols and port numbers.
    Numbers(Connections),
    /// A port by its name in the destination pod; any protocol when none is given.
    Named(Option<Protocol>, String),
}

/// One rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What it does.
    pub action: Action,
    /// The other end: any of these.
    pub peers: Vec<Peer>,
    /// The ports: any of these; `None` means all.
    pub ports: Option<Vec<PortMatch>>,
    /// Its name, when the dialect has one.
    pub name: Option<String>,
    /// Where it is written.
    pub origin: Origin,
}

/// The rules of one direction.
#[derive(Clone, Debug, Default)]
pub struct Side {
    /// Whether selecting a pod refuses what no rule allows (not in the Admin and Baseline tiers).
    pub isolates: bool,
    /// The rules in order.
    pub rules: Vec<Rule>,
}

/// A policy of any dialect.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The dialect it was written in.
    pub dialect: Dialect,
    /// Its namespace; `None` for cluster-wide ones.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// When it is asked.
    pub tier: Tier,
    /// The pods it applies to.
    pub subject: PodSet,
    /// What may come in.
    pub ingress: Side,
    /// What may go out.
    pub egress: Side,
    /// Annotations that matter to us: matrix line and justification.
    pub annotations: Vec<(String, String)>,
    /// Where it is written.
    pub origin: Origin,
}

impl Policy {
    /// `Kind namespace/name`, as messages call it.
    pub fn title(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{} {namespace}/{}", self.dialect.kind(), self.name),
            None => format!("{} {}", self.dialect.kind(), self.name),
        }
    }

    /// Whether another policy of the same name decides the same, wherever it is written.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let same = |a: &Side, b: &Side| {
            a.isolates == b.isolates
                && a.rules.len() == b.rules.len()
                && a.rules
                    .iter()
                    .zip(&b.rules)
                    .all(|(a, b)| (a.action, &a.peers, &a.ports) == (b.action, &b.peers, &b.ports))
        };
        self.tier == other.tier
            && self.subject == other.subject
            && same(&self.ingress, &other.ingress)
            && same(&self.egress, &other.egress)
    }

    /// The rules of a direction.
    pub fn side(&self, direction: Direction) -> &Side {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }
}
