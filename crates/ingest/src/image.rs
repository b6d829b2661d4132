//! Which pictures of text are these bytes?

use intramuros_core::document::{ExtractError, Extracted, Kind, Picture};

use crate::Budget;

/// Hands an image file to OCR, as it is.
///
/// # Errors
/// When the image is damaged or larger than OCR may be given.
pub fn extract(_name: &str, bytes: &[u8], _budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    Ok(Extracted {
        kind: Some(Kind::Image),
        pictures: vec![Picture { page: None, bytes: bytes.to_vec() }],
        ..Extracted::default()
    })
}
