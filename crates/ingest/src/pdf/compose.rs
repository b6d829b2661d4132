//! How do the lines of all pages become headings, paragraphs, list items and table rows?
//!
//! What only the whole document shows is decided here: the size of running text, the ranks of headings, headers and
//! footers that repeat, and which hyphens at line ends belong to their words.

use std::collections::{HashMap, HashSet};

use hayro::hayro_syntax::page::Page;
use intramuros_core::document::{BlockKind, ExtractError, Place};

use super::extras;
use super::layout::{Line, Zone};
use super::lines::Segment;
use super::tables::Table;
use crate::text::writer::Writer;

/// Larger than running text by this factor is a heading.
const HEADING_FROM: f32 = 1.12;

/// Longer than this, in characters, is no heading.
const HEADING_CHARS: usize = 200;

/// Longest heading that ends as a sentence does, in characters. Longer ones are what slides and posters say in large
/// letters.
const CLOSED_HEADING_CHARS: usize = 50;

/// Headers and footers repeat on at least this many pages.
const REPEATS: usize = 3;

/// Lines at the top and at the bottom of a page among which headers and footers are looked for.
const MARGIN_LINES: usize = 3;

/// Longest page number in a list of contents, in characters: `A-12`, `xxviii`.
const ENTRY_PAGE: usize = 6;

/// Rows of a table from which it is no header or footer ruled with lines.
const MARGIN_ROWS: usize = 4;

/// Ends of compound words and pronouns that keep their hyphen at the end of a line.
const KEEPS_HYPHEN: &[&str] = &[
    "t", "il", "elle", "on", "ce", "je", "tu", "nous", "vous", "ils", "elles", "moi", "toi", "lui", "leur",
    "y", "ci", "là", "même", "mêmes", "être", "dire",
];

/// One page, its zones in reading order.
#[derive(Debug, Default)]
pub(super) struct PageText {
    /// From 1.
    pub number: u32,
    /// What is on it.
    pub zones: Vec<Zone>,
}

/// A paragraph being put together.
#[derive(Clone, Debug)]
struct Paragraph {
    text: String,
    kind: BlockKind,
    /// Running text that goes on: no full stop at its end and a full last line.
    open: bool,
}

