//! How does a page follow the work without asking again and again?

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::Stream;
use futures_util::stream::unfold;
use intramuros_core::access::Principal;
use tokio::sync::watch;
use tokio::time::Instant;

use super::status::ProgressView;
use crate::application::Shared;
use crate::caller::{By, Caller, LetIn, Rights};
use crate::failure::{Failure, FailureBody};
use crate::limits::{EVENT_EVERY, EVENT_KEEP_ALIVE, Place, Sharer};
use crate::parameters::Parameters;
use crate::progress::Seen;

/// How long one connection of somebody who signed in is watched; browsers then open another. Five minutes.
const WATCHING: std::time::Duration = std::time::Duration::from_secs(300);

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
    caller: Caller,
    parameters: Parameters,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Failure> {
    parameters.finish()?;
    let place = shared.streams.take(Some(&Sharer::from(&caller)), shared.limits.wait).await?;
    let watching = Watching {
        rights: Rights::of(LetIn::new(&shared, caller.shown, &caller.principal)),
        progress: shared.progress.clone(),
        stopping: shared.stopping.clone(),
        // A session and a token end by their time as well.
        until: (caller.by != By::Machine).then(|| Instant::now() + WATCHING),
        principal: caller.principal,
        last: None,
        _place: place,
    };
    let keep_alive = KeepAlive::new().interval(EVENT_KEEP_ALIVE);
    Ok(Sse::new(unfold(watching, next)).keep_alive(keep_alive))
}

struct Watching {
    rights: Rights,
    progress: watch::Receiver<Seen>,
    stopping: watch::Receiver<bool>,
    principal: Principal,
    until: Option<Instant>,
    last: Option<ProgressView>,
    _place: Place,
}

impl Watching {
    /// Whether who watches is still who began to, with the same rights. Browsers that are ended ask again.
    async fn still_may(&mut self) -> bool {
        !self.rights.may_have_changed() || self.rights.are_the_same().await
    }
}

/// Comes to its end when the time is over.
async fn over(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}

/// The next event; none when the program stops.
async fn next(mut watching: Watching) -> Option<(Result<Event, Infallible>, Watching)> {
    loop {
        if !watching.still_may().await {
            return None;
        }
        let seen = watching.progress.borrow_and_update().progress.clone();
        let view = ProgressView::of(&seen, &watching.principal);
        if watching.last.as_ref() != Some(&view) {
            let event = Event::default().event("progress").json_data(&view).ok()?;
            watching.last = Some(view);
            return Some((Ok(event), watching));
        }
        let Watching { progress, stopping, rights, until, .. } = &mut watching;
        tokio::select! {
            changed = progress.changed() => changed.ok()?,
            () = rights.changed() => continue,
            _ = stopping.wait_for(|stopping| *stopping) => return None,
            () = over(*until) => return None,
        }
        tokio::time::sleep(EVENT_EVERY).await;
    }
}
