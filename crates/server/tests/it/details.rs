//! Is everything that fetching may say against a place said in French too?

use std::path::Path;

/// Texts of programs and protocols among the messages: nobody is told them.
const NOT_SAID: &[&str] = &[
    "ref-prefix {}",
    "want {}",
    "deepen 1",
    "filter blob:none",
    "version 2",
    "committer ",
    "tree ",
    "x, {}",
    "version https://git-lfs",
    "application/xml; charset=utf-8",
    "{} LOGIN",
    "{} UID FETCH",
    "{} {",
    "{} / {}",
    // What the terminal says at the start, and what stands in the log.
    "write the password, token or key alone into the file",
];

/// Texts that are made of what is said elsewhere.
fn is_joined(text: &str) -> bool {
    text.replace("{}", "").chars().all(|letter| !letter.is_alphabetic())
}

/// The string literals of a program, with `{}` for every value in them.
fn literals(program: &str) -> Vec<String> {
    let program = program.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = program.lines().filter(|line| !line.trim_start().starts_with("//"));
    let program = lines.collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    let mut letters = program.chars().peekable();
    while let Some(letter) = letters.next() {
        // A letter in quotes is none of a text: `'"'`.
        if letter == '\'' && letters.peek() == Some(&'"') {
            letters.nth(1);
        }
        if letter != '"' {
            continue;
        }
        let (mut text, mut value) = (String::new(), false);
        while let Some(letter) = letters.next().filter(|letter| *letter != '"') {
            match letter {
                '\\' => match letters.next() {
                    Some('\n') => {
                        while letters.peek().is_some_and(|letter| letter.is_whitespace()) {
                            letters.next();
                        }
                    }
                    Some('n' | 'r') | None => {}
                    Some(other) => text.push(other),
                },
                '{' => {
                    value = true;
                    text.push_str("{}");
                }
                '}' => value = false,
                _ if value => {}
                letter => text.push(letter),
            }
        }
        found.push(text);
    }
    found
}

fn programs(folder: &Path, into: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            programs(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            into.push(std::fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn what_fetching_says_of_a_place_is_said_in_french_too() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let french = std::fs::read_to_string(here.join("assets/details-fr.js")).unwrap();
    let known: Vec<&str> =
        french.lines().filter_map(|line| line.trim().strip_prefix("[\"")?.split("\", \"").next()).collect();
    assert!(known.len() > 100, "{}", known.len());
    let mut all = Vec::new();
    programs(&here.join("../sources/src"), &mut all);
    programs(&here.join("../egress/src"), &mut all);
    let mut missing: Vec<String> = Vec::new();
    for text in all.iter().flat_map(|program| literals(program)) {
        let message = text.contains(' ')
            && text.starts_with(|letter: char| letter.is_ascii_lowercase() || letter == '{')
            && !NOT_SAID.iter().any(|start| text.starts_with(start))
            && !is_joined(&text);
        if message && !known.contains(&text.as_str()) {
            missing.push(text);
        }
    }
    assert!(missing.is_empty(), "say these in assets/details-fr.js: {missing:#?}");
    // Each says as much in French: what differs stands in both.
    for line in french.lines().filter(|line| line.trim().starts_with("[\"")) {
        let (english, french) = line.split_once("\", \"").unwrap();
        let values = |text: &str| text.matches("{}").count();
        assert!(values(french) == values(english) || english.contains("os error"), "{line}");
    }
}
