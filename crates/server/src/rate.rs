//! Does this address ask too often?

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::limits::MAX_ADDRESSES;

#[derive(Clone, Copy)]
struct Bucket {
    tokens: f64,
    filled: Instant,
}

/// A bucket of tokens for each address: one is taken by each request, and they come back at a steady rate.
pub struct Buckets {
    rate: f64,
    burst: f64,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

impl Buckets {
    /// Buckets of `burst` tokens that fill by `rate` a second.
    pub fn new(rate: f64, burst: f64) -> Buckets {
        Buckets { rate, burst, buckets: Mutex::default() }
    }

    /// Takes a token at `now`; false when there is none.
    pub fn take(&self, address: IpAddr, now: Instant) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_ADDRESSES && !buckets.contains_key(&address) {
            // Full buckets say nothing: an address that is not known has a full one too.
            let (rate, burst) = (self.rate, self.burst);
            buckets.retain(|_, bucket| level(bucket, rate, burst, now) < burst);
            if buckets.len() >= MAX_ADDRESSES {
                return false;
            }
        }
        let bucket = buckets.entry(address).or_insert(Bucket { tokens: self.burst, filled: now });
        bucket.tokens = level(bucket, self.rate, self.burst, now);
        bucket.filled = now;
        let enough = bucket.tokens >= 1.0;
        if enough {
            bucket.tokens -= 1.0;
        }
        enough
    }
}

fn level(bucket: &Bucket, rate: f64, burst: f64, now: Instant) -> f64 {
    let seconds = now.saturating_duration_since(bucket.filled).as_secs_f64();
    (bucket.tokens + seconds * rate).min(burst)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_passes_then_the_rate_holds_for_each_address() {
        let start = Instant::now();
        let buckets = Buckets::new(2.0, 3.0);
        let (one, other) = (IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)));
        let taken = |address: IpAddr, at: Duration| buckets.take(address, start + at);
        let first: Vec<bool> = (0..4).map(|_| taken(one, Duration::ZERO)).collect();
        assert_eq!(first, [true, true, true, false]);
        assert!(taken(other, Duration::ZERO));
        assert!(!taken(one, Duration::from_millis(400)));
        assert!(taken(one, Duration::from_millis(600)));
        assert!(!taken(one, Duration::from_millis(650)));
    }

    #[test]
    fn many_addresses_take_no_more_memory_than_allowed() {
        let start = Instant::now();
        let buckets = Buckets::new(1.0, 2.0);
        for number in 0..MAX_ADDRESSES as u32 {
            assert!(buckets.take(IpAddr::V4(Ipv4Addr::from(number)), start));
        }
        let late = IpAddr::V4(Ipv4Addr::new(200, 0, 0, 1));
        assert!(!buckets.take(late, start));
        assert!(buckets.take(late, start + Duration::from_secs(5)));
    }
}
