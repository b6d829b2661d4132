//! The commands as people run them.

use std::path::Path;

use clap::Parser;
use intramuros_core::error::Error;
use intramuros_core::perimeter::{Perimeter, Purpose};
use intramuros_journal::Journal;
use intramuros_perimeter::{cli, load, record};

#[derive(Parser)]
enum Program {
    Perimeter(cli::Perimeter),
    Journal(cli::Journal),
}

fn run(arguments: &[&str], folder: &Path) -> (String, Result<(), Error>) {
    let config = folder.join("intramuros.toml").display().to_string();
    let all = ["program"].iter().chain(arguments).copied().chain(["--config", &config]);
    let all: Vec<&str> = if arguments.ends_with(&["schema"]) || arguments.ends_with(&["sbom"]) {
        ["program"].iter().chain(arguments).copied().collect()
    } else {
        all.collect()
    };
    let mut out = Vec::new();
    let result = match Program::try_parse_from(all).unwrap_or_else(|error| panic!("{error}")) {
        Program::Perimeter(command) => command.run(None, &mut out),
        Program::Journal(command) => command.run(None, &mut out),
    };
    (String::from_utf8(out).unwrap(), result)
}

const CONFIG: &str = "\
[data]
folder = 'data'
[[source]]
name = '<b>docs</b>'
path = 'docs'
[[egress]]
host = 'api.example'
port = 443
purpose = 'answers'
operator = 'Operator & Co'
jurisdiction = 'FR'
data = 'questions'
until = 2020-01-01
[[egress]]
host = '127.0.0.1'
port = 9
purpose = 'embedding'
tls = false
[[model]]
name = 'far'
kind = 'open-ai'
purpose = 'answers'
url = 'https://api.example/v1'
";

/// A folder with a configuration, and a journal that saw one connection allowed and one refused.
fn place() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("docs")).unwrap();
    std::fs::write(folder.path().join("intramuros.toml"), CONFIG).unwrap();
    let perimeter = load::load(Some(&folder.path().join("intramuros.toml"))).unwrap();
    let options = record::options(&perimeter, &load::data_folder(&perimeter));
    let journal = Journal::open(options).unwrap().start().unwrap();
    let recorder = record::recorder(journal.clone());
    let egress = intramuros_egress::Egress::new(&perimeter, Default::default(), recorder).unwrap();
    let blocking = intramuros_egress::blocking::Blocking::new(egress).unwrap();
    assert!(blocking.connect(Purpose::Embedding, "127.0.0.1", 9).is_err());
    assert!(blocking.connect(Purpose::Answers, "evil.example", 443).is_err());
    journal.close();
    folder
}

#[test]
fn show_tells_where_each_value_comes_from() {
    let folder = place();
    let (text, result) = run(&["perimeter", "show", "--effective"], folder.path());
    result.unwrap();
    let line = |start: &str| {
        text.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{text}")).to_owned()
    };
    assert!(line("egress[0].port = 443").ends_with("intramuros.toml:8"));
    assert!(line("sealed = true").ends_with("# default; a change needs a restart"));
    assert!(line("journal.question_text").ends_with("# default"));
    let (text, _) = run(&["perimeter", "show"], folder.path());
    assert!(!text.contains("# default") && text.contains("source[0].name"));
    let (text, _) = run(&["perimeter", "show", "--json"], folder.path());
    assert!(serde_json::from_str::<serde_json::Value>(&text).unwrap().is_array());
}

#[test]
fn check_names_mistakes_and_what_is_not_there() {
    let folder = place();
    let (text, result) = run(&["perimeter", "check"], folder.path());
    result.unwrap();
    assert!(text.contains("no mistakes. 1 source, 0 access rules, 2 ways out"), "{text}");
    std::fs::remove_dir(folder.path().join("docs")).unwrap();
    let error = run(&["perimeter", "check"], folder.path()).1.unwrap_err();
    assert!(
        error.hints[0].contains("source[0].path") && error.hints[0].contains("intramuros.toml:5"),
        "{error:?}"
    );
    std::fs::write(folder.path().join("intramuros.toml"), "seled = true\n[server]\nlisten = 1").unwrap();
    let error = run(&["perimeter", "check"], folder.path()).1.unwrap_err();
    assert_eq!(error.hints.len(), 2);
    assert!(error.hints[0].contains(":1:1: unknown section or key `seled`"), "{error:?}");
}

