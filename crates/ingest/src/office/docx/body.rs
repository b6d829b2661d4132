//! Which paragraphs follow one another in a Word document, and what is each?

use intramuros_core::document::{Block, BlockKind, ExtractError};
use intramuros_core::language::Language;

use super::notes::{NoteKind, Notes};
use super::numbering::Numbering;
use super::styles::Styles;
use super::symbols::symbol;
use super::{forms, math};
use crate::Budget;
use crate::office::blocks::{Blocks, on_page};
use crate::office::opc::Relations;
use crate::office::package::Package;
use crate::office::xml::{Node, Tag, Xml};
use crate::office::{chart, diagram};

/// Fields within fields. Real documents reach three (an IF with a MERGEFIELD in a TOC).
const FIELDS: usize = 64;

/// The walk through a document: what it may use, what it has read, where it stands.
pub struct Body<'a, 'r> {
    pub(super) package: &'r Package<'a>,
    pub(super) relations: &'r Relations,
    pub(super) blocks: Blocks<'a>,
    pub(super) notes: Notes,
    pub(super) tables_open: u32,
    styles: Styles,
    numbering: Numbering,
    fields: Vec<Field>,
    /// What a field of a form shows unless runs of its own do, and how much text stood before it.
    form: Option<(String, usize)>,
    /// Notes to be placed once the paragraph, or the table around it, has ended.
    waiting: Vec<Block>,
    pages: PageCount,
}

/// A field is a code and its shown result.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Code,
    Result,
}

/// Pages are known from the breaks that the program noted when it last laid the document out.
#[derive(Default)]
struct PageCount {
    breaks: u32,
    rendered: bool,
    /// A break that was asked for and has not been noted by the layout yet.
    asked: bool,
}

/// What is known about pages at the end.
pub struct Pages {
    /// Whether the blocks' pages are right.
    pub known: bool,
    /// How many there are.
    pub count: Option<u32>,
}

/// A paragraph as it is read.
#[derive(Default)]
struct Paragraph {
    text: String,
    style: Option<String>,
    outline: Option<u8>,
    list: Option<String>,
    depth: Option<u8>,
    page: Option<u32>,
    /// Whether its mark was deleted or hidden: without text it is no paragraph then.
    removed: bool,
    /// Text boxes, charts and diagrams that are anchored in it.
    anchored: Vec<Block>,
}

impl<'a, 'r> Body<'a, 'r> {
    /// A walk that has not begun.
    pub fn new(package: &'r Package<'a>, budget: &Budget<'a>, relations: &'r Relations) -> Body<'a, 'r> {
        Body {
            package,
            relations,
            blocks: Blocks::new(budget),
            notes: Notes::default(),
            tables_open: 0,
            styles: Styles::default(),
            numbering: Numbering::default(),
            fields: Vec::new(),
            form: None,
            waiting: Vec::new(),
            pages: PageCount::default(),
        }
    }

    /// Reads the styles part, if there is one.
    ///
    /// # Errors
    /// When the part is broken or over a limit.
    pub fn read_styles(&mut self, language: &mut Option<Language>) -> Result<(), ExtractError> {
        let part = self.relations.first("styles").unwrap_or("word/styles.xml");
        if let Some(xml) = self.package.xml(part)? {
            self.styles = Styles::read(xml, language)?;
        }
        Ok(())
    }

    /// Reads the numbering part, if there is one.
    ///
    /// # Errors
    /// When the part is broken or over a limit.
    pub fn read_numbering(&mut self) -> Result<(), ExtractError> {
        let part = self.relations.first("numbering").unwrap_or("word/numbering.xml");
        if let Some(xml) = self.package.xml(part)? {
            self.numbering = Numbering::read(xml)?;
        }
        Ok(())
    }

