//! How does a table fit the width of the terminal?

use super::Terminal;

/// Columns narrower than this say nothing.
const MIN_COLUMN: usize = 8;

/// A table with a heading, as text that fits the width; long cells are folded.
pub fn render(headings: &[&str], rows: &[Vec<String>], terminal: Terminal) -> String {
    let columns = headings.len();
    let mut widths: Vec<usize> = headings.iter().map(|text| text.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let gaps = 2 * columns.saturating_sub(1);
    let budget = terminal.width.max(columns * MIN_COLUMN + gaps) - gaps;
    while widths.iter().sum::<usize>() > budget {
        let Some(widest) = (0..columns).max_by_key(|&at| widths[at]) else { break };
        if widths[widest] <= MIN_COLUMN {
            break;
        }
        widths[widest] -= 1;
    }
    let mut out = String::new();
    let heading: Vec<String> = headings.iter().map(|&text| text.to_owned()).collect();
    push_row(&mut out, &heading, &widths, terminal.colour.then_some("1"));
    let rule: Vec<String> = widths.iter().map(|&width| "─".repeat(width)).collect();
    push_row(&mut out, &rule, &widths, terminal.colour.then_some("2"));
    for row in rows {
        push_row(&mut out, row, &widths, None);
    }
    out
}

fn push_row(out: &mut String, row: &[String], widths: &[usize], style: Option<&str>) {
    let folded: Vec<Vec<String>> = row.iter().zip(widths).map(|(cell, &width)| fold(cell, width)).collect();
    let height = folded.iter().map(Vec::len).max().unwrap_or(0);
    for line in 0..height {
        let mut text = String::new();
        for (at, cell) in folded.iter().enumerate() {
            let part = cell.get(line).map_or("", String::as_str);
            text.push_str(part);
            if at + 1 < folded.len() {
                text.extend(std::iter::repeat_n(' ', widths[at].saturating_sub(part.chars().count()) + 2));
            }
        }
        let text = text.trim_end();
        match style {
            Some(code) => out.push_str(&format!("\u{1b}[{code}m{text}\u{1b}[0m\n")),
            None => out.push_str(&format!("{text}\n")),
        }
    }
}

/// Folds at spaces, commas and slashes where possible.
fn fold(cell: &str, width: usize) -> Vec<String> {
    let characters: Vec<char> = cell.chars().collect();
    let mut lines = Vec::new();
    let mut start = 0;
    while characters.len() - start > width {
        let window = &characters[start..start + width];
        let cut = window.iter().rposition(|c| matches!(c, ' ' | ',' | '/' | '-')).map_or(width, |at| at + 1);
        lines.push(characters[start..start + cut].iter().collect::<String>().trim_end().to_owned());
        start += cut;
    }
    lines.push(characters[start..].iter().collect());
    lines
}
