//! How are folders read, watched and served, until somebody says stop?

use std::io::{ErrorKind as IoKind, IsTerminal};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use intramuros_core::error::Error;
use intramuros_core::perimeter::Perimeter;
use intramuros_dialogue::Writers;
use intramuros_ingest::Pool;
use intramuros_journal::Journal;
use intramuros_library::{Library, Phase};
use intramuros_netpol::language::Language;
use intramuros_perimeter::{load, notebook};
use intramuros_server::{Accounts, Application, Record, Seal, Settings, check_address};
use intramuros_sources::Declared;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::fetching;
use crate::forward::Forwarder;
use crate::output::Output;
use crate::people::{self, Secrets};
use crate::progress::{self, Style, Work};
use crate::reload::{Applied, Ask, Keeper};
use crate::setup::{self, Where};
use crate::walls::{self, Children, Walls};

/// What to serve, and where.
#[derive(clap::Args)]
pub struct Args {
    /// The folders to read and watch; those declared in intramuros.toml when none is given
    #[arg(value_name = "FOLDER")]
    folders: Vec<PathBuf>,
    #[command(flatten)]
    at: Where,
    /// The address and port of the page and the API; on any but this machine's own, people sign in
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Go on although the journal is not as it was written; NAME, who decides so, stays in it
    #[arg(long, value_name = "NAME")]
    accept_journal_break: Option<String>,
    /// Print a one-time code by which an owner comes in, though there is one already: theirs was lost
    #[arg(long)]
    owner_code: bool,
}

/// Reads, watches and serves until interrupted.
///
/// # Errors
/// When a folder can't be read, the data folder is used by another process, the address is taken, or the process can't
/// be sealed.
pub fn run(args: &Args, out: &mut Output) -> Result<ExitCode, Error> {
    let (perimeter, data) = args.at.with_folders(&args.folders)?;
    // Early, so that it is there when the walls are raised.
    let watcher = walls::watcher(&perimeter)?;
    // The addresses are taken before anything is read: a second program on one of them is told at once.
    let (listeners, addresses) = listen(&addresses(args, &perimeter)?)?;
    let secrets = Secrets::read(&perimeter, &addresses)?;
    for address in &addresses {
        check_address(*address, secrets.demanded())?;
    }
    let ocr = setup::ocr()?;
    let token = setup::token(&perimeter)?;
    let keeper = Keeper::start(&perimeter)?;
    let places = Declared::all(&perimeter)?;
    let known = keeper.iter().map(Keeper::process).collect();
    let forwarder = Forwarder::declared(&perimeter, &data)?;
    // What the file says by itself, to compare with what it will say.
    let declared = load::load(args.at.config.as_deref())?;
    // From here on the process reaches nothing that is not declared. No thread may run before.
    let children = Children { watcher, known };
    let mut walls =
        walls::raise(&perimeter, &data, ocr.as_ref(), args.accept_journal_break.clone(), children)?;
    if let Some(forwarder) = forwarder {
        forwarder.start(walls.egress.clone())?;
    }
    take_slips(data.clone(), walls.journal.clone())?;
    let words = walls::in_words(&perimeter, &walls, out.language());
    let runtime = setup::runtime(setup::threads(), "the server can't be started")?;
    let way_out = Some((&walls.egress, runtime.handle()));
    let library = Arc::new(setup::open(perimeter.clone(), data.clone(), ocr, way_out)?);
    library.follow()?;
    let fetching = fetching::follow(places, &walls, &library)?;
    let accounts = Arc::new(secrets.open(&perimeter, &data)?);
    // Before a line is printed: a model that can't be run is told in place of an address.
    let writers = Writers::new(&perimeter, &walls.egress)?;
    for address in &addresses {
        out.line(&format!("Intramuros: {}", out.bold(&format!("{}/", people::opened(address)))));
        if address.ip().is_unspecified() {
            out.note(out.pick(
                "À l’écoute de toutes les adresses de cette machine.",
                "Every address of this machine is listened on.",
            ));
        }
    }
    words.iter().for_each(|line| out.note(line));
    people::in_words(&perimeter, &accounts, &addresses, args.owner_code, out.language())?
        .iter()
        .for_each(|line| out.note(line));
    out.note(out.pick("Ctrl+C pour arrêter.", "Stop with Ctrl+C."));
    writers.warm();
    if let Some(writer) = writers.all().first() {
        let name = writer.name();
        out.note(&out.pick(
            format!("Les réponses sont rédigées par {name}, et vérifiées."),
            format!("Answers are written by {name}, and checked."),
        ));
    }
    let (look, looks) = setup::look(&perimeter)?;
    let application = Application {
        library,
        settings: Settings {
            accounts: Some(Arc::clone(&accounts)),
            trusted_proxies: perimeter.server.trusted_proxies.clone(),
            public_url: perimeter.server.public_url.clone(),
            token,
            look: Some(look),
            ..Settings::default()
        },
        walls: intramuros_server::Walls {
            places: fetching.clone(),
            ..server_walls(&perimeter, &data, &walls)
        },
        writers: Arc::new(writers),
    };
    let ask = match keeper {
        Some(keeper) => Some(keeper.follow(applied(declared, &walls, &application, accounts))?),
        None => None,
    };
    let served = serve(&runtime, listeners, application, ask, looks, Style::of(out, false));
    if let Some(fetching) = fetching {
        fetching.stop();
    }
    if let Some(told) = walls.told.take() {
        told.finish();
    }
    walls.journal.close();
    served.map(|()| ExitCode::SUCCESS)
}

