//! Who wrote this PDF, when, and what does it call itself?

use hayro::hayro_syntax::Pdf;
use hayro::hayro_syntax::object::{DateTime, Dict, Stream, String as PdfString};
use intramuros_core::language::Language;

use crate::text::writer::Writer;

/// Longest XMP packet looked at; those of real files have some kilobytes.
const XMP_BYTES: usize = 1 << 20;

/// The document's catalogue, where everything begins.
pub(super) fn root(pdf: &Pdf) -> Dict<'_> {
    pdf.xref().get::<Dict<'_>>(pdf.xref().root_id()).unwrap_or_else(Dict::empty)
}

/// Notes title, author, date and language.
pub(super) fn write(pdf: &Pdf, writer: &mut Writer<'_>) {
    let (info, root) = (pdf.metadata(), root(pdf));
    if let Some(title) = &info.title {
        writer.title(real_title(&text(title)));
    }
    if let Some(author) = &info.author {
        writer.author(&text(author));
    }
    let date = info.creation_date.as_ref().or(info.modification_date.as_ref()).and_then(milliseconds);
    writer.document().written_ms = date;
    if let Some(language) = root.get::<PdfString<'_>>(b"Lang") {
        let code: String = text(language.as_bytes()).chars().take(2).collect();
        if !code.is_empty() {
            writer.document().language = Some(Language::from_code(&code.to_lowercase()));
        }
    }
    let packet = root.get::<Stream<'_>>(b"Metadata").and_then(|stream| stream.decoded().ok());
    if let Some(packet) = packet.filter(|packet| packet.len() <= XMP_BYTES) {
        let packet = String::from_utf8_lossy(&packet);
        if let Some(title) = xmp(&packet, "dc:title") {
            writer.title(real_title(&title));
        }
        if let Some(author) = xmp(&packet, "dc:creator") {
            writer.author(&author);
        }
    }
}

/// Titles that programs put in by themselves say nothing, and "Microsoft Word - x.doc" is a file name.
fn real_title(title: &str) -> &str {
    let title = title.trim();
    let title = title
        .strip_prefix("Microsoft Word - ")
        .or_else(|| title.strip_prefix("Microsoft PowerPoint - "))
        .unwrap_or(title);
    let lower = title.to_lowercase();
    let empty =
        ["untitled", "sans titre", "sans nom", "document", "document1", "title", "(anonymous)", "unknown"];
    if empty.contains(&lower.as_str()) { "" } else { title }
}

/// The text of an element of an XMP packet, whose value stands in a list of one.
fn xmp(packet: &str, element: &str) -> Option<String> {
    let (_, rest) = packet.split_once(&format!("<{element}"))?;
    let (inner, _) = rest.split_once(&format!("</{element}>"))?;
    let mut out = String::new();
    let mut inside = true;
    for character in inner.chars() {
        match character {
            '<' => inside = true,
            '>' => inside = false,
            _ if !inside => out.push(character),
            _ => {}
        }
    }
    let out = out.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    let out = out.split_whitespace().collect::<Vec<_>>().join(" ");
    (!out.is_empty()).then_some(out)
}

/// A text string of PDF: UTF-16 or UTF-8 with a mark, else the format's own 8-bit encoding.
pub(super) fn text(bytes: &[u8]) -> String {
    match bytes {
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => match std::str::from_utf8(bytes) {
            // UTF-8 without a mark isn't allowed, and is common.
            Ok(text) => text.to_owned(),
            Err(_) => bytes.iter().map(|byte| document_encoding(*byte)).collect(),
        },
    }
}

fn utf16(bytes: &[u8], read: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks_exact(2).filter_map(|pair| pair.try_into().ok()).map(read);
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// PDFDocEncoding: Latin-1 but for these.
fn document_encoding(byte: u8) -> char {
    const FROM_0X80: [char; 32] = [
        '•', '†', '‡', '…', '—', '–', 'ƒ', '⁄', '‹', '›', '−', '‰', '„', '“', '”', '‘', '’', '‚', '™', 'ﬁ',
        'ﬂ', 'Ł', 'Œ', 'Š', 'Ÿ', 'Ž', 'ı', 'ł', 'œ', 'š', 'ž', '\u{fffd}',
    ];
    match byte {
        0x80..=0x9f => {
            FROM_0X80.get(usize::from(byte - 0x80)).copied().unwrap_or(char::REPLACEMENT_CHARACTER)
        }
        0xa0 => '€',
        _ => char::from(byte),
    }
}

fn milliseconds(date: &DateTime) -> Option<i64> {
    let DateTime { year, month, day, hour, minute, second, .. } = date;
    let local = crate::text::date::parse_iso(&format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
    ))?;
    let hours = i64::from(date.utc_offset_hour);
    let minutes = hours * 60 + hours.signum() * i64::from(date.utc_offset_minute);
    Some(local - minutes * 60_000)
}
