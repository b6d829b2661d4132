//! Which model writes, what when it fails, and what becomes of each sentence?

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use intramuros_assistant::prompt::{Asked, Prompt, Source, compose, entails, not_found_sign, says_yes};
use intramuros_assistant::verify::Reason;
use intramuros_assistant::{Writing, WrittenSentence};
use intramuros_core::error::Error;
use intramuros_core::language::Language;
use intramuros_core::perimeter::{Assistant, CheckedBy, Perimeter, Unsupported};
use intramuros_egress::Egress;
use intramuros_inference::endpoint::{ChatRequest, ModelError, Round, ToolCall, Usage};
use intramuros_inference::{Stream, Writer};
use intramuros_library::{CitedStatement, Library};
use tokio::sync::mpsc::Sender;

use crate::check::Check;
use crate::event::{Citation, Cited, Ending, Event};
use crate::gather::{Gathered, Passage, source};
use crate::tools::{Budget, Tools, call, offers};
use crate::widen::widen;

/// How freely a model chooses its words: the likeliest ones, since nothing is to be invented.
const TEMPERATURE: f32 = 0.0;

/// Models tried for one answer at most; declared fallbacks may form a ring.
const MAX_MODELS: usize = 4;

/// The declared models that write, and how they are to be used. They can be exchanged while answers are written: each
/// answer goes on with those that it began with.
pub struct Writers(RwLock<Arc<Declared>>);

/// What is declared at one time.
struct Declared {
    writers: Vec<Writer>,
    settings: Assistant,
}

impl Writers {
    /// The models of a perimeter.
    ///
    /// # Errors
    /// When a model's key or file can't be read, or the program was built without what runs it.
    pub fn new(perimeter: &Perimeter, egress: &Egress) -> Result<Writers, Error> {
        Writers::none().renewed(perimeter, egress)
    }

    /// The models of a perimeter that changed. One that is in memory and declared as before stays there, whatever became of
    /// its file.
    ///
    /// # Errors
    /// As [`Writers::new`].
    pub fn renewed(&self, perimeter: &Perimeter, egress: &Egress) -> Result<Writers, Error> {
        let writers = Writer::all(&perimeter.models, egress, &self.now().writers)?;
        Ok(Writers::of(Declared { writers, settings: perimeter.assistant.clone() }))
    }

    fn of(declared: Declared) -> Writers {
        Writers(RwLock::new(Arc::new(declared)))
    }

    /// Takes the place of what was declared before.
    pub fn replace(&self, by: Writers) {
        by.warm();
        let by = by.now();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = by;
    }

    fn now(&self) -> Arc<Declared> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// No model: answers are made of sentences of the documents.
    pub fn none() -> Writers {
        Writers::of(Declared { writers: Vec::new(), settings: Assistant::default() })
    }

    /// Whether no model is declared.
    pub fn is_empty(&self) -> bool {
        self.now().writers.is_empty()
    }

    /// The models, in the order of their declaration.
    pub fn all(&self) -> Vec<Writer> {
        self.now().writers.clone()
    }

    /// The models that are tried one after the other when this one is asked (when none is named, the first declared), each
    /// with the tokens that one person may use of it in a day; none for no limit.
    pub fn limits(&self, model: Option<&str>) -> Vec<(String, Option<u64>)> {
        let declared = self.now();
        let chain = declared.chain(model);
        let limit = |writer: &&Writer| (writer.name().to_owned(), writer.tokens_per_person_per_day());
        chain.iter().map(limit).collect()
    }

    /// Begins to load what has to be loaded, so that the first question need not wait for it.
    pub fn warm(&self) {
        self.now().writers.iter().for_each(Writer::warm);
    }
}

/// What a person is told whose tokens of the day are used up, in French and English.
pub fn used_up_in_words() -> (&'static str, &'static str) {
    let told = |language| ModelError::Spent.to_person(language);
    (told(Language::French), told(Language::English))
}

/// What an answer came to, for whoever counts.
#[derive(Debug, Default)]
pub struct Account {
    /// How it ended; none where nobody was there any more to be told.
    pub ending: Option<Ending>,
    /// The tokens that each model took, also one that failed or was hung up on.
    pub took: Vec<(String, Usage)>,
}

