//! What stands in a test set?

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use intramuros_core::error::Error;
use serde::Deserialize;

/// Longest line of a set's files in bytes: a document with its title.
const MAX_LINE_BYTES: u64 = 16 << 20;

/// A document of the corpus.
#[derive(Clone, Debug, Deserialize)]
pub struct CorpusDocument {
    /// Its identifier in the judgements.
    #[serde(rename = "_id")]
    pub id: String,
    /// Its title; may be empty.
    #[serde(default)]
    pub title: String,
    /// Its text: Markdown where it has Markdown headings, plain otherwise.
    pub text: String,
}

/// A question with what is known of its answer.
#[derive(Clone, Debug, Deserialize)]
pub struct Question {
    /// Its identifier in the judgements.
    #[serde(rename = "_id")]
    pub id: String,
    /// The question.
    pub text: String,
    /// Right answers, as texts; empty where the set has none.
    #[serde(default)]
    pub answers: Vec<String>,
}

/// A test set in memory.
#[derive(Clone, Debug)]
pub struct TestSet {
    /// The folder's name.
    pub name: String,
    /// Its documents.
    pub corpus: Vec<CorpusDocument>,
    /// Its questions; those without judgement are left out.
    pub questions: Vec<Question>,
    /// Relevance (0 and up) by question and document.
    pub judgements: HashMap<String, HashMap<String, u32>>,
}

impl TestSet {
    /// Reads a folder with `corpus.jsonl`, `queries.jsonl` and `qrels.tsv` (also `qrels/test.tsv`).
    ///
    /// # Errors
    /// When a file is missing or a line is not as it should be; the error names the file and the line.
    pub fn read(folder: &Path) -> Result<TestSet, Error> {
        let judgements_file =
            ["qrels.tsv", "qrels/test.tsv"].iter().map(|name| folder.join(name)).find(|file| file.exists());
        let judgements_file = judgements_file.ok_or_else(|| {
            Error::user(format!("{}: no qrels.tsv", folder.display()))
                .hint("give a folder with corpus.jsonl, queries.jsonl and qrels.tsv (the BEIR layout)")
        })?;
        let judgements = read_judgements(&judgements_file)?;
        let corpus = read_lines(&folder.join("corpus.jsonl"))?;
        let mut questions: Vec<Question> = read_lines(&folder.join("queries.jsonl"))?;
        questions.retain(|question| judgements.contains_key(&question.id));
        let name =
            folder.file_name().map_or_else(|| "set".to_owned(), |name| name.to_string_lossy().into_owned());
        Ok(TestSet { name, corpus, questions, judgements })
    }
}

fn lines(path: &Path) -> Result<impl Iterator<Item = Result<(usize, String), Error>>, Error> {
    let failed =
        |error: std::io::Error| Error::user(format!("{}: can't be read", path.display())).because(error);
    let file = File::open(path).map_err(failed)?;
    let path = path.to_owned();
    Ok(BufReader::new(std::io::Read::take(file, u64::MAX)).lines().enumerate().map(move |(index, line)| {
        let line = line.map_err(|error| {
            Error::user(format!("{}:{}: not UTF-8 text", path.display(), index + 1)).because(error)
        })?;
        if line.len() as u64 > MAX_LINE_BYTES {
            return Err(Error::user(format!(
                "{}:{}: longer than {MAX_LINE_BYTES} bytes",
                path.display(),
                index + 1
            )));
        }
        Ok((index + 1, line))
    }))
}

fn read_lines<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Vec<T>, Error> {
    let mut items = Vec::new();
    for line in lines(path)? {
        let (number, line) = line?;
        if line.trim().is_empty() {
            continue;
        }
        let item = serde_json::from_str(&line).map_err(|error| {
            Error::user(format!("{}:{number}: not the JSON object expected", path.display())).because(error)
        })?;
        items.push(item);
    }
    Ok(items)
}

fn read_judgements(path: &Path) -> Result<HashMap<String, HashMap<String, u32>>, Error> {
    let mut judgements: HashMap<String, HashMap<String, u32>> = HashMap::new();
    for line in lines(path)? {
        let (number, line) = line?;
        let fields: Vec<&str> = line.split('\t').map(str::trim).collect();
        match fields.as_slice() {
            [question, document, relevance] => match relevance.parse::<u32>() {
                Ok(relevance) => {
                    judgements
                        .entry((*question).to_owned())
                        .or_default()
                        .insert((*document).to_owned(), relevance);
                }
                // The first line may hold the column names.
                Err(_) if number == 1 => {}
                Err(_) => {
                    return Err(Error::user(format!(
                        "{}:{number}: the relevance is not a number from 0 on",
                        path.display()
                    )));
                }
            },
            [""] | [] => {}
            _ => {
                return Err(Error::user(format!(
                    "{}:{number}: not three columns with tabs between",
                    path.display()
                ))
                .hint("each line is: question, document, relevance"));
            }
        }
    }
    Ok(judgements)
}
