//! Which pictures stand in an office file that has no text of its own? Only OCR can read such a file.

use intramuros_core::document::{ExtractError, Extracted, Picture};

use super::package::Package;
use crate::Budget;

/// Formats that OCR reads.
const READ_BY_OCR: [&str; 7] = [".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif"];

/// Hands the pictures of `folder` to OCR.
///
/// # Errors
/// When a picture is damaged or over a limit.
pub fn read(
    package: &Package<'_>,
    folder: &str,
    budget: &Budget<'_>,
    extracted: &mut Extracted,
) -> Result<(), ExtractError> {
    let names = package.names();
    let pictures = names.into_iter().filter(|name| {
        name.starts_with(&folder.to_lowercase()) && READ_BY_OCR.iter().any(|ending| name.ends_with(ending))
    });
    for name in pictures.take(budget.limits.pictures as usize) {
        if let Some(bytes) = package.bytes(name)? {
            extracted.pictures.push(Picture { page: None, bytes });
        }
    }
    Ok(())
}
