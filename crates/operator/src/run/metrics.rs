//! How is the operator doing, for a monitoring system? OpenMetrics, `/healthz`, `/readyz`. No name of a person, no
//! credential, and no label that grows without bound.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::edge::tally::Tally;

/// Largest request, in bytes. A probe sends some hundred.
const MAX_REQUEST: usize = 4096;

/// Time for a request.
const REQUEST_TIME: Duration = Duration::from_secs(5);

/// Requests at once: a kubelet and two collectors.
const AT_ONCE: usize = 8;

/// What is counted.
#[derive(Default)]
pub struct Metrics {
    /// Requests to the Kubernetes API.
    pub requests: Arc<Tally>,
    /// Looks at a resource.
    pub looks: AtomicU64,
    /// Looks that ended in a failure.
    pub failures: AtomicU64,
    /// Milliseconds that all looks took.
    pub milliseconds: AtomicU64,
    /// Environments that are ready.
    pub ready: AtomicU64,
    /// All environments.
    pub environments: AtomicU64,
    /// Keys that wait.
    pub waiting: AtomicU64,
    /// Whether this operator acts.
    pub leading: AtomicBool,
    /// Whether the first lists have been read.
    pub complete: AtomicBool,
}

impl Metrics {
    /// All of it as OpenMetrics text.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let number = |value: &AtomicU64| value.load(Ordering::Relaxed);
        let _ = writeln!(out, "# TYPE intramuros_operator_requests counter");
        for (kind, count) in self.requests.counts() {
            let _ = writeln!(
                out,
                "intramuros_operator_requests_total{{verb=\"{}\",group=\"{}\",resource=\"{}\"}} {count}",
                kind.verb, kind.group, kind.resource
            );
        }
        for (name, value) in [("looks", &self.looks), ("failures", &self.failures)] {
            let _ = writeln!(out, "# TYPE intramuros_operator_{name} counter");
            let _ = writeln!(out, "intramuros_operator_{name}_total {}", number(value));
        }
        let _ = writeln!(out, "# TYPE intramuros_operator_look_seconds counter");
        let _ = writeln!(
            out,
            "intramuros_operator_look_seconds_total {:.3}",
            number(&self.milliseconds) as f64 / 1000.0
        );
        for (name, value) in [
            ("environments", number(&self.environments)),
            ("environments_ready", number(&self.ready)),
            ("queue", number(&self.waiting)),
            ("leading", u64::from(self.leading.load(Ordering::Relaxed))),
        ] {
            let _ = writeln!(out, "# TYPE intramuros_operator_{name} gauge");
            let _ = writeln!(out, "intramuros_operator_{name} {value}");
        }
        out.push_str("# EOF\n");
        out
    }
}

/// Answers probes and collectors for ever.
pub async fn serve(listener: TcpListener, metrics: Arc<Metrics>) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely: that passes.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let metrics = Arc::clone(&metrics);
        tokio::spawn(async move {
            let _ = tokio::time::timeout(REQUEST_TIME, answer(stream, &metrics)).await;
            drop(place);
        });
    }
}

async fn answer(mut stream: TcpStream, metrics: &Metrics) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut piece = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") && request.len() < MAX_REQUEST {
        let length = stream.read(&mut piece).await?;
        if length == 0 {
            return Ok(());
        }
        request.extend_from_slice(&piece[..length]);
    }
    let line = String::from_utf8_lossy(&request);
    let path = line.split(' ').nth(1).unwrap_or_default();
    let (status, kind, body) = match path {
        "/metrics" => {
            ("200 OK", "application/openmetrics-text; version=1.0.0; charset=utf-8", metrics.text())
        }
        "/healthz" => ("200 OK", "text/plain", "ok\n".to_owned()),
        "/readyz" if metrics.complete.load(Ordering::Relaxed) || !metrics.leading.load(Ordering::Relaxed) => {
            ("200 OK", "text/plain", "ok\n".to_owned())
        }
        "/readyz" => ("503 Service Unavailable", "text/plain", "the first lists are being read\n".to_owned()),
        _ => ("404 Not Found", "text/plain", "not here\n".to_owned()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}
