//! What is a system call called, and what was it asked for?

use libc::*;

macro_rules! names {
    ($($number:ident),* $(,)?) => {
        &[$(($number, stringify!($number))),*]
    };
}

/// Those that somebody who wants out may try. Others are named by their number.
const NAMES: &[(c_long, &str)] = names![
    SYS_socket,
    SYS_connect,
    SYS_bind,
    SYS_listen,
    SYS_accept4,
    SYS_sendto,
    SYS_sendmsg,
    SYS_sendmmsg,
    SYS_recvfrom,
    SYS_socketpair,
    SYS_setsockopt,
    SYS_execve,
    SYS_execveat,
    SYS_clone,
    SYS_clone3,
    SYS_kill,
    SYS_tkill,
    SYS_tgkill,
    SYS_pidfd_send_signal,
    SYS_pidfd_getfd,
    SYS_pidfd_open,
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_process_madvise,
    SYS_kcmp,
    SYS_io_uring_setup,
    SYS_io_uring_enter,
    SYS_io_uring_register,
    SYS_io_setup,
    SYS_unshare,
    SYS_setns,
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_move_mount,
    SYS_open_tree,
    SYS_fsopen,
    SYS_fsmount,
    SYS_mount_setattr,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,
    SYS_memfd_create,
    SYS_userfaultfd,
    SYS_personality,
    SYS_prctl,
    SYS_ioctl,
    SYS_seccomp,
    SYS_prlimit64,
    SYS_reboot,
    SYS_kexec_load,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_swapon,
    SYS_acct,
    SYS_syslog,
    SYS_sethostname,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_adjtimex,
    SYS_setuid,
    SYS_setgid,
    SYS_setresuid,
    SYS_setresgid,
    SYS_setgroups,
    SYS_capset,
    SYS_openat,
    SYS_openat2,
    SYS_truncate,
    SYS_mkdirat,
    SYS_unlinkat,
    SYS_renameat2,
    SYS_linkat,
    SYS_symlinkat,
    SYS_mknodat,
    SYS_setxattr,
    SYS_lsetxattr,
    SYS_fsetxattr,
    SYS_open_by_handle_at,
    SYS_name_to_handle_at,
    SYS_fanotify_init,
    SYS_quotactl,
    SYS_vhangup,
    SYS_shmget,
    SYS_msgget,
    SYS_semget,
    SYS_mq_open,
    SYS_vmsplice,
    SYS_tee,
    SYS_lookup_dcookie,
    SYS_nfsservctl,
];

#[cfg(target_arch = "x86_64")]
const OLD_NAMES: &[(c_long, &str)] = names![
    SYS_open,
    SYS_creat,
    SYS_mkdir,
    SYS_rmdir,
    SYS_unlink,
    SYS_rename,
    SYS_renameat,
    SYS_setrlimit,
    SYS_link,
    SYS_symlink,
    SYS_mknod,
    SYS_fork,
    SYS_vfork,
    SYS_iopl,
    SYS_ioperm,
    SYS_modify_ldt,
];
#[cfg(not(target_arch = "x86_64"))]
const OLD_NAMES: &[(c_long, &str)] = &[];

/// Set in the numbers of the x32 calling convention.
const X32: c_long = 0x4000_0000;

/// The name of a call.
pub(crate) fn name(number: c_long) -> String {
    let known = |number| NAMES.iter().chain(OLD_NAMES).find(|(known, _)| *known == number);
    let named = |number| known(number).map(|(_, name)| name.trim_start_matches("SYS_").to_owned());
    if number & X32 != 0 && number > 0 {
        let inner = number & !X32;
        return format!("{} by an x32 number", named(inner).unwrap_or_else(|| format!("call {inner}")));
    }
    named(number).unwrap_or_else(|| format!("call {number}"))
}

/// A socket's family, type and protocol.
pub(crate) fn socket(arguments: &[u64; 6]) -> String {
    // As the kernel does: 32 bits of each.
    let [family, kind, protocol] = [0, 1, 2].map(|at| arguments[at] as u32 as i32);
    let family = match family {
        AF_UNIX => "Unix".to_owned(),
        AF_INET => "IPv4".to_owned(),
        AF_INET6 => "IPv6".to_owned(),
        AF_NETLINK => "netlink".to_owned(),
        AF_PACKET => "packet".to_owned(),
        AF_VSOCK => "vsock".to_owned(),
        AF_ALG => "cryptography".to_owned(),
        AF_BLUETOOTH => "Bluetooth".to_owned(),
        AF_XDP => "XDP".to_owned(),
        other => format!("family {other}"),
    };
    let kind = match kind & 0xf {
        SOCK_STREAM => "stream".to_owned(),
        SOCK_DGRAM => "datagram".to_owned(),
        SOCK_RAW => "raw".to_owned(),
        SOCK_SEQPACKET => "sequence".to_owned(),
        other => format!("type {other}"),
    };
    match protocol {
        0 => format!("{family} {kind}"),
        other => format!("{family} {kind}, protocol {other}"),
    }
}

/// Where a socket's address leads: the family with address and port, where it has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// An address with its port.
    Internet(std::net::SocketAddr),
    /// Another family.
    Other(u16),
}

/// Reads a `struct sockaddr`; none when it is too short to be one.
pub(crate) fn place(bytes: &[u8]) -> Option<Place> {
    let family = u16::from_ne_bytes([*bytes.first()?, *bytes.get(1)?]);
    let port = || Some(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]));
    match i32::from(family) {
        AF_INET => {
            let address: [u8; 4] = bytes.get(4..8)?.try_into().ok()?;
            Some(Place::Internet((address, port()?).into()))
        }
        AF_INET6 => {
            let address: [u8; 16] = bytes.get(8..24)?.try_into().ok()?;
            Some(Place::Internet((address, port()?).into()))
        }
        _ => Some(Place::Other(family)),
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Internet(address) => address.fmt(formatter),
            Place::Other(family) if i32::from(*family) == AF_UNIX => formatter.write_str("a Unix socket"),
            Place::Other(family) => write!(formatter, "family {family}"),
        }
    }
}
