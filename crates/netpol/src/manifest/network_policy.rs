//! What does a `networking.k8s.io/v1 NetworkPolicy` say? Defaults exactly as the API server applies them.

use super::Meta;
use super::fields::Fields;
use crate::document::Node;
use crate::error::Result;
use crate::language::say;
use crate::model::address::parse_cidr;
use crate::model::labels::Selector;
use crate::model::policy::{
    Action, Dialect, NamespaceSet, Peer, PodSet, Policy, PortMatch, Rule, Side, Tier,
};
use crate::model::ports::Connections;

/// The policy of an object.
pub fn read(fields: &Fields, node: &Node, meta: Meta) -> Result<Policy> {
    let spec = node.get("spec").ok_or_else(|| fields.fail(node, say!("spec manque", "spec is missing")))?;
    fields.only(
        spec,
        &say!("la spec d'une NetworkPolicy", "the spec of a NetworkPolicy"),
        &["podSelector", "ingress", "egress", "policyTypes"],
    )?;
    let ingress = rules(fields, spec, "ingress", "from")?;
    let egress = rules(fields, spec, "egress", "to")?;
    let mut types = Vec::new();
    for item in fields.list(spec, "policyTypes")? {
        match item.text() {
            Some(kind @ ("Ingress" | "Egress")) => types.push(kind),
            _ => {
                return Err(fields.fail(
                    item,
                    say!("un type de politique est Ingress ou Egress", "a policy type is Ingress or Egress"),
                ));
            }
        }
    }
    if types.is_empty() {
        types.push("Ingress");
        if !egress.is_empty() {
            types.push("Egress");
        }
    }
    let side = |kind: &str, rules: Vec<Rule>| match types.contains(&kind) {
        true => Side { isolates: true, rules },
        false => Side::default(),
    };
    Ok(Policy {
        dialect: Dialect::NetworkPolicy,
        namespace: Some(meta.namespace),
        name: meta.name,
        tier: Tier::Namespaced,
        subject: PodSet { namespaces: NamespaceSet::Own, pods: fields.selector(spec.get("podSelector"))? },
        ingress: side("Ingress", ingress),
        egress: side("Egress", egress),
        annotations: annotations(fields, node)?,
        origin: fields.origin(node),
    })
}

/// The annotations of an object, sorted.
pub fn annotations(fields: &Fields, node: &Node) -> Result<Vec<(String, String)>> {
    Ok(fields.labels(node.at(&["metadata", "annotations"]))?.into_iter().collect())
}

fn rules(fields: &Fields, spec: &Node, key: &str, peers_key: &str) -> Result<Vec<Rule>> {
    let mut rules = Vec::new();
    for rule in fields.list(spec, key)? {
        fields.only(rule, &say!("une règle {key}", "an {key} rule"), &[peers_key, "ports"])?;
        let mut peers = Vec::new();
        for peer in fields.list(rule, peers_key)? {
            peers.push(read_peer(fields, peer)?);
        }
        if peers.is_empty() {
            peers.push(Peer::Anything);
        }
        let ports = fields.list(rule, "ports")?;
        let ports = match ports.is_empty() {
            true => None,
            false => Some(ports.iter().map(|port| read_port(fields, port)).collect::<Result<_>>()?),
        };
        rules.push(Rule { action: Action::Allow, peers, ports, name: None, origin: fields.origin(rule) });
    }
    Ok(rules)
}

fn read_peer(fields: &Fields, peer: &Node) -> Result<Peer> {
    fields.only(peer, &say!("un pair", "a peer"), &["podSelector", "namespaceSelector", "ipBlock"])?;
    let pods = peer.get("podSelector");
    let namespaces = peer.get("namespaceSelector");
    if let Some(block) = peer.get("ipBlock") {
        if pods.is_some() || namespaces.is_some() {
            return Err(fields.fail(
                peer,
                say!(
                    "ipBlock ne va pas à côté d'un sélecteur dans un pair",
                    "ipBlock cannot stand beside a selector in one peer"
                ),
            ));
        }
        return read_block(fields, block);
    }
    if pods.is_none() && namespaces.is_none() {
        return Err(fields.fail(
            peer,
            say!(
                "un pair demande podSelector, namespaceSelector ou ipBlock",
                "a peer needs podSelector, namespaceSelector or ipBlock"
            ),
        ));
    }
    let namespaces = match namespaces {
        Some(selector) => NamespaceSet::Match(fields.selector(Some(selector))?),
        None => NamespaceSet::Own,
    };
    let pods = match pods {
        Some(selector) => fields.selector(Some(selector))?,
        None => Selector::everything(),
    };
    Ok(Peer::Pods(PodSet { namespaces, pods }))
}

fn read_block(fields: &Fields, block: &Node) -> Result<Peer> {
    fields.only(block, "ipBlock", &["cidr", "except"])?;
    let whole = parse_cidr(fields.required(block, "cidr")?).map_err(|error| fields.fail(block, error))?;
    let mut addresses = whole.clone();
    for except in fields.list(block, "except")? {
        let text = except.text().unwrap_or_default();
        let cut = parse_cidr(text).map_err(|error| fields.fail(except, error))?;
        if !whole.covers(&cut) || cut == whole {
            return Err(fields.fail(
                except,
                say!(
                    "l'exception {text} n'est pas strictement dans le bloc",
                    "the exception {text} is not strictly inside the block"
                ),
            ));
        }
        addresses = addresses.minus(&cut);
    }
    Ok(Peer::Block { addresses, pods: true, unknown_pods: false })
}

fn read_port(fields: &Fields, node: &Node) -> Result<PortMatch> {
    fields.only(node, &say!("un port", "a port"), &["protocol", "port", "endPort"])?;
    let protocol = fields.protocol(node, "protocol")?;
    let end = fields.text(node, "endPort")?;
    let Some(value) = node.get("port") else {
        if end.is_some() {
            return Err(fields.fail(node, say!("endPort demande port", "endPort needs port")));
        }
        return Ok(PortMatch::Numbers(Connections::protocol(protocol)));
    };
    let text = fields.text(node, "port")?.unwrap_or_default();
    let numeric = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if !numeric {
        if end.is_some() {
            return Err(fields.fail(
                value,
                say!(
                    "endPort demande un numéro de port, pas un nom",
                    "endPort needs a port number, not a name"
                ),
            ));
        }
        return port_name(fields, value, text).map(|name| PortMatch::Named(Some(protocol), name));
    }
    let low = fields.port(value, text)?;
    let high = match end {
        Some(text) => fields.port(node, text)?,
        None => low,
    };
    Ok(PortMatch::Numbers(fields.range(node, protocol, low, high)?))
}

/// Checks a port name as the API server does: at most 15 of a-z, 0-9 and `-`, with a letter.
pub fn port_name(fields: &Fields, node: &Node, text: &str) -> Result<String> {
    let legal = text.len() <= 15
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && text.bytes().any(|byte| byte.is_ascii_lowercase())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--");
    match legal {
        true => Ok(text.to_owned()),
        false => Err(fields.fail(
            node,
            say!(
                "« {text} » n'est ni un numéro ni un nom de port",
                "'{text}' is neither a port number nor a port name"
            ),
        )),
    }
}
