//! Who is there, and how do administrators invite, change and remove people?

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use intramuros_accounts::secret::{self, INVITATION_LETTERS, Use};
use intramuros_accounts::{Role, names};
use intramuros_journal::time::now_ms;
use intramuros_store::people::{Code, CodeUse, NewPerson, Origin, Person, PersonChange, PersonId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::accounts::Accounts;
use crate::api::account::{act, shown};
use crate::api::{form, number};
use crate::application::Shared;
use crate::caller::Caller;
use crate::failure::{Failure, FailureBody};
use crate::parameters::Parameters;

/// Most people in one list.
const MOST_PEOPLE: u64 = 500;

/// How long an invitation holds, in milliseconds: a week.
const INVITATION_MS: i64 = 7 * 86_400_000;

/// What can be asked of the list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // Read by name in `Parameters`; this is how the OpenAPI document learns of them.
pub(crate) struct PeopleParameters {
    /// Part of a name or a mail address.
    q: Option<String>,
    /// People wanted.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<u32>,
    /// People skipped.
    #[param(minimum = 0, default = 0)]
    offset: Option<u32>,
}

/// People.
#[derive(Serialize, ToSchema)]
pub(crate) struct PeopleAnswer {
    /// In the order of their names.
    pub people: Vec<PersonView>,
    /// How many there are in all.
    pub total: u64,
}

/// A person.
#[derive(Serialize, ToSchema)]
pub(crate) struct PersonView {
    /// Their number.
    pub id: i64,
    /// The name that they sign in with and that access rules use.
    pub name: String,
    /// The name that is shown.
    pub shown: String,
    /// Their mail address.
    pub mail: Option<String>,
    /// `reader`, `editor`, `administrator`, `owner`.
    #[schema(value_type = String)]
    pub role: &'static str,
    /// Whether they may sign in.
    pub active: bool,
    /// Whether they have a passphrase.
    pub passphrase: bool,
    /// Who brought them here: `local`, `oidc:NAME`, `scim`.
    pub origin: String,
    /// Their groups.
    pub groups: Vec<String>,
    /// When they came, in milliseconds since 1970.
    pub created_ms: i64,
    /// When they were last here.
    pub seen_ms: Option<i64>,
}

/// A new person.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPersonRequest {
    /// The name to sign in with.
    pub name: String,
    /// The name to show.
    #[serde(default)]
    pub shown: Option<String>,
    /// The mail address.
    #[serde(default)]
    pub mail: Option<String>,
    /// `reader`, `editor`, `administrator`, `owner`.
    pub role: String,
}

/// What changes of a person; what is not given stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonRequest {
    /// The name to show.
    #[serde(default)]
    pub shown: Option<String>,
    /// The mail address; an empty one takes it away.
    #[serde(default)]
    pub mail: Option<String>,
    /// The role.
    #[serde(default)]
    pub role: Option<String>,
    /// Whether they may sign in.
    #[serde(default)]
    pub active: Option<bool>,
}

/// Somebody who may come in, and how.
#[derive(Serialize, ToSchema)]
pub(crate) struct Invited {
    /// The person.
    pub person: PersonView,
    /// The code, to be given to the person and nobody else. It is shown this once.
    pub code: String,
    /// The address that holds it.
    pub link: String,
    /// Until when it holds, in milliseconds since 1970.
    pub expires_ms: i64,
}

impl From<Person> for PersonView {
    fn from(person: Person) -> PersonView {
        PersonView {
            id: person.id.0,
            name: person.name,
            shown: person.shown,
            mail: person.mail,
            role: person.role.word(),
            active: person.active,
            passphrase: person.passphrase.is_some(),
            origin: person.origin.word(),
            groups: person.groups.into_iter().collect(),
            created_ms: person.created_ms,
            seen_ms: person.seen_ms,
        }
    }
}

fn role(word: &str) -> Result<Role, Failure> {
    Role::from_word(word)
        .ok_or_else(|| Failure::bad_request("a role is one of reader, editor, administrator, owner"))
}

/// The person of an address, whom the caller may change so that they have `after`.
async fn changeable(
    accounts: &Accounts,
    caller: &Caller,
    id: &str,
    after: Option<Role>,
) -> Result<Person, Failure> {
    let id = PersonId(number(id)?);
    let person = accounts.people(move |people| people.person(id)).await?.ok_or_else(Failure::not_found)?;
    let own = caller.role.unwrap_or(Role::Reader);
    if !own.may_change(person.role, after.unwrap_or(person.role)) {
        return Err(Failure::forbidden("nobody changes, invites or makes somebody above themselves"));
    }
    Ok(person)
}

/// What the store refuses of a change is the last owner's.
fn refused(failure: Failure) -> Failure {
    if failure.kind == "bad_request" { Failure::conflict(failure.message) } else { failure }
}

