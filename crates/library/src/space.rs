//! How much room is left where the documents are kept?

use crate::library::Library;

/// Room on the disk that holds the data folder, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// What may still be written.
    pub free: u64,
    /// All of it.
    pub total: u64,
}

impl Library {
    /// The room on the data folder's disk; none where the system does not tell.
    pub fn space(&self) -> Option<Space> {
        of(self.store().folder())
    }
}

#[cfg(unix)]
fn of(folder: &std::path::Path) -> Option<Space> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
    Some(Space { free: bytes(disk.f_bavail), total: bytes(disk.f_blocks) })
}

#[cfg(not(unix))]
fn of(_folder: &std::path::Path) -> Option<Space> {
    None
}
