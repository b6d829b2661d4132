//! Which blocks do the characters of a story of a DOC file make?

use std::ops::Range;

use intramuros_core::document::{Block, BlockKind, ExtractError, Place};

use super::formats::{Formats, Paragraph};
use super::header::{positions, ranges};
use super::lists::Numbering;
use super::pieces::Text;
use super::styles::Style;
use crate::office::blocks::{Blocks, Row, clean, clean_line};

/// Control characters of the text. This one stands in a field for what its data say.
const SIGN: u16 = 0x01;
const CELL_END: u16 = 0x07;
const LINE_BREAK: u16 = 0x0b;
const PAGE_BREAK: u16 = 0x0c;
const PARAGRAPH_END: u16 = 0x0d;
const FIELD_BEGIN: u16 = 0x13;
const FIELD_RESULT: u16 = 0x14;
const FIELD_END: u16 = 0x15;
const NO_BREAK_HYPHEN: u16 = 0x1e;
/// Stands in place of the characters of symbol fonts, and for itself.
const BRACKET: u16 = 0x28;

/// Fields within fields.
pub(super) const FIELDS: usize = 64;

/// Notes of one kind: where the body refers to each, and where its text stands.
#[derive(Default)]
pub struct Notes {
    list: Vec<(usize, Range<usize>)>,
}

impl Notes {
    /// Reads the two tables of a kind of notes; their texts count from `start`.
    pub fn read(tables: &[u8], refs: Range<usize>, texts: Range<usize>, start: usize) -> Notes {
        let texts = positions(tables, texts, 0);
        let list =
            ranges(&texts).map(|text| start.saturating_add(text.start)..start.saturating_add(text.end));
        // The size of an entry of the table of references follows from how many notes there are.
        let count = texts.len().saturating_sub(2);
        let size = (refs.len().saturating_sub(4)).checked_div(count).unwrap_or_default().saturating_sub(4);
        let refs = positions(tables, refs, size);
        Notes { list: refs.into_iter().take(count).zip(list).collect() }
    }
}

/// Tells stories: characters become blocks.
pub struct Teller<'t> {
    text: &'t Text,
    formats: &'t Formats,
    numbering: Numbering,
}

/// What a story has told so far and not yet given away.
#[derive(Default)]
struct Told {
    cells: Vec<String>,
    cell: String,
    rows: Vec<Row>,
    next_note: [usize; 3],
    footnotes: u32,
    waiting: Vec<Block>,
}

