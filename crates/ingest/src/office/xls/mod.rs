//! Which tables are in this old workbook (XLS, 5.0 to 2003) or binary one (XLSB)?
//!
//! Workbooks of Excel 97 to 2003 are read here, record by record, so that numbers come as people see them; those of
//! Excel 5 and 95 and binary ones through a library.

mod book;
mod records;
mod strings;

use std::io::{Cursor, Read, Seek};
use std::panic::AssertUnwindSafe;

use calamine::{Data, Reader, Xls, XlsError, Xlsb};
use intramuros_core::document::{ExtractError, Extracted, Kind};

use super::blocks::Blocks;
use super::ole::Ole;
use super::package::Package;
use super::sheet::Grid;
use super::{numbers, summary};
use crate::Budget;
use book::Book;
use records::{END, FILE_PASS, records};

/// Records that are looked at for encryption. It is declared among the first.
const RECORDS_SEARCHED: usize = 64;

/// Reads XLS: each sheet under its name, its rows as tables with cached values.
///
/// # Errors
/// When the bytes are not this format, are encrypted, or a limit is reached.
pub fn extract(_name: &str, bytes: &[u8], budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    let ole = Ole::open(bytes, budget)?;
    let stream = match ole.stream("Workbook")? {
        Some(stream) => stream,
        None => ole.required("Book")?,
    };
    if is_encrypted(&stream) {
        return Err(ExtractError::Encrypted("the workbook is protected by a password".to_owned()));
    }
    let mut extracted = Extracted::default();
    summary::read(&ole, &mut extracted)?;
    if let Some(book) = Book::read(&stream) {
        budget.check_pages(book.sheets.len())?;
        extracted.pages = u32::try_from(book.sheets.len()).ok();
        let mut blocks = Blocks::new(budget);
        for (name, start) in &book.sheets {
            book.read_sheet(name, *start, &mut blocks)?;
        }
        return blocks.finish(Kind::Sheet, extracted);
    }
    guarded(|| {
        let book = Xls::new(Cursor::new(bytes)).map_err(|error| match error {
            XlsError::Password => {
                ExtractError::Encrypted("the workbook is protected by a password".to_owned())
            }
            other => ExtractError::Corrupt(format!("the workbook is damaged ({other})")),
        })?;
        read_book(book, budget, extracted)
    })
}

/// Reads XLSB, whose package was opened and found sound.
///
/// # Errors
/// When it is damaged or over a limit.
pub fn extract_binary(
    package: &Package<'_>,
    bytes: &[u8],
    budget: &Budget<'_>,
) -> Result<Extracted, ExtractError> {
    // The library decompresses by itself, without a limit: what comes out is counted here first.
    for name in package.names() {
        package.bytes(name)?;
    }
    guarded(|| {
        let book = Xlsb::new(Cursor::new(bytes))
            .map_err(|error| ExtractError::Corrupt(format!("the workbook is damaged ({error})")))?;
        read_book(book, budget, Extracted::default())
    })
}

/// The library panics on some damaged workbooks; here that is a reason like any other.
fn guarded(read: impl FnOnce() -> Result<Extracted, ExtractError>) -> Result<Extracted, ExtractError> {
    std::panic::catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(ExtractError::Corrupt("the workbook is damaged".to_owned())))
}

fn read_book<S: Read + Seek, R: Reader<S>>(
    mut book: R,
    budget: &Budget<'_>,
    mut extracted: Extracted,
) -> Result<Extracted, ExtractError> {
    let names = book.sheet_names();
    budget.check_pages(names.len())?;
    extracted.pages = u32::try_from(names.len()).ok();
    let mut blocks = Blocks::new(budget);
    for name in names {
        let range = match book.worksheet_range(&name) {
            Ok(range) => range,
            Err(_) => {
                extracted.warnings.push(format!("the sheet \u{201c}{name}\u{201d} could not be read"));
                continue;
            }
        };
        let mut grid = Grid::new(&name);
        let (first_row, first_column) = range.start().unwrap_or_default();
        for (row, column, cell) in range.used_cells() {
            let row = first_row.saturating_add(u32::try_from(row + 1).unwrap_or(u32::MAX));
            let column = first_column.saturating_add(u32::try_from(column).unwrap_or(u32::MAX));
            grid.put(row, column, show(cell))?;
        }
        grid.push(&mut blocks)?;
    }
    blocks.finish(Kind::Sheet, extracted)
}

fn show(cell: &Data) -> String {
    match cell {
        Data::Empty => String::new(),
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => text.clone(),
        Data::Int(number) => number.to_string(),
        Data::Float(number) => numbers::plain(*number),
        Data::Bool(yes) => if *yes { "TRUE" } else { "FALSE" }.to_owned(),
        Data::DateTime(date) => {
            let value = date.as_f64();
            let format = if date.is_duration() {
                numbers::Format::Duration
            } else {
                numbers::Format::Date { day: value >= 1.0, time: value.fract() != 0.0, seconds: true }
            };
            numbers::show(value, &format, false)
        }
        other => other.to_string(),
    }
}

fn is_encrypted(stream: &[u8]) -> bool {
    let mut globals = records(stream, 0).take(RECORDS_SEARCHED).take_while(|record| record.kind != END);
    globals.any(|record| record.kind == FILE_PASS)
}
