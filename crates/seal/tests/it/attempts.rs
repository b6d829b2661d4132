//! How does somebody try to get out? Raw system calls, as an attacker's code would make them.
//!
//! This is the one file with `unsafe` in the workspace: system calls with numbers and pointers, which is the point.
#![allow(unsafe_code, reason = "an attacker's code makes raw system calls")]

use std::ffi::CString;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use intramuros_core::perimeter::Perimeter;
use intramuros_seal::{Places, Plan, SealError, Sealed, Told, Watched, Watcher, apply, apply_watched};

/// What a child is told.
pub struct Context {
    /// The folder that the parent made: `data` is the data folder, `source` a source, `outside` neither.
    pub folder: PathBuf,
    /// A port on which the parent listens (TCP), and which no rule declares.
    pub port: u16,
    /// The parent's process id.
    pub parent: i32,
}

/// `Ok`: it worked. `Err`: the system's error number.
pub type Outcome = Result<(), i32>;

type Attempt = (&'static str, fn(&Context) -> Outcome);

fn call(number: i64, arguments: [i64; 6]) -> Result<i64, i32> {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: pointers among the arguments point to values that live until the call returns.
    let result = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    if result < 0 { Err(std::io::Error::last_os_error().raw_os_error().unwrap_or(0)) } else { Ok(result) }
}

fn call1(number: i64, a: i64) -> Outcome {
    call(number, [a, 0, 0, 0, 0, 0]).map(drop)
}

fn socket(family: i32, kind: i32, protocol: i32) -> Result<i64, i32> {
    call(libc::SYS_socket, [family.into(), kind.into(), protocol.into(), 0, 0, 0])
}

/// `struct sockaddr_in`.
fn v4(address: [u8; 4], port: u16) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[0] = libc::AF_INET as u8;
    bytes[2..4].copy_from_slice(&port.to_be_bytes());
    bytes[4..8].copy_from_slice(&address);
    bytes
}

/// `struct sockaddr_in6` of the machine itself.
fn v6(port: u16) -> [u8; 28] {
    let mut bytes = [0; 28];
    bytes[0] = libc::AF_INET6 as u8;
    bytes[2..4].copy_from_slice(&port.to_be_bytes());
    bytes[23] = 1;
    bytes
}

/// `struct sockaddr_un`; an abstract name begins with a zero byte.
fn unix(name: &[u8]) -> Vec<u8> {
    let mut bytes = vec![libc::AF_UNIX as u8, 0];
    bytes.extend_from_slice(name);
    bytes
}

/// That the kernel let a packet go or tried to: whatever happens on the way after is not the seal's doing.
fn left(result: Result<i64, i32>) -> Outcome {
    match result {
        Ok(_) => Ok(()),
        Err(
            libc::EINPROGRESS | libc::ENETUNREACH | libc::EHOSTUNREACH | libc::ECONNREFUSED | libc::EAGAIN,
        ) => Ok(()),
        Err(error) => Err(error),
    }
}

fn connect(kind: i32, protocol: i32, address: &[u8]) -> Outcome {
    let family = i32::from(address[0]);
    let fd = socket(family, kind | libc::SOCK_NONBLOCK, protocol)?;
    left(call(libc::SYS_connect, [fd, address.as_ptr() as i64, address.len() as i64, 0, 0, 0]))
}

fn send_to(kind: i32, protocol: i32, flags: i32, address: &[u8]) -> Outcome {
    let fd = socket(i32::from(address[0]), kind | libc::SOCK_NONBLOCK, protocol)?;
    let text = b"secret";
    left(call(
        libc::SYS_sendto,
        [fd, text.as_ptr() as i64, 6, flags.into(), address.as_ptr() as i64, address.len() as i64],
    ))
}

/// The same through `sendmsg`.
fn send_message(flags: i32, address: &[u8]) -> Outcome {
    let fd = socket(i32::from(address[0]), libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0)?;
    let text = b"secret";
    let mut part = libc::iovec { iov_base: text.as_ptr() as *mut _, iov_len: text.len() };
    // SAFETY: all fields of the C structure may be zero.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_name = address.as_ptr() as *mut _;
    message.msg_namelen = address.len() as u32;
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    left(call(libc::SYS_sendmsg, [fd, &raw const message as i64, flags.into(), 0, 0, 0]))
}

