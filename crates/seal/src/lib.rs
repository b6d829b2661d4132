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
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
mod elsewhere;
mod ledger;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod linux;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod notify;
mod plan;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod watch;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod watcher;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod words;

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub use elsewhere::{Flush, Refusals, Told, Watched, Watcher, watch};
pub use ledger::Refusal;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub use watcher::{Flush, Refusals, Told, Watched, Watcher, watch};

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
    /// Why what is refused is not reported to the program; none when it is, or where nobody asked for it.
    pub unwatched: Option<String>,
    /// How long it took.
    pub took: Duration,
}

impl Sealed {
    /// In one line, for the journal and the log.
    pub fn in_words(&self) -> String {
        let whole = format!("sealed (Landlock {}, seccomp, no capabilities)", self.landlock_abi);
        let whole = match &self.unwatched {
            None => whole,
            Some(why) => format!("{whole}; refusals are not journalled: {why}"),
        };
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
    whole(here::apply(plan)?, require)
}

/// The same for a child that reads documents; its parent's watcher, if there is one, notes what it tries.
///
/// # Errors
/// As [`apply`].
pub fn apply_to_worker() -> Result<Sealed, SealError> {
    here::apply_to_worker()
}

/// The same for a child that becomes another program.
///
/// # Errors
/// As [`apply`].
pub fn apply_to_tool(plan: &Plan) -> Result<Sealed, SealError> {
    here::apply_to_tool(plan)
}

/// The same, with each refusal handed to `watcher`, which tells the program. `known` are processes that this one
/// started before. Where refusals can't be reported they are refused all the same, and [`Sealed::unwatched`] says why.
///
/// # Errors
/// As [`apply`].
pub fn apply_watched(
    plan: &Plan,
    require: bool,
    watcher: Watcher,
    known: &[i32],
) -> Result<(Sealed, Option<Watched>), SealError> {
    let (sealed, watched) = here::apply_watched(plan, watcher, known)?;
    let mut sealed = whole(sealed, require)?;
    match watched {
        Ok(watched) => Ok((sealed, Some(watched))),
        Err(why) => {
            sealed.unwatched = Some(why);
            Ok((sealed, None))
        }
    }
}

fn whole(sealed: Sealed, require: bool) -> Result<Sealed, SealError> {
    if require && !sealed.missing.is_empty() {
        return Err(SealError::NotWhole(sealed.missing));
    }
    Ok(sealed)
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod here {
    //! Where the kernel can be asked.
    use crate::linux::{self, Role};
    use crate::{Plan, SealError, Sealed};

    pub(crate) use linux::apply_watched;

    pub(crate) fn apply(plan: &Plan) -> Result<Sealed, SealError> {
        linux::apply(plan, Role::Alone)
    }

    pub(crate) fn apply_to_worker() -> Result<Sealed, SealError> {
        linux::apply(&Plan::worker(), Role::Worker)
    }

    pub(crate) fn apply_to_tool(plan: &Plan) -> Result<Sealed, SealError> {
        linux::apply(plan, Role::Tool)
    }
}

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
mod here {
    //! Where it can't.
    use std::time::Duration;

    use crate::{Plan, SealError, Sealed, Watched, Watcher};

    pub(crate) fn apply(_: &Plan) -> Result<Sealed, SealError> {
        let missing = vec![
            "this system has neither Landlock nor seccomp: nothing is enforced by the kernel".to_owned(),
        ];
        Ok(Sealed { landlock_abi: 0, enforced: Vec::new(), missing, unwatched: None, took: Duration::ZERO })
    }

    pub(crate) fn apply_to_worker() -> Result<Sealed, SealError> {
        apply(&Plan::worker())
    }

    pub(crate) fn apply_to_tool(plan: &Plan) -> Result<Sealed, SealError> {
        apply(plan)
    }

    pub(crate) fn apply_watched(
        plan: &Plan,
        _: Watcher,
        _: &[i32],
    ) -> Result<(Sealed, Result<Watched, String>), SealError> {
        Ok((apply(plan)?, Err("nothing is refused".to_owned())))
    }
}
