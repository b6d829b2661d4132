//! How is a plan written as `policy.networking.k8s.io/v1alpha2 ClusterNetworkPolicy`? Accepted pods first, then no
//! other pod, then accepted networks, then nothing. The dialect has no word for traffic that comes in from outside:
//! a NetworkPolicy default deny closes that side.

use super::plan::{Other, Plan, PlannedRule, refuse};
use super::standard::{annotations, default_deny, head};
use super::yaml::{Writer, quoted, scalar};
use super::{Dialect, inexpressible};
use crate::error::Result;
use crate::language::say;
use crate::matrix::Matrix;
use crate::model::labels::{NAMESPACE_NAME, Selector};
use crate::model::policy::{Direction, PortMatch};
use crate::model::ports::Protocol;

/// Rules, peers and protocols that the API accepts in one list.
const MAX_ITEMS: usize = 25;
const ACCEPT_PODS: u32 = 100;
const DENY_PODS: u32 = 500;
const ACCEPT_NETWORKS: u32 = 600;
const DENY_NETWORKS: u32 = 1000;

/// The policies as one YAML text.
pub fn write(plan: &Plan, matrix: &Matrix) -> Result<String> {
    refuse(plan, matrix, Dialect::ClusterNetworkPolicy, |direction, rule| match (&rule.other, direction) {
        (Other::Addresses(_), Direction::Ingress) => Some(say!(
            "il n'a pas de mot pour le trafic venu d'adresses extérieures",
            "it has no word for traffic from outside addresses"
        )),
        (Other::ApiServer, _) => Some(say!(
            "l'adresse du serveur d'API n'est pas connue ; la donner avec --api-server",
            "the address of the API server is not known; give it with --api-server"
        )),
        _ => None,
    })?;
    let mut out = Writer::default();
    default_deny(plan, &mut out);
    for ((category, namespace, selector), subject) in &plan.subjects {
        let (names, egress): (Vec<_>, Vec<_>) =
            subject.egress.iter().partition(|rule| !matches!(rule.other, Other::Pods(_)));
        let accepts = [
            ("in", Direction::Ingress, subject.ingress.iter().collect::<Vec<_>>(), ACCEPT_PODS),
            ("out", Direction::Egress, egress, ACCEPT_PODS),
            ("net", Direction::Egress, names, ACCEPT_NETWORKS),
        ];
        for (suffix, direction, rules, priority) in accepts {
            for (part, chunk) in rules.chunks(MAX_ITEMS).enumerate() {
                let name = format!("{namespace}-{}-{suffix}-{part}", subject.name);
                let annotations = annotations(chunk.iter().copied(), matrix, plan);
                start(&mut out, &name, priority, Some(category.name()), &annotations);
                subject_pods(&mut out, namespace, selector);
                out.line(1, if direction == Direction::Ingress { "ingress:" } else { "egress:" });
                for rule in chunk {
                    accept(rule, direction, matrix, &mut out)?;
                }
            }
        }
    }
    if plan.default_deny {
        deny(plan, &mut out);
    }
    Ok(out.finish())
}

fn start(
    out: &mut Writer,
    name: &str,
    priority: u32,
    category: Option<&str>,
    annotations: &[(String, String)],
) {
    out.line(0, "---");
    let version = "policy.networking.k8s.io/v1alpha2";
    head(out, version, "ClusterNetworkPolicy", name, None, category, annotations);
    out.line(0, "spec:");
    out.line(1, "tier: Admin");
    out.line(1, &format!("priority: {priority}"));
}

fn subject_pods(out: &mut Writer, namespace: &str, selector: &Selector) {
    out.line(1, "subject:");
    out.line(2, "pods:");
    out.selector(3, "namespaceSelector", &Selector::namespace(namespace));
    out.selector(3, "podSelector", selector);
}

