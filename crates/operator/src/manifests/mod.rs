//! What must be applied to a cluster so that the operator runs there? Resource types, rights, the program under
//! restricted pod security, and a network policy of its own; as YAML or as a Helm chart.

pub mod classes;
pub mod helm;
pub mod rights;

use kube::CustomResourceExt;
use rights::{Scope, rules};
use serde_json::{Value, json};

use crate::resources::{BastionConnection, Environment, GROUP, MeshConnection};

/// The name of everything that belongs to the operator.
pub const NAME: &str = "intramuros-operator";

/// The port of metrics and probes.
pub const METRICS_PORT: u16 = 8080;

/// Ports that the operator must reach: API servers, the mesh's management, the bastion.
const WAYS_OUT: [u16; 3] = [443, 6443, 8888];

/// What differs from one cluster to the next.
#[derive(Clone, Debug)]
pub struct Options {
    /// The operator's namespace.
    pub namespace: String,
    /// The image.
    pub image: String,
    /// Namespaces of environments; all of them when none is named.
    pub environments: Vec<String>,
}

/// The resource types.
pub fn resource_types() -> Vec<Value> {
    [Environment::crd(), MeshConnection::crd(), BastionConnection::crd()]
        .iter()
        .map(|crd| serde_json::to_value(crd).unwrap_or_default())
        .collect()
}

/// Everything, in the order in which it is applied.
pub fn all(options: &Options) -> Vec<Value> {
    let mut objects = vec![namespace(options)];
    objects.extend(resource_types());
    objects.extend(roles(options));
    objects.extend(bindings(options));
    objects.push(deployment(options));
    objects.push(network_policy(options));
    objects
}

/// Objects as one YAML text.
///
/// # Errors
/// Never for our own objects.
pub fn yaml(objects: &[Value]) -> Result<String, String> {
    let texts: Result<Vec<String>, _> = objects.iter().map(serde_saphyr::to_string).collect();
    Ok(texts
        .map_err(|error| error.to_string())?
        .iter()
        .map(|text| format!("---\n{}\n", text.trim_end()))
        .collect())
}

fn namespace(options: &Options) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": options.namespace,
            "labels": {
                "pod-security.kubernetes.io/enforce": "restricted",
                "pod-security.kubernetes.io/enforce-version": "latest",
            },
        },
    })
}

/// The operator's account and roles, and what people may do with environments.
pub fn roles(options: &Options) -> Vec<Value> {
    let role = |kind: &str, name: &str, rules: Vec<Value>| {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": kind,
            "metadata": { "name": name },
            "rules": rules,
        })
    };
    let mut home = role("Role", NAME, rules(Scope::Home));
    home["metadata"]["namespace"] = options.namespace.clone().into();
    let people = |to: &str, verbs: &[&str]| {
        let mut people = role(
            "ClusterRole",
            &format!("intramuros-environments-{to}"),
            vec![json!({ "apiGroups": [GROUP], "resources": ["environments"], "verbs": verbs })],
        );
        // Connections are the platform's: nobody gets rights on them with a namespace.
        people["metadata"]["labels"] =
            json!({ format!("rbac.authorization.k8s.io/aggregate-to-{to}"): "true" });
        people
    };
    vec![
        json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": { "name": NAME, "namespace": options.namespace },
            "automountServiceAccountToken": false,
        }),
        role("ClusterRole", &format!("{NAME}-connections"), rules(Scope::Cluster)),
        role("ClusterRole", &format!("{NAME}-environments"), rules(Scope::Environments)),
        home,
        people("view", &["get", "list", "watch"]),
        people("edit", &["get", "list", "watch", "create", "update", "patch", "delete"]),
    ]
}

/// Who has which role where.
pub fn bindings(options: &Options) -> Vec<Value> {
    let mut bindings = vec![
        binding(options, "ClusterRoleBinding", &format!("{NAME}-connections"), None, "ClusterRole"),
        binding(options, "RoleBinding", NAME, Some(&options.namespace), "Role"),
    ];
    let environments = format!("{NAME}-environments");
    if options.environments.is_empty() {
        bindings.push(binding(options, "ClusterRoleBinding", &environments, None, "ClusterRole"));
    }
    for namespace in &options.environments {
        bindings.push(binding(options, "RoleBinding", &environments, Some(namespace), "ClusterRole"));
    }
    bindings
}

