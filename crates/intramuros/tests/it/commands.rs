//! Do the commands that people and scripts call now and then give what they say, in a form that stays?

use std::io::{BufRead, BufReader, Cursor, Write};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::support::House;

/// What scripts take "no text in it" from.
const NOT_READ: i32 = 3;

fn run(house: &House, arguments: &[&str]) -> Output {
    house.command().env("LC_ALL", "C").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// An archive of one file that says it is encrypted.
fn locked() -> Vec<u8> {
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("a.txt", options).unwrap();
    writer.write_all(b"nobody reads this").unwrap();
    let mut bytes = writer.finish().unwrap().into_inner();
    // The first flag, of the file itself and in the list of files.
    for (mark, flags) in [(b"PK\x03\x04", 6), (b"PK\x01\x02", 8)] {
        let at = bytes.windows(4).position(|window| window == mark).unwrap();
        bytes[at + flags] |= 1;
    }
    bytes
}

#[test]
fn what_is_read_from_a_file_is_printed_and_what_is_not_shows_in_the_exit_code() {
    let house = House::new(&[("bail.md", "# Bail\n\nLe bail dure neuf ans.\n")]);
    std::fs::write(house.path().join("documents/locked.zip"), locked()).unwrap();
    let (read, shut) = ("documents/bail.md", "documents/locked.zip");
    let json = |output: &Output| -> Value { serde_json::from_slice(&output.stdout).unwrap() };

    let output = run(&house, &["extract", read]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).ends_with("# Bail\n\nLe bail dure neuf ans.\n"), "{}", text(&output.stdout));
    let output = run(&house, &["extract", "--json", read]);
    assert_eq!(output.status.code(), Some(0));
    let said = json(&output);
    assert_eq!((&said["file"], &said["outcome"]), (&json!(read), &json!("read")), "{said}");
    let document = &said["document"];
    assert_eq!((&document["title"], &document["kind"]), (&json!("Bail"), &json!("markdown")), "{said}");
    let last = json!({"type": "paragraph", "text": "Le bail dure neuf ans.", "place": {"line": 3}});
    assert_eq!(document["blocks"][1], last);

    let output = run(&house, &["extract", shut]);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(NOT_READ), ""));
    let why = text(&output.stderr);
    assert!(why.contains(&format!("{shut}: encrypted")) && why.contains("a password is needed"), "{why}");
    let output = run(&house, &["extract", "--json", shut]);
    assert_eq!(output.status.code(), Some(NOT_READ));
    assert_eq!((&json(&output)["file"], &json(&output)["outcome"]), (&json!(shut), &json!("encrypted")));

    // Of several files, those that can be read are, in their order.
    let output = run(&house, &["extract", shut, read]);
    assert_eq!(output.status.code(), Some(NOT_READ));
    assert!(
        text(&output.stdout).contains("==> documents/bail.md <==") && text(&output.stdout).contains("neuf")
    );
    let output = run(&house, &["extract", "--json", shut, read]);
    assert_eq!(output.status.code(), Some(NOT_READ));
    let said = json(&output);
    assert_eq!((&said[0]["outcome"], &said[1]["outcome"]), (&json!("encrypted"), &json!("read")), "{said}");
    // What is not there is another matter.
    let output = run(&house, &["extract", "documents/gone.txt"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("can't be read"), "{}", text(&output.stderr));
}

/// Two files that are read and one that is not.
fn three_files() -> House {
    House::new(&[
        ("bail.txt", "Le bail dure neuf ans.\n"),
        ("chat.txt", "Un chat dort sur le toit.\n"),
        ("abîmé.pdf", "%PDF-1.7 rien"),
    ])
}

