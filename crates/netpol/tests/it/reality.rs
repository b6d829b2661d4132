//! Verdicts against packets: every pod is a network namespace, the policies are compiled to nftables by code of this
//! file alone (labels, blocks, tiers, ports), and real TCP and UDP connections are opened between all of them.
//! `INTRAMUROS_REALITY=500` runs that many generated clusters; 12 by default. Needs root, iproute2 and nftables.
use intramuros_netpol::engine::{Engine, Settings};
use intramuros_netpol::manifest::{Input, read};
use intramuros_netpol::model::ports::Protocol;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

const PODS: usize = 6;
/// The pods, one host-network pod, one machine outside.
const PARTIES: usize = PODS + 2;
const HOST: usize = PODS;
const OUTSIDE: usize = PODS + 1;
const PROBES: [(Protocol, u16); 5] = [
    (Protocol::Tcp, 80),
    (Protocol::Tcp, 81),
    (Protocol::Tcp, 8005),
    (Protocol::Udp, 80),
    (Protocol::Udp, 5000),
];
const PATIENCE: Duration = Duration::from_millis(400);

fn address(party: usize) -> String {
    match party {
        HOST => "10.200.9.1".to_owned(),
        OUTSIDE => "203.0.113.5".to_owned(),
        pod => format!("10.200.0.{}", pod + 1),
    }
}

// ---- a generated cluster -------------------------------------------------------------------------------------

/// Small, seeded, the same on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % sides
    }
    fn pick<'t>(&mut self, list: &[&'t str]) -> &'t str {
        list[self.roll(list.len())]
    }
    fn one_in(&mut self, n: usize) -> bool {
        self.roll(n) == 0
    }
}

type Labels = Vec<(String, String)>;

#[derive(Clone, Debug)]
enum Condition {
    Is(String, String),
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Missing(String),
}

#[derive(Clone, Debug)]
enum Peer {
    Pods(Vec<Condition>),
    Namespaces(Vec<Condition>),
    Both(Vec<Condition>, Vec<Condition>),
    Block(&'static str, Vec<&'static str>),
}

