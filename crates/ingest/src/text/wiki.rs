//! What do the pages of this wiki say? An export of MediaWiki: XML around pages in its own notation.
//!
//! Each page is a document of its own, read from its last revision. Of the notation, what a reader sees is kept: headings,
//! lists, tables, the words of links, the values of templates. What templates would add stands elsewhere.

use intramuros_core::document::{BlockKind, ExtractError, Extracted, Kind, Part, Place};
use quick_xml::Reader;
use quick_xml::events::Event;

use super::date;
use super::writer::{Writer, safe_name};
use crate::Budget;
use crate::archive::members::UniqueNames;

/// Characters in which the first element of the file stands.
const HEAD_CHARS: usize = 1024;

/// Name spaces that hold no text for people: messages of the program, templates, modules.
const CODE_SPACES: [&str; 3] = ["8", "10", "828"];

/// Brackets within brackets that are followed. Pages of Wikipedia reach ten; deeper ones stay as they are.
const NESTED: usize = 40;

/// Of the memory that reading may take, the share that the text of the pages may fill: beside it stand the file, the
/// blocks around the text and the copy that is handed back.
const TEXT_SHARE: u64 = 8;

/// Brackets and what is put in their place.
struct Pair {
    open: &'static str,
    close: &'static str,
    replace: fn(&str) -> String,
}

static PAIRS: [Pair; 2] =
    [Pair { open: "[[", close: "]]", replace: link }, Pair { open: "{{", close: "}}", replace: template }];

/// Tags around lines of code, and how they end.
const CODE: [(&str, &str); 3] =
    [("<pre", "</pre"), ("<syntaxhighlight", "</syntaxhighlight"), ("<source", "</source")];

/// Tags within running text in which the notation means nothing either.
const LITERAL: [(&str, &str); 2] = [("<nowiki", "</nowiki"), ("<math", "</math")];

/// Deepest list, and the deepest heading.
const LEVELS: usize = 6;

/// Words after a picture's name that say how it is shown.
const PICTURE_OPTIONS: [&str; 8] =
    ["thumb", "vignette", "frame", "cadre", "left", "gauche", "right", "droite"];

/// Whether an XML file is an export of MediaWiki.
pub fn is_export(text: &str) -> bool {
    let head: String = text.chars().take(HEAD_CHARS).collect();
    head.contains("<mediawiki")
}

/// Reads an export: one part for each page.
///
/// # Errors
/// Empty when no page has text; a limit that was reached with the first page.
pub fn extract(text: &str, budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    let mut out = Extracted { kind: Some(Kind::Text), ..Extracted::default() };
    let mut names = UniqueNames::default();
    let inside = budget.deeper()?;
    let mut page = Page::default();
    let mut kept = 0;
    let mut open: Vec<String> = Vec::new();
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = false;
    reader.config_mut().allow_unmatched_ends = true;
    loop {
        let piece = match reader.read_event() {
            Ok(Event::Start(tag)) => {
                let limit = budget.limits.nesting;
                if open.len() >= limit as usize {
                    stop(&mut out, &format!("elements nested more than {limit} deep"));
                    break;
                }
                open.push(tag.local_name().as_ref().to_owned());
                continue;
            }
            Ok(Event::End(_)) => {
                if open.pop().is_some_and(|name| name == "page")
                    && !keep(&page, &mut names, &inside, &mut kept, &mut out)
                {
                    break;
                }
                if open.last().is_some_and(|name| name == "mediawiki") {
                    page = Page::default();
                }
                continue;
            }
            Ok(Event::Text(piece)) => (*piece).to_owned(),
            Ok(Event::CData(piece)) => (*piece).to_owned(),
            Ok(Event::GeneralRef(entity)) => match entity.resolve_char_ref() {
                Ok(Some(character)) => character.to_string(),
                _ => quick_xml::escape::resolve_predefined_entity(&entity).unwrap_or(" ").to_owned(),
            },
            Ok(Event::Eof) => break,
            Ok(_) => continue,
            Err(error) => {
                out.warnings
                    .push(format!("the export is damaged behind its page {}: {error}", out.parts.len()));
                break;
            }
        };
        page.take(&open, &piece);
    }
    if out.parts.is_empty() {
        return Err(ExtractError::Empty("no page of the wiki holds text".to_owned()));
    }
    Ok(out)
}

