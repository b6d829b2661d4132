//! Does the program work as ever when it is sealed, and does it say that it is?

use intramuros_testkit::shared_data;

use crate::support::House;

/// Whether this kernel seals; without it these tests hold all the same, but for what they say of the seal.
fn sealed(house: &House) -> bool {
    house
        .journal("started")
        .first()
        .is_some_and(|event| event["seal"].as_str().unwrap().starts_with("sealed"))
}

#[test]
fn a_folder_is_served_sealed_and_followed_through_changes_kills_and_restarts() {
    let house = House::new(&[("bail.txt", "Le bail dure neuf ans.\n")]);
    let program = house.serve();
    program.finds("bail", &["bail.txt"]);
    program.says("ealed");
    let walls = program.get("/api/v1/perimeter");
    assert_eq!((&walls["sealed"], &walls["journal"]), (&true.into(), &true.into()), "{walls}");

    // What a person does in the folder meanwhile.
    house.put("neu/brochure.html", "<p>La brochure du jardin</p><img src='http://192.0.2.1/spy.png'>");
    program.finds("jardin", &["neu/brochure.html"]);
    std::fs::rename(house.path().join("documents/neu"), house.path().join("documents/ancien")).unwrap();
    program.finds("jardin", &["ancien/brochure.html"]);
    std::fs::remove_file(house.path().join("documents/bail.txt")).unwrap();
    program.finds("bail", &[]);

    program.kill();
    house.put("pendant.txt", "Une cigogne est passée.\n");
    let program = house.serve();
    program.finds("cigogne", &["pendant.txt"]);
    program.finds("jardin", &["ancien/brochure.html"]);
    program.stop();

    let (said, whole) = house.run(&["journal", "verify", "--data", "data"]);
    assert!(whole, "{said}");
    assert_eq!(house.journal("started").len(), 2);
    assert!(house.journal("question").len() >= 5);
    assert!(house.journal("question")[0].get("text").is_none(), "the text of questions is not declared");
    assert!(sealed(&house) || cfg!(not(target_os = "linux")));
    let (found, good) = house.run(&["search", "--data", "data", "cigogne"]);
    assert!(good && found.contains("pendant.txt"), "{found}");
}

#[test]
fn pictures_of_text_are_read_when_sealed() {
    let Some(picture) = shared_data("documents/test_hello_world.png") else { return };
    if !is_on_the_path("tesseract") {
        return intramuros_testkit::skip("tesseract", "tesseract is not installed");
    }
    let house = House::new(&[]);
    std::fs::copy(picture, house.path().join("documents/picture.png")).unwrap();
    let (said, good) = house.run(&["ingest", "documents", "--data", "data", "--words-only"]);
    assert!(good && !said.contains("not read"), "{said}");
    let (found, good) = house.run(&["search", "--data", "data", "helloworld"]);
    assert!(good && found.contains("picture.png"), "{found}");
}

/// Of a process that has not ended: the name of its program, and who started it.
#[cfg(target_os = "linux")]
fn process(number: u32) -> Option<(String, u32)> {
    let told = std::fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    let (name, rest) = told.split_once('(')?.1.rsplit_once(')')?;
    let mut rest = rest.split_whitespace();
    // One that nobody has taken note of has ended all the same.
    let _alive = rest.next().filter(|state| *state != "Z")?;
    Some((name.to_owned(), rest.next()?.parse().ok()?))
}

/// The OCR that a process started and that goes on.
#[cfg(target_os = "linux")]
fn ocr_of(program: u32) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_ocr = |number: &u32| {
        process(*number).is_some_and(|(name, parent)| name == "tesseract" && parent == program)
    };
    numbers.filter(is_ocr).collect()
}

#[test]
#[cfg(target_os = "linux")]
fn a_scan_that_is_being_read_keeps_nobody_waiting_who_stops_the_program() {
    let Some(picture) = shared_data("documents/test_hello_world.png") else { return };
    if !is_on_the_path("tesseract") {
        return intramuros_testkit::skip("tesseract", "tesseract is not installed");
    }
    // A minute of OCR in one file.
    let picture = std::fs::read(picture).unwrap();
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for number in 0..150 {
        let stored = zip::CompressionMethod::Stored;
        let options = zip::write::SimpleFileOptions::default().compression_method(stored);
        writer.start_file(format!("{number}.png"), options).unwrap();
        std::io::Write::write_all(&mut writer, &picture).unwrap();
    }
    let pictures = writer.finish().unwrap().into_inner();
    for signal in ["TERM", "INT"] {
        let house = House::new(&[("bail.txt", "Le bail dure neuf ans.\n")]);
        std::fs::write(house.path().join("documents/pictures.zip"), &pictures).unwrap();
        let program = house.serve();
        let pid = program.pid();
        let mut started = Vec::new();
        program.wait("OCR", || {
            started = ocr_of(pid);
            !started.is_empty()
        });
        // Reading begins before signals are listened to; who answers listens.
        program.get("/api/v1/status");
        let began = std::time::Instant::now();
        program.signal(signal);
        assert_eq!(program.ends(), Some(0));
        // Two seconds on a machine that does nothing else beside.
        assert!(began.elapsed().as_secs() < 15, "it took {:?} to stop", began.elapsed());
        for number in started {
            let lives_on = process(number).is_some_and(|(name, _)| name == "tesseract");
            assert!(!lives_on, "OCR goes on without the program");
        }
        let (said, _) = house.run(&["unread", "--data", "data"]);
        assert!(!said.contains("pictures.zip"), "{said}");
    }
}

