//! What does a process need, so that everything else can be refused?

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use intramuros_core::perimeter::{AccessOrigin, Egress, Host, Perimeter};
use serde::Serialize;

/// Port of name servers, unless another is declared.
const DNS_PORT: u16 = 53;

/// Where systems keep the shared libraries that programs load at their start.
const LIBRARIES: [&str; 6] =
    ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache"];

/// What the runtime reads of the machine: time zone, its own process, the processors and its share of them, how memory is
/// promised (the C library, before it gives some back).
const RUNTIME: [&str; 9] = [
    "/etc/localtime",
    "/usr/share/zoneinfo",
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/sys/vm/overcommit_memory",
    "/sys/devices/system/cpu",
    "/sys/fs/cgroup",
    "/dev/urandom",
    "/dev/random",
];

/// What programs of the system read at their start.
const TOOL: [&str; 3] = ["/dev/urandom", "/sys/devices/system/cpu", "/proc/self"];

/// Where names of the file system's users and groups are kept.
const NAMES: [&str; 3] = ["/etc/passwd", "/etc/group", "/etc/nsswitch.conf"];

/// What sockets a process may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sockets {
    /// None at all.
    None,
    /// Those that are open already, and what is accepted from them. No new one can be made.
    Accept,
    /// TCP connections to the declared ports as well.
    Connect,
}

/// What a process needs. Everything else is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Files and folders it reads.
    pub read: Vec<PathBuf>,
    /// Folders it reads and writes.
    pub write: Vec<PathBuf>,
    /// Programs it starts. With none, nothing can be started.
    pub execute: Vec<PathBuf>,
    /// Its sockets.
    pub sockets: Sockets,
    /// Ports of TCP connections it makes.
    pub connect: BTreeSet<u16>,
}

/// Where things lie that the perimeter does not say.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// The data folder.
    pub data: PathBuf,
    /// This program's file, which the workers that read documents run again.
    pub program: PathBuf,
    /// Other programs that are run (`tesseract`), with the folders that they read.
    pub tools: Vec<(PathBuf, Vec<PathBuf>)>,
    /// Further files and folders to read.
    pub read: Vec<PathBuf>,
    /// Ports of the name servers that will be asked; 53 when none are given.
    pub dns_ports: BTreeSet<u16>,
}

impl Plan {
    /// What `serve` needs: sources to read, the data folder to write, the declared ports to connect to.
    pub fn of(perimeter: &Perimeter, places: &Places) -> Plan {
        // What comes from elsewhere lies in the data folder.
        let folders = perimeter.sources.iter().filter(|source| !source.is_remote());
        let mut read: Vec<PathBuf> = folders.map(|source| source.path.clone()).collect();
        read.extend(perimeter.models.iter().filter_map(|model| model.file.clone()));
        read.extend(perimeter.models.iter().filter_map(|model| model.key_file.clone()));
        // Rules are read again while the program runs, with what they name.
        let files =
            |rule: &Egress| [&rule.ca_file, &rule.certificate_file, &rule.key_file].map(Option::clone);
        read.extend(perimeter.egress.iter().flat_map(files).flatten());
        read.extend(perimeter.proxy.iter().filter_map(|proxy| proxy.credentials_file.clone()));
        read.extend(RUNTIME.iter().map(PathBuf::from));
        if perimeter.sources.iter().any(|source| source.access == AccessOrigin::FileSystem) {
            read.extend(NAMES.iter().map(PathBuf::from));
        }
        read.extend(places.read.iter().cloned());
        let mut execute = vec![places.program.clone()];
        for (program, folders) in &places.tools {
            execute.push(program.clone());
            read.extend(folders.iter().cloned());
        }
        read.extend(LIBRARIES.iter().map(PathBuf::from));
        let mut write = vec![places.data.clone(), PathBuf::from("/dev/null")];
        write.extend(perimeter.journal.folder.clone());
        let connect = ports(perimeter, &places.dns_ports);
        let sockets = if connect.is_empty() { Sockets::Accept } else { Sockets::Connect };
        Plan { read, write, execute, sockets, connect }
    }

