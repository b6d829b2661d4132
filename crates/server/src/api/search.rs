//! Which documents answer these words?

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::State;
use intramuros_core::access::Principal;
use intramuros_journal::Event;
use intramuros_library::{FoundDocument, FoundPassage, Notice, Results, SearchOptions};
use intramuros_search::catalogue::Facets;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{Count, DocumentHead, Piece, Standing, pair, pieces};
use crate::application::Shared;
use crate::failure::{Failure, FailureBody};
use crate::guard::Asker;
use crate::limits::{DEFAULT_RESULTS, MAX_REACH, MAX_RESULTS};
use crate::pace;
use crate::parameters::Parameters;
use crate::record;

/// What can be asked of a search.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // Read by name in `Parameters`; this is how the OpenAPI document learns of them.
pub(crate) struct SearchParameters {
    /// The question, at most 2,048 bytes. It may hold `"exact phrases"`, `-without`, `title:word`, and filters such as
    /// `kind:pdf`, `folder:contracts`, `lang:fr`, `after:2024-05`. A filter whose value says nothing to it is left out, and
    /// told in `notices`.
    #[param(max_length = 2048)]
    q: String,
    /// Documents wanted.
    #[param(minimum = 1, maximum = 100, default = 10)]
    limit: Option<u32>,
    /// Documents skipped; with the limit at most 200.
    #[param(minimum = 0, maximum = 199, default = 0)]
    offset: Option<u32>,
    /// `true` while the question is being typed: its last word may be the beginning of a longer one.
    #[param(default = false)]
    typing: Option<bool>,
    /// Kind of file; repeated for alternatives.
    #[param(style = Form, explode)]
    kind: Option<Vec<String>>,
    /// Language: `fr`, `en`, `other`; repeated for alternatives.
    #[param(style = Form, explode)]
    language: Option<Vec<String>>,
    /// Source; repeated for alternatives.
    #[param(style = Form, explode)]
    source: Option<Vec<String>>,
    /// Folder with everything below it; repeated for alternatives.
    #[param(style = Form, explode)]
    folder: Option<Vec<String>>,
    /// From this year, month or day on: `2024`, `2024-05`, `2024-05-31`.
    after: Option<String>,
    /// Before this year, month or day.
    before: Option<String>,
    /// In this year, month or on this day.
    year: Option<String>,
    /// Name of a collection (`/api/v1/collections`); all that may be read when not given.
    collection: Option<String>,
}

/// What was found.
#[derive(Serialize, ToSchema)]
pub(crate) struct SearchAnswer {
    /// Documents that match, of those that may be read.
    pub total: u64,
    /// The best of them, best first.
    pub results: Vec<ResultView>,
    /// All that match, counted by what they are.
    pub facets: FacetsView,
    /// The question with its unknown words mended.
    pub suggestion: Option<String>,
    /// Words of the question that none of the documents searched holds, nor a word like them, as they were written; a few.
    pub absent: Vec<String>,
    /// What became of filters of the question that filter nothing, or let nothing through.
    pub notices: Vec<NoticeView>,
    /// Whether there are more documents that can be had by skipping these.
    pub more: bool,
    /// How long it took here, in milliseconds; in steps of ten for those who may not read everything.
    pub took_ms: f64,
}

/// Something that the writer of a question should know of its filters.
#[derive(Serialize, ToSchema)]
pub(crate) struct NoticeView {
    /// A stable word for programs: `no_filter` (its value says nothing to it, it was left out), `nothing_there` (nothing
    /// that may be read is in a source or folder of that name), or `nothing_passes`.
    #[schema(value_type = String)]
    pub code: &'static str,
    /// The filters that it is about, as they were written.
    pub filters: Vec<String>,
    /// What to tell in French.
    pub french: String,
    /// What to tell in English.
    pub english: String,
}

/// A document that was found.
#[derive(Serialize, ToSchema)]
pub(crate) struct ResultView {
    /// What is known of it.
    #[serde(flatten)]
    pub document: DocumentHead,
    /// How well it answers, beside the others of this answer.
    pub score: f32,
    /// Its best passages, best first.
    pub passages: Vec<PassageView>,
}

/// A passage that was found.
#[derive(Serialize, ToSchema)]
pub(crate) struct PassageView {
    /// Its number.
    pub id: i64,
    /// Where it stands.
    #[serde(flatten)]
    pub standing: Standing,
    /// The piece of it that shows why, with the words of the question marked.
    pub snippet: Vec<Piece>,
    /// Whether the passage goes on before the snippet.
    pub cut_before: bool,
    /// Whether the passage goes on after it.
    pub cut_after: bool,
}

/// Counts by what documents are, most first; years newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct FacetsView {
    /// By kind of file.
    pub kinds: Vec<Count>,
    /// By outermost folder.
    pub folders: Vec<Count>,
    /// By language.
    pub languages: Vec<Count>,
    /// By year.
    pub years: Vec<Count>,
    /// By source.
    pub sources: Vec<Count>,
}

