//! What does this rich text file say?
//!
//! [`tokens`] cuts the file, [`charset`] turns bytes into characters; here the tokens are followed through groups and
//! paragraphs. Groups that hold no text of the document (fonts, pictures, field codes, unknown extensions) are passed
//! over; notes, comments, headers and list labels are captured apart.

mod charset;
mod tokens;
mod words;

use std::collections::HashMap;

use encoding_rs::WINDOWS_1252;
use intramuros_core::document::{Block, BlockKind, ExtractError, Extracted, Kind, Place};

use super::blocks::{Blocks, Row, clean, on_page};
use super::bytes::u32_at;
use super::compound::SIGNATURE;
use super::docx::heading_level;
use super::margins::is_page_number;
use super::ole;
use super::properties::{days_of, is_title};
use crate::Budget;
use charset::Charset;
use tokens::{Token, Tokens};

/// What a group is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// Text where it stands.
    Text,
    /// Nothing that is read.
    Skipped,
    /// The table of fonts, and one font of it.
    Fonts,
    /// The table of styles.
    Styles,
    /// Properties of the document: only those that follow are read.
    Info,
    Title,
    Author,
    Created,
    Revised,
    /// Captured apart.
    Footnote,
    Comment,
    CommentAuthor,
    Header,
    Footer,
    Label,
    /// An embedded file, as hexadecimal digits.
    Object,
}

#[derive(Clone, Copy)]
struct Group {
    purpose: Purpose,
    /// Whether the group itself began to capture.
    captures: bool,
    /// Characters that stand in for each `\u`.
    fallback: usize,
    charset: Charset,
    hidden: bool,
}

/// The walk through the file.
struct Reader<'a> {
    budget: Budget<'a>,
    blocks: Blocks<'a>,
    groups: Vec<Group>,
    group: Group,
    /// Whether the group has just opened: only then does `\*` say that the next word names an extension.
    opened: bool,
    extension: bool,
    fonts: HashMap<i32, Charset>,
    default_font: i32,
    page_charset: Charset,
    font: i32,
    styles: HashMap<i32, u8>,
    style: i32,
    style_name: String,
    bytes: Vec<u8>,
    object: Vec<u8>,
    /// First half of a character that takes two `\u`.
    surrogate: Option<u16>,
    skip: usize,
    captured: Vec<String>,
    text: String,
    paragraph: Paragraph,
    cells: Vec<String>,
    row_header: bool,
    rows: Vec<Row>,
    waiting: Vec<Block>,
    /// Notes of the table that is being read.
    table_notes: Vec<Block>,
    footnotes: u32,
    comment_author: String,
    headers: Vec<Block>,
    footers: Vec<Block>,
    page: u32,
    date: [i64; 5],
    declared_pages: Option<u32>,
    extracted: Extracted,
    overrides: Overrides,
    /// The field of a form whose description is being read.
    form: Option<Form>,
}

/// The field of a form: what it is, what was made of it, and what the form began with.
#[derive(Clone, Copy, Default)]
struct Form {
    kind: i32,
    result: Option<i32>,
    usual: i32,
}

impl Form {
    /// What a box to tick shows; none for other fields, whose result is text.
    fn shown(self) -> Option<&'static str> {
        const BOX: i32 = 1;
        match self.result.unwrap_or(self.usual) {
            _ if self.kind != BOX => None,
            0 => Some("☐"),
            _ => Some("☒"),
        }
    }
}

/// What the table of list overrides has shown so far.
#[derive(Default)]
struct Overrides {
    /// Depth of its group, while it is open.
    table: Option<usize>,
    /// Whether a level was opened as it must be before it is described.
    level: bool,
}

/// Properties of the paragraph that is being read.
#[derive(Clone, Debug, Default)]
struct Paragraph {
    style: i32,
    outline: Option<u8>,
    list: bool,
    depth: u8,
    label: String,
    in_table: bool,
    page: Option<u32>,
}

