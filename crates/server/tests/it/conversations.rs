//! Are conversations kept for those whose they are, and does everybody see of them only what they may read, also who loses
//! a right while an answer is written?

use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use intramuros_core::perimeter::JournalSection;
use intramuros_dialogue::Writers;
use intramuros_egress::{Decision, Egress, Surroundings};
use intramuros_journal::read::{Filter, each};
use intramuros_journal::{Event, Journal, Options};
use intramuros_server::{Record, Settings, Walls};
use intramuros_store::people::{Origin, People};
use intramuros_testkit::request_body;
use serde_json::{Value, json};

use crate::injection::{declared, obedient_model};
use crate::people::{Browser, RULES, accounts, request, server, server_of};
use crate::support::{Scene, Server};

const LEAVE: &str = "Combien de jours de congés payés par mois ?";

/// Asks, and gives the numbers of the conversation and of the question in it.
pub fn ask(browser: &mut Browser<'_>, body: &Value) -> (i64, i64) {
    let answer = browser.ask("POST", "/api/v1/answer", Some(body.clone()));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let text = answer.text();
    let kept = text.split("event: kept\ndata: ").nth(1).unwrap_or_else(|| panic!("nothing is kept: {text}"));
    let kept: Value = serde_json::from_str(kept.lines().next().unwrap()).unwrap();
    (kept["conversation"].as_i64().unwrap(), kept["turn"].as_i64().unwrap())
}

fn texts(turn: &Value) -> Vec<Option<&str>> {
    turn["sentences"].as_array().unwrap().iter().map(|sentence| sentence["text"].as_str()).collect()
}

#[test]
fn what_was_asked_is_kept_found_named_exported_rated_and_deleted() {
    let (server, _people) = server();
    let mut rose = Browser::of(&server, "rose");
    let (id, first) = ask(&mut rose, &json!({"question": LEAVE, "keep": true}));
    assert_eq!(first, 1);
    let (same, second) = ask(&mut rose, &json!({"question": "Et le bail ?", "conversation": id}));
    assert_eq!((same, second), (id, 2));
    let path = format!("/api/v1/conversations/{id}");
    let said = rose.json(&path);
    assert_eq!((&said["title"], &said["own"], &said["shared"]), (&LEAVE.into(), &true.into(), &false.into()));
    assert_eq!(said["said"][0]["question"], LEAVE);
    assert!(texts(&said["said"][0])[0].unwrap().contains("congés payés"), "{said}");
    assert_eq!(said["said"][0]["citations"][0]["document"]["path"], "rh/conges.txt");

    let listed = |browser: &mut Browser<'_>, query: &str| -> Vec<i64> {
        let list = browser.json(&format!("/api/v1/conversations{query}"));
        list["conversations"].as_array().unwrap().iter().map(|one| one["id"].as_i64().unwrap()).collect()
    };
    let (other, _) = ask(&mut rose, &json!({"question": "What does the lease say?", "keep": true}));
    assert_eq!(listed(&mut rose, ""), [other, id]);
    // A follow-up that names something of its own is answered by itself.
    ask(&mut rose, &json!({"question": "Et les congés payés ?", "conversation": other}));
    let said = rose.json(&format!("/api/v1/conversations/{other}"));
    assert!(texts(&said["said"][1])[0].unwrap().contains("congés"), "{said}");
    assert_eq!(rose.ask("DELETE", &format!("/api/v1/conversations/{other}"), None).status, 204);
    assert_eq!(listed(&mut rose, ""), [id]);
    assert_eq!(listed(&mut rose, "?q=salari%C3%A9"), [id], "the text of answers is searched");
    // CONGÉS, conges and, of the answer, acquiert with an accent on the e.
    for text in ["CONG%C3%89S%20PAY%C3%89S", "conges%20payes", "acquiert", "ACQUI%C3%89RT"] {
        assert_eq!(listed(&mut rose, &format!("?q={text}")), [id], "{text}");
    }
    assert_eq!(listed(&mut rose, "?q=congestion"), [] as [i64; 0]);
    assert_eq!(listed(&mut rose, "?q=%25"), [] as [i64; 0]);

    let renamed = rose.ask("PATCH", &path, Some(json!({"title": "  Congés\n2026 "})));
    assert_eq!(renamed.status, 204);
    assert_eq!(rose.json(&path)["title"], "Congés 2026");
    for wrong in [json!({"title": " "}), json!({"title": 1}), json!({"owner": "remi"})] {
        assert_eq!(rose.ask("PATCH", &path, Some(wrong.clone())).status, 400, "{wrong}");
    }
    let rating = |number: i64, rating: i64, browser: &mut Browser<'_>| {
        let at = format!("{path}/turns/{number}/rating");
        browser.ask("PUT", &at, Some(json!({"rating": rating}))).status
    };
    assert_eq!((rating(1, 1, &mut rose), rating(1, 2, &mut rose), rating(9, 1, &mut rose)), (204, 400, 404));
    assert_eq!(rose.json(&path)["said"][0]["rating"], 1);
    let export = rose.get(&format!("{path}/export"));
    assert!(
        export.text().starts_with("# Congés 2026\n") && export.text().contains("/document/"),
        "{}",
        export.text()
    );
    assert!(export.text().contains("sentences of the documents") && export.text().contains(" UTC\n"));
    assert!(export.header("content-disposition").starts_with("attachment"));

    // To others it is not there, whatever they try.
    let mut remi = Browser::of(&server, "remi");
    let absent = remi.get("/api/v1/conversations/987654");
    for (method, at, body) in [
        ("GET", path.clone(), None),
        ("GET", format!("{path}/export"), None),
        ("PATCH", path.clone(), Some(json!({"shared": true}))),
        ("PUT", format!("{path}/turns/1/rating"), Some(json!({"rating": -1}))),
        ("DELETE", path.clone(), None),
    ] {
        let answer = remi.ask(method, &at, body);
        assert_eq!((answer.status, &answer.body), (404, &absent.body), "{method} {at}");
    }
    let asked = remi.ask("POST", "/api/v1/answer", Some(json!({"question": "Et ?", "conversation": id})));
    assert_eq!(asked.status, 404);
    assert!(listed(&mut remi, "").is_empty());
    assert_eq!(rose.ask("DELETE", &path, None).status, 204);
    assert_eq!(rose.get(&path).status, 404);
}

