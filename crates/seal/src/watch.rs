//! What is a call that the filter held up, and what becomes of it? Pure: the caller's memory is asked through a function.
//!
//! Held up are the calls that no plan allows, which fail here as they would without a watcher, and those that the plan
//! allows and Landlock limits (files, programs, ports, signals). Of these, what is beyond the plan fails here, so that
//! it can be noted; everything else goes on to the kernel, where Landlock decides again. So what is read from a caller's
//! memory, which may change under the reader, is never what keeps something in: it only makes the note.

#![expect(non_upper_case_globals, reason = "the numbers of calls are matched, and libc names them so")]

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use libc::*;
use serde::{Deserialize, Serialize};

use crate::notify::{ANNOUNCE, Answer, Call};
use crate::plan::{Plan, Sockets};
use crate::words::{self, Place};

/// Longest path that the kernel takes, with its end.
const MAX_PATH_BYTES: usize = 4096;

/// Longest text of a note. 256 bytes: enough to recognise a path.
const MAX_NOTE_BYTES: usize = 256;

/// Calls that a plan may allow and that are held up all the same.
pub(crate) const HELD: &[c_long] = &[
    SYS_openat,
    SYS_openat2,
    SYS_truncate,
    SYS_mkdirat,
    SYS_unlinkat,
    SYS_renameat2,
    SYS_linkat,
    SYS_symlinkat,
    SYS_execve,
    SYS_connect,
    SYS_socket,
    SYS_kill,
    SYS_tkill,
    SYS_pidfd_open,
    SYS_pidfd_send_signal,
    SYS_seccomp,
    SYS_clone3,
];

/// The older forms of the same.
#[cfg(target_arch = "x86_64")]
pub(crate) const HELD_OLD: &[c_long] =
    &[SYS_open, SYS_creat, SYS_mkdir, SYS_rmdir, SYS_unlink, SYS_rename, SYS_renameat, SYS_link, SYS_symlink];
#[cfg(not(target_arch = "x86_64"))]
pub(crate) const HELD_OLD: &[c_long] = &[];

/// What the watched process may do, as far as Landlock limits it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Policy {
    /// The process.
    pub process: i32,
    /// Processes that it started before: it may try to end them, which the kernel refuses and is no attempt at anything.
    pub known: Vec<i32>,
    /// The folder in which it runs.
    pub folder: PathBuf,
    pub read: Vec<PathBuf>,
    pub write: Vec<PathBuf>,
    pub execute: Vec<PathBuf>,
    /// Whether it may make TCP sockets.
    pub connects: bool,
    pub ports: BTreeSet<u16>,
}

impl Policy {
    /// A plan's policy. `further` are files that the seal lets be read besides.
    pub fn of(plan: &Plan, further: &[PathBuf], known: Vec<i32>) -> Policy {
        // Both as it is written and where it leads: the program may use either.
        let both = |paths: &[PathBuf]| -> Vec<PathBuf> {
            let real = paths.iter().filter_map(|path| std::fs::canonicalize(path).ok());
            let all: BTreeSet<PathBuf> = paths.iter().cloned().chain(real).collect();
            all.into_iter().collect()
        };
        let read = [&plan.read, further, &plan.execute, &plan.write].concat();
        Policy {
            process: std::process::id() as i32,
            known,
            folder: std::env::current_dir().unwrap_or_default(),
            read: both(&read),
            write: both(&plan.write),
            execute: both(&plan.execute),
            connects: plan.sockets == Sockets::Connect,
            ports: plan.connect.clone(),
        }
    }
}

/// Who makes a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// A thread of the watched process.
    Itself,
    /// A child that has not sealed itself yet.
    Child,
    /// A child that reads documents and needs nothing of all this. `started` when it has its thread already.
    Worker {
        /// Its process.
        process: i32,
        /// Whether it has started a thread.
        started: bool,
    },
    /// A child that is another program, which opens its own files.
    Tool,
}

