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
        "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkSet\nmetadata: {name: a}\n",
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

fn titles(text: &str) -> Vec<String> {
    let world = read(&[Input::new("live.yaml", text)]).unwrap_or_else(|error| panic!("{error}"));
    world.pods.iter().map(|pod| pod.title()).collect()
}

#[test]
fn items_of_a_typed_list_take_its_kind() {
    let text = "
apiVersion: v1
kind: PodList
items:
- metadata: {name: a, namespace: n}
  spec: {containers: []}
- metadata: {name: etcd-node1, namespace: kube-system, ownerReferences: [{kind: Node, name: node1, controller: true}]}
  spec: {containers: []}
- metadata: {name: b, namespace: n, ownerReferences: [{name: owner, controller: true}]}
  spec: {containers: []}
";
    assert_eq!(titles(text), ["n/a[Pod]", "kube-system/etcd-node1[Pod]", "n/owner[Pod]"]);
}

#[test]
fn virtual_machines_have_pods_too() {
    let text = "
apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata: {name: vm, namespace: n}
spec: {template: {metadata: {labels: {app: vm}}, spec: {domain: {}}}}
";
    assert_eq!(titles(text), ["n/vm[VirtualMachine]"]);
}

#[test]
fn tabs_inside_brackets_are_read_as_kubectl_reads_them() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - name: c\n    args:\n      [\n\t\"--listen=1\",\n      ]\n";
    assert_eq!(titles(text), ["default/a[Pod]"]);
    check("kind: Pod\nmetadata:\n\tname: a\n", "bad.yaml:3: this is not valid YAML");
}

#[test]
fn what_is_no_manifest_is_left_out_of_folders_only() {
    let values = "replicas: 3\nimage: web\n";
    let world = read(&[
        Input::found("app/values-prod.yaml", values),
        Input::found("app/report.json", "[{\"src\": 1}]"),
    ])
    .unwrap();
    assert_eq!(world.warnings.len(), 2, "{:?}", world.warnings);
    let said = intramuros_netpol::language::Language::English.read(&world.warnings[0]);
    assert!(said.starts_with("app/values-prod.yaml:1: left out"), "{said}");
    check(values, "kind is missing");
}

#[test]
fn the_same_policy_twice_counts_once_and_another_one_is_refused() {
    let one = spec("podSelector: {}");
    let world = read(&[Input::new("a.yaml", one.clone()), Input::new("b.yaml", one.clone())]).unwrap();
    assert_eq!((world.policies.len(), world.warnings.len()), (1, 1));
    let other = spec("podSelector: {}\ningress: [{}]");
    let error = read(&[Input::new("a.yaml", one), Input::new("b.yaml", other)]).unwrap_err().to_string();
    assert!(
        error.contains("b.yaml:2: NetworkPolicy x/p is given twice, and the other one (a.yaml:2)"),
        "{error}"
    );
}

#[test]
fn networks_beside_the_pod_network() {
    let role = |role: &str| {
        format!(
            "apiVersion: k8s.ovn.org/v1\nkind: UserDefinedNetwork\nmetadata: {{name: u, namespace: n}}\nspec: {{topology: Layer2, layer2: {{role: {role}}}}}\n"
        )
    };
    check(&role("Primary"), "bad.yaml:1: UserDefinedNetwork: a primary network of its own is not understood");
    assert!(read(&[Input::new("a", role("Secondary"))]).is_ok());
    let multi = "apiVersion: k8s.cni.cncf.io/v1beta1\nkind: MultiNetworkPolicy\nmetadata: {name: m}\n";
    assert_eq!(read(&[Input::new("a", multi)]).unwrap().warnings.len(), 1);
}
