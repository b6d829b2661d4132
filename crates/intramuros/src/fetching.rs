//! How do documents come from places outside, and what of it is written down?

use std::path::Path;
use std::sync::Arc;

use intramuros_core::error::Error;
use intramuros_core::perimeter::Perimeter;
use intramuros_egress::{Egress, Surroundings};
use intramuros_journal::Event;
use intramuros_library::Library;
use intramuros_perimeter::notebook::{Notebook, Notes};
use intramuros_sources::{Declared, Outcome, Syncs};

use crate::language::count;
use crate::output::{Output, name};
use crate::walls::Walls;

/// Follows the declared places from now on; none when none is declared.
///
/// # Errors
/// When no thread can be started.
pub fn follow(
    places: Vec<Declared>,
    walls: &Walls,
    library: &Arc<Library>,
) -> Result<Option<Arc<Syncs>>, Error> {
    if places.is_empty() {
        return Ok(None);
    }
    let journal = walls.journal.clone();
    let note = Arc::new(move |source: &str, outcome: &Outcome| {
        if let Err(error) = journal.append(event(source, outcome)) {
            tracing::error!(%error, source, "what was fetched is not in the journal");
        }
        if let Some(why) = &outcome.why {
            tracing::warn!(source, why, "a source was not seen whole");
        }
    });
    let syncs = Arc::new(Syncs::new(places, walls.egress.clone(), Arc::clone(library), note)?);
    syncs.follow()?;
    Ok(Some(syncs))
}

/// Looking at places once, prepared before the seal.
pub struct Fetching {
    places: Vec<Declared>,
    notebook: Notebook,
    surroundings: Surroundings,
}

/// Looking at places once.
pub struct Fetched {
    syncs: Syncs,
}

impl Fetching {
    /// Opens the journal and reads what must be known of the machine.
    pub fn of(places: Vec<Declared>, perimeter: &Perimeter, data: &Path) -> Fetching {
        Fetching {
            places,
            notebook: Notebook::open(perimeter, data),
            surroundings: Surroundings::of_system(),
        }
    }

    /// Makes it ready; after the seal.
    ///
    /// # Errors
    /// When the way out can't be prepared.
    pub fn start(self, perimeter: &Perimeter, library: &Arc<Library>) -> Result<Fetched, Error> {
        let notes: Arc<Notes> = Arc::new(self.notebook.start());
        let egress = Egress::new(perimeter, self.surroundings, notes.recorder())?;
        let note = Arc::new(move |source: &str, outcome: &Outcome| {
            if let Err(error) = notes.note(&[event(source, outcome)]) {
                tracing::error!(%error, source, "what was fetched is not in the journal");
            }
        });
        Ok(Fetched { syncs: Syncs::new(self.places, egress, Arc::clone(library), note)? })
    }
}

impl Fetched {
    /// Looks at each place once, and gives what it came to by the source's name.
    pub fn look(&self) -> Vec<(String, Outcome)> {
        let names: Vec<String> = self.syncs.names().map(str::to_owned).collect();
        for name in &names {
            // What failed stands in the outcome.
            let _ = self.syncs.look(name);
        }
        self.syncs.states().into_iter().filter_map(|state| Some((state.name, state.last?))).collect()
    }

    /// Has the look end at its next step; what was fetched stays.
    pub fn stop(&self) {
        self.syncs.stop();
    }
}

/// What a look came to, for the terminal.
pub fn in_words(source: &str, outcome: &Outcome, out: &mut Output) {
    let said = |number, french, english: &str| count(number, french, [english, english], out.language());
    let mut parts = vec![
        said(outcome.found, ["trouvé dehors", "trouvés dehors"], "found outside"),
        said(outcome.fetched, ["apporté", "apportés"], "fetched"),
    ];
    for (number, french, english) in [
        (outcome.removed, ["disparu", "disparus"], "gone"),
        (outcome.unread, ["non apporté", "non apportés"], "not fetched"),
        (outcome.refused, ["nom refusé", "noms refusés"], "names refused"),
    ] {
        if number > 0 {
            parts.push(said(number, french, english));
        }
    }
    out.line(&format!("{source}{} {}", out.pick(" :", ":"), parts.join(", ")));
    if let Some(why) = &outcome.why {
        let partly =
            out.pick("pas vu en entier, donc rien n’est retiré :", "not seen whole, so nothing was removed:");
        out.note(&format!("  {partly} {why}"));
    }
    for (part, why) in &outcome.troubles {
        out.note(&format!("  {}: {}", name(part), name(why)));
    }
}

fn event(source: &str, outcome: &Outcome) -> Event {
    Event::Fetched {
        source: source.to_owned(),
        found: outcome.found,
        fetched: outcome.fetched,
        unread: outcome.unread,
        removed: outcome.removed,
        bytes: outcome.bytes,
        why: outcome.why.clone(),
    }
}
