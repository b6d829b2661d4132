//! Which records follow one another in an old presentation, and what is inside them?

use crate::office::bytes::{u16_at, u32_at};

/// Bytes before the data of a record.
pub const HEAD: usize = 8;

/// A record: its kind, its instance and its data.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    /// What it is.
    pub kind: u16,
    /// Which of several it is.
    pub instance: u16,
    /// Whether it holds other records.
    pub container: bool,
    /// What it holds.
    pub data: &'a [u8],
}

/// The record at a place.
pub fn record_at(bytes: &[u8], at: usize) -> Option<Record<'_>> {
    let head = u16_at(bytes, at)?;
    let size = usize::try_from(u32_at(bytes, at + 4)?).ok()?;
    let data = bytes.get(at.checked_add(HEAD)?..)?.get(..size)?;
    Some(Record { kind: u16_at(bytes, at + 2)?, instance: head >> 4, container: head & 0xf == 0xf, data })
}

/// The records that stand side by side in `bytes`; a damaged one ends them.
pub fn records(bytes: &[u8]) -> impl Iterator<Item = Record<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let record = record_at(bytes, at)?;
        at += HEAD + record.data.len();
        Some(record)
    })
}

/// The first record of a kind inside a container.
pub fn find(bytes: &[u8], kind: u16) -> Option<Record<'_>> {
    records(bytes).find(|record| record.kind == kind)
}
