//! What does a person learn when a model's service misbehaves?
//!
//! The services here are scripted: each way of failing is one that real ones show. That a real one works is tested by
//! `.ci/peers`, with llama.cpp's server.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
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

impl Service {
    async fn start(scripts: Vec<Script>) -> Service {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, hung_up) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (count, gone) = (Arc::clone(&asked), Arc::clone(&hung_up));
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::SeqCst);
                let script = scripts.get(number).or(scripts.last()).cloned().unwrap();
                let gone = Arc::clone(&gone);
                tokio::spawn(async move {
                    let mut bytes = vec![0; 64 << 10];
                    let mut request = Vec::new();
                    while !request.ends_with(b"}") {
                        match connection.read(&mut bytes).await {
                            Ok(0) | Err(_) => return,
                            Ok(read) => request.extend_from_slice(&bytes[..read]),
                        }
                    }
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
        Service { address, asked, hung_up }
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
async fn every_way_of_failing_is_told_without_anybodys_text() {
    let error = |text: &str| format!(r#"{{"error":{{"message":"{text} {SECRET}"}}}}"#);
    let html = format!("<html>{SECRET}</html>");
    let cases: Vec<(&str, Script, &str, usize)> = vec![
        ("wrong key", status("401 Unauthorized", "", &error("bad key")), "key-refused", 1),
        ("no such model", status("404 Not Found", "", &error("no model")), "no-such-model", 1),
        ("too long", status("400 Bad Request", "", &error("maximum context length is 4096")), "too-long", 1),
        ("overloaded", status("429 Too Many Requests", "", &error("slow down")), "overloaded", 3),
        ("broken", status("500 Internal Server Error", "", &error("oops")), "failed", 3),
        ("refused", status("400 Bad Request", "", &error("no")), "failed", 1),
        ("a page", status("200 OK", "Content-Type: text/html\r\n", &html), "not-the-interface", 1),
        ("a page unsaid", status("200 OK", "", &html), "not-the-interface", 1),
        ("other JSON", status("200 OK", "Content-Type: application/json\r\n", "[1]"), "not-the-interface", 1),
        ("moved", status("302 Found", "Location: http://127.0.0.1:1/\r\n", ""), "not-the-interface", 1),
        ("cut", stream(&[&says(SECRET)]), "cut", 1),
        ("error inside", stream(&[&says("Dix"), &error("died")]), "failed", 1),
        ("no HTTP", script("what?"), "cut", 1),
        ("nothing", script(""), "cut", 1),
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
async fn a_service_that_recovers_is_asked_again() {
    let busy = status("503 Service Unavailable", "Retry-After: 1\r\n", "");
    let service = Service::start(vec![busy.clone(), busy, stream(&[&says("Oui."), STOP, "[DONE]"])]).await;
    let (text, ended) = ask(&service.endpoint("")).await;
    assert!(ended.is_ok() && text == "Oui.", "{ended:?}");
    assert_eq!(service.asked.load(Ordering::SeqCst), 3);
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
