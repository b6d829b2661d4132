//! What do Cilium's policies say at layers 3 and 4? Layer 7 conditions narrow what passes inside a connection, so
//! they are reported and the connection counts as allowed.

use super::Meta;
use super::fields::Fields;
use super::network_policy::annotations;
use crate::document::{Node, Value};
use crate::error::Result;
use crate::language::say;
use crate::model::address::{Addresses, parse_any};
use crate::model::labels::{NAMESPACE_NAME, Selector};
use crate::model::policy::{
    Action, Dialect, Direction, NamespaceSet, Peer, PodSet, Policy, PortMatch, Rule, Side, Tier,
};
use crate::model::ports::{Connections, Protocol};

/// The label that Cilium gives every pod for its namespace.
const POD_NAMESPACE: &str = "io.kubernetes.pod.namespace";
/// The prefix of namespace labels on Cilium endpoints.
const NAMESPACE_LABELS: &str = "io.cilium.k8s.namespace.labels.";
/// The label that Cilium gives every pod for its service account.
pub const SERVICE_ACCOUNT: &str = "io.cilium.k8s.policy.serviceaccount";

/// The policies of an object: one for `spec`, one for each of `specs`.
pub fn read(
    fields: &Fields,
    node: &Node,
    kind: &str,
    meta: Meta,
    warnings: &mut Vec<String>,
) -> Result<Vec<Policy>> {
    let mut specs: Vec<&Node> = node.get("spec").into_iter().collect();
    specs.extend(fields.list(node, "specs")?);
    if specs.is_empty() {
        return Err(fields.fail(node, say!("spec manque", "spec is missing")));
    }
    let clusterwide = kind == "CiliumClusterwideNetworkPolicy";
    let mut policies = Vec::new();
    for spec in specs {
        fields.only(spec, &say!("une règle de Cilium", "a Cilium rule"), &SPEC_FIELDS)?;
        if spec.get("nodeSelector").is_some() {
            warnings.push(say!(
                "{} : les politiques de nœud (nodeSelector) sont laissées de côté",
                "{}: host policies (nodeSelector) are left out",
                fields.origin(spec)
            ));
            continue;
        }
        let mut reader = Reader { fields, clusterwide, warnings };
        let subject = spec.get("endpointSelector").map(|node| reader.endpoints(node)).transpose()?;
        let Some(mut subject) = subject else {
            return Err(fields.fail(spec, say!("endpointSelector manque", "endpointSelector is missing")));
        };
        if !clusterwide {
            subject.namespaces = NamespaceSet::Own;
        }
        let (dialect, namespace) = match clusterwide {
            true => (Dialect::CiliumClusterwideNetworkPolicy, None),
            false => (Dialect::CiliumNetworkPolicy, Some(meta.namespace.clone())),
        };
        policies.push(Policy {
            dialect,
            namespace,
            name: meta.name.clone(),
            tier: Tier::Namespaced,
            subject,
            ingress: reader.side(spec, Direction::Ingress)?,
            egress: reader.side(spec, Direction::Egress)?,
            annotations: annotations(fields, node)?,
            origin: fields.origin(spec),
        });
    }
    Ok(policies)
}

const SPEC_FIELDS: [&str; 10] = [
    "endpointSelector",
    "nodeSelector",
    "ingress",
    "ingressDeny",
    "egress",
    "egressDeny",
    "enableDefaultDeny",
    "description",
    "labels",
    "log",
];

struct Reader<'a> {
    fields: &'a Fields,
    clusterwide: bool,
    warnings: &'a mut Vec<String>,
}

