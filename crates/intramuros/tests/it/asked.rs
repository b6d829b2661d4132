//! Does a declared model write in the terminal too, checked, through the one door out?

use std::io::Write;
use std::net::TcpListener;

use intramuros_testkit::request_body;

use crate::support::House;

/// A model that says one thing that the document says, and one that it does not.
fn model() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            request_body(&stream).unwrap();
            let text = "Le bail dure neuf ans [1]. Le loyer est de 999 euros [1].";
            let event = format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
            let stop = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
            let _ = stream.write_all(format!("{head}{event}{stop}").as_bytes());
        }
    });
    port
}

/// A model that fails.
fn failing() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = request_body(&stream);
            let head = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            let _ = stream.write_all(head.as_bytes());
        }
    });
    port
}

#[test]
fn a_declared_model_writes_in_the_terminal_and_its_way_out_is_written_down() {
    let port = model();
    let house = House::new(&[("bail.txt", "Le bail dure neuf ans.\n")]);
    house.declare(&format!(
        "[assistant]\nunsupported = 'mark'\n[[egress]]\nhost = '127.0.0.1'\nport = {port}\npurpose = 'answers'\ntls = false\n\
         [[model]]\nname = 'local'\nkind = 'open-ai'\npurpose = 'answers'\nurl = 'http://127.0.0.1:{port}/v1'\n"
    ));
    let (said, good) = house.run(&["ingest", "--words-only"]);
    assert!(good, "{said}");
    let question = "Combien de temps dure le bail ?";
    let check = |arguments: &[&str], expected: &[&str]| {
        let (said, good) = house.run(arguments);
        assert!(good && expected.iter().all(|text| said.contains(text)), "{arguments:?}: {said}");
    };
    check(&["ask", question], &["Le bail dure neuf ans. [1]", "(?)", "Written by local", "bail.txt"]);
    check(&["ask", "--model", "local", "--json", question], &["\"model\": \"local\"", "\"unsupported\": 1"]);
    check(&["ask", "--quote", question], &["Le bail dure neuf ans. [1]"]);
    let (said, good) = house.run(&["ask", "--model", "another", question]);
    assert!(!good && said.contains("no model `another`"), "{said}");
    let egress = house.journal("egress");
    assert_eq!(egress.len(), 2, "{egress:?}");
    assert!(egress.iter().all(|event| event["allowed"] == true && event["port"] == port));
    assert_eq!(house.journal("question").len(), 3);
    // While the program runs, the way out is written down through it, before anything leaves.
    let program = house.serve();
    program.finds("bail", &["bail.txt"]);
    check(&["ask", question], &["Written by local"]);
    program.wait("the slip of the way out", || house.journal("egress").len() == 3);
    program.stop();
}

#[test]
fn what_is_missing_is_told_in_the_terminal() {
    let house = House::new(&[
        ("bail.txt", "Le bail dure neuf ans.\nLe point d’ébullition de l’eau est de 100 degrés.\n"),
        ("paie.txt", "La paie tombe le cinq du mois.\n"),
    ]);
    house.declare("");
    let (said, good) = house.run(&["ingest", "--words-only"]);
    assert!(good, "{said}");
    let check = |arguments: &[&str], code: i32, expected: &str| {
        let output = house.command().args(arguments).output().unwrap();
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
        said
    };
    let tungsten = "Quel est le point d’ébullition du tungstène ?";
    check(&["ask", tungsten], 1, "“tungstène” stands in none of the documents searched.");
    check(&["ask", "--json", tungsten], 1, "\"tungstène\"");
    let said = check(&["ask", "Combien de temps dure le bail ?"], 0, "neuf ans");
    assert!(!said.contains("stands in none"), "{said}");
    check(&["ask", "zzyzx"], 1, "“zzyzx” stands in none");
    // Nothing asked is no question that has no answer.
    check(&["ask", " ", ""], 2, "the question is empty");
    check(&["search", "\u{7}"], 2, "the question is empty");
}

