//! How is what was read from a file shown to a person, as text?

use intramuros_core::document::Extracted;

/// Shows what was read as Markdown-like text: headings with `#`, list items with `-`, table cells between `|`, pages
/// as `--- page 3 ---`. It is what `intramuros extract FILE` prints.
pub fn render(extracted: &Extracted) -> String {
    extracted.text()
}
