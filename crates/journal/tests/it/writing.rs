//! Is what was acknowledged still there after a stop, a kill, a full disk, a second process?

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

use intramuros_journal::read::{Filter, each};
use intramuros_journal::{Durability, Event, Journal, JournalError, Options, syslog};

use crate::support::{Place, Random, question, segments};

#[test]
fn what_is_written_is_read_back_in_order_and_whole() {
    let place = Place::new();
    let journal = place.open();
    for number in 0..100 {
        journal.append(question(number)).unwrap();
    }
    let stamp = journal.append_and_wait(Event::SignOut { user: "anne".to_owned() }).unwrap();
    journal.close();
    assert!(journal.append(question(1)).is_err());
    // Segment opened, journal opened, 100 questions, one sign-out.
    assert_eq!(stamp.number, 103);
    let report = place.verify();
    assert!(report.is_whole(), "{:?}", report.findings);
    // The stop and the signature over it.
    assert_eq!((report.first, report.last, report.signatures, report.signed_up_to), (1, 105, 1, 105));
    let mut seen = Vec::new();
    let filter =
        Filter { kinds: vec!["question".to_owned()], who: Some("user7".to_owned()), ..Filter::default() };
    each(&place.folder(), &filter, |entry, _| {
        seen.push(entry.number);
        true
    })
    .unwrap();
    assert_eq!(seen, [10, 60]);
    // Opened again, it goes on where it was.
    let journal = place.open();
    assert_eq!(journal.append_and_wait(question(0)).unwrap().number, 107);
    journal.close();
    assert!(place.verify().is_whole());
}

#[test]
fn a_second_process_is_refused() {
    let place = Place::new();
    let journal = place.open();
    assert!(matches!(Journal::open(place.options()), Err(JournalError::Busy(_))));
    journal.close();
    drop(journal);
    place.open().close();
}

#[test]
fn long_texts_are_cut_and_strange_ones_kept() {
    let place = Place::new();
    let journal = place.open();
    let odd = "a\"\\\n\u{0}é\u{2028}".to_owned();
    journal.append_and_wait(Event::SignOut { user: odd.clone() }).unwrap();
    journal.append_and_wait(Event::SignOut { user: "é".repeat(100_000) }).unwrap();
    journal.close();
    let mut users = Vec::new();
    each(&place.folder(), &Filter::default(), |entry, _| {
        if let Event::SignOut { user } = &entry.event {
            users.push(user.clone());
        }
        true
    })
    .unwrap();
    assert_eq!(users[0], odd);
    assert!(users[1].len() <= 4096 && users[1].ends_with("…[cut]"));
    assert!(place.verify().is_whole());
}

#[test]
fn an_unfinished_last_line_is_put_aside() {
    let place = Place::new();
    place.open().close();
    let segment = segments(&place.folder()).pop().unwrap();
    let mut file = std::fs::OpenOptions::new().append(true).open(&segment).unwrap();
    file.write_all(b"{\"n\":5,\"t\":\"2026").unwrap();
    assert!(!place.verify().is_whole());
    let journal = place.open();
    journal.close();
    let report = place.verify();
    assert!(report.is_whole(), "{:?}", report.findings);
    let kept = std::fs::read_dir(place.folder()).unwrap().any(|entry| {
        entry.unwrap().path().extension().is_some_and(|end| end.to_string_lossy().starts_with("torn-"))
    });
    assert!(kept);
}

#[test]
fn old_segments_go_and_the_journal_says_so() {
    let place = Place::new();
    place.open().close();
    // Two more days, as if the clock had gone on: entries carry the moment given, so old lines are written by hand.
    let mut bytes = Vec::new();
    let mut hash = intramuros_journal::line::Hash::ZERO;
    std::fs::remove_file(segments(&place.folder()).pop().unwrap()).unwrap();
    std::fs::remove_file(intramuros_journal::keys::head_path(&place.key())).unwrap();
    for (segment, days_ago) in [(1, 400), (2, 300), (3, 2)] {
        let at = intramuros_journal::time::now_ms() - days_ago * 86_400_000;
        let opened = Event::SegmentOpened { after: (segment - 1) * 2, hash: hash.to_hex() };
        hash = intramuros_journal::line::write(&mut bytes, segment * 2 - 1, at, &opened, hash).unwrap();
        hash = intramuros_journal::line::write(&mut bytes, segment * 2, at, &question(1), hash).unwrap();
        std::fs::write(intramuros_journal::segment::path(&place.folder(), segment), &bytes).unwrap();
        bytes.clear();
    }
    let options = Options { accept_break: Some("the test".to_owned()), ..place.options() };
    let journal = Journal::open(options).unwrap().start().unwrap();
    journal.close();
    let report = place.verify();
    assert!(report.is_whole(), "{:?}", report.findings);
    // The first ended 300 days ago and is gone; the second ended two days ago and stays.
    assert_eq!((report.first, report.accepted.len()), (3, 1));
    std::fs::remove_file(segments(&place.folder()).remove(0)).unwrap();
    assert!(!place.verify().is_whole());
}

#[test]
fn a_disk_that_fails_is_reported_and_the_gap_is_written_down() {
    let place = Place::new();
    let journal = place.open();
    journal.append_and_wait(question(1)).unwrap();
    // The kernel's limit on file size stands for a full disk, in a child process.
    journal.close();
    // The signal that comes with that limit is ignored, so that the write itself fails.
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "writing::child_with_a_full_disk", "--ignored", "--nocapture"])
        .env("INTRAMUROS_JOURNAL_TEST", place.root.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("refused"), "{said} {}", String::from_utf8_lossy(&output.stderr));
    let journal = place.open();
    journal.append_and_wait(question(2)).unwrap();
    journal.close();
    let report = place.verify();
    assert!(report.is_whole(), "{:?}", report.findings);
}

