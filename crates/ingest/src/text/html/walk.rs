//! Which blocks does this part of a page show, in reading order?

use std::collections::HashMap;

use intramuros_core::document::{BlockKind, ExtractError, Place};

use super::main_part::{Roots, never_shown};
use super::table;
use super::tree::{Node, Step, Tree, is_block};
use crate::text::inline::Inline;
use crate::text::writer::{SHOWN_BREAK, Writer, clean_line};

/// Writes the blocks inside `roots`, each at `place` (whose line is the one on which the page begins); from an element on
/// whose identifier is in `sections`, in that section.
///
/// # Errors
/// When a limit is reached.
pub fn write(
    tree: &Tree,
    roots: &Roots,
    place: &Place,
    sections: Option<&HashMap<String, String>>,
    writer: &mut Writer<'_>,
) -> Result<(), ExtractError> {
    let mut walk = Walk {
        tree,
        writer,
        place: place.clone(),
        sections: sections.filter(|sections| !sections.is_empty()),
        inline: Inline::default(),
        lists: Vec::new(),
        item: None,
        heading: None,
        footnotes: 0,
    };
    for root in &roots.nodes {
        let skip = |node: Node| {
            never_shown(tree, node)
                || (node != *root && roots.leave_out(tree, node))
                || matches!(tree.name(node), "pre" | "listing" | "xmp")
                || (tree.name(node) == "table" && table::is_data(tree, node))
        };
        for step in tree.inside(*root, skip) {
            match step {
                Step::Enter(node) => {
                    // A hidden root is shown: it is what a script would show.
                    let left_out = never_shown(tree, node) || (node != *root && roots.leave_out(tree, node));
                    if !left_out {
                        walk.enter(node)?;
                    }
                }
                Step::Leave(node) => walk.leave(node)?,
            }
        }
        walk.flush()?;
    }
    Ok(())
}

/// The place of what begins on a line of a page that begins at `place`, counted from 0.
pub fn on_line(place: &Place, line: u32) -> Place {
    Place { line: place.line.map(|first| first.saturating_add(line)), ..place.clone() }
}

struct Walk<'t, 'b> {
    tree: &'t Tree,
    writer: &'t mut Writer<'b>,
    place: Place,
    sections: Option<&'t HashMap<String, String>>,
    /// Running text: its line breaks are those of the source, [`SHOWN_BREAK`] is one that is shown.
    inline: Inline,
    /// The next number of each open list; none for bullets.
    lists: Vec<Option<i64>>,
    /// The mark of the item that was opened and has no text yet.
    item: Option<String>,
    heading: Option<u8>,
    /// Open elements that hold a note.
    footnotes: u32,
}