#[test]
fn a_script_gets_progress_and_result_as_an_object_a_line() {
    let house = three_files();
    let output = run(&house, &["ingest", "documents", "--data", "data", "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let lines: Vec<Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (done, progress) = lines.split_last().unwrap();
    assert_eq!((&done["documents"], &done["passages"]), (&json!(2), &json!(2)), "{done}");
    assert_eq!(done["failed"], json!({"corrupt": 1}));
    let sources = done["sources"].as_array().unwrap();
    // Of uploads, which nobody declared, nothing is said.
    let [source] = sources.as_slice() else { panic!("{done}") };
    assert_eq!(source["source"], "documents");
    assert!(!text(&output.stdout).contains("uploads"), "{}", text(&output.stdout));
    assert_eq!((&source["read"], &source["failed"], &source["unchanged"]), (&json!(2), &json!(1), &json!(0)));
    assert!(
        progress.iter().all(|one| one["phase"].is_string() && one["files_done"].is_u64()),
        "{progress:?}"
    );
    let last = progress.last().unwrap();
    assert_eq!((&last["phase"], &last["passages"]), (&json!("idle"), &json!(2)), "{last}");
}

#[test]
fn without_a_terminal_progress_is_plain_lines_beside_the_result() {
    let house = three_files();
    let output = run(&house, &["ingest", "documents", "--data", "data"]);
    let (result, progress) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{progress}");
    let lines: Vec<&str> = result.lines().collect();
    assert_eq!(lines[..2], ["documents: 2 read, 1 not read", "2 documents, 2 passages"]);
    assert!(lines[2].starts_with("files or parts not read: 1"), "{result}");
    // Neither colours nor a bar that is drawn over itself: it may go into a file.
    assert!(!format!("{result}{progress}").contains(['\u{1b}', '\r']), "{progress:?}");
    assert_eq!(progress.lines().next_back(), Some("2 passages, all in step"), "{progress}");
}

#[test]
fn an_ingest_that_is_interrupted_says_what_it_kept_and_goes_on_later() {
    // Some seconds of work at least.
    let house = House::new(&[]);
    for number in 0..400 {
        let text = format!("Le dossier {number} tient dans le tiroir {}. ", number * 7);
        house.put(&format!("{number}.txt"), &text.repeat(12));
    }
    let ingest = ["ingest", "documents", "--data", "data"];
    let mut command = house.command();
    let command = command.env("LC_ALL", "C").args(ingest).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let first = lines.next();
    assert!(first.is_some(), "it works without a word");
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let last = lines.last().unwrap_or_default();
    let code = child.wait().unwrap().code();
    assert!(last.starts_with("Interrupted. Kept: ") && last.contains("same command goes on"), "{last}");
    assert_eq!(code, Some(130));
    let output = run(&house, &[&ingest[..], &["--words-only"]].concat());
    assert!(text(&output.stdout).contains("400 documents, "), "{}", text(&output.stdout));

    // What has no meaning yet is counted, with what must run for it to go on.
    let output = run(&house, &["search", "--data", "data", "dossier"]);
    let told = text(&output.stderr);
    assert!(
        told.contains(" passages, and nothing goes on") && told.contains("`intramuros ingest`"),
        "{told}"
    );
    let output = run(&house, &["search", "--data", "data", "--by", "words", "dossier"]);
    assert!(!text(&output.stderr).contains("passages"), "{}", text(&output.stderr));
}

#[test]
fn whoever_wants_words_alone_reads_nothing_of_meaning() {
    let house = three_files();
    let output = run(&house, &["ingest", "documents", "--data", "data", "--words-only"]);
    let progress = text(&output.stderr);
    assert!(output.status.success() && !progress.contains("meaning"), "{progress}");
    assert!(progress.lines().next_back().is_some_and(|line| line.contains("2 passages, ")), "{progress}");
}

#[test]
fn a_command_looks_into_the_folder_in_which_it_runs() {
    let house = House::new(&[("bail.txt", "Le bail dure neuf ans.\n")]);
    std::fs::create_dir_all(house.path().join("autres/sous")).unwrap();
    std::fs::write(house.path().join("autres/paie.txt"), "La paie tombe le cinq du mois.\n").unwrap();
    let search = |folder: &str, word: &str, file: &str| {
        let mut command = house.command();
        let command = command.env("LC_ALL", "C").current_dir(house.path().join(folder));
        let output = command.args(["search", "--by", "words", word]).output().unwrap();
        assert!(text(&output.stdout).contains(file), "{folder}: {}", text(&output.stdout));
        text(&output.stderr)
    };
    assert!(run(&house, &["ingest", "documents", "--words-only"]).status.success());
    // Where one folder is known there is nothing to say.
    let last = "the folder read last: ";
    assert!(!search("autres", "bail", "bail.txt").contains(last));
    assert!(run(&house, &["ingest", "autres", "--words-only"]).status.success());
    assert!(!search("documents", "bail", "bail.txt").contains(last));
    assert!(!search("autres/sous", "paie", "paie.txt").contains(last));
    let told = search(".", "paie", "paie.txt");
    assert!(told.contains(last) && told.contains("autres; for another"), "{told}");
}

#[test]
fn what_is_left_of_a_source_that_is_not_declared_any_more_is_told_and_can_be_forgotten() {
    let house = House::new(&[("bail.txt", "Le bail dure neuf ans.\n")]);
    std::fs::create_dir(house.path().join("vieux")).unwrap();
    std::fs::write(house.path().join("vieux/lierre.txt"), "Le lierre couvre trois murs.\n").unwrap();
    house.declare("[[source]]\nname = 'vieux'\npath = 'vieux'\n");
    let check = |arguments: &[&str], well: bool, expected: &str| {
        let (said, went_well) = house.run(arguments);
        assert!(went_well == well && said.contains(expected), "{arguments:?}: {said}");
        said
    };
    check(&["ingest", "--words-only"], true, "2 documents");
    let told = "of a source that is not declared any more: vieux; declare it, or remove them with";
    assert!(!check(&["status"], true, "").contains(told));
    check(&["forget", "vieux"], false, "is declared");
    house.declare("");
    check(&["status"], true, &format!("1 document {told} `intramuros forget 'vieux'`"));
    check(&["status", "--json"], true, "\"source\": \"vieux\"");
    check(&["search", "lierre"], true, "lierre.txt");
    check(&["forget", "autre"], false, "not declared any more: vieux");
    check(&["forget", "vieux"], true, "vieux: 1 document forgotten");
    let journal = check(&["journal", "export"], true, "source forgotten");
    assert_eq!(journal.matches("source forgotten").count(), 1, "{journal}");
    assert!(!check(&["status"], true, "").contains(told));
    check(&["search", "lierre"], false, "nothing found");
    assert!(house.path().join("vieux/lierre.txt").is_file());
}

#[test]
fn the_built_in_model_has_one_name_everywhere() {
    let house = House::new(&[("bail.txt", "Le bail dure neuf ans.\n")]);
    let program = house.serve();
    let name = "e5-small-fr-en";
    assert!(program.get("/v1/models").to_string().contains(&format!("\"{name}\"")));
    for asked in [name, "multilingual-e5-small"] {
        let answer = program.post("/v1/embeddings", &json!({"model": asked, "input": "un bail"}).to_string());
        assert_eq!(answer["model"], name, "{answer}");
    }
    program.stop();
    let (report, well) = house.run(&["perimeter", "report", "--data", "data", "--format", "json"]);
    assert!(well && report.contains(name), "{report}");
}

#[test]
fn the_report_is_of_the_data_folder_that_is_named_or_says_what_it_read() {
    let house = House::new(&[("bail.txt", "Le bail dure neuf ans.\n")]);
    std::fs::create_dir(house.path().join("paie")).unwrap();
    std::fs::write(house.path().join("paie/paie.txt"), "La paie tombe le cinq du mois.\n").unwrap();
    for folder in ["documents", "paie"] {
        let output = run(&house, &["ingest", folder, "--words-only"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    // The one that was not read last.
    let known = std::fs::read_to_string(house.path().join("intramuros/last")).unwrap();
    let data = known.split("\n\n").nth(1).and_then(|one| one.lines().next()).unwrap();
    let report = |data: &str| -> Value {
        let output = run(&house, &["perimeter", "report", "--data", data, "--format", "json"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let doubts = |made: &Value| made["open"].to_string().contains("name the configuration of");
    let made = report(data);
    assert_eq!((&made["file"], &made["data"]), (&Value::Null, &json!(data)), "{made}");
    assert!(made["sources"].to_string().contains("/documents") && !doubts(&made), "{made}");
    // What lies where the command runs may be of something else.
    house.declare("");
    let made = report(data);
    assert!(made["file"].as_str().unwrap().ends_with("/intramuros.toml") && doubts(&made), "{made}");
    assert!(!doubts(&report("data")));
}

#[test]
#[cfg(unix)]
fn a_link_that_is_not_followed_is_listed_with_what_was_not_read() {
    let house = House::new(&[("bail.txt", "Le bail dure neuf ans.\n")]);
    std::fs::write(house.path().join("paie.txt"), "La paie tombe le cinq du mois.\n").unwrap();
    // What the second one leads to is read.
    for (to, name) in [("../paie.txt", "paie.txt"), ("bail.txt", "again.txt")] {
        std::os::unix::fs::symlink(to, house.path().join("documents").join(name)).unwrap();
    }
    house.declare("");
    let (said, good) = house.run(&["ingest", "--words-only"]);
    assert!(good && said.contains("files or parts not read: 1"), "{said}");
    let unread: Value = serde_json::from_slice(&run(&house, &["unread", "--json"]).stdout).unwrap();
    let detail = "not readable: a link, not followed";
    let expected =
        json!({"source": "documents", "path": "paie.txt", "reason": "unreadable", "detail": detail});
    assert_eq!(unread, json!([expected]));
    let (said, _) = house.run_in("fr_FR.UTF-8", &["unread"]);
    assert!(said.contains("paie.txt") && said.contains("un lien, qui n’est pas suivi"), "{said}");
}

#[test]
fn each_shell_completes_the_commands() {
    let house = House::new(&[]);
    let check = |shell: &str, serve: &str| {
        let output = run(&house, &["completions", shell]);
        assert!(output.status.success(), "{shell}: {}", text(&output.stderr));
        // As the shell would offer it: the word alone also stands in explanations.
        assert!(text(&output.stdout).contains(serve), "{shell}: {}", text(&output.stdout));
    };
    check("bash", "intramuros,serve)");
    check("zsh", "(serve)");
    check("fish", "-a \"serve\"");
    check("elvish", "cand serve ");
    check("powershell", "[CompletionResult]::new('serve'");
    assert!(!run(&house, &["completions", "cobol"]).status.success());
}

#[test]
fn whoever_lost_the_owners_passphrase_gets_a_code_that_is_good_once() {
    let house = House::new(&[("bail.txt", "Le bail dure neuf ans.\n")]);
    house.declare("[accounts]\nrequired = true\n");
    // In a line that ends with where to type it, in each language.
    let place = "/sign-in#owner";
    let code_of = |line: &str| -> String {
        let code = line.split(": ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or_default();
        assert!(code.len() == 14 && code.matches('-').count() == 2, "{line}");
        code.to_owned()
    };
    let owner = |name: &str, code: &str| {
        json!({"code": code, "name": name, "passphrase": "quatre mots bien choisis"}).to_string()
    };
    let address = "/api/v1/first-owner";

    // Where there is no owner nobody has to ask for it.
    let program = house.serve();
    let first = code_of(&program.line(place));
    assert_eq!(program.post(address, &owner("anne", &first))["next"], "/");
    program.stop();

    let program = house.serve();
    program.says("Ctrl+C");
    assert!(!program.has_said(place), "a code is shown to whoever reads the log");
    program.stop();

    let program = house.serve_with(&["--owner-code"]);
    let second = code_of(&program.line(place));
    let kind = |answer: Value| answer["kind"].as_str().map(str::to_owned);
    assert!(kind(program.post(address, &owner("bruno", &first))).is_some(), "an old code is good");
    assert_eq!(program.post(address, &owner("bruno", &second))["next"], "/");
    assert!(kind(program.post(address, &owner("carla", &second))).is_some(), "a code is good twice");
    program.stop();
}
