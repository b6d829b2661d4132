//! How is the index kept in step with the store, and opened so that it can be?

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use intramuros_core::error::Error;
use intramuros_core::perimeter::Collection;
use intramuros_core::vector::{Calibration, Vector};
use intramuros_search::catalogue::Facts;
use intramuros_search::{KnownVector, SearchIndex, Update};
use intramuros_store::{DocumentId, Sequence, Store, TextHash, create_private_folder};
use tracing::warn;

use crate::embed::Embed;
use crate::facts::{SourceNames, facts, index_document, source_names};
use crate::waiting::Waiting;

/// Folder of the index within the data folder.
const FOLDER: &str = "index";

/// File in it that tells of which store the index is, and in which folder beside it.
const IDENTITY: &str = "store";

/// What is taken into the index at once. A commit costs some ten milliseconds whatever its size; what it holds stands in
/// memory meanwhile, taken apart into words, at some thirty times its size: with 16 MB of text it was 300 MB, with 2 MB
/// 110 MB, at a tenth more processor time.
const DOCUMENTS_AT_ONCE: usize = 5_000;
///
/// Each commit also looks over all that is there, so a large index takes more at once: some bytes more for each of its
/// documents, up to a limit.
const TEXT_AT_ONCE: usize = 2 << 20;
const TEXT_FOR_EACH_DOCUMENT: usize = 64;
const MOST_TEXT_AT_ONCE: usize = 16 << 20;

/// Passages whose vectors are read in one sweep when the index is opened: at most 100 MB beside the index, and four
/// sweeps for a million.
const VECTORS_AT_ONCE: usize = 250_000;

/// Vectors handed to the index at once.
const VECTORS_PUT_AT_ONCE: usize = 4_096;

/// Documents read at once when the index is opened.
const FACTS_AT_ONCE: usize = 5_000;

/// An index that was made anew and can't be written again so soon has another fault, which is told.
const RENEW_AFTER: Duration = Duration::from_secs(600);

/// What is written to see whether the disk takes it. 8 MiB: some batches.
const PROBE_BYTES: usize = 8 << 20;

/// The index with what is needed to follow the store.
pub(crate) struct Derived {
    /// Words and vectors. Searches keep the one they began with.
    index: RwLock<Arc<SearchIndex>>,
    renewed: Mutex<Option<Instant>>,
    model: RwLock<Option<(String, Option<Calibration>)>>,
    /// The declared collections, for an index that is made anew.
    collections: Mutex<Vec<Collection>>,
    waiting: Mutex<Waiting>,
    applied: Mutex<Sequence>,
}

impl Derived {
    /// Opens the index of a store. One that is damaged, of another store, or too old to follow is made anew.
    pub fn open(
        store: &Store,
        write: bool,
        model: Option<&dyn Embed>,
        collections: &[Collection],
    ) -> Result<Derived, Error> {
        let folder = store.folder().join(FOLDER);
        let index = open_index(store, &folder, write)?;
        index.declare(collections);
        let applied = Sequence(i64::try_from(index.applied()).unwrap_or(0));
        let derived = Derived {
            index: RwLock::new(Arc::new(index)),
            renewed: Mutex::default(),
            model: RwLock::new(model.map(|model| (model.name().to_owned(), model.calibration()))),
            collections: Mutex::new(collections.to_vec()),
            waiting: Mutex::default(),
            applied: Mutex::new(applied),
        };
        derived.load_vectors(store, &mut derived.waiting())?;
        Ok(derived)
    }

