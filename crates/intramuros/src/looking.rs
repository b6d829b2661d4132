//! How does a command in the terminal look into what was read, with the model whose vectors serve?

use std::path::Path;

use intramuros_core::access::Principal;
use intramuros_core::error::Error;
use intramuros_core::perimeter::{Model, Perimeter, Purpose};
use intramuros_egress::{Egress, Surroundings};
use intramuros_library::Library;
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
