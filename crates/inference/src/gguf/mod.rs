//! What does a model say whose file lies here?
//!
//! One [`Gguf`] for each model declared with `kind = "gguf"`. The file is read into memory when the model is first asked (or
//! [`Gguf::warm`]ed), by a thread of its own; answers are computed by one thread for each place. Dropping an answer ends its
//! computation at the next token, or at the next piece of the prompt.

mod engine;
mod prompt;
mod text;

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use intramuros_core::error::Error;
use intramuros_core::perimeter::{DEFAULT_CONTEXT_TOKENS, Model};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::endpoint::{ChatRequest, Counters, ModelError, Usage, Used};
use crate::places::{Place, Places};
use engine::{Job, Said, Settings};

/// Answers at once where nothing is declared: one has all processors.
const DEFAULT_CONCURRENCY: u32 = 1;

/// Pieces of an answer that may wait for their reader: a few seconds of writing.
const WAITING_PIECES: usize = 64;

/// What every GGUF file begins with, and the versions of it that llama.cpp reads.
const MAGIC: &[u8; 4] = b"GGUF";
const VERSIONS: std::ops::RangeInclusive<u32> = 2..=3;

/// A model in this process.
pub struct Gguf {
    declared: Model,
    settings: Settings,
    places: Places,
    usage: Counters,
    /// Where answers are asked for; absent until the first.
    jobs: OnceLock<std::sync::mpsc::Sender<Job>>,
}

impl Gguf {
    /// The model of a declaration. Of its file only the beginning is read.
    ///
    /// # Errors
    /// When the file can't be read, or is none of this kind.
    pub fn new(model: &Model) -> Result<Gguf, Error> {
        let name = &model.name;
        let file =
            model.file.clone().ok_or_else(|| Error::config(format!("the model {name} has no `file`")))?;
        check_head(name, &file)?;
        let places = Places::of(model, DEFAULT_CONCURRENCY);
        let settings = Settings {
            name: name.clone(),
            file,
            context_tokens: model.context_tokens.unwrap_or(DEFAULT_CONTEXT_TOKENS).max(1),
            places: places.count(),
        };
        Ok(Gguf {
            declared: model.clone(),
            settings,
            places,
            usage: Counters::default(),
            jobs: OnceLock::new(),
        })
    }

    /// What it was made from.
    pub fn declared(&self) -> &Model {
        &self.declared
    }

    /// Its name in `intramuros.toml`.
    pub fn name(&self) -> &str {
        &self.declared.name
    }

    /// The model to take when this one fails.
    pub fn fallback(&self) -> Option<&str> {
        self.declared.fallback.as_deref()
    }

    /// Tokens of its context: question, passages and answer together.
    pub fn context_tokens(&self) -> u32 {
        self.settings.context_tokens
    }

    /// What it was used for since the start.
    pub fn used(&self) -> Used {
        self.usage.read()
    }

    /// Begins to load the file, where that was not done yet.
    pub fn warm(&self) {
        self.jobs.get_or_init(|| engine::start(self.settings.clone()));
    }

    /// Puts a question. The answer is read from the stream; dropping it ends the computation.
    ///
    /// # Errors
    /// When all places stay taken. What else goes wrong is told by the stream.
    pub async fn chat(self: &Arc<Gguf>, request: &ChatRequest) -> Result<Answer, ModelError> {
        self.usage.requests.fetch_add(1, Ordering::Relaxed);
        let deadline = Instant::now() + self.places.timeout();
        let place = self.places.take().await.inspect_err(|_| {
            self.usage.failures.fetch_add(1, Ordering::Relaxed);
        })?;
        let (sender, said) = mpsc::channel(WAITING_PIECES);
        let job = Job {
            messages: request.messages.clone(),
            max_tokens: request.max_tokens,
            temperature: request.temperature,
            deadline: deadline.into_std(),
            said: sender,
        };
        let jobs = self.jobs.get_or_init(|| engine::start(self.settings.clone()));
        // Without threads that listen, the stream has no end and says so.
        let _ = jobs.send(job);
        Ok(Answer {
            model: Arc::clone(self),
            _place: place,
            said,
            deadline,
            usage: None,
            cut_short: false,
            ended: false,
        })
    }
}

/// Tells a file that is no model before anything is started with it.
fn check_head(name: &str, file: &Path) -> Result<(), Error> {
    let shown = file.display();
    let mut head = [0; 8];
    File::open(file).and_then(|mut file| file.read_exact(&mut head)).map_err(|error| {
        Error::config(format!("the file of the model {name} can't be read from {shown}")).because(error)
    })?;
    let [a, b, c, d, version @ ..] = head;
    if &[a, b, c, d] != MAGIC {
        return Err(Error::config(format!("the file of the model {name} is no GGUF file: {shown}")));
    }
    let version = u32::from_le_bytes(version);
    if !VERSIONS.contains(&version) {
        let what = format!(
            "the file of the model {name} is of GGUF version {version}, from 2 to 3 are read: {shown}"
        );
        return Err(Error::config(what));
    }
    Ok(())
}

/// An answer as it comes.
pub struct Answer {
    model: Arc<Gguf>,
    _place: Place,
    said: mpsc::Receiver<Result<Said, ModelError>>,
    deadline: Instant,
    usage: Option<Usage>,
    cut_short: bool,
    ended: bool,
}

impl Answer {
    /// The next piece of text; none at the end. What the model thinks before is none of it.
    ///
    /// # Errors
    /// When the model can't be loaded, the question is too long for it, or it takes too long. What came before is all there is.
    pub async fn next(&mut self) -> Result<Option<String>, ModelError> {
        if self.ended {
            return Ok(None);
        }
        let said = match tokio::time::timeout_at(self.deadline, self.said.recv()).await {
            Ok(said) => said.unwrap_or_else(|| Err(ModelError::Failed("its thread ended".to_owned()))),
            Err(_) => Err(self.model.places.slow()),
        };
        match said {
            Ok(Said::Text(text)) => Ok(Some(text)),
            Ok(Said::End { usage, cut_short }) => {
                (self.ended, self.cut_short, self.usage) = (true, cut_short, Some(usage));
                self.model.usage.add(usage);
                Ok(None)
            }
            Err(error) => {
                self.ended = true;
                self.model.usage.failures.fetch_add(1, Ordering::Relaxed);
                // What is still computed would be read by nobody.
                self.said.close();
                Err(error)
            }
        }
    }

    /// Whether the model stopped because it had no tokens left.
    pub fn was_cut_short(&self) -> bool {
        self.cut_short
    }

    /// Tokens of this answer, at its end.
    pub fn usage(&self) -> Option<Usage> {
        self.usage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_model_is_told_before_it_is_loaded() {
        let check = |bytes: Option<&[u8]>, expected: &str| {
            let path = std::env::temp_dir().join(format!("intramuros-head-{}", std::process::id()));
            _ = std::fs::remove_file(&path);
            if let Some(bytes) = bytes {
                std::fs::write(&path, bytes).unwrap();
            }
            let said = check_head("small", &path).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(said.contains(expected) && said.is_empty() == expected.is_empty(), "{said}");
            _ = std::fs::remove_file(&path);
        };
        check(None, "can't be read");
        check(Some(b""), "can't be read");
        check(Some(b"GGUF"), "can't be read");
        check(Some(b"<!DOCTYPE html>"), "is no GGUF file");
        check(Some(b"GGUF\x01\0\0\0"), "of GGUF version 1");
        check(Some(b"GGUF\x03\0\0\0"), "");
    }
}
