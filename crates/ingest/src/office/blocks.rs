//! How does raw text from an office file become blocks that keep every promise of [`Block`]?

use std::collections::HashSet;

use intramuros_core::document::{Block, BlockKind, CELL_SEPARATOR, ExtractError, Extracted, Kind, Place};

use crate::Budget;
use crate::text::writer::{is_invisible, to_nfc};

/// A header cell is a name, not a sentence: longer first rows are data.
const HEADER_CELL_CHARS: usize = 60;

/// Cells of tables that are kept of one document of text. A million: far more than people put into one. A cell that spans
/// others and a chart make many out of a few bytes, and a row takes some 300 bytes until its table ends.
const CELLS: usize = 1_000_000;

/// Blocks as they are read, counted against the budget.
pub struct Blocks<'a> {
    budget: Budget<'a>,
    /// What was read so far, in reading order.
    pub list: Vec<Block>,
    tables: u32,
    /// Cells of tables that were gathered so far.
    cells: usize,
}

/// A row of a table as it is read.
#[derive(Default)]
pub struct Row {
    /// Its cells; a merged cell's text stands in its first place, the others are empty.
    pub cells: Vec<String>,
    /// Whether the file says that this row holds the column names.
    pub header: bool,
    /// Where it stands.
    pub place: Place,
    /// What stands in its cells but is no text of a cell: nested tables, notes. It follows the row.
    pub nested: Vec<Block>,
}

impl Row {
    /// Whether nothing stands in it.
    pub fn is_empty(&self) -> bool {
        self.nested.is_empty() && self.cells.iter().all(String::is_empty)
    }
}

impl<'a> Blocks<'a> {
    /// No blocks yet.
    pub fn new(budget: &Budget<'a>) -> Blocks<'a> {
        Blocks { budget: *budget, list: Vec::new(), tables: 0, cells: 0 }
    }

    /// What the blocks are counted against.
    pub fn budget(&self) -> &Budget<'a> {
        &self.budget
    }

    /// Counts cells of a table, before they are made.
    ///
    /// # Errors
    /// When there are too many in this document.
    pub fn count_cells(&mut self, count: usize) -> Result<(), ExtractError> {
        self.cells = self.cells.saturating_add(count);
        if self.cells > CELLS {
            return Err(ExtractError::Limit(format!("more than {CELLS} cells in tables")));
        }
        Ok(())
    }

    /// Adds a block unless its text is empty once cleaned.
    ///
    /// # Errors
    /// When there is too much text.
    pub fn push(&mut self, kind: BlockKind, text: &str, place: Place) -> Result<(), ExtractError> {
        let block = self.counted(kind, text, place)?;
        self.list.extend(block);
        Ok(())
    }

    /// A block that is counted now and put into the list later; none when its text is empty once cleaned.
    ///
    /// # Errors
    /// When there is too much text.
    pub fn counted(&self, kind: BlockKind, text: &str, place: Place) -> Result<Option<Block>, ExtractError> {
        let text = match kind {
            BlockKind::Heading { .. } | BlockKind::TableRow { .. } => clean_line(text),
            _ => clean(text),
        };
        if text.is_empty() {
            return Ok(None);
        }
        self.budget.count_text(text.len())?;
        Ok(Some(Block { kind, text, place }))
    }

    /// Adds a table; `guess_header` lets its first row be taken for the column names when it looks like it.
    ///
    /// # Errors
    /// When there is too much text.
    pub fn push_table(&mut self, mut rows: Vec<Row>, guess_header: bool) -> Result<(), ExtractError> {
        for cell in rows.iter_mut().flat_map(|row| &mut row.cells) {
            *cell = clean_line(cell);
        }
        rows.retain(|row| !row.is_empty());
        if guess_header
            && !rows.iter().any(|row| row.header)
            && looks_like_header(&rows)
            && let Some(first) = rows.first_mut()
        {
            first.header = true;
        }
        let mut table = self.start_table();
        for row in rows {
            self.push_row(table, row.header, join_cells(&row.cells), row.place)?;
            if !row.nested.is_empty() {
                self.list.extend(row.nested);
                // Rows of one table follow one another: what comes after a nested table is another table.
                table = self.start_table();
            }
        }
        Ok(())
    }

    /// Adds a row of the table of this number: its cells, cleaned and joined.
    ///
    /// # Errors
    /// When there is too much text.
    pub fn push_row(
        &mut self,
        table: u32,
        header: bool,
        text: String,
        place: Place,
    ) -> Result<(), ExtractError> {
        if !text.is_empty() {
            self.budget.count_text(text.len())?;
            self.list.push(Block { kind: BlockKind::TableRow { table, header }, text, place });
        }
        Ok(())
    }

