//! What is in this JSON, and at which path and line?
//!
//! A scanner of its own rather than a parser to a tree: it knows lines, needs no memory for the tree, reads comments
//! and trailing commas (configuration files), and several values in a row (JSON Lines).

use std::borrow::Cow;

use intramuros_core::document::{BlockKind, ExtractError, Extracted, Kind};

use super::inline::Inline;
use super::writer::{Writer, at_line};
use super::{encoding, plain};
use crate::Budget;

/// Items of a list of plain values are joined to one block up to this many bytes.
const LIST_BYTES: usize = 200;

/// Numbers kept of a list of numbers: vectors, coordinates and pixels are no text.
const LIST_NUMBERS: usize = 32;

/// Text values longer than this are cut at their blank lines into blocks of their own.
const LONG_VALUE: usize = 600;

/// Reads JSON, JSON with comments, and JSON Lines. Each value is a field `path: value` at its line; the numbers of
/// list items are left out of paths.
///
/// # Errors
/// When the bytes are not text, or a limit is reached. Damaged JSON is read as plain text, with a warning.
pub fn extract(name: &str, bytes: &[u8], budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    let text = encoding::decode(bytes, None)?;
    let mut writer = Writer::new(Kind::Data, budget);
    let mut scanner = Scanner { text: &text, at: 0, line: 1 };
    let result = Walk::new(&mut writer, budget.limits.nesting as usize).run(&mut scanner);
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

/// A list or an object that is open.
struct Frame {
    object: bool,
    /// Length of the path before this frame's key.
    path: usize,
    /// Plain values of a list that are not written yet.
    pending: Inline,
    numbers: usize,
}

struct Walk<'w, 'b> {
    writer: &'w mut Writer<'b>,
    nesting: usize,
    frames: Vec<Frame>,
    path: String,
    cut: bool,
}

impl<'w, 'b> Walk<'w, 'b> {
    fn new(writer: &'w mut Writer<'b>, nesting: usize) -> Self {
        Walk { writer, nesting, frames: Vec::new(), path: String::new(), cut: false }
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
        self.frames.push(Frame { object, path, pending: Inline::default(), numbers: 0 });
        Ok(())
    }

    fn close(&mut self, close: u8, line: u32) -> Result<(), Stop> {
        self.write_pending()?;
        let Some(frame) = self.frames.pop().filter(|frame| frame.object == (close == b'}')) else {
            return Err(Stop::Damaged(line));
        };
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
        Ok(self.writer.field(&self.path, &pending, at_line(line))?)
    }

    /// Writes one value; a long text's further paragraphs are blocks of their own.
    fn write(&mut self, value: &str, line: u32) -> Result<(), Stop> {
        if value.len() < LONG_VALUE || !value.contains("\n\n") {
            return Ok(self.writer.field(&self.path, &without_breaks(value), at_line(line))?);
        }
        let mut paragraphs = value.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty());
        if let Some(first) = paragraphs.next() {
            self.writer.field(&self.path, &without_breaks(first), at_line(line))?;
        }
        for paragraph in paragraphs {
            self.writer.block(BlockKind::Paragraph, &without_breaks(paragraph), at_line(line))?;
        }
        Ok(())
    }
}

/// A value as it stands in the file, on one line: its line breaks are written as `\n` there.
fn without_breaks(value: &str) -> Cow<'_, str> {
    if value.contains('\n') { value.replace('\n', " ").into() } else { value.into() }
}