fn bind(kind: i32, address: &[u8], listen: bool) -> Outcome {
    let fd = socket(i32::from(address[0]), kind, 0)?;
    call(libc::SYS_bind, [fd, address.as_ptr() as i64, address.len() as i64, 0, 0, 0])?;
    if listen {
        call(libc::SYS_listen, [fd, 1, 0, 0, 0, 0])?;
    }
    Ok(())
}

fn open_family(family: i32, kind: i32, protocol: i32) -> Outcome {
    socket(family, kind, protocol).map(drop)
}

fn io_error(error: std::io::Error) -> i32 {
    error.raw_os_error().unwrap_or(libc::EIO)
}

fn run(program: &str, arguments: &[&str]) -> Outcome {
    std::process::Command::new(program).args(arguments).output().map_err(io_error).and_then(|output| {
        // A shell that starts and fails in what it was told has still been started; the loader of a program that may
        // not be read ends with 127.
        if output.status.code() == Some(127) { Err(libc::EACCES) } else { Ok(()) }
    })
}

/// Runs a program's bytes from a file that exists only in memory.
fn run_from_memory() -> Outcome {
    let name = CString::new("x").map_err(|_| 0)?;
    let fd = call(libc::SYS_memfd_create, [name.as_ptr() as i64, 0, 0, 0, 0, 0])?;
    let program = std::fs::read("/bin/true").map_err(io_error)?;
    std::fs::write(format!("/proc/self/fd/{fd}"), program).map_err(io_error)?;
    execute(&format!("/proc/self/fd/{fd}"))
}

/// Writes a program to the data folder and runs it.
fn run_from_data(context: &Context) -> Outcome {
    use std::os::unix::fs::PermissionsExt;
    let path = context.folder.join("data/program");
    // The parent put a copy of `true` where the source is, since a sealed process can't read /bin.
    std::fs::copy(context.folder.join("source/true"), &path).map_err(io_error)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).map_err(io_error)?;
    execute(&path.display().to_string())
}

/// Replaces a child by a program; the child's exit says whether that worked.
fn execute(path: &str) -> Outcome {
    std::process::Command::new(path).status().map(drop).map_err(io_error)
}

/// A process as system calls want it: to watch, to read, to signal.
fn signal(pid: i32) -> Outcome {
    call(libc::SYS_kill, [pid.into(), 0, 0, 0, 0, 0]).map(drop)
}

fn read_memory(pid: i32) -> Outcome {
    let mut bytes = [0_u8; 8];
    let local = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: 8 };
    // Some address that is mapped in every program like this one is not known; a fault means that it was allowed.
    let remote = libc::iovec { iov_base: 0x1000 as *mut _, iov_len: 8 };
    let arguments = [pid.into(), &raw const local as i64, 1, &raw const remote as i64, 1, 0];
    match call(libc::SYS_process_vm_readv, arguments) {
        Ok(_) | Err(libc::EFAULT) => Ok(()),
        Err(error) => Err(error),
    }
}

fn steal_descriptor(pid: i32) -> Outcome {
    let fd = call(libc::SYS_pidfd_open, [pid.into(), 0, 0, 0, 0, 0])?;
    call(libc::SYS_pidfd_getfd, [fd, 0, 0, 0, 0, 0]).map(drop)
}

fn namespace(flags: i32) -> Outcome {
    call1(libc::SYS_unshare, flags.into())
}

/// A child in new namespaces through `clone`; it ends at once.
fn clone_into(flags: i32) -> Outcome {
    let result = call(libc::SYS_clone, [(flags | libc::SIGCHLD).into(), 0, 0, 0, 0, 0])?;
    if result == 0 {
        // SAFETY: ends the new process without running anything of the old one's.
        unsafe { libc::_exit(0) };
    }
    Ok(())
}

fn clone3() -> Outcome {
    // `struct clone_args` with the flag of a new user namespace.
    let arguments: [u64; 11] = [libc::CLONE_NEWUSER as u64, 0, 0, 0, libc::SIGCHLD as u64, 0, 0, 0, 0, 0, 0];
    let result = call(libc::SYS_clone3, [arguments.as_ptr() as i64, 88, 0, 0, 0, 0])?;
    if result == 0 {
        // SAFETY: as above.
        unsafe { libc::_exit(0) };
    }
    Ok(())
}