#[test]
fn a_shared_answer_shows_each_reader_what_they_may_read_at_that_moment() {
    let (server, _people) = server();
    let mut rose = Browser::of(&server, "rose");
    let (id, _) = ask(&mut rose, &json!({"question": LEAVE, "keep": true}));
    let path = format!("/api/v1/conversations/{id}");
    assert_eq!(rose.ask("PATCH", &path, Some(json!({"shared": true}))).status, 204);
    let sees = |browser: &mut Browser<'_>| -> (usize, usize) {
        let answer = browser.get(&path);
        assert_eq!(answer.status, 200);
        let said = answer.json();
        let read = texts(&said["said"][0]).iter().flatten().count();
        assert_eq!(read == 0, !answer.text().contains("deux jours et demi"));
        (read, said["said"][0]["citations"].as_array().unwrap().len())
    };
    let (read, cited) = sees(&mut rose);
    assert!(read >= 1 && cited >= 1);
    assert_eq!(sees(&mut Browser::of(&server, "anne")), (read, cited), "the owner reads everything");
    // Remi is not in the group that reads the folder.
    let mut remi = Browser::of(&server, "remi");
    assert_eq!(sees(&mut remi).0, 0);
    assert_eq!(remi.ask("PATCH", &path, Some(json!({"shared": false}))).status, 404, "it is not his");
    // Rose leaves the group: her own conversation shows it no more.
    let mut adam = Browser::of(&server, "adam");
    let groups = adam.json("/api/v1/groups");
    let group = groups["groups"].as_array().unwrap().iter().find(|group| group["name"] == "rh").unwrap();
    let change = json!({"remove": ["rose"]});
    let at = format!("/api/v1/groups/{}", group["id"]);
    let left = adam.ask("PATCH", &at, Some(change));
    assert!(left.status < 300, "{}", left.text());
    assert_eq!(sees(&mut rose).0, 0);
    // Nor do its words find it; the question's do.
    let found = |browser: &mut Browser<'_>, text: &str| {
        let list = browser.json(&format!("/api/v1/conversations?q={text}"));
        list["conversations"].as_array().unwrap().len()
    };
    assert_eq!((found(&mut rose, "salari%C3%A9"), found(&mut rose, "jours")), (0, 1));
    assert_eq!((found(&mut rose, "SALARIE"), found(&mut rose, "JOURS")), (0, 1));
}

