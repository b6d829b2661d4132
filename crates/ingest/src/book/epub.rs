//! What is in this electronic book, chapter by chapter?

use intramuros_core::document::{ExtractError, Extracted};

use crate::Budget;

/// Reads EPUB 2 and 3.
///
/// # Errors
/// When the bytes are not this format, or a limit is reached.
pub fn extract(_name: &str, _bytes: &[u8], _budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    Err(ExtractError::Unsupported("no reader yet".to_owned()))
}
