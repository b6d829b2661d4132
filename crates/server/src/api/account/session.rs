//! Who is signed in here, and how does somebody sign in and out?

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use intramuros_accounts::names;
use intramuros_accounts::oidc::safe_next;
use intramuros_accounts::passphrase::Verdict;
use intramuros_accounts::throttle::{Attempt, Network};
use intramuros_journal::Event;
use intramuros_journal::time::now_ms;
use intramuros_store::people::{Person, PersonChange};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{open, provider, signed_in, with_cookies};
use crate::accounts::Accounts;
use crate::api::form;
use crate::application::Shared;
use crate::caller::{By, Caller};
use crate::cookies::Cookie;
use crate::failure::{Failure, FailureBody};
use crate::parameters::Parameters;

/// The name in the journal of somebody who is not there: what was typed may be a passphrase.
const UNKNOWN: &str = "(unknown name)";

/// Who is signed in, and how one can sign in.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionAnswer {
    /// Whether people sign in here at all; otherwise who can connect is the owner.
    pub accounts: bool,
    /// The name of who asks; none for nobody, and for this machine's owner.
    pub name: Option<String>,
    /// The name to show.
    pub shown: Option<String>,
    /// `reader`, `editor`, `administrator`, `owner`; none for nobody.
    #[schema(value_type = Option<String>)]
    pub role: Option<&'static str>,
    /// The groups of who asks.
    pub groups: Vec<String>,
    /// Whether the first owner is awaited, with the code in the terminal.
    pub first: bool,
    /// Providers by which one can sign in.
    pub providers: Vec<ProviderView>,
}

/// A provider by which one can sign in.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProviderView {
    /// Its name, as in `/sign-in/with/{name}`.
    pub name: String,
    /// What stands on the button.
    pub label: String,
}

/// A name with its passphrase.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignInRequest {
    /// The name.
    pub name: String,
    /// The passphrase.
    pub passphrase: String,
    /// Where one wants to go.
    #[serde(default)]
    pub next: String,
}

/// Where to go on.
#[derive(Serialize, ToSchema)]
pub(crate) struct NextAnswer {
    /// An address of a page here; after signing out, possibly one of the provider.
    pub next: String,
}

/// Who is signed in, and how one can sign in.
#[utoipa::path(
    get, path = "/api/v1/session", tag = "account",
    responses(
        (status = 200, description = "Who asks", body = SessionAnswer),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn session(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Json<SessionAnswer>, Failure> {
    parameters.finish()?;
    let person = match (&shared.accounts, caller.person) {
        (Some(accounts), Some(id)) => accounts.people(move |people| people.person(id)).await?,
        _ => None,
    };
    let providers = shared.accounts.iter().flat_map(|accounts| &accounts.providers);
    let first = match &shared.accounts {
        Some(accounts) if accounts.awaits_first() => accounts.people(|people| people.owners()).await? == 0,
        _ => false,
    };
    Ok(Json(SessionAnswer {
        accounts: shared.demands_accounts(),
        name: caller.principal.user.clone(),
        shown: person.map(|person| person.shown),
        role: caller.role.map(|role| role.word()),
        groups: caller.principal.groups.iter().cloned().collect(),
        first,
        providers: providers
            .map(|provider| ProviderView {
                name: provider.declared.name.clone(),
                label: provider.declared.label().to_owned(),
            })
            .collect(),
    }))
}

/// Signs somebody in with a passphrase, and sets the session's cookie.
#[utoipa::path(
    post, path = "/api/v1/session", tag = "account", request_body = SignInRequest,
    responses(
        (status = 200, description = "Signed in", body = NextAnswer),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn sign_in(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    let accounts = shared.accounts()?;
    let asked: SignInRequest = form(&body)?;
    let folded = names::fold(&asked.name);
    let mark = Cookie::Browser.of(&headers, caller.secure);
    let attempt = Attempt {
        name: &folded,
        network: Network::of(caller.address),
        known_browser: mark.is_some_and(|mark| accounts.knows_browser(mark, &folded)),
    };
    // Counted as failed until it has succeeded: many at once count as many.
    {
        let mut throttle = accounts.throttle();
        if let Some(wait) = throttle.wait(&attempt, now_ms()) {
            return Err(Failure::wait(wait));
        }
        throttle.failed(&attempt, now_ms());
    }
    // As it was typed: two people from before may have names that look the same.
    let name = asked.name.trim().to_owned();
    let person = accounts.people(move |people| people.person_named(&name)).await?;
    let kept = person.as_ref().filter(|person| person.active).and_then(|person| person.passphrase.clone());
    let verdict = accounts.verify(asked.passphrase.clone(), kept).await?;
    let known = person.as_ref().map_or(UNKNOWN, |person| &person.name).to_owned();
    let Some(person) = person.filter(|_| verdict != Verdict::Wrong) else {
        let name = known;
        shared.note(signed_in(&name, "passphrase", &caller, false)).await?;
        return Err(Failure::wrong("the name or the passphrase is wrong"));
    };
    accounts.throttle().succeeded(&attempt);
    if verdict == Verdict::RightButOld {
        renew(accounts, &person, asked.passphrase).await?;
    }
    let cookies = open(&shared, accounts, &headers, &caller, &person, "passphrase", None).await?;
    let next = safe_next(&asked.next).to_owned();
    Ok(with_cookies(cookies, Json(NextAnswer { next })))
}

/// Keeps a passphrase at today's cost.
async fn renew(accounts: &Accounts, person: &Person, passphrase: String) -> Result<(), Failure> {
    let hash = accounts.hash(passphrase).await?;
    let (id, change) = (person.id, PersonChange { passphrase: Some(hash), ..PersonChange::default() });
    accounts.people(move |people| people.change_person(id, &change)).await?.map_err(Failure::from)
}

/// Ends the session, here and (where it came from a provider that can) there.
#[utoipa::path(
    delete, path = "/api/v1/session", tag = "account",
    responses(
        (status = 200, description = "Signed out", body = NextAnswer),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn sign_out(State(shared): State<Arc<Shared>>, caller: Caller) -> Result<Response, Failure> {
    let accounts = shared.accounts()?;
    let By::Session(id) = caller.by else { return Err(Failure::not_found()) };
    let person = caller.person;
    let ended = accounts
        .people(move |people| {
            let session =
                people.sessions(person, usize::MAX >> 1)?.into_iter().find(|session| session.id == id);
            people.end_session(id, None)?;
            Ok(session)
        })
        .await?;
    shared.note(Event::SignOut { user: caller.name() }).await?;
    let there = match ended {
        Some(session) => provider::end(&shared, accounts, &session).await,
        None => None,
    };
    let gone = Cookie::Session.set(None, 0, caller.secure);
    Ok(with_cookies([gone], Json(NextAnswer { next: there.unwrap_or_else(|| "/sign-in".to_owned()) })))
}
