//! How does a page of a PDF look, and where on it does the passage stand?
//!
//! The file is drawn by a reading process, under its limits; what comes to the browser is a picture, in which nothing
//! of the file can run.

use std::io::Read;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use intramuros_core::access::Principal;
use intramuros_core::document::{ExtractError, PageLook, PageWish};
use intramuros_core::error::Error;
use intramuros_library::Library;
use intramuros_store::DocumentId;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::documents::{Asked, document_id, refused};
use super::original;
use crate::application::{Look, Shared};
use crate::failure::{Failure, FailureBody};
use crate::guard::Asker;
use crate::limits::{DEFAULT_PICTURE_WIDTH, MAX_DRAWN_BYTES, MAX_PICTURE_WIDTH};
use crate::parameters::Parameters;
use crate::record;

/// What can be asked of a page.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // Read by name in `Parameters`; this is how the OpenAPI document learns of them.
pub(crate) struct PageParameters {
    /// Number of the passage to mark.
    #[param(minimum = 0)]
    passage: Option<u64>,
    /// First byte to mark in the document's text; goes before `passage`.
    #[param(minimum = 0)]
    start: Option<u64>,
    /// The byte after the last to mark.
    #[param(minimum = 0)]
    end: Option<u64>,
}

/// What can be asked of a picture.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // As above.
pub(crate) struct PictureParameters {
    /// Width in pixels.
    #[param(minimum = 50, maximum = 2400, default = 1000)]
    width: Option<u64>,
}

/// A page.
#[derive(Serialize, ToSchema)]
pub(crate) struct PageAnswer {
    /// Its number, from 1.
    pub page: u32,
    /// Width in points.
    pub width: f32,
    /// Height in points.
    pub height: f32,
    /// Where the marked passage stands: left, top, width, height, as shares of the page.
    #[schema(value_type = Vec<Vec<f32>>)]
    pub marks: Vec<[f32; 4]>,
}

