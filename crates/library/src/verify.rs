//! Is the index what a rebuild from the store would be?

use std::collections::HashSet;
use std::time::Duration;

use intramuros_core::error::Error;
use intramuros_store::TextHash;
use serde::Serialize;

use crate::derived::all_facts;
use crate::library::Library;

/// How long to wait for the words to be in step before they are compared.
const WAIT: Duration = Duration::from_secs(600);

/// What a comparison of store and index showed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Documents in the store.
    pub documents: usize,
    /// Passages in the store.
    pub passages: usize,
    /// Passages with a vector in the store.
    pub vectors: usize,
    /// What is not as it should be; empty when all is well.
    pub faults: Vec<String>,
}

impl Library {
    /// Waits until the words are in step, then compares the numbers of all documents, passages and vectors.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn verify(&self) -> Result<Verified, Error> {
        let shared = &*self.shared;
        let mut verified = Verified::default();
        if !self.wait_for_words(WAIT)? {
            verified.faults.push("the words did not come in step with the store".to_owned());
        }
        let mut ids = Vec::new();
        let mut hashes: Vec<TextHash> = Vec::new();
        let mut places = HashSet::new();
        let mut twice = 0;
        shared.store.each_passage_key(|key| {
            ids.push(key.passage.0 as u64);
            hashes.push(key.embed_hash);
            twice += usize::from(!places.insert((key.document, key.ordinal)));
        })?;
        ids.sort_unstable();
        verified.passages = ids.len();
        verified.documents = all_facts(&shared.store)?.len();
        if let Some(embed) = &shared.models.serving() {
            let vectors = shared.store.vectors(embed.name(), &hashes)?;
            verified.vectors = vectors.iter().flatten().count();
        }
        let mut differ = |what: &str, store: usize, index: usize| {
            if store != index {
                verified.faults.push(format!("{what}: {store} in the store, {index} in the index"));
            }
        };
        differ("documents", verified.documents, shared.derived.index().documents());
        differ("vectors", verified.vectors, shared.derived.index().vectors());
        let indexed = shared.derived.index().passage_ids();
        differ("passages", ids.len(), indexed.len());
        if ids != indexed {
            verified.faults.push("the passages of the index are not those of the store".to_owned());
        }
        if twice > 0 {
            verified.faults.push(format!("{twice} passages stand twice at one place of a document"));
        }
        let damaged = shared.store.damaged_bodies()?;
        if let Some(first) = damaged.first() {
            let count = damaged.len();
            verified.faults.push(format!(
                "the text of {count} documents can't be unpacked, first that of document {}",
                first.0
            ));
        }
        Ok(verified)
    }
}
