//! What do these old slides (PPT, 97 to 2003) say?
//!
//! The file is a log of saved objects. The newest directory says where each stands; the document lists the slides in
//! order, with the text of their outline; text boxes stand in the drawing of each slide.

mod records;

use std::collections::{HashMap, HashSet};

use encoding_rs::mem::decode_latin1;
use flate2::read::ZlibDecoder;
use intramuros_core::document::{BlockKind, ExtractError, Extracted, Kind, Part};

use super::blocks::{Blocks, on_page};
use super::bytes::{u32_at, utf16};
use super::ole::{self, Ole};
use super::summary;
use super::walk::Walk;
use crate::Budget;
use records::{HEAD, Record, find, record_at, records};

const DOCUMENT: u16 = 0x03e8;
const SLIDE: u16 = 0x03ee;
const SLIDE_ATOM: u16 = 0x03ef;
const NOTES: u16 = 0x03f0;
const SLIDE_PERSIST: u16 = 0x03f3;
const SLIDE_LIST: u16 = 0x0ff0;
/// What is embedded: the list, one of it, what it says of where the file is stored, and the file.
const OBJECT_LIST: u16 = 0x0409;
const EMBEDDED: u16 = 0x0fcc;
const EMBEDDED_ATOM: u16 = 0x0fc3;
const STORED: u16 = 0x1011;
const USER_EDIT: u16 = 0x0ff5;
const OUTLINE_REF: u16 = 0x0f9e;
const TEXT_HEADER: u16 = 0x0f9f;
const TEXT_CHARS: u16 = 0x0fa0;
const TEXT_BYTES: u16 = 0x0fa8;
const PERSIST_DIRECTORY: u16 = 0x1772;
const CRYPT_SESSION: u16 = 0x2f14;
const CLIENT_TEXT: u16 = 0xf00d;

/// The token of the stream "Current User" when the file is encrypted.
const ENCRYPTED_TOKEN: u32 = 0xf3d1_c4df;

/// Saves that are followed back. More means a loop.
const EDITS: usize = 1_000;

/// Records within records. Drawings nest groups; real ones stay below 20.
const NESTING: usize = 64;

/// A text of a slide and what it is for.
#[derive(Clone)]
struct Text {
    role: u32,
    text: String,
}

/// A slide in the document's list: where it is saved, and its outline.
struct Listed {
    object: u32,
    id: u32,
    outline: Vec<Text>,
}

/// Reads PPT: each slide in order with its title as heading, its texts, and its notes as a comment.
///
/// # Errors
/// When the streams are not this format, are encrypted, or a limit is reached.
pub(super) fn extract_from(ole: &Ole<'_>, budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    let user = ole.required("Current User")?;
    if u32_at(&user, 12) == Some(ENCRYPTED_TOKEN) {
        return Err(ExtractError::Encrypted("the presentation is protected by a password".to_owned()));
    }
    let stream = ole.required("PowerPoint Document")?;
    let mut extracted = Extracted::default();
    summary::read(ole, &mut extracted)?;
    let walk = Walk::over(stream.len());
    let (objects, document) = read_directory(&user, &stream, &walk)?;
    let object = |id: u32| objects.get(&id).and_then(|&at| record_at(&stream, at));
    if objects.values().any(|&at| record_at(&stream, at).is_some_and(|record| record.kind == CRYPT_SESSION)) {
        return Err(ExtractError::Encrypted("the presentation is protected by a password".to_owned()));
    }
    let document =
        object(document).filter(|record| record.kind == DOCUMENT).ok_or_else(|| damaged("the document"))?;
    let slides = read_list(document.data, 0);
    let notes: HashMap<u32, u32> =
        read_list(document.data, 2).iter().map(|note| (note.id, note.object)).collect();
    budget.check_pages(slides.len())?;
    extracted.pages = u32::try_from(slides.len()).ok();

    let mut blocks = Blocks::new(budget);
    for (index, listed) in slides.iter().enumerate() {
        let page = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let slide = object(listed.object).filter(|record| record.kind == SLIDE);
        if slide.is_none() {
            extracted.warnings.push(format!("slide {page} is damaged; only its outline was read"));
        }
        push_slide(slide, listed, page, &walk, &mut blocks)?;
        let notes_id = slide.and_then(|slide| u32_at(find(slide.data, SLIDE_ATOM)?.data, 16));
        let notes = notes_id.and_then(|id| notes.get(&id)).and_then(|&id| object(id));
        if let Some(notes) = notes.filter(|record| record.kind == NOTES) {
            let mut texts = Vec::new();
            gather(notes.data, &[], 0, &walk, &mut texts)?;
            let texts: Vec<String> =
                texts.into_iter().filter(|text| text.role == 2).map(|text| text.text).collect();
            blocks.push(BlockKind::Comment, &texts.join("\n"), on_page(Some(page)))?;
        }
    }
    extracted.parts = read_embedded(document, &object, &walk, budget)?;
    blocks.finish(Kind::Slides, extracted)
}

