//! What does a PDF hold beside its pages: remarks, form fields, attached files?

use hayro::hayro_syntax::Pdf;
use hayro::hayro_syntax::object::{Array, Dict, MaybeRef, Name, Object, Stream, String as PdfString};
use hayro::hayro_syntax::page::Page;
use hayro::hayro_syntax::xref::XRef;
use intramuros_core::document::{BlockKind, ExtractError, Part, Place};
use quick_xml::Reader;
use quick_xml::events::Event;

use super::info::{root, text};
use crate::Budget;
use crate::text::writer::{Writer, safe_name};

/// Remarks and fields on one page. Reviews of long texts have some hundreds on a page.
const ANNOTATIONS: usize = 5_000;

/// How deep trees of fields and names are followed; real ones have three levels.
const TREE_DEPTH: u32 = 24;

/// Values taken from an XFA form.
const FORM_VALUES: usize = 20_000;

/// Remarks and filled fields of a page, but for those whose text the page shows already.
///
/// # Errors
/// When there is more text than allowed.
pub(super) fn annotations(
    page: &Page<'_>,
    shown: &str,
    place: &Place,
    writer: &mut Writer<'_>,
) -> Result<(), ExtractError> {
    let Some(list) = page.raw().get::<Array<'_>>(b"Annots") else { return Ok(()) };
    let shown = squeezed(shown);
    for annotation in dicts(&list, page.xref()).take(ANNOTATIONS) {
        let Some(kind) = annotation.get::<Name<'_>>(b"Subtype") else { continue };
        match kind.as_str() {
            "Widget" => field(&annotation, &shown, place, writer)?,
            // Links say where they lead, pop-ups repeat their remark.
            "Link" | "Popup" | "Screen" | "Movie" | "Sound" | "TrapNet" | "PrinterMark" | "Watermark" => {}
            _ => remark(&annotation, &shown, place, writer)?,
        }
    }
    Ok(())
}

/// The dictionaries of a list. What it names and the file doesn't hold (a remark that was taken away) is passed over.
fn dicts<'a>(list: &Array<'a>, xref: &'a XRef) -> impl Iterator<Item = Dict<'a>> {
    list.raw_iter().filter_map(move |item| match item {
        MaybeRef::Ref(place) => xref.get::<Dict<'a>>(place.into()),
        MaybeRef::NotRef(object) => object.into_dict(),
    })
}

fn squeezed(text: &str) -> String {
    text.chars().filter(|character| !character.is_whitespace()).collect()
}

fn string(dict: &Dict<'_>, key: &[u8]) -> Option<String> {
    dict.get::<PdfString<'_>>(key).map(|value| text(value.as_bytes()))
}

fn remark(
    annotation: &Dict<'_>,
    shown: &str,
    place: &Place,
    writer: &mut Writer<'_>,
) -> Result<(), ExtractError> {
    let Some(contents) = string(annotation, b"Contents") else { return Ok(()) };
    let said = squeezed(&contents);
    if said.is_empty() || shown.contains(&said) {
        return Ok(());
    }
    let remark = match string(annotation, b"T").filter(|author| !author.trim().is_empty()) {
        Some(author) => format!("{}: {contents}", author.trim()),
        None => contents,
    };
    writer.block(BlockKind::Comment, &remark, place.clone())
}

