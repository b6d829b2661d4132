//! How many requests may a peer be sent, and when is it left in peace?

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Requests a second to one peer, in the long run. 100: a management server on a small machine answers several hundred,
/// and it has others to serve.
const PER_SECOND: f64 = 100.0;

/// Requests that may go at once after a rest.
const BURST: f64 = 100.0;

/// How long a peer that asks for fewer requests is left in peace.
pub const REST: Duration = Duration::from_secs(5);

/// The pace of one peer.
#[derive(Debug)]
pub struct Pace(Mutex<Bucket>);

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace(Mutex::new(Bucket { tokens: BURST, at: Instant::now() }))
    }
}

impl Pace {
    /// How long the next request must wait; it is counted.
    pub fn next(&self) -> Duration {
        let mut bucket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let gained = now.saturating_duration_since(bucket.at).as_secs_f64() * PER_SECOND;
        bucket.tokens = (bucket.tokens + gained).min(BURST) - 1.0;
        bucket.at = bucket.at.max(now);
        Duration::from_secs_f64((-bucket.tokens).max(0.0) / PER_SECOND)
    }

    /// The peer asked for fewer requests: the next one waits.
    pub fn rest(&self) {
        let mut bucket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.tokens = bucket.tokens.min(-REST.as_secs_f64() * PER_SECOND);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_requests_wait_their_turn() {
        let pace = Pace::default();
        let waits: Vec<Duration> = (0..300).map(|_| pace.next()).collect();
        assert!(waits[..90].iter().all(Duration::is_zero));
        // The last of 300 waits for the 200 that were too many, less what was gained meanwhile on a busy machine.
        assert!(waits[299] > Duration::from_millis(500), "{:?}", waits[299]);
        pace.rest();
        assert!(pace.next() > REST / 2);
    }
}