#[test]
fn a_token_reads_documents_and_not_what_its_person_asked() {
    let (server, _people) = server();
    let mut rose = Browser::of(&server, "rose");
    let (id, _) = ask(&mut rose, &json!({"question": LEAVE, "keep": true}));
    let asked = json!({"name": "notebook", "scopes": ["read"]});
    let made = rose.ask("POST", "/api/v1/tokens", Some(asked)).json();
    let bearer = format!("Authorization: Bearer {}\r\n", made["token"].as_str().unwrap());
    let answer = |body: Value| request(&server, "POST", "/api/v1/answer", Some(&body), &bearer);
    for body in [
        json!({"question": "Et ?", "conversation": id}),
        json!({"question": "Et ?", "conversation": id, "keep": true}),
        json!({"question": LEAVE, "keep": true}),
        // One that is not there is refused in the same words.
        json!({"question": "Et ?", "conversation": 987_654}),
    ] {
        let refused = answer(body.clone());
        assert_eq!((refused.status, refused.json()["kind"].as_str()), (403, Some("forbidden")), "{body}");
    }
    let plain = answer(json!({"question": LEAVE}));
    assert!(plain.status == 200 && plain.text().contains("congés payés"), "{}", plain.text());
    // Nothing was kept by that.
    let kept = rose.json("/api/v1/conversations");
    let turns: Vec<&Value> =
        kept["conversations"].as_array().unwrap().iter().map(|one| &one["turns"]).collect();
    assert_eq!(turns, [&json!(1)]);
}

#[test]
fn what_may_not_be_read_any_more_is_not_put_to_a_model() {
    let (port, asked) = obedient_model();
    let egress =
        Egress::new(&declared(port, false), Surroundings::default(), Arc::new(|_: &Decision| Ok(())));
    let writers = Writers::new(&declared(port, false), &egress.unwrap()).unwrap();
    let (server, _people) = server_of(Scene { writers, rules: RULES, ..Scene::default() });
    let mut rose = Browser::of(&server, "rose");
    let (id, _) = ask(&mut rose, &json!({"question": LEAVE, "keep": true}));
    let again = json!({"question": "Et le prix du clou ?", "conversation": id});
    let repeated = |browser: &mut Browser<'_>| {
        asked.lock().unwrap().clear();
        ask(browser, &again);
        let asked = asked.lock().unwrap();
        asked.last().expect("the model is asked")["messages"].to_string().contains("deux jours et demi")
    };
    assert!(repeated(&mut rose));
    let mut adam = Browser::of(&server, "adam");
    let group = &adam.json("/api/v1/groups")["groups"][0];
    assert_eq!(group["name"], "rh");
    let at = format!("/api/v1/groups/{}", group["id"]);
    assert!(adam.ask("PATCH", &at, Some(json!({"remove": ["rose"]}))).status < 300);
    assert!(!repeated(&mut rose));
}

/// Sentences of an answer, each with the numbers of the sources that it cites; one without any is supported by nothing.
type Said<'a> = &'a [(&'a str, &'a [u64])];

