//! `netpol allows` and `netpol explain`.

use super::{AskArgs, ExitStatus, deliver, inputs};
use crate::check::step_text;
use crate::engine::Engine;
use crate::error::{Error, Origin, Result};
use crate::language::say;
use crate::matrix::party::Party;
use crate::matrix::read::parse_ports;
use crate::matrix::resolve::{connections, endpoints, settings};
use crate::matrix::{Category, Flow, Matrix};
use crate::model::policy::{Direction, PortMatch};
use crate::model::ports::Connections;
use crate::report::Terminal;
use std::io::Write;
use std::sync::Arc;

/// Pairs that are explained one by one; the rest is counted.
const MAX_EXPLAINED: usize = 20;

struct Question {
    engine: Engine,
    flow: Flow,
    from: Vec<usize>,
    to: Vec<usize>,
}

fn question(args: &AskArgs, err: &mut dyn Write) -> Result<Question> {
    let world = inputs::declared(&args.manifests, err)?;
    let places = inputs::places(&args.manifests)?;
    let party = |text: &str| Party::parse(text, None).map_err(Error::usage);
    let ports = match &args.ports {
        None => vec![PortMatch::Numbers(Connections::all())],
        Some(text) => parse_ports("", text).map_err(Error::usage)?,
    };
    let flow = Flow {
        id: None,
        source: party(&args.from)?,
        destination: party(&args.to)?,
        ports,
        justification: String::new(),
        owner: String::new(),
        review: None,
        category: Category::default(),
        origin: Origin::new(&Arc::from("command line"), 0),
    };
    let matrix = Matrix { flows: vec![flow], notes: Vec::new() };
    let mut settings = settings(&matrix, &places);
    settings.ignore_pod_addresses = args.manifests.ignore_pod_addresses;
    let engine = inputs::engine(world, &settings)?;
    let flow = matrix.flows.into_iter().next().unwrap_or_else(|| unreachable!("one flow was put in"));
    let from = endpoints(&engine, &flow.source, &places, &flow)?;
    let to = endpoints(&engine, &flow.destination, &places, &flow)?;
    if from.is_empty() || to.is_empty() {
        let who = if from.is_empty() { &args.from } else { &args.to };
        return Err(Error::usage(say!(
            "« {who} » ne désigne aucun pod de ces manifestes",
            "'{who}' matches no pod of these manifests"
        )));
    }
    Ok(Question { engine, flow, from, to })
}

impl Question {
    /// The pairs with what is asked of each; a pod is not asked about itself.
    fn pairs(&self) -> Vec<(usize, usize, Connections)> {
        let mut pairs = Vec::new();
        for &from in &self.from {
            for &to in &self.to {
                let pods = self.engine.is_pod(from) || self.engine.is_pod(to);
                if pods && (from != to || (self.from.len() == 1 && self.to.len() == 1)) {
                    pairs.push((from, to, connections(&self.engine, &self.flow, to)));
                }
            }
        }
        pairs
    }
}

/// Says whether one party can reach another; refused answers end with [`ExitStatus::Findings`].
pub fn allows(
    args: &AskArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
    terminal: Terminal,
) -> Result<ExitStatus> {
    let question = question(args, err)?;
    let mut text = String::new();
    let mut all = true;
    for (from, to, asked) in question.pairs() {
        let open = question.engine.allowed(from, to).common(&asked);
        let allowed = args.ports.is_none() && !open.is_empty() || (!asked.is_empty() && open == asked);
        all &= allowed;
        let verdict = match (allowed, open.is_empty()) {
            (true, _) => terminal.language.pick("autorisé", "allowed"),
            (false, true) => terminal.language.pick("refusé", "refused"),
            _ => terminal.language.pick("en partie", "in part"),
        };
        text.push_str(&format!(
            "{} => {} : {verdict} ({})\n",
            question.engine.title(from),
            question.engine.title(to),
            terminal.language.read(&open.said())
        ));
    }
    deliver(&super::OutputArgs { out: None }, text.as_bytes(), out)?;
    Ok(if all { ExitStatus::Success } else { ExitStatus::Findings })
}

/// Says why, rule by rule.
pub fn explain(
    args: &AskArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
    terminal: Terminal,
) -> Result<ExitStatus> {
    let question = question(args, err)?;
    let engine = &question.engine;
    let mut text = String::new();
    let mut all = true;
    let pairs = question.pairs();
    for (from, to, asked) in pairs.iter().take(MAX_EXPLAINED) {
        let open = engine.allowed(*from, *to).common(asked);
        all &= !open.is_empty() && (args.ports.is_none() || open == *asked);
        let verdict = match (open.is_empty(), open == *asked) {
            (true, _) => terminal.language.pick("refusé", "refused"),
            (_, true) => terminal.language.pick("autorisé", "allowed"),
            _ => terminal.language.pick("en partie", "in part"),
        };
        let connections = if open.is_empty() { asked } else { &open };
        let (from_title, to_title) = (engine.title(*from), engine.title(*to));
        text.push_str(&format!(
            "{from_title} => {to_title} : {verdict} ({})\n",
            terminal.language.read(&connections.said())
        ));
        for direction in [Direction::Egress, Direction::Ingress] {
            let verdict = engine.verdict(*from, *to, direction);
            let subject = if direction == Direction::Egress { *from } else { *to };
            let way = if direction == Direction::Egress { "egress" } else { "ingress" };
            if !engine.is_pod(subject) {
                continue;
            }
            if verdict.by_default {
                let why = terminal.language.pick(
                    "aucune politique ne choisit ce pod dans ce sens : tout passe",
                    "no policy selects this pod in this direction: everything passes",
                );
                text.push_str(&format!("  {way}: {why}\n"));
            }
            for step in &verdict.steps {
                let common = step.connections.common(asked);
                if !common.is_empty() {
                    let said = step_text(engine, step, direction, &common);
                    text.push_str(&format!("  {}\n", terminal.language.read(&said)));
                }
            }
            let passed = verdict.allowed.common(asked);
            let sum = terminal.language.pick("laisse passer :", "lets through:");
            text.push_str(&format!("  {way} {sum} {}\n", terminal.language.read(&passed.said())));
        }
    }
    if pairs.len() > MAX_EXPLAINED {
        text.push_str(&format!(
            "… {} {}\n",
            pairs.len() - MAX_EXPLAINED,
            terminal.language.pick("autres paires", "more pairs")
        ));
    }
    deliver(&super::OutputArgs { out: None }, text.as_bytes(), out)?;
    Ok(if all { ExitStatus::Success } else { ExitStatus::Findings })
}
