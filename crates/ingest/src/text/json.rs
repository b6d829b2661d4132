//! What is in this JSON, and at which path and line?
//!
//! A scanner of its own rather than a parser to a tree: it knows lines, needs no memory for the tree, reads comments
//! and trailing commas (configuration files), and several values in a row (JSON Lines).
//!
//! An object in a list is a record: one block with a value a line, so that a question stays with its answer.

use std::borrow::Cow;
use std::collections::HashSet;

use intramuros_core::document::{BlockKind, ExtractError, Extracted, Kind};

use super::inline::Inline;
use super::writer::{SHOWN_BREAK, Writer, at_line, clean_line};
use super::{encoding, plain};
use crate::Budget;

/// Items of a list of plain values are joined to one block up to this many bytes.
const LIST_BYTES: usize = 200;

/// Numbers kept of a list of numbers: vectors, coordinates and pixels are no text.
const LIST_NUMBERS: usize = 32;

/// Text values longer than this are cut at their blank lines into blocks of their own.
const LONG_VALUE: usize = 600;

/// A record goes into the one around it while both have at most this many bytes: together they fit into a passage.
const TOGETHER_BYTES: usize = 700;

/// A record is one block up to this many bytes, and several above: larger ones are whole files in a list.
const RECORD_BYTES: usize = 16 << 10;

/// Names of lists of records that are remembered as written. 1,000: more than a person gives.
const MOST_LISTS: usize = 1_000;

/// Reads JSON, JSON with comments, and JSON Lines. Each value is a field `path: value` at its line; the numbers of
/// list items are left out of paths. The values of a record are the lines of one field, with the paths inside the record;
/// the path to its list stands on a line above the first one.
///
/// # Errors
/// When the bytes are not text, or a limit is reached. Damaged JSON is read as plain text, with a warning.
pub fn extract(name: &str, bytes: &[u8], budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    let text = encoding::decode(bytes, None)?;
    let mut writer = Writer::new(Kind::Data, budget);
    let mut scanner = Scanner { text: &text, at: 0, line: 1 };
    let walk = Walk::new(&mut writer, budget.limits.nesting as usize, holds_lines(&text));
    let result = walk.run(&mut scanner);
    match result {
        Ok(()) => writer.finish(),
        Err(Stop::Limit(error)) => Err(error),
        Err(Stop::Damaged(line)) => {
            let mut extracted = plain::extract(name, text.as_bytes(), budget)?;
            extracted.warnings.push(format!("not valid JSON at line {line}: read as plain text"));
            Ok(extracted)
        }
    }
}

enum Stop {
    Limit(ExtractError),
    Damaged(u32),
}

impl From<ExtractError> for Stop {
    fn from(error: ExtractError) -> Stop {
        Stop::Limit(error)
    }
}