fn read(path: impl AsRef<Path>) -> Outcome {
    use std::io::Read;
    let mut one = [0];
    std::fs::File::open(path).and_then(|mut file| file.read(&mut one)).map(drop).map_err(io_error)
}

fn write(path: impl AsRef<Path>) -> Outcome {
    std::fs::write(path, "out").map_err(io_error)
}

/// Leaves nothing behind where nobody refuses it.
fn write_and_remove(path: &str) -> Outcome {
    let done = write(path);
    let _ = std::fs::remove_file(path);
    done
}

fn through_link(context: &Context) -> Outcome {
    let link = context.folder.join(format!("data/link-{}", std::process::id()));
    std::os::unix::fs::symlink(context.folder.join("outside/secret"), &link).map_err(io_error)?;
    read(link)
}

fn hard_link(context: &Context) -> Outcome {
    let to = context.folder.join(format!("data/hard-{}", std::process::id()));
    std::fs::hard_link(context.folder.join("outside/secret"), to).map_err(io_error)
}

fn move_out(context: &Context) -> Outcome {
    let from = context.folder.join(format!("data/file-{}", std::process::id()));
    std::fs::write(&from, "x").map_err(io_error)?;
    std::fs::rename(&from, context.folder.join(format!("outside/moved-{}", std::process::id())))
        .map_err(io_error)
}

fn make_pipe(context: &Context) -> Outcome {
    let path = context.folder.join(format!("data/pipe-{}", std::process::id()));
    let path = CString::new(path.display().to_string()).map_err(|_| 0)?;
    let mode = i64::from(libc::S_IFIFO | 0o600);
    call(libc::SYS_mknodat, [libc::AT_FDCWD.into(), path.as_ptr() as i64, mode, 0, 0, 0]).map(drop)
}

fn handle(context: &Context) -> Outcome {
    let mut bytes = [0_u8; 128 + 8];
    bytes[0..4].copy_from_slice(&128_u32.to_ne_bytes());
    let path = CString::new(context.folder.join("outside/secret").display().to_string()).map_err(|_| 0)?;
    let mut mount = 0_i32;
    call(
        libc::SYS_name_to_handle_at,
        [libc::AT_FDCWD.into(), path.as_ptr() as i64, bytes.as_mut_ptr() as i64, &raw mut mount as i64, 0, 0],
    )?;
    let folder = std::fs::File::open(context.folder.join("data")).map_err(io_error)?;
    call(libc::SYS_open_by_handle_at, [folder.as_raw_fd().into(), bytes.as_ptr() as i64, 0, 0, 0, 0])
        .map(drop)
}

fn type_on_terminal() -> Outcome {
    let letter = b'x';
    match call(libc::SYS_ioctl, [0, libc::TIOCSTI as i64, &raw const letter as i64, 0, 0, 0]) {
        // Not a terminal: the kernel looked.
        Ok(_) | Err(libc::ENOTTY | libc::EIO) => Ok(()),
        Err(error) => Err(error),
    }
}

fn core_dump() -> Outcome {
    let limit = libc::rlimit { rlim_cur: 1 << 20, rlim_max: 1 << 20 };
    // SAFETY: the structure lives until the call returns.
    if unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const limit) } == 0 {
        Ok(())
    } else {
        Err(io_error(std::io::Error::last_os_error()))
    }
}

fn absent(result: Result<i64, i32>) -> Outcome {
    // Arguments that make no sense: an answer about them means that the call was let through.
    match result {
        Ok(_)
        | Err(libc::EINVAL | libc::EFAULT | libc::EBADF | libc::ESRCH | libc::ENOTDIR | libc::ENOENT) => {
            Ok(())
        }
        Err(error) => Err(error),
    }
}

const BLACK_HOLE: [u8; 4] = [192, 0, 2, 1];
const HERE: [u8; 4] = [127, 0, 0, 1];
/// Protocol number of multipath TCP.
const MPTCP: i32 = 262;

