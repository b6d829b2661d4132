//! What is the authorised-flow matrix of what is deployed, and what differs from the last one?

use crate::error::Origin;
use crate::matrix::party::Party;
use crate::matrix::{Category, Flow, Matrix};
use crate::model::policy::PortMatch;
use crate::model::world::World;
use crate::report::lines::Line;

/// The lines as a matrix. Reasons, owners and dates come from the previous matrix (lines with the same ends) or from
/// the annotations that `generate` leaves on policies.
pub fn export(world: &World, lines: &[Line], previous: Option<&Matrix>) -> Matrix {
    let mut matrix = Matrix::default();
    for (at, line) in lines.iter().enumerate() {
        let parties = (Party::parse(&line.source, None), Party::parse(&line.destination, None));
        let (Ok(source), Ok(destination)) = parties else {
            matrix.notes.push(format!("{} -> {} is not a line of a matrix", line.source, line.destination));
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
        if let Some(known) = previous.and_then(|previous| known_line(previous, &flow)) {
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

fn same_party(a: &Party, b: &Party) -> bool {
    match (a, b) {
        (
            Party::Workload { namespace, name, kind },
            Party::Workload { namespace: other_namespace, name: other_name, kind: other_kind },
        ) => {
            namespace == other_namespace
                && name == other_name
                && (kind == other_kind || kind.is_none() || other_kind.is_none())
        }
        (Party::Addresses(a), Party::Addresses(b)) => a.covers(b) || b.covers(a),
        _ => a == b,
    }
}

fn known_line<'m>(previous: &'m Matrix, flow: &Flow) -> Option<&'m Flow> {
    previous.flows.iter().find(|known| {
        same_party(&known.source, &flow.source) && same_party(&known.destination, &flow.destination)
    })
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
