//! Which parts are in this ZIP package, and may they be read?
//!
//! Office packages use a small piece of the ZIP format: parts that are stored or deflated. Reading that piece here
//! rather than through a general library lets a package be refused before anything is decompressed (overlapping or
//! repeated parts), and lets each part be streamed, counted and checked as it comes out.

use std::collections::HashMap;
use std::io::{self, BufRead, Read};

use flate2::Crc;
use flate2::bufread::DeflateDecoder;
use intramuros_core::document::ExtractError;

use super::bytes::{u16_at, u32_at, u64_at};
use super::xml::Xml;
use crate::Budget;

/// Decompressed bytes that are taken at once. 32 KiB: the window of deflate; more does not make it faster.
const CHUNK_BYTES: usize = 32 << 10;

/// Bytes between two pieces of markup. 16 MiB: half of the text of the largest document in one element; beyond it,
/// the buffer of the XML reader would grow with whatever a bomb decompresses to.
const TOKEN_BYTES: u64 = 16 << 20;

/// The end record stands in the last 22 bytes and a comment of at most 65,535.
const END_SEARCHED: usize = 22 + 65_535;

const END_RECORD: &[u8] = b"PK\x05\x06";
const END64_LOCATOR: &[u8] = b"PK\x06\x07";
const END64_RECORD: &[u8] = b"PK\x06\x06";
const CENTRAL_RECORD: &[u8] = b"PK\x01\x02";
const LOCAL_RECORD: &[u8] = b"PK\x03\x04";

/// A ZIP package whose directory was read and found sound.
pub struct Package<'a> {
    bytes: &'a [u8],
    budget: Budget<'a>,
    /// By lower-case name with forward slashes, as names of parts are compared.
    entries: HashMap<String, Entry>,
}

#[derive(Clone, Copy)]
struct Entry {
    flags: u16,
    method: u16,
    crc: u32,
    packed: usize,
    offset: usize,
}

/// Where the directory stands and how many entries it has.
struct Directory {
    start: usize,
    entries: u64,
    /// Bytes that stand before the package (a self-extractor's program); offsets count from their end.
    shift: usize,
}

impl<'a> Package<'a> {
    /// Reads the directory.
    ///
    /// # Errors
    /// Corrupt when there is none, or when parts are repeated or overlap; a limit when there are too many.
    pub fn open(bytes: &'a [u8], budget: &Budget<'a>) -> Result<Package<'a>, ExtractError> {
        let directory = find_directory(bytes)?;
        let mut entries = HashMap::new();
        let mut spans = Vec::new();
        let mut at = directory.start;
        for _ in 0..directory.entries {
            budget.count_member()?;
            let (name, entry, next) = read_entry(bytes, at, directory.shift)?;
            at = next;
            if name.ends_with('/') {
                continue;
            }
            spans.push((entry.offset, entry.offset.saturating_add(LOCAL_BYTES + name.len() + entry.packed)));
            if entries.insert(part_name(&name), entry).is_some() {
                return Err(corrupt(format!("the ZIP package holds \u{201c}{name}\u{201d} twice")));
            }
        }
        spans.sort_unstable();
        if spans.windows(2).any(|pair| matches!(pair, [first, second] if second.0 < first.1)) {
            return Err(corrupt("parts of the ZIP package overlap".to_owned()));
        }
        Ok(Package { bytes, budget: *budget, entries })
    }

    /// Whether there is such a part.
    pub fn has(&self, name: &str) -> bool {
        self.entries.contains_key(&part_name(name))
    }

    /// Names of all parts (lower case) in alphabetical order.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.entries.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// Streams a part as XML; none when it is absent.
    ///
    /// # Errors
    /// When the part can't be decompressed.
    pub fn xml(&self, name: &str) -> Result<Option<Xml<'a>>, ExtractError> {
        let Some(source) = self.source(name)? else { return Ok(None) };
        Xml::new(source, &self.budget).map(Some)
    }

    /// Streams a part as XML.
    ///
    /// # Errors
    /// Corrupt when the part is absent or can't be decompressed.
    pub fn required_xml(&self, name: &str) -> Result<Xml<'a>, ExtractError> {
        self.xml(name)?.ok_or_else(|| corrupt(format!("the part \u{201c}{name}\u{201d} is missing")))
    }

    /// All bytes of a part; none when it is absent.
    ///
    /// # Errors
    /// When the part is damaged or decompresses to too much.
    pub fn bytes(&self, name: &str) -> Result<Option<Vec<u8>>, ExtractError> {
        let Some(mut source) = self.source(name)? else { return Ok(None) };
        let mut bytes = Vec::new();
        loop {
            let chunk = source.fill_buf().map_err(|error| from_io(&error))?;
            if chunk.is_empty() {
                return Ok(Some(bytes));
            }
            let count = chunk.len();
            bytes.extend_from_slice(chunk);
            source.consume(count);
            source.start_token();
        }
    }

    fn source(&self, name: &str) -> Result<Option<Source<'a>>, ExtractError> {
        let Some(entry) = self.entries.get(&part_name(name)) else { return Ok(None) };
        if entry.flags & 1 != 0 {
            return Err(ExtractError::Encrypted(format!("the part \u{201c}{name}\u{201d} needs a password")));
        }
        let data =
            self.data(entry).ok_or_else(|| corrupt(format!("the part \u{201c}{name}\u{201d} is cut off")))?;
        let decoder = match entry.method {
            0 => Decoder::Stored(data),
            8 => Decoder::Deflated(Box::new(DeflateDecoder::new(data))),
            other => {
                return Err(corrupt(format!(
                    "the part \u{201c}{name}\u{201d} is compressed by method {other}"
                )));
            }
        };
        Ok(Some(Source::new(decoder, entry.packed as u64, Some(entry.crc), self.budget)))
    }

    fn data(&self, entry: &Entry) -> Option<&'a [u8]> {
        let local = self.bytes.get(entry.offset..)?;
        if !local.starts_with(LOCAL_RECORD) {
            return None;
        }
        let name = usize::from(u16_at(local, 26)?);
        let extra = usize::from(u16_at(local, 28)?);
        local.get(LOCAL_BYTES + name + extra..)?.get(..entry.packed)
    }
}

