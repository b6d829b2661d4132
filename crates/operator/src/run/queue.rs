//! What is to be looked at next, and when? One place in the queue for each key, never two workers at one.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, Hash};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// The first wait after a failure; each further one doubles it.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// The longest wait after failures. Two minutes: a peer that comes back is noticed before a person asks why not.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// How a piece of work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Well; look again after this time, or when something changes.
    Done(Option<Duration>),
    /// Not well; try again, later each time.
    Failed,
}

/// The queue.
pub struct Queue<K> {
    state: Mutex<State<K>>,
    wake: Notify,
    /// What makes waits differ between keys, and between runs.
    random: std::hash::RandomState,
}

struct State<K> {
    due: BTreeSet<(Instant, K)>,
    entries: HashMap<K, Entry>,
}

#[derive(Default)]
struct Entry {
    due: Option<Instant>,
    running: bool,
    /// Something changed while it was looked at.
    again: bool,
    failures: u32,
}

impl<K: Clone + Ord + Hash> Default for Queue<K> {
    fn default() -> Queue<K> {
        let state = State { due: BTreeSet::new(), entries: HashMap::new() };
        Queue { state: Mutex::new(state), wake: Notify::new(), random: std::hash::RandomState::new() }
    }
}

impl<K: Clone + Ord + Hash> Queue<K> {
    /// Something changed: look at once.
    pub fn add(&self, key: &K) {
        self.add_at(key, Instant::now());
    }

    /// Look at a moment, unless that is due earlier.
    fn add_at(&self, key: &K, at: Instant) {
        let mut state = self.lock();
        let State { due, entries } = &mut *state;
        let entry = entries.entry(key.clone()).or_default();
        if entry.running {
            entry.again = true;
            return;
        }
        if entry.due.is_some_and(|known| known <= at) {
            return;
        }
        if let Some(known) = entry.due.replace(at) {
            due.remove(&(known, key.clone()));
        }
        due.insert((at, key.clone()));
        drop(state);
        self.wake.notify_one();
    }

    /// The next key that is due; waits for one.
    pub async fn take(&self) -> K {
        loop {
            let wait = {
                let mut state = self.lock();
                let now = Instant::now();
                match state.due.first().cloned() {
                    Some((at, key)) if at <= now => {
                        state.due.pop_first();
                        if let Some(entry) = state.entries.get_mut(&key) {
                            (entry.due, entry.running) = (None, true);
                        }
                        if !state.due.is_empty() {
                            self.wake.notify_one();
                        }
                        return key;
                    }
                    Some((at, _)) => at - now,
                    None => LONGEST_WAIT,
                }
            };
            let _ = tokio::time::timeout(wait, self.wake.notified()).await;
        }
    }

    /// A worker is done with a key.
    pub fn done(&self, key: &K, outcome: Outcome) {
        let after = {
            let mut state = self.lock();
            let Some(entry) = state.entries.get_mut(key) else { return };
            entry.running = false;
            let again = std::mem::take(&mut entry.again);
            let after = match outcome {
                Outcome::Done(after) => {
                    entry.failures = 0;
                    if again { Some(Duration::ZERO) } else { after.map(|after| self.spread(key, after)) }
                }
                Outcome::Failed => {
                    let doubled = FIRST_WAIT * 2_u32.saturating_pow(entry.failures.min(16));
                    entry.failures += 1;
                    Some(self.spread(key, doubled.min(LONGEST_WAIT)))
                }
            };
            if after.is_none() {
                state.entries.remove(key);
            }
            after
        };
        if let Some(after) = after {
            self.add_at(key, Instant::now() + after);
        }
    }

    /// Forgets that a key failed: what it waited for has come.
    pub fn forgive(&self, key: &K) {
        if let Some(entry) = self.lock().entries.get_mut(key) {
            entry.failures = 0;
        }
        self.add(key);
    }

    /// How many keys are due now or later.
    pub fn len(&self) -> usize {
        self.lock().due.len()
    }

    /// Whether nothing is due.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A time between 0.8 and 1.2 of `wait`: five hundred environments do not all look at once.
    fn spread(&self, key: &K, wait: Duration) -> Duration {
        let random = self.random.hash_one((key, wait)) % 1000;
        wait.mul_f64(0.8 + 0.4 * random as f64 / 1000.0)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State<K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_key_stands_once_and_comes_back_when_it_changed_meanwhile() {
        let queue = Queue::default();
        queue.add(&"a");
        queue.add(&"a");
        assert_eq!((queue.len(), queue.take().await), (1, "a"));
        queue.add(&"a");
        assert!(queue.is_empty(), "nobody else gets it while it is looked at");
        queue.done(&"a", Outcome::Done(None));
        assert_eq!(queue.take().await, "a");
        queue.done(&"a", Outcome::Done(None));
        assert!(queue.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn failures_wait_longer_each_time_and_never_too_long() {
        let queue = Queue::default();
        queue.add(&"a");
        let mut waits = Vec::new();
        for _ in 0..12 {
            let before = Instant::now();
            queue.take().await;
            waits.push(before.elapsed());
            queue.done(&"a", Outcome::Failed);
        }
        assert!(waits[0].is_zero() && waits[3] > waits[1] * 2, "{waits:?}");
        assert!(waits.iter().all(|wait| *wait <= LONGEST_WAIT.mul_f64(1.25)), "{waits:?}");
    }
}
