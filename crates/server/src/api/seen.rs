//! What may this reader see now of what was said?
//!
//! An answer was written from what its asker could read then. Whoever sees it later, the asker and a model that goes on
//! from it included, sees what they may read now.

use std::collections::BTreeSet;

use intramuros_core::access::Principal;
use intramuros_library::DocumentFacts;
use intramuros_store::DocumentId;
use intramuros_store::people::Turn;
use serde_json::{Value, json};

use super::conversations::TurnView;
use crate::application::Shared;
use crate::failure::Failure;

/// Turns as somebody may see them now, with the documents that they see of.
pub(super) async fn seen_by(
    shared: &Shared,
    principal: Principal,
    turns: Vec<Turn>,
) -> Result<(Vec<TurnView>, Vec<DocumentFacts>), Failure> {
    let parsed: Vec<(Turn, Value)> = turns
        .into_iter()
        .map(|turn| {
            let shown = serde_json::from_str(&turn.shown).unwrap_or(Value::Null);
            (turn, shown)
        })
        .collect();
    let wanted: BTreeSet<i64> = parsed.iter().flat_map(|(_, shown)| documents(shown)).collect();
    let facts: Vec<DocumentFacts> = shared
        .call(move |library| {
            let mut found = Vec::new();
            for id in wanted {
                found.extend(library.document_facts(&principal, DocumentId(id))?);
            }
            Ok(found)
        })
        .await?;
    let readable: BTreeSet<i64> = facts.iter().map(|facts| facts.id.0).collect();
    // A model that goes on repeats what was said before: an answer was written from the sources of all of that, too.
    let mut all = true;
    let said = parsed
        .into_iter()
        .map(|(turn, shown)| {
            all &= reads_all(&shown, &readable);
            visible(turn, &shown, &readable, all)
        })
        .collect();
    Ok((said, facts))
}

/// What may be read of an answer, in a line.
pub(super) fn text_of(turn: &TurnView) -> String {
    let texts = turn.sentences.iter().filter_map(|sentence| sentence.get("text")?.as_str());
    texts.collect::<Vec<_>>().join(" ")
}

pub(super) fn list<'a>(shown: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    shown.get(name).and_then(Value::as_array).into_iter().flatten()
}

pub(super) fn document_of(citation: &Value) -> Option<i64> {
    citation.get("document")?.get("id")?.as_i64()
}

fn documents(shown: &Value) -> Vec<i64> {
    list(shown, "citations").filter_map(document_of).collect()
}

/// Whether every passage may be read that an answer was given. What can't be understood counts as hidden.
fn reads_all(shown: &Value, readable: &BTreeSet<i64>) -> bool {
    let may = |citation: &Value| document_of(citation).is_some_and(|id| readable.contains(&id));
    shown.get("citations").and_then(Value::as_array).is_some_and(|citations| citations.iter().all(may))
}

