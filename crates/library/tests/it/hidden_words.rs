//! Can a reader test words against documents that they may not read, by crowding what is looked at?
//!
//! A red team's probe: 63 words like one another and a marker, brought by the reader. Of similar words 64 are looked at;
//! had a hidden word a place among them, the marker would be missing whenever it stands in somebody else's document.

use intramuros_core::access::Principal;
use intramuros_library::{Library, SearchOptions};

use crate::support::scene;

/// Words that begin alike, in the order of the dictionary.
fn alike(beginning: &str, count: u8) -> Vec<String> {
    let letter = |number: u8| char::from(b'a' + number % 26);
    (0..count).map(|number| format!("{beginning}{}{}", letter(number / 26), letter(number))).collect()
}

/// The words that differ from one in its first letters, in the order of the dictionary.
fn mistyped(word: &str) -> Vec<String> {
    let mut all = Vec::new();
    for (at, own) in word.char_indices().take(4) {
        for letter in ('a'..='z').filter(|letter| *letter != own) {
            all.push(format!("{}{letter}{}", &word[..at], &word[at + 1..]));
        }
    }
    all.sort();
    all
}

/// Everything that Anne is told for a question.
fn told(library: &Library, question: &str, typing: bool) -> String {
    let anne = Principal::user("anne", [""; 0]);
    let options = SearchOptions { limit: 200, typing, ..SearchOptions::default() };
    let results = library.search(&anne, question, &options).unwrap();
    let mut paths: Vec<String> =
        results.documents.into_iter().map(|document| document.document.path).collect();
    paths.sort();
    format!(
        "{} {paths:?} {:?} {:?} {:?} {:?}",
        results.total, results.facets, results.suggestion, results.absent, results.highlights
    )
}

#[test]
fn a_reader_who_crowds_what_is_looked_at_learns_nothing_of_hidden_words() {
    let (beginning, mistakes) = (alike("quadri", 65), mistyped("marbonate"));
    // 63 and a marker of her own around one that may or may not be hidden.
    let fillers = [&beginning[..63], &mistakes[..63]].concat().join(" ");
    let (typed, mended) = (&beginning[64], &mistakes[64]);
    let open = |hidden: &str| {
        // The marker stands in two passages, the others in one: it is the best guess.
        let words = format!("{fillers}\n{typed} {mended}\n{typed} {mended} encore");
        let mut scene = scene(&[("anne/words.txt", &words), ("rh/secret.txt", hidden)]);
        scene.rules = "[[access]]\npath = \"anne/**\"\nusers = [\"anne\"]\n".to_owned();
        let library = scene.ready();
        (scene, library)
    };
    let (_without, nothing) = open("un texte quelconque");
    let (_with, secret) = open(&format!("{} {}", beginning[63], mistakes[63]));
    for (question, typing, marker) in [("quadri", true, typed), ("marbonate", false, mended)] {
        let alone = told(&nothing, question, typing);
        assert!(alone.contains("anne/words.txt") && alone.contains(&format!("{marker:?}")), "{alone}");
        assert_eq!(told(&secret, question, typing), alone, "{question}");
    }
    for hidden in [&beginning[63], &mistakes[63]] {
        for question in [hidden.clone(), format!("encore -{hidden}"), format!("\"{hidden}\" encore")] {
            assert_eq!(told(&secret, &question, false), told(&nothing, &question, false), "{question}");
        }
    }
}