impl Who {
    pub fn word(self) -> &'static str {
        match self {
            Who::Itself => "program",
            Who::Child => "child",
            Who::Worker { .. } => "reader",
            Who::Tool => "tool",
        }
    }
}

/// What becomes of a call, and what is noted of it: nothing, or what it was asked for (which may be empty).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub answer: Answer,
    pub note: Option<String>,
}

const LET_GO: Verdict = Verdict { answer: Answer::LetGo, note: None };
/// What the C library asks for first, and does without.
const UNKNOWN: Verdict = Verdict { answer: Answer::Fail(ENOSYS), note: None };

fn refuse(error: i32, note: impl Into<String>) -> Verdict {
    let mut note = note.into();
    if note.len() > MAX_NOTE_BYTES {
        let end = (0..=MAX_NOTE_BYTES).rev().find(|at| note.is_char_boundary(*at)).unwrap_or(0);
        note.truncate(end);
        note.push('…');
    }
    Verdict { answer: Answer::Fail(error), note: Some(note) }
}

/// The caller's memory: fills the buffer from an address as far as it can be read, and says how far.
pub(crate) type Memory<'a> = &'a dyn Fn(u64, &mut [u8]) -> usize;

/// Where a path leads when its links are followed; none where it can't be told.
pub(crate) type Real<'a> = &'a dyn Fn(&Path) -> Option<PathBuf>;

/// Decides on a call.
pub(crate) fn decide(policy: &Policy, who: Who, call: &Call, memory: Memory<'_>, real: Real<'_>) -> Verdict {
    let held = HELD.contains(&call.number) || HELD_OLD.contains(&call.number);
    match who {
        Who::Itself => itself(policy, call, memory, real),
        Who::Child => match call.number {
            SYS_clone3 => UNKNOWN,
            SYS_socket if !may_make(policy, &call.arguments) => refuse(EPERM, words::socket(&call.arguments)),
            SYS_connect if !policy.connects => refuse(EPERM, ""),
            SYS_execve => execute(policy, call, memory),
            SYS_tgkill | SYS_prlimit64 => LET_GO,
            #[cfg(target_arch = "x86_64")]
            SYS_setrlimit => LET_GO,
            _ if held => LET_GO,
            _ => refuse(EPERM, plainly(call)),
        },
        Who::Worker { process, started } => match call.number {
            // A thread of its own, and what ends it when it falls.
            SYS_clone3 if !started => UNKNOWN,
            SYS_clone3 => Verdict { note: Some(String::new()), ..UNKNOWN },
            SYS_tgkill | SYS_kill if number(call, 0) == process => LET_GO,
            _ => refuse(EPERM, plainly(call)),
        },
        Who::Tool => match call.number {
            SYS_clone3 => UNKNOWN,
            SYS_socket | SYS_connect | SYS_seccomp => refuse(EPERM, plainly(call)),
            SYS_tgkill => LET_GO,
            _ if held => LET_GO,
            _ => refuse(EPERM, plainly(call)),
        },
    }
}

fn itself(policy: &Policy, call: &Call, memory: Memory<'_>, real: Real<'_>) -> Verdict {
    if let Some(uses) = paths(call, memory) {
        return files(policy, call, &uses, memory, real);
    }
    let arguments = &call.arguments;
    match call.number {
        SYS_clone3 => clone3(arguments, memory),
        SYS_socket if may_make(policy, arguments) => LET_GO,
        SYS_connect if policy.connects => match address(arguments[1], arguments[2], memory) {
            Some(Place::Internet(address)) if policy.ports.contains(&address.port()) => LET_GO,
            Some(place) => refuse(EACCES, place.to_string()),
            None => refuse(EACCES, "an address that can't be read"),
        },
        SYS_execve => execute(policy, call, memory),
        SYS_kill => match number(call, 0) {
            process if process == policy.process || policy.known.contains(&process) => LET_GO,
            process => refuse(EPERM, format!("process {process}")),
        },
        // A handle by itself does nothing, and Landlock says to whom signals go.
        SYS_pidfd_open | SYS_pidfd_send_signal => LET_GO,
        SYS_connect | SYS_bind => described(address(arguments[1], arguments[2], memory)),
        SYS_sendto => described(address(arguments[4], arguments[5], memory)),
        SYS_execveat | SYS_mount | SYS_pivot_root => {
            let at = if call.number == SYS_pivot_root { 0 } else { 1 };
            refuse(EPERM, text(arguments[at], memory).map_or_else(String::new, |path| shown(&path)))
        }
        SYS_chroot => refuse(EPERM, text(arguments[0], memory).map_or_else(String::new, |path| shown(&path))),
        _ => refuse(EPERM, plainly(call)),
    }
}

