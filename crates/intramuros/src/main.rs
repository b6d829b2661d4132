//! What did the person ask the program to do?

mod commands;
mod compared;
mod fetching;
mod forward;
mod interruption;
mod language;
mod looking;
mod noted;
mod output;
mod people;
#[cfg(unix)]
mod private;
mod progress;
mod reasons;
mod refusals;
mod reload;
mod sets;
mod setup;
mod walls;
mod written;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser, Subcommand};
use intramuros_core::error::Error;

use crate::output::Output;

/// Search and answers over your own documents, inside your own walls.
///
/// `intramuros serve FOLDER` reads a folder, watches it, and serves a page on this machine. Nothing leaves it.
#[derive(Parser)]
#[command(name = "intramuros", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Read folders, watch them, and serve the page and the API on this machine
    Serve(commands::serve::Args),
    /// Read folders once, so that they can be searched
    Ingest(commands::ingest::Args),
    /// Search, and show the passages with where they stand
    Search(commands::search::Args),
    /// Answer a question with sentences of the documents, each with where it stands
    Ask(commands::ask::Args),
    /// Offer search and answers to another program over its pipes (Model Context Protocol)
    Mcp(commands::mcp::Args),
    /// Show what was read from a file, or why nothing was
    Extract(commands::extract::Args),
    /// List the files that were not read, and why
    Unread(commands::unread::Args),
    /// Show what is held, and whether everything is in step
    Status(commands::status::Args),
    /// Forget what was read from a source that is not declared any more
    Forget(commands::forget::Args),
    /// Copy everything that is held into a folder, while people work
    Backup(commands::backup::Args),
    /// Put a backup in place
    Restore(commands::restore::Args),
    /// Measure search and answers on sets whose right answers are known
    Eval(commands::eval::Args),
    /// Show who used which model for how much
    Usage(commands::usage::Args),
    /// Show, check, report and deploy what intramuros.toml declares
    Perimeter(intramuros_perimeter::cli::Perimeter),
    /// Verify and export the journal
    Journal(intramuros_perimeter::cli::Journal),
    /// Network policies from an authorised-flow matrix, proved by our own engine
    Netpol(intramuros_netpol::cli::NetpolArgs),
    /// Environments on demand: the program that keeps them, and what it needs
    #[cfg(feature = "operator")]
    Operator(intramuros_operator::cli::Operator),
    /// Environments: what exists, what is missing, why, since when, and how to get in
    #[cfg(feature = "operator")]
    Env(intramuros_operator::cli::Env),
    /// Write the completions of a shell to standard output
    Completions(commands::completions::Args),
    /// Read files for another process of this program
    #[command(hide = true)]
    Worker,
    /// Hand the configuration over to another process of this program when it changes
    #[command(hide = true)]
    Keeper(commands::keeper::Args),
    /// Answer and report what the kernel refuses another process of this program
    #[command(hide = true)]
    Watcher,
    /// Run a program that can reach nothing but its input and output
    #[command(hide = true)]
    Confined(commands::confined::Args),
}

fn main() -> ExitCode {
    let cli = parse();
    output::start_log();
    let mut out = Output::new();
    match run(&cli.command, &mut out) {
        Ok(code) => code,
        Err(error) => {
            out.error(&error);
            ExitCode::from(error.kind.exit_code())
        }
    }
}

/// Reads the command line. As a kubectl plugin, by that name, the program is `netpol` alone.
fn parse() -> Cli {
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    let name = arguments.first().map(std::path::PathBuf::from).unwrap_or_default();
    if name.file_name().is_some_and(|name| name == "kubectl-intramuros") {
        arguments.insert(1, "netpol".into());
    }
    Cli::try_parse_from(&arguments).unwrap_or_else(|mut error| {
        let invalid = error.get(ContextKind::InvalidArg).map(ToString::to_string);
        let invalid = invalid.filter(|_| error.kind() == ErrorKind::UnknownArgument);
        if let Some(tip) = invalid.and_then(|invalid| left_out(&arguments, &invalid)) {
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
        }
        error.exit()
    })
}

/// What to write where a word that is to be left out of a question, such as `-loyer`, was taken for an option.
fn left_out(arguments: &[OsString], invalid: &str) -> Option<String> {
    let command = arguments.get(1)?.to_str().filter(|command| ["search", "ask"].contains(command))?;
    let taken = |word: &&str| word.starts_with(invalid) && !word.starts_with("--");
    let word = arguments.iter().skip(2).filter_map(|word| word.to_str()).find(taken)?;
    let word = if word.contains(char::is_whitespace) { format!("'{word}'") } else { word.to_owned() };
    Some(format!("put `--` before a question that begins with a minus: `intramuros {command} -- {word}`"))
}

fn run(command: &Command, out: &mut Output) -> Result<ExitCode, Error> {
    match command {
        Command::Serve(args) => commands::serve::run(args, out),
        Command::Ingest(args) => commands::ingest::run(args, out),
        Command::Search(args) => commands::search::run(args, out),
        Command::Ask(args) => commands::ask::run(args, out),
        Command::Mcp(args) => commands::mcp::run(args),
        Command::Extract(args) => commands::extract::run(args, out),
        Command::Unread(args) => commands::unread::run(args, out),
        Command::Status(args) => commands::status::run(args, out),
        Command::Forget(args) => commands::forget::run(args, out),
        Command::Backup(args) => commands::backup::run(args, out),
        Command::Restore(args) => commands::restore::run(args, out),
        Command::Eval(args) => commands::eval::run(args, out),
        Command::Usage(args) => commands::usage::run(args, out),
        Command::Perimeter(args) => {
            args.run(setup::last(args.data()).as_ref(), &mut out.writer()).map(|()| ExitCode::SUCCESS)
        }
        Command::Journal(args) => {
            args.run(setup::last(args.data()).as_ref(), &mut out.writer()).map(|()| ExitCode::SUCCESS)
        }
        Command::Netpol(args) => commands::netpol::run(args, out),
        #[cfg(feature = "operator")]
        Command::Operator(args) => commands::operator::operator(args, out),
        #[cfg(feature = "operator")]
        Command::Env(args) => commands::operator::env(args, out),
        Command::Completions(args) => commands::completions::run(args, &mut Cli::command(), out),
        Command::Worker => commands::worker::run(),
        Command::Keeper(args) => commands::keeper::run(args),
        Command::Watcher => commands::watcher::run(),
        Command::Confined(args) => commands::confined::run(args),
    }
}
