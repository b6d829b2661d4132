//! What does the running operator do? Watches fill tables, changes put keys into a queue, workers look at one key at a
//! time: read the tables, ask the planners, act, write down what holds.

pub mod connections;
pub mod context;
pub mod environment;
pub mod isolation;
pub mod lease;
pub mod matrix;
pub mod metrics;
pub mod preview;
pub mod queue;
pub mod rows;
pub mod status;
pub mod table;
mod verdicts;
pub mod watches;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use context::{Context, Settings, What};
use queue::Outcome;

use crate::resources::Environment;

/// The name of the Lease.
const LEASE: &str = "intramuros-operator";

/// Workers. They wait for peers most of the time; 16 keep the pace of one peer.
const WORKERS: usize = 16;

/// Time that work under way gets when the operator stops.
const STOP_TIME: Duration = Duration::from_secs(20);

/// Why the operator ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// It was told to stop.
    Stopped,
    /// Another operator holds the Lease now. Start again.
    Overtaken,
}

/// Runs until `stop`. Waits for the Lease first.
pub async fn run(context: Arc<Context>, stop: CancellationToken) -> End {
    let api: Api<Lease> = Api::namespaced(context.client.clone(), &context.settings.home);
    let mut leadership = lease::Leadership::new(api, LEASE, &context.settings.identity);
    loop {
        match leadership.hold().await {
            Ok(true) => break,
            Ok(false) => tracing::debug!("another operator holds the Lease"),
            Err(error) => tracing::warn!(error = %plain(&error), "the Lease can't be asked for"),
        }
        tokio::select! {
            () = stop.cancelled() => return End::Stopped,
            () = tokio::time::sleep(lease::RENEW / 2) => {}
        }
    }
    context.metrics.leading.store(true, Ordering::Relaxed);
    tracing::info!(identity = context.settings.identity, "holds the Lease and begins");
    let mut watches = watches::start(&context);
    let work = stop.child_token();
    let mut workers = JoinSet::new();
    for _ in 0..WORKERS {
        workers.spawn(worker(Arc::clone(&context), work.clone()));
    }
    let end = keep(&mut leadership, &stop).await;
    work.cancel();
    let finish = async { while workers.join_next().await.is_some() {} };
    if tokio::time::timeout(STOP_TIME, finish).await.is_err() {
        tracing::warn!("work under way did not end in time; the next operator goes on with it");
    }
    watches.shutdown().await;
    if end == End::Stopped {
        leadership.release().await;
    }
    end
}

/// Renews the Lease until it is lost or the operator is told to stop.
async fn keep(leadership: &mut lease::Leadership, stop: &CancellationToken) -> End {
    let mut renewed = Instant::now();
    loop {
        tokio::select! {
            () = stop.cancelled() => return End::Stopped,
            () = tokio::time::sleep(lease::RENEW) => {}
        }
        match leadership.hold().await {
            Ok(true) => renewed = Instant::now(),
            Ok(false) => {
                tracing::error!("another operator took the Lease");
                return End::Overtaken;
            }
            Err(error) => tracing::warn!(error = %plain(&error), "the Lease was not renewed"),
        }
        // Stop before another may begin.
        if renewed.elapsed() + lease::RENEW > lease::HOLDS {
            tracing::error!("the Lease could not be renewed in time");
            return End::Overtaken;
        }
    }
}

async fn worker(context: Arc<Context>, stop: CancellationToken) {
    while !context.complete() {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
        }
    }
    context.metrics.complete.store(true, Ordering::Relaxed);
    loop {
        let what = tokio::select! {
            () = stop.cancelled() => return,
            what = context.queue.take() => what,
        };
        let begun = Instant::now();
        let outcome = match &what {
            What::Environment(namespace, name) => environment::look(&context, namespace, name).await,
            What::Mesh(name) => connections::look_at_mesh(&context, name).await,
            What::Bastion(name) => connections::look_at_bastion(&context, name).await,
        };
        let metrics = &context.metrics;
        metrics.looks.fetch_add(1, Ordering::Relaxed);
        metrics.milliseconds.fetch_add(begun.elapsed().as_millis() as u64, Ordering::Relaxed);
        if outcome == Outcome::Failed {
            metrics.failures.fetch_add(1, Ordering::Relaxed);
        }
        let environments = &context.tables.environments;
        metrics.environments.store(environments.count(|_| true) as u64, Ordering::Relaxed);
        metrics.ready.store(environments.count(Environment::is_ready) as u64, Ordering::Relaxed);
        context.queue.done(&what, outcome);
        metrics.waiting.store(context.queue.len() as u64, Ordering::Relaxed);
    }
}

/// What an API server or the way to it says, without the body of any object.
pub fn plain(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => format!("{} ({})", status.message, status.code),
        kube::Error::SerdeError(_) => "the answer is not understood".to_owned(),
        // What `egress` says: who could not be reached, and why.
        kube::Error::Service(error) => error.to_string(),
        other => other.to_string(),
    }
}
