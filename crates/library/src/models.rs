//! Which model's vectors serve, and which are being made to take their place?
//!
//! Vectors of different models can't be compared. Where another model is declared than the one that the vectors are of, the
//! old ones serve, questions and new passages included, until the new ones are complete; then they take their place at once.
//! What was computed is kept as it comes, so that a stop costs nothing.

use std::sync::{Arc, PoisonError, RwLock};

use intramuros_core::error::Error;
use intramuros_store::Store;

use crate::embed::Embed;

/// Name of the setting that keeps which model's vectors serve.
const SERVING: &str = "embedding-model";

/// The model that serves and the one that is to.
pub(crate) struct Models {
    serving: RwLock<Option<Arc<dyn Embed>>>,
    next: RwLock<Option<Arc<dyn Embed>>>,
    /// One of which it is known what is near: it judges nearness whatever else serves.
    known: Option<Arc<dyn Embed>>,
}

impl Models {
    /// `models` are those that there are, the declared one first. Who only reads takes the one that serves, or none.
    pub fn of(store: &Store, models: Vec<Arc<dyn Embed>>, write: bool) -> Result<Models, Error> {
        let known = models.iter().find(|model| model.calibration().is_some()).or(models.first()).cloned();
        let Some(wanted) = models.first().cloned() else {
            return Ok(Models { serving: RwLock::default(), next: RwLock::default(), known });
        };
        let served = store.meta(SERVING)?;
        let earlier = match &served {
            Some(name) => models.iter().find(|model| model.name() == name.as_str()).cloned(),
            // A folder from before there was a choice, or a new one.
            None if store.vector_count(wanted.name())? > 0 => None,
            None => first_with_vectors(store, &models)?,
        };
        if served.is_some() && earlier.is_none() && !write {
            return Ok(Models { serving: RwLock::default(), next: RwLock::default(), known });
        }
        // One that is gone can't give questions their vectors any more: then words serve until the new ones are there.
        let earlier = earlier.filter(|earlier| earlier.name() != wanted.name());
        let (serving, next) = match earlier {
            Some(earlier) => (earlier, Some(wanted)),
            None => (wanted, None),
        };
        Ok(Models { serving: RwLock::new(Some(serving)), next: RwLock::new(next), known })
    }

    /// The model whose vectors serve.
    pub fn serving(&self) -> Option<Arc<dyn Embed>> {
        self.serving.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The model whose vectors are being made.
    pub fn next(&self) -> Option<Arc<dyn Embed>> {
        self.next.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The model that judges how near two texts are.
    pub fn known(&self) -> Option<&dyn Embed> {
        self.known.as_deref()
    }

    /// Notes which model serves from now on.
    pub fn serve(&self, store: &Store, model: Arc<dyn Embed>) -> Result<(), Error> {
        store.set_meta(SERVING, model.name())?;
        *self.next.write().unwrap_or_else(PoisonError::into_inner) = None;
        *self.serving.write().unwrap_or_else(PoisonError::into_inner) = Some(model);
        Ok(())
    }

    /// Notes which model serves, where nothing is noted yet.
    pub fn note(&self, store: &Store) -> Result<(), Error> {
        match self.serving() {
            Some(model) if store.meta(SERVING)?.as_deref() != Some(model.name()) => {
                store.set_meta(SERVING, model.name())
            }
            _ => Ok(()),
        }
    }
}

fn first_with_vectors(store: &Store, models: &[Arc<dyn Embed>]) -> Result<Option<Arc<dyn Embed>>, Error> {
    for model in models {
        if store.vector_count(model.name())? > 0 {
            return Ok(Some(Arc::clone(model)));
        }
    }
    Ok(None)
}