/// What the export says of one page.
#[derive(Default)]
struct Page {
    title: String,
    space: String,
    time: String,
    author: String,
    model: String,
    text: String,
}

impl Page {
    /// Takes a piece of text that stands within these elements.
    fn take(&mut self, open: &[String], piece: &str) {
        let [.., parent, name] = open else { return };
        match (parent.as_str(), name.as_str()) {
            ("page", "title") => self.title.push_str(piece),
            ("page", "ns") => self.space.push_str(piece),
            // A revision begins with its number: what an older one said is forgotten.
            ("revision", "id") => {
                for field in [&mut self.time, &mut self.author, &mut self.model, &mut self.text] {
                    field.clear();
                }
            }
            ("revision", "timestamp") => self.time.push_str(piece),
            ("revision", "model") => self.model.push_str(piece),
            ("revision", "text") => self.text.push_str(piece),
            ("contributor", "username") => self.author.push_str(piece),
            _ => {}
        }
    }

    /// Whether it holds text for people.
    fn is_text(&self) -> bool {
        let start = self.text.trim_start().get(..9).unwrap_or_default().to_ascii_lowercase();
        let moved = start.starts_with("#redirect") || self.text.trim_start().starts_with("#REDIRECTION");
        let wiki_text = self.model.is_empty() || self.model == "wikitext";
        wiki_text && !moved && !self.text.trim().is_empty() && !CODE_SPACES.contains(&self.space.as_str())
    }

    fn read(&self, budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
        let mut writer = Writer::new(Kind::Text, budget);
        writer.title(&self.title);
        writer.author(&self.author);
        writer.document().written_ms = date::parse_iso(&self.time);
        write(&self.text, &mut writer)?;
        writer.finish()
    }
}

/// Reads a page that ended and adds it, and its text to what is kept. Says whether to go on: not when the budget of the
/// whole file is used up.
fn keep(
    page: &Page,
    names: &mut UniqueNames,
    budget: &Budget<'_>,
    kept: &mut u64,
    out: &mut Extracted,
) -> bool {
    if !page.is_text() {
        return true;
    }
    let stopped =
        budget.count_member().and_then(|()| budget.count_text(0)).and_then(|()| check_kept(*kept, budget));
    if let Err(error) = stopped {
        stop(out, &error.to_string());
        return false;
    }
    let name = names.take(safe_name(&page.title));
    let read = page.read(budget);
    if let Ok(read) = &read {
        *kept += read.blocks.iter().map(|block| block.text.len() as u64).sum::<u64>();
    }
    out.parts.push(Part::new(name, read));
    true
}

/// Whether another page fits beside the text that is kept.
fn check_kept(kept: u64, budget: &Budget<'_>) -> Result<(), ExtractError> {
    let most = budget.limits.memory_bytes / TEXT_SHARE;
    if kept > most { Err(ExtractError::Limit(format!("more than {most} bytes of text"))) } else { Ok(()) }
}

/// Says why the rest of the export is not read.
fn stop(out: &mut Extracted, why: &str) {
    out.warnings.push(format!("stopped after {} pages: {why}", out.parts.len()));
}

/// Writes the blocks of a page in MediaWiki's notation.
///
/// # Errors
/// When a limit is reached.
pub fn write(text: &str, writer: &mut Writer<'_>) -> Result<(), ExtractError> {
    let (text, notes) = without_asides(text);
    let text = nested(&text);
    let mut flow = Flow { writer, paragraph: String::new(), table: None };
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        match code_start(line) {
            Some(start) => flow.code(&start, &mut lines)?,
            None => flow.line(line)?,
        }
    }
    flow.end_table()?;
    flow.flush()?;
    for note in notes {
        flow.writer.block(BlockKind::Footnote, &shown(&nested(note)), Place::default())?;
    }
    Ok(())
}

/// The text without its remarks and notes, and the notes.
fn without_asides(text: &str) -> (String, Vec<&str>) {
    let (mut out, mut notes) = (String::with_capacity(text.len()), Vec::new());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let (before, tag) = rest.split_at(at);
        out.push_str(before);
        let after = if let Some(length) = verbatim(tag) {
            out.push_str(tag.get(..length).unwrap_or_default());
            length
        } else if tag.starts_with("<!--") {
            tag.find("-->").map_or(tag.len(), |end| end + "-->".len())
        } else if let Some((note, length)) = note(tag) {
            notes.push(note);
            length
        } else {
            out.push('<');
            1
        };
        rest = tag.get(after..).unwrap_or_default();
    }
    out.push_str(rest);
    (out, notes)
}

