//! `netpol list` and `netpol diff`.

use super::{DiffArgs, DiffFormat, ExitStatus, ListArgs, ListFormat, deliver, inputs};
use crate::check::difference::{Change, appeared, difference};
use crate::engine::{Engine, Settings};
use crate::error::Result;
use crate::language::say;
use crate::model::policy::Direction;
use crate::model::world::World;
use crate::report::lines::{self, Line};
use crate::report::{Terminal, drawing, exposure, page, table, text};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Shows who can reach whom.
pub fn list(
    args: &ListArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
    terminal: Terminal,
) -> Result<ExitStatus> {
    inputs::watching(args.watch, &args.manifests.manifests, err, terminal, |err| {
        let mut world = inputs::declared(&args.manifests, err)?;
        let settings = Settings {
            api_server: inputs::places(&args.manifests)?.api_server,
            ignore_pod_addresses: args.manifests.ignore_pod_addresses,
            ..Settings::default()
        };
        if args.exposure {
            let text = exposures(&world, &settings, args, terminal);
            deliver(&args.output, text.as_bytes(), out)?;
            return Ok(ExitStatus::Success);
        }
        lines::with_controller(&mut world);
        let mut engine = inputs::engine(world, &settings)?;
        show_ipv6(&mut engine, args.ipv6, err, terminal);
        // What machines compare line by line is cut where the rules cut it; people see ranges as wide as they are.
        let people = matches!(args.format, ListFormat::Table | ListFormat::Svg | ListFormat::Html);
        let shown = lines::Shown { focus: args.focus.clone(), cut: !people, internet: people };
        let found = lines::lines(&engine, &engine.graph(), &shown);
        deliver(&args.output, render(&found, args.format, terminal).as_bytes(), out)?;
        Ok(ExitStatus::Success)
    })
}

fn render(found: &[Line], format: ListFormat, terminal: Terminal) -> String {
    match format {
        ListFormat::Text => text::plain(found),
        ListFormat::Table => text::pretty(found, terminal),
        ListFormat::Csv => text::csv(found),
        ListFormat::Json => text::json(found),
        ListFormat::Md => text::markdown(found),
        ListFormat::Dot => text::dot(found),
        ListFormat::Svg => drawing::svg(found, terminal.language),
        ListFormat::Html => page::html(found, terminal.language),
    }
}

fn exposures(world: &World, settings: &Settings, args: &ListArgs, terminal: Terminal) -> String {
    let found: Vec<exposure::Exposure> = exposure::exposure(world, settings)
        .into_iter()
        .filter(|line| args.focus.as_ref().is_none_or(|focus| line.workload.contains(focus)))
        .collect();
    let word =
        |line: &exposure::Exposure| if line.direction == Direction::Ingress { "ingress" } else { "egress" };
    let cells = |line: &exposure::Exposure| {
        let protected = if line.protected { "yes" } else { "no" };
        [
            line.workload.clone(),
            word(line).to_owned(),
            terminal.language.read(&line.peer),
            line.connections.to_string(),
            protected.to_owned(),
        ]
    };
    let headings = ["workload", "direction", "peer", "connections", "protected"];
    match args.format {
        ListFormat::Text | ListFormat::Table if found.is_empty() => terminal
            .language
            .pick(
                "Personne qui ne soit déclaré ne peut joindre ces charges, ni être joint par elles.\n",
                "Nobody undeclared can reach these workloads or be reached by them.\n",
            )
            .to_owned(),
        ListFormat::Json => {
            let list: Vec<serde_json::Value> = found
                .iter()
                .map(|line| {
                    serde_json::json!({"workload": line.workload, "direction": word(line), "peer": terminal.language.read(&line.peer),
                    "conn": line.connections.to_string(), "protected": line.protected})
                })
                .collect();
            format!("{}\n", serde_json::to_string_pretty(&list).unwrap_or_default())
        }
        ListFormat::Csv => {
            let mut out = text::csv_row(&headings, ',');
            found.iter().for_each(|line| {
                out.push_str(&text::csv_row(&cells(line).each_ref().map(String::as_str), ','))
            });
            out
        }
        ListFormat::Text => found
            .iter()
            .map(|line| match line.direction {
                Direction::Ingress => {
                    format!("{} <= {} : {}\n", line.workload, cells(line)[2], line.connections)
                }
                Direction::Egress => {
                    format!("{} => {} : {}\n", line.workload, cells(line)[2], line.connections)
                }
            })
            .collect(),
        _ => table::render(
            &headings,
            &found.iter().map(|line| cells(line).to_vec()).collect::<Vec<_>>(),
            terminal,
        ),
    }
}

