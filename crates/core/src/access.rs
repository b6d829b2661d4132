//! Who asks, and who may read?

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Longest name of a user or a group, in bytes. 255: longer than any directory allows.
pub const MAX_NAME_BYTES: usize = 255;

/// Who asks: a user with the groups that are known of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Principal {
    /// The user's name; none for somebody who is not signed in.
    pub user: Option<String>,
    /// The groups the user belongs to.
    pub groups: BTreeSet<String>,
    /// By which mail addresses documents may know the user, in small letters: the account's own, which nobody can give
    /// themselves, and the name, where it is one that somebody here gave.
    pub addresses: BTreeSet<String>,
    /// Whether this is the owner of the data folder, who reads everything that is not attached to a conversation.
    pub owner: bool,
    /// Number of their own conversation in which they ask: what they attached to it may be found then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<i64>,
}

impl Principal {
    /// The owner of the data folder.
    pub fn owner() -> Principal {
        Principal { owner: true, ..Principal::anonymous() }
    }

    /// Somebody of whom nothing is known.
    pub fn anonymous() -> Principal {
        Principal {
            user: None,
            groups: BTreeSet::new(),
            addresses: BTreeSet::new(),
            owner: false,
            conversation: None,
        }
    }

    /// A user with their groups, who is not the owner. A name that is a mail address counts as one: whoever gave it here
    /// vouches for it.
    pub fn user(name: impl Into<String>, groups: impl IntoIterator<Item = impl Into<String>>) -> Principal {
        let name = name.into();
        Principal::named(name.clone(), groups).with_address(&name)
    }

    /// The same, whose name says nothing of a mail address, whatever it looks like: they may have chosen it themselves
    /// where they sign in.
    pub fn named(name: impl Into<String>, groups: impl IntoIterator<Item = impl Into<String>>) -> Principal {
        let groups = groups.into_iter().map(Into::into).collect();
        Principal { user: Some(name.into()), groups, ..Principal::anonymous() }
    }

    /// The same, known by a mail address as well; what is none is let go.
    #[must_use]
    pub fn with_address(mut self, address: &str) -> Principal {
        if address.contains('@') {
            self.addresses.insert(address.trim().to_lowercase());
        }
        self
    }

    /// The same, asking in one of their own conversations.
    pub fn within(self, conversation: i64) -> Principal {
        Principal { conversation: Some(conversation), ..self }
    }

    /// Reads the command line's `--as USER[,GROUP…]`.
    pub fn parse(text: &str) -> Result<Principal, String> {
        let mut names = text.split(',').map(str::trim);
        let user = names.next().unwrap_or_default();
        check_name(user)?;
        let groups = names.map(|name| check_name(name).map(|()| name)).collect::<Result<Vec<_>, _>>()?;
        Ok(Principal::user(user, groups))
    }
}

/// Whether a name can be a user's or a group's.
pub fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("a user or group name is empty".to_owned());
    }
    if name.len() > MAX_NAME_BYTES {
        return Err(format!("a user or group name has {} bytes; at most {MAX_NAME_BYTES}", name.len()));
    }
    if name.chars().any(char::is_control) {
        return Err("a user or group name holds a control character".to_owned());
    }
    Ok(())
}

/// Who may read a document. What is not known is read by nobody but the owner.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AccessRule {
    /// Anybody who is signed in, and anybody at all where the server asks for no sign-in.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub everyone: bool,
    /// Users who may read.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub users: BTreeSet<String>,
    /// Groups whose members may read.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<String>,
    /// Number of the conversation that the document is attached to. Such a document is found in that conversation alone,
    /// by the one user named (by the owner where none is), and by nobody else whatever they may read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<i64>,
    /// Of all these, only people with these mail addresses (in small letters): the members of a private channel. None
    /// where nothing narrows the rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<BTreeSet<String>>,
}

impl AccessRule {
    /// Nobody but the owner.
    pub fn owner_only() -> AccessRule {
        AccessRule::default()
    }

    /// Everybody.
    pub fn everyone() -> AccessRule {
        AccessRule { everyone: true, ..AccessRule::default() }
    }

    /// The named users and groups.
    pub fn readers(
        users: impl IntoIterator<Item = impl Into<String>>,
        groups: impl IntoIterator<Item = impl Into<String>>,
    ) -> AccessRule {
        AccessRule {
            everyone: false,
            users: users.into_iter().map(Into::into).collect(),
            groups: groups.into_iter().map(Into::into).collect(),
            conversation: None,
            only: None,
        }
    }

    /// The same rule for these people alone, by mail address; for all that it lets in where there are none given.
    #[must_use]
    pub fn narrowed(&self, only: Option<&BTreeSet<String>>) -> AccessRule {
        let narrower = match (&self.only, only) {
            (Some(one), Some(other)) => Some(one.intersection(other).cloned().collect()),
            (one, other) => one.as_ref().or(other).cloned(),
        };
        AccessRule { only: narrower, ..self.clone() }
    }

    /// What somebody attaches to a conversation of their own.
    pub fn attached(principal: &Principal, conversation: i64) -> AccessRule {
        let users = principal.user.iter().cloned().collect();
        AccessRule { users, conversation: Some(conversation), ..AccessRule::default() }
    }

