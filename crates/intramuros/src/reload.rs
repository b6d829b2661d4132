//! How does a changed configuration come into force while the program runs?
//!
//! The keeper (`commands::keeper`, a process of its own) hands over the file's text when it changed or when SIGHUP asks
//! for it. What can change at once is applied; what needs a restart is named; a file with mistakes changes nothing.
//! Each of the three is said and stands in the journal.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use intramuros_core::error::Error;
use intramuros_core::perimeter::Perimeter;
use intramuros_dialogue::Writers;
use intramuros_egress::Egress;
use intramuros_journal::{Event, Journal};
use intramuros_library::Library;
use intramuros_perimeter::{change, load};
use intramuros_seal::{Places, Plan};
use intramuros_server::{Accounts, Record};
use serde::{Deserialize, Serialize};

use crate::setup;

/// Longest line of the keeper, in bytes: the largest configuration with every byte escaped.
const MAX_LINE_BYTES: u64 = 6 * intramuros_core::perimeter::MAX_FILE_BYTES as u64 + 1024;

/// What the keeper says.
#[derive(Debug, Serialize, Deserialize)]
pub struct Said {
    /// Whether it was asked, or saw a change.
    pub asked: bool,
    /// The file's text, or why it can't be read.
    pub text: Result<String, String>,
}

/// The keeper's process, as long as the program runs.
pub struct Keeper {
    file: PathBuf,
    child: Child,
    asks: ChildStdin,
    says: ChildStdout,
}

impl Keeper {
    /// Starts it; none when there is no file to keep. Before the seal: afterwards nobody could open the file.
    ///
    /// # Errors
    /// When this program can't be started again.
    pub fn start(perimeter: &Perimeter) -> Result<Option<Keeper>, Error> {
        let Some(file) = perimeter.file() else { return Ok(None) };
        use std::os::unix::process::CommandExt;
        let wrong = |error| Error::internal("the configuration can't be followed").because(error);
        let file = std::path::absolute(file).map_err(wrong)?;
        let mut child = Command::new(setup::this_program()?)
            .arg("keeper")
            .arg(&file)
            .env_clear()
            // Ctrl+C is for the program, which ends this one by closing its input.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(wrong)?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (asks, says) = pipes.ok_or_else(|| Error::internal("a process without pipes"))?;
        Ok(Some(Keeper { file, child, asks, says }))
    }

    /// Its process.
    pub fn process(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap_or_default()
    }

    /// Follows the file from now on, in a thread of its own. What comes back asks for the file to be read again.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn follow(self, mut applied: Applied) -> Result<Ask, Error> {
        let Keeper { file, mut child, asks, says } = self;
        let ending = Arc::new(AtomicBool::new(false));
        let ask = Ask { asks, ending: Arc::clone(&ending) };
        std::thread::Builder::new()
            .name("configuration".to_owned())
            .spawn(move || {
                let mut says = BufReader::new(says);
                while let Some(said) = next(&mut says) {
                    applied.take(&file, said);
                }
                // It ended, or says nonsense: either way it is of no use any more.
                let _ = child.kill();
                let _ = child.wait();
                if !ending.load(Ordering::Acquire) {
                    tracing::warn!("the configuration is not followed any more; a restart reads it again");
                }
            })
            .map_err(|error| Error::internal("a thread can't be started").because(error))?;
        Ok(ask)
    }
}

fn next(says: &mut impl BufRead) -> Option<Said> {
    use std::io::Read;
    let mut line = Vec::new();
    says.take(MAX_LINE_BYTES).read_until(b'\n', &mut line).ok()?;
    serde_json::from_slice(&line).ok()
}

/// Asks for the file to be read again. Dropping it ends the keeper.
pub struct Ask {
    asks: ChildStdin,
    /// Set before the end, which is no fault then.
    ending: Arc<AtomicBool>,
}

