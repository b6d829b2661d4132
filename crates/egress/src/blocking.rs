//! How does a caller without a runtime send a request?

use std::io::{self, Read, Write};

use http::{HeaderMap, StatusCode};
use intramuros_core::perimeter::Purpose;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;

use crate::connection::Connection;
use crate::{Egress, EgressError, Request};

/// The client for callers that wait. Not to be used from within a runtime.
pub struct Blocking {
    egress: Egress,
    runtime: Runtime,
}

/// An answer with its whole body.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Blocking {
    /// A waiting client over the same rules and accounts.
    ///
    /// # Errors
    /// When the system gives no means to wait for sockets.
    pub fn new(egress: Egress) -> Result<Blocking, EgressError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| EgressError::Setup(format!("no runtime could be made: {error}")))?;
        Ok(Blocking { egress, runtime })
    }

    /// Sends a request and waits for the whole answer.
    ///
    /// # Errors
    /// As [`Egress::send`] and [`crate::Response::chunk`].
    pub fn send(&self, request: Request) -> Result<Answer, EgressError> {
        // Between two calls nothing drives a connection that was kept, so none is.
        let request = Request { keep: false, ..request };
        self.runtime.block_on(async {
            let mut response = self.egress.send(request).await?;
            let body = response.bytes().await?;
            Ok(Answer { status: response.status, headers: std::mem::take(&mut response.headers), body })
        })
    }

    /// Opens a connection for another protocol, to be read and written as a stream.
    ///
    /// # Errors
    /// As [`Egress::connect`].
    pub fn connect(&self, purpose: Purpose, host: &str, port: u16) -> Result<Stream<'_>, EgressError> {
        let connection = self.runtime.block_on(self.egress.connect(purpose, host, port))?;
        Ok(Stream { connection, runtime: &self.runtime })
    }
}

/// A connection that is read and written by waiting.
pub struct Stream<'a> {
    connection: Connection,
    runtime: &'a Runtime,
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.runtime.block_on(self.connection.read(buffer))
    }
}

impl Write for Stream<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.runtime.block_on(self.connection.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.runtime.block_on(self.connection.flush())
    }
}
