//! Where do documents come from (`[[source]]`), and where does each of them lie there?

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Host;
use super::host::{parse_host_port, parse_port, parse_url};
use super::pattern::Pattern;

/// The source of what people attach to their conversations. It is the program's own: none can be declared under this name,
/// it stands in no list, and its documents are found in their conversations alone.
pub const ATTACHED: &str = "@attached";

/// Minutes between two looks at a place outside when nothing is declared.
pub const DEFAULT_INTERVAL_MINUTES: u32 = 15;

/// Most files taken from one place outside when nothing is declared. 100,000: what one machine fetches in a day at
/// one file a second; more is a mistake in the address more often than a wish.
pub const DEFAULT_MOST_FILES: u32 = 100_000;

/// Most pages taken from a web site when nothing is declared. 5,000: at the pace that sites bear, an hour and a half.
pub const DEFAULT_MOST_PAGES: u32 = 5_000;

/// How many links deep a web site is followed when nothing is declared.
pub const DEFAULT_DEPTH: u32 = 8;

/// Port of IMAP over TLS.
const IMAPS_PORT: u16 = 993;

/// What ends the path of a page whose address ends with `/`.
const INDEX: &str = "(index)";

/// Where documents come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SourceKind {
    /// A folder of this machine.
    #[default]
    Folder,
    /// A folder of a WebDAV server, such as Nextcloud.
    Webdav,
    /// A branch of a git repository, over HTTPS.
    Git,
    /// A bucket of an S3 service.
    S3,
    /// A web site, within its own host.
    Web,
    /// The mailboxes of an IMAP account, over TLS.
    Imap,
    /// What people bring through the page or the API; kept in the data folder. Who brings a document says who may read
    /// it, where no `[[access]]` rule covers its path.
    Uploads,
}

impl SourceKind {
    /// The word in the file.
    pub fn word(self) -> &'static str {
        match self {
            SourceKind::Folder => "folder",
            SourceKind::Webdav => "webdav",
            SourceKind::Git => "git",
            SourceKind::S3 => "s3",
            SourceKind::Web => "web",
            SourceKind::Imap => "imap",
            SourceKind::Uploads => "uploads",
        }
    }
}

/// Where a source's access rules come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum AccessOrigin {
    /// The `[[access]]` rules alone; what none of them covers is read by nobody but the owner.
    #[default]
    Rules,
    /// The file system's own permissions, where no `[[access]]` rule covers the path.
    FileSystem,
    /// What the place itself says of who may read (owner and shares of Nextcloud), where no `[[access]]` rule covers
    /// the path; what it does not say is read by nobody but the owner.
    Source,
}

impl AccessOrigin {
    /// The word in the file.
    pub fn word(self) -> &'static str {
        match self {
            AccessOrigin::Rules => "rules",
            AccessOrigin::FileSystem => "file-system",
            AccessOrigin::Source => "source",
        }
    }
}

/// `[[source]]`: a place documents come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Source {
    /// Its name, shown to people and used by `[[access]]` rules.
    pub name: String,
    /// What it is.
    #[serde(default)]
    pub kind: SourceKind,
    /// The folder (`kind = "folder"`); relative to `intramuros.toml`.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub path: PathBuf,
    /// The address of any other kind; needs an egress rule with the purpose `source`. WebDAV: the folder. Git: the
    /// repository. S3: the service, the bucket, and a prefix if wanted, `https://s3.example.org/bucket/prefix`. Web: the
    /// page to begin with. IMAP: `imaps://mail.example.org`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Who we are there: the user's name; with S3, the identifier of the access key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// File that holds the password, token or secret key, and nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<PathBuf>,
    /// Variable of the environment that holds it instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_variable: Option<String>,
    /// The branch (`kind = "git"`); the repository's own default when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The region (`kind = "s3"`); `us-east-1`, which services without regions take, when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Minutes between two looks at a place outside; 15 when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_minutes: Option<u32>,
    /// Most files taken from a place outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most_files: Option<u32>,
    /// How many links deep a web site is followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<u32>,
    /// Patterns of the files to take; all when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub include: Vec<Pattern>,
    /// Patterns of the files to leave out, stronger than `include`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub exclude: Vec<Pattern>,
    /// Whether symbolic links are followed. They can lead out of the folder; a sealed process can't follow those.
    #[serde(default)]
    pub follow_links: bool,
    /// Where the access rules come from.
    #[serde(default)]
    pub access: AccessOrigin,
}

