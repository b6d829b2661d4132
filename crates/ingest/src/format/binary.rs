//! Which binary format do the first bytes, the members of a ZIP or the streams of a compound file show?

use intramuros_core::document::ExtractError;

use super::Format;
use crate::mail::signed;
use crate::office::compound::Compound;

type Found = Result<Format, ExtractError>;

/// How far into a file a PDF header may stand; readers in the wild accept a kilobyte of rubbish before it.
const PDF_HEADER_WITHIN: usize = 1024;

/// Names looked at in a ZIP directory. The telling ones come first in real files; a directory of millions is a bomb.
const ZIP_NAMES: usize = 20_000;

/// First bytes that decide by themselves.
const MAGIC: &[(&[u8], Format)] = &[
    (b"{\\rt", Format::Rtf),
    (b"\x89PNG\r\n\x1a\n", Format::Image),
    (b"\xff\xd8\xff", Format::Image),
    (b"GIF87a", Format::Image),
    (b"GIF89a", Format::Image),
    (b"II*\0", Format::Image),
    (b"MM\0*", Format::Image),
    (b"7z\xbc\xaf\x27\x1c", Format::SevenZip),
    (b"\x1f\x8b", Format::Compressed),
    (b"BZh", Format::Compressed),
    (b"\xfd7zXZ\0", Format::Compressed),
    (b"\x28\xb5\x2f\xfd", Format::Compressed),
    // What Outlook packs into winmail.dat.
    (b"\x78\x9f\x3e\x22", Format::Msg),
];

/// First bytes of formats that people meet and that hold no text for us, with the word shown.
const REFUSED: &[(&[u8], &str)] = &[
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"\xca\xfe\xba\xbe", "a program"),
    (b"\xfe\xed\xfa", "a program"),
    (b"\0asm", "a program"),
    (b"SQLite format 3\0", "a database"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"OggS", "a recording"),
    (b"ID3", "a recording"),
    (b"fLaC", "a recording"),
    (b"\x1aE\xdf\xa3", "a film"),
    (b"wOFF", "a font"),
    (b"wOF2", "a font"),
    (b"OTTO", "a font"),
    (b"\0\x01\0\0\0", "a font"),
];

/// The format that the bytes show, an error when they show one that is not read, none when they look like text.
pub(super) fn sniff(extension: &str, bytes: &[u8]) -> Option<Found> {
    if let Some((_, format)) = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Some(Ok(*format));
    }
    if is_pdf(bytes) {
        return Some(Ok(Format::Pdf));
    }
    if bytes.starts_with(b"PK\x03\x04")
        || bytes.starts_with(b"PK\x05\x06")
        || bytes.starts_with(b"PK\x07\x08")
    {
        return Some(zip(extension, bytes));
    }
    if bytes.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
        return Some(Ok(if is_outlook_message(bytes) { Format::Msg } else { Format::Ole }));
    }
    if is_riff_or_bitmap(bytes) {
        return Some(Ok(Format::Image));
    }
    if signed::is_package(bytes) {
        return Some(Ok(Format::Signed));
    }
    if bytes.get(257..262) == Some(b"ustar".as_slice()) {
        return Some(Ok(Format::Tar));
    }
    if bytes.get(4..8) == Some(b"ftyp".as_slice()) {
        return Some(Err(ExtractError::Unsupported("a film or a recording".to_owned())));
    }
    let refused = REFUSED.iter().find(|(magic, _)| bytes.starts_with(magic))?;
    // "MZ" and "ID3" may begin a text; a program or a recording has zero bytes soon.
    bytes
        .iter()
        .take(512)
        .any(|byte| *byte == 0)
        .then(|| Err(ExtractError::Unsupported(refused.1.to_owned())))
}

fn is_pdf(bytes: &[u8]) -> bool {
    let start = bytes.get(..PDF_HEADER_WITHIN).unwrap_or(bytes);
    let Some(at) = start.windows(5).position(|window| window == b"%PDF-") else { return false };
    // A text that mentions the header in its first lines isn't a PDF: there, an object or a trailer follows.
    at == 0 || bytes.windows(4).any(|window| window == b" obj")
}

fn is_riff_or_bitmap(bytes: &[u8]) -> bool {
    let webp = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP".as_slice());
    // A bitmap states its own size and keeps four reserved bytes at zero.
    let bitmap = bytes.starts_with(b"BM")
        && bytes.get(6..10) == Some([0; 4].as_slice())
        && bytes.get(2..6).is_some_and(|size| size != [0; 4]);
    webp || bitmap
}

fn is_outlook_message(bytes: &[u8]) -> bool {
    const MARKS: [&str; 2] = ["__properties_version1.0", "__nameid_version1.0"];
    match Compound::open(bytes) {
        Ok(file) => MARKS.iter().any(|mark| file.has(0, mark) || file.storage(0, mark).is_some()),
        // Damaged: the name still stands in the directory, in UTF-16, while a document's own streams do not.
        Err(_) => contains_utf16(bytes, MARKS[0]) && !contains_utf16(bytes, "WordDocument"),
    }
}

