//! Does the answer hang on an order that the API leaves open? Two cluster-wide policies of one tier and priority may
//! be asked in any order; when they decide the same connection differently, nothing can be proved.

use super::{Compiled, Engine};
use crate::error::{Error, Result};
use crate::language::say;
use crate::model::policy::{Direction, Tier};
use crate::model::ports::Connections;
use std::collections::BTreeSet;

impl Engine {
    /// Refuses policies of equal rank that contradict each other, with the place of both rules.
    pub fn refuse_ambiguity(&self) -> Result<()> {
        let mut pairs: BTreeSet<(u32, u32, Direction)> = BTreeSet::new();
        for at in 0..self.pod_endpoints {
            for direction in [Direction::Ingress, Direction::Egress] {
                let policies = self.policies_on(at, direction);
                for (first, &a) in policies.iter().enumerate() {
                    let equal = policies[first + 1..].iter().take_while(|&&b| self.tier(b) == self.tier(a));
                    if matches!(self.tier(a), Tier::Admin(_) | Tier::Baseline(_)) {
                        pairs.extend(equal.map(|&b| (a, b, direction)));
                    }
                }
            }
        }
        let errors = pairs.into_iter().filter_map(|(a, b, direction)| self.contradiction(a, b, direction));
        Error::join(errors.collect()).map_or(Ok(()), Err)
    }

    fn contradiction(&self, a: u32, b: u32, direction: Direction) -> Option<Error> {
        let overlap = |x: &Compiled, y: &Compiled| {
            let mut peers = (*x.peers).clone();
            peers.keep(&y.peers);
            x.action != y.action && peers.iter().any(|peer| !self.shared(x, y, peer, direction).is_empty())
        };
        for x in self.rules_of(a, direction) {
            let Some(y) = self.rules_of(b, direction).iter().find(|y| overlap(x, y)) else { continue };
            let policy = |number: u32| &self.world.policies[number as usize];
            let origin = |rule: &Compiled, number: u32| {
                &policy(number).side(direction).rules[rule.rule as usize].origin
            };
            let message = say!(
                "{} et {} ont la même priorité et se contredisent (voir {})",
                "{} and {} have the same priority and contradict each other (see {})",
                policy(a).title(),
                policy(b).title(),
                origin(y, b)
            );
            return Some(
                Error::input(origin(x, a), message)
                    .hint(say!("leur donner des priorités différentes", "give them different priorities")),
            );
        }
        None
    }

    /// The connections that two rules both decide for a peer; names of ports are resolved where they lead.
    fn shared(&self, x: &Compiled, y: &Compiled, peer: usize, direction: Direction) -> Connections {
        let ports = |rule: &Compiled| match (direction, rule.ports.names.is_empty()) {
            (Direction::Egress, _) => self.resolve(&rule.ports, peer),
            (Direction::Ingress, true) => self.table.get(rule.ports.numbers).clone(),
            // Which pod is asked is not known here: a name may stand for any port.
            (Direction::Ingress, false) => Connections::all(),
        };
        ports(x).common(&ports(y))
    }
}
