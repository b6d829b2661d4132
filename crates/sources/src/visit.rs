//! What of a place must be fetched, and what is gone?
//!
//! A kind of place offers what it finds, file by file. What is known in the same version costs nothing; what is new is
//! fetched into the spool at once, so that a visit that is cut short is taken up where it ended. What was not offered is
//! gone, once the whole place was seen; a place that was not seen whole loses nothing.

use std::collections::HashSet;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use intramuros_core::access::AccessRule;
use intramuros_core::perimeter::AccessOrigin;
use intramuros_library::is_junk;
use intramuros_library::spool::{Fault, Held, Incoming, Spool};

use crate::client::Client;
use crate::declared::Declared;
use crate::failure::Failure;
use crate::state::Outcome;

/// Longest path, in bytes. 4 KiB: what file systems take.
pub(crate) const MAX_PATH_BYTES: usize = 4096;

/// Letters that are shown of a name that is refused. 100: enough to find it by.
const REFUSED_SHOWN: usize = 100;

/// How often a file is asked for that could not be fetched for a passing reason.
const TRIES: u32 = 3;

/// Before the second attempt; the third waits four times as long.
const PAUSE: Duration = Duration::from_millis(500);

/// So many files in a row that can't be fetched, and the place is taken for gone.
const LOST: u32 = 3;

/// What was fetched is handed over to be read after so many files, or so long after the first of them.
const HAND_OVER_FILES: u64 = 500;
const HAND_OVER_TIME: Duration = Duration::from_secs(20);

/// A file as its place lists it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    /// Its path there, `/`-separated.
    pub path: String,
    /// What tells that it is still the same; empty when nothing does.
    pub version: String,
    /// Its bytes, where the place says.
    pub size: Option<u64>,
    /// When it was changed, in milliseconds since 1970; 0 where that is not known.
    pub modified_ms: i64,
    /// Who may read it, as the place says.
    pub rule: Option<AccessRule>,
}

/// A visit.
pub(crate) struct Visit<'a> {
    /// The door out.
    pub client: &'a Client,
    /// What is visited.
    pub declared: &'a Declared,
    /// What was fetched.
    pub spool: &'a mut Spool,
    /// What it comes to.
    pub outcome: Outcome,
    /// Shows how far it is.
    pub show: &'a mut dyn FnMut(&Outcome),
    /// Has what was fetched so far be read.
    pub hand_over: &'a mut dyn FnMut(&mut Spool) -> Result<(), Failure>,
    seen: HashSet<String>,
    /// Parts that could not be looked at.
    unknown: Vec<String>,
    lost: u32,
    waiting: (u64, Option<Instant>),
}

/// Takes what is fetched, up to a limit.
pub(crate) struct Limited<'a> {
    incoming: &'a mut Incoming,
    limit: u64,
    over: bool,
}

impl Write for Limited<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.incoming.size() + bytes.len() as u64 > self.limit {
            self.over = true;
            return Err(io::Error::other("over the limit"));
        }
        self.incoming.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.incoming.flush()
    }
}

