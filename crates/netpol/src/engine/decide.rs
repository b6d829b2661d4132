//! What do the tiers decide for one pod and one peer, and through which rules?

use super::{Compiled, Endpoint, Engine};
use crate::model::policy::{Action, Direction, Tier};
use crate::model::ports::{ConnectionTable, Connections, ConnectionsId, PortsOf, Protocol};

/// One rule that touches a connection, with what it decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The policy, by index in `World::policies`.
    pub policy: usize,
    /// The rule, by index in its direction; `None` for the isolation that comes from being selected.
    pub rule: Option<usize>,
    /// What it does.
    pub action: Action,
    /// The connections that it decides.
    pub connections: Connections,
}

/// The answer for one direction: what is let through, and the rules that say so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Seen from the sender (egress) or the receiver (ingress).
    pub direction: Direction,
    /// What may pass.
    pub allowed: Connections,
    /// Whether no policy selects the pod in this direction, so that the default lets everything through.
    pub by_default: bool,
    /// The rules that decide, in the order in which they are asked.
    pub steps: Vec<Step>,
}

impl Engine {
    /// What may go from one endpoint to another: what egress and ingress both let through.
    pub fn allowed(&self, from: usize, to: usize) -> Connections {
        self.verdict(from, to, Direction::Egress)
            .allowed
            .common(&self.verdict(from, to, Direction::Ingress).allowed)
    }

    /// Whether a port of a connection is let through.
    pub fn allows(&self, from: usize, to: usize, protocol: Protocol, port: u16) -> bool {
        self.allowed(from, to).contains(protocol, port)
    }

    /// What one direction says about a connection, with every rule that takes part.
    pub fn verdict(&self, from: usize, to: usize, direction: Direction) -> Verdict {
        let (subject, peer) = match direction {
            Direction::Ingress => (to, from),
            Direction::Egress => (from, to),
        };
        let mut walk = Walk::new(direction);
        if !self.is_pod(subject) {
            walk.allowed = Connections::all();
            return walk.finish(true);
        }
        let policies = self.policies_on(subject, direction);
        let tier =
            |wanted: fn(Tier) -> bool| policies.iter().filter(move |&&policy| wanted(self.tier(policy)));
        for &policy in tier(|tier| matches!(tier, Tier::Admin(_))) {
            self.ordered(policy, direction, peer, to, &mut walk);
        }
        walk.next_tier();
        self.custom_tiers(policies, direction, peer, to, &mut walk);
        for &policy in tier(|tier| matches!(tier, Tier::Before(_))) {
            self.ordered(policy, direction, peer, to, &mut walk);
        }
        let namespaced: Vec<u32> = tier(|tier| tier == Tier::Namespaced).copied().collect();
        self.namespaced(&namespaced, direction, peer, to, &mut walk);
        for &policy in tier(|tier| matches!(tier, Tier::After(_))) {
            self.ordered(policy, direction, peer, to, &mut walk);
        }
        let default = |tier: Tier| matches!(tier, Tier::Before(_) | Tier::Namespaced | Tier::After(_));
        let isolating =
            policies.iter().find(|&&policy| default(self.tier(policy)) && self.isolates(policy, direction));
        if let Some(&isolating) = isolating {
            walk.refuse(isolating);
        }
        walk.next_tier();
        for &policy in tier(|tier| matches!(tier, Tier::Baseline(_))) {
            self.ordered(policy, direction, peer, to, &mut walk);
        }
        walk.next_tier();
        let left = std::mem::take(&mut walk.open);
        walk.allowed = walk.allowed.union(&left);
        walk.finish(policies.is_empty())
    }

    pub(super) fn rules_of(&self, policy: u32, direction: Direction) -> &[Compiled] {
        let compiled = &self.policies[policy as usize];
        match direction {
            Direction::Ingress => &compiled.ingress,
            Direction::Egress => &compiled.egress,
        }
    }

    fn matching(
        &self,
        policy: u32,
        direction: Direction,
        peer: usize,
        to: usize,
    ) -> impl Iterator<Item = (&Compiled, Connections)> {
        self.rules_of(policy, direction)
            .iter()
            .filter(move |rule| rule.peers.contains(peer))
            .map(move |rule| (rule, self.resolve(&rule.ports, to)))
    }

    /// Rules of an ordered tier: the first that matches decides.
    fn ordered(&self, policy: u32, direction: Direction, peer: usize, to: usize, walk: &mut Walk) {
        for (rule, ports) in self.matching(policy, direction, peer, to) {
            walk.first_match(rule, &ports);
        }
    }

    /// Calico's own tiers: rules in order, then the tier's default for whoever it selects.
    fn custom_tiers(&self, policies: &[u32], direction: Direction, peer: usize, to: usize, walk: &mut Walk) {
        let rank = |policy: u32| match self.tier(policy) {
            Tier::Custom(rank, _) => Some(rank),
            _ => None,
        };
        for of_tier in policies.chunk_by(|&a, &b| rank(a) == rank(b)) {
            let Some(rank) = rank(of_tier[0]) else { continue };
            for &policy in of_tier {
                self.ordered(policy, direction, peer, to, walk);
            }
            if !self.world.tiers[rank as usize].1 {
                walk.refuse(of_tier[0]);
            }
            walk.next_tier();
        }
    }

