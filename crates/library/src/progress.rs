//! How far is the work, how fast does it go, and how long will it take?

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

/// Over how long the rate of embedding is taken. 10 s: steady enough to be read, quick enough to follow a change.
const RATE_OVER: Duration = Duration::from_secs(10);

/// Longest time between two batches of one work. 2 min: a service is waited for as long; before it nothing was embedded.
const LONGEST_BATCH: Duration = Duration::from_secs(120);

/// What is being done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Nothing: everything is in step, or nothing was started.
    #[default]
    Idle,
    /// Folders are looked through.
    Looking,
    /// Files are read.
    Reading,
}

/// How far the work is.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Progress {
    /// What is being done to files.
    pub phase: Phase,
    /// The source being read.
    pub source: String,
    /// Files found in it.
    pub files_found: u64,
    /// Of these, files that are new or changed.
    pub files_to_read: u64,
    /// Of these, files dealt with.
    pub files_done: u64,
    /// Of these, files that could not be read.
    pub files_failed: u64,
    /// Files taken away because they are gone.
    pub files_removed: u64,
    /// Bytes of the files to read.
    pub bytes_to_read: u64,
    /// Bytes of the files dealt with.
    pub bytes_done: u64,
    /// Passages added since the start of the program.
    pub passages_added: u64,
    /// Whether the words of everything acknowledged can be searched.
    pub words_in_step: bool,
    /// Passages in all.
    pub passages: u64,
    /// Passages whose vectors are there.
    pub embedded: u64,
    /// Texts that have a vector of the model that is to take over; none where none is.
    pub renewing: Option<u64>,
    /// Texts embedded per second, lately.
    pub embedding_rate: f64,
    /// Seconds that reading will still take, as far as can be told.
    pub reading_seconds_left: Option<f64>,
    /// Seconds that embedding will still take, as far as can be told.
    pub embedding_seconds_left: Option<f64>,
    /// What stands in the way of the work, in words; none when nothing does.
    pub trouble: Option<String>,
}

#[derive(Debug, Default)]
struct State {
    progress: Progress,
    /// Grows with each change.
    version: u64,
    reading_since: Option<Instant>,
    /// When how many texts had been embedded.
    embedded: Vec<(Instant, u64)>,
    embedded_in_all: u64,
}

/// The progress of a library: threads at work write it, any number of watchers read it.
#[derive(Debug, Default)]
pub(crate) struct Board {
    state: Mutex<State>,
    changed: Condvar,
}

impl Board {
    /// How far the work is now.
    pub fn now(&self) -> Progress {
        self.lock().read()
    }

    /// How far the work is, once it differs from version `seen` or `wait` has passed; with its version.
    pub fn after(&self, seen: u64, wait: Duration) -> (u64, Progress) {
        let state = self.lock();
        let (state, _) = self
            .changed
            .wait_timeout_while(state, wait, |state| state.version == seen)
            .unwrap_or_else(PoisonError::into_inner);
        (state.version, state.read())
    }

    /// Changes what is shown.
    pub fn update(&self, change: impl FnOnce(&mut Progress)) {
        let mut state = self.lock();
        let phase = state.progress.phase;
        change(&mut state.progress);
        if state.progress.phase != phase {
            state.reading_since = (state.progress.phase == Phase::Reading).then(Instant::now);
        }
        state.version += 1;
        self.changed.notify_all();
    }

    /// Says that texts are embedded from now on: without it the first of them would tell no rate.
    pub fn begin_embedding(&self) {
        let mut state = self.lock();
        let now = Instant::now();
        let in_all = state.embedded_in_all;
        forget_old(&mut state.embedded, now);
        if state.embedded.is_empty() {
            state.embedded.push((now, in_all));
        }
    }

