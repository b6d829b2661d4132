//! Which protocols and ports are in this set, and how do two sets combine?

use crate::language::say;
use std::collections::HashMap;
use std::fmt;

/// A transport protocol that network policies know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP, the default of Kubernetes.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Protocol {
    /// All of them, in the order of output.
    pub const ALL: [Self; 3] = [Self::Tcp, Self::Udp, Self::Sctp];

    /// The name in manifests: `TCP`, `UDP`, `SCTP`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        }
    }

    /// The protocol of a name, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.name().eq_ignore_ascii_case(text))
    }
}

/// A set of (protocol, port) pairs, ports from 1 to 65535.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Connections([Vec<(u16, u16)>; 3]);

impl Connections {
    /// No connection.
    pub fn none() -> Self {
        Self::default()
    }

    /// Every port of every protocol.
    pub fn all() -> Self {
        Self([vec![(1, u16::MAX)], vec![(1, u16::MAX)], vec![(1, u16::MAX)]])
    }

    /// The ports from `low` to `high` of one protocol.
    pub fn range(protocol: Protocol, low: u16, high: u16) -> Self {
        let mut set = Self::default();
        let low = low.max(1);
        if low <= high {
            set.0[protocol as usize] = vec![(low, high)];
        }
        set
    }

    /// Every port of one protocol.
    pub fn protocol(protocol: Protocol) -> Self {
        Self::range(protocol, 1, u16::MAX)
    }

    /// The intervals of one protocol, in order.
    pub fn ranges(&self, protocol: Protocol) -> &[(u16, u16)] {
        &self.0[protocol as usize]
    }

    /// Whether no connection is in it.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Vec::is_empty)
    }

    /// Whether every connection is in it.
    pub fn is_all(&self) -> bool {
        self.0.iter().all(|ranges| ranges.as_slice() == [(1, u16::MAX)])
    }

    /// Whether this port is in it.
    pub fn contains(&self, protocol: Protocol, port: u16) -> bool {
        self.ranges(protocol).iter().any(|&(low, high)| (low..=high).contains(&port))
    }

    /// Whether all of `other` is in it.
    pub fn covers(&self, other: &Self) -> bool {
        other.minus(self).is_empty()
    }

    /// Everything that is in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|at| {
            let mut all: Vec<_> = self.0[at].iter().chain(&other.0[at]).copied().collect();
            all.sort_unstable();
            let mut merged: Vec<(u16, u16)> = Vec::with_capacity(all.len());
            for (low, high) in all {
                match merged.last_mut() {
                    Some(last) if u32::from(low) <= u32::from(last.1) + 1 => last.1 = last.1.max(high),
                    _ => merged.push((low, high)),
                }
            }
            merged
        }))
    }

    /// Everything that is in both.
    #[must_use]
    pub fn common(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|at| {
            let mut both = Vec::new();
            for &(low, high) in &self.0[at] {
                for &(other_low, other_high) in &other.0[at] {
                    let (start, end) = (low.max(other_low), high.min(other_high));
                    if start <= end {
                        both.push((start, end));
                    }
                }
            }
            both
        }))
    }

    /// Everything that is here and not in `other`.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let mut complement = Self::default();
        for (at, ranges) in other.0.iter().enumerate() {
            let mut start = 1u32;
            for &(low, high) in ranges {
                if u32::from(low) > start {
                    complement.0[at].push((port(start), low - 1));
                }
                start = u32::from(high) + 1;
            }
            if start <= u32::from(u16::MAX) {
                complement.0[at].push((port(start), u16::MAX));
            }
        }
        self.common(&complement)
    }
}

fn port(number: u32) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

impl Connections {
    /// As messages say it, in both languages; [`fmt::Display`] is the notation of files.
    pub fn said(&self) -> String {
        match (self.is_all(), self.is_empty()) {
            (true, _) => say!("toutes les connexions", "All Connections"),
            (_, true) => say!("rien", "nothing"),
            _ => self.to_string(),
        }
    }
}

