//! Which documents are in this 7z archive?

use std::io::Cursor;

use intramuros_core::document::{ExtractError, Extracted};
use sevenz_rust2::{ArchiveReader, Error, Password};

use super::members::Members;
use crate::Budget;

/// What Windows attributes say about links (reparse points).
const REPARSE_POINT: u32 = 0x400;

/// Reads 7z archives.
///
/// # Errors
/// When it is no 7z archive, or encrypted, or damaged.
pub fn extract(_name: &str, bytes: &[u8], budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    let mut archive =
        ArchiveReader::new(Cursor::new(bytes), Password::empty()).map_err(|error| reason(&error))?;
    // Several threads would decompress several blocks at once, each with its dictionary.
    archive.set_thread_count(1);
    let mut members = Members::new(budget);
    let packed = bytes.len() as u64;
    let result = archive.for_each_entries(|entry, reader| {
        let name = entry.name();
        if entry.is_directory() || entry.is_anti_item() || Members::is_noise(name) {
            return Ok(true);
        }
        if entry.windows_attributes() & REPARSE_POINT != 0 {
            members.skip(name, "a link, not followed");
            return Ok(true);
        }
        Ok(members.add(name, || budget.unpack(reader, packed)))
    });
    match result {
        Ok(()) => members.finish(),
        Err(error) if members.len() == 0 => Err(reason(&error)),
        Err(error) => {
            members.warn(format!("stopped after {} files: {}", members.len(), reason(&error)));
            members.finish()
        }
    }
}

fn reason(error: &Error) -> ExtractError {
    match error {
        Error::PasswordRequired | Error::MaybeBadPassword(_) => {
            ExtractError::Encrypted("a password is needed".to_owned())
        }
        Error::UnsupportedCompressionMethod(method) if method.contains("AES") => {
            ExtractError::Encrypted("a password is needed".to_owned())
        }
        Error::UnsupportedCompressionMethod(method) => {
            ExtractError::Unsupported(format!("7z compression method {method}"))
        }
        Error::MaxMemLimited { .. } => ExtractError::Limit(format!("7z: {error}")),
        other => ExtractError::Corrupt(format!("7z: {other}")),
    }
}
