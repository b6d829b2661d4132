//! What does this plain text say, whatever its encoding?
//!
//! Blocks are separated by blank lines. A list item is a block of its own; a heading is one only when nothing else
//! could be meant: underlined, in capitals on a line by itself, or named as an article or a chapter.

use intramuros_core::document::{BlockKind, ExtractError, Extracted, Kind};

use super::inline::Inline;
use super::{encoding, writer::Writer, writer::at_line};
use crate::Budget;

/// Longest line that can be a heading, in characters.
const HEADING_CHARS: usize = 100;

/// Lines at least this long, in characters, all of about the same length, were wrapped by a program: their breaks mean
/// nothing.
const WRAPPED_CHARS: usize = 40;

/// Characters of indentation for each level of a list.
const INDENT: usize = 2;

/// Reads plain text in any encoding.
///
/// # Errors
/// When the bytes are not text, or a limit is reached.
pub fn extract(_name: &str, bytes: &[u8], budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    let text = encoding::decode(bytes, None)?;
    let mut writer = Writer::new(Kind::Text, budget);
    write(&text, &mut writer)?;
    writer.finish()
}

/// A line with its number in the file, from 1. A form feed ends a line, but it begins none of the file's.
#[derive(Clone, Copy)]
struct Line<'a> {
    text: &'a str,
    number: u32,
}

impl Line<'_> {
    fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }
}

/// Writes the blocks of a text; also used for the bodies of mails. The first heading becomes the title.
///
/// # Errors
/// When a limit is reached.
pub fn write(text: &str, writer: &mut Writer<'_>) -> Result<(), ExtractError> {
    let numbered = text.split('\n').zip(1u32..);
    let lines: Vec<Line<'_>> = numbered
        .flat_map(|(line, number)| line.split('\u{C}').map(move |text| Line { text, number }))
        .collect();
    let mut start = 0;
    while start < lines.len() {
        if lines.get(start).is_some_and(Line::is_blank) {
            start += 1;
            continue;
        }
        let end =
            lines.iter().skip(start).position(Line::is_blank).map_or(lines.len(), |length| start + length);
        let followed = lines.iter().skip(end).any(|line| !line.is_blank());
        write_block(lines.get(start..end).unwrap_or_default(), followed, writer)?;
        start = end;
    }
    Ok(())
}

