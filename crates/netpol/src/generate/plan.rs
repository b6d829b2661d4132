//! Which pods need which rules, before any dialect is chosen?

use super::{Dialect, Options, inexpressible};
use crate::error::{Error, Result};
use crate::language::say;
use crate::matrix::party::Party;
use crate::matrix::{Category, Flow, Matrix};
use crate::model::address::Addresses;
use crate::model::labels::{Labels, Requirement, Selector};
use crate::model::policy::{Direction, PortMatch};
use crate::model::ports::Connections;
use crate::model::world::{Pod, Service, TargetPort, World};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Labels that controllers add to each pod: they change at every rollout, so no policy may hang on them.
const VOLATILE: [&str; 7] = [
    "pod-template-hash",
    "controller-revision-hash",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
    "controller-uid",
];

/// Pods as a policy names them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// Their namespace; `None` means every namespace.
    pub namespace: Option<String>,
    /// Their labels.
    pub selector: Selector,
}

/// The other end of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Other {
    /// Pods.
    Pods(Target),
    /// Addresses.
    Addresses(Addresses),
    /// A host name.
    Name(String),
    /// The API server.
    ApiServer,
}

/// One rule: a flow seen from one end.
#[derive(Clone, Debug)]
pub struct PlannedRule {
    /// The flow, by index in the matrix.
    pub flow: usize,
    /// The other end.
    pub other: Other,
    /// The ports; `None` means all.
    pub ports: Option<Vec<PortMatch>>,
}

/// The rules of some pods of one namespace.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// What the policy is called.
    pub name: String,
    /// What may come in.
    pub ingress: Vec<PlannedRule>,
    /// What may go out.
    pub egress: Vec<PlannedRule>,
}

/// Who a policy applies to: category, namespace, labels.
pub type SubjectKey = (Category, String, Selector);

/// All rules, in a stable order.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Namespaces under default deny.
    pub governed: BTreeSet<String>,
    /// Whether the default deny is written (not for a single category).
    pub default_deny: bool,
    /// The policies.
    pub subjects: BTreeMap<SubjectKey, Subject>,
    /// How many flows the matrix has.
    pub flows: usize,
}

/// Plans the rules of a matrix.
pub fn plan(world: &World, matrix: &Matrix, options: &Options) -> Result<Plan> {
    let mut planner = Planner { world, options, targets: HashMap::new(), pods: HashMap::new() };
    for pod in &world.pods {
        planner.pods.entry(&pod.namespace).or_default().push(pod);
    }
    let mut plan = Plan {
        governed: governed(world, matrix, options),
        default_deny: options.category.is_none(),
        subjects: BTreeMap::new(),
        flows: matrix.flows.len(),
    };
    let mut errors = Vec::new();
    for (at, flow) in matrix.flows.iter().enumerate() {
        if let Err(error) = planner.flow(at, flow, &mut plan) {
            errors.push(error);
        }
    }
    name_subjects(&mut plan);
    Error::join(errors).map_or(Ok(plan), Err)
}

fn governed(world: &World, matrix: &Matrix, options: &Options) -> BTreeSet<String> {
    let mut governed: BTreeSet<String> = world.pods.iter().map(|pod| pod.namespace.clone()).collect();
    for party in matrix.flows.iter().flat_map(|flow| [&flow.source, &flow.destination]) {
        match party {
            Party::Workload { namespace, .. }
            | Party::Service { namespace, .. }
            | Party::Pods { namespace: Some(namespace), .. } => {
                governed.insert(namespace.clone());
            }
            _ => {}
        }
    }
    governed.retain(|namespace| !options.excluded.contains(namespace));
    governed
}

struct Planner<'a> {
    world: &'a World,
    options: &'a Options,
    targets: HashMap<Party, Vec<Target>>,
    /// The pods of each namespace.
    pods: HashMap<&'a str, Vec<&'a Pod>>,
}

