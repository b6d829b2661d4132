//! Does anybody ever see, count or guess what is not theirs?

use intramuros_core::access::Principal;
use intramuros_library::{Library, SearchOptions};
use intramuros_store::DocumentId;
use proptest::prelude::*;

use crate::support::{found, scan, scene};

#[test]
fn rules_hold_by_path_and_follow_the_file() {
    let mut scene = scene(&[
        ("public/a.txt", "la cantine ouvre à midi"),
        ("rh/b.txt", "la cantine coûte cher"),
        ("c.txt", "la cantine ferme"),
    ]);
    scene.rules = "[[access]]\npath = \"public/**\"\neveryone = true\n\
                   [[access]]\npath = \"rh/**\"\nusers = [\"anne\"]\ngroups = [\"hr\"]\n"
        .to_owned();
    let library = scene.ready();
    let check = |principal: &str, expected: &[&str]| {
        let mut paths = found(&library, &Principal::parse(principal).unwrap(), "cantine");
        paths.sort();
        assert_eq!(paths, expected, "{principal}");
    };
    check("anne", &["public/a.txt", "rh/b.txt"]);
    check("bruno,hr", &["public/a.txt", "rh/b.txt"]);
    check("bruno", &["public/a.txt"]);
    assert_eq!(found(&library, &Principal::owner(), "cantine").len(), 3);
    assert_eq!(found(&library, &Principal::anonymous(), "cantine"), ["public/a.txt"]);
    assert!(library.failures(&Principal::parse("anne").unwrap(), 0, 10).unwrap().is_empty());

    // Moved into the open, moved out of it.
    std::fs::rename(scene.path("rh/b.txt"), scene.path("public/b.txt")).unwrap();
    std::fs::rename(scene.path("public/a.txt"), scene.path("rh/a.txt")).unwrap();
    scan(&library);
    check("bruno", &["public/b.txt"]);
    drop(library);

    // Another rule in the configuration costs no reading.
    scene.rules = "[[access]]\npath = \"c.txt\"\nusers = [\"bruno\"]\n".to_owned();
    let before = scene.read.load(std::sync::atomic::Ordering::Relaxed);
    let library = scene.ready();
    assert_eq!(found(&library, &Principal::parse("bruno").unwrap(), "cantine"), ["c.txt"]);
    assert_eq!(scene.read.load(std::sync::atomic::Ordering::Relaxed), before);
}

#[test]
fn what_is_told_of_filters_names_nothing_that_may_not_be_read() {
    let mut scene = scene(&[("rh/a.txt", "la cantine ouvre à midi"), ("libre/b.txt", "la cantine ferme")]);
    scene.rules = "[[access]]\npath = \"libre/**\"\nusers = [\"anne\"]\n".to_owned();
    let library = scene.ready();
    let told = |principal: &str, question: &str| {
        let principal = Principal::parse(principal).unwrap();
        let results = library.search(&principal, question, &SearchOptions::default()).unwrap();
        assert!(results.absent.is_empty(), "{:?}", results.absent);
        results
            .notices
            .into_iter()
            .map(|one| format!("{} {}", one.code, one.english))
            .collect::<Vec<_>>()
            .join("\n")
    };
    // Whoever reads nothing of a source or folder is told what they are told of one that is not there.
    assert_eq!(
        told("bruno", "cantine source:papers"),
        told("bruno", "cantine source:nowhere").replace("nowhere", "papers")
    );
    assert_eq!(told("anne", "cantine folder:rh"), told("anne", "cantine folder:xy").replace("xy", "rh"));
    assert!(!told("bruno", "cantine source:x").contains("papers"));
    assert!(told("anne", "cantine source:x").contains("Sources: papers."));
    assert!(told("anne", "cantine folder:xy").contains("Folders: libre."));
    assert_eq!(told("anne", "cantine folder:libre source:papers"), "");
    assert!(told("anne", "cantine kind:pdf").starts_with("nothing_passes "));
    assert!(told("anne", "cantine after:hier").starts_with("no_filter "));
}

#[test]
fn what_is_proposed_in_place_of_a_question_is_narrowed_as_it_was() {
    let scene = scene(&[("rh/a.txt", "la cantine ouvre à midi")]);
    let library = scene.ready();
    let owner = Principal::owner();
    let search = |question: &str| library.search(&owner, question, &SearchOptions::default()).unwrap();
    assert_eq!(search("cantnie folder:rh -stage").suggestion.as_deref(), Some("cantine folder:rh -stage"));
}

