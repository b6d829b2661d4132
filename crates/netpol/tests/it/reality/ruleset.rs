//! The cluster as nftables, by code that shares nothing with the engine.
use super::generated::*;
use super::{PODS, address, block_text};

pub(super) fn holds(conditions: &[Condition], labels: &Labels) -> bool {
    let value = |key: &String| labels.iter().find(|(own, _)| own == key).map(|(_, value)| value);
    conditions.iter().all(|condition| match condition {
        Condition::Is(key, wanted) => value(key) == Some(wanted),
        Condition::In(key, values) => value(key).is_some_and(|value| values.contains(value)),
        Condition::NotIn(key, values) => value(key).is_none_or(|value| !values.contains(value)),
        Condition::Exists(key) => value(key).is_some(),
        Condition::Missing(key) => value(key).is_none(),
    })
}

pub(super) fn family(cluster: &Cluster) -> &'static str {
    if cluster.v6 { "ip6" } else { "ip" }
}

/// The match of a peer as nftables says it, one text per way to match; `None` peers mean everyone.
pub(super) fn peer_matches(cluster: &Cluster, policy: &Policy, peer: &Peer, field: &str) -> Vec<String> {
    let ip = family(cluster);
    let pods = |wanted: &dyn Fn(usize, &Labels) -> bool| -> Vec<String> {
        (0..PODS)
            .filter(|&at| wanted(cluster.pods[at].0, &cluster.pods[at].1))
            .map(|at| format!("{ip} {field} {}", address(at, cluster.v6)))
            .collect()
    };
    match peer {
        Peer::Pods(conditions) => {
            pods(&|namespace, labels| Some(namespace) == policy.namespace && holds(conditions, labels))
        }
        Peer::Namespaces(spaces) => pods(&|namespace, _| holds(spaces, &cluster.namespaces[namespace])),
        Peer::Both(spaces, conditions) => pods(&|namespace, labels| {
            holds(spaces, &cluster.namespaces[namespace]) && holds(conditions, labels)
        }),
        Peer::Block(block, except) => {
            let mut cuts: Vec<&str> = except.iter().map(|part| block_text(part, cluster.v6)).collect();
            if cluster.kinds == Kinds::Cilium {
                // Blocks of Cilium are about the outside: neither pods nor nodes.
                cuts.extend([
                    block_text("10.200.0.0/16", cluster.v6),
                    block_text("10.200.9.0/24", cluster.v6),
                ]);
            }
            let cut: String = cuts.iter().map(|part| format!(" {ip} {field} != {part}")).collect();
            // nftables has no way to say "any address" as a block.
            match block_text(block, cluster.v6) {
                "::/0" => vec![format!("meta nfproto ipv6{cut}")],
                block => vec![format!("{ip} {field} {block}{cut}")],
            }
        }
    }
}

/// The match of a port towards a destination pod (`None`: a name means nothing there).
pub(super) fn port_match(cluster: &Cluster, port: &Port, destination: Option<usize>) -> Option<String> {
    Some(match port {
        Port::Number(protocol, port) => format!("{} dport {port}", protocol.name().to_lowercase()),
        Port::Range(protocol, low, high) => format!("{} dport {low}-{high}", protocol.name().to_lowercase()),
        Port::Whole(protocol) => format!("meta l4proto {}", protocol.name().to_lowercase()),
        Port::Named(_, name) => {
            let (_, _, web, dns) = &cluster.pods[destination?];
            if *name == "web" { format!("tcp dport {web}") } else { format!("udp dport {dns}") }
        }
    })
}

pub(super) fn rule_lines(
    cluster: &Cluster,
    policy: &Policy,
    rule: &Rule,
    pod: usize,
    ingress: bool,
    verdict: &str,
) -> String {
    let field = if ingress { "saddr" } else { "daddr" };
    if cluster.kinds == Kinds::Cilium && rule.peers.is_empty() && rule.ports.is_empty() {
        // An empty rule of Cilium closes the pod and opens nothing.
        return String::new();
    }
    let mut peers: Vec<String> =
        rule.peers.iter().flat_map(|peer| peer_matches(cluster, policy, peer, field)).collect();
    if rule.peers.is_empty() {
        peers.push(String::new());
    }
    let mut lines = String::new();
    for peer in peers {
        if rule.ports.is_empty() {
            lines += &format!("    {peer} {verdict}\n");
        }
        for port in &rule.ports {
            // Towards others a name is looked up in each pod that may be meant.
            let destinations: Vec<Option<usize>> = match (ingress, port) {
                (true, _) => vec![Some(pod)],
                (false, Port::Named(..)) => (0..PODS).map(Some).collect(),
                (false, _) => vec![None],
            };
            for destination in destinations {
                let Some(port_text) = port_match(cluster, port, destination) else { continue };
                let narrow = match (ingress, port, destination) {
                    (false, Port::Named(..), Some(at)) => {
                        format!("{} daddr {}", family(cluster), address(at, cluster.v6))
                    }
                    _ => String::new(),
                };
                lines += &format!("    {peer} {narrow} {port_text} {verdict}\n");
            }
        }
    }
    lines
}

