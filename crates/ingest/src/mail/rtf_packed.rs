//! What RTF is in this packed stream of an Outlook message?
//!
//! Outlook packs RTF by replacing what stands in the last 4,096 bytes by a reference; the window begins filled with the
//! words that every RTF has ([MS-OXRTFCP]).

use intramuros_core::document::ExtractError;

use crate::Budget;

/// What the window holds before the first byte.
const DICTIONARY: &[u8] =
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \
\\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \
\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";

/// Bytes of the window.
const WINDOW: usize = 4096;

const PACKED: &[u8] = b"LZFu";
const PLAIN: &[u8] = b"MELA";

/// Unpacks a stream.
///
/// # Errors
/// When it is not packed RTF, or unpacks to too much.
pub fn unpack(bytes: &[u8], budget: &Budget<'_>) -> Result<Vec<u8>, ExtractError> {
    let corrupt = || ExtractError::Corrupt("the packed RTF of an Outlook message is damaged".to_owned());
    let content = bytes.get(16..).ok_or_else(corrupt)?;
    let size =
        bytes.get(4..8).and_then(|size| size.try_into().ok()).map(u32::from_le_bytes).ok_or_else(corrupt)?;
    match bytes.get(8..12) {
        Some(mark) if mark == PLAIN => return Ok(content.to_vec()),
        Some(mark) if mark == PACKED => {}
        _ => return Err(corrupt()),
    }
    let size = size as usize;
    budget.spend_unpacked(size as u64)?;
    let mut window = [b' '; WINDOW];
    for (slot, byte) in window.iter_mut().zip(DICTIONARY) {
        *slot = *byte;
    }
    let mut write = DICTIONARY.len();
    let mut out = Vec::new();
    let mut input = content.iter().copied();
    'blocks: while let Some(control) = input.next() {
        for bit in 0..8 {
            if out.len() >= size {
                break 'blocks;
            }
            let Some(first) = input.next() else { break 'blocks };
            if control & (1 << bit) == 0 {
                put(first, &mut window, &mut write, &mut out);
                continue;
            }
            let Some(second) = input.next() else { break 'blocks };
            let reference = usize::from(first) << 8 | usize::from(second);
            let (mut read, length) = (reference >> 4, (reference & 0xF) + 2);
            // A reference to where the next byte goes ends the stream.
            if read == write {
                break 'blocks;
            }
            for _ in 0..length {
                let byte = window.get(read).copied().unwrap_or(b' ');
                put(byte, &mut window, &mut write, &mut out);
                read = (read + 1) % WINDOW;
            }
        }
    }
    Ok(out)
}

fn put(byte: u8, window: &mut [u8; WINDOW], write: &mut usize, out: &mut Vec<u8>) {
    if let Some(slot) = window.get_mut(*write) {
        *slot = byte;
    }
    *write = (*write + 1) % WINDOW;
    out.push(byte);
}
