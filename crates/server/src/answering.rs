//! How does a question become a stream of events, for whichever protocol it came by?
//!
//! One way for the page, the OpenAI interface and the tools: the same search with the same rights, the same entries in
//! the journal, the same check.

use std::collections::BTreeSet;
use std::sync::Arc;

use intramuros_core::access::Principal;
use intramuros_core::error::Error;
use intramuros_dialogue::{Asking, Called, Cited, Ending, Event, Tools, absent, answer, gather};
use intramuros_journal::Event as JournalEvent;
use intramuros_journal::time::now_ms;
use intramuros_store::people::Use;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{self, Receiver};

use crate::api::search::Asked;
use crate::application::Shared;
use crate::caller::Caller;
use crate::failure::Failure;
use crate::parameters::check_question;
use crate::record;

/// Events that wait for a slow reader before the model is made to wait too.
const WAITING_EVENTS: usize = 64;

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Whom {
    /// To the access rules.
    pub principal: Principal,
    /// Their number in the counts; 0 for this machine's owner and for programs.
    pub person: i64,
}

impl From<&Caller> for Whom {
    fn from(caller: &Caller) -> Whom {
        Whom { principal: caller.principal.clone(), person: caller.person.map_or(0, |person| person.0) }
    }
}

/// An answer on its way. Dropping it ends the model's work.
pub(crate) struct Answering {
    events: Receiver<Event>,
    shared: Arc<Shared>,
    whom: Whom,
    _place: OwnedSemaphorePermit,
}

impl Answering {
    /// What happens next; none after the end. The end is counted.
    pub async fn next(&mut self) -> Option<Event> {
        let event = self.events.recv().await?;
        if let (Event::End(ending), Some(accounts)) = (&event, &self.shared.accounts) {
            let used = used(&self.whom, ending);
            accounts.later(move |people| used.iter().try_for_each(|used| people.count_use(used, now_ms())));
        }
        Some(event)
    }
}

/// What an answer adds to the counts: the question to whoever answered it, and each failure to whoever failed.
fn used(whom: &Whom, ending: &Ending) -> Vec<Use> {
    let of = |model: &str| Use {
        person: whom.person,
        who: record::name(&whom.principal),
        model: model.to_owned(),
        ..Use::default()
    };
    let tokens = ending.usage.unwrap_or_default();
    let answered = Use {
        questions: 1,
        answered: u64::from(ending.found),
        refused: u64::from(!ending.found),
        prompt_tokens: tokens.prompt_tokens,
        completion_tokens: tokens.completion_tokens,
        ..of(ending.model.as_deref().unwrap_or_default())
    };
    let failed = ending.failed.iter().map(|(model, _)| Use { failed: 1, ..of(model) });
    std::iter::once(answered).chain(failed).collect()
}

/// Searches, writes down who reads what, and lets the answer come.
pub(crate) async fn begin(
    shared: &Arc<Shared>,
    whom: Whom,
    asking: Asking,
    model: Option<String>,
) -> Result<Answering, Failure> {
    check_question(&asking.question)?;
    let place = Arc::clone(&shared.streams).try_acquire_owned().map_err(|_| Failure::busy())?;
    let principal = &whom.principal;
    let mut asked = Asked::new(shared, principal, &asking.question, &asking.options);
    let tools = tools(shared, principal, &asking);
    let who = principal.clone();
    let gathered = shared.call(move |library| gather(library, &who, &asking)).await?;
    asked.results(&gathered.extractive.results);
    shared.note(asked.0).await?;
    let handed_out = gathered.passages.iter().map(|(cited, _, _)| &cited.document);
    shared.note_all(record::read_together(&record::name(principal), handed_out, "answer")).await?;
    let (sender, events) = mpsc::channel(WAITING_EVENTS);
    let (library, writers) = (shared.library(), Arc::clone(&shared.writers));
    tokio::spawn(async move {
        answer(&writers, library, gathered, model.as_deref(), Some(tools), sender).await;
    });
    Ok(Answering { events, shared: Arc::clone(shared), whom, _place: place })
}

/// What a model may call, in the name of who asks, each call an entry of the journal.
fn tools(shared: &Shared, principal: &Principal, asking: &Asking) -> Tools {
    let (record, by) = (shared.walls.record.clone(), record::name(principal));
    let note = move |called: &Called| {
        let not_written = |error| Error::internal("the journal can't be written").because(error);
        let tool = if called.tool.is_empty() { "unknown" } else { called.tool };
        let entry = JournalEvent::ToolCalled {
            by: by.clone(),
            tool: tool.to_owned(),
            allowed: called.allowed,
            with: Some(called.with.to_owned()),
        };
        record.note(entry).map_err(not_written)?;
        let read = record::read_together(&by, called.documents.iter(), "tool");
        read.into_iter().try_for_each(|entry| record.note(entry)).map_err(not_written)
    };
    Tools { principal: principal.clone(), options: asking.options.clone(), note: Arc::new(note) }
}

