//! Does every address let in whom the table says, and nobody else?

use std::collections::BTreeSet;

use intramuros_server::{Body, Endpoint, Limits, Need, Rate, Settings, Who, endpoints, table};
use serde_json::json;

use crate::people::{Browser, request, server_with};
use crate::support::Answer;

/// A path of an endpoint that could be there.
fn path(endpoint: &Endpoint) -> String {
    let path =
        endpoint.path.replace("{id}", "987654").replace("{name}", "app.js").replace("{section}", "people");
    path.replace("{provider}", "none").replace("{source}", "none").replace("{*id}", "no/such")
}

fn method(endpoint: &Endpoint) -> &str {
    if endpoint.method == "*" { "POST" } else { endpoint.method }
}

fn patient() -> Settings {
    // Every address of the test is one; it asks more often than people sign in.
    let limits = Limits { sign_in_rate: 1_000.0, sign_in_burst: 10_000.0, ..Limits::default() };
    Settings { limits, ..Settings::default() }
}

fn token(browser: &mut Browser<'_>, scope: &str) -> String {
    let asked = json!({"name": scope, "scopes": [scope], "service": true});
    let made = browser.ask("POST", "/api/v1/tokens", Some(asked));
    assert_eq!(made.status, 200, "{}", made.text());
    made.json()["token"].as_str().unwrap().to_owned()
}

/// Whatever is answered, and to whom: a browser runs nothing of it, shows it in no frame and tells nobody where it was.
fn harmless(answer: &Answer, what: &str) {
    let policy = answer.header("content-security-policy");
    let holds = |part: &str| policy.split(';').any(|one| one.trim() == part);
    assert!(holds("default-src 'none'") && holds("frame-ancestors 'none'"), "{what}: {policy}");
    assert!(!policy.contains("unsafe"), "{what}: {policy}");
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(answer.header(name), value, "{what}");
    }
    for (_, cookie) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
        assert!(cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Lax"), "{what}: {cookie}");
    }
}

#[test]
fn every_address_lets_in_whom_the_table_says_and_nobody_else() {
    let (server, _people) = server_with(patient());
    let mut owner = Browser::of(&server, "anne");
    let mut reader = Browser::of(&server, "remi");
    let scopes = ["read", "write", "administer", "scim"].map(|scope| (scope, token(&mut owner, scope)));
    for endpoint in endpoints() {
        let (method, path) = (method(&endpoint), path(&endpoint));
        let body = matches!(endpoint.body, Body::Json(_)).then(|| json!({}));
        let what = format!("{method} {path}");
        let Who::Role(role) = endpoint.who else {
            let answer = request(&server, method, &path, body.as_ref(), "");
            assert!(![301, 302, 303].contains(&answer.status) && answer.text().len() < 2_000_000, "{what}");
            harmless(&answer, &what);
            continue;
        };
        // Nobody.
        let answer = request(&server, method, &path, body.as_ref(), "");
        let page = answer.status == 303 && answer.header("location").starts_with("/sign-in");
        assert!(answer.status == 401 || page, "{what}: {}", answer.text());
        harmless(&answer, &what);
        assert_eq!(
            page,
            !["/api/", "/v1/", "/mcp", "/scim/"].iter().any(|start| path.starts_with(start)),
            "{what}"
        );
        // A cookie that was made up, and one in a place where it is not taken.
        for cookie in ["Cookie: intramuros=0000\r\n", "Cookie: __Host-intramuros=0000\r\n"] {
            assert_eq!(
                request(&server, method, &path, body.as_ref(), cookie).status,
                answer.status,
                "{what}"
            );
        }
        // A role that is not enough.
        if role > intramuros_accounts::Role::Reader {
            assert_eq!(reader.ask(method, &path, body.clone()).status, 403, "{what}");
        }
        // Tokens: the one with the scope passes the guard, the others don't.
        for (scope, token) in &scopes {
            let header =
                format!("Authorization: Bearer {token}\r\nAccept: application/json, text/event-stream\r\n");
            if path.ends_with("/events") {
                continue;
            }
            let answer = request(&server, method, &path, body.as_ref(), &header);
            harmless(&answer, &format!("{what} with {scope}"));
            let turned_away = answer.status == 403 || answer.status == 401;
            let fits = matches!(endpoint.need, Need::Scope(need) if need.word() == *scope);
            assert_eq!(turned_away, !fits, "{what} with {scope}: {}", answer.text());
        }
    }
}

