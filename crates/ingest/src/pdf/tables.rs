//! Which segments of a page stand in rows and columns?
//!
//! A table without lines (for others see [`super::ruled`]) is guessed from white space: at least two rows whose segments
//! fall into the same three or more columns, none of them running text. Two columns are a list of labels and values; they
//! are read line by line.

use super::lines::Segment;

/// A table on one page.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Table {
    /// Its rows, each with one text per column (empty where there is none); the lines of a text end with line breaks.
    pub rows: Vec<Vec<String>>,
    /// Whether the first row names the columns.
    pub header: bool,
    /// Em of its usual characters.
    pub size: f32,
    /// Left edge.
    pub x0: f32,
    /// Right edge.
    pub x1: f32,
    /// Upper edge.
    pub top: f32,
    /// Lower edge.
    pub bottom: f32,
}

/// Fewer columns are labels with values.
const COLUMNS: usize = 3;

/// A cell longer than this on one line is running text.
const CELL_CHARS: usize = 60;

/// Rows further apart, in ems, are not of one table.
const ROW_STEP: f32 = 3.6;

/// What stands in one row, cell after cell.
pub(super) type Row = Vec<Segment>;

/// Splits segments into tables and the rest. `is_gutter` says that two neighbours are columns of running text.
pub(super) fn find(
    segments: Vec<Segment>,
    is_gutter: impl Fn(&Segment, &Segment) -> bool,
) -> (Vec<Table>, Vec<Segment>) {
    let rows = into_rows(segments);
    let (mut tables, mut rest) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < rows.len() {
        match grow(&rows, at, &is_gutter) {
            Some((table, next)) => {
                tables.push(table);
                at = next;
            }
            None => {
                rest.extend(rows.get(at).cloned().unwrap_or_default());
                at += 1;
            }
        }
    }
    rest.sort_by(|a, b| a.y.total_cmp(&b.y).then(a.x0.total_cmp(&b.x0)));
    (tables, rest)
}

fn into_rows(segments: Vec<Segment>) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for segment in segments {
        match rows.last_mut() {
            Some(row)
                if row.first().is_some_and(|first| {
                    (first.y - segment.y).abs() <= 0.3 * first.size.min(segment.size)
                }) =>
            {
                row.push(segment);
            }
            _ => rows.push(vec![segment]),
        }
    }
    for row in &mut rows {
        row.sort_by(|a, b| a.x0.total_cmp(&b.x0));
    }
    rows
}

/// Columns as they widen with each row: disjoint intervals from left to right.
#[derive(Clone, Debug)]
struct Columns(Vec<(f32, f32)>);

impl Columns {
    fn index(&self, segment: &Segment) -> Option<usize> {
        self.0.iter().position(|(x0, x1)| segment.x0 < *x1 && segment.x1 > *x0)
    }

    /// The columns with a row added; none when two cells of a row would share a column or columns would merge.
    fn with(&self, row: &Row) -> Option<Columns> {
        let mut columns = self.0.clone();
        for segment in row {
            let touched: Vec<usize> = (0..columns.len())
                .filter(|index| {
                    columns.get(*index).is_some_and(|(x0, x1)| segment.x0 < *x1 && segment.x1 > *x0)
                })
                .collect();
            match touched.as_slice() {
                [] => {
                    columns.push((segment.x0, segment.x1));
                    columns.sort_by(|a, b| a.0.total_cmp(&b.0));
                }
                [one] => {
                    let column = columns.get_mut(*one)?;
                    *column = (column.0.min(segment.x0), column.1.max(segment.x1));
                }
                _ => return None,
            }
        }
        let columns = Columns(columns);
        let mut seen = Vec::new();
        for segment in row {
            let index = columns.index(segment)?;
            if seen.contains(&index) {
                return None;
            }
            seen.push(index);
        }
        Some(columns)
    }
}

