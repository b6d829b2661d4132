//! Is every question, every reading and every refusal written down, and what when it can't be?

use intramuros_core::access::Principal;
use intramuros_core::perimeter::{JournalSection, OnFailure};
use intramuros_journal::read::{Filter, each};
use intramuros_journal::{Event, Journal, Options};
use intramuros_server::{Limits, Record, Settings, Walls};

use crate::programs::tool;
use crate::support::{Scene, Server};

/// A server that keeps a journal, as declared, with the journal and its folder.
fn server(declared: &JournalSection, settings: Settings) -> (Server, Journal, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(Options::new(folder.path())).unwrap().start().unwrap();
    let walls = Walls { record: Record::new(journal.clone(), declared), ..Walls::default() };
    let rules = "[[access]]\nsource = \"papers\"\npath = \"rh/**\"\ngroups = [\"rh\"]\n";
    let server = Server::start(Scene { walls, settings, rules, ..Scene::default() });
    (server, journal, folder)
}

/// What is asked by a visitor of the group `rh`, and what stands in the journal afterwards.
fn check(declared: &JournalSection, path: &str, header: &str, expected: &[Event]) {
    let ask = |server: &Server| {
        let path = path.replace("{lease}", &server.document("legal/lease.txt").to_string());
        let path = path.replace("{conges}", &server.document("rh/conges.txt").to_string());
        server.get_with(&path, header);
    };
    assert_eq!(noted(declared, anne(), ask), expected, "{path}");
}

fn anne() -> Settings {
    Settings { visitor: Principal::parse("anne,rh").unwrap(), ..Settings::default() }
}

/// What stands in the journal of what a visitor of the group `rh` asked and was refused.
fn noted(declared: &JournalSection, settings: Settings, ask: impl FnOnce(&Server)) -> Vec<Event> {
    let (server, journal, folder) = server(declared, settings);
    let lease = server.document("legal/lease.txt");
    ask(&server);
    journal.close();
    let mut found = Vec::new();
    each(folder.path(), &Filter::default(), |entry, _| {
        let own = matches!(
            entry.event,
            Event::Question { .. }
                | Event::DocumentRead { .. }
                | Event::AccessRefused { .. }
                | Event::ToolCalled { .. }
        );
        if own {
            let mut event = entry.event.clone();
            if let Event::AccessRefused { what, .. } = &mut event
                && *what == format!("document {lease}")
            {
                // Documents are numbered as they are read, in another order each time.
                *what = "document {lease}".to_owned();
            }
            found.push(event);
        }
        true
    })
    .unwrap();
    found
}

fn question(results: u64, text: Option<&str>, sources: &[&str]) -> Event {
    let sources = sources.iter().map(|source| (*source).to_owned()).collect();
    Event::Question { by: "anne".into(), sources, results, text: text.map(str::to_owned) }
}

fn read(way: &str) -> Event {
    let (by, source, path) = ("anne".into(), "papers".into(), "rh/conges.txt".into());
    Event::DocumentRead { by, source, path, way: way.into() }
}

#[test]
fn what_is_asked_and_read_is_written_down() {
    let plain = JournalSection::default();
    let with_text = JournalSection { question_text: true, ..JournalSection::default() };
    check(&plain, "/api/v1/search?q=acquiert", "", &[question(1, None, &[])]);
    check(&with_text, "/api/v1/search?q=acquiert", "", &[question(1, Some("acquiert"), &[])]);
    check(&plain, "/api/v1/search?q=acquiert&source=papers", "", &[question(1, None, &["papers"])]);
    let asked = "/api/v1/ask?q=combien%20de%20jours%20de%20cong%C3%A9s%20acquiert%20chaque%20salari%C3%A9";
    check(&plain, asked, "", &[question(2, None, &[]), read("citation")]);
    check(&plain, "/api/v1/documents/{conges}", "", &[read("view")]);
    check(&plain, "/api/v1/documents/{conges}/original", "", &[read("download")]);
    check(&plain, "/api/v1/status", "", &[]);
}

