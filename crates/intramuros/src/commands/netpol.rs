//! Who can reach whom? The commands are in the crate `netpol`; this shows what they return.

use std::process::ExitCode;

use intramuros_core::error::{Error, ErrorKind};
use intramuros_netpol::cli::{NetpolArgs, Terminal};

use crate::language::language;
use crate::output::Output;

/// Runs a command of `netpol`.
///
/// # Errors
/// What the command says.
pub fn run(args: &NetpolArgs, out: &mut Output) -> Result<ExitCode, Error> {
    let terminal = Terminal { colour: out.colour(), width: out.width(), language: language() };
    match intramuros_netpol::cli::run(args, &mut out.writer(), &mut std::io::stderr(), terminal) {
        Ok(status) => Ok(ExitCode::from(status.code())),
        Err(error) => {
            let mut shown = Error::new(ErrorKind::Config, error.message.clone());
            shown.hints = error.hints.clone();
            Err(shown)
        }
    }
}
