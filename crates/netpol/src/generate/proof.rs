//! Do the generated policies, read back, do exactly what the matrix says?

use super::plan::Plan;
use super::{Dialect, Options};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::language::say;
use crate::manifest::{Input, read};
use crate::matrix::Matrix;
use crate::matrix::resolve::{authorised, settings};
use crate::model::ports::Connections;
use crate::model::world::World;

/// Differences that are shown before the rest is counted.
const SHOWN: usize = 5;

/// Proves a text of policies against the matrix, or names the pairs that differ.
pub fn prove(world: &World, matrix: &Matrix, plan: &Plan, text: &str, options: &Options) -> Result<()> {
    if !plan.default_deny {
        return Ok(());
    }
    let generated = read(&[Input::new("generated", text)])?;
    let mut whole = world.clone();
    whole.policies = generated.policies;
    let mut settings = settings(matrix, &options.places);
    settings.ignore_pod_addresses = options.dialect == Dialect::Cilium;
    let engine = Engine::new(whole, &settings);
    let graph = engine.graph();
    let wanted = authorised(&engine, matrix, &options.places)?;
    let governs = |at: usize| {
        engine.pod(at).is_some_and(|pod| !pod.host_network && plan.governed.contains(&pod.namespace))
    };
    let governed: Vec<bool> = (0..engine.endpoints.len()).map(governs).collect();
    let mut wrong = Vec::new();
    let mut note = |from: usize, to: usize, wanted: &Connections, found: &Connections| {
        wrong.push(say!(
            "{} -> {} : la matrice dit {wanted}, les politiques {found}",
            "{} -> {}: the matrix says {wanted}, the policies {found}",
            engine.title(from),
            engine.title(to)
        ));
    };
    for (&(from, to), set) in &wanted.pairs {
        let found = graph.table.get(graph.between(from, to));
        if !(governed[from] || governed[to]) {
            continue;
        }
        if !found.covers(set) || !wanted.excess(from, to, found).is_empty() {
            note(from, to, set, found);
        }
    }
    for from in 0..engine.endpoints.len() {
        for (id, receivers) in graph.rows[from].iter() {
            for to in receivers.to_vec() {
                if !(governed[from] || governed[to]) || wanted.pairs.contains_key(&(from, to)) {
                    continue;
                }
                let found = graph.table.get(*id);
                if !wanted.excess(from, to, found).is_empty() {
                    note(from, to, &Connections::none(), found);
                }
            }
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    wrong.sort();
    let more = wrong.len().saturating_sub(SHOWN);
    wrong.truncate(SHOWN);
    let rest = if more > 0 { say!("\n… et {more} autres", "\n… and {more} more") } else { String::new() };
    let message = say!(
        "{} ne peut pas réaliser exactement cette matrice sur ces manifestes :\n{}{rest}",
        "{} cannot realise this matrix exactly on these manifests:\n{}{rest}",
        options.dialect.name(),
        wrong.join("\n")
    );
    Err(Error::new(ErrorKind::Inexpressible, message)
        .hint(say!("la cause habituelle : des blocs d'adresses qui contiennent des pods ; --pod-addresses dit quelles adresses ont les pods", "address blocks that hold pods are the usual cause: --pod-addresses says which addresses pods have"))
        .hint(say!("une autre : un nom de port qui désigne deux ports d'un même pod", "another one: a port name that stands for two ports of one pod")))
}
