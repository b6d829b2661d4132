//! What went wrong, in which input, and what can the reader do about it?

use crate::language::{Language, say};
use std::fmt;
use std::sync::Arc;

/// Where an object, a rule or a matrix line was read: file name as given, line counted from 1 (0 when unknown).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// The file as it was named on the command line, or `-` for standard input.
    pub file: Arc<str>,
    /// Line in that file, counted from 1; 0 when the object was built in memory.
    pub line: u32,
}

impl Origin {
    /// An origin in `file` at `line`.
    pub fn new(file: &Arc<str>, line: u32) -> Self {
        Self { file: Arc::clone(file), line }
    }

    /// The origin of values that no file holds: presets, defaults, tests.
    pub fn built_in() -> Self {
        Self { file: Arc::from("built-in"), line: 0 }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.file),
            line => write!(f, "{}:{line}", self.file),
        }
    }
}

/// What kind of failure it is; commands turn it into an exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The command line asks for something that cannot be.
    Usage,
    /// A file that was read is broken, too large or means nothing.
    Input,
    /// The chosen dialect cannot say what the matrix asks.
    Inexpressible,
    /// The operating system refused a read or a write.
    Io,
    /// A bug in this program.
    Internal,
}

/// A failure: its kind, one or more lines of message (each with file and line), and what to try next.
#[derive(Clone, Debug)]
pub struct Error {
    /// What kind of failure it is.
    pub kind: ErrorKind,
    /// What failed, for which input.
    pub message: String,
    /// What to do next.
    pub hints: Vec<String>,
}

/// The result of everything that can fail here.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A failure of `kind` with this message.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hints: Vec::new() }
    }

    /// A broken input, at its place.
    pub fn input(origin: &Origin, message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Input, format!("{origin}: {message}"))
    }

    /// A command line that cannot be.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// The same failure in one language.
    #[must_use]
    pub fn read(self, language: Language) -> Self {
        let hints = self.hints.iter().map(|hint| language.read(hint)).collect();
        Self { kind: self.kind, message: language.read(&self.message), hints }
    }

    /// The same failure with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// One failure out of several, one line each; `None` when there is none.
    pub fn join(errors: Vec<Self>) -> Option<Self> {
        /// Enough to repair a folder in one go without drowning the terminal.
        const SHOWN: usize = 20;
        let total = errors.len();
        let mut errors = errors.into_iter();
        let mut first = errors.next()?;
        for error in errors.by_ref().take(SHOWN - 1) {
            first.message.push('\n');
            first.message.push_str(&error.message);
            for hint in error.hints {
                if !first.hints.contains(&hint) {
                    first.hints.push(hint);
                }
            }
        }
        if total > SHOWN {
            first.message.push_str(&say!("\n… et {} autres", "\n… and {} more", total - SHOWN));
        }
        Some(first)
    }
}

impl fmt::Display for Error {
    /// In English; [`Error::read`] first for another language.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Language::English.read(&self.message))
    }
}

impl std::error::Error for Error {}
