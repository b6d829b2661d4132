//! Which groups are there, and who is in them?

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use intramuros_accounts::names;
use intramuros_core::error::Error;
use intramuros_core::perimeter::Perimeter;
use intramuros_journal::time::now_ms;
use intramuros_store::people::{Group, GroupChange, GroupId, Origin, People, PersonId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::account::act;
use crate::api::{form, number};
use crate::application::Shared;
use crate::caller::Caller;
use crate::failure::{Failure, FailureBody};
use crate::parameters::Parameters;

/// Most groups in one list.
const MOST_GROUPS: u64 = 500;

/// Most members that are put in or taken out at once.
const MOST_AT_ONCE: usize = 1_000;

/// What can be asked of the list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // Read by name in `Parameters`; this is how the OpenAPI document learns of them.
pub(crate) struct GroupsParameters {
    /// Groups wanted.
    #[param(minimum = 1, maximum = 500, default = 200)]
    limit: Option<u32>,
    /// Groups skipped.
    #[param(minimum = 0, default = 0)]
    offset: Option<u32>,
}

/// Groups.
#[derive(Serialize, ToSchema)]
pub(crate) struct GroupsAnswer {
    /// In the order of their names.
    pub groups: Vec<GroupView>,
}

/// A group.
#[derive(Serialize, ToSchema)]
pub(crate) struct GroupView {
    /// Its number.
    pub id: i64,
    /// The name that access rules use.
    pub name: String,
    /// Who brought it here: `local`, `oidc:NAME`, `scim`.
    pub origin: String,
    /// Names of its members.
    pub members: Vec<String>,
    /// How many access rules of `intramuros.toml` name it.
    pub rules: usize,
}

/// A new group.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewGroupRequest {
    /// The name that access rules use.
    pub name: String,
}

/// What changes of a group.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GroupRequest {
    /// Another name.
    #[serde(default)]
    pub name: Option<String>,
    /// Names of people who come in.
    #[serde(default)]
    pub add: Vec<String>,
    /// Names of people who go out.
    #[serde(default)]
    pub remove: Vec<String>,
}

