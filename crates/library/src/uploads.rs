//! What did people bring here, and who may read it?
//!
//! What is brought is kept as what is fetched from elsewhere (see `spool`): a list that tells of each file who brought it
//! and who may read it, and its bytes. Its path begins with whose it is.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use intramuros_core::access::AccessRule;
use intramuros_core::document::turns_direction;
use intramuros_core::error::Error;
use intramuros_core::perimeter::{ATTACHED, SourceKind};
use intramuros_store::{DocumentId, FileOutcome, Location, SourceId};

use crate::library::{Library, Shared};
use crate::scan::Scope;
use crate::skip::is_junk;
use crate::spool::{self, Held, Incoming, Spool};

/// Longest name of a file, in bytes: what every file system takes.
const MAX_NAME_BYTES: usize = 255;

/// Files of one person. 10,000: a whole archive, one by one.
pub const MAX_FILES: usize = 10_000;

/// Bytes of one person's files. 20 GiB: more belongs into a folder of its own.
pub const MAX_BYTES: u64 = 20 << 30;

/// The part of a path that says whose it is, where it is the owner's, who has no name. No user's folder begins so.
const OWNER: &str = "@owner";

/// A file that somebody brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Its path in the source.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// When it was brought, in milliseconds since 1970.
    pub at_ms: i64,
    /// Who may read it.
    pub rule: AccessRule,
    /// How far its reading is.
    pub state: UploadState,
}

/// How far the reading of a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UploadState {
    /// It will be read in a moment.
    Waiting,
    /// It can be found; the number of its first document.
    Read(Option<DocumentId>),
    /// It could not be read, with the reason's word and what it was.
    Failed(String, String),
}

/// Why a file is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// There is no such source, or it takes no files.
    #[error("no source of this name takes documents")]
    Source,
    /// The name can't be a document's.
    #[error("{0}")]
    Name(String),
    /// There is one of this name already.
    #[error("there is a document of this name already")]
    Taken,
    /// They have too much already.
    #[error("{0}")]
    TooMuch(String),
    /// The disk.
    #[error("it can't be kept: {0}")]
    Disk(#[from] io::Error),
}

/// The spools of the sources that take files, opened when first needed.
#[derive(Default)]
pub(crate) struct Uploads {
    spools: Mutex<BTreeMap<String, Spool>>,
}

/// A file that is being brought. Dropped, it leaves nothing.
pub struct Bringing {
    source: String,
    path: String,
    incoming: Incoming,
}

impl Bringing {
    pub(crate) fn begin(spool: &Spool, source: &str, path: &str) -> Result<Bringing, Refusal> {
        // Two who bring a file of the same name at once must not write into one another's.
        let unique = format!("{path}\0{:?}", std::time::Instant::now());
        let incoming = spool.incoming(&unique)?;
        Ok(Bringing { source: source.to_owned(), incoming, path: path.to_owned() })
    }
}

impl Write for Bringing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.incoming.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.incoming.flush()
    }
}

/// The first part of the paths of what somebody brings: their name, with what a folder's name can't hold written
/// otherwise. No two have the same.
pub fn folder_of(user: Option<&str>) -> String {
    let Some(user) = user else { return OWNER.to_owned() };
    let folder = user.replace('%', "%25").replace('/', "%2F");
    match folder.strip_prefix('@') {
        Some(rest) => format!("%40{rest}"),
        None => folder,
    }
}

/// Whether a name can be a document's: the last part of a path, neither hidden nor made by programs for themselves.
///
/// # Errors
/// What is wrong with it.
pub fn check_name(name: &str) -> Result<(), Refusal> {
    let wrong = |what: &str| Err(Refusal::Name(format!("the name of the file {what}")));
    match name {
        _ if name.trim().is_empty() => wrong("is empty"),
        _ if name.len() > MAX_NAME_BYTES => wrong("is too long"),
        _ if name.contains(['/', '\\']) => wrong("holds a slash"),
        _ if name.chars().any(char::is_control) => wrong("holds a control character"),
        _ if name.contains(turns_direction) => wrong("holds a mark that turns the direction of writing"),
        _ if is_junk(name) => wrong("is that of a hidden or temporary file, which is not read"),
        _ => Ok(()),
    }
}

