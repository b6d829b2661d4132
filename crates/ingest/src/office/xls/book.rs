//! What do the cells of an old workbook (BIFF8, and BIFF5 of Excel 5 and 95) show?

use std::collections::HashMap;

use encoding_rs::{Encoding, WINDOWS_1252};
use intramuros_core::document::{BlockKind, ExtractError, Place};

use super::records::{
    BEGIN, BOOLEAN, CELL_FORMAT, CODE_PAGE, CONTINUE, DATE_MODE, END, FORMAT, FORMULA, FORMULA_TEXT, NOTE,
    NUMBER, OBJECT, OBJECT_TEXT, RICH_TEXT, RK, RK_ROW, Record, SHARED_TEXT, SHEET, TEXT, TEXTS, records,
};
use super::strings::{Segments, shared};
use crate::office::blocks::Blocks;
use crate::office::bytes::{u16_at, u32_at, u64_at};
use crate::office::numbers::{self, Format};
use crate::office::sheet::{Grid, column_name};
use crate::office::summary::code_page;
use crate::office::walk::Walk;

/// The version of the records of Excel 5 and 95. Whatever else stands there is read as Excel 97 writes it.
const OLD_VERSION: u16 = 0x500;

/// Formats of cells that are kept: cells name them with two bytes.
const CELL_FORMATS: usize = 1 << 16;

/// The kind of object that bears a comment.
const COMMENT_OBJECT: u16 = 0x19;

/// What the sheets of a workbook share.
pub struct Book<'a> {
    stream: &'a [u8],
    walk: Walk,
    /// The encoding of texts of one byte a character, as Excel 5 and 95 write them.
    old: Option<&'static Encoding>,
    texts: Vec<String>,
    formats: Vec<Format>,
    from_1904: bool,
    /// Names of the sheets and where their records start.
    pub sheets: Vec<(String, usize)>,
}

/// A text that is drawn on a sheet.
struct Drawn {
    object: u16,
    comment: bool,
    text: String,
}