#[test]
#[cfg(unix)]
fn permissions_of_the_file_system_become_rules() {
    use std::os::unix::fs::PermissionsExt;
    let mut scene = scene(&[("a.txt", "la cantine ouvre"), ("b.txt", "la cantine ferme")]);
    scene.rules = "access = \"file-system\"\n".to_owned();
    let mode = |path: &str, mode: u32| {
        std::fs::set_permissions(scene.path(path), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("", 0o755);
    mode("a.txt", 0o644);
    mode("b.txt", 0o600);
    let library = scene.ready();
    let anybody = Principal::parse("nobody-in-particular").unwrap();
    assert_eq!(found(&library, &anybody, "cantine"), ["a.txt"]);
    // A change of the permissions alone is seen; the files are not read again.
    mode("a.txt", 0o600);
    mode("b.txt", 0o644);
    assert_eq!(scan(&library).access_changed, 2);
    assert_eq!(found(&library, &anybody, "cantine"), ["b.txt"]);
    mode("", 0o700);
    scan(&library);
    assert_eq!(found(&library, &anybody, "cantine"), Vec::<String>::new());
}

#[test]
fn members_of_a_channel_read_it_and_nobody_else_whom_the_rule_lets_in() {
    let export = |private: &str, text: &str| {
        format!(
            "== general/1\nla cantine ouvre\n== direction/1 for {private}\n{text}\n== vide/1 for \nla cantine vide\n"
        )
    };
    let mut scene = scene(&[("export.txt", &export("anne@x.fr,bruno@x.fr", "la cantine ferme"))]);
    let rule = |groups: &str| format!("[[access]]\npath = \"**\"\ngroups = [\"{groups}\"]\n");
    scene.rules = rule("staff");
    let library = scene.ready();
    let check = |library: &Library, principal: &str, expected: &[&str]| {
        let principal = Principal::parse(principal).unwrap();
        let mut parts = found(library, &principal, "cantine");
        parts.sort();
        let expected: Vec<String> = expected.iter().map(|part| format!("export.txt!/{part}")).collect();
        assert_eq!(parts, expected, "{principal:?}");
        // Counts and facets know of no more than that.
        let (total, _, facets, ..) = told(library, &principal, "cantine");
        assert_eq!((total, facets.contains("count: 3")), (expected.len(), false), "{facets}");
    };
    check(&library, "Anne@X.fr,staff", &["direction/1", "general/1"]);
    check(&library, "bruno@x.fr,staff", &["direction/1", "general/1"]);
    check(&library, "carl@x.fr,staff", &["general/1"]);
    check(&library, "anne,staff", &["general/1"]);
    // A member whom the source's own rule does not let in.
    check(&library, "anne@x.fr,guests", &[]);
    assert_eq!(found(&library, &Principal::owner(), "cantine").len(), 3);

    // Somebody left the channel before the next export; nothing else changed in it.
    scene.write("export.txt", &export("anne@x.fr,carl@x.fr", "la cantine ferme"));
    scan(&library);
    check(&library, "bruno@x.fr,staff", &["general/1"]);
    check(&library, "carl@x.fr,staff", &["direction/1", "general/1"]);
    // Moved, and under another rule: the channel stays its members'.
    std::fs::rename(scene.path("export.txt"), scene.path("moved.txt")).unwrap();
    scan(&library);
    std::fs::rename(scene.path("moved.txt"), scene.path("export.txt")).unwrap();
    scan(&library);
    check(&library, "bruno@x.fr,staff", &["general/1"]);
    check(&library, "carl@x.fr,staff", &["direction/1", "general/1"]);
    drop(library);
    scene.rules = rule("guests");
    let library = scene.ready();
    check(&library, "carl@x.fr,staff", &[]);
    check(&library, "carl@x.fr,guests", &["direction/1", "general/1"]);
    check(&library, "bruno@x.fr,guests", &["general/1"]);
}

const USERS: [&str; 4] = ["anne", "bruno", "chloe", "david"];
const GROUPS: [&str; 3] = ["hr", "sales", "it"];
const WORDS: [&str; 8] = ["bail", "préavis", "cantine", "congés", "salaire", "serveur", "contrat", "budget"];

/// A rule by its bits: two for whether there is one, then everyone, four users, three groups.
fn rule_of(bits: u16) -> Option<(bool, Vec<&'static str>, Vec<&'static str>)> {
    let pick = |names: &[&'static str], shift: usize| {
        names
            .iter()
            .enumerate()
            .filter(|(at, _)| bits >> (shift + at) & 1 == 1)
            .map(|(_, name)| *name)
            .collect()
    };
    (bits & 3 != 0).then(|| (bits >> 2 & 7 == 0, pick(&USERS, 5), pick(&GROUPS, 9)))
}

fn toml_of(rules: &[u16]) -> String {
    let mut toml = String::new();
    for (number, bits) in rules.iter().enumerate() {
        if let Some((everyone, users, groups)) = rule_of(*bits) {
            toml += &format!(
                "[[access]]\npath = \"{number}/**\"\neveryone = {everyone}\nusers = {users:?}\ngroups = {groups:?}\n"
            );
        }
    }
    toml
}

fn may_read(bits: u16, user: &str, groups: &[&str]) -> bool {
    rule_of(bits).is_some_and(|(everyone, users, allowed)| {
        everyone || users.contains(&user) || groups.iter().any(|group| allowed.contains(group))
    })
}

/// Everything a principal is told for a question.
fn told(
    library: &Library,
    principal: &Principal,
    question: &str,
) -> (usize, Vec<String>, String, Option<String>, Vec<String>) {
    let options = SearchOptions { limit: 200, typing: true, ..SearchOptions::default() };
    let results = library.search(principal, question, &options).unwrap();
    let documents = results
        .documents
        .iter()
        .map(|document| format!("{} {:.3}", document.document.path, document.score))
        .collect();
    (results.total, documents, format!("{:?}", results.facets), results.suggestion, results.absent)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(
        std::env::var("INTRAMUROS_LONG").map_or(6, |_| 200)
    ))]
    /// What a principal is told by a library that holds everything is what a library tells the owner that holds only
    /// what the principal may read: same documents, scores, counts, facets, suggestions.
    #[test]
    fn what_is_not_mine_might_as_well_not_be_there(
        rules in prop::collection::vec(any::<u16>(), 5),
        texts in prop::collection::vec((0..5usize, prop::collection::vec(0..WORDS.len(), 1..6)), 4..20),
        user in 0..USERS.len(),
        group in 0..GROUPS.len(),
        question in prop::collection::vec(0..WORDS.len(), 1..3),
    ) {
        let (user, groups) = (USERS[user], [GROUPS[group]]);
        let principal = Principal::user(user, groups);
        let mut everything = scene(&[]);
        everything.rules = toml_of(&rules);
        let mine = scene(&[]);
        for (number, (folder, words)) in texts.iter().enumerate() {
            let text = words.iter().map(|word| WORDS[*word]).collect::<Vec<_>>().join(" ");
            let path = format!("{folder}/{number}.txt");
            everything.write(&path, &text);
            if may_read(rules[*folder], user, &groups) {
                mine.write(&path, &text);
            }
        }
        let (all, own) = (everything.ready(), mine.ready());
        let written = question.iter().map(|word| WORDS[*word]).collect::<Vec<_>>().join(" ");
        let halved = WORDS[question[0]].chars().take(4).collect::<String>();
        let typo = WORDS[question[0]].replacen('a', "e", 1);
        for question in [written.as_str(), halved.as_str(), typo.as_str(), "\"bail préavis\"", "cantine -bail"] {
            let theirs = told(&all, &principal, question);
            let only = told(&own, &Principal::owner(), question);
            prop_assert_eq!((&theirs.0, &theirs.2), (&only.0, &only.2), "{}", question);
            prop_assert_eq!((&theirs.3, &theirs.4), (&only.3, &only.4), "{}", question);
            let paths = |told: &[String]| {
                let mut paths: Vec<String> = told.to_vec();
                paths.sort();
                paths
            };
            prop_assert_eq!(paths(&theirs.1), paths(&only.1), "{}", question);
        }
        // Opening by number tells nothing either: absent and unreadable are the same.
        for number in 1..=texts.len() as i64 + 2 {
            let open = all.document(&principal, DocumentId(number)).unwrap();
            if let Some(open) = open {
                let folder: usize = open.facts.path.split('/').next().unwrap().parse().unwrap();
                prop_assert!(may_read(rules[folder], user, &groups));
                prop_assert!(!all.passages(&principal, &[open.passages[0].id]).unwrap().is_empty());
            }
        }
    }
}
