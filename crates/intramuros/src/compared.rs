//! How do declared models answer the organisation's own questions, side by side?

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use intramuros_core::access::Principal;
use intramuros_core::error::Error;
use intramuros_core::language::Language;
use intramuros_core::perimeter::{ModelUse, Perimeter};
use intramuros_dialogue::{
    Asking, Called, Citation, Ending, Event, MAX_QUESTION_BYTES, Tools, Writers, answer_without, gather,
};
use intramuros_egress::{Egress, Surroundings};
use intramuros_evaluation::own::{
    Configuration, Figures, Given, Outcome, OwnQuestion, OwnSet, figures, page,
};
use intramuros_library::{FoundDocument, Library, SearchOptions};
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
/// When a model is not declared, a question can't be asked at all, or the data can't be read.
pub fn run(
    compared: &Compared<'_>,
    perimeter: &Perimeter,
    data: &Path,
    out: &mut Output,
) -> Result<ExitCode, Error> {
    let wrong = |path: &Path, error: std::io::Error| Error::user(path.display().to_string()).because(error);
    let with = configurations(compared.with, perimeter)?;
    for (set, questions) in compared.sets {
        check(set, questions, &with, perimeter)?;
    }
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
                let given = asker.ask(question, one)?;
                if let Outcome::Failed(why) = given.outcome {
                    out.note(&format!("{} {number}/{}: {why}", configuration.name, questions.len()));
                }
                configuration.given.push(given);
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
                for line in table(&of_set.figures, currency, out.pick(true, false)) {
                    out.line(&line);
                }
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

/// Who asks a question.
fn principal(question: &OwnQuestion) -> Result<Principal, Error> {
    match &question.asker {
        None => Ok(Principal::owner()),
        Some(text) => Principal::parse(text).map_err(Error::user),
    }
}

/// Finds what no configuration could ask before the first question is put, rather than hours later.
fn check(set: &str, questions: &[OwnQuestion], with: &[With], perimeter: &Perimeter) -> Result<(), Error> {
    for (number, question) in (1..).zip(questions) {
        let wrong = |what: &str| Error::user(format!("{set}: question {number} {what}"));
        if let Some(name) = question.collection.as_deref().filter(|name| perimeter.collection(name).is_none())
        {
            return Err(wrong(&format!("names the collection `{name}`, which is not declared"))
                .hint("declare it with [[collection]], or leave `collection` out"));
        }
        // The figures of a collection are not to be those of another one.
        let other = |one: &&With| one.collection.is_some() && one.collection != question.collection;
        if let (Some(own), Some(other)) = (&question.collection, with.iter().find(other)) {
            return Err(wrong(&format!(
                "names the collection `{own}`, and `--with {}` another",
                other.name()
            ))
            .hint("leave `collection` out of the questions, or `@COLLECTION` out of `--with`"));
        }
        principal(question)
            .map_err(|error| wrong("has no right `as`").because(error).hint("`as: anne,rh`"))?;
        if question.question.chars().all(|c| c.is_control() || c.is_whitespace()) {
            return Err(wrong("is empty"));
        }
        if question.question.len() > MAX_QUESTION_BYTES {
            return Err(wrong(&format!("is longer than {MAX_QUESTION_BYTES} bytes")));
        }
    }
    Ok(())
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
        let principal = principal(question)?;
        let collection = question.collection.clone().or_else(|| with.collection.clone());
        if let Some(name) = &collection
            && self.library.collection(&principal, name)?.is_none()
        {
            return Ok(Given { outcome: Outcome::Closed, ..Given::default() });
        }
        let options = SearchOptions { collection, ..SearchOptions::default() };
        let begun = Instant::now();
        let asking =
            Asking { question: question.question.clone(), options: options.clone(), ..Asking::default() };
        let gathered = gather(&self.library, &principal, &asking)?;
        // Until its end is told.
        let mut given = Given { outcome: Outcome::Failed(""), ..Given::default() };
        let writes_down = Arc::clone(&self.noted);
        let note = Arc::new(move |called: &Called| writes_down.tool(called));
        let tools = Tools { principal: principal.clone(), options: options.clone(), note };
        // Without a model there is none to fall back from, and sentences are quoted.
        let writers =
            if with.model.is_some() { Arc::clone(&self.writers) } else { Arc::new(Writers::none()) };
        let (library, model) = (Arc::clone(&self.library), with.model.clone());
        let account = self.runtime.block_on(async {
            let (sender, mut events) = tokio::sync::mpsc::channel(WAITING_EVENTS);
            let writing = tokio::spawn(async move {
                answer_without(&writers, library, gathered, model.as_deref(), &[], Some(tools), sender).await
            });
            let asked = with.model.as_deref();
            let mut taking = Taking { asked, given: &mut given, paths: Vec::new(), begun };
            while let Some(event) = events.recv().await {
                taking.take(event);
            }
            // It ended with its last event.
            writing.await.unwrap_or_default()
        });
        given.total_ms = begun.elapsed().as_secs_f64() * 1_000.0;
        // What another model took in its place is not its own.
        for (_, usage) in account.took.iter().filter(|(name, _)| Some(name) == with.model.as_ref()) {
            given.prompt_tokens += usage.prompt_tokens;
            given.completion_tokens += usage.completion_tokens;
        }
        // By itself, once the time is taken: what is put to a model comes from fewer documents than the ten that are measured.
        let found = self.library.search(&principal, &question.question, &options)?;
        let path = |found: &FoundDocument| format!("{}/{}", found.document.source, found.document.path);
        given.retrieved = found.documents.iter().map(path).collect();
        let declared = self.perimeter.models.iter().find(|model| Some(&model.name) == with.model.as_ref());
        given.cost = declared.and_then(|model| model.cost(given.prompt_tokens, given.completion_tokens));
        Ok(given)
    }
}

