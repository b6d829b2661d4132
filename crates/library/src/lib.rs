//! Are the files, the store, the words and the vectors in step, and what do they say?
//!
//! A [`Library`] owns the store and what is derived from it. Files are read by [`Library::scan`] or followed by
//! [`Library::follow`]; what was read is acknowledged by the store; words and vectors follow the store in threads of
//! their own and can be stopped at any moment. [`Library::search`] and the calls beside it answer a principal with what
//! that principal may read and nothing else.

mod ask;
pub mod attached;
mod bell;
mod browse;
mod bundle;
mod collections;
mod contents;
mod derived;
mod embed;
mod embedding;
mod facts;
mod follow;
mod library;
mod models;
mod nearness;
mod notices;
mod paths;
mod permissions;
mod plan;
mod progress;
mod query;
mod read;
pub mod renamed;
mod scan;
mod skip;
mod space;
pub mod spool;
mod standing;
mod troubles;
pub mod uploads;
mod verify;
mod waiting;
mod walk;
mod watch;
mod words;

pub use ask::{Answered, CitedStatement};
pub use browse::Folder;
pub use embed::Embed;
pub use intramuros_search::query::MAX_QUERY_BYTES;
pub use library::{EndReading, Extract, Library, Meaning, Options, Reading, Split};
pub use notices::Notice;
pub use progress::{Phase, Progress};
pub use query::{DocumentFacts, FoundDocument, FoundPassage, OpenDocument, Results, SearchOptions};
pub use scan::ScanReport;
pub use skip::is_junk;
pub use space::Space;
pub use standing::{Bodies, Standing};
pub use verify::Verified;
