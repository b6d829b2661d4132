//! Which small sound file of each format do the tests damage?
//!
//! They are made here from nothing, so that every reader is tried wherever the tests run. What a file holds is kept apart
//! from how it is packed: damage to a packed file mostly ends at a checksum or in the container's tables; damage to what it
//! holds, packed again without a fault, reaches the reader behind them.

pub mod old;
pub mod packages;
mod plain;

use std::io::{Cursor, Write};

use cfb::{CompoundFile, Version};
use intramuros_core::document::Limits;
use intramuros_ingest::Format;

use crate::faults::{Random, damage};
use crate::{archive, data};

/// What every seed says; an image shows it to nobody.
pub const PHRASE: &str = "Le conseil se tient mardi";

/// Bytes of a head in a tar archive; contents are filled up to a multiple of it.
const TAR_BLOCK: usize = 512;

/// A member of an archive, a part of a package, a stream of a compound file (then a path): its name and its bytes.
pub type Member = (String, Vec<u8>);

/// A small sound file.
pub struct Seed {
    /// Its name.
    pub name: &'static str,
    /// What it is read as.
    pub format: Format,
    /// What it holds.
    pub content: Content,
}

/// What a file holds, and how that is packed.
pub enum Content {
    /// Not packed at all.
    Plain(Vec<u8>),
    /// Parts of a ZIP.
    Zip(Vec<Member>),
    /// Streams of a compound file.
    Compound(Vec<Member>),
    /// Members of a tar archive.
    Tar(Vec<Member>),
    /// The header and the packed bytes of a 7z archive.
    SevenZip { header: Vec<u8>, data: Vec<u8> },
}

impl Content {
    /// The bytes of the file.
    pub fn pack(&self) -> Vec<u8> {
        match self {
            Content::Plain(bytes) => bytes.clone(),
            Content::Zip(members) => archive::zipped(&borrowed(members)),
            Content::Compound(members) => compound(members),
            Content::Tar(members) => archive::tarred(&borrowed(members)),
            Content::SevenZip { header, data } => seven_zip(header, data),
        }
    }

    /// The bytes of the file with damage to what it holds, behind sound checksums and tables.
    pub fn pack_damaged(&self, other: &[u8], random: &mut Random) -> Vec<u8> {
        match self {
            Content::Plain(bytes) => damage(bytes, other, random),
            Content::Zip(members) => archive::zipped(&borrowed(&damage_one(members, other, random))),
            Content::Compound(members) => compound(&damage_one(members, other, random)),
            Content::Tar(members) => damage_head(members, other, random),
            Content::SevenZip { header, data } => seven_zip(&damage(header, other, random), data),
        }
    }

    /// Whether it is packed, so that damage to what it holds differs from damage to the file.
    pub fn is_packed(&self) -> bool {
        !matches!(self, Content::Plain(_))
    }
}

/// A seed of every format that is read.
pub fn seeds() -> Vec<Seed> {
    [old::seeds(), packages::seeds(), plain::seeds()].into_iter().flatten().collect()
}

/// What the packed seed of this name holds.
pub fn members(name: &str) -> Vec<Member> {
    let seed = seeds().into_iter().find(|seed| seed.name == name).unwrap();
    match seed.content {
        Content::Zip(members) | Content::Compound(members) => members,
        _ => panic!("{name} has no members"),
    }
}

/// The bytes of one of these members.
pub fn content<'m>(members: &'m mut [Member], name: &str) -> &'m mut Vec<u8> {
    &mut members.iter_mut().find(|member| member.0 == name).unwrap().1
}

fn borrowed(members: &[Member]) -> Vec<(&str, &[u8])> {
    members.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect()
}

/// The members with one of them damaged, missing, or in the place of another.
fn damage_one(members: &[Member], other: &[u8], random: &mut Random) -> Vec<Member> {
    let mut members = members.to_vec();
    let at = random.below(members.len());
    match random.below(10) {
        0 => drop(members.remove(at)),
        1 => {
            let from = random.below(members.len());
            members[at].1 = members[from].1.clone();
        }
        _ => members[at].1 = damage(&members[at].1, other, random),
    }
    members
}

/// A compound file of the version with small sectors, so that damage to the file finds more than zeros.
fn compound(streams: &[Member]) -> Vec<u8> {
    let mut file = CompoundFile::create_with_version(Version::V3, Cursor::new(Vec::new())).unwrap();
    for (path, content) in streams {
        if let Some((storage, _)) = path.rsplit_once('/').filter(|(storage, _)| !storage.is_empty()) {
            file.create_storage_all(storage).unwrap();
        }
        file.create_stream(path).unwrap().write_all(content).unwrap();
    }
    file.into_inner().into_inner()
}

/// A tar archive with damage to the head of a member, under the checksum that fits.
fn damage_head(members: &[Member], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = archive::tarred(&borrowed(members));
    let before = &members[..random.below(members.len())];
    let filled = |member: &Member| TAR_BLOCK + member.1.len().next_multiple_of(TAR_BLOCK);
    let start: usize = before.iter().map(filled).sum();
    let mut head = damage(&bytes[start..start + TAR_BLOCK], other, random);
    head.resize(TAR_BLOCK, 0);
    if random.below(3) == 0 {
        // Long names, attributes, sparse files, links, devices, folders.
        head[156] = b"LKxgS12345"[random.below(10)];
    }
    head[148..156].fill(b' ');
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    bytes[start..start + TAR_BLOCK].copy_from_slice(&head);
    bytes
}

/// A 7z archive: the head with its two checksums, the packed bytes, the header.
fn seven_zip(header: &[u8], data: &[u8]) -> Vec<u8> {
    let (offset, size) = (data.len() as u64, header.len() as u64);
    let start = joined(&[&offset.to_le_bytes(), &size.to_le_bytes(), &crc32(header).to_le_bytes()]);
    joined(&[b"7z\xbc\xaf\x27\x1c\0\x04", &crc32(&start).to_le_bytes(), &start, data, header])
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

fn member(name: &str, content: impl AsRef<[u8]>) -> Member {
    (name.to_owned(), content.as_ref().to_vec())
}

/// The pieces one after another.
pub fn joined(pieces: &[&[u8]]) -> Vec<u8> {
    pieces.concat()
}

/// Numbers of two bytes, little-endian.
pub fn le16(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// Numbers of four bytes, little-endian.
pub fn le32(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

#[test]
fn every_seed_is_found_and_read() {
    for Seed { name, format, content } in seeds() {
        let bytes = content.pack();
        assert_eq!(Format::of(name, &bytes), Ok(format), "{name}");
        let read = intramuros_ingest::extract(name, &bytes, &Limits::default())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        if format == Format::Image {
            let pictures: Vec<&[u8]> = read.pictures.iter().map(|picture| picture.bytes.as_slice()).collect();
            assert_eq!(pictures, [bytes.as_slice()], "{name}");
        } else {
            let text = data::squeezed(&read);
            assert!(text.contains(&PHRASE.replace(' ', "")), "{name}: {text}");
        }
    }
}
