//! Who does this cell of a matrix mean?

use crate::engine::Endpoint;
use crate::language::say;
use crate::model::address::{Addresses, parse_any};
use crate::model::labels::{Requirement, Selector};
use std::fmt;

/// One end of an authorised flow.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Party {
    /// A workload: `namespace/name` or `namespace/name[Kind]`.
    Workload {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// Its kind, when given.
        kind: Option<String>,
    },
    /// The pods behind a Service: `namespace/name[Service]`.
    Service {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// Pods by label: `namespace/{app=web}`, `*/{app=web}`, `namespace/*`, `*/*`.
    Pods {
        /// The namespace; `None` means all.
        namespace: Option<String>,
        /// The labels; everything for `*`.
        selector: Selector,
    },
    /// Addresses: `10.0.0.0/8 except 10.1.0.0/16`, `10.0.0.1`, `10.0.0.1-10.0.0.9`, `internet`.
    Addresses(Addresses),
    /// A host name, or `*.example.com`.
    Name(String),
    /// The cluster's resolver: `dns`.
    Dns,
    /// The API server: `kube-apiserver`.
    ApiServer,
}

impl Party {
    /// Reads a cell. `namespace` comes from a column of its own, if there is one.
    pub fn parse(text: &str, namespace: Option<&str>) -> Result<Self, String> {
        let text = text.trim();
        match super::headings::plain(text.strip_suffix("[External]").unwrap_or(text)).as_str() {
            _ if text.is_empty() => {
                return Err(say!("cette cellule est vide", "this cell is empty").to_owned());
            }
            "internet" | "external" | "externe" | "world" | "any" => {
                return Ok(Self::Addresses(Addresses::everything()));
            }
            "dns" | "resolver" | "resolveur" | "coredns" => return Ok(Self::Dns),
            "kube apiserver" | "api server" | "apiserver" | "serveur d api" | "kube apiserver entity" => {
                return Ok(Self::ApiServer);
            }
            "metadata" | "metadonnees" => return parse_any("169.254.169.254/32").map(Self::Addresses),
            _ => {}
        }
        if let Some(addresses) = addresses(text)? {
            return Ok(Self::Addresses(addresses));
        }
        if let Some(name) = text.strip_suffix("[FQDN]").or_else(|| host_name(text, namespace)) {
            return Ok(Self::Name(name.to_ascii_lowercase()));
        }
        let (namespace, rest) = match (namespace.filter(|namespace| !namespace.is_empty()), split(text)) {
            (Some(namespace), _) => (namespace, text),
            (None, Some((namespace, rest))) => (namespace, rest),
            (None, None) if text == "*" => ("*", "*"),
            (None, None) => {
                return Err(say!(
                    "« {text} » n'est ni espace/charge, ni une adresse, ni un nom d'hôte, ni un mot connu",
                    "'{text}' is not namespace/workload, an address, a host name or a known word"
                ));
            }
        };
        Self::in_namespace(namespace, rest, text)
    }

    fn in_namespace(namespace: &str, rest: &str, text: &str) -> Result<Self, String> {
        let place = (namespace != "*").then(|| namespace.to_owned());
        if rest == "*" {
            return Ok(Self::Pods { namespace: place, selector: Selector::everything() });
        }
        let braces = rest.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        if let Some(labels) = braces.or_else(|| rest.contains('=').then_some(rest)) {
            return Ok(Self::Pods { namespace: place, selector: selector(labels)? });
        }
        let Some(namespace) = place else {
            return Err(say!(
                "« {text} » : une charge demande son espace",
                "'{text}': a workload needs its namespace"
            ));
        };
        let legal = |name: &str| {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.'))
        };
        let (name, kind) = match rest.strip_suffix(']').and_then(|rest| rest.split_once('[')) {
            Some((name, kind)) => (name, Some(kind)),
            None => (rest, None),
        };
        if !legal(name) || !legal(&namespace) {
            return Err(say!(
                "« {text} » n'est ni espace/charge, ni une adresse, ni un nom d'hôte, ni un mot connu",
                "'{text}' is not namespace/workload, an address, a host name or a known word"
            ));
        }
        let name = name.to_owned();
        match kind {
            Some("Service") => Ok(Self::Service { namespace, name }),
            kind => Ok(Self::Workload { namespace, name, kind: kind.map(str::to_owned) }),
        }
    }

    /// The party that an endpoint of the engine is.
    pub fn of_endpoint(endpoint: &Endpoint, title: &str) -> Self {
        match endpoint {
            Endpoint::Addresses(addresses) => Self::Addresses(addresses.clone()),
            Endpoint::Name(name) => Self::Name(name.clone()),
            Endpoint::ApiServer => Self::ApiServer,
            Endpoint::Pods(_) => Self::parse(title, None).unwrap_or(Self::ApiServer),
        }
    }
}

