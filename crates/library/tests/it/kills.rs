//! Is everything acknowledged still there, once and findable, after the process was killed at any moment?
//!
//! A child process (this test binary, run again for one test) reads, changes, moves, deletes, embeds and compacts
//! without end, and notes what was acknowledged. It is killed; then the data folder is opened and held against the
//! notes and against a rebuild. `INTRAMUROS_LONG=1` kills 200 times instead of 8.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use intramuros_core::access::Principal;
use intramuros_library::{Library, SearchOptions};
use intramuros_search::Mode;

use crate::support::{LONG, Random, options, scan};

/// Where the child works; set only for the child.
const CHILD: &str = "INTRAMUROS_KILLED_CHILD";

const SUBJECTS: [&str; 6] = ["bail", "préavis", "cantine", "serveur", "budget", "congés"];

struct Folders {
    root: PathBuf,
    data: PathBuf,
    notes: PathBuf,
}

fn folders(base: &Path) -> Folders {
    Folders { root: base.join("papers"), data: base.join("data"), notes: base.join("notes") }
}

fn open(folders: &Folders) -> Library {
    Library::open(options(&folders.root, &folders.data, "", &Arc::default(), &Arc::default())).unwrap()
}

/// A text that tells its version in the first line and differs in each.
fn text(version: u64) -> String {
    let mut random = Random(version.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut text = format!("version {version}\n");
    for line in 0..1 + random.next(20) {
        let subject = SUBJECTS[random.next(6) as usize];
        text +=
            &format!("le {subject} numéro {} est rangé à la place {}\n", random.next(50), line + version % 7);
    }
    text
}

/// What the notes say was acknowledged last: the version of each path; none for one that was removed.
fn acknowledged(notes: &Path) -> BTreeMap<String, Option<u64>> {
    let text = std::fs::read_to_string(notes).unwrap_or_default();
    let mut known = BTreeMap::new();
    // A line that was cut short ends with a space or has no end: what is not noted was not promised.
    for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
        match line.split_once(' ') {
            Some((path, version)) if !line.ends_with(' ') => {
                known.insert(path.to_owned(), version.parse().ok())
            }
            _ => continue,
        };
    }
    known
}

/// The child: works until it is killed.
#[test]
fn child() {
    let Some(base) = std::env::var_os(CHILD) else { return };
    let folders = folders(Path::new(&base));
    let mut random = Random(u64::from(std::process::id()) << 20 | 1);
    let library = open(&folders);
    let mut notes = notes(&folders);
    // A version is never used twice, over all children.
    let mut version = std::fs::read_to_string(base_version(&folders))
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0u64);
    for round in 0u64.. {
        let mut changed: BTreeMap<String, Option<u64>> = BTreeMap::new();
        for _ in 0..1 + random.next(25) {
            let path = format!("{}.txt", random.next(60));
            let full = folders.root.join(&path);
            match random.next(10) {
                0..=5 => {
                    version += 1;
                    std::fs::write(base_version(&folders), (version + 1).to_string()).unwrap();
                    std::fs::write(full, text(version)).unwrap();
                    changed.insert(path, Some(version));
                }
                6..=7 => {
                    let _ = std::fs::remove_file(full);
                    changed.insert(path, None);
                }
                _ => {
                    let to = format!("{}.txt", random.next(60));
                    if to != path && std::fs::rename(full, folders.root.join(&to)).is_ok() {
                        changed.insert(path, None);
                        changed.insert(to.clone(), version_on_disk(&folders.root.join(to)));
                    }
                }
            }
        }
        library.scan("papers").unwrap();
        note(&mut notes, &changed);
        match round % 7 {
            3 => drop(library.compact().unwrap()),
            5 => assert!(library.wait_for_words(LONG).unwrap()),
            6 => assert!(library.wait_for_vectors(LONG).unwrap()),
            _ => {}
        }
    }
}

/// The notes, to be added to. A line that a kill cut short is closed first.
fn notes(folders: &Folders) -> File {
    let cut =
        std::fs::read_to_string(&folders.notes).is_ok_and(|text| !text.is_empty() && !text.ends_with('\n'));
    let mut notes = OpenOptions::new().append(true).create(true).open(&folders.notes).unwrap();
    if cut {
        notes.write_all(b" \n").unwrap();
    }
    notes
}

fn base_version(folders: &Folders) -> PathBuf {
    folders.notes.with_extension("version")
}

fn version_on_disk(path: &Path) -> Option<u64> {
    let text = std::fs::read_to_string(path).ok()?;
    text.lines().next()?.strip_prefix("version ")?.parse().ok()
}

