//! How is another program kept to its input and output? It gets the seal first and then this process.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode};

use intramuros_core::error::Error;
use intramuros_ingest::ocr::end_with_parent;
use intramuros_seal::{Plan, apply_to_tool};

use crate::walls;

/// What to run.
#[derive(clap::Args)]
pub struct Args {
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

/// Gives up everything that the program does not need, and becomes it.
///
/// # Errors
/// When the kernel fails to seal it, or the program can't be started.
pub fn run(args: &Args) -> Result<ExitCode, Error> {
    use std::os::unix::process::CommandExt;
    let Some((program, arguments)) = args.command.split_first() else {
        return Err(Error::user("no program is named"));
    };
    end_with_parent();
    let plan = Plan::tool(Path::new(program), &walls::tool_folders());
    apply_to_tool(&plan).map_err(|error| Error::internal("the program can't be confined").because(error))?;
    let error = Command::new(program).args(arguments).exec();
    Err(Error::config(format!("{} can't be started", Path::new(program).display())).because(error))
}
