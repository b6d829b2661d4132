//! How are calls carried to NetBird and Warpgate? Through a gate of `egress` that opens to this one peer.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use intramuros_core::perimeter::Purpose;
use intramuros_egress::{Egress, EgressError, Request};

use super::client::{gate, surroundings};
use crate::peers::{PeerError, Reply, Transport};

/// Longest wait for an answer. 20 s: a management server under load answers within seconds, and what takes longer is
/// better asked again.
const WAIT: Duration = Duration::from_secs(20);

/// Largest answer, in bytes. 32 MiB: ten thousand peers of 3 KB.
const MAX_ANSWER: u64 = 32 << 20;

/// Which peer, and so how it wants to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// NetBird: `Authorization: Token …`, paths below `/api`.
    Mesh,
    /// Warpgate: `X-Warpgate-Token`, paths below `/@warpgate/admin/api`.
    Bastion,
}

/// Where a peer is, and who we are to it.
#[derive(Clone)]
pub struct Place {
    /// Which peer.
    pub kind: Kind,
    /// Its address.
    pub url: String,
    /// Our token.
    pub token: String,
    /// The authorities that vouch for it, in PEM; the system's when none.
    pub authorities: Option<Vec<u8>>,
}

/// The way to a peer.
///
/// # Errors
/// When the address, the token or the certificates can't be used. Never the token itself.
pub fn transport(place: &Place) -> Result<Transport, String> {
    let purpose = match place.kind {
        Kind::Mesh => Purpose::Mesh,
        Kind::Bastion => Purpose::Bastion,
    };
    let egress = gate(purpose, &place.url, surroundings(place.authorities.as_deref(), None))
        .map_err(|error| error.to_string())?;
    let (name, value, below) = match place.kind {
        Kind::Mesh => ("authorization", format!("Token {}", place.token), ""),
        Kind::Bastion => ("x-warpgate-token", place.token.clone(), "/@warpgate/admin/api"),
    };
    let mut value = HeaderValue::from_str(&value)
        .map_err(|_| "the token holds characters that no header may hold".to_owned())?;
    value.set_sensitive(true);
    let base = format!("{}{below}", place.url.trim_end_matches('/'));
    Ok(Arc::new(move |call| {
        let (egress, base, value) = (egress.clone(), base.clone(), value.clone());
        Box::pin(async move {
            let mut request = Request::new(purpose, call.method, format!("{base}{}", call.path));
            request.headers.insert(name, value);
            if !call.body.is_null() {
                request
                    .headers
                    .insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                request.body = call.body.to_string().into();
            }
            request.wait = WAIT;
            request.answer_bytes = MAX_ANSWER;
            send(&egress, request).await.map_err(|error| PeerError::Unreachable(error.to_string()))
        })
    }))
}

async fn send(egress: &Egress, request: Request) -> Result<Reply, EgressError> {
    let reads = request.method == http::Method::GET;
    let mut answer = match egress.send(request.clone()).await {
        // A kept connection may have ended unseen; what only reads may be asked again.
        Err(error) if reads && error.is_passing() => egress.send(request).await?,
        answer => answer?,
    };
    Ok(Reply { status: answer.status.as_u16(), body: answer.bytes().await? })
}