impl Declared {
    /// The model of a name, or the first one.
    fn choose(&self, name: Option<&str>) -> Option<&Writer> {
        match name {
            Some(name) => self.writers.iter().find(|writer| writer.name() == name),
            None => self.writers.first(),
        }
    }

    /// A model with its fallbacks, in the order in which they are tried.
    fn chain(&self, name: Option<&str>) -> Vec<&Writer> {
        let mut chain: Vec<&Writer> = Vec::new();
        let mut next = self.choose(name);
        while let Some(writer) = next {
            let known = chain.iter().any(|other| other.name() == writer.name());
            if known || chain.len() >= MAX_MODELS {
                break;
            }
            chain.push(writer);
            next = writer.fallback().and_then(|name| self.choose(Some(name)));
        }
        chain
    }
}

/// Answers from gathered passages with the named model (when none is named, that of the collection or else the first
/// declared), and tells what happens. Models that are declared to get tools get `tools`.
/// Ends early, and hangs up, when the receiver is gone.
pub async fn answer(
    writers: &Writers,
    library: Arc<Library>,
    gathered: Gathered,
    model: Option<&str>,
    tools: Option<Tools>,
    events: Sender<Event>,
) {
    answer_without(writers, library, gathered, model, &[], tools, events).await;
}

/// Answers as [`answer`] does, without asking those models of which whoever asks has used up their tokens of the day: they
/// count as failed. Gives what it came to.
pub async fn answer_without(
    writers: &Writers,
    library: Arc<Library>,
    mut gathered: Gathered,
    model: Option<&str>,
    used_up: &[String],
    tools: Option<Tools>,
    events: Sender<Event>,
) -> Account {
    let mut teller = Teller { events, gone: false };
    let mut failed: Vec<(String, &'static str)> = Vec::new();
    let mut account = Account::default();
    let writers = writers.now();
    let settings = &writers.settings;
    let chain = writers.chain(model.or(gathered.model.as_deref()));
    let first = chain.iter().copied().find(|writer| !is_among(writer, used_up));
    let worded = in_other_words(settings, first, &library, &mut gathered, tools.as_ref(), &teller).await;
    let Some(worded) = worded else { return account };
    account.took.extend(first.zip(worded).map(|(writer, usage)| (writer.name().to_owned(), usage)));
    let sources = gathered.passages.iter().map(|(cited, _, _)| cited.clone()).collect();
    teller.tell(Event::Sources { sources }).await;
    if gathered.extractive.found {
        for writer in chain {
            if is_among(writer, used_up) {
                failed.push(not_answered(writer, &ModelError::Spent, gathered.language));
                continue;
            }
            let instead_of = failed.last().cloned();
            teller.tell(Event::Model { name: writer.name().to_owned(), instead_of }).await;
            let (took, tools) = (Took::default(), tools.as_ref().filter(|_| writer.takes_tools()));
            let desk = Desk { writer, settings, library: &library, gathered: &gathered, tools, took: &took };
            let written = write(&desk, &mut teller).await;
            account.took.push((writer.name().to_owned(), took.sum()));
            if teller.gone {
                return account;
            }
            match written {
                Ok(mut ending) => {
                    if ending.found && ending.removed && ending.supported == 0 {
                        // Nothing is left of what it wrote, and the documents do answer.
                        quote(&gathered, &mut teller).await;
                        let supported = gathered.extractive.statements.len();
                        ending = Ending { model: None, supported, ..ending };
                    }
                    let usage = sum(worded, ending.usage.or_else(|| Some(took.sum())));
                    let ending = Ending { failed, usage, ..ending };
                    return teller.end(of_the_search(&gathered, ending), account).await;
                }
                Err(error) => failed.push(not_answered(writer, &error, gathered.language)),
            }
        }
        quote(&gathered, &mut teller).await;
    }
    let supported = gathered.extractive.statements.len();
    let ending = Ending { found: gathered.extractive.found, failed, supported, ..Ending::default() };
    teller.end(of_the_search(&gathered, ending), account).await
}

/// An ending with what the search has to say to the person.
fn of_the_search(gathered: &Gathered, ending: Ending) -> Ending {
    let results = &gathered.extractive.results;
    Ending { absent: results.absent.clone(), notices: results.notices.clone(), ..ending }
}

fn is_among(writer: &Writer, names: &[String]) -> bool {
    names.iter().any(|name| name == writer.name())
}

/// Writes into the log that a model did not answer; gives what the person is told.
fn not_answered(writer: &Writer, error: &ModelError, language: Language) -> (String, &'static str) {
    tracing::warn!(model = writer.name(), code = error.code(), %error, "a model did not answer");
    (writer.name().to_owned(), error.to_person(language))
}

/// Searches in other words where that is declared and somebody is there to write; gives what it cost. None when nobody
/// listens any more.
async fn in_other_words(
    settings: &Assistant,
    writer: Option<&Writer>,
    library: &Arc<Library>,
    gathered: &mut Gathered,
    tools: Option<&Tools>,
    teller: &Teller,
) -> Option<Option<Usage>> {
    let (Some(writer), Some(tools)) = (writer, tools) else { return Some(None) };
    if !settings.wordings || !gathered.extractive.found {
        return Some(None);
    }
    tokio::select! {
        usage = widen(writer, library, tools, gathered) => Some(usage),
        () = teller.events.closed() => None,
    }
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

    /// Tells the end, and puts it into the account where somebody was there to be told.
    async fn end(mut self, ending: Ending, account: Account) -> Account {
        self.tell(Event::End(ending.clone())).await;
        Account { ending: (!self.gone).then_some(ending), ..account }
    }
}

/// The tokens that a model takes over an answer, with all that it is asked beside it.
#[derive(Default)]
pub(crate) struct Took(Mutex<Usage>);

impl Took {
    /// Adds a call, as the service counts it, or by its length where the service does not say: one that was hung up on, one
    /// that broke off.
    fn add(&self, said: Option<Usage>, request: &ChatRequest, written: usize) {
        let usage = said.unwrap_or_else(|| by_length(request, written));
        let mut sum = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sum.prompt_tokens += usage.prompt_tokens;
        sum.completion_tokens += usage.completion_tokens;
    }

    pub(crate) fn sum(&self) -> Usage {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes that are counted as a token where nobody counts: as few as words are when a window is packed.
const BYTES_PER_TOKEN: usize = 3;

/// The tokens of a request, and of so many bytes that were written for it.
fn by_length(request: &ChatRequest, written: usize) -> Usage {
    let said = request.messages.iter().map(|message| message.content.len());
    let given = request.rounds.iter().flat_map(|round| &round.calls).map(|(_, given)| given.len());
    let tokens = |bytes: usize| bytes.div_ceil(BYTES_PER_TOKEN) as u64;
    Usage { prompt_tokens: tokens(said.chain(given).sum()), completion_tokens: tokens(written) }
}

/// The answer made of sentences of the documents. They are cited by the passages that hold them.
async fn quote(gathered: &Gathered, teller: &mut Teller) {
    let mut sources: Vec<Cited> = gathered.passages.iter().map(|(cited, _, _)| cited.clone()).collect();
    let known = sources.len();
    let statements = &gathered.extractive.statements;
    let cited: Vec<Citation> = statements.iter().map(|statement| place_of(statement, &mut sources)).collect();
    if sources.len() > known {
        teller.tell(Event::Sources { sources }).await;
    }
    teller.tell(Event::Quoting).await;
    for (statement, place) in statements.iter().zip(cited) {
        let (text, cited) = (statement.text.clone(), vec![place]);
        teller.tell(Event::Sentence { text, cited, unsupported: None, new_line: true }).await;
    }
}

/// Where a statement stands: in the source that holds it, or else in one of its document. A statement whose document is not
/// among them, since other searches pushed it out, becomes one: without a source nobody knew later who may read it.
fn place_of(statement: &CitedStatement, sources: &mut Vec<Cited>) -> Citation {
    let of_document = |cited: &&Cited| cited.document.id == statement.document.id;
    let holds = |cited: &&Cited| {
        of_document(cited)
            && cited.range.start <= statement.range.start
            && statement.range.end <= cited.range.end
    };
    let CitedStatement { pages, lines, ref range, .. } = *statement;
    let cite = |number| Citation { number, pages, lines, range: range.clone() };
    let known = sources.iter().find(holds).or_else(|| sources.iter().find(of_document));
    if let Some(known) = known {
        return cite(known.number);
    }
    let number = sources.iter().map(|cited| cited.number).max().unwrap_or(0) + 1;
    let CitedStatement { text, document, passage, headings, section, range, .. } = statement.clone();
    let place = cite(number);
    let joined = vec![range.clone()];
    sources.push(Cited { number, document, passage, headings, pages, lines, section, range, text, joined });
    place
}

/// What one model is given to write with.
struct Desk<'a> {
    writer: &'a Writer,
    settings: &'a Assistant,
    library: &'a Arc<Library>,
    gathered: &'a Gathered,
    /// None where it is offered none.
    tools: Option<&'a Tools>,
    took: &'a Took,
}

/// Lets one model write; once more with half of what it is shown, where its service finds that too long (its window is declared
/// larger than it is, or it makes more tokens of a text than are counted here), and once more where it began with thoughts that
/// nothing had marked as such: its next answers are held back until they are over.
async fn write(desk: &Desk<'_>, teller: &mut Teller) -> Result<Ending, ModelError> {
    let window = desk.writer.context_tokens();
    let written = write_within(desk, window, teller).await;
    let half = (window / 2, desk.writer.max_tokens());
    let fits = || prompt(desk.gathered, desk.settings, half, desk.tools.is_some()).is_some();
    let again = match &written {
        Err(ModelError::Thoughts) => Some(window),
        Err(ModelError::TooLong) if fits() => Some(window / 2),
        _ => None,
    };
    let Some(window) = again.filter(|_| !teller.gone) else { return written };
    // Whoever listens begins anew: a tool may have been called and something written before.
    teller.tell(Event::Model { name: desk.writer.name().to_owned(), instead_of: None }).await;
    write_within(desk, window, teller).await
}

/// Lets one model write within a window of so many tokens, doing what it calls for meanwhile, and checks what it writes.
async fn write_within(desk: &Desk<'_>, window: u32, teller: &mut Teller) -> Result<Ending, ModelError> {
    let Desk { writer, settings, library, gathered, tools, took: _ } = *desk;
    let room = (window, writer.max_tokens());
    let prompt = prompt(gathered, settings, room, tools.is_some()).ok_or(ModelError::TooLong)?;
    // A window that is too small for them is used without.
    let tools = tools.filter(|_| prompt.spare > 0);
    let mut budget = Budget::new(prompt.spare);
    let mut passages = gathered.passages.clone();
    let mut shown = prompt.shown;
    let mut total = Ending::default();
    let mut request = ChatRequest {
        messages: prompt.messages,
        max_tokens: prompt.max_tokens,
        temperature: TEMPERATURE,
        tools: tools.map(|_| offers()).unwrap_or_default(),
        ..ChatRequest::default()
    };
    loop {
        request.may_call = tools.is_some() && budget.is_left();
        let check = Check::new(Arc::clone(library), gathered.language, &passages, &shown);
        let mut page = Page::new(check, settings, &shown);
        let calls = one_answer(desk, &request, &mut page, teller).await?;
        total.usage = sum(total.usage, page.ending.usage);
        match tools {
            Some(tools) if request.may_call && !calls.is_empty() => {
                budget.begin_round();
                total.calls += calls.len();
                let done = use_tools(library, tools, budget, calls, (passages, shown)).await?;
                budget = done.budget;
                (passages, shown) = (done.passages, done.shown);
                for (name, found) in done.told {
                    teller.tell(Event::Tool { name, found }).await;
                }
                let sources = passages.iter().map(|(cited, _, _)| cited.clone()).collect();
                teller.tell(Event::Sources { sources }).await;
                request.rounds.push(done.round);
            }
            _ => {
                page.settle_doubts(desk, &passages, teller).await;
                return page.end(total, writer.name());
            }
        }
        if teller.gone {
            return Err(ModelError::Empty);
        }
    }
}

fn sum(one: Option<Usage>, other: Option<Usage>) -> Option<Usage> {
    match (one, other) {
        (Some(one), Some(other)) => Some(Usage {
            prompt_tokens: one.prompt_tokens + other.prompt_tokens,
            completion_tokens: one.completion_tokens + other.completion_tokens,
        }),
        (one, other) => one.or(other),
    }
}

/// Reads one answer of the model to its end; gives the calls that it asks for.
async fn one_answer(
    desk: &Desk<'_>,
    request: &ChatRequest,
    page: &mut Page<'_>,
    teller: &mut Teller,
) -> Result<Vec<ToolCall>, ModelError> {
    let mut stream = tokio::select! {
        stream = desk.writer.chat(request) => stream?,
        () = teller.events.closed() => {
            teller.gone = true;
            return Err(ModelError::Empty);
        }
    };
    let sign = not_found_sign(desk.gathered.language);
    let writing = read(&mut stream, page, teller, sign).await;
    // What failed before its first word took nothing that is known of, but for thoughts.
    if writing.is_ok() || page.written > 0 || matches!(writing, Err(ModelError::Thoughts)) {
        desk.took.add(stream.usage(), request, page.written);
    }
    let writing = writing?;
    if teller.gone {
        return Err(ModelError::Empty);
    }
    page.ending.usage = stream.usage();
    page.ending.cut_short = stream.was_cut_short();
    let calls = stream.calls();
    // What is left over belongs to an answer; before a call it is void.
    if calls.is_empty() || !request.may_call {
        for sentence in writing.finish() {
            page.take(sentence, teller, sign).await;
        }
    }
    Ok(calls)
}

/// What came of the calls of one answer.
struct Done {
    budget: Budget,
    passages: Vec<Passage>,
    shown: Vec<usize>,
    round: Round,
    told: Vec<(&'static str, usize)>,
}

/// Does what the calls ask for, on a thread that may wait.
async fn use_tools(
    library: &Arc<Library>,
    tools: &Tools,
    mut budget: Budget,
    calls: Vec<ToolCall>,
    (mut passages, mut shown): (Vec<Passage>, Vec<usize>),
) -> Result<Done, ModelError> {
    let (library, tools) = (Arc::clone(library), tools.clone());
    let work = move || {
        let (mut round, mut told) = (Round::default(), Vec::new());
        for asked in calls {
            let given = call(&library, &tools, &mut budget, &asked, &mut passages, &mut shown);
            told.push((given.tool, given.new));
            round.calls.push((asked, given.text));
        }
        Done { budget, passages, shown, round, told }
    };
    // Only a fault of ours ends the thread.
    tokio::task::spawn_blocking(work).await.map_err(|_| ModelError::Empty)
}

/// Reads the stream to its end, telling each sentence as it is complete.
async fn read(
    stream: &mut Stream,
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
        page.written += piece.len();
        let sentences = writing.push(&piece);
        if page.settings.unsupported == Unsupported::Mark && !page.refused {
            teller.tell(Event::Draft { text: piece }).await;
        }
        for sentence in sentences {
            page.take(sentence, teller, sign).await;
        }
        // Read on after a refusal: it may turn out to stand in thoughts that nothing marked.
        if writing.is_full() {
            return Ok(writing);
        }
    }
}

/// What is put to a model with so large a window, whose answer has so many tokens at most where that is declared. Where the
/// window is too small for `tools` with passages, nothing is kept free for them, and none is to be offered.
fn prompt(
    gathered: &Gathered,
    settings: &Assistant,
    (window, most): (u32, Option<u32>),
    tools: bool,
) -> Option<Prompt> {
    let sources: Vec<Source> = gathered.passages.iter().map(source).collect();
    let instructions = format!("{}\n{}", settings.instructions.trim(), gathered.instructions.trim());
    let offered: String =
        if tools { offers().iter().map(|tool| tool.told().to_string()).collect() } else { String::new() };
    let asked = Asked {
        question: &gathered.question,
        language: gathered.language,
        history: &gathered.history,
        instructions: &instructions,
        tools: &offered,
    };
    let without = || compose(&Asked { tools: "", ..asked }, &sources, window, most);
    compose(&asked, &sources, window, most).or_else(without)
}

/// An answer being written.
struct Page<'a> {
    /// Absent while a thread that may wait has it.
    check: Option<Check>,
    settings: &'a Assistant,
    /// The numbers of the passages that the model was shown.
    shown: &'a [usize],
    ending: Ending,
    /// The model said that the passages don't answer.
    refused: bool,
    /// From the first doubtful sentence on, what waits until the model has ended and can be asked about it.
    waiting: Vec<Judged>,
    /// Bytes that the model has written.
    written: usize,
}

/// A sentence with what the rules say of it.
struct Judged {
    sentence: WrittenSentence,
    /// Why it is not supported; none when it is.
    unsupported: Option<Reason>,
    /// What supports it.
    cited: Vec<Citation>,
    /// The passages that may establish it after all; empty where the verdict stands.
    doubt: Vec<usize>,
}

/// Sentences of one answer that the model is asked about once more: each costs a question.
const MAX_DOUBTS: usize = 8;

/// Passages that stand with such a question.
const DOUBT_PASSAGES: usize = 3;

/// Tokens of its answer: one word, and what small models put around it.
const DOUBT_TOKENS: u32 = 8;

/// How long all of these questions may take together.
const DOUBTS_TIME: Duration = Duration::from_secs(30);

impl<'a> Page<'a> {
    fn new(check: Check, settings: &'a Assistant, shown: &'a [usize]) -> Page<'a> {
        let ending = Ending::default();
        Page { check: Some(check), settings, shown, ending, refused: false, waiting: Vec::new(), written: 0 }
    }

    async fn take(&mut self, sentence: WrittenSentence, teller: &mut Teller, sign: &str) {
        if self.refused || teller.gone {
            return;
        }
        if sentence.text.contains(sign) {
            self.refused = true;
            return;
        }
        let Some(mut check) = self.check.take() else { return };
        let again = self.settings.check == CheckedBy::Model;
        let near = self.near(&sentence.cited);
        let judged = tokio::task::spawn_blocking(move || {
            let verdict = check.judge(&sentence);
            let doubtful = again && check.is_doubtful(&sentence.text, &verdict, &near);
            let doubt = if doubtful { near } else { Vec::new() };
            let cited = check.places(&verdict);
            (check, Judged { sentence, unsupported: verdict.reason, cited, doubt })
        });
        // Only a fault of ours ends the thread; the answer then ends with the sentences that were checked.
        let Ok((check, judged)) = judged.await else { return };
        self.check = Some(check);
        if judged.doubt.is_empty() && self.waiting.is_empty() {
            self.tell(judged, teller).await;
        } else {
            self.waiting.push(judged);
        }
    }

    /// The passages that a sentence is held against when the model is asked: those that it cites, or else the first ones.
    fn near(&self, cited: &[usize]) -> Vec<usize> {
        let known = |number: &&usize| self.shown.contains(number);
        let own: Vec<usize> = cited.iter().filter(known).take(DOUBT_PASSAGES).copied().collect();
        if own.is_empty() { self.shown.iter().take(DOUBT_PASSAGES).copied().collect() } else { own }
    }

    /// Asks the model about what the rules doubt, now that its place is free, and tells what waited.
    async fn settle_doubts(&mut self, desk: &Desk<'_>, passages: &[Passage], teller: &mut Teller) {
        let until = Instant::now() + DOUBTS_TIME;
        for mut judged in std::mem::take(&mut self.waiting) {
            let ask =
                !judged.doubt.is_empty() && self.ending.asked_again < MAX_DOUBTS && Instant::now() < until;
            if ask && !teller.gone {
                self.ending.asked_again += 1;
                let near: Vec<&Passage> =
                    passages.iter().filter(|(cited, _, _)| judged.doubt.contains(&cited.number)).collect();
                let sources: Vec<Source> = near.iter().copied().map(source).collect();
                if establishes(desk, &judged.sentence.text, &sources, until, teller).await {
                    judged.unsupported = None;
                    judged.cited = near.iter().map(|(cited, _, _)| cited.whole()).collect();
                }
            }
            self.tell(judged, teller).await;
        }
    }

    async fn tell(&mut self, Judged { sentence, unsupported, cited, .. }: Judged, teller: &mut Teller) {
        let WrittenSentence { text, new_line, .. } = sentence;
        if unsupported.is_none() {
            self.ending.supported += 1;
        } else {
            self.ending.unsupported += 1;
            if self.settings.unsupported == Unsupported::Remove {
                self.ending.removed = true;
                return;
            }
        }
        teller.tell(Event::Sentence { text, cited, unsupported, new_line }).await;
    }

    /// How it ended. `before` holds what came before, in answers that were calls.
    fn end(self, before: Ending, model: &str) -> Result<Ending, ModelError> {
        let Page { mut ending, refused, .. } = self;
        if !refused && ending.supported + ending.unsupported == 0 {
            // What it thought is left out: where its tokens ended, it was thinking still.
            return Err(if ending.cut_short { ModelError::Unspoken } else { ModelError::Empty });
        }
        ending.found = !refused;
        ending.model = Some(model.to_owned());
        ending.usage = before.usage;
        ending.calls = before.calls;
        Ok(ending)
    }
}