/// Reads RTF: paragraphs, headings by style, lists, tables, notes and comments.
///
/// # Errors
/// When the bytes are not this format, or a limit is reached.
pub fn extract(_name: &str, bytes: &[u8], budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    let start = bytes.iter().position(|byte| *byte == b'{').unwrap_or_default();
    let body = bytes.get(start..).unwrap_or_default();
    if !body.starts_with(b"{\\rtf") {
        return Err(ExtractError::Corrupt("no RTF header".to_owned()));
    }
    let mut reader = Reader::new(budget);
    let mut tokens = Tokens::new(body);
    let mut closed = false;
    while let Some(token) = tokens.next() {
        if let Token::Word("bin", count) = token {
            tokens.pass_over(usize::try_from(count.unwrap_or_default()).unwrap_or_default());
            continue;
        }
        if token == Token::Open && reader.groups.len() >= budget.limits.nesting as usize {
            return Err(ExtractError::Limit(format!(
                "groups nested more than {} deep",
                budget.limits.nesting
            )));
        }
        reader.read(token)?;
        if token == Token::Close && reader.groups.is_empty() {
            closed = true;
            break;
        }
    }
    if !closed {
        reader.extracted.warnings.push("the file is cut off; what stands before the cut was read".to_owned());
    }
    reader.finish()
}

impl<'a> Reader<'a> {
    fn new(budget: &Budget<'a>) -> Reader<'a> {
        let charset = Charset::Encoding(WINDOWS_1252);
        let group = Group { purpose: Purpose::Text, captures: false, fallback: 1, charset, hidden: false };
        Reader {
            budget: *budget,
            blocks: Blocks::new(budget),
            groups: Vec::new(),
            group,
            opened: false,
            extension: false,
            object: Vec::new(),
            overrides: Overrides::default(),
            form: None,
            fonts: HashMap::new(),
            default_font: 0,
            page_charset: charset,
            font: 0,
            styles: HashMap::new(),
            style: 0,
            style_name: String::new(),
            bytes: Vec::new(),
            surrogate: None,
            skip: 0,
            captured: Vec::new(),
            text: String::new(),
            paragraph: Paragraph::default(),
            cells: Vec::new(),
            row_header: false,
            rows: Vec::new(),
            waiting: Vec::new(),
            table_notes: Vec::new(),
            footnotes: 0,
            comment_author: String::new(),
            headers: Vec::new(),
            footers: Vec::new(),
            page: 1,
            date: [0; 5],
            declared_pages: None,
            extracted: Extracted::default(),
        }
    }

    fn read(&mut self, token: Token<'_>) -> Result<(), ExtractError> {
        if token == Token::Text(b"") {
            return Ok(());
        }
        let opened = std::mem::replace(&mut self.opened, token == Token::Open);
        match token {
            Token::Open => {
                self.flush_bytes()?;
                self.skip = 0;
                self.groups.push(self.group);
                self.group.captures = false;
            }
            Token::Close => {
                self.flush_bytes()?;
                self.skip = 0;
                self.close_group()?;
            }
            Token::Hex(byte) if self.skip == 0 => self.bytes.push(byte),
            Token::Hex(_) => self.skip -= 1,
            Token::Text(text) => {
                let skipped = self.skip.min(text.len());
                self.skip -= skipped;
                self.bytes.extend_from_slice(text.get(skipped..).unwrap_or_default());
            }
            Token::Symbol(b'*') => self.extension = opened,
            Token::Symbol(symbol) => self.read_symbol(symbol)?,
            Token::Word(word, number) => {
                let extension = std::mem::take(&mut self.extension);
                if word == "u" || self.skip == 0 {
                    self.flush_bytes()?;
                    self.read_word(word, number, extension)?;
                } else {
                    self.skip -= 1;
                }
            }
        }
        Ok(())
    }

    fn read_symbol(&mut self, symbol: u8) -> Result<(), ExtractError> {
        if self.skip > 0 {
            self.skip -= 1;
            return Ok(());
        }
        self.flush_bytes()?;
        match symbol {
            b'~' => self.add("\u{a0}"),
            b'_' => self.add("-"),
            b'\\' => self.add("\\"),
            b'{' => self.add("{"),
            b'}' => self.add("}"),
            b'\t' => self.add(" "),
            b'\r' | b'\n' => self.end_paragraph(),
            _ => Ok(()),
        }
    }

    /// Turns the bytes that were gathered into characters.
    fn flush_bytes(&mut self) -> Result<(), ExtractError> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        let bytes = std::mem::take(&mut self.bytes);
        match self.group.purpose {
            Purpose::Skipped | Purpose::Fonts => Ok(()),
            Purpose::Object => {
                self.object.extend(
                    bytes.iter().filter_map(|byte| char::from(*byte).to_digit(16)).map(|digit| digit as u8),
                );
                Ok(())
            }
            _ => {
                let text = self.group.charset.decode(&bytes);
                self.add(&text)
            }
        }
    }