    /// Counts texts that were embedded.
    pub fn count_embedded(&self, texts: u64) {
        let mut state = self.lock();
        let now = Instant::now();
        state.embedded_in_all += texts;
        let in_all = state.embedded_in_all;
        forget_old(&mut state.embedded, now);
        state.embedded.push((now, in_all));
        state.version += 1;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn read(&self) -> Progress {
        let mut progress = self.progress.clone();
        let seconds = self.reading_since.map(|since| since.elapsed().as_secs_f64());
        progress.reading_seconds_left =
            seconds.and_then(|seconds| left(seconds, progress.bytes_done, progress.bytes_to_read));
        if let (Some((first, before)), Some((last, after))) = (self.embedded.first(), self.embedded.last()) {
            let seconds = last.duration_since(*first).as_secs_f64();
            if seconds > 0.0 {
                progress.embedding_rate = (after - before) as f64 / seconds;
            }
        }
        let missing = progress.passages.saturating_sub(progress.embedded);
        progress.embedding_seconds_left = match missing {
            0 => Some(0.0),
            _ if progress.embedding_rate > 0.0 => Some(missing as f64 / progress.embedding_rate),
            _ => None,
        };
        progress
    }
}

/// Leaves what a rate is taken from. The newest of what is older than that stays: where a batch takes longer, there is a rate
/// all the same.
fn forget_old(embedded: &mut Vec<(Instant, u64)>, now: Instant) {
    embedded.retain(|(at, _)| now.duration_since(*at) <= LONGEST_BATCH);
    let old = embedded.iter().take_while(|(at, _)| now.duration_since(*at) > RATE_OVER).count();
    embedded.drain(..old.saturating_sub(1));
}

/// Seconds left when `done` of `all` took `seconds`; none while there is too little to tell.
fn left(seconds: f64, done: u64, all: u64) -> Option<f64> {
    (done > 0 && seconds > 0.2).then(|| seconds * all.saturating_sub(done) as f64 / done as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_follows_from_the_share_that_is_done() {
        let check = |seconds: f64, done: u64, all: u64, expected: Option<f64>| {
            assert_eq!(left(seconds, done, all), expected);
        };
        check(0.1, 5, 10, None);
        check(2.0, 0, 10, None);
        check(2.0, 5, 10, Some(2.0));
        check(2.0, 10, 10, Some(0.0));
    }

    #[test]
    fn there_is_a_rate_where_batches_take_long_and_none_from_before_a_rest() {
        let begun = Instant::now();
        let check = |seconds: &[u64], now: u64, expected: &[u64]| {
            let mut embedded: Vec<(Instant, u64)> =
                seconds.iter().map(|at| (begun + Duration::from_secs(*at), *at)).collect();
            forget_old(&mut embedded, begun + Duration::from_secs(now));
            assert_eq!(embedded.iter().map(|(_, texts)| *texts).collect::<Vec<_>>(), expected);
        };
        check(&[0, 4, 8], 9, &[0, 4, 8]);
        check(&[0, 4, 8], 16, &[4, 8]);
        check(&[0, 30], 60, &[30]);
        check(&[0, 30], 7_200, &[]);
        check(&[], 1, &[]);
    }

    #[test]
    fn the_first_texts_that_are_embedded_tell_how_long_the_others_take() {
        let board = Board::default();
        board.update(|progress| progress.passages = 29);
        board.begin_embedding();
        std::thread::sleep(Duration::from_millis(20));
        board.count_embedded(8);
        board.update(|progress| progress.embedded = 8);
        let progress = board.now();
        assert!(progress.embedding_rate > 0.0, "{progress:?}");
        assert!(progress.embedding_seconds_left.is_some_and(|left| left > 0.0), "{progress:?}");
    }

    #[test]
    fn a_watcher_wakes_when_something_changes() {
        let board = Board::default();
        std::thread::scope(|scope| {
            let watcher = scope.spawn(|| board.after(0, Duration::from_secs(20)));
            board.update(|progress| progress.files_found = 3);
            let (version, progress) = watcher.join().unwrap();
            assert_eq!((version, progress.files_found), (1, 3));
        });
    }
}
