//! Which objects are in this pack?
//!
//! A pack holds objects compressed, some of them as a difference to another one in the same pack. It is gone through once
//! for the number of each object; then each is read when it is asked for. What is larger than a file may be is passed over,
//! and every size is held against a limit before room is made for it.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::bufread::ZlibDecoder;

use super::objects::{Kind, Oid};
use crate::client::Client;
use crate::failure::Failure;

/// Most objects of a pack. 5 million: as many entries as are looked at.
const MAX_OBJECTS: u32 = 5_000_000;

/// Longest chain of differences. Git makes chains of 50, at most of 4,095.
const MAX_CHAIN: usize = 4096;

/// Bytes of objects kept at hand for those that build upon them. 128 MiB.
const KEPT_BYTES: usize = 128 << 20;

/// The base of a difference.
#[derive(Clone, Copy)]
enum Base {
    At(u64),
    Number(Oid),
}

/// Where an object stands.
#[derive(Clone, Copy)]
struct Stands {
    kind: Option<Kind>,
    base: Option<Base>,
    /// Where its compressed bytes begin.
    data: u64,
    /// Bytes once they are no longer compressed.
    size: u64,
}

/// A pack on the disk.
pub(super) struct Pack {
    file: Option<BufReader<File>>,
    limit: u64,
    stands: HashMap<u64, Stands>,
    /// Where each object begins, by its number.
    by_number: HashMap<Oid, (u64, Kind, u64)>,
    /// Whether some were passed over for their size.
    passed_over: bool,
    /// Objects at hand for those that build upon them.
    kept: HashMap<u64, (Kind, Vec<u8>)>,
    kept_bytes: usize,
}

fn odd(what: &str) -> Failure {
    Failure::Odd(format!("the git server gives a pack {what}"))
}

fn broken(error: std::io::Error) -> Failure {
    odd(&format!("that can't be read: {error}"))
}

impl Pack {
    /// A pack without objects.
    pub fn empty() -> Pack {
        Pack {
            file: None,
            limit: 0,
            stands: HashMap::new(),
            by_number: HashMap::new(),
            passed_over: false,
            kept: HashMap::new(),
            kept_bytes: 0,
        }
    }

    /// Opens a pack and goes through it. Objects of more than `limit` bytes can't be had from it.
    pub fn open(path: &Path, limit: u64, client: &Client) -> Result<Pack, Failure> {
        let file = BufReader::new(File::open(path).map_err(Failure::disk)?);
        let mut pack = Pack { file: Some(file), limit, ..Pack::empty() };
        pack.scan(client)?;
        pack.number(client)?;
        Ok(pack)
    }

    /// Bytes of an object, where it is in the pack.
    pub fn size(&self, oid: &Oid) -> Option<u64> {
        self.by_number.get(oid).map(|(_, _, size)| *size)
    }

    /// The bytes of an object.
    pub fn object(&mut self, oid: &Oid, kind: Kind) -> Result<Vec<u8>, Failure> {
        let Some((at, found, size)) = self.by_number.get(oid).copied() else {
            // Of what was passed over the number is not known: this one must be among them.
            if self.passed_over && kind == Kind::Blob {
                return Err(Failure::TooLarge(self.limit));
            }
            return Err(odd(&format!("without the {} {oid}", kind.word())));
        };
        if found != kind {
            return Err(odd(&format!("in which {oid} is a {}, not a {}", found.word(), kind.word())));
        }
        if size > self.limit {
            return Err(Failure::TooLarge(self.limit));
        }
        self.resolve(at).map(|(_, bytes)| bytes)
    }

    fn reader(&mut self) -> Result<&mut BufReader<File>, Failure> {
        self.file.as_mut().ok_or_else(|| odd("without objects"))
    }

    /// Goes through all objects for where they stand.
    fn scan(&mut self, client: &Client) -> Result<(), Failure> {
        let reader = self.reader()?;
        let mut head = [0; 12];
        reader.read_exact(&mut head).map_err(broken)?;
        let count = u32::from_be_bytes([head[8], head[9], head[10], head[11]]);
        if &head[..4] != b"PACK" || !matches!(head[7], 2 | 3) || count > MAX_OBJECTS {
            return Err(odd("of an unknown kind, or with too many objects"));
        }
        let mut at = 12;
        for _ in 0..count {
            if client.stopped() {
                return Err(Failure::Stopped);
            }
            let reader = self.reader()?;
            let (stands, mut end) = head_of(reader, at)?;
            end += pass_over(reader, stands.size)?;
            self.stands.insert(at, stands);
            at = end;
        }
        Ok(())
    }

