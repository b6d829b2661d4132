//! What comes back for each question of a set?

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use intramuros_assistant::decisive;
use intramuros_assistant::{Answer, Asked, Candidate, Excerpt, MAX_CANDIDATES, answer};
use intramuros_core::access::AccessId;
use intramuros_core::document::{Block, BlockKind, Extracted, Kind, Limits, Place};
use intramuros_core::error::Error;
use intramuros_core::language::Language;
use intramuros_core::passage::Passage;
use intramuros_core::vector::dot;
use intramuros_inference::{CALIBRATION, Embedder};
use intramuros_ingest::passages::{PassageOptions, main_language, split};
use intramuros_search::catalogue::{AccessSet, Facts};
use intramuros_search::query::Query;
use intramuros_search::{Found, Hit, IndexDocument, IndexPassage, Mode, Prior, Request, SearchIndex, Update};

use crate::report::{Report, Row};
use crate::set::{CorpusDocument, TestSet};
use crate::vectors::VectorCache;

/// Results looked at for each question: recall is measured at 100.
const DEPTH: usize = 100;

/// How a set is evaluated.
pub struct Options {
    /// How passages are cut.
    pub passages: PassageOptions,
    /// Where vectors are kept between runs.
    pub cache: Option<PathBuf>,
    /// Threads of the embedding model.
    pub threads: usize,
    /// Another set, none of whose questions this one answers: how many are refused?
    pub unanswerable: Option<TestSet>,
    /// Told of progress: passages embedded, of how many.
    pub progress: Box<dyn Fn(usize, usize)>,
}

/// Runs every question of a set through words, vectors and both, and measures.
///
/// # Errors
/// When the index or the model fails.
pub fn evaluate(set: &TestSet, options: &Options) -> Result<Report, Error> {
    let embedder = Embedder::built_in(options.threads)?;
    let corpus = Corpus::build(set, options, &embedder)?;
    let folder = tempfile::tempdir().map_err(|error| Error::config("no temporary folder").because(error))?;
    let index = SearchIndex::open(folder.path(), true, [])?;
    let started = Instant::now();
    index.begin_vectors(embedder.name(), Some(CALIBRATION), []);
    index.apply(&corpus.updates, 1)?;
    let indexing = started.elapsed();
    let mut rows = Vec::new();
    for question in &set.questions {
        let query = Query::parse(&question.text);
        let begun = Instant::now();
        let vector = embedder.query(&query.text)?;
        let embedding = begun.elapsed();
        let judged = set.judgements.get(&question.id).cloned().unwrap_or_default();
        let mut rankings: HashMap<Mode, (Vec<String>, Duration)> = HashMap::new();
        let mut given = Answer::default();
        for mode in [Mode::Words, Mode::Meaning, Mode::Fused] {
            let begun = Instant::now();
            let found = index.search(&Request {
                query: &query,
                vector: &|| Some(vector.clone()),
                model: embedder.name(),
                readable: &AccessSet::everything(),
                collection: None,
                prior: &Prior::default(),
                limit: DEPTH,
                prefix: false,
                mode,
                texts: &|ids| corpus.texts(ids),
            })?;
            let ranking = found
                .hits
                .iter()
                .filter_map(|hit| set.corpus.get(hit.document as usize))
                .map(|document| document.id.clone());
            rankings.insert(mode, (ranking.collect(), begun.elapsed()));
            if mode == Mode::Fused {
                given = corpus.answer(&found, &query, &vector, &embedder, &index);
            }
        }
        rows.push(Row {
            question: question.clone(),
            language: query.language,
            judged,
            rankings,
            embedding,
            answer: given,
        });
    }
    let refused = match &options.unanswerable {
        Some(other) => Some(refused_share(other, &embedder, &index, &corpus)?),
        None => None,
    };
    Ok(Report::new(&set.name, set.corpus.len(), corpus.passages.len(), indexing, rows, refused))
}

/// The share of another set's questions that are refused: nothing here answers them.
fn refused_share(
    other: &TestSet,
    embedder: &Embedder,
    index: &SearchIndex,
    corpus: &Corpus,
) -> Result<f64, Error> {
    let mut refused = 0usize;
    for question in &other.questions {
        let query = Query::parse(&question.text);
        let vector = embedder.query(&query.text)?;
        let found = index.search(&Request {
            query: &query,
            vector: &|| Some(vector.clone()),
            model: embedder.name(),
            readable: &AccessSet::everything(),
            collection: None,
            prior: &Prior::default(),
            limit: MAX_CANDIDATES,
            prefix: false,
            mode: Mode::Fused,
            texts: &|ids| corpus.texts(ids),
        })?;
        refused += usize::from(!corpus.answer(&found, &query, &vector, embedder, index).found);
    }
    Ok(refused as f64 / other.questions.len().max(1) as f64)
}

/// The corpus in passages, ready to be indexed.
struct Corpus {
    updates: Vec<Update>,
    passages: Vec<Passage>,
    /// Title and first passage of each document.
    documents: Vec<(String, usize)>,
}

