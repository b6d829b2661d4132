//! What becomes of an answer when its model fails, cites what is not there, is doubted, costs something, or may write no more?

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use intramuros_core::perimeter::Perimeter;
use intramuros_dialogue::Writers;
use intramuros_egress::{Decision, Egress, Surroundings};
use intramuros_journal::time::now_ms;
use intramuros_server::{Accounts, Settings};
use intramuros_store::people::Use;
use intramuros_testkit::request_body;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::conversations::ask;
use crate::people::{Browser, RULES, accounts, server_of};
use crate::programs::{asks_of, post, tool};
use crate::support::{Answer, Scene, Server, eventually};

const LEAVE: &str = "Combien de jours de congés payés par mois ?";

/// What a document says of it, without the full stop: citations come before it.
const FACT: &str = "Chaque salarié acquiert deux jours et demi de congés payés par mois de travail";

/// The same in words that no document has, with nothing exact in it: the rules can't tell.
const REWORDED: &str = "Il convient d’annoncer ses vacances longtemps auparavant";

type Asked = Arc<Mutex<Vec<Value>>>;

/// A service of models that says what `says` gives for a request, and fails (500) where that gives nothing; with what it
/// was asked.
fn service(says: impl Fn(&Value) -> Option<String> + Send + 'static) -> (u16, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Asked::default();
    let kept = Arc::clone(&asked);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let request: Value = serde_json::from_slice(&request_body(&stream).unwrap()).unwrap();
            let said = says(&request);
            kept.lock().unwrap().push(request);
            let _ = stream.write_all(spoken(said).as_bytes());
        }
    });
    (port, asked)
}

