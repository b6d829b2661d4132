//! Do files become findable, and do their changes follow?

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use intramuros_core::access::Principal;
use intramuros_core::document::ExtractError;
use intramuros_library::{Library, SearchOptions};

use crate::support::{eventually, found, scan, scene};

/// What a changed file may take to be found, with room for a machine that does other things beside.
const SOON: Duration = Duration::from_secs(10);

/// What the README promises of a change. On a machine that does other things beside, most of them keep it.
const PROMISED: Duration = Duration::from_secs(2);

#[test]
fn a_passage_is_found_with_its_place() {
    let scene = scene(&[
        (
            "baux/bail.txt",
            "# Bail d'habitation\n\nLe loyer est payable le cinq du mois.\nLe préavis est de trois mois.",
        ),
        ("notes.txt", "Rien d'utile ici."),
    ]);
    let library = scene.ready();
    let results = library.search(&Principal::owner(), "préavis", &SearchOptions::default()).unwrap();
    assert_eq!(results.total, 1);
    let document = &results.documents[0];
    assert_eq!(document.document.title, "Bail d'habitation");
    assert_eq!(
        (document.document.source.as_str(), document.document.path.as_str()),
        ("papers", "baux/bail.txt")
    );
    let passage = &document.passages[0];
    assert_eq!(passage.lines, Some((4, 4)));
    assert_eq!(&passage.text[passage.marks[0].clone()], "préavis");
    let open = library.document(&Principal::owner(), document.document.id).unwrap().unwrap();
    let text = open.blocks.iter().map(|block| block.text.as_str()).collect::<Vec<_>>().join("\n");
    assert_eq!(&text[passage.range.clone()], passage.text);
    assert_eq!(library.verify().unwrap().faults, Vec::<String>::new());
}

#[test]
fn unchanged_files_are_not_read_again_and_changed_ones_are() {
    let scene = scene(&[("a.txt", "un chat"), ("b/c.txt", "un chien")]);
    let library = scene.ready();
    assert_eq!((scene.read.load(Ordering::Relaxed), scene.embedded.load(Ordering::Relaxed)), (2, 2));
    let report = scan(&library);
    assert_eq!((report.unchanged, report.read), (2, 0));
    drop(library);

    // Also after a start.
    let library = scene.ready();
    assert_eq!(scene.read.load(Ordering::Relaxed), 2);
    scene.write("a.txt", "un cheval");
    let report = scan(&library);
    assert_eq!((report.unchanged, report.read), (1, 1));
    assert_eq!(found(&library, &Principal::owner(), "cheval"), ["a.txt"]);
    assert_eq!(found(&library, &Principal::owner(), "\"chat\""), Vec::<String>::new());
    assert_eq!(scene.embedded.load(Ordering::Relaxed), 3);
    assert_eq!(library.verify().unwrap().faults, Vec::<String>::new());
}

#[test]
#[cfg(unix)]
fn a_change_under_the_same_size_and_date_is_seen() {
    let scene = scene(&[("a.txt", "un chat")]);
    // As `cp -p` and whoever unpacks an archive leave it.
    let old = std::time::UNIX_EPOCH + Duration::from_secs(1_577_836_800);
    let set_date = || {
        let file = std::fs::File::options().append(true).open(scene.path("a.txt")).unwrap();
        file.set_modified(old).unwrap();
    };
    set_date();
    let library = scene.ready();
    scene.write("a.txt", "un rats");
    set_date();
    let report = scan(&library);
    assert_eq!((report.unchanged, report.read), (0, 1));
    assert_eq!(found(&library, &Principal::owner(), "rats"), ["a.txt"]);
    let read = scene.read.load(Ordering::Relaxed);
    // Of a mere touch, and of other rights, its hash tells that it is the same.
    set_date();
    let report = scan(&library);
    assert_eq!((report.unchanged, report.read), (1, 0));
    assert_eq!(scene.read.load(Ordering::Relaxed), read);
}

