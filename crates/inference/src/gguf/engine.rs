//! How does llama.cpp load a file, and write an answer?
//!
//! One thread loads the model and owns it; for each place it starts another one with a context of its own, which takes one
//! job after the other. All end when nobody can ask any more. Nothing of one answer is kept for the next: how long an
//! answer takes says nothing about what others asked.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Instant;

use intramuros_core::chat::{Message, Role};
use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::model::{LlamaChatMessage, LlamaChatTemplate, LlamaModel};
use llama_cpp_2::sampling::LlamaSampler;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::vocab::LlamaVocab;
use llama_cpp_2::{LogOptions, send_logs_to_tracing};

use super::prompt::{Part, parts, role, sign};
use super::text::Written;
use crate::endpoint::{ModelError, Usage};
use crate::thoughts::{Amiss, Thoughts, is_of_mark};

/// Tokens of a prompt that are read at once: between two pieces it is seen that nobody waits any more. Larger pieces are
/// hardly faster.
const PROMPT_PIECE: usize = 128;

/// Where chance begins, for who asks for some: the same question gets the same answer.
const SEED: u32 = 7;

/// What is declared of a model.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub name: String,
    pub file: PathBuf,
    pub context_tokens: u32,
    pub places: u32,
}

/// An answer to be written.
pub(super) struct Job {
    pub messages: Vec<Message>,
    pub max_tokens: u32,
    pub temperature: f32,
    pub deadline: Instant,
    pub said: tokio::sync::mpsc::Sender<Result<Said, ModelError>>,
}

/// What is told of an answer.
pub(super) enum Said {
    Text(String),
    End { usage: Usage, cut_short: bool },
}

impl Job {
    /// Whether somebody waits, and may.
    fn is_wanted(&self) -> bool {
        !self.said.is_closed() && Instant::now() < self.deadline
    }

    /// Tells something; false when nobody listens.
    fn tell(&self, said: Said) -> bool {
        self.said.blocking_send(Ok(said)).is_ok()
    }
}

/// Starts the thread that loads a model, and gives the way to ask it.
pub(super) fn start(settings: Settings) -> Sender<Job> {
    let (sender, jobs) = channel();
    let name = settings.name.clone();
    let thread = std::thread::Builder::new().name("gguf".to_owned()).spawn(move || run(&settings, jobs));
    if let Err(error) = thread {
        tracing::error!(model = name, %error, "no thread for a model");
    }
    sender
}

fn run(settings: &Settings, jobs: Receiver<Job>) {
    let jobs = Mutex::new(jobs);
    if let Err(why) = serve(settings, &jobs) {
        tracing::error!(model = settings.name, file = %settings.file.display(), why, "a model can't be run");
        for job in jobs.into_inner().unwrap_or_else(PoisonError::into_inner) {
            _ = job.said.blocking_send(Err(ModelError::NotLoaded(why)));
        }
    }
}

/// The one start of llama.cpp in a process.
fn backend() -> Option<&'static LlamaBackend> {
    static BACKEND: OnceLock<Option<LlamaBackend>> = OnceLock::new();
    let begin = || {
        // Why a file can't be loaded stands there; texts of people and documents do not.
        send_logs_to_tracing(LogOptions::default());
        LlamaBackend::init().ok()
    };
    BACKEND.get_or_init(begin).as_ref()
}

/// Loads the model, and lets it answer until nobody can ask any more.
fn serve(settings: &Settings, jobs: &Mutex<Receiver<Job>>) -> Result<(), &'static str> {
    let begun = Instant::now();
    let backend = backend().ok_or("llama.cpp did not start")?;
    if !settings.file.is_file() {
        return Err("its file is gone");
    }
    // Read rather than mapped: a file that is replaced or cut while it serves would end the program.
    let how = LlamaModelParams::default().with_use_mmap(false).with_n_gpu_layers(0);
    let model = LlamaModel::load_from_file(backend, &settings.file, &how)
        .map_err(|_| "llama.cpp can't load the file: it is damaged, cut off, too large for the memory, or of an unknown kind")?;
    if settings.context_tokens > model.n_ctx_train() {
        tracing::error!(
            model = settings.name,
            trained_with = model.n_ctx_train(),
            "`context_tokens` is too large"
        );
        return Err("`context_tokens` is more than the model was trained with");
    }
    let template = model
        .chat_template(None)
        .map_err(|_| "the file has no chat template: it is no model for questions")?;
    let one = Loaded { model: &model, template, settings, thinks_first: AtomicBool::new(false) };
    one.prompt(&[Message::new(Role::System, "a"), Message::new(Role::User, "b")])
        .ok_or("its chat template is none that llama.cpp knows")?;
    let contexts: Vec<LlamaContext<'_>> = (0..settings.places)
        .map(|_| {
            model.new_context(backend, context_params(settings)).map_err(|_| "no memory for its context")
        })
        .collect::<Result<_, _>>()?;
    tracing::info!(model = settings.name, ms = begun.elapsed().as_millis(), "a model is loaded");
    std::thread::scope(|scope| {
        for context in contexts {
            scope.spawn(|| one.work(context, jobs));
        }
    });
    Ok(())
}

fn context_params(settings: &Settings) -> LlamaContextParams {
    let processors = std::thread::available_parallelism().map_or(1, |count| count.get() as u32);
    let threads = (processors / settings.places).max(1) as i32;
    LlamaContextParams::default()
        .with_n_ctx(NonZeroU32::new(settings.context_tokens))
        .with_n_batch(PROMPT_PIECE as u32)
        .with_n_ubatch(PROMPT_PIECE as u32)
        .with_n_threads(threads)
        .with_n_threads_batch(threads)
}