fn accept(rule: &PlannedRule, direction: Direction, matrix: &Matrix, out: &mut Writer) -> Result<()> {
    let flow = &matrix.flows[rule.flow];
    out.comment(1, &format!("{} {}", flow.origin, flow.text()));
    out.line(1, "- action: Accept");
    out.line(2, if direction == Direction::Ingress { "from:" } else { "to:" });
    match &rule.other {
        Other::Pods(target) => {
            out.line(2, "- pods:");
            match &target.namespace {
                Some(namespace) => out.selector(4, "namespaceSelector", &Selector::namespace(namespace)),
                None => out.line(4, "namespaceSelector: {}"),
            }
            out.selector(4, "podSelector", &target.selector);
        }
        Other::Addresses(addresses) => {
            let cidrs = addresses.cidrs();
            if cidrs.len() > MAX_ITEMS * MAX_ITEMS {
                let why = say!(
                    "les adresses demandent plus de blocs qu'une règle n'en contient",
                    "the addresses need more blocks than a rule may hold"
                );
                return Err(inexpressible(flow, Dialect::ClusterNetworkPolicy, &why));
            }
            for chunk in cidrs.chunks(MAX_ITEMS) {
                let texts: Vec<String> = chunk.iter().map(|cidr| scalar(cidr)).collect();
                out.line(2, &format!("- networks: [{}]", texts.join(", ")));
            }
        }
        Other::Name(name) => out.line(2, &format!("- domainNames: [{}]", scalar(name))),
        Other::ApiServer => {}
    }
    protocols(rule, matrix, out)
}

fn protocols(rule: &PlannedRule, matrix: &Matrix, out: &mut Writer) -> Result<()> {
    let Some(ports) = &rule.ports else { return Ok(()) };
    let mut items = Vec::new();
    for port in ports {
        match port {
            PortMatch::Named(_, name) => items.push(format!("destinationNamedPort: {}", quoted(name))),
            PortMatch::Numbers(set) => {
                for protocol in Protocol::ALL {
                    let key = protocol.name().to_ascii_lowercase();
                    for &(low, high) in set.ranges(protocol) {
                        items.push(match (low, high) {
                            (1, u16::MAX) => {
                                format!("{key}: {{destinationPort: {{range: {{start: 1, end: 65535}}}}}}")
                            }
                            (low, high) if low == high => {
                                format!("{key}: {{destinationPort: {{number: {low}}}}}")
                            }
                            (low, high) => {
                                format!(
                                    "{key}: {{destinationPort: {{range: {{start: {low}, end: {high}}}}}}}"
                                )
                            }
                        });
                    }
                }
            }
        }
    }
    if items.len() > MAX_ITEMS {
        let why = say!(
            "plus de 25 conditions de port sur une ligne ; partager la ligne",
            "more than 25 port conditions on one line; split the line"
        );
        return Err(inexpressible(&matrix.flows[rule.flow], Dialect::ClusterNetworkPolicy, &why));
    }
    out.line(2, "protocols:");
    items.iter().for_each(|item| out.line(2, &format!("- {item}")));
    Ok(())
}

fn deny(plan: &Plan, out: &mut Writer) {
    let governed: Vec<String> = plan.governed.iter().map(|namespace| quoted(namespace)).collect();
    let subject = |out: &mut Writer| {
        out.line(1, "subject:");
        out.line(2, "namespaces:");
        out.line(3, "matchExpressions:");
        out.line(3, &format!("- {{key: {NAMESPACE_NAME}, operator: In, values: [{}]}}", governed.join(", ")));
    };
    start(out, "intramuros-deny-pods", DENY_PODS, None, &[]);
    subject(out);
    out.line(1, "ingress:");
    out.line(1, "- {action: Deny, from: [{namespaces: {}}]}");
    out.line(1, "egress:");
    out.line(1, "- {action: Deny, to: [{namespaces: {}}]}");
    start(out, "intramuros-deny-networks", DENY_NETWORKS, None, &[]);
    subject(out);
    out.line(1, "egress:");
    out.line(1, "- {action: Deny, to: [{networks: [\"0.0.0.0/0\", \"::/0\"]}]}");
}
