//! Which tables are in this OpenDocument workbook?

use intramuros_core::document::{ExtractError, Extracted};

use crate::Budget;

/// Reads ODS and OTS.
///
/// # Errors
/// When the bytes are not this format, are encrypted, or a limit is reached.
pub fn extract(_name: &str, _bytes: &[u8], _budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    Err(ExtractError::Unsupported("no reader yet".to_owned()))
}