/// Bytes of a local record before its name.
const LOCAL_BYTES: usize = 30;

fn corrupt(reason: String) -> ExtractError {
    ExtractError::Corrupt(reason)
}

/// The name by which a part is found: lower case, forward slashes, no leading slash.
fn part_name(name: &str) -> String {
    name.trim_start_matches(['/', '\\']).replace('\\', "/").to_lowercase()
}

fn find_directory(bytes: &[u8]) -> Result<Directory, ExtractError> {
    let missing = || corrupt("no ZIP directory: the file is cut off or is no ZIP package".to_owned());
    let tail = bytes.len().saturating_sub(END_SEARCHED);
    let end = bytes
        .get(tail..)
        .and_then(|tail| tail.windows(4).rposition(|window| window == END_RECORD))
        .map(|position| tail + position)
        .ok_or_else(missing)?;
    let record = bytes.get(end..).ok_or_else(missing)?;
    let field = |at| u32_at(record, at).map(u64::from);
    let mut entries = u16_at(record, 10).map(u64::from).ok_or_else(missing)?;
    let mut size = field(12).ok_or_else(missing)?;
    let mut start = field(16).ok_or_else(missing)?;
    let mut directory_end = end;
    let wide = entries == u64::from(u16::MAX) || size == u64::from(u32::MAX) || start == u64::from(u32::MAX);
    if let Some((at, wide)) = find_wide_end(bytes, end).filter(|_| wide) {
        directory_end = at;
        entries = u64_at(wide, 32).ok_or_else(missing)?;
        size = u64_at(wide, 40).ok_or_else(missing)?;
        start = u64_at(wide, 48).ok_or_else(missing)?;
    }
    let size = usize::try_from(size).map_err(|_| missing())?;
    let declared = usize::try_from(start).map_err(|_| missing())?;
    let start = directory_end.checked_sub(size).ok_or_else(missing)?;
    let shift = start.checked_sub(declared).ok_or_else(missing)?;
    // An entry takes at least 46 bytes: a larger count is a lie that would only waste time.
    if entries > (size / 46) as u64 {
        return Err(corrupt(format!("the ZIP directory declares {entries} parts in {size} bytes")));
    }
    Ok(Directory { start, entries, shift })
}

fn find_wide_end(bytes: &[u8], end: usize) -> Option<(usize, &[u8])> {
    let locator = bytes.get(end.checked_sub(20)?..end)?;
    if !locator.starts_with(END64_LOCATOR) {
        return None;
    }
    let at = usize::try_from(u64_at(locator, 8)?).ok()?;
    let record = bytes.get(at..)?;
    record.starts_with(END64_RECORD).then_some((at, record))
}

