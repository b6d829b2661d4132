//! What stands between the server and the world outside?

use std::path::PathBuf;
use std::sync::Arc;

use intramuros_egress::Egress;
use intramuros_sources::Syncs;

use crate::record::Record;

/// What whoever started the program put around it. By default nothing: no journal, no way out, no seal.
#[derive(Clone, Default)]
pub struct Walls {
    /// Where what happened is written down.
    pub record: Record,
    /// Where the journal's files lie; none where nobody is to read it here.
    pub journal: Option<PathBuf>,
    /// The only way out; none when none can be used.
    pub egress: Option<Egress>,
    /// The places outside that documents come from; none where nothing is fetched.
    pub places: Option<Arc<Syncs>>,
    /// What the kernel enforces.
    pub seal: Seal,
}

/// What the kernel enforces, in words.
#[derive(Clone, Debug, Default)]
pub struct Seal {
    /// Whether the process was sealed.
    pub sealed: bool,
    /// In one line.
    pub summary: String,
    /// What this kernel does not enforce.
    pub missing: Vec<String>,
}
