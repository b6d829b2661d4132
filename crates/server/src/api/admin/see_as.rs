//! Can this person read this document, and which rule says so?

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use intramuros_core::access::{AccessId, AccessRule, Principal};
use intramuros_core::error::Error;
use intramuros_core::perimeter::{ATTACHED, AccessOrigin, Origin, Perimeter};
use intramuros_library::Library;
use intramuros_store::{DocumentId, FileOutcome};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::api::account::act;
use crate::application::Shared;
use crate::caller::Caller;
use crate::failure::{Failure, FailureBody};
use crate::parameters::Parameters;

/// What is asked.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // Read by name in `Parameters`; this is how the OpenAPI document learns of them.
pub(crate) struct SeeAsParameters {
    /// The person's name.
    person: String,
    /// Number of the document; or else its source and path.
    document: Option<i64>,
    /// Name of the source.
    source: Option<String>,
    /// Path in the source; a part of the file stands after `!/`.
    path: Option<String>,
}

/// Whether a person can read a document, and why.
#[derive(Serialize, ToSchema)]
pub(crate) struct SeeAsAnswer {
    /// Whether they can.
    pub allowed: bool,
    /// By what: `owner`, `everyone`, `user`, `group`; `nobody` where no rule names them, `not_member` where they are none of
    /// those to whom it is narrowed, `inactive` where they may not sign in.
    #[schema(value_type = String)]
    pub by: &'static str,
    /// The groups by which they can.
    pub through: Vec<String>,
    /// The person's name.
    pub person: String,
    /// All groups of the person.
    pub groups: Vec<String>,
    /// The source.
    pub source: String,
    /// The path in the source, with the part of the file after `!/`.
    pub path: String,
    /// Whether the document was read and can be found.
    pub known: bool,
    /// Who may read it, as it stands now.
    pub rule: RuleView,
}

/// Who may read a document, and where that is said.
#[derive(Serialize, ToSchema)]
pub(crate) struct RuleView {
    /// Where it is said: `rule` (an `[[access]]` of the file), `file-system`, `default` (nothing covers it: the owner
    /// alone).
    #[schema(value_type = String)]
    pub from: &'static str,
    /// The rule's place in the file, from 1.
    pub number: Option<usize>,
    /// The rule's line in the file.
    pub line: Option<usize>,
    /// The rule's pattern.
    pub pattern: Option<String>,
    /// Whether everybody may read.
    pub everyone: bool,
    /// Users who may.
    pub users: Vec<String>,
    /// Groups that may.
    pub groups: Vec<String>,
    /// Of all these, the only ones, by mail address: the members of a channel of a Slack export; none where nothing
    /// narrows the rule.
    pub only: Option<Vec<String>>,
    /// Whether documents within the file are for fewer people.
    pub parts_differ: bool,
    /// Whether the rule in the file differs from the one that the document carries: it is being read again.
    pub pending: bool,
}