/// Ways over the network.
pub const NETWORK: &[Attempt] = &[
    ("TCP to the world", |_| connect(libc::SOCK_STREAM, 0, &v4(BLACK_HOLE, 443))),
    ("TCP to an undeclared port here", |c| connect(libc::SOCK_STREAM, 0, &v4(HERE, c.port))),
    ("TCP over IPv6", |c| connect(libc::SOCK_STREAM, 0, &v6(c.port))),
    ("TCP through an IPv4-mapped address", |c| {
        let mut address = v6(c.port);
        address[18..24].copy_from_slice(&[0xff, 0xff, 127, 0, 0, 1]);
        connect(libc::SOCK_STREAM, 0, &address)
    }),
    ("TCP fast open by sendto", |c| send_to(libc::SOCK_STREAM, 0, libc::MSG_FASTOPEN, &v4(HERE, c.port))),
    ("TCP fast open by sendmsg", |c| send_message(libc::MSG_FASTOPEN, &v4(HERE, c.port))),
    ("multipath TCP", |c| connect(libc::SOCK_STREAM, MPTCP, &v4(HERE, c.port))),
    ("SCTP", |c| connect(libc::SOCK_STREAM, libc::IPPROTO_SCTP, &v4(HERE, c.port))),
    ("UDP to a name server", |_| send_to(libc::SOCK_DGRAM, 0, 0, &v4(BLACK_HOLE, 53))),
    ("UDP here", |_| send_to(libc::SOCK_DGRAM, 0, 0, &v4(HERE, 53))),
    ("UDP connected", |_| connect(libc::SOCK_DGRAM, 0, &v4(BLACK_HOLE, 443))),
    ("UDP over IPv6", |_| send_to(libc::SOCK_DGRAM, 0, 0, &v6(53))),
    ("UDP-Lite", |_| send_to(libc::SOCK_DGRAM, libc::IPPROTO_UDPLITE, 0, &v4(HERE, 53))),
    ("UDP broadcast", |_| send_to(libc::SOCK_DGRAM, 0, 0, &v4([224, 0, 0, 251], 5353))),
    ("a name through the C library", |_| {
        use std::net::ToSocketAddrs;
        // Without a network the library may answer from its files; a name that is in none must go out.
        match ("out.example.", 80).to_socket_addrs() {
            Ok(_) => Ok(()),
            // "Temporary failure" comes both from a refusal and from a dead network; the capture tells them apart.
            Err(_) => open_family(libc::AF_INET, libc::SOCK_DGRAM, 0),
        }
    }),
    ("ping socket", |_| open_family(libc::AF_INET, libc::SOCK_DGRAM, libc::IPPROTO_ICMP)),
    ("raw ICMP", |_| send_to(libc::SOCK_RAW, libc::IPPROTO_ICMP, 0, &v4(BLACK_HOLE, 0))),
    ("raw IP", |_| open_family(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_RAW)),
    ("raw TCP", |_| open_family(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_TCP)),
    ("packet socket", |_| open_family(libc::AF_PACKET, libc::SOCK_RAW, 0x0300)),
    ("packet socket, cooked", |_| open_family(libc::AF_PACKET, libc::SOCK_DGRAM, 0x0300)),
    ("netlink to routes", |_| open_family(libc::AF_NETLINK, libc::SOCK_RAW, 0)),
    ("netlink to the audit log", |_| open_family(libc::AF_NETLINK, libc::SOCK_RAW, 9)),
    ("vsock to the host", |_| open_family(libc::AF_VSOCK, libc::SOCK_STREAM, 0)),
    ("XDP socket", |_| open_family(libc::AF_XDP, libc::SOCK_RAW, 0)),
    ("kernel cryptography socket", |_| open_family(libc::AF_ALG, libc::SOCK_SEQPACKET, 0)),
    ("Bluetooth", |_| open_family(libc::AF_BLUETOOTH, libc::SOCK_RAW, 1)),
    ("CAN bus", |_| open_family(libc::AF_CAN, libc::SOCK_RAW, 1)),
    ("key management socket", |_| open_family(libc::AF_KEY, libc::SOCK_RAW, 2)),
    ("TIPC", |_| open_family(libc::AF_TIPC, libc::SOCK_DGRAM, 0)),
    ("Unix socket by path", |c| {
        let mut name = c.folder.join("outside/socket").display().to_string().into_bytes();
        name.push(0);
        connect(libc::SOCK_STREAM, 0, &unix(&name))
    }),
    ("Unix socket by abstract name", |c| {
        connect(libc::SOCK_STREAM, 0, &unix(format!("\0intramuros-{}", c.parent).as_bytes()))
    }),
    ("Unix datagram to the system log", |_| send_to(libc::AF_UNIX, 0, 0, &unix(b"/dev/log\0"))),
    ("a pair of network sockets", |_| {
        let mut pair = [0_i32; 2];
        let arguments = [libc::AF_TIPC.into(), libc::SOCK_STREAM.into(), 0, pair.as_mut_ptr() as i64, 0, 0];
        call(libc::SYS_socketpair, arguments).map(drop)
    }),
    ("listening on another port", |_| bind(libc::SOCK_STREAM, &v4(HERE, 0), true)),
    ("receiving UDP", |_| bind(libc::SOCK_DGRAM, &v4([0; 4], 0), false)),
    ("io_uring", |_| {
        let parameters = [0_u8; 120];
        call(libc::SYS_io_uring_setup, [4, parameters.as_ptr() as i64, 0, 0, 0, 0]).map(drop)
    }),
    #[cfg(target_arch = "x86_64")]
    ("a socket by the x32 numbers", |_| {
        absent(call(
            libc::SYS_socket | 0x4000_0000,
            [libc::AF_INET.into(), libc::SOCK_STREAM.into(), 0, 0, 0, 0],
        ))
    }),
    ("a socket type with high bits set", |_| {
        let kind = i64::from(libc::SOCK_DGRAM) | 1 << 40;
        call(libc::SYS_socket, [libc::AF_INET.into(), kind, 0, 0, 0, 0]).map(drop)
    }),
];

