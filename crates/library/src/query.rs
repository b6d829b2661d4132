//! What does this principal find, and what may they open?
//!
//! The access filter works inside the index. What comes out of it is held against the store once more before anything
//! is shown: the store's rule is the one that was acknowledged, the index may lag behind it by moments.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use intramuros_core::access::{AccessId, AccessRule, Principal};
use intramuros_core::document::{Block, Kind};
use intramuros_core::error::Error;
use intramuros_core::language::Language;
use intramuros_core::perimeter::Perimeter;
use intramuros_search::catalogue::{AccessSet, Facets, Filters};
use intramuros_search::query::Query;
use intramuros_search::snippet::snippet;
use intramuros_search::{Found, Hit, MAX_HITS, Mode, PassageHit, Prior, QueryTerm, Request};
use intramuros_store::{Document, DocumentId, Failure, PassageId, StoredPassage};
use serde::{Deserialize, Serialize};

use crate::collections::no_collection;
use crate::embed::Embed;
use crate::facts::SourceNames;
use crate::library::{Library, Shared};
use crate::notices::{self, Notice};
use crate::troubles;

/// Bytes of a snippet: three lines on a screen.
const SNIPPET_BYTES: usize = 320;

/// Most passages opened at once, and most failures listed at once.
const MOST_PASSAGES: usize = 1_000;
const MOST_FAILURES: usize = 10_000;

/// How to search.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SearchOptions {
    /// Documents wanted; 10 when 0, at most [`MAX_HITS`] with those skipped.
    pub limit: usize,
    /// Documents skipped.
    pub offset: usize,
    /// Whether the question may be unfinished: its last word may be the beginning of a longer one.
    pub typing: bool,
    /// Words, meaning, or both.
    pub mode: Mode,
    /// What the search is narrowed to, beside what the question itself says.
    pub filters: Filters,
    /// Name of the declared collection that is searched; none for all that may be read. One that the principal may not
    /// choose is an error, in the same words as one that is not there.
    pub collection: Option<String>,
}

/// What was found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Results {
    /// Documents that match, of those that the principal may read.
    pub total: usize,
    /// The best of them, best first.
    pub documents: Vec<FoundDocument>,
    /// All that match, counted by what they are.
    pub facets: Facets,
    /// The question with its unknown words mended.
    pub suggestion: Option<String>,
    /// Words of the question that none of the documents searched holds, nor a word like them, as they were written; a few.
    pub absent: Vec<String>,
    /// What its writer should know of the filters of the question.
    pub notices: Vec<Notice>,
    /// Words that were looked for, as [`intramuros_search::snippet::marks`] takes them.
    pub highlights: Vec<String>,
    /// The question, taken apart.
    pub query: Query,
    /// The words of the question with what they weigh, for judging how much of it a text covers.
    #[serde(skip)]
    pub terms: Vec<QueryTerm>,
    /// How near documents lie that don't stand out, see [`intramuros_search::vectors::background`].
    #[serde(skip)]
    pub background: Option<f32>,
    /// Whether it is known of the model which nearness in meaning is near; where not, it says only which is nearer.
    #[serde(skip)]
    pub calibrated: bool,
}

/// A document that was found.
#[derive(Clone, Debug, Serialize)]
pub struct FoundDocument {
    /// What is known of it.
    #[serde(flatten)]
    pub document: DocumentFacts,
    /// How well it answers, beside the others of this result.
    pub score: f32,
    /// Its best passages, best first.
    pub passages: Vec<FoundPassage>,
}

/// What is known of a document.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DocumentFacts {
    /// Its number.
    pub id: DocumentId,
    /// The title to show.
    pub title: String,
    /// The source it comes from.
    pub source: String,
    /// Its path in the source, with the part's name after `!/`.
    pub path: String,
    /// Where its file can be looked at outside; none for files of this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// What kind of file.
    pub kind: Option<Kind>,
    /// The language of most of it.
    pub language: Language,
    /// Who wrote it.
    pub author: Option<String>,
    /// When it was written, as it says; milliseconds since 1970.
    pub written_ms: Option<i64>,
    /// When its file was last changed; milliseconds since 1970.
    pub modified_ms: i64,
    /// Pages, slides or sheets.
    pub pages: Option<u32>,
}

