//! When is each place looked at, and how did it go?
//!
//! A thread for each place: it looks, waits for its interval (longer after a failure, and never to the second, so that
//! many programs don't come at once), and looks again. Somebody can ask for a look at once.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use intramuros_core::error::Error;
use intramuros_core::perimeter::SourceKind;
use intramuros_core::perimeter::source::DEFAULT_INTERVAL_MINUTES;
use intramuros_egress::Egress;
use intramuros_library::Library;
use intramuros_library::spool::{self, Spool};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::client::Client;
use crate::declared::Declared;
use crate::failure::Failure;
use crate::state::{Outcome, Phase, State};
use crate::visit::Visit;
use crate::{git, imap, s3, web, webdav};

/// After the first failure; each further one doubles it.
const AFTER_A_FAILURE: Duration = Duration::from_secs(60);

/// The longest wait after failures.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// After a refusal of our name and secret. Places close an account that knocks too often.
const AFTER_A_REFUSAL: Duration = Duration::from_secs(1800);

/// The longest that a thread waits before it looks at the clock: a machine that slept is late.
const LOOK_UP: Duration = Duration::from_secs(30);

/// The file beside the spool that keeps how a place did.
const STATE: &str = "state.json";

/// Called after each look, with the source's name: for the journal.
pub type Note = Arc<dyn Fn(&str, &Outcome) + Send + Sync>;

/// All places outside.
pub struct Syncs {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    // Drives connections; dropped after the threads have ended.
    _runtime: Option<Runtime>,
}

struct Shared {
    places: Vec<Place>,
    library: Arc<Library>,
    egress: Egress,
    runtime: tokio::runtime::Handle,
    stop: watch::Receiver<bool>,
    note: Note,
}

struct Place {
    declared: Declared,
    state: Mutex<State>,
    /// Somebody asked for a look now.
    asked: Mutex<bool>,
    bell: Condvar,
    /// One look at a time.
    looking: Mutex<()>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Syncs {
    /// The declared places, of which nothing is asked yet.
    ///
    /// # Errors
    /// When the system gives no means to wait for sockets.
    pub fn new(
        declared: Vec<Declared>,
        egress: Egress,
        library: Arc<Library>,
        note: Note,
    ) -> Result<Syncs, Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("sources")
            .enable_all()
            .build()
            .map_err(|error| Error::internal("no runtime could be made").because(error))?;
        let (stop, stopped) = watch::channel(false);
        let data = library.store().folder().to_owned();
        let places = declared.into_iter().map(|declared| {
            let name = &declared.source.name;
            let state = State::load(&spool::folder(&data, name).join(STATE), name);
            Place {
                state: Mutex::new(state),
                asked: Mutex::new(false),
                bell: Condvar::new(),
                looking: Mutex::new(()),
                declared,
            }
        });
        let handle = runtime.handle().clone();
        let places = places.collect();
        let shared = Shared { places, library, egress, runtime: handle, stop: stopped, note };
        Ok(Syncs { shared: Arc::new(shared), stop, threads: Mutex::default(), _runtime: Some(runtime) })
    }

    /// Looks at each place from now on.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn follow(&self) -> Result<(), Error> {
        for number in 0..self.shared.places.len() {
            let shared = Arc::clone(&self.shared);
            let thread = std::thread::Builder::new()
                .name("source".to_owned())
                .spawn(move || shared.follow(number))
                .map_err(|error| Error::internal("a thread can't be started").because(error))?;
            lock(&self.threads).push(thread);
        }
        Ok(())
    }

    /// Looks at a place now and reads what is new.
    ///
    /// # Errors
    /// Why it was not seen whole; what was fetched before that is read. None when there is no such place.
    pub fn look(&self, name: &str) -> Option<Result<Outcome, Failure>> {
        let place = self.shared.places.iter().find(|place| place.declared.source.name == name)?;
        Some(self.shared.look(place))
    }

    /// Asks for a look at once; false when there is no such place.
    pub fn ask(&self, name: &str) -> bool {
        let place = self.shared.places.iter().find(|place| place.declared.source.name == name);
        if let Some(place) = place {
            *lock(&place.asked) = true;
            place.bell.notify_all();
        }
        place.is_some()
    }

    /// How each place does.
    pub fn states(&self) -> Vec<State> {
        self.shared.places.iter().map(|place| lock(&place.state).clone()).collect()
    }

    /// Names of the places.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.shared.places.iter().map(|place| place.declared.source.name.as_str())
    }

    /// Has every look end at its next step.
    pub fn stop(&self) {
        // Nobody waits for it when no thread runs.
        let _ = self.stop.send(true);
        for place in &self.shared.places {
            place.bell.notify_all();
        }
    }
}