impl<'a> Visit<'a> {
    /// A visit that begins.
    pub fn new(
        client: &'a Client,
        declared: &'a Declared,
        spool: &'a mut Spool,
        show: &'a mut dyn FnMut(&Outcome),
        hand_over: &'a mut dyn FnMut(&mut Spool) -> Result<(), Failure>,
    ) -> Visit<'a> {
        Visit {
            client,
            declared,
            spool,
            outcome: Outcome::default(),
            show,
            hand_over,
            seen: HashSet::new(),
            unknown: Vec::new(),
            lost: 0,
            waiting: (0, None),
        }
    }

    /// Whether a folder is looked into.
    pub fn enters(&self, folder: &str) -> bool {
        !self.declared.source.excludes(folder) && !is_junk(&format!("{folder}/x"))
    }

    /// A file that is there. `fetch` brings its bytes, when they are not known; it may be called several times.
    ///
    /// # Errors
    /// When the visit can't go on. A file that can't be fetched is noted with the reason, and is no error.
    pub fn offer(
        &mut self,
        entry: Entry,
        fetch: &mut dyn FnMut(&Client, &mut dyn Write) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if self.client.stopped() {
            return Err(Failure::Stopped);
        }
        if !is_name(&entry.path) {
            return self.refuse(&entry.path);
        }
        let junk =
            self.declared.source.kind != intramuros_core::perimeter::SourceKind::Web && is_junk(&entry.path);
        if junk || !self.declared.source.takes(&entry.path) || !self.seen.insert(entry.path.clone()) {
            return Ok(());
        }
        self.outcome.found += 1;
        self.check_count()?;
        let rule = entry.rule.clone().filter(|_| self.declared.source.access == AccessOrigin::Source);
        let held = Held {
            path: entry.path,
            version: entry.version,
            size: entry.size.unwrap_or(0),
            modified_ms: entry.modified_ms,
            rule,
            ..Held::default()
        };
        if let Some(known) =
            self.spool.held(&held.path).filter(|known| is_same(known, &held, self.declared.file_bytes))
        {
            self.outcome.unchanged += 1;
            self.outcome.unread += u64::from(known.fault.is_some());
            let held = Held { rule: held.rule, modified_ms: held.modified_ms, ..known.clone() };
            return self.spool.note(held).map_err(Failure::disk);
        }
        let result = match entry.size {
            Some(size) if size > self.declared.file_bytes => Err(Failure::TooLarge(self.declared.file_bytes)),
            _ => self.fetch(&held, fetch),
        };
        self.take(held, result)?;
        (self.show)(&self.outcome);
        self.hand_over_in_time()
    }

    /// A name that no file can have here.
    ///
    /// # Errors
    /// When there are too many: the same names over and over must not keep a visit from its end.
    pub fn refuse(&mut self, name: &str) -> Result<(), Failure> {
        self.outcome.refused += 1;
        let start: String = name.chars().take(REFUSED_SHOWN).collect();
        self.outcome.trouble(&start, "a name that no file has here".to_owned());
        self.check_count()
    }

    /// A file that is known and there, of which nothing is asked.
    ///
    /// # Errors
    /// When there are too many.
    pub fn keep(&mut self, path: &str) -> Result<(), Failure> {
        if self.seen.insert(path.to_owned()) {
            self.outcome.found += 1;
            self.outcome.unchanged += 1;
        }
        self.check_count()
    }

    /// A file whose bytes came before it was known whether they are new.
    ///
    /// # Errors
    /// When there are too many, or it can't be kept.
    pub fn take_fetched(&mut self, entry: Entry, incoming: Incoming) -> Result<(), Failure> {
        if !is_name(&entry.path) {
            return self.refuse(&entry.path);
        }
        if self.seen.insert(entry.path.clone()) {
            self.outcome.found += 1;
        }
        self.outcome.bytes += incoming.size();
        let held = Held {
            path: entry.path,
            version: entry.version,
            modified_ms: entry.modified_ms,
            ..Held::default()
        };
        self.take(held, Ok(incoming))?;
        self.check_count()?;
        (self.show)(&self.outcome);
        self.hand_over_in_time()
    }

    /// A file that is there and could not be fetched.
    ///
    /// # Errors
    /// When the visit can't go on.
    pub fn take_failed(&mut self, path: &str, failure: Failure) -> Result<(), Failure> {
        if !is_name(path) || !self.declared.source.takes(path) {
            return Ok(());
        }
        if self.seen.insert(path.to_owned()) {
            self.outcome.found += 1;
        }
        self.take(Held { path: path.to_owned(), ..Held::default() }, Err(failure))?;
        self.check_count()
    }

    /// Lets go of a file that was fetched only for where it leads.
    pub fn let_go(&mut self, path: &str) {
        if self.seen.remove(path) {
            self.outcome.found = self.outcome.found.saturating_sub(1);
            self.outcome.fetched = self.outcome.fetched.saturating_sub(1);
        }
        // At the end of the visit it is gone like any other that was not offered; here at once, so that it is not read.
        let _ = self.spool.remove(path);
    }

    /// A part of the place, with everything below it, that could not be looked at: what is known there stays.
    pub fn unknown(&mut self, part: &str, why: String) {
        self.outcome.trouble(part, why);
        self.unknown.push(part.to_owned());
    }

    /// Ends a visit that saw the whole place: what was not offered is gone.
    ///
    /// # Errors
    /// When it can't be written down.
    pub fn end(&mut self) -> Result<(), Failure> {
        let gone: Vec<String> = self
            .spool
            .all()
            .filter(|held| !self.seen.contains(&held.path) && !self.is_unknown(&held.path))
            .map(|held| held.path.clone())
            .collect();
        for path in gone {
            self.spool.remove(&path).map_err(Failure::disk)?;
            self.outcome.removed += 1;
        }
        self.spool.complete().map_err(Failure::disk)
    }

    /// Whether nothing at all was found where there was something before.
    pub fn found_nothing(&self) -> bool {
        self.seen.is_empty() && self.unknown.is_empty() && !self.spool.is_empty()
    }

    fn is_unknown(&self, path: &str) -> bool {
        let within = |part: &str| {
            part.is_empty()
                || path.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.unknown.iter().any(|part| within(part))
    }

    fn check_count(&self) -> Result<(), Failure> {
        let most = self.declared.source.most_files();
        if self.seen.len() <= most && self.outcome.refused as usize <= most {
            Ok(())
        } else {
            Err(self.too_many())
        }
    }

    /// That there are more files than are taken from the place.
    pub fn too_many(&self) -> Failure {
        let most = self.declared.source.most_files();
        Failure::Limit(format!(
            "there are more than {most} files; nothing is removed. Take a part of the place, leave some out with `exclude`, \
             or declare a larger `most_files`"
        ))
    }

    /// Brings the bytes of a file, with several attempts where the reason may pass.
    fn fetch(
        &mut self,
        held: &Held,
        fetch: &mut dyn FnMut(&Client, &mut dyn Write) -> Result<(), Failure>,
    ) -> Result<Incoming, Failure> {
        let mut pause = PAUSE;
        for attempt in 1.. {
            let mut incoming = self.spool.incoming(&held.path).map_err(Failure::disk)?;
            let limit = self.declared.file_bytes;
            let mut limited = Limited { incoming: &mut incoming, limit, over: false };
            match fetch(self.client, &mut limited) {
                Ok(()) => {
                    self.outcome.bytes += incoming.size();
                    return Ok(incoming);
                }
                Err(_) if limited.over => return Err(Failure::TooLarge(limit)),
                Err(failure) if failure.is_passing() && attempt < TRIES => {
                    self.client.pause(pause)?;
                    pause *= 4;
                }
                Err(failure) => return Err(failure),
            }
        }
        Err(Failure::Stopped)
    }

    /// Keeps what was fetched, or the reason why it was not.
    fn take(&mut self, mut held: Held, result: Result<Incoming, Failure>) -> Result<(), Failure> {
        let incoming = match result {
            Ok(incoming) => {
                self.lost = 0;
                self.outcome.fetched += 1;
                self.waiting.0 += 1;
                self.waiting.1.get_or_insert_with(Instant::now);
                return self.spool.put(incoming, held).map_err(Failure::disk);
            }
            Err(failure) => failure,
        };
        let fault = match &incoming {
            // It went away between the list and the question.
            Failure::Gone => {
                self.seen.remove(&held.path);
                return Ok(());
            }
            Failure::TooLarge(limit) if held.size > *limit => {
                Fault::Limit(format!("{} bytes; at most {limit} are read from one file", held.size))
            }
            Failure::TooLarge(limit) => {
                // The place said less, or nothing.
                held.size = limit + 1;
                Fault::Limit(incoming.to_string())
            }
            Failure::File(why) => Fault::Unreadable(why.clone()),
            Failure::Unreachable(_) if self.lost + 1 < LOST => {
                self.lost += 1;
                Fault::Unreadable(incoming.to_string())
            }
            _ => return Err(incoming),
        };
        self.outcome.unread += 1;
        let large = matches!(fault, Fault::Limit(_));
        match self.spool.held(&held.path) {
            // What was fetched before goes on to be found, until it can be fetched again.
            Some(known) if known.fault.is_none() && !large => {
                let known = Held { version: String::new(), rule: held.rule, ..known.clone() };
                self.outcome.trouble(&held.path, incoming.to_string());
                self.spool.note(known).map_err(Failure::disk)
            }
            _ => self.spool.note(Held { fault: Some(fault), ..held }).map_err(Failure::disk),
        }
    }

    fn hand_over_in_time(&mut self) -> Result<(), Failure> {
        let (files, since) = self.waiting;
        if files < HAND_OVER_FILES && since.is_none_or(|since| since.elapsed() < HAND_OVER_TIME) {
            return Ok(());
        }
        self.waiting = (0, None);
        (self.hand_over)(self.spool)
    }
}

/// Whether what is known is what is there now. What could not be fetched for another reason than its size is tried
/// again, and so is what was over a limit that is larger now.
fn is_same(known: &Held, held: &Held, limit: u64) -> bool {
    let settled = match known.fault {
        None => true,
        Some(Fault::Limit(_)) => known.size > limit,
        Some(Fault::Unreadable(_)) => false,
    };
    settled && !held.version.is_empty() && known.version == held.version
}

/// Whether a path can be shown and ruled: names between single slashes, none of which leads elsewhere.
fn is_name(path: &str) -> bool {
    path.len() <= MAX_PATH_BYTES
        && !path.chars().any(char::is_control)
        && path.split('/').all(|name| !matches!(name, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for good in ["a", "a/b.txt", "été/…", "a..b", "a\\..\\b", "con"] {
            assert!(is_name(good), "{good}");
        }
        for odd in ["", "/a", "a/", "a//b", "../a", "a/../b", "a/.", "a\nb", "a\0b", &"a".repeat(5000)] {
            assert!(!is_name(odd), "{odd}");
        }
    }
}
