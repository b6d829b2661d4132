//! What is in this source code, item by item?
//!
//! Languages are not parsed: items are what blank lines separate at the left margin. Comments stay with their item, so
//! that their words find it.

use intramuros_core::document::{BlockKind, ExtractError, Extracted, Kind};

use super::encoding;
use super::writer::{Writer, at_line};
use crate::Budget;

/// Items longer than this many lines are cut at blank lines inside them as well.
const LONG_ITEM: usize = 60;

/// Reads source code.
///
/// # Errors
/// When the bytes are not text, or a limit is reached.
pub fn extract(_name: &str, bytes: &[u8], budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    let text = encoding::decode(bytes, None)?;
    let mut writer = Writer::new(Kind::Code, budget);
    let lines: Vec<&str> = text.lines().collect();
    let mut start = 0;
    for end in (1..=lines.len()).filter(|end| begins_item(&lines, *end)) {
        let item = lines.get(start..end).unwrap_or_default();
        if item.len() <= LONG_ITEM {
            write(item, start, &mut writer)?;
        } else {
            let mut from = 0;
            for to in (1..=item.len())
                .filter(|to| *to == item.len() || item.get(to - 1).is_some_and(|line| line.trim().is_empty()))
            {
                // Pieces of a few lines say little by themselves.
                if to == item.len() || to - from >= LONG_ITEM / 4 {
                    write(item.get(from..to).unwrap_or_default(), start + from, &mut writer)?;
                    from = to;
                }
            }
        }
        start = end;
    }
    writer.finish()
}

/// Whether an item ends before line `end`: after a blank line, at the left margin, unless it closes the one before.
fn begins_item(lines: &[&str], end: usize) -> bool {
    let Some(line) = lines.get(end) else { return true };
    let blank_before = end > 0 && lines.get(end - 1).is_some_and(|line| line.trim().is_empty());
    blank_before
        && line.starts_with(|first: char| !first.is_whitespace() && !matches!(first, '}' | ')' | ']'))
}

fn write(lines: &[&str], index: usize, writer: &mut Writer<'_>) -> Result<(), ExtractError> {
    let line = u32::try_from(index + 1).unwrap_or(u32::MAX);
    writer.block(BlockKind::Code, &lines.join("\n"), at_line(line))
}