/// What is attached to conversations is taken, and taken away, in its conversation alone.
fn check_source(source: &str) -> Result<(), Refusal> {
    if source == ATTACHED { Err(Refusal::Source) } else { Ok(()) }
}

impl Library {
    /// The sources that take files.
    pub fn upload_sources(&self) -> Vec<String> {
        let perimeter = self.perimeter();
        let taking = perimeter.sources.iter().filter(|source| source.kind == SourceKind::Uploads);
        taking.map(|source| source.name.clone()).collect()
    }

    /// Begins to take a file named `name` of the person whose folder is `folder`. `replace` says whether one of the same
    /// name gives way once the new one is whole.
    ///
    /// # Errors
    /// When it is not taken.
    pub fn bring(&self, source: &str, folder: &str, name: &str, replace: bool) -> Result<Bringing, Refusal> {
        check_name(name)?;
        check_source(source)?;
        let path = format!("{folder}/{name}");
        self.spool(source, |spool| {
            if !replace && spool.held(&path).is_some() {
                return Err(Refusal::Taken);
            }
            let (files, bytes) = held_by(spool, folder);
            if files >= MAX_FILES || bytes >= MAX_BYTES {
                return Err(Refusal::TooMuch(format!(
                    "there are {files} documents of {bytes} bytes in your name; at most {MAX_FILES} and {MAX_BYTES} are kept"
                )));
            }
            Bringing::begin(spool, source, &path)
        })
    }

    /// Keeps a file that is there whole, and has it read. Once this returns, it is not lost.
    ///
    /// # Errors
    /// When it can't be kept.
    pub fn keep(&self, mut bringing: Bringing, rule: AccessRule, now_ms: i64) -> Result<String, Refusal> {
        bringing.incoming.sync()?;
        let Bringing { source, path, incoming } = bringing;
        let version = now_ms.to_string();
        let held =
            Held { path: path.clone(), version, modified_ms: now_ms, rule: Some(rule), ..Held::default() };
        self.spool(&source, |spool| {
            spool.put(incoming, held)?;
            Ok(spool.complete()?)
        })?;
        self.shared.brought.ring();
        Ok(path)
    }

