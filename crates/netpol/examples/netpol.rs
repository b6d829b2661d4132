//! Runs `netpol` by itself, for trials: `cargo run -p intramuros-netpol --example netpol -- list -f FOLDER`.
use clap::Parser;
use intramuros_netpol::cli::{NetpolArgs, Terminal, run};
use std::process::ExitCode;

#[derive(Parser)]
struct Args {
    #[command(flatten)]
    netpol: NetpolArgs,
}

#[allow(clippy::print_stderr)]
fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args.netpol, &mut std::io::stdout(), &mut std::io::stderr(), Terminal::default()) {
        Ok(status) => ExitCode::from(status.code()),
        Err(error) => {
            eprintln!("error: {error}");
            error.hints.iter().for_each(|hint| eprintln!("  {hint}"));
            ExitCode::from(2)
        }
    }
}
