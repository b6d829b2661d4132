//! Environments on Kubernetes. The commands are in the crate `operator`; this gives them the terminal.

use std::process::ExitCode;

use intramuros_core::error::Error;
use intramuros_netpol::cli::Terminal;
use intramuros_operator::cli::{Env, Operator};

use crate::language::language;
use crate::output::Output;

/// Runs a command of `operator`.
///
/// # Errors
/// What the command says.
pub fn operator(args: &Operator, out: &mut Output) -> Result<ExitCode, Error> {
    let terminal = terminal(out);
    args.run(&mut out.writer(), terminal).map(ExitCode::from)
}

/// Runs a command of `env`.
///
/// # Errors
/// What the command says.
pub fn env(args: &Env, out: &mut Output) -> Result<ExitCode, Error> {
    let terminal = terminal(out);
    args.run(&mut out.writer(), terminal).map(ExitCode::from)
}

fn terminal(out: &Output) -> Terminal {
    Terminal { colour: out.colour(), width: out.width(), language: language() }
}
