//! Who turns texts into vectors?

use intramuros_core::error::Error;
use intramuros_inference::Embedder;

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
}

impl Embed for Embedder {
    fn name(&self) -> &str {
        Embedder::name(self)
    }

    fn query(&self, text: &str) -> Result<Vec<f32>, Error> {
        Embedder::query(self, text)
    }

    fn passages(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, Error> {
        texts.iter().map(|text| Embedder::passage(self, text)).collect()
    }
}
