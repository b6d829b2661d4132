//! What is in this XML, and at which path and line?
//!
//! An element with text alone is a field `path: text`; an element whose text is mixed with elements (DocBook, TEI) is a
//! paragraph. Entities that the file defines are not expanded, which is how XML bombs work.

use intramuros_core::document::{BlockKind, ExtractError, Extracted, Kind};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::inline::Inline;
use super::lines::Lines;
use super::writer::{Writer, at_line};
use super::{encoding, html, plain, wiki};
use crate::Budget;

/// Bytes in which the declaration names its encoding.
const DECLARATION: usize = 200;

/// Elements whose name is kept in a path: the innermost ones say what a value is.
const PATH_ELEMENTS: usize = 3;

/// Reads XML and SVG.
///
/// # Errors
/// When the bytes are not text, or a limit is reached. Damaged XML is read as plain text from where the damage is.
pub fn extract(name: &str, bytes: &[u8], budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    if let Some(text) = plain_export(bytes) {
        return wiki::extract(text, budget);
    }
    let text = encoding::decode(bytes, declared_encoding(bytes).as_deref())?;
    if wiki::is_export(&text) {
        return wiki::extract(&text, budget);
    }
    let mut walk = Walk {
        writer: Writer::new(Kind::Data, budget),
        budget,
        lines: Lines::of(&text),
        open: Vec::new(),
        svg: false,
    };
    match walk.run(&text) {
        Ok(()) => walk.writer.finish(),
        Err(Stop::Limit(error)) => Err(error),
        Err(Stop::Damaged(at)) => {
            let line = walk.lines.line(at);
            let mut extracted = plain::extract(name, text.as_bytes(), budget)?;
            extracted.warnings.push(format!("not valid XML at line {line}: read as plain text"));
            Ok(extracted)
        }
    }
}

/// An export of a wiki that can be read where it stands: exports are large, and a decoded copy takes as much again.
/// Other line breaks than `\n` are left to the decoder.
fn plain_export(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    (wiki::is_export(text) && !bytes.contains(&b'\r') && !bytes.contains(&0x1B)).then_some(text)
}

/// The encoding in `<?xml … encoding="…"?>`.
pub fn declared_encoding(bytes: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(bytes.get(..bytes.len().min(DECLARATION))?).into_owned();
    let declaration = head.trim_start().strip_prefix("<?xml")?.split("?>").next()?;
    let value = declaration.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    value.get(1..)?.split(quote).next().map(str::to_owned)
}

enum Stop {
    Limit(ExtractError),
    Damaged(usize),
}

impl From<ExtractError> for Stop {
    fn from(error: ExtractError) -> Stop {
        Stop::Limit(error)
    }
}

/// An element that is open.
struct Element {
    name: String,
    text: Inline,
    /// Whether it holds other elements.
    parent: bool,
}

struct Walk<'b> {
    writer: Writer<'b>,
    budget: &'b Budget<'b>,
    lines: Lines,
    open: Vec<Element>,
    svg: bool,
}

impl Walk<'_> {
    fn run(&mut self, text: &str) -> Result<(), Stop> {
        let mut reader = Reader::from_str(text);
        // Names are compared here, so that one wrong end tag does not lose the rest of the file.
        reader.config_mut().check_end_names = false;
        reader.config_mut().allow_unmatched_ends = true;
        loop {
            let at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
            match reader.read_event() {
                Err(_) => return Err(Stop::Damaged(at)),
                Ok(Event::Eof) => break,
                Ok(Event::Start(tag)) => self.start(&tag, at)?,
                Ok(Event::Empty(tag)) => {
                    self.start(&tag, at)?;
                    self.end()?;
                }
                Ok(Event::End(_)) => self.end()?,
                Ok(Event::Text(piece)) => self.text(&piece, at),
                Ok(Event::CData(piece)) => self.text(&piece, at),
                Ok(Event::GeneralRef(entity)) => {
                    let text = match entity.resolve_char_ref() {
                        // A line break written as a number ends no line.
                        Ok(Some('\n')) => " ".to_owned(),
                        Ok(Some(character)) => character.to_string(),
                        _ => quick_xml::escape::resolve_predefined_entity(&entity).unwrap_or(" ").to_owned(),
                    };
                    self.text(&text, at);
                }
                Ok(_) => {}
            }
        }
        while !self.open.is_empty() {
            self.end()?;
        }
        Ok(())
    }

    fn start(&mut self, tag: &BytesStart<'_>, at: usize) -> Result<(), Stop> {
        if self.open.len() >= self.budget.limits.nesting as usize {
            let limit = self.budget.limits.nesting;
            return Err(Stop::Limit(ExtractError::Limit(format!("XML nested more than {limit} deep"))));
        }
        let name = tag.local_name().as_ref().to_owned();
        if self.open.is_empty() {
            self.svg = name == "svg";
        }
        if let Some(parent) = self.open.last_mut() {
            // What stands before the element is written first, unless it is a mark within running text.
            parent.parent = true;
        }
        self.open.push(Element { name, text: Inline::default(), parent: false });
        if self.svg {
            return Ok(());
        }
        let line = self.lines.line(at);
        for attribute in tag.attributes().with_checks(false).filter_map(Result::ok) {
            let key = attribute.key.as_ref().to_owned();
            if key.starts_with("xmlns") || key.starts_with("xsi:") {
                continue;
            }
            let raw = attribute.value.clone().into_owned();
            let value = quick_xml::escape::unescape(&raw).map_or(raw.clone(), std::borrow::Cow::into_owned);
            let path = format!("{}@{key}", self.path());
            self.writer.field(&path, &value.replace('\n', " "), at_line(line))?;
        }
        Ok(())
    }

    fn text(&mut self, text: &str, at: usize) {
        if let Some(element) = self.open.last_mut() {
            // What stands before the text is only the layout of the file.
            if element.text.is_blank() {
                element.text = Inline::default();
            }
            element.text.push(text, self.lines.line(at));
        }
    }

    fn end(&mut self) -> Result<(), Stop> {
        let path = self.path();
        let Some(mut element) = self.open.pop() else { return Ok(()) };
        let (text, Some(line)) = element.text.take() else { return Ok(()) };
        if text.trim().is_empty() {
            return Ok(());
        }
        // A word or two marked inside a sentence (`<emph>`, `<a>`) belongs to the sentence.
        if let Some(parent) = self.open.last_mut()
            && !parent.text.is_blank()
        {
            parent.text.push(&text, line);
            return Ok(());
        }
        if self.svg {
            if element.name == "title" {
                self.writer.title(&text);
            }
            if matches!(element.name.as_str(), "title" | "desc" | "text" | "tspan" | "textPath") {
                self.writer.block(BlockKind::Paragraph, &text, at_line(line))?;
            }
            return Ok(());
        }
        if element.name == "title" && self.open.len() <= 2 {
            self.writer.title(&text);
        }
        // Feeds carry HTML in text.
        if text.contains("</") || text.contains("<p") {
            html::write_fragment(&text, &at_line(line), &mut self.writer, self.budget)?;
        } else if element.parent {
            self.writer.block(BlockKind::Paragraph, &text, at_line(line))?;
        } else {
            self.writer.field(&path, &text, at_line(line))?;
        }
        Ok(())
    }

    fn path(&self) -> String {
        let from = self.open.len().saturating_sub(PATH_ELEMENTS).max(usize::from(self.open.len() > 1));
        let names: Vec<&str> = self.open.iter().skip(from).map(|element| element.name.as_str()).collect();
        names.join("/")
    }
}
