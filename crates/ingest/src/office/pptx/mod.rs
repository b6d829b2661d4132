//! What do these slides (PPTX) say?
//!
//! [`slide`] reads one slide; here they are put in order, with their notes and comments.

mod slide;

use std::collections::{HashMap, HashSet};

use intramuros_core::document::{BlockKind, ExtractError, Extracted, Kind};

use super::blocks::{Blocks, on_page};
use super::opc::{self, Relations};
use super::package::Package;
use super::xml::{Node, Tag, Xml};
use super::{ole, pictures};
use crate::Budget;

/// Reads PPTX, PPTM and PPSX: slides in the order in which they are shown, each with its title as heading, its text,
/// tables, charts and diagrams, then its notes and comments.
///
/// # Errors
/// When the bytes are not this format, are encrypted, or a limit is reached.
pub fn extract(_name: &str, bytes: &[u8], budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    ole::refuse_encrypted(bytes)?;
    let package = Package::open(bytes, budget)?;
    let main = opc::main_part(&package, "ppt/presentation.xml")?;
    let relations = Relations::of(&package, &main)?;
    let mut extracted = Extracted::default();
    opc::read_properties(&package, &mut extracted)?;
    let slides = slide_parts(&package, &main, &relations)?;
    budget.check_pages(slides.len())?;
    extracted.pages = u32::try_from(slides.len()).ok();
    let authors = comment_authors(&package, &relations).unwrap_or_default();

    let mut deck = Deck { package: &package, blocks: Blocks::new(budget), authors, repeated: HashSet::new() };
    for (index, part) in slides.iter().enumerate() {
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let read = deck.read_slide(part, number, budget, &mut extracted);
        opc::tolerate(read, &format!("slide {number}"), &mut extracted)?;
    }
    let blocks = deck.blocks;
    if blocks.list.is_empty() {
        if let (Some(first), true) = (extracted.warnings.first(), extracted.parts.is_empty()) {
            return Err(ExtractError::Corrupt(first.clone()));
        }
        pictures::read(&package, "ppt/media/", budget, &mut extracted)?;
    }
    blocks.finish(Kind::Slides, extracted)
}

/// The walk through the slides.
struct Deck<'a, 'r> {
    package: &'r Package<'a>,
    blocks: Blocks<'a>,
    authors: HashMap<String, String>,
    /// Footers that were given once.
    repeated: HashSet<String>,
}

impl Deck<'_, '_> {
    fn read_slide(
        &mut self,
        part: &str,
        number: u32,
        budget: &Budget<'_>,
        extracted: &mut Extracted,
    ) -> Result<(), ExtractError> {
        let relations = Relations::of(self.package, part)?;
        self.read_shapes(part, &relations, number)?;
        for notes in relations.all("notesSlide").map(str::to_owned).collect::<Vec<_>>() {
            let read = self.read_notes(&notes, number);
            opc::tolerate(read, &format!("the notes of slide {number}"), extracted)?;
        }
        for comments in relations.all("comments").map(str::to_owned).collect::<Vec<_>>() {
            let read = self.read_comments(&comments, number);
            opc::tolerate(read, &format!("the comments of slide {number}"), extracted)?;
        }
        opc::read_embedded(self.package, &relations, budget, extracted)
    }

    fn read_comments(&mut self, part: &str, number: u32) -> Result<(), ExtractError> {
        let Some(mut xml) = self.package.xml(part)? else { return Ok(()) };
        let mut said = Vec::new();
        while let Some(node) = xml.next()? {
            let Node::Open(tag) = node else { continue };
            if tag.local() == "cm" {
                let author = self.author(tag);
                self.read_thread(&mut xml, author, &mut said)?;
            }
        }
        for (author, text) in said {
            if text.trim().is_empty() {
                continue;
            }
            let text = if author.is_empty() { text } else { format!("{author}: {}", text.trim()) };
            self.blocks.push(BlockKind::Comment, &text, on_page(Some(number)))?;
        }
        Ok(())
    }

    fn author(&self, tag: Tag<'_>) -> String {
        tag.attribute("authorId").and_then(|id| self.authors.get(&*id).cloned()).unwrap_or_default()
    }

    /// A comment and the replies to it, which stand before its own text in the file: author and text of each.
    fn read_thread(
        &self,
        xml: &mut Xml<'_>,
        author: String,
        said: &mut Vec<(String, String)>,
    ) -> Result<(), ExtractError> {
        let depth = xml.depth();
        let mut own = String::new();
        let first = said.len();
        while let Some(node) = xml.next_in(depth)? {
            let Node::Open(tag) = node else { continue };
            match tag.local() {
                "reply" => {
                    let author = self.author(tag);
                    self.read_thread(xml, author, said)?;
                }
                // `p:text` in comments of old; in those of today paragraphs of runs, each with its `a:t`.
                "text" | "t" => own.push_str(&xml.text()?),
                "p" | "br" => own.push('\n'),
                _ => {}
            }
        }
        said.insert(first, (author, own));
        Ok(())
    }
}

/// The slides in the order in which they are shown; those that no list names are none.
fn slide_parts(
    package: &Package<'_>,
    main: &str,
    relations: &Relations,
) -> Result<Vec<String>, ExtractError> {
    let mut xml = package.required_xml(main)?;
    let mut parts = Vec::new();
    let mut is_presentation = false;
    while let Some(node) = xml.next()? {
        let Node::Open(tag) = node else { continue };
        match tag.local() {
            "presentation" => is_presentation = true,
            "sldId" => {
                let part = tag.relation("id").and_then(|id| relations.target(&id).map(str::to_owned));
                parts.extend(part.filter(|part| package.has(part)));
            }
            "extLst" => xml.skip()?,
            _ => {}
        }
    }
    if is_presentation {
        Ok(parts)
    } else {
        Err(ExtractError::Corrupt("no presentation in the main part".to_owned()))
    }
}

fn comment_authors(
    package: &Package<'_>,
    relations: &Relations,
) -> Result<HashMap<String, String>, ExtractError> {
    let mut authors = HashMap::new();
    for role in ["commentAuthors", "authors"] {
        let Some(part) = relations.first(role) else { continue };
        let Some(mut xml) = package.xml(part)? else { continue };
        while let Some(node) = xml.next()? {
            let Node::Open(tag) = node else { continue };
            if let (Some(id), Some(name)) = (tag.attribute("id"), tag.attribute("name")) {
                authors.insert(id.into_owned(), name.into_owned());
            }
        }
    }
    Ok(authors)
}
