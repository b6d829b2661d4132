//! What is in this notebook, cell by cell?

use intramuros_core::document::{BlockKind, ExtractError, Extracted, Kind};
use serde_json::Value;

use super::writer::{Writer, in_section};
use super::{encoding, markdown};
use crate::Budget;

/// Bytes kept of one cell's printed output: results are worth finding, logs of training runs are not.
const OUTPUT_BYTES: usize = 4 << 10;

/// Reads Jupyter notebooks (.ipynb), versions 3 and 4. Each block's section is its cell: `cell 3`.
///
/// # Errors
/// When the bytes are no notebook, or a limit is reached.
pub fn extract(_name: &str, bytes: &[u8], budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    let text = encoding::decode(bytes, None)?;
    let notebook: Value = serde_json::from_str(&text)
        .map_err(|error| ExtractError::Corrupt(format!("the notebook is not valid JSON ({error})")))?;
    let cells = notebook
        .get("cells")
        .or_else(|| notebook.pointer("/worksheets/0/cells"))
        .and_then(Value::as_array)
        .ok_or_else(|| ExtractError::Corrupt("the notebook has no list of cells".to_owned()))?;
    let mut writer = Writer::new(Kind::Notebook, budget);
    if let Some(title) = notebook.pointer("/metadata/title").and_then(Value::as_str) {
        writer.title(title);
    }
    for (index, cell) in cells.iter().enumerate() {
        write_cell(cell, &format!("cell {}", index + 1), &mut writer, budget)?;
    }
    writer.finish()
}

fn write_cell(
    cell: &Value,
    section: &str,
    writer: &mut Writer<'_>,
    budget: &Budget<'_>,
) -> Result<(), ExtractError> {
    let source = joined(cell.get("source").or_else(|| cell.get("input")));
    match cell.get("cell_type").and_then(Value::as_str).unwrap_or_default() {
        "markdown" => markdown::write(&source, Some(section), writer, budget),
        "heading" => {
            let level = cell.get("level").and_then(Value::as_u64).unwrap_or(1).clamp(1, 6) as u8;
            writer.block(BlockKind::Heading { level }, &source, in_section(section))
        }
        "code" => {
            writer.block(BlockKind::Code, &source, in_section(section))?;
            for output in cell.get("outputs").and_then(Value::as_array).into_iter().flatten() {
                write_output(output, section, writer)?;
            }
            Ok(())
        }
        _ => writer.lines(BlockKind::Paragraph, &source, in_section(section)),
    }
}

/// Writes what a cell printed, when it is text.
fn write_output(output: &Value, section: &str, writer: &mut Writer<'_>) -> Result<(), ExtractError> {
    let text = match output.get("output_type").and_then(Value::as_str).unwrap_or_default() {
        "error" | "pyerr" => {
            let part = |name| output.get(name).and_then(Value::as_str).unwrap_or_default();
            format!("{}: {}", part("ename"), part("evalue"))
        }
        _ => joined(
            output
                .get("text")
                .or_else(|| output.pointer("/data/text~1plain"))
                .or_else(|| output.pointer("/data/text~1markdown")),
        ),
    };
    let end = text.floor_char_boundary(OUTPUT_BYTES);
    if end < text.len() {
        writer.warn(format!("{section}: only the first {OUTPUT_BYTES} bytes of an output were kept"));
    }
    let plain = without_colours(text.get(..end).unwrap_or_default());
    writer.block(BlockKind::Code, &plain, in_section(section))
}

/// The text of a string or of a list of strings.
fn joined(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(lines)) => lines.iter().filter_map(Value::as_str).collect(),
        _ => String::new(),
    }
}

/// The text without terminal colour codes (`ESC [ … m`).
fn without_colours(text: &str) -> String {
    let mut pieces = text.split('\u{1B}');
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let rest = piece.strip_prefix('[').and_then(|code| {
            code.find(|character: char| character.is_ascii_alphabetic()).and_then(|end| code.get(end + 1..))
        });
        plain.push_str(rest.unwrap_or(piece));
    }
    plain
}
