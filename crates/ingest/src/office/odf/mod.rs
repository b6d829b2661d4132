//! What do these OpenDocument files say: texts, slides and workbooks?
//!
//! The three share one grammar: [`flow`] walks through paragraphs, lists and tables, [`sheet`] through the cells of a
//! workbook, [`styles`] knows which paragraphs begin a page and which are titles, [`lists`] which number stands before a
//! paragraph.

mod flow;
mod lists;
mod sheet;
mod styles;

use intramuros_core::document::{Block, ExtractError, Extracted, Kind};

use super::package::{Package, Source};
use super::xml::{Node, Xml};
use super::{opc, pictures, properties};
use crate::Budget;
use flow::Flow;
use styles::Styles;

/// Bytes at the start of a flat file among which its root element stands.
const ROOT_SEARCHED: usize = 4_096;

/// An OpenDocument file: a ZIP package, or one flat XML file.
pub(super) enum File<'a> {
    /// The usual form.
    Package(Package<'a>),
    /// Everything in one XML file.
    Flat(&'a [u8], Budget<'a>),
}

impl<'a> File<'a> {
    fn open(bytes: &'a [u8], budget: &Budget<'a>) -> Result<File<'a>, ExtractError> {
        let start = bytes.get(..ROOT_SEARCHED.min(bytes.len())).unwrap_or_default();
        let flat = start.trim_ascii_start().starts_with(b"<") || start.starts_with(b"\xef\xbb\xbf<");
        if flat && start.windows(15).any(|window| window == b"office:document") {
            return Ok(File::Flat(bytes, *budget));
        }
        let package = Package::open(bytes, budget)?;
        refuse_encrypted(&package)?;
        Ok(File::Package(package))
    }

    /// A part as XML; all parts of a flat file are the file itself.
    pub(super) fn xml(&self, part: &str) -> Result<Option<Xml<'a>>, ExtractError> {
        match self {
            File::Package(package) => package.xml(part),
            File::Flat(bytes, budget) => Xml::new(Source::plain(bytes, budget), budget).map(Some),
        }
    }

    fn content(&self) -> Result<Xml<'a>, ExtractError> {
        self.xml("content.xml")?.ok_or_else(|| {
            ExtractError::Corrupt("the part \u{201c}content.xml\u{201d} is missing".to_owned())
        })
    }
}

/// Reads ODT, ODS and ODP, their templates and flat forms. What the file is shows in its body.
///
/// # Errors
/// When the bytes are not this format, are encrypted, or a limit is reached.
pub fn extract(_name: &str, bytes: &[u8], budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    if bytes.is_empty() {
        return Err(ExtractError::Corrupt("no byte in the file".to_owned()));
    }
    let file = File::open(bytes, budget)?;
    let mut extracted = Extracted::default();
    let read = file.xml("meta.xml").and_then(|xml| xml.map_or(Ok(()), |xml| read_meta(xml, &mut extracted)));
    opc::tolerate(read, "the document's properties", &mut extracted)?;

    let mut styles = Styles::default();
    if let File::Package(_) = &file
        && let Some(xml) = file.xml("styles.xml")?
    {
        opc::tolerate(styles.read(xml), "the styles", &mut extracted)?;
    }
    styles.read(file.content()?)?;
    let mut flow = Flow::new(&file, budget, styles);
    let kind = read_body(&mut flow, &mut extracted)?;
    if kind == Kind::Word {
        let read = flow.read_margins();
        let (headers, footers) = match read {
            Ok(margins) => margins,
            Err(error) => {
                opc::tolerate(Err(error), "headers and footers", &mut extracted)?;
                <(Vec<Block>, Vec<Block>)>::default()
            }
        };
        flow.blocks.list.splice(0..0, headers);
        flow.blocks.list.extend(footers);
    }
    if let (true, File::Package(package)) = (flow.blocks.list.is_empty(), &file) {
        pictures::read(package, "Pictures/", budget, &mut extracted)?;
    }
    flow.blocks.finish(kind, extracted)
}

fn read_body(flow: &mut Flow<'_, '_>, extracted: &mut Extracted) -> Result<Kind, ExtractError> {
    let mut xml = flow.file.content()?;
    let mut in_body = false;
    while let Some(node) = xml.next()? {
        let Node::Open(tag) = node else { continue };
        match tag.local() {
            "body" => in_body = true,
            "text" if in_body => {
                flow.read_blocks(&mut xml)?;
                flow.settle_pages(extracted);
                while xml.next()?.is_some() {}
                return Ok(Kind::Word);
            }
            "presentation" | "drawing" if in_body => {
                let slides = flow.read_slides(&mut xml)?;
                extracted.pages = Some(slides);
                return Ok(Kind::Slides);
            }
            "spreadsheet" if in_body => {
                let sheets = flow.read_sheets(&mut xml)?;
                extracted.pages = Some(sheets);
                return Ok(Kind::Sheet);
            }
            _ => {}
        }
    }
    Err(ExtractError::Corrupt("no text, presentation or spreadsheet in content.xml".to_owned()))
}

/// Reads the properties; in a flat file they end where the body begins.
fn read_meta(mut xml: Xml<'_>, extracted: &mut Extracted) -> Result<(), ExtractError> {
    while let Some(node) = xml.next()? {
        let Node::Open(tag) = node else { continue };
        match tag.local() {
            "meta" => return properties::read_element(&mut xml, extracted),
            "body" => return Ok(()),
            _ => {}
        }
    }
    Ok(())
}

fn refuse_encrypted(package: &Package<'_>) -> Result<(), ExtractError> {
    let Some(mut xml) = package.xml("META-INF/manifest.xml")? else { return Ok(()) };
    while let Ok(Some(node)) = xml.next() {
        if matches!(node, Node::Open(tag) if tag.local() == "encryption-data") {
            return Err(ExtractError::Encrypted("the document is protected by a password".to_owned()));
        }
    }
    Ok(())
}
