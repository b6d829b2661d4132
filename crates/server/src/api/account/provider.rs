//! How does somebody sign in at a provider (OpenID Connect), and out again?

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{Redirect, Response};
use intramuros_accounts::oidc::{self, Client, Flow, Identity, Mapping, safe_next};
use intramuros_accounts::sealing::NONCE_BYTES;
use intramuros_accounts::{Role, names};
use intramuros_egress::Egress;
use intramuros_journal::time::now_ms;
use intramuros_store::people::{NewPerson, Origin, People, Person, PersonChange, Session};

use super::{MOST_SHOWN, open, signed_in, with_cookies};
use crate::accounts::{Accounts, Provider};
use crate::application::Shared;
use crate::caller::Caller;
use crate::cookies::Cookie;
use crate::failure::Failure;
use crate::parameters::Parameters;
use crate::providers::{Hindrance, SignedIn};

/// What locks a sign-in that is under way, and the token that signing out takes back.
const FLOW: &str = "sign-in under way";
const ID_TOKEN: &str = "id token";

/// Longest token of a provider that is kept for signing out, in bytes: what fits in an address.
const MOST_KEPT: usize = 6_000;

/// Who we are to a provider, with the texts that it is made of.
struct Us {
    redirect: String,
    scopes: String,
}

impl Us {
    fn new(shared: &Shared, provider: &Provider) -> Us {
        let redirect = format!("{}/sign-in/with/{}/back", shared.home, provider.declared.name);
        Us { redirect, scopes: provider.declared.scopes.join(" ") }
    }

    fn client<'a>(&'a self, provider: &'a Provider) -> Client<'a> {
        Client {
            id: &provider.declared.client_id,
            redirect: &self.redirect,
            scopes: &self.scopes,
            acr_values: provider.declared.acr_values.as_deref(),
        }
    }
}

fn egress(shared: &Shared) -> Result<&Egress, Hindrance> {
    shared.walls.egress.as_ref().ok_or_else(|| Hindrance::new("no_way_out", "there is no way out at all"))
}

/// Sends the browser to a provider.
pub(crate) async fn begin(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path(name): Path<String>,
    mut parameters: Parameters,
) -> Result<Response, Failure> {
    let accounts = shared.accounts()?;
    let provider = accounts.provider(&name).ok_or_else(Failure::not_found)?;
    let next = parameters.one("next")?.unwrap_or_default();
    let random = [accounts.random()?, accounts.random()?, accounts.random()?];
    let nonce = accounts.random::<NONCE_BYTES>()?;
    let discovery = match egress(&shared) {
        Ok(egress) => accounts.known.discover(egress, provider).await,
        Err(hindrance) => Err(hindrance),
    };
    let discovery = match discovery {
        Ok(discovery) => discovery,
        Err(hindrance) => return Ok(hindered(&name, &hindrance, &caller)),
    };
    let flow = Flow::new(&name, random, &next, now_ms());
    let us = Us::new(&shared, provider);
    let to = flow.authorization(&discovery, &us.client(provider));
    let sealed = accounts.key.seal(FLOW, &serde_json::to_vec(&flow).unwrap_or_default(), nonce);
    let cookie = Cookie::Flow.set(Some(&sealed), oidc::FLOW_MS / 1_000, caller.secure);
    Ok(with_cookies([cookie], Redirect::to(&to)))
}

