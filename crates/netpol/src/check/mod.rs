//! Do the policies do what the matrix says, neither more nor less, and do the invariants hold?

pub mod difference;
pub mod export;
pub mod infer;
pub mod invariant;
pub mod observed;
pub mod output;

use crate::engine::bits::{Bits, Stored};
use crate::engine::decide::Step;
use crate::engine::graph::Graph;
use crate::engine::{Endpoint, Engine};
use crate::error::{Origin, Result};
use crate::matrix::resolve::{Authorised, Places, authorised, settings};
use crate::matrix::{Day, Matrix};
use crate::model::policy::{Action, Direction};
use crate::model::ports::Connections;
use crate::model::world::World;
use crate::report::lines;
use invariant::Invariant;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What kind of disagreement it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The matrix authorises it and no rule lets it through.
    Missing,
    /// The policies let it through and no line authorises it.
    Excessive,
    /// The matrix authorises it and a rule refuses it by name.
    Contradictory,
    /// An invariant does not hold.
    Invariant,
    /// The date of review of a line has passed.
    Expired,
    /// A line says no reason.
    Unjustified,
    /// A policy, a rule or a line concerns nobody.
    Unused,
    /// A rule or a line says only what another says.
    Shadowed,
}

impl Kind {
    /// The word in outputs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Excessive => "excessive",
            Self::Contradictory => "contradictory",
            Self::Invariant => "invariant",
            Self::Expired => "expired",
            Self::Unjustified => "unjustified",
            Self::Unused => "unused",
            Self::Shadowed => "shadowed",
        }
    }

    /// The word in French.
    pub fn french(self) -> &'static str {
        match self {
            Self::Missing => "manquant",
            Self::Excessive => "excessif",
            Self::Contradictory => "contradictoire",
            Self::Invariant => "invariant",
            Self::Expired => "échu",
            Self::Unjustified => "injustifié",
            Self::Unused => "inutile",
            Self::Shadowed => "masqué",
        }
    }

    /// Whether it breaks the proof; the others are to be tidied.
    pub fn is_error(self) -> bool {
        matches!(self, Self::Missing | Self::Excessive | Self::Contradictory | Self::Invariant)
    }
}

/// One disagreement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// What kind.
    pub kind: Kind,
    /// Where to look.
    pub origin: Origin,
    /// What is wrong.
    pub message: String,
    /// Why: the rules that decide, with file and line.
    pub reasons: Vec<String>,
}

/// What to check.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where the resolver and the API server are.
    pub places: Places,
    /// Namespaces that the matrix does not govern.
    pub excluded: Vec<String>,
    /// Today, for dates of review.
    pub today: Option<Day>,
    /// What must hold whatever the matrix says.
    pub invariants: Vec<Invariant>,
    /// Pod addresses are not matched by `ipBlock` (Cilium).
    pub ignore_pod_addresses: bool,
}

/// All findings, the most serious kinds first. Without a matrix only policies and invariants are looked at.
pub fn check(world: World, matrix: Option<&Matrix>, options: &Options) -> Result<Vec<Finding>> {
    let nothing = Matrix::default();
    let flows = matrix.unwrap_or(&nothing);
    let mut settings = settings(flows, &options.places);
    settings.ignore_pod_addresses = options.ignore_pod_addresses;
    for invariant in &options.invariants {
        settings.cuts.extend(invariant.cuts());
    }
    let engine = Engine::new(world, &settings);
    engine.refuse_ambiguity()?;
    let graph = engine.graph();
    let mut findings = Vec::new();
    if matrix.is_some() {
        let wanted = authorised(&engine, flows, &options.places)?;
        missing(&engine, &graph, flows, &wanted, &mut findings);
        excessive(&engine, &graph, &wanted, options, &mut findings);
        matrix_lines(flows, &wanted, options, &mut findings);
    }
    for invariant in &options.invariants {
        findings.extend(invariant::check(&engine, &graph, invariant, &options.places)?);
    }
    policies(&engine, &mut findings);
    findings.sort();
    findings.dedup();
    Ok(findings)
}

/// Reasons in words: every rule that decides, with its place.
pub fn reasons(engine: &Engine, from: usize, to: usize, about: &Connections) -> Vec<String> {
    let mut out = Vec::new();
    for direction in [Direction::Egress, Direction::Ingress] {
        for step in engine.verdict(from, to, direction).steps {
            let common = step.connections.common(about);
            if !common.is_empty() {
                out.push(step_text(engine, &step, direction, &common));
            }
        }
    }
    out
}

