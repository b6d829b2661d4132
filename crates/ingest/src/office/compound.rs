//! Which streams does this compound file hold? The container of the old office formats (OLE, MS-CFB).
//!
//! Files in the wild lack their last sectors or have tables that promise more than there is; programs open them all
//! the same. This reader takes what is there, follows no chain further than the file is long, and refuses only a
//! stream whose own bytes are missing.

use intramuros_core::document::ExtractError;

use super::bytes::{u16_at, u32_at, utf16};

/// The first bytes of every compound file.
pub const SIGNATURE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

/// Numbers from here on are marks: end of chain, free, part of a table.
const LAST_SECTOR: u32 = 0xffff_fffa;

/// Bytes of an entry of the directory.
const ENTRY: usize = 128;

/// Entries of one file. 65,536: a mailbox of attachments reaches some hundreds.
const ENTRIES: usize = 65_536;

const ROOT: u8 = 5;
const STORAGE: u8 = 1;
const STREAM: u8 = 2;

/// An entry of the directory.
struct Entry {
    name: String,
    kind: u8,
    left: u32,
    right: u32,
    child: u32,
    start: u32,
    size: usize,
}

/// A compound file.
pub struct Compound<'a> {
    bytes: &'a [u8],
    shift: u32,
    mini_shift: u32,
    /// Streams smaller than this stand in the small sectors.
    cutoff: usize,
    next: Vec<u32>,
    mini_next: Vec<u32>,
    mini: Vec<u8>,
    entries: Vec<Entry>,
    /// For each entry those inside it, by their numbers.
    inside: Vec<Vec<usize>>,
}

