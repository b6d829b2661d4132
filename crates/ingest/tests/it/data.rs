//! Where are the real files that the tests read?

use intramuros_core::document::{Extracted, Limits};
use intramuros_ingest::Pool;
use intramuros_testkit::shared_data;

/// The bytes of a real document; none when there are no real documents.
pub fn document(name: &str) -> Option<Vec<u8>> {
    Some(std::fs::read(shared_data("documents")?.join(name)).unwrap())
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
