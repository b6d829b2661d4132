//! May this connection leave, and who allowed it?
//!
//! The only outbound client of the workspace. A caller says what for, and where to; [`Egress`] finds the rule of
//! `intramuros.toml` that opens exactly this host and port for this purpose, translates the name itself, refuses
//! addresses that the rule does not cover, writes the decision down, connects to the checked address and to no other,
//! and speaks TLS unless the other end is this machine. Without a rule nothing happens, not even a question to a name
//! server.
//!
//! The steps are in modules of their own: [`rules`] and [`address`] decide (pure), [`dns`] translates names, `tls` and
//! [`connection`] connect, [`http`] sends requests, [`account`] counts, [`blocking`] serves callers without a runtime.

pub mod account;
pub mod address;
pub mod blocking;
mod client;
pub mod connection;
pub mod dns;
pub mod http;
pub mod rules;
mod tls;

pub use account::Account;
pub use client::{Decision, Egress, Identity, Recorder, Surroundings, base64};
pub use http::{Request, Response};
pub use rules::Refusal;

use intramuros_core::error::{Error, ErrorKind};

/// Why nothing left, or nothing came back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EgressError {
    /// No rule opens this way, or the address is not the rule's.
    #[error("not allowed to leave: {0}")]
    Refused(#[from] Refusal),
    /// The decision could not be written to the journal, so nothing was sent.
    #[error("not sent, since the journal could not take it: {0}")]
    Unrecorded(String),
    /// The declared files (certificates, keys, credentials) can't be used.
    #[error("{0}")]
    Setup(String),
    /// The name could not be translated.
    #[error("the name {host} could not be translated: {why}")]
    Name {
        /// The name.
        host: String,
        /// Why.
        why: String,
    },
    /// The other end could not be reached.
    #[error("{to} could not be reached: {why}")]
    Unreachable {
        /// Host and port.
        to: String,
        /// Why.
        why: String,
    },
    /// The other end is not who it should be, or does not speak TLS.
    #[error("{to} did not prove who it is: {why}")]
    Tls {
        /// Host and port.
        to: String,
        /// Why.
        why: String,
    },
    /// What came back is not proper HTTP, or the connection broke.
    #[error("{to} did not answer properly: {why}")]
    Http {
        /// Host and port.
        to: String,
        /// Why.
        why: String,
    },
    /// The answer is larger than allowed.
    #[error("{to} sent more than {limit} bytes")]
    TooLarge {
        /// Host and port.
        to: String,
        /// The limit, in bytes.
        limit: u64,
    },
    /// It took too long.
    #[error("{to} took longer than allowed: {what}")]
    TimedOut {
        /// Host and port.
        to: String,
        /// Which wait.
        what: &'static str,
    },
    /// The request itself can't be sent.
    #[error("the request can't be sent: {0}")]
    Request(String),
}

impl EgressError {
    /// Whether the same request may succeed when it is tried again.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            EgressError::Unreachable { .. }
                | EgressError::TimedOut { .. }
                | EgressError::Name { .. }
                | EgressError::Http { .. }
        )
    }
}

impl From<EgressError> for Error {
    fn from(error: EgressError) -> Error {
        let kind = match &error {
            EgressError::Refused(_) | EgressError::Setup(_) => ErrorKind::Config,
            EgressError::Unrecorded(_) => ErrorKind::Data,
            EgressError::Request(_) => ErrorKind::Internal,
            _ => ErrorKind::Peer,
        };
        let hint = matches!(error, EgressError::Refused(_)).then_some(
            "`intramuros perimeter show` lists the declared ways out; add [[egress]] to open another",
        );
        let error = Error::new(kind, error.to_string());
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}