#[test]
fn what_is_too_large_of_another_kind_or_from_elsewhere_is_refused_everywhere() {
    let (server, _people) = server_with(patient());
    let mut owner = Browser::of(&server, "anne");
    let host = server.address;
    let cookies =
        owner.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
    let send = |endpoint: &Endpoint, headers: &str, body: &str| {
        let (method, path) = (method(endpoint), path(endpoint));
        server.send(&format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nCookie: {cookies}\r\n{headers}\r\n{body}"
        ))
    };
    let own = format!("Origin: http://{host}\r\n");
    // Also those that would end the owner's session: what follows them shows that none did.
    for endpoint in endpoints() {
        let what = format!("{} {}", endpoint.method, endpoint.path);
        let json = format!("{own}Content-Type: application/json\r\n");
        match endpoint.body {
            Body::None => {
                let answer = send(&endpoint, &format!("{json}Content-Length: 2\r\n"), "{}");
                assert_eq!(answer.status, 413, "{what}: {}", answer.text());
            }
            Body::File(most) => {
                let file = format!("{own}Content-Type: application/octet-stream\r\n");
                let answer = send(&endpoint, &format!("{file}Content-Length: {}\r\n", most + 1), "");
                assert_eq!(answer.status, 413, "{what}: {}", answer.text());
                for kind in ["text/plain", "multipart/form-data; boundary=x", "application/json", ""] {
                    let headers = format!("{own}Content-Type: {kind}\r\nContent-Length: 2\r\n");
                    assert_eq!(send(&endpoint, &headers, "{}").status, 415, "{what} {kind}");
                }
            }
            Body::Json(most) => {
                let answer = send(&endpoint, &format!("{json}Content-Length: {}\r\n", most + 1), "");
                assert_eq!(answer.status, 413, "{what}: {}", answer.text());
                for kind in
                    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
                {
                    let headers = format!("{own}Content-Type: {kind}\r\nContent-Length: 2\r\n");
                    assert_eq!(send(&endpoint, &headers, "{}").status, 415, "{what} {kind}");
                }
                let broken = send(&endpoint, &format!("{json}Content-Length: 1\r\n"), "{");
                assert!((400..500).contains(&broken.status), "{what}: {}", broken.status);
            }
        }
        if endpoint.method == "GET" {
            continue;
        }
        let plain = match endpoint.body {
            Body::Json(_) => "Content-Type: application/json\r\nContent-Length: 2\r\n",
            Body::File(_) => "Content-Type: application/octet-stream\r\nContent-Length: 2\r\n",
            Body::None => "",
        };
        let body = if plain.is_empty() { "" } else { "{}" };
        for from in [
            "Origin: https://evil.example\r\n",
            "Origin: null\r\n",
            "Sec-Fetch-Site: cross-site\r\n",
            "Sec-Fetch-Site: same-site\r\n",
        ] {
            assert_eq!(send(&endpoint, &format!("{from}{plain}"), body).status, 403, "{what} {from}");
        }
        // With the cookie, and without a word on which page asks.
        if matches!(endpoint.who, Who::Role(_)) {
            let answer = send(&endpoint, plain, body);
            let told = answer.json();
            // OpenAI's clients read the word elsewhere.
            let word = if endpoint.path.starts_with("/v1/") { &told["error"]["code"] } else { &told["kind"] };
            assert_eq!((answer.status, word.as_str()), (403, Some("refused")), "{what}");
        }
    }
    // All of that changed nothing.
    assert_eq!(owner.json("/api/v1/people")["total"], 4);
}

