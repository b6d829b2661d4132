//! Which model writes, what when it fails, and what becomes of each sentence?

use std::sync::Arc;

use intramuros_assistant::prompt::{Asked, Prompt, Source, compose, not_found_sign};
use intramuros_assistant::{Writing, WrittenSentence};
use intramuros_core::error::Error;
use intramuros_core::perimeter::{Assistant, Perimeter, Unsupported};
use intramuros_egress::Egress;
use intramuros_inference::endpoint::{ChatRequest, ChatStream, Endpoint, ModelError};
use intramuros_library::Library;
use tokio::sync::mpsc::Sender;

use crate::check::Check;
use crate::event::{Ending, Event};
use crate::gather::Gathered;

/// How freely a model chooses its words: the likeliest ones, since nothing is to be invented.
const TEMPERATURE: f32 = 0.0;

/// Models tried for one answer at most; declared fallbacks may form a ring.
const MAX_MODELS: usize = 4;

/// The declared models that write, and how they are to be used.
pub struct Writers {
    endpoints: Vec<Arc<Endpoint>>,
    settings: Assistant,
}

impl Writers {
    /// The models of a perimeter.
    ///
    /// # Errors
    /// When a model's key can't be read.
    pub fn new(perimeter: &Perimeter, egress: &Egress) -> Result<Writers, Error> {
        let endpoints = Endpoint::writers(&perimeter.models, egress)?;
        Ok(Writers {
            endpoints: endpoints.into_iter().map(Arc::new).collect(),
            settings: perimeter.assistant.clone(),
        })
    }

    /// No model: answers are made of sentences of the documents.
    pub fn none() -> Writers {
        Writers { endpoints: Vec::new(), settings: Assistant::default() }
    }

    /// Whether no model is declared.
    pub fn is_empty(&self) -> bool {
        self.endpoints.is_empty()
    }

    /// The models, in the order of their declaration.
    pub fn endpoints(&self) -> &[Arc<Endpoint>] {
        &self.endpoints
    }

    /// The model of a name, or the first one.
    fn choose(&self, name: Option<&str>) -> Option<&Arc<Endpoint>> {
        match name {
            Some(name) => self.endpoints.iter().find(|endpoint| endpoint.name() == name),
            None => self.endpoints.first(),
        }
    }

    /// A model with its fallbacks, in the order in which they are tried.
    fn chain(&self, name: Option<&str>) -> Vec<&Arc<Endpoint>> {
        let mut chain: Vec<&Arc<Endpoint>> = Vec::new();
        let mut next = self.choose(name);
        while let Some(endpoint) = next {
            let known = chain.iter().any(|other| other.name() == endpoint.name());
            if known || chain.len() >= MAX_MODELS {
                break;
            }
            chain.push(endpoint);
            next = endpoint.fallback().and_then(|name| self.choose(Some(name)));
        }
        chain
    }
}

