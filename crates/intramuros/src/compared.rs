//! How do declared models answer the organisation's own questions, side by side?

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use intramuros_core::access::Principal;
use intramuros_core::error::Error;
use intramuros_core::language::Language;
use intramuros_core::perimeter::{ModelUse, Perimeter};
use intramuros_dialogue::{Asking, Called, Event, Tools, Writers, answer, gather};
use intramuros_egress::{Egress, Surroundings};
use intramuros_evaluation::own::{Configuration, Figures, Given, OwnQuestion, OwnSet, figures, page};
use intramuros_library::{Library, SearchOptions};
use serde::Serialize;
use tokio::runtime::Runtime;

use crate::noted;
use crate::output::Output;
use crate::setup;
use crate::walls;

/// The configuration that answers with sentences of the documents.
const QUOTE: &str = "quote";

/// Events that wait.
const WAITING_EVENTS: usize = 64;

/// What is compared.
pub struct Compared<'a> {
    /// What the page is called.
    pub name: String,
    /// The questions of each set, by its name.
    pub sets: &'a [(String, Vec<OwnQuestion>)],
    /// Names of models, or `quote`, each with `@collection` where one is asked.
    pub with: &'a [String],
    /// Where the page goes.
    pub report: Option<PathBuf>,
    /// The page's language.
    pub french: bool,
    /// Whether it is printed as JSON.
    pub json: bool,
}

/// The questions of a file.
///
/// # Errors
/// When it can't be read, or is not as it should be.
pub fn own(path: &Path) -> Result<(String, Vec<OwnQuestion>), Error> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::user(path.display().to_string()).because(error))?;
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let questions = OwnSet::parse(&name, &text)?.questions;
    Ok((name, questions))
}

/// What one set came to.
#[derive(Serialize)]
struct OfSet<'a> {
    set: &'a str,
    figures: Vec<Figures>,
}

