//! Which paragraphs of an OpenDocument file begin a page, which are its title, and how are its lists numbered?

use std::collections::HashMap;

use intramuros_core::document::ExtractError;

use super::lists::{Definitions, OUTLINE};
use crate::office::xml::{Node, Xml};

/// Styles build on one another; a longer chain is a loop.
const CHAIN: usize = 16;

/// Names of the style of a document's own title, as programs in several languages write them.
const TITLE_NAMES: [&str; 5] = ["Title", "Titre", "Titel", "Título", "Titre_20_principal"];

#[derive(Default)]
struct Style {
    parent: Option<String>,
    breaks: bool,
}

/// The styles of paragraphs and lists of a document, named and automatic.
#[derive(Default)]
pub struct Styles {
    by_name: HashMap<String, Style>,
    /// How lists and headings are numbered.
    pub lists: Definitions,
}

impl Styles {
    /// Adds the styles of a part, up to where its body begins.
    ///
    /// # Errors
    /// When the XML is broken or over a limit.
    pub fn read(&mut self, mut xml: Xml<'_>) -> Result<(), ExtractError> {
        let (mut current, mut list) = (None, None);
        while let Some(node) = xml.next()? {
            let Node::Open(tag) = node else { continue };
            match tag.local() {
                "body" => break,
                "list-style" => {
                    let name = tag.attribute("name").filter(|name| !name.is_empty());
                    list = name.map(|name| name.into_owned());
                }
                "outline-style" => list = Some(OUTLINE.to_owned()),
                "list-level-style-number" | "outline-level-style" => {
                    if let Some(name) = &list {
                        self.lists.add(name, tag);
                    }
                }
                "style" => {
                    let named = tag.attribute("family").is_some_and(|family| family == "paragraph");
                    current = tag.attribute("name").filter(|_| named).map(|name| name.into_owned());
                    if let Some(name) = &current {
                        let parent = tag.attribute("parent-style-name").map(|parent| parent.into_owned());
                        let breaks = tag.attribute("master-page-name").is_some_and(|page| !page.is_empty());
                        self.by_name.insert(name.clone(), Style { parent, breaks });
                    }
                }
                "paragraph-properties" => {
                    let breaks = tag.attribute("break-before").is_some_and(|kind| kind == "page");
                    if let (true, Some(style)) =
                        (breaks, current.as_ref().and_then(|name| self.by_name.get_mut(name)))
                    {
                        style.breaks = true;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether a paragraph of this style begins a page.
    pub fn breaks(&self, name: &str) -> bool {
        self.by_name.get(name).is_some_and(|style| style.breaks)
    }

    /// Whether a paragraph of this style is the document's title.
    pub fn is_title(&self, name: &str) -> bool {
        let mut name = name;
        for _ in 0..CHAIN {
            if TITLE_NAMES.contains(&name) {
                return true;
            }
            match self.by_name.get(name).and_then(|style| style.parent.as_deref()) {
                Some(parent) => name = parent,
                None => return false,
            }
        }
        false
    }
}
