//! Do the policies do what the matrix says, neither more nor less, and do the invariants hold?

use crate::language::say;
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
use crate::report::lines::{self, OUTSIDE};
use invariant::Invariant;
use std::collections::{BTreeMap, HashMap};
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

/// Reasons in words: every rule that decides, with its place and what it does.
pub fn reasons(engine: &Engine, from: usize, to: usize, about: &Connections) -> Vec<(Action, String)> {
    let mut out = Vec::new();
    for direction in [Direction::Egress, Direction::Ingress] {
        for step in engine.verdict(from, to, direction).steps {
            let common = step.connections.common(about);
            if !common.is_empty() {
                out.push((step.action, step_text(engine, &step, direction, &common)));
            }
        }
    }
    out
}

/// One step in words: `egress: file:12 NetworkPolicy shop/web rule 1 allows TCP 80`.
pub fn step_text(engine: &Engine, step: &Step, direction: Direction, connections: &Connections) -> String {
    let policy = &engine.world.policies[step.policy];
    let way = if direction == Direction::Egress { "egress" } else { "ingress" };
    let connections = connections.said();
    let verb = match step.action {
        Action::Allow => say!("autorise", "allows"),
        Action::Deny => say!("refuse", "refuses"),
        Action::Pass => say!("passe au niveau suivant", "passes on"),
    };
    match step.rule.and_then(|rule| Some((rule, policy.side(direction).rules.get(rule)?))) {
        Some((at, rule)) => {
            let name = rule.name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
            say!(
                "{way} : {} {} règle {}{name} {verb} {connections}",
                "{way}: {} {} rule {}{name} {verb} {connections}",
                rule.origin,
                policy.title(),
                at + 1
            )
        }
        None => say!(
            "{way} : {} {} choisit le pod et aucune règle n'autorise {connections}",
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
        let more = if others > 0 {
            say!(" (et {others} autres paires)", " (and {others} more pairs)")
        } else {
            String::new()
        };
        findings.push(Finding {
            kind: if denied { Kind::Contradictory } else { Kind::Missing },
            origin: flow.origin.clone(),
            message: say!(
                "{} : refusé pour {} -> {} : {lack}{more}",
                "{}: refused for {} -> {} : {lack}{more}",
                flow.text(),
                engine.title(*from),
                engine.title(*to)
            ),
            reasons: reasons(engine, *from, *to, &lack)
                .into_iter()
                .filter(|(action, _)| *action != Action::Allow)
                .map(|(_, reason)| reason)
                .collect(),
        });
    }
}

/// For every two names, the pairs of endpoints that are open; all outside addresses have one name here.
type Examples = BTreeMap<(String, String), Vec<(usize, usize)>>;

/// The name under which examples are kept.
pub(crate) fn place(title: &str) -> String {
    if title.ends_with(OUTSIDE) { OUTSIDE.to_owned() } else { title.to_owned() }
}

/// What a matrix authorises, as a graph over the endpoints of an engine.
pub fn graph_of(engine: &Engine, pairs: &HashMap<(usize, usize), Connections>) -> Graph {
    let mut table = crate::model::ports::ConnectionTable::default();
    let mut parts: Vec<BTreeMap<_, Bits>> = vec![BTreeMap::new(); engine.endpoints.len()];
    for ((from, to), set) in pairs {
        let id = table.intern(set.clone());
        parts[*from].entry(id).or_insert_with(|| Bits::none(engine.endpoints.len())).insert(*to);
    }
    let row = |parts: BTreeMap<_, Bits>| {
        Arc::new(parts.into_iter().map(|(id, bits)| (id, Stored::new(&bits))).collect::<Vec<_>>())
    };
    Graph { rows: parts.into_iter().map(row).collect(), table }
}

/// Whether the matrix is about the pods of an endpoint.
fn governed(engine: &Engine, at: usize, options: &Options) -> bool {
    engine.pod(at).is_some_and(|pod| {
        !pod.host_network
            && pod.owner.1 != lines::CONTROLLER_KIND
            && !options.excluded.contains(&pod.namespace)
    })
}

/// The part of a graph that no line authorises, as a graph, so that it collapses to lines as any other.
fn excess(engine: &Engine, graph: &Graph, wanted: &Authorised, options: &Options) -> (Graph, Examples) {
    let governed = |at: usize| governed(engine, at, options);
    let mut table = graph.table.clone();
    let mut example = Examples::new();
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
                    let names = (place(&engine.title(from)), place(&engine.title(to)));
                    example.entry(names).or_default().push((from, to));
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
    let mut ungoverned: BTreeMap<(usize, Direction), Vec<String>> = BTreeMap::new();
    let shown = lines::Shown { internet: true, ..lines::Shown::default() };
    for line in lines::lines(engine, &excess, &shown) {
        let pairs = examples.get(&(place(&line.source), place(&line.destination)));
        let fits = |&&(from, to): &&(usize, usize)| {
            line.connections.covers(excess.table.get(excess.between(from, to)))
        };
        let Some(&(from, to)) = pairs.and_then(|pairs| pairs.iter().find(fits).or(pairs.first())) else {
            continue;
        };
        let why = reasons(engine, from, to, &line.connections);
        if why.is_empty() {
            let (subject, direction, other) = match governed(engine, to, options) {
                true => (to, Direction::Ingress, &line.source),
                false => (from, Direction::Egress, &line.destination),
            };
            ungoverned
                .entry((subject, direction))
                .or_default()
                .push(format!("{other} ({})", line.connections.said()));
            continue;
        }
        let origin = deciding_rule(engine, from, to, &line.connections)
            .or_else(|| engine.pod(to).or_else(|| engine.pod(from)).map(|pod| pod.origin.clone()))
            .unwrap_or_else(Origin::built_in);
        let allows = why.into_iter().filter(|(action, _)| *action == Action::Allow);
        let message = say!(
            "{} -> {} : {} est ouvert et aucune ligne ne l'autorise",
            "{} -> {} : {} is open and no line authorises it",
            line.source,
            line.destination,
            line.connections.said()
        );
        let reasons = allows.map(|(_, reason)| reason).collect();
        findings.push(Finding { kind: Kind::Excessive, origin, message, reasons });
    }
    for ((subject, direction), others) in ungoverned {
        let title = engine.title(subject);
        let (count, first) = (others.len(), &others[0]);
        let (fr, en) = if count == 1 { ("partie", "party") } else { ("parties", "parties") };
        let message = match direction {
            Direction::Ingress => say!(
                "{title} : aucune politique ne régit ce qui entre ; ouvert sans ligne depuis {count} {fr}, telle {first}",
                "{title}: no policy governs what comes in; open without a line from {count} {en}, such as {first}"
            ),
            Direction::Egress => say!(
                "{title} : aucune politique ne régit ce qui sort ; ouvert sans ligne vers {count} {fr}, telle {first}",
                "{title}: no policy governs what goes out; open without a line to {count} {en}, such as {first}"
            ),
        };
        let origin = engine.pod(subject).map_or_else(Origin::built_in, |pod| pod.origin.clone());
        findings.push(Finding { kind: Kind::Excessive, origin, message, reasons: Vec::new() });
    }
}

fn deciding_rule(engine: &Engine, from: usize, to: usize, about: &Connections) -> Option<Origin> {
    [Direction::Ingress, Direction::Egress].iter().find_map(|&direction| {
        let verdict = engine.verdict(from, to, direction);
        let decides =
            |step: &&Step| step.action == Action::Allow && !step.connections.common(about).is_empty();
        let step = verdict.steps.iter().find(decides)?;
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
            add(
                Kind::Unjustified,
                &flow.origin,
                say!("{} : sans justification", "{}: no justification", flow.text()),
            );
        }
        if let (Some(review), Some(today)) = (flow.review, options.today)
            && review < today
        {
            add(
                Kind::Expired,
                &flow.origin,
                say!("{} : la revue était due le {review}", "{}: review was due on {review}", flow.text()),
            );
        }
        if wanted.by_flow[at].is_empty() {
            add(
                Kind::Unused,
                &flow.origin,
                say!(
                    "{} : ne concerne aucun pod déclaré",
                    "{}: it concerns no pod that is declared",
                    flow.text()
                ),
            );
            continue;
        }
    }
    for (at, later) in covered_lines(wanted) {
        let (first, second) = (&matrix.flows[at], &matrix.flows[later]);
        add(
            Kind::Shadowed,
            &second.origin,
            say!("{} : déjà autorisé par {}", "{}: already authorised by {}", second.text(), first.origin),
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
        // A policy over all pods of its namespaces waits for those to come: a default deny is never useless.
        let whole = policy.subject.pods.is_everything();
        if !selected[number] && whole {
            continue;
        }
        if !selected[number] {
            add(
                Kind::Unused,
                &policy.origin,
                say!("{} ne choisit aucun pod", "{} selects no pod", policy.title()),
            );
            continue;
        }
        for direction in [Direction::Ingress, Direction::Egress] {
            for (at, cover) in engine.covered_rules(number, direction) {
                let rule = &policy.side(direction).rules[at];
                match cover {
                    None => add(
                        Kind::Unused,
                        &rule.origin,
                        say!(
                            "{} : cette règle ne nomme personne de déclaré",
                            "{}: this rule names nobody that is declared",
                            policy.title()
                        ),
                    ),
                    Some(by) => {
                        let by = &policy.side(direction).rules[by];
                        add(
                            Kind::Shadowed,
                            &rule.origin,
                            say!(
                                "{} : la règle en {} en décide déjà",
                                "{}: the rule at {} already decides this",
                                policy.title(),
                                by.origin
                            ),
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