/// Writes the pages' text.
///
/// # Errors
/// When there is more text than allowed.
pub(super) fn write(
    mut pages: Vec<PageText>,
    sources: &[Page<'_>],
    writer: &mut Writer<'_>,
) -> Result<(), ExtractError> {
    drop_repeated_margins(&mut pages);
    let style = Style::of(&pages);
    let words = words(&pages);
    for page in &pages {
        let place = Place { page: Some(page.number), ..Place::default() };
        let mut paragraphs: Vec<Paragraph> = Vec::new();
        for zone in &page.zones {
            match zone {
                Zone::Text(lines) => {
                    let mut next = style.paragraphs(lines, &words);
                    // A paragraph that goes on at the top of the next column.
                    if let (Some(last), Some(first)) = (paragraphs.last_mut(), next.first())
                        && goes_on(last, first)
                    {
                        append(&mut last.text, &first.text, &words);
                        last.open = first.open;
                        next.remove(0);
                    }
                    paragraphs.extend(next);
                }
                Zone::Table(table) => {
                    flush(&mut paragraphs, &place, writer)?;
                    write_table(table, &words, &place, writer)?;
                }
            }
        }
        flush(&mut paragraphs, &place, writer)?;
        if let Some(source) = sources.get(page.number as usize - 1) {
            extras::annotations(source, &shown(page), &place, writer)?;
        }
    }
    Ok(())
}

/// All text of a page, in no particular form.
fn shown(page: &PageText) -> String {
    let mut text = String::new();
    for zone in &page.zones {
        match zone {
            Zone::Text(lines) => lines.iter().for_each(|line| text.push_str(&line.segment.text)),
            Zone::Table(table) => table.rows.iter().flatten().for_each(|cell| text.push_str(cell)),
        }
    }
    text
}

fn flush(
    paragraphs: &mut Vec<Paragraph>,
    place: &Place,
    writer: &mut Writer<'_>,
) -> Result<(), ExtractError> {
    for paragraph in paragraphs.drain(..) {
        writer.block(paragraph.kind, &paragraph.text, place.clone())?;
    }
    Ok(())
}

fn goes_on(last: &Paragraph, first: &Paragraph) -> bool {
    last.open
        && last.kind == BlockKind::Paragraph
        && first.kind == BlockKind::Paragraph
        && first.text.starts_with(char::is_lowercase)
}

/// A row with two cells is a label and its value: they stay together. So does a label that ends with a colon.
fn write_table(
    table: &Table,
    words: &HashSet<String>,
    place: &Place,
    writer: &mut Writer<'_>,
) -> Result<(), ExtractError> {
    let number = writer.new_table();
    for (index, row) in table.rows.iter().enumerate() {
        let header = table.header && index == 0;
        let row: Vec<String> = row.iter().map(|cell| in_one(cell, words)).collect();
        let filled: Vec<&str> = row.iter().map(|cell| cell.trim()).filter(|cell| !cell.is_empty()).collect();
        let cells = match filled.as_slice() {
            [label, value] if !header => vec![format!("{label} {value}")],
            _ => join_labels(&row),
        };
        writer.row(number, header, &cells, place.clone())?;
    }
    Ok(())
}

/// The lines of a cell as one text.
fn in_one(cell: &str, words: &HashSet<String>) -> String {
    let mut text = String::new();
    for line in cell.lines() {
        append(&mut text, line, words);
    }
    text
}

fn join_labels(row: &[String]) -> Vec<String> {
    let mut cells: Vec<String> = Vec::new();
    for cell in row {
        match cells.last_mut() {
            Some(label) if label.ends_with(':') && !cell.is_empty() => {
                label.push(' ');
                label.push_str(cell);
            }
            _ => cells.push(cell.clone()),
        }
    }
    cells
}

/// Sizes of the document: running text, and headings from the largest down.
struct Style {
    body: f32,
    headings: Vec<f32>,
}

fn lines_of(pages: &[PageText]) -> impl Iterator<Item = &Line> {
    pages.iter().flat_map(|page| &page.zones).flat_map(|zone| match zone {
        Zone::Text(lines) => lines.as_slice(),
        Zone::Table(_) => &[],
    })
}

fn tables_of(pages: &[PageText]) -> impl Iterator<Item = &Table> + Clone {
    pages.iter().flat_map(|page| &page.zones).filter_map(|zone| match zone {
        Zone::Text(_) => None,
        Zone::Table(table) => Some(table),
    })
}

fn letters_of(table: &Table) -> usize {
    table.rows.iter().flatten().map(|cell| cell.chars().count()).sum()
}

fn halves(size: f32) -> u32 {
    (size * 2.0).round().clamp(0.0, 2000.0) as u32
}

impl Style {
    fn of(pages: &[PageText]) -> Style {
        let mut sizes: HashMap<u32, usize> = HashMap::new();
        for line in lines_of(pages) {
            *sizes.entry(halves(line.segment.size)).or_default() += line.segment.chars();
        }
        // Where nearly everything stands in tables, the lines beside them are its titles.
        let inside = tables_of(pages).map(|table| (halves(table.size), letters_of(table)));
        if inside.clone().map(|(_, count)| count).sum::<usize>() > 4 * sizes.values().sum::<usize>() {
            for (size, count) in inside {
                *sizes.entry(size).or_default() += count;
            }
        }
        let body = sizes
            .iter()
            .max_by_key(|(size, count)| (**count, **size))
            .map_or(10.0, |(size, _)| *size as f32 / 2.0);
        let mut headings: Vec<f32> = lines_of(pages)
            .map(|line| &line.segment)
            .filter(|segment| {
                segment.size > HEADING_FROM * body
                    && segment.text.chars().filter(|c| c.is_alphabetic()).count() > 1
            })
            .map(|segment| halves(segment.size) as f32 / 2.0)
            .collect();
        headings.sort_by(|a, b| b.total_cmp(a));
        headings.dedup_by(|next, kept| *kept - *next < 0.6);
        Style { body, headings }
    }

    /// The heading level of a paragraph's lines; none for running text.
    fn level(&self, lines: &[&Line]) -> Option<u8> {
        let first = &lines.first()?.segment;
        let chars: usize = lines.iter().map(|line| line.segment.chars()).sum();
        let letters =
            lines.iter().flat_map(|line| line.segment.text.chars()).filter(|c| c.is_alphabetic()).count();
        if chars > HEADING_CHARS || letters < 2 || lines.iter().any(|line| line.apart) {
            return None;
        }
        if lines.iter().all(|line| line.segment.size > HEADING_FROM * self.body) {
            let rank =
                self.headings.iter().position(|size| first.size > size - 0.6).unwrap_or(self.headings.len());
            return Some((rank + 1).min(6) as u8);
        }
        let bold = lines.iter().all(|line| line.segment.bold) && lines.len() <= 2;
        let ends = lines.last().is_some_and(|line| line.segment.text.ends_with(['.', ',', ';', ':']));
        (bold && !ends && first.size > 0.95 * self.body).then(|| (self.headings.len() + 1).min(6) as u8)
    }

    fn paragraphs(&self, lines: &[Line], words: &HashSet<String>) -> Vec<Paragraph> {
        let frame = Frame::of(lines);
        let mut out = Vec::new();
        let mut current: Vec<&Line> = Vec::new();
        for line in lines {
            if current.last().is_some_and(|last| frame.breaks(last, line, current.len())) {
                out.push(self.finish(&std::mem::take(&mut current), &frame, words));
            }
            current.push(line);
        }
        if !current.is_empty() {
            out.push(self.finish(&current, &frame, words));
        }
        whole_headings(out, words)
    }

    fn finish(&self, lines: &[&Line], frame: &Frame, words: &HashSet<String>) -> Paragraph {
        let code = lines.len() > 1 && lines.iter().all(|line| line.segment.mono);
        let mut text = String::new();
        for line in lines {
            if code && !text.is_empty() {
                text.push('\n');
                text.push_str(&line.segment.text);
            } else {
                append(&mut text, &line.segment.text, words);
            }
        }
        if text.ends_with('\u{ad}') {
            text.pop();
        }
        let kind = if code {
            BlockKind::Code
        } else if let Some(level) = self.level(lines).filter(|_| !is_told(&text)) {
            BlockKind::Heading { level }
        } else if is_list_item(&text) {
            BlockKind::ListItem { depth: 0 }
        } else {
            BlockKind::Paragraph
        };
        let open = !ends_sentence(&text)
            && lines.last().is_some_and(|line| line.segment.x1 > frame.x1 - 3.0 * line.segment.size);
        Paragraph { text, kind, open }
    }
}

/// Paragraphs in which each heading is whole that was cut at the end of a line.
fn whole_headings(paragraphs: Vec<Paragraph>, words: &HashSet<String>) -> Vec<Paragraph> {
    let mut out: Vec<Paragraph> = Vec::new();
    for next in paragraphs {
        match out.last_mut() {
            Some(last) if is_rest_of(last, &next) => append(&mut last.text, &next.text, words),
            _ => out.push(next),
        }
    }
    out
}

/// Whether the second is the rest of the first, which is a heading: it begins with a small letter, the first doesn't.
fn is_rest_of(first: &Paragraph, second: &Paragraph) -> bool {
    let small = |paragraph: &Paragraph| paragraph.text.starts_with(char::is_lowercase);
    matches!(first.kind, BlockKind::Heading { .. })
        && first.kind == second.kind
        && small(second)
        && !small(first)
        && !ends_sentence(&first.text)
        && first.text.chars().count() + second.text.chars().count() <= HEADING_CHARS
}

/// Whether large or bold text is none of a heading: an item behind a bullet, or a sentence.
fn is_told(text: &str) -> bool {
    let item = text.split_once([' ', '\u{a0}']).is_some_and(|(mark, rest)| is_bullet(mark, rest));
    item || (text.ends_with(['.', ';', ',']) && text.chars().count() > CLOSED_HEADING_CHARS)
}

/// The usual shape of a zone's lines.
struct Frame {
    x0: f32,
    x1: f32,
    pitch: f32,
}

impl Frame {
    fn of(lines: &[Line]) -> Frame {
        let mut rights: Vec<f32> = lines.iter().map(|line| line.segment.x1).collect();
        rights.sort_by(|a, b| b.total_cmp(a));
        let mut steps: Vec<f32> = lines
            .iter()
            .zip(lines.iter().skip(1))
            .map(|(upper, lower)| (lower.segment.y - upper.segment.y) / lower.segment.size.max(1.0))
            .collect();
        steps.sort_by(f32::total_cmp);
        Frame {
            x0: lines.iter().map(|line| line.segment.x0).fold(f32::MAX, f32::min),
            // One line that sticks out says nothing about where the others break.
            x1: rights.get(usize::from(rights.len() > 4)).copied().unwrap_or(0.0),
            // A few lines say little about what is usual.
            pitch: steps
                .get(steps.len() / 2)
                .map_or(1.2, |middle| if lines.len() < 4 { middle.min(1.45) } else { *middle }),
        }
    }

    /// Whether a new paragraph begins between two lines.
    fn breaks(&self, last: &Line, line: &Line, lines: usize) -> bool {
        let (upper, lower) = (&last.segment, &line.segment);
        let size = upper.size.max(lower.size);
        if last.apart || line.apart || is_list_item(&lower.text) || is_entry(&upper.text) {
            return true;
        }
        if (lower.y - upper.y) / lower.size.max(1.0) > 1.25 * self.pitch + 0.1
            || size > 1.12 * upper.size.min(lower.size)
        {
            return true;
        }
        if upper.bold != lower.bold && (upper.bold || ends_sentence(&upper.text)) {
            return true;
        }
        if upper.text.ends_with(['-', '\u{ad}', '\u{2010}']) {
            return false;
        }
        // The next word would have fitted: the line was ended on purpose.
        let average = (lower.x1 - lower.x0) / lower.chars().max(1) as f32;
        let word = lower.text.split(' ').next().map_or(0, |word| word.chars().count() + 1);
        let (width, taken) = (self.x1 - self.x0, upper.x1 - upper.x0);
        let centred =
            (upper.x0 - self.x0 - (self.x1 - upper.x1)).abs() < 0.6 * size && upper.x0 > self.x0 + size;
        let used = if centred { self.x0 + taken } else { upper.x1 };
        if used + average * word as f32 + size < self.x0 + width {
            return true;
        }
        // An indented first line, when the paragraph so far wasn't hanging.
        let indented = lower.x0 > upper.x0 + 0.8 * size && upper.x0 < self.x0 + 0.5 * size;
        indented && (lines > 1 || ends_sentence(&upper.text)) && !is_list_item(&upper.text)
    }
}

fn ends_sentence(text: &str) -> bool {
    text.trim_end_matches(['"', '”', '»', '’', ')', ']', ' ', '\u{a0}'])
        .ends_with(['.', '!', '?', ':', ';', '…'])
}

/// Whether the first word of a line is a bullet; an `o` is one before a capital.
fn is_bullet(mark: &str, rest: &str) -> bool {
    let bullets = ["•", "◦", "▪", "‣", "●", "○", "■", "□", "–", "—", "-", "*", "·", "➢", "➤", "✓", "", "o"];
    bullets.contains(&mark) && (mark != "o" || rest.starts_with(char::is_uppercase))
}

/// Whether a line begins with a bullet, or with a number or letter and a bracket or dot.
fn is_list_item(text: &str) -> bool {
    let Some((mark, rest)) = text.split_once([' ', '\u{a0}']) else { return false };
    if rest.trim().is_empty() {
        return false;
    }
    if is_bullet(mark, rest) {
        return true;
    }
    let Some(inner) = mark.strip_suffix([')', '.', '°']) else { return false };
    let inner = inner.strip_prefix('(').unwrap_or(inner);
    let number = !inner.is_empty() && inner.len() <= 2 && inner.bytes().all(|byte| byte.is_ascii_digit());
    // A single capital with a dot is more often an initial.
    let letter = inner.len() == 1 && inner.bytes().all(|byte| byte.is_ascii_lowercase());
    number || letter
}

/// Whether a line is an entry of a list of contents: a title, dots that lead the eye (one sign by now) and a page number.
fn is_entry(text: &str) -> bool {
    let page = |text: &str| {
        let figure = |character: char| character.is_ascii_digit() || "ivxlc-".contains(character);
        !text.is_empty() && text.len() <= ENTRY_PAGE && text.chars().all(figure)
    };
    text.rsplit_once('…').is_some_and(|(title, rest)| !title.is_empty() && page(rest.trim()))
}

/// Adds a line to a text: with a space, or without one where a word was cut by a hyphen.
fn append(text: &mut String, line: &str, words: &HashSet<String>) {
    if text.is_empty() {
        text.push_str(line);
        return;
    }
    let Some(hyphen) = text.chars().next_back().filter(|last| matches!(last, '-' | '\u{2010}' | '\u{ad}'))
    else {
        // Writing without spaces between words goes on without one.
        let wide =
            |character: Option<char>| character.is_some_and(|c| ('\u{2e80}'..='\u{d7ff}').contains(&c));
        if !(wide(text.chars().next_back()) && wide(line.chars().next())) {
            text.push(' ');
        }
        text.push_str(line);
        return;
    };
    let stem_end = text.len() - hyphen.len_utf8();
    let left: String =
        text.get(..stem_end).unwrap_or_default().chars().rev().take_while(|c| c.is_alphabetic()).collect();
    let left: String = left.chars().rev().collect();
    let right: String = line.chars().take_while(|c| c.is_alphabetic()).collect();
    if left.is_empty() || right.is_empty() {
        // A dash, or a number cut: nothing is certain but that there was a line end.
        if hyphen == '\u{ad}' {
            text.truncate(stem_end);
        } else if left.is_empty()
            && !text.get(..stem_end).is_some_and(|stem| stem.ends_with(char::is_alphanumeric))
        {
            text.push(' ');
        }
    } else if hyphen == '\u{ad}' || !keeps_hyphen(&left, &right, words) {
        text.truncate(stem_end);
    }
    text.push_str(line);
}

fn keeps_hyphen(left: &str, right: &str, words: &HashSet<String>) -> bool {
    let (left, right) = (left.to_lowercase(), right.to_lowercase());
    if words.contains(&format!("{left}-{right}")) {
        return true;
    }
    if words.contains(&format!("{left}{right}")) {
        return false;
    }
    KEEPS_HYPHEN.contains(&right.as_str())
        || ["non", "well", "self", "ex", "cross", "peut", "c'est", "celui", "celle", "ceux", "celles"].contains(&left.as_str())
        // Two words that both stand by themselves elsewhere, and long enough not to be syllables.
        || (left.len() > 3 && right.len() > 3 && words.contains(&left) && words.contains(&right))
}

/// The words of a document that stand whole within a line, lower case.
fn words(pages: &[PageText]) -> HashSet<String> {
    let mut words = HashSet::new();
    if !lines_of(pages).any(|line| line.segment.text.ends_with(['-', '\u{2010}'])) {
        return words;
    }
    for line in lines_of(pages) {
        let mut parts: Vec<&str> = line.segment.text.split_whitespace().collect();
        if parts.last().is_some_and(|last| last.ends_with(['-', '\u{2010}', '\u{ad}'])) {
            parts.pop();
        }
        // The first word may be the second half of one.
        for word in parts.into_iter().skip(1) {
            let word = word.trim_matches(|c: char| !c.is_alphabetic());
            if !word.is_empty() {
                words.insert(word.to_lowercase());
            }
        }
    }
    words
}

/// Removes headers and footers from all pages but the first that shows them.
fn drop_repeated_margins(pages: &mut [PageText]) {
    if pages.len() < REPEATS {
        return;
    }
    let mut counts: HashMap<(String, i32), usize> = HashMap::new();
    for page in pages.iter() {
        for key in margins(page) {
            *counts.entry(key).or_default() += 1;
        }
    }
    let enough = REPEATS.max(pages.len() / 4);
    let mut shown: HashSet<(String, i32)> = HashSet::new();
    for page in pages {
        let margins = margins(page);
        let mut drop: HashSet<(String, i32)> = HashSet::new();
        for key in margins {
            if counts.get(&key).is_some_and(|count| *count >= enough) && !shown.insert(key.clone()) {
                drop.insert(key);
            }
        }
        if drop.is_empty() {
            continue;
        }
        for zone in &mut page.zones {
            if let Zone::Text(lines) = zone {
                lines.retain(|line| !drop.contains(&margin_key(&line.segment)));
            }
        }
        page.zones.retain(|zone| match zone {
            Zone::Text(lines) => !lines.is_empty(),
            Zone::Table(table) => table.rows.len() > MARGIN_ROWS || !drop.contains(&table_key(table)),
        });
    }
}

/// The first and last lines of a page and its small tables among them, by height.
fn margins(page: &PageText) -> Vec<(String, i32)> {
    let page = std::slice::from_ref(page);
    let small = tables_of(page).filter(|table| table.rows.len() <= MARGIN_ROWS);
    let mut lines: Vec<(f32, (String, i32))> = lines_of(page)
        .map(|line| (line.segment.y, margin_key(&line.segment)))
        .chain(small.map(|table| (table.bottom, table_key(table))))
        .collect();
    lines.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let count = lines.len();
    let mut keys: Vec<(String, i32)> = Vec::new();
    for (index, (_, key)) in lines.into_iter().enumerate() {
        let outer = index < MARGIN_LINES || index + MARGIN_LINES >= count;
        if outer && !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

/// Text with its figures made equal, and its height in steps of four points.
fn margin_key(segment: &Segment) -> (String, i32) {
    key(&segment.text, segment.y)
}

fn table_key(table: &Table) -> (String, i32) {
    // Only numbers of pages may differ: other figures are what the table says.
    let said = |cell: &String| if counts_pages(cell) { key(cell, 0.0).0 } else { cell.clone() };
    let cells: Vec<String> = table.rows.iter().flatten().map(said).collect();
    (cells.join("|"), (table.bottom / 4.0).round() as i32)
}

/// `Page 3`, `3 / 12`.
fn counts_pages(cell: &str) -> bool {
    /// What `999 / 999` takes.
    const LONGEST: usize = 9;
    let of_count = |letter: char| letter.is_ascii_digit() || letter == '/' || letter == ' ';
    cell.to_lowercase().contains("page")
        || (cell.len() <= LONGEST && cell.matches('/').count() == 1 && cell.chars().all(of_count))
}

fn key(said: &str, y: f32) -> (String, i32) {
    let mut text = String::new();
    for character in said.chars() {
        if character.is_ascii_digit() {
            if !text.ends_with('#') {
                text.push('#');
            }
        } else {
            text.push(character);
        }
    }
    (text, (y / 4.0).round() as i32)
}
