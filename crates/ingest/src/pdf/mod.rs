//! What does this PDF say, page by page?
//!
//! The interpreter draws each page on a device that notes glyphs and straight lines ([`glyphs`], [`fonts`],
//! [`accents`]). They become tables where lines rule them ([`ruled`]), line segments ([`lines`], [`leftward`]), tables
//! without lines ([`tables`]) and zones in reading order ([`layout`]); the whole document decides what is a heading, a
//! header or a cut word ([`compose`]). Pages that are only pictures are drawn for OCR ([`scan`]), pages that people open
//! for them ([`look()`]); remarks, form fields and attached files follow ([`extras`]). What is damaged is told
//! ([`contents`]).

mod accents;
mod compose;
mod contents;
mod extras;
mod fonts;
mod glyphs;
mod info;
mod layout;
mod leftward;
mod lines;
mod look;
mod ruled;
mod scan;
mod tables;

use std::panic::{AssertUnwindSafe, catch_unwind};

use hayro::RenderCache;
use hayro::hayro_interpret::hayro_cmap::BfString;
use hayro::hayro_interpret::{Context, InterpreterCache, InterpreterSettings, TransformExt, interpret_page};
use hayro::hayro_syntax::page::Page;
use hayro::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};
use hayro::kurbo::Rect;
use intramuros_core::document::{ExtractError, Extracted, Kind, Picture};

use crate::Budget;
use crate::text::writer::Writer;
use compose::PageText;
use fonts::Fonts;
use glyphs::{Ink, TooMuch};
pub use look::{MAX_WIDTH, look};

/// Reads a PDF.
///
/// # Errors
/// Encrypted when a password is needed, Corrupt when the file or all of its pages are damaged, NeedsOcr when it holds
/// only pictures of text and none may be handed on, Limit when it is too large.
pub fn extract(_name: &str, bytes: &[u8], budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    let pdf = open(bytes)?;
    budget.check_pages(pdf.pages().len())?;
    let mut writer = Writer::new(Kind::Pdf, budget);
    writer.document().pages = u32::try_from(pdf.pages().len()).ok();
    info::write(&pdf, &mut writer);
    if lost_its_table(bytes) {
        writer.warn("corrupt: its table of objects is lost; what was found without it was read");
    }
    let read = read_pages(&pdf);
    compose::write(read.texts, pdf.pages(), &mut writer)?;
    if writer.is_empty() {
        // A form that only its own kind of program draws.
        extras::xfa(&pdf, budget, &mut writer)?;
    }
    extras::attachments(&pdf, budget, &mut writer)?;
    draw_pictures(&pdf, &read.pictures, budget, &mut writer)?;
    if writer.is_empty() && read.pictures.is_empty() && writer.document().parts.is_empty() {
        if !read.overdrawn.is_empty() {
            return Err(ExtractError::Limit(format!("{} draws too much", pages(&read.overdrawn))));
        }
        if !read.damaged.is_empty() {
            return Err(ExtractError::Corrupt(format!("{} can't be read", pages(&read.damaged))));
        }
    }
    if !read.damaged.is_empty() {
        writer.warn(format!("corrupt: {} can't be read; left out", pages(&read.damaged)));
    }
    if !read.cut.is_empty() {
        writer.warn(format!(
            "corrupt: {} can't be read to the end; what stands before the damage was read",
            pages(&read.cut)
        ));
    }
    if !read.overdrawn.is_empty() {
        writer.warn(format!("limit: {} draws too much; left out", pages(&read.overdrawn)));
    }
    writer.finish()
}

fn open(bytes: &[u8]) -> Result<Pdf, ExtractError> {
    let corrupt = || ExtractError::Corrupt("the PDF's structure can't be read".to_owned());
    catch_unwind(|| Pdf::new(bytes.to_vec())).map_err(|_| corrupt())?.map_err(|error| match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => {
            ExtractError::Encrypted("a password is needed to open it".to_owned())
        }
        LoadPdfError::Decryption(DecryptionError::UnsupportedAlgorithm) => {
            ExtractError::Encrypted("its encryption isn't one that is read".to_owned())
        }
        LoadPdfError::Decryption(_) => ExtractError::Corrupt("its encryption is damaged".to_owned()),
        // With a password of its own for reading, what it lists may be locked, too.
        LoadPdfError::Invalid if is_locked(bytes) => {
            ExtractError::Encrypted("a password is needed to open it, or it is damaged".to_owned())
        }
        LoadPdfError::Invalid => corrupt(),
    })
}

/// Whether a file says of itself that it is encrypted.
fn is_locked(bytes: &[u8]) -> bool {
    const MARK: &[u8] = b"/Encrypt";
    bytes.windows(MARK.len()).any(|window| window == MARK)
}

/// Whether a file doesn't point to a table of objects (or points elsewhere), so that they had to be searched for.
fn lost_its_table(bytes: &[u8]) -> bool {
    const MARK: &[u8] = b"startxref";
    let tail = bytes.len().saturating_sub(2048);
    let pointed = bytes.get(tail..).and_then(|end| {
        let at = end.windows(MARK.len()).rposition(|window| window == MARK)?;
        let number = end.get(at + MARK.len()..)?.trim_ascii_start();
        let digits = number.iter().take_while(|byte| byte.is_ascii_digit()).count();
        std::str::from_utf8(number.get(..digits)?).ok()?.parse::<usize>().ok()
    });
    // Offsets count from the header, which may stand behind rubbish.
    let header = bytes.windows(5).take(1024).position(|window| window == b"%PDF-").unwrap_or(0);
    let is_table = |at: usize| {
        let there = bytes.get(at..).unwrap_or_default().trim_ascii_start();
        let digits = there.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b' ').count();
        there.starts_with(b"xref")
            || there.get(digits..).is_some_and(|rest| digits > 0 && rest.starts_with(b"obj"))
    };
    !pointed.is_some_and(|at| is_table(at) || is_table(at.saturating_add(header)))
}

