//! How are folders read, watched and served, until somebody says stop?

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use intramuros_core::error::Error;
use intramuros_core::perimeter::Perimeter;
use intramuros_library::{Library, Phase};
use intramuros_server::{Application, Settings, Walls, check_address};

use crate::output::Output;
use crate::progress::{self, Style};
use crate::setup::{self, Where};

/// What to serve, and where.
#[derive(clap::Args)]
pub struct Args {
    /// The folders to read and watch; those declared in intramuros.toml when none is given
    #[arg(value_name = "FOLDER")]
    folders: Vec<PathBuf>,
    #[command(flatten)]
    at: Where,
    /// The address and port of the page and the API
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
}

/// Reads, watches and serves until interrupted.
///
/// # Errors
/// When a folder can't be read, the data folder is used by another process, or the address is taken.
pub fn run(args: &Args, out: &mut Output) -> Result<ExitCode, Error> {
    let (perimeter, data) = args.at.with_folders(&args.folders)?;
    let address = address(args, &perimeter)?;
    check_address(address)?;
    let settings = Settings { public_url: perimeter.server.public_url.clone(), ..Settings::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(setup::threads())
        .enable_all()
        .build()
        .map_err(|error| Error::internal("the server can't be started").because(error))?;
    // The address is taken before anything is read: a second program on it is told at once.
    let listener =
        runtime.block_on(tokio::net::TcpListener::bind(address)).map_err(|error| taken(address, error))?;
    let address = listener.local_addr().unwrap_or(address);
    let library = Arc::new(setup::open(perimeter, data)?);
    library.follow()?;
    out.line(&format!("Intramuros: {}", out.bold(&format!("http://{address}/"))));
    out.note("Everything stays on this machine. Stop with Ctrl+C.");
    let ended = Arc::new(AtomicBool::new(false));
    let shown = show_progress(&library, &ended, Style::of(out, false));
    let served = runtime.block_on(intramuros_server::serve(
        listener,
        Application { library: Arc::clone(&library), settings, walls: Walls::default() },
        interrupted(),
    ));
    ended.store(true, Ordering::Release);
    if let Some(shown) = shown {
        // It only shows; that it failed is no reason to fail.
        let _ = shown.join();
    }
    served.map(|()| ExitCode::SUCCESS)
}

fn address(args: &Args, perimeter: &Perimeter) -> Result<SocketAddr, Error> {
    args.listen.or_else(|| perimeter.server.listen.first().copied()).ok_or_else(|| {
        Error::config("no address to listen on")
            .hint("declare server.listen, or give --listen 127.0.0.1:7171")
    })
}

fn taken(address: SocketAddr, error: std::io::Error) -> Error {
    let next = SocketAddr::new(address.ip(), address.port().wrapping_add(1));
    Error::config(format!("{address} can't be listened on"))
        .because(error)
        .hint(format!("is the program running already? Otherwise choose another port: --listen {next}"))
}

/// Shows reading and embedding until everything is in step for the first time.
fn show_progress(
    library: &Arc<Library>,
    ended: &Arc<AtomicBool>,
    style: Style,
) -> Option<std::thread::JoinHandle<()>> {
    let (library, ended) = (Arc::clone(library), Arc::clone(ended));
    std::thread::Builder::new()
        .name("progress".to_owned())
        .spawn(move || {
            progress::follow(&library, style, &mut Output::new(), |progress| {
                let in_step = progress.phase == Phase::Idle
                    && progress.words_in_step
                    && progress.passages > 0
                    && progress.embedded >= progress.passages;
                in_step || ended.load(Ordering::Acquire)
            });
        })
        .ok()
}

/// Ctrl+C, or the signal by which services are stopped.
async fn interrupted() {
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => _ = signal.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminate => {}
    }
}
