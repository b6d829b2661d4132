//! How is the kernel asked?

use std::collections::BTreeMap;
use std::time::Instant;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, LandlockStatus, NetPort, RestrictSelfAttr,
    Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, Scope, path_beneath_rules,
};
use rustix::process::{DumpableBehavior, Resource, Rlimit};
use rustix::thread::{CapabilitySet, CapabilitySets};
use seccompiler::{SeccompAction, SeccompFilter, TargetArch};

use crate::plan::{Plan, missing};
use crate::{SealError, Sealed, calls};

/// The Landlock version whose rights are asked for; an older kernel enforces what it knows of them.
const ABI_WANTED: ABI = ABI::V7;

#[cfg(target_arch = "x86_64")]
const ARCH: TargetArch = TargetArch::x86_64;
#[cfg(target_arch = "aarch64")]
const ARCH: TargetArch = TargetArch::aarch64;

pub(crate) fn apply(plan: &Plan) -> Result<Sealed, SealError> {
    let started = Instant::now();
    let other_threads = threads().saturating_sub(1);
    process_settings()?;
    drop_capabilities()?;
    let landlock_abi = landlock(plan).map_err(|error| wrong("Landlock", error))?;
    let seccomp = seccomp(plan)?;
    let took = started.elapsed();
    Ok(Sealed {
        landlock_abi,
        enforced: plan.measures(),
        missing: missing(landlock_abi, seccomp, other_threads),
        took,
    })
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

/// Installs the filters on all threads; `false` where the kernel has none.
fn seccomp(plan: &Plan) -> Result<bool, SealError> {
    if rustix::thread::secure_computing_mode().is_err() {
        return Ok(false);
    }
    let build = |rules, otherwise, matched| -> Result<seccompiler::BpfProgram, seccompiler::BackendError> {
        SeccompFilter::new(rules, otherwise, matched, ARCH)?.try_into()
    };
    let refuse = SeccompAction::Errno(libc::EPERM as u32);
    let main = calls::rules(plan)
        .and_then(|rules| build(rules, refuse, SeccompAction::Allow))
        .map_err(|error| wrong("seccomp", error))?;
    // The C library falls back to `clone`, whose flags can be seen, only when `clone3` does not exist.
    let absent = SeccompAction::Errno(libc::ENOSYS as u32);
    let no_clone3 = build(BTreeMap::from([(libc::SYS_clone3, Vec::new())]), SeccompAction::Allow, absent)
        .map_err(|error| wrong("seccomp", error))?;
    seccompiler::apply_filter_all_threads(&main).map_err(|error| wrong("seccomp", error))?;
    // Of two filters that refuse, the one installed last gives the error.
    seccompiler::apply_filter_all_threads(&no_clone3).map_err(|error| wrong("seccomp", error))?;
    Ok(true)
}
