//! Where does a page lead, and where is that?

use html5gum::emitters::default::DefaultEmitter;
use html5gum::{Token, Tokenizer};

/// Most links of one page. 10,000: the longest lists of real sites.
const MAX_LINKS: usize = 10_000;

/// Longest address, in bytes.
const MAX_ADDRESS_BYTES: usize = 2048;

/// What a page says of where it leads.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// What its links are relative to, where it says.
    pub base: Option<String>,
    /// Its links, as they stand.
    pub links: Vec<String>,
    /// It asks not to be found.
    pub closed: bool,
}

impl Page {
    /// Reads a page. Anything else has no links.
    pub fn read(bytes: &[u8]) -> Page {
        let text = String::from_utf8_lossy(bytes);
        let mut page = Page::default();
        let mut follow = true;
        if !looks_like_html(&text) {
            return page;
        }
        let mut emitter = DefaultEmitter::<()>::new_with_span();
        // What stands in scripts and styles is no link.
        emitter.naively_switch_states(true);
        for Ok(token) in Tokenizer::new_with_emitter(&*text, emitter) {
            let Token::StartTag(tag) = token else { continue };
            let value = |name: &[u8]| {
                let found = tag.attributes.iter().find(|(known, _)| known.0.as_slice() == name);
                found.map(|(_, value)| String::from_utf8_lossy(&value.value).trim().to_owned())
            };
            match tag.name.0.as_slice() {
                b"a" | b"area" => {
                    let closed =
                        value(b"rel").is_some_and(|rel| rel.to_ascii_lowercase().contains("nofollow"));
                    if let Some(link) = value(b"href").filter(|_| !closed) {
                        page.links.push(link);
                    }
                }
                b"iframe" | b"frame" => page.links.extend(value(b"src")),
                b"base" if page.base.is_none() => page.base = value(b"href"),
                b"meta" if value(b"name").is_some_and(|name| name.eq_ignore_ascii_case("robots")) => {
                    let words = value(b"content").unwrap_or_default().to_ascii_lowercase();
                    page.closed |= words.contains("noindex") || words.contains("none");
                    follow &= !words.contains("nofollow") && !words.contains("none");
                }
                _ => {}
            }
            if page.links.len() >= MAX_LINKS {
                break;
            }
        }
        if !follow {
            page.links.clear();
        }
        page
    }
}

fn looks_like_html(text: &str) -> bool {
    let start = text.get(..text.floor_char_boundary(1024)).unwrap_or_default().to_ascii_lowercase();
    if start.starts_with("%pdf") || start.contains('\0') {
        return false;
    }
    ["<html", "<!doctype html", "<head", "<body", "<a ", "<p", "<div", "<h1"]
        .iter()
        .any(|mark| start.contains(mark))
}

/// The path and query that a link on the page `from` leads to, without `#…`; none when it leads away from `place`
/// (`https://host:port`) or is no address of a page.
pub(super) fn resolve(place: &str, from: &str, link: &str) -> Option<String> {
    let link = link.trim().split('#').next().unwrap_or_default();
    let (from_path, _) = from.split_once('?').unwrap_or((from, ""));
    let odd = link.len() > MAX_ADDRESS_BYTES || link.contains('\\') || link.chars().any(char::is_control);
    if link.is_empty() || odd {
        return None;
    }
    let scheme = place.split(':').next().unwrap_or_default();
    let whole = match link.strip_prefix("//") {
        Some(rest) => format!("{scheme}://{rest}"),
        None => link.to_owned(),
    };
    let path = if let Some((before, _)) = whole.split_once("://").filter(|(before, _)| is_scheme(before)) {
        let rest = whole.get(before.len()..)?;
        let (tls, host, port, path) =
            intramuros_core::perimeter::host::parse_url(&format!("{}{rest}", before.to_ascii_lowercase()))
                .ok()?;
        let to = format!(
            "{}://{}",
            if tls { "https" } else { "http" },
            intramuros_core::perimeter::host::with_port(&host, port)
        );
        (to == place).then_some(path)?
    } else if whole.split_once(':').is_some_and(|(before, _)| is_scheme(before)) {
        // `mailto:`, `javascript:`, `data:`
        return None;
    } else if whole.starts_with('/') {
        whole
    } else if whole.starts_with('?') {
        format!("{from_path}{whole}")
    } else {
        let folder = from_path.rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{folder}/{whole}")
    };
    Some(without_dots(&path))
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

/// A path in which `.`, `..` and empty names were followed.
fn without_dots(address: &str) -> String {
    let (path, query) = address.split_once('?').map_or((address, None), |(path, query)| (path, Some(query)));
    let mut names: Vec<&str> = Vec::new();
    let ends = path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..");
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => _ = names.pop(),
            name => names.push(name),
        }
    }
    let slash = if ends && !names.is_empty() { "/" } else { "" };
    let query = query.map_or_else(String::new, |query| format!("?{query}"));
    format!("/{}{slash}{query}", names.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_within_the_site_or_nowhere() {
        let check = |from: &str, link: &str, expected: Option<&str>| {
            assert_eq!(resolve("https://a.example:443", from, link).as_deref(), expected, "{from} {link}");
        };
        check("/x/y", "z.html", Some("/x/z.html"));
        check("/x/", "z.html#part", Some("/x/z.html"));
        check("/x/y?q=1", "?q=2", Some("/x/y?q=2"));
        check("/x/y", "/", Some("/"));
        check("/x/y", "../../../z/", Some("/z/"));
        check("/x/y", ".", Some("/x/"));
        check("/x/y", "//a.example/z", Some("/z"));
        check("/x/y", "HTTPS://a.example:443/z?a=b", Some("/z?a=b"));
        for away in [
            "#top",
            "",
            "http://a.example/",
            "https://b.example/",
            "//b.example/",
            "https://a.example.b.example/",
            "https://a.example@b.example/",
            "https://A.example/",
            "mailto:x@a.example",
            "javascript:alert(1)",
            "data:text/html,x",
            "https:\\\\b.example",
            "/x\u{0}",
        ] {
            check("/x/y", away, None);
        }
    }

    #[test]
    fn a_page_says_where_it_leads() {
        let page = Page::read(
            b"<!doctype html><base href='/b/'><a href=' x.html '>x</a><a rel=nofollow href=no>n</a><area href=y>\
              <iframe src=z></iframe><script>'<a href=s>'</script><!-- <a href=c> --><a>none</a>",
        );
        assert_eq!((page.base.as_deref(), page.closed), (Some("/b/"), false));
        assert_eq!(page.links, ["x.html", "y", "z"]);
        let closed = Page::read(b"<html><meta name=ROBOTS content='noindex, nofollow'><a href=x>");
        assert_eq!(closed, Page { closed: true, ..Page::default() });
        assert_eq!(Page::read(b"%PDF-1.7 <a href=x>").links, [] as [&str; 0]);
    }
}
