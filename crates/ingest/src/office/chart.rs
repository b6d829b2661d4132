//! Which words and figures does this chart show?

use intramuros_core::document::{BlockKind, ExtractError, Place};

use super::blocks::{Blocks, Row};
use super::numbers::plain;
use super::package::Package;
use super::xml::{Node, Xml};

/// Points of one series. Beyond this a chart draws a signal, not facts that someone looks up.
const POINTS: usize = 1_000;

/// Series of one chart, for the same reason.
const SERIES: usize = 100;

/// Levels of categories (years over months). 4: more than fit under a chart.
const LEVELS: usize = 4;

/// Characters of a category that stands for several points and is repeated for each. 40: more than fits.
const OUTER_CHARS: usize = 40;

#[derive(Default)]
struct Series {
    name: String,
    categories: Vec<String>,
    values: Vec<String>,
}

/// Reads a chart part: its titles as a paragraph and, where the document does not hold them anyway, its figures as a
/// table (a category a row, a series a column).
///
/// # Errors
/// When the part is broken or over a limit.
pub fn read(
    package: &Package<'_>,
    part: &str,
    figures: bool,
    blocks: &mut Blocks<'_>,
    place: &Place,
) -> Result<(), ExtractError> {
    let Some(mut xml) = package.xml(part)? else { return Ok(()) };
    let (mut titles, mut all) = (String::new(), Vec::new());
    while let Some(node) = xml.next()? {
        let Node::Open(tag) = node else { continue };
        match tag.local() {
            "title" => {
                let title = shown_text(&mut xml)?;
                if !titles.is_empty() && !title.is_empty() {
                    titles.push_str(" \u{2013} ");
                }
                titles.push_str(&title);
            }
            "ser" if figures && all.len() < SERIES => all.push(read_series(&mut xml)?),
            _ => {}
        }
    }
    blocks.push(BlockKind::Paragraph, &titles, place.clone())?;
    if figures { push_series(&all, blocks, place) } else { Ok(()) }
}

fn push_series(all: &[Series], blocks: &mut Blocks<'_>, place: &Place) -> Result<(), ExtractError> {
    let names = std::iter::once(String::new()).chain(all.iter().map(|series| series.name.clone()));
    let mut rows = vec![Row { cells: names.collect(), header: true, place: place.clone(), ..Row::default() }];
    let longest =
        all.iter().map(|series| series.values.len().max(series.categories.len())).max().unwrap_or_default();
    // A chart may be named thousands of times, and one point of a series stands for all before it.
    blocks.count_cells(longest * (all.len() + 1))?;
    for index in 0..longest {
        let category =
            all.iter().find_map(|series| series.categories.get(index)).cloned().unwrap_or_default();
        let values = all.iter().map(|series| series.values.get(index).cloned().unwrap_or_default());
        let cells = std::iter::once(category).chain(values).collect();
        rows.push(Row { cells, place: place.clone(), ..Row::default() });
    }
    blocks.push_table(rows, false)
}

fn read_series(xml: &mut Xml<'_>) -> Result<Series, ExtractError> {
    let depth = xml.depth();
    let mut series = Series::default();
    while let Some(node) = xml.next_in(depth)? {
        let Node::Open(tag) = node else { continue };
        match tag.local() {
            "tx" => series.name = read_points(xml)?.join(" "),
            "cat" | "xVal" => series.categories = read_points(xml)?,
            "val" | "yVal" => {
                let shown = |value: String| value.parse().map(plain).unwrap_or(value);
                series.values = read_points(xml)?.into_iter().map(shown).collect();
            }
            "dLbls" | "spPr" | "extLst" | "trendline" | "errBars" => xml.skip()?,
            _ => {}
        }
    }
    Ok(series)
}

/// The cached values of a reference, in the order of their indices.
fn read_points(xml: &mut Xml<'_>) -> Result<Vec<String>, ExtractError> {
    let depth = xml.depth();
    let (mut levels, mut points, mut index) = (Vec::new(), Vec::new(), 0);
    while let Some(node) = xml.next_in(depth)? {
        let Node::Open(tag) = node else { continue };
        match tag.local() {
            "lvl" if !points.is_empty() && levels.len() < LEVELS => levels.push(std::mem::take(&mut points)),
            "pt" => index = tag.attribute("idx").and_then(|index| index.parse().ok()).unwrap_or(points.len()),
            "v" if index < POINTS => {
                if points.len() <= index {
                    points.resize(index + 1, String::new());
                }
                points[index] = xml.text()?;
            }
            // The reference itself and the number format.
            "f" | "formatCode" => xml.skip()?,
            _ => {}
        }
    }
    levels.push(points);
    Ok(with_outer_levels(levels))
}

/// Points of several levels as one name each: the first level is the finest, a point of another stands for all points
/// up to the next of its level.
fn with_outer_levels(levels: Vec<Vec<String>>) -> Vec<String> {
    let mut levels = levels.into_iter();
    let mut points = levels.next().unwrap_or_default();
    for outer in levels {
        let mut name = String::new();
        for (index, point) in points.iter_mut().enumerate() {
            if let Some(next) = outer.get(index).filter(|next| !next.is_empty()) {
                name = next.chars().take(OUTER_CHARS).collect();
            }
            if !name.is_empty() {
                point.insert_str(0, &format!("{name} "));
            }
        }
    }
    points
}

fn shown_text(xml: &mut Xml<'_>) -> Result<String, ExtractError> {
    let depth = xml.depth();
    let mut text = String::new();
    while let Some(node) = xml.next_in(depth)? {
        let Node::Open(tag) = node else { continue };
        match tag.local() {
            "t" | "v" => text.push_str(&xml.text()?),
            "f" => xml.skip()?,
            _ => {}
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::with_outer_levels;

    #[test]
    fn outer_categories_stand_before_each_of_their_points() {
        let level = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>();
        let months = level(&["jan.", "fév.", "jan."]);
        assert_eq!(with_outer_levels(vec![months.clone()]), months);
        let years = level(&["2023", "", "2024"]);
        assert_eq!(with_outer_levels(vec![months, years]), ["2023 jan.", "2023 fév.", "2024 jan."]);
    }
}