    /// Reads the main part.
    ///
    /// # Errors
    /// Corrupt when it is no Word document; when it is broken or over a limit.
    pub fn read_document(&mut self, part: &str) -> Result<(), ExtractError> {
        let mut xml = self.package.required_xml(part)?;
        self.pages = PageCount::default();
        while let Some(node) = xml.next()? {
            let Node::Open(tag) = node else { continue };
            if tag.local() == "body" {
                self.read_blocks(&mut xml)?;
                self.flush_notes();
                let rest = self.notes.rest();
                self.blocks.list.extend(rest);
                // What follows the body must be sound too, or the file was cut.
                while xml.next()?.is_some() {}
                return Ok(());
            }
        }
        Err(ExtractError::Corrupt("no document body in the main part".to_owned()))
    }

    /// Reads the blocks of the element that has just opened.
    ///
    /// # Errors
    /// When the XML is broken or over a limit.
    pub fn read_blocks(&mut self, xml: &mut Xml<'_>) -> Result<(), ExtractError> {
        let depth = xml.depth();
        while let Some(node) = xml.next_in(depth)? {
            let Node::Open(tag) = node else { continue };
            match tag.local() {
                "p" => self.read_paragraph(xml)?,
                "tbl" => self.read_table(xml)?,
                "del" | "moveFrom" | "sdtPr" | "sdtEndPr" | "sectPr" => xml.skip()?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Reads the element that has just opened apart from the flow: a note, a header, a text box.
    ///
    /// # Errors
    /// When the XML is broken or over a limit.
    pub fn read_story(&mut self, xml: &mut Xml<'_>) -> Result<Vec<Block>, ExtractError> {
        let from = self.blocks.list.len();
        let fields = std::mem::take(&mut self.fields);
        let tables = std::mem::take(&mut self.tables_open);
        let read = self.read_blocks(xml);
        self.fields = fields;
        self.tables_open = tables;
        let blocks = self.blocks.take_from(from);
        read.map(|()| blocks)
    }

    /// Places the notes that wait for the end of the paragraph or table.
    pub fn flush_notes(&mut self) {
        self.blocks.list.append(&mut self.waiting);
    }

    /// The page that the walk has reached.
    pub fn page(&self) -> Option<u32> {
        Some(self.pages.breaks + 1)
    }

    /// Whether the pages can be trusted, given how many the program counted when it saved.
    pub fn pages(&self, declared: Option<u32>) -> Pages {
        let counted = self.pages.breaks + 1;
        let known = self.pages.rendered || declared == Some(counted);
        let count =
            if known { Some(declared.unwrap_or_default().max(counted)) } else { declared.filter(|&n| n > 0) };
        Pages { known, count }
    }

    /// Takes the pages away: without the breaks of a layout they would be guesses.
    pub fn forget_pages(&mut self) {
        for block in &mut self.blocks.list {
            block.place.page = None;
        }
    }

    /// Reads the paragraph that has just opened.
    ///
    /// # Errors
    /// When the XML is broken or over a limit.
    pub fn read_paragraph(&mut self, xml: &mut Xml<'_>) -> Result<(), ExtractError> {
        let depth = xml.depth();
        let mut paragraph = Paragraph::default();
        while let Some(node) = xml.next_in(depth)? {
            let Node::Open(tag) = node else { continue };
            match tag.local() {
                "pPr" => read_paragraph_properties(xml, &mut paragraph)?,
                "r" => self.read_run(xml, &mut paragraph)?,
                "oMath" => {
                    let formula = math::read(xml)?;
                    self.add(&mut paragraph, &formula);
                }
                "del" | "moveFrom" | "sdtPr" | "sdtEndPr" => xml.skip()?,
                _ => {}
            }
        }
        self.close_paragraph(paragraph)
    }

    fn close_paragraph(&mut self, paragraph: Paragraph) -> Result<(), ExtractError> {
        let style = paragraph.style.as_deref().or(self.styles.default_style()).unwrap_or_default();
        let heading = match paragraph.outline {
            Some(9..) => None,
            Some(outline) => Some((outline + 1).min(6)),
            None => self.styles.heading(style),
        };
        let of_style = self.styles.list(style);
        let (list, depth) = match (paragraph.list, of_style) {
            (Some(list), of_style) => {
                let depth = paragraph.depth.or(of_style.map(|(_, depth)| depth));
                (Some(list), depth.unwrap_or_default())
            }
            (None, Some((list, depth))) => (Some(list), paragraph.depth.unwrap_or(depth)),
            (None, None) => (None, 0),
        };
        let list = list.filter(|list| list != "0" && self.numbering.has(list));
        let has_text = !paragraph.text.trim().is_empty();
        let mut text = paragraph.text;
        // Empty items are counted too; a cell may hold nothing but the number of its row.
        if let Some(list) = list.as_ref().filter(|_| has_text || !paragraph.removed) {
            let label = self.numbering.label(list, depth);
            if !label.is_empty() && (has_text || self.tables_open > 0) {
                text.insert_str(0, &format!("{label} "));
            }
        }
        let kind = match (heading, list) {
            (Some(level), _) => BlockKind::Heading { level },
            (None, Some(_)) => BlockKind::ListItem { depth: depth.min(8) },
            (None, None) => BlockKind::Paragraph,
        };
        if !text.trim().is_empty() {
            self.blocks.push(kind, &text, on_page(paragraph.page))?;
        }
        self.blocks.list.extend(paragraph.anchored);
        if self.tables_open == 0 {
            self.flush_notes();
        }
        Ok(())
    }

    fn read_run(&mut self, xml: &mut Xml<'_>, paragraph: &mut Paragraph) -> Result<(), ExtractError> {
        let depth = xml.depth();
        let mut hidden = false;
        while let Some(node) = xml.next_in(depth)? {
            let Node::Open(tag) = node else { continue };
            match tag.local() {
                "vanish" => hidden = tag.switched_on(),
                "t" => self.read_text(xml, paragraph, hidden)?,
                "txbxContent" => {
                    let inside = self.read_story(xml)?;
                    paragraph.anchored.extend(inside);
                }
                "chart" | "relIds" => self.read_graphic(tag, paragraph)?,
                "ffData" => self.form = forms::read(xml)?.map(|shown| (shown, paragraph.text.len())),
                "delText" | "instrText" | "delInstrText" | "rt" | "rPrChange" | "del" | "moveFrom" => {
                    xml.skip()?;
                }
                _ if hidden => {}
                _ => self.read_mark(tag, paragraph),
            }
        }
        Ok(())
    }

    fn read_text(
        &mut self,
        xml: &mut Xml<'_>,
        paragraph: &mut Paragraph,
        hidden: bool,
    ) -> Result<(), ExtractError> {
        let depth = xml.depth();
        while let Some(node) = xml.next_in(depth)? {
            if let Node::Text(text) = node
                && !hidden
            {
                self.add(paragraph, text);
            }
        }
        Ok(())
    }

    fn add(&mut self, paragraph: &mut Paragraph, text: &str) {
        if self.fields.contains(&Field::Code) {
            return;
        }
        if paragraph.page.is_none() && !text.trim().is_empty() {
            paragraph.page = self.page();
            self.pages.asked = false;
        }
        paragraph.text.push_str(text);
    }

    /// Elements of a run that stand for a character, a break, a note or the edge of a field.
    fn read_mark(&mut self, tag: Tag<'_>, paragraph: &mut Paragraph) {
        match tag.local() {
            "tab" | "ptab" => self.add(paragraph, " "),
            "br" if tag.attribute("type").is_some_and(|kind| kind == "page") => {
                self.add(paragraph, "\n");
                self.pages.breaks += 1;
                self.pages.asked = true;
            }
            "br" | "cr" => self.add(paragraph, "\n"),
            "lastRenderedPageBreak" => {
                self.pages.breaks += u32::from(!self.pages.asked);
                self.pages.asked = false;
                self.pages.rendered = true;
            }
            "noBreakHyphen" => self.add(paragraph, "-"),
            "sym" => {
                let (font, code) = (tag.attribute("font").unwrap_or_default(), tag.attribute("char"));
                if let Some(character) = code.and_then(|code| symbol(&font, &code)) {
                    self.add(paragraph, character.encode_utf8(&mut [0; 4]));
                }
            }
            "fldChar" => {
                let edge = tag.attribute("fldCharType").unwrap_or_default();
                self.turn_field(&edge);
                if edge == "end" {
                    self.show_form_field(paragraph);
                }
            }
            "footnoteReference" => self.refer(NoteKind::Footnote, tag),
            "endnoteReference" => self.refer(NoteKind::Endnote, tag),
            "commentReference" => self.refer(NoteKind::Comment, tag),
            _ => {}
        }
    }

    fn turn_field(&mut self, edge: &str) {
        match edge {
            "begin" if self.fields.len() < FIELDS => self.fields.push(Field::Code),
            "separate" => {
                if let Some(field) = self.fields.last_mut() {
                    *field = Field::Result;
                }
            }
            "end" => {
                self.fields.pop();
            }
            _ => {}
        }
    }

    /// Shows what was ticked or chosen, once its field has ended without a text of its own.
    fn show_form_field(&mut self, paragraph: &mut Paragraph) {
        if let Some((shown, before)) = self.form.take()
            && paragraph.text.len() <= before
        {
            self.add(paragraph, &shown);
        }
    }

    fn refer(&mut self, kind: NoteKind, tag: Tag<'_>) {
        let id = tag.attribute("id").unwrap_or_default();
        let note = self.notes.take(kind, &id, self.page());
        self.waiting.extend(note);
    }

    fn read_graphic(&mut self, tag: Tag<'_>, paragraph: &mut Paragraph) -> Result<(), ExtractError> {
        let from = self.blocks.list.len();
        let place = on_page(self.page());
        let read = if tag.local() == "chart" {
            let part = tag.relation("id").and_then(|id| self.relations.target(&id));
            part.map_or(Ok(()), |part| chart::read(self.package, part, true, &mut self.blocks, &place))
        } else {
            let part = tag.relation("dm").and_then(|id| self.relations.target(&id));
            part.map_or(Ok(()), |part| diagram::read(self.package, part, &mut self.blocks, &place))
        };
        paragraph.anchored.extend(self.blocks.take_from(from));
        match read {
            // A broken chart loses only itself.
            Err(ExtractError::Corrupt(_)) => Ok(()),
            other => other,
        }
    }
}

fn read_paragraph_properties(xml: &mut Xml<'_>, paragraph: &mut Paragraph) -> Result<(), ExtractError> {
    let depth = xml.depth();
    while let Some(node) = xml.next_in(depth)? {
        let Node::Open(tag) = node else { continue };
        let value = || tag.attribute("val").unwrap_or_default();
        match tag.local() {
            "pStyle" => paragraph.style = Some(value().into_owned()),
            "outlineLvl" => paragraph.outline = value().parse().ok(),
            "numId" => paragraph.list = Some(value().into_owned()),
            "ilvl" => paragraph.depth = value().parse().ok(),
            "rPr" => read_mark_properties(xml, paragraph)?,
            "pPrChange" | "sectPr" => xml.skip()?,
            _ => {}
        }
    }
    Ok(())
}

/// Reads the properties of the mark that ends a paragraph.
fn read_mark_properties(xml: &mut Xml<'_>, paragraph: &mut Paragraph) -> Result<(), ExtractError> {
    let depth = xml.depth();
    while let Some(node) = xml.next_in(depth)? {
        let Node::Open(tag) = node else { continue };
        match tag.local() {
            "del" | "moveFrom" => paragraph.removed = true,
            "vanish" => paragraph.removed |= tag.switched_on(),
            "rPrChange" => xml.skip()?,
            _ => {}
        }
    }
    Ok(())
}