    /// Words and vectors, as they are now.
    pub fn index(&self) -> Arc<SearchIndex> {
        Arc::clone(&self.index.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The point in the order of changes that the words have reached.
    pub fn applied(&self) -> Sequence {
        *self.applied.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the next changes into the index. Returns 0 when it is in step, and otherwise how
    /// many changes it took.
    pub fn follow(&self, store: &Store) -> Result<usize, Error> {
        // Read first: the latest change may be a deletion that was forgotten, of which no row is left.
        let latest = store.latest()?;
        let changes = store.changes_since(self.applied(), DOCUMENTS_AT_ONCE)?;
        if changes.is_empty() && self.applied() >= latest {
            return Ok(0);
        }
        let sources = source_names(store)?;
        // Held until the index has changed: a vector computed meanwhile is either read here or finds who waits.
        let mut waiting = self.waiting();
        let mut updates = Vec::new();
        let mut notes = Vec::new();
        let (mut text, mut reached) = (0, self.applied());
        let grown = TEXT_AT_ONCE + TEXT_FOR_EACH_DOCUMENT * self.index().documents();
        let most_text = grown.min(MOST_TEXT_AT_ONCE);
        let last_page = changes.len() < DOCUMENTS_AT_ONCE;
        for change in &changes {
            let (update, without) = self.update(store, change.document, &sources)?;
            if let Update::Put(document) = &update {
                text += document.passages.iter().map(|passage| passage.text.len()).sum::<usize>();
            }
            notes.push((change.document.0 as u64, without));
            updates.push(update);
            reached = change.sequence;
            if text > most_text {
                break;
            }
        }
        if last_page && updates.len() == changes.len() {
            reached = reached.max(latest);
        }
        if let Err(error) = self.index().apply(&updates, reached.0 as u64) {
            return self.renew(store, &mut waiting, error);
        }
        for ((document, without), update) in notes.into_iter().zip(&updates) {
            match update {
                Update::Put(_) => waiting.note(document, without),
                Update::Remove(_) => waiting.forget(document),
            }
        }
        *self.applied.lock().unwrap_or_else(PoisonError::into_inner) = reached;
        Ok(updates.len().max(1))
    }

    /// Keeps computed vectors and gives them to those who wait.
    pub fn keep_vectors(&self, store: &Store, vectors: &[(TextHash, Vector)]) -> Result<(), Error> {
        let Some((model, _)) = self.model() else { return Ok(()) };
        let model = &model;
        let rows: Vec<_> = vectors.iter().map(|(hash, vector)| (*hash, vector.to_bytes())).collect();
        let mut waiting = self.waiting();
        store.put_vectors(model, &rows)?;
        let known: Vec<KnownVector> = vectors
            .iter()
            .flat_map(|(hash, vector)| {
                waiting.take(hash).into_iter().map(|target| KnownVector {
                    document: target.document,
                    passage: target.passage,
                    vector: vector.clone(),
                })
            })
            .collect();
        self.index().put_vectors(known);
        Ok(())
    }

    /// Takes over other declared collections.
    pub fn declare(&self, collections: &[Collection]) {
        let mut known = self.collections.lock().unwrap_or_else(PoisonError::into_inner);
        collections.clone_into(&mut known);
        self.index().declare(collections);
    }

    /// Puts a new index in the place of one that can't be written though the disk can: what a kill left in it, or
    /// damage. It fills up from the store; meanwhile fewer words are found, and nothing that is not there.
    fn renew(&self, store: &Store, waiting: &mut Waiting, error: Error) -> Result<usize, Error> {
        let mut renewed = self.renewed.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = store.folder().join(FOLDER);
        if renewed.is_some_and(|at| at.elapsed() < RENEW_AFTER) || !can_be_written(&folder) {
            return Err(error);
        }
        warn!(%error, "the index is made anew");
        *renewed = Some(Instant::now());
        let index = SearchIndex::open(&start_anew(&folder, &store.identity()?)?, true, all_facts(store)?)?;
        index.declare(&self.collections.lock().unwrap_or_else(PoisonError::into_inner));
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(index);
        *self.applied.lock().unwrap_or_else(PoisonError::into_inner) = Sequence(0);
        *waiting = Waiting::default();
        self.load_vectors(store, waiting)?;
        Ok(1)
    }

    /// Gives back memory that following left behind.
    pub fn tidy(&self) {
        self.waiting().tidy();
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the index is told of a document, and which of its vectors are not known.
    #[allow(clippy::type_complexity)]
    fn update(
        &self,
        store: &Store,
        id: DocumentId,
        sources: &SourceNames,
    ) -> Result<(Update, Vec<(TextHash, Option<u64>)>), Error> {
        let gone = (Update::Remove(id.0 as u64), Vec::new());
        let Some(document) = store.document(id)? else { return Ok(gone) };
        let Some(facts) = facts(&document, sources) else { return Ok(gone) };
        let passages = store.passages_of(id)?;
        let mut needed: Vec<(TextHash, Option<u64>)> =
            passages.iter().map(|stored| (stored.embed_hash, Some(stored.id.0 as u64))).collect();
        needed.extend(document.title_hash.map(|hash| (hash, None)));
        let vectors = self.known_vectors(store, &needed)?;
        let without = match self.model() {
            Some(_) => needed.into_iter().filter(|(hash, _)| !vectors.contains_key(hash)).collect(),
            None => Vec::new(),
        };
        let document = index_document(&document, facts, passages, &vectors);
        Ok((Update::Put(Box::new(document)), without))
    }

    fn known_vectors(
        &self,
        store: &Store,
        needed: &[(TextHash, Option<u64>)],
    ) -> Result<HashMap<TextHash, Vector>, Error> {
        let Some((model, _)) = self.model() else { return Ok(HashMap::new()) };
        let model = &model;
        let hashes: Vec<TextHash> = needed.iter().map(|(hash, _)| *hash).collect();
        let vectors = store.vectors(model, &hashes)?;
        let known = hashes.into_iter().zip(vectors);
        Ok(known.filter_map(|(hash, bytes)| Some((hash, Vector::from_bytes(&bytes?)?))).collect())
    }

    /// The model whose vectors the index holds, with how its dot products are to be read.
    fn model(&self) -> Option<(String, Option<Calibration>)> {
        self.model.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts the vectors of another model in the place of those that are there. Searches go on with the old ones until all
    /// of the new ones are in place; what has none yet waits for it. False, with nothing changed, when texts that were
    /// taken in meanwhile are without.
    pub fn renew_vectors(
        &self,
        store: &Store,
        model: &dyn Embed,
        complete: impl FnOnce() -> Result<bool, Error>,
    ) -> Result<bool, Error> {
        // Held until it is done: no document comes or goes, no vector falls between.
        let mut waiting = self.waiting();
        if !complete()? {
            return Ok(false);
        }
        let mut renewed = Waiting::default();
        let mut all = Vec::new();
        self.each_vector(store, model.name(), &mut renewed, |known| all.extend(known))?;
        self.index().begin_vectors(model.name(), model.calibration(), all);
        *self.model.write().unwrap_or_else(PoisonError::into_inner) =
            Some((model.name().to_owned(), model.calibration()));
        *waiting = renewed;
        Ok(true)
    }

    /// Puts every vector that the store has into the index, and notes who is without.
    fn load_vectors(&self, store: &Store, waiting: &mut Waiting) -> Result<(), Error> {
        let Some((model, calibration)) = self.model() else { return Ok(()) };
        let index = self.index();
        index.begin_vectors(&model, calibration, []);
        self.each_vector(store, &model, waiting, |known| index.put_vectors(known))
    }

    /// Hands over every vector of a model that the store has, some thousand at once, and notes who is without.
    fn each_vector(
        &self,
        store: &Store,
        model: &str,
        waiting: &mut Waiting,
        mut take: impl FnMut(Vec<KnownVector>),
    ) -> Result<(), Error> {
        let mut keys: Vec<(u64, Option<u64>, TextHash)> = Vec::new();
        store.each_title_key(|document, hash| keys.push((document.0 as u64, None, hash)))?;
        store.each_passage_key(|key| {
            keys.push((key.document.0 as u64, Some(key.passage.0 as u64), key.embed_hash));
        })?;
        let mut without: HashMap<u64, Vec<(TextHash, Option<u64>)>> = HashMap::new();
        for keys in keys.chunks(VECTORS_AT_ONCE) {
            let hashes: Vec<TextHash> = keys.iter().map(|(_, _, hash)| *hash).collect();
            let (vectors, places) = stream_vectors(store, model, &hashes)?;
            // In the order of documents, whatever the order on the disk: the same index each time.
            let mut known = Vec::with_capacity(VECTORS_PUT_AT_ONCE);
            for ((document, passage, hash), place) in keys.iter().zip(places) {
                match place.and_then(|place| vectors.get(place)) {
                    Some(vector) => {
                        let vector = vector.clone();
                        known.push(KnownVector { document: *document, passage: *passage, vector });
                    }
                    None => without.entry(*document).or_default().push((*hash, *passage)),
                }
                if known.len() == VECTORS_PUT_AT_ONCE {
                    take(std::mem::take(&mut known));
                }
            }
            take(known);
        }
        for (document, without) in without {
            waiting.note(document, without);
        }
        Ok(())
    }
}

/// The vectors of some texts, each once, and for each text the place of its vector among them. The vectors lie in the
/// order of their hashes: one sweep over all of them is several times faster than looking up each.
fn stream_vectors(
    store: &Store,
    model: &str,
    hashes: &[TextHash],
) -> Result<(Vec<Vector>, Vec<Option<usize>>), Error> {
    let mut order: Vec<usize> = (0..hashes.len()).collect();
    order.sort_unstable_by_key(|place| hashes.get(*place));
    let mut order = order.into_iter().filter_map(|place| Some((hashes.get(place)?, place))).peekable();
    let mut vectors = Vec::new();
    let mut places = vec![None; hashes.len()];
    store.each_vector(model, |hash, bytes| {
        while order.next_if(|(wanted, _)| **wanted < hash).is_some() {}
        let mut place = None;
        while let Some((_, text)) = order.next_if(|(wanted, _)| **wanted == hash) {
            if place.is_none()
                && let Some(vector) = Vector::from_bytes(bytes)
            {
                place = Some(vectors.len());
                vectors.push(vector);
            }
            if let Some(entry) = places.get_mut(text) {
                *entry = place;
            }
        }
    })?;
    Ok((vectors, places))
}

fn open_index(store: &Store, folder: &Path, write: bool) -> Result<SearchIndex, Error> {
    let identity = store.identity()?;
    if !write {
        let Some(current) = current(folder, &identity) else {
            return Err(Error::user("nothing can be searched yet")
                .hint("run `intramuros ingest FOLDER` or `intramuros serve FOLDER` first"));
        };
        return SearchIndex::open(&current, false, all_facts(store)?).map_err(|error| {
            error.hint("opening it needs a folder that may be written, if only for its lock")
        });
    }
    let known = current(folder, &identity);
    let index = match &known {
        Some(current) => SearchIndex::open(current, true, all_facts(store)?)?,
        None => return SearchIndex::open(&start_anew(folder, &identity)?, true, all_facts(store)?),
    };
    let applied = Sequence(i64::try_from(index.applied()).unwrap_or(i64::MAX));
    let ahead = applied > store.latest()?;
    let behind = applied != Sequence(0) && applied < store.forgotten()?;
    if !(ahead || behind) {
        return Ok(index);
    }
    drop(index);
    SearchIndex::open(&start_anew(folder, &identity)?, true, all_facts(store)?)
}

/// The folder that the index of this store is in now; none when there is none.
fn current(folder: &Path, identity: &str) -> Option<PathBuf> {
    let told = fs::read_to_string(folder.join(IDENTITY)).ok()?;
    let (store, name) = told.trim_end().split_once(' ')?;
    let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    let current = folder.join(name);
    (store == identity && plain && current.is_dir()).then_some(current)
}

/// Makes a new folder for the index and removes what was there: everything in it is derived. A new one each time,
/// because an index that was closed just now may still be ending a merge in the old one.
fn start_anew(folder: &Path, identity: &str) -> Result<PathBuf, Error> {
    let write = || -> std::io::Result<PathBuf> {
        // Words of every document: also where the data folder was made by somebody who left it open.
        create_private_folder(folder)?;
        let old: Vec<PathBuf> = fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect();
        let number = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        let new = folder.join(number.to_string());
        fs::create_dir(&new)?;
        // The name is changed at once or not at all.
        let beside = folder.join("new");
        fs::write(&beside, format!("{identity} {number}\n"))?;
        fs::rename(&beside, folder.join(IDENTITY))?;
        for path in old.iter().filter(|path| path.is_dir()) {
            // What can't be removed now is removed the next time.
            let _ = fs::remove_dir_all(path);
        }
        Ok(new)
    };
    write().map_err(|error| {
        Error::config(format!("the folder of the index, {}, can't be written", folder.display()))
            .hint("check the free space and who owns the data folder")
            .because(error)
    })
}

/// Whether the disk takes what the index may want to write.
fn can_be_written(folder: &Path) -> bool {
    let probe = folder.join("probe");
    let written = fs::write(&probe, vec![1; PROBE_BYTES]);
    let _ = fs::remove_file(&probe);
    written.is_ok()
}

/// What is known of every document.
pub(crate) fn all_facts(store: &Store) -> Result<Vec<Facts>, Error> {
    let sources = source_names(store)?;
    let mut all = Vec::new();
    let mut after = DocumentId(0);
    loop {
        let documents = store.documents_after(after, FACTS_AT_ONCE)?;
        let Some(last) = documents.last() else { return Ok(all) };
        after = last.id;
        all.extend(documents.iter().filter_map(|document| facts(document, &sources)));
    }
}