impl<'a> Book<'a> {
    /// Reads the globals of a workbook; none when it does not begin as one.
    pub fn read(stream: &'a [u8]) -> Option<Book<'a>> {
        let mut book = Book {
            stream,
            walk: Walk::over(stream.len()),
            old: None,
            texts: Vec::new(),
            formats: Vec::new(),
            from_1904: false,
            sheets: Vec::new(),
        };
        let (mut codes, mut cell_formats) = (HashMap::new(), Vec::new());
        let mut all = records(stream, 0).peekable();
        let first = all.next().filter(|first| first.kind == BEGIN)?;
        book.old = (u16_at(first.data, 0) == Some(OLD_VERSION)).then_some(WINDOWS_1252);
        while let Some(record) = all.next().filter(|record| record.kind != END) {
            match record.kind {
                DATE_MODE => book.from_1904 = u16_at(record.data, 0) == Some(1),
                CODE_PAGE if book.old.is_some() => {
                    book.old = u16_at(record.data, 0).map(code_page).or(book.old);
                }
                CELL_FORMAT => cell_formats.push(u32::from(u16_at(record.data, 2).unwrap_or_default())),
                FORMAT => {
                    let length = if book.old.is_some() { 1 } else { 2 };
                    let code = book.text(record, 2, length);
                    codes.extend(u16_at(record.data, 0).map(u32::from).zip(code));
                }
                SHEET if record.data.get(5) == Some(&0) => {
                    let name = book.text(record, 6, 1);
                    book.sheets.extend(name.zip(u32_at(record.data, 0).map(|at| at as usize)));
                }
                TEXTS => {
                    let mut more = Vec::new();
                    while let Some(next) = all.next_if(|next| next.kind == CONTINUE) {
                        more.push(next);
                    }
                    book.texts = shared(record, &more);
                }
                _ => {}
            }
        }
        book.formats = cell_formats
            .into_iter()
            .take(CELL_FORMATS)
            .map(|id| codes.get(&id).map_or_else(|| numbers::built_in(id), |code| numbers::parse(code)))
            .map(|format| if book.old.is_some() { only_dates(format) } else { format })
            .collect();
        Some(book)
    }

    /// Reads a sheet: its cells, then its comments and text boxes.
    ///
    /// # Errors
    /// When there is too much of it.
    pub fn read_sheet(&self, name: &str, start: usize, blocks: &mut Blocks<'_>) -> Result<(), ExtractError> {
        let mut grid = Grid::new(name, blocks.budget());
        let (mut drawn, mut notes): (Vec<Drawn>, Vec<(u16, u32, u32)>) = Default::default();
        // A formula whose text follows, and the object whose text follows.
        let (mut formula, mut object) = (None, (0, false));
        let mut open = 0u32;
        let mut all = records(self.stream, start).peekable();
        while let Some(record) = all.next() {
            self.walk.step(record.size())?;
            match record.kind {
                BEGIN => open += 1,
                END if open <= 1 => break,
                END => open -= 1,
                // Charts stand inside a sheet as sheets of their own, which repeat its figures.
                _ if open > 1 => {}
                FORMULA_TEXT => {
                    if let (Some((row, column)), Some(text)) = (formula, self.text(record, 0, 2)) {
                        grid.put(row, column, &text)?;
                    }
                }
                OBJECT => object = object_of(record).unwrap_or_default(),
                OBJECT_TEXT => {
                    let count = u16_at(record.data, 10).unwrap_or_default();
                    let mut segments = Vec::new();
                    while let Some(next) = all.next_if(|next| next.kind == CONTINUE) {
                        self.walk.step(next.size())?;
                        segments.push(next.data);
                    }
                    let text = Segments::new(segments).drawn(usize::from(count)).unwrap_or_default();
                    drawn.push(Drawn { object: object.0, comment: object.1, text });
                }
                NOTE => notes.extend(note_of(record)),
                _ => {
                    let follows = self.read_cells(record, &mut grid)?;
                    formula = follows.or(formula.filter(|_| record.kind != FORMULA));
                }
            }
        }
        grid.push(blocks)?;
        push_drawn(drawn, &notes, name, blocks)
    }

    /// Puts the cells of a record; gives the place of a formula whose text follows.
    fn read_cells(
        &self,
        record: Record<'_>,
        grid: &mut Grid<'_>,
    ) -> Result<Option<(u32, u32)>, ExtractError> {
        let data = record.data;
        let (Some(row), Some(column), Some(style)) = (u16_at(data, 0), u16_at(data, 2), u16_at(data, 4))
        else {
            return Ok(None);
        };
        let (row, column) = (u32::from(row) + 1, u32::from(column));
        let text = match record.kind {
            SHARED_TEXT => {
                if let Some(text) = u32_at(data, 6).and_then(|index| self.texts.get(index as usize)) {
                    grid.put(row, column, text)?;
                }
                None
            }
            TEXT | RICH_TEXT => self.text(record, 6, 2),
            NUMBER => u64_at(data, 6).map(|bits| self.show(f64::from_bits(bits), style)),
            RK => u32_at(data, 6).map(|packed| self.show(unpack(packed), style)),
            BOOLEAN => Some(boolean_or_error(*data.get(6).unwrap_or(&0), data.get(7) == Some(&1))),
            FORMULA if data.get(12..14) == Some(&[0xff, 0xff]) => match data.get(6) {
                Some(0) => return Ok(Some((row, column))),
                Some(kind @ (1 | 2)) => Some(boolean_or_error(*data.get(8).unwrap_or(&0), *kind == 2)),
                _ => None,
            },
            FORMULA => u64_at(data, 6).map(|bits| self.show(f64::from_bits(bits), style)),
            RK_ROW => {
                for (index, cell) in data.get(4..).unwrap_or_default().chunks_exact(6).enumerate() {
                    if let (Some(style), Some(packed)) = (u16_at(cell, 0), u32_at(cell, 2)) {
                        grid.put(row, column + index as u32, &self.show(unpack(packed), style))?;
                    }
                }
                None
            }
            _ => None,
        };
        if let Some(text) = text {
            grid.put(row, column, &text)?;
        }
        Ok(None)
    }

    /// A text of a record that stands at a place: its length in some bytes, then its characters.
    fn text(&self, record: Record<'_>, at: usize, length: usize) -> Option<String> {
        let data = record.data.get(at..)?;
        match self.old {
            None => Segments::new(vec![data]).text(length),
            Some(encoding) => old_text(data, length, encoding),
        }
    }

    fn show(&self, value: f64, style: u16) -> String {
        let format = self.formats.get(usize::from(style)).unwrap_or(&Format::General);
        numbers::show(value, format, self.from_1904)
    }
}

/// Numbers of Excel 5 and 95 are shown as they are: formats only tell dates from them, as in binary workbooks.
fn only_dates(format: Format) -> Format {
    match format {
        Format::Date { .. } | Format::Duration => format,
        _ => Format::General,
    }
}

/// A text of Excel 5 and 95; one that is cut off ends with its record.
fn old_text(data: &[u8], length: usize, encoding: &'static Encoding) -> Option<String> {
    let (count, characters) = data.split_at_checked(length)?;
    let count = count.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte));
    let characters = characters.get(..count.min(characters.len()))?;
    Some(encoding.decode_without_bom_handling(characters).0.into_owned())
}

