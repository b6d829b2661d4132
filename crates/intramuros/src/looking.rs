//! How does a command in the terminal look into what was read, with the model whose vectors serve?

use std::path::Path;

use intramuros_core::access::Principal;
use intramuros_core::error::Error;
use intramuros_core::perimeter::{Model, Perimeter, Purpose};
use intramuros_egress::{Egress, Surroundings};
use intramuros_library::{Library, Meaning, Notice};
use intramuros_netpol::language::Language;
use tokio::runtime::Runtime;

use crate::noted::{self, Noted};
use crate::{setup, walls};

/// The documents, to be searched only.
pub struct Looking {
    /// They.
    pub library: Library,
    /// Where the question is written down.
    pub noted: Noted,
    /// Drives the ways to the embedding models, as long as somebody looks.
    _runtime: Option<Runtime>,
}

/// Puts how many of how many passages have their meaning, and whether anybody goes on with the others, in the place of a
/// notice that only says that it is missing: that one supposes a program that goes on, as `serve` does.
pub fn with_counts(notices: &mut [Notice], meaning: Option<Meaning>) {
    let Some(meaning) = meaning else { return };
    for notice in notices.iter_mut().filter(|notice| notice.code == "without_meaning") {
        notice.french = in_words(&meaning, Language::French);
        notice.english = in_words(&meaning, Language::English);
    }
}

/// What is to be known where not all passages can be found by their meaning.
pub fn in_words(meaning: &Meaning, language: Language) -> String {
    let Meaning { embedded, passages, goes_on } = *meaning;
    match (language, goes_on) {
        (Language::French, true) => format!(
            "Comparés par le sens : {embedded} passages sur {passages} ; la lecture continue, demandez de nouveau dans un \
             moment."
        ),
        (Language::English, true) => format!(
            "Compared by their meaning: {embedded} of {passages} passages; reading goes on, ask again in a moment."
        ),
        (Language::French, false) => format!(
            "Comparés par le sens : {embedded} passages sur {passages}, et rien ne continue : lancez `intramuros ingest` ou \
             `intramuros serve`."
        ),
        (Language::English, false) => format!(
            "Compared by their meaning: {embedded} of {passages} passages, and nothing goes on with the others: run \
             `intramuros ingest` or `intramuros serve`."
        ),
    }
}

impl Looking {
    /// Opens them, and puts the process within its walls. Where an embedding model at a service is declared, its way out is
    /// the one that opens; a service that is down costs three seconds, and words alone are searched.
    ///
    /// # Errors
    /// When nothing was read yet, or the data can't be read.
    pub fn open(perimeter: Perimeter, data: &Path, principal: &Principal) -> Result<Looking, Error> {
        let opened = noted::Opened::of(&perimeter, data, principal)?;
        let models: Vec<Model> = setup::embedding_models(&perimeter).cloned().collect();
        if models.is_empty() {
            walls::raise_for_looking(&perimeter, data)?;
            let library = setup::open_read_only(perimeter, data, None)?;
            return Ok(Looking { library, noted: opened.start(), _runtime: None });
        }
        let surroundings = Surroundings::of_system();
        // Nothing else leaves: the walls are those of a perimeter with these models alone.
        let mut narrow = perimeter.clone();
        narrow.models = models;
        narrow.egress.retain(|rule| rule.purpose == Purpose::Embedding);
        walls::raise_for_asking(&narrow, data)?;
        let noted = opened.start();
        let egress = Egress::new(&narrow, surroundings, noted.notes.recorder())?;
        let runtime = setup::runtime(1, "the embedding model can't be asked")?;
        let library = setup::open_read_only(perimeter, data, Some((&egress, runtime.handle())))?;
        Ok(Looking { library, noted, _runtime: Some(runtime) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_meaning_yet_is_counted_with_what_must_run() {
        let notice = |code: &'static str| Notice {
            code,
            filters: Vec::new(),
            french: "Avant.".to_owned(),
            english: "Before.".to_owned(),
        };
        let check = |goes_on: bool, french: &str, english: &str| {
            let mut notices = [notice("without_meaning"), notice("no_filter")];
            with_counts(&mut notices, Some(Meaning { embedded: 8, passages: 29, goes_on }));
            let [told, other] = &notices;
            assert!(told.french.contains("8 passages sur 29") && told.french.contains(french), "{told:?}");
            assert!(told.english.contains("8 of 29") && told.english.contains(english), "{told:?}");
            assert_eq!(other.english, "Before.");
        };
        check(true, "la lecture continue", "ask again in a moment");
        check(false, "lancez `intramuros ingest` ou `intramuros serve`", "run `intramuros ingest`");
        // Of all that is there the meaning is known: the model could not be asked.
        let mut notices = [notice("without_meaning")];
        with_counts(&mut notices, None);
        assert_eq!(notices[0].english, "Before.");
    }
}
