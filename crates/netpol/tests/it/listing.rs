//! The lines that people and tools read.
use super::support::{engine, policy};
use intramuros_netpol::engine::{Engine, Settings};
use intramuros_netpol::manifest::{Input, read};
use intramuros_netpol::report::{exposure, lines, page, text};

const SHOP: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {replicas: 3, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, ports: [{containerPort: 8080, name: http}]}]}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec: {template: {metadata: {labels: {app: db}}, spec: {containers: []}}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: front, namespace: shop}
spec: {rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}
";

fn check(policies: &str, expected: &[&str]) {
    let mut world = read(&[Input::new("shop.yaml", SHOP), Input::new("policies.yaml", policies)]).unwrap();
    lines::with_controller(&mut world);
    let engine = Engine::new(world, &Settings::default());
    let plain = text::plain(&lines::lines(&engine, &engine.graph(), &lines::Shown::default()));
    assert_eq!(plain.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn without_policies_everything_is_open() {
    check(
        "",
        &[
            "0.0.0.0-255.255.255.255[External] => shop/db[StatefulSet] : All Connections",
            "0.0.0.0-255.255.255.255[External] => shop/web[Deployment] : All Connections",
            "shop/db[StatefulSet] => 0.0.0.0-255.255.255.255[External] : All Connections",
            "shop/db[StatefulSet] => shop/web[Deployment] : All Connections",
            "shop/web[Deployment] => 0.0.0.0-255.255.255.255[External] : All Connections",
            "shop/web[Deployment] => shop/db[StatefulSet] : All Connections",
            "{ingress-controller} => shop/web[Deployment] : TCP 8080",
        ],
    );
}

#[test]
fn ranges_are_disjoint_and_ports_grouped() {
    let both = policy(
        "shop",
        "podSelector: {}\npolicyTypes: [Ingress, Egress]\negress:\n- to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]\n  ports: [{port: 10053}, {port: 10053, protocol: UDP}]\n- to: [{podSelector: {matchLabels: {app: db}}}]\ningress:\n- from: [{podSelector: {matchLabels: {app: web}}}]\n  ports: [{port: 5432}]",
    );
    check(
        &both,
        &[
            "shop/db[StatefulSet] => 10.0.0.0-10.0.255.255[External] : TCP 10053,UDP 10053",
            "shop/db[StatefulSet] => 10.2.0.0-10.255.255.255[External] : TCP 10053,UDP 10053",
            "shop/web[Deployment] => 10.0.0.0-10.0.255.255[External] : TCP 10053,UDP 10053",
            "shop/web[Deployment] => 10.2.0.0-10.255.255.255[External] : TCP 10053,UDP 10053",
            "shop/web[Deployment] => shop/db[StatefulSet] : TCP 5432",
        ],
    );
}

#[test]
fn every_format_says_the_same() {
    let engine = engine(&[
        SHOP,
        &policy(
            "shop",
            "podSelector: {}\npolicyTypes: [Ingress, Egress]\negress: [{to: [{podSelector: {}}]}]\ningress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 80}, {port: 82}]}]",
        ),
    ]);
    let found = lines::lines(&engine, &engine.graph(), &lines::Shown::default());
    assert_eq!(
        text::csv(&found),
        "source,destination,connections\nshop/web[Deployment],shop/db[StatefulSet],\"TCP 80,82\"\n"
    );
    assert!(text::json(&found).contains("\"conn\": \"TCP 80,82\""));
    assert!(text::markdown(&found).contains("| shop/web[Deployment] | shop/db[StatefulSet] | TCP 80,82 |"));
    assert!(
        text::dot(&found)
            .contains("\"shop/web[Deployment]\" -> \"shop/db[StatefulSet]\" [label=\"TCP 80,82\"")
    );
    let html = page::html(&found, intramuros_netpol::report::Language::French);
    assert!(html.contains("<svg") && !html.contains("http://www.w3.org/1999") && !html.contains("src="));
}

#[test]
fn exposure_names_the_unknown() {
    let text = policy(
        "shop",
        "podSelector: {matchLabels: {app: db}}\ningress: [{from: [{podSelector: {matchLabels: {role: backup}}}], ports: [{port: 5432}]}]",
    );
    let world = read(&[Input::new("a", SHOP), Input::new("b", text)]).unwrap();
    let found: Vec<String> = exposure::exposure(&world, &Settings::default())
        .iter()
        .filter(|line| line.protected)
        .map(|line| {
            let peer = intramuros_netpol::language::Language::English.read(&line.peer);
            format!("{} {peer} {}", line.workload, line.connections)
        })
        .collect();
    assert_eq!(
        found,
        ["shop/db[StatefulSet] pods {role=backup} in namespaces {kubernetes.io/metadata.name=shop} TCP 5432"]
    );
}

#[test]
fn ranges_are_cut_where_the_rules_of_their_direction_cut_them() {
    let text = policy(
        "shop",
        "podSelector: {matchLabels: {app: db}}\ningress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: 5432}]}]",
    );
    let engine = super::support::engine(&[SHOP, &text]);
    let of = |cut: bool| -> Vec<String> {
        lines::lines(
            &engine,
            &engine.graph(),
            &lines::Shown { focus: Some("shop/web".into()), cut, internet: false },
        )
        .into_iter()
        .filter(|line| line.source.ends_with("[External]"))
        .map(|line| line.source)
        .collect()
    };
    assert_eq!(
        of(true),
        [
            "0.0.0.0-9.255.255.255[External]",
            "10.0.0.0-10.255.255.255[External]",
            "11.0.0.0-255.255.255.255[External]"
        ]
    );
    assert_eq!(of(false), ["0.0.0.0-255.255.255.255[External]"]);
}
