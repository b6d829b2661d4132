//! Is everything that the program may say of a place, a file, its walls or a request said in French too?

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
    // What readers look for, write into the text or say to each other.
    "titre principal",
    "document title",
    "sans ",
    "powerpoint presentation",
    "présentation powerpoint",
    "presentation powerpoint",
    "republique francaise",
    "liberte egalite fraternite",
    "republique francaise liberte egalite fraternite",
    "egalite fraternite",
    "kill -KILL $$",
    "kill -TERM $$",
    "the reader fell: ",
    "slide 1",
    "diapositive 1",
    "microsoft word - ",
    "{} UTC",
    "unnamed {}",
    "memory allocation",
    "out of memory",
    "overflowed its stack",
    "tar: {}",
    "zstd: {}",
];

/// Programs whose texts are for the terminal.
const TERMINAL: &str = "render.rs";

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
                    Some('u') => {
                        let code: String =
                            letters.by_ref().skip(1).take_while(|letter| *letter != '}').collect();
                        text.extend(u32::from_str_radix(&code, 16).ok().and_then(char::from_u32));
                    }
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
        } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with(TERMINAL) {
            into.push(std::fs::read_to_string(path).unwrap());
        }
    }
}

/// The messages with their French.
fn french() -> String {
    let assets = intramuros_testkit::package_folder(env!("CARGO_MANIFEST_DIR")).join("assets");
    ["details-fr.js", "said-fr.js"].map(|name| std::fs::read_to_string(assets.join(name)).unwrap()).concat()
}

/// The messages whose French is known.
fn known(french: &str) -> Vec<String> {
    let message = |line: &str| {
        line.trim().strip_prefix("[\"")?.split("\", \"").next().map(|text| text.replace('\\', ""))
    };
    french.lines().filter_map(message).collect()
}

/// By what requests that fail are told why, and what to do.
const TELLS: &[&str] = &[
    "bad_request(",
    "forbidden(",
    "::refused(",
    "conflict(",
    "wrong(",
    "no_original(",
    "too_large(",
    ".hint(",
    "let message = ",
];

/// What a program of the server tells people when it does not do what is asked.
fn told(program: &str) -> Vec<String> {
    let program = program.split("#[cfg(test)]").next().unwrap_or_default();
    let calls = TELLS.iter().flat_map(|call| program.split(call).skip(1));
    calls
        .filter(|rest| {
            let before = rest.split('"').next().unwrap_or_default();
            before
                .chars()
                .all(|letter| letter.is_alphanumeric() || letter.is_whitespace() || "_:,(!&".contains(letter))
        })
        .filter_map(|rest| literals(rest).into_iter().next())
        .filter(|text| text.contains(' '))
        .collect()
}

#[test]
fn what_the_server_says_when_it_refuses_is_said_in_french_too() {
    let source = intramuros_testkit::package_folder(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut of_the_server = Vec::new();
    programs(&source.join("api"), &mut of_the_server);
    for name in ["guard.rs", "failure.rs", "caller.rs", "parameters.rs"] {
        of_the_server.push(std::fs::read_to_string(source.join(name)).unwrap());
    }
    let known = known(&french());
    let mut missing: Vec<String> = of_the_server.iter().flat_map(|program| told(program)).collect();
    assert!(missing.len() > 60, "{}", missing.len());
    missing.retain(|text| !known.contains(text));
    assert!(missing.is_empty(), "say these in assets/said-fr.js: {missing:#?}");
}

#[test]
fn what_is_administered_and_what_the_kernel_leaves_out_is_said_in_french_too() {
    let here = intramuros_testkit::package_folder(env!("CARGO_MANIFEST_DIR"));
    let words = std::fs::read_to_string(here.join("assets/account-words.js")).unwrap();
    let mut of_the_server = Vec::new();
    programs(&here.join("src"), &mut of_the_server);
    let acts = ["act(&caller, \"", "act(caller, \"", "note(&shared, &caller, \""];
    let mut actions: Vec<&str> = of_the_server
        .iter()
        .flat_map(|program| acts.iter().flat_map(|act| program.split(act).skip(1)))
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(actions.len() > 20, "{}", actions.len());
    actions.retain(|action| !words.contains(&format!("\"{action}\":")));
    assert!(actions.is_empty(), "say these in assets/account-words.js: {actions:#?}");
    let plan = std::fs::read_to_string(here.join("../seal/src/plan.rs")).unwrap();
    let left_out = plan.split("pub fn missing").nth(1).unwrap_or_default();
    let known = known(&french());
    let mut unsaid = literals(left_out);
    unsaid.retain(|text| text.contains(' ') && !known.contains(text));
    assert!(unsaid.is_empty(), "say these in assets/said-fr.js: {unsaid:#?}");
}

#[test]
fn what_fetching_and_reading_say_is_said_in_french_too() {
    let here = intramuros_testkit::package_folder(env!("CARGO_MANIFEST_DIR"));
    let french = french();
    let known = known(&french);
    assert!(known.len() > 100, "{}", known.len());
    let mut all = Vec::new();
    programs(&here.join("../sources/src"), &mut all);
    programs(&here.join("../egress/src"), &mut all);
    programs(&here.join("../ingest/src"), &mut all);
    for of_the_library in ["contents.rs", "read.rs"] {
        all.push(std::fs::read_to_string(here.join("../library/src").join(of_the_library)).unwrap());
    }
    let mut missing: Vec<String> = Vec::new();
    for text in all.iter().flat_map(|program| literals(program)) {
        let message = text.contains(' ')
            && text.starts_with(|letter: char| letter.is_ascii_lowercase() || letter == '{')
            && !NOT_SAID.iter().any(|start| text.starts_with(start))
            && !is_joined(&text);
        if message && !known.contains(&text) {
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
