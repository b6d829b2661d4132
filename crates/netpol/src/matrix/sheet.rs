//! Which rows does this spreadsheet hold? What a reader cannot see, or what only looks like a value, is an error
//! that names the cell: a hidden row or a stale formula must not open a port.

use super::hidden::concealed;
use super::read::{Row, Rows};
use crate::error::{Error, Origin, Result};
use crate::language::say;
use calamine::{Data, Reader, SheetVisible};
use std::io::{Cursor, Read};
use std::sync::Arc;

/// A spreadsheet that unpacks to more is an attack.
const MAX_UNPACKED: u64 = 256 * 1024 * 1024;
/// Rows that are read from one sheet.
pub const MAX_ROWS: usize = 100_000;

/// The rows of the first visible sheet that has cells.
pub fn rows(file: &Arc<str>, bytes: &[u8], ods: bool) -> Result<Rows> {
    let whole = Origin::new(file, 0);
    let fail = |error: String| {
        Error::input(
            &whole,
            say!("ce tableur ne peut pas être lu : {error}", "this spreadsheet cannot be read: {error}"),
        )
    };
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| fail(error.to_string()))?;
    let mut unpacked = 0;
    for at in 0..archive.len() {
        unpacked += archive.by_index_raw(at).map_err(|error| fail(error.to_string()))?.size();
    }
    if unpacked > MAX_UNPACKED {
        return Err(fail(say!(
            "il se décompresse en plus de {} Mo",
            "it unpacks to more than {} MB",
            MAX_UNPACKED / 1024 / 1024
        )));
    }
    let (rows, sheet, first_column) = if ods {
        let mut book: calamine::Ods<_> =
            calamine::Ods::new(Cursor::new(bytes)).map_err(|error| fail(error.to_string()))?;
        first_sheet(file, &mut book)?
    } else {
        let mut book: calamine::Xlsx<_> =
            calamine::Xlsx::new(Cursor::new(bytes)).map_err(|error| fail(error.to_string()))?;
        first_sheet(file, &mut book)?
    };
    let concealed = concealed(file, &mut archive, ods, sheet)?;
    Ok(Rows { rows, concealed, first_column })
}

/// The rows of the first visible sheet with cells, which sheet that is, and its first column with cells, from 0.
fn first_sheet<R, RS>(file: &Arc<str>, book: &mut R) -> Result<(Vec<Row>, usize, u32)>
where
    R: Reader<RS>,
    RS: Read + std::io::Seek,
    R::Error: std::fmt::Display,
{
    let whole = Origin::new(file, 0);
    let sheets: Vec<(usize, String)> = book
        .sheets_metadata()
        .iter()
        .enumerate()
        .filter(|(_, sheet)| sheet.visible == SheetVisible::Visible)
        .map(|(at, sheet)| (at, sheet.name.clone()))
        .collect();
    for (at, name) in sheets {
        let range = book.worksheet_range(&name).map_err(|error| Error::input(&whole, error))?;
        if range.is_empty() {
            continue;
        }
        let formulas = book.worksheet_formula(&name).map_err(|error| Error::input(&whole, error))?;
        let offset = formulas.start().unwrap_or_default();
        if let Some((row, column, _)) = formulas.used_cells().find(|(_, _, text)| !text.is_empty()) {
            let cell = cell_name(row + offset.0 as usize, column + offset.1 as usize);
            return Err(Error::input(&whole, say!("feuille {name}, cellule {cell} : c'est une formule", "sheet {name}, cell {cell}: this is a formula")).hint(
                say!("remplacer les formules par leurs valeurs (collage spécial), pour que ce qui est lu soit ce qui se voit", "replace formulas by their values (paste special), so that what is read is what you see"),
            ));
        }
        if range.height() > MAX_ROWS {
            return Err(Error::input(
                &whole,
                say!("feuille {name} : plus de {MAX_ROWS} lignes", "sheet {name}: more than {MAX_ROWS} rows"),
            ));
        }
        let first = range.start().unwrap_or_default();
        let mut rows = Vec::new();
        for (number, row) in range.rows().enumerate() {
            let line = first.0 + u32::try_from(number).unwrap_or(u32::MAX) + 1;
            let mut cells = Vec::with_capacity(row.len());
            for (column, cell) in row.iter().enumerate() {
                cells.push(text_of(cell).map_err(|error| {
                    let cell = cell_name(line as usize - 1, column + first.1 as usize);
                    Error::input(
                        &whole,
                        say!(
                            "feuille {name}, cellule {cell} : {error}",
                            "sheet {name}, cell {cell}: {error}"
                        ),
                    )
                })?);
            }
            rows.push((line, cells));
        }
        return Ok((rows, at, first.1));
    }
    Err(Error::input(
        &whole,
        say!("aucune feuille visible ne contient de cellule", "no visible sheet holds a cell"),
    ))
}

fn text_of(cell: &Data) -> std::result::Result<String, String> {
    Ok(match cell {
        Data::Empty => String::new(),
        Data::String(text) => text.clone(),
        // Ports are whole numbers that spreadsheets store as floats.
        Data::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => format!("{number:.0}"),
        Data::Float(number) => number.to_string(),
        Data::Int(number) => number.to_string(),
        Data::Bool(value) => value.to_string(),
        Data::DateTime(date) => {
            let (year, month, day, ..) = date.to_ymd_hms_milli();
            format!("{year:04}-{month:02}-{day:02}")
        }
        Data::DateTimeIso(text) | Data::DurationIso(text) => text.clone(),
        Data::Error(error) => {
            return Err(say!("cette cellule contient l'erreur {error}", "this cell holds the error {error}"));
        }
        #[allow(unreachable_patterns)]
        _ => return Err(say!("ce genre de cellule n'est pas lu", "this kind of cell is not read").to_owned()),
    })
}

/// `A1` for row 0, column 0.
pub fn cell_name(row: usize, column: usize) -> String {
    let mut letters = String::new();
    let mut left = column + 1;
    while left > 0 {
        let digit = u8::try_from((left - 1) % 26).unwrap_or(0);
        letters.insert(0, char::from(b'A' + digit));
        left = (left - 1) / 26;
    }
    format!("{letters}{}", row + 1)
}
