//! May a model be asked now, and how long may it answer?
//!
//! The same for a model at a service and one in this process: so many answers at once, a wait for a place, and a time until
//! which an answer must have ended.

use std::sync::Arc;
use std::time::Duration;

use intramuros_core::perimeter::Model;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::endpoint::ModelError;

/// Until an answer must have ended where nothing is declared.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(120);

/// How long a question waits for one of the model's places.
const PLACE_WAIT: Duration = Duration::from_secs(30);

/// The answers that a model writes at once, and how long each may take.
pub(crate) struct Places {
    places: Arc<Semaphore>,
    count: u32,
    timeout: Duration,
}

/// A place that was taken; it is free again when this is dropped.
pub(crate) type Place = OwnedSemaphorePermit;

impl Places {
    /// As declared; `count` at once where nothing is declared.
    pub fn of(model: &Model, count: u32) -> Places {
        let count = model.concurrency.unwrap_or(count).max(1);
        let declared = model.timeout_seconds.map(|seconds| Duration::from_secs(seconds.max(1).into()));
        Places {
            places: Arc::new(Semaphore::new(count as usize)),
            count,
            timeout: declared.unwrap_or(DEFAULT_TIMEOUT),
        }
    }

    /// How many there are.
    #[cfg(feature = "llama")]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// How long an answer may take.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The error of an answer that took longer.
    pub fn slow(&self) -> ModelError {
        ModelError::Slow { seconds: self.timeout.as_secs() }
    }

    /// Waits for a place, as long as a question may wait.
    ///
    /// # Errors
    /// When all stay taken.
    pub async fn take(&self) -> Result<Place, ModelError> {
        self.take_until(Instant::now() + PLACE_WAIT.min(self.timeout)).await
    }

    /// Waits for a place until then.
    ///
    /// # Errors
    /// When all stay taken.
    pub async fn take_until(&self, until: Instant) -> Result<Place, ModelError> {
        match tokio::time::timeout_at(until, Arc::clone(&self.places).acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(ModelError::Crowded { places: self.count }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_waits_for_a_place_and_not_for_ever() {
        let declared = |rest: serde_json::Value| -> Model {
            let mut all = serde_json::json!({ "name": "small", "kind": "open-ai", "purpose": "answers" });
            all.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
            serde_json::from_value(all).unwrap()
        };
        let plain = Places::of(&declared(serde_json::json!({})), 4);
        assert_eq!((plain.count, plain.timeout()), (4, DEFAULT_TIMEOUT));
        let places = Places::of(&declared(serde_json::json!({ "concurrency": 0, "timeout_seconds": 0 })), 4);
        assert_eq!((places.count, places.timeout()), (1, Duration::from_secs(1)));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let taken = places.take().await;
            assert!(taken.is_ok());
            let now = Instant::now();
            assert!(matches!(places.take_until(now).await, Err(ModelError::Crowded { places: 1 })));
            drop(taken);
            assert!(places.take().await.is_ok());
        });
    }
}
