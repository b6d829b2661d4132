//! Who is turned away before anything is asked?

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use intramuros_server::{Limits, Settings, check_address};

use crate::support::{Answer, Scene, Server};

fn kind(answer: &Answer) -> String {
    answer.json()["kind"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn only_our_own_name_is_answered() {
    let server = Server::start(Scene::default());
    let port = server.address.port();
    let check = |head: &str, expected: u16| {
        let answer = server.send(&format!("GET /api/v1/health HTTP/1.1\r\n{head}Connection: close\r\n\r\n"));
        assert_eq!(answer.status, expected, "{head}: {}", answer.text());
    };
    check(&format!("Host: 127.0.0.1:{port}\r\n"), 200);
    check(&format!("Host: localhost:{port}\r\n"), 200);
    check(&format!("Host: rebound.example:{port}\r\n"), 421);
    check("Host: localhost\r\n", 421);
    check("", 421);
    check(&format!("Host: localhost:{port}\r\nHost: rebound.example:{port}\r\n"), 421);
    let absolute = format!(
        "GET http://rebound.example/api/v1/health HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n"
    );
    assert_eq!(server.send(&absolute).status, 421);
}

#[test]
fn pages_of_other_sites_may_not_ask() {
    let server = Server::start(Scene::default());
    let port = server.address.port();
    let check = |path: &str, headers: &str, expected: u16| {
        let answer = server.get_with(path, headers);
        assert_eq!(answer.status, expected, "{path} {headers}");
        assert_eq!(answer.header("access-control-allow-origin"), "");
    };
    let api = "/api/v1/search?q=clou";
    check(api, "Sec-Fetch-Site: same-origin\r\n", 200);
    check(api, "Sec-Fetch-Site: none\r\n", 200);
    check(api, "Sec-Fetch-Site: cross-site\r\n", 403);
    check(api, "Sec-Fetch-Site: same-site\r\n", 403);
    check(api, "Origin: http://evil.example\r\n", 403);
    check(api, "Origin: null\r\n", 403);
    check(api, &format!("Origin: http://localhost:{port}\r\n"), 200);
    // Another program on this machine serves another origin.
    check(api, &format!("Origin: http://localhost:{}\r\n", port.wrapping_add(1)), 403);
    let followed = "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
    check("/?q=clou", followed, 200);
    check(api, followed, 403);
    check("/", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n", 403);
}

#[test]
fn every_answer_carries_the_headers_that_keep_it_harmless() {
    let server = Server::start(Scene::default());
    for path in ["/", "/assets/app.js", "/api/v1/health", "/api/v1/documents/1", "/nowhere", "/api/v1/search"]
    {
        let answer = server.get(path);
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}");
        assert!(!policy.contains("unsafe"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert!(!answer.header("x-request-id").is_empty(), "{path}");
    }
    let page = server.get("/").text();
    assert!(!page.contains("<script>") && !page.contains("style=") && !page.contains(" on"), "{page}");
    assert!(!page.contains("http"), "nothing comes from elsewhere");
}

#[test]
fn who_is_slow_or_opens_many_connections_does_not_keep_others_out() {
    let limits = Limits { connections: 8, body_time: Duration::from_millis(500), ..Limits::default() };
    let server = Server::with_limits(limits);
    // A body that never comes to its end is answered all the same, and its connection closed.
    let host = server.address;
    let slow = format!(
        "POST /api/v1/answer HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{{"
    );
    let answer = server.send(&slow);
    assert_eq!((answer.status, kind(&answer).as_str()), (408, "late"));
    // One address has half of the connections; another is let in beside it.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let connect = |from: [u8; 4]| {
        let stream = runtime.block_on(async {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind((from, 0).into()).unwrap();
            socket.connect(host).await.unwrap().into_std().unwrap()
        });
        stream.set_nonblocking(false).unwrap();
        stream
    };
    let many: Vec<TcpStream> = (0..20).map(|_| connect([127, 0, 0, 9])).collect();
    let mut other = connect([127, 0, 0, 8]);
    let ask = format!("GET /api/v1/health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    other.write_all(ask.as_bytes()).unwrap();
    let mut said = String::new();
    other.read_to_string(&mut said).unwrap();
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    drop(many);
}

#[test]
fn assets_are_asked_again_and_sent_once() {
    let server = Server::start(Scene::default());
    let tag = server.get("/assets/style.css").header("etag").to_owned();
    assert!(!tag.is_empty());
    let again = server.get_with("/assets/style.css", &format!("If-None-Match: {tag}\r\n"));
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(server.get("/assets/../Cargo.toml").status, 404);
    assert_eq!(server.get("/assets/..%2F..%2Fetc%2Fpasswd").status, 404);
}

#[test]
fn the_first_page_weighs_less_than_60_kilobytes() {
    let server = Server::start(Scene::default());
    let page = server.get("/").text();
    let names: Vec<&str> = page.split('"').filter(|part| part.starts_with("/assets/")).collect::<Vec<_>>();
    let mut bytes = 0;
    for path in std::iter::once("/").chain(names) {
        let answer = server.get_with(path, "Accept-Encoding: gzip\r\n");
        assert_eq!((answer.status, answer.header("content-encoding")), (200, "gzip"), "{path}");
        bytes += answer.body.len();
    }
    assert!(bytes < 60_000, "{bytes} bytes");
}

#[test]
fn methods_bodies_and_heads_beyond_the_limits_are_refused() {
    let server = Server::start(Scene::default());
    let host = server.address;
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let request =
            format!("{method} /api/v1/search?q=a HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = server.send(&request);
        assert_eq!((answer.status, kind(&answer).as_str()), (405, "wrong_method"), "{method}");
    }
    let body = server.get_with("/api/v1/search?q=a", "Content-Length: 5\r\n\r\nhello");
    assert_eq!((body.status, kind(&body).as_str()), (413, "too_large"));
    let path = server.get(&format!("/{}", "a".repeat(2_000)));
    assert_eq!(path.status, 400);
    let head = server.get_with("/", &format!("X: {}\r\n", "a".repeat(200_000)));
    assert!(matches!(head.status, 0 | 431), "{}", head.status);
    assert_eq!(server.send("nonsense\r\n\r\n").status, 400);
    let missing = server.get("/api/v1/nowhere");
    assert_eq!((missing.status, kind(&missing).as_str()), (404, "not_found"));
    let person = server.get_with("/nowhere", "Accept: text/html\r\n");
    assert_eq!((person.status, person.header("content-type")), (404, "text/html; charset=utf-8"));
}

#[test]
fn a_person_who_opens_an_address_that_fails_sees_a_page() {
    let server = Server::start(Scene::default());
    let opened = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Site: same-origin\r\n";
    let check = |path: &str, headers: &str, status: u16, expected: &str| {
        let answer = server.get_with(path, headers);
        assert_eq!((answer.status, answer.header("content-type")), (status, "text/html; charset=utf-8"));
        assert!(answer.text().contains(expected), "{path}: {}", answer.text());
        assert!(answer.header("content-security-policy").contains("default-src 'none'"));
    };
    let french = format!("{opened}Accept-Language: fr-FR,fr;q=0.9,en;q=0.5\r\n");
    let original = "/api/v1/documents/999/original";
    check(original, &french, 404, "<p>Il n’y a rien à cette adresse, ou rien que vous puissiez lire.</p>");
    check(original, opened, 404, "<p>There is no such thing here, or it is not yours to read.</p>");
    check("/api/v1/search?limit=x", opened, 400, "<html lang=\"en\">");
    // What a program asks for is answered with words for programs.
    assert_eq!(kind(&server.get(original)), "not_found");
}

#[test]
fn one_address_can_not_ask_without_end() {
    let server = Server::with_limits(Limits { rate: 0.001, burst: 3.0, ..Limits::default() });
    let statuses: Vec<u16> = (0..5).map(|_| server.get("/api/v1/health").status).collect();
    assert_eq!(statuses, [200, 200, 200, 429, 429]);
}

#[test]
fn what_takes_too_long_or_finds_no_turn_is_given_up() {
    // Clocks here tick by the millisecond: what is asked must take longer than that.
    let long = "Une ligne parmi beaucoup d’autres.\n".repeat(3_000);
    let settings =
        Settings { limits: Limits { time: Duration::ZERO, ..Limits::default() }, ..Settings::default() };
    let slow = Server::start(Scene { files: &[("long.txt", &long)], settings, ..Scene::default() });
    let answer = slow.get(&format!("/api/v1/documents/{}", slow.document("long.txt")));
    assert_eq!((answer.status, kind(&answer).as_str()), (504, "slow"));
    let full =
        Server::with_limits(Limits { at_once: 0, wait: Duration::from_millis(50), ..Limits::default() });
    let answer = full.get("/api/v1/search?q=clou");
    assert_eq!((answer.status, kind(&answer).as_str()), (503, "busy"));
    assert_eq!(full.get("/api/v1/health").status, 200);
    let unwatched = Server::with_limits(Limits { streams: 0, ..Limits::default() });
    assert_eq!(unwatched.get("/api/v1/events").status, 503);
}

#[test]
fn other_machines_are_not_served_unless_people_sign_in() {
    let check = |address: &str, allowed: bool| {
        let result = check_address(address.parse().unwrap(), false);
        assert_eq!(result.is_ok(), allowed, "{address}");
        if let Err(error) = result {
            assert!(error.message.contains("sign in") && !error.hints.is_empty());
        }
        assert!(check_address(address.parse().unwrap(), true).is_ok());
    };
    check("127.0.0.1:7171", true);
    check("[::1]:7171", true);
    check("0.0.0.0:7171", false);
    check("[::]:7171", false);
    check("192.168.1.5:80", false);
}

#[test]
fn behind_a_proxy_that_nobody_declared_nobody_is_the_owner() {
    let server = Server::start(Scene::default());
    for header in [
        "X-Forwarded-For: 203.0.113.1",
        "X-Forwarded-Proto: https",
        "Forwarded: for=203.0.113.1",
        "Via: 1.1 x",
    ] {
        let answer = server.get_with("/api/v1/search?q=clou", &format!("{header}\r\n"));
        assert_eq!((answer.status, kind(&answer).as_str()), (403, "refused"), "{header}");
    }
}
