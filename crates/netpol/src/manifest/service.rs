//! Which pods stand behind a Service, and which Services stand behind an Ingress or a Gateway API route?

use super::Meta;
use super::fields::Fields;
use crate::document::Node;
use crate::error::Result;
use crate::model::labels::Selector;
use crate::model::world::{Route, Service, ServicePort, TargetPort};

/// The Service of an object.
pub fn read_service(fields: &Fields, node: &Node, meta: Meta) -> Result<Service> {
    let empty = Node { line: node.line, value: crate::document::Value::Map(Vec::new()) };
    let spec = node.get("spec").unwrap_or(&empty);
    let mut ports = Vec::new();
    for port in fields.list(spec, "ports")? {
        let number = fields.port_field(port, "port")?;
        let target = match fields.text(port, "targetPort")? {
            None => TargetPort::Number(number),
            Some(text) => target(fields, port, text)?,
        };
        ports.push(ServicePort {
            name: fields.text(port, "name")?.map(str::to_owned),
            protocol: fields.protocol(port, "protocol")?,
            port: number,
            target,
        });
    }
    let selector = match spec.get("selector") {
        Some(selector) => Some(fields.labels(Some(selector))?).filter(|labels| !labels.is_empty()),
        None => None,
    };
    Ok(Service {
        namespace: meta.namespace,
        name: meta.name,
        labels: fields.labels(node.at(&["metadata", "labels"]))?,
        selector: selector.map(|labels| Selector::labels(&labels)),
        ports,
        kind: fields.text(spec, "type")?.unwrap_or("ClusterIP").to_owned(),
        external_name: fields.text(spec, "externalName")?.map(str::to_owned),
        origin: fields.origin(node),
    })
}

fn target(fields: &Fields, node: &Node, text: &str) -> Result<TargetPort> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(TargetPort::Number(fields.port(node, text)?));
    }
    Ok(TargetPort::Name(text.to_owned()))
}

/// Whether this kind brings traffic from outside to Services.
pub fn is_route(group: &str, kind: &str) -> bool {
    match group {
        "networking.k8s.io" | "extensions" => kind == "Ingress",
        "gateway.networking.k8s.io" => {
            matches!(kind, "HTTPRoute" | "GRPCRoute" | "TCPRoute" | "TLSRoute" | "UDPRoute")
        }
        "route.openshift.io" => kind == "Route",
        _ => false,
    }
}

/// The backends of an Ingress, a Gateway API route or an OpenShift Route.
pub fn read_routes(fields: &Fields, node: &Node, kind: &str, meta: &Meta) -> Result<Vec<Route>> {
    let Some(spec) = node.get("spec") else { return Ok(Vec::new()) };
    let mut routes = Vec::new();
    let mut push = |backend: &Node, namespace: &str, service: &str, port: Option<TargetPort>| {
        routes.push(Route {
            kind: kind.to_owned(),
            namespace: meta.namespace.clone(),
            name: meta.name.clone(),
            service_namespace: namespace.to_owned(),
            service: service.to_owned(),
            port,
            origin: fields.origin(backend),
        });
    };
    match kind {
        "Ingress" => {
            let mut backends: Vec<&Node> = Vec::new();
            backends.extend(spec.get("defaultBackend").or_else(|| spec.get("backend")));
            for rule in fields.list(spec, "rules")? {
                if let Some(http) = rule.get("http") {
                    backends
                        .extend(fields.list(http, "paths")?.iter().filter_map(|path| path.get("backend")));
                }
            }
            for backend in backends {
                if let Some((service, port)) = ingress_backend(fields, backend)? {
                    push(backend, &meta.namespace, &service, port);
                }
            }
        }
        "Route" => {
            let mut backends: Vec<&Node> = spec.get("to").into_iter().collect();
            backends.extend(fields.list(spec, "alternateBackends")?);
            let port = match spec.at(&["port", "targetPort"]).and_then(Node::text) {
                Some(text) => Some(target(fields, spec, text)?),
                None => None,
            };
            for backend in backends {
                let service = fields.required(backend, "name")?;
                push(backend, &meta.namespace, service, port.clone());
            }
        }
        _ => {
            for rule in fields.list(spec, "rules")? {
                for backend in fields.list(rule, "backendRefs")? {
                    if fields.text(backend, "kind")?.unwrap_or("Service") != "Service" {
                        continue;
                    }
                    let namespace = fields.text(backend, "namespace")?.unwrap_or(&meta.namespace);
                    let port = match fields.text(backend, "port")? {
                        Some(text) => Some(TargetPort::Number(fields.port(backend, text)?)),
                        None => None,
                    };
                    push(backend, namespace, fields.required(backend, "name")?, port);
                }
            }
        }
    }
    Ok(routes)
}

fn ingress_backend(fields: &Fields, backend: &Node) -> Result<Option<(String, Option<TargetPort>)>> {
    if let Some(service) = backend.get("service") {
        let name = fields.required(service, "name")?.to_owned();
        let Some(port) = service.get("port") else { return Ok(Some((name, None))) };
        if let Some(number) = fields.text(port, "number")? {
            return Ok(Some((name, Some(TargetPort::Number(fields.port(port, number)?)))));
        }
        return Ok(Some((name, fields.text(port, "name")?.map(|text| TargetPort::Name(text.to_owned())))));
    }
    let Some(name) = fields.text(backend, "serviceName")? else { return Ok(None) };
    let port = match fields.text(backend, "servicePort")? {
        Some(text) => Some(target(fields, backend, text)?),
        None => None,
    };
    Ok(Some((name.to_owned(), port)))
}
