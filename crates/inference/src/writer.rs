//! Which declared models write answers, and how is each asked, wherever it is?
//!
//! A model at a service ([`Endpoint`]) or, with the feature `llama`, a GGUF file in this process. Both answer as a stream
//! that is given up by dropping it.

use std::sync::Arc;

use intramuros_core::error::Error;
use intramuros_core::perimeter::{Model, ModelKind, ModelUse};
use intramuros_egress::Egress;

use crate::endpoint::{ChatRequest, ChatStream, Endpoint, ModelError, ToolCall, Usage, Used};
#[cfg(feature = "llama")]
use crate::gguf::{Answer, Gguf};

/// A model that writes. Cloning gives the same model.
#[derive(Clone)]
pub enum Writer {
    /// At a service.
    Service(Arc<Endpoint>),
    /// In this process.
    #[cfg(feature = "llama")]
    File(Arc<Gguf>),
}

impl Writer {
    /// The model of a declaration. Nothing is sent or loaded yet.
    ///
    /// # Errors
    /// When its key or file can't be read, or the program was built without what runs it.
    pub fn new(model: &Model, egress: &Egress) -> Result<Writer, Error> {
        if model.kind == ModelKind::Gguf {
            return of_file(model);
        }
        Ok(Writer::Service(Arc::new(Endpoint::new(model, egress.clone())?)))
    }

    /// All declared models that write, in the order of their declaration. Those of `before` that are declared as they were
    /// are taken over.
    ///
    /// # Errors
    /// As [`Writer::new`].
    pub fn all(models: &[Model], egress: &Egress, before: &[Writer]) -> Result<Vec<Writer>, Error> {
        let writes = |model: &&Model| model.purpose == ModelUse::Answers && model.kind != ModelKind::BuiltIn;
        let kept = |model: &Model| before.iter().find(|writer| writer.is_of(model)).cloned();
        let made = |model: &Model| kept(model).map_or_else(|| Writer::new(model, egress), Ok);
        models.iter().filter(writes).map(made).collect()
    }

    /// Its name in `intramuros.toml`.
    pub fn name(&self) -> &str {
        match self {
            Writer::Service(endpoint) => endpoint.name(),
            #[cfg(feature = "llama")]
            Writer::File(file) => file.name(),
        }
    }

    /// The model to take when this one fails.
    pub fn fallback(&self) -> Option<&str> {
        match self {
            Writer::Service(endpoint) => endpoint.fallback(),
            #[cfg(feature = "llama")]
            Writer::File(file) => file.fallback(),
        }
    }

    /// Tokens of its context: question, passages and answer together.
    pub fn context_tokens(&self) -> u32 {
        match self {
            Writer::Service(endpoint) => endpoint.context_tokens(),
            #[cfg(feature = "llama")]
            Writer::File(file) => file.context_tokens(),
        }
    }

    /// Tokens of its longest answer, where that is declared.
    pub fn max_tokens(&self) -> Option<u32> {
        match self {
            Writer::Service(endpoint) => endpoint.max_tokens(),
            #[cfg(feature = "llama")]
            Writer::File(file) => file.declared().max_tokens,
        }
    }

    /// Tokens that one person may use of it in a day, where that is declared.
    pub fn tokens_per_person_per_day(&self) -> Option<u64> {
        match self {
            Writer::Service(endpoint) => endpoint.tokens_per_person_per_day(),
            #[cfg(feature = "llama")]
            Writer::File(file) => file.declared().tokens_per_person_per_day,
        }
    }

    /// Whether it is declared that it is offered tools.
    pub fn takes_tools(&self) -> bool {
        match self {
            Writer::Service(endpoint) => endpoint.takes_tools(),
            #[cfg(feature = "llama")]
            Writer::File(_) => false,
        }
    }

    /// What it was used for since the start.
    pub fn used(&self) -> Used {
        match self {
            Writer::Service(endpoint) => endpoint.used(),
            #[cfg(feature = "llama")]
            Writer::File(file) => file.used(),
        }
    }

    /// Begins to load what has to be loaded, so that the first question need not wait for it.
    pub fn warm(&self) {
        match self {
            Writer::Service(_) => {}
            #[cfg(feature = "llama")]
            Writer::File(file) => file.warm(),
        }
    }

    /// Whether it was made from this declaration, and need not be made, nor loaded, once more.
    pub fn is_of(&self, #[cfg_attr(not(feature = "llama"), expect(unused_variables))] model: &Model) -> bool {
        match self {
            // A key may have changed in its file: what is new is read anew.
            Writer::Service(_) => false,
            #[cfg(feature = "llama")]
            Writer::File(file) => file.declared() == model,
        }
    }

    /// Puts a question. The answer is read from the stream; dropping it ends the work.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn chat(&self, request: &ChatRequest) -> Result<Stream, ModelError> {
        match self {
            Writer::Service(endpoint) => endpoint.chat(request).await.map(Box::new).map(Stream::Service),
            #[cfg(feature = "llama")]
            Writer::File(file) => file.chat(request).await.map(Stream::File),
        }
    }
}

#[cfg(feature = "llama")]
fn of_file(model: &Model) -> Result<Writer, Error> {
    Ok(Writer::File(Arc::new(Gguf::new(model)?)))
}

#[cfg(not(feature = "llama"))]
fn of_file(model: &Model) -> Result<Writer, Error> {
    let what =
        format!("the model {} is a GGUF file, and this program was built without what runs one", model.name);
    Err(Error::config(what).hint("build it with `cargo build --release --features llama`"))
}

/// An answer as it comes.
pub enum Stream {
    /// From a service.
    Service(Box<ChatStream>),
    /// From this process.
    #[cfg(feature = "llama")]
    File(Answer),
}

impl Stream {
    /// The next piece of text; none at the end.
    ///
    /// # Errors
    /// When the answer breaks off or takes too long. What came before is all there is.
    pub async fn next(&mut self) -> Result<Option<String>, ModelError> {
        match self {
            Stream::Service(stream) => stream.next().await,
            #[cfg(feature = "llama")]
            Stream::File(answer) => answer.next().await,
        }
    }

    /// Whether the model stopped because it had no tokens left.
    pub fn was_cut_short(&self) -> bool {
        match self {
            Stream::Service(stream) => stream.was_cut_short(),
            #[cfg(feature = "llama")]
            Stream::File(answer) => answer.was_cut_short(),
        }
    }

    /// The calls that the model asks for; whole at the end of the stream.
    pub fn calls(&self) -> Vec<ToolCall> {
        match self {
            Stream::Service(stream) => stream.calls(),
            #[cfg(feature = "llama")]
            Stream::File(_) => Vec::new(),
        }
    }

    /// Tokens of this answer, where they are known.
    pub fn usage(&self) -> Option<Usage> {
        match self {
            Stream::Service(stream) => stream.usage(),
            #[cfg(feature = "llama")]
            Stream::File(answer) => answer.usage(),
        }
    }
}
