//! What does a place come to that lies, goes on without end, or falls in the middle?

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use intramuros_sources::Failure;

use crate::support::{Asked, answer, answer_with, counts, declared, scene, server};

fn entry(href: &str, folder: bool, more: &str) -> String {
    let kind = if folder { "<d:collection/>" } else { "" };
    format!(
        "<d:response><d:href>{href}</d:href><d:propstat><d:prop><d:resourcetype>{kind}</d:resourcetype>{more}</d:prop>\
         <d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>"
    )
}

fn list(entries: &str) -> Vec<u8> {
    answer(
        "207 Multi-Status",
        "text/xml",
        &format!("<d:multistatus xmlns:d='DAV:'>{entries}</d:multistatus>"),
    )
}

fn webdav(port: u16, more: &str) -> String {
    declared("webdav", &format!("http://127.0.0.1:{port}/dav/"), port, more)
}

#[test]
fn names_that_lead_elsewhere_bring_nothing() {
    let port = server(|asked: &Asked| match asked.method.as_str() {
        "PROPFIND" => {
            let names = ["../x", "..%2Fy", "a/b/c", "%2e%2e", "ok.txt", "new%0Aline", "back\\..\\slash.txt"];
            let odd = ["/etc/passwd", "http://elsewhere.example/etc/x", "/dav/", "/", "/dav/../z"];
            let names = names.iter().map(|name| format!("/dav/{name}"));
            list(&names.chain(odd.map(str::to_owned)).map(|href| entry(&href, false, "")).collect::<String>())
        }
        _ => answer("200 OK", "text/plain", "document"),
    });
    let place = scene(&webdav(port, ""));
    let outcome = place.look();
    assert_eq!((outcome.found, outcome.refused), (2, 1));
    assert_eq!(place.found("document"), ["back\\..\\slash.txt", "ok.txt"]);
}

#[test]
fn a_list_without_end_ends() {
    // Every folder holds a folder, and itself, and the one above.
    let port = server(|asked: &Asked| {
        let path = &asked.path;
        list(&(entry(path, true, "") + &entry("/dav/", true, "") + &entry(&format!("{path}a/"), true, "")))
    });
    let place = scene(&webdav(port, ""));
    let outcome = place.look();
    assert_eq!((outcome.found, outcome.troubles.len()), (0, 1));
    assert!(outcome.troubles[0].1.contains("nested"), "{outcome:?}");

    let port = server(|asked: &Asked| match asked.method.as_str() {
        "PROPFIND" => list(&(0..100).map(|n| entry(&format!("/dav/{n}"), false, "")).collect::<String>()),
        _ => answer("200 OK", "text/plain", "document"),
    });
    let place = scene(&webdav(port, "most_files = 10"));
    assert!(matches!(place.try_look(), Err(Failure::Limit(_))));
    assert_eq!(place.found("document").len(), 10);

    let endless = server(|_: &Asked| {
        let mut whole = b"HTTP/1.1 207 Multi-Status\r\nContent-Length: 999999999999\r\n\r\n".to_vec();
        whole.resize(40 << 20, b' ');
        whole
    });
    let place = scene(&webdav(endless, ""));
    assert!(matches!(place.try_look(), Err(Failure::TooLarge(_))));
}

#[test]
fn a_file_over_the_limit_is_named_with_its_reason() {
    let port = server(|asked: &Asked| match (asked.method.as_str(), asked.path.as_str()) {
        ("PROPFIND", _) => list(
            &(entry(
                "/dav/said.bin",
                false,
                "<d:getetag>1</d:getetag><d:getcontentlength>5000000000</d:getcontentlength>",
            ) + &entry("/dav/unsaid.bin", false, "<d:getetag>1</d:getetag>")
                + &entry(
                    "/dav/lies.bin",
                    false,
                    "<d:getetag>1</d:getetag><d:getcontentlength>3</d:getcontentlength>",
                )
                + &entry("/dav/closed.txt", false, "<d:getetag>1</d:getetag>")
                + &entry("/dav/good.txt", false, "<d:getetag>1</d:getetag>")),
        ),
        (_, "/dav/lies.bin") => b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            .iter()
            .copied()
            .chain(b"7d0\r\n".iter().copied())
            .chain([b'x'; 2000])
            .chain(*b"\r\n0\r\n\r\n")
            .collect(),
        (_, "/dav/unsaid.bin") => answer("200 OK", "text/plain", &"x".repeat(2000)),
        (_, "/dav/closed.txt") => answer("403 Forbidden", "text/plain", ""),
        _ => answer("200 OK", "text/plain", "document"),
    });
    let place = scene(&(webdav(port, "") + "[limits]\nfile_bytes = 1000\n"));
    assert_eq!(counts(&place.look()), (5, 1, 0, 4, 0));
    let mut unread = place.unread();
    unread.sort();
    let unread: Vec<(&str, &str)> = unread.iter().map(|(path, why)| (path.as_str(), why.as_str())).collect();
    assert_eq!(
        unread,
        [("closed.txt", "unreadable"), ("lies.bin", "limit"), ("said.bin", "limit"), ("unsaid.bin", "limit")]
    );
    // Those over the limit are known to be; what was closed is tried again.
    assert_eq!(counts(&place.look()), (5, 0, 4, 4, 0));
}

