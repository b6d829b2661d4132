//! What is in this table of comma-, semicolon- or tab-separated values?

use intramuros_core::document::{ExtractError, Extracted, Kind};

use super::encoding;
use super::writer::{Writer, at_line};
use crate::Budget;

/// Bytes and rows from which separator and header are found: enough for statistics.
const SAMPLE_BYTES: usize = 64 << 10;
const SAMPLE_ROWS: usize = 50;

/// Longest column name, in characters.
const NAME_CHARS: usize = 80;

/// Reads CSV and TSV: each record a row at its line. The first is the header when it looks like names.
///
/// # Errors
/// When the bytes are not text, or a limit is reached.
pub fn extract(name: &str, bytes: &[u8], budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    let text = encoding::decode(bytes, None)?;
    let mut writer = Writer::new(Kind::Sheet, budget);
    // Excel writes the separator into a first line of its own.
    let (declared, body, skipped) = match text.split_once('\n') {
        Some((first, rest)) if first.starts_with("sep=") && first.len() == 5 => {
            (first.as_bytes().get(4).copied(), rest, 1)
        }
        _ => (None, text.as_str(), 0),
    };
    let separator = declared.unwrap_or_else(|| separator(name, body));
    let header = header_row(body, separator);
    let table = writer.new_table();
    let mut reader = reader(body, separator);
    let mut record = csv::StringRecord::new();
    let mut row = 0;
    // A record that is not text cannot occur: the text was decoded before.
    while reader.read_record(&mut record).map_err(|error| ExtractError::Corrupt(error.to_string()))? {
        let line = record.position().map_or(1, csv::Position::line) + skipped;
        let cells: Vec<&str> = record.iter().collect();
        let place = at_line(u32::try_from(line).unwrap_or(u32::MAX));
        writer.row(table, Some(row) == header, &cells, place)?;
        row += 1;
    }
    writer.finish()
}

fn reader(text: &str, separator: u8) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .delimiter(separator)
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes())
}

/// The records of the sample.
fn sample(text: &str, separator: u8) -> Vec<csv::StringRecord> {
    let end = text.floor_char_boundary(SAMPLE_BYTES);
    let text = text.get(..end).unwrap_or_default();
    reader(text, separator).into_records().take(SAMPLE_ROWS).map_while(Result::ok).collect()
}

/// The separator under which most rows have the same number of columns, more than one.
fn separator(name: &str, text: &str) -> u8 {
    let by_name =
        if name.to_ascii_lowercase().ends_with(".tsv") || name.to_ascii_lowercase().ends_with(".tab") {
            b'\t'
        } else {
            b','
        };
    let mut best = (0, by_name);
    for separator in [by_name, b',', b';', b'\t', b'|'] {
        let widths: Vec<usize> = sample(text, separator).iter().map(csv::StringRecord::len).collect();
        let mut sorted = widths.clone();
        sorted.sort_unstable();
        // The middle row speaks for the others; the last of the sample may be cut.
        let width = sorted.get(sorted.len() / 2).copied().unwrap_or(1);
        let same = widths.iter().filter(|other| **other == width).count();
        if width > 1 {
            let score = same * 1000 / widths.len().max(1) + width.min(20);
            if score > best.0 {
                best = (score, separator);
            }
        }
    }
    best.1
}

/// Which row holds the names of the columns: the first whose cells are all filled, different, short, and none a number,
/// a date or an address. Rows of one cell may stand above it, as titles do.
fn header_row(text: &str, separator: u8) -> Option<usize> {
    let rows = sample(text, separator);
    let filled = |row: &csv::StringRecord| row.iter().filter(|cell| !cell.trim().is_empty()).count();
    let wide = rows.iter().any(|row| filled(row) > 1);
    let index = rows.iter().position(|row| !wide || filled(row) > 1)?;
    let mut names: Vec<&str> = rows.get(index)?.iter().map(str::trim).collect();
    let count = names.len();
    let are_names =
        names.iter().all(|name| !name.is_empty() && name.chars().count() <= NAME_CHARS && !is_value(name));
    names.sort_unstable();
    names.dedup();
    (are_names && names.len() == count && rows.len() > index + 1).then_some(index)
}

fn is_value(cell: &str) -> bool {
    let digits = cell.chars().filter(char::is_ascii_digit).count();
    let letters = cell.chars().filter(|character| character.is_alphabetic()).count();
    (digits > 0 && digits >= letters) || cell.contains('@') || cell.starts_with("http")
}
