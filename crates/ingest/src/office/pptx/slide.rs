//! Which title, text and tables stand on this slide?

use intramuros_core::document::{Block, BlockKind, ExtractError, Place};

use super::Deck;
use crate::office::blocks::{Row, flatten, on_page};
use crate::office::opc::Relations;
use crate::office::xml::{Node, Xml};
use crate::office::{chart, diagram};

/// What a shape is for, as its placeholder says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The slide's title.
    Title,
    /// The slide's main text: a list unless it says otherwise.
    Body,
    /// A box of text.
    Free,
    /// What every slide repeats: shown once.
    Footer,
    /// The date of the slides: shown once unless the program fills in the day of today.
    Date,
    /// The number of the slide: not shown.
    Counter,
}

/// A paragraph of a shape.
struct Line {
    text: String,
    depth: u8,
    bullet: Option<bool>,
    /// Whether the program fills it in.
    automatic: bool,
}

impl Deck<'_, '_> {
    /// Reads a slide; its title comes first.
    ///
    /// # Errors
    /// When the part is broken or over a limit.
    pub fn read_shapes(
        &mut self,
        part: &str,
        relations: &Relations,
        number: u32,
    ) -> Result<(), ExtractError> {
        let mut xml = self.package.required_xml(part)?;
        let place = on_page(Some(number));
        let from = self.blocks.list.len();
        while let Some(node) = xml.next()? {
            let Node::Open(tag) = node else { continue };
            match tag.local() {
                "sp" => self.read_shape(&mut xml, &place)?,
                "tbl" => self.read_table(&mut xml, &place)?,
                "chart" | "relIds" => {
                    let is_chart = tag.local() == "chart";
                    let id = tag.relation(if is_chart { "id" } else { "dm" });
                    let Some(target) = id.and_then(|id| relations.target(&id)) else { continue };
                    let read = if is_chart {
                        chart::read(self.package, target, true, &mut self.blocks, &place)
                    } else {
                        diagram::read(self.package, target, &mut self.blocks, &place)
                    };
                    // A broken chart loses only itself.
                    if let Err(error @ ExtractError::Limit(_)) = read {
                        return Err(error);
                    }
                }
                _ => {}
            }
        }
        let mut slide = self.blocks.take_from(from);
        let title = slide.iter().position(|block| matches!(block.kind, BlockKind::Heading { .. }));
        if let Some(title) = title {
            slide[..=title].rotate_right(1);
        }
        self.blocks.list.extend(slide);
        Ok(())
    }

    /// Reads the notes of a slide.
    ///
    /// # Errors
    /// When the part is broken or over a limit.
    pub fn read_notes(&mut self, part: &str, number: u32) -> Result<(), ExtractError> {
        let Some(mut xml) = self.package.xml(part)? else { return Ok(()) };
        while let Some(node) = xml.next()? {
            if !matches!(node, Node::Open(tag) if tag.local() == "sp") {
                continue;
            }
            let (role, lines) = read_shape(&mut xml)?;
            if matches!(role, Role::Body | Role::Free) {
                let text = lines.into_iter().map(|line| line.text).collect::<Vec<_>>().join("\n");
                self.blocks.push(BlockKind::Comment, &text, on_page(Some(number)))?;
            }
        }
        Ok(())
    }

    fn read_shape(&mut self, xml: &mut Xml<'_>, place: &Place) -> Result<(), ExtractError> {
        let (role, lines) = read_shape(xml)?;
        if role == Role::Title {
            let title = lines.into_iter().map(|line| line.text).collect::<Vec<_>>().join(" ");
            return self.blocks.push(BlockKind::Heading { level: 1 }, &title, place.clone());
        }
        if role == Role::Counter {
            return Ok(());
        }
        for line in lines {
            if matches!(role, Role::Footer | Role::Date) && !self.repeated.insert(line.text.clone()) {
                continue;
            }
            let listed = line.bullet.unwrap_or(role == Role::Body);
            let kind = if listed { BlockKind::ListItem { depth: line.depth } } else { BlockKind::Paragraph };
            self.blocks.push(kind, &line.text, place.clone())?;
        }
        Ok(())
    }

