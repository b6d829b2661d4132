//! Which records follow one another in an old workbook (BIFF8)?

use crate::office::bytes::u16_at;

pub const FORMULA: u16 = 0x06;
pub const END: u16 = 0x0a;
pub const NOTE: u16 = 0x1c;
pub const DATE_MODE: u16 = 0x22;
pub const FILE_PASS: u16 = 0x2f;
pub const CONTINUE: u16 = 0x3c;
pub const CODE_PAGE: u16 = 0x42;
pub const OBJECT: u16 = 0x5d;
pub const SHEET: u16 = 0x85;
pub const RK_ROW: u16 = 0xbd;
pub const RICH_TEXT: u16 = 0xd6;
pub const CELL_FORMAT: u16 = 0xe0;
pub const TEXTS: u16 = 0xfc;
pub const SHARED_TEXT: u16 = 0xfd;
pub const OBJECT_TEXT: u16 = 0x1b6;
pub const NUMBER: u16 = 0x203;
pub const TEXT: u16 = 0x204;
pub const BOOLEAN: u16 = 0x205;
pub const FORMULA_TEXT: u16 = 0x207;
pub const RK: u16 = 0x27e;
pub const FORMAT: u16 = 0x41e;
pub const BEGIN: u16 = 0x809;

/// A record: its kind and its data.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    /// What it is.
    pub kind: u16,
    /// What it holds.
    pub data: &'a [u8],
}

impl Record<'_> {
    /// Bytes that it takes: kind, size and data.
    pub fn size(&self) -> usize {
        4 + self.data.len()
    }
}

/// The records from a place on; a damaged one ends them.
pub fn records(stream: &[u8], from: usize) -> impl Iterator<Item = Record<'_>> {
    let mut at = from;
    std::iter::from_fn(move || {
        let kind = u16_at(stream, at)?;
        let size = usize::from(u16_at(stream, at + 2)?);
        let data = stream.get(at + 4..)?.get(..size)?;
        at += 4 + size;
        Some(Record { kind, data })
    })
}