#[test]
#[cfg(unix)]
fn what_was_read_before_stamps_told_of_the_last_change_is_not_read_again() {
    use intramuros_store::{FileChange, Location, Stamp};
    let scene = scene(&[("a.txt", "un chat")]);
    let library = scene.ready();
    let store = library.store();
    let location = Location { source: store.sources().unwrap()[0].id, path: b"a.txt".to_vec() };
    let known = || store.file_at(&location).unwrap().unwrap();
    let now = known();
    assert_ne!(now.stamp.changed_ns, 0);
    let before = Stamp { changed_ns: 0, ..now.stamp };
    store.apply(vec![FileChange::Touch { file: now.id, stamp: before }]).unwrap();
    let latest = store.latest().unwrap();
    let report = scan(&library);
    assert_eq!((report.unchanged, report.read), (1, 0));
    assert_eq!((scene.read.load(Ordering::Relaxed), scene.embedded.load(Ordering::Relaxed)), (1, 1));
    assert_eq!(known().stamp, now.stamp);
    assert_eq!(store.latest().unwrap(), latest, "the index had to follow");
}

#[test]
fn a_renamed_file_is_neither_read_nor_embedded_again() {
    let scene = scene(&[("a.txt", "un chat noir"), ("b.txt", "un chien")]);
    let library = scene.ready();
    let before = library.search(&Principal::owner(), "noir", &SearchOptions::default()).unwrap();
    std::fs::create_dir(scene.path("ailleurs")).unwrap();
    std::fs::rename(scene.path("a.txt"), scene.path("ailleurs/d.txt")).unwrap();
    std::fs::remove_file(scene.path("b.txt")).unwrap();
    let report = scan(&library);
    assert_eq!((report.moved, report.removed, report.read), (1, 1, 0));
    let after = library.search(&Principal::owner(), "noir", &SearchOptions::default()).unwrap();
    assert_eq!(after.documents[0].document.path, "ailleurs/d.txt");
    assert_eq!(after.documents[0].document.id, before.documents[0].document.id);
    assert_eq!(found(&library, &Principal::owner(), "chien"), Vec::<String>::new());
    assert_eq!((scene.read.load(Ordering::Relaxed), scene.embedded.load(Ordering::Relaxed)), (2, 2));
    assert_eq!(library.verify().unwrap().faults, Vec::<String>::new());
}

#[test]
fn changes_are_followed_as_they_happen() {
    let scene = scene(&[("a.txt", "un chat"), ("b.txt", "un chien")]);
    let library = scene.open();
    library.follow().unwrap();
    eventually(&library, "\"chat\"", &["a.txt"], SOON);
    let check = |question: &str, expected: &[&str]| eventually(&library, question, expected, SOON);
    // Of each change, what is seen of it first: the rest is there by then.
    let mut took = Vec::new();
    scene.write("nouveau/c.txt", "un cheval");
    took.push(check("\"cheval\"", &["nouveau/c.txt"]));
    scene.write("a.txt", "un lapin");
    took.push(check("\"lapin\"", &["a.txt"]));
    check("\"chat\"", &[]);
    std::fs::rename(scene.path("a.txt"), scene.path("nouveau/e.txt")).unwrap();
    took.push(check("\"lapin\"", &["nouveau/e.txt"]));
    std::fs::rename(scene.path("nouveau"), scene.path("ancien")).unwrap();
    took.push(check("\"cheval\"", &["ancien/c.txt"]));
    check("\"lapin\"", &["ancien/e.txt"]);
    std::fs::remove_file(scene.path("b.txt")).unwrap();
    took.push(check("\"chien\"", &[]));
    std::fs::remove_dir_all(scene.path("ancien")).unwrap();
    took.push(check("\"lapin\"", &[]));
    took.sort();
    println!("changes were found after {took:?}");
    assert!(took[took.len() / 2] < PROMISED, "half of them took longer than is promised: {took:?}");
    assert_eq!(library.verify().unwrap().faults, Vec::<String>::new());
}

