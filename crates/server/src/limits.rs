//! How much may one request, one address, one person and all of them together ask for?

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use intramuros_core::access::Principal;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::caller::Caller;
use crate::failure::Failure;
use crate::record;

/// Longest question in bytes. 2 KiB: a long paragraph; the address that carries it is still taken by every proxy.
pub const MAX_QUESTION_BYTES: usize = 2 << 10;

/// Largest body of a request, in bytes. 4 MiB: a conversation of a thousand long turns.
pub const MAX_BODY_BYTES: usize = 4 << 20;

/// Most results in one answer. 100: what an evaluation looks at; a person reads ten.
pub const MAX_RESULTS: usize = 100;

/// Results in one answer when nothing is said.
pub const DEFAULT_RESULTS: usize = 10;

/// Most results that can be reached by skipping: what the index ranks.
pub const MAX_REACH: usize = intramuros_search::MAX_HITS;

/// Most values of one filter. 16: more than there are kinds of file.
pub const MAX_VALUES: usize = 16;

/// Longest value of a filter in bytes. 1 KiB: a deep folder.
pub const MAX_VALUE_BYTES: usize = 1 << 10;

/// Most parameters of one request: every filter at its limit stays below.
pub const MAX_PARAMETERS: usize = 100;

/// Most blocks of a document in one answer. 1,500: some forty pages, drawn in well under a second.
pub const MAX_BLOCKS: usize = 1_500;

/// Blocks of a document in one answer when nothing is said.
pub const DEFAULT_BLOCKS: usize = 400;

/// Text of a document in one answer, in bytes; at least one block is given. 512 KiB: forty dense pages.
pub const MAX_TEXT_BYTES: usize = 512 << 10;

/// Largest file that is taken, in bytes: what is read of one file where nothing else is declared.
pub const MAX_UPLOAD_BYTES: u64 = 256 << 20;

/// Largest file that is attached to a conversation, in bytes. 64 MiB: a scanned report of some hundred pages; whoever asks
/// waits for its reading.
pub const MAX_ATTACHED_BYTES: u64 = 64 << 20;

/// How long a file may take to come. An hour: the largest over a line of half a megabit a second.
pub const UPLOAD_TIME: Duration = Duration::from_secs(3600);

/// Most documents of a folder in one answer, and how many when nothing is said. 500: what a page shows at once.
pub const MAX_LISTED: usize = 500;
pub const DEFAULT_LISTED: usize = 100;

/// Largest PDF whose pages are drawn, in bytes. 64 MiB: it is read anew for each page; larger ones are downloaded.
pub const MAX_DRAWN_BYTES: u64 = 64 << 20;

/// Widest picture of a page, in pixels: a wide screen with two dots to the pixel.
pub const MAX_PICTURE_WIDTH: u64 = 2_400;

/// Width of such a picture when nothing is said: a page beside its results.
pub const DEFAULT_PICTURE_WIDTH: u64 = 1_000;

/// Most blocks of a page that are looked for to be marked. 200: a page full of short lines.
pub const MAX_MARKS: usize = 200;

/// Most headings in a document's outline.
pub const MAX_OUTLINE: usize = 300;

/// Most lines in one list of what was not read.
pub const MAX_FAILURES: usize = 1_000;

/// Lines in such a list when nothing is said.
pub const DEFAULT_FAILURES: usize = 200;

/// Longest path in the address line, in bytes: none of ours comes near.
pub const MAX_PATH_BYTES: usize = 1 << 10;

/// Longest head of a request (line and headers) in bytes. 32 KiB: the longest address that the other limits allow,
/// percent-encoded, with the headers of a browser.
pub const MAX_HEAD_BYTES: usize = 32 << 10;

/// How long a client may take for the head of a request.
pub const HEAD_TIME: Duration = Duration::from_secs(10);

/// How long a client may take for the body of a request, files apart. 60 s: the largest over a line of a megabit a second.
pub const BODY_TIME: Duration = Duration::from_secs(60);

/// How long a client may take nothing of an answer that waits for it.
pub const UNREAD_TIME: Duration = Duration::from_secs(60);

/// How long open requests may go on after the program was asked to stop.
pub const SHUTDOWN_TIME: Duration = Duration::from_secs(5);

/// Between two events of progress. 250 ms: smooth for the eye, four small answers a second.
pub const EVENT_EVERY: Duration = Duration::from_millis(250);

/// A quiet event stream says this often that it is alive, below the usual minute after which proxies give up.
pub const EVENT_KEEP_ALIVE: Duration = Duration::from_secs(20);

/// Addresses whose rate is remembered; the fullest buckets are forgotten first. 10,000: an organisation.
pub const MAX_ADDRESSES: usize = 10_000;

