//! How does an assistant on this machine search and ask here, over its pipes?

use std::process::ExitCode;
use std::sync::Arc;

use intramuros_core::error::Error;
use intramuros_dialogue::Writers;
use intramuros_perimeter::notebook::{Notebook, Slips};
use intramuros_server::{Application, Record, Settings, Walls, offer_tools};

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
/// asked through `serve`. What is called, asked and read is left in slips for whoever writes the journal: this runs for as
/// long as the other program likes, and must keep nobody from it.
///
/// # Errors
/// When nothing was read yet, or the process can't be sealed.
pub fn run(args: &Args) -> Result<ExitCode, Error> {
    let (perimeter, data) = args.at.last_used()?;
    let visitor = args.who.principal()?;
    // Before the seal: the journal's key may lie anywhere.
    Notebook::enter_what_waits(&perimeter, &data);
    walls::raise_for_looking(&perimeter, &data)?;
    let slips = Slips::in_folder(&data);
    let passing = Arc::new(move |event| slips.leave(event).map_err(|error| error.to_string()));
    let walls = Walls { record: Record::passed_on(passing, &perimeter.journal), ..Walls::default() };
    let public_url = perimeter.server.public_url.clone();
    let library = Arc::new(setup::open_read_only(perimeter, &data, None)?);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(setup::threads())
        // Not `enable_all`: what waits for signals and sockets needs a socket, which the seal refuses. Pipes don't.
        .enable_time()
        .build()
        .map_err(|error| Error::internal("the tools can't be offered").because(error))?;
    let application = Application {
        library,
        settings: Settings { visitor, public_url, ..Settings::default() },
        walls,
        writers: Arc::new(Writers::none()),
    };
    let offered = runtime.block_on(offer_tools(application));
    // A thread that still reads the pipe would keep the program.
    runtime.shutdown_background();
    offered.map(|()| ExitCode::SUCCESS)
}
