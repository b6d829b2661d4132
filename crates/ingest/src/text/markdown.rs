//! What does this Markdown say, and at which line?

use std::collections::HashSet;
use std::ops::Range;

use intramuros_core::document::{BlockKind, ExtractError, Extracted, Kind, Place};
use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::inline::Inline;
use super::lines::Lines;
use super::writer::{Writer, at_line};
use super::{encoding, front, html, keyed, placeholder, templates};
use crate::Budget;

/// Reads Markdown (CommonMark with tables, footnotes, task lists, definition lists, formulas and front matter).
///
/// # Errors
/// When the bytes are not text, or a limit is reached.
pub fn extract(_name: &str, bytes: &[u8], budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    let text = encoding::decode(bytes, None)?;
    let mut writer = Writer::new(Kind::Markdown, budget);
    let told = walk(&text, None, &mut writer, budget)?;
    if writer.document().blocks.len() == told && text.trim_start().starts_with("---") {
        // A page that is nothing but front matter: site generators make cards of people and places of it.
        writer.document().blocks.clear();
        for entry in keyed::entries(&text).into_iter().filter(|entry| !entry.comment) {
            writer.field(&entry.path, &entry.value, at_line(entry.line.saturating_add(1)))?;
        }
    }
    writer.finish()
}

/// Writes the blocks of a Markdown text. Each stands at its line, or in `section` when one is given (a notebook's
/// cell, whose lines mean nothing in the file).
///
/// # Errors
/// When a limit is reached.
pub fn write(
    text: &str,
    section: Option<&str>,
    writer: &mut Writer<'_>,
    budget: &Budget<'_>,
) -> Result<(), ExtractError> {
    walk(text, section, writer, budget).map(|_| ())
}

/// Writes the blocks of a Markdown text, and says how many of them are fields of its front matter.
fn walk(
    text: &str,
    section: Option<&str>,
    writer: &mut Writer<'_>,
    budget: &Budget<'_>,
) -> Result<usize, ExtractError> {
    let text = templates::reduced(text);
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS
        | Options::ENABLE_PLUSES_DELIMITED_METADATA_BLOCKS
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_MATH
        | Options::ENABLE_GFM
        | Options::ENABLE_DEFINITION_LIST;
    let mut walk = Walk {
        writer,
        budget,
        text: &text,
        lines: Lines::of(&text),
        section,
        inline: Inline::default(),
        lists: Vec::new(),
        item: None,
        cells: Vec::new(),
        table: None,
        html: String::new(),
        state: State::Flow,
        footnotes: 0,
        told: 0,
        closed: placeholder::closed_names(&text),
    };
    for (event, range) in Parser::new_ext(&text, options).into_offset_iter() {
        walk.event(event, range)?;
    }
    walk.flush(BlockKind::Paragraph)?;
    Ok(walk.told)
}

/// What the text that comes next belongs to.
enum State {
    Flow,
    Code { start: usize, text: String },
    Html { start: usize },
    FrontMatter { start: usize, text: String },
}

struct Walk<'w, 'b, 'c> {
    writer: &'w mut Writer<'b>,
    budget: &'w Budget<'c>,
    text: &'w str,
    lines: Lines,
    section: Option<&'w str>,
    inline: Inline,
    /// The next number of each open list; none for bullets.
    lists: Vec<Option<u64>>,
    /// The mark of the item that was opened and has no text yet.
    item: Option<String>,
    cells: Vec<String>,
    table: Option<u32>,
    html: String,
    state: State,
    /// Open footnote definitions.
    footnotes: u32,
    /// Fields that were told of the front matter.
    told: usize,
    /// Names of elements that are closed somewhere, in small letters.
    closed: HashSet<String>,
}

