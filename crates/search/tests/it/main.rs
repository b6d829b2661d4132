//! Does a search find what a person would expect, and only what they may read?

mod crowded;
mod finds;
mod invisible;

use intramuros_core::access::AccessId;
use intramuros_core::document::Kind;
use intramuros_core::language::detect;
use intramuros_core::vector::{DIMENSIONS, Vector};
use intramuros_search::catalogue::{AccessSet, Facts};
use intramuros_search::query::Query;
use intramuros_search::{Found, IndexDocument, IndexPassage, Mode, Prior, Request, SearchIndex, Update};

/// A document of one or more passages.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) id: u64,
    pub(crate) access: u32,
    pub(crate) kind: Kind,
    pub(crate) path: String,
    pub(crate) title: String,
    pub(crate) passages: Vec<String>,
}

impl Sample {
    pub(crate) fn new(id: u64, title: &str, passages: &[&str]) -> Sample {
        Sample {
            id,
            access: 0,
            kind: Kind::Text,
            path: format!("folder/{id}.txt"),
            title: title.to_owned(),
            passages: passages.iter().map(|text| (*text).to_owned()).collect(),
        }
    }
}

/// A vector that depends on the words of a text: near for texts that share many.
pub(crate) fn vector_of(text: &str) -> Vec<f32> {
    let mut components = vec![0.01f32; DIMENSIONS];
    for word in intramuros_search::analysis::words(text) {
        let number =
            word.exact.bytes().fold(7usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        components[number % DIMENSIONS] += 1.0;
    }
    let length = components.iter().map(|value| value * value).sum::<f32>().sqrt();
    components.iter().map(|value| value / length).collect()
}

pub(crate) struct Searchable {
    index: SearchIndex,
    texts: std::collections::HashMap<u64, String>,
    _folder: tempfile::TempDir,
}

impl Searchable {
    pub(crate) fn new(samples: &[Sample], with_vectors: bool) -> Searchable {
        Searchable::in_parts(samples, with_vectors, samples.len())
    }

    /// Put in as several changes of `each` documents, so that the index has several parts.
    pub(crate) fn in_parts(samples: &[Sample], with_vectors: bool, each: usize) -> Searchable {
        let folder = tempfile::tempdir().unwrap();
        let index = SearchIndex::open(folder.path(), true, []).unwrap();
        let mut texts = std::collections::HashMap::new();
        let updates: Vec<Update> = samples
            .iter()
            .map(|sample| {
                let passages = sample.passages.iter().enumerate().map(|(ordinal, text)| {
                    let id = sample.id * 100 + ordinal as u64;
                    texts.insert(id, text.clone());
                    IndexPassage {
                        id,
                        headings: String::new(),
                        text: text.clone(),
                        language: detect(text),
                        vector: with_vectors.then(|| Vector::quantise(&vector_of(text)).unwrap()),
                    }
                });
                Update::Put(Box::new(IndexDocument {
                    facts: Facts {
                        document: sample.id,
                        access: AccessId(sample.access),
                        kind: sample.kind,
                        language: detect(&sample.passages.join(" ")),
                        source: "s".to_owned(),
                        path: sample.path.clone(),
                        date_ms: None,
                        title_asks: sample.title.contains('?'),
                    },
                    title: sample.title.clone(),
                    passages: passages.collect(),
                    title_vector: None,
                }))
            })
            .collect();
        for (number, part) in updates.chunks(each.max(1)).enumerate() {
            index.apply(part, number as u64 + 1).unwrap();
        }
        Searchable { index, texts, _folder: folder }
    }

    pub(crate) fn search(&self, question: &str, readable: &AccessSet, with_vector: bool) -> Found {
        let query = Query::parse(question);
        let vector = with_vector.then(|| vector_of(&query.text));
        self.index
            .search(&Request {
                query: &query,
                vector: &|| vector.clone(),
                model: "",
                readable,
                collection: None,
                prior: &Prior::default(),
                limit: 50,
                prefix: query.unfinished,
                mode: Mode::Fused,
                texts: &|ids| {
                    ids.iter().map(|id| (self.texts[id].clone(), detect(&self.texts[id]))).collect()
                },
            })
            .unwrap()
    }

    pub(crate) fn index(&self) -> &SearchIndex {
        &self.index
    }
}
