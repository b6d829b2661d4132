//! What is the vector of this text; what does the model say?
//!
//! [`Embedder`] runs the built-in French and English model (multilingual-e5-small, 8 bits) in process: with code of its own
//! where the processor multiplies bytes, with rten elsewhere. It knows nothing of documents: text in, vector out. [`endpoint`] speaks with models at services, through the egress client;
//! with the feature `llama`, [`gguf`] runs a model's file here. A [`Writer`] is either.

mod embedder;
#[cfg(target_arch = "x86_64")]
mod encoder;
pub mod endpoint;
#[cfg(feature = "llama")]
pub mod gguf;
mod places;
mod portable;
mod remote;
mod thoughts;
mod writer;

pub use embedder::{CALIBRATION, Embedder, MAX_TOKENS};
pub use remote::RemoteEmbedder;
pub use writer::{Stream, Writer};
