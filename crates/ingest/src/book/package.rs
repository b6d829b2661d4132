//! What does a book say about itself: title, authors, chapters in their order, table of contents?

use std::collections::HashMap;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// What the package file of a book lists.
#[derive(Debug, Default)]
pub struct Package {
    pub title: String,
    pub authors: Vec<String>,
    pub language: String,
    pub date: String,
    /// Paths of the chapters in reading order.
    pub spine: Vec<String>,
    /// Path of the table of contents (EPUB 3).
    pub navigation: Option<String>,
    /// Path of the table of contents (EPUB 2).
    pub old_navigation: Option<String>,
    /// Whether pictures are among the files.
    pub has_pictures: bool,
}

/// One file that a package lists.
struct Item {
    path: String,
    kind: String,
    properties: String,
}

impl Package {
    /// Reads the package file that stands at `path` in the book. Damage ends the reading; what was read is kept.
    pub fn read(text: &str, path: &str) -> Package {
        let mut package = Package::default();
        let mut items: HashMap<String, Item> = HashMap::new();
        let mut spine: Vec<String> = Vec::new();
        let mut toc = String::new();
        for element in elements(text) {
            let get = |name: &str| element.attributes.get(name).cloned().unwrap_or_default();
            match element.name.as_str() {
                "title" if package.title.is_empty() => package.title = element.text,
                "creator" => package.authors.push(element.text),
                "language" if package.language.is_empty() => package.language = element.text,
                "date" if package.date.is_empty() => package.date = element.text,
                "item" => {
                    let item = Item {
                        path: resolve(path, &get("href")),
                        kind: get("media-type"),
                        properties: get("properties"),
                    };
                    package.has_pictures |= item.kind.starts_with("image/");
                    items.insert(get("id"), item);
                }
                "itemref" => spine.push(get("idref")),
                "spine" => toc = get("toc"),
                _ => {}
            }
        }
        for item in items.values() {
            if item.properties.split_whitespace().any(|property| property == "nav") {
                package.navigation = Some(item.path.clone());
            }
        }
        let by_kind = || items.values().find(|item| item.kind == "application/x-dtbncx+xml");
        package.old_navigation = items.get(&toc).or_else(by_kind).map(|item| item.path.clone());
        let chapters = spine.iter().filter_map(|id| items.get(id)).map(|item| item.path.clone());
        // The table of contents repeats the headings.
        package.spine = chapters.filter(|path| Some(path) != package.navigation.as_ref()).collect();
        package
    }
}

/// The path of the package file, from `META-INF/container.xml`.
pub fn root_file(container: &str) -> Option<String> {
    attributes(container, "rootfile", "full-path").into_iter().next()
}

/// The values of an attribute of all elements of a name.
pub fn attributes(text: &str, element: &str, attribute: &str) -> Vec<String> {
    elements(text)
        .into_iter()
        .filter(|found| found.name == element)
        .filter_map(|mut found| found.attributes.remove(attribute))
        .collect()
}

/// Targets and titles in an EPUB 3 table of contents, which is a page of links. Its landmarks (`frontmatter`) are no
/// titles.
pub fn navigation_links(text: &str) -> Vec<(String, String)> {
    let contents = text.split("<nav").skip(1).find(|nav| {
        let tag = nav.split('>').next().unwrap_or_default();
        tag.contains("\"toc\"") || tag.contains("'toc'")
    });
    let links = match contents {
        Some(contents) => format!("<nav{}</nav>", contents.split("</nav").next().unwrap_or_default()),
        None => text.to_owned(),
    };
    elements(&links)
        .into_iter()
        .filter(|element| element.name == "a")
        .filter_map(|mut element| Some((element.attributes.remove("href")?, element.text)))
        .collect()
}

/// Targets and titles in an EPUB 2 table of contents.
pub fn old_navigation_links(text: &str) -> Vec<(String, String)> {
    let mut links = Vec::new();
    let mut title = String::new();
    for mut element in elements(text) {
        match element.name.as_str() {
            "text" => title = element.text,
            "content" => links.extend(element.attributes.remove("src").map(|src| (src, title.clone()))),
            _ => {}
        }
    }
    links
}

/// The path that a reference in the file at `base` means, without its anchor; `%20` and the like are decoded.
pub fn resolve(base: &str, reference: &str) -> String {
    let reference = reference.split('#').next().unwrap_or_default();
    let decoded = percent_decoded(reference);
    let folder = base.rsplit_once('/').map_or("", |(folder, _)| folder);
    let joined = match decoded.strip_prefix('/') {
        Some(absolute) => absolute.to_owned(),
        None => format!("{folder}/{decoded}"),
    };
    let mut pieces: Vec<&str> = Vec::new();
    for piece in joined.split('/') {
        match piece {
            "" | "." => {}
            ".." => {
                pieces.pop();
            }
            piece => pieces.push(piece),
        }
    }
    pieces.join("/")
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// An element with its attributes and the text directly inside it.
struct Element {
    name: String,
    attributes: HashMap<String, String>,
    text: String,
}

/// The elements of an XML text, in the order in which they begin. Names are without their prefix.
fn elements(text: &str) -> Vec<Element> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = false;
    reader.config_mut().allow_unmatched_ends = true;
    let mut found: Vec<Element> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    loop {
        match reader.read_event() {
            Err(_) | Ok(Event::Eof) => return found,
            Ok(Event::Start(tag)) => {
                open.push(found.len());
                found.push(element(&tag));
            }
            Ok(Event::Empty(tag)) => found.push(element(&tag)),
            Ok(Event::End(_)) => {
                let Some(inner) = open.pop() else { continue };
                let name = found.get(inner).map(|element| element.name.clone()).unwrap_or_default();
                // Marks inside a link or a title belong to its text.
                if matches!(name.as_str(), "span" | "em" | "i" | "b" | "strong" | "sup" | "sub") {
                    let text = found.get(inner).map(|element| element.text.clone()).unwrap_or_default();
                    append(&mut found, open.last(), &text);
                }
            }
            Ok(Event::Text(text)) => append(&mut found, open.last(), &text),
            Ok(Event::CData(text)) => append(&mut found, open.last(), &text),
            Ok(Event::GeneralRef(entity)) => {
                let text = match entity.resolve_char_ref() {
                    Ok(Some(character)) => character.to_string(),
                    _ => quick_xml::escape::resolve_predefined_entity(&entity).unwrap_or(" ").to_owned(),
                };
                append(&mut found, open.last(), &text);
            }
            Ok(_) => {}
        }
    }
}

fn append(found: &mut [Element], index: Option<&usize>, text: &str) {
    if let Some(element) = index.and_then(|index| found.get_mut(*index)) {
        element.text.push_str(text);
    }
}

fn element(tag: &BytesStart<'_>) -> Element {
    let mut attributes = HashMap::new();
    for attribute in tag.attributes().with_checks(false).filter_map(Result::ok) {
        let raw = attribute.value.clone().into_owned();
        let value = quick_xml::escape::unescape(&raw).map_or(raw.clone(), std::borrow::Cow::into_owned);
        attributes.insert(attribute.key.local_name().as_ref().to_owned(), value);
    }
    Element { name: tag.local_name().as_ref().to_owned(), attributes, text: String::new() }
}
