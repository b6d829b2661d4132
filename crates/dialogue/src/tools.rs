//! What may a model do beside writing, and within what?
//!
//! Three things that read: search again, open a document around a passage that it was shown, list the sources. Each is
//! done with the asker's rights, within the collection that was asked, a few times and for a short while, and written
//! down before the model gets anything, by whoever knows whether the asker still has these rights. What a call says is checked as any input from outside is. A text of a document
//! can make a model ask for something; it can't make this module do more than the asker may do.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use intramuros_assistant::prompt;
use intramuros_core::access::Principal;
use intramuros_core::error::Error;
use intramuros_inference::endpoint::{ToolCall, ToolOffer};
use intramuros_library::{DocumentFacts, Library, SearchOptions};
use intramuros_store::{PassageId, StoredPassage};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::event::Cited;
use crate::gather::{Passage, passages_of, source};

/// Calls for one answer: a person who looks something up opens as many documents.
pub const MAX_CALLS: usize = 6;

/// Answers with calls in a row; after them the model must write.
pub const MAX_ROUNDS: usize = 4;

/// How long calls are taken for one answer, from the first on: they are searches of some milliseconds, and the model's own
/// time between.
pub const MAX_TIME: Duration = Duration::from_secs(60);

/// Documents that one search gives, and passages.
const FOUND_DOCUMENTS: usize = 4;
const FOUND_PASSAGES: usize = 4;

/// Passages that one opening gives, of which before the place.
const OPENED_PASSAGES: usize = 6;
const BEFORE: u32 = 2;

/// Longest words of a search, in bytes: a long question.
const MAX_QUERY_BYTES: usize = 500;

/// Sources that a list names.
const MAX_SOURCES: usize = 50;

/// Writes a call down, before the model is given what it found; an error refuses the call. It is also here that who asks is
/// looked at again: rights may be taken away while an answer is written.
pub type Note = Arc<dyn Fn(&Called) -> Result<(), Error> + Send + Sync>;

/// A call, as it is written down.
#[derive(Clone, Debug, Default)]
pub struct Called {
    /// The tool; empty where the model asked for one that is not there.
    pub tool: &'static str,
    /// Whether it was done.
    pub allowed: bool,
    /// What came of it, in few words and without content.
    pub with: &'static str,
    /// The documents that the model is shown something of.
    pub documents: Vec<DocumentFacts>,
}

/// In whose name, within what, and by whom it is written down.
#[derive(Clone)]
pub struct Tools {
    /// Who asks.
    pub principal: Principal,
    /// What the question is narrowed to: collection and filters hold for calls as well.
    pub options: SearchOptions,
    /// Writes each call down.
    pub note: Note,
}

impl fmt::Debug for Tools {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tools").field("principal", &self.principal).finish_non_exhaustive()
    }
}

/// The tools as models are told of them: the same three, whatever was read or said.
pub fn offers() -> Vec<ToolOffer> {
    let object = |properties, required: &[&str]| json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false});
    vec![
        ToolOffer {
            name: "search",
            description: "Search the documents again, with other words. Gives numbered passages.",
            parameters: object(
                json!({"query": {"type": "string", "description": "Words or a question, in French or English"}}),
                &["query"],
            ),
        },
        ToolOffer {
            name: "open",
            description: "Read on around a passage that was shown, or at a page of its document. Gives numbered passages.",
            parameters: object(
                json!({
                    "passage": {"type": "integer", "description": "The number of a passage that was shown"},
                    "page": {"type": "integer", "description": "A page of its document, from 1"},
                }),
                &["passage"],
            ),
        },
        ToolOffer {
            name: "list_sources",
            description: "List the sources that can be searched, with how many documents each has.",
            parameters: object(json!({}), &[]),
        },
    ]
}

/// What a model wants.
#[derive(Clone, Debug, PartialEq)]
enum Wanted {
    Search(String),
    Open { passage: usize, page: Option<u32> },
    Sources,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SearchArguments {
    query: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OpenArguments {
    passage: usize,
    #[serde(default)]
    page: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoArguments {}

/// Reads a call. Errors say to the model what is wrong, without its own words.
fn read(call: &ToolCall) -> (&'static str, Result<Wanted, &'static str>) {
    fn arguments<T: DeserializeOwned>(call: &ToolCall) -> Result<T, &'static str> {
        let text = if call.arguments.trim().is_empty() { "{}" } else { call.arguments.as_str() };
        serde_json::from_str(text).map_err(|_| "the arguments are not those of this tool")
    }
    match call.name.as_str() {
        "search" => ("search", arguments(call).and_then(|SearchArguments { query }| words(&query))),
        "open" => {
            ("open", arguments(call).map(|OpenArguments { passage, page }| Wanted::Open { passage, page }))
        }
        "list_sources" => ("list_sources", arguments(call).map(|NoArguments {}| Wanted::Sources)),
        _ => ("", Err("there is no such tool")),
    }
}

fn words(query: &str) -> Result<Wanted, &'static str> {
    let query: String = query.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match query.trim() {
        "" => Err("the query is empty"),
        query if query.len() > MAX_QUERY_BYTES => Err("the query is too long"),
        query => Ok(Wanted::Search(query.to_owned())),
    }
}

/// What is left of what one answer may do.
#[derive(Debug)]
pub(crate) struct Budget {
    calls: usize,
    rounds: usize,
    /// Set with the first call: how long a model reads before it calls is its own affair, and bounded as its answers are.
    until: Option<Instant>,
    /// Tokens that are free for results.
    tokens: usize,
}

impl Budget {
    pub fn new(tokens: usize) -> Budget {
        Budget { calls: MAX_CALLS, rounds: MAX_ROUNDS, until: None, tokens }
    }

