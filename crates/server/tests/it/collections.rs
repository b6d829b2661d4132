//! Do collections narrow what is asked, everywhere, and do they tell nothing to whom they are not for?

use intramuros_core::access::Principal;
use intramuros_server::Settings;
use serde_json::{Value, json};

use crate::conversations::ask;
use crate::people::{Browser, server_of};
use crate::programs::{asks_of, post};
use crate::support::{Scene, Server};

const RULES: &str = "
[[access]]
path = 'rh/**'
groups = ['rh']
[[access]]
path = 'legal/**'
everyone = true
[[collection]]
name = 'Personnel'
folders = [{ source = 'papers', path = 'rh/**' }]
[[collection]]
name = 'Juridique'
description = 'Baux et contrats'
folders = [{ source = 'papers', path = 'legal/**' }]
[[collection]]
name = 'Direction'
sources = ['papers']
groups = ['direction']
";

fn serve(visitor: &str) -> Server {
    let visitor = Principal::parse(visitor).unwrap();
    let settings = Settings { visitor, ..Settings::default() };
    Server::start(Scene { rules: RULES, settings, ..Scene::default() })
}

fn names(server: &Server) -> Vec<String> {
    let answer = server.json("/api/v1/collections");
    let names = answer["collections"].as_array().unwrap().iter();
    names.map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

fn total(server: &Server, query: &str) -> u64 {
    server.json(&format!("/api/v1/search?{query}"))["total"].as_u64().unwrap()
}

#[test]
fn a_collection_narrows_search_answers_and_counts() {
    let server = serve("anne,rh");
    assert_eq!(names(&server), ["Personnel", "Juridique"]);
    assert_eq!(total(&server, "q=t%C3%A9l%C3%A9travail"), 1);
    assert_eq!(total(&server, "q=t%C3%A9l%C3%A9travail&collection=Personnel"), 1);
    let other = server.json("/api/v1/search?q=t%C3%A9l%C3%A9travail+lease&collection=Juridique");
    assert_eq!(other["total"], 1, "{other}");
    assert_eq!(other["facets"]["folders"], json!([{"value": "legal", "count": 1}]));
    let answered = |query: &str| server.json(&format!("/api/v1/ask?{query}"))["found"] == true;
    assert!(answered("q=t%C3%A9l%C3%A9travail+jours+par+semaine&collection=Personnel"));
    assert!(!answered("q=t%C3%A9l%C3%A9travail+jours+par+semaine&collection=Juridique"));
    // An empty name is no name: what a form sends.
    assert_eq!(total(&server, "q=t%C3%A9l%C3%A9travail&collection="), 1);
}

#[test]
fn documents_are_looked_through_by_collection() {
    let named = |answer: &Value, list: &str| -> Vec<(String, u64)> {
        let all = answer[list].as_array().unwrap().iter();
        all.map(|one| (one["name"].as_str().unwrap().to_owned(), one["documents"].as_u64().unwrap()))
            .collect()
    };
    let owned = |expected: &[(&str, u64)]| -> Vec<(String, u64)> {
        expected.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    };
    let check =
        |visitor: &str, query: &str, collections: &[(&str, u64)], folders: &[(&str, u64)], total: u64| {
            let answer = serve(visitor).json(&format!("/api/v1/folders?{query}"));
            assert_eq!(named(&answer, "collections"), owned(collections), "{visitor} {query}");
            assert_eq!(named(&answer, "folders"), owned(folders), "{visitor} {query}");
            assert_eq!(answer["total"], total, "{visitor} {query}");
        };
    check("anne,rh", "", &[("Personnel", 2), ("Juridique", 1)], &[("papers", 3)], 0);
    check("bruno", "", &[("Juridique", 1)], &[("papers", 1)], 0);
    check("anne,rh", "collection=Personnel", &[], &[("papers", 2)], 0);
    check("anne,rh", "collection=Personnel&source=papers", &[], &[("rh", 2)], 0);
    check("anne,rh", "collection=Personnel&source=papers&folder=rh", &[], &[], 2);
    check("anne,rh", "collection=Personnel&source=papers&folder=legal", &[], &[], 0);
    // Not theirs, and not there: the same, which is nothing.
    for collection in ["Personnel", "Direction", "Nulle%20part"] {
        check("bruno", &format!("collection={collection}"), &[], &[], 0);
        check("bruno", &format!("collection={collection}&source=papers&folder=legal"), &[], &[], 0);
    }
}

#[test]
fn a_collection_is_a_model_for_programs() {
    let server = serve("anne,rh");
    let models = server.json("/v1/models").to_string();
    assert!(models.contains("\"intramuros/Personnel\"") && !models.contains("Direction"), "{models}");
    let content = |model: &str| {
        let answer =
            post(&server, "/v1/chat/completions", "", &asks_of(model, "télétravail jours par semaine"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
    };
    assert!(content("intramuros/Personnel").contains("deux jours par semaine"));
    assert!(!content("intramuros/Juridique").contains("deux jours"));
}

#[test]
fn who_may_use_nothing_of_a_collection_does_not_learn_that_it_is_there() {
    let server = serve("bruno");
    assert_eq!(names(&server), ["Juridique"]);
    assert!(!server.json("/v1/models").to_string().contains("Personnel"));
    let search = |name: &str| {
        let answer = server.get(&format!("/api/v1/search?q=lease&collection={name}"));
        (answer.status, answer.text())
    };
    // Closed to him, with nothing in it that he may read, and not there: the same words.
    assert_eq!(search("Direction"), search("Rien"));
    assert_eq!(search("Personnel"), search("Rien"));
    assert_eq!(search("Rien").0, 400);
    let chat = |name: &str| {
        let answer = post(&server, "/v1/chat/completions", "", &asks_of(name, "lease"));
        (answer.status, answer.text())
    };
    assert_eq!(chat("intramuros/Direction"), chat("intramuros/Rien"));
    assert_eq!(chat("intramuros/Personnel"), chat("intramuros/Rien"));
    assert_eq!(chat("intramuros/Rien").0, 404);
    assert_eq!(names(&serve("diane,direction")), ["Juridique", "Direction"]);
}

#[test]
fn what_is_asked_is_counted_by_person_and_model_without_its_text() {
    let (server, _people) = server_of(Scene { rules: RULES, ..Scene::default() });
    let mut rose = Browser::of(&server, "rose");
    let leave = "Combien de jours de congés payés par mois ?";
    let (id, turn) = ask(&mut rose, &json!({"question": leave, "keep": true}));
    ask(&mut rose, &json!({"question": "Quelle est la couleur de la lune ?", "keep": true}));
    rose.ask("PUT", &format!("/api/v1/conversations/{id}/turns/{turn}/rating"), Some(json!({"rating": 1})));
    assert_eq!(rose.get("/api/v1/usage").status, 403);
    let mut adam = Browser::of(&server, "adam");
    // Counting waits for nobody, and nobody for it.
    let counted = || -> Option<Value> {
        let usage = adam.json("/api/v1/usage?days=7");
        (usage["used"][0]["questions"] == 2).then_some(usage)
    };
    let usage = crate::support::eventually(counted);
    assert!(!usage.to_string().contains("congés"), "{usage}");
    let row = &usage["used"][0];
    assert_eq!((&row["who"], &row["model"]), (&json!("rose"), &Value::Null));
    assert_eq!((&row["answered"], &row["refused"]), (&json!(1), &json!(1)));
    assert_eq!((&usage["kept"], &usage["good"], &usage["bad"]), (&json!(2), &json!(1), &json!(0)));
    let person = adam.person("rose");
    assert_eq!(adam.ask("DELETE", &format!("/api/v1/people/{person}"), None).status, 204);
    assert_eq!(adam.json("/api/v1/usage")["used"], json!([]), "it goes with the person");
}

#[test]
fn a_conversation_stays_with_the_collection_that_it_began_with() {
    let (server, _people) = server_of(Scene { rules: RULES, ..Scene::default() });
    let mut rose = Browser::of(&server, "rose");
    let question = "The lease ends after nine years?";
    let (id, _) = ask(&mut rose, &json!({"question": question, "keep": true, "collection": "Juridique"}));
    let path = format!("/api/v1/conversations/{id}");
    assert_eq!(rose.json(&path)["collection"], "Juridique");
    let told =
        |browser: &mut Browser<'_>| browser.json(&path)["said"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(told(&mut rose)["end"]["found"], true);
    let leave = "Combien de jours de congés payés par mois ?";
    ask(&mut rose, &json!({"question": leave, "conversation": id}));
    assert_eq!(told(&mut rose)["end"]["found"], false, "asked where leave is not written of");
    ask(&mut rose, &json!({"question": leave, "conversation": id, "collection": "Personnel"}));
    assert_eq!(told(&mut rose)["end"]["found"], true);
    let listed: Value = rose.json("/api/v1/conversations");
    assert_eq!(listed["conversations"][0]["collection"], "Juridique");
}