/// What of an answer may be read: the citations of readable documents, and the sentences that these support. A sentence that
/// nothing supports may come from anywhere: it is shown only to who may read `all` that this answer and those before it
/// were written from. So is how the answer ended, which counts what was found and says which words stand nowhere.
pub(super) fn visible(turn: Turn, shown: &Value, readable: &BTreeSet<i64>, all: bool) -> TurnView {
    let may = |citation: &Value| document_of(citation).is_some_and(|id| readable.contains(&id));
    let numbers: BTreeSet<u64> = list(shown, "citations")
        .filter(|citation| may(citation))
        .filter_map(|citation| citation.get("number")?.as_u64())
        .collect();
    let clear = |sentence: &Value| {
        let mut cited = list(sentence, "cited").peekable();
        let doubted = sentence.get("unsupported").is_some_and(|reason| !reason.is_null());
        let from_anywhere = doubted || cited.peek().is_none();
        (all || !from_anywhere)
            && cited.all(|number| number.as_u64().is_some_and(|number| numbers.contains(&number)))
    };
    let sentences = list(shown, "sentences")
        .map(
            |sentence| {
                if clear(sentence) { sentence.clone() } else { json!({"withheld": true, "new_line": true}) }
            },
        )
        .collect();
    TurnView {
        number: turn.number,
        question: turn.question,
        citations: list(shown, "citations").filter(|citation| may(citation)).cloned().collect(),
        sentences,
        end: shown.get("end").filter(|_| all).cloned().unwrap_or_else(|| json!({})),
        asked_ms: turn.asked_ms,
        rating: turn.rating,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn turn() -> Turn {
        let (question, answer, shown) = ("Q ?".to_owned(), String::new(), String::new());
        Turn { number: 1, question, answer, shown, asked_ms: 5, rating: 0 }
    }

    pub(crate) fn shown() -> Value {
        let citation = |number: u64, id: i64| json!({"number": number, "passage": 9, "document": {"id": id, "title": "T"}});
        let sentence = |text: &str, cited: &[u64]| json!({"text": text, "cited": cited, "unsupported": null, "new_line": true});
        json!({
            "citations": [citation(1, 10), citation(2, 20)],
            "sentences": [sentence("a", &[1]), sentence("b", &[2]), sentence("c", &[1, 2]), sentence("d", &[])],
            "end": {"found": true},
        })
    }

    #[test]
    fn of_an_answer_nothing_is_seen_that_may_not_be_read_now() {
        let check = |readable: &[i64], expected: &[Option<&str>], citations: usize| {
            let readable: BTreeSet<i64> = readable.iter().copied().collect();
            let all = reads_all(&shown(), &readable);
            let seen = visible(turn(), &shown(), &readable, all);
            assert_eq!(seen.end == json!({"found": true}), all, "{}", seen.end);
            let texts: Vec<Option<&str>> =
                seen.sentences.iter().map(|one| one.get("text")?.as_str()).collect();
            assert_eq!(texts, expected);
            assert_eq!(seen.citations.len(), citations);
        };
        check(&[10, 20], &[Some("a"), Some("b"), Some("c"), Some("d")], 2);
        check(&[10], &[Some("a"), None, None, None], 1);
        check(&[20], &[None, Some("b"), None, None], 1);
        check(&[], &[None, None, None, None], 0);
        let seen = visible(turn(), &shown(), &[10].into(), false);
        assert_eq!(text_of(&seen), "a");
        // What can't be understood shows nothing, and nothing that may come from it.
        assert!(visible(turn(), &Value::Null, &BTreeSet::new(), true).sentences.is_empty());
        for wrong in [Value::Null, json!({"citations": null}), json!({"citations": [{"number": 1}]})] {
            assert!(!reads_all(&wrong, &[10, 20].into()), "{wrong}");
        }
        assert!(reads_all(&json!({"citations": []}), &BTreeSet::new()));
    }

    #[test]
    fn what_nothing_supports_needs_all_that_was_read_before() {
        let texts = |shown: &Value, all: bool| -> Vec<Option<String>> {
            let seen = visible(turn(), shown, &[10, 20].into(), all);
            seen.sentences.iter().map(|one| Some(one.get("text")?.as_str()?.to_owned())).collect()
        };
        let some = |texts: &[&str]| texts.iter().map(|text| Some((*text).to_owned())).collect::<Vec<_>>();
        assert_eq!(texts(&shown(), true), some(&["a", "b", "c", "d"]));
        // Its own sources may all be read; those of an answer before it may not.
        assert_eq!(texts(&shown(), false), [some(&["a", "b", "c"]), vec![None]].concat());
        let mut doubted = shown();
        doubted["sentences"][0]["unsupported"] = json!({"kind": "number"});
        assert_eq!(texts(&doubted, false), [vec![None], some(&["b", "c"]), vec![None]].concat());
        assert_eq!(visible(turn(), &shown(), &[10, 20].into(), false).end, json!({}));
    }
}