enum Token<'a> {
    Open(u8),
    Close(u8),
    Comma,
    Colon,
    Text(String),
    Number(&'a str),
    Word(&'a str),
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    line: u32,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip(&mut self, bytes: usize) {
        let skipped = self.rest().get(..bytes).unwrap_or_default();
        let breaks = skipped.bytes().filter(|byte| *byte == b'\n').count();
        self.line = self.line.saturating_add(u32::try_from(breaks).unwrap_or(u32::MAX));
        self.at += skipped.len().max(bytes.min(self.text.len() - self.at));
    }

    /// The next token; none at the end.
    fn next(&mut self) -> Result<Option<Token<'a>>, Stop> {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start().len();
            self.skip(blank);
            let rest = self.rest();
            if rest.starts_with("//") || rest.starts_with('#') {
                self.skip(rest.find('\n').unwrap_or(rest.len()));
            } else if rest.starts_with("/*") {
                self.skip(rest.find("*/").map_or(rest.len(), |end| end + 2));
            } else {
                break;
            }
        }
        let rest = self.rest();
        let Some(first) = rest.bytes().next() else { return Ok(None) };
        let token = match first {
            b'{' | b'[' => Token::Open(first),
            b'}' | b']' => Token::Close(first),
            b',' => Token::Comma,
            b':' => Token::Colon,
            b'"' => return self.string().map(Some),
            _ => {
                let end = rest
                    .find(|character: char| !character.is_ascii_alphanumeric() && !"+-._".contains(character))
                    .unwrap_or(rest.len());
                let word = rest.get(..end).unwrap_or_default();
                if word.is_empty() || word.len() > 400 {
                    return Err(Stop::Damaged(self.line));
                }
                self.at += end;
                let number = first == b'-' || first.is_ascii_digit();
                return match word {
                    _ if number => Ok(Some(Token::Number(word))),
                    "true" | "false" | "null" | "NaN" | "Infinity" => Ok(Some(Token::Word(word))),
                    _ => Err(Stop::Damaged(self.line)),
                };
            }
        };
        self.at += 1;
        Ok(Some(token))
    }

    fn string(&mut self) -> Result<Token<'a>, Stop> {
        let line = self.line;
        let damaged = || Stop::Damaged(line);
        let start = self.at + 1;
        let mut end = start;
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(end).ok_or_else(damaged)? {
                b'"' => break,
                b'\\' => end += 2,
                b'\n' => return Err(damaged()),
                _ => end += 1,
            }
        }
        let raw = self.text.get(start..end).ok_or_else(damaged)?;
        self.at = end + 1;
        if !raw.contains('\\') {
            return Ok(Token::Text(raw.to_owned()));
        }
        // Half a pair of surrogates makes the whole string invalid for a strict parser; its other text is kept.
        let text = self.text.get(start - 1..=end).ok_or_else(damaged)?;
        Ok(Token::Text(serde_json::from_str(text).unwrap_or_else(|_| raw.to_owned())))
    }
}

/// Whether each line is a value of its own (JSON Lines), by the first two that hold something.
fn holds_lines(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().is_some_and(|line| line.starts_with('{') && line.ends_with('}'));
    first && lines.next().is_some_and(|line| line.starts_with('{'))
}

/// A list or an object that is open.
struct Frame {
    object: bool,
    record: bool,
    /// Length of the path before this frame's key.
    path: usize,
    /// Plain values of a list that are not written yet.
    pending: Inline,
    numbers: usize,
}

/// One value of a record, with the keys that lead to it from the top.
struct Line {
    path: String,
    value: String,
    line: u32,
}

/// Values that become one block, and how much of their paths leads to the record.
struct Group {
    base: usize,
    lines: Vec<Line>,
}

/// An object in a list that is open.
#[derive(Default)]
struct Record {
    base: usize,
    /// Its own values, and the records inside it that are closed, in the order of the file.
    groups: Vec<Group>,
    /// Whether the last group holds its own values and takes more of them.
    own: bool,
    bytes: usize,
    /// Whether some of it was written: it is too large for one block.
    parted: bool,
}

impl Record {
    fn add(&mut self, line: Line) {
        self.bytes += line.path.len() + line.value.len();
        if !self.own {
            self.groups.push(Group { base: self.base, lines: Vec::new() });
            self.own = true;
        }
        if let Some(group) = self.groups.last_mut() {
            group.lines.push(line);
        }
    }

    fn take_in(&mut self, inner: Record) {
        self.bytes += inner.bytes;
        self.groups.extend(inner.groups);
        self.own = false;
    }

    /// One group of all that is in it.
    fn joined(mut self) -> Record {
        let lines: Vec<Line> = self.groups.drain(..).flat_map(|group| group.lines).collect();
        if !lines.is_empty() {
            self.groups.push(Group { base: self.base, lines });
        }
        self
    }
}

struct Walk<'w, 'b> {
    writer: &'w mut Writer<'b>,
    nesting: usize,
    /// Whether each object outside of everything is a record.
    lines: bool,
    frames: Vec<Frame>,
    /// The records that are open, the outermost first.
    records: Vec<Record>,
    /// Paths of lists whose name was written.
    named: HashSet<String>,
    path: String,
    cut: bool,
}

