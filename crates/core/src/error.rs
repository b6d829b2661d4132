//! How does an error tell what failed, for which input, and what to do next?

use std::fmt;

/// Whose matter an error is; it decides the exit code of the command line and the status of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The person asked for something that can't be done as asked. Exit code 1.
    User,
    /// `intramuros.toml` or the surroundings (ports, permissions, a second process) stand in the way. Exit code 2.
    Config,
    /// A file or a stored value is damaged or unreadable. Exit code 3.
    Data,
    /// Something outside did not answer as it should. Exit code 4.
    Peer,
    /// A fault of ours. Exit code 255.
    Internal,
}

impl ErrorKind {
    /// The exit code of the command line.
    pub fn exit_code(self) -> u8 {
        match self {
            ErrorKind::User => 1,
            ErrorKind::Config => 2,
            ErrorKind::Data => 3,
            ErrorKind::Peer => 4,
            ErrorKind::Internal => 255,
        }
    }

    /// The word shown before the message.
    pub fn word(self) -> &'static str {
        match self {
            ErrorKind::User => "error",
            ErrorKind::Config => "configuration error",
            ErrorKind::Data => "damaged data",
            ErrorKind::Peer => "no proper answer",
            ErrorKind::Internal => "internal error",
        }
    }
}

/// An error for a person: what failed, for which input, and what to do next.
///
/// The message never holds a document's text, a question, a token or a key.
#[derive(Debug)]
pub struct Error {
    /// Whose matter it is.
    pub kind: ErrorKind,
    /// What failed, for which input.
    pub message: String,
    /// What to do next, most useful first.
    pub hints: Vec<String>,
    /// What lies beneath, for the log.
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of a kind, with its message.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error { kind, message: message.into(), hints: Vec::new(), source: None }
    }

    /// What the person asked for can't be done.
    pub fn user(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::User, message)
    }

    /// The configuration or the surroundings stand in the way.
    pub fn config(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Config, message)
    }

    /// Damaged or unreadable data.
    pub fn data(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Data, message)
    }

    /// A fault of ours.
    pub fn internal(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Internal, message)
    }

    /// Adds what to do next.
    pub fn hint(mut self, hint: impl Into<String>) -> Error {
        self.hints.push(hint.into());
        self
    }

    /// Adds what lies beneath.
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        self.source = Some(source.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)?;
        let mut source = self.source.as_deref().map(|source| source as &dyn std::error::Error);
        while let Some(error) = source {
            write!(formatter, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn std::error::Error + 'static))
    }
}