/// Keeps a conversation of somebody's, with answers that were each written from one document.
fn keep(people: &People, name: &str, title: &str, answers: &[(i64, Said<'_>)]) -> i64 {
    let own = Some(people.person_named(name).unwrap().unwrap().id);
    let id = people.begin_conversation(own, title, None, 1).unwrap();
    for (document, said) in answers {
        let sentence = |(text, cited): &(&str, &[u64])| {
            let unsupported = if cited.is_empty() { json!({"kind": "not-said"}) } else { Value::Null };
            json!({"text": text, "cited": cited, "unsupported": unsupported, "new_line": true})
        };
        let plain: Vec<&str> = said.iter().map(|(text, _)| *text).collect();
        let source = json!({"number": 1, "passage": 1, "document": {"id": document, "title": "T"}});
        let shown = json!({
            "citations": [source], "sentences": said.iter().map(sentence).collect::<Vec<_>>(),
            "end": {"found": true, "model": "small", "failed": [], "absent": ["zircon"]},
        });
        people.add_turn(id, own, LEAVE, &plain.join(" "), &shown.to_string(), 2).unwrap().unwrap();
    }
    id.0
}

/// Takes rose out of the group that reads the folder.
fn out_of_the_group(server: &Server) {
    let mut adam = Browser::of(server, "adam");
    let group = &adam.json("/api/v1/groups")["groups"][0];
    assert_eq!(group["name"], "rh");
    let at = format!("/api/v1/groups/{}", group["id"]);
    assert!(adam.ask("PATCH", &at, Some(json!({"remove": ["rose"]}))).status < 300);
}

#[test]
fn what_a_later_answer_repeats_is_shown_to_those_alone_who_may_read_where_it_comes_from() {
    let (server, folder) = server();
    let people = People::open(folder.path()).unwrap();
    let (hidden, open) = (server.document("rh/conges.txt"), server.document("legal/lease.txt"));
    let typed = keep(&people, "rose", "Clous 4711", &[]);
    let id = keep(
        &people,
        "rose",
        "Salaires",
        &[
            (hidden, &[("Le salaire est de 4711 euros.", &[1])]),
            (open, &[("The lease ends after nine years.", &[1]), ("Pour mémoire, 4711 euros.", &[])]),
        ],
    );
    let path = format!("/api/v1/conversations/{id}");
    let mut rose = Browser::of(&server, "rose");
    assert_eq!(rose.ask("PATCH", &path, Some(json!({"shared": true}))).status, 204);
    let check = |browser: &mut Browser<'_>, all: bool| {
        let answer = browser.get(&path);
        let said = &answer.json()["said"];
        assert_eq!(answer.text().contains("4711"), all, "{}", answer.text());
        let repeated = all.then_some("Pour mémoire, 4711 euros.");
        assert_eq!(texts(&said[1]), [Some("The lease ends after nine years."), repeated]);
        // What the search of the one who asked came to is not for others either.
        assert_eq!(said[1]["end"] == json!({}), !all, "{said}");
        let export = browser.get(&format!("{path}/export")).text();
        assert!(export.contains("The lease ends") && export.contains("4711") == all, "{export}");
    };
    check(&mut rose, true);
    check(&mut Browser::of(&server, "anne"), true);
    check(&mut Browser::of(&server, "remi"), false);
    let found = |browser: &mut Browser<'_>, query: &str| -> Vec<i64> {
        let list = browser.json(&format!("/api/v1/conversations?q={query}"));
        list["conversations"].as_array().unwrap().iter().map(|one| one["id"].as_i64().unwrap()).collect()
    };
    assert_eq!(found(&mut rose, "4711"), [id, typed]);
    out_of_the_group(&server);
    check(&mut rose, false);
    assert_eq!(found(&mut rose, "4711"), [typed]);
    // Nor does a gap in a list tell that something hidden holds it.
    assert_eq!(found(&mut rose, "4711&limit=1"), [typed]);
    assert_eq!(found(&mut rose, "4711&limit=1&offset=1"), [] as [i64; 0]);
    assert_eq!(found(&mut rose, "lease"), [id]);
}