/// What the arguments say by themselves.
fn plainly(call: &Call) -> String {
    match call.number {
        SYS_socket => words::socket(&call.arguments),
        SYS_kill | SYS_tkill | SYS_tgkill | SYS_process_vm_readv | SYS_process_vm_writev | SYS_setns => {
            format!("process {}", number(call, 0))
        }
        SYS_ptrace => format!("request {}, process {}", number(call, 0), number(call, 1)),
        SYS_prctl => format!("option {}", number(call, 0)),
        SYS_seccomp if call.arguments[0] == ANNOUNCE => "as a child".to_owned(),
        _ => String::new(),
    }
}

fn described(place: Option<Place>) -> Verdict {
    refuse(EPERM, place.map_or_else(String::new, |place| place.to_string()))
}

/// An argument that the kernel reads as 32 bits with a sign.
fn number(call: &Call, at: usize) -> i32 {
    call.arguments[at] as u32 as i32
}

/// Whether a socket is TCP, as the filter has it (see `calls`).
fn may_make(policy: &Policy, arguments: &[u64; 6]) -> bool {
    let [family, kind, protocol] = [0, 1, 2].map(|at| arguments[at] as u32 as i32);
    policy.connects
        && matches!(family, AF_INET | AF_INET6)
        && kind & 0xf == SOCK_STREAM
        && matches!(protocol, 0 | IPPROTO_TCP)
}

/// The C library asks for it at every new thread, and does without. Its flags tell threads from other rooms.
fn clone3(arguments: &[u64; 6], memory: Memory<'_>) -> Verdict {
    /// All `CLONE_NEW*`.
    const NAMESPACES: u64 = 0x7e02_0000;
    let mut flags = [0; 8];
    let read = memory(arguments[0], &mut flags) == flags.len();
    match u64::from_ne_bytes(flags) & NAMESPACES {
        0 if read => UNKNOWN,
        _ => Verdict { note: Some("namespaces".to_owned()), ..UNKNOWN },
    }
}

fn execute(policy: &Policy, call: &Call, memory: Memory<'_>) -> Verdict {
    match text(call.arguments[0], memory) {
        Some(path) if !policy.execute.iter().any(|known| known == Path::new(OsStr::from_bytes(&path))) => {
            refuse(EACCES, shown(&path))
        }
        _ => LET_GO,
    }
}

/// A path among a call's arguments: where the open folder stands, where the path, and whether it is changed.
#[derive(Clone, Copy)]
struct Use {
    folder: Option<usize>,
    path: usize,
    write: bool,
}