    fn read_unit(&mut self, number: i32) -> Result<(), ExtractError> {
        // Negative numbers stand for units from 0x8000 on.
        let unit = (number & 0xffff) as u16;
        self.skip = self.group.fallback;
        match (self.surrogate.take(), unit) {
            (Some(high), 0xdc00..=0xdfff) => {
                let character = char::decode_utf16([high, unit]).next().and_then(Result::ok);
                self.add_character(character)
            }
            (_, 0xd800..=0xdbff) => {
                self.surrogate = Some(unit);
                Ok(())
            }
            (_, unit) => self.add_character(char::from_u32(u32::from(unit))),
        }
    }

    fn add_character(&mut self, character: Option<char>) -> Result<(), ExtractError> {
        match character {
            Some(character) => self.add(character.encode_utf8(&mut [0; 4])),
            None => Ok(()),
        }
    }

    fn add(&mut self, text: &str) -> Result<(), ExtractError> {
        match self.group.purpose {
            Purpose::Skipped | Purpose::Fonts | Purpose::Info | Purpose::Created | Purpose::Revised => {}
            Purpose::Styles => self.style_name.push_str(text),
            _ if self.group.hidden => {}
            _ => {
                if let Some(captured) = self.captured.last_mut() {
                    captured.push_str(text);
                } else {
                    if self.paragraph.page.is_none() && !text.trim().is_empty() {
                        self.paragraph.page = Some(self.page);
                    }
                    self.text.push_str(text);
                }
            }
        }
        Ok(())
    }

    /// From here to the end of the group, text is kept apart for `purpose`.
    fn capture(&mut self, purpose: Purpose) {
        if self.group.purpose == Purpose::Skipped {
            return;
        }
        self.group.purpose = purpose;
        self.group.captures = true;
        self.captured.push(String::new());
    }

    fn close_group(&mut self) -> Result<(), ExtractError> {
        let closed = self.group;
        if self.overrides.table == Some(self.groups.len()) {
            self.overrides = Overrides::default();
        }
        if let Some(outer) = self.groups.pop() {
            self.group = outer;
        }
        if closed.purpose == Purpose::Styles && self.group.purpose == Purpose::Styles {
            self.keep_style();
        }
        let outer = self.group.purpose;
        if closed.purpose != outer {
            match closed.purpose {
                // The description of a field of a form stands in what nobody sees of the field.
                Purpose::Skipped => {
                    if let Some(shown) = self.form.take().and_then(Form::shown) {
                        self.add(shown)?;
                    }
                }
                Purpose::Object => self.read_object(),
                Purpose::Created => self.keep_date(false),
                Purpose::Revised => self.keep_date(true),
                _ => {}
            }
        }
        if !closed.captures {
            return Ok(());
        }
        let text = clean(&self.captured.pop().unwrap_or_default());
        let place = on_page(Some(self.page));
        match closed.purpose {
            Purpose::Title => {
                self.extracted.title = Some(text).filter(|title| !title.is_empty() && is_title(title))
            }
            Purpose::Author => self.extracted.author = Some(text).filter(|author| !author.is_empty()),
            Purpose::CommentAuthor => self.comment_author = text,
            Purpose::Label => self.paragraph.label = text.trim_matches(['•', ' ']).to_owned(),
            Purpose::Footnote if !text.is_empty() => {
                self.footnotes += 1;
                let text = format!("{} {text}", self.footnotes);
                self.waiting.push(Block { kind: BlockKind::Footnote, text, place });
            }
            Purpose::Comment if !text.is_empty() => {
                let author = std::mem::take(&mut self.comment_author);
                let text = if author.is_empty() { text } else { format!("{author}: {text}") };
                self.waiting.push(Block { kind: BlockKind::Comment, text, place });
            }
            Purpose::Header => keep_margin(&mut self.headers, text),
            Purpose::Footer => keep_margin(&mut self.footers, text),
            _ => {}
        }
        Ok(())
    }

    /// The file behind the digits of an embedded object: names of its program, then its size and bytes.
    fn read_object(&mut self) {
        let digits = std::mem::take(&mut self.object);
        let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        let read = || {
            let mut at = 8;
            let program = bytes.get(at + 4..)?;
            for _ in 0..3 {
                at += 4 + usize::try_from(u32_at(&bytes, at)?).ok()?;
            }
            let size = usize::try_from(u32_at(&bytes, at)?).ok()?;
            Some((program.starts_with(b"Package\0"), bytes.get(at + 4..)?.get(..size)?))
        };
        let name = format!("object{}", self.extracted.parts.len() + 1);
        let part = match read() {
            Some((true, data)) => ole::read_package(data, &self.budget),
            Some((false, data)) if data.starts_with(SIGNATURE) => ole::read_object(&name, data, &self.budget),
            _ => None,
        };
        self.extracted.parts.extend(part);
    }

