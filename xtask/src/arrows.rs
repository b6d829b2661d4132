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
    ("rusqlite", &["intramuros-store"]),
    ("axum", &["intramuros-server"]),
    // The server's side of HTTP; the client's is egress' alone.
    ("hyper", &["intramuros-egress", "intramuros-server"]),
    ("hyper-util", &["intramuros-egress", "intramuros-server"]),
    ("reqwest", &[]),
    ("ureq", &[]),
    ("rustls", &["intramuros-egress"]),
    ("landlock", &["intramuros-seal"]),
    ("seccompiler", &["intramuros-seal"]),
    ("hayro", &["intramuros-ingest"]),
    ("calamine", &["intramuros-ingest", "intramuros-netpol"]),
    ("notify", &["intramuros-library"]),
    ("clap", &["intramuros", "intramuros-netpol", "intramuros-perimeter"]),
];

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
    ("intramuros-egress", &["intramuros-store", "intramuros-ingest", "intramuros-search"]),
];

/// The faults of the dependency graph, direct dependencies without those for tests alone.
pub fn check(root: &Path) -> Vec<String> {
    let metadata = match metadata(root) {
        Ok(metadata) => metadata,
        Err(error) => return vec![format!("cargo metadata: {error}")],
    };
    let graph = direct_dependencies(&metadata);
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
    faults
}

fn metadata(root: &Path) -> Result<Value, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
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
