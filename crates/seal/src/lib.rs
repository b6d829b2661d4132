//! What must the kernel refuse this process, and does it?
//!
//! [`Plan`] says what a process needs, derived from the perimeter (pure). [`apply`] asks the kernel to refuse everything
//! else, for good: Landlock for files and TCP ports, a seccomp filter for all other system calls, no new privileges, no
//! capabilities, no core dumps. It says what this kernel can't enforce ([`Sealed::missing`]).
//!
//! Call it while the process has one thread: Landlock (before Linux 7.0) and capabilities bind the calling thread and
//! those it starts later. Open what the plan does not cover (listening sockets, keys outside the data folder) before.

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod calls;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod linux;
mod plan;

pub use plan::{Measure, Places, Plan, Sockets, missing};

use std::time::Duration;

/// What holds from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The Landlock version that the kernel enforces; 0 for none.
    pub landlock_abi: u32,
    /// What is enforced, and by what.
    pub enforced: Vec<Measure>,
    /// What this kernel does not enforce, in words; nothing when the seal is whole.
    pub missing: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

impl Sealed {
    /// In one line, for the journal and the log.
    pub fn in_words(&self) -> String {
        let whole = format!("sealed (Landlock {}, seccomp, no capabilities)", self.landlock_abi);
        if self.missing.is_empty() {
            whole
        } else {
            format!("{whole}; not enforced: {}", self.missing.join("; "))
        }
    }
}

/// Why the seal could not be applied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// `require_seal` is declared and something is not enforced. The process may be half sealed: end it.
    #[error("`require_seal` is declared, and this machine does not enforce all of it: {}", .0.join("; "))]
    NotWhole(Vec<String>),
    /// The kernel refused a step that it says it supports.
    #[error("the seal could not be applied: {step}: {why}")]
    Kernel {
        /// Which step.
        step: &'static str,
        /// What the kernel or the library said.
        why: String,
    },
}

/// Seals the calling process for good. `require` refuses to go on with anything missing.
///
/// # Errors
/// When a step fails, or something is missing and `require` is set. The process should end then: part of the seal may
/// be in force.
pub fn apply(plan: &Plan, require: bool) -> Result<Sealed, SealError> {
    let sealed = apply_here(plan)?;
    if require && !sealed.missing.is_empty() {
        return Err(SealError::NotWhole(sealed.missing));
    }
    Ok(sealed)
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn apply_here(plan: &Plan) -> Result<Sealed, SealError> {
    linux::apply(plan)
}

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
fn apply_here(_: &Plan) -> Result<Sealed, SealError> {
    let missing =
        vec!["this system has neither Landlock nor seccomp: nothing is enforced by the kernel".to_owned()];
    Ok(Sealed { landlock_abi: 0, enforced: Vec::new(), missing, took: Duration::ZERO })
}
