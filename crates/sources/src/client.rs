//! How is something asked of a place, under limits, until somebody says stop?

use std::io::Write;
use std::time::{Duration, Instant};

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, StatusCode};
use intramuros_core::perimeter::Purpose;
use intramuros_egress::connection::Connection;
use intramuros_egress::{Egress, EgressError, Request, base64};
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::declared::Declared;
use crate::failure::Failure;

/// Time until the first byte of an answer, and between two pieces of it. 60 s: a large folder of a busy server.
const WAIT: Duration = Duration::from_secs(60);

/// Time for one request with its whole answer. 20 min: 256 MiB at 220 kB a second; a server that gives a byte now and
/// then holds nobody longer.
const REQUEST_TIME: Duration = Duration::from_secs(1200);

/// Largest answer that is held in memory (a list, a page of results), in bytes. 32 MiB: a folder of 50,000 files.
pub(crate) const MAX_LIST_BYTES: u64 = 32 << 20;

/// The door out, for one visit.
pub(crate) struct Client {
    egress: Egress,
    runtime: Handle,
    stop: watch::Receiver<bool>,
}

/// An answer without its body.
pub(crate) struct Head {
    pub status: StatusCode,
    pub headers: HeaderMap,
}

/// An answer with its body.
pub(crate) struct Answer {
    pub status: StatusCode,
    pub body: Vec<u8>,
}

impl Head {
    /// A header as text; empty when there is none.
    pub fn header(&self, name: &str) -> &str {
        header(&self.headers, name)
    }
}

impl Answer {
    /// The answer when its status is a success.
    ///
    /// # Errors
    /// What the status means otherwise.
    pub fn success(self, what: &str) -> Result<Answer, Failure> {
        if self.status.is_success() { Ok(self) } else { Err(Failure::of_status(self.status, what)) }
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

impl Client {
    pub fn new(egress: Egress, runtime: Handle, stop: watch::Receiver<bool>) -> Client {
        Client { egress, runtime, stop }
    }

    /// Whether somebody says stop.
    pub fn stopped(&self) -> bool {
        *self.stop.borrow()
    }

    /// Does something that waits, until it is done, takes too long, or somebody says stop.
    pub fn wait<T>(
        &self,
        time: Duration,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        self.wait_until(Instant::now() + time, time, work)
    }

    /// Does a piece of something that has `time` as a whole, which is over at `until`, or until somebody says stop.
    pub fn wait_until<T>(
        &self,
        until: Instant,
        time: Duration,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let late = || Failure::Unreachable(format!("no whole answer within {} s", time.as_secs()));
        // What is done at once is never found to be late: who sends on and on would be read on and on.
        if Instant::now() >= until {
            return Err(late());
        }
        let mut stop = self.stop.clone();
        self.runtime.block_on(async {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => Err(Failure::Stopped),
                done = tokio::time::timeout_at(until.into(), work) => done.unwrap_or_else(|_| Err(late())),
            }
        })
    }

    /// Waits.
    ///
    /// # Errors
    /// When somebody says stop meanwhile.
    pub fn pause(&self, time: Duration) -> Result<(), Failure> {
        self.wait(time + Duration::from_secs(1), async {
            tokio::time::sleep(time).await;
            Ok(())
        })
    }

    /// Sends a request and gives its answer with the whole body.
    ///
    /// # Errors
    /// Why there is none. An answer with an error status is an answer.
    pub fn ask(&self, request: Request) -> Result<Answer, Failure> {
        let mut body = Vec::new();
        let limit = request.answer_bytes.min(MAX_LIST_BYTES);
        let head = self.download(request, limit, &mut |_| true, &mut body)?;
        Ok(Answer { status: head.status, body })
    }

    /// Sends a request and writes the body of its answer into `into`, at most `limit` bytes, where `wanted` finds the
    /// answer one whose body is wanted.
    ///
    /// # Errors
    /// Why there is no answer, or not a whole one.
    pub fn download(
        &self,
        request: Request,
        limit: u64,
        wanted: &mut dyn FnMut(&Head) -> bool,
        into: &mut dyn Write,
    ) -> Result<Head, Failure> {
        let request = Request { wait: WAIT, answer_bytes: limit, ..request };
        let egress = self.egress.clone();
        self.wait(REQUEST_TIME, async {
            let mut response = egress.send(request).await?;
            let head = Head { status: response.status, headers: std::mem::take(&mut response.headers) };
            let length = head.header("content-length").parse::<u64>().ok();
            if wanted(&head) {
                if length.is_some_and(|length| length > limit) {
                    return Err(Failure::TooLarge(limit));
                }
                while let Some(piece) = response.chunk().await? {
                    into.write_all(&piece).map_err(Failure::disk)?;
                }
            }
            Ok(head)
        })
    }

    /// Opens a connection for another protocol.
    ///
    /// # Errors
    /// Why it may not leave, or why nobody answers.
    pub fn connect(&self, host: &str, port: u16) -> Result<Connection, Failure> {
        let egress = self.egress.clone();
        self.wait(WAIT, async { egress.connect(Purpose::Source, host, port).await.map_err(Failure::from) })
    }
}

/// `Authorization: Basic …` for a place with a user and a secret; nothing otherwise.
pub(crate) fn basic(declared: &Declared, request: Request) -> Result<Request, Failure> {
    let Some(secret) = &declared.secret else { return Ok(request) };
    let user = declared.source.user.as_deref().unwrap_or_default();
    with_basic(user, secret.reveal(), request)
}

/// `Authorization: Basic …`.
pub(crate) fn with_basic(user: &str, secret: &str, mut request: Request) -> Result<Request, Failure> {
    let encoded = base64(format!("{user}:{secret}").as_bytes());
    let mut value = HeaderValue::from_str(&format!("Basic {encoded}"))
        .map_err(|error| Failure::from(EgressError::Request(error.to_string())))?;
    value.set_sensitive(true);
    request.headers.insert(AUTHORIZATION, value);
    Ok(request)
}

#[cfg(test)]
pub(crate) mod tests {
    use intramuros_core::perimeter::Perimeter;
    use intramuros_egress::Surroundings;

    use super::*;

    /// A client from which nothing may leave, and what says stop to it.
    pub(crate) fn for_tests(runtime: &tokio::runtime::Runtime) -> (Client, watch::Sender<bool>) {
        let perimeter = Perimeter::parse("", "intramuros.toml").unwrap();
        let surroundings = Surroundings::of_system();
        let egress = Egress::new(&perimeter, surroundings, std::sync::Arc::new(|_| Ok(()))).unwrap();
        let (stop, stopped) = watch::channel(false);
        (Client::new(egress, runtime.handle().clone(), stopped), stop)
    }

    #[test]
    fn pieces_of_one_thing_share_its_time() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (client, _stop) = for_tests(&runtime);
        let (began, time) = (Instant::now(), Duration::from_millis(200));
        let mut pieces = 0;
        // Each piece is there at once, and yet they end.
        let failure = loop {
            match client.wait_until(began + time, time, async { Ok(()) }) {
                Ok(()) => pieces += 1,
                Err(failure) => break failure,
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        assert!(pieces > 0 && matches!(failure, Failure::Unreachable(_)), "{pieces} {failure}");
        assert!(client.wait(time, async { Ok(()) }).is_ok());
    }
}