fn spoken(said: Option<String>) -> String {
    let Some(text) = said else {
        return "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            .to_owned();
    };
    let event = json!({"choices": [{"delta": {"content": text}}]});
    let end = json!({
        "choices": [{"delta": {}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1_000, "completion_tokens": 200}
    });
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
    format!("{head}data: {event}\n\ndata: {end}\n\ndata: [DONE]\n\n")
}

/// What declares models of a service, each with what is its own, beside `assistant`.
fn declared(port: u16, assistant: &str, models: &[(&str, &str)]) -> String {
    let mut text = format!(
        "[assistant]\n{assistant}\n[[egress]]\nhost = '127.0.0.1'\nport = {port}\npurpose = 'answers'\ntls = false\n"
    );
    for (name, own) in models {
        text.push_str(&format!(
            "[[model]]\nname = '{name}'\nkind = 'open-ai'\npurpose = 'answers'\nmodel = '{name}'\n\
             url = 'http://127.0.0.1:{port}/v1'\n{own}\n"
        ));
    }
    text
}

fn writers(declared: &str) -> Writers {
    let perimeter = Perimeter::parse(declared, "f").unwrap();
    let egress = Egress::new(&perimeter, Surroundings::default(), Arc::new(|_: &Decision| Ok(()))).unwrap();
    Writers::new(&perimeter, &egress).unwrap()
}

fn server(declared: &str) -> Server {
    Server::start(Scene { writers: writers(declared), ..Scene::default() })
}

/// What is told while an answer comes.
struct Told(Vec<(String, Value)>);

impl Told {
    fn of(server: &Server, body: &Value) -> Told {
        Told::read(&post(server, "/api/v1/answer", "", &body.to_string()))
    }

    fn read(answer: &Answer) -> Told {
        assert_eq!(answer.status, 200, "{}", answer.text());
        let read = |event: &str| {
            let (name, data) = event.strip_prefix("event: ")?.split_once("\ndata: ")?;
            Some((name.to_owned(), serde_json::from_str::<Value>(data).unwrap()))
        };
        Told(answer.text().split("\n\n").filter_map(read).collect())
    }

    fn all(&self, name: &str) -> Vec<&Value> {
        self.0.iter().filter(|(its, _)| its == name).map(|(_, data)| data).collect()
    }

    fn end(&self) -> &Value {
        self.all("end").into_iter().next().unwrap_or_else(|| panic!("no end: {:?}", self.0))
    }

    /// Why each sentence is not supported; null where it is.
    fn reasons(&self) -> Vec<&Value> {
        self.all("sentence").into_iter().map(|sentence| &sentence["unsupported"]).collect()
    }
}

/// Puts the question to a server with these declarations.
fn told(declared: &str) -> Told {
    Told::of(&server(declared), &json!({"question": LEAVE}))
}

/// The names of the models that a service was asked for, each once where it is asked again.
fn models(asked: &Asked) -> Vec<String> {
    let asked = asked.lock().unwrap();
    let mut names: Vec<String> =
        asked.iter().map(|request| request["model"].as_str().unwrap().to_owned()).collect();
    names.dedup();
    names
}

#[test]
fn where_a_model_fails_its_fallback_answers_and_the_answer_says_so() {
    let (port, asked) = service(|request| (request["model"] == "sound").then(|| format!("{FACT} [1].")));
    let told = told(&declared(port, "", &[("broken", "fallback = 'sound'"), ("sound", "")]));
    let why = "Le service du modèle a mal répondu.";
    assert_eq!(
        told.all("model"),
        [
            &json!({"name": "broken", "instead_of": null}),
            &json!({"name": "sound", "instead_of": {"name": "broken", "why": why}}),
        ]
    );
    let end = told.end();
    assert_eq!((&end["found"], &end["model"]), (&json!(true), &json!("sound")), "{end}");
    assert_eq!(end["failed"], json!([["broken", why]]));
    assert_eq!(told.reasons(), [&Value::Null]);
    assert!(told.all("quoting").is_empty());
    assert_eq!(models(&asked), ["broken", "sound"]);
}

#[test]
fn where_no_model_is_left_the_answer_is_made_of_sentences_of_the_documents() {
    let check = |models_declared: &[(&str, &str)], tried: &[&str]| {
        let (port, asked) = service(|request| (request["model"] == "sound").then(|| format!("{FACT} [1].")));
        let told = told(&declared(port, "", models_declared));
        assert_eq!(models(&asked), tried);
        let (end, sentences) = (told.end(), told.all("sentence"));
        assert_eq!((&end["found"], &end["model"]), (&json!(true), &Value::Null), "{end}");
        let failed: Vec<&Value> = end["failed"].as_array().unwrap().iter().map(|one| &one[0]).collect();
        assert_eq!(failed, tried);
        assert_eq!(told.all("quoting").len(), 1);
        let first = &sentences[0];
        assert!(first["text"].as_str().unwrap().contains("deux jours et demi"), "{sentences:?}");
        assert!(!first["cited"].as_array().unwrap().is_empty(), "{sentences:?}");
    };
    check(&[("broken", "")], &["broken"]);
    // What nobody declared as a fallback gets no question that was meant for another.
    check(&[("broken", ""), ("sound", "")], &["broken"]);
    // Each of a ring is tried once.
    check(&[("one", "fallback = 'two'"), ("two", "fallback = 'one'")], &["one", "two"]);
}

#[test]
fn thoughts_that_nothing_marked_are_taken_back_and_held_back_from_then_on() {
    // Models that reason recite what they were told, the sign for "not found" too.
    let thought = "Sans réponse j’écris INTROUVABLE. Le document le dit. Il faut le citer.</think>";
    let (port, asked) = service(move |_| Some(format!("{thought}\n\n{FACT} [1].")));
    let server = server(&declared(port, "", &[("thinking", "")]));
    // The first answer is asked for once more; the next one is known to begin with thoughts.
    for requests in [2, 3] {
        let Told(events) = Told::of(&server, &json!({"question": LEAVE}));
        let begins = events.iter().rposition(|(name, _)| name == "model").unwrap();
        let last = Told(events.into_iter().skip(begins).collect());
        assert_eq!(last.reasons(), [&Value::Null], "{:?}", last.0);
        assert!(!last.0.iter().any(|(_, data)| data.to_string().contains("Il faut")), "{:?}", last.0);
        assert_eq!(asked.lock().unwrap().len(), requests);
    }
}

#[test]
fn a_written_sentence_cites_the_place_that_says_so_and_not_its_whole_passage() {
    let (port, _) = service(|_| Some(format!("{FACT} [1].")));
    let files =
        [("conges.md", &*format!("# Congés payés\n\nLe chat dort.\n\n{FACT}.\n\nLe train part à midi.\n"))];
    let scene =
        Scene { writers: writers(&declared(port, "", &[("small", "")])), files: &files, ..Scene::default() };
    let server = Server::reading_all(scene);
    let told = Told::of(&server, &json!({"question": LEAVE}));
    let (source, sentence) = (&told.all("sources")[0]["citations"][0], told.all("sentence")[0]);
    let place = &sentence["places"][0];
    assert_eq!((&sentence["cited"], &place["number"]), (&json!([1]), &json!(1)));
    assert_eq!(
        (&place["lines"], &source["lines"]),
        (&json!([5, 5]), &json!([1, 7])),
        "{sentence} of {source}"
    );
    let stretch = |of: &Value| of["end"].as_u64().unwrap() - of["start"].as_u64().unwrap();
    assert_eq!(stretch(place) as usize, FACT.len() + 1);
    // Programs are sent there as well.
    let asked = json!({"messages": [{"role": "user", "content": LEAVE}]}).to_string();
    let message = post(&server, "/v1/chat/completions", "", &asked).json()["choices"][0]["message"].clone();
    let url = message["annotations"][0]["url_citation"]["url"].as_str().unwrap();
    let expected = format!("&start={}&end={}", place["start"], place["end"]);
    assert!(url.ends_with(&expected), "{url}");
    assert!(message["content"].as_str().unwrap().contains(url), "{message}");
}

#[test]
fn a_sentence_that_cites_what_is_not_there_is_marked_or_removed_as_declared() {
    let both = |_: &Value| Some(format!("{FACT} [1].\n{FACT} [42]."));
    let (port, _) = service(both);
    let marked = told(&declared(port, "", &[("small", "")]));
    assert_eq!(marked.reasons(), [&Value::Null, &json!({"kind": "unknown-passage", "what": 42})]);
    assert_eq!(marked.all("sentence")[1]["cited"], json!([]));
    let counted = |told: &Told| {
        let end = told.end();
        let count = |name: &str| end[name].as_u64().unwrap();
        (count("supported"), count("unsupported"), end["removed"] == true, end["found"] == true)
    };
    assert_eq!(counted(&marked), (1, 1, false, true));
    assert!(!marked.all("draft").is_empty());

    let remove = "unsupported = 'remove'";
    let (port, _) = service(both);
    let server = server(&declared(port, remove, &[("small", "")]));
    let removed = Told::of(&server, &json!({"question": LEAVE}));
    assert_eq!(removed.reasons(), [&Value::Null]);
    assert_eq!(counted(&removed), (1, 1, true, true));
    // A draft would show what is to be removed.
    assert!(removed.all("draft").is_empty());
    let asked = json!({"messages": [{"role": "user", "content": LEAVE}]}).to_string();
    let content =
        post(&server, "/v1/chat/completions", "", &asked).json()["choices"][0]["message"]["content"].clone();
    let content = content.as_str().unwrap();
    assert_eq!(content.matches(FACT).count(), 1, "{content}");
    assert!(content.contains("1 phrase(s) sans appui retirée(s)"), "{content}");

    let (port, _) = service(|_| Some(format!("{FACT} [42].")));
    // Nothing is left of what it wrote: the documents answer themselves.
    let nothing = told(&declared(port, remove, &[("small", "")]));
    assert_eq!(nothing.all("quoting").len(), 1);
    assert!(nothing.all("sentence")[0]["text"].as_str().unwrap().starts_with(FACT));
    let end = nothing.end();
    assert_eq!((&end["found"], &end["model"], &end["removed"]), (&json!(true), &Value::Null, &json!(true)));
}

/// Whether a model is asked about a sentence, rather than for an answer.
fn is_doubt(request: &Value) -> bool {
    let last = request["messages"].as_array().unwrap().last().unwrap();
    last["content"].as_str().unwrap().ends_with("OUI ou NON ?")
}

/// What is told where the model writes `written` and says `reply` when it is asked again; with the questions about
/// sentences.
fn doubted(check: &str, written: &str, reply: Option<&'static str>) -> (Told, Vec<Value>) {
    let written = format!("{written} [1].");
    let (port, asked) = service(move |request| match is_doubt(request) {
        true => reply.map(str::to_owned),
        false => Some(written.clone()),
    });
    let told = told(&declared(port, check, &[("small", "")]));
    let asked = asked.lock().unwrap().iter().filter(|request| is_doubt(request)).cloned().collect();
    (told, asked)
}

#[test]
fn a_doubtful_sentence_is_put_to_the_model_where_declared_and_only_a_yes_is_taken() {
    let by_model = "check = 'model'";
    let check = |reply: Option<&'static str>, taken: bool| {
        let (told, asked) = doubted(by_model, REWORDED, reply);
        assert_eq!(told.reasons().len(), 1);
        assert_eq!(told.reasons()[0].is_null(), taken, "{reply:?}: {:?}", told.reasons());
        let end = told.end();
        assert_eq!(
            (&end["asked_again"], &end["supported"]),
            (&json!(1), &json!(u8::from(taken))),
            "{reply:?}"
        );
        let question = asked[0]["messages"][1]["content"].as_str().unwrap();
        assert!(question.contains(REWORDED) && question.contains("<passage 1>"), "{question}");
    };
    check(Some("OUI"), true);
    check(Some("Oui, le passage 1 le dit."), true);
    check(Some("NON"), false);
    check(Some("Peut-être. OUI"), false);
    check(Some("ouistiti"), false);
    check(None, false);

    let never_asked = |declared: &str, written: &str, kind: &str| {
        let (told, asked) = doubted(declared, written, Some("OUI"));
        assert_eq!(told.reasons()[0]["kind"], kind, "{written}: {:?}", told.reasons());
        assert_eq!((asked.len(), &told.end()["asked_again"]), (0, &json!(0)), "{written}");
    };
    // Where the rules alone judge, it is not supported.
    never_asked("", REWORDED, "not-said");
    // A number that is wrong is wrong, whatever a model says.
    never_asked(by_model, &FACT.replace("deux", "cinq"), "number");
}

