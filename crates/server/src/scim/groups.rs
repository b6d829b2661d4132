//! What does a directory read and change of groups?

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use intramuros_accounts::names;
use intramuros_accounts::scim::{self, Filter, Group as Said, Wanted};
use intramuros_core::error::Error;
use intramuros_journal::time::now_ms;
use intramuros_store::people::{Group, GroupChange, GroupId, Origin, People, PersonId};
use serde_json::{Value, json};

use super::{Asked, Refused, answer, list, made, meta, read, wanted};
use crate::api::account::{act, shown};
use crate::api::number;
use crate::application::Shared;
use crate::caller::Caller;
use crate::failure::Failure;
use crate::parameters::Parameters;

/// Members of a group that are written out. 10,000: an organisation.
const MOST_MEMBERS: usize = 10_000;

fn view(people: &People, group: &Group, home: &str) -> Result<Value, Error> {
    let names = people.names(&group.members.iter().take(MOST_MEMBERS).copied().collect())?;
    let members: Vec<Value> = names
        .into_iter()
        .map(|(id, (_, shown))| {
            let place = format!("{home}/scim/v2/Users/{}", id.0);
            json!({"value": id.0.to_string(), "display": shown, "type": "User", "$ref": place})
        })
        .collect();
    let id = group.id.0.to_string();
    let mut view = json!({
        "schemas": [scim::GROUP], "id": id, "displayName": group.name, "members": members,
        "meta": meta("Group", home, &format!("Groups/{id}"), group.created_ms),
    });
    if let Some(external) = &group.external {
        view["externalId"] = json!(external);
    }
    Ok(view)
}

/// Groups, all or one.
pub(crate) async fn groups(
    State(shared): State<Arc<Shared>>,
    parameters: Parameters,
) -> Result<Response, Refused> {
    listed(&shared, &Asked::of(parameters)?).await
}

/// The same, asked for by a body.
pub(crate) async fn search(State(shared): State<Arc<Shared>>, body: Bytes) -> Result<Response, Refused> {
    listed(&shared, &Asked::of_search(&body)?).await
}

async fn listed(shared: &Shared, asked: &Asked) -> Result<Response, Refused> {
    let (found, total) = found_by(shared, asked).await?;
    Ok(list(total, asked.start, found))
}

/// Those that are asked for, as they are written out, and how many there are in all.
pub(super) async fn found_by(shared: &Shared, asked: &Asked) -> Result<(Vec<Value>, u64), Refused> {
    let home = shared.home.clone();
    let (filter, start, count) = (asked.filter.clone(), asked.start - 1, asked.count);
    let (views, total) = shared
        .accounts()?
        .people(move |people| {
            let (groups, total) = match filter {
                None => (people.groups(start, count)?, people.count_groups()?),
                Some(filter) => {
                    let one = match filter {
                        Filter::Shown(name) => people.group_named(&name)?,
                        Filter::External(external) => people.group_external(&external)?,
                        Filter::Id(id) => id.parse().map_or(Ok(None), |id| people.group(GroupId(id)))?,
                        // Only people have these.
                        Filter::Name(_) | Filter::Mail(_) => None,
                    };
                    let total = u64::from(one.is_some());
                    (one.into_iter().skip(start).take(count).collect(), total)
                }
            };
            let views =
                groups.iter().map(|group| view(people, group, &home)).collect::<Result<Vec<_>, _>>()?;
            Ok((views, total))
        })
        .await?;
    Ok((views.into_iter().map(|view| asked.wanted.narrow(view)).collect(), total))
}

