//! What do Calico's policies say, where it is plain? `NetworkPolicy` and `GlobalNetworkPolicy` of `projectcalico.org`:
//! order, tiers, actions, selectors, nets and ports of the other end. What is not plain is an error with its line.

use super::Meta;
use super::cilium::SERVICE_ACCOUNT;
use super::expression::alternatives;
use super::fields::Fields;
use super::network_policy::{annotations, port_name};
use crate::document::{Node, Value};
use crate::error::Result;
use crate::language::say;
use crate::model::address::{Addresses, parse_any};
use crate::model::labels::{NAMESPACE_NAME, Requirement, Selector};
use crate::model::policy::{
    Action, Dialect, Direction, NamespaceSet, Order, Peer, PodSet, Policy, PortMatch, Rule, Side, Tier,
};
use crate::model::ports::{Connections, Protocol};

/// The tier of policies that name none, which also holds every Kubernetes NetworkPolicy.
const DEFAULT_TIER: &str = "default";
/// Where a Kubernetes NetworkPolicy stands among the policies of its tier.
const ORDER_OF_NETWORK_POLICY: f64 = 1000.0;

const SPEC_FIELDS: [&str; 11] = [
    "tier",
    "order",
    "selector",
    "namespaceSelector",
    "serviceAccountSelector",
    "types",
    "ingress",
    "egress",
    "applyOnForward",
    "performanceHints",
    "doNotTrack",
];

/// A tier as declared.
pub struct DeclaredTier {
    /// Its name.
    pub name: String,
    /// When it is asked; without an order, after all others.
    pub order: Order,
    /// Whether what no rule decides goes on to the next tier instead of being dropped.
    pub pass: bool,
}

/// Whether a group is Calico's: as written by people, or as stored in the cluster.
pub fn is_calico(group: &str) -> bool {
    matches!(group, "projectcalico.org" | "crd.projectcalico.org")
}

/// A `Tier` object.
pub fn read_tier(fields: &Fields, node: &Node, name: String) -> Result<DeclaredTier> {
    let empty = Node { line: node.line, value: Value::Map(Vec::new()) };
    let spec = node.get("spec").unwrap_or(&empty);
    fields.only(spec, &say!("un Tier", "a Tier"), &["order", "defaultAction"])?;
    let pass = match fields.text(spec, "defaultAction")? {
        None | Some("Deny") => false,
        Some("Pass") => true,
        Some(other) => {
            return Err(
                fields.fail(spec, say!("« {other} » n'est ni Deny ni Pass", "'{other}' is not Deny or Pass"))
            );
        }
    };
    Ok(DeclaredTier { name, order: order(fields, spec)?, pass })
}

/// The policies of an object, one for every alternative of its selector, and the tier that they name.
pub fn read(
    fields: &Fields,
    node: &Node,
    kind: &str,
    meta: &Meta,
    warnings: &mut Vec<String>,
) -> Result<(Vec<Policy>, Option<String>)> {
    let spec = node.get("spec").ok_or_else(|| fields.fail(node, say!("spec manque", "spec is missing")))?;
    let global = kind == "GlobalNetworkPolicy";
    fields.only(spec, &say!("une {kind} de Calico", "a Calico {kind}"), &SPEC_FIELDS)?;
    if fields.flag(spec, "doNotTrack")? == Some(true) {
        return Err(fields.fail(
            spec,
            say!(
                "doNotTrack concerne les interfaces des nœuds, qui ne sont pas comprises",
                "doNotTrack concerns host endpoints, which are not understood"
            ),
        ));
    }
    if let Some(accounts) = spec.get("serviceAccountSelector") {
        return Err(fields.fail(
            accounts,
            say!("serviceAccountSelector n'est pas compris", "serviceAccountSelector is not understood"),
        ));
    }
    let namespace = (!global).then(|| meta.namespace.clone());
    let mut reader = Reader { fields, namespace: namespace.clone(), warnings };
    let pods = fields.text(spec, "selector")?.unwrap_or("all()");
    let subjects = reader.pods(spec, Some(pods), fields.text(spec, "namespaceSelector")?)?;
    let ingress = reader.rules(spec, Direction::Ingress)?;
    let egress = reader.rules(spec, Direction::Egress)?;
    let types = types(fields, spec, !ingress.is_empty(), !egress.is_empty())?;
    let side = |isolates: bool, rules: Vec<Rule>| match isolates {
        true => Side { isolates, rules },
        false => Side::default(),
    };
    let (ingress, egress) = (side(types.0, ingress), side(types.1, egress));
    let order = order(fields, spec)?;
    let policies = subjects.into_iter().map(|subject| Policy {
        dialect: if global { Dialect::CalicoGlobalNetworkPolicy } else { Dialect::CalicoNetworkPolicy },
        namespace: namespace.clone(),
        name: meta.name.clone(),
        tier: if order < Order::of(ORDER_OF_NETWORK_POLICY) {
            Tier::Before(order)
        } else {
            Tier::After(order)
        },
        subject,
        ingress: ingress.clone(),
        egress: egress.clone(),
        annotations: annotations(fields, node).unwrap_or_default(),
        origin: fields.origin(node),
    });
    let tier = fields.text(spec, "tier")?.filter(|tier| *tier != DEFAULT_TIER).map(str::to_owned);
    Ok((policies.collect(), tier))
}