#[test]
fn a_collection_has_instructions_and_a_model_of_its_own() {
    let (everywhere, here) = ("Réponds en une seule phrase.", "Vouvoie la personne qui demande.");
    let (port, asked) = service(|_| Some(format!("{FACT} [1].")));
    let models = declared(port, &format!("instructions = '{everywhere}'"), &[("first", ""), ("second", "")]);
    let rules = format!(
        "{models}[[collection]]\nname = 'Personnel'\nfolders = [{{ source = 'papers', path = 'rh/**' }}]\n\
         instructions = '{here}'\nmodel = 'second'\n"
    );
    let server = Server::start(Scene { writers: writers(&models), rules: &rules, ..Scene::default() });
    let check = |body: Value, model: &str, holds: bool| {
        asked.lock().unwrap().clear();
        assert_eq!(Told::of(&server, &body).end()["model"], model, "{body}");
        let asked = asked.lock().unwrap();
        let said = asked[0]["messages"].as_array().unwrap();
        assert_eq!((asked.len(), &said[0]["role"]), (1, &json!("system")));
        let system = said[0]["content"].as_str().unwrap();
        assert!(system.contains(everywhere), "{system}");
        assert_eq!(system.contains(here), holds, "{body}: {system}");
    };
    check(json!({"question": LEAVE}), "first", false);
    check(json!({"question": LEAVE, "collection": "Personnel"}), "second", true);
    // Who asks may name another model; the instructions are the collection's all the same.
    check(json!({"question": LEAVE, "collection": "Personnel", "model": "first"}), "first", true);
}