/// What the pages gave, by page number.
#[derive(Default)]
struct Read {
    texts: Vec<PageText>,
    /// Pages whose text is in pictures.
    pictures: Vec<u32>,
    /// Pages on which the interpreter fell, or of whose damaged content it could draw nothing.
    damaged: Vec<u32>,
    /// Pages of whose damaged content it could draw something.
    cut: Vec<u32>,
    /// Pages that draw more than is followed.
    overdrawn: Vec<u32>,
}

fn read_pages(pdf: &Pdf) -> Read {
    let cache = InterpreterCache::new();
    let mut fonts = Fonts::default();
    let mut read = Read::default();
    for (number, page) in (1..).zip(pdf.pages().iter()) {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            (read_page(page, &cache, &mut fonts), contents::is_whole(page))
        }));
        let (ink, whole) = match outcome {
            Ok(outcome) => outcome,
            Err(panic) if panic.is::<TooMuch>() => {
                read.overdrawn.push(number);
                continue;
            }
            Err(_) => {
                read.damaged.push(number);
                continue;
            }
        };
        let (width, height) = page.render_dimensions();
        let picture = scan::is_picture(&ink, readable(&ink), f64::from(width) * f64::from(height));
        if picture {
            read.pictures.push(number);
        }
        if !whole {
            let shows = picture || !ink.glyphs.is_empty();
            let list = if shows { &mut read.cut } else { &mut read.damaged };
            list.push(number);
        }
        read.texts.push(PageText { number, zones: zones(ink) });
    }
    read
}

/// What a page shows. `fonts` are those that earlier pages asked; a page on which the interpreter falls takes them with
/// it, and they are read again.
fn read_page<'a>(page: &Page<'a>, cache: &InterpreterCache<'a>, fonts: &mut Fonts) -> Ink {
    let (width, height) = page.render_dimensions();
    let frame = Rect::new(0.0, 0.0, f64::from(width), f64::from(height));
    let upright = page.initial_transform(true).to_kurbo();
    let mut context = Context::new(upright, frame, cache, page.xref(), InterpreterSettings::default());
    let mut ink = Ink::with(std::mem::take(fonts));
    interpret_page(page, &mut context, &mut ink);
    *fonts = std::mem::take(&mut ink.fonts);
    ink
}

/// How many letters and figures of a page can be read.
fn readable(ink: &Ink) -> usize {
    let readable = |text: &BfString| match text {
        BfString::Char(character) => character.is_alphanumeric(),
        BfString::String(text) => text.chars().any(char::is_alphanumeric),
    };
    ink.glyphs.iter().filter(|glyph| glyph.text.as_ref().is_some_and(readable)).count()
}

fn zones(ink: Ink) -> Vec<layout::Zone> {
    let (ruled, glyphs) = ruled::find(ink.glyphs, &ink.rules);
    let mut tables: Vec<tables::Table> = ruled.into_iter().map(|ruled| ruled.table).collect();
    let mut zones = Vec::new();
    for (turn, segments) in lines::segments(&glyphs) {
        // Ruled tables are read upright.
        let beside = if turn == 0 { std::mem::take(&mut tables) } else { Vec::new() };
        zones.extend(layout::zones(segments, beside));
    }
    // A page may say nothing outside its tables.
    zones.extend(layout::zones(Vec::new(), tables));
    zones
}

/// Draws the pages that are pictures of text, as many as the limit allows, and says which were not.
fn draw_pictures(
    pdf: &Pdf,
    numbers: &[u32],
    budget: &Budget<'_>,
    writer: &mut Writer<'_>,
) -> Result<(), ExtractError> {
    if numbers.is_empty() {
        return Ok(());
    }
    let allowed = budget.limits.pictures as usize;
    if allowed == 0 && writer.is_empty() && writer.document().parts.is_empty() {
        return Err(ExtractError::NeedsOcr(format!("only pictures of text on {}", pages(numbers))));
    }
    let (drawn, left) = numbers.split_at(allowed.min(numbers.len()));
    let mut left = left.to_vec();
    let cache = RenderCache::new();
    for number in drawn {
        let page = pdf.pages().get(*number as usize - 1);
        let picture =
            page.and_then(|page| catch_unwind(AssertUnwindSafe(|| scan::draw(page, &cache))).ok().flatten());
        match picture {
            Some(bytes) => writer.document().pictures.push(Picture { page: Some(*number), bytes }),
            None => left.push(*number),
        }
    }
    if !left.is_empty() {
        writer.warn(format!("text in pictures, not read by OCR, on {}", pages(&left)));
    }
    Ok(())
}

/// Page numbers in words: `page 3`, `pages 1 to 4, 7`.
fn pages(numbers: &[u32]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => ranges.push((*number, *number)),
        }
    }
    let show = |(first, last): &(u32, u32)| {
        if first == last { first.to_string() } else { format!("{first}–{last}") }
    };
    let list: Vec<String> = ranges.iter().take(20).map(show).collect();
    let more = if ranges.len() > 20 { ", …" } else { "" };
    let word = if numbers.len() == 1 { "page" } else { "pages" };
    format!("{word} {}{more}", list.join(", "))
}
