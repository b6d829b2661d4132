//! Is each text embedded once, whatever happens to its file, and does the work go on where it stopped?

use intramuros_core::access::AccessRule;
use intramuros_store::{FileChange, MissingCursor, Stamp, Store, TextHash};

use crate::support::{document, file, put, scene};

const MODEL: &str = "test-model";

/// Embeds what is missing, `limit` passages at a time; returns the texts in the order in which they came.
fn embed(store: &Store, limit: usize) -> Vec<String> {
    let mut cursor = MissingCursor::default();
    let mut texts = Vec::new();
    loop {
        let page = store.missing_vectors(MODEL, cursor, u32::MAX, limit).unwrap();
        let vectors: Vec<_> =
            page.missing.iter().map(|missing| (missing.hash, missing.text.as_bytes().to_vec())).collect();
        store.put_vectors(MODEL, &vectors).unwrap();
        texts.extend(page.missing.into_iter().map(|missing| missing.text));
        cursor = page.next;
        if page.end {
            assert_eq!(cursor.sequence(), store.latest().unwrap());
            return texts;
        }
    }
}

#[test]
fn the_exact_text_with_its_context_is_embedded_once() {
    let scene = scene();
    let mut given = file(scene.source, "a.txt", &[]);
    given.documents = vec![document("", "Guide", &["un", "deux", "un"])];
    given.documents[0].passages[1].headings = vec!["Chapitre".into(), "Section".into()];
    given.documents[0].passages[2].table_header = "nom | âge".into();
    scene.store.apply(vec![put(given)]).unwrap();
    let expected = ["Guide", "Guide\nun", "Guide\nChapitre > Section\ndeux", "Guide\nnom | âge\nun"];
    assert_eq!(embed(&scene.store, 2), expected);
    assert_eq!(embed(&scene.store, 2), Vec::<String>::new());
    assert_eq!(scene.store.vector_count(MODEL).unwrap(), 4);

    let mut streamed = Vec::new();
    scene.store.each_vector(MODEL, |hash, vector| streamed.push((hash, vector.to_vec()))).unwrap();
    assert!(streamed.is_sorted());
    assert!(
        streamed.iter().all(|(hash, vector)| *hash == TextHash::of(std::str::from_utf8(vector).unwrap()))
    );
    let mut keys = 0;
    scene
        .store
        .each_passage_key(|key| {
            keys += 1;
            assert!(streamed.binary_search_by_key(&key.embed_hash, |(hash, _)| *hash).is_ok());
        })
        .unwrap();
    assert_eq!(keys, 3);
}

#[test]
fn copies_moves_and_new_readings_embed_nothing_twice() {
    let scene = scene();
    let id = scene.put("a.txt", &["un", "deux"]);
    assert_eq!(embed(&scene.store, 10).len(), 2);
    scene.put("copie.txt", &["un", "deux"]);
    assert_eq!(embed(&scene.store, 10), Vec::<String>::new());
    let change = FileChange::Move {
        file: id,
        to: scene.at("b.txt"),
        stamp: Stamp::default(),
        access: AccessRule::owner_only(),
    };
    scene.store.apply(vec![change]).unwrap();
    assert_eq!(embed(&scene.store, 10), Vec::<String>::new());
    scene.put("b.txt", &["un", "trois"]);
    assert_eq!(embed(&scene.store, 10), ["trois"]);
}

#[test]
fn a_stopped_search_goes_on_where_it_was_and_sees_what_came_meanwhile() {
    let scene = scene();
    scene.put("a.txt", &["un", "deux", "trois"]);
    let page = scene.store.missing_vectors(MODEL, MissingCursor::default(), u32::MAX, 2).unwrap();
    assert_eq!(page.missing.len(), 2);
    assert!(!page.end);
    scene.put("b.txt", &["quatre"]);
    let rest = scene.store.missing_vectors(MODEL, page.next, u32::MAX, 10).unwrap();
    let texts: Vec<_> = rest.missing.iter().map(|missing| missing.text.as_str()).collect();
    assert_eq!(texts, ["trois", "quatre"]);
    assert!(rest.end);
    scene.put("a.txt", &["cinq"]);
    let more = scene.store.missing_vectors(MODEL, rest.next, u32::MAX, 10).unwrap();
    assert_eq!(more.missing.iter().map(|missing| missing.text.as_str()).collect::<Vec<_>>(), ["cinq"]);
}

#[test]
fn the_beginnings_of_documents_can_be_asked_for_alone() {
    let scene = scene();
    scene.put("a.txt", &["un", "deux", "trois"]);
    scene.put("b.txt", &["quatre"]);
    let texts = |before: u32, limit: usize| {
        let page = scene.store.missing_vectors(MODEL, MissingCursor::default(), before, limit).unwrap();
        (page.missing.into_iter().map(|missing| missing.text).collect::<Vec<_>>(), page.end)
    };
    assert_eq!(texts(1, 10), (vec!["un".to_owned(), "quatre".to_owned()], true));
    assert_eq!(texts(2, 3), (vec!["un".to_owned(), "deux".to_owned(), "quatre".to_owned()], false));
}

#[test]
fn models_do_not_mix() {
    let scene = scene();
    scene.put("a.txt", &["un"]);
    embed(&scene.store, 10);
    let page = scene.store.missing_vectors("other", MissingCursor::default(), u32::MAX, 10).unwrap();
    assert_eq!(page.missing.len(), 1);
    let hash = page.missing[0].hash;
    scene.store.put_vectors("other", &[(hash, vec![9])]).unwrap();
    assert_eq!(scene.store.vectors(MODEL, &[hash]).unwrap()[0].as_deref(), Some(b"un".as_slice()));
    assert_eq!(scene.store.vectors("other", &[TextHash::of("?"), hash]).unwrap(), [None, Some(vec![9])]);
    scene.store.forget_model(MODEL).unwrap();
    assert_eq!(scene.store.vector_count(MODEL).unwrap(), 0);
    assert_eq!(scene.store.vector_count("other").unwrap(), 1);
}