    /// Whether the model may call once more.
    pub fn is_left(&self) -> bool {
        self.rounds > 0 && self.may_do()
    }

    /// Whether one more call of this round is done.
    fn may_do(&self) -> bool {
        self.calls > 0 && self.tokens > 0 && self.until.is_none_or(|until| Instant::now() < until)
    }

    /// Counts an answer that holds calls.
    pub fn begin_round(&mut self) {
        self.rounds = self.rounds.saturating_sub(1);
        self.until.get_or_insert_with(|| Instant::now() + MAX_TIME);
    }
}

/// What one call gave.
pub(crate) struct Given {
    /// The tool; empty where there is none of that name.
    pub tool: &'static str,
    /// What the model is shown.
    pub text: String,
    /// Passages that are new to the answer, already among those handed in.
    pub new: usize,
}

/// Does what a call asks for, as far as it may. New passages are added to `passages`, and the numbers of those that the
/// model is shown to `shown`. Waits for the disk.
pub(crate) fn call(
    library: &Library,
    tools: &Tools,
    budget: &mut Budget,
    call: &ToolCall,
    passages: &mut Vec<Passage>,
    shown: &mut Vec<usize>,
) -> Given {
    let (tool, wanted) = read(call);
    let refuse = |why: &'static str| {
        let called = Called { tool, allowed: false, with: why, documents: Vec::new() };
        if let Err(error) = (tools.note)(&called) {
            tracing::error!(%error, "a call of a tool is not in the journal");
        }
        Given { tool, text: why.to_owned(), new: 0 }
    };
    if !budget.may_do() {
        return refuse("no more calls: answer with what is there");
    }
    budget.calls -= 1;
    let found = match wanted {
        Err(why) => return refuse(why),
        Ok(Wanted::Sources) => return sources(library, tools, budget).unwrap_or_else(|_| refuse(FAILED)),
        Ok(Wanted::Search(query)) => search(library, tools, &query),
        Ok(Wanted::Open { passage, page }) => match open(library, tools, passages, passage, page) {
            Ok(Some(found)) => Ok(found),
            Ok(None) => return refuse("no passage of that number was shown"),
            Err(error) => Err(error),
        },
    };
    match found {
        Ok(found) => show(tools, budget, tool, found, passages, shown).unwrap_or_else(|_| refuse(REFUSED)),
        Err(error) => {
            tracing::error!(tool, %error, "a tool failed");
            refuse(FAILED)
        }
    }
}

const FAILED: &str = "the tool failed";

/// It could not be written down, or who asks has other rights now.
const REFUSED: &str = "the call was refused";

/// Numbers what was found, writes it down, and makes the text for the model.
fn show(
    tools: &Tools,
    budget: &mut Budget,
    tool: &'static str,
    found: Vec<Passage>,
    passages: &mut Vec<Passage>,
    shown: &mut Vec<usize>,
) -> Result<Given, Error> {
    let mut given = Vec::new();
    let mut new = Vec::new();
    for (mut cited, language, value) in found {
        let known = passages.iter().find(|(known, _, _)| known.passage == cited.passage);
        match known {
            Some(known) => given.push(source(known)),
            None => {
                cited.number = passages.len() + new.len() + 1;
                let passage = (cited, language, value);
                given.push(source(&passage));
                new.push(passage);
            }
        }
    }
    let (text, numbers, used) = prompt::found(&given, budget.tokens);
    let documents: Vec<DocumentFacts> = passages
        .iter()
        .chain(&new)
        .filter(|(cited, _, _)| numbers.contains(&cited.number))
        .map(|(cited, _, _)| cited.document.clone())
        .collect();
    let with = if numbers.is_empty() { "nothing found" } else { "passages found" };
    (tools.note)(&Called { tool, allowed: true, with, documents })?;
    budget.tokens = budget.tokens.saturating_sub(used);
    // What doesn't fit was not shown and can't be cited.
    new.retain(|(cited, _, _)| numbers.contains(&cited.number));
    let count = new.len();
    passages.extend(new);
    shown.extend(numbers);
    shown.sort_unstable();
    shown.dedup();
    let text = if text.is_empty() { "nothing found".to_owned() } else { text };
    Ok(Given { tool, text, new: count })
}

