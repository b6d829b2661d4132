//! What can be reached now that could not be before, and the other way round?

use crate::language::say;
use crate::model::address::{Addresses, parse_any};
use crate::model::ports::Connections;
use crate::report::lines::Line;
use std::collections::{BTreeMap, BTreeSet};

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// Who.
    pub source: String,
    /// Whom.
    pub destination: String,
    /// What passed before.
    pub before: Connections,
    /// What passes after.
    pub after: Connections,
}

impl Change {
    /// `added`, `removed` or `changed`.
    pub fn word(&self) -> &'static str {
        match (self.before.is_empty(), self.after.is_empty()) {
            (true, _) => "added",
            (_, true) => "removed",
            _ => "changed",
        }
    }

    /// The change as a sign and what passes: `+` for what is new, `-` for what is gone, `~` for what is other.
    pub fn told(&self) -> (char, String) {
        let (now, was) = (&self.after, &self.before);
        match self.word() {
            "added" => ('+', now.to_string()),
            "removed" => ('-', was.to_string()),
            _ => ('~', say!("{now} (avant : {was})", "{now} (before: {was})")),
        }
    }
}

type Ends = (String, String);

/// The changes from one list of lines to another. Outside ranges are compared address by address, however each list
/// cuts them.
pub fn difference(before: &[Line], after: &[Line]) -> Vec<Change> {
    let mut pods: BTreeMap<Ends, (Connections, Connections)> = BTreeMap::new();
    let mut ranges: BTreeMap<(bool, String), [Vec<Part>; 2]> = BTreeMap::new();
    for (side, lines) in [before, after].into_iter().enumerate() {
        for line in lines {
            let outside = |text: &str| text.strip_suffix("[External]").and_then(|text| parse_any(text).ok());
            let (key, part) = match (outside(&line.source), outside(&line.destination)) {
                (Some(part), _) => ((true, line.destination.clone()), part),
                (_, Some(part)) => ((false, line.source.clone()), part),
                _ => {
                    let known = pods.entry((line.source.clone(), line.destination.clone())).or_default();
                    let slot = if side == 0 { &mut known.0 } else { &mut known.1 };
                    *slot = slot.union(&line.connections);
                    continue;
                }
            };
            ranges.entry(key).or_default()[side].push((part, line.connections.clone()));
        }
    }
    let mut changes: Vec<Change> = pods
        .into_iter()
        .filter(|(_, (before, after))| before != after)
        .map(|((source, destination), (before, after))| Change { source, destination, before, after })
        .collect();
    for ((inward, pod), [before, after]) in ranges {
        for (part, before, after) in range_changes(&before, &after) {
            for text in part.range_texts() {
                let outside = format!("{text}[External]");
                let (source, destination) =
                    if inward { (outside, pod.clone()) } else { (pod.clone(), outside) };
                changes.push(Change { source, destination, before: before.clone(), after: after.clone() });
            }
        }
    }
    changes.sort();
    changes
}

/// Outside addresses and what passes between them and a pod.
type Part = (Addresses, Connections);
type Parts = [Part];

fn range_changes(before: &Parts, after: &Parts) -> Vec<(Addresses, Connections, Connections)> {
    let covered = |parts: &Parts| parts.iter().fold(Addresses::default(), |set, (part, _)| set.union(part));
    let (all_before, all_after) = (covered(before), covered(after));
    let mut merged: BTreeMap<(Connections, Connections), Addresses> = BTreeMap::new();
    let mut note = |old: Connections, new: Connections, part: Addresses| {
        if old != new && !part.is_empty() {
            let known = merged.entry((old, new)).or_default();
            *known = known.union(&part);
        }
    };
    for (part, old) in before {
        note(old.clone(), Connections::none(), part.minus(&all_after));
        for (other, new) in after {
            note(old.clone(), new.clone(), part.common(other));
        }
    }
    for (part, new) in after {
        note(Connections::none(), new.clone(), part.minus(&all_before));
    }
    merged.into_iter().map(|((old, new), part)| (part, old, new)).collect()
}

/// Workloads that only one of the lists knows.
pub fn appeared(before: &[Line], after: &[Line]) -> (Vec<String>, Vec<String>) {
    let names = |lines: &[Line]| -> BTreeSet<String> {
        lines
            .iter()
            .flat_map(|line| [line.source.clone(), line.destination.clone()])
            .filter(|name| !name.ends_with("[External]"))
            .collect()
    };
    let (old, new) = (names(before), names(after));
    (new.difference(&old).cloned().collect(), old.difference(&new).cloned().collect())
}