impl fmt::Display for Connections {
    /// `All Connections`, `No Connections` or `TCP 80,443-444,UDP 53`: protocols in the order of the alphabet.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_all() {
            return f.write_str("All Connections");
        }
        if self.is_empty() {
            return f.write_str("No Connections");
        }
        let mut first = true;
        for protocol in [Protocol::Sctp, Protocol::Tcp, Protocol::Udp] {
            let ranges = self.ranges(protocol);
            if ranges.is_empty() {
                continue;
            }
            if !std::mem::take(&mut first) {
                f.write_str(",")?;
            }
            write!(f, "{} ", protocol.name())?;
            for (at, (low, high)) in ranges.iter().enumerate() {
                let comma = if at == 0 { "" } else { "," };
                match low == high {
                    true => write!(f, "{comma}{low}")?,
                    false => write!(f, "{comma}{low}-{high}")?,
                }
            }
        }
        Ok(())
    }
}

/// A short name for an interned [`Connections`]; only the table that gave it knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionsId(pub u32);

/// Interned connection sets with remembered operations: clusters use a few hundred distinct sets, met millions of times.
#[derive(Clone, Debug)]
pub struct ConnectionTable {
    sets: Vec<Connections>,
    ids: HashMap<Connections, ConnectionsId>,
    memory: HashMap<(u8, ConnectionsId, ConnectionsId), ConnectionsId>,
}

impl Default for ConnectionTable {
    fn default() -> Self {
        let mut table = Self { sets: Vec::new(), ids: HashMap::new(), memory: HashMap::new() };
        table.intern(Connections::none());
        table.intern(Connections::all());
        table
    }
}

impl ConnectionTable {
    /// The empty set.
    pub const NONE: ConnectionsId = ConnectionsId(0);
    /// The full set.
    pub const ALL: ConnectionsId = ConnectionsId(1);

    /// The id of a set.
    pub fn intern(&mut self, set: Connections) -> ConnectionsId {
        if let Some(id) = self.ids.get(&set) {
            return *id;
        }
        let id = ConnectionsId(u32::try_from(self.sets.len()).unwrap_or(u32::MAX));
        self.sets.push(set.clone());
        self.ids.insert(set, id);
        id
    }

    /// The set of an id.
    pub fn get(&self, id: ConnectionsId) -> &Connections {
        &self.sets[id.0 as usize]
    }

    fn remember(
        &mut self,
        operation: u8,
        a: ConnectionsId,
        b: ConnectionsId,
        compute: fn(&Connections, &Connections) -> Connections,
    ) -> ConnectionsId {
        if let Some(id) = self.memory.get(&(operation, a, b)) {
            return *id;
        }
        let set = compute(self.get(a), self.get(b));
        let id = self.intern(set);
        self.memory.insert((operation, a, b), id);
        id
    }

    /// Everything in both.
    pub fn common(&mut self, a: ConnectionsId, b: ConnectionsId) -> ConnectionsId {
        match (a, b) {
            (Self::NONE, _) | (_, Self::NONE) => Self::NONE,
            (Self::ALL, other) | (other, Self::ALL) => other,
            _ if a == b => a,
            _ => self.remember(0, a.min(b), a.max(b), Connections::common),
        }
    }

    /// Everything in either.
    pub fn union(&mut self, a: ConnectionsId, b: ConnectionsId) -> ConnectionsId {
        match (a, b) {
            (Self::ALL, _) | (_, Self::ALL) => Self::ALL,
            (Self::NONE, other) | (other, Self::NONE) => other,
            _ if a == b => a,
            _ => self.remember(1, a.min(b), a.max(b), Connections::union),
        }
    }

    /// Everything in the first and not in the second.
    pub fn minus(&mut self, a: ConnectionsId, b: ConnectionsId) -> ConnectionsId {
        match (a, b) {
            (Self::NONE, _) | (_, Self::ALL) => Self::NONE,
            (_, Self::NONE) => a,
            _ if a == b => Self::NONE,
            _ => self.remember(2, a, b, Connections::minus),
        }
    }
}

/// The ports of a rule: numbers that are the same everywhere, and names that each destination resolves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortsOf {
    /// The numbers.
    pub numbers: ConnectionsId,
    /// The names; any protocol when none is given.
    pub names: Vec<(Option<Protocol>, String)>,
}
