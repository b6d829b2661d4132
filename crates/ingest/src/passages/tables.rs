//! What announces a table, how much room does it take, and does its first row name its columns?

use std::collections::HashSet;
use std::ops::Range;

use intramuros_core::document::{Block, BlockKind, CELL_SEPARATOR};
use intramuros_core::sentence::sentences;

use super::{MOST_HEADER_BYTES, MOST_HEADINGS, Room, count_words, cut};

/// A whole paragraph of at most this many words announces the table below it, as captions do.
const MOST_CAPTION_WORDS: usize = 15;

/// A last sentence that ends with a colon and has at most this many words announces the table below it.
const MOST_ANNOUNCING_WORDS: usize = 40;

/// Rows below the first that it is compared with: enough to see what a column holds.
const COMPARED_ROWS: usize = 20;

/// The table whose rows are being taken.
pub(super) struct Table {
    pub number: u32,
    /// The line that announces it; empty when none does.
    pub caption: String,
    /// Its column names; empty before they are known, or when it has none.
    pub names: String,
}

impl Table {
    /// What a passage that opens with a row of this table must say above it.
    pub fn above(&self, row_is_header: bool) -> String {
        let names = if row_is_header { "" } else { self.names.as_str() };
        let together = self.caption.len() + 1 + names.len();
        match (self.caption.as_str(), names) {
            (caption, "") => caption.to_owned(),
            ("", names) => names.to_owned(),
            (caption, names) if together <= MOST_HEADER_BYTES => format!("{caption}\n{names}"),
            (_, names) => names.to_owned(),
        }
    }

    /// Keeps the names of the columns, cut where they are too long to be repeated.
    pub fn name_columns(&mut self, row: &str) {
        cut(row, MOST_HEADER_BYTES).clone_into(&mut self.names);
    }
}

/// The room for a table, with what announces it, to which these blocks lead: headings, a line that announces it, or
/// nothing stands between. None when they lead to none.
pub(super) fn ahead(blocks: &[Block], most_words: usize) -> Option<Room> {
    let is_heading = |block: &&Block| matches!(block.kind, BlockKind::Heading { .. });
    let headings = blocks.iter().take(MOST_HEADINGS).take_while(is_heading).count();
    let (headings, rest) = blocks.split_at_checked(headings)?;
    let caption = caption(rest);
    // Below a heading, what stands before the line that announces the table belongs to the section, not to the table.
    if !headings.is_empty() && caption.as_ref().is_some_and(|caption| caption.start > 0) {
        return None;
    }
    let announced = match (&caption, rest.first()) {
        (Some(caption), Some(block)) => count_words(block.text.get(caption.clone()).unwrap_or_default()),
        _ => 0,
    };
    let rows = rest.get(usize::from(caption.is_some())..)?;
    let number = table_of(rows.first()?)?;
    let above: usize = headings.iter().map(|heading| count_words(&heading.text)).sum();
    let (mut words, mut first_words) = (announced, announced);
    for (index, row) in rows.iter().take_while(|row| table_of(row) == Some(number)).enumerate() {
        words += count_words(&row.text);
        if index < 2 {
            first_words = words;
        }
        if index > 0 && words > most_words {
            break;
        }
    }
    let whole = words <= most_words;
    Some(Room { words: above + if whole { words } else { first_words }, whole })
}

/// The part of the first block that announces the table which begins with the second: a short line, or a sentence that
/// ends with a colon.
pub(super) fn caption(blocks: &[Block]) -> Option<Range<usize>> {
    let [block, next, ..] = blocks else { return None };
    table_of(next)?;
    if !matches!(block.kind, BlockKind::Paragraph | BlockKind::ListItem { .. }) {
        return None;
    }
    let last = sentences(&block.text).pop()?;
    let text = block.text.get(last.clone())?;
    let words = count_words(text);
    let announces = text.ends_with(':') && words <= MOST_ANNOUNCING_WORDS;
    // The last item of a list above a table is no caption of it.
    let is_paragraph = matches!(block.kind, BlockKind::Paragraph);
    let is_short_line = is_paragraph && last.start == 0 && words <= MOST_CAPTION_WORDS;
    (announces || is_short_line).then_some(last)
}

fn table_of(block: &Block) -> Option<u32> {
    match block.kind {
        BlockKind::TableRow { table, .. } => Some(table),
        _ => None,
    }
}

/// Whether the first of these rows names the columns of its table. A row that is marked as header does, unless marks are
/// `guessed` and it looks like a row below; one without a mark only when it looks unlike the rows below.
pub(super) fn names_columns(rows: &[Block], guessed: bool) -> bool {
    let Some((first, below)) = rows.split_first() else { return false };
    let BlockKind::TableRow { table, header } = first.kind else { return false };
    let below: Vec<&Block> = below
        .iter()
        .take_while(|row| table_of(row) == Some(table))
        .take(COMPARED_ROWS)
        // A header that is repeated on each page is no data.
        .filter(|row| row.text != first.text)
        .collect();
    let is_marked = |row: &&Block| matches!(row.kind, BlockKind::TableRow { header: true, .. });
    let marked_below = below.iter().any(is_marked);
    let cells = cells(&first.text);
    let below: Vec<Vec<&str>> = below.iter().map(|row| self::cells(&row.text)).collect();
    if header {
        return !guessed || !looks_like_one(&cells, &below);
    }
    !marked_below && !looks_like_one(&cells, &below) && differs_in_figures(&cells, &below)
}

fn cells(row: &str) -> Vec<&str> {
    row.split(CELL_SEPARATOR).map(str::trim).collect()
}

