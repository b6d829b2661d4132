//! In which order are the segments of a page read: which are columns, which are tables, which lines belong together?
//!
//! Tables are found first (rows whose segments stand in the same columns; ruled ones are found before). The other
//! segments grow into zones: lines below one another that overlap. Zones are then ordered by two rules: above comes before
//! below where they overlap sideways, and left comes before right unless something that spans both stands between them.

use super::lines::Segment;
use super::tables::{self, Table};

/// Zones ordered by the pairwise rules; beyond this (a drawing full of labels) they are read from top to bottom.
const ZONES_ORDERED: usize = 500;

/// Segments examined pair by pair; beyond this a page is read from top to bottom.
const SEGMENTS_PAIRED: usize = 2_500;

/// Characters from which a segment looks like running text rather than a label.
const PROSE: usize = 22;

/// Lines below one another with the same gap between columns that make it a gutter.
const GUTTER_LINES: usize = 3;

/// Ems from the end of an entry of a list of contents to its page number, across the whole page.
const PAGE_NUMBER_REACH: f32 = 50.0;

/// Ems without a line on both sides after which a gutter isn't the same one.
const GUTTER_PAUSE: f32 = 25.0;

/// A line of a zone.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    /// Its segments joined.
    pub segment: Segment,
    /// Made of segments apart from one another: a label and its value, not running text.
    pub apart: bool,
}

/// What is read together.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Zone {
    /// Lines from top to bottom.
    Text(Vec<Line>),
    /// A table.
    Table(Table),
}

#[derive(Clone, Copy, Debug)]
struct Area {
    x0: f32,
    x1: f32,
    top: f32,
    bottom: f32,
}

impl Area {
    fn of(segment: &Segment) -> Area {
        Area { x0: segment.x0, x1: segment.x1, top: segment.top(), bottom: segment.bottom() }
    }

    fn with(self, other: Area) -> Area {
        Area {
            x0: self.x0.min(other.x0),
            x1: self.x1.max(other.x1),
            top: self.top.min(other.top),
            bottom: self.bottom.max(other.bottom),
        }
    }

    fn overlaps_sideways(&self, other: &Area) -> bool {
        let common = self.x1.min(other.x1) - self.x0.max(other.x0);
        common > 0.02 * (self.x1 - self.x0).min(other.x1 - other.x0).max(1.0)
    }
}

/// A white strip between two columns of running text.
#[derive(Clone, Copy, Debug)]
struct Gutter {
    x0: f32,
    x1: f32,
    top: f32,
    bottom: f32,
}

impl Gutter {
    fn crossed_by(&self, segment: &Segment) -> bool {
        segment.x0 < self.x0 && segment.x1 > self.x1
    }

    fn beside(&self, segment: &Segment) -> bool {
        !self.crossed_by(segment)
            && segment.y > self.top - segment.size
            && segment.y < self.bottom + segment.size
    }
}

/// The zones of a page in reading order; `ruled` are tables found before, whose text is not among the segments.
pub(super) fn zones(segments: Vec<Segment>, ruled: Vec<Table>) -> Vec<Zone> {
    if segments.len() > SEGMENTS_PAIRED {
        let text = Zone::Text(into_lines(segments, &[]));
        return std::iter::once(text).chain(ruled.into_iter().map(Zone::Table)).collect();
    }
    let gutters = gutters(&segments);
    let (tables, rest) = tables::find(segments, |segment, next| is_gutter_between(&gutters, segment, next));
    let mut zones: Vec<(Area, Zone)> = group(rest, &gutters)
        .into_iter()
        .map(|segments| (area(&segments), Zone::Text(into_lines(segments, &gutters))))
        .collect();
    zones.extend(tables.into_iter().chain(ruled).map(|table| {
        let area = Area { x0: table.x0, x1: table.x1, top: table.top, bottom: table.bottom };
        (area, Zone::Table(table))
    }));
    in_order(zones)
}

