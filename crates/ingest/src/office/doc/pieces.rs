//! In which pieces does the text of a DOC file stand, and in which encoding?

use std::ops::Range;

use encoding_rs::WINDOWS_1252;
use intramuros_core::document::ExtractError;

use super::header::{Header, Table};
use crate::office::bytes::{u16_at, u32_at};

/// Marks a piece of one byte a character; its position is then doubled.
const ONE_BYTE: u32 = 0x4000_0000;

/// A run of characters that stand together in the main stream.
struct Piece {
    /// First character, by number.
    start: usize,
    units: usize,
    /// First byte in the main stream.
    at: usize,
    width: usize,
}

/// The characters of a document by their numbers, all stories after one another.
pub struct Text {
    units: Vec<u16>,
    pieces: Vec<Piece>,
}

impl Text {
    /// Puts the pieces together.
    ///
    /// # Errors
    /// Corrupt when the table of pieces is missing or points out of the file.
    pub fn read(header: &Header, main: &[u8], tables: &[u8]) -> Result<Text, ExtractError> {
        let damaged = || ExtractError::Corrupt("the table of text pieces is damaged".to_owned());
        let list = tables.get(header.table(Table::Pieces)).and_then(piece_list).ok_or_else(damaged)?;
        let count = list.len().saturating_sub(4) / 12;
        let mut text = Text { units: Vec::new(), pieces: Vec::new() };
        for index in 0..count {
            let start = u32_at(list, 4 * index).ok_or_else(damaged)?;
            let end = u32_at(list, 4 * index + 4).ok_or_else(damaged)?;
            let position = u32_at(list, 4 * (count + 1) + 8 * index + 2).ok_or_else(damaged)?;
            let units =
                usize::try_from(end.checked_sub(start).ok_or_else(damaged)?).map_err(|_| damaged())?;
            // Each character takes a byte of its own: more would be a file that repeats itself without end.
            if text.units.len() + units > main.len() || text.units.len() != start as usize {
                return Err(damaged());
            }
            let one_byte = position & ONE_BYTE != 0;
            let width = if one_byte { 1 } else { 2 };
            let at = (position & !ONE_BYTE) as usize / if one_byte { 2 } else { 1 };
            let bytes = main.get(at..).and_then(|rest| rest.get(..units * width)).ok_or_else(damaged)?;
            text.pieces.push(Piece { start: text.units.len(), units, at, width });
            if one_byte {
                let decoded = WINDOWS_1252.decode_without_bom_handling(bytes).0;
                text.units.extend(decoded.encode_utf16());
                // The encoding has one character a byte; nothing else may shift the numbers.
                text.units.resize(text.units.len().min(start as usize + units), 0);
            } else {
                text.units.extend(bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])));
            }
        }
        Ok(text)
    }

    /// The characters of a range, cut to what there is.
    pub fn slice(&self, range: Range<usize>) -> &[u16] {
        let end = range.end.min(self.units.len());
        self.units.get(range.start.min(end)..end).unwrap_or_default()
    }

    /// Where the character stands in the main stream.
    pub fn byte_of(&self, character: usize) -> Option<usize> {
        let index = self.pieces.partition_point(|piece| piece.start <= character).checked_sub(1)?;
        let piece = self.pieces.get(index)?;
        let offset = character - piece.start;
        (offset < piece.units).then_some(piece.at + offset * piece.width)
    }
}

/// The text of a document of Word 6 or 95 that stands in pieces of one byte a character.
pub fn old_text(main: &[u8], table: &[u8]) -> Option<Vec<u8>> {
    let list = piece_list(table)?;
    let count = list.len().saturating_sub(4) / 12;
    let mut text = Vec::new();
    for index in 0..count {
        let (start, end) = (u32_at(list, 4 * index)?, u32_at(list, 4 * index + 4)?);
        let position = u32_at(list, 4 * (count + 1) + 8 * index + 2)?;
        let size = usize::try_from(end.checked_sub(start)?).ok()?;
        let piece = main.get(usize::try_from(position).ok()?..)?.get(..size)?;
        // Each character takes a byte of its own: more would be a file that repeats itself without end.
        if text.len() + size > main.len() {
            return None;
        }
        text.extend_from_slice(piece);
    }
    Some(text)
}

/// The list of pieces, behind the formats that changes left.
fn piece_list(table: &[u8]) -> Option<&[u8]> {
    let mut at = 0;
    loop {
        match table.get(at)? {
            1 => at += 3 + usize::from(u16_at(table, at + 1)?),
            2 => {
                let size = usize::try_from(u32_at(table, at + 1)?).ok()?;
                return table.get(at + 5..)?.get(..size);
            }
            _ => return None,
        }
    }
}
