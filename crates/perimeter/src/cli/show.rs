//! What is declared, and where does each value come from?

use std::io::Write;
use std::path::Path;

use intramuros_core::error::Error;
use intramuros_core::perimeter::FILE_NAME;
use intramuros_journal::Event;
use intramuros_journal::read::{Filter, each};

use super::{Last, Where, print, print_json};
use crate::{change, load};

/// `perimeter show`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    #[command(flatten)]
    pub(super) place: Where,
    /// Every value that holds, defaults included, with where it comes from
    #[arg(long)]
    effective: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Prints the values.
///
/// # Errors
/// When the configuration has mistakes or the output can't be written.
pub fn run(args: &Args, last: Option<&Last>, out: &mut dyn Write) -> Result<(), Error> {
    let (perimeter, data) = args.place.load(last)?;
    let file = perimeter.file().unwrap_or(FILE_NAME).to_owned();
    let shown: Vec<_> = perimeter
        .effective()
        .into_iter()
        .filter(|value| args.effective || value.origin != intramuros_core::perimeter::Origin::Default)
        .collect();
    if args.json {
        let rows: Vec<_> = shown
            .iter()
            .map(|value| serde_json::json!({"path": value.path, "value": value.value, "origin": value.origin.in_words(&file)}))
            .collect();
        return print_json(out, &rows);
    }
    let width = shown
        .iter()
        .map(|value| value.path.chars().count() + value.value.chars().count() + 3)
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for value in &shown {
        let left = format!("{} = {}", value.path, value.value);
        let restart = if args.effective { change::needs_restart(&value.path) } else { None };
        let restart = restart.map_or("", |_| "; a change needs a restart");
        text.push_str(&format!("{left:width$}  # {}{restart}\n", value.origin.in_words(&file)));
    }
    if text.is_empty() {
        text.push_str("Nothing is declared; `--effective` shows the defaults that hold.\n");
    }
    if let Some(waits) = waiting(&load::journal_folder(&perimeter, &data)) {
        text.push_str(&format!("After a restart of the program: {waits}\n"));
    }
    print(out, &text)
}

/// What the program that was started last could not take over, as its journal says.
fn waiting(folder: &Path) -> Option<String> {
    let kinds = ["started", "configuration_changed"].map(str::to_owned).to_vec();
    let mut waits = None;
    let read = each(folder, &Filter { kinds, ..Filter::default() }, |entry, _| {
        match &entry.event {
            Event::ConfigurationChanged { change: Some(change), .. } if change::was_taken(change) => {
                waits = change.split_once(change::NEEDS_RESTART).map(|(_, names)| names.to_owned());
            }
            Event::Started { .. } => waits = None,
            _ => {}
        }
        true
    });
    read.ok().and(waits)
}
