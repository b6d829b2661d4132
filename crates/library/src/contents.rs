//! Which documents are in what was read from one file?

use std::collections::{BTreeMap, HashSet};

use intramuros_core::document::{ExtractError, Extracted};
use intramuros_core::language::Language;
use intramuros_core::passage::Passage;
use intramuros_store::{FileOutcome, NewDocument};

use crate::facts;

/// Stands between the names of a part within a part.
const INSIDE: &str = "!/";

/// Longest title that is put before passages, in characters. 200: longer ones are first paragraphs in disguise and
/// would drown the passage.
const MAX_CONTEXT_TITLE: usize = 200;

/// Cuts a document into passages.
pub(crate) type Split<'a> = &'a (dyn Fn(&Extracted) -> Vec<Passage> + Sync);

/// What a file holds.
#[derive(Debug)]
pub(crate) struct Contents {
    /// Whether the file itself was read.
    pub outcome: FileOutcome,
    /// What was left out and why.
    pub warnings: Vec<String>,
    /// Its documents.
    pub documents: Vec<NewDocument>,
}

/// The documents of a file: itself, when it has text, and its parts. `path` names it.
pub(crate) fn contents(path: &str, read: Result<Extracted, ExtractError>, split: Split<'_>) -> Contents {
    let extracted = match read.and_then(|extracted| whole(path, extracted)) {
        Ok(extracted) => extracted,
        Err(error) => {
            return Contents { outcome: (&error).into(), warnings: Vec::new(), documents: Vec::new() };
        }
    };
    let mut collector =
        Collector { split, names: HashSet::new(), documents: Vec::new(), warnings: Vec::new() };
    collector.add("", path, extracted);
    Contents { outcome: FileOutcome::Read, warnings: collector.warnings, documents: collector.documents }
}

/// Whether anything at all was read. Readers say so themselves; this keeps a silent one from passing for an empty
/// document.
fn whole(name: &str, extracted: Extracted) -> Result<Extracted, ExtractError> {
    if !extracted.blocks.is_empty() || !extracted.parts.is_empty() {
        return Ok(extracted);
    }
    match extracted.pictures.len() {
        0 => Err(ExtractError::Empty(format!("no text in {}", last(name)))),
        count => Err(ExtractError::NeedsOcr(format!("{count} pages are pictures of text"))),
    }
}

struct Collector<'a> {
    split: Split<'a>,
    names: HashSet<String>,
    documents: Vec<NewDocument>,
    warnings: Vec<String>,
}

impl Collector<'_> {
    /// Adds a document under its part name, and those inside it. `named` is what it is called for people.
    fn add(&mut self, part: &str, named: &str, mut extracted: Extracted) {
        let inside = std::mem::take(&mut extracted.parts);
        let place = if part.is_empty() { String::new() } else { format!("{part}: ") };
        self.warnings.extend(extracted.warnings.iter().map(|warning| format!("{place}{warning}")));
        if !extracted.pictures.is_empty() {
            let count = extracted.pictures.len();
            self.warnings.push(format!("{place}{count} pages are pictures of text and need OCR"));
        }
        if !extracted.blocks.is_empty() {
            let document = self.read(part, named, &mut extracted);
            self.documents.push(document);
        }
        for inner in inside {
            let name = self.unique(part, &inner.name);
            let from = self.documents.len();
            match inner.outcome.and_then(|inner| whole(&name, *inner)) {
                Ok(extracted) => self.add(&name, &inner.name, extracted),
                Err(error) => self.documents.push(failed(name, &inner.name, &error)),
            }
            // Who may not read a part reads nothing that is in it, nor that it could not be read.
            for document in self.documents.iter_mut().skip(from) {
                document.readers = match (document.readers.take(), &inner.readers) {
                    (Some(own), Some(around)) => Some(own.intersection(around).cloned().collect()),
                    (own, around) => own.or_else(|| around.clone()),
                };
            }
        }
    }

    fn read(&self, part: &str, named: &str, extracted: &mut Extracted) -> NewDocument {
        let passages = (self.split)(extracted);
        let title =
            extracted.title.take().map(|title| title.trim().to_owned()).filter(|title| !title.is_empty());
        let language = main_language(&passages).or(extracted.language).unwrap_or_default();
        NewDocument {
            part: part.to_owned(),
            readers: None,
            kind: extracted.kind,
            embed_title: title.as_ref().is_some_and(|title| facts::asks(title, language)),
            context_title: shorten(title.clone().unwrap_or_else(|| speaking(named))),
            title,
            author: extracted.author.take(),
            written_ms: extracted.written_ms,
            language,
            pages: extracted.pages,
            outcome: FileOutcome::Read,
            blocks: std::mem::take(&mut extracted.blocks),
            passages,
        }
    }

    /// The name of a part, told apart from others of the same name: archives may hold a name twice.
    fn unique(&mut self, folder: &str, name: &str) -> String {
        let full = if folder.is_empty() { name.to_owned() } else { format!("{folder}{INSIDE}{name}") };
        let mut candidate = full.clone();
        let mut number = 2;
        while candidate.is_empty() || !self.names.insert(candidate.clone()) {
            candidate = format!("{full} ({number})");
            number += 1;
        }
        candidate
    }
}

