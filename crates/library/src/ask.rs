//! What do the documents that this principal may read answer?

use std::cell::OnceCell;
use std::ops::Range;

use intramuros_assistant::decisive;
use intramuros_assistant::parts::parts;
use intramuros_assistant::respelling::respelt;
use intramuros_assistant::{Asked, Candidate, Excerpt, MAX_CANDIDATES, Statement, answer};
use intramuros_core::access::Principal;
use intramuros_core::error::Error;
use intramuros_core::language::Language;
use intramuros_store::{PassageId, StoredPassage};
use serde::Serialize;

use crate::library::Library;
use crate::notices::without_meaning;
use crate::query::{DocumentFacts, FoundDocument, FoundPassage, Results, SearchOptions, vector_of};
use crate::standing::{Bodies, Standing};

/// Sentences of an answer to a question that asks several things: as many as of any, and one more for each further part.
const MOST_FUSED: usize = 6;

/// An answer made of sentences of the documents, with where each stands.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Answered {
    /// Whether something supports an answer. When not, there are no statements and `results` holds the nearest
    /// documents.
    pub found: bool,
    /// The quotations, those of the best document first.
    pub statements: Vec<CitedStatement>,
    /// The results of the search that the answer is made from.
    pub results: Results,
    /// Where the question asks several things ([`parts`]): what each of them found by itself.
    #[serde(skip)]
    pub parts: Vec<Results>,
}

/// A quotation with where it stands, as a reader of the document would say it.
#[derive(Clone, Debug, Serialize)]
pub struct CitedStatement {
    /// The sentences, exactly as they stand.
    pub text: String,
    /// The document.
    pub document: DocumentFacts,
    /// The passage.
    pub passage: PassageId,
    /// The headings above the sentences, outermost first.
    pub headings: Vec<String>,
    /// First and last page of the sentences, from 1.
    pub pages: Option<(u32, u32)>,
    /// Lines of the sentences in the original file, from 1.
    pub lines: Option<(u32, u32)>,
    /// Sheet, chapter, cell or message.
    pub section: Option<String>,
    /// Where the sentences stand in the document's text, in bytes.
    pub range: Range<usize>,
}

impl Library {
    /// Answers a question with sentences of the documents that the principal may read. One that asks several things is put as
    /// a whole and in its parts, and answered by each of them in turn.
    ///
    /// # Errors
    /// As [`Library::search`].
    pub fn ask(
        &self,
        principal: &Principal,
        question: &str,
        options: &SearchOptions,
    ) -> Result<Answered, Error> {
        let whole = self.ask_respelt(principal, question, options)?;
        let query = &whole.results.query;
        // What the question narrows itself to stands in one of its parts only.
        if query.narrows() || !query.phrases.is_empty() {
            return Ok(self.told(whole));
        }
        let parts = parts(question);
        let parts = parts.iter().map(|part| self.ask_respelt(principal, part, options));
        Ok(self.told(fuse(whole, parts.collect::<Result<_, _>>()?)))
    }

    /// Answers a question as one, whatever it asks. One that nothing answers is asked once more as the documents spell its
    /// words, where they spell them in another way.
    ///
    /// # Errors
    /// As [`Library::search`].
    pub fn ask_one(
        &self,
        principal: &Principal,
        question: &str,
        options: &SearchOptions,
    ) -> Result<Answered, Error> {
        Ok(self.told(self.ask_respelt(principal, question, options)?))
    }

    fn ask_respelt(
        &self,
        principal: &Principal,
        question: &str,
        options: &SearchOptions,
    ) -> Result<Answered, Error> {
        let written = self.ask_as_written(principal, question, options)?;
        let spelt = if written.found { None } else { spelt(question, &written.results) };
        let Some(spelt) = spelt else { return Ok(written) };
        let mut again = self.ask_as_written(principal, &spelt, options)?;
        if !again.found {
            return Ok(written);
        }
        again.results.suggestion = written.results.suggestion;
        again.results.notices = written.results.notices;
        Ok(again)
    }

