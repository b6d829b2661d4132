//! How does an assistant on this machine search and ask here, over its pipes?

use std::process::ExitCode;
use std::sync::Arc;

use intramuros_core::error::Error;
use intramuros_dialogue::Writers;
use intramuros_server::{Application, Settings, Walls, offer_tools};

use crate::setup::{self, As, Where};
use crate::walls;

/// Whose documents.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    at: Where,
    #[command(flatten)]
    who: As,
}

/// Serves the tools until the other program closes its pipe. Answers are made of sentences of the documents: a model is
/// asked through `serve`, which keeps the journal.
///
/// # Errors
/// When nothing was read yet, or the process can't be sealed.
pub fn run(args: &Args) -> Result<ExitCode, Error> {
    let (perimeter, data) = args.at.last_used()?;
    let visitor = args.who.principal()?;
    walls::raise_for_looking(&perimeter, &data)?;
    let library = Arc::new(setup::open_read_only(perimeter, &data)?);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(setup::threads())
        // Not `enable_all`: what waits for signals and sockets needs a socket, which the seal refuses. Pipes don't.
        .enable_time()
        .build()
        .map_err(|error| Error::internal("the tools can't be offered").because(error))?;
    let application = Application {
        library,
        settings: Settings { visitor, ..Settings::default() },
        walls: Walls::default(),
        writers: Arc::new(Writers::none()),
    };
    let offered = runtime.block_on(offer_tools(application));
    // A thread that still reads the pipe would keep the program.
    runtime.shutdown_background();
    offered.map(|()| ExitCode::SUCCESS)
}
