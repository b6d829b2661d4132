//! The report: in a terminal, as a page, as JSON.

use std::io::Write;
use std::path::Path;

use clap::ValueEnum;
use intramuros_core::error::Error;
use intramuros_journal::time::now_ms;
use intramuros_seal::{Places, Plan};

use super::{Last, Where, absolute, is_same, print, print_json};
use crate::{html, load, report};

/// `perimeter report`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    #[command(flatten)]
    pub(super) place: Where,
    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// For a terminal
    Text,
    /// One page with a picture of the walls, which loads nothing
    Html,
    /// For programs
    Json,
}

/// Prints the report.
///
/// # Errors
/// When the configuration or the journal can't be read, or the output not written.
pub fn run(args: &Args, last: Option<&Last>, out: &mut dyn Write) -> Result<(), Error> {
    let (perimeter, data) = args.place.load(last)?;
    let program = std::env::current_exe().unwrap_or_else(|_| "/usr/bin/intramuros".into());
    let plan = Plan::of(&perimeter, &Places { data: data.clone(), program, ..Places::default() });
    let seen = report::seen(&load::journal_folder(&perimeter, &data))?;
    let mut made = report::report(&perimeter, &plan, seen, now_ms())?;
    made.file = perimeter.file().map(|file| absolute(Path::new(file)).display().to_string());
    made.data = Some(data.display().to_string());
    if let Some(doubt) = doubt(&args.place, &data)? {
        made.open.insert(0, doubt);
    }
    match args.format {
        Format::Text => print(out, &report::to_text(&made, &plan)),
        Format::Html => print(out, &html::page(&made)),
        Format::Json => print_json(out, &made),
    }
}

/// What is to be said where a data folder is named, and the configuration that was found where the command runs declares another
/// one: it may be another program's.
fn doubt(place: &Where, data: &Path) -> Result<Option<String>, Error> {
    if place.config.is_some() || place.data.is_none() {
        return Ok(None);
    }
    let found = load::load(None)?;
    let declared = found.data.folder.as_deref().filter(|declared| !is_same(declared, data));
    Ok(found.file().zip(declared).map(|(file, declared)| {
        format!(
            "{} was found where the command runs, and is for the data folder {}: name the configuration of {} with `--config`",
            absolute(Path::new(file)).display(),
            declared.display(),
            data.display()
        )
    }))
}
