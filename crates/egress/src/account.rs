//! What went through each gate?

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use intramuros_core::perimeter::Purpose;
use serde::Serialize;

/// Most different places that are counted apart. 1,000: a program that knocks at more is counted as one.
const MAX_PLACES: usize = 1_000;

/// What one purpose has done at one place since the program started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Account {
    /// What for.
    pub purpose: Purpose,
    /// Host and port.
    pub place: String,
    /// Connections and requests that were allowed.
    pub allowed: u64,
    /// Those that were refused.
    pub refused: u64,
    /// Bytes sent, before encryption.
    pub bytes_out: u64,
    /// Bytes received, after decryption.
    pub bytes_in: u64,
    /// Last use or attempt, in milliseconds since 1970.
    pub last_ms: i64,
}

/// Bytes that go through one gate; counted by its connections as they go.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    pub bytes_out: AtomicU64,
    pub bytes_in: AtomicU64,
}

#[derive(Debug, Default)]
struct Row {
    allowed: u64,
    refused: u64,
    last_ms: i64,
    traffic: Arc<Traffic>,
}

/// All accounts.
#[derive(Debug, Default)]
pub(crate) struct Accounts(Mutex<BTreeMap<(Purpose, String), Row>>);

impl Accounts {
    /// Counts a decision and gives the counters for the bytes that follow.
    pub fn note(&self, purpose: Purpose, place: &str, allowed: bool, at_ms: i64) -> Arc<Traffic> {
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = rows.len() < MAX_PLACES || rows.contains_key(&(purpose, place.to_owned()));
        let place = if known { place.to_owned() } else { "others".to_owned() };
        let row = rows.entry((purpose, place)).or_default();
        if allowed {
            row.allowed += 1;
        } else {
            row.refused += 1;
        }
        row.last_ms = at_ms;
        Arc::clone(&row.traffic)
    }

    /// The accounts as they stand.
    pub fn list(&self) -> Vec<Account> {
        let rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rows.iter()
            .map(|((purpose, place), row)| Account {
                purpose: *purpose,
                place: place.clone(),
                allowed: row.allowed,
                refused: row.refused,
                bytes_out: row.traffic.bytes_out.load(Ordering::Relaxed),
                bytes_in: row.traffic.bytes_in.load(Ordering::Relaxed),
                last_ms: row.last_ms,
            })
            .collect()
    }
}
