//! Where do the sheets of a binary workbook (XLSB) stand, and what do its remarks say?
//!
//! Its parts are lists of records instead of XML: the kind and the size of each are written seven bits a byte.

use crate::office::bytes::{u32_at, utf16};
use crate::office::sheet::column_name;

const SHEET: u32 = 156;
const AUTHOR: u32 = 632;
const REMARK: u32 = 635;
const REMARK_TEXT: u32 = 637;

/// The remarks of a sheet.
#[derive(Default)]
pub struct Remarks {
    /// Who wrote them. Thousands of remarks may name one long author, so that it is kept once.
    pub authors: Vec<String>,
    /// What they say.
    pub list: Vec<Remark>,
}

/// A remark: its cell, who wrote it, what it says.
pub struct Remark {
    /// As people name it: `B12`.
    pub cell: String,
    /// Its author by number.
    pub author: usize,
    /// What it says.
    pub text: String,
}

/// The sheets that the main part lists: the name of each, and the relationship that leads to its part.
pub fn sheets(main: &[u8]) -> Vec<(String, String)> {
    let sheets = records(main).filter(|(kind, _)| *kind == SHEET);
    sheets
        .filter_map(|(_, data)| {
            let (relation, end) = text(data, 8)?;
            Some((text(data, end)?.0, relation))
        })
        .collect()
}

/// The remarks in the part of a sheet's remarks.
pub fn remarks(part: &[u8]) -> Remarks {
    let mut remarks = Remarks::default();
    for (kind, data) in records(part) {
        match kind {
            AUTHOR => remarks.authors.push(text(data, 0).map(|(name, _)| name).unwrap_or_default()),
            REMARK => remarks.list.extend(head(data)),
            // One byte says what follows the text: formats, sounds.
            REMARK_TEXT => {
                if let (Some(remark), Some((text, _))) = (remarks.list.last_mut(), text(data, 1)) {
                    remark.text = text;
                }
            }
            _ => {}
        }
    }
    remarks
}

/// A remark whose text follows: the number of its author, then the rows and columns of its cell.
fn head(data: &[u8]) -> Option<Remark> {
    let (author, row, column) = (u32_at(data, 0)?, u32_at(data, 4)?, u32_at(data, 12)?);
    let cell = format!("{}{}", column_name(column), row.saturating_add(1));
    Some(Remark { cell, author: author as usize, text: String::new() })
}

/// A text with its length in front, and where it ends.
fn text(data: &[u8], at: usize) -> Option<(String, usize)> {
    let start = at.checked_add(4)?;
    let end = (u32_at(data, at)? as usize).checked_mul(2)?.checked_add(start)?;
    Some((utf16(data.get(start..end)?), end))
}

/// The records of a part, as kind and data; a damaged one ends them.
fn records(bytes: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let kind = number(&mut rest, 2)?;
        let size = number(&mut rest, 4)?;
        let (data, after) = rest.split_at_checked(size as usize)?;
        rest = after;
        Some((kind, data))
    })
}

/// A number of at most so many bytes: seven bits each, and one that says whether it goes on.
fn number(rest: &mut &[u8], most: u32) -> Option<u32> {
    let mut value = 0;
    for index in 0..most {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u32::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some(value)
}