/// One group.
pub(crate) async fn group(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Response, Refused> {
    let group = shown_now(&shared, GroupId(number(&id)?)).await?;
    Ok(answer(StatusCode::OK, wanted(parameters)?.narrow(group)))
}

async fn shown_now(shared: &Shared, id: GroupId) -> Result<Value, Failure> {
    let home = shared.home.clone();
    let view = shared.accounts()?.people(move |people| match people.group(id)? {
        Some(group) => view(people, &group, &home).map(Some),
        None => Ok(None),
    });
    view.await?.ok_or_else(Failure::not_found)
}

/// Adds a group with its members.
pub(crate) async fn add(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    parameters: Parameters,
    body: Bytes,
) -> Result<Response, Refused> {
    let accounts = shared.accounts()?;
    let said = Said::parse(&read(&body)?)?;
    let name = names::group(said.name.as_deref().unwrap_or_default()).map_err(Failure::bad_request)?;
    let external = shown(said.external.clone().flatten().as_deref())?;
    let members = ids(said.members.as_deref().unwrap_or_default())?;
    let new = name.clone();
    let added = accounts
        .people(move |people| {
            let added = people.add_group(&new, &Origin::Scim, external.as_deref(), now_ms())?;
            if let Ok(id) = added {
                people.change_members(id, &Origin::Scim, &members, &[])?;
            }
            Ok(added)
        })
        .await?;
    let id = added.map_err(|_| Failure::taken(&name))?;
    shared.note(act(&caller, "group added", &[("group", &name)])).await?;
    let view = shown_now(&shared, id).await?;
    let location = view["meta"]["location"].as_str().unwrap_or_default().to_owned();
    Ok(made(&location, wanted(parameters)?.narrow(view)))
}

/// Makes a group what the directory says.
pub(crate) async fn put(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path(id): Path<String>,
    parameters: Parameters,
    body: Bytes,
) -> Result<Response, Refused> {
    let mut said = Said::parse(&read(&body)?)?;
    // What a whole group does not say is not so any more.
    said.members.get_or_insert_with(Vec::new);
    said.external.get_or_insert(None);
    apply(&shared, &caller, &id, said, &wanted(parameters)?).await
}

/// Changes a group.
pub(crate) async fn change(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path(id): Path<String>,
    parameters: Parameters,
    body: Bytes,
) -> Result<Response, Refused> {
    let said = Said::patch(&read(&body)?)?;
    apply(&shared, &caller, &id, said, &wanted(parameters)?).await
}

fn ids(members: &[String]) -> Result<Vec<PersonId>, Failure> {
    let id = |member: &String| member.parse().map(PersonId);
    members
        .iter()
        .map(id)
        .collect::<Result<_, _>>()
        .map_err(|_| Failure::bad_request("a member is not known here"))
}

async fn apply(
    shared: &Shared,
    caller: &Caller,
    id: &str,
    said: Said,
    wanted: &Wanted,
) -> Result<Response, Refused> {
    let accounts = shared.accounts()?;
    let id = GroupId(number(id)?);
    let group = accounts.people(move |people| people.group(id)).await?.ok_or_else(Failure::not_found)?;
    let name = said.name.as_deref().map(names::group).transpose().map_err(Failure::bad_request)?;
    let name = name.filter(|name| *name != group.name);
    let external = said.external.clone().map(|external| shown(external.as_deref())).transpose()?;
    let (mut add, mut remove) = (ids(&said.add)?, ids(&said.remove)?);
    if let Some(members) = &said.members {
        let members = ids(members)?;
        remove.extend(group.members.iter().filter(|member| !members.contains(member)));
        add.extend(members);
    }
    let (new, changed) = (name.clone(), add.len() + remove.len());
    let renamed = accounts
        .people(move |people| {
            let change = GroupChange {
                name: new.as_deref(),
                external: external.as_ref().map(|external| external.as_deref()),
                origin: &Origin::Scim,
                add: &add,
                remove: &remove,
            };
            people.change_group(id, &change)
        })
        .await?;
    renamed.map_err(|_| Failure::taken(name.as_deref().unwrap_or_default()))?;
    if name.is_some() {
        crate::api::attachments::follow_names(shared).await?;
    }
    let on = [("group", group.name.as_str()), ("members changed", &changed.to_string())];
    shared.note(act(caller, "group changed", &on)).await?;
    Ok(answer(StatusCode::OK, wanted.narrow(shown_now(shared, id).await?)))
}

/// Removes a group.
pub(crate) async fn remove(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Refused> {
    let accounts = shared.accounts()?;
    let id = GroupId(number(&id)?);
    let group = accounts.people(move |people| people.group(id)).await?.ok_or_else(Failure::not_found)?;
    accounts.people(move |people| people.remove_group(id)).await?;
    shared.note(act(&caller, "group removed", &[("group", &group.name)])).await?;
    Ok(StatusCode::NO_CONTENT)
}
