//! How is a matrix written as an nftables ruleset, for the addresses that the pods have now? And what does such a
//! ruleset let through, read back?

use super::plan::Plan;
use super::{Dialect, Options, inexpressible};
use crate::engine::{Endpoint, Engine};
use crate::error::{Error, Result};
use crate::language::say;
use crate::matrix::Matrix;
use crate::matrix::resolve::{authorised, settings};
use crate::model::address::{Addresses, parse_any, single};
use crate::model::ports::{Connections, Protocol};
use crate::model::world::World;
use std::collections::BTreeMap;

/// The ruleset: established connections, one set of rules per flow, then nothing in or out of governed pods.
pub fn write(world: &World, plan: &Plan, matrix: &Matrix, options: &Options) -> Result<String> {
    let engine =
        Engine::new(World { policies: Vec::new(), ..world.clone() }, &settings(matrix, &options.places));
    let wanted = authorised(&engine, matrix, &options.places)?;
    let mut errors = Vec::new();
    let mut out = String::from(
        "table inet intramuros\ndelete table inet intramuros\ntable inet intramuros {\n  chain forward {\n    type filter hook forward priority 0; policy accept;\n    ct state established,related accept\n",
    );
    for (flow, pairs) in matrix.flows.iter().zip(&wanted.by_flow) {
        // Receivers with the same ports stand in one rule, and so do senders with the same receivers.
        let mut by_receiver: BTreeMap<(Connections, usize), Addresses> = BTreeMap::new();
        for (from, to, set) in pairs {
            match addresses(&engine, *from) {
                Ok(part) => {
                    let known = by_receiver.entry((set.clone(), *to)).or_default();
                    *known = known.union(&part);
                }
                Err(why) => errors.push(inexpressible(flow, Dialect::Nftables, &why)),
            }
        }
        let mut grouped: BTreeMap<(Connections, Addresses), Addresses> = BTreeMap::new();
        for ((set, to), senders) in by_receiver {
            match addresses(&engine, to) {
                Ok(part) => {
                    let known = grouped.entry((set, senders)).or_default();
                    *known = known.union(&part);
                }
                Err(why) => errors.push(inexpressible(flow, Dialect::Nftables, &why)),
            }
        }
        let comment = format!("{} {}", flow.origin, flow.text()).replace('"', "'");
        let comment: String = comment.chars().take(120).collect();
        for ((set, senders), receivers) in grouped {
            rules(&mut out, &set, &senders, &receivers, &comment);
        }
    }
    let mut closed = Addresses::default();
    for pod in world.pods.iter().filter(|pod| plan.governed.contains(&pod.namespace) && !pod.host_network) {
        pod.addresses.iter().for_each(|&address| closed = closed.union(&single(address)));
    }
    for (family, list) in families(&closed) {
        out.push_str(&format!(
            "    {family} saddr {{ {list} }} drop\n    {family} daddr {{ {list} }} drop\n"
        ));
    }
    out.push_str("  }\n}\n");
    errors.dedup_by(|a, b| a.message == b.message);
    Error::join(errors).map_or(Ok(out), Err)
}

fn addresses(engine: &Engine, at: usize) -> std::result::Result<Addresses, String> {
    match &engine.endpoints[at] {
        Endpoint::Addresses(addresses) => Ok(addresses.clone()),
        Endpoint::Name(_) => {
            Err(say!("il connaît des adresses, pas des noms d'hôtes", "it knows addresses, not host names"))
        }
        Endpoint::ApiServer => Err(say!(
            "l'adresse du serveur d'API n'est pas connue ; la donner avec --api-server",
            "the address of the API server is not known; give it with --api-server"
        )),
        Endpoint::Pods(pods) => {
            let mut set = Addresses::default();
            for &pod in pods {
                let pod = &engine.world.pods[pod];
                if pod.addresses.is_empty() {
                    return Err(say!(
                        "un pod n'a pas d'adresse (status.podIP) ; donner les manifestes des pods en marche",
                        "a pod has no address (status.podIP); give the manifests of the running pods"
                    ));
                }
                pod.addresses.iter().for_each(|&address| set = set.union(&single(address)));
            }
            Ok(set)
        }
    }
}

fn families(addresses: &Addresses) -> Vec<(&'static str, String)> {
    let v4 = Addresses { v4: addresses.v4.clone(), ..Addresses::default() }.range_texts();
    let v6 = Addresses { v6: addresses.v6.clone(), ..Addresses::default() }.range_texts();
    let short = |text: String| match text.split_once('-') {
        Some((low, high)) if low == high => low.to_owned(),
        _ => text,
    };
    [("ip", v4), ("ip6", v6)]
        .into_iter()
        .filter(|(_, list)| !list.is_empty())
        .map(|(family, list)| (family, list.into_iter().map(short).collect::<Vec<_>>().join(", ")))
        .collect()
}

fn rules(out: &mut String, set: &Connections, senders: &Addresses, receivers: &Addresses, comment: &str) {
    let receivers = families(receivers);
    for (family, from) in families(senders) {
        let Some((_, to)) = receivers.iter().find(|(other, _)| *other == family) else { continue };
        for protocol in Protocol::ALL {
            let ranges = set.ranges(protocol);
            if ranges.is_empty() {
                continue;
            }
            let ports: Vec<String> = ranges
                .iter()
                .map(|(low, high)| if low == high { low.to_string() } else { format!("{low}-{high}") })
                .collect();
            let name = protocol.name().to_ascii_lowercase();
            out.push_str(&format!(
                "    {family} saddr {{ {from} }} {family} daddr {{ {to} }} {name} dport {{ {} }} accept comment \"{comment}\"\n",
                ports.join(", ")
            ));
        }
    }
}

/// One accepting rule of a ruleset that [`write`] made: from, to, ports.
pub type Accepted = (Addresses, Addresses, Connections);

/// Reads a ruleset that [`write`] made: what it accepts in order, and the addresses that are closed otherwise.
pub fn read_back(text: &str) -> std::result::Result<(Vec<Accepted>, Addresses), String> {
    let list = |text: &str| -> std::result::Result<Addresses, String> {
        text.split(", ").try_fold(Addresses::default(), |set, part| Ok(set.union(&parse_any(part)?)))
    };
    let (mut accepted, mut closed) = (Vec::new(), Addresses::default());
    for line in text.lines().map(str::trim).filter(|line| line.starts_with("ip")) {
        let rule = line.split(" comment ").next().unwrap_or_default();
        let parts: Vec<&str> = rule.split(['{', '}']).map(str::trim).collect();
        match parts.as_slice() {
            [_, from, _, to, protocol, ports, "accept"] => {
                let word = protocol.split(' ').next().unwrap_or_default();
                let protocol = Protocol::parse(word).ok_or_else(|| format!("unknown protocol in: {line}"))?;
                let mut set = Connections::none();
                for port in ports.split(", ") {
                    let (low, high) = port.split_once('-').unwrap_or((port, port));
                    let number =
                        |text: &str| text.parse::<u16>().map_err(|_| format!("unknown port in: {line}"));
                    set = set.union(&Connections::range(protocol, number(low)?, number(high)?));
                }
                accepted.push((list(from)?, list(to)?, set));
            }
            [_, addresses, "drop"] => closed = closed.union(&list(addresses)?),
            _ => return Err(format!("not understood: {line}")),
        }
    }
    Ok((accepted, closed))
}
