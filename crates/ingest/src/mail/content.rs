//! What bytes, what text and what name does this part of a mail have, whatever its sender declared?
//!
//! Mails declare `us-ascii` and send UTF-8, declare UTF-8 and send Windows-1252, declare nothing, end without their last
//! boundary. The bytes themselves are looked at where the declaration cannot be true.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8};
use mail_parser::{HeaderName, Message, MessagePart, MimeHeaders, PartType};

use crate::text::{encoding, html};

/// Parts of a file name that is written in pieces (`filename*0*`). 100: of 70 letters each, more than any system allows.
const NAME_PIECES: usize = 100;

/// The message with headers that can be read: those in UTF-16 or in an old encoding become UTF-8. The text of the mail
/// stays as it is, since it says for itself how it is written.
pub fn readable(bytes: &[u8]) -> Cow<'_, [u8]> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    // UTF-16, with its mark or without.
    if matches!(bytes, [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [0, _, ..] | [_, 0, ..]) {
        return encoding::decode(bytes, None).map_or(bytes.into(), |text| text.into_bytes().into());
    }
    let (headers, body) = bytes.split_at(headers_end(bytes));
    if std::str::from_utf8(headers).is_ok() {
        return bytes.into();
    }
    let Ok(headers) = encoding::decode(headers, None) else { return bytes.into() };
    let mut whole = headers.into_bytes();
    whole.extend_from_slice(body);
    whole.into()
}

/// Where the blank line behind the headers begins.
fn headers_end(bytes: &[u8]) -> usize {
    let blank = |at: &usize| {
        let rest = bytes.get(*at..).unwrap_or_default();
        rest.starts_with(b"\n\n") || rest.starts_with(b"\n\r\n")
    };
    (0..bytes.len()).find(blank).map_or(bytes.len(), |at| at + 1)
}

/// The bytes of a part as they were before they were packed for the way.
pub fn bytes<'m>(message: &'m Message<'_>, part: &'m MessagePart<'_>) -> Cow<'m, [u8]> {
    let intact = match &part.body {
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => Some(&**bytes),
        _ => None,
    };
    if let Some(bytes) = intact.filter(|_| !part.is_encoding_problem) {
        return bytes.into();
    }
    let (start, end) = (part.offset_body as usize, part.offset_end as usize);
    let raw = message.raw_message.get(start..end).unwrap_or_default();
    let way = part.content_transfer_encoding().unwrap_or_default().to_ascii_lowercase();
    match way.as_str() {
        "base64" => unpack_base64(raw).into(),
        "quoted-printable" => unpack_quoted(raw).into(),
        _ => raw.into(),
    }
}

/// The text of a part that is text.
pub fn text<'m>(message: &'m Message<'_>, part: &'m MessagePart<'_>) -> Cow<'m, str> {
    let parsed = match &part.body {
        PartType::Text(text) | PartType::Html(text) => &**text,
        _ => return "".into(),
    };
    // Encodings of seven bits (UTF-7, ISO-2022) are none of what can go wrong here.
    if parsed.is_ascii() && !part.is_encoding_problem {
        return parsed.into();
    }
    let raw = bytes(message, part);
    let label = part.content_type().and_then(|kind| kind.attribute("charset"));
    let declared = label.and_then(|label| Encoding::for_label(label.trim().as_bytes()));
    let may_be_utf_8 =
        !raw.is_ascii() && declared.is_none_or(|encoding| encoding == UTF_8 || encoding.is_single_byte());
    if let Some(text) = std::str::from_utf8(&raw).ok().filter(|_| may_be_utf_8) {
        return text.to_owned().into();
    }
    let damaged = parsed.contains(char::REPLACEMENT_CHARACTER) || part.is_encoding_problem;
    if !damaged {
        return parsed.into();
    }
    let decoded = match label {
        None if is_html(part) => html::decode(&raw),
        _ => encoding::decode(&raw, label),
    };
    decoded.map_or(parsed.into(), Cow::Owned)
}

/// Whether a part says that it is HTML.
pub fn is_html(part: &MessagePart<'_>) -> bool {
    part.is_content_type("text", "html")
}

/// Whether a part is text of the mail itself that could not be told as such: the mail ends within it.
pub fn is_cut_text(part: &MessagePart<'_>) -> bool {
    part.is_encoding_problem
        && matches!(part.body, PartType::Text(_))
        && part.attachment_name().is_none()
        && (is_html(part) || part.content_type().is_none() || part.is_content_type("text", "plain"))
        && part.content_disposition().is_none_or(|given| !given.is_attachment())
}