impl Ask {
    /// Asks once.
    pub fn ask(&mut self) {
        // A keeper that is gone said so.
        let _ = self.asks.write_all(b"?").and_then(|()| self.asks.flush());
    }
}

impl Drop for Ask {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Release);
    }
}

/// Everything that a changed configuration reaches, with what holds now.
pub struct Applied {
    /// What the file declares, as far as it holds.
    pub now: Perimeter,
    /// What the kernel was asked to let through; none when the process is not sealed.
    pub sealed: Option<(Plan, Places)>,
    /// The documents.
    pub library: Arc<Library>,
    /// The way out.
    pub egress: Egress,
    /// The models that write.
    pub writers: Arc<Writers>,
    /// Who may come in.
    pub accounts: Arc<Accounts>,
    /// What the server writes down.
    pub record: Record,
    /// The journal.
    pub journal: Journal,
    /// Tells whoever started the program.
    pub tell: fn(&str),
}

impl Applied {
    fn take(&mut self, file: &Path, said: Said) {
        let parsed = match said.text {
            Ok(text) => load::parse(text.as_bytes(), file),
            Err(why) => Err(Error::config(format!("it can't be read: {why}"))),
        };
        match parsed {
            Ok(declared) => self.apply(file, &declared, said.asked),
            Err(error) => {
                let hints =
                    error.hints.iter().fold(String::new(), |hints, hint| format!("{hints}\n  {hint}"));
                self.say(file, &format!("not taken, what held before still holds: {error}{hints}"));
            }
        }
    }

    fn apply(&mut self, file: &Path, declared: &Perimeter, asked: bool) {
        let sealed = self.sealed.as_ref().map(|(plan, places)| (plan, places));
        let change = change::between(&self.now, declared, sealed);
        if change.applied.is_empty() && change.restart.is_empty() {
            if asked {
                self.say(file, "read again, nothing changed");
            }
            return;
        }
        if let Err(error) = self.egress.reload(&change.now) {
            self.say(file, &format!("not taken, what held before still holds: {error}"));
            return;
        }
        let said = change.in_words();
        let writers = match self.writers.renewed(&change.now, &self.egress) {
            Ok(writers) => writers,
            Err(error) => {
                self.say(file, &format!("not taken, what held before still holds: {error}"));
                // The ways out as they were.
                if let Err(error) = self.egress.reload(&self.now) {
                    tracing::error!(%error, "the ways out can't be put back");
                }
                return;
            }
        };
        self.writers.replace(writers);
        self.accounts.declare(&change.now);
        self.library.declare_access(&change.now);
        self.declare_sources(&change.now);
        self.library.declare_collections(&change.now);
        self.record.follow(&change.now.journal);
        change::access_entries(&self.now, &change.now, "file").into_iter().for_each(|event| self.note(event));
        self.now = change.now;
        self.say(file, &said);
    }

    /// Hands the sources of the file over, with those that the command line named besides.
    fn declare_sources(&self, now: &Perimeter) {
        if now.sources == self.now.sources {
            return;
        }
        let mut wanted = now.clone();
        let held = self.library.perimeter();
        let named = held.sources.iter().filter(|one| self.now.source(&one.name).is_none());
        wanted.sources.extend(named.filter(|one| now.source(&one.name).is_none()).cloned());
        if let Err(error) = self.library.declare_sources(&wanted) {
            tracing::error!(%error, "a source is not followed");
        }
    }

    /// Says it to whoever started the program, and writes it down.
    fn say(&self, file: &Path, what: &str) {
        (self.tell)(&format!("{}: {what}", file.display()));
        let event = Event::ConfigurationChanged {
            by: "file".to_owned(),
            what: file.display().to_string(),
            change: Some(what.to_owned()),
        };
        self.note(event);
    }

    fn note(&self, event: Event) {
        if let Err(error) = self.journal.append(event) {
            tracing::error!(%error, "a change of the configuration is not in the journal");
        }
    }
}