    /// The same for a process that talks to nobody: no socket at all, not even an open one.
    pub fn without_network(self) -> Plan {
        Plan { sockets: Sockets::None, connect: BTreeSet::new(), ..self }
    }

    /// The same for a process that starts no program.
    pub fn without_programs(self) -> Plan {
        Plan { execute: Vec::new(), ..self }
    }

    /// What another program needs that reads what strangers made (`tesseract`): itself, its libraries and the folders
    /// it reads; its input and output are open already. No other file, no socket, nothing written.
    pub fn tool(program: &Path, folders: &[PathBuf]) -> Plan {
        let mut read: Vec<PathBuf> = LIBRARIES.iter().chain(&TOOL).map(PathBuf::from).collect();
        read.extend(folders.iter().cloned());
        Plan {
            read,
            write: vec![PathBuf::from("/dev/null")],
            execute: vec![program.to_owned()],
            sockets: Sockets::None,
            connect: BTreeSet::new(),
        }
    }

    /// What a worker that reads one document needs: what it was handed at its start (its input and output), memory and
    /// time. No file, no socket, no program.
    pub fn worker() -> Plan {
        Plan {
            read: Vec::new(),
            write: Vec::new(),
            execute: Vec::new(),
            sockets: Sockets::None,
            connect: BTreeSet::new(),
        }
    }
}

/// The ports that the declared ways out need: their own, the proxy's instead where there is one, and those of name
/// servers where a name must be translated.
fn ports(perimeter: &Perimeter, dns_ports: &BTreeSet<u16>) -> BTreeSet<u16> {
    let mut ports = BTreeSet::new();
    let mut translate = false;
    for rule in &perimeter.egress {
        match &perimeter.proxy {
            Some(proxy) if !rule.host.is_loopback() => {
                ports.insert(proxy.port);
                translate |= matches!(proxy.host, Host::Name(_)) && !proxy.host.is_loopback();
            }
            _ => {
                ports.insert(rule.port);
                let name = matches!(rule.host, Host::Name(_)) && !rule.host.is_loopback();
                translate |= name && rule.addresses.is_empty();
            }
        }
    }
    if translate {
        let declared =
            perimeter.dns.servers.iter().map(|server| {
                server.parse::<std::net::SocketAddr>().map_or(DNS_PORT, |address| address.port())
            });
        let before = ports.len();
        ports.extend(declared);
        ports.extend(dns_ports);
        if ports.len() == before && perimeter.dns.servers.is_empty() && dns_ports.is_empty() {
            ports.insert(DNS_PORT);
        }
    }
    ports
}

/// One thing that is enforced, and by what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Measure {
    /// What can't happen.
    pub what: String,
    /// Landlock, seccomp, or the kernel's process settings.
    pub by: &'static str,
}

impl Plan {
    /// What is refused, and by what, on a kernel that enforces all of it.
    pub fn measures(&self) -> Vec<Measure> {
        let list = |paths: &[PathBuf]| {
            let shown: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
            if shown.is_empty() { "nothing".to_owned() } else { shown.join(", ") }
        };
        let ports: Vec<String> = self.connect.iter().map(u16::to_string).collect();
        let sockets = match self.sockets {
            Sockets::None => "no socket of any kind".to_owned(),
            Sockets::Accept => {
                "no new socket of any kind; only connections accepted on the open listeners".to_owned()
            }
            Sockets::Connect => format!("no socket but TCP; connections to ports {} only", ports.join(", ")),
        };
        let measure = |what: String, by| Measure { what, by };
        let mut measures = vec![
            measure(format!("files read: {}, {}", list(&self.read), list(&self.write)), "Landlock"),
            measure(format!("files written: {}", list(&self.write)), "Landlock"),
            measure(format!("programs started: {}", list(&self.execute)), "Landlock and seccomp"),
            measure(sockets, "seccomp"),
            measure("no UDP, raw, packet, netlink, vsock or Unix socket; no io_uring".to_owned(), "seccomp"),
            measure("no listening on another port".to_owned(), "Landlock and seccomp"),
            measure(
                "no tracing, no memory of other processes, no namespaces, no mounts, no BPF".to_owned(),
                "seccomp",
            ),
            measure("no signal to processes outside; no abstract Unix socket".to_owned(), "Landlock"),
            measure("no new privileges, no capabilities, no core dumps".to_owned(), "process settings"),
        ];
        if self.sockets == Sockets::Connect {
            let what = format!("TCP connections to ports other than {}", ports.join(", "));
            measures.push(measure(format!("no {what}"), "Landlock"));
        }
        measures
    }
}

