//! Which documents are in this ZIP?

use std::io::Cursor;

use intramuros_core::document::{ExtractError, Extracted};
use zip::ZipArchive;
use zip::result::ZipError;

use super::members::Members;
use crate::Budget;
use crate::chat::slack;

/// A ZIP whose directory was read.
pub type Zip<'a> = ZipArchive<Cursor<&'a [u8]>>;

/// Reads ZIP archives; a Slack export inside is read as conversations.
///
/// # Errors
/// When it is no ZIP, or all members are encrypted, damaged or over a limit.
pub fn extract(name: &str, bytes: &[u8], budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    let mut zip = open(bytes)?;
    let names = names(&zip);
    if slack::is_export(names.iter().map(String::as_str)) {
        return slack::extract(name, bytes, budget);
    }
    let mut members = Members::new(budget);
    for (index, name) in names.iter().enumerate() {
        if name.ends_with(['/', '\\']) || Members::is_noise(name) {
            continue;
        }
        let is_link = zip.by_index_raw(index).is_ok_and(|member| member.is_symlink());
        if is_link {
            members.skip(name, "a link, not followed");
            continue;
        }
        if !members.add(name, || read(&mut zip, index, budget)) {
            break;
        }
    }
    members.finish()
}

/// Reads the directory of a ZIP.
///
/// # Errors
/// When there is none.
pub fn open(bytes: &[u8]) -> Result<Zip<'_>, ExtractError> {
    ZipArchive::new(Cursor::new(bytes)).map_err(|error| reason(&error))
}

/// The names of all members, in the order of the directory.
pub fn names(zip: &Zip<'_>) -> Vec<String> {
    let name = |index| match zip.name_for_index(index) {
        Some(Ok(name)) => name.into_owned(),
        _ => format!("unnamed {}", index + 1),
    };
    (0..zip.len()).map(name).collect()
}

/// Decompresses one member.
///
/// # Errors
/// When it is encrypted, damaged, compressed in an unknown way, or too large.
pub fn read(zip: &mut Zip<'_>, index: usize, budget: &Budget<'_>) -> Result<Vec<u8>, ExtractError> {
    let raw = zip.by_index_raw(index).map_err(|error| reason(&error))?;
    if raw.encrypted() {
        return Err(ExtractError::Encrypted("a password is needed".to_owned()));
    }
    drop(raw);
    let member = zip.by_index(index).map_err(|error| reason(&error))?;
    let packed = member.compressed_size();
    budget.unpack(member, packed)
}

fn reason(error: &ZipError) -> ExtractError {
    match error {
        ZipError::UnsupportedArchive(why) if why.contains("assword") => {
            ExtractError::Encrypted("a password is needed".to_owned())
        }
        ZipError::UnsupportedArchive(why) => ExtractError::Unsupported(format!("ZIP: {why}")),
        ZipError::CompressionMethodNotSupported(method) => {
            ExtractError::Unsupported(format!("ZIP compression method {method}"))
        }
        ZipError::InvalidPassword => ExtractError::Encrypted("a password is needed".to_owned()),
        other => ExtractError::Corrupt(format!("ZIP: {other}")),
    }
}
