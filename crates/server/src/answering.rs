//! How does a question become a stream of events, for whichever protocol it came by?
//!
//! One way for the page, the OpenAI interface and the tools: the same search with the same rights, the same entries in
//! the journal, the same check.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use intramuros_core::access::Principal;
use intramuros_core::document::Kind;
use intramuros_core::error::Error;
use intramuros_dialogue::{
    Account, Asking, Called, Citation, Cited, Ending, Event, Tools, absent, answer_without, gather, narrowed,
};
use intramuros_journal::Event as JournalEvent;
use intramuros_journal::time::now_ms;
use intramuros_library::Notice;
use intramuros_store::people::Use;
use tokio::sync::mpsc::{self, Receiver};

use crate::allowance::{Allowance, nothing_left};
use crate::api::search::Asked;
use crate::application::Shared;
use crate::caller::{Caller, LetIn, Rights, Shown};
use crate::failure::Failure;
use crate::limits::{Place, Sharer};
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
    /// By what they would be known again: an answer takes long enough for rights to be taken away meanwhile.
    pub shown: Shown,
}

impl From<&Caller> for Whom {
    fn from(caller: &Caller) -> Whom {
        let person = caller.person.map_or(0, |person| person.0);
        Whom { principal: caller.principal.clone(), person, shown: caller.shown }
    }
}

impl Whom {
    /// Whose share of places they take.
    pub fn sharer(&self) -> Sharer {
        Sharer::new(self.person, &self.principal)
    }
}

/// The word of an answer that ended since the rights of who asked changed.
const RIGHTS_CHANGED: &str = "rights_changed";

/// What they are told.
fn rights_changed() -> Notice {
    Notice {
        code: RIGHTS_CHANGED,
        filters: Vec::new(),
        french: "Vos droits ont changé pendant la réponse : demandez à nouveau.".to_owned(),
        english: "Your rights changed while the answer was written: ask again.".to_owned(),
    }
}

/// An answer on its way. Dropping it ends the model's work.
pub(crate) struct Answering {
    events: Receiver<Event>,
    /// Of who asked: they may lose what they might read.
    rights: Rights,
    /// Whether they have: it ended then, and nothing of it is kept or handed out any more.
    pub taken_away: bool,
    over: bool,
    _place: Place,
}

impl Answering {
    /// What happens next; none after the end.
    pub async fn next(&mut self) -> Option<Event> {
        while !self.over {
            let event = tokio::select! {
                biased;
                () = self.rights.changed() => None,
                event = self.events.recv() => Some(event?),
            };
            // Not every end of a right is told when it comes: a session and a token also end by their time.
            let looked_at =
                event.as_ref().is_none_or(|it| matches!(it, Event::Sources { .. } | Event::End(_)));
            if looked_at && !self.rights.are_the_same().await {
                return Some(self.take_away());
            }
            if let Some(event) = event {
                self.over = matches!(event, Event::End(_));
                return Some(event);
            }
        }
        None
    }

    /// Ends it, and hangs up on the model; what it wrote meanwhile nobody gets.
    fn take_away(&mut self) -> Event {
        (self.taken_away, self.over) = (true, true);
        self.events.close();
        Event::End(Ending { notices: vec![rights_changed()], ..Ending::default() })
    }
}

/// Counts what an answer came to, and then gives the turn back: the next question of the same person sees what was counted.
fn count(shared: &Shared, whom: &Whom, account: &Account, used_up: &[String], turn: Option<Place>) {
    let Some(accounts) = &shared.accounts else { return };
    let used = used(whom, account, used_up);
    accounts.later(move |people| {
        let counted = used.iter().try_for_each(|used| people.count_use(used, now_ms()));
        drop(turn);
        counted
    });
}

/// What an answer adds to the counts: the question to whoever answered it, each failure to whoever failed, and to each
/// model the tokens that it took. A model that was not asked, its tokens of the day being used up, did not fail.
fn used(whom: &Whom, account: &Account, used_up: &[String]) -> Vec<Use> {
    let of = |model: &str| Use {
        person: whom.person,
        who: record::name(&whom.principal),
        model: model.to_owned(),
        ..Use::default()
    };
    let mut rows: BTreeMap<&str, Use> = BTreeMap::new();
    if let Some(ending) = &account.ending {
        let model = ending.model.as_deref().unwrap_or_default();
        let (answered, refused) = (u64::from(ending.found), u64::from(!ending.found));
        rows.insert(model, Use { questions: 1, answered, refused, ..of(model) });
        for (model, _) in ending.failed.iter().filter(|(model, _)| !used_up.contains(model)) {
            rows.entry(model).or_insert_with(|| of(model)).failed += 1;
        }
    }
    for (model, tokens) in &account.took {
        let row = rows.entry(model).or_insert_with(|| of(model));
        row.prompt_tokens += tokens.prompt_tokens;
        row.completion_tokens += tokens.completion_tokens;
    }
    rows.into_values().filter(|row| *row != of(&row.model)).collect()
}

