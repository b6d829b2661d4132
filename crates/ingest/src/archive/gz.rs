//! What is in this compressed stream?

use intramuros_core::document::{ExtractError, Extracted};

use crate::Budget;

/// Reads gzip, bzip2, xz and zstd streams, found by content: a tar inside is read as an archive, else one document.
///
/// # Errors
/// When the bytes are not this format, or a limit is reached.
pub fn extract(_name: &str, _bytes: &[u8], _budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    Err(ExtractError::Unsupported("no reader yet".to_owned()))
}
