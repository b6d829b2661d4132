//! Which tables of a page are ruled with lines, and what stands in their cells?
//!
//! Lines that touch make a grid. Fields of it that no line parts are one cell. Glyphs go to the cell in which they stand
//! before they become lines of text: a cell may have several lines, and what is near in the next cell is not its text.
//! A grid that doesn't look like a table (a frame, a form, columns ruled around rows that are not) is left alone.

use std::collections::BTreeMap;

use super::glyphs::{Glyph, Rule};
use super::layout;
use super::lines::{self, Segment};
use super::tables::{self, Row, Table};

/// Points between lines that are meant to touch, or to be one.
const NEAR: f32 = 2.0;

/// Points between two borders of which one is the shadow of the other, or its second line.
const APART: f32 = 3.0;

/// Shorter lines, in points, are signs and bullets.
const SHORTEST: f32 = 8.0;

/// Lines looked at on one page, each with each; beyond this it is a drawing.
const LINES: usize = 3_000;

/// Grids looked at on one page.
const GRIDS: usize = 100;

/// Fields of one grid; beyond this it is squared paper.
const FIELDS: usize = 5_000;

/// Longer text, in characters, is no cell's: the lines are a frame around columns of a page.
const CELL_CHARS: usize = 1_500;

/// Lines of text in a cell that stands beside several rows. With more, its rows are not ruled.
const LABEL_LINES: usize = 6;

/// Lines of figures in one cell from which each is a value of its own. Figures are not broken over lines.
const FIGURE_LINES: usize = 3;

/// Share of neighbours in a row that may be one cell, where cells are told by their grounds.
const MOST_UNITED: f32 = 0.4;

/// A table ruled with lines.
#[derive(Debug)]
pub(super) struct Ruled {
    /// What it says.
    pub table: Table,
    /// Its lines of text, cell after cell.
    pub segments: Vec<Segment>,
}

/// The ruled tables among the glyphs of a page, and the glyphs outside them.
pub(super) fn find(glyphs: Vec<Glyph>, rules: &[Rule]) -> (Vec<Ruled>, Vec<Glyph>) {
    let mut tables = Vec::new();
    let mut taken = vec![false; glyphs.len()];
    for grid in grids(rules) {
        let mut inside: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let free = glyphs.iter().zip(&taken).enumerate().filter(|(_, (_, taken))| !**taken);
        for (index, (glyph, _)) in free {
            if let Some(cell) = grid.cell_of(glyph) {
                inside.entry(cell).or_default().push(index);
            }
        }
        let of = |indices: &Vec<usize>| {
            let glyphs = indices.iter().filter_map(|index| glyphs.get(*index));
            layout::cell_lines(lines::of_direction(glyphs, 0))
        };
        let cells: Cells = inside.iter().map(|(cell, indices)| (*cell, of(indices))).collect();
        if let Some(ruled) = grid.table(&cells) {
            tables.push(ruled);
            for slot in inside.values().flatten() {
                if let Some(taken) = taken.get_mut(*slot) {
                    *taken = true;
                }
            }
        }
    }
    let outside = glyphs.into_iter().zip(taken).filter(|(_, taken)| !taken).map(|(glyph, _)| glyph);
    (tables, outside.collect())
}

/// The lines of text in each cell that has any.
type Cells = BTreeMap<usize, Vec<Segment>>;

/// A line: where it stands on the other axis, and where it begins and ends on its own.
#[derive(Clone, Copy, Debug)]
struct Edge {
    at: f32,
    from: f32,
    to: f32,
    /// Nothing but edges of filled boxes.
    ground: bool,
}

/// The grids of a page, the smallest first: a table in a cell of another is found by itself.
fn grids(rules: &[Rule]) -> Vec<Grid> {
    let (rows, columns) = (edges(rules, false), edges(rules, true));
    if rows.len() + columns.len() > LINES {
        return Vec::new();
    }
    let mut parent: Vec<usize> = (0..rows.len() + columns.len()).collect();
    for (index, row) in rows.iter().enumerate() {
        for (other, _) in columns.iter().enumerate().filter(|(_, column)| touch(row, column)) {
            let (a, b) = (layout::root(&mut parent, index), layout::root(&mut parent, rows.len() + other));
            if let Some(slot) = parent.get_mut(a.max(b)) {
                *slot = a.min(b);
            }
        }
    }
    let mut groups: BTreeMap<usize, (Vec<Edge>, Vec<Edge>)> = BTreeMap::new();
    for (index, edge) in rows.iter().enumerate() {
        groups.entry(layout::root(&mut parent, index)).or_default().0.push(*edge);
    }
    for (index, edge) in columns.iter().enumerate() {
        groups.entry(layout::root(&mut parent, rows.len() + index)).or_default().1.push(*edge);
    }
    let mut grids: Vec<Grid> =
        groups.values().filter_map(|(rows, columns)| Grid::of(rows, columns)).take(GRIDS).collect();
    grids.sort_by(|a, b| a.area().total_cmp(&b.area()));
    grids
}

