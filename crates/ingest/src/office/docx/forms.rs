//! What does a field of an old form show: a box to tick, or a list to choose from?

use intramuros_core::document::ExtractError;

use crate::office::xml::{Node, Xml};

/// Choices of one list. 100: Word allows 25.
const CHOICES: usize = 100;

/// Reads the field that has just opened; none when its text stands in runs of its own.
///
/// # Errors
/// When the XML is broken or over a limit.
pub fn read(xml: &mut Xml<'_>) -> Result<Option<String>, ExtractError> {
    let depth = xml.depth();
    let (mut ticked, mut chosen, mut usual) = (None, None, None);
    let mut choices: Vec<String> = Vec::new();
    while let Some(node) = xml.next_in(depth)? {
        let Node::Open(tag) = node else { continue };
        let value = || tag.attribute("val").unwrap_or_default();
        match tag.local() {
            "checkBox" => ticked = Some(false),
            // What the form began with, then what was made of it.
            "default" | "checked" if ticked.is_some() => ticked = Some(tag.switched_on()),
            "result" => chosen = value().parse::<usize>().ok(),
            "default" => usual = value().parse::<usize>().ok(),
            "listEntry" if choices.len() < CHOICES => choices.push(value().into_owned()),
            _ => {}
        }
    }
    Ok(match ticked {
        Some(true) => Some("☒".to_owned()),
        Some(false) => Some("☐".to_owned()),
        None => choices.into_iter().nth(chosen.or(usual).unwrap_or_default()),
    })
}
