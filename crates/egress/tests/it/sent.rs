//! Does what is declared work: TLS, own authorities, client certificates, proxies, streams, limits?

use std::time::{Duration, Instant};

use intramuros_core::perimeter::Purpose;
use intramuros_egress::blocking::Blocking;
use intramuros_egress::{EgressError, Request};
use std::io::{Read, Write};

use crate::support::{Authority, Server, client, moved, ok, rule, rule_here};

const FOR: Purpose = Purpose::Answers;

#[tokio::test]
async fn a_declared_request_is_sent_counted_and_written_down() {
    let server = Server::http(|request| ok(&format!("{} bytes", request.len())));
    let (egress, decisions) = client(&rule_here(server.port));
    let url = format!("http://127.0.0.1:{}/v1/x?y=1#z", server.port);
    for _ in 0..3 {
        let request = Request::post(FOR, &url, "application/json", "{}").bearer("secret").unwrap();
        let mut response = egress.send(request).await.unwrap();
        assert_eq!(response.status, 200);
        assert!(response.bytes().await.unwrap().ends_with(b"bytes"));
    }
    // One connection served all three; each was a decision of its own.
    assert_eq!(server.count(), 1);
    assert_eq!(decisions.lock().unwrap().iter().filter(|decision| decision.verdict == Ok(0)).count(), 3);
    let request = server.requests.lock().unwrap()[0].clone();
    assert!(request.starts_with("POST /v1/x?y=1 HTTP/1.1\r\n"), "{request}");
    let head = request.to_lowercase();
    assert!(head.contains(&format!("host: 127.0.0.1:{}\r\n", server.port)) && head.contains("bearer secret"));
    assert!(head.contains("user-agent: intramuros\r\n") && head.contains("accept-encoding: identity\r\n"));
    let account = &egress.accounts()[0];
    assert_eq!((account.allowed, account.refused, account.purpose), (3, 0, FOR));
    assert!(account.bytes_out > 300 && account.bytes_in > 100 && account.last_ms > 0);
}

#[tokio::test]
async fn tls_needs_the_right_authority_and_the_right_name() {
    let (ours, theirs) = (Authority::new("api.example"), Authority::new("api.example"));
    let server = Server::https(&ours, false, |_| ok("hello"));
    let fetch = async |host: &str, authority: &Authority| {
        let more = format!("addresses = ['127.0.0.1']\nca_file = '{}'", authority.path("ca.pem"));
        let (egress, _) = client(&rule(host, server.port, &more));
        let mut response = egress.send(Request::get(FOR, format!("https://{host}:{}/", server.port))).await?;
        response.bytes().await
    };
    assert_eq!(fetch("api.example", &ours).await.unwrap(), b"hello");
    assert!(matches!(fetch("api.example", &theirs).await, Err(EgressError::Tls { .. })));
    assert!(matches!(fetch("other.example", &ours).await, Err(EgressError::Tls { .. })));
    // Without a list of authorities there is no connection, rather than one without proof.
    let (egress, _) = client(&rule("api.example", server.port, "addresses = ['127.0.0.1']"));
    let refused = egress.send(Request::get(FOR, format!("https://api.example:{}/", server.port))).await;
    assert!(matches!(refused, Err(EgressError::Setup(_))));
}

#[tokio::test]
async fn a_client_certificate_is_shown_where_declared() {
    let authority = Authority::new("api.example");
    let server = Server::https(&authority, true, |_| ok("known"));
    let base = format!("addresses = ['127.0.0.1']\nca_file = '{}'\n", authority.path("ca.pem"));
    let with = format!(
        "{base}certificate_file = '{}'\nkey_file = '{}'",
        authority.path("client.pem"),
        authority.path("client.key")
    );
    let fetch = async |more: &str| {
        let (egress, _) = client(&rule("api.example", server.port, more));
        let mut response =
            egress.send(Request::get(FOR, format!("https://api.example:{}/", server.port))).await?;
        response.bytes().await
    };
    assert_eq!(fetch(&with).await.unwrap(), b"known");
    assert!(fetch(&base).await.is_err());
}

#[tokio::test]
async fn a_proxy_is_asked_to_open_the_way_and_sees_no_content() {
    let authority = Authority::new("api.example");
    let server = Server::https(&authority, false, |_| ok("through"));
    let proxy = Server::proxy(server.port);
    let credentials = authority.path("proxy-credentials");
    std::fs::write(&credentials, "user:pass\n").unwrap();
    let text = format!(
        "[proxy]\nhost = '127.0.0.1'\nport = {}\ncredentials_file = '{credentials}'\n{}",
        proxy.port,
        rule("api.example", 443, &format!("ca_file = '{}'", authority.path("ca.pem")))
    );
    let (egress, decisions) = client(&text);
    let mut response = egress.send(Request::get(FOR, "https://api.example/")).await.unwrap();
    assert_eq!(response.bytes().await.unwrap(), b"through");
    let asked = proxy.requests.lock().unwrap()[0].clone();
    assert_eq!(
        asked,
        "CONNECT api.example:443 HTTP/1.1\r\nHost: api.example:443\r\nProxy-Authorization: Basic dXNlcjpwYXNz\r\n\r\n"
    );
    assert_eq!(decisions.lock().unwrap()[0].verdict, Ok(0));
    // What is not declared does not reach the proxy either.
    assert!(egress.send(Request::get(FOR, "https://evil.example/")).await.is_err());
    assert_eq!(proxy.count(), 1);
}