fn split(text: &str) -> Option<(&str, &str)> {
    text.split_once('/')
}

fn host_name<'t>(text: &'t str, namespace: Option<&str>) -> Option<&'t str> {
    let bare = text.strip_prefix("*.").unwrap_or(text);
    let legal = bare.contains('.')
        && bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
        && bare.bytes().any(|byte| byte.is_ascii_alphabetic());
    (legal && namespace.is_none_or(str::is_empty)).then_some(text)
}

/// Addresses, when the cell starts like one: blocks and intervals, then what is left out.
fn addresses(text: &str) -> Result<Option<Addresses>, String> {
    let text = text.strip_suffix("[External]").unwrap_or(text);
    let first = text.split([',', ' ', ';']).next().unwrap_or_default();
    let head = first.split(['/', '-']).next().unwrap_or_default();
    if head.parse::<std::net::IpAddr>().is_err() {
        return Ok(None);
    }
    let mut set = Addresses::default();
    let mut cut = false;
    for word in text.split([',', ';', ' ']).filter(|word| !word.is_empty()) {
        match word.to_lowercase().as_str() {
            "except" | "sauf" | "hors" | "without" => cut = true,
            word => {
                let part = parse_any(word)?;
                set = if cut { set.minus(&part) } else { set.union(&part) };
            }
        }
    }
    if set.is_empty() {
        return Err(say!("« {text} » ne laisse aucune adresse", "'{text}' leaves no address"));
    }
    Ok(Some(set))
}

/// A label selector in the notation of `kubectl -l`.
pub fn selector(text: &str) -> Result<Selector, String> {
    let mut requirements = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let mut depth = 0;
        let end = rest
            .char_indices()
            .find(|(_, c)| {
                match c {
                    '(' => depth += 1,
                    ')' => depth -= 1,
                    _ => {}
                }
                *c == ',' && depth == 0
            })
            .map_or(rest.len(), |(at, _)| at);
        requirements.push(requirement(rest[..end].trim())?);
        rest = rest.get(end + 1..).unwrap_or_default().trim();
    }
    Ok(Selector::new(requirements))
}

fn requirement(text: &str) -> Result<Requirement, String> {
    let values = |list: &str| -> Result<Vec<String>, String> {
        let inner = list.trim().strip_prefix('(').and_then(|list| list.strip_suffix(')'));
        let inner = inner.ok_or_else(|| {
            say!(
                "« {text} » : les valeurs se mettent entre parenthèses",
                "'{text}': values stand in parentheses"
            )
        })?;
        let mut values: Vec<String> = inner.split(',').map(|value| value.trim().to_owned()).collect();
        values.sort();
        values.dedup();
        Ok(values)
    };
    if let Some((key, list)) = text.split_once(" notin ") {
        return Ok(Requirement::NotIn(key.trim().to_owned(), values(list)?));
    }
    if let Some((key, list)) = text.split_once(" in ") {
        return Ok(Requirement::In(key.trim().to_owned(), values(list)?));
    }
    if let Some((key, value)) = text.split_once("!=") {
        return Ok(Requirement::NotIn(key.trim().to_owned(), vec![value.trim().to_owned()]));
    }
    if let Some((key, value)) = text.split_once('=') {
        let value = value.trim_start_matches('=').trim();
        return Ok(Requirement::In(key.trim().to_owned(), vec![value.to_owned()]));
    }
    match text.strip_prefix('!') {
        Some(key) if !key.is_empty() => Ok(Requirement::Missing(key.trim().to_owned())),
        None if !text.is_empty() => Ok(Requirement::Exists(text.to_owned())),
        _ => Err(say!("une condition d'étiquette vide", "an empty label condition").to_owned()),
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workload { namespace, name, kind: Some(kind) } => write!(f, "{namespace}/{name}[{kind}]"),
            Self::Workload { namespace, name, kind: None } => write!(f, "{namespace}/{name}"),
            Self::Service { namespace, name } => write!(f, "{namespace}/{name}[Service]"),
            Self::Pods { namespace, selector } => {
                let namespace = namespace.as_deref().unwrap_or("*");
                match selector.is_everything() {
                    true => write!(f, "{namespace}/*"),
                    false => write!(f, "{namespace}/{{{selector}}}"),
                }
            }
            Self::Addresses(addresses) if *addresses == Addresses::everything() => f.write_str("internet"),
            Self::Addresses(addresses) => f.write_str(&addresses.cidrs().join(", ")),
            Self::Name(name) => f.write_str(name),
            Self::Dns => f.write_str("dns"),
            Self::ApiServer => f.write_str("kube-apiserver"),
        }
    }
}
