//! Which flows do the manifests themselves speak of? A matrix to review: each line says where its clue stands.

use crate::error::Origin;
use crate::language::say;
use crate::matrix::party::Party;
use crate::matrix::{Category, Flow, Matrix};
use crate::model::policy::PortMatch;
use crate::model::ports::{Connections, Protocol};
use crate::model::world::{Mention, Pod, Service, TargetPort, World};
use std::collections::BTreeSet;

/// Texts longer than this are data, not addresses of services.
const MAX_TEXT: usize = 64 * 1024;

/// The matrix that the manifests propose.
pub fn infer(world: &World) -> Matrix {
    let mut matrix = Matrix::default();
    let mut seen = BTreeSet::new();
    let mut push = |flow: Flow| {
        if flow.source != flow.destination
            && seen.insert((flow.source.to_string(), flow.destination.to_string(), flow.ports_text()))
        {
            matrix.flows.push(flow);
        }
    };
    for pod in &world.pods {
        let own = pod.mentions.iter();
        let maps = pod
            .config_maps
            .iter()
            .filter_map(|name| world.config_maps.get(&(pod.namespace.clone(), name.clone())))
            .flatten();
        for mention in own.chain(maps).filter(|mention| mention.text.len() <= MAX_TEXT) {
            mentioned(world, pod, mention).into_iter().for_each(&mut push);
        }
    }
    routes(world).into_iter().for_each(&mut push);
    exposed(world).into_iter().for_each(&mut push);
    matrix
}

fn flow(source: Party, destination: Party, ports: Connections, reason: String, origin: &Origin) -> Flow {
    Flow {
        id: None,
        source,
        destination,
        ports: vec![PortMatch::Numbers(ports)],
        justification: reason,
        owner: String::new(),
        review: None,
        category: Category::default(),
        origin: origin.clone(),
    }
}

fn workload(pod: &Pod) -> Party {
    let (name, kind) = pod.owner.clone();
    Party::Workload { namespace: pod.namespace.clone(), name, kind: Some(kind) }
}

/// Words that could be host names, each with the port that follows it and whether a scheme stands before it.
fn hosts(text: &str) -> Vec<(&str, Option<u16>, Option<&str>)> {
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let Some(start) = text[at..].find(part).map(|offset| at + offset) else { break };
        let end = text[start..].find(|c| !part(c)).map_or(text.len(), |offset| start + offset);
        let scheme = text[..start].strip_suffix("://").map(|before| {
            let from = before.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '+').map_or(0, |at| at + 1);
            &before[from..]
        });
        let after_login = text[..start].ends_with('@');
        let digits: &str = text[end..]
            .strip_prefix(':')
            .map_or("", |rest| &rest[..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())]);
        let port = digits.parse().ok();
        if scheme.is_some() || port.is_some() || after_login || !text.contains(char::is_whitespace) {
            found.push((text[start..end].trim_end_matches('.'), port, scheme));
        }
        at = end + if port.is_some() { digits.len() + 1 } else { 0 };
        at = at.max(end);
        if at == start {
            break;
        }
    }
    found
}

fn mentioned(world: &World, pod: &Pod, mention: &Mention) -> Vec<Flow> {
    let mut flows = Vec::new();
    for (host, port, scheme) in hosts(&mention.text) {
        let reason =
            |what: &str| say!("{} nomme {what} ({})", "{} names {what} ({})", mention.place, mention.origin);
        if let Some(service) = find_service(world, pod, host) {
            if service.kind == "ExternalName" {
                let name = service.external_name.clone().unwrap_or_default();
                let ports = port.or_else(|| default_port(scheme)).map_or_else(Connections::none, tcp);
                if !ports.is_empty() && !name.is_empty() {
                    flows.push(flow(workload(pod), Party::Name(name), ports, reason(host), &mention.origin));
                }
                continue;
            }
            let ports = service_ports(service, port);
            let destination =
                Party::Service { namespace: service.namespace.clone(), name: service.name.clone() };
            if !ports.is_empty() && !selects(world, service, pod) {
                flows.push(flow(workload(pod), destination, ports, reason(host), &mention.origin));
            }
            continue;
        }
        let outside =
            host.contains('.') && host.bytes().any(|b| b.is_ascii_alphabetic()) && !host.contains(".svc");
        let Some(port) = port.or_else(|| default_port(scheme)).filter(|_| scheme.is_some()) else { continue };
        if let Ok(address) = host.parse::<std::net::IpAddr>() {
            let party = Party::Addresses(crate::model::address::single(address));
            flows.push(flow(workload(pod), party, tcp(port), reason(host), &mention.origin));
        } else if outside {
            flows.push(flow(
                workload(pod),
                Party::Name(host.to_ascii_lowercase()),
                tcp(port),
                reason(host),
                &mention.origin,
            ));
        }
    }
    flows
}