/// Takes the browser back from a provider, and signs in whom it vouches for.
pub(crate) async fn back(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path(name): Path<String>,
    headers: HeaderMap,
    mut parameters: Parameters,
) -> Result<Response, Failure> {
    let accounts = shared.accounts()?;
    let provider = accounts.provider(&name).ok_or_else(Failure::not_found)?;
    let answer = Answer {
        state: parameters.one("state")?,
        code: parameters.one("code")?,
        issuer: parameters.one("iss")?,
    };
    let flow = match flow_of(accounts, &headers, &caller, &name, &answer) {
        Ok(flow) => flow,
        Err(hindrance) => return Ok(hindered(&name, &hindrance, &caller)),
    };
    let way = Origin::Provider(name.clone()).word();
    let found = match vouched(&shared, accounts, provider, &flow, &answer).await {
        Ok(signed) => person(accounts, provider, &signed)
            .await
            .map(|found| found.map(|person| (person, signed.id_token))),
        Err(hindrance) => Ok(Err(hindrance)),
    };
    match found? {
        Ok((person, id_token)) => {
            let kept = (id_token.len() <= MOST_KEPT).then_some(id_token);
            let nonce = accounts.random::<NONCE_BYTES>()?;
            let sealed = kept.map(|token| accounts.key.seal(ID_TOKEN, token.as_bytes(), nonce));
            let cookies = open(&shared, accounts, &headers, &caller, &person, &way, sealed).await?;
            let gone = Cookie::Flow.set(None, 0, caller.secure);
            Ok(with_cookies(cookies.into_iter().chain([gone]), Redirect::to(safe_next(&flow.next))))
        }
        Err(hindrance) => {
            shared.note(signed_in("(unknown name)", &way, &caller, false)).await?;
            Ok(hindered(&name, &hindrance, &caller))
        }
    }
}

/// What a provider sends the browser back with.
struct Answer {
    state: Option<String>,
    code: Option<String>,
    issuer: Option<String>,
}

/// The sign-in that this browser began and to which the answer belongs.
fn flow_of(
    accounts: &Accounts,
    headers: &HeaderMap,
    caller: &Caller,
    name: &str,
    answer: &Answer,
) -> Result<Flow, Hindrance> {
    let expired = || Hindrance::new("expired", "no sign-in is under way in this browser");
    let cookie = Cookie::Flow.of(headers, caller.secure).ok_or_else(expired)?;
    let opened = accounts.key.open(FLOW, cookie).ok_or_else(expired)?;
    let flow: Flow = serde_json::from_slice(&opened).map_err(|_| expired())?;
    let state = answer.state.as_deref().unwrap_or_default();
    if flow.provider != name || blake3::hash(flow.state.as_bytes()) != blake3::hash(state.as_bytes()) {
        return Err(Hindrance::new("refused", "the answer belongs to another sign-in"));
    }
    if flow.alive(now_ms()) { Ok(flow) } else { Err(expired()) }
}

/// Whom the provider vouches for.
async fn vouched(
    shared: &Shared,
    accounts: &Accounts,
    provider: &Provider,
    flow: &Flow,
    answer: &Answer,
) -> Result<SignedIn, Hindrance> {
    let egress = egress(shared)?;
    let discovery = accounts.known.discover(egress, provider).await?;
    let named = answer.issuer.as_deref();
    let says_who = discovery.authorization_response_iss_parameter_supported;
    if named.is_some_and(|issuer| issuer != discovery.issuer) || (says_who && named.is_none()) {
        return Err(Hindrance::new("refused", "the answer comes from another provider"));
    }
    let code = answer.code.as_deref().ok_or_else(|| Hindrance::new("refused", "it gave no code"))?;
    // Once alone, and only for an answer that could be one: what came without a code ends nothing.
    if !accounts.known.end(flow) {
        return Err(Hindrance::new("expired", "this sign-in has ended already"));
    }
    let us = Us::new(shared, provider);
    accounts.known.exchange(egress, provider, flow, code, &us.client(provider)).await
}

