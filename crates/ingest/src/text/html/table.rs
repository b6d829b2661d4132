//! Is this table data or only layout, and what are its rows?

use intramuros_core::document::{BlockKind, ExtractError, Place};

use super::main_part::never_shown;
use super::tree::{Node, Step, Tree, is_block};
use super::walk::on_line;
use crate::text::inline::Inline;
use crate::text::writer::{Writer, clean_line};

/// A cell with more text than this, in bytes, is layout: data has short cells.
const CELL_BYTES: usize = 4000;

/// Widest span that is followed: larger ones are mistakes or attacks.
const SPAN: usize = 64;

/// Cells of one row that are kept.
const CELLS: usize = 1000;

/// One row.
struct Row {
    /// The lines of the page on which it begins and on which its last cell ends, from 0.
    line: u32,
    end: u32,
    cells: Vec<Cell>,
    header: bool,
}

impl Row {
    fn at(line: u32, header: bool) -> Row {
        Row { line, end: line, cells: Vec::new(), header }
    }

    /// The text of the next cell, below the lines that end before it.
    fn next_text(&mut self, mut text: Inline) -> String {
        let (text, line) = text.take();
        let line = line.unwrap_or(self.end).max(self.end);
        let before = "\n".repeat((line - self.end) as usize);
        let inside = text.bytes().filter(|byte| *byte == b'\n').count();
        self.end = line.saturating_add(u32::try_from(inside).unwrap_or(u32::MAX));
        before + &text
    }
}

struct Cell {
    /// With the line breaks of the page.
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
        let (text, line) = flat_text(tree, node).take();
        writer.block(BlockKind::Paragraph, &text, on_line(place, line.unwrap_or_default()))?;
    }
    let number = writer.new_table();
    // What spans down into the rows to come, by column: rows left, text.
    let mut spans: Vec<(usize, String)> = Vec::new();
    for (index, row) in rows(tree, table).into_iter().enumerate() {
        let header =
            row.header || (index == 0 && !row.cells.is_empty() && row.cells.iter().all(|cell| cell.head));
        let place = on_line(place, row.line);
        writer.row(number, header, &lay_out(row, &mut spans), place)?;
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
            "tr" => rows.push(Row::at(tree.line(node), tree.parent_name(node) == "thead")),
            name @ ("td" | "th") if !tree.hidden(node) => {
                let head = name == "th";
                let span = |name| {
                    let value = tree.attribute(node, name).and_then(|value| value.trim().parse().ok());
                    value.unwrap_or(1usize).clamp(1, SPAN)
                };
                if rows.is_empty() {
                    rows.push(Row::at(tree.line(node), false));
                }
                if let Some(row) = rows.last_mut().filter(|row| row.cells.len() < CELLS) {
                    let text = row.next_text(flat_text(tree, node));
                    row.cells.push(Cell { text, head, columns: span("colspan"), rows: span("rowspan") });
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
                // In the rows below, the text has no lines of its own.
                *span = (cell.rows - 1, if cell.rows > 1 { clean_line(&text) } else { String::new() });
            }
            cells.push(text);
        }
    }
    take_span(&mut cells, spans);
    cells
}

/// The shown text inside an element, with the line breaks of the page.
fn flat_text(tree: &Tree, top: Node) -> Inline {
    let mut text = Inline::default();
    for step in tree.inside(top, |node| never_shown(tree, node)) {
        match step {
            Step::Enter(node) if tree.name(node).is_empty() => text.push(tree.text(node), tree.line(node)),
            Step::Enter(node) if tree.name(node) == "img" => {
                text.push(" ", tree.line(node));
                text.add(&tree.attribute(node, "alt").unwrap_or_default().replace('\n', " "));
                text.add(" ");
            }
            Step::Enter(node) | Step::Leave(node) => {
                if is_block(tree.name(node)) || tree.name(node) == "br" {
                    text.add(" ");
                }
            }
        }
    }
    text
}
