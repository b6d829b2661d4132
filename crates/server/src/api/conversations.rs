//! What did I ask before, and what may others read of it?
//!
//! One's own conversations, and those that somebody shared. An answer was written from what its asker could read then;
//! whoever opens it later, the asker included, sees of it what they may read now (`seen`).

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use intramuros_dialogue::absent;
use intramuros_journal::Event;
use intramuros_journal::time::{now_ms, to_text};
use intramuros_search::analysis::fold;
use intramuros_store::people::{Conversation, ConversationId, Turn, Whose};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::account::act;
use super::seen::{document_of, list, seen_by, text_of};
use super::{attachments, form, number};
use crate::answering::{NOTHING_ANSWERS, removed};
use crate::application::Shared;
use crate::caller::{By, Caller};
use crate::failure::{Failure, FailureBody};
use crate::limits::MAX_QUESTION_BYTES;
use crate::parameters::Parameters;
use crate::record;

/// Conversations in one list.
const MOST_LISTED: u64 = 100;

/// Longest title in characters: one line.
const MAX_TITLE: usize = 120;

/// What can be asked of the list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // Read by name in `Parameters`; this is how the OpenAPI document learns of them.
pub(crate) struct ListParameters {
    /// Those that hold this text in their title, a question or an answer, whatever the size and the accents of its letters.
    #[param(max_length = 2048)]
    q: Option<String>,
    /// Conversations wanted.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// Conversations skipped.
    #[param(minimum = 0, maximum = 2000, default = 0)]
    offset: Option<u32>,
}

/// One's conversations.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConversationsAnswer {
    /// The last changed first.
    pub conversations: Vec<ConversationHead>,
}

/// A conversation without what was said.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConversationHead {
    /// Its number.
    pub id: i64,
    /// What it is called.
    pub title: String,
    /// Whether everybody who may sign in can open it by its address.
    pub shared: bool,
    /// Whether it is one's own.
    pub own: bool,
    /// When it began, in milliseconds since 1970.
    pub created_ms: i64,
    /// When something was last said.
    pub changed_ms: i64,
    /// Questions.
    pub turns: u32,
    /// Name of the collection that it is about; only to whoever may choose that collection.
    pub collection: Option<String>,
}

/// A conversation with what was said, as far as its reader may read it.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConversationAnswer {
    /// What is known of it.
    #[serde(flatten)]
    pub head: ConversationHead,
    /// Questions and answers, in order.
    pub said: Vec<TurnView>,
}

/// A question with its answer.
#[derive(Serialize, ToSchema)]
pub(crate) struct TurnView {
    /// Its number in the conversation, from 1.
    pub number: i64,
    /// The question.
    pub question: String,
    /// Passages that the answer cites, as `sources` of `/api/v1/answer` has them.
    #[schema(value_type = Vec<Object>)]
    pub citations: Vec<Value>,
    /// Sentences, as `sentence` of `/api/v1/answer` has them; `withheld` in place of those that may not be read.
    #[schema(value_type = Vec<Object>)]
    pub sentences: Vec<Value>,
    /// How the answer ended, as `end` of `/api/v1/answer` has it; empty where not all may be read that it and the answers before it
    /// were written from.
    #[schema(value_type = Object)]
    pub end: Value,
    /// When it was asked, in milliseconds since 1970.
    pub asked_ms: i64,
    /// What its asker thought of it: 1, -1, or 0.
    pub rating: i64,
}

/// A conversation that begins without a question.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConversationBegin {
    /// What it is called.
    pub title: String,
    /// Name of the collection that it is about; all that one may read when not given.
    #[serde(default)]
    pub collection: Option<String>,
}

/// A conversation that is there now.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConversationBegun {
    /// Its number.
    pub id: i64,
}

/// A change of a conversation. What is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConversationChange {
    /// Its new title.
    #[serde(default)]
    pub title: Option<String>,
    /// Whether everybody who may sign in can open it by its address, each seeing what they may read.
    #[serde(default)]
    pub shared: Option<bool>,
}

/// What somebody thinks of an answer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RatingRequest {
    /// 1 for good, -1 for bad, 0 for nothing.
    pub rating: i64,
}

