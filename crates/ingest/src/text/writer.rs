//! What does every reader promise about a block, and who keeps the promise?
//!
//! A [`Writer`] collects blocks for one document: it cleans their text, leaves out empty ones and counts them against
//! the budget, so that a reader only says what it found.
//!
//! Where a place has a line, each line break in a text is one of the original, and the block keeps where its lines begin.
//! A reader whose values hold line breaks of another kind (escapes) makes spaces of them first.

use std::borrow::Cow;

use intramuros_core::document::{Block, BlockKind, CELL_SEPARATOR, ExtractError, Extracted, Kind, Place};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::Budget;

/// Longest title, in characters: longer ones are text that was marked as a title by mistake.
const TITLE_CHARS: usize = 300;

/// Collects the blocks of one document.
#[derive(Debug)]
pub struct Writer<'b> {
    budget: Budget<'b>,
    out: Extracted,
    tables: u32,
}

impl<'b> Writer<'b> {
    /// A document of this kind with nothing in it yet.
    pub fn new(kind: Kind, budget: &Budget<'b>) -> Writer<'b> {
        Writer { budget: *budget, out: Extracted { kind: Some(kind), ..Extracted::default() }, tables: 0 }
    }

    /// The document being written, for its title, author and the like.
    pub fn document(&mut self) -> &mut Extracted {
        &mut self.out
    }

    /// Whether no block was written yet.
    pub fn is_empty(&self) -> bool {
        self.out.blocks.is_empty()
    }

    /// Sets the title unless there is one or this one is empty.
    pub fn title(&mut self, title: &str) {
        let title = clean_line(title);
        if self.out.title.is_none() && !title.is_empty() {
            self.out.title = Some(title.chars().take(TITLE_CHARS).collect());
        }
    }

    /// Sets the author unless there is one or this one is empty.
    pub fn author(&mut self, author: &str) {
        let author = clean_line(author);
        if self.out.author.is_none() && !author.is_empty() {
            self.out.author = Some(author.chars().take(TITLE_CHARS).collect());
        }
    }

    /// Says what was left out and why.
    pub fn warn(&mut self, warning: impl Into<String>) {
        self.out.warnings.push(warning.into());
    }

    /// Writes one block. Line breaks stay in code only; elsewhere white space becomes one space.
    ///
    /// # Errors
    /// When the text is over the limit.
    pub fn block(&mut self, kind: BlockKind, text: &str, place: Place) -> Result<(), ExtractError> {
        let mut joined = Joined::at(place);
        if kind == BlockKind::Code {
            let (text, skipped) = clean_code(text);
            joined.ended = skipped;
            joined.add_clean(&text, "");
        } else {
            joined.add(text, "");
        }
        self.push(kind, joined)
    }

    /// Writes one block of running text whose line breaks mean something (verses, addresses).
    ///
    /// # Errors
    /// When the text is over the limit.
    pub fn lines(&mut self, kind: BlockKind, text: &str, place: Place) -> Result<(), ExtractError> {
        self.shown_lines(kind, text, '\n', place)
    }

    /// Writes one block of running text in which [`SHOWN_BREAK`] begins a line when it is shown.
    ///
    /// # Errors
    /// When the text is over the limit.
    pub fn broken(&mut self, kind: BlockKind, text: &str, place: Place) -> Result<(), ExtractError> {
        self.shown_lines(kind, text, SHOWN_BREAK, place)
    }

    fn shown_lines(
        &mut self,
        kind: BlockKind,
        text: &str,
        separator: char,
        place: Place,
    ) -> Result<(), ExtractError> {
        let mut joined = Joined::at(place);
        for line in text.split(separator) {
            joined.add(line, "\n");
            joined.ended += u32::from(separator == '\n');
        }
        self.push(kind, joined)
    }

    /// Writes `name: value`, unless the value is empty.
    ///
    /// # Errors
    /// When the text is over the limit.
    pub fn field(&mut self, name: &str, value: &str, place: Place) -> Result<(), ExtractError> {
        let mut joined = Joined::at(place);
        let name = clean_line(name);
        if !name.is_empty() {
            joined.add_clean(&name, "");
            joined.text.push_str(": ");
        }
        let before = joined.text.len();
        joined.add(value, "");
        if joined.text.len() == before { Ok(()) } else { self.push(BlockKind::Field, joined) }
    }

    /// The number for a table that begins.
    pub fn new_table(&mut self) -> u32 {
        self.tables += 1;
        self.tables - 1
    }

    /// Writes one row of a table; a row whose cells are all empty is left out.
    ///
    /// # Errors
    /// When the text is over the limit.
    pub fn row<S: AsRef<str>>(
        &mut self,
        table: u32,
        header: bool,
        cells: &[S],
        place: Place,
    ) -> Result<(), ExtractError> {
        let mut joined = Joined::at(place);
        let mut any = false;
        for (index, cell) in cells.iter().enumerate() {
            if index > 0 {
                joined.text.push_str(CELL_SEPARATOR);
            }
            let before = joined.text.len();
            joined.add(cell.as_ref(), "");
            any |= joined.text.len() > before;
        }
        if !any {
            return Ok(());
        }
        // Empty cells at the end say nothing.
        let text = &mut joined.text;
        let kept = text.trim_end_matches([' ', '|']).len();
        if text.get(kept..).is_some_and(|rest| rest.contains('|')) {
            text.truncate(kept);
        }
        self.push(BlockKind::TableRow { table, header }, joined)
    }

    fn push(&mut self, kind: BlockKind, joined: Joined) -> Result<(), ExtractError> {
        let Joined { text, place, .. } = joined;
        if text.is_empty() {
            return Ok(());
        }
        self.budget.count_text(text.len())?;
        self.out.blocks.push(Block { kind, text, place });
        Ok(())
    }

    /// The document, when it has text, parts or pictures.
    ///
    /// # Errors
    /// [`ExtractError::Empty`] when nothing was written.
    pub fn finish(self) -> Result<Extracted, ExtractError> {
        if self.out.blocks.is_empty() && self.out.parts.is_empty() && self.out.pictures.is_empty() {
            return Err(ExtractError::Empty("there is no text in it".to_owned()));
        }
        Ok(self.out)
    }
}

/// The text of one block as it is put together, and where the lines of the original begin in it.
struct Joined {
    text: String,
    place: Place,
    /// Lines of the original that ended since the last text was added.
    ended: u32,
}

impl Joined {
    fn at(place: Place) -> Joined {
        Joined { text: String::new(), place, ended: 0 }
    }