#[test]
fn a_model_that_can_not_be_run_is_told_before_anything_else() {
    let house = House::new(&[("bail.txt", "Le bail dure neuf ans.\n")]);
    std::fs::write(house.path().join("model.gguf"), "<!DOCTYPE html>").unwrap();
    house.declare("[[model]]\nname = 'small'\nkind = 'gguf'\npurpose = 'answers'\nfile = 'model.gguf'\n");
    let output = house.command().args(["serve", "--listen", "127.0.0.1:0"]).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(output.stdout.is_empty() && !told.contains("Ctrl+C") && told.contains("small"), "{told}");
}

#[test]
fn sets_in_the_beir_layout_are_put_to_several_models_side_by_side() {
    let port = model();
    let house = House::new(&[]);
    house.declare(&format!(
        "[[egress]]\nhost = '127.0.0.1'\nport = {port}\npurpose = 'answers'\ntls = false\n\
         [[model]]\nname = 'local'\nkind = 'open-ai'\npurpose = 'answers'\nurl = 'http://127.0.0.1:{port}/v1'\n"
    ));
    for (set, title, text, question, answer) in [
        ("baux", "Bail", "Le bail dure neuf ans.", "Combien de temps dure le bail ?", "neuf ans"),
        ("paie", "Paie", "La paie tombe le cinq du mois.", "Quand tombe la paie ?", "le cinq du mois"),
    ] {
        let folder = house.path().join(set);
        std::fs::create_dir(&folder).unwrap();
        let write = |name: &str, text: String| std::fs::write(folder.join(name), text).unwrap();
        let other = r#"{"_id": "d2", "title": "Jardin", "text": "La glycine grimpe sur le mur du jardin."}"#;
        write(
            "corpus.jsonl",
            format!("{{\"_id\": \"d1\", \"title\": \"{title}\", \"text\": \"{text}\"}}\n{other}\n"),
        );
        write(
            "queries.jsonl",
            format!("{{\"_id\": \"q1\", \"text\": \"{question}\", \"answers\": [\"{answer}\"]}}\n"),
        );
        write("qrels.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t1\n".to_owned());
    }
    let (said, good) = house.run(&["eval", "baux", "paie", "--with", "quote", "--with", "local", "--json"]);
    assert!(good, "{said}");
    let from = said.find("[{").or_else(|| said.find("[\n")).unwrap_or_else(|| panic!("{said}"));
    let mut figures = serde_json::Deserializer::from_str(&said[from..]).into_iter::<serde_json::Value>();
    let sets = figures.next().unwrap().unwrap();
    let figure = |set: usize, model: usize, name: &str| sets[set]["figures"][model][name].clone();
    assert_eq!((&sets[0]["set"], &sets[1]["set"]), (&"baux".into(), &"paie".into()));
    assert_eq!((figure(0, 0, "name"), figure(0, 1, "name")), ("quote".into(), "local".into()));
    for set in [0, 1] {
        assert_eq!(figure(set, 0, "recall_10"), 1.0, "{sets}");
        assert_eq!(figure(set, 0, "span"), 1.0, "{sets}");
    }
    // The model says the same of everything: right of the one set, wrong of the other.
    assert_eq!((figure(0, 1, "span"), figure(1, 1, "span")), (1.0.into(), 0.0.into()), "{sets}");
    // What was read for it is thrown away.
    let scratch = house.path().join("scratch");
    std::fs::create_dir(&scratch).unwrap();
    let mut command = house.command();
    let command = command.args(["eval", "baux", "--with", "quote", "--report", "report.html"]);
    let output = command.env("TMPDIR", &scratch).output().unwrap();
    assert!(output.status.success() && house.path().join("report.html").is_file(), "{output:?}");
    assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 0);
}

