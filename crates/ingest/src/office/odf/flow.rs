//! Which paragraphs, lists and tables follow one another in an OpenDocument text or on its slides?

use intramuros_core::document::{Block, BlockKind, ExtractError, Extracted, Place};

use super::File;
use super::lists::{Lists, Start, labelled};
use super::styles::Styles;
use crate::Budget;
use crate::office::blocks::{Blocks, Row, flatten, on_page};
use crate::office::margins::is_page_number;
use crate::office::xml::{Node, Tag, Xml};

/// Spaces that one element may stand for.
const SPACES: usize = 100;

/// Columns that one cell may span or be repeated over.
const SPAN: usize = 1_024;

/// The walk through a document.
pub struct Flow<'a, 'r> {
    pub(super) file: &'r File<'a>,
    pub(super) blocks: Blocks<'a>,
    styles: Styles,
    lists: Lists,
    tables_open: u32,
    /// Page or slide that the walk has reached.
    page: u32,
    /// Notes to be placed once the paragraph, or the table around it, has ended.
    waiting: Vec<Block>,
    footnotes: u32,
    inside_object: bool,
    /// The shape that is being read holds the slide's title.
    in_title: bool,
}

/// A paragraph as it is read.
#[derive(Default)]
struct Paragraph {
    text: String,
    page: Option<u32>,
    anchored: Vec<Block>,
}

impl<'a, 'r> Flow<'a, 'r> {
    /// A walk that has not begun.
    pub fn new(file: &'r File<'a>, budget: &Budget<'a>, styles: Styles) -> Flow<'a, 'r> {
        Flow {
            file,
            blocks: Blocks::new(budget),
            styles,
            lists: Lists::default(),
            tables_open: 0,
            page: 1,
            waiting: Vec::new(),
            footnotes: 0,
            inside_object: false,
            in_title: false,
        }
    }

    /// Reads the blocks of the element that has just opened.
    ///
    /// # Errors
    /// When the XML is broken or over a limit.
    pub fn read_blocks(&mut self, xml: &mut Xml<'_>) -> Result<(), ExtractError> {
        let depth = xml.depth();
        while let Some(node) = xml.next_in(depth)? {
            let Node::Open(tag) = node else { continue };
            self.enter(Element::of(tag), xml)?;
        }
        Ok(())
    }

    /// Reads one element of the flow, whose tag was copied out of the reader.
    pub fn enter(&mut self, tag: Element, xml: &mut Xml<'_>) -> Result<(), ExtractError> {
        match tag.local.as_str() {
            "p" => self.read_paragraph(&tag, BlockKind::Paragraph, xml),
            "h" => self.read_paragraph(
                &tag,
                BlockKind::Heading { level: tag.level.unwrap_or(1).clamp(1, 6) },
                xml,
            ),
            "list" => {
                self.lists.open(&tag.style, &tag.start);
                let read = self.read_blocks(xml);
                self.lists.close(&tag.start);
                read
            }
            "list-item" => {
                self.lists.begin_item(&tag.start);
                Ok(())
            }
            "table" => self.read_table(xml),
            "soft-page-break" => {
                self.page += 1;
                Ok(())
            }
            "object" => self.read_object(&tag, xml),
            "annotation" => self.read_annotation(xml),
            "frame" | "custom-shape" if tag.class.as_deref() == Some("title") => {
                self.in_title = true;
                let read = self.read_blocks(xml);
                self.in_title = false;
                read
            }
            // Deleted text, what fields need, sources of indices, descriptions of pictures, pictures themselves.
            "tracked-changes"
            | "sequence-decls"
            | "variable-decls"
            | "user-field-decls"
            | "forms"
            | "title"
            | "desc"
            | "table-of-content-source"
            | "alphabetical-index-source"
            | "illustration-index-source"
            | "table-index-source"
            | "user-index-source"
            | "bibliography-source"
            | "binary-data"
            | "event-listeners"
            | "settings" => xml.skip(),
            _ if matches!(tag.class.as_deref(), Some("date-time" | "page-number")) => xml.skip(),
            _ => Ok(()),
        }
    }

    fn read_paragraph(
        &mut self,
        tag: &Element,
        kind: BlockKind,
        xml: &mut Xml<'_>,
    ) -> Result<(), ExtractError> {
        if self.tables_open == 0 && self.styles.breaks(&tag.style) && !self.blocks.list.is_empty() {
            self.page += 1;
        }
        let label = match kind {
            _ if self.lists.depth().is_some() => self.lists.label(&self.styles.lists),
            BlockKind::Heading { .. } if !tag.unnumbered => {
                self.lists.heading_label(tag.level.unwrap_or(1), &self.styles.lists)
            }
            _ => String::new(),
        };
        let mut paragraph = Paragraph::default();
        self.read_inline(xml, &mut paragraph)?;
        let text = labelled(&label, paragraph.text, self.tables_open > 0);
        let kind = match kind {
            BlockKind::Paragraph if self.in_title || self.styles.is_title(&tag.style) => {
                BlockKind::Heading { level: 1 }
            }
            BlockKind::Paragraph => match self.lists.depth() {
                Some(depth) => BlockKind::ListItem { depth: depth.min(8) },
                None => BlockKind::Paragraph,
            },
            other => other,
        };
        self.blocks.push(kind, &text, on_page(paragraph.page))?;
        self.blocks.list.extend(paragraph.anchored);
        if self.tables_open == 0 {
            self.blocks.list.append(&mut self.waiting);
        }
        Ok(())
    }