    /// Changes who may read a file that was brought; none when there is no such file. Gives the rule before.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn let_read(
        &self,
        source: &str,
        path: &str,
        rule: AccessRule,
    ) -> Result<Option<AccessRule>, Refusal> {
        check_source(source)?;
        let before = self.spool(source, |spool| {
            let Some(held) = spool.held(path).cloned() else { return Ok(None) };
            spool.note(Held { rule: Some(rule), ..held.clone() })?;
            spool.save()?;
            Ok(Some(held.rule.unwrap_or_default()))
        })?;
        self.read_brought(source);
        Ok(before)
    }

    /// Removes a file that was brought; false when there is none. It is found no more when this returns.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn take_away(&self, source: &str, path: &str) -> Result<bool, Refusal> {
        check_source(source)?;
        self.remove_brought(source, path)
    }

    pub(crate) fn remove_brought(&self, source: &str, path: &str) -> Result<bool, Refusal> {
        let there = self.spool(source, |spool| {
            let there = spool.held(path).is_some();
            spool.remove(path)?;
            spool.save()?;
            Ok(there)
        })?;
        if there {
            self.read_brought(source);
        }
        Ok(there)
    }

    /// What the person whose folder is `folder` brought to a source, the latest first.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn uploads(&self, source: &str, folder: &str) -> Result<Vec<Upload>, Error> {
        let start = format!("{folder}/");
        let held = self.spool(source, |spool| {
            Ok(spool.all().filter(|held| held.path.starts_with(&start)).cloned().collect::<Vec<_>>())
        });
        let Ok(held) = held else { return Ok(Vec::new()) };
        let store = self.store();
        let Some(id) = store.sources()?.into_iter().find(|known| known.name == source).map(|known| known.id)
        else {
            return Ok(Vec::new());
        };
        let mut uploads = Vec::new();
        for held in held {
            let state = self.state_of(id, &held)?;
            let rule = held.rule.unwrap_or_default();
            uploads.push(Upload { path: held.path, size: held.size, at_ms: held.modified_ms, rule, state });
        }
        uploads.sort_by_key(|upload| std::cmp::Reverse(upload.at_ms));
        Ok(uploads)
    }

    fn state_of(&self, source: SourceId, held: &Held) -> Result<UploadState, Error> {
        let store = self.store();
        let location = Location { source, path: held.path.clone().into_bytes() };
        let known = store.file_at(&location)?.filter(|known| known.stamp == spool::stamp(held));
        let Some(known) = known else { return Ok(UploadState::Waiting) };
        // Read, but not to be found by its words yet: that takes a blink.
        if self.shared.derived.applied() < store.latest()? {
            return Ok(UploadState::Waiting);
        }
        Ok(match known.outcome {
            FileOutcome::Read => {
                UploadState::Read(store.documents_of(known.id)?.first().map(|document| document.id))
            }
            FileOutcome::Failed { reason, detail } => UploadState::Failed(reason, detail),
        })
    }

    /// Brings the store in step with what a source holds now.
    pub(crate) fn read_brought(&self, source: &str) {
        // What fails here is tried again, and told, by the thread that follows.
        let known = self.shared.sources().into_iter().find(|known| known.source.name == source);
        if known.is_none_or(|known| self.shared.scan(&known, &Scope::All).is_err()) {
            self.shared.brought.ring();
        }
    }

    pub(crate) fn spool<T>(
        &self,
        source: &str,
        work: impl FnOnce(&mut Spool) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let known = self.shared.upload_sources().into_iter().find(|known| known.source.name == source);
        let declared = known.ok_or(Refusal::Source)?.source;
        let mut spools = self.shared.uploads.spools.lock().unwrap_or_else(PoisonError::into_inner);
        if !spools.contains_key(source) {
            spools.insert(source.to_owned(), Spool::open(&declared.path, SourceKind::Uploads.word())?);
        }
        work(spools.get_mut(source).ok_or(Refusal::Source)?)
    }
}

/// How many files somebody has, and their bytes.
fn held_by(spool: &Spool, folder: &str) -> (usize, u64) {
    let start = format!("{folder}/");
    let own = spool.all().filter(|held| held.path.starts_with(&start));
    own.fold((0, 0), |(files, bytes), held| (files + 1, bytes + held.size))
}

/// Reads what is brought, until the library stops.
pub(crate) fn run(shared: &Shared) {
    /// How often it is looked whether to stop, should the bell be missed.
    const LOOK_UP: Duration = Duration::from_millis(500);
    let mut heard = 0;
    while !shared.stopped() {
        let rung = shared.brought.wait(heard, LOOK_UP);
        if rung == heard {
            continue;
        }
        heard = rung;
        for known in shared.upload_sources() {
            if let Err(error) = shared.scan(&known, &Scope::All) {
                tracing::warn!(%error, "what was brought can't be read");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_people_have_the_same_folder() {
        let names = ["a/b", "a_b", "a%2Fb", "@owner", "owner", "%40owner"];
        let mut folders: Vec<String> = names.iter().map(|name| folder_of(Some(name))).collect();
        folders.push(folder_of(None));
        assert!(folders.iter().all(|folder| !folder.contains('/')));
        folders.sort();
        folders.dedup();
        assert_eq!(folders.len(), names.len() + 1);
    }

    #[test]
    fn a_name_is_that_of_a_document() {
        let check = |name: &str, taken: bool| assert_eq!(check_name(name).is_ok(), taken, "{name:?}");
        check(" ", false);
        check("report\u{202e}fdp.exe", false);
        check("Bail 2024 (signé).pdf", true);
        check("", false);
        check("../secret", false);
        check("a\\b.txt", false);
        check("a\nb.txt", false);
        check(".DS_Store", false);
        check("~$bail.docx", false);
        check("..", false);
        check(&"é".repeat(128), false);
    }
}