/// The note that begins here, and the bytes that it takes with its tags. A note holds no other one: where the next one
/// begins first, or nothing ends it, its tag is text.
fn note(tag: &str) -> Option<(&str, usize)> {
    let open = note_start(tag)?;
    if open.ends_with("/>") {
        return Some(("", open.len()));
    }
    let inner = tag.get(open.len()..)?;
    let (end, _) = tags(inner)
        .find(|(_, tag)| begins(tag, "</ref") || note_start(tag).is_some_and(|open| !open.ends_with("/>")))?;
    let (words, close) = inner.split_at_checked(end)?;
    if !begins(close, "</ref") {
        return None;
    }
    let close = opening(close)?;
    Some((words, open.len() + words.len() + close.len()))
}

/// The opening tag of a note.
fn note_start(tag: &str) -> Option<&str> {
    if begins(tag, "<ref") { opening(tag) } else { None }
}

/// The places where a tag may begin, each with what follows.
fn tags(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.match_indices('<').map(move |(at, _)| (at, text.get(at..).unwrap_or_default()))
}

/// Whether a tag begins here with this mark and no longer name: `<ref` begins `<ref name="a">`, not `<references>`.
fn begins(tag: &str, mark: &str) -> bool {
    let Some((start, rest)) = tag.split_at_checked(mark.len()) else { return false };
    start.eq_ignore_ascii_case(mark) && !rest.starts_with(|next: char| next.is_ascii_alphanumeric())
}

/// The whole tag that begins here. Looking ends where another one begins, so that a page of tags without ends is read
/// once.
fn opening(tag: &str) -> Option<&str> {
    let end = 1 + tag.get(1..)?.find(['<', '>'])?;
    tag.get(..=end).filter(|tag| tag.ends_with('>'))
}

/// The bytes up to the end mark (or the end of the page) where text begins in which the notation means nothing.
fn verbatim(tag: &str) -> Option<usize> {
    let (_, close) = CODE.iter().chain(&LITERAL).find(|(open, _)| begins(tag, open))?;
    // `<nowiki/>` holds nothing.
    let open = opening(tag).filter(|open| !open.ends_with("/>"))?;
    let inner = tag.get(open.len()..)?;
    let length = tags(inner).find(|(_, tag)| begins(tag, close)).map_or(inner.len(), |(at, _)| at);
    Some(open.len() + length)
}

/// The text with each pair of brackets replaced by what stands for it, the inner ones first. Both kinds in one pass: what
/// separates the values of a template does not separate those of the link around it.
fn nested(text: &str) -> String {
    let mut levels = Levels::default();
    let mut rest = text;
    while let Some(at) = rest.find(['[', ']', '{', '}', '<']) {
        let (before, mark) = rest.split_at(at);
        levels.push(before);
        rest = mark.get(levels.take(mark)..).unwrap_or_default();
    }
    levels.push(rest);
    levels.finish()
}

/// The text before the first open bracket, and each open bracket with the text behind it.
#[derive(Default)]
struct Levels {
    text: String,
    open: Vec<(&'static Pair, String)>,
}

impl Levels {
    fn push(&mut self, text: &str) {
        let level = match self.open.last_mut() {
            Some((_, inner)) => inner,
            None => &mut self.text,
        };
        level.push_str(text);
    }

    /// Takes what begins with this sign, and says how many bytes that is.
    fn take(&mut self, mark: &str) -> usize {
        if let Some(pair) = PAIRS.iter().find(|pair| mark.starts_with(pair.open))
            && self.open.len() < NESTED
        {
            self.open.push((pair, String::new()));
            return pair.open.len();
        }
        if let Some((pair, inner)) = self.open.pop_if(|(pair, _)| mark.starts_with(pair.close)) {
            self.push(&(pair.replace)(&inner));
            return pair.close.len();
        }
        let length = verbatim(mark).unwrap_or(1);
        self.push(mark.get(..length).unwrap_or_default());
        length
    }