fn grow(
    rows: &[Row],
    start: usize,
    is_gutter: &impl Fn(&Segment, &Segment) -> bool,
) -> Option<(Table, usize)> {
    let fits = |row: &Row| {
        row.iter().all(|segment| segment.chars() <= CELL_CHARS)
            && !row.windows(2).any(|pair| matches!(pair, [left, right] if is_gutter(left, right)))
    };
    let first = rows.get(start)?;
    if first.len() < COLUMNS || !fits(first) {
        return None;
    }
    let mut columns = Columns(Vec::new()).with(first)?;
    let (mut end, mut full) = (start + 1, 1);
    for (index, row) in rows.iter().enumerate().skip(start + 1) {
        let step = gap(rows.get(index - 1)?, row);
        if !fits(row) || step > ROW_STEP {
            break;
        }
        let Some(wider) = columns.with(row) else {
            // A remark across the columns, when the table goes on below it.
            let goes_on =
                rows.get(index + 1).is_some_and(|next| next.len() >= COLUMNS && columns.with(next).is_some());
            if row.len() == 1 && goes_on && step < 2.2 {
                continue;
            }
            break;
        };
        if wider.0.len() > columns.0.len() + 1 {
            break;
        }
        // A line by itself belongs to the table when it continues a cell or labels the rows below it.
        if row.len() == 1 && (wider.0.len() > columns.0.len() || step > 2.2) {
            break;
        }
        columns = wider;
        if row.len() >= 2 {
            full += 1;
            end = index + 1;
        } else if row.first().is_some_and(|segment| columns.index(segment) != Some(0)) {
            end = index + 1;
        }
    }
    let rows = rows.get(start..end)?;
    (full >= 2 && !is_prose(rows, &columns)).then(|| (table(rows, &columns), end))
}

/// Distance between two rows, in ems.
fn gap(upper: &Row, lower: &Row) -> f32 {
    match (upper.first(), lower.first()) {
        (Some(upper), Some(lower)) => (lower.y - upper.y) / upper.size.max(lower.size),
        _ => f32::MAX,
    }
}

/// Columns of a newspaper: most lines fill their column and are long.
fn is_prose(rows: &[Row], columns: &Columns) -> bool {
    let (mut full, mut all) = (0, 0);
    for segment in rows.iter().flatten() {
        let width =
            columns.index(segment).and_then(|index| columns.0.get(index)).map_or(1.0, |(x0, x1)| x1 - x0);
        all += 1;
        full += usize::from(segment.chars() > 22 && segment.x1 - segment.x0 > 0.8 * width);
    }
    full * 2 > all
}

fn table(rows: &[Row], columns: &Columns) -> Table {
    let mut cells: Vec<Vec<String>> = Vec::new();
    let mut steps: Vec<f32> =
        rows.iter().zip(rows.iter().skip(1)).map(|(upper, lower)| gap(upper, lower)).collect();
    steps.sort_by(f32::total_cmp);
    // A cell's second line is nearer than the next row.
    let near = steps.get(steps.len() / 2).map_or(0.0, |middle| 0.85 * middle);
    let mut last: Option<&Row> = None;
    for row in rows {
        let mut texts = vec![String::new(); columns.0.len()];
        for segment in row {
            if let Some(cell) = columns.index(segment).and_then(|index| texts.get_mut(index)) {
                cell.clone_from(&segment.text);
            }
        }
        let continues = row.len() == 1 && last.is_some_and(|last| gap(last, row) < near);
        match cells.last_mut() {
            Some(above) if continues => {
                for (above, text) in above.iter_mut().zip(texts) {
                    if !text.is_empty() {
                        above.push('\n');
                        above.push_str(text.trim());
                    }
                }
            }
            _ => cells.push(texts),
        }
        last = Some(row);
    }
    let segments = || rows.iter().flatten();
    Table {
        header: names_columns(rows, &cells),
        rows: cells,
        size: usual_size(rows),
        x0: segments().map(|segment| segment.x0).fold(f32::MAX, f32::min),
        x1: segments().map(|segment| segment.x1).fold(f32::MIN, f32::max),
        top: segments().map(Segment::top).fold(f32::MAX, f32::min),
        bottom: segments().map(Segment::bottom).fold(f32::MIN, f32::max),
    }
}

/// Em of the characters in the middle between the smallest and the largest.
pub(super) fn usual_size(rows: &[Row]) -> f32 {
    let mut sizes: Vec<f32> = rows.iter().flatten().map(|segment| segment.size).collect();
    sizes.sort_by(f32::total_cmp);
    sizes.get(sizes.len() / 2).copied().unwrap_or_default()
}

/// The first row names the columns when it holds no figures and the others do, or when it alone is bold.
pub(super) fn names_columns(rows: &[Row], cells: &[Vec<String>]) -> bool {
    let figures = |row: &Vec<String>| {
        row.iter()
            .any(|cell| cell.starts_with(|first: char| first.is_ascii_digit() || "$€£-+".contains(first)))
    };
    let Some((first, others)) = cells.split_first() else { return false };
    let bold = |row: &Row| row.iter().all(|segment| segment.bold);
    let bold_first = rows.first().is_some_and(bold) && !rows.iter().skip(1).all(bold);
    bold_first || (!figures(first) && others.iter().any(figures))
}
