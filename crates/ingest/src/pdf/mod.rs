//! What does this PDF say, page by page?

use intramuros_core::document::{ExtractError, Extracted};

use crate::Budget;

/// Reads a PDF.
///
/// # Errors
/// When the bytes are not this format, are encrypted, or a limit is reached.
pub fn extract(_name: &str, _bytes: &[u8], _budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    Err(ExtractError::Unsupported("no reader yet".to_owned()))
}
