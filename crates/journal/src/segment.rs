//! Which files hold the journal, in which order?

use std::fs;
use std::path::{Path, PathBuf};

use crate::JournalError;

/// Bytes after which a new segment begins. 64 MiB: about 300,000 entries; retention removes whole segments.
pub const SEGMENT_BYTES: u64 = 64 << 20;

/// Most segments that are looked at. 1,000,000: 64 TB.
const MAX_SEGMENTS: usize = 1_000_000;

/// One file of the journal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Segment {
    /// Its number, from 1.
    pub number: u64,
    /// The file.
    pub path: PathBuf,
}

/// The file of a segment.
pub fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("journal-{number:08}.jsonl"))
}

/// The segments of a folder in their order; none when it does not exist.
pub fn list(folder: &Path) -> Result<Vec<Segment>, JournalError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(JournalError::io(folder, "list the journal")(error)),
    };
    let mut segments = Vec::new();
    for entry in entries.take(MAX_SEGMENTS) {
        let entry = entry.map_err(JournalError::io(folder, "list the journal"))?;
        let name = entry.file_name();
        let number = name
            .to_str()
            .and_then(|name| name.strip_prefix("journal-")?.strip_suffix(".jsonl"))
            .filter(|digits| digits.len() >= 8 && digits.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok());
        if let Some(number) = number {
            segments.push(Segment { number, path: entry.path() });
        }
    }
    segments.sort();
    Ok(segments)
}
