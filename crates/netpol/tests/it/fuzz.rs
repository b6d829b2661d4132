//! Damaged input of every kind: it is read or refused, never a panic, never a hang. The corpus is made here from valid
//! input of every reader, and damaged in seeded ways, so that every run on every machine tries the same.
//! `INTRAMUROS_FUZZ=200000` tries that many; 1,500 by default.
use intramuros_netpol::check::{invariant, observed};
use intramuros_netpol::engine::{Engine, Settings};
use intramuros_netpol::generate::{Dialect, Options, generate};
use intramuros_netpol::manifest::{Input, read};
use intramuros_netpol::matrix::read::read as read_matrix;
use intramuros_netpol::matrix::write;
use intramuros_netpol::report::Language;
use std::sync::Arc;

/// The reader that a seed is for.
#[derive(Clone, Copy, Debug)]
enum Reader {
    Manifest,
    Matrix(&'static str),
    Observed,
    Invariants,
}

/// Texts that are put into the middle of others: numbers at the edges, signs of every grammar, odd characters.
const TOKENS: [&str; 30] = [
    "65536",
    "-1",
    "99999999999999999999",
    "0.0.0.0/0",
    "::/0",
    "10.0.0.0/33",
    "\u{feff}",
    "\0",
    "\u{2}",
    "\u{3}",
    "---\n",
    "*a",
    "&a ",
    "<<: ",
    "[",
    "]",
    "{",
    "}",
    "'",
    "\"",
    "\t",
    "\r\n",
    "|",
    ">",
    "!!binary ",
    ":",
    "- ",
    "=1+1",
    ";;;;",
    "é",
];

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % sides.max(1)
    }
}

fn corpus() -> Vec<(Reader, Vec<u8>)> {
    let cluster = super::support::cluster();
    let world = read(&[Input::new("cluster.yaml", cluster.as_str())]).unwrap();
    let matrix = "Source;Destination;Protocole;Ports;Motif;Échéance\nx/a;y/b;TCP;80,443;Appels;31/12/2027\nx/*;{pod=c};UDP;53;Noms;\n10.0.0.0/8 sauf 10.0.0.0/16;z/c;TCP;serve-81-tcp;Postes;2027-01-01\n"
        .replace("{pod=c}", "z/{pod=c}");
    let flows = read_matrix("m.csv", matrix.as_bytes()).unwrap();
    let mut corpus: Vec<(Reader, Vec<u8>)> = vec![(Reader::Manifest, cluster.into_bytes())];
    for dialect in [Dialect::NetworkPolicy, Dialect::Cilium] {
        let options = Options { dialect, ..Options::default() };
        corpus.push((Reader::Manifest, generate(&world, &flows, &options).unwrap().into_bytes()));
    }
    let policies = "
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: c}
spec: {tier: Admin, priority: 3, subject: {namespaces: {}}, egress: [{action: Accept, to: [{networks: [10.0.0.0/8]}, {domainNames: ['*.example.com']}], protocols: [{tcp: {destinationPort: {range: {start: 80, end: 90}}}}]}]}
---
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: g}
spec: {order: 10.5, selector: \"pod in {'a', 'b'} || !has(old) && pod != 'c'\", ingress: [{action: Pass, protocol: TCP, source: {nets: [10.0.0.0/8]}, destination: {ports: [80, '90:99', http]}}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: d, namespace: x}
spec: {template: {metadata: {labels: &l {app: d}}, spec: {containers: [{name: c, env: [{name: A, value: 'http://b:80'}], ports: [{name: http, containerPort: 80}]}]}}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: i, namespace: x}
spec: {rules: [{http: {paths: [{backend: {service: {name: b, port: {number: 80}}}}]}}]}
";
    corpus.push((Reader::Manifest, policies.as_bytes().to_vec()));
    corpus.push((
        Reader::Manifest,
        br#"{"apiVersion":"v1","kind":"PodList","items":[{"metadata":{"name":"a","labels":{"a":"\u00e9"}},"status":{"podIP":"10.0.0.1"},"spec":{"hostNetwork":true,"containers":[]}}]}"#.to_vec(),
    ));
    corpus.push((Reader::Matrix("m.csv"), matrix.into_bytes()));
    corpus.push((Reader::Matrix("m.yaml"), write::yaml(&flows).into_bytes()));
    corpus.push((Reader::Matrix("m.xlsx"), write::matrix_xlsx(&flows, Language::French)));
    corpus.push((Reader::Observed, br#"{"flow":{"IP":{"source":"10.0.0.1","destination":"10.0.1.1"},"l4":{"TCP":{"destination_port":80}},"source":{"namespace":"x","pod_name":"a"}}}"#.to_vec()));
    corpus.push((Reader::Observed, b"tcp 6 86399 ESTABLISHED src=10.0.0.1 dst=10.0.1.1 sport=5 dport=80 src=10.0.1.1 dst=10.0.0.1 sport=80 dport=5\n".to_vec()));
    corpus.push((
        Reader::Invariants,
        b"invariants:\n- name: apart\n  never: {from: x/*, to: y/*, ports: 80}\n- name: bastion\n  only: {from: x/a, to: z/*}\n".to_vec(),
    ));
    corpus
}

fn damage(dice: &mut Dice, bytes: &mut Vec<u8>) {
    for _ in 0..=dice.roll(4) {
        let at = dice.roll(bytes.len());
        let end = (at + 1 + dice.roll(40)).min(bytes.len());
        match dice.roll(7) {
            0 if !bytes.is_empty() => bytes[at] = u8::try_from(dice.roll(256)).unwrap(),
            1 => drop(bytes.drain(at.min(end)..end)),
            2 => bytes.truncate(at),
            3 => {
                let copy = bytes[at.min(end)..end].to_vec();
                for _ in 0..=dice.roll(20) {
                    bytes.splice(at..at, copy.iter().copied());
                }
            }
            4 => {
                let lines: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at] == b'\n').collect();
                if let (Some(&a), Some(&b)) =
                    (lines.get(dice.roll(lines.len())), lines.get(dice.roll(lines.len())))
                {
                    let line = bytes[a.min(b)..a.max(b)].to_vec();
                    bytes.splice(a..a, line);
                }
            }
            _ => {
                let token = TOKENS[dice.roll(TOKENS.len())];
                bytes.splice(at..at, token.bytes());
            }
        }
    }
}

