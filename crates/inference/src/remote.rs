//! What is the vector of this text, with a model at a service?
//!
//! Called from threads that may wait. Vectors are brought to length 1, so that their product says how near they are.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use intramuros_core::error::Error;
use intramuros_core::perimeter::Model;
use intramuros_core::vector::MAX_DIMENSIONS;
use intramuros_egress::Egress;
use tokio::runtime::Handle;

use crate::endpoint::Endpoint;

/// How long a question waits for its vector; then it is searched by words alone.
const QUESTION_TIME: Duration = Duration::from_secs(3);

/// How long a batch of passages may take: a small machine computes a second for each.
const PASSAGES_TIME: Duration = Duration::from_secs(120);

/// Bytes of one text that are sent: some 3,000 tokens, more than what such models read.
const MAX_BYTES: usize = 8 << 10;

/// A declared model that makes vectors.
pub struct RemoteEmbedder {
    endpoint: Arc<Endpoint>,
    runtime: Handle,
    /// The name under which its vectors are kept: the service, the model, and how texts are put to it.
    name: String,
    query_prefix: String,
    passage_prefix: String,
    /// Components of its vectors; 0 until the first came.
    dimensions: AtomicUsize,
}

impl RemoteEmbedder {
    /// The model of a declaration. Nothing is sent yet; `runtime` drives the connections.
    ///
    /// # Errors
    /// As [`Endpoint::new`].
    pub fn new(model: &Model, egress: Egress, runtime: Handle) -> Result<RemoteEmbedder, Error> {
        let endpoint = Arc::new(Endpoint::new(model, egress)?);
        let service = model.url.as_deref().unwrap_or_default().trim_end_matches('/');
        let its_name = model.model.as_deref().unwrap_or(&model.name);
        let (query, passage) = (&model.query_prefix, &model.passage_prefix);
        Ok(RemoteEmbedder {
            endpoint,
            runtime,
            name: format!("{service}#{its_name}#{query}#{passage}"),
            query_prefix: query.clone(),
            passage_prefix: passage.clone(),
            dimensions: AtomicUsize::new(0),
        })
    }

    /// The name under which its vectors are kept.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The vector of a question, of length 1. Waits; not for a thread that drives others.
    ///
    /// # Errors
    /// When the service fails, or gives something else than vectors.
    pub fn query(&self, text: &str) -> Result<Vec<f32>, Error> {
        let texts = vec![put(&self.query_prefix, text)];
        self.vectors(texts, QUESTION_TIME)?.pop().ok_or_else(|| Error::internal("no vector for a text"))
    }

    /// The vectors of passages, of length 1, in their order.
    ///
    /// # Errors
    /// As [`RemoteEmbedder::query`].
    pub fn passages(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, Error> {
        let texts = texts.iter().map(|text| put(&self.passage_prefix, text)).collect();
        self.vectors(texts, PASSAGES_TIME)
    }

    fn vectors(&self, texts: Vec<String>, wait: Duration) -> Result<Vec<Vec<f32>>, Error> {
        let failed = |error: Error| {
            Error::new(error.kind, format!("the embedding model {}: {}", self.endpoint.name(), error.message))
        };
        let vectors = self.runtime.block_on(self.endpoint.embed(&texts, wait));
        let mut vectors = vectors.map_err(|error| failed(error.into()))?;
        for vector in &mut vectors {
            self.check(vector)
                .map_err(|what| failed(Error::new(intramuros_core::error::ErrorKind::Peer, what)))?;
            let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
            vector.iter_mut().for_each(|value| *value /= length);
        }
        Ok(vectors)
    }

    /// Whether a vector can be one of this model's.
    fn check(&self, vector: &[f32]) -> Result<(), String> {
        let length = vector.len();
        if !(1..=MAX_DIMENSIONS).contains(&length) || vector.iter().any(|value| !value.is_finite()) {
            return Err(format!("a vector of {length} components, from 1 to {MAX_DIMENSIONS} are taken"));
        }
        let known = self.dimensions.swap(length, Ordering::Relaxed);
        if known != 0 && known != length {
            self.dimensions.store(known, Ordering::Relaxed);
            return Err(format!(
                "a vector of {length} components after those of {known}: is it another model?"
            ));
        }
        Ok(())
    }
}

fn put(prefix: &str, text: &str) -> String {
    let mut end = text.len().min(MAX_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{prefix}{}", text.get(..end).unwrap_or_default())
}
