//! Is this text, and of which kind: a mail, a page, a table, data, source code or prose?

use intramuros_core::document::ExtractError;

use super::{Format, promised};
use crate::text::encoding;

/// How much of the start is looked at for marks. Mail headers, doctypes and the first rows fit in it.
const HEAD: usize = 8 << 10;

/// Legacy 8-bit encodings have no invalid bytes; a text in one has next to no control characters. One in 500 allows
/// for a stray one.
const CONTROL_CHARACTERS_ONE_IN: usize = 500;

/// An old office program's "web page" export is at least this long; shorter HTML under such a name is a refusal page
/// or an accident, and the document that its name promises is missing.
const EXPORTED_PAGE: usize = 256;

/// The format of a text, or why these bytes are none.
pub(super) fn sniff(name: &str, extension: &str, bytes: &[u8]) -> Result<Format, ExtractError> {
    let Some(head) = text_head(bytes) else {
        return Err(match promised(extension) {
            Some(what) => {
                ExtractError::Corrupt(format!("its name promises {what}, its bytes are something else"))
            }
            None => ExtractError::Corrupt("bytes of no known format, and not text".to_owned()),
        });
    };
    let trimmed = head.trim_start();
    if let Some(what) = promised(extension) {
        return misnamed(extension, what, trimmed, bytes.len());
    }
    if let Some(format) = by_name(name, extension) {
        return Ok(match format {
            // A notebook is JSON by its name too; what is inside decides. So it is for pages under a text's name.
            Format::Json if is_notebook(&head) => Format::Notebook,
            Format::Text | Format::Eml | Format::Mbox => by_content(trimmed).unwrap_or(Format::Text),
            Format::Html if is_mail(trimmed) => Format::Eml,
            other => other,
        });
    }
    Ok(by_content(trimmed).unwrap_or(Format::Text))
}

/// A text under the name of a binary document: an export that old programs opened, or not what it promises.
fn misnamed(extension: &str, what: &str, trimmed: &str, size: usize) -> Result<Format, ExtractError> {
    let old_office = matches!(extension, "doc" | "dot" | "xls" | "ppt" | "pps");
    match by_content(trimmed) {
        Some(Format::Html | Format::Xml) if old_office && size >= EXPORTED_PAGE => {
            Ok(by_content(trimmed).unwrap_or(Format::Html))
        }
        Some(Format::Eml) => Ok(Format::Eml),
        // Reports called .xls that are tab-separated text: each of the first lines has the same number of tabs.
        _ if extension == "xls" && is_tab_separated(trimmed) => Ok(Format::Csv),
        _ => Err(ExtractError::Corrupt(format!("its name promises {what}, and it holds plain text"))),
    }
}

fn is_tab_separated(text: &str) -> bool {
    let mut counts = text.lines().take(5).map(|line| line.matches('\t').count());
    let Some(first) = counts.next() else { return false };
    let mut more = 0;
    first > 0
        && counts.all(|count| {
            more += 1;
            count == first
        })
        && more > 0
}

/// What a name says about a text.
fn by_name(name: &str, extension: &str) -> Option<Format> {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name).to_ascii_lowercase();
    match file.as_str() {
        "dockerfile" | "containerfile" | "makefile" | "gnumakefile" | "jenkinsfile" | "vagrantfile"
        | "rakefile" | "gemfile" | "justfile" | "cmakelists.txt" => return Some(Format::Code),
        "cargo.lock" | "poetry.lock" | ".gitconfig" | ".editorconfig" => return Some(Format::Keyed),
        _ => {}
    }
    Some(match extension {
        "md" | "markdown" | "mdown" | "mkd" | "mdx" | "qmd" | "rmd" => Format::Markdown,
        "csv" | "tsv" | "tab" | "psv" => Format::Csv,
        "json" | "jsonl" | "ndjson" | "json5" | "jsonc" | "geojson" | "webmanifest" => Format::Json,
        "ipynb" => Format::Notebook,
        "yaml" | "yml" | "toml" | "ini" | "cfg" | "conf" | "properties" | "env" | "desktop" => Format::Keyed,
        "html" | "htm" | "xhtml" | "shtml" | "mht" | "mhtml" => Format::Html,
        "xml" | "svg" | "xsd" | "xsl" | "xslt" | "rss" | "atom" | "opml" | "kml" | "gpx" | "plist"
        | "dbk" | "fb2" | "tei" | "resx" | "xliff" | "xlf" => Format::Xml,
        "eml" => Format::Eml,
        "mbox" | "mbx" => Format::Mbox,
        "txt" | "text" | "log" | "rst" | "adoc" | "asciidoc" | "org" | "tex" | "srt" | "vtt" | "ics"
        | "vcf" => Format::Text,
        other if is_code(other) => Format::Code,
        _ => return None,
    })
}

