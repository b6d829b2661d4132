//! Is a question searched in other words where that is declared, within its asker's rights, and as it was where that fails?

use std::io::Write;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use intramuros_core::access::Principal;
use intramuros_core::perimeter::{JournalSection, Perimeter};
use intramuros_dialogue::Writers;
use intramuros_egress::{Decision, Egress, Surroundings};
use intramuros_journal::read::{Filter, each};
use intramuros_journal::{Event as JournalEvent, Journal, Options};
use intramuros_server::{Record, Settings, Walls};
use intramuros_testkit::request_body;
use serde_json::{Value, json};

use crate::support::{Scene, Server};

const FILES: &[(&str, &str)] = &[
    (
        "commun/bail.txt",
        "# Bail\n\nLe bail des bureaux prend fin après neuf ans, sauf renouvellement écrit.\n",
    ),
    ("commun/lease.txt", "# Lease\n\nThe tenancy of the warehouse runs for twelve years.\n"),
    ("rh/secret.txt", "# Tenancy\n\nThe tenancy of the villa is SECRET-4711.\n"),
];

/// What the model says when it is asked for wordings; nothing ends the connection instead.
fn model(wordings: &'static str) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&asked);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let request: Value = serde_json::from_slice(&request_body(&stream).unwrap()).unwrap();
            let said = request["messages"].to_string();
            let for_wordings = said.contains("deux lignes");
            kept.lock().unwrap().push(said);
            if for_wordings && wordings.is_empty() {
                continue;
            }
            let text =
                if for_wordings { wordings } else { "Le bail des bureaux prend fin après neuf ans [1]." };
            let event = json!({"choices": [{"delta": {"content": text}}]});
            let end = json!({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 10, "completion_tokens": 5}});
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
            let _ = stream
                .write_all(format!("{head}data: {event}\n\ndata: {end}\n\ndata: [DONE]\n\n").as_bytes());
        }
    });
    (port, asked)
}

/// Asks a question; gives the titles of the sources, the end of the answer, what the model was asked, and the calls in the
/// journal.
fn ask(wordings: &'static str, declared: bool) -> (Vec<String>, Value, Vec<String>, usize) {
    let (port, asked) = model(wordings);
    let perimeter = Perimeter::parse(
        &format!(
            "[assistant]\nwordings = {declared}\n[[egress]]\nhost = '127.0.0.1'\nport = {port}\npurpose = 'answers'\ntls = false\n\
             [[model]]\nname = 'small'\nkind = 'open-ai'\npurpose = 'answers'\nurl = 'http://127.0.0.1:{port}/v1'\n"
        ),
        "f",
    )
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(Options::new(folder.path())).unwrap().start().unwrap();
    let record = Record::new(journal.clone(), &JournalSection::default());
    let egress = Egress::new(&perimeter, Surroundings::default(), Arc::new(|_: &Decision| Ok(()))).unwrap();
    let server = Server::start(Scene {
        files: FILES,
        rules: "[[access]]\npath = 'commun/**'\neveryone = true\n[[access]]\npath = 'rh/**'\ngroups = ['rh']\n",
        settings: Settings { visitor: Principal::parse("anne").unwrap(), ..Settings::default() },
        writers: Writers::new(&perimeter, &egress).unwrap(),
        walls: Walls { record, ..Walls::default() },
    });
    let body = json!({"question": "Quand le bail des bureaux prend-il fin ?"}).to_string();
    let (host, length) = (server.address, body.len());
    let answer = server.send(&format!(
        "POST /api/v1/answer HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    ));
    let text = answer.text();
    assert!(!text.contains("SECRET-4711"), "{text}");
    let data = |event: &str| -> Value {
        let from = text.rfind(&format!("event: {event}\n")).unwrap_or_else(|| panic!("{event}: {text}"));
        let line = text[from..].lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
        serde_json::from_str(line).unwrap()
    };
    let citations = data("sources")["citations"].as_array().unwrap().clone();
    let titles = citations.iter().map(|one| one["document"]["title"].as_str().unwrap().to_owned()).collect();
    let end = data("end");
    drop(server);
    journal.close();
    let mut calls = 0;
    each(folder.path(), &Filter::default(), |entry, _| {
        calls += usize::from(matches!(entry.event, JournalEvent::ToolCalled { .. }));
        true
    })
    .unwrap();
    let asked = asked.lock().unwrap().clone();
    (titles, end, asked, calls)
}

#[test]
fn other_wordings_add_what_the_asker_may_read_and_a_failing_model_changes_nothing() {
    let english =
        "Quelle est la durée du bail ?\nHow long does the tenancy of the warehouse and the villa run?";
    let (titles, end, asked, calls) = ask(english, true);
    assert!(titles.contains(&"Bail".to_owned()) && titles.contains(&"Lease".to_owned()), "{titles:?}");
    assert_eq!((asked.len(), calls), (2, 2), "{asked:?}");
    // Both calls of the model count.
    assert_eq!((&end["found"], &end["usage"]["prompt_tokens"]), (&json!(true), &json!(20)), "{end}");
    // Without the declaration, and where the model fails, the question is as it was.
    for (wordings, declared, questions) in [(english, false, 1), ("", true, 2), ("Oui", true, 2)] {
        let (titles, end, asked, calls) = ask(wordings, declared);
        assert!(titles.iter().all(|title| title == "Bail") && calls == 0, "{titles:?} {wordings} {declared}");
        assert!(end["found"] == true && end["model"] == "small", "{end}");
        assert!(asked.len() >= questions, "{asked:?}");
    }
}
