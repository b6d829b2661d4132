//! What does a directory read and change of people?

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use intramuros_accounts::scim::{self, Filter, User, Wanted};
use intramuros_accounts::{Role, names};
use intramuros_core::error::Error;
use intramuros_journal::time::now_ms;
use intramuros_store::people::{NewPerson, Origin, Person, PersonChange, PersonId};
use serde_json::{Value, json};

use super::{Asked, Refused, answer, list, made, meta, read, wanted};
use crate::accounts::Accounts;
use crate::api::account::{act, shown};
use crate::api::number;
use crate::application::Shared;
use crate::caller::Caller;
use crate::failure::Failure;
use crate::parameters::Parameters;

fn view(person: &Person, home: &str) -> Value {
    let id = person.id.0.to_string();
    let mut view = json!({
        "schemas": [scim::USER], "id": id, "userName": person.name, "active": person.active,
        "meta": meta("User", home, &format!("Users/{id}"), person.created_ms),
    });
    // Whom nobody gave a name to show is shown by the other one.
    if person.shown != person.name {
        view["displayName"] = json!(person.shown);
    }
    if let Some(external) = &person.external {
        view["externalId"] = json!(external);
    }
    if let Some(mail) = &person.mail {
        view["emails"] = json!([{"value": mail, "type": "work", "primary": true}]);
    }
    view
}

/// People, all or one.
pub(crate) async fn users(
    State(shared): State<Arc<Shared>>,
    parameters: Parameters,
) -> Result<Response, Refused> {
    listed(&shared, &Asked::of(parameters)?).await
}

/// The same, asked for by a body, so that names stand in no address.
pub(crate) async fn search(State(shared): State<Arc<Shared>>, body: Bytes) -> Result<Response, Refused> {
    listed(&shared, &Asked::of_search(&body)?).await
}

async fn listed(shared: &Shared, asked: &Asked) -> Result<Response, Refused> {
    let (found, total) = found_by(shared, asked).await?;
    Ok(list(total, asked.start, found))
}

/// Most people of one name to show, or of one mail address, that are found by it.
const MOST_ALIKE: usize = 1_000;

/// Those who are asked for, as they are written out, and how many there are in all.
pub(super) async fn found_by(shared: &Shared, asked: &Asked) -> Result<(Vec<Value>, u64), Refused> {
    let (filter, start, count) = (asked.filter.clone(), asked.start - 1, asked.count);
    let (people, total) = shared
        .accounts()?
        .people(move |people| {
            let alike = |text: &str, same: &dyn Fn(&Person) -> bool| -> Result<Vec<Person>, Error> {
                Ok(people.people(text, 0, MOST_ALIKE)?.into_iter().filter(|person| same(person)).collect())
            };
            let found: Vec<Person> = match filter {
                None => return Ok((people.people("", start, count)?, people.count_people()?)),
                Some(Filter::Name(name)) => people.person_named(&name)?.into_iter().collect(),
                Some(Filter::External(external)) => people.person_external(&external)?.into_iter().collect(),
                Some(Filter::Id(id)) => {
                    let id = id.parse().map(PersonId);
                    id.map_or(Ok(None), |id| people.person(id))?.into_iter().collect()
                }
                Some(Filter::Shown(shown)) => {
                    alike(&shown, &|person| person.shown.eq_ignore_ascii_case(&shown))?
                }
                Some(Filter::Mail(mail)) => {
                    let is = |own: &String| own.eq_ignore_ascii_case(&mail);
                    alike(&mail, &|person| person.mail.as_ref().is_some_and(is))?
                }
            };
            let total = found.len() as u64;
            Ok((found.into_iter().skip(start).take(count).collect(), total))
        })
        .await?;
    let views = people.iter().map(|person| asked.wanted.narrow(view(person, &shared.home)));
    Ok((views.collect(), total))
}