/// The paths that a call uses; none when it is no call on paths.
fn paths(call: &Call, memory: Memory<'_>) -> Option<Vec<Use>> {
    let at = |folder, path, write| Use { folder, path, write };
    let change = |folder, path| at(folder, path, true);
    let opened = |folder, path, flags: u64| {
        let flags = flags as i32;
        // A name without its content is not limited.
        let named = flags & O_PATH == 0;
        let write = flags & (O_ACCMODE | O_CREAT | O_TRUNC) != 0;
        if named { vec![at(folder, path, write)] } else { Vec::new() }
    };
    Some(match call.number {
        SYS_openat => opened(Some(0), 1, call.arguments[2]),
        SYS_openat2 => {
            let mut flags = [0; 8];
            memory(call.arguments[2], &mut flags);
            opened(Some(0), 1, u64::from_ne_bytes(flags))
        }
        SYS_truncate => vec![change(None, 0)],
        SYS_mkdirat | SYS_unlinkat => vec![change(Some(0), 1)],
        SYS_renameat2 | SYS_linkat => vec![change(Some(0), 1), change(Some(2), 3)],
        SYS_symlinkat => vec![change(Some(1), 2)],
        #[cfg(target_arch = "x86_64")]
        SYS_open => opened(None, 0, call.arguments[1]),
        #[cfg(target_arch = "x86_64")]
        SYS_creat | SYS_mkdir | SYS_rmdir | SYS_unlink => vec![change(None, 0)],
        #[cfg(target_arch = "x86_64")]
        SYS_renameat => vec![change(Some(0), 1), change(Some(2), 3)],
        #[cfg(target_arch = "x86_64")]
        SYS_rename | SYS_link => vec![change(None, 0), change(None, 1)],
        #[cfg(target_arch = "x86_64")]
        SYS_symlink => vec![change(None, 1)],
        _ => return None,
    })
}

fn files(policy: &Policy, call: &Call, uses: &[Use], memory: Memory<'_>, real: Real<'_>) -> Verdict {
    for one in uses {
        // What can't be read the kernel can't read either.
        let Some(path) = text(call.arguments[one.path], memory) else { continue };
        let folder = one.folder.map_or(AT_FDCWD, |at| number(call, at));
        let allowed = if one.write { &policy.write } else { &policy.read };
        let inside = match resolved(policy, folder, Path::new(OsStr::from_bytes(&path))) {
            // A link can only be laid where the process writes. Elsewhere they are as their owner has them, and on
            // disks that may keep one waiting.
            Some(path) if below(&policy.write, &path) => {
                below(allowed, &path) && real(&path).is_none_or(|real| below(allowed, &real))
            }
            Some(path) => below(allowed, &path),
            // Below a folder that is open: it was opened by the same rules.
            None => !path.split(|byte| *byte == b'/').any(|part| part == b".."),
        };
        if !inside {
            return refuse(EACCES, shown(&path));
        }
    }
    LET_GO
}

fn below(folders: &[PathBuf], path: &Path) -> bool {
    folders.iter().any(|folder| path.starts_with(folder))
}