/// Without an order a policy or a tier comes last.
fn order(fields: &Fields, spec: &Node) -> Result<Order> {
    let Some(text) = fields.text(spec, "order")? else { return Ok(Order::LAST) };
    match text.parse::<f64>().ok().filter(|number| number.is_finite()) {
        Some(number) => Ok(Order::of(number)),
        None => Err(fields.fail(
            spec,
            say!("l'ordre « {text} » n'est pas un nombre", "the order '{text}' is not a number"),
        )),
    }
}

/// Whether a policy applies to ingress and to egress.
fn types(fields: &Fields, spec: &Node, ingress: bool, egress: bool) -> Result<(bool, bool)> {
    let mut types = (false, false);
    for item in fields.list(spec, "types")? {
        match item.text() {
            Some("Ingress") => types.0 = true,
            Some("Egress") => types.1 = true,
            _ => {
                return Err(
                    fields.fail(item, say!("un type est Ingress ou Egress", "a type is Ingress or Egress"))
                );
            }
        }
    }
    Ok(if types == (false, false) { (ingress || !egress, egress) } else { types })
}

struct Reader<'a> {
    fields: &'a Fields,
    /// The namespace of the policy; `None` for a global one.
    namespace: Option<String>,
    warnings: &'a mut Vec<String>,
}

