//! What is the vector of this text; what does the model say?
//!
//! [`Embedder`] runs the built-in French and English model (multilingual-e5-small, 8 bits) in process with rten. It
//! knows nothing of documents: text in, vector out. [`endpoint`] speaks with models at services, through the egress client.

mod embedder;
pub mod endpoint;
mod remote;

pub use embedder::{Embedder, MAX_TOKENS, NEAR};
pub use remote::RemoteEmbedder;
