//! Does the chart say what the manifests say, once the real Helm has rendered it?

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use intramuros_operator::manifests::{Options, all, helm};
use serde_json::Value;

fn run(binary: &Path, folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(binary);
    // Nothing of the person's own settings, and nothing written outside the test's folder.
    for variable in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "HOME"] {
        command.env(variable, folder);
    }
    let output = command.args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Objects by kind, namespace and name.
fn by_name(objects: impl IntoIterator<Item = Value>) -> BTreeMap<String, Value> {
    let named = |object: Value| {
        let at = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let name = format!("{} {}/{}", at("/kind"), at("/metadata/namespace"), at("/metadata/name"));
        (name, object)
    };
    objects.into_iter().filter(Value::is_object).map(named).collect()
}

#[test]
fn the_chart_renders_to_the_manifests() {
    let binary = std::env::var_os("INTRAMUROS_HELM").map(PathBuf::from).filter(|path| path.exists());
    let Some(binary) = binary else {
        intramuros_testkit::skip("helm", "no Helm (see docs/operator.md: INTRAMUROS_HELM)");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let chart = folder.path().join("chart");
    for (name, text) in helm::chart("1.2.3").unwrap() {
        let path = chart.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let at = chart.display().to_string();
    run(&binary, folder.path(), &["lint", "--strict", &at]);
    for environments in [vec![], vec!["shop", "lab"]] {
        let set = format!("namespaces={{{}}}", environments.join(","));
        let mut arguments = vec!["template", "x", &at, "--namespace", "home", "--include-crds"];
        if !environments.is_empty() {
            arguments.extend(["--set", &set]);
        }
        let rendered: Vec<Value> =
            serde_saphyr::from_multiple(&run(&binary, folder.path(), &arguments)).unwrap();
        let options = Options {
            namespace: "home".to_owned(),
            image: "intramuros:1.2.3".to_owned(),
            environments: environments.iter().map(|name| (*name).to_owned()).collect(),
        };
        // Helm makes the namespace itself, or finds it.
        let mut written = by_name(all(&options));
        written.retain(|name, _| !name.starts_with("Namespace "));
        let rendered = by_name(rendered);
        assert_eq!(rendered.keys().collect::<Vec<_>>(), written.keys().collect::<Vec<_>>());
        for (name, object) in &written {
            let mut found = rendered[name].clone();
            // An empty list of namespaces is passed as an empty text, which the program reads as none.
            if let Some(list) =
                found.pointer_mut("/spec/template/spec/containers/0/args").and_then(Value::as_array_mut)
            {
                list.retain(|argument| argument != "--namespaces=");
            }
            assert_eq!(found, *object, "{name}");
        }
    }
}