    /// Gives each object its number.
    fn number(&mut self, client: &Client) -> Result<(), Failure> {
        let mut places: Vec<u64> = self.stands.keys().copied().collect();
        places.sort_unstable();
        // What builds upon a number must wait until that is known; each round knows more, or ends.
        loop {
            let before = places.len();
            let mut later = Vec::new();
            for at in places {
                if client.stopped() {
                    return Err(Failure::Stopped);
                }
                match self.resolve(at) {
                    Ok((kind, bytes)) => {
                        let oid = Oid::of(kind, &bytes);
                        self.by_number.insert(oid, (at, kind, bytes.len() as u64));
                    }
                    Err(Failure::Gone) => later.push(at),
                    // Too large to be read: its number is told by the tree alone, and it is named there.
                    Err(Failure::TooLarge(_)) => self.passed_over = true,
                    Err(failure) => return Err(failure),
                }
            }
            places = later;
            if places.is_empty() || places.len() == before {
                return if places.is_empty() {
                    Ok(())
                } else {
                    Err(odd("with differences to what is not in it"))
                };
            }
        }
    }

    /// The bytes of the object at a place. [`Failure::Gone`] when it builds upon one that is not known yet.
    fn resolve(&mut self, at: u64) -> Result<(Kind, Vec<u8>), Failure> {
        let mut chain = Vec::new();
        let mut place = at;
        let (kind, mut bytes) = loop {
            if let Some((kind, bytes)) = self.kept.get(&place) {
                break (*kind, bytes.clone());
            }
            let stands = *self.stands.get(&place).ok_or_else(|| odd("with a difference to nothing"))?;
            if chain.len() > MAX_CHAIN {
                return Err(odd("with differences that go on and on"));
            }
            match (stands.kind, stands.base) {
                (Some(kind), _) => break (kind, self.inflate(&stands)?),
                (None, Some(Base::At(base))) if base < place => {
                    chain.push(stands);
                    place = base;
                }
                (None, Some(Base::Number(oid))) => {
                    chain.push(stands);
                    place = self.by_number.get(&oid).map(|(at, ..)| *at).ok_or(Failure::Gone)?;
                }
                _ => return Err(odd("with a difference to itself")),
            }
        };
        for stands in chain.iter().rev() {
            let difference = self.inflate(stands)?;
            bytes = apply(&bytes, &difference, self.limit)?;
        }
        self.keep(at, kind, &bytes);
        Ok((kind, bytes))
    }

    fn keep(&mut self, at: u64, kind: Kind, bytes: &[u8]) {
        if bytes.len() > KEPT_BYTES / 8 {
            return;
        }
        if self.kept_bytes + bytes.len() > KEPT_BYTES {
            self.kept.clear();
            self.kept_bytes = 0;
        }
        if self.kept.insert(at, (kind, bytes.to_vec())).is_none() {
            self.kept_bytes += bytes.len();
        }
    }

    fn inflate(&mut self, stands: &Stands) -> Result<Vec<u8>, Failure> {
        if stands.size > self.limit {
            return Err(Failure::TooLarge(self.limit));
        }
        let size = stands.size;
        let reader = self.reader()?;
        reader.seek(SeekFrom::Start(stands.data)).map_err(broken)?;
        let mut bytes = Vec::new();
        ZlibDecoder::new(reader).take(size + 1).read_to_end(&mut bytes).map_err(broken)?;
        if bytes.len() as u64 == size {
            Ok(bytes)
        } else {
            Err(odd("with an object of another length than it says"))
        }
    }
}

/// The head of an object at a place: what it is, and where it goes on.
fn head_of(reader: &mut impl BufRead, at: u64) -> Result<(Stands, u64), Failure> {
    let mut end = at;
    let mut byte = || -> Result<u8, Failure> {
        let mut one = [0];
        reader.read_exact(&mut one).map_err(broken)?;
        end += 1;
        Ok(one[0])
    };
    let first = byte()?;
    let (mut size, mut shift, mut last) = (u64::from(first & 15), 4, first);
    while last & 0x80 != 0 {
        last = byte()?;
        if shift > 56 {
            return Err(odd("with an object larger than anything"));
        }
        size |= u64::from(last & 0x7f) << shift;
        shift += 7;
    }
    let (kind, base) = match first >> 4 & 7 {
        1 => (Some(Kind::Commit), None),
        2 => (Some(Kind::Tree), None),
        3 => (Some(Kind::Blob), None),
        4 => (Some(Kind::Tag), None),
        6 => {
            let mut last = byte()?;
            let mut back = u64::from(last & 0x7f);
            while last & 0x80 != 0 {
                last = byte()?;
                back = back
                    .checked_add(1)
                    .and_then(|back| back.checked_mul(128))
                    .ok_or_else(|| odd("with a difference to nothing"))?
                    | u64::from(last & 0x7f);
            }
            let base = at.checked_sub(back).ok_or_else(|| odd("with a difference to nothing"))?;
            (None, Some(Base::At(base)))
        }
        7 => {
            let mut oid = [0; 20];
            for slot in &mut oid {
                *slot = byte()?;
            }
            (None, Some(Base::Number(Oid(oid))))
        }
        _ => return Err(odd("with an object of no known kind")),
    };
    Ok((Stands { kind, base, data: end, size }, end))
}

