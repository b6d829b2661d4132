//! What do all requests share?

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderMap, header};
use intramuros_core::access::Principal;
use intramuros_core::document::{ExtractError, PageLook, PageWish};
use intramuros_core::error::Error;
use intramuros_dialogue::Writers;
use intramuros_journal::Event;
use intramuros_library::Library;
use tokio::sync::watch;

use crate::accounts::Accounts;
use crate::endpoints::Table;
use crate::failure::Failure;
use crate::guard::Lines;
use crate::limits::{Limits, Sharer, Shares};
use crate::progress::Seen;
use crate::rate::Buckets;
use crate::router::endpoints;
use crate::walls::Walls;

tokio::task_local! {
    /// Who asks, while that is done: the turns that are taken meanwhile are of their share ([`Shared::call`]).
    pub(crate) static ASKER: Sharer;
}

/// Looks at a page of a PDF, in a process that can be stopped.
pub type Look = Arc<dyn Fn(&[u8], &PageWish) -> Result<PageLook, ExtractError> + Send + Sync>;

/// What the server is told at its start.
#[derive(Clone)]
pub struct Settings {
    /// Who a visitor is where nobody signs in, because only this machine can connect: the owner.
    pub visitor: Principal,
    /// The people; none where there are none to be known, as over pipes.
    pub accounts: Option<Arc<Accounts>>,
    /// Proxies whose word on the client's address is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// The address people type, where a proxy stands before the server: `https://search.example.org`.
    pub public_url: Option<String>,
    /// How much may be asked for.
    pub limits: Limits,
    /// Hash (BLAKE3) of the token that programs must show under `/v1` and `/mcp`; none where none is declared.
    pub token: Option<blake3::Hash>,
    /// Draws pages; none where none are drawn.
    pub look: Option<Look>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            visitor: Principal::owner(),
            accounts: None,
            trusted_proxies: Vec::new(),
            public_url: None,
            limits: Limits::default(),
            token: None,
            look: None,
        }
    }
}

/// What is served.
pub struct Application {
    /// The documents.
    pub library: Arc<Library>,
    /// How.
    pub settings: Settings,
    /// Within what.
    pub walls: Walls,
    /// The models that write answers; [`Writers::none`] for none.
    pub writers: Arc<Writers>,
}

/// What the handlers share.
pub(crate) struct Shared {
    library: Arc<Library>,
    pub visitor: Principal,
    /// The people.
    pub accounts: Option<Arc<Accounts>>,
    /// Proxies that are believed.
    pub trusted_proxies: Vec<IpAddr>,
    pub limits: Limits,
    pub buckets: Buckets,
    /// How often one address may try to come in.
    pub sign_ins: Buckets,
    /// How many refused requests of one address are written down.
    pub refusals: Buckets,
    /// Refused requests since the last one that was written down.
    pub unwritten: AtomicU64,
    /// What the log says of wrong requests.
    pub lines: Lines,
    /// What holds at each address.
    pub table: Table,
    pub hosts: Hosts,
    /// The last progress that was seen.
    pub progress: watch::Receiver<Seen>,
    /// Becomes true when the program stops.
    pub stopping: watch::Receiver<bool>,
    /// Event streams.
    pub streams: Shares,
    /// Answers on their way: apart from the streams, which stay open without asking anything.
    pub answers: Shares,
    /// Who has an answer written now by a model of which they have so many tokens a day.
    pub writing: Shares,
    /// The journal, the way out, the seal.
    pub walls: Walls,
    /// The models that write answers.
    pub writers: Arc<Writers>,
    /// Hash of the token that programs must show; none where none is declared.
    pub token: Option<blake3::Hash>,
    /// Draws pages.
    pub look: Option<Look>,
    /// The address at which the page is opened, without a slash at its end.
    pub home: String,
    turns: Shares,
    /// Files that may be brought at the same time.
    pub bringing: Shares,
    /// Held by who has what people brought follow the names that changed.
    pub following: tokio::sync::Mutex<()>,
    /// Random part of request numbers, so that those of two runs differ.
    run: u32,
    requests: AtomicU64,
}