impl<'w, 'b> Walk<'w, 'b> {
    fn new(writer: &'w mut Writer<'b>, nesting: usize, lines: bool) -> Self {
        Walk {
            writer,
            nesting,
            lines,
            frames: Vec::new(),
            records: Vec::new(),
            named: HashSet::new(),
            path: String::new(),
            cut: false,
        }
    }

    fn run(mut self, scanner: &mut Scanner<'_>) -> Result<(), Stop> {
        let mut key_next = false;
        while let Some(token) = scanner.next()? {
            let line = scanner.line;
            match token {
                Token::Open(open) => {
                    if key_next {
                        return Err(Stop::Damaged(line));
                    }
                    self.open(open == b'{')?;
                    key_next = open == b'{';
                }
                Token::Close(close) => {
                    self.close(close, line)?;
                    key_next = false;
                }
                Token::Comma => {
                    key_next = self.frames.last().is_some_and(|frame| frame.object);
                    if let Some(frame) = self.frames.last().filter(|frame| frame.object) {
                        self.path.truncate(frame.path);
                    }
                }
                Token::Colon => {}
                Token::Text(key) if key_next => {
                    self.key(&key);
                    match scanner.next()? {
                        Some(Token::Colon) => key_next = false,
                        _ => return Err(Stop::Damaged(line)),
                    }
                }
                _ if key_next => return Err(Stop::Damaged(line)),
                Token::Text(text) => self.value(&text, false, line)?,
                Token::Number(number) => self.value(number, true, line)?,
                Token::Word("null") => {}
                Token::Word(word) => self.value(word, false, line)?,
            }
        }
        if !self.frames.is_empty() {
            return Err(Stop::Damaged(scanner.line));
        }
        if self.cut {
            self.writer.warn(format!("lists of numbers: the first {LIST_NUMBERS} of each were kept"));
        }
        Ok(())
    }

    fn open(&mut self, object: bool) -> Result<(), Stop> {
        if self.frames.len() >= self.nesting {
            return Err(Stop::Limit(ExtractError::Limit(format!(
                "JSON nested more than {} deep",
                self.nesting
            ))));
        }
        self.write_pending()?;
        let path = self.path.len();
        let record = object && self.frames.last().map_or(self.lines, |frame| !frame.object);
        if record {
            self.records.push(Record { base: path, ..Record::default() });
        }
        self.frames.push(Frame { object, record, path, pending: Inline::default(), numbers: 0 });
        Ok(())
    }

    fn close(&mut self, close: u8, line: u32) -> Result<(), Stop> {
        self.write_pending()?;
        let Some(frame) = self.frames.pop().filter(|frame| frame.object == (close == b'}')) else {
            return Err(Stop::Damaged(line));
        };
        if frame.record {
            self.end_record()?;
        }
        self.path.truncate(frame.path);
        Ok(())
    }

    fn key(&mut self, key: &str) {
        let start = self.frames.last().map_or(0, |frame| frame.path);
        self.path.truncate(start);
        if !self.path.is_empty() && !key.is_empty() {
            self.path.push('.');
        }
        self.path.push_str(key);
    }

    fn value(&mut self, value: &str, number: bool, line: u32) -> Result<(), Stop> {
        let in_list = self.frames.last_mut().filter(|frame| !frame.object);
        if let Some(frame) = in_list {
            frame.numbers += usize::from(number);
            if number && frame.numbers > LIST_NUMBERS {
                self.cut = true;
                return Ok(());
            }
            if value.len() < LIST_BYTES {
                if !frame.pending.text().is_empty() {
                    frame.pending.add(", ");
                }
                frame.pending.push(&without_breaks(value), line);
                let full = frame.pending.text().len() > LIST_BYTES;
                return if full { self.write_pending() } else { Ok(()) };
            }
            self.write_pending()?;
        }
        if self.path == "title" {
            self.writer.title(value);
        }
        self.write(value, line)
    }