fn area(segments: &[Segment]) -> Area {
    let empty = Area { x0: f32::MAX, x1: f32::MIN, top: f32::MAX, bottom: f32::MIN };
    segments.iter().map(Area::of).fold(empty, Area::with)
}

fn is_gutter_between(gutters: &[Gutter], left: &Segment, right: &Segment) -> bool {
    gutters.iter().any(|gutter| {
        left.x1 <= gutter.x0 + 1.0
            && right.x0 >= gutter.x1 - 1.0
            && gutter.beside(left)
            && gutter.beside(right)
    })
}

/// The nearest segment to the right that stands beside this one.
fn right_neighbour<'s>(segments: &'s [Segment], segment: &Segment) -> Option<&'s Segment> {
    let beside = |other: &&Segment| {
        let common = segment.bottom().min(other.bottom()) - segment.top().max(other.top());
        other.x0 >= segment.x1 && common > 0.4 * segment.size.min(other.size)
    };
    segments.iter().filter(beside).min_by(|a, b| a.x0.total_cmp(&b.x0))
}

/// A strip being followed downwards, with the number of characters seen on each side.
struct Strip {
    gutter: Gutter,
    left: Vec<usize>,
    right: Vec<usize>,
}

/// Characters of the line that ends (or begins) with a segment: its neighbours are pieces of a justified line as long as
/// the gaps are narrow.
fn line_chars(segments: &[Segment], from: &Segment, leftwards: bool) -> usize {
    let (mut at, mut chars) = (from, from.chars());
    // A line of text has less than a hundred words.
    for _ in 0..100 {
        let near = |other: &&Segment| {
            let gap = if leftwards { at.x0 - other.x1 } else { other.x0 - at.x1 };
            (other.y - at.y).abs() < 0.3 * at.size && (0.0..1.6 * at.size).contains(&gap)
        };
        let Some(next) = segments.iter().find(near) else { break };
        chars += next.chars();
        at = next;
    }
    chars
}

/// Follows the gaps between neighbours downwards: the ones that stay open over lines of running text are gutters.
fn gutters(segments: &[Segment]) -> Vec<Gutter> {
    let mut strips: Vec<Strip> = Vec::new();
    for left in segments {
        let Some(right) = right_neighbour(segments, left) else { continue };
        let (x0, x1) = (left.x1, right.x0);
        let continued = strips.iter_mut().rev().find(|strip| {
            let (from, to) = (strip.gutter.x0.max(x0), strip.gutter.x1.min(x1));
            // A column may end before the other: the strip goes on until something lies across it.
            let open = |other: &Segment| {
                other.y <= strip.gutter.bottom || other.y >= left.y || other.x1 <= from || other.x0 >= to
            };
            to - from > 0.5 * left.size
                && left.top() - strip.gutter.bottom < GUTTER_PAUSE * left.size
                && (left.top() - strip.gutter.bottom < left.size || segments.iter().all(open))
        });
        let sides = (line_chars(segments, left, true), line_chars(segments, right, false));
        match continued {
            Some(strip) => {
                strip.gutter.x0 = strip.gutter.x0.max(x0);
                strip.gutter.x1 = strip.gutter.x1.min(x1);
                strip.gutter.bottom = strip.gutter.bottom.max(left.bottom());
                strip.left.push(sides.0);
                strip.right.push(sides.1);
            }
            None => strips.push(Strip {
                gutter: Gutter { x0, x1, top: left.top(), bottom: left.bottom() },
                left: vec![sides.0],
                right: vec![sides.1],
            }),
        }
    }
    let prose = |chars: &mut Vec<usize>| {
        chars.sort_unstable();
        chars.get(chars.len() / 2).is_some_and(|median| *median >= PROSE)
    };
    strips
        .into_iter()
        .filter_map(|mut strip| {
            let long = strip.left.len() >= GUTTER_LINES;
            (long && prose(&mut strip.left) && prose(&mut strip.right)).then_some(strip.gutter)
        })
        .collect()
}