#[test]
fn folders_with_the_names_of_unfinished_files_are_followed() {
    let scene = scene(&[("plans.tmp/a.txt", "un chat")]);
    let library = scene.open();
    library.follow().unwrap();
    let check = |expected: &[&str]| eventually(&library, "\"chat\"", expected, SOON);
    check(&["plans.tmp/a.txt"]);
    let mut before = "plans.tmp";
    for after in ["plans", "plans~", "plans.part", "ailleurs"] {
        std::fs::rename(scene.path(before), scene.path(after)).unwrap();
        check(&[format!("{after}/a.txt").as_str()]);
        before = after;
    }
    // Files of such names are none.
    scene.write("b.tmp", "un chat");
    scene.write("c.txt", "un chien");
    eventually(&library, "\"chien\"", &["c.txt"], SOON);
    check(&["ailleurs/a.txt"]);
    assert_eq!(library.verify().unwrap().faults, Vec::<String>::new());
}

#[test]
fn a_mark_that_comes_or_goes_counts_for_its_folder() {
    let scene = scene(&[("projet/env/a.txt", "un chat"), ("projet/b.txt", "un chien")]);
    let library = scene.open();
    library.follow().unwrap();
    let check = |expected: &[&str]| eventually(&library, "\"chat\"", expected, SOON);
    check(&["projet/env/a.txt"]);
    for mark in ["CACHEDIR.TAG", "pyvenv.cfg"] {
        let path = format!("projet/env/{mark}");
        scene.write(&path, "Signature: 8a477f597d28d172789f06886806bc55");
        check(&[]);
        std::fs::remove_file(scene.path(&path)).unwrap();
        check(&["projet/env/a.txt"]);
    }
    eventually(&library, "\"chien\"", &["projet/b.txt"], SOON);
}

#[test]
fn parts_and_failures_are_listed() {
    let scene = scene(&[
        ("secret.txt", "LOCKED"),
        ("fault.txt", "PANIC"),
        ("box.txt", "le message\n== un.txt\nla pièce jointe\n== deux.txt\nLOCKED"),
        ("vide.txt", ""),
    ]);
    let library = scene.ready();
    assert_eq!(found(&library, &Principal::owner(), "pièce jointe"), ["box.txt!/un.txt"]);
    let failures = library.failures(&Principal::owner(), 0, 10).unwrap();
    let mut failures: Vec<(String, String, String)> = failures
        .into_iter()
        .map(|failure| (failure.location.path_text(), failure.part, failure.reason))
        .collect();
    failures.sort();
    let expected = [
        ("box.txt", "deux.txt", "encrypted"),
        ("fault.txt", "", "crashed"),
        ("secret.txt", "", "encrypted"),
        ("vide.txt", "", "empty"),
    ];
    let expected = expected.map(|(path, part, reason)| (path.to_owned(), part.to_owned(), reason.to_owned()));
    assert_eq!(failures, expected);
    let counts = library.counts().unwrap();
    assert_eq!((counts.files, counts.files_read, counts.documents), (4, 1, 2));
}

#[test]
fn a_channel_of_an_export_is_read_as_a_whole() {
    let scene = scene(&[
        ("export/users.json", "[]"),
        ("export/channels.json", "[]"),
        ("export/general/2024-03-01.json", "[{\"text\": \"la cantine\"}]"),
        ("export/general/2024-03-02.json", "[{\"text\": \"le menu\"}]"),
        ("export/random/2024-03-01.json", "[{\"text\": \"les congés\"}]"),
        ("autre.txt", "les congés"),
    ]);
    let library = scene.open();
    library.follow().unwrap();
    eventually(&library, "\"cantine\" \"menu\"", &["export/general"], SOON);
    let mut both = found(&library, &Principal::owner(), "congés");
    both.sort();
    assert_eq!(both, ["autre.txt", "export/random"]);
    let read = scene.read.load(Ordering::Relaxed);
    scene.write("export/general/2024-03-03.json", "[{\"text\": \"le serveur\"}]");
    eventually(&library, "\"serveur\"", &["export/general"], SOON);
    assert_eq!(scene.read.load(Ordering::Relaxed), read + 1);
    std::fs::remove_dir_all(scene.path("export/random")).unwrap();
    eventually(&library, "congés", &["autre.txt"], SOON);
}

