//! Does a damaged file of any format end in text or a reason, never in a panic or a hang?
//!
//! Seeds that are made here, and real files where there are some, are cut, flipped, spliced and given impossible numbers
//! with a seeded generator; of what is packed, mostly what it holds. Short by default; `INTRAMUROS_FAULTS=1000` does that
//! many rounds on each file, and `INTRAMUROS_KEEP_FAULTS=FOLDER` keeps the files that went wrong.

use std::time::{Duration, Instant};

use intramuros_core::document::Limits;
use intramuros_ingest::Pool;

use crate::data;
use crate::seeds::{Content, seeds};

/// Rounds on each real file: there are a hundred, some of a megabyte.
const ROUNDS: usize = 2;

/// Rounds on each seed: all kinds of damage some times each. Forty seeds take a few seconds in a development build.
const SEED_ROUNDS: usize = 24;

/// One of this many rounds on a seed damages the file as it is packed, the others what it holds.
const PACKED_ONE_IN: usize = 4;

/// Numbers at the edges of fields of one to eight bytes.
const EDGES: [u64; 12] = [
    0,
    1,
    0x7f,
    0xff,
    0x7fff,
    0xffff,
    0x000f_ffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fffe,
    0xffff_ffff,
    u64::MAX,
];

/// A small generator: the same faults on every run.
pub struct Random(pub u64);

impl Random {
    /// A number below a limit.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % limit.max(1)
    }
}

/// The bytes with one kind of damage; some of it comes out of another file.
pub fn damage(bytes: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut out = bytes.to_vec();
    if out.is_empty() {
        return out;
    }
    match random.below(8) {
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
        4 => {
            let at = random.below(out.len());
            let to = (at + random.below(1024)).min(out.len());
            out.drain(at..to);
        }
        5 => {
            let at = random.below(out.len());
            let number = EDGES[random.below(EDGES.len())].to_le_bytes();
            let width = [1, 2, 4, 8][random.below(4)];
            for (byte, new) in out[at..].iter_mut().zip(&number[..width]) {
                *byte = *new;
            }
        }
        6 => write_number(&mut out, EDGES[random.below(EDGES.len())], random),
        _ => {
            let at = random.below(out.len());
            let to = (at + 1 + random.below(200)).min(out.len());
            let again = out[at..to].repeat(1 + random.below(50));
            out.splice(at..at, again);
        }
    }
    out
}

/// Puts a number in the place of one that is written in digits, as sizes and counts of texts and markup are.
fn write_number(out: &mut Vec<u8>, number: u64, random: &mut Random) {
    let from = random.below(out.len());
    let Some(skipped) = out[from..].iter().position(u8::is_ascii_digit) else { return };
    let start = from + skipped;
    let digits = out[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    out.splice(start..start + digits, number.to_string().into_bytes());
}

fn rounds(usual: usize) -> usize {
    std::env::var("INTRAMUROS_FAULTS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(usual)
}

/// A pool that draws nothing and gives each file 20 s.
fn pool() -> Pool {
    data::pool(Limits { time: Duration::from_secs(20), pictures: 0, ..Limits::default() })
}

/// How reading a damaged file ended: the reason when it gave no text, and what is wrong with that, if anything.
fn read_damaged(pool: &Pool, name: &str, damaged: &[u8]) -> (Option<String>, Option<String>) {
    let Err(error) = pool.extract(name, damaged) else { return (None, None) };
    let wrong = matches!(error.word(), "crashed" | "time");
    (Some(error.to_string()), wrong.then(|| error.to_string()))
}

/// Keeps a file that went wrong, where that is wanted, and says so in a line.
fn note(name: &str, round: usize, damaged: &[u8], wrong: &str) -> String {
    if let Ok(folder) = std::env::var("INTRAMUROS_KEEP_FAULTS") {
        std::fs::write(format!("{folder}/{round}-{name}"), damaged).unwrap();
    }
    format!("{name}, round {round}: {wrong}")
}

#[test]
fn damaged_files_end_in_text_or_a_reason() {
    let Some(folder) = intramuros_testkit::shared_data("documents") else { return };
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let pool = pool();
    let mut random = Random(42);
    let mut faults = Vec::new();
    for (index, path) in files.iter().enumerate() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = std::fs::read(path).unwrap();
        let other = std::fs::read(&files[(index * 7 + 3) % files.len()]).unwrap();
        if bytes.is_empty() || other.is_empty() {
            continue;
        }
        for round in 0..rounds(ROUNDS) {
            let damaged = damage(&bytes, &other, &mut random);
            let (_, wrong) = read_damaged(&pool, &name, &damaged);
            faults.extend(wrong.map(|wrong| note(&name, round, &damaged, &wrong)));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// Needs no real files, so that every reader is tried everywhere.
#[test]
fn damaged_seeds_end_in_text_or_a_reason() {
    let (pool, seeds, rounds) = (pool(), seeds(), rounds(SEED_ROUNDS));
    let mut random = Random(7);
    let mut faults = Vec::new();
    for (index, seed) in seeds.iter().enumerate() {
        let packed = seed.content.pack();
        let other = seeds[(index * 7 + 3) % seeds.len()].content.pack();
        let mut read_inside = 0;
        for round in 0..rounds {
            let inside = !round.is_multiple_of(PACKED_ONE_IN);
            let damaged = if inside {
                seed.content.pack_damaged(&other, &mut random)
            } else {
                damage(&packed, &other, &mut random)
            };
            let (reason, wrong) = read_damaged(&pool, seed.name, &damaged);
            faults.extend(wrong.map(|wrong| note(seed.name, round, &damaged, &wrong)));
            if !inside {
                continue;
            }
            read_inside += usize::from(reason.is_none());
            // Damage that a checksum finds never met the reader behind it.
            let found =
                reason.filter(|why| matches!(seed.content, Content::Zip(_)) && why.contains("hecksum"));
            faults.extend(found.map(|why| note(seed.name, round, &damaged, &why)));
        }
        if seed.content.is_packed() && read_inside == 0 && rounds >= SEED_ROUNDS {
            faults.push(format!("{}: no damage got past its packing", seed.name));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// Small files made here, each built to exhaust, confuse or crash a reader.
#[test]
fn hostile_files_end_in_text_or_a_reason() {
    let folder = intramuros_testkit::package_folder(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
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
