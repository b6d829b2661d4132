//! What stands in this folder?

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use intramuros_core::error::Error;
use intramuros_library::Library;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::DocumentHead;
use crate::application::Shared;
use crate::failure::{Failure, FailureBody};
use crate::guard::Asker;
use crate::limits::{DEFAULT_LISTED, MAX_LISTED, MAX_VALUE_BYTES};
use crate::parameters::Parameters;

/// What can be asked of a folder.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // Read by name in `Parameters`; this is how the OpenAPI document learns of them.
pub(crate) struct FolderParameters {
    /// The source; without it, the sources and the collections are listed.
    source: Option<String>,
    /// The collection of which alone documents are wanted.
    collection: Option<String>,
    /// The folder in it, as `contracts/2024`; without it, its top. What stands in a container is asked for as
    /// `archive.zip!`.
    folder: Option<String>,
    /// Documents skipped.
    #[param(minimum = 0)]
    offset: Option<u64>,
    /// Documents wanted.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<u64>,
}

/// What stands in a folder, of what may be read.
#[derive(Serialize, ToSchema)]
pub(crate) struct FolderAnswer {
    /// The folders in it (the sources, where none was asked for), by name.
    pub folders: Vec<FolderHead>,
    /// The collections, where neither a source nor a collection was asked for.
    pub collections: Vec<FolderHead>,
    /// The documents directly in it, by name.
    pub documents: Vec<DocumentHead>,
    /// How many documents there are directly in it.
    pub total: usize,
    /// Whether there are more documents behind those given.
    pub more: bool,
}

/// A folder in a folder.
#[derive(Serialize, ToSchema)]
pub(crate) struct FolderHead {
    /// Its name; of a container with `!` at its end.
    pub name: String,
    /// How many documents it holds, at any depth.
    pub documents: usize,
}

/// The folders and documents of a folder, by name.
#[utoipa::path(
    get, path = "/api/v1/folders", tag = "documents",
    params(FolderParameters),
    responses(
        (status = 200, description = "What stands in it; nothing for a folder that is not there", body = FolderAnswer),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn folders(
    State(shared): State<Arc<Shared>>,
    Asker(principal): Asker,
    mut parameters: Parameters,
) -> Result<Json<FolderAnswer>, Failure> {
    let mut text = |name: &str| -> Result<Option<String>, Failure> {
        let value = parameters.one(name)?;
        match value.as_ref().is_some_and(|value| value.len() > MAX_VALUE_BYTES) {
            true => Err(Failure::bad_request(format!("`{name}` is too long"))),
            false => Ok(value),
        }
    };
    let (source, folder) = (text("source")?, text("folder")?.unwrap_or_default());
    let collection = text("collection")?;
    let offset = parameters.number("offset", 0, u64::from(u32::MAX))?.unwrap_or(0) as usize;
    let limit = parameters.number("limit", 1, MAX_LISTED as u64)?.unwrap_or(DEFAULT_LISTED as u64) as usize;
    parameters.finish()?;
    let answer = shared
        .call(move |library: &Library| -> Result<FolderAnswer, Error> {
            let collection = collection.as_deref();
            let Some(source) = source else {
                let folders = heads(library.readable_sources(&principal, collection)?);
                let collections = match collection {
                    None => heads(library.readable_collections(&principal)?),
                    Some(_) => Vec::new(),
                };
                return Ok(FolderAnswer {
                    folders,
                    collections,
                    documents: Vec::new(),
                    total: 0,
                    more: false,
                });
            };
            let listed = library.folder(&principal, collection, (&source, &folder), (offset, limit))?;
            Ok(FolderAnswer {
                more: offset.saturating_add(limit) < listed.total,
                folders: heads(listed.folders),
                collections: Vec::new(),
                documents: listed.documents.into_iter().map(DocumentHead::from).collect(),
                total: listed.total,
            })
        })
        .await?;
    Ok(Json(answer))
}

fn heads(folders: Vec<(String, usize)>) -> Vec<FolderHead> {
    folders.into_iter().map(|(name, documents)| FolderHead { name, documents }).collect()
}
