//! What is the answer, and what supports it?
//!
//! Without a generator, an answer is made of sentences of the documents themselves, each cited where it stands; when
//! nothing supports one, it is "not found" with the nearest documents. What a generator writes is held against the
//! passages sentence by sentence ([`verify`]); [`prompt`] says what it is told. All of it is pure: passages in, answer out.

mod coverage;
pub mod decisive;
mod extractive;
pub mod followup;
pub mod parts;
pub mod prompt;
pub mod respelling;
mod shape;
pub mod verify;
pub mod wordings;
mod written;

pub use extractive::{Answer, Asked, Candidate, Excerpt, MAX_CANDIDATES, Statement, answer};
pub use written::{MAX_ANSWER_BYTES, Writing, WrittenSentence};
