//! What does a declared model answer in the terminal, and does it hold?

use std::path::Path;
use std::sync::Arc;

use intramuros_core::access::Principal;
use intramuros_core::error::Error;
use intramuros_core::perimeter::Perimeter;
use intramuros_dialogue::{Asking, Called, Cited, Ending, Event, Tools, Writers, answer, gather, narrowed};
use intramuros_egress::{Egress, Surroundings};
use intramuros_library::{DocumentFacts, SearchOptions};
use intramuros_netpol::language::Language;
use serde::Serialize;

use crate::commands::ask::{NOT_FOUND, named, say_absent, say_notices};
use crate::commands::search::place;
use crate::language::count;
use crate::looking::with_counts;
use crate::noted;
use crate::output::Output;
use crate::setup;
use crate::walls;

/// Events that wait for a slow terminal before the model is made to wait too.
const WAITING_EVENTS: usize = 64;

/// What is asked, of whom.
pub struct Asked {
    /// The question.
    pub question: String,
    /// Who asks.
    pub principal: Principal,
    /// Name of a declared model; the first one when not given.
    pub model: Option<String>,
    /// Name of a declared collection.
    pub collection: Option<String>,
    /// Whether it is printed as JSON.
    pub json: bool,
}

/// An answer as JSON.
#[derive(Serialize)]
struct Answer {
    sources: Vec<Cited>,
    sentences: Vec<Event>,
    #[serde(flatten)]
    ending: Ending,
}

/// Lets the model write, prints what it wrote sentence by sentence as it is checked, and gives whether there is an answer.
///
/// # Errors
/// When nothing was read yet, the data can't be read, or the process can't be sealed.
pub fn run(asked: &Asked, perimeter: &Perimeter, data: &Path, out: &mut Output) -> Result<bool, Error> {
    let noted = noted::Opened::of(perimeter, data, &asked.principal)?;
    let surroundings = Surroundings::of_system();
    walls::raise_for_asking(perimeter, data)?;
    let noted = Arc::new(noted.start());
    let egress = Egress::new(perimeter, surroundings, noted.notes.recorder())?;
    let writers = Writers::new(perimeter, &egress)?;
    let runtime = setup::runtime(1, "the model can't be asked")?;
    let way_out = Some((&egress, runtime.handle()));
    let library = Arc::new(setup::open_read_only(perimeter.clone(), data, way_out)?);
    let options = SearchOptions { collection: asked.collection.clone(), ..SearchOptions::default() };
    let asking = Asking { question: asked.question.clone(), options, ..Asking::default() };
    let meaning = library.without_meaning(&asked.principal);
    let gathered = gather(&library, &asked.principal, &asking)?;
    let read: Vec<&DocumentFacts> = gathered.passages.iter().map(|(cited, _, _)| &cited.document).collect();
    noted.question(&asked.question, gathered.extractive.results.total, &read, "answer", out)?;
    let model = asked.model.clone();
    let writes_down = Arc::clone(&noted);
    let tools = Tools {
        principal: asked.principal.clone(),
        options: SearchOptions { collection: asked.collection.clone(), ..SearchOptions::default() },
        note: Arc::new(move |called: &Called| writes_down.tool(called)),
    };
    let mut shown =
        Shown { out, json: asked.json, line: String::new(), sources: Vec::new(), sentences: Vec::new() };
    let mut ending = runtime.block_on(async {
        let (sender, mut events) = tokio::sync::mpsc::channel(WAITING_EVENTS);
        let writing =
            async move { answer(&writers, library, gathered, model.as_deref(), Some(tools), sender).await };
        let writing = tokio::spawn(writing);
        let mut ending = Ending::default();
        while let Some(event) = events.recv().await {
            match event {
                Event::End(end) => ending = end,
                other => shown.take(other),
            }
        }
        // It ended with its last event.
        let _ = writing.await;
        ending
    });
    with_counts(&mut ending.notices, meaning);
    let found = ending.found;
    shown.end(ending)?;
    Ok(found)
}

/// What was printed so far.
struct Shown<'a> {
    out: &'a mut Output,
    json: bool,
    line: String,
    sources: Vec<Cited>,
    sentences: Vec<Event>,
}