/// What becomes of a question when whoever asks has used up their tokens of the day, of all models that would answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NothingLeft {
    /// Sentences of the documents are the answer.
    Quote,
    /// It is refused, as programs are told.
    Refuse,
}

/// Searches, writes down who reads what, and lets the answer come.
pub(crate) async fn begin(
    shared: &Arc<Shared>,
    whom: Whom,
    asking: Asking,
    model: Option<String>,
    nothing_left_means: NothingLeft,
) -> Result<Answering, Failure> {
    check_question(&asking.question)?;
    let place = shared.answers.take(Some(&whom.sharer()), shared.limits.wait).await?;
    let principal = &whom.principal;
    // Before the search: what is taken away from here on is seen.
    let let_in = LetIn::new(shared, whom.shown, principal);
    let mut rights = Rights::of(let_in.clone());
    let mut asked = Asked::new(shared, principal, &asking.question, &asking.options);
    let tools = tools(shared, let_in, principal, &asking);
    let who = principal.clone();
    let gathered = shared.call(move |library| gather(library, &who, &asking)).await?;
    let allowance = match gathered.extractive.found {
        true => Allowance::of(shared, &whom, model.as_deref().or(gathered.model.as_deref())).await?,
        // Where nothing answers, no model is asked.
        false => Allowance::default(),
    };
    if allowance.nothing_left && nothing_left_means == NothingLeft::Refuse {
        return Err(nothing_left(now_ms()));
    }
    if !rights.are_the_same().await {
        return Err(Failure::forbidden("your rights changed while the answer was written: ask again"));
    }
    asked.results(&gathered.extractive.results);
    shared.note(asked.0).await?;
    let quoted = gathered.extractive.statements.iter().map(|statement| &statement.document);
    let handed_out = gathered.passages.iter().map(|(cited, _, _)| &cited.document).chain(quoted);
    shared.note_all(record::read_together(&record::name(principal), handed_out, "answer")).await?;
    let (sender, events) = mpsc::channel(WAITING_EVENTS);
    let (library, writers) = (shared.library(), Arc::clone(&shared.writers));
    let counts = Arc::clone(shared);
    tokio::spawn(async move {
        let Allowance { used_up, turn, .. } = allowance;
        let (model, tools) = (model.as_deref(), Some(tools));
        let account = answer_without(&writers, library, gathered, model, &used_up, tools, sender).await;
        count(&counts, &whom, &account, &used_up, turn);
    });
    let (taken_away, over) = (false, false);
    Ok(Answering { events, rights, taken_away, over, _place: place })
}

/// What a model may call, in the name of who asks, each call an entry of the journal. What is to be given is given to who they
/// are at that moment: who lost a right since the answer was begun gets nothing more by it.
fn tools(shared: &Shared, let_in: LetIn, principal: &Principal, asking: &Asking) -> Tools {
    let (record, by) = (shared.walls.record.clone(), record::name(principal));
    let note = move |called: &Called| {
        if called.allowed && !let_in.is_still() {
            return Err(Error::user("the rights of who asks changed").hint("ask again"));
        }
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
    /// Where each sentence that cites begins and ends in the text, in characters, with what it cites.
    pub marks: Vec<(usize, usize, Citation)>,
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
                for Citation { number, .. } in &cited {
                    added.push_str(&format!(" [{number}]"));
                }
                if unsupported.is_some() {
                    added.push_str(" (?)");
                }
                let end = self.text.chars().count() + added.chars().count();
                self.marks.extend(cited.into_iter().map(|place| (start, end, place)));
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
            // Nothing was handed out yet: what is begun anew leaves nothing behind.
            if matches!(event, Event::Model { .. } | Event::Tool { .. } | Event::Quoting) {
                (whole.text, whole.marks) = Default::default();
            }
            whole.take(event);
        }
        // Nothing was handed out yet.
        if answering.taken_away { Whole { ending: whole.ending, ..Whole::default() } } else { whole }
    }

    /// The sources that the text cites, in order, each narrowed to what is cited of it.
    pub fn cited(&self) -> Vec<Cited> {
        narrowed(&self.sources, self.marks.iter().map(|(_, _, place)| place))
    }

    /// What stands behind the sentences: what was not found, which model failed, what is marked, and the sources. Where there
    /// is no sentence it begins the answer, and no empty lines do.
    pub fn foot(&self, home: &str) -> String {
        let mut lines: Vec<String> = Vec::new();
        let told_why = self.ending.notices.iter().any(|notice| notice.code == RIGHTS_CHANGED);
        if !self.ending.found && !told_why {
            lines.push(NOTHING_ANSWERS.to_owned());
        }
        for Notice { french, english, .. } in &self.ending.notices {
            lines.push(format!("{} / {}", plain(french), plain(english)));
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
                removed(count as u64)
            } else {
                format!(
                    "(?) : {count} phrase(s) qu’aucun passage n’appuie / sentence(s) that no passage supports"
                )
            });
        }
        lines.extend(self.cited().iter().map(|source| {
            let (number, title) = (source.number, &source.document.title);
            let place = place(source);
            // With the colon: after a title that ends with a bracket it would be the definition of a link.
            format!(
                "{} {}",
                plain(&format!("[{number}] {title}{place}:")),
                address(home, source, &source.range)
            )
        }));
        let before = if self.text.is_empty() || lines.is_empty() { "" } else { "\n\n" };
        format!("{before}{}", lines.join("\n"))
    }
}

