//! Does every change that somebody makes to the files show?

use std::fs;

use intramuros_journal::line::{self, Hash};
use intramuros_journal::verify::{Expected, verify};
use intramuros_journal::{Event, Journal};

use crate::support::{Place, Random, question, segments};

/// How many changes are tried, each alone.
const CHANGES: usize = 10_000;

#[test]
fn every_one_of_ten_thousand_changes_is_found() {
    let place = Place::new();
    for _ in 0..2 {
        let journal = place.open();
        for number in 0..10 {
            journal.append(question(number)).unwrap();
        }
        journal.close();
    }
    let path = segments(&place.folder()).pop().unwrap();
    let original = fs::read(&path).unwrap();
    let expected = place.expected();
    assert!(place.verify().is_whole());
    let mut random = Random(5);
    let mut missed = Vec::new();
    let mut tried = 0;
    while tried < CHANGES {
        let (changed, how) = change(&original, &mut random);
        if changed == original {
            continue;
        }
        tried += 1;
        // A new file rather than a shortened one: file systems bring the latter to the disk at once, which takes long.
        fs::remove_file(&path).unwrap();
        fs::write(&path, &changed).unwrap();
        let report = verify(&place.folder(), &expected).unwrap();
        if report.is_whole() {
            missed.push(how);
        }
    }
    assert!(missed.is_empty(), "{} missed: {:?}", missed.len(), &missed[..missed.len().min(5)]);
    fs::write(&path, &original).unwrap();
    assert!(place.verify().is_whole());
}

/// One random change: a bit, a byte, a cut, a line removed, doubled, moved, edited with its hash made anew, or a whole
/// tail forged.
fn change(original: &[u8], random: &mut Random) -> (Vec<u8>, String) {
    let mut lines: Vec<Vec<u8>> =
        original.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let at = random.below(lines.len());
    let other = random.below(lines.len());
    let byte = random.below(original.len());
    match random.below(9) {
        0 => {
            let mut bytes = original.to_vec();
            bytes[byte] ^= 1 << random.below(8);
            (bytes, format!("bit at {byte}"))
        }
        1 => (original[..byte].to_vec(), format!("cut at {byte}")),
        2 => {
            let mut bytes = original.to_vec();
            bytes.insert(byte, b' ');
            (bytes, format!("space at {byte}"))
        }
        3 => {
            lines.remove(at);
            (lines.concat(), format!("line {at} removed"))
        }
        4 => {
            lines.insert(other, lines[at].clone());
            (lines.concat(), format!("line {at} doubled at {other}"))
        }
        5 => {
            lines.swap(at, other);
            (lines.concat(), format!("lines {at} and {other} swapped"))
        }
        6 => {
            lines.truncate(at);
            (lines.concat(), format!("cut after line {at}"))
        }
        _ => (forge(&lines, at, random.below(2) == 0), format!("forged from line {at}")),
    }
}

/// Rewrites one entry and chains everything after it anew, as somebody without the key would.
fn forge(lines: &[Vec<u8>], from: usize, drop_rest: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let mut hash = Hash::ZERO;
    for (position, bytes) in lines.iter().enumerate() {
        let entry = line::parse(&bytes[..bytes.len() - 1]).unwrap();
        let number = entry.number;
        let at_ms = intramuros_journal::time::from_text(&entry.time).unwrap();
        let event = if position == from { Event::SignOut { user: "nobody".to_owned() } } else { entry.event };
        hash = line::write(&mut out, number, at_ms, &event, hash).unwrap();
        if position == from && drop_rest {
            break;
        }
    }
    out
}

#[test]
fn a_finding_names_the_place() {
    let place = Place::new();
    let journal = place.open();
    for number in 0..10 {
        journal.append(question(number)).unwrap();
    }
    journal.close();
    let path = segments(&place.folder()).pop().unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let check = |changed: String, line: u64, after: u64| {
        fs::write(&path, changed).unwrap();
        let report = place.verify();
        let found = report.findings.first().unwrap();
        assert_eq!((found.line, found.after), (line, after), "{found:?}");
    };
    check(text.replacen("user3", "user4", 1), 6, 5);
    let without: String =
        text.lines().enumerate().filter(|(at, _)| *at != 6).map(|(_, line)| format!("{line}\n")).collect();
    check(without, 7, 6);
    // A cut end shows against the signed head.
    let cut: String = text.lines().take(5).map(|line| format!("{line}\n")).collect();
    check(cut, 0, 5);
}

#[test]
fn a_removed_segment_or_journal_shows() {
    let place = Place::new();
    place.open().close();
    let expected = place.expected();
    let path = segments(&place.folder()).pop().unwrap();
    fs::rename(&path, place.root.path().join("elsewhere")).unwrap();
    assert!(!verify(&place.folder(), &expected).unwrap().is_whole());
    assert!(matches!(Journal::open(place.options()), Err(intramuros_journal::JournalError::Broken(_))));
    assert!(!verify(&place.root.path().join("gone"), &expected).unwrap().is_whole());
}

#[test]
fn another_key_or_head_shows() {
    let (place, other) = (Place::new(), Place::new());
    place.open().close();
    other.open().close();
    let mixed = Expected { head: other.expected().head, ..place.expected() };
    assert!(!verify(&place.folder(), &mixed).unwrap().is_whole());
    let mixed = Expected { public: other.expected().public, ..place.expected() };
    assert!(!verify(&place.folder(), &mixed).unwrap().is_whole());
    let none = Expected { head: None, ..place.expected() };
    assert!(!verify(&place.folder(), &none).unwrap().is_whole());
    let report = place.verify();
    let noted = |number, hash| Expected { noted: Some((number, hash)), ..place.expected() };
    let hash = Hash::from_hex(&report.hash).unwrap();
    assert!(verify(&place.folder(), &noted(report.last, hash)).unwrap().is_whole());
    assert!(!verify(&place.folder(), &noted(report.last, Hash::ZERO)).unwrap().is_whole());
}

#[test]
fn writing_on_after_a_break_needs_a_name() {
    let place = Place::new();
    place.open().close();
    let path = segments(&place.folder()).pop().unwrap();
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.lines().take(1).map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    assert!(Journal::open(place.options()).is_err());
    let options = intramuros_journal::Options { accept_break: Some("anne".to_owned()), ..place.options() };
    Journal::open(options).unwrap().start().unwrap().close();
    let report = place.verify();
    assert_eq!(report.accepted.len(), 1);
    assert!(report.accepted[0].starts_with("anne: "), "{:?}", report.accepted);
}