#[test]
fn a_model_is_not_shown_what_an_answer_repeats_of_one_that_is_too_long_ago() {
    let (port, asked) = obedient_model();
    let egress =
        Egress::new(&declared(port, false), Surroundings::default(), Arc::new(|_: &Decision| Ok(())));
    let writers = Writers::new(&declared(port, false), &egress.unwrap()).unwrap();
    let (server, folder) = server_of(Scene { writers, rules: RULES, ..Scene::default() });
    let people = People::open(folder.path()).unwrap();
    let (hidden, open) = (server.document("rh/conges.txt"), server.document("legal/lease.txt"));
    // More than a model is shown: the one that it comes from is not among these.
    let first: (i64, Said<'_>) = (hidden, &[("Le salaire est de 4711 euros.", &[1])]);
    let later: (i64, Said<'_>) = (open, &[("Pour mémoire, 4711 euros.", &[])]);
    let id = keep(&people, "rose", "Salaires", &[vec![first], vec![later; 45]].concat());
    let mut rose = Browser::of(&server, "rose");
    let mut shown = || {
        asked.lock().unwrap().clear();
        ask(&mut rose, &json!({"question": "Et le prix du clou ?", "conversation": id}));
        let asked = asked.lock().unwrap();
        asked.last().expect("the model is asked")["messages"].to_string().contains("4711")
    };
    assert!(shown());
    out_of_the_group(&server);
    assert!(!shown());
}

#[test]
fn on_ones_own_machine_conversations_need_no_account_and_programs_have_none() {
    let (people, _folder) = accounts(false, "");
    let settings = Settings { accounts: Some(people), ..Settings::default() };
    let server = Server::start(Scene { settings, ..Scene::default() });
    let mut owner = Browser::new(&server);
    let (id, _) = ask(&mut owner, &json!({"question": LEAVE, "keep": true}));
    assert_eq!(owner.json("/api/v1/conversations")["conversations"][0]["id"], id);
    let both = json!({"question": "Et ?", "conversation": id, "history": [{"person": true, "text": "x"}]});
    assert_eq!(owner.ask("POST", "/api/v1/answer", Some(both)).status, 400);
    // Without being asked to, nothing is kept.
    let plain = owner.ask("POST", "/api/v1/answer", Some(json!({"question": LEAVE})));
    assert!(plain.status == 200 && !plain.text().contains("event: kept"));
    assert_eq!(owner.json("/api/v1/conversations")["conversations"].as_array().unwrap().len(), 1);
}

/// A model that says when it is asked, and writes when it is let; where it may, it calls for a search first.
fn waiting_model() -> (u16, Receiver<()>, Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let ((asked, was_asked), (go, may_go)) = (channel(), channel::<()>());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let Ok(request) = request_body(&stream) else { return };
            let request: Value = serde_json::from_slice(&request).unwrap();
            let _ = asked.send(());
            // As long as a slow one may take; by then the test has failed.
            let _ = may_go.recv_timeout(Duration::from_secs(60));
            let text = "Chaque salarié acquiert deux jours et demi de congés payés par mois de travail [1].";
            let call = json!({"index": 0, "id": "c0", "type": "function",
                "function": {"name": "search", "arguments": r#"{"query": "télétravail jours par semaine"}"#}});
            let (delta, finish) = match request["tool_choice"] == "auto" {
                true => (json!({"tool_calls": [call]}), "tool_calls"),
                false => (json!({"content": text}), "stop"),
            };
            let event = json!({"choices": [{"index": 0, "delta": delta}]});
            let end = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]});
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
            let said = format!("{head}data: {event}\n\ndata: {end}\n\ndata: [DONE]\n\n");
            let _ = stream.write_all(said.as_bytes());
        }
    });
    (port, was_asked, go)
}

