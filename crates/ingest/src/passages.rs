//! Into which pieces is a document cut for search and citation?
//!
//! Passages follow the structure: a heading opens one, a table's rows stay whole and keep their column names, a
//! sentence is never cut unless it alone is longer than the model reads. A table or a record that fits into a passage is
//! not divided: it opens one where it does not fit into the rest. The passages of a document cover its text in order,
//! without overlap; what lies between two is white space.

mod tables;

use std::ops::Range;

use intramuros_core::document::{BLOCK_SEPARATOR, Block, BlockKind, BlockLines, Extracted, Kind};
use intramuros_core::language::{Language, detect};
use intramuros_core::passage::Passage;
use intramuros_core::sentence::sentences;

use self::tables::Table;

/// How long passages are, in words (runs between white space; French and English have about 1.3 tokens a word).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassageOptions {
    /// A passage is closed before it would hold more words than this. 120: best or near it on every development set
    /// (see docs/measurements.md); about 160 tokens. A short beginning and a whole table below it may hold a quarter more.
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
    let mut splitter = Splitter {
        text: &text,
        options,
        fallback,
        // These readers mark a first row that looks like names.
        guessed_headers: matches!(document.kind, Some(Kind::Word | Kind::Slides)),
        headings: Vec::new(),
        most_words: options.most_words,
        announced: false,
        caption: String::new(),
        table: None,
        open: None,
        done: Vec::new(),
    };
    let mut start = 0;
    for (index, block) in document.blocks.iter().enumerate() {
        let ahead = document.blocks.get(index..).unwrap_or_default();
        splitter.take(&Standing { block, start, lines: BlockLines::of(block) }, ahead);
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

/// The room that should not be divided.
struct Room {
    /// Words of the whole; where that does not fit into a passage, of its beginning, with which no passage should end.
    words: usize,
    /// Whether these are the words of the whole.
    whole: bool,
}

struct Splitter<'a> {
    text: &'a str,
    options: &'a PassageOptions,
    fallback: Language,
    /// Whether rows that are marked as headers may be data.
    guessed_headers: bool,
    headings: Vec<(u8, String)>,
    /// Words that the passage being filled may hold: more than usual where a whole table goes along.
    most_words: usize,
    /// Whether room was made for the table to come: nothing closes the passage before it.
    announced: bool,
    /// The line that announces the table to come.
    caption: String,
    table: Option<Table>,
    open: Option<Open>,
    done: Vec<Passage>,
}