impl Shared {
    pub fn new(
        application: Application,
        addresses: &[SocketAddr],
        progress: watch::Receiver<Seen>,
        stopping: watch::Receiver<bool>,
    ) -> Shared {
        let Application { library, settings, walls, writers } = application;
        let Settings { visitor, accounts, trusted_proxies, public_url, limits, token, look } = settings;
        // Where nobody signs in there is nobody else to leave room for.
        let people_sign_in = accounts.as_ref().is_some_and(|accounts| accounts.demanded);
        let shares = |most: usize, each: usize| Shares::new(most, people_sign_in.then_some(each));
        let first = addresses.first().map(SocketAddr::to_string).unwrap_or_default();
        let home = public_url.clone().unwrap_or_else(|| format!("http://{first}"));
        Shared {
            library,
            visitor,
            accounts,
            trusted_proxies,
            buckets: Buckets::new(limits.rate, limits.burst),
            sign_ins: Buckets::new(limits.sign_in_rate, limits.sign_in_burst),
            refusals: Buckets::new(limits.refusal_rate, limits.refusal_burst),
            unwritten: AtomicU64::new(0),
            lines: Lines::default(),
            table: Table::new(endpoints()),
            hosts: Hosts::new(addresses, public_url.as_deref()),
            progress,
            stopping,
            streams: shares(limits.streams, limits.streams_each),
            answers: shares(limits.answers, limits.answers_each),
            writing: Shares::one_each(),
            walls,
            writers,
            token,
            look,
            home: home.trim_end_matches('/').to_owned(),
            turns: shares(limits.at_once, limits.at_once_each()),
            bringing: shares(limits.uploads, limits.uploads_each),
            following: tokio::sync::Mutex::default(),
            run: std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0) as u32,
            requests: AtomicU64::new(0),
            limits,
        }
    }

    /// Whether who shows nothing is nobody.
    pub fn demands_accounts(&self) -> bool {
        self.accounts.as_ref().is_some_and(|accounts| accounts.demanded)
    }

    /// The people.
    ///
    /// # Errors
    /// Where there are none.
    pub fn accounts(&self) -> Result<&Arc<Accounts>, Failure> {
        self.accounts.as_ref().ok_or_else(Failure::not_found)
    }

    /// Whether cookies are for encrypted connections alone: unless somebody on this machine asks it by its own name.
    pub fn is_secure(&self, headers: &HeaderMap) -> bool {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let name =
            host.rsplit_once(':').filter(|(_, port)| !port.contains(']')).map_or(host, |(name, _)| name);
        self.home.starts_with("https://") || !is_loopback_name(&name.to_ascii_lowercase())
    }

    /// Number of the next request, for the log and the answer's header.
    pub fn next_request(&self) -> String {
        format!("{:08x}-{}", self.run, self.requests.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Writes down what happened, before it is answered. Where refusal is declared, the answer waits for the disk.
    pub async fn note(&self, event: Event) -> Result<(), Failure> {
        self.note_all(vec![event]).await
    }

    /// Writes down several things that happened, in their order, as [`Shared::note`].
    pub async fn note_all(&self, events: Vec<Event>) -> Result<(), Failure> {
        if !self.walls.record.is_kept() || events.is_empty() {
            return Ok(());
        }
        let record = self.walls.record.clone();
        let task =
            tokio::task::spawn_blocking(move || events.into_iter().try_for_each(|event| record.note(event)));
        let noted = tokio::time::timeout(self.limits.time, task).await.map_err(|_| Failure::slow())?;
        noted.map_err(Failure::internal)?.map_err(Failure::not_recorded)
    }

    /// The documents, to be called from a thread that may wait.
    pub fn library(&self) -> Arc<Library> {
        Arc::clone(&self.library)
    }

    /// Does what may wait for the disk on a thread that may. It is not given up: what is begun is done.
    pub async fn waiting<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        tokio::task::spawn_blocking(work).await.map_err(Failure::internal)
    }

    /// Calls the library on a thread that may wait, in turn and within the time limit. The turn is of the share of who asks,
    /// where that is told ([`ASKER`]).
    pub async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Library) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Failure> {
        let asker = ASKER.try_with(Sharer::clone).ok();
        let turn = self.turns.take(asker.as_ref(), self.limits.wait).await?;
        let library = Arc::clone(&self.library);
        let task = tokio::task::spawn_blocking(move || {
            // The turn ends with the work, also when nobody waits for it any more.
            let _turn = turn;
            work(&library)
        });
        let done = tokio::time::timeout(self.limits.time, task).await.map_err(|_| Failure::slow())?;
        Ok(done.map_err(Failure::internal)??)
    }
}