/// What a kernel does not enforce: `abi` is its Landlock version (0 for none), `seccomp` whether it has filters,
/// `other_threads` how many threads were running besides the one that sealed itself.
pub fn missing(abi: u32, seccomp: bool, other_threads: usize) -> Vec<String> {
    let steps = [
        (1, "5.13", "which files are read and written"),
        (2, "5.19", "moving files between folders"),
        (3, "6.2", "cutting files to a length"),
        (4, "6.7", "which TCP ports are connected to and listened on"),
        (5, "6.10", "commands to devices"),
        (6, "6.12", "signals and abstract Unix sockets to processes outside"),
    ];
    let mut missing: Vec<String> = steps
        .into_iter()
        .filter(|(needed, ..)| abi < *needed)
        .map(|(needed, linux, what)| {
            format!("{what} (Landlock {needed}, Linux {linux}; this kernel has {abi})")
        })
        .collect();
    if !seccomp {
        missing.push("sockets other than TCP and dangerous system calls (seccomp filters)".to_owned());
    }
    // From version 8 on, Landlock binds all threads at once.
    if other_threads > 0 && abi < 8 {
        missing.push(format!("files and ports for {other_threads} threads that ran before the seal"));
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str) -> Plan {
        let perimeter = Perimeter::parse(text, "f").unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
        let places = Places { data: "/var/lib/x".into(), program: "/usr/bin/x".into(), ..Places::default() };
        Plan::of(&perimeter, &places)
    }

    #[test]
    fn a_plan_holds_what_is_declared_and_no_more() {
        let nothing = plan("");
        assert_eq!((nothing.sockets, nothing.connect.len()), (Sockets::Accept, 0));
        assert_eq!(nothing.write, [PathBuf::from("/var/lib/x"), PathBuf::from("/dev/null")]);
        assert!(
            !nothing.read.iter().any(|path| path.starts_with("/etc/passwd") || path.starts_with("/home"))
        );
        let check = |text: &str, expected: &[u16]| {
            let plan = plan(text);
            assert_eq!(plan.connect.iter().copied().collect::<Vec<_>>(), expected, "{text}");
            assert_eq!(plan.sockets, Sockets::Connect);
        };
        let far = "[[egress]]\nhost='a.example'\nport=443\npurpose='answers'\noperator='o'\njurisdiction='FR'\ndata='d'\n";
        let here = "[[egress]]\nhost='127.0.0.1'\nport=11434\npurpose='embedding'\ntls=false\n";
        check(far, &[53, 443]);
        check(here, &[11434]);
        check(&format!("{far}addresses=['192.0.2.1']\n"), &[443]);
        check(&format!("[dns]\nservers=['192.0.2.1:5353']\n{far}"), &[443, 5353]);
        check(&format!("[proxy]\nhost='10.0.0.1'\nport=3128\n{far}{here}"), &[3128, 11434]);
        let with_source = plan("[[source]]\nname='s'\npath='/srv/docs'\naccess='file-system'");
        assert!(
            with_source.read.contains(&"/srv/docs".into())
                && with_source.read.contains(&"/etc/passwd".into())
        );
    }

    #[test]
    fn a_kernel_that_lacks_something_is_told_apart() {
        assert_eq!(missing(7, true, 0), [] as [&str; 0]);
        assert_eq!(missing(8, true, 3), [] as [&str; 0]);
        assert_eq!(missing(7, true, 3).len(), 1);
        assert_eq!(missing(3, true, 0).len(), 3);
        assert!(missing(3, true, 0)[0].contains("TCP ports"));
        assert_eq!(missing(0, false, 1).len(), 8);
    }
}