fn note(notes: &mut File, changed: &BTreeMap<String, Option<u64>>) {
    let mut lines = String::new();
    for (path, version) in changed {
        lines += &match version {
            Some(version) => format!("{path} {version}\n"),
            None => format!("{path} gone\n"),
        };
    }
    notes.write_all(lines.as_bytes()).unwrap();
    notes.sync_data().unwrap();
}

fn start(base: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kills::child", "--nocapture", "--test-threads=1"])
        .env(CHILD, base)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn nothing_acknowledged_is_lost_by_kills() {
    let kills = if std::env::var_os("INTRAMUROS_LONG").is_some() { 200 } else { 8 };
    let base = tempfile::tempdir().unwrap();
    let folders = folders(base.path());
    std::fs::create_dir(&folders.root).unwrap();
    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let mut random = Random(seed | 1);
    println!("seed {seed}");
    for kill in 0..kills {
        let mut child = start(base.path());
        // Some die while they open, most at work.
        let life = if random.next(5) == 0 { random.next(150) } else { 150 + random.next(2500) };
        std::thread::sleep(Duration::from_millis(life));
        let ended = child.try_wait().unwrap();
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(ended.is_none(), "the child fell by itself: {}", String::from_utf8_lossy(&output.stderr));
        check(&folders, kill);
    }
}

fn check(folders: &Folders, kill: usize) {
    let began = Instant::now();
    let library = open(folders);
    let promised = acknowledged(&folders.notes);
    let versions = versions(&library);
    for (path, promise) in &promised {
        // Work that was acknowledged and not yet noted when the kill came shows as what is on disk.
        let now = versions.get(path).copied();
        let on_disk = version_on_disk(&folders.root.join(path));
        assert!(
            now == *promise || now == on_disk,
            "kill {kill}: {path} holds {now:?}; {promise:?} was acknowledged, {on_disk:?} is on disk"
        );
    }
    assert!(library.wait_for_words(LONG).unwrap());
    assert!(library.wait_for_vectors(LONG).unwrap());
    let verified = library.verify().unwrap();
    assert_eq!(verified.faults, Vec::<String>::new(), "kill {kill}");
    let opened = began.elapsed();
    let told = told(&library);
    drop(library);
    // The same again from the store alone.
    std::fs::write(folders.data.join("index/store"), "none").unwrap();
    let library = open(folders);
    assert!(library.wait_for_words(LONG).unwrap());
    assert_eq!(library.verify().unwrap(), verified, "kill {kill}");
    assert_eq!(self::told(&library), told, "kill {kill}: the index is not what a rebuild is");
    scan(&library);
    // A kill between making a file and writing it leaves an empty one, which is listed as such.
    let files = std::fs::read_dir(&folders.root).unwrap();
    let on_disk = files.filter(|file| file.as_ref().unwrap().metadata().unwrap().len() > 0).count();
    assert_eq!(library.counts().unwrap().documents as usize, on_disk, "kill {kill}");
    // What this scan acknowledged is promised to the next child's successor.
    let versions = self::versions(&library);
    let mut now: BTreeMap<String, Option<u64>> = promised.keys().map(|path| (path.clone(), None)).collect();
    now.extend(versions.into_iter().map(|(path, version)| (path, Some(version))));
    note(&mut notes(folders), &now);
    println!(
        "kill {kill}: {} documents, {} passages, {} notes hold; opened and in step after {opened:?}",
        verified.documents,
        verified.passages,
        promised.len()
    );
}

/// The version of each path, as the library finds it.
fn versions(library: &Library) -> BTreeMap<String, u64> {
    let store = library.store();
    let mut versions = BTreeMap::new();
    for document in store.documents_after(intramuros_store::DocumentId(0), 10_000).unwrap() {
        let blocks = store.body(document.id).unwrap().unwrap();
        let version = blocks[0].text.strip_prefix("version ").unwrap().parse().unwrap();
        let passages = store.passages_of(document.id).unwrap();
        assert_eq!(passages.len(), blocks.len(), "a document is half there");
        assert!(versions.insert(document.path(), version).is_none(), "{} is there twice", document.path());
    }
    versions
}

/// What searches find: the exact order by words, and the documents found by both.
fn told(library: &Library) -> Vec<(usize, Vec<String>)> {
    let mut told = Vec::new();
    for subject in SUBJECTS {
        for mode in [Mode::Words, Mode::Fused] {
            let options = SearchOptions { limit: 200, mode, ..SearchOptions::default() };
            let results = library.search(&Principal::owner(), subject, &options).unwrap();
            let mut paths: Vec<String> =
                results.documents.into_iter().map(|document| document.document.path).collect();
            // Documents of equal score stand in the order in which the index met them.
            paths.sort();
            told.push((results.total, paths));
        }
    }
    told
}