#[test]
fn a_file_that_answers_oddly_keeps_no_other_from_being_read() {
    let port = server(|asked: &Asked| match (asked.method.as_str(), asked.path.as_str()) {
        ("PROPFIND", _) => {
            let names = ["a-moved.txt", "b-refused.txt", "c-unknown.txt", "d-good.txt"];
            list(
                &names.map(|name| entry(&format!("/dav/{name}"), false, "<d:getetag>1</d:getetag>")).concat(),
            )
        }
        (_, "/dav/a-moved.txt") => answer_with("302 Found", "Location: /sign-in\r\n", ""),
        (_, "/dav/b-refused.txt") => answer("422 Unprocessable Content", "text/plain", ""),
        (_, "/dav/c-unknown.txt") => answer("501 Not Implemented", "text/plain", ""),
        _ => answer("200 OK", "text/plain", "document"),
    });
    let place = scene(&webdav(port, ""));
    assert_eq!(counts(&place.look()), (4, 1, 0, 3, 0));
    assert_eq!(place.found("document"), ["d-good.txt"]);
    let mut unread = place.unread();
    unread.sort();
    let names = ["a-moved.txt", "b-refused.txt", "c-unknown.txt"];
    assert_eq!(unread, names.map(|name| (name.to_owned(), "unreadable".to_owned())));
    assert!(place.syncs.states()[0].whole_ms.is_some());
}

#[test]
fn a_place_that_falls_in_the_middle_loses_nothing() {
    // 0: all is well; 1: one folder is closed; 2: a folder breaks off; 3: files can't be fetched; 4: it seems empty.
    let mode = Arc::new(AtomicUsize::new(0));
    let now = Arc::clone(&mode);
    let port = server(move |asked: &Asked| {
        let mode = now.load(Ordering::Relaxed);
        let tag = format!("<d:getetag>{}</d:getetag>", if mode == 3 { 3 } else { 0 });
        match (asked.method.as_str(), asked.path.as_str()) {
            ("PROPFIND", _) if mode == 4 => list(&entry("/dav/", true, "")),
            ("PROPFIND", "/dav/") => list(&(entry("/dav/a.txt", false, &tag) + &entry("/dav/b/", true, ""))),
            ("PROPFIND", _) if mode == 1 => answer("403 Forbidden", "text/plain", ""),
            ("PROPFIND", _) if mode == 2 => {
                b"HTTP/1.1 207 Multi-Status\r\nContent-Length: 9999\r\n\r\n<d:multi".to_vec()
            }
            ("PROPFIND", _) => {
                list(&(0..9).map(|n| entry(&format!("/dav/b/{n}.txt"), false, &tag)).collect::<String>())
            }
            _ if mode == 3 => answer("503 Service Unavailable", "text/plain", ""),
            _ => answer("200 OK", "text/plain", &format!("document {}", asked.path)),
        }
    });
    let place = scene(&webdav(port, ""));
    assert_eq!(counts(&place.look()), (10, 10, 0, 0, 0));
    mode.store(1, Ordering::Relaxed);
    let outcome = place.look();
    assert_eq!((counts(&outcome), outcome.troubles.len()), ((1, 0, 1, 0, 0), 1));
    assert_eq!(place.found("document").len(), 10);
    mode.store(3, Ordering::Relaxed);
    assert!(matches!(place.try_look(), Err(Failure::Unreachable(_))));
    assert_eq!(place.found("document").len(), 10);
    mode.store(4, Ordering::Relaxed);
    assert!(matches!(place.try_look(), Err(Failure::Odd(_))));
    assert_eq!(place.found("document").len(), 10);
    mode.store(0, Ordering::Relaxed);
    place.look();
    mode.store(4, Ordering::Relaxed);
    assert!(place.try_look().is_err());
    // Empty twice in a row is empty.
    assert_eq!(place.look().removed, 10);
    assert_eq!(place.found("document").len(), 0);
}

#[test]
fn a_place_that_points_elsewhere_is_not_followed() {
    let port = server(|asked: &Asked| match asked.method.as_str() {
        "PROPFIND" => answer_with("302 Found", "Location: http://127.0.0.1:1/dav/\r\n", ""),
        _ => answer("200 OK", "text/plain", "document"),
    });
    let place = scene(&webdav(port, ""));
    let failure = place.try_look().unwrap_err();
    assert!(failure.to_string().contains("points elsewhere"), "{failure}");
    let accounts = place.syncs.states();
    assert!(accounts[0].whole_ms.is_none());
}