/// Passes over the compressed bytes of an object; gives how many they are.
fn pass_over(reader: &mut BufReader<File>, size: u64) -> Result<u64, Failure> {
    let mut decoder = ZlibDecoder::new(reader);
    let passed = std::io::copy(&mut (&mut decoder).take(size.saturating_add(1)), &mut std::io::sink())
        .map_err(broken)?;
    if passed != size {
        return Err(odd("with an object of another length than it says"));
    }
    // One reading more, for what ends the compressed bytes.
    let more = decoder.read(&mut [0]).map_err(broken)?;
    if more == 0 { Ok(decoder.total_in()) } else { Err(odd("with an object of another length than it says")) }
}

/// A number of a difference, in seven bits a byte.
fn number(bytes: &mut &[u8]) -> Result<u64, Failure> {
    let (mut value, mut shift) = (0_u64, 0);
    loop {
        let (byte, rest) = bytes.split_first().ok_or_else(|| odd("with a difference that ends too soon"))?;
        *bytes = rest;
        if shift > 56 {
            return Err(odd("with a difference larger than anything"));
        }
        value |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
}

/// Applies a difference to its base.
fn apply(base: &[u8], difference: &[u8], limit: u64) -> Result<Vec<u8>, Failure> {
    let wrong = || odd("with a difference that does not fit");
    let mut left = difference;
    if number(&mut left)? != base.len() as u64 {
        return Err(wrong());
    }
    let size = number(&mut left)?;
    if size > limit {
        return Err(Failure::TooLarge(limit));
    }
    let mut bytes = Vec::new();
    while let Some((act, rest)) = left.split_first() {
        left = rest;
        if act & 0x80 == 0 {
            let length = usize::from(*act);
            // 0 is kept for what nobody has thought of yet.
            let new = left.get(..length).filter(|new| !new.is_empty()).ok_or_else(wrong)?;
            bytes.extend_from_slice(new);
            left = &left[length..];
        } else {
            let mut part = |bit: u8| -> Result<usize, Failure> {
                if act & bit == 0 {
                    return Ok(0);
                }
                let (byte, rest) = left.split_first().ok_or_else(wrong)?;
                left = rest;
                Ok(usize::from(*byte))
            };
            let from = part(1)? | part(2)? << 8 | part(4)? << 16 | part(8)? << 24;
            let length = part(16)? | part(32)? << 8 | part(64)? << 16;
            let length = if length == 0 { 0x10000 } else { length };
            bytes.extend_from_slice(
                from.checked_add(length).and_then(|end| base.get(from..end)).ok_or_else(wrong)?,
            );
        }
        if bytes.len() as u64 > size {
            return Err(wrong());
        }
    }
    if bytes.len() as u64 == size { Ok(bytes) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_applied_or_refused_and_never_more_than_it_says() {
        let base = b"Le bail est conclu pour neuf ans.";
        // Copy 8 bytes from 0, add 4, copy 2 from 30.
        let difference = [33, 14, 0b1001_0000, 8, 4, b'a', b'b', b'c', b'd', 0b1001_0001, 30, 2];
        assert_eq!(apply(base, &difference, 100).unwrap(), b"Le bail abcdns");
        assert!(matches!(apply(base, &difference, 10), Err(Failure::TooLarge(10))));
        assert!(apply(b"short", &difference, 100).is_err());
        for cut in 0..difference.len() {
            assert!(apply(base, &difference[..cut], 100).is_err(), "{cut}");
        }
        let mut state = 7_u64;
        for _ in 0..20_000 {
            let mut odd = difference;
            for _ in 0..2 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                odd[(state >> 33) as usize % odd.len()] = (state >> 56) as u8;
            }
            if let Ok(bytes) = apply(base, &odd, 1000) {
                assert!(bytes.len() <= 1000);
            }
        }
    }
}
