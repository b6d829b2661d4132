//! What is told while an answer comes?

use std::collections::BTreeMap;
use std::ops::Range;

use intramuros_assistant::verify::Reason;
use intramuros_inference::endpoint::Usage;
use intramuros_library::{DocumentFacts, Notice};
use intramuros_store::PassageId;
use serde::Serialize;

/// A passage that an answer may cite, with where it stands.
#[derive(Clone, Debug, Serialize)]
pub struct Cited {
    /// Its number in the answer, from 1.
    pub number: usize,
    /// The document.
    pub document: DocumentFacts,
    /// The passage; the first one where several that follow each other were joined.
    pub passage: PassageId,
    /// The headings above it.
    pub headings: Vec<String>,
    /// First and last page, from 1.
    pub pages: Option<(u32, u32)>,
    /// First and last line, from 1.
    pub lines: Option<(u32, u32)>,
    /// Sheet, chapter, cell or message.
    pub section: Option<String>,
    /// Where the text stands in the document's text, in bytes.
    pub range: Range<usize>,
    /// The text.
    pub text: String,
    /// The passages that were joined, as ranges of the document's text: in `text` they stand with a line's end between them.
    #[serde(skip)]
    pub joined: Vec<Range<usize>>,
}

impl Cited {
    /// Where a byte range of its text stands in the document's text.
    pub(crate) fn in_document(&self, inside: &Range<usize>) -> Range<usize> {
        let place = |at: usize| {
            let mut before = 0;
            for piece in &self.joined {
                if at <= before + piece.len() {
                    return piece.start + at - before;
                }
                before += piece.len() + 1;
            }
            self.range.end
        };
        place(inside.start)..place(inside.end)
    }

    /// As a place that is cited as a whole.
    pub(crate) fn whole(&self) -> Citation {
        Citation { number: self.number, pages: self.pages, lines: self.lines, range: self.range.clone() }
    }
}

/// The part of a source that supports a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Citation {
    /// The source's number.
    pub number: usize,
    /// First and last page, from 1.
    pub pages: Option<(u32, u32)>,
    /// First and last line, from 1.
    pub lines: Option<(u32, u32)>,
    /// Where it stands in the document's text, in bytes.
    pub range: Range<usize>,
}

/// The sources that are cited, in the order of their numbers, each narrowed to the stretch that holds all that is cited of it.
pub fn narrowed<'a>(sources: &[Cited], places: impl IntoIterator<Item = &'a Citation>) -> Vec<Cited> {
    let widest = |own: Option<(u32, u32)>, its: Option<(u32, u32)>| {
        own.zip(its).map(|(own, its)| (own.0.min(its.0), own.1.max(its.1)))
    };
    let mut cited: BTreeMap<usize, Citation> = BTreeMap::new();
    for place in places {
        let known = cited.entry(place.number).or_insert_with(|| place.clone());
        known.pages = widest(known.pages, place.pages);
        known.lines = widest(known.lines, place.lines);
        known.range = known.range.start.min(place.range.start)..known.range.end.max(place.range.end);
    }
    let of = |Citation { number, pages, lines, range }: Citation| {
        let source = sources.iter().find(|source| source.number == number)?;
        Some(Cited { pages, lines, range, ..source.clone() })
    };
    cited.into_values().filter_map(of).collect()
}

/// One thing that happened.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Event {
    /// The passages that the answer may cite. First; and again, with all of them, when a tool found more.
    Sources {
        /// The passages.
        sources: Vec<Cited>,
    },
    /// A model begins to write. What came before from another one is void.
    Model {
        /// Its name in `intramuros.toml`.
        name: String,
        /// The model in whose place it writes, and why that one did not.
        instead_of: Option<(String, &'static str)>,
    },
    /// The model called a tool. What it wrote before is void.
    Tool {
        /// Which one; empty where it asked for one that is not there.
        name: &'static str,
        /// Passages that it found beside those that were there.
        found: usize,
    },
    /// Sentences of the documents follow, in place of what models wrote or failed to write.
    Quoting,
    /// Text that has not been checked yet, as it comes; only where unsupported sentences are marked rather than removed.
    Draft {
        /// The text.
        text: String,
    },
    /// A sentence, checked. It takes the place of its draft.
    Sentence {
        /// The sentence.
        text: String,
        /// What of the sources supports it, each source once; empty when nothing does.
        cited: Vec<Citation>,
        /// Why it is not supported; none when it is.
        unsupported: Option<Reason>,
        /// Whether it begins a new line.
        new_line: bool,
    },
    /// The end.
    End(Ending),
}

/// How an answer ended.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Ending {
    /// Whether there is an answer. When not, the sources are the nearest passages.
    pub found: bool,
    /// The model that wrote it; none when it is made of sentences of the documents.
    pub model: Option<String>,
    /// Words of the question that none of the documents searched holds, nor a word like them; a few.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub absent: Vec<String>,
    /// What its writer should know of the filters of the question.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<Notice>,
    /// Models that failed, with what to tell the person.
    pub failed: Vec<(String, &'static str)>,
    /// Sentences that the passages support.
    pub supported: usize,
    /// Sentences that they don't.
    pub unsupported: usize,
    /// Whether the unsupported ones were removed.
    pub removed: bool,
    /// Whether the model had no tokens left.
    pub cut_short: bool,
    /// Calls of tools.
    pub calls: usize,
    /// Sentences that the model itself was asked about once more.
    pub asked_again: usize,
    /// Tokens, as the service counts them, or else by length; none where no model wrote.
    pub usage: Option<Usage>,
}

#[cfg(test)]
mod tests {
    use intramuros_core::language::Language;
    use intramuros_store::DocumentId;

    use super::*;

    fn source(number: usize, joined: &[Range<usize>]) -> Cited {
        let range = joined[0].start..joined[joined.len() - 1].end;
        let document = DocumentFacts {
            id: DocumentId(1),
            title: String::new(),
            source: String::new(),
            path: String::new(),
            link: None,
            kind: None,
            language: Language::Other,
            author: None,
            written_ms: None,
            modified_ms: 0,
            pages: None,
        };
        let passage = PassageId(1);
        let (headings, text, joined) = (Vec::new(), String::new(), joined.to_vec());
        let (pages, lines, section) = (None, Some((1, 9)), None);
        Cited { number, document, passage, headings, pages, lines, section, range, text, joined }
    }

    #[test]
    fn a_place_in_joined_passages_is_found_in_the_document() {
        // Twenty bytes, then ten that stand four bytes further in the document, and one further in the text.
        let source = source(1, &[100..120, 124..134]);
        let check = |inside: Range<usize>, expected| assert_eq!(source.in_document(&inside), expected);
        check(0..20, 100..120);
        check(5..9, 105..109);
        check(21..31, 124..134);
        check(15..26, 115..129);
        check(0..99, 100..134);
    }

    #[test]
    fn sources_are_narrowed_to_what_is_cited_of_them() {
        let sources = [1, 2, 3].map(|number| {
            source(number, &[number * 100..number * 100 + 40, number * 100 + 44..number * 100 + 90])
        });
        let place =
            |number, lines: (u32, u32), range| Citation { number, pages: None, lines: Some(lines), range };
        let places = [place(3, (4, 4), 330..340), place(1, (2, 3), 110..120), place(3, (6, 7), 360..370)];
        let found: Vec<_> =
            narrowed(&sources, &places).into_iter().map(|one| (one.number, one.lines, one.range)).collect();
        assert_eq!(found, [(1, Some((2, 3)), 110..120), (3, Some((4, 7)), 330..370)]);
    }
}
