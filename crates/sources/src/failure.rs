//! Why was a place not seen whole, or a file not fetched?

use intramuros_egress::EgressError;

/// Why not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The program is being stopped.
    #[error("stopped before the end")]
    Stopped,
    /// The place does not take our name and secret.
    #[error("the place does not let us in: {0}")]
    Credentials(String),
    /// It is not there now; later it may be.
    #[error("{0}")]
    Unreachable(String),
    /// It does not answer as it should.
    #[error("{0}")]
    Odd(String),
    /// There is more than is taken.
    #[error("{0}")]
    Limit(String),
    /// It is our own: no rule, no room on the disk, no secret.
    #[error("{0}")]
    Own(String),
    /// This file alone can't be fetched.
    #[error("{0}")]
    File(String),
    /// This file is larger than what is read from one file, in bytes.
    #[error("more than {0} bytes, which is the most that is read from one file")]
    TooLarge(u64),
    /// This file is not there any more.
    #[error("it is gone")]
    Gone,
}

impl Failure {
    /// The stable word for the reason.
    pub fn word(&self) -> &'static str {
        match self {
            Failure::Stopped => "stopped",
            Failure::Credentials(_) => "credentials",
            Failure::Unreachable(_) => "unreachable",
            Failure::Odd(_) | Failure::File(_) | Failure::Gone => "odd",
            Failure::Limit(_) | Failure::TooLarge(_) => "limit",
            Failure::Own(_) => "own",
        }
    }

    /// Whether it may be gone in a moment.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Failure::Unreachable(_))
    }

    /// What a status that is no success means; `what` is what was asked for.
    pub(crate) fn of_status(status: http::StatusCode, what: &str) -> Failure {
        let said = format!("{what}: the place answers {status}");
        match status.as_u16() {
            401 | 407 => Failure::Credentials(said),
            408 | 425 | 429 | 500 | 502..=504 | 507 => Failure::Unreachable(said),
            404 | 410 => Failure::Gone,
            300..=399 => Failure::Odd(format!("{said}: it points elsewhere, which is not followed")),
            403 | 423 | 451 => Failure::File(said),
            _ => Failure::Odd(said),
        }
    }

    /// What happened on this machine's disk.
    pub(crate) fn disk(error: std::io::Error) -> Failure {
        Failure::Own(format!("what was fetched can't be kept: {error}"))
    }
}

impl From<EgressError> for Failure {
    fn from(error: EgressError) -> Failure {
        let said = error.to_string();
        match error {
            EgressError::TooLarge { limit, .. } => Failure::TooLarge(limit),
            EgressError::Refused(_)
            | EgressError::Unrecorded(_)
            | EgressError::Setup(_)
            | EgressError::Request(_) => Failure::Own(said),
            _ => Failure::Unreachable(said),
        }
    }
}
