//! Where are the real files that the tests read?

use std::path::{Path, PathBuf};

use intramuros_core::document::{Extracted, Limits};
use intramuros_ingest::Pool;

/// The folder of real documents: below `INTRAMUROS_DATA`, or in a `shared` folder beside the repository. None, with a
/// line that says so, when there is none.
pub fn folder(name: &str) -> Option<PathBuf> {
    let root = match std::env::var_os("INTRAMUROS_DATA") {
        Some(root) => Some(PathBuf::from(root)),
        None => Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .map(|folder| folder.join("shared/data"))
            .find(|folder| folder.is_dir()),
    };
    let found = root.map(|root| root.join(name)).filter(|path| path.exists());
    if found.is_none() {
        println!("skipped: no {name} (set INTRAMUROS_DATA)");
    }
    found
}

/// The bytes of a real document; none when there are no real documents.
pub fn document(name: &str) -> Option<Vec<u8>> {
    Some(std::fs::read(folder("documents")?.join(name)).unwrap())
}

/// A pool of real workers.
pub fn pool(limits: Limits) -> Pool {
    Pool::new(env!("CARGO_BIN_EXE_intramuros-reader"), Vec::new(), 2, limits)
}

/// All text of a document with everything inside it, without white space.
pub fn squeezed(extracted: &Extracted) -> String {
    let mut text: String = extracted.text().chars().filter(|character| !character.is_whitespace()).collect();
    for part in &extracted.parts {
        // The name of an attached file is found too.
        text.push_str(&part.name);
        if let Ok(inner) = &part.outcome {
            text.push_str(&squeezed(inner));
        }
    }
    text
}