impl Source {
    /// Whether a file of the source (path relative to its folder, `/`-separated) is taken.
    pub fn takes(&self, path: &str) -> bool {
        (self.include.is_empty() || self.include.iter().any(|pattern| pattern.covers(path)))
            && !self.excludes(path)
    }

    /// Whether the path (of a file, or of a folder with everything in it) is left out by `exclude`.
    pub fn excludes(&self, path: &str) -> bool {
        self.exclude.iter().any(|pattern| pattern.covers(path))
    }

    /// Whether its documents are kept in the data folder: fetched from elsewhere, or brought by people.
    pub fn is_remote(&self) -> bool {
        self.kind != SourceKind::Folder
    }

    /// Where its documents come from, for people: the folder or the address.
    pub fn place(&self) -> String {
        match &self.url {
            Some(url) if self.is_remote() => url.clone(),
            _ => self.path.display().to_string(),
        }
    }

    /// Most files taken from a place outside.
    pub fn most_files(&self) -> usize {
        let default = if self.kind == SourceKind::Web { DEFAULT_MOST_PAGES } else { DEFAULT_MOST_FILES };
        self.most_files.unwrap_or(default) as usize
    }

    /// The address at which a file can be looked at where it comes from; none where there is no such thing: a folder,
    /// a mailbox, a repository (whose pages differ from host to host).
    pub fn link(&self, path: &str) -> Option<String> {
        let url = self.url.as_deref()?;
        match self.kind {
            SourceKind::Webdav | SourceKind::S3 => {
                Some(format!("{}/{}", url.trim_end_matches('/'), encode_path(path)))
            }
            SourceKind::Web => {
                let (tls, host, port, _) = parse_url(url).ok()?;
                let scheme = if tls { "https" } else { "http" };
                let plain = if tls { 443 } else { 80 };
                let place =
                    if port == plain { host_text(&host) } else { super::host::with_port(&host, port) };
                Some(format!("{scheme}://{place}{}", page_address(path)))
            }
            _ => None,
        }
    }
}

/// Whether a place outside is reached over TLS, its host and its port.
///
/// # Errors
/// What is wrong with the address.
pub fn place_of(kind: SourceKind, url: &str) -> Result<(bool, Host, u16), String> {
    if kind != SourceKind::Imap {
        return parse_url(url).map(|(tls, host, port, _)| (tls, host, port));
    }
    let (tls, rest) = match (url.strip_prefix("imaps://"), url.strip_prefix("imap://")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        _ => return Err("the address must begin with `imaps://` (or `imap://` on this machine)".to_owned()),
    };
    let rest = rest.trim_end_matches('/');
    if rest.contains(['/', '@', '?', '#']) {
        return Err("write the server alone, `imaps://mail.example.org`; name the user in `user`".to_owned());
    }
    let with_a_port = rest.rsplit_once(':').is_some_and(|(_, port)| parse_port(port).is_ok());
    let (host, port) = match with_a_port {
        true => parse_host_port(rest)?,
        false => (Host::parse(rest)?, if tls { IMAPS_PORT } else { 143 }),
    };
    Ok((tls, host, port))
}

fn host_text(host: &Host) -> String {
    match host {
        Host::Address(std::net::IpAddr::V6(address)) => format!("[{address}]"),
        host => host.to_string(),
    }
}

/// A path for an address: everything but letters, digits and `-._~/` as `%XX`.
pub fn encode_path(path: &str) -> String {
    encode(path, |byte| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte))
}

