//! What did somebody sign here? Files and mails inside their signature (`.p7m`: CMS, RFC 5652).
//!
//! Only the way to the signed bytes is followed; whether the signature holds is not judged.

use intramuros_core::document::{ExtractError, Extracted};

use super::eml;
use crate::Budget;

/// How deep elements stand in one another on the way to what was signed, with room for pieces of pieces.
const NESTED: usize = 16;

/// The types of a package: what was signed, what was encrypted. As they stand in the first bytes of one.
const SIGNED: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
const ENCRYPTED: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03";

/// Bytes in which the type stands: behind one element's head.
const HEAD: usize = 17;

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const PIECES_OF_OCTETS: u8 = 0x24;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INNER: u8 = 0xA0;

/// Whether the bytes are such a package.
pub fn is_package(bytes: &[u8]) -> bool {
    is_of(bytes, SIGNED) || is_of(bytes, ENCRYPTED)
}

fn is_of(bytes: &[u8], kind: &[u8]) -> bool {
    let head = bytes.get(..HEAD.min(bytes.len())).unwrap_or_default();
    bytes.first() == Some(&SEQUENCE) && head.windows(kind.len()).any(|window| window == kind)
}

/// Reads what was signed as the file that it is.
///
/// # Errors
/// Encrypted when a key is needed, Empty when it is a signature alone, Corrupt when it can't be followed; what the reader
/// of the signed file says.
pub fn extract(name: &str, bytes: &[u8], budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    if is_of(bytes, ENCRYPTED) {
        return Err(ExtractError::Encrypted("the key of a certificate is needed".to_owned()));
    }
    let content = content(bytes)
        .ok_or_else(|| ExtractError::Corrupt("the signed package can't be followed".to_owned()))?;
    if content.is_empty() {
        return Err(ExtractError::Empty("a signature alone; what was signed is another file".to_owned()));
    }
    let inner =
        name.get(..name.len().saturating_sub(4)).filter(|_| name.to_ascii_lowercase().ends_with(".p7m"));
    // A signed mail begins with the headers of its text, which name nobody.
    if content.get(..13).is_some_and(|start| start.eq_ignore_ascii_case(b"content-type:")) {
        return eml::extract(name, &content, &budget.deeper()?);
    }
    crate::extract_part(inner.unwrap_or(name), &content, budget)
}

/// The bytes that were signed; none of a signature alone.
fn content(bytes: &[u8]) -> Option<Vec<u8>> {
    let package = element(bytes, 0)?.inside(SEQUENCE)?;
    let kind = element(package, 0)?;
    let signed = element(kind.after, 0)?.inside(INNER)?;
    let signed = element(signed, 0)?.inside(SEQUENCE)?;
    let version = element(signed, 0).filter(|version| version.tag == INTEGER)?;
    let methods = element(version.after, 0).filter(|methods| methods.tag == SET)?;
    let wrapped = element(methods.after, 0)?.inside(SEQUENCE)?;
    let kind = element(wrapped, 0)?;
    let Some(inner) = element(kind.after, 0) else { return Some(Vec::new()) };
    let mut out = Vec::new();
    octets(&element(inner.inside(INNER)?, 0)?, 0, &mut out)?;
    Some(out)
}

/// Adds the bytes of a string, which may be cut into pieces.
fn octets(string: &Element<'_>, depth: usize, out: &mut Vec<u8>) -> Option<()> {
    match string.tag {
        OCTETS => out.extend_from_slice(string.content),
        PIECES_OF_OCTETS if depth < NESTED => {
            let mut rest = string.content;
            while let Some(piece) = element(rest, 0) {
                octets(&piece, depth + 1, out)?;
                rest = piece.after;
            }
        }
        _ => return None,
    }
    Some(())
}

struct Element<'a> {
    tag: u8,
    content: &'a [u8],
    after: &'a [u8],
}

impl<'a> Element<'a> {
    fn inside(self, tag: u8) -> Option<&'a [u8]> {
        (self.tag == tag).then_some(self.content)
    }
}

/// The first element of these bytes; none at their end, or where they can't be followed.
fn element(bytes: &[u8], depth: usize) -> Option<Element<'_>> {
    let [tag, first, rest @ ..] = bytes else { return None };
    if (*tag, *first) == (0, 0) {
        return None;
    }
    if *first == 0x80 {
        return open_element(*tag, rest, depth);
    }
    let more = usize::from(first & 0x7F);
    let (length, rest) = if *first < 0x80 { (more, rest) } else { long_length(rest, more)? };
    let (content, after) = rest.split_at_checked(length)?;
    Some(Element { tag: *tag, content, after })
}

/// A length that is written in several bytes, and what follows it.
fn long_length(bytes: &[u8], count: usize) -> Option<(usize, &[u8])> {
    let (digits, rest) = bytes.split_at_checked(count).filter(|_| count <= 4)?;
    Some((digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest))
}

/// An element without a length: it ends behind its last inner one, at two zero bytes.
fn open_element(tag: u8, bytes: &[u8], depth: usize) -> Option<Element<'_>> {
    if depth >= NESTED {
        return None;
    }
    let mut rest = bytes;
    while !rest.starts_with(&[0, 0]) {
        rest = element(rest, depth + 1)?.after;
    }
    let content = bytes.get(..bytes.len() - rest.len())?;
    Some(Element { tag, content, after: rest.get(2..)? })
}