fn field(widget: &Dict<'_>, shown: &str, place: &Place, writer: &mut Writer<'_>) -> Result<(), ExtractError> {
    let (mut names, mut value, mut kind, mut options) = (Vec::new(), None, None, None);
    let mut node = Some(widget.clone());
    for _ in 0..TREE_DEPTH {
        let Some(dict) = node else { break };
        names.extend(string(&dict, b"TU").or_else(|| string(&dict, b"T")));
        value = value.or_else(|| field_value(&dict));
        options = options.or_else(|| dict.get::<Array<'_>>(b"Opt"));
        kind = kind.or_else(|| dict.get::<Name<'_>>(b"FT").map(|name| name.as_str().to_owned()));
        node = dict.get::<Dict<'_>>(b"Parent");
    }
    names.reverse();
    let name = names.join(" ");
    if kind.as_deref() == Some("Btn") {
        // Each button of a group says for itself whether it is the one.
        let state = widget.get::<Name<'_>>(b"AS").map(|state| text(&state)).or_else(|| value?.pop());
        return button(&name, state.as_deref().unwrap_or("Off"), options.as_ref(), place, writer);
    }
    let says = |value: &String| {
        options.as_ref().and_then(|list| choice(list, value)).unwrap_or_else(|| value.clone())
    };
    let value = value.unwrap_or_default().iter().map(says).collect::<Vec<_>>().join(", ");
    if kind.as_deref() == Some("Sig") || value.trim().is_empty() || shown.contains(&squeezed(&value)) {
        return Ok(());
    }
    writer.field(&name, &value, place.clone())
}

/// A button that is on: its name, and what it stands for when that says more than yes.
fn button(
    name: &str,
    state: &str,
    options: Option<&Array<'_>>,
    place: &Place,
    writer: &mut Writer<'_>,
) -> Result<(), ExtractError> {
    let number = state.parse::<usize>().ok();
    let said = number.and_then(|number| options?.iter::<PdfString<'_>>().nth(number));
    let said = said.map_or(state.to_owned(), |said| text(said.as_bytes()));
    match said.trim().to_lowercase().as_str() {
        "off" => Ok(()),
        "" | "yes" | "on" | "oui" | "x" | "true" | "vrai" | "checked" => {
            writer.field("", name, place.clone())
        }
        // Numbered by a program.
        plain if plain.bytes().all(|byte| byte.is_ascii_digit()) => writer.field("", name, place.clone()),
        _ => writer.field(name, &said, place.clone()),
    }
}

/// What people see for a chosen value: lists may keep a code for each.
fn choice(list: &Array<'_>, value: &str) -> Option<String> {
    for option in list.iter::<Object<'_>>().take(FORM_VALUES) {
        let Object::Array(pair) = option else { continue };
        let mut parts = pair.iter::<PdfString<'_>>().map(|part| text(part.as_bytes()));
        if parts.next().is_some_and(|code| code == value) {
            return parts.next();
        }
    }
    None
}

fn field_value(dict: &Dict<'_>) -> Option<Vec<String>> {
    match dict.get::<Object<'_>>(b"V")? {
        Object::String(value) => Some(vec![text(value.as_bytes())]),
        Object::Name(value) => Some(vec![text(&value)]),
        Object::Stream(value) => value.decoded().ok().map(|bytes| vec![text(&bytes)]),
        Object::Array(values) => {
            Some(values.iter::<PdfString<'_>>().map(|value| text(value.as_bytes())).collect())
        }
        _ => None,
    }
}

/// The values of an XFA form, whose pages are only drawn by programs that know it; none when there is no such form.
///
/// # Errors
/// Corrupt when there is such a form and it isn't well-formed; Limit when there is too much text.
pub(super) fn xfa(pdf: &Pdf, budget: &Budget<'_>, writer: &mut Writer<'_>) -> Result<bool, ExtractError> {
    let Some(packets) = root(pdf).get::<Dict<'_>>(b"AcroForm").and_then(|form| xfa_packets(&form)) else {
        return Ok(false);
    };
    budget.spend_unpacked(packets.len() as u64)?;
    let packets = String::from_utf8_lossy(&packets);
    let mut reader = Reader::from_str(&packets);
    // A value is whole at its element's end: entities cut it into pieces.
    let (mut path, mut value, mut values): (Vec<String>, String, usize) = (Vec::new(), String::new(), 0);
    loop {
        match reader.read_event() {
            Ok(Event::Start(element)) => {
                value.clear();
                path.push(element.local_name().as_ref().to_owned());
            }
            Ok(Event::Text(text)) => value.push_str(&text),
            Ok(Event::CData(text)) => value.push_str(&text),
            Ok(Event::GeneralRef(entity)) => match entity.resolve_char_ref() {
                Ok(Some(character)) => value.push(character),
                _ => value.push_str(quick_xml::escape::resolve_predefined_entity(&entity).unwrap_or(" ")),
            },
            Ok(Event::End(_)) => {
                let inside = path.iter().any(|name| name == "datasets");
                let name = path.pop().unwrap_or_default();
                if inside && values < FORM_VALUES && !value.trim().is_empty() {
                    values += 1;
                    writer.field(&name, &value, Place::default())?;
                }
                value.clear();
            }
            Ok(Event::Eof) if path.is_empty() => return Ok(true),
            Ok(Event::Eof) | Err(_) => {
                return Err(ExtractError::Corrupt("its form (XFA) isn't well-formed".to_owned()));
            }
            Ok(_) => {}
        }
        if path.len() > budget.limits.nesting as usize {
            return Err(ExtractError::Limit(format!(
                "a form nested more than {} deep",
                budget.limits.nesting
            )));
        }
    }
}

fn xfa_packets(form: &Dict<'_>) -> Option<Vec<u8>> {
    match form.get::<Object<'_>>(b"XFA")? {
        Object::Stream(whole) => whole.decoded().ok().map(|bytes| bytes.into_owned()),
        // Names and streams in turn; together the streams are one XML file.
        Object::Array(parts) => {
            let mut out = Vec::new();
            for part in parts.iter::<Object<'_>>().filter_map(Object::into_stream) {
                out.extend_from_slice(&part.decoded().ok()?);
            }
            Some(out)
        }
        _ => None,
    }
}

