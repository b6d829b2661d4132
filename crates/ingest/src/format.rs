//! Which format are these bytes, and who reads it?

use intramuros_core::document::{ExtractError, Extracted};

use crate::Budget;

/// A format that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Plain text in any encoding.
    Text,
}

impl Format {
    /// Finds the format by content, and by name where the content does not decide.
    ///
    /// # Errors
    /// When no reader takes these bytes.
    pub fn of(_name: &str, _bytes: &[u8]) -> Result<Format, ExtractError> {
        Ok(Format::Text)
    }
}

/// Calls the reader for a format.
///
/// # Errors
/// What the reader says.
pub fn read(_format: Format, _name: &str, _bytes: &[u8], _budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    Err(ExtractError::Unsupported("no reader yet".to_owned()))
}
