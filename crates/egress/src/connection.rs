//! How are bytes carried to a checked address, and counted?

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::EgressError;
use crate::account::Traffic;
use crate::rules::Refusal;

/// Time for a TCP connection to one address. 10 s: longer is not there.
const CONNECT_TIME: Duration = Duration::from_secs(10);

/// Time for the TLS handshake, or for a proxy to open the way. 15 s.
const HANDSHAKE_TIME: Duration = Duration::from_secs(15);

/// Largest answer of a proxy to CONNECT, in bytes. 8 KiB of headers.
const MAX_PROXY_ANSWER_BYTES: usize = 8192;

/// A connection that a rule allowed. What goes through it is counted; it ends with the value.
#[derive(Debug)]
pub struct Connection {
    stream: Stream,
    traffic: Arc<Traffic>,
    /// The address it went to (the proxy's, where there is one).
    pub address: SocketAddr,
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Connects to the first address that answers, and to no other than the given ones.
pub(crate) async fn reach(addresses: &[IpAddr], port: u16, to: &str) -> Result<TcpStream, EgressError> {
    let mut why = "it has no address".to_owned();
    for address in addresses {
        let socket = SocketAddr::new(*address, port);
        match tokio::time::timeout(CONNECT_TIME, TcpStream::connect(socket)).await {
            Ok(Ok(stream)) => {
                // What was checked and what was reached must be the same, whatever lies between.
                if stream.peer_addr().ok().map(|peer| peer.ip()) != Some(*address) {
                    return Err(Refusal::Elsewhere.into());
                }
                // Requests and answers are whole messages: waiting for more only delays them.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => why = format!("{address}: {error}"),
            Err(_) => why = format!("{address} did not answer within {} s", CONNECT_TIME.as_secs()),
        }
    }
    Err(EgressError::Unreachable { to: to.to_owned(), why })
}

/// Asks a proxy to open the way to `to`.
pub(crate) async fn through_proxy(
    mut stream: TcpStream,
    to: &str,
    credentials: Option<&str>,
) -> Result<TcpStream, EgressError> {
    let wrong =
        |why: String| EgressError::Unreachable { to: to.to_owned(), why: format!("the proxy: {why}") };
    let authorization =
        credentials.map_or_else(String::new, |encoded| format!("Proxy-Authorization: Basic {encoded}\r\n"));
    let request = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n{authorization}\r\n");
    let answer = async {
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        // Byte by byte: what follows the empty line belongs to the other end.
        while !answer.ends_with(b"\r\n\r\n") && answer.len() < MAX_PROXY_ANSWER_BYTES {
            answer.push(stream.read_u8().await?);
        }
        io::Result::Ok(answer)
    };
    let answer = tokio::time::timeout(HANDSHAKE_TIME, answer)
        .await
        .map_err(|_| EgressError::TimedOut { to: to.to_owned(), what: "the proxy's answer" })?
        .map_err(|error| wrong(error.to_string()))?;
    let line = String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned();
    let mut words = line.split(' ');
    match (words.next(), words.next()) {
        (Some("HTTP/1.1" | "HTTP/1.0"), Some("200")) if answer.ends_with(b"\r\n\r\n") => Ok(stream),
        _ => Err(wrong(format!("answers `{}`", line.chars().take(80).collect::<String>()))),
    }
}

/// Makes the connection one over TLS, in which the other end proves to be `host`.
pub(crate) async fn over_tls(
    stream: TcpStream,
    host: &str,
    settings: Arc<ClientConfig>,
    to: &str,
) -> Result<TlsStream<TcpStream>, EgressError> {
    let wrong = |why: String| EgressError::Tls { to: to.to_owned(), why };
    let name = ServerName::try_from(host.to_owned()).map_err(|error| wrong(error.to_string()))?;
    let handshake = TlsConnector::from(settings).connect(name, stream);
    tokio::time::timeout(HANDSHAKE_TIME, handshake)
        .await
        .map_err(|_| EgressError::TimedOut { to: to.to_owned(), what: "the TLS handshake" })?
        .map_err(|error| wrong(error.to_string()))
}

impl Connection {
    pub(crate) fn plain(stream: TcpStream, traffic: Arc<Traffic>, address: SocketAddr) -> Connection {
        Connection { stream: Stream::Plain(stream), traffic, address }
    }

    pub(crate) fn tls(
        stream: TlsStream<TcpStream>,
        traffic: Arc<Traffic>,
        address: SocketAddr,
    ) -> Connection {
        Connection { stream: Stream::Tls(Box::new(stream)), traffic, address }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = match &mut this.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        };
        ready!(read)?;
        this.traffic.bytes_in.fetch_add((buffer.filled().len() - before) as u64, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(match &mut this.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        })?;
        this.traffic.bytes_out.fetch_add(written as u64, Ordering::Relaxed);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(context),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
