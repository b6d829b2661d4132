//! How does a page look, and where on it does a passage stand?
//!
//! A passage is found by its letters and figures alone: what was read mends ligatures, hyphens and spaces, and puts
//! the cells of a row in a line. The lines are tried as they are read, in ruled tables cell by cell, then as they stand
//! from top to bottom.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use hayro::RenderCache;
use hayro::hayro_interpret::InterpreterCache;
use intramuros_core::document::{ExtractError, PageLook, PageWish};
use unicode_normalization::UnicodeNormalization;

use super::fonts::Fonts;
use super::glyphs::Ink;
use super::layout::{self, Zone};
use super::lines::{self, Segment};
use super::{open, read_page, ruled, scan};

/// Widest picture of a page, in pixels. 2,400: a wide screen with two dots to the pixel.
pub const MAX_WIDTH: u32 = 2_400;

/// Letters and figures that a part of the passage must have to be taken for it, where not all of it is found: shorter
/// ones stand anywhere.
const LEAST: usize = 12;

/// Shares of the em that a mark stands above the baseline and below it.
const ABOVE: f32 = 0.82;
const BELOW: f32 = 0.26;

/// Looks at one page of a PDF.
///
/// # Errors
/// As [`super::extract`]; Unreadable where there is no such page.
pub fn look(bytes: &[u8], wish: &PageWish) -> Result<PageLook, ExtractError> {
    let pdf = open(bytes)?;
    let number = wish.page;
    let page = (number as usize).checked_sub(1).and_then(|at| pdf.pages().get(at));
    let page = page.ok_or_else(|| ExtractError::Unreadable(format!("there is no page {number}")))?;
    let (width, height) = page.render_dimensions();
    let mut look = PageLook { width, height, ..PageLook::default() };
    if !wish.marks.is_empty() {
        // A page that can't be followed still has a picture, without marks.
        let ink = catch_unwind(AssertUnwindSafe(|| {
            read_page(page, &InterpreterCache::new(), &mut Fonts::default())
        }));
        look.marks = ink.map(|ink| marks(ink, &wish.marks, (width, height))).unwrap_or_default();
    }
    if let Some(wide) = wish.width {
        let wide = wide.clamp(1, MAX_WIDTH);
        let picture = catch_unwind(AssertUnwindSafe(|| scan::look(page, &RenderCache::new(), wide)));
        look.picture = picture
            .ok()
            .flatten()
            .ok_or_else(|| ExtractError::Corrupt(format!("page {number} can't be drawn")))?;
    }
    Ok(look)
}

/// Where the texts stand, as shares of the page.
fn marks(ink: Ink, texts: &[String], (width, height): (f32, f32)) -> Vec<[f32; 4]> {
    let wanted: Vec<Vec<char>> = texts.iter().map(|text| letters(text).collect()).collect();
    let all = lines::segments(&ink.glyphs);
    let (tables, outside) = ruled::find(ink.glyphs, &ink.rules);
    let outside = lines::segments(&outside);
    let mut cells: Vec<Segment> = tables.into_iter().flat_map(|table| table.segments).collect();
    let mut found = Vec::new();
    for (turn, segments) in all {
        let running = outside.iter().find(|(other, _)| *other == turn);
        let running = running.map(|(_, segments)| as_read(segments)).unwrap_or_default();
        // Ruled tables are read upright, cell after cell.
        let cells = if turn == 0 { std::mem::take(&mut cells) } else { Vec::new() };
        let orders = [Lines::of(running), Lines::of(cells), Lines::of(segments)];
        for wanted in &wanted {
            let ways = orders.iter().map(|lines| (lines, lines.find(wanted)));
            let best =
                ways.max_by_key(|(_, ranges)| ranges.iter().map(ExactSizeIterator::len).sum::<usize>());
            let boxes = best.into_iter().flat_map(|(lines, ranges)| lines.boxes(&ranges));
            found.extend(boxes.map(|area| share(upright(area, turn), (width, height))));
        }
    }
    found
}

/// The letters and figures of a text, lower case, taken apart as far as Unicode does.
fn letters(text: &str) -> impl Iterator<Item = char> {
    text.nfkd().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase)
}

/// The lines in the order in which they are read; tables, whose cells have no place of their own, are left out.
fn as_read(segments: &[Segment]) -> Vec<Segment> {
    let lines = |zone| match zone {
        Zone::Text(lines) => lines,
        Zone::Table(_) => Vec::new(),
    };
    let zones = layout::zones(segments.to_vec(), Vec::new());
    zones.into_iter().flat_map(lines).map(|line| line.segment).collect()
}

/// Lines with their letters one after another.
struct Lines {
    lines: Vec<Segment>,
    letters: Vec<char>,
    /// Where the letters of each line end.
    ends: Vec<usize>,
}

impl Lines {
    fn of(lines: Vec<Segment>) -> Lines {
        let (mut letters, mut ends) = (Vec::new(), Vec::new());
        for line in &lines {
            letters.extend(self::letters(&line.text));
            ends.push(letters.len());
        }
        Lines { lines, letters, ends }
    }

