//! Is this tag in a Markdown text a placeholder, as in `<ENVIRONMENT>`, whose name readers need?

use std::borrow::Cow;
use std::collections::HashSet;

/// Longest name of a placeholder, in bytes.
const NAME_BYTES: usize = 60;

/// Elements of pages, whose tags are markup. Those that pages define themselves are closed or have attributes.
const ELEMENTS: &str = " a abbr acronym address applet area article aside audio b base basefont bdi bdo big blink \
    blockquote body br button canvas caption center cite code col colgroup data datalist dd del details dfn dialog dir \
    div dl dt em embed fieldset figcaption figure font footer form frame frameset g h1 h2 h3 h4 h5 h6 head header \
    hgroup hr html i iframe img image input ins kbd label legend li line link listing main map mark marquee math menu \
    menuitem meta meter nav nobr noframes noscript object ol optgroup option output p param path picture plaintext pre \
    progress q rb rect rp rt rtc ruby s samp script search section select slot small source span strike strong style \
    sub summary sup svg table tbody td template text textarea tfoot th thead time title toc tr track tt u ul use var \
    video wbr xmp ";

/// The names of the elements that a text closes, in small letters.
pub fn closed_names(text: &str) -> HashSet<String> {
    let behind = text.split("</").skip(1);
    behind.map(|rest| name_of(rest).to_ascii_lowercase()).collect()
}

/// Whether a tag is text: of no known name, without attributes, and closed nowhere.
pub fn is_placeholder(tag: &str, closed: &HashSet<String>) -> bool {
    let Some(inner) = tag.strip_prefix('<').and_then(|tag| tag.strip_suffix('>')) else { return false };
    let is_name =
        |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.' | ' ' | '\'' | '’');
    let name = name_of(inner).to_ascii_lowercase();
    inner.starts_with(char::is_alphabetic)
        && inner.len() <= NAME_BYTES
        && inner.chars().all(is_name)
        && !ELEMENTS.contains(&format!(" {name} "))
        && !closed.contains(&name)
}

/// A piece of a page in which placeholders are text.
pub fn escaped<'a>(page: &'a str, closed: &HashSet<String>) -> Cow<'a, str> {
    let mut out = String::new();
    let mut rest = page;
    while let Some(start) = rest.find('<') {
        let (before, tag) = rest.split_at(start);
        let end = tag.bytes().take(NAME_BYTES + 2).position(|byte| byte == b'>').map_or(0, |end| end + 1);
        out.push_str(before);
        match tag.get(..end).filter(|tag| is_placeholder(tag, closed)) {
            Some(name) => {
                out.push_str("&lt;");
                out.push_str(name.get(1..).unwrap_or_default());
                rest = tag.get(end..).unwrap_or_default();
            }
            None => {
                out.push('<');
                rest = tag.get(1..).unwrap_or_default();
            }
        }
    }
    if out.len() + rest.len() == page.len() {
        return page.into();
    }
    out.push_str(rest);
    out.into()
}

/// The name with which the inside of a tag begins.
fn name_of(inner: &str) -> &str {
    let end =
        inner.find(|letter: char| !(letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.' | ':')));
    inner.get(..end.unwrap_or(inner.len()).min(NAME_BYTES)).unwrap_or_default()
}
