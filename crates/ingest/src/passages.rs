//! Into which pieces is a document cut for search and citation?
//!
//! Passages follow the structure: a heading opens one, a table's rows stay whole and keep their column names, a
//! sentence is never cut unless it alone is longer than the model reads. The passages of a document cover its text in
//! order, without overlap; what lies between two is white space.

use std::ops::Range;

use intramuros_core::document::{BLOCK_SEPARATOR, Block, BlockKind, BlockLines, Extracted};
use intramuros_core::language::{Language, detect};
use intramuros_core::passage::Passage;
use intramuros_core::sentence::sentences;

/// How long passages are, in words (runs between white space; French and English have about 1.3 tokens a word).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassageOptions {
    /// A passage is closed before it would hold more words than this. 120: best or near it on every development set
    /// (see docs/measurements.md); about 160 tokens.
    pub most_words: usize,
    /// A heading opens a new passage once the current one holds this many words; shorter sections stay together.
    pub least_words: usize,
    /// A sentence, row or line longer than this is cut between words: the model reads 512 tokens.
    pub longest_words: usize,
}

impl Default for PassageOptions {
    fn default() -> Self {
        PassageOptions { most_words: 120, least_words: 40, longest_words: 300 }
    }
}

/// Bytes that count as one word at least: a run without white space (an encoded value, a language without spaces)
/// must not make a passage endless.
const BYTES_A_WORD: usize = 12;

/// Column names longer than this are cut where they are repeated: a header is context, not content.
const MOST_HEADER_BYTES: usize = 400;

/// Headings kept above a passage; deeper nesting is noise in a citation.
const MOST_HEADINGS: usize = 8;

/// A text too short to tell its language has that of its document.
const LEAST_LANGUAGE_BYTES: usize = 60;

/// Cuts a document into passages.
pub fn split(document: &Extracted, options: &PassageOptions) -> Vec<Passage> {
    let text = document.text();
    let fallback = document.language.unwrap_or_else(|| main_language(&text));
    let mut splitter =
        Splitter { text: &text, options, fallback, headings: Vec::new(), open: None, done: Vec::new() };
    let mut start = 0;
    let mut header: Option<(u32, String)> = None;
    for block in &document.blocks {
        splitter.take(&Standing { block, start, lines: BlockLines::of(block) }, &mut header);
        start += block.text.len() + BLOCK_SEPARATOR.len();
    }
    splitter.close();
    splitter.done
}

/// The language of most of a text: its beginning, middle and end are asked.
pub fn main_language(text: &str) -> Language {
    let piece = |at: usize| {
        let mut from = at.min(text.len());
        while !text.is_char_boundary(from) {
            from -= 1;
        }
        detect(text.get(from..).unwrap_or_default())
    };
    let votes = [piece(0), piece(text.len() / 2), piece(text.len() / 4 * 3)];
    let count = |language| votes.iter().filter(|vote| **vote == language).count();
    let (french, english) = (count(Language::French), count(Language::English));
    match french.cmp(&english) {
        std::cmp::Ordering::Greater => Language::French,
        std::cmp::Ordering::Less => Language::English,
        std::cmp::Ordering::Equal => votes.first().copied().unwrap_or_default(),
    }
}

/// A passage being filled.
struct Open {
    range: Range<usize>,
    words: usize,
    headings: Vec<String>,
    table_header: String,
    pages: Option<(u32, u32)>,
    lines: Option<(u32, u32)>,
    section: Option<String>,
    /// Whether it holds anything but headings.
    body: bool,
}

/// A block with where it stands in the document's text and in the original.
struct Standing<'b> {
    block: &'b Block,
    start: usize,
    lines: Option<BlockLines<'b>>,
}

impl Standing<'_> {
    /// A byte range of the block's text, in the document's text.
    fn in_document(&self, range: &Range<usize>) -> Range<usize> {
        self.start + range.start..self.start + range.end
    }
}

struct Splitter<'a> {
    text: &'a str,
    options: &'a PassageOptions,
    fallback: Language,
    headings: Vec<(u8, String)>,
    open: Option<Open>,
    done: Vec<Passage>,
}

