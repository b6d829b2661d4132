//! What is asked of, and answered by, a service with OpenAI's interface?

use intramuros_core::chat::Message;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::ModelError;

/// What is asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatRequest {
    /// What was said so far.
    pub messages: Vec<Message>,
    /// Tokens of the answer at most.
    pub max_tokens: u32,
    /// How freely words are chosen; 0 for the likeliest.
    pub temperature: f32,
    /// Tools that the model is told of.
    pub tools: Vec<ToolOffer>,
    /// Whether it may call them now.
    pub may_call: bool,
    /// Calls so far with what they gave, oldest first; they follow the messages.
    pub rounds: Vec<Round>,
}

/// A tool as a model is told of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolOffer {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub description: &'static str,
    /// The JSON Schema of its arguments.
    pub parameters: Value,
}

/// A call that a model asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolCall {
    /// The service's name of the call.
    pub id: String,
    /// The tool.
    pub name: String,
    /// The arguments, as the model wrote them: they may be anything.
    pub arguments: String,
}

/// Calls of one answer, and what each gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Each call with what it gave.
    pub calls: Vec<(ToolCall, String)>,
}

/// Calls of one answer that are read, and bytes of one call's name and arguments: what goes beyond is cut, and then
/// refused as it doesn't make sense any more.
const MAX_CALLS: usize = 8;
const MAX_CALL_BYTES: usize = 4 << 10;

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

impl ToolOffer {
    /// What a service is told of it, which puts that before the model like any other text.
    pub fn told(&self) -> Value {
        let ToolOffer { name, description, parameters } = self;
        json!({"type": "function", "function": {"name": name, "description": description, "parameters": parameters}})
    }
}

/// How a request is put: not every service takes every field of the interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Form {
    /// Without `stream_options`: Mistral's services refuse fields that they don't know, and tell the usage unasked.
    pub without_stream_options: bool,
    /// With `max_completion_tokens` in place of `max_tokens`: OpenAI's newer models take no other name.
    pub completion_tokens: bool,
}

impl Form {
    /// The form that a refusal asks for; none where it asks for no other than this one.
    pub fn asked_for(self, status: u16, body: &str) -> Option<Form> {
        // A question that is too long is refused with the names of fields as well.
        if !matches!(status, 400 | 422) || says_too_long(body) {
            return None;
        }
        let names = |field: &str| body.contains(field);
        let no_options = names("stream_options") || names("include_usage");
        let other_name = names("max_tokens") && names("max_completion_tokens");
        let form = Form {
            without_stream_options: self.without_stream_options || no_options,
            completion_tokens: self.completion_tokens || other_name,
        };
        (form != self).then_some(form)
    }
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    temperature: f32,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<&'static str>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

/// The body of a request for a stream.
pub(crate) fn body(model: &str, request: &ChatRequest, form: Form) -> Vec<u8> {
    let body = Body {
        model,
        messages: messages(request),
        max_tokens: (!form.completion_tokens).then_some(request.max_tokens),
        max_completion_tokens: form.completion_tokens.then_some(request.max_tokens),
        temperature: request.temperature,
        stream: true,
        stream_options: (!form.without_stream_options).then_some(StreamOptions { include_usage: true }),
        tools: request.tools.iter().map(ToolOffer::told).collect(),
        tool_choice: (!request.tools.is_empty()).then_some(if request.may_call { "auto" } else { "none" }),
    };
    // Strings and numbers of our own: writing them down can't fail.
    serde_json::to_vec(&body).unwrap_or_default()
}

/// The messages, then the calls with what they gave.
fn messages(request: &ChatRequest) -> Vec<Value> {
    let mut messages: Vec<Value> =
        request.messages.iter().map(|said| json!({"role": said.role, "content": said.content})).collect();
    for round in &request.rounds {
        let call = |(call, _): &(ToolCall, String)| {
            // Services take nothing here but an object; what was none was refused, and is not repeated.
            let whole = serde_json::from_str::<Value>(&call.arguments).is_ok_and(|value| value.is_object());
            let arguments = if whole { call.arguments.as_str() } else { "{}" };
            json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}})
        };
        let calls: Vec<Value> = round.calls.iter().map(call).collect();
        messages.push(json!({"role": "assistant", "content": "", "tool_calls": calls}));
        let gave = |(call, gave): &(ToolCall, String)| json!({"role": "tool", "tool_call_id": call.id, "name": call.name, "content": gave});
        messages.extend(round.calls.iter().map(gave));
    }
    messages
}

