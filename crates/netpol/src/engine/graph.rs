//! What can every endpoint reach? The whole connectivity at once, in time close to the size of the answer.

use super::bits::{Bits, Stored};
use super::{Compiled, Engine};
use crate::model::policy::{Action, Direction, Tier};
use crate::model::ports::{ConnectionTable, ConnectionsId, Protocol};
use std::collections::HashMap;
use std::sync::Arc;

/// Endpoints by what passes between them and a fixed other side; nothing passes to those that are in no part.
pub type Parts = Vec<(ConnectionsId, Stored)>;

/// The connectivity of everything with everything.
#[derive(Clone, Debug)]
pub struct Graph {
    /// For every endpoint as sender: the receivers, by what may pass.
    pub rows: Vec<Arc<Parts>>,
    /// What the ids mean.
    pub table: ConnectionTable,
}

impl Graph {
    /// What may go from one endpoint to another.
    pub fn between(&self, from: usize, to: usize) -> ConnectionsId {
        let part = self.rows[from].iter().find(|(_, set)| set.contains(to));
        part.map_or(ConnectionTable::NONE, |(id, _)| *id)
    }
}

/// What is known about a group of peers after some rules: open, passed on, allowed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct State {
    open: ConnectionsId,
    passed: ConnectionsId,
    allowed: ConnectionsId,
    denied: ConnectionsId,
    /// What NetworkPolicies allow, until their tier ends.
    gathered: ConnectionsId,
}

/// Endpoints whose rules of one direction are the same: computed once.
struct Profile {
    parts: Parts,
    members: Vec<usize>,
}

impl Engine {
    /// The whole connectivity. Endpoints outside are not connected with each other.
    pub fn graph(&self) -> Graph {
        let mut table = self.table.clone();
        let (egress, _) = self.profiles(Direction::Egress, &mut table);
        let (_, ingress) = self.profiles(Direction::Ingress, &mut table);
        let blocks = transpose(&ingress, self.endpoints.len());
        let members: Vec<Stored> = ingress.iter().map(|profile| self.set(&profile.members)).collect();
        let pods = self.set(&(0..self.pod_endpoints).collect::<Vec<_>>());
        let mut pods_bits = Bits::none(self.endpoints.len());
        pods.add_to(&mut pods_bits);
        let mut builder = RowBuilder {
            size: self.endpoints.len(),
            reach: Slots::default(),
            out: Slots::default(),
            known: HashMap::new(),
        };
        let mut rows = Vec::with_capacity(self.endpoints.len());
        for from in 0..self.endpoints.len() {
            let ways = &blocks[from / 64];
            builder.collect(ways, from % 64, &members);
            let limit = (!self.is_pod(from)).then_some(&pods_bits);
            rows.push(builder.finish(&egress[from], limit, &mut table));
        }
        Graph { rows, table }
    }

    fn set(&self, members: &[usize]) -> Stored {
        let mut bits = Bits::none(self.endpoints.len());
        members.iter().for_each(|&at| bits.insert(at));
        Stored::new(&bits)
    }

