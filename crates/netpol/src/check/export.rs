//! What is the authorised-flow matrix of what is deployed, and what differs from the last one?

use super::place;
use crate::engine::Engine;
use crate::engine::graph::Graph;
use crate::error::Origin;
use crate::language::say;
use crate::matrix::party::Party;
use crate::matrix::resolve::Authorised;
use crate::matrix::{Category, Flow, Matrix};
use crate::model::policy::PortMatch;
use crate::model::world::World;
use crate::report::lines::{Line, Names};
use std::collections::HashMap;

/// Lines of the previous matrix by the names of the parties that they authorise, outside addresses under one name.
pub type Known<'m> = HashMap<(String, String), &'m Flow>;

/// The lines of a matrix that say something about each pair of names; the narrowest line first.
pub fn known<'m>(engine: &Engine, graph: &Graph, matrix: &'m Matrix, authorised: &Authorised) -> Known<'m> {
    let names = Names::new(engine, graph);
    let mut order: Vec<usize> = (0..matrix.flows.len()).collect();
    order.sort_by_key(|&at| authorised.by_flow[at].len());
    let mut known = Known::new();
    for at in order {
        for (from, to, _) in &authorised.by_flow[at] {
            let ends = (place(names.of(*from)), place(names.of(*to)));
            known.entry(ends).or_insert(&matrix.flows[at]);
        }
    }
    known
}

/// The lines as a matrix. Reasons, owners and dates come from the previous matrix (lines with the same ends) or from
/// the annotations that `generate` leaves on policies.
pub fn export(world: &World, lines: &[Line], previous: &Known<'_>) -> Matrix {
    let mut matrix = Matrix::default();
    for (at, line) in lines.iter().enumerate() {
        let parties = (Party::parse(&line.source, None), Party::parse(&line.destination, None));
        let (Ok(source), Ok(destination)) = parties else {
            matrix.notes.push(say!(
                "{} -> {} n'est pas une ligne de matrice",
                "{} -> {} is not a line of a matrix",
                line.source,
                line.destination
            ));
            continue;
        };
        let mut flow = Flow {
            id: Some((at + 1).to_string()),
            source,
            destination,
            ports: vec![PortMatch::Numbers(line.connections.clone())],
            justification: String::new(),
            owner: String::new(),
            review: None,
            category: Category::default(),
            origin: Origin::built_in(),
        };
        if let Some(known) = previous.get(&(place(&line.source), place(&line.destination))) {
            flow.justification.clone_from(&known.justification);
            flow.owner.clone_from(&known.owner);
            flow.review = known.review;
            flow.category = known.category;
        } else if let Some(reason) = annotated(world, &flow) {
            flow.justification = reason;
        }
        matrix.flows.push(flow);
    }
    matrix
}

/// The reason in an annotation such as `matrix.csv:3 a/web -> b/db : TCP 80 | reason | owner`.
fn annotated(world: &World, flow: &Flow) -> Option<String> {
    let bare = |party: &Party| match party {
        Party::Workload { namespace, name, .. } => format!("{namespace}/{name}"),
        other => other.to_string(),
    };
    let (source, destination) = (bare(&flow.source), bare(&flow.destination));
    let annotations = world.policies.iter().flat_map(|policy| &policy.annotations);
    for (_, value) in annotations.filter(|(key, _)| key.starts_with("intramuros/flow-")) {
        let mut parts = value.split(" | ");
        let head = parts.next().unwrap_or_default();
        let Some((from, to)) = head.split_once(" -> ") else { continue };
        if from.contains(&source) && to.starts_with(&destination) {
            return parts.next().map(str::to_owned);
        }
    }
    None
}