impl Reader<'_> {
    fn rules(&mut self, spec: &Node, direction: Direction) -> Result<Vec<Rule>> {
        let key = if direction == Direction::Ingress { "ingress" } else { "egress" };
        let mut rules = Vec::new();
        for rule in self.fields.list(spec, key)? {
            rules.extend(self.rule(rule, direction)?);
        }
        Ok(rules)
    }

    fn rule(&mut self, rule: &Node, direction: Direction) -> Result<Option<Rule>> {
        const KNOWN: [&str; 9] = [
            "action",
            "metadata",
            "protocol",
            "notProtocol",
            "icmp",
            "notICMP",
            "source",
            "destination",
            "http",
        ];
        self.fields.only(rule, &say!("une règle de Calico", "a Calico rule"), &KNOWN)?;
        let action = match self.fields.required(rule, "action")? {
            "Allow" => Action::Allow,
            "Deny" => Action::Deny,
            "Pass" => Action::Pass,
            "Log" => return Ok(None),
            other => {
                return Err(self.fields.fail(
                    rule,
                    say!(
                        "« {other} » n'est ni Allow, ni Deny, ni Pass, ni Log",
                        "'{other}' is not Allow, Deny, Pass or Log"
                    ),
                ));
            }
        };
        if let Some(http) = rule.get("http") {
            if action != Action::Allow {
                return Err(self
                    .fields
                    .fail(http, say!("http ne va qu'avec Allow", "http only works with Allow")));
            }
            let origin = self.fields.origin(http);
            self.warnings.push(say!(
                "{origin} : http restreint encore cette règle ; compté comme autorisé",
                "{origin}: http narrows this further; counted as allowed"
            ));
        }
        let Some(protocols) = self.protocols(rule)? else { return Ok(None) };
        let empty = Node { line: rule.line, value: Value::Map(Vec::new()) };
        let (source, destination) =
            (rule.get("source").unwrap_or(&empty), rule.get("destination").unwrap_or(&empty));
        let (own, other) = match direction {
            Direction::Ingress => (destination, source),
            Direction::Egress => (source, destination),
        };
        // The own end of a rule is the selected pod: only its ports may be named there, and only for ingress.
        let own_fields: &[&str] = if direction == Direction::Ingress { &["ports", "notPorts"] } else { &[] };
        for (key, value) in self.fields.map(own, &say!("une extrémité d'une règle", "an end of a rule"))? {
            if !own_fields.contains(&&**key) {
                let message = say!(
                    "« {key} » du côté du pod choisi n'est pas compris",
                    "'{key}' on the side of the selected pod is not understood"
                );
                return Err(self.fields.fail(value, message));
            }
        }
        let mut peers_only =
            vec!["selector", "notSelector", "namespaceSelector", "nets", "notNets", "serviceAccounts"];
        if direction == Direction::Egress {
            peers_only.extend(["ports", "notPorts"]);
        }
        self.fields.only(
            other,
            &say!("cette extrémité d'une règle de Calico", "this end of a Calico rule"),
            &peers_only,
        )?;
        let peers = self.peers(other)?;
        let ports = self.ports(destination, &protocols)?;
        Ok(Some(Rule { action, peers, ports, name: None, origin: self.fields.origin(rule) }))
    }

    /// The protocols that a rule is about, `None` when it is only about others (ICMP, UDPLite).
    fn protocols(&mut self, rule: &Node) -> Result<Option<Vec<Protocol>>> {
        let read = |text: &str| match text {
            "6" => Some(Protocol::Tcp),
            "17" => Some(Protocol::Udp),
            "132" => Some(Protocol::Sctp),
            text => Protocol::parse(text),
        };
        let mut protocols = Protocol::ALL.to_vec();
        if let Some(text) = self.fields.text(rule, "protocol")? {
            protocols.retain(|protocol| read(text) == Some(*protocol));
        }
        if let Some(text) = self.fields.text(rule, "notProtocol")? {
            protocols.retain(|protocol| read(text) != Some(*protocol));
        }
        if protocols.is_empty() {
            let origin = self.fields.origin(rule);
            self.warnings.push(say!(
                "{origin} : seuls TCP, UDP et SCTP sont regardés : cette règle est laissée de côté",
                "{origin}: only TCP, UDP and SCTP are looked at: this rule is left out"
            ));
            return Ok(None);
        }
        Ok(Some(protocols))
    }

    fn peers(&mut self, end: &Node) -> Result<Vec<Peer>> {
        let nets = self.nets(end, "nets")?;
        let not_nets = self.nets(end, "notNets")?;
        let selector = self.fields.text(end, "selector")?;
        let not_selector = self.fields.text(end, "notSelector")?;
        let namespaces = self.fields.text(end, "namespaceSelector")?;
        let pods = selector.is_some() || namespaces.is_some() || end.get("serviceAccounts").is_some();
        if !pods && not_selector.is_some() {
            return Err(self.fields.fail(
                end,
                say!(
                    "notSelector sans selector n'est pas compris",
                    "notSelector without selector is not understood"
                ),
            ));
        }
        if pods && (nets.is_some() || not_nets.is_some()) {
            return Err(self.fields.fail(
                end,
                say!(
                    "des nets à côté de sélecteurs dans une règle ne sont pas compris",
                    "nets beside selectors in one rule are not understood"
                ),
            ));
        }
        if !pods {
            if nets.is_none() && not_nets.is_none() {
                return Ok(vec![Peer::Anything]);
            }
            let whole = nets.unwrap_or_else(Addresses::everything);
            let addresses = whole.minus(&not_nets.unwrap_or_default());
            return Ok(vec![Peer::Block { addresses, pods: true, unknown_pods: false }]);
        }
        let text = match (selector, not_selector) {
            (selector, None) => selector.unwrap_or("all()").to_owned(),
            (selector, Some(not)) => format!("({}) && !({not})", selector.unwrap_or("all()")),
        };
        let accounts = self.accounts(end)?;
        let mut sets = self.pods(end, Some(&text), namespaces)?;
        if let Some(requirement) = accounts {
            for set in &mut sets {
                let mut requirements = set.pods.requirements().to_vec();
                requirements.push(requirement.clone());
                set.pods = Selector::new(requirements);
            }
        }
        Ok(sets.into_iter().map(Peer::Pods).collect())
    }

    fn accounts(&self, end: &Node) -> Result<Option<Requirement>> {
        let Some(accounts) = end.get("serviceAccounts") else { return Ok(None) };
        self.fields.only(accounts, "serviceAccounts", &["names"])?;
        let mut names = Vec::new();
        for item in self.fields.list(accounts, "names")? {
            names.push(item.text().unwrap_or_default().to_owned());
        }
        Ok((!names.is_empty()).then(|| Requirement::In(SERVICE_ACCOUNT.to_owned(), names)))
    }

    fn nets(&self, end: &Node, key: &str) -> Result<Option<Addresses>> {
        let items = self.fields.list(end, key)?;
        let mut addresses = Addresses::default();
        for item in items {
            let text = item.text().unwrap_or_default();
            addresses = addresses.union(&parse_any(text).map_err(|error| self.fields.fail(item, error))?);
        }
        Ok((!items.is_empty()).then_some(addresses))
    }

    /// The pods of a selector: one set for every alternative, what it asks of the namespace set apart.
    fn pods(&self, node: &Node, selector: Option<&str>, namespaces: Option<&str>) -> Result<Vec<PodSet>> {
        let fail = |error: String| self.fields.fail(node, error);
        let pods = alternatives(selector.unwrap_or_default()).map_err(fail)?;
        let spaces = match namespaces {
            None => vec![None],
            Some(text) => alternatives(text).map_err(fail)?.into_iter().map(Some).collect(),
        };
        let mut sets = Vec::new();
        for pod in &pods {
            for space in &spaces {
                sets.push(self.pod_set(pod, space.as_ref()));
            }
        }
        Ok(sets)
    }

    fn pod_set(&self, pod: &Selector, space: Option<&Selector>) -> PodSet {
        let (mut of_pod, mut of_namespace) = (Vec::new(), Vec::new());
        for requirement in pod.requirements() {
            match requirement.key() {
                "projectcalico.org/namespace" => of_namespace.push(requirement.renamed(NAMESPACE_NAME)),
                "projectcalico.org/serviceaccount" => of_pod.push(requirement.renamed(SERVICE_ACCOUNT)),
                // Every pod has this one.
                "projectcalico.org/orchestrator" => {}
                _ => of_pod.push(requirement.clone()),
            }
        }
        for requirement in space.map(Selector::requirements).unwrap_or_default() {
            of_namespace.push(match requirement.key() {
                "projectcalico.org/name" => requirement.renamed(NAMESPACE_NAME),
                _ => requirement.clone(),
            });
        }
        let namespaces = match (&self.namespace, space) {
            (Some(_), None) if of_namespace.is_empty() => NamespaceSet::Own,
            (Some(own), None) => {
                of_namespace.push(Requirement::In(NAMESPACE_NAME.to_owned(), vec![own.clone()]));
                NamespaceSet::Match(Selector::new(of_namespace))
            }
            _ => NamespaceSet::Match(Selector::new(of_namespace)),
        };
        PodSet { namespaces, pods: Selector::new(of_pod) }
    }

    fn ports(&self, destination: &Node, protocols: &[Protocol]) -> Result<Option<Vec<PortMatch>>> {
        let all = |protocols: &[Protocol]| {
            protocols.iter().fold(Connections::none(), |set, &one| set.union(&Connections::protocol(one)))
        };
        let mut matches = Vec::new();
        for item in self.fields.list(destination, "ports")? {
            matches.extend(self.port(item, protocols)?);
        }
        let mut cut = Connections::none();
        for item in self.fields.list(destination, "notPorts")? {
            for port in self.port(item, protocols)? {
                match port {
                    PortMatch::Numbers(set) => cut = cut.union(&set),
                    PortMatch::Named(..) => {
                        return Err(self.fields.fail(
                            item,
                            say!(
                                "des noms dans notPorts ne sont pas compris",
                                "names in notPorts are not understood"
                            ),
                        ));
                    }
                }
            }
        }
        if matches.is_empty() && cut.is_empty() && protocols.len() == Protocol::ALL.len() {
            return Ok(None);
        }
        if matches.is_empty() {
            matches.push(PortMatch::Numbers(all(protocols)));
        }
        for port in &mut matches {
            match port {
                PortMatch::Numbers(set) => *set = set.minus(&cut),
                PortMatch::Named(..) if cut.is_empty() => {}
                PortMatch::Named(..) => {
                    return Err(self.fields.fail(
                        destination,
                        say!(
                            "des noms dans ports à côté de notPorts ne sont pas compris",
                            "names in ports beside notPorts are not understood"
                        ),
                    ));
                }
            }
        }
        Ok(Some(matches))
    }

    fn port(&self, node: &Node, protocols: &[Protocol]) -> Result<Vec<PortMatch>> {
        let text = node.text().unwrap_or_default();
        if protocols.len() == Protocol::ALL.len() {
            return Err(self
                .fields
                .fail(node, say!("des ports demandent un protocole", "ports need a protocol")));
        }
        let (low, high) = text.split_once(':').unwrap_or((text, text));
        if !low.is_empty() && low.bytes().all(|byte| byte.is_ascii_digit()) {
            let (low, high) = (self.fields.port(node, low)?, self.fields.port(node, high)?);
            let mut set = Connections::none();
            for &protocol in protocols {
                set = set.union(&self.fields.range(node, protocol, low, high)?);
            }
            return Ok(vec![PortMatch::Numbers(set)]);
        }
        let name = port_name(self.fields, node, text)?;
        Ok(protocols.iter().map(|&protocol| PortMatch::Named(Some(protocol), name.clone())).collect())
    }
}
