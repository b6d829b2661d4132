//! The published behaviour of the network-policy-api kinds, written as our own cases: tiers, priorities, pass.
use super::support::{check, policy};
use intramuros_netpol::model::ports::Protocol;

fn admin(name: &str, priority: u32, spec: &str) -> String {
    object("v1alpha1", "AdminNetworkPolicy", name, &format!("priority: {priority}\n{spec}"))
}

fn baseline(spec: &str) -> String {
    object("v1alpha1", "BaselineAdminNetworkPolicy", "default", spec)
}

fn cluster(name: &str, tier: &str, priority: u32, spec: &str) -> String {
    object("v1alpha2", "ClusterNetworkPolicy", name, &format!("tier: {tier}\npriority: {priority}\n{spec}"))
}

fn object(version: &str, kind: &str, name: &str, spec: &str) -> String {
    let spec: String = spec.trim().lines().map(|line| format!("  {line}\n")).collect();
    format!(
        "---\napiVersion: policy.networking.k8s.io/{version}\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n{spec}"
    )
}

const SUBJECT_X: &str = "subject: {namespaces: {matchLabels: {ns: x}}}";
const OPEN_X: &str = "podSelector: {}\ningress: [{}]\negress: [{}]\npolicyTypes: [Ingress, Egress]";
const CLOSED_X: &str = "podSelector: {}\npolicyTypes: [Ingress, Egress]";

#[test]
fn admin_deny_wins_over_an_open_network_policy() {
    let text = admin(
        "deny",
        10,
        &format!(
            "{SUBJECT_X}\ningress:\n- {{action: Deny, from: [{{namespaces: {{matchLabels: {{ns: y}}}}}}]}}"
        ),
    );
    check(&(text + &policy("x", OPEN_X)), |ask| !(ask.to_namespace() == "x" && ask.from_namespace() == "y"));
}

#[test]
fn admin_allow_wins_over_a_closed_network_policy() {
    let text = admin(
        "allow",
        10,
        &format!(
            "{SUBJECT_X}\ningress:\n- {{action: Allow, from: [{{namespaces: {{matchLabels: {{ns: y}}}}}}], ports: [{{portNumber: {{protocol: TCP, port: 80}}}}]}}"
        ),
    );
    check(&(text + &policy("x", CLOSED_X)), |ask| {
        (ask.from_namespace() != "x" && ask.to_namespace() != "x")
            || (ask.to_namespace() == "x"
                && ask.from_namespace() == "y"
                && ask.port == 80
                && ask.protocol == Protocol::Tcp)
    });
}

#[test]
fn lower_numbers_come_first_and_rules_keep_their_order() {
    let allow = format!("{SUBJECT_X}\ningress:\n- {{action: Allow, from: [{{namespaces: {{}}}}]}}");
    let deny = format!("{SUBJECT_X}\ningress:\n- {{action: Deny, from: [{{namespaces: {{}}}}]}}");
    check(&(admin("b", 5, &allow) + &admin("a", 6, &deny)), |_| true);
    check(&(admin("b", 6, &allow) + &admin("a", 5, &deny)), |ask| ask.to_namespace() != "x");
    let ordered = format!(
        "{SUBJECT_X}\negress:\n- {{action: Allow, to: [{{pods: {{namespaceSelector: {{matchLabels: {{ns: y}}}}, podSelector: {{matchLabels: {{pod: a}}}}}}}}]}}\n- {{action: Deny, to: [{{namespaces: {{matchLabels: {{ns: y}}}}}}]}}"
    );
    check(&admin("o", 1, &ordered), |ask| {
        ask.from_namespace() != "x" || ask.to_namespace() != "y" || ask.to == "y/a"
    });
}

#[test]
fn pass_leaves_the_decision_to_the_network_policy_or_the_baseline() {
    let pass = admin(
        "pass",
        1,
        &format!(
            "{SUBJECT_X}\ningress:\n- {{action: Pass, from: [{{namespaces: {{matchLabels: {{ns: y}}}}}}]}}"
        ),
    ) + &admin(
        "deny",
        2,
        &format!("{SUBJECT_X}\ningress:\n- {{action: Deny, from: [{{namespaces: {{}}}}]}}"),
    );
    check(&pass, |ask| ask.to_namespace() != "x" || ask.from_namespace() == "y");
    check(&(pass.clone() + &policy("x", "podSelector: {}\npolicyTypes: [Ingress]")), |ask| {
        ask.to_namespace() != "x"
    });
    let base = baseline(&format!("{SUBJECT_X}\ningress:\n- {{action: Deny, from: [{{namespaces: {{}}}}]}}"));
    check(&(pass + &base), |ask| ask.to_namespace() != "x");
}

