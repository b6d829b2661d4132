//! What does this document say, and where is the passage?

use std::ops::Range;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use intramuros_core::document::{BLOCK_SEPARATOR, Block, BlockKind, BlockLines, CELL_SEPARATOR, Kind};
use intramuros_core::error::Error;
use intramuros_journal::Event;
use intramuros_library::{DocumentFacts, Library, OpenDocument};
use intramuros_store::DocumentId;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::original::{OriginalView, original_view};
use super::{DocumentHead, Piece, coloured, pieces};
use crate::application::Shared;
use crate::colours::{MAX_COLOURED_BYTES, colours};
use crate::failure::{Failure, FailureBody};
use crate::guard::Asker;
use crate::limits::{DEFAULT_BLOCKS, MAX_BLOCKS, MAX_MARKS, MAX_OUTLINE, MAX_TEXT_BYTES};
use crate::parameters::Parameters;
use crate::record;

/// Blocks given before the passage, so that it is read in its surroundings.
const BEFORE: usize = 60;

/// What can be asked of a document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // Read by name in `Parameters`; this is how the OpenAPI document learns of them.
pub(crate) struct DocumentParameters {
    /// Number of the passage to mark.
    #[param(minimum = 0)]
    passage: Option<u64>,
    /// First byte to mark in the document's text; goes before `passage`.
    #[param(minimum = 0)]
    start: Option<u64>,
    /// The byte after the last to mark.
    #[param(minimum = 0)]
    end: Option<u64>,
    /// First block wanted, from 0; without it, those around what is marked.
    #[param(minimum = 0)]
    from: Option<u64>,
    /// Blocks wanted.
    #[param(minimum = 1, maximum = 1500, default = 400)]
    blocks: Option<u64>,
}

/// A document, or the part of it that was asked for.
#[derive(Serialize, ToSchema)]
pub(crate) struct DocumentAnswer {
    /// What is known of it.
    #[serde(flatten)]
    pub document: DocumentHead,
    /// Its blocks, in reading order.
    pub blocks: Vec<BlockView>,
    /// Position of the first block given.
    pub first: usize,
    /// Blocks of the whole document.
    pub total: usize,
    /// What is marked; none when nothing was asked for or it is not there any more.
    pub marked: Option<Marked>,
    /// Its headings.
    pub outline: Vec<Heading>,
    /// The file itself, when it can be had.
    pub original: Option<OriginalView>,
}

/// A piece of a document that its format does not cut further.
#[derive(Serialize, ToSchema)]
pub(crate) struct BlockView {
    /// `heading`, `paragraph`, `list_item`, `table_row`, `code`, `footnote`, `comment`, `field`.
    #[schema(value_type = String)]
    pub kind: &'static str,
    /// Level of a heading (1 to 6) or depth of a list item (from 0).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<u8>,
    /// Number of the table of a row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<u32>,
    /// Whether a row holds the column names.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    pub header: bool,
    /// Page or slide, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Line of the file, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Sheet, chapter, cell or message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
    /// First byte in the document's text.
    pub start: usize,
    /// Its text; the cells of a row, one after another.
    pub cells: Vec<Vec<Piece>>,
}

/// What is marked.
#[derive(Serialize, ToSchema)]
pub(crate) struct Marked {
    /// First byte in the document's text.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
    /// Position of the first marked block.
    pub block: usize,
    /// The page it stands on.
    pub page: Option<u32>,
    /// The line it stands on.
    pub line: Option<u32>,
}

/// A heading of the outline.
#[derive(Serialize, ToSchema)]
pub(crate) struct Heading {
    /// Position of its block.
    pub block: usize,
    /// The page it stands on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// 1 to 6.
    pub level: u8,
    /// Its text.
    pub text: String,
}

