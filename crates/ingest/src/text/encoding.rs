//! Which characters do these bytes mean, in whatever encoding they were written?
//!
//! In order: a byte order mark; UTF-8 when the bytes are valid; UTF-16 without a mark; the encoding that the format
//! declares; mostly valid UTF-8; detection by the statistics of the bytes. Binary data is refused.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, MACINTOSH, UTF_8, UTF_16BE, UTF_16LE};
use intramuros_core::document::ExtractError;

use super::lines::unify_breaks;

/// Bytes that are looked at to tell text from binary data and to guess UTF-16: enough for statistics, quick to scan.
const SAMPLE: usize = 64 << 10;

/// Bytes that the detector looks at; more does not change its mind.
const DETECTED: usize = 256 << 10;

/// Control characters for each thousand bytes from which data is binary: text has stray ones, binary data has about
/// a hundred.
const CONTROL_PER_THOUSAND: usize = 10;

/// Stray control characters that even a short text may hold.
const STRAY_CONTROLS: usize = 3;

/// The text of `bytes`, with `\n` for every line break. `declared` is the encoding that the format itself names (HTML,
/// XML, mail); it is a hint only, since it is often wrong.
///
/// # Errors
/// [`ExtractError::Empty`] without bytes; [`ExtractError::Corrupt`] when it is not text.
pub fn decode(bytes: &[u8], declared: Option<&str>) -> Result<String, ExtractError> {
    if bytes.is_empty() {
        return Err(ExtractError::Empty("no bytes".to_owned()));
    }
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        // The mark of UTF-32 begins with that of UTF-16.
        if let Some(text) = utf_32(bytes) {
            return Ok(unify_breaks(text));
        }
        let rest = bytes.get(mark..).unwrap_or_default();
        refuse_binary(rest, encoding != UTF_8)?;
        return Ok(finish(encoding, rest));
    }
    if let Some(text) = utf_32(bytes) {
        return Ok(unify_breaks(text));
    }
    if let Some(encoding) = utf_16_without_mark(bytes) {
        return Ok(finish(encoding, bytes));
    }
    refuse_binary(bytes, false)?;
    if let Ok(text) = std::str::from_utf8(bytes)
        && !bytes.contains(&0x1B)
    {
        return Ok(unify_breaks(text.to_owned()));
    }
    Ok(finish(choose(bytes, declared), bytes))
}

fn finish(encoding: &'static Encoding, bytes: &[u8]) -> String {
    unify_breaks(encoding.decode_without_bom_handling(bytes).0.into_owned())
}

/// Chooses the encoding of bytes that are neither marked nor valid UTF-8.
fn choose(bytes: &[u8], declared: Option<&str>) -> &'static Encoding {
    let declared = declared
        .and_then(|label| Encoding::for_label(label.trim().as_bytes()))
        .filter(|encoding| ![UTF_8, UTF_16LE, UTF_16BE].contains(encoding));
    if let Some(encoding) = declared {
        return encoding;
    }
    if mostly_utf_8(bytes) {
        return UTF_8;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    let end = bytes.len().min(DETECTED);
    // A text of accents only at its end is still detected by its last bytes.
    let first_high = bytes.iter().position(|byte| *byte >= 0x80).unwrap_or(0);
    let start = if first_high < end { 0 } else { first_high.saturating_sub(1024) };
    let sample = bytes.get(start..(start + DETECTED).min(bytes.len())).unwrap_or(bytes);
    detector.feed(sample, true);
    let guess = detector.guess(None, Utf8Detection::Allow);
    if guess != UTF_8 && western_share(MACINTOSH, sample) > 0.9 && western_share(guess, sample) < 0.6 {
        return MACINTOSH;
    }
    guess
}

/// Whether the bytes are UTF-8 with a few damaged characters (cut in the middle, two encodings in one file).
fn mostly_utf_8(bytes: &[u8]) -> bool {
    let (mut valid, mut invalid) = (0usize, 0usize);
    for chunk in bytes.utf8_chunks() {
        valid += chunk.valid().chars().filter(|character| !character.is_ascii()).count();
        invalid += usize::from(!chunk.invalid().is_empty());
    }
    valid > 0 && valid >= 4 * invalid
}

