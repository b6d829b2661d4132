//! Which tokens are there for programs, and how is one made and revoked?

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use intramuros_accounts::secret::{self, TOKEN_BYTES, TokenKind, Use};
use intramuros_accounts::{Role, Scope, Scopes, names};
use intramuros_journal::time::now_ms;
use intramuros_store::people::{NewToken, PersonId, Token, TokenId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::act;
use super::own::{AllParameters, all, check_whose, whose};
use crate::api::{form, number};
use crate::application::Shared;
use crate::caller::Caller;
use crate::failure::{Failure, FailureBody};
use crate::parameters::Parameters;

/// Most tokens in one list, and of one person.
const MOST_TOKENS: usize = 500;

/// Longest life of a token in days, unless it never ends. Three years.
const MOST_DAYS: u32 = 1_096;

/// Most groups of one token.
const MOST_GROUPS: usize = 200;

/// A new token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenRequest {
    /// What it is called.
    pub name: String,
    /// What it is good for: `read`, `write`, `administer`, `scim`.
    pub scopes: Vec<String>,
    /// Days until it ends; never when not given.
    #[serde(default)]
    pub days: Option<u32>,
    /// Whether it is a program's rather than one's own; administrators make those.
    #[serde(default)]
    pub service: bool,
    /// The groups whose documents a program's token reads.
    #[serde(default)]
    pub groups: Vec<String>,
}

/// A token that was just made.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeToken {
    /// The token itself. It is shown this once: only a hash is kept.
    pub token: String,
    /// What is known of it from now on.
    pub about: TokenView,
}

/// Tokens.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokensAnswer {
    /// The newest first.
    pub tokens: Vec<TokenView>,
}

/// What is known of a token.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenView {
    /// Its number.
    pub id: i64,
    /// What it is called.
    pub name: String,
    /// Its last letters.
    pub hint: String,
    /// `personal` or `service`.
    #[schema(value_type = String)]
    pub kind: &'static str,
    /// Whose; none for a program's.
    pub person: Option<String>,
    /// What it is good for.
    pub scopes: Vec<String>,
    /// The groups whose documents a program's token reads.
    pub groups: Vec<String>,
    /// Who made it, by the name that they had.
    pub made_by: String,
    /// What has become of them: `here`; `gone` (they were removed, may not sign in, or administer no more), `unknown` (it was
    /// made before that was kept). Of a program's token alone it says anything.
    #[schema(value_type = String)]
    pub maker: &'static str,
    /// Whether it opens anything, as far as that goes: what administers holds with its maker alone.
    pub holds: bool,
    /// When, in milliseconds since 1970.
    pub created_ms: i64,
    /// When it ends.
    pub expires_ms: Option<i64>,
    /// When it was last used, to the minute.
    pub used_ms: Option<i64>,
}

/// How this machine's owner is called as the maker of a token.
const THIS_MACHINE: &str = "owner";

/// What has become of who made a token, of whose role now this is.
fn maker(token: &Token, role: Option<Role>) -> &'static str {
    match token.maker {
        Some(_) if role >= Some(Role::Administrator) => "here",
        Some(_) if token.person.is_none() => "gone",
        None if token.person.is_none() && token.made_by != THIS_MACHINE => "unknown",
        _ => "here",
    }
}

fn view(token: Token, names: &HashMap<PersonId, String>, roles: &BTreeMap<PersonId, Role>) -> TokenView {
    let role = token.maker.and_then(|maker| roles.get(&maker).copied());
    TokenView {
        maker: maker(&token, role),
        holds: token.person.is_some() || token.maker.is_none() || token.scopes.hold_with(role),
        id: token.id.0,
        name: token.name,
        hint: token.hint,
        kind: if token.person.is_some() { TokenKind::Personal.word() } else { TokenKind::Service.word() },
        person: token.person.and_then(|person| names.get(&person).cloned()),
        scopes: token.scopes.0.iter().map(|scope| scope.word().to_owned()).collect(),
        groups: token.groups.into_iter().collect(),
        made_by: token.made_by,
        created_ms: token.created_ms,
        expires_ms: token.expires_ms,
        used_ms: token.used_ms,
    }
}

