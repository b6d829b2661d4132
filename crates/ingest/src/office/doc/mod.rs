//! What does this old Word document (DOC, 97 to 2003) say?
//!
//! [`header`] finds the tables of the file, [`pieces`] puts its text together, [`formats`] says what its paragraphs
//! are and which characters are hidden, [`styles`] what their styles make of them, [`forms`] what the fields of forms
//! show, [`lists`] which numbers stand before items and headings, [`story`] turns them into blocks.

mod formats;
mod forms;
mod header;
mod lists;
mod pieces;
mod story;
mod styles;

use std::collections::HashSet;

use intramuros_core::document::{BlockKind, ExtractError, Extracted, Kind, Place};

use super::blocks::Blocks;
use super::margins::is_page_number;
use super::ole::Ole;
use super::summary;
use crate::Budget;
use formats::Formats;
use header::{Header, Table};
use lists::Numbering;
use pieces::Text;
use story::{FIELDS, Notes, Teller};

/// Reads DOC: paragraphs, headings by style, lists, tables, notes, comments, headers, footers and text boxes.
///
/// # Errors
/// When the streams are not this format, are encrypted, or a limit is reached.
pub(super) fn extract_from(ole: &Ole<'_>, budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    let main = ole.required("WordDocument")?;
    let header = Header::read(&main)?;
    let mut extracted = Extracted::default();
    summary::read(ole, &mut extracted)?;
    if header.is_old() {
        return extract_old(&header, &main, extracted, budget);
    }
    let tables = ole.required(header.table_stream())?;
    let text = Text::read(&header, &main, &tables)?;
    let mut formats = Formats::read(&header, &main, &tables);
    if formats.needs_data() {
        // Without it only what was ticked is lost.
        match ole.stream("Data") {
            Err(error @ ExtractError::Limit(_)) => return Err(error),
            read => formats.keep_data(read.ok().flatten().unwrap_or_default()),
        }
    }
    let mut blocks = Blocks::new(budget);
    let stories = header.stories();

    let [body, footnotes, headers, comments, endnotes, boxes, header_boxes] = stories;
    let notes = [
        Notes::read(
            &tables,
            header.table(Table::FootnoteRefs),
            header.table(Table::FootnoteTexts),
            footnotes.start,
        ),
        Notes::read(
            &tables,
            header.table(Table::EndnoteRefs),
            header.table(Table::EndnoteTexts),
            endnotes.start,
        ),
        Notes::read(
            &tables,
            header.table(Table::CommentRefs),
            header.table(Table::CommentTexts),
            comments.start,
        ),
    ];
    let numbering = Numbering::read(&tables, header.table(Table::Lists), header.table(Table::ListUses));
    let mut teller = Teller::new(&text, &formats, numbering);
    let (above, below) = read_margins(&mut teller, &header, &tables, headers.start);
    for text in above {
        blocks.push(BlockKind::Paragraph, &text, Place::default())?;
    }
    teller.tell(header_boxes, &[], &mut blocks)?;
    keep_once(&mut blocks);
    teller.tell(body, &notes, &mut blocks)?;
    teller.tell(boxes, &[], &mut blocks)?;
    for text in below {
        blocks.push(BlockKind::Paragraph, &text, Place::default())?;
    }
    extracted.parts = ole.read_pool("ObjectPool")?;
    blocks.finish(Kind::Word, extracted)
}

/// Headers and footers, each different text once. There are six stories for separators of notes, then six a section.
fn read_margins(
    teller: &mut Teller<'_>,
    header: &Header,
    tables: &[u8],
    start: usize,
) -> (Vec<String>, Vec<String>) {
    let (mut above, mut below): (Vec<String>, Vec<String>) = Default::default();
    let places = header::positions(tables, header.table(Table::Headers), 0);
    let mut seen = HashSet::new();
    for (index, story) in header::ranges(&places).enumerate().skip(6) {
        let text = teller.flat(start.saturating_add(story.start)..start.saturating_add(story.end));
        let is_above = matches!((index - 6) % 6, 0 | 1 | 4);
        if !text.is_empty() && !is_page_number(&text) && seen.insert((is_above, text.clone())) {
            if is_above { above.push(text) } else { below.push(text) }
        }
    }
    (above, below)
}

/// Keeps each different text of headers once, without the numbers of pages.
fn keep_once(blocks: &mut Blocks<'_>) {
    let mut seen = HashSet::new();
    blocks.list.retain(|block| !is_page_number(&block.text) && seen.insert(block.text.clone()));
}

/// Word 6 and 95: the text of all stories stands together, in the encoding of one computer.
fn extract_old(
    header: &Header,
    main: &[u8],
    extracted: Extracted,
    budget: &Budget<'_>,
) -> Result<Extracted, ExtractError> {
    let damaged = || ExtractError::Corrupt("the table of text pieces is damaged".to_owned());
    let bytes = header.old_text(main).ok_or_else(damaged)?;
    let mut blocks = Blocks::new(budget);
    let text = header.old_encoding().decode_without_bom_handling(&bytes).0;
    for line in text.split(['\r', '\u{7}', '\u{c}']) {
        blocks.push(BlockKind::Paragraph, &without_codes(line), Place::default())?;
    }
    blocks.finish(Kind::Word, extracted)
}

/// The text of a paragraph without the codes of its fields; their results stay.
fn without_codes(text: &str) -> String {
    let mut in_code: Vec<bool> = Vec::new();
    let mut shown = String::new();
    for character in text.chars() {
        match character {
            '\u{13}' if in_code.len() < FIELDS => in_code.push(true),
            '\u{14}' => {
                if let Some(last) = in_code.last_mut() {
                    *last = false;
                }
            }
            '\u{15}' => {
                in_code.pop();
            }
            _ if in_code.contains(&true) => {}
            other => shown.push(other),
        }
    }
    shown
}
