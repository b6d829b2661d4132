//! Which conversations are in this Slack export?

use intramuros_core::document::{ExtractError, Extracted};

use crate::Budget;

/// Reads a Slack export packed as ZIP.
///
/// # Errors
/// When the bytes are not this format, or a limit is reached.
pub fn extract(_name: &str, _bytes: &[u8], _budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    Err(ExtractError::Unsupported("no reader yet".to_owned()))
}

/// Whether these are the files of a Slack export.
pub fn is_export<'a>(_names: impl Iterator<Item = &'a str>) -> bool {
    false
}
