//! What does an address lead to: the world, a private network, this machine, or something no document should reach?

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What kind of address it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// On the internet.
    Public,
    /// In a private network (RFC 1918, RFC 6598, RFC 4193).
    Private,
    /// This machine.
    Loopback,
    /// On the local link, where clouds keep their metadata.
    Link,
    /// Broadcast, multicast, reserved, documentation, or an IPv6 form that hides an IPv4 address.
    Special,
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Kind::Public => "a public address",
            Kind::Private => "a private address",
            Kind::Loopback => "this machine",
            Kind::Link => "a link-local address",
            Kind::Special => "a special address",
        })
    }
}

/// The kind of an address.
pub fn kind_of(address: IpAddr) -> Kind {
    match address {
        IpAddr::V4(address) => kind_of_v4(address),
        IpAddr::V6(address) => kind_of_v6(address),
    }
}

fn kind_of_v4(address: Ipv4Addr) -> Kind {
    let [a, b, c, _] = address.octets();
    match (a, b, c) {
        (127, ..) => Kind::Loopback,
        (10, ..) | (192, 168, _) | (172, 16..=31, _) | (100, 64..=127, _) => Kind::Private,
        (169, 254, _) => Kind::Link,
        // This network; protocol assignments; documentation; the old 6to4 relay; benchmarks; multicast and reserved.
        (0, ..)
        | (192, 0, 0 | 2)
        | (192, 88, 99)
        | (198, 18 | 19, _)
        | (198, 51, 100)
        | (203, 0, 113)
        | (224.., ..) => Kind::Special,
        _ => Kind::Public,
    }
}

fn kind_of_v6(address: Ipv6Addr) -> Kind {
    if address == Ipv6Addr::LOCALHOST {
        return Kind::Loopback;
    }
    // The address by which one cloud serves its metadata is of the private kind; it is not to be reached by a name.
    const METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    let first = address.segments();
    match first[0] {
        _ if address == METADATA => Kind::Link,
        0xfc00..=0xfdff => Kind::Private,
        0xfe80..=0xfebf => Kind::Link,
        // Only 2000::/3 is given out; within it Teredo, 6to4 and documentation hide or mean something else.
        0x2001 if first[1] < 0x200 || first[1] == 0xdb8 => Kind::Special,
        0x2002 | 0x3fff => Kind::Special,
        0x2000..=0x3ffe => Kind::Public,
        _ => Kind::Special,
    }
}