/// Limits that depend on the machine and the surroundings.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Calls of the library at the same time. Four for each processor: they wait for the disk now and then.
    pub at_once: usize,
    /// How long a request waits for its turn. 2 s: whoever types has asked something else by then.
    pub wait: Duration,
    /// How long the library may take for one answer. 15 s: a hundred times the slowest measured.
    pub time: Duration,
    /// Requests a second from one address, on average. 500: a load test or a reverse proxy on this machine, which all
    /// come from one address; a person who types makes ten.
    pub rate: f64,
    /// Requests that may come at once beyond the rate.
    pub burst: f64,
    /// Attempts to come in, a second from one address, on average. 1: nobody types faster.
    pub sign_in_rate: f64,
    /// Attempts to come in that may be made at once beyond the rate. 20: an office behind one address.
    pub sign_in_burst: f64,
    /// Refused requests of one address that are written down, a second on average. 2: whoever knocks without end fills no
    /// disk; how many more there were stands in the next entry.
    pub refusal_rate: f64,
    /// Refused requests that are written down at once beyond the rate.
    pub refusal_burst: f64,
    /// Connections at the same time. 512: six for each of 80 browsers. One address holds half of them at most.
    pub connections: usize,
    /// How long the body of a request may take.
    pub body_time: Duration,
    /// Event streams at the same time. 128: one for each open page.
    pub streams: usize,
    /// Event streams of one person. 8: more than the six connections that a browser opens.
    pub streams_each: usize,
    /// Answers that are written at the same time. 128: they wait for a model most of the time.
    pub answers: usize,
    /// Answers of one person. 8: a few pages, or a program that asks for several people.
    pub answers_each: usize,
    /// Files that are brought at the same time. 16: each holds a thread and a few pieces of its file.
    pub uploads: usize,
    /// Files of one person. 4: they fill a line, and four people can bring some at the same time.
    pub uploads_each: usize,
    /// How long nothing of a file may come. A minute: as long as for a whole body. A file that finds no place waits as long.
    pub upload_pause: Duration,
    /// Bytes of a file that must come in such a time on average. 64 KiB: a telephone modem
    /// sends six times as much.
    pub upload_least: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        let processors = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Limits {
            at_once: processors * 4,
            wait: Duration::from_secs(2),
            time: Duration::from_secs(15),
            rate: 500.0,
            burst: 1_000.0,
            sign_in_rate: 1.0,
            sign_in_burst: 20.0,
            refusal_rate: 2.0,
            refusal_burst: 200.0,
            connections: 512,
            body_time: BODY_TIME,
            streams: 128,
            streams_each: 8,
            answers: 128,
            answers_each: 8,
            uploads: 16,
            uploads_each: 4,
            upload_pause: Duration::from_secs(60),
            upload_least: 64 << 10,
        }
    }
}

impl Limits {
    /// Calls of the library that one person may have at the same time: half of all, so that others find room. Each
    /// processor has two of them to do still.
    pub(crate) fn at_once_each(&self) -> usize {
        self.at_once.div_ceil(2)
    }
}

/// Whose share it is: a person by their number, others by their name in the journal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Sharer(i64, String);

impl Sharer {
    /// Somebody; `person` is 0 for this machine's owner and for programs.
    pub fn new(person: i64, principal: &Principal) -> Sharer {
        // A name may change while something is held.
        Sharer(person, if person == 0 { record::name(principal) } else { String::new() })
    }
}

impl From<&Caller> for Sharer {
    fn from(caller: &Caller) -> Sharer {
        Sharer::new(caller.person.map_or(0, |person| person.0), &caller.principal)
    }
}

/// Places of one kind, of which one person may have a share: whoever takes as many as they can leaves room for others.
pub(crate) struct Shares {
    all: Arc<Semaphore>,
    /// How many one person may have; none where there is nobody else.
    each: Option<usize>,
    /// The shares of those who have a place or wait for one.
    held: Mutex<HashMap<Sharer, Arc<Semaphore>>>,
}

/// A place; dropped, it is free again.
#[derive(Debug)]
pub(crate) struct Place {
    _all: OwnedSemaphorePermit,
    _own: Option<OwnedSemaphorePermit>,
}

impl Shares {
    /// So many places, and so many for one person at most.
    pub fn new(most: usize, each: Option<usize>) -> Shares {
        Shares { all: Arc::new(Semaphore::new(most)), each, held: Mutex::default() }
    }

    /// One place for each person, and room for everybody.
    pub fn one_each() -> Shares {
        Shares::new(Semaphore::MAX_PERMITS, Some(1))
    }

    /// A place; of nobody's share where it is not known who asks. First somebody waits for one of their own, then for one of
    /// all: who waits for themselves stands in nobody's way.
    ///
    /// # Errors
    /// When none was free for so long.
    pub async fn take(&self, whose: Option<&Sharer>, wait: Duration) -> Result<Place, Failure> {
        let until = Instant::now() + wait;
        let own = match whose.and_then(|whose| self.share_of(whose)) {
            Some(share) => {
                let own = timeout_at(until, share.acquire_owned()).await.map_err(|_| share_is_taken())?;
                Some(own.map_err(Failure::internal)?)
            }
            None => None,
        };
        let all = timeout_at(until, Arc::clone(&self.all).acquire_owned()).await;
        let all = all.map_err(|_| Failure::busy())?.map_err(Failure::internal)?;
        Ok(Place { _all: all, _own: own })
    }

