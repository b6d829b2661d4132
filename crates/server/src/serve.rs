//! How are connections taken, limited and brought to an end?

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use intramuros_core::error::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tower_service::Service;

use crate::api::attachments;
use crate::application::{Application, Shared};
use crate::connections::{Connections, Patient};
use crate::guard::Peer;
use crate::limits::{HEAD_TIME, MAX_HEAD_BYTES, SHUTDOWN_TIME, UNREAD_TIME};
use crate::programs::mcp;
use crate::{progress, router};

/// After a connection that could not be taken (too many open files), how long until the next is tried.
const AFTER_A_FAULT: Duration = Duration::from_millis(100);

/// Whether the server may listen on an address: only on this machine's own, unless people sign in.
///
/// # Errors
/// When other machines could connect and nobody would have to sign in.
pub fn check_address(address: SocketAddr, people_sign_in: bool) -> Result<(), Error> {
    if address.ip().is_loopback() || people_sign_in {
        return Ok(());
    }
    let port = address.port();
    Err(Error::config(format!(
        "{address} can be reached from other machines, and nobody would have to sign in"
    ))
    .hint(format!("listen on this machine alone: --listen 127.0.0.1:{port}"))
    .hint("from elsewhere, reach it through `ssh -L`, which asks who you are"))
}

/// Serves the page and the API until `shutdown` comes to its end, then lets open requests finish.
///
/// # Errors
/// When other machines could connect to a listener's address without signing in, and when no address can be told.
pub async fn serve(
    listeners: Vec<TcpListener>,
    application: Application,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), Error> {
    let unknown = |error| Error::config("the listening address can't be told").because(error);
    let addresses =
        listeners.iter().map(TcpListener::local_addr).collect::<Result<Vec<_>, _>>().map_err(unknown)?;
    let people_sign_in = application.settings.accounts.as_ref().is_some_and(|accounts| accounts.demanded);
    for address in &addresses {
        check_address(*address, people_sign_in)?;
    }
    let (stop, stopping) = watch::channel(false);
    let progress = progress::follow(Arc::clone(&application.library), stopping.clone());
    let settings = &application.settings;
    let connections = Connections::new(settings.limits.connections, settings.trusted_proxies.clone());
    let shared = Arc::new(Shared::new(application, &addresses, progress, stopping));
    attachments::keep_tidy(Arc::clone(&shared));
    let router = router::router(shared);
    let graceful = GracefulShutdown::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listeners) => match accepted {
                Ok((stream, peer)) => {
                    // Above the limit the connection is closed at once: waiting would keep it open for ever.
                    if let Some(place) = connections.take(peer.ip()) {
                        let connection = graceful.watch(connection(stream, peer, router.clone()));
                        tokio::spawn(async move {
                            // Clients that go away are no fault.
                            let _ = connection.await;
                            drop(place);
                        });
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(AFTER_A_FAULT).await;
                }
            },
        }
    }
    drop(listeners);
    // Event streams end by themselves when they see this; everything else is short.
    let _ = stop.send(true);
    if tokio::time::timeout(SHUTDOWN_TIME, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests were cut short");
    }
    Ok(())
}

/// The next connection on any of the addresses.
async fn accept(listeners: &[TcpListener]) -> std::io::Result<(TcpStream, SocketAddr)> {
    let waiting = listeners.iter().map(|listener| Box::pin(listener.accept()));
    futures_util::future::select_all(waiting).await.0
}

fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: axum::Router,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> + Send {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer.ip()));
        let mut router = router.clone();
        let request: Request = request.map(Body::new);
        async move { Ok::<_, Infallible>(router.call(request).await.unwrap_or_else(|never| match never {})) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(Patient::new(stream, UNREAD_TIME)), service)
}

/// Offers the tools of the Model Context Protocol over this process' own pipes, until the other side closes them.
///
/// # Errors
/// When the other side does not speak the protocol.
pub async fn offer_tools(application: Application) -> Result<(), Error> {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let is_served = application.settings.public_url.is_some();
    let (_stop, stopping) = watch::channel(false);
    let progress = progress::follow(Arc::clone(&application.library), stopping.clone());
    let shared = Arc::new(Shared::new(application, &[nowhere], progress, stopping));
    mcp::over_pipes(&shared, is_served).await
}