fn contains_utf16(bytes: &[u8], word: &str) -> bool {
    let pattern: Vec<u8> = word.encode_utf16().flat_map(u16::to_le_bytes).collect();
    bytes.windows(pattern.len()).any(|window| window == pattern)
}

/// Which of the formats built on ZIP this is.
fn zip(extension: &str, bytes: &[u8]) -> Found {
    if let Some(format) = by_mimetype(bytes) {
        return Ok(format);
    }
    let names = zip_names(bytes);
    let has = |wanted: &str| names.contains(&wanted.as_bytes());
    let under = |folder: &str| names.iter().any(|name| name.starts_with(folder.as_bytes()));
    if has("[Content_Types].xml") || under("_rels/") {
        // Backslashes appear in files of some old generators.
        if under("word/") || under("word\\") {
            return Ok(Format::Docx);
        } else if under("ppt/") || under("ppt\\") {
            return Ok(Format::Pptx);
        } else if under("xl/") || under("xl\\") {
            return Ok(Format::Xlsx);
        }
    }
    if has("META-INF/container.xml") {
        return Ok(Format::Epub);
    }
    if has("content.xml") && (has("META-INF/manifest.xml") || has("styles.xml")) {
        return Ok(match extension {
            "ods" | "ots" => Format::Ods,
            "odp" | "otp" => Format::Odp,
            _ => Format::Odt,
        });
    }
    if has("channels.json") && has("users.json") {
        return Ok(Format::Slack);
    }
    // Damaged office files have lost the directory; the reader for the promised format says what is wrong.
    Ok(match extension {
        "docx" | "docm" | "dotx" => Format::Docx,
        "pptx" | "pptm" | "ppsx" => Format::Pptx,
        "xlsx" | "xlsm" | "xlsb" => Format::Xlsx,
        "odt" | "ott" => Format::Odt,
        "ods" => Format::Ods,
        "odp" => Format::Odp,
        "epub" => Format::Epub,
        _ => Format::Zip,
    })
}

/// OpenDocument and EPUB put a member `mimetype`, not compressed, first.
fn by_mimetype(bytes: &[u8]) -> Option<Format> {
    let (name, rest) = local_header(bytes)?;
    if name != b"mimetype" {
        return None;
    }
    let starts = |with: &str| rest.starts_with(with.as_bytes());
    const OPEN_DOCUMENT: &str = "application/vnd.oasis.opendocument.";
    if starts("application/epub+zip") {
        return Some(Format::Epub);
    }
    let kind = rest.strip_prefix(OPEN_DOCUMENT.as_bytes())?;
    if kind.starts_with(b"spreadsheet") {
        Some(Format::Ods)
    } else if kind.starts_with(b"presentation") || kind.starts_with(b"graphics") {
        Some(Format::Odp)
    } else {
        Some(Format::Odt)
    }
}

/// The name in the local header at the start of `bytes`, and what follows the header.
fn local_header(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    if !bytes.starts_with(b"PK\x03\x04") {
        return None;
    }
    let name = usize::from(u16_at(bytes, 26)?);
    let extra = usize::from(u16_at(bytes, 28)?);
    Some((bytes.get(30..30 + name)?, bytes.get(30 + name + extra..)?))
}

/// The names in a ZIP file's central directory, or, when that is lost, in its local headers.
fn zip_names(bytes: &[u8]) -> Vec<&[u8]> {
    let mut names = central_names(bytes);
    if names.is_empty() {
        let mut at = 0;
        while let Some(found) = find(bytes, at, b"PK\x03\x04") {
            if let Some((name, _)) = bytes.get(found..).and_then(local_header) {
                names.push(name);
            }
            if names.len() >= ZIP_NAMES {
                break;
            }
            at = found + 4;
        }
    }
    names
}

fn central_names(bytes: &[u8]) -> Vec<&[u8]> {
    let mut names = Vec::new();
    // The end record is within the last 64 KiB (its comment's largest size) and 22 bytes.
    let tail = bytes.len().saturating_sub(22 + (64 << 10));
    let Some(end) =
        bytes.get(tail..).and_then(|tail| tail.windows(4).rposition(|window| window == b"PK\x05\x06"))
    else {
        return names;
    };
    let end = tail + end;
    let (Some(size), Some(offset)) = (u32_at(bytes, end + 12), u32_at(bytes, end + 16)) else { return names };
    // Bytes put in front of the archive shift every offset: the directory ends where the end record begins.
    let mut at = end.checked_sub(size as usize).unwrap_or(offset as usize);
    while names.len() < ZIP_NAMES && bytes.get(at..at + 4) == Some(b"PK\x01\x02".as_slice()) {
        let lengths = (u16_at(bytes, at + 28), u16_at(bytes, at + 30), u16_at(bytes, at + 32));
        let (Some(name), Some(extra), Some(comment)) = lengths else { break };
        let Some(text) = bytes.get(at + 46..at + 46 + usize::from(name)) else { break };
        names.push(text);
        at += 46 + usize::from(name) + usize::from(extra) + usize::from(comment);
    }
    names
}

fn find(bytes: &[u8], from: usize, pattern: &[u8]) -> Option<usize> {
    bytes.get(from..)?.windows(pattern.len()).position(|window| window == pattern).map(|at| from + at)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}
