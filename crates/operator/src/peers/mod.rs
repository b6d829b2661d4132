//! How are the mesh and the bastion asked, and how is what they say understood?
//!
//! A request is a value ([`Call`]) until [`Transport`] sends it. Answers are read for what decisions need; a body is
//! never logged nor quoted, since both peers send credentials back in clear.

pub mod held;
pub mod netbird;
pub mod pace;
pub mod warpgate;

use std::sync::Arc;

use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde_json::Value;

use self::pace::Pace;

/// One request to a peer.
#[derive(Clone, PartialEq)]
pub struct Call {
    /// The method.
    pub method: http::Method,
    /// The path, below the peer's address.
    pub path: String,
    /// The body, or null for none.
    pub body: Value,
}

impl Call {
    /// A request that asks.
    pub fn get(path: impl Into<String>) -> Call {
        Call { method: http::Method::GET, path: path.into(), body: Value::Null }
    }

    /// A request that makes something.
    pub fn post(path: impl Into<String>, body: Value) -> Call {
        Call { method: http::Method::POST, path: path.into(), body }
    }

    /// A request that changes something.
    pub fn put(path: impl Into<String>, body: Value) -> Call {
        Call { method: http::Method::PUT, path: path.into(), body }
    }

    /// A request that removes something.
    pub fn delete(path: impl Into<String>) -> Call {
        Call { method: http::Method::DELETE, path: path.into(), body: Value::Null }
    }
}

impl std::fmt::Debug for Call {
    /// Without the body, which may hold credentials.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}", self.method, self.path)
    }
}

/// What a peer answered: status and body.
#[derive(Clone, PartialEq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Reply {
    /// Without the body, which may hold credentials.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Reply({})", self.status)
    }
}

/// Why a request has no usable answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeerError {
    /// The peer can't be reached, or the answer was lost: what was asked for may have happened all the same.
    #[error("{0}")]
    Unreachable(String),
    /// The peer refuses who we are.
    #[error("{0} does not accept the token ({1})")]
    Token(&'static str, u16),
    /// The peer asks for patience.
    #[error("{0} asks for fewer requests")]
    Busy(&'static str),
    /// The peer refuses this request.
    #[error("{peer} answers {status} to {what}")]
    Refused {
        /// Which peer.
        peer: &'static str,
        /// The HTTP status.
        status: u16,
        /// The request, without its body.
        what: String,
    },
    /// The answer is not what the peer's documentation says.
    #[error("{0}")]
    Strange(String),
}

/// Sends a request to one peer, with its token, and gives the answer whatever its status.
pub type Transport = Arc<dyn Fn(Call) -> BoxFuture<'static, Result<Reply, PeerError>> + Send + Sync>;

/// The answer, if its status says that all went well.
fn accept(peer: &'static str, call: &Call, reply: Reply) -> Result<Reply, PeerError> {
    match reply.status {
        200..=299 => Ok(reply),
        401 | 403 => Err(PeerError::Token(peer, reply.status)),
        429 | 503 => Err(PeerError::Busy(peer)),
        status => Err(PeerError::Refused { peer, status, what: format!("{call:?}") }),
    }
}

/// The body as a value.
fn read<T: DeserializeOwned>(peer: &'static str, call: &Call, reply: &Reply) -> Result<T, PeerError> {
    serde_json::from_slice(&reply.body).map_err(|error| {
        // The place of the fault, not the text around it: bodies hold credentials.
        PeerError::Strange(format!(
            "{peer}: the answer to {call:?} is not understood (line {}, column {})",
            error.line(),
            error.column()
        ))
    })
}

/// The way to one peer, at a pace that it bears.
struct Link {
    peer: &'static str,
    transport: Transport,
    pace: Pace,
}

impl Link {
    fn new(peer: &'static str, transport: Transport) -> Link {
        Link { peer, transport, pace: Pace::of_peer() }
    }

    /// Sends a request in its turn, and gives the answer whatever its status.
    async fn send(&self, call: &Call) -> Result<Reply, PeerError> {
        self.pace.turn().await;
        let reply = (self.transport)(call.clone()).await?;
        if matches!(reply.status, 429 | 503) {
            self.pace.rest();
        }
        Ok(reply)
    }

    /// Asks for a list or an object.
    async fn ask<T: DeserializeOwned>(&self, path: &str) -> Result<T, PeerError> {
        let call = Call::get(path);
        let reply = accept(self.peer, &call, self.send(&call).await?)?;
        read(self.peer, &call, &reply)
    }
}

/// The id in an answer.
fn id_of(peer: &'static str, call: &Call, reply: &Reply) -> Result<String, PeerError> {
    #[derive(serde::Deserialize)]
    struct Id {
        id: String,
    }
    Ok(read::<Id>(peer, call, reply)?.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strange_answer_is_not_quoted() {
        let call = Call::post("/targets", serde_json::json!({ "password": "hunter2" }));
        let reply = Reply { status: 200, body: b"{\"password\": \"hunter2\" oops".to_vec() };
        let error = id_of("Warpgate", &call, &reply).unwrap_err();
        assert!(!format!("{error} {error:?} {call:?}").contains("hunter2"));
        let refused = accept("Warpgate", &call, Reply { status: 400, body: reply.body }).unwrap_err();
        assert!(!format!("{refused} {refused:?}").contains("hunter2"));
    }
}
