//! Which passages may answer this question?

use std::collections::HashSet;

use intramuros_assistant::followup::{names_its_own, standalone};
use intramuros_assistant::prompt::Source;
use intramuros_core::access::Principal;
use intramuros_core::chat::Message;
use intramuros_core::error::Error;
use intramuros_core::language::{Language, detect};
use intramuros_core::perimeter::ATTACHED;
use intramuros_library::{
    Answered, CitedStatement, FoundDocument, FoundPassage, Library, MAX_QUERY_BYTES, SearchOptions,
};
use intramuros_store::StoredPassage;

use crate::event::Cited;

/// Longest question in bytes: two pages. A model is shown all of it.
pub const MAX_QUESTION_BYTES: usize = MAX_QUERY_BYTES;

/// Letters of a question that are searched for. 1,000: a long paragraph, whose words are more than are looked up. The vector of
/// more says little more and costs twice as much, and to look for further questions in it costs the square of its length.
const SEARCHED_LETTERS: usize = 1_000;

/// Turns of a conversation that are looked at: the rest says nothing about the next question.
pub const MAX_TURNS: usize = 40;

/// Documents that passages are taken from, and passages of each.
const DOCUMENTS: usize = 8;
const PASSAGES_OF_A_DOCUMENT: usize = 2;

/// Passages that are put to a model at most.
const MAX_PASSAGES: usize = 10;

/// Of the best passages, so many are read with what follows them.
const JOINED: usize = 3;

/// What a passage must have at most, in bytes, to be joined with the next: together they are still one place.
const JOIN_BYTES: usize = 1_500;

/// Sentences of an answer that is made of the documents', with those of attached ones before the others: a screen.
const MOST_STATEMENTS: usize = 5;

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct Asking {
    /// The question as it was typed.
    pub question: String,
    /// What was said before, oldest first.
    pub history: Vec<Message>,
    /// What the search is narrowed to.
    pub options: SearchOptions,
}

/// A passage, its language, and how well it answers.
pub type Passage = (Cited, Language, f32);

/// The passages for a question.
#[derive(Clone, Debug)]
pub struct Gathered {
    /// The question as it was typed.
    pub question: String,
    /// The question as it stands alone, with what a follow-up leans on.
    pub alone: String,
    /// The language of the answer.
    pub language: Language,
    /// What was said before, oldest first.
    pub history: Vec<Message>,
    /// Passages, best first, each with how well it answers.
    pub passages: Vec<Passage>,
    /// The answer made of sentences of the documents.
    pub extractive: Answered,
    /// What the model is to heed in the collection that was chosen.
    pub instructions: String,
    /// The model that is declared for the collection.
    pub model: Option<String>,
}

/// Searches for what may answer, with the asker's rights.
///
/// # Errors
/// When the question is empty or too long, or the library can't be read.
pub fn gather(library: &Library, principal: &Principal, asking: &Asking) -> Result<Gathered, Error> {
    let question = clean(&asking.question);
    if question.is_empty() {
        return Err(Error::user("the question is empty").hint("ask something"));
    }
    if question.len() > MAX_QUESTION_BYTES {
        return Err(Error::user(format!("the question is longer than {MAX_QUESTION_BYTES} bytes"))
            .hint("ask in a few sentences"));
    }
    let from = asking.history.len().saturating_sub(MAX_TURNS);
    let history = asking.history.get(from..).unwrap_or_default().to_vec();
    let searched = searched(&question);
    let alone = standalone(searched, &history);
    let options = SearchOptions { limit: DOCUMENTS, offset: 0, ..asking.options.clone() };
    // What a follow-up leans on was answered before: only what was typed is taken apart.
    let mut extractive = match alone == searched {
        true => library.ask(principal, searched, &options)?,
        false => library.ask_one(principal, &alone, &options)?,
    };
    let mut passages = passages_of(library, principal, &extractive.results.documents)?;
    for part in std::mem::take(&mut extractive.parts).iter().rev() {
        // By turns, the parts before the whole: each is to have its passages before the model.
        passages = interleave(passages_of(library, principal, &part.documents)?, passages);
    }
    if alone != searched {
        // Two readings of a follow-up: with what was asked before, and by itself. The model gets the best of both.
        let own = library.ask(principal, searched, &options)?;
        let its = passages_of(library, principal, &own.results.documents)?;
        // What it leans on was told of its filters before.
        extractive.results.notices.clone_from(&own.results.notices);
        if own.found && names_its_own(searched) {
            passages = interleave(its, passages);
            extractive = own;
        } else {
            passages = interleave(passages, its);
        }
    }
    if principal.conversation.is_some() {
        let its = Attached::for_question(library, principal, &alone, &options)?;
        (extractive, passages) = its.before(extractive, passages);
    }
    let language = match detect(&question) {
        Language::Other => extractive.results.query.language,
        known => known,
    };
    let collection = match &asking.options.collection {
        Some(name) => library.collection(principal, name)?,
        None => None,
    };
    let (instructions, model) = collection.map(|one| (one.instructions, one.model)).unwrap_or_default();
    Ok(Gathered { question, alone, language, history, passages, extractive, instructions, model })
}

/// What the documents that are attached to the conversation say of a question.
struct Attached {
    answered: Answered,
    passages: Vec<Passage>,
}

impl Attached {
    /// A search of them alone: beside a hundred thousand documents of the organisation they would hardly be seen, and they
    /// were attached to be asked about.
    fn for_question(
        library: &Library,
        principal: &Principal,
        question: &str,
        options: &SearchOptions,
    ) -> Result<Attached, Error> {
        let mut options = options.clone();
        options.filters.sources = vec![ATTACHED.to_owned()];
        let answered = library.ask(principal, question, &options)?;
        let passages = passages_of(library, principal, &answered.results.documents)?;
        Ok(Attached { answered, passages })
    }