/// IPv6 ranges are shown where a pod has such an address or when they are asked for.
fn show_ipv6(engine: &mut Engine, asked: bool, err: &mut dyn Write, terminal: Terminal) {
    let used = engine.world.pods.iter().flat_map(|pod| &pod.addresses).any(std::net::IpAddr::is_ipv6);
    if engine.ipv6 && !used && !asked {
        engine.ipv6 = false;
        // A remark that cannot be shown changes no answer.
        let _ = writeln!(
            err,
            "{}",
            terminal.language.read(&say!(
                "des règles parlent d'IPv6 et aucun pod n'a d'adresse IPv6 : --ipv6 montre aussi ces plages",
                "rules mention IPv6 and no pod has an IPv6 address: --ipv6 shows these ranges too"
            ))
        );
    }
}

fn engine_of(path: &Path, shared: &[PathBuf], err: &mut dyn Write) -> Result<Engine> {
    let mut paths = shared.to_vec();
    paths.push(path.to_owned());
    let mut world = inputs::world(&paths, err)?;
    lines::with_controller(&mut world);
    inputs::engine(world, &Settings::default())
}

/// Shows what can be reached now that could not be before.
pub fn diff(
    args: &DiffArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
    terminal: Terminal,
) -> Result<ExitStatus> {
    let mut before = engine_of(&args.before, &args.manifests, err)?;
    let mut after = engine_of(&args.after, &args.manifests, err)?;
    // Both sides speak of the same address families, or a side that mentions IPv6 would look like a change.
    before.ipv6 |= after.ipv6;
    after.ipv6 = before.ipv6;
    let before = lines::lines(&before, &before.graph(), &lines::Shown::default());
    let after = lines::lines(&after, &after.graph(), &lines::Shown::default());
    let changes = difference(&before, &after);
    let rendered = render_changes(&changes, &before, &after, args.format, terminal);
    deliver(&args.output, rendered.as_bytes(), out)?;
    Ok(if changes.is_empty() { ExitStatus::Success } else { ExitStatus::Findings })
}

fn render_changes(
    changes: &[Change],
    before: &[Line],
    after: &[Line],
    format: DiffFormat,
    terminal: Terminal,
) -> String {
    let row = |change: &Change| {
        let (old, new) = (change.before.to_string(), change.after.to_string());
        [change.word().to_owned(), change.source.clone(), change.destination.clone(), old, new]
    };
    let headings = ["change", "source", "destination", "before", "after"];
    let mut out = String::new();
    match format {
        DiffFormat::Csv => {
            out.push_str(&text::csv_row(&headings, ','));
            changes.iter().for_each(|change| {
                out.push_str(&text::csv_row(&row(change).each_ref().map(String::as_str), ','))
            });
        }
        DiffFormat::Json => {
            let list: Vec<serde_json::Value> = changes
                .iter()
                .map(|change| serde_json::json!({"change": change.word(), "src": change.source, "dst": change.destination,
                    "before": change.before.to_string(), "after": change.after.to_string()}))
                .collect();
            out = format!("{}\n", serde_json::to_string_pretty(&list).unwrap_or_default());
        }
        DiffFormat::Md => {
            out.push_str("| change | source | destination | before | after |\n|---|---|---|---|---|\n");
            changes.iter().for_each(|change| out.push_str(&format!("| {} |\n", row(change).join(" | "))));
        }
        DiffFormat::Text => {
            for change in changes {
                let (sign, colour) = match change.word() {
                    "added" => ('+', "32"),
                    "removed" => ('-', "31"),
                    _ => ('~', "33"),
                };
                let was = terminal.language.pick("avant :", "was");
                let detail = match sign {
                    '+' => change.after.to_string(),
                    '-' => change.before.to_string(),
                    _ => format!("{} ({was} {})", change.after, change.before),
                };
                let line = format!("{sign} {} => {} : {detail}", change.source, change.destination);
                match terminal.colour {
                    true => out.push_str(&format!("\u{1b}[{colour}m{line}\u{1b}[0m\n")),
                    false => out.push_str(&format!("{line}\n")),
                }
            }
            let (new, gone) = appeared(before, after);
            new.iter().for_each(|name| {
                out.push_str(&format!("  {} {name}\n", terminal.language.pick("nouveau :", "new:")))
            });
            gone.iter().for_each(|name| {
                out.push_str(&format!("  {} {name}\n", terminal.language.pick("disparu :", "gone:")))
            });
            if changes.is_empty() {
                out.push_str(
                    terminal
                        .language
                        .pick("Aucune différence de connectivité.\n", "No difference in connectivity.\n"),
                );
            }
        }
    }
    out
}