    fn keep_style(&mut self) {
        let name = std::mem::take(&mut self.style_name);
        let level =
            heading_level(name.trim_end_matches(';')).or(self.paragraph.outline.map(|outline| outline + 1));
        if let Some(level) = level {
            self.styles.insert(self.style, level.clamp(1, 6));
        }
        self.paragraph = Paragraph::default();
        self.style = 0;
    }

    fn keep_date(&mut self, revised: bool) {
        let [year, month, day, hour, minute] = std::mem::take(&mut self.date);
        let Some(days) = days_of(year, month, day) else { return };
        if revised || self.extracted.written_ms.is_none() {
            self.extracted.written_ms = Some(((days * 24 + hour) * 60 + minute) * 60_000);
        }
    }

    fn end_paragraph(&mut self) -> Result<(), ExtractError> {
        if self.group.purpose == Purpose::Skipped {
            return Ok(());
        }
        if !self.captured.is_empty() || self.paragraph.in_table {
            return self.add("\n");
        }
        let mut text = std::mem::take(&mut self.text);
        let page = self.paragraph.page.take();
        let label = std::mem::take(&mut self.paragraph.label);
        if !text.trim().is_empty() {
            self.flush_table()?;
            let style = self.styles.get(&self.paragraph.style).copied();
            let heading =
                self.paragraph.outline.filter(|outline| *outline < 9).map(|outline| (outline + 1).min(6));
            let kind = match heading.or(style) {
                Some(level) => BlockKind::Heading { level },
                None if self.paragraph.list => BlockKind::ListItem { depth: self.paragraph.depth },
                None => BlockKind::Paragraph,
            };
            if label.chars().any(char::is_alphanumeric) {
                text.insert_str(0, &format!("{label} "));
            }
            self.blocks.push(kind, &text, on_page(page))?;
        }
        if self.rows.is_empty() && self.cells.is_empty() {
            self.blocks.list.append(&mut self.waiting);
        }
        Ok(())
    }

    fn end_cell(&mut self) {
        if self.group.purpose == Purpose::Skipped {
            return;
        }
        if let Some(captured) = self.captured.last_mut() {
            // Tables of headers and notes stay text.
            captured.push(' ');
            return;
        }
        self.cells.push(std::mem::take(&mut self.text));
        self.paragraph.label.clear();
    }

    fn end_row(&mut self) {
        if let Some(captured) = self.captured.last_mut() {
            captured.push('\n');
        }
        if self.captured.is_empty() && !self.cells.is_empty() {
            let cells = std::mem::take(&mut self.cells);
            let place = on_page(self.paragraph.page.take().or(Some(self.page)));
            self.rows.push(Row { cells, header: self.row_header, place, ..Row::default() });
        }
        self.row_header = false;
        self.table_notes.append(&mut self.waiting);
    }

    fn flush_table(&mut self) -> Result<(), ExtractError> {
        if !self.cells.is_empty() {
            self.end_row();
        }
        if !self.rows.is_empty() {
            let rows = std::mem::take(&mut self.rows);
            self.blocks.push_table(rows, true)?;
        }
        self.blocks.list.append(&mut self.table_notes);
        Ok(())
    }

    fn finish(mut self) -> Result<Extracted, ExtractError> {
        self.flush_bytes()?;
        // What a cut left open is text all the same.
        self.captured.clear();
        self.group.purpose = Purpose::Text;
        self.paragraph.in_table = false;
        self.end_paragraph()?;
        self.flush_table()?;
        self.blocks.list.append(&mut self.waiting);
        if self.declared_pages != Some(self.page) {
            for block in &mut self.blocks.list {
                block.place.page = None;
            }
        }
        self.extracted.pages = self.declared_pages.filter(|pages| *pages > 0);
        self.blocks.list.splice(0..0, self.headers);
        self.blocks.list.extend(self.footers);
        self.blocks.finish(Kind::Word, self.extracted)
    }
}

fn keep_margin(margins: &mut Vec<Block>, text: String) {
    let known = margins.iter().any(|other| other.text == text);
    if !text.is_empty() && !known && !is_page_number(&text) {
        margins.push(Block { kind: BlockKind::Paragraph, text, place: Place::default() });
    }
}
