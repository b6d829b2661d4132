//! What does a command in the terminal leave in the journal?
//!
//! The same as a question on the page: who asked, how much was found, which documents are cited; the question's text
//! only where that is declared. Of what is taken away: by whom, and what.

use std::path::Path;

use intramuros_core::access::Principal;
use intramuros_core::error::Error;
use intramuros_core::perimeter::Perimeter;
use intramuros_dialogue::Called;
use intramuros_journal::Event;
use intramuros_library::DocumentFacts;
use intramuros_perimeter::notebook::{Notebook, Notes};
use intramuros_server::{name_in_journal, read_together};
use intramuros_store::Store;

use crate::output::Output;

/// The journal, opened for one question of one person.
pub struct Opened {
    notebook: Notebook,
    by: String,
    with_text: bool,
}

/// The journal, ready for one question of one person.
pub struct Noted {
    /// Where it is written.
    pub notes: Notes,
    by: String,
    with_text: bool,
}

impl Opened {
    /// Opens it; before the seal, for the key may lie anywhere. Where nothing is held, nothing is made.
    ///
    /// # Errors
    /// When the data folder holds nothing yet, or can't be read.
    pub fn of(perimeter: &Perimeter, data: &Path, principal: &Principal) -> Result<Opened, Error> {
        Store::look_for(data)?;
        let with_text = perimeter.journal.question_text;
        Ok(Opened { notebook: Notebook::open(perimeter, data), by: name_in_journal(principal), with_text })
    }

    /// Makes it ready; after the seal.
    pub fn start(self) -> Noted {
        Noted { notes: self.notebook.start(), by: self.by, with_text: self.with_text }
    }
}

impl Noted {
    /// Notes a question with what it found and the documents that were read for it. What could not be noted is said.
    ///
    /// # Errors
    /// When the journal can't be written and nothing may happen without it.
    pub fn question(
        &self,
        question: &str,
        results: usize,
        read: &[&DocumentFacts],
        way: &str,
        out: &mut Output,
    ) -> Result<(), Error> {
        let asked = Event::Question {
            by: self.by.clone(),
            sources: Vec::new(),
            results: results as u64,
            text: self.with_text.then(|| question.to_owned()),
        };
        let read = read_together(&self.by, read.iter().copied(), way);
        let events: Vec<Event> = std::iter::once(asked).chain(read).collect();
        if let Some(why) = self.notes.note(&events)? {
            out.note(&format!("This is not in the journal: {why}"));
        }
        Ok(())
    }

    /// Notes an act of administration, before it is done. What could not be noted is said.
    ///
    /// # Errors
    /// As [`Noted::question`].
    pub fn administered(&self, action: &str, on: (&str, &str), out: &mut Output) -> Result<(), Error> {
        let (name, value) = on;
        let event = Event::Administered {
            by: self.by.clone(),
            action: action.to_owned(),
            on: [(name.to_owned(), value.to_owned())].into(),
        };
        if let Some(why) = self.notes.note(&[event])? {
            out.note(&format!("This is not in the journal: {why}"));
        }
        Ok(())
    }

    /// Notes a call of a tool by a model, with the documents that it is shown something of.
    ///
    /// # Errors
    /// As [`Noted::question`].
    pub fn tool(&self, called: &Called) -> Result<(), Error> {
        let tool = if called.tool.is_empty() { "unknown" } else { called.tool };
        let entry = Event::ToolCalled {
            by: self.by.clone(),
            tool: tool.to_owned(),
            allowed: called.allowed,
            with: Some(called.with.to_owned()),
        };
        let read = read_together(&self.by, called.documents.iter(), "tool");
        let events: Vec<Event> = std::iter::once(entry).chain(read).collect();
        if let Some(error) = self.notes.note(&events)? {
            tracing::error!(%error, "a call of a tool is not in the journal");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_to_a_folder_that_is_not_there_makes_none() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("none");
        assert!(Opened::of(&Perimeter::default(), &data, &Principal::owner()).is_err());
        assert!(!data.exists());
    }
}
