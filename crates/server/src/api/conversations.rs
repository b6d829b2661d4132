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
use intramuros_journal::Event;
use intramuros_journal::time::now_ms;
use intramuros_store::people::{Conversation, ConversationId, Turn, Whose};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::account::act;
use super::seen::{document_of, list, seen_by, text_of};
use super::{attachments, form, number};
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
    /// Those that hold this text in their title, a question or an answer.
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

/// Whose conversations somebody has: a person's, or this machine's owner's.
///
/// # Errors
/// For programs with a token of their own: they hold no conversations.
pub(crate) fn whose(caller: &Caller) -> Result<Whose, Failure> {
    match (caller.person, caller.by) {
        (Some(person), _) => Ok(Some(person)),
        (None, By::Machine) => Ok(None),
        (None, _) => Err(Failure::forbidden("conversations are people's: a program keeps its own")),
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
        "" => shared.accounts()?.people(move |people| people.conversations(own, "", offset, limit)).await?,
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
    let mut all = Vec::new();
    let mut from = 0;
    loop {
        let wanted = text.to_owned();
        let work = move |people: &intramuros_store::people::People| {
            people.conversations(own, &wanted, from, MOST_LISTED as usize)
        };
        let holding = shared.accounts()?.people(work).await?;
        let looked_at = holding.len();
        all.extend(showing(shared, caller, text, holding).await?);
        if looked_at < MOST_LISTED as usize || all.len() >= offset + limit {
            return Ok(all.into_iter().skip(offset).take(limit).collect());
        }
        from += looked_at;
    }
}

/// Of conversations that hold a text, those that show it to who asks: words of what they may not read any more find
/// nothing.
async fn showing(
    shared: &Shared,
    caller: &Caller,
    text: &str,
    found: Vec<Conversation>,
) -> Result<Vec<Conversation>, Failure> {
    // As the store compares: letters of ASCII whatever their case.
    let text = text.to_ascii_lowercase();
    let holds = |said: &str| said.to_ascii_lowercase().contains(&text);
    let mut showing = Vec::new();
    for conversation in found {
        let id = conversation.id;
        let mut holds_it = holds(&conversation.title);
        if !holds_it {
            let turns = shared.accounts()?.people(move |people| people.turns(id)).await?;
            let (said, _) = seen_by(shared, caller.principal.clone(), turns).await?;
            holds_it = said.iter().any(|turn| holds(&turn.question) || holds(&text_of(turn)));
        }
        if holds_it {
            showing.push(conversation);
        }
    }
    Ok(showing)
}

/// The text of an exported conversation. What people and documents wrote stands indented or escaped: it is no markup.
fn markdown(title: &str, said: &[TurnView], home: &str) -> String {
    let plain = |text: &str| {
        let mut plain = String::with_capacity(text.len());
        for letter in text.chars() {
            if "\\`*_{}[]<>#|!".contains(letter) {
                plain.push('\\');
            }
            plain.push(letter);
        }
        plain
    };
    let mut text = format!("# {}\n", plain(title));
    for turn in said {
        text +=
            &format!("\n## {}\n\n", plain(&turn.question.split_whitespace().collect::<Vec<_>>().join(" ")));
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
            if sentence.get("unsupported").is_some_and(|reason| !reason.is_null()) {
                text += " (?)";
            }
            text.push(' ');
        }
        text += "\n\n";
        // An answer that was refused names the nearest passages, and none of its sentences cites them.
        let used: Vec<&Value> = turn.sentences.iter().flat_map(|sentence| list(sentence, "cited")).collect();
        let is_used = |citation: &&Value| citation.get("number").is_some_and(|number| used.contains(&number));
        for citation in turn.citations.iter().filter(is_used) {
            let field = |name: &str| citation.get(name).cloned().unwrap_or(Value::Null);
            let document = field("document");
            let name = document.get("title").and_then(Value::as_str).unwrap_or_default();
            let id = document_of(citation).unwrap_or_default();
            text += &format!(
                "- [{}] {}: {home}/document/{id}?passage={}&start={}&end={}\n",
                field("number"),
                plain(name),
                field("passage"),
                field("start"),
                field("end")
            );
        }
    }
    text
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

    #[test]
    fn a_title_is_one_line_cut_between_words() {
        assert_eq!(title("  Combien\nde temps ? "), "Combien de temps ?");
        let long = title(&"mot ".repeat(100));
        assert!(long.ends_with("mot…") && long.chars().count() <= MAX_TITLE + 1, "{long}");
    }
}