/// Whose conversations somebody has: a person's who is signed in, or this machine's owner's.
///
/// # Errors
/// With a token, also one of a person: it reads documents, and not what people asked.
pub(crate) fn whose(caller: &Caller) -> Result<Whose, Failure> {
    match (caller.person, caller.by) {
        (Some(person), By::Session(_)) => Ok(Some(person)),
        (None, By::Machine) => Ok(None),
        _ => Err(Failure::forbidden("conversations are people's: a program keeps its own")),
    }
}

/// A title of one line.
pub(crate) fn title(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_TITLE) {
        None => line,
        Some((cut, _)) => {
            let kept = line.get(..cut).unwrap_or_default();
            format!("{}…", kept.rsplit_once(' ').map_or(kept, |(kept, _)| kept))
        }
    }
}

fn head(conversation: Conversation, reader: Whose) -> ConversationHead {
    ConversationHead {
        id: conversation.id.0,
        own: conversation.whose == reader,
        title: conversation.title,
        shared: conversation.shared,
        created_ms: conversation.created_ms,
        changed_ms: conversation.changed_ms,
        turns: conversation.turns,
        collection: None,
    }
}

/// The names of the collections that somebody may choose: what others are called is not told.
async fn choosable(shared: &Shared, caller: &Caller) -> Result<BTreeSet<String>, Failure> {
    let principal = caller.principal.clone();
    let found = shared.call(move |library| library.collections(&principal)).await?;
    Ok(found.into_iter().map(|one| one.name).collect())
}