impl Drop for Syncs {
    fn drop(&mut self) {
        self.stop();
        for thread in self.threads.get_mut().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // A thread that panicked said so already.
            let _ = thread.join();
        }
        if let Some(runtime) = self._runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Shared {
    fn stopped(&self) -> bool {
        *self.stop.borrow()
    }

    fn follow(&self, number: usize) {
        let Some(place) = self.places.get(number) else { return };
        while !self.stopped() {
            if self.wait(place) {
                // What failed stands in the state, and in the journal.
                let _ = self.look(place);
            }
        }
    }

    /// Waits for the time of the next look, or for somebody who asks; false when the program stops.
    fn wait(&self, place: &Place) -> bool {
        let mut asked = lock(&place.asked);
        loop {
            if self.stopped() {
                return false;
            }
            let next = lock(&place.state).next_ms.unwrap_or(0);
            let left = u64::try_from(next - now_ms()).unwrap_or(0);
            if *asked || left == 0 {
                *asked = false;
                return true;
            }
            let wait = Duration::from_millis(left).min(LOOK_UP);
            asked = place.bell.wait_timeout(asked, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn look(&self, place: &Place) -> Result<Outcome, Failure> {
        let _one_at_a_time = lock(&place.looking);
        let name = &place.declared.source.name;
        let folder = spool::folder(self.library.store().folder(), name);
        let began_ms = now_ms();
        lock(&place.state).phase = Phase::Fetching;
        let (mut outcome, result) = self.fetch(place, began_ms);
        lock(&place.state).phase = Phase::Reading;
        // Also after a failure: what was fetched before it is there to be found.
        let read = self.library.scan(name).map_err(|error| Failure::Own(error.to_string()));
        let result = result.and(read.map(drop));
        outcome.ended_ms = now_ms();
        if let Err(failure) = &result {
            outcome.fail(failure);
        }
        let stopped = result == Err(Failure::Stopped);
        {
            let mut state = lock(&place.state);
            state.phase = Phase::Waiting;
            if !stopped {
                settle(&mut state, &place.declared, &outcome, result.as_ref().err());
            }
            state.last = Some(outcome.clone());
            state.save(&folder.join(STATE));
        }
        if !stopped {
            (self.note)(name, &outcome);
        }
        result.map(|()| outcome)
    }

    /// Visits a place; what it came to is told in any case.
    fn fetch(&self, place: &Place, began_ms: i64) -> (Outcome, Result<(), Failure>) {
        let name = &place.declared.source.name;
        let folder = spool::folder(self.library.store().folder(), name);
        let mut spool = match Spool::open(&folder, &place.declared.identity()) {
            Ok(spool) => spool,
            Err(error) => return (Outcome { began_ms, ..Outcome::default() }, Err(Failure::disk(error))),
        };
        let client = Client::new(self.egress.clone(), self.runtime.clone(), self.stop.clone());
        let mut show = |outcome: &Outcome| lock(&place.state).last = Some(outcome.clone());
        let mut hand_over = |spool: &mut Spool| {
            spool.save().map_err(Failure::disk)?;
            self.library.scan(name).map(drop).map_err(|error| Failure::Own(error.to_string()))
        };
        let emptied = lock(&place.state).emptied;
        let mut visit = Visit::new(&client, &place.declared, &mut spool, &mut show, &mut hand_over);
        visit.outcome.began_ms = began_ms;
        (visit.show)(&visit.outcome);
        let mut result = go(&mut visit);
        if result == Err(Failure::Gone) {
            result = Err(Failure::Odd("there is nothing at this address".to_owned()));
        }
        let nothing = result.is_ok() && visit.found_nothing();
        lock(&place.state).emptied = nothing;
        if nothing && !emptied {
            result = Err(Failure::Odd(
                "it is empty where there was something: nothing was removed; the next look takes it for true"
                    .to_owned(),
            ));
        }
        if result.is_ok() {
            result = visit.end();
        }
        let outcome = visit.outcome;
        let saved = spool.save().map_err(Failure::disk);
        (outcome, result.and(saved))
    }
}

/// Visits a place, each kind in its own way.
fn go(visit: &mut Visit<'_>) -> Result<(), Failure> {
    match visit.declared.source.kind {
        SourceKind::Webdav => webdav::visit(visit),
        SourceKind::S3 => s3::visit(visit),
        SourceKind::Git => git::visit(visit),
        SourceKind::Web => web::visit(visit),
        SourceKind::Imap => imap::visit(visit),
        kind => Err(Failure::Own(format!("sources of kind `{}` are not visited", kind.word()))),
    }
}

/// Takes over what a look came to, and says when the next one is.
fn settle(state: &mut State, declared: &Declared, outcome: &Outcome, failure: Option<&Failure>) {
    let minutes = declared.source.interval_minutes.unwrap_or(DEFAULT_INTERVAL_MINUTES);
    let interval = Duration::from_secs(u64::from(minutes) * 60);
    state.failures = if failure.is_some() { state.failures.saturating_add(1) } else { 0 };
    if failure.is_none() {
        state.whole_ms = Some(outcome.ended_ms);
    }
    let wait = pause(interval, state.failures, failure, random());
    state.next_ms =
        Some(outcome.ended_ms.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)));
}

/// How long until the next look. `random` is from 0 to 255.
fn pause(interval: Duration, failures: u32, failure: Option<&Failure>, random: u8) -> Duration {
    let wait = match failure {
        None => interval,
        Some(Failure::Credentials(_)) => AFTER_A_REFUSAL.max(interval),
        Some(_) => AFTER_A_FAILURE.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(LONGEST_WAIT),
    };
    // From 90 to 110 %.
    wait * (230 + u32::from(random) / 5) / 256
}

fn random() -> u8 {
    let mut byte = [0];
    // Without randomness everybody comes at the same time, which is no fault.
    let _ = ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut byte);
    byte[0]
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_fails_is_asked_less_and_less_often() {
        let check = |failures: u32, failure: Option<Failure>, expected: std::ops::RangeInclusive<u64>| {
            for random in [0, 128, 255] {
                let wait = pause(Duration::from_secs(900), failures, failure.as_ref(), random).as_secs();
                assert!(expected.contains(&wait), "{failures} {failure:?}: {wait}");
            }
        };
        let down = || Some(Failure::Unreachable("x".into()));
        check(0, None, 800..=1000);
        check(1, down(), 53..=67);
        check(3, down(), 215..=265);
        check(40, down(), 3200..=4000);
        check(1, Some(Failure::Credentials("x".into())), 1600..=2000);
        assert_ne!(pause(LONGEST_WAIT, 0, None, 0), pause(LONGEST_WAIT, 0, None, 200));
    }
}
