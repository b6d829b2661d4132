//! On which pages and lines, and under which headings, does a stretch of a document's text stand?

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

use intramuros_core::document::{BLOCK_SEPARATOR, Block, BlockKind, BlockLines};
use intramuros_core::error::Error;
use intramuros_store::DocumentId;

use crate::library::Library;

/// Headings above a stretch at most: deeper nesting is noise in a citation.
const MOST_HEADINGS: usize = 6;

/// Letters of one of them that are kept: a line.
const MOST_HEADING_LETTERS: usize = 200;

/// Where something stands, as a reader of the document would say it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// First and last page, from 1.
    pub pages: Option<(u32, u32)>,
    /// First and last line in the original file, from 1.
    pub lines: Option<(u32, u32)>,
}

/// Texts of documents that were fetched to tell where something stands in them, for as long as one answer is made.
#[derive(Default)]
pub struct Bodies(HashMap<DocumentId, Option<Vec<Block>>>);

impl Bodies {
    /// The text of a document, fetched once; none where it is gone.
    fn of(&mut self, library: &Library, document: DocumentId) -> Result<Option<&[Block]>, Error> {
        let body = match self.0.entry(document) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(library.shared.store.body(document)?),
        };
        Ok(body.as_deref())
    }
}

impl Library {
    /// The headings above what begins at a byte of a document's text, outermost first; none where its text is gone. It looks at
    /// nobody's rights: whoever asks was given the passage.
    ///
    /// # Errors
    /// When the document's text can't be read.
    pub(crate) fn headings(
        &self,
        bodies: &mut Bodies,
        document: DocumentId,
        at: usize,
    ) -> Result<Option<Vec<String>>, Error> {
        Ok(bodies.of(self, document)?.map(|blocks| headings_above(blocks, at)))
    }

    /// Where a part of a passage stands: a byte range of the document's text, within a passage that stands so. It looks at
    /// nobody's rights: whoever asks was given the passage.
    ///
    /// # Errors
    /// When the document's text can't be read.
    pub fn standing(
        &self,
        bodies: &mut Bodies,
        document: DocumentId,
        range: &Range<usize>,
        passage: Standing,
    ) -> Result<Standing, Error> {
        // What stands on one page or line needs no look.
        let several = |span: Option<(u32, u32)>| span.is_some_and(|(first, last)| first != last);
        if !several(passage.pages) && !several(passage.lines) {
            return Ok(passage);
        }
        let Some(blocks) = bodies.of(self, document)? else { return Ok(passage) };
        Ok(Standing {
            pages: pages_of(blocks, range).or(passage.pages),
            lines: lines_of(blocks, range).or(passage.lines),
        })
    }
}

/// The headings above what begins at a byte of a document's text.
fn headings_above(blocks: &[Block], at: usize) -> Vec<String> {
    let mut above: Vec<(u8, &str)> = Vec::new();
    let mut start = 0;
    for block in blocks {
        let end = start + block.text.len();
        if end > at {
            break;
        }
        if let BlockKind::Heading { level } = block.kind {
            above.retain(|(known, _)| *known < level);
            above.push((level, &block.text));
        }
        start = end + BLOCK_SEPARATOR.len();
    }
    let cut = |text: &str| text.chars().take(MOST_HEADING_LETTERS).collect();
    above.into_iter().take(MOST_HEADINGS).map(|(_, heading)| cut(heading)).collect()
}

/// First and last page of a byte range of a document's text; none where its blocks have no pages.
fn pages_of(blocks: &[Block], range: &Range<usize>) -> Option<(u32, u32)> {
    span_of(blocks, range, |block, _| block.place.page.map(|page| (page, page)))
}

/// First and last line of a byte range of a document's text; none where its blocks have no lines.
fn lines_of(blocks: &[Block], range: &Range<usize>) -> Option<(u32, u32)> {
    span_of(blocks, range, |block, inside| BlockLines::of(block).map(|lines| lines.span(inside)))
}

/// What `of_block` says of the parts of blocks that lie in a byte range of a document's text, from the lowest to the
/// highest; none where it says nothing of one of them.
fn span_of(
    blocks: &[Block],
    range: &Range<usize>,
    of_block: impl Fn(&Block, &Range<usize>) -> Option<(u32, u32)>,
) -> Option<(u32, u32)> {
    let mut start = 0;
    let mut span: Option<(u32, u32)> = None;
    for block in blocks {
        let end = start + block.text.len();
        if start < range.end && range.start < end {
            let inside = range.start.max(start) - start..range.end.min(end) - start;
            let (first, last) = of_block(block, &inside)?;
            span = Some(span.map_or((first, last), |known| (known.0.min(first), known.1.max(last))));
        }
        start = end + BLOCK_SEPARATOR.len();
    }
    span
}

#[cfg(test)]
mod tests {
    use intramuros_core::document::Place;

    use super::*;

    #[test]
    fn a_sentence_is_cited_under_its_own_headings() {
        let block =
            |kind: BlockKind, text: &str| Block { kind, text: text.to_owned(), place: Place::default() };
        let heading = |level: u8, text: &str| block(BlockKind::Heading { level }, text);
        // Bytes 0..4, 5..8, 9..14, 15..18, 19..24.
        let blocks = [
            heading(1, "Bail"),
            heading(2, "Dur"),
            block(BlockKind::Paragraph, "Six a"),
            heading(2, "Fin"),
            block(BlockKind::Paragraph, "Trois"),
        ];
        let check = |at: usize, expected: &[&str]| assert_eq!(headings_above(&blocks, at), expected, "{at}");
        check(0, &[]);
        check(5, &["Bail"]);
        check(9, &["Bail", "Dur"]);
        check(12, &["Bail", "Dur"]);
        check(19, &["Bail", "Fin"]);
        check(99, &["Bail", "Fin"]);
    }

    #[test]
    fn a_sentence_is_cited_at_its_own_page() {
        let block = |text: &str, page: u32| Block {
            kind: BlockKind::Paragraph,
            text: text.to_owned(),
            place: Place { page: Some(page), ..Place::default() },
        };
        // Bytes 0..5, 6..11 and 12..17.
        let blocks = [block("first", 1), block("again", 2), block("third", 3)];
        let check = |range, expected| assert_eq!(pages_of(&blocks, &range), expected, "{range:?}");
        check(0..5, Some((1, 1)));
        check(6..11, Some((2, 2)));
        check(7..13, Some((2, 3)));
        check(5..6, None);
        assert_eq!(pages_of(&[Block { place: Place::default(), ..block("x", 1) }], &(0..1)), None);
    }

    #[test]
    fn a_sentence_is_cited_at_its_own_lines() {
        let block = |text: &str, line: u32, line_starts: &[u32]| Block {
            kind: BlockKind::Paragraph,
            text: text.to_owned(),
            place: Place { line: Some(line), line_starts: line_starts.to_vec(), ..Place::default() },
        };
        // A heading, and a paragraph of three lines below a blank one: bytes 0..5 and 6..19.
        let blocks = [block("title", 1, &[]), block("one two three", 3, &[4, 8])];
        let check = |range, expected| assert_eq!(lines_of(&blocks, &range), expected, "{range:?}");
        check(0..5, Some((1, 1)));
        check(6..9, Some((3, 3)));
        check(10..13, Some((4, 4)));
        check(10..19, Some((4, 5)));
        check(0..9, Some((1, 3)));
        check(5..6, None);
        assert_eq!(lines_of(&[Block { place: Place::default(), ..block("x", 1, &[]) }], &(0..1)), None);
    }
}