/// One entry of the directory: name, entry, and where the next one starts.
fn read_entry(bytes: &[u8], at: usize, shift: usize) -> Result<(String, Entry, usize), ExtractError> {
    let read = || -> Option<(String, Entry, usize)> {
        let record = bytes.get(at..)?;
        if !record.starts_with(CENTRAL_RECORD) {
            return None;
        }
        let name_len = usize::from(u16_at(record, 28)?);
        let extra_len = usize::from(u16_at(record, 30)?);
        let comment_len = usize::from(u16_at(record, 32)?);
        let name = String::from_utf8_lossy(record.get(46..46 + name_len)?).into_owned();
        let extra = record.get(46 + name_len..46 + name_len + extra_len)?;
        let (packed, offset) =
            wide_sizes(extra, u32_at(record, 24)?, u32_at(record, 20)?, u32_at(record, 42)?)?;
        let entry = Entry {
            flags: u16_at(record, 8)?,
            method: u16_at(record, 10)?,
            crc: u32_at(record, 16)?,
            packed: usize::try_from(packed).ok()?,
            offset: usize::try_from(offset).ok()?.checked_add(shift)?,
        };
        Some((name, entry, at + 46 + name_len + extra_len + comment_len))
    };
    read().ok_or_else(|| corrupt("the ZIP directory is damaged".to_owned()))
}

/// Compressed size and offset, from the ZIP64 field where the short ones say so.
fn wide_sizes(extra: &[u8], size: u32, packed: u32, offset: u32) -> Option<(u64, u64)> {
    if packed != u32::MAX && offset != u32::MAX {
        return Some((u64::from(packed), u64::from(offset)));
    }
    let mut at = 0;
    while let (Some(tag), Some(len)) = (u16_at(extra, at), u16_at(extra, at + 2)) {
        if tag == 1 {
            let field = extra.get(at + 4..)?;
            let mut next = 0;
            let mut wide = |short: u32| -> Option<u64> {
                if short != u32::MAX {
                    return Some(u64::from(short));
                }
                let value = u64_at(field, next);
                next += 8;
                value
            };
            wide(size)?;
            return Some((wide(packed)?, wide(offset)?));
        }
        at += 4 + usize::from(len);
    }
    None
}

enum Decoder<'a> {
    Stored(&'a [u8]),
    Deflated(Box<DeflateDecoder<&'a [u8]>>),
}

/// A part as it is decompressed: counted against the budget, its checksum verified at the end.
pub struct Source<'a> {
    decoder: Decoder<'a>,
    budget: Budget<'a>,
    packed: u64,
    expected: Option<u32>,
    crc: Crc,
    chunk: Vec<u8>,
    at: usize,
    len: usize,
    total: u64,
    token_start: u64,
}

impl<'a> Source<'a> {
    fn new(decoder: Decoder<'a>, packed: u64, expected: Option<u32>, budget: Budget<'a>) -> Source<'a> {
        Source {
            decoder,
            budget,
            packed,
            expected,
            crc: Crc::new(),
            chunk: vec![0; CHUNK_BYTES],
            at: 0,
            len: 0,
            total: 0,
            token_start: 0,
        }
    }

    /// Bytes that are already there, such as a flat XML file.
    pub fn plain(bytes: &'a [u8], budget: &Budget<'a>) -> Source<'a> {
        Source::new(Decoder::Stored(bytes), bytes.len() as u64, None, *budget)
    }

    /// Says that the reader has finished one piece of markup, so that its buffer starts anew.
    pub fn start_token(&mut self) {
        self.token_start = self.total;
    }

    fn refill(&mut self) -> Result<(), ExtractError> {
        let read = match &mut self.decoder {
            Decoder::Stored(data) => data.read(&mut self.chunk),
            Decoder::Deflated(decoder) => decoder.read(&mut self.chunk),
        };
        self.at = 0;
        self.len = read.map_err(|error| corrupt(format!("a compressed part is damaged ({error})")))?;
        let filled = self.chunk.get(..self.len).unwrap_or_default();
        if filled.is_empty() {
            return match self.expected {
                Some(expected) if expected != self.crc.sum() => {
                    Err(corrupt("the checksum of a part is wrong".to_owned()))
                }
                _ => Ok(()),
            };
        }
        self.crc.update(filled);
        self.total += self.len as u64;
        self.budget.spend_unpacked(self.len as u64)?;
        self.budget.check_ratio(self.total, self.packed)
    }
}

impl Read for Source<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(out.len());
        if let (Some(out), Some(available)) = (out.get_mut(..count), available.get(..count)) {
            out.copy_from_slice(available);
        }
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Source<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at >= self.len {
            if self.total - self.token_start > TOKEN_BYTES {
                let reason = format!("one element holds more than {TOKEN_BYTES} bytes");
                return Err(io::Error::other(ExtractError::Limit(reason)));
            }
            self.refill().map_err(io::Error::other)?;
        }
        Ok(self.chunk.get(self.at..self.len).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        self.at = (self.at + count).min(self.len);
    }
}

/// The reason that [`Source`] gave, out of the error that carries it through `std::io`.
pub fn from_io(error: &io::Error) -> ExtractError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<ExtractError>()) {
        Some(reason) => reason.clone(),
        None => corrupt(error.to_string()),
    }
}
