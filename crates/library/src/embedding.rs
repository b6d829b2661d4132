//! Which texts are turned into vectors now, without standing in anybody's way?

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use intramuros_core::error::Error;
use intramuros_core::vector::Vector;
use intramuros_store::{Missing, MissingCursor, Sequence, TextHash};
use tracing::warn;

use crate::embed::Embed;
use crate::library::Shared;

/// Texts looked up at once; sorted by length they make batches of like length, which are computed fastest.
const TEXTS_AT_ONCE: usize = 256;

/// Texts computed at once. 8: some 100 ms, the longest that a question has to wait for the processor.
const BATCH: usize = 8;

/// Vectors are kept at least this often: what a kill can cost.
const KEEP_AFTER: Duration = Duration::from_millis(500);

/// How long to wait for a bell before looking anyway, and after a fault.
const LOOK_UP: Duration = Duration::from_millis(500);
const AFTER_A_FAULT: Duration = Duration::from_secs(5);

/// How long embedding steps aside for questions in a row; then it takes its turn, so that it ends one day.
const STEP_ASIDE: Duration = Duration::from_secs(2);
const STEP: Duration = Duration::from_millis(5);

/// Prefix of the setting that keeps the point up to which nothing is missing.
const REACHED: &str = "embedded:";

/// Embeds what has no vector until the library stops.
pub(crate) fn run(shared: &Shared) {
    let Some(embed) = shared.embed.clone() else { return };
    lower_priority();
    let mut cursor = start(shared, embed.name());
    let mut heard = 0;
    while !shared.stopped() {
        match step(shared, embed.as_ref(), cursor) {
            Ok(Some(next)) => {
                cursor = next;
                shared.tell_fault("vectors", None);
            }
            Ok(None) => heard = shared.acknowledged.wait(heard, LOOK_UP),
            Err(error) => {
                warn!(%error, "texts can't be embedded");
                shared.tell_fault("vectors", Some(&error));
                heard = shared.acknowledged.wait(heard, AFTER_A_FAULT);
            }
        }
    }
}

/// Where an earlier run of the program came to. What it says is a shortcut: a point beyond the latest change (of a
/// store that was put back from a copy) counts for nothing.
fn start(shared: &Shared, model: &str) -> MissingCursor {
    let kept = shared.store.meta(&format!("{REACHED}{model}")).ok().flatten();
    let reached = kept.and_then(|text| text.parse().ok()).map(Sequence);
    let latest = shared.store.latest().unwrap_or_default();
    match reached {
        Some(reached) if reached <= latest => MissingCursor::after(reached),
        _ => MissingCursor::default(),
    }
}

/// Embeds the next texts. None when nothing is missing.
fn step(shared: &Shared, embed: &dyn Embed, cursor: MissingCursor) -> Result<Option<MissingCursor>, Error> {
    let mut page = shared.store.missing_vectors(embed.name(), cursor, TEXTS_AT_ONCE)?;
    page.missing.sort_by_key(|missing| missing.text.len());
    let mut computed: Vec<(TextHash, Vector)> = Vec::new();
    let mut kept = Instant::now();
    for batch in page.missing.chunks(BATCH) {
        step_aside(shared);
        if shared.stopped() {
            break;
        }
        computed.extend(compute(embed, batch)?);
        shared.board.count_embedded(batch.len() as u64);
        if kept.elapsed() >= KEEP_AFTER {
            keep(shared, &mut computed)?;
            kept = Instant::now();
        }
    }
    keep(shared, &mut computed)?;
    if shared.stopped() {
        return Ok(Some(cursor));
    }
    if page.end {
        reach(shared, embed.name(), page.next.sequence())?;
    }
    let idle = page.end && page.missing.is_empty();
    Ok((!idle).then_some(page.next))
}

fn compute(embed: &dyn Embed, batch: &[Missing]) -> Result<Vec<(TextHash, Vector)>, Error> {
    let texts: Vec<&str> = batch.iter().map(|missing| missing.text.as_str()).collect();
    let vectors = embed.passages(&texts)?;
    if vectors.len() != batch.len() {
        return Err(Error::internal(format!(
            "the model gave {} vectors for {} texts",
            vectors.len(),
            batch.len()
        )));
    }
    let pairs = batch.iter().zip(vectors);
    pairs
        .map(|(missing, components)| match Vector::quantise(&components) {
            Some(vector) => Ok((missing.hash, vector)),
            None => {
                Err(Error::internal("the model gave a vector of another length, or one that is no number"))
            }
        })
        .collect()
}

fn keep(shared: &Shared, computed: &mut Vec<(TextHash, Vector)>) -> Result<(), Error> {
    if computed.is_empty() {
        return Ok(());
    }
    shared.derived.keep_vectors(&shared.store, computed)?;
    computed.clear();
    let embedded = shared.derived.index().vectors() as u64;
    shared.board.update(|progress| progress.embedded = embedded);
    Ok(())
}

/// Notes that nothing is missing up to a point.
fn reach(shared: &Shared, model: &str, point: Sequence) -> Result<(), Error> {
    let point_number = point.0.max(0) as u64;
    if shared.embedded.swap(point_number, Ordering::AcqRel) != point_number {
        shared.store.set_meta(&format!("{REACHED}{model}"), &point.0.to_string())?;
    }
    shared.in_step.ring();
    Ok(())
}

fn step_aside(shared: &Shared) {
    let until = Instant::now() + STEP_ASIDE;
    while shared.asking.load(Ordering::Relaxed) > 0 && Instant::now() < until && !shared.stopped() {
        std::thread::sleep(STEP);
    }
}

/// Lets everything else go first on the processor. Where the system refuses, the batches are short all the same.
#[cfg(unix)]
fn lower_priority() {
    let _ = rustix::process::nice(10);
}

#[cfg(not(unix))]
fn lower_priority() {}