/// Enters what commands in the terminal left for the journal, for as long as the program runs.
fn take_slips(data: PathBuf, journal: Journal) -> Result<(), Error> {
    /// Soon enough for whoever looks at the journal; one look at a folder that is nearly always empty.
    const LOOK_EVERY: Duration = Duration::from_secs(2);
    let take = move || {
        let mut well = true;
        loop {
            match notebook::take(&data, &journal) {
                Ok(_) => well = true,
                Err(error) if well => {
                    tracing::warn!(%error, "what commands did is not in the journal yet; it is tried again");
                    well = false;
                }
                Err(_) => {}
            }
            std::thread::sleep(LOOK_EVERY);
        }
    };
    std::thread::Builder::new()
        .name("slips".to_owned())
        .spawn(take)
        .map(drop)
        .map_err(|error| Error::internal("a thread can't be started").because(error))
}

/// Takes every address; gives the ports that the system chose where none was named.
fn listen(addresses: &[SocketAddr]) -> Result<(Vec<TcpListener>, Vec<SocketAddr>), Error> {
    let one = |address: &SocketAddr| -> Result<(TcpListener, SocketAddr), Error> {
        let wrong = |error| taken(*address, error);
        let listener = TcpListener::bind(address).map_err(wrong)?;
        listener.set_nonblocking(true).map_err(wrong)?;
        let address = listener.local_addr().unwrap_or(*address);
        Ok((listener, address))
    };
    Ok(addresses.iter().map(one).collect::<Result<Vec<_>, _>>()?.into_iter().unzip())
}

/// Serves until somebody says stop, and shows the progress meanwhile.
fn serve(
    runtime: &Runtime,
    listeners: Vec<TcpListener>,
    application: Application,
    ask: Option<Ask>,
    looks: Arc<Pool>,
    style: Style,
) -> Result<(), Error> {
    let library = Arc::clone(&application.library);
    let ended = Arc::new(AtomicBool::new(false));
    let shown = show_progress(&application.library, &ended, style);
    let served = runtime.block_on(async {
        let listeners = listeners.into_iter().map(tokio::net::TcpListener::from_std);
        let listeners = listeners
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| Error::internal("the server can't be started").because(error))?;
        let asked = tokio::spawn(asked(ask));
        let stop = async move {
            interrupted().await;
            // Before the last requests are answered: reading a scan takes minutes, and nobody waits for it any more.
            library.stop();
            looks.stop();
        };
        let served = intramuros_server::serve(listeners, application, stop).await;
        asked.abort();
        served
    });
    ended.store(true, Ordering::Release);
    if let Some(shown) = shown {
        // It only shows; that it failed is no reason to fail.
        let _ = shown.join();
    }
    served
}