#[test]
fn an_answer_ends_when_who_asked_loses_what_it_is_made_from() {
    let question = "Combien de jours de congés payés par mois ?";
    let page = json!({"question": question, "keep": true});
    let chat = json!({"messages": [{"role": "user", "content": question}]});
    let tool = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "ask", "arguments": {"question": question}}});
    let check = |path: &str, body: &Value, taken: &str| {
        let (port, was_asked, go) = waiting_model();
        let perimeter = declared(port, false);
        let egress =
            Egress::new(&perimeter, Surroundings::default(), Arc::new(|_: &Decision| Ok(()))).unwrap();
        let writers = Writers::new(&perimeter, &egress).unwrap();
        let (server, _people) = server_of(Scene { writers, rules: RULES, ..Scene::default() });
        let (mut anne, mut rose) = (Browser::of(&server, "anne"), Browser::of(&server, "rose"));
        let asked = json!({"name": "notebook", "scopes": ["read"]});
        let made = rose.ask("POST", "/api/v1/tokens", Some(asked)).json();
        let bearer = format!(
            "Authorization: Bearer {}\r\nAccept: application/json, text/event-stream\r\n",
            made["token"].as_str().unwrap()
        );
        let of_rose = format!("/api/v1/people/{}", anne.person("rose"));
        let group = format!("/api/v1/groups/{}", anne.json("/api/v1/groups")["groups"][0]["id"]);
        let answer = std::thread::scope(|threads| {
            let asking = threads.spawn(|| match path {
                "/api/v1/answer" => rose.ask("POST", path, Some(body.clone())),
                _ => request(&server, "POST", path, Some(body), &bearer),
            });
            was_asked.recv_timeout(Duration::from_secs(60)).expect("the model is asked");
            let taken = match taken {
                "group" => anne.ask("PATCH", &group, Some(json!({"remove": ["rose"]}))),
                "sessions" => anne.ask("DELETE", &format!("{of_rose}/sessions"), None),
                "token" => anne.ask("DELETE", &format!("/api/v1/tokens/{}", made["about"]["id"]), None),
                _ => anne.ask("PATCH", &of_rose, Some(json!({"active": false}))),
            };
            assert!(taken.status < 300, "{}", taken.text());
            // The model still waits: whoever asked does not.
            let answer = asking.join().unwrap();
            let _ = go.send(());
            answer
        });
        let text = answer.text();
        assert_eq!(answer.status, 200, "{path} {taken}: {text}");
        for told in ["Vos droits ont changé", "Your rights changed"] {
            assert!(text.contains(told), "{path} {taken}: {text}");
        }
        assert!(!text.contains("event: sentence") && !text.contains("event: kept"), "{path} {taken}: {text}");
        if path != "/api/v1/answer" {
            assert!(
                !text.contains("deux jours et demi") && !text.contains("Rien dans"),
                "{path} {taken}: {text}"
            );
        }
    };
    check("/api/v1/answer", &page, "group");
    check("/api/v1/answer", &page, "sessions");
    check("/api/v1/answer", &page, "account");
    check("/v1/chat/completions", &chat, "token");
    check("/mcp", &tool, "token");
    check("/mcp", &tool, "group");
}

#[test]
fn what_a_model_calls_for_is_looked_up_with_the_rights_of_that_moment() {
    let (port, was_asked, go) = waiting_model();
    let perimeter = declared(port, true);
    let egress = Egress::new(&perimeter, Surroundings::default(), Arc::new(|_: &Decision| Ok(()))).unwrap();
    let writers = Writers::new(&perimeter, &egress).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(Options::new(folder.path())).unwrap().start().unwrap();
    let walls =
        Walls { record: Record::new(journal.clone(), &JournalSection::default()), ..Walls::default() };
    let (server, kept) = server_of(Scene { writers, walls, rules: RULES, ..Scene::default() });
    let mut rose = Browser::of(&server, "rose");
    let body = json!({"question": "When does the lease end?"});
    let answer = std::thread::scope(|threads| {
        let asking = threads.spawn(|| rose.ask("POST", "/api/v1/answer", Some(body)));
        was_asked.recv_timeout(Duration::from_secs(60)).expect("the model is asked");
        // Behind the server's back: nothing tells it.
        let people = People::open(kept.path()).unwrap();
        let (group, rose) = (people.group_named("rh").unwrap(), people.person_named("rose").unwrap());
        people.change_members(group.unwrap().id, &Origin::Local, &[], &[rose.unwrap().id]).unwrap();
        go.send(()).unwrap();
        let answer = asking.join().unwrap();
        let _ = go.send(());
        answer
    });
    let text = answer.text();
    assert!(text.contains("Your rights changed") && !text.contains("deux jours par semaine"), "{text}");
    drop(server);
    journal.close();
    let mut calls = Vec::new();
    each(folder.path(), &Filter::default(), |entry, _| {
        if let Event::ToolCalled { tool, allowed, .. } = &entry.event {
            calls.push((tool.clone(), *allowed));
        }
        true
    })
    .unwrap();
    assert_eq!(calls, [("search".to_owned(), false)]);
}
