//! Is what somebody attaches to a conversation found in it, and nowhere else, by nobody else?

use std::time::{Duration, Instant};

use intramuros_core::access::Principal;
use intramuros_server::Settings;
use serde_json::{Value, json};

use crate::conversations::ask;
use crate::people::{Browser, RULES, accounts, server_of};
use crate::support::{Answer, Scene, Server};

const TEXT: &str = "# Devis\n\nLe devis de la toiture s’élève à quatorze mille euros.\n";
const QUESTION: &str = "À combien s’élève le devis de la toiture ?";

/// Attaches a file.
fn attach(browser: &mut Browser<'_>, id: i64, query: &str, text: &str) -> Answer {
    let cookies: Vec<String> =
        browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let (host, length) = (browser.server.address, text.len());
    browser.server.send(&format!(
        "POST /api/v1/conversations/{id}/attachments?{query} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n\
         Connection: close\r\nCookie: {}\r\nContent-Type: application/octet-stream\r\nContent-Length: {length}\r\n\r\n{text}",
        cookies.join("; ")
    ))
}

/// What is attached, once everything is read.
fn attached(browser: &mut Browser<'_>, id: i64) -> Vec<Value> {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let answer = browser.json(&format!("/api/v1/conversations/{id}/attachments"));
        let all = answer["attachments"].as_array().unwrap().clone();
        if all.iter().all(|one| one["state"] != "waiting") {
            return all;
        }
        assert!(Instant::now() < until, "{all:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn begin(browser: &mut Browser<'_>) -> i64 {
    let begun = browser.ask("POST", "/api/v1/conversations", Some(json!({"title": "La toiture"})));
    assert_eq!(begun.status, 201, "{}", begun.text());
    begun.json()["id"].as_i64().unwrap()
}

/// The answer of the last question of a conversation.
fn said(browser: &mut Browser<'_>, id: i64) -> Value {
    let said = browser.json(&format!("/api/v1/conversations/{id}"));
    said["said"].as_array().unwrap().last().unwrap().clone()
}

/// How often a word of the attached document comes back by every way that lists, counts or searches.
fn seen_elsewhere(browser: &mut Browser<'_>) -> Vec<String> {
    let mut seen = Vec::new();
    for path in [
        "/api/v1/search?q=devis+toiture",
        "/api/v1/search?q=%22quatorze+mille%22",
        "/api/v1/ask?q=devis+toiture+euros",
        "/api/v1/folders",
        "/api/v1/folders?source=@attached",
        "/api/v1/folders?source=@attached&folder=1",
        "/api/v1/status",
        "/api/v1/failures",
        "/api/v1/sources",
        "/api/v1/uploads",
        "/api/v1/see-as?person=rose&source=@attached&path=1/devis.txt",
    ] {
        let text = browser.get(path).text();
        if text.contains("quatorze") || text.contains("@attached\"") || text.contains("devis.txt") {
            seen.push(format!("{path}: {text}"));
        }
    }
    seen
}

#[test]
fn what_is_attached_answers_in_its_conversation_and_nowhere_else() {
    let (server, _people) = server_of(Scene { rules: RULES, ..Scene::default() });
    let counts = |browser: &mut Browser<'_>| browser.json("/api/v1/status")["counts"].clone();
    let mut anne = Browser::of(&server, "anne");
    let before = counts(&mut anne);
    let mut rose = Browser::of(&server, "rose");
    let id = begin(&mut rose);
    let answer = attach(&mut rose, id, "name=devis.txt", TEXT);
    assert_eq!((answer.status, answer.json()), (201, json!({"name": "devis.txt", "size": TEXT.len()})));
    let all = attached(&mut rose, id);
    assert_eq!((all.len(), &all[0]["name"], &all[0]["state"]), (1, &json!("devis.txt"), &json!("read")));
    server.library.wait_for_words(Duration::from_secs(60)).unwrap();

    // In its conversation, with its place, which opens.
    ask(&mut rose, &json!({"question": QUESTION, "conversation": id}));
    let turn = said(&mut rose, id);
    assert!(turn["sentences"][0]["text"].as_str().unwrap().contains("quatorze mille"), "{turn}");
    let cited = &turn["citations"][0]["document"];
    assert_eq!((&cited["source"], &cited["path"]), (&json!("@attached"), &json!(format!("{id}/devis.txt"))));
    let document = all[0]["document"].as_i64().unwrap();
    assert_eq!(cited["id"], document);
    assert!(rose.get(&format!("/api/v1/documents/{document}")).text().contains("quatorze"));
    assert_eq!(rose.get(&format!("/api/v1/documents/{document}/original")).text(), TEXT);
    // The documents of the organisation answer beside it.
    ask(&mut rose, &json!({"question": "Combien de jours de télétravail par semaine ?", "conversation": id}));
    assert!(said(&mut rose, id)["sentences"][0]["text"].as_str().unwrap().contains("deux jours"));

    // Not in another conversation of hers, not in her searches, not for an owner who reads everything else.
    let (other, _) = ask(&mut rose, &json!({"question": QUESTION, "keep": true}));
    assert_eq!(said(&mut rose, other)["end"]["found"], false);
    assert_eq!(seen_elsewhere(&mut rose), [] as [String; 0]);
    let mut adam = Browser::of(&server, "adam");
    for browser in [&mut anne, &mut adam] {
        assert_eq!(seen_elsewhere(browser), [] as [String; 0]);
        for path in ["", "/original"] {
            assert_eq!(browser.get(&format!("/api/v1/documents/{document}{path}")).status, 404);
        }
        assert_eq!(browser.get(&format!("/api/v1/conversations/{id}/attachments")).status, 404);
        assert_eq!(attach(browser, id, "name=x.txt", "x").status, 404);
        assert_eq!(
            browser
                .ask("DELETE", &format!("/api/v1/conversations/{id}/attachments?name=devis.txt"), None)
                .status,
            404
        );
        let asked =
            browser.ask("POST", "/api/v1/answer", Some(json!({"question": QUESTION, "conversation": id})));
        assert_eq!(asked.status, 404);
    }
    assert_eq!(counts(&mut anne), before, "it is in no count");

    // Shared, the answer that cites it shows nothing of it to others.
    assert_eq!(
        rose.ask("PATCH", &format!("/api/v1/conversations/{id}"), Some(json!({"shared": true}))).status,
        204
    );
    for name in ["remi", "anne"] {
        let mut reader = Browser::of(&server, name);
        let text = reader.get(&format!("/api/v1/conversations/{id}")).text();
        assert!(!text.contains("quatorze") && !text.contains("devis.txt"), "{name}: {text}");
        assert_eq!(reader.get(&format!("/api/v1/conversations/{id}/attachments")).status, 404);
    }

    // It goes with its conversation.
    assert_eq!(rose.ask("DELETE", &format!("/api/v1/conversations/{id}"), None).status, 204);
    assert_eq!(rose.get(&format!("/api/v1/documents/{document}")).status, 404);
    assert!(server.library.attached_to().unwrap().is_empty());
    assert!(server.library.store().document(intramuros_store::DocumentId(document)).unwrap().is_none());
}

#[test]
fn attached_documents_are_replaced_removed_limited_and_go_with_their_person() {
    let (server, _people) = server_of(Scene { rules: RULES, ..Scene::default() });
    let mut remi = Browser::of(&server, "remi");
    let id = begin(&mut remi);
    let check = |browser: &mut Browser<'_>, query: &str, status: u16| {
        let answer = attach(browser, id, query, "Le devis est de mille euros.\n");
        assert_eq!(answer.status, status, "{query}: {}", answer.text());
    };
    check(&mut remi, "", 400);
    check(&mut remi, "name=..", 400);
    check(&mut remi, "name=a%2Fb.txt", 400);
    check(&mut remi, "name=a.txt&readers=everyone", 400);
    check(&mut remi, "name=a.txt", 201);
    check(&mut remi, "name=a.txt", 409);
    check(&mut remi, "name=a.txt&replace=true", 201);
    // What can't be read says so, and stands in no list of what was not read.
    assert_eq!(attach(&mut remi, id, "name=clos.txt", "LOCKED").status, 201);
    let failed = attached(&mut remi, id).into_iter().find(|one| one["name"] == "clos.txt").unwrap();
    assert_eq!((&failed["state"], &failed["reason"]), (&json!("failed"), &json!("encrypted")));
    let mut anne = Browser::of(&server, "anne");
    assert!(!anne.get("/api/v1/failures").text().contains("clos.txt"));
    for number in 2..20 {
        check(&mut remi, &format!("name={number}.txt"), 201);
    }
    check(&mut remi, "name=more.txt", 413);
    check(&mut remi, "name=a.txt&replace=true", 201);
    let gone = remi.ask("DELETE", &format!("/api/v1/conversations/{id}/attachments?name=a.txt"), None);
    assert_eq!(gone.status, 204);
    let at = format!("/api/v1/conversations/{id}/attachments?name=a.txt");
    assert_eq!(remi.ask("DELETE", &at, None).status, 404);
    check(&mut remi, "name=more.txt", 201);
    // What people bring elsewhere has no way to what is attached.
    let through = json!({"source": "@attached", "path": format!("{id}/more.txt"), "readers": "everyone"});
    assert_eq!(anne.ask("PUT", "/api/v1/uploads", Some(through)).status, 404);
    let through = format!("/api/v1/uploads?source=@attached&path={id}/more.txt");
    assert_eq!(anne.ask("DELETE", &through, None).status, 404);
    // Removed, he leaves nothing behind.
    let number = anne.person("remi");
    assert!(!server.library.attached_to().unwrap().is_empty());
    assert_eq!(anne.ask("DELETE", &format!("/api/v1/people/{number}"), None).status, 204);
    assert!(server.library.attached_to().unwrap().is_empty());
}

