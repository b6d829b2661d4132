//! The truth tables of the upstream end-to-end cases of NetworkPolicy, written as our own cases.
use super::support::{Ask, check, named, policy};
use intramuros_netpol::model::ports::Protocol;

fn to_a(ask: Ask<'_>) -> bool {
    ask.to == "x/a"
}

#[test]
fn default_deny_ingress() {
    check(&policy("x", "podSelector: {}\npolicyTypes: [Ingress]"), |ask| ask.to_namespace() != "x");
}

#[test]
fn default_deny_egress() {
    check(&policy("x", "podSelector: {}\npolicyTypes: [Egress]"), |ask| ask.from_namespace() != "x");
}

#[test]
fn default_deny_both() {
    check(&policy("x", "podSelector: {}\npolicyTypes: [Ingress, Egress]"), |ask| {
        ask.from_namespace() != "x" && ask.to_namespace() != "x"
    });
}

#[test]
fn no_policy_types_means_ingress_and_egress_only_with_rules() {
    check(&policy("x", "podSelector: {}"), |ask| ask.to_namespace() != "x");
    check(&policy("x", "podSelector: {}\negress: []"), |ask| ask.to_namespace() != "x");
    check(&policy("x", "podSelector: {}\negress: [{}]"), |ask| ask.to_namespace() != "x");
    check(&policy("x", "podSelector: {}\ningress: [{}]\npolicyTypes: [Egress]"), |ask| {
        ask.from_namespace() != "x"
    });
}

#[test]
fn allow_from_pods_of_the_own_namespace() {
    let spec =
        "podSelector: {matchLabels: {pod: a}}\ningress:\n- from: [{podSelector: {matchLabels: {pod: b}}}]";
    check(&policy("x", spec), |ask| !to_a(ask) || ask.from == "x/b");
}

#[test]
fn allow_from_namespaces() {
    let spec = "podSelector: {matchLabels: {pod: a}}\ningress:\n- from: [{namespaceSelector: {matchLabels: {ns: y}}}]";
    check(&policy("x", spec), |ask| !to_a(ask) || ask.from_namespace() == "y");
}

#[test]
fn allow_from_namespace_by_its_default_label() {
    let spec = "podSelector: {}\ningress:\n- from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: z}}}]";
    check(&policy("x", spec), |ask| ask.to_namespace() != "x" || ask.from_namespace() == "z");
}

#[test]
fn namespaces_by_expressions() {
    for (expression, expected) in [
        ("{key: ns, operator: In, values: [y]}", ["y", "y"]),
        ("{key: ns, operator: NotIn, values: [x, y]}", ["z", "z"]),
        ("{key: ns, operator: Exists}\n      - {key: ns, operator: In, values: [y, z]}", ["y", "z"]),
    ] {
        let spec = format!(
            "podSelector: {{}}\ningress:\n- from:\n  - namespaceSelector:\n      matchExpressions:\n      - {expression}"
        );
        check(&policy("x", &spec), |ask| {
            ask.to_namespace() != "x" || expected.contains(&ask.from_namespace())
        });
    }
    let none = "podSelector: {}\ningress:\n- from: [{namespaceSelector: {matchExpressions: [{key: ns, operator: DoesNotExist}]}}]";
    check(&policy("x", none), |ask| ask.to_namespace() != "x");
}

#[test]
fn pods_by_expressions() {
    let spec = "podSelector: {matchExpressions: [{key: pod, operator: In, values: [a]}]}\ningress:\n- from: [{podSelector: {matchExpressions: [{key: pod, operator: NotIn, values: [b]}]}}]";
    check(&policy("x", spec), |ask| !to_a(ask) || ask.from == "x/c");
}

#[test]
fn pod_and_namespace_in_one_peer_are_both_needed() {
    let both = "podSelector: {matchLabels: {pod: a}}\ningress:\n- from:\n  - namespaceSelector: {matchLabels: {ns: y}}\n    podSelector: {matchLabels: {pod: b}}";
    check(&policy("x", both), |ask| !to_a(ask) || ask.from == "y/b");
    let either = "podSelector: {matchLabels: {pod: a}}\ningress:\n- from:\n  - namespaceSelector: {matchLabels: {ns: y}}\n  - podSelector: {matchLabels: {pod: b}}";
    check(&policy("x", either), |ask| !to_a(ask) || ask.from_namespace() == "y" || ask.from == "x/b");
}