/// Has the configuration read again at each SIGHUP, by which services are told so. In a terminal SIGHUP means that the
/// window was closed, and ends the program as ever.
async fn asked(mut ask: Option<Ask>) {
    if let Some(ask) = &mut ask
        && !std::io::stderr().is_terminal()
        && let Ok(mut signal) = signal(SignalKind::hangup())
    {
        while signal.recv().await.is_some() {
            ask.ask();
        }
    }
    // Kept until the end: its own end ends the keeper.
    std::future::pending().await
}

/// What a changed configuration reaches.
fn applied(
    declared: Perimeter,
    walls: &Walls,
    application: &Application,
    accounts: Arc<Accounts>,
) -> Applied {
    Applied {
        now: declared,
        sealed: walls.sealed.is_some().then(|| walls.plan.clone()),
        library: Arc::clone(&application.library),
        egress: walls.egress.clone(),
        writers: Arc::clone(&application.writers),
        accounts,
        record: application.walls.record.clone(),
        journal: walls.journal.clone(),
        tell: |line| Output::new().note(line),
    }
}

/// What the server is told of the walls around it.
fn server_walls(perimeter: &Perimeter, data: &Path, walls: &Walls) -> intramuros_server::Walls {
    intramuros_server::Walls {
        journal: Some(load::journal_folder(perimeter, data)),
        record: Record::new(walls.journal.clone(), &perimeter.journal),
        egress: Some(walls.egress.clone()),
        seal: Seal {
            sealed: walls.sealed.is_some(),
            // As the rest of the interface.
            summary: walls::in_words(perimeter, walls, Language::English)
                .into_iter()
                .next()
                .unwrap_or_default(),
            missing: walls.sealed.as_ref().map(|sealed| sealed.missing.clone()).unwrap_or_default(),
        },
        places: None,
    }
}

/// Where to listen: what the command line says, or everything that is declared.
fn addresses(args: &Args, perimeter: &Perimeter) -> Result<Vec<SocketAddr>, Error> {
    let addresses = args.listen.map_or_else(|| perimeter.server.listen.clone(), |address| vec![address]);
    if addresses.is_empty() {
        return Err(Error::config("no address to listen on")
            .hint("declare server.listen, or give --listen 127.0.0.1:7171"));
    }
    Ok(addresses)
}

fn taken(address: SocketAddr, error: std::io::Error) -> Error {
    let (ip, port) = (address.ip(), address.port());
    let hint = match error.kind() {
        IoKind::AddrNotAvailable => {
            let here = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            format!("{ip} is no address of this machine; {here} is one, for this machine alone")
        }
        IoKind::AddrInUse => {
            let next = SocketAddr::new(ip, port.wrapping_add(1));
            format!("is the program running already? Otherwise choose another port: --listen {next}")
        }
        _ => format!("choose another port: --listen {}", SocketAddr::new(ip, 7171)),
    };
    Error::config(format!("{address} can't be listened on")).because(error).hint(hint)
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
            progress::follow(&library, style, false, &mut Output::new(), |progress| {
                let in_step = progress.phase == Phase::Idle
                    && progress.words_in_step
                    && progress.passages > 0
                    && progress.embedded >= progress.passages;
                if in_step || ended.load(Ordering::Acquire) { Work::Done } else { Work::Goes }
            });
        })
        .ok()
}

/// Ctrl+C, or the signal by which services are stopped.
async fn interrupted() {
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => _ = signal.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminate => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_can_not_be_had_is_told_from_one_that_is_taken() {
        let check = |kind: IoKind, expected: &str| {
            let error = taken(SocketAddr::from(([10, 9, 9, 9], 7552)), kind.into());
            assert!(error.hints.iter().any(|hint| hint.contains(expected)), "{error:?}");
        };
        check(IoKind::AddrNotAvailable, "10.9.9.9 is no address of this machine; 127.0.0.1:7552");
        check(IoKind::AddrInUse, "--listen 10.9.9.9:7553");
        check(IoKind::PermissionDenied, "choose another port");
    }
}
