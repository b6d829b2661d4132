//! Which tables does the grid of cells of a sheet hold, and which of its rows name the columns?

use std::collections::BTreeSet;

use intramuros_core::document::{BlockKind, CELL_SEPARATOR, ExtractError, Place};

use super::blocks::{Blocks, are_names, clean};
use crate::Budget;

/// Cells that are kept of one sheet. 2 million: a sheet of 100,000 rows and 20 columns; each takes some 50 bytes.
const CELLS: usize = 2_000_000;

/// Bytes of text as it stands in the file for each byte that may be kept of it. 4: white space is left out, and a text
/// of nothing else that many cells name would be cleaned for each without being counted.
const UNCLEANED: u64 = 4;

/// A row: its number, and those of its cells that hold something, each with its column.
type Cells = (u32, Vec<(u32, String)>);

/// The cells of a sheet that hold something.
pub struct Grid<'a> {
    budget: Budget<'a>,
    /// The name on the sheet's tab.
    pub name: String,
    /// Rows that the file says name the columns, counted from 1.
    pub header_rows: BTreeSet<u32>,
    rows: Vec<Cells>,
    cells: usize,
    /// Bytes of text in the cells, and of all that was put here, before it was cleaned.
    kept: u64,
    uncleaned: u64,
}

impl<'a> Grid<'a> {
    /// An empty sheet, whose text is held against this budget.
    pub fn new(name: &str, budget: &Budget<'a>) -> Grid<'a> {
        Grid {
            budget: *budget,
            name: name.to_owned(),
            header_rows: BTreeSet::new(),
            rows: Vec::new(),
            cells: 0,
            kept: 0,
            uncleaned: 0,
        }
    }

    /// Puts a cell; `row` counts from 1, `column` from 0. Blank cells are left out. The text is copied once the sheet may
    /// hold it: thousands of cells may name one text.
    ///
    /// # Errors
    /// When there are too many, or too much text.
    pub fn put(&mut self, row: u32, column: u32, text: &str) -> Result<(), ExtractError> {
        self.uncleaned = self.uncleaned.saturating_add(text.len() as u64);
        self.budget.hold_text(self.uncleaned / UNCLEANED)?;
        let text = clean(text);
        if text.is_empty() {
            return Ok(());
        }
        self.kept = self.kept.saturating_add(text.len() as u64);
        self.budget.hold_text(self.kept)?;
        self.cells += 1;
        if self.cells > CELLS {
            return Err(ExtractError::Limit(format!("more than {CELLS} cells in one sheet")));
        }
        match self.rows.last_mut() {
            Some((last, cells)) if *last == row => cells.push((column, text)),
            _ => self.rows.push((row, vec![(column, text)])),
        }
        Ok(())
    }

    /// Adds the sheet to `blocks`: its name as a heading, then its groups of rows, which empty rows divide. Single
    /// cells above a table and groups of single cells are paragraphs, the rest are rows of tables. A table goes on
    /// over a gap unless the next group begins with column names. Columns that hold nothing are left out.
    ///
    /// # Errors
    /// When there is too much text.
    pub fn push(self, blocks: &mut Blocks<'_>) -> Result<(), ExtractError> {
        let Grid { name, header_rows, rows, .. } = self;
        if rows.is_empty() {
            return Ok(());
        }
        let rows = in_order(rows);
        let place = |line: Option<u32>| Place { line, section: Some(name.clone()), ..Place::default() };
        blocks.push(BlockKind::Heading { level: 1 }, &name, place(None))?;
        let one_column = rows.iter().all(|(_, cells)| cells.len() == 1);
        let mut table: Vec<Cells> = Vec::new();
        let (mut above, mut rows) = (None, rows.into_iter().peekable());
        while let Some((number, cells)) = rows.next() {
            let gap_before = above.is_none_or(|above: u32| number > above.saturating_add(1));
            let gap_after = rows.peek().is_none_or(|(next, _)| *next > number.saturating_add(1));
            above = Some(number);
            let declared = header_rows.contains(&number);
            let single = cells.len() == 1 && !one_column && !declared;
            // A single cell is a caption above a table, or a remark that stands by itself.
            if single && (table.is_empty() || (gap_before && gap_after)) {
                push_table(&mut table, &header_rows, &place, blocks)?;
                let text: String = cells.into_iter().map(|cell| cell.1).collect();
                blocks.push(BlockKind::Paragraph, &text, place(Some(number)))?;
                continue;
            }
            // A row below a gap begins another table when it holds several names and nothing else.
            if declared || (gap_before && are_names(&texts(&cells), cells.len())) {
                push_table(&mut table, &header_rows, &place, blocks)?;
            }
            table.push((number, cells));
        }
        push_table(&mut table, &header_rows, &place, blocks)
    }
}

/// The rows from above to below, each once. Nearly all programs write them so; some write column by column.
fn in_order(mut rows: Vec<Cells>) -> Vec<Cells> {
    if !rows.is_sorted_by(|above, below| above.0 < below.0) {
        rows.sort_by_key(|row| row.0);
        rows.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                kept.1.append(&mut later.1);
            }
            same
        });
    }
    rows
}