impl Walk<'_, '_> {
    fn enter(&mut self, node: Node) -> Result<(), ExtractError> {
        let name = self.tree.name(node);
        if name.is_empty() {
            // Line breaks of the source mean nothing to a reader; those of `<br>` do.
            let text = self.tree.text(node);
            self.inline.push(&text.replace(SHOWN_BREAK, " "), self.tree.line(node));
            return Ok(());
        }
        self.begin_section(node)?;
        match name {
            "br" => self.line_break()?,
            "img" => {
                let alt = self.tree.attribute(node, "alt").unwrap_or_default();
                self.inline.push(" ", self.tree.line(node));
                self.inline.add(&alt.replace(['\n', SHOWN_BREAK], " "));
                self.inline.add(" ");
            }
            "q" => self.inline.add("“"),
            "ul" | "menu" | "dir" => {
                self.flush()?;
                self.lists.push(None);
            }
            "ol" => {
                self.flush()?;
                let first = self.tree.attribute(node, "start").and_then(|start| start.trim().parse().ok());
                self.lists.push(Some(first.unwrap_or(1)));
            }
            "li" | "dd" => {
                self.flush()?;
                let mark = if name == "li" { self.next_mark(node) } else { String::new() };
                self.item = Some(mark);
            }
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.flush()?;
                self.heading = name.as_bytes().get(1).map(|digit| digit - b'0');
            }
            "pre" | "listing" | "xmp" => {
                self.flush()?;
                let (text, line) = self.preformatted(node);
                self.writer.block(BlockKind::Code, &text, self.place_on(line))?;
            }
            "table" => {
                self.flush()?;
                if table::is_data(self.tree, node) {
                    table::write(self.tree, node, &self.place, self.writer)?;
                }
            }
            _ if is_block(name) => self.flush()?,
            _ => {}
        }
        if self.is_note(node) {
            self.flush()?;
            self.footnotes += 1;
        }
        Ok(())
    }

    fn leave(&mut self, node: Node) -> Result<(), ExtractError> {
        let name = self.tree.name(node);
        match name {
            "q" => self.inline.add("”"),
            "ul" | "menu" | "dir" | "ol" => {
                self.flush()?;
                self.lists.pop();
            }
            "li" | "dd" => {
                self.flush()?;
                self.item = None;
            }
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.flush()?;
                self.heading = None;
            }
            _ if is_block(name) => self.flush()?,
            _ => {}
        }
        if self.is_note(node) {
            self.flush()?;
            self.footnotes = self.footnotes.saturating_sub(1);
        }
        Ok(())
    }

    fn begin_section(&mut self, node: Node) -> Result<(), ExtractError> {
        let title = self.sections.and_then(|sections| sections.get(self.tree.attribute(node, "id")?));
        if let Some(title) = title {
            self.flush()?;
            self.place.section = Some(clean_line(title)).filter(|title| !title.is_empty());
        }
        Ok(())
    }

    fn is_note(&self, node: Node) -> bool {
        self.tree.attribute(node, "role").is_some_and(|role| matches!(role, "doc-footnote" | "doc-endnote"))
            || self
                .tree
                .attribute(node, "epub:type")
                .is_some_and(|kind| matches!(kind, "footnote" | "endnote" | "rearnote"))
    }

    /// Two line breaks in a row separate paragraphs, as old pages and mails write them.
    fn line_break(&mut self) -> Result<(), ExtractError> {
        let text = self.inline.text();
        if text.trim_end_matches(|last: char| last.is_ascii_whitespace()).ends_with(SHOWN_BREAK) {
            return self.flush();
        }
        self.inline.add(SHOWN_BREAK.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    fn next_mark(&mut self, node: Node) -> String {
        let Some(Some(number)) = self.lists.last_mut() else { return String::new() };
        if let Some(value) = self.tree.attribute(node, "value").and_then(|value| value.trim().parse().ok()) {
            *number = value;
        }
        let mark = format!("{number}. ");
        *number = number.saturating_add(1);
        mark
    }

    /// The text of a preformatted element, with the line on which it begins.
    fn preformatted(&self, top: Node) -> (String, u32) {
        let mut text = String::new();
        let mut line = None;
        for step in self.tree.inside(top, |node| never_shown(self.tree, node)) {
            if let Step::Enter(node) = step {
                if self.tree.name(node) == "br" {
                    text.push('\n');
                }
                if !self.tree.text(node).is_empty() {
                    line.get_or_insert(self.tree.line(node));
                    text.push_str(self.tree.text(node));
                }
            }
        }
        (text, line.unwrap_or_else(|| self.tree.line(top)))
    }

    /// The place of what begins on a line of the page, counted from 0.
    fn place_on(&self, line: u32) -> Place {
        on_line(&self.place, line)
    }

    /// Writes the running text that was collected.
    fn flush(&mut self) -> Result<(), ExtractError> {
        let (text, line) = self.inline.take();
        if text.trim().is_empty() {
            return Ok(());
        }
        let place = self.place_on(line.unwrap_or_default());
        if let Some(level) = self.heading {
            let text = text.trim_end_matches(is_anchor);
            if level == 1 {
                self.writer.title(text);
            }
            return self.writer.block(BlockKind::Heading { level }, text, place);
        }
        if self.footnotes > 0 {
            return self.writer.block(BlockKind::Footnote, &text, place);
        }
        match self.item.take() {
            Some(mark) => {
                let depth = u8::try_from(self.lists.len().saturating_sub(1)).unwrap_or(u8::MAX);
                self.writer.block(BlockKind::ListItem { depth }, &format!("{mark}{text}"), place)
            }
            None => self.writer.broken(BlockKind::Paragraph, &text, place),
        }
    }
}

/// Whether a sign at the end of a heading is the link to it that generators of documentation put there: a pilcrow, or
/// the chain of their symbol font.
fn is_anchor(sign: char) -> bool {
    sign.is_whitespace() || matches!(sign, '¶' | '\u{f0c1}' | '🔗')
}
