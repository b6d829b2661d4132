//! What is this paragraph of a DOC file, and which character is shown here, if any?

use std::ops::Range;

use super::forms;
use super::header::{Header, Table};
use super::styles::{Style, Styles};
use crate::office::bytes::{u16_at, u32_at, utf16};
use crate::office::docx::symbol_of_code;

/// Formats are kept in pages of this size.
const PAGE: usize = 512;

/// Bytes of one entry of a page of paragraph formats.
const PARAGRAPH_ENTRY: usize = 13;

/// Codes of the changes of format that are looked at.
const HIDDEN: u16 = 0x083c;
const DELETED: u16 = 0x0800;
const IN_TABLE: u16 = 0x2416;
const ROW_END: u16 = 0x2417;
const HEADER_ROW: u16 = 0x3404;
const SYMBOL: u16 = 0x6a09;
const IS_DATA: u16 = 0x0806;
const DATA_AT: u16 = 0x6a03;
pub(super) const LIST_DEPTH: u16 = 0x260a;
pub(super) const LIST: u16 = 0x460b;
pub(super) const OUTLINE: u16 = 0x2640;

/// Bytes of the description of a font before its name.
const FONT_HEAD: usize = 39;

/// A table's definition and its tabs have lengths of their own.
const TABLE_DEFINITION: u16 = 0xd608;
const TABS: u16 = 0xc615;

/// What a paragraph is.
#[derive(Clone, Debug, Default)]
pub struct Paragraph {
    /// The style by its number.
    pub style: u16,
    /// Outline level from 0; 9 is body text.
    pub outline: Option<u8>,
    /// Whether it stands in a table.
    pub in_table: bool,
    /// Whether it ends a row.
    pub row_end: bool,
    /// Whether that row repeats on every page.
    pub header_row: bool,
    /// The use of a list whose item it is, from 1, and 0 for none; its style says so otherwise.
    pub list: Option<u16>,
    /// The item's depth.
    pub depth: Option<u8>,
}

/// The formats of a document by bytes of the main stream.
#[derive(Default)]
pub struct Formats {
    paragraphs: Vec<(Range<usize>, Paragraph)>,
    hidden: Vec<Range<usize>>,
    /// Characters of symbol fonts: a bracket stands in their place in the text.
    symbols: Vec<(Range<usize>, char)>,
    /// Signs that say where their data stand in the stream of data: fields of forms, links.
    signs: Vec<(Range<usize>, usize)>,
    /// That stream, when a sign needs it.
    data: Vec<u8>,
    styles: Styles,
}

impl Formats {
    /// Reads the pages of formats. Damaged ones are left out: the text is worth more than its format.
    pub fn read(header: &Header, main: &[u8], tables: &[u8]) -> Formats {
        let table = |table| tables.get(header.table(table)).unwrap_or_default();
        let mut formats = Formats { styles: Styles::read(table(Table::Styles)), ..Formats::default() };
        let fonts = fonts(table(Table::Fonts));
        for page in pages(main, tables, header.table(Table::ParagraphFormats)) {
            for (range, at) in entries(page, PARAGRAPH_ENTRY) {
                formats.paragraphs.push((range, read_paragraph(page, at).unwrap_or_default()));
            }
        }
        for page in pages(main, tables, header.table(Table::CharacterFormats)) {
            for (range, at) in entries(page, 1) {
                let size = page.get(at).copied().unwrap_or_default();
                let changes = page.get(at + 1..).and_then(|rest| rest.get(..usize::from(size)));
                let Some(changes) = changes.filter(|_| at > 0) else { continue };
                if is_hidden(changes) {
                    formats.hidden.push(range);
                } else if let Some(symbol) = symbol(changes, &fonts) {
                    formats.symbols.push((range, symbol));
                } else if let Some(at) = data_at(changes) {
                    formats.signs.push((range, at));
                }
            }
        }
        formats.paragraphs.sort_by_key(|(range, _)| range.start);
        formats.hidden.sort_by_key(|range| range.start);
        formats.symbols.sort_by_key(|(range, _)| range.start);
        formats.signs.sort_by_key(|(range, _)| range.start);
        formats
    }

    /// The paragraph whose mark stands at this byte.
    pub fn paragraph(&self, byte: usize) -> Paragraph {
        at_byte(&self.paragraphs, byte).cloned().unwrap_or_default()
    }

    /// Whether the character at this byte is hidden or was deleted by a tracked change.
    pub fn is_hidden(&self, byte: usize) -> bool {
        let index = self.hidden.partition_point(|range| range.start <= byte);
        index
            .checked_sub(1)
            .and_then(|index| self.hidden.get(index))
            .is_some_and(|range| range.contains(&byte))
    }

    /// The character of a symbol font that is shown in place of the one at this byte.
    pub fn symbol(&self, byte: usize) -> Option<char> {
        at_byte(&self.symbols, byte).copied()
    }

    /// Whether a sign refers to the stream of data.
    pub fn needs_data(&self) -> bool {
        !self.signs.is_empty()
    }

    /// Keeps the stream of data.
    pub fn keep_data(&mut self, data: Vec<u8>) {
        self.data = data;
    }

    /// What the field of a form shows whose sign stands at this byte.
    pub fn form(&self, byte: usize) -> Option<String> {
        forms::shown(&self.data, *at_byte(&self.signs, byte)?)
    }

    /// What the style of this number makes of its paragraphs.
    pub fn style(&self, number: u16) -> Style {
        self.styles.style(number)
    }

    /// Whether any character is hidden at all.
    pub fn hides(&self) -> bool {
        !self.hidden.is_empty()
    }
}

