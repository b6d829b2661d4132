//! What does a style of a DOC file make of its paragraphs: headings, items of lists?

use super::formats::{LIST, LIST_DEPTH, OUTLINE, changes, list_of};
use crate::office::bytes::{u16_at, utf16};
use crate::office::docx::heading_level;

/// Styles build on one another; a longer chain is a loop.
const CHAIN: usize = 16;

/// The outline level that means body text.
const BODY_LEVEL: u8 = 9;

/// Numbers by which Word knows its own styles: headings are 1 to 9.
const TITLE: u16 = 62;
const SUBTITLE: u16 = 74;

/// The kind of styles that paragraphs have.
const OF_PARAGRAPHS: u16 = 1;

/// What a style makes of a paragraph that says nothing else.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Style {
    /// The level of the heading, 1 to 6.
    pub heading: Option<u8>,
    /// The use of a list whose item it is, from 1; 0 for none.
    pub list: u16,
    /// The item's depth.
    pub depth: u8,
}

/// A style as the file describes it: what it changes of the one that it builds on.
#[derive(Clone, Debug, Default)]
struct Described {
    known: u16,
    base: usize,
    name: String,
    outline: Option<u8>,
    list: Option<u16>,
    depth: Option<u8>,
}

/// The styles of a document by their numbers.
#[derive(Default)]
pub struct Styles {
    list: Vec<Style>,
}

impl Styles {
    /// Reads the table of styles. A damaged one loses the styles behind the damage.
    pub fn read(table: &[u8]) -> Styles {
        let described = described(table).unwrap_or_default();
        Styles { list: (0..described.len()).map(|index| resolve(&described, index)).collect() }
    }

    /// The style of this number. Without a table the first nine are the headings.
    pub fn style(&self, number: u16) -> Style {
        self.list.get(usize::from(number)).cloned().unwrap_or_else(|| {
            let heading = u8::try_from(number).ok().filter(|level| (1..=9).contains(level));
            Style { heading: heading.map(|level| level.min(6)), ..Style::default() }
        })
    }
}

fn described(table: &[u8]) -> Option<Vec<Described>> {
    let size = usize::from(u16_at(table, 0)?);
    let (count, head) = (u16_at(table, 2)?, usize::from(u16_at(table, 4)?));
    let mut at = 2 + size;
    let mut all = Vec::new();
    for _ in 0..count {
        let Some(size) = u16_at(table, at).map(usize::from) else { break };
        let Some(style) = table.get(at + 2..).and_then(|rest| rest.get(..size)) else { break };
        all.push(describe(style, head).unwrap_or_default());
        at += 2 + size + size % 2;
    }
    Some(all)
}

/// Reads a style, whose name stands behind a head of this size.
fn describe(style: &[u8], head: usize) -> Option<Described> {
    let kind = u16_at(style, 2)?;
    let length = usize::from(u16_at(style, head)?) * 2;
    let name = utf16(style.get(head + 2..)?.get(..length)?);
    let mut described = Described {
        known: u16_at(style, 0)? & 0x0fff,
        base: usize::from(kind >> 4),
        name,
        ..Described::default()
    };
    if kind & 0xf == OF_PARAGRAPHS {
        // The name ends with a zero; what the style changes begins at an even place.
        let list = changed(style, (head + 2 + length + 2).next_multiple_of(2)).unwrap_or_default();
        for (code, value) in changes(list) {
            let first = value.first().copied();
            match code {
                OUTLINE => described.outline = first,
                LIST => described.list = Some(list_of(value)),
                LIST_DEPTH => described.depth = first,
                _ => {}
            }
        }
    }
    Some(described)
}

/// The list of what a style changes, behind its size and the style's own number.
fn changed(style: &[u8], at: usize) -> Option<&[u8]> {
    let size = usize::from(u16_at(style, at)?);
    style.get(at + 2..)?.get(..size)?.get(2..)
}

/// What a style makes of its paragraphs, with all that it builds on.
fn resolve(all: &[Described], index: usize) -> Style {
    let mut chain = Vec::new();
    let mut next = all.get(index);
    while let Some(style) = next.filter(|_| chain.len() < CHAIN) {
        chain.push(style);
        next = all.get(style.base);
    }
    Style {
        heading: chain.iter().find_map(|style| heading_of(style)).flatten(),
        list: chain.iter().find_map(|style| style.list).unwrap_or_default(),
        depth: chain.iter().find_map(|style| style.depth).unwrap_or_default().min(8),
    }
}

/// The level that a style gives by itself; none inside when it is none for sure.
fn heading_of(style: &Described) -> Option<Option<u8>> {
    match (style.known, style.outline) {
        (1..=9, _) => Some(u8::try_from(style.known).ok().map(|level| level.min(6))),
        (TITLE, _) => Some(Some(1)),
        (SUBTITLE, _) | (_, Some(BODY_LEVEL..)) => Some(None),
        (_, Some(outline)) => Some(Some((outline + 1).min(6))),
        (_, None) => heading_level(&style.name).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(known: u16, base: usize, name: &str) -> Described {
        Described { known, base, name: name.to_owned(), ..Described::default() }
    }

    #[test]
    fn headings_by_number_name_and_base() {
        let none = 0x0fff;
        let all = [
            style(0, none, "Normal"),
            style(2, 0, "heading 2"),
            style(0x0ffe, 1, "Partie maison"),
            style(TITLE, 0, "Title"),
            style(SUBTITLE, 3, "Subtitle"),
            style(0x0ffe, 5, "builds on itself"),
        ];
        let levels: Vec<Option<u8>> = (0..all.len()).map(|index| resolve(&all, index).heading).collect();
        assert_eq!(levels, [None, Some(2), Some(2), Some(1), None, None]);
    }

    #[test]
    fn a_file_without_styles_has_nine_headings() {
        let styles = Styles::read(&[]);
        let levels = [0, 1, 9, 10].map(|number| styles.style(number).heading);
        assert_eq!(levels, [None, Some(1), Some(6), None]);
    }
}