impl Reader<'_> {
    fn side(&mut self, spec: &Node, direction: Direction) -> Result<Side> {
        let (key, deny_key) = match direction {
            Direction::Ingress => ("ingress", "ingressDeny"),
            Direction::Egress => ("egress", "egressDeny"),
        };
        let allows = self.fields.list(spec, key)?;
        let denies = self.fields.list(spec, deny_key)?;
        let asked = match spec.get("enableDefaultDeny") {
            Some(node) => self.fields.flag(node, key)?,
            None => None,
        };
        let isolates = asked.unwrap_or(!allows.is_empty() || !denies.is_empty());
        let mut rules = Vec::new();
        for (items, action) in [(allows, Action::Allow), (denies, Action::Deny)] {
            for item in items {
                rules.extend(self.rule(item, direction, action)?);
            }
        }
        Ok(Side { isolates, rules })
    }

    fn rule(&mut self, node: &Node, direction: Direction, action: Action) -> Result<Option<Rule>> {
        let way = if direction == Direction::Ingress { "from" } else { "to" };
        let mut peers = Vec::new();
        let mut named_peers = false;
        let mut has_ports = false;
        for (key, value) in self.fields.map(node, &say!("une règle", "a rule"))? {
            match &**key {
                "toPorts" => has_ports = true,
                "icmps" => {
                    self.warnings.push(say!(
                        "{} : les règles ICMP sont laissées de côté",
                        "{}: ICMP rules are left out",
                        self.fields.origin(value)
                    ));
                    return Ok(None);
                }
                "authentication" => {}
                key => {
                    named_peers = true;
                    let bare = key.strip_prefix(way).ok_or_else(|| {
                        self.fields.fail(
                            value,
                            say!(
                                "une règle de Cilium n'a pas de champ « {key} » dans ce sens",
                                "a Cilium rule has no field '{key}' in this direction"
                            ),
                        )
                    })?;
                    self.peers(bare, value, &mut peers)?;
                }
            }
        }
        if !named_peers {
            if !has_ports {
                return Ok(None);
            }
            peers.push(Peer::Anything);
        }
        let ports = match node.get("toPorts") {
            Some(_) => self.ports(node)?,
            None => None,
        };
        Ok(Some(Rule { action, peers, ports, name: None, origin: self.fields.origin(node) }))
    }

    fn peers(&mut self, key: &str, value: &Node, peers: &mut Vec<Peer>) -> Result<()> {
        let items = match &value.value {
            Value::List(items) => items.as_slice(),
            Value::Null => &[],
            _ => {
                return Err(self.fields.fail(
                    value,
                    say!(
                        "ceci devrait être une liste, pas {}",
                        "this should be a list, not {}",
                        value.kind_name()
                    ),
                ));
            }
        };
        for item in items {
            match key {
                "Endpoints" => self.endpoint_peer(item, peers)?,
                "CIDR" => peers.push(block(self.cidr(item)?)),
                "CIDRSet" => peers.push(self.cidr_set(item)?),
                "Entities" => peers.extend(self.entity(item)?),
                "FQDNs" => peers.push(self.name(item)?),
                "Services" => peers.push(self.service(item)?),
                "Nodes" => peers.push(Peer::Nodes(self.fields.selector(Some(item))?)),
                _ => {
                    return Err(self.fields.fail(
                        item,
                        say!(
                            "le pair Cilium « {key} » n'est pas compris",
                            "the Cilium peer '{key}' is not understood"
                        ),
                    ));
                }
            }
        }
        Ok(())
    }

    fn endpoint_peer(&mut self, item: &Node, peers: &mut Vec<Peer>) -> Result<()> {
        let labels = self.fields.labels(item.get("matchLabels"))?;
        if let Some(key) =
            labels.keys().find(|key| key.starts_with("reserved:") || key.starts_with("reserved."))
        {
            let entity = key["reserved:".len()..].to_owned();
            peers.extend(self.entity_named(item, &entity)?);
            return Ok(());
        }
        peers.push(Peer::Pods(self.endpoints(item)?));
        Ok(())
    }

    /// Splits a Cilium selector into what it asks of the namespace and what it asks of the pod.
    fn endpoints(&mut self, node: &Node) -> Result<PodSet> {
        let selector = self.fields.selector(Some(node))?;
        let mut namespace = Vec::new();
        let mut pod = Vec::new();
        for requirement in selector.requirements() {
            let key = requirement.key();
            let bare = ["k8s:", "any:", "k8s.", "any."]
                .iter()
                .find_map(|prefix| key.strip_prefix(prefix))
                .unwrap_or(key)
                .to_owned();
            if bare == POD_NAMESPACE {
                namespace.push(requirement.renamed(NAMESPACE_NAME));
            } else if let Some(label) = bare.strip_prefix(NAMESPACE_LABELS) {
                namespace.push(requirement.renamed(label));
            } else {
                pod.push(requirement.renamed(&bare));
            }
        }
        let namespaces = match namespace.is_empty() && !self.clusterwide {
            true => NamespaceSet::Own,
            false => NamespaceSet::Match(Selector::new(namespace)),
        };
        Ok(PodSet { namespaces, pods: Selector::new(pod) })
    }

    fn cidr(&self, node: &Node) -> Result<Addresses> {
        parse_any(node.text().unwrap_or_default()).map_err(|error| self.fields.fail(node, error))
    }

    fn cidr_set(&self, node: &Node) -> Result<Peer> {
        self.fields.only(node, &say!("un ensemble CIDR", "a CIDR set"), &["cidr", "except"])?;
        let cidr =
            node.get("cidr").ok_or_else(|| self.fields.fail(node, say!("cidr manque", "cidr is missing")))?;
        let mut addresses = self.cidr(cidr)?;
        for except in self.fields.list(node, "except")? {
            addresses = addresses.minus(&self.cidr(except)?);
        }
        Ok(block(addresses))
    }

    fn entity(&mut self, node: &Node) -> Result<Vec<Peer>> {
        let text = node.text().unwrap_or_default().to_owned();
        self.entity_named(node, &text)
    }

    fn entity_named(&mut self, node: &Node, entity: &str) -> Result<Vec<Peer>> {
        Ok(match entity {
            "all" => vec![Peer::Anything],
            "world" | "world-ipv4" | "world-ipv6" => vec![Peer::World],
            "cluster" => vec![Peer::Cluster, Peer::ApiServer],
            "host" | "remote-node" => vec![Peer::Hosts],
            "kube-apiserver" => vec![Peer::ApiServer],
            "health" | "init" | "unmanaged" | "ingress" | "none" => {
                let origin = self.fields.origin(node);
                self.warnings.push(say!(
                    "{origin} : l'entité « {entity} » ne désigne aucun pod déclaré",
                    "{origin}: the entity '{entity}' stands for no pod that is declared"
                ));
                Vec::new()
            }
            other => {
                return Err(self.fields.fail(
                    node,
                    say!("« {other} » n'est pas une entité de Cilium", "'{other}' is not a Cilium entity"),
                ));
            }
        })
    }

    fn name(&self, node: &Node) -> Result<Peer> {
        self.fields.only(node, "an FQDN", &["matchName", "matchPattern"])?;
        let text = match self.fields.text(node, "matchName")? {
            Some(name) => name,
            None => self.fields.required(node, "matchPattern")?,
        };
        let text = text.trim_end_matches('.').to_ascii_lowercase();
        Ok(Peer::Names(vec![text]))
    }

    fn service(&self, node: &Node) -> Result<Peer> {
        let Some(service) = node.get("k8sService") else {
            return Err(self.fields.fail(
                node,
                say!(
                    "seul toServices avec k8sService est compris",
                    "only toServices with k8sService is understood"
                ),
            ));
        };
        Ok(Peer::Service {
            namespace: self.fields.text(service, "namespace")?.unwrap_or("default").to_owned(),
            name: self.fields.required(service, "serviceName")?.to_owned(),
        })
    }

    fn ports(&mut self, rule: &Node) -> Result<Option<Vec<PortMatch>>> {
        let mut matches = Vec::new();
        for group in self.fields.list(rule, "toPorts")? {
            let seven = group.get("rules").filter(|rules| {
                !self.fields.map(rules, "rules").is_ok_and(|map| map.iter().all(|(key, _)| &**key == "dns"))
            });
            if let Some(rules) = seven {
                let origin = self.fields.origin(rules);
                self.warnings.push(say!(
                    "{origin} : des règles de couche 7 restreignent encore ce flux ; compté comme autorisé",
                    "{origin}: layer 7 rules narrow this further; counted as allowed"
                ));
            }
            let ports = self.fields.list(group, "ports")?;
            if ports.is_empty() {
                return Ok(None);
            }
            for port in ports {
                matches.extend(self.port(port)?);
            }
        }
        Ok((!matches.is_empty()).then_some(matches))
    }

    fn port(&self, node: &Node) -> Result<Vec<PortMatch>> {
        self.fields.only(node, &say!("un port", "a port"), &["port", "endPort", "protocol"])?;
        let protocols: Vec<Protocol> = match self.fields.text(node, "protocol")? {
            None | Some("ANY") => Protocol::ALL.to_vec(),
            Some(text) => vec![Protocol::parse(text).ok_or_else(|| {
                self.fields.fail(
                    node,
                    say!(
                        "« {text} » n'est ni TCP, ni UDP, ni SCTP, ni ANY",
                        "'{text}' is not TCP, UDP, SCTP or ANY"
                    ),
                )
            })?],
        };
        let text = self.fields.text(node, "port")?.unwrap_or("0");
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            let name = super::network_policy::port_name(self.fields, node, &text.to_ascii_lowercase())?;
            return Ok(protocols
                .into_iter()
                .map(|protocol| PortMatch::Named(Some(protocol), name.clone()))
                .collect());
        }
        let mut set = Connections::none();
        for protocol in protocols {
            let part = match (text, self.fields.text(node, "endPort")?) {
                ("0", _) => Connections::protocol(protocol),
                (text, None | Some("0")) => {
                    let port = self.fields.port(node, text)?;
                    Connections::range(protocol, port, port)
                }
                (text, Some(end)) => {
                    let (low, high) = (self.fields.port(node, text)?, self.fields.port(node, end)?);
                    self.fields.range(node, protocol, low, high)?
                }
            };
            set = set.union(&part);
        }
        Ok(vec![PortMatch::Numbers(set)])
    }
}

fn block(addresses: Addresses) -> Peer {
    Peer::Block { addresses, pods: false, unknown_pods: false }
}
