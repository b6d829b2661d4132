//! Are the newest entries found from the end, the same as from the beginning?

use intramuros_journal::read::{Filter, Reached, each, newest};

use crate::support::{Place, question, segments};

/// Cuts the one segment of a journal into several of 150 entries, each of which begins as a segment does. The chain no
/// longer holds; looking does not check it.
fn cut(place: &Place) {
    let whole = segments(&place.folder()).pop().unwrap();
    let text = std::fs::read_to_string(&whole).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for (position, part) in lines.chunks(150).enumerate() {
        let before = position * 150;
        let first = lines[0].replacen("\"n\":1,", &format!("\"n\":{},", before + 1), 1).replacen(
            "\"after\":0",
            &format!("\"after\":{before}"),
            1,
        );
        let part = [&[first.as_str()], &part[1..]].concat().join("\n");
        std::fs::write(place.folder().join(format!("journal-{:08}.jsonl", position + 1)), part + "\n")
            .unwrap();
    }
}

#[test]
fn the_newest_entries_are_those_that_reading_everything_finds_last() {
    let place = Place::new();
    let journal = place.open();
    for number in 0..600 {
        journal.append(question(number)).unwrap();
    }
    journal.close();
    cut(&place);
    assert_eq!(segments(&place.folder()).len(), 5);
    let mut all: Vec<u64> = Vec::new();
    let check = |who: Option<&str>, before: u64, wanted: usize| {
        let filter = Filter { who: who.map(str::to_owned), ..Filter::default() };
        let mut expected = Vec::new();
        each(&place.folder(), &filter, |entry, _| {
            expected.push(entry.number);
            true
        })
        .unwrap();
        expected.retain(|number| *number < before);
        expected.reverse();
        let whole = expected.len();
        expected.truncate(wanted);
        let mut found = Vec::new();
        let reached = newest(&place.folder(), &filter, before, u64::MAX, |entry| {
            found.push(entry.number);
            found.len() < wanted
        });
        assert_eq!(found, expected, "{who:?} {before} {wanted}");
        let reached = reached.unwrap();
        assert_eq!(reached == Reached::Beginning, whole < wanted, "{who:?} {before} {wanted}: {reached:?}");
        expected
    };
    all.extend(check(None, u64::MAX, 1_000));
    assert!(all.len() >= 600, "{}", all.len());
    for before in [1, 2, 300, 301, 302, *all.first().unwrap()] {
        check(None, before, 7);
        check(Some("user3"), before, 4);
        check(Some("nobody"), before, 1);
    }
    // Looking ends where it is told to, and goes on from there.
    let filter = Filter { who: Some("nobody".to_owned()), ..Filter::default() };
    let mut before = u64::MAX;
    let mut rounds = 0;
    while let Reached::Limit(number) = newest(&place.folder(), &filter, before, 100, |_| true).unwrap() {
        assert!(number < before);
        before = number;
        rounds += 1;
    }
    assert!((6..=8).contains(&rounds), "{rounds}");
}

#[test]
fn lines_that_are_no_entries_are_passed_over_however_long_they_are() {
    let place = Place::new();
    let journal = place.open();
    journal.append(question(1)).unwrap();
    journal.close();
    let segment = segments(&place.folder()).pop().unwrap();
    let mut text = std::fs::read(&segment).unwrap();
    text.extend(std::iter::repeat_n(b'x', 3 << 20));
    text.extend(b"\n{\"half\": ");
    std::fs::write(&segment, &text).unwrap();
    let mut kinds = Vec::new();
    newest(&place.folder(), &Filter::default(), u64::MAX, 1_000, |entry| {
        kinds.push(entry.event.word());
        true
    })
    .unwrap();
    assert!(kinds.contains(&"question"), "{kinds:?}");
}