/// Puts together the calls that come in pieces.
#[derive(Debug, Default)]
pub(crate) struct Calls(Vec<ToolCall>);

impl Calls {
    pub fn take(&mut self, pieces: Vec<CallPiece>) {
        for (position, piece) in pieces.into_iter().enumerate() {
            let at = piece.index.unwrap_or(position);
            if at >= MAX_CALLS {
                continue;
            }
            while self.0.len() <= at {
                let id = format!("call-{}", self.0.len());
                self.0.push(ToolCall { id, ..ToolCall::default() });
            }
            let Some(call) = self.0.get_mut(at) else { continue };
            if let Some(id) = piece.id.filter(|id| !id.is_empty() && id.len() <= MAX_CALL_BYTES) {
                call.id = id;
            }
            let Some(function) = piece.function else { continue };
            // Names come whole: once from most services, with every piece from llama.cpp's server.
            if call.name.is_empty() {
                append(&mut call.name, &function.name.unwrap_or_default());
            }
            match function.arguments {
                Some(Value::String(text)) => append(&mut call.arguments, &text),
                // Some services send them parsed.
                Some(other) if !other.is_null() => append(&mut call.arguments, &other.to_string()),
                _ => {}
            }
        }
    }

    /// The calls that name a tool.
    pub fn whole(&self) -> Vec<ToolCall> {
        self.0.iter().filter(|call| !call.name.is_empty()).cloned().collect()
    }
}

fn append(text: &mut String, more: &str) {
    if text.len() + more.len() <= MAX_CALL_BYTES {
        text.push_str(more);
    }
}

/// A piece of a call in a stream.
#[derive(Debug, Deserialize, PartialEq)]
pub(crate) struct CallPiece {
    #[serde(default)]
    index: Option<usize>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    function: Option<FunctionPiece>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct FunctionPiece {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    arguments: Option<Value>,
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
    // Thoughts that stand beside it (`reasoning_content`, `reasoning`) are not read.
    #[serde(default)]
    content: Option<Content>,
    #[serde(default)]
    tool_calls: Option<Vec<CallPiece>>,
}

/// A text, or the parts of one: models that reason put their thoughts between them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Value>),
}

impl Content {
    fn into_text(self) -> String {
        let parts = match self {
            Content::Text(text) => return text,
            Content::Parts(parts) => parts,
        };
        let is_text = |part: &&Value| part.get("type").and_then(Value::as_str) == Some("text");
        parts.iter().filter(is_text).filter_map(|part| part.get("text")?.as_str()).collect()
    }
}

/// What one event of a stream, or a whole answer, says.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Piece {
    pub text: String,
    pub usage: Option<Usage>,
    /// Why the model stopped: `stop`, `length`…
    pub finish: Option<String>,
    /// Pieces of calls.
    pub calls: Vec<CallPiece>,
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
        if let Some(said) = choice.delta.or(choice.message) {
            piece.text = said.content.map(Content::into_text).unwrap_or_default();
            piece.calls = said.tool_calls.unwrap_or_default();
        }
    }
    Ok(piece)
}

/// The body of a request for vectors.
pub(crate) fn embedding_body(model: &str, texts: &[String]) -> Vec<u8> {
    let body = json!({"model": model, "input": texts, "encoding_format": "float"});
    // Strings of our own: writing them down can't fail.
    serde_json::to_vec(&body).unwrap_or_default()
}