/// Bytes that are read of an answer to a question beside the one that was asked: it is a word or two lines, and a service that goes
/// on is hung up on.
const BESIDE_BYTES: usize = 16 << 10;

/// Puts a question beside the one that was asked, and gives the whole answer. What it takes is counted from the answer's beginning
/// on, also where it fails or nobody waits for its end.
pub(crate) async fn ask_beside(
    writer: &Writer,
    request: &ChatRequest,
    took: &Took,
) -> Result<String, ModelError> {
    let mut stream = writer.chat(request).await?;
    let mut counted = Counted { request, took, said: None, written: 0 };
    let mut answer = String::new();
    while let Some(piece) = stream.next().await? {
        answer.push_str(&piece);
        (counted.said, counted.written) = (stream.usage(), answer.len());
        if answer.len() > BESIDE_BYTES {
            break;
        }
    }
    counted.said = stream.usage();
    Ok(answer)
}

/// Adds what an answer took when it is over, however it ends.
struct Counted<'a> {
    request: &'a ChatRequest,
    took: &'a Took,
    said: Option<Usage>,
    written: usize,
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.took.add(self.said, self.request, self.written);
    }
}

/// Whether the model says that passages establish a sentence. A model that fails, or says anything but yes, does not.
async fn establishes(
    desk: &Desk<'_>,
    sentence: &str,
    passages: &[Source],
    until: Instant,
    teller: &Teller,
) -> bool {
    let messages = entails(sentence, passages, desk.gathered.language, desk.writer.context_tokens());
    let request = ChatRequest { messages, max_tokens: DOUBT_TOKENS, ..ChatRequest::default() };
    let left = until.saturating_duration_since(Instant::now());
    tokio::select! {
        answer = tokio::time::timeout(left, ask_beside(desk.writer, &request, desk.took)) => match answer {
            Ok(Ok(answer)) => says_yes(&answer),
            Ok(Err(error)) => {
                tracing::warn!(model = desk.writer.name(), code = error.code(), "a sentence was judged by rules alone");
                false
            }
            Err(_) => false,
        },
        () = teller.events.closed() => false,
    }
}

