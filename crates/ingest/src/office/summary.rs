//! Who wrote this old office file, when, and what does it call itself? The summary stream of compound files.

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use intramuros_core::document::{ExtractError, Extracted};

use super::blocks::clean_line;
use super::bytes::{u16_at, u32_at, u64_at};
use super::ole::Ole;
use super::properties::is_title;

const CODE_PAGE: u32 = 1;
const TITLE: u32 = 2;
const AUTHOR: u32 = 4;
const CREATED: u32 = 12;
const SAVED: u32 = 13;
const PAGES: u32 = 14;

/// Properties of one stream. The format knows 19.
const PROPERTIES: u32 = 64;

/// Milliseconds from 1601, where file times begin, to 1970.
const FROM_1601: i64 = 11_644_473_600_000;

/// Reads title, author, dates and pages; a damaged summary loses only them.
///
/// # Errors
/// When a limit is reached.
pub fn read(ole: &Ole<'_>, extracted: &mut Extracted) -> Result<(), ExtractError> {
    match ole.stream("\u{5}SummaryInformation") {
        Ok(Some(stream)) => {
            read_set(&stream, extracted);
            Ok(())
        }
        Err(error @ ExtractError::Limit(_)) => Err(error),
        _ => Ok(()),
    }
}

fn read_set(stream: &[u8], extracted: &mut Extracted) -> Option<()> {
    let section = stream.get(usize::try_from(u32_at(stream, 44)?).ok()?..)?;
    let count = u32_at(section, 4)?.min(PROPERTIES);
    let find = |wanted: u32| {
        (0..count).map(|index| 8 + 8 * index as usize).find_map(|at| {
            let offset = usize::try_from(u32_at(section, at + 4)?).ok()?;
            (u32_at(section, at)? == wanted).then(|| section.get(offset..))?
        })
    };
    let encoding = find(CODE_PAGE).and_then(|value| u16_at(value, 4)).map_or(WINDOWS_1252, code_page);
    let text = |wanted| {
        let value = find(wanted)?;
        let size = usize::try_from(u32_at(value, 4)?).ok()?;
        let bytes = value.get(8..)?.get(..size)?;
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        let text = match u32_at(value, 0)? {
            0x1e => clean_line(&encoding.decode(bytes.get(..end)?).0),
            _ => return None,
        };
        Some(text).filter(|text| !text.is_empty())
    };
    let date = |wanted| {
        let value = find(wanted)?;
        let ticks = (u32_at(value, 0)? == 0x40).then(|| u64_at(value, 4))??;
        let milliseconds = i64::try_from(ticks / 10_000).ok()? - FROM_1601;
        (milliseconds > 0).then_some(milliseconds)
    };
    extracted.title = text(TITLE).filter(|title| is_title(title));
    extracted.author = text(AUTHOR);
    extracted.written_ms = date(SAVED).or_else(|| date(CREATED));
    let pages = find(PAGES).filter(|value| u32_at(value, 0) == Some(3)).and_then(|value| u32_at(value, 4));
    extracted.pages = pages.filter(|pages| (1..100_000).contains(pages));
    Some(())
}

/// The encoding of a Windows code page.
pub fn code_page(number: u16) -> &'static Encoding {
    let label = match number {
        65_001 => return UTF_8,
        932 => "shift_jis",
        936 => "gbk",
        949 => "euc-kr",
        950 => "big5",
        874 => "windows-874",
        866 => "ibm866",
        10_000 => "macintosh",
        1_361 => "euc-kr",
        20_866 => "koi8-r",
        28_591..=28_599 => {
            return Encoding::for_label(format!("iso-8859-{}", number - 28_590).as_bytes())
                .unwrap_or(WINDOWS_1252);
        }
        1_250..=1_258 => {
            return Encoding::for_label(format!("windows-{number}").as_bytes()).unwrap_or(WINDOWS_1252);
        }
        _ => return WINDOWS_1252,
    };
    Encoding::for_label(label.as_bytes()).unwrap_or(WINDOWS_1252)
}
