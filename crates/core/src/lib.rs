//! What is a document, a passage, a principal, a rule, a perimeter?
//!
//! Plain values and pure functions that every other crate shares. No input or output happens here: no files, no
//! clock, no network, no database; what depends on them takes their results as arguments.

pub mod access;
pub mod calendar;
pub mod chat;
pub mod document;
pub mod error;
pub mod language;
pub mod markup;
pub mod passage;
pub mod perimeter;
pub mod sentence;
pub mod vector;