    /// Whether `principal` may find what carries this rule. This is the one place that decides it.
    pub fn allows(&self, principal: &Principal) -> bool {
        if self.conversation.is_some() {
            // Who attached a file has it: what it says of others narrows nothing.
            return self.conversation == principal.conversation && self.is_attached_by(principal);
        }
        let named = self.everyone
            || principal.user.as_ref().is_some_and(|user| self.users.contains(user))
            || principal.groups.iter().any(|group| self.groups.contains(group));
        let among = |only: &BTreeSet<String>| !only.is_disjoint(&principal.addresses);
        principal.owner || (named && self.only.as_ref().is_none_or(among))
    }

    /// Whether `principal` may open what carries this rule, when they know its number: what they may find, and what they
    /// attached themselves, which they find in one conversation alone.
    pub fn opens(&self, principal: &Principal) -> bool {
        self.allows(principal) || (self.conversation.is_some() && self.is_attached_by(principal))
    }

    fn is_attached_by(&self, principal: &Principal) -> bool {
        match &principal.user {
            Some(user) => self.users.contains(user),
            None => principal.owner && self.users.is_empty(),
        }
    }
}

/// Number of an access rule in the store. Documents with the same rule share it, so that a search filters by a short
/// list of numbers however many documents there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AccessId(pub u32);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_lets_in_those_it_names_and_nobody_else() {
        let check = |rule: &AccessRule, principal: &str, expected: bool| {
            let principal = Principal::parse(principal).unwrap();
            assert_eq!(rule.allows(&principal), expected, "{rule:?} {principal:?}");
        };
        let rule = AccessRule::readers(["anne"], ["hr"]);
        check(&rule, "anne", true);
        check(&rule, "bruno,hr", true);
        check(&rule, "bruno,sales", false);
        // A group is not a user and a user not a group.
        check(&rule, "hr", false);
        check(&rule, "bruno,anne", false);
        check(&AccessRule::owner_only(), "anne,hr", false);
        check(&AccessRule::everyone(), "anne", true);
        assert!(AccessRule::owner_only().allows(&Principal::owner()));
        assert!(!AccessRule::owner_only().allows(&Principal::anonymous()));
    }

    #[test]
    fn what_is_attached_to_a_conversation_is_found_in_it_alone_and_by_nobody_else() {
        let anne = Principal::user("anne", ["hr"]);
        let check = |rule: &AccessRule, principal: &Principal, found: bool, opened: bool| {
            assert_eq!(
                (rule.allows(principal), rule.opens(principal)),
                (found, opened),
                "{rule:?} {principal:?}"
            );
        };
        let rule = AccessRule::attached(&anne.clone().within(7), 7);
        check(&rule, &anne.clone().within(7), true, true);
        check(&rule, &anne.clone().within(8), false, true);
        check(&rule, &anne, false, true);
        check(&rule, &Principal::user("bruno", ["hr"]).within(7), false, false);
        // Not even the owner, who reads everything else.
        check(&rule, &Principal::owner().within(7), false, false);
        check(&rule, &Principal { owner: true, ..Principal::user("zoe", [""; 0]) }.within(7), false, false);
        let own = AccessRule::attached(&Principal::owner(), 7);
        check(&own, &Principal::owner().within(7), true, true);
        check(&own, &Principal::owner(), false, true);
        check(&own, &Principal::anonymous().within(7), false, false);
        check(&own, &anne.within(7), false, false);
    }

    #[test]
    fn a_narrowed_rule_lets_in_only_those_who_are_in_both() {
        let only =
            |addresses: &[&str]| addresses.iter().map(|one| (*one).to_owned()).collect::<BTreeSet<_>>();
        let check = |rule: &AccessRule, principal: &Principal, expected: bool| {
            assert_eq!(rule.allows(principal), expected, "{rule:?} {principal:?}");
        };
        let members = AccessRule::readers([""; 0], ["hr"]).narrowed(Some(&only(&["anne@x.fr", "bob@x.fr"])));
        let anne = Principal::user("anne", ["hr"]);
        check(&members, &anne, false);
        check(&members, &anne.with_address("Anne@X.fr"), true);
        check(&members, &Principal::user("Bob@x.fr", ["hr"]), true);
        // A member whom the rule does not let in, and somebody whom it does and who is no member.
        check(&members, &Principal::user("bob@x.fr", ["sales"]), false);
        check(&members, &Principal::user("carl@x.fr", ["hr"]), false);
        check(&members.narrowed(Some(&only(&["anne@x.fr"]))), &Principal::user("bob@x.fr", ["hr"]), false);
        check(&members.narrowed(None), &Principal::user("bob@x.fr", ["hr"]), true);
        // A name that somebody may have chosen is no address; one that was checked is.
        check(&members, &Principal::named("bob@x.fr", ["hr"]), false);
        check(&members, &Principal::named("bob@x.fr", ["hr"]).with_address("anne@x.fr"), true);
        check(&AccessRule::everyone().narrowed(Some(&only(&[]))), &Principal::anonymous(), false);
        check(&AccessRule::everyone().narrowed(Some(&only(&[]))), &Principal::owner(), true);
    }

    #[test]
    fn names_are_checked() {
        assert!(Principal::parse("").is_err());
        assert!(Principal::parse("anne,").is_err());
        assert!(Principal::parse("an\u{0}ne").is_err());
        assert!(Principal::parse(&"a".repeat(256)).is_err());
    }
}