    fn ask_as_written(
        &self,
        principal: &Principal,
        question: &str,
        options: &SearchOptions,
    ) -> Result<Answered, Error> {
        let results = self.search(principal, question, options)?;
        let mut excerpts: Vec<StoredPassage> = Vec::new();
        let mut candidates = Vec::new();
        for found in results.documents.iter().take(MAX_CANDIDATES) {
            let opening = self.passages_around(principal, found.document.id, 0..=0)?;
            let candidate = candidate(found, opening.first(), results.query.language);
            // Where it is not known what is near, words alone say whether something answers.
            let known =
                |one: Candidate| Candidate { meaning: one.meaning.filter(|_| results.calibrated), ..one };
            candidates.extend(candidate.map(known));
            excerpts.extend(opening);
        }
        // Asked of up to three documents: the question's vector is computed once.
        let vector = OnceCell::new();
        let nearness = |texts: &[&str]| {
            let vector = vector.get_or_init(|| self.question_vector(&results.query.text));
            self.nearness_to_vector(vector.as_deref()?, texts)
        };
        let asked = Asked { terms: &results.terms, background: results.background, nearness: &nearness };
        let mut answer = answer(&asked, &candidates);
        if answer.found && self.turns_on_absent(&results) {
            answer = answer.refused();
        }
        let cite = |statement: &Statement| cite(statement, &results, &excerpts);
        let mut statements: Vec<CitedStatement> = answer.statements.iter().filter_map(cite).collect();
        // A passage runs over lines and may run over a page's end; a reader wants those of the sentences.
        let mut bodies = Bodies::default();
        for CitedStatement { document, range, headings, pages, lines, .. } in &mut statements {
            let passage = Standing { pages: *pages, lines: *lines };
            let own = self.standing(&mut bodies, document.id, range, passage)?;
            (*pages, *lines) = (own.pages, own.lines);
            if let Some(own) = self.headings(&mut bodies, document.id, range.start)? {
                *headings = own;
            }
        }
        let found = answer.found && !statements.is_empty();
        Ok(Answered { found, statements, results, parts: Vec::new() })
    }
}

impl Library {
    /// An answer; where there is none, with a word about documents whose nearness the model has not told yet, though there is
    /// one.
    fn told(&self, mut asked: Answered) -> Answered {
        let is_unknown = |found: &FoundDocument| {
            !found.passages.is_empty() && found.passages.iter().all(|passage| passage.meaning.is_none())
        };
        let Results { documents, calibrated, notices, .. } = &mut asked.results;
        let expected = !asked.found && *calibrated && self.shared.models.serving().is_some();
        if expected && documents.iter().take(MAX_CANDIDATES).any(is_unknown) {
            notices.push(without_meaning());
        }
        asked
    }

    /// Whether the question turns on words that stand nowhere (see [`decisive`]). Of a model of which it is not known what
    /// is near nothing is known here either.
    fn turns_on_absent(&self, results: &Results) -> bool {
        if results.absent.is_empty() || !results.calibrated {
            return false;
        }
        let nearest = |found: &FoundDocument| {
            let passages = found.passages.iter().map(|passage| (passage.id.0 as u64, passage.meaning));
            decisive::nearest(found.document.id.0 as u64, passages)
        };
        let best = results.documents.iter().take(MAX_CANDIDATES).filter_map(nearest);
        let near = |rest: &str, passages: &[(u64, u64)]| {
            let vector = vector_of(&*self.shared.model_for(&results.query)?, rest)?;
            Some(self.shared.derived.index().nearness(&vector, passages))
        };
        decisive::turns_on(&results.query.text, &results.absent, best, near)
    }
}

/// The question with its typing errors mended and its accents as the passages found have them; none where that changes nothing.
fn spelt(question: &str, results: &Results) -> Option<String> {
    // A suggestion has lost the quotation marks: words that were asked for exactly are not looked for in another way.
    if !results.query.phrases.is_empty() {
        return None;
    }
    let passages = results.documents.iter().take(MAX_CANDIDATES).flat_map(|found| &found.passages);
    let texts: Vec<&str> = passages.map(|passage| passage.text.as_str()).collect();
    let suggestion = results.suggestion.as_deref().filter(|mended| !mends_a_name(question, mended, &texts));
    let mended = suggestion.unwrap_or(question);
    let spelt = respelt(mended, &texts).unwrap_or_else(|| mended.to_owned());
    (spelt != question).then_some(spelt)
}

/// Whether a word is mended that looks like a name and stands in the passages as it was written: what is said of Dupont answers
/// nothing that was asked of Dupond.
fn mends_a_name(question: &str, mended: &str, texts: &[&str]) -> bool {
    let mended = mended.to_lowercase();
    let words = question.split_whitespace().skip(1);
    words
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()))
        .filter(|word| word.chars().next().is_some_and(char::is_uppercase))
        .any(|word| !mended.contains(&word.to_lowercase()) && texts.iter().any(|text| text.contains(word)))
}

