//! May this connection be taken, and has its other end gone quiet?

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// Of all connections, one address may hold one in so many: whoever opens as many as they can leaves room for others.
const SHARE: usize = 2;

/// How many connections there are, and whose.
pub(crate) struct Connections {
    most: usize,
    /// Addresses that speak for many: they may hold all.
    proxies: Vec<IpAddr>,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// The place of one connection; dropped, it is free again.
pub(crate) struct Place {
    connections: Arc<Connections>,
    whose: IpAddr,
}

impl Connections {
    pub fn new(most: usize, proxies: Vec<IpAddr>) -> Arc<Connections> {
        Arc::new(Connections { most, proxies, held: Mutex::default() })
    }

    /// A place for a connection from an address; none when all are taken, or its share of them.
    pub fn take(self: &Arc<Connections>, address: IpAddr) -> Option<Place> {
        let whose = network(address);
        let share = if self.proxies.contains(&address) { self.most } else { self.most.div_ceil(SHARE) };
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let theirs = held.by_address.get(&whose).copied().unwrap_or(0);
        if held.all >= self.most || theirs >= share {
            return None;
        }
        held.all += 1;
        held.by_address.insert(whose, theirs + 1);
        Some(Place { connections: Arc::clone(self), whose })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.connections.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.all = held.all.saturating_sub(1);
        let left = held.by_address.get(&self.whose).map_or(0, |count| count.saturating_sub(1));
        if left == 0 {
            held.by_address.remove(&self.whose);
        } else {
            held.by_address.insert(self.whose, left);
        }
    }
}

/// What counts as one address: of IPv6 the network, since whoever has one address there has all of it.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

/// A stream that ends when nothing of what is written to it is taken for a while: whoever asks for much and reads
/// nothing would hold a connection, and what it waits with, for ever.
pub(crate) struct Patient<S> {
    stream: S,
    patience: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    pub fn new(stream: S, patience: Duration) -> Patient<S> {
        Patient { stream, patience, waiting: None }
    }

    /// Passes on what the stream says, and ends a wait that has gone on too long.
    fn judge<T>(&mut self, context: &mut Context<'_>, said: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if said.is_ready() {
            self.waiting = None;
            return said;
        }
        let patience = self.patience;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(patience)));
        if waiting.deadline() <= Instant::now() || waiting.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let said = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(context, said)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let said = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.judge(context, said)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let said = Pin::new(&mut self.stream).poll_flush(context);
        self.judge(context, said)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let said = Pin::new(&mut self.stream).poll_shutdown(context);
        self.judge(context, said)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[test]
    fn one_address_leaves_room_for_others_and_a_proxy_speaks_for_all() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let connections = Connections::new(4, vec![address("10.0.0.9")]);
        let mut held = Vec::new();
        let mut check = |from: &str, expected: bool| {
            let place = connections.take(address(from));
            assert_eq!(place.is_some(), expected, "{from}");
            held.extend(place);
        };
        check("192.0.2.1", true);
        check("192.0.2.1", true);
        check("192.0.2.1", false);
        check("::ffff:192.0.2.1", false);
        check("2001:db8::1", true);
        check("2001:db8::2", true);
        check("192.0.2.2", false);
        drop(held);
        let held: Vec<Place> = (0..5).map_while(|_| connections.take(address("10.0.0.9"))).collect();
        assert_eq!(held.len(), 4);
        drop(held);
        let held = connections.held.lock().unwrap();
        assert_eq!((held.all, held.by_address.len()), (0, 0));
    }

    #[tokio::test]
    async fn who_reads_nothing_is_given_up() {
        let (ours, theirs) = tokio::io::duplex(16);
        let mut ours = Patient::new(ours, Duration::from_millis(50));
        ours.write_all(b"what fits").await.unwrap();
        let begun = Instant::now();
        let fault = ours.write_all(&[0; 100]).await.unwrap_err();
        assert_eq!(fault.kind(), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() >= Duration::from_millis(50));
        drop(theirs);
    }
}
