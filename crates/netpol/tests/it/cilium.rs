//! What Cilium's policies say at layers 3 and 4.
use super::support::{check, engine, policy};
use intramuros_netpol::model::ports::Protocol;

fn cilium(spec: &str) -> String {
    let spec: String = spec.trim().lines().map(|line| format!("  {line}\n")).collect();
    format!(
        "---\napiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {{name: c, namespace: x}}\nspec:\n{spec}"
    )
}

#[test]
fn an_empty_rule_isolates() {
    check(&cilium("endpointSelector: {}\ningress: [{}]"), |ask| ask.to_namespace() != "x");
    check(&cilium("endpointSelector: {}\ningress: [{}]\nenableDefaultDeny: {ingress: false}"), |_| true);
}

#[test]
fn endpoints_are_those_of_the_own_namespace_unless_named() {
    check(&cilium("endpointSelector: {}\ningress: [{fromEndpoints: [{}]}]"), |ask| {
        ask.to_namespace() != "x" || ask.from_namespace() == "x"
    });
    check(
        &cilium(
            "endpointSelector: {}\ningress: [{fromEndpoints: [{matchLabels: {'k8s:io.kubernetes.pod.namespace': y, pod: a}}]}]",
        ),
        |ask| ask.to_namespace() != "x" || ask.from == "y/a",
    );
}

#[test]
fn deny_wins_over_every_allow() {
    let text = cilium(
        "endpointSelector: {}\ningress: [{fromEntities: [all]}]\ningressDeny: [{fromEndpoints: [{matchLabels: {'k8s:io.kubernetes.pod.namespace': y}}], toPorts: [{ports: [{port: '80', protocol: TCP}]}]}]",
    );
    let expected = |ask: super::support::Ask<'_>| {
        !(ask.to_namespace() == "x"
            && ask.from_namespace() == "y"
            && ask.port == 80
            && ask.protocol == Protocol::Tcp)
    };
    check(&text, expected);
    check(&(text + &policy("x", "podSelector: {}\ningress: [{}]")), expected);
}

#[test]
fn cidr_never_means_pods_and_names_are_places() {
    let text = cilium(
        "endpointSelector: {}\negress:\n- toCIDRSet: [{cidr: 10.0.0.0/8, except: [10.9.0.0/16]}]\n- toFQDNs: [{matchName: api.example.com}]\n  toPorts: [{ports: [{port: '443', protocol: TCP}]}]",
    );
    check(&text, |ask| ask.from_namespace() != "x");
    let engine = engine(&[&super::support::cluster(), &text]);
    let from = 0;
    let titles: Vec<String> = (engine.pod_endpoints..engine.endpoints.len())
        .filter(|&to| !engine.allowed(from, to).is_empty())
        .map(|to| format!("{} {}", engine.title(to), engine.allowed(from, to)))
        .collect();
    assert_eq!(
        titles,
        [
            "10.0.0.0-10.8.255.255,10.10.0.0-10.255.255.255[External] All Connections",
            "api.example.com[FQDN] TCP 443",
        ]
    );
}