/// The size of a page, and where the asked passage stands on it.
#[utoipa::path(
    get, path = "/api/v1/documents/{id}/pages/{page}", tag = "documents",
    params(
        ("id" = i64, Path, description = "Number of the document"),
        ("page" = u32, Path, description = "Number of the page, from 1"),
        PageParameters
    ),
    responses(
        (status = 200, description = "The page", body = PageAnswer),
        (status = 404, description = "There is none, it may not be read, or it is no PDF", body = FailureBody),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn page(
    State(shared): State<Arc<Shared>>,
    Asker(principal): Asker,
    Path((id, page)): Path<(String, String)>,
    mut parameters: Parameters,
) -> Result<Json<PageAnswer>, Failure> {
    let (id, page) = (document_id(&id)?, page_number(&page)?);
    let asked = Asked::of(&mut parameters)?;
    parameters.finish()?;
    let wish = Wish { id, page, width: None, asked: Some(asked), known: String::new() };
    let PageLook { width, height, marks, .. } = match look(&shared, principal, wish).await? {
        Seen::Page(look, _) => look,
        Seen::AsKnown => PageLook::default(),
    };
    Ok(Json(PageAnswer { page, width, height, marks }))
}

/// A page as a picture.
#[utoipa::path(
    get, path = "/api/v1/documents/{id}/pages/{page}/picture", tag = "documents",
    params(
        ("id" = i64, Path, description = "Number of the document"),
        ("page" = u32, Path, description = "Number of the page, from 1"),
        PictureParameters
    ),
    responses(
        (status = 200, description = "The picture", content_type = "image/png", body = Vec<u8>),
        (status = 304, description = "As it is known already"),
        (status = 404, description = "There is none, it may not be read, or it is no PDF", body = FailureBody),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn picture(
    State(shared): State<Arc<Shared>>,
    Asker(principal): Asker,
    Path((id, page)): Path<(String, String)>,
    headers: HeaderMap,
    mut parameters: Parameters,
) -> Result<Response, Failure> {
    let (id, page) = (document_id(&id)?, page_number(&page)?);
    let width = parameters.number("width", 50, MAX_PICTURE_WIDTH)?.unwrap_or(DEFAULT_PICTURE_WIDTH) as u32;
    parameters.finish()?;
    let known = headers.get(header::IF_NONE_MATCH).and_then(|tag| tag.to_str().ok()).unwrap_or_default();
    let wish = Wish { id, page, width: Some(width), asked: None, known: known.to_owned() };
    // Asked again each time, so that who may not read it any more sees it no more.
    let cache = (header::CACHE_CONTROL, "private, no-cache");
    Ok(match look(&shared, principal, wish).await? {
        Seen::AsKnown => (StatusCode::NOT_MODIFIED, [cache]).into_response(),
        Seen::Page(look, tag) => {
            let kind = (header::CONTENT_TYPE, "image/png");
            ([cache, kind], [(header::ETAG, tag)], look.picture).into_response()
        }
    })
}

fn page_number(text: &str) -> Result<u32, Failure> {
    text.parse().ok().filter(|page| *page > 0).ok_or_else(Failure::not_found)
}

struct Wish {
    id: DocumentId,
    page: u32,
    width: Option<u32>,
    asked: Option<Asked>,
    /// The tag of what is known already.
    known: String,
}

enum Seen {
    /// With the tag by which it is known again.
    Page(PageLook, String),
    AsKnown,
}

async fn look(shared: &Shared, principal: Principal, wish: Wish) -> Result<Seen, Failure> {
    let Some(look) = shared.look.clone() else { return Err(Failure::no_original("no page is drawn here")) };
    let by = record::name(&principal);
    let (id, picture) = (wish.id, wish.width.is_some());
    let found = shared.call(move |library| see(library, &principal, &wish, &look)).await?;
    let Some((source, path, seen)) = found else { return Err(refused(shared, by, id).await) };
    let seen =
        seen.map_err(|reason| Failure::no_original("the page can't be drawn").hint(reason.to_string()))?;
    if picture && matches!(seen, Seen::Page(..)) {
        shared.note(record::read(by, &source, &path, "page")).await?;
    }
    Ok(seen)
}

/// Source and path of the document with what is seen; none when there is none for who asks.
type Found = Option<(String, String, Result<Seen, ExtractError>)>;

fn see(library: &Library, principal: &Principal, wish: &Wish, look: &Look) -> Result<Found, Error> {
    let Some(facts) = library.document_facts(principal, wish.id)? else { return Ok(None) };
    let original = original::open(library, principal, wish.id)?;
    let original = original.filter(|original| original.pdf && original.size <= MAX_DRAWN_BYTES);
    let seen = match original {
        None => Err(ExtractError::Unreadable("no PDF that stands there as it was read".to_owned())),
        Some(mut original) => {
            let width = wish.width.unwrap_or(0);
            let mut hasher = blake3::Hasher::new();
            hasher.update(&original.hash).update(&wish.page.to_le_bytes()).update(&width.to_le_bytes());
            let tag = format!("\"{}\"", hasher.finalize().to_hex().get(..32).unwrap_or_default());
            if wish.known == tag {
                Ok(Seen::AsKnown)
            } else {
                let marks = match &wish.asked {
                    None => Vec::new(),
                    Some(asked) => library
                        .document(principal, wish.id)?
                        .map_or_else(Vec::new, |open| asked.on_page(&open, wish.page)),
                };
                let mut bytes = Vec::new();
                let read = (&mut original.file).take(MAX_DRAWN_BYTES).read_to_end(&mut bytes);
                let wish = PageWish { page: wish.page, width: wish.width, marks };
                match read {
                    Ok(_) => look(&bytes, &wish).map(|look| Seen::Page(look, tag)),
                    Err(error) => Err(ExtractError::Unreadable(error.to_string())),
                }
            }
        }
    };
    Ok(Some((facts.source, facts.path, seen)))
}