    /// Adds running text as one line, behind `separator` unless it is the first; each line break in it is one of the
    /// original.
    fn add(&mut self, text: &str, separator: &str) {
        let mut separator = separator;
        for (index, line) in text.split('\n').enumerate() {
            self.ended = self.ended.saturating_add(u32::from(index > 0));
            let line = clean_line(line);
            if !line.is_empty() {
                self.add_clean(&line, separator);
                separator = " ";
            }
        }
    }

    fn add_clean(&mut self, text: &str, separator: &str) {
        let ended = std::mem::take(&mut self.ended);
        if !self.text.is_empty() {
            self.text.push_str(separator);
        }
        if let Some(first) = &mut self.place.line {
            if self.text.is_empty() {
                *first = first.saturating_add(ended);
            } else {
                let start = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
                self.place.line_starts.extend(std::iter::repeat_n(start, ended as usize));
            }
        }
        self.text.push_str(text);
    }
}

/// Begins a line when the text is shown (`<br>`), in text whose line breaks are those of the original.
pub const SHOWN_BREAK: char = '\u{2028}';

/// A place that is a line.
pub fn at_line(line: u32) -> Place {
    Place { line: Some(line), ..Place::default() }
}

/// A place that is a named section.
pub fn in_section(section: &str) -> Place {
    Place { section: Some(section.to_owned()).filter(|section| !section.is_empty()), ..Place::default() }
}

/// Characters that are not seen and would hide text from search or smuggle it in: soft hyphens, zero-width spaces,
/// direction overrides, tags, non-characters.
pub fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{AD}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}'
        | '\u{FEFF}' | '\u{FFFE}' | '\u{FFFF}' | '\u{E0000}'..='\u{E007F}')
}

/// One line of text: NFC, no control or invisible characters, white space of any length one space; a single no-break
/// space stays, since French typography needs it.
pub fn clean_line(text: &str) -> String {
    let trimmed = text.trim();
    let mut before = b' ';
    let is_clean = trimmed.bytes().all(|byte| {
        let fits = matches!(byte, b'!'..=b'~') || (byte == b' ' && before != b' ');
        before = byte;
        fits
    });
    if is_clean {
        return trimmed.to_owned();
    }
    let mut clean = String::with_capacity(text.len());
    let mut space: Option<char> = None;
    for character in text.chars() {
        if character.is_whitespace() {
            space = match (space, character) {
                (None, '\u{A0}' | '\u{202F}') => Some(character),
                _ => Some(' '),
            };
        } else if !character.is_control() && !is_invisible(character) {
            if let Some(space) = space.take()
                && !clean.is_empty()
            {
                clean.push(space);
            }
            clean.push(character);
        }
    }
    to_nfc(clean)
}

/// Preformatted text: NFC, no control characters but line breaks and tabs, no blank lines around it, no spaces at the
/// ends of lines; and how many blank lines stood above it.
fn clean_code(text: &str) -> (String, u32) {
    let mut clean = String::with_capacity(text.len());
    for line in text.split('\n') {
        for character in line.trim_end().chars() {
            if character == '\t' || (!character.is_control() && !is_invisible(character)) {
                clean.push(character);
            }
        }
        clean.push('\n');
    }
    // Leading blank lines go, the indentation of the first line with text stays.
    let start = clean.len() - clean.trim_start().len();
    let start = clean.get(..start).and_then(|blank| blank.rfind('\n')).map_or(0, |newline| newline + 1);
    let skipped = clean.get(..start).unwrap_or_default().matches('\n').count();
    let text = to_nfc(clean.get(start..).unwrap_or_default().trim_end().to_owned());
    (text, u32::try_from(skipped).unwrap_or(u32::MAX))
}

/// Canonical composition: the same word is the same characters, however it was typed.
pub fn to_nfc(text: String) -> String {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        text
    } else {
        text.nfc().collect()
    }
}

/// `name` without what makes it unsafe as a path inside a container: no root, no drive, no `..`, no control
/// characters. Never empty.
pub fn safe_name(name: &str) -> String {
    let name: Cow<'_, str> = if name.contains('\\') { name.replace('\\', "/").into() } else { name.into() };
    let pieces: Vec<String> = name
        .split('/')
        .map(clean_line)
        .filter(|piece| !piece.is_empty() && piece != "." && piece != "..")
        .filter(|piece| !(piece.len() == 2 && piece.ends_with(':')))
        .collect();
    if pieces.is_empty() { "unnamed".to_owned() } else { pieces.join("/") }
}
