//! The machine room: one network namespace for each party, a router between them, real connections.
use super::{PARTIES, PATIENCE, PROBES, address};
use intramuros_netpol::model::ports::Protocol;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

pub(super) fn open(probe: &str) -> bool {
    let to: SocketAddr = probe[1..].parse().unwrap();
    if probe.starts_with('T') {
        let Ok(mut stream) = TcpStream::connect_timeout(&to, PATIENCE) else { return false };
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        return stream.read(&mut [0; 1]).is_ok_and(|count| count == 1);
    }
    let socket = UdpSocket::bind(if to.is_ipv6() { "[::]:0" } else { "0.0.0.0:0" }).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.connect(to).is_ok() && socket.send(b"x").is_ok() && socket.recv(&mut [0; 8]).is_ok()
}

pub(super) struct Agent {
    pub(super) child: Child,
    pub(super) input: ChildStdin,
    pub(super) output: BufReader<ChildStdout>,
}

/// Which connections went through: `[from][to][probe]`.
pub(super) type Packets = Vec<Vec<Vec<bool>>>;

/// How often connections are tried before one that should be open counts as refused.
pub(super) const TRIES: usize = 5;

/// Adds what went through in a further try.
pub(super) fn join(packets: &mut Packets, further: Packets) {
    let further = further.into_iter().flatten().flatten();
    for (open, again) in packets.iter_mut().flatten().flatten().zip(further) {
        *open |= again;
    }
}

pub(super) struct Room {
    pub(super) prefix: String,
    pub(super) agents: Vec<Agent>,
}

pub(super) fn sh(command: &str) -> Result<(), String> {
    let done = Command::new("sh").args(["-c", command]).output().map_err(|error| error.to_string())?;
    match done.status.success() {
        true => Ok(()),
        false => Err(format!("{command}: {}", String::from_utf8_lossy(&done.stderr).trim())),
    }
}

impl Room {
    pub(super) fn open() -> Result<Self, String> {
        for tool in ["ip", "nft"] {
            sh(&format!("command -v {tool}"))?;
        }
        let prefix = format!("imr{}", std::process::id());
        let mut room = Self { prefix: prefix.clone(), agents: Vec::new() };
        sh(&format!(
            "ip netns add {prefix}r && ip netns exec {prefix}r sh -c 'ip link set lo up; echo 1 > /proc/sys/net/ipv4/ip_forward; echo 0 > /proc/sys/net/ipv4/icmp_ratelimit; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding; echo 0 > /proc/sys/net/ipv6/icmp/ratelimit; echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter; true'"
        ))?;
        for party in 0..PARTIES {
            let (address, address6) = (address(party, false), address(party, true));
            sh(&format!(
                "ip netns add {prefix}p{party} && ip -n {prefix}r link add v{party} type veth peer name eth0 netns {prefix}p{party} \
                 && ip -n {prefix}r addr add 169.254.1.1/32 dev v{party} && ip -n {prefix}r link set v{party} up && ip -n {prefix}r route add {address}/32 dev v{party} \
                 && ip -n {prefix}p{party} link set lo up && ip -n {prefix}p{party} addr add {address}/32 dev eth0 && ip -n {prefix}p{party} link set eth0 up \
                 && ip -n {prefix}p{party} route add 169.254.1.1/32 dev eth0 && ip -n {prefix}p{party} route add default via 169.254.1.1 dev eth0 \
                 && ip -n {prefix}r addr add fe80::1/64 dev v{party} nodad && ip -n {prefix}r -6 route add {address6}/128 dev v{party} \
                 && ip -n {prefix}p{party} addr add {address6}/128 dev eth0 nodad && ip -n {prefix}p{party} -6 route add default via fe80::1 dev eth0"
            ))?;
        }
        for party in 0..PARTIES {
            let mut child = Command::new("ip")
                .args(["netns", "exec", &format!("{prefix}p{party}")])
                .arg(std::env::current_exe().map_err(|error| error.to_string())?)
                .args(["--exact", "reality::agent", "--nocapture"])
                .env("INTRAMUROS_AGENT", "1")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .map_err(|error| error.to_string())?;
            let input = child.stdin.take().unwrap();
            let mut output = BufReader::new(child.stdout.take().unwrap());
            wait_for(&mut output, "ready")?;
            room.agents.push(Agent { child, input, output });
        }
        Ok(room)
    }

    pub(super) fn load(&self, ruleset: &str) {
        let mut child = Command::new("ip")
            .args(["netns", "exec", &format!("{}r", self.prefix), "nft", "-f", "-"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(ruleset.as_bytes()).unwrap();
        let done = child.wait_with_output().unwrap();
        assert!(done.status.success(), "{}\n{ruleset}", String::from_utf8_lossy(&done.stderr));
    }

    /// Opens every connection at once from all parties: `[from][to][probe]`.
    pub(super) fn probe(&mut self, v6: bool) -> Packets {
        for (from, agent) in self.agents.iter_mut().enumerate() {
            let mut line = String::new();
            for to in (0..PARTIES).filter(|&to| to != from) {
                for (protocol, port) in PROBES {
                    let kind = if protocol == Protocol::Tcp { 'T' } else { 'U' };
                    let to = SocketAddr::new(address(to, v6).parse().unwrap(), port);
                    line += &format!("{kind}{to} ");
                }
            }
            writeln!(agent.input, "{line}").unwrap();
        }
        let mut all = Vec::new();
        for (from, agent) in self.agents.iter_mut().enumerate() {
            let answers = wait_for(&mut agent.output, "answers ").unwrap();
            let mut answers = answers.bytes().map(|byte| byte == b'1');
            let mut row = Vec::new();
            for to in 0..PARTIES {
                row.push(PROBES.iter().map(|_| to == from || answers.next().unwrap()).collect());
            }
            all.push(row);
        }
        all
    }
}

pub(super) fn wait_for(output: &mut BufReader<ChildStdout>, prefix: &str) -> Result<String, String> {
    let mut line = String::new();
    loop {
        line.clear();
        if output.read_line(&mut line).map_err(|error| error.to_string())? == 0 {
            return Err("an agent stopped".to_owned());
        }
        if let Some(rest) = line.trim_end().strip_prefix(prefix) {
            return Ok(rest.to_owned());
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        for agent in &mut self.agents {
            let _ = agent.child.kill();
            let _ = agent.child.wait();
        }
        for party in 0..PARTIES {
            let _ = sh(&format!("ip netns del {}p{party}", self.prefix));
        }
        let _ = sh(&format!("ip netns del {}r", self.prefix));
    }
}