#[derive(Clone, Debug)]
enum Port {
    Number(Protocol, u16),
    Range(Protocol, u16, u16),
    Whole(Protocol),
    Named(Protocol, &'static str),
}

#[derive(Clone, Debug)]
struct Rule {
    peers: Vec<Peer>,
    ports: Vec<Port>,
    action: &'static str,
}

#[derive(Clone, Debug)]
struct Policy {
    /// `None` for cluster-wide ones; then the namespace selector of the subject stands in `namespaces`.
    namespace: Option<usize>,
    namespaces: Vec<Condition>,
    /// Admin priority; `None` in the baseline.
    priority: Option<usize>,
    subject: Vec<Condition>,
    types: Vec<&'static str>,
    ingress: Vec<Rule>,
    egress: Vec<Rule>,
}

#[derive(Debug)]
struct Cluster {
    namespaces: Vec<Labels>,
    pods: Vec<(usize, Labels, u16, u16)>,
    policies: Vec<Policy>,
}

fn conditions(dice: &mut Dice, keys: &[(&str, &[&str])]) -> Vec<Condition> {
    let mut list = Vec::new();
    for _ in 0..[0, 1, 1, 2][dice.roll(4)] {
        let (key, values) = keys[dice.roll(keys.len())];
        let key = key.to_owned();
        let some =
            |dice: &mut Dice| (0..=dice.roll(2)).map(|_| dice.pick(values).to_owned()).collect::<Vec<_>>();
        list.push(match dice.roll(6) {
            0 | 1 => Condition::Is(key, dice.pick(values).to_owned()),
            2 => Condition::In(key, some(dice)),
            3 => Condition::NotIn(key, some(dice)),
            4 => Condition::Exists(key),
            _ => Condition::Missing(key),
        });
    }
    // matchLabels holds a key only once.
    let mut seen = Vec::new();
    list.retain(|condition| !matches!(condition, Condition::Is(key, _) if seen.contains(key) || { seen.push(key.clone()); false }));
    list
}

const POD_KEYS: [(&str, &[&str]); 2] = [("app", &["x", "y", "z"]), ("role", &["p", "q"])];
const SPACE_KEYS: [(&str, &[&str]); 2] =
    [("env", &["a", "b"]), ("kubernetes.io/metadata.name", &["n0", "n1", "n2"])];

fn peer(dice: &mut Dice, admin: bool, egress: bool) -> Peer {
    let pods = |dice: &mut Dice| conditions(dice, &POD_KEYS);
    let spaces = |dice: &mut Dice| conditions(dice, &SPACE_KEYS);
    const BLOCKS: [(&str, &[&str]); 8] = [
        ("10.200.0.0/16", &[]),
        ("10.200.0.0/29", &["10.200.0.2/32"]),
        ("10.200.0.4/30", &[]),
        ("203.0.113.0/24", &[]),
        ("203.0.113.0/24", &["203.0.113.4/31"]),
        ("0.0.0.0/0", &["10.200.0.0/30", "10.200.9.0/24"]),
        ("10.200.9.1/32", &[]),
        ("0.0.0.0/0", &[]),
    ];
    match (dice.roll(4), admin) {
        (0, false) => Peer::Pods(pods(dice)),
        (0 | 1, _) => Peer::Namespaces(spaces(dice)),
        (3, false) => {
            let (block, except) = BLOCKS[dice.roll(BLOCKS.len())];
            Peer::Block(block, except.to_vec())
        }
        (3, true) if egress => Peer::Block(BLOCKS[[0, 2, 3, 6, 7][dice.roll(5)]].0, Vec::new()),
        _ => Peer::Both(spaces(dice), pods(dice)),
    }
}

fn rule(dice: &mut Dice, admin: bool, egress: bool) -> Rule {
    let peers: Vec<Peer> =
        (0..dice.roll(3) + usize::from(admin)).map(|_| peer(dice, admin, egress)).collect();
    let block = peers.iter().any(|peer| matches!(peer, Peer::Block(..)));
    let ports = (0..dice.roll(3))
        .map(|_| {
            let protocol = if dice.one_in(3) { Protocol::Udp } else { Protocol::Tcp };
            match dice.roll(5) {
                0 if !admin => Port::Whole(protocol),
                1 if !(admin && block) => {
                    if dice.one_in(2) {
                        Port::Named(Protocol::Tcp, "web")
                    } else {
                        Port::Named(Protocol::Udp, "dns")
                    }
                }
                2 => Port::Range(protocol, 80, 90),
                3 => Port::Range(protocol, 81, 8005),
                _ => Port::Number(protocol, [80, 81, 5000, 8005][dice.roll(4)]),
            }
        })
        .collect();
    Rule { peers, ports, action: dice.pick(&["Allow", "Deny", "Pass"]) }
}

fn cluster(dice: &mut Dice) -> Cluster {
    let namespaces = (0..3)
        .map(|at| {
            let mut labels = vec![("kubernetes.io/metadata.name".to_owned(), format!("n{at}"))];
            if !dice.one_in(4) {
                labels.push(("env".to_owned(), dice.pick(&["a", "b"]).to_owned()));
            }
            labels
        })
        .collect();
    let pods = (0..PODS)
        .map(|_| {
            let mut labels = vec![("app".to_owned(), dice.pick(&["x", "y", "z"]).to_owned())];
            if dice.one_in(2) {
                labels.push(("role".to_owned(), dice.pick(&["p", "q"]).to_owned()));
            }
            (dice.roll(3), labels, [80, 81, 8005][dice.roll(3)], [80, 5000][dice.roll(2)])
        })
        .collect();
    let mut policies = Vec::new();
    for _ in 0..1 + dice.roll(5) {
        policies.push(policy(dice, false, None));
    }
    for priority in 0..dice.roll(3) {
        policies.push(policy(dice, true, Some(priority)));
    }
    if dice.one_in(3) {
        policies.push(policy(dice, true, None));
    }
    Cluster { namespaces, pods, policies }
}

fn policy(dice: &mut Dice, admin: bool, priority: Option<usize>) -> Policy {
    let rules = |dice: &mut Dice, egress: bool| -> Vec<Rule> {
        let baseline = admin && priority.is_none();
        (0..dice.roll(3))
            .map(|_| {
                let mut rule = rule(dice, admin, egress);
                if baseline && rule.action == "Pass" {
                    rule.action = "Deny";
                }
                rule
            })
            .collect()
    };
    Policy {
        namespace: (!admin).then(|| dice.roll(3)),
        namespaces: conditions(dice, &SPACE_KEYS),
        priority,
        subject: conditions(dice, &POD_KEYS),
        types: [vec!["Ingress"], vec!["Egress"], vec!["Ingress", "Egress"], vec![]][dice.roll(4)].clone(),
        ingress: rules(dice, false),
        egress: rules(dice, true),
    }
}

// ---- the cluster as manifests --------------------------------------------------------------------------------

fn selector(conditions: &[Condition]) -> String {
    let (mut labels, mut expressions) = (Vec::new(), Vec::new());
    for condition in conditions {
        match condition {
            Condition::Is(key, value) => labels.push(format!("{key}: {value}")),
            Condition::In(key, values) => {
                expressions.push(format!("{{key: {key}, operator: In, values: [{}]}}", values.join(", ")))
            }
            Condition::NotIn(key, values) => {
                expressions.push(format!("{{key: {key}, operator: NotIn, values: [{}]}}", values.join(", ")))
            }
            Condition::Exists(key) => expressions.push(format!("{{key: {key}, operator: Exists}}")),
            Condition::Missing(key) => expressions.push(format!("{{key: {key}, operator: DoesNotExist}}")),
        }
    }
    format!("{{matchLabels: {{{}}}, matchExpressions: [{}]}}", labels.join(", "), expressions.join(", "))
}

fn peer_text(peer: &Peer, admin: bool) -> String {
    match peer {
        Peer::Pods(pods) => format!("{{podSelector: {}}}", selector(pods)),
        Peer::Namespaces(spaces) if admin => format!("{{namespaces: {}}}", selector(spaces)),
        Peer::Namespaces(spaces) => format!("{{namespaceSelector: {}}}", selector(spaces)),
        Peer::Both(spaces, pods) => {
            let both = format!("namespaceSelector: {}, podSelector: {}", selector(spaces), selector(pods));
            if admin { format!("{{pods: {{{both}}}}}") } else { format!("{{{both}}}") }
        }
        Peer::Block(block, _) if admin => format!("{{networks: [{block}]}}"),
        Peer::Block(block, except) => {
            format!("{{ipBlock: {{cidr: {block}, except: [{}]}}}}", except.join(", "))
        }
    }
}

fn port_text(port: &Port, admin: bool) -> String {
    match (port, admin) {
        (Port::Number(protocol, port), false) => format!("{{protocol: {}, port: {port}}}", protocol.name()),
        (Port::Number(protocol, port), true) => {
            format!("{{portNumber: {{protocol: {}, port: {port}}}}}", protocol.name())
        }
        (Port::Range(protocol, low, high), false) => {
            format!("{{protocol: {}, port: {low}, endPort: {high}}}", protocol.name())
        }
        (Port::Range(protocol, low, high), true) => {
            format!("{{portRange: {{protocol: {}, start: {low}, end: {high}}}}}", protocol.name())
        }
        (Port::Whole(protocol), _) => format!("{{protocol: {}}}", protocol.name()),
        (Port::Named(protocol, name), false) => format!("{{protocol: {}, port: {name}}}", protocol.name()),
        (Port::Named(_, name), true) => format!("{{namedPort: {name}}}"),
    }
}

fn rules_text(rules: &[Rule], way: &str, admin: bool) -> String {
    let texts: Vec<String> = rules
        .iter()
        .map(|rule| {
            let peers: Vec<String> = rule.peers.iter().map(|peer| peer_text(peer, admin)).collect();
            let ports: Vec<String> = rule.ports.iter().map(|port| port_text(port, admin)).collect();
            let action = if admin { format!("action: {}, ", rule.action) } else { String::new() };
            format!("{{{action}{way}: [{}], ports: [{}]}}", peers.join(", "), ports.join(", "))
        })
        .collect();
    texts.join(", ")
}

fn manifests(cluster: &Cluster) -> String {
    let mut text = String::new();
    for (at, labels) in cluster.namespaces.iter().enumerate() {
        let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}: {value}")).collect();
        text += &format!(
            "---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: n{at}, labels: {{{}}}}}\n",
            labels.join(", ")
        );
    }
    for (at, (namespace, labels, web, dns)) in cluster.pods.iter().enumerate() {
        let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}: {value}")).collect();
        text += &format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: p{at}, namespace: n{namespace}, labels: {{{}}}}}\nstatus: {{podIP: {}}}\nspec: {{containers: [{{name: c, ports: [{{name: web, containerPort: {web}}}, {{name: dns, containerPort: {dns}, protocol: UDP}}]}}]}}\n",
            labels.join(", "),
            address(at)
        );
    }
    text += &format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: host, namespace: n0, labels: {{app: x}}}}\nstatus: {{podIP: {}}}\nspec: {{hostNetwork: true, containers: []}}\n",
        address(HOST)
    );
    for (at, policy) in cluster.policies.iter().enumerate() {
        let admin = policy.namespace.is_none();
        let (ingress, egress) =
            (rules_text(&policy.ingress, "from", admin), rules_text(&policy.egress, "to", admin));
        match (policy.namespace, policy.priority) {
            (Some(namespace), _) => {
                text += &format!(
                    "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: q{at}, namespace: n{namespace}}}\nspec:\n  podSelector: {}\n  policyTypes: [{}]\n  ingress: [{ingress}]\n  egress: [{egress}]\n",
                    selector(&policy.subject),
                    policy.types.join(", ")
                );
            }
            (None, priority) => {
                let (kind, name, priority) = match priority {
                    Some(priority) => {
                        ("AdminNetworkPolicy", format!("q{at}"), format!("  priority: {priority}\n"))
                    }
                    None => ("BaselineAdminNetworkPolicy", "default".to_owned(), String::new()),
                };
                text += &format!(
                    "---\napiVersion: policy.networking.k8s.io/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n{priority}  subject: {{pods: {{namespaceSelector: {}, podSelector: {}}}}}\n  ingress: [{ingress}]\n  egress: [{egress}]\n",
                    selector(&policy.namespaces),
                    selector(&policy.subject)
                );
            }
        }
    }
    text
}