#[test]
fn what_is_refused_is_written_down() {
    let plain = JournalSection::default();
    let hidden = |number: &str| Event::AccessRefused {
        by: "anne".into(),
        what: format!("document {number}"),
        why: "not there, or not theirs to read".into(),
        from: None,
    };
    check(&plain, "/api/v1/documents/{lease}", "", &[hidden("{lease}")]);
    check(&plain, "/api/v1/documents/{lease}/original", "", &[hidden("{lease}")]);
    check(&plain, "/api/v1/documents/999999", "", &[hidden("999999")]);
    let by_a_tool = |server: &Server| {
        let id = server.document("legal/lease.txt").to_string();
        _ = tool(server, "fetch", "id", &id);
    };
    let called = |tool: &str, allowed| {
        let (by, tool) = ("anne".to_owned(), tool.to_owned());
        Event::ToolCalled { by, tool, allowed, with: None }
    };
    assert_eq!(noted(&plain, anne(), by_a_tool), [called("fetch", true), hidden("{lease}")]);
    let no_tool = |server: &Server| _ = tool(server, "send_mail", "to", "x");
    assert_eq!(noted(&plain, anne(), no_tool), [called("send_mail", false)]);
    let other_site = Event::AccessRefused {
        by: "anonymous".into(),
        what: "GET /api/v1/search".into(),
        why: "pages of other sites may not ask here".into(),
        from: Some("127.0.0.1".into()),
    };
    check(&plain, "/api/v1/search?q=secret", "Origin: http://evil.example\r\n", &[other_site]);
}

#[test]
fn a_refusal_is_of_whom_a_trusted_proxy_speaks_for() {
    let check = |trusted: &[&str], expected: &str| {
        let trusted_proxies = trusted.iter().map(|address| address.parse().unwrap()).collect();
        let settings = Settings { trusted_proxies, ..anne() };
        let found = noted(&JournalSection::default(), settings, |server| {
            server.get_with("/api/v1/search?q=secret", "X-Forwarded-For: 203.0.113.9\r\n");
        });
        let [Event::AccessRefused { from, .. }] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(from.as_deref(), Some(expected), "{trusted:?}");
    };
    check(&["127.0.0.1"], "203.0.113.9");
    // Who is not trusted may say what they like.
    check(&[], "127.0.0.1");
}

#[test]
fn a_journal_that_can_not_be_written_answers_or_refuses_as_declared() {
    let check = |on_failure, expected: u16, path: &str| {
        let declared = JournalSection { on_failure, ..JournalSection::default() };
        let (server, journal, _folder) = server(&declared, anne());
        let path = path.replace("{conges}", &server.document("rh/conges.txt").to_string());
        assert_eq!(server.get(&path).status, 200, "{path}");
        // From here on every append fails, as on a full disk.
        journal.close();
        let answer = server.get(&path);
        assert_eq!(answer.status, expected, "{path}");
        if expected == 503 {
            assert_eq!(answer.json()["kind"], "not_recorded");
            assert!(!answer.text().contains("salarié"), "{}", answer.text());
        }
    };
    let paths = [
        "/api/v1/search?q=acquiert",
        "/api/v1/ask?q=acquiert",
        "/api/v1/documents/{conges}",
        "/api/v1/documents/{conges}/original",
    ];
    for path in paths {
        check(OnFailure::Answer, 200, path);
        check(OnFailure::Refuse, 503, path);
    }
}

#[test]
fn who_knocks_without_end_fills_no_disk() {
    let limits = Limits { refusal_rate: 0.001, refusal_burst: 3.0, ..Limits::default() };
    let settings = Settings { limits, ..anne() };
    let events = noted(&JournalSection::default(), settings, |server| {
        for _ in 0..20 {
            assert_eq!(server.get_with("/api/v1/status", "Origin: http://evil.example\r\n").status, 403);
        }
    });
    assert_eq!(events.len(), 3, "{events:?}");
}