/// What an answer is for the configuration that was asked: what another model or sentences of the documents said in the place
/// of its model is a failure of that one.
fn outcome(asked: Option<&str>, ending: &Ending) -> Outcome {
    match ending.failed.iter().find(|(name, _)| Some(name.as_str()) == asked) {
        Some(&(_, why)) => Outcome::Failed(why),
        None if ending.found => Outcome::Answered,
        None => Outcome::Refused,
    }
}

/// An answer as it comes.
struct Taking<'a> {
    /// The model that was asked; none for sentences of the documents.
    asked: Option<&'a str>,
    given: &'a mut Given,
    /// Paths of the documents by the numbers of the passages.
    paths: Vec<(usize, String)>,
    begun: Instant,
}

impl Taking<'_> {
    /// What was told up to now is no part of the answer.
    fn void(&mut self) {
        self.given.text.clear();
        self.given.cited.clear();
        self.given.first_ms = None;
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Sources { sources } => {
                let path = |cited: &intramuros_dialogue::Cited| {
                    (cited.number, format!("{}/{}", cited.document.source, cited.document.path))
                };
                self.paths = sources.iter().map(path).collect();
            }
            Event::Model { .. } | Event::Tool { .. } | Event::Quoting => self.void(),
            Event::Draft { .. } => {}
            Event::Sentence { text, cited, .. } => {
                let elapsed = self.begun.elapsed().as_secs_f64() * 1_000.0;
                self.given.first_ms.get_or_insert(elapsed);
                self.given.text.push_str(&text);
                self.given.text.push('\n');
                let path = |place: Citation| {
                    self.paths.iter().find(|(own, _)| *own == place.number).map(|(_, path)| path.clone())
                };
                self.given.cited.extend(cited.into_iter().filter_map(path));
            }
            Event::End(ending) => {
                self.given.outcome = outcome(self.asked, &ending);
                if self.given.outcome == Outcome::Answered {
                    self.given.supported = ending.supported;
                    self.given.sentences = ending.supported + ending.unsupported;
                } else {
                    // What stands before a refusal is no answer either.
                    self.void();
                }
            }
        }
    }
}