/// The cells of one column that hold something.
fn column<'a>(rows: &[Vec<&'a str>], index: usize) -> impl Iterator<Item = &'a str> {
    rows.iter().filter_map(move |row| row.get(index).copied()).filter(|cell| !cell.is_empty())
}

/// Whether a cell of the first row stands below again, but for its figures: a label that is repeated is data.
fn looks_like_one(first: &[&str], below: &[Vec<&str>]) -> bool {
    first.iter().enumerate().any(|(index, cell)| {
        cell.chars().any(char::is_alphabetic) && column(below, index).any(|other| shape(other) == shape(cell))
    })
}

/// A cell with each number as one zero.
fn shape(cell: &str) -> String {
    let mut shape = String::with_capacity(cell.len());
    for character in cell.chars() {
        if !character.is_numeric() {
            shape.push(character);
        } else if !shape.ends_with('0') {
            shape.push('0');
        }
    }
    shape
}

/// Whether the first row has a different name for nearly each column, has no figures where the rows below have some, and
/// stands above a column of figures.
fn differs_in_figures(first: &[&str], below: &[Vec<&str>]) -> bool {
    let names: Vec<&str> = first.iter().copied().filter(|cell| !cell.is_empty()).collect();
    let distinct: HashSet<&str> = names.iter().copied().collect();
    let width = below.iter().map(Vec::len).max().unwrap_or_default();
    // The corner of a table with row names may be empty.
    if names.len() < 2 || names.len() + 1 < width || distinct.len() < names.len() {
        return false;
    }
    let figures_below = |index: usize| column(below, index).filter(|cell| is_figure(cell)).count();
    let mut columns = first.iter().enumerate().filter(|(_, cell)| !cell.is_empty());
    if columns.clone().any(|(index, cell)| is_figure(cell) && figures_below(index) > 0) {
        return false;
    }
    columns.any(|(index, cell)| !is_figure(cell) && 2 * figures_below(index) > column(below, index).count())
}

/// Whether a cell is a number, an amount or a time rather than a name with a number in it.
fn is_figure(cell: &str) -> bool {
    let digits = cell.chars().filter(|character| character.is_numeric()).count();
    let letters = cell.chars().filter(|character| character.is_alphabetic()).count();
    digits > 0
        && (digits >= letters
            || cell.starts_with(|first: char| first.is_numeric() || "$€£-+".contains(first)))
}

#[cfg(test)]
mod tests {
    use intramuros_core::document::Place;

    use super::*;

    fn rows(texts: &[&str], marked: bool) -> Vec<Block> {
        let row = |(index, text): (usize, &&str)| Block {
            kind: BlockKind::TableRow { table: 0, header: marked && index == 0 },
            text: (*text).to_owned(),
            place: Place::default(),
        };
        texts.iter().enumerate().map(row).collect()
    }

    #[test]
    fn a_first_row_without_a_mark_names_columns_only_when_it_looks_unlike_the_others() {
        let check = |texts: &[&str], expected| {
            assert_eq!(names_columns(&rows(texts, false), false), expected, "{texts:?}");
        };
        check(&["Moment | Tarif", "Matin | 0,50 €", "Soir | 0,80 €"], true);
        check(
            &[" | Tarif 2020 | Places", "Matin | 0,50 € | 9", "Soir | gratuit | 30", "Midi | 3 € | 8"],
            true,
        );
        check(&["Nom | Prix", "Pain | 1 €", "Nom | Prix", "Lait | 2 €"], true);
        // Data: a figure above figures, no figures at all, a label that stands below again, two names alike.
        check(&["Matin | 0,50 €", "Soir | 0,80 €"], false);
        check(&["Nom | Dupont", "Prénom | Jeanne"], false);
        check(&["Lundi | fermé", "Mardi | 8h-12h", "Lundi | 14h-18h"], false);
        check(&["Moins de 3 ans | gratuit", "Moins de 12 ans | 5 €"], false);
        check(&["Tarif | Tarif", "1 € | 2 €"], false);
        check(&["Tarifs de la garderie", "Matin | 0,50 €"], false);
        check(&["Moment | Tarif"], false);
    }

    #[test]
    fn a_marked_row_is_believed_unless_the_mark_is_guessed_and_contradicted() {
        let check = |texts: &[&str], guessed, expected| {
            assert_eq!(names_columns(&rows(texts, true), guessed), expected, "{texts:?}");
        };
        let places = ["École | Adresse", "Jaurès | rue Haute", "Ferry | rue Basse"];
        check(&places, true, true);
        check(&places, false, true);
        let hours = ["Lundi matin | fermé", "Lundi soir | ouvert", "Mardi matin | fermé"];
        check(&hours, true, false);
        check(&hours, false, true);
        check(&["Environ 3 € | matin", "Environ 5 € | soir"], true, false);
        check(&["Commune | 2019", "Lyon | 2020"], true, true);
    }

    #[test]
    fn a_caption_stands_above_the_names_where_both_have_room() {
        let table =
            |caption: &str, names: &str| Table { number: 0, caption: caption.into(), names: names.into() };
        assert_eq!(table("Tarifs :", "Moment | Prix").above(false), "Tarifs :\nMoment | Prix");
        assert_eq!(table("Tarifs :", "Moment | Prix").above(true), "Tarifs :");
        assert_eq!(table("", "Moment | Prix").above(false), "Moment | Prix");
        assert_eq!(table("", "").above(false), "");
        let long = "x".repeat(MOST_HEADER_BYTES - 8);
        assert_eq!(table("Tarifs :", &long).above(false), long);
    }
}