/// A passage that was found.
#[derive(Clone, Debug, Serialize)]
pub struct FoundPassage {
    /// Its number.
    pub id: PassageId,
    /// Its position in the document.
    pub ordinal: u32,
    /// The headings above it.
    pub headings: Vec<String>,
    /// Column names of the table that it continues.
    pub table_header: String,
    /// First and last page, from 1.
    pub pages: Option<(u32, u32)>,
    /// First and last line, from 1.
    pub lines: Option<(u32, u32)>,
    /// Sheet, chapter, cell or message.
    pub section: Option<String>,
    /// Its language.
    pub language: Language,
    /// Its text.
    pub text: String,
    /// Where the text stands in the document's text, in bytes.
    pub range: Range<usize>,
    /// The piece of the text to show, in bytes of `text`.
    pub snippet: Range<usize>,
    /// The words of the question in it, in bytes of `text`.
    pub marks: Vec<Range<usize>>,
    /// How well it answers, beside the others of this result.
    pub score: f32,
    /// Nearness in meaning, where its vector is known.
    pub meaning: Option<f32>,
    /// Nearness in words.
    pub words: f32,
}

/// A document opened.
#[derive(Clone, Debug)]
pub struct OpenDocument {
    /// What is known of it.
    pub facts: DocumentFacts,
    /// Its text.
    pub blocks: Vec<Block>,
    /// Its passages.
    pub passages: Vec<StoredPassage>,
}

/// The access rules by number.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    by_id: HashMap<AccessId, AccessRule>,
    highest: u32,
    /// Whether something was attached to a conversation.
    attached: bool,
}

impl Rules {
    fn allows(&self, access: AccessId, principal: &Principal) -> bool {
        // A number that is not known lets nobody in.
        self.by_id.get(&access).is_some_and(|rule| rule.allows(principal))
    }

    fn opens(&self, access: AccessId, principal: &Principal) -> bool {
        self.by_id.get(&access).is_some_and(|rule| rule.opens(principal))
    }

    pub(crate) fn readable(&self, principal: &Principal) -> AccessSet {
        // The owner reads everything but what others attached to their conversations.
        if principal.owner && !self.attached {
            return AccessSet::everything();
        }
        let allowed = self.by_id.iter().filter(|(_, rule)| rule.allows(principal));
        AccessSet::of(allowed.map(|(id, _)| *id))
    }
}

impl Library {
    /// Searches what a principal may read.
    ///
    /// # Errors
    /// When the store or the index can't be read. A model that fails is no error: words are searched then.
    pub fn search(
        &self,
        principal: &Principal,
        question: &str,
        options: &SearchOptions,
    ) -> Result<Results, Error> {
        let shared = &*self.shared;
        let _asking = Asking::new(&shared.asking);
        let mut query = Query::parse(question);
        narrow(&mut query.filters, &options.filters);
        let rules = shared.rules()?;
        let readable = rules.readable(principal);
        let collection = match &options.collection {
            Some(name) => Some(self.collection(principal, name)?.ok_or_else(no_collection)?),
            None => None,
        };
        let prior = shared.prior();
        let model = shared.model_for(&query).filter(|_| options.mode != Mode::Words);
        let model_name = model.as_ref().map(|model| model.name().to_owned()).unwrap_or_default();
        let wanted = if options.limit == 0 { 10 } else { options.limit };
        let search = |vector: &dyn Fn() -> Option<Vec<f32>>| {
            shared.derived.index().search(&Request {
                query: &query,
                vector,
                model: &model_name,
                readable: &readable,
                collection: options.collection.as_deref(),
                prior: &prior,
                limit: wanted.saturating_add(options.offset).min(MAX_HITS),
                prefix: options.typing && query.unfinished,
                mode: options.mode,
                texts: &|ids| shared.texts(ids),
            })
        };
        let found = match model.as_deref() {
            None => search(&|| None)?,
            // The model computes while the words are looked up.
            Some(model) => std::thread::scope(|scope| {
                let (sender, receiver) = std::sync::mpsc::sync_channel(1);
                let question = &query.text;
                // Nobody listens any more when the search needed no vector.
                let compute = move || _ = sender.send(vector_of(model, question));
                match std::thread::Builder::new().name("question".to_owned()).spawn_scoped(scope, compute) {
                    Ok(_) => search(&|| receiver.recv().ok().flatten()),
                    Err(_) => search(&|| vector_of(model, question)),
                }
            })?,
        };
        let Found { hits, total, facets, suggestion, absent, nothing_passes, highlights, terms, background } =
            found;
        let notices = shared.notices(question, &query, options, &readable, nothing_passes);
        // What is proposed in the question's place is narrowed as it was.
        let with_conditions = |words: String| {
            let conditions = query.conditions.iter().map(String::as_str);
            std::iter::once(words.as_str()).chain(conditions).collect::<Vec<_>>().join(" ")
        };
        let suggestion = suggestion.map(with_conditions);
        let sources = crate::facts::source_names(&shared.store)?;
        let mut documents = Vec::new();
        for hit in hits.iter().skip(options.offset).take(wanted) {
            let shown = shared.show(principal, &rules, hit, &highlights, &sources)?;
            // As with access, the store has the last word on where a document stands.
            let inside = |found: &FoundDocument| {
                let DocumentFacts { source, path, .. } = &found.document;
                collection.as_ref().is_none_or(|collection| collection.covers(source, path))
            };
            documents.extend(shown.filter(inside));
        }
        let calibrated = model.is_none_or(|model| model.calibration().is_some());
        Ok(Results {
            total,
            documents,
            facets,
            suggestion,
            absent,
            notices,
            highlights,
            query,
            terms,
            background,
            calibrated,
        })
    }