fn touch(row: &Edge, column: &Edge) -> bool {
    let along = |edge: &Edge, at: f32| edge.from - NEAR <= at && at <= edge.to + NEAR;
    along(row, column.at) && along(column, row.at)
}

/// The lines of one direction, put together where they go on.
fn edges(rules: &[Rule], upright: bool) -> Vec<Edge> {
    let of = |rule: &Rule| Edge { at: rule.at, from: rule.from, to: rule.to, ground: rule.ground };
    let mut edges: Vec<Edge> = rules.iter().filter(|rule| rule.upright == upright).map(of).collect();
    edges.sort_by(|a, b| a.at.total_cmp(&b.at));
    let mut whole: Vec<Edge> = Vec::new();
    let mut rest = edges.as_slice();
    while let Some(first) = rest.first() {
        let count = rest.iter().take_while(|edge| edge.at - first.at <= NEAR).count().max(1);
        let (near, others) = rest.split_at(count);
        whole.extend(joined(near));
        rest = others;
    }
    whole.retain(|edge| edge.to - edge.from >= SHORTEST);
    whole
}

/// Edges that stand at one place, joined where they overlap or nearly do.
fn joined(near: &[Edge]) -> Vec<Edge> {
    let at = near.iter().map(|edge| edge.at).sum::<f32>() / near.len().max(1) as f32;
    let mut near = near.to_vec();
    near.sort_by(|a, b| a.from.total_cmp(&b.from));
    let mut out: Vec<Edge> = Vec::new();
    for edge in near {
        match out.last_mut() {
            Some(last) if edge.from <= last.to + NEAR => {
                last.to = last.to.max(edge.to);
                last.ground &= edge.ground;
            }
            _ => out.push(Edge { at, ..edge }),
        }
    }
    out
}

/// Fields in rows and columns, some of them united.
struct Grid {
    /// Borders of the columns, from the left.
    xs: Vec<f32>,
    /// Borders of the rows, from the top.
    ys: Vec<f32>,
    /// For each field, row by row, the first field of its cell.
    cells: Vec<usize>,
    /// Some of its lines are only edges of filled boxes.
    ground: bool,
}

impl Grid {
    /// The grid of lines that touch; none when it has a single row or column, or too many fields.
    fn of(rows: &[Edge], columns: &[Edge]) -> Option<Grid> {
        let (xs, ys) = (borders(columns, rows), borders(rows, columns));
        let (width, height) = (xs.len().saturating_sub(1), ys.len().saturating_sub(1));
        if width < 2 || height < 2 || width * height > FIELDS {
            return None;
        }
        let mut parent: Vec<usize> = (0..width * height).collect();
        let mut unite = |one: usize, other: usize| {
            let (a, b) = (layout::root(&mut parent, one), layout::root(&mut parent, other));
            if let Some(slot) = parent.get_mut(a.max(b)) {
                *slot = a.min(b);
            }
        };
        for (row, bounds) in ys.windows(2).enumerate() {
            let &[top, bottom] = bounds else { continue };
            for (column, bounds) in xs.windows(2).enumerate() {
                let &[left, right] = bounds else { continue };
                let field = row * width + column;
                if column + 1 < width && !parted(columns, right, (top + bottom) / 2.0) {
                    unite(field, field + 1);
                }
                if row + 1 < height && !parted(rows, bottom, (left + right) / 2.0) {
                    unite(field, field + width);
                }
            }
        }
        let cells = (0..width * height).map(|field| layout::root(&mut parent, field)).collect();
        let ground = rows.iter().chain(columns).any(|edge| edge.ground);
        Some(Grid { xs, ys, cells, ground })
    }

    fn width(&self) -> usize {
        self.xs.len().saturating_sub(1)
    }

    /// Left, right, upper and lower edge.
    fn edges(&self) -> [f32; 4] {
        let ends = |borders: &[f32]| {
            (borders.first().copied().unwrap_or_default(), borders.last().copied().unwrap_or_default())
        };
        let ((x0, x1), (top, bottom)) = (ends(&self.xs), ends(&self.ys));
        [x0, x1, top, bottom]
    }

    fn area(&self) -> f32 {
        let [x0, x1, top, bottom] = self.edges();
        (x1 - x0) * (bottom - top)
    }

    /// The cell in which a glyph stands; none for one outside, or in another direction.
    fn cell_of(&self, glyph: &Glyph) -> Option<usize> {
        if glyph.turn != 0 {
            return None;
        }
        let middle = ((glyph.start.0 + glyph.end.0) / 2.0, glyph.start.1 - 0.3 * glyph.size);
        let place = |borders: &[f32], at: f32| {
            let before = borders.partition_point(|border| *border <= at).checked_sub(1)?;
            (before + 1 < borders.len()).then_some(before)
        };
        let (column, row) = (place(&self.xs, middle.0)?, place(&self.ys, middle.1)?);
        self.cells.get(row * self.width() + column).copied()
    }

