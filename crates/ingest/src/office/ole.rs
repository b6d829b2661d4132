//! What is inside this compound file, the container of the old office formats and of encrypted new ones?

use std::rc::Rc;

use intramuros_core::document::{ExtractError, Extracted, Part};

use super::bytes::{u16_at, u32_at};
use super::compound::{Compound, SIGNATURE};
use super::{doc, ppt, xls};
use crate::Budget;

/// Streams of a compound file that a reader is known for.
const READ_STREAMS: [&str; 5] =
    ["WordDocument", "PowerPoint Document", "Workbook", "Book", "__properties_version1.0"];

/// A compound file, or a storage inside it that holds a file of its own.
pub struct Ole<'a> {
    file: Rc<Compound<'a>>,
    storage: usize,
    budget: Budget<'a>,
}

impl<'a> Ole<'a> {
    /// Opens a compound file.
    ///
    /// # Errors
    /// Corrupt when its tables are damaged.
    pub fn open(bytes: &'a [u8], budget: &Budget<'a>) -> Result<Ole<'a>, ExtractError> {
        Ok(Ole { file: Rc::new(Compound::open(bytes)?), storage: 0, budget: *budget })
    }

    /// Whether there is such a stream.
    pub fn has(&self, name: &str) -> bool {
        self.file.has(self.storage, name)
    }

    /// The bytes of a stream; none when it is absent.
    ///
    /// # Errors
    /// When the stream is damaged or over a limit.
    pub fn stream(&self, name: &str) -> Result<Option<Vec<u8>>, ExtractError> {
        let stream = self.file.stream(self.storage, name)?;
        self.budget.spend_unpacked(stream.as_ref().map_or(0, Vec::len) as u64)?;
        Ok(stream)
    }

    /// The bytes of a stream that the format demands.
    ///
    /// # Errors
    /// Corrupt when it is absent; as [`Ole::stream`].
    pub fn required(&self, name: &str) -> Result<Vec<u8>, ExtractError> {
        self.stream(name)?
            .ok_or_else(|| ExtractError::Corrupt(format!("the stream \u{201c}{name}\u{201d} is missing")))
    }

    /// The files that stand in the storages of the storage `pool`, where Word keeps what is embedded.
    ///
    /// # Errors
    /// When a limit is reached.
    pub fn read_pool(&self, pool: &str) -> Result<Vec<Part>, ExtractError> {
        match self.file.storage(self.storage, pool) {
            Some(pool) => self.read_storages(&self.file.storages(pool, "")),
            None => Ok(Vec::new()),
        }
    }

    /// The files that stand in storages whose names begin so, where Excel keeps what is embedded.
    ///
    /// # Errors
    /// When a limit is reached.
    pub fn read_embedded(&self, prefix: &str) -> Result<Vec<Part>, ExtractError> {
        self.read_storages(&self.file.storages(self.storage, prefix))
    }

    fn read_storages(&self, storages: &[usize]) -> Result<Vec<Part>, ExtractError> {
        let mut parts = Vec::new();
        for (index, storage) in storages.iter().enumerate() {
            self.budget.count_member()?;
            let name = format!("object{}", index + 1);
            let inner = Ole { file: Rc::clone(&self.file), storage: *storage, budget: self.budget };
            if let Some((ending, outcome)) = inner.read_streams() {
                parts.push(Part::new(format!("{name}.{ending}"), outcome));
                continue;
            }
            match unwrap(&inner) {
                Ok(Some((label, bytes))) => {
                    let name = if label.is_empty() { name } else { safe_name(&label) };
                    let outcome = crate::extract_part(&name, &bytes, &self.budget);
                    parts.push(Part::new(name, outcome));
                }
                Ok(None) => {}
                Err(error) => parts.push(Part::new(name, Err(error))),
            }
        }
        Ok(parts)
    }

    /// The document whose own streams stand in this storage, with the usual ending of its name; none when there is no
    /// such document. It is one level deeper than the file around it.
    fn read_streams(&self) -> Option<(&'static str, Result<Extracted, ExtractError>)> {
        type Reader = fn(&Ole<'_>, &Budget<'_>) -> Result<Extracted, ExtractError>;
        let (ending, read): (&str, Reader) = if self.has("WordDocument") {
            ("doc", doc::extract_from)
        } else if self.has("Workbook") || self.has("Book") {
            ("xls", xls::extract_from)
        } else if self.has("PowerPoint Document") {
            ("ppt", ppt::extract_from)
        } else {
            return None;
        };
        let outcome = self.budget.deeper().and_then(|budget| {
            let inner = Ole { file: Rc::clone(&self.file), storage: self.storage, budget };
            read(&inner, &budget)
        });
        Some((ending, outcome))
    }
}

/// Reads the object of another program that stands in a storage of a mail; none when it holds no file.
pub(crate) fn read_storage(
    file: &Rc<Compound<'_>>,
    storage: usize,
    budget: &Budget<'_>,
) -> Option<Result<Extracted, ExtractError>> {
    let inner = Ole { file: Rc::clone(file), storage, budget: *budget };
    if let Some((_, outcome)) = inner.read_streams() {
        return Some(outcome);
    }
    match unwrap(&inner) {
        Ok(Some((label, bytes))) => Some(crate::extract_part(&label, &bytes, budget)),
        Ok(None) => None,
        Err(error) => Some(Err(error)),
    }
}

