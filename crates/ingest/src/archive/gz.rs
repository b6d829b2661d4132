//! What is in this compressed stream?

use std::io::Read;

use flate2::read::MultiGzDecoder;
use intramuros_core::document::{ExtractError, Extracted};

use super::tar;
use crate::Budget;

/// Memory that an xz stream may ask for, in KiB. 80 MiB: what its strongest preset needs.
const XZ_MEMORY_KIB: u32 = 80 << 10;

/// Largest window of a zstd stream. 128 MiB: what its own program accepts without being told otherwise.
const ZSTD_WINDOW: u64 = 128 << 20;

/// Where a tar archive has its mark.
const TAR_MARK: std::ops::Range<usize> = 257..262;

/// Endings of compressed files, and what the file inside ends with.
const ENDINGS: [(&str, &str); 10] = [
    (".tgz", ".tar"),
    (".tbz2", ".tar"),
    (".tbz", ".tar"),
    (".txz", ".tar"),
    (".tzst", ".tar"),
    (".gz", ""),
    (".bz2", ""),
    (".xz", ""),
    (".zst", ""),
    (".z", ""),
];

/// Reads gzip, bzip2, xz and zstd streams, found by content: a tar inside is read as an archive, else the stream is
/// the document that it holds.
///
/// # Errors
/// When the stream is damaged or decompresses to too much, or what the reader of its content says.
pub fn extract(name: &str, bytes: &[u8], budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    let content = decompress(bytes, budget)?;
    let name = inner_name(name);
    let is_tar = content.get(TAR_MARK) == Some(b"ustar") || name.to_ascii_lowercase().ends_with(".tar");
    if is_tar { tar::extract(&name, &content, budget) } else { crate::extract_part(&name, &content, budget) }
}

fn decompress(bytes: &[u8], budget: &Budget<'_>) -> Result<Vec<u8>, ExtractError> {
    let reader: Box<dyn Read + '_> = match bytes {
        [0x1F, 0x8B, ..] => Box::new(MultiGzDecoder::new(bytes)),
        [b'B', b'Z', b'h', ..] => Box::new(bzip2::read::MultiBzDecoder::new(bytes)),
        [0xFD, b'7', b'z', b'X', b'Z', 0, ..] => {
            Box::new(lzma_rust2::XzReader::new_mem_limit(bytes, true, XZ_MEMORY_KIB))
        }
        [0x28, 0xB5, 0x2F, 0xFD, ..] => {
            let decoder = ruzstd::decoding::StreamingDecoder::new_with_max_window_size(bytes, ZSTD_WINDOW);
            Box::new(decoder.map_err(|error| ExtractError::Corrupt(format!("zstd: {error}")))?)
        }
        _ => return Err(ExtractError::Unsupported("neither gzip, bzip2, xz nor zstd".to_owned())),
    };
    budget.unpack(reader, bytes.len() as u64)
}

/// The name without the ending of the compression.
fn inner_name(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    for (ending, inner) in ENDINGS {
        if lower.ends_with(ending)
            && let Some(stem) = name.get(..name.len() - ending.len()).filter(|stem| !stem.is_empty())
        {
            return format!("{stem}{inner}");
        }
    }
    name.to_owned()
}
