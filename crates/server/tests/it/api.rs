//! What does each address answer, and what does it refuse?

use std::collections::BTreeSet;

use intramuros_core::access::Principal;
use intramuros_server::{Settings, endpoints, openapi};
use serde_json::{Value, json};

use crate::conversations;
use crate::people;
use crate::support::{DRAWN, FILES, Scene, Server, drawing};

#[test]
fn a_search_gives_marked_snippets_places_and_facets() {
    let server = Server::start(Scene::default());
    let found = server.json("/api/v1/search?q=cong%C3%A9");
    assert_eq!(found["total"], 1);
    let result = &found["results"][0];
    assert_eq!(result["title"], "Congés payés");
    assert_eq!(result["path"], "rh/conges.txt");
    assert_eq!(result["kind"], "text");
    let passage = &result["passages"][0];
    assert!(passage["lines"][0].as_u64().unwrap() >= 1);
    let pieces: Vec<&Value> = passage["snippet"].as_array().unwrap().iter().collect();
    let marked: Vec<&str> = pieces
        .iter()
        .filter(|piece| piece["mark"] == true)
        .map(|piece| piece["text"].as_str().unwrap())
        .collect();
    assert!(marked.iter().all(|word| word.to_lowercase().starts_with("congé")), "{marked:?}");
    assert!(!marked.is_empty());
    assert_eq!(found["facets"]["folders"][0]["value"], "rh");
    let typing = server.json("/api/v1/search?q=t%C3%A9l%C3%A9tra&typing=true");
    assert_eq!(typing["results"][0]["path"], "rh/teletravail.txt");
}

#[test]
fn filters_narrow_and_repeat() {
    let server = Server::start(Scene::default());
    let check = |query: &str, expected: &[&str]| {
        let found = server.json(&format!("/api/v1/search?q=deux&{query}"));
        let mut paths: Vec<&str> =
            found["results"].as_array().unwrap().iter().map(|hit| hit["path"].as_str().unwrap()).collect();
        paths.sort_unstable();
        assert_eq!(paths, expected, "{query}");
        assert_eq!(found["total"], expected.len());
    };
    check("", &["plan.pdf", "rh/conges.txt", "rh/teletravail.txt"]);
    check("kind=pdf", &["plan.pdf"]);
    check("kind=pdf&kind=text", &["plan.pdf", "rh/conges.txt", "rh/teletravail.txt"]);
    check("folder=rh", &["rh/conges.txt", "rh/teletravail.txt"]);
    check("year=1999", &[]);
    let first = server.json("/api/v1/search?q=deux&limit=1");
    let second = server.json("/api/v1/search?q=deux&limit=1&offset=1");
    assert_eq!((&first["more"], first["total"].as_u64()), (&Value::Bool(true), Some(3)));
    assert_ne!(first["results"][0]["id"], second["results"][0]["id"]);
}

