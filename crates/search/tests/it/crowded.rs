//! Do words of hidden documents take the places of words that may be seen?
//!
//! Words that begin alike, or are one typing error away, are looked at up to a limit. Whoever brings almost as many and a
//! marker could see by the marker whether a hidden document holds another one, if that one counted.

use intramuros_core::access::AccessId;
use intramuros_search::Found;
use intramuros_search::catalogue::{AccessSet, Facets};
use proptest::prelude::*;

use crate::{Sample, Searchable};

/// The rule of what may be seen, and that of what may not.
const MINE: u32 = 1;
const HIDDEN: u32 = 2;

/// Words that are looked at: as many as `mending::MAX_SIMILAR`.
const LIMIT: usize = 64;

fn sample(id: u64, access: u32, text: &str) -> Sample {
    Sample { access, ..Sample::new(id, "sans titre", &[text]) }
}

/// Everything that a search tells, scores apart.
#[derive(Debug, PartialEq)]
struct Told {
    documents: Vec<u64>,
    total: usize,
    facets: Facets,
    suggestion: Option<String>,
    absent: Vec<String>,
    highlights: Vec<String>,
}

/// The order of documents that are equally good is that of the index, and says nothing.
fn told(found: &Found) -> Told {
    let mut documents: Vec<u64> = found.hits.iter().map(|hit| hit.document).collect();
    documents.sort_unstable();
    Told {
        documents,
        total: found.total,
        facets: found.facets.clone(),
        suggestion: found.suggestion.clone(),
        absent: found.absent.clone(),
        highlights: found.highlights.clone(),
    }
}

/// What is told of `mine`, beside what is hidden; checked to be what is told of `mine` alone.
fn search(mine: &[Sample], hidden: &[Sample], question: &str) -> Told {
    let alone = Searchable::new(mine, false);
    let alone = told(&alone.search(question, &AccessSet::everything(), false));
    let everything: Vec<Sample> = hidden.iter().chain(mine).cloned().collect();
    // All of it in one part of the index, and in three.
    for each in [everything.len(), everything.len().div_ceil(3)] {
        let beside = Searchable::in_parts(&everything, false, each);
        let beside = told(&beside.search(question, &AccessSet::of([AccessId(MINE)]), false));
        assert_eq!(beside, alone, "{question}, {each} documents a part");
    }
    alone
}

/// The words that differ from one in a single letter, by dictionary order.
fn neighbours(word: &str) -> Vec<String> {
    let mut all = Vec::new();
    for at in 0..word.len() {
        for letter in 'a'..='z' {
            let mut letters: Vec<char> = word.chars().collect();
            if letters[at] != letter {
                letters[at] = letter;
                all.push(letters.into_iter().collect());
            }
        }
    }
    all.sort();
    all
}

/// `count` words that begin alike, by dictionary order.
fn alike(beginning: &str, count: usize) -> Vec<String> {
    let letter = |number: usize| char::from(b'a' + (number % 26) as u8);
    (0..count)
        .map(|number| format!("{beginning}{}{}{}", letter(number / 676), letter(number / 26), letter(number)))
        .collect()
}

/// One less than the limit and a marker, all of them mine, and one or many hidden words between: the marker stays.
#[test]
fn a_hidden_word_pushes_no_marker_out() {
    let check = |similar: &[String], hidden: usize, question: &str| {
        let (fillers, rest) = similar.split_at(LIMIT - 1);
        let (between, rest) = rest.split_at(hidden);
        let marker = &rest[0];
        let mine = [
            sample(1, MINE, &fillers.join(" ")),
            sample(2, MINE, &format!("{marker} premier")),
            sample(3, MINE, &format!("{marker} second")),
        ];
        let hidden = [sample(9, HIDDEN, &between.join(" "))];
        let told = search(&mine, &hidden, question);
        // It stands in two documents, the others in one: it is the best guess.
        assert_eq!(told.documents, [1, 2, 3], "{question}");
        assert!(told.highlights.contains(marker), "{question}");
        told.suggestion.map(|suggestion| suggestion == *marker)
    };
    let similar = neighbours("marbonate");
    let beginning = alike("zorb", 900);
    for hidden in [1, 2, 100] {
        assert_eq!(check(&similar, hidden, "marbonate "), Some(true));
        assert_eq!(check(&beginning, hidden, "zor"), None);
        assert_eq!(check(&beginning, hidden, "zorb"), None);
    }
    assert_eq!(check(&beginning, 800, "zorb"), None);
}

#[test]
fn hidden_words_hide_no_kin() {
    let hidden = [sample(9, HIDDEN, &alike("telepher", 1_100).join(" "))];
    let mine = [sample(1, MINE, "telepherzzz"), sample(2, MINE, "autre chose")];
    assert_eq!(search(&mine, &hidden, "telepherique ").absent, Vec::<String>::new());
    // And where there is none of one's own, they are none.
    assert_eq!(search(&mine[1..], &hidden, "telepherique ").absent, ["telepherique"]);
}

