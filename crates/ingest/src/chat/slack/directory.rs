//! Who is who, and which channels are there, in this Slack export?

use std::collections::{BTreeMap, BTreeSet};

use intramuros_core::document::ExtractError;
use serde_json::Value;

/// The people and the channels of an export.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    /// Everyone by identifier (`U024BE7LH`).
    pub people: BTreeMap<String, Person>,
    /// Channels and direct conversations by identifier (`C024BE91L`).
    pub channels: BTreeMap<String, Channel>,
}

/// One person or program that writes messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Identifier in the export.
    pub id: String,
    /// Name as shown to others.
    pub name: String,
    /// Mail address, where the export has it: what accounts are matched by.
    pub email: Option<String>,
    /// Whether the person left the workspace; they read nothing of it any more.
    pub left: bool,
}

/// Who may read a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everyone in the workspace.
    Everyone,
    /// The members of a private channel.
    Members,
    /// The people of a direct conversation.
    Direct,
}

/// One channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Identifier in the export.
    pub id: String,
    /// Folder of its messages, with which the names of its conversations begin.
    pub folder: String,
    /// Name as shown; for direct conversations the names of its people.
    pub name: String,
    /// Who may read it.
    pub access: Access,
    /// Identifiers of its members.
    pub members: Vec<String>,
}

impl Directory {
    /// Adds one of the export's lists.
    ///
    /// # Errors
    /// When it is not a list in JSON.
    pub fn add(&mut self, list: &str, bytes: &[u8]) -> Result<(), ExtractError> {
        let damaged = |why: String| ExtractError::Corrupt(format!("{list} of the Slack export: {why}"));
        let entries: Vec<Value> =
            serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
        for entry in &entries {
            if list == "users.json" {
                self.add_person(entry);
            } else {
                self.add_channel(list, entry);
            }
        }
        Ok(())
    }

    fn add_person(&mut self, entry: &Value) {
        let Some(id) = entry.get("id").and_then(Value::as_str) else { return };
        let text =
            |path: &str| entry.pointer(path).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        let name = text("/profile/display_name")
            .or_else(|| text("/profile/real_name"))
            .or_else(|| text("/real_name"))
            .or_else(|| text("/name"))
            .unwrap_or(id);
        let email = text("/profile/email").map(str::to_owned);
        let left = is_set(entry, "deleted");
        self.people.insert(id.to_owned(), Person { id: id.to_owned(), name: name.to_owned(), email, left });
    }

    fn add_channel(&mut self, list: &str, entry: &Value) {
        let Some(id) = entry.get("id").and_then(Value::as_str) else { return };
        let members = entry.get("members").and_then(Value::as_array).into_iter().flatten();
        let members: Vec<String> = members.filter_map(Value::as_str).map(str::to_owned).collect();
        let given = entry.get("name").and_then(Value::as_str).unwrap_or_default();
        // Some programs that write exports put every channel into one list and say in the entry what it is.
        let direct = is_set(entry, "is_im") || is_set(entry, "is_mpim");
        let access = match list {
            "channels.json" if !direct && is_set(entry, "is_private") => Access::Members,
            "channels.json" if !direct => Access::Everyone,
            "groups.json" if !direct => Access::Members,
            _ => Access::Direct,
        };
        let name = if access == Access::Direct {
            members.iter().map(|member| self.person(member)).collect::<Vec<_>>().join(", ")
        } else {
            given.to_owned()
        };
        let folder = if given.is_empty() { id } else { given }.to_owned();
        self.channels.insert(id.to_owned(), Channel { id: id.to_owned(), folder, name, access, members });
    }

    /// The only people who may read the channel of a folder, by their mail addresses in small letters; none for a
    /// public channel, which whoever may read the export may read. A channel that no list names is read by nobody, and
    /// a member without a mail address is not known to anybody else.
    pub fn readers(&self, folder: &str) -> Option<BTreeSet<String>> {
        let mut named =
            self.channels.values().filter(|one| one.folder == folder || one.id == folder).peekable();
        if named.peek().is_none() {
            return Some(BTreeSet::new());
        }
        // Where several have the name, what may be of either is read by those who are in both.
        named
            .filter(|one| one.access != Access::Everyone)
            .map(|one| self.addresses(&one.members))
            .reduce(|one, other| one.intersection(&other).cloned().collect())
    }

    fn addresses(&self, members: &[String]) -> BTreeSet<String> {
        let people =
            members.iter().filter_map(|member| self.people.get(member)).filter(|person| !person.left);
        let addresses = people.filter_map(|person| person.email.as_deref().map(str::trim));
        addresses.filter(|address| address.contains('@')).map(str::to_lowercase).collect()
    }

    /// The name of a person; the identifier when the person is not known.
    pub fn person(&self, id: &str) -> String {
        self.people.get(id).map_or_else(|| id.to_owned(), |person| person.name.clone())
    }

    /// How a channel is shown, by its identifier or its folder: `#general`, or the names of the people of a direct
    /// conversation.
    pub fn shown_name(&self, channel: &str) -> String {
        let by_folder = || self.channels.values().find(|other| other.folder == channel);
        match self.channels.get(channel).or_else(by_folder) {
            Some(channel) if channel.access == Access::Direct && !channel.name.is_empty() => {
                channel.name.clone()
            }
            Some(channel) if !channel.name.is_empty() => format!("#{}", channel.name),
            _ => format!("#{channel}"),
        }
    }
}

fn is_set(entry: &Value, flag: &str) -> bool {
    entry.get(flag) == Some(&Value::Bool(true))
}
