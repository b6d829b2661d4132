//! Who asks: this machine's owner, a person with a session, a program with a token, or nobody?

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, StatusCode};
use intramuros_accounts::secret::{self, Use};
use intramuros_accounts::session::seen_is_due;
use intramuros_accounts::{Role, Scope, Scopes};
use intramuros_core::access::Principal;
use intramuros_core::error::Error;
use intramuros_journal::time::now_ms;
use intramuros_store::people::{Person, PersonId, Session, Token};
use tokio::sync::watch;

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

/// What somebody showed, by which they can be looked up once more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Nothing that can be taken away while the program runs: they can connect, or have the declared token.
    #[default]
    Nothing,
    /// A session, of which this is the hash.
    Session([u8; 32]),
    /// A token of the store, of which this is the hash.
    Token([u8; 32]),
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
    /// And by what they would be known again.
    pub shown: Shown,
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
            shown: Shown::Nothing,
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
        return Err(wrong(
            "this token was revoked, has ended, or its person or maker may not sign in or administer any more",
        ));
    };
    if token.used_ms.is_none_or(|used| seen_is_due(used, now)) {
        accounts.saw(Used::Token(token.id), now);
    }
    let caller = with_token(accounts, token, person, nobody);
    Ok(Caller { shown: Shown::Token(hash), ..caller })
}

fn with_token(accounts: &Accounts, token: Token, person: Option<Person>, nobody: Caller) -> Caller {
    let role = match &person {
        Some(person) => person.role,
        // A program is worth what its scopes need, and reads what its groups may. That who made it may still give as much was
        // looked at with the token.
        None => token.scopes.0.iter().map(|scope| scope.needs()).max().unwrap_or(Role::Reader),
    };
    Caller {
        principal: principal_of(accounts, &token, person.as_ref()),
        role: Some(role),
        scopes: Some(token.scopes),
        person: person.map(|person| person.id),
        by: By::Token,
        ..nobody
    }
}

fn principal_of(accounts: &Accounts, token: &Token, person: Option<&Person>) -> Principal {
    match person {
        Some(person) => accounts.principal(person),
        None => accounts.service(&token.name, &token.groups),
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
        shown: Shown::Session(hash),
        ..nobody
    })
}

/// Somebody who was let in, to be looked at again while they are answered.
#[derive(Clone)]
pub(crate) struct LetIn {
    /// None where nothing can be taken away from them.
    accounts: Option<Arc<Accounts>>,
    shown: Shown,
    /// Who they were then.
    principal: Principal,
}

impl LetIn {
    /// Who showed this, and who they are to the access rules, in whichever of their conversations.
    pub fn new(shared: &Shared, shown: Shown, principal: &Principal) -> LetIn {
        let accounts = shared.accounts.clone().filter(|_| shown != Shown::Nothing);
        LetIn { accounts, shown, principal: Principal { conversation: None, ..principal.clone() } }
    }

    /// Whether what they showed still opens, as the same with the same rights. Waits for the disk.
    pub fn is_still(&self) -> bool {
        let Some(accounts) = &self.accounts else { return true };
        match known_again(accounts, self.shown) {
            Ok(now) => now.is_some_and(|now| now == self.principal),
            Err(error) => {
                tracing::error!(%error, "whether somebody may still read can't be looked at");
                false
            }
        }
    }

    /// The same, from where nothing may wait for the disk.
    pub async fn is_still_there(&self) -> bool {
        if self.accounts.is_none() {
            return true;
        }
        let again = self.clone();
        tokio::task::spawn_blocking(move || again.is_still()).await.unwrap_or(false)
    }
}

/// The rights of somebody who was let in, followed for as long as they are answered.
pub(crate) struct Rights {
    let_in: LetIn,
    /// Tells when they may have changed; none for whom they never do.
    changes: Option<watch::Receiver<()>>,
}

impl Rights {
    /// Follows them from now on.
    pub fn of(let_in: LetIn) -> Rights {
        let changes = let_in.accounts.as_ref().map(|accounts| accounts.watch_rights());
        Rights { let_in, changes }
    }

    /// Comes when they may have changed; that they did stays to be looked at.
    pub async fn changed(&mut self) {
        let Some(changes) = &mut self.changes else { return std::future::pending().await };
        match changes.changed().await {
            Ok(()) => changes.mark_changed(),
            // The people are gone: the program ends.
            Err(_) => std::future::pending().await,
        }
    }