    /// What was never closed is text.
    fn finish(self) -> String {
        let mut out = self.text;
        for (pair, inner) in self.open {
            out.push_str(pair.open);
            out.push_str(&inner);
        }
        out
    }
}

/// What a reader sees of a link: its words, or the caption of a picture; nothing of a category.
fn link(inner: &str) -> String {
    let words = inner.rsplit('|').next().unwrap_or(inner);
    let target = inner.split('|').next().unwrap_or(inner).trim();
    let space = target.split_once(':').map(|(space, _)| space.to_lowercase()).unwrap_or_default();
    let is_picture = matches!(space.as_str(), "file" | "fichier" | "image" | "media");
    let is_option = PICTURE_OPTIONS.contains(&words.trim()) || words.trim().ends_with("px");
    match space.as_str() {
        "category" | "catégorie" => String::new(),
        _ if is_picture && (is_option || words.trim() == target) => String::new(),
        _ => words.trim_start_matches(':').to_owned(),
    }
}

/// What a template was given: values with names as lines of their own when it stands on several lines (a box of facts),
/// else the values without names, and those with names that are texts: a single word says how the template looks.
fn template(inner: &str) -> String {
    let mut out = String::new();
    if let (false, Some((_, value))) = (inner.contains('|'), inner.split_once(':')) {
        // A function of the wiki: `{{formatnum:2000}}`.
        return value.to_owned();
    }
    let is_box = inner.contains('\n');
    for value in inner.split('|').skip(1) {
        match value.split_once('=') {
            Some((name, value)) if is_box && !value.trim().is_empty() => {
                out.push_str(&format!("\n;{}: {}\n", name.trim(), value.trim()));
            }
            // What has a tag before its `=` has no name: the sign belongs to the tag.
            Some((name, value)) if !is_box && !name.contains('<') && value.trim().contains(' ') => {
                out.push_str(value.trim());
                out.push(' ');
            }
            Some(_) => {}
            None => {
                out.push_str(value.trim());
                out.push(' ');
            }
        }
    }
    out.trim_end_matches(' ').to_owned()
}

/// A table that is open.
#[derive(Default)]
struct Table {
    number: u32,
    cells: Vec<String>,
    header: bool,
}

struct Flow<'w, 'b> {
    writer: &'w mut Writer<'b>,
    paragraph: String,
    table: Option<Table>,
}

impl Flow<'_, '_> {
    fn line(&mut self, line: &str) -> Result<(), ExtractError> {
        let text = line.trim();
        if text.starts_with("{|") {
            self.flush()?;
            self.end_table()?;
            let number = self.writer.new_table();
            self.table = Some(Table { number, ..Table::default() });
            return Ok(());
        }
        if self.table.is_some() {
            return self.table_line(text);
        }
        let level = text.chars().take_while(|sign| *sign == '=').count();
        let heading = text.get(level..).and_then(|rest| rest.trim_end().strip_suffix(text.get(..level)?));
        if let Some(heading) = heading.filter(|heading| (1..=LEVELS).contains(&level) && !heading.is_empty())
        {
            self.flush()?;
            let level = u8::try_from(level).unwrap_or(6);
            return self.writer.block(BlockKind::Heading { level }, &shown(heading), Place::default());
        }
        let marks = text.chars().take_while(|sign| matches!(sign, '*' | '#' | ':' | ';')).count();
        if marks > 0 {
            self.flush()?;
            let (marks, words) = text.split_at(marks);
            let kind = if marks.ends_with(['*', '#']) {
                let depth = u8::try_from(marks.len().min(LEVELS) - 1).unwrap_or_default();
                BlockKind::ListItem { depth }
            } else {
                BlockKind::Paragraph
            };
            return self.writer.block(kind, &shown(words), Place::default());
        }
        let is_switch = text.starts_with("__") && text.ends_with("__");
        if text.is_empty() || text.starts_with("----") || is_switch {
            return self.flush();
        }
        self.paragraph.push_str(text);
        self.paragraph.push(' ');
        Ok(())
    }

    fn table_line(&mut self, text: &str) -> Result<(), ExtractError> {
        if text.starts_with("|}") {
            return self.end_table();
        }
        if text.starts_with("|-") {
            return self.end_row();
        }
        if let Some(caption) = text.strip_prefix("|+") {
            return self.writer.block(BlockKind::Paragraph, &shown(cell_text(caption)), Place::default());
        }
        let Some(table) = &mut self.table else { return Ok(()) };
        if let Some(cells) = text.strip_prefix('!') {
            table.header |= table.cells.is_empty();
            table.cells.extend(
                cells.split("!!").flat_map(|cell| cell.split("||")).map(|cell| shown(cell_text(cell))),
            );
        } else if let Some(cells) = text.strip_prefix('|') {
            table.header = false;
            table.cells.extend(cells.split("||").map(|cell| shown(cell_text(cell))));
        } else if let Some(last) = table.cells.last_mut() {
            last.push(' ');
            last.push_str(&shown(text));
        }
        Ok(())
    }

