//! Which system calls does the program make?
//!
//! A list of what is allowed rather than of what is forbidden: what a future kernel adds is refused until somebody
//! thinks about it, and so are the numbers of other calling conventions (x32). What is not on the list fails with
//! `EPERM`.

use std::collections::BTreeMap;

use libc::*;
use seccompiler::{SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompRule};

use crate::plan::{Plan, Sockets};
use crate::watch::{HELD, HELD_OLD};

/// Flags of `clone` that make namespaces (all `CLONE_NEW*`).
const NAMESPACES: u64 = 0x7e02_0000;

/// Flag of `sendto` and `sendmsg` that opens a connection without `connect`, past Landlock.
const FAST_OPEN: u64 = 0x2000_0000;

/// The low bits of a socket's type, without its flags.
const TYPE_BITS: u64 = 0xf;

/// Memory, time, waiting, threads, signals to itself, and what a process may know of itself.
const ALWAYS: &[c_long] = &[
    SYS_brk,
    SYS_mmap,
    SYS_munmap,
    SYS_mremap,
    SYS_mprotect,
    SYS_madvise,
    SYS_mlock,
    SYS_munlock,
    SYS_msync,
    SYS_mincore,
    SYS_membarrier,
    SYS_getrandom,
    SYS_futex,
    SYS_futex_waitv,
    SYS_set_robust_list,
    SYS_get_robust_list,
    SYS_set_tid_address,
    SYS_rseq,
    SYS_gettid,
    SYS_getpid,
    SYS_getppid,
    SYS_exit,
    SYS_exit_group,
    SYS_sched_yield,
    SYS_sched_getaffinity,
    SYS_sched_setaffinity,
    SYS_sched_getscheduler,
    SYS_sched_getparam,
    SYS_getpriority,
    SYS_setpriority,
    SYS_getcpu,
    SYS_tgkill,
    SYS_tkill,
    SYS_kill,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_rt_sigpending,
    SYS_rt_sigtimedwait,
    SYS_rt_sigsuspend,
    SYS_sigaltstack,
    SYS_restart_syscall,
    SYS_clock_gettime,
    SYS_clock_getres,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_gettimeofday,
    SYS_times,
    SYS_getitimer,
    SYS_setitimer,
    SYS_getrusage,
    SYS_sysinfo,
    SYS_uname,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_getgroups,
    SYS_getresuid,
    SYS_getresgid,
    SYS_getpgid,
    SYS_getsid,
    SYS_prlimit64,
    SYS_capget,
    SYS_capset,
    SYS_umask,
    // What the sealing of a worker itself needs; both can only take away.
    SYS_seccomp,
    SYS_landlock_create_ruleset,
    SYS_landlock_add_rule,
    SYS_landlock_restrict_self,
    // Files that are open.
    SYS_read,
    SYS_write,
    SYS_readv,
    SYS_writev,
    SYS_pread64,
    SYS_pwrite64,
    SYS_preadv,
    SYS_pwritev,
    SYS_preadv2,
    SYS_pwritev2,
    SYS_close,
    SYS_close_range,
    SYS_dup,
    SYS_dup3,
    SYS_fcntl,
    SYS_fstat,
    SYS_lseek,
    SYS_pipe2,
    SYS_eventfd2,
    SYS_epoll_create1,
    SYS_epoll_ctl,
    SYS_epoll_pwait,
    SYS_epoll_pwait2,
    SYS_ppoll,
    SYS_pselect6,
    SYS_timerfd_create,
    SYS_timerfd_settime,
    SYS_timerfd_gettime,
    SYS_signalfd4,
];

/// The older forms of the same, where the machine has them.
#[cfg(target_arch = "x86_64")]
const ALWAYS_OLD: &[c_long] = &[
    SYS_arch_prctl,
    SYS_getpgrp,
    SYS_time,
    SYS_alarm,
    SYS_pause,
    SYS_dup2,
    SYS_pipe,
    SYS_eventfd,
    SYS_epoll_create,
    SYS_epoll_wait,
    SYS_poll,
    SYS_select,
    SYS_getrlimit,
    SYS_setrlimit,
];
#[cfg(not(target_arch = "x86_64"))]
const ALWAYS_OLD: &[c_long] = &[];

