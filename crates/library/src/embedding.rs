//! Which texts are turned into vectors now, without standing in anybody's way?

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use intramuros_core::error::Error;
use intramuros_core::vector::Vector;
use intramuros_store::{Missing, MissingCursor, Sequence, TextHash};
use tracing::warn;

use crate::embed::Embed;
use crate::library::{NEW_VECTORS, Shared};

/// Texts looked up at once; sorted by length they make batches of like length, which are computed fastest.
const TEXTS_AT_ONCE: usize = 256;

/// Passages of a document that come before the rest of every other. Nearly all documents are whole within it; an export
/// of 200,000 records would otherwise keep all that came after it waiting for hours.
const BEGINNING: u32 = 128;

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

/// Embeds what has no vector until the library stops. The model that serves comes first; then the one that is to.
pub(crate) fn run(shared: &Shared) {
    lower_priority();
    let mut serving = shared.models.serving().map(|model| Course::of(shared, model, true));
    let mut next = shared.models.next().map(|model| Course::of(shared, model, false));
    let mut heard = 0;
    let mut earlier_forgotten = false;
    while !shared.stopped() {
        let went = serving.as_mut().map(|course| course.advance(shared));
        if went == Some(Went::On) {
            continue;
        }
        if let (Some(Went::Complete), None, Some(course), false) = (went, &next, &serving, earlier_forgotten)
        {
            earlier_forgotten = forget_earlier(shared, course.embed.name());
        }
        match next.as_mut().map(|course| course.advance(shared)) {
            Some(Went::On) => continue,
            Some(Went::Complete) => {
                if let Some(course) = next.take() {
                    match course.take_over(shared) {
                        Ok(course) => serving = Some(course),
                        Err(course) => next = Some(course),
                    }
                    continue;
                }
            }
            Some(Went::Resting) | None => {}
        }
        heard = shared.acknowledged.wait(heard, LOOK_UP);
    }
}

/// How far a step came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Went {
    /// There may be more.
    On,
    /// Nothing is missing.
    Complete,
    /// It failed a moment ago, and is tried again later.
    Resting,
}

/// The way of one model through all texts.
struct Course {
    embed: Arc<dyn Embed>,
    /// How far the beginnings of all documents have vectors, and how far everything has.
    beginnings: MissingCursor,
    everything: MissingCursor,
    /// Whether its vectors are those that serve.
    serves: bool,
    /// Vectors made so far, where they don't serve yet.
    made: u64,
    rests_until: Option<Instant>,
}

impl Course {
    fn of(shared: &Shared, embed: Arc<dyn Embed>, serves: bool) -> Course {
        let start = start(shared, embed.name());
        let made = if serves { 0 } else { shared.store.vector_count(embed.name()).unwrap_or(0) };
        if !serves {
            shared.board.update(|progress| progress.renewing = Some(made));
        }
        Course { embed, beginnings: start, everything: start, serves, made, rests_until: None }
    }

