//! What do the cells of this sheet show?

use std::borrow::Cow;

use intramuros_core::document::ExtractError;

use super::styles::Styles;
use crate::Budget;
use crate::office::numbers;
use crate::office::sheet::Grid;
use crate::office::xml::{Node, Tag, Xml};

/// Rows and columns of the largest sheet that the format allows.
const ROWS: u32 = 1_048_576;
const COLUMNS: u32 = 16_384;

/// What the sheets of a workbook share.
pub struct Book {
    /// Texts by index.
    pub strings: Vec<String>,
    /// Formats of numbers.
    pub styles: Styles,
    /// Whether dates count from 1904.
    pub from_1904: bool,
}

/// Reads the texts that cells name by index.
///
/// # Errors
/// When the XML is broken or over a limit.
pub fn read_strings(mut xml: Xml<'_>) -> Result<Vec<String>, ExtractError> {
    let mut strings = Vec::new();
    while let Some(node) = xml.next()? {
        if matches!(node, Node::Open(tag) if tag.local() == "si") {
            strings.push(unescape(&read_rich_text(&mut xml)?));
        }
    }
    Ok(strings)
}

/// Text in pieces; how it is pronounced is left out.
fn read_rich_text(xml: &mut Xml<'_>) -> Result<String, ExtractError> {
    let depth = xml.depth();
    let mut text = String::new();
    while let Some(node) = xml.next_in(depth)? {
        let Node::Open(tag) = node else { continue };
        match tag.local() {
            "t" => text.push_str(&xml.text()?),
            "rPh" | "rPr" => xml.skip()?,
            _ => {}
        }
    }
    Ok(text)
}

/// A cell's place, kind and style.
struct Head {
    row: u32,
    column: u32,
    kind: Kind,
    style: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Shared,
    Boolean,
    Text,
}

impl Book {
    /// Reads a sheet.
    ///
    /// # Errors
    /// When the XML is broken or over a limit.
    pub fn read_sheet<'b>(
        &self,
        name: &str,
        mut xml: Xml<'_>,
        budget: &Budget<'b>,
    ) -> Result<Grid<'b>, ExtractError> {
        let mut grid = Grid::new(name, budget);
        let (mut row, mut column) = (0, 0);
        while let Some(node) = xml.next()? {
            let Node::Open(tag) = node else { continue };
            match tag.local() {
                "row" => {
                    let declared = tag.attribute("r").and_then(|row| row.parse().ok());
                    row = declared.filter(|next| (row + 1..=ROWS).contains(next)).unwrap_or(row + 1);
                    column = 0;
                }
                "c" => {
                    let head = read_head(tag, row, column);
                    column = head.column + 1;
                    let text = self.read_cell(&mut xml, &head)?;
                    grid.put(head.row, head.column, &text)?;
                }
                "autoFilter" => {
                    grid.header_rows.extend(tag.attribute("ref").and_then(|range| first_row(&range)))
                }
                _ => {}
            }
        }
        Ok(grid)
    }

    fn read_cell(&self, xml: &mut Xml<'_>, head: &Head) -> Result<Cow<'_, str>, ExtractError> {
        let depth = xml.depth();
        let mut text = Cow::Borrowed("");
        while let Some(node) = xml.next_in(depth)? {
            let Node::Open(tag) = node else { continue };
            match tag.local() {
                "v" => text = self.show(&xml.text()?, head),
                "is" => text = Cow::Owned(read_rich_text(xml)?),
                // The formula; its cached value follows.
                "f" => xml.skip()?,
                _ => {}
            }
        }
        Ok(text)
    }

    /// What a cell shows. A shared text is not copied: thousands of cells may name it.
    fn show(&self, value: &str, head: &Head) -> Cow<'_, str> {
        let value = value.trim();
        match head.kind {
            Kind::Text => Cow::Owned(unescape(value)),
            Kind::Boolean => Cow::Borrowed(if value == "1" { "TRUE" } else { "FALSE" }),
            Kind::Shared => {
                let text = value.parse().ok().and_then(|index: usize| self.strings.get(index));
                Cow::Borrowed(text.map_or("", String::as_str))
            }
            Kind::Number => Cow::Owned(match value.parse() {
                Ok(number) => numbers::show(number, self.styles.format(head.style), self.from_1904),
                Err(_) => value.to_owned(),
            }),
        }
    }
}

fn read_head(tag: Tag<'_>, row: u32, column: u32) -> Head {
    let place = tag.attribute("r").and_then(|reference| parse_reference(&reference));
    // A cell stands in the row that holds it, whatever it says.
    let column = place.map_or(column, |(column, _)| column).min(COLUMNS);
    let kind = match tag.attribute("t").as_deref() {
        Some("s") => Kind::Shared,
        Some("b") => Kind::Boolean,
        Some("str" | "inlineStr" | "e" | "d") => Kind::Text,
        _ => Kind::Number,
    };
    let style = tag.attribute("s").and_then(|style| style.parse().ok()).unwrap_or_default();
    Head { row: row.max(1), column, kind, style }
}

/// Column from 0 and row from 1 of a reference such as `B12`.
fn parse_reference(reference: &str) -> Option<(u32, u32)> {
    let letters = reference.bytes().take_while(u8::is_ascii_alphabetic).count();
    let mut column: u32 = 0;
    for letter in reference.get(..letters)?.bytes().take(4) {
        column = column * 26 + u32::from(letter.to_ascii_uppercase() - b'A') + 1;
    }
    let row = reference.get(letters..)?.parse().ok()?;
    let column = column.checked_sub(1)?;
    (column < COLUMNS && (1..=ROWS).contains(&row)).then_some((column, row))
}

/// The first row of a range such as `A1:C5`.
pub fn first_row(range: &str) -> Option<u32> {
    let first = range.split(':').next()?.replace('$', "");
    parse_reference(&first).map(|(_, row)| row)
}

/// Characters that XML can't hold are written as `_x000D_`.
fn unescape(text: &str) -> String {
    if !text.contains("_x") {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("_x") {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let code = from.get(2..6).filter(|_| from.get(6..7) == Some("_"));
        match code.and_then(|code| u32::from_str_radix(code, 16).ok()).and_then(char::from_u32) {
            Some(character) => {
                out.push(character);
                rest = from.get(7..).unwrap_or_default();
            }
            None => {
                out.push_str("_x");
                rest = from.get(2..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
    out
}