fn is_code(extension: &str) -> bool {
    const CODE: &[&str] = &[
        "rs",
        "py",
        "pyi",
        "js",
        "mjs",
        "cjs",
        "jsx",
        "ts",
        "tsx",
        "java",
        "kt",
        "kts",
        "scala",
        "groovy",
        "gradle",
        "c",
        "h",
        "cc",
        "cpp",
        "cxx",
        "hpp",
        "hh",
        "cs",
        "fs",
        "vb",
        "go",
        "rb",
        "php",
        "pl",
        "pm",
        "lua",
        "r",
        "jl",
        "swift",
        "m",
        "mm",
        "dart",
        "ex",
        "exs",
        "erl",
        "hrl",
        "hs",
        "ml",
        "mli",
        "clj",
        "cljs",
        "lisp",
        "el",
        "scm",
        "sh",
        "bash",
        "zsh",
        "fish",
        "ps1",
        "psm1",
        "bat",
        "cmd",
        "sql",
        "tf",
        "tfvars",
        "hcl",
        "nix",
        "proto",
        "graphql",
        "gql",
        "css",
        "scss",
        "sass",
        "less",
        "vue",
        "svelte",
        "astro",
        "asm",
        "s",
        "v",
        "sv",
        "vhd",
        "vhdl",
        "zig",
        "nim",
        "cr",
        "d",
        "pas",
        "f90",
        "f",
        "cob",
        "cbl",
        "ada",
        "adb",
        "ads",
        "tcl",
        "awk",
        "sed",
        "cmake",
        "mk",
        "dockerfile",
        "bzl",
        "star",
        "rego",
        "cue",
        "jsonnet",
        "libsonnet",
        "sol",
        "wat",
        "diff",
        "patch",
        "ftl",
        "j2",
        "hbs",
        "erb",
    ];
    CODE.contains(&extension)
}

/// What a text shows by itself.
fn by_content(text: &str) -> Option<Format> {
    if is_mbox(text) {
        return Some(Format::Mbox);
    }
    if is_mail(text) {
        return Some(Format::Eml);
    }
    if let Some(format) = markup(text) {
        return Some(format);
    }
    let first = text.as_bytes().first()?;
    if matches!(first, b'{' | b'[') && is_notebook(text) {
        return Some(Format::Notebook);
    }
    if matches!(first, b'{' | b'[') && looks_like_json(text) {
        return Some(Format::Json);
    }
    text.starts_with("#!").then_some(Format::Code)
}

fn markup(text: &str) -> Option<Format> {
    let start: String = text.chars().take(1024).collect::<String>().to_ascii_lowercase();
    let html = ["<!doctype html", "<html", "<head>", "<head ", "<body>", "<body "];
    if html.iter().any(|mark| start.starts_with(mark)) {
        return Some(Format::Html);
    }
    if start.starts_with("<?xml") || start.starts_with("<!--") || start.starts_with("<!doctype") {
        let page = start.contains("<html") || start.contains("<!doctype html");
        return if page {
            Some(Format::Html)
        } else if start.starts_with("<?xml") {
            Some(Format::Xml)
        } else {
            None
        };
    }
    None
}

fn is_notebook(text: &str) -> bool {
    text.trim_start().starts_with('{') && text.contains("\"cells\"") && text.contains("\"cell_type\"")
}

/// The first characters of JSON: a brace and a quoted key with its colon, or a bracket and a value.
fn looks_like_json(text: &str) -> bool {
    let mut rest = text.trim_start().chars();
    match rest.next() {
        Some('{') => {
            let rest = rest.as_str().trim_start();
            let Some(key) = rest.strip_prefix('"') else { return rest.starts_with('}') };
            key.split_once('"').is_some_and(|(_, after)| after.trim_start().starts_with(':'))
        }
        Some('[') => {
            let rest = rest.as_str().trim_start();
            rest.starts_with(['{', '"', ']']) && text.contains(',') && !text.starts_with("[[")
        }
        _ => false,
    }
}