#[test]
fn parameters_out_of_range_are_refused_with_words() {
    let server = Server::start(Scene::default());
    let check = |path: &str, expected: &str| {
        let answer = server.get(path);
        assert_eq!(answer.status, 400, "{path}: {}", answer.text());
        let failure = answer.json();
        assert_eq!(failure["kind"], "bad_request");
        assert!(failure["message"].as_str().unwrap().contains(expected), "{path}: {failure}");
        assert!(failure["hints"].is_array());
    };
    check("/api/v1/search", "missing");
    check("/api/v1/search?q=a&limit=0", "`limit`");
    check("/api/v1/search?q=a&limit=101", "`limit`");
    check("/api/v1/search?q=a&limit=-1", "`limit`");
    check("/api/v1/search?q=a&limit=99999999999999999999999", "`limit`");
    check("/api/v1/search?q=a&offset=200", "`offset`");
    check("/api/v1/search?q=a&limit=100&offset=150", "together");
    check("/api/v1/search?q=a&q=b", "more than once");
    check("/api/v1/search?q=a&typing=yes", "`typing`");
    check("/api/v1/search?q=a&kind=exe", "`kind`");
    check("/api/v1/search?q=a&language=klingon", "`language`");
    check("/api/v1/search?q=a&year=soon", "`year`");
    check("/api/v1/search?q=a&colour=red", "`colour`");
    check(&format!("/api/v1/search?q={}", "a".repeat(2_049)), "bytes");
    check(&format!("/api/v1/search?q=a&folder={}", "a".repeat(4_000)), "too long");
    check(&format!("/api/v1/search?q=a{}", "&kind=pdf".repeat(17)), "times");
    check(&format!("/api/v1/search?q=a{}", "&x=1".repeat(100)), "parameters");
    check("/api/v1/documents/1?blocks=0", "`blocks`");
    check("/api/v1/documents/1?passage=x", "`passage`");
    check("/api/v1/failures?limit=1001", "`limit`");
    check("/api/v1/status?x=1", "`x`");
    // Whatever is asked, it is no fault of ours.
    server.json("/api/v1/search?q=%00");
    check("/api/v1/ask?q=%00", "missing");
    check("/api/v1/ask?q=", "missing");
    for question in ["%22", "%22%20-", "-", "title:", "%F0%9F%98%80", "a%20OR%20", "(", "*"] {
        server.json(&format!("/api/v1/search?q={question}"));
        server.json(&format!("/api/v1/ask?q={question}"));
    }
    assert_eq!(server.get("/api/v1/search?q=%FF").status, 200);
}

#[test]
fn a_document_is_shown_with_its_passage_marked() {
    let server = Server::start(Scene::default());
    let id = server.document("rh/conges.txt");
    let found = server.json("/api/v1/search?q=avance");
    let passage = found["results"][0]["passages"][0]["id"].as_i64().unwrap();
    let document = server.json(&format!("/api/v1/documents/{id}?passage={passage}"));
    assert_eq!(document["title"], "Congés payés");
    assert_eq!(document["total"], 3);
    assert_eq!(document["marked"]["block"], 2);
    assert_eq!(document["blocks"][0]["kind"], "heading");
    let cell = &document["blocks"][2]["cells"][0];
    let expected = serde_json::json!([{"text": "Les congés se posent un mois à l’avance.", "mark": true}]);
    assert_eq!(*cell, expected);

    // A range marks exactly its bytes, wherever it is cut.
    let start = found["results"][0]["passages"][0]["start"].as_u64().unwrap();
    let marked = server.json(&format!("/api/v1/documents/{id}?start={}&end={}", start + 4, start + 11));
    assert_eq!(marked["blocks"][2]["cells"][0][1], serde_json::json!({"text": "congés", "mark": true}));
    for range in ["start=0&end=99999", "start=5&end=5", "start=9&end=2", "passage=999999"] {
        let unmarked = server.json(&format!("/api/v1/documents/{id}?{range}"));
        assert_eq!(unmarked["marked"], Value::Null, "{range}");
    }

    let table = server.json(&format!("/api/v1/documents/{}", server.document("prix.txt")));
    assert_eq!(table["blocks"][1]["header"], true);
    assert_eq!(table["blocks"][2]["cells"][0][0]["text"], "clou");
    assert_eq!(table["blocks"][2]["cells"][1][0]["text"], "3");
    let part = server.json(&format!("/api/v1/documents/{id}?from=1&blocks=1"));
    assert_eq!((part["blocks"].as_array().unwrap().len(), part["first"].as_u64()), (1, Some(1)));
}

#[test]
fn what_is_marked_stands_on_its_own_line() {
    let text = "# Bail\n\nLe bail commence\nle premier mai et finit\nle trente avril à midi.\n";
    let server = Server::reading_all(Scene { files: &[("bail.md", text)], ..Scene::default() });
    let id = server.document("bail.md");
    let whole = server.json(&format!("/api/v1/documents/{id}"));
    let text_of = |block: &Value| block["cells"][0][0]["text"].as_str().unwrap().to_owned();
    let blocks = whole["blocks"].as_array().unwrap();
    let block = blocks.iter().find(|block| text_of(block).contains("trente")).unwrap();
    // One block of three lines.
    assert_eq!((block["line"].as_u64(), text_of(block).contains("commence")), (Some(3), true), "{block}");
    let line = |word: &str| {
        let start = block["start"].as_u64().unwrap() as usize + text_of(block).find(word).unwrap();
        let end = start + word.len();
        server.json(&format!("/api/v1/documents/{id}?start={start}&end={end}"))["marked"]["line"].as_u64()
    };
    assert_eq!([line("commence"), line("premier"), line("trente")], [Some(3), Some(4), Some(5)]);
}

