//! What text is in these bytes, and where?
//!
//! One module per format, each a pure function from bytes to [`Extracted`] under a [`Budget`]. [`extract`] finds the
//! format by content and calls the right one; the worker (`worker`) runs it in a process that can be stopped.

pub mod archive;
pub mod book;
pub mod budget;
pub mod chat;
pub mod format;
pub mod image;
pub mod mail;
pub mod ocr;
pub mod office;
pub mod passages;
pub mod pdf;
pub mod render;
pub mod text;
mod title;
pub mod worker;

use intramuros_core::document::{ExtractError, Extracted, Limits};

pub use budget::Budget;
pub use format::Format;
pub use ocr::Ocr;
pub use worker::{Extractor, Pool};

/// Reads one file. `name` is its file name (used only where the content does not decide: CSV, Markdown, code).
///
/// # Errors
/// The reason why nothing could be read; a file whose parts fail on their own is not an error.
pub fn extract(name: &str, bytes: &[u8], limits: &Limits) -> Result<Extracted, ExtractError> {
    check_size(bytes, limits)?;
    let spent = budget::Spent::default();
    extract_within(name, bytes, &Budget::new(limits, &spent))
}

/// Whether a file is small enough to be read.
pub(crate) fn check_size(bytes: &[u8], limits: &Limits) -> Result<(), ExtractError> {
    if bytes.len() as u64 > limits.file_bytes {
        let most = limits.file_bytes;
        return Err(ExtractError::Limit(format!(
            "{} bytes; at most {most} are read from one file",
            bytes.len()
        )));
    }
    Ok(())
}

/// Reads a file that stands inside another, on the same budget, one level deeper. Containers call it per member.
///
/// # Errors
/// As [`extract`].
pub fn extract_part(name: &str, bytes: &[u8], budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    extract_within(name, bytes, &budget.deeper()?)
}

fn extract_within(name: &str, bytes: &[u8], budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    let format = Format::of(name, bytes)?;
    let mut extracted = format::read(format, name, bytes, budget)?;
    title::settle(format, name, &mut extracted);
    Ok(extracted)
}
