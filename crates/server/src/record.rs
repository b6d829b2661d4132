//! What of a request is written down, and what when it can't be?
//!
//! Every question, every document that was opened or cited, and every refusal becomes an entry of the journal. An
//! answer usually does not wait for its entry: the writer brings it to the disk within moments. Where
//! `journal.on_failure = "refuse"` is declared it waits, and is not given when the entry could not be written.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use intramuros_core::access::Principal;
use intramuros_core::perimeter::{JournalSection, OnFailure};
use intramuros_journal::{Event, Journal, JournalError};
use intramuros_library::DocumentFacts;

/// The journal, with what is declared of it. Clones share both. Without a journal everything is noted nowhere.
#[derive(Clone, Default)]
pub struct Record {
    journal: Option<Kept>,
    declared: Arc<Declared>,
}

/// Where entries go.
#[derive(Clone)]
enum Kept {
    /// Into the journal that this process writes.
    Here(Journal),
    /// To whom writes it.
    By(Passing),
}

/// Passes an entry on to whom writes the journal; when it returns well, it is on the disk.
pub type Passing = Arc<dyn Fn(Event) -> Result<(), String> + Send + Sync>;

#[derive(Default)]
struct Declared {
    question_text: AtomicBool,
    refuse: AtomicBool,
    /// Whether it was said already that entries can't be written, so that a full disk fills no log.
    said: AtomicBool,
}

impl Record {
    /// A record in a journal, as `declared`.
    pub fn new(journal: Journal, declared: &JournalSection) -> Record {
        Record::of(Kept::Here(journal), declared)
    }

    /// A record that another process keeps, as `declared`.
    pub fn passed_on(passing: Passing, declared: &JournalSection) -> Record {
        Record::of(Kept::By(passing), declared)
    }

    fn of(journal: Kept, declared: &JournalSection) -> Record {
        let record = Record { journal: Some(journal), declared: Arc::default() };
        record.follow(declared);
        record
    }

    /// Takes over what is declared now.
    pub fn follow(&self, declared: &JournalSection) {
        self.declared.question_text.store(declared.question_text, Ordering::Relaxed);
        self.declared.refuse.store(declared.on_failure == OnFailure::Refuse, Ordering::Relaxed);
    }

    /// Whether there is a journal at all.
    pub fn is_kept(&self) -> bool {
        self.journal.is_some()
    }

    /// Why entries can't be written now; none when they can.
    pub fn failure(&self) -> Option<String> {
        match &self.journal {
            Some(Kept::Here(journal)) => journal.failure(),
            _ => None,
        }
    }

    /// The text of a question, where it is declared that it is kept.
    pub fn text(&self, question: &str) -> Option<String> {
        self.declared.question_text.load(Ordering::Relaxed).then(|| question.to_owned())
    }

    /// Notes what happened. May wait (for room in the writer's queue; for the disk where refusal is declared): not for
    /// a thread that serves others.
    ///
    /// # Errors
    /// When it could not be written and `on_failure = "refuse"` is declared: what it tells of must not happen then.
    pub fn note(&self, event: Event) -> Result<(), JournalError> {
        let refuse = self.declared.refuse.load(Ordering::Relaxed);
        let noted = match &self.journal {
            None => return Ok(()),
            Some(Kept::Here(journal)) if refuse => return journal.append_and_wait(event).map(drop),
            Some(Kept::Here(journal)) => journal.append(event),
            Some(Kept::By(passing)) => match passing(event).map_err(JournalError::Stopped) {
                Err(error) if refuse => return Err(error),
                passed => passed,
            },
        };
        match noted {
            Ok(()) => self.declared.said.store(false, Ordering::Relaxed),
            Err(error) => {
                if !self.declared.said.swap(true, Ordering::Relaxed) {
                    tracing::error!(%error, "entries of the journal are lost; the count will be written down");
                }
            }
        }
        Ok(())
    }
}

/// The entry of a document that is handed out.
pub(crate) fn read(by: String, source: &str, path: &str, way: &str) -> Event {
    Event::DocumentRead { by, source: source.to_owned(), path: path.to_owned(), way: way.to_owned() }
}

/// The entries of documents that are handed out together, each document once.
pub fn read_together<'a>(
    by: &str,
    documents: impl Iterator<Item = &'a DocumentFacts>,
    way: &str,
) -> Vec<Event> {
    let places: BTreeSet<(&str, &str)> =
        documents.map(|document| (document.source.as_str(), document.path.as_str())).collect();
    places.into_iter().map(|(source, path)| read(by.to_owned(), source, path, way)).collect()
}

/// How a principal is called in the journal.
pub fn name(principal: &Principal) -> String {
    match (&principal.user, principal.owner) {
        (Some(user), _) => user.clone(),
        (None, true) => "owner".to_owned(),
        (None, false) => "anonymous".to_owned(),
    }
}
