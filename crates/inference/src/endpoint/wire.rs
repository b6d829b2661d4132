//! What is asked of, and answered by, a service with OpenAI's interface?

use intramuros_core::chat::Message;
use serde::{Deserialize, Serialize};

use super::ModelError;

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatRequest {
    /// What was said so far.
    pub messages: Vec<Message>,
    /// Tokens of the answer at most.
    pub max_tokens: u32,
    /// How freely words are chosen; 0 for the likeliest.
    pub temperature: f32,
}

/// Tokens that an answer took, as the service counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the question with its passages.
    #[serde(default)]
    pub prompt_tokens: u64,
    /// Tokens of the answer.
    #[serde(default)]
    pub completion_tokens: u64,
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: &'a [Message],
    max_tokens: u32,
    temperature: f32,
    stream: bool,
    stream_options: StreamOptions,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

/// The body of a request for a stream.
pub(crate) fn body(model: &str, request: &ChatRequest) -> Vec<u8> {
    let body = Body {
        model,
        messages: &request.messages,
        max_tokens: request.max_tokens,
        temperature: request.temperature,
        stream: true,
        stream_options: StreamOptions { include_usage: true },
    };
    // Strings and numbers of our own: writing them down can't fail.
    serde_json::to_vec(&body).unwrap_or_default()
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Usage>,
    #[serde(default)]
    error: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Option<Said>,
    #[serde(default)]
    message: Option<Said>,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    content: Option<String>,
}

/// What one event of a stream, or a whole answer, says.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Piece {
    pub text: String,
    pub usage: Option<Usage>,
    /// Why the model stopped: `stop`, `length`…
    pub finish: Option<String>,
}

/// Reads one event, or the JSON of an answer that is no stream.
pub(crate) fn read(json: &str) -> Result<Piece, ModelError> {
    let trimmed = json.trim_start();
    let schema = || {
        ModelError::Schema(if trimmed.starts_with('<') {
            "a web page"
        } else {
            "something that is no answer"
        })
    };
    // An empty list would be read as an answer without fields.
    if !trimmed.starts_with('{') {
        return Err(schema());
    }
    let chunk: Chunk = serde_json::from_str(json).map_err(|_| schema())?;
    if chunk.error.is_some() && chunk.choices.is_empty() {
        return Err(ModelError::Failed("an error within the stream".to_owned()));
    }
    let mut piece = Piece { usage: chunk.usage, ..Piece::default() };
    for choice in chunk.choices.into_iter().take(1) {
        piece.finish = choice.finish_reason;
        let said = choice.delta.or(choice.message);
        piece.text = said.and_then(|said| said.content).unwrap_or_default();
    }
    Ok(piece)
}

/// Whether the body of a refusal says that the question was too long for the model.
pub(crate) fn says_too_long(body: &str) -> bool {
    let body = body.to_lowercase();
    [
        "context length",
        "context_length",
        "context window",
        "maximum context",
        "too many tokens",
        "too long",
        "exceed",
    ]
    .iter()
    .any(|sign| body.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_every_service_are_read() {
        let check = |json: &str, text: &str, finish: Option<&str>| {
            let piece = read(json).unwrap();
            assert_eq!((piece.text.as_str(), piece.finish.as_deref()), (text, finish), "{json}");
        };
        check(r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":null}}]}"#, "", None);
        check(r#"{"choices":[{"delta":{"content":"é"},"finish_reason":null}]}"#, "é", None);
        check(r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#, "", Some("stop"));
        check(
            r#"{"choices":[{"message":{"content":"whole"},"finish_reason":"length"}]}"#,
            "whole",
            Some("length"),
        );
        let usage =
            read(r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}"#);
        assert_eq!(usage.unwrap().usage, Some(Usage { prompt_tokens: 7, completion_tokens: 3 }));
        for wrong in ["<html>", "[]", "{\"choices\":3}", r#"{"error":{"message":"x"}}"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