    /// For every endpoint the parts of its profile, and the profiles themselves.
    fn profiles(&self, direction: Direction, table: &mut ConnectionTable) -> (Vec<Arc<Parts>>, Vec<Profile>) {
        type Key<'a> = (&'a [u32], Vec<(Protocol, u16, &'a str)>);
        let mut known: HashMap<Key<'_>, usize> = HashMap::new();
        let mut profiles: Vec<Profile> = Vec::new();
        let mut numbers = Vec::with_capacity(self.endpoints.len());
        for at in 0..self.endpoints.len() {
            let policies = self.policies_on(at, direction);
            let named = policies.iter().any(|&policy| self.policies[policy as usize].named_ports);
            let mut ports = Vec::new();
            if let Some(pod) = self.pod(at).filter(|_| named && direction == Direction::Ingress) {
                let named_ports = pod.ports.iter();
                ports.extend(
                    named_ports.filter_map(|port| Some((port.protocol, port.port, port.name.as_deref()?))),
                );
                ports.sort_unstable();
            }
            let number = *known.entry((policies, ports)).or_insert_with(|| {
                profiles.push(Profile { parts: self.parts(at, direction, table), members: Vec::new() });
                profiles.len() - 1
            });
            profiles[number].members.push(at);
            numbers.push(number);
        }
        let shared: Vec<Arc<Parts>> =
            profiles.iter().map(|profile| Arc::new(profile.parts.clone())).collect();
        (numbers.into_iter().map(|number| Arc::clone(&shared[number])).collect(), profiles)
    }

    /// The peers of one endpoint, by what one direction lets through.
    fn parts(&self, at: usize, direction: Direction, table: &mut ConnectionTable) -> Parts {
        let none = ConnectionTable::NONE;
        let start =
            State { open: ConnectionTable::ALL, passed: none, allowed: none, denied: none, gathered: none };
        let mut groups = vec![(start, Bits::all(self.endpoints.len()))];
        let policies = self.policies_on(at, direction);
        let is_admin = |policy: &&u32| matches!(self.tier(**policy), Tier::Admin(_));
        let is_baseline = |policy: &&u32| matches!(self.tier(**policy), Tier::Baseline(_));
        for &policy in policies.iter().filter(is_admin) {
            self.apply(policy, direction, at, &mut groups, table, first_match);
        }
        remap(&mut groups, |state| next_tier(state, table));
        self.custom_tiers_of(at, direction, &mut groups, table);
        let of = |wanted: fn(Tier) -> bool| policies.iter().filter(move |&&policy| wanted(self.tier(policy)));
        for &policy in of(|tier| matches!(tier, Tier::Before(_))) {
            self.apply(policy, direction, at, &mut groups, table, first_match);
        }
        let namespaced = || of(|tier| tier == Tier::Namespaced);
        for &policy in namespaced() {
            self.apply(policy, direction, at, &mut groups, table, add_up);
        }
        let isolated = namespaced().any(|&policy| self.isolates(policy, direction));
        remap(&mut groups, |state| end_namespaced(state, isolated, table));
        for &policy in of(|tier| matches!(tier, Tier::After(_))) {
            self.apply(policy, direction, at, &mut groups, table, first_match);
        }
        let default = |tier: Tier| matches!(tier, Tier::Before(_) | Tier::Namespaced | Tier::After(_));
        let mut members = policies.iter().filter(|&&policy| default(self.tier(policy)));
        let closed = members.any(|&policy| self.isolates(policy, direction));
        remap(&mut groups, |state| {
            next_tier(if closed { State { open: none, ..state } } else { state }, table)
        });
        for &policy in policies.iter().filter(is_baseline) {
            self.apply(policy, direction, at, &mut groups, table, first_match);
        }
        remap(&mut groups, |state| {
            let state = next_tier(state, table);
            State { allowed: table.union(state.allowed, state.open), open: none, ..state }
        });
        let mut parts: Vec<(ConnectionsId, Bits)> = Vec::new();
        for (state, bits) in groups {
            match parts.iter_mut().find(|(id, _)| *id == state.allowed) {
                Some((_, known)) => known.add(&bits),
                None => parts.push((state.allowed, bits)),
            }
        }
        parts.retain(|(id, bits)| *id != none && !bits.is_empty());
        parts.iter().map(|(id, bits)| (*id, Stored::new(bits))).collect()
    }

    /// Calico's own tiers: rules in order, then the tier's default for whoever it selects.
    fn custom_tiers_of(
        &self,
        at: usize,
        direction: Direction,
        groups: &mut Vec<(State, Bits)>,
        table: &mut ConnectionTable,
    ) {
        let rank = |policy: u32| match self.tier(policy) {
            Tier::Custom(rank, _) => Some(rank),
            _ => None,
        };
        for of_tier in self.policies_on(at, direction).chunk_by(|&a, &b| rank(a) == rank(b)) {
            let Some(rank) = rank(of_tier[0]) else { continue };
            for &policy in of_tier {
                self.apply(policy, direction, at, groups, table, first_match);
            }
            let pass = self.world.tiers[rank as usize].1;
            remap(groups, |state| {
                let open = if pass { state.open } else { ConnectionTable::NONE };
                next_tier(State { open, ..state }, table)
            });
        }
    }

    fn apply(
        &self,
        policy: u32,
        direction: Direction,
        at: usize,
        groups: &mut Vec<(State, Bits)>,
        table: &mut ConnectionTable,
        change: fn(State, Action, ConnectionsId, &mut ConnectionTable) -> State,
    ) {
        for rule in self.rules_of(policy, direction) {
            for (ports, peers) in self.by_ports(rule, direction, at, table) {
                let mut split = Vec::new();
                for (state, bits) in groups.iter_mut() {
                    let next = change(*state, rule.action, ports, table);
                    if next != *state {
                        let both = bits.split_off(&peers);
                        if !both.is_empty() {
                            split.push((next, both));
                        }
                    }
                }
                groups.retain(|(_, bits)| !bits.is_empty());
                for (state, bits) in split {
                    match groups.iter_mut().find(|(known, _)| *known == state) {
                        Some((_, known)) => known.add(&bits),
                        None => groups.push((state, bits)),
                    }
                }
            }
        }
    }

    /// The peers of a rule by the ports that it means there: only egress with named ports has more than one group.
    fn by_ports(
        &self,
        rule: &Compiled,
        direction: Direction,
        at: usize,
        table: &mut ConnectionTable,
    ) -> Vec<(ConnectionsId, Arc<Bits>)> {
        if rule.ports.names.is_empty() || direction == Direction::Ingress {
            return vec![(self.resolve_id(&rule.ports, at, table), Arc::clone(&rule.peers))];
        }
        let mut groups: Vec<(ConnectionsId, Bits)> = Vec::new();
        for to in rule.peers.iter() {
            let ports = self.resolve_id(&rule.ports, to, table);
            match groups.iter_mut().find(|(known, _)| *known == ports) {
                Some((_, bits)) => bits.insert(to),
                None => {
                    let mut bits = Bits::none(self.endpoints.len());
                    bits.insert(to);
                    groups.push((ports, bits));
                }
            }
        }
        groups.into_iter().map(|(ports, bits)| (ports, Arc::new(bits))).collect()
    }
}

fn first_match(state: State, action: Action, ports: ConnectionsId, table: &mut ConnectionTable) -> State {
    let decided = table.common(state.open, ports);
    let open = table.minus(state.open, decided);
    match action {
        Action::Allow => State { open, allowed: table.union(state.allowed, decided), ..state },
        Action::Pass => State { open, passed: table.union(state.passed, decided), ..state },
        Action::Deny => State { open, ..state },
    }
}

/// Among NetworkPolicies nothing is decided before all of them have been asked.
fn add_up(state: State, action: Action, ports: ConnectionsId, table: &mut ConnectionTable) -> State {
    match action {
        Action::Deny => State { denied: table.union(state.denied, ports), ..state },
        _ => State { gathered: table.union(state.gathered, ports), ..state },
    }
}

fn end_namespaced(state: State, isolated: bool, table: &mut ConnectionTable) -> State {
    let none = ConnectionTable::NONE;
    let open = table.minus(state.open, state.denied);
    if !isolated {
        return State { open, denied: none, gathered: none, ..state };
    }
    let let_in = table.common(open, state.gathered);
    let (open, allowed) = (table.minus(open, let_in), table.union(state.allowed, let_in));
    State { open, denied: none, gathered: none, allowed, ..state }
}

fn next_tier(state: State, table: &mut ConnectionTable) -> State {
    State { open: table.union(state.open, state.passed), passed: ConnectionTable::NONE, ..state }
}

fn remap(groups: &mut [(State, Bits)], mut change: impl FnMut(State) -> State) {
    groups.iter_mut().for_each(|(state, _)| *state = change(*state));
}

/// For each block of 64 senders: the profiles that let some of them in, what they let in, and which senders.
type Ways = Vec<(u32, ConnectionsId, u64)>;

fn transpose(profiles: &[Profile], size: usize) -> Vec<Ways> {
    let mut blocks: Vec<Ways> = vec![Vec::new(); size.div_ceil(64)];
    for (number, profile) in profiles.iter().enumerate() {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        for (id, senders) in &profile.parts {
            senders.each_word(|block, mask| blocks[block].push((number, *id, mask)));
        }
    }
    blocks
}

struct RowBuilder {
    size: usize,
    /// Receivers that let the sender in, by what they let in.
    reach: Slots,
    out: Slots,
    /// Rows are often equal: equal ones are stored once.
    known: HashMap<Arc<Parts>, Arc<Parts>>,
}

impl RowBuilder {
    fn collect(&mut self, ways: &Ways, bit: usize, members: &[Stored]) {
        self.reach.clear();
        for (profile, id, mask) in ways {
            if mask >> bit & 1 == 1 {
                members[*profile as usize].add_to(self.reach.of(*id, self.size));
            }
        }
    }

