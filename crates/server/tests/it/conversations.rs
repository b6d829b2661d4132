//! Are conversations kept for those whose they are, and does everybody see of them only what they may read?

use std::sync::Arc;

use intramuros_dialogue::Writers;
use intramuros_egress::{Decision, Egress, Surroundings};
use intramuros_server::Settings;
use serde_json::{Value, json};

use crate::injection::{declared, obedient_model};
use crate::people::{Browser, RULES, accounts, server, server_of};
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