#[test]
fn the_baseline_speaks_only_where_no_network_policy_selects() {
    let base = baseline(&format!("{SUBJECT_X}\ningress:\n- {{action: Deny, from: [{{namespaces: {{}}}}]}}"));
    check(&base, |ask| ask.to_namespace() != "x");
    let one = policy(
        "x",
        "podSelector: {matchLabels: {pod: a}}\ningress: [{from: [{namespaceSelector: {matchLabels: {ns: y}}}]}]",
    );
    check(&(base + &one), |ask| {
        ask.to_namespace() != "x" || (ask.to == "x/a" && ask.from_namespace() == "y")
    });
}

#[test]
fn ports_ranges_and_names() {
    let deny = |port: &str| {
        admin(
            "p",
            1,
            &format!(
                "{SUBJECT_X}\ningress:\n- {{action: Deny, from: [{{namespaces: {{}}}}], ports: [{port}]}}"
            ),
        )
    };
    let inside = |namespace: &str| namespace == "x";
    check(&deny("{portRange: {protocol: TCP, start: 80, end: 81}}"), |ask| {
        !inside(ask.to_namespace()) || ask.protocol != Protocol::Tcp
    });
    check(&deny("{namedPort: serve-81-udp}"), |ask| {
        !(inside(ask.to_namespace()) && ask.protocol == Protocol::Udp && ask.port == 81)
    });
}

#[test]
fn networks_match_traffic_inside_the_cluster_too() {
    let text = admin(
        "n",
        1,
        &format!("{SUBJECT_X}\negress:\n- {{action: Deny, to: [{{networks: [10.0.1.0/24]}}]}}"),
    );
    check(&text, |ask| ask.from_namespace() != "x" || ask.to_namespace() != "y");
}

#[test]
fn cluster_network_policy_has_both_tiers() {
    let admin_tier = cluster(
        "a",
        "Admin",
        1,
        &format!(
            "{SUBJECT_X}\ningress:\n- {{action: Accept, from: [{{pods: {{namespaceSelector: {{}}, podSelector: {{matchLabels: {{pod: b}}}}}}}}], protocols: [{{tcp: {{destinationPort: {{number: 80}}}}}}, {{udp: {{}}}}]}}"
        ),
    );
    check(&(admin_tier + &policy("x", "podSelector: {}\npolicyTypes: [Ingress]")), |ask| {
        ask.to_namespace() != "x"
            || (ask.from_pod() == "b"
                && ((ask.protocol == Protocol::Tcp && ask.port == 80) || ask.protocol == Protocol::Udp))
    });
    let base = cluster(
        "b",
        "Baseline",
        1,
        &format!(
            "{SUBJECT_X}\negress:\n- {{action: Accept, to: [{{namespaces: {{matchLabels: {{ns: x}}}}}}]}}\n- {{action: Deny, to: [{{networks: [0.0.0.0/0, '::/0']}}]}}"
        ),
    );
    check(&base, |ask| ask.from_namespace() != "x" || ask.to_namespace() == "x");
}

#[test]
fn equal_priorities_that_contradict_each_other_are_refused() {
    let rule = |name: &str, action: &str, ns: &str| {
        admin(
            name,
            5,
            &format!(
                "{SUBJECT_X}\ningress:\n- {{action: {action}, from: [{{namespaces: {{matchLabels: {{ns: {ns}}}}}}}]}}"
            ),
        )
    };
    let ask = |a: String, b: String| {
        super::support::engine(&[&super::support::cluster(), &(a + &b)]).refuse_ambiguity()
    };
    assert!(ask(rule("a", "Allow", "y"), rule("b", "Deny", "z")).is_ok());
    assert!(ask(rule("a", "Allow", "y"), rule("b", "Allow", "y")).is_ok());
    let error = ask(rule("a", "Allow", "y"), rule("b", "Deny", "y")).unwrap_err().to_string();
    assert!(
        error.contains("AdminNetworkPolicy a and AdminNetworkPolicy b have the same priority"),
        "{error}"
    );
}

