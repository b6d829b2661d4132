//! A generated cluster: labels, pods and policies, the same for a seed on every machine.
use super::PODS;
use intramuros_netpol::model::ports::Protocol;

/// Small, seeded, the same on every machine.
pub(super) struct Dice(pub(super) u64);

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

pub(super) type Labels = Vec<(String, String)>;

#[derive(Clone, Debug)]
pub(super) enum Condition {
    Is(String, String),
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Missing(String),
}

#[derive(Clone, Debug)]
pub(super) enum Peer {
    Pods(Vec<Condition>),
    Namespaces(Vec<Condition>),
    Both(Vec<Condition>, Vec<Condition>),
    Block(&'static str, Vec<&'static str>),
}

#[derive(Clone, Debug)]
pub(super) enum Port {
    Number(Protocol, u16),
    Range(Protocol, u16, u16),
    Whole(Protocol),
    Named(Protocol, &'static str),
}

#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) peers: Vec<Peer>,
    pub(super) ports: Vec<Port>,
    pub(super) action: &'static str,
}

#[derive(Clone, Debug)]
pub(super) struct Policy {
    /// `None` for cluster-wide ones; then the namespace selector of the subject stands in `namespaces`.
    pub(super) namespace: Option<usize>,
    pub(super) namespaces: Vec<Condition>,
    /// Admin priority; `None` in the baseline.
    pub(super) priority: Option<usize>,
    pub(super) subject: Vec<Condition>,
    pub(super) types: Vec<&'static str>,
    pub(super) ingress: Vec<Rule>,
    pub(super) egress: Vec<Rule>,
}

/// The kinds that the policies of a cluster are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kinds {
    /// NetworkPolicy, AdminNetworkPolicy, BaselineAdminNetworkPolicy.
    Admin,
    /// NetworkPolicy, ClusterNetworkPolicy.
    Cluster,
    /// CiliumNetworkPolicy: allows and denies.
    Cilium,
}

#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) kinds: Kinds,
    pub(super) v6: bool,
    pub(super) namespaces: Vec<Labels>,
    pub(super) pods: Vec<(usize, Labels, u16, u16)>,
    pub(super) policies: Vec<Policy>,
}

pub(super) fn conditions(dice: &mut Dice, keys: &[(&str, &[&str])]) -> Vec<Condition> {
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

pub(super) const POD_KEYS: [(&str, &[&str]); 2] = [("app", &["x", "y", "z"]), ("role", &["p", "q"])];
pub(super) const SPACE_KEYS: [(&str, &[&str]); 2] =
    [("env", &["a", "b"]), ("kubernetes.io/metadata.name", &["n0", "n1", "n2"])];

pub(super) fn peer(dice: &mut Dice, admin: bool, egress: bool) -> Peer {
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

pub(super) fn rule(dice: &mut Dice, admin: bool, egress: bool) -> Rule {
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

pub(super) fn cluster(dice: &mut Dice, kinds: Kinds, v6: bool) -> Cluster {
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
    if kinds == Kinds::Cilium {
        policies.retain(|policy| policy.namespace.is_some());
    }
    Cluster { kinds, v6, namespaces, pods, policies }
}

pub(super) fn policy(dice: &mut Dice, admin: bool, priority: Option<usize>) -> Policy {
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
