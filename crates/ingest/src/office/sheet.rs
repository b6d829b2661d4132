//! Which tables does the grid of cells of a sheet hold, and which of its rows name the columns?

use std::collections::BTreeSet;

use intramuros_core::document::{BlockKind, ExtractError, Place};

use super::blocks::{Blocks, Row, looks_like_header};

/// Cells that are kept of one sheet. 2 million: a sheet of 100,000 rows and 20 columns; each takes some 50 bytes.
const CELLS: usize = 2_000_000;

/// The cells of a sheet that hold something.
#[derive(Default)]
pub struct Grid {
    /// The name on the sheet's tab.
    pub name: String,
    /// Rows that the file says name the columns, counted from 1.
    pub header_rows: BTreeSet<u32>,
    rows: Vec<(u32, Vec<(u32, String)>)>,
    cells: usize,
}

impl Grid {
    /// An empty sheet.
    pub fn new(name: &str) -> Grid {
        Grid { name: name.to_owned(), ..Grid::default() }
    }

    /// Puts a cell; `row` counts from 1 and never falls, `column` counts from 0. Blank cells are left out.
    ///
    /// # Errors
    /// When there are too many.
    pub fn put(&mut self, row: u32, column: u32, text: String) -> Result<(), ExtractError> {
        if text.trim().is_empty() {
            return Ok(());
        }
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
        if self.rows.is_empty() {
            return Ok(());
        }
        let place = |line: Option<u32>| Place { line, section: Some(self.name.clone()), ..Place::default() };
        blocks.push(BlockKind::Heading { level: 1 }, &self.name, place(None))?;
        let one_column = self.rows.iter().all(|(_, cells)| cells.len() == 1);
        let mut table: Vec<(u32, Vec<(u32, String)>)> = Vec::new();
        let (mut above, mut rows) = (None, self.rows.into_iter().peekable());
        while let Some((number, cells)) = rows.next() {
            let gap_before = above.is_none_or(|above| number > above + 1);
            let gap_after = rows.peek().is_none_or(|(next, _)| *next > number + 1);
            above = Some(number);
            let declared = self.header_rows.contains(&number);
            let single = cells.len() == 1 && !one_column && !declared;
            // A single cell is a caption above a table, or a remark that stands by itself.
            if single && (table.is_empty() || (gap_before && gap_after)) {
                push_table(&mut table, &self.header_rows, &place, blocks)?;
                let text: String = cells.into_iter().map(|cell| cell.1).collect();
                blocks.push(BlockKind::Paragraph, &text, place(Some(number)))?;
                continue;
            }
            if declared || (gap_before && names_columns(&cells)) {
                push_table(&mut table, &self.header_rows, &place, blocks)?;
            }
            table.push((number, cells));
        }
        push_table(&mut table, &self.header_rows, &place, blocks)
    }
}

fn push_table(
    table: &mut Vec<(u32, Vec<(u32, String)>)>,
    headers: &BTreeSet<u32>,
    place: &impl Fn(Option<u32>) -> Place,
    blocks: &mut Blocks<'_>,
) -> Result<(), ExtractError> {
    if table.is_empty() {
        return Ok(());
    }
    let columns: BTreeSet<u32> =
        table.iter().flat_map(|(_, cells)| cells.iter().map(|cell| cell.0)).collect();
    let columns: Vec<u32> = columns.into_iter().collect();
    let rows = std::mem::take(table).into_iter().map(|(number, cells)| Row {
        cells: spread(cells, &columns),
        header: headers.contains(&number),
        place: place(Some(number)),
        ..Row::default()
    });
    blocks.push_table(rows.collect(), true)
}

/// Whether a row below a gap begins another table: several names, nothing else.
fn names_columns(cells: &[(u32, String)]) -> bool {
    let row = || Row { cells: cells.iter().map(|cell| cell.1.clone()).collect(), ..Row::default() };
    looks_like_header(&[row(), row()])
}

fn spread(mut cells: Vec<(u32, String)>, columns: &[u32]) -> Vec<String> {
    cells.sort_by_key(|cell| cell.0);
    let mut spread = Vec::with_capacity(columns.len());
    let mut cells = cells.into_iter().peekable();
    for column in columns {
        let mut text = String::new();
        while let Some((_, more)) = cells.next_if(|cell| cell.0 <= *column) {
            text = more;
        }
        spread.push(text);
        if cells.peek().is_none() {
            break;
        }
    }
    spread
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
