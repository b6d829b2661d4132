//! How long do reading, opening and searching take, and how much memory? Run with
//! `INTRAMUROS_SCALE=100000 cargo test -p intramuros-library --release scale -- --nocapture`.

use std::time::Instant;

use intramuros_core::access::Principal;
use intramuros_library::SearchOptions;

use crate::support::{Random, scan, scene};

fn resident_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
}

#[test]
fn scale() {
    let Some(passages) = std::env::var("INTRAMUROS_SCALE").ok().and_then(|text| text.parse::<u64>().ok())
    else {
        println!("skipped: set INTRAMUROS_SCALE to a number of passages");
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
    let start = Instant::now();
    let library = scene.open();
    let report = scan(&library);
    let seconds = start.elapsed().as_secs_f64();
    println!("{report:?}");
    println!(
        "read, words, vectors: {seconds:.1} s, {:.0} passages/s, {} MB",
        passages as f64 / seconds,
        resident_mb()
    );
    let start = Instant::now();
    scan(&library);
    println!("looked at again: {:.3} s", start.elapsed().as_secs_f64());
    drop(library);
    println!("closed: {} MB", resident_mb());
    let start = Instant::now();
    let library = scene.open();
    println!("opened: {:.3} s, {} MB", start.elapsed().as_secs_f64(), resident_mb());
    let start = Instant::now();
    let results = library.search(&Principal::owner(), "m7919 m15838", &SearchOptions::default()).unwrap();
    println!("first answer: {:.3} s, {} found", start.elapsed().as_secs_f64(), results.total);
    for principal in [Principal::owner(), Principal::user("anne", ["x"])] {
        let mut times = Vec::new();
        for _ in 0..200 {
            let question =
                format!("{} {}", words[random.next(20_000) as usize], words[random.next(2_000) as usize]);
            let start = Instant::now();
            library.search(&principal, &question, &SearchOptions::default()).unwrap();
            times.push(start.elapsed().as_secs_f64() * 1000.0);
        }
        times.sort_by(f64::total_cmp);
        println!(
            "owner {}: p50 {:.1} ms, p99 {:.1} ms, {} MB",
            principal.owner,
            times[100],
            times[198],
            resident_mb()
        );
    }
    assert_eq!(library.verify().unwrap().faults, Vec::<String>::new());
}
