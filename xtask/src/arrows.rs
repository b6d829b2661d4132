//! Do the crates depend only on what they may know?

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Dependencies that only the named crates may have: heavy trees stay in leaves, and each engine has one owner.
const OWNERS: &[(&str, &[&str])] = &[
    ("tantivy", &["intramuros-search"]),
    ("rten", &["intramuros-inference"]),
    ("tokenizers", &["intramuros-inference"]),
    ("llama-cpp-2", &["intramuros-inference"]),
    ("rusqlite", &["intramuros-store"]),
    ("axum", &["intramuros-server"]),
    ("rmcp", &["intramuros-server"]),
    ("syntect", &["intramuros-server"]),
    // The server's side of HTTP; the client's is egress' alone.
    ("hyper", &["intramuros-egress", "intramuros-server"]),
    ("hyper-util", &["intramuros-egress", "intramuros-server"]),
    ("reqwest", &[]),
    ("ureq", &[]),
    ("rustls", &["intramuros-egress"]),
    ("kube", &["intramuros-operator"]),
    ("k8s-openapi", &["intramuros-operator"]),
    ("landlock", &["intramuros-seal"]),
    ("seccompiler", &["intramuros-seal"]),
    ("hayro", &["intramuros-ingest"]),
    ("calamine", &["intramuros-ingest", "intramuros-netpol"]),
    ("notify", &["intramuros-library"]),
    ("clap", &["intramuros", "intramuros-netpol", "intramuros-operator", "intramuros-perimeter"]),
];

/// Packages that open connections of their own: HTTP, TLS, name resolution, other protocols. They may be reached through
/// the one door out and by no other way, however many dependencies lie between.
const CLIENTS: &[&str] = &[
    "attohttpc",
    "aws-config",
    "curl",
    "ftp",
    "h3",
    "hickory-client",
    "hickory-resolver",
    "hyper-rustls",
    "hyper-tls",
    "imap",
    "isahc",
    "lettre",
    "minreq",
    "mongodb",
    "native-tls",
    "openssl",
    "postgres",
    "quinn",
    "redis",
    "reqwest",
    "rustls",
    "s2n-quic",
    "self_update",
    "sentry",
    "ssh2",
    "suppaftp",
    "surf",
    "tokio-native-tls",
    "tokio-postgres",
    "tokio-rustls",
    "tonic",
    "trust-dns-resolver",
    "tungstenite",
    "ureq",
    "webpki-roots",
];

/// The one door out.
const DOOR: &str = "intramuros-egress";

/// What the pure crates may not know, by package.
const FORBIDDEN: &[(&str, &[&str])] = &[
    (
        "intramuros-core",
        &["tokio", "rusqlite", "tantivy", "axum", "rten", "hyper", "kube", "intramuros-store"],
    ),
    ("intramuros-assistant", &["tokio", "axum", "rusqlite", "intramuros-store", "intramuros-server"]),
    ("intramuros-search", &["axum", "rusqlite", "intramuros-store", "intramuros-server"]),
    ("intramuros-store", &["tantivy", "axum", "rten", "intramuros-search"]),
    (
        "intramuros-ingest",
        &["tantivy", "rten", "rusqlite", "intramuros-search", "intramuros-inference", "intramuros-store"],
    ),
    (
        "intramuros-inference",
        &["rusqlite", "tantivy", "intramuros-store", "intramuros-search", "intramuros-ingest"],
    ),
    ("intramuros-netpol", &["kube", "tokio"]),
    ("intramuros-operator", &["rusqlite", "tantivy", "axum", "intramuros-search", "intramuros-store"]),
    ("intramuros-egress", &["intramuros-store", "intramuros-ingest", "intramuros-search"]),
];

/// The faults of the dependency graph, direct dependencies without those for tests alone.
pub fn check(root: &Path) -> Vec<String> {
    let direct = match metadata(root, &["--no-deps"]) {
        Ok(metadata) => metadata,
        Err(error) => return vec![format!("cargo metadata: {error}")],
    };
    let graph = direct_dependencies(&direct);
    let mut faults = Vec::new();
    for (package, dependencies) in &graph {
        for (heavy, owners) in OWNERS {
            if dependencies.contains(*heavy) && !owners.contains(&package.as_str()) {
                faults.push(format!("{package}: depends on {heavy}, which belongs to {owners:?}"));
            }
        }
        for forbidden in FORBIDDEN.iter().filter(|(name, _)| name == package).flat_map(|(_, list)| *list) {
            if dependencies.contains(*forbidden) {
                faults.push(format!("{package}: may not know {forbidden}"));
            }
        }
        if dependencies.contains("intramuros-testkit") {
            faults.push(format!("{package}: the testkit is for tests alone"));
        }
    }
    match metadata(root, &["--filter-platform", "x86_64-unknown-linux-gnu"]) {
        Ok(whole) => faults.extend(second_doors(&whole)),
        Err(error) => faults.push(format!("cargo metadata: {error}")),
    }
    faults
}

