//! The commands as people and pipelines run them.
use clap::Parser;
use intramuros_netpol::cli::{ExitStatus, NetpolArgs, Terminal, run};
use intramuros_netpol::report::Language;
use std::path::Path;

#[derive(Parser)]
struct Args {
    #[command(flatten)]
    netpol: NetpolArgs,
}

const APP: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, env: [{name: API, value: 'http://api:8080/'}, {name: PAY, value: 'https://pay.example.com'}], ports: [{name: http, containerPort: 8000}]}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: shop}
spec: {template: {metadata: {labels: {app: api}}, spec: {containers: [{name: c, ports: [{name: api, containerPort: 9090}]}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: shop}
spec: {selector: {app: api}, ports: [{port: 8080, targetPort: api}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: bastion, namespace: admin}
spec: {template: {metadata: {labels: {app: bastion}}, spec: {containers: []}}}
";

const MATRIX: &str = "N°;Source;Destination;Protocole;Ports;Justification;Date de revue
1;shop/web;shop/api[Service];TCP;8080;Le site appelle l'API;2026-01-31
2;admin/bastion;shop/*;TCP;22;Exploitation;2027-01-31
";

fn command(folder: &Path, line: &str) -> (Result<ExitStatus, String>, String, String) {
    let words =
        line.split(' ').map(|word| word.replace("DIR", &folder.display().to_string()).replace('~', " "));
    let args = Args::try_parse_from(std::iter::once("netpol".to_owned()).chain(words))
        .unwrap_or_else(|error| panic!("{error}"));
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let terminal = Terminal { colour: false, width: 80, language: Language::English };
    let status = run(&args.netpol, &mut out, &mut err, terminal).map_err(|error| error.to_string());
    let text =
        |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).replace(&format!("{}/", folder.display()), "");
    (status, text(out), text(err))
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("app")).unwrap();
    std::fs::write(folder.path().join("app/app.yaml"), APP).unwrap();
    std::fs::write(folder.path().join("matrix.csv"), MATRIX).unwrap();
    folder
}

fn check(folder: &Path, line: &str, status: ExitStatus, expected: &[&str]) {
    let (found, out, err) = command(folder, line);
    assert_eq!(found, Ok(status), "{line}\n{out}\n{err}");
    for text in expected {
        assert!(out.contains(text), "'{text}' is not in the answer to {line}:\n{out}");
    }
}

#[test]
fn from_matrix_to_proof() {
    let folder = folder();
    let dir = folder.path();
    check(
        dir,
        "check -m DIR/matrix.csv -f DIR/app --date 2026-06-01",
        ExitStatus::Findings,
        &["excessive", "expired matrix.csv:2"],
    );
    check(dir, "generate -m DIR/matrix.csv -f DIR/app -o DIR/policies.yaml", ExitStatus::Success, &[]);
    check(
        dir,
        "check -m DIR/matrix.csv -f DIR/app -f DIR/policies.yaml --date 2025-06-01",
        ExitStatus::Success,
        &["do exactly what the matrix says"],
    );
    check(
        dir,
        "check -m DIR/matrix.csv -f DIR/app -f DIR/policies.yaml --date 2026-06-01 --strict",
        ExitStatus::Findings,
        &["1 remark(s)"],
    );
    check(
        dir,
        "list -f DIR/app -f DIR/policies.yaml",
        ExitStatus::Success,
        &[
            "admin/bastion[Deployment] => shop/api[Deployment] : TCP 22\nadmin/bastion[Deployment] => shop/web[Deployment] : TCP 22\nshop/web[Deployment] => shop/api[Deployment] : TCP 9090\n",
        ],
    );
    check(
        dir,
        "list -f DIR/app -f DIR/policies.yaml --format table --focus web",
        ExitStatus::Success,
        &["Destination"],
    );
    check(
        dir,
        "list -f DIR/app -f DIR/policies.yaml --exposure",
        ExitStatus::Success,
        &["Nobody undeclared"],
    );
    check(
        dir,
        "allows shop/web shop/api[Service] 8080 -f DIR/app -f DIR/policies.yaml",
        ExitStatus::Success,
        &["allowed (TCP 9090)"],
    );
    check(
        dir,
        "allows shop/api shop/web http -f DIR/app -f DIR/policies.yaml",
        ExitStatus::Findings,
        &["refused"],
    );
    check(
        dir,
        "allows shop/web 10.1.2.3 443 -f DIR/app",
        ExitStatus::Success,
        &["10.1.2.3-10.1.2.3[External] : allowed"],
    );
    check(
        dir,
        "explain shop/web shop/api 9090 -f DIR/app -f DIR/policies.yaml",
        ExitStatus::Success,
        &["ingress: policies.yaml:", "NetworkPolicy shop/production-api rule", "allows TCP 9090"],
    );
    check(
        dir,
        "diff DIR/app DIR/policies.yaml -f DIR/app",
        ExitStatus::Findings,
        &[
            "~ shop/web[Deployment] => shop/api[Deployment] : TCP 9090 (was All Connections)",
            "- shop/api[Deployment] => shop/web[Deployment] : All Connections",
        ],
    );
    check(dir, "diff DIR/app DIR/app", ExitStatus::Success, &["No difference"]);
}

#[test]
fn findings_for_pipelines() {
    let folder = folder();
    let dir = folder.path();
    check(dir, "generate -m DIR/matrix.csv -f DIR/app -o DIR/policies.yaml", ExitStatus::Success, &[]);
    let text = std::fs::read_to_string(dir.join("policies.yaml"))
        .unwrap()
        .replace("port: 9090", "port: 9091")
        .replace("port: api", "port: 9091");
    std::fs::write(dir.join("policies.yaml"), text).unwrap();
    let all = "-m DIR/matrix.csv -f DIR/app -f DIR/policies.yaml --date 2025-01-01";
    check(
        dir,
        &format!("check {all}"),
        ExitStatus::Findings,
        &["missing matrix.csv:2", "TCP 9091 is open and no line authorises it"],
    );
    check(
        dir,
        &format!("check {all} --format sarif"),
        ExitStatus::Findings,
        &["\"version\": \"2.1.0\"", "\"ruleId\": \"missing\"", "\"startLine\": 2"],
    );
    check(dir, &format!("check {all} --format junit"), ExitStatus::Findings, &["<failure message="]);
    check(dir, &format!("check {all} --format json"), ExitStatus::Findings, &["\"kind\": \"excessive\""]);
}

#[test]
fn invariants_are_refuted_with_an_example() {
    let folder = folder();
    let dir = folder.path();
    std::fs::write(dir.join("rules.yaml"), "invariants:\n- name: tenants apart\n  never: {from: shop/*, to: admin/*}\n- name: through the bastion\n  only: {from: admin/bastion, to: shop/api, ports: 22}\n").unwrap();
    check(
        dir,
        "check -f DIR/app --invariants DIR/rules.yaml",
        ExitStatus::Findings,
        &[
            "'tenants apart' does not hold: shop/api[Deployment] reaches admin/bastion[Deployment] on All Connections",
            "'through the bastion' does not hold: shop/web[Deployment] reaches shop/api[Deployment] on TCP 22",
        ],
    );
    check(dir, "generate -m DIR/matrix.csv -f DIR/app -o DIR/policies.yaml", ExitStatus::Success, &[]);
    check(dir, "check -f DIR/app -f DIR/policies.yaml --invariants DIR/rules.yaml", ExitStatus::Success, &[]);
}

#[test]
fn matrices_are_inferred_exported_and_compared() {
    let folder = folder();
    let dir = folder.path();
    check(
        dir,
        "matrix infer -f DIR/app",
        ExitStatus::Success,
        &[
            "shop/web[Deployment],shop/api[Service],TCP,8080,env API names api (app/app.yaml:4)",
            "pay.example.com,TCP,443",
        ],
    );
    check(dir, "generate -m DIR/matrix.csv -f DIR/app -o DIR/policies.yaml", ExitStatus::Success, &[]);
    check(dir, "matrix export -f DIR/app -f DIR/policies.yaml -o DIR/exported.csv", ExitStatus::Success, &[]);
    let exported = std::fs::read_to_string(dir.join("exported.csv")).unwrap();
    assert!(
        exported.contains("shop/web[Deployment],shop/api[Deployment],TCP,9090,Le site appelle l'API"),
        "{exported}"
    );
    check(
        dir,
        "matrix export -f DIR/app -f DIR/policies.yaml --previous DIR/exported.csv",
        ExitStatus::Success,
        &[],
    );
    let (status, _, err) = command(dir, "matrix export -f DIR/app --previous DIR/exported.csv");
    assert_eq!(status, Ok(ExitStatus::Findings));
    assert!(err.contains("+ shop/api[Deployment] -> shop/web[Deployment] : All Connections"), "{err}");
    check(dir, "template", ExitStatus::Success, &["ID,Source,Destination"]);
}

#[test]
fn observed_flows_are_evidence() {
    let folder = folder();
    let dir = folder.path();
    std::fs::write(dir.join("hubble.json"), r#"{"flow":{"IP":{"source":"10.0.0.1","destination":"10.0.0.2"},"l4":{"TCP":{"source_port":41000,"destination_port":9090}},"source":{"namespace":"shop","pod_name":"web"},"destination":{"namespace":"shop","pod_name":"api"}}}
{"flow":{"l4":{"UDP":{"destination_port":53}},"source":{"namespace":"shop","pod_name":"api"},"destination":{"namespace":"admin","pod_name":"bastion"}}}"#).unwrap();
    check(dir, "generate -m DIR/matrix.csv -f DIR/app -o DIR/policies.yaml", ExitStatus::Success, &[]);
    let line = "check -m DIR/matrix.csv -f DIR/app -f DIR/policies.yaml --date 2025-01-01 --observed DIR/hubble.json";
    check(
        dir,
        line,
        ExitStatus::Findings,
        &[
            "seen: shop/api[Deployment] -> admin/bastion[Deployment] : UDP 53",
            "admin/bastion -> shop/* : TCP 22: no observed flow uses it",
        ],
    );
}

#[test]
fn nothing_is_generated_from_half_read_input() {
    let folder = folder();
    let dir = folder.path();
    std::fs::write(dir.join("app/broken.yaml"), "kind: NetworkPolicy\nspec: [").unwrap();
    let (status, out, _) = command(dir, "generate -m DIR/matrix.csv -f DIR/app -o DIR/policies.yaml");
    assert!(status.unwrap_err().contains("broken.yaml:"));
    assert!(out.is_empty() && !dir.join("policies.yaml").exists());
}

/// No message is left without its French half, and no mark between the two halves reaches a reader.
#[test]
fn everything_is_said_in_french_too() {
    let folder = folder();
    let dir = folder.path();
    check(
        dir,
        "check -m DIR/matrix.csv -f DIR/app --date 2026-06-01 --lang fr",
        ExitStatus::Findings,
        &[
            "excessif",
            "shop/web[Deployment] : aucune politique ne régit ce qui entre",
            "la revue était due le 2026-01-31",
        ],
    );
    check(dir, "generate -m DIR/matrix.csv -f DIR/app -o DIR/policies.yaml", ExitStatus::Success, &[]);
    check(
        dir,
        "explain shop/web admin/bastion 22 -f DIR/app -f DIR/policies.yaml --lang fr",
        ExitStatus::Findings,
        &["refusé (TCP 22)", "choisit le pod et aucune règle n'autorise TCP 22", "laisse passer : rien"],
    );
    check(
        dir,
        "matrix infer -f DIR/app --lang fr",
        ExitStatus::Success,
        &["N°;Source;Destination;Protocole", "env API nomme api"],
    );
    let (error, out, err) =
        command(dir, "generate -m DIR/matrix.csv -f DIR/app --dialect nftables --lang fr");
    let error = error.unwrap_err();
    assert!(
        error.contains("nftables ne peut pas exprimer") && error.contains("n'a pas d'adresse"),
        "{error}"
    );
    for text in [error, out, err] {
        assert!(!text.contains(['\u{2}', '\u{3}', '\u{1f}']), "{text}");
    }
}

#[test]
fn nodes_behind_a_block_of_addresses_break_no_proof() {
    let folder = folder();
    let dir = folder.path();
    let node = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: exporter, namespace: monitoring}\nspec: {template: {metadata: {labels: {app: e}}, spec: {hostNetwork: true, containers: []}}}\n";
    std::fs::write(dir.join("app/node.yaml"), node).unwrap();
    std::fs::write(
        dir.join("open.csv"),
        "source,destination,ports,justification\ninternet,shop/web,8000,Customers\n",
    )
    .unwrap();
    for dialect in ["networkpolicy", "cilium"] {
        let line = format!("generate -m DIR/open.csv -f DIR/app --dialect {dialect} -o DIR/p.yaml");
        check(dir, &line, ExitStatus::Success, &[]);
        check(dir, "check -m DIR/open.csv -f DIR/app -f DIR/p.yaml", ExitStatus::Success, &["exactly"]);
    }
    // Blocks mean what is outside of the addresses that pods get.
    let live = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: kube-system, labels: {app: p}}\nspec: {containers: []}\nstatus: {podIP: 10.244.0.7}\n";
    std::fs::write(dir.join("app/live.yaml"), live).unwrap();
    let (error, _, _) = command(dir, "generate -m DIR/open.csv -f DIR/app");
    assert!(error.unwrap_err().contains("cannot realise this matrix exactly"));
    let line = "generate -m DIR/open.csv -f DIR/app --pod-addresses 10.244.0.0/16";
    check(dir, line, ExitStatus::Success, &["cidr: \"10.245.0.0/16\""]);
}