// ---- the cluster as nftables ---------------------------------------------------------------------------------

fn holds(conditions: &[Condition], labels: &Labels) -> bool {
    let value = |key: &String| labels.iter().find(|(own, _)| own == key).map(|(_, value)| value);
    conditions.iter().all(|condition| match condition {
        Condition::Is(key, wanted) => value(key) == Some(wanted),
        Condition::In(key, values) => value(key).is_some_and(|value| values.contains(value)),
        Condition::NotIn(key, values) => value(key).is_none_or(|value| !values.contains(value)),
        Condition::Exists(key) => value(key).is_some(),
        Condition::Missing(key) => value(key).is_none(),
    })
}

/// The match of a peer as nftables says it, one text per way to match; `None` peers mean everyone.
fn peer_matches(cluster: &Cluster, policy: &Policy, peer: &Peer, field: &str) -> Vec<String> {
    let pods = |wanted: &dyn Fn(usize, &Labels) -> bool| -> Vec<String> {
        (0..PODS)
            .filter(|&at| wanted(cluster.pods[at].0, &cluster.pods[at].1))
            .map(|at| format!("ip {field} {}", address(at)))
            .collect()
    };
    match peer {
        Peer::Pods(conditions) => {
            pods(&|namespace, labels| Some(namespace) == policy.namespace && holds(conditions, labels))
        }
        Peer::Namespaces(spaces) => pods(&|namespace, _| holds(spaces, &cluster.namespaces[namespace])),
        Peer::Both(spaces, conditions) => pods(&|namespace, labels| {
            holds(spaces, &cluster.namespaces[namespace]) && holds(conditions, labels)
        }),
        Peer::Block(block, except) => {
            let cut: String = except.iter().map(|part| format!(" ip {field} != {part}")).collect();
            vec![format!("ip {field} {block}{cut}")]
        }
    }
}