/// Ways through other programs, other processes and the kernel.
pub const PROCESSES: &[Attempt] = &[
    ("a shell", |_| run("/bin/sh", &["-c", "exit 0"])),
    ("a shell's own network", |c| {
        run("/bin/bash", &["-c", &format!("exec 3<>/dev/tcp/127.0.0.1/{}", c.port)])
    }),
    ("a program through the loader", |_| run(loader(), &["/bin/true"])),
    ("a program in memory", |_| run_from_memory()),
    ("a program written to the data folder", run_from_data),
    ("tracing the parent", |c| {
        call(libc::SYS_ptrace, [0x4206, c.parent.into(), 0, 0, 0, 0])?;
        call(libc::SYS_ptrace, [i64::from(libc::PTRACE_DETACH), c.parent.into(), 0, 0, 0, 0])
            .map(drop)
            .or(Ok(()))
    }),
    ("the parent's memory", |c| read_memory(c.parent)),
    ("the parent's memory as a file", |c| read(format!("/proc/{}/environ", c.parent))),
    ("a descriptor of the parent", |c| steal_descriptor(c.parent)),
    ("a signal to the parent", |c| signal(c.parent)),
    ("a user namespace", |_| namespace(libc::CLONE_NEWUSER)),
    ("a network namespace", |_| namespace(libc::CLONE_NEWNET)),
    ("a child in a user namespace", |_| clone_into(libc::CLONE_NEWUSER)),
    ("a child in a user namespace by clone3", |_| clone3()),
    ("the parent's namespaces", |c| {
        let fd = call(libc::SYS_pidfd_open, [c.parent.into(), 0, 0, 0, 0, 0])?;
        call(libc::SYS_setns, [fd, libc::CLONE_NEWNET.into(), 0, 0, 0, 0]).map(drop)
    }),
    ("a mount", |_| {
        let kind = CString::new("tmpfs").map_err(|_| 0)?;
        let at = CString::new("/nonexistent").map_err(|_| 0)?;
        absent(call(
            libc::SYS_mount,
            [kind.as_ptr() as i64, at.as_ptr() as i64, kind.as_ptr() as i64, 0, 0, 0],
        ))
    }),
    ("another root", |_| {
        let at = CString::new("/").map_err(|_| 0)?;
        call1(libc::SYS_chroot, at.as_ptr() as i64)
    }),
    ("a BPF program", |_| absent(call(libc::SYS_bpf, [0, 0, 0, 0, 0, 0]))),
    ("performance counters", |_| absent(call(libc::SYS_perf_event_open, [0, 0, -1, -1, 0, 0]))),
    ("page faults in user space", |_| call(libc::SYS_userfaultfd, [0x0008_0000, 0, 0, 0, 0, 0]).map(drop)),
    ("the kernel's key ring", |_| absent(call(libc::SYS_keyctl, [0, -1, 0, 0, 0, 0]))),
    ("a kernel module", |_| absent(call(libc::SYS_finit_module, [-1, 0, 0, 0, 0, 0]))),
    ("another kernel", |_| absent(call(libc::SYS_kexec_load, [0, 1 << 20, 0, 0, 0, 0]))),
    ("the machine's clock", |_| absent(call(libc::SYS_clock_settime, [99, 0, 0, 0, 0, 0]))),
    ("the machine's name", |_| absent(call(libc::SYS_sethostname, [0, 1, 0, 0, 0, 0]))),
    ("another user", |_| call1(libc::SYS_setuid, 65_534)),
    ("typing on the terminal", |_| type_on_terminal()),
    ("core dumps", |_| core_dump()),
    ("being readable by others again", |_| call(libc::SYS_prctl, [4, 1, 0, 0, 0, 0]).map(drop)),
];

