//! How is the kernel asked?

use std::collections::BTreeMap;
use std::time::Instant;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, LandlockStatus, NetPort, RestrictSelfAttr,
    Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, Scope, path_beneath_rules,
};
use rustix::process::{DumpableBehavior, Resource, Rlimit};
use rustix::thread::{CapabilitySet, CapabilitySets};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

use crate::plan::{Plan, missing};
use crate::watch::Policy;
use crate::watcher::{Watched, Watcher};
use crate::{SealError, Sealed, calls, notify};

/// The Landlock version whose rights are asked for; an older kernel enforces what it knows of them.
const ABI_WANTED: ABI = ABI::V7;

#[cfg(target_arch = "x86_64")]
const ARCH: TargetArch = TargetArch::x86_64;
#[cfg(target_arch = "aarch64")]
const ARCH: TargetArch = TargetArch::aarch64;

/// Takes the place of holding up in a filter as it is built: the builder does not know of it.
const HOLD: SeccompAction = SeccompAction::Trace(0x494d);

/// What a process that seals itself is to whoever watches its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Nothing: it stands for itself.
    Alone,
    /// A child of which nothing more than its input and output is expected.
    Worker,
    /// A child that becomes another program.
    Tool,
    /// The one that watches.
    Watcher,
}

impl Role {
    /// What a child says of itself.
    pub fn number(self) -> u64 {
        match self {
            Role::Worker => 1,
            _ => 2,
        }
    }
}

pub(crate) fn apply(plan: &Plan, role: Role) -> Result<Sealed, SealError> {
    let started = Instant::now();
    let other_threads = threads().saturating_sub(1);
    let landlock_abi = restrict(plan)?;
    let seccomp = seccomp(plan, role)?;
    Ok(sealed(plan, landlock_abi, seccomp, other_threads, started))
}

/// The same, with what is refused handed to a watcher; none when this kernel or the watcher can't, with the reason.
pub(crate) fn apply_watched(
    plan: &Plan,
    watcher: Watcher,
    known: &[i32],
) -> Result<(Sealed, Result<Watched, String>), SealError> {
    let started = Instant::now();
    let other_threads = threads().saturating_sub(1);
    // What is looked up in it is the path of a file, or the address of a connection.
    let memory = std::fs::File::open("/proc/self/mem");
    let policy = Policy::of(plan, &loaders(), [known, &[watcher.process()]].concat());
    let ready = match memory {
        Ok(memory) if other_threads == 0 && notify::supported() => {
            watcher.ready().map(|()| memory).map_err(|error| format!("the watcher does not answer: {error}"))
        }
        Ok(_) if other_threads > 0 => Err("threads ran before the seal".to_owned()),
        Ok(_) => Err("this kernel has no user notification (seccomp, Linux 5.5)".to_owned()),
        Err(error) => Err(format!("the program's memory can't be looked at: {error}")),
    };
    let landlock_abi = restrict(plan)?;
    let (seccomp, watched) = match ready {
        Err(why) => (seccomp(plan, Role::Alone)?, Err(why)),
        Ok(memory) => {
            let filter = hold(plan, policy.process).map_err(|error| wrong("seccomp", error))?;
            match notify::install(&filter) {
                // From here on calls wait for their answer, and fail when nobody is there to give it.
                Ok(listener) => {
                    let watched = watcher.hand_over(&policy, listener, &memory);
                    (true, Ok(watched.map_err(|error| wrong("the watcher", error))?))
                }
                // Where it runs under a watcher already, a container's for instance: there is one in a chain.
                Err(error) => {
                    (seccomp(plan, Role::Alone)?, Err(format!("the kernel gives no listener: {error}")))
                }
            }
        }
    };
    Ok((sealed(plan, landlock_abi, seccomp, other_threads, started), watched))
}

fn sealed(plan: &Plan, abi: u32, seccomp: bool, other_threads: usize, started: Instant) -> Sealed {
    Sealed {
        landlock_abi: abi,
        enforced: plan.measures(),
        missing: missing(abi, seccomp, other_threads),
        unwatched: None,
        took: started.elapsed(),
    }
}

/// Everything but the filter of system calls.
fn restrict(plan: &Plan) -> Result<u32, SealError> {
    process_settings()?;
    drop_capabilities()?;
    landlock(plan).map_err(|error| wrong("Landlock", error))
}

fn wrong(step: &'static str, why: impl std::fmt::Display) -> SealError {
    SealError::Kernel { step, why: why.to_string() }
}

/// How many threads run; 1 where it can't be told.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(1, |tasks| tasks.count().max(1))
}

fn process_settings() -> Result<(), SealError> {
    rustix::thread::set_no_new_privs(true).map_err(|error| wrong("no new privileges", error))?;
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    rustix::process::setrlimit(Resource::Core, none).map_err(|error| wrong("no core dumps", error))?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|error| wrong("no core dumps", error))
}