/// The names under which the server may be called. A page elsewhere that lets its own name point here is found out by
/// the `Host` header that the browser sends.
#[derive(Debug)]
pub(crate) struct Hosts {
    ports: HashSet<u16>,
    /// Ports on which every address of this machine is listened on: then each of them is a name, as an address can't be
    /// made to point elsewhere.
    all: HashSet<u16>,
    declared: HashSet<String>,
}

impl Hosts {
    fn new(addresses: &[SocketAddr], public_url: Option<&str>) -> Hosts {
        let authority = |url: &str| {
            let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
            rest.split('/').next().unwrap_or_default().to_ascii_lowercase()
        };
        let mut declared: HashSet<String> = public_url.map(authority).into_iter().collect();
        declared.extend(addresses.iter().map(SocketAddr::to_string));
        let all =
            addresses.iter().filter(|address| address.ip().is_unspecified()).map(SocketAddr::port).collect();
        Hosts { ports: addresses.iter().map(SocketAddr::port).collect(), all, declared }
    }

    /// Whether `host` (with its port) names this server.
    pub fn accept(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        if self.declared.contains(&host) {
            return true;
        }
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !port.contains(']') => (name, port.parse().ok()),
            _ => (host.as_str(), Some(80)),
        };
        let Some(port) = port else { return false };
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        (self.ports.contains(&port) && is_loopback_name(name))
            || (self.all.contains(&port) && bare.parse::<IpAddr>().is_ok())
    }

    /// Whether an `Origin` is this server's own.
    pub fn accept_origin(&self, origin: &str) -> bool {
        ["http://", "https://"]
            .iter()
            .any(|scheme| origin.strip_prefix(scheme).is_some_and(|host| self.accept(host)))
    }
}

fn is_loopback_name(name: &str) -> bool {
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_are_taken() {
        let hosts = Hosts::new(&["127.0.0.1:7171".parse().unwrap()], Some("https://search.example.org/"));
        let check = |host: &str, expected: bool| assert_eq!(hosts.accept(host), expected, "{host}");
        check("127.0.0.1:7171", true);
        check("localhost:7171", true);
        check("LOCALHOST:7171", true);
        check("[::1]:7171", true);
        check("search.example.org", true);
        check("search.example.org:81", false);
        check("localhost", false);
        check("localhost:7172", false);
        check("evil.example:7171", false);
        check("localhost.evil.example:7171", false);
        check("10.0.0.1:7171", false);
        check("", false);
        assert!(hosts.accept_origin("http://localhost:7171"));
        assert!(hosts.accept_origin("https://search.example.org"));
        assert!(!hosts.accept_origin("null"));
        assert!(!hosts.accept_origin("http://evil.example"));
        let hosts = Hosts::new(&["0.0.0.0:80".parse().unwrap()], None);
        let check = |host: &str, expected: bool| assert_eq!(hosts.accept(host), expected, "{host}");
        check("10.0.0.1", true);
        check("[fd00::1]:80", true);
        check("10.0.0.1:81", false);
        check("evil.example", false);
    }
}