#[test]
fn originals_are_never_active_content_and_only_what_was_read() {
    let server = Server::start(Scene::default());
    let original = |path: &str| server.get(&format!("/api/v1/documents/{}/original", server.document(path)));
    let pdf = original("plan.pdf");
    assert_eq!((pdf.status, pdf.header("content-type")), (200, "application/pdf"));
    assert!(pdf.header("content-disposition").starts_with("inline"));
    assert!(pdf.text().starts_with("%PDF-"));
    let text = original("rh/conges.txt");
    assert_eq!(text.header("content-type"), "application/octet-stream");
    assert!(text.header("content-disposition").starts_with("attachment"));
    assert!(text.header("content-security-policy").contains("sandbox"));
    for answer in [&pdf, &text] {
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
    // Changed since it was read: not handed out, and the page does not offer it.
    std::fs::write(server.root.path().join("plan.pdf"), "%PDF-1.4 something else").unwrap();
    assert_eq!(original("plan.pdf").status, 404);
    let view = server.json(&format!("/api/v1/documents/{}", server.document("plan.pdf")));
    assert_eq!(view["original"], Value::Null);
    // Another file in its place, behind a link.
    #[cfg(unix)]
    {
        let path = server.root.path().join("rh/conges.txt");
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", &path).unwrap();
        assert_eq!(original("rh/conges.txt").status, 404);
    }
}

#[test]
fn a_question_is_answered_with_citations_or_not_at_all() {
    let server = Server::start(Scene::default());
    let answer = server.json("/api/v1/ask?q=combien%20de%20jours%20de%20cong%C3%A9s%20par%20mois%20%3F");
    assert_eq!(answer["found"], true, "{answer}");
    let citation = &answer["citations"][0];
    assert_eq!(citation["number"], answer["statements"][0]["citation"]);
    let id = citation["document"]["id"].as_i64().unwrap();
    let (start, end) = (&citation["start"], &citation["end"]);
    let document = server.json(&format!("/api/v1/documents/{id}?start={start}&end={end}"));
    let blocks = document["blocks"].as_array().unwrap();
    let marked: Vec<&str> = blocks
        .iter()
        .flat_map(|block| block["cells"].as_array().unwrap())
        .flat_map(|cell| cell.as_array().unwrap())
        .filter(|piece| piece["mark"] == true)
        .map(|piece| piece["text"].as_str().unwrap())
        .collect();
    assert_eq!(marked.join("\n"), answer["statements"][0]["text"].as_str().unwrap());
    let none = server.json("/api/v1/ask?q=quelle%20est%20la%20capitale%20de%20la%20Mongolie%20%3F");
    assert_eq!(none["found"], false);
    assert_eq!(none["statements"], serde_json::json!([]));
    assert_eq!((&answer["absent"], &none["absent"]), (&json!([]), &json!(["capitale", "Mongolie"])));
}

#[test]
fn filters_that_filter_nothing_are_told_wherever_something_is_asked() {
    let server = Server::start(Scene::default());
    let check = |question: &str, code: &str, french: &str, english: &str| {
        let question = question.replace(' ', "%20").replace(':', "%3A");
        for path in ["search", "ask"] {
            let answer = server.json(&format!("/api/v1/{path}?q={question}"));
            let [notice] = answer["notices"].as_array().unwrap().as_slice() else { panic!("{answer}") };
            assert_eq!(notice["code"], code, "{answer}");
            assert!(notice["french"].as_str().unwrap().contains(french), "{notice}");
            assert!(notice["english"].as_str().unwrap().contains(english), "{notice}");
            assert_eq!(answer["absent"], json!([]), "{answer}");
        }
    };
    check("lease kind:xyz", "no_filter", "Possible : pdf, word", "Possible: pdf, word");
    check("lease after:hier", "no_filter", "dates comme 2024, 2024-05", "dates like 2024, 2024-05");
    check("lease lang:qq", "no_filter", "Possible : fr, en", "Possible: fr, en");
    check("lease source:inconnue", "nothing_there", "Sources : papers.", "Sources: papers.");
    check("lease before:1999", "nothing_passes", "passe les filtres : before:1999", "filters: before:1999");
    // What is left out narrows nothing, and what is being typed is no mistake.
    assert_eq!(server.json("/api/v1/search?q=lease%20kind%3Axyz")["results"][0]["path"], "legal/lease.txt");
    assert_eq!(server.json("/api/v1/search?q=lease%20kind%3Ate&typing=true")["notices"], json!([]));
    assert_eq!(server.json("/api/v1/search?q=lease%20kind%3Atext")["notices"], json!([]));
    // Of written answers, at the end.
    let events = answer(&server, "lease kind:xyz");
    let end = &events.last().unwrap().1;
    assert_eq!((&end["notices"][0]["code"], end["found"].is_boolean()), (&json!("no_filter"), true), "{end}");
}

/// The events of an answer: their names with their data.
fn answer(server: &Server, question: &str) -> Vec<(String, Value)> {
    let body = json!({"question": question}).to_string();
    let answer = server.send(&format!(
        "POST /api/v1/answer HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        server.address,
        body.len()
    ));
    let text = answer.text();
    let event = |event: &str| {
        let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        Some((field("event: ")?, serde_json::from_str(&field("data: ")?).unwrap()))
    };
    text.split("\n\n").filter_map(event).collect()
}

#[test]
fn a_quoted_sentence_of_an_answer_has_its_own_lines() {
    let text = "# Congés payés\n\nChaque salarié acquiert deux jours et demi de congés payés par mois de travail.\n\n\
                Le chat dort sur le toit.\n\nLa voisine arrose les géraniums le soir.\n\nLe train part à midi.\n";
    let server = Server::reading_all(Scene { files: &[("conges.md", text)], ..Scene::default() });
    let question = "Combien de jours de congés payés par mois ?";
    let asked =
        server.json("/api/v1/ask?q=Combien%20de%20jours%20de%20cong%C3%A9s%20pay%C3%A9s%20par%20mois%20%3F");
    let events = answer(&server, question);
    let of = |name: &str| events.iter().find(|(event, _)| event == name).map(|(_, data)| data).unwrap();
    let (sources, sentence) = (of("sources"), of("sentence"));
    let (place, cited) = (&sentence["places"][0], &asked["citations"][0]);
    assert_eq!((&place["lines"], &place["start"]), (&cited["lines"], &cited["start"]), "{sentence}");
    assert_ne!(place["lines"], sources["citations"][0]["lines"], "{sources}");
}

#[test]
fn the_state_and_what_was_not_read_are_told() {
    let server = Server::start(Scene::default());
    let status = server.json("/api/v1/status");
    assert_eq!(status["counts"]["documents"], 5);
    assert_eq!(status["counts"]["failed"], 1);
    assert_eq!(status["progress"]["words_in_step"], true);
    let failures = server.json("/api/v1/failures");
    assert_eq!(failures["failures"][0]["path"], "secret.txt");
    assert_eq!(failures["failures"][0]["reason"], "encrypted");
    assert_eq!(failures["reasons"], serde_json::json!([{"value": "encrypted", "count": 1}]));
    assert_eq!(server.json("/api/v1/health"), serde_json::json!({"status": "ok"}));
}

#[test]
fn progress_comes_as_events_that_end_with_the_server() {
    let mut server = Server::start(Scene::default());
    let address = server.address;
    let listener = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        write!(stream, "GET /api/v1/events HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
        let mut text = String::new();
        let _ = stream.read_to_string(&mut text);
        text
    });
    std::thread::sleep(std::time::Duration::from_millis(500));
    server.stop();
    let text = listener.join().unwrap();
    assert!(text.contains("content-type: text/event-stream"), "{text}");
    assert!(text.contains("event: progress") && text.contains("\"words_in_step\":true"), "{text}");
}

