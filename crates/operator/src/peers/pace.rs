//! How many requests may a server be sent, and when is it left in peace?

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long a server that asks for fewer requests is left in peace.
pub const REST: Duration = Duration::from_secs(5);

/// The pace of one server.
#[derive(Debug)]
pub struct Pace {
    /// Requests a second, in the long run.
    per_second: f64,
    /// Requests that may go at once after a rest.
    burst: f64,
    bucket: Mutex<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Pace {
    fn new(per_second: f64, burst: f64) -> Pace {
        Pace { per_second, burst, bucket: Mutex::new(Bucket { tokens: burst, at: Instant::now() }) }
    }

    /// A peer's: 100 a second. A management server on a small machine answers several hundred, and it has others to
    /// serve.
    pub fn of_peer() -> Pace {
        Pace::new(100.0, 100.0)
    }

    /// The management cluster's API server's: 200 a second, half of what an API server leaves to one controller by
    /// default, and some hundred lists and watches at the start.
    pub fn of_management() -> Pace {
        Pace::new(200.0, 300.0)
    }

    /// An environment's API server's: 20 a second. One look asks some ten times; a matrix of a thousand policies is
    /// applied within a minute, beside what the cluster does for its own people.
    pub fn of_environment() -> Pace {
        Pace::new(20.0, 40.0)
    }

    /// How long the next request must wait; it is counted.
    pub fn next(&self) -> Duration {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let gained = now.saturating_duration_since(bucket.at).as_secs_f64() * self.per_second;
        bucket.tokens = (bucket.tokens + gained).min(self.burst) - 1.0;
        bucket.at = bucket.at.max(now);
        Duration::from_secs_f64((-bucket.tokens).max(0.0) / self.per_second)
    }

    /// Waits for one's turn.
    pub async fn turn(&self) {
        let wait = self.next();
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    /// The server asked for fewer requests: the next one waits.
    pub fn rest(&self) {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.tokens = bucket.tokens.min(-REST.as_secs_f64() * self.per_second);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_requests_wait_their_turn() {
        let pace = Pace::of_peer();
        let waits: Vec<Duration> = (0..300).map(|_| pace.next()).collect();
        assert!(waits[..90].iter().all(Duration::is_zero));
        // The last of 300 waits for the 200 that were too many, less what was gained meanwhile on a busy machine.
        assert!(waits[299] > Duration::from_millis(500), "{:?}", waits[299]);
        pace.rest();
        assert!(pace.next() > REST / 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_policies_reach_an_environment_within_a_minute_and_not_at_once() {
        let (pace, begun) = (Pace::of_environment(), Instant::now());
        for _ in 0..1000 {
            pace.turn().await;
        }
        let seconds = begun.elapsed().as_secs();
        assert!((45..60).contains(&seconds), "{seconds}");
    }
}
