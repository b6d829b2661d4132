//! Who turns texts into vectors?

use intramuros_core::error::Error;
use intramuros_core::vector::Calibration;
use intramuros_inference::{CALIBRATION, Embedder, RemoteEmbedder};

/// A model that makes vectors of texts. The built-in one runs in the program; others run elsewhere.
pub trait Embed: Send + Sync {
    /// The name under which its vectors are kept; another model, or another way of using one, has another name.
    fn name(&self) -> &str;

    /// The vector of a question.
    ///
    /// # Errors
    /// When the model fails or does not answer.
    fn query(&self, text: &str) -> Result<Vec<f32>, Error>;

    /// The vectors of passages, in their order.
    ///
    /// # Errors
    /// When the model fails or does not answer.
    fn passages(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, Error>;

    /// How dot products of a question's vector and a passage's are to be read; none where nobody measured it.
    fn calibration(&self) -> Option<Calibration> {
        None
    }

    /// Passages that are handed over at once. 8: some 100 ms of the built-in model, the longest that a question has to wait
    /// for the processor; more for a model to which each call is a way.
    fn batch(&self) -> usize {
        8
    }
}

impl Embed for RemoteEmbedder {
    fn name(&self) -> &str {
        RemoteEmbedder::name(self)
    }

    fn query(&self, text: &str) -> Result<Vec<f32>, Error> {
        RemoteEmbedder::query(self, text)
    }

    fn passages(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, Error> {
        RemoteEmbedder::passages(self, texts)
    }

    fn batch(&self) -> usize {
        32
    }
}

impl Embed for Embedder {
    fn name(&self) -> &str {
        Embedder::name(self)
    }

    fn query(&self, text: &str) -> Result<Vec<f32>, Error> {
        Embedder::query(self, text)
    }

    fn passages(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, Error> {
        Embedder::passages(self, texts)
    }

    fn calibration(&self) -> Option<Calibration> {
        Some(CALIBRATION)
    }
}
