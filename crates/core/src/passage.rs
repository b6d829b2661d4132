//! What is the piece of a document that is indexed and cited?

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::language::Language;

/// A piece of a document: what is searched, embedded and cited.
///
/// The passages of a document follow one another without overlap: every block of the document is in exactly one
/// passage, or cut between sentences (rows, lines) over several. Headings are in the passage that they open, and
/// again in the `headings` of those that follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    /// Position in the document, from 0.
    pub ordinal: u32,
    /// The headings above the passage, outermost first; the document's title is not among them.
    pub headings: Vec<String>,
    /// Column names of the table that the passage continues; empty when it has none or holds them itself.
    pub table_header: String,
    /// The text, exactly as it stands at `range` of the document's text.
    pub text: String,
    /// Byte range in the document's text ([`crate::document::Extracted::text`]).
    pub range: Range<usize>,
    /// First and last page, from 1.
    pub pages: Option<(u32, u32)>,
    /// First and last line in the original file, from 1.
    pub lines: Option<(u32, u32)>,
    /// Sheet, chapter, cell or message (see [`crate::document::Place::section`]).
    pub section: Option<String>,
    /// The language of the text.
    pub language: Language,
}

impl Passage {
    /// What is put before the passage's text when it is embedded: title (unless the text begins with it), heading path
    /// and column names, each on a line of its own.
    pub fn context(&self, title: &str) -> String {
        let mut context = String::new();
        let mut push = |line: &str| {
            if !line.is_empty() {
                context.push_str(line);
                context.push('\n');
            }
        };
        if !self.text.starts_with(title.trim()) {
            push(title);
        }
        push(&self.heading_path(title));
        push(&self.table_header);
        context
    }

    /// The headings above the passage, joined by ` > `, without one that only repeats the document's title.
    pub fn heading_path(&self, title: &str) -> String {
        let headings: Vec<&str> = self
            .headings
            .iter()
            .map(String::as_str)
            .filter(|heading| heading.trim() != title.trim())
            .collect();
        headings.join(" > ")
    }
}
