//! Which documents are in this 7z archive?

use std::io::Cursor;

use intramuros_core::document::{ExtractError, Extracted};
use sevenz_rust2::{ArchiveReader, EncoderMethod, Error, Password};

use super::members::Members;
use crate::Budget;

/// What Windows attributes say about links (reparse points).
const REPARSE_POINT: u32 = 0x400;

/// Largest dictionary. 128 MiB: the strongest presets use 64; the reader has 512 for everything.
const DICTIONARY_BYTES: u64 = 128 << 20;

/// Reads 7z archives.
///
/// # Errors
/// When it is no 7z archive, or encrypted, or damaged.
pub fn extract(_name: &str, bytes: &[u8], budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    let mut archive =
        ArchiveReader::new(Cursor::new(bytes), Password::empty()).map_err(|error| reason(&error))?;
    // Several threads would decompress several blocks at once, each with its dictionary.
    archive.set_thread_count(1);
    check_memory(&archive)?;
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
        Err(error) if members.is_empty() => Err(reason(&error)),
        Err(error) => {
            members.warn(format!("stopped after {} files: {}", members.len(), reason(&error)));
            members.finish()
        }
    }
}

/// Refuses archives whose dictionaries need more memory than a reader has.
fn check_memory(archive: &ArchiveReader<Cursor<&[u8]>>) -> Result<(), ExtractError> {
    for coder in archive.archive().blocks.iter().flat_map(|block| &block.coders) {
        let properties = coder.properties();
        let written =
            || properties.get(1..5).and_then(|size| size.try_into().ok()).map_or(0, u32::from_le_bytes);
        let bytes = match coder.encoder_method_id() {
            EncoderMethod::ID_LZMA | EncoderMethod::ID_PPMD => u64::from(written()),
            EncoderMethod::ID_LZMA2 => {
                let code = u64::from(properties.first().copied().unwrap_or_default());
                (2 | code & 1) << (code / 2 + 11).min(40)
            }
            _ => 0,
        };
        if bytes > DICTIONARY_BYTES {
            return Err(ExtractError::Limit(format!("7z: needs {bytes} bytes of memory to decompress")));
        }
    }
    Ok(())
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
