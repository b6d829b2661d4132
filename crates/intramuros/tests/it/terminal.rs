//! What does somebody see in the terminal who does not know the program, and what of it may others on the machine see?

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;

use crate::support::House;

const ROOMS: &str = "# Tarifs\n\n| Salle | Prix |\n|---|---|\n| Iris | 90 € |\n| Glycine | 420 € |\n";

#[test]
fn an_answer_keeps_its_lines_and_says_what_copies_say_once() {
    let house = House::new(&[
        ("rooms.md", ROOMS),
        ("picnic.txt", "The annual picnic takes place on 21 June at Lake Annecy.\n"),
        ("copies/picnic.txt", "The annual picnic takes place on 21 June at Lake Annecy.\n"),
    ]);
    assert!(house.run(&["ingest", "documents", "--data", "data"]).1);
    let (said, _) = house.run(&["ask", "Quel est le prix de la salle Glycine ?", "--data", "data"]);
    assert!(said.contains("Salle | Prix\nIris | 90 €\nGlycine | 420 € [1]\n"), "{said}");
    let (said, _) = house.run(&["ask", "When does the annual picnic take place?", "--data", "data"]);
    assert_eq!(said.matches("takes place").count(), 1, "{said}");
    // A document without a title of its own is not named twice.
    assert!(
        said.contains("[1] copies/picnic.txt, line 1") || said.contains("[1] picnic.txt, line 1"),
        "{said}"
    );
}

#[test]
fn what_is_wrong_is_said_and_shown_by_the_exit_code() {
    let house = House::new(&[("a.txt", "Les clefs sont dans le tiroir.\n")]);
    assert!(house.run(&["ingest", "documents", "--data", "data", "--words-only"]).1);
    for command in ["ask", "search"] {
        let (said, well) = house.run(&[command, " ", "--data", "data"]);
        assert!(!well && said.contains("the question is empty"), "{command}: {said}");
    }
    // A result that can't be written is not taken for a whole one.
    for arguments in
        [&["search", "clefs", "--by", "words", "--data", "data"] as &[&str], &["completions", "bash"]]
    {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = house.command().args(arguments).stdout(full).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(74), "{arguments:?}: {said}");
        assert!(said.contains("can't be written") && !said.contains("panicked"), "{said}");
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (said, well) = house.run(&["serve", "documents", "--data", "data", "--listen", &address]);
    assert!(!well && said.contains("can't be listened on"), "{said}");
    assert!(!said.contains("internal error"), "{said}");
}

#[test]
fn what_is_wrong_is_said_with_what_to_do() {
    let house = House::new(&[("a.txt", "Les clefs sont dans le tiroir.\n")]);
    let check = |arguments: &[&str], code: i32, expected: &str| {
        let output = house.command().args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: no `{expected}` in: {said}");
    };
    check(&["ingest", "gone", "--data", "data"], 1, "hint: check how it is spelled");
    check(&["extract", "gone.txt"], 1, "hint: check how it is spelled");
    check(&["extract", "documents"], 1, "hint: give a file of it, or `intramuros ingest documents`");
    check(&["search", "-loyer"], 2, "`intramuros search -- -loyer`");
    check(&["ask", "bail", "-sans loyer"], 2, "`intramuros ask -- '-sans loyer'`");
    check(&["search", "loyer", "--lmit", "3"], 2, "'--limit'");
    assert!(house.run(&["ingest", "documents", "--data", "data", "--words-only"]).1);
    check(&["ask", "--as", "", "clefs", "--data", "data"], 1, "hint: leave --as out");
}

#[test]
fn a_question_in_which_nothing_can_be_seen_is_none() {
    let house = House::new(&[]);
    for question in ["", " ", "\u{200b}\u{feff}", "\u{ad}\u{2060}", "\u{202e}"] {
        for command in ["search", "ask"] {
            let (said, well) = house.run(&[command, question, "--data", "data"]);
            assert!(!well && said.contains("the question is empty"), "{command} {question:?}: {said}");
        }
    }
}

#[test]
fn names_of_files_are_shown_and_not_obeyed() {
    let house = House::new(&[
        ("evil\u{1b}[2J\u{1b}]0;x\u{7}.txt", "The orchard has pears.\n"),
        ("e\u{1b}[8m.txt", ""),
        ("un\ndeux.txt", ""),
    ]);
    let listed = ["unread", "--data", "data"];
    let found = ["search", "pears", "--by", "words", "--data", "data"];
    assert!(house.run(&["ingest", "documents", "--data", "data", "--words-only"]).1);
    for arguments in [&listed as &[&str], &found] {
        let (said, _) = house.run(arguments);
        assert!(!said.contains(['\u{1b}', '\u{7}']) && said.contains(".txt"), "{said:?}");
    }
    // A name is one line.
    assert!(house.run(&listed).0.contains("un\\ndeux.txt"));
}

#[test]
fn nobody_else_on_the_machine_looks_into_the_data() {
    let house = House::new(&[("a.txt", "Les clefs sont dans le tiroir.\n")]);
    // One folder that is made, and one that somebody made and left open.
    let open = house.path().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
    for data in ["made", "open"] {
        assert!(house.run(&["ingest", "documents", "--data", data, "--words-only"]).1);
        let mode = |path: &str| fs::metadata(house.path().join(path)).unwrap().permissions().mode() & 0o077;
        assert_eq!(mode(&format!("{data}/index")), 0);
        assert_eq!(mode(&format!("{data}/intramuros.sqlite")), 0);
        assert_eq!(mode(data) == 0, data == "made");
    }
    // Once it holds what is ours and nothing else it is closed, which is said; one with a document in it stays.
    let again = || house.run(&["ingest", "documents", "--data", "open", "--words-only"]).0;
    let mode = || fs::metadata(&open).unwrap().permissions().mode() & 0o777;
    fs::write(open.join("contrat.txt"), "un contrat").unwrap();
    assert!(!again().contains("could look into the data folder"));
    assert_eq!(mode(), 0o755);
    fs::remove_file(open.join("contrat.txt")).unwrap();
    assert!(again().contains("could look into the data folder"));
    assert_eq!(mode(), 0o700);
    assert!(!again().contains("could look into the data folder"));
}
