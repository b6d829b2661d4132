//! Which nftables rules say the same, for the program's own user?

use std::fmt::Write;
use std::net::IpAddr;

use intramuros_core::perimeter::Perimeter;

use super::{listening, outside};

/// The rules of a perimeter, for a user of the name given (the one the unit runs as).
///
/// Everything that this user sends is refused unless it is an answer, or goes where a rule says. Names can't be
/// matched by a packet: each gets a set that is empty until somebody fills it, and the comment says how.
pub fn rules(perimeter: &Perimeter, user: &str) -> String {
    let outside = outside(perimeter);
    // The name goes between quotes; what could end them has no place in a user's name.
    let user: String = user.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
    let mut text = String::from(
        "# Written by `intramuros perimeter deploy nftables` from intramuros.toml. Write it anew when that changes.\n\
         # Load with `nft -f`; loading again replaces it. The user must exist (no DynamicUser= in the unit).\n\
         table inet intramuros\n\
         delete table inet intramuros\n\
         table inet intramuros {\n",
    );
    for (position, (name, port)) in outside.names.iter().enumerate() {
        let _ = write!(
            text,
            "    # {name}:{port}. Packets carry no names: fill the sets with its addresses, for instance\n    \
             #   nft add element inet intramuros name{position}_v4 '{{ 192.0.2.1 timeout 10m }}'\n    \
             set name{position}_v4 {{ type ipv4_addr; flags timeout; }}\n    \
             set name{position}_v6 {{ type ipv6_addr; flags timeout; }}\n"
        );
    }
    text.push_str("    chain output {\n        type filter hook output priority filter; policy accept;\n");
    let _ = writeln!(text, "        meta skuid != \"{user}\" accept");
    text.push_str("        ct state established,related accept\n");
    for port in &outside.here {
        let _ = writeln!(text, "        oif lo tcp dport {port} accept");
    }
    for (address, port) in outside.addresses.iter().chain(&outside.name_servers) {
        let family = family(address);
        let _ = writeln!(text, "        {family} daddr {address} tcp dport {port} accept");
    }
    for (position, (_, port)) in outside.names.iter().enumerate() {
        for (family, end) in [("ip", "v4"), ("ip6", "v6")] {
            let _ = writeln!(text, "        {family} daddr @name{position}_{end} tcp dport {port} accept");
        }
    }
    text.push_str(
        "        counter log prefix \"intramuros refused: \" limit rate 10/minute burst 5 packets\n",
    );
    text.push_str("        counter reject with icmpx admin-prohibited\n    }\n");
    input(&mut text, perimeter);
    text.push_str("}\n");
    text
}

/// Listeners on loopback are kept from the network by their address; the others are listed.
fn input(text: &mut String, perimeter: &Perimeter) {
    text.push_str("    chain input {\n        type filter hook input priority filter; policy accept;\n");
    for port in listening(perimeter) {
        let exposed = perimeter.server.listen.iter().any(|at| at.port() == port && !at.ip().is_loopback());
        if exposed {
            let _ = writeln!(text, "        tcp dport {port} accept");
        } else {
            let _ = writeln!(text, "        iif != lo tcp dport {port} drop");
        }
    }
    text.push_str("    }\n");
}

fn family(address: &IpAddr) -> &'static str {
    if address.is_ipv4() { "ip" } else { "ip6" }
}