/// A model in memory.
struct Loaded<'a> {
    model: &'a LlamaModel,
    template: LlamaChatTemplate,
    settings: &'a Settings,
    /// Whether it was seen to begin with thoughts that no mark opens.
    thinks_first: AtomicBool,
}

/// What a model is given to go on from.
struct Prompt {
    tokens: Vec<LlamaToken>,
    /// What may follow it before the answer.
    thoughts: Thoughts,
}

impl Loaded<'_> {
    /// Takes one job after the other.
    fn work(&self, mut context: LlamaContext<'_>, jobs: &Mutex<Receiver<Job>>) {
        loop {
            let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(job) = next else { return };
            if let Err(error) = self.answer(&mut context, &job) {
                _ = job.said.blocking_send(Err(error));
            }
            context.clear_kv_cache();
        }
    }

    /// Writes an answer; ends early, and says nothing, when nobody waits for it.
    fn answer(&self, context: &mut LlamaContext<'_>, job: &Job) -> Result<(), ModelError> {
        let Prompt { tokens: prompt, thoughts } = self.prompt(&job.messages).ok_or(ModelError::TooLong)?;
        let window = self.settings.context_tokens as usize;
        let room = window.checked_sub(prompt.len()).filter(|room| *room > 0).ok_or(ModelError::TooLong)?;
        let most = room.min(job.max_tokens as usize);
        let mut batch = LlamaBatch::new(PROMPT_PIECE, 1);
        for (number, piece) in prompt.chunks(PROMPT_PIECE).enumerate() {
            if !job.is_wanted() {
                return Ok(());
            }
            read(context, &mut batch, piece, number * PROMPT_PIECE)?;
        }
        let mut choice = if job.temperature > 0.0 {
            LlamaSampler::chain_simple([LlamaSampler::temp(job.temperature), LlamaSampler::dist(SEED)])
        } else {
            LlamaSampler::greedy()
        };
        let (vocabulary, mut answer, mut written) = (self.model.vocab(), Written::new(thoughts), 0);
        let cut_short = loop {
            let token = choice.sample(context, -1);
            if vocabulary.is_eog(token) {
                break false;
            }
            written += 1;
            let Some(text) = self.unless_amiss(answer.push(&bytes(&vocabulary, token)))? else { break true };
            if !job.is_wanted() || (!text.is_empty() && !job.tell(Said::Text(text))) {
                return Ok(());
            }
            if written >= most {
                break true;
            }
            read(context, &mut batch, &[token], prompt.len() + written - 1)?;
        };
        if let Some(rest) = self.unless_amiss(answer.finish(!cut_short))?.filter(|rest| !rest.is_empty()) {
            job.tell(Said::Text(rest));
        }
        let usage = Usage { prompt_tokens: prompt.len() as u64, completion_tokens: written as u64 };
        job.tell(Said::End { usage, cut_short });
        Ok(())
    }

    /// What of an answer is to be told. None when the model thinks without end, as if it had no tokens left.
    fn unless_amiss(&self, text: Result<String, Amiss>) -> Result<Option<String>, ModelError> {
        match text {
            Ok(text) => Ok(Some(text)),
            Err(Amiss::Endless) => Ok(None),
            Err(Amiss::Unopened) => {
                self.thinks_first.store(true, Ordering::Relaxed);
                Err(ModelError::Thoughts)
            }
        }
    }

    /// Messages in the model's own template. None when the template can't hold them.
    fn prompt(&self, messages: &[Message]) -> Option<Prompt> {
        let chat: Vec<LlamaChatMessage> = messages
            .iter()
            .enumerate()
            .map(|(number, said)| LlamaChatMessage::new(role(said.role).to_owned(), sign(number)).ok())
            .collect::<Option<_>>()?;
        let filled = self.model.apply_chat_template(&self.template, &chat, true).ok()?;
        let vocabulary = self.model.vocab();
        let mut tokens = Vec::new();
        for (number, part) in parts(&filled, messages)?.iter().enumerate() {
            // Only the first piece gets what the model wants at the beginning of everything.
            let (text, marks) = match part {
                Part::Marks(text) => (text, true),
                Part::Text(text) => (text, false),
            };
            tokens.extend(vocabulary.tokenize(text.as_bytes(), number == 0, marks));
        }
        let expected = self.thinks_first.load(Ordering::Relaxed);
        let thoughts = if expected { Thoughts::expected() } else { Thoughts::after(&filled) };
        Some(Prompt { tokens, thoughts })
    }
}

/// The bytes of a token. Of those that say how a text is built, which are not shown, the ones that mark thoughts.
fn bytes(vocabulary: &LlamaVocab<'_>, token: LlamaToken) -> Vec<u8> {
    let shown = vocabulary.token_to_piece(token, false, None);
    if !shown.is_empty() {
        return shown;
    }
    let hidden = vocabulary.token_to_piece(token, true, None);
    if std::str::from_utf8(&hidden).is_ok_and(is_of_mark) { hidden } else { shown }
}

/// Lets the model read tokens, the first of which stands at `place`.
fn read(
    context: &mut LlamaContext<'_>,
    batch: &mut LlamaBatch<'_>,
    tokens: &[LlamaToken],
    place: usize,
) -> Result<(), ModelError> {
    let failed = |_| ModelError::Failed("llama.cpp could not compute".to_owned());
    batch.clear();
    for (number, token) in tokens.iter().enumerate() {
        let place = i32::try_from(place + number).map_err(|_| ModelError::TooLong)?;
        batch.add(*token, place, &[0], number + 1 == tokens.len()).map_err(|_| ModelError::TooLong)?;
    }
    context.decode(batch).map_err(failed)
}
