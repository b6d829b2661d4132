//! Which objects are in this pack?
//!
//! A pack holds objects compressed, some of them as a difference to another one in the same pack. It is gone through once
//! for the number of each object; then each is read when it is asked for. What is larger than a file may be is passed over,
//! and every size is held against a limit before room is made for it, and against what the pack may come to as a whole: a
//! small pack can hold more bytes than a machine can make in a day.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::rc::Rc;

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

/// Bytes that may be made of a pack, for each of its own: so many to go through it, and as many to hand its objects out. 16:
/// text is compressed to a fifth, and each of the two makes it twice, with the differences between.
const MOST_TIMES: u64 = 16;

/// Bytes that may be made of any pack. 8 GiB, about a minute: small packs may be of very even files.
const LEAST_BYTES: u64 = 8 << 30;

/// What a step along a chain of differences counts for, in bytes; it makes none, and yet takes time.
const STEP_BYTES: u64 = 64;

/// Bytes that are passed over before somebody may say stop. 1 MiB.
const PASSED_AT_ONCE: u64 = 1 << 20;

/// How many bytes may still be made of a pack.
#[derive(Clone, Copy, Default)]
struct Budget {
    left: u64,
}

impl Budget {
    fn of(pack_bytes: u64) -> Budget {
        Budget { left: pack_bytes.saturating_mul(MOST_TIMES).max(LEAST_BYTES) }
    }

