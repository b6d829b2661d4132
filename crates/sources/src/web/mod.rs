//! What is on this web site, within its own host?
//!
//! From the declared page and the site's maps along its links, breadth first, at a polite pace, where `robots.txt` allows.
//! What was fetched before is asked for on the condition that it changed. Redirections and links that leave the host are
//! not followed. Nothing here runs scripts: a site that is made by them shows what it shows without.

mod links;
mod robots;

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use http::header::{IF_MODIFIED_SINCE, IF_NONE_MATCH};
use http::{HeaderValue, StatusCode};
use intramuros_core::perimeter::host::{parse_url, with_port};
use intramuros_core::perimeter::source::{DEFAULT_DEPTH, page_address, page_path};
use intramuros_core::perimeter::{Host, Purpose};
use intramuros_egress::Request;
use intramuros_library::spool::Held;

use crate::calendar;
use crate::client::{Client, Head, MAX_LIST_BYTES, basic};
use crate::declared::Declared;
use crate::failure::Failure;
use crate::visit::{Entry, Visit};
use crate::xml;
use links::Page;
use robots::Robots;

/// Between two requests. One a second: what sites bear without asking. On this machine there is nobody to be polite to.
const PACE: Duration = Duration::from_secs(1);

/// The longest pause that a site's `robots.txt` is granted; with more, a site of 5,000 pages would take two days.
const MAX_PACE: Duration = Duration::from_secs(30);

/// Bytes of a page that are looked through for links. 8 MiB: the longest pages of real sites.
const MAX_PAGE_BYTES: u64 = 8 << 20;

/// Most maps of a site that are read.
const MAX_MAPS: usize = 50;

/// Longest `robots.txt` that is read, in bytes: what its standard asks for.
const MAX_ROBOTS_BYTES: u64 = 512 << 10;

/// Addresses that wait, for each page that may be taken. 20: what is beyond would never be reached.
const WAITING: usize = 20;

/// Kinds of what pages are made of; none of it is a document.
const NO_DOCUMENTS: [&str; 8] = [
    "image/",
    "video/",
    "audio/",
    "font/",
    "text/css",
    "text/javascript",
    "application/javascript",
    "application/wasm",
];

/// A site while it is visited.
struct Site<'a> {
    declared: &'a Declared,
    /// `https://host:port`
    place: String,
    robots: Robots,
    pace: Duration,
    asked: Option<Instant>,
    /// Addresses that wait: path with query, and how many links led there.
    waiting: VecDeque<(String, u32)>,
    known: HashSet<String>,
}

/// What became of a page.
enum Came {
    /// It is here, and may lead further.
    Here,
    /// It leads to another address.
    Leads(String),
    /// It is of no use.
    Nothing,
}