/// A document with the asked passage marked.
#[utoipa::path(
    get, path = "/api/v1/documents/{id}", tag = "documents",
    params(("id" = i64, Path, description = "Number of the document"), DocumentParameters),
    responses(
        (status = 200, description = "The document", body = DocumentAnswer),
        (status = 404, description = "There is none, or it may not be read", body = FailureBody),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn document(
    State(shared): State<Arc<Shared>>,
    Asker(principal): Asker,
    Path(id): Path<String>,
    mut parameters: Parameters,
) -> Result<Json<DocumentAnswer>, Failure> {
    let id = document_id(&id)?;
    let asked = Asked::of(&mut parameters)?;
    let from = parameters.number("from", 0, i64::MAX as u64)?;
    let from = from.map(|from| usize::try_from(from).unwrap_or(usize::MAX));
    let most = parameters.number("blocks", 1, MAX_BLOCKS as u64)?.unwrap_or(DEFAULT_BLOCKS as u64) as usize;
    parameters.finish()?;
    let by = record::name(&principal);
    let draws = shared.look.is_some();
    let answer = shared
        .call(move |library: &Library| -> Result<Option<DocumentAnswer>, Error> {
            let Some(open) = library.document(&principal, id)? else { return Ok(None) };
            let original = original_view(library, &principal, id, draws)?;
            Ok(Some(view(open, &asked, (from, most), original)))
        })
        .await?;
    match answer {
        Some(answer) => {
            let head = &answer.document;
            shared.note(record::read(by, &head.source, &head.path, "view")).await?;
            Ok(Json(answer))
        }
        None => Err(refused(&shared, by, id).await),
    }
}

/// Notes that somebody asked for a document that is not theirs or not there, and says so to them in the same words.
pub(crate) async fn refused(shared: &Shared, by: String, id: DocumentId) -> Failure {
    let event = Event::AccessRefused {
        by,
        what: format!("document {}", id.0),
        why: "not there, or not theirs to read".to_owned(),
        from: None,
    };
    shared.note(event).await.err().unwrap_or_else(Failure::not_found)
}

/// A document's number from an address; what is no number names no document.
pub(crate) fn document_id(text: &str) -> Result<DocumentId, Failure> {
    text.parse().map(DocumentId).map_err(|_| Failure::not_found())
}

/// The passage or the range that is asked to be marked.
pub(super) struct Asked {
    passage: Option<u64>,
    range: Option<(u64, u64)>,
}

impl Asked {
    /// As an address says it.
    pub fn of(parameters: &mut Parameters) -> Result<Asked, Failure> {
        let most = i64::MAX as u64;
        Ok(Asked {
            passage: parameters.number("passage", 0, most)?,
            range: parameters.number("start", 0, most)?.zip(parameters.number("end", 0, most)?),
        })
    }

    /// What is marked on a page, block by block.
    pub fn on_page(&self, open: &OpenDocument, page: u32) -> Vec<String> {
        let ranges = ranges(&open.blocks);
        let Some(mark) = marked_range(open, self, &ranges) else { return Vec::new() };
        let marked = open.blocks.iter().zip(&ranges).filter(|(block, _)| block.place.page == Some(page));
        let marked = marked.filter_map(|(block, range)| block.text.get(inside(&block.text, range, &mark)));
        marked.filter(|text| !text.is_empty()).map(str::to_owned).take(MAX_MARKS).collect()
    }
}

/// The part of a block that is marked, in its own bytes, at places where its text can be cut; empty when none is.
fn inside(text: &str, range: &Range<usize>, mark: &Range<usize>) -> Range<usize> {
    let inside = |at: usize| text.floor_char_boundary(at.clamp(range.start, range.end) - range.start);
    inside(mark.start)..inside(mark.end)
}

/// The blocks from the first wanted on (those around the mark without one), and as many as are wanted.
fn view(
    open: OpenDocument,
    asked: &Asked,
    (from, most): (Option<usize>, usize),
    original: Option<OriginalView>,
) -> DocumentAnswer {
    let ranges = ranges(&open.blocks);
    let range = marked_range(&open, asked, &ranges);
    let marked = range.and_then(|range| {
        let at = ranges.iter().position(|block| block.end > range.start)?;
        let block = open.blocks.get(at)?;
        // Text that was joined from several lines begins lines before what is marked.
        let inside = inside(&block.text, ranges.get(at)?, &range);
        let line = BlockLines::of(block).map(|lines| lines.span(&inside).0);
        Some(Marked { start: range.start, end: range.end, block: at, page: block.place.page, line })
    });
    let around = marked.as_ref().map_or(0, |marked| marked.block.saturating_sub(BEFORE));
    let first = from.unwrap_or(around).min(open.blocks.len());
    let mark = marked.as_ref().map(|marked| marked.start..marked.end);
    let mut bytes = 0;
    let blocks = open.blocks.iter().zip(&ranges).skip(first).take(most);
    let blocks = blocks.take_while(|(block, _)| {
        let fits = bytes == 0 || bytes + block.text.len() <= MAX_TEXT_BYTES;
        bytes += block.text.len();
        fits
    });
    let language = language_of(&open.facts);
    let mut left = MAX_COLOURED_BYTES;
    let blocks = blocks.map(|(block, range)| {
        let mut view = block_view(block, range, mark.as_ref());
        if block.kind == BlockKind::Code && !language.is_empty() && block.text.len() <= left {
            left -= block.text.len();
            let marks: Vec<_> = mark.iter().map(|mark| inside(&block.text, range, mark)).collect();
            view.cells = vec![coloured(&block.text, &marks, &colours(&language, &block.text))];
        }
        view
    });
    DocumentAnswer {
        blocks: blocks.collect(),
        first,
        total: open.blocks.len(),
        marked,
        outline: outline(&open.blocks),
        original,
        document: open.facts.into(),
    }
}

/// The name of a file by whose ending the code of a document is read; empty where its language is not known.
fn language_of(facts: &DocumentFacts) -> String {
    match facts.kind {
        Some(Kind::Code) => facts.path.clone(),
        // Nearly all are; what isn't has a few wrong colours.
        Some(Kind::Notebook) => "notebook.py".to_owned(),
        _ => String::new(),
    }
}

/// Where each block stands in the document's text.
fn ranges(blocks: &[Block]) -> Vec<Range<usize>> {
    let mut at = 0;
    let range = |block: &Block| {
        let start = at;
        at = start + block.text.len() + BLOCK_SEPARATOR.len();
        start..start + block.text.len()
    };
    blocks.iter().map(range).collect()
}

/// What is asked to be marked, in the bytes of the document's text; `ranges` are those of its blocks.
fn marked_range(open: &OpenDocument, asked: &Asked, ranges: &[Range<usize>]) -> Option<Range<usize>> {
    let length = ranges.last().map_or(0, |last| last.end);
    let range = match (asked.range, asked.passage) {
        (Some((start, end)), _) => usize::try_from(start).ok()?..usize::try_from(end).ok()?,
        (None, Some(passage)) => {
            let id = i64::try_from(passage).ok()?;
            open.passages.iter().find(|stored| stored.id.0 == id)?.passage.range.clone()
        }
        (None, None) => return None,
    };
    (range.start < range.end && range.end <= length).then_some(range)
}

fn block_view(block: &Block, range: &Range<usize>, mark: Option<&Range<usize>>) -> BlockView {
    let text = block.text.as_str();
    let marks: Vec<Range<usize>> = mark.map(|mark| inside(text, range, mark)).into_iter().collect();
    let (kind, level, table, header) = match block.kind {
        BlockKind::Heading { level } => ("heading", Some(level), None, false),
        BlockKind::Paragraph => ("paragraph", None, None, false),
        BlockKind::ListItem { depth } => ("list_item", Some(depth), None, false),
        BlockKind::TableRow { table, header } => ("table_row", None, Some(table), header),
        BlockKind::Code => ("code", None, None, false),
        BlockKind::Footnote => ("footnote", None, None, false),
        BlockKind::Comment => ("comment", None, None, false),
        BlockKind::Field => ("field", None, None, false),
    };
    let cells = match block.kind {
        BlockKind::TableRow { .. } => cells(text, &marks),
        _ => vec![pieces(text, 0..text.len(), &marks)],
    };
    let place = &block.place;
    let section = place.section.clone();
    BlockView {
        kind,
        level,
        table,
        header,
        page: place.page,
        line: place.line,
        section,
        start: range.start,
        cells,
    }
}

fn cells(text: &str, marks: &[Range<usize>]) -> Vec<Vec<Piece>> {
    let mut at = 0;
    text.split(CELL_SEPARATOR)
        .map(|cell| {
            let range = at..at + cell.len();
            at = range.end + CELL_SEPARATOR.len();
            pieces(text, range, marks)
        })
        .collect()
}

fn outline(blocks: &[Block]) -> Vec<Heading> {
    let heading = |(index, block): (usize, &Block)| match block.kind {
        BlockKind::Heading { level } => {
            Some(Heading { block: index, page: block.place.page, level, text: block.text.clone() })
        }
        _ => None,
    };
    blocks.iter().enumerate().filter_map(heading).take(MAX_OUTLINE).collect()
}