#[test]
fn a_page_is_drawn_with_its_passage_for_those_who_may_read_it() {
    let files = [("tours.pdf", DRAWN), ("prix.txt", "clou 3\n"), ("faux.pdf", "%PDF-1.4 nothing else\n")];
    let rules = "[[access]]\npath = \"**\"\ngroups = [\"murs\"]\n";
    let server = Server::start(Scene { files: &files, settings: drawing(), rules, ..Scene::default() });
    let id = server.document("tours.pdf");
    let view = server.json(&format!("/api/v1/documents/{id}"));
    assert_eq!(view["original"]["drawn"], true);
    let page = |query: &str| server.json(&format!("/api/v1/documents/{id}/pages/1{query}"));
    assert_eq!(
        (page("")["width"].as_f64(), page("")["marks"].as_array().map(Vec::len)),
        (Some(400.0), Some(0))
    );
    let marks = page("?start=9&end=35")["marks"].clone();
    let mark: Vec<f64> = marks[0].as_array().unwrap().iter().map(|share| share.as_f64().unwrap()).collect();
    assert!(mark[0] > 0.1 && mark[0] < 0.5 && mark[1] > 0.1 && mark[1] < 0.3 && mark[2] > 0.2, "{mark:?}");
    let address = format!("/api/v1/documents/{id}/pages/1/picture?width=300");
    let picture = server.get(&address);
    assert_eq!((picture.status, picture.header("content-type")), (200, "image/png"));
    assert!(picture.body.starts_with(b"\x89PNG"));
    assert_eq!(picture.header("cache-control"), "private, no-cache");
    let tag = picture.header("etag").to_owned();
    assert_eq!(server.get_with(&address, &format!("If-None-Match: {tag}\r\n")).status, 304);
    let check = |path: String, status: u16| assert_eq!(server.get(&path).status, status, "{path}");
    check(format!("/api/v1/documents/{id}/pages/2"), 404);
    check(format!("/api/v1/documents/{id}/pages/0/picture"), 404);
    check(format!("/api/v1/documents/{id}/pages/1/picture?width=99999"), 400);
    check(format!("/api/v1/documents/{}/pages/1", server.document("prix.txt")), 404);
    check(format!("/api/v1/documents/{}/pages/1/picture", server.document("faux.pdf")), 404);
    check("/api/v1/documents/99999/pages/1".to_owned(), 404);
    // Another who may not read it gets the words of what is not there.
    let visitor = Principal::user("zoe", ["ailleurs"]);
    let settings = Settings { visitor, ..drawing() };
    let other = Server::start(Scene { files: &files, settings, rules, ..Scene::default() });
    let id = other.document("tours.pdf");
    for path in [format!("/api/v1/documents/{id}/pages/1"), format!("/api/v1/documents/{id}/pages/1/picture")]
    {
        let (there, missing) = (other.get(&path), other.get(&path.replace(&format!("/{id}/"), "/99999/")));
        assert_eq!((there.status, there.json()), (missing.status, missing.json()), "{path}");
    }
}