const MAIL_HEADERS: &[&str] = &[
    "from",
    "to",
    "cc",
    "subject",
    "date",
    "received",
    "return-path",
    "message-id",
    "mime-version",
    "content-type",
    "delivered-to",
    "reply-to",
    "in-reply-to",
    "references",
    "dkim-signature",
    "sender",
    "content-transfer-encoding",
    "arc-seal",
    "x-received",
    "authentication-results",
];

/// Whether a text begins with a mail's headers: at least two known ones with other headers only before the blank line,
/// one of which says who sent it or how it travelled.
fn is_mail(text: &str) -> bool {
    let (mut known, mut travelled) = (0, false);
    for line in text.lines().take(100) {
        if line.is_empty() {
            break;
        }
        if line.starts_with([' ', '\t']) {
            continue;
        }
        let Some((header, _)) = line.split_once(':') else { return false };
        if header.is_empty() || !header.bytes().all(|byte| byte.is_ascii_graphic()) {
            return false;
        }
        let header = header.to_ascii_lowercase();
        known += usize::from(MAIL_HEADERS.contains(&header.as_str()));
        travelled |= matches!(
            header.as_str(),
            "from"
                | "received"
                | "return-path"
                | "message-id"
                | "mime-version"
                | "delivered-to"
                | "x-received"
        );
    }
    known >= 2 && travelled
}

/// Whether a text is a mailbox: a "From " line with a year in it, then headers.
fn is_mbox(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("From ") else { return false };
    let Some((first, headers)) = rest.split_once('\n') else { return false };
    let year = first
        .split_whitespace()
        .any(|word| word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit()));
    (year || first.contains('@')) && is_mail(headers.trim_start_matches('>'))
}

/// The first characters when the bytes are text; none when they are binary. Only ASCII matters to the caller, so
/// legacy encodings are read byte by byte.
fn text_head(bytes: &[u8]) -> Option<String> {
    let head = bytes.get(..HEAD).unwrap_or(bytes);
    match bytes {
        // UTF-32: the mark of UTF-16 and two zero bytes, or the other way round.
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => return encoding::decode(head, None).ok(),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return utf16_head(head, bytes.first() == Some(&0xff)),
        [0xef, 0xbb, 0xbf, rest @ ..] => return text_head(rest),
        _ => {}
    }
    if let Some(little) = utf16_without_mark(head) {
        return utf16_head(head, little);
    }
    let binary = |byte: &u8| matches!(byte, 0..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f | 0x7f);
    let controls = bytes.iter().filter(|byte| binary(byte)).count();
    let zeros = bytes.iter().filter(|byte| **byte == 0).count();
    let valid = std::str::from_utf8(bytes).is_ok()
        || std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none());
    // In UTF-8 form feeds, back spaces of old manuals and the like are no reason to refuse; zero bytes are.
    let one_in = if valid { 20 } else { CONTROL_CHARACTERS_ONE_IN };
    if controls > bytes.len() / one_in || zeros > bytes.len() / 10_000 {
        return None;
    }
    Some(match std::str::from_utf8(head) {
        Ok(text) => text.to_owned(),
        Err(_) => head.iter().map(|byte| char::from(*byte)).collect(),
    })
}

/// Whether bytes are UTF-16 of a western text without a byte order mark, and whether it is little-endian.
fn utf16_without_mark(head: &[u8]) -> Option<bool> {
    if head.len() < 4 {
        return None;
    }
    let zeros = |parity: usize| head.iter().skip(parity).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd, half) = (zeros(0), zeros(1), head.len() / 2);
    match () {
        () if odd * 10 >= half * 7 && even * 50 <= half => Some(true),
        () if even * 10 >= half * 7 && odd * 50 <= half => Some(false),
        () => None,
    }
}

fn utf16_head(head: &[u8], little: bool) -> Option<String> {
    let units = head.chunks_exact(2).filter_map(|pair| <[u8; 2]>::try_from(pair).ok());
    let units = units.map(|pair| if little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) });
    let text: String = char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{fffd}')).collect();
    let strange = text.chars().filter(|c| *c == '\u{fffd}' || (c.is_control() && !c.is_whitespace())).count();
    (strange * 50 <= text.chars().count()).then(|| text.trim_start_matches('\u{feff}').to_owned())
}
