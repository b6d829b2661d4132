//! Which servers run, what is declared of them, and what was found?

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use intramuros_core::access::Principal;
use intramuros_core::document::{Block, BlockKind, Extracted, Kind, Limits, Place};
use intramuros_core::language::Language;
use intramuros_core::passage::Passage;
use intramuros_core::perimeter::Perimeter;
use intramuros_egress::{Egress, Surroundings};
use intramuros_library::{Library, Options, Reading, SearchOptions};
use intramuros_sources::{Declared, Failure, Outcome, Syncs};
use tempfile::TempDir;

/// Longer than anything takes on a machine that does other things beside.
pub const LONG: Duration = Duration::from_secs(60);

/// A library with one place outside.
pub struct Scene {
    pub data: TempDir,
    pub library: Arc<Library>,
    pub syncs: Syncs,
    /// How many files were read.
    pub read: Arc<AtomicUsize>,
    /// What the journal would hold.
    pub noted: Arc<Mutex<Vec<Outcome>>>,
}

/// A library over what is declared; the source is to be called `place`.
pub fn scene(toml: &str) -> Scene {
    scene_in(tempfile::tempdir().unwrap(), toml)
}

/// The same in a data folder that was there before.
pub fn scene_in(data: TempDir, toml: &str) -> Scene {
    let perimeter =
        Perimeter::parse(toml, "intramuros.toml").unwrap_or_else(|mistakes| panic!("{mistakes:#?}\n{toml}"));
    let read: Arc<AtomicUsize> = Arc::default();
    let counted = Arc::clone(&read);
    let reading = Reading {
        extract: Arc::new(move |_, bytes| {
            counted.fetch_add(1, Ordering::Relaxed);
            let block = |line: &str| Block {
                kind: BlockKind::Paragraph,
                text: line.to_owned(),
                place: Place::default(),
            };
            let blocks =
                String::from_utf8_lossy(bytes).lines().filter(|line| !line.is_empty()).map(block).collect();
            Ok(Extracted { kind: Some(Kind::Text), blocks, ..Extracted::default() })
        }),
        split: Arc::new(split),
        version: 1,
        threads: 1,
        limits: Limits::default(),
    };
    let options = Options {
        data: data.path().to_owned(),
        perimeter: perimeter.clone(),
        reading,
        embed: None,
        earlier: Vec::new(),
    };
    let library = Arc::new(Library::open(options).unwrap());
    let egress = Egress::new(&perimeter, Surroundings::of_system(), Arc::new(|_| Ok(()))).unwrap();
    let noted: Arc<Mutex<Vec<Outcome>>> = Arc::default();
    let notes = Arc::clone(&noted);
    let note = Arc::new(move |_: &str, outcome: &Outcome| notes.lock().unwrap().push(outcome.clone()));
    let declared = Declared::all(&perimeter).unwrap();
    let syncs = Syncs::new(declared, egress, Arc::clone(&library), note).unwrap();
    Scene { data, library, syncs, read, noted }
}

fn split(extracted: &Extracted) -> Vec<Passage> {
    let mut start = 0;
    let passage = |(ordinal, block): (usize, &Block)| {
        let range = start..start + block.text.len();
        start = range.end + 1;
        Passage {
            ordinal: ordinal as u32,
            headings: vec![],
            table_header: String::new(),
            text: block.text.clone(),
            range,
            pages: None,
            lines: None,
            section: None,
            language: Language::French,
        }
    };
    extracted.blocks.iter().enumerate().map(passage).collect()
}

impl Scene {
    /// Looks at the place; panics when it was not seen whole.
    pub fn look(&self) -> Outcome {
        self.try_look().unwrap_or_else(|failure| panic!("{failure:?}"))
    }

    /// Looks at the place.
    pub fn try_look(&self) -> Result<Outcome, Failure> {
        self.syncs.look("place").expect("declared")
    }

