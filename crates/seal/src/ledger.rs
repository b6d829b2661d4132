//! How are refusals written down when there are more than anybody would read?
//!
//! The first of a kind goes out at the next look; the same again within [`SAME`] is counted and goes out as one. There
//! are at most [`AT_ONCE`] lines in a burst and one a second after it; what is beyond is counted in one line. So a flood
//! costs whoever makes it, not the disk and not the program.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// Time within which the same refusal is counted rather than written again.
const SAME: Duration = Duration::from_secs(10);

/// Lines that may go out at once. 512: all ways out that we know, from every kind of process.
const AT_ONCE: u32 = 512;

/// After a burst, one more line may go out after this: 86,400 a day, some 20 MB.
const ONE_MORE_AFTER: Duration = Duration::from_secs(1);

/// Refusals of different kinds that are remembered. Beyond, they are only counted.
const KINDS: usize = 2_048;

/// A call that was refused, or several of the same kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Which process: `program`, `reader`, `tool`, or `child` for one that has not sealed itself yet.
    pub process: String,
    /// The call: `socket`, `openat`, `call 425`; `others` for those that were only counted.
    pub call: String,
    /// What it was asked for: an address with its port, a path, a kind of socket. Empty when that can't be told.
    pub with: String,
    /// How many times since the last line of this kind.
    pub times: u64,
}

type Kind = (&'static str, String, String);

/// What was refused and is not written down yet.
pub(crate) struct Ledger {
    waiting: BTreeMap<Kind, u64>,
    written: BTreeMap<Kind, Instant>,
    /// In the order in which they leave `written`.
    order: VecDeque<(Instant, Kind)>,
    others: u64,
    others_written: Option<Instant>,
    allowance: u32,
    refilled: Instant,
}

impl Ledger {
    pub fn new(now: Instant) -> Ledger {
        Ledger {
            waiting: BTreeMap::new(),
            written: BTreeMap::new(),
            order: VecDeque::new(),
            others: 0,
            others_written: None,
            allowance: AT_ONCE,
            refilled: now,
        }
    }

    /// Counts a refusal.
    pub fn note(&mut self, process: &'static str, call: String, with: String) {
        let kind = (process, call, with);
        if let Some(times) = self.waiting.get_mut(&kind) {
            *times += 1;
        } else if self.waiting.len() < KINDS {
            self.waiting.insert(kind, 1);
        } else {
            self.others += 1;
        }
    }

    /// Whether anything waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.others == 0
    }

    /// What is to be written now; `all` without waiting for more of the same.
    pub fn due(&mut self, now: Instant, all: bool) -> Vec<Refusal> {
        self.forget(now);
        self.refill(now);
        let mut due = Vec::new();
        let ready = |kind: &Kind| all || !self.written.contains_key(kind);
        let kinds: Vec<Kind> = self.waiting.keys().filter(|kind| ready(kind)).cloned().collect();
        for kind in kinds {
            let times = self.waiting.remove(&kind).unwrap_or_default();
            if self.allowance == 0 || self.written.len() >= KINDS {
                self.others += times;
                continue;
            }
            self.allowance -= 1;
            self.written.insert(kind.clone(), now);
            self.order.push_back((now, kind.clone()));
            let (process, call, with) = kind;
            due.push(Refusal { process: process.to_owned(), call, with, times });
        }
        let may = self.others_written.is_none_or(|last| now.duration_since(last) >= SAME);
        if self.others > 0 && (all || may) {
            let times = std::mem::take(&mut self.others);
            self.others_written = Some(now);
            due.push(Refusal {
                process: "program".to_owned(),
                call: "others".to_owned(),
                with: String::new(),
                times,
            });
        }
        due
    }

    fn forget(&mut self, now: Instant) {
        while let Some((at, kind)) = self.order.front()
            && now.duration_since(*at) >= SAME
        {
            // Written again meanwhile: that one counts.
            if self.written.get(kind) == Some(at) {
                self.written.remove(kind);
            }
            self.order.pop_front();
        }
    }

    fn refill(&mut self, now: Instant) {
        let seconds = now.duration_since(self.refilled).as_secs() / ONE_MORE_AFTER.as_secs();
        if seconds > 0 {
            self.allowance = self.allowance.saturating_add(seconds.min(AT_ONCE.into()) as u32).min(AT_ONCE);
            self.refilled = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_and_a_single_refusal_is_written_at_once() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut ledger = Ledger::new(start);
        let note =
            |ledger: &mut Ledger, with: &str| ledger.note("program", "openat".to_owned(), with.to_owned());
        note(&mut ledger, "/a");
        note(&mut ledger, "/a");
        let first = ledger.due(start, false);
        assert_eq!((first.len(), first[0].times, ledger.is_empty()), (1, 2, true));
        // The same again is counted, and written when its time is over.
        (0..1_000).for_each(|_| note(&mut ledger, "/a"));
        assert_eq!(ledger.due(at(5), false), []);
        assert_eq!(ledger.due(at(10), false)[0].times, 1_000);
        // All different, as fast as can be, for five minutes: as many lines as are allowed, and no refusal is lost count of.
        let (mut lines, mut counted) = (0, 0);
        for second in 11..311 {
            (0..3_000).for_each(|number| note(&mut ledger, &format!("/{second}/{number}")));
            for refusal in ledger.due(at(second), false) {
                (lines, counted) = (lines + 1, counted + refusal.times);
            }
        }
        for refusal in ledger.due(at(311), true) {
            (lines, counted) = (lines + 1, counted + refusal.times);
        }
        assert_eq!(counted, 300 * 3_000);
        assert!(lines <= 512 + 300 + 32, "{lines} lines");
        assert!(ledger.order.len() <= KINDS && ledger.written.len() <= KINDS);
    }
}