impl Planner<'_> {
    fn flow(&mut self, at: usize, flow: &Flow, plan: &mut Plan) -> Result<()> {
        let sources = self.ends(flow, &flow.source, Direction::Egress)?;
        let destinations = self.ends(flow, &flow.destination, Direction::Ingress)?;
        let outside = |ends: &[Other]| ends.iter().all(|end| !matches!(end, Other::Pods(_)));
        if outside(&sources) && outside(&destinations) {
            return Err(Error::input(
                &flow.origin,
                say!("« {} » ne touche aucun pod", "'{}' does not touch a pod", flow.text()),
            ));
        }
        let ports = self.ports(flow)?;
        for source in &sources {
            for destination in &destinations {
                for (direction, subject, other) in
                    [(Direction::Egress, source, destination), (Direction::Ingress, destination, source)]
                {
                    let Other::Pods(target) = subject else { continue };
                    let rule = PlannedRule { flow: at, other: other.clone(), ports: ports.clone() };
                    add(plan, flow.category, target, direction, rule);
                }
            }
        }
        Ok(())
    }

    fn ends(&mut self, flow: &Flow, party: &Party, direction: Direction) -> Result<Vec<Other>> {
        Ok(match party {
            Party::Addresses(addresses) => {
                let outside = self.options.places.outside(addresses);
                if outside.is_empty() {
                    let message = say!(
                        "{party} ne contient que des adresses de pods",
                        "{party} holds addresses of pods only"
                    );
                    return Err(Error::input(&flow.origin, message).hint(say!(
                        "nommer plutôt les pods : espace/charge",
                        "name the pods instead: namespace/workload"
                    )));
                }
                vec![Other::Addresses(outside)]
            }
            Party::Name(name) if direction == Direction::Ingress => vec![Other::Name(name.clone())],
            Party::Name(_) => {
                return Err(Error::input(
                    &flow.origin,
                    say!(
                        "un nom d'hôte ne peut être qu'une destination",
                        "a host name can only be a destination"
                    ),
                ));
            }
            Party::ApiServer => vec![Other::ApiServer],
            Party::Dns => vec![Other::Pods(Target {
                namespace: Some(self.options.places.dns_namespace.clone()),
                selector: self.options.places.dns_selector.clone(),
            })],
            Party::Pods { namespace, selector } => {
                vec![Other::Pods(Target { namespace: namespace.clone(), selector: selector.clone() })]
            }
            Party::Workload { .. } | Party::Service { .. } => {
                if let Some(targets) = self.targets.get(party) {
                    return Ok(targets.iter().cloned().map(Other::Pods).collect());
                }
                let targets = self.named(flow, party)?;
                self.targets.insert(party.clone(), targets.clone());
                targets.into_iter().map(Other::Pods).collect()
            }
        })
    }

    fn pods_of(&self, namespace: &str) -> &[&Pod] {
        self.pods.get(namespace).map(Vec::as_slice).unwrap_or_default()
    }

    fn named(&self, flow: &Flow, party: &Party) -> Result<Vec<Target>> {
        let missing = || {
            Error::input(
                &flow.origin,
                say!("aucun manifeste ne déclare de pod de {party}", "no manifest declares a pod of {party}"),
            )
            .hint(say!(
                "donner les manifestes des charges, ou nommer les pods par étiquette : espace/{{app=web}}",
                "give the manifests of the workloads, or name pods by label: namespace/{{app=web}}"
            ))
        };
        if let Party::Service { namespace, name } = party {
            let service = self.world.service(namespace, name).ok_or_else(missing)?;
            let selector = service.selector.clone().ok_or_else(|| {
                Error::input(
                    &flow.origin,
                    say!(
                        "le Service {namespace}/{name} n'a pas de sélecteur",
                        "the Service {namespace}/{name} has no selector"
                    ),
                )
            })?;
            return Ok(vec![Target { namespace: Some(namespace.clone()), selector }]);
        }
        let Party::Workload { namespace, name, kind } = party else { return Ok(Vec::new()) };
        let ours = |pod: &Pod| {
            pod.namespace == *namespace
                && ((pod.owner.0 == *name && kind.as_ref().is_none_or(|kind| pod.owner.1 == *kind))
                    || (pod.name == *name && kind.as_deref() == Some("Pod")))
        };
        let mut owners: BTreeMap<&(String, String), Vec<&Pod>> = BTreeMap::new();
        for pod in self.pods_of(namespace).iter().copied().filter(|pod| ours(pod)) {
            owners.entry(&pod.owner).or_default().push(pod);
        }
        if owners.is_empty() {
            return Err(missing());
        }
        let mut targets = Vec::new();
        for pods in owners.into_values() {
            if pods.iter().any(|pod| pod.host_network) {
                let why = say!(
                    "ses pods utilisent le réseau du nœud, qu'aucune politique ne régit",
                    "its pods use the node's network, which no policy governs"
                );
                return Err(inexpressible(flow, self.options.dialect, &why));
            }
            targets.push(Target {
                namespace: Some(namespace.clone()),
                selector: self.exact(flow, party, &pods)?,
            });
        }
        Ok(targets)
    }

    /// A selector that matches these pods and no other of their namespace.
    fn exact(&self, flow: &Flow, party: &Party, pods: &[&Pod]) -> Result<Selector> {
        let mut labels: Labels = pods[0].labels.clone();
        labels.retain(|key, value| {
            !VOLATILE.contains(&key.as_str()) && pods.iter().all(|pod| pod.labels.get(key) == Some(value))
        });
        let mut requirements: Vec<Requirement> =
            labels.iter().map(|(key, value)| Requirement::In(key.clone(), vec![value.clone()])).collect();
        let ours = |pod: &Pod| pods.iter().any(|own| own.owner == pod.owner && own.name == pod.name);
        let matched = |requirements: &[Requirement]| -> Vec<&Pod> {
            self.pods_of(&pods[0].namespace)
                .iter()
                .copied()
                .filter(|pod| !pod.host_network && !ours(pod))
                .filter(|pod| requirements.iter().all(|requirement| requirement.matches(&pod.labels)))
                .collect()
        };
        for stranger in matched(&requirements) {
            let extra =
                stranger.labels.keys().find(|key| pods.iter().all(|pod| !pod.labels.contains_key(*key)));
            if let Some(key) = extra {
                requirements.push(Requirement::Missing(key.clone()));
            }
        }
        if let Some(stranger) = matched(&requirements).first() {
            let message = say!(
                "les étiquettes ne distinguent pas {party} de {}{}",
                "{party} cannot be told apart from {} by its labels{}",
                stranger.title(),
                if labels.is_empty() { say!(" (il n'en a pas)", " (it has none)") } else { String::new() }
            );
            return Err(Error::input(&flow.origin, message).hint(say!(
                "donner à ses pods une étiquette qui leur soit propre",
                "give its pods a label of their own"
            )));
        }
        Ok(Selector::new(requirements))
    }

    fn ports(&self, flow: &Flow) -> Result<Option<Vec<PortMatch>>> {
        let mut ports = Vec::new();
        for port in &flow.ports {
            match (port, &flow.destination) {
                (PortMatch::Numbers(set), _) if set.is_all() => return Ok(None),
                (PortMatch::Numbers(set), Party::Service { namespace, name }) => {
                    if let Some(service) = self.world.service(namespace, name) {
                        service_ports(service, set, flow, &mut ports)?;
                    }
                }
                _ => ports.push(port.clone()),
            }
        }
        Ok(Some(ports))
    }
}

