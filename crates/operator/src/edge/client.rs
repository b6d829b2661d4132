//! How does kube's client reach an API server? Through a gate of `egress` that opens to this one server.
//!
//! kube brings its own TLS and connections unless it is given a service that sends its requests. Ours is that service:
//! the address is checked, the certificate must be vouched for by the server's own authority, and nothing but this
//! server can be reached with this client, whatever a resource says.

use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{BoxStream, StreamExt, try_unfold};
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use intramuros_core::perimeter::host::parse_url;
use intramuros_core::perimeter::{Egress as Rule, Perimeter, Purpose};
use intramuros_egress::{Egress, EgressError, Identity, Request as Outgoing, Surroundings};
use kube::client::Body;

use super::kubeconfig::{Server, Token};
use super::tally::{Kind, Tally};
use crate::peers::pace::Pace;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Longest wait for an answer, and between two pieces of it. 30 s: an API server gives up before.
const WAIT: Duration = Duration::from_secs(30);

/// Longest silence of a watch. kube asks servers to end a watch after 290 s; a little later it is lost.
const WATCH_WAIT: Duration = Duration::from_secs(300);

/// Largest answer, in bytes. 256 MiB: ten thousand objects of 25 KB.
const MAX_ANSWER: u64 = 256 << 20;

/// An egress client for one place, with nothing else open.
///
/// # Errors
/// When the address is none, or the certificates can't be used.
pub fn gate(purpose: Purpose, url: &str, surroundings: Surroundings) -> Result<Egress, EgressError> {
    let (tls, host, port, _) = parse_url(url).map_err(EgressError::Setup)?;
    let rule = Rule {
        host,
        port,
        purpose,
        operator: None,
        jurisdiction: None,
        data: None,
        until: None,
        addresses: Vec::new(),
        // What is declared here is named by the platform's team, and usually lies in a private network.
        private: true,
        tls,
        ca_file: None,
        certificate_file: None,
        key_file: None,
    };
    let mut perimeter = Perimeter::default();
    perimeter.egress.push(rule);
    let recorder = Arc::new(move |decision: &intramuros_egress::Decision| {
        // Admissions are the rule here; what is refused is worth a line.
        if let Err(why) = &decision.verdict {
            tracing::warn!(host = %decision.host, port = decision.port, why, "refused to leave");
        }
        Ok(())
    });
    Egress::new(&perimeter, surroundings, recorder)
}

/// What egress must know of this machine. Read once: five hundred clusters share it, and its certificates take
/// hundreds of kilobytes each time.
pub fn system() -> &'static Surroundings {
    static SYSTEM: OnceLock<Surroundings> = OnceLock::new();
    SYSTEM.get_or_init(Surroundings::of_system)
}

/// What egress must know, with other authorities than the system's where there are some.
pub fn surroundings(authorities: Option<&[u8]>, identity: Option<Identity>) -> Surroundings {
    let system = system();
    Surroundings {
        resolv_conf: system.resolv_conf.clone(),
        hosts: system.hosts.clone(),
        authorities: authorities.unwrap_or(&system.authorities).to_vec(),
        identity,
    }
}

/// kube's client for a server, which may be sent requests at this pace.
///
/// # Errors
/// When the address is none, or the certificates can't be used.
pub fn client(server: &Server, tally: &Arc<Tally>, pace: Pace) -> Result<kube::Client, EgressError> {
    let authorities = Some(server.authorities.as_slice()).filter(|known| !known.is_empty());
    let identity = server.identity.clone().map(|(certificate, key)| Identity { certificate, key });
    let surroundings = surroundings(authorities, identity);
    let door = Door {
        egress: gate(Purpose::Cluster, &server.url, surroundings)?,
        base: server.url.trim_end_matches('/').to_owned(),
        token: server.token.clone(),
        tally: Arc::clone(tally),
        pace: Arc::new(pace),
    };
    Ok(kube::Client::new(door, server.namespace.clone()))
}

/// Sends kube's requests through the gate.
#[derive(Clone)]
struct Door {
    egress: Egress,
    base: String,
    token: Token,
    tally: Arc<Tally>,
    pace: Arc<Pace>,
}

type Streamed = StreamBody<BoxStream<'static, Result<Frame<Bytes>, EgressError>>>;

impl tower_service::Service<Request<Body>> for Door {
    type Response = Response<Streamed>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let door = self.clone();
        Box::pin(async move { door.send(request).await })
    }
}

impl Door {
    async fn send(&self, request: Request<Body>) -> Result<Response<Streamed>, BoxError> {
        let (head, body) = request.into_parts();
        let path = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let kind = Kind::of(&head.method, head.uri.path(), head.uri.query().unwrap_or_default());
        let watch = kind.verb == "watch";
        let reads = !kind.writes();
        self.tally.count(kind);
        let mut outgoing = Outgoing::new(Purpose::Cluster, head.method, format!("{}{path}", self.base));
        // What frames a message is `egress`' to set.
        for name in [http::header::CONTENT_TYPE, http::header::ACCEPT] {
            if let Some(value) = head.headers.get(&name) {
                outgoing.headers.insert(name, value.clone());
            }
        }
        if let Some(token) = self.token.read()? {
            outgoing = outgoing.bearer(&token)?;
        }
        outgoing.body = body.collect().await?.to_bytes();
        outgoing.wait = if watch { WATCH_WAIT } else { WAIT };
        outgoing.answer_bytes = if watch { u64::MAX } else { MAX_ANSWER };
        self.pace.turn().await;
        let answer = match self.egress.send(outgoing.clone()).await {
            // A kept connection may have ended unseen; what only reads may be asked again.
            Err(error) if reads && error.is_passing() => self.egress.send(outgoing).await?,
            answer => answer?,
        };
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            self.pace.rest();
        }
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::from_u16(answer.status.as_u16())?;
        *response.headers_mut() = answer.headers.clone();
        let pieces = try_unfold(answer, |mut answer| async move {
            Ok(answer.chunk().await?.map(|bytes| (Frame::data(bytes), answer)))
        });
        Ok(response.map(|()| StreamBody::new(pieces.boxed())))
    }
}