    /// Paths that a principal finds for a question, sorted.
    pub fn found_by(&self, principal: &Principal, question: &str) -> Vec<String> {
        assert!(self.library.wait_for_words(LONG).unwrap());
        let options = SearchOptions { limit: 200, ..SearchOptions::default() };
        let results = self.library.search(principal, question, &options).unwrap();
        let mut paths: Vec<String> =
            results.documents.into_iter().map(|document| document.document.path).collect();
        paths.sort();
        paths
    }

    /// Paths that the owner finds for a question, sorted.
    pub fn found(&self, question: &str) -> Vec<String> {
        self.found_by(&Principal::owner(), question)
    }

    /// Files and parts that were not read: path and reason.
    pub fn unread(&self) -> Vec<(String, String)> {
        let failures = self.library.failures(&Principal::owner(), 0, 100).unwrap();
        failures.into_iter().map(|failure| (failure.location.path_text(), failure.reason)).collect()
    }

    /// Files that were read since the last time.
    pub fn reads(&self) -> usize {
        self.read.swap(0, Ordering::Relaxed)
    }
}

/// Found, fetched, unchanged, unread, removed.
pub fn counts(outcome: &Outcome) -> (u64, u64, u64, u64, u64) {
    (outcome.found, outcome.fetched, outcome.unchanged, outcome.unread, outcome.removed)
}

/// The egress rule and the source for a server on this machine.
pub fn declared(kind: &str, url: &str, port: u16, more: &str) -> String {
    format!(
        "[[egress]]\nhost = '127.0.0.1'\nport = {port}\npurpose = 'source'\ntls = false\n\n\
         [[source]]\nname = 'place'\nkind = '{kind}'\nurl = '{url}'\n{more}\n"
    )
}

/// A program that is ended with the value.
pub struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that is free now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Starts a server and waits until it takes connections.
pub fn start(command: &mut Command, port: u16) -> Running {
    let log = std::env::var_os("INTRAMUROS_SERVER_LOG");
    let output = || if log.is_some() { Stdio::inherit() } else { Stdio::null() };
    let mut running =
        Running(command.stdin(Stdio::null()).stdout(output()).stderr(output()).spawn().unwrap());
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if let Some(status) = running.0.try_wait().unwrap() {
            panic!("{command:?} ended: {status}");
        }
        assert!(began.elapsed() < LONG, "{command:?} does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    running
}

/// The interpreter that has the servers of PyPI: the one that `.ci/servers` names, or the system's where it has
/// `module`. None, with a line that says so, otherwise.
pub fn python(module: &str) -> Option<PathBuf> {
    let python =
        std::env::var_os("INTRAMUROS_SERVERS").map_or_else(|| PathBuf::from("python3"), PathBuf::from);
    let has = Command::new(&python)
        .args(["-c", &format!("import {module}")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !has {
        let why = format!("python has no {module} (`eval \"$(bash .ci/servers)\"` installs it)");
        intramuros_testkit::skip("servers", &why);
    }
    has.then_some(python)
}

/// Writes a file and the folders above it.
pub fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// A request as the small server below sees it.
pub struct Asked {
    pub method: String,
    pub path: String,
    pub headers: Vec<String>,
    pub body: String,
}

/// A small HTTP server that answers whatever `answer` gives: whole answers, head included.
pub fn server(answer: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut stream = stream;
                while let Some(asked) = ask(&mut reader) {
                    if stream.write_all(&answer(&asked)).is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

fn ask(reader: &mut impl BufRead) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = Vec::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(number) = line.strip_prefix("content-length: ") {
            length = number.parse().unwrap();
        }
        headers.push(line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { method, path, headers, body: String::from_utf8_lossy(&body).into_owned() })
}

/// An answer with a body.
pub fn answer(status: &str, kind: &str, body: &str) -> Vec<u8> {
    answer_with(status, &format!("Content-Type: {kind}\r\n"), body)
}

/// An answer with headers, each with its end of line, and a body.
pub fn answer_with(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}
