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
    /// Without `encoding_format`: SiliconFlow's services refuse it with some models. Numbers are what all give unasked.
    pub without_encoding_format: bool,
    /// Without `temperature`: OpenAI's models that reason take their own alone, some services take any but 0.
    pub without_temperature: bool,
}

impl Form {
    /// The form that a refusal asks for; none where it asks for no other than this one.
    pub fn asked_for(self, status: u16, body: &str) -> Option<Form> {
        // A question that is too long is refused with the names of fields as well.
        if !matches!(status, 400 | 422) || says_too_long(body) {
            return None;
        }
        let said = complaint(body);
        let names = |field: &str| said.contains(field);
        let no_options = names("stream_options") || names("include_usage");
        let other_name = names("max_tokens") && names("max_completion_tokens");
        let mut form = Form {
            without_stream_options: self.without_stream_options || no_options,
            completion_tokens: self.completion_tokens || other_name,
            without_encoding_format: self.without_encoding_format || names("encoding_format"),
            ..self
        };
        // Last of all: without it answers differ from one time to the next, and a refusal may list what is taken.
        if form == self {
            form.without_temperature |= names("temperature");
        }
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
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
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
        temperature: (!form.without_temperature).then_some(request.temperature),
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
pub(crate) struct Calls(Vec<Begun>);

/// A call, with the number that the service gave it.
#[derive(Debug, Default)]
struct Begun {
    index: Option<usize>,
    call: ToolCall,
}

impl Calls {
    pub fn take(&mut self, pieces: Vec<CallPiece>) {
        for piece in pieces {
            let at = self.place(&piece);
            if at >= MAX_CALLS {
                continue;
            }
            if at == self.0.len() {
                let call = ToolCall { id: format!("call-{at}"), ..ToolCall::default() };
                self.0.push(Begun { index: piece.index, call });
            }
            let Some(Begun { call, .. }) = self.0.get_mut(at) else { continue };
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

    /// The place of the call that a piece belongs to; the one after the last for a call that begins.
    fn place(&self, piece: &CallPiece) -> usize {
        let id = piece.id.as_deref().filter(|id| !id.is_empty());
        let named = piece.names().is_some();
        let by_id = id.and_then(|id| self.0.iter().position(|begun| begun.call.id == id));
        let known = match piece.index {
            Some(index) => self.0.iter().rposition(|begun| begun.index == Some(index)),
            // Without numbers, a call begins with its name, and what has none goes on with the last.
            None if named => by_id,
            None => by_id.or(self.0.len().checked_sub(1)),
        };
        // Ollama numbers all calls of an answer 0: another name under another id is another call.
        let is_other = |at: &usize| {
            let known = self.0.get(*at).map(|begun| &begun.call);
            named && known.is_some_and(|call| !call.name.is_empty() && id.is_some_and(|id| id != call.id))
        };
        known.filter(|at| !is_other(at)).unwrap_or(self.0.len())
    }

    /// The calls that name a tool.
    pub fn whole(&self) -> Vec<ToolCall> {
        self.0.iter().map(|begun| &begun.call).filter(|call| !call.name.is_empty()).cloned().collect()
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

impl CallPiece {
    /// The name that it brings.
    fn names(&self) -> Option<&str> {
        self.function.as_ref()?.name.as_deref().filter(|name| !name.is_empty())
    }
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
    /// What it is; `error` from vLLM's server, which writes the error itself around it.
    #[serde(default)]
    object: Option<Value>,
    #[serde(default)]
    choices: Option<Vec<Choice>>,
    #[serde(default)]
    usage: Option<Value>,
    #[serde(default)]
    error: Option<Value>,
}

/// The figures of an answer. It is not given up because they can't be read.
fn counted(usage: Option<Value>) -> Option<Usage> {
    serde_json::from_value(usage?).ok()
}

impl Chunk {
    /// Whether it is an error, which may stand beside an empty piece of text.
    fn is_error(&self) -> bool {
        let says = |error: &Value| !error.is_null() && error.as_str() != Some("");
        self.error.as_ref().is_some_and(says) || self.object.as_ref().is_some_and(|kind| kind == "error")
    }
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
    if chunk.is_error() {
        return Err(ModelError::of_event(json));
    }
    let mut piece = Piece { usage: counted(chunk.usage), ..Piece::default() };
    for choice in chunk.choices.unwrap_or_default().into_iter().take(1) {
        // Until the end, Ollama's and SGLang's older servers write "" there, and KoboldCpp's the word.
        piece.finish = choice.finish_reason.filter(|reason| !["", "null"].contains(&reason.as_str()));
        match piece.finish.as_deref() {
            Some("error") => return Err(ModelError::of_event(json)),
            Some("content_filter") => {
                return Err(ModelError::Cut("the service's filter stopped it".to_owned()));
            }
            _ => {}
        }
        if let Some(said) = choice.delta.or(choice.message) {
            piece.text = said.content.map(Content::into_text).unwrap_or_default();
            piece.calls = said.tool_calls.unwrap_or_default();
        }
    }
    Ok(piece)
}

/// The body of a request for vectors.
pub(crate) fn embedding_body(model: &str, texts: &[String], form: Form) -> Vec<u8> {
    let mut body = json!({"model": model, "input": texts});
    if !form.without_encoding_format {
        body["encoding_format"] = json!("float");
    }
    // Strings of our own: writing them down can't fail.
    serde_json::to_vec(&body).unwrap_or_default()
}

#[derive(Deserialize)]
struct Embeddings {
    data: Vec<Embedding>,
    #[serde(default)]
    usage: Option<Value>,
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
    if read.data.len() != count {
        return Err(ModelError::Schema("not as many vectors as texts"));
    }
    let number = |(position, one): (usize, &Embedding)| one.index.unwrap_or(position);
    let mut numbers: Vec<usize> = read.data.iter().enumerate().map(number).collect();
    numbers.sort_unstable();
    let mut numbered: Vec<(usize, Embedding)> = read.data.into_iter().enumerate().collect();
    // Where the numbers don't count the texts, the vectors come in their order: LiteLLM numbered all of Gemini's 0,
    // Xinference went on from the texts of others.
    if numbers.into_iter().eq(0..count) {
        numbered.sort_by_key(|(position, one)| one.index.unwrap_or(*position));
    }
    let vectors = numbered.into_iter().map(|(_, one)| one.embedding).collect();
    Ok((vectors, counted(read.usage).unwrap_or_default().prompt_tokens))
}

/// What the body of a refusal complains of, in small letters: without `input`, in which services made with FastAPI repeat the
/// request. A question that speaks of a field, or of a length, complains of none.
fn complaint(body: &str) -> String {
    let Ok(mut json) = serde_json::from_str::<Value>(body) else { return body.to_lowercase() };
    forget_input(&mut json);
    json.to_string().to_lowercase()
}

fn forget_input(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("input");
            fields.values_mut().for_each(forget_input);
        }
        Value::Array(values) => values.iter_mut().for_each(forget_input),
        _ => {}
    }
}

/// Whether a text says one of these, in small letters.
fn says_one_of(body: &str, signs: &[&str]) -> bool {
    let said = complaint(body);
    signs.iter().any(|sign| said.contains(sign))
}

/// Whether an error speaks of a limit by time.
pub(crate) fn says_too_often(body: &str) -> bool {
    says_one_of(body, &["rate limit", "rate_limit", "quota", "too many requests"])
}

/// Whether the body of a refusal says that the question was too long for the model.
pub(crate) fn says_too_long(body: &str) -> bool {
    let signs = [
        "context length",
        "context_length",
        "context window",
        "maximum context",
        // vLLM: the prompt "is longer than the maximum model length".
        "maximum model length",
        // Text Generation Inference: "`inputs` tokens + `max_new_tokens` must be <=", "`inputs` must have less than".
        "tokens + `max_new_tokens`",
        "must have less than",
        // llama.cpp's server, of vectors.
        "too large to process",
        "too many tokens",
        "too long",
        "exceed",
    ];
    says_one_of(body, &signs)
}

/// Whether the body of a refusal says that the model is being loaded, in the words of llama.cpp's server
/// (`{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}`) and of Hugging Face's
/// (`{"error":"Model … is currently loading"}`).
pub(crate) fn says_loading(body: &str) -> bool {
    says_one_of(body, &["loading model", "currently loading"])
}

/// Whether the body of a refusal says that there is no such model, where the status doesn't: Mistral's services say 400,
/// Scaleway's 422.
pub(crate) fn says_no_model(body: &str) -> bool {
    says_one_of(body, &["invalid_model", "invalid model name", "model_not_found", "model not found"])
}

/// Whether the body of a refusal says that no tools can be offered to the model there: vLLM's server started without
/// `--enable-auto-tool-choice`, llama.cpp's without `--jinja`, a model of Ollama's without a template for them.
pub(crate) fn says_no_tools(body: &str) -> bool {
    says_one_of(body, &["tool choice requires", "does not support tools", "tools param requires"])
}

/// Whether the body of a refusal says that the account has nothing left, which OpenAI's services say as if there were too many
/// requests.
pub(crate) fn says_unpaid(body: &str) -> bool {
    says_one_of(body, &["insufficient_quota"])
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
        let in_order = |first: &str, second: &str| {
            let json = format!(
                r#"{{"data":[{{{first}"embedding":[1.0]}},{{{second}"embedding":[2.0]}}],"usage":{{"prompt_tokens":null}}}}"#
            );
            assert_eq!(
                read_embeddings(json.as_bytes(), 2).unwrap(),
                (vec![vec![1.0], vec![2.0]], 0),
                "{json}"
            );
        };
        in_order("", "");
        in_order("", r#""index":1,"#);
        // Numbers that don't count the texts.
        in_order(r#""index":0,"#, r#""index":0,"#);
        in_order(r#""index":1,"#, r#""index":2,"#);
        for wrong in [
            &b"<html>"[..],
            b"{}",
            br#"{"data":[{"index":0,"embedding":[1.0]}]}"#,
            br#"{"data":[{"embedding":[1.0]},{"embedding":[2.0]},{"embedding":[3.0]}]}"#,
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
        // What the question speaks of is not refused.
        let repeated = r#"{"detail":[{"type":"missing","loc":["body","model"],"input":{"messages":[{"content":"stream_options, temperature?"}]}}]}"#;
        check(plain, 422, repeated, None);
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
    fn the_temperature_is_left_out_only_where_nothing_else_is_refused() {
        let asked = |from: Form, body: &str| from.asked_for(400, body).map(|form| form.without_temperature);
        let plain = Form::default();
        let of_kimi = r#"{"error":{"message":"invalid temperature: only 1 is allowed for this model","type":"invalid_request_error"}}"#;
        assert_eq!(asked(plain, of_kimi), Some(true));
        assert_eq!(asked(Form { without_temperature: true, ..plain }, of_kimi), None);
        let listed = "unknown field stream_options; known are model, messages, temperature";
        assert_eq!(asked(plain, listed), Some(false));
    }

    #[test]
    fn a_text_that_is_too_long_is_told_in_the_words_of_each_service() {
        for said in [
            r#"{"object":"error","message":"This model's maximum context length is 4096 tokens. However, you requested 5000 tokens","type":"BadRequestError","code":400}"#,
            r#"{"error":{"message":"The decoder prompt (length 5000) is longer than the maximum model length of 4096.","type":"BadRequestError","code":400}}"#,
            r#"{"object":"error","message":"Prompt contains 40000 tokens, too large for model with 32768 maximum context length","type":"invalid_request_error"}"#,
            r#"{"error":{"code":400,"message":"request (4390 tokens) exceeds the available context size (4096 tokens), try increasing it","type":"exceed_context_size_error"}}"#,
            r#"{"error":{"code":500,"message":"input (596 tokens) is too large to process. increase the physical batch size (current batch size: 512)"}}"#,
            r#"{"error":"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 4031 `inputs` tokens and 200 `max_new_tokens`","error_type":"validation"}"#,
            r#"{"error":"Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens"}"#,
        ] {
            assert!(says_too_long(said), "{said}");
        }
        for other in [
            r#"{"detail":[{"type":"missing","loc":["body","model"],"input":{"content":"Is it too long?"}}]}"#,
            r#"{"error":"Input validation error: `temperature` must be strictly positive"}"#,
        ] {
            assert!(!says_too_long(other), "{other}");
        }
    }

    #[test]
    fn calls_are_told_apart_however_a_service_numbers_them() {
        let check = |deltas: &[&str]| {
            let mut calls = Calls::default();
            for json in deltas {
                let event = format!(r#"{{"choices":[{{"delta":{{"tool_calls":{json}}}}}]}}"#);
                calls.take(read(&event).unwrap().calls);
            }
            let whole = calls.whole();
            let told: Vec<_> =
                whole.iter().map(|call| (call.name.as_str(), call.arguments.as_str())).collect();
            let expected = [("search", r#"{"query":"x"}"#), ("open", r#"{"passage":2}"#)];
            assert_eq!(told, expected, "{deltas:?}");
            assert_ne!(whole[0].id, whole[1].id, "{deltas:?}");
        };
        let (search, open) = (
            r#"{"name":"search","arguments":"{\"query\":\"x\"}"}"#,
            r#"{"name":"open","arguments":{"passage":2}}"#,
        );
        // Ollama's: each whole, all with the same number.
        check(&[
            &format!(r#"[{{"index":0,"id":"a","function":{search}}}]"#),
            &format!(r#"[{{"index":0,"id":"b","function":{open}}}]"#),
        ]);
        // Without numbers: one after the other, and both at once.
        check(&[
            &format!(r#"[{{"id":"a","function":{search}}}]"#),
            &format!(r#"[{{"id":"b","function":{open}}}]"#),
        ]);
        check(&[&format!(r#"[{{"function":{search}}},{{"function":{open}}}]"#)]);
        // In pieces, of which only the first is named.
        check(&[
            r#"[{"id":"a","function":{"name":"search","arguments":""}}]"#,
            r#"[{"function":{"arguments":"{\"query\":"}}]"#,
            r#"[{"id":"","function":{"name":"","arguments":"\"x\"}"}}]"#,
            &format!(r#"[{{"id":"b","function":{open}}}]"#),
        ]);
        // Numbered, and mixed.
        check(&[
            r#"[{"index":0,"id":"a","function":{"name":"search","arguments":"{\"query\""}},{"index":1,"id":"b","function":{"name":"open","arguments":"{\"passage\""}}]"#,
            r#"[{"index":1,"function":{"arguments":":2}"}},{"index":0,"function":{"arguments":":\"x\"}"}}]"#,
        ]);
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
        let many: Vec<String> =
            (2..20).map(|index| format!(r#"{{"index":{index},"function":{{"name":"open"}}}}"#)).collect();
        take(&mut calls, &format!("[{}]", many.join(",")));
        let whole = calls.whole();
        assert_eq!((whole[0].id.as_str(), whole[0].name.as_str()), ("a", "search"));
        assert_eq!(whole[0].arguments, r#"{"query":"x"}"#);
        assert_eq!((whole[1].id.as_str(), whole[1].arguments.as_str()), ("call-1", r#"{"passage":2}"#));
        assert_eq!(whole.len(), MAX_CALLS);
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
        check(r#"{"choices":[{"delta":{"content":"Oui.","thinking":"hm"}}]}"#, "Oui.", None);
        check(r#"{"choices":[{"delta":{"content":"é"},"finish_reason":""}]}"#, "é", None);
        check(r#"{"choices":[{"delta":{"content":"é"},"finish_reason":"null"}]}"#, "é", None);
        check(r#"{"choices":[{"delta":null,"finish_reason":"tool_calls"}]}"#, "", Some("tool_calls"));
        check(r#"{"choices":null,"usage":{"prompt_tokens":null},"error":null}"#, "", None);
        check(r#"{"choices":[{"message":{"content":"Oui.","reasoning_content":"hm"}}]}"#, "Oui.", None);
        let usage =
            read(r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}"#);
        assert_eq!(usage.unwrap().usage, Some(Usage { prompt_tokens: 7, completion_tokens: 3 }));
        let number = r#"{"choices":[{"delta":{"content":3}}]}"#;
        for wrong in ["<html>", "[]", "{\"choices\":3}", r#"{"error":{"message":"x"}}"#, number] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_error_in_place_of_an_event_is_told() {
        let check = |json: &str, code: &str, told: &str| {
            let error = read(json).unwrap_err();
            assert!(error.code() == code && error.to_string().contains(told), "{json}: {error:?}");
        };
        let of_vllm =
            r#"{"object":"error","message":"x","type":"InternalServerError","param":null,"code":500}"#;
        check(of_vllm, "failed", "type InternalServerError, code 500");
        let of_openrouter = r#"{"error":{"code":"server_error","message":"x"},"choices":[{"delta":{"content":""},"finish_reason":"error"}]}"#;
        check(of_openrouter, "failed", "code server_error");
        check(r#"{"choices":[{"delta":{"content":""},"finish_reason":"error"}]}"#, "failed", "");
        check(r#"{"choices":[{"delta":{},"finish_reason":"content_filter"}]}"#, "cut", "filter");
        let of_lm_studio = r#"{"error":{"message":"The number of tokens to keep from the initial prompt is greater than the context length"}}"#;
        check(of_lm_studio, "too-long", "");
        check(r#"{"error":"context length of only 4096 tokens"}"#, "too-long", "");
    }
}