#[derive(Deserialize)]
struct Embeddings {
    data: Vec<Embedding>,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Embedding {
    #[serde(default)]
    index: Option<usize>,
    embedding: Vec<f32>,
}

/// The vectors of so many texts in their order, and the tokens that they took.
pub(crate) fn read_embeddings(json: &[u8], count: usize) -> Result<(Vec<Vec<f32>>, u64), ModelError> {
    let read: Embeddings = serde_json::from_slice(json).map_err(|_| {
        let page = json.trim_ascii_start().starts_with(b"<");
        ModelError::Schema(if page { "a web page" } else { "something that is no list of vectors" })
    })?;
    let mut vectors: Vec<Option<Vec<f32>>> = vec![None; count];
    for (position, one) in read.data.into_iter().enumerate() {
        if let Some(place) = vectors.get_mut(one.index.unwrap_or(position)) {
            *place = Some(one.embedding);
        }
    }
    let vectors: Option<Vec<Vec<f32>>> = vectors.into_iter().collect();
    let vectors = vectors.ok_or(ModelError::Schema("fewer vectors than texts"))?;
    Ok((vectors, read.usage.unwrap_or_default().prompt_tokens))
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

/// Whether the body of a refusal says that the model is being loaded, in the words of llama.cpp's server:
/// `{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}`.
pub(crate) fn says_loading(body: &str) -> bool {
    body.to_lowercase().contains("loading model")
}

/// Longest identifier of a refusal, and how many of the errors that one lists are read: the first ones tell enough.
const MAX_IDENTIFIER: usize = 40;
const MAX_DETAILS: usize = 3;

/// What the body of a refusal says in identifiers: the kind of error and the field that it is about, each with its name. Never
/// free text, which may quote the question. OpenAI's services put them into `error`, Mistral's and those made with FastAPI
/// into a list of details.
pub(crate) fn identifiers(body: &str) -> Vec<String> {
    let Ok(body) = serde_json::from_str::<Value>(body) else { return Vec::new() };
    let error = body.get("error").filter(|error| error.is_object()).unwrap_or(&body);
    let mut found: Vec<String> =
        ["type", "code", "param"].iter().filter_map(|name| identifier(name, error.get(*name)?)).collect();
    let lists = [error.get("detail"), error.pointer("/message/detail"), error.get("message")];
    let details = lists.into_iter().flatten().find_map(Value::as_array);
    for detail in details.into_iter().flatten().take(MAX_DETAILS) {
        let place = detail.get("loc").and_then(Value::as_array).and_then(|place| place.last());
        found.extend(detail.get("type").and_then(|kind| identifier("type", kind)));
        found.extend(place.and_then(|place| identifier("loc", place)));
    }
    found
}

/// A value with its name where it is a number or a short word without spaces.
fn identifier(name: &str, value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    let fits = (1..=MAX_IDENTIFIER).contains(&text.len()) && text.bytes().all(is_plain);
    fits.then(|| format!("{name} {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_come_in_their_order_or_not_at_all() {
        let two = br#"{"data":[{"index":1,"embedding":[2.0]},{"index":0,"embedding":[1.0]}],"usage":{"prompt_tokens":5}}"#;
        assert_eq!(read_embeddings(two, 2).unwrap(), (vec![vec![1.0], vec![2.0]], 5));
        for wrong in [
            &b"<html>"[..],
            b"{}",
            br#"{"data":[{"index":0,"embedding":[1.0]}]}"#,
            br#"{"data":[{"embedding":"x"}]}"#,
        ] {
            assert!(read_embeddings(wrong, 2).is_err(), "{}", String::from_utf8_lossy(wrong));
        }
    }

    #[test]
    fn of_a_refusal_identifiers_are_kept_and_no_text() {
        let check = |body: &str, expected: &[&str]| assert_eq!(identifiers(body), expected, "{body}");
        check(
            r#"{"error":{"message":"Où?","type":"invalid_request_error","param":"max_tokens","code":"unsupported_parameter"}}"#,
            &["type invalid_request_error", "code unsupported_parameter", "param max_tokens"],
        );
        let mistral = r#"{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Où?","input":"Où?"}]},"type":"invalid_request_error","param":null,"code":3001}"#;
        check(
            mistral,
            &["type invalid_request_error", "code 3001", "type extra_forbidden", "loc stream_options"],
        );
        let fastapi = r#"{"detail":[{"type":"string_type","loc":["body","messages",0],"msg":"Où?"},{"type":"x","loc":[]},{},3]}"#;
        check(fastapi, &["type string_type", "loc 0", "type x"]);
        check(r#"{"error":{"type":"où trouver une","code":"a b","param":["x"]}}"#, &[]);
        check(&format!(r#"{{"type":"{}","code":""}}"#, "x".repeat(MAX_IDENTIFIER + 1)), &[]);
        for other in ["", "<html>", "[]", "3", r#"{"error":"text","detail":"text"}"#] {
            check(other, &[]);
        }
    }

    #[test]
    fn only_a_refusal_that_names_a_field_changes_the_form() {
        let plain = Form::default();
        let check = |from: Form, status: u16, body: &str, expected: Option<(bool, bool)>| {
            let form = from
                .asked_for(status, body)
                .map(|form| (form.without_stream_options, form.completion_tokens));
            assert_eq!(form, expected, "{status} {body}");
        };
        let options = r#"{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"]}]}"#;
        let tokens = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.";
        check(plain, 422, options, Some((true, false)));
        check(plain, 400, tokens, Some((false, true)));
        check(Form { without_stream_options: true, ..plain }, 400, tokens, Some((true, true)));
        // Asked for what was sent: another attempt would be refused alike.
        check(Form { without_stream_options: true, ..plain }, 422, options, None);
        check(Form { completion_tokens: true, ..plain }, 400, tokens, None);
        check(plain, 500, options, None);
        check(plain, 400, "max_tokens must be at least 1", None);
        check(
            plain,
            400,
            "'max_tokens' or 'max_completion_tokens' is too large: maximum context is 4096",
            None,
        );
    }

    #[test]
    fn calls_are_put_together_from_pieces_and_bounded() {
        let mut calls = Calls::default();
        let take = |calls: &mut Calls, json: &str| {
            let event = format!(r#"{{"choices":[{{"delta":{{"tool_calls":{json}}}}}]}}"#);
            calls.take(read(&event).unwrap().calls);
        };
        take(&mut calls, r#"[{"index":0,"id":"a","function":{"name":"search","arguments":"{\"que"}}]"#);
        take(&mut calls, r#"[{"index":0,"id":"a","function":{"name":"search","arguments":"ry\":\"x\"}"}}]"#);
        take(&mut calls, r#"[{"index":1,"function":{"name":"open","arguments":{"passage":2}}}]"#);
        take(&mut calls, r#"[{"index":999,"function":{"name":"open"}}]"#);
        let whole = calls.whole();
        assert_eq!((whole[0].id.as_str(), whole[0].name.as_str()), ("a", "search"));
        assert_eq!(whole[0].arguments, r#"{"query":"x"}"#);
        assert_eq!((whole[1].id.as_str(), whole[1].arguments.as_str()), ("call-1", r#"{"passage":2}"#));
        assert_eq!(whole.len(), 2);
        let long = format!(r#"[{{"index":0,"function":{{"arguments":"{}"}}}}]"#, "x".repeat(MAX_CALL_BYTES));
        take(&mut calls, &long);
        assert_eq!(calls.whole()[0].arguments, r#"{"query":"x"}"#);
    }

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
        check(
            r#"{"choices":[{"delta":{"content":[{"type":"text","text":"Dix "},{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"ans."}]}}]}"#,
            "Dix ans.",
            None,
        );
        check(r#"{"choices":[{"delta":{"content":[{"type":"reference","text":"hm"},3]}}]}"#, "", None);
        check(r#"{"choices":[{"delta":{"content":null,"reasoning_content":"hm"}}]}"#, "", None);
        check(r#"{"choices":[{"delta":{"content":"","reasoning":"hm","reasoning_details":[]}}]}"#, "", None);
        check(r#"{"choices":[{"message":{"content":"Oui.","reasoning_content":"hm"}}]}"#, "Oui.", None);
        let usage =
            read(r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}"#);
        assert_eq!(usage.unwrap().usage, Some(Usage { prompt_tokens: 7, completion_tokens: 3 }));
        let number = r#"{"choices":[{"delta":{"content":3}}]}"#;
        for wrong in ["<html>", "[]", "{\"choices\":3}", r#"{"error":{"message":"x"}}"#, number] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