/// The files of other programs that the document lists, each stored in an object of its own.
fn read_embedded<'s>(
    document: Record<'_>,
    object: &impl Fn(u32) -> Option<Record<'s>>,
    walk: &Walk,
    budget: &Budget<'_>,
) -> Result<Vec<Part>, ExtractError> {
    let list = find(document.data, OBJECT_LIST).map(|list| list.data).unwrap_or_default();
    let mut parts = Vec::new();
    for embedded in records(list).filter(|record| record.kind == EMBEDDED) {
        let id = find(embedded.data, EMBEDDED_ATOM).and_then(|atom| u32_at(atom.data, 16));
        let Some(stored) = id.and_then(object).filter(|record| record.kind == STORED) else { continue };
        budget.count_member()?;
        walk.step(HEAD + stored.data.len())?;
        let name = format!("object{}", parts.len() + 1);
        if stored.instance == 0 {
            parts.extend(ole::read_object(&name, stored.data, budget));
            continue;
        }
        // Packed: how many bytes come out, then a stream of zlib.
        let packed = stored.data.get(4..).unwrap_or_default();
        match budget.unpack(ZlibDecoder::new(packed), packed.len() as u64) {
            Ok(bytes) => parts.extend(ole::read_object(&name, &bytes, budget)),
            Err(error @ ExtractError::Limit(_)) => return Err(error),
            Err(error) => parts.push(Part::new(name, Err(error))),
        }
    }
    Ok(parts)
}

fn push_slide(
    slide: Option<Record<'_>>,
    listed: &Listed,
    page: u32,
    walk: &Walk,
    blocks: &mut Blocks<'_>,
) -> Result<(), ExtractError> {
    let mut texts = Vec::new();
    if let Some(slide) = slide {
        gather(slide.data, &listed.outline, 0, walk, &mut texts)?;
    }
    texts.extend(not_shown(&listed.outline, &texts));
    texts.sort_by_key(|text| !is_title(text.role));
    for text in texts {
        if is_title(text.role) {
            blocks.push(
                BlockKind::Heading { level: 1 },
                &text.text.replace('\r', " "),
                on_page(Some(page)),
            )?;
            continue;
        }
        let listed = matches!(text.role, 1 | 7 | 8);
        let kind = if listed { BlockKind::ListItem { depth: 0 } } else { BlockKind::Paragraph };
        for line in text.text.split('\r') {
            blocks.push(kind.clone(), line, on_page(Some(page)))?;
        }
    }
    Ok(())
}

/// Texts of the outline that no shape shows, each once.
fn not_shown(outline: &[Text], shown: &[Text]) -> Vec<Text> {
    let mut seen: HashSet<&str> = shown.iter().map(|text| text.text.as_str()).collect();
    outline.iter().filter(|text| seen.insert(&text.text)).cloned().collect()
}

fn damaged(what: &str) -> ExtractError {
    ExtractError::Corrupt(format!("{what} of the presentation is damaged"))
}

fn is_title(role: u32) -> bool {
    matches!(role, 0 | 6)
}

