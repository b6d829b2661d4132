//! How are doubles reached over HTTP, and how is the operator cut off in the middle of a call?

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::{Double, Shared};

/// When the next write is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fuse {
    /// The write is not carried out.
    Before,
    /// The write is carried out, and nobody learns of it.
    After,
}

/// What the test can do to a served double.
#[derive(Default)]
pub struct Control {
    /// Burnt by the write that comes after this many others.
    pub fuse: Mutex<Option<(Fuse, usize)>>,
    /// Told when a fuse burnt.
    pub burnt: Notify,
    /// Whether the peer is out of reach: every call is cut off.
    pub lost: AtomicBool,
    /// Text that a proper token must be; anything else is refused.
    pub token: Mutex<String>,
    /// Milliseconds that every answer takes.
    pub delay: std::sync::atomic::AtomicU64,
}

/// Serves a double below `prefix`; gives its address.
pub async fn serve<D: Double>(
    double: Shared<D>,
    control: Arc<Control>,
    prefix: &'static str,
    header: &'static str,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { return };
            let (double, control) = (Arc::clone(&double), Arc::clone(&control));
            let service = service_fn(move |request: Request<Incoming>| {
                answer(Arc::clone(&double), Arc::clone(&control), request, prefix, header)
            });
            tokio::spawn(async move {
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    address
}

/// What happens to this write.
fn burn(control: &Control) -> Option<Fuse> {
    let mut fuse = control.fuse.lock().unwrap();
    match fuse.take() {
        Some((fuse, 0)) => Some(fuse),
        Some((kind, left)) => {
            *fuse = Some((kind, left - 1));
            None
        }
        None => None,
    }
}

async fn answer<D: Double>(
    double: Shared<D>,
    control: Arc<Control>,
    request: Request<Incoming>,
    prefix: &str,
    header: &str,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else { return std::future::pending().await };
    let delay = control.delay.load(Ordering::Relaxed);
    if delay > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(delay)).await;
    }
    let mut response = Response::new(Full::default());
    if control.lost.load(Ordering::Relaxed) {
        *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
        return Ok(response);
    }
    let token = head.headers.get(header).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !token.ends_with(control.token.lock().unwrap().as_str()) {
        *response.status_mut() = http::StatusCode::UNAUTHORIZED;
        return Ok(response);
    }
    let writes = head.method != http::Method::GET;
    let fuse = if writes { burn(&control) } else { None };
    if fuse == Some(Fuse::Before) {
        control.burnt.notify_one();
        return std::future::pending().await;
    }
    let body: Value = serde_json::from_slice(&body.to_bytes()).unwrap_or(Value::Null);
    let path = head.uri.path().strip_prefix(prefix).unwrap_or(head.uri.path()).to_owned();
    let (status, answer) = double.lock().unwrap().handle(head.method.as_str(), &path, &body);
    if fuse == Some(Fuse::After) {
        control.burnt.notify_one();
        return std::future::pending().await;
    }
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
    if !answer.is_null() {
        *response.body_mut() = Full::from(answer.to_string());
    }
    Ok(response)
}
