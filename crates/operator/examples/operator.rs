//! How is the operator tried without building the whole program? `cargo run -p intramuros-operator --example operator -- run`.

use std::process::ExitCode;

use clap::Parser;
use intramuros_netpol::report::Terminal;
use intramuros_operator::cli::{Env, Operator};

/// The commands of this crate.
#[derive(Parser)]
enum Commands {
    /// Environments, for people
    Env(Env),
    /// The operator
    #[command(flatten)]
    Operator(OperatorCommands),
}

/// The operator's own commands.
#[derive(clap::Subcommand)]
enum OperatorCommands {
    /// The program that keeps environments, and what it needs
    Operator(Operator),
}

#[expect(clippy::print_stderr, reason = "this is a command-line program")]
fn main() -> ExitCode {
    let mut out = std::io::stdout();
    let done = match Commands::parse() {
        Commands::Env(env) => env.run(&mut out, Terminal::default()),
        Commands::Operator(OperatorCommands::Operator(operator)) => {
            operator.run(&mut out, Terminal::default())
        }
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(error.kind.exit_code())
        }
    }
}