/// The person that somebody is here: known by the provider's own name for them, brought by a directory, or new.
async fn person(
    accounts: &Accounts,
    provider: &Provider,
    signed: &SignedIn,
) -> Result<Result<Person, Hindrance>, Failure> {
    let declared = &provider.declared;
    let mapping = Mapping { name: &declared.name_claim, groups: &declared.groups_claim };
    let identity = match oidc::identity(&signed.claims, &mapping) {
        Ok(identity) => identity,
        Err(why) => return Ok(Err(Hindrance::new("refused", why))),
    };
    let (provider, subject) = (declared.name.clone(), signed.subject.clone());
    accounts
        .people(move |people| {
            let origin = Origin::Provider(provider.clone());
            let now = now_ms();
            let found = match people.person_of_identity(&provider, &subject)? {
                Some(person) => person,
                None => match brought_or_new(people, &identity, &origin, now)? {
                    Ok(person) => {
                        people.add_identity(person.id, &provider, &subject)?;
                        person
                    }
                    Err(hindrance) => return Ok(Err(hindrance)),
                },
            };
            if !found.active {
                return Ok(Err(Hindrance::new("inactive", "the account is closed")));
            }
            let shown = identity.shown.chars().take(MOST_SHOWN).collect();
            let change = PersonChange {
                shown: Some(shown),
                // Where the provider vouches for none any more, what it once said is gone; a directory's stays.
                mail: match &identity.mail {
                    None if found.origin != origin => None,
                    mail => Some(mail.clone()),
                },
                ..PersonChange::default()
            };
            // No name changes, so none can be taken.
            let _ = people.change_person(found.id, &change)?;
            if let Some(groups) = &identity.groups {
                people.set_provider_groups(found.id, &origin, groups, now)?;
            }
            Ok(people.person(found.id)?.ok_or_else(|| Hindrance::new("inactive", "the account is gone")))
        })
        .await
}

/// Somebody whom a directory brought under this name and whom no provider knows yet, or somebody new. A name that
/// somebody else has is not given: else who chooses a name at the provider would become its owner here. What the file
/// gives to a name goes to whoever comes by it first, which `perimeter check` says.
fn brought_or_new(
    people: &People,
    identity: &Identity,
    origin: &Origin,
    now: i64,
) -> Result<Result<Person, Hindrance>, intramuros_core::error::Error> {
    let taken = || Hindrance::new("taken", "the name is somebody else's here");
    let name = match names::person(&identity.name) {
        Ok(name) => name,
        Err(why) => return Ok(Err(Hindrance::new("provider", why))),
    };
    if let Some(person) = people.person_named(&name)? {
        let waiting = person.origin == Origin::Scim && !people.has_identity(person.id)?;
        return Ok(if waiting { Ok(person) } else { Err(taken()) });
    }
    let new = NewPerson {
        name,
        shown: identity.shown.chars().take(MOST_SHOWN).collect(),
        mail: identity.mail.clone(),
        role: Role::Reader,
        passphrase: None,
        origin: origin.clone(),
        external: None,
    };
    Ok(match people.add_person(&new, now)? {
        Ok(id) => people.person(id)?.ok_or_else(taken),
        Err(_) => Err(taken()),
    })
}

/// Where somebody goes on who was not signed in: to the page that says why, in their language.
fn hindered(provider: &str, hindrance: &Hindrance, caller: &Caller) -> Response {
    tracing::warn!(provider, why = hindrance.why, "nobody was signed in by the provider");
    let gone = Cookie::Flow.set(None, 0, caller.secure);
    with_cookies([gone], Redirect::to(&format!("/sign-in?failed={}", hindrance.word)))
}

/// Where somebody signs out at the provider too; none where they did not come by one, or it does not offer it.
pub(super) async fn end(shared: &Shared, accounts: &Accounts, session: &Session) -> Option<String> {
    let Origin::Provider(name) = Origin::from_word(&session.way) else { return None };
    let provider = accounts.provider(&name)?;
    let discovery = accounts.known.discover(egress(shared).ok()?, provider).await.ok()?;
    let token = session.sealed.as_ref().and_then(|sealed| accounts.key.open(ID_TOKEN, sealed));
    let token = token.and_then(|token| String::from_utf8(token).ok());
    let back = format!("{}/sign-in", shared.home);
    let endpoint = discovery.end_session_endpoint?;
    let state = accounts.random().ok()?;
    Some(oidc::end_session(&endpoint, token.as_deref(), &provider.declared.client_id, &back, &state))
}
