//! Which documents are in this tar archive?

use intramuros_core::document::{ExtractError, Extracted};
use tar::{Archive, EntryType};

use super::members::Members;
use crate::Budget;
use crate::text::encoding;

/// Reads uncompressed tar archives.
///
/// # Errors
/// When the first header is damaged, or all members are.
pub fn extract(_name: &str, bytes: &[u8], budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    let mut archive = Archive::new(bytes);
    let damaged = |error: std::io::Error| ExtractError::Corrupt(format!("tar: {error}"));
    let mut members = Members::new(budget);
    for entry in archive.entries().map_err(damaged)? {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) if members.is_empty() => return Err(damaged(error)),
            Err(error) => {
                members
                    .warn(format!("stopped after {} files: the archive is damaged ({error})", members.len()));
                break;
            }
        };
        let raw = entry.path_bytes();
        let name = match std::str::from_utf8(&raw) {
            Ok(name) => name.to_owned(),
            Err(_) => encoding::decode(&raw, None).unwrap_or_else(|_| "unnamed".to_owned()),
        };
        match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous => {}
            EntryType::Directory | EntryType::XGlobalHeader => continue,
            EntryType::Symlink | EntryType::Link => {
                members.skip(&name, "a link, not followed");
                continue;
            }
            _ => {
                members.skip(&name, "a device or a special file");
                continue;
            }
        }
        // Old archives mark folders only by the slash at the end of their names.
        if name.ends_with('/') || Members::is_noise(&name) {
            continue;
        }
        let size = entry.size();
        if !members.add(&name, || budget.unpack(entry, size)) {
            break;
        }
    }
    members.finish()
}