/// A whole answer as plain text with its sources, for those who can't take it piece by piece.
#[derive(Debug, Default)]
pub(crate) struct Whole {
    /// The sentences with their marks, `[1]`.
    pub text: String,
    /// Where each source begins and ends in the text, in characters, with its number.
    pub marks: Vec<(usize, usize, usize)>,
    /// The passages.
    pub sources: Vec<Cited>,
    /// How it ended.
    pub ending: Ending,
}

impl Whole {
    /// Takes an event; gives the text that it adds.
    pub fn take(&mut self, event: Event) -> String {
        let mut added = String::new();
        match event {
            Event::Sources { sources } => self.sources = sources,
            Event::Model { .. } | Event::Tool { .. } | Event::Quoting if !self.text.is_empty() => {
                added.push_str("\n\n(…)\n\n");
                self.marks.clear();
            }
            Event::Model { .. } | Event::Tool { .. } | Event::Quoting | Event::Draft { .. } => {}
            Event::Sentence { text, cited, unsupported, new_line } => {
                if !self.text.is_empty() {
                    added.push(if new_line { '\n' } else { ' ' });
                }
                let start = self.text.chars().count() + added.chars().count();
                added.push_str(&plain(&text));
                for number in &cited {
                    added.push_str(&format!(" [{number}]"));
                }
                if unsupported.is_some() {
                    added.push_str(" (?)");
                }
                let end = self.text.chars().count() + added.chars().count();
                self.marks.extend(cited.into_iter().map(|number| (start, end, number)));
            }
            Event::End(ending) => self.ending = ending,
        }
        self.text.push_str(&added);
        added
    }

    /// Waits for the end.
    pub async fn of(mut answering: Answering) -> Whole {
        let mut whole = Whole::default();
        while let Some(event) = answering.next().await {
            whole.take(event);
        }
        whole
    }

    /// The sources that the text cites, in order.
    pub fn cited(&self) -> impl Iterator<Item = &Cited> {
        let numbers: BTreeSet<usize> = self.marks.iter().map(|(_, _, number)| *number).collect();
        self.sources.iter().filter(move |source| numbers.contains(&source.number))
    }

    /// What stands behind the sentences: what was not found, which model failed, what is marked, and the sources.
    pub fn foot(&self, home: &str) -> String {
        let mut lines: Vec<String> = Vec::new();
        if !self.ending.found {
            lines.push("Rien dans les documents ne répond. / Nothing in the documents answers.".to_owned());
        }
        if let Some((french, english)) = absent::in_words(&self.ending.absent) {
            lines.push(format!("{} / {}", plain(&french), plain(&english)));
        }
        for (model, why) in &self.ending.failed {
            lines.push(format!("{model}: {why}"));
        }
        if self.ending.unsupported > 0 {
            let count = self.ending.unsupported;
            lines.push(if self.ending.removed {
                format!("{count} phrase(s) sans appui retirée(s) / unsupported sentence(s) removed")
            } else {
                format!(
                    "(?) : {count} phrase(s) qu’aucun passage n’appuie / sentence(s) that no passage supports"
                )
            });
        }
        lines.extend(self.cited().map(|source| {
            let (number, title) = (source.number, &source.document.title);
            let page = source.pages.map(|(first, _)| format!(", p. {first}")).unwrap_or_default();
            // With the colon: after a title that ends with a bracket it would be the definition of a link.
            format!("{} {}", plain(&format!("[{number}] {title}{page}:")), address(home, source))
        }));
        if lines.is_empty() { String::new() } else { format!("\n\n{}", lines.join("\n")) }
    }
}

/// A text in which no client finds a picture, a link or a tag: what a document or a model wrote must not make anybody's
/// screen load something from elsewhere.
fn plain(text: &str) -> String {
    let text = text.replace("](", "] (").replace("]:", "] :").replace("][", "] [");
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let opens =
            letter == '<' && letters.peek().is_some_and(|next| next.is_alphabetic() || "/!?".contains(*next));
        plain.push(if opens { '‹' } else { letter });
    }
    plain
}

/// The address of a passage on the page.
pub(crate) fn address(home: &str, source: &Cited) -> String {
    let Cited { document, passage, range, .. } = source;
    format!("{home}/document/{}?passage={}&start={}&end={}", document.id.0, passage.0, range.start, range.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_makes_a_screen_load_anything() {
        let check = |text: &str, expected: &str| assert_eq!(plain(text), expected);
        check("![a](http://x/y)", "![a] (http://x/y)");
        check("![a][b] and [b]: http://x", "![a] [b] and [b] : http://x");
        check("<img src=x><!-- a --></b>", "‹img src=x>‹!-- a -->‹/b>");
        check("3 < 4 and a[0] (b)", "3 < 4 and a[0] (b)");
    }
}
