//! What do these mails say, to whom, with what attached?

mod content;
pub mod eml;
pub mod mbox;
pub mod msg;
mod properties;
mod rtf_packed;
pub mod signed;
mod tnef;

pub use content::unpack_quoted;

use intramuros_core::document::Block;

use crate::text::writer::safe_name;

/// What some blocks say, white space aside: the same text is broken into other lines in each of its versions.
fn squeezed(blocks: &[Block]) -> String {
    let all = blocks.iter().flat_map(|block| block.text.chars());
    all.filter(|character| !character.is_whitespace()).collect()
}

/// A safe name for an attachment, without folders.
fn attachment_name(given: &str) -> String {
    safe_name(&given.replace(['/', '\\'], "_"))
}
