//! Does a damaged file of any format end in text or a reason, never in a panic or a hang?
//!
//! Real files are cut, flipped and spliced with a seeded generator. Short by default; `INTRAMUROS_FAULTS=1000` does
//! that many rounds on each file.

use std::time::{Duration, Instant};

use intramuros_core::document::Limits;

use crate::data;

/// A small generator: the same faults on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % limit.max(1)
    }
}

fn damage(bytes: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut out = bytes.to_vec();
    match random.below(5) {
        0 => out.truncate(random.below(bytes.len())),
        1 => {
            for _ in 0..=random.below(20) {
                let at = random.below(out.len());
                out[at] ^= 1 << random.below(8);
            }
        }
        2 => {
            let at = random.below(out.len());
            let to = (at + random.below(64)).min(out.len());
            out[at..to].fill([0, 0xff, b'9', b'<'][random.below(4)]);
        }
        3 => {
            let at = random.below(out.len());
            let from = random.below(other.len());
            let to = (from + random.below(4096)).min(other.len());
            out.splice(at..at, other[from..to].iter().copied());
        }
        _ => {
            let at = random.below(out.len());
            let to = (at + random.below(1024)).min(out.len());
            out.drain(at..to);
        }
    }
    out
}

#[test]
fn damaged_files_end_in_text_or_a_reason() {
    let Some(folder) = intramuros_testkit::shared_data("documents") else { return };
    let rounds: usize =
        std::env::var("INTRAMUROS_FAULTS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(2);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let limits = Limits { time: Duration::from_secs(20), pictures: 0, ..Limits::default() };
    let pool = data::pool(limits.clone());
    let mut random = Random(42);
    let mut faults = Vec::new();
    for (index, path) in files.iter().enumerate() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = std::fs::read(path).unwrap();
        let other = std::fs::read(&files[(index * 7 + 3) % files.len()]).unwrap();
        for round in 0..rounds {
            if bytes.is_empty() || other.is_empty() {
                continue;
            }
            let damaged = damage(&bytes, &other, &mut random);
            let start = Instant::now();
            let outcome = pool.extract(&name, &damaged);
            if let Err(error) = outcome
                && (matches!(error.word(), "crashed" | "time") || start.elapsed() > limits.time)
            {
                faults.push(format!("{name}, round {round}: {error}"));
                if let Ok(keep) = std::env::var("INTRAMUROS_KEEP_FAULTS") {
                    std::fs::write(format!("{keep}/{round}-{name}"), damaged).unwrap();
                }
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// Small files made here, each built to exhaust, confuse or crash a reader.
#[test]
fn hostile_files_end_in_text_or_a_reason() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let limits = Limits { time: Duration::from_secs(30), pictures: 0, ..Limits::default() };
    let pool = data::pool(limits);
    let mut faults = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match pool.extract(&name, &std::fs::read(&path).unwrap()) {
            Err(error) if matches!(error.word(), "crashed" | "time") => {
                faults.push(format!("{name}: {error}"))
            }
            Ok(read) if data::squeezed(&read).contains("root:") => {
                faults.push(format!("{name}: read /etc/passwd"))
            }
            Ok(read) if data::squeezed(&read).len() > 1 << 20 => faults.push(format!("{name}: grew")),
            _ => {}
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_page_that_decompresses_without_end_costs_one_file() {
    // 1 GiB of spaces, compressed twice: the page's content.
    let twice = |bytes: Vec<u8>| {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, &bytes).unwrap();
        encoder.finish().unwrap()
    };
    let content = twice(twice(vec![b' '; 1 << 30]));
    let mut bomb = b"%PDF-1.7\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\n\
        endobj\n3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>\nendobj\n"
        .to_vec();
    bomb.extend(
        format!("4 0 obj\n<</Filter[/FlateDecode/FlateDecode]/Length {}>>\nstream\n", content.len()).bytes(),
    );
    bomb.extend(content);
    bomb.extend(b"\nendstream\nendobj\ntrailer\n<</Root 1 0 R>>\n%%EOF\n");
    let pool = data::pool(Limits::default());
    let start = Instant::now();
    let error = pool.extract("bomb.pdf", &bomb).unwrap_err();
    assert!(matches!(error.word(), "limit" | "crashed" | "empty"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(60));
    assert!(pool.extract("a.txt", b"encore").is_ok());
}
