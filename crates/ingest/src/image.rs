//! Which picture of text is in this image file?

use intramuros_core::document::{ExtractError, Extracted, Kind, Picture};

use crate::Budget;

/// More pixels than this are no page: A3 at 600 dpi has 70 million. OCR would take minutes and gigabytes.
const PIXELS: u64 = 100_000_000;

/// Hands an image file to OCR as it is.
///
/// # Errors
/// NeedsOcr when no picture may be handed on, Corrupt when the file ends within its header, Limit when it has too many
/// pixels.
pub fn extract(_name: &str, bytes: &[u8], budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    let (width, height) = dimensions(bytes)
        .ok_or_else(|| ExtractError::Corrupt("the image has no size in its header".to_owned()))?;
    if u64::from(width) * u64::from(height) > PIXELS {
        return Err(ExtractError::Limit(format!("an image of {width} × {height} pixels")));
    }
    if width == 0 || height == 0 {
        return Err(ExtractError::Corrupt("an image of no size".to_owned()));
    }
    if budget.limits.pictures == 0 {
        return Err(ExtractError::NeedsOcr("an image".to_owned()));
    }
    Ok(Extracted {
        kind: Some(Kind::Image),
        pictures: vec![Picture { page: None, bytes: bytes.to_vec() }],
        ..Extracted::default()
    })
}

/// Width and height in pixels, from the header.
fn dimensions(bytes: &[u8]) -> Option<(u32, u32)> {
    let big = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
    let small = |at: usize| bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes).map(u32::from);
    let signed =
        |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(i32::from_le_bytes).map(i32::unsigned_abs);
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Some((big(16)?, big(20)?)),
        [b'G', b'I', b'F', b'8', ..] => Some((small(6)?, small(8)?)),
        [b'B', b'M', ..] => Some((signed(18)?, signed(22)?)),
        [0xff, 0xd8, ..] => jpeg(bytes),
        [b'R', b'I', b'F', b'F', ..] => webp(bytes),
        [b'I', b'I', ..] => tiff(bytes, u16::from_le_bytes, u32::from_le_bytes),
        [b'M', b'M', ..] => tiff(bytes, u16::from_be_bytes, u32::from_be_bytes),
        _ => None,
    }
}

/// The first frame header holds the size.
fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        let (mark, kind) = (*bytes.get(at)?, *bytes.get(at + 1)?);
        if mark != 0xff {
            return None;
        }
        if kind == 0xff {
            at += 1;
            continue;
        }
        let word = |at: usize| bytes.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes);
        if (0xc0..=0xcf).contains(&kind) && !matches!(kind, 0xc4 | 0xc8 | 0xcc) {
            return Some((u32::from(word(at + 7)?), u32::from(word(at + 5)?)));
        }
        at += 2 + usize::from(word(at + 2)?.max(2));
    }
}

fn webp(bytes: &[u8]) -> Option<(u32, u32)> {
    let word = |at: usize| bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes).map(u32::from);
    match bytes.get(12..16)? {
        b"VP8 " => Some((word(26)? & 0x3fff, word(28)? & 0x3fff)),
        b"VP8L" => {
            let bits = u32::from_le_bytes(bytes.get(21..25)?.try_into().ok()?);
            Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        b"VP8X" => {
            let three = |at: usize| Some(word(at)? | u32::from(*bytes.get(at + 2)?) << 16);
            Some((three(24)? + 1, three(27)? + 1))
        }
        _ => None,
    }
}

/// Tags 256 and 257 of the first directory, as 16 or 32 bits.
fn tiff(bytes: &[u8], short: fn([u8; 2]) -> u16, long: fn([u8; 4]) -> u32) -> Option<(u32, u32)> {
    let short_at = |at: usize| bytes.get(at..at.checked_add(2)?)?.try_into().ok().map(short);
    let long_at = |at: usize| bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(long);
    let directory = usize::try_from(long_at(4)?).ok()?;
    let (mut width, mut height) = (None, None);
    for entry in 0..usize::from(short_at(directory)?) {
        let at = directory + 2 + entry * 12;
        let value = if short_at(at + 2)? == 3 { u32::from(short_at(at + 8)?) } else { long_at(at + 8)? };
        match short_at(at)? {
            256 => width = Some(value),
            257 => height = Some(value),
            _ => {}
        }
    }
    Some((width?, height?))
}