    /// Whether being selected by a policy refuses what nothing allows.
    pub(super) fn isolates(&self, policy: u32, direction: Direction) -> bool {
        self.world.policies[policy as usize].side(direction).isolates
    }

    /// NetworkPolicy and Cilium: denies win, allows add up.
    fn namespaced(&self, policies: &[u32], direction: Direction, peer: usize, to: usize, walk: &mut Walk) {
        let mut allowed = Connections::none();
        let mut denied = Connections::none();
        for &policy in policies {
            for (rule, ports) in self.matching(policy, direction, peer, to) {
                walk.note(rule, walk.open.common(&ports));
                match rule.action {
                    Action::Deny => denied = denied.union(&ports),
                    _ => allowed = allowed.union(&ports),
                }
            }
        }
        // What is allowed only counts against isolation: a later tier still sees what nothing isolates.
        let isolated = policies.iter().any(|&policy| self.isolates(policy, direction));
        walk.open = walk.open.minus(&denied);
        if isolated {
            walk.allowed = walk.allowed.union(&walk.open.common(&allowed));
            walk.open = walk.open.minus(&allowed);
        }
    }

    /// The ports of a rule at a destination: names mean what the destination's containers declare.
    pub(super) fn resolve(&self, ports: &PortsOf, to: usize) -> Connections {
        let mut set = self.table.get(ports.numbers).clone();
        if ports.names.is_empty() {
            return set;
        }
        let Some(pod) = self.pod(to) else { return set };
        for (protocol, name) in &ports.names {
            for port in &pod.ports {
                if port.name.as_deref() == Some(name) && protocol.is_none_or(|wanted| wanted == port.protocol)
                {
                    set = set.union(&Connections::range(port.protocol, port.port, port.port));
                }
            }
        }
        set
    }

    pub(super) fn resolve_id(
        &self,
        ports: &PortsOf,
        to: usize,
        table: &mut ConnectionTable,
    ) -> ConnectionsId {
        match ports.names.is_empty() || !matches!(self.endpoints[to], Endpoint::Pods(_)) {
            true => ports.numbers,
            false => table.intern(self.resolve(ports, to)),
        }
    }
}

struct Walk {
    direction: Direction,
    /// What no rule of this tier has decided yet.
    open: Connections,
    /// What this tier has passed to the next.
    passed: Connections,
    allowed: Connections,
    steps: Vec<Step>,
}

impl Walk {
    fn new(direction: Direction) -> Self {
        Self {
            direction,
            open: Connections::all(),
            passed: Connections::none(),
            allowed: Connections::none(),
            steps: Vec::new(),
        }
    }

    fn note(&mut self, rule: &Compiled, connections: Connections) {
        if !connections.is_empty() {
            self.steps.push(Step {
                policy: rule.policy as usize,
                rule: Some(rule.rule as usize),
                action: rule.action,
                connections,
            });
        }
    }

    fn first_match(&mut self, rule: &Compiled, ports: &Connections) {
        let decided = self.open.common(ports);
        if decided.is_empty() {
            return;
        }
        self.open = self.open.minus(&decided);
        match rule.action {
            Action::Allow => self.allowed = self.allowed.union(&decided),
            Action::Pass => self.passed = self.passed.union(&decided),
            Action::Deny => {}
        }
        self.note(rule, decided);
    }

    /// Whoever a tier selects is refused what none of its rules decided.
    fn refuse(&mut self, policy: u32) {
        let connections = std::mem::take(&mut self.open);
        if !connections.is_empty() {
            let policy = policy as usize;
            self.steps.push(Step { policy, rule: None, action: Action::Deny, connections });
        }
    }

    fn next_tier(&mut self) {
        self.open = self.open.union(&std::mem::take(&mut self.passed));
    }

    fn finish(self, by_default: bool) -> Verdict {
        Verdict { direction: self.direction, allowed: self.allowed, by_default, steps: self.steps }
    }
}

impl Engine {
    /// Rules of a policy that name nobody (`None`), or say only what an earlier rule of the policy says (its index).
    pub fn covered_rules(&self, policy: usize, direction: Direction) -> Vec<(usize, Option<usize>)> {
        let number = u32::try_from(policy).unwrap_or(u32::MAX);
        let rules = self.rules_of(number, direction);
        let mut covered = Vec::new();
        for (at, rule) in rules.iter().enumerate() {
            if rule.peers.is_empty() {
                covered.push((at, None));
                continue;
            }
            let wider = rules[..at].iter().position(|earlier| {
                let mut rest = (*rule.peers).clone();
                rest.split_off(&earlier.peers);
                rest.is_empty()
                    && self.table.get(earlier.ports.numbers).covers(self.table.get(rule.ports.numbers))
                    && rule.ports.names.iter().all(|name| {
                        earlier.ports.names.contains(name) || earlier.ports.numbers == ConnectionTable::ALL
                    })
                    && (self.tier(number) != Tier::Namespaced || earlier.action == rule.action)
            });
            covered.extend(wider.map(|by| (at, Some(by))));
        }
        covered
    }
}
