//! Is everything that was acknowledged there, as it was given, and nothing else?

use intramuros_core::access::AccessRule;
use intramuros_core::document::ExtractError;
use intramuros_store::{FileChange, FileOutcome, Stamp, Store};

use crate::support::{document, documents, file, put, scene};

#[test]
fn a_document_comes_back_as_it_was_given() {
    let scene = scene();
    let given = file(scene.source, "bail.txt", &["Le loyer est dû le 5.", "Le préavis est de trois mois."]);
    let (blocks, passages) = (given.documents[0].blocks.clone(), given.documents[0].passages.clone());
    scene.store.apply(vec![put(given)]).unwrap();
    let source = scene.source;
    let folder = scene.close();

    let store = Store::open(folder.path()).unwrap();
    let known = store.file_at(&crate::support::location(source, "bail.txt")).unwrap().unwrap();
    let found = store.documents_of(known.id).unwrap().remove(0);
    assert_eq!(store.body(found.id).unwrap().unwrap(), blocks);
    let stored = store.passages_of(found.id).unwrap();
    assert_eq!(stored.iter().map(|stored| stored.passage.clone()).collect::<Vec<_>>(), passages);
    assert_eq!(found.title(), "bail.txt");
    assert_eq!(found.modified_ms, 1_700_000_000_000);
    assert_eq!((found.passages, store.counts().unwrap().passages), (2, 2));
}

#[test]
fn a_file_that_is_read_again_keeps_its_numbers() {
    let scene = scene();
    let before = scene.put("a.txt", &["un", "deux"]);
    let document_before = scene.store.documents_of(before).unwrap().remove(0);
    let passages_before = scene.store.passages_of(document_before.id).unwrap();
    let latest = scene.store.latest().unwrap();

    // The same again: nothing happens.
    scene.put("a.txt", &["un", "deux"]);
    assert_eq!(scene.store.latest().unwrap(), latest);
    assert_eq!(scene.store.passages_of(document_before.id).unwrap(), passages_before);

    // Another text: same document, other passages.
    let after = scene.put("a.txt", &["un", "trois", "quatre"]);
    let document_after = scene.store.documents_of(after).unwrap().remove(0);
    assert_eq!((before, document_before.id), (after, document_after.id));
    assert_eq!(scene.store.passages_of(document_after.id).unwrap().len(), 3);
    assert!(scene.store.latest().unwrap() > latest);
    assert_eq!(scene.store.passages(&[passages_before[0].id]).unwrap(), vec![]);
}

#[test]
fn parts_come_go_and_fail_on_their_own() {
    let scene = scene();
    let mut mailbox = file(scene.source, "box.mbox", &[]);
    mailbox.documents = vec![document("1", "Un", &["premier"]), document("2", "Deux", &["second"])];
    mailbox.documents[1].outcome = (&ExtractError::Encrypted("a password is needed".into())).into();
    scene.store.apply(vec![put(mailbox.clone())]).unwrap();
    assert_eq!(scene.documents(), ["box.mbox!/1", "box.mbox!/2"]);
    let failures = scene.store.failures(0, 10).unwrap();
    assert_eq!(failures.len(), 1);
    assert_eq!((failures[0].part.as_str(), failures[0].reason.as_str()), ("2", "encrypted"));

    let latest = scene.store.latest().unwrap();
    mailbox.documents.remove(1);
    mailbox.documents.push(document("3", "Trois", &["troisième"]));
    scene.store.apply(vec![put(mailbox)]).unwrap();
    assert_eq!(scene.documents(), ["box.mbox!/1", "box.mbox!/3"]);
    // The part that stayed is not among the changes.
    assert_eq!(scene.store.changes_since(latest, 10).unwrap().len(), 2);
    assert_eq!(scene.store.failures(0, 10).unwrap(), vec![]);
}

#[test]
fn a_moved_file_keeps_documents_passages_and_vectors() {
    let scene = scene();
    let id = scene.put("ancien.txt", &["texte"]);
    scene.put("autre.txt", &["à remplacer"]);
    let document = scene.store.documents_of(id).unwrap().remove(0);
    let passages = scene.store.passages_of(document.id).unwrap();
    let stamp = Stamp { size: 10, modified_ns: 5, inode: 7, changed_ns: 9 };
    let to = scene.at("autre.txt");
    let access = AccessRule::everyone();
    scene.store.apply(vec![FileChange::Move { file: id, to, stamp, access }]).unwrap();
    assert_eq!(scene.documents(), ["autre.txt"]);
    assert_eq!(scene.id("autre.txt"), id);
    assert_eq!(scene.store.file(id).unwrap().unwrap().stamp, stamp);
    assert_eq!(scene.store.passages_of(document.id).unwrap(), passages);
    let rules = scene.store.access_rules().unwrap();
    let now = scene.store.document(document.id).unwrap().unwrap();
    let rule = rules.iter().find(|(id, _)| *id == now.access).unwrap();
    assert!(rule.1.everyone);
}