/// Equal priorities that do not contradict each other all count, each for its own subject.
#[test]
fn equal_priorities_add_up_over_their_own_subjects() {
    let rule = |name: &str, subject: &str, from: &str, port: u16| {
        cluster(
            name,
            "Admin",
            15,
            &format!(
                "subject: {{namespaces: {{matchLabels: {{ns: {subject}}}}}}}\ningress:\n- {{action: Deny, from: [{{namespaces: {{matchLabels: {{ns: {from}}}}}}}], protocols: [{{tcp: {{destinationPort: {{number: {port}}}}}}}]}}"
            ),
        )
    };
    let text = rule("a", "x", "y", 80) + &rule("b", "x", "z", 80) + &rule("c", "y", "z", 81);
    check(&text, |ask| {
        !matches!(
            (ask.to_namespace(), ask.from_namespace(), ask.protocol, ask.port),
            ("x", "y" | "z", Protocol::Tcp, 80) | ("y", "z", Protocol::Tcp, 81)
        )
    });
}

/// One direction's rules never touch the other direction, in either tier.
#[test]
fn directions_stand_apart_in_both_tiers() {
    for tier in ["Admin", "Baseline"] {
        let peers = "namespaces: {matchLabels: {ns: y}}";
        let ingress =
            cluster("in", tier, 1, &format!("{SUBJECT_X}\ningress: [{{action: Deny, from: [{{{peers}}}]}}]"));
        check(&ingress, |ask| !(ask.to_namespace() == "x" && ask.from_namespace() == "y"));
        let egress =
            cluster("out", tier, 1, &format!("{SUBJECT_X}\negress: [{{action: Deny, to: [{{{peers}}}]}}]"));
        check(&egress, |ask| !(ask.from_namespace() == "x" && ask.to_namespace() == "y"));
    }
}

/// Pods without a namespace selector are pods of every namespace; a whole protocol is every port of it.
#[test]
fn omitted_selectors_and_ports_mean_all() {
    let text = cluster(
        "c",
        "Admin",
        1,
        &format!(
            "{SUBJECT_X}\ningress:\n- {{action: Deny, from: [{{pods: {{podSelector: {{matchExpressions: [{{key: pod, operator: In, values: [a]}}]}}}}}}], protocols: [{{udp: {{}}}}, {{sctp: {{}}}}]}}"
        ),
    );
    check(&text, |ask| ask.to_namespace() != "x" || ask.from_pod() != "a" || ask.protocol == Protocol::Tcp);
    let newer = text.replace("v1alpha2", "v1beta1");
    check(&newer, |ask| ask.to_namespace() != "x" || ask.from_pod() != "a" || ask.protocol == Protocol::Tcp);
}

#[test]
fn broken_cluster_policies_are_refused() {
    let refuse = |spec: &str, expected: &str| {
        let text = cluster("c", "Admin", 1, &format!("{SUBJECT_X}\n{spec}"));
        let error = intramuros_netpol::manifest::read(&[intramuros_netpol::manifest::Input::new("c", text)])
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{error}");
    };
    refuse(
        "ingress: [{action: Allow, from: [{namespaces: {}}]}]",
        "'Allow' is not an action here: Accept, Deny, Pass",
    );
    refuse("ingress: [{action: Deny, from: []}]", "'from' needs at least one peer");
    refuse("ingress: [{action: Deny, from: [{networks: [10.0.0.0/8]}]}]", "has no field 'networks'");
    refuse("egress: [{action: Deny, to: [{domainNames: [a.example]}]}]", "domainNames only work with Accept");
    refuse(
        "egress: [{action: Deny, to: [{namespaces: {}}], protocols: [{tcp: {}, udp: {}}]}]",
        "a protocol holds exactly one of",
    );
    refuse(
        "egress: [{action: Deny, to: [{namespaces: {}}], protocols: [{tcp: {destinationPort: {number: 1, range: {start: 1, end: 2}}}}]}]",
        "exactly one of number and range",
    );
}
