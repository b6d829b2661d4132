//! What is in this WebDAV folder, and who may read it?
//!
//! Folder by folder (`PROPFIND` with depth 1: servers refuse the whole tree at once). A file is the same as long as its
//! entity tag is; where there is none, as long as its date and size are. Nextcloud and ownCloud tell the owner of a file
//! and with whom it is shared; what is shared with a folder is shared with what is in it.

use std::collections::BTreeSet;
use std::io::Write;

use http::{HeaderName, HeaderValue, Method, StatusCode};
use intramuros_core::access::{AccessRule, check_name};
use intramuros_core::perimeter::Purpose;
use intramuros_core::perimeter::host::{parse_url, with_port};
use intramuros_core::perimeter::source::{decode_path, encode_path};
use intramuros_egress::Request;

use crate::calendar;
use crate::client::{Client, MAX_LIST_BYTES, basic};
use crate::declared::Declared;
use crate::failure::Failure;
use crate::visit::{Entry, Visit};
use crate::xml::{self, Element};

/// Folders within folders. 64: deeper ones are made by faults, or without end.
const MAX_DEPTH: usize = 64;

/// Most folders. 200,000: one question each.
const MAX_FOLDERS: usize = 200_000;

/// What is asked of each file and folder.
const QUESTION: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns" xmlns:nc="http://nextcloud.org/ns"><d:prop>
<d:resourcetype/><d:getetag/><d:getlastmodified/><d:getcontentlength/>
<oc:owner-id/><oc:share-types/><nc:sharees/></d:prop></d:propfind>"#;

/// A folder that is to be looked into.
struct Folder {
    /// Its path below the declared one; empty for that itself.
    path: String,
    depth: usize,
    /// With whom it, or what it lies in, is shared.
    shared: Readers,
}

/// Users and groups that a file is shared with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Readers {
    users: BTreeSet<String>,
    groups: BTreeSet<String>,
}

/// A line of a list.
#[derive(Debug, PartialEq)]
struct Listed {
    /// The name below the folder that was asked for; empty for that itself.
    name: String,
    folder: bool,
    version: String,
    size: Option<u64>,
    modified_ms: i64,
    owner: Option<String>,
    shared: Readers,
}

/// Looks through the declared folder.
///
/// # Errors
/// When the folder itself can't be listed, or the place is lost meanwhile.
pub(crate) fn visit(visit: &mut Visit<'_>) -> Result<(), Failure> {
    let declared = visit.declared;
    let base = base(declared)?;
    let mut left = vec![Folder { path: String::new(), depth: 0, shared: Readers::default() }];
    let mut folders = 1;
    while let Some(folder) = left.pop() {
        let listed = match list(visit.client, declared, &base, &folder.path) {
            Ok(listed) => listed,
            // One folder that is closed or odd says nothing of the others.
            Err(failure @ (Failure::File(_) | Failure::Odd(_) | Failure::TooLarge(_)))
                if folder.depth > 0 =>
            {
                visit.unknown(&folder.path, failure.to_string());
                continue;
            }
            Err(Failure::Gone) if folder.depth > 0 => continue,
            Err(failure) => return Err(failure),
        };
        let own = listed.iter().find(|one| one.name.is_empty());
        let shared = own.map_or_else(|| folder.shared.clone(), |own| folder.shared.clone().and(&own.shared));
        for one in listed.into_iter().filter(|one| !one.name.is_empty()) {
            let path = if folder.path.is_empty() {
                one.name.clone()
            } else {
                format!("{}/{}", folder.path, one.name)
            };
            if !one.folder {
                file(visit, &base, path, one, &shared)?;
            } else if visit.enters(&path) {
                folders += 1;
                if folder.depth == MAX_DEPTH {
                    visit.unknown(&path, format!("folders nested more than {MAX_DEPTH} deep"));
                } else if folders > MAX_FOLDERS {
                    return Err(Failure::Limit(format!("there are more than {MAX_FOLDERS} folders")));
                } else {
                    left.push(Folder { path, depth: folder.depth + 1, shared: shared.clone() });
                }
            }
        }
    }
    Ok(())
}

