//! What do the cells of an OpenDocument workbook show?

use std::ops::Range;

use intramuros_core::document::{BlockKind, ExtractError, Place};

use super::flow::{Element, Flow};
use crate::office::blocks::flatten;
use crate::office::sheet::{Grid, column_name};
use crate::office::xml::{Node, Tag, Xml};

/// Rows that one row with text may stand for. Programs repeat rows to colour them, people don't to be found.
const REPEATED_ROWS: u32 = 100;

/// Columns that one cell with text may stand for, for the same reason.
const REPEATED_COLUMNS: u32 = 100;

/// A text and the columns in which it stands.
type Repeated = (Range<u32>, String);

/// A remark and the cell that bears it.
type Remark = (u32, u32, String);

impl Flow<'_, '_> {
    /// Reads the sheets of the workbook that has just opened.
    ///
    /// # Errors
    /// When the XML is broken or over a limit.
    pub fn read_sheets(&mut self, xml: &mut Xml<'_>) -> Result<u32, ExtractError> {
        let depth = xml.depth();
        let mut sheets = 0;
        while let Some(node) = xml.next_in(depth)? {
            let Node::Open(tag) = node else { continue };
            if tag.local() != "table" {
                xml.skip()?;
                continue;
            }
            sheets += 1;
            let name = tag.attribute("name").unwrap_or_default().into_owned();
            self.read_sheet(&name, xml)?;
        }
        Ok(sheets)
    }

    fn read_sheet(&mut self, name: &str, xml: &mut Xml<'_>) -> Result<(), ExtractError> {
        let depth = xml.depth();
        let mut grid = Grid::new(name, self.blocks.budget());
        let (mut row, mut remarks, mut shapes) = (1u32, Vec::new(), Vec::new());
        while let Some(node) = xml.next_in(depth)? {
            let Node::Open(tag) = node else { continue };
            match tag.local() {
                "table-row" => {
                    let repeated = count(tag, "number-rows-repeated");
                    let cells = self.read_cells(xml, row, &mut remarks)?;
                    for offset in 0..repeated.min(REPEATED_ROWS) {
                        put_row(&mut grid, row.saturating_add(offset), &cells)?;
                    }
                    row = row.saturating_add(repeated);
                }
                "shapes" => {
                    let from = self.blocks.list.len();
                    self.read_blocks(xml)?;
                    shapes = self.blocks.take_from(from);
                }
                "title" | "desc" | "table-source" | "forms" | "named-expressions" => xml.skip()?,
                _ => {}
            }
        }
        grid.push(&mut self.blocks)?;
        let place = |line| Place { line, section: Some(name.to_owned()), ..Place::default() };
        for (row, column, text) in remarks {
            let text = format!("{}{row} {text}", column_name(column));
            self.blocks.push(BlockKind::Comment, &text, place(Some(row)))?;
        }
        for mut shape in shapes {
            shape.place = place(None);
            self.blocks.list.push(shape);
        }
        Ok(())
    }

    fn read_cells(
        &mut self,
        xml: &mut Xml<'_>,
        row: u32,
        remarks: &mut Vec<Remark>,
    ) -> Result<Vec<Repeated>, ExtractError> {
        let depth = xml.depth();
        let (mut cells, mut column) = (Vec::new(), 0u32);
        while let Some(node) = xml.next_in(depth)? {
            let Node::Open(tag) = node else { continue };
            if !matches!(tag.local(), "table-cell" | "covered-table-cell") {
                continue;
            }
            let repeated = count(tag, "number-columns-repeated");
            let date = tag.attribute("date-value").map(|date| iso_date(&date));
            let shown = self.read_sheet_cell(xml, (row, column), remarks)?;
            let text = date.unwrap_or(shown);
            if !text.trim().is_empty() {
                cells.push((column..column.saturating_add(repeated.min(REPEATED_COLUMNS)), text));
            }
            column = column.saturating_add(repeated);
        }
        Ok(cells)
    }

    /// The text of a cell; its remark goes to `remarks`.
    fn read_sheet_cell(
        &mut self,
        xml: &mut Xml<'_>,
        (row, column): (u32, u32),
        remarks: &mut Vec<Remark>,
    ) -> Result<String, ExtractError> {
        let depth = xml.depth();
        let from = self.blocks.list.len();
        while let Some(node) = xml.next_in(depth)? {
            let Node::Open(tag) = node else { continue };
            if tag.local() == "annotation" {
                let (author, text) = self.annotation(xml)?;
                let text = if author.is_empty() { text } else { format!("{author}: {text}") };
                if !text.is_empty() {
                    remarks.push((row, column, text));
                }
            } else {
                self.enter(Element::of(tag), xml)?;
            }
        }
        Ok(flatten(&self.blocks.take_from(from)))
    }
}

fn put_row(grid: &mut Grid<'_>, row: u32, cells: &[Repeated]) -> Result<(), ExtractError> {
    for (columns, text) in cells {
        for column in columns.clone() {
            grid.put(row, column, text)?;
        }
    }
    Ok(())
}

fn count(tag: Tag<'_>, name: &str) -> u32 {
    tag.attribute(name).and_then(|count| count.parse().ok()).unwrap_or(1).max(1)
}

/// `2020-01-31T00:00:00` is a day; other times keep their minutes, and their seconds where they have some.
fn iso_date(value: &str) -> String {
    let Some((day, time)) = value.split_once('T') else { return value.to_owned() };
    let time = time.split('.').next().unwrap_or_default();
    match time.strip_suffix(":00") {
        Some("00:00") => day.to_owned(),
        Some(short) => format!("{day} {short}"),
        None => format!("{day} {time}"),
    }
}
