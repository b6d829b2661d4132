//! What happens when disks fill, links loop, names are strange and the index is lost?

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use intramuros_core::access::Principal;
use intramuros_core::document::ExtractError;
use intramuros_core::error::ErrorKind;
use intramuros_library::Library;
use tempfile::TempDir;

use crate::support::{LONG, eventually, found, options, scan, scene};

#[test]
fn an_index_that_is_lost_or_of_another_store_is_made_anew() {
    let scene = scene(&[("a.txt", "un chat noir"), ("b.txt", "un chien")]);
    let library = scene.ready();
    drop(library);
    let index = scene.data.path().join("index");
    let check = |what: &str| {
        let library = scene.open();
        assert!(library.wait_for_words(LONG).unwrap(), "{what}");
        assert_eq!(found(&library, &Principal::owner(), "noir"), ["a.txt"], "{what}");
        assert_eq!(library.verify().unwrap().faults, Vec::<String>::new(), "{what}");
    };
    std::fs::remove_file(index.join("store")).unwrap();
    check("without a name");
    std::fs::write(index.join("store"), "another").unwrap();
    check("of another store");
    let told = std::fs::read_to_string(index.join("store")).unwrap();
    let current = index.join(told.split_whitespace().nth(1).unwrap());
    std::fs::write(current.join("words/meta.json"), "{").unwrap();
    check("damaged");
    // Nothing was read or embedded a second time.
    assert_eq!(scene.read.load(std::sync::atomic::Ordering::Relaxed), 2);
    assert_eq!(scene.embedded.load(std::sync::atomic::Ordering::Relaxed), 2);
}

#[test]
fn an_index_that_can_not_be_written_any_more_is_made_anew_at_work() {
    let scene = scene(&[("a.txt", "un chat noir")]);
    let library = scene.ready();
    let index = scene.data.path().join("index");
    let told = std::fs::read_to_string(index.join("store")).unwrap();
    std::fs::remove_dir_all(index.join(told.split_whitespace().nth(1).unwrap()).join("words")).unwrap();
    scene.write("b.txt", "un chien noir");
    scan(&library);
    let mut paths = found(&library, &Principal::owner(), "noir");
    paths.sort();
    assert_eq!(paths, ["a.txt", "b.txt"]);
    assert_eq!(library.verify().unwrap().faults, Vec::<String>::new());
    drop(library);
    assert_eq!(scene.ready().verify().unwrap().faults, Vec::<String>::new());
}

#[test]
fn an_index_made_anew_is_in_step_though_the_last_deletion_was_forgotten() {
    let scene = scene(&[("a.txt", "un chat noir"), ("b.txt", "un chien")]);
    let library = scene.ready();
    std::fs::remove_file(scene.path("b.txt")).unwrap();
    scan(&library);
    assert_eq!(library.compact().unwrap().deletions, 1);
    drop(library);
    std::fs::remove_file(scene.data.path().join("index/store")).unwrap();
    let library = scene.open();
    assert!(library.wait_for_words(LONG).unwrap());
    drop(library);
    let told = || std::fs::read_to_string(scene.data.path().join("index/store")).unwrap();
    let before = told();
    assert!(scene.open().wait_for_words(LONG).unwrap());
    assert_eq!(told(), before, "it was made anew without need");
}

