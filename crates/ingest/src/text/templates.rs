//! What do readers see of the lines that site generators replace: shortcodes, template tags, admonitions?
//!
//! Everything here keeps the number of lines, since places are counted in it, and leaves code alone.

use std::borrow::Cow;
use std::collections::HashSet;

/// Names of arguments of a shortcode whose values are shown to readers.
const SHOWN_ARGUMENTS: [&str; 5] = ["title=", "subtitle=", "caption=", "alt=", "text="];

/// Marks with which an admonition begins, the word for its kind behind them.
const ADMONITIONS: [&str; 3] = ["!!! ", "???+ ", "??? "];

/// Words of an admonition's kind: `info inline end`.
const KIND_WORDS: usize = 3;

/// What the text of an admonition is set in by.
const INDENT: &str = "    ";

/// Longest template tag, in bytes: those of real pages have some dozens.
const TAG_BYTES: usize = 1_000;

/// A Markdown text as its readers see it.
pub fn reduced(text: &str) -> Cow<'_, str> {
    let marks = ["{{<", "{{%", "{%", "({{", "!!! ", "??? ", "???+ "];
    if !marks.iter().any(|mark| text.contains(mark)) {
        return text.into();
    }
    let closed = closed_tags(text);
    let mut out = String::with_capacity(text.len());
    let mut fence: Option<&str> = None;
    let mut admonition = false;
    let mut lines = text.split_inclusive('\n');
    while let Some(line) = lines.next() {
        // Without a body that is set in, it is what somebody says.
        let has_body = || {
            let below = lines.clone().find(|next| !next.trim().is_empty());
            below.is_some_and(|next| next.starts_with('\t') || next.starts_with(INDENT))
        };
        let trimmed = line.trim();
        let mark = trimmed.get(..3).filter(|mark| *mark == "```" || *mark == "~~~");
        let in_code = fence.is_some() || mark.is_some();
        match (fence, mark) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            _ => {}
        }
        let set_in = line.strip_prefix('\t').or_else(|| line.strip_prefix(INDENT));
        admonition &= trimmed.is_empty() || set_in.is_some();
        let line = if admonition { set_in.unwrap_or(line) } else { line };
        let is_shortcode = (trimmed.starts_with("{{<") && trimmed.ends_with(">}}"))
            || (trimmed.starts_with("{{%") && trimmed.ends_with("%}}"));
        if in_code {
            out.push_str(line);
        } else if is_shortcode {
            out.push_str(&shown_arguments(line).join(". "));
            out.push('\n');
        } else if let Some(title) = admonition_title(line).filter(|_| has_body()) {
            admonition = true;
            // A comment ends on its line, so that the title is no part of the paragraph below it.
            if !title.is_empty() {
                out.push_str("<!-- -->");
                out.push_str(&title.replace('&', "&amp;").replace('<', "&lt;"));
            }
            out.push('\n');
        } else if line.contains("{%") || line.contains("({{") {
            out.push_str(&without_tags(line, &closed));
        } else {
            out.push_str(line);
        }
    }
    out.into()
}

/// What a shortcode shows: the values of its arguments that are texts for readers.
fn shown_arguments(line: &str) -> Vec<&str> {
    let shown = SHOWN_ARGUMENTS.iter().filter_map(|name| {
        let (before, value) = line.split_once(name)?;
        let quoted = value.strip_prefix('"').filter(|_| before.ends_with(char::is_whitespace))?;
        quoted.split('"').next()
    });
    shown.collect()
}

/// The title of an admonition (`!!! info "Title"`); empty when it has none.
fn admonition_title(line: &str) -> Option<&str> {
    let rest = ADMONITIONS.iter().find_map(|mark| line.strip_prefix(mark))?.trim();
    let (kinds, title) = rest.split_once('"').unwrap_or((rest, ""));
    // `!!! Attention !` is what somebody says.
    let is_kind = |letter: char| {
        letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, ' ' | '-' | '_')
    };
    let fits =
        !kinds.is_empty() && kinds.chars().all(is_kind) && kinds.split_whitespace().count() <= KIND_WORDS;
    fits.then(|| title.strip_suffix('"').unwrap_or(title))
}

/// Names of the template tags that have an end (`{% alert %}` … `{% endalert %}`): what they are given is a switch.
fn closed_tags(text: &str) -> HashSet<&str> {
    let ends =
        text.split("{%").skip(1).filter_map(|tag| tag.trim_start_matches(['-', ' ']).strip_prefix("end"));
    ends.map(|rest| {
        rest.split(|letter: char| !(letter.is_alphanumeric() || letter == '_')).next().unwrap_or_default()
    })
    .collect()
}

/// A line with its template tags replaced by what they show; where one is the target of a link, by nothing that would
/// keep the link from being one. Those in backquotes are what the line is about.
fn without_tags(line: &str, closed: &HashSet<&str>) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.find(['{', '`']) {
        let (before, tag) = rest.split_at(start);
        out.push_str(before);
        let is_target = before.ends_with('(');
        let (end, shown) = match () {
            () if tag.starts_with('`') => {
                let ticks = tag.len() - tag.trim_start_matches('`').len();
                let (mark, behind) = tag.split_at(ticks);
                let end = behind.find(mark).map_or(ticks, |at| at + 2 * ticks);
                (end, tag.get(..end).unwrap_or_default())
            }
            () if tag.starts_with("{%") => match end_of(tag, b"%}") {
                Some(at) if is_target => (at + 2, "#"),
                Some(at) => (at + 2, shown_by_tag(tag.get(2..at).unwrap_or_default(), closed)),
                None => (1, "{"),
            },
            () if is_target && tag.starts_with("{{") => {
                end_of(tag, b"}}").map_or((1, "{"), |at| (at + 2, "#"))
            }
            () => (1, "{"),
        };
        out.push_str(shown);
        rest = tag.get(end..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// Where a tag ends.
fn end_of(tag: &str, mark: &[u8]) -> Option<usize> {
    tag.as_bytes().windows(mark.len()).take(TAG_BYTES).position(|bytes| bytes == mark)
}

/// What a template tag shows: its last text in quotation marks, unless that is a path or the tag has an end.
fn shown_by_tag<'a>(tag: &'a str, closed: &HashSet<&str>) -> &'a str {
    let tag = tag.trim_matches(['-', ' ']);
    let name = tag.split_whitespace().next().unwrap_or_default();
    let programs =
        ["include", "include_relative", "extends", "import", "load", "set", "assign", "if", "elsif", "for"];
    if closed.contains(name) || name.starts_with("end") || programs.contains(&name) {
        return "";
    }
    let quoted = tag.split('"').skip(1).step_by(2).last().unwrap_or_default();
    if quoted.contains('/') || (quoted.contains('.') && !quoted.contains(' ')) { "" } else { quoted }
}