/// The whole with its parts: their sentences by turns, each once, and behind them those of the whole where a part found none.
fn fuse(mut whole: Answered, parts: Vec<Answered>) -> Answered {
    if parts.iter().any(|part| part.found) {
        let all = parts.iter().all(|part| part.found);
        let found =
            parts.iter().filter(|part| part.found).chain(Some(&whole).filter(|whole| whole.found && !all));
        let said: Vec<&[CitedStatement]> = found.map(|one| one.statements.as_slice()).collect();
        let longest = said.iter().map(|one| one.len()).max().unwrap_or(0);
        let mut fused: Vec<CitedStatement> = Vec::new();
        for statement in (0..longest).flat_map(|turn| said.iter().filter_map(move |one| one.get(turn))) {
            let same = |own: &CitedStatement| {
                own.document.id == statement.document.id
                    && own.range.start < statement.range.end
                    && statement.range.start < own.range.end
            };
            if fused.len() < MOST_FUSED && !fused.iter().any(same) {
                fused.push(statement.clone());
            }
        }
        whole.statements = fused;
        whole.found = true;
    }
    whole.parts = parts.into_iter().map(|part| part.results).collect();
    whole
}

fn candidate(found: &FoundDocument, opening: Option<&StoredPassage>, asked: Language) -> Option<Candidate> {
    let mut passages: Vec<&FoundPassage> = found.passages.iter().collect();
    passages.sort_by(|a, b| b.score.total_cmp(&a.score));
    let (best, others) = passages.split_first()?;
    let opening = opening.filter(|opening| opening.id != best.id).map(|stored| Excerpt {
        passage: stored.id.0 as u64,
        text: stored.passage.text.clone(),
        headings: stored.passage.headings.join("\n"),
        language: stored.passage.language,
        meaning: found
            .passages
            .iter()
            .find(|passage| passage.id == stored.id)
            .and_then(|passage| passage.meaning),
    });
    Some(Candidate {
        document: found.document.id.0 as u64,
        title: found.document.title.clone(),
        best: excerpt(best),
        others: others.iter().map(|passage| excerpt(passage)).collect(),
        opening,
        crosses_languages: asked.differs(best.language),
        meaning: found.passages.iter().filter_map(|passage| passage.meaning).max_by(f32::total_cmp),
    })
}

fn excerpt(found: &FoundPassage) -> Excerpt {
    Excerpt {
        passage: found.id.0 as u64,
        text: found.text.clone(),
        headings: found.headings.join("\n"),
        language: found.language,
        meaning: found.meaning,
    }
}

/// Where a statement stands: in a passage of the results, or in an opening that was fetched for it. Its pages and lines
/// are those of the passage.
fn cite(statement: &Statement, results: &Results, excerpts: &[StoredPassage]) -> Option<CitedStatement> {
    let id = PassageId(statement.passage as i64);
    let found = results.documents.iter().find(|found| found.document.id.0 as u64 == statement.document)?;
    let in_results = found.passages.iter().find(|passage| passage.id == id).map(Origin::of_found);
    let origin =
        in_results.or_else(|| excerpts.iter().find(|stored| stored.id == id).map(Origin::of_stored))?;
    Some(CitedStatement {
        text: statement.text.clone(),
        document: found.document.clone(),
        passage: id,
        headings: origin.headings.to_vec(),
        pages: origin.pages,
        lines: origin.lines,
        section: origin.section.cloned(),
        range: origin.start + statement.range.start..origin.start + statement.range.end,
    })
}

/// The place of a passage, from wherever it was fetched.
struct Origin<'a> {
    headings: &'a [String],
    pages: Option<(u32, u32)>,
    lines: Option<(u32, u32)>,
    section: Option<&'a String>,
    start: usize,
}

impl<'a> Origin<'a> {
    fn of_found(passage: &'a FoundPassage) -> Origin<'a> {
        Origin {
            headings: &passage.headings,
            pages: passage.pages,
            lines: passage.lines,
            section: passage.section.as_ref(),
            start: passage.range.start,
        }
    }

    fn of_stored(stored: &'a StoredPassage) -> Origin<'a> {
        let passage = &stored.passage;
        Origin {
            headings: &passage.headings,
            pages: passage.pages,
            lines: passage.lines,
            section: passage.section.as_ref(),
            start: passage.range.start,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_stands_there_is_not_asked_for_as_another_one() {
        let check = |question: &str, mended: &str, expected: bool| {
            assert_eq!(mends_a_name(question, mended, &["Mme Dupond habite ici.", "M. Dupont"]), expected);
        };
        check("Où habite Mme Dupond ?", "où habite mme dupont", true);
        check("Où habite Mme Dupomd ?", "où habite mme dupont", false);
        check("Où habitte Mme Dupond ?", "où habite mme dupond", false);
        check("où habite dupond", "où habite dupont", false);
    }
}