    /// A document with its text and passages. None when there is none or the principal may not read it: the answer
    /// is the same.
    pub fn document(&self, principal: &Principal, id: DocumentId) -> Result<Option<OpenDocument>, Error> {
        let shared = &*self.shared;
        let Some(document) = shared.readable_document(principal, id)? else { return Ok(None) };
        let Some(blocks) = shared.store.body(id)? else { return Ok(None) };
        let passages = shared.store.passages_of(id)?;
        Ok(Some(OpenDocument { facts: shared.facts_of(&document)?, blocks, passages }))
    }

    /// What is known of a document, without its text. None as [`Library::document`].
    pub fn document_facts(
        &self,
        principal: &Principal,
        id: DocumentId,
    ) -> Result<Option<DocumentFacts>, Error> {
        let document = self.shared.readable_document(principal, id)?;
        document.map(|document| self.shared.facts_of(&document)).transpose()
    }

    /// The path of the file that holds a document, on this machine, to hand out the original. None as
    /// [`Library::document`], and when the source is not declared any more.
    pub fn file_of(
        &self,
        principal: &Principal,
        id: DocumentId,
    ) -> Result<Option<std::path::PathBuf>, Error> {
        let Some(document) = self.shared.readable_document(principal, id)? else { return Ok(None) };
        let sources = self.shared.store.sources()?;
        let stored = sources.into_iter().find(|source| source.id == document.location.source);
        let declared = stored.and_then(|stored| match self.shared.perimeter().source(&stored.name) {
            Some(source) => Some(source.clone()),
            None => self.shared.attached_source().filter(|source| source.name == stored.name),
        });
        let path = declared.map(|source| match source.is_remote() {
            true => crate::spool::blob(&source.path, &document.location.path),
            false => crate::paths::under(&source.path, &document.location.path),
        });
        // What was read from several files together has no file of its own.
        Ok(path.filter(|path| path.is_file()))
    }

    /// Passages by number, in the order asked, without those that are gone or that the principal may not read.
    pub fn passages(&self, principal: &Principal, ids: &[PassageId]) -> Result<Vec<StoredPassage>, Error> {
        let ids = ids.get(..ids.len().min(MOST_PASSAGES)).unwrap_or_default();
        let mut passages = self.shared.store.passages(ids)?;
        let mut readable: HashMap<DocumentId, bool> = HashMap::new();
        for passage in &passages {
            if let Entry::Vacant(entry) = readable.entry(passage.document) {
                entry.insert(self.shared.readable_document(principal, passage.document)?.is_some());
            }
        }
        passages.retain(|passage| readable.get(&passage.document) == Some(&true));
        Ok(passages)
    }

    /// The passages of a document from one ordinal to another: what stands around a hit. Empty when the principal may
    /// not read it.
    pub fn passages_around(
        &self,
        principal: &Principal,
        document: DocumentId,
        ordinals: std::ops::RangeInclusive<u32>,
    ) -> Result<Vec<StoredPassage>, Error> {
        match self.shared.readable_document(principal, document)? {
            Some(_) => self.shared.store.passages_around(document, ordinals),
            None => Ok(Vec::new()),
        }
    }