/// A number in four bytes: an integer or the upper half of a fraction, perhaps of a hundredth.
fn unpack(packed: u32) -> f64 {
    let value = if packed & 2 != 0 {
        f64::from(packed.cast_signed() >> 2)
    } else {
        f64::from_bits(u64::from(packed & 0xffff_fffc) << 32)
    };
    if packed & 1 != 0 { value / 100.0 } else { value }
}

fn boolean_or_error(value: u8, error: bool) -> String {
    let text = match (error, value) {
        (false, 0) => "FALSE",
        (false, _) => "TRUE",
        (true, 0x00) => "#NULL!",
        (true, 0x07) => "#DIV/0!",
        (true, 0x0f) => "#VALUE!",
        (true, 0x17) => "#REF!",
        (true, 0x1d) => "#NAME?",
        (true, 0x24) => "#NUM!",
        (true, _) => "#N/A",
    };
    text.to_owned()
}

/// The number of an object and whether it bears a comment.
fn object_of(record: Record<'_>) -> Option<(u16, bool)> {
    let kind = u16_at(record.data, 4)?;
    Some((u16_at(record.data, 6)?, kind == COMMENT_OBJECT))
}

/// The object of a comment, and its cell.
fn note_of(record: Record<'_>) -> Option<(u16, u32, u32)> {
    let (row, column) = (u16_at(record.data, 0)?, u16_at(record.data, 2)?);
    Some((u16_at(record.data, 6)?, u32::from(row) + 1, u32::from(column)))
}

fn push_drawn(
    drawn: Vec<Drawn>,
    notes: &[(u16, u32, u32)],
    name: &str,
    blocks: &mut Blocks<'_>,
) -> Result<(), ExtractError> {
    // Of several notes with one object the first holds, as it is the last put here.
    let cells: HashMap<u16, (u32, u32)> =
        notes.iter().rev().map(|(object, row, column)| (*object, (*row, *column))).collect();
    for drawn in drawn {
        let place = |line| Place { line, section: Some(name.to_owned()), ..Place::default() };
        match cells.get(&drawn.object).filter(|_| drawn.comment) {
            Some((row, column)) => {
                let text = format!("{}{row} {}", column_name(*column), drawn.text);
                blocks.push(BlockKind::Comment, &text, place(Some(*row)))?;
            }
            None => blocks.push(BlockKind::Paragraph, &drawn.text, place(None))?,
        }
    }
    Ok(())
}