/// Run by [`a_disk_that_fails_is_reported_and_the_gap_is_written_down`].
#[test]
#[ignore = "run in a child process by another test"]
fn child_with_a_full_disk() {
    let Ok(root) = std::env::var("INTRAMUROS_JOURNAL_TEST") else { return };
    let root = std::path::PathBuf::from(root);
    let options = Options { key_file: root.join("keys/journal.key"), ..Options::new(root.join("journal")) };
    let journal = Journal::open(options).unwrap().start().unwrap();
    limit_file_size();
    let mut refused = 0;
    for number in 0..2000 {
        if journal.append_and_wait(question(number)).is_err() {
            refused += 1;
        }
    }
    if refused > 0 && journal.failure().is_some() {
        println!("refused {refused}");
    }
}

/// Lets no file of this process grow beyond 64 KiB, through the shell's own tool (`prlimit`), so that the test needs
/// no unsafe code.
fn limit_file_size() {
    let pid = std::process::id().to_string();
    let status = Command::new("prlimit").args(["--fsize=65536", "--pid", &pid]).status();
    if !status.is_ok_and(|status| status.success()) {
        println!("refused: prlimit is not installed, skipped");
    }
}

/// Writes until it is killed, telling each number that was acknowledged.
#[test]
#[ignore = "run in a child process by another test"]
fn child_that_writes_until_it_is_killed() {
    let Ok(root) = std::env::var("INTRAMUROS_JOURNAL_TEST") else { return };
    let root = std::path::PathBuf::from(root);
    let options = Options { key_file: root.join("keys/journal.key"), ..Options::new(root.join("journal")) };
    let journal = Journal::open(options).unwrap().start().unwrap();
    let mut out = std::io::stdout();
    for number in 0.. {
        for extra in 0..20 {
            journal.append(question(extra)).unwrap();
        }
        let stamp = journal.append_and_wait(question(number)).unwrap();
        if writeln!(out, "ack {} {}", stamp.number, stamp.hash.to_hex()).is_err() {
            return;
        }
    }
}

#[test]
fn a_kill_loses_nothing_acknowledged_and_never_breaks_the_chain() {
    let rounds = std::env::var("INTRAMUROS_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(12);
    let place = Place::new();
    let mut random = Random(11);
    for round in 0..rounds {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "writing::child_that_writes_until_it_is_killed", "--ignored", "--nocapture"])
            .env("INTRAMUROS_JOURNAL_TEST", place.root.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acknowledged = Vec::new();
        let wanted = 1 + random.below(60);
        while acknowledged.len() < wanted {
            let line = lines.next().unwrap().unwrap();
            if let Some(rest) = line.split_once("ack ") {
                acknowledged.push(rest.1.to_owned());
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines.map_while(Result::ok) {
            // The last line may itself be cut by the kill.
            if let Some((_, rest)) = line.split_once("ack ")
                && rest.len() >= 66
            {
                acknowledged.push(rest.to_owned());
            }
        }
        place.open().close();
        let report = place.verify();
        assert!(report.is_whole(), "round {round}: {:?}", report.findings);
        let mut there = std::collections::HashSet::new();
        each(&place.folder(), &Filter::default(), |entry, _| {
            there.insert(format!("{} {}", entry.number, entry.hash))
        })
        .unwrap();
        assert!(acknowledged.iter().all(|line| there.contains(line)), "round {round}");
    }
}

#[test]
fn syslog_messages_are_framed_by_their_length() {
    let place = Place::new();
    let journal = place.open();
    journal
        .append(Event::Egress {
            purpose: "answers".to_owned(),
            host: "évil.example".to_owned(),
            port: 443,
            address: None,
            allowed: false,
            why: "no rule".to_owned(),
        })
        .unwrap();
    journal.close();
    let mut stream = Vec::new();
    let mut count = 0;
    each(&place.folder(), &Filter::default(), |entry, line| {
        syslog::frame(&mut stream, entry, line, "host 1");
        count += 1;
        true
    })
    .unwrap();
    let mut rest = stream.as_slice();
    let mut messages = Vec::new();
    while !rest.is_empty() {
        let space = rest.iter().position(|byte| *byte == b' ').unwrap();
        let length: usize = std::str::from_utf8(&rest[..space]).unwrap().parse().unwrap();
        messages.push(String::from_utf8(rest[space + 1..space + 1 + length].to_vec()).unwrap());
        rest = &rest[space + 1 + length..];
    }
    assert_eq!(messages.len(), count);
    let refused = messages.iter().find(|message| message.contains("egress")).unwrap();
    assert!(
        refused.starts_with("<108>1 20") && refused.contains(" host1 intramuros - egress - \u{feff}{\"n\":")
    );
}

/// Prints the rate; `cargo test --release … -- --ignored --nocapture rate`.
#[test]
#[ignore = "a measurement"]
fn rate_of_appends() {
    for durability in [Durability::Disk, Durability::System] {
        let place = Place::new();
        let journal = Journal::open(Options { durability, ..place.options() }).unwrap().start().unwrap();
        let count = 500_000;
        let started = Instant::now();
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let journal = journal.clone();
                std::thread::spawn(move || {
                    for number in 0..count / 4 {
                        journal.append(question(number)).unwrap();
                    }
                    journal.append_and_wait(question(0)).unwrap();
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        let seconds = started.elapsed().as_secs_f64();
        println!(
            "{durability:?}: {:.0} appends/s, all acknowledged after {seconds:.2} s",
            count as f64 / seconds
        );
        journal.close();
        let started = Instant::now();
        assert!(place.verify().is_whole());
        println!("verify: {:.0} entries/s", count as f64 / started.elapsed().as_secs_f64());
    }
}
