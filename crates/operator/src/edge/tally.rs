//! Which requests were sent to the Kubernetes API? For metrics, and for the test that our rights are as narrow as what
//! we ask.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// One kind of request, in the words of Kubernetes' access rules.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`.
    pub verb: &'static str,
    /// The API group; empty for the core.
    pub group: String,
    /// The resource, with its subresource: `environments/status`.
    pub resource: String,
}

impl Kind {
    /// The kind of a request, by method, path and query.
    pub fn of(method: &http::Method, path: &str, query: &str) -> Kind {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (group, rest) = match parts.as_slice() {
            ["api", _, rest @ ..] => ("", rest),
            ["apis", group, _, rest @ ..] => (*group, rest),
            _ => ("", &[] as &[&str]),
        };
        let rest = match rest {
            ["namespaces", _, resource, rest @ ..] => [&[*resource], rest].concat(),
            rest => rest.to_vec(),
        };
        let resource = match rest.as_slice() {
            [resource, _, subresource] => format!("{resource}/{subresource}"),
            [resource, ..] => (*resource).to_owned(),
            [] => path.to_owned(),
        };
        let verb = match (method.as_str(), rest.len()) {
            ("GET", 1) if query.contains("watch=true") => "watch",
            ("GET", 1) => "list",
            ("GET", _) => "get",
            ("POST", _) => "create",
            ("PUT", _) => "update",
            ("PATCH", _) => "patch",
            ("DELETE", _) => "delete",
            _ => "other",
        };
        Kind { verb, group: group.to_owned(), resource }
    }

    /// Whether it changes something.
    pub fn writes(&self) -> bool {
        !matches!(self.verb, "get" | "list" | "watch" | "other")
    }
}

/// How many requests of each kind were sent.
#[derive(Debug, Default)]
pub struct Tally(Mutex<BTreeMap<Kind, u64>>);

impl Tally {
    /// Counts one.
    pub fn count(&self, kind: Kind) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(kind).or_default() += 1;
    }

    /// All counts.
    pub fn counts(&self) -> BTreeMap<Kind, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_named_as_access_rules_name_them() {
        let check = |method: &str, path: &str, query: &str, expected: (&str, &str, &str)| {
            let kind = Kind::of(&method.parse().unwrap(), path, query);
            assert_eq!((kind.verb, kind.group.as_str(), kind.resource.as_str()), expected, "{path}");
        };
        let environments = "/apis/intramuros.eu/v1alpha1/environments";
        check("GET", environments, "watch=true&x=1", ("watch", "intramuros.eu", "environments"));
        check("GET", environments, "", ("list", "intramuros.eu", "environments"));
        let one = "/apis/intramuros.eu/v1alpha1/namespaces/shop/environments/prod/status";
        check("PATCH", one, "", ("patch", "intramuros.eu", "environments/status"));
        check("GET", "/api/v1/namespaces/shop/secrets/s", "", ("get", "", "secrets"));
        check("GET", "/api/v1/namespaces/shop", "", ("get", "", "namespaces"));
        check("GET", "/api/v1/namespaces", "", ("list", "", "namespaces"));
    }
}
