//! Small clusters to ask questions about.
use intramuros_netpol::engine::{Engine, Settings};
use intramuros_netpol::manifest::{Input, read};
use intramuros_netpol::model::ports::Protocol;

/// The ports that every pod of the test cluster serves: number and name.
pub const PORTS: [(Protocol, u16, &str); 5] = [
    (Protocol::Tcp, 80, "serve-80-tcp"),
    (Protocol::Tcp, 81, "serve-81-tcp"),
    (Protocol::Udp, 80, "serve-80-udp"),
    (Protocol::Udp, 81, "serve-81-udp"),
    (Protocol::Sctp, 80, "serve-80-sctp"),
];

/// The cluster of the upstream end-to-end cases: namespaces x, y, z with pods a, b, c, labels `ns` and `pod`.
pub fn cluster() -> String {
    let mut text = String::new();
    for (n, namespace) in ["x", "y", "z"].iter().enumerate() {
        text += &format!(
            "---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}, labels: {{ns: {namespace}}}}}\n"
        );
        for (p, pod) in ["a", "b", "c"].iter().enumerate() {
            text += &format!(
                "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {pod}, namespace: {namespace}, labels: {{pod: {pod}}}}}\nstatus: {{podIP: 10.0.{n}.{p}}}\nspec:\n  containers:\n  - name: main\n    ports:\n"
            );
            for (protocol, port, name) in PORTS {
                text += &format!(
                    "    - {{name: {name}, containerPort: {port}, protocol: {}}}\n",
                    protocol.name()
                );
            }
        }
    }
    text
}

pub fn engine(texts: &[&str]) -> Engine {
    let inputs: Vec<Input> =
        texts.iter().enumerate().map(|(at, text)| Input::new(&format!("file{at}.yaml"), *text)).collect();
    Engine::new(read(&inputs).unwrap_or_else(|error| panic!("{error}")), &Settings::default())
}

/// A question: from, to (both `namespace/pod`), protocol and port.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    pub from: &'a str,
    pub to: &'a str,
    pub protocol: Protocol,
    pub port: u16,
}

impl Ask<'_> {
    pub fn from_namespace(&self) -> &str {
        &self.from[..1]
    }
    pub fn to_namespace(&self) -> &str {
        &self.to[..1]
    }
    pub fn from_pod(&self) -> &str {
        &self.from[2..]
    }
}

/// Asks every pair and port of the test cluster; `expected` is the truth table. The whole graph and the single
/// questions must both agree with it. A pod always reaches itself, so those pairs are not asked.
pub fn check(policies: &str, expected: impl Fn(Ask<'_>) -> bool) {
    let cluster = cluster();
    let engine = engine(&[&cluster, policies]);
    let graph = engine.graph();
    let name = |at: usize| {
        let pod = engine.pod(at).unwrap();
        format!("{}/{}", pod.namespace, pod.name)
    };
    let mut wrong = Vec::new();
    for from in 0..engine.pod_endpoints {
        for to in 0..engine.pod_endpoints {
            if from == to {
                continue;
            }
            let (from_name, to_name) = (name(from), name(to));
            for (protocol, port, _) in PORTS {
                let ask = Ask { from: &from_name, to: &to_name, protocol, port };
                let one = engine.allows(from, to, protocol, port);
                let whole = graph.table.get(graph.between(from, to)).contains(protocol, port);
                assert_eq!(one, whole, "the graph and the single question differ for {ask:?}");
                if one != expected(ask) {
                    wrong.push(format!("{ask:?}: {one}"));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} answers are wrong, such as {:#?}",
        wrong.len(),
        &wrong[..wrong.len().min(8)]
    );
}

/// A NetworkPolicy `p` in a namespace with this spec (indented by two).
pub fn policy(namespace: &str, spec: &str) -> String {
    named("p", namespace, spec)
}

pub fn named(name: &str, namespace: &str, spec: &str) -> String {
    let spec: String = spec.trim().lines().map(|line| format!("  {}\n", line.trim_end())).collect();
    format!(
        "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec:\n{spec}"
    )
}