#[cfg(test)]
mod tests {
    use intramuros_core::chat::{Message, Role};

    use super::*;

    #[test]
    fn an_answer_that_never_began_says_whether_its_tokens_went_into_thoughts() {
        let settings = Assistant::default();
        let check = |cut_short: bool, refused: bool, expected: Option<&str>| {
            let ending = Ending { cut_short, ..Ending::default() };
            let (settings, waiting) = (&settings, Vec::new());
            let page = Page { check: None, settings, shown: &[], ending, refused, waiting, written: 0 };
            let failed = page.end(Ending::default(), "small").err();
            assert_eq!(failed.map(|error| error.code()), expected);
        };
        check(true, false, Some("thoughts-alone"));
        check(false, false, Some("empty"));
        // That nothing answers was said.
        check(true, true, None);
    }

    #[test]
    fn where_the_service_does_not_say_tokens_are_counted_by_length() {
        let message = |text: &str| Message::new(Role::User, text);
        let request =
            ChatRequest { messages: vec![message("abcdef"), message("gh")], ..ChatRequest::default() };
        let check = |calls: &[(Option<Usage>, usize)], expected: (u64, u64)| {
            let took = Took::default();
            calls.iter().for_each(|(said, written)| took.add(*said, &request, *written));
            assert_eq!((took.sum().prompt_tokens, took.sum().completion_tokens), expected);
        };
        check(&[], (0, 0));
        check(&[(None, 0)], (3, 0));
        check(&[(None, 7)], (3, 3));
        check(&[(Some(Usage { prompt_tokens: 5, completion_tokens: 1 }), 700), (None, 1)], (8, 2));
    }
}
