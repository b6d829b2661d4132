//! How is an entry written as one line, and how does each line hold the one before it?
//!
//! `{"n":7,"t":"2026-11-22T03:20:00.123Z","e":{…},"h":"…"}`: number, moment, event, and the SHA-256 of the hash before
//! followed by all of the line's bytes up to `,"h"`. The bytes themselves are hashed, so there is no question of how
//! JSON may be rewritten. The chain can be checked with `sha256sum` alone.

use ring::digest;
use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::time;

/// Longest line that is read, in bytes. 64 KiB: an event's longest fields, escaped, with room.
pub const MAX_LINE_BYTES: usize = 64 << 10;

/// Hash of an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// What stands before the first entry.
    pub const ZERO: Hash = Hash([0; 32]);

    /// In hexadecimal.
    pub fn to_hex(self) -> String {
        hex(&self.0)
    }

    /// From 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Hash> {
        from_hex(text).and_then(|bytes| bytes.try_into().ok()).map(Hash)
    }
}

impl std::fmt::Debug for Hash {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.to_hex()[..12])
    }
}

/// Bytes in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// Bytes from lower-case hexadecimal; none for anything else, so that a hash has one written form.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let bytes = text.as_bytes();
    if !bytes.len().is_multiple_of(2) {
        return None;
    }
    bytes.chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

/// One entry, read back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number, from 1.
    #[serde(rename = "n")]
    pub number: u64,
    /// When, as RFC 3339.
    #[serde(rename = "t")]
    pub time: String,
    /// What happened.
    #[serde(rename = "e")]
    pub event: Event,
    /// The hash, in hexadecimal.
    #[serde(rename = "h")]
    pub hash: String,
}

const BEFORE_HASH: &[u8] = b",\"h\":\"";
/// `,"h":"` + 64 digits + `"}`.
const TAIL_BYTES: usize = BEFORE_HASH.len() + 64 + 2;

/// Appends an entry's line, with its line break, to `out` and gives its hash.
///
/// # Errors
/// When the event can't be written as JSON, which its types rule out; nothing is appended then.
pub fn write(
    out: &mut Vec<u8>,
    number: u64,
    at_ms: i64,
    event: &Event,
    before: Hash,
) -> Result<Hash, serde_json::Error> {
    let start = out.len();
    out.extend_from_slice(b"{\"n\":");
    out.extend_from_slice(number.to_string().as_bytes());
    out.extend_from_slice(b",\"t\":\"");
    out.extend_from_slice(time::to_text(at_ms).as_bytes());
    out.extend_from_slice(b"\",\"e\":");
    if let Err(error) = serde_json::to_writer(&mut *out, event) {
        out.truncate(start);
        return Err(error);
    }
    let hash = chain(before, &out[start..]);
    out.extend_from_slice(BEFORE_HASH);
    out.extend_from_slice(hash.to_hex().as_bytes());
    out.extend_from_slice(b"\"}\n");
    Ok(hash)
}

/// Reads a line (without its line break) that must follow on `before`. The error says what is wrong with it.
pub fn read(line: &[u8], before: Hash) -> Result<(Entry, Hash), String> {
    let entry = parse(line)?;
    let body = &line[..line.len() - TAIL_BYTES];
    let hash = chain(before, body);
    if entry.hash != hash.to_hex() {
        return Err("its hash does not follow from its content and the entry before".to_owned());
    }
    Ok((entry, hash))
}

/// Reads a line's content without checking the chain.
pub fn parse(line: &[u8]) -> Result<Entry, String> {
    if line.len() > MAX_LINE_BYTES {
        return Err(format!("it has {} bytes; no entry has more than {MAX_LINE_BYTES}", line.len()));
    }
    let tail = line.len().checked_sub(TAIL_BYTES).map(|at| &line[at..]).ok_or("it is too short")?;
    if !tail.starts_with(BEFORE_HASH) || !tail.ends_with(b"\"}") {
        return Err("it does not end with a hash".to_owned());
    }
    serde_json::from_slice(line).map_err(|error| format!("it is not an entry: {error}"))
}

fn chain(before: Hash, body: &[u8]) -> Hash {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&before.0);
    context.update(body);
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    Hash(hash)
}