/// The name that a part was given.
pub fn name<'m>(message: &'m Message<'_>, part: &'m MessagePart<'_>) -> Option<Cow<'m, str>> {
    let parsed = part.attachment_name()?;
    if !parsed.contains(char::REPLACEMENT_CHARACTER) {
        return Some(parsed.into());
    }
    let raw = |name: HeaderName<'static>, key: &str| {
        let header = part.headers.iter().rev().find(|header| header.name == name)?;
        let bytes = message.raw_message.get(header.offset_start as usize..header.offset_end as usize)?;
        name_in(bytes, key)
    };
    let found =
        raw(HeaderName::ContentDisposition, "filename").or_else(|| raw(HeaderName::ContentType, "name"));
    Some(found.map_or(parsed.into(), Cow::Owned))
}

/// The value of a parameter that is written in an old encoding, or in pieces of one:
/// `filename*0*=iso-8859-1''R%E9union; filename*1*=%20d%27%E9t%E9.txt`.
fn name_in(header: &[u8], key: &str) -> Option<String> {
    let mut label = None;
    let mut bytes = Vec::new();
    for field in header.split(|byte| *byte == b';').take(NAME_PIECES) {
        let field = field.trim_ascii();
        let Some(equals) = field.iter().position(|byte| *byte == b'=') else { continue };
        let (left, right) = field.split_at(equals);
        let left = String::from_utf8_lossy(left).trim().to_ascii_lowercase();
        let Some(rest) = left.strip_prefix(key).filter(|rest| rest.is_empty() || rest.starts_with('*'))
        else {
            continue;
        };
        let value = right.get(1..)?.trim_ascii();
        let value = value.strip_prefix(b"\"").unwrap_or(value);
        let mut value = value.strip_suffix(b"\"").unwrap_or(value);
        let packed = rest.ends_with('*');
        if packed && bytes.is_empty() {
            // The first piece says the encoding and the language: `iso-8859-1'fr'…`.
            let mut pieces = value.splitn(3, |byte| *byte == b'\'');
            if let (Some(charset), Some(_), Some(after)) = (pieces.next(), pieces.next(), pieces.next()) {
                label = Some(String::from_utf8_lossy(charset).into_owned());
                value = after;
            }
        }
        bytes.extend(if packed { unpack(value, b'%') } else { value.to_vec() });
    }
    encoding::decode(&bytes, label.as_deref()).ok().filter(|name| !name.trim().is_empty())
}

/// Bytes in which some are written as a sign and two digits (`=E9`, `%E9`); a sign with nothing of the kind behind it stays.
fn unpack(bytes: &[u8], sign: u8) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, after @ ..] = rest {
        let value = match after {
            [high, low, ..] if *first == sign => {
                digit(*high).zip(digit(*low)).map(|(high, low)| high << 4 | low)
            }
            _ => None,
        };
        out.push(value.unwrap_or(*first));
        let taken = if value.is_some() { 2 } else { 0 };
        rest = after.get(taken..).unwrap_or_default();
    }
    out
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Quoted-printable, whatever is wrong in it: a line that ends in `=` goes on in the next.
pub fn unpack_quoted(bytes: &[u8]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let text = line.trim_ascii_end();
        let ended = line.len() > text.len();
        match text.strip_suffix(b"=") {
            // Of a rule of signs (`=====`) each sign stands for itself.
            Some(open) if ended && !open.ends_with(b"=") => joined.extend_from_slice(open),
            _ => joined.extend_from_slice(line),
        }
    }
    unpack(&joined, b'=')
}

/// Base64, whatever stands between its letters; what follows the padding is no part of it.
fn unpack_base64(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0u32);
    for byte in bytes.iter().take_while(|byte| **byte != b'=') {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => continue,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count & 0xFF) as u8);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_comes_out_whatever_is_wrong_with_it() {
        let quoted = |text: &str| String::from_utf8(unpack_quoted(text.as_bytes())).unwrap();
        assert_eq!(quoted("Voil=C3=A0 le =\r\ntexte.\n=====\na=b ="), "Voilà le texte.\n=====\na=b =");
        assert_eq!(unpack_base64(b"Qm9u\r\nam91 cg==\nrest"), b"Bonjour");
        assert_eq!(unpack(b"100%25 %zz%", b'%'), b"100% %zz%");
    }

    #[test]
    fn names_in_pieces_and_in_old_encodings_are_put_together() {
        let name = |header: &[u8]| name_in(header, "filename").unwrap();
        assert_eq!(
            name(b" attachment;\r\n filename*0*=iso-8859-1''R%E9union;\r\n filename*1*=%20d%27%E9t%E9.txt"),
            "Réunion d'été.txt"
        );
        let old = b"attachment; filename=\"Compte rendu de la r\xE9union du comit\xE9.html\"";
        assert_eq!(name(old), "Compte rendu de la réunion du comité.html");
        assert_eq!(name_in(b"attachment; size=3", "filename"), None);
    }
}
