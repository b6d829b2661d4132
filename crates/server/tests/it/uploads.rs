//! Is what people bring kept, read, given to whom they chose and to nobody else, and gone when they take it away?

use std::time::{Duration, Instant};

use intramuros_core::access::Principal;
use intramuros_server::Settings;
use serde_json::{Value, json};

use crate::support::{Answer, Scene, Server};

const SOURCE: &str = "[[source]]\nname = \"dons\"\nkind = \"uploads\"\n";

fn server(visitor: Principal) -> Server {
    let settings = Settings { visitor, ..Settings::default() };
    Server::start(Scene { files: &[], rules: SOURCE, settings, ..Scene::default() })
}

/// Sends a file as the owner.
fn bring(server: &Server, query: &str, text: &str) -> Answer {
    let (host, length) = (server.address, text.len());
    server.send(&format!(
        "POST /api/v1/uploads?{query} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: \
         application/octet-stream\r\nContent-Length: {length}\r\n\r\n{text}"
    ))
}

/// What was brought, once everything is read.
fn brought(server: &Server) -> Vec<Value> {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let uploads = server.json("/api/v1/uploads")["uploads"].as_array().unwrap().clone();
        if uploads.iter().all(|upload| upload["state"] != "waiting") {
            return uploads;
        }
        assert!(Instant::now() < until, "{uploads:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn found(server: &Server, word: &str) -> u64 {
    server.library.wait_for_words(Duration::from_secs(60)).unwrap();
    server.json(&format!("/api/v1/search?q={word}"))["total"].as_u64().unwrap()
}

#[test]
fn what_is_brought_is_found_replaced_and_taken_away() {
    let server = server(Principal::owner());
    assert_eq!(server.json("/api/v1/uploads")["sources"], json!(["dons"]));
    let answer = bring(&server, "name=bail.txt", "Le bail court neuf ans.\n");
    assert_eq!(
        (answer.status, &answer.json()["path"]),
        (201, &json!("@owner/bail.txt")),
        "{}",
        answer.text()
    );
    let uploads = brought(&server);
    assert_eq!(
        (uploads.len(), &uploads[0]["state"], &uploads[0]["readers"]),
        (1, &json!("read"), &json!("me"))
    );
    assert_eq!(found(&server, "bail"), 1);
    let document = uploads[0]["document"].as_i64().unwrap();
    let view = server.json(&format!("/api/v1/documents/{document}"));
    assert_eq!(view["path"], "@owner/bail.txt");
    let original = server.get(&format!("/api/v1/documents/{document}/original"));
    assert_eq!(original.text(), "Le bail court neuf ans.\n");
    assert!(original.header("content-disposition").starts_with("attachment"), "never active content");
    assert!(original.header("content-disposition").ends_with("bail.txt"), "{:?}", original.headers);
    // The same name again: only when it is said.
    assert_eq!(bring(&server, "name=bail.txt", "Le bail est rompu.\n").status, 409);
    assert_eq!(found(&server, "neuf"), 1);
    assert_eq!(bring(&server, "name=bail.txt&replace=true", "Le bail est rompu.\n").status, 201);
    brought(&server);
    assert_eq!((found(&server, "neuf"), found(&server, "rompu")), (0, 1));
    // What can't be read says so.
    assert_eq!(bring(&server, "name=clos.txt", "LOCKED").status, 201);
    let failed = brought(&server).into_iter().find(|upload| upload["name"] == "clos.txt").unwrap();
    assert_eq!((&failed["state"], &failed["reason"]), (&json!("failed"), &json!("encrypted")));
    let remove = |path: &str| {
        let host = server.address;
        server.send(&format!(
            "DELETE /api/v1/uploads?source=dons&path={path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        ))
    };
    assert_eq!(remove("@owner/bail.txt").status, 204);
    assert_eq!(found(&server, "rompu"), 0);
    assert_eq!(remove("@owner/bail.txt").status, 404);
    assert_eq!(server.get(&format!("/api/v1/documents/{document}")).status, 404);
}

#[test]
fn names_and_readers_that_can_not_be_are_refused() {
    let server = server(Principal::owner());
    let check = |query: &str, status: u16| {
        let answer = bring(&server, query, "x");
        assert_eq!(answer.status, status, "{query}: {}", answer.text());
    };
    check("", 400);
    check("name=..", 400);
    check("name=a%2Fb.txt", 400);
    check("name=%2Eenv", 400);
    check("name=a.txt&readers=group:rh", 400);
    check("name=a.txt&readers=anybody", 400);
    check("name=a.txt&source=papers", 404);
    check("name=a.txt&more=1", 400);
    // Cut short: nothing of it is kept.
    let host = server.address;
    let cut = server.send(&format!(
        "POST /api/v1/uploads?name=a.txt HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: \
         application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n"
    ));
    assert!((400..500).contains(&cut.status), "{cut:?}");
    assert_eq!(brought(&server).len(), 0);
}

#[test]
fn a_reader_brings_nothing() {
    let server = server(Principal::user("anne", ["rh"]));
    assert_eq!(bring(&server, "name=a.txt", "x").status, 403);
    assert_eq!(server.get("/api/v1/uploads").status, 403);
}
