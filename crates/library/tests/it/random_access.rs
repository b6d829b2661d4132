//! Among very many random askers and documents, is there one who sees what the rules keep from them?
//!
//! The rules are read by an oracle of a few lines that shares nothing with the product: folders by their beginning, the last
//! rule that covers a document holds, groups among groups and users among users. A check is one asker and one document,
//! held against search (hits and count), opening, its passages and its file. Here some thousands; with
//! `INTRAMUROS_LONG=1` the 100,000 of the design.

use std::collections::HashSet;

use intramuros_core::access::Principal;
use intramuros_library::{Library, SearchOptions};
use intramuros_store::{DocumentId, PassageId};

use crate::support::scene;

const FOLDERS: [&str; 6] = ["a", "a/b", "a/b/c", "d", "d/e", "f"];
const USERS: [&str; 7] = ["anne", "bruno", "chloé", "hr", "Anne", "dan@x.fr", "zoe"];
const GROUPS: [&str; 5] = ["hr", "sales", "anne", "HR", "board"];
const FILES: usize = 60;

/// A generator of numbers that is the same on each machine.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % most
    }

    fn some<'a>(&mut self, of: &[&'a str]) -> Vec<&'a str> {
        of.iter().copied().filter(|_| self.below(4) == 0).collect()
    }
}

/// A declared rule: the folder that it covers (none for a single file), and whom it lets in.
struct Rule {
    folder: Option<&'static str>,
    file: String,
    everyone: bool,
    users: Vec<&'static str>,
    groups: Vec<&'static str>,
}

impl Rule {
    fn random(random: &mut Random, files: &[String]) -> Rule {
        Rule {
            folder: (random.below(4) > 0).then(|| FOLDERS[random.below(FOLDERS.len())]),
            file: files[random.below(files.len())].clone(),
            everyone: random.below(8) == 0,
            users: random.some(&USERS),
            groups: random.some(&GROUPS),
        }
    }

    fn declared(&self) -> String {
        let path = self.folder.map_or_else(|| self.file.clone(), |folder| format!("{folder}/**"));
        let Rule { everyone, users, groups, .. } = self;
        format!(
            "[[access]]\npath = {path:?}\neveryone = {everyone}\nusers = {users:?}\ngroups = {groups:?}\n"
        )
    }

    fn covers(&self, file: &str) -> bool {
        self.folder.map_or(self.file == file, |folder| file.starts_with(&format!("{folder}/")))
    }

    fn lets_in(&self, user: &str, groups: &[&str]) -> bool {
        self.everyone || self.users.contains(&user) || groups.iter().any(|group| self.groups.contains(group))
    }
}

#[test]
fn nobody_sees_what_the_rules_keep_from_them() {
    let long = std::env::var_os("INTRAMUROS_LONG").is_some();
    let (worlds, askers) = if long { (12, 140) } else { (2, 40) };
    let checks: usize = (0..worlds).map(|world| world_of(world, askers)).sum();
    println!("{checks} pairs of asker and document, no difference from the rules");
    assert!(!long || checks >= 100_000, "{checks}");
}

/// One set of files and rules; gives the number of pairs that were held against them.
fn world_of(world: u64, askers: usize) -> usize {
    let mut random = Random(world * 7_919 + 17);
    let files: Vec<String> =
        (0..FILES).map(|number| format!("{}/{number}.txt", FOLDERS[random.below(FOLDERS.len())])).collect();
    let texts: Vec<String> = (0..FILES).map(|number| format!("la cantine secret{number} ouvre")).collect();
    let listed: Vec<(&str, &str)> =
        files.iter().map(String::as_str).zip(texts.iter().map(String::as_str)).collect();
    let mut scene = scene(&listed);
    let rules: Vec<Rule> = (0..random.below(10) + 2).map(|_| Rule::random(&mut random, &files)).collect();
    scene.rules = rules.iter().map(Rule::declared).collect();
    let library = scene.ready();
    let numbers = numbers(&library, &files);
    for _ in 0..askers {
        let user = USERS[random.below(USERS.len())];
        let groups = random.some(&GROUPS);
        let principal = Principal::user(user, groups.iter().copied());
        let may = |file: &str| {
            let last = rules.iter().rfind(|rule| rule.covers(file));
            last.is_some_and(|rule| rule.lets_in(user, &groups))
        };
        let expected: HashSet<&str> = files.iter().map(String::as_str).filter(|file| may(file)).collect();
        let told = format!("world {world}, {user} {groups:?}");
        let options = SearchOptions { limit: 200, ..SearchOptions::default() };
        let results = library.search(&principal, "cantine", &options).unwrap();
        let found: HashSet<&str> =
            results.documents.iter().map(|found| found.document.path.as_str()).collect();
        assert_eq!(found, expected, "{told}");
        assert_eq!(results.total, expected.len(), "{told}");
        for (number, (file, (document, passage))) in files.iter().zip(&numbers).enumerate() {
            let opened = library.document(&principal, *document).unwrap().is_some();
            assert_eq!(opened, may(file), "{told}: {file}");
            assert_eq!(
                library.file_of(&principal, *document).unwrap().is_some(),
                may(file),
                "{told}: {file}"
            );
            let passages = library.passages(&principal, &[*passage]).unwrap();
            assert_eq!(passages.len(), usize::from(may(file)), "{told}: {file}");
            // Its own word, now and then: a search is dearer than opening.
            if number % 20 == world as usize % 20 {
                let results = library.search(&principal, &format!("secret{number}"), &options).unwrap();
                let shown = results.documents.iter().any(|found| found.document.path == *file);
                assert_eq!(shown, may(file), "{told}: {file}");
                let hidden = (0..FILES).filter(|other| !may(&files[*other]) && *other != number);
                let suggested = results.suggestion.unwrap_or_default();
                let words: HashSet<&str> = suggested.split_whitespace().collect();
                for other in hidden {
                    assert!(!words.contains(&*format!("secret{other}")), "{told}: {suggested}");
                }
            }
        }
    }
    askers * FILES
}

/// Document and first passage of each file, as the owner knows them.
fn numbers(library: &Library, files: &[String]) -> Vec<(DocumentId, PassageId)> {
    let options = SearchOptions { limit: 200, ..SearchOptions::default() };
    let results = library.search(&Principal::owner(), "cantine", &options).unwrap();
    let of = |file: &String| {
        let found = results.documents.iter().find(|found| found.document.path == *file).unwrap();
        (found.document.id, found.passages.first().unwrap().id)
    };
    files.iter().map(of).collect()
}