#[test]
fn tokens_cost_what_is_declared_for_their_model() {
    let (port, _) = service(|_| Some(format!("{FACT} [1].")));
    let models = declared(
        port,
        "currency = 'EUR'",
        &[("dear", "price_in = 2.0\nprice_out = 6.0"), ("half", "price_in = 2.0"), ("unpriced", "")],
    );
    let rules = format!("{RULES}{models}");
    let (server, _people) = server_of(Scene { writers: writers(&models), rules: &rules, ..Scene::default() });
    let mut rose = Browser::of(&server, "rose");
    for model in ["dear", "dear", "half", "unpriced"] {
        ask(&mut rose, &json!({"question": LEAVE, "keep": true, "model": model}));
    }
    let mut adam = Browser::of(&server, "adam");
    // Counting waits for nobody, and nobody for it.
    let usage = eventually(|| {
        let usage = adam.json("/api/v1/usage?days=7");
        let questions =
            usage["used"].as_array().unwrap().iter().map(|row| row["questions"].as_u64().unwrap());
        (questions.sum::<u64>() == 4).then_some(usage)
    });
    assert_eq!(usage["currency"], "EUR");
    let row = |model: &str| {
        let rows = usage["used"].as_array().unwrap();
        rows.iter().find(|row| row["model"] == model).unwrap_or_else(|| panic!("{model}: {usage}"))
    };
    let check = |model: &str, questions: u64, cost: f64| {
        let row = row(model);
        let counted = (&row["questions"], &row["prompt_tokens"], &row["completion_tokens"]);
        assert_eq!(counted, (&json!(questions), &json!(1_000 * questions), &json!(200 * questions)), "{row}");
        // A sum of floats.
        assert!((row["cost"].as_f64().unwrap() - cost).abs() < 1e-9, "{row}");
    };
    // Prices are for a million tokens.
    check("dear", 2, 2.0 * (1_000.0 * 2.0 + 200.0 * 6.0) / 1e6);
    check("half", 1, 1_000.0 * 2.0 / 1e6);
    assert_eq!(row("unpriced")["cost"], Value::Null);
}