fn tcp(port: u16) -> Connections {
    Connections::range(Protocol::Tcp, port, port)
}

fn default_port(scheme: Option<&str>) -> Option<u16> {
    match scheme? {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        "postgres" | "postgresql" => Some(5432),
        "mysql" => Some(3306),
        "redis" => Some(6379),
        "amqp" => Some(5672),
        "mongodb" => Some(27017),
        "nats" => Some(4222),
        "ldap" => Some(389),
        "ldaps" => Some(636),
        "smtp" => Some(25),
        _ => None,
    }
}

/// The Service of `name`, `name.namespace`, `name.namespace.svc…`, seen from a pod.
fn find_service<'w>(world: &'w World, pod: &Pod, host: &str) -> Option<&'w Service> {
    let mut labels = host.split('.');
    let name = labels.next()?;
    let namespace = labels.next().unwrap_or(&pod.namespace);
    match labels.next() {
        None | Some("svc") => world.service(namespace, name),
        // `pod-0.name.namespace.svc` names a pod of a headless Service.
        Some(third) if labels.next() == Some("svc") => world.service(third, namespace),
        Some(_) => None,
    }
}

fn selects(world: &World, service: &Service, pod: &Pod) -> bool {
    world
        .backends(service)
        .iter()
        .all(|&at| world.pods[at].owner == pod.owner && world.pods[at].namespace == pod.namespace)
}

fn service_ports(service: &Service, wanted: Option<u16>) -> Connections {
    let all = |wanted: Option<u16>| {
        let ports = service.ports.iter().filter(|port| wanted.is_none_or(|wanted| port.port == wanted));
        ports.fold(Connections::none(), |set, port| {
            set.union(&Connections::range(port.protocol, port.port, port.port))
        })
    };
    match all(wanted) {
        set if set.is_empty() => all(None),
        set => set,
    }
}

/// Ingresses and routes: the controller calls their backends.
fn routes(world: &World) -> Vec<Flow> {
    let known = [
        "ingress-nginx",
        "traefik",
        "haproxy-ingress",
        "contour",
        "istio-ingressgateway",
        "kong",
        "envoy-gateway",
    ];
    let controller = world.pods.iter().find(|pod| {
        ["app.kubernetes.io/name", "app", "k8s-app"]
            .iter()
            .any(|key| pod.labels.get(*key).is_some_and(|value| known.contains(&value.as_str())))
    });
    let mut flows = Vec::new();
    for route in &world.routes {
        let Some(service) = world.service(&route.service_namespace, &route.service) else { continue };
        let ports = match &route.port {
            Some(TargetPort::Number(number)) => service_ports(service, Some(*number)),
            Some(TargetPort::Name(name)) => {
                let named = service.ports.iter().find(|port| port.name.as_ref() == Some(name));
                service_ports(service, named.map(|port| port.port))
            }
            None => service_ports(service, None),
        };
        let source = controller.map_or_else(
            || Party::Pods { namespace: Some("ingress-nginx".to_owned()), selector: Default::default() },
            workload,
        );
        let guess = if controller.is_some() {
            String::new()
        } else {
            say!(
                " ; son contrôleur n'est pas dans les manifestes : ajuster la source",
                "; its controller is not in the manifests: adjust the source"
            )
        };
        let reason = say!(
            "{} {}/{} y envoie ({}){guess}",
            "{} {}/{} sends to it ({}){guess}",
            route.kind,
            route.namespace,
            route.name,
            route.origin
        );
        let destination = Party::Service { namespace: service.namespace.clone(), name: service.name.clone() };
        if !ports.is_empty() {
            flows.push(flow(source, destination, ports, reason, &route.origin));
        }
    }
    flows
}

/// Services that the outside reaches without a route.
fn exposed(world: &World) -> Vec<Flow> {
    let public = |service: &&Service| {
        matches!(service.kind.as_str(), "LoadBalancer" | "NodePort") && service.selector.is_some()
    };
    world
        .services
        .iter()
        .filter(public)
        .map(|service| {
            let destination =
                Party::Service { namespace: service.namespace.clone(), name: service.name.clone() };
            let everything = Party::Addresses(crate::model::address::Addresses::everything());
            let reason = say!(
                "Service de type {} ({}) ; restreindre la source",
                "Service of type {} ({}); narrow the source",
                service.kind,
                service.origin
            );
            flow(everything, destination, service_ports(service, None), reason, &service.origin)
        })
        .filter(|flow| !flow.ports_text().is_empty())
        .collect()
}
