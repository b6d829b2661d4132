//! Does whoever follows the changes end where a rebuild would?

use std::collections::BTreeMap;

use intramuros_core::access::AccessRule;
use intramuros_store::{DocumentId, FileChange, Sequence, Stamp, Store};
use proptest::prelude::*;

use crate::support::{file, put, scene};

/// What an index would hold: the texts and the rule of each document.
type Derived = BTreeMap<DocumentId, (String, Vec<String>, u32)>;

fn follow(store: &Store, derived: &mut Derived, mut from: Sequence) -> Sequence {
    loop {
        let changes = store.changes_since(from, 3).unwrap();
        let Some(last) = changes.last() else { return from };
        for change in &changes {
            match store.document(change.document).unwrap() {
                None => derived.remove(&change.document),
                Some(document) => {
                    let texts = store.passages_of(document.id).unwrap();
                    let texts = texts.into_iter().map(|stored| stored.passage.text).collect();
                    derived.insert(document.id, (document.path(), texts, document.access.0))
                }
            };
        }
        from = last.sequence;
    }
}

#[derive(Clone, Debug)]
enum Step {
    Put(u8, u8),
    Remove(u8),
    Move(u8, u8),
    Access(u8, bool),
    Follow,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let path = 0..6u8;
    let step = prop_oneof![
        (path.clone(), 0..4u8).prop_map(|(path, text)| Step::Put(path, text)),
        path.clone().prop_map(Step::Remove),
        (path.clone(), path.clone()).prop_map(|(from, to)| Step::Move(from, to)),
        (path, any::<bool>()).prop_map(|(path, all)| Step::Access(path, all)),
        Just(Step::Follow),
    ];
    proptest::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn following_the_changes_equals_a_rebuild(steps in steps()) {
        let scene = scene();
        let mut derived = Derived::new();
        let mut at = Sequence(0);
        for step in steps {
            let id = |path: u8| {
                let location = scene.at(&format!("{path}.txt"));
                scene.store.file_at(&location).unwrap().map(|known| known.id)
            };
            let change = match step {
                Step::Follow => {
                    at = follow(&scene.store, &mut derived, at);
                    continue;
                }
                Step::Put(path, text) => {
                    let texts = [format!("texte {text}"), "commun".to_owned()];
                    Some(put(file(scene.source, &format!("{path}.txt"), &[&texts[0], &texts[1]])))
                }
                Step::Remove(path) => id(path).map(|file| FileChange::Remove { file }),
                Step::Move(from, to) => id(from).map(|file| FileChange::Move {
                    file,
                    to: scene.at(&format!("{to}.txt")),
                    stamp: Stamp::default(),
                    access: AccessRule::owner_only(),
                }),
                Step::Access(path, all) => id(path).map(|file| FileChange::SetAccess {
                    file,
                    access: if all { AccessRule::everyone() } else { AccessRule::owner_only() },
                }),
            };
            scene.store.apply(change.into_iter().collect()).unwrap();
        }
        follow(&scene.store, &mut derived, at);
        let mut rebuilt = Derived::new();
        follow(&scene.store, &mut rebuilt, Sequence(0));
        prop_assert_eq!(&derived, &rebuilt);
        prop_assert_eq!(rebuilt.len() as u64, scene.store.counts().unwrap().documents);
        scene.store.compact(scene.store.latest().unwrap()).unwrap();
        let mut compacted = Derived::new();
        follow(&scene.store, &mut compacted, Sequence(0));
        prop_assert_eq!(&compacted, &rebuilt);
    }
}
