//! What is in this bucket?
//!
//! The service lists the objects page by page (`ListObjectsV2`); an object is the same as long as its entity tag is. The
//! bucket stands in the path of the address, which every service understands. Who may read an object is not told in a list.

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue, StatusCode};
use intramuros_core::perimeter::Purpose;
use intramuros_core::perimeter::host::{parse_url, with_port};
use intramuros_core::perimeter::source::{decode_path, encode_path};
use intramuros_egress::Request;

use crate::calendar;
use crate::client::{Client, MAX_LIST_BYTES};
use crate::declared::Declared;
use crate::failure::Failure;
use crate::signature::{EMPTY, Signer, moment, query};
use crate::visit::{Entry, Visit};
use crate::xml;

/// The region of services that have none.
const REGION: &str = "us-east-1";

/// Objects in one page of the list; what services give at most.
const PAGE: &str = "1000";

/// Pages of one list. 10,000: ten million objects; with pages that bring nothing, a list without end ends.
const MAX_PAGES: usize = 10_000;

/// The declared bucket.
struct Bucket<'a> {
    declared: &'a Declared,
    /// `https://host:port`
    place: String,
    /// The host as it stands in the header.
    host: String,
    /// The bucket's name.
    name: String,
    /// What the keys begin with; empty for all of them, with a slash at its end otherwise.
    prefix: String,
}

/// Looks through the bucket.
///
/// # Errors
/// When it can't be listed to the end, or the place is lost meanwhile.
pub(crate) fn visit(visit: &mut Visit<'_>) -> Result<(), Failure> {
    let bucket = bucket(visit.declared)?;
    let mut token: Option<String> = None;
    for _ in 0..MAX_PAGES {
        let page = bucket.page(visit.client, token.as_deref())?;
        for object in page.all("Contents") {
            offer(visit, &bucket, object)?;
        }
        let next = page.text_of("NextContinuationToken").to_owned();
        if page.text_of("IsTruncated") != "true" {
            return Ok(());
        }
        if next.is_empty() || token.as_ref() == Some(&next) {
            return Err(Failure::Odd("the list of objects goes on at no other place than before".to_owned()));
        }
        token = Some(next);
    }
    Err(Failure::Limit(format!("the list of objects has more than {MAX_PAGES} pages")))
}

fn offer(visit: &mut Visit<'_>, bucket: &Bucket<'_>, object: &xml::Element) -> Result<(), Failure> {
    // Keys are sent encoded, since XML can't hold every one of them.
    let Some(key) = decode_path(&object.text_of("Key").replace('+', " ")) else {
        visit.outcome.refused += 1;
        return Ok(());
    };
    let Some(path) = key.strip_prefix(&bucket.prefix) else {
        visit.outcome.refused += 1;
        return Ok(());
    };
    // What browsers of buckets put in the place of a folder.
    if path.is_empty() || path.ends_with('/') {
        return Ok(());
    }
    let entry = Entry {
        path: path.to_owned(),
        version: object.text_of("ETag").to_owned(),
        size: object.text_of("Size").parse().ok(),
        modified_ms: calendar::of_iso(object.text_of("LastModified")),
        rule: None,
    };
    let limit = bucket.declared.file_bytes;
    visit.offer(entry, &mut |client: &Client, into: &mut dyn Write| {
        let request = bucket.request(&key, "")?;
        let head = client.download(request, limit, &mut |head| head.status == StatusCode::OK, into)?;
        match head.status {
            StatusCode::OK => Ok(()),
            // Such as 400 for an object in an archive, or one encrypted with a key that is not ours.
            status => Err(Failure::of_file(status, "fetching the object")),
        }
    })
}

fn bucket(declared: &Declared) -> Result<Bucket<'_>, Failure> {
    let (tls, host, port, path) = parse_url(declared.url()).map_err(Failure::Own)?;
    let path = decode_path(path.trim_matches('/')).unwrap_or_default();
    let (name, prefix) = path.split_once('/').unwrap_or((&path, ""));
    if name.is_empty() {
        return Err(Failure::Own("the address names no bucket: write `https://HOST/BUCKET`".to_owned()));
    }
    let (scheme, plain) = if tls { ("https", 443) } else { ("http", 80) };
    let with = with_port(&host, port);
    let host =
        if port == plain { with.trim_end_matches(&format!(":{plain}")).to_owned() } else { with.clone() };
    let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
    Ok(Bucket { declared, place: format!("{scheme}://{with}"), host, name: name.to_owned(), prefix })
}

impl Bucket<'_> {
    fn page(&self, client: &Client, token: Option<&str>) -> Result<xml::Element, Failure> {
        let mut pairs = vec![("list-type", "2"), ("encoding-type", "url"), ("max-keys", PAGE)];
        if !self.prefix.is_empty() {
            pairs.push(("prefix", &self.prefix));
        }
        if let Some(token) = token {
            pairs.push(("continuation-token", token));
        }
        let mut request = self.request("", &query(&pairs))?;
        request.answer_bytes = MAX_LIST_BYTES;
        let answer = client.ask(request)?;
        let what = "listing the bucket";
        if answer.status == StatusCode::FORBIDDEN {
            // The words of the service, as far as they are one of its codes: a wrong key, a wrong secret, no right.
            let code = xml::parse(&answer.body, what)
                .map(|error| error.text_of("Code").to_owned())
                .unwrap_or_default();
            let code: String = code.chars().filter(char::is_ascii_alphanumeric).take(60).collect();
            return Err(Failure::Credentials(format!("{what}: the place answers 403 {code}")));
        }
        xml::parse(&answer.success(what)?.body, what)
    }

    /// A signed request for an object, or for the bucket itself where `key` is empty. `query` is encoded already.
    fn request(&self, key: &str, query: &str) -> Result<Request, Failure> {
        let path = match key {
            "" => format!("/{}", encode_path(&self.name)),
            key => format!("/{}/{}", encode_path(&self.name), encode_path(key)),
        };
        let mark = if query.is_empty() { "" } else { "?" };
        let mut request = Request::get(Purpose::Source, format!("{}{path}{mark}{query}", self.place));
        let (Some(key), Some(secret)) = (&self.declared.source.user, &self.declared.secret) else {
            return Ok(request);
        };
        let region = self.declared.source.region.as_deref().unwrap_or(REGION);
        let now = moment(now_ms());
        let signer = Signer { key, secret: secret.reveal(), region };
        let authorization = signer.authorization(&self.host, &path, query, &now);
        let value = |text: &str| HeaderValue::from_str(text).map_err(|error| Failure::Own(error.to_string()));
        let mut authorization = value(&authorization)?;
        authorization.set_sensitive(true);
        request.headers.insert(AUTHORIZATION, authorization);
        request.headers.insert(HeaderName::from_static("x-amz-date"), value(&now)?);
        request
            .headers
            .insert(HeaderName::from_static("x-amz-content-sha256"), HeaderValue::from_static(EMPTY));
        Ok(request)
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(0)
}