/// One's own conversations.
#[utoipa::path(
    get, path = "/api/v1/conversations", tag = "conversations", params(ListParameters),
    responses(
        (status = 200, description = "The conversations", body = ConversationsAnswer),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn conversations(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Json<ConversationsAnswer>, Failure> {
    let own = whose(&caller)?;
    let text = parameters.one("q")?.unwrap_or_default();
    if text.len() > MAX_QUESTION_BYTES {
        return Err(Failure::bad_request(format!("`q` has at most {MAX_QUESTION_BYTES} bytes")));
    }
    let limit = parameters.number("limit", 1, MOST_LISTED)?.unwrap_or(50) as usize;
    let offset = parameters.number("offset", 0, 2_000)?.unwrap_or(0) as usize;
    parameters.finish()?;
    let found = match text.trim() {
        "" => shared.accounts()?.people(move |people| people.conversations(own, offset, limit)).await?,
        text => found(&shared, &caller, own, text, (offset, limit)).await?,
    };
    let known = choosable(&shared, &caller).await?;
    let with_collection = |one: Conversation| {
        let collection = one.collection.clone().filter(|name| known.contains(name));
        ConversationHead { collection, ..head(one, own) }
    };
    let conversations = found.into_iter().map(with_collection).collect();
    Ok(Json(ConversationsAnswer { conversations }))
}

/// Begins a conversation without a question, to attach documents to it first.
#[utoipa::path(
    post, path = "/api/v1/conversations", tag = "conversations", request_body = ConversationBegin,
    responses(
        (status = 201, description = "It is there", body = ConversationBegun),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn begin(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Bytes,
) -> Result<(StatusCode, Json<ConversationBegun>), Failure> {
    let own = whose(&caller)?;
    let asked: ConversationBegin = form(&body)?;
    let named = title(&asked.title);
    if named.is_empty() {
        return Err(Failure::bad_request("a title has at least one letter"));
    }
    if let Some(name) = &asked.collection
        && !choosable(&shared, &caller).await?.contains(name)
    {
        return Err(Failure::bad_request("there is no such collection"));
    }
    let work = move |people: &intramuros_store::people::People| {
        people.begin_conversation(own, &named, asked.collection.as_deref(), now_ms())
    };
    let id = shared.accounts()?.people(work).await?;
    // It may have taken the place of the one that was untouched for longest.
    attachments::tidy(&shared).await?;
    Ok((StatusCode::CREATED, Json(ConversationBegun { id: id.0 })))
}

/// One of one's own conversations, or one that somebody shared.
#[utoipa::path(
    get, path = "/api/v1/conversations/{id}", tag = "conversations",
    params(("id" = i64, Path, description = "Number of the conversation")),
    responses(
        (status = 200, description = "What was said", body = ConversationAnswer),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn conversation(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<ConversationAnswer>, Failure> {
    let reader = whose(&caller)?;
    let (conversation, turns) = opened(&shared, id, reader).await?;
    let said = shown_to(&shared, &caller, turns, "conversation").await?;
    let known = choosable(&shared, &caller).await?;
    let collection = conversation.collection.clone().filter(|name| known.contains(name));
    let head = ConversationHead { collection, ..head(conversation, reader) };
    Ok(Json(ConversationAnswer { head, said }))
}

/// Renames or shares one of one's own conversations.
#[utoipa::path(
    patch, path = "/api/v1/conversations/{id}", tag = "conversations", request_body = ConversationChange,
    params(("id" = i64, Path, description = "Number of the conversation")),
    responses(
        (status = 204, description = "Changed"),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn change(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<StatusCode, Failure> {
    let own = whose(&caller)?;
    let id = ConversationId(number(&id)?);
    let asked: ConversationChange = form(&body)?;
    let new = asked.title.as_deref().map(title);
    if new.as_ref().is_some_and(String::is_empty) {
        return Err(Failure::bad_request("a title has at least one letter"));
    }
    let shared_now = asked.shared;
    let changed = move |people: &intramuros_store::people::People| {
        people.change_conversation(id, own, new.as_deref(), shared_now)
    };
    if !shared.accounts()?.people(changed).await? {
        return Err(Failure::not_found());
    }
    if let Some(now) = shared_now {
        let action = if now { "conversation shared" } else { "conversation no longer shared" };
        shared.note(act(&caller, action, &[("conversation", &id.0.to_string())])).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes one of one's own conversations.
#[utoipa::path(
    delete, path = "/api/v1/conversations/{id}", tag = "conversations",
    params(("id" = i64, Path, description = "Number of the conversation")),
    responses(
        (status = 204, description = "Deleted"),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn remove(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    let own = whose(&caller)?;
    let id = ConversationId(number(&id)?);
    if !shared.accounts()?.people(move |people| people.remove_conversation(id, own)).await? {
        return Err(Failure::not_found());
    }
    shared.note(act(&caller, "conversation deleted", &[("conversation", &id.0.to_string())])).await?;
    attachments::tidy(&shared).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Says what one thinks of an answer.
#[utoipa::path(
    put, path = "/api/v1/conversations/{id}/turns/{number}/rating", tag = "conversations", request_body = RatingRequest,
    params(
        ("id" = i64, Path, description = "Number of the conversation"),
        ("number" = i64, Path, description = "Number of the question in it"),
    ),
    responses(
        (status = 204, description = "Kept"),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn rate(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path((id, turn)): Path<(String, String)>,
    body: Bytes,
) -> Result<StatusCode, Failure> {
    let own = whose(&caller)?;
    let (id, turn) = (ConversationId(number(&id)?), number(&turn)?);
    let RatingRequest { rating } = form(&body)?;
    if !(-1..=1).contains(&rating) {
        return Err(Failure::bad_request("`rating` is 1, 0 or -1"));
    }
    if !shared.accounts()?.people(move |people| people.rate(id, own, turn, rating)).await? {
        return Err(Failure::not_found());
    }
    Ok(StatusCode::NO_CONTENT)
}

/// A conversation as a text file (Markdown) with its sources.
#[utoipa::path(
    get, path = "/api/v1/conversations/{id}/export", tag = "conversations",
    params(("id" = i64, Path, description = "Number of the conversation")),
    responses(
        (status = 200, description = "The text", body = String, content_type = "text/markdown"),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn export(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let reader = whose(&caller)?;
    let (conversation, turns) = opened(&shared, id, reader).await?;
    let count = turns.len() as u64;
    let said = shown_to(&shared, &caller, turns, "export").await?;
    let exported = Event::Exported { by: caller.name(), what: "conversation".to_owned(), count };
    shared.note(exported).await?;
    let name = format!("attachment; filename=\"conversation-{}.md\"", conversation.id.0);
    let headers = [
        (header::CONTENT_TYPE, "text/markdown; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, markdown(&conversation.title, &said, &shared.home)).into_response())
}

async fn opened(shared: &Shared, id: String, reader: Whose) -> Result<(Conversation, Vec<Turn>), Failure> {
    let id = ConversationId(number(&id)?);
    let found = shared.accounts()?.people(move |people| {
        let Some(conversation) = people.conversation(id, reader)? else { return Ok(None) };
        Ok(Some((conversation, people.turns(id)?)))
    });
    found.await?.ok_or_else(Failure::not_found)
}

/// What a reader may see of turns now; the documents that they see of are written down.
async fn shown_to(
    shared: &Shared,
    caller: &Caller,
    turns: Vec<Turn>,
    way: &'static str,
) -> Result<Vec<TurnView>, Failure> {
    let (said, facts) = seen_by(shared, caller.principal.clone(), turns).await?;
    shared.note_all(record::read_together(&caller.name(), facts.iter(), way)).await?;
    Ok(said)
}

/// One's own conversations that show a text, so many from one on. They are counted once it was looked at what they show: a
/// gap in a list would say that what is hidden holds the text.
async fn found(
    shared: &Shared,
    caller: &Caller,
    own: Whose,
    text: &str,
    (offset, limit): (usize, usize),
) -> Result<Vec<Conversation>, Failure> {
    let wanted = folded(text);
    let its = wanted.clone();
    let work = move |people: &intramuros_store::people::People| {
        people.conversations_holding(own, &|said: &str| folded(said).contains(&its))
    };
    let mut showing = Vec::new();
    for conversation in shared.accounts()?.people(work).await? {
        if showing.len() >= offset + limit {
            break;
        }
        if shows(shared, caller, &wanted, &conversation).await? {
            showing.push(conversation);
        }
    }
    Ok(showing.into_iter().skip(offset).take(limit).collect())
}

/// Whether a conversation that holds a folded text shows it to who asks: words of what they may not read any more find nothing.
async fn shows(
    shared: &Shared,
    caller: &Caller,
    wanted: &str,
    conversation: &Conversation,
) -> Result<bool, Failure> {
    let holds = |said: &str| folded(said).contains(wanted);
    if holds(&conversation.title) {
        return Ok(true);
    }
    let id = conversation.id;
    let turns = shared.accounts()?.people(move |people| people.turns(id)).await?;
    let (said, _) = seen_by(shared, caller.principal.clone(), turns).await?;
    Ok(said.iter().any(|turn| holds(&turn.question) || holds(&text_of(turn))))
}

/// A text as it is compared: what people type has neither the accents nor the apostrophes of what was written.
fn folded(text: &str) -> String {
    fold(text).replace('’', "'")
}

/// What people and documents wrote, escaped: it is no markup.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        if "\\`*_{}[]<>#|!".contains(letter) {
            plain.push('\\');
        }
        plain.push(letter);
    }
    plain
}

/// The text of an exported conversation.
fn markdown(title: &str, said: &[TurnView], home: &str) -> String {
    let mut text = format!("# {}\n", plain(title));
    for turn in said {
        let question = turn.question.split_whitespace().collect::<Vec<_>>().join(" ");
        text += &format!("\n## {}\n\n{}\n\n", plain(&question), minute(turn.asked_ms));
        for sentence in &turn.sentences {
            if sentence.get("new_line").and_then(Value::as_bool) == Some(true) && !text.ends_with("\n\n") {
                text += "\n\n";
            }
            match sentence.get("text").and_then(Value::as_str) {
                Some(words) => text += &plain(words),
                None => text += "(…)",
            }
            for number in list(sentence, "cited") {
                text += &format!(" [{number}]");
            }
            if is_unsupported(sentence) {
                text += " (?)";
            }
            text.push(' ');
        }
        if !turn.sentences.is_empty() {
            text += "\n\n";
        }
        for line in ended(turn) {
            text += &format!("{}\n\n", plain(&line));
        }
        // An answer that was refused names the nearest passages, and none of its sentences cites them.
        let used: Vec<&Value> = turn.sentences.iter().flat_map(|sentence| list(sentence, "cited")).collect();
        let is_used = |citation: &&Value| citation.get("number").is_some_and(|number| used.contains(&number));
        for citation in turn.citations.iter().filter(is_used) {
            text += &format!("{}\n", exported(citation, &turn.sentences, home));
        }
    }
    text
}

/// A moment to the minute: `2026-11-22 03:20 UTC`.
fn minute(ms: i64) -> String {
    format!("{} UTC", to_text(ms).get(..16).unwrap_or_default().replace('T', " "))
}

/// How an answer ended, in lines of both languages: what was not found, who wrote, what failed, and what the marks in it mean.
/// Who may not read all that it was written from is told of the marks alone.
fn ended(turn: &TurnView) -> Vec<String> {
    let is = |name: &str| turn.end.get(name).and_then(Value::as_bool);
    let mut lines = Vec::new();
    if is("found") == Some(false) {
        lines.push(NOTHING_ANSWERS.to_owned());
    }
    let words: Vec<String> = list(&turn.end, "absent").filter_map(Value::as_str).map(str::to_owned).collect();
    if let Some((french, english)) = absent::in_words(&words) {
        lines.push(format!("{french} / {english}"));
    }
    match turn.end.get("model").and_then(Value::as_str) {
        Some(model) => lines.push(format!("Rédigé par / written by: {model}")),
        None if is("found") == Some(true) => {
            lines.push("Phrases des documents / sentences of the documents".to_owned());
        }
        None => {}
    }
    for failed in list(&turn.end, "failed") {
        let text = |at: usize| failed.get(at).and_then(Value::as_str).unwrap_or_default();
        lines.push(format!("{}: {}", text(0), text(1)));
    }
    if is("cut_short") == Some(true) {
        lines.push("La réponse s’arrête à sa limite de longueur / the answer stops at its limit".to_owned());
    }
    let unsupported =
        turn.end.get("unsupported").and_then(Value::as_u64).filter(|_| is("removed") == Some(true));
    lines.extend(unsupported.map(removed));
    if turn.sentences.iter().any(is_unsupported) {
        lines.push("(?) : phrase qu’aucun passage n’appuie / a sentence that no passage supports".to_owned());
    }
    if turn.sentences.iter().any(|sentence| sentence.get("text").is_none()) {
        lines.push("(…) : phrase que vous ne pouvez pas lire / a sentence that you may not read".to_owned());
    }
    lines
}

fn is_unsupported(sentence: &Value) -> bool {
    sentence.get("unsupported").is_some_and(|reason| !reason.is_null())
}

/// A source with the stretch of it that the sentences cite; whole where an answer was kept before its sentences had places.
fn exported(citation: &Value, sentences: &[Value], home: &str) -> String {
    let number = citation.get("number");
    let all = sentences.iter().flat_map(|sentence| list(sentence, "places"));
    let mut places: Vec<&Value> = all.filter(|place| place.get("number") == number).collect();
    if places.is_empty() {
        places.push(citation);
    }
    let field = |name: &str| citation.get(name).cloned().unwrap_or(Value::Null);
    let title = citation.pointer("/document/title").and_then(Value::as_str).unwrap_or_default();
    let name = plain(&format!("{title}{}", standing(citation, &places)));
    let id = document_of(citation).unwrap_or_default();
    let stretch = widest(&places, "/start", "/end");
    let stretch = stretch.map(|(start, end)| format!("&start={start}&end={end}")).unwrap_or_default();
    format!("- [{}] {name}: {home}/document/{id}?passage={}{stretch}", field("number"), field("passage"))
}

/// Where places of a source stand: their pages, or the sheet of a workbook with the first row.
fn standing(citation: &Value, places: &[&Value]) -> String {
    let sheet = citation.get("section").and_then(Value::as_str);
    let is_sheet = citation.pointer("/document/kind").is_some_and(|kind| kind == "sheet");
    match (widest(places, "/pages/0", "/pages/1"), sheet.filter(|_| is_sheet)) {
        (Some((first, last)), _) if first < last => format!(", p. {first}–{last}"),
        (Some((page, _)), _) => format!(", p. {page}"),
        (None, Some(sheet)) => {
            let row = widest(places, "/lines/0", "/lines/1").map(|(first, _)| format!(", l. {first}"));
            format!(", {sheet}{}", row.unwrap_or_default())
        }
        (None, None) => String::new(),
    }
}

/// From the least of one number of places to the greatest of another; none where a place has not both.
fn widest(places: &[&Value], first: &str, last: &str) -> Option<(u64, u64)> {
    let all = |name: &str| -> Option<Vec<u64>> {
        places.iter().map(|place| place.pointer(name)?.as_u64()).collect()
    };
    Some((all(first)?.into_iter().min()?, all(last)?.into_iter().max()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::seen::tests::{shown, turn};
    use crate::api::seen::visible;

    #[test]
    fn an_export_holds_no_markup_of_others() {
        let mut seen = visible(turn(), &shown(), &[10, 20].into(), true);
        seen.question = "![x](http://evil)".to_owned();
        let text = markdown("<script>", &[seen], "http://localhost");
        assert!(
            text.starts_with("# \\<script\\>\n") && text.contains("## \\!\\[x\\](http://evil)"),
            "{text}"
        );
        assert!(
            text.contains("a [1] ") && text.contains("- [2] T: http://localhost/document/20?passage=9"),
            "{text}"
        );
    }

    #[test]
    fn an_export_lists_the_citations_that_its_sentences_use() {
        let exported = |mut shown: Value, cited: Value| {
            shown["sentences"] = cited;
            markdown("T", &[visible(turn(), &shown, &[10, 20].into(), true)], "http://localhost")
        };
        let one = exported(shown(), serde_json::json!([{"text": "a", "cited": [2], "new_line": true}]));
        assert!(one.contains("- [2] T: ") && !one.contains("- [1]"), "{one}");
        let refused = exported(shown(), serde_json::json!([]));
        assert!(!refused.contains("/document/"), "{refused}");
    }

    /// The export of one question.
    fn exported_turn(shown: &Value, readable: &[i64]) -> String {
        let readable: BTreeSet<i64> = readable.iter().copied().collect();
        let all = readable.len() == 2;
        markdown("T", &[visible(turn(), shown, &readable, all)], "http://localhost")
    }

    #[test]
    fn an_export_leads_to_what_is_cited_of_a_source() {
        let mut shown = shown();
        let place = |number: u64, page: u64, start: u64| serde_json::json!({"number": number, "pages": [page, page], "start": start, "end": start + 9});
        shown["sentences"] = serde_json::json!([
            {"text": "a", "cited": [1], "places": [place(1, 3, 40)]},
            {"text": "b", "cited": [1, 2], "places": [place(1, 2, 20), place(2, 8, 90)]},
        ]);
        for (source, whole) in [(0_usize, 0_u64), (1, 80)] {
            shown["citations"][source]["start"] = whole.into();
            shown["citations"][source]["end"] = 500.into();
        }
        let text = exported_turn(&shown, &[10, 20]);
        for line in [
            "- [1] T, p. 2–3: http://localhost/document/10?passage=9&start=20&end=49\n",
            "- [2] T, p. 8: http://localhost/document/20?passage=9&start=90&end=99\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
        // Kept before sentences had places.
        shown["sentences"] = serde_json::json!([{"text": "a", "cited": [2]}]);
        let before = exported_turn(&shown, &[10, 20]);
        assert!(
            before.contains("- [2] T: http://localhost/document/20?passage=9&start=80&end=500\n"),
            "{before}"
        );
    }

    #[test]
    fn an_export_says_when_it_was_asked_who_wrote_and_how_it_ended() {
        let mut answered = shown();
        answered["end"] = serde_json::json!({
            "found": true, "model": "small", "failed": [["dear", "did not answer"]], "absent": ["zircon"],
        });
        answered["sentences"][3]["unsupported"] = serde_json::json!({"kind": "number"});
        let text = exported_turn(&answered, &[10, 20]);
        let told = ["written by: small", "dear: did not answer", "“zircon” stands in none", "(?) : phrase"];
        for part in told.iter().chain(&["\n1970-01-01 00:00 UTC\n"]) {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("Nothing in the documents answers"), "{text}");
        // Who may not read all of it learns nothing of how it ended.
        let text = exported_turn(&answered, &[10]);
        assert!(told.iter().all(|part| !text.contains(part)), "{text}");
        assert!(text.contains("(…) : phrase que vous ne pouvez pas lire"), "{text}");
        let quoted = exported_turn(&shown(), &[10, 20]);
        assert!(quoted.contains("sentences of the documents") && !quoted.contains("(?)"), "{quoted}");
        let mut refused = shown();
        refused["sentences"] = serde_json::json!([]);
        refused["end"] = serde_json::json!({"found": false, "model": null, "failed": []});
        let text = exported_turn(&refused, &[10, 20]);
        assert!(text.contains("Nothing in the documents answers") && !text.contains("written by"), "{text}");
    }

    #[test]
    fn texts_are_compared_without_the_size_and_the_accents_of_letters() {
        let check = |one: &str, other: &str| assert_eq!(folded(one), folded(other));
        check("DURÉES de l’Œuvre", "durees de l'oeuvre");
        check("Dure\u{301}e", "durée");
        assert_ne!(folded("durée"), folded("dure"));
    }

    #[test]
    fn a_title_is_one_line_cut_between_words() {
        assert_eq!(title("  Combien\nde temps ? "), "Combien de temps ?");
        let long = title(&"mot ".repeat(100));
        assert!(long.ends_with("mot…") && long.chars().count() <= MAX_TITLE + 1, "{long}");
    }
}