/// The match of a port towards a destination pod (`None`: a name means nothing there).
fn port_match(cluster: &Cluster, port: &Port, destination: Option<usize>) -> Option<String> {
    Some(match port {
        Port::Number(protocol, port) => format!("{} dport {port}", protocol.name().to_lowercase()),
        Port::Range(protocol, low, high) => format!("{} dport {low}-{high}", protocol.name().to_lowercase()),
        Port::Whole(protocol) => format!("meta l4proto {}", protocol.name().to_lowercase()),
        Port::Named(_, name) => {
            let (_, _, web, dns) = &cluster.pods[destination?];
            if *name == "web" { format!("tcp dport {web}") } else { format!("udp dport {dns}") }
        }
    })
}

fn rule_lines(
    cluster: &Cluster,
    policy: &Policy,
    rule: &Rule,
    pod: usize,
    ingress: bool,
    verdict: &str,
) -> String {
    let field = if ingress { "saddr" } else { "daddr" };
    let mut peers: Vec<String> =
        rule.peers.iter().flat_map(|peer| peer_matches(cluster, policy, peer, field)).collect();
    if rule.peers.is_empty() {
        peers.push(String::new());
    }
    let mut lines = String::new();
    for peer in peers {
        if rule.ports.is_empty() {
            lines += &format!("    {peer} {verdict}\n");
        }
        for port in &rule.ports {
            // Towards others a name is looked up in each pod that may be meant.
            let destinations: Vec<Option<usize>> = match (ingress, port) {
                (true, _) => vec![Some(pod)],
                (false, Port::Named(..)) => (0..PODS).map(Some).collect(),
                (false, _) => vec![None],
            };
            for destination in destinations {
                let Some(port_text) = port_match(cluster, port, destination) else { continue };
                let narrow = match (ingress, port, destination) {
                    (false, Port::Named(..), Some(at)) => format!("ip daddr {}", address(at)),
                    _ => String::new(),
                };
                lines += &format!("    {peer} {narrow} {port_text} {verdict}\n");
            }
        }
    }
    lines
}

