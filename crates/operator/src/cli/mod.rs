//! What do `intramuros operator …` and `intramuros env …` do? One file per command.

mod check;
mod env;
mod manifests;
mod matrix;
mod run;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use intramuros_core::error::Error;
use intramuros_netpol::report::Terminal;

use crate::edge::client::client;
use crate::edge::kubeconfig::Server;
use crate::edge::tally::Tally;
use crate::peers::pace::Pace;

/// Environments on demand: the program that keeps them, and what it needs.
#[derive(Args, Clone, Debug)]
pub struct Operator {
    #[command(subcommand)]
    command: OperatorCommand,
}

#[derive(Subcommand, Clone, Debug)]
enum OperatorCommand {
    /// Keep every environment as declared, until stopped
    Run(run::Args),
    /// Write what must be applied to a cluster first: resource types, rights, the program
    Manifests(manifests::Args),
    /// Show what would be made, changed and deleted, and do nothing
    Check(check::Args),
}

/// Environments: what exists, what is missing, why, since when, and how to get in.
#[derive(Args, Clone, Debug)]
pub struct Env {
    #[command(subcommand)]
    command: env::Command,
}

/// Which cluster holds the environments.
#[derive(Args, Clone, Debug, Default)]
pub struct Where {
    /// The kubeconfig of the management cluster (otherwise $KUBECONFIG, ~/.kube/config, or the pod's account)
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// A context of it
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
}

impl Where {
    /// The server.
    fn server(&self) -> Result<Server, Error> {
        let given = self.kubeconfig.clone().or_else(|| std::env::var_os("KUBECONFIG").map(PathBuf::from));
        let usual = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".kube/config"));
        let file = given.or_else(|| usual().filter(|path| path.exists()));
        let server = match &file {
            Some(path) => Server::of_file(path, self.context.as_deref()),
            None => Server::of_pod(),
        };
        server.map_err(|why| Error::config(why).hint("name a kubeconfig with --kubeconfig"))
    }

    /// A client, its requests counted here. To be called inside a runtime: the client keeps a task of its own.
    fn client(&self, tally: &Arc<Tally>) -> Result<(kube::Client, Server), Error> {
        let server = self.server()?;
        Ok((client(&server, tally, Pace::of_management())?, server))
    }
}

impl Operator {
    /// Runs the command.
    ///
    /// # Errors
    /// What stands in the way.
    pub fn run(&self, out: &mut dyn Write, terminal: Terminal) -> Result<u8, Error> {
        match &self.command {
            OperatorCommand::Run(args) => run::run(args),
            OperatorCommand::Manifests(args) => manifests::run(args, out).map(|()| 0),
            OperatorCommand::Check(args) => check::run(args, out, terminal),
        }
    }

    /// Whether the command is the long-running one, whose log says more than warnings.
    pub fn serves(&self) -> bool {
        matches!(self.command, OperatorCommand::Run(_))
    }
}

impl Env {
    /// Runs the command.
    ///
    /// # Errors
    /// What stands in the way.
    pub fn run(&self, out: &mut dyn Write, terminal: Terminal) -> Result<u8, Error> {
        env::run(&self.command, out, terminal)
    }
}

/// A runtime for commands that ask once.
fn wait<T>(future: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Error::internal("no runtime").because(error))?.block_on(future)
}

/// What the API server answers, for a person.
fn refused(error: &kube::Error) -> Error {
    use intramuros_core::error::ErrorKind;
    Error::new(ErrorKind::Peer, crate::run::plain(error))
}

fn written(result: std::io::Result<()>) -> Result<(), Error> {
    result.map_err(|error| Error::config("the output can't be written").because(error))
}