/// The figures as lines of a table, each column as wide as what it holds.
fn table(all: &[Figures], currency: &str, french: bool) -> Vec<String> {
    let heads = if french {
        [
            "",
            "trouvés@10",
            "exacte",
            "F1",
            "cit. préc.",
            "cit. rapp.",
            "répondues",
            "refus",
            "appuyées",
            "pannes",
            "médiane ms",
            "p95 ms",
            "jetons",
            "coût",
        ]
    } else {
        [
            "",
            "found@10",
            "span",
            "F1",
            "cite prec",
            "cite rec",
            "answered",
            "refused",
            "support",
            "failures",
            "median ms",
            "p95 ms",
            "tokens",
            "cost",
        ]
    };
    let none = || "–".to_owned();
    let share = |share: Option<f64>| share.map_or_else(none, |share| format!("{:.0}%", share * 100.0));
    let time = |time: Option<f64>| time.map_or_else(none, |time| format!("{time:.0}"));
    let row = |one: &Figures| {
        [
            one.name.clone(),
            share(one.recall_10),
            share(one.span),
            share(one.token_f1),
            share(one.citation_precision),
            share(one.citation_recall),
            share(one.answered),
            share(one.refused),
            share(one.supported),
            format!("{}/{}", one.failures, one.questions),
            time(one.median_ms),
            time(one.p95_ms),
            format!("{}+{}", one.prompt_tokens, one.completion_tokens),
            one.cost.map_or_else(none, |cost| format!("{cost:.4} {currency}").trim().to_owned()),
        ]
    };
    let rows: Vec<_> = std::iter::once(heads.map(str::to_owned)).chain(all.iter().map(row)).collect();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let line = |row: &[String; 14]| {
        let cell = |(number, (cell, &width)): (usize, (&String, &usize))| {
            if number == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        };
        row.iter().zip(&widths).enumerate().map(cell).collect::<Vec<_>>().join("  ")
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_the_place_of_a_model_is_its_failure() {
        let failed = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), "why")).collect();
        let ending = |found, model: Option<&str>, names: &[&str]| Ending {
            found,
            model: model.map(str::to_owned),
            failed: failed(names),
            ..Ending::default()
        };
        let check = |asked, ending: &Ending, expected| assert_eq!(outcome(asked, ending), expected);
        let why = Outcome::Failed("why");
        check(Some("m"), &ending(true, Some("m"), &[]), Outcome::Answered);
        check(Some("m"), &ending(false, Some("m"), &[]), Outcome::Refused);
        // Nothing was found, so that nobody was asked.
        check(Some("m"), &ending(false, None, &[]), Outcome::Refused);
        check(Some("m"), &ending(true, Some("fallback"), &["m"]), why);
        check(Some("m"), &ending(false, Some("fallback"), &["m"]), why);
        check(Some("m"), &ending(true, None, &["m", "fallback"]), why);
        check(None, &ending(true, None, &[]), Outcome::Answered);
    }

    #[test]
    fn what_can_not_be_asked_is_found_before_anything_is() {
        let toml = "[[source]]\nname='d'\npath='d'\n[[collection]]\nname='Contrats'\nsources=['d']\n";
        let perimeter = Perimeter::parse(toml, "f").unwrap();
        let good = OwnQuestion { question: "Combien ?".to_owned(), ..OwnQuestion::default() };
        let asked = |collection: Option<&str>, asker: Option<&str>| OwnQuestion {
            collection: collection.map(str::to_owned),
            asker: asker.map(str::to_owned),
            ..good.clone()
        };
        let with = |collection: Option<&str>| With { model: None, collection: collection.map(str::to_owned) };
        let told_with = |second: OwnQuestion, with: &[With]| {
            check("q.yaml", &[good.clone(), second], with, &perimeter).err().map(|error| error.to_string())
        };
        let told = |second: OwnQuestion| told_with(second, &[with(None), with(Some("Contrats"))]);
        assert_eq!(told(asked(Some("Contrats"), Some("anne,rh"))), None);
        // The collection of the question or that of the configuration: not one of them unsaid.
        let two = told_with(asked(Some("Contrats"), None), &[with(None), with(Some("Paie"))]);
        let expected = "question 2 names the collection `Contrats`, and `--with quote@Paie` another";
        assert!(two.as_ref().is_some_and(|two| two.contains(expected)), "{two:?}");
        let check = |second: OwnQuestion, expected: &str| {
            let told = told(second).unwrap_or_default();
            assert!(told.starts_with("q.yaml: question 2 ") && told.contains(expected), "{told}");
        };
        check(asked(Some("Baux"), None), "`Baux`, which is not declared");
        check(asked(None, Some("anne,,rh")), "has no right `as`");
        check(OwnQuestion { question: "\u{7} ".to_owned(), ..good.clone() }, "is empty");
        check(OwnQuestion { question: "a".repeat(MAX_QUESTION_BYTES + 1), ..good.clone() }, "is longer than");
    }

    #[test]
    fn the_table_has_a_column_of_failures_and_stays_straight() {
        let name = "a-model-with-a-long-name@Contrats".to_owned();
        let (failures, questions) = (3, 40);
        let figures = Figures { name, failures, questions, ..Figures::default() };
        for (french, head) in [(false, "failures"), (true, "pannes")] {
            let lines = table(std::slice::from_ref(&figures), "EUR", french);
            let [top, row] = lines.as_slice() else { panic!("{lines:?}") };
            assert!(row.starts_with(&figures.name) && row.contains('–'), "{row}");
            // What was not measured is not nought.
            assert!(top.contains(head) && !row.contains("0%"), "{lines:?}");
            let end =
                |line: &str, text: &str| line.find(text).map(|at| line[..at].chars().count() + text.len());
            assert_eq!(end(top, head), end(row, "3/40"), "{lines:?}");
        }
    }
}
