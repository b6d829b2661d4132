//! Does "nobody of A reaches B" hold, and if not, which pod, which port, through which rule?

use super::{Finding, Kind, reasons};
use crate::document::{Node, Value, parse};
use crate::engine::Engine;
use crate::engine::graph::Graph;
use crate::error::{Error, Origin, Result};
use crate::language::say;
use crate::matrix::Flow;
use crate::matrix::party::Party;
use crate::matrix::read::parse_ports;
use crate::matrix::resolve::{Places, connections, endpoints};
use crate::model::address::Addresses;
use crate::model::policy::PortMatch;
use crate::model::ports::Connections;
use std::sync::Arc;

/// One statement that must hold.
#[derive(Clone, Debug)]
pub struct Invariant {
    /// What it is called.
    pub name: String,
    /// Who must not reach (`never`), or who alone may reach (`only`).
    pub from: Vec<Party>,
    /// Whom.
    pub to: Vec<Party>,
    /// On which ports.
    pub ports: Vec<PortMatch>,
    /// Whether everybody but `from` is refused, rather than `from` itself.
    pub only: bool,
    /// Where it is written.
    pub origin: Origin,
}

impl Invariant {
    /// The addresses that it speaks of.
    pub fn cuts(&self) -> Vec<Addresses> {
        let parties = self.from.iter().chain(&self.to);
        parties
            .filter_map(|party| if let Party::Addresses(set) = party { Some(set.clone()) } else { None })
            .collect()
    }
}

/// Reads a YAML file: `invariants`, a list of `name` with `never: {from, to, ports}` or `only: {from, to, ports}`.
pub fn read(text: &str, file: &Arc<str>) -> Result<Vec<Invariant>> {
    let mut found = Vec::new();
    for document in parse(text, file)? {
        let list = document.get("invariants").unwrap_or(&document);
        let Value::List(items) = &list.value else {
            return Err(Error::input(
                &Origin::new(file, list.line),
                say!("une liste d'invariants est attendue ici", "a list of invariants should stand here"),
            ));
        };
        for item in items {
            found.push(read_one(item, file)?);
        }
    }
    Ok(found)
}

fn read_one(item: &Node, file: &Arc<str>) -> Result<Invariant> {
    let origin = Origin::new(file, item.line);
    let (body, only) = match (item.get("never"), item.get("only")) {
        (Some(body), None) => (body, false),
        (None, Some(body)) => (body, true),
        _ => {
            return Err(Error::input(
                &origin,
                say!("un invariant a « never » ou « only »", "an invariant has 'never' or 'only'"),
            ));
        }
    };
    let texts = |key: &str| -> Vec<String> {
        match body.get(key).map(|node| &node.value) {
            Some(Value::Scalar { text, .. }) => vec![text.to_string()],
            Some(Value::List(items)) => items.iter().filter_map(Node::text).map(str::to_owned).collect(),
            _ => Vec::new(),
        }
    };
    let parties = |key: &str| -> Result<Vec<Party>> {
        let list = texts(key);
        if list.is_empty() {
            return Err(Error::input(&origin, say!("« {key} » manque", "'{key}' is missing")));
        }
        list.iter()
            .map(|text| Party::parse(text, None).map_err(|error| Error::input(&origin, error)))
            .collect()
    };
    let ports = match texts("ports") {
        list if list.is_empty() => vec![PortMatch::Numbers(Connections::all())],
        list => parse_ports("", &list.join(",")).map_err(|error| Error::input(&origin, error))?,
    };
    Ok(Invariant {
        name: item.get("name").and_then(Node::text).unwrap_or("unnamed").to_owned(),
        from: parties("from")?,
        to: parties("to")?,
        ports,
        only,
        origin,
    })
}

/// The counter-examples of an invariant: one per pair of workloads.
pub fn check(engine: &Engine, graph: &Graph, invariant: &Invariant, places: &Places) -> Result<Vec<Finding>> {
    let flow = Flow {
        id: None,
        source: invariant.from[0].clone(),
        destination: invariant.to[0].clone(),
        ports: invariant.ports.clone(),
        justification: String::new(),
        owner: String::new(),
        review: None,
        category: crate::matrix::Category::default(),
        origin: invariant.origin.clone(),
    };
    let all = |parties: &[Party]| -> Result<Vec<usize>> {
        let mut found = Vec::new();
        for party in parties {
            found.extend(endpoints(engine, party, places, &flow)?);
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    };
    let (named, to) = (all(&invariant.from)?, all(&invariant.to)?);
    let from: Vec<usize> = match invariant.only {
        false => named,
        true => (0..engine.endpoints.len()).filter(|at| !named.contains(at) && !to.contains(at)).collect(),
    };
    let mut findings = Vec::new();
    for &source in &from {
        for &destination in to.iter().filter(|&&destination| destination != source) {
            let open = graph.table.get(graph.between(source, destination));
            let broken = open.common(&connections(engine, &flow, destination));
            if broken.is_empty() {
                continue;
            }
            let mut reasons: Vec<String> =
                reasons(engine, source, destination, &broken).into_iter().map(|(_, reason)| reason).collect();
            if reasons.is_empty() {
                reasons.push(say!(
                    "aucune politique ne choisit l'un ou l'autre pod dans ce sens",
                    "no policy selects either pod in this direction"
                ));
            }
            findings.push(Finding {
                kind: Kind::Invariant,
                origin: invariant.origin.clone(),
                message: say!(
                    "« {} » ne tient pas : {} joint {} sur {broken}",
                    "'{}' does not hold: {} reaches {} on {broken}",
                    invariant.name,
                    example(engine, source),
                    example(engine, destination)
                ),
                reasons,
            });
        }
    }
    Ok(findings)
}

/// A concrete pod or address.
fn example(engine: &Engine, at: usize) -> String {
    match engine.pod(at) {
        Some(pod) if pod.name != pod.owner.0 => format!("{} (pod {})", engine.title(at), pod.name),
        _ => engine.title(at),
    }
}