/// Ways through files.
pub const FILES: &[Attempt] = &[
    ("reading a file elsewhere", |c| read(c.folder.join("outside/secret"))),
    ("reading passwords", |_| read("/etc/shadow")),
    ("writing a file elsewhere", |c| write(c.folder.join("outside/new"))),
    ("writing to /tmp", |_| write_and_remove(&format!("/tmp/intramuros-escape-{}", std::process::id()))),
    ("writing to a source", |c| write(c.folder.join("source/file"))),
    ("cutting a source's file", |c| {
        let path = CString::new(c.folder.join("source/file").display().to_string()).map_err(|_| 0)?;
        call(libc::SYS_truncate, [path.as_ptr() as i64, 1, 0, 0, 0, 0]).map(drop)
    }),
    ("removing a source's file", |c| std::fs::remove_file(c.folder.join("source/victim")).map_err(io_error)),
    ("a symbolic link out of the data folder", through_link),
    ("a hard link into the data folder", hard_link),
    ("moving a file out", move_out),
    ("a named pipe in the data folder", make_pipe),
    ("a file by its handle", handle),
    ("a path through the parent's root", |c| read(format!("/proc/{}/root/etc/shadow", c.parent))),
    ("a path with dots", |c| read(c.folder.join("data/../outside/secret"))),
];

fn loader() -> &'static str {
    if cfg!(target_arch = "x86_64") { "/lib64/ld-linux-x86-64.so.2" } else { "/lib/ld-linux-aarch64.so.1" }
}

/// The plan that a mode stands for; none for no seal.
fn plan(mode: &str, folder: &Path, port: u16) -> Option<Plan> {
    let places = Places {
        data: folder.join("data"),
        program: std::env::current_exe().unwrap_or_default(),
        ..Places::default()
    };
    let source = format!("[[source]]\nname = 's'\npath = '{}'\n", folder.join("source").display());
    let text = match mode {
        "none" | "watched" => source,
        "rule" | "watched-rule" => {
            format!(
                "{source}[[egress]]\nhost = '127.0.0.1'\nport = {port}\npurpose = 'answers'\ntls = false\n"
            )
        }
        "worker" => return Some(Plan::worker()),
        _ => return None,
    };
    Perimeter::parse(&text, "f").ok().map(|perimeter| Plan::of(&perimeter, &places))
}

/// Every way with its number.
pub fn all() -> Vec<Attempt> {
    [NETWORK, PROCESSES, FILES].concat()
}

fn context(arguments: &[String]) -> (String, Context, u16) {
    let number = |at: usize| arguments[at].parse::<i32>().unwrap_or(0);
    let context = Context { folder: PathBuf::from(&arguments[1]), port: number(2) as u16, parent: number(4) };
    (arguments[0].clone(), context, number(3) as u16)
}