    fn who(&self) -> &'static str {
        if self.serves { "vectors" } else { NEW_VECTORS }
    }

    fn advance(&mut self, shared: &Shared) -> Went {
        if self.rests_until.is_some_and(|until| Instant::now() < until) {
            return Went::Resting;
        }
        match self.step(shared) {
            Ok(went) => {
                self.rests_until = None;
                shared.tell_fault(self.who(), None);
                went
            }
            Err(error) => {
                warn!(%error, model = self.embed.name(), "texts can't be embedded");
                let error = if self.serves { error } else { serves_meanwhile(error) };
                shared.tell_fault(self.who(), Some(&error));
                self.rests_until = Some(Instant::now() + AFTER_A_FAULT);
                Went::Resting
            }
        }
    }

    /// Embeds the next texts: first those of beginnings.
    fn step(&mut self, shared: &Shared) -> Result<Went, Error> {
        let name = self.embed.name();
        let mut page = shared.store.missing_vectors(name, self.beginnings, BEGINNING, TEXTS_AT_ONCE)?;
        let of_beginnings = !(page.end && page.missing.is_empty());
        if !of_beginnings {
            self.beginnings = page.next;
            page = shared.store.missing_vectors(name, self.everything, u32::MAX, TEXTS_AT_ONCE)?;
        }
        let embed = Arc::clone(&self.embed);
        page.missing.sort_by_key(|missing| missing.text.len());
        if !page.missing.is_empty() {
            shared.board.begin_embedding();
        }
        let mut computed: Vec<(TextHash, Vector)> = Vec::new();
        let mut kept = Instant::now();
        for batch in page.missing.chunks(embed.batch().max(1)) {
            step_aside(shared);
            if shared.stopped() {
                break;
            }
            match compute(embed.as_ref(), batch) {
                Ok(more) => computed.extend(more),
                Err(error) => {
                    // What was made before is not made again.
                    self.keep(shared, &mut computed)?;
                    return Err(error);
                }
            }
            shared.board.count_embedded(batch.len() as u64);
            if kept.elapsed() >= KEEP_AFTER {
                self.keep(shared, &mut computed)?;
                kept = Instant::now();
            }
        }
        self.keep(shared, &mut computed)?;
        if shared.stopped() {
            return Ok(Went::On);
        }
        if of_beginnings {
            self.beginnings = page.next;
            return Ok(Went::On);
        }
        if page.end {
            reach(shared, embed.name(), page.next.sequence(), self.serves)?;
        }
        self.everything = page.next;
        Ok(if page.end && page.missing.is_empty() { Went::Complete } else { Went::On })
    }

    fn keep(&mut self, shared: &Shared, computed: &mut Vec<(TextHash, Vector)>) -> Result<(), Error> {
        if computed.is_empty() {
            return Ok(());
        }
        if self.serves {
            shared.derived.keep_vectors(&shared.store, computed)?;
            let embedded = shared.derived.index().vectors() as u64;
            shared.board.update(|progress| progress.embedded = embedded);
        } else {
            let rows: Vec<_> = computed.iter().map(|(hash, vector)| (*hash, vector.to_bytes())).collect();
            shared.store.put_vectors(self.embed.name(), &rows)?;
            self.made += rows.len() as u64;
            let made = self.made;
            shared.board.update(|progress| progress.renewing = Some(made));
        }
        computed.clear();
        Ok(())
    }

    /// Puts its vectors in the place of those that serve; gives itself back unchanged where it is not complete any more.
    fn take_over(self, shared: &Shared) -> Result<Course, Course> {
        let (name, cursor) = (self.embed.name().to_owned(), self.everything);
        let complete = || {
            let page = shared.store.missing_vectors(&name, cursor, u32::MAX, 1)?;
            Ok(page.end && page.missing.is_empty())
        };
        let done =
            shared.derived.renew_vectors(&shared.store, self.embed.as_ref(), complete).and_then(|done| {
                if done {
                    shared.models.serve(&shared.store, Arc::clone(&self.embed)).map(|()| true)
                } else {
                    Ok(false)
                }
            });
        match done {
            Ok(true) => {
                let embedded = shared.derived.index().vectors() as u64;
                shared.board.update(|progress| {
                    progress.embedded = embedded;
                    progress.renewing = None;
                });
                shared.embedded.store(0, Ordering::Release);
                tracing::info!(model = self.embed.name(), "the vectors of another model serve now");
                Ok(Course { serves: true, ..self })
            }
            Ok(false) => Err(self),
            Err(error) => {
                warn!(%error, "the vectors of another model can't be taken over yet");
                shared.tell_fault(NEW_VECTORS, Some(&serves_meanwhile(error)));
                Err(Course { rests_until: Some(Instant::now() + AFTER_A_FAULT), ..self })
            }
        }
    }
}

/// Deletes the vectors of all models but the one whose vectors serve and are complete. Says whether that is done.
fn forget_earlier(shared: &Shared, serving: &str) -> bool {
    let forgotten = shared.store.models().and_then(|models| {
        for model in models.iter().filter(|model| model.as_str() != serving) {
            // First how far it came: should it be declared again, nothing of it may be taken as there.
            shared.store.remove_meta(&format!("{REACHED}{model}"))?;
            shared.store.forget_model(model)?;
            tracing::info!(model, "the vectors of an earlier embedding model were deleted");
        }
        Ok(())
    });
    match forgotten {
        Ok(()) => true,
        Err(error) => {
            warn!(%error, "the vectors of an earlier embedding model can't be deleted yet");
            false
        }
    }
}

/// What keeps a new model from taking over, said so that nobody worries about the search.
fn serves_meanwhile(error: Error) -> Error {
    let said = format!("{}; the vectors of the earlier embedding model serve meanwhile", error.message);
    error.hints.into_iter().fold(Error::new(error.kind, said), |said, hint| said.hint(hint))
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

/// Notes that nothing is missing up to a point.
fn reach(shared: &Shared, model: &str, point: Sequence, serves: bool) -> Result<(), Error> {
    let key = format!("{REACHED}{model}");
    let text = point.0.to_string();
    if shared.store.meta(&key)?.as_deref() != Some(text.as_str()) {
        shared.store.set_meta(&key, &text)?;
    }
    if serves {
        shared.embedded.store(point.0.max(0) as u64, Ordering::Release);
        shared.in_step.ring();
    }
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