/// Searches what may be read.
#[utoipa::path(
    get, path = "/api/v1/search", tag = "search", params(SearchParameters),
    responses(
        (status = 200, description = "What was found", body = SearchAnswer),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn search(
    State(shared): State<Arc<Shared>>,
    Asker(principal): Asker,
    mut parameters: Parameters,
) -> Result<Json<SearchAnswer>, Failure> {
    let began = Instant::now();
    let question = parameters.question()?;
    let options = options(&mut parameters)?;
    parameters.finish()?;
    let reached = options.limit + options.offset;
    let mut asked = Asked::new(&shared, &principal, &question, &options);
    let asker = principal.clone();
    let results = shared.call(move |library| library.search(&principal, &question, &options)).await?;
    asked.results(&results);
    shared.note(asked.0).await?;
    let mut answer = SearchAnswer::from(results);
    answer.more = answer.total > reached as u64 && reached < MAX_REACH;
    answer.took_ms = pace::told(&asker, began.elapsed());
    Ok(Json(answer))
}

/// The entry of a question, to be completed by what was found.
pub(crate) struct Asked(pub Event);

impl Asked {
    pub fn new(shared: &Shared, principal: &Principal, question: &str, options: &SearchOptions) -> Asked {
        // Over which sources: those that were chosen, or those that the chosen collection has something of.
        let perimeter = shared.library().perimeter();
        let chosen = options.collection.as_deref().and_then(|name| perimeter.collection(name));
        let of_collection = chosen.map(|one| one.named_sources().into_iter().map(str::to_owned).collect());
        let sources = match of_collection {
            Some(sources) if options.filters.sources.is_empty() => sources,
            _ => options.filters.sources.clone(),
        };
        Asked(Event::Question {
            by: record::name(principal),
            sources,
            results: 0,
            text: shared.walls.record.text(question),
        })
    }

    pub fn results(&mut self, found: &Results) {
        if let Event::Question { results, .. } = &mut self.0 {
            *results = found.total as u64;
        }
    }
}

/// Reads what a search and a question have in common.
pub(crate) fn options(parameters: &mut Parameters) -> Result<SearchOptions, Failure> {
    let limit = parameters.number("limit", 1, MAX_RESULTS as u64)?.unwrap_or(DEFAULT_RESULTS as u64) as usize;
    let offset = parameters.number("offset", 0, MAX_REACH as u64 - 1)?.unwrap_or(0) as usize;
    if limit + offset > MAX_REACH {
        return Err(Failure::bad_request(format!("`limit` and `offset` together reach at most {MAX_REACH}"))
            .hint("narrow the question or use a filter"));
    }
    let typing = parameters.flag("typing")?;
    let collection = parameters.one("collection")?.filter(|name| !name.is_empty());
    let filters = parameters.filters()?;
    Ok(SearchOptions { limit, offset, typing, filters, collection, ..SearchOptions::default() })
}

impl From<Results> for SearchAnswer {
    fn from(results: Results) -> SearchAnswer {
        SearchAnswer {
            total: results.total as u64,
            results: results.documents.into_iter().map(ResultView::from).collect(),
            facets: results.facets.into(),
            suggestion: results.suggestion,
            absent: results.absent,
            notices: results.notices.into_iter().map(NoticeView::from).collect(),
            more: false,
            took_ms: 0.0,
        }
    }
}

impl From<Notice> for NoticeView {
    fn from(Notice { code, filters, french, english }: Notice) -> NoticeView {
        NoticeView { code, filters, french, english }
    }
}

impl From<FoundDocument> for ResultView {
    fn from(found: FoundDocument) -> ResultView {
        ResultView {
            document: found.document.into(),
            score: found.score,
            passages: found.passages.into_iter().map(PassageView::from).collect(),
        }
    }
}

impl From<FoundPassage> for PassageView {
    fn from(found: FoundPassage) -> PassageView {
        let snippet = pieces(&found.text, found.snippet.clone(), &found.marks);
        let outside = |range: Option<&str>| range.is_some_and(|text| !text.trim().is_empty());
        PassageView {
            id: found.id.0,
            cut_before: outside(found.text.get(..found.snippet.start)),
            cut_after: outside(found.text.get(found.snippet.end..)),
            snippet,
            standing: Standing {
                headings: found.headings,
                pages: pair(found.pages),
                lines: pair(found.lines),
                section: found.section,
                start: found.range.start,
                end: found.range.end,
            },
        }
    }
}

impl From<Facets> for FacetsView {
    fn from(facets: Facets) -> FacetsView {
        let kinds = facets.kinds.into_iter().map(|(kind, count)| (kind.word().to_owned(), count)).collect();
        let mut years: Vec<Count> = facets
            .years
            .into_iter()
            .map(|(year, count)| Count { value: year.to_string(), count: count as u64 })
            .collect();
        years.reverse();
        FacetsView {
            kinds: most_first(kinds),
            folders: most_first(facets.folders),
            languages: most_first(facets.languages),
            years,
            sources: most_first(facets.sources),
        }
    }
}

fn most_first(counts: BTreeMap<String, usize>) -> Vec<Count> {
    let mut counts: Vec<Count> =
        counts.into_iter().map(|(value, count)| Count { value, count: count as u64 }).collect();
    // The sort is stable: equal counts stay in the order of their names.
    counts.sort_by_key(|count| std::cmp::Reverse(count.count));
    counts
}
