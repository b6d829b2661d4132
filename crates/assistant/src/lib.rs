//! What is the answer, and what supports it?
//!
//! Without a generator, an answer is made of sentences of the documents themselves, each cited where it stands; when
//! nothing supports one, it is "not found" with the nearest documents. All of it is pure: passages in, answer out.

mod coverage;
mod extractive;

pub use extractive::{Answer, Candidate, Excerpt, MAX_CANDIDATES, Statement, answer};