/// Adds a table row by row, so that a row costs what it holds and its text is counted before the next is made.
fn push_table(
    table: &mut Vec<Cells>,
    headers: &BTreeSet<u32>,
    place: &impl Fn(Option<u32>) -> Place,
    blocks: &mut Blocks<'_>,
) -> Result<(), ExtractError> {
    let mut rows = std::mem::take(table);
    let columns: BTreeSet<u32> = rows.iter().flat_map(|(_, cells)| cells.iter().map(|cell| cell.0)).collect();
    let columns: Vec<u32> = columns.into_iter().collect();
    for (_, cells) in &mut rows {
        put_in_order(cells);
    }
    let declared = rows.iter().any(|(number, _)| headers.contains(number));
    let guessed = !declared && first_names_columns(&rows, &columns);
    let table = blocks.start_table();
    for (index, (number, cells)) in rows.into_iter().enumerate() {
        let header = headers.contains(&number) || (guessed && index == 0);
        blocks.push_row(table, header, join(&cells, &columns), place(Some(number)))?;
    }
    Ok(())
}

/// The cells from left to right, each place once and on one line.
fn put_in_order(cells: &mut Vec<(u32, String)>) {
    cells.sort_by_key(|cell| cell.0);
    // Of two texts in one place the later one holds.
    cells.dedup_by(|later, kept| {
        let same = later.0 == kept.0;
        if same {
            std::mem::swap(&mut later.1, &mut kept.1);
        }
        same
    });
    for (_, text) in cells.iter_mut().filter(|cell| cell.1.contains('\n')) {
        *text = text.replace('\n', " ");
    }
}

fn texts(cells: &[(u32, String)]) -> Vec<&str> {
    cells.iter().map(|cell| cell.1.as_str()).collect()
}

/// How many of the columns stand to the left of this one.
fn place_of(column: u32, columns: &[u32]) -> usize {
    columns.partition_point(|other| *other < column)
}

fn first_names_columns(rows: &[Cells], columns: &[u32]) -> bool {
    let [first, second, ..] = rows else { return false };
    let width = |row: &Cells| row.1.last().map_or(0, |cell| place_of(cell.0, columns) + 1);
    let widest = rows.iter().map(width).max().unwrap_or_default();
    width(first) >= width(second) && are_names(&texts(&first.1), widest)
}

/// The cells as one row, each in its column; empty cells at its end are left out.
fn join(cells: &[(u32, String)], columns: &[u32]) -> String {
    let (mut text, mut at) = (String::new(), 0);
    for (column, cell) in cells {
        let place = place_of(*column, columns);
        text.push_str(&CELL_SEPARATOR.repeat(place - at));
        text.push_str(cell);
        at = place;
    }
    text
}

/// The letters of a column: A, B… Z, AA, AB…
pub fn column_name(mut column: u32) -> String {
    let mut name = String::new();
    loop {
        name.insert(0, char::from(b'A' + u8::try_from(column % 26).unwrap_or_default()));
        match column / 26 {
            0 => return name,
            more => column = more - 1,
        }
    }
}
