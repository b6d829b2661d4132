//! Which named sets of documents may I ask?

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::application::Shared;
use crate::failure::{Failure, FailureBody};
use crate::guard::Asker;
use crate::parameters::Parameters;

/// Collections.
#[derive(Serialize, ToSchema)]
pub(crate) struct CollectionsAnswer {
    /// Those that whoever asks may choose, in the order of their declaration.
    pub collections: Vec<CollectionView>,
}

/// A named set of documents.
#[derive(Serialize, ToSchema)]
pub(crate) struct CollectionView {
    /// Its name, as `collection` takes it.
    pub name: String,
    /// What it is for; may be empty.
    pub description: String,
    /// The model that writes its answers, where one is declared for it.
    pub model: Option<String>,
}

/// The collections that may be chosen: those that are open to whoever asks and hold something that they may read.
#[utoipa::path(
    get, path = "/api/v1/collections", tag = "search",
    responses(
        (status = 200, description = "The collections", body = CollectionsAnswer),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn collections(
    State(shared): State<Arc<Shared>>,
    Asker(principal): Asker,
    parameters: Parameters,
) -> Result<Json<CollectionsAnswer>, Failure> {
    parameters.finish()?;
    let found = shared.call(move |library| library.collections(&principal)).await?;
    let view = |one: intramuros_core::perimeter::Collection| CollectionView {
        name: one.name,
        description: one.description,
        model: one.model,
    };
    Ok(Json(CollectionsAnswer { collections: found.into_iter().map(view).collect() }))
}