impl<'a> Compound<'a> {
    /// Reads the tables and the directory.
    ///
    /// # Errors
    /// Corrupt when they can't be followed.
    pub fn open(bytes: &'a [u8]) -> Result<Compound<'a>, ExtractError> {
        Compound::read(bytes)
            .ok_or_else(|| ExtractError::Corrupt("the tables of the compound file are damaged".to_owned()))
    }

    fn read(bytes: &'a [u8]) -> Option<Compound<'a>> {
        if !bytes.starts_with(SIGNATURE) {
            return None;
        }
        let shift = u32::from(u16_at(bytes, 0x1e)?);
        let mini_shift = u32::from(u16_at(bytes, 0x20)?);
        if !matches!(shift, 9 | 12) || !(4..shift).contains(&mini_shift) {
            return None;
        }
        let mut file = Compound {
            bytes,
            shift,
            mini_shift,
            cutoff: u32_at(bytes, 0x38)? as usize,
            next: Vec::new(),
            mini_next: Vec::new(),
            mini: Vec::new(),
            entries: Vec::new(),
            inside: Vec::new(),
        };
        for sector in file.table_sectors()? {
            let table = file.sector(sector).unwrap_or_default();
            file.next
                .extend((0..1usize << (shift - 2)).map(|index| u32_at(table, 4 * index).unwrap_or(u32::MAX)));
        }
        let directory = file.chain(u32_at(bytes, 0x30)?, bytes.len());
        file.entries = directory.chunks_exact(ENTRY).take(ENTRIES).map_while(read_entry).collect();
        let (start, size) =
            file.entries.first().filter(|root| root.kind == ROOT).map(|root| (root.start, root.size))?;
        let mini_table = file.chain(u32_at(bytes, 0x3c)?, bytes.len());
        file.mini_next =
            (0..mini_table.len() / 4).map_while(|index| u32_at(&mini_table, 4 * index)).collect();
        file.mini = file.chain(start, size);
        file.mini.truncate(size);
        file.inside = inside(&file.entries);
        Some(file)
    }

    /// The sectors that hold the table of chains: 109 in the header, the rest in a chain of their own.
    fn table_sectors(&self) -> Option<Vec<u32>> {
        let most = self.bytes.len() >> self.shift;
        let mut sectors: Vec<u32> =
            (0..109).map_while(|index| u32_at(self.bytes, 0x4c + 4 * index)).collect();
        let mut more = u32_at(self.bytes, 0x44)?;
        let last = (1usize << (self.shift - 2)) - 1;
        while more < LAST_SECTOR && sectors.len() <= most + 109 {
            let Some(table) = self.sector(more) else { break };
            sectors.extend((0..last).map_while(|index| u32_at(table, 4 * index)));
            more = u32_at(table, 4 * last).unwrap_or(u32::MAX);
        }
        sectors.retain(|sector| *sector < LAST_SECTOR);
        // More tables than the file has room for come from a damaged header.
        sectors.truncate(most + 1);
        Some(sectors)
    }

    /// The bytes of a sector; fewer at the end of a file that was cut.
    fn sector(&self, number: u32) -> Option<&'a [u8]> {
        let start = (number as usize + 1).checked_mul(1 << self.shift)?;
        let rest = self.bytes.get(start..).filter(|rest| !rest.is_empty())?;
        rest.get(..rest.len().min(1 << self.shift))
    }

    /// The bytes of a chain of sectors, as far as there are some and so many are wanted, filled up to a sector.
    fn chain(&self, start: u32, wanted: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut at = start;
        // A chain longer than the file is a loop.
        while at < LAST_SECTOR && bytes.len() < wanted && bytes.len() <= self.bytes.len() {
            let Some(sector) = self.sector(at) else { break };
            bytes.extend_from_slice(sector);
            at = self.next.get(at as usize).copied().unwrap_or(u32::MAX);
        }
        bytes
    }

    fn mini_chain(&self, start: u32, wanted: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut at = start;
        while at < LAST_SECTOR && bytes.len() < wanted && bytes.len() <= self.mini.len() {
            let from = (at as usize) << self.mini_shift;
            let Some(rest) = self.mini.get(from..).filter(|rest| !rest.is_empty()) else { break };
            bytes.extend_from_slice(rest.get(..rest.len().min(1 << self.mini_shift)).unwrap_or_default());
            at = self.mini_next.get(at as usize).copied().unwrap_or(u32::MAX);
        }
        bytes
    }

    fn find(&self, storage: usize, name: &str, kind: u8) -> Option<usize> {
        let same = |entry: &Entry| entry.kind == kind && entry.name.eq_ignore_ascii_case(name);
        self.inside.get(storage)?.iter().copied().find(|&number| self.entries.get(number).is_some_and(same))
    }

    /// The storage of this name inside another; the outermost is number 0.
    pub fn storage(&self, storage: usize, name: &str) -> Option<usize> {
        self.find(storage, name, STORAGE)
    }

    /// The storages inside another whose names begin so, in the order of the directory.
    pub fn storages(&self, storage: usize, prefix: &str) -> Vec<usize> {
        let is_wanted = |entry: &Entry| entry.kind == STORAGE && entry.name.starts_with(prefix);
        let inside = self.inside.get(storage).map(Vec::as_slice).unwrap_or_default();
        inside.iter().copied().filter(|&number| self.entries.get(number).is_some_and(is_wanted)).collect()
    }

    /// The name of a storage.
    pub fn name(&self, storage: usize) -> &str {
        self.entries.get(storage).map_or("", |entry| entry.name.as_str())
    }

    /// Whether a storage holds a stream of this name.
    pub fn has(&self, storage: usize, name: &str) -> bool {
        self.find(storage, name, STREAM).is_some()
    }

    /// How many bytes a stream may hold: what the directory says, but no more than the file; none when there is no such
    /// stream.
    pub fn size(&self, storage: usize, name: &str) -> Option<usize> {
        let entry = self.entries.get(self.find(storage, name, STREAM)?)?;
        Some(entry.size.min(self.bytes.len()))
    }

    /// The bytes of a stream; none when there is no such stream.
    ///
    /// # Errors
    /// Corrupt when more of its bytes are missing than the padding of a last sector.
    pub fn stream(&self, storage: usize, name: &str) -> Result<Option<Vec<u8>>, ExtractError> {
        let Some(entry) = self.find(storage, name, STREAM).and_then(|number| self.entries.get(number)) else {
            return Ok(None);
        };
        let mut bytes = if entry.size < self.cutoff {
            self.mini_chain(entry.start, entry.size)
        } else {
            self.chain(entry.start, entry.size)
        };
        if bytes.len() + (1 << self.shift) < entry.size || (bytes.is_empty() && entry.size > 0) {
            return Err(ExtractError::Corrupt(format!("the stream \u{201c}{name}\u{201d} is cut off")));
        }
        bytes.truncate(entry.size);
        Ok(Some(bytes))
    }
}

/// Which entries stand inside which, by their numbers. Each stands inside one alone, so that a damaged tree costs no more
/// than a sound one.
fn inside(entries: &[Entry]) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new(); entries.len()];
    let mut seen = vec![false; entries.len()];
    let mut storages = vec![0];
    while let Some(storage) = storages.pop() {
        let mut found = Vec::new();
        let mut open = vec![entries.get(storage).map_or(u32::MAX, |entry| entry.child)];
        while let Some(number) = open.pop() {
            let number = number as usize;
            let (Some(entry), Some(seen)) = (entries.get(number), seen.get_mut(number)) else { continue };
            if std::mem::replace(seen, true) {
                continue;
            }
            found.push(number);
            if entry.kind == STORAGE {
                storages.push(number);
            }
            open.extend([entry.left, entry.right]);
        }
        found.sort_unstable();
        if let Some(slot) = all.get_mut(storage) {
            *slot = found;
        }
    }
    all
}

fn read_entry(bytes: &[u8]) -> Option<Entry> {
    let length = usize::from(u16_at(bytes, 64)?).min(64);
    Some(Entry {
        name: utf16(bytes.get(..length.saturating_sub(2))?),
        kind: *bytes.get(66)?,
        left: u32_at(bytes, 68)?,
        right: u32_at(bytes, 72)?,
        child: u32_at(bytes, 76)?,
        start: u32_at(bytes, 116)?,
        size: usize::try_from(u32_at(bytes, 120)?).ok()?,
    })
}
