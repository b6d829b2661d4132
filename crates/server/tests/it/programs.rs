//! What do programs get under `/v1` and `/mcp`, and what when they ask wrongly?
//!
//! The real clients are in `tests/peers`; here is what they don't do.

use intramuros_server::Settings;
use serde_json::{Value, json};

use crate::support::{Answer, Scene, Server};

/// Posts JSON, and gives the answer.
pub fn post(server: &Server, path: &str, headers: &str, body: &str) -> Answer {
    let (host, length) = (server.address, body.len());
    server.send(&format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n{headers}\r\n{body}"
    ))
}

/// The body of a question to a model.
pub fn asks_of(model: &str, question: &str) -> String {
    serde_json::json!({"model": model, "messages": [{"role": "user", "content": question}]}).to_string()
}

fn asks(question: &str) -> String {
    serde_json::json!({"messages": [{"role": "user", "content": question}]}).to_string()
}

#[test]
fn a_question_is_answered_with_sentences_and_their_places() {
    let server = Server::start(Scene::default());
    let answer = post(&server, "/v1/chat/completions", "", &asks("télétravail jours par semaine"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let json: Value = answer.json();
    let message = &json["choices"][0]["message"];
    assert!(message["content"].as_str().unwrap().contains("deux jours par semaine"), "{message}");
    let note = &message["annotations"][0]["url_citation"];
    assert!(note["url"].as_str().unwrap().contains("/document/"), "{note}");
    let streamed = post(&server, "/api/v1/answer", "", r#"{"question":"télétravail jours par semaine"}"#);
    let text = streamed.text();
    for part in ["event: sources", "event: quoting", "event: sentence", "event: end", "\"found\":true"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn what_can_not_be_answered_is_refused_in_clear_words_without_the_text() {
    let server = Server::start(Scene::default());
    let long = asks(&"chocolatine ".repeat(100_000));
    let cases: [(&str, &str, u16); 7] = [
        ("/v1/chat/completions", "{\"messages\": \"chocolatine\"}", 400),
        ("/v1/chat/completions", "<html>chocolatine</html>", 400),
        ("/v1/chat/completions", "{\"messages\": []}", 400),
        ("/v1/chat/completions", &asks("\u{0}\u{1b} "), 400),
        ("/v1/chat/completions", &long, 400),
        (
            "/v1/chat/completions",
            &long.replace("chocolatine ", "chocolatine chocolatine chocolatine chocolatine "),
            413,
        ),
        ("/api/v1/answer", "{\"question\": \"x\", \"model\": \"chocolatine\"}", 404),
    ];
    for (path, body, status) in cases {
        let answer = post(&server, path, "", body);
        let start: String = body.chars().take(60).collect();
        assert_eq!(answer.status, status, "{start}: {}", answer.text());
        assert!(!answer.text().contains("chocolatine"), "{start}: {}", answer.text());
    }
}

#[test]
fn a_declared_token_is_asked_for_by_both_interfaces() {
    let token = Some(blake3::hash(b"a-long-secret-token"));
    let server =
        Server::start(Scene { settings: Settings { token, ..Settings::default() }, ..Scene::default() });
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}"#;
    let kinds = "Accept: application/json, text/event-stream\r\n";
    let check = |header: &str, expected: bool| {
        let header = format!("{kinds}{header}");
        assert_eq!(post(&server, "/mcp", &header, ping).status != 401, expected, "{header}");
        assert_eq!(
            post(&server, "/v1/chat/completions", &header, &asks("congés")).status == 200,
            expected,
            "{header}"
        );
    };
    check("", false);
    check("Authorization: Bearer wrong\r\n", false);
    check("Authorization: Basic a-long-secret-token\r\n", false);
    check("Authorization: Bearer a-long-secret-token\r\n", true);
    // The page is not behind it.
    assert_eq!(server.get("/api/v1/ask?q=x").status, 200);
}

/// Calls a tool under `/mcp`; gives what it answers.
pub fn tool(server: &Server, name: &str, argument: &str, value: &str) -> String {
    let body = serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": name, "arguments": {argument: value}}});
    let kinds = "Accept: application/json, text/event-stream\r\n";
    let answer = post(server, "/mcp", kinds, &body.to_string());
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text()
}

#[test]
fn programs_read_only_what_the_visitor_may_read() {
    let rules =
        "[[access]]\npath = 'rh/**'\ngroups = ['rh']\n[[access]]\npath = 'legal/**'\neveryone = true\n";
    let server = Server::for_visitor("anne", rules);
    let answer = post(&server, "/v1/chat/completions", "", &asks("télétravail jours par semaine"));
    assert!(!answer.text().contains("deux jours"), "{}", answer.text());
    let call = |name: &str, argument: &str, value: &str| tool(&server, name, argument, value);
    let hidden = server.document("rh/teletravail.txt").to_string();
    for answer in [
        call("fetch", "id", &hidden),
        call("search", "query", "télétravail"),
        call("ask", "question", "télétravail ?"),
    ] {
        assert!(!answer.contains("possible deux jours"), "{answer}");
    }
    let open = server.document("legal/lease.txt").to_string();
    assert!(call("fetch", "id", &open).contains("nine years"));
}

#[test]
fn responses_tell_the_search_and_its_citations_and_refuse_what_is_not_there() {
    let rules = "[[access]]\npath = '**'\neveryone = true\n[[access]]\npath = 'rh/**'\ngroups = ['rh']\n\
        [[collection]]\nname = 'Baux'\nfolders = [{ source = 'papers', path = 'legal/**' }]\n\
        [[collection]]\nname = 'Paie'\nfolders = [{ source = 'papers', path = 'rh/**' }]\n";
    let server = Server::for_visitor("anne", rules);
    let ask = |body: Value| post(&server, "/v1/responses", "", &body.to_string());
    let search = |store: &str| json!([{"type": "file_search", "vector_store_ids": [store]}]);
    let lease = "When does the lease end?";
    let answer = ask(
        json!({"input": lease, "tools": search("intramuros/Baux"), "include": ["file_search_call.results"]}),
    );
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = answer.json();
    let part = &answer["output"][1]["content"][0];
    assert!(part["text"].as_str().unwrap().contains("nine years"), "{answer}");
    let note = &part["annotations"][0];
    let document = server.document("legal/lease.txt").to_string();
    assert_eq!((&note["type"], &note["file_id"]), (&json!("file_citation"), &json!(document)), "{answer}");
    assert_eq!(answer["output"][0]["results"][0]["file_id"], document, "{answer}");
    assert_eq!((&answer["store"], &answer["status"]), (&json!(false), &json!("completed")));
    // What Anne may not read is not in it, nor is the collection of which she may read nothing.
    let telework =
        ask(json!({"input": "télétravail jours par semaine", "include": ["file_search_call.results"]}));
    assert!(telework.status == 200 && !telework.text().contains("deux jours"), "{}", telework.text());
    let streamed = ask(json!({"input": lease, "stream": true}));
    let text = streamed.text();
    let kinds: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    assert_eq!((kinds[0], *kinds.last().unwrap()), ("response.created", "response.completed"));
    assert!(kinds.contains(&"response.output_text.annotation.added"), "{text}");
    for (body, status) in [
        (json!({"input": lease, "tools": search("Paie")}), 404),
        (json!({"input": lease, "tools": search("nobody")}), 404),
        (json!({"input": lease, "model": "nobody"}), 404),
        (json!({"input": lease, "model": "intramuros/Baux", "tools": search("Paie")}), 404),
        (json!({"input": lease, "tools": [{"type": "web_search"}]}), 400),
        (json!({"input": lease, "tools": [{"type": "file_search", "vector_store_ids": ["a", "b"]}]}), 400),
        (json!({"input": lease, "previous_response_id": "resp_1"}), 400),
        (json!({"input": lease, "background": true}), 400),
        (json!({"input": lease, "tool_choice": "none"}), 400),
        (json!({"input": []}), 400),
        (json!({"input": [{"type": "function_call_output", "call_id": "1", "output": "x"}]}), 400),
        (json!({}), 400),
    ] {
        let answer = ask(body.clone());
        assert_eq!(answer.status, status, "{body}: {}", answer.text());
        assert!(!answer.text().contains(lease), "{body}: {}", answer.text());
    }
}