impl Splitter<'_> {
    fn take(&mut self, standing: &Standing<'_>, header: &mut Option<(u32, String)>) {
        let block = standing.block;
        match &block.kind {
            BlockKind::Heading { level } => self.take_heading(*level, standing),
            BlockKind::TableRow { table, header: is_header } => {
                if header.as_ref().is_none_or(|(known, _)| known != table) {
                    *header = Some((*table, String::new()));
                }
                if *is_header && let Some((_, names)) = header {
                    *names = cut(&block.text, MOST_HEADER_BYTES).to_owned();
                }
                let names = header.as_ref().map(|(_, names)| names.clone()).unwrap_or_default();
                self.add_piece(standing, 0..block.text.len(), if *is_header { "" } else { &names });
            }
            BlockKind::Code => self.add_pieces(standing, line_ranges(&block.text)),
            _ => self.add_pieces(standing, sentences(&block.text)),
        }
    }

    fn take_heading(&mut self, level: u8, standing: &Standing<'_>) {
        if self.open.as_ref().is_some_and(|open| open.body && open.words >= self.options.least_words) {
            self.close();
        }
        self.headings.retain(|(known, _)| *known < level);
        let text = &standing.block.text;
        self.add_piece(standing, 0..text.len(), "");
        if self.headings.len() < MOST_HEADINGS {
            self.headings.push((level, cut(text, MOST_HEADER_BYTES).to_owned()));
        }
    }

    fn add_pieces(&mut self, standing: &Standing<'_>, pieces: Vec<Range<usize>>) {
        for piece in pieces {
            self.add_piece(standing, piece, "");
        }
    }

    /// Adds a sentence, row or line; `range` counts in the block's text.
    fn add_piece(&mut self, standing: &Standing<'_>, range: Range<usize>, table_header: &str) {
        let text = standing.block.text.get(range.clone()).unwrap_or_default();
        if count_words(text) > self.options.longest_words {
            for part in cut_between_words(text, self.options.most_words) {
                self.close();
                self.add_short(standing, range.start + part.start..range.start + part.end, table_header);
                self.close();
            }
            return;
        }
        self.add_short(standing, range, table_header);
    }

    fn add_short(&mut self, standing: &Standing<'_>, range: Range<usize>, table_header: &str) {
        let block = standing.block;
        let words = count_words(block.text.get(range.clone()).unwrap_or_default());
        let other_section = |open: &Open| open.body && open.section != block.place.section;
        if self
            .open
            .as_ref()
            .is_some_and(|open| open.words + words > self.options.most_words || other_section(open))
        {
            self.close();
        }
        let is_heading = matches!(block.kind, BlockKind::Heading { .. });
        let in_document = standing.in_document(&range);
        let open = self.open.get_or_insert_with(|| Open {
            range: in_document.clone(),
            words: 0,
            headings: self.headings.iter().map(|(_, heading)| heading.clone()).collect(),
            table_header: table_header.to_owned(),
            pages: None,
            lines: None,
            section: block.place.section.clone(),
            body: false,
        });
        open.range.end = in_document.end;
        open.words += words;
        open.body |= !is_heading;
        open.section = open.section.take().or_else(|| block.place.section.clone());
        open.pages = widen(open.pages, block.place.page.map(|page| (page, page)));
        open.lines = widen(open.lines, standing.lines.as_ref().map(|lines| lines.span(&range)));
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        let text = self.text.get(open.range.clone()).unwrap_or_default().to_owned();
        let language = match detect(&text) {
            Language::Other if text.len() < LEAST_LANGUAGE_BYTES || self.fallback != Language::Other => {
                self.fallback
            }
            found => found,
        };
        self.done.push(Passage {
            ordinal: self.done.len() as u32,
            headings: open.headings,
            table_header: open.table_header,
            text,
            range: open.range,
            pages: open.pages,
            lines: open.lines,
            section: open.section,
            language,
        });
    }
}

fn widen(known: Option<(u32, u32)>, new: Option<(u32, u32)>) -> Option<(u32, u32)> {
    match (known, new) {
        (Some(known), Some(new)) => Some((known.0.min(new.0), known.1.max(new.1))),
        (known, new) => known.or(new),
    }
}

fn count_words(text: &str) -> usize {
    text.split_whitespace().map(|word| 1 + word.len() / (2 * BYTES_A_WORD)).sum()
}

fn cut(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// The lines of a text that hold something.
fn line_ranges(text: &str) -> Vec<Range<usize>> {
    let mut start = 0;
    let mut found = Vec::new();
    for line in text.split('\n') {
        let trimmed = line.trim_end();
        if !trimmed.trim_start().is_empty() {
            found.push(start..start + trimmed.len());
        }
        start += line.len() + 1;
    }
    found
}

/// Pieces of about `most` words, cut at white space, or anywhere in a run that has none.
fn cut_between_words(text: &str, most: usize) -> Vec<Range<usize>> {
    let most_bytes = most * BYTES_A_WORD;
    let mut found = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let rest = text.get(start..).unwrap_or_default();
        let piece = cut(rest, most_bytes);
        let mut end = piece.len();
        if let Some((at, _)) = piece.match_indices(char::is_whitespace).nth(most.saturating_sub(1)) {
            end = at;
        } else if piece.len() < rest.len()
            && let Some(at) = piece.rfind(char::is_whitespace).filter(|at| *at > 0)
        {
            end = at;
        }
        let end = end.max(rest.chars().next().map_or(1, char::len_utf8));
        let trimmed = rest.get(..end).unwrap_or_default();
        let lead = trimmed.len() - trimmed.trim_start().len();
        let range = start + lead..start + lead + trimmed.trim().len();
        if !range.is_empty() {
            found.push(range);
        }
        start += end;
    }
    found
}