#[test]
fn on_ones_own_machine_the_owner_attaches_within_a_collection_too() {
    let (people, _folder) = accounts(false, "");
    let rules = "[[collection]]\nname = 'Baux'\nfolders = [{ source = 'papers', path = 'legal/**' }]\n\
        [[access]]\npath = '**'\neveryone = true\n";
    let settings = Settings { accounts: Some(people), visitor: Principal::owner(), ..Settings::default() };
    let server = Server::start(Scene { settings, rules, ..Scene::default() });
    let mut owner = Browser::new(&server);
    let begun =
        owner.ask("POST", "/api/v1/conversations", Some(json!({"title": "Toit", "collection": "Baux"})));
    let id = begun.json()["id"].as_i64().unwrap();
    assert_eq!(attach(&mut owner, id, "name=devis.txt", TEXT).status, 201);
    attached(&mut owner, id);
    server.library.wait_for_words(Duration::from_secs(60)).unwrap();
    ask(&mut owner, &json!({"question": QUESTION, "conversation": id}));
    assert!(said(&mut owner, id)["sentences"][0]["text"].as_str().unwrap().contains("quatorze"));
    assert_eq!(
        owner.json("/api/v1/search?q=toiture")["total"],
        0,
        "a rule for everything opens nothing of it"
    );
    let unknown = json!({"title": "Toit", "collection": "Autre"});
    assert_eq!(owner.ask("POST", "/api/v1/conversations", Some(unknown)).status, 400);
}
