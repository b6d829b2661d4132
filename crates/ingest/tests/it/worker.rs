//! Does a worker that hangs, falls or grows cost one file, and only that one?

use std::time::{Duration, Instant};

use intramuros_core::document::{ExtractError, Limits};
use intramuros_ingest::{Extractor, Ocr, Pool};

use crate::data;
#[cfg(target_os = "linux")]
use crate::seeds::{Content, content, members};

const TEXT: &[u8] = b"Le conseil se tient mardi.\n";

fn still_reads(pool: &Pool) {
    let read = pool.extract("note.txt", TEXT).unwrap();
    assert!(read.text().contains("conseil"), "{read:?}");
}

#[test]
fn a_worker_reads_what_the_library_reads() {
    let pool = data::pool(Limits::default());
    assert_eq!(
        pool.extract("note.txt", TEXT),
        intramuros_ingest::extract("note.txt", TEXT, &Limits::default())
    );
    assert_eq!(pool.extract("x.docx", b"").unwrap_err().word(), "corrupt");
}

#[test]
fn pictures_come_back_whole() {
    let Some(bytes) = data::document("test_hello_world.png") else { return };
    let read = data::pool(Limits::default()).extract("a.png", &bytes).unwrap();
    assert_eq!(read.pictures.len(), 1);
    assert_eq!(read.pictures[0].bytes, bytes);
}

#[test]
fn a_file_over_the_size_limit_never_reaches_a_worker() {
    let pool = data::pool(Limits { file_bytes: 10, ..Limits::default() });
    assert_eq!(pool.extract("a.txt", TEXT).unwrap_err().word(), "limit");
}

