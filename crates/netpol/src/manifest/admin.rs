//! What do the cluster-wide policies of SIG Network say: AdminNetworkPolicy, BaselineAdminNetworkPolicy (v1alpha1)
//! and ClusterNetworkPolicy (v1alpha2)?

use super::Meta;
use super::fields::Fields;
use super::network_policy::{annotations, port_name};
use crate::document::Node;
use crate::error::Result;
use crate::language::say;
use crate::model::address::{Addresses, Intervals, parse_cidr};
use crate::model::policy::{
    Action, Dialect, Direction, NamespaceSet, Peer, PodSet, Policy, PortMatch, Rule, Side, Tier,
};
use crate::model::ports::{Connections, Protocol};
use std::cell::RefCell;

/// The highest priority number that the API accepts.
const MAX_PRIORITY: i32 = 1000;

/// An AdminNetworkPolicy or a BaselineAdminNetworkPolicy.
pub fn read_admin(
    fields: &Fields,
    node: &Node,
    kind: &str,
    meta: Meta,
    warnings: &mut Vec<String>,
) -> Result<Policy> {
    let spec = node.get("spec").ok_or_else(|| fields.fail(node, say!("spec manque", "spec is missing")))?;
    let baseline = kind == "BaselineAdminNetworkPolicy";
    let (dialect, tier) = if baseline {
        fields.only(spec, kind, &["subject", "ingress", "egress"])?;
        if meta.name != "default" {
            return Err(fields.fail(
                node,
                say!(
                    "une BaselineAdminNetworkPolicy doit s'appeler « default »",
                    "a BaselineAdminNetworkPolicy must be named 'default'"
                ),
            ));
        }
        (Dialect::BaselineAdminNetworkPolicy, Tier::Baseline(0))
    } else {
        fields.only(spec, kind, &["subject", "ingress", "egress", "priority"])?;
        (Dialect::AdminNetworkPolicy, Tier::Admin(priority(fields, spec)?))
    };
    let warnings = RefCell::new(warnings);
    let reader = RuleReader { fields, allow: "Allow", cluster: false, baseline, warnings };
    policy(fields, node, meta, dialect, tier, &reader)
}

/// A ClusterNetworkPolicy.
pub fn read_cluster(fields: &Fields, node: &Node, meta: Meta, warnings: &mut Vec<String>) -> Result<Policy> {
    let spec = node.get("spec").ok_or_else(|| fields.fail(node, say!("spec manque", "spec is missing")))?;
    fields.only(
        spec,
        &say!("une ClusterNetworkPolicy", "a ClusterNetworkPolicy"),
        &["tier", "priority", "subject", "ingress", "egress"],
    )?;
    let priority = priority(fields, spec)?;
    let tier = match fields.required(spec, "tier")? {
        "Admin" => Tier::Admin(priority),
        "Baseline" => Tier::Baseline(priority),
        other => {
            return Err(fields.fail(
                spec,
                say!(
                    "« {other} » n'est pas un niveau : Admin ou Baseline",
                    "'{other}' is not a tier: Admin or Baseline"
                ),
            ));
        }
    };
    let warnings = RefCell::new(warnings);
    let reader = RuleReader { fields, allow: "Accept", cluster: true, baseline: false, warnings };
    policy(fields, node, meta, Dialect::ClusterNetworkPolicy, tier, &reader)
}

fn policy(
    fields: &Fields,
    node: &Node,
    meta: Meta,
    dialect: Dialect,
    tier: Tier,
    reader: &RuleReader<'_>,
) -> Result<Policy> {
    let spec = node.get("spec").unwrap_or(node);
    let subject =
        spec.get("subject").ok_or_else(|| fields.fail(spec, say!("subject manque", "subject is missing")))?;
    fields.only(subject, &say!("un sujet (subject)", "a subject"), &["namespaces", "pods"])?;
    let subject = reader.pods(subject)?.ok_or_else(|| {
        fields.fail(
            subject,
            say!(
                "un sujet porte soit namespaces, soit pods",
                "a subject needs exactly one of namespaces and pods"
            ),
        )
    })?;
    Ok(Policy {
        dialect,
        namespace: None,
        name: meta.name,
        tier,
        subject,
        ingress: Side { isolates: false, rules: reader.rules(spec, Direction::Ingress)? },
        egress: Side { isolates: false, rules: reader.rules(spec, Direction::Egress)? },
        annotations: annotations(fields, node)?,
        origin: fields.origin(node),
    })
}

fn priority(fields: &Fields, spec: &Node) -> Result<i32> {
    let text = fields.required(spec, "priority")?;
    text.parse::<i32>().ok().filter(|priority| (0..=MAX_PRIORITY).contains(priority)).ok_or_else(|| {
        fields.fail(
            spec,
            say!(
                "la priorité « {text} » n'est pas un nombre de 0 à {MAX_PRIORITY}",
                "priority '{text}' is not a number from 0 to {MAX_PRIORITY}"
            ),
        )
    })
}