#[tokio::test]
async fn redirections_are_followed_within_the_rules_when_asked() {
    let last = Server::http(|request| {
        ok(if request.to_lowercase().contains("authorization") { "leaked" } else { "end" })
    });
    let to = format!("http://127.0.0.1:{}/end", last.port);
    let first = Server::http(move |request| match request.split(' ').nth(1) {
        Some("/a/start") => moved(302, "next?x=1"),
        Some("/a/next?x=1") => moved(307, "/b"),
        Some("/loop") => moved(302, "/loop"),
        _ => moved(301, &to),
    });
    let (egress, _) = client(&(rule_here(first.port) + &rule_here(last.port)));
    let url = |path: &str| format!("http://127.0.0.1:{}{path}", first.port);
    // None is followed unless asked.
    assert_eq!(egress.send(Request::get(FOR, url("/a/start"))).await.unwrap().status, 302);
    let ask = |path: &str| {
        let request = Request { redirections: 5, ..Request::post(FOR, url(path), "text/plain", "x") };
        request.bearer("secret").unwrap()
    };
    let mut response = egress.send(ask("/a/start")).await.unwrap();
    assert_eq!(response.bytes().await.unwrap(), b"end");
    assert!(response.url.ends_with("/end"));
    assert!(matches!(egress.send(ask("/loop")).await, Err(EgressError::Refused(_))));
}

#[tokio::test]
async fn answers_are_bounded_in_bytes_and_time() {
    let server = Server::http(|request| {
        if request.contains("/endless") {
            format!("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n{}", "x".repeat(500_000))
        } else if request.contains("/headers") {
            format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(200_000))
        } else if request.contains("/nonsense") {
            "GARBAGE\r\n\r\n".to_owned()
        } else {
            std::thread::sleep(Duration::from_secs(20));
            String::new()
        }
    });
    let (egress, _) = client(&rule_here(server.port));
    let ask = async |path: &str| {
        let mut request = Request::get(FOR, format!("http://127.0.0.1:{}{path}", server.port));
        (request.answer_bytes, request.wait) = (100_000, Duration::from_millis(400));
        let mut response = egress.send(request).await?;
        response.bytes().await
    };
    assert!(matches!(ask("/endless").await, Err(EgressError::TooLarge { limit: 100_000, .. })));
    assert!(matches!(ask("/headers").await, Err(EgressError::Http { .. })));
    assert!(matches!(ask("/nonsense").await, Err(EgressError::Http { .. })));
    let started = Instant::now();
    assert!(matches!(ask("/slow").await, Err(EgressError::TimedOut { .. })));
    assert!(started.elapsed() < Duration::from_secs(5));
    let closed = client(&rule_here(1)).0.send(Request::get(FOR, "http://127.0.0.1:1/")).await;
    assert!(closed.is_err_and(|error| error.is_passing()));
}

#[tokio::test]
async fn a_stream_comes_as_it_is_written() {
    let server = Server::http(|_| {
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n".to_owned()
    });
    let (egress, _) = client(&rule_here(server.port));
    let mut response =
        egress.send(Request::get(FOR, format!("http://127.0.0.1:{}/", server.port))).await.unwrap();
    let mut text = Vec::new();
    while let Some(piece) = response.chunk().await.unwrap() {
        text.extend_from_slice(&piece);
    }
    assert_eq!(text, b"onetwo");
}

#[test]
fn callers_without_a_runtime_are_served() {
    let server = Server::http(|_| ok("waited"));
    let (egress, _) = client(&rule_here(server.port));
    let blocking = Blocking::new(egress).unwrap();
    for _ in 0..2 {
        let answer = blocking.send(Request::get(FOR, format!("http://127.0.0.1:{}/", server.port))).unwrap();
        assert_eq!((answer.status.as_u16(), answer.body.as_slice()), (200, b"waited".as_slice()));
    }
    let mut stream = blocking.connect(FOR, "127.0.0.1", server.port).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut start = [0; 12];
    stream.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"HTTP/1.1 200");
    assert!(blocking.connect(FOR, "127.0.0.1", server.port ^ 1).is_err());
}