/// The path without its dots; none when it begins at an open folder, which can't be seen from here.
fn resolved(policy: &Policy, folder: i32, path: &Path) -> Option<PathBuf> {
    if path.is_relative() && folder != AT_FDCWD {
        return None;
    }
    let mut plain = PathBuf::new();
    for component in policy.folder.join(path).components() {
        match component {
            Component::ParentDir => _ = plain.pop(),
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    Some(plain)
}

/// A text that ends with a zero byte, in the caller's memory.
fn text(address: u64, memory: Memory<'_>) -> Option<Vec<u8>> {
    let mut bytes = vec![0; MAX_PATH_BYTES];
    let read = memory(address, &mut bytes);
    bytes.truncate(read);
    let end = bytes.iter().position(|byte| *byte == 0)?;
    bytes.truncate(end);
    Some(bytes)
}

fn address(at: u64, length: u64, memory: Memory<'_>) -> Option<Place> {
    // `struct sockaddr_in6` has 28 bytes; of longer ones only the family counts.
    let mut bytes = vec![0; (length as u32).min(28) as usize];
    let read = memory(at, &mut bytes);
    words::place(&bytes[..read])
}

fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path).chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> Policy {
        Policy {
            process: 100,
            known: vec![101],
            folder: "/srv".into(),
            read: vec!["/srv/documents".into(), "/data".into()],
            write: vec!["/data".into()],
            execute: vec!["/proc/self/exe".into()],
            connects: true,
            ports: [443].into(),
        }
    }

    /// Calls with texts as arguments: each stands at an address of its own.
    fn check(who: Who, number: c_long, arguments: &[Argument<'_>], expected: (Answer, Option<&str>)) {
        let mut memory: Vec<(u64, Vec<u8>)> = Vec::new();
        let mut call = Call { id: 1, thread: 1, number, arguments: [0; 6] };
        for (at, argument) in arguments.iter().enumerate() {
            call.arguments[at] = match argument {
                Argument::Number(number) => *number as u64,
                Argument::Bytes(bytes) => {
                    memory.push(((at as u64 + 1) << 20, bytes.to_vec()));
                    (at as u64 + 1) << 20
                }
            };
        }
        let read = |address: u64, buffer: &mut [u8]| {
            let Some((_, bytes)) = memory.iter().find(|(at, _)| *at == address) else { return 0 };
            let length = bytes.len().min(buffer.len());
            buffer[..length].copy_from_slice(&bytes[..length]);
            length
        };
        let real = |path: &Path| (path == Path::new("/data/link")).then(|| PathBuf::from("/etc/shadow"));
        let verdict = decide(&policy(), who, &call, &read, &real);
        let shown: Vec<String> = memory.iter().map(|(_, bytes)| shown(bytes)).collect();
        assert_eq!(
            (verdict.answer, verdict.note.as_deref()),
            expected,
            "{who:?} {number} {arguments:?} {shown:?}"
        );
    }

    #[derive(Debug)]
    enum Argument<'a> {
        Number(i64),
        Bytes(&'a [u8]),
    }
    use Argument::{Bytes as B, Number as N};

    const GO: (Answer, Option<&str>) = (Answer::LetGo, None);

    fn failed(error: i32, note: &str) -> (Answer, Option<&str>) {
        (Answer::Fail(error), Some(note))
    }

    #[test]
    fn what_is_declared_goes_on_and_the_rest_is_named() {
        let here = N(AT_FDCWD.into());
        let open = |path: &'static [u8], flags: i32, expected| {
            check(Who::Itself, SYS_openat, &[N(AT_FDCWD.into()), B(path), N(flags.into())], expected);
        };
        open(b"/srv/documents/a.txt\0", 0, GO);
        open(b"documents/../documents/./a.txt\0", 0, GO);
        open(b"/srv/documents/a.txt\0", O_WRONLY, failed(EACCES, "/srv/documents/a.txt"));
        open(b"/srv/documents/../other\0", 0, failed(EACCES, "/srv/documents/../other"));
        open(b"/srv/documentsx\0", 0, failed(EACCES, "/srv/documentsx"));
        open(b"/data/x\0", O_RDWR | O_CREAT, GO);
        open(b"/data/link\0", 0, failed(EACCES, "/data/link"));
        open(b"/etc/sh\nadow\0", 0, failed(EACCES, "/etc/sh?adow"));
        // Only its name is held, not its content.
        open(b"/etc/shadow\0", O_PATH, GO);
        // Below an open folder; upwards from it is never needed.
        check(Who::Itself, SYS_openat, &[N(7), B(b"a/b\0"), N(0)], GO);
        check(Who::Itself, SYS_openat, &[N(7), B(b"../b\0"), N(0)], failed(EACCES, "../b"));
        let rename = |from: &'static [u8], to: &'static [u8], expected| {
            check(Who::Itself, SYS_renameat2, &[N(-100), B(from), N(-100), B(to)], expected);
        };
        rename(b"/data/a\0", b"/data/b\0", GO);
        rename(b"/data/a\0", b"/tmp/b\0", failed(EACCES, "/tmp/b"));
        rename(b"/srv/documents/a\0", b"/data/b\0", failed(EACCES, "/srv/documents/a"));
        // What can't be read the kernel can't read either.
        check(Who::Itself, SYS_openat, &[here, N(0), N(0)], GO);
        check(Who::Itself, SYS_execve, &[B(b"/proc/self/exe\0")], GO);
        check(Who::Itself, SYS_execve, &[B(b"/bin/sh\0")], failed(EACCES, "/bin/sh"));
        check(Who::Itself, SYS_kill, &[N(101), N(9)], GO);
        check(Who::Itself, SYS_kill, &[N(1), N(9)], failed(EPERM, "process 1"));
        check(Who::Itself, SYS_seccomp, &[N(1)], failed(EPERM, ""));
    }

    #[test]
    fn sockets_and_addresses_are_named() {
        let socket = |arguments: [i64; 3], expected| {
            check(Who::Itself, SYS_socket, &arguments.map(N), expected);
        };
        socket([2, 1 | 0o2000000, 0], GO);
        socket([10, 1, 6], GO);
        socket([2, 2, 0], failed(EPERM, "IPv4 datagram"));
        socket([2, 1, 262], failed(EPERM, "IPv4 stream, protocol 262"));
        socket([17, 3, 768], failed(EPERM, "packet raw, protocol 768"));
        // The kernel reads 32 bits; what stands above them changes nothing.
        socket([2, 2 | 1 << 40, 0], failed(EPERM, "IPv4 datagram"));
        let address = |port: u16| [&[2, 0][..], &port.to_be_bytes(), &[192, 0, 2, 1], &[0; 8]].concat();
        check(Who::Itself, SYS_connect, &[N(3), B(&address(443)), N(16)], GO);
        check(Who::Itself, SYS_connect, &[N(3), B(&address(80)), N(16)], failed(EACCES, "192.0.2.1:80"));
        check(Who::Itself, SYS_connect, &[N(3), B(b"\x01\0/run/x\0"), N(9)], failed(EACCES, "a Unix socket"));
        check(
            Who::Itself,
            SYS_connect,
            &[N(3), B(b"\x02"), N(1)],
            failed(EACCES, "an address that can't be read"),
        );
        check(Who::Itself, 425, &[], failed(EPERM, ""));
    }

    #[test]
    fn a_sealed_child_may_nothing_and_one_that_starts_what_its_parent_may() {
        let worker = Who::Worker { process: 200, started: false };
        let at_work = Who::Worker { process: 200, started: true };
        check(worker, SYS_openat, &[N(-100), B(b"/srv/documents/a\0")], failed(EPERM, ""));
        check(worker, SYS_execve, &[B(b"/proc/self/exe\0")], failed(EPERM, ""));
        check(worker, SYS_socket, &[N(2), N(1), N(0)], failed(EPERM, "IPv4 stream"));
        check(worker, SYS_clone3, &[], (Answer::Fail(ENOSYS), None));
        check(at_work, SYS_clone3, &[], (Answer::Fail(ENOSYS), Some("")));
        check(worker, SYS_tgkill, &[N(200), N(200), N(6)], GO);
        check(worker, SYS_tgkill, &[N(100), N(100), N(6)], failed(EPERM, "process 100"));
        check(Who::Child, SYS_openat, &[N(-100), B(b"/lib/x\0")], GO);
        check(Who::Child, SYS_seccomp, &[N(1)], GO);
        check(Who::Child, SYS_socket, &[N(2), N(2), N(0)], failed(EPERM, "IPv4 datagram"));
        check(Who::Child, SYS_ptrace, &[N(16), N(1)], failed(EPERM, "request 16, process 1"));
        check(Who::Tool, SYS_openat, &[N(-100), B(b"/usr/share/x\0")], GO);
        check(Who::Tool, SYS_socket, &[N(1), N(1), N(0)], failed(EPERM, "Unix stream"));
        check(Who::Tool, SYS_bpf, &[], failed(EPERM, ""));
    }
}