/// One person.
pub(crate) async fn user(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Response, Refused> {
    let person = found(shared.accounts()?, &id).await?;
    Ok(answer(StatusCode::OK, wanted(parameters)?.narrow(view(&person, &shared.home))))
}

async fn found(accounts: &Accounts, id: &str) -> Result<Person, Failure> {
    let id = PersonId(number(id)?);
    accounts.people(move |people| people.person(id)).await?.ok_or_else(Failure::not_found)
}

/// Adds somebody, as a reader.
pub(crate) async fn add(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    parameters: Parameters,
    body: Bytes,
) -> Result<Response, Refused> {
    let accounts = shared.accounts()?;
    let user = User::parse(&read(&body)?)?;
    let name = names::person(user.name.as_deref().unwrap_or_default()).map_err(Failure::bad_request)?;
    let new = NewPerson {
        shown: shown(user.shown.flatten().as_deref())?.unwrap_or_else(|| name.clone()),
        mail: shown(user.mail.flatten().as_deref())?,
        name: name.clone(),
        role: Role::Reader,
        passphrase: None,
        origin: Origin::Scim,
        external: shown(user.external.flatten().as_deref())?,
    };
    let added = accounts.people(move |people| people.add_person(&new, now_ms())).await?;
    let id = added.map_err(|_| Failure::taken(&name))?;
    if user.active == Some(false) {
        let change = PersonChange { active: Some(false), ..PersonChange::default() };
        accounts.people(move |people| people.change_person(id, &change)).await?.map_err(Failure::from)?;
    }
    shared.note(act(&caller, "person added", &[("person", &name), ("role", "reader")])).await?;
    let view = view(&found(accounts, &id.0.to_string()).await?, &shared.home);
    let location = view["meta"]["location"].as_str().unwrap_or_default().to_owned();
    Ok(made(&location, wanted(parameters)?.narrow(view)))
}

/// Makes somebody what the directory says.
pub(crate) async fn put(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path(id): Path<String>,
    parameters: Parameters,
    body: Bytes,
) -> Result<Response, Refused> {
    let mut user = User::parse(&read(&body)?)?;
    // What a whole person does not say is not so any more.
    user.shown.get_or_insert(None);
    user.mail.get_or_insert(None);
    user.external.get_or_insert(None);
    apply(&shared, &caller, &id, user, &wanted(parameters)?).await
}

/// Changes somebody.
pub(crate) async fn change(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path(id): Path<String>,
    parameters: Parameters,
    body: Bytes,
) -> Result<Response, Refused> {
    let user = User::patch(&read(&body)?)?;
    apply(&shared, &caller, &id, user, &wanted(parameters)?).await
}

/// Somebody whom a directory may change: an owner, and whoever was added here by hand, is not its affair.
async fn changeable(accounts: &Accounts, id: &str) -> Result<Person, Failure> {
    let person = found(accounts, id).await?;
    if person.role == Role::Owner || person.origin == Origin::Local {
        return Err(Failure::forbidden("this person was added here, and is changed here"));
    }
    Ok(person)
}

async fn apply(
    shared: &Shared,
    caller: &Caller,
    id: &str,
    user: User,
    wanted: &Wanted,
) -> Result<Response, Refused> {
    let accounts = shared.accounts()?;
    let person = changeable(accounts, id).await?;
    let name = user.name.as_deref().map(names::person).transpose().map_err(Failure::bad_request)?;
    let change = PersonChange {
        name: name.clone().filter(|name| *name != person.name),
        shown: match &user.shown {
            None => None,
            Some(given) => {
                shown(given.as_deref())?.or_else(|| Some(name.clone().unwrap_or(person.name.clone())))
            }
        },
        mail: user.mail.map(|mail| shown(mail.as_deref())).transpose()?,
        active: user.active,
        external: user.external.map(|external| shown(external.as_deref())).transpose()?,
        ..PersonChange::default()
    };
    let id = person.id;
    let changed = accounts.people(move |people| people.change_person(id, &change)).await?;
    changed.map_err(|_| Failure::taken(name.as_deref().unwrap_or_default()))?;
    if name.is_some_and(|name| name != person.name) {
        crate::api::attachments::follow_names(shared).await?;
    }
    let active = user.active.map(|active| active.to_string());
    let mut on = vec![("person", person.name.as_str())];
    on.extend(active.as_deref().map(|active| ("may sign in", active)));
    shared.note(act(caller, "person changed", &on)).await?;
    let view = view(&found(accounts, &id.0.to_string()).await?, &shared.home);
    Ok(answer(StatusCode::OK, wanted.narrow(view)))
}

/// Removes somebody.
pub(crate) async fn remove(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Refused> {
    let accounts = shared.accounts()?;
    let person = changeable(accounts, &id).await?;
    let id = person.id;
    accounts.people(move |people| people.remove_person(id)).await?;
    shared.note(act(&caller, "person removed", &[("person", &person.name)])).await?;
    crate::api::attachments::tidy(&shared).await?;
    Ok(StatusCode::NO_CONTENT)
}