impl Walk<'_, '_, '_> {
    fn place(&self, offset: usize) -> Place {
        self.place_on(self.lines.line(offset))
    }

    fn place_on(&self, line: u32) -> Place {
        place_in(self.section, line)
    }

    fn event(&mut self, event: Event<'_>, range: Range<usize>) -> Result<(), ExtractError> {
        match event {
            Event::Start(tag) => self.start(&tag, range),
            Event::End(tag) => self.end(tag, range),
            Event::Text(text) => {
                match &mut self.state {
                    State::Code { text: code, .. } | State::FrontMatter { text: code, .. } => {
                        code.push_str(&text)
                    }
                    State::Html { .. } => self.html.push_str(&text),
                    // A line break here was written as an entity.
                    State::Flow if text.contains('\n') => self.push(&text.replace('\n', " "), range.start),
                    State::Flow => self.push(&text, range.start),
                }
                Ok(())
            }
            Event::Code(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                self.push_verbatim(&text, range);
                Ok(())
            }
            Event::Html(text) => {
                self.html.push_str(&text);
                Ok(())
            }
            Event::InlineHtml(tag) => {
                if placeholder::is_placeholder(&tag, &self.closed) {
                    self.push(&tag, range.start);
                } else if tag.starts_with("<br") {
                    self.push(" ", range.start);
                }
                Ok(())
            }
            Event::FootnoteReference(label) => {
                self.push(&format!("[{label}]"), range.start);
                Ok(())
            }
            Event::SoftBreak | Event::HardBreak => {
                self.push(" ", range.start);
                Ok(())
            }
            Event::TaskListMarker(done) => {
                self.push(if done { "[x] " } else { "[ ] " }, range.start);
                Ok(())
            }
            Event::Rule => self.flush(BlockKind::Paragraph),
        }
    }

    fn push(&mut self, text: &str, start: usize) {
        self.inline.push(text, self.lines.line(start));
    }

    /// Code and formulas run over lines, whose breaks are spaces in what the parser gives.
    fn push_verbatim(&mut self, text: &str, range: Range<usize>) {
        let source = self.text.get(range.clone()).unwrap_or_default();
        let at = if source.contains('\n') { source.replace('\n', " ").find(text) } else { None };
        match at.and_then(|at| Some((at, source.get(at..at + text.len())?))) {
            Some((at, written)) => self.push(written, range.start + at),
            None => self.push(text, range.start),
        }
    }

    fn start(&mut self, tag: &Tag<'_>, range: Range<usize>) -> Result<(), ExtractError> {
        match tag {
            Tag::CodeBlock(kind) => {
                self.flush(BlockKind::Paragraph)?;
                // The text of a fenced block begins one line below its fence.
                let fence = usize::from(matches!(kind, CodeBlockKind::Fenced(_)));
                let start = if fence == 1 { self.after_line(range.start) } else { range.start };
                self.state = State::Code { start, text: String::new() };
            }
            Tag::HtmlBlock => {
                self.flush(BlockKind::Paragraph)?;
                self.html.clear();
                self.state = State::Html { start: range.start };
            }
            Tag::MetadataBlock(_) => {
                self.state = State::FrontMatter { start: range.start, text: String::new() }
            }
            Tag::List(first) => {
                self.flush(BlockKind::Paragraph)?;
                self.lists.push(*first);
            }
            Tag::Item => {
                self.flush(BlockKind::Paragraph)?;
                let mut mark = String::new();
                if let Some(Some(number)) = self.lists.last_mut() {
                    mark = format!("{number}. ");
                    *number += 1;
                }
                self.item = Some(mark);
                self.inline = Inline::at(self.lines.line(range.start));
            }
            Tag::DefinitionListDefinition => {
                self.flush(BlockKind::Paragraph)?;
                self.item = Some(String::new());
            }
            Tag::FootnoteDefinition(label) => {
                self.flush(BlockKind::Paragraph)?;
                self.footnotes += 1;
                self.push(&format!("[{label}] "), range.start);
            }
            Tag::Table(_) => {
                self.flush(BlockKind::Paragraph)?;
                self.table = Some(self.writer.new_table());
            }
            Tag::TableHead | Tag::TableRow => self.cells.clear(),
            Tag::TableCell => self.inline = Inline::default(),
            Tag::Heading { .. } | Tag::BlockQuote(_) | Tag::DefinitionList | Tag::DefinitionListTitle => {
                self.flush(BlockKind::Paragraph)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, tag: TagEnd, range: Range<usize>) -> Result<(), ExtractError> {
        match tag {
            TagEnd::Heading(level) => self.end_heading(level, range.start),
            TagEnd::TableCell => {
                self.cells.push(self.inline.take().0);
                Ok(())
            }
            TagEnd::TableHead | TagEnd::TableRow => {
                let place = self.place(range.start);
                let table = self.table.unwrap_or_default();
                self.writer.row(table, matches!(tag, TagEnd::TableHead), &self.cells, place)
            }
            TagEnd::List(_) => {
                self.flush(BlockKind::Paragraph)?;
                self.lists.pop();
                Ok(())
            }
            TagEnd::FootnoteDefinition => {
                self.flush(BlockKind::Paragraph)?;
                self.footnotes = self.footnotes.saturating_sub(1);
                Ok(())
            }
            TagEnd::Item | TagEnd::DefinitionListDefinition => {
                self.flush(BlockKind::Paragraph)?;
                self.item = None;
                Ok(())
            }
            TagEnd::Paragraph | TagEnd::BlockQuote(_) | TagEnd::DefinitionListTitle => {
                self.flush(BlockKind::Paragraph)
            }
            TagEnd::CodeBlock | TagEnd::HtmlBlock | TagEnd::MetadataBlock(_) => self.end_raw(),
            _ => Ok(()),
        }
    }

    fn end_heading(&mut self, level: HeadingLevel, start: usize) -> Result<(), ExtractError> {
        let (text, line) = self.inline.take();
        if level == HeadingLevel::H1 {
            self.writer.title(&text);
        }
        let place = self.place_on(line.unwrap_or_else(|| self.lines.line(start)));
        self.writer.block(BlockKind::Heading { level: level as u8 }, &text, place)
    }

    /// The end of a block whose text is not Markdown.
    fn end_raw(&mut self) -> Result<(), ExtractError> {
        match std::mem::replace(&mut self.state, State::Flow) {
            State::Code { start, text } => {
                self.item = None;
                let place = self.place(start);
                self.writer.block(BlockKind::Code, &text, place)
            }
            State::Html { start } => {
                let place = self.place(start);
                let page = std::mem::take(&mut self.html);
                let page = placeholder::escaped(&page, &self.closed);
                html::write_fragment(&page, &place, self.writer, self.budget)
            }
            State::FrontMatter { start, text } => self.front_matter(&text, start),
            State::Flow => Ok(()),
        }
    }

    /// What the front matter says of the document, and to its readers.
    fn front_matter(&mut self, text: &str, start: usize) -> Result<(), ExtractError> {
        // The fence has a line of its own.
        let first = self.lines.line(start).saturating_add(1);
        let entries = keyed::entries(text);
        front::note(&entries, self.writer);
        let section = self.section;
        let place = |line: u32| place_in(section, first.saturating_add(line));
        self.told += front::write(&entries, place, self.writer)?;
        Ok(())
    }

    /// The offset of the line after the one of `offset`.
    fn after_line(&self, offset: usize) -> usize {
        self.lines.start_of(self.lines.line(offset).saturating_add(1))
    }

    /// Writes the running text that was collected.
    fn flush(&mut self, kind: BlockKind) -> Result<(), ExtractError> {
        let (text, line) = self.inline.take();
        if text.trim().is_empty() {
            return Ok(());
        }
        let place = self.place_on(line.unwrap_or(1));
        if self.footnotes > 0 {
            return self.writer.block(BlockKind::Footnote, &text, place);
        }
        match self.item.take() {
            Some(mark) => {
                let depth = u8::try_from(self.lists.len().saturating_sub(1)).unwrap_or(u8::MAX);
                self.writer.block(BlockKind::ListItem { depth }, &format!("{mark}{text}"), place)
            }
            None => self.writer.block(kind, &text, place),
        }
    }
}

/// The place of a line, or of the section in which all of the text stands.
fn place_in(section: Option<&str>, line: u32) -> Place {
    match section {
        Some(section) => super::writer::in_section(section),
        None => at_line(line),
    }
}
