//! Who finds what was brought, and does it outlive a restart?

use std::io::Write;
use std::time::Duration;

use intramuros_core::access::{AccessRule, Principal};
use intramuros_library::Library;
use intramuros_library::uploads::{Refusal, UploadState, folder_of};

use crate::support::{LONG, Scene, found, scene};

fn bring(library: &Library, user: &str, name: &str, text: &str, rule: AccessRule) {
    let mut bringing = library.bring("uploads", &folder_of(Some(user)), name, false).unwrap();
    bringing.write_all(text.as_bytes()).unwrap();
    library.keep(bringing, rule, 1_000).unwrap();
}

fn wait(library: &Library, user: &str) {
    let waiting = || {
        let uploads = library.uploads("uploads", &folder_of(Some(user))).unwrap();
        uploads.iter().any(|upload| upload.state == UploadState::Waiting)
    };
    let until = std::time::Instant::now() + LONG;
    while waiting() {
        assert!(std::time::Instant::now() < until);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(library.wait_for_words(LONG).unwrap());
}

/// A data folder whose library takes what people bring.
fn taking() -> Scene {
    let rules = "[[source]]\nname = \"uploads\"\nkind = \"uploads\"\n".to_owned();
    Scene { rules, ..scene(&[]) }
}

#[test]
fn what_is_brought_is_read_by_whom_it_was_given_to_and_outlives_a_restart() {
    let scene = taking();
    let anne = Principal::user("anne", ["rh"]);
    let bruno = Principal::user("bruno", ["rh"]);
    let zoe = Principal::user("zoe", ["ventes"]);
    let library = scene.open();
    bring(&library, "anne", "a.txt", "le coquelicot rouge", AccessRule::readers(["anne"], None::<String>));
    bring(&library, "anne", "b.txt", "la jonquille jaune", AccessRule::readers(["anne"], ["rh"]));
    bring(&library, "bruno", "a.txt", "la pervenche bleue", AccessRule::everyone());
    wait(&library, "anne");
    wait(&library, "bruno");
    let check = |library: &Library, word: &str, expected: [usize; 4]| {
        let found = [&anne, &bruno, &zoe, &Principal::owner()].map(|one| found(library, one, word).len());
        assert_eq!(found, expected, "{word}");
    };
    check(&library, "coquelicot", [1, 0, 0, 1]);
    check(&library, "jonquille", [1, 1, 0, 1]);
    check(&library, "pervenche", [1, 1, 1, 1]);
    // Taken back at once.
    let alone = AccessRule::readers(["anne"], None::<String>);
    assert_eq!(
        library.let_read("uploads", "anne/b.txt", alone).unwrap(),
        Some(AccessRule::readers(["anne"], ["rh"]))
    );
    assert!(library.wait_for_words(LONG).unwrap());
    check(&library, "jonquille", [1, 0, 0, 1]);
    assert!(matches!(library.bring("uploads", "anne", "a.txt", false), Err(Refusal::Taken)));
    assert!(matches!(library.bring("papers", "anne", "a.txt", false), Err(Refusal::Source)));
    library.close();
    let library = scene.open();
    library.scan_all().unwrap();
    assert!(library.wait_for_words(LONG).unwrap());
    check(&library, "coquelicot", [1, 0, 0, 1]);
    check(&library, "pervenche", [1, 1, 1, 1]);
    assert!(library.take_away("uploads", "bruno/a.txt").unwrap());
    assert!(library.wait_for_words(LONG).unwrap());
    check(&library, "pervenche", [0, 0, 0, 0]);
    assert_eq!(library.uploads("uploads", "bruno").unwrap(), []);
}
