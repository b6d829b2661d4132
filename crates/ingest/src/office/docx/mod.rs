//! What does this Word document (DOCX) say?
//!
//! [`styles`] and [`numbering`] say what a paragraph is, [`body`] walks through the text, [`table`] through tables,
//! [`forms`] and [`math`] through what is no plain text; [`notes`] holds what stands outside of the flow: notes,
//! comments, headers and footers.

mod body;
mod forms;
mod math;
mod notes;
mod numbering;
mod styles;
mod symbols;
mod table;

use intramuros_core::document::{Block, ExtractError, Extracted, Kind};

use super::opc::{self, Relations};
use super::package::Package;
use super::{ole, pictures};
use crate::Budget;
use body::Body;

pub(super) use styles::heading_level;
pub(super) use symbols::of_code as symbol_of_code;

/// Reads DOCX, DOCM and DOTX: paragraphs, lists and tables in order, notes and comments after the paragraph that
/// bears them, headers before and footers after the text, embedded files as parts.
///
/// # Errors
/// When the bytes are not this format, are encrypted, or a limit is reached.
pub fn extract(_name: &str, bytes: &[u8], budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    ole::refuse_encrypted(bytes)?;
    let package = Package::open(bytes, budget)?;
    let main = opc::main_part(&package, "word/document.xml")?;
    let relations = Relations::of(&package, &main)?;
    let mut extracted = Extracted::default();
    opc::read_properties(&package, &mut extracted)?;

    let mut body = Body::new(&package, budget, &relations);
    let read = body.read_styles(&mut extracted.language);
    opc::tolerate(read, "the styles", &mut extracted)?;
    let read = body.read_numbering();
    opc::tolerate(read, "the numbering", &mut extracted)?;
    let read = body.read_notes();
    opc::tolerate(read, "the notes", &mut extracted)?;
    let headers = body.read_margins("header");
    let headers = margins(headers, "a header", &mut extracted)?;
    let footers = body.read_margins("footer");
    let footers = margins(footers, "a footer", &mut extracted)?;

    body.read_document(&main)?;
    let pages = body.pages(opc::declared_pages(&package));
    extracted.pages = pages.count;
    if !pages.known {
        body.forget_pages();
    }
    body.blocks.list.splice(0..0, headers);
    body.blocks.list.extend(footers);
    opc::read_embedded(&package, &relations, budget, &mut extracted)?;
    if body.blocks.list.is_empty() {
        pictures::read(&package, "word/media/", budget, &mut extracted)?;
    }
    body.blocks.finish(Kind::Word, extracted)
}

fn margins(
    read: Result<Vec<Block>, ExtractError>,
    what: &str,
    extracted: &mut Extracted,
) -> Result<Vec<Block>, ExtractError> {
    match read {
        Ok(blocks) => Ok(blocks),
        Err(error) => opc::tolerate(Err(error), what, extracted).map(|()| Vec::new()),
    }
}