#[test]
fn what_was_interrupted_is_told_from_what_goes_on() {
    let texts: Vec<(String, String)> =
        (0..60).map(|number| (format!("{number}.txt"), format!("le chat {number}"))).collect();
    let files: Vec<(&str, &str)> = texts.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let scene = scene(&files);
    let reader = || {
        let options = scene.options();
        Library::open_read_only(scene.data.path(), options.perimeter, options.embed).unwrap()
    };
    // Files are read once the gate is open, each for a while.
    let gate = Arc::new(AtomicBool::new(false));
    let mut options = scene.options();
    let (opened, extract) = (Arc::clone(&gate), Arc::clone(&options.reading.extract));
    options.reading.extract = Arc::new(move |name, bytes| {
        while !opened.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(50));
        extract(name, bytes)
    });
    let library = Library::open(options).unwrap();
    library.follow().unwrap();
    while library.progress().files_to_read == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(!reader().is_interrupted().unwrap(), "it goes on");
    let closing = std::thread::spawn(move || library.close());
    std::thread::sleep(Duration::from_millis(500));
    gate.store(true, Ordering::Relaxed);
    closing.join().unwrap();
    assert!(reader().is_interrupted().unwrap());
    drop(scene.ready());
    assert!(!reader().is_interrupted().unwrap());
}

#[test]
fn what_is_being_read_when_all_ends_is_no_fault_of_the_file_and_is_read_again() {
    let scene = scene(&[("long.txt", "le chat gris")]);
    let mut options = scene.options();
    let (begun, ended) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (begins, ends) = (Arc::clone(&begun), Arc::clone(&ended));
    // A reader that never comes to an end by itself, and then says that it failed.
    options.reading.extract = Arc::new(move |_, _| {
        begins.store(true, Ordering::Relaxed);
        while !ends.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(5));
        }
        Err(ExtractError::NeedsOcr("OCR failed on page 1: it was killed".to_owned()))
    });
    let library = Library::open(options).unwrap();
    library.on_stop(Box::new(move || ended.store(true, Ordering::Relaxed)));
    library.follow().unwrap();
    while !begun.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(5));
    }
    // It comes back though the reader would go on for ever.
    library.close();
    let options = scene.options();
    let reader = Library::open_read_only(scene.data.path(), options.perimeter, options.embed).unwrap();
    assert_eq!(reader.counts().unwrap().files, 0, "nothing is written down of it");
    assert!(reader.is_interrupted().unwrap());
    drop(reader);
    let library = scene.ready();
    assert_eq!(found(&library, &Principal::owner(), "gris"), ["long.txt"]);
    assert!(library.counts().unwrap().failed.is_empty());
}

#[test]
fn a_second_process_searches_while_the_first_writes() {
    let scene = scene(&[("a.txt", "un chat noir")]);
    let library = scene.ready();
    let Err(error) = Library::open(scene.options()) else { panic!("two writers") };
    assert!(error.to_string().contains("already writes"), "{error}");
    let options = scene.options();
    let reader = Library::open_read_only(scene.data.path(), options.perimeter, options.embed).unwrap();
    assert_eq!(found(&reader, &Principal::owner(), "noir"), ["a.txt"]);
    assert_eq!(reader.verify().unwrap().faults, Vec::<String>::new());
    assert!(reader.scan("papers").is_err());
    drop(library);
    assert_eq!(found(&reader, &Principal::owner(), "noir"), ["a.txt"]);
}

#[test]
fn a_large_folder_is_searchable_before_it_is_read_to_the_end() {
    let scene = scene(&[]);
    for number in 0..400 {
        scene.write(&format!("{number}.txt"), &format!("document {number} sur le bail"));
    }
    let library = scene.open();
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| scan(&library));
        let (mut version, mut stages) = (0, 0);
        while !reading.is_finished() {
            let (now, progress) = library.progress_after(version, Duration::from_millis(200));
            assert!(progress.files_done <= progress.files_to_read);
            stages += usize::from(now > version);
            version = now;
        }
        assert!(stages > 2);
    });
    let progress = library.progress();
    assert_eq!((progress.files_done, progress.passages, progress.embedded), (400, 400, 400));
    assert!(progress.words_in_step);
}
