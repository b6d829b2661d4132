//! The cluster as manifests, in each of the dialects.
use super::generated::*;
use super::{HOST, address, block_text};
use intramuros_netpol::model::ports::Protocol;

pub(super) fn selector(conditions: &[Condition]) -> String {
    let (mut labels, mut expressions) = (Vec::new(), Vec::new());
    for condition in conditions {
        match condition {
            Condition::Is(key, value) => labels.push(format!("{key}: {value}")),
            Condition::In(key, values) => {
                expressions.push(format!("{{key: {key}, operator: In, values: [{}]}}", values.join(", ")))
            }
            Condition::NotIn(key, values) => {
                expressions.push(format!("{{key: {key}, operator: NotIn, values: [{}]}}", values.join(", ")))
            }
            Condition::Exists(key) => expressions.push(format!("{{key: {key}, operator: Exists}}")),
            Condition::Missing(key) => expressions.push(format!("{{key: {key}, operator: DoesNotExist}}")),
        }
    }
    format!("{{matchLabels: {{{}}}, matchExpressions: [{}]}}", labels.join(", "), expressions.join(", "))
}

pub(super) fn peer_text(peer: &Peer, admin: bool, v6: bool) -> String {
    match peer {
        Peer::Pods(pods) => format!("{{podSelector: {}}}", selector(pods)),
        Peer::Namespaces(spaces) if admin => format!("{{namespaces: {}}}", selector(spaces)),
        Peer::Namespaces(spaces) => format!("{{namespaceSelector: {}}}", selector(spaces)),
        Peer::Both(spaces, pods) => {
            let both = format!("namespaceSelector: {}, podSelector: {}", selector(spaces), selector(pods));
            if admin { format!("{{pods: {{{both}}}}}") } else { format!("{{{both}}}") }
        }
        Peer::Block(block, _) if admin => format!("{{networks: [\"{}\"]}}", block_text(block, v6)),
        Peer::Block(block, except) => {
            let except: Vec<String> =
                except.iter().map(|part| format!("\"{}\"", block_text(part, v6))).collect();
            format!("{{ipBlock: {{cidr: \"{}\", except: [{}]}}}}", block_text(block, v6), except.join(", "))
        }
    }
}

pub(super) fn port_text(port: &Port, admin: bool) -> String {
    match (port, admin) {
        (Port::Number(protocol, port), false) => format!("{{protocol: {}, port: {port}}}", protocol.name()),
        (Port::Number(protocol, port), true) => {
            format!("{{portNumber: {{protocol: {}, port: {port}}}}}", protocol.name())
        }
        (Port::Range(protocol, low, high), false) => {
            format!("{{protocol: {}, port: {low}, endPort: {high}}}", protocol.name())
        }
        (Port::Range(protocol, low, high), true) => {
            format!("{{portRange: {{protocol: {}, start: {low}, end: {high}}}}}", protocol.name())
        }
        (Port::Whole(protocol), _) => format!("{{protocol: {}}}", protocol.name()),
        (Port::Named(protocol, name), false) => format!("{{protocol: {}, port: {name}}}", protocol.name()),
        (Port::Named(_, name), true) => format!("{{namedPort: {name}}}"),
    }
}

/// A port of a v1alpha2 rule.
pub(super) fn protocol_text(port: &Port) -> String {
    let key = |protocol: &Protocol| protocol.name().to_lowercase();
    match port {
        Port::Number(protocol, port) => {
            format!("{{{}: {{destinationPort: {{number: {port}}}}}}}", key(protocol))
        }
        Port::Range(protocol, low, high) => {
            format!("{{{}: {{destinationPort: {{range: {{start: {low}, end: {high}}}}}}}}}", key(protocol))
        }
        Port::Whole(protocol) => format!("{{{}: {{}}}}", key(protocol)),
        Port::Named(_, name) => format!("{{destinationNamedPort: {name}}}"),
    }
}

