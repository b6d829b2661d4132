//! How does a page follow the work without asking again and again?

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::Stream;
use futures_util::stream::unfold;
use intramuros_core::access::Principal;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::status::ProgressView;
use crate::application::Shared;
use crate::failure::{Failure, FailureBody};
use crate::guard::Asker;
use crate::limits::{EVENT_EVERY, EVENT_KEEP_ALIVE};
use crate::parameters::Parameters;
use crate::progress::Seen;

/// Progress as it happens: an event `progress` with the same value as in the status, at once and after each change,
/// at most four a second.
#[utoipa::path(
    get, path = "/api/v1/events", tag = "state",
    responses(
        (status = 200, description = "Events named `progress`", body = ProgressView,
         content_type = "text/event-stream"),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "Too many watch", body = FailureBody),
    )
)]
pub(crate) async fn events(
    State(shared): State<Arc<Shared>>,
    Asker(principal): Asker,
    parameters: Parameters,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Failure> {
    parameters.finish()?;
    let place = Arc::clone(&shared.streams).try_acquire_owned().map_err(|_| Failure::busy())?;
    let watching = Watching {
        progress: shared.progress.clone(),
        stopping: shared.stopping.clone(),
        principal,
        last: None,
        _place: place,
    };
    let keep_alive = KeepAlive::new().interval(EVENT_KEEP_ALIVE);
    Ok(Sse::new(unfold(watching, next)).keep_alive(keep_alive))
}

struct Watching {
    progress: watch::Receiver<Seen>,
    stopping: watch::Receiver<bool>,
    principal: Principal,
    last: Option<ProgressView>,
    _place: OwnedSemaphorePermit,
}

/// The next event; none when the program stops.
async fn next(mut watching: Watching) -> Option<(Result<Event, Infallible>, Watching)> {
    loop {
        let seen = watching.progress.borrow_and_update().progress.clone();
        let view = ProgressView::of(&seen, &watching.principal);
        if watching.last.as_ref() != Some(&view) {
            let event = Event::default().event("progress").json_data(&view).ok()?;
            watching.last = Some(view);
            return Some((Ok(event), watching));
        }
        tokio::select! {
            changed = watching.progress.changed() => changed.ok()?,
            _ = watching.stopping.wait_for(|stopping| *stopping) => return None,
        }
        tokio::time::sleep(EVENT_EVERY).await;
    }
}