impl Shown<'_> {
    fn take(&mut self, event: Event) {
        match event {
            Event::Sources { sources } => self.sources = sources,
            Event::Tool { .. } => {
                // What was printed stands; what follows is the answer.
                if !self.sentences.is_empty() && !self.json {
                    self.flush();
                    self.out.note(self.out.pick(
                        "Le modèle a cherché plus loin ; sa réponse recommence :",
                        "The model looked further; its answer begins again:",
                    ));
                }
                self.sentences.clear();
                self.line.clear();
            }
            Event::Model { .. } | Event::Quoting => {
                if !self.sentences.is_empty() && !self.json {
                    self.flush();
                    self.out.note(self.out.pick(
                        "Ce modèle a échoué ; ce qu’il a écrit est nul. De nouveau :",
                        "That model failed; what it wrote is void. Again:",
                    ));
                }
                self.sentences.clear();
                self.line.clear();
            }
            Event::Sentence { ref text, ref cited, ref unsupported, new_line } => {
                if new_line {
                    self.flush();
                }
                let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
                let marks: String = cited.iter().map(|place| format!(" [{}]", place.number)).collect();
                let doubt = if unsupported.is_some() { " (?)" } else { "" };
                let space = if self.line.is_empty() { "" } else { " " };
                self.line += &format!("{space}{words}{marks}{doubt}");
                self.sentences.push(event);
            }
            Event::Draft { .. } | Event::End(_) => {}
        }
    }

    fn flush(&mut self) {
        if !self.line.is_empty() && !self.json {
            self.out.line(&self.line);
        }
        self.line.clear();
    }

    /// What stands behind the answer: who wrote it, what did not hold, and where the rest stands.
    fn end(mut self, ending: Ending) -> Result<(), Error> {
        self.flush();
        if self.json {
            return self.out.json(&Answer { sources: self.sources, sentences: self.sentences, ending });
        }
        for (model, why) in &ending.failed {
            self.out.note(&format!("{model}: {why}"));
        }
        if !ending.found {
            self.out.line(self.out.pick(NOT_FOUND.0, NOT_FOUND.1));
            say_notices(&ending.notices, self.out);
            say_absent(&ending.absent, self.out);
            return Ok(());
        }
        self.out.line("");
        let cited = self.sentences.iter().flat_map(|event| match event {
            Event::Sentence { cited, .. } => cited.as_slice(),
            _ => &[],
        });
        for source in narrowed(&self.sources, cited) {
            let (kind, section) = (source.document.kind, source.section.as_deref());
            let standing = place(kind, source.pages, source.lines, section, self.out.language());
            let document = named(&source.document, &standing, self.out);
            self.out.line(&format!("[{}] {document}", source.number));
        }
        say_notices(&ending.notices, self.out);
        say_absent(&ending.absent, self.out);
        self.out.note(&written_by(&ending, self.out.language()));
        Ok(())
    }
}

/// Who wrote the answer, and how much of it did not hold.
fn written_by(ending: &Ending, language: Language) -> String {
    let sentences =
        count(ending.unsupported as u64, ["phrase", "phrases"], ["sentence", "sentences"], language);
    let Some(model) = &ending.model else {
        return match (language, ending.removed) {
            (Language::French, false) => "Phrases des documents.".to_owned(),
            (Language::English, false) => "Sentences of the documents.".to_owned(),
            (Language::French, true) => format!(
                "Phrases des documents, à la place de ce que le modèle a écrit ; retiré, car rien ne l’appuie : {sentences}."
            ),
            (Language::English, true) => format!(
                "Sentences of the documents, in place of what the model wrote; removed, as nothing supports them: {sentences}."
            ),
        };
    };
    match (language, ending.unsupported, ending.removed) {
        (Language::French, 0, _) => format!("Rédigé par {model} ; les documents appuient chaque phrase."),
        (Language::English, 0, _) => format!("Written by {model}; the documents support every sentence."),
        (Language::French, _, true) => {
            format!("Rédigé par {model} ; retiré, car rien ne l’appuie : {sentences}.")
        }
        (Language::English, _, true) => {
            format!("Written by {model}; removed, as nothing supports them: {sentences}.")
        }
        (Language::French, ..) => {
            format!("Rédigé par {model} ; rien n’appuie {sentences}, avec la marque (?).")
        }
        (Language::English, ..) => format!("Written by {model}; nothing supports {sentences}, marked (?)."),
    }
}
