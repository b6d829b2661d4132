//! How does the machine or the cluster around the program enforce the same perimeter?
//!
//! Four forms of one thing, each derived from `intramuros.toml`, each pure: the same file gives the same text. What a
//! form can't express is said in its comments rather than left open in silence.

pub mod cilium;
pub mod kubernetes;
pub mod nftables;
pub mod systemd;

use std::collections::BTreeSet;
use std::net::IpAddr;

use intramuros_core::perimeter::{Host, Perimeter};

/// What leaves the machine, by how it can be named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outside {
    /// Addresses with ports.
    pub addresses: BTreeSet<(IpAddr, u16)>,
    /// Names with ports, whose addresses only a name server knows.
    pub names: BTreeSet<(String, u16)>,
    /// Loopback ports.
    pub here: BTreeSet<u16>,
    /// Name servers that are declared, with their ports.
    pub name_servers: BTreeSet<(IpAddr, u16)>,
}

/// What a perimeter lets out, through its proxy where it has one.
pub fn outside(perimeter: &Perimeter) -> Outside {
    let mut outside = Outside::default();
    let mut add = |host: &Host, port: u16, addresses: &[IpAddr]| match host {
        host if host.is_loopback() => drop(outside.here.insert(port)),
        Host::Address(address) => drop(outside.addresses.insert((*address, port))),
        Host::Name(_) if !addresses.is_empty() => {
            outside.addresses.extend(addresses.iter().map(|address| (*address, port)));
        }
        Host::Name(name) => drop(outside.names.insert((name.clone(), port))),
    };
    for rule in &perimeter.egress {
        match &perimeter.proxy {
            Some(proxy) if !rule.host.is_loopback() => add(&proxy.host, proxy.port, &[]),
            _ => add(&rule.host, rule.port, &rule.addresses),
        }
    }
    for server in &perimeter.dns.servers {
        let with_port = server.parse().map(|address: std::net::SocketAddr| (address.ip(), address.port()));
        outside
            .name_servers
            .extend(with_port.ok().or_else(|| server.parse().ok().map(|address| (address, 53))));
    }
    outside
}

/// The ports on which the program listens.
pub fn listening(perimeter: &Perimeter) -> BTreeSet<u16> {
    perimeter.server.listen.iter().map(std::net::SocketAddr::port).collect()
}

/// An address with the length of a single host's prefix.
fn single(address: &IpAddr) -> String {
    format!("{address}/{}", if address.is_ipv4() { 32 } else { 128 })
}
