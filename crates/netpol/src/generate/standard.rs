//! How is a plan written as `networking.k8s.io/v1 NetworkPolicy`?

use super::plan::{Other, Plan, PlannedRule, Subject, SubjectKey, refuse};
use super::yaml::{Writer, scalar};
use super::{Dialect, annotation};
use crate::error::Result;
use crate::language::say;
use crate::matrix::Matrix;
use crate::model::labels::NAMESPACE_NAME;
use crate::model::policy::{Direction, PortMatch};
use crate::model::ports::Protocol;
use std::collections::BTreeSet;

/// The policies as one YAML text.
pub fn write(plan: &Plan, matrix: &Matrix) -> Result<String> {
    refuse(plan, matrix, Dialect::NetworkPolicy, |_, rule| match rule.other {
        Other::Name(_) => Some(say!(
            "il connaît des adresses, pas des noms d'hôtes (le dialecte Cilium les connaît)",
            "it knows addresses, not host names (the Cilium dialect does)"
        )),
        Other::ApiServer => Some(say!(
            "l'adresse du serveur d'API n'est pas connue ; la donner avec --api-server",
            "the address of the API server is not known; give it with --api-server"
        )),
        _ => None,
    })?;
    let mut out = Writer::default();
    default_deny(plan, &mut out);
    for (key, subject) in &plan.subjects {
        policy(key, subject, matrix, plan, &mut out);
    }
    Ok(out.finish())
}

/// One policy per governed namespace that refuses everything in both directions.
pub fn default_deny(plan: &Plan, out: &mut Writer) {
    if !plan.default_deny {
        return;
    }
    for namespace in &plan.governed {
        out.line(0, "---");
        head(out, "networking.k8s.io/v1", "NetworkPolicy", "default-deny", Some(namespace), None, &[]);
        out.line(0, "spec:");
        out.line(1, "podSelector: {}");
        out.line(1, "policyTypes: [Ingress, Egress]");
    }
}

/// Kind and metadata of an object.
pub fn head(
    out: &mut Writer,
    version: &str,
    kind: &str,
    name: &str,
    namespace: Option<&str>,
    category: Option<&str>,
    annotations: &[(String, String)],
) {
    out.pair(0, "apiVersion", version);
    out.pair(0, "kind", kind);
    out.line(0, "metadata:");
    out.line(1, &format!("name: {}", super::yaml::quoted(name)));
    if let Some(namespace) = namespace {
        out.line(1, &format!("namespace: {}", super::yaml::quoted(namespace)));
    }
    out.line(1, "labels:");
    out.pair(2, "app.kubernetes.io/managed-by", "intramuros");
    if let Some(category) = category {
        out.pair(2, "intramuros/category", category);
    }
    if !annotations.is_empty() {
        out.line(1, "annotations:");
        for (key, value) in annotations {
            out.line(2, &format!("{key}: {}", scalar(value)));
        }
    }
}

/// The annotations of all flows of a policy.
pub fn annotations<'r>(
    rules: impl Iterator<Item = &'r PlannedRule>,
    matrix: &Matrix,
    plan: &Plan,
) -> Vec<(String, String)> {
    let flows: BTreeSet<usize> = rules.map(|rule| rule.flow).collect();
    flows.into_iter().map(|flow| annotation(matrix, flow, plan)).collect()
}

fn policy(key: &SubjectKey, subject: &Subject, matrix: &Matrix, plan: &Plan, out: &mut Writer) {
    let (category, namespace, selector) = key;
    let annotations = annotations(subject.ingress.iter().chain(&subject.egress), matrix, plan);
    out.line(0, "---");
    let version = "networking.k8s.io/v1";
    head(out, version, "NetworkPolicy", &subject.name, Some(namespace), Some(category.name()), &annotations);
    out.line(0, "spec:");
    out.selector(1, "podSelector", selector);
    let types: Vec<&str> = [("Ingress", &subject.ingress), ("Egress", &subject.egress)]
        .into_iter()
        .filter(|(_, rules)| !rules.is_empty())
        .map(|(kind, _)| kind)
        .collect();
    out.line(1, &format!("policyTypes: [{}]", types.join(", ")));
    for (direction, rules) in [(Direction::Ingress, &subject.ingress), (Direction::Egress, &subject.egress)] {
        let (section, way) =
            if direction == Direction::Ingress { ("ingress", "from") } else { ("egress", "to") };
        if !rules.is_empty() {
            out.line(1, &format!("{section}:"));
        }
        for rule in rules {
            let flow = &matrix.flows[rule.flow];
            out.comment(1, &format!("{} {}", flow.origin, flow.text()));
            out.line(1, &format!("- {way}:"));
            peers(&rule.other, namespace, out);
            ports(rule, out);
        }
    }
}

fn peers(other: &Other, own: &str, out: &mut Writer) {
    match other {
        Other::Pods(target) => {
            let mut lead = "- ";
            match &target.namespace {
                None => {
                    out.line(2, "- namespaceSelector: {}");
                    lead = "  ";
                }
                Some(namespace) if namespace != own => {
                    out.line(2, "- namespaceSelector:");
                    out.line(4, "matchLabels:");
                    out.line(5, &format!("{NAMESPACE_NAME}: {}", super::yaml::quoted(namespace)));
                    lead = "  ";
                }
                Some(_) => {}
            }
            if lead == "- " || !target.selector.is_everything() {
                let mut inner = Writer::default();
                inner.selector(0, "podSelector", &target.selector);
                for (at, line) in inner.finish().lines().enumerate() {
                    let lead = if at == 0 { lead } else { "  " };
                    out.line(2, &format!("{lead}{line}"));
                }
            }
        }
        Other::Addresses(addresses) => {
            for cidr in addresses.cidrs() {
                out.line(2, "- ipBlock:");
                out.line(4, &format!("cidr: {}", scalar(&cidr)));
            }
        }
        Other::Name(_) | Other::ApiServer => {}
    }
}

fn ports(rule: &PlannedRule, out: &mut Writer) {
    let Some(ports) = &rule.ports else { return };
    out.line(2, "ports:");
    for port in ports {
        match port {
            PortMatch::Named(protocol, name) => {
                out.line(2, &format!("- port: {}", super::yaml::quoted(name)));
                out.line(3, &format!("protocol: {}", protocol.unwrap_or(Protocol::Tcp).name()));
            }
            PortMatch::Numbers(set) => {
                for protocol in Protocol::ALL {
                    for &(low, high) in set.ranges(protocol) {
                        if (low, high) == (1, u16::MAX) {
                            out.line(2, &format!("- protocol: {}", protocol.name()));
                            continue;
                        }
                        out.line(2, &format!("- port: {low}"));
                        if high > low {
                            out.line(3, &format!("endPort: {high}"));
                        }
                        out.line(3, &format!("protocol: {}", protocol.name()));
                    }
                }
            }
        }
    }
}