    fn write_pending(&mut self) -> Result<(), Stop> {
        let Some(frame) = self.frames.last_mut() else { return Ok(()) };
        let (pending, Some(line)) = frame.pending.take() else { return Ok(()) };
        if self.records.is_empty() {
            return Ok(self.writer.field(&self.path, &pending, at_line(line))?);
        }
        self.add_to_record(pending.replace(SHOWN_BREAK, " "), line)
    }

    /// Writes one value; a long text's further paragraphs are blocks of their own, or lines in a record.
    fn write(&mut self, value: &str, line: u32) -> Result<(), Stop> {
        let mut paragraphs = vec![value];
        if value.len() >= LONG_VALUE && value.contains("\n\n") {
            paragraphs = value.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()).collect();
        }
        let mut paragraphs = paragraphs.into_iter().map(without_breaks);
        if !self.records.is_empty() {
            let lines: Vec<String> =
                paragraphs.map(|paragraph| paragraph.replace(SHOWN_BREAK, " ")).collect();
            return self.add_to_record(lines.join(SHOWN_BREAK.to_string().as_str()), line);
        }
        if let Some(first) = paragraphs.next() {
            self.writer.field(&self.path, &first, at_line(line))?;
        }
        for paragraph in paragraphs {
            self.writer.block(BlockKind::Paragraph, &paragraph, at_line(line))?;
        }
        Ok(())
    }

    /// Adds a value to the innermost record; each line break in it is one of the file.
    fn add_to_record(&mut self, value: String, line: u32) -> Result<(), Stop> {
        if clean_line(&value).is_empty() {
            return Ok(());
        }
        let path = self.path.clone();
        let Some(record) = self.records.last_mut() else { return Ok(()) };
        record.add(Line { path, value, line });
        if record.bytes > RECORD_BYTES { self.part_records() } else { Ok(()) }
    }

    /// The innermost record is closed: it goes into the one around it, or is written.
    fn end_record(&mut self) -> Result<(), Stop> {
        let Some(mut record) = self.records.pop() else { return Ok(()) };
        if !record.parted {
            record = record.joined();
            let outer = self.records.last_mut().filter(|outer| !outer.parted);
            if let Some(outer) = outer.filter(|outer| outer.bytes + record.bytes <= TOGETHER_BYTES) {
                outer.take_in(record);
                return Ok(());
            }
        }
        self.part_records()?;
        record.groups.iter().try_for_each(|group| self.write_group(group))
    }

    /// Writes what was gathered of the open records.
    fn part_records(&mut self) -> Result<(), Stop> {
        let mut groups = Vec::new();
        for record in &mut self.records {
            groups.append(&mut record.groups);
            (record.own, record.bytes, record.parted) = (false, 0, true);
        }
        groups.iter().try_for_each(|group| self.write_group(group))
    }

    fn write_group(&mut self, group: &Group) -> Result<(), Stop> {
        let Some(first) = group.lines.first() else { return Ok(()) };
        let list = first.path.get(..group.base).unwrap_or_default();
        if !list.is_empty() && !self.named.contains(list) {
            self.writer.block(BlockKind::Paragraph, &without_breaks(list), at_line(first.line))?;
            if self.named.len() < MOST_LISTS {
                self.named.insert(list.to_owned());
            }
        }
        let mut text = String::new();
        let mut end = first.line;
        for Line { path, value, line } in &group.lines {
            if !text.is_empty() {
                text.push(SHOWN_BREAK);
            }
            text.extend(std::iter::repeat_n('\n', line.saturating_sub(end) as usize));
            let inside = path.get(group.base..).unwrap_or_default();
            let key =
                clean_line(if list.is_empty() { inside } else { inside.strip_prefix('.').unwrap_or(inside) });
            if !key.is_empty() {
                text.push_str(&key);
                text.push_str(": ");
            }
            text.push_str(value);
            let breaks = value.bytes().filter(|byte| *byte == b'\n').count();
            end = (*line).max(end).saturating_add(u32::try_from(breaks).unwrap_or(u32::MAX));
        }
        Ok(self.writer.broken(BlockKind::Field, &text, at_line(first.line))?)
    }
}