    /// Takes so many bytes.
    ///
    /// # Errors
    /// When there are fewer, or somebody says stop.
    fn spend(&mut self, bytes: u64, client: &Client) -> Result<(), Failure> {
        if client.stopped() {
            return Err(Failure::Stopped);
        }
        let more = || Failure::Limit("the git server gives a pack that grows beyond all measure".to_owned());
        self.left = self.left.checked_sub(bytes).ok_or_else(more)?;
        Ok(())
    }
}

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
    kept: HashMap<u64, (Kind, Rc<Vec<u8>>)>,
    kept_bytes: usize,
    budget: Budget,
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
            budget: Budget::default(),
        }
    }

    /// Opens a pack and goes through it. Objects of more than `limit` bytes can't be had from it.
    pub fn open(path: &Path, limit: u64, client: &Client) -> Result<Pack, Failure> {
        let bytes = std::fs::metadata(path).map_err(Failure::disk)?.len();
        Pack::open_within(Budget::of(bytes), path, limit, client)
    }

    fn open_within(budget: Budget, path: &Path, limit: u64, client: &Client) -> Result<Pack, Failure> {
        let file = BufReader::new(File::open(path).map_err(Failure::disk)?);
        let mut pack = Pack { file: Some(file), limit, budget, ..Pack::empty() };
        pack.scan(client)?;
        pack.number(client)?;
        pack.budget = budget;
        Ok(pack)
    }

    /// Bytes of an object, where it is in the pack.
    pub fn size(&self, oid: &Oid) -> Option<u64> {
        self.by_number.get(oid).map(|(_, _, size)| *size)
    }

    /// The bytes of an object.
    pub fn object(&mut self, oid: &Oid, kind: Kind, client: &Client) -> Result<Rc<Vec<u8>>, Failure> {
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
        let (_, bytes) = self.resolve(at, client)?;
        // Also what is at hand: a tree may be asked for over and over, and is gone through each time.
        self.budget.spend(bytes.len() as u64, client)?;
        Ok(bytes)
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
            let reader = self.file.as_mut().ok_or_else(|| odd("without objects"))?;
            let (stands, mut end) = head_of(reader, at)?;
            end += pass_over(reader, stands.size, &mut self.budget, client)?;
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
                match self.resolve(at, client) {
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
    fn resolve(&mut self, at: u64, client: &Client) -> Result<(Kind, Rc<Vec<u8>>), Failure> {
        let mut chain = Vec::new();
        let mut place = at;
        let (kind, mut bytes) = loop {
            self.budget.spend(STEP_BYTES, client)?;
            if let Some((kind, bytes)) = self.kept.get(&place) {
                break (*kind, Rc::clone(bytes));
            }
            let stands = *self.stands.get(&place).ok_or_else(|| odd("with a difference to nothing"))?;
            if chain.len() > MAX_CHAIN {
                return Err(odd("with differences that go on and on"));
            }
            match (stands.kind, stands.base) {
                (Some(kind), _) => break (kind, Rc::new(self.inflate(&stands, client)?)),
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
            let difference = self.inflate(stands, client)?;
            bytes = Rc::new(apply(&bytes, &difference, self.limit)?);
            self.budget.spend(bytes.len() as u64, client)?;
        }
        self.keep(at, kind, &bytes);
        Ok((kind, bytes))
    }

    fn keep(&mut self, at: u64, kind: Kind, bytes: &Rc<Vec<u8>>) {
        if bytes.len() > KEPT_BYTES / 8 {
            return;
        }
        if self.kept_bytes + bytes.len() > KEPT_BYTES {
            self.kept.clear();
            self.kept_bytes = 0;
        }
        if self.kept.insert(at, (kind, Rc::clone(bytes))).is_none() {
            self.kept_bytes += bytes.len();
        }
    }

    fn inflate(&mut self, stands: &Stands, client: &Client) -> Result<Vec<u8>, Failure> {
        if stands.size > self.limit {
            return Err(Failure::TooLarge(self.limit));
        }
        let size = stands.size;
        self.budget.spend(size, client)?;
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
fn pass_over(
    reader: &mut impl BufRead,
    size: u64,
    budget: &mut Budget,
    client: &Client,
) -> Result<u64, Failure> {
    let mut decoder = ZlibDecoder::new(reader);
    let mut left = size;
    while left > 0 {
        let part = left.min(PASSED_AT_ONCE);
        budget.spend(part, client)?;
        let passed = std::io::copy(&mut (&mut decoder).take(part), &mut std::io::sink()).map_err(broken)?;
        if passed != part {
            return Err(odd("with an object of another length than it says"));
        }
        left -= part;
    }
    budget.spend(STEP_BYTES, client)?;
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
pub(super) mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    use super::*;
    use crate::client::tests::for_tests;

    /// An object as a pack holds it: its kind by number, its length, and its compressed bytes.
    pub(in crate::git) fn object(kind: u8, bytes: &[u8], before: &[u8]) -> Vec<u8> {
        let mut length = bytes.len();
        let mut whole = vec![kind << 4 | (length & 15) as u8];
        length >>= 4;
        while length > 0 {
            *whole.last_mut().unwrap() |= 0x80;
            whole.push((length & 0x7f) as u8);
            length >>= 7;
        }
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        [whole, before.to_vec(), encoder.finish().unwrap()].concat()
    }

    /// A blob of zeros, and so many objects each of which copies it whole from the one before.
    fn swelling(bytes: u32, times: u32) -> tempfile::NamedTempFile {
        let number = |value: u32| -> Vec<u8> {
            vec![value as u8 | 0x80, (value >> 7) as u8 | 0x80, (value >> 14) as u8 & 0x7f]
        };
        let copy = [0b1111_0000, bytes as u8, (bytes >> 8) as u8, (bytes >> 16) as u8];
        let difference = [number(bytes), number(bytes), copy.to_vec()].concat();
        let mut whole = [b"PACK".as_slice(), &2_u32.to_be_bytes(), &(times + 1).to_be_bytes()].concat();
        let mut one = object(3, &vec![0; bytes as usize], &[]);
        for _ in 0..=times {
            whole.extend_from_slice(&one);
            let back = u8::try_from(one.len()).ok().filter(|back| *back < 0x80);
            // The base is the object right before; the first one is longer than a byte tells.
            one = match back {
                Some(back) => object(6, &difference, &[back]),
                None => {
                    let back = one.len() - 128;
                    object(6, &difference, &[(back >> 7) as u8 | 0x80, back as u8 & 0x7f])
                }
            };
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), whole).unwrap();
        file
    }

    #[test]
    fn a_pack_that_swells_is_let_go() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (client, stop) = for_tests(&runtime);
        let file = swelling(1_000_000, 50);
        let open = |left: u64| Pack::open_within(Budget { left }, file.path(), 2_000_000, &client);
        // A million bytes passed over, read once, and copied fifty times.
        let mut whole = open(53_000_000).map_err(|failure| failure.to_string()).unwrap();
        assert_eq!(whole.by_number.len(), 1, "they are all the same");
        assert_eq!(whole.budget.left, 53_000_000, "what is handed out has a budget of its own");
        // The same object, asked for over and over.
        let oid = *whole.by_number.keys().next().unwrap();
        let failure = (0..100).find_map(|_| whole.object(&oid, Kind::Blob, &client).err());
        assert!(matches!(failure, Some(Failure::Limit(_))), "{failure:?}");
        assert!(matches!(open(40_000_000), Err(Failure::Limit(_))));
        assert!(matches!(open(900_000), Err(Failure::Limit(_))));
        stop.send(true).unwrap();
        assert!(matches!(open(53_000_000), Err(Failure::Stopped)));
        assert_eq!(Budget::of(1).left, LEAST_BYTES);
        assert_eq!(Budget::of(4 << 30).left, 64 << 30);
    }

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
