//! How fast is the engine, and how does it grow? `cargo run --release -p intramuros-netpol --example bench [PODS …]`.
//! `-- write PODS FILE` writes the manifests, so that other tools can be given the same ones.
//! Every pod is distinguishable (StatefulSet labels), so nothing collapses: the worst case for the engine.
#![allow(clippy::print_stdout)]

use intramuros_netpol::engine::{Engine, Settings};
use intramuros_netpol::generate::{Dialect, Options, generate};
use intramuros_netpol::manifest::{Input, read};
use intramuros_netpol::matrix::read::read as read_matrix;
use intramuros_netpol::model::ports::Protocol;
use intramuros_netpol::report::lines;
use intramuros_testkit::memory_mb;
use std::fmt::Write;
use std::time::Instant;

/// Pods of one namespace, apps of one namespace.
const PODS_PER_NAMESPACE: usize = 20;
const APPS: usize = 10;

fn cluster(pods: usize) -> String {
    let namespaces = pods.div_ceil(PODS_PER_NAMESPACE);
    let mut text = String::new();
    for n in 0..namespaces {
        let _ = write!(
            text,
            "---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: n{n}, labels: {{team: t{}, env: {}}}}}\n",
            n % 50,
            ["prod", "test"][n % 2]
        );
        for p in 0..PODS_PER_NAMESPACE.min(pods - n * PODS_PER_NAMESPACE) {
            let app = p % APPS;
            let _ = write!(
                text,
                "---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: a{app}-{}\n  namespace: n{n}\n  labels: {{app: a{app}, tier: x{}, statefulset.kubernetes.io/pod-name: a{app}-{}}}\n  ownerReferences: [{{kind: StatefulSet, name: a{app}, controller: true}}]\nspec:\n  containers:\n  - name: main\n    ports: [{{name: http, containerPort: {}}}, {{name: metrics, containerPort: 9090}}]\nstatus: {{podIP: 10.{}.{}.{}}}\n",
                p / APPS,
                app % 3,
                p / APPS,
                8000 + app,
                n / 250,
                n % 250,
                p + 1
            );
        }
        policies(&mut text, n, namespaces);
    }
    text
}

/// Ten policies per namespace: default deny, six flows inside, one from another team, monitoring, the outside.
fn policies(text: &mut String, n: usize, namespaces: usize) {
    let mut policy = |name: &str, spec: &str| {
        let _ = write!(
            text,
            "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}, namespace: n{n}}}\nspec: {{{spec}}}\n"
        );
    };
    policy("deny", "podSelector: {}, policyTypes: [Ingress, Egress]");
    for k in 0..6 {
        policy(
            &format!("flow{k}"),
            &format!(
                "podSelector: {{matchLabels: {{app: a{}}}}}, ingress: [{{from: [{{podSelector: {{matchLabels: {{app: a{k}}}}}}}], ports: [{{port: http}}]}}]",
                k + 1
            ),
        );
    }
    policy(
        "team",
        &format!(
            "podSelector: {{matchLabels: {{app: a0}}}}, ingress: [{{from: [{{namespaceSelector: {{matchLabels: {{team: t{}}}}}, podSelector: {{matchLabels: {{app: a9}}}}}}], ports: [{{port: 8000, endPort: 8010}}]}}]",
            (n + 1) % 50
        ),
    );
    policy(
        "metrics",
        "podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: n0}}}], ports: [{port: metrics}]}]",
    );
    policy(
        "out",
        &format!(
            "podSelector: {{}}, policyTypes: [Egress], egress: [{{to: [{{namespaceSelector: {{matchLabels: {{env: prod}}}}}}]}}, {{to: [{{ipBlock: {{cidr: 172.{}.0.0/16, except: [172.{}.{}.0/24]}}}}], ports: [{{port: 443}}]}}]",
            16 + n % 16,
            16 + n % 16,
            n * 7 % 250
        ),
    );
    let _ = namespaces;
}

/// A moment: on the processor (this machine may be shared), or on the clock where the kernel does not say.
struct Moment(Option<u64>, Instant);

impl Moment {
    fn now() -> Self {
        let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
        Self(text.split_whitespace().next().and_then(|text| text.parse().ok()), Instant::now())
    }
}

