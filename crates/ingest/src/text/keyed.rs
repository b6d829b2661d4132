//! What is in this YAML, TOML or INI file, and at which path and line?
//!
//! Read line by line rather than by a full parser: that keeps lines exact, expands no anchors (a bomb in YAML) and
//! reads templates and damaged files as well.

use intramuros_core::document::{BlockKind, ExtractError, Extracted, Kind};

use super::writer::{Writer, at_line};
use super::{encoding, writer::clean_line};
use crate::Budget;

/// One value with the keys that lead to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The keys, joined by `.`; empty for a value without any.
    pub path: String,
    /// The value, with a line break for each line of the file that ends in it.
    pub value: String,
    /// Its line, counted from 0.
    pub line: u32,
    /// Whether it is a remark rather than a value.
    pub comment: bool,
}

/// Reads YAML, TOML, INI and properties files.
///
/// # Errors
/// When the bytes are not text, or a limit is reached.
pub fn extract(_name: &str, bytes: &[u8], budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    let text = encoding::decode(bytes, None)?;
    let mut writer = Writer::new(Kind::Data, budget);
    for entry in entries(&text) {
        let place = at_line(entry.line.saturating_add(1));
        if entry.comment {
            writer.block(BlockKind::Comment, &entry.value, place)?;
        } else {
            if entry.path == "title" {
                writer.title(&entry.value);
            }
            writer.field(&entry.path, &entry.value, place)?;
        }
    }
    writer.finish()
}

/// The values of a text in YAML, TOML or INI notation, in the order in which they stand.
pub fn entries(text: &str) -> Vec<Entry> {
    let mut reader = Reader::default();
    for (index, line) in text.lines().enumerate() {
        reader.line(line, u32::try_from(index).unwrap_or(u32::MAX));
    }
    reader.entries
}

/// Keys that are open at a line, with the indentation at which each stands.
#[derive(Default)]
struct Reader {
    entries: Vec<Entry>,
    /// The line on which the last entry ends so far, counted from 0.
    end: u32,
    open: Vec<(usize, String)>,
    table: String,
    /// A block of text (`key: |`) that runs while lines are indented deeper than this.
    block: Option<usize>,
    /// The end of a quoted text of several lines (`"""`, `'''`) that is open.
    quote: Option<&'static str>,
    /// Whether the next list item or line continues the last entry.
    list_of: Option<String>,
    /// Whether the last line was a remark, so that the next one continues it.
    commented: bool,
}

impl Reader {
    fn line(&mut self, line: &str, number: u32) {
        let text = line.trim_start();
        let indent = line.len() - text.len();
        let text = text.trim_end();
        if let Some(quote) = self.quote {
            let (value, closed) = text.split_once(quote).map_or((text, false), |(value, _)| (value, true));
            self.continue_last(value, number);
            self.quote = self.quote.filter(|_| !closed);
            return;
        }
        if let Some(block) = self.block {
            if text.is_empty() || indent > block {
                self.continue_last(text, number);
                return;
            }
            self.block = None;
        }
        if text.is_empty() || text == "---" || text == "..." {
            self.commented = false;
            return;
        }
        if let Some(comment) = text.strip_prefix(['#', ';']) {
            self.comment(comment, number);
            return;
        }
        self.commented = false;
        if let Some(table) = table_name(text) {
            self.table = table;
            self.open.clear();
            self.list_of = None;
            return;
        }
        self.value_line(text, indent, number);
    }

    fn comment(&mut self, comment: &str, number: u32) {
        let value = comment.trim_start_matches('#').trim();
        if self.commented {
            self.continue_last(value, number);
        } else if value.chars().any(char::is_alphanumeric) {
            self.push_entry(Entry {
                path: String::new(),
                value: value.to_owned(),
                line: number,
                comment: true,
            });
            self.commented = true;
        }
    }