/// Whether a word strays, and whether there is a frequent one like it, is seen in what is visible alone.
#[test]
fn hidden_words_make_no_word_stray_and_none_frequent() {
    let texts = |first: u64, count: u64, access: u32, text: &str| -> Vec<Sample> {
        (first..first + count).map(|id| sample(id, access, text)).collect()
    };
    let stray = texts(1, 1, MINE, "the parentel note");
    let few = [stray.clone(), texts(10, 5, MINE, "a parental note")].concat();
    let many = [stray, texts(10, 25, MINE, "a parental note")].concat();
    let parentel = texts(100, 40, HIDDEN, "another parentel note");
    let parental = texts(200, 40, HIDDEN, "another parental note");
    assert_eq!(search(&few, &parental, "parentel leave ").suggestion, None);
    let mended = Some("parental leave".to_owned());
    assert_eq!(search(&many, &parentel, "parentel leave ").suggestion, mended);
    assert_eq!(search(&many, &parental, "parentel leave ").suggestion, mended);
    // A short one is mended by what stands beside it, in what is visible.
    let stray = texts(1, 1, MINE, "the sik note");
    let many = [stray, texts(10, 25, MINE, "a sick note, some other leave")].concat();
    let beside = texts(100, 40, HIDDEN, "a sick leave");
    assert_eq!(search(&many, &beside, "sik leave ").suggestion, None);
    assert_eq!(search(&many, &beside, "sik note ").suggestion.as_deref(), Some("sick note"));
}

#[test]
fn conditions_pass_over_what_is_hidden() {
    let mine = [
        sample(1, MINE, "le budget annuel du service"),
        sample(2, MINE, "le budget du projet, et le budget du service"),
        sample(3, MINE, "un autre budget, le 30/11/2024"),
    ];
    let hidden: Vec<Sample> = (10..40)
        .map(|id| sample(id, HIDDEN, "le budget du projet secret du service, 30 novembre 2024"))
        .collect();
    let check = |question: &str, expected: &[u64]| {
        assert_eq!(search(&mine, &hidden, question).documents, expected, "{question}");
    };
    check("\"budget du\"", &[2]);
    check("\"budget du service\"", &[2]);
    check("\"le budget du projet et le budget\"", &[2]);
    check("\"projet secret\"", &[]);
    check("\"budget\" \"secret\"", &[]);
    check("budget -projet -secret", &[1, 3]);
    check("budget -\"du projet\" -\"projet secret\" -projet", &[1, 3]);
    check("budget -budget -secret", &[]);
    // One day, said several times.
    check("budget -\"30 nov 2024\" -\"30 novembre 2024\" -2024-11-30", &[1, 2]);
    check("\"30 nov 2024\" \"30 novembre 2024\" \"2024-11-30\"", &[3]);
    check("titre:sans titre:titre titre:sans budget", &[1, 2, 3]);
    check("titre:secret budget", &[]);
    check("budget projet budget projet secret budgets", &[1, 2, 3]);
}

/// A word among several hundred that begin alike or are one error away from one another, by its number.
fn word(number: usize) -> String {
    let near = neighbours("remonte");
    let beginning = alike("remo", 400);
    near.iter().chain(&beginning).nth(number).cloned().unwrap_or_default()
}

const WORDS: usize = 7 * 25 + 400;

fn crowd() -> impl Strategy<Value = Vec<Sample>> {
    // Each word once or twice, in documents of a few, a quarter of them mine.
    let document = (0..4u32, prop::collection::vec(0..WORDS, 4..40));
    prop::collection::vec(document, 12..30).prop_map(|documents| {
        let sample = |(index, (access, words)): (usize, (u32, Vec<usize>))| {
            let text: Vec<String> = words.into_iter().map(word).collect();
            sample(index as u64 + 1, if access == 0 { MINE } else { HIDDEN }, &text.join(" "))
        };
        documents.into_iter().enumerate().map(sample).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    #[test]
    fn hundreds_of_hidden_words_change_nothing(crowd in crowd(), some in prop::collection::vec(0..WORDS, 4), each in 7usize..40) {
        let (mine, hidden): (Vec<Sample>, Vec<Sample>) =
            crowd.into_iter().partition(|sample| sample.access == MINE);
        let everything: Vec<Sample> = hidden.iter().chain(&mine).cloned().collect();
        let beside = Searchable::in_parts(&everything, false, each);
        let alone = Searchable::in_parts(&mine, false, 5);
        let mut questions: Vec<String> =
            ["r", "re", "rem", "remo", "remon", "remont", "remonte", "remonte ", "remotne ", "remontees ",
             "re rem remo remon", "remonte remonte remonte ", "rem -remonta -remonta", "\"remonta\" remo"]
                .map(str::to_owned)
                .to_vec();
        for number in some {
            let word = word(number);
            questions.push(format!("{word} "));
            questions.push(format!("{word}s {word}"));
            questions.push(word.chars().rev().collect());
        }
        for question in questions {
            let theirs = beside.search(&question, &AccessSet::of([AccessId(MINE)]), false);
            let only = alone.search(&question, &AccessSet::everything(), false);
            prop_assert_eq!(told(&theirs), told(&only), "{}", question);
        }
    }
}