#[test]
fn a_worker_that_takes_too_long_is_killed_and_replaced() {
    // A program that never answers.
    let limits = Limits { time: Duration::from_millis(200), ..Limits::default() };
    let pool = Pool::new("/bin/sleep", vec!["1000".into()], 1, limits.clone());
    for _ in 0..2 {
        let start = Instant::now();
        assert_eq!(pool.extract("a.txt", TEXT), Err(ExtractError::Time(limits.time)));
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn who_is_told_to_stop_ends_what_is_read_and_reads_nothing_any_more() {
    // A program that never answers: without the end it would take a minute.
    let pool = &Pool::new("/bin/sleep", vec!["1000".into()], 1, Limits::default());
    let start = Instant::now();
    let told = std::thread::scope(|scope| {
        // One that is read, and one that waits for it.
        let reads = [(); 2].map(|()| scope.spawn(move || pool.extract("a.txt", TEXT)));
        std::thread::sleep(Duration::from_millis(300));
        pool.stop();
        reads.map(|read| read.join().unwrap().unwrap_err())
    });
    let again = pool.extract("b.txt", TEXT).unwrap_err();
    for why in told.iter().chain([&again]) {
        assert!(matches!(why, ExtractError::Unreadable(why) if why.contains("stopped")), "{why:?}");
    }
    assert!(start.elapsed() < Duration::from_secs(30), "it waited for the worker");
}

/// A workbook that takes far longer to read than some seconds: two hundred sheets that are one, of empty cells.
#[cfg(target_os = "linux")]
fn long_workbook() -> Vec<u8> {
    let mut parts = members("a.xlsx");
    let sheets = "<sheet name=\"s\" sheetId=\"1\" r:id=\"s\"/>".repeat(200);
    let book = format!("<workbook xmlns:r=\"r\"><sheets>{sheets}</sheets></workbook>");
    *content(&mut parts, "xl/workbook.xml") = book.into_bytes();
    let cells = "<c></c>".repeat(1_100_000);
    let sheet = format!("<worksheet><sheetData><row>{cells}</row></sheetData></worksheet>");
    *content(&mut parts, "xl/worksheets/sheet1.xml") = sheet.into_bytes();
    Content::Zip(parts).pack()
}

#[test]
#[cfg(target_os = "linux")]
fn a_worker_ends_when_its_processor_time_is_over_though_nobody_looks_at_a_clock() {
    use std::io::Write;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, Stdio};

    let limits = Limits { time: Duration::from_secs(1), unpacked_bytes: u64::MAX, ..Limits::default() };
    let request = serde_json::json!({ "name": "a.xlsx", "limits": limits, "task": "Read" }).to_string();
    let bytes = long_workbook();
    let mut worker = Command::new(env!("CARGO_BIN_EXE_intramuros-reader"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = worker.stdin.take().unwrap();
    input.write_all(&(request.len() as u32).to_le_bytes()).unwrap();
    input.write_all(&(bytes.len() as u64).to_le_bytes()).unwrap();
    input.write_all(request.as_bytes()).unwrap();
    input.write_all(&bytes).unwrap();
    // Otherwise it would end soundly after the file.
    drop(input);
    let ended = worker.wait().unwrap();
    assert_eq!(ended.signal(), Some(rustix::process::Signal::XCPU.as_raw()), "{ended}");
}

#[test]
#[cfg(unix)]
fn a_worker_that_the_kernel_ends_for_its_processor_time_took_too_long() {
    let limits = Limits::default();
    let spins = "ulimit -S -t 1; while :; do :; done";
    let pool = Pool::new("/bin/sh", vec!["-c".into(), spins.into()], 1, limits.clone());
    assert_eq!(pool.extract("a.txt", TEXT), Err(ExtractError::Time(limits.time)));
}

#[test]
#[cfg(target_os = "linux")]
fn time_in_which_a_worker_does_not_compute_is_not_its_own() {
    let limits = Limits { time: Duration::from_secs(2), ..Limits::default() };
    let late = "/bin/sleep 3; exec \"$0\"";
    let reader = env!("CARGO_BIN_EXE_intramuros-reader");
    still_reads(&Pool::new("/bin/sh", vec!["-c".into(), late.into(), reader.into()], 1, limits));
}

#[test]
fn a_worker_that_falls_is_replaced() {
    let pool = Pool::new("/bin/false", Vec::new(), 1, Limits::default());
    for _ in 0..2 {
        assert_eq!(pool.extract("a.txt", TEXT).unwrap_err().word(), "crashed");
    }
    assert_eq!(
        Pool::new("/no/such/program", Vec::new(), 1, Limits::default())
            .extract("a", TEXT)
            .unwrap_err()
            .word(),
        "unreadable"
    );
}

#[test]
fn a_file_that_needs_too_much_memory_ends_and_the_next_is_read() {
    let limits = Limits { memory_bytes: 48 << 20, ..Limits::default() };
    let pool = data::pool(limits);
    // Larger than all of the worker's memory.
    let large = vec![b'a'; 100 << 20];
    assert_eq!(
        pool.extract("a.txt", &large).unwrap_err(),
        ExtractError::Limit("it needed more memory than allowed".to_owned())
    );
    still_reads(&pool);
}

#[test]
fn many_threads_share_two_workers() {
    let pool = data::pool(Limits::default());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..20).for_each(|_| still_reads(&pool)));
        }
    });
}

#[test]
fn without_ocr_a_picture_is_listed_and_with_it_read() {
    let Some(bytes) = data::document("test_hello_world.png") else { return };
    let extractor = Extractor::Workers(data::pool(Limits::default()));
    assert_eq!(extractor.extract("a.png", &bytes).unwrap_err().word(), "needs_ocr");
    let Some(ocr) = Ocr::find() else {
        intramuros_testkit::skip("tesseract", "tesseract isn't installed");
        return;
    };
    let read = extractor.extract_with("a.png", &bytes, Some(&ocr)).unwrap();
    assert!(read.text().to_lowercase().contains("hello"), "{read:?}");
    let Some(scan) = data::document("image_only_german_pdf.pdf") else { return };
    let read = extractor.extract_with("scan.pdf", &scan, Some(&ocr)).unwrap();
    assert!(read.blocks.iter().any(|block| block.place.page == Some(2)), "{:?}", read.blocks.len());
}