pub(crate) fn search(library: &Library, tools: &Tools, query: &str) -> Result<Vec<Passage>, Error> {
    let options = SearchOptions { limit: FOUND_DOCUMENTS, offset: 0, typing: false, ..tools.options.clone() };
    let results = library.search(&tools.principal, query, &options)?;
    let mut found = passages_of(library, &tools.principal, &results.documents)?;
    found.truncate(FOUND_PASSAGES);
    Ok(found)
}

/// The passages around one that was shown, or of a page of its document. None where no passage of that number was.
fn open(
    library: &Library,
    tools: &Tools,
    passages: &[Passage],
    number: usize,
    page: Option<u32>,
) -> Result<Option<Vec<Passage>>, Error> {
    let Some((at, _, value)) = passages.iter().find(|(cited, _, _)| cited.number == number) else {
        return Ok(None);
    };
    let who = &tools.principal;
    let stored = match page {
        Some(page) => {
            let opened = library.document(who, at.document.id)?;
            let on_page = |stored: &StoredPassage| {
                stored.passage.pages.is_some_and(|(first, last)| (first..=last).contains(&page))
            };
            opened.into_iter().flat_map(|opened| opened.passages).filter(on_page).collect()
        }
        None => {
            let place = library.passages(who, &[at.passage])?.first().map(|stored| stored.passage.ordinal);
            let Some(place) = place else { return Ok(Some(Vec::new())) };
            let from = place.saturating_sub(BEFORE);
            library.passages_around(who, at.document.id, from..=from + OPENED_PASSAGES as u32 - 1)?
        }
    };
    // A passage that is known may have been joined with those that follow: they need not be shown twice.
    let joined = |stored: &StoredPassage| {
        at.range.start < stored.passage.range.start && stored.passage.range.end <= at.range.end
    };
    let mut seen: HashSet<PassageId> = HashSet::new();
    let opened = stored
        .into_iter()
        .filter(|stored| seen.insert(stored.id) && !joined(stored))
        .take(OPENED_PASSAGES)
        .map(|stored| (cited(&at.document, &stored), stored.passage.language, *value))
        .collect();
    Ok(Some(opened))
}

fn cited(document: &DocumentFacts, stored: &StoredPassage) -> Cited {
    let passage = &stored.passage;
    Cited {
        number: 0,
        document: document.clone(),
        passage: stored.id,
        headings: passage.headings.clone(),
        pages: passage.pages,
        lines: passage.lines,
        section: passage.section.clone(),
        range: passage.range.clone(),
        text: passage.text.clone(),
        joined: vec![passage.range.clone()],
    }
}

/// The sources of which the asker may read something.
fn sources(library: &Library, tools: &Tools, budget: &mut Budget) -> Result<Given, Error> {
    let facets = library.facets(&tools.principal, tools.options.collection.as_deref())?;
    let wanted = &tools.options.filters.sources;
    let line =
        |(name, count): (&String, &usize)| format!("{}: {count}", prompt::as_text(name).replace('\n', " "));
    let lines: Vec<String> = facets
        .sources
        .iter()
        .filter(|(name, _)| wanted.is_empty() || wanted.contains(name))
        .take(MAX_SOURCES)
        .map(line)
        .collect();
    let text = lines.join("\n");
    (tools.note)(&Called {
        tool: "list_sources",
        allowed: true,
        with: "sources listed",
        documents: Vec::new(),
    })?;
    budget.tokens = budget.tokens.saturating_sub(text.len().div_ceil(3));
    Ok(Given { tool: "list_sources", text, new: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_rounds_are_done_as_are_said() {
        let mut budget = Budget::new(100);
        for round in 1..=MAX_ROUNDS {
            assert!(budget.is_left(), "{round}");
            budget.begin_round();
            assert!(budget.may_do(), "{round}");
        }
        assert!(!budget.is_left());
        budget.calls = 0;
        assert!(!budget.may_do());
    }

    #[test]
    fn a_call_is_one_of_three_with_its_own_arguments_or_nothing() {
        let check = |name: &str, arguments: &str, expected: Option<Wanted>| {
            let call = ToolCall { id: "1".into(), name: name.into(), arguments: arguments.into() };
            assert_eq!(read(&call).1.ok(), expected, "{name} {arguments}");
        };
        check("search", r#"{"query":" bail\n"}"#, Some(Wanted::Search("bail".into())));
        check("search", r#"{"query":""}"#, None);
        check("search", r#"{"query":"x","as":"owner"}"#, None);
        check("search", r#"{"query":["x"]}"#, None);
        check("search", &format!(r#"{{"query":"{}"}}"#, "x".repeat(501)), None);
        check("search", "query", None);
        check("open", r#"{"passage":2}"#, Some(Wanted::Open { passage: 2, page: None }));
        check("open", r#"{"passage":2,"page":7}"#, Some(Wanted::Open { passage: 2, page: Some(7) }));
        check("open", r#"{"passage":-1}"#, None);
        check("open", r#"{"passage":"../../etc/passwd"}"#, None);
        check("list_sources", "", Some(Wanted::Sources));
        check("list_sources", r#"{"all":true}"#, None);
        check("fetch", r#"{"id":1}"#, None);
        check("Search", r#"{"query":"x"}"#, None);
    }
}
