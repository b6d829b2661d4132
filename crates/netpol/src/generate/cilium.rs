//! How is a plan written as `cilium.io/v2 CiliumNetworkPolicy`?

use super::plan::{Other, Plan, PlannedRule, Subject, SubjectKey, Target, refuse};
use super::standard::{annotations, head};
use super::yaml::{Writer, quoted, scalar};
use super::{Dialect, Options};
use crate::error::Result;
use crate::language::say;
use crate::matrix::Matrix;
use crate::model::labels::{Requirement, Selector};
use crate::model::policy::{Direction, PortMatch};
use crate::model::ports::Protocol;

/// The policies as one YAML text.
pub fn write(plan: &Plan, matrix: &Matrix, options: &Options) -> Result<String> {
    refuse(plan, matrix, Dialect::Cilium, |direction, rule| match rule.other {
        Other::Name(_) if direction == Direction::Ingress => Some(say!(
            "un nom d'hôte ne peut être qu'une destination",
            "a host name can only be a destination"
        )),
        _ => None,
    })?;
    let mut out = Writer::default();
    if plan.default_deny {
        for namespace in &plan.governed {
            out.line(0, "---");
            head(&mut out, "cilium.io/v2", "CiliumNetworkPolicy", "default-deny", Some(namespace), None, &[]);
            out.line(0, "spec:");
            out.line(1, "endpointSelector: {}");
            out.line(1, "ingress:");
            out.line(1, "- {}");
            out.line(1, "egress:");
            out.line(1, "- {}");
        }
    }
    for (key, subject) in &plan.subjects {
        policy(key, subject, matrix, plan, options, &mut out);
    }
    Ok(out.finish())
}

fn policy(
    key: &SubjectKey,
    subject: &Subject,
    matrix: &Matrix,
    plan: &Plan,
    options: &Options,
    out: &mut Writer,
) {
    let (category, namespace, selector) = key;
    let annotations = annotations(subject.ingress.iter().chain(&subject.egress), matrix, plan);
    out.line(0, "---");
    let kind = "CiliumNetworkPolicy";
    head(out, "cilium.io/v2", kind, &subject.name, Some(namespace), Some(category.name()), &annotations);
    out.line(0, "spec:");
    out.selector(1, "endpointSelector", selector);
    let names = subject.egress.iter().any(|rule| matches!(rule.other, Other::Name(_)));
    for (section, way, rules) in [("ingress", "from", &subject.ingress), ("egress", "to", &subject.egress)] {
        if !rules.is_empty() {
            out.line(1, &format!("{section}:"));
        }
        for rule in rules {
            let flow = &matrix.flows[rule.flow];
            out.comment(1, &format!("{} {}", flow.origin, flow.text()));
            peers(&rule.other, namespace, way, out);
            let dns = names && section == "egress" && is_resolver(&rule.other, options);
            ports(rule, dns, out);
        }
    }
}

/// Names are learnt from the resolver's answers, so the rule towards it inspects them.
fn is_resolver(other: &Other, options: &Options) -> bool {
    let Other::Pods(target) = other else { return false };
    target.namespace.as_ref() == Some(&options.places.dns_namespace)
        && target.selector == options.places.dns_selector
}

fn peers(other: &Other, own: &str, way: &str, out: &mut Writer) {
    match other {
        Other::Pods(target) => {
            out.line(1, &format!("- {way}Endpoints:"));
            let mut inner = Writer::default();
            endpoint_selector(target, own, &mut inner);
            for (at, line) in inner.finish().lines().enumerate() {
                out.line(2, &format!("{}{line}", if at == 0 { "- " } else { "  " }));
            }
        }
        Other::Addresses(addresses) => {
            out.line(1, &format!("- {way}CIDR:"));
            for cidr in addresses.cidrs() {
                out.line(2, &format!("- {}", scalar(&cidr)));
            }
        }
        Other::Name(name) => {
            out.line(1, "- toFQDNs:");
            let key = if name.contains('*') { "matchPattern" } else { "matchName" };
            out.line(2, &format!("- {key}: {}", scalar(name)));
        }
        Other::ApiServer => {
            out.line(1, &format!("- {way}Entities:"));
            out.line(2, "- kube-apiserver");
        }
    }
}

/// A selector as Cilium wants it: the namespace is a label, and must exist when every namespace is meant.
fn endpoint_selector(target: &Target, own: &str, out: &mut Writer) {
    const NAMESPACE: &str = "k8s:io.kubernetes.pod.namespace";
    let mut requirements: Vec<Requirement> = target.selector.requirements().to_vec();
    match &target.namespace {
        Some(namespace) if namespace == own => {}
        Some(namespace) => requirements.push(Requirement::In(NAMESPACE.to_owned(), vec![namespace.clone()])),
        None => requirements.push(Requirement::Exists(NAMESPACE.to_owned())),
    }
    if requirements.is_empty() {
        out.line(0, "{}");
        return;
    }
    let mut inner = Writer::default();
    inner.selector(0, "x", &Selector::new(requirements));
    for line in inner.finish().lines().skip(1) {
        out.line(0, line.strip_prefix("  ").unwrap_or(line));
    }
}

fn ports(rule: &PlannedRule, dns: bool, out: &mut Writer) {
    let Some(ports) = &rule.ports else { return };
    out.line(2, "toPorts:");
    out.line(2, "- ports:");
    for port in ports {
        match port {
            PortMatch::Named(protocol, name) => {
                out.line(3, &format!("- port: {}", quoted(name)));
                out.line(4, &format!("protocol: {}", protocol.unwrap_or(Protocol::Tcp).name()));
            }
            PortMatch::Numbers(set) => {
                for protocol in Protocol::ALL {
                    for &(low, high) in set.ranges(protocol) {
                        match (low, high) {
                            (1, u16::MAX) => out.line(3, "- port: \"0\""),
                            (low, _) => out.line(3, &format!("- port: \"{low}\"")),
                        }
                        if high > low && (low, high) != (1, u16::MAX) {
                            out.line(4, &format!("endPort: {high}"));
                        }
                        out.line(4, &format!("protocol: {}", protocol.name()));
                    }
                }
            }
        }
    }
    if dns {
        out.line(3, "rules:");
        out.line(4, "dns:");
        out.line(4, "- matchPattern: \"*\"");
    }
}
