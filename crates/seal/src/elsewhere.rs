//! What stands in for the watcher where the kernel refuses nothing?

use std::io;
use std::process::Command;

use crate::ledger::Refusal;

/// See the module for Linux: nothing can be watched here.
pub struct Watcher(());

impl Watcher {
    /// Starts nothing.
    ///
    /// # Errors
    /// None.
    pub fn start(_: &mut Command) -> io::Result<Watcher> {
        Ok(Watcher(()))
    }
}

/// A process whose refusals are reported: there is none here.
pub struct Watched {
    /// Nothing is refused.
    pub refusals: Refusals,
    /// Nothing is gathered.
    pub flush: Flush,
}

/// Nothing is refused.
pub struct Refusals(());

/// What the watcher says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// A refusal.
    Refused(Refusal),
    /// Everything was told.
    Flushed,
}

impl Iterator for Refusals {
    type Item = Told;

    fn next(&mut self) -> Option<Told> {
        None
    }
}

/// Nothing is gathered.
pub struct Flush(());

impl Flush {
    /// Asks nobody.
    ///
    /// # Errors
    /// None.
    pub fn ask(&self) -> io::Result<()> {
        Ok(())
    }
}

/// Watches nothing.
///
/// # Errors
/// None.
pub fn watch(_: impl Fn(&Refusal)) -> io::Result<()> {
    Ok(())
}
