//! The same manifests as a Helm chart: which files, with which text?

use serde_json::json;

use super::{Options, bindings, deployment, network_policy, resource_types, roles, yaml};

/// Values of the chart where the manifests have options.
const NAMESPACE: &str = "{{ .Release.Namespace }}";
const IMAGE: &str = "{{ .Values.image }}";

/// The files of the chart: path and text.
///
/// # Errors
/// Never for our own objects.
pub fn chart(version: &str) -> Result<Vec<(String, String)>, String> {
    let everywhere =
        Options { namespace: NAMESPACE.to_owned(), image: IMAGE.to_owned(), environments: Vec::new() };
    let one = Options { environments: vec!["{{ . }}".to_owned()], ..everywhere.clone() };
    let mut files = vec![
        (
            "Chart.yaml".to_owned(),
            yaml(&[json!({
                "apiVersion": "v2",
                "name": "intramuros-operator",
                "description": "Environments on demand: private clusters, behind a bastion, closed by policy",
                "type": "application",
                "version": version,
                "appVersion": version,
            })])?,
        ),
        ("values.yaml".to_owned(), values(version)),
        ("templates/roles.yaml".to_owned(), yaml(&roles(&everywhere))?),
        ("templates/networkpolicy.yaml".to_owned(), yaml(&[network_policy(&everywhere)])?),
    ];
    for crd in resource_types() {
        let name =
            crd.pointer("/spec/names/plural").and_then(|name| name.as_str()).unwrap_or("types").to_owned();
        files.push((format!("crds/{name}.yaml"), yaml(&[crd])?));
    }
    let wide = bindings(&everywhere);
    let (always, cluster_wide) = wide.split_at(wide.len() - 1);
    let narrow = bindings(&one).split_off(always.len());
    // Inside `range`, `.` is the namespace; the release is reached through `$`.
    let narrow = yaml(&narrow)?.replace("{{ .Release", "{{ $.Release");
    let text = format!(
        "{}{{{{- if not .Values.namespaces }}}}\n{}{{{{- end }}}}\n{{{{- range .Values.namespaces }}}}\n{narrow}{{{{- end }}}}\n",
        yaml(always)?,
        yaml(cluster_wide)?,
    );
    files.push(("templates/bindings.yaml".to_owned(), text));
    let program = yaml(&[deployment(&one)])?
        .replace("--namespaces={{ . }}", "--namespaces={{ join \",\" .Values.namespaces }}")
        .replace("replicas: 2", "replicas: {{ .Values.replicas }}");
    files.push(("templates/deployment.yaml".to_owned(), quoted(&program)));
    Ok(files)
}

fn values(version: &str) -> String {
    format!(
        "# The image of the program, built with its operator.\nimage: intramuros:{version}\n\n# Two: one acts, the \
         other waits.\nreplicas: 2\n\n# Namespaces of environments. Empty: all of them, and then the operator may read \
         Secrets in all.\nnamespaces: []\n"
    )
}

/// A template inside a double-quoted text needs single quotes around it.
fn quoted(text: &str) -> String {
    text.lines()
        .map(|line| match line.split_once("- ") {
            Some((indent, rest)) if rest.contains("join") => {
                format!("{indent}- '{}'\n", rest.trim_matches(['"', '\''].as_slice()).replace("\\\"", "\""))
            }
            _ => format!("{line}\n"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value in the place of every template, and both sides of every condition.
    fn rendered(text: &str) -> String {
        let mut out = String::new();
        for line in text.lines().filter(|line| !line.starts_with("{{-")) {
            let mut line = line.to_owned();
            while let (Some(start), Some(end)) = (line.find("{{"), line.find("}}")) {
                line.replace_range(start..end + 2, "2");
            }
            out.push_str(&line);
            out.push('\n');
        }
        out
    }

    #[test]
    fn every_file_of_the_chart_is_yaml_once_values_stand_in_it() {
        let chart = chart("1.2.3").unwrap();
        for (name, text) in &chart {
            assert_eq!(text.matches("{{").count(), text.matches("}}").count(), "{name}");
            let objects: Vec<serde_json::Value> = serde_saphyr::from_multiple(&rendered(text))
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(objects.iter().any(serde_json::Value::is_object), "{name}");
        }
        let text = |name: &str| &chart.iter().find(|(file, _)| file == name).unwrap().1;
        assert!(text("templates/deployment.yaml").contains("replicas: {{ .Values.replicas }}"));
        assert!(
            text("templates/deployment.yaml").contains("'--namespaces={{ join \",\" .Values.namespaces }}'")
        );
        assert!(text("templates/bindings.yaml").contains("{{- range .Values.namespaces }}"));
    }
}