fn chains(cluster: &Cluster, pod: usize, ingress: bool) -> String {
    let (namespace, labels, ..) = &cluster.pods[pod];
    let way = if ingress { "in" } else { "out" };
    let name = format!("{way}{pod}");
    let cluster_wide = |policy: &&Policy| {
        policy.namespace.is_none()
            && holds(&policy.namespaces, &cluster.namespaces[*namespace])
            && holds(&policy.subject, labels)
    };
    let side = |policy: &Policy| if ingress { policy.ingress.clone() } else { policy.egress.clone() };
    let ordered = |policies: Vec<&Policy>, pass: &str| -> String {
        let mut text = String::new();
        for policy in policies {
            for rule in side(policy) {
                let verdict = match rule.action {
                    "Allow" => "return",
                    "Deny" => "goto refuse",
                    _ => pass,
                };
                text += &rule_lines(cluster, policy, &rule, pod, ingress, verdict);
            }
        }
        text
    };
    let mut admins: Vec<&Policy> =
        cluster.policies.iter().filter(cluster_wide).filter(|policy| policy.priority.is_some()).collect();
    admins.sort_by_key(|policy| policy.priority);
    let baseline: Vec<&Policy> =
        cluster.policies.iter().filter(cluster_wide).filter(|policy| policy.priority.is_none()).collect();
    let isolates = |policy: &&Policy| {
        let applies = match (policy.types.is_empty(), ingress) {
            (true, true) => true,
            (true, false) => !policy.egress.is_empty(),
            (false, true) => policy.types.contains(&"Ingress"),
            (false, false) => policy.types.contains(&"Egress"),
        };
        policy.namespace == Some(*namespace) && holds(&policy.subject, labels) && applies
    };
    let own: Vec<&Policy> = cluster.policies.iter().filter(isolates).collect();
    let mut middle = String::new();
    for policy in &own {
        for rule in side(policy) {
            middle += &rule_lines(cluster, policy, &rule, pod, ingress, "return");
        }
    }
    middle +=
        &format!("    goto {}\n", if own.is_empty() { format!("{name}base") } else { "refuse".to_owned() });
    format!(
        "  chain {name}base {{\n{}  }}\n  chain {name}own {{\n{middle}  }}\n  chain {name} {{\n{}    goto {name}own\n  }}\n",
        ordered(baseline, "return"),
        ordered(admins, &format!("goto {name}own"))
    )
}

