//! How long do reading, opening and searching take, and how much memory? Run with
//! `INTRAMUROS_SCALE=100000 cargo test -p intramuros-library --release scale -- --nocapture`.

use std::time::Instant;

use intramuros_core::access::Principal;
use intramuros_library::SearchOptions;
use intramuros_testkit::{memory, processor_seconds};

use crate::support::{Random, scan, scene};

/// Seconds on the clock and of the processors since a beginning.
struct Watch(Instant, f64);

impl Watch {
    fn start() -> Watch {
        Watch(Instant::now(), processor_seconds())
    }

    fn read(&self) -> String {
        format!(
            "{:.3} s ({:.2} s of processors)",
            self.0.elapsed().as_secs_f64(),
            processor_seconds() - self.1
        )
    }
}

#[test]
fn scale() {
    let Some(passages) = std::env::var("INTRAMUROS_SCALE").ok().and_then(|text| text.parse::<u64>().ok())
    else {
        intramuros_testkit::skip("scale", "set INTRAMUROS_SCALE to a number of passages");
        return;
    };
    let mut scene = scene(&[]);
    scene.rules = "[[access]]\npath = \"1*/**\"\nusers = [\"anne\"]\n".to_owned();
    let mut random = Random(42);
    let words: Vec<String> = (0..20_000u64).map(|word| format!("m{}", word * 7919 % 99_991)).collect();
    for file in 0..passages / 10 {
        let mut text = String::new();
        for _ in 0..10 {
            for _ in 0..60 {
                // Small numbers more often, as words are.
                let word = random.next(20_000) * random.next(20_000) / 20_000;
                text += &words[word as usize];
                text.push(' ');
            }
            text.push('\n');
        }
        scene.write(&format!("{}/{file}.txt", file % 100), &text);
    }
    let watch = Watch::start();
    let library = scene.open();
    let report = library.scan("papers").unwrap();
    println!("read and acknowledged: {}, {}", watch.read(), memory());
    assert!(library.wait_for_words(std::time::Duration::from_secs(3600)).unwrap());
    println!("words: {}, {}", watch.read(), memory());
    scan(&library);
    println!("{report:?}");
    println!("read, words, vectors: {}, {}", watch.read(), memory());
    let watch = Watch::start();
    scan(&library);
    println!("looked at again: {}", watch.read());
    drop(library);
    println!("closed: {}", memory());
    let watch = Watch::start();
    let library = scene.open();
    println!("opened: {}, {}", watch.read(), memory());
    let watch = Watch::start();
    let results = library.search(&Principal::owner(), "m7919 m15838", &SearchOptions::default()).unwrap();
    println!("first answer: {}, {} found", watch.read(), results.total);
    for principal in [Principal::owner(), Principal::user("anne", ["x"])] {
        let mut times = Vec::new();
        let before = processor_seconds();
        for _ in 0..200 {
            let question =
                format!("{} {}", words[random.next(20_000) as usize], words[random.next(2_000) as usize]);
            let start = Instant::now();
            library.search(&principal, &question, &SearchOptions::default()).unwrap();
            times.push(start.elapsed().as_secs_f64() * 1000.0);
        }
        times.sort_by(f64::total_cmp);
        let each = (processor_seconds() - before) * 5.0;
        let (p50, p99, owner) = (times[100], times[198], principal.owner);
        println!(
            "owner {owner}: p50 {p50:.1} ms, p99 {p99:.1} ms, processors {each:.1} ms each, {}",
            memory()
        );
    }
    assert_eq!(library.verify().unwrap().faults, Vec::<String>::new());
}

/// Does the time of an answer tell whether a word stands in documents that may not be read? Printed as medians: a
/// difference that is smaller than what times differ by anyway can't be told in one look.
#[test]
fn hidden() {
    let Some(passages) = std::env::var("INTRAMUROS_SCALE").ok().and_then(|text| text.parse::<u64>().ok())
    else {
        intramuros_testkit::skip("scale", "set INTRAMUROS_SCALE to a number of passages");
        return;
    };
    let mut scene = scene(&[]);
    scene.rules = "[[access]]\npath = \"open/**\"\nusers = [\"anne\"]\n".to_owned();
    let mut random = Random(42);
    for file in 0..passages {
        let (folder, secret) = if file % 100 == 0 { ("open", "") } else { ("closed", "Zanzibar") };
        let words: Vec<String> = (0..40).map(|_| format!("mot{}", random.next(20_000))).collect();
        scene.write(&format!("{folder}/{file}.txt"), &format!("{} {secret}.\n", words.join(" ")));
    }
    let library = scene.ready();
    let anne = Principal::user("anne", [""; 0]);
    let mut times: Vec<(&str, Vec<f64>)> =
        ["zanzibar", "qwertyui", "mot77 zanzibar", "mot77 qwertyui"].map(|word| (word, Vec::new())).into();
    for _ in 0..300 {
        for (question, times) in &mut times {
            let watch = Instant::now();
            let found = library.search(&anne, question, &SearchOptions::default()).unwrap();
            times.push(watch.elapsed().as_secs_f64() * 1e3);
            assert!(found.documents.iter().all(|found| found.document.path.starts_with("open/")));
        }
    }
    for (question, mut times) in times {
        times.sort_by(f64::total_cmp);
        let at = |percent: usize| times[(times.len() - 1) * percent / 100];
        println!("{question:16} p10 {:.3} ms, median {:.3} ms, p90 {:.3} ms", at(10), at(50), at(90));
    }
}
