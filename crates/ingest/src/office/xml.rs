//! Which elements and which text come next in this XML part?
//!
//! The one XML reader of the office formats: streaming, nesting under a limit, no entity beyond the five of XML and
//! character references (a document type is passed over, so nothing it declares is ever expanded or fetched).
//! Elements and attributes are told apart by their local names: prefixes are free in XML, and producers use it.

use std::borrow::Cow;

use intramuros_core::document::ExtractError;
use quick_xml::events::Event;
use quick_xml::events::attributes::Attributes;

use super::package::{Source, from_io};
use crate::Budget;

/// A streaming XML reader that knows how deep it stands.
pub struct Xml<'a> {
    reader: quick_xml::Reader<Source<'a>>,
    buffer: Vec<u8>,
    /// What the last event left: an opening tag's content, or text.
    content: String,
    name_len: usize,
    depth: u32,
    nesting: u32,
}

/// What comes next.
pub enum Node<'x> {
    /// An element opens. Its content follows, until the reader leaves it.
    Open(Tag<'x>),
    /// Text, unescaped. One run of text may come in several pieces.
    Text(&'x str),
}

/// The opening tag of an element.
#[derive(Clone, Copy)]
pub struct Tag<'x> {
    content: &'x str,
    name_len: usize,
}

enum Step {
    Open,
    Close,
    Text,
    End,
}

impl<'a> Xml<'a> {
    /// A reader over a part of a package.
    ///
    /// # Errors
    /// None today; parts in encodings that are not read may be refused here.
    pub fn new(source: Source<'a>, budget: &Budget<'a>) -> Result<Xml<'a>, ExtractError> {
        let mut reader = quick_xml::Reader::from_reader(source);
        let config = reader.config_mut();
        config.expand_empty_elements = true;
        config.allow_dangling_amp = true;
        Ok(Xml {
            reader,
            buffer: Vec::new(),
            content: String::new(),
            name_len: 0,
            depth: 0,
            nesting: budget.limits.nesting,
        })
    }

    /// How many elements are open. Taken right after an element opened, it names that element for
    /// [`Xml::next_in`] and [`Xml::leave`].
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// The next node inside the element that was opened at `depth`; none once that element has closed. Elements that
    /// the caller neither enters nor skips are passed through: their content comes as if they were not there.
    ///
    /// # Errors
    /// When the XML is broken, too deep, cut off or too large.
    pub fn next_in(&mut self, depth: u32) -> Result<Option<Node<'_>>, ExtractError> {
        loop {
            match self.step()? {
                // An alternative for old programs: its first choice was just read.
                Step::Open if self.local() == "Fallback" => self.leave(self.depth)?,
                Step::Open => {
                    let tag = Tag { content: &self.content, name_len: self.name_len };
                    return Ok(Some(Node::Open(tag)));
                }
                Step::Text => return Ok(Some(Node::Text(&self.content))),
                Step::Close if self.depth < depth => return Ok(None),
                Step::Close => {}
                Step::End if depth == 0 => return Ok(None),
                Step::End => return Err(ExtractError::Corrupt("an XML part is cut off".to_owned())),
            }
        }
    }

    /// The next node of the whole part; none at its end.
    ///
    /// # Errors
    /// As [`Xml::next_in`].
    pub fn next(&mut self) -> Result<Option<Node<'_>>, ExtractError> {
        self.next_in(0)
    }

    /// Passes over the rest of the element that has just opened.
    ///
    /// # Errors
    /// As [`Xml::next_in`].
    pub fn skip(&mut self) -> Result<(), ExtractError> {
        self.leave(self.depth)
    }

    /// Passes over the rest of the element that was opened at `depth`.
    ///
    /// # Errors
    /// As [`Xml::next_in`].
    pub fn leave(&mut self, depth: u32) -> Result<(), ExtractError> {
        while self.depth >= depth {
            if let Step::End = self.step()? {
                return Err(ExtractError::Corrupt("an XML part is cut off".to_owned()));
            }
        }
        Ok(())
    }

    /// All text of the element that has just opened.
    ///
    /// # Errors
    /// As [`Xml::next_in`].
    pub fn text(&mut self) -> Result<String, ExtractError> {
        let depth = self.depth;
        let mut text = String::new();
        while let Some(node) = self.next_in(depth)? {
            if let Node::Text(piece) = node {
                text.push_str(piece);
            }
        }
        Ok(text)
    }

    fn local(&self) -> &str {
        Tag { content: &self.content, name_len: self.name_len }.local()
    }

    fn step(&mut self) -> Result<Step, ExtractError> {
        loop {
            self.buffer.clear();
            self.reader.get_mut().start_token();
            let event = self.reader.read_event_into(&mut self.buffer).map_err(|error| reason(&error))?;
            match event {
                Event::Start(start) | Event::Empty(start) => {
                    self.content.clear();
                    self.content.push_str(&start);
                    self.name_len = start.name().0.len();
                    self.depth += 1;
                    if self.depth > self.nesting {
                        return Err(ExtractError::Limit(format!(
                            "elements nested more than {} deep",
                            self.nesting
                        )));
                    }
                    return Ok(Step::Open);
                }
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    return Ok(Step::Close);
                }
                Event::Text(text) => {
                    self.content.clear();
                    self.content.push_str(&text);
                    return Ok(Step::Text);
                }
                Event::CData(text) => {
                    self.content.clear();
                    self.content.push_str(&text);
                    return Ok(Step::Text);
                }
                Event::GeneralRef(reference) => {
                    self.content.clear();
                    if let Ok(Some(character)) = reference.resolve_char_ref() {
                        self.content.push(character);
                    } else if let Some(text) = quick_xml::escape::resolve_predefined_entity(&reference) {
                        self.content.push_str(text);
                    }
                    return Ok(Step::Text);
                }
                Event::Eof => return Ok(Step::End),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            }
        }
    }
}

