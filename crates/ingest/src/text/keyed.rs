//! What is in this YAML, TOML or INI file, and at which path and line?

use intramuros_core::document::{ExtractError, Extracted};

use crate::Budget;

/// Reads YAML, TOML, INI and properties files; which one is decided by name, then by content.
///
/// # Errors
/// When the bytes are not this format, or a limit is reached.
pub fn extract(_name: &str, _bytes: &[u8], _budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    Err(ExtractError::Unsupported("no reader yet".to_owned()))
}
