//! Does a packet capture see anything leave?
//!
//! A network namespace with one cable to the outside: the attempts are made inside, with the seal (no packet may leave)
//! and without it (packets must be seen, or the capture proves nothing). Needs root, `ip` and `tcpdump`; skipped
//! with a line otherwise.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::attempts::NETWORK;
use crate::proof::Range;

fn ip(arguments: &str) -> bool {
    let status =
        Command::new("ip").args(arguments.split(' ')).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// The namespace; removed at the end, with its cable.
struct Namespace(String);

impl Namespace {
    fn new() -> Option<Namespace> {
        let name = format!("im{}", std::process::id());
        if !ip(&format!("netns add {name}")) {
            return None;
        }
        let namespace = Namespace(name.clone());
        // Only IPv4: the kernel itself announces IPv6 addresses, which would be counted.
        let quiet = Command::new("ip")
            .args(["netns", "exec", &name, "sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6"])
            .status();
        let cable = ip(&format!("link add {name}a type veth peer name {name}b"))
            && ip(&format!("link set {name}b netns {name}"))
            && ip(&format!("link set {name}a up"))
            && ip(&format!("netns exec {name} ip addr add 192.0.2.100/24 dev {name}b"))
            && ip(&format!("netns exec {name} ip link set {name}b up"))
            && ip(&format!("netns exec {name} ip link set lo up"))
            && ip(&format!("netns exec {name} ip route add default via 192.0.2.1"));
        (cable && quiet.is_ok()).then_some(namespace)
    }

    fn capture(&self) -> Option<(Child, std::path::PathBuf)> {
        let file = std::env::temp_dir().join(format!("{}.pcap", self.0));
        let child = Command::new("ip")
            .args([
                "netns",
                "exec",
                &self.0,
                "tcpdump",
                "-Q",
                "out",
                "-i",
                &format!("{}b", self.0),
                "-U",
                "-w",
            ])
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        std::thread::sleep(Duration::from_millis(700));
        Some((child, file))
    }

    /// Tries every way over the network inside, and counts what leaves.
    fn count(&self, range: &Range, mode: &str) -> Option<usize> {
        let (capture, file) = self.capture()?;
        for number in 0..NETWORK.len() {
            let _ = Command::new("ip")
                .args(["netns", "exec", &self.0])
                .arg(std::env::current_exe().ok()?)
                .arg("child")
                .args(range.arguments(mode))
                .arg(number.to_string())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
        }
        std::thread::sleep(Duration::from_millis(700));
        // The process that was started is `ip`, which has become tcpdump.
        let _ = Command::new("kill").args(["-INT", &capture.id().to_string()]).status();
        let mut capture = capture;
        let _ = capture.wait();
        let listed =
            Command::new("tcpdump").args(["-n", "-r"]).arg(&file).stderr(Stdio::null()).output().ok()?;
        let _ = std::fs::remove_file(file);
        Some(String::from_utf8_lossy(&listed.stdout).lines().count())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        ip(&format!("link del {}a", self.0));
        ip(&format!("netns del {}", self.0));
    }
}

pub fn run(range: &Range) -> Vec<String> {
    let tool = Command::new("tcpdump").arg("--version").output();
    let Some(namespace) = tool.ok().and_then(|_| Namespace::new()) else {
        println!("capture: skipped: needs root, `ip` (iproute2) and `tcpdump`");
        return Vec::new();
    };
    // Sealed first: what the others leave behind (questions for an address, repeated for seconds) is not its doing.
    let sealed = namespace.count(range, "none");
    let open = namespace.count(range, "open");
    println!("capture: {open:?} packets left without the seal, {sealed:?} with it");
    match (open, sealed) {
        (Some(1..), Some(0)) => Vec::new(),
        (Some(0) | None, _) | (_, None) => {
            vec!["capture: nothing was seen without the seal, so it proves nothing".to_owned()]
        }
        (_, Some(count)) => vec![format!("capture: {count} packets left a sealed process")],
    }
}
