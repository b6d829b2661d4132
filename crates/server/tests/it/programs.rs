//! What do programs get under `/v1` and `/mcp`, and what when they ask wrongly?
//!
//! The real clients are in `tests/peers`; here is what they don't do.

use std::sync::Arc;
use std::time::Duration;

use intramuros_dialogue::Writers;
use intramuros_egress::{Decision, Egress, Surroundings};
use intramuros_server::{Limits, Settings};
use serde_json::{Value, json};

use crate::injection::{declared, obedient_model};
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
    let stores = |stores: &[&str]| json!([{"type": "file_search", "vector_store_ids": stores}]);
    let search = |store: &str| stores(&[store]);
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
        (json!({"input": lease, "tools": stores(&["a", "b"])}), 400),
        (json!({"input": lease, "tools": stores(&["Baux", "intramuros"])}), 400),
        (json!({"input": lease, "tools": [search("Baux")[0], search("intramuros")[0]]}), 400),
        (json!({"input": lease, "tools": stores(&["Baux", "intramuros/Baux"])}), 200),
        (json!({"input": lease, "tools": stores(&["intramuros"])}), 200),
        (json!({"input": lease, "stream": null, "tools": null, "include": null}), 200),
        (json!({"input": lease, "tool_choice": {"type": "file_search"}}), 200),
        (json!({"input": lease, "tool_choice": {"type": "function", "name": "x"}}), 400),
        (json!({"input": lease, "text": {"format": {"type": "json_object"}}}), 400),
        (json!({"input": lease, "previous_response_id": "resp_1"}), 400),
        (json!({"input": lease, "background": true}), 400),
        (json!({"input": lease, "tool_choice": "none"}), 400),
        (json!({"input": []}), 400),
        (json!({"input": [{"type": "function_call_output", "call_id": "1", "output": "x"}]}), 400),
        (json!({}), 400),
    ] {
        let answer = ask(body.clone());
        assert_eq!(answer.status, status, "{body}: {}", answer.text());
        let repeats = answer.text().contains(lease);
        assert!(status == 200 || !repeats, "{body}: {}", answer.text());
    }
}

