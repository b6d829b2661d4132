//! What is the answer to this question, and what supports it?

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::State;
use intramuros_library::{Answered, CitedStatement};
use serde::Serialize;
use utoipa::ToSchema;

use super::search::{Asked, NoticeView, ResultView, SearchParameters, options};
use super::{DocumentHead, Standing, pair};
use crate::application::Shared;
use crate::failure::{Failure, FailureBody};
use crate::guard::Asker;
use crate::pace;
use crate::parameters::Parameters;
use crate::record;

/// Documents shown when nothing answers.
const NEAREST: usize = 3;

/// An answer made of sentences of the documents, or the nearest documents when nothing answers.
#[derive(Serialize, ToSchema)]
pub(crate) struct AskAnswer {
    /// Whether something supports an answer.
    pub found: bool,
    /// The sentences, each with the number of its citation.
    pub statements: Vec<StatementView>,
    /// Where the sentences stand.
    pub citations: Vec<CitationView>,
    /// The nearest documents, when nothing answers.
    pub nearest: Vec<ResultView>,
    /// Words of the question that none of the documents searched holds, nor a word like them, as they were written; a few.
    pub absent: Vec<String>,
    /// What became of filters of the question that filter nothing, or let nothing through.
    pub notices: Vec<NoticeView>,
    /// How long it took here, in milliseconds; in steps of ten for those who may not read everything.
    pub took_ms: f64,
}

/// A sentence, exactly as it stands in a document.
#[derive(Serialize, ToSchema)]
pub(crate) struct StatementView {
    /// The text.
    pub text: String,
    /// Number of the citation that supports it.
    pub citation: u32,
}

/// Where a sentence stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct CitationView {
    /// From 1.
    pub number: u32,
    /// The document.
    pub document: DocumentHead,
    /// Number of the passage.
    pub passage: i64,
    /// Where the sentence stands in the document.
    #[serde(flatten)]
    pub standing: Standing,
}

/// Answers a question with sentences of the documents that may be read, each with its citation.
#[utoipa::path(
    get, path = "/api/v1/ask", tag = "search", params(SearchParameters),
    responses(
        (status = 200, description = "The answer, or that there is none", body = AskAnswer),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn ask(
    State(shared): State<Arc<Shared>>,
    Asker(principal): Asker,
    mut parameters: Parameters,
) -> Result<Json<AskAnswer>, Failure> {
    let began = Instant::now();
    let question = parameters.visible_question()?;
    let options = options(&mut parameters)?;
    parameters.finish()?;
    let mut asked = Asked::new(&shared, &principal, &question, &options);
    let by = record::name(&principal);
    let asker = principal.clone();
    let answered = shared.call(move |library| library.ask(&principal, &question, &options)).await?;
    asked.results(&answered.results);
    shared.note(asked.0).await?;
    let cited = answered.statements.iter().map(|statement| &statement.document);
    shared.note_all(record::read_together(&by, cited, "citation")).await?;
    let mut answer = AskAnswer::from(answered);
    answer.took_ms = pace::told(&asker, began.elapsed());
    Ok(Json(answer))
}

impl From<Answered> for AskAnswer {
    fn from(answered: Answered) -> AskAnswer {
        let absent = answered.results.absent;
        let notices = answered.results.notices.into_iter().map(NoticeView::from).collect();
        let nearest = if answered.found {
            Vec::new()
        } else {
            answered.results.documents.into_iter().take(NEAREST).map(ResultView::from).collect()
        };
        let (statements, citations) = (1..).zip(answered.statements).map(cite).unzip();
        AskAnswer { found: answered.found, statements, citations, nearest, absent, notices, took_ms: 0.0 }
    }
}

fn cite((number, cited): (u32, CitedStatement)) -> (StatementView, CitationView) {
    let citation = CitationView {
        number,
        document: cited.document.into(),
        passage: cited.passage.0,
        standing: Standing {
            headings: cited.headings,
            pages: pair(cited.pages),
            lines: pair(cited.lines),
            section: cited.section,
            start: cited.range.start,
            end: cited.range.end,
        },
    };
    (StatementView { text: cited.text, citation: number }, citation)
}
