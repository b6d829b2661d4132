//! Verdicts against packets: every pod is a network namespace, the policies are compiled to nftables by code of this
//! file alone (labels, blocks, tiers, ports), and real TCP and UDP connections are opened between all of them, over
//! IPv4 and IPv6, in three dialects: the standard with the v1alpha1 and the v1alpha2 cluster-wide kinds, and Cilium.
//! `INTRAMUROS_REALITY=500` runs that many generated clusters; 12 by default. Needs root, iproute2 and nftables.
mod generated;
mod room;
mod ruleset;
mod text;

use generated::{Dice, Kinds, cluster};
use intramuros_netpol::engine::{Engine, Settings};
use intramuros_netpol::manifest::{Input, read};
use intramuros_netpol::model::ports::Protocol;
use room::{Packets, Room, TRIES, join, open};
use ruleset::ruleset;
use std::io::{BufRead, Write};
use std::net::{TcpListener, UdpSocket};
use std::time::Duration;
use text::manifests;

const PODS: usize = 6;
/// The pods, one host-network pod, one machine outside.
const PARTIES: usize = PODS + 2;
const HOST: usize = PODS;
const OUTSIDE: usize = PODS + 1;
const PROBES: [(Protocol, u16); 5] = [
    (Protocol::Tcp, 80),
    (Protocol::Tcp, 81),
    (Protocol::Tcp, 8005),
    (Protocol::Udp, 80),
    (Protocol::Udp, 5000),
];
const PATIENCE: Duration = Duration::from_millis(400);

fn address(party: usize, v6: bool) -> String {
    match (party, v6) {
        (HOST, false) => "10.200.9.1".to_owned(),
        (HOST, true) => "fd00:900::1".to_owned(),
        (OUTSIDE, false) => "203.0.113.5".to_owned(),
        (OUTSIDE, true) => "2001:db8:5::5".to_owned(),
        (pod, false) => format!("10.200.0.{}", pod + 1),
        (pod, true) => format!("fd00:200::{}", pod + 1),
    }
}

/// A block as it is, or its twin among the IPv6 addresses above.
fn block_text(block: &'static str, v6: bool) -> &'static str {
    match (v6, block) {
        (false, block) => block,
        (_, "10.200.0.0/16") => "fd00:200::/64",
        (_, "10.200.0.0/29") => "fd00:200::/125",
        (_, "10.200.0.2/32") => "fd00:200::2/128",
        (_, "10.200.0.4/30") => "fd00:200::4/126",
        (_, "10.200.0.0/30") => "fd00:200::/126",
        (_, "203.0.113.0/24") => "2001:db8:5::/64",
        (_, "203.0.113.4/31") => "2001:db8:5::4/127",
        (_, "10.200.9.0/24") => "fd00:900::/64",
        (_, "10.200.9.1/32") => "fd00:900::1/128",
        (_, "0.0.0.0/0") => "::/0",
        (_, other) => panic!("{other} has no twin"),
    }
}

/// Runs inside a namespace: serves every port and opens the connections it is told to.
#[test]
fn agent() {
    if std::env::var_os("INTRAMUROS_AGENT").is_none() {
        return;
    }
    for (protocol, port) in PROBES {
        if protocol == Protocol::Tcp {
            let listener = TcpListener::bind(("::", port)).unwrap();
            std::thread::spawn(move || {
                listener.incoming().for_each(|stream| drop(stream.map(|mut s| s.write_all(b"y"))))
            });
        } else {
            let socket = UdpSocket::bind(("::", port)).unwrap();
            std::thread::spawn(move || {
                let mut buffer = [0; 8];
                while let Ok((_, from)) = socket.recv_from(&mut buffer) {
                    let _ = socket.send_to(b"y", from);
                }
            });
        }
    }
    println!("\nready");
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let answers: String =
            line.split_whitespace().map(|probe| if open(probe) { '1' } else { '0' }).collect();
        println!("answers {answers}");
    }
}

#[test]
fn verdicts_and_packets_agree() {
    if std::env::var_os("INTRAMUROS_AGENT").is_some() {
        return;
    }
    let mut room = match Room::open() {
        Ok(room) => room,
        Err(why) => {
            let why = format!("network namespaces need root, iproute2 and nftables ({why})");
            intramuros_testkit::skip("namespaces", &why);
            return;
        }
    };
    let clusters = std::env::var("INTRAMUROS_REALITY").ok().and_then(|text| text.parse().ok()).unwrap_or(12);
    let seed = std::env::var("INTRAMUROS_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1u64);
    let (mut probes, mut open_count) = (0usize, 0usize);
    for number in 0..clusters {
        let mut dice = Dice((seed << 32) ^ (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let kinds = [Kinds::Admin, Kinds::Cluster, Kinds::Cilium][number % 3];
        let v6 = number / 3 % 2 == 1;
        let cluster = cluster(&mut dice, kinds, v6);
        room.load(&ruleset(&cluster));
        let mut packets = room.probe(v6);
        let text = manifests(&cluster);
        let world = read(&[Input::new("cluster.yaml", text.as_str())])
            .unwrap_or_else(|error| panic!("{error}\n{text}"));
        let engine = Engine::new(world, &Settings::default());
        let graph = engine.graph();
        let endpoint = |party: usize| match party {
            OUTSIDE => engine.endpoint_of_address(address(OUTSIDE, v6).parse().unwrap()).unwrap(),
            pod => engine.endpoint_of_pod[pod],
        };
        // On a busy machine an open port can answer late. A refused connection is refused at once and never goes
        // through, so what went through in any of some tries is open, and one that should be refused still fails.
        for _ in 1..TRIES {
            let missing = |packets: &Packets| {
                let pairs = (0..PARTIES).flat_map(|from| (0..PARTIES).map(move |to| (from, to)));
                pairs.filter(|&(from, to)| to != from && (from < PODS || to < PODS)).any(|(from, to)| {
                    let open = graph.table.get(graph.between(endpoint(from), endpoint(to)));
                    PROBES.iter().enumerate().any(|(at, (protocol, port))| {
                        open.contains(*protocol, *port) && !packets[from][to][at]
                    })
                })
            };
            if !missing(&packets) {
                break;
            }
            join(&mut packets, room.probe(v6));
        }
        for from in 0..PARTIES {
            for to in (0..PARTIES).filter(|&to| to != from && (from < PODS || to < PODS)) {
                let open = graph.table.get(graph.between(endpoint(from), endpoint(to)));
                for (at, (protocol, port)) in PROBES.iter().enumerate() {
                    let verdict = open.contains(*protocol, *port);
                    probes += 1;
                    open_count += usize::from(verdict);
                    assert_eq!(
                        verdict,
                        packets[from][to][at],
                        "cluster {number}: {} -> {} {protocol:?} {port}: left is the engine, right are the packets\n{text}\n{}",
                        address(from, v6),
                        address(to, v6),
                        ruleset(&cluster)
                    );
                }
            }
        }
    }
    println!(
        "{clusters} generated clusters, {probes} real connections, {open_count} of them open: no disagreement"
    );
}
