//! Which sessions are mine, and how do I change my passphrase?

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use intramuros_accounts::passphrase::{self, Verdict};
use intramuros_accounts::throttle::{Attempt, Network};
use intramuros_accounts::{Role, names};
use intramuros_journal::time::now_ms;
use intramuros_store::people::{PersonChange, PersonId, Session};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::session::NextAnswer;
use super::{act, open, with_cookies};
use crate::accounts::Accounts;
use crate::api::{form, number};
use crate::application::Shared;
use crate::caller::{By, Caller};
use crate::failure::{Failure, FailureBody};
use crate::parameters::Parameters;

/// Most sessions in one list.
const MOST_SESSIONS: usize = 500;

/// What can be asked of a list that is one's own or everybody's.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // Read by name in `Parameters`; this is how the OpenAPI document learns of them.
pub(crate) struct AllParameters {
    /// Those of everybody; for administrators.
    #[param(default = false)]
    all: Option<bool>,
}

/// The old passphrase and the new one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PassphraseRequest {
    /// The one that holds now.
    pub old: String,
    /// The one that holds from now on.
    pub new: String,
}

/// Open sessions.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionsAnswer {
    /// The last used first.
    pub sessions: Vec<SessionView>,
}

/// An open session.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionView {
    /// Its number.
    pub id: i64,
    /// Whose.
    pub name: String,
    /// Whether it is the one that asks.
    pub this: bool,
    /// How they signed in: `passphrase`, `code`, `oidc:NAME`.
    pub way: String,
    /// When, in milliseconds since 1970.
    pub created_ms: i64,
    /// When it was last used, to the minute.
    pub seen_ms: i64,
    /// From which address.
    pub address: String,
    /// With which browser, as it says.
    pub browser: String,
}

/// Whether everybody's were asked for, by somebody who may.
pub(super) fn all(caller: &Caller, mut parameters: Parameters) -> Result<bool, Failure> {
    let all = parameters.flag("all")?;
    parameters.finish()?;
    if all && !caller.is(Role::Administrator) {
        return Err(Failure::forbidden("those of everybody are for administrators"));
    }
    Ok(all)
}

/// Whose things are meant: everybody's, or those of the person who asks; nothing where no person asks.
pub(super) fn whose(everybody: bool, caller: &Caller) -> Option<Option<PersonId>> {
    if everybody { Some(None) } else { caller.person.map(Some) }
}

/// Whether somebody may end what is this person's: their own, and, for administrators, that of whom they may change. To others
/// it is not there.
pub(super) async fn check_whose(
    accounts: &Accounts,
    caller: &Caller,
    whose: PersonId,
) -> Result<(), Failure> {
    if caller.person == Some(whose) {
        return Ok(());
    }
    if !caller.is(Role::Administrator) {
        return Err(Failure::not_found());
    }
    let person = accounts.people(move |people| people.person(whose)).await?.ok_or_else(Failure::not_found)?;
    if !caller.role.is_some_and(|own| own.may_change(person.role, person.role)) {
        return Err(Failure::forbidden("nobody ends what is of somebody above themselves"));
    }
    Ok(())
}

/// One's own open sessions, or everybody's.
#[utoipa::path(
    get, path = "/api/v1/sessions", tag = "account", params(AllParameters),
    responses(
        (status = 200, description = "The sessions", body = SessionsAnswer),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn sessions(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Json<SessionsAnswer>, Failure> {
    let accounts = shared.accounts()?;
    let all = all(&caller, parameters)?;
    let Some(whose) = whose(all, &caller) else {
        return Ok(Json(SessionsAnswer { sessions: Vec::new() }));
    };
    let lifetimes = accounts.lifetimes;
    let (sessions, names) = accounts
        .people(move |people| {
            people.forget_old(lifetimes, now_ms())?;
            let sessions = people.sessions(whose, MOST_SESSIONS)?;
            let names = people.names(&sessions.iter().map(|session| session.person).collect())?;
            Ok((sessions, names))
        })
        .await?;
    let view = |session: Session| SessionView {
        id: session.id,
        name: names.get(&session.person).map(|(name, _)| name.clone()).unwrap_or_default(),
        this: caller.by == By::Session(session.id),
        way: session.way,
        created_ms: session.created_ms,
        seen_ms: session.seen_ms,
        address: session.address,
        browser: session.browser,
    };
    Ok(Json(SessionsAnswer { sessions: sessions.into_iter().map(view).collect() }))
}

/// Ends one of one's own sessions; administrators end those of anybody who is not above them.
#[utoipa::path(
    delete, path = "/api/v1/sessions/{id}", tag = "account",
    params(("id" = i64, Path, description = "Number of the session")),
    responses(
        (status = 204, description = "Ended"),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn end_session(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    let accounts = shared.accounts()?;
    let id = number(&id)?;
    let whose = accounts.people(move |people| people.whose_session(id)).await?;
    check_whose(accounts, &caller, whose.ok_or_else(Failure::not_found)?).await?;
    if !accounts.people(move |people| people.end_session(id, whose)).await? {
        return Err(Failure::not_found());
    }
    shared.note(act(&caller, "session ended", &[("session", &id.to_string())])).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Changes one's own passphrase. Every other session of the person ends, and this one goes on under a new secret.
#[utoipa::path(
    put, path = "/api/v1/passphrase", tag = "account", request_body = PassphraseRequest,
    responses(
        (status = 200, description = "Changed", body = NextAnswer),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn passphrase(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    let accounts = shared.accounts()?;
    let asked: PassphraseRequest = form(&body)?;
    let id = caller.person.ok_or_else(Failure::not_found)?;
    let person = accounts.people(move |people| people.person(id)).await?.ok_or_else(Failure::not_found)?;
    // Who found an open browser must not guess the passphrase there either.
    let folded = names::fold(&person.name);
    let attempt = Attempt { name: &folded, network: Network::of(caller.address), known_browser: true };
    {
        let mut throttle = accounts.throttle();
        if let Some(wait) = throttle.wait(&attempt, now_ms()) {
            return Err(Failure::wait(wait));
        }
        throttle.failed(&attempt, now_ms());
    }
    if accounts.verify(asked.old, person.passphrase.clone()).await? == Verdict::Wrong {
        shared.note(act(&caller, "passphrase not changed: the old one was wrong", &[])).await?;
        return Err(Failure::wrong("the old passphrase is wrong"));
    }
    accounts.throttle().succeeded(&attempt);
    passphrase::check(&asked.new, &person.name).map_err(Failure::weak)?;
    let change =
        PersonChange { passphrase: Some(accounts.hash(asked.new).await?), ..PersonChange::default() };
    accounts
        .people(move |people| {
            let changed = people.change_person(id, &change)?;
            people.end_sessions(id, None)?;
            Ok(changed)
        })
        .await?
        .map_err(Failure::from)?;
    shared.note(act(&caller, "passphrase changed", &[])).await?;
    let cookies = open(&shared, accounts, &headers, &caller, &person, "passphrase", None).await?;
    Ok(with_cookies(cookies, Json(NextAnswer { next: "/account".to_owned() })))
}
