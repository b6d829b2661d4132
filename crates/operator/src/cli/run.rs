//! `operator run`: the program that keeps environments.

use std::net::SocketAddr;
use std::sync::Arc;

use intramuros_core::error::Error;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::Where;
use crate::run::metrics::{Metrics, serve};
use crate::run::{Context, End, Settings, run as operate};

/// Arguments of `operator run`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    #[command(flatten)]
    place: Where,
    /// Namespaces of environments, separated by commas; all of them when none is named
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    namespaces: Vec<String>,
    /// The operator's own namespace: credentials of peers, and the Lease (otherwise $POD_NAMESPACE, or intramuros-system)
    #[arg(long, value_name = "NAMESPACE")]
    home: Option<String>,
    /// Where metrics and probes are answered
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    metrics: SocketAddr,
    /// Let clusters answer on this machine (trials)
    #[arg(long)]
    loopback_clusters: bool,
}

/// Runs until a signal, or until another operator takes over (exit code 5: to be started again).
pub fn run(args: &Args) -> Result<u8, Error> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let metrics = Arc::new(Metrics::default());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Error::internal("no runtime").because(error))?;
    runtime.block_on(async {
        let (client, _) = args.place.client(&metrics.requests)?;
        let settings = Settings {
            // The chart passes an empty list as an empty text.
            namespaces: args.namespaces.iter().filter(|name| !name.is_empty()).cloned().collect(),
            home: args
                .home
                .clone()
                .or_else(|| variable("POD_NAMESPACE"))
                .unwrap_or_else(|| "intramuros-system".to_owned()),
            identity: variable("POD_NAME").unwrap_or_else(|| format!("process-{}", std::process::id())),
            loopback_clusters: args.loopback_clusters,
        };
        let listener = TcpListener::bind(args.metrics).await.map_err(|error| {
            Error::config(format!("metrics can't be answered at {}", args.metrics)).because(error)
        })?;
        tokio::spawn(serve(listener, Arc::clone(&metrics)));
        let stop = CancellationToken::new();
        let told = stop.clone();
        let mut terminate = signal(SignalKind::terminate())
            .map_err(|error| Error::internal("signals can't be received").because(error))?;
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            tracing::info!("told to stop: finishes what is under way");
            told.cancel();
        });
        let context = Arc::new(Context::new(client, settings, metrics));
        Ok(match operate(context, stop).await {
            End::Stopped => 0,
            End::Overtaken => 5,
        })
    })
}