/// Writes the lines between two blank ones.
fn write_block(mut lines: &[Line<'_>], followed: bool, writer: &mut Writer<'_>) -> Result<(), ExtractError> {
    if let [heading, underline, rest @ ..] = lines
        && let Some(level) = underline_level(heading.text, underline.text)
    {
        write_heading(level, *heading, writer)?;
        lines = rest;
    } else if let [line] = lines
        && followed
        && let Some(level) = lone_heading_level(line.text)
    {
        return write_heading(level, *line, writer);
    }
    while let Some(first) = lines.first() {
        let item = list_item(first.text);
        // An item runs to the next item; other text runs to the first item.
        let length = 1 + lines
            .iter()
            .skip(1)
            .take_while(|line| list_item(line.text).is_none() && (item.is_none() || !is_rule(line.text)))
            .count();
        let (these, rest) = lines.split_at(length);
        match item {
            Some((depth, text)) => {
                let rest = these.get(1..).unwrap_or_default();
                write_joined(BlockKind::ListItem { depth }, Line { text, ..*first }, rest, writer)?;
            }
            None => write_paragraph(*first, these, writer)?,
        }
        lines = rest;
    }
    Ok(())
}

fn write_heading(level: u8, line: Line<'_>, writer: &mut Writer<'_>) -> Result<(), ExtractError> {
    if writer.is_empty() {
        writer.title(line.text);
    }
    writer.block(BlockKind::Heading { level }, line.text, at_line(line.number))
}

/// Writes a line and those that continue it as one block.
fn write_joined(
    kind: BlockKind,
    first: Line<'_>,
    rest: &[Line<'_>],
    writer: &mut Writer<'_>,
) -> Result<(), ExtractError> {
    let mut joined = Inline::default();
    joined.push(first.text, first.number);
    for line in rest {
        joined.add(" ");
        joined.push(line.text, line.number);
    }
    writer.block(kind, joined.text(), at_line(first.number))
}

fn write_paragraph(first: Line<'_>, lines: &[Line<'_>], writer: &mut Writer<'_>) -> Result<(), ExtractError> {
    let lengths = lines.iter().map(|line| line.text.trim().chars().count());
    let longest = lengths.clone().max().unwrap_or_default();
    let wrapped = longest >= WRAPPED_CHARS
        && lines.len() > 1
        && lengths.take(lines.len() - 1).all(|length| length * 3 >= longest * 2);
    if wrapped || lines.len() == 1 {
        write_joined(BlockKind::Paragraph, first, lines.get(1..).unwrap_or_default(), writer)
    } else {
        // A log or a verse is cited by its line.
        for line in lines.iter().filter(|line| !is_rule(line.text)) {
            writer.block(BlockKind::Paragraph, line.text, at_line(line.number))?;
        }
        Ok(())
    }
}

/// A line of signs only: it separates and says nothing.
fn is_rule(line: &str) -> bool {
    let line = line.trim();
    line.len() >= 3 && line.chars().all(|character| "-=_*~+#".contains(character))
}

/// The level of a heading underlined with `=` (1) or `-` (2), about as long as the heading.
fn underline_level(heading: &str, underline: &str) -> Option<u8> {
    let (heading, underline) = (heading.trim(), underline.trim());
    let level = match underline.chars().next()? {
        '=' => 1,
        '-' | '~' => 2,
        _ => return None,
    };
    let sign = underline.chars().next()?;
    let length = heading.chars().count();
    let fits = underline.chars().all(|character| character == sign)
        && underline.len() >= 3
        && underline.len().abs_diff(length) <= 3
        && length <= HEADING_CHARS
        && heading.chars().any(char::is_alphabetic);
    fits.then_some(level)
}

/// Words that name a division of a text, when a number follows.
const DIVISIONS: [&str; 14] = [
    "annexe", "annex", "appendix", "article", "chapitre", "chapter", "livre", "part", "partie", "section",
    "titre", "title", "book", "scene",
];

/// The level of a heading that stands on a line by itself.
fn lone_heading_level(line: &str) -> Option<u8> {
    let line = line.trim();
    if line.chars().count() > HEADING_CHARS || line.ends_with(['.', ',', ';', ':', '!', '?']) || is_rule(line)
    {
        return None;
    }
    let letters = line.chars().filter(|character| character.is_alphabetic()).count();
    let capitals =
        letters >= 4 && !line.chars().any(char::is_lowercase) && line.chars().any(char::is_uppercase);
    // Identifiers, hashes and amounts are in capitals too.
    if capitals && letters * 2 > line.chars().filter(|character| !character.is_whitespace()).count() {
        return Some(1);
    }
    let mut words = line.split_whitespace();
    let first = words.next()?.to_lowercase();
    let number = words.next()?;
    let numbered = number.trim_end_matches([':', '.', '-', '–', '—']);
    let is_number = numbered.chars().any(|character| character.is_ascii_digit())
        || (!numbered.is_empty() && numbered.chars().all(|character| "IVXLCDM".contains(character)))
        || numbered == "premier";
    (DIVISIONS.contains(&first.as_str()) && is_number).then_some(2)
}

/// Depth and text of a list item: `- `, `* `, `• `, `1. `, `2) `, `a) `. The number stays in the text.
fn list_item(line: &str) -> Option<(u8, &str)> {
    let text = line.trim_start();
    let indent: usize = line
        .get(..line.len() - text.len())?
        .chars()
        .map(|character| if character == '\t' { 4 } else { 1 })
        .sum();
    let depth = u8::try_from(indent / INDENT).unwrap_or(u8::MAX);
    for bullet in ['-', '*', '•', '◦', '▪', '‣', '–', '·', 'o'] {
        if let Some(rest) = text.strip_prefix(bullet) {
            // The letter o is a bullet only when indented, as word processors write second levels.
            let is_item =
                rest.starts_with([' ', '\t']) && (bullet != 'o' || depth > 0) && !rest.trim().is_empty();
            return is_item.then(|| (depth, rest.trim()));
        }
    }
    let mark = text.find(|character: char| !character.is_ascii_alphanumeric())?;
    let (label, rest) = text.split_at(mark);
    let numbered = label.len() <= 3 && !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit());
    let lettered = label.len() == 1 && rest.starts_with(')');
    let rest = rest.strip_prefix(['.', ')'])?;
    ((numbered || lettered) && rest.starts_with([' ', '\t']) && !rest.trim().is_empty())
        .then_some((depth, text))
}