#[test]
fn an_answer_is_asked_for_with_the_declared_number_of_tokens() {
    let check = |own: &str, expected: u64| {
        let (port, asked) = service(|_| Some(format!("{FACT} [1].")));
        assert_eq!(told(&declared(port, "", &[("small", own)])).end()["model"], "small", "{own}");
        assert_eq!(asked.lock().unwrap()[0]["max_tokens"], expected, "{own}");
    };
    check("", 700);
    check("context_tokens = 2_000", 500);
    check("max_tokens = 64", 64);
    check("max_tokens = 2_000", 2_000);
}

/// A server to which people sign in, with these models.
fn server_with_people(models: &str) -> (Server, TempDir) {
    let rules = format!("{RULES}{models}");
    server_of(Scene { writers: writers(models), rules: &rules, ..Scene::default() })
}

/// A server on which everybody is the owner, with these models, and its counts.
fn server_of_the_owner(models: &str) -> (Server, Arc<Accounts>, TempDir) {
    let (accounts, folder) = accounts(false, "");
    let settings = Settings { accounts: Some(Arc::clone(&accounts)), ..Settings::default() };
    let server = Server::start(Scene { writers: writers(models), settings, ..Scene::default() });
    (server, accounts, folder)
}

/// How an answer to somebody ended.
fn ended(browser: &mut Browser<'_>, question: &str) -> Value {
    let answer = browser.ask("POST", "/api/v1/answer", Some(json!({"question": question})));
    Told::read(&answer).end().clone()
}

