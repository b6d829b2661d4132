//! What is told while an answer comes?

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
        /// Numbers of the passages that support it; empty when nothing does.
        cited: Vec<usize>,
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
    /// Tokens, where the service says.
    pub usage: Option<Usage>,
}