#[test]
fn empty_selectors_mean_all() {
    let own = "podSelector: {}\ningress:\n- from: [{podSelector: {}}]";
    check(&policy("x", own), |ask| ask.to_namespace() != "x" || ask.from_namespace() == "x");
    let all = "podSelector: {}\ningress:\n- from: [{namespaceSelector: {}}]";
    check(&policy("x", all), |_| true);
    let everyone = "podSelector: {}\ningress:\n- from: []";
    check(&policy("x", everyone), |_| true);
}

#[test]
fn ports_by_number_name_and_range() {
    let spec = |port: &str| format!("podSelector: {{}}\ningress:\n- ports: [{port}]");
    let inside = |ask: Ask<'_>| ask.to_namespace() == "x";
    check(&policy("x", &spec("{port: 81}")), |ask| {
        !inside(ask) || (ask.port == 81 && ask.protocol == Protocol::Tcp)
    });
    check(&policy("x", &spec("{port: serve-81-udp, protocol: UDP}")), |ask| {
        !inside(ask) || (ask.port == 81 && ask.protocol == Protocol::Udp)
    });
    check(&policy("x", &spec("{port: serve-81-udp}")), |ask| !inside(ask));
    check(&policy("x", &spec("{port: 80, endPort: 90}")), |ask| {
        !inside(ask) || ask.protocol == Protocol::Tcp
    });
    check(&policy("x", &spec("{port: 81, endPort: 81, protocol: UDP}")), |ask| {
        !inside(ask) || (ask.port == 81 && ask.protocol == Protocol::Udp)
    });
    check(&policy("x", &spec("{protocol: SCTP}")), |ask| !inside(ask) || ask.protocol == Protocol::Sctp);
    check(&policy("x", &spec("{protocol: UDP}")), |ask| !inside(ask) || ask.protocol == Protocol::Udp);
}

#[test]
fn named_ports_on_egress_mean_the_ports_of_the_destination() {
    let spec = "podSelector: {matchLabels: {pod: a}}\npolicyTypes: [Egress]\negress:\n- ports: [{port: serve-80-tcp}]";
    check(&policy("x", spec), |ask| ask.from != "x/a" || (ask.port == 80 && ask.protocol == Protocol::Tcp));
}

#[test]
fn policies_add_up() {
    let text = named("one", "x", "podSelector: {}\ningress:\n- ports: [{port: 80}]")
        + &named("two", "x", "podSelector: {}\ningress:\n- ports: [{port: 81}]");
    check(&text, |ask| ask.to_namespace() != "x" || ask.protocol == Protocol::Tcp);
    let closed = named("deny", "x", "podSelector: {}\npolicyTypes: [Ingress]")
        + &named("open", "x", "podSelector: {}\ningress: [{}]");
    check(&closed, |_| true);
}

#[test]
fn both_directions_must_agree() {
    let text = named(
        "in",
        "x",
        "podSelector: {matchLabels: {pod: a}}\ningress:\n- from: [{namespaceSelector: {matchLabels: {ns: y}}}]",
    ) + &named(
        "out",
        "y",
        "podSelector: {matchLabels: {pod: a}}\npolicyTypes: [Egress]\negress:\n- to: [{namespaceSelector: {matchLabels: {ns: z}}}]",
    );
    check(&text, |ask| {
        (ask.from != "y/a" || ask.to_namespace() == "z") && (!to_a(ask) || ask.from_namespace() == "y")
    });
}

#[test]
fn rules_of_an_undeclared_direction_do_nothing() {
    let spec = "podSelector: {}\npolicyTypes: [Ingress]\ningress: [{}]\negress: [{to: [{podSelector: {}}]}]";
    check(&policy("x", spec), |_| true);
}

