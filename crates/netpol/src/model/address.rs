//! Which addresses does this text mean, and how do two sets of addresses combine? IPv4 and IPv6 stay apart.

use crate::language::say;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A sorted list of disjoint, non-adjacent closed intervals.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Intervals(Vec<(u128, u128)>);

impl Intervals {
    /// One interval, both ends included; nothing when `low > high`.
    pub fn one(low: u128, high: u128) -> Self {
        Self(if low <= high { vec![(low, high)] } else { Vec::new() })
    }

    /// The intervals in order.
    pub fn ranges(&self) -> &[(u128, u128)] {
        &self.0
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `point` is in it.
    pub fn contains(&self, point: u128) -> bool {
        let at = self.0.partition_point(|(low, _)| *low <= point);
        at > 0 && self.0[at - 1].1 >= point
    }

    /// Everything that is in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::merged(self.0.iter().chain(&other.0).copied().collect())
    }

    fn merged(mut all: Vec<(u128, u128)>) -> Self {
        all.sort_unstable();
        let mut merged: Vec<(u128, u128)> = Vec::with_capacity(all.len());
        for (low, high) in all {
            match merged.last_mut() {
                Some(last) if last.1 == u128::MAX || low <= last.1 + 1 => last.1 = last.1.max(high),
                _ => merged.push((low, high)),
            }
        }
        Self(merged)
    }

    /// Everything that is here and not in `other`.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let mut left = Vec::new();
        for &(low, high) in &self.0 {
            let mut start = low;
            let mut open = true;
            for &(cut_low, cut_high) in other.0.iter().filter(|cut| cut.1 >= low && cut.0 <= high) {
                if cut_low > start {
                    left.push((start, cut_low - 1));
                }
                if cut_high >= high {
                    open = false;
                    break;
                }
                start = start.max(cut_high + 1);
            }
            if open {
                left.push((start, high));
            }
        }
        Self(left)
    }
}

/// A set of IPv4 and IPv6 addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Addresses {
    /// IPv4, as numbers below 2^32.
    pub v4: Intervals,
    /// IPv6.
    pub v6: Intervals,
}

impl Addresses {
    /// Every address there is.
    pub fn everything() -> Self {
        Self { v4: Intervals::one(0, u128::from(u32::MAX)), v6: Intervals::one(0, u128::MAX) }
    }

    /// Everything that is in one of many sets, in one go.
    pub fn of(sets: &[Self]) -> Self {
        let all = |pick: fn(&Self) -> &Intervals| {
            Intervals::merged(sets.iter().flat_map(|set| pick(set).ranges().iter().copied()).collect())
        };
        Self { v4: all(|set| &set.v4), v6: all(|set| &set.v6) }
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// Whether this address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(v4) => self.v4.contains(u128::from(u32::from(v4))),
            IpAddr::V6(v6) => self.v6.contains(u128::from(v6)),
        }
    }

    /// Everything that is in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self { v4: self.v4.union(&other.v4), v6: self.v6.union(&other.v6) }
    }

    /// Everything that is here and not in `other`.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        Self { v4: self.v4.minus(&other.v4), v6: self.v6.minus(&other.v6) }
    }

    /// Everything that is in both.
    #[must_use]
    pub fn common(&self, other: &Self) -> Self {
        self.minus(&self.minus(other))
    }

    /// Whether all of `other` is here.
    pub fn covers(&self, other: &Self) -> bool {
        other.minus(self).is_empty()
    }

    /// The smallest list of CIDR blocks that is exactly this set, in order.
    pub fn cidrs(&self) -> Vec<String> {
        let mut blocks = Vec::new();
        for &(low, high) in self.v4.ranges() {
            split_cidrs(low, high, 32, &mut |base, prefix| {
                blocks.push(format!("{}/{prefix}", Ipv4Addr::from(u32::try_from(base).unwrap_or(0))));
            });
        }
        for &(low, high) in self.v6.ranges() {
            split_cidrs(low, high, 128, &mut |base, prefix| {
                blocks.push(format!("{}/{prefix}", Ipv6Addr::from(base)));
            });
        }
        blocks
    }

    /// The intervals as `low-high` texts, IPv4 first.
    pub fn range_texts(&self) -> Vec<String> {
        let v4 = self.v4.ranges().iter().map(|&(low, high)| {
            let text = |n: u128| Ipv4Addr::from(u32::try_from(n).unwrap_or(u32::MAX));
            format!("{}-{}", text(low), text(high))
        });
        let v6 = self
            .v6
            .ranges()
            .iter()
            .map(|&(low, high)| format!("{}-{}", Ipv6Addr::from(low), Ipv6Addr::from(high)));
        v4.chain(v6).collect()
    }
}

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.range_texts().join(", "))
    }
}