#[test]
fn of_a_touched_file_the_index_is_told_the_date_alone() {
    let scene = scene();
    let id = scene.put("a.txt", &["un"]);
    let known = scene.store.file(id).unwrap().unwrap().stamp;
    let latest = scene.store.latest().unwrap();
    let touch = |stamp: Stamp| {
        scene.store.apply(vec![FileChange::Touch { file: id, stamp }]).unwrap();
        assert_eq!(scene.store.file(id).unwrap().unwrap().stamp, stamp);
    };
    touch(Stamp { changed_ns: known.changed_ns + 1, inode: known.inode + 1, ..known });
    assert_eq!(scene.store.latest().unwrap(), latest);
    touch(Stamp { modified_ns: known.modified_ns + 1, ..known });
    assert!(scene.store.latest().unwrap() > latest);
}

#[test]
fn a_batch_is_kept_whole_or_not_at_all() {
    let scene = scene();
    let id = scene.put("a.txt", &["un"]);
    let latest = scene.store.latest().unwrap();
    let unknown = intramuros_store::FileId(id.0 + 1000);
    let stamp = Stamp::default();
    let result = scene.store.apply(vec![
        put(file(scene.source, "b.txt", &["deux"])),
        FileChange::Remove { file: id },
        FileChange::Touch { file: unknown, stamp },
    ]);
    assert!(result.is_err());
    assert_eq!(scene.documents(), ["a.txt"]);
    assert_eq!(scene.store.latest().unwrap(), latest);
}

#[test]
fn what_could_not_be_read_is_listed_with_its_reason() {
    let scene = scene();
    scene.put("a.txt", &["un"]);
    let mut broken = file(scene.source, "a.txt", &[]);
    broken.documents.clear();
    broken.outcome = (&ExtractError::Corrupt("the end is missing".into())).into();
    broken.warnings = vec!["page 3 is broken".into()];
    scene.store.apply(vec![put(broken)]).unwrap();
    assert_eq!(documents(&scene.store), Vec::<String>::new());
    let failures = scene.store.failures(0, 10).unwrap();
    assert_eq!(failures[0].reason, "corrupt");
    assert_eq!(failures[0].detail, "corrupt: the end is missing");
    assert_eq!(scene.store.warnings(scene.id("a.txt")).unwrap(), ["page 3 is broken"]);
    let counts = scene.store.counts().unwrap();
    assert_eq!((counts.files, counts.files_read, counts.documents), (1, 0, 0));
    assert_eq!(counts.failed.get("corrupt"), Some(&1));
    assert!(matches!(
        scene.store.file_at(&scene.at("a.txt")).unwrap().unwrap().outcome,
        FileOutcome::Failed { .. }
    ));
}

#[test]
fn names_that_are_not_utf_8_work() {
    let scene = scene();
    let mut strange = file(scene.source, "x", &["texte"]);
    strange.location.path = b"caf\xe9/\xff.txt".to_vec();
    let location = strange.location.clone();
    let mut other = file(scene.source, "x", &["autre"]);
    other.location.path = b"caf\xe8/\xff.txt".to_vec();
    scene.store.apply(vec![put(strange), put(other)]).unwrap();
    let known = scene.store.file_at(&location).unwrap().unwrap();
    assert_eq!(known.location, location);
    assert_eq!(scene.documents().len(), 2);
    assert_eq!(scene.documents()[0], "caf\u{fffd}/\u{fffd}.txt");
}

#[test]
fn a_source_is_forgotten_with_all_its_documents() {
    let scene = scene();
    scene.put("a.txt", &["un"]);
    let other = scene.store.put_source("mails", "folder", b"/mails").unwrap().id;
    scene.store.apply(vec![put(file(other, "b.txt", &["deux"]))]).unwrap();
    let latest = scene.store.latest().unwrap();
    scene.store.remove_source(scene.source).unwrap();
    assert_eq!(scene.documents(), ["b.txt"]);
    assert_eq!(scene.store.sources().unwrap().len(), 1);
    assert_eq!(scene.store.changes_since(latest, 10).unwrap().len(), 1);
}

#[test]
fn the_files_of_a_folder_are_found_and_no_others() {
    let scene = scene();
    for path in ["a", "a/b.txt", "a/c/d.txt", "a.txt", "a0", "ab/x.txt", "A/b.txt"] {
        scene.put(path, &[path]);
    }
    let check = |path: &str, expected: &[&str]| {
        let mut found = Vec::new();
        scene
            .store
            .each_file_under(scene.source, path.as_bytes(), |file| found.push(file.location.path_text()))
            .unwrap();
        assert_eq!(found, expected, "under {path}");
    };
    check("a", &["a", "a/b.txt", "a/c/d.txt"]);
    check("a/c", &["a/c/d.txt"]);
    check("b", &[]);
    check("", &["a", "a/b.txt", "a/c/d.txt", "a.txt", "a0", "ab/x.txt", "A/b.txt"]);
}