    /// Its table, when what stands in its cells looks like one.
    fn table(&self, cells: &Cells) -> Option<Ruled> {
        let mut rows: Vec<Vec<String>> = Vec::new();
        let mut standing: Vec<Row> = Vec::new();
        for (row, fields) in self.cells.chunks(self.width()).enumerate() {
            let first = row * self.width();
            // The text of a cell over several fields stands in the first.
            let own = |(column, cell): (usize, &usize)| {
                cells.get(cell).filter(|_| *cell == first + column).map(Vec::as_slice).unwrap_or_default()
            };
            let inside: Vec<&[Segment]> = fields.iter().enumerate().map(own).collect();
            if inside.iter().all(|lines| lines.is_empty()) {
                continue;
            }
            if holds_values(&inside) {
                return None;
            }
            rows.push(inside.iter().map(|lines| text(lines)).collect());
            standing.push(inside.concat());
        }
        let filled = |row: &Vec<String>| row.iter().filter(|text| !text.is_empty()).count();
        let full = rows.iter().filter(|row| filled(row) >= 2).count();
        let long = rows.iter().flatten().any(|text| text.chars().count() > CELL_CHARS);
        if full < 2 || long || self.has_unruled_rows(cells) || self.is_marked_text() {
            return None;
        }
        without_empty_columns(&mut rows);
        let header =
            rows.first().is_some_and(|row| filled(row) >= 2) && tables::names_columns(&standing, &rows);
        let [x0, x1, top, bottom] = self.edges();
        let table = Table { header, rows, size: tables::usual_size(&standing), x0, x1, top, bottom };
        Some(Ruled { table, segments: standing.concat() })
    }

    /// Whether its boxes are grounds of words rather than of cells: then few of their sides stand below each other.
    fn is_marked_text(&self) -> bool {
        let neighbours = || self.cells.chunks(self.width()).flat_map(|row| row.windows(2));
        let united = neighbours().filter(|pair| pair.first() == pair.last()).count();
        self.ground && united as f32 > MOST_UNITED * neighbours().count() as f32
    }

    /// Whether a cell beside several rows has more lines than a label: its own rows are told by white space.
    fn has_unruled_rows(&self, cells: &Cells) -> bool {
        let width = self.width();
        let beside_several = |cell: usize| {
            self.cells.iter().enumerate().any(|(field, of)| *of == cell && field / width != cell / width)
        };
        cells.iter().any(|(cell, lines)| lines.len() > LABEL_LINES && beside_several(*cell))
    }
}

/// Where the lines of one direction stand, and where the others end: tables may be open at their sides.
fn borders(edges: &[Edge], across: &[Edge]) -> Vec<f32> {
    let first = across.iter().map(|edge| edge.from).fold(f32::MAX, f32::min);
    let last = across.iter().map(|edge| edge.to).fold(f32::MIN, f32::max);
    let mut borders: Vec<f32> = edges.iter().map(|edge| edge.at).collect();
    if first < last {
        borders.extend([first, last]);
    }
    borders.sort_by(f32::total_cmp);
    borders.dedup_by(|next, kept| *next - *kept <= APART);
    borders
}

/// Whether a line stands here.
fn parted(edges: &[Edge], at: f32, along: f32) -> bool {
    edges.iter().any(|edge| (edge.at - at).abs() <= APART && edge.from <= along && along <= edge.to)
}

/// The lines of a cell as one text.
fn text(lines: &[Segment]) -> String {
    lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n")
}

/// Whether the cells of one row hold values below each other: rows that are not ruled.
fn holds_values(row: &[&[Segment]]) -> bool {
    let figures = |lines: &[Segment]| lines.iter().filter(|line| is_figure(line)).count();
    let counts: Vec<usize> = row.iter().map(|lines| figures(lines)).collect();
    counts.iter().any(|count| *count >= FIGURE_LINES)
        || counts.iter().filter(|count| **count >= 2).count() >= 2
}

fn is_figure(line: &Segment) -> bool {
    let sign = |character: char| character.is_whitespace() || "$€£%.,()+-–−/*".contains(character);
    line.text.bytes().any(|byte| byte.is_ascii_digit())
        && line.text.chars().all(|character| character.is_ascii_digit() || sign(character))
}

/// Takes columns away in which nothing stands: the space between double lines, and what is only drawn.
fn without_empty_columns(rows: &mut [Vec<String>]) {
    let width = rows.iter().map(Vec::len).max().unwrap_or_default();
    let kept: Vec<bool> = (0..width)
        .map(|column| rows.iter().any(|row| row.get(column).is_some_and(|text| !text.is_empty())))
        .collect();
    for row in rows {
        let mut keep = kept.iter();
        row.retain(|_| keep.next().copied().unwrap_or(true));
    }
}