    /// Files and parts that were not read, with the reason, after folders that could not be looked at. Only the owner gets
    /// any: a file that could not be read may be anybody's.
    pub fn failures(
        &self,
        principal: &Principal,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<Failure>, Error> {
        if !principal.owner {
            return Ok(Vec::new());
        }
        let limit = limit.min(MOST_FAILURES);
        let folders = troubles::all(&self.shared.store)?;
        let before = folders.len();
        let mut failures: Vec<Failure> = folders.into_iter().skip(offset).take(limit).collect();
        let left = limit - failures.len();
        failures.extend(self.shared.store.failures(offset.saturating_sub(before), left)?);
        Ok(failures)
    }
}

impl Shared {
    /// What age and source are declared to be worth, now.
    fn prior(&self) -> Prior {
        let perimeter = self.perimeter();
        let declared = &perimeter.search;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Prior {
            recency: declared.recency as f32,
            half_life_days: declared.recency_days,
            now_ms: i64::try_from(now.as_millis()).unwrap_or(i64::MAX),
            sources: declared
                .source_weights
                .iter()
                .map(|(name, weight)| (name.clone(), *weight as f32))
                .collect(),
        }
    }

    /// What is to be told of the filters of a question.
    fn notices(
        &self,
        question: &str,
        query: &Query,
        options: &SearchOptions,
        readable: &AccessSet,
        nothing_passes: bool,
    ) -> Vec<Notice> {
        let (index, collection) = (self.derived.index(), options.collection.as_deref());
        let (mut counted, mut empty_folders) = (Facets::default(), Vec::new());
        if notices::names_matter(&query.filters, nothing_passes) {
            counted = index.facets(readable, collection);
            let is_empty = |folder: &&String| {
                let one = Filters { folders: vec![(*folder).clone()], ..Filters::default() };
                !index.passes(readable, &one, collection)
            };
            empty_folders = query.filters.folders.iter().filter(is_empty).cloned().collect();
        }
        notices::notices(&notices::Known {
            question,
            query,
            chosen: &options.filters,
            typing: options.typing,
            nothing_passes,
            readable: &counted,
            empty_folders: &empty_folders,
        })
    }

    /// The access rules, read again when there are new ones. A rule of a number never changes.
    pub(crate) fn rules(&self) -> Result<Arc<Rules>, Error> {
        let known = Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner));
        let highest = self.store.highest_access()?;
        if known.highest == highest.0 {
            return Ok(known);
        }
        let by_id: HashMap<_, _> = self.store.access_rules()?.into_iter().collect();
        let highest = by_id.keys().map(|id| id.0).max().unwrap_or(0);
        let attached = by_id.values().any(|rule: &AccessRule| rule.conversation.is_some());
        let rules = Arc::new(Rules { by_id, highest, attached });
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&rules);
        Ok(rules)
    }

    /// The model that the question is put to; none when there is no model, no text, or nothing to compare with yet.
    pub(crate) fn model_for(&self, query: &Query) -> Option<Arc<dyn Embed>> {
        let model = self.models.serving().filter(|_| !query.text.is_empty())?;
        (self.derived.index().vectors() > 0).then_some(model)
    }

    /// Texts of passages for the index's second look; it asks only for those that may be read.
    fn texts(&self, ids: &[u64]) -> Vec<(String, Language)> {
        let ids: Vec<PassageId> = ids.iter().map(|id| PassageId(*id as i64)).collect();
        let passages = self.store.passages(&ids).unwrap_or_default();
        passages.into_iter().map(|stored| (stored.passage.text, stored.passage.language)).collect()
    }

    fn readable_document(&self, principal: &Principal, id: DocumentId) -> Result<Option<Document>, Error> {
        let document = self.store.document(id)?;
        // Read after the document: a rule that it carries is known then.
        let rules = self.rules()?;
        Ok(document.filter(|document| {
            document.outcome == intramuros_store::FileOutcome::Read && rules.opens(document.access, principal)
        }))
    }

    fn facts_of(&self, document: &Document) -> Result<DocumentFacts, Error> {
        Ok(facts_of(document, &crate::facts::source_names(&self.store)?, &self.perimeter()))
    }

    /// A hit with its texts; none when the store does not let the principal read it.
    fn show(
        &self,
        principal: &Principal,
        rules: &Rules,
        hit: &Hit,
        highlights: &[String],
        sources: &SourceNames,
    ) -> Result<Option<FoundDocument>, Error> {
        let id = DocumentId(hit.document as i64);
        let Some(document) = self.store.document(id)? else { return Ok(None) };
        if !rules.allows(document.access, principal) {
            return Ok(None);
        }
        let ids: Vec<PassageId> = hit.passages.iter().map(|passage| PassageId(passage.id as i64)).collect();
        let mut stored = self.store.passages(&ids)?;
        stored.retain(|stored| stored.document == id);
        // A question of conditions alone names no passage, and a document that was just read again has others than the
        // index knows: it is shown as it begins.
        if stored.is_empty() {
            stored = self.store.passages_around(id, 0..=0)?;
        }
        let passages = stored
            .into_iter()
            .map(|stored| {
                let scores = hit.passages.iter().find(|passage| passage.id == stored.id.0 as u64).copied();
                found_passage(stored, scores, highlights)
            })
            .collect();
        Ok(Some(FoundDocument {
            document: facts_of(&document, sources, &self.perimeter()),
            score: hit.score,
            passages,
        }))
    }
}