/// Gives up every capability. The bounding set can only be emptied by somebody who has capabilities; others have none
/// to gain either, since there are no new privileges.
fn drop_capabilities() -> Result<(), SealError> {
    for capability in CapabilitySet::all().iter() {
        // A capability that this kernel does not know is not there to be removed.
        let _ = rustix::thread::remove_capability_from_bounding_set(capability);
    }
    let _ = rustix::thread::clear_ambient_capability_set();
    let none = CapabilitySet::empty();
    let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
    rustix::thread::set_capabilities(None, sets).map_err(|error| wrong("no capabilities", error))
}

/// Restricts files, ports, signals and abstract sockets; gives the version enforced, 0 for none.
fn landlock(plan: &Plan) -> Result<u32, RulesetError> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    // Making devices, sockets and pipes is no part of keeping data.
    let write = read
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::MakeSym
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir
        | AccessFs::Refer;
    let execute = AccessFs::ReadFile | AccessFs::Execute;
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI_WANTED))?
        .handle_access(AccessNet::from_all(ABI_WANTED))?
        .scope(Scope::from_all(ABI_WANTED))?
        .create()?
        .add_rules(path_beneath_rules(&plan.read, read))?
        .add_rules(path_beneath_rules(&plan.write, write))?
        .add_rules(path_beneath_rules(&plan.execute, execute))?;
    if !plan.execute.is_empty() {
        // The loader that the kernel starts for a program must be startable itself.
        ruleset = ruleset.add_rules(path_beneath_rules(loaders(), execute))?;
    }
    for port in &plan.connect {
        ruleset = ruleset.add_rule(NetPort::new(*port, AccessNet::ConnectTcp))?;
    }
    let status = ruleset.all_threads(true)?.restrict_self()?;
    Ok(match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => effective_abi as u32,
        _ => 0,
    })
}

/// The dynamic loaders of this system.
fn loaders() -> Vec<std::path::PathBuf> {
    let folders = ["/lib", "/lib64"];
    let entries = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
    entries
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with("ld-linux") || name.starts_with("ld-musl")
        })
        .map(|entry| entry.path())
        .collect()
}

fn build(
    rules: calls::Rules,
    otherwise: SeccompAction,
    matched: SeccompAction,
) -> Result<BpfProgram, seccompiler::BackendError> {
    SeccompFilter::new(rules, otherwise, matched, ARCH)?.try_into()
}

/// The filter whose refusals are held up for a watcher's answer.
fn hold(plan: &Plan, process: i32) -> Result<BpfProgram, seccompiler::BackendError> {
    let rules = calls::watched(calls::rules(plan)?, process)?;
    let mut filter = build(rules, HOLD, SeccompAction::Allow)?;
    let marked = u32::from(HOLD);
    for instruction in &mut filter {
        let returns = u32::from(instruction.code) == libc::BPF_RET | libc::BPF_K;
        if returns && instruction.k == marked {
            instruction.k = libc::SECCOMP_RET_USER_NOTIF;
        }
    }
    Ok(filter)
}

/// Installs the filters on all threads; `false` where the kernel has none.
fn seccomp(plan: &Plan, role: Role) -> Result<bool, SealError> {
    if rustix::thread::secure_computing_mode().is_err() {
        return Ok(false);
    }
    let rules = calls::rules(plan).map_err(|error| wrong("seccomp", error))?;
    let mut rules = if role == Role::Watcher { calls::watcher(rules) } else { rules };
    let child = matches!(role, Role::Worker | Role::Tool);
    if child && notify::announce(role.number()) {
        // The parent's filter is in force here as well, and its watcher hears of what it holds up, unless a filter of
        // ours is stricter about it: an error would be. "Ask a tracer" is weaker, and without one it fails (`ENOSYS`).
        rules.remove(&libc::SYS_clone3);
        let filter = build(rules, SeccompAction::Trace(0), SeccompAction::Allow);
        let filter = filter.map_err(|error| wrong("seccomp", error))?;
        seccompiler::apply_filter(&filter).map_err(|error| wrong("seccomp", error))?;
        return Ok(true);
    }
    let refuse = SeccompAction::Errno(libc::EPERM as u32);
    let main = build(rules, refuse, SeccompAction::Allow).map_err(|error| wrong("seccomp", error))?;
    // The C library falls back to `clone`, whose flags can be seen, only when `clone3` does not exist.
    let absent = SeccompAction::Errno(libc::ENOSYS as u32);
    let no_clone3 = build(BTreeMap::from([(libc::SYS_clone3, Vec::new())]), SeccompAction::Allow, absent)
        .map_err(|error| wrong("seccomp", error))?;
    seccompiler::apply_filter_all_threads(&main).map_err(|error| wrong("seccomp", error))?;
    // Of two filters that refuse, the one installed last gives the error.
    seccompiler::apply_filter_all_threads(&no_clone3).map_err(|error| wrong("seccomp", error))?;
    Ok(true)
}