/// What is said in plain text where nothing answers.
pub(crate) const NOTHING_ANSWERS: &str =
    "Rien dans les documents ne répond. / Nothing in the documents answers.";

/// What is said in plain text of sentences that were removed.
pub(crate) fn removed(count: u64) -> String {
    format!("{count} phrase(s) sans appui retirée(s) / unsupported sentence(s) removed")
}

/// Where a source stands, in either language: its page, or the sheet of a workbook with the row.
fn place(source: &Cited) -> String {
    let row = source.lines.map(|(first, _)| format!(", l. {first}")).unwrap_or_default();
    match (source.pages, &source.section) {
        (Some((page, _)), _) => format!(", p. {page}"),
        (None, Some(sheet)) if source.document.kind == Some(Kind::Sheet) => format!(", {sheet}{row}"),
        _ => String::new(),
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

/// The address on the page of a byte range of a source's document.
pub(crate) fn address(home: &str, source: &Cited, range: &Range<usize>) -> String {
    let Cited { document, passage, .. } = source;
    format!("{home}/document/{}?passage={}&start={}&end={}", document.id.0, passage.0, range.start, range.end)
}

#[cfg(test)]
mod tests {
    use intramuros_inference::endpoint::Usage;

    use super::*;

    #[test]
    fn an_answer_without_a_sentence_does_not_begin_with_empty_lines() {
        let refused = Whole::default();
        assert!(refused.foot("").starts_with("Rien dans les documents"));
        let answered = Whole { text: "Neuf ans. [1]".to_owned(), ..Whole::default() };
        assert!(answered.foot("").starts_with("\n\n"));
    }

    #[test]
    fn each_model_is_counted_for_its_tokens_and_who_answered_for_the_question() {
        let principal = Principal::named("rose", [] as [&str; 0]);
        let whom = Whom { principal, person: 7, shown: Shown::Nothing };
        let account = |ending: Option<Ending>, took: &[(&str, u64, u64)]| {
            let of = |(model, prompt_tokens, completion_tokens): &(&str, u64, u64)| {
                let (prompt_tokens, completion_tokens) = (*prompt_tokens, *completion_tokens);
                ((*model).to_owned(), Usage { prompt_tokens, completion_tokens })
            };
            Account { ending, took: took.iter().map(of).collect() }
        };
        let check = |account: Account, expected: &[(&str, [u64; 6])]| {
            let rows = used(&whom, &account, &["dear".to_owned()]);
            assert!(rows.iter().all(|row| (row.person, row.who.as_str()) == (7, "rose")));
            let counts = |row: &Use| {
                let Use { questions, answered, refused, failed, prompt_tokens, completion_tokens, .. } = *row;
                [questions, answered, refused, failed, prompt_tokens, completion_tokens]
            };
            let found: Vec<(&str, [u64; 6])> =
                rows.iter().map(|row| (row.model.as_str(), counts(row))).collect();
            assert_eq!(found, expected);
        };
        let ending = |found: bool, model: Option<&str>, failed: &[&str]| {
            let failed = failed.iter().map(|model| ((*model).to_owned(), "why")).collect();
            Some(Ending { found, model: model.map(str::to_owned), failed, ..Ending::default() })
        };
        check(account(ending(false, None, &[]), &[]), &[("", [1, 0, 1, 0, 0, 0])]);
        // Another wording was asked for first; one model broke off, another one was not asked at all.
        check(
            account(
                ending(true, Some("sound"), &["dear", "broken"]),
                &[("broken", 10, 0), ("broken", 100, 5), ("sound", 100, 20)],
            ),
            &[("broken", [0, 0, 0, 1, 110, 5]), ("sound", [1, 1, 0, 0, 100, 20])],
        );
        // Nobody waited for the end: what was written until then was written.
        check(account(None, &[("sound", 100, 3)]), &[("sound", [0, 0, 0, 0, 100, 3])]);
        check(account(None, &[("sound", 0, 0)]), &[]);
    }

    #[test]
    fn no_text_makes_a_screen_load_anything() {
        let check = |text: &str, expected: &str| assert_eq!(plain(text), expected);
        check("![a](http://x/y)", "![a] (http://x/y)");
        check("![a][b] and [b]: http://x", "![a] [b] and [b] : http://x");
        check("<img src=x><!-- a --></b>", "‹img src=x>‹!-- a -->‹/b>");
        check("3 < 4 and a[0] (b)", "3 < 4 and a[0] (b)");
    }
}
