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

    /// The same for one file of a place that was listed: what is odd about its answer is this file's matter, and says
    /// nothing of the others.
    pub(crate) fn of_file(status: http::StatusCode, what: &str) -> Failure {
        match Failure::of_status(status, what) {
            Failure::Odd(said) => Failure::File(said),
            other => other,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_that_answers_oddly_is_its_own_matter() {
        let check = |status: u16, whole: &str, file: &str| {
            let status = http::StatusCode::from_u16(status).unwrap();
            let kind = |failure: Failure| match failure {
                Failure::Credentials(_) => "credentials",
                Failure::Unreachable(_) => "unreachable",
                Failure::Gone => "gone",
                Failure::File(_) => "file",
                Failure::Odd(_) => "odd",
                _ => "other",
            };
            let found = (kind(Failure::of_status(status, "x")), kind(Failure::of_file(status, "x")));
            assert_eq!(found, (whole, file), "{status}");
        };
        for odd in [204, 301, 302, 307, 400, 405, 406, 409, 416, 422, 501, 505] {
            check(odd, "odd", "file");
        }
        for closed in [403, 423, 451] {
            check(closed, "file", "file");
        }
        for passing in [408, 425, 429, 500, 502, 503, 504, 507] {
            check(passing, "unreachable", "unreachable");
        }
        for gone in [404, 410] {
            check(gone, "gone", "gone");
        }
        check(401, "credentials", "credentials");
        check(407, "credentials", "credentials");
    }
}
