//! What does this web page say, without its decoration?
//!
//! `tree` builds the page's elements, forgiving what browsers forgive; `main_part` finds what is content rather than
//! navigation; `walk` turns it into blocks. None of them recurses, so that deep nesting cannot overflow the stack.

mod main_part;
mod table;
mod tree;
mod walk;

use std::collections::HashMap;

use intramuros_core::document::{ExtractError, Extracted, Kind, Place};
use intramuros_core::language::Language;

use self::tree::Tree;
use super::writer::Writer;
use super::{date, encoding, xml};
use crate::Budget;

/// Bytes in which a page names its encoding: browsers look at the first 1,024.
const HEAD_BYTES: usize = 4096;

/// Reads HTML and XHTML.
///
/// # Errors
/// When the bytes are not text, or a limit is reached.
pub fn extract(_name: &str, bytes: &[u8], budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    let text = decode(bytes)?;
    let mut writer = Writer::new(Kind::Html, budget);
    write(&text, &Place::default(), &mut writer, budget)?;
    writer.finish()
}

/// The characters of a page: by its mark, by what it declares, by detection.
///
/// # Errors
/// When it is not text.
pub fn decode(bytes: &[u8]) -> Result<String, ExtractError> {
    let declared = xml::declared_encoding(bytes).or_else(|| declared_encoding(bytes));
    encoding::decode(bytes, declared.as_deref())
}

/// Writes a whole page: its title, author, date and language, and the blocks of its main part, each at `place`.
///
/// # Errors
/// When a limit is reached.
pub fn write(
    text: &str,
    place: &Place,
    writer: &mut Writer<'_>,
    budget: &Budget<'_>,
) -> Result<(), ExtractError> {
    let tree = Tree::parse(text, budget)?;
    describe(&tree, writer);
    let roots = main_part::find(&tree);
    walk::write(&tree, &roots, place, None, writer)
}

/// Writes a chapter of a book. `sections` are the titles of what begins at its anchors; blocks from there on have that
/// title as their section. Nothing of it is taken for navigation.
///
/// # Errors
/// When a limit is reached.
pub fn write_chapter(
    text: &str,
    place: &Place,
    sections: &HashMap<String, String>,
    writer: &mut Writer<'_>,
    budget: &Budget<'_>,
) -> Result<(), ExtractError> {
    let tree = Tree::parse(text, budget)?;
    walk::write(&tree, &main_part::Roots::everything(), place, Some(sections), writer)
}

/// Writes a piece of HTML inside another format; nothing of it is taken for navigation.
///
/// # Errors
/// When a limit is reached.
pub fn write_fragment(
    text: &str,
    place: &Place,
    writer: &mut Writer<'_>,
    budget: &Budget<'_>,
) -> Result<(), ExtractError> {
    let tree = Tree::parse(text, budget)?;
    walk::write(&tree, &main_part::Roots::everything(), place, None, writer)
}

/// The encoding in `<meta charset="…">` or `<meta … content="text/html; charset=…">`.
fn declared_encoding(bytes: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(bytes.get(..bytes.len().min(HEAD_BYTES))?).to_ascii_lowercase();
    let mut from = 0;
    while let Some(at) = head.get(from..)?.find("<meta") {
        let tag = head.get(from + at..)?.split('>').next()?;
        if let Some((_, value)) = tag.split_once("charset") {
            let value = value.trim_start().strip_prefix('=').unwrap_or_default();
            let value = value.trim_start_matches([' ', '"', '\'']);
            let end = value.find([' ', '"', '\'', ';', '/']).unwrap_or(value.len());
            return value.get(..end).filter(|label| !label.is_empty()).map(str::to_owned);
        }
        from += at + 5;
    }
    None
}

/// Names under which pages give their author and their date, the most reliable first.
const AUTHOR_NAMES: [&str; 4] = ["author", "article:author", "dc.creator", "dcterms.creator"];
const DATE_NAMES: [&str; 9] = [
    "article:published_time",
    "dcterms.created",
    "dcterms.date",
    "dc.date",
    "date",
    "datepublished",
    "article:modified_time",
    "dcterms.modified",
    "last-modified",
];

/// Title, author, date and language, as the page's head declares them.
fn describe(tree: &Tree, writer: &mut Writer<'_>) {
    let mut metas = Vec::new();
    let mut title = None;
    for node in tree.all() {
        match tree.name(node) {
            "meta" => {
                let name = tree
                    .attribute(node, "name")
                    .or_else(|| tree.attribute(node, "property"))
                    .or_else(|| tree.attribute(node, "itemprop"));
                if let (Some(name), Some(content)) = (name, tree.attribute(node, "content")) {
                    metas.push((name.to_ascii_lowercase(), content));
                }
            }
            // An SVG's title is not the page's.
            "title" if title.is_none() && tree.parent_name(node) != "svg" => title = Some(tree.text_of(node)),
            "html" => {
                let code = tree.attribute(node, "lang").unwrap_or_default();
                if !code.is_empty() {
                    writer.document().language = Some(Language::from_code(code));
                }
            }
            _ => {}
        }
    }
    let find = |wanted: &str| metas.iter().find(|(name, _)| name == wanted).map(|(_, content)| *content);
    let shared_title = find("og:title").or_else(|| find("dc.title")).unwrap_or_default();
    writer.title(title.as_deref().unwrap_or_default());
    writer.title(shared_title);
    for name in AUTHOR_NAMES {
        writer.author(find(name).filter(|author| !author.starts_with("http")).unwrap_or_default());
    }
    if writer.document().written_ms.is_none() {
        writer.document().written_ms =
            DATE_NAMES.iter().find_map(|name| find(name).and_then(date::parse_iso));
    }
}