pub(super) fn chains(cluster: &Cluster, pod: usize, ingress: bool) -> String {
    let (namespace, labels, ..) = &cluster.pods[pod];
    let way = if ingress { "in" } else { "out" };
    let name = format!("{way}{pod}");
    let cluster_wide = |policy: &&Policy| {
        policy.namespace.is_none()
            && holds(&policy.namespaces, &cluster.namespaces[*namespace])
            && holds(&policy.subject, labels)
    };
    let side = |policy: &Policy| if ingress { policy.ingress.clone() } else { policy.egress.clone() };
    let ordered = |policies: Vec<&Policy>, pass: &str| -> String {
        let mut text = String::new();
        for policy in policies {
            for rule in side(policy) {
                let verdict = match rule.action {
                    "Allow" => "return",
                    "Deny" => "goto refuse",
                    _ => pass,
                };
                text += &rule_lines(cluster, policy, &rule, pod, ingress, verdict);
            }
        }
        text
    };
    let mut admins: Vec<&Policy> =
        cluster.policies.iter().filter(cluster_wide).filter(|policy| policy.priority.is_some()).collect();
    admins.sort_by_key(|policy| policy.priority);
    let baseline: Vec<&Policy> =
        cluster.policies.iter().filter(cluster_wide).filter(|policy| policy.priority.is_none()).collect();
    let isolates = |policy: &&Policy| {
        if cluster.kinds == Kinds::Cilium {
            let rules = if ingress { &policy.ingress } else { &policy.egress };
            return policy.namespace == Some(*namespace)
                && holds(&policy.subject, labels)
                && !rules.is_empty();
        }
        let applies = match (policy.types.is_empty(), ingress) {
            (true, true) => true,
            (true, false) => !policy.egress.is_empty(),
            (false, true) => policy.types.contains(&"Ingress"),
            (false, false) => policy.types.contains(&"Egress"),
        };
        policy.namespace == Some(*namespace) && holds(&policy.subject, labels) && applies
    };
    let own: Vec<&Policy> = cluster.policies.iter().filter(isolates).collect();
    let mut middle = String::new();
    if cluster.kinds == Kinds::Cilium {
        for policy in &own {
            for rule in side(policy).iter().filter(|rule| rule.action == "Deny") {
                middle += &rule_lines(cluster, policy, rule, pod, ingress, "goto refuse");
            }
        }
    }
    for policy in &own {
        for rule in side(policy).iter().filter(|rule| cluster.kinds != Kinds::Cilium || rule.action != "Deny")
        {
            middle += &rule_lines(cluster, policy, rule, pod, ingress, "return");
        }
    }
    middle +=
        &format!("    goto {}\n", if own.is_empty() { format!("{name}base") } else { "refuse".to_owned() });
    format!(
        "  chain {name}base {{\n{}  }}\n  chain {name}own {{\n{middle}  }}\n  chain {name} {{\n{}    goto {name}own\n  }}\n",
        ordered(baseline, "return"),
        ordered(admins, &format!("goto {name}own"))
    )
}

pub(super) fn ruleset(cluster: &Cluster) -> String {
    let mut text = String::from(
        "flush ruleset\ntable inet t {\n  chain refuse {\n    meta l4proto tcp reject with tcp reset\n    reject\n  }\n",
    );
    let mut jumps = String::new();
    for pod in 0..PODS {
        text += &chains(cluster, pod, false);
        text += &chains(cluster, pod, true);
        jumps += &format!("    {} saddr {} jump out{pod}\n", family(cluster), address(pod, cluster.v6));
    }
    for pod in 0..PODS {
        jumps += &format!("    {} daddr {} jump in{pod}\n", family(cluster), address(pod, cluster.v6));
    }
    // Answers pass; everything in the first direction is judged anew, whatever the kernel remembers.
    text + &format!(
        "  chain forward {{\n    type filter hook forward priority 0; policy accept;\n    ct direction reply accept\n{jumps}  }}\n}}\n"
    )
}
