//! How does somebody come in for the first time: the first owner, and who was invited?

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use intramuros_accounts::secret::{self, Use};
use intramuros_accounts::throttle::{Attempt, Network};
use intramuros_accounts::{Role, names, passphrase};
use intramuros_journal::time::now_ms;
use intramuros_store::people::{CodeUse, NewPerson, Origin, Person, PersonId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::session::NextAnswer;
use super::{act, open, shown, signed_in, with_cookies};
use crate::accounts::Accounts;
use crate::api::form;
use crate::application::Shared;
use crate::caller::Caller;
use crate::failure::{Failure, FailureBody};

/// What the first owner is called, with the code in the terminal.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FirstOwnerRequest {
    /// The code that `serve` printed.
    pub code: String,
    /// The name to sign in with.
    pub name: String,
    /// The name to show.
    #[serde(default)]
    pub shown: Option<String>,
    /// The passphrase.
    pub passphrase: String,
}

/// An invitation with the passphrase of who was invited.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvitationRequest {
    /// The code of the invitation.
    pub code: String,
    /// The passphrase.
    pub passphrase: String,
}

/// Holds an attempt with a code against the counts of failures, and counts it as one.
fn try_code(accounts: &Accounts, caller: &Caller, of: &str) -> Result<(), Failure> {
    let attempt = Attempt { name: of, network: Network::of(caller.address), known_browser: false };
    let mut throttle = accounts.throttle();
    if let Some(wait) = throttle.wait(&attempt, now_ms()) {
        return Err(Failure::wait(wait));
    }
    throttle.failed(&attempt, now_ms());
    Ok(())
}

fn code_was_right(accounts: &Accounts, caller: &Caller, of: &str) {
    let attempt = Attempt { name: of, network: Network::of(caller.address), known_browser: false };
    accounts.throttle().succeeded(&attempt);
}

/// Makes the first owner and signs them in.
#[utoipa::path(
    post, path = "/api/v1/first-owner", tag = "account", request_body = FirstOwnerRequest,
    responses(
        (status = 200, description = "There is an owner now", body = NextAnswer),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn first_owner(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    const OF: &str = "first owner";
    let accounts = shared.accounts()?;
    let asked: FirstOwnerRequest = form(&body)?;
    if !accounts.awaits_first() {
        return Err(Failure::not_found());
    }
    try_code(accounts, &caller, OF)?;
    if !accounts.is_first_code(&asked.code) {
        shared.note(signed_in("(first owner)", "code", &caller, false)).await?;
        return Err(Failure::wrong("the code is wrong: it stands in the terminal that started the program"));
    }
    code_was_right(accounts, &caller, OF);
    let name = names::person(&asked.name).map_err(Failure::bad_request)?;
    passphrase::check(&asked.passphrase, &name).map_err(Failure::weak)?;
    let hash = accounts.hash(asked.passphrase).await?;
    let new = NewPerson {
        shown: shown(asked.shown.as_deref())?.unwrap_or_else(|| name.clone()),
        name: name.clone(),
        mail: None,
        role: Role::Owner,
        passphrase: Some(hash),
        origin: Origin::Local,
        external: None,
    };
    // Once: of two who come at the same moment with the same code, one does.
    if !accounts.take_first_code() {
        return Err(Failure::not_found());
    }
    let added = accounts.people(move |people| people.add_person(&new, now_ms())).await;
    let Ok(Ok(id)) = added else {
        accounts.give_first_code_back(&asked.code);
        added?.map_err(|_| Failure::taken(&name))?;
        return Err(Failure::not_found());
    };
    shared.note(act(&caller, "first owner made", &[("person", &name)])).await?;
    welcome(&shared, accounts, &headers, &caller, id, "code").await
}

/// Takes an invitation: sets the passphrase and signs in.
#[utoipa::path(
    post, path = "/api/v1/invitation", tag = "account", request_body = InvitationRequest,
    responses(
        (status = 200, description = "Signed in", body = NextAnswer),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn accept(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    const OF: &str = "invitation";
    let accounts = shared.accounts()?;
    let asked: InvitationRequest = form(&body)?;
    try_code(accounts, &caller, OF)?;
    let hash = secret::fingerprint(Use::Code, &secret::plain_code(&asked.code));
    let find = move |now| {
        move |people: &intramuros_store::people::People| {
            people.person_of_code(&hash, CodeUse::Invitation, now)
        }
    };
    let Some(person) = accounts.people(find(now_ms())).await? else {
        shared.note(signed_in("(invitation)", "code", &caller, false)).await?;
        return Err(Failure::wrong("this invitation was used already, has ended, or never was one"));
    };
    code_was_right(accounts, &caller, OF);
    passphrase::check(&asked.passphrase, &person.name).map_err(Failure::weak)?;
    let kept = accounts.hash(asked.passphrase).await?;
    let used =
        accounts.people(move |people| people.use_code(&hash, CodeUse::Invitation, &kept, now_ms())).await?;
    let Some(id) = used else {
        return Err(Failure::wrong("this invitation was used already, has ended, or never was one"));
    };
    welcome(&shared, accounts, &headers, &caller, id, "code").await
}

async fn welcome(
    shared: &Shared,
    accounts: &Accounts,
    headers: &HeaderMap,
    caller: &Caller,
    id: PersonId,
    way: &str,
) -> Result<Response, Failure> {
    let person: Option<Person> = accounts.people(move |people| people.person(id)).await?;
    let person = person.ok_or_else(Failure::not_found)?;
    let cookies = open(shared, accounts, headers, caller, &person, way, None).await?;
    Ok(with_cookies(cookies, Json(NextAnswer { next: "/".to_owned() })))
}