#[cfg(test)]
mod tests {
    use intramuros_core::document::Place;

    use super::*;

    fn block(kind: BlockKind, text: &str, line: u32) -> Block {
        Block { kind, text: text.to_owned(), place: Place { line: Some(line), ..Place::default() } }
    }

    fn document(blocks: Vec<Block>) -> Extracted {
        Extracted { blocks, ..Extracted::default() }
    }

    /// Every character that is not white space is in exactly one passage, in order.
    fn check_cover(document: &Extracted, passages: &[Passage]) {
        let text = document.text();
        let mut end = 0;
        for passage in passages {
            assert!(passage.range.start >= end);
            assert!(
                text[end..passage.range.start].trim().is_empty(),
                "{:?}",
                &text[end..passage.range.start]
            );
            assert_eq!(text[passage.range.clone()], passage.text);
            end = passage.range.end;
        }
        assert!(text[end..].trim().is_empty());
    }

    #[test]
    fn headings_open_passages_and_are_kept_above_those_that_follow() {
        let body = "Voici une phrase de dix mots qui parle de tout. ".repeat(30);
        let document = document(vec![
            block(BlockKind::Heading { level: 1 }, "Congés", 1),
            block(BlockKind::Heading { level: 2 }, "Durée", 2),
            block(BlockKind::Paragraph, body.trim(), 3),
            block(BlockKind::Heading { level: 2 }, "Report", 5),
            block(BlockKind::Paragraph, "Court.", 6),
        ]);
        let passages = split(&document, &PassageOptions::default());
        check_cover(&document, &passages);
        assert!(passages.len() >= 4);
        assert!(passages[0].headings.is_empty() && passages[0].text.starts_with("Congés\nDurée\nVoici"));
        assert_eq!(passages[1].headings, ["Congés", "Durée"]);
        let last = passages.last().unwrap();
        assert_eq!(
            (last.headings.as_slice(), last.text.as_str()),
            (["Congés".to_owned()].as_slice(), "Report\nCourt.")
        );
        assert_eq!(last.lines, Some((5, 6)));
        assert!(
            passages
                .iter()
                .all(|passage| passage.text.ends_with('.') && passage.language == Language::French)
        );
    }

    #[test]
    fn tables_keep_their_column_names_with_each_group_of_rows() {
        let mut blocks = vec![block(BlockKind::TableRow { table: 0, header: true }, "Ville | Population", 1)];
        for row in 0..100 {
            blocks.push(block(
                BlockKind::TableRow { table: 0, header: false },
                &format!("Ville {row} | {row}000"),
                row + 2,
            ));
        }
        let document = document(blocks);
        let passages = split(&document, &PassageOptions::default());
        check_cover(&document, &passages);
        assert!(passages.len() > 2);
        assert_eq!(passages[0].table_header, "");
        for passage in &passages[1..] {
            assert_eq!(passage.table_header, "Ville | Population");
            assert!(passage.text.starts_with("Ville "));
        }
    }

    #[test]
    fn what_has_no_sentences_is_bounded() {
        let document = document(vec![
            block(BlockKind::Paragraph, &"mot ".repeat(2_000), 1),
            block(BlockKind::Paragraph, &"x".repeat(20_000), 2),
            block(BlockKind::Code, &"let x = 1;\n".repeat(500), 3),
        ]);
        let passages = split(&document, &PassageOptions::default());
        check_cover(&document, &passages);
        assert!(
            passages.iter().all(|passage| passage.text.len() <= 4_000),
            "{:?}",
            passages.iter().map(|p| p.text.len()).max()
        );
        assert_eq!(passages.last().unwrap().lines.unwrap().1, 502);
    }

    proptest::proptest! {
        #[test]
        fn passages_cover_any_document(texts in proptest::collection::vec("[a-zé .!?\n|]{1,400}", 1..12), kinds in proptest::collection::vec(0u8..5, 12)) {
            let blocks = texts.iter().zip(kinds).filter(|(text, _)| !text.trim().is_empty()).map(|(text, kind)| {
                let kind = match kind {
                    0 => BlockKind::Heading { level: 1 + (text.len() % 6) as u8 },
                    1 => BlockKind::TableRow { table: 0, header: text.len() % 3 == 0 },
                    2 => BlockKind::Code,
                    _ => BlockKind::Paragraph,
                };
                block(kind, text, 1)
            }).collect();
            let document = document(blocks);
            let options = PassageOptions { most_words: 12, least_words: 4, longest_words: 30 };
            check_cover(&document, &split(&document, &options));
        }
    }
}
