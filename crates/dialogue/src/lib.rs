//! What is answered, by whichever model there is, and does it hold?
//!
//! Two steps. [`gather`] searches with the asker's rights and collects the passages; it waits for the disk and is called
//! on a thread that may. [`answer`] puts them to the declared model, holds every sentence that comes back against them,
//! and tells what happens through a channel; when the receiver is dropped, the model is hung up on. Without a model, or
//! when all of them fail, sentences of the documents are the answer.
//!
//! Nothing of a passage leads to an action: its links and pictures are text, what the model writes that no passage says is
//! marked or removed, and where a model is declared to get [`tools`], they read what the asker may read and nothing else.

pub mod absent;
mod check;
mod event;
mod gather;
pub mod tools;
mod widen;
mod write;

pub use event::{Citation, Cited, Ending, Event, narrowed};
pub use gather::{Asking, Gathered, MAX_QUESTION_BYTES, MAX_TURNS, Passage, gather};
pub use tools::{Called, Note, Tools};
pub use write::{Account, Writers, answer, answer_without, used_up_in_words};