/// A child: seals itself as told and tries one way. `MODE FOLDER PORT DECLARED PARENT NUMBER`.
pub fn child(arguments: &[String]) {
    let (mode, context, declared) = context(arguments);
    let number: usize = arguments[5].parse().unwrap_or(0);
    let mut watched = None;
    if let Some(plan) = plan(&mode, &context.folder, declared) {
        match seal(&mode, &plan) {
            Ok((sealed, watches)) => {
                eprintln!("sealed in {:?}", sealed.took);
                watched = watches;
            }
            Err(error) => {
                println!("seal: {error}");
                return;
            }
        }
    }
    let (_, attempt) = all()[number];
    match attempt(&context) {
        Ok(()) => println!("out"),
        Err(error) => println!("errno {error}"),
    }
    if let Some(watched) = watched {
        let _ = watched.flush.ask();
        let told = watched.refusals.take_while(|told| *told != Told::Flushed);
        for told in told {
            println!("{told:?}");
        }
    }
}

fn seal(mode: &str, plan: &Plan) -> Result<(Sealed, Option<Watched>), SealError> {
    if !mode.starts_with("watched") {
        return apply(plan, true).map(|sealed| (sealed, None));
    }
    let mut command = std::process::Command::new(std::env::current_exe().unwrap_or_default());
    let watcher = Watcher::start(command.arg("watch"));
    let kernel = |error: std::io::Error| SealError::Kernel { step: "watcher", why: error.to_string() };
    apply_watched(plan, true, watcher.map_err(kernel)?, &[])
}

/// A child that measures what opening a file and connecting cost. As [`tour`].
pub fn cost(arguments: &[String]) {
    const TIMES: u32 = 2_000;
    let (mode, context, declared) = context(arguments);
    let watched = plan(&mode, &context.folder, declared).map(|plan| seal(&mode, &plan));
    let measure = |what: &dyn Fn()| {
        let started = std::time::Instant::now();
        (0..TIMES).for_each(|_| what());
        started.elapsed() / TIMES
    };
    let opened = measure(&|| drop(std::fs::File::open(context.folder.join("source/file"))));
    let connected = measure(&|| drop(std::net::TcpStream::connect(("127.0.0.1", declared))));
    let refused = measure(&|| drop(std::net::UdpSocket::bind("127.0.0.1:0")));
    println!(
        "a file is opened in {opened:?}, a connection made in {connected:?}, a socket refused in {refused:?}"
    );
    drop(watched);
}

/// A child that seals itself and checks that what it needs still works. `MODE FOLDER PORT DECLARED PARENT`.
pub fn tour(arguments: &[String]) {
    let (mode, context, declared) = context(arguments);
    let listener = std::net::TcpListener::bind("127.0.0.1:0");
    let Some(plan) = plan(&mode, &context.folder, declared) else { return };
    let (sealed, _watched) = match seal(&mode, &plan) {
        Ok(sealed) => sealed,
        Err(error) => {
            println!("seal: {error}");
            return;
        }
    };
    let check = |what: &str, worked: bool| println!("{} {what}", if worked { "works" } else { "fails" });
    check("a thread", std::thread::spawn(|| vec![1_u8; 1 << 20].len()).join().is_ok());
    check("the clock", std::time::SystemTime::now().elapsed().is_ok());
    if mode != "worker" {
        check("reading a source", std::fs::read(context.folder.join("source/file")).is_ok());
        check("listing a source", std::fs::read_dir(context.folder.join("source")).is_ok());
        let data = context.folder.join("data/kept");
        check("writing data", std::fs::write(&data, "x").is_ok());
        check("moving data", std::fs::rename(&data, context.folder.join("data/moved")).is_ok());
        check("removing data", std::fs::remove_file(context.folder.join("data/moved")).is_ok());
        let own = std::env::current_exe().unwrap_or_default();
        let status =
            std::process::Command::new(own).arg("child").args(["worker", "/", "0", "0", "0", "0"]).output();
        check("starting its own worker", status.is_ok_and(|output| output.stdout.starts_with(b"errno 1")));
        // Somebody outside connects to the listener that was open before.
        if let Ok(listener) = listener {
            println!("listening {}", listener.local_addr().map_or(0, |address| address.port()));
            check("accepting a connection", listener.accept().is_ok());
        }
        if mode.ends_with("rule") {
            check("a declared connection", std::net::TcpStream::connect(("127.0.0.1", declared)).is_ok());
        }
    }
    println!("took {} µs", sealed.took.as_micros());
}
