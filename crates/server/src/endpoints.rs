//! Who may ask at which address, with which token, how much and how often?
//!
//! The router is made from these values and the guard decides by them, so that the table that is written down and what
//! is enforced are one.

use std::collections::HashMap;

use axum::http::Method;
use intramuros_accounts::{Role, Scope};

use crate::limits::MAX_BODY_BYTES;

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Anybody who can connect.
    Anyone,
    /// Who is signed in with at least this role.
    Role(Role),
}

/// Which token is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// None is asked for.
    Nothing,
    /// A session, or a token with this scope.
    Scope(Scope),
    /// A session in a browser: no token is enough.
    Session,
}

/// What a request may bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// Nothing.
    None,
    /// JSON of at most so many bytes.
    Json(usize),
    /// A file of at most so many bytes, which is passed on as it comes.
    File(u64),
}

/// How often one address may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// As often as the server allows in general.
    General,
    /// As often as people sign in.
    SignIn,
}

/// An address with a method, and what holds there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The method; `*` for any.
    pub method: &'static str,
    /// The path, with `{names}` for what varies; `{*names}` may hold slashes.
    pub path: &'static str,
    /// Who may ask.
    pub who: Who,
    /// Which token is enough.
    pub need: Need,
    /// What a request may bring.
    pub body: Body,
    /// How often one address may ask.
    pub rate: Rate,
}

/// Bytes of a small form: a name, a passphrase, a list of groups.
pub const FORM_BYTES: usize = 64 << 10;

impl Endpoint {
    /// A page or file of it, for anybody.
    pub const fn page(path: &'static str) -> Endpoint {
        Endpoint::get(path).who(Who::Anyone, Need::Nothing)
    }

    /// Something that readers ask for.
    pub const fn get(path: &'static str) -> Endpoint {
        Endpoint {
            method: "GET",
            path,
            who: Who::Role(Role::Reader),
            need: Need::Scope(Scope::Read),
            body: Body::None,
            rate: Rate::General,
        }
    }

    /// A question of readers that comes as a body.
    pub const fn post(path: &'static str) -> Endpoint {
        Endpoint { method: "POST", body: Body::Json(MAX_BODY_BYTES), ..Endpoint::get(path) }
    }

    /// An act of administration.
    pub const fn administer(method: &'static str, path: &'static str) -> Endpoint {
        let body =
            if matches!(method.as_bytes(), b"GET" | b"DELETE") { Body::None } else { Body::Json(FORM_BYTES) };
        Endpoint {
            method,
            body,
            who: Who::Role(Role::Administrator),
            need: Need::Scope(Scope::Administer),
            ..Endpoint::get(path)
        }
    }

    /// Something that a person does for herself, signed in with a browser.
    pub const fn own(method: &'static str, path: &'static str) -> Endpoint {
        Endpoint { who: Who::Role(Role::Reader), need: Need::Session, ..Endpoint::administer(method, path) }
    }

    /// Something by which people come in.
    pub const fn sign_in(method: &'static str, path: &'static str) -> Endpoint {
        let endpoint = Endpoint { rate: Rate::SignIn, ..Endpoint::own(method, path) };
        endpoint.who(Who::Anyone, Need::Nothing)
    }

    /// For somebody else.
    pub const fn who(self, who: Who, need: Need) -> Endpoint {
        Endpoint { who, need, ..self }
    }

    /// With a body of at most so many bytes.
    pub const fn body(self, body: Body) -> Endpoint {
        Endpoint { body, ..self }
    }

    /// With any method.
    pub const fn any(self) -> Endpoint {
        Endpoint { method: "*", ..self }
    }

    /// Whether programs of other people ask here, which the declared token is for.
    pub fn is_for_programs(&self) -> bool {
        self.path.starts_with("/v1/") || self.path == "/mcp"
    }

    /// Whether what is done here may change somebody's rights. What the right to read is enough for changes none.
    pub fn may_change_rights(&self) -> bool {
        !matches!(self.method, "GET" | "HEAD") && self.need != Need::Scope(Scope::Read)
    }

    /// Whether it answers the same to everybody, whoever asks.
    pub fn is_the_same_for_all(&self) -> bool {
        self.who == Who::Anyone
            && (self.path.starts_with("/assets/")
                || ["/api/v1/health", "/api/v1/openapi.json"].contains(&self.path))
    }

    /// Whether people look at it, rather than programs.
    pub fn is_page(&self) -> bool {
        !["/api/", "/v1/", "/mcp", "/scim/", "/assets/"].iter().any(|start| self.path.starts_with(start))
    }
}

/// The endpoints by their path.
pub(crate) struct Table(HashMap<&'static str, Vec<Endpoint>>);

impl Table {
    /// A table of these.
    pub fn new(endpoints: impl IntoIterator<Item = Endpoint>) -> Table {
        let mut by_path: HashMap<&'static str, Vec<Endpoint>> = HashMap::new();
        for endpoint in endpoints {
            by_path.entry(endpoint.path).or_default().push(endpoint);
        }
        Table(by_path)
    }

    /// What holds for a request; none for an address or a method that is not there.
    pub fn find(&self, path: &str, method: &Method) -> Option<&Endpoint> {
        let method = if method == Method::HEAD { "GET" } else { method.as_str() };
        self.0.get(path)?.iter().find(|endpoint| endpoint.method == method || endpoint.method == "*")
    }
}
