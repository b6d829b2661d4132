//! What is known of people, groups, sessions, tokens and codes?

use std::collections::BTreeSet;

use intramuros_accounts::{Role, Scopes};

/// Number of a person; never given to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonId(pub i64);

/// Number of a group; never given to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub i64);

/// Number of a token; never given to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId(pub i64);

/// Who brought a person, a group or a membership here, and may take it back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// An administrator, here.
    Local,
    /// A provider, at sign-in.
    Provider(String),
    /// A directory, over SCIM.
    Scim,
}

impl Origin {
    /// The word in the database and the API.
    pub fn word(&self) -> String {
        match self {
            Origin::Local => "local".to_owned(),
            Origin::Provider(name) => format!("oidc:{name}"),
            Origin::Scim => "scim".to_owned(),
        }
    }

    /// Of a word; what is not known counts as local.
    pub fn from_word(word: &str) -> Origin {
        match word.strip_prefix("oidc:") {
            Some(name) => Origin::Provider(name.to_owned()),
            None if word == "scim" => Origin::Scim,
            None => Origin::Local,
        }
    }
}

/// A person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Their number.
    pub id: PersonId,
    /// The name that they sign in with and that access rules use.
    pub name: String,
    /// The name that is shown.
    pub shown: String,
    /// Their mail address.
    pub mail: Option<String>,
    /// What they may do.
    pub role: Role,
    /// Whether they may sign in at all.
    pub active: bool,
    /// Hash of their passphrase; none when they have none.
    pub passphrase: Option<String>,
    /// Who brought them here.
    pub origin: Origin,
    /// What they are called there.
    pub external: Option<String>,
    /// When, in milliseconds since 1970.
    pub created_ms: i64,
    /// When they were last here.
    pub seen_ms: Option<i64>,
    /// The groups that they are in.
    pub groups: BTreeSet<String>,
}

/// A new person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPerson {
    /// The name that they sign in with; checked before.
    pub name: String,
    /// The name that is shown.
    pub shown: String,
    /// Their mail address.
    pub mail: Option<String>,
    /// What they may do.
    pub role: Role,
    /// Hash of their passphrase; none when they have none yet.
    pub passphrase: Option<String>,
    /// Who brings them here.
    pub origin: Origin,
    /// What they are called there.
    pub external: Option<String>,
}

/// What changes of a person; what is none stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonChange {
    /// The name.
    pub name: Option<String>,
    /// The name that is shown.
    pub shown: Option<String>,
    /// The mail address; none within takes it away.
    pub mail: Option<Option<String>>,
    /// The role.
    pub role: Option<Role>,
    /// Whether they may sign in.
    pub active: Option<bool>,
    /// Hash of the passphrase.
    pub passphrase: Option<String>,
    /// What they are called elsewhere.
    pub external: Option<Option<String>>,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its number.
    pub id: GroupId,
    /// The name that access rules use.
    pub name: String,
    /// Who brought it here.
    pub origin: Origin,
    /// What it is called there.
    pub external: Option<String>,
    /// When, in milliseconds since 1970.
    pub created_ms: i64,
    /// Its members.
    pub members: BTreeSet<PersonId>,
}

/// A new session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    /// Hash of its secret.
    pub hash: [u8; 32],
    /// Whose.
    pub person: PersonId,
    /// How they signed in: `passphrase`, `code`, `oidc:NAME`.
    pub way: String,
    /// From which address.
    pub address: String,
    /// With which browser, as it says.
    pub browser: String,
    /// What must be kept of the provider, under lock.
    pub sealed: Option<String>,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its number, by which it is shown and ended.
    pub id: i64,
    /// Whose.
    pub person: PersonId,
    /// How they signed in.
    pub way: String,
    /// When, in milliseconds since 1970.
    pub created_ms: i64,
    /// When it was last used, to the minute.
    pub seen_ms: i64,
    /// From which address.
    pub address: String,
    /// With which browser.
    pub browser: String,
    /// What must be kept of the provider, under lock.
    pub sealed: Option<String>,
}

/// A new token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    /// Hash of it.
    pub hash: [u8; 32],
    /// Its last letters.
    pub hint: String,
    /// Whose; none for a service.
    pub person: Option<PersonId>,
    /// What it is called.
    pub name: String,
    /// What it is good for.
    pub scopes: Scopes,
    /// The groups whose documents a service's token reads.
    pub groups: BTreeSet<String>,
    /// Who made it, by name.
    pub made_by: String,
    /// And by number; none for this machine's owner.
    pub maker: Option<PersonId>,
    /// When it ends, in milliseconds since 1970; never when none.
    pub expires_ms: Option<i64>,
}

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its number.
    pub id: TokenId,
    /// Its last letters.
    pub hint: String,
    /// Whose; none for a service.
    pub person: Option<PersonId>,
    /// What it is called.
    pub name: String,
    /// What it is good for.
    pub scopes: Scopes,
    /// The groups whose documents a service's token reads.
    pub groups: BTreeSet<String>,
    /// Who made it, by the name that they had.
    pub made_by: String,
    /// And by number; none for this machine's owner, and where an older program made it.
    pub maker: Option<PersonId>,
    /// When, in milliseconds since 1970.
    pub created_ms: i64,
    /// When it ends.
    pub expires_ms: Option<i64>,
    /// When it was last used, to the minute.
    pub used_ms: Option<i64>,
}

impl Token {
    /// Whether it still opens.
    pub fn alive(&self, now_ms: i64) -> bool {
        self.expires_ms.is_none_or(|end| now_ms < end)
    }
}

/// What a one-time code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeUse {
    /// The first passphrase of somebody who was invited, or a new one for somebody who forgot theirs.
    Invitation,
}

impl CodeUse {
    pub(super) fn word(self) -> &'static str {
        match self {
            CodeUse::Invitation => "invitation",
        }
    }
}

/// A new one-time code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// Hash of it.
    pub hash: [u8; 32],
    /// For whom.
    pub person: PersonId,
    /// What for.
    pub of: CodeUse,
    /// When it ends, in milliseconds since 1970.
    pub expires_ms: i64,
}

/// Why a name was not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Somebody or something has it.
    Name,
}
