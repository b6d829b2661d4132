//! Which rights does the operator need? Written once, turned into roles, and held against the requests that it really
//! sends (`edge::tally`) by a test on a real API server.

use serde_json::{Value, json};

/// Where a right is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In the whole cluster: kinds without a namespace.
    Cluster,
    /// In namespaces of environments.
    Environments,
    /// In the operator's own namespace.
    Home,
}

/// One right: verbs on a resource of a group.
#[derive(Clone, Copy, Debug)]
pub struct Right {
    /// Where.
    pub scope: Scope,
    /// The API group; empty for the core.
    pub group: &'static str,
    /// The resource, with its subresource.
    pub resource: &'static str,
    /// What may be done.
    pub verbs: &'static [&'static str],
}

const fn right(
    scope: Scope,
    group: &'static str,
    resource: &'static str,
    verbs: &'static [&'static str],
) -> Right {
    Right { scope, group, resource, verbs }
}

const OURS: &str = crate::resources::GROUP;
const CLUSTER_API: &str = crate::plan::cluster::GROUP;

/// Every right. `create` stands beside `patch` where server-side apply makes the object.
pub const RIGHTS: &[Right] = &[
    right(Scope::Cluster, OURS, "meshconnections", &["list", "watch", "patch"]),
    right(Scope::Cluster, OURS, "meshconnections/status", &["patch"]),
    right(Scope::Cluster, OURS, "bastionconnections", &["list", "watch", "patch"]),
    right(Scope::Cluster, OURS, "bastionconnections/status", &["patch"]),
    right(Scope::Environments, OURS, "environments", &["list", "watch", "patch"]),
    right(Scope::Environments, OURS, "environments/status", &["patch"]),
    right(
        Scope::Environments,
        CLUSTER_API,
        "clusters",
        &["get", "list", "watch", "create", "patch", "delete"],
    ),
    right(Scope::Environments, CLUSTER_API, "machines", &["list", "watch"]),
    right(Scope::Environments, CLUSTER_API, "clusterclasses", &["list", "watch"]),
    right(Scope::Environments, "", "secrets", &["list", "watch", "create", "patch", "delete"]),
    right(Scope::Environments, "", "configmaps", &["get", "create", "patch", "delete"]),
    right(Scope::Environments, "events.k8s.io", "events", &["create"]),
    right(Scope::Home, "", "secrets", &["list", "watch"]),
    right(Scope::Home, "coordination.k8s.io", "leases", &["get", "create", "update"]),
];

/// The rules of a scope, as roles hold them.
pub fn rules(scope: Scope) -> Vec<Value> {
    RIGHTS
        .iter()
        .filter(|right| right.scope == scope)
        .map(|right| json!({ "apiGroups": [right.group], "resources": [right.resource], "verbs": right.verbs }))
        .collect()
}