/// Reads the files attached to a document, each as a part of its own.
///
/// # Errors
/// When there are too many or they are too large.
pub(super) fn attachments(
    pdf: &Pdf,
    budget: &Budget<'_>,
    writer: &mut Writer<'_>,
) -> Result<(), ExtractError> {
    let tree = root(pdf).get::<Dict<'_>>(b"Names").and_then(|names| names.get::<Dict<'_>>(b"EmbeddedFiles"));
    let mut files = Vec::new();
    if let Some(tree) = tree {
        names(&tree, 0, &mut files, budget);
    }
    for page in pdf.pages().iter() {
        let Some(list) = page.raw().get::<Array<'_>>(b"Annots") else { continue };
        let attached = |annotation: &Dict<'_>| {
            annotation.get::<Name<'_>>(b"Subtype").is_some_and(|kind| kind.as_str() == "FileAttachment")
        };
        files.extend(
            dicts(&list, page.xref())
                .take(ANNOTATIONS)
                .filter(attached)
                .filter_map(|annotation| annotation.get(b"FS")),
        );
    }
    for file in files {
        budget.count_member()?;
        let name = string(&file, b"UF").or_else(|| string(&file, b"F")).unwrap_or_default();
        // How Acrobat Distiller was set when it made the file: nobody wrote that.
        if name.to_lowercase().ends_with(".joboptions") {
            continue;
        }
        let name = safe_name(&name);
        let outcome = attached(&file, &name, budget);
        // What the file shares its limits with ends the whole.
        if let Err(ExtractError::Limit(reason)) = &outcome {
            writer.warn(format!("{name}: {reason}"));
        }
        writer.document().parts.push(Part::new(name, outcome));
    }
    Ok(())
}

fn attached(
    file: &Dict<'_>,
    name: &str,
    budget: &Budget<'_>,
) -> Result<intramuros_core::document::Extracted, ExtractError> {
    let streams = file.get::<Dict<'_>>(b"EF");
    let stream = streams
        .and_then(|streams| streams.get::<Stream<'_>>(b"UF").or_else(|| streams.get::<Stream<'_>>(b"F")));
    let stream = stream.ok_or_else(|| ExtractError::Unreadable("named but not in the file".to_owned()))?;
    let bytes =
        stream.decoded().map_err(|_| ExtractError::Corrupt("the attached file is damaged".to_owned()))?;
    budget.spend_unpacked(bytes.len() as u64)?;
    crate::extract_part(name, &bytes, budget)
}

/// Collects the file descriptions of a name tree.
fn names<'a>(node: &Dict<'a>, depth: u32, out: &mut Vec<Dict<'a>>, budget: &Budget<'_>) {
    if depth > TREE_DEPTH || out.len() > budget.limits.members as usize {
        return;
    }
    if let Some(pairs) = node.get::<Array<'a>>(b"Names") {
        out.extend(pairs.iter::<Object<'a>>().filter_map(Object::into_dict));
    }
    if let Some(kids) = node.get::<Array<'a>>(b"Kids") {
        for kid in kids.iter::<Dict<'a>>().take(budget.limits.members as usize) {
            names(&kid, depth + 1, out, budget);
        }
    }
}