    fn finish(&mut self, egress: &Parts, limit: Option<&Bits>, table: &mut ConnectionTable) -> Arc<Parts> {
        self.out.clear();
        for &at in &self.reach.used {
            let (inward, receivers) = &self.reach.slots[at];
            for (outward, allowed) in egress {
                let both = table.common(*inward, *outward);
                if both != ConnectionTable::NONE {
                    allowed.add_common_to(receivers, self.out.of(both, self.size));
                }
            }
        }
        let mut parts: Parts = Vec::new();
        for &at in &self.out.used {
            let (id, bits) = &mut self.out.slots[at];
            if let Some(limit) = limit {
                bits.keep(limit);
            }
            if !bits.is_empty() {
                parts.push((*id, Stored::new(bits)));
            }
        }
        parts.sort_by_key(|(id, _)| *id);
        let row = Arc::new(parts);
        Arc::clone(self.known.entry(Arc::clone(&row)).or_insert(row))
    }
}

/// Sets by what they are about, kept from row to row: only those that a row used are cleared for the next.
#[derive(Default)]
struct Slots {
    slots: Vec<(ConnectionsId, Bits)>,
    places: HashMap<ConnectionsId, (usize, bool)>,
    used: Vec<usize>,
}

impl Slots {
    fn clear(&mut self) {
        for at in self.used.drain(..) {
            let (id, bits) = &mut self.slots[at];
            bits.clear();
            self.places.insert(*id, (at, false));
        }
    }

    fn of(&mut self, id: ConnectionsId, size: usize) -> &mut Bits {
        let place = self.places.entry(id).or_insert_with(|| {
            self.slots.push((id, Bits::none(size)));
            (self.slots.len() - 1, false)
        });
        if !std::mem::replace(&mut place.1, true) {
            self.used.push(place.0);
        }
        &mut self.slots[place.0].1
    }
}
