//! How does a command that works for long hear that it should end?
//!
//! By flags that the signals set, looked at now and then: what wakes a thread at once is a socket, and within its walls such a
//! command has none.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use intramuros_core::error::Error;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag::{register, register_conditional_shutdown};

/// Exit codes of a command that a signal ended, as shells have them: 128 and the number of Ctrl+C's, or of the one by which
/// services are stopped.
const INTERRUPTED: u8 = 130;
const TERMINATED: u8 = 143;

/// How often the flags are looked at: sooner than a person wonders.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What was heard of Ctrl+C, and of the signal by which services are stopped.
#[derive(Clone, Default)]
pub struct Interruption {
    any: Arc<AtomicBool>,
    interrupted: Arc<AtomicBool>,
}

impl Interruption {
    /// Listens from now on. Who says it twice waits for nothing: the program ends at once, and what was acknowledged stays as
    /// after any end.
    ///
    /// # Errors
    /// When the system gives no means to hear signals.
    pub fn listen() -> Result<Interruption, Error> {
        let heard = Interruption::default();
        let register_both = |signal: i32, code: u8| {
            // In this order: the first signal finds the flag unset.
            register_conditional_shutdown(signal, i32::from(code), Arc::clone(&heard.any))?;
            if signal == SIGINT {
                register(signal, Arc::clone(&heard.interrupted))?;
            }
            register(signal, Arc::clone(&heard.any))
        };
        for (signal, code) in [(SIGINT, INTERRUPTED), (SIGTERM, TERMINATED)] {
            register_both(signal, code)
                .map_err(|error| Error::internal("Ctrl+C can't be heard").because(error))?;
        }
        Ok(heard)
    }

    /// Calls `end` once somebody says stop, in a thread of its own, which ends with the program.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn follow(&self, end: impl FnOnce() + Send + 'static) -> Result<(), Error> {
        let heard = self.clone();
        let wait = move || {
            while heard.code().is_none() {
                std::thread::sleep(LOOK_EVERY);
            }
            end();
        };
        std::thread::Builder::new()
            .name("interruption".to_owned())
            .spawn(wait)
            .map_err(|error| Error::internal("a thread can't be started").because(error))?;
        Ok(())
    }

    /// The exit code to end with; none as long as nobody says stop.
    pub fn code(&self) -> Option<u8> {
        let code = if self.interrupted.load(Ordering::Relaxed) { INTERRUPTED } else { TERMINATED };
        self.any.load(Ordering::Relaxed).then_some(code)
    }
}