    /// The number of a table that starts here.
    pub fn start_table(&mut self) -> u32 {
        let number = self.tables;
        self.tables += 1;
        number
    }

    /// Takes the blocks that were added since there were `from`.
    pub fn take_from(&mut self, from: usize) -> Vec<Block> {
        self.list.split_off(from.min(self.list.len()))
    }

    /// The end of reading: the blocks go into `extracted`.
    ///
    /// # Errors
    /// Empty when there is no text, no part and no picture.
    pub fn finish(self, kind: Kind, mut extracted: Extracted) -> Result<Extracted, ExtractError> {
        extracted.kind = Some(kind);
        extracted.blocks = renumbered(self.list);
        if extracted.blocks.is_empty() && extracted.parts.is_empty() && extracted.pictures.is_empty() {
            return Err(ExtractError::Empty("the file is sound and holds no text".to_owned()));
        }
        // The first heading of a workbook is the name of a sheet, which is no title.
        if extracted.title.is_none() && kind != Kind::Sheet {
            extracted.title = shown_title(&extracted.blocks);
        }
        Ok(extracted)
    }
}

/// Numbers tables in the order in which they stand: nested tables are read before the table that holds them.
fn renumbered(mut blocks: Vec<Block>) -> Vec<Block> {
    let mut last = None;
    let mut next = 0;
    for block in &mut blocks {
        match &mut block.kind {
            BlockKind::TableRow { table, .. } => {
                if last.is_some_and(|last| last != *table) {
                    next += 1;
                }
                last = Some(*table);
                *table = next;
            }
            _ => {
                next += u32::from(last.is_some());
                last = None;
            }
        }
    }
    blocks
}

/// The title that a document shows: its first heading, when that stands near the top.
fn shown_title(blocks: &[Block]) -> Option<String> {
    blocks
        .iter()
        .take(5)
        .find(|block| matches!(block.kind, BlockKind::Heading { .. }))
        .map(|block| block.text.clone())
}

/// Whether the first row names the columns: it does so by itself, above other rows that are no longer.
fn looks_like_header(rows: &[Row]) -> bool {
    let [first, second, ..] = rows else { return false };
    let cells: Vec<&str> = first.cells.iter().map(String::as_str).filter(|cell| !cell.is_empty()).collect();
    let width = rows.iter().map(|row| row.cells.len()).max().unwrap_or_default();
    first.cells.len() >= second.cells.len() && are_names(&cells, width)
}

/// Whether these cells, of which none is empty, name the columns of a table of this width: several short, distinct,
/// non-numeric ones.
pub fn are_names(cells: &[&str], width: usize) -> bool {
    let mut seen = HashSet::new();
    // The corner of a table with row names may be empty; more gaps make it a form or a caption.
    cells.len() >= 2
        && cells.len() + 1 >= width
        && cells.iter().all(|cell| is_name(cell) && seen.insert(*cell))
}

fn is_name(cell: &str) -> bool {
    cell.chars().any(char::is_alphabetic)
        && cell.chars().count() <= HEADER_CELL_CHARS
        && !cell.ends_with(':')
        && !cell.starts_with(|first: char| first.is_ascii_digit())
}

/// The cells as one row; empty cells at its end are left out.
pub fn join_cells(cells: &[String]) -> String {
    let used = cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
    cells.get(..used).unwrap_or_default().join(CELL_SEPARATOR)
}

/// The blocks of a cell as its text.
pub fn flatten(blocks: &[Block]) -> String {
    let mut text = String::new();
    for block in blocks {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&block.text);
    }
    text
}

/// Text as blocks keep it: NFC, single spaces, line breaks kept, no control or invisible characters.
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                trim_spaces(&mut out);
                if !out.is_empty() && !out.ends_with('\n') {
                    out.push('\n');
                }
            }
            ' ' | '\t' => {
                if !out.is_empty() && !out.ends_with([' ', '\n']) {
                    out.push(' ');
                }
            }
            // The private area of symbol fonts has no meaning without the font.
            '\u{f000}'..='\u{f0ff}' => {}
            other if other.is_control() || is_invisible(other) => {}
            other => out.push(other),
        }
    }
    out.truncate(out.trim_end().len());
    let start = out.len() - out.trim_start().len();
    out.drain(..start);
    to_nfc(out)
}

/// Text as headings and cells keep it: as [`clean`], line breaks become spaces.
pub fn clean_line(text: &str) -> String {
    let mut text = clean(text);
    if text.contains('\n') {
        text = text.replace('\n', " ");
    }
    text
}

fn trim_spaces(out: &mut String) {
    out.truncate(out.trim_end_matches(' ').len());
}

/// A place on a page.
pub fn on_page(page: Option<u32>) -> Place {
    Place { page, ..Place::default() }
}
