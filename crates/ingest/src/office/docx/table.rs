//! Which cells stand in which row of this table of a Word document?

use intramuros_core::document::ExtractError;

use super::body::Body;
use crate::office::blocks::{Row, flatten, on_page};
use crate::office::xml::{Node, Xml};

/// Columns that one cell may span. 63: as many as Word allows a table.
const SPAN: usize = 63;

impl Body<'_, '_> {
    /// Reads the table that has just opened.
    ///
    /// # Errors
    /// When the XML is broken or over a limit.
    pub fn read_table(&mut self, xml: &mut Xml<'_>) -> Result<(), ExtractError> {
        let depth = xml.depth();
        let (mut columns, mut named, mut rows, mut widest) = (0, true, Vec::new(), 0_usize);
        self.tables_open += 1;
        while let Some(node) = xml.next_in(depth)? {
            let Node::Open(tag) = node else { continue };
            match tag.local() {
                "tblLook" => named = first_row_is_special(tag.attribute("firstRow"), tag.attribute("val")),
                "gridCol" => columns += 1,
                // A table of one column is a frame around text.
                "tr" if columns == 1 => self.read_blocks(xml)?,
                "tr" => {
                    let row = self.read_row(xml)?;
                    widest = widest.max(row.as_ref().map_or(0, |row| row.cells.len()));
                    rows.extend(row.filter(|row| !row.is_empty()));
                }
                "del" | "moveFrom" | "sdtPr" => xml.skip()?,
                _ => {}
            }
        }
        self.tables_open -= 1;
        self.blocks.push_table(rows, named && widest > 1)?;
        if self.tables_open == 0 {
            self.flush_notes();
        }
        Ok(())
    }

    fn read_row(&mut self, xml: &mut Xml<'_>) -> Result<Option<Row>, ExtractError> {
        let depth = xml.depth();
        let mut row = Row { place: on_page(self.page()), ..Row::default() };
        let mut deleted = false;
        while let Some(node) = xml.next_in(depth)? {
            let Node::Open(tag) = node else { continue };
            match tag.local() {
                "tblHeader" => row.header = tag.switched_on(),
                "gridBefore" => {
                    let count: usize =
                        tag.attribute("val").and_then(|count| count.parse().ok()).unwrap_or_default();
                    self.put_empty(&mut row, count.min(SPAN))?;
                }
                // A row that a tracked change deleted.
                "del" => deleted = true,
                "tc" => self.read_cell(xml, &mut row)?,
                "tblPrEx" | "sdtPr" => xml.skip()?,
                _ => {}
            }
        }
        Ok((!deleted).then_some(row))
    }

    fn read_cell(&mut self, xml: &mut Xml<'_>, row: &mut Row) -> Result<(), ExtractError> {
        let depth = xml.depth();
        let from = self.blocks.list.len();
        let (mut span, mut continues) = (1, false);
        while let Some(node) = xml.next_in(depth)? {
            let Node::Open(tag) = node else { continue };
            match tag.local() {
                "gridSpan" => span = tag.attribute("val").and_then(|span| span.parse().ok()).unwrap_or(1),
                "vMerge" | "hMerge" => continues = tag.attribute("val").is_none_or(|val| val == "continue"),
                "p" => self.read_paragraph(xml)?,
                "tbl" => {
                    let inner = self.blocks.list.len();
                    self.read_table(xml)?;
                    row.nested.extend(self.blocks.take_from(inner));
                }
                "tcBorders" | "tcMar" | "del" | "moveFrom" | "sdtPr" => xml.skip()?,
                _ => {}
            }
        }
        let text = flatten(&self.blocks.take_from(from));
        self.blocks.count_cells(1)?;
        row.cells.push(if continues { String::new() } else { text });
        self.put_empty(row, span.clamp(1, SPAN) - 1)
    }

    fn put_empty(&mut self, row: &mut Row, count: usize) -> Result<(), ExtractError> {
        self.blocks.count_cells(count)?;
        row.cells.extend(std::iter::repeat_n(String::new(), count));
        Ok(())
    }
}

/// Whether the table's look sets its first row apart: an attribute of its own or a bit of the old mask.
fn first_row_is_special(
    first: Option<std::borrow::Cow<'_, str>>,
    mask: Option<std::borrow::Cow<'_, str>>,
) -> bool {
    match (first, mask) {
        (Some(first), _) => first == "1" || first == "true",
        (None, Some(mask)) => u32::from_str_radix(&mask, 16).is_ok_and(|mask| mask & 0x20 != 0),
        (None, None) => true,
    }
}