fn file(
    visit: &mut Visit<'_>,
    base: &Base,
    path: String,
    listed: Listed,
    shared: &Readers,
) -> Result<(), Failure> {
    let declared = visit.declared;
    let address = base.address(&path, false);
    let entry = Entry {
        rule: rule(&listed, shared),
        version: listed.version,
        size: listed.size,
        modified_ms: listed.modified_ms,
        path,
    };
    visit.offer(entry, &mut |client: &Client, into: &mut dyn Write| {
        let request = basic(declared, Request::get(Purpose::Source, &address))?;
        let head =
            client.download(request, declared.file_bytes, &mut |head| head.status == StatusCode::OK, into)?;
        if head.status == StatusCode::OK {
            Ok(())
        } else {
            Err(Failure::of_file(head.status, "fetching the file"))
        }
    })
}

/// Who may read a file: its owner, and with whom it or a folder above it is shared. None where nothing says an owner:
/// then nothing is known. A public link, a mail address or another server names nobody here.
fn rule(listed: &Listed, shared: &Readers) -> Option<AccessRule> {
    let owner = listed.owner.clone()?;
    let Readers { mut users, groups } = shared.clone().and(&listed.shared);
    users.insert(owner);
    Some(AccessRule::readers(users, groups))
}

impl Readers {
    fn and(mut self, other: &Readers) -> Readers {
        self.users.extend(other.users.iter().cloned());
        self.groups.extend(other.groups.iter().cloned());
        self
    }
}

/// The declared folder's address, taken apart.
struct Base {
    /// `https://host:port`
    place: String,
    /// The path, decoded, with a slash at its end.
    path: String,
}

fn base(declared: &Declared) -> Result<Base, Failure> {
    let (tls, host, port, path) = parse_url(declared.url()).map_err(Failure::Own)?;
    let scheme = if tls { "https" } else { "http" };
    let decoded = decode_path(&path).ok_or_else(|| Failure::Own("the address is not UTF-8".to_owned()))?;
    Ok(Base {
        place: format!("{scheme}://{}", with_port(&host, port)),
        path: format!("{}/", decoded.trim_end_matches('/')),
    })
}

impl Base {
    fn address(&self, path: &str, folder: bool) -> String {
        let slash = if folder && !path.is_empty() { "/" } else { "" };
        format!("{}{}{slash}", self.place, encode_path(&format!("{}{path}", self.path)))
    }

    /// The name of what an address leads to, right below a folder; empty for the folder itself, none for elsewhere.
    fn name(&self, folder: &str, address: &str) -> Option<String> {
        let path = match address.find("://") {
            // Some servers write whole addresses, at times under another host's name; the path is what counts.
            Some(at) => &address[at + 3..][address[at + 3..].find('/')?..],
            None => address,
        };
        let decoded = decode_path(path)?;
        let above = if folder.is_empty() { self.path.clone() } else { format!("{}{folder}/", self.path) };
        if decoded.trim_end_matches('/') == above.trim_end_matches('/') {
            return Some(String::new());
        }
        let name = decoded.strip_prefix(&above)?.trim_end_matches('/');
        // Anything but a name right below is another folder's, and would be walked twice or without end.
        (!name.contains('/') && !matches!(name, "" | "." | "..")).then(|| name.to_owned())
    }
}

fn list(client: &Client, declared: &Declared, base: &Base, folder: &str) -> Result<Vec<Listed>, Failure> {
    let method = Method::from_bytes(b"PROPFIND").map_err(|error| Failure::Own(error.to_string()))?;
    let mut request = basic(declared, Request::new(Purpose::Source, method, base.address(folder, true)))?;
    request.headers.insert(HeaderName::from_static("depth"), HeaderValue::from_static("1"));
    request
        .headers
        .insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/xml; charset=utf-8"));
    request.body = QUESTION.into();
    request.answer_bytes = MAX_LIST_BYTES;
    let what = if folder.is_empty() { "listing the folder" } else { "listing a folder" };
    let answer = client.ask(request)?;
    if answer.status != StatusCode::MULTI_STATUS {
        return Err(match answer.status.is_success() {
            true => Failure::Odd(format!(
                "{what}: the place answers {}, so it is no WebDAV folder",
                answer.status
            )),
            false => Failure::of_status(answer.status, what),
        });
    }
    let root = xml::parse(&answer.body, what)?;
    Ok(root.all("response").filter_map(|response| listed(base, folder, response)).collect())
}