/// What the range holds in which this byte stands; the ranges are in order.
fn at_byte<T>(ranges: &[(Range<usize>, T)], byte: usize) -> Option<&T> {
    let index = ranges.partition_point(|(range, _)| range.start <= byte);
    let (range, held) = ranges.get(index.checked_sub(1)?)?;
    range.contains(&byte).then_some(held)
}

/// The pages that a table lists.
fn pages<'m>(main: &'m [u8], tables: &[u8], range: Range<usize>) -> Vec<&'m [u8]> {
    let Some(table) = tables.get(range) else { return Vec::new() };
    let count = table.len().saturating_sub(4) / 8;
    let mut pages = Vec::new();
    for index in 0..count {
        let Some(number) = u32_at(table, 4 * (count + 1) + 4 * index) else { break };
        // Pages beyond the file, or the same one again and again, come from damaged tables.
        let at = (number & 0x003f_ffff) as usize * PAGE;
        match main.get(at..).and_then(|rest| rest.get(..PAGE)) {
            Some(page) if pages.len() <= main.len() / PAGE => pages.push(page),
            _ => break,
        }
    }
    pages
}

/// The ranges of bytes of a page and where the format of each stands in the page; 0 for none.
fn entries(page: &[u8], size: usize) -> Vec<(Range<usize>, usize)> {
    let count = usize::from(page.get(PAGE - 1).copied().unwrap_or_default());
    let mut entries = Vec::with_capacity(count);
    for index in 0..count {
        let (Some(start), Some(end)) = (u32_at(page, 4 * index), u32_at(page, 4 * index + 4)) else { break };
        let at = page.get(4 * (count + 1) + size * index).copied().unwrap_or_default();
        entries.push((start as usize..end as usize, usize::from(at) * 2));
    }
    entries
}

fn read_paragraph(page: &[u8], at: usize) -> Option<Paragraph> {
    if at == 0 {
        return Some(Paragraph::default());
    }
    let words = usize::from(*page.get(at)?);
    let (start, size) =
        if words == 0 { (at + 2, usize::from(*page.get(at + 1)?) * 2) } else { (at + 1, words * 2 - 1) };
    let data = page.get(start..)?.get(..size)?;
    let mut paragraph = Paragraph { style: u16_at(data, 0)?, ..Paragraph::default() };
    for (code, value) in changes(data.get(2..)?) {
        let first = value.first().copied().unwrap_or_default();
        match code {
            IN_TABLE => paragraph.in_table = first != 0,
            ROW_END => paragraph.row_end = first != 0,
            HEADER_ROW => paragraph.header_row = first != 0,
            LIST_DEPTH => paragraph.depth = Some(first.min(8)),
            LIST => paragraph.list = Some(list_of(value)),
            OUTLINE => paragraph.outline = Some(first),
            _ => {}
        }
    }
    Some(paragraph)
}

/// The use of a list that a number stands for, from 1; 0 for none. A negative one leaves the indents to the paragraph.
pub(super) fn list_of(value: &[u8]) -> u16 {
    match u16_at(value, 0) {
        None | Some(0xf801) => 0,
        Some(number @ 0xf802..) => number.wrapping_neg(),
        Some(number) => number,
    }
}

/// The names of the fonts, by their numbers.
fn fonts(table: &[u8]) -> Vec<String> {
    let count = u16_at(table, 0).unwrap_or_default();
    let mut at = 4;
    let mut fonts = Vec::new();
    for _ in 0..count {
        let Some(size) = table.get(at).copied().map(usize::from) else { break };
        let font = table.get(at + 1..).and_then(|rest| rest.get(..size)).unwrap_or_default();
        let name = utf16(font.get(FONT_HEAD..).unwrap_or_default());
        fonts.push(name.split('\0').next().unwrap_or_default().to_owned());
        at += 1 + size;
    }
    fonts
}

/// The character of a symbol font that a run shows; a space for ornaments.
fn symbol(data: &[u8], fonts: &[String]) -> Option<char> {
    let (_, value) = changes(data).find(|(code, _)| *code == SYMBOL)?;
    let (font, code) = (u16_at(value, 0)?, u16_at(value, 2)?);
    let font = fonts.get(usize::from(font)).map_or("", String::as_str);
    Some(symbol_of_code(font, u32::from(code)).unwrap_or(' '))
}

/// Where the data of a sign stand.
fn data_at(data: &[u8]) -> Option<usize> {
    let is_on = |(code, value): (u16, &[u8])| code == IS_DATA && value.first() == Some(&1);
    if !changes(data).any(is_on) {
        return None;
    }
    let (_, value) = changes(data).find(|(code, _)| *code == DATA_AT)?;
    usize::try_from(u32_at(value, 0)?).ok()
}

fn is_hidden(data: &[u8]) -> bool {
    changes(data)
        .any(|(code, value)| matches!(code, HIDDEN | DELETED) && value.first().is_some_and(|&on| on & 1 == 1))
}

/// The changes of format in a list: code and value.
pub(super) fn changes(data: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let code = u16_at(data, at)?;
        at += 2;
        let size = match code >> 13 {
            0 | 1 => 1,
            2 | 4 | 5 => 2,
            3 => 4,
            7 => 3,
            _ if code == TABLE_DEFINITION => 1 + usize::from(u16_at(data, at)?),
            // Too many tabs for a byte: the rest of the list is theirs.
            _ if code == TABS && data.get(at) == Some(&255) => data.len().checked_sub(at)?,
            _ => 1 + usize::from(*data.get(at)?),
        };
        let value = data.get(at..)?.get(..size)?;
        at += size;
        Some((code, value))
    })
}
