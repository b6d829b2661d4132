//! Which folders, readers and models do the tests use?

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use intramuros_core::access::Principal;
use intramuros_core::document::{Block, BlockKind, ExtractError, Extracted, Kind, Limits, Part, Place};
use intramuros_core::error::Error;
use intramuros_core::language::Language;
use intramuros_core::passage::Passage;
use intramuros_core::perimeter::Perimeter;
use intramuros_library::{Embed, Library, Options, Reading, ScanReport, SearchOptions};
use tempfile::TempDir;

/// Longer than anything takes on a machine that does other things beside.
pub const LONG: Duration = Duration::from_secs(120);

/// A folder of documents, a data folder, and how often something was read or embedded.
pub struct Scene {
    pub root: TempDir,
    pub data: TempDir,
    pub rules: String,
    pub read: Arc<AtomicUsize>,
    pub embedded: Arc<AtomicUsize>,
}

pub fn scene(files: &[(&str, &str)]) -> Scene {
    let scene = Scene {
        root: tempfile::tempdir().unwrap(),
        data: tempfile::tempdir().unwrap(),
        rules: String::new(),
        read: Arc::default(),
        embedded: Arc::default(),
    };
    for (path, text) in files {
        scene.write(path, text);
    }
    scene
}

impl Scene {
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn options(&self) -> Options {
        options(self.root.path(), self.data.path(), &self.rules, &self.read, &self.embedded)
    }

    pub fn open(&self) -> Library {
        Library::open(self.options()).unwrap()
    }

    /// Opens, reads everything, waits until all is in step.
    pub fn ready(&self) -> Library {
        let library = self.open();
        scan(&library);
        library
    }
}

pub fn options(
    root: &Path,
    data: &Path,
    rules: &str,
    read: &Arc<AtomicUsize>,
    embedded: &Arc<AtomicUsize>,
) -> Options {
    let toml = format!("[[source]]\nname = \"papers\"\npath = {:?}\n{rules}", root.to_str().unwrap());
    let perimeter = Perimeter::parse(&toml, "intramuros.toml").unwrap();
    let read = Arc::clone(read);
    let reading = Reading {
        extract: Arc::new(move |name, bytes| {
            read.fetch_add(1, Ordering::Relaxed);
            extract(name, bytes)
        }),
        split: Arc::new(split),
        version: 1,
        threads: 2,
        limits: Limits::default(),
    };
    let embed = Words { embedded: Arc::clone(embedded) };
    Options { data: data.to_owned(), perimeter, reading, embed: Some(Arc::new(embed)), earlier: Vec::new() }
}

/// Reads everything and waits until it can be found; panics when anything stands in the way.
pub fn scan(library: &Library) -> ScanReport {
    let report = library.scan("papers").unwrap();
    // A measurement may take as long as it takes.
    let wait = if std::env::var_os("INTRAMUROS_SCALE").is_some() { LONG * 30 } else { LONG };
    assert!(library.wait_for_words(wait).unwrap(), "words: {:?}", library.progress());
    assert!(library.wait_for_vectors(wait).unwrap(), "vectors: {:?}", library.progress());
    report
}

/// Paths found for a question, best first.
pub fn found(library: &Library, principal: &Principal, question: &str) -> Vec<String> {
    let options = SearchOptions { limit: 200, ..SearchOptions::default() };
    let results = library.search(principal, question, &options).unwrap();
    results.documents.into_iter().map(|document| document.document.path).collect()
}

/// Waits until `question` finds exactly `expected`; says how long it took.
pub fn eventually(library: &Library, question: &str, expected: &[&str], within: Duration) -> Duration {
    let start = Instant::now();
    loop {
        let now = found(library, &Principal::owner(), question);
        if now == expected {
            return start.elapsed();
        }
        assert!(start.elapsed() < within, "{question}: {now:?} instead of {expected:?} after {within:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A reader of plain lines. `# ` opens a heading (the first is the title), `== name` a part; some words are faults.
pub fn extract(_name: &str, bytes: &[u8]) -> Result<Extracted, ExtractError> {
    let text = String::from_utf8_lossy(bytes);
    if text.starts_with("LOCKED") {
        return Err(ExtractError::Encrypted("a password is needed".into()));
    }
    assert!(!text.starts_with("PANIC"), "a reader with a fault");
    let (own, parts) = match text.split_once("== ") {
        Some((own, parts)) => (own, Some(parts)),
        None => (&*text, None),
    };
    let mut extracted = Extracted { kind: Some(Kind::Text), ..Extracted::default() };
    for (number, line) in own.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
        let (kind, line) = match line.strip_prefix("# ") {
            Some(heading) => (BlockKind::Heading { level: 1 }, heading),
            None => (BlockKind::Paragraph, line),
        };
        if extracted.title.is_none() && matches!(kind, BlockKind::Heading { .. }) {
            extracted.title = Some(line.to_owned());
        }
        let place = Place { line: Some(number as u32 + 1), ..Place::default() };
        extracted.blocks.push(Block { kind, text: line.to_owned(), place });
    }
    for part in parts.into_iter().flat_map(|parts| parts.split("== ")) {
        // `name` for whoever may read the file, `name for anne@example.org` for her alone.
        let (head, text) = part.split_once('\n').unwrap_or((part, ""));
        let (name, only) = head.split_once(" for ").map_or((head, None), |(name, only)| (name, Some(only)));
        let readers = only.map(|only| only.split(',').map(|one| one.trim().to_owned()).collect());
        extracted.parts.push(Part { readers, ..Part::new(name.trim(), extract(name, text.as_bytes())) });
    }
    Ok(extracted)
}

/// One passage for each block.
pub fn split(extracted: &Extracted) -> Vec<Passage> {
    let mut start = 0;
    let blocks = extracted.blocks.iter().enumerate();
    blocks
        .map(|(ordinal, block)| {
            let range = start..start + block.text.len();
            start = range.end + 1;
            Passage {
                ordinal: ordinal as u32,
                headings: vec![],
                table_header: String::new(),
                text: block.text.clone(),
                range,
                pages: None,
                lines: block.place.line.map(|line| (line, line)),
                section: None,
                language: Language::French,
            }
        })
        .collect()
}

/// A model whose vectors are sums of one direction for each word: fast, and texts with the same words are near.
pub struct Words {
    pub embedded: Arc<AtomicUsize>,
}

impl Embed for Words {
    fn name(&self) -> &str {
        "words-for-tests/1"
    }

    fn query(&self, text: &str) -> Result<Vec<f32>, Error> {
        Ok(direction(text))
    }

    fn passages(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, Error> {
        self.embedded.fetch_add(texts.len(), Ordering::Relaxed);
        Ok(texts.iter().map(|text| direction(text)).collect())
    }
}

fn direction(text: &str) -> Vec<f32> {
    let mut sum = vec![0f32; 384];
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let mut state = u64::from_le_bytes(blake3_of(&word.to_lowercase())) | 1;
        for value in &mut sum {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *value += (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5;
        }
    }
    let length = sum.iter().map(|value| value * value).sum::<f32>().sqrt().max(1e-6);
    sum.into_iter().map(|value| value / length).collect()
}

fn blake3_of(text: &str) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&blake3::hash(text.as_bytes()).as_bytes()[..8]);
    bytes
}

/// Numbers that look random and are the same each time.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % below
    }
}