/// A selector of Cilium: namespace labels are labels of the pod under a prefix.
pub(super) fn cilium_selector(spaces: Option<&[Condition]>, pods: &[Condition]) -> String {
    let mut all = pods.to_vec();
    let renamed = |key: &String| format!("'k8s:io.cilium.k8s.namespace.labels.{key}'");
    for condition in spaces.unwrap_or_default() {
        all.push(match condition {
            Condition::Is(key, value) => Condition::Is(renamed(key), value.clone()),
            Condition::In(key, values) => Condition::In(renamed(key), values.clone()),
            Condition::NotIn(key, values) => Condition::NotIn(renamed(key), values.clone()),
            Condition::Exists(key) => Condition::Exists(renamed(key)),
            Condition::Missing(key) => Condition::Missing(renamed(key)),
        });
    }
    if spaces.is_some() {
        all.push(Condition::Exists("'k8s:io.kubernetes.pod.namespace'".to_owned()));
    }
    selector(&all)
}

/// The rules of one action: pods and blocks stand in rules of their own, as Cilium wants it.
pub(super) fn cilium_rules(rules: &[Rule], way: &str, deny: bool, v6: bool) -> String {
    let mut texts = Vec::new();
    for rule in rules.iter().filter(|rule| (rule.action == "Deny") == deny) {
        let ports: Vec<String> = rule
            .ports
            .iter()
            .map(|port| match port {
                Port::Number(protocol, port) => format!("{{port: '{port}', protocol: {}}}", protocol.name()),
                Port::Range(protocol, low, high) => {
                    format!("{{port: '{low}', endPort: {high}, protocol: {}}}", protocol.name())
                }
                Port::Whole(protocol) => format!("{{port: '0', protocol: {}}}", protocol.name()),
                Port::Named(protocol, name) => format!("{{port: {name}, protocol: {}}}", protocol.name()),
            })
            .collect();
        let ports = match ports.is_empty() {
            true => String::new(),
            false => format!("toPorts: [{{ports: [{}]}}]", ports.join(", ")),
        };
        let (mut endpoints, mut blocks) = (Vec::new(), Vec::new());
        for peer in &rule.peers {
            match peer {
                Peer::Pods(pods) => endpoints.push(cilium_selector(None, pods)),
                Peer::Namespaces(spaces) => endpoints.push(cilium_selector(Some(spaces), &[])),
                Peer::Both(spaces, pods) => endpoints.push(cilium_selector(Some(spaces), pods)),
                Peer::Block(block, except) => {
                    let except: Vec<String> =
                        except.iter().map(|part| format!("\"{}\"", block_text(part, v6))).collect();
                    let cidr = block_text(block, v6);
                    blocks.push(format!("{{cidr: \"{cidr}\", except: [{}]}}", except.join(", ")));
                }
            }
        }
        if rule.peers.is_empty() {
            texts.push(format!("{{{ports}}}"));
        }
        for (field, list) in [("Endpoints", endpoints), ("CIDRSet", blocks)] {
            if !list.is_empty() {
                let comma = if ports.is_empty() { "" } else { ", " };
                texts.push(format!("{{{way}{field}: [{}]{comma}{ports}}}", list.join(", ")));
            }
        }
    }
    texts.join(", ")
}

pub(super) fn rules_text(rules: &[Rule], way: &str, admin: bool, kinds: Kinds, v6: bool) -> String {
    let texts: Vec<String> = rules
        .iter()
        .map(|rule| {
            let peers: Vec<String> = rule.peers.iter().map(|peer| peer_text(peer, admin, v6)).collect();
            let newer = admin && kinds == Kinds::Cluster;
            let port = |port| if newer { protocol_text(port) } else { port_text(port, admin) };
            let ports: Vec<String> = rule.ports.iter().map(port).collect();
            let action = match (admin, rule.action) {
                (false, _) => String::new(),
                (true, "Allow") if newer => "action: Accept, ".to_owned(),
                (true, action) => format!("action: {action}, "),
            };
            let key = if newer { "protocols" } else { "ports" };
            format!("{{{action}{way}: [{}], {key}: [{}]}}", peers.join(", "), ports.join(", "))
        })
        .collect();
    texts.join(", ")
}