impl<'x> Tag<'x> {
    /// The name without its prefix.
    pub fn local(self) -> &'x str {
        local_name(self.content.get(..self.name_len).unwrap_or_default())
    }

    /// The value of the attribute with this local name.
    pub fn attribute(self, name: &str) -> Option<Cow<'x, str>> {
        self.find(|key| local_name(key) == name)
    }

    /// The identifier of a relationship (`r:id`, `r:embed`…): an attribute that bears a prefix, unlike its namesake.
    pub fn relation(self, name: &str) -> Option<Cow<'x, str>> {
        self.find(|key| key.contains(':') && local_name(key) == name)
    }

    /// Whether the attribute with this local name says yes.
    pub fn flag(self, name: &str) -> bool {
        self.attribute(name).is_some_and(|value| is_on(&value))
    }

    /// Whether a property element such as `<w:vanish/>` is on: yes unless its `val` says no.
    pub fn switched_on(self) -> bool {
        self.attribute("val").is_none_or(|value| is_on(&value))
    }

    fn find(self, wanted: impl Fn(&str) -> bool) -> Option<Cow<'x, str>> {
        let mut attributes = Attributes::new(self.content, self.name_len);
        let attribute = attributes.with_checks(false).flatten().find(|attribute| wanted(attribute.key.0))?;
        Some(match attribute.value {
            Cow::Borrowed(raw) if !raw.contains('&') => Cow::Borrowed(raw),
            raw => match quick_xml::escape::unescape(&raw) {
                Ok(value) => Cow::Owned(value.into_owned()),
                Err(_) => raw,
            },
        })
    }
}

fn is_on(value: &str) -> bool {
    !matches!(value, "0" | "false" | "off" | "none" | "")
}

fn local_name(name: &str) -> &str {
    name.split_once(':').map_or(name, |(_, local)| local)
}

fn reason(error: &quick_xml::Error) -> ExtractError {
    match error {
        quick_xml::Error::Io(error) => from_io(error),
        other => ExtractError::Corrupt(format!("an XML part is broken ({other})")),
    }
}