fn encode(text: &str, plain: impl Fn(u8) -> bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if plain(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// The bytes that `%XX` stands for; none for what is no such thing.
fn hexadecimal(bytes: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = bytes else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    Some((digit(*high)? * 16 + digit(*low)?) as u8)
}

/// A path of an address with all `%XX` taken back; none when that is no UTF-8.
pub fn decode_path(path: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut left = path.as_bytes();
    while let Some(first) = left.first() {
        let (byte, length) = hexadecimal(left).map_or((*first, 1), |byte| (byte, 3));
        decoded.push(byte);
        left = &left[length..];
    }
    String::from_utf8(decoded).ok()
}

/// The path under which a web page is shown, from the path and query of its address: readable, and leading back.
pub fn page_path(address: &str) -> String {
    let address = address.trim_start_matches('/');
    let (path, query) = address.split_once('?').map_or((address, None), |(path, query)| (path, Some(query)));
    let mut shown = readable(path);
    if shown.is_empty() || shown.ends_with('/') {
        shown.push_str(INDEX);
    }
    match query {
        Some(query) => format!("{shown}?{}", readable(query)),
        None => shown,
    }
}

/// The path and query of the address of a web page that is shown under a path.
pub fn page_address(path: &str) -> String {
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let path = match path.strip_suffix(INDEX) {
        Some(folder) if folder.is_empty() || folder.ends_with('/') => folder,
        _ => path,
    };
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"\"<>`{}|\\^".contains(&byte);
    match query {
        Some(query) => format!("/{}?{}", encode(path, plain), encode(query, plain)),
        None => format!("/{}", encode(path, plain)),
    }
}

/// `%XX` taken back where it stands for letters outside ASCII or a space: nothing that means something in an address.
fn readable(text: &str) -> String {
    let Some(decoded) = text.is_ascii().then(|| {
        let mut bytes = Vec::with_capacity(text.len());
        let mut left = text.as_bytes();
        while let Some(first) = left.first() {
            match hexadecimal(left) {
                Some(byte) if byte >= 0x80 || byte == b' ' => {
                    bytes.push(byte);
                    left = &left[3..];
                }
                _ => {
                    bytes.push(*first);
                    left = &left[1..];
                }
            }
        }
        bytes
    }) else {
        return text.to_owned();
    };
    String::from_utf8(decoded).unwrap_or_else(|_| text.to_owned())
}

fn is_empty(path: &std::path::Path) -> bool {
    path.as_os_str().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_shown_under_a_path_that_leads_back() {
        let check = |address: &str, shown: &str| {
            assert_eq!(page_path(address), shown);
            assert_eq!(page_address(shown), address);
        };
        check("/", "(index)");
        check("/guide/", "guide/(index)");
        check("/guide", "guide");
        check("/caf%C3%A9/menu%20du%20jour.html", "café/menu du jour.html");
        check("/a%2Fb?q=1&r=%C3%A9t%C3%A9", "a%2Fb?q=1&r=été");
        check("/?page=2", "(index)?page=2");
        check("/%FF", "%FF");
    }

    #[test]
    fn a_file_is_looked_at_where_it_comes_from() {
        let check = |kind: SourceKind, url: &str, path: &str, expected: Option<&str>| {
            let source = Source { kind, url: Some(url.to_owned()), ..Source::default() };
            assert_eq!(source.link(path).as_deref(), expected);
        };
        check(
            SourceKind::Webdav,
            "https://cloud.example/dav/",
            "Congés/a b.pdf",
            Some("https://cloud.example/dav/Cong%C3%A9s/a%20b.pdf"),
        );
        check(SourceKind::Web, "https://a.example/x", "guide/(index)", Some("https://a.example/guide/"));
        check(SourceKind::Web, "http://127.0.0.1:81", "y.html", Some("http://127.0.0.1:81/y.html"));
        check(SourceKind::Imap, "imaps://mail.example", "INBOX/1.eml", None);
    }

    #[test]
    fn the_server_of_a_mailbox_is_read() {
        let check = |url: &str, expected: Option<(bool, &str, u16)>| {
            let read = place_of(SourceKind::Imap, url).ok();
            assert_eq!(
                read.map(|(tls, host, port)| (tls, host.to_string(), port)),
                expected.map(|(tls, host, port)| (tls, host.to_owned(), port))
            );
        };
        check("imaps://mail.example", Some((true, "mail.example", 993)));
        check("imaps://mail.example:1993/", Some((true, "mail.example", 1993)));
        check("imap://127.0.0.1:143", Some((false, "127.0.0.1", 143)));
        check("https://mail.example", None);
        check("imaps://me@mail.example", None);
        check("imaps://mail.example/INBOX", None);
    }
}
