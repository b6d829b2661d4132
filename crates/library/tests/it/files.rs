//! Do files become findable, and do their changes follow?

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use intramuros_core::access::Principal;
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
