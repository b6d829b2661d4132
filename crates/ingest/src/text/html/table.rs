//! Is this table data or only layout, and what are its rows?

use intramuros_core::document::{BlockKind, ExtractError, Place};

use super::main_part::never_shown;
use super::tree::{Node, Step, Tree, is_block};
use crate::text::writer::Writer;

/// A cell with more text than this, in bytes, is layout: data has short cells.
const CELL_BYTES: usize = 4000;

/// Widest span that is followed: larger ones are mistakes or attacks.
const SPAN: usize = 64;

/// Cells of one row that are kept.
const CELLS: usize = 1000;

/// One row.
struct Row {
    cells: Vec<Cell>,
    header: bool,
}

struct Cell {
    text: String,
    head: bool,
    columns: usize,
    rows: usize,
}

/// Whether a table holds data: no table inside, at least two rows or columns of short cells, no role that says layout.
pub fn is_data(tree: &Tree, table: Node) -> bool {
    if matches!(tree.attribute(table, "role"), Some("presentation" | "none")) {
        return false;
    }
    let (mut rows, mut widest, mut cells, mut heads) = (0, 0, 0, 0);
    let mut bytes = 0;
    for step in tree.inside(table, |node| never_shown(tree, node)) {
        match step {
            Step::Enter(node) => match tree.name(node) {
                "table" if node != table => return false,
                "tr" => {
                    rows += 1;
                    cells = 0;
                }
                "td" | "th" => {
                    cells += 1;
                    bytes = 0;
                    heads += usize::from(tree.name(node) == "th");
                    widest = widest.max(cells);
                }
                "h1" | "h2" | "h3" | "form" => return false,
                "" => {
                    bytes += tree.text(node).trim().len();
                    if bytes > CELL_BYTES {
                        return false;
                    }
                }
                _ => {}
            },
            Step::Leave(_) => {}
        }
    }
    (widest >= 2 && rows >= 2) || (heads > 0 && rows * widest >= 2)
}

/// Writes a table of data: its caption, then its rows. A cell that spans several rows stands in each of them, so that
/// every row can be understood by itself.
///
/// # Errors
/// When a limit is reached.
pub fn write(tree: &Tree, table: Node, place: &Place, writer: &mut Writer<'_>) -> Result<(), ExtractError> {
    for node in tree.children(table).filter(|node| tree.name(*node) == "caption") {
        writer.block(BlockKind::Paragraph, &flat_text(tree, node), place.clone())?;
    }
    let number = writer.new_table();
    // What spans down into the rows to come, by column: rows left, text.
    let mut spans: Vec<(usize, String)> = Vec::new();
    for (index, row) in rows(tree, table).into_iter().enumerate() {
        let header =
            row.header || (index == 0 && !row.cells.is_empty() && row.cells.iter().all(|cell| cell.head));
        let cells = lay_out(row, &mut spans);
        writer.row(number, header, &cells, place.clone())?;
    }
    Ok(())
}

fn rows(tree: &Tree, table: Node) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let skip = |node: Node| {
        never_shown(tree, node)
            || matches!(tree.name(node), "caption" | "td" | "th")
            || is_row_noise(tree, node)
    };
    for step in tree.inside(table, skip) {
        let Step::Enter(node) = step else { continue };
        match tree.name(node) {
            "tr" => rows.push(Row { cells: Vec::new(), header: tree.parent_name(node) == "thead" }),
            name @ ("td" | "th") if !tree.hidden(node) => {
                let head = name == "th";
                let span = |name| {
                    let value = tree.attribute(node, name).and_then(|value| value.trim().parse().ok());
                    value.unwrap_or(1usize).clamp(1, SPAN)
                };
                let cell = Cell {
                    text: flat_text(tree, node),
                    head,
                    columns: span("colspan"),
                    rows: span("rowspan"),
                };
                if rows.is_empty() {
                    rows.push(Row { cells: Vec::new(), header: false });
                }
                if let Some(row) = rows.last_mut().filter(|row| row.cells.len() < CELLS) {
                    row.cells.push(cell);
                }
            }
            _ => {}
        }
    }
    rows
}

fn is_row_noise(tree: &Tree, node: Node) -> bool {
    tree.name(node) == "colgroup"
}

/// The cells of a row by column, with those that span into it from above.
fn lay_out(row: Row, spans: &mut Vec<(usize, String)>) -> Vec<String> {
    let mut cells = Vec::new();
    let take_span = |cells: &mut Vec<String>, spans: &mut Vec<(usize, String)>| {
        while let Some((left, text)) = spans.get_mut(cells.len()).filter(|(left, _)| *left > 0) {
            *left -= 1;
            cells.push(text.clone());
        }
    };
    for cell in row.cells {
        take_span(&mut cells, spans);
        for column in 0..cell.columns {
            if spans.len() <= cells.len() {
                spans.resize(cells.len() + 1, (0, String::new()));
            }
            let text = if column == 0 { cell.text.clone() } else { String::new() };
            if let Some(span) = spans.get_mut(cells.len()) {
                *span = (cell.rows - 1, text.clone());
            }
            cells.push(text);
        }
    }
    take_span(&mut cells, spans);
    cells
}

/// The shown text inside an element on one line.
pub fn flat_text(tree: &Tree, top: Node) -> String {
    let mut text = String::new();
    for step in tree.inside(top, |node| never_shown(tree, node)) {
        match step {
            Step::Enter(node) if tree.name(node).is_empty() => text.push_str(tree.text(node)),
            Step::Enter(node) if tree.name(node) == "img" => {
                text.push(' ');
                text.push_str(tree.attribute(node, "alt").unwrap_or_default());
                text.push(' ');
            }
            Step::Enter(node) | Step::Leave(node) => {
                if is_block(tree.name(node)) || tree.name(node) == "br" {
                    text.push(' ');
                }
            }
        }
    }
    text
}
