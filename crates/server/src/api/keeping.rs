//! What of an answer is kept in a conversation, and when?

use intramuros_journal::time::now_ms;
use intramuros_store::people::{ConversationId, People, Whose};
use serde_json::{Value, json};

use super::conversations::title;
use crate::application::Shared;
use crate::failure::Failure;

/// An answer as it comes, to be kept when it has ended.
#[derive(Default)]
pub(crate) struct Keeping {
    citations: Value,
    sentences: Vec<Value>,
    plain: String,
}

impl Keeping {
    /// Takes an event as it is shown; gives what to keep when it was the last one: the plain text and what was shown.
    pub fn take(&mut self, name: &str, data: &Value) -> Option<(String, String)> {
        match name {
            "sources" => self.citations = data.get("citations").cloned().unwrap_or_default(),
            "model" | "tool" | "quoting" => {
                self.sentences.clear();
                self.plain.clear();
            }
            "sentence" => {
                if !self.plain.is_empty() {
                    self.plain.push(' ');
                }
                self.plain += data.get("text").and_then(Value::as_str).unwrap_or_default();
                self.sentences.push(data.clone());
            }
            "end" => {
                let shown = json!({"citations": self.citations, "sentences": self.sentences, "end": data});
                return Some((std::mem::take(&mut self.plain), shown.to_string()));
            }
            _ => {}
        }
        None
    }
}

/// What is asked, and what the conversation is about should it begin with it.
pub(crate) struct Begins {
    pub question: String,
    pub collection: Option<String>,
}

/// Keeps an answer in a conversation, which begins with it where none is named; gives both numbers. None when it could
/// not be kept: its conversation was deleted meanwhile, or is full.
pub(crate) async fn keep(
    shared: &Shared,
    own: Whose,
    conversation: Option<ConversationId>,
    Begins { question, collection }: Begins,
    (plain, shown): (String, String),
) -> Result<Option<(i64, i64)>, Failure> {
    let now = now_ms();
    let work = move |people: &People| {
        let id = match conversation {
            Some(id) => id,
            None => people.begin_conversation(own, &title(&question), collection.as_deref(), now)?,
        };
        let turn = people.add_turn(id, own, &question, &plain, &shown, now)?;
        Ok(turn.map(|turn| (id.0, turn)))
    };
    shared.accounts()?.people(work).await
}