fn binding(options: &Options, kind: &str, name: &str, namespace: Option<&str>, role: &str) -> Value {
    let mut binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": { "name": name },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": role, "name": name },
        "subjects": [{ "kind": "ServiceAccount", "name": NAME, "namespace": options.namespace }],
    });
    if let Some(namespace) = namespace {
        binding["metadata"]["namespace"] = namespace.into();
    }
    binding
}

/// The program: two of it, of which one acts.
pub fn deployment(options: &Options) -> Value {
    let labels = json!({ "app.kubernetes.io/name": NAME });
    let probe = |path: &str| json!({ "httpGet": { "path": path, "port": "metrics" }, "periodSeconds": 10 });
    let mut arguments =
        vec!["operator".to_owned(), "run".to_owned(), format!("--metrics=0.0.0.0:{METRICS_PORT}")];
    if !options.environments.is_empty() {
        arguments.push(format!("--namespaces={}", options.environments.join(",")));
    }
    let field =
        |name: &str, path: &str| json!({ "name": name, "valueFrom": { "fieldRef": { "fieldPath": path } } });
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": NAME, "namespace": options.namespace, "labels": labels },
        "spec": {
            "replicas": 2,
            "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels },
                "spec": {
                    "serviceAccountName": NAME,
                    "automountServiceAccountToken": true,
                    "securityContext": { "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } },
                    "terminationGracePeriodSeconds": 30,
                    "containers": [{
                        "name": "operator",
                        "image": options.image,
                        "args": arguments,
                        "env": [field("POD_NAME", "metadata.name"), field("POD_NAMESPACE", "metadata.namespace")],
                        "ports": [{ "name": "metrics", "containerPort": METRICS_PORT }],
                        "livenessProbe": probe("/healthz"),
                        "readinessProbe": probe("/readyz"),
                        "resources": {
                            "requests": { "cpu": "50m", "memory": "64Mi" },
                            "limits": { "memory": "256Mi" },
                        },
                        "securityContext": {
                            "allowPrivilegeEscalation": false,
                            "readOnlyRootFilesystem": true,
                            "runAsUser": 65532,
                            "capabilities": { "drop": ["ALL"] },
                        },
                    }],
                },
            },
        },
    })
}

/// What may reach the operator (collectors, on its metrics), and where it may go.
pub fn network_policy(options: &Options) -> Value {
    let port = |protocol: &str, port: u16| json!({ "protocol": protocol, "port": port });
    let resolver = json!({
        "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "kube-system" } },
        "podSelector": { "matchLabels": { "k8s-app": "kube-dns" } },
    });
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": { "name": NAME, "namespace": options.namespace },
        "spec": {
            "podSelector": { "matchLabels": { "app.kubernetes.io/name": NAME } },
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{ "ports": [port("TCP", METRICS_PORT)] }],
            "egress": [
                { "to": [resolver], "ports": [port("UDP", 53), port("TCP", 53)] },
                { "ports": WAYS_OUT.map(|number| port("TCP", number)) },
            ],
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_are_named_one_by_one() {
        for right in rights::RIGHTS {
            let all = [right.group, right.resource];
            assert!(all.iter().chain(right.verbs).all(|word| !word.contains('*')), "{right:?}");
        }
    }

    #[test]
    fn named_namespaces_take_the_place_of_the_whole_cluster() {
        let options = |environments: &[&str]| Options {
            namespace: "home".to_owned(),
            image: "image".to_owned(),
            environments: environments.iter().map(|name| (*name).to_owned()).collect(),
        };
        let kinds = |options: &Options| -> Vec<String> {
            bindings(options)
                .iter()
                .filter(|binding| binding["metadata"]["name"] == format!("{NAME}-environments"))
                .map(|binding| {
                    format!("{} {}", binding["kind"].as_str().unwrap(), binding["metadata"]["namespace"])
                })
                .collect()
        };
        assert_eq!(kinds(&options(&[])), ["ClusterRoleBinding null"]);
        assert_eq!(kinds(&options(&["a", "b"])), ["RoleBinding \"a\"", "RoleBinding \"b\""]);
    }
}