/// One's own tokens, or everybody's.
#[utoipa::path(
    get, path = "/api/v1/tokens", tag = "account", params(AllParameters),
    responses(
        (status = 200, description = "The tokens", body = TokensAnswer),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn tokens(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Json<TokensAnswer>, Failure> {
    let accounts = shared.accounts()?;
    let all = all(&caller, parameters)?;
    let Some(whose) = whose(all, &caller) else {
        return Ok(Json(TokensAnswer { tokens: Vec::new() }));
    };
    let (tokens, names, roles) = accounts
        .people(move |people| {
            let tokens = people.tokens(whose, MOST_TOKENS)?;
            let names = people.names(&tokens.iter().filter_map(|token| token.person).collect())?;
            let names = names.into_iter().map(|(id, (name, _))| (id, name)).collect();
            let roles = people.roles(&tokens.iter().filter_map(|token| token.maker).collect())?;
            Ok((tokens, names, roles))
        })
        .await?;
    let tokens = tokens.into_iter().map(|token| view(token, &names, &roles)).collect();
    Ok(Json(TokensAnswer { tokens }))
}

/// Makes a token. It is shown this once.
#[utoipa::path(
    post, path = "/api/v1/tokens", tag = "account", request_body = TokenRequest,
    responses(
        (status = 200, description = "The token", body = MadeToken),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn make(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Bytes,
) -> Result<Json<MadeToken>, Failure> {
    let accounts = shared.accounts()?;
    let asked: TokenRequest = form(&body)?;
    let (name, scopes, groups) = check(&asked, &caller)?;
    let kind = if asked.service { TokenKind::Service } else { TokenKind::Personal };
    let token = secret::token(kind, &accounts.random::<TOKEN_BYTES>()?);
    let now = now_ms();
    let new = NewToken {
        hash: secret::fingerprint(Use::Token, &token),
        hint: secret::hint(&token),
        person: if asked.service { None } else { caller.person },
        name: name.clone(),
        scopes: scopes.clone(),
        groups,
        made_by: caller.name(),
        maker: caller.person,
        expires_ms: asked.days.map(|days| now + i64::from(days) * 86_400_000),
    };
    let kept = new.clone();
    let added = accounts.people(move |people| people.add_token(&kept, now)).await?;
    let id = added.map_err(|_| {
        Failure::taken(&name).hint(
            "a program of this name is or was here, and what it brought goes by that name: choose another",
        )
    })?;
    let (scopes_text, groups_text) = (scopes.text(), joined(&new.groups));
    let mut on = vec![("token", name.as_str()), ("kind", kind.word()), ("scopes", &scopes_text)];
    // What a program reads is told by its groups.
    on.extend((!groups_text.is_empty()).then_some(("groups", groups_text.as_str())));
    shared.note(act(&caller, "token made", &on)).await?;
    let about = Token {
        id,
        hint: new.hint,
        person: new.person,
        name,
        scopes,
        groups: new.groups,
        made_by: new.made_by,
        maker: new.maker,
        created_ms: now,
        expires_ms: new.expires_ms,
        used_ms: None,
    };
    let names = caller.person.zip(caller.principal.user.clone()).into_iter().collect();
    let roles = caller.person.zip(caller.role).into_iter().collect();
    Ok(Json(MadeToken { token, about: view(about, &names, &roles) }))
}

/// Names of groups in a line; none holds a comma.
fn joined(groups: &BTreeSet<String>) -> String {
    groups.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// Whether somebody may make such a token.
fn check(asked: &TokenRequest, caller: &Caller) -> Result<(String, Scopes, BTreeSet<String>), Failure> {
    let name = names::group(&asked.name).map_err(Failure::bad_request)?;
    let scopes = Scopes::parse(&asked.scopes.join(" "))
        .ok_or_else(|| Failure::bad_request("a scope is one of read, write, administer, scim"))?;
    let role = caller.role.ok_or_else(Failure::sign_in)?;
    if !scopes.may_be_made_by(role) {
        return Err(Failure::forbidden("your role is not enough for these scopes, or none is given"));
    }
    if asked.service && role < Role::Administrator {
        return Err(Failure::forbidden("administrators make tokens for programs"));
    }
    if !asked.service && caller.person.is_none() {
        return Err(Failure::bad_request("nobody is signed in here: make a token for a program"));
    }
    if !asked.service && scopes.hold(Scope::Scim) {
        return Err(Failure::bad_request("a directory's token is a program's"));
    }
    if asked.days.is_some_and(|days| !(1..=MOST_DAYS).contains(&days)) {
        return Err(Failure::bad_request(format!("`days` is a whole number from 1 to {MOST_DAYS}")));
    }
    if asked.groups.len() > MOST_GROUPS || (!asked.service && !asked.groups.is_empty()) {
        return Err(Failure::bad_request("groups are for tokens of programs, at most 200 of them"));
    }
    let groups = asked.groups.iter().map(|group| names::group(group).map_err(Failure::bad_request));
    Ok((name, scopes, groups.collect::<Result<_, _>>()?))
}

/// Revokes one of one's own tokens; administrators revoke programs', and those of anybody who is not above them.
#[utoipa::path(
    delete, path = "/api/v1/tokens/{id}", tag = "account",
    params(("id" = i64, Path, description = "Number of the token")),
    responses(
        (status = 204, description = "Revoked"),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn revoke(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    let accounts = shared.accounts()?;
    let id = TokenId(number(&id)?);
    let whose =
        accounts.people(move |people| people.whose_token(id)).await?.ok_or_else(Failure::not_found)?;
    match whose {
        Some(person) => check_whose(accounts, &caller, person).await?,
        None if caller.is(Role::Administrator) => {}
        None => return Err(Failure::not_found()),
    }
    let revoked = accounts.people(move |people| people.remove_token(id, whose)).await?;
    let token = revoked.ok_or_else(Failure::not_found)?;
    shared.note(act(&caller, "token revoked", &[("token", &token.name), ("hint", &token.hint)])).await?;
    Ok(StatusCode::NO_CONTENT)
}
