//! How do the walls look: what is inside, each gate, and what went through it?

use intramuros_core::markup::escape;

use crate::number_of;
use crate::report::Report;

/// Height of one row, in pixels.
const ROW: usize = 34;
/// Most gates that are drawn on one side. 40: more would not be read; the table has them all.
const MAX_GATES: usize = 40;
/// Most letters of a label.
const MAX_LABEL: usize = 46;

/// The picture: ways in on the left, what is inside in the middle, ways out on the right.
pub(crate) fn picture(report: &Report) -> String {
    let inside: Vec<String> = report
        .sources
        .iter()
        .map(|(name, _)| format!("source {name}"))
        .chain(report.models.iter().map(|model| format!("model {}", model.name)))
        .take(MAX_GATES)
        .collect();
    let rows = inside
        .len()
        .max(report.ways_in.len().min(MAX_GATES) + 1)
        .max(report.ways_out.len().min(MAX_GATES))
        .max(2);
    let height = rows * ROW + 80;
    let mut svg = format!(
        "<svg viewBox=\"-110 0 1200 {height}\" role=\"img\" aria-labelledby=\"walls\" class=\"walls\">\
         <title id=\"walls\">The walls: {}, {}</title>\
         <rect x=\"300\" y=\"20\" width=\"400\" height=\"{}\" rx=\"6\" class=\"wall\"/>",
        number_of(report.ways_in.len() as u64, "way in", "ways in"),
        number_of(report.ways_out.len() as u64, "way out", "ways out"),
        height - 40
    );
    for (row, label) in inside.iter().enumerate() {
        svg.push_str(&text(500, row, "middle", "inside", label));
    }
    for (row, way) in report.ways_in.iter().take(MAX_GATES).enumerate() {
        svg.push_str(&gate(300, row, "open"));
        svg.push_str(&arrow(190, 286, row, "open"));
        svg.push_str(&text(180, row, "end", "", &format!("{} → {}", way.reach, way.at)));
    }
    if let Some(way) = report.ways_in.first() {
        // One line for all of them, below the last.
        let through = format!("{} questions · {} refused", way.used.questions, way.used.refused);
        svg.push_str(&text(286, report.ways_in.len().min(MAX_GATES), "end", "", &through));
    }
    for (row, way) in report.ways_out.iter().take(MAX_GATES).enumerate() {
        let class = if way.open { "open" } else { "closed" };
        svg.push_str(&gate(700, row, class));
        if way.open {
            svg.push_str(&arrow(714, 790, row, class));
        }
        let label = format!("{} ({}) · {}×", way.to, way.jurisdiction, way.used.allowed);
        svg.push_str(&text(800, row, "start", class, &label));
    }
    if report.ways_out.is_empty() {
        svg.push_str(&text(716, 0, "start", "", "no way out"));
    }
    svg.push_str("</svg>");
    svg
}

fn y(row: usize) -> usize {
    row * ROW + 52
}

fn gate(x: usize, row: usize, class: &str) -> String {
    format!("<rect x=\"{}\" y=\"{}\" width=\"16\" height=\"22\" class=\"gate {class}\"/>", x - 8, y(row) - 15)
}

fn arrow(from: usize, to: usize, row: usize, class: &str) -> String {
    let (y, tip) = (y(row) - 4, to - 8);
    format!("<path d=\"M{from} {y}H{to}M{tip} {}L{to} {y}L{tip} {}\" class=\"arrow {class}\"/>", y - 5, y + 5)
}

fn text(x: usize, row: usize, anchor: &str, class: &str, label: &str) -> String {
    let short: String = if label.chars().count() > MAX_LABEL {
        label.chars().take(MAX_LABEL - 1).chain(['…']).collect()
    } else {
        label.to_owned()
    };
    format!(
        "<text x=\"{x}\" y=\"{}\" text-anchor=\"{anchor}\" class=\"{class}\">{}</text>",
        y(row),
        escape(&short)
    )
}
