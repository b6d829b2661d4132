//! Which places outside are declared, and with which secrets?

use std::fmt;

use intramuros_core::document::Limits;
use intramuros_core::error::Error;
use intramuros_core::perimeter::{Perimeter, Source, SourceKind};

/// Longest secret, in bytes. 8 KiB: longer than any password or token.
const MAX_SECRET_BYTES: usize = 8192;

/// A password, token or key. Never shown.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// What is to be kept secret.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// A place outside as it is declared, with what is needed to visit it.
#[derive(Clone, Debug)]
pub struct Declared {
    /// What is declared.
    pub source: Source,
    /// The secret; none where none is declared.
    pub secret: Option<Secret>,
    /// Most bytes of one file.
    pub file_bytes: u64,
}

impl Declared {
    /// All places outside. Reads their secrets now: a sealed process can't read them later.
    ///
    /// # Errors
    /// Which secret can't be read.
    pub fn all(perimeter: &Perimeter) -> Result<Vec<Declared>, Error> {
        let file_bytes = perimeter.limits.over(Limits::default()).file_bytes;
        let outside = |source: &&Source| source.is_remote() && source.kind != SourceKind::Uploads;
        let remote = perimeter.sources.iter().filter(outside);
        remote
            .map(|source| Ok(Declared { source: source.clone(), secret: secret(source)?, file_bytes }))
            .collect()
    }

    /// The address, which was checked with the configuration.
    pub(crate) fn url(&self) -> &str {
        self.source.url.as_deref().unwrap_or_default()
    }

    /// What tells this place from another one under the same name.
    pub(crate) fn identity(&self) -> String {
        let source = &self.source;
        let part = |text: &Option<String>| text.clone().unwrap_or_default();
        [source.kind.word().to_owned(), part(&source.url), part(&source.user), part(&source.branch)].join(" ")
    }
}

fn secret(source: &Source) -> Result<Option<Secret>, Error> {
    let of = |what: String| format!("source `{}`: {what}", source.name);
    let text = match (&source.secret_file, &source.secret_variable) {
        (Some(path), _) => std::fs::read_to_string(path).map_err(|error| {
            Error::config(of(format!("secret_file: {} can't be read", path.display()))).because(error)
        })?,
        (None, Some(name)) => std::env::var(name).map_err(|_| {
            Error::config(of(format!("secret_variable: {name} is not set in the environment")))
        })?,
        (None, None) => return Ok(None),
    };
    let text = text.trim_end_matches(['\n', '\r']);
    if text.is_empty() || text.len() > MAX_SECRET_BYTES || text.contains(['\n', '\r', '\0']) {
        return Err(Error::config(of("the secret is empty, too long, or of several lines".to_owned()))
            .hint("write the password, token or key alone into the file"));
    }
    Ok(Some(Secret(text.to_owned())))
}
