//! What may each role do, and what a token?

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What a person may do. Each role may do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Searches, asks and reads what the access rules let them.
    Reader,
    /// Adds documents.
    Editor,
    /// Manages people, groups and tokens, and sees the state and the journal. Reads no more documents than before.
    Administrator,
    /// Owns the data: reads every document, and makes other owners.
    Owner,
}

impl Role {
    /// Every role, the least first.
    pub const ALL: [Role; 4] = [Role::Reader, Role::Editor, Role::Administrator, Role::Owner];

    /// The word in the database and the API.
    pub fn word(self) -> &'static str {
        match self {
            Role::Reader => "reader",
            Role::Editor => "editor",
            Role::Administrator => "administrator",
            Role::Owner => "owner",
        }
    }

    /// The role of a word.
    pub fn from_word(word: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.word() == word)
    }

    /// Whether somebody of this role may change somebody who has the role `before` so that they have `after`: nobody
    /// gives or takes what is above themselves, and below administrators nobody changes anybody.
    pub fn may_change(self, before: Role, after: Role) -> bool {
        self >= Role::Administrator && before <= self && after <= self
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Search, ask and read documents.
    Read,
    /// Add documents.
    Write,
    /// Manage people, groups and tokens; see the state and the journal.
    Administer,
    /// Keep people and groups in step with a directory (SCIM).
    Scim,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Scope; 4] = [Scope::Read, Scope::Write, Scope::Administer, Scope::Scim];

    /// The word in the database and the API.
    pub fn word(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Write => "write",
            Scope::Administer => "administer",
            Scope::Scim => "scim",
        }
    }

    /// The scope of a word.
    pub fn from_word(word: &str) -> Option<Scope> {
        Scope::ALL.into_iter().find(|scope| scope.word() == word)
    }

    /// The role that somebody needs to make a token with this scope.
    pub fn needs(self) -> Role {
        match self {
            Scope::Read => Role::Reader,
            Scope::Write => Role::Editor,
            Scope::Administer | Scope::Scim => Role::Administrator,
        }
    }
}

/// Several scopes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scopes(pub BTreeSet<Scope>);

impl Scopes {
    /// These scopes.
    pub fn of(scopes: impl IntoIterator<Item = Scope>) -> Scopes {
        Scopes(scopes.into_iter().collect())
    }

    /// Reads words separated by spaces; a word that is not known gives nothing.
    pub fn parse(text: &str) -> Option<Scopes> {
        text.split_ascii_whitespace().map(Scope::from_word).collect::<Option<_>>().map(Scopes)
    }

    /// The words, separated by spaces.
    pub fn text(&self) -> String {
        self.0.iter().map(|scope| scope.word()).collect::<Vec<_>>().join(" ")
    }

    /// Whether the scope is among them.
    pub fn hold(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    /// Whether somebody of the role may make a token with all of them. None at all is no token.
    pub fn may_be_made_by(&self, role: Role) -> bool {
        !self.0.is_empty() && self.0.iter().all(|scope| role >= scope.needs())
    }

    /// Whether a program's token with them still holds when who made it has this role now; none where they were removed or may
    /// not sign in any more. What administers holds no longer than its maker may administer: else a removed administrator
    /// would stay one. What reads and writes goes on, as its program does.
    pub fn hold_with(&self, maker: Option<Role>) -> bool {
        let needed =
            self.0.iter().map(|scope| scope.needs()).filter(|role| *role >= Role::Administrator).max();
        needed.is_none_or(|needed| maker.is_some_and(|maker| maker >= needed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gives_or_takes_what_is_above_themselves() {
        let check = |who: Role, before: Role, after: Role, expected: bool| {
            assert_eq!(who.may_change(before, after), expected, "{who}: {before} to {after}");
        };
        check(Role::Owner, Role::Reader, Role::Owner, true);
        check(Role::Owner, Role::Owner, Role::Reader, true);
        check(Role::Administrator, Role::Reader, Role::Administrator, true);
        check(Role::Administrator, Role::Reader, Role::Owner, false);
        check(Role::Administrator, Role::Owner, Role::Reader, false);
        check(Role::Editor, Role::Reader, Role::Reader, false);
        check(Role::Reader, Role::Reader, Role::Reader, false);
    }

    #[test]
    fn a_token_is_never_worth_more_than_who_made_it() {
        let check = |scopes: &str, role: Role, expected: bool| {
            assert_eq!(Scopes::parse(scopes).unwrap().may_be_made_by(role), expected, "{scopes} {role}");
        };
        check("read", Role::Reader, true);
        check("read write", Role::Reader, false);
        check("read write", Role::Editor, true);
        check("administer", Role::Editor, false);
        check("scim", Role::Administrator, true);
        check("", Role::Owner, false);
        assert!(Scopes::parse("read everything").is_none());
        assert_eq!(Scopes::parse("write  read").unwrap().text(), "read write");
        assert!(Role::ALL.into_iter().all(|role| Role::from_word(role.word()) == Some(role)));
    }

    #[test]
    fn a_token_that_administers_holds_no_longer_than_its_maker_may() {
        let check = |scopes: &str, maker: Option<Role>, expected: bool| {
            assert_eq!(Scopes::parse(scopes).unwrap().hold_with(maker), expected, "{scopes} {maker:?}");
        };
        check("read administer", Some(Role::Administrator), true);
        check("administer", Some(Role::Owner), true);
        check("read administer", Some(Role::Editor), false);
        check("administer", None, false);
        check("scim", None, false);
        check("read write", None, true);
        check("read write", Some(Role::Reader), true);
    }
}