fn service_ports(
    service: &Service,
    set: &Connections,
    flow: &Flow,
    ports: &mut Vec<PortMatch>,
) -> Result<()> {
    let before = ports.len();
    for port in service.ports.iter().filter(|port| set.contains(port.protocol, port.port)) {
        ports.push(match &port.target {
            TargetPort::Number(number) => {
                PortMatch::Numbers(Connections::range(port.protocol, *number, *number))
            }
            TargetPort::Name(name) => PortMatch::Named(Some(port.protocol), name.clone()),
        });
    }
    match ports.len() == before {
        true => Err(Error::input(
            &flow.origin,
            say!(
                "le Service {}/{} n'a pas de port {set}",
                "the Service {}/{} has no port {set}",
                service.namespace,
                service.name
            ),
        )),
        false => Ok(()),
    }
}

fn add(plan: &mut Plan, category: Category, target: &Target, direction: Direction, rule: PlannedRule) {
    let namespaces: Vec<String> = match &target.namespace {
        Some(namespace) => vec![namespace.clone()],
        None => plan.governed.iter().cloned().collect(),
    };
    for namespace in namespaces {
        if !plan.governed.contains(&namespace) {
            continue;
        }
        let subject = plan.subjects.entry((category, namespace, target.selector.clone())).or_default();
        match direction {
            Direction::Ingress => subject.ingress.push(rule.clone()),
            Direction::Egress => subject.egress.push(rule.clone()),
        }
    }
}