pub(super) fn manifests(cluster: &Cluster) -> String {
    let mut text = String::new();
    for (at, labels) in cluster.namespaces.iter().enumerate() {
        let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}: {value}")).collect();
        text += &format!(
            "---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: n{at}, labels: {{{}}}}}\n",
            labels.join(", ")
        );
    }
    for (at, (namespace, labels, web, dns)) in cluster.pods.iter().enumerate() {
        let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}: {value}")).collect();
        text += &format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: p{at}, namespace: n{namespace}, labels: {{{}}}}}\nstatus: {{podIP: \"{}\"}}\nspec: {{containers: [{{name: c, ports: [{{name: web, containerPort: {web}}}, {{name: dns, containerPort: {dns}, protocol: UDP}}]}}]}}\n",
            labels.join(", "),
            address(at, cluster.v6)
        );
    }
    text += &format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: host, namespace: n0, labels: {{app: x}}}}\nstatus: {{podIP: \"{}\"}}\nspec: {{hostNetwork: true, containers: []}}\n",
        address(HOST, cluster.v6)
    );
    for (at, policy) in cluster.policies.iter().enumerate() {
        let admin = policy.namespace.is_none();
        let rules = |rules: &[Rule], way: &str| rules_text(rules, way, admin, cluster.kinds, cluster.v6);
        let (ingress, egress) = (rules(&policy.ingress, "from"), rules(&policy.egress, "to"));
        match (policy.namespace, policy.priority) {
            (Some(namespace), _) if cluster.kinds == Kinds::Cilium => {
                let rules =
                    |rules: &[Rule], way: &str, deny: bool| cilium_rules(rules, way, deny, cluster.v6);
                text += &format!(
                    "---\napiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {{name: q{at}, namespace: n{namespace}}}\nspec:\n  endpointSelector: {}\n  ingress: [{}]\n  ingressDeny: [{}]\n  egress: [{}]\n  egressDeny: [{}]\n",
                    selector(&policy.subject),
                    rules(&policy.ingress, "from", false),
                    rules(&policy.ingress, "from", true),
                    rules(&policy.egress, "to", false),
                    rules(&policy.egress, "to", true)
                );
            }
            (None, priority) if cluster.kinds == Kinds::Cluster => {
                let tier = if priority.is_some() { "Admin" } else { "Baseline" };
                text += &format!(
                    "---\napiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {{name: q{at}}}\nspec:\n  tier: {tier}\n  priority: {}\n  subject: {{pods: {{namespaceSelector: {}, podSelector: {}}}}}\n  ingress: [{ingress}]\n  egress: [{egress}]\n",
                    priority.unwrap_or(0),
                    selector(&policy.namespaces),
                    selector(&policy.subject)
                );
            }
            (Some(namespace), _) => {
                text += &format!(
                    "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: q{at}, namespace: n{namespace}}}\nspec:\n  podSelector: {}\n  policyTypes: [{}]\n  ingress: [{ingress}]\n  egress: [{egress}]\n",
                    selector(&policy.subject),
                    policy.types.join(", ")
                );
            }
            (None, priority) => {
                let (kind, name, priority) = match priority {
                    Some(priority) => {
                        ("AdminNetworkPolicy", format!("q{at}"), format!("  priority: {priority}\n"))
                    }
                    None => ("BaselineAdminNetworkPolicy", "default".to_owned(), String::new()),
                };
                text += &format!(
                    "---\napiVersion: policy.networking.k8s.io/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n{priority}  subject: {{pods: {{namespaceSelector: {}, podSelector: {}}}}}\n  ingress: [{ingress}]\n  egress: [{egress}]\n",
                    selector(&policy.namespaces),
                    selector(&policy.subject)
                );
            }
        }
    }
    text
}