#[test]
fn whose_tokens_of_the_day_are_used_up_gets_sentences_of_the_documents_and_is_told() {
    let (port, asked) = service(|_| Some(format!("{FACT} [1].")));
    let (server, _people) =
        server_with_people(&declared(port, "", &[("small", "tokens_per_person_per_day = 2_000")]));
    let (mut rose, mut anne) = (Browser::of(&server, "rose"), Browser::of(&server, "anne"));
    // 1,200 tokens each: the second begins below the limit, and passes it.
    for _ in 0..2 {
        assert_eq!(ended(&mut rose, LEAVE)["model"], "small");
    }
    let end = ended(&mut rose, LEAVE);
    assert_eq!((&end["found"], &end["model"]), (&json!(true), &Value::Null), "{end}");
    let why = "Vos jetons du jour pour ce modèle sont épuisés ; il rédigera de nouveau pour vous après minuit (UTC).";
    assert_eq!(end["failed"], json!([["small", why]]));
    assert!(end["supported"].as_u64().unwrap() > 0, "{end}");
    let end = ended(&mut rose, "When does the lease end?");
    assert!(end["failed"][0][1].as_str().unwrap().starts_with("Your tokens of the day"), "{end}");
    // Somebody else has their own.
    assert_eq!(ended(&mut anne, LEAVE)["model"], "small");
    assert_eq!(asked.lock().unwrap().len(), 3);
    // It is the model that was not asked: it did not fail.
    let mut adam = Browser::of(&server, "adam");
    let row = eventually(|| {
        let usage = adam.json("/api/v1/usage?days=2");
        let rows = usage["used"].as_array().unwrap();
        let quoted = rows.iter().find(|row| row["model"].is_null() && row["questions"] == 2)?;
        assert_eq!(quoted["who"], "rose");
        rows.iter().find(|row| row["model"] == "small" && row["who"] == "rose").cloned()
    });
    assert_eq!((&row["questions"], &row["failed"]), (&json!(2), &json!(0)), "{row}");
}

#[test]
fn whose_tokens_are_used_up_has_the_fallback_write() {
    let (port, asked) = service(|_| Some(format!("{FACT} [1].")));
    let limited = "fallback = 'cheap'\ntokens_per_person_per_day = 1";
    let (server, _accounts, _folder) =
        server_of_the_owner(&declared(port, "", &[("dear", limited), ("cheap", "")]));
    let question = json!({"question": LEAVE});
    assert_eq!(Told::of(&server, &question).end()["model"], "dear");
    let second = Told::of(&server, &question);
    assert_eq!(second.end()["model"], "cheap");
    let began = second.all("model");
    assert_eq!((began.len(), &began[0]["instead_of"]["name"]), (1, &json!("dear")), "{began:?}");
    assert_eq!(post(&server, "/v1/chat/completions", "", &asks_of("dear", LEAVE)).status, 200);
    assert_eq!(models(&asked), ["dear", "cheap"]);
}

#[test]
fn of_questions_that_come_at_once_one_passes_the_limit() {
    let (port, asked) = service(|_| Some(format!("{FACT} [1].")));
    let (server, _accounts, _folder) =
        server_of_the_owner(&declared(port, "", &[("small", "tokens_per_person_per_day = 1")]));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| Told::of(&server, &json!({"question": LEAVE})));
        }
    });
    assert_eq!(asked.lock().unwrap().len(), 1);
}

/// Counts tokens of the owner's, as if they had been used then.
fn count(accounts: &Accounts, model: &str, at_ms: i64) {
    let (who, model) = ("owner".to_owned(), model.to_owned());
    let used = Use { who, model, prompt_tokens: 5_000, ..Use::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(accounts.people(move |people| people.count_use(&used, at_ms))).unwrap();
}

#[test]
fn programs_are_told_to_wait_until_midnight_and_a_new_day_frees() {
    const DAY_MS: i64 = 86_400_000;
    let (port, asked) = service(|_| Some(format!("{FACT} [1].")));
    let limit = "tokens_per_person_per_day = 2_000";
    let (server, accounts, _folder) =
        server_of_the_owner(&declared(port, "", &[("small", limit), ("other", limit)]));
    // Of the one today's, and tomorrow's should it become midnight meanwhile; of the other yesterday's.
    let now = now_ms();
    count(&accounts, "small", now);
    count(&accounts, "small", now + DAY_MS);
    count(&accounts, "other", now - DAY_MS);
    let messages = json!([{"role": "user", "content": LEAVE}]);
    for (path, body) in [
        ("/v1/chat/completions", json!({"messages": messages})),
        ("/v1/chat/completions", json!({"model": "small", "messages": messages, "stream": true})),
        ("/v1/responses", json!({"model": "small", "input": LEAVE})),
    ] {
        let answer = post(&server, path, "", &body.to_string());
        assert_eq!(answer.status, 429, "{body}: {}", answer.text());
        let wait: u64 = answer.header("retry-after").parse().unwrap();
        assert!((1..=86_400).contains(&wait), "{wait}");
        let told = answer.json();
        let error = &told["error"];
        let kind = (&error["type"], &error["code"], &error["param"]);
        assert_eq!(kind, (&json!("tokens"), &json!("rate_limit_exceeded"), &Value::Null), "{told}");
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with("Vos jetons du jour"), "{message}");
        assert!(message.contains(" / Your tokens of the day"), "{message}");
    }
    // Other people's assistants get sentences of the documents, and are told why.
    let quoted = tool(&server, "ask", "question", LEAVE);
    assert!(
        quoted.contains("deux jours et demi") && quoted.contains("small: Vos jetons du jour"),
        "{quoted}"
    );
    // Where nothing answers no model would be asked, and nobody is told to wait.
    let moon = asks_of("small", "Quelle est la couleur de la lune ?");
    assert_eq!(post(&server, "/v1/chat/completions", "", &moon).status, 200);
    assert!(asked.lock().unwrap().is_empty());
    assert_eq!(post(&server, "/v1/chat/completions", "", &asks_of("other", LEAVE)).status, 200);
    assert_eq!(models(&asked), ["other"]);
}

