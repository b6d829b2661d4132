//! Which tables are in this workbook (XLSX)?
//!
//! [`styles`] says how numbers are shown, [`cells`] reads a sheet; here the sheets are put in order, with their
//! comments, shapes and charts. [`binary`] knows the parts of XLSB that are no XML.

mod binary;
mod cells;
mod styles;

use std::collections::{HashMap, HashSet};

use intramuros_core::document::{BlockKind, ExtractError, Extracted, Kind, Place};

use super::blocks::Blocks;
use super::opc::{self, Relations};
use super::package::Package;
use super::xml::{Node, Xml};
use super::{chart, diagram, ole, pictures, xls};
use crate::Budget;
use cells::Book;
use styles::Styles;

/// Reads XLSX and XLSM: each sheet under its name, its rows as tables with cached values as the program shows them,
/// then its comments, shapes and charts.
///
/// # Errors
/// When the bytes are not this format, are encrypted, or a limit is reached.
pub fn extract(_name: &str, bytes: &[u8], budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    ole::refuse_encrypted(bytes)?;
    let package = Package::open(bytes, budget)?;
    let main = opc::main_part(&package, "xl/workbook.xml")?;
    if main.to_lowercase().ends_with(".bin") {
        return xls::extract_binary(&package, &main, bytes, budget);
    }
    let relations = Relations::of(&package, &main)?;
    let mut extracted = Extracted::default();
    opc::read_properties(&package, &mut extracted)?;
    let (sheets, from_1904) = read_workbook(&package, &main, &relations)?;
    budget.check_pages(sheets.len())?;
    extracted.pages = u32::try_from(sheets.len()).ok();
    let mut book = Book { strings: Vec::new(), styles: Styles::default(), from_1904 };
    if let Some(part) = relations.first("sharedStrings")
        && let Some(xml) = package.xml(part)?
    {
        book.strings = cells::read_strings(xml)?;
    }
    let part = relations.first("styles").unwrap_or("xl/styles.xml");
    let read = package.xml(part).and_then(|xml| xml.map_or(Ok(Styles::default()), Styles::read));
    let read = read.map(|styles| book.styles = styles);
    opc::tolerate(read, "the styles", &mut extracted)?;

    let mut blocks = Blocks::new(budget);
    for (name, part) in &sheets {
        let read = read_sheet(&package, &book, name, part, &mut blocks, budget, &mut extracted);
        opc::tolerate(read, &format!("the sheet \u{201c}{name}\u{201d}"), &mut extracted)?;
    }
    if blocks.list.is_empty() {
        if let (Some(first), true) = (extracted.warnings.first(), extracted.parts.is_empty()) {
            return Err(ExtractError::Corrupt(first.clone()));
        }
        pictures::read(&package, "xl/media/", budget, &mut extracted)?;
    }
    blocks.finish(Kind::Sheet, extracted)
}

/// Names and parts of the sheets in the order of their tabs, and whether dates count from 1904.
fn read_workbook(
    package: &Package<'_>,
    main: &str,
    relations: &Relations,
) -> Result<(Vec<(String, String)>, bool), ExtractError> {
    let mut xml = package.required_xml(main)?;
    let (mut sheets, mut from_1904, mut is_workbook) = (Vec::new(), false, false);
    while let Some(node) = xml.next()? {
        let Node::Open(tag) = node else { continue };
        match tag.local() {
            "workbook" => is_workbook = true,
            "workbookPr" => from_1904 = tag.flag("date1904"),
            "sheet" => {
                let name = tag.attribute("name").unwrap_or_default().into_owned();
                let part = tag.relation("id").and_then(|id| relations.target(&id).map(str::to_owned));
                sheets.extend(part.map(|part| (name, part)));
            }
            _ => {}
        }
    }
    if is_workbook {
        Ok((sheets, from_1904))
    } else {
        Err(ExtractError::Corrupt("no workbook in the main part".to_owned()))
    }
}

fn read_sheet(
    package: &Package<'_>,
    book: &Book,
    name: &str,
    part: &str,
    blocks: &mut Blocks<'_>,
    budget: &Budget<'_>,
    extracted: &mut Extracted,
) -> Result<(), ExtractError> {
    let relations = Relations::of(package, part)?;
    if let Some(xml) = package.xml(part)? {
        let mut grid = book.read_sheet(name, xml, budget)?;
        for table in relations.all("table") {
            let header = package.xml(table)?.map_or(Ok(None), table_header)?;
            grid.header_rows.extend(header);
        }
        grid.push(blocks)?;
    }
    read_beside(package, &relations, name, blocks, budget, extracted)
}

/// The parts of the sheets of a binary workbook, by their names.
///
/// # Errors
/// When the main part is damaged, or over a limit.
pub(super) fn binary_sheets(
    package: &Package<'_>,
    main: &str,
) -> Result<HashMap<String, String>, ExtractError> {
    let relations = Relations::of(package, main)?;
    let sheets = binary::sheets(&package.bytes(main)?.unwrap_or_default());
    let part = |(name, id): (String, String)| Some((name, relations.target(&id)?.to_owned()));
    Ok(sheets.into_iter().filter_map(part).collect())
}