impl Corpus {
    fn build(set: &TestSet, options: &Options, embedder: &Embedder) -> Result<Corpus, Error> {
        let mut cache = VectorCache::open(options.cache.as_deref())?;
        let documents: Vec<(String, Vec<Passage>, Language)> =
            set.corpus.iter().map(|document| prepare(document, &options.passages)).collect();
        let total = documents.iter().map(|(_, passages, _)| passages.len()).sum();
        let (mut updates, mut all, mut titles) = (Vec::new(), Vec::new(), Vec::new());
        for (number, (title, passages, language)) in documents.into_iter().enumerate() {
            let mut indexed = Vec::new();
            titles.push((title.clone(), all.len()));
            for passage in passages {
                let context = passage.context(&title);
                let vector = cache.passage(embedder, &format!("{context}{}", passage.text))?;
                indexed.push(IndexPassage {
                    id: all.len() as u64,
                    headings: format!("{}\n{}", passage.heading_path(&title), passage.table_header),
                    text: passage.text.clone(),
                    language: passage.language,
                    vector: Some(vector),
                });
                all.push(passage);
                (options.progress)(all.len(), total);
            }
            let title_asks = title.contains('?');
            let title_vector = if title_asks { Some(cache.passage(embedder, &title)?) } else { None };
            let facts = Facts {
                document: number as u64,
                access: AccessId(0),
                kind: Kind::Text,
                language,
                source: set.name.clone(),
                path: String::new(),
                date_ms: None,
                title_asks,
            };
            updates.push(Update::Put(Box::new(IndexDocument {
                facts,
                title,
                passages: indexed,
                title_vector,
            })));
        }
        Ok(Corpus { updates, passages: all, documents: titles })
    }

    /// The answer as the program makes it.
    fn answer(
        &self,
        found: &Found,
        query: &Query,
        vector: &[f32],
        embedder: &Embedder,
        index: &SearchIndex,
    ) -> Answer {
        let hits = found.hits.iter().take(MAX_CANDIDATES);
        let candidates: Vec<Candidate> = hits.filter_map(|hit| self.candidate(hit, query.language)).collect();
        let nearness = nearness(embedder, vector);
        let asked = Asked { terms: &found.terms, background: found.background, nearness: &nearness };
        let answer = answer(&asked, &candidates);
        let nearest = |hit: &Hit| {
            decisive::nearest(hit.document, hit.passages.iter().map(|passage| (passage.id, passage.meaning)))
        };
        let best = found.hits.iter().take(MAX_CANDIDATES).filter_map(nearest);
        let near =
            |rest: &str, passages: &[(u64, u64)]| Some(index.nearness(&embedder.query(rest).ok()?, passages));
        let refused = answer.found && decisive::turns_on(&query.text, &found.absent, best, near);
        if refused { answer.refused() } else { answer }
    }

    fn candidate(&self, hit: &Hit, asked: Language) -> Option<Candidate> {
        let (title, first) = self.documents.get(hit.document as usize)?;
        let best = hit.passages.first()?;
        let excerpt = |id: u64| {
            let passage = self.passages.get(id as usize)?;
            Some(Excerpt {
                passage: id,
                text: passage.text.clone(),
                headings: passage.headings.join("\n"),
                language: passage.language,
                meaning: hit.passages.iter().find(|found| found.id == id).and_then(|found| found.meaning),
            })
        };
        Some(Candidate {
            document: hit.document,
            title: title.clone(),
            best: excerpt(best.id)?,
            others: hit.passages.iter().skip(1).filter_map(|passage| excerpt(passage.id)).collect(),
            crosses_languages: asked.differs(self.passages.get(best.id as usize)?.language),
            opening: (best.id != *first as u64).then(|| excerpt(*first as u64)).flatten(),
            meaning: hit.passages.iter().filter_map(|passage| passage.meaning).max_by(f32::total_cmp),
        })
    }

    fn texts(&self, ids: &[u64]) -> Vec<(String, Language)> {
        ids.iter()
            .filter_map(|id| self.passages.get(*id as usize))
            .map(|passage| (passage.text.clone(), passage.language))
            .collect()
    }
}

/// How near texts lie to the question of this vector.
fn nearness(embedder: &Embedder, vector: &[f32]) -> impl Fn(&[&str]) -> Option<Vec<f32>> {
    move |texts| {
        let vectors = embedder.passages(texts).ok()?;
        Some(vectors.iter().map(|text| dot(vector, text)).collect())
    }
}

/// A corpus document as the readers would give it: Markdown where it has Markdown headings, lines otherwise.
fn prepare(document: &CorpusDocument, options: &PassageOptions) -> (String, Vec<Passage>, Language) {
    let title = document.title.trim().to_owned();
    let markdown = document
        .text
        .lines()
        .any(|line| line.starts_with('#') && line.trim_start_matches('#').starts_with(' '));
    let read = if markdown {
        intramuros_ingest::extract("document.md", document.text.as_bytes(), &Limits::default()).ok()
    } else {
        None
    };
    let extracted = read.unwrap_or_else(|| plain(&document.text));
    let language = main_language(&extracted.text());
    (title, split(&extracted, options), language)
}

/// Plain text, a block a line.
fn plain(text: &str) -> Extracted {
    let blocks = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(index, line)| Block {
            kind: BlockKind::Paragraph,
            text: line.trim().to_owned(),
            place: Place { line: Some(index as u32 + 1), ..Place::default() },
        })
        .collect();
    Extracted { kind: Some(Kind::Text), blocks, ..Extracted::default() }
}
