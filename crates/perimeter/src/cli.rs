//! Which commands are there, and what do they print?
//!
//! For the binary: `Perimeter` and `Journal` are the subcommands' arguments; their `run` writes the result to `out` and
//! gives errors with their hints.

pub mod check;
pub mod deploy;
pub mod journal;
pub mod report;
pub mod show;

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use intramuros_core::error::Error;
use intramuros_core::perimeter::Perimeter as Declared;

use crate::{load, sbom};

/// Which configuration and which data folder.
#[derive(Args, Clone, Debug, Default)]
pub struct Where {
    /// The configuration; `intramuros.toml` here or in /etc/intramuros when not given.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The data folder.
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
}

/// What was served without a configuration: into the data folder that a command is given, or else last.
#[derive(Clone, Debug)]
pub struct Last {
    /// The data folder.
    pub data: PathBuf,
    /// The folders of documents.
    pub folders: Vec<PathBuf>,
}

impl Where {
    fn load(&self, last: Option<&Last>) -> Result<(Declared, PathBuf), Error> {
        let mut declared = load::load(self.config.as_deref())?;
        if let Some(last) = last.filter(|_| declared.file().is_none()) {
            if self.data.is_none() {
                declared.data.folder = Some(last.data.clone());
            }
            if self.data.as_deref().is_none_or(|data| is_same(data, &last.data)) {
                last.folders.iter().for_each(|folder| declared.add_folder(folder));
            }
        }
        if let Some(data) = &self.data {
            declared.data.folder = Some(absolute(data));
            declared.set_by_command("data.folder", "--data");
        }
        let data = load::data_folder(&declared);
        Ok((declared, data))
    }
}

/// Whether two paths lead to the same place.
pub fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| absolute(path));
    real(one) == real(other)
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// What is declared, what enforces it, and what went through.
#[derive(Args, Clone, Debug)]
pub struct Perimeter {
    #[command(subcommand)]
    command: PerimeterCommand,
}

#[derive(Subcommand, Clone, Debug)]
enum PerimeterCommand {
    /// Show what is declared, or every value that holds and where it comes from
    Show(show::Args),
    /// Check the configuration, and say what to look at
    Check(check::Args),
    /// Every way in and out, with what went through it
    Report(report::Args),
    /// Write the same perimeter for systemd, Kubernetes, Cilium or nftables
    Deploy(deploy::Args),
    /// Print the JSON Schema of intramuros.toml
    Schema,
    /// Print the components of the program as CycloneDX
    Sbom,
}

impl Perimeter {
    /// The data folder that is named.
    pub fn data(&self) -> Option<&Path> {
        let place = match &self.command {
            PerimeterCommand::Show(args) => &args.place,
            PerimeterCommand::Check(args) => &args.place,
            PerimeterCommand::Report(args) => &args.place,
            PerimeterCommand::Deploy(args) => &args.place,
            PerimeterCommand::Schema | PerimeterCommand::Sbom => return None,
        };
        place.data.as_deref()
    }

    /// Runs the command; `last` stands in where no configuration is named or found.
    ///
    /// # Errors
    /// What went wrong, for a person.
    pub fn run(&self, last: Option<&Last>, out: &mut dyn Write) -> Result<(), Error> {
        match &self.command {
            PerimeterCommand::Show(args) => show::run(args, last, out),
            PerimeterCommand::Check(args) => check::run(args, last, out),
            PerimeterCommand::Report(args) => report::run(args, last, out),
            PerimeterCommand::Deploy(args) => deploy::run(args, last, out),
            PerimeterCommand::Schema => print_json(out, &crate::schema()),
            PerimeterCommand::Sbom => print_json(out, &sbom::cyclonedx()?),
        }
    }
}

/// The record of what happened.
#[derive(Args, Clone, Debug)]
pub struct Journal {
    #[command(subcommand)]
    command: JournalCommand,
}

#[derive(Subcommand, Clone, Debug)]
enum JournalCommand {
    /// Check that nothing in the journal was changed, cut or moved, and say where otherwise
    Verify(journal::VerifyArgs),
    /// Print entries, as JSON Lines or as syslog messages
    Export(journal::ExportArgs),
}

impl Journal {
    /// The data folder that is named.
    pub fn data(&self) -> Option<&Path> {
        let place = match &self.command {
            JournalCommand::Verify(args) => &args.place,
            JournalCommand::Export(args) => &args.place,
        };
        place.data.as_deref()
    }

    /// Runs the command; `last` stands in where no configuration is named or found.
    ///
    /// # Errors
    /// What went wrong, for a person; for `verify`, that the journal is not whole.
    pub fn run(&self, last: Option<&Last>, out: &mut dyn Write) -> Result<(), Error> {
        match &self.command {
            JournalCommand::Verify(args) => journal::verify(args, last, out),
            JournalCommand::Export(args) => journal::export(args, last, out),
        }
    }
}

fn print(out: &mut dyn Write, text: &str) -> Result<(), Error> {
    out.write_all(text.as_bytes()).map_err(|error| Error::user("the output can't be written").because(error))
}

fn print_json(out: &mut dyn Write, value: &impl serde::Serialize) -> Result<(), Error> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Error::internal("can't be written as JSON").because(error))?;
    print(out, &(text + "\n"))
}