/// Files and folders by name; Landlock says which.
const FILES: &[c_long] = &[
    SYS_openat,
    SYS_openat2,
    SYS_newfstatat,
    SYS_statx,
    SYS_faccessat,
    SYS_faccessat2,
    SYS_readlinkat,
    SYS_getdents64,
    SYS_getcwd,
    SYS_chdir,
    SYS_fchdir,
    SYS_mkdirat,
    SYS_renameat2,
    SYS_linkat,
    SYS_unlinkat,
    SYS_symlinkat,
    SYS_fchmod,
    SYS_fchmodat,
    SYS_fchown,
    SYS_utimensat,
    SYS_statfs,
    SYS_fstatfs,
    SYS_flock,
    SYS_fsync,
    SYS_fdatasync,
    SYS_ftruncate,
    SYS_truncate,
    SYS_fallocate,
    SYS_copy_file_range,
    SYS_splice,
    SYS_readahead,
    SYS_getxattr,
    SYS_lgetxattr,
    SYS_fgetxattr,
    SYS_listxattr,
    SYS_llistxattr,
    SYS_flistxattr,
    SYS_inotify_init1,
    SYS_inotify_add_watch,
    SYS_inotify_rm_watch,
];

#[cfg(target_arch = "x86_64")]
const FILES_OLD: &[c_long] = &[
    SYS_open,
    SYS_creat,
    SYS_stat,
    SYS_lstat,
    SYS_access,
    SYS_readlink,
    SYS_getdents,
    SYS_mkdir,
    SYS_rmdir,
    SYS_rename,
    SYS_renameat,
    SYS_link,
    SYS_unlink,
    SYS_symlink,
    SYS_chmod,
    SYS_utimes,
    SYS_futimesat,
    SYS_inotify_init,
    SYS_sync_file_range,
    SYS_sendfile,
    SYS_fadvise64,
];
/// `renameat`, `sendfile`, `sync_file_range`, `fadvise64`: `libc` has no names for them here.
#[cfg(not(target_arch = "x86_64"))]
const FILES_OLD: &[c_long] = &[38, 71, 84, 223];

/// Starting programs and waiting for them.
const PROCESSES: &[c_long] =
    &[SYS_execve, SYS_wait4, SYS_waitid, SYS_setpgid, SYS_setsid, SYS_pidfd_open, SYS_pidfd_send_signal];

#[cfg(target_arch = "x86_64")]
const PROCESSES_OLD: &[c_long] = &[SYS_fork, SYS_vfork];
#[cfg(not(target_arch = "x86_64"))]
const PROCESSES_OLD: &[c_long] = &[];

/// Sockets that are open.
const OPEN_SOCKETS: &[c_long] = &[
    SYS_accept4,
    SYS_recvfrom,
    SYS_recvmsg,
    SYS_recvmmsg,
    SYS_shutdown,
    SYS_getsockname,
    SYS_getpeername,
    SYS_getsockopt,
    SYS_setsockopt,
    SYS_accept,
];

/// The filter's rules: for each call that is allowed, under which conditions (none: always).
pub(crate) type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// The rules of a plan.
pub(crate) fn rules(plan: &Plan) -> Result<Rules, seccompiler::BackendError> {
    let mut rules = Rules::new();
    allow(&mut rules, ALWAYS);
    allow(&mut rules, ALWAYS_OLD);
    // `clone3` hides its flags from the filter; a second filter says that the kernel has none of it (see `linux`).
    allow(&mut rules, &[SYS_clone3]);
    // A process may become less readable, never more so.
    let dumpable = PR_SET_DUMPABLE as u64;
    rules.insert(
        SYS_prctl,
        vec![
            // Further filters come by `seccomp`, where a watcher sees them.
            rule([not_equal(0, dumpable)?, not_equal(0, PR_SET_SECCOMP as u64)?])?,
            rule([equal(0, dumpable)?, equal(1, 0)?])?,
        ],
    );
    // Typing on the terminal that started the program is a way out as well.
    rules.insert(SYS_ioctl, vec![rule([not_equal(1, TIOCSTI)?, not_equal(1, TIOCLINUX)?])?]);
    let files = !plan.read.is_empty() || !plan.write.is_empty();
    if files {
        allow(&mut rules, FILES);
        allow(&mut rules, FILES_OLD);
    }
    if plan.execute.is_empty() {
        // Threads only.
        rules.insert(
            SYS_clone,
            vec![rule([masked(0, NAMESPACES | CLONE_THREAD as u64, CLONE_THREAD as u64)?])?],
        );
    } else {
        allow(&mut rules, PROCESSES);
        allow(&mut rules, PROCESSES_OLD);
        rules.insert(SYS_clone, vec![rule([masked(0, NAMESPACES, 0)?])?]);
    }
    if plan.sockets != Sockets::None {
        sockets(&mut rules, plan.sockets)?;
    }
    Ok(rules)
}