impl Splitter<'_> {
    /// Takes the first of the blocks that lie `ahead`.
    fn take(&mut self, standing: &Standing<'_>, ahead: &[Block]) {
        let block = standing.block;
        match &block.kind {
            BlockKind::Heading { level } => self.take_heading(*level, standing, ahead),
            BlockKind::TableRow { table, header } => self.take_row(*table, *header, standing, ahead),
            BlockKind::Code => self.add_pieces(standing, line_ranges(&block.text)),
            // Of several lines: a record.
            BlockKind::Field if block.text.contains('\n') => {
                self.make_room(&room_for_record(&block.text, self.options.most_words));
                self.add_pieces(standing, sentences(&block.text));
            }
            _ => {
                let caption = tables::caption(ahead);
                for piece in sentences(&block.text) {
                    if caption.as_ref() == Some(&piece) {
                        self.announce(ahead);
                        block.text.get(piece.clone()).unwrap_or_default().clone_into(&mut self.caption);
                    }
                    self.add_piece(standing, piece, "");
                }
            }
        }
    }

    fn take_heading(&mut self, level: u8, standing: &Standing<'_>, ahead: &[Block]) {
        let room = if self.announced { None } else { tables::ahead(ahead, self.options.most_words) };
        // A table would stand below the headings of the section before it.
        let other_table = room.is_some() && self.headings.last().is_some_and(|(above, _)| level <= *above);
        if !self.announced
            && self
                .open
                .as_ref()
                .is_some_and(|open| open.body && (open.words >= self.options.least_words || other_table))
        {
            self.close();
        }
        if let Some(room) = room {
            self.make_room(&room);
            self.announced = true;
        }
        self.headings.retain(|(known, _)| *known < level);
        let text = &standing.block.text;
        self.add_piece(standing, 0..text.len(), "");
        if self.headings.len() < MOST_HEADINGS {
            self.headings.push((level, cut(text, MOST_HEADER_BYTES).to_owned()));
        }
    }

    fn take_row(&mut self, number: u32, marked: bool, standing: &Standing<'_>, ahead: &[Block]) {
        let text = &standing.block.text;
        let caption = std::mem::take(&mut self.caption);
        let mut header = marked;
        let mut table = match self.table.take().filter(|table| table.number == number) {
            Some(table) => table,
            None => {
                self.announce(ahead);
                header = tables::names_columns(ahead, self.guessed_headers);
                let caption = cut(&caption, MOST_HEADER_BYTES).to_owned();
                Table { number, caption, names: String::new() }
            }
        };
        self.announced = false;
        self.add_piece(standing, 0..text.len(), &table.above(header));
        if header {
            table.name_columns(text);
        }
        self.table = Some(table);
    }

    /// Makes room for the table to which the blocks ahead lead, once.
    fn announce(&mut self, ahead: &[Block]) {
        if self.announced {
            return;
        }
        if let Some(room) = tables::ahead(ahead, self.options.most_words) {
            self.make_room(&room);
            self.announced = true;
        }
    }

    /// Closes the passage where what comes would be divided, unless the passage has hardly begun: then both go together
    /// where a quarter more than usual holds them. What is too long for one passage goes on where it has hardly begun,
    /// and where no passage would hold even its beginning.
    fn make_room(&mut self, room: &Room) {
        let held = self.open.as_ref().map_or(0, |open| open.words);
        let most = self.options.most_words + self.options.most_words / 4;
        let together = held + room.words;
        let has_hardly_begun = held < self.options.least_words;
        if together <= self.most_words && (room.whole || has_hardly_begun) {
            return;
        }
        if has_hardly_begun && together <= most {
            self.most_words = together;
        } else if room.words <= most {
            self.close();
            self.most_words = self.most_words.max(room.words);
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
        if self.open.as_ref().is_some_and(|open| open.words + words > self.most_words || other_section(open))
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
        self.most_words = self.options.most_words;
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

/// The room for a record: one value a line.
fn room_for_record(text: &str, most_words: usize) -> Room {
    let words = count_words(text);
    if words <= most_words {
        return Room { words, whole: true };
    }
    let beginning = sentences(text).into_iter().take(2).filter_map(|sentence| text.get(sentence));
    Room { words: beginning.map(count_words).sum(), whole: false }
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

    /// 19 words.
    const FEES: &str = "Le conseil municipal fixe chaque année les tarifs de la restauration et des accueils, après avis \
        de la commission.";

    /// Rows of one table without a marked header.
    fn rows(texts: &[&str]) -> Vec<Block> {
        let row = |text: &&str| block(BlockKind::TableRow { table: 0, header: false }, text, 1);
        texts.iter().map(row).collect()
    }

    /// Checks what stands above each passage as column names, and its text.
    #[track_caller]
    fn check_cut(blocks: Vec<Block>, expected: &[(&str, &str)]) {
        let document = document(blocks);
        let passages = split(&document, &PassageOptions::default());
        check_cover(&document, &passages);
        let found: Vec<(&str, &str)> =
            passages.iter().map(|passage| (passage.table_header.as_str(), passage.text.as_str())).collect();
        assert_eq!(found, expected);
    }

    const CHILDCARE: [&str; 3] =
        ["Matin | 0,50 €", "Soir, petite garderie | 0,80 €", "Soir, grande garderie | 1,40 €"];

    #[test]
    fn a_table_that_fits_into_a_passage_opens_one_with_the_line_that_announces_it() {
        // 114 words: the first row alone would fit.
        let prose = [FEES; 6].join(" ");
        let lines = [FEES; 6].join("\n");
        let paragraph = |text: &str| block(BlockKind::Paragraph, text, 1);
        let mut blocks = vec![block(BlockKind::Code, &lines, 1), paragraph("Tarifs de la garderie")];
        blocks.extend(rows(&CHILDCARE));
        blocks.push(paragraph("Le paiement se fait en mairie."));
        let table = CHILDCARE.join("\n");
        let second = format!("Tarifs de la garderie\n{table}\nLe paiement se fait en mairie.");
        check_cut(blocks, &[("", &lines), ("", &second)]);
        // The announcement is the last sentence of a paragraph.
        let mut blocks = vec![paragraph(&format!("{prose} Les tarifs sont les suivants :"))];
        blocks.extend(rows(&CHILDCARE));
        check_cut(blocks, &[("", &prose), ("", &format!("Les tarifs sont les suivants :\n{table}"))]);
        // A long paragraph announces nothing.
        let mut blocks = vec![paragraph(&prose)];
        blocks.extend(rows(&CHILDCARE));
        check_cut(blocks, &[("", &prose), ("", &table)]);
    }

    #[test]
    fn a_whole_table_stays_with_a_passage_that_has_hardly_begun() {
        let quarters: Vec<String> = (10..20)
            .map(|number| format!("Quartier {number} | 1,{number} € | 2,{number} € | 3,{number} €"))
            .collect();
        let quarters: Vec<&str> = quarters.iter().map(String::as_str).collect();
        let table = quarters.join("\n");
        let announced = format!("Tarifs :\n{table}");
        let paragraph = |text: &str| block(BlockKind::Paragraph, text, 1);
        // 19 and 2 words, and 110 in the table: a few more than usual.
        let mut blocks = vec![paragraph(FEES), paragraph("Tarifs :")];
        blocks.extend(rows(&quarters));
        blocks.push(paragraph(FEES));
        check_cut(blocks, &[("", &format!("{FEES}\n{announced}")), ("", FEES)]);
        let before = [FEES; 3].join(" ");
        let mut blocks = vec![paragraph(&before), paragraph("Tarifs :")];
        blocks.extend(rows(&quarters));
        check_cut(blocks, &[("", &before), ("", &announced)]);
    }

    #[test]
    fn each_part_of_a_divided_table_has_its_caption_and_its_column_names() {
        let quarters: Vec<String> =
            (10..34).map(|number| format!("Quartier {number} | 1,{number} € | 2,{number} €")).collect();
        let quarters: Vec<&str> = quarters.iter().map(String::as_str).collect();
        let paragraph = |text: &str| block(BlockKind::Paragraph, text, 1);
        let before = [FEES; 4].join(" ");
        let named = ["Quartier | Matin | Soir"];
        let mut blocks = vec![paragraph(&before), paragraph("Tarifs par quartier :")];
        blocks.extend(rows(&[named.as_slice(), quarters.as_slice()].concat()));
        let first = format!("Tarifs par quartier :\n{}\n{}", named[0], quarters[..13].join("\n"));
        check_cut(
            blocks,
            &[
                ("", &before),
                ("", &first),
                ("Tarifs par quartier :\nQuartier | Matin | Soir", &quarters[13..].join("\n")),
            ],
        );
        // Without names the first row is data.
        let mut blocks = vec![paragraph("Tarifs par quartier :")];
        blocks.extend(rows(&quarters));
        let first = format!("Tarifs par quartier :\n{}", quarters[..14].join("\n"));
        check_cut(blocks, &[("", &first), ("Tarifs par quartier :", &quarters[14..].join("\n"))]);
    }

    #[test]
    fn a_table_below_the_heading_of_another_section_opens_a_passage() {
        let heading = |level, text: &str| block(BlockKind::Heading { level }, text, 1);
        let paragraph = |text: &str| block(BlockKind::Paragraph, text, 1);
        let backup = || vec![heading(2, "RDS Backup"), paragraph("Snapshots are kept for seven days.")];
        let jobs = ["Job | Recovery point", "orders | 24 h"];
        let mut blocks = backup();
        blocks.push(heading(2, "Nightly cronjobs"));
        blocks.extend(rows(&jobs));
        check_cut(
            blocks,
            &[
                ("", "RDS Backup\nSnapshots are kept for seven days."),
                ("", "Nightly cronjobs\nJob | Recovery point\norders | 24 h"),
            ],
        );
        // A part of the section, and a section without a table, stay with it.
        let mut blocks = backup();
        blocks.push(heading(3, "Objectives"));
        blocks.extend(rows(&jobs));
        let whole =
            "RDS Backup\nSnapshots are kept for seven days.\nObjectives\nJob | Recovery point\norders | 24 h";
        check_cut(blocks, &[("", whole)]);
        let mut blocks = backup();
        blocks.extend([heading(2, "Nightly cronjobs"), paragraph("They run at two.")]);
        check_cut(
            blocks,
            &[("", "RDS Backup\nSnapshots are kept for seven days.\nNightly cronjobs\nThey run at two.")],
        );
    }

    #[test]
    fn a_record_that_fits_into_a_passage_is_not_divided() {
        // 51 words.
        let record = |number: u32| format!("question: Combien ?\nréponse: {}{number}", "mot ".repeat(46));
        let field = |text: &str| block(BlockKind::Field, text, 1);
        let blocks = (10..15).map(|number| field(&record(number))).collect();
        let pair = |first: u32| format!("{}\n{}", record(first), record(first + 1));
        check_cut(blocks, &[("", &pair(10)), ("", &pair(12)), ("", &record(14))]);
        // A longer one opens a passage all the same.
        let words = "Un mot après un autre. ".repeat(30);
        let long = format!("question: Combien ?\nréponse: {}", words.trim_end());
        let first =
            format!("question: Combien ?\nréponse: {}", "Un mot après un autre. ".repeat(23).trim_end());
        let rest = "Un mot après un autre. ".repeat(7);
        check_cut(
            vec![field(&record(10)), field(&long)],
            &[("", &record(10)), ("", &first), ("", rest.trim_end())],
        );
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
        fn passages_cover_any_document(texts in proptest::collection::vec("[a-zé .!?\n|]{1,400}", 1..12), kinds in proptest::collection::vec(0u8..6, 12)) {
            let blocks = texts.iter().zip(kinds).filter(|(text, _)| !text.trim().is_empty()).map(|(text, kind)| {
                let kind = match kind {
                    0 => BlockKind::Heading { level: 1 + (text.len() % 6) as u8 },
                    1 => BlockKind::TableRow { table: (text.len() % 2) as u32, header: text.len() % 3 == 0 },
                    2 => BlockKind::Code,
                    3 => BlockKind::Field,
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
