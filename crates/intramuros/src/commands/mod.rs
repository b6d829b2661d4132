//! What does each command do? One file per command: its arguments and one function.

pub mod ask;
pub mod backup;
pub mod completions;
pub mod confined;
pub mod eval;
pub mod extract;
pub mod forget;
pub mod ingest;
pub mod keeper;
pub mod mcp;
pub mod netpol;
#[cfg(feature = "operator")]
pub mod operator;
pub mod restore;
pub mod search;
pub mod serve;
pub mod status;
pub mod unread;
pub mod usage;
pub mod watcher;
pub mod worker;