#[test]
fn whoever_tries_to_come_in_again_and_again_has_to_wait_wherever_it_is_tried() {
    let limits = Limits { sign_in_rate: 0.001, sign_in_burst: 3.0, ..Limits::default() };
    let trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    let (server, _people) = server_with(Settings { limits, trusted_proxies, ..Settings::default() });
    let rows: Vec<Endpoint> =
        endpoints().into_iter().filter(|endpoint| endpoint.rate == Rate::SignIn).collect();
    for path in ["session", "first-owner", "invitation", "passphrase"].map(|name| format!("/api/v1/{name}")) {
        assert!(rows.iter().any(|row| row.path == path), "{path}");
    }
    for (number, row) in (1..).zip(&rows) {
        let (method, path) = (method(row), path(row));
        let body = matches!(row.body, Body::Json(_)).then(|| json!({}));
        // Each row is tried from an address of its own, which has all its attempts left.
        let from = format!("X-Forwarded-For: 192.0.2.{number}\r\n");
        let answers: Vec<Answer> =
            (0..5).map(|_| request(&server, method, &path, body.as_ref(), &from)).collect();
        let waits: Vec<bool> = answers.iter().map(|answer| answer.status == 429).collect();
        assert_eq!(waits, [false, false, false, true, true], "{method} {path}");
        assert_eq!(answers[4].json()["kind"], "wait", "{method} {path}");
        assert!(answers[4].header("retry-after").parse::<u32>().unwrap() >= 1, "{method} {path}");
        // Anything else can be asked for meanwhile.
        assert_eq!(request(&server, "GET", "/api/v1/session", None, &from).status, 200, "{method} {path}");
    }
}

#[test]
fn what_belongs_to_another_is_not_there() {
    let (server, _people) = server_with(patient());
    let mut rose = Browser::of(&server, "rose");
    let mut remi = Browser::of(&server, "remi");
    let made = rose.ask("POST", "/api/v1/tokens", Some(json!({"name": "scripts", "scopes": ["read"]})));
    let token = made.json()["about"]["id"].as_i64().unwrap();
    let session = rose.json("/api/v1/sessions")["sessions"][0]["id"].as_i64().unwrap();
    for (one, missing) in [
        (format!("/api/v1/tokens/{token}"), "/api/v1/tokens/987654"),
        (format!("/api/v1/sessions/{session}"), "/api/v1/sessions/987654"),
    ] {
        let (other, absent) = (remi.ask("DELETE", &one, None), remi.ask("DELETE", missing, None));
        assert_eq!((other.status, &other.body), (404, &absent.body), "{one}");
    }
    for list in ["/api/v1/tokens", "/api/v1/sessions"] {
        assert!(!remi.get(list).text().contains("rose"), "{list}");
        assert_eq!(remi.get(&format!("{list}?all=true")).status, 403);
    }
    assert_eq!(rose.ask("DELETE", &format!("/api/v1/tokens/{token}"), None).status, 204);
}

#[test]
fn the_documentation_shows_the_table_as_it_is() {
    let file = intramuros_testkit::package_folder(env!("CARGO_MANIFEST_DIR")).join("../../docs/accounts.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let table = table();
    if !text.contains(&table) {
        // Written anew on demand, so that nobody copies it by hand.
        if std::env::var_os("UPDATE_TABLE").is_some() {
            let (start, rest) = text.split_once("<!-- table -->\n").unwrap();
            let (_, end) = rest.split_once("<!-- end of table -->").unwrap();
            std::fs::write(&file, format!("{start}<!-- table -->\n{table}<!-- end of table -->{end}"))
                .unwrap();
            return;
        }
        panic!("docs/accounts.md shows another table; UPDATE_TABLE=1 writes it anew:\n{table}");
    }
    let paths: BTreeSet<(&str, &str)> =
        endpoints().iter().map(|endpoint| (endpoint.method, endpoint.path)).collect();
    assert_eq!(paths.len(), endpoints().len(), "an address stands twice");
}