fn split_cidrs(low: u128, high: u128, bits: u32, emit: &mut dyn FnMut(u128, u32)) {
    let mut base = low;
    loop {
        let aligned = if base == 0 { bits } else { base.trailing_zeros().min(bits) };
        let mut size = aligned;
        while size > 0 && last_of(base, size) > high {
            size -= 1;
        }
        emit(base, bits - size);
        let last = last_of(base, size);
        if last >= high {
            return;
        }
        base = last + 1;
    }
}

fn last_of(base: u128, size: u32) -> u128 {
    if size >= 128 { u128::MAX } else { base | ((1u128 << size) - 1) }
}

/// The addresses of a CIDR block, `10.0.0.0/8` or `fd00::/8`. Host bits that are set are dropped as Kubernetes does;
/// a bare address is an error because the API server refuses it too.
pub fn parse_cidr(text: &str) -> Result<Addresses, String> {
    let (address, prefix) = text.split_once('/').ok_or_else(|| {
        say!(
            "« {text} » n'est pas un bloc CIDR, tel que 10.0.0.0/8",
            "'{text}' is not a CIDR block, such as 10.0.0.0/8"
        )
    })?;
    let broken = || say!("« {text} » n'est pas un bloc CIDR", "'{text}' is not a CIDR block");
    let address: IpAddr = address.trim().parse().map_err(|_| broken())?;
    if prefix.is_empty() || !prefix.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(broken());
    }
    let prefix: u32 = prefix.parse().map_err(|_| broken())?;
    let bits = if address.is_ipv4() { 32 } else { 128 };
    if prefix > bits {
        return Err(say!(
            "« {text} » n'est pas un bloc CIDR : le préfixe va jusqu'à {bits}",
            "'{text}' is not a CIDR block: the prefix goes up to {bits}"
        ));
    }
    Ok(block(address, prefix))
}

fn block(address: IpAddr, prefix: u32) -> Addresses {
    match address {
        IpAddr::V4(v4) => {
            let mask = if prefix == 0 { 0 } else { u32::MAX << (32 - prefix) };
            let base = u32::from(v4) & mask;
            let v4 = Intervals::one(u128::from(base), u128::from(base | !mask));
            Addresses { v4, v6: Intervals::default() }
        }
        IpAddr::V6(v6) => {
            let mask = if prefix == 0 { 0 } else { u128::MAX << (128 - prefix) };
            let base = u128::from(v6) & mask;
            Addresses { v4: Intervals::default(), v6: Intervals::one(base, base | !mask) }
        }
    }
}

/// The addresses of a CIDR block, a single address or an interval `a-b`.
pub fn parse_any(text: &str) -> Result<Addresses, String> {
    let text = text.trim();
    if text.contains('/') {
        return parse_cidr(text);
    }
    if let Some((low, high)) = text.split_once('-') {
        return match (low.trim().parse::<IpAddr>(), high.trim().parse::<IpAddr>()) {
            (Ok(IpAddr::V4(low)), Ok(IpAddr::V4(high))) if low <= high => Ok(Addresses {
                v4: Intervals::one(u128::from(u32::from(low)), u128::from(u32::from(high))),
                v6: Intervals::default(),
            }),
            (Ok(IpAddr::V6(low)), Ok(IpAddr::V6(high))) if low <= high => Ok(Addresses {
                v4: Intervals::default(),
                v6: Intervals::one(u128::from(low), u128::from(high)),
            }),
            _ => Err(say!(
                "« {text} » n'est pas un intervalle d'adresses",
                "'{text}' is not an interval of addresses"
            )),
        };
    }
    let address: IpAddr =
        text.parse().map_err(|_| say!("« {text} » n'est pas une adresse", "'{text}' is not an address"))?;
    Ok(single(address))
}

/// The set of one address.
pub fn single(address: IpAddr) -> Addresses {
    block(address, if address.is_ipv4() { 32 } else { 128 })
}
