//! What does the front matter above a page say: of the document, and to its readers?

use intramuros_core::document::{BlockKind, ExtractError, Place};
use intramuros_core::language::Language;

use super::keyed::Entry;
use super::{
    date,
    writer::{Writer, at_line},
};

/// Lines in which the front matter of a text ends; those of real pages have some dozens.
const FRONT_LINES: usize = 200;

/// Letters and figures from which a value can be prose: a short sentence, or an address.
const PROSE_LETTERS: usize = 20;

/// Names of fields that people search for, however short they are.
const SHOWN: [&str; 6] = ["description", "subtitle", "summary", "abstract", "tags", "categories"];

/// Names of fields that are for programs, though they may hold words; keywords are no sentence of anybody.
const FOR_PROGRAMS: [&str; 14] = [
    "keywords",
    "layout",
    "template",
    "permalink",
    "slug",
    "url",
    "link",
    "image",
    "redirect",
    "redirect_from",
    "css",
    "script",
    "class",
    "parent",
];

/// Notes title, author, date and language of the document.
pub fn note(entries: &[Entry], writer: &mut Writer<'_>) {
    for entry in entries.iter().filter(|entry| !entry.comment) {
        note_entry(entry, writer);
    }
}

/// Notes what a field says of the document. False when it says nothing of it, or a date that can't be read.
fn note_entry(entry: &Entry, writer: &mut Writer<'_>) -> bool {
    let value = entry.value.trim();
    match entry.path.to_ascii_lowercase().as_str() {
        "title" => writer.title(value),
        "author" | "authors" | "author.name" => writer.author(value),
        "date" | "published" | "created" => {
            let written_ms = date::parse_iso(value);
            writer.document().written_ms = written_ms;
            return written_ms.is_some();
        }
        "lang" | "language" => writer.document().language = Some(Language::from_code(value)),
        _ => return false,
    }
    true
}

/// Writes what is said to readers as fields, each at the place of its line, and says how many these are.
///
/// # Errors
/// When the text is over the limit.
pub fn write(
    entries: &[Entry],
    place: impl Fn(u32) -> Place,
    writer: &mut Writer<'_>,
) -> Result<usize, ExtractError> {
    let before = writer.document().blocks.len();
    for entry in entries.iter().filter(|entry| is_told(entry)) {
        writer.field(&entry.path, &entry.value, place(entry.line))?;
    }
    Ok(writer.document().blocks.len() - before)
}

/// Notes what [`note`] does, and writes all else, each at its line: in a plain text, a person wrote it.
///
/// # Errors
/// When the text is over the limit.
pub fn note_and_write(entries: &[Entry], writer: &mut Writer<'_>) -> Result<(), ExtractError> {
    for entry in entries {
        let place = at_line(entry.line.saturating_add(1));
        if entry.comment {
            writer.block(BlockKind::Comment, &entry.value, place)?;
        } else if !note_entry(entry, writer) {
            writer.field(&entry.path, &entry.value, place)?;
        }
    }
    Ok(())
}

/// Whether a field is said to readers.
fn is_told(entry: &Entry) -> bool {
    let path = entry.path.to_ascii_lowercase();
    if entry.comment || matches!(path.as_str(), "title" | "author" | "authors" | "author.name") {
        return false;
    }
    let name = path.rsplit('.').next().unwrap_or_default();
    SHOWN.contains(&path.as_str()) || (!FOR_PROGRAMS.contains(&name) && is_prose(&entry.value))
}

/// Whether a value is text for readers: words, no path, no code and no list of single words.
fn is_prose(value: &str) -> bool {
    let value = value.trim();
    let letters = value.chars().filter(|letter| letter.is_alphabetic()).count();
    let figures = value.chars().filter(char::is_ascii_digit).count();
    let for_programs = value.starts_with(['[', '{', '/', '<', '.', '$', '%'])
        || value.contains("{{")
        || value.contains("{%")
        || value.contains("</")
        || value.split_whitespace().all(|word| word.contains("://") || word.contains('/'));
    letters + figures >= PROSE_LETTERS
        && letters > figures
        && !for_programs
        && value.split([',', '\n']).any(|part| part.split_whitespace().nth(1).is_some())
}

/// How many lines the front matter at the head of a text takes, its two fences included: lines of `name: value`, with
/// more text below them. 0 when there is none.
pub fn length(text: &str) -> usize {
    let mut lines = text.lines();
    if lines.next().is_none_or(|line| line.trim_end() != "---") {
        return 0;
    }
    let is_fence = |line: &str| matches!(line.trim_end(), "---" | "...");
    let inside: Vec<&str> = lines.by_ref().take(FRONT_LINES).take_while(|line| !is_fence(line)).collect();
    let is_field = |line: &str| {
        let name = line.split_once(':').map_or("", |(name, _)| name);
        !name.is_empty() && !name.contains(char::is_whitespace)
    };
    let fits =
        |line: &str| line.trim().is_empty() || line.starts_with([' ', '\t', '-', '#']) || is_field(line);
    let is_front = inside.len() < FRONT_LINES
        && inside.iter().all(|line| fits(line))
        && inside.iter().any(|line| is_field(line))
        && lines.any(|line| !line.trim().is_empty());
    if is_front { inside.len() + 2 } else { 0 }
}