/// Reads a compound file by the streams inside it: DOC, PPT, XLS, a file wrapped by OLE, or a refusal for an encrypted
/// OOXML file. Mail (MSG) is read elsewhere.
///
/// # Errors
/// When the bytes are not this format, are encrypted, or a limit is reached.
pub fn extract(_name: &str, bytes: &[u8], budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    let ole = Ole::open(bytes, budget)?;
    if ole.has("EncryptedPackage") {
        return Err(encrypted());
    }
    if ole.has("WordDocument") {
        return doc::extract_from(&ole, budget);
    }
    if ole.has("PowerPoint Document") {
        return ppt::extract_from(&ole, budget);
    }
    if ole.has("Workbook") || ole.has("Book") {
        return xls::extract_from(&ole, budget);
    }
    match unwrap(&ole)? {
        Some((name, inner)) => crate::extract_part(&name, &inner, budget),
        None => Err(ExtractError::Unsupported("a compound file of no known program".to_owned())),
    }
}

/// Refuses a compound file where a ZIP package was expected: that is how encrypted OOXML files are kept.
///
/// # Errors
/// Encrypted, or Corrupt for any other compound file and for no byte at all.
pub fn refuse_encrypted(bytes: &[u8]) -> Result<(), ExtractError> {
    if bytes.is_empty() {
        return Err(ExtractError::Corrupt("no byte in the file".to_owned()));
    }
    if !bytes.starts_with(SIGNATURE) {
        return Ok(());
    }
    match Compound::open(bytes) {
        Ok(file) if file.has(0, "EncryptedPackage") => Err(encrypted()),
        _ => Err(ExtractError::Corrupt("a compound file where a ZIP package was expected".to_owned())),
    }
}

fn encrypted() -> ExtractError {
    ExtractError::Encrypted("the file is protected by a password".to_owned())
}

/// Reads an embedded object; none for objects that hold no file (equations, controls).
pub fn read_object(name: &str, bytes: &[u8], budget: &Budget<'_>) -> Option<Part> {
    let part =
        |name: &str, bytes: &[u8]| Part::new(safe_name(name), crate::extract_part(name, bytes, budget));
    if !bytes.starts_with(SIGNATURE) {
        return Some(part(name, bytes));
    }
    let damaged = |error| Some(Part::new(safe_name(name), Err(error)));
    let ole = match Ole::open(bytes, budget) {
        Ok(ole) => ole,
        Err(error) => return damaged(error),
    };
    if ole.has("EncryptedPackage") || READ_STREAMS.iter().any(|stream| ole.has(stream)) {
        return Some(part(name, bytes));
    }
    match unwrap(&ole) {
        Ok(Some((inner_name, inner))) => {
            let name = if inner_name.is_empty() { name } else { &inner_name };
            Some(part(name, &inner))
        }
        Ok(None) => None,
        Err(error) => damaged(error),
    }
}

/// Reads a file that was dropped into an RTF document, where the size in front is left out.
pub fn read_package(package: &[u8], budget: &Budget<'_>) -> Option<Part> {
    let (name, bytes) = read_native(&[&[0; 4], package].concat())?;
    Some(Part::new(safe_name(&name), crate::extract_part(&name, &bytes, budget)))
}

/// The file that OLE wraps: an OOXML package, a file dropped into a document, or the contents that a program keeps.
fn unwrap(ole: &Ole<'_>) -> Result<Option<(String, Vec<u8>)>, ExtractError> {
    if let Some(native) = ole.stream("\u{1}Ole10Native")? {
        return Ok(read_native(&native));
    }
    for stream in ["Package", "CONTENTS"] {
        if let Some(bytes) = ole.stream(stream)? {
            let known = bytes.starts_with(b"PK") || bytes.starts_with(b"%PDF");
            return Ok(known.then(|| (String::new(), bytes)));
        }
    }
    Ok(None)
}

/// The name and bytes of a file that was dropped into a document.
fn read_native(native: &[u8]) -> Option<(String, Vec<u8>)> {
    u16_at(native, 4).filter(|version| *version == 2)?;
    let mut at = 6;
    let label = zero_ended(native, &mut at)?;
    zero_ended(native, &mut at)?;
    at += 4;
    let path = usize::try_from(u32_at(native, at)?).ok()?;
    at = at.checked_add(4)?.checked_add(path)?;
    let size = usize::try_from(u32_at(native, at)?).ok()?;
    let data = native.get(at + 4..)?.get(..size)?;
    Some((label, data.to_vec()))
}

fn zero_ended(bytes: &[u8], at: &mut usize) -> Option<String> {
    let rest = bytes.get(*at..)?;
    let end = rest.iter().position(|byte| *byte == 0)?;
    *at += end + 1;
    Some(encoding_rs::WINDOWS_1252.decode(rest.get(..end)?).0.into_owned())
}

/// The last segment of a name, without what a file name may not hold.
fn safe_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let safe: String = last.chars().filter(|character| !character.is_control()).collect();
    if safe.is_empty() || safe == ".." || safe == "." { "object".to_owned() } else { safe }
}