/// Whether a program is installed, so that nothing which goes wrong with it looks as if it were not.
fn is_on_the_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

#[test]
fn a_journal_that_somebody_changed_stops_the_start_until_somebody_answers_for_it() {
    let house = House::new(&[("bail.txt", "Le bail dure neuf ans.\n")]);
    let program = house.serve();
    program.finds("bail", &["bail.txt"]);
    program.stop();
    let folder = house.path().join("data/journal");
    let segment = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    let segment =
        segment.into_iter().find(|path| path.extension().is_some_and(|end| end == "jsonl")).unwrap();
    let text = std::fs::read_to_string(&segment).unwrap();
    std::fs::write(&segment, text.replace("\"by\":\"owner\"", "\"by\":\"nobody\"")).unwrap();
    let (said, good) = house.run(&["serve", "documents", "--data", "data", "--listen", "127.0.0.1:0"]);
    assert!(
        !good && said.contains("not as it was written") && said.contains("--accept-journal-break"),
        "{said}"
    );
}

#[test]
fn the_journals_key_may_lie_where_a_sealed_program_can_not_reach() {
    let house = House::new(&[("bail.txt", "Le bail dure neuf ans.\n")]);
    std::fs::create_dir(house.path().join("keys")).unwrap();
    house.declare("[journal]\nkey_file = 'keys/journal.key'\n");
    let program = house.serve();
    program.finds("bail", &["bail.txt"]);
    program.stop();
    let (said, whole) = house.run(&["journal", "verify"]);
    assert!(whole, "{said}");
    let program = house.serve();
    program.finds("bail", &["bail.txt"]);
}

#[test]
fn what_the_kernel_refuses_stands_in_the_journal_and_nothing_goes_on_without_who_answers() {
    let house = House::new(&[("bail.txt", "Le bail dure neuf ans.\n")]);
    let program = house.serve();
    program.finds("bail", &["bail.txt"]);
    let Some(watcher) = child(program.pid(), "watcher") else {
        return intramuros_testkit::skip("kernel", "this kernel can't report what it refuses");
    };
    // What runs well tries nothing that is refused.
    assert_eq!(house.journal("kernel_refused"), [] as [serde_json::Value; 0]);
    assert!(
        std::process::Command::new("kill").args(["-KILL", &watcher.to_string()]).status().unwrap().success()
    );
    // From outside, so that nothing of the program is involved: the kernel fails what waits for an answer.
    assert_eq!(program.ends(), Some(70));
    let refused = house.journal("kernel_refused");
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0]["with"].as_str().unwrap().contains("the watcher has ended"), "{refused:?}");
    let program = house.serve();
    program.finds("bail", &["bail.txt"]);
    program.stop();
    let (said, whole) = house.run(&["journal", "verify", "--data", "data"]);
    assert!(whole, "{said}");
}

/// A child of a process by the command that it runs.
fn child(process: u32, command: &str) -> Option<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).ok()?.flatten();
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    let children: Vec<u32> = lists
        .flat_map(|list| list.split_whitespace().map(|id| id.parse().unwrap()).collect::<Vec<_>>())
        .collect();
    children.into_iter().find(|id| {
        let words = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        words.split(|byte| *byte == 0).any(|word| word == command.as_bytes())
    })
}

/// In one step the database takes out what it held of a document; what does not fit into its memory then must not go where a
/// sealed process may not write.
#[test]
fn a_long_document_that_changes_is_read_again() {
    let text = |animal: &str| {
        let paragraph = |number: usize| format!("{animal} {number} {}.\n\n", "mot ".repeat(110));
        (0..400).map(paragraph).collect::<String>()
    };
    let house = House::new(&[("long.txt", &text("cigogne"))]);
    for animal in ["cigogne", "brochet"] {
        house.put("long.txt", &text(animal));
        let (said, good) = house.run(&["ingest", "documents", "--data", "data", "--words-only"]);
        assert!(good && said.contains("1 read"), "{said}");
        let (said, good) = house.run(&["search", animal, "--data", "data", "--by", "words"]);
        assert!(good && said.contains("long.txt"), "{said}");
    }
}