impl<'t> Teller<'t> {
    /// A teller for a document.
    pub fn new(text: &'t Text, formats: &'t Formats, numbering: Numbering) -> Teller<'t> {
        Teller { text, formats, numbering }
    }

    /// Tells a story; `notes` are footnotes, endnotes and comments, placed after the paragraph or table that refers
    /// to them.
    ///
    /// # Errors
    /// When there is too much text.
    pub fn tell(
        &mut self,
        story: Range<usize>,
        notes: &[Notes],
        blocks: &mut Blocks<'_>,
    ) -> Result<(), ExtractError> {
        let mut told = Told::default();
        let mut start = story.start;
        let units = self.text.slice(story.clone());
        for (offset, unit) in units.iter().enumerate() {
            let at = story.start + offset;
            if !matches!(*unit, PARAGRAPH_END | CELL_END | PAGE_BREAK) {
                continue;
            }
            let paragraph =
                self.text.byte_of(at).map(|byte| self.formats.paragraph(byte)).unwrap_or_default();
            let style = self.formats.style(paragraph.style);
            let text = self.shown(start..at);
            // A break of pages parts a paragraph; a mark that was deleted ends none.
            let counts = (*unit != PAGE_BREAK || !text.trim().is_empty()) && !self.is_hidden(at);
            let text = if counts { self.labelled(&paragraph, &style, text) } else { text };
            self.gather_notes(at, notes, &mut told, blocks)?;
            start = at + 1;
            if *unit == CELL_END || paragraph.in_table {
                told.add_to_table(*unit, &paragraph, &text);
                continue;
            }
            told.flush_table(blocks)?;
            blocks.push(kind_of(&paragraph, &style), &text, Place::default())?;
            blocks.list.append(&mut told.waiting);
        }
        let rest = self.shown(start..story.end);
        told.flush_table(blocks)?;
        blocks.push(BlockKind::Paragraph, &rest, Place::default())?;
        self.gather_notes(usize::MAX, notes, &mut told, blocks)?;
        blocks.list.append(&mut told.waiting);
        Ok(())
    }

    /// The text of a paragraph behind the number that the program shows before it. Empty items are counted too; a cell
    /// may hold nothing but the number of its row.
    fn labelled(&mut self, paragraph: &Paragraph, style: &Style, text: String) -> String {
        let list = paragraph.list.unwrap_or(style.list);
        if list == 0 || paragraph.row_end {
            return text;
        }
        let label = self.numbering.label(list, paragraph.depth.unwrap_or(style.depth));
        let shows = !label.is_empty() && (paragraph.in_table || !text.trim().is_empty());
        if shows { format!("{label} {text}") } else { text }
    }

    /// The text of a story in one line.
    pub fn flat(&self, story: Range<usize>) -> String {
        clean_line(&self.shown(story))
    }

    /// Takes the notes up to a place. They wait for the end of their paragraph or table, but count as text at once.
    fn gather_notes(
        &self,
        until: usize,
        notes: &[Notes],
        told: &mut Told,
        blocks: &Blocks<'_>,
    ) -> Result<(), ExtractError> {
        for (index, (notes, next)) in notes.iter().zip(&mut told.next_note).enumerate() {
            while let Some((_, range)) = notes.list.get(*next).filter(|(reference, _)| *reference <= until) {
                *next += 1;
                let text = clean(&self.shown(range.clone())).replace('\n', " ");
                if text.is_empty() {
                    continue;
                }
                let (kind, text) = if index < 2 {
                    told.footnotes += 1;
                    (BlockKind::Footnote, format!("{} {text}", told.footnotes))
                } else {
                    (BlockKind::Comment, text)
                };
                told.waiting.extend(blocks.counted(kind, &text, Place::default())?);
            }
        }
        Ok(())
    }

    /// The characters of a range as they are shown: without codes of fields, hidden and deleted text.
    fn shown(&self, range: Range<usize>) -> String {
        let mut units: Vec<u16> = Vec::new();
        let mut in_code: Vec<bool> = Vec::new();
        for (offset, unit) in self.text.slice(range.clone()).iter().enumerate() {
            match *unit {
                FIELD_BEGIN if in_code.len() < FIELDS => in_code.push(true),
                FIELD_RESULT => {
                    if let Some(last) = in_code.last_mut() {
                        *last = false;
                    }
                }
                FIELD_END => {
                    in_code.pop();
                }
                SIGN => {
                    // The sign of a form stands behind the code of its field, which must not stand in another code.
                    let outer = in_code.len().saturating_sub(1);
                    if !in_code.iter().take(outer).any(|in_code| *in_code) {
                        units.extend(self.form(range.start + offset).encode_utf16());
                    }
                }
                _ if in_code.contains(&true) => {}
                _ if self.formats.hides() && self.is_hidden(range.start + offset) => {}
                PARAGRAPH_END | LINE_BREAK | CELL_END | PAGE_BREAK => units.push(u16::from(b'\n')),
                NO_BREAK_HYPHEN => units.push(u16::from(b'-')),
                BRACKET => units.extend(self.symbol(range.start + offset).encode_utf16(&mut [0; 2]).iter()),
                other => units.push(other),
            }
        }
        char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    }

    /// The character that a bracket shows.
    fn symbol(&self, character: usize) -> char {
        self.text.byte_of(character).and_then(|byte| self.formats.symbol(byte)).unwrap_or('(')
    }

    /// What the field of a form shows; empty for other signs.
    fn form(&self, character: usize) -> String {
        self.text.byte_of(character).and_then(|byte| self.formats.form(byte)).unwrap_or_default()
    }

    fn is_hidden(&self, character: usize) -> bool {
        self.text.byte_of(character).is_some_and(|byte| self.formats.is_hidden(byte))
    }
}

impl Told {
    fn add_to_table(&mut self, mark: u16, paragraph: &Paragraph, text: &str) {
        if paragraph.row_end {
            let cells = std::mem::take(&mut self.cells);
            self.rows.push(Row { cells, header: paragraph.header_row, ..Row::default() });
            self.cell.clear();
            return;
        }
        self.cell.push_str(text);
        if mark == CELL_END {
            self.cells.push(std::mem::take(&mut self.cell));
        } else {
            self.cell.push(' ');
        }
    }

    fn flush_table(&mut self, blocks: &mut Blocks<'_>) -> Result<(), ExtractError> {
        if !self.cell.trim().is_empty() {
            self.cells.push(std::mem::take(&mut self.cell));
        }
        if !self.cells.is_empty() {
            self.rows.push(Row { cells: std::mem::take(&mut self.cells), ..Row::default() });
        }
        if self.rows.is_empty() {
            return Ok(());
        }
        blocks.push_table(std::mem::take(&mut self.rows), true)
    }
}

fn kind_of(paragraph: &Paragraph, style: &Style) -> BlockKind {
    let heading = match paragraph.outline {
        Some(outline @ 0..=8) => Some(outline.min(5) + 1),
        Some(_) => None,
        None => style.heading,
    };
    match heading {
        Some(level) => BlockKind::Heading { level },
        None if paragraph.list.unwrap_or(style.list) != 0 => {
            BlockKind::ListItem { depth: paragraph.depth.unwrap_or(style.depth) }
        }
        None => BlockKind::Paragraph,
    }
}
