//! What does the index hold, and how does it follow the store?

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use intramuros_core::error::Error;
use intramuros_core::language::Language;
use intramuros_core::perimeter::Collection;
use intramuros_core::vector::{Calibration, Vector, dot};

use crate::catalogue::{AccessSet, Catalogue, Facets, Facts, Filters, Listing};
use crate::searching::{Found, Request, Searching};
use crate::snapshot::Snapshot;
use crate::vectors::{Row, VectorSet};
use crate::words::{PassageWords, WordIndex};

/// What the index holds of a passage.
#[derive(Clone, Debug)]
pub struct IndexPassage {
    /// The store's number.
    pub id: u64,
    /// Headings above it and its table's column names, joined by line breaks.
    pub headings: String,
    /// Its text.
    pub text: String,
    /// Its language.
    pub language: Language,
    /// Its vector, where it is known already.
    pub vector: Option<Vector>,
}

/// What the index holds of a document.
#[derive(Clone, Debug)]
pub struct IndexDocument {
    /// Number, access rule, kind and so on.
    pub facts: Facts,
    /// Its title.
    pub title: String,
    /// Its passages, in order.
    pub passages: Vec<IndexPassage>,
    /// The vector of its title, where it is known already and the title asks.
    pub title_vector: Option<Vector>,
}

/// One change of the index.
#[derive(Clone, Debug)]
pub enum Update {
    /// The document is now like this.
    Put(Box<IndexDocument>),
    /// The document is gone.
    Remove(u64),
}

/// A vector that became known.
#[derive(Clone, Debug)]
pub struct KnownVector {
    /// The document.
    pub document: u64,
    /// The passage; none for the vector of the document's title.
    pub passage: Option<u64>,
    /// The vector.
    pub vector: Vector,
}

/// What a search looks at, as it stands between two changes.
pub(crate) struct State {
    pub(crate) catalogue: Catalogue,
    pub(crate) snapshot: Snapshot,
    pub(crate) vectors: Vectors,
}

/// The vectors of one model.
#[derive(Default)]
pub(crate) struct Vectors {
    /// Under which name they are kept.
    pub(crate) model: String,
    /// How their dot products are to be read; none where it is not known of the model.
    pub(crate) calibration: Option<Calibration>,
    pub(crate) passages: VectorSet,
    pub(crate) titles: VectorSet,
}

/// The words and vectors of all documents. Searches run side by side; one writer changes it.
pub struct SearchIndex {
    writer: Mutex<WordIndex>,
    state: RwLock<State>,
}

impl SearchIndex {
    /// Opens the index in `folder`; `documents` is what the store holds now. `write` is false for a second process
    /// that only searches.
    ///
    /// # Errors
    /// When the folder can't be used.
    pub fn open(
        folder: &Path,
        write: bool,
        documents: impl IntoIterator<Item = Facts>,
    ) -> Result<SearchIndex, Error> {
        let words = WordIndex::open(&folder.join("words"), write)?;
        let mut catalogue = Catalogue::default();
        for facts in documents {
            catalogue.put(facts);
        }
        let snapshot = words.snapshot(&catalogue, None)?;
        let state = State { catalogue, snapshot, vectors: Vectors::default() };
        Ok(SearchIndex { writer: Mutex::new(words), state: RwLock::new(state) })
    }

