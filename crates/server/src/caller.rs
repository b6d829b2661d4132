//! Who asks: this machine's owner, a person with a session, a program with a token, or nobody?

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, StatusCode};
use intramuros_accounts::secret::{self, Use};
use intramuros_accounts::session::seen_is_due;
use intramuros_accounts::{Role, Scope, Scopes};
use intramuros_core::access::Principal;
use intramuros_journal::time::now_ms;
use intramuros_store::people::{Person, PersonId, Token};

use crate::accounts::{Accounts, Used};
use crate::application::Shared;
use crate::cookies::Cookie;
use crate::endpoints::Endpoint;
use crate::failure::Failure;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// By what somebody is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// By being able to connect, where only this machine can.
    Machine,
    /// By a session, of this number.
    Session(i64),
    /// By a token of the store.
    Token,
    /// By the token of `server.token_file`.
    DeclaredToken,
    /// By nothing.
    Nobody,
}

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// Who they are to the access rules.
    pub principal: Principal,
    /// What they may do; none for nobody.
    pub role: Option<Role>,
    /// What their token is good for; none where no token limits them.
    pub scopes: Option<Scopes>,
    /// Their number, where they are a person.
    pub person: Option<PersonId>,
    /// By what they are known.
    pub by: By,
    /// From which address they ask.
    pub address: IpAddr,
    /// Whether cookies are for encrypted connections alone.
    pub secure: bool,
}

impl Caller {
    /// Their name in the journal.
    pub fn name(&self) -> String {
        crate::record::name(&self.principal)
    }

    /// Whether a browser shows who they are by itself, so that another site could make it ask.
    pub fn is_browser(&self) -> bool {
        matches!(self.by, By::Session(_))
    }

    /// Whether they have at least a role.
    pub fn is(&self, role: Role) -> bool {
        self.role.is_some_and(|own| own >= role)
    }

    /// Nobody in particular.
    pub fn nobody(address: IpAddr, secure: bool) -> Caller {
        Caller {
            principal: Principal::anonymous(),
            role: None,
            scopes: None,
            person: None,
            by: By::Nobody,
            address,
            secure,
        }
    }
}

/// Finds out who asks.
///
/// # Errors
/// When a token is shown that opens nothing.
pub(crate) async fn identify(
    shared: &Arc<Shared>,
    headers: &HeaderMap,
    endpoint: Option<&Endpoint>,
    address: IpAddr,
) -> Result<Caller, Failure> {
    let nobody = Caller::nobody(address, shared.is_secure(headers));
    let accounts = shared.accounts.as_ref();
    let demanded = shared.demands_accounts();
    if let Some(shown) = bearer(headers) {
        let for_programs = endpoint.is_some_and(Endpoint::is_for_programs);
        if for_programs && shared.token.is_some_and(|declared| blake3::hash(shown.as_bytes()) == declared) {
            let visitor = if demanded { Principal::owner() } else { shared.visitor.clone() };
            let scopes = Some(Scopes::of([Scope::Read]));
            let role = Some(role_of(&visitor));
            return Ok(Caller { principal: visitor, role, scopes, by: By::DeclaredToken, ..nobody });
        }
        // Where nobody signs in, other people's programs send whatever they call a key.
        let ours = secret::TokenKind::of(shown).is_some();
        match accounts {
            Some(accounts) if demanded || ours => return of_token(accounts, shown, nobody).await,
            _ => {}
        }
    }
    if endpoint.is_some_and(Endpoint::is_for_programs) && shared.token.is_some() && !demanded {
        return Err(no_token());
    }
    if !demanded {
        let (principal, role) = (shared.visitor.clone(), Some(role_of(&shared.visitor)));
        return Ok(Caller { principal, role, by: By::Machine, ..nobody });
    }
    match (accounts, Cookie::Session.of(headers, nobody.secure)) {
        (Some(accounts), Some(cookie)) => of_session(accounts, cookie, nobody).await,
        _ => Ok(nobody),
    }
}

fn role_of(visitor: &Principal) -> Role {
    if visitor.owner { Role::Owner } else { Role::Reader }
}

/// The answer to a program without the right token.
fn no_token() -> Failure {
    Failure::refused(StatusCode::UNAUTHORIZED, "the token is missing or not the declared one")
        .hint("send `Authorization: Bearer …` with the token in `server.token_file`, or one made on the page")
}

