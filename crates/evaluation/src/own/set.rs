//! Which questions, with which right answers, asked as whom?

use std::collections::BTreeMap;

use intramuros_core::error::Error;
use serde::{Deserialize, Serialize};

/// Questions of one set. 5,000: days of a small model.
pub const MAX_QUESTIONS: usize = 5_000;

/// Bytes of a file of questions.
const MAX_BYTES: usize = 16 << 20;

/// A question with what is right.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnQuestion {
    /// The question.
    pub question: String,
    /// What a right answer says, in the words of the documents. With neither this nor sources, nothing in the documents
    /// answers and a refusal is right.
    #[serde(default)]
    pub answer: Option<String>,
    /// Documents that answer: paths, or their ends.
    #[serde(default)]
    pub sources: Vec<String>,
    /// As whom it is asked: `anne,rh`; the owner when not given.
    #[serde(default, rename = "as")]
    pub asker: Option<String>,
    /// The collection that is asked.
    #[serde(default)]
    pub collection: Option<String>,
}

impl OwnQuestion {
    /// Whether the documents answer it.
    pub fn is_answerable(&self) -> bool {
        self.answer.is_some() || !self.sources.is_empty()
    }
}

/// A set of questions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnSet {
    /// In the order of the file.
    pub questions: Vec<OwnQuestion>,
}

impl OwnSet {
    /// Reads YAML (a list of questions) or, for a name that ends in `.csv`, CSV with a line of names; several sources of
    /// a CSV field are separated by `|`.
    ///
    /// # Errors
    /// When it is neither, with the line.
    pub fn parse(name: &str, text: &str) -> Result<OwnSet, Error> {
        if text.len() > MAX_BYTES {
            return Err(Error::user(format!(
                "{name} has {} bytes; at most {MAX_BYTES} are read",
                text.len()
            )));
        }
        let questions =
            if name.to_lowercase().ends_with(".csv") { csv(name, text)? } else { yaml(name, text)? };
        if questions.is_empty() {
            return Err(Error::user(format!("{name} holds no question")).hint(
                "- question: How long are invoices kept?\n  answer: ten years\n  sources: [archives.md]",
            ));
        }
        if questions.len() > MAX_QUESTIONS {
            return Err(Error::user(format!("{name} holds more than {MAX_QUESTIONS} questions")));
        }
        let wrong = |number: usize, what: &str| Err(Error::user(format!("{name}: question {number} {what}")));
        for (number, one) in (1..).zip(&questions) {
            if one.question.trim().is_empty() {
                return wrong(number, "is empty");
            }
            if one.answer.as_ref().is_some_and(|answer| answer.trim().is_empty()) {
                return wrong(number, "has an empty answer: leave `answer` out where nothing answers");
            }
        }
        Ok(OwnSet { questions })
    }
}

fn yaml(name: &str, text: &str) -> Result<Vec<OwnQuestion>, Error> {
    serde_saphyr::from_str(text).map_err(|error| {
        Error::user(format!("{name} is not a list of questions"))
            .because(error.to_string())
            .hint("each has `question`, and may have `answer`, `sources`, `as`, `collection`")
    })
}

fn csv(name: &str, text: &str) -> Result<Vec<OwnQuestion>, Error> {
    let wrong = |error: csv::Error| {
        Error::user(format!("{name} is not a table of questions")).because(error.to_string())
    };
    let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(text.as_bytes());
    let known = ["question", "answer", "sources", "as", "collection"];
    let names = reader.headers().map_err(wrong)?.clone();
    if let Some(unknown) = names.iter().find(|name| !known.contains(&name.trim())) {
        return Err(Error::user(format!("{name}: there is no column `{unknown}`"))
            .hint(format!("the columns are {}", known.join(", "))));
    }
    let mut questions = Vec::new();
    for row in reader.records() {
        let row = row.map_err(wrong)?;
        let fields: BTreeMap<&str, &str> =
            names.iter().map(str::trim).zip(row.iter().map(str::trim)).collect();
        let field =
            |name: &str| fields.get(name).filter(|text| !text.is_empty()).map(|text| (*text).to_owned());
        let sources = field("sources").unwrap_or_default();
        questions.push(OwnQuestion {
            question: field("question").unwrap_or_default(),
            answer: field("answer"),
            sources: sources
                .split('|')
                .map(str::trim)
                .filter(|one| !one.is_empty())
                .map(str::to_owned)
                .collect(),
            asker: field("as"),
            collection: field("collection"),
        });
    }
    Ok(questions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_and_csv_say_the_same_and_mistakes_are_named() {
        let yaml = "- question: Combien ?\n  answer: dix ans\n  sources: [a.md, b/c.pdf]\n  as: anne,rh\n\
            - question: \"Who won: the cup?\"\n";
        let csv = "question,answer,sources,as\nCombien ?,dix ans,a.md | b/c.pdf,\"anne,rh\"\nWho won: the cup?,,,\n";
        let set = OwnSet::parse("q.yaml", yaml).unwrap();
        assert_eq!(set, OwnSet::parse("q.CSV", csv).unwrap());
        assert_eq!(set.questions[0].sources, ["a.md", "b/c.pdf"]);
        assert!(set.questions[0].is_answerable() && !set.questions[1].is_answerable());
        let check = |name: &str, text: &str| assert!(OwnSet::parse(name, text).is_err(), "{text}");
        check("q.yaml", "");
        check("q.yaml", "question: x");
        check("q.yaml", "- question: x\n  answr: y\n");
        check("q.yaml", "- question: \"\"\n");
        check("q.csv", "question,answr\nx,y\n");
        check("q.csv", "question,answer\nx\n");
    }
}