/// Names that stay the same while category, namespace and labels do: the clearest label value, then a checksum when
/// two policies of a namespace would share a name.
fn name_subjects(plan: &mut Plan) {
    let mut taken: HashMap<(String, String), usize> = HashMap::new();
    let base = |selector: &Selector| -> String {
        let preferred = ["app.kubernetes.io/name", "app.kubernetes.io/component", "app", "name", "k8s-app"];
        let value = |key: &str| {
            selector.requirements().iter().find_map(|requirement| match requirement {
                Requirement::In(own, values) if own == key && values.len() == 1 => Some(values[0].clone()),
                _ => None,
            })
        };
        let found = preferred
            .iter()
            .find_map(|key| value(key))
            .or_else(|| selector.requirements().iter().find_map(|requirement| value(requirement.key())));
        let text =
            found.unwrap_or_else(|| if selector.is_everything() { "all".into() } else { "some".into() });
        let legal: String = text
            .to_ascii_lowercase()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' })
            .take(40)
            .collect();
        legal.trim_matches('-').to_owned()
    };
    for (category, namespace, selector) in plan.subjects.keys() {
        *taken.entry((namespace.clone(), format!("{}-{}", category.name(), base(selector)))).or_default() +=
            1;
    }
    for ((category, namespace, selector), subject) in &mut plan.subjects {
        let name = format!("{}-{}", category.name(), base(selector));
        let shared = taken.get(&(namespace.clone(), name.clone())).is_some_and(|count| *count > 1);
        subject.name = match shared {
            true => format!("{name}-{:08x}", checksum(&selector.to_string())),
            false => name,
        };
    }
}

/// FNV-1a: short, stable over versions and machines.
pub fn checksum(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// Refuses what a dialect has no word for.
pub fn refuse(
    plan: &Plan,
    matrix: &Matrix,
    dialect: Dialect,
    problem: impl Fn(Direction, &PlannedRule) -> Option<String>,
) -> Result<()> {
    let mut refused: BTreeMap<usize, String> = BTreeMap::new();
    for subject in plan.subjects.values() {
        for (direction, rules) in
            [(Direction::Ingress, &subject.ingress), (Direction::Egress, &subject.egress)]
        {
            for rule in rules {
                if let Some(why) = problem(direction, rule) {
                    refused.entry(rule.flow).or_insert(why);
                }
            }
        }
    }
    let errors =
        refused.into_iter().map(|(flow, why)| inexpressible(&matrix.flows[flow], dialect, &why)).collect();
    Error::join(errors).map_or(Ok(()), Err)
}
