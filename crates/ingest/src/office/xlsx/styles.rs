//! Which format does a style of a workbook give to numbers?

use std::collections::HashMap;

use intramuros_core::document::ExtractError;

use crate::office::numbers::{self, Format};
use crate::office::xml::{Node, Xml};

/// The formats of the cells of a workbook, by the index that cells name.
#[derive(Default)]
pub struct Styles {
    formats: Vec<Format>,
}

impl Styles {
    /// Reads the styles part.
    ///
    /// # Errors
    /// When the XML is broken or over a limit.
    pub fn read(mut xml: Xml<'_>) -> Result<Styles, ExtractError> {
        let mut declared: HashMap<u32, Format> = HashMap::new();
        let mut styles = Styles::default();
        while let Some(node) = xml.next()? {
            let Node::Open(tag) = node else { continue };
            let id = || tag.attribute("numFmtId").and_then(|id| id.parse::<u32>().ok()).unwrap_or_default();
            match tag.local() {
                "numFmt" => {
                    let code = tag.attribute("formatCode").unwrap_or_default();
                    declared.insert(id(), numbers::parse(&code));
                }
                "cellXfs" => {
                    let depth = xml.depth();
                    while let Some(node) = xml.next_in(depth)? {
                        let Node::Open(tag) = node else { continue };
                        if tag.local() != "xf" {
                            continue;
                        }
                        let id = tag.attribute("numFmtId").and_then(|id| id.parse().ok()).unwrap_or_default();
                        let format = declared.get(&id).cloned();
                        styles.formats.push(format.unwrap_or_else(|| numbers::built_in(id)));
                    }
                }
                // Formats that apply under conditions, and styles that cells don't name.
                "dxfs" | "cellStyleXfs" => xml.skip()?,
                _ => {}
            }
        }
        Ok(styles)
    }

    /// The format of a cell with this style.
    pub fn format(&self, style: usize) -> &Format {
        self.formats.get(style).unwrap_or(&Format::General)
    }
}