#[test]
fn what_stands_in_for_a_model_that_fails_is_not_measured_as_its_own() {
    let (good, bad) = (model(), failing());
    let house = House::new(&[("bail.txt", "Le bail dure neuf ans.\n")]);
    let way = |port: u16| {
        format!("[[egress]]\nhost = '127.0.0.1'\nport = {port}\npurpose = 'answers'\ntls = false\n")
    };
    let writer = |name: &str, port: u16, more: &str| {
        format!(
            "[[model]]\nname = '{name}'\nkind = 'open-ai'\npurpose = 'answers'\nurl = 'http://127.0.0.1:{port}/v1'\n{more}"
        )
    };
    let models = [
        writer("local", good, ""),
        writer("replaced", bad, "fallback = 'local'\n"),
        writer("alone", bad, "price_in = 1.0\nprice_out = 1.0\n"),
    ];
    house.declare(&format!("{}{}{}", way(good), way(bad), models.concat()));
    let (said, read) = house.run(&["ingest", "--words-only"]);
    assert!(read, "{said}");
    // The second question has no answer, as far as its set says: to fail is no right refusal.
    let questions = "- question: Combien de temps dure le bail ?\n  answer: neuf ans\n  sources: [bail.txt]\n\
        - question: Combien de temps dure le bail ?\n";
    std::fs::write(house.path().join("questions.yaml"), questions).unwrap();
    let mut command = house.command();
    command.env("LC_ALL", "C").args(["eval", "--questions", "questions.yaml", "--json"]);
    for name in ["quote", "local", "replaced", "alone"] {
        command.args(["--with", name]);
    }
    let output = command.args(["--report", "report.html"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let found: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    for whole in &found[..2] {
        assert_eq!((&whole["failures"], &whole["span"]), (&0.into(), &1.0.into()), "{whole}");
        assert!(whole["median_ms"].is_number(), "{whole}");
    }
    assert!(found[1]["completion_tokens"].as_u64().unwrap() > 0, "{found:?}");
    for failed in &found[2..] {
        assert_eq!((&failed["failures"], &failed["recall_10"]), (&2.into(), &1.0.into()), "{failed}");
        for nought in ["answered", "refused", "span", "token_f1", "citation_recall"] {
            assert_eq!(failed[nought], 0.0, "{nought}: {failed}");
        }
        for unmeasured in ["citation_precision", "supported", "first_ms", "median_ms", "p95_ms"] {
            assert!(failed[unmeasured].is_null(), "{unmeasured}: {failed}");
        }
        assert_eq!(failed["completion_tokens"], 0, "{failed}");
    }
    let page = std::fs::read_to_string(house.path().join("report.html")).unwrap();
    let count = |text: &str| page.matches(text).count();
    assert_eq!((count("(the model failed)"), count("Le bail dure neuf ans")), (4, 4), "{page}");
    // Why it failed is told while it goes on.
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("alone 2/2: "), "{said}");
}

#[test]
fn a_collection_that_is_not_theirs_is_a_refusal_and_one_that_is_not_there_a_mistake() {
    let house = House::new(&[("bail.txt", "Le bail dure neuf ans.\n")]);
    let paie = "[[collection]]\nname = 'Paie'\nsources = ['documents']\n";
    house.declare(&format!(
        "[[collection]]\nname = 'Baux'\nsources = ['documents']\ngroups = ['legal']\n{paie}"
    ));
    let (said, read) = house.run(&["ingest", "--words-only"]);
    assert!(read, "{said}");
    let eval = |second: &str, report: &str| {
        let first =
            "- question: Combien de temps dure le bail ?\n  answer: neuf ans\n  sources: [bail.txt]\n";
        std::fs::write(house.path().join("questions.yaml"), format!("{first}{first}{second}")).unwrap();
        let mut command = house.command();
        command.env("LC_ALL", "C").args(["eval", "--questions", "questions.yaml", "--with", "quote@Baux"]);
        command.args(["--json", "--report", report]).output().unwrap()
    };
    let output = eval("  as: anne\n", "report.html");
    assert!(output.status.success(), "{output:?}");
    let found: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    for half in ["answered", "span", "recall_10", "citation_recall"] {
        assert_eq!(found[0][half], 0.5, "{half}: {found:?}");
    }
    assert_eq!(found[0]["failures"], 0, "{found:?}");
    let page = std::fs::read_to_string(house.path().join("report.html")).unwrap();
    assert_eq!(page.matches("whoever asks may not choose this collection").count(), 1, "{page}");
    // Found before the first question is asked, and before anything is written.
    for (collection, expected) in
        [("Absent", "the collection `Absent`"), ("Paie", "`Paie`, and `--with quote@Baux` another")]
    {
        let output = eval(&format!("  collection: {collection}\n"), "late.html");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(expected) && said.contains("question 2") && !said.contains("1/2"), "{said}");
        assert!(!house.path().join("late.html").exists());
    }
}