/// A value as it stands in the file, on one line: its line breaks are written as `\n` there.
fn without_breaks(value: &str) -> Cow<'_, str> {
    if value.contains('\n') { value.replace('\n', " ").into() } else { value.into() }
}

#[cfg(test)]
mod tests {
    use intramuros_core::document::Limits;

    use super::*;
    use crate::passages::{PassageOptions, split};

    fn read(text: &str) -> Extracted {
        crate::extract("a.json", text.as_bytes(), &Limits::default()).unwrap()
    }

    /// Checks the texts of the blocks, each with the line on which it begins.
    #[track_caller]
    fn check(text: &str, expected: &[(u32, &str)]) {
        let extracted = read(text);
        let found: Vec<(u32, &str)> = extracted
            .blocks
            .iter()
            .map(|block| (block.place.line.unwrap_or_default(), block.text.as_str()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn questions_stay_with_their_answers_and_on_their_lines() {
        let answer = |number: u32| format!("{}{number}", "mot ".repeat(46));
        let entry = |number| {
            format!("  {{\n   \"question\": \"Combien ?\",\n   \"reponse\": \"{}\"\n  }}", answer(number))
        };
        let text =
            format!("{{\n \"entrees\": [\n{}\n ]\n}}\n", (1..4).map(entry).collect::<Vec<_>>().join(",\n"));
        let passages = split(&read(&text), &PassageOptions::default());
        let found: Vec<(&str, Option<(u32, u32)>)> =
            passages.iter().map(|passage| (passage.text.as_str(), passage.lines)).collect();
        let shown = |number| format!("question: Combien ?\nreponse: {}", answer(number));
        let first = format!("entrees\n{}\n{}", shown(1), shown(2));
        assert_eq!(found, [(first.as_str(), Some((4, 9))), (shown(3).as_str(), Some((12, 13)))]);
    }

    #[test]
    fn a_record_is_one_block_with_what_is_inside_it() {
        check(
            r#"[{"nom": "Mairie", "prix": {"matin": 0.5}, "mots": ["a", "b"], "vide": " ",
                "contacts": [{"sorte": "fixe", "numero": "01 02"}], "id": "9f86d081"},
                {"nom": "École\nFerry"}]"#,
            &[
                (
                    1,
                    "nom: Mairie\nprix.matin: 0.5\nmots: a, b\ncontacts.sorte: fixe\ncontacts.numero: 01 02\n\
                     id: 9f86d081",
                ),
                (3, "nom: École Ferry"),
            ],
        );
        check(
            "{\"q\": \"Un ?\", \"r\": \"Oui.\"}\n{\"q\": \"Deux ?\", \"r\": \"Non.\"}\n",
            &[(1, "q: Un ?\nr: Oui."), (2, "q: Deux ?\nr: Non.")],
        );
        // What is in no list is no record.
        check("{\"a\": {\"b\": 1, \"c\": 2}}", &[(1, "a.b: 1"), (1, "a.c: 2")]);
    }

    #[test]
    fn records_inside_a_large_one_are_blocks_of_their_own_and_nothing_is_lost() {
        let answer = "x".repeat(400);
        let entry = format!("{{\"q\": \"Quoi ?\", \"r\": \"{answer}\"}}");
        let text = format!(
            "{{\"themes\": [{{\"nom\": \"Cantine\", \"entrees\": [{}], \"fin\": true}}]}}",
            [entry.as_str(); 3].join(", ")
        );
        let shown = format!("q: Quoi ?\nr: {answer}");
        check(
            &text,
            &[
                (1, "themes"),
                (1, "nom: Cantine"),
                (1, "themes.entrees"),
                (1, &shown),
                (1, &shown),
                (1, &shown),
                (1, "fin: true"),
            ],
        );
        let long = "y".repeat(RECORD_BYTES);
        let text = format!("[{{\"a\": \"un\",\n\"b\": \"{long}\",\n\"c\": \"trois\"}}]");
        check(&text, &[(1, &format!("a: un\nb: {long}")), (3, "c: trois")]);
    }
}
