//! How much may one request, one address and all of them together ask for?

use std::time::Duration;

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

/// Files that are brought at the same time. 16: each holds a thread and a few pieces of its file.
pub const UPLOADS_AT_ONCE: usize = 16;

/// How long a file may take to come. An hour: the largest over a line of half a megabit a second.
pub const UPLOAD_TIME: Duration = Duration::from_secs(3600);

/// How long nothing of a file may come.
pub const UPLOAD_PAUSE: Duration = Duration::from_secs(60);

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
        }
    }
}
