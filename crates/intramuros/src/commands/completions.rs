//! Which words complete a half-typed command?

use std::process::ExitCode;

use clap_complete::Shell;
use intramuros_core::error::Error;

use crate::output::Output;

/// The shell.
#[derive(clap::Args)]
pub struct Args {
    /// The shell: bash, zsh, fish, elvish or powershell
    shell: Shell,
}

/// Writes the completions.
///
/// # Errors
/// Never.
pub fn run(args: &Args, command: &mut clap::Command, out: &mut Output) -> Result<ExitCode, Error> {
    // Into memory first: what can't be written is told by the writer, while the generator would panic.
    let mut words = Vec::new();
    clap_complete::generate(args.shell, command, "intramuros", &mut words);
    // The writer ends the program where it fails.
    let _ = std::io::Write::write_all(&mut out.writer(), &words);
    Ok(ExitCode::SUCCESS)
}
