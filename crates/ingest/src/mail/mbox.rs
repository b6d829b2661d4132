//! Which messages are in this mailbox?

use std::borrow::Cow;

use intramuros_core::document::{ExtractError, Extracted, Kind, Part};

use super::eml;
use crate::Budget;

/// What begins a message, after a blank line.
const SEPARATOR: &[u8] = b"From ";

/// Reads mbox files: one part per message, named by its number.
///
/// # Errors
/// When the file does not begin with a message.
pub fn extract(_name: &str, bytes: &[u8], budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    if !bytes.starts_with(SEPARATOR) {
        return Err(ExtractError::Corrupt("a mailbox begins with \u{201c}From \u{201d}".to_owned()));
    }
    let mut mailbox = Extracted { kind: Some(Kind::Mail), ..Extracted::default() };
    let inside = budget.deeper()?;
    for (index, message) in messages(bytes).enumerate() {
        let stopped = budget.count_member().and_then(|()| budget.count_text(0));
        if let Err(error) = stopped {
            mailbox.warnings.push(format!("stopped after {index} messages: {error}"));
            break;
        }
        let name = format!("{:05}.eml", index + 1);
        let outcome = eml::extract(&name, &unquoted(message), &inside);
        mailbox.parts.push(Part::new(name, outcome));
    }
    Ok(mailbox)
}

/// The messages of a mailbox, without the lines that separate them.
fn messages(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        // The separator's own line is no part of the message.
        let start = rest.iter().position(|byte| *byte == b'\n')? + 1;
        let message = rest.get(start..)?;
        let end = next_separator(message);
        rest = message.get(end..).unwrap_or_default();
        message.get(..end)
    })
}

/// Where the next message begins: at a separator that looks like one (`From anne@example.org Wed Nov 21 …`) and
/// stands after a blank line.
fn next_separator(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(found) = bytes.get(at..).and_then(|rest| find(rest, b"\nFrom ")) {
        let start = at + found + 1;
        let before = bytes.get(..start).unwrap_or_default();
        let after_blank = before == b"\n" || before.ends_with(b"\n\n") || before.ends_with(b"\n\r\n");
        let line =
            bytes.get(start..).and_then(|rest| rest.split(|byte| *byte == b'\n').next()).unwrap_or_default();
        let has_time = line
            .windows(3)
            .any(|three| matches!(three, [a, b':', b] if a.is_ascii_digit() && b.is_ascii_digit()));
        if after_blank && has_time {
            return start;
        }
        at = start;
    }
    bytes.len()
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = *wanted.first()?;
    let mut at = 0;
    loop {
        at += bytes.get(at..)?.iter().position(|byte| *byte == first)?;
        if bytes.get(at..)?.starts_with(wanted) {
            return Some(at);
        }
        at += 1;
    }
}

/// The message with `>From ` at the beginning of a line turned back to `From `.
fn unquoted(message: &[u8]) -> Cow<'_, [u8]> {
    if find(message, b"\n>From ").is_none() {
        return message.into();
    }
    let mut out = Vec::with_capacity(message.len());
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        out.extend_from_slice(
            line.strip_prefix(b">").filter(|rest| rest.starts_with(SEPARATOR)).unwrap_or(line),
        );
    }
    out.into()
}