struct RuleReader<'a> {
    fields: &'a Fields,
    allow: &'static str,
    cluster: bool,
    baseline: bool,
    /// Shared, since every function that reads only borrows the reader.
    warnings: RefCell<&'a mut Vec<String>>,
}

impl RuleReader<'_> {
    fn rules(&self, spec: &Node, direction: Direction) -> Result<Vec<Rule>> {
        let (key, peers_key) = match direction {
            Direction::Ingress => ("ingress", "from"),
            Direction::Egress => ("egress", "to"),
        };
        let ports_key = if self.cluster { "protocols" } else { "ports" };
        let mut rules = Vec::new();
        for rule in self.fields.list(spec, key)? {
            self.fields.only(
                rule,
                &say!("une règle {key}", "an {key} rule"),
                &["name", "action", peers_key, ports_key],
            )?;
            let mut peers = Vec::new();
            for peer in self.fields.list(rule, peers_key)? {
                peers.push(self.peer(peer, direction)?);
            }
            if peers.is_empty() {
                return Err(self.fields.fail(
                    rule,
                    say!("« {peers_key} » demande au moins un pair", "'{peers_key}' needs at least one peer"),
                ));
            }
            let action = self.action(rule)?;
            if action != Action::Allow && peers.iter().any(|peer| matches!(peer, Peer::Names(_))) {
                return Err(self.fields.fail(
                    rule,
                    say!("domainNames ne va qu'avec {}", "domainNames only work with {}", self.allow),
                ));
            }
            rules.push(Rule {
                action,
                peers,
                ports: self.ports(rule, ports_key)?,
                name: self.fields.text(rule, "name")?.map(str::to_owned),
                origin: self.fields.origin(rule),
            });
        }
        Ok(rules)
    }

    fn action(&self, rule: &Node) -> Result<Action> {
        match self.fields.required(rule, "action")? {
            text if text == self.allow => Ok(Action::Allow),
            "Deny" => Ok(Action::Deny),
            "Pass" if !self.baseline => Ok(Action::Pass),
            other => {
                let last = if self.baseline { "" } else { ", Pass" };
                let known = format!("{}, Deny{last}", self.allow);
                Err(self.fields.fail(
                    rule,
                    say!(
                        "« {other} » n'est pas une action ici : {known}",
                        "'{other}' is not an action here: {known}"
                    ),
                ))
            }
        }
    }

    fn pods(&self, node: &Node) -> Result<Option<PodSet>> {
        match (node.get("namespaces"), node.get("pods")) {
            (Some(namespaces), None) => Ok(Some(PodSet {
                namespaces: NamespaceSet::Match(self.fields.selector(Some(namespaces))?),
                pods: self.fields.selector(None)?,
            })),
            (None, Some(pods)) => {
                self.fields.only(pods, "pods", &["namespaceSelector", "podSelector"])?;
                if pods.get("podSelector").is_none() {
                    let origin = self.fields.origin(pods);
                    self.warnings.borrow_mut().push(say!("{origin} : podSelector manque, ce que le serveur d'API refuse : lu comme tous les pods", "{origin}: podSelector is missing, which the API server refuses: read as every pod"
                    ));
                }
                Ok(Some(PodSet {
                    namespaces: NamespaceSet::Match(self.fields.selector(pods.get("namespaceSelector"))?),
                    pods: self.fields.selector(pods.get("podSelector"))?,
                }))
            }
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(self.fields.fail(
                node,
                say!("namespaces et pods ne vont pas ensemble", "namespaces and pods cannot stand together"),
            )),
        }
    }

    fn peer(&self, node: &Node, direction: Direction) -> Result<Peer> {
        let known: &[&str] = match direction {
            Direction::Ingress => &["namespaces", "pods"],
            Direction::Egress => &["namespaces", "pods", "nodes", "networks", "domainNames"],
        };
        self.fields.only(node, &say!("un pair", "a peer"), known)?;
        if known.iter().filter(|key| node.get(key).is_some()).count() > 1 {
            return Err(self
                .fields
                .fail(node, say!("un pair porte exactement un champ", "a peer holds exactly one field")));
        }
        if let Some(pods) = self.pods(node)? {
            return Ok(Peer::Pods(pods));
        }
        if let Some(nodes) = node.get("nodes") {
            return Ok(Peer::Nodes(self.fields.selector(Some(nodes))?));
        }
        if node.get("networks").is_some() {
            return self.networks(node);
        }
        let mut names = Vec::new();
        for item in self.fields.list(node, "domainNames")? {
            let text = item.text().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
            let rest = text.strip_prefix("*.").unwrap_or(&text);
            if rest.is_empty() || rest.contains('*') || !rest.contains('.') {
                return Err(self.fields.fail(
                    item,
                    say!("« {text} » n'est pas un nom de domaine", "'{text}' is not a domain name"),
                ));
            }
            names.push(text);
        }
        match names.is_empty() {
            true => Err(self
                .fields
                .fail(node, say!("un pair demande l'un de {}", "a peer needs one of {}", known.join(", ")))),
            false => Ok(Peer::Names(names)),
        }
    }

    /// `networks` also matches traffic inside the cluster, so a whole family matches pods of unknown address.
    fn networks(&self, node: &Node) -> Result<Peer> {
        let mut addresses = Addresses::default();
        for item in self.fields.list(node, "networks")? {
            let text = item.text().unwrap_or_default();
            addresses = addresses.union(&parse_cidr(text).map_err(|error| self.fields.fail(item, error))?);
        }
        if addresses.is_empty() {
            return Err(self.fields.fail(
                node,
                say!("networks demande au moins un bloc CIDR", "networks needs at least one CIDR block"),
            ));
        }
        let whole_v4 = Intervals::one(0, u128::from(u32::MAX));
        let unknown_pods = addresses.v4 == whole_v4 || addresses.v6 == Intervals::one(0, u128::MAX);
        Ok(Peer::Block { addresses, pods: true, unknown_pods })
    }

    fn ports(&self, rule: &Node, key: &str) -> Result<Option<Vec<PortMatch>>> {
        let items = self.fields.list(rule, key)?;
        if items.is_empty() {
            return Ok(None);
        }
        let read = |item| if self.cluster { self.cluster_port(item) } else { self.admin_port(item) };
        items.iter().map(read).collect::<Result<Vec<_>>>().map(Some)
    }

    fn admin_port(&self, node: &Node) -> Result<PortMatch> {
        self.fields.only(node, &say!("un port", "a port"), &["portNumber", "portRange", "namedPort"])?;
        if self.fields.map(node, &say!("un port", "a port"))?.len() > 1 {
            return Err(self.fields.fail(
                node,
                say!(
                    "un port porte un seul de portNumber, portRange, namedPort",
                    "a port holds exactly one of portNumber, portRange, namedPort"
                ),
            ));
        }
        if let Some(number) = node.get("portNumber") {
            self.fields.only(number, "portNumber", &["protocol", "port"])?;
            let protocol = self.fields.protocol(number, "protocol")?;
            let port = self.fields.port_field(number, "port")?;
            return Ok(PortMatch::Numbers(Connections::range(protocol, port, port)));
        }
        if let Some(range) = node.get("portRange") {
            self.fields.only(range, "portRange", &["protocol", "start", "end"])?;
            let protocol = self.fields.protocol(range, "protocol")?;
            return Ok(PortMatch::Numbers(self.start_end(range, protocol)?));
        }
        let name = self.fields.required(node, "namedPort").map_err(|_| {
            self.fields.fail(
                node,
                say!(
                    "un port demande l'un de portNumber, portRange, namedPort",
                    "a port needs one of portNumber, portRange, namedPort"
                ),
            )
        })?;
        port_name(self.fields, node, name).map(|name| PortMatch::Named(None, name))
    }

    fn start_end(&self, range: &Node, protocol: Protocol) -> Result<Connections> {
        let low = self.fields.port_field(range, "start")?;
        let high = self.fields.port_field(range, "end")?;
        self.fields.range(range, protocol, low, high)
    }

    fn cluster_port(&self, node: &Node) -> Result<PortMatch> {
        self.fields.only(
            node,
            &say!("un protocole", "a protocol"),
            &["tcp", "udp", "sctp", "destinationNamedPort"],
        )?;
        if self.fields.map(node, &say!("un protocole", "a protocol"))?.len() > 1 {
            let message = say!(
                "un protocole porte un seul de tcp, udp, sctp, destinationNamedPort",
                "a protocol holds exactly one of tcp, udp, sctp, destinationNamedPort"
            );
            return Err(self.fields.fail(node, message));
        }
        if let Some(name) = self.fields.text(node, "destinationNamedPort")? {
            return port_name(self.fields, node, name).map(|name| PortMatch::Named(None, name));
        }
        for (key, protocol) in [("tcp", Protocol::Tcp), ("udp", Protocol::Udp), ("sctp", Protocol::Sctp)] {
            let Some(inner) = node.get(key) else { continue };
            self.fields.only(inner, key, &["destinationPort"])?;
            let Some(port) = inner.get("destinationPort") else {
                return Ok(PortMatch::Numbers(Connections::protocol(protocol)));
            };
            self.fields.only(port, "destinationPort", &["number", "range"])?;
            if port.get("number").is_some() && port.get("range").is_some() {
                return Err(self.fields.fail(
                    port,
                    say!(
                        "destinationPort porte soit number, soit range",
                        "destinationPort holds exactly one of number and range"
                    ),
                ));
            }
            if let Some(range) = port.get("range") {
                self.fields.only(range, "range", &["start", "end"])?;
                return Ok(PortMatch::Numbers(self.start_end(range, protocol)?));
            }
            let number = self.fields.port_field(port, "number")?;
            return Ok(PortMatch::Numbers(Connections::range(protocol, number, number)));
        }
        Err(self.fields.fail(
            node,
            say!(
                "un protocole demande l'un de tcp, udp, sctp, destinationNamedPort",
                "a protocol needs one of tcp, udp, sctp, destinationNamedPort"
            ),
        ))
    }
}