/// Ways by which a package of ours reaches a client past the door, each as the chain of names.
fn second_doors(metadata: &Value) -> Vec<String> {
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let text =
        |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let names: BTreeMap<String, String> = list(metadata.get("packages"))
        .iter()
        .map(|package| (text(package, "id"), text(package, "name")))
        .collect();
    let mut graph: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for node in list(metadata.get("resolve").and_then(|resolve| resolve.get("nodes"))) {
        let needed = list(node.get("deps")).into_iter().filter(|dependency| {
            // Without those for tests and for building.
            list(dependency.get("dep_kinds")).iter().any(|kind| kind.get("kind").is_none_or(Value::is_null))
        });
        graph.insert(text(&node, "id"), needed.map(|dependency| text(&dependency, "pkg")).collect());
    }
    let ours = list(metadata.get("workspace_members"));
    let ours =
        ours.iter().filter_map(Value::as_str).filter(|id| names.get(*id).is_some_and(|name| name != DOOR));
    ours.filter_map(|start| way_to_client(start, &graph, &names)).collect()
}

/// The first chain from a package to a client that does not go through the door.
fn way_to_client(
    start: &str,
    graph: &BTreeMap<String, Vec<String>>,
    names: &BTreeMap<String, String>,
) -> Option<String> {
    let name = |id: &str| names.get(id).map_or("", String::as_str).to_owned();
    let mut seen = BTreeSet::from([start.to_owned()]);
    let mut waiting = vec![(start.to_owned(), name(start))];
    while let Some((id, chain)) = waiting.pop() {
        for next in graph.get(&id).into_iter().flatten().filter(|next| name(next) != DOOR) {
            let chain = format!("{chain} -> {}", name(next));
            if CLIENTS.contains(&name(next).as_str()) {
                return Some(format!("{chain}: a second way out; only {DOOR} may open connections"));
            }
            if seen.insert(next.clone()) {
                waiting.push((next.clone(), chain));
            }
        }
    }
    None
}

fn metadata(root: &Path, more: &[&str]) -> Result<Value, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--offline"])
        .args(more)
        .current_dir(root)
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
}

fn direct_dependencies(metadata: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let packages = metadata.get("packages").and_then(Value::as_array).cloned().unwrap_or_default();
    packages
        .iter()
        .map(|package| {
            let dependencies =
                package.get("dependencies").and_then(Value::as_array).cloned().unwrap_or_default();
            let direct = dependencies
                .iter()
                .filter(|dependency| dependency.get("kind").is_none_or(|kind| kind.is_null()))
                .filter_map(|dependency| dependency.get("name").map(text))
                .collect();
            (package.get("name").map(text).unwrap_or_default(), direct)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_workspace_has_one_door_and_its_arrows_point_down() {
        assert_eq!(check(&crate::root()), [] as [String; 0]);
    }

    #[test]
    fn a_client_past_the_door_is_found_however_far() {
        let holds = |edges: &[(&str, &str)], expected: Option<&str>| {
            let mut graph: BTreeMap<String, Vec<String>> = BTreeMap::new();
            let mut names = BTreeMap::new();
            for (from, to) in edges {
                graph.entry((*from).to_owned()).or_default().push((*to).to_owned());
                names.extend([from, to].map(|name| ((*name).to_owned(), (*name).to_owned())));
            }
            let found = way_to_client("ours", &graph, &names);
            assert_eq!(found.as_deref().and_then(|way| way.split(':').next()), expected);
        };
        holds(&[("ours", DOOR), (DOOR, "rustls")], None);
        holds(&[("ours", "a"), ("a", "b"), ("b", "ureq")], Some("ours -> a -> b -> ureq"));
        holds(&[("ours", DOOR), (DOOR, "a"), ("ours", "a"), ("a", "rustls")], Some("ours -> a -> rustls"));
        holds(&[("ours", "a"), ("a", "ours")], None);
    }
}