/// The people.
#[utoipa::path(
    get, path = "/api/v1/people", tag = "administration", params(PeopleParameters),
    responses(
        (status = 200, description = "The people", body = PeopleAnswer),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn people(
    State(shared): State<Arc<Shared>>,
    mut parameters: Parameters,
) -> Result<Json<PeopleAnswer>, Failure> {
    let accounts = shared.accounts()?;
    let part = parameters.one("q")?.unwrap_or_default();
    let limit = parameters.number("limit", 1, MOST_PEOPLE)?.unwrap_or(100) as usize;
    let offset = parameters.number("offset", 0, u64::from(u32::MAX))?.unwrap_or(0) as usize;
    parameters.finish()?;
    let (people, total) = accounts
        .people(move |people| Ok((people.people(&part, offset, limit)?, people.count_people()?)))
        .await?;
    Ok(Json(PeopleAnswer { people: people.into_iter().map(PersonView::from).collect(), total }))
}

/// Adds somebody and invites them.
#[utoipa::path(
    post, path = "/api/v1/people", tag = "administration", request_body = NewPersonRequest,
    responses(
        (status = 200, description = "The person and their invitation", body = Invited),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn add(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Bytes,
) -> Result<Json<Invited>, Failure> {
    let accounts = shared.accounts()?;
    let asked: NewPersonRequest = form(&body)?;
    let role = role(&asked.role)?;
    if !caller.role.is_some_and(|own| own.may_change(role, role)) {
        return Err(Failure::forbidden("nobody makes somebody above themselves"));
    }
    let name = names::person(&asked.name).map_err(Failure::bad_request)?;
    let new = NewPerson {
        shown: shown(asked.shown.as_deref())?.unwrap_or_else(|| name.clone()),
        mail: shown(asked.mail.as_deref())?,
        name: name.clone(),
        role,
        passphrase: None,
        origin: Origin::Local,
        external: None,
    };
    let added = accounts.people(move |people| people.add_person(&new, now_ms())).await?;
    let id = added.map_err(|_| Failure::taken(&name))?;
    shared.note(act(&caller, "person added", &[("person", &name), ("role", role.word())])).await?;
    let person = accounts.people(move |people| people.person(id)).await?.ok_or_else(Failure::not_found)?;
    Ok(Json(invitation(&shared, accounts, &caller, person).await?))
}

/// Changes somebody.
#[utoipa::path(
    patch, path = "/api/v1/people/{id}", tag = "administration", request_body = PersonRequest,
    params(("id" = i64, Path, description = "Number of the person")),
    responses(
        (status = 200, description = "The person as they are now", body = PersonView),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn change(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<PersonView>, Failure> {
    let accounts = shared.accounts()?;
    let asked: PersonRequest = form(&body)?;
    let after = asked.role.as_deref().map(role).transpose()?;
    let person = changeable(accounts, &caller, &id, after).await?;
    let change = PersonChange {
        shown: shown(asked.shown.as_deref())?,
        mail: asked.mail.as_deref().map(|mail| shown(Some(mail))).transpose()?,
        role: after,
        active: asked.active,
        ..PersonChange::default()
    };
    let id = person.id;
    accounts
        .people(move |people| people.change_person(id, &change))
        .await
        .map_err(refused)?
        .map_err(Failure::from)?;
    let active = asked.active.map(|active| active.to_string());
    let mut on = vec![("person", person.name.as_str())];
    on.extend(after.map(|role| ("role", role.word())));
    on.extend(active.as_deref().map(|active| ("may sign in", active)));
    shared.note(act(&caller, "person changed", &on)).await?;
    let person = accounts.people(move |people| people.person(id)).await?.ok_or_else(Failure::not_found)?;
    Ok(Json(person.into()))
}

/// Removes somebody with their sessions, tokens and memberships.
#[utoipa::path(
    delete, path = "/api/v1/people/{id}", tag = "administration",
    params(("id" = i64, Path, description = "Number of the person")),
    responses(
        (status = 204, description = "Removed"),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn remove(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    let accounts = shared.accounts()?;
    let person = changeable(accounts, &caller, &id, None).await?;
    let id = person.id;
    accounts.people(move |people| people.remove_person(id)).await.map_err(refused)?;
    shared.note(act(&caller, "person removed", &[("person", &person.name)])).await?;
    crate::api::attachments::tidy(&shared).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Invites somebody again: for a first passphrase, or a new one.
#[utoipa::path(
    post, path = "/api/v1/people/{id}/invitation", tag = "administration",
    params(("id" = i64, Path, description = "Number of the person")),
    responses(
        (status = 200, description = "The invitation", body = Invited),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn invite(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Invited>, Failure> {
    let accounts = shared.accounts()?;
    let person = changeable(accounts, &caller, &id, None).await?;
    Ok(Json(invitation(&shared, accounts, &caller, person).await?))
}

/// Ends all sessions of somebody.
#[utoipa::path(
    delete, path = "/api/v1/people/{id}/sessions", tag = "administration",
    params(("id" = i64, Path, description = "Number of the person")),
    responses(
        (status = 204, description = "Ended"),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn end_sessions(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    let accounts = shared.accounts()?;
    let person = changeable(accounts, &caller, &id, None).await?;
    let id = person.id;
    accounts.people(move |people| people.end_sessions(id, None)).await?;
    shared.note(act(&caller, "sessions ended", &[("person", &person.name)])).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn invitation(
    shared: &Shared,
    accounts: &Accounts,
    caller: &Caller,
    person: Person,
) -> Result<Invited, Failure> {
    let code = secret::code(&accounts.random::<16>()?, INVITATION_LETTERS);
    let hash = secret::fingerprint(Use::Code, &secret::plain_code(&code));
    let now = now_ms();
    let expires_ms = now + INVITATION_MS;
    let kept = Code { hash, person: person.id, of: CodeUse::Invitation, expires_ms };
    accounts.people(move |people| people.add_code(&kept, now)).await?;
    shared.note(act(caller, "person invited", &[("person", &person.name)])).await?;
    // After `#`: browsers send it to nobody, and no log keeps it.
    let link = format!("{}/sign-in#{code}", shared.home);
    Ok(Invited { person: person.into(), code, link, expires_ms })
}
