//! How is what was read from a file shown to a person, as text?

use intramuros_core::document::{Block, BlockKind, CELL_SEPARATOR, Extracted, Kind, Part};

use crate::text::date;

/// Shows what was read as Markdown-like text: title, author and date as front matter; headings with `#`; list items
/// with `-`; tables between `|`, or between commas for a file of comma-separated values; pages as `--- page 3 ---`
/// and sections as `--- Sheet1 ---`; the files inside after `=== name ===`, each with its text or the reason why
/// there is none. It is what `intramuros extract FILE` prints.
pub fn render(extracted: &Extracted) -> String {
    let mut out = String::new();
    document(extracted, &mut out);
    for part in &extracted.parts {
        self::part(part, &part.name, &mut out);
    }
    out
}

fn document(extracted: &Extracted, out: &mut String) {
    front_matter(extracted, out);
    let mut page = None;
    let mut section: Option<&str> = None;
    let mut before: Option<&Block> = None;
    for block in &extracted.blocks {
        if block.place.page.is_some() && block.place.page != page {
            page = block.place.page;
            rule(&format!("page {}", page.unwrap_or_default()), out);
            before = None;
        }
        // A chat message names its author and time itself.
        let here = block.place.section.as_deref();
        if here != section && extracted.kind != Some(Kind::Chat) {
            section = here;
            if let Some(section) = section {
                rule(section, out);
            }
            before = None;
        }
        if before.is_some_and(|before| stands_apart(before, block)) {
            out.push('\n');
        }
        self::block(block, before, extracted.kind, out);
        before = Some(block);
    }
    for picture in &extracted.pictures {
        match picture.page {
            Some(page) => rule(&format!("page {page}: a picture, needs OCR"), out),
            None => rule("a picture, needs OCR", out),
        }
    }
    for warning in &extracted.warnings {
        rule(&format!("warning: {warning}"), out);
    }
}

fn front_matter(extracted: &Extracted, out: &mut String) {
    let title = extracted.title.as_deref().map(|title| format!("title: {title}\n"));
    let author = extracted.author.as_deref().map(|author| format!("author: {author}\n"));
    let written = extracted.written_ms.map(|ms| format!("date: {}\n", date::show(ms)));
    let lines: String = [title, author, written].into_iter().flatten().collect();
    if !lines.is_empty() {
        out.push_str("---\n");
        out.push_str(&lines);
        out.push_str("---\n\n");
    }
}

fn rule(what: &str, out: &mut String) {
    if !out.is_empty() && !out.ends_with("\n\n") {
        out.push('\n');
    }
    out.push_str("--- ");
    out.push_str(what);
    out.push_str(" ---\n\n");
}

/// Whether a blank line stands between two blocks: not between items of a list, rows of a table or fields.
fn stands_apart(before: &Block, block: &Block) -> bool {
    match (&before.kind, &block.kind) {
        (BlockKind::ListItem { .. }, BlockKind::ListItem { .. }) | (BlockKind::Field, BlockKind::Field) => {
            false
        }
        (BlockKind::TableRow { table, .. }, BlockKind::TableRow { table: other, .. }) => table != other,
        // Lines that follow one another in the file are lines of one paragraph.
        (BlockKind::Paragraph, BlockKind::Paragraph) => match (before.place.line, block.place.line) {
            (Some(line), Some(next)) => next > line + 1,
            _ => true,
        },
        _ => true,
    }
}

fn block(block: &Block, before: Option<&Block>, kind: Option<Kind>, out: &mut String) {
    let text = &block.text;
    match &block.kind {
        BlockKind::Heading { level } => {
            for _ in 0..*level {
                out.push('#');
            }
            out.push(' ');
            out.push_str(text);
        }
        BlockKind::ListItem { depth } => {
            for _ in 0..*depth {
                out.push_str("  ");
            }
            if !starts_with_number(text) {
                out.push_str("- ");
            }
            out.push_str(text);
        }
        BlockKind::TableRow { table, header } => {
            let first = !before.is_some_and(
                |before| matches!(before.kind, BlockKind::TableRow { table: other, .. } if other == *table),
            );
            row(text, *header && first, is_separated(block, kind), out);
        }
        BlockKind::Code => {
            let fence = if text.contains("```") { "~~~~" } else { "```" };
            out.push_str(fence);
            out.push('\n');
            out.push_str(text);
            out.push('\n');
            out.push_str(fence);
        }
        BlockKind::Paragraph | BlockKind::Footnote | BlockKind::Comment | BlockKind::Field => {
            out.push_str(text)
        }
    }
    out.push('\n');
}

/// Whether a row comes from a file of separated values, whose rows have lines.
fn is_separated(block: &Block, kind: Option<Kind>) -> bool {
    kind == Some(Kind::Sheet) && block.place.line.is_some()
}

fn row(text: &str, first_header: bool, separated: bool, out: &mut String) {
    let cells: Vec<&str> = text.split(CELL_SEPARATOR).collect();
    if separated {
        for (index, cell) in cells.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            if cell.contains([',', '"']) {
                out.push('"');
                out.push_str(&cell.replace('"', "\"\""));
                out.push('"');
            } else {
                out.push_str(cell);
            }
        }
        return;
    }
    out.push_str("| ");
    out.push_str(text);
    out.push_str(" |");
    if first_header {
        out.push_str("\n|");
        for _ in &cells {
            out.push_str(" --- |");
        }
    }
}

/// Whether an item of a list carries its own number (`3. `).
fn starts_with_number(text: &str) -> bool {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    digits > 0 && text.get(digits..).is_some_and(|rest| rest.starts_with(". ") || rest.starts_with(") "))
}

fn part(part: &Part, path: &str, out: &mut String) {
    if !out.is_empty() {
        out.push('\n');
    }
    out.push_str("=== ");
    out.push_str(path);
    out.push_str(" ===\n\n");
    match &part.outcome {
        Err(reason) => {
            out.push_str("not read: ");
            out.push_str(&reason.to_string());
            out.push('\n');
        }
        Ok(extracted) => {
            document(extracted, out);
            for inner in &extracted.parts {
                self::part(inner, &format!("{path}/{}", inner.name), out);
            }
        }
    }
}