    /// Whether they may have changed since they were last looked at.
    pub fn may_have_changed(&self) -> bool {
        self.changes.as_ref().is_some_and(|changes| changes.has_changed().unwrap_or(false))
    }

    /// Whether they are still the same, looked at now.
    pub async fn are_the_same(&mut self) -> bool {
        if let Some(changes) = &mut self.changes {
            changes.mark_unchanged();
        }
        self.let_in.is_still_there().await
    }
}

/// Who shows this now, to the access rules; none where it opens nothing any more.
fn known_again(accounts: &Accounts, shown: Shown) -> Result<Option<Principal>, Error> {
    let (people, now) = (accounts.here(), now_ms());
    match shown {
        Shown::Nothing => Ok(None),
        Shown::Token(hash) => {
            let found = people.token(&hash)?.filter(|(token, _)| token.alive(now));
            Ok(found.map(|(token, person)| principal_of(accounts, &token, person.as_ref())))
        }
        Shown::Session(hash) => {
            let lives =
                |session: &Session| accounts.lifetimes.alive(session.created_ms, session.seen_ms, now);
            let found = people.session(&hash)?.filter(|(session, _)| lives(session));
            Ok(found.map(|(_, person)| accounts.principal(&person)))
        }
    }
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
    use std::collections::{BTreeMap, BTreeSet};

    use axum::http::HeaderValue;
    use intramuros_accounts::sealing::KEY_BYTES;
    use intramuros_core::perimeter::Perimeter;
    use intramuros_store::people::{NewPerson, NewSession, NewToken, Origin, People};

    use super::*;

    #[test]
    fn who_was_let_in_is_known_again_as_the_same_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let (people, declared) = (People::open(folder.path()).unwrap(), Arc::new(Perimeter::default()));
        let accounts = Arc::new(Accounts::new(people, declared, &[3; KEY_BYTES], BTreeMap::new(), true));
        let people = accounts.here();
        let new = NewPerson {
            name: "rose".to_owned(),
            shown: "Rose".to_owned(),
            mail: None,
            role: Role::Reader,
            passphrase: None,
            origin: Origin::Local,
            external: None,
        };
        let rose = people.add_person(&new, 1).unwrap().unwrap();
        let group = people.add_group("rh", &Origin::Local, None, 1).unwrap().unwrap();
        let member = |add: &[PersonId], remove: &[PersonId]| {
            people.change_members(group, &Origin::Local, add, remove).unwrap();
        };
        member(&[rose], &[]);
        let session = NewSession {
            hash: [1; 32],
            person: rose,
            way: "passphrase".to_owned(),
            address: String::new(),
            browser: String::new(),
            sealed: None,
        };
        let session = people.open_session(&session, now_ms()).unwrap();
        let token = |hash: u8, expires_ms: i64| NewToken {
            hash: [hash; 32],
            hint: String::new(),
            person: Some(rose),
            name: "t".to_owned(),
            scopes: Scopes::of([Scope::Read]),
            groups: BTreeSet::new(),
            made_by: "rose".to_owned(),
            maker: Some(rose),
            expires_ms: Some(expires_ms),
        };
        people.add_token(&token(2, now_ms() + 3_600_000), 1).unwrap().unwrap();
        people.add_token(&token(3, now_ms() - 1), 1).unwrap().unwrap();
        let principal = accounts.principal(&people.person(rose).unwrap().unwrap());
        let let_in = |shown: Shown| LetIn {
            accounts: (shown != Shown::Nothing).then(|| Arc::clone(&accounts)),
            shown,
            principal: principal.clone(),
        };
        let check = |expected: [bool; 4]| {
            let all = [Shown::Nothing, Shown::Session([1; 32]), Shown::Token([2; 32]), Shown::Token([3; 32])];
            assert_eq!(all.map(|shown| let_in(shown).is_still()), expected);
        };
        check([true, true, true, false]);
        member(&[], &[rose]);
        check([true, false, false, false]);
        member(&[rose], &[]);
        assert!(people.end_session(session, None).unwrap());
        check([true, false, true, false]);
        people.remove_person(rose).unwrap();
        check([true, false, false, false]);
    }

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