fn listed(base: &Base, folder: &str, response: &Element) -> Option<Listed> {
    let name = base.name(folder, response.text_of("href"))?;
    let good = |found: &&Element| {
        let status = found.text_of("status");
        status.is_empty() || status.split(' ').nth(1) == Some("200")
    };
    let properties: Vec<&Element> =
        response.all("propstat").filter(good).filter_map(|found| found.child("prop")).collect();
    let property = |name: &str| properties.iter().find_map(|prop| prop.child(name));
    let text = |name: &str| property(name).map(|found| found.text.trim()).unwrap_or_default();
    let (tag, date, length) = (text("getetag"), text("getlastmodified"), text("getcontentlength"));
    let version = match (tag.is_empty(), date.is_empty()) {
        (false, _) => tag.to_owned(),
        (true, false) => format!("{date} {length}"),
        (true, true) => String::new(),
    };
    let owner = text("owner-id");
    Some(Listed {
        name,
        folder: property("resourcetype").is_some_and(|kind| kind.child("collection").is_some()),
        version,
        size: length.parse().ok(),
        modified_ms: calendar::of_http(date),
        owner: check_name(owner).is_ok().then(|| owner.to_owned()),
        shared: property("sharees").map(readers).unwrap_or_default(),
    })
}

/// With whom a file is shared: people (type 0) and groups (type 1).
fn readers(sharees: &Element) -> Readers {
    let mut readers = Readers::default();
    for sharee in sharees.all("sharee") {
        let id = sharee.text_of("id");
        if check_name(id).is_err() {
            continue;
        }
        match sharee.text_of("type") {
            "0" => _ = readers.users.insert(id.to_owned()),
            "1" => _ = readers.groups.insert(id.to_owned()),
            _ => {}
        }
    }
    readers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Base {
        Base { place: "https://cloud.example:443".to_owned(), path: "/dav/files/Équipe/".to_owned() }
    }

    #[test]
    fn only_what_lies_right_below_is_listed() {
        let check = |folder: &str, address: &str, expected: Option<&str>| {
            assert_eq!(base().name(folder, address).as_deref(), expected, "{folder} {address}");
        };
        check("", "/dav/files/%C3%89quipe/", Some(""));
        check("", "/dav/files/%C3%89quipe/a%20b.pdf", Some("a b.pdf"));
        check("", "https://other.example/dav/files/%C3%89quipe/x/", Some("x"));
        check("x", "/dav/files/%C3%89quipe/x", Some(""));
        check("x", "/dav/files/%C3%89quipe/x/y", Some("y"));
        // Above, beside, deeper, disguised.
        for elsewhere in [
            "/dav/files/",
            "/dav/files/%C3%89quipe/",
            "/dav/files/%C3%89quipe/z",
            "/dav/files/%C3%89quipe/x/y/z",
            "/dav/files/%C3%89quipe/x/..",
            "/dav/files/%C3%89quipe/x/%2e%2e",
            "/dav/files/%C3%89quipe/x/a%2Fb",
            "%FF",
            "https://cloud.example",
            "",
        ] {
            check("x", elsewhere, None);
        }
    }

    #[test]
    fn owner_and_shares_become_a_rule_and_nothing_said_becomes_none() {
        let read = |more: &str| {
            let text = format!(
                "<d:multistatus xmlns:d='DAV:' xmlns:oc='o' xmlns:nc='n'><d:response><d:href>/dav/files/%C3%89quipe/a</d:href>\
                 <d:propstat><d:prop><d:getetag>\"1\"</d:getetag>{more}</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat>\
                 <d:propstat><d:prop><oc:owner-id>mallory</oc:owner-id></d:prop><d:status>HTTP/1.1 404 Not Found</d:status></d:propstat>\
                 </d:response></d:multistatus>"
            );
            let root = xml::parse(text.as_bytes(), "x").unwrap();
            listed(&base(), "", root.child("response").unwrap()).unwrap()
        };
        let above = Readers { users: ["bruno".to_owned()].into(), groups: BTreeSet::new() };
        assert_eq!(rule(&read(""), &above), None);
        let shared = "<oc:owner-id>anne</oc:owner-id><nc:sharees>\
            <nc:sharee><nc:id>hr</nc:id><nc:type>1</nc:type></nc:sharee>\
            <nc:sharee><nc:id>carl</nc:id><nc:type>0</nc:type></nc:sharee>\
            <nc:sharee><nc:id>link</nc:id><nc:type>3</nc:type></nc:sharee>\
            <nc:sharee><nc:id>eve@other.example</nc:id><nc:type>6</nc:type></nc:sharee></nc:sharees>";
        assert_eq!(rule(&read(shared), &above), Some(AccessRule::readers(["anne", "bruno", "carl"], ["hr"])));
        let alone = rule(&read("<oc:owner-id>anne</oc:owner-id>"), &Readers::default());
        assert_eq!(alone, Some(AccessRule::readers(["anne"], [] as [&str; 0])));
    }
}