#[test]
fn the_report_joins_rules_with_what_happened() {
    let folder = place();
    let (text, result) = run(&["perimeter", "report"], folder.path());
    result.unwrap();
    for expected in [
        "closed api.example:443 for answers, until 2020-01-01",
        "open   127.0.0.1:9 for embedding",
        "allowed 1, refused 0, last 20",
        "answers to evil.example:443: 1 times",
        "the way to api.example:443 ended on 2020-01-01",
        "no access rule covers the source",
        "enforced by egress",
        "model far: https://api.example/v1, run by Operator & Co (FR)",
        "in this program, run by this machine",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    let (json, _) = run(&["perimeter", "report", "--format", "json"], folder.path());
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["ways_out"][1]["use"]["allowed"], 1);
    assert_eq!(json["models"][1]["operator"], "Operator & Co");
    let (html, _) = run(&["perimeter", "report", "--format", "html"], folder.path());
    assert!(html.contains("<svg") && html.contains("Operator &amp; Co") && html.contains("&lt;b&gt;docs"));
    // Nothing is loaded from anywhere, and what was declared can't become a tag.
    for loading in ["<b>", "<script", "src=", "href=", "url(", "@import"] {
        assert!(!html.contains(loading), "{loading}");
    }
}

#[test]
fn the_journal_is_checked_and_exported() {
    let folder = place();
    let (text, result) = run(&["journal", "verify"], folder.path());
    result.unwrap();
    let noted = text.rsplit(' ').next().unwrap().trim().to_owned();
    run(&["journal", "verify", "--noted", &noted], folder.path()).1.unwrap();
    assert!(run(&["journal", "verify", "--noted", "1:00"], folder.path()).1.is_err());
    let (lines, result) = run(&["journal", "export", "--kind", "egress"], folder.path());
    result.unwrap();
    assert_eq!(lines.lines().count(), 2);
    assert!(lines.contains("\"allowed\":false") && lines.contains("no rule opens evil.example:443"));
    let (messages, _) =
        run(&["journal", "export", "--format", "syslog", "--from", "2020-01-01"], folder.path());
    assert!(messages.contains(" intramuros - egress - "));
    assert_eq!(run(&["journal", "export", "--to", "2020-01-01"], folder.path()).0, "");
    assert!(run(&["journal", "export", "--from", "soon"], folder.path()).1.is_err());
    assert!(run(&["journal", "export", "--send"], folder.path()).1.is_err());
    let segment = folder.path().join("data/journal/journal-00000001.jsonl");
    let changed = std::fs::read_to_string(&segment).unwrap().replacen("evil.example", "good.example", 1);
    std::fs::write(&segment, changed).unwrap();
    let (text, result) = run(&["journal", "verify"], folder.path());
    assert!(result.is_err() && text.contains("journal-00000001.jsonl:4: after entry 3"), "{text}");
}

#[test]
fn the_schema_has_every_key_and_no_other() {
    let (text, result) = run(&["perimeter", "schema"], Path::new("/"));
    result.unwrap();
    let schema: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(schema["additionalProperties"], false);
    let properties = schema["properties"].as_object().unwrap();
    for key in
        ["sealed", "server", "source", "access", "egress", "model", "partner", "journal", "dns", "proxy"]
    {
        assert!(properties.contains_key(key), "{key}");
    }
    assert_eq!(schema["$defs"]["Egress"]["additionalProperties"], false);
    let required: Vec<&str> = schema["$defs"]["Egress"]["required"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|key| key.as_str())
        .collect();
    assert_eq!(required, ["host", "port", "purpose"]);
    // What the schema lets through by its keys, the reader takes, and the reverse.
    for key in properties.keys() {
        let misspelt = format!("{key}x = 1");
        assert!(Perimeter::parse(&misspelt, "f").is_err());
    }
}
