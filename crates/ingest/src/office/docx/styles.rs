//! Which paragraphs are headings, and which are items of a list, by their style?

use std::collections::HashMap;

use intramuros_core::document::ExtractError;
use intramuros_core::language::Language;

use crate::office::xml::{Node, Xml};

/// Styles build on one another; a longer chain is a loop.
const CHAIN: usize = 16;

/// Names of heading styles in the languages whose programs write them, without the level. Word itself keeps the
/// English name whatever its language; others don't, and style identifiers are localised everywhere.
const HEADING_NAMES: [&str; 16] = [
    "heading",
    "titre",
    "überschrift",
    "berschrift",
    "título",
    "titulo",
    "ttulo",
    "titolo",
    "kop",
    "rubrik",
    "nagłówek",
    "overskrift",
    "otsikko",
    "заголовок",
    "标题",
    "見出し",
];

/// Names of the style of a document's own title.
const TITLE_NAMES: [&str; 9] =
    ["title", "titre", "titel", "título", "titulo", "ttulo", "titolo", "titre principal", "document title"];

/// Names of styles that some programs build on the title's, and that are no headings.
const BELOW_TITLE: [&str; 5] = ["subtitle", "sous-titre", "author", "auteur", "date"];

/// The outline level that means body text, though the style builds on a heading.
const BODY_LEVEL: u8 = 9;

/// What a style says about a paragraph.
#[derive(Clone, Debug, Default)]
struct Style {
    name: String,
    based_on: Option<String>,
    outline: Option<u8>,
    number: Option<String>,
    depth: Option<u8>,
}

/// The paragraph styles of a document.
#[derive(Debug, Default)]
pub struct Styles {
    by_id: HashMap<String, Style>,
    default: Option<String>,
}

impl Styles {
    /// Reads the styles part. The language of the document's defaults goes to `language` if nothing is there yet.
    ///
    /// # Errors
    /// When the XML is broken or over a limit.
    pub fn read(mut xml: Xml<'_>, language: &mut Option<Language>) -> Result<Styles, ExtractError> {
        let mut styles = Styles::default();
        while let Some(node) = xml.next()? {
            let Node::Open(tag) = node else { continue };
            match tag.local() {
                "lang" if language.is_none() => {
                    *language = tag.attribute("val").map(|tag| Language::from_code(&tag))
                }
                "style" if tag.attribute("type").is_none_or(|kind| kind == "paragraph") => {
                    let id = tag.attribute("styleId").unwrap_or_default().into_owned();
                    if tag.flag("default") {
                        styles.default = Some(id.clone());
                    }
                    let style = read_style(&mut xml)?;
                    styles.by_id.insert(id, style);
                }
                "style" | "latentStyles" => xml.skip()?,
                _ => {}
            }
        }
        Ok(styles)
    }

    /// The level of the heading that a style makes, 1 to 6; none for other text.
    pub fn heading(&self, id: &str) -> Option<u8> {
        let chain = self.chain(id);
        if chain.is_empty() {
            return heading_level(id);
        }
        for style in chain {
            if BELOW_TITLE.contains(&style.name.to_lowercase().as_str()) {
                return None;
            }
            if let Some(level) = heading_level(&style.name) {
                return Some(level);
            }
            match style.outline {
                Some(BODY_LEVEL..) => return None,
                Some(outline) => return Some((outline + 1).min(6)),
                None => {}
            }
        }
        None
    }

    /// The list that a style belongs to: number of the list and depth.
    pub fn list(&self, id: &str) -> Option<(String, u8)> {
        let chain = self.chain(id);
        let number = chain.iter().find_map(|style| style.number.clone())?;
        let depth = chain.iter().find_map(|style| style.depth).unwrap_or_default();
        Some((number, depth))
    }

    /// The style of paragraphs that name none.
    pub fn default_style(&self) -> Option<&str> {
        self.default.as_deref()
    }

    fn chain(&self, id: &str) -> Vec<&Style> {
        let mut chain = Vec::new();
        let mut next = self.by_id.get(id);
        while let Some(style) = next {
            chain.push(style);
            if chain.len() >= CHAIN {
                break;
            }
            next = style.based_on.as_ref().and_then(|id| self.by_id.get(id));
        }
        chain
    }
}

fn read_style(xml: &mut Xml<'_>) -> Result<Style, ExtractError> {
    let depth = xml.depth();
    let mut style = Style::default();
    while let Some(node) = xml.next_in(depth)? {
        let Node::Open(tag) = node else { continue };
        let value = || tag.attribute("val").unwrap_or_default();
        match tag.local() {
            "name" => style.name = value().into_owned(),
            "basedOn" => style.based_on = Some(value().into_owned()),
            "outlineLvl" => style.outline = value().parse().ok(),
            "numId" => style.number = Some(value().into_owned()),
            "ilvl" => style.depth = value().parse().ok(),
            "rPr" => xml.skip()?,
            _ => {}
        }
    }
    Ok(style)
}

/// The level that a style's name or identifier gives: `heading 2`, `Titre2`, `Überschrift 2`; the title is level 1.
pub fn heading_level(name: &str) -> Option<u8> {
    let name = name.trim().to_lowercase();
    if TITLE_NAMES.contains(&name.as_str()) {
        return Some(1);
    }
    let digit = name.chars().last()?.to_digit(10)?;
    let word = name.get(..name.len() - 1)?.trim_end_matches([' ', '_', '-']);
    let known = HEADING_NAMES.contains(&word);
    (known && (1..=9).contains(&digit)).then(|| u8::try_from(digit).unwrap_or(6).min(6))
}

#[cfg(test)]
mod tests {
    use super::heading_level;

    #[test]
    fn heading_names_in_several_languages() {
        for (name, expected) in [
            ("heading 1", Some(1)),
            ("Heading3", Some(3)),
            ("Titre 2", Some(2)),
            ("Titre2", Some(2)),
            ("Überschrift 4", Some(4)),
            ("Titre", Some(1)),
            ("heading 9", Some(6)),
            ("Normal", None),
            ("List Paragraph", None),
            ("toc 1", None),
            ("", None),
        ] {
            assert_eq!(heading_level(name), expected, "{name}");
        }
    }
}