#[test]
fn what_real_clients_send_is_taken_and_what_they_would_wait_for_in_vain_is_refused() {
    let server = Server::start(Scene::default());
    let check = |path: &str, more: Value, status: u16, told: &str| {
        let mut body = json!({"messages": [{"role": "user", "content": "When does the lease end?"}]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = post(&server, path, "", &body.to_string());
        assert_eq!(answer.status, status, "{more}: {}", answer.text());
        assert!(answer.text().contains(told), "{more}: {}", answer.text());
    };
    let chat = |more: Value, status: u16, told: &str| check("/v1/chat/completions", more, status, told);
    let answered = "\"object\":\"chat.completion\"";
    chat(json!({"stream": null, "stream_options": null, "n": null}), 200, answered);
    chat(json!({"stream": false, "stream_options": {"include_usage": null}, "n": 1}), 200, answered);
    chat(json!({"stream": true, "stream_options": {"include_usage": true}}), 200, "\"prompt_tokens\":");
    chat(json!({"temperature": 0.7, "top_p": 1, "tools": [], "tool_choice": "auto"}), 200, answered);
    chat(json!({"tool_choice": null, "response_format": {"type": "text"}}), 200, answered);
    chat(json!({"n": 2}), 400, "`n`");
    chat(json!({"tool_choice": "required"}), 400, "`tool_choice`");
    chat(json!({"tool_choice": {"type": "function", "function": {"name": "x"}}}), 400, "`tool_choice`");
    for format in ["json_object", "json_schema"] {
        chat(json!({"response_format": {"type": format}}), 400, "of no other format");
    }
    let embed = |input: Value, status: u16, told: &str| {
        check("/v1/embeddings", json!({"input": input}), status, told);
    };
    embed(json!([]), 400, "no text");
    embed(json!([1, 2, 3]), 400, "check_embedding_ctx_length=False");
    embed(json!([[1, 2], [3]]), 400, "check_embedding_ctx_length=False");
    embed(json!({"text": "x"}), 400, "a text or a list of texts");
    embed(json!(["x"].repeat(2_049)), 413, "2048");
    // As many as OpenAI takes; there is no model here that embeds.
    embed(json!(["x"].repeat(2_048)), 404, "no such model");
}

#[test]
fn a_model_is_described_by_its_name_to_who_may_use_it() {
    let rules = "[[access]]\npath = '**'\neveryone = true\n[[access]]\npath = 'rh/**'\ngroups = ['rh']\n\
        [[collection]]\nname = 'Baux'\nfolders = [{ source = 'papers', path = 'legal/**' }]\n\
        [[collection]]\nname = 'Paie'\nfolders = [{ source = 'papers', path = 'rh/**' }]\n";
    let server = Server::for_visitor("anne", rules);
    for (path, name) in [
        ("intramuros", "intramuros"),
        ("intramuros/Baux", "intramuros/Baux"),
        ("intramuros%2FBaux", "intramuros/Baux"),
        ("e5-small-fr-en", "e5-small-fr-en"),
    ] {
        let model = server.json(&format!("/v1/models/{path}"));
        assert_eq!((&model["id"], &model["object"]), (&json!(name), &json!("model")), "{path}");
    }
    // What Anne may not read anything of is not there, as what is not there.
    for path in ["intramuros/Paie", "intramuros/Nobody", "nobody", "Baux", "%FF"] {
        let answer = server.get(&format!("/v1/models/{path}"));
        is_told_as_openai_does(&answer, 404, "not_found_error", "not_found");
    }
}

#[test]
fn a_streamed_refusal_begins_with_its_words() {
    let server = Server::start(Scene { files: &[("a.txt", "# Bail\n\nNeuf ans.\n")], ..Scene::default() });
    let question = "zirconium wolframite";
    let chat = json!({"messages": [{"role": "user", "content": question}], "stream": true});
    let streamed = post(&server, "/v1/chat/completions", "", &chat.to_string()).text();
    let events = streamed.lines().filter_map(|line| line.strip_prefix("data: {"));
    let contents: String = events
        .filter_map(|event| {
            let event: Value = serde_json::from_str(&format!("{{{event}")).ok()?;
            Some(event["choices"][0]["delta"]["content"].as_str()?.to_owned())
        })
        .collect();
    assert!(contents.starts_with("Rien dans les documents ne répond."), "{contents:?}");
    let response = json!({"input": question});
    let told = post(&server, "/v1/responses", "", &response.to_string()).json();
    let text = told["output"][1]["content"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("Rien dans les documents ne répond."), "{text:?}");
}

/// Looks at a failure as OpenAI's clients read it: one `error` with its four fields.
fn is_told_as_openai_does(answer: &Answer, status: u16, kind: &str, code: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!((answer.header("content-type"), answer.header("content-encoding")), ("application/json", ""));
    let told = answer.json();
    let error = told["error"].as_object().unwrap_or_else(|| panic!("no error: {told}"));
    assert_eq!((told.as_object().unwrap().len(), error.len()), (1, 4), "{told}");
    assert_eq!((&error["type"], &error["code"], &error["param"]), (&json!(kind), &json!(code), &Value::Null));
    assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{told}");
}

#[test]
fn failures_are_told_to_clients_of_openai_in_the_form_that_they_read() {
    let token = Some(blake3::hash(b"a-long-secret-token"));
    let server =
        Server::start(Scene { settings: Settings { token, ..Settings::default() }, ..Scene::default() });
    let own = "Authorization: Bearer a-long-secret-token\r\n";
    let send = |method: &str, path: &str, headers: &str| {
        let host = server.address;
        server
            .send(&format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n"))
    };
    let nobody = json!({"model": "nobody", "input": "x", "messages": [{"role": "user", "content": "x"}]});
    for path in ["/v1/chat/completions", "/v1/responses", "/v1/embeddings"] {
        // From the guard.
        let stranger = post(&server, path, "", "{}");
        is_told_as_openai_does(&stranger, 401, "authentication_error", "invalid_api_key");
        assert_eq!(stranger.header("www-authenticate"), "Bearer");
        let elsewhere = send("POST", path, &format!("{own}Origin: https://evil.example\r\n"));
        is_told_as_openai_does(&elsewhere, 403, "permission_error", "refused");
        let json = format!("{own}Content-Type: application/json\r\n");
        let large = send("POST", path, &format!("{json}Content-Length: 99999999\r\n"));
        is_told_as_openai_does(&large, 413, "invalid_request_error", "too_large");
        let plain = send("POST", path, &format!("{own}Content-Type: text/plain\r\nContent-Length: 2\r\n"));
        is_told_as_openai_does(&plain, 415, "invalid_request_error", "unsupported");
        // From the router.
        is_told_as_openai_does(&send("GET", path, own), 405, "invalid_request_error", "wrong_method");
        // From the handler, and shrunk by its route.
        is_told_as_openai_does(&post(&server, path, own, "{"), 400, "invalid_request_error", "bad_request");
        let shrunk = format!("{own}Accept-Encoding: gzip\r\n");
        let unknown = post(&server, path, &shrunk, &nobody.to_string());
        is_told_as_openai_does(&unknown, 404, "not_found_error", "not_found");
        // What to do next is where clients show it.
        let message = unknown.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.starts_with("there is no such model; "), "{message}");
    }
    is_told_as_openai_does(&send("GET", "/v1/models", ""), 401, "authentication_error", "invalid_api_key");
    is_told_as_openai_does(&send("GET", "/v1/nothing", own), 404, "not_found_error", "not_found");
    // Others are told in our words, as before.
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}"#;
    assert_eq!(post(&server, "/mcp", "", ping).json()["kind"], "refused");
    assert_eq!(server.get("/api/v1/search?limit=x").json()["kind"], "bad_request");
}

#[test]
fn clients_of_openai_are_told_that_it_is_too_often_or_too_much() {
    let often = Server::with_limits(Limits { rate: 0.001, burst: 1.0, ..Limits::default() });
    assert_eq!(often.get("/v1/models").status, 200);
    is_told_as_openai_does(&often.get("/v1/models"), 429, "rate_limit_error", "rate_limit_exceeded");
    let full =
        Server::with_limits(Limits { at_once: 0, wait: Duration::from_millis(50), ..Limits::default() });
    let busy = full.get("/v1/models");
    is_told_as_openai_does(&busy, 503, "server_error", "busy");
    assert_eq!(busy.header("retry-after"), "1");
}

#[test]
fn a_window_too_small_for_tools_is_used_without_them() {
    let check = |window: u32, expected: usize| {
        let (port, asked) = obedient_model();
        let mut perimeter = declared(port, true);
        perimeter.models[0].context_tokens = Some(window);
        let egress =
            Egress::new(&perimeter, Surroundings::default(), Arc::new(|_: &Decision| Ok(()))).unwrap();
        let writers = Writers::new(&perimeter, &egress).unwrap();
        let server = Server::start(Scene { writers, ..Scene::default() });
        let answer = post(&server, "/v1/chat/completions", "", &asks("télétravail jours par semaine"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let request = asked.lock().unwrap().first().cloned().expect("the model is asked");
        let offered = request["tools"].as_array().map_or(0, Vec::len);
        assert_eq!(offered, expected, "{window}: {request}");
    };
    check(1_024, 0);
    check(1_536, 3);
    check(8_192, 3);
}