    fn share_of(&self, whose: &Sharer) -> Option<Arc<Semaphore>> {
        let each = self.each?;
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever has a place, or waits for one, holds it as well.
        held.retain(|_, share| Arc::strong_count(share) > 1);
        let share = held.entry(whose.clone()).or_insert_with(|| Arc::new(Semaphore::new(each)));
        Some(Arc::clone(share))
    }
}

/// What somebody is told whose own requests take all of their share.
fn share_is_taken() -> Failure {
    let (french, english) = ("vos propres demandes attendent encore", "your own requests are still waiting");
    Failure {
        status: StatusCode::TOO_MANY_REQUESTS,
        kind: "too_many",
        message: format!("{french} / {english}"),
        hints: vec!["let them come to their end, then ask again".to_owned()],
        cause: None,
        retry_after: Some(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(120);

    fn sharer(person: i64, name: &str) -> Sharer {
        Sharer::new(person, &Principal::named(name, [] as [&str; 0]))
    }

    #[tokio::test]
    async fn one_person_has_a_share_and_the_rest_is_for_others() {
        let (shares, rose, remi) = (Shares::new(4, Some(2)), sharer(7, "rose"), sharer(8, "remi"));
        let first = shares.take(Some(&rose), MOMENT).await.unwrap();
        let _second = shares.take(Some(&rose), MOMENT).await.unwrap();
        let renamed = sharer(7, "rosa");
        let refused = shares.take(Some(&renamed), MOMENT).await.unwrap_err();
        assert_eq!((refused.status.as_u16(), refused.kind), (429, "too_many"), "a person is their number");
        assert!(refused.message.contains("vos propres") && refused.message.contains("your own"));
        // Others have their places all the same, and then there are no more for anybody.
        let others = [shares.take(Some(&remi), MOMENT).await, shares.take(None, MOMENT).await];
        assert!(others.iter().all(Result::is_ok));
        let nobody_left = shares.take(Some(&sharer(0, "service:bot")), MOMENT).await.unwrap_err();
        assert_eq!((nobody_left.status.as_u16(), nobody_left.kind), (503, "busy"));
        // Who waits has the place that is given back.
        let (again, ()) = tokio::join!(shares.take(Some(&rose), LONG), async {
            tokio::task::yield_now().await;
            drop(first);
        });
        assert!(again.is_ok());
    }

    #[tokio::test]
    async fn where_there_is_nobody_else_the_share_is_the_whole() {
        let (shares, owner) = (Shares::new(2, None), sharer(0, "owner"));
        let held = [shares.take(Some(&owner), MOMENT).await, shares.take(Some(&owner), MOMENT).await];
        assert!(held.iter().all(Result::is_ok));
        assert_eq!(shares.take(Some(&owner), MOMENT).await.unwrap_err().kind, "busy");
    }

    #[tokio::test]
    async fn who_holds_nothing_is_forgotten() {
        let shares = Shares::new(4, Some(1));
        let held = shares.take(Some(&sharer(1, "")), MOMENT).await.unwrap();
        for person in 2..100 {
            drop(shares.take(Some(&sharer(person, "")), MOMENT).await.unwrap());
        }
        assert_eq!(shares.held.lock().unwrap().len(), 2, "who holds one, and who came last");
        let again = shares.take(Some(&sharer(1, "")), MOMENT).await;
        assert!(again.is_err(), "whose place is held is not forgotten");
        drop(held);
        assert!(shares.take(Some(&sharer(1, "")), MOMENT).await.is_ok());
    }

    #[tokio::test]
    async fn one_answer_of_a_person_is_written_after_the_other() {
        let turns = Shares::one_each();
        let rose = turns.take(Some(&sharer(7, "rose")), LONG).await.unwrap();
        let renamed = sharer(7, "rosa");
        let mut again = Box::pin(turns.take(Some(&renamed), LONG));
        assert!(tokio::time::timeout(MOMENT, &mut again).await.is_err(), "a person is their number");
        // Others don't wait, nor do two programs for each other.
        let others = [sharer(8, "remi"), sharer(0, "service:a"), sharer(0, "service:b")];
        for other in &others {
            drop(turns.take(Some(other), MOMENT).await.unwrap());
        }
        drop(rose);
        assert!(again.await.is_ok());
        drop(turns.take(Some(&sharer(9, "anne")), MOMENT).await.unwrap());
        assert_eq!(turns.held.lock().unwrap().len(), 1, "what nobody holds is forgotten");
    }
}
