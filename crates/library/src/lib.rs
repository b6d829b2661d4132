//! Are the files, the store, the words and the vectors in step, and what do they say?

mod bell;
mod contents;
mod paths;
mod permissions;
mod plan;
mod progress;
mod read;
mod scan;
mod skip;
mod walk;
mod watch;

use std::sync::Arc;

use intramuros_core::document::{ExtractError, Extracted};

pub use progress::{Phase, Progress};
pub use scan::ScanReport;

/// Reads one file: its name and its bytes. `intramuros-ingest` has the readers; a worker process runs them.
pub type Extract = Arc<dyn Fn(&str, &[u8]) -> Result<Extracted, ExtractError> + Send + Sync>;
