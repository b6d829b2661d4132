//! How are lines written as text, CSV, JSON, Markdown and DOT?

use super::lines::Line;
use super::{Language, Terminal, table};
use std::collections::BTreeMap;

/// `source => destination : connections`, one line each.
pub fn plain(lines: &[Line]) -> String {
    lines
        .iter()
        .map(|line| format!("{} => {} : {}\n", line.source, line.destination, line.connections))
        .collect()
}

/// A table for people.
pub fn pretty(lines: &[Line], terminal: Terminal) -> String {
    let rows: Vec<Vec<String>> = lines
        .iter()
        .map(|line| {
            let connections = terminal.language.read(&line.connections.said());
            vec![line.source.clone(), line.destination.clone(), connections]
        })
        .collect();
    table::render(&headings(terminal.language), &rows, terminal)
}

fn headings(language: Language) -> [&'static str; 3] {
    [
        language.pick("Source", "Source"),
        language.pick("Destination", "Destination"),
        language.pick("Connexions", "Connections"),
    ]
}

/// CSV with the heading `source,destination,connections`.
pub fn csv(lines: &[Line]) -> String {
    let mut out = String::from("source,destination,connections\n");
    for line in lines {
        let cells = [line.source.as_str(), &line.destination, &line.connections.to_string()];
        out.push_str(&csv_row(&cells, ','));
    }
    out
}

/// One CSV row, quoted where needed.
pub fn csv_row(cells: &[&str], separator: char) -> String {
    let quoted: Vec<String> = cells
        .iter()
        .map(|cell| {
            let special = |c: char| c == separator || matches!(c, '"' | '\n' | '\r');
            match cell.contains(special) {
                true => format!("\"{}\"", cell.replace('"', "\"\"")),
                false => (*cell).to_owned(),
            }
        })
        .collect();
    format!("{}\n", quoted.join(&separator.to_string()))
}

/// A JSON list of `{"src", "dst", "conn"}`.
pub fn json(lines: &[Line]) -> String {
    let values: Vec<serde_json::Value> = lines
        .iter()
        .map(|line| {
            serde_json::json!({
                "src": line.source, "dst": line.destination, "conn": line.connections.to_string(),
            })
        })
        .collect();
    let text = serde_json::to_string_pretty(&values).unwrap_or_default();
    format!("{text}\n")
}

/// A Markdown table.
pub fn markdown(lines: &[Line]) -> String {
    let mut out = String::from("| src | dst | conn |\n|-----|-----|------|\n");
    for line in lines {
        out.push_str(&format!("| {} | {} | {} |\n", line.source, line.destination, line.connections));
    }
    out
}

/// The namespace of a party's name, if it has one.
pub fn namespace_of(name: &str) -> Option<&str> {
    let outside = name.ends_with("[External]") || name.ends_with("[FQDN]") || name.starts_with('{');
    name.split_once('/').map(|(namespace, _)| namespace).filter(|_| !outside)
}

/// A Graphviz graph, workloads grouped by namespace.
pub fn dot(lines: &[Line]) -> String {
    let mut groups: BTreeMap<Option<&str>, Vec<&str>> = BTreeMap::new();
    let mut names: Vec<&str> =
        lines.iter().flat_map(|line| [line.source.as_str(), &line.destination]).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        groups.entry(namespace_of(name)).or_default().push(name);
    }
    let mut out = String::from("digraph {\n");
    for (namespace, members) in groups {
        if let Some(namespace) = namespace {
            let id = quote(&format!("cluster_{namespace}"));
            out.push_str(&format!("\tsubgraph {id} {{\n\t\tlabel={}\n", quote(namespace)));
        }
        for member in members {
            let (label, colour) = match namespace {
                Some(namespace) => (&member[namespace.len() + 1..], "blue"),
                None => (member, "red2"),
            };
            out.push_str(&format!(
                "\t\t{} [label={} color=\"{colour}\" fontcolor=\"{colour}\"]\n",
                quote(member),
                quote(label)
            ));
        }
        if namespace.is_some() {
            out.push_str("\t}\n");
        }
    }
    for line in lines {
        out.push_str(&format!(
            "\t{} -> {} [label={} color=\"gold2\" fontcolor=\"darkgreen\"]\n",
            quote(&line.source),
            quote(&line.destination),
            quote(&line.connections.to_string())
        ));
    }
    out.push_str("}\n");
    out
}

fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