    fn end_row(&mut self) -> Result<(), ExtractError> {
        let Some(table) = &mut self.table else { return Ok(()) };
        let cells = std::mem::take(&mut table.cells);
        let header = std::mem::take(&mut table.header);
        self.writer.row(table.number, header, &cells, Place::default())
    }

    fn end_table(&mut self) -> Result<(), ExtractError> {
        self.end_row()?;
        self.table = None;
        Ok(())
    }

    /// Writes preformatted text up to the mark that ends it, and what stands around it on its first and last line.
    fn code<'t>(
        &mut self,
        start: &CodeStart<'t>,
        lines: &mut impl Iterator<Item = &'t str>,
    ) -> Result<(), ExtractError> {
        self.line(start.before)?;
        self.flush()?;
        let mut text = String::new();
        let mut line = start.rest;
        let after = loop {
            if let Some((last, after)) = code_end(line, start.close) {
                text.push_str(last);
                break after;
            }
            text.push_str(line);
            text.push('\n');
            let Some(next) = lines.next() else { break "" };
            line = next;
        };
        self.writer.block(BlockKind::Code, &text, Place::default())?;
        self.line(after)
    }

    fn flush(&mut self) -> Result<(), ExtractError> {
        let text = std::mem::take(&mut self.paragraph);
        self.writer.block(BlockKind::Paragraph, &shown(&text), Place::default())
    }
}

/// A line on which code begins.
struct CodeStart<'t> {
    before: &'t str,
    rest: &'t str,
    /// How the mark begins that ends the code.
    close: &'static str,
}

fn code_start(line: &str) -> Option<CodeStart<'_>> {
    let (at, tag, close) = tags(line).find_map(|(at, tag)| {
        let (_, close) = CODE.iter().find(|(open, _)| begins(tag, open))?;
        Some((at, tag, *close))
    })?;
    // A mark that goes on in the next line is code from there on.
    let open = opening(tag).unwrap_or(tag);
    if open.ends_with("/>") {
        return None;
    }
    Some(CodeStart { before: line.get(..at)?, rest: tag.get(open.len()..)?, close })
}

/// What stands before and behind the mark that ends the code.
fn code_end<'t>(line: &'t str, close: &str) -> Option<(&'t str, &'t str)> {
    let (at, tag) = tags(line).find(|(_, tag)| begins(tag, close))?;
    Some((line.get(..at)?, tag.split_once('>').map_or("", |(_, after)| after)))
}

/// The text of a cell without its looks (`style="…" | text`).
fn cell_text(cell: &str) -> &str {
    match cell.split_once('|') {
        Some((looks, text)) if looks.contains('=') => text,
        _ => cell,
    }
}

/// Marks of running text and what is seen of them, in the order in which they are replaced.
const MARKS: [(&str, &str); 6] =
    [("'''", ""), ("''", ""), ("&nbsp;", "\u{A0}"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")];

/// What a reader sees of running text: no marks of bold and italics, no tags, of an address its words.
fn shown(text: &str) -> String {
    let mut text = without_tags(text);
    for (mark, meaning) in MARKS {
        text = text.replace(mark, meaning);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find("[http") {
        let (before, link) = rest.split_at(at);
        out.push_str(before);
        let Some((inner, after)) = link.get(1..).and_then(|link| link.split_once(']')) else {
            rest = link;
            break;
        };
        out.push_str(inner.split_once(' ').map_or(inner, |(_, words)| words));
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The text without tags; a tag begins with a letter, so that signs of comparison stay.
fn without_tags(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let (before, tag) = rest.split_at(at);
        out.push_str(before);
        let is_tag = tag.get(1..).is_some_and(|inner| {
            inner.trim_start_matches('/').starts_with(|first: char| first.is_ascii_alphabetic())
        });
        if !is_tag {
            out.push('<');
            rest = tag.get(1..).unwrap_or_default();
            continue;
        }
        let Some(end) = tag.find('>') else {
            // No tag ends from here on: looking again at each sign would take the square of the time.
            rest = tag;
            break;
        };
        if tag.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("<br")) {
            out.push(' ');
        }
        rest = tag.get(end + 1..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}
