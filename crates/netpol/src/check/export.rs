//! What is the authorised-flow matrix of what is deployed, and what differs from the last one?

use super::difference::{Change, difference};
use super::{graph_of, place};
use crate::engine::graph::Graph;
use crate::engine::{Engine, Settings};
use crate::error::{Origin, Result};
use crate::language::say;
use crate::matrix::party::Party;
use crate::matrix::resolve::{Authorised, Places, authorised, settings};
use crate::matrix::{Category, Flow, Matrix};
use crate::model::policy::PortMatch;
use crate::model::world::{Pod, World};
use crate::report::lines::{Line, Names, Shown, lines};
use std::collections::HashMap;

/// What is to be looked at, and how.
#[derive(Clone, Debug, Default)]
pub struct Deployed {
    /// Where the resolver and the API server are.
    pub places: Places,
    /// Namespaces that the matrix does not govern.
    pub excluded: Vec<String>,
    /// Pod addresses are not matched by `ipBlock` (Cilium).
    pub ignore_pod_addresses: bool,
}

/// The matrix of what is deployed, and, with a previous one, what passes now that it does not authorise, or no longer
/// passes though it does.
///
/// # Errors
/// When it can't be told who is who, or the previous matrix names somebody who is not there.
pub fn deployed(world: World, previous: Option<&Matrix>, of: &Deployed) -> Result<(Matrix, Vec<Change>)> {
    let mut wanted = previous.map_or_else(
        || Settings { api_server: of.places.api_server.clone(), ..Settings::default() },
        |previous| settings(previous, &of.places),
    );
    wanted.ignore_pod_addresses = of.ignore_pod_addresses;
    let engine = Engine::new(world, &wanted);
    engine.refuse_ambiguity()?;
    let shown = Shown { internet: true, ..Shown::default() };
    let graph = engine.graph();
    let mut found = lines(&engine, &graph, &shown);
    found.retain(|line| concerns(&engine, line, &of.excluded));
    let Some(previous) = previous else {
        return Ok((export(&engine.world, &found, &Known::default()), Vec::new()));
    };
    let mut authorised = authorised(&engine, previous, &of.places)?;
    let matrix = export(&engine.world, &found, &known(&engine, &graph, previous, &authorised));
    // What a line tolerates is no difference where it is open.
    for ((from, to), set) in std::mem::take(&mut authorised.tolerated) {
        let open = graph.table.get(graph.between(from, to)).common(&set);
        let pair = authorised.pairs.entry((from, to)).or_default();
        *pair = pair.union(&open);
    }
    authorised.pairs.retain(|_, set| !set.is_empty());
    let mut before = lines(&engine, &graph_of(&engine, &authorised.pairs), &shown);
    before.retain(|line| concerns(&engine, line, &of.excluded));
    Ok((matrix, difference(&before, &found)))
}

/// Whether a line touches a pod of a namespace that is not left out; pods of the node's network are no such pods.
fn concerns(engine: &Engine, line: &Line, excluded: &[String]) -> bool {
    let inside = |title: &str| {
        let named =
            |pod: &Pod| pod.title() == title || format!("{}/{}[Pod]", pod.namespace, pod.name) == title;
        let pod = engine.world.pods.iter().find(|pod| named(pod));
        pod.is_some_and(|pod| !pod.host_network && !excluded.contains(&pod.namespace))
    };
    inside(&line.source) || inside(&line.destination)
}

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