/// Whether a person can read a document, and which rule says so. The document itself is not shown.
#[utoipa::path(
    get, path = "/api/v1/see-as", tag = "administration", params(SeeAsParameters),
    responses(
        (status = 200, description = "Whether, and why", body = SeeAsAnswer),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn see_as(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Json<SeeAsAnswer>, Failure> {
    let accounts = shared.accounts()?;
    let name = parameters.one("person")?.ok_or_else(|| Failure::bad_request("`person` is missing"))?;
    let document = parameters.number("document", 0, i64::MAX as u64)?.map(|id| DocumentId(id as i64));
    let place = parameters.one("source")?.zip(parameters.one("path")?);
    parameters.finish()?;
    if document.is_none() && place.is_none() {
        return Err(Failure::bad_request("give `document`, or `source` and `path`"));
    }
    let asked = name.clone();
    let person = accounts.people(move |people| people.person_named(&asked)).await?;
    let person = person.ok_or_else(|| Failure::bad_request("nobody of that name is known here"))?;
    let principal = accounts.principal(&person);
    let found = shared.call(move |library| find(library, document, place)).await?;
    let found = found.ok_or_else(Failure::not_found)?;
    let on = [("person", person.name.as_str()), ("source", &found.source), ("path", &found.path)];
    shared.note(act(&caller, "seen as", &on)).await?;
    let rule = rule(&shared.library().perimeter(), &found);
    Ok(Json(judge(&principal, person.active, found, rule)))
}

/// What stands between a file's path and the name of a part of it.
const INSIDE: &str = "!/";

/// A document that is asked about.
struct Found {
    source: String,
    /// Of the file, and of the document: longer where it is a part of the file.
    file: String,
    path: String,
    /// The rule that it carries; none where it was not read.
    carried: Option<AccessRule>,
    /// Whether parts of it are for fewer people than it is itself.
    parts_differ: bool,
}

fn find(
    library: &Library,
    document: Option<DocumentId>,
    place: Option<(String, String)>,
) -> Result<Option<Found>, Error> {
    let store = library.store();
    let mut sources = store.sources()?;
    // Of what is attached to conversations nobody is told, whatever their role.
    sources.retain(|source| source.name != ATTACHED);
    let rules = store.access_rules()?;
    let carried = |access: AccessId| rules.iter().find(|(id, _)| *id == access).map(|(_, rule)| rule.clone());
    if let Some(id) = document {
        let Some(document) = store.document(id)? else { return Ok(None) };
        let source = sources.into_iter().find(|source| source.id == document.location.source);
        return Ok(source.map(|source| Found {
            source: source.name,
            file: document.location.path_text(),
            path: document.path(),
            carried: carried(document.access),
            parts_differ: false,
        }));
    }
    let Some((name, path)) = place else { return Ok(None) };
    let Some(source) = sources.into_iter().find(|source| source.name == name) else { return Ok(None) };
    let (of_file, part) = path.split_once(INSIDE).unwrap_or((&path, ""));
    let location = intramuros_store::Location { source: source.id, path: of_file.as_bytes().to_vec() };
    let mut found = Found {
        source: name,
        file: of_file.to_owned(),
        path: path.clone(),
        carried: None,
        parts_differ: false,
    };
    if let Some(file) = store.file_at(&location)? {
        let mut documents = store.documents_of(file.id)?;
        documents.retain(|document| document.outcome == FileOutcome::Read);
        found.carried = match documents.iter().find(|document| document.part == part) {
            Some(document) => carried(document.access),
            // A file of which only the parts were read.
            None if part.is_empty() && !documents.is_empty() => carried(file.access),
            None => None,
        };
        found.parts_differ = part.is_empty() && documents.iter().any(|one| one.access != file.access);
    }
    Ok(Some(found))
}

/// Who may read a document, and where that is said.
fn rule(perimeter: &Perimeter, found: &Found) -> (RuleView, AccessRule) {
    let (source, carried) = (found.source.as_str(), found.carried.as_ref());
    let declared = perimeter.declared_rule(source, &found.file);
    // Who says it where no rule does: the file system, or the place that it comes from.
    let said_there = perimeter
        .source(source)
        .map(|source| source.access)
        .filter(|access| *access != AccessOrigin::Rules && declared.is_none());
    let said = match declared {
        Some((_, access)) => Some(access.rule()),
        None if said_there.is_some() => None,
        None => Some(AccessRule::owner_only()),
    };
    // What the document carries is what the search goes by.
    let holds = carried.cloned().or_else(|| said.clone()).unwrap_or_default();
    let line = declared.and_then(|(number, _)| match perimeter.origin(&format!("access[{number}]")) {
        Origin::File(position) => Some(position.line),
        _ => None,
    });
    let view = RuleView {
        from: if declared.is_some() { "rule" } else { said_there.map_or("default", AccessOrigin::word) },
        number: declared.map(|(number, _)| number + 1),
        line,
        pattern: declared.map(|(_, access)| access.path.to_string()),
        everyone: holds.everyone,
        users: holds.users.iter().cloned().collect(),
        groups: holds.groups.iter().cloned().collect(),
        only: holds.only.as_ref().map(|only| only.iter().cloned().collect()),
        parts_differ: found.parts_differ,
        // The file narrows no rule; what a document says of its members is no change of it.
        pending: carried.is_some() && said.is_some_and(|said| said.narrowed(holds.only.as_ref()) != holds),
    };
    (view, holds)
}

fn judge(
    principal: &Principal,
    active: bool,
    found: Found,
    (rule, holds): (RuleView, AccessRule),
) -> SeeAsAnswer {
    let through: Vec<String> = holds.groups.intersection(&principal.groups).cloned().collect();
    let named = principal.user.as_ref().is_some_and(|user| holds.users.contains(user));
    let member = holds.only.as_ref().is_none_or(|only| !only.is_disjoint(&principal.addresses));
    let by = match () {
        () if !active => "inactive",
        () if principal.owner => "owner",
        () if !member => "not_member",
        () if holds.everyone => "everyone",
        () if named => "user",
        () if !through.is_empty() => "group",
        () => "nobody",
    };
    SeeAsAnswer {
        // The one place that decides says it; the word above only tells why.
        allowed: active && holds.allows(principal),
        by,
        through,
        person: principal.user.clone().unwrap_or_default(),
        groups: principal.groups.iter().cloned().collect(),
        source: found.source,
        path: found.path,
        known: found.carried.is_some(),
        rule,
    }
}