#[test]
fn what_was_written_until_somebody_stopped_it_is_counted() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let text = format!("{FACT} [1]. Puis");
    let event = json!({"choices": [{"delta": {"content": text}}]});
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            request_body(&stream).unwrap();
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
            let _ = stream.write_all(format!("{head}data: {event}\n\n").as_bytes());
            // Says nothing more, until it is hung up on.
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    let (server, _accounts, _folder) = server_of_the_owner(&declared(port, "", &[("slow", "")]));
    let (host, body) = (server.address, json!({"question": LEAVE}).to_string());
    let mut page = TcpStream::connect(host).unwrap();
    page.set_read_timeout(Some(std::time::Duration::from_secs(120))).unwrap();
    let head = format!(
        "POST /api/v1/answer HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    page.write_all(format!("{head}{body}").as_bytes()).unwrap();
    assert!(BufReader::new(&page).lines().any(|line| line.unwrap() == "event: draft"));
    drop(page);
    let row = eventually(|| server.json("/api/v1/usage?days=2")["used"].as_array().unwrap().first().cloned());
    assert_eq!((&row["model"], &row["questions"]), (&json!("slow"), &json!(0)), "{row}");
    assert_eq!(row["completion_tokens"], text.len().div_ceil(3), "{row}");
    assert!(row["prompt_tokens"].as_u64().unwrap() > 100, "{row}");
}

#[test]
fn the_administration_shows_who_runs_a_model_its_limits_and_its_use_today() {
    let (port, _) = service(|_| Some(format!("{FACT} [1].")));
    let limits =
        "operator = 'Mairie'\njurisdiction = 'FR'\nmax_tokens = 300\ntokens_per_person_per_day = 9_000";
    let (server, _people) = server_with_people(&declared(port, "", &[("small", limits), ("plain", "")]));
    let mut rose = Browser::of(&server, "rose");
    for _ in 0..2 {
        ended(&mut rose, LEAVE);
    }
    let mut adam = Browser::of(&server, "adam");
    let shown = eventually(|| {
        let shown = adam.json("/api/v1/models");
        (shown["models"][0]["today"]["questions"] == 2).then_some(shown)
    });
    let (small, plain) = (&shown["models"][0], &shown["models"][1]);
    assert_eq!((&small["operator"], &small["jurisdiction"]), (&json!("Mairie"), &json!("FR")));
    assert_eq!((&small["max_tokens"], &small["tokens_per_person_per_day"]), (&json!(300), &json!(9_000)));
    let today = json!({"questions": 2, "failed": 0, "prompt_tokens": 2_000, "completion_tokens": 400});
    assert_eq!(small["today"], today);
    let described = adam.json("/api/v1/openapi.json");
    for key in ["operator", "jurisdiction", "max_tokens", "tokens_per_person_per_day"] {
        assert_eq!(plain[key], Value::Null, "{key}");
        assert!(described["components"]["schemas"]["ModelView"]["properties"][key].is_object(), "{key}");
    }
    assert_eq!(plain["today"]["questions"], 0);
    assert_eq!(rose.get("/api/v1/models").status, 403);
}