/// Of the characters that are not ASCII, the share that Western European text uses, where it uses them: accented small
/// letters beside letters, quotes, dashes. The detector does not know Mac Roman; this tells it from the others.
fn western_share(encoding: &'static Encoding, bytes: &[u8]) -> f64 {
    let text = encoding.decode_without_bom_handling(bytes).0;
    let (mut all, mut western) = (0usize, 0usize);
    let mut before = ' ';
    for character in text.chars() {
        if !character.is_ascii() {
            all += 1;
            let fits = match character {
                'à' | 'â' | 'ä' | 'ç' | 'è' | 'é' | 'ê' | 'ë' | 'î' | 'ï' | 'ô' | 'ö' | 'ù' | 'û' | 'ü'
                | 'ñ' | 'á' | 'í' | 'ó' | 'ú' | 'ß' | 'œ' | 'æ' | 'å' | 'ø' => {
                    before.is_lowercase() || !before.is_alphabetic()
                }
                'À' | 'Ç' | 'É' | 'È' | 'Ê' | 'Ä' | 'Ö' | 'Ü' | 'Œ' => !before.is_lowercase(),
                '’' | '‘' | '“' | '”' | '«' | '»' | '…' | '–' | '—' | '\u{A0}' | '€' | '•' | '°' => {
                    true
                }
                _ => false,
            };
            western += usize::from(fits);
        }
        before = character;
    }
    if all == 0 { 0.0 } else { western as f64 / all as f64 }
}

/// UTF-32 with a mark; rare, but files in it exist.
fn utf_32(bytes: &[u8]) -> Option<String> {
    let little = match bytes.get(..4)? {
        [0xFF, 0xFE, 0, 0] => true,
        [0, 0, 0xFE, 0xFF] => false,
        _ => return None,
    };
    let (units, []) = bytes.get(4..)?.as_chunks::<4>() else { return None };
    units
        .iter()
        .map(|unit| {
            char::from_u32(if little { u32::from_le_bytes(*unit) } else { u32::from_be_bytes(*unit) })
        })
        .collect()
}

/// UTF-16 without a mark: every other byte is zero (Latin text), or spaces and line breaks stand as 16-bit units.
fn utf_16_without_mark(bytes: &[u8]) -> Option<&'static Encoding> {
    let (units, rest) = bytes.get(..bytes.len().min(SAMPLE))?.as_chunks::<2>();
    if units.len() < 2 || !rest.is_empty() && bytes.len() < SAMPLE {
        return None;
    }
    let little = common_units(units, u16::from_le_bytes);
    let big = common_units(units, u16::from_be_bytes);
    // Digits, spaces and line breaks are one in eight units of Latin text and one in thirty of Chinese.
    match (little * 40 >= units.len(), big * 40 >= units.len()) {
        (true, _) if little > 4 * big => Some(UTF_16LE),
        (_, true) if big > 4 * little => Some(UTF_16BE),
        _ => None,
    }
    .filter(|encoding| {
        let end = units.len() * 2;
        let text = encoding.decode_without_bom_handling(bytes.get(..end).unwrap_or_default()).0;
        let strange = text.chars().filter(|character| is_strange(*character)).count();
        strange * 100 <= units.len()
    })
}

fn common_units(units: &[[u8; 2]], read: impl Fn([u8; 2]) -> u16) -> usize {
    units.iter().filter(|unit| matches!(read(**unit), 0x0A | 0x0D | 0x20..=0x7E)).count()
}

fn is_strange(character: char) -> bool {
    (character.is_control() && !matches!(character, '\t' | '\n' | '\r' | '\u{C}'))
        || matches!(character, '\u{FFFD}' | '\u{E000}'..='\u{F8FF}')
}

/// Refuses bytes that are not text: zero bytes, or too many control characters.
fn refuse_binary(bytes: &[u8], sixteen_bit: bool) -> Result<(), ExtractError> {
    if sixteen_bit {
        return Ok(());
    }
    let sample = bytes.get(..bytes.len().min(SAMPLE)).unwrap_or_default();
    let control =
        sample.iter().filter(|byte| matches!(byte, 0..=8 | 0x0B | 0x0E..=0x1A | 0x1C..=0x1F | 0x7F)).count();
    let zeros = sample.iter().filter(|byte| **byte == 0).count();
    let controlled = control > STRAY_CONTROLS && control * 1000 > sample.len() * CONTROL_PER_THOUSAND;
    if controlled || zeros * 1000 > sample.len() {
        return Err(ExtractError::Corrupt("binary data where text was expected".to_owned()));
    }
    Ok(())
}