fn ruleset(cluster: &Cluster) -> String {
    let mut text = String::from(
        "flush ruleset\ntable inet t {\n  chain refuse {\n    meta l4proto tcp reject with tcp reset\n    reject\n  }\n",
    );
    let mut jumps = String::new();
    for pod in 0..PODS {
        text += &chains(cluster, pod, false);
        text += &chains(cluster, pod, true);
        jumps += &format!("    ip saddr {} jump out{pod}\n", address(pod));
    }
    for pod in 0..PODS {
        jumps += &format!("    ip daddr {} jump in{pod}\n", address(pod));
    }
    // Answers pass; everything in the first direction is judged anew, whatever the kernel remembers.
    text + &format!(
        "  chain forward {{\n    type filter hook forward priority 0; policy accept;\n    ct direction reply accept\n{jumps}  }}\n}}\n"
    )
}

// ---- the machine room ----------------------------------------------------------------------------------------

/// Runs inside a namespace: serves every port and opens the connections it is told to.
#[test]
fn agent() {
    if std::env::var_os("INTRAMUROS_AGENT").is_none() {
        return;
    }
    for (protocol, port) in PROBES {
        if protocol == Protocol::Tcp {
            let listener = TcpListener::bind(("0.0.0.0", port)).unwrap();
            std::thread::spawn(move || {
                listener.incoming().for_each(|stream| drop(stream.map(|mut s| s.write_all(b"y"))))
            });
        } else {
            let socket = UdpSocket::bind(("0.0.0.0", port)).unwrap();
            std::thread::spawn(move || {
                let mut buffer = [0; 8];
                while let Ok((_, from)) = socket.recv_from(&mut buffer) {
                    let _ = socket.send_to(b"y", from);
                }
            });
        }
    }
    println!("\nready");
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let answers: String =
            line.split_whitespace().map(|probe| if open(probe) { '1' } else { '0' }).collect();
        println!("answers {answers}");
    }
}

fn open(probe: &str) -> bool {
    let to: SocketAddr = probe[1..].parse().unwrap();
    if probe.starts_with('T') {
        let Ok(mut stream) = TcpStream::connect_timeout(&to, PATIENCE) else { return false };
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        return stream.read(&mut [0; 1]).is_ok_and(|count| count == 1);
    }
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.connect(to).is_ok() && socket.send(b"x").is_ok() && socket.recv(&mut [0; 8]).is_ok()
}

