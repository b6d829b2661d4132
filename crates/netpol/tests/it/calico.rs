//! What Calico's policies say, where they are plain.
use super::support::{Ask, check, policy};
use intramuros_netpol::manifest::{Input, read};
use intramuros_netpol::model::ports::Protocol;

fn object(kind: &str, meta: &str, spec: &str) -> String {
    let spec: String = spec.trim().lines().map(|line| format!("  {line}\n")).collect();
    format!("---\napiVersion: projectcalico.org/v3\nkind: {kind}\nmetadata: {meta}\nspec:\n{spec}")
}

fn calico(name: &str, spec: &str) -> String {
    object("NetworkPolicy", &format!("{{name: {name}, namespace: x}}"), spec)
}

fn global(name: &str, spec: &str) -> String {
    object("GlobalNetworkPolicy", &format!("{{name: {name}}}"), spec)
}

fn to_x(ask: Ask<'_>) -> bool {
    ask.to_namespace() == "x"
}

#[test]
fn selectors_stay_in_the_namespace_unless_told_otherwise() {
    check(&calico("p", "ingress: [{action: Allow, source: {selector: \"pod == 'a'\"}}]"), |ask| {
        !to_x(ask) || ask.from == "x/a"
    });
    check(
        &calico(
            "p",
            "ingress: [{action: Allow, source: {selector: \"pod in {'a', 'b'} || pod == 'c'\", namespaceSelector: \"ns != 'z' && projectcalico.org/name != 'x'\"}}]",
        ),
        |ask| !to_x(ask) || ask.from_namespace() == "y",
    );
    check(
        &global(
            "p",
            "selector: \"projectcalico.org/namespace == 'x' && pod != 'a'\"\ningress: [{action: Allow, source: {selector: \"!has(pod) || pod == 'b'\"}}]",
        ),
        |ask| !to_x(ask) || ask.to == "x/a" || ask.from_pod() == "b",
    );
}

#[test]
fn rules_are_asked_in_order_and_types_follow_them() {
    check(&calico("p", "selector: all()"), |ask| !to_x(ask));
    check(
        &calico(
            "p",
            "types: [Ingress]\ningress:\n- {action: Deny, protocol: TCP, destination: {ports: [80]}}\n- {action: Log}\n- {action: Allow, protocol: TCP, destination: {ports: ['80:90']}}\n- {action: Allow, protocol: UDP, destination: {notPorts: [81]}}",
        ),
        |ask| !to_x(ask) || matches!((ask.protocol, ask.port), (Protocol::Tcp, 81) | (Protocol::Udp, 80)),
    );
    check(
        &calico("p", "egress: [{action: Allow, protocol: TCP, destination: {ports: [serve-81-tcp]}}]"),
        |ask| ask.from_namespace() != "x" || (ask.protocol, ask.port) == (Protocol::Tcp, 81),
    );
    check(
        &calico("p", "ingress: [{action: Allow, source: {nets: [10.0.1.0/24], notNets: [10.0.1.2/32]}}]"),
        |ask| !to_x(ask) || (ask.from_namespace() == "y" && ask.from_pod() != "c"),
    );
}

#[test]
fn orders_stand_around_network_policies_in_the_default_tier() {
    let open = policy("x", "podSelector: {}\ningress: [{}]");
    let deny = |order: &str| {
        calico(
            "c",
            &format!(
                "order: {order}\ntypes: [Ingress]\ningress: [{{action: Deny, source: {{namespaceSelector: \"ns == 'y'\"}}}}]"
            ),
        )
    };
    check(&(open.clone() + &deny("10")), |ask| !to_x(ask) || ask.from_namespace() != "y");
    check(&(open.clone() + &deny("2000")), |_| true);
    let closed = policy("x", "podSelector: {}");
    let allow = calico("c", "ingress: [{action: Allow, source: {namespaceSelector: \"ns == 'y'\"}}]");
    check(&(closed.clone() + &allow), |ask| !to_x(ask) || ask.from_namespace() == "y");
    // What the default tier passes on is for profiles, which let everything through.
    let pass = calico("c", "order: 1\ningress: [{action: Pass, source: {namespaceSelector: \"ns == 'z'\"}}]");
    check(&(closed + &pass), |ask| !to_x(ask) || ask.from_namespace() == "z");
}

#[test]
fn tiers_come_before_the_default_one() {
    let tier =
        |name: &str, rest: &str| object("Tier", &format!("{{name: {name}}}"), &format!("order: 100{rest}"));
    let security = global(
        "security.p",
        "tier: security\nnamespaceSelector: \"ns == 'x'\"\ntypes: [Ingress]\ningress:\n- {action: Deny, source: {namespaceSelector: \"ns == 'y'\"}}\n- {action: Pass, source: {namespaceSelector: \"ns == 'z'\"}}",
    );
    let open = policy("x", "podSelector: {}\ningress: [{}]");
    // Whoever a tier selects is refused what no rule of it decides.
    check(&(tier("security", "") + &security + &open), |ask| !to_x(ask) || ask.from_namespace() == "z");
    check(&(tier("security", "\ndefaultAction: Pass") + &security + &open), |ask| {
        !to_x(ask) || ask.from_namespace() != "y"
    });
    let error = read(&[Input::new("a", security)]).unwrap_err().to_string();
    assert!(error.contains("the tier 'security' is not declared"), "{error}");
}

#[test]
fn what_is_not_plain_is_an_error_with_its_line() {
    let fails = |spec: &str, expected: &str| {
        let error = read(&[Input::new("c.yaml", calico("p", spec))]).unwrap_err().to_string();
        assert!(error.contains(expected) && error.starts_with("c.yaml:"), "{error}");
    };
    fails("selector: \"app starts with 'w'\"", "'starts' is not understood");
    fails("ingress: [{action: Allow, source: {ports: [80]}, protocol: TCP}]", "has no field 'ports'");
    fails("ingress: [{action: Allow, destination: {ports: [80]}}]", "ports need a protocol");
    fails(
        "ingress: [{action: Allow, destination: {selector: all()}}]",
        "'selector' on the side of the selected pod",
    );
    fails("ingress: [{action: Allow, source: {domains: [a.example]}}]", "has no field 'domains'");
    fails("ingress: [{action: Accept}]", "'Accept' is not Allow, Deny, Pass or Log");
    fails("preDNAT: true", "has no field 'preDNAT'");
    fails("ingress: [{action: Allow, protocol: TCP, destination: {ports: [0]}}]", "'0' is not a port");
    let warned =
        read(&[Input::new("c.yaml", calico("p", "ingress: [{action: Deny, protocol: ICMP}]"))]).unwrap();
    assert_eq!(warned.warnings.len(), 1, "{:?}", warned.warnings);
}
