//! How does a call that the filter holds up reach the process that answers it?
//!
//! Seccomp's user notification: the kernel stops the caller, hands the call's number and arguments to whoever holds the
//! listener, and carries on as that one says. No crate offers it without linking a C library, so these few calls are
//! made here, and nowhere else in the library is there `unsafe`. Each block passes the kernel pointers to values that
//! this module owns for the whole call, of the sizes that the kernel itself states (checked by [`supported`]).
#![allow(
    unsafe_code,
    reason = "seccomp's user notification has no safe wrapper; six calls, each with its reason"
)]

use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use libc::{c_long, seccomp_notif, seccomp_notif_resp};
use seccompiler::sock_filter;

/// Reads the next call (`_IOWR('!', 0, struct seccomp_notif)`).
const RECEIVE: libc::Ioctl = 0xc050_2100_u32 as libc::Ioctl;
/// Answers one (`_IOWR('!', 1, struct seccomp_notif_resp)`).
const SEND: libc::Ioctl = 0xc018_2101_u32 as libc::Ioctl;

/// An operation that `seccomp` does not know. A child that seals itself makes it, with its kind, so that whoever holds the
/// listener hears of it; where nobody does, the kernel answers `EINVAL`.
pub(crate) const ANNOUNCE: u64 = 0x494d;

/// A call that waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// The kernel's number of this notification.
    pub id: u64,
    /// The thread that made it.
    pub thread: i32,
    /// The number of the call.
    pub number: c_long,
    /// Its six arguments.
    pub arguments: [u64; 6],
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It fails with this error number.
    Fail(i32),
    /// It succeeds without being made.
    Done,
    /// It is made, and the kernel's other rules (Landlock) hold for it.
    LetGo,
}

/// Whether this kernel has user notification in the form that is spoken here.
pub(crate) fn supported() -> bool {
    let mut sizes = [0_u16; 3];
    // SAFETY: the kernel writes three 16-bit sizes (struct seccomp_notif_sizes) to the array.
    let result =
        unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_GET_NOTIF_SIZES, 0, sizes.as_mut_ptr()) };
    let ours = [size_of::<seccomp_notif>(), size_of::<seccomp_notif_resp>()];
    result == 0 && ours == [usize::from(sizes[0]), usize::from(sizes[1])]
}

/// Puts a filter on the calling thread and what it starts, and gives the listener for the calls that it holds up.
pub(crate) fn install(program: &[sock_filter]) -> io::Result<OwnedFd> {
    let length = u16::try_from(program.len()).map_err(io::Error::other)?;
    let program =
        libc::sock_fprog { len: length, filter: program.as_ptr().cast::<libc::sock_filter>().cast_mut() };
    let listener = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
    // From Linux 5.19 on: once a call was read, only a deadly signal interrupts it, so none is seen twice.
    for flags in [listener | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, listener] {
        // SAFETY: `program` names `length` instructions (both types are the kernel's struct sock_filter), which the
        // kernel only reads.
        let result = unsafe {
            libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program)
        };
        if result >= 0 {
            let listener = i32::try_from(result).map_err(io::Error::other)?;
            // SAFETY: the kernel just made this descriptor, and nobody else knows it.
            return Ok(unsafe { OwnedFd::from_raw_fd(listener) });
        }
    }
    Err(io::Error::last_os_error())
}

/// Reads the next call that waits.
pub(crate) fn receive(listener: BorrowedFd<'_>) -> io::Result<Call> {
    // SAFETY: a C structure of integers, which the kernel wants zeroed.
    let mut call: seccomp_notif = unsafe { zeroed() };
    // SAFETY: the kernel writes a `seccomp_notif` of the size that `supported` checked.
    if unsafe { libc::ioctl(listener.as_raw_fd(), RECEIVE, &raw mut call) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Call {
        id: call.id,
        thread: i32::try_from(call.pid).unwrap_or_default(),
        number: call.data.nr.into(),
        arguments: call.data.args,
    })
}

/// Answers a call. That its caller is gone meanwhile is an error that does not matter.
pub(crate) fn answer(listener: BorrowedFd<'_>, id: u64, answer: Answer) -> io::Result<()> {
    let (error, flags) = match answer {
        Answer::Fail(number) => (-number, 0),
        Answer::Done => (0, 0),
        Answer::LetGo => (0, libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32),
    };
    let mut response = seccomp_notif_resp { id, val: 0, error, flags };
    // SAFETY: the kernel reads a `seccomp_notif_resp` of the size that `supported` checked.
    match unsafe { libc::ioctl(listener.as_raw_fd(), SEND, &raw mut response) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Goes on when others are told to end: who watches ends after what it watches, also where both are told at once.
pub(crate) fn outlive() {
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
        // SAFETY: no handler is installed; the signal is passed over.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

/// Whether a thread belongs to a process. Signal 0 is sent to nobody: only what the kernel says of it counts.
pub(crate) fn is_thread_of(process: i32, thread: i32) -> bool {
    // SAFETY: three integers.
    let result = unsafe { libc::syscall(libc::SYS_tgkill, process, thread, 0) };
    // Refused (the seals of the two do not know each other) means that it is there.
    result == 0 || io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}

/// Tells whoever holds the listener that this process seals itself as a `kind` of child; whether anybody does.
pub(crate) fn announce(kind: u64) -> bool {
    // SAFETY: integers; the kernel knows no such operation and reads nothing.
    unsafe { libc::syscall(libc::SYS_seccomp, ANNOUNCE, kind, 0) == 0 }
}