    /// Takes over the declared collections.
    pub fn declare(&self, collections: &[Collection]) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.catalogue.declare(collections);
    }

    /// Whether a collection holds a document that may be read.
    pub fn holds_readable(&self, collection: &str, readable: &AccessSet) -> bool {
        self.read().catalogue.holds_readable(collection, readable)
    }

    /// The documents that may be read, of a collection where one is named, counted by what they are.
    pub fn facets(&self, readable: &AccessSet, collection: Option<&str>) -> Facets {
        let state = self.read();
        let visible = state.catalogue.visible(readable, &Filters::default(), collection);
        state.catalogue.facets(visible.iter())
    }

    /// The sequence number of the last change that the words hold durably.
    pub fn applied(&self) -> u64 {
        self.lock_writer().applied()
    }

    /// Applies changes and makes them durable up to `sequence`. The same changes may be applied again.
    ///
    /// # Errors
    /// When the index can't be written; then nothing of it is visible.
    pub fn apply(&self, updates: &[Update], sequence: u64) -> Result<(), Error> {
        let mut words = self.lock_writer();
        for update in updates {
            match update {
                Update::Remove(document) => words.remove(*document)?,
                Update::Put(document) => put_words(&mut words, document)?,
            }
        }
        words.commit(sequence)?;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        for update in updates {
            match update {
                Update::Remove(document) => state.remove(*document),
                Update::Put(document) => state.put(document),
            }
        }
        let State { catalogue, snapshot, .. } = &mut *state;
        *snapshot = words.snapshot(catalogue, Some(snapshot))?;
        Ok(())
    }

    /// Adds vectors that became known: at start those of the store, later those that were computed. Vectors of
    /// documents that are not in the index are passed over.
    pub fn put_vectors(&self, vectors: impl IntoIterator<Item = KnownVector>) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let State { catalogue, vectors: held, .. } = &mut *state;
        for known in vectors {
            held.put(catalogue, known);
        }
    }

    /// Says of which model the vectors are that are put in from now on, and how their dot products are to be read, where
    /// that is known. What was there goes, with all that a search may compare, at once.
    pub fn begin_vectors(
        &self,
        model: &str,
        calibration: Option<Calibration>,
        vectors: impl IntoIterator<Item = KnownVector>,
    ) {
        let mut new = Vectors { model: model.to_owned(), calibration, ..Vectors::default() };
        let state = self.read();
        for known in vectors {
            new.put(&state.catalogue, known);
        }
        drop(state);
        self.state.write().unwrap_or_else(PoisonError::into_inner).vectors = new;
    }

    /// How many passages can be found by meaning.
    pub fn vectors(&self) -> usize {
        self.read().vectors.passages.len()
    }

    /// The store's numbers of the passages that can be found by words, in order; for checks.
    pub fn passage_ids(&self) -> Vec<u64> {
        self.read().snapshot.passage_ids()
    }

    /// How many documents are known.
    pub fn documents(&self) -> usize {
        self.read().catalogue.len()
    }

    /// What stands in a folder of a source, of what is readable, and of a collection where one is named.
    pub fn listing(
        &self,
        readable: &AccessSet,
        collection: Option<&str>,
        source: &str,
        folder: &str,
    ) -> Listing {
        self.read().catalogue.listing(readable, collection, source, folder)
    }

    /// How many documents of each source are readable, of a collection where one is named.
    pub fn sources(&self, readable: &AccessSet, collection: Option<&str>) -> BTreeMap<String, usize> {
        self.facets(readable, collection).sources
    }

    /// Whether something readable passes filters, of a collection where one is named.
    pub fn passes(&self, readable: &AccessSet, filters: &Filters, collection: Option<&str>) -> bool {
        !self.read().catalogue.visible(readable, filters, collection).is_empty()
    }

    /// Searches.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn search(&self, request: &Request<'_>) -> Result<Found, Error> {
        let state = self.read();
        Searching { state: &state, request }.run()
    }

    /// How near passages, each with its document, lie to a vector of the same model, in their order; none for those without a
    /// vector. Whoever asks knows the passages already.
    pub fn nearness(&self, vector: &[f32], passages: &[(u64, u64)]) -> Vec<Option<f32>> {
        let state = self.read();
        let of = |(document, passage): &(u64, u64)| {
            let slot = state.catalogue.slot(*document)?;
            let components = state.vectors.passages.components(slot, *passage)?;
            (components.len() == vector.len()).then(|| dot(&components, vector))
        };
        passages.iter().map(of).collect()
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_writer(&self) -> MutexGuard<'_, WordIndex> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn put_words(words: &mut WordIndex, document: &IndexDocument) -> Result<(), Error> {
    words.remove(document.facts.document)?;
    for (index, passage) in document.passages.iter().enumerate() {
        words.add(&PassageWords {
            passage: passage.id,
            document: document.facts.document,
            title: &document.title,
            first: index == 0,
            headings: &passage.headings,
            text: &passage.text,
            language: passage.language,
        })?;
    }
    Ok(())
}

impl Vectors {
    fn put(&mut self, catalogue: &Catalogue, known: KnownVector) {
        let Some(slot) = catalogue.slot(known.document) else { return };
        match known.passage {
            Some(id) => self.passages.put(&Row { id, slot, vector: known.vector }),
            None => self.titles.put(&Row { id: known.document, slot, vector: known.vector }),
        }
    }
}

impl State {
    fn remove(&mut self, document: u64) {
        if let Some(slot) = self.catalogue.remove(document) {
            self.vectors.passages.remove(slot);
            self.vectors.titles.remove(slot);
        }
    }

    fn put(&mut self, document: &IndexDocument) {
        let slot = self.catalogue.put(document.facts.clone());
        self.vectors.passages.remove(slot);
        self.vectors.titles.remove(slot);
        for passage in &document.passages {
            if let Some(vector) = passage.vector.clone() {
                self.vectors.passages.put(&Row { id: passage.id, slot, vector });
            }
        }
        if let Some(vector) = document.title_vector.clone() {
            self.vectors.titles.put(&Row { id: document.facts.document, slot, vector });
        }
    }
}
