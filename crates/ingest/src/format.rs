//! Which format are these bytes, and who reads it?
//!
//! Content decides; the name only tells apart what looks alike (CSV, Markdown, source code, settings). A binary file
//! is never taken for text, and a file that calls itself an office document but holds a line of text is called
//! corrupt rather than read as something else.

mod binary;
mod textual;

use intramuros_core::document::{ExtractError, Extracted};

use crate::{Budget, archive, book, chat, image, mail, office, pdf, text};

/// A format that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// PDF.
    Pdf,
    /// Word processing, Office Open XML.
    Docx,
    /// Presentation, Office Open XML.
    Pptx,
    /// Workbook, Office Open XML (also the binary XLSB).
    Xlsx,
    /// Word processing, OpenDocument.
    Odt,
    /// Workbook, OpenDocument.
    Ods,
    /// Presentation, OpenDocument.
    Odp,
    /// Rich Text Format.
    Rtf,
    /// Compound file: DOC, XLS, PPT, or an encrypted Office Open XML file.
    Ole,
    /// Outlook message.
    Msg,
    /// A file or a mail inside a signature.
    Signed,
    /// Mail message.
    Eml,
    /// Mailbox.
    Mbox,
    /// Electronic book.
    Epub,
    /// HTML and XHTML.
    Html,
    /// Other XML.
    Xml,
    /// Markdown.
    Markdown,
    /// Comma- or tab-separated values.
    Csv,
    /// JSON and JSON Lines.
    Json,
    /// YAML, TOML, INI and properties.
    Keyed,
    /// Jupyter notebook.
    Notebook,
    /// Source code.
    Code,
    /// Plain text in any encoding.
    Text,
    /// Image, read by OCR.
    Image,
    /// Slack export as a ZIP archive.
    Slack,
    /// ZIP archive.
    Zip,
    /// TAR archive.
    Tar,
    /// gzip, bzip2, xz or zstd stream.
    Compressed,
    /// 7z archive.
    SevenZip,
}

impl Format {
    /// Finds the format by content, and by name where the content does not decide.
    ///
    /// # Errors
    /// Empty when there is no byte, Corrupt when the name promises a format that the content is not, Unsupported when
    /// no reader takes these bytes.
    pub fn of(name: &str, bytes: &[u8]) -> Result<Format, ExtractError> {
        let extension = extension(name);
        if bytes.is_empty() {
            return Err(match promised(&extension) {
                Some(what) => {
                    ExtractError::Corrupt(format!("no byte in it, though its name promises {what}"))
                }
                None => ExtractError::Empty("no byte in it".to_owned()),
            });
        }
        if let Some(found) = binary::sniff(&extension, bytes) {
            return found;
        }
        textual::sniff(name, &extension, bytes)
    }
}

/// The lower-case extension of a file name, without the dot; empty when there is none.
fn extension(name: &str) -> String {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    match file.rsplit_once('.') {
        Some((_, extension)) => extension.to_ascii_lowercase(),
        None => String::new(),
    }
}

/// What kind of binary document an extension promises, in the words of an error message; none for text formats.
fn promised(extension: &str) -> Option<&'static str> {
    Some(match extension {
        "pdf" => "a PDF",
        "docx" | "docm" | "dotx" | "doc" | "dot" | "odt" | "ott" | "rtf" => "a text document",
        "pptx" | "pptm" | "ppsx" | "ppt" | "pps" | "odp" => "a presentation",
        "xlsx" | "xlsm" | "xlsb" | "xls" | "ods" => "a workbook",
        "epub" => "a book",
        "msg" => "an Outlook message",
        "zip" | "7z" | "tar" | "gz" | "tgz" | "bz2" | "xz" | "zst" | "jar" => "an archive",
        "png" | "jpg" | "jpeg" | "gif" | "tif" | "tiff" | "bmp" | "webp" => "an image",
        _ => return None,
    })
}

/// Calls the reader for a format.
///
/// # Errors
/// What the reader says.
pub fn read(
    format: Format,
    name: &str,
    bytes: &[u8],
    budget: &Budget<'_>,
) -> Result<Extracted, ExtractError> {
    match format {
        Format::Pdf => pdf::extract(name, bytes, budget),
        Format::Docx => office::docx::extract(name, bytes, budget),
        Format::Pptx => office::pptx::extract(name, bytes, budget),
        Format::Xlsx => office::xlsx::extract(name, bytes, budget),
        Format::Odt => office::odt::extract(name, bytes, budget),
        Format::Ods => office::ods::extract(name, bytes, budget),
        Format::Odp => office::odp::extract(name, bytes, budget),
        Format::Rtf => office::rtf::extract(name, bytes, budget),
        Format::Ole => office::ole::extract(name, bytes, budget),
        Format::Msg => mail::msg::extract(name, bytes, budget),
        Format::Signed => mail::signed::extract(name, bytes, budget),
        Format::Eml => mail::eml::extract(name, bytes, budget),
        Format::Mbox => mail::mbox::extract(name, bytes, budget),
        Format::Epub => book::epub::extract(name, bytes, budget),
        Format::Html => text::html::extract(name, bytes, budget),
        Format::Xml => text::xml::extract(name, bytes, budget),
        Format::Markdown => text::markdown::extract(name, bytes, budget),
        Format::Csv => text::csv::extract(name, bytes, budget),
        Format::Json => text::json::extract(name, bytes, budget),
        Format::Keyed => text::keyed::extract(name, bytes, budget),
        Format::Notebook => text::notebook::extract(name, bytes, budget),
        Format::Code => text::code::extract(name, bytes, budget),
        Format::Text => text::plain::extract(name, bytes, budget),
        Format::Image => image::extract(name, bytes, budget),
        Format::Slack => chat::slack::extract(name, bytes, budget),
        Format::Zip => archive::zip::extract(name, bytes, budget),
        Format::Tar => archive::tar::extract(name, bytes, budget),
        Format::Compressed => archive::gz::extract(name, bytes, budget),
        Format::SevenZip => archive::sevenz::extract(name, bytes, budget),
    }
}