/// Where each object was saved last, and which one is the document.
fn read_directory(
    user: &[u8],
    stream: &[u8],
    walk: &Walk,
) -> Result<(HashMap<u32, usize>, u32), ExtractError> {
    let lost = || damaged("the directory");
    let (mut objects, mut document) = (HashMap::new(), None);
    let mut at = u32_at(user, 16);
    for _ in 0..EDITS {
        let (edit, directory) = at.and_then(|at| read_edit(stream, at)).ok_or_else(lost)?;
        document = document.or(u32_at(edit.data, 16));
        walk.step(directory.data.len())?;
        read_offsets(directory.data, &mut objects);
        at = u32_at(edit.data, 8);
        if at == Some(0) {
            break;
        }
    }
    Ok((objects, document.ok_or_else(lost)?))
}

/// What stands at this place about a save, and its directory.
fn read_edit(stream: &[u8], at: u32) -> Option<(Record<'_>, Record<'_>)> {
    let edit = record_at(stream, at as usize).filter(|record| record.kind == USER_EDIT)?;
    let directory = record_at(stream, u32_at(edit.data, 12)? as usize)?;
    (directory.kind == PERSIST_DIRECTORY).then_some((edit, directory))
}

/// Runs of objects: their first number, how many they are, and where each stands. The newest save comes first.
fn read_offsets(directory: &[u8], objects: &mut HashMap<u32, usize>) {
    let mut at = 0;
    while let Some(head) = u32_at(directory, at) {
        at += 4;
        let (first, count) = (head & 0x000f_ffff, head >> 20);
        for index in 0..count {
            let Some(offset) = u32_at(directory, at) else { return };
            at += 4;
            objects.entry(first + index).or_insert(offset as usize);
        }
    }
}

/// The slides (instance 0) or notes (instance 2) that the document lists.
fn read_list(document: &[u8], instance: u16) -> Vec<Listed> {
    let mut slides: Vec<Listed> = Vec::new();
    let lists = records(document).filter(|record| record.kind == SLIDE_LIST && record.instance == instance);
    for record in lists.flat_map(|list| records(list.data)) {
        if record.kind == SLIDE_PERSIST {
            let field = |at| u32_at(record.data, at).unwrap_or_default();
            slides.push(Listed { object: field(0), id: field(12), outline: Vec::new() });
        } else if let Some(slide) = slides.last_mut() {
            read_text(record, &mut slide.outline);
        }
    }
    slides
}

/// A header begins a text, the next record of characters says it.
fn read_text(record: Record<'_>, texts: &mut Vec<Text>) {
    match record.kind {
        TEXT_HEADER => {
            texts.push(Text { role: u32_at(record.data, 0).unwrap_or_default(), text: String::new() });
        }
        TEXT_CHARS | TEXT_BYTES => {
            if let Some(text) = texts.last_mut() {
                text.text = characters(record);
            }
        }
        _ => {}
    }
}

fn characters(record: Record<'_>) -> String {
    let text =
        if record.kind == TEXT_CHARS { utf16(record.data) } else { decode_latin1(record.data).into_owned() };
    // A star alone stands for the number of the slide or the date.
    if text.trim() == "*" { String::new() } else { text.replace('\u{b}', "\n") }
}

/// The texts of the shapes inside a record, in the order in which they are drawn.
fn gather(
    data: &[u8],
    outline: &[Text],
    depth: usize,
    walk: &Walk,
    texts: &mut Vec<Text>,
) -> Result<(), ExtractError> {
    if depth > NESTING {
        return Ok(());
    }
    for record in records(data) {
        walk.step(HEAD)?;
        if record.kind == CLIENT_TEXT {
            let mut inside = Vec::new();
            for piece in records(record.data) {
                walk.step(HEAD + piece.data.len())?;
                if piece.kind == OUTLINE_REF {
                    let index = u32_at(piece.data, 0).and_then(|index| usize::try_from(index).ok());
                    let Some(text) = index.and_then(|index| outline.get(index)) else { continue };
                    walk.step(text.text.len())?;
                    inside.push(text.clone());
                } else {
                    read_text(piece, &mut inside);
                }
            }
            texts.extend(inside.into_iter().filter(|text| !text.text.trim().is_empty()));
        } else if record.container {
            gather(record.data, outline, depth + 1, walk, texts)?;
        }
    }
    Ok(())
}
