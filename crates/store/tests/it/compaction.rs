//! Does compaction remove what nobody needs, and nothing else?

use intramuros_store::{Compacted, FileChange, MissingCursor, TextHash};

use crate::support::{file, put, scene};

#[test]
fn unused_vectors_and_followed_deletions_go() {
    let scene = scene();
    let gone = scene.put("a.txt", &["un", "commun"]);
    scene.put("b.txt", &["deux", "commun"]);
    let vectors: Vec<_> = ["un", "deux", "commun"].map(|text| (TextHash::of(text), vec![1; 400])).to_vec();
    scene.store.put_vectors("m", &vectors).unwrap();
    let old = scene.store.latest().unwrap();
    scene.store.apply(vec![FileChange::Remove { file: gone }]).unwrap();

    // Nothing derived has followed the deletion yet.
    assert_eq!(scene.store.compact(old).unwrap(), Compacted { vectors: 1, deletions: 0 });
    assert_eq!(scene.store.compact(old).unwrap(), Compacted::default());
    let latest = scene.store.latest().unwrap();
    assert_eq!(scene.store.compact(latest).unwrap(), Compacted { vectors: 0, deletions: 1 });
    assert_eq!(scene.store.latest().unwrap(), latest);
    assert!(
        scene.store.missing_vectors("m", MissingCursor::default(), u32::MAX, 9).unwrap().missing.is_empty()
    );

    // An index from before the deletion must start anew; one from after need not.
    assert!(scene.store.forgotten().unwrap() > old);
    assert!(scene.store.forgotten().unwrap() <= latest);
}

#[test]
fn space_goes_back_to_the_disk() {
    let scene = scene();
    let text = "beaucoup de texte ".repeat(200);
    let changes = (0..300).map(|number| {
        let own = format!("{number} {text}");
        put(file(scene.source, &format!("{number}.txt"), &[&own]))
    });
    scene.store.apply(changes.collect()).unwrap();
    let path = scene.folder.path().join(intramuros_store::DATABASE);
    scene.store.compact(scene.store.latest().unwrap()).unwrap();
    let full = std::fs::metadata(&path).unwrap().len();
    scene.store.remove_source(scene.source).unwrap();
    scene.store.compact(scene.store.latest().unwrap()).unwrap();
    let empty = std::fs::metadata(&path).unwrap().len();
    assert!(empty * 4 < full, "{empty} of {full} bytes are left");
}
