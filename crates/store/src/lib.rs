//! What has been acknowledged, and what must still be done?
//!
//! One SQLite file in the data folder holds the truth: which files were read, which documents and passages they gave,
//! who may read them, and the vectors that were computed. Everything that one [`Store::apply`] acknowledges is on disk
//! when it returns, or none of it is. What is derived (the word index, the vectors in memory) asks
//! [`Store::changes_since`] and reads the current state of those documents, so that applying twice does no harm.
//!
//! People, their sessions and tokens are in a file of their own ([`people`]): rebuilding the documents loses none of them.
//!
//! One process writes (a lock file keeps a second one out); any number may read beside it.

mod backup;
mod body;
mod compact;
mod error;
mod files;
mod open;
pub mod people;
mod pool;
mod read;
mod schema;
mod values;
mod vectors;
mod write;

pub use backup::backup;
pub use compact::Compacted;
pub use open::create_private_folder;
pub use pool::Store;
pub use schema::VERSION as SCHEMA_VERSION;
pub use values::{
    Change, Counts, Document, DocumentId, Failure, FileChange, FileId, FileOutcome, KnownFile, Location,
    NewDocument, NewFile, PassageId, PassageKey, Sequence, Source, SourceCounts, SourceId, Stamp,
    StoredPassage, TextHash,
};
pub use vectors::{Missing, MissingCursor, MissingPage};

/// Name of the database within the data folder.
pub const DATABASE: &str = "intramuros.sqlite";