#[test]
fn folders_list_what_may_be_read() {
    let server = Server::start(Scene::default());
    let check = |server: &Server, query: &str, folders: &[&str], documents: &[&str]| {
        let answer = server.json(&format!("/api/v1/folders{query}"));
        let names = |list: &str, key: &str| -> Vec<String> {
            answer[list].as_array().unwrap().iter().map(|one| one[key].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(names("folders", "name"), folders, "{query}");
        assert_eq!(names("documents", "path"), documents, "{query}");
    };
    check(&server, "", &["papers"], &[]);
    check(&server, "?source=papers", &["legal", "rh"], &["plan.pdf", "prix.txt"]);
    check(&server, "?source=papers&folder=rh", &[], &["rh/conges.txt", "rh/teletravail.txt"]);
    check(&server, "?source=papers&folder=rh&offset=1&limit=1", &[], &["rh/teletravail.txt"]);
    check(&server, "?source=nowhere", &[], &[]);
    assert_eq!(server.get("/api/v1/folders?source=papers&limit=9999").status, 400);
    // Somebody who may read one folder sees that one alone, and none of the others' counts.
    let rules = "[[access]]\npath = \"rh/**\"\ngroups = [\"rh\"]\n";
    let settings = Settings { visitor: Principal::user("anne", ["rh"]), ..Settings::default() };
    let narrow = Server::start(Scene { rules, settings, ..Scene::default() });
    check(&narrow, "?source=papers", &["rh"], &[]);
    check(&narrow, "?source=papers&folder=legal", &[], &[]);
    assert_eq!(narrow.json("/api/v1/folders")["folders"][0]["documents"], 2);
}

#[test]
fn the_openapi_document_covers_every_route_and_every_route_is_there() {
    let (accounts, _people) = people::accounts(false, "");
    let settings = Settings { accounts: Some(accounts), ..drawing() };
    let files: Vec<_> = FILES.iter().copied().chain([("tours.pdf", DRAWN)]).collect();
    let server = Server::start(Scene { settings, files: &files, ..Scene::default() });
    let drawn = server.document("tours.pdf").to_string();
    let served = server.json("/api/v1/openapi.json");
    assert_eq!(served, serde_json::to_value(openapi()).unwrap());
    let paths = served["paths"].as_object().unwrap();
    let described: BTreeSet<(String, String)> = paths
        .iter()
        .flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(|method| (method.clone(), path.clone()))
        })
        .collect();
    let api = endpoints().into_iter().filter(|endpoint| endpoint.path.starts_with("/api/v1/"));
    let there = api.map(|endpoint| (endpoint.method.to_lowercase(), endpoint.path.to_owned()));
    assert_eq!(described, there.collect());
    let id = server.document("prix.txt").to_string();
    let question = json!({"question": "Combien coûte un clou ?", "keep": true});
    let conversation = conversations::ask(&mut people::Browser::new(&server), &question).0.to_string();
    for route in paths.keys().filter(|route| !route.ends_with("events")) {
        if served["paths"][route]["get"].is_null() {
            // Asked with a body: there, but not to be read.
            let path = route.replace("{id}", "1").replace("{number}", "1");
            assert_eq!(server.get(&path).status, 405, "{route}");
            continue;
        }
        let one = match route {
            _ if route.starts_with("/api/v1/conversations/") => &conversation,
            _ if route.contains("{page}") => &drawn,
            _ => &id,
        };
        let path = route.replace("{id}", one).replace("{page}", "1");
        let query = match route.as_str() {
            "/api/v1/search" | "/api/v1/ask" => "?q=clou",
            "/api/v1/see-as" => "?person=anne&source=papers&path=prix.txt",
            _ => "",
        };
        let answer = server.get(&format!("{path}{query}"));
        assert_eq!(answer.status, 200, "{route}: {}", answer.text());
        // What is answered has the fields that are described, and no other.
        let schema =
            &served["paths"][route]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        if let Some(name) = schema["$ref"].as_str() {
            check_fields(&served, name, &answer.json());
        }
    }
}

/// Holds the fields of a value against those of a schema.
fn check_fields(document: &Value, reference: &str, value: &Value) {
    let name = reference.rsplit('/').next().unwrap();
    let mut described = BTreeSet::new();
    collect(document, &document["components"]["schemas"][name], &mut described);
    let found: BTreeSet<String> = value.as_object().unwrap().keys().cloned().collect();
    assert_eq!(found, described, "{name}");
}

fn collect(document: &Value, schema: &Value, fields: &mut BTreeSet<String>) {
    if let Some(properties) = schema["properties"].as_object() {
        fields.extend(properties.keys().cloned());
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        match part["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
            Some(name) => collect(document, &document["components"]["schemas"][name], fields),
            None => collect(document, part, fields),
        }
    }
}
