//! Which passages may this principal read that answer this query?
//!
//! A [`SearchIndex`] holds the words (tantivy, on disk) and the vectors (exact scan, in memory) of all documents.
//! Everything that a search computes is computed over the documents that the principal may read and the filters let
//! through, and over nothing else. It is derived from the store and can be made anew from it.

pub mod analysis;
pub mod calendar;
pub mod catalogue;
mod compounds;
mod feedback;
mod forms;
mod frequencies;
pub mod fusion;
mod identifiers;
mod index;
mod lexical;
mod mending;
pub mod metrics;
mod prepared;
mod prior;
pub mod query;
mod readings;
mod searching;
mod snapshot;
pub mod snippet;
mod terms;
pub mod vectors;
mod words;

pub use index::{IndexDocument, IndexPassage, KnownVector, SearchIndex, Update};
pub use prior::Prior;
pub use searching::{Found, Hit, MAX_HITS, Mode, PassageHit, QueryTerm, Request};

/// Computes `aside` on a thread of its own while `here` is computed on this one; one after the other where the system
/// gives no thread.
pub(crate) fn on_two_threads<A: Send, B>(aside: impl Fn() -> A + Sync, here: impl FnOnce() -> B) -> (B, A) {
    std::thread::scope(|scope| {
        match std::thread::Builder::new().name("search".to_owned()).spawn_scoped(scope, &aside) {
            Ok(thread) => {
                let here = here();
                (here, thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            }
            Err(_) => (here(), aside()),
        }
    })
}
