//! What stands around the program, and what went through it?

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use intramuros_egress::Account;
use serde::Serialize;
use utoipa::ToSchema;

use crate::application::Shared;
use crate::failure::{Failure, FailureBody};
use crate::guard::Asker;
use crate::parameters::Parameters;

/// What stands around the program.
#[derive(Serialize, ToSchema)]
pub(crate) struct PerimeterAnswer {
    /// Whether the kernel keeps the process within what is declared.
    pub sealed: bool,
    /// What the kernel enforces, in one line.
    pub seal: String,
    /// What this kernel does not enforce.
    pub not_enforced: Vec<String>,
    /// Whether what happens is written down.
    pub journal: bool,
    /// Why the journal can't be written now.
    pub journal_failure: Option<String>,
    /// What went out or tried to since the start, by purpose and place.
    pub ways_out: Vec<WayView>,
}

/// What went through one gate since the start.
#[derive(Serialize, ToSchema)]
pub(crate) struct WayView {
    /// What for.
    #[schema(value_type = String)]
    pub purpose: &'static str,
    /// Host and port.
    pub place: String,
    /// Connections and requests that were allowed.
    pub allowed: u64,
    /// Those that were refused.
    pub refused: u64,
    /// Bytes sent, before encryption.
    pub bytes_out: u64,
    /// Bytes received, after decryption.
    pub bytes_in: u64,
    /// Last use or attempt, in milliseconds since 1970.
    pub last_ms: i64,
}

impl From<Account> for WayView {
    fn from(account: Account) -> WayView {
        WayView {
            purpose: account.purpose.word(),
            place: account.place,
            allowed: account.allowed,
            refused: account.refused,
            bytes_out: account.bytes_out,
            bytes_in: account.bytes_in,
            last_ms: account.last_ms,
        }
    }
}

/// What the kernel enforces, whether the journal is well, and what went out. For the owner alone.
#[utoipa::path(
    get, path = "/api/v1/perimeter", tag = "state",
    responses(
        (status = 200, description = "The walls", body = PerimeterAnswer),
        (status = 404, description = "Not the owner", body = FailureBody),
        (status = "4XX", description = "Why not", body = FailureBody),
    )
)]
pub(crate) async fn perimeter(
    State(shared): State<Arc<Shared>>,
    Asker(principal): Asker,
    parameters: Parameters,
) -> Result<Json<PerimeterAnswer>, Failure> {
    parameters.finish()?;
    if !principal.owner {
        return Err(Failure::not_found());
    }
    let walls = &shared.walls;
    let accounts = walls.egress.as_ref().map(|egress| egress.accounts()).unwrap_or_default();
    Ok(Json(PerimeterAnswer {
        sealed: walls.seal.sealed,
        seal: walls.seal.summary.clone(),
        not_enforced: walls.seal.missing.clone(),
        journal: walls.record.is_kept(),
        journal_failure: walls.record.failure(),
        ways_out: accounts.into_iter().map(WayView::from).collect(),
    }))
}