#[test]
fn address_blocks_reach_pods_whose_address_is_known() {
    let egress = |block: &str| {
        format!(
            "podSelector: {{matchLabels: {{pod: a}}}}\npolicyTypes: [Egress]\negress:\n- to: [{{ipBlock: {block}}}]"
        )
    };
    check(&policy("x", &egress("{cidr: 10.0.1.1/32}")), |ask| ask.from != "x/a" || ask.to == "y/b");
    check(&policy("x", &egress("{cidr: 10.0.0.0/16, except: [10.0.1.0/24]}")), |ask| {
        ask.from != "x/a" || ask.to_namespace() != "y"
    });
    // An address that one block leaves out and another lets in is let in.
    let overlapping = "podSelector: {matchLabels: {pod: a}}\npolicyTypes: [Egress]\negress:\n- to: [{ipBlock: {cidr: 10.0.1.0/24, except: [10.0.1.1/32]}}]\n- to: [{ipBlock: {cidr: 10.0.1.1/32}}]";
    check(&policy("x", overlapping), |ask| ask.from != "x/a" || ask.to_namespace() == "y");
}

#[test]
fn one_protocol_lets_no_other_in() {
    let spec = "podSelector: {}\ningress:\n- from: [{podSelector: {}}]\n  ports: [{port: 80, protocol: UDP}]";
    check(&policy("x", spec), |ask| {
        ask.to_namespace() != "x"
            || (ask.from_namespace() == "x" && ask.protocol == Protocol::Udp && ask.port == 80)
    });
}

#[test]
fn a_selector_that_matches_nothing_isolates_nobody() {
    check(&policy("x", "podSelector: {matchLabels: {pod: none}}\npolicyTypes: [Ingress, Egress]"), |_| true);
    check(&policy("elsewhere", "podSelector: {}\npolicyTypes: [Ingress, Egress]"), |_| true);
}

/// A rule with several peers and several ports means every peer with every port.
#[test]
fn peers_and_ports_of_a_rule_multiply() {
    let spec = "podSelector: {}\ningress:\n- from: [{podSelector: {matchLabels: {pod: b}}}, {namespaceSelector: {matchLabels: {ns: y}}}]\n  ports: [{port: 80}, {port: serve-81-udp, protocol: UDP}]";
    check(&policy("x", spec), |ask| {
        let peer = ask.from == "x/b" || ask.from_namespace() == "y";
        let port = matches!((ask.protocol, ask.port), (Protocol::Tcp, 80) | (Protocol::Udp, 81));
        ask.to_namespace() != "x" || (peer && port)
    });
}

/// Two rules add up and do not mix: each peer keeps its own port.
#[test]
fn rules_do_not_mix() {
    let spec = "podSelector: {}\ningress:\n- from: [{podSelector: {matchLabels: {pod: b}}}]\n  ports: [{port: 80}]\n- from: [{podSelector: {matchLabels: {pod: c}}}]\n  ports: [{port: 81}]";
    check(&policy("x", spec), |ask| {
        ask.to_namespace() != "x"
            || matches!(
                (ask.from, ask.protocol, ask.port),
                ("x/b", Protocol::Tcp, 80) | ("x/c", Protocol::Tcp, 81)
            )
    });
}

/// A name that another protocol carries matches nothing.
#[test]
fn a_port_name_needs_its_protocol() {
    let spec = "podSelector: {}\ningress: [{ports: [{port: serve-80-tcp, protocol: UDP}]}]";
    check(&policy("x", spec), |ask| ask.to_namespace() != "x");
}

/// Exceptions are cut out of their own block only; another block of the rule may hold them.
#[test]
fn exceptions_belong_to_their_block() {
    let spec = "podSelector: {}\npolicyTypes: [Ingress]\ningress:\n- from: [{ipBlock: {cidr: 10.0.0.0/16, except: [10.0.1.0/24]}}]\n- from: [{ipBlock: {cidr: 10.0.1.2/32}}]";
    check(&policy("x", spec), |ask| {
        ask.to_namespace() != "x" || ask.from_namespace() != "y" || ask.from == "y/c"
    });
}

/// Labels of the namespace and of the pod that read alike are not mistaken for each other.
#[test]
fn labels_of_pods_and_namespaces_stay_apart() {
    let spec =
        "podSelector: {}\ningress: [{from: [{podSelector: {matchLabels: {ns: y}}, namespaceSelector: {}}]}]";
    check(&policy("x", spec), |ask| ask.to_namespace() != "x");
}