/// One step in words: `egress: file:12 NetworkPolicy shop/web rule 1 allows TCP 80`.
pub fn step_text(engine: &Engine, step: &Step, direction: Direction, connections: &Connections) -> String {
    let policy = &engine.world.policies[step.policy];
    let way = if direction == Direction::Egress { "egress" } else { "ingress" };
    let verb = match step.action {
        Action::Allow => "allows",
        Action::Deny => "refuses",
        Action::Pass => "passes on",
    };
    match step.rule.and_then(|rule| Some((rule, policy.side(direction).rules.get(rule)?))) {
        Some((at, rule)) => {
            let name = rule.name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
            format!("{way}: {} {} rule {}{name} {verb} {connections}", rule.origin, policy.title(), at + 1)
        }
        None => format!(
            "{way}: {} {} selects the pod and no rule allows {connections}",
            policy.origin,
            policy.title()
        ),
    }
}

fn missing(
    engine: &Engine,
    graph: &Graph,
    matrix: &Matrix,
    wanted: &Authorised,
    findings: &mut Vec<Finding>,
) {
    for (flow, pairs) in matrix.flows.iter().zip(&wanted.by_flow) {
        // One finding per line is enough to repair it; the pairs behind it are counted.
        let lacking = |(from, to, set): &&(usize, usize, Connections)| {
            from != to && !graph.table.get(graph.between(*from, *to)).covers(set)
        };
        let mut lacks = pairs.iter().filter(lacking);
        let Some((from, to, set)) = lacks.next() else { continue };
        let others = lacks.count();
        let lack = set.minus(graph.table.get(graph.between(*from, *to)));
        let denied = [Direction::Egress, Direction::Ingress].iter().any(|&direction| {
            engine.verdict(*from, *to, direction).steps.iter().any(|step| {
                step.action == Action::Deny
                    && step.rule.is_some()
                    && !step.connections.common(&lack).is_empty()
            })
        });
        let more = if others > 0 { format!(" (and {others} more pairs)") } else { String::new() };
        findings.push(Finding {
            kind: if denied { Kind::Contradictory } else { Kind::Missing },
            origin: flow.origin.clone(),
            message: format!(
                "{}: refused for {} -> {} : {lack}{more}",
                flow.text(),
                engine.title(*from),
                engine.title(*to)
            ),
            reasons: reasons(engine, *from, *to, &lack)
                .into_iter()
                .filter(|reason| !reason.contains(" allows "))
                .collect(),
        });
    }
}

/// For every two names, one pair of endpoints that is open.
type Examples = BTreeMap<(String, String), (usize, usize)>;

/// The part of a graph that no line authorises, as a graph, so that it collapses to lines as any other.
fn excess(engine: &Engine, graph: &Graph, wanted: &Authorised, options: &Options) -> (Graph, Examples) {
    let governed = |at: usize| {
        engine.pod(at).is_some_and(|pod| {
            !pod.host_network
                && pod.owner.1 != lines::CONTROLLER_KIND
                && !options.excluded.contains(&pod.namespace)
        })
    };
    let mut table = graph.table.clone();
    let mut example = BTreeMap::new();
    let mut rows = Vec::with_capacity(graph.rows.len());
    for from in 0..engine.endpoints.len() {
        let mut parts: BTreeMap<_, Bits> = BTreeMap::new();
        for (id, receivers) in graph.rows[from].iter() {
            for to in receivers.to_vec() {
                if from == to || !(governed(from) || governed(to)) {
                    continue;
                }
                let over = wanted.excess(from, to, table.get(*id));
                if !over.is_empty() {
                    let key = table.intern(over);
                    parts.entry(key).or_insert_with(|| Bits::none(engine.endpoints.len())).insert(to);
                    example.entry((engine.title(from), engine.title(to))).or_insert((from, to));
                }
            }
        }
        rows.push(Arc::new(parts.into_iter().map(|(id, bits)| (id, Stored::new(&bits))).collect::<Vec<_>>()));
    }
    (Graph { rows, table }, example)
}

fn excessive(
    engine: &Engine,
    graph: &Graph,
    wanted: &Authorised,
    options: &Options,
    findings: &mut Vec<Finding>,
) {
    let (excess, examples) = excess(engine, graph, wanted, options);
    for line in lines::lines(engine, &excess, &lines::Shown::default()) {
        let outside = |text: &str| text.ends_with("[External]");
        let key = (line.source.clone(), line.destination.clone());
        let pair = examples.get(&key).copied().or_else(|| {
            examples.iter().find_map(|((from, to), pair)| {
                let same = |shown: &str, title: &str| shown == title || (outside(shown) && outside(title));
                (same(&line.source, from) && same(&line.destination, to)).then_some(*pair)
            })
        });
        let why = pair.map(|(from, to)| reasons(engine, from, to, &line.connections)).unwrap_or_default();
        let subject = pair.and_then(|(from, to)| engine.pod(to).or_else(|| engine.pod(from)));
        let origin = match pair.and_then(|(from, to)| deciding_rule(engine, from, to)) {
            Some(origin) => origin,
            None => subject.map_or_else(Origin::built_in, |pod| pod.origin.clone()),
        };
        let reasons = match why.is_empty() {
            true => vec!["no policy selects the pod in this direction".to_owned()],
            false => why.into_iter().filter(|reason| reason.contains(" allows ")).collect(),
        };
        let message = format!(
            "{} -> {} : {} is open and no line authorises it",
            line.source, line.destination, line.connections
        );
        findings.push(Finding { kind: Kind::Excessive, origin, message, reasons });
    }
}

