//! What did people attach to their conversations, and where is it found?
//!
//! It is kept as what people bring is (see `uploads`), in a source of the program's own, under the number of its
//! conversation. Its rule (`AccessRule::attached`) says the rest: it is found in that conversation, by who attached it, and
//! nowhere else. So no search, count or list needs to know of it.

use std::collections::BTreeSet;

use intramuros_core::access::{AccessRule, Principal};
use intramuros_core::error::Error;
use intramuros_core::perimeter::ATTACHED;

use crate::library::Library;
use crate::spool::Held;
use crate::uploads::{Bringing, Refusal, Upload, check_name};

/// Files of one conversation. 20: a question takes passages of eight documents, and a list of twenty is still looked through;
/// more belongs into a source.
pub const MAX_FILES: usize = 20;

/// Files of one person in all conversations. 500: a file a day for two years of work.
pub const MAX_FILES_OF_A_PERSON: usize = 500;

/// Bytes of one person's files. 2 GiB: they lie on the disk of all, unseen, until their conversations go.
pub const MAX_BYTES_OF_A_PERSON: u64 = 2 << 30;

impl Library {
    /// Begins to take a file named `name` for a conversation of somebody's own. `replace` says whether one of the same name
    /// gives way once the new one is whole.
    ///
    /// # Errors
    /// When it is not taken.
    pub fn attach(
        &self,
        principal: &Principal,
        conversation: i64,
        name: &str,
        replace: bool,
    ) -> Result<Bringing, Refusal> {
        check_name(name)?;
        let path = path_of(conversation, name);
        let rule = AccessRule::attached(principal, conversation);
        self.declare_attached().map_err(|error| Refusal::Disk(std::io::Error::other(error)))?;
        self.spool(ATTACHED, |spool| {
            let there = spool.held(&path).is_some();
            if there && !replace {
                return Err(Refusal::Taken);
            }
            let start = format!("{conversation}/");
            let beside = spool.all().filter(|held| held.path.starts_with(&start)).count();
            if beside >= MAX_FILES && !there {
                return Err(Refusal::TooMuch(format!(
                    "{beside} documents are attached to this conversation; at most {MAX_FILES} are"
                )));
            }
            let own = |held: &&Held| held.rule.as_ref().is_some_and(|its| its.users == rule.users);
            let (files, bytes) =
                spool.all().filter(own).fold((0, 0), |(files, bytes), held| (files + 1, bytes + held.size));
            if files >= MAX_FILES_OF_A_PERSON || bytes >= MAX_BYTES_OF_A_PERSON {
                return Err(Refusal::TooMuch(format!(
                    "{files} documents of {bytes} bytes are attached to your conversations; at most \
                     {MAX_FILES_OF_A_PERSON} and {MAX_BYTES_OF_A_PERSON} are kept"
                )));
            }
            Bringing::begin(spool, ATTACHED, &path)
        })
    }

    /// What is attached to a conversation, the latest first. Whether somebody may see it is for the caller to say.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn attached(&self, conversation: i64) -> Result<Vec<Upload>, Error> {
        self.uploads(ATTACHED, &conversation.to_string())
    }

    /// Removes what is attached to a conversation under a name; false when there is no such file. It is found no more when
    /// this returns.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn detach(&self, conversation: i64, name: &str) -> Result<bool, Refusal> {
        self.remove_brought(ATTACHED, &path_of(conversation, name))
    }

    /// The conversations that something is attached to.
    ///
    /// # Errors
    /// When the list can't be read.
    pub fn attached_to(&self) -> Result<BTreeSet<i64>, Refusal> {
        if !self.has_attached() {
            return Ok(BTreeSet::new());
        }
        self.spool(ATTACHED, |spool| Ok(spool.all().filter_map(|held| conversation_of(&held.path)).collect()))
    }

    /// Removes everything that is attached to these conversations; gives how many files that was.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn detach_all(&self, gone: &BTreeSet<i64>) -> Result<usize, Refusal> {
        if gone.is_empty() || !self.has_attached() {
            return Ok(0);
        }
        let of_gone = |path: &str| conversation_of(path).is_some_and(|number| gone.contains(&number));
        let removed = self.spool(ATTACHED, |spool| {
            let paths: Vec<String> =
                spool.all().filter(|held| of_gone(&held.path)).map(|held| held.path.clone()).collect();
            for path in &paths {
                spool.remove(path)?;
            }
            spool.save()?;
            Ok(paths.len())
        })?;
        if removed > 0 {
            self.read_brought(ATTACHED);
        }
        Ok(removed)
    }
}

fn path_of(conversation: i64, name: &str) -> String {
    format!("{conversation}/{name}")
}

fn conversation_of(path: &str) -> Option<i64> {
    path.split_once('/')?.0.parse().ok()
}
