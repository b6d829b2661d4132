//! How is a connectivity graph drawn as SVG? Namespaces are boxes in columns, the outside stands on the left.

use super::Language;
use super::lines::Line;
use super::text::namespace_of;
use intramuros_core::markup::escape;
use std::collections::{BTreeMap, HashMap};

const NODE_HEIGHT: usize = 30;
const NODE_GAP: usize = 12;
const COLUMN_GAP: usize = 150;
const BOX_GAP: usize = 40;
const MARGIN: usize = 24;
/// Width of one character at the font size used, in tenths of a pixel.
const CHARACTER: usize = 72;
/// A column taller than this wraps into the next.
const COLUMN_HEIGHT: usize = 900;

struct Place {
    x: usize,
    y: usize,
    width: usize,
}

struct Layout<'a> {
    places: HashMap<&'a str, Place>,
    boxes: Vec<(&'a str, usize, usize, usize, usize)>,
    width: usize,
    height: usize,
}

fn layout(lines: &[Line]) -> Layout<'_> {
    let mut names: Vec<&str> =
        lines.iter().flat_map(|line| [line.source.as_str(), &line.destination]).collect();
    names.sort_unstable();
    names.dedup();
    let mut groups: BTreeMap<Option<&str>, Vec<&str>> = BTreeMap::new();
    for name in names {
        groups.entry(namespace_of(name)).or_default().push(name);
    }
    let mut layout = Layout { places: HashMap::new(), boxes: Vec::new(), width: 0, height: 0 };
    let (mut x, mut y, mut column) = (MARGIN, MARGIN, 0);
    for (namespace, members) in groups {
        let shown = |name: &str| name.len() - namespace.map_or(0, |namespace| namespace.len() + 1);
        let widest = members.iter().map(|name| shown(name)).max().unwrap_or(0);
        let width = (widest.max(namespace.map_or(0, str::len)) * CHARACTER) / 10 + 24;
        let height = 34 + members.len() * (NODE_HEIGHT + NODE_GAP);
        if y > MARGIN && (y + height > COLUMN_HEIGHT || column == usize::MAX) {
            x += column + COLUMN_GAP;
            (y, column) = (MARGIN, 0);
        }
        layout.boxes.push((namespace.unwrap_or(""), x, y, width + 24, height));
        for (at, name) in members.iter().enumerate() {
            let place = Place { x: x + 12, y: y + 30 + at * (NODE_HEIGHT + NODE_GAP), width };
            layout.places.insert(name, place);
        }
        column = column.max(width + 24);
        layout.height = layout.height.max(y + height + MARGIN);
        layout.width = layout.width.max(x + width + 24 + MARGIN);
        y += height + BOX_GAP;
        if namespace.is_none() {
            x += column + COLUMN_GAP;
            (y, column) = (MARGIN, 0);
        }
    }
    layout
}

/// An SVG picture of the lines; edges carry `data-from` and `data-to` so that a page can light them up.
pub fn svg(lines: &[Line], language: Language) -> String {
    let layout = layout(lines);
    let (width, height) = (layout.width.max(200) + 80, layout.height.max(80));
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">\n"
    );
    out.push_str("<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0 8 4 0 8z\" fill=\"#5b6b7d\"/></marker></defs>\n");
    for (name, x, y, width, height) in &layout.boxes {
        let colour = if name.is_empty() { "#f7efe6" } else { "#eef3f8" };
        out.push_str(&format!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"{colour}\" stroke=\"#c3ccd6\"/><text x=\"{}\" y=\"{}\" fill=\"#3d4b5a\" font-weight=\"bold\">{}</text>\n",
            x + 12, y + 19, if name.is_empty() { language.pick("hors du cluster", "outside").to_owned() } else { escape(name) }
        ));
    }
    for line in lines {
        push_edge(&mut out, &layout, line);
    }
    let mut places: Vec<_> = layout.places.iter().collect();
    places.sort_by_key(|(name, _)| **name);
    for (name, place) in places {
        let label = namespace_of(name).map_or(*name, |namespace| &name[namespace.len() + 1..]);
        out.push_str(&format!(
            "<g class=\"node\" data-name=\"{}\"><rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{NODE_HEIGHT}\" rx=\"5\" fill=\"#fff\" stroke=\"#2f5f8f\"/><text x=\"{}\" y=\"{}\" fill=\"#1c2733\">{}</text></g>\n",
            escape(name), place.x, place.y, place.width, place.x + 10, place.y + 20, escape(label)
        ));
    }
    out.push_str("</svg>\n");
    out
}

fn push_edge(out: &mut String, layout: &Layout<'_>, line: &Line) {
    let (Some(from), Some(to)) =
        (layout.places.get(line.source.as_str()), layout.places.get(line.destination.as_str()))
    else {
        return;
    };
    let (y1, y2) = (from.y + NODE_HEIGHT / 2, to.y + NODE_HEIGHT / 2);
    let path = if from.x + from.width < to.x {
        let (x1, x2) = (from.x + from.width, to.x);
        let middle = usize::midpoint(x1, x2);
        format!("M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}")
    } else if to.x + to.width < from.x {
        let (x1, x2) = (from.x, to.x + to.width);
        let middle = usize::midpoint(x1, x2);
        format!("M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}")
    } else {
        let (x1, x2) = (from.x + from.width, to.x + to.width);
        let bend = x1.max(x2) + 30 + y1.abs_diff(y2).min(180) / 4;
        format!("M{x1} {y1}C{bend} {y1} {bend} {y2} {x2} {y2}")
    };
    out.push_str(&format!(
        "<path class=\"edge\" data-from=\"{}\" data-to=\"{}\" d=\"{path}\" fill=\"none\" stroke=\"#5b6b7d\" stroke-opacity=\"0.65\" marker-end=\"url(#arrow)\"><title>{} → {}: {}</title></path>\n",
        escape(&line.source), escape(&line.destination), escape(&line.source), escape(&line.destination),
        escape(&line.connections.to_string())
    ));
}
