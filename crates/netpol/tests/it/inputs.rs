//! Broken and odd input: the error names the file and the line.
use intramuros_netpol::manifest::{Input, read};

fn check(text: &str, expected: &str) {
    let error = read(&[Input::new("bad.yaml", text)]).expect_err("this must be refused").to_string();
    assert!(error.contains(expected), "got: {error}\nwanted: {expected}");
}

fn spec(text: &str) -> String {
    super::support::policy("x", text)
}

#[test]
fn broken_manifests_are_refused_with_their_line() {
    check("a: [1, 2\nb: 3\n", "bad.yaml:");
    check("{{ if .Values.x }}\nkind: Pod\n{{ end }}", "bad.yaml:");
    check("image: nginx\nreplicas: 2\n", "bad.yaml:1: this is not a Kubernetes object: kind is missing");
    check(&spec("podSelector: {}\ningress:\n- ports: [{port: 70000}]"), "bad.yaml:8: '70000' is not a port");
    check(&spec("podSelector: {}\ningress:\n- ports: [{port: 0}]"), "'0' is not a port");
    check(&spec("podSelector: {}\ningress:\n- ports: [{port: 90, endPort: 80}]"), "ends before it starts");
    check(
        &spec("podSelector: {}\ningress:\n- ports: [{port: http, endPort: 80}]"),
        "endPort needs a port number",
    );
    check(
        &spec("podSelector: {}\ningress:\n- from: [{ipBlock: {cidr: 10.0.0.0/40}}]"),
        "prefix goes up to 32",
    );
    check(&spec("podSelector: {}\ningress:\n- from: [{ipBlock: {cidr: 10.0.0.0}}]"), "is not a CIDR block");
    check(
        &spec("podSelector: {}\ningress:\n- from: [{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/16]}}]"),
        "not strictly inside",
    );
    check(&spec("podSelector: {}\ningress:\n- from: [{}]"), "a peer needs");
    check(&spec("podSelectors: {}"), "has no field 'podSelectors'");
    check(&spec("podSelector: {matchExpressions: [{key: a, operator: In}]}"), "needs values");
    check(&spec("podSelector: {matchExpressions: [{key: a, operator: Is}]}"), "'Is' is not In, NotIn");
    check(
        "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\nmetadata: {name: a}\n",
        "is not understood",
    );
    check("a: 1\na: 2\n", "given twice");
    check(
        "a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c, *c, *c]\ne: &e [*d, *d, *d, *d, *d, *d, *d, *d]\nf: &f [*e, *e, *e, *e, *e, *e, *e, *e]\n",
        "aliases expand",
    );
    check(&"[".repeat(5000), "bad.yaml:1: this is not valid YAML");
    check(&format!("{{\"a\":{}", "[".repeat(5000)), "bad.yaml:1: this is not valid YAML");
}

#[test]
fn lists_json_and_many_documents_are_read() {
    let json = r#"{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":"shop"},
        "spec":{"template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"c","ports":[{"containerPort":8080,"name":"http"}]}]}}}}]}"#;
    let world =
        read(&[Input::new("list.json", json), Input::new("empty.yaml", "---\n# nothing\n---\n")]).unwrap();
    assert_eq!(world.pods[0].title(), "shop/web[Deployment]");
    assert_eq!(world.pods[0].origin.to_string(), "list.json:1");
    assert!(world.namespaces.contains_key("shop"));
}

#[test]
fn live_pods_take_the_place_of_their_templates() {
    let text = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: n}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: []}}}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web-5d, namespace: n, ownerReferences: [{kind: Deployment, name: web, controller: true}]}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: []}}}
---
apiVersion: v1
kind: Pod
metadata: {name: web-5d-x, namespace: n, labels: {app: web}, ownerReferences: [{kind: ReplicaSet, name: web-5d, controller: true}]}
spec: {containers: []}
---
apiVersion: v1
kind: Pod
metadata: {name: other-77-y, namespace: n, ownerReferences: [{kind: ReplicaSet, name: other-77}]}
spec: {containers: []}
";
    let world = read(&[Input::new("live.yaml", text)]).unwrap();
    let titles: Vec<String> = world.pods.iter().map(|pod| pod.title()).collect();
    assert_eq!(titles, ["n/web[Deployment]", "n/other-77[ReplicaSet]"]);
}
