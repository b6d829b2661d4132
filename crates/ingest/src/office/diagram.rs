//! Which words stand in this diagram (SmartArt)?

use intramuros_core::document::{BlockKind, ExtractError, Place};

use super::blocks::Blocks;
use super::package::Package;
use super::xml::Node;

/// Reads the data part of a diagram: each of its points as an item of a list.
///
/// # Errors
/// When the part is broken or over a limit.
pub fn read(
    package: &Package<'_>,
    part: &str,
    blocks: &mut Blocks<'_>,
    place: &Place,
) -> Result<(), ExtractError> {
    let Some(mut xml) = package.xml(part)? else { return Ok(()) };
    let mut text = String::new();
    while let Some(node) = xml.next()? {
        let Node::Open(tag) = node else { continue };
        match tag.local() {
            "pt" => {
                blocks.push(BlockKind::ListItem { depth: 0 }, &text, place.clone())?;
                text.clear();
            }
            "p" | "br" => text.push('\n'),
            "t" => {
                let depth = xml.depth();
                // `dgm:t` holds the paragraphs of a point, `a:t` a piece of their text.
                while let Some(node) = xml.next_in(depth)? {
                    match node {
                        Node::Text(piece) => text.push_str(piece.trim_matches(['\n', '\r'])),
                        Node::Open(tag) if tag.local() == "p" => text.push('\n'),
                        Node::Open(_) => {}
                    }
                }
            }
            "extLst" => xml.skip()?,
            _ => {}
        }
    }
    blocks.push(BlockKind::ListItem { depth: 0 }, &text, place.clone())
}