/// Takes out of a plan's rules what is to be held up, so that it can be noted. `process` is the one that is watched.
pub(crate) fn watched(mut rules: Rules, process: i32) -> Result<Rules, seccompiler::BackendError> {
    for call in HELD.iter().chain(HELD_OLD) {
        rules.remove(call);
    }
    // Aborting and waking its own threads are no business of others.
    rules.insert(SYS_tgkill, vec![rule([equal(0, process as u64)?])?]);
    // Core files alone; a limit that is only asked for is given without a new value.
    let core = RLIMIT_CORE as u64;
    let none = SeccompCondition::new(2, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, 0)?;
    rules.insert(SYS_prlimit64, vec![rule([not_equal(1, core)?])?, rule([equal(1, core)?, none])?]);
    #[cfg(target_arch = "x86_64")]
    rules.insert(SYS_setrlimit, vec![rule([not_equal(0, core)?])?]);
    Ok(rules)
}

/// The rules of the process that watches: the plan's, and to know a process again when its number is used anew, and
/// where a link leads, and to be handed what it watches.
pub(crate) fn watcher(mut rules: Rules) -> Rules {
    allow(&mut rules, &[SYS_recvmsg, SYS_pidfd_open, SYS_readlinkat, SYS_newfstatat, SYS_statx]);
    #[cfg(target_arch = "x86_64")]
    allow(&mut rules, &[SYS_readlink, SYS_lstat, SYS_stat]);
    rules
}

fn sockets(rules: &mut Rules, sockets: Sockets) -> Result<(), seccompiler::BackendError> {
    allow(rules, OPEN_SOCKETS);
    let no_fast_open = |argument| rule([masked(argument, FAST_OPEN, 0)?]);
    rules.insert(SYS_sendto, vec![no_fast_open(3)?]);
    rules.insert(SYS_sendmsg, vec![no_fast_open(2)?]);
    rules.insert(SYS_sendmmsg, vec![no_fast_open(3)?]);
    // The runtime wakes its own threads through a pair; it leads nowhere else.
    rules.insert(SYS_socketpair, vec![rule([equal(0, AF_UNIX as u64)?])?]);
    if sockets == Sockets::Connect {
        allow(rules, &[SYS_connect]);
        let mut kinds = Vec::new();
        for family in [AF_INET, AF_INET6] {
            // The protocol is named: multipath TCP, SCTP and others are not seen by Landlock's rules on ports.
            for protocol in [0, IPPROTO_TCP] {
                kinds.push(rule([
                    equal(0, family as u64)?,
                    masked(1, TYPE_BITS, SOCK_STREAM as u64)?,
                    equal(2, protocol as u64)?,
                ])?);
            }
        }
        rules.insert(SYS_socket, kinds);
    }
    Ok(())
}

fn allow(rules: &mut Rules, calls: &[c_long]) {
    for call in calls {
        rules.insert(*call, Vec::new());
    }
}

fn rule<const N: usize>(conditions: [SeccompCondition; N]) -> Result<SeccompRule, seccompiler::BackendError> {
    SeccompRule::new(conditions.into())
}

// The kernel reads these arguments as 32 bits (but the flags of `clone`), so the filter must too: otherwise a set bit
// above them would slip by.
fn equal(argument: u8, value: u64) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

fn not_equal(argument: u8, value: u64) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, value)
}

fn masked(argument: u8, mask: u64, value: u64) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(mask), value)
}
