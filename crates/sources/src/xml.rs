//! What does an XML list say? Names without their prefixes, texts, children; nothing that is not in the text itself.

use quick_xml::Reader;
use quick_xml::events::Event;

use crate::failure::Failure;

/// Deepest nesting. 64: lists of files are six deep.
const MAX_DEPTH: usize = 64;

/// Most elements of one list. 2 million: 100,000 files with their properties.
const MAX_ELEMENTS: usize = 2_000_000;

/// An element.
#[derive(Debug, Default)]
pub(crate) struct Element {
    /// Its name without prefix.
    pub name: String,
    /// The text directly in it.
    pub text: String,
    /// The elements directly in it.
    pub children: Vec<Element>,
}

impl Element {
    /// The children of a name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The first child of a name.
    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first child of a name; empty when there is none.
    pub fn text_of(&self, name: &str) -> &str {
        self.child(name).map_or("", |child| child.text.trim())
    }
}

/// Reads a text into its root element.
///
/// # Errors
/// When it is no XML, or is nested or long beyond measure.
pub(crate) fn parse(bytes: &[u8], what: &str) -> Result<Element, Failure> {
    let odd =
        |why: String| Failure::Odd(format!("{what}: the place answers with what is no proper list: {why}"));
    let text = String::from_utf8_lossy(bytes);
    let mut reader = Reader::from_str(&text);
    let mut open = vec![Element::default()];
    let mut elements = 0;
    loop {
        let event = reader.read_event().map_err(|error| odd(error.to_string()))?;
        match event {
            Event::Start(start) => {
                elements += 1;
                if open.len() > MAX_DEPTH || elements > MAX_ELEMENTS {
                    return Err(odd("it has more elements than any list".to_owned()));
                }
                open.push(named(start.local_name().as_ref()));
            }
            Event::Empty(empty) => {
                elements += 1;
                if elements > MAX_ELEMENTS {
                    return Err(odd("it has more elements than any list".to_owned()));
                }
                if let Some(parent) = open.last_mut() {
                    parent.children.push(named(empty.local_name().as_ref()));
                }
            }
            Event::End(_) => close(&mut open),
            Event::Text(text) => add(&mut open, &text.xml_content(quick_xml::XmlVersion::Implicit1_0)),
            Event::CData(text) => add(&mut open, &text),
            Event::GeneralRef(reference) => {
                let name = &*reference;
                match reference.resolve_char_ref() {
                    Ok(Some(character)) => add(&mut open, character.encode_utf8(&mut [0; 4])),
                    // Entities beyond the five of XML itself are declared elsewhere, and mean nothing here.
                    _ => {
                        add(&mut open, quick_xml::escape::resolve_predefined_entity(name).unwrap_or_default())
                    }
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if open.len() > 1 {
        return Err(odd("it ends before its end".to_owned()));
    }
    let root = open.pop().and_then(|root| root.children.into_iter().next());
    root.ok_or_else(|| odd("it is empty".to_owned()))
}

fn named(name: &str) -> Element {
    Element { name: name.to_owned(), ..Element::default() }
}

fn add(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn close(open: &mut Vec<Element>) {
    if open.len() > 1
        && let Some(element) = open.pop()
        && let Some(parent) = open.last_mut()
    {
        parent.children.push(element);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_and_nothing_beside_it() {
        let text = r#"<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>
            <d:a xmlns:d="DAV:"><d:b>one &amp; two &#233; &x;</d:b><c/><b><![CDATA[<three>]]></b></d:a>"#;
        let root = parse(text.as_bytes(), "here").unwrap();
        let texts: Vec<&str> = root.all("b").map(|one| one.text.trim()).collect();
        assert_eq!((root.name.as_str(), texts), ("a", vec!["one & two é", "<three>"]));
        for odd in ["", "no list", "<a>", "<a></b>", &"<a>".repeat(100)] {
            assert!(parse(odd.as_bytes(), "here").is_err(), "{odd}");
        }
    }
}
