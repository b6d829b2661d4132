//! What do these mails say, to whom, with what attached?

pub mod eml;
pub mod mbox;
pub mod msg;
mod properties;
mod rtf_packed;

use crate::text::writer::safe_name;

/// A name for an attachment: safe, without folders, unlike those already given.
fn attachment_name<'n>(given: &str, taken: impl Iterator<Item = &'n str> + Clone) -> String {
    let name = safe_name(&given.replace(['/', '\\'], "_"));
    let mut unique = name.clone();
    let mut number = 2;
    while taken.clone().any(|other| other == unique) {
        unique = match name.rsplit_once('.') {
            Some((stem, extension)) if !stem.is_empty() => format!("{stem} ({number}).{extension}"),
            _ => format!("{name} ({number})"),
        };
        number += 1;
    }
    unique
}
