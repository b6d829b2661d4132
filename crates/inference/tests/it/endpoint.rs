//! What does a person learn when a model's service misbehaves?
//!
//! The services here are scripted: each way of failing is one that real ones show. That a real one works is tested by
//! `.ci/peers`, with llama.cpp's server.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use intramuros_core::chat::{Message, Role};
use intramuros_core::language::Language;
use intramuros_core::perimeter::Perimeter;
use intramuros_egress::{Egress, Surroundings};
use intramuros_inference::endpoint::{ChatRequest, Endpoint, ModelError, Usage};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A word that stands in the question and in what services write; it may be in no message.
const SECRET: &str = "chocolatine";

/// A service that answers the n-th request with the n-th script (the last one again after that), and counts.
struct Service {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    hung_up: Arc<AtomicUsize>,
    /// What it was asked, as it came.
    requests: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone)]
struct Script {
    bytes: Vec<u8>,
    /// Bytes are sent one chunk after another with this pause; the connection stays open afterwards when `stay`.
    pause: Duration,
    stay: bool,
}

fn script(bytes: impl Into<Vec<u8>>) -> Script {
    Script { bytes: bytes.into(), pause: Duration::ZERO, stay: false }
}

fn status(line: &str, headers: &str, body: &str) -> Script {
    script(format!(
        "HTTP/1.1 {line}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    ))
}

fn stream(events: &[&str]) -> Script {
    let body: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    script(format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n{body}"))
}

fn says(text: &str) -> String {
    format!(r#"{{"choices":[{{"index":0,"delta":{{"content":"{text}"}}}}]}}"#)
}

const STOP: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":2}}"#;

/// What llama.cpp's server says until its model is in memory.
const LOADING: &str = r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#;

impl Service {
    async fn start(scripts: Vec<Script>) -> Service {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, hung_up) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (count, gone) = (Arc::clone(&asked), Arc::clone(&hung_up));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::SeqCst);
                let script = scripts.get(number).or(scripts.last()).cloned().unwrap();
                let (gone, heard) = (Arc::clone(&gone), Arc::clone(&heard));
                tokio::spawn(async move {
                    let mut bytes = vec![0; 64 << 10];
                    let mut request = Vec::new();
                    while !request.ends_with(b"}") {
                        match connection.read(&mut bytes).await {
                            Ok(0) | Err(_) => return,
                            Ok(read) => request.extend_from_slice(&bytes[..read]),
                        }
                    }
                    heard.lock().unwrap().push(String::from_utf8_lossy(&request).into_owned());
                    for piece in script.bytes.chunks(if script.pause.is_zero() { 1 << 20 } else { 100 }) {
                        if connection.write_all(piece).await.is_err() {
                            gone.fetch_add(1, Ordering::SeqCst);
                            return;
                        }
                        tokio::time::sleep(script.pause).await;
                    }
                    if script.stay {
                        // Ends when the other side hangs up.
                        while !matches!(connection.read(&mut bytes).await, Ok(0) | Err(_)) {}
                        gone.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        Service { address, asked, hung_up, requests }
    }

    /// How many requests came, and which of them held the field.
    fn with_field(&self, field: &str) -> (usize, Vec<usize>) {
        let requests = self.requests.lock().unwrap();
        let named = format!("\"{field}\":");
        let with = (0..requests.len()).filter(|number| requests[*number].contains(&named));
        (requests.len(), with.collect())
    }

    fn endpoint(&self, more: &str) -> Arc<Endpoint> {
        endpoint(self.address, more)
    }
}

fn endpoint(address: SocketAddr, more: &str) -> Arc<Endpoint> {
    let port = address.port();
    let declared = format!(
        "[[egress]]\nhost = '127.0.0.1'\nport = {port}\npurpose = 'answers'\ntls = false\n\
         [[model]]\nname = 'small'\nkind = 'open-ai'\npurpose = 'answers'\nurl = 'http://127.0.0.1:{port}/v1'\n{more}"
    );
    let perimeter = Perimeter::parse(&declared, "intramuros.toml").unwrap();
    let egress = Egress::new(&perimeter, Surroundings::default(), Arc::new(|_| Ok(()))).unwrap();
    Arc::new(Endpoint::new(&perimeter.models[0], egress).unwrap())
}

fn request() -> ChatRequest {
    let messages = vec![Message::new(Role::User, format!("Où trouver une {SECRET} ?"))];
    ChatRequest { messages, max_tokens: 50, ..ChatRequest::default() }
}

/// The whole answer, or what went wrong with what had come before.
async fn ask(endpoint: &Arc<Endpoint>) -> (String, Result<Option<Usage>, ModelError>) {
    let mut text = String::new();
    let mut stream = match endpoint.chat(&request()).await {
        Ok(stream) => stream,
        Err(error) => return (text, Err(error)),
    };
    loop {
        match stream.next().await {
            Ok(Some(piece)) => text.push_str(&piece),
            Ok(None) => return (text, Ok(stream.usage())),
            Err(error) => return (text, Err(error)),
        }
    }
}

#[tokio::test]
async fn an_answer_comes_piece_by_piece_with_its_usage() {
    let service = Service::start(vec![stream(&[&says("Dix "), &says("ans."), STOP, "[DONE]"])]).await;
    let endpoint = service.endpoint("");
    let (text, ended) = ask(&endpoint).await;
    assert_eq!(text, "Dix ans.");
    assert_eq!(ended.unwrap(), Some(Usage { prompt_tokens: 9, completion_tokens: 2 }));
    let used = endpoint.used();
    assert_eq!((used.requests, used.failures, used.tokens.prompt_tokens), (1, 0, 9));
    // A service that does not stream answers all the same.
    let whole = r#"{"choices":[{"message":{"content":"Dix ans."},"finish_reason":"stop"}]}"#;
    let service = Service::start(vec![status("200 OK", "Content-Type: application/json\r\n", whole)]).await;
    assert_eq!(ask(&service.endpoint("")).await.0, "Dix ans.");
}

#[tokio::test]
async fn what_a_model_thinks_is_no_part_of_its_answer() {
    let parts = r#"{"choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"Hm."}]}]}}]}"#;
    let beside = r#"{"choices":[{"index":0,"delta":{"content":null,"reasoning_content":"Hm."}}]}"#;
    let whole =
        r#"{"choices":[{"message":{"content":"<think>Hm.</think>\n\nDix ans."},"finish_reason":"stop"}]}"#;
    let cases = [
        stream(&[&says("<thi"), &says("nk>Hm.</"), &says("think>\\n\\nDix "), &says("ans."), STOP, "[DONE]"]),
        stream(&[parts, beside, &says("Dix ans."), STOP, "[DONE]"]),
        // What takes thoughts out may leave their mark.
        stream(&[beside, &says("</think>"), &says("\\n\\nDix ans."), STOP, "[DONE]"]),
        status("200 OK", "Content-Type: application/json\r\n", whole),
    ];
    for script in cases {
        let service = Service::start(vec![script]).await;
        let (text, ended) = ask(&service.endpoint("")).await;
        assert!(ended.is_ok() && text == "Dix ans.", "{text:?} {ended:?}");
    }
}

#[tokio::test]
async fn thoughts_that_no_mark_opens_are_no_answer_and_left_out_from_then_on() {
    // Templates of DeepSeek-R1, QwQ and Qwen3-Thinking put the opening mark into the prompt.
    let thinks = stream(&[&says("Voyons. Cinq ans ?"), &says("\\n</think>\\n\\nDix "), &says("ans."), STOP]);
    let does_not = stream(&[&says("Dix "), &says("ans."), STOP]);
    let cut = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}"#;
    let still = stream(&[&says("Voyons."), cut]);
    let service = Service::start(vec![thinks.clone(), thinks, still, does_not]).await;
    let endpoint = service.endpoint("");
    let (text, ended) = ask(&endpoint).await;
    let error = ended.unwrap_err();
    assert!(error.code() == "thoughts" && !text.contains("Dix"), "{text:?} {error}");
    assert!(error.to_person(Language::French).contains("réflexions"));
    assert!(error.to_person(Language::English).contains("thoughts"));
    assert_eq!(endpoint.used().failures, 1);
    // Thoughts without an answer are none, and an answer without thoughts is one all the same.
    for expected in ["Dix ans.", "", "Dix ans."] {
        let (text, ended) = ask(&endpoint).await;
        assert!(ended.is_ok() && text == expected, "{text:?} {ended:?}");
    }
}

#[tokio::test]
async fn a_model_that_took_the_place_of_one_that_thinks_first_is_not_taken_for_that_one() {
    let thinks = stream(&[&says("Voyons.</think>"), &says("Dix ans."), STOP]);
    let does_not = stream(&[&says("Dix "), &says("ans."), STOP]);
    let cut = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}"#;
    let short = stream(&[&says("Dix"), cut]);
    let scripts = vec![thinks.clone(), thinks.clone(), does_not.clone(), does_not, short, thinks];
    let service = Service::start(scripts).await;
    let endpoint = service.endpoint("");
    assert_eq!(ask(&endpoint).await.1.unwrap_err().code(), "thoughts");
    assert_eq!(ask(&endpoint).await.0, "Dix ans.");
    // The first answer of the other model is held back until it is over, and the next ones are not.
    for piece in ["Dix ans.", "Dix "] {
        let mut answer = endpoint.chat(&request()).await.unwrap();
        assert_eq!(answer.next().await.unwrap().as_deref(), Some(piece));
        while answer.next().await.unwrap().is_some() {}
    }
    // What is cut off is an answer again, and the model that thinks is known anew when it is back.
    assert_eq!(ask(&endpoint).await.0, "Dix");
    assert_eq!(ask(&endpoint).await.1.unwrap_err().code(), "thoughts");
    assert_eq!(ask(&endpoint).await.0, "Dix ans.");
}

#[tokio::test]
async fn an_answer_is_read_whatever_its_form_is_said_to_be() {
    let events = format!(": alive\n\ndata:\n\ndata:{}\r\n\r\ndata: {STOP}\n\n", says("Dix ans."));
    let whole = r#"{"choices":[{"message":{"content":"Dix ans."},"finish_reason":"stop"}]}"#;
    let cases = [
        ("application/json", events.as_str()),
        ("text/event-stream", events.as_str()),
        ("text/plain", whole),
        ("text/event-stream", whole),
    ];
    for (kind, body) in cases {
        let service =
            Service::start(vec![status("200 OK", &format!("Content-Type: {kind}\r\n"), body)]).await;
        let (text, ended) = ask(&service.endpoint("")).await;
        assert!(ended.is_ok() && text == "Dix ans.", "{kind} {body}: {text:?} {ended:?}");
    }
}

/// An answer in pieces of one byte, as `Transfer-Encoding: chunked` has them.
fn byte_by_byte(body: &str) -> Script {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    let chunks = body.bytes().flat_map(|byte| [b'1', b'\r', b'\n', byte, b'\r', b'\n']);
    script(head.bytes().chain(chunks).chain(*b"0\r\n\r\n").collect::<Vec<u8>>())
}

#[tokio::test]
async fn an_answer_is_read_whatever_stands_around_it_and_however_it_is_cut() {
    let events = format!("data: {}\n\ndata: {}\n\ndata: {STOP}\n\n", says("Déjà "), says("dix ans."));
    let whole = r#"{"choices":[{"message":{"content":"Déjà dix ans."},"finish_reason":"stop"}]}"#;
    let nothing = r#"{"choices":[],"prompt_filter_results":[]}"#;
    let null = r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":null}}]}"#;
    let usage = r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}"#;
    let plain = |body: &str| status("200 OK", "", body);
    let cases = [
        ("cut within letters", byte_by_byte(&events)),
        ("whole, cut within letters", byte_by_byte(whole)),
        ("a mark of the order of bytes", plain(&format!("\u{feff}{events}"))),
        ("such a mark, cut", byte_by_byte(&format!("\u{feff}{events}"))),
        ("such a mark before the whole", plain(&format!("\u{feff}{whole}"))),
        ("HTTP/1.0", script(format!("HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n{events}"))),
        ("signs of life", plain(&format!(": ping\r\n\r\n\r\n:\r\n{events}: ping\r\n\r\n"))),
        ("signs of life before the whole", plain(&format!("\r\n\r\n \n{whole}"))),
        (
            "without choices",
            stream(&[nothing, null, &says("Déjà "), &says("dix ans."), STOP, usage, "[DONE]"]),
        ),
    ];
    for (name, script) in cases {
        let service = Service::start(vec![script]).await;
        let (text, ended) = ask(&service.endpoint("")).await;
        assert!(ended.is_ok() && text == "Déjà dix ans.", "{name}: {text:?} {ended:?}");
        assert_eq!(service.asked.load(Ordering::SeqCst), 1, "{name}");
    }
}

#[tokio::test]
async fn an_answer_that_is_whole_stays_so_whatever_becomes_of_its_connection() {
    let events = format!("data: {}\n\ndata: {STOP}\n\n", says("Dix ans."));
    let mut broken = byte_by_byte(&events);
    broken.bytes.truncate(broken.bytes.len() - b"0\r\n\r\n".len());
    let held = Script { stay: true, ..stream(&[&says("Dix ans."), STOP]) };
    for (name, script) in [("broken", broken), ("held", held)] {
        let service = Service::start(vec![script]).await;
        let (began, endpoint) = (Instant::now(), service.endpoint("timeout_seconds = 100"));
        let (text, ended) = ask(&endpoint).await;
        let usage = Usage { prompt_tokens: 9, completion_tokens: 2 };
        assert!(text == "Dix ans." && matches!(ended, Ok(Some(said)) if said == usage), "{name}: {ended:?}");
        assert!(began.elapsed() < Duration::from_secs(60), "{name}");
        assert_eq!(endpoint.used().failures, 0, "{name}");
    }
}

#[tokio::test]
async fn an_answer_without_a_word_is_an_empty_one_with_what_it_took() {
    let null = r#"{"choices":[{"index":0,"delta":{"content":null},"finish_reason":"stop"}]}"#;
    let usage = r#"{"usage":{"prompt_tokens":9,"completion_tokens":2}}"#;
    for events in [&[usage, "[DONE]"][..], &[null, usage], &[r#"{"choices":[]}"#, usage, "[DONE]"]] {
        let service = Service::start(vec![stream(events)]).await;
        let (text, ended) = ask(&service.endpoint("")).await;
        let expected = Some(Usage { prompt_tokens: 9, completion_tokens: 2 });
        assert!(
            text.is_empty() && matches!(&ended, Ok(usage) if *usage == expected),
            "{events:?}: {ended:?}"
        );
    }
}

#[tokio::test]
async fn a_question_is_not_carried_on_to_where_a_service_points() {
    for line in ["307 Temporary Redirect", "308 Permanent Redirect", "302 Found"] {
        let elsewhere = Service::start(vec![stream(&[&says("Oui."), STOP])]).await;
        let location = format!("Location: http://{}/v1/chat/completions\r\n", elsewhere.address);
        let service = Service::start(vec![status(line, &location, "")]).await;
        let error = ask(&service.endpoint("")).await.1.unwrap_err();
        assert!(error.to_string().contains("a redirection"), "{line}: {error}");
        assert_eq!(elsewhere.asked.load(Ordering::SeqCst), 0, "{line}");
    }
}

#[tokio::test]
async fn an_answer_that_stops_at_a_limit_is_told_to_be_cut() {
    for (reason, expected) in
        [("stop", false), ("tool_calls", false), ("length", true), ("model_length", true)]
    {
        let end = format!(r#"{{"choices":[{{"index":0,"delta":{{}},"finish_reason":"{reason}"}}]}}"#);
        let service = Service::start(vec![stream(&[&says("Dix"), &end, "[DONE]"])]).await;
        let mut answer = service.endpoint("").chat(&request()).await.unwrap();
        while answer.next().await.unwrap().is_some() {}
        assert_eq!(answer.was_cut_short(), expected, "{reason}");
    }
}

#[tokio::test]
async fn a_model_that_thinks_without_end_is_stopped() {
    let thinks = [says("<think>"), says(&"hm ".repeat(10_000)), says(&"hm ".repeat(100_000))];
    let events: Vec<&str> = thinks.iter().map(String::as_str).collect();
    let service = Service::start(vec![Script { stay: true, ..stream(&events) }]).await;
    let mut answer = service.endpoint("").chat(&request()).await.unwrap();
    assert_eq!(answer.next().await.unwrap(), None);
    assert!(answer.was_cut_short());
    assert_eq!(answer.next().await.unwrap(), None);
}

/// What Azure's services end an answer with that their filter stops.
const FILTERED: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"content_filter"}]}"#;

/// What Mistral's services say of a model that they don't have.
const NO_MODEL: &str = r#"{"object":"error","message":"Invalid model: chocolatine","type":"invalid_model","param":null,"code":"1500"}"#;

/// What OpenAI's services say when the account has nothing left.
const NOTHING_LEFT: &str = r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#;

#[tokio::test]
async fn every_way_of_failing_is_told_without_anybodys_text() {
    let error = |text: &str| format!(r#"{{"error":{{"message":"{text} {SECRET}"}}}}"#);
    let bare = |text: &str| format!(r#"{{"object":"error","message":"{text} {SECRET}","code":500}}"#);
    let html = format!("<html>{SECRET}</html>");
    let too_many = |headers: &str| status("429 Too Many Requests", headers, &html);
    let cases: Vec<(&str, Script, &str, usize)> = vec![
        ("wrong key", status("401 Unauthorized", "", &error("bad key")), "key-refused", 1),
        ("no such model", status("404 Not Found", "", &error("no model")), "no-such-model", 1),
        ("too long", status("400 Bad Request", "", &error("maximum context length is 4096")), "too-long", 1),
        ("overloaded", status("429 Too Many Requests", "", &error("slow down")), "overloaded", 3),
        (
            "loading for long",
            status("503 Service Unavailable", "Retry-After: 60\r\n", &error("Loading model")),
            "loading",
            1,
        ),
        ("broken", status("500 Internal Server Error", "", &error("oops")), "failed", 3),
        ("refused", status("400 Bad Request", "", &error("no")), "failed", 1),
        ("not paid", status("402 Payment Required", "", &error("no credit")), "not-paid", 1),
        ("a page", status("200 OK", "Content-Type: text/html\r\n", &html), "not-the-interface", 1),
        ("a page unsaid", status("200 OK", "", &html), "not-the-interface", 1),
        ("other JSON", status("200 OK", "Content-Type: application/json\r\n", "[1]"), "not-the-interface", 1),
        ("moved", status("302 Found", "Location: http://127.0.0.1:1/\r\n", ""), "not-the-interface", 1),
        ("cut", stream(&[&says(SECRET)]), "cut", 1),
        ("cut by Ollama", stream(&[&says(SECRET).replace("}]", r#","finish_reason":""}]"#)]), "cut", 1),
        ("filtered", stream(&[&says("Dix"), FILTERED]), "cut", 1),
        ("error inside", stream(&[&says("Dix"), &error("died")]), "failed", 1),
        ("error inside from vLLM", stream(&[&bare("died"), "[DONE]"]), "failed", 1),
        ("too long, found late", stream(&[&error("greater than the context length")]), "too-long", 1),
        ("too long for a proxy", status("413 Content Too Large", "", &html), "too-long", 1),
        ("no such model at Mistral's", status("400 Bad Request", "", NO_MODEL), "no-such-model", 1),
        (
            "no such model by name",
            status("422 Unprocessable", "", &bare("Model not found")),
            "no-such-model",
            1,
        ),
        ("no such address", status("405 Method Not Allowed", "", &html), "no-such-model", 1),
        ("nothing left", status("429 Too Many Requests", "", NOTHING_LEFT), "not-paid", 1),
        ("a proxy's page", status("502 Bad Gateway", "Content-Type: text/html\r\n", &html), "failed", 3),
        ("a page for a wrong key", status("401 Unauthorized", "", &html), "key-refused", 1),
        ("overloaded for a day", too_many("Retry-After: 86400\r\n"), "overloaded", 1),
        ("overloaded for ever", too_many("Retry-After: 99999999999999999999\r\n"), "overloaded", 1),
        ("no choice", status("200 OK", "", r#"{"choices":[]}"#), "not-the-interface", 1),
        ("figures alone", stream(&[r#"{"usage":{"prompt_tokens":9}}"#]), "not-the-interface", 1),
        ("an error as an answer", status("200 OK", "", &error("died")), "failed", 1),
        ("compressed", status("200 OK", "Content-Encoding: gzip\r\n", &says("Dix")), "not-the-interface", 1),
        ("compressed unsaid", status("200 OK", "", "\u{1f}\u{8}\n\n\u{1}"), "not-the-interface", 1),
        ("a line without end", stream(&[&"x".repeat(2 << 20)]), "not-the-interface", 1),
        ("cut in HTTP/1.0", script(format!("HTTP/1.0 200 OK\r\n\r\ndata: {}\n\n", says(SECRET))), "cut", 1),
        ("no HTTP", script("what?"), "cut", 2),
        ("nothing", script(""), "cut", 2),
    ];
    for (name, script, code, asked) in cases {
        let service = Service::start(vec![script]).await;
        let endpoint = service.endpoint("");
        let error = ask(&endpoint).await.1.expect_err(name);
        assert_eq!((error.code(), service.asked.load(Ordering::SeqCst)), (code, asked), "{name}: {error}");
        for language in [Language::French, Language::English] {
            let said = format!("{error} {error:?} {}", error.to_person(language));
            assert!(!said.contains(SECRET), "{name}: {said}");
        }
        assert_eq!(endpoint.used().failures, 1, "{name}");
    }
}

#[tokio::test]
async fn a_refusal_is_told_with_the_identifiers_of_its_error() {
    let body = |kind: &str| {
        format!(r#"{{"error":{{"message":"{SECRET}","type":"{kind}","param":"top_p","code":null}}}}"#)
    };
    let cases = [
        ("400 Bad Request", "unsupported_value", "status 400 (type unsupported_value, param top_p)"),
        ("402 Payment Required", "no_credit", "status 402 (type no_credit, param top_p)"),
        ("422 Unprocessable Entity", "two words", "status 422 (param top_p)"),
    ];
    for (line, kind, told) in cases {
        let service = Service::start(vec![status(line, "", &body(kind))]).await;
        let error = ask(&service.endpoint("")).await.1.unwrap_err();
        assert!(error.to_string().contains(told) && !error.to_string().contains(SECRET), "{error}");
    }
}

#[tokio::test]
async fn a_service_that_takes_no_tools_is_told_with_what_to_do() {
    let of_vllm = r#"{"object":"error","message":"\"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set","type":"BadRequestError","param":null,"code":400}"#;
    let of_ollama = r#"{"error":{"message":"registry.ollama.ai/library/gemma:2b does not support tools","type":"api_error","param":null,"code":null}}"#;
    let of_llama =
        r#"{"error":{"code":500,"message":"tools param requires --jinja flag","type":"server_error"}}"#;
    for (line, body) in [
        ("400 Bad Request", of_vllm),
        ("400 Bad Request", of_ollama),
        ("500 Internal Server Error", of_llama),
    ] {
        let service = Service::start(vec![status(line, "", body)]).await;
        let error = ask(&service.endpoint("")).await.1.unwrap_err();
        assert!(error.to_string().contains("declare the model without `tools`"), "{body}: {error}");
        assert_eq!(service.asked.load(Ordering::SeqCst), 1, "{body}");
    }
}

#[tokio::test]
async fn an_account_without_money_is_told_to_the_person_in_both_languages() {
    let service = Service::start(vec![status("402 Payment Required", "", "")]).await;
    let error = ask(&service.endpoint("")).await.1.unwrap_err();
    assert!(error.to_person(Language::French).contains("compte"), "{error}");
    assert!(error.to_person(Language::English).contains("account"), "{error}");
}

#[tokio::test]
async fn a_service_that_is_down_or_not_declared_is_told_at_once() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = ask(&endpoint(nobody, "")).await.1.unwrap_err();
    assert_eq!(error.code(), "unreachable", "{error}");
    let service = Service::start(vec![stream(&["[DONE]"])]).await;
    let other = endpoint(service.address, "");
    // The rule is for another port.
    let declared =
        "[[model]]\nname = 'm'\nkind = 'open-ai'\npurpose = 'answers'\nurl = 'http://127.0.0.1:9/v1'";
    let model = toml_model(declared);
    let egress = Egress::new(&Perimeter::default(), Surroundings::default(), Arc::new(|_| Ok(()))).unwrap();
    let closed = Arc::new(Endpoint::new(&model, egress).unwrap());
    assert_eq!(ask(&closed).await.1.unwrap_err().code(), "not-allowed");
    drop(other);
}

/// A model as declared, without the check that a rule covers it.
fn toml_model(declared: &str) -> intramuros_core::perimeter::Model {
    let covered =
        format!("{declared}\n[[egress]]\nhost = '127.0.0.1'\nport = 9\npurpose = 'answers'\ntls = false\n");
    Perimeter::parse(&covered, "f").unwrap().models.remove(0)
}

#[tokio::test]
async fn a_slow_service_is_given_up_at_its_time() {
    let silent = Script { stay: true, ..script("") };
    let trickle =
        Script { pause: Duration::from_millis(200), stay: true, ..stream(&[says("mot ").as_str(); 400]) };
    for script in [silent, trickle] {
        let service = Service::start(vec![script]).await;
        let began = Instant::now();
        let error = ask(&service.endpoint("timeout_seconds = 1")).await.1.unwrap_err();
        assert_eq!(error.code(), "timeout", "{error}");
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_vector_that_comes_too_late_is_told_with_the_wait_that_held() {
    let begun = script("HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\n{");
    for script in [script(""), begun] {
        let service = Service::start(vec![Script { stay: true, ..script }]).await;
        let endpoint = service.endpoint("timeout_seconds = 60");
        let texts = [SECRET.to_owned()];
        let error = endpoint.embed(&texts, Duration::from_millis(600)).await.unwrap_err();
        assert_eq!(error.to_string(), "it took longer than 1 s");
        assert_eq!(endpoint.used().failures, 1);
    }
}

#[tokio::test]
async fn a_service_that_recovers_is_asked_again() {
    let busy = status("503 Service Unavailable", "Retry-After: 1\r\n", "");
    let service = Service::start(vec![busy.clone(), busy, stream(&[&says("Oui."), STOP, "[DONE]"])]).await;
    let (text, ended) = ask(&service.endpoint("")).await;
    assert!(ended.is_ok() && text == "Oui.", "{ended:?}");
    assert_eq!(service.asked.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_model_that_is_being_loaded_is_waited_for_beside_the_usual_attempts() {
    let loading = status("503 Service Unavailable", "", LOADING);
    let busy = status("503 Service Unavailable", "", "");
    let answer = stream(&[&says("Oui."), STOP, "[DONE]"]);
    let service = Service::start(vec![loading.clone(), loading, busy.clone(), busy, answer]).await;
    let (text, ended) = ask(&service.endpoint("")).await;
    assert!(ended.is_ok() && text == "Oui.", "{ended:?}");
    assert_eq!(service.asked.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn a_model_that_stays_in_loading_is_given_up_in_time_and_told_so() {
    let service = Service::start(vec![status("503 Service Unavailable", "", LOADING)]).await;
    let began = Instant::now();
    let error = ask(&service.endpoint("timeout_seconds = 5")).await.1.unwrap_err();
    assert_eq!(error.code(), "loading", "{error}");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert!(error.to_person(Language::French).contains("en cours de chargement"));
    assert!(error.to_person(Language::English).contains("still being loaded"));
    // More often than other refusals, and not without end.
    let asked = service.asked.load(Ordering::SeqCst);
    assert!((4..=6).contains(&asked), "{asked}");
}

/// What Mistral's services say of a field that they don't know.
const NO_OPTIONS: &str = r#"{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","stream_options","include_usage"],"msg":"Extra inputs are not permitted","input":true}]},"type":"invalid_request_error","param":null,"code":null}"#;

/// What OpenAI's newer models say of a field by its old name.
const OTHER_NAME: &str = r#"{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.","type":"invalid_request_error","param":"max_tokens","code":"unsupported_parameter"}}"#;

#[tokio::test]
async fn a_field_that_a_service_refuses_is_left_out_from_then_on() {
    let refusal = status("422 Unprocessable Entity", "", NO_OPTIONS);
    let answer = stream(&[&says("Oui."), STOP, "[DONE]"]);
    let service = Service::start(vec![refusal, answer]).await;
    let endpoint = service.endpoint("");
    for _ in 0..2 {
        let (text, ended) = ask(&endpoint).await;
        assert_eq!(text, "Oui.");
        assert_eq!(ended.unwrap(), Some(Usage { prompt_tokens: 9, completion_tokens: 2 }));
    }
    assert_eq!(service.with_field("stream_options"), (3, vec![0]));
    assert_eq!(service.with_field("max_tokens"), (3, vec![0, 1, 2]));
    assert_eq!((endpoint.used().requests, endpoint.used().failures), (2, 0));
}

#[tokio::test]
async fn a_field_that_a_service_names_otherwise_is_renamed_from_then_on() {
    let refusal = status("400 Bad Request", "", OTHER_NAME);
    let service = Service::start(vec![refusal, stream(&[&says("Oui."), STOP, "[DONE]"])]).await;
    let endpoint = service.endpoint("");
    for _ in 0..2 {
        assert_eq!(ask(&endpoint).await.0, "Oui.");
    }
    assert_eq!(service.with_field("max_tokens"), (3, vec![0]));
    assert_eq!(service.with_field("max_completion_tokens"), (3, vec![1, 2]));
    assert_eq!(service.with_field("stream_options"), (3, vec![0, 1, 2]));
}

/// What OpenAI's models that reason say of any temperature but their own.
const NO_TEMPERATURE: &str = r#"{"error":{"message":"Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is supported.","type":"invalid_request_error","param":"temperature","code":"unsupported_value"}}"#;

#[tokio::test]
async fn a_temperature_that_a_service_refuses_is_left_out_from_then_on() {
    let refusals = [
        ("400 Bad Request", NO_TEMPERATURE),
        (
            "400 Bad Request",
            r#"{"error":{"message":"Unsupported parameter: 'temperature' is not supported with this model.","type":"invalid_request_error","param":"temperature","code":"unsupported_parameter"}}"#,
        ),
        (
            "400 Bad Request",
            r#"{"error":{"message":"invalid temperature: only 1 is allowed for this model","type":"invalid_request_error"}}"#,
        ),
        (
            "400 Bad Request",
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"`temperature` is deprecated for this model."}}"#,
        ),
        (
            "422 Unprocessable Entity",
            r#"{"error":"Input validation error: `temperature` must be strictly positive","error_type":"validation"}"#,
        ),
    ];
    for (line, refusal) in refusals {
        let answer = stream(&[&says("Oui."), STOP, "[DONE]"]);
        let service = Service::start(vec![status(line, "", refusal), answer]).await;
        let endpoint = service.endpoint("");
        for _ in 0..2 {
            assert_eq!(ask(&endpoint).await.0, "Oui.", "{refusal}");
        }
        assert_eq!(service.with_field("temperature"), (3, vec![0]), "{refusal}");
        assert_eq!(service.with_field("max_tokens"), (3, vec![0, 1, 2]), "{refusal}");
        assert_eq!((endpoint.used().requests, endpoint.used().failures), (2, 0));
    }
}

#[tokio::test]
async fn a_format_of_vectors_that_a_service_refuses_is_left_out_from_then_on() {
    let refusal = r#"{"code":20015,"message":"The parameter is invalid: encoding_format","data":null}"#;
    let vectors = r#"{"data":[{"index":0,"embedding":[1.0,2.0]}]}"#;
    let scripts = vec![status("400 Bad Request", "", refusal), status("200 OK", "", vectors)];
    let service = Service::start(scripts).await;
    let endpoint = service.endpoint("");
    for _ in 0..2 {
        let given = endpoint.embed(&["é".to_owned()], Duration::from_secs(20)).await;
        assert_eq!(given.unwrap(), [vec![1.0, 2.0]]);
    }
    assert_eq!(service.with_field("encoding_format"), (3, vec![0]));
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_answer_is_made_once_more() {
    let service = Service::start(vec![script(""), stream(&[&says("Oui."), STOP, "[DONE]"])]).await;
    let endpoint = service.endpoint("");
    let (text, ended) = ask(&endpoint).await;
    assert!(ended.is_ok() && text == "Oui.", "{ended:?}");
    assert_eq!((service.asked.load(Ordering::SeqCst), endpoint.used().failures), (2, 0));
}

#[tokio::test]
async fn other_forms_of_a_request_use_up_none_of_the_usual_attempts() {
    let refusals = [
        status("422 Unprocessable Entity", "", NO_OPTIONS),
        status("400 Bad Request", "", OTHER_NAME),
        status("400 Bad Request", "", NO_TEMPERATURE),
        status("503 Service Unavailable", "", ""),
        status("503 Service Unavailable", "", ""),
    ];
    let answer = stream(&[&says("Oui."), STOP, "[DONE]"]);
    let service = Service::start(refusals.into_iter().chain([answer]).collect()).await;
    assert_eq!(ask(&service.endpoint("")).await.0, "Oui.");
    assert_eq!(service.asked.load(Ordering::SeqCst), 6);
}

#[tokio::test]
async fn another_form_is_tried_once_and_kept_only_where_it_helped() {
    let refusal = status("422 Unprocessable Entity", "", NO_OPTIONS);
    let service = Service::start(vec![refusal]).await;
    let endpoint = service.endpoint("");
    for _ in 0..2 {
        assert_eq!(ask(&endpoint).await.1.unwrap_err().code(), "failed");
    }
    assert_eq!(service.with_field("stream_options"), (4, vec![0, 2]));
}

#[tokio::test]
async fn dropping_an_answer_hangs_up_and_frees_its_place() {
    let endless = Script { stay: true, ..stream(&[&says("mot ")]) };
    let service = Service::start(vec![endless]).await;
    let endpoint = service.endpoint("concurrency = 1\ntimeout_seconds = 60");
    for round in 1..=3 {
        let mut answer = endpoint.chat(&request()).await.unwrap();
        assert_eq!(answer.next().await.unwrap().as_deref(), Some("mot "));
        drop(answer);
        let began = Instant::now();
        while service.hung_up.load(Ordering::SeqCst) < round {
            assert!(began.elapsed() < Duration::from_secs(30), "the connection stayed open");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test]
async fn a_key_that_a_service_sends_back_stands_in_no_message() {
    let key = "sk-0123456789abcdef";
    let file = std::env::temp_dir().join(format!("intramuros-sent-key-{}", std::process::id()));
    std::fs::write(&file, key).unwrap();
    let body = format!(r#"{{"error":{{"code":"{key}","type":"bad_key"}}}}"#);
    for script in [status("400 Bad Request", "", &body), stream(&[&body])] {
        let service = Service::start(vec![script]).await;
        let endpoint = service.endpoint(&format!("key_file = '{}'", file.display()));
        let error = ask(&endpoint).await.1.unwrap_err();
        let said = format!("{error} {error:?}");
        assert!(said.contains("bad_key") && !said.contains(key), "{said}");
        assert!(service.requests.lock().unwrap()[0].contains(key));
    }
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn a_key_is_sent_and_a_missing_one_is_told() {
    let folder = std::env::temp_dir().join(format!("intramuros-key-{}", std::process::id()));
    std::fs::write(&folder, "  \n").unwrap();
    let mut model = toml_model(
        "[[model]]\nname = 'm'\nkind = 'open-ai'\npurpose = 'answers'\nurl = 'http://127.0.0.1:9/v1'",
    );
    let egress = Egress::new(&Perimeter::default(), Surroundings::default(), Arc::new(|_| Ok(()))).unwrap();
    for path in [folder.clone(), folder.join("missing")] {
        model.key_file = Some(path);
        let error = Endpoint::new(&model, egress.clone()).err().unwrap();
        assert!(error.to_string().contains("key"), "{error}");
    }
    std::fs::remove_file(folder).unwrap();
}
