//! What is inside this compound file, the container of the old office formats and of encrypted new ones?

use intramuros_core::document::{ExtractError, Extracted};

use crate::Budget;

/// Reads a compound file by the streams inside it: DOC, PPT, XLS, or a refusal for an encrypted OOXML file. Mail (MSG) is read elsewhere.
///
/// # Errors
/// When the bytes are not this format, are encrypted, or a limit is reached.
pub fn extract(_name: &str, _bytes: &[u8], _budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    Err(ExtractError::Unsupported("no reader yet".to_owned()))
}
