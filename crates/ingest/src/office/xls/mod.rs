//! Which tables are in this old workbook (XLS, 5.0 to 2003) or binary one (XLSB)?
//!
//! Those of Excel 5 to 2003 are read here, record by record; those of Excel 97 on show numbers as people see them. Binary
//! ones are read through a library, cell by cell: for a whole sheet it makes a cell of every place between the first and
//! the last.

mod book;
mod records;
mod strings;

use std::borrow::Cow;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;

use calamine::{DataRef, Reader, Xlsb};
use intramuros_core::document::{ExtractError, Extracted, Kind};

use super::blocks::Blocks;
use super::ole::Ole;
use super::opc::{self, Relations};
use super::package::Package;
use super::sheet::Grid;
use super::walk::Walked;
use super::{numbers, summary, xlsx};
use crate::Budget;
use book::Book;
use records::{END, FILE_PASS, records};

/// Records that are looked at for encryption. It is declared among the first.
const RECORDS_SEARCHED: usize = 64;

/// Reads XLS: each sheet under its name, its rows as tables with cached values.
///
/// # Errors
/// When the streams are not this format, are encrypted, or a limit is reached.
pub(super) fn extract_from(ole: &Ole<'_>, budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    let stream = match ole.stream("Workbook")? {
        Some(stream) => stream,
        None => ole.required("Book")?,
    };
    if is_encrypted(&stream) {
        return Err(ExtractError::Encrypted("the workbook is protected by a password".to_owned()));
    }
    let mut extracted = Extracted::default();
    summary::read(ole, &mut extracted)?;
    let book = Book::read(&stream).ok_or_else(|| {
        ExtractError::Corrupt("the workbook is damaged (it does not begin as one)".to_owned())
    })?;
    budget.check_pages(book.sheets.len())?;
    extracted.pages = u32::try_from(book.sheets.len()).ok();
    let mut blocks = Blocks::new(budget);
    for (name, start) in &book.sheets {
        book.read_sheet(name, *start, &mut blocks)?;
    }
    extracted.parts = ole.read_embedded("MBD")?;
    blocks.finish(Kind::Sheet, extracted)
}

/// Reads XLSB, whose package was opened and found sound.
///
/// # Errors
/// When it is damaged or over a limit.
pub fn extract_binary(
    package: &Package<'_>,
    main: &str,
    bytes: &[u8],
    budget: &Budget<'_>,
) -> Result<Extracted, ExtractError> {
    // The library decompresses by itself, without a limit: what comes out is counted here first.
    for name in package.names() {
        package.bytes(name)?;
    }
    let mut extracted = Extracted::default();
    opc::read_properties(package, &mut extracted)?;
    let parts = xlsx::binary_sheets(package, main)?;
    guarded(|| {
        let book = Xlsb::new(Walked::new(bytes))
            .map_err(|error| ExtractError::Corrupt(format!("the workbook is damaged ({error})")))?;
        read_binary(book, package, &parts, extracted, budget)
    })
}

/// The library panics on some damaged workbooks; here that is a reason like any other.
fn guarded(read: impl FnOnce() -> Result<Extracted, ExtractError>) -> Result<Extracted, ExtractError> {
    std::panic::catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(ExtractError::Corrupt("the workbook is damaged".to_owned())))
}

fn read_binary(
    mut book: Xlsb<Walked<'_>>,
    package: &Package<'_>,
    parts: &HashMap<String, String>,
    mut extracted: Extracted,
    budget: &Budget<'_>,
) -> Result<Extracted, ExtractError> {
    let names = book.sheet_names();
    budget.check_pages(names.len())?;
    extracted.pages = u32::try_from(names.len()).ok();
    let mut blocks = Blocks::new(budget);
    for name in names {
        let mut grid = Grid::new(&name, budget);
        if read_cells(&mut book, &name, &mut grid)? {
            grid.push(&mut blocks)?;
        } else {
            extracted.warnings.push(format!("the sheet \u{201c}{name}\u{201d} could not be read"));
        }
        if let Some(part) = parts.get(&name) {
            let read = Relations::of(package, part).and_then(|relations| {
                xlsx::read_beside(package, &relations, &name, &mut blocks, budget, &mut extracted)
            });
            opc::tolerate(read, &format!("what is drawn on \u{201c}{name}\u{201d}"), &mut extracted)?;
        }
    }
    blocks.finish(Kind::Sheet, extracted)
}

/// Reads the cells of a sheet; whether it could be read to its end.
fn read_cells(book: &mut Xlsb<Walked<'_>>, name: &str, grid: &mut Grid<'_>) -> Result<bool, ExtractError> {
    let from_1904 = book.has_1904_epoch();
    let Ok(mut cells) = book.worksheet_cells_reader(name) else { return Ok(false) };
    loop {
        match cells.next_cell() {
            Ok(Some(cell)) => {
                let (row, column) = cell.get_position();
                grid.put(row.saturating_add(1), column, &show(cell.get_value(), from_1904))?;
            }
            Ok(None) => return Ok(true),
            Err(_) => return Ok(false),
        }
    }
}

/// What a cell shows. A text is not copied: thousands of cells may name a shared one.
fn show<'c>(cell: &'c DataRef<'_>, from_1904: bool) -> Cow<'c, str> {
    Cow::Owned(match cell {
        DataRef::Empty => return Cow::Borrowed(""),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
            return Cow::Borrowed(text);
        }
        DataRef::SharedString(text) => return Cow::Borrowed(text),
        DataRef::Bool(yes) => return Cow::Borrowed(if *yes { "TRUE" } else { "FALSE" }),
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => numbers::plain(*number),
        DataRef::DateTime(date) => {
            let value = date.as_f64();
            let format = if date.is_duration() {
                numbers::Format::Duration
            } else {
                numbers::Format::Date { day: value >= 1.0, time: value.fract() != 0.0, seconds: true }
            };
            numbers::show(value, &format, from_1904)
        }
        DataRef::Error(error) => error.to_string(),
    })
}

fn is_encrypted(stream: &[u8]) -> bool {
    let mut globals = records(stream, 0).take(RECORDS_SEARCHED).take_while(|record| record.kind != END);
    globals.any(|record| record.kind == FILE_PASS)
}