/// Looks through the site.
///
/// # Errors
/// When its first page can't be had, or the place is lost meanwhile.
pub(crate) fn visit(visit: &mut Visit<'_>) -> Result<(), Failure> {
    let (mut site, first) = site(visit.declared)?;
    site.read_robots(visit.client)?;
    if !site.robots.allows(&first) {
        return Err(Failure::Odd("the site's robots.txt closes the declared page to us".to_owned()));
    }
    site.waits(&first, 0);
    if let Some(why) = site.read_maps(visit.client)? {
        // What stands in that map alone is not gone for it.
        visit.unknown("", why);
    }
    let mut begun = false;
    while let Some((address, depth)) = site.waiting.pop_front() {
        site.pause(visit.client)?;
        match site.page(visit, &address) {
            Ok(Came::Here) => {
                begun = true;
                site.follow(visit, &address, depth)?;
            }
            Ok(Came::Leads(to)) if !begun && !site.is_within(&to) => {
                return Err(Failure::Odd(format!("the site leads to {to}: declare that address")));
            }
            Ok(Came::Leads(to)) => _ = site.resolve(&address, &to).map(|to| site.waits(&to, depth)),
            Ok(Came::Nothing) if !begun && depth == 0 && site.waiting.is_empty() => {
                return Err(Failure::Odd("the declared page can't be had".to_owned()));
            }
            Ok(Came::Nothing) => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(())
}

fn site(declared: &Declared) -> Result<(Site<'_>, String), Failure> {
    let (tls, host, port, path) = parse_url(declared.url()).map_err(Failure::Own)?;
    let scheme = if tls { "https" } else { "http" };
    let here = matches!(&host, Host::Address(address) if address.is_loopback()) || host.is_loopback();
    let site = Site {
        declared,
        place: format!("{scheme}://{}", with_port(&host, port)),
        robots: Robots::default(),
        pace: if here { Duration::ZERO } else { PACE },
        asked: None,
        waiting: VecDeque::new(),
        known: HashSet::new(),
    };
    Ok((site, path))
}

impl Site<'_> {
    fn request(&self, address: &str) -> Result<Request, Failure> {
        basic(self.declared, Request::get(Purpose::Source, format!("{}{address}", self.place)))
    }

    fn pause(&mut self, client: &Client) -> Result<(), Failure> {
        let wait = self.robots.delay().map_or(self.pace, |delay| delay.clamp(self.pace, MAX_PACE));
        let left = self.asked.map_or(Duration::ZERO, |asked| wait.saturating_sub(asked.elapsed()));
        if !left.is_zero() {
            client.pause(left)?;
        }
        self.asked = Some(Instant::now());
        Ok(())
    }

    /// Reads `robots.txt`. One that is not there closes nothing; one that can't be had now closes all, until later.
    fn read_robots(&mut self, client: &Client) -> Result<(), Failure> {
        self.pause(client)?;
        let mut request = self.request("/robots.txt")?;
        request.answer_bytes = MAX_ROBOTS_BYTES;
        let answer = client.ask(request)?;
        match answer.status {
            StatusCode::OK => self.robots = Robots::read(&String::from_utf8_lossy(&answer.body)),
            status if status.is_server_error() => {
                return Err(Failure::of_status(status, "asking for robots.txt"));
            }
            _ => {}
        }
        Ok(())
    }

    /// Reads the site's maps. Pages that stand in none are found along links. Gives why one that is there can't be had.
    fn read_maps(&mut self, client: &Client) -> Result<Option<String>, Failure> {
        let mut missed = None;
        let mut maps: VecDeque<String> =
            self.robots.maps().iter().filter_map(|map| self.resolve("/", map)).collect();
        maps.push_back("/sitemap.xml".to_owned());
        let mut read = HashSet::new();
        while let Some(map) = maps.pop_front() {
            if read.len() == MAX_MAPS || !read.insert(map.clone()) {
                continue;
            }
            self.pause(client)?;
            let mut request = self.request(&map)?;
            request.answer_bytes = MAX_LIST_BYTES;
            let answer = match client.ask(request) {
                Ok(answer) if answer.status == StatusCode::OK => answer,
                Ok(answer) if answer.status.is_server_error() => {
                    missed = Some(format!("a map of the site: it answers {}", answer.status));
                    continue;
                }
                Ok(_) => continue,
                Err(Failure::Stopped) => return Err(Failure::Stopped),
                Err(failure) => {
                    missed = Some(format!("a map of the site: {failure}"));
                    continue;
                }
            };
            let Ok(root) = xml::parse(&answer.body, "reading a map of the site") else { continue };
            for one in root.all("sitemap") {
                maps.extend(self.resolve("/", one.text_of("loc")));
            }
            let pages: Vec<String> =
                root.all("url").filter_map(|one| self.resolve("/", one.text_of("loc"))).collect();
            for page in &pages {
                if client.stopped() {
                    return Err(Failure::Stopped);
                }
                self.waits(page, 1);
            }
        }
        Ok(missed)
    }

    /// Puts an address among those that wait, unless it is known, closed or left out.
    fn waits(&mut self, address: &str, depth: u32) {
        let most = self.declared.source.most_files().saturating_mul(WAITING);
        if self.known.len() >= most {
            return;
        }
        let path = page_path(address);
        // The same page under two ways of writing its address is one page. What is known was held against the rules.
        let page = page_address(&path);
        if self.known.contains(&page) || self.declared.source.excludes(&path) || !self.robots.allows(address)
        {
            return;
        }
        self.known.insert(page.clone());
        self.waiting.push_back((page, depth));
    }

    fn is_within(&self, link: &str) -> bool {
        self.resolve("/", link).is_some()
    }

    /// The path and query that a link leads to; none for another place.
    fn resolve(&self, from: &str, link: &str) -> Option<String> {
        links::resolve(&self.place, from, link)
    }

    /// Asks for a page, on the condition that it changed since it was fetched.
    fn page(&self, visit: &mut Visit<'_>, address: &str) -> Result<Came, Failure> {
        let path = page_path(address);
        let known = visit.spool.held(&path).filter(|held| held.fault.is_none()).cloned();
        let kept = visit.declared.source.takes(&path);
        let mut request = self.request(address)?;
        if let Some(known) = known.as_ref().filter(|known| kept && !known.version.is_empty()) {
            condition(&mut request, known);
        }
        let limit = self.declared.file_bytes;
        let mut incoming = visit.spool.incoming(&path).map_err(Failure::disk)?;
        let mut is_document = false;
        let mut wanted = |head: &Head| {
            let kind = head.header("content-type").to_ascii_lowercase();
            is_document = !NO_DOCUMENTS.iter().any(|start| kind.starts_with(start));
            head.status == StatusCode::OK && is_document && !head.header("x-robots-tag").contains("noindex")
        };
        let result = visit.client.download(request, limit, &mut wanted, &mut incoming);
        let head = match result {
            Ok(head) => head,
            Err(failure @ Failure::TooLarge(_)) => {
                visit.take_failed(&path, failure)?;
                return Ok(Came::Nothing);
            }
            Err(failure) => return Err(failure),
        };
        match head.status {
            StatusCode::NOT_MODIFIED if known.is_some() => {
                visit.keep(&path)?;
                Ok(Came::Here)
            }
            StatusCode::OK if is_document => {
                let entry = Entry {
                    version: version(&head),
                    modified_ms: calendar::of_http(head.header("last-modified")),
                    path,
                    ..Entry::default()
                };
                // A page on the way to those that are taken is looked through and then let go.
                visit.take_fetched(entry, incoming)?;
                Ok(Came::Here)
            }
            status if status.is_redirection() => Ok(Came::Leads(head.header("location").to_owned())),
            StatusCode::UNAUTHORIZED if address == self.first() => {
                Err(Failure::of_status(head.status, "asking for the page"))
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                visit.take_failed(&path, Failure::File(format!("the site answers {}", head.status)))?;
                Ok(Came::Nothing)
            }
            StatusCode::TOO_MANY_REQUESTS => Err(Failure::of_status(head.status, "asking for a page")),
            status if status.is_server_error() => {
                let why = format!("the site answers {status}");
                visit.take_failed(&path, Failure::Unreachable(why.clone()))?;
                // Where it leads is not known now: nothing is gone for it.
                visit.unknown("", format!("{path}: {why}"));
                Ok(Came::Nothing)
            }
            _ => Ok(Came::Nothing),
        }
    }

    fn first(&self) -> String {
        parse_url(self.declared.url()).map(|(.., path)| page_address(&page_path(&path))).unwrap_or_default()
    }

    /// Takes the links of a page that is here.
    ///
    /// # Errors
    /// When somebody says stop: there may be thousands, each to be held against a thousand rules.
    fn follow(&mut self, visit: &mut Visit<'_>, address: &str, depth: u32) -> Result<(), Failure> {
        let path = page_path(address);
        let bytes = visit.spool.bytes(&path, MAX_PAGE_BYTES).unwrap_or_default();
        let page = Page::read(&bytes);
        if page.closed || !visit.declared.source.takes(&path) {
            visit.let_go(&path);
        }
        if depth >= self.declared.source.depth.unwrap_or(DEFAULT_DEPTH) {
            return Ok(());
        }
        let from = page
            .base
            .as_deref()
            .and_then(|base| self.resolve(address, base))
            .unwrap_or_else(|| address.to_owned());
        let mut links = HashSet::new();
        for link in &page.links {
            if visit.client.stopped() {
                return Err(Failure::Stopped);
            }
            // A page often leads to the same place many times.
            if let Some(to) = self.resolve(&from, link)
                && links.insert(to.clone())
            {
                self.waits(&to, depth + 1);
            }
        }
        Ok(())
    }
}

/// What tells that a page is the same: its entity tag and its date, a line each.
fn version(head: &Head) -> String {
    let (tag, date) = (head.header("etag"), head.header("last-modified"));
    if tag.is_empty() && date.is_empty() { String::new() } else { format!("{tag}\n{date}") }
}

fn condition(request: &mut Request, known: &Held) {
    let (tag, date) = known.version.split_once('\n').unwrap_or((&known.version, ""));
    for (name, value) in [(IF_NONE_MATCH, tag), (IF_MODIFIED_SINCE, date)] {
        if let Ok(value) = HeaderValue::from_str(value)
            && !value.is_empty()
        {
            request.headers.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use intramuros_core::perimeter::Perimeter;
    use intramuros_library::spool::Spool;

    use super::*;
    use crate::client::tests::for_tests;

    #[test]
    fn a_page_of_links_is_left_when_somebody_says_stop() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (client, stop) = for_tests(&runtime);
        let toml = "[[egress]]\nhost = '127.0.0.1'\nport = 9\npurpose = 'source'\ntls = false\n\
                    [[source]]\nname = 'place'\nkind = 'web'\nurl = 'http://127.0.0.1:9/'\n";
        let declared = Declared::all(&Perimeter::parse(toml, "intramuros.toml").unwrap()).unwrap().remove(0);
        let place = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(place.path(), &declared.identity()).unwrap();
        let mut show = |_: &crate::state::Outcome| ();
        let mut hand_over = |_: &mut Spool| -> Result<(), Failure> { Ok(()) };
        let mut visit = Visit::new(&client, &declared, &mut spool, &mut show, &mut hand_over);
        let (mut site, first) = site(&declared).unwrap();
        let path = page_path(&first);
        let mut incoming = visit.spool.incoming(&path).unwrap();
        incoming.write_all(b"<html><a href=/b>b</a><a href=/b>b</a><a href=/c>c</a>").unwrap();
        visit.take_fetched(Entry { path, ..Entry::default() }, incoming).unwrap();
        assert_eq!(site.follow(&mut visit, &first, 0), Ok(()));
        let waiting: Vec<&str> = site.waiting.iter().map(|(address, _)| address.as_str()).collect();
        assert_eq!(waiting, ["/b", "/c"]);
        stop.send(true).unwrap();
        assert_eq!(site.follow(&mut visit, &first, 0), Err(Failure::Stopped));
    }
}