async fn of_token(accounts: &Accounts, shown: &str, nobody: Caller) -> Result<Caller, Failure> {
    let wrong = |why: &str| {
        Failure::refused(StatusCode::UNAUTHORIZED, why.to_owned())
            .hint("make a token on the page, under your name")
    };
    if secret::is_token(shown).is_none() {
        return Err(wrong("this is not a token of Intramuros, or not all of one"));
    }
    let hash = secret::fingerprint(Use::Token, shown);
    let found = accounts.people(move |people| people.token(&hash)).await?;
    let now = now_ms();
    let Some((token, person)) = found.filter(|(token, _)| token.alive(now)) else {
        return Err(wrong("this token was revoked, has ended, or its person may not sign in any more"));
    };
    if token.used_ms.is_none_or(|used| seen_is_due(used, now)) {
        accounts.saw(Used::Token(token.id), now);
    }
    Ok(with_token(accounts, token, person, nobody))
}

fn with_token(accounts: &Accounts, token: Token, person: Option<Person>, nobody: Caller) -> Caller {
    let (principal, role) = match &person {
        Some(person) => (accounts.principal(person), person.role),
        // A program is worth what its scopes need, and reads what its groups may.
        None => {
            let role = token.scopes.0.iter().map(|scope| scope.needs()).max().unwrap_or(Role::Reader);
            (accounts.service(&token.name, &token.groups), role)
        }
    };
    Caller {
        principal,
        role: Some(role),
        scopes: Some(token.scopes),
        person: person.map(|person| person.id),
        by: By::Token,
        ..nobody
    }
}

async fn of_session(accounts: &Accounts, cookie: &str, nobody: Caller) -> Result<Caller, Failure> {
    let hash = secret::fingerprint(Use::Session, cookie);
    let found = accounts.people(move |people| people.session(&hash)).await?;
    let now = now_ms();
    let alive =
        found.filter(|(session, _)| accounts.lifetimes.alive(session.created_ms, session.seen_ms, now));
    let Some((session, person)) = alive else { return Ok(nobody) };
    if seen_is_due(session.seen_ms, now) {
        accounts.saw(Used::Session(session.id, person.id), now);
    }
    Ok(Caller {
        principal: accounts.principal(&person),
        role: Some(person.role),
        person: Some(person.id),
        by: By::Session(session.id),
        ..nobody
    })
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The address at the other end: the connection's, or what the declared proxies say of it. The last address that none of
/// them has is believed; what stands before it is the client's own word.
pub(crate) fn address_of(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    let peer = peer.to_canonical();
    if !trusted.contains(&peer) {
        return peer;
    }
    let said = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
    let all: Vec<&str> = said.flat_map(|value| value.split(',')).collect();
    for one in all.into_iter().rev() {
        match one.trim().parse::<IpAddr>() {
            Ok(address) if trusted.contains(&address.to_canonical()) => {}
            Ok(address) => return address.to_canonical(),
            Err(_) => return peer,
        }
    }
    peer
}

/// Whether a proxy passed a request on.
pub(crate) fn is_forwarded(headers: &HeaderMap) -> bool {
    ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "forwarded", "x-real-ip", "via"]
        .iter()
        .any(|name| headers.contains_key(*name))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_declared_proxies_are_believed() {
        let trusted: Vec<IpAddr> = ["10.0.0.1", "10.0.0.2"].map(|text| text.parse().unwrap()).to_vec();
        let check = |peer: &str, said: &str, expected: &str| {
            let mut headers = HeaderMap::new();
            if !said.is_empty() {
                headers.insert(FORWARDED_FOR, HeaderValue::from_str(said).unwrap());
            }
            let found = address_of(peer.parse().unwrap(), &headers, &trusted);
            assert_eq!(found.to_string(), expected, "{peer} {said}");
        };
        check("192.0.2.9", "203.0.113.1", "192.0.2.9");
        check("10.0.0.1", "203.0.113.1", "203.0.113.1");
        check("10.0.0.1", "1.2.3.4, 203.0.113.1, 10.0.0.2", "203.0.113.1");
        check("10.0.0.1", "", "10.0.0.1");
        check("10.0.0.1", "1.2.3.4, nonsense", "10.0.0.1");
        check("::ffff:10.0.0.1", "203.0.113.1", "203.0.113.1");
    }
}