/// Milliseconds on the processor since a moment; everything here runs on one thread.
fn milliseconds(start: Moment) -> f64 {
    match (start.0, Moment::now().0) {
        (Some(before), Some(after)) => (after - before) as f64 / 1e6,
        _ => start.1.elapsed().as_secs_f64() * 1000.0,
    }
}

fn measure(pods: usize) {
    let text = cluster(pods);
    let start = Moment::now();
    let world = read(&[Input::new("bench.yaml", text)]).unwrap_or_else(|error| panic!("{error}"));
    let load = milliseconds(start);
    let (namespaces, policies) = (world.namespaces.len(), world.policies.len());
    let start = Moment::now();
    let engine = Engine::new(world, &Settings::default());
    let compile = milliseconds(start);
    let start = Moment::now();
    let graph = engine.graph();
    let whole = milliseconds(start);
    let start = Moment::now();
    let asked = 10_000usize;
    let mut open = 0usize;
    for question in 0..asked {
        let (from, to) =
            ((question * 7919) % engine.pod_endpoints, (question * 104_729) % engine.pod_endpoints);
        open += usize::from(engine.allows(from, to, Protocol::Tcp, 8001));
    }
    let one = milliseconds(start) / asked as f64;
    let memory = memory_mb("VmHWM");
    let listed = if pods <= 1000 {
        let start = Moment::now();
        let count = lines::lines(&engine, &graph, &lines::Shown::default()).len();
        format!("{:.0} ms for {count} lines", milliseconds(start))
    } else {
        "-".to_owned()
    };
    println!(
        "| {pods} | {namespaces} | {policies} | {} | {load:.0} ms | {compile:.0} ms | {whole:.0} ms | {:.4} ms | {memory} MB | {listed} |",
        engine.endpoints.len(),
        one
    );
    assert!(open <= asked, "answers are counted so that the questions are not optimised away");
}

fn generation(flows: usize) {
    let mut text = String::new();
    for n in 0..50 {
        for p in 0..20 {
            let _ = write!(
                text,
                "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: w{p}, namespace: n{n}}}\nspec: {{template: {{metadata: {{labels: {{app: w{p}}}}}, spec: {{containers: []}}}}}}\n"
            );
        }
    }
    let world = read(&[Input::new("world.yaml", text)]).unwrap_or_else(|error| panic!("{error}"));
    let mut csv = String::from("source,destination,protocol,ports,justification\n");
    for at in 0..flows {
        let (a, b) = (at % 1000, (at * 37 + 11 + at / 1000) % 1000);
        let _ =
            writeln!(csv, "n{}/w{},n{}/w{},TCP,{},needed", a / 20, a % 20, b / 20, b % 20, 1000 + at % 5000);
    }
    for dialect in [Dialect::NetworkPolicy, Dialect::Cilium, Dialect::ClusterNetworkPolicy] {
        let start = Moment::now();
        let matrix = read_matrix("matrix.csv", csv.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
        let text = generate(&world, &matrix, &Options { dialect, ..Options::default() })
            .unwrap_or_else(|error| panic!("{error}"));
        println!(
            "generate, {flows} lines, {}: {:.0} ms with its proof ({} KB)",
            dialect.name(),
            milliseconds(start),
            text.len() / 1024
        );
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [word, pods, file] = words.as_slice()
        && word == "write"
    {
        let pods = pods.parse().unwrap_or_else(|_| panic!("'{pods}' is not a number of pods"));
        return std::fs::write(file, cluster(pods)).unwrap_or_else(|error| panic!("{file}: {error}"));
    }
    let sizes: Vec<usize> = std::env::args().skip(1).filter_map(|text| text.parse().ok()).collect();
    if sizes.is_empty() {
        generation(2000);
    }
    let sizes = if sizes.is_empty() { vec![100, 1_000, 10_000] } else { sizes };
    println!(
        "| pods | namespaces | policies | endpoints | read YAML | compile | whole connectivity | one allows | peak memory | list |\n|---|---|---|---|---|---|---|---|---|---|"
    );
    sizes.into_iter().for_each(measure);
}