/// The groups.
#[utoipa::path(
    get, path = "/api/v1/groups", tag = "administration", params(GroupsParameters),
    responses(
        (status = 200, description = "The groups", body = GroupsAnswer),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn groups(
    State(shared): State<Arc<Shared>>,
    mut parameters: Parameters,
) -> Result<Json<GroupsAnswer>, Failure> {
    let accounts = shared.accounts()?;
    let limit = parameters.number("limit", 1, MOST_GROUPS)?.unwrap_or(200) as usize;
    let offset = parameters.number("offset", 0, u64::from(u32::MAX))?.unwrap_or(0) as usize;
    parameters.finish()?;
    let perimeter = shared.library().perimeter();
    let groups = accounts.people(move |people| {
        let groups = people.groups(offset, limit)?;
        groups.into_iter().map(|group| named(people, &perimeter, group)).collect::<Result<Vec<_>, _>>()
    });
    Ok(Json(GroupsAnswer { groups: groups.await? }))
}

/// How many access rules name a group.
fn rules(perimeter: &Perimeter, name: &str) -> usize {
    perimeter.access.iter().filter(|rule| rule.groups.contains(name)).count()
}

fn named(people: &People, perimeter: &Perimeter, group: Group) -> Result<GroupView, Error> {
    let names = people.names(&group.members.iter().copied().collect())?;
    let members: BTreeSet<String> = names.into_values().map(|(name, _)| name).collect();
    Ok(GroupView {
        id: group.id.0,
        rules: rules(perimeter, &group.name),
        name: group.name,
        origin: group.origin.word(),
        members: members.into_iter().collect(),
    })
}

/// Adds a group.
#[utoipa::path(
    post, path = "/api/v1/groups", tag = "administration", request_body = NewGroupRequest,
    responses(
        (status = 200, description = "The group", body = GroupView),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn add(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Bytes,
) -> Result<Json<GroupView>, Failure> {
    let accounts = shared.accounts()?;
    let asked: NewGroupRequest = form(&body)?;
    let name = names::group(&asked.name).map_err(Failure::bad_request)?;
    let new = name.clone();
    let added = accounts.people(move |people| people.add_group(&new, &Origin::Local, None, now_ms())).await?;
    let id = added.map_err(|_| Failure::taken(&name))?;
    shared.note(act(&caller, "group added", &[("group", &name)])).await?;
    let rules = rules(&shared.library().perimeter(), &name);
    Ok(Json(GroupView { id: id.0, name, origin: Origin::Local.word(), members: Vec::new(), rules }))
}

/// Renames a group, puts people in and takes others out.
#[utoipa::path(
    patch, path = "/api/v1/groups/{id}", tag = "administration", request_body = GroupRequest,
    params(("id" = i64, Path, description = "Number of the group")),
    responses(
        (status = 200, description = "The group as it is now", body = GroupView),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn change(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<GroupView>, Failure> {
    let accounts = shared.accounts()?;
    let id = GroupId(number(&id)?);
    let asked: GroupRequest = form(&body)?;
    if asked.add.len() + asked.remove.len() > MOST_AT_ONCE {
        return Err(Failure::bad_request(format!("at most {MOST_AT_ONCE} people at once")));
    }
    let before = accounts.people(move |people| people.group(id)).await?.ok_or_else(Failure::not_found)?;
    let name = asked.name.as_deref().map(names::group).transpose().map_err(Failure::bad_request)?;
    let (new, add, remove) = (name.clone(), asked.add.clone(), asked.remove.clone());
    let changed = accounts
        .people(move |people| {
            let (Some(add), Some(remove)) = (ids(people, &add)?, ids(people, &remove)?) else {
                return Ok(Err(Failure::bad_request("somebody among them is not known here")));
            };
            let change = GroupChange {
                name: new.as_deref(),
                external: None,
                origin: &Origin::Local,
                add: &add,
                remove: &remove,
            };
            let changed = people.change_group(id, &change)?;
            Ok(changed.map_err(|_| Failure::taken(new.as_deref().unwrap_or_default())))
        })
        .await?;
    changed?;
    if let Some(name) = &name {
        crate::api::attachments::follow_names(&shared).await?;
        shared.note(act(&caller, "group renamed", &[("group", &before.name), ("to", name)])).await?;
    }
    let called = name.as_deref().unwrap_or(&before.name);
    for (action, names) in [("put into group", &asked.add), ("taken out of group", &asked.remove)] {
        if !names.is_empty() {
            let on = [("group", called), ("people", &names.join(", "))];
            shared.note(act(&caller, action, &on)).await?;
        }
    }
    let perimeter = shared.library().perimeter();
    let view = accounts
        .people(move |people| people.group(id)?.map(|group| named(people, &perimeter, group)).transpose());
    Ok(Json(view.await?.ok_or_else(Failure::not_found)?))
}

/// The numbers of people by their names; none where one of them is not known.
fn ids(people: &People, names: &[String]) -> Result<Option<Vec<PersonId>>, Error> {
    names.iter().map(|name| Ok(people.person_named(name)?.map(|person| person.id))).collect()
}

/// Removes a group. Access rules that name it let nobody in by it any more.
#[utoipa::path(
    delete, path = "/api/v1/groups/{id}", tag = "administration",
    params(("id" = i64, Path, description = "Number of the group")),
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
    let id = GroupId(number(&id)?);
    let group = accounts.people(move |people| people.group(id)).await?.ok_or_else(Failure::not_found)?;
    accounts.people(move |people| people.remove_group(id)).await?;
    shared.note(act(&caller, "group removed", &[("group", &group.name)])).await?;
    Ok(StatusCode::NO_CONTENT)
}