    fn value_line(&mut self, mut text: &str, mut indent: usize, number: u32) {
        let mut item = false;
        while let Some(rest) = text.strip_prefix("- ").or(if text == "-" { Some("") } else { None }) {
            let rest_trimmed = rest.trim_start();
            indent += text.len() - rest_trimmed.len();
            text = rest_trimmed;
            item = true;
        }
        let Some((key, value)) = key_and_value(text) else {
            self.bare_value(text, item, indent, number);
            return;
        };
        self.list_of = None;
        while self.open.last().is_some_and(|(depth, _)| *depth >= indent) {
            self.open.pop();
        }
        self.open.push((indent, key));
        if matches!(
            value.trim_end_matches(['+', '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']),
            "|" | ">"
        ) {
            self.block = Some(indent);
            self.push(String::new(), number);
            return;
        }
        for quote in ["\"\"\"", "'''"] {
            if let Some(rest) = value.strip_prefix(quote) {
                let (value, closed) =
                    rest.split_once(quote).map_or((rest, false), |(value, _)| (value, true));
                self.quote = Some(quote).filter(|_| !closed);
                self.push(value.to_owned(), number);
                return;
            }
        }
        if !value.is_empty() {
            self.push(unquote(value), number);
        }
    }

    /// A line without a key: an item of a list, or the rest of a value that was wrapped.
    fn bare_value(&mut self, text: &str, item: bool, indent: usize, number: u32) {
        // An item stands at least as deep as its list's key.
        let bound = if item { indent.saturating_sub(1) } else { indent };
        while self.open.last().is_some_and(|(depth, _)| *depth > bound) {
            self.open.pop();
        }
        let path = self.path();
        let text = text.trim_end_matches(',');
        if matches!(text, "[" | "]" | "{" | "}") {
            return;
        }
        let value = unquote(text);
        match (&self.list_of, self.entries.last_mut()) {
            (Some(list), Some(last))
                if item && *list == path && last.value.len() + value.len() < LIST_BYTES =>
            {
                last.value.push(',');
                self.continue_last(&value, number);
            }
            (_, Some(last)) if !item && !last.comment && last.path == path => {
                self.continue_last(&value, number);
            }
            _ => {
                self.list_of = item.then(|| path.clone());
                self.push(value, number);
            }
        }
    }

    fn path(&self) -> String {
        let mut path = self.table.clone();
        for (_, key) in &self.open {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(key);
        }
        path
    }

    fn push(&mut self, value: String, line: u32) {
        let path = self.path();
        self.push_entry(Entry { path, value, line, comment: false });
    }

    fn push_entry(&mut self, entry: Entry) {
        self.end = entry.line;
        self.entries.push(entry);
    }

    /// Adds what stands on a further line.
    fn continue_last(&mut self, text: &str, number: u32) {
        if let Some(last) = self.entries.last_mut() {
            let ended = number.saturating_sub(self.end) as usize;
            last.value.extend(std::iter::repeat_n('\n', ended));
            last.value.push_str(text);
            self.end = number;
        }
    }
}

/// Items of a list are joined to one value up to this many bytes, so that a list of words is one block.
const LIST_BYTES: usize = 200;

/// The name in `[table]` or `[[table]]`.
fn table_name(text: &str) -> Option<String> {
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    let inner = inner.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(inner).trim();
    let is_name = !inner.is_empty() && !inner.contains([',', '{', '[']) && !inner.starts_with(['"', '\'']);
    (is_name || inner.contains("\".\"")).then(|| inner.replace('"', ""))
}

/// Splits `key: value` (YAML; a space or the end of the line after the colon) or `key = value`.
fn key_and_value(text: &str) -> Option<(String, &str)> {
    let key_end = if let Some(quote) = text.chars().next().filter(|first| matches!(first, '"' | '\'')) {
        1 + text.get(1..)?.find(quote)? + 1
    } else {
        0
    };
    let rest = text.get(key_end..)?;
    let colon = rest.match_indices(':').map(|(at, _)| at).find(|at| {
        rest.get(at + 1..).is_some_and(|after| after.is_empty() || after.starts_with([' ', '\t']))
    });
    let equals = rest.find('=');
    let at = match (colon, equals) {
        (Some(colon), Some(equals)) => colon.min(equals),
        (one, other) => one.or(other)?,
    } + key_end;
    let key = clean_line(text.get(..at)?.trim().trim_matches(['"', '\'']));
    let value = text.get(at + 1..)?.trim();
    // A sentence with a colon is no key.
    let is_key =
        !key.is_empty() && key.len() <= 100 && key.split_whitespace().count() <= 4 && !key.starts_with('{');
    is_key.then_some((key, value))
}

fn unquote(value: &str) -> String {
    let value = value.trim();
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote).and_then(|value| value.strip_suffix(quote)) {
            // An escaped line break ends no line of the file.
            return inner.replace("\\n", " ").replace("\\\"", "\"").replace("''", "'");
        }
    }
    value.to_owned()
}