    fn read_inline(&mut self, xml: &mut Xml<'_>, paragraph: &mut Paragraph) -> Result<(), ExtractError> {
        let depth = xml.depth();
        while let Some(node) = xml.next_in(depth)? {
            let tag = match node {
                Node::Text(text) => {
                    self.place_notes(paragraph, text);
                    if paragraph.page.is_none() && !text.trim().is_empty() {
                        paragraph.page = Some(self.page);
                    }
                    // A line of the XML file is not a line of the text.
                    paragraph.text.extend(
                        text.chars().map(|character| if character == '\n' { ' ' } else { character }),
                    );
                    continue;
                }
                Node::Open(tag) => tag,
            };
            match tag.local() {
                "s" => {
                    let count = tag.attribute("c").and_then(|count| count.parse().ok()).unwrap_or(1usize);
                    paragraph.text.extend(std::iter::repeat_n(' ', count.min(SPACES)));
                }
                "tab" => paragraph.text.push(' '),
                "line-break" => paragraph.text.push('\n'),
                "note" => self.read_note(xml)?,
                // The number that the program showed.
                "number" => {
                    paragraph.text.push_str(&xml.text()?);
                    paragraph.text.push(' ');
                }
                "ruby-text" | "hidden-text" | "script" => xml.skip()?,
                "p" | "h" | "list" | "table" | "object" | "annotation" | "soft-page-break" | "title"
                | "desc" | "binary-data" | "forms" | "frame" | "custom-shape" => {
                    let from = self.blocks.list.len();
                    let lists = std::mem::take(&mut self.lists.open);
                    let read = self.enter(Element::of(tag), xml);
                    self.lists.open = lists;
                    paragraph.anchored.extend(self.blocks.take_from(from));
                    read?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Notes stand where the text refers to them, on lines of their own when the paragraph goes on: so they are read
    /// beside what they explain. Those at the end of a paragraph become blocks.
    fn place_notes(&mut self, paragraph: &mut Paragraph, next: &str) {
        if self.tables_open > 0 || next.trim().is_empty() {
            return;
        }
        for note in self.waiting.extract_if(.., |block| block.kind == BlockKind::Footnote) {
            paragraph.text.push('\n');
            paragraph.text.push_str(&note.text);
            paragraph.text.push('\n');
        }
    }

    /// A note: its mark and its text.
    fn read_note(&mut self, xml: &mut Xml<'_>) -> Result<(), ExtractError> {
        let depth = xml.depth();
        let from = self.blocks.list.len();
        let waiting = std::mem::take(&mut self.waiting);
        let mut mark = String::new();
        self.tables_open += 1;
        while let Some(node) = xml.next_in(depth)? {
            let Node::Open(tag) = node else { continue };
            match tag.local() {
                "note-citation" => mark = xml.text()?,
                "note-body" => self.read_blocks(xml)?,
                _ => {}
            }
        }
        self.tables_open -= 1;
        self.waiting = waiting;
        let text = flatten(&self.blocks.take_from(from));
        self.footnotes += 1;
        if mark.trim().is_empty() {
            mark = self.footnotes.to_string();
        }
        if !text.is_empty() {
            let text = format!("{} {text}", mark.trim());
            self.waiting.push(Block { kind: BlockKind::Footnote, text, place: on_page(Some(self.page)) });
        }
        Ok(())
    }

    fn read_annotation(&mut self, xml: &mut Xml<'_>) -> Result<(), ExtractError> {
        let (author, text) = self.annotation(xml)?;
        let text = if author.is_empty() { text } else { format!("{author}: {text}") };
        if !text.is_empty() {
            self.waiting.push(Block { kind: BlockKind::Comment, text, place: on_page(Some(self.page)) });
        }
        Ok(())
    }

    /// Author and text of the remark that has just opened.
    ///
    /// # Errors
    /// When the XML is broken or over a limit.
    pub fn annotation(&mut self, xml: &mut Xml<'_>) -> Result<(String, String), ExtractError> {
        let depth = xml.depth();
        let from = self.blocks.list.len();
        let waiting = std::mem::take(&mut self.waiting);
        let mut author = String::new();
        self.tables_open += 1;
        while let Some(node) = xml.next_in(depth)? {
            let Node::Open(tag) = node else { continue };
            match tag.local() {
                "creator" => author = xml.text()?,
                "date" | "date-string" | "creator-initials" => xml.skip()?,
                _ => self.enter(Element::of(tag), xml)?,
            }
        }
        self.tables_open -= 1;
        self.waiting = waiting;
        let text = flatten(&self.blocks.take_from(from));
        Ok((author.trim().to_owned(), text))
    }

    /// An object such as a chart has a content of its own, with a title and the table of its figures.
    fn read_object(&mut self, tag: &Element, xml: &mut Xml<'_>) -> Result<(), ExtractError> {
        let Some(target) = tag.target.as_deref().filter(|_| !self.inside_object) else { return Ok(()) };
        let part = format!("{}/content.xml", target.trim_start_matches("./").trim_end_matches('/'));
        xml.skip()?;
        let File::Package(package) = self.file else { return Ok(()) };
        let Ok(Some(mut inner)) = package.xml(&part) else { return Ok(()) };
        self.inside_object = true;
        let from = self.blocks.list.len();
        let read = self.read_object_content(&mut inner);
        self.inside_object = false;
        let page = Some(self.page);
        for block in self.blocks.list.iter_mut().skip(from) {
            block.place.page = page;
        }
        match read {
            // A broken chart loses only itself.
            Err(ExtractError::Corrupt(_)) => Ok(()),
            other => other,
        }
    }

    fn read_object_content(&mut self, inner: &mut Xml<'_>) -> Result<(), ExtractError> {
        while let Some(node) = inner.next()? {
            let Node::Open(tag) = node else { continue };
            match tag.local() {
                "body" => return self.read_blocks_of_object(inner),
                // A formula: its source text is the best that there is.
                "annotation" => {
                    let text = inner.text()?;
                    return self.blocks.push(BlockKind::Code, &text, Place::default());
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn read_blocks_of_object(&mut self, inner: &mut Xml<'_>) -> Result<(), ExtractError> {
        let depth = inner.depth();
        while let Some(node) = inner.next_in(depth)? {
            let Node::Open(tag) = node else { continue };
            // The title of a chart is text here, not the description of a picture.
            if tag.local() != "title" {
                self.enter(Element::of(tag), inner)?;
            }
        }
        Ok(())
    }

    fn read_table(&mut self, xml: &mut Xml<'_>) -> Result<(), ExtractError> {
        let (mut columns, mut rows) = (0, Vec::new());
        self.tables_open += 1;
        self.read_rows(xml, false, &mut columns, &mut rows)?;
        self.tables_open -= 1;
        self.blocks.push_table(rows, true)?;
        if self.tables_open == 0 {
            self.blocks.list.append(&mut self.waiting);
        }
        Ok(())
    }

    fn read_rows(
        &mut self,
        xml: &mut Xml<'_>,
        header: bool,
        columns: &mut usize,
        rows: &mut Vec<Row>,
    ) -> Result<(), ExtractError> {
        let depth = xml.depth();
        while let Some(node) = xml.next_in(depth)? {
            let Node::Open(tag) = node else { continue };
            match tag.local() {
                "table-column" => *columns = columns.saturating_add(repeat(tag, "number-columns-repeated")),
                "table-header-rows" => self.read_rows(xml, true, columns, rows)?,
                // A table of one column is a frame around text.
                "table-row" if *columns == 1 => self.read_blocks(xml)?,
                "table-row" => {
                    let row = self.read_row(xml)?;
                    if !row.is_empty() {
                        rows.push(Row { header, ..row });
                    }
                }
                "title" | "desc" | "table-source" | "forms" | "shapes" => xml.skip()?,
                _ => {}
            }
        }
        Ok(())
    }

    fn read_row(&mut self, xml: &mut Xml<'_>) -> Result<Row, ExtractError> {
        let depth = xml.depth();
        let mut row = Row { place: on_page(Some(self.page)), ..Row::default() };
        while let Some(node) = xml.next_in(depth)? {
            let Node::Open(tag) = node else { continue };
            match tag.local() {
                "table-cell" | "covered-table-cell" => {
                    let count = repeat(tag, "number-columns-repeated");
                    let text = self.read_cell(xml, &mut row.nested)?;
                    self.blocks.count_cells(count)?;
                    // The text itself was counted as it was read; copies are before they are made.
                    self.blocks.budget().count_text(text.len().saturating_mul(count - 1))?;
                    row.cells.extend(std::iter::repeat_n(text, count));
                }
                _ => {}
            }
        }
        Ok(row)
    }

    fn read_cell(&mut self, xml: &mut Xml<'_>, nested: &mut Vec<Block>) -> Result<String, ExtractError> {
        let depth = xml.depth();
        let from = self.blocks.list.len();
        while let Some(node) = xml.next_in(depth)? {
            let Node::Open(tag) = node else { continue };
            let inner = self.blocks.list.len();
            let is_table = tag.local() == "table";
            self.enter(Element::of(tag), xml)?;
            if is_table {
                nested.extend(self.blocks.take_from(inner));
            }
        }
        Ok(flatten(&self.blocks.take_from(from)))
    }

    /// Reads the slides of the presentation that has just opened, each with its title first and its notes last.
    ///
    /// # Errors
    /// When the XML is broken or over a limit.
    pub fn read_slides(&mut self, xml: &mut Xml<'_>) -> Result<u32, ExtractError> {
        let depth = xml.depth();
        self.page = 0;
        while let Some(node) = xml.next_in(depth)? {
            let Node::Open(tag) = node else { continue };
            if tag.local() != "page" {
                xml.skip()?;
                continue;
            }
            self.page += 1;
            let from = self.blocks.list.len();
            let slide = xml.depth();
            while let Some(node) = xml.next_in(slide)? {
                let Node::Open(tag) = node else { continue };
                if tag.local() == "notes" {
                    self.read_speaker_notes(xml)?;
                } else {
                    self.enter(Element::of(tag), xml)?;
                }
            }
            let mut blocks = self.blocks.take_from(from);
            if let Some(title) =
                blocks.iter().position(|block| matches!(block.kind, BlockKind::Heading { .. }))
            {
                blocks[..=title].rotate_right(1);
            }
            for block in &mut blocks {
                block.place.page = Some(self.page);
            }
            self.blocks.list.extend(blocks);
        }
        Ok(self.page)
    }

    fn read_speaker_notes(&mut self, xml: &mut Xml<'_>) -> Result<(), ExtractError> {
        let from = self.blocks.list.len();
        self.read_blocks(xml)?;
        let notes = self.blocks.take_from(from);
        let text = notes.iter().map(|block| block.text.as_str()).collect::<Vec<_>>().join("\n");
        self.blocks.push(BlockKind::Comment, &text, on_page(Some(self.page)))
    }

    /// Keeps the pages where the breaks that were met agree with the count of the program that saved the file.
    pub fn settle_pages(&mut self, extracted: &Extracted) {
        if extracted.pages != Some(self.page) {
            for block in &mut self.blocks.list {
                block.place.page = None;
            }
        }
    }

    /// Headers and footers, each different text once.
    ///
    /// # Errors
    /// When the styles are broken or over a limit.
    pub fn read_margins(&mut self) -> Result<(Vec<Block>, Vec<Block>), ExtractError> {
        let (mut headers, mut footers): (Vec<Block>, Vec<Block>) = Default::default();
        let Some(mut xml) = self.file.xml("styles.xml")? else { return Ok((headers, footers)) };
        let mut in_master = false;
        while let Some(node) = xml.next()? {
            let Node::Open(tag) = node else { continue };
            let margin = match tag.local() {
                "body" => break,
                "master-styles" => {
                    in_master = true;
                    continue;
                }
                "header" | "header-left" | "header-first" => &mut headers,
                "footer" | "footer-left" | "footer-first" => &mut footers,
                _ => continue,
            };
            if !in_master {
                continue;
            }
            let from = self.blocks.list.len();
            self.read_blocks(&mut xml)?;
            for mut block in self.blocks.take_from(from) {
                block.place = Place::default();
                if !is_page_number(&block.text) && !margin.iter().any(|other| other.text == block.text) {
                    margin.push(block);
                }
            }
        }
        Ok((headers, footers))
    }
}

/// What is needed of a tag while its content is read.
pub struct Element {
    local: String,
    style: String,
    level: Option<u8>,
    class: Option<String>,
    target: Option<String>,
    /// Of a list or an item: where its numbers start.
    start: Start,
    /// Of a heading: whether it has no number though its level has.
    unnumbered: bool,
}

impl Element {
    /// What `tag` says.
    pub fn of(tag: Tag<'_>) -> Element {
        let owned = |name| tag.attribute(name).map(|value| value.into_owned());
        let start = if tag.local().starts_with("list") { Start::of(tag) } else { Start::default() };
        Element {
            local: tag.local().to_owned(),
            style: owned("style-name").unwrap_or_default(),
            level: tag.attribute("outline-level").and_then(|level| level.parse().ok()),
            class: owned("class"),
            target: owned("href"),
            start,
            unnumbered: tag.local() == "h" && tag.flag("is-list-header"),
        }
    }
}

/// How often a cell or column is repeated.
fn repeat(tag: Tag<'_>, name: &str) -> usize {
    tag.attribute(name).and_then(|count| count.parse().ok()).unwrap_or(1usize).clamp(1, SPAN)
}