    /// Before what all documents say: by turns where they answer, behind where they only come near.
    fn before(self, mut all: Answered, passages: Vec<Passage>) -> (Answered, Vec<Passage>) {
        let Attached { mut answered, passages: its } = self;
        if !answered.found {
            // Of what answers nothing, the documents of the organisation have the better right to the window.
            return (all, if its.is_empty() { passages } else { interleave(passages, its) });
        }
        let own = |statement: &CitedStatement| statement.document.source == ATTACHED;
        all.statements.retain(|statement| !own(statement));
        let room = MOST_STATEMENTS.saturating_sub(answered.statements.len());
        if all.found {
            answered.statements.extend(all.statements.into_iter().take(room));
        }
        all.statements = answered.statements;
        all.found = true;
        (all, interleave(its, passages))
    }
}

/// A question without what nobody typed.
fn clean(question: &str) -> String {
    let visible = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    question.chars().filter(visible).collect::<String>().trim().to_owned()
}

/// The beginning of a question, as far as it is searched for, with whole words.
fn searched(question: &str) -> &str {
    let Some((end, _)) = question.char_indices().nth(SEARCHED_LETTERS) else { return question };
    let beginning = question.get(..end).unwrap_or(question);
    // The last one may be cut in two.
    beginning.rsplit_once(char::is_whitespace).map_or(beginning, |(whole, _)| whole)
}

/// Passages of two searches by turns, each once, numbered and valued anew: what one search gave is not to be compared with what
/// another gave but by its place.
pub(crate) fn interleave(first: Vec<Passage>, second: Vec<Passage>) -> Vec<Passage> {
    let longest = first.len().max(second.len());
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut seen = HashSet::new();
    let mut both: Vec<Passage> = (0..longest)
        .flat_map(|_| [first.next(), second.next()])
        .flatten()
        .filter(|(cited, _, _)| seen.insert(cited.passage))
        .take(MAX_PASSAGES)
        .collect();
    for (number, (cited, _, value)) in (1..).zip(&mut both) {
        cited.number = number;
        *value = -(number as f32);
    }
    both
}

/// The best passages of what was found, with what follows the first ones.
pub(crate) fn passages_of(
    library: &Library,
    principal: &Principal,
    documents: &[FoundDocument],
) -> Result<Vec<Passage>, Error> {
    let mut best: Vec<(&FoundDocument, &FoundPassage)> = documents
        .iter()
        .flat_map(|document| {
            document.passages.iter().take(PASSAGES_OF_A_DOCUMENT).map(move |it| (document, it))
        })
        .collect();
    // By document, then by passage: a document's second passage comes after the first of the next.
    best.sort_by(|a, b| (b.0.score + b.1.score).total_cmp(&(a.0.score + a.1.score)));
    let mut taken: HashSet<(i64, u32)> = HashSet::new();
    let mut gathered = Vec::new();
    for (document, passage) in best {
        let id = document.document.id;
        if gathered.len() >= MAX_PASSAGES || !taken.insert((id.0, passage.ordinal)) {
            continue;
        }
        let mut cited = cited(gathered.len() + 1, document, passage);
        if gathered.len() < JOINED && passage.text.len() <= JOIN_BYTES {
            let next = passage.ordinal + 1;
            for follower in library.passages_around(principal, id, next..=next)? {
                if taken.insert((id.0, follower.passage.ordinal)) {
                    join(&mut cited, &follower);
                }
            }
        }
        gathered.push((cited, passage.language, document.score + passage.score));
    }
    Ok(gathered)
}

/// A passage as a model is shown it.
pub(crate) fn source((cited, language, value): &Passage) -> Source {
    Source {
        number: cited.number,
        title: cited.document.title.clone(),
        headings: cited.headings.join("\n"),
        text: cited.text.clone(),
        language: *language,
        value: *value,
    }
}

fn cited(number: usize, document: &FoundDocument, passage: &FoundPassage) -> Cited {
    Cited {
        number,
        document: document.document.clone(),
        passage: passage.id,
        headings: passage.headings.clone(),
        pages: passage.pages,
        lines: passage.lines,
        section: passage.section.clone(),
        range: passage.range.clone(),
        text: passage.text.clone(),
        joined: vec![passage.range.clone()],
    }
}

/// Adds the passage that follows.
fn join(cited: &mut Cited, follower: &StoredPassage) {
    let span = |own: Option<(u32, u32)>, its: Option<(u32, u32)>| match (own, its) {
        (Some((first, _)), Some((_, last))) => Some((first, last)),
        (own, _) => own,
    };
    cited.text.push('\n');
    cited.text.push_str(&follower.passage.text);
    cited.range.end = follower.passage.range.end;
    cited.joined.push(follower.passage.range.clone());
    cited.pages = span(cited.pages, follower.passage.pages);
    cited.lines = span(cited.lines, follower.passage.lines);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_question_is_searched_for_by_its_beginning() {
        let check = |question: &str, expected: &str| assert_eq!(searched(question), expected);
        check("Quelle est la durée du préavis ?", "Quelle est la durée du préavis ?");
        let fits = "é".repeat(SEARCHED_LETTERS);
        check(&fits, &fits);
        let words = "préavis ".repeat(1_000);
        check(words.trim(), words.get(..125 * "préavis ".len() - 1).unwrap());
        check(&format!("{fits}x"), &fits);
    }
}
