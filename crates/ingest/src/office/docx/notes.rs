//! What stands outside of the flow of a Word document: notes, comments, headers and footers?

use std::collections::HashMap;

use intramuros_core::document::{Block, BlockKind, ExtractError, Place};

use super::body::Body;
use crate::office::blocks::{flatten, on_page};
use crate::office::margins::is_page_number;
use crate::office::xml::Node;

/// Notes and comments by their identifiers, until the text refers to them.
#[derive(Default)]
pub struct Notes {
    footnotes: HashMap<String, String>,
    endnotes: HashMap<String, String>,
    comments: HashMap<String, String>,
    footnote_count: u32,
    endnote_count: u32,
}

/// Where a note stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteKind {
    /// At the foot of the page.
    Footnote,
    /// At the end.
    Endnote,
    /// In the margin.
    Comment,
}

impl Notes {
    /// The block of a note that the text refers to here; none when it has no text or was given already.
    pub fn take(&mut self, kind: NoteKind, id: &str, page: Option<u32>) -> Option<Block> {
        let (notes, count) = match kind {
            NoteKind::Footnote => (&mut self.footnotes, &mut self.footnote_count),
            NoteKind::Endnote => (&mut self.endnotes, &mut self.endnote_count),
            NoteKind::Comment => {
                let text = self.comments.remove(id)?;
                return Some(Block { kind: BlockKind::Comment, text, place: on_page(page) });
            }
        };
        let text = notes.remove(id)?;
        *count += 1;
        Some(Block { kind: BlockKind::Footnote, text: format!("{count} {text}"), place: on_page(page) })
    }

    /// Comments that the text never referred to, in a stable order.
    pub fn rest(&mut self) -> Vec<Block> {
        let mut comments: Vec<(String, String)> = self.comments.drain().collect();
        comments.sort();
        let block = |(_, text)| Block { kind: BlockKind::Comment, text, place: Place::default() };
        comments.into_iter().map(block).collect()
    }
}

impl Body<'_, '_> {
    /// Reads footnotes, endnotes and comments, to be placed when the text refers to them.
    ///
    /// # Errors
    /// When a part is broken or over a limit.
    pub fn read_notes(&mut self) -> Result<(), ExtractError> {
        for (role, element, kind) in [
            ("footnotes", "footnote", NoteKind::Footnote),
            ("endnotes", "endnote", NoteKind::Endnote),
            ("comments", "comment", NoteKind::Comment),
        ] {
            let Some(part) = self.relations.first(role) else { continue };
            let Some(mut xml) = self.package.xml(part)? else { continue };
            while let Some(node) = xml.next()? {
                let Node::Open(tag) = node else { continue };
                if tag.local() != element {
                    continue;
                }
                let separator = tag.attribute("type").is_some_and(|kind| kind != "normal");
                let id = tag.attribute("id").unwrap_or_default().into_owned();
                let author = tag.attribute("author").unwrap_or_default().into_owned();
                let text = flatten(&self.read_story(&mut xml)?);
                if separator || text.is_empty() {
                    continue;
                }
                match kind {
                    NoteKind::Footnote => self.notes.footnotes.insert(id, text),
                    NoteKind::Endnote => self.notes.endnotes.insert(id, text),
                    NoteKind::Comment if author.is_empty() => self.notes.comments.insert(id, text),
                    NoteKind::Comment => self.notes.comments.insert(id, format!("{author}: {text}")),
                };
            }
        }
        Ok(())
    }

    /// Reads all headers or all footers, each different text once.
    ///
    /// # Errors
    /// When a part is broken or over a limit.
    pub fn read_margins(&mut self, role: &str) -> Result<Vec<Block>, ExtractError> {
        let mut margins: Vec<Block> = Vec::new();
        let parts: Vec<String> = self.relations.all(role).map(str::to_owned).collect();
        for part in parts {
            let Some(mut xml) = self.package.xml(&part)? else { continue };
            // Into the root element, past the white space before it.
            while matches!(xml.next()?, Some(Node::Text(_))) {}
            for mut block in self.read_story(&mut xml)? {
                block.place = Place::default();
                let known = margins.iter().any(|other| other.text == block.text);
                if !known && !is_page_number(&block.text) {
                    margins.push(block);
                }
            }
        }
        Ok(margins)
    }
}