    fn read_table(&mut self, xml: &mut Xml<'_>, place: &Place) -> Result<(), ExtractError> {
        let depth = xml.depth();
        let mut rows: Vec<Row> = Vec::new();
        let mut named = false;
        let mut merged = false;
        while let Some(node) = xml.next_in(depth)? {
            let Node::Open(tag) = node else { continue };
            match tag.local() {
                "tblPr" => named = tag.flag("firstRow"),
                "tr" => {
                    self.blocks.count_cells(1)?;
                    rows.push(Row { place: place.clone(), ..Row::default() });
                }
                "tc" => {
                    self.blocks.count_cells(1)?;
                    merged = tag.flag("hMerge") || tag.flag("vMerge");
                    if let Some(row) = rows.last_mut() {
                        row.cells.push(String::new());
                    }
                }
                "txBody" => {
                    let text = cell_text(read_lines(xml)?);
                    if let Some(cell) = rows.last_mut().and_then(|row| row.cells.last_mut())
                        && !merged
                    {
                        *cell = text;
                    }
                }
                _ => {}
            }
        }
        if let (true, [first, _, ..]) = (named, rows.as_mut_slice()) {
            first.header = first.cells.iter().any(|cell| !cell.is_empty());
        }
        self.blocks.push_table(rows, true)
    }
}

fn cell_text(lines: Vec<Line>) -> String {
    let block = |line: Line| Block { kind: BlockKind::Paragraph, text: line.text, place: Place::default() };
    flatten(&lines.into_iter().map(block).collect::<Vec<_>>())
}

/// What a shape is for and what it says.
fn read_shape(xml: &mut Xml<'_>) -> Result<(Role, Vec<Line>), ExtractError> {
    let depth = xml.depth();
    let (mut role, mut lines) = (Role::Free, Vec::new());
    while let Some(node) = xml.next_in(depth)? {
        let Node::Open(tag) = node else { continue };
        match tag.local() {
            "ph" => {
                role = match tag.attribute("type").as_deref() {
                    Some("title" | "ctrTitle") => Role::Title,
                    Some("ftr" | "hdr") => Role::Footer,
                    Some("dt") => Role::Date,
                    Some("sldNum" | "sldImg") => Role::Counter,
                    Some("subTitle") => Role::Free,
                    _ => Role::Body,
                };
            }
            "txBody" | "txbxContent" => lines.extend(read_lines(xml)?),
            _ => {}
        }
    }
    if role == Role::Date {
        lines.retain(|line| !line.automatic);
    }
    Ok((role, lines))
}

/// The paragraphs of the text that has just opened; empty ones are left out.
fn read_lines(xml: &mut Xml<'_>) -> Result<Vec<Line>, ExtractError> {
    let depth = xml.depth();
    let mut lines: Vec<Line> = Vec::new();
    while let Some(node) = xml.next_in(depth)? {
        let Node::Open(tag) = node else { continue };
        if tag.local() == "p" {
            lines.push(Line { text: String::new(), depth: 0, bullet: None, automatic: false });
            continue;
        }
        let Some(line) = lines.last_mut() else { continue };
        match tag.local() {
            "pPr" => {
                line.depth = tag.attribute("lvl").and_then(|depth| depth.parse().ok()).unwrap_or(0u8).min(8)
            }
            "buNone" => line.bullet = Some(false),
            "buChar" | "buAutoNum" | "buBlip" => line.bullet = Some(true),
            "fld" => line.automatic = true,
            "br" => line.text.push('\n'),
            "tab" => line.text.push(' '),
            "t" => line.text.push_str(&xml.text()?),
            "rPr" | "endParaRPr" => xml.skip()?,
            _ => {}
        }
    }
    lines.retain(|line| !line.text.trim().is_empty());
    Ok(lines)
}