fn try_one(reader: Reader, bytes: &[u8]) -> bool {
    let file: Arc<str> = Arc::from("fuzz");
    let text = String::from_utf8_lossy(bytes);
    match reader {
        Reader::Manifest => match read(&[Input::new("fuzz.yaml", text)]) {
            Ok(world) => {
                let engine = Engine::new(world, &Settings::default());
                let graph = engine.graph();
                // The two ways to the same answer agree on whatever was read.
                for from in 0..engine.pod_endpoints.min(4) {
                    for to in 0..engine.pod_endpoints.min(4) {
                        assert_eq!(graph.table.get(graph.between(from, to)), &engine.allowed(from, to));
                    }
                }
                true
            }
            Err(error) => {
                assert!(error.message.contains("fuzz.yaml"), "no place: {error}");
                false
            }
        },
        Reader::Matrix(name) => read_matrix(name, bytes).is_ok(),
        Reader::Observed => observed::read(&text, &file).is_ok(),
        Reader::Invariants => invariant::read(&text, &file).is_ok(),
    }
}

#[test]
fn damaged_input_is_read_or_refused() {
    let tries = std::env::var("INTRAMUROS_FUZZ").ok().and_then(|text| text.parse().ok()).unwrap_or(1500);
    let corpus = corpus();
    for (reader, bytes) in &corpus {
        assert!(try_one(*reader, bytes), "{reader:?} refuses its own seed");
    }
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut accepted = 0usize;
    for number in 0..tries {
        let (reader, mut bytes) = corpus[number % corpus.len()].clone();
        damage(&mut dice, &mut bytes);
        accepted += usize::from(try_one(reader, &bytes));
    }
    println!("{tries} damaged inputs: {accepted} read, {} refused", tries - accepted);
}
