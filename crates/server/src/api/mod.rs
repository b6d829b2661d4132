//! What does each address of the API answer?
//!
//! One module for each address: the handler first, then what it answers with. Values that several answers share stand
//! here.

pub mod account;
pub mod admin;
pub mod answer;
pub mod ask;
pub mod attachments;
pub mod collections;
pub mod conversations;
pub mod documents;
pub mod events;
pub mod failures;
pub mod folders;
pub mod keeping;
pub mod openapi;
pub mod original;
pub mod pages;
pub mod perimeter;
pub mod search;
mod seen;
pub mod status;
pub mod uploads;

use std::ops::Range;

use axum::body::Bytes;
use intramuros_library::DocumentFacts;
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use crate::failure::Failure;

/// What is known of a document.
#[derive(Serialize, ToSchema)]
pub(crate) struct DocumentHead {
    /// Its number; never given to another document.
    pub id: i64,
    /// The title to show.
    pub title: String,
    /// The source it comes from.
    pub source: String,
    /// Its path in the source; what stands inside a container follows `!/`.
    pub path: String,
    /// What kind of file: `pdf`, `word`, `slides`, `sheet`, `html`, `markdown`, `text`, `data`, `book`, `mail`,
    /// `chat`, `notebook`, `code`, `image`, `archive`.
    #[schema(value_type = Option<String>)]
    pub kind: Option<&'static str>,
    /// The language of most of it: `fr`, `en`, `other`.
    #[schema(value_type = String)]
    pub language: &'static str,
    /// Who wrote it, as the file says.
    pub author: Option<String>,
    /// When it was written or, failing that, changed; milliseconds since 1970.
    pub date_ms: i64,
    /// Pages, slides or sheets.
    pub pages: Option<u32>,
    /// Where its file can be looked at outside; none for files of this machine.
    pub link: Option<String>,
}

impl From<DocumentFacts> for DocumentHead {
    fn from(facts: DocumentFacts) -> DocumentHead {
        DocumentHead {
            id: facts.id.0,
            title: facts.title,
            source: facts.source,
            path: facts.path,
            kind: facts.kind.map(|kind| kind.word()),
            language: facts.language.code(),
            author: facts.author,
            date_ms: facts.written_ms.unwrap_or(facts.modified_ms),
            pages: facts.pages,
            link: facts.link,
        }
    }
}

/// Where something stands in a document, in the words of its reader.
#[derive(Serialize, ToSchema)]
pub(crate) struct Standing {
    /// The headings above it, outermost first.
    pub headings: Vec<String>,
    /// First and last page, from 1.
    pub pages: Option<[u32; 2]>,
    /// First and last line of the file, from 1.
    pub lines: Option<[u32; 2]>,
    /// Sheet, chapter, cell or message.
    pub section: Option<String>,
    /// First byte in the document's text.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

/// A piece of text, marked or not. Pieces joined give the text, so that nobody counts bytes or code units.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Piece {
    /// The text.
    pub text: String,
    /// Whether it is marked.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    pub mark: bool,
    /// What it is in a piece of code: `comment`, `string`, `number`, `constant`, `keyword`, `function`, `type`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub class: Option<&'static str>,
}

/// The JSON of a small form.
pub(crate) fn form<T: DeserializeOwned>(body: &Bytes) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| {
        // Its own words could repeat what was sent.
        let (line, column) = (error.line(), error.column());
        Failure::bad_request(format!("the body is not the JSON expected (line {line}, column {column})"))
    })
}

/// A number in an address.
pub(crate) fn number(text: &str) -> Result<i64, Failure> {
    text.parse().map_err(|_| Failure::not_found())
}

/// A value with how many documents have it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Count {
    /// The value.
    pub value: String,
    /// Documents.
    pub count: u64,
}

/// `within` of a text, cut into pieces at the marks; both in bytes of the text. Marks are in order.
pub(crate) fn pieces(text: &str, within: Range<usize>, marks: &[Range<usize>]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut push = |range: Range<usize>, mark: bool| {
        if let Some(text) = text.get(range).filter(|text| !text.is_empty()) {
            pieces.push(Piece { text: text.to_owned(), mark, class: None });
        }
    };
    let mut at = within.start;
    for mark in marks {
        let (start, end) = (mark.start.clamp(at, within.end), mark.end.min(within.end));
        if start < end {
            push(at..start, false);
            push(start..end, true);
            at = end;
        }
    }
    push(at..within.end, false);
    pieces
}

/// The pieces of some code: cut where its colours begin and end, too. Both lists are in order.
pub(crate) fn coloured(
    code: &str,
    marks: &[Range<usize>],
    colours: &[(Range<usize>, &'static str)],
) -> Vec<Piece> {
    let mut found = Vec::new();
    let mut at = 0;
    let parts = colours.iter().flat_map(|(range, class)| [(range.start, None), (range.end, Some(*class))]);
    for (end, class) in parts.chain([(code.len(), None)]) {
        let cut = pieces(code, at..end, marks);
        found.extend(cut.into_iter().map(|piece| Piece { class, ..piece }));
        at = end;
    }
    found
}

fn pair(range: Option<(u32, u32)>) -> Option<[u32; 2]> {
    range.map(|(first, last)| [first, last])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::single_range_in_vec_init, reason = "one mark is a list of one range")]
    fn pieces_joined_are_the_text() {
        let text = "La durée de conservation";
        let check = |within: Range<usize>, marks: &[Range<usize>], expected: &[(&str, bool)]| {
            let found = pieces(text, within, marks);
            let found: Vec<(&str, bool)> =
                found.iter().map(|piece| (piece.text.as_str(), piece.mark)).collect();
            assert_eq!(found, expected);
        };
        check(0..text.len(), &[3..9], &[("La ", false), ("durée", true), (" de conservation", false)]);
        check(3..9, &[3..9], &[("durée", true)]);
        check(0..2, &[3..9], &[("La", false)]);
        check(0..5, &[3..9], &[("La ", false), ("du", true)]);
        check(0..0, &[], &[]);
    }

    #[test]
    #[expect(clippy::single_range_in_vec_init, reason = "one mark is a list of one range")]
    fn colours_cut_marks_and_marks_cut_colours() {
        let found = coloured("return 10;", &[4..8], &[(0..6, "keyword"), (7..9, "number")]);
        let found: Vec<_> =
            found.iter().map(|piece| (piece.text.as_str(), piece.mark, piece.class)).collect();
        let (keyword, number) = (Some("keyword"), Some("number"));
        let expected = [
            ("retu", false, keyword),
            ("rn", true, keyword),
            (" ", true, None),
            ("1", true, number),
            ("0", false, number),
            (";", false, None),
        ];
        assert_eq!(found, expected);
    }
}
