//! Which passages may this principal read that answer this query?
//!
//! A [`SearchIndex`] holds the words (tantivy, on disk) and the vectors (exact scan, in memory) of all documents.
//! Everything that a search computes is computed over the documents that the principal may read and the filters let
//! through, and over nothing else. It is derived from the store and can be made anew from it.

pub mod analysis;
pub mod calendar;
pub mod catalogue;
mod feedback;
mod forms;
mod frequencies;
pub mod fusion;
mod index;
mod lexical;
pub mod metrics;
mod prepared;
mod prior;
pub mod query;
mod snapshot;
pub mod snippet;
pub mod vectors;
mod words;

pub use index::{
    Found, Hit, IndexDocument, IndexPassage, KnownVector, MAX_HITS, Mode, PassageHit, QueryTerm, Request,
    SearchIndex, Update,
};
pub use prior::Prior;