fn failed(part: String, named: &str, error: &ExtractError) -> NewDocument {
    NewDocument {
        part,
        readers: None,
        kind: None,
        title: None,
        context_title: speaking(named),
        embed_title: false,
        author: None,
        written_ms: None,
        language: Language::Other,
        pages: None,
        outcome: error.into(),
        blocks: Vec::new(),
        passages: Vec::new(),
    }
}

/// The language of most of the text; none when there is no text.
fn main_language(passages: &[Passage]) -> Option<Language> {
    let mut bytes: BTreeMap<Language, usize> = BTreeMap::new();
    for passage in passages {
        *bytes.entry(passage.language).or_default() += passage.text.len();
    }
    bytes.into_iter().max_by_key(|(_, bytes)| *bytes).map(|(language, _)| language)
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A file's name as words: without its ending, `_` and `-` as spaces. Empty when there is no letter in it, as in
/// `20240112.txt`, which says nothing of the text.
fn speaking(path: &str) -> String {
    let name = last(path);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let stem = if stem.is_empty() { name } else { stem };
    if !stem.chars().any(char::is_alphabetic) {
        return String::new();
    }
    let words = stem.replace(['_', '-', '+'], " ");
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn shorten(title: String) -> String {
    match title.char_indices().nth(MAX_CONTEXT_TITLE) {
        Some((end, _)) => title.get(..end).unwrap_or_default().trim_end().to_owned(),
        None => title,
    }
}

#[cfg(test)]
mod tests {
    use intramuros_core::document::{Block, BlockKind, Kind, Part, Picture, Place};

    use super::*;

    fn text(text: &str) -> Extracted {
        Extracted {
            kind: Some(Kind::Text),
            blocks: vec![Block {
                kind: BlockKind::Paragraph,
                text: text.to_owned(),
                place: Place::default(),
            }],
            ..Extracted::default()
        }
    }

    fn part(name: &str, outcome: Result<Extracted, ExtractError>) -> Part {
        Part::new(name, outcome)
    }

    #[test]
    fn parts_are_documents_under_names_of_their_own() {
        let mail = Extracted { parts: vec![part("plan.txt", Ok(text("plan")))], ..text("mail") };
        let archive = Extracted {
            parts: vec![
                part("a.eml", Ok(mail)),
                part("a.eml", Ok(text("again"))),
                part("b.pdf", Err(ExtractError::Encrypted("locked".into()))),
                part("c.pdf", Ok(Extracted::default())),
            ],
            ..Extracted::default()
        };
        let contents = contents("dossier.zip", Ok(archive), &|_| Vec::new());
        assert_eq!(contents.outcome, FileOutcome::Read);
        let found: Vec<(&str, bool)> = contents
            .documents
            .iter()
            .map(|document| (document.part.as_str(), document.outcome == FileOutcome::Read))
            .collect();
        let expected = [
            ("a.eml", true),
            ("a.eml!/plan.txt", true),
            ("a.eml (2)", true),
            ("b.pdf", false),
            ("c.pdf", false),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn nothing_is_never_silent() {
        let check =
            |extracted: Extracted, expected: &str| match contents("a.pdf", Ok(extracted), &|_| Vec::new())
                .outcome
            {
                FileOutcome::Failed { reason, .. } => assert_eq!(reason, expected),
                FileOutcome::Read => panic!("it passed for read"),
            };
        check(Extracted::default(), "empty");
        let pictures = vec![Picture { page: Some(1), bytes: vec![1] }];
        check(Extracted { pictures, ..Extracted::default() }, "needs_ocr");
    }

    #[test]
    fn a_name_speaks_when_it_has_letters() {
        let check = |path: &str, expected: &str| assert_eq!(speaking(path), expected);
        check("a/contrat_de-bail.2024.pdf", "contrat de bail.2024");
        check("20240112.txt", "");
        check("LISEZMOI", "LISEZMOI");
    }
}
