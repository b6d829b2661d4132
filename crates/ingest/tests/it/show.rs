//! How does a test say what it expects to be read? One line for each block: what it is, where it stands, its text.

use std::fmt::Write as _;

use intramuros_core::document::{BlockKind, Extracted, Limits};

/// Reads a file under the default limits.
pub fn read(name: &str, bytes: &[u8]) -> Result<Extracted, intramuros_core::document::ExtractError> {
    intramuros_ingest::extract(name, bytes, &Limits::default())
}

/// Checks the blocks that are read from a file.
#[track_caller]
pub fn check(name: &str, bytes: impl AsRef<[u8]>, expected: &[&str]) {
    let extracted = read(name, bytes.as_ref()).unwrap();
    assert_eq!(blocks(&extracted), expected.join("\n"));
}

/// Checks the word of the reason why a file is not read.
#[track_caller]
pub fn check_refused(name: &str, bytes: impl AsRef<[u8]>, reason: &str) {
    let outcome = read(name, bytes.as_ref());
    assert_eq!(outcome.as_ref().map_err(|error| error.word()).err(), Some(reason), "{outcome:?}");
}

/// Blocks as `h2:14 text`, `p:3`, `li1:4`, `row:5`, `head:1`, `code:7`, `note`, `remark`, `field`; the section follows
/// in brackets when there is one.
pub fn blocks(extracted: &Extracted) -> String {
    let mut lines = Vec::new();
    for block in &extracted.blocks {
        let mut line = match &block.kind {
            BlockKind::Heading { level } => format!("h{level}"),
            BlockKind::Paragraph => "p".to_owned(),
            BlockKind::ListItem { depth } => format!("li{depth}"),
            BlockKind::TableRow { header: true, .. } => "head".to_owned(),
            BlockKind::TableRow { .. } => "row".to_owned(),
            BlockKind::Code => "code".to_owned(),
            BlockKind::Footnote => "note".to_owned(),
            BlockKind::Comment => "remark".to_owned(),
            BlockKind::Field => "field".to_owned(),
        };
        if let Some(number) = block.place.line {
            write!(line, ":{number}").unwrap();
        }
        if let Some(section) = &block.place.section {
            write!(line, "[{section}]").unwrap();
        }
        lines.push(format!("{line} {}", block.text.replace('\n', "⏎")));
    }
    lines.join("\n")
}

/// Names of the parts with what became of each: `name: text` or `name! reason`; parts within parts follow, indented.
pub fn parts(extracted: &Extracted) -> String {
    let mut out = Vec::new();
    for part in &extracted.parts {
        match &part.outcome {
            Ok(inner) => {
                out.push(format!("{}: {}", part.name, inner.text().replace('\n', " ")).trim_end().to_owned());
                out.extend(parts(inner).lines().map(|line| format!("  {line}")));
            }
            Err(error) => out.push(format!("{}! {}", part.name, error.word())),
        }
    }
    out.join("\n")
}