struct Agent {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// Which connections went through: `[from][to][probe]`.
type Packets = Vec<Vec<Vec<bool>>>;

/// How often connections are tried before one that should be open counts as refused.
const TRIES: usize = 5;

/// Adds what went through in a further try.
fn join(packets: &mut Packets, further: Packets) {
    let further = further.into_iter().flatten().flatten();
    for (open, again) in packets.iter_mut().flatten().flatten().zip(further) {
        *open |= again;
    }
}

struct Room {
    prefix: String,
    agents: Vec<Agent>,
}

fn sh(command: &str) -> Result<(), String> {
    let done = Command::new("sh").args(["-c", command]).output().map_err(|error| error.to_string())?;
    match done.status.success() {
        true => Ok(()),
        false => Err(format!("{command}: {}", String::from_utf8_lossy(&done.stderr).trim())),
    }
}

impl Room {
    fn open() -> Result<Self, String> {
        for tool in ["ip", "nft"] {
            sh(&format!("command -v {tool}"))?;
        }
        let prefix = format!("imr{}", std::process::id());
        let mut room = Self { prefix: prefix.clone(), agents: Vec::new() };
        sh(&format!(
            "ip netns add {prefix}r && ip netns exec {prefix}r sh -c 'ip link set lo up; echo 1 > /proc/sys/net/ipv4/ip_forward; echo 0 > /proc/sys/net/ipv4/icmp_ratelimit; echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter; true'"
        ))?;
        for party in 0..PARTIES {
            let address = address(party);
            sh(&format!(
                "ip netns add {prefix}p{party} && ip -n {prefix}r link add v{party} type veth peer name eth0 netns {prefix}p{party} \
                 && ip -n {prefix}r addr add 169.254.1.1/32 dev v{party} && ip -n {prefix}r link set v{party} up && ip -n {prefix}r route add {address}/32 dev v{party} \
                 && ip -n {prefix}p{party} link set lo up && ip -n {prefix}p{party} addr add {address}/32 dev eth0 && ip -n {prefix}p{party} link set eth0 up \
                 && ip -n {prefix}p{party} route add 169.254.1.1/32 dev eth0 && ip -n {prefix}p{party} route add default via 169.254.1.1 dev eth0"
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

    fn load(&self, ruleset: &str) {
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
    fn probe(&mut self) -> Packets {
        for (from, agent) in self.agents.iter_mut().enumerate() {
            let mut line = String::new();
            for to in (0..PARTIES).filter(|&to| to != from) {
                for (protocol, port) in PROBES {
                    let kind = if protocol == Protocol::Tcp { 'T' } else { 'U' };
                    line += &format!("{kind}{}:{port} ", address(to));
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

fn wait_for(output: &mut BufReader<ChildStdout>, prefix: &str) -> Result<String, String> {
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

#[test]
fn verdicts_and_packets_agree() {
    if std::env::var_os("INTRAMUROS_AGENT").is_some() {
        return;
    }
    let mut room = match Room::open() {
        Ok(room) => room,
        Err(why) => {
            println!("skipped: network namespaces need root, iproute2 and nftables ({why})");
            return;
        }
    };
    let clusters = std::env::var("INTRAMUROS_REALITY").ok().and_then(|text| text.parse().ok()).unwrap_or(12);
    let seed = std::env::var("INTRAMUROS_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1u64);
    let (mut probes, mut open_count) = (0usize, 0usize);
    for number in 0..clusters {
        let mut dice = Dice((seed << 32) ^ (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let cluster = cluster(&mut dice);
        room.load(&ruleset(&cluster));
        let mut packets = room.probe();
        let text = manifests(&cluster);
        let world = read(&[Input::new("cluster.yaml", text.as_str())])
            .unwrap_or_else(|error| panic!("{error}\n{text}"));
        let engine = Engine::new(world, &Settings::default());
        let graph = engine.graph();
        let endpoint = |party: usize| match party {
            OUTSIDE => engine.endpoint_of_address(address(OUTSIDE).parse().unwrap()).unwrap(),
            pod => engine.endpoint_of_pod[pod],
        };
        // On a busy machine an open port can answer late. A refused connection is refused at once and never goes
        // through, so what went through in any of some tries is open, and one that should be refused still fails.
        for _ in 1..TRIES {
            let missing = |packets: &Packets| {
                let pairs = (0..PARTIES).flat_map(|from| (0..PARTIES).map(move |to| (from, to)));
                pairs.filter(|&(from, to)| to != from && (from < PODS || to < PODS)).any(|(from, to)| {
                    let open = graph.table.get(graph.between(endpoint(from), endpoint(to)));
                    PROBES.iter().enumerate().any(|(at, (protocol, port))| {
                        open.contains(*protocol, *port) && !packets[from][to][at]
                    })
                })
            };
            if !missing(&packets) {
                break;
            }
            join(&mut packets, room.probe());
        }
        for from in 0..PARTIES {
            for to in (0..PARTIES).filter(|&to| to != from && (from < PODS || to < PODS)) {
                let open = graph.table.get(graph.between(endpoint(from), endpoint(to)));
                for (at, (protocol, port)) in PROBES.iter().enumerate() {
                    let verdict = open.contains(*protocol, *port);
                    probes += 1;
                    open_count += usize::from(verdict);
                    assert_eq!(
                        verdict,
                        packets[from][to][at],
                        "cluster {number}: {} -> {} {protocol:?} {port}: left is the engine, right are the packets\n{text}\n{}",
                        address(from),
                        address(to),
                        ruleset(&cluster)
                    );
                }
            }
        }
    }
    println!(
        "{clusters} generated clusters, {probes} real connections, {open_count} of them open: no disagreement"
    );
}
