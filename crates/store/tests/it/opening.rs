//! Who may open a data folder, and what is a person told when it does not work?

use std::path::Path;

use intramuros_core::access::AccessRule;
use intramuros_core::error::{Error, ErrorKind};
use intramuros_store::{DATABASE, FileChange, Store};

use crate::support::{SmallDisk, documents, file, location, put, scene};

fn check(result: Result<Store, Error>, kind: ErrorKind, message: &str) {
    let error = result.map(|_| ()).expect_err("it must be refused");
    assert_eq!(error.kind, kind, "{error}");
    assert!(error.to_string().contains(message), "{error}");
    assert!(!error.hints.is_empty(), "{error} says not what to do");
}

#[test]
fn a_second_writer_is_refused_by_name_and_readers_are_not() {
    let scene = scene();
    scene.put("a.txt", &["un"]);
    let process = format!("process {} already writes", std::process::id());
    check(Store::open(scene.folder.path()), ErrorKind::Config, &process);
    let reader = Store::open_read_only(scene.folder.path()).unwrap();
    assert_eq!(documents(&reader), ["a.txt"]);
    // What is acknowledged while it reads is seen.
    scene.put("b.txt", &["deux"]);
    assert_eq!(documents(&reader), ["a.txt", "b.txt"]);
    assert!(reader.apply(vec![]).is_err());
    let folder = scene.close();
    assert_eq!(documents(&reader), ["a.txt", "b.txt"]);
    assert!(Store::open(folder.path()).is_ok());
}

#[test]
fn an_empty_folder_holds_nothing_to_search() {
    let folder = tempfile::tempdir().unwrap();
    check(Store::open_read_only(folder.path()), ErrorKind::User, "holds nothing yet");
}

#[test]
fn a_newer_layout_a_foreign_and_a_damaged_file_are_refused() {
    let set = |folder: &Path, sql: &str| {
        rusqlite::Connection::open(folder.join(DATABASE)).unwrap().execute_batch(sql).unwrap();
    };
    let folder = scene().close();
    set(folder.path(), "PRAGMA user_version = 99");
    check(Store::open(folder.path()), ErrorKind::Config, "a newer Intramuros");
    check(Store::open_read_only(folder.path()), ErrorKind::Config, "a newer Intramuros");

    let foreign = tempfile::tempdir().unwrap();
    set(foreign.path(), "CREATE TABLE x(y); PRAGMA user_version = 1");
    check(Store::open(foreign.path()), ErrorKind::Config, "another program");

    let damaged = tempfile::tempdir().unwrap();
    std::fs::write(damaged.path().join(DATABASE), vec![b'x'; 8192]).unwrap();
    check(Store::open(damaged.path()), ErrorKind::Data, "damaged");
    check(Store::open_read_only(damaged.path()), ErrorKind::Data, "damaged");
}

#[test]
fn an_older_layout_is_brought_up_to_date_with_everything_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let connection = rusqlite::Connection::open(folder.path().join(DATABASE)).unwrap();
    connection.execute_batch(include_str!("documents-1.sql")).unwrap();
    drop(connection);
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(documents(&store), ["a.txt"]);
    let rules = store.access_rules().unwrap();
    assert_eq!(rules[1].1, AccessRule::readers([""; 0], ["hr"]));
    let papers = store.sources().unwrap()[0].id;
    let known = store.file_at(&location(papers, "a.txt")).unwrap().unwrap();
    assert_eq!((known.stamp.inode, known.stamp.changed_ns, known.access), (7, 0, rules[0].0));
    assert_eq!(store.file_at(&location(papers, "b.zip")).unwrap().unwrap().access, rules[1].0);
    // What is new since then works on what was there before.
    let closed = AccessRule::owner_only();
    store.apply(vec![FileChange::SetAccess { file: known.id, access: closed.clone() }]).unwrap();
    let document = store.documents_of(known.id).unwrap().remove(0);
    let rules = store.access_rules().unwrap();
    assert!(rules.contains(&(document.access, closed)), "{rules:?}");
}

#[test]
#[cfg(unix)]
fn nobody_else_may_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("made/here");
    let store = Store::open(&inner).unwrap();
    store.set_meta("owner", "anne").unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&inner), 0o700);
    for entry in std::fs::read_dir(&inner).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    assert_eq!(store.meta("owner").unwrap().as_deref(), Some("anne"));
}

#[test]
fn a_full_disk_loses_nothing_and_work_goes_on_once_there_is_room() {
    let Some(disk) = SmallDisk::new(4) else {
        intramuros_testkit::skip("mount", "a disk of its own can't be mounted here");
        return;
    };
    let folder = disk.path().join("data");
    let store = Store::open(&folder).unwrap();
    let source = store.put_source("papers", "folder", b"/").unwrap().id;
    let mut acknowledged = 0;
    let error = loop {
        // Not compressible, so that the disk fills.
        let text: String = (0..4_000u64)
            .map(|at| format!("{:x}", (at + acknowledged as u64 * 7919).wrapping_mul(0x9E37_79B9_7F4A_7C15)))
            .collect();
        match store.apply(vec![put(file(source, &format!("{acknowledged}.txt"), &[&text]))]) {
            Ok(_) => acknowledged += 1,
            Err(error) => break error,
        }
        assert!(acknowledged < 1000);
    };
    assert_eq!(error.kind, ErrorKind::Config, "{error}");
    assert!(error.to_string().contains("the disk is full"), "{error}");
    assert!(!error.hints.is_empty());
    assert_eq!(documents(&store).len(), acknowledged);
    drop(store);
    assert!(disk.remount("size=64m"));
    let store = Store::open(&folder).unwrap();
    assert_eq!(documents(&store).len(), acknowledged);
    store.apply(vec![put(file(source, "encore.txt", &["de la place"]))]).unwrap();
    assert!(store.file_at(&location(source, "encore.txt")).unwrap().is_some());
}

#[test]
fn a_read_only_disk_can_be_searched_and_not_written() {
    let Some(disk) = SmallDisk::new(16) else {
        intramuros_testkit::skip("mount", "a disk of its own can't be mounted here");
        return;
    };
    let folder = disk.path().join("data");
    let store = Store::open(&folder).unwrap();
    let source = store.put_source("papers", "folder", b"/").unwrap().id;
    store.apply(vec![put(file(source, "a.txt", &["un"]))]).unwrap();
    drop(store);
    assert!(disk.remount("ro"));
    check(Store::open(&folder), ErrorKind::Config, "can't be written");
    check(Store::open(&disk.path().join("new")), ErrorKind::Config, "can't be made");
    let reader = Store::open_read_only(&folder).unwrap();
    assert_eq!(documents(&reader), ["a.txt"]);
}
