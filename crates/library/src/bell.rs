//! How does one thread tell another that there is work?

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Rung by those who make work, heard by those who do it. A ring while nobody listens is heard at the next wait.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    rings: Mutex<u64>,
    rung: Condvar,
}

impl Bell {
    /// Tells everybody who waits.
    pub fn ring(&self) {
        *self.rings.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.rung.notify_all();
    }

    /// Waits until it was rung more often than `heard`, or `wait` has passed; says how often it was rung.
    pub fn wait(&self, heard: u64, wait: Duration) -> u64 {
        let rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        let (rings, _) = self
            .rung
            .wait_timeout_while(rings, wait, |rings| *rings == heard)
            .unwrap_or_else(PoisonError::into_inner);
        *rings
    }
}
