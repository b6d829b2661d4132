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

use crate::text::writer::safe_name;

/// A safe name for an attachment, without folders.
fn attachment_name(given: &str) -> String {
    safe_name(&given.replace(['/', '\\'], "_"))
}
