//! What does the index hold of a document of the store?

use std::collections::HashMap;

use intramuros_core::document::Kind;
use intramuros_core::error::Error;
use intramuros_core::language::Language;
use intramuros_core::vector::Vector;
use intramuros_search::analysis::{is_question_word, words};
use intramuros_search::catalogue::Facts;
use intramuros_search::{IndexDocument, IndexPassage};
use intramuros_store::{Document, FileOutcome, SourceId, Store, StoredPassage, TextHash};

/// Names of the sources by number.
pub(crate) type SourceNames = HashMap<SourceId, String>;

/// The names of all sources that the store knows.
pub(crate) fn source_names(store: &Store) -> Result<SourceNames, Error> {
    Ok(store.sources()?.into_iter().map(|source| (source.id, source.name)).collect())
}

/// Whether a title is a question, as in lists of frequent questions: then it says more than its passages do.
pub(crate) fn asks(title: &str, language: Language) -> bool {
    let title = title.trim();
    if title.ends_with('?') {
        return true;
    }
    words(title).first().is_some_and(|word| is_question_word(&word.exact, language))
}

/// What is known of a document; none for a part that was not read.
pub(crate) fn facts(document: &Document, sources: &SourceNames) -> Option<Facts> {
    if document.outcome != FileOutcome::Read {
        return None;
    }
    Some(Facts {
        document: document.id.0 as u64,
        access: document.access,
        kind: document.kind.unwrap_or(Kind::Text),
        language: document.language,
        source: sources.get(&document.location.source).cloned().unwrap_or_default(),
        path: document.path(),
        date_ms: Some(document.written_ms.unwrap_or(document.modified_ms)),
        title_asks: document.title_hash.is_some(),
    })
}

/// What the index holds of a document, with the vectors that are known.
pub(crate) fn index_document(
    document: &Document,
    facts: Facts,
    passages: Vec<StoredPassage>,
    vectors: &HashMap<TextHash, Vector>,
) -> IndexDocument {
    let title_vector = document.title_hash.and_then(|hash| vectors.get(&hash).cloned());
    let passages = passages
        .into_iter()
        .map(|stored| IndexPassage {
            id: stored.id.0 as u64,
            headings: headings(&stored),
            vector: vectors.get(&stored.embed_hash).cloned(),
            text: stored.passage.text,
            language: stored.passage.language,
        })
        .collect();
    IndexDocument { facts, title: document.title(), passages, title_vector }
}

/// Headings and column names, one a line.
fn headings(stored: &StoredPassage) -> String {
    let mut lines = stored.passage.headings.clone();
    if !stored.passage.table_header.is_empty() {
        lines.push(stored.passage.table_header.clone());
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_that_ask_are_told_from_those_that_name() {
        let check = |title: &str, language: Language, expected: bool| {
            assert_eq!(asks(title, language), expected, "{title}");
        };
        check("Comment résilier un bail", Language::French, true);
        check("Le bail est-il résilié ?", Language::French, true);
        check("How do I configure logging", Language::English, true);
        check("Résiliation du bail", Language::French, false);
        check("", Language::Other, false);
    }
}