/// Answers from gathered passages with the named model (the first declared when none is named), and tells what happens.
/// Ends early, and hangs up, when the receiver is gone.
pub async fn answer(
    writers: &Writers,
    library: Arc<Library>,
    gathered: Gathered,
    model: Option<&str>,
    events: Sender<Event>,
) {
    let sources = gathered.passages.iter().map(|(cited, _, _)| cited.clone()).collect();
    let mut teller = Teller { events, gone: false };
    teller.tell(Event::Sources { sources }).await;
    let mut failed: Vec<(String, &'static str)> = Vec::new();
    if gathered.extractive.found {
        for endpoint in writers.chain(model) {
            let instead_of = failed.last().cloned();
            teller.tell(Event::Model { name: endpoint.name().to_owned(), instead_of }).await;
            let written = write(endpoint, &writers.settings, &library, &gathered, &mut teller).await;
            if teller.gone {
                return;
            }
            match written {
                Ok(ending) => return teller.tell(Event::End(Ending { failed, ..ending })).await,
                Err(error) => {
                    tracing::warn!(model = endpoint.name(), code = error.code(), %error, "a model did not answer");
                    failed.push((endpoint.name().to_owned(), error.to_person(gathered.language)));
                }
            }
        }
        quote(&gathered, &mut teller).await;
    }
    let supported = gathered.extractive.statements.len();
    let ending = Ending { found: gathered.extractive.found, failed, supported, ..Ending::default() };
    teller.tell(Event::End(ending)).await;
}

/// Tells events until nobody listens.
struct Teller {
    events: Sender<Event>,
    gone: bool,
}

impl Teller {
    async fn tell(&mut self, event: Event) {
        self.gone |= self.events.send(event).await.is_err();
    }
}

/// The answer made of sentences of the documents. They are cited by the passages that hold them.
async fn quote(gathered: &Gathered, teller: &mut Teller) {
    teller.tell(Event::Quoting).await;
    for statement in &gathered.extractive.statements {
        let holds = |document: i64, range: &std::ops::Range<usize>| {
            document == statement.document.id.0
                && range.start <= statement.range.start
                && statement.range.end <= range.end
        };
        let own = gathered.passages.iter().find(|(cited, _, _)| holds(cited.document.id.0, &cited.range));
        let near =
            || gathered.passages.iter().find(|(cited, _, _)| cited.document.id == statement.document.id);
        let cited = own.or_else(near).map(|(cited, _, _)| cited.number).into_iter().collect();
        let text = statement.text.clone();
        teller.tell(Event::Sentence { text, cited, unsupported: None, new_line: true }).await;
    }
}

/// Lets one model write, and checks what it writes.
async fn write(
    endpoint: &Arc<Endpoint>,
    settings: &Assistant,
    library: &Arc<Library>,
    gathered: &Gathered,
    teller: &mut Teller,
) -> Result<Ending, ModelError> {
    let prompt = prompt(gathered, settings, endpoint.context_tokens()).ok_or(ModelError::TooLong)?;
    let check = Check::new(Arc::clone(library), gathered, &prompt.shown);
    let request =
        ChatRequest { messages: prompt.messages, max_tokens: prompt.max_tokens, temperature: TEMPERATURE };
    let mut stream = tokio::select! {
        stream = endpoint.chat(&request) => stream?,
        () = teller.events.closed() => {
            teller.gone = true;
            return Err(ModelError::Empty);
        }
    };
    let mut page = Page { check: Some(check), settings, ending: Ending::default(), refused: false };
    let sign = not_found_sign(gathered.language);
    let writing = read(&mut stream, &mut page, teller, sign).await?;
    if teller.gone {
        return Err(ModelError::Empty);
    }
    for sentence in writing.finish() {
        page.take(sentence, teller, sign).await;
    }
    let Page { mut ending, refused, .. } = page;
    if !refused && ending.supported + ending.unsupported == 0 {
        return Err(ModelError::Empty);
    }
    ending.found = !refused && (ending.supported > 0 || settings.unsupported == Unsupported::Mark);
    ending.model = Some(endpoint.name().to_owned());
    ending.cut_short = stream.was_cut_short();
    ending.usage = stream.usage();
    Ok(ending)
}

/// Reads the stream to its end, telling each sentence as it is complete.
async fn read(
    stream: &mut ChatStream,
    page: &mut Page<'_>,
    teller: &mut Teller,
    sign: &str,
) -> Result<Writing, ModelError> {
    let mut writing = Writing::default();
    loop {
        let piece = tokio::select! {
            piece = stream.next() => piece?,
            () = teller.events.closed() => {
                teller.gone = true;
                return Ok(writing);
            }
        };
        let Some(piece) = piece else { return Ok(writing) };
        let sentences = writing.push(&piece);
        if page.settings.unsupported == Unsupported::Mark {
            teller.tell(Event::Draft { text: piece }).await;
        }
        for sentence in sentences {
            page.take(sentence, teller, sign).await;
        }
        if writing.is_full() || page.refused {
            return Ok(writing);
        }
    }
}

fn prompt(gathered: &Gathered, settings: &Assistant, window: u32) -> Option<Prompt> {
    let sources: Vec<Source> = gathered
        .passages
        .iter()
        .map(|(cited, language, value)| Source {
            number: cited.number,
            title: cited.document.title.clone(),
            headings: cited.headings.join("\n"),
            text: cited.text.clone(),
            language: *language,
            value: *value,
        })
        .collect();
    let asked = Asked {
        question: &gathered.question,
        language: gathered.language,
        history: &gathered.history,
        instructions: &settings.instructions,
    };
    compose(&asked, &sources, window)
}

/// An answer being written.
struct Page<'a> {
    /// Absent while a thread that may wait has it.
    check: Option<Check>,
    settings: &'a Assistant,
    ending: Ending,
    /// The model said that the passages don't answer.
    refused: bool,
}

impl Page<'_> {
    async fn take(&mut self, sentence: WrittenSentence, teller: &mut Teller, sign: &str) {
        if self.refused || teller.gone {
            return;
        }
        if sentence.text.contains(sign) {
            self.refused = true;
            return;
        }
        let Some(mut check) = self.check.take() else { return };
        let judged = tokio::task::spawn_blocking(move || {
            let verdict = check.judge(&sentence);
            (check, sentence, verdict)
        });
        // Only a fault of ours ends the thread; the answer then ends with the sentences that were checked.
        let Ok((check, sentence, verdict)) = judged.await else { return };
        self.check = Some(check);
        let WrittenSentence { text, new_line, .. } = sentence;
        if verdict.is_supported() {
            self.ending.supported += 1;
        } else {
            self.ending.unsupported += 1;
            if self.settings.unsupported == Unsupported::Remove {
                self.ending.removed = true;
                return;
            }
        }
        let event = Event::Sentence { text, cited: verdict.passages, unsupported: verdict.reason, new_line };
        teller.tell(event).await;
    }
}