fn deciding_rule(engine: &Engine, from: usize, to: usize) -> Option<Origin> {
    [Direction::Ingress, Direction::Egress].iter().find_map(|&direction| {
        let verdict = engine.verdict(from, to, direction);
        let step = verdict.steps.iter().find(|step| step.action == Action::Allow)?;
        let policy = &engine.world.policies[step.policy];
        Some(policy.side(direction).rules.get(step.rule?)?.origin.clone())
    })
}

fn matrix_lines(matrix: &Matrix, wanted: &Authorised, options: &Options, findings: &mut Vec<Finding>) {
    let mut add = |kind: Kind, origin: &Origin, message: String| {
        findings.push(Finding { kind, origin: origin.clone(), message, reasons: Vec::new() });
    };
    for (at, flow) in matrix.flows.iter().enumerate() {
        if flow.justification.trim().is_empty() {
            add(Kind::Unjustified, &flow.origin, format!("{}: no justification", flow.text()));
        }
        if let (Some(review), Some(today)) = (flow.review, options.today)
            && review < today
        {
            add(Kind::Expired, &flow.origin, format!("{}: review was due on {review}", flow.text()));
        }
        if wanted.by_flow[at].is_empty() {
            add(Kind::Unused, &flow.origin, format!("{}: it concerns no pod that is declared", flow.text()));
            continue;
        }
    }
    for (at, later) in covered_lines(wanted) {
        let (first, second) = (&matrix.flows[at], &matrix.flows[later]);
        add(
            Kind::Shadowed,
            &second.origin,
            format!("{}: already authorised by {}", second.text(), first.origin),
        );
    }
}

/// Lines whose every pair is authorised by one other line: (wider, narrower).
fn covered_lines(wanted: &Authorised) -> Vec<(usize, usize)> {
    let mut by_pair: std::collections::HashMap<(usize, usize), Vec<(usize, &Connections)>> =
        Default::default();
    for (flow, pairs) in wanted.by_flow.iter().enumerate() {
        for (from, to, set) in pairs {
            by_pair.entry((*from, *to)).or_default().push((flow, set));
        }
    }
    let mut covered = Vec::new();
    for (flow, pairs) in wanted.by_flow.iter().enumerate() {
        let Some((from, to, set)) = pairs.first() else { continue };
        let candidates = by_pair.get(&(*from, *to)).map(Vec::as_slice).unwrap_or_default();
        let wider = candidates.iter().filter(|(other, wide)| *other != flow && wide.covers(set)).find(
            |(other, _)| {
                let all = pairs.iter().all(|(from, to, set)| {
                    by_pair[&(*from, *to)].iter().any(|(owner, wide)| owner == other && wide.covers(set))
                });
                // Of two equal lines only the later one is reported.
                all && (wanted.by_flow[*other].len() > pairs.len()
                    || *other < flow
                    || candidates.iter().any(|(o, w)| o == other && *w != set))
            },
        );
        if let Some((other, _)) = wider {
            covered.push((*other, flow));
        }
    }
    covered
}

/// Policies and rules that concern nobody, and rules that say only what an earlier rule of their policy says.
fn policies(engine: &Engine, findings: &mut Vec<Finding>) {
    let mut selected = vec![false; engine.world.policies.len()];
    for at in 0..engine.pod_endpoints {
        for direction in [Direction::Ingress, Direction::Egress] {
            engine.policies_on(at, direction).iter().for_each(|&policy| selected[policy as usize] = true);
        }
    }
    for (number, policy) in engine.world.policies.iter().enumerate() {
        let mut add = |kind: Kind, origin: &Origin, message: String| {
            findings.push(Finding { kind, origin: origin.clone(), message, reasons: Vec::new() });
        };
        if !selected[number] {
            add(Kind::Unused, &policy.origin, format!("{} selects no pod", policy.title()));
            continue;
        }
        for direction in [Direction::Ingress, Direction::Egress] {
            for (at, cover) in engine.covered_rules(number, direction) {
                let rule = &policy.side(direction).rules[at];
                match cover {
                    None => add(
                        Kind::Unused,
                        &rule.origin,
                        format!("{}: this rule names nobody that is declared", policy.title()),
                    ),
                    Some(by) => {
                        let by = &policy.side(direction).rules[by];
                        add(
                            Kind::Shadowed,
                            &rule.origin,
                            format!("{}: the rule at {} already decides this", policy.title(), by.origin),
                        );
                    }
                }
            }
        }
    }
}

/// Whether an endpoint is outside the cluster.
pub fn is_outside(engine: &Engine, at: usize) -> bool {
    !matches!(engine.endpoints[at], Endpoint::Pods(_))
}