/// The vector of a question; none, with a word in the log, when the model fails.
pub(crate) fn vector_of(model: &dyn Embed, question: &str) -> Option<Vec<f32>> {
    match model.query(question) {
        Ok(vector) => Some(vector),
        Err(error) => {
            tracing::warn!(%error, "a question is searched by words alone");
            None
        }
    }
}

/// What is shown of a document.
fn facts_of(document: &Document, sources: &SourceNames, perimeter: &Perimeter) -> DocumentFacts {
    let source = sources.get(&document.location.source).cloned().unwrap_or_default();
    DocumentFacts {
        link: perimeter.source(&source).and_then(|source| source.link(&document.location.path_text())),
        id: document.id,
        title: document.title(),
        source,
        path: document.path(),
        kind: document.kind,
        language: document.language,
        author: document.author.clone(),
        written_ms: document.written_ms,
        modified_ms: document.modified_ms,
        pages: document.pages,
    }
}

fn found_passage(stored: StoredPassage, scores: Option<PassageHit>, highlights: &[String]) -> FoundPassage {
    let passage = stored.passage;
    let shown = snippet(&passage.text, passage.language, highlights, SNIPPET_BYTES);
    FoundPassage {
        id: stored.id,
        ordinal: passage.ordinal,
        headings: passage.headings,
        table_header: passage.table_header,
        pages: passage.pages,
        lines: passage.lines,
        section: passage.section,
        language: passage.language,
        range: passage.range,
        snippet: shown.range,
        marks: shown.marks,
        text: passage.text,
        score: scores.map_or(0.0, |scores| scores.score),
        meaning: scores.and_then(|scores| scores.meaning),
        words: scores.map_or(0.0, |scores| scores.words),
    }
}

/// Narrows by both: what the question says and what was chosen beside it. Lists of the same kind are joined by the
/// stricter reading where both are given: the choice holds.
fn narrow(filters: &mut Filters, chosen: &Filters) {
    fn hold<T: Clone>(own: &mut Vec<T>, chosen: &[T]) {
        if !chosen.is_empty() {
            *own = chosen.to_vec();
        }
    }
    hold(&mut filters.kinds, &chosen.kinds);
    hold(&mut filters.languages, &chosen.languages);
    hold(&mut filters.sources, &chosen.sources);
    hold(&mut filters.folders, &chosen.folders);
    filters.after_ms = filters.after_ms.max(chosen.after_ms);
    filters.before_ms = match (filters.before_ms, chosen.before_ms) {
        (Some(own), Some(chosen)) => Some(own.min(chosen)),
        (own, chosen) => own.or(chosen),
    };
}

/// Counts a question for as long as it is answered.
struct Asking<'a>(&'a AtomicUsize);

impl<'a> Asking<'a> {
    fn new(count: &'a AtomicUsize) -> Asking<'a> {
        count.fetch_add(1, Ordering::Relaxed);
        Asking(count)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