    /// Where the wanted letters stand: all of them in one piece, or else the longest beginning and the longest end that
    /// stand there (the rest is on another page, or in another column).
    fn find(&self, wanted: &[char]) -> Vec<Range<usize>> {
        if wanted.is_empty() {
            return Vec::new();
        }
        if let Some(at) = position(&self.letters, wanted) {
            return std::iter::once(at..at + wanted.len()).collect();
        }
        let whole = wanted.len();
        let longest = |part: &dyn Fn(usize) -> Range<usize>| {
            let place = |length| position(&self.letters, wanted.get(part(length)).unwrap_or_default());
            let (mut least, mut most) = (0, whole);
            while least < most {
                let length = (least + most).div_ceil(2);
                if place(length).is_some() {
                    least = length;
                } else {
                    most = length - 1;
                }
            }
            let at = place(least)?;
            (least >= LEAST.min(whole)).then_some(at..at + least)
        };
        let beginning = longest(&|length| 0..length);
        let end = longest(&|length| whole - length..whole);
        let mut found: Vec<_> = beginning.into_iter().chain(end).collect();
        found.dedup();
        found
    }

    /// The boxes around some letters, one for each line: left, top, right, bottom.
    fn boxes(&self, ranges: &[Range<usize>]) -> Vec<[f32; 4]> {
        let mut start = 0;
        let mut boxes = Vec::new();
        for (line, end) in self.lines.iter().zip(&self.ends) {
            let inside = ranges.iter().map(|range| (range.start.max(start), range.end.min(*end)));
            for (from, to) in inside.filter(|(from, to)| from < to) {
                // Letters are not equally wide; over half a line the difference is a letter or two.
                let step = (line.x1 - line.x0) / (end - start) as f32;
                let left = line.x0 + step * (from - start) as f32;
                let right = line.x0 + step * (to - start) as f32;
                boxes.push([left, line.y - ABOVE * line.size, right, line.y + BELOW * line.size]);
            }
            start = *end;
        }
        boxes
    }
}

fn position(letters: &[char], wanted: &[char]) -> Option<usize> {
    let first = wanted.first()?;
    let last = letters.len().checked_sub(wanted.len())?;
    (0..=last)
        .find(|at| letters.get(*at) == Some(first) && letters.get(*at..*at + wanted.len()) == Some(wanted))
}

/// A box of text that runs in another direction, on the page as it lies.
fn upright([x0, y0, x1, y1]: [f32; 4], turn: i16) -> [f32; 4] {
    if turn == 0 {
        return [x0, y0, x1, y1];
    }
    let (sin, cos) = f32::from(turn).to_radians().sin_cos();
    let corners =
        [(x0, y0), (x1, y0), (x0, y1), (x1, y1)].map(|(x, y)| (x * cos - y * sin, x * sin + y * cos));
    let fold = |values: [f32; 4]| {
        (
            values.into_iter().fold(f32::INFINITY, f32::min),
            values.into_iter().fold(f32::NEG_INFINITY, f32::max),
        )
    };
    let (left, right) = fold(corners.map(|(x, _)| x));
    let (top, bottom) = fold(corners.map(|(_, y)| y));
    [left, top, right, bottom]
}

/// A box as shares of the page: left, top, width, height.
fn share([x0, y0, x1, y1]: [f32; 4], (width, height): (f32, f32)) -> [f32; 4] {
    let across = |x: f32| (x / width.max(1.0)).clamp(0.0, 1.0);
    let down = |y: f32| (y / height.max(1.0)).clamp(0.0, 1.0);
    [across(x0), down(y0), across(x1) - across(x0), down(y1) - down(y0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str, x0: f32, x1: f32, y: f32) -> Segment {
        Segment { text: text.to_owned(), x0, x1, y, size: 10.0, bold: false, mono: false }
    }

    #[test]
    fn a_passage_is_found_over_lines_hyphens_and_ligatures() {
        let lines = Lines::of(vec![
            line("Avant tout.", 0.0, 110.0, 100.0),
            line("La ﬁn du pré-", 0.0, 100.0, 112.0),
            line("avis est écrite ici.", 0.0, 200.0, 124.0),
        ]);
        let check = |wanted: &str, expected: &[(f32, f32, f32)]| {
            let wanted: Vec<char> = letters(wanted).collect();
            let found = lines.boxes(&lines.find(&wanted));
            let found: Vec<_> =
                found.iter().map(|[x0, _, x1, y]| (x0.round(), x1.round(), (y - 2.6).round())).collect();
            assert_eq!(found, expected, "{wanted:?}");
        };
        check("La fin du préavis est écrite ici.", &[(0.0, 100.0, 112.0), (0.0, 200.0, 124.0)]);
        check("AVANT TOUT", &[(0.0, 110.0, 100.0)]);
        check("rien de cela ne s’y trouve", &[]);
        // What goes on elsewhere is marked as far as it stands here.
        check("préavis est écrite ici. Puis on tourne la page", &[(70.0, 100.0, 112.0), (0.0, 200.0, 124.0)]);
    }

    #[test]
    fn text_that_runs_upwards_is_marked_where_it_stands() {
        // A quarter turn: its left edge in its own view is its lower edge on the page.
        let [left, top, right, bottom] = upright([-200.0, 90.0, -100.0, 100.0], -90);
        let near = |value: f32, expected: f32| assert!((value - expected).abs() < 0.01, "{value} {expected}");
        near(left, 90.0);
        near(right, 100.0);
        near(top, 100.0);
        near(bottom, 200.0);
    }
}
