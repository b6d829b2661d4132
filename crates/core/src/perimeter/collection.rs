//! Which sets of documents have a name (`[[collection]]`)?
//!
//! A collection narrows what is searched; it never widens it. Who may read a document is decided by its own rule alone.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::pattern::{Names, Pattern};
use super::source::ATTACHED;
use crate::access::{AccessRule, Principal};

/// Most collections. 200: each is a choice that somebody reads, and a bit for each document in memory.
pub const MAX_COLLECTIONS: usize = 200;

/// Longest name in characters: it stands in a list to choose from, and in the name of a model.
pub const MAX_COLLECTION_NAME: usize = 60;

/// A part of a collection: documents of one source under a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The source.
    pub source: String,
    /// Pattern of the paths within it.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub path: Pattern,
}

/// `[[collection]]`: a named set of sources and folders with instructions and a model of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Collection {
    /// Its name: people choose it, and programs ask it as the model `intramuros/NAME`.
    pub name: String,
    /// What it is for, in a line that people read when they choose.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Sources that belong to it as a whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// Folders and files that belong to it: `{ source = "papers", path = "contracts/**" }`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub folders: Vec<Part>,
    /// What a model is to heed here, beside `assistant.instructions`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub instructions: String,
    /// The declared model that writes here; the first one when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Users who may choose it. With neither users nor groups everybody may who can read something in it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub users: BTreeSet<String>,
    /// Groups whose members may choose it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<String>,
}

impl Collection {
    /// Whether a document belongs to it. `path` is relative to the source, `/`-separated.
    pub fn covers(&self, source: &str, path: &str) -> bool {
        // What is attached to a conversation can be asked about whatever the conversation is about.
        if source == ATTACHED || self.sources.iter().any(|name| name == source) {
            return true;
        }
        let mut parts = self.folders.iter().filter(|part| part.source == source).peekable();
        if parts.peek().is_none() {
            return false;
        }
        let names = Names::of(path);
        parts.any(|part| part.path.covers_names(&names))
    }

    /// Whether somebody may choose it. What they find in it is for each document's own rule to say.
    pub fn allows(&self, principal: &Principal) -> bool {
        let open = self.users.is_empty() && self.groups.is_empty();
        let rule = AccessRule { everyone: open, ..AccessRule::readers(&self.users, &self.groups) };
        rule.allows(principal)
    }

    /// The names of the sources that it has something of.
    pub fn named_sources(&self) -> BTreeSet<&str> {
        let parts = self.folders.iter().map(|part| part.source.as_str());
        self.sources.iter().map(String::as_str).chain(parts).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collection_covers_its_sources_and_folders_and_lets_in_those_it_names() {
        let collection = Collection {
            name: "Contrats".to_owned(),
            description: String::new(),
            sources: vec!["wiki".to_owned()],
            folders: vec![Part {
                source: "papers".to_owned(),
                path: Pattern::parse("contracts/**").unwrap(),
            }],
            instructions: String::new(),
            model: None,
            users: BTreeSet::new(),
            groups: BTreeSet::new(),
        };
        let check = |source: &str, path: &str, expected: bool| {
            assert_eq!(collection.covers(source, path), expected, "{source} {path}");
        };
        check("wiki", "anything/at.all", true);
        check("papers", "contracts/2024/lease.pdf", true);
        check("papers", "hr/salaries.txt", false);
        check("other", "contracts/2024/lease.pdf", false);
        check(ATTACHED, "7/lease.pdf", true);
        assert!(collection.allows(&Principal::anonymous()));
        let closed = Collection { groups: ["legal".to_owned()].into(), ..collection };
        assert!(closed.allows(&Principal::user("anne", ["legal"])) && closed.allows(&Principal::owner()));
        assert!(!closed.allows(&Principal::user("anne", ["hr"])) && !closed.allows(&Principal::anonymous()));
    }
}
