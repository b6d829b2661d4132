//! What do these mails say, to whom, with what attached?

pub mod eml;
pub mod mbox;
pub mod msg;
mod properties;
mod rtf_packed;

use crate::text::writer::safe_name;

/// A safe name for an attachment, without folders.
fn attachment_name(given: &str) -> String {
    safe_name(&given.replace(['/', '\\'], "_"))
}
