//! How fast are writing, loading and looking for work, and how much memory do they take? Run with
//! `INTRAMUROS_SCALE=100000 cargo test -p intramuros-store --release scale -- --nocapture`.

use std::time::Instant;

use intramuros_store::{MissingCursor, Sequence, TextHash};
use intramuros_testkit::memory_mb;

use crate::support::{file, put, scene};

#[test]
fn scale() {
    let Some(passages) = std::env::var("INTRAMUROS_SCALE").ok().and_then(|text| text.parse::<usize>().ok())
    else {
        println!("skipped: set INTRAMUROS_SCALE to a number of passages");
        return;
    };
    let scene = scene();
    let words = "le préavis de résiliation du bail est de trois mois sauf dans les zones tendues où il est d'un mois ";
    let start = Instant::now();
    for batch in 0..passages / 1000 {
        let changes = (0..100).map(|number| {
            let texts: Vec<String> =
                (0..10).map(|at| format!("{batch} {number} {at} {}", words.repeat(9))).collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            put(file(scene.source, &format!("{batch}/{number}.txt"), &texts))
        });
        scene.store.apply(changes.collect()).unwrap();
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "written: {seconds:.2} s, {:.0} passages/s, {} MB",
        passages as f64 / seconds,
        memory_mb("VmRSS")
    );

    let start = Instant::now();
    let mut cursor = MissingCursor::default();
    let mut count = 0;
    loop {
        let page = scene.store.missing_vectors("m", cursor, u32::MAX, 1000).unwrap();
        let vectors: Vec<(TextHash, Vec<u8>)> =
            page.missing.iter().map(|missing| (missing.hash, vec![7; 388])).collect();
        count += vectors.len();
        scene.store.put_vectors("m", &vectors).unwrap();
        cursor = page.next;
        if page.end {
            break;
        }
    }
    println!("{count} vectors put in {:.2} s, {} MB", start.elapsed().as_secs_f64(), memory_mb("VmRSS"));

    let start = Instant::now();
    assert!(
        scene
            .store
            .missing_vectors("m", MissingCursor::default(), u32::MAX, 1000)
            .unwrap()
            .missing
            .is_empty()
    );
    println!("nothing missing: {:.3} s", start.elapsed().as_secs_f64());
    let start = Instant::now();
    let (mut bytes, mut keys) = (0, 0);
    scene.store.each_vector("m", |_, vector| bytes += vector.len()).unwrap();
    println!("{bytes} bytes of vectors streamed in {:.3} s", start.elapsed().as_secs_f64());
    let start = Instant::now();
    scene.store.each_passage_key(|_| keys += 1).unwrap();
    println!("{keys} keys streamed in {:.3} s", start.elapsed().as_secs_f64());
    let start = Instant::now();
    let mut from = Sequence(0);
    let mut read = 0;
    while let Some(last) = scene.store.changes_since(from, 1000).unwrap().last().copied() {
        for change in scene.store.changes_since(from, 1000).unwrap() {
            read += scene.store.passages_of(change.document).unwrap().len();
        }
        from = last.sequence;
    }
    println!("{read} passages read for a rebuild in {:.3} s", start.elapsed().as_secs_f64());
    let start = Instant::now();
    let counts = scene.store.counts().unwrap();
    println!(
        "{} passages counted in {:.4} s, {} MB",
        counts.passages,
        start.elapsed().as_secs_f64(),
        memory_mb("VmRSS")
    );
    let start = Instant::now();
    scene.store.compact(scene.store.latest().unwrap()).unwrap();
    println!("compacted in {:.2} s, {} MB", start.elapsed().as_secs_f64(), memory_mb("VmRSS"));
    let path = scene.folder.path().join(intramuros_store::DATABASE);
    println!("{} MB on disk", std::fs::metadata(path).unwrap().len() >> 20);
}
