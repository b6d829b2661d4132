//! Do age and source count as declared, and not at all where nothing is declared?

use std::collections::BTreeMap;
use std::fs::File;
use std::time::{Duration, SystemTime};

use intramuros_core::access::Principal;
use intramuros_library::{Results, SearchOptions};

use crate::support::{Scene, scan, scene};

/// Three documents that answer equally well, the first of them old, and one that answers worse.
fn library(declared: &str) -> (Scene, Results) {
    let text = "La facture se garde dix ans.";
    let mut scene = scene(&[
        ("a.txt", text),
        ("b.txt", text),
        ("c.txt", text),
        ("d.txt", "Une facture parmi d’autres papiers que l’on range au grenier."),
        ("e.txt", "Le chat dort sur le toit."),
    ]);
    let old = SystemTime::now() - Duration::from_secs(3_000 * 86_400);
    File::options().write(true).open(scene.path("a.txt")).unwrap().set_modified(old).unwrap();
    scene.rules = declared.to_owned();
    let library = scene.open();
    scan(&library);
    let found = library.search(&Principal::owner(), "facture dix ans", &SearchOptions::default()).unwrap();
    (scene, found)
}

fn order(found: &Results) -> Vec<&str> {
    found.documents.iter().map(|found| found.document.path.as_str()).collect()
}

#[test]
fn what_is_declared_of_age_and_sources_counts_and_nothing_does_otherwise() {
    let scores = |found: &Results| -> BTreeMap<String, u32> {
        let documents = found.documents.iter();
        documents.map(|one| (one.document.path.clone(), one.score.to_bits())).collect()
    };
    let (_plain, plain) = library("");
    // Weights of nothing change no bit of any score.
    let (_zero, zero) = library("[search]\nrecency = 0.0\nrecency_days = 30\n");
    assert_eq!(scores(&zero), scores(&plain));
    let (_even, even) = library("[search]\nsource_weights = { papers = 0.0 }\n");
    assert_eq!(scores(&even), scores(&plain));

    let (_new, new) = library("[search]\nrecency = 3.0\nrecency_days = 365\n");
    let at = |path: &str| order(&new).iter().position(|one| *one == path).unwrap();
    assert!(at("a.txt") > at("b.txt") && at("a.txt") > at("c.txt"), "{:?}", order(&new));
    assert_eq!(new.total, plain.total, "weights change the order, not what is found");
}