/// Groups segments into zones: overlapping lines at the usual pitch, and labels with the values beside them.
fn group(segments: Vec<Segment>, gutters: &[Gutter]) -> Vec<Vec<Segment>> {
    let pitch = usual_pitch(&segments);
    let mut parent: Vec<usize> = (0..segments.len()).collect();
    for (index, upper) in segments.iter().enumerate() {
        for (later, lower) in segments.iter().enumerate().skip(index + 1) {
            // Sorted by baseline: below this nothing can be near.
            if lower.y - upper.y > 3.2 * upper.size.max(lower.size).max(8.0) {
                break;
            }
            if below(upper, lower, pitch, gutters) || beside(upper, lower, gutters) {
                let (a, b) = (root(&mut parent, index), root(&mut parent, later));
                if let Some(slot) = parent.get_mut(a.max(b)) {
                    *slot = a.min(b);
                }
            }
        }
    }
    let mut groups: Vec<(usize, Vec<Segment>)> = Vec::new();
    let mut slots: std::collections::HashMap<usize, usize> = std::collections::HashMap::new();
    for (index, segment) in segments.into_iter().enumerate() {
        let of = root(&mut parent, index);
        let slot = *slots.entry(of).or_insert_with(|| {
            groups.push((of, Vec::new()));
            groups.len() - 1
        });
        if let Some((_, group)) = groups.get_mut(slot) {
            group.push(segment);
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

/// The first of the things that were united with this one; `parent` says of each with which one before it.
pub(super) fn root(parent: &mut [usize], mut index: usize) -> usize {
    while let Some(&up) = parent.get(index) {
        if up == index {
            break;
        }
        let above = parent.get(up).copied().unwrap_or(up);
        if let Some(slot) = parent.get_mut(index) {
            *slot = above;
        }
        index = up;
    }
    index
}

/// The distance between baselines, in ems, that most overlapping lines have.
fn usual_pitch(segments: &[Segment]) -> f32 {
    let mut counts = [0_usize; 32];
    for (index, upper) in segments.iter().enumerate() {
        let next = segments.iter().skip(index + 1).take(40).find(|lower| {
            lower.y - upper.y > 0.6 * upper.size && lower.x0.max(upper.x0) < lower.x1.min(upper.x1)
        });
        if let Some(lower) = next {
            let step = ((lower.y - upper.y) / upper.size * 10.0) as usize;
            if let Some(count) = counts.get_mut(step) {
                *count += upper.chars().min(lower.chars());
            }
        }
    }
    let most = counts.iter().enumerate().max_by_key(|(_, count)| **count).map_or(12, |(step, _)| step);
    (most as f32 / 10.0 + 0.05).clamp(1.15, 2.4)
}

fn below(upper: &Segment, lower: &Segment, pitch: f32, gutters: &[Gutter]) -> bool {
    let step = lower.y - upper.y;
    let size = upper.size.max(lower.size);
    if step < 0.4 * size || step > pitch * 1.3 * size {
        return false;
    }
    if size > 1.3 * upper.size.min(lower.size) {
        return false;
    }
    let common = upper.x1.min(lower.x1) - upper.x0.max(lower.x0);
    if common < 0.2 * (upper.x1 - upper.x0).min(lower.x1 - lower.x0) {
        return false;
    }
    // A line over both columns isn't the first (or last) line of one of them.
    !gutters.iter().any(|gutter| {
        (gutter.crossed_by(upper) && gutter.beside(lower))
            || (gutter.beside(upper) && gutter.crossed_by(lower))
    })
}

/// What may be the number of the page on which an entry of a list of contents begins.
fn is_page_number(text: &str) -> bool {
    text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A label and the value beside it, on one baseline.
fn beside(one: &Segment, other: &Segment, gutters: &[Gutter]) -> bool {
    if (one.y - other.y).abs() > 0.3 * one.size.min(other.size) {
        return false;
    }
    let (left, right) = if one.x0 <= other.x0 { (one, other) } else { (other, one) };
    let reach = if is_page_number(&right.text) { PAGE_NUMBER_REACH } else { 25.0 };
    let near = right.x0 - left.x1 < reach * left.size;
    let label = left.chars() < PROSE || right.chars() < PROSE || right.x0 - left.x1 < 2.0 * left.size;
    near && label && !is_gutter_between(gutters, left, right)
}

/// The lines of one cell, top to bottom.
pub(super) fn cell_lines(segments: Vec<Segment>) -> Vec<Segment> {
    into_lines(segments, &[]).into_iter().map(|line| line.segment).collect()
}

/// Puts a zone's segments into lines, top to bottom.
fn into_lines(segments: Vec<Segment>, gutters: &[Gutter]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut rows: Vec<Vec<Segment>> = Vec::new();
    for segment in segments {
        let row = rows.iter_mut().rev().take(4).find(|row| {
            row.first().is_some_and(|first| {
                (first.y - segment.y).abs() <= 0.3 * first.size.min(segment.size)
                    && row.iter().all(|other| segment.x0 >= other.x1 - 1.0 || segment.x1 <= other.x0 + 1.0)
            })
        });
        match row {
            Some(row) => row.push(segment),
            None => rows.push(vec![segment]),
        }
    }
    for mut row in rows {
        row.sort_by(|a, b| a.x0.total_cmp(&b.x0));
        let mut row = row.into_iter();
        let Some(first) = row.next() else { continue };
        let line = row.fold(Line { segment: first, apart: false }, |mut line, next| {
            // Justified text has gaps of up to two ems; wider ones set values apart from labels.
            line.apart |= next.x0 - line.segment.x1 > 2.0 * line.segment.size
                || is_gutter_between(gutters, &line.segment, &next);
            line.segment.text.push(' ');
            line.segment.text.push_str(&next.text);
            line.segment.x1 = line.segment.x1.max(next.x1);
            line.segment.bold &= next.bold;
            line.segment.mono &= next.mono;
            line.segment.size = line.segment.size.max(next.size);
            line
        });
        lines.push(line);
    }
    lines
}

/// Orders zones for reading.
fn in_order(mut zones: Vec<(Area, Zone)>) -> Vec<Zone> {
    zones.sort_by(|(a, _), (b, _)| a.top.total_cmp(&b.top).then(a.x0.total_cmp(&b.x0)));
    if zones.len() > ZONES_ORDERED {
        return zones.into_iter().map(|(_, zone)| zone).collect();
    }
    let areas: Vec<Area> = zones.iter().map(|(area, _)| *area).collect();
    let mut zones: Vec<Option<Zone>> = zones.into_iter().map(|(_, zone)| Some(zone)).collect();
    let before: Vec<Vec<bool>> =
        areas.iter().map(|a| areas.iter().map(|b| comes_before(a, b, &areas)).collect()).collect();
    let mut ordered = Vec::with_capacity(zones.len());
    while ordered.len() < areas.len() {
        let waits = |index: usize| {
            before
                .iter()
                .enumerate()
                .filter(|(other, row)| {
                    *other != index
                        && zones.get(*other).is_some_and(Option::is_some)
                        && row.get(index).copied().unwrap_or(false)
                })
                .count()
        };
        // The first that waits for nothing; in a circle, the one that waits for the fewest.
        let next = (0..areas.len())
            .filter(|index| zones.get(*index).is_some_and(Option::is_some))
            .min_by_key(|index| waits(*index));
        let Some(zone) = next.and_then(|next| zones.get_mut(next)).and_then(Option::take) else { break };
        ordered.push(zone);
    }
    ordered
}

fn comes_before(a: &Area, b: &Area, all: &[Area]) -> bool {
    if a.overlaps_sideways(b) {
        return a.top < b.top;
    }
    if a.x0 >= b.x0 {
        return false;
    }
    // Left before right, unless a zone over both stands between them with the right one above it.
    let (low, high) = (a.top, b.bottom);
    let separated = b.bottom <= a.top
        && all.iter().any(|c| {
            c.top >= high - 1.0 && c.bottom <= low + 1.0 && c.overlaps_sideways(a) && c.overlaps_sideways(b)
        });
    !separated
}