/// Reads what stands beside the cells of a sheet: comments, shapes, charts, embedded files.
///
/// # Errors
/// When the text is over a limit.
pub(super) fn read_beside(
    package: &Package<'_>,
    relations: &Relations,
    name: &str,
    blocks: &mut Blocks<'_>,
    budget: &Budget<'_>,
    extracted: &mut Extracted,
) -> Result<(), ExtractError> {
    let place = Place { section: Some(name.to_owned()), ..Place::default() };
    let read = read_comments(package, relations, blocks, &place);
    opc::tolerate(read, &format!("the comments of \u{201c}{name}\u{201d}"), extracted)?;
    for drawing in relations.all("drawing") {
        let read = read_drawing(package, drawing, blocks, &place);
        opc::tolerate(read, &format!("the drawings of \u{201c}{name}\u{201d}"), extracted)?;
    }
    opc::read_embedded(package, relations, budget, extracted)
}

/// The row that names the columns of a declared table.
fn table_header(mut xml: Xml<'_>) -> Result<Option<u32>, ExtractError> {
    while let Some(node) = xml.next()? {
        let Node::Open(tag) = node else { continue };
        if tag.local() == "table" {
            let headers: u32 =
                tag.attribute("headerRowCount").and_then(|count| count.parse().ok()).unwrap_or(1);
            let first = tag.attribute("ref").and_then(|range| cells::first_row(&range));
            return Ok(first.filter(|_| headers > 0));
        }
    }
    Ok(None)
}

/// Comments of today (threads) replace the old ones, which repeat them.
fn read_comments(
    package: &Package<'_>,
    relations: &Relations,
    blocks: &mut Blocks<'_>,
    place: &Place,
) -> Result<(), ExtractError> {
    let threads = relations.first("threadedComment").is_some();
    let role = if threads { "threadedComment" } else { "comments" };
    for part in relations.all(role) {
        if part.to_lowercase().ends_with(".bin") {
            let remarks = binary::remarks(&package.bytes(part)?.unwrap_or_default());
            for remark in &remarks.list {
                let author = remarks.authors.get(remark.author).map_or("", String::as_str);
                push_comment(&remark.cell, author, &remark.text, blocks, place)?;
            }
            continue;
        }
        let Some(mut xml) = package.xml(part)? else { continue };
        let (mut authors, mut cell, mut author, mut text) =
            (Vec::new(), String::new(), String::new(), String::new());
        while let Some(node) = xml.next()? {
            let Node::Open(tag) = node else { continue };
            match tag.local() {
                "author" => authors.push(xml.text()?),
                "comment" | "threadedComment" => {
                    push_comment(&cell, &author, &text, blocks, place)?;
                    text.clear();
                    cell = tag.attribute("ref").unwrap_or_default().into_owned();
                    let index = tag.attribute("authorId").and_then(|id| id.parse::<usize>().ok());
                    author = index.and_then(|index| authors.get(index).cloned()).unwrap_or_default();
                }
                "t" => text.push_str(&xml.text()?),
                "text" if threads => text.push_str(&xml.text()?),
                _ => {}
            }
        }
        push_comment(&cell, &author, &text, blocks, place)?;
    }
    Ok(())
}

fn push_comment(
    cell: &str,
    author: &str,
    text: &str,
    blocks: &mut Blocks<'_>,
    place: &Place,
) -> Result<(), ExtractError> {
    if text.trim().is_empty() {
        return Ok(());
    }
    // Programs start a comment with its author's name.
    let named = author.is_empty() || text.trim_start().starts_with(author);
    let text = if named { format!("{cell} {text}") } else { format!("{cell} {author}: {text}") };
    blocks.push(BlockKind::Comment, &text, place.clone())
}

fn read_drawing(
    package: &Package<'_>,
    part: &str,
    blocks: &mut Blocks<'_>,
    place: &Place,
) -> Result<(), ExtractError> {
    let Some(mut xml) = package.xml(part)? else { return Ok(()) };
    let relations = Relations::of(package, part)?;
    let mut seen = HashSet::new();
    let mut text = String::new();
    while let Some(node) = xml.next()? {
        let Node::Open(tag) = node else { continue };
        match tag.local() {
            "p" => {
                blocks.push(BlockKind::Paragraph, &text, place.clone())?;
                text.clear();
            }
            "t" => text.push_str(&xml.text()?),
            "br" => text.push('\n'),
            "relIds" => {
                if let Some(target) = tag.relation("dm").and_then(|id| relations.target(&id)) {
                    diagram::read(package, target, blocks, place)?;
                }
            }
            "chart" => {
                let target = tag.relation("id").and_then(|id| relations.target(&id));
                if let Some(target) = target
                    && seen.insert(target)
                {
                    chart::read(package, target, false, blocks, place)?;
                }
            }
            _ => {}
        }
    }
    blocks.push(BlockKind::Paragraph, &text, place.clone())
}