/// Puts every question to every configuration, and measures.
///
/// # Errors
/// When a model is not declared, or the data can't be read.
pub fn run(
    compared: &Compared<'_>,
    perimeter: &Perimeter,
    data: &Path,
    out: &mut Output,
) -> Result<ExitCode, Error> {
    let wrong = |path: &Path, error: std::io::Error| Error::user(path.display().to_string()).because(error);
    let with = configurations(compared.with, perimeter)?;
    // Opened before the seal, which would let nobody write there afterwards.
    let report = compared.report.as_deref();
    let mut report =
        report.map(|path| std::fs::File::create(path).map_err(|error| wrong(path, error))).transpose()?;
    let asker = Asker::new(perimeter, data)?;
    let mut all: Vec<Configuration> =
        with.iter().map(|one| Configuration { name: one.name(), given: Vec::new() }).collect();
    let mut of_sets = Vec::new();
    for (name, questions) in compared.sets {
        let mut found = Vec::new();
        for (one, whole) in with.iter().zip(&mut all) {
            let mut configuration = Configuration { name: one.name(), given: Vec::new() };
            for (number, question) in (1..).zip(questions) {
                out.note(&format!("{} {number}/{}", configuration.name, questions.len()));
                configuration.given.push(asker.ask(question, one)?);
            }
            found.push(figures(questions, &configuration));
            whole.given.append(&mut configuration.given);
        }
        of_sets.push(OfSet { set: name, figures: found });
    }
    let currency = &perimeter.assistant.currency;
    if let Some(file) = &mut report {
        let questions: Vec<OwnQuestion> =
            compared.sets.iter().flat_map(|(_, questions)| questions).cloned().collect();
        let measured = |one: Configuration| {
            let found = figures(&questions, &one);
            (one, found)
        };
        let all: Vec<_> = all.into_iter().map(measured).collect();
        let language = if compared.french { Language::French } else { Language::English };
        let html = page(&compared.name, &questions, &all, currency, language);
        std::io::Write::write_all(file, html.as_bytes())
            .map_err(|error| Error::user("the report can't be written").because(error))?;
    }
    match (of_sets.as_slice(), compared.json) {
        ([only], true) => out.json(&only.figures)?,
        (several, true) => out.json(&several)?,
        (sets, false) => {
            for of_set in sets {
                if sets.len() > 1 {
                    out.line(of_set.set);
                }
                show(&of_set.figures, currency, out);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// One way of answering.
struct With {
    /// None for sentences of the documents.
    model: Option<String>,
    collection: Option<String>,
}

impl With {
    fn name(&self) -> String {
        let model = self.model.as_deref().unwrap_or(QUOTE);
        self.collection
            .as_ref()
            .map_or_else(|| model.to_owned(), |collection| format!("{model}@{collection}"))
    }
}

/// What is named; without a name sentences of the documents, and every declared model that writes.
fn configurations(named: &[String], perimeter: &Perimeter) -> Result<Vec<With>, Error> {
    let writers: Vec<&str> = perimeter
        .models
        .iter()
        .filter(|model| model.purpose == ModelUse::Answers)
        .map(|model| model.name.as_str())
        .collect();
    if named.is_empty() {
        let all = std::iter::once(None).chain(writers.into_iter().map(|name| Some(name.to_owned())));
        return Ok(all.map(|model| With { model, collection: None }).collect());
    }
    named
        .iter()
        .map(|one| {
            let (model, collection) = one.split_once('@').map_or((one.as_str(), None), |(a, b)| (a, Some(b)));
            if let Some(name) = collection.filter(|name| perimeter.collection(name).is_none()) {
                return Err(Error::user(format!("no collection `{name}` is declared")));
            }
            if model != QUOTE && !writers.contains(&model) {
                return Err(Error::user(format!("no model `{model}` that writes answers is declared"))
                    .hint("`quote` stands for sentences of the documents"));
            }
            let model = (model != QUOTE).then(|| model.to_owned());
            Ok(With { model, collection: collection.map(str::to_owned) })
        })
        .collect()
}

/// What is needed to ask.
struct Asker<'a> {
    perimeter: &'a Perimeter,
    library: Arc<Library>,
    writers: Arc<Writers>,
    noted: Arc<noted::Noted>,
    runtime: Runtime,
}

impl<'a> Asker<'a> {
    fn new(perimeter: &'a Perimeter, data: &Path) -> Result<Asker<'a>, Error> {
        let noted = noted::Opened::of(perimeter, data, &Principal::owner())?;
        let surroundings = Surroundings::of_system();
        walls::raise_for_asking(perimeter, data)?;
        let noted = Arc::new(noted.start());
        let egress = Egress::new(perimeter, surroundings, noted.notes.recorder())?;
        let writers = Arc::new(Writers::new(perimeter, &egress)?);
        let runtime = setup::runtime(1, "the models can't be asked")?;
        let way_out = Some((&egress, runtime.handle()));
        let library = Arc::new(setup::open_read_only(perimeter.clone(), data, way_out)?);
        Ok(Asker { perimeter, library, writers, noted, runtime })
    }

    fn ask(&self, question: &OwnQuestion, with: &With) -> Result<Given, Error> {
        let principal = match &question.asker {
            None => Principal::owner(),
            Some(text) => Principal::parse(text).map_err(Error::user)?,
        };
        let collection = question.collection.clone().or_else(|| with.collection.clone());
        let options = SearchOptions { collection, ..SearchOptions::default() };
        let begun = Instant::now();
        let asking =
            Asking { question: question.question.clone(), options: options.clone(), ..Asking::default() };
        let gathered = gather(&self.library, &principal, &asking)?;
        let mut given = Given {
            retrieved: gathered
                .extractive
                .results
                .documents
                .iter()
                .map(|found| format!("{}/{}", found.document.source, found.document.path))
                .collect(),
            ..Given::default()
        };
        let writes_down = Arc::clone(&self.noted);
        let note = Arc::new(move |called: &Called| writes_down.tool(called));
        let tools = Tools { principal, options, note };
        // Without a model there is none to fall back from, and sentences are quoted.
        let writers =
            if with.model.is_some() { Arc::clone(&self.writers) } else { Arc::new(Writers::none()) };
        let (library, model) = (Arc::clone(&self.library), with.model.clone());
        self.runtime.block_on(async {
            let (sender, mut events) = tokio::sync::mpsc::channel(WAITING_EVENTS);
            let writing = tokio::spawn(async move {
                answer(&writers, library, gathered, model.as_deref(), Some(tools), sender).await;
            });
            let mut taking = Taking { given: &mut given, paths: Vec::new(), begun };
            while let Some(event) = events.recv().await {
                taking.take(event);
            }
            // It ended with its last event.
            let _ = writing.await;
        });
        given.total_ms = begun.elapsed().as_secs_f64() * 1_000.0;
        let declared = self.perimeter.models.iter().find(|model| Some(&model.name) == with.model.as_ref());
        given.cost = declared.and_then(|model| model.cost(given.prompt_tokens, given.completion_tokens));
        Ok(given)
    }
}

/// An answer as it comes.
struct Taking<'a> {
    given: &'a mut Given,
    /// Paths of the documents by the numbers of the passages.
    paths: Vec<(usize, String)>,
    begun: Instant,
}

impl Taking<'_> {
    fn take(&mut self, event: Event) {
        match event {
            Event::Sources { sources } => {
                let path = |cited: &intramuros_dialogue::Cited| {
                    (cited.number, format!("{}/{}", cited.document.source, cited.document.path))
                };
                self.paths = sources.iter().map(path).collect();
            }
            Event::Model { .. } | Event::Tool { .. } | Event::Quoting => {
                self.given.text.clear();
                self.given.cited.clear();
            }
            Event::Draft { .. } => {}
            Event::Sentence { text, cited, .. } => {
                let elapsed = self.begun.elapsed().as_secs_f64() * 1_000.0;
                self.given.first_ms.get_or_insert(elapsed);
                self.given.text.push_str(&text);
                self.given.text.push('\n');
                let path = |number: usize| {
                    self.paths.iter().find(|(own, _)| *own == number).map(|(_, path)| path.clone())
                };
                self.given.cited.extend(cited.into_iter().filter_map(path));
            }
            Event::End(ending) => {
                self.given.found = ending.found;
                self.given.supported = ending.supported;
                self.given.sentences = ending.supported + ending.unsupported;
                self.given.failures = ending.failed.len();
                let tokens = ending.usage.unwrap_or_default();
                self.given.prompt_tokens = tokens.prompt_tokens;
                self.given.completion_tokens = tokens.completion_tokens;
            }
        }
    }
}

fn show(all: &[Figures], currency: &str, out: &mut Output) {
    let share =
        |share: Option<f64>| share.map_or_else(|| "–".to_owned(), |share| format!("{:.0}%", share * 100.0));
    out.line(&format!(
        "{:<24} {:>8} {:>6} {:>6} {:>9} {:>9} {:>9} {:>8} {:>8} {:>9} {:>9} {:>16}  cost",
        "",
        "found@10",
        "span",
        "F1",
        "cite prec",
        "cite rec",
        "answered",
        "refused",
        "support",
        "median ms",
        "p95 ms",
        "tokens"
    ));
    for one in all {
        let cost = one.cost.map(|cost| format!("{cost:.4} {currency}")).unwrap_or_default();
        out.line(&format!(
            "{:<24} {:>8} {:>6} {:>6} {:>9} {:>9} {:>9} {:>8} {:>8} {:>9.0} {:>9.0} {:>16}  {}",
            one.name,
            share(one.recall_10),
            share(one.span),
            share(one.token_f1),
            share(one.citation_precision),
            share(one.citation_recall),
            share(one.answered),
            share(one.refused),
            share(one.supported),
            one.median_ms,
            one.p95_ms,
            format!("{}+{}", one.prompt_tokens, one.completion_tokens),
            cost.trim()
        ));
    }
}
