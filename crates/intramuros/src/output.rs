//! How are results, progress and errors shown in a terminal, a pipe and a log?

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use intramuros_core::document::turns_direction;
use intramuros_core::error::Error;
use intramuros_netpol::language::Language;
use serde::Serialize;

use crate::language::language;

/// Standard output and standard error, with what they can show.
pub struct Output {
    colour: bool,
    language: Language,
}

impl Output {
    /// Looks at what standard output is.
    pub fn new() -> Output {
        let colour =
            io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Output { colour, language: language() }
    }

    /// The language of the person.
    pub fn language(&self) -> Language {
        self.language
    }

    /// What the person reads, of the two.
    pub fn pick<T>(&self, french: T, english: T) -> T {
        self.language.pick(french, english)
    }

    /// Whether standard error is a terminal: progress is a bar there, lines elsewhere.
    pub fn shows_progress(&self) -> bool {
        io::stderr().is_terminal()
    }

    /// Whether results may be coloured.
    pub fn colour(&self) -> bool {
        self.colour
    }

    /// Columns of the terminal, or 100.
    pub fn width(&self) -> usize {
        std::env::var("COLUMNS")
            .ok()
            .and_then(|columns| columns.parse().ok())
            .filter(|width| *width >= 40)
            .unwrap_or(100)
    }

    /// Standard output, for functions that write by themselves. It ends quietly when nobody reads any more.
    pub fn writer(&self) -> impl Write + use<> {
        Quiet(io::stdout())
    }

    /// A line of the result.
    pub fn line(&mut self, text: &str) {
        _ = writeln!(self.writer(), "{}", harmless(text, self.colour));
    }

    /// A line about the work, beside the result.
    pub fn note(&mut self, text: &str) {
        _ = writeln!(io::stderr(), "{}", harmless(text, self.colour));
    }

    /// A value as indented JSON.
    ///
    /// # Errors
    /// Never for our own types.
    pub fn json<T: Serialize>(&mut self, value: &T) -> Result<(), Error> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| Error::internal("a result can't be written as JSON").because(error))?;
        self.line(&text);
        Ok(())
    }

    /// An error with what to do next.
    pub fn error(&mut self, error: &Error) {
        let mut text = format!("{}: {error}\n", error.kind.word());
        for hint in &error.hints {
            text.push_str(&format!("  hint: {hint}\n"));
        }
        _ = io::stderr().write_all(harmless(&text, false).as_bytes());
    }

    /// Text in bold where colours are shown.
    pub fn bold(&self, text: &str) -> String {
        self.styled("1", text)
    }

    /// Text that stands back.
    pub fn dim(&self, text: &str) -> String {
        self.styled("2", text)
    }

    /// A text with marked words.
    pub fn marked(&self, text: &str, marks: &[std::ops::Range<usize>]) -> String {
        let mut shown = String::new();
        let mut at = 0;
        for mark in marks {
            shown.push_str(text.get(at..mark.start).unwrap_or_default());
            shown.push_str(&self.styled("1;33", text.get(mark.clone()).unwrap_or_default()));
            at = mark.end;
        }
        shown.push_str(text.get(at..).unwrap_or_default());
        shown
    }

    fn styled(&self, code: &str, text: &str) -> String {
        let text = harmless(text, false);
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.into_owned() }
    }
}

/// A name in one line and one column: a file may be called `a.txt\nnothing was left unread`, and must not say so.
pub fn name(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let shown = |letter: char| match letter {
        '\n' | '\r' | '\t' => letter.escape_default().to_string(),
        letter if letter.is_control() => char::REPLACEMENT_CHARACTER.to_string(),
        letter => letter.to_string(),
    };
    Cow::Owned(text.chars().map(shown).collect())
}

/// A text without what a terminal would obey: names of files hold whatever somebody put there, and can rename the
/// window, hide lines, or write from right to left. With `styled` what [`Output::bold`] and its like added stays.
fn harmless(text: &str, styled: bool) -> Cow<'_, str> {
    let obeyed =
        |letter: char| (letter.is_control() && !matches!(letter, '\n' | '\t')) || turns_direction(letter);
    if !text.contains(obeyed) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let style = STYLES.iter().find(|style| styled && rest.starts_with(**style));
        let taken = style.map_or(letter.len_utf8(), |style| style.len());
        match style {
            Some(style) => shown.push_str(style),
            None => shown.push(if obeyed(letter) { char::REPLACEMENT_CHARACTER } else { letter }),
        }
        rest = rest.get(taken..).unwrap_or_default();
    }
    Cow::Owned(shown)
}

/// Every style that is used, and its end.
const STYLES: [&str; 4] = ["\u{1b}[1m", "\u{1b}[2m", "\u{1b}[1;33m", "\u{1b}[0m"];

/// Exit code when the result can't be written, such as on a full disk: as sysexits.h has it.
const NOT_WRITTEN: i32 = 74;

/// Standard output that ends the program quietly when its reader is gone (`intramuros search … | head`), and with a
/// word about it when the result can't be written: whoever redirects it takes what is there for the whole.
struct Quiet(io::Stdout);

impl Write for Quiet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(end_if_nobody_reads)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(end_if_nobody_reads)
    }
}

fn end_if_nobody_reads(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::BrokenPipe => std::process::exit(0),
        io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock => error,
        _ => {
            _ = writeln!(io::stderr(), "error: the result can't be written: {error}");
            std::process::exit(NOT_WRITTEN);
        }
    }
}

/// Starts the log on standard error: warnings, or what INTRAMUROS_LOG says. It never holds texts, questions or keys.
pub fn start_log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("INTRAMUROS_LOG").unwrap_or_else(|_| {
        tracing_subscriber::EnvFilter::new("warn,tantivy=error,intramuros_operator=info")
    });
    // kube's client writes bodies that it does not understand into its log, and bodies hold credentials.
    let filter = match "kube_client=off".parse() {
        Ok(directive) => filter.add_directive(directive),
        Err(_) => filter,
    };
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_target(false).init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_do_nothing_to_a_terminal() {
        let check = |text: &str, styled: bool, expected: &str| assert_eq!(harmless(text, styled), expected);
        check("Été 2024 — 😀.md\ttwo\nlines", false, "Été 2024 — 😀.md\ttwo\nlines");
        check(
            "a\u{1b}[2J\u{1b}]0;PWN\u{7}b\u{9b}31m\r",
            true,
            "a\u{fffd}[2J\u{fffd}]0;PWN\u{fffd}b\u{fffd}31m\u{fffd}",
        );
        check("\u{1b}[1mbold\u{1b}[0m", true, "\u{1b}[1mbold\u{1b}[0m");
        check("\u{1b}[1mbold\u{1b}[0m", false, "\u{fffd}[1mbold\u{fffd}[0m");
        check("exe.\u{202e}fdp", true, "exe.\u{fffd}fdp");
        let check = |text: &str, expected: &str| assert_eq!(name(text), expected);
        check("Été 2024 — 😀.md", "Été 2024 — 😀.md");
        check("a.txt\nb\tc\r\u{1b}[8m\u{85}", "a.txt\\nb\\tc\\r\u{fffd}[8m\u{fffd}");
        let out = Output { colour: true, language: Language::English };
        assert_eq!(out.bold("a\u{1b}[8mb"), "\u{1b}[1ma\u{fffd}[8mb\u{1b}[0m");
    }
}