#[test]
#[cfg(unix)]
fn strange_folders_are_read_all_the_same() {
    use std::os::unix::ffi::OsStrExt;
    let scene = scene(&[("a/un.txt", "un chat"), ("b/deux.txt", "un chien")]);
    std::os::unix::fs::symlink("..", scene.path("a/boucle")).unwrap();
    std::os::unix::fs::symlink("lui-même", scene.path("lui-même")).unwrap();
    std::fs::write(scene.root.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9.txt")), "un café noir")
        .unwrap();
    assert!(
        Command::new("mkfifo").arg(scene.path("tuyau.txt")).status().is_ok_and(|status| status.success())
    );
    let library = scene.ready();
    assert_eq!(found(&library, &Principal::owner(), "chat"), ["a/un.txt"]);
    assert_eq!(found(&library, &Principal::owner(), "noir"), ["caf\u{fffd}.txt"]);
    let results = library.search(&Principal::owner(), "noir", &Default::default()).unwrap();
    let path = library.file_of(&Principal::owner(), results.documents[0].document.id).unwrap().unwrap();
    assert_eq!(std::fs::read(path).unwrap(), "un café noir".as_bytes());
    assert_eq!(library.counts().unwrap().files, 3);
}

/// What was not read: paths with reasons.
fn unread(library: &Library) -> Vec<(String, String)> {
    let failures = library.failures(&Principal::owner(), 0, 10).unwrap();
    failures.into_iter().map(|failure| (failure.location.path_text(), failure.reason)).collect()
}

#[test]
fn a_folder_that_can_not_be_looked_at_is_listed_until_it_can() {
    let scene = scene(&[("a.txt", "un chat noir"), ("secret.txt", "LOCKED")]);
    // Deeper than folders are followed, which no right to read everything changes.
    scene.write(&format!("{}/b.txt", vec!["d"; 130].join("/")), "un chien");
    let library = scene.ready();
    let listed = unread(&library);
    assert!(listed[0].0.starts_with("d/d/d/") && listed[0].1 == "unreadable", "{listed:?}");
    assert_eq!(listed[1], ("secret.txt".to_owned(), "encrypted".to_owned()));
    assert_eq!(library.counts().unwrap().failed.get("unreadable"), Some(&1));
    // Page by page, each once.
    let one = |offset| library.failures(&Principal::owner(), offset, 1).unwrap()[0].reason.clone();
    assert_eq!((one(0), one(1)), ("unreadable".to_owned(), "encrypted".to_owned()));
    assert!(library.failures(&Principal::parse("anne").unwrap(), 0, 10).unwrap().is_empty());
    // Another look at the same changes nothing, also after a start.
    drop(library);
    let library = scene.ready();
    assert_eq!(unread(&library), listed);
    std::fs::remove_dir_all(scene.path("d")).unwrap();
    scan(&library);
    assert_eq!(unread(&library), [("secret.txt".to_owned(), "encrypted".to_owned())]);
}

#[test]
#[cfg(unix)]
fn what_was_read_of_a_folder_stays_while_it_can_not_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let scene = scene(&[("rh/un/a.txt", "un chat noir"), ("b.txt", "un chien")]);
    let library = scene.ready();
    let mode = |mode: u32| {
        std::fs::set_permissions(scene.path("rh"), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(0o000);
    if std::fs::read_dir(scene.path("rh")).is_ok() {
        mode(0o755);
        intramuros_testkit::skip("permissions", "who runs this reads everything");
        return;
    }
    let report = scan(&library);
    assert_eq!((report.removed, report.unchanged), (0, 1));
    assert_eq!(unread(&library), [("rh".to_owned(), "unreadable".to_owned())]);
    assert_eq!(found(&library, &Principal::owner(), "noir"), ["rh/un/a.txt"]);
    mode(0o755);
    assert_eq!(scan(&library).unchanged, 2);
    assert!(unread(&library).is_empty());
}

/// A file that opens and can't be read, whoever reads it.
#[cfg(target_os = "linux")]
const BROKEN: &str = "/proc/self/mem";

#[test]
#[cfg(target_os = "linux")]
fn what_was_read_of_a_file_stays_while_it_can_not_be_read() {
    let mut scene = scene(&[("a.txt", "un chat noir"), ("b.txt", "un chien")]);
    scene.rules = "follow_links = true\n".to_owned();
    let library = scene.ready();
    std::fs::rename(scene.path("a.txt"), scene.root.path().with_extension("away")).unwrap();
    std::os::unix::fs::symlink(BROKEN, scene.path("a.txt")).unwrap();
    for _ in 0..2 {
        let report = scan(&library);
        assert_eq!((report.failed, report.removed, report.unchanged), (1, 0, 1));
        assert_eq!(unread(&library), [("a.txt".to_owned(), "unreadable".to_owned())]);
        assert_eq!(found(&library, &Principal::owner(), "noir"), ["a.txt"]);
    }
    std::fs::remove_file(scene.path("a.txt")).unwrap();
    scene.write("a.txt", "un chat blanc");
    assert_eq!(scan(&library).read, 1);
    assert!(unread(&library).is_empty());
    assert!(found(&library, &Principal::owner(), "noir").is_empty());
    assert_eq!(found(&library, &Principal::owner(), "blanc"), ["a.txt"]);
    let _ = std::fs::remove_file(scene.root.path().with_extension("away"));
}

#[test]
#[cfg(unix)]
fn a_file_that_could_not_be_read_is_read_once_it_can_be() {
    use std::os::unix::fs::PermissionsExt;
    let scene = scene(&[("a.txt", "un chat noir")]);
    let mode = |mode: u32| {
        std::fs::set_permissions(scene.path("a.txt"), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(0o000);
    if std::fs::read(scene.path("a.txt")).is_ok() {
        intramuros_testkit::skip("permissions", "who runs this reads everything");
        return;
    }
    let library = scene.open();
    assert_eq!(scan(&library).failed, 1);
    // Rights change nothing of size, date and place.
    mode(0o644);
    assert_eq!(scan(&library).read, 1);
    assert_eq!(found(&library, &Principal::owner(), "noir"), ["a.txt"]);
}

#[test]
fn a_source_that_is_gone_loses_nothing() {
    let scene = scene(&[("a.txt", "un chat noir")]);
    let library = scene.ready();
    let away = scene.root.path().with_extension("away");
    std::fs::rename(scene.root.path(), &away).unwrap();
    let error = library.scan("papers").unwrap_err();
    assert_eq!(error.kind, ErrorKind::Config);
    assert_eq!(found(&library, &Principal::owner(), "noir"), ["a.txt"]);
    std::fs::rename(&away, scene.root.path()).unwrap();
    assert_eq!(scan(&library).unchanged, 1);
}

/// Long enough for a change to be told and looked at.
const A_WHILE: Duration = Duration::from_secs(3);

/// Whether `path` is found for "noir" for as long as a change may take to be seen.
fn stays(library: &Library, path: &str) {
    let start = Instant::now();
    while start.elapsed() < A_WHILE {
        assert_eq!(found(library, &Principal::owner(), "noir"), [path], "after {:?}", start.elapsed());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_change_below_a_root_that_was_moved_away_removes_nothing() {
    let scene = scene(&[("above/root/a.txt", "un chat noir")]);
    let root = scene.path("above/root");
    let library = Library::open(options(&root, scene.data.path(), "", &scene.read, &scene.embedded)).unwrap();
    library.follow().unwrap();
    eventually(&library, "noir", &["a.txt"], LONG);
    std::fs::rename(scene.path("above"), scene.path("away")).unwrap();
    // It is told with the path that it had.
    scene.write("away/root/a.txt", "un chat noir et blanc");
    stays(&library, "a.txt");
    assert!(library.progress().trouble.is_some(), "nobody is told");
}

#[test]
fn a_disk_that_goes_away_right_after_a_change_loses_nothing() {
    let Some(disk) = disk(6) else {
        intramuros_testkit::skip("disk", "a disk of its own can't be mounted here");
        return;
    };
    std::fs::write(disk.path().join("a.txt"), "un chat noir").unwrap();
    let scene = scene(&[]);
    let library =
        Library::open(options(disk.path(), scene.data.path(), "", &scene.read, &scene.embedded)).unwrap();
    library.follow().unwrap();
    eventually(&library, "noir", &["a.txt"], LONG);
    // Once the first look is over, its device is known and nothing of it is open.
    std::thread::sleep(Duration::from_secs(1));
    std::fs::write(disk.path().join("a.txt"), "un chat noir et blanc").unwrap();
    let unmounted = Command::new("umount").arg(disk.path()).status().is_ok_and(|status| status.success());
    if unmounted {
        stays(&library, "a.txt");
        // Another one is found and followed.
        assert!(mount(&disk, &["-t", "tmpfs", "-o", "size=6m", "tmpfs"]));
        std::fs::write(disk.path().join("b.txt"), "un cheval").unwrap();
        eventually(&library, "\"cheval\"", &["b.txt"], LONG);
    } else {
        intramuros_testkit::skip("disk", "a disk can't be unmounted here");
    }
    drop(library);
    let _ = Command::new("umount").arg(disk.path()).output();
}

#[test]
fn a_file_whose_worker_was_killed_is_read_once_more_and_no_more_often() {
    let scene = scene(&[("a.txt", "un chat noir"), ("b.txt", "FATAL")]);
    let mut options = scene.options();
    let read = Arc::new(AtomicUsize::new(0));
    let (counted, extract) = (Arc::clone(&read), Arc::clone(&options.reading.extract));
    options.reading.extract = Arc::new(move |name, bytes| {
        let fatal = bytes.starts_with(b"FATAL");
        // The machine is short of memory once; the other file needs too much of it each time.
        if counted.fetch_add(1, Ordering::Relaxed) < 2 || fatal {
            // As `intramuros_ingest::worker` says it, which a test there holds.
            return Err(ExtractError::Crashed("the worker ended (signal: 9 (SIGKILL))".to_owned()));
        }
        extract(name, bytes)
    });
    let library = Library::open(options).unwrap();
    assert_eq!(scan(&library).failed, 2);
    let report = scan(&library);
    assert_eq!((report.read, report.failed), (1, 1));
    assert_eq!(found(&library, &Principal::owner(), "noir"), ["a.txt"]);
    for _ in 0..2 {
        assert_eq!(scan(&library).unchanged, 2);
    }
    assert_eq!(read.load(Ordering::Relaxed), 4);
    assert_eq!(unread(&library), [("b.txt".to_owned(), "crashed".to_owned())]);
}

/// A folder on a disk of its own; none where that is not allowed.
fn disk(megabytes: u32) -> Option<TempDir> {
    let folder = tempfile::tempdir().unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"])
        .arg(folder.path())
        .output()
        .is_ok_and(|output| output.status.success());
    mounted.then_some(folder)
}

fn mount(folder: &TempDir, arguments: &[&str]) -> bool {
    Command::new("mount")
        .args(arguments)
        .arg(folder.path())
        .output()
        .is_ok_and(|output| output.status.success())
}

#[test]
fn a_full_disk_is_told_and_work_goes_on_when_there_is_room() {
    let Some(disk) = disk(6) else {
        intramuros_testkit::skip("disk", "a disk of its own can't be mounted here");
        return;
    };
    let scene = scene(&[]);
    let mut number = 0u64;
    for file in 0..60 {
        let words = (0..12_000).map(|_| {
            number += 1;
            format!("{:x} ", number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40)
        });
        scene.write(&format!("{file}.txt"), &words.collect::<String>());
    }
    let options = || options(scene.root.path(), &disk.path().join("data"), "", &scene.read, &scene.embedded);
    let library = Library::open(options()).unwrap();
    let error = library.scan("papers").unwrap_err();
    assert!(error.to_string().contains("full"), "{error}");
    assert!(!error.hints.is_empty());
    let acknowledged = library.counts().unwrap().files;
    drop(library);
    assert!(mount(&disk, &["-o", "remount,size=256m"]));
    let library = Library::open(options()).unwrap();
    assert!(library.counts().unwrap().files >= acknowledged);
    scan(&library);
    assert_eq!(library.counts().unwrap().documents, 60);
    assert_eq!(library.verify().unwrap().faults, Vec::<String>::new());
    drop(library);
    let _ = Command::new("umount").arg(disk.path()).output();
}

#[test]
fn a_read_only_disk_is_not_written() {
    let Some(disk) = disk(64) else {
        intramuros_testkit::skip("disk", "a disk of its own can't be mounted here");
        return;
    };
    let scene = scene(&[("a.txt", "un chat noir")]);
    let options = || options(scene.root.path(), &disk.path().join("data"), "", &scene.read, &scene.embedded);
    let library = Library::open(options()).unwrap();
    scan(&library);
    drop(library);
    assert!(mount(&disk, &["-o", "remount,ro"]));
    let Err(error) = Library::open(options()) else { panic!("it was opened to write") };
    assert_eq!(error.kind, ErrorKind::Config, "{error}");
    // The word index takes a lock even to read: until it does without, the refusal has to say what is needed.
    match Library::open_read_only(&disk.path().join("data"), options().perimeter, options().embed) {
        Ok(reader) => assert_eq!(found(&reader, &Principal::owner(), "noir"), ["a.txt"]),
        Err(error) => {
            assert_eq!(error.kind, ErrorKind::Config, "{error}");
            assert!(error.to_string().contains("mounted read-only"), "{error}");
            assert!(error.hints.iter().any(|hint| hint.contains("may be written")), "{error}");
            assert!(!error.hints.iter().any(|hint| hint.contains("delete")), "{:?}", error.hints);
        }
    }
    let _ = Command::new("umount").arg(disk.path()).output();
}
