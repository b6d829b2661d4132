//! Which documents are in this 7z archive?

use std::io::{Cursor, Read};

use intramuros_core::document::{ExtractError, Extracted};
use sevenz_rust2::{Archive, ArchiveEntry, BlockDecoder, EncoderMethod, Error, Password};

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
    let (mut source, password) = (Cursor::new(bytes), Password::empty());
    let archive = Archive::read(&mut source, &password).map_err(|error| reason(&error))?;
    check_memory(&archive)?;
    let mut members = Members::new(budget);
    let packed = bytes.len() as u64;
    let result = each_entry(&archive, &password, &mut source, &mut |entry, reader| {
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

/// Hands over each entry with what it holds, as long as more is wanted. Not by the library's own reader of whole archives: it
/// counts the processors, for which it looks into a file of the system, and a reading process may open none. One thread: several
/// would decompress several blocks at once, each with its dictionary.
fn each_entry(
    archive: &Archive,
    password: &Password,
    source: &mut Cursor<&[u8]>,
    each: &mut dyn FnMut(&ArchiveEntry, &mut dyn Read) -> Result<bool, Error>,
) -> Result<(), Error> {
    for block in 0..archive.blocks.len() {
        let decoder = BlockDecoder::new(1, block, archive, password, source);
        if !decoder.for_each_entries(&mut |entry, reader| each(entry, reader))? {
            return Ok(());
        }
    }
    // What holds nothing stands in no block.
    let blocks = &archive.stream_map.file_block_index;
    for (entry, _) in archive.files.iter().zip(blocks).filter(|(_, block)| block.is_none()) {
        if !each(entry, &mut std::io::empty())? {
            return Ok(());
        }
    }
    Ok(())
}

/// Refuses archives whose dictionaries need more memory than a reader has.
fn check_memory(archive: &Archive) -> Result<(), ExtractError> {
    for coder in archive.blocks.iter().flat_map(|block| &block.coders) {
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
