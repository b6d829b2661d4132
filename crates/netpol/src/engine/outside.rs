//! Into which pieces do the policies cut the addresses outside?

use crate::model::address::{Addresses, Intervals};
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

/// The addresses cut at every boundary of every block.
pub struct Cuts {
    /// Start of each piece, IPv4.
    starts_v4: Vec<u128>,
    /// Start of each piece, IPv6.
    starts_v6: Vec<u128>,
    blocks: Vec<Addresses>,
}

impl Cuts {
    /// Cuts at the boundaries of these blocks.
    pub fn new(mut blocks: Vec<Addresses>) -> Self {
        blocks.sort();
        blocks.dedup();
        let starts = |pick: fn(&Addresses) -> &Intervals, last: u128| {
            let mut starts = BTreeSet::from([0u128]);
            for &(low, high) in blocks.iter().flat_map(|block| pick(block).ranges()) {
                starts.insert(low);
                if high < last {
                    starts.insert(high + 1);
                }
            }
            starts.into_iter().collect::<Vec<_>>()
        };
        let starts_v4 = starts(|block| &block.v4, u128::from(u32::MAX));
        let starts_v6 = starts(|block| &block.v6, u128::MAX);
        Self { starts_v4, starts_v6, blocks }
    }

    /// The number of the piece that holds an address: pods in different pieces are told apart.
    pub fn piece(&self, address: IpAddr) -> usize {
        let find = |starts: &[u128], point| starts.partition_point(|start| *start <= point) - 1;
        match address {
            IpAddr::V4(v4) => find(&self.starts_v4, u128::from(u32::from(v4))),
            IpAddr::V6(v6) => self.starts_v4.len() + find(&self.starts_v6, u128::from(v6)),
        }
    }

    /// The pieces, those that are in the same blocks put together; in the order of their first address.
    pub fn groups(&self) -> Vec<Addresses> {
        let v4_count = self.starts_v4.len();
        let count = v4_count + self.starts_v6.len();
        let mut memberships: Vec<Vec<u32>> = vec![Vec::new(); count];
        for (number, block) in self.blocks.iter().enumerate() {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            let mut mark = |starts: &[u128], offset: usize, ranges: &[(u128, u128)]| {
                for &(low, high) in ranges {
                    let from = starts.partition_point(|start| *start < low);
                    let to = starts.partition_point(|start| *start <= high);
                    memberships[offset + from..offset + to].iter_mut().for_each(|list| list.push(number));
                }
            };
            mark(&self.starts_v4, 0, block.v4.ranges());
            mark(&self.starts_v6, v4_count, block.v6.ranges());
        }
        let mut order: Vec<Vec<Addresses>> = Vec::new();
        let mut known: HashMap<&[u32], usize> = HashMap::new();
        for (at, membership) in memberships.iter().enumerate() {
            let piece = self.interval(at);
            match known.get(membership.as_slice()) {
                Some(&group) => order[group].push(piece),
                None => {
                    known.insert(membership, order.len());
                    order.push(vec![piece]);
                }
            }
        }
        order.iter().map(|pieces| Addresses::of(pieces)).collect()
    }

    fn interval(&self, at: usize) -> Addresses {
        let v4_count = self.starts_v4.len();
        let end = |starts: &[u128], at: usize, last: u128| starts.get(at + 1).map_or(last, |next| next - 1);
        if at < v4_count {
            let high = end(&self.starts_v4, at, u128::from(u32::MAX));
            return Addresses { v4: Intervals::one(self.starts_v4[at], high), v6: Intervals::default() };
        }
        let at = at - v4_count;
        let high = end(&self.starts_v6, at, u128::MAX);
        Addresses { v4: Intervals::default(), v6: Intervals::one(self.starts_v6[at], high) }
    }
}

/// Whether a pattern of names covers a name (or a narrower pattern): `*` stands for any characters.
pub fn name_matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    if parts.is_empty() {
        return rest.is_empty();
    }
    for (at, part) in parts.iter().enumerate() {
        if at + 1 == parts.len() {
            return rest.len() >= part.len()
                && rest.ends_with(part)
                && !(rest.len() == part.len() && pattern.starts_with("*."));
        }
        match rest.find(part) {
            Some(found) => rest = &rest[found + part.len()..],
            None => return false,
        }
    }
    false
}
