//! What does a client learn when a request fails?
//!
//! Handlers return a [`Failure`]; it is logged once, by the guard that wraps every route. What the client asked for
//! wrongly is explained to them; a fault of ours is named by the request's number alone.

use std::fmt;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use intramuros_accounts::passphrase::Weak;
use intramuros_core::error::{Error, ErrorKind};
use intramuros_store::people::Taken;
use serde::Serialize;
use utoipa::ToSchema;

/// The word of a request that comes from where none may come from.
pub(crate) const REFUSED: &str = "refused";

/// Why a request was not answered.
#[derive(Debug)]
pub struct Failure {
    /// The status of the answer.
    pub status: StatusCode,
    /// A stable word for programs.
    pub kind: &'static str,
    /// What failed, for people.
    pub message: String,
    /// What to do next.
    pub hints: Vec<String>,
    /// What lies beneath, for the log alone. Never a question and never a text.
    pub cause: Option<String>,
    /// Seconds after which it may be tried again.
    pub retry_after: Option<u64>,
}

/// What a client gets instead of an answer.
#[derive(Serialize, ToSchema)]
pub struct FailureBody {
    /// A stable word for programs: `bad_request`, `not_found`, `refused`, `too_large`, `too_many`, `busy`, `slow`,
    /// `wrong_method`, `not_recorded`, `damaged_data`, `internal`, `sign_in` (who asks is not known), `forbidden`,
    /// `wrong` (name or passphrase), `wait`, `taken`, `unsupported`, `passphrase_short`, `passphrase_long`,
    /// `passphrase_monotonous`, `passphrase_name`, `no_way_out`, `provider`.
    #[schema(value_type = String)]
    pub kind: &'static str,
    /// What failed, for people.
    pub message: String,
    /// What to do next, most useful first.
    pub hints: Vec<String>,
}

impl Failure {
    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Failure {
        Failure { status, kind, message: message.into(), hints: Vec::new(), cause: None, retry_after: None }
    }

    /// The request can't be understood.
    pub fn bad_request(message: impl Into<String>) -> Failure {
        Failure::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    /// There is nothing there, or nothing that the principal may read: the same words for both.
    pub fn not_found() -> Failure {
        Failure::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "there is no such thing here, or it is not yours to read",
        )
    }

    /// The model that was asked for is not declared.
    pub fn model_not_found() -> Failure {
        Failure::new(StatusCode::NOT_FOUND, "not_found", "there is no such model")
    }

    /// The collection that was asked for is not declared, or not for who asks.
    pub fn no_collection() -> Failure {
        Failure::new(StatusCode::NOT_FOUND, "not_found", "there is no such collection")
    }

    /// The original is not handed out.
    pub fn no_original(message: &str) -> Failure {
        Failure::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// The request comes from where none may come from.
    pub fn refused(status: StatusCode, message: impl Into<String>) -> Failure {
        Failure::new(status, REFUSED, message)
    }

    /// Who asks is not known, and must be.
    pub fn sign_in() -> Failure {
        Failure::new(StatusCode::UNAUTHORIZED, "sign_in", "this is for people who are signed in")
            .hint("sign in on the page, or send `Authorization: Bearer …` with a token")
    }

    /// Who asks is known, and may not.
    pub fn forbidden(message: impl Into<String>) -> Failure {
        Failure::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    /// Name, passphrase or code are wrong: the same words for all.
    pub fn wrong(message: &str) -> Failure {
        Failure::new(StatusCode::UNAUTHORIZED, "wrong", message)
    }

    /// Too many failures before this attempt.
    pub fn wait(milliseconds: i64) -> Failure {
        let seconds = u64::try_from(milliseconds).unwrap_or(0).div_ceil(1_000).max(1);
        Failure {
            retry_after: Some(seconds),
            ..Failure::new(
                StatusCode::TOO_MANY_REQUESTS,
                "wait",
                format!("too many attempts: wait {seconds} s"),
            )
        }
    }

    /// A name is taken.
    pub fn taken(name: &str) -> Failure {
        Failure::new(StatusCode::CONFLICT, "taken", format!("`{name}` is taken"))
    }

    /// The last owner, or something else that must stay as it is.
    pub fn conflict(message: impl Into<String>) -> Failure {
        Failure::new(StatusCode::CONFLICT, "conflict", message)
    }

    /// A body of another kind than is taken.
    pub fn unsupported(what: &str, kind: &str) -> Failure {
        let message = format!("the body must be {what}");
        Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported", message)
            .hint(format!("send `Content-Type: {kind}`"))
    }

    /// A new passphrase is not taken.
    pub fn weak(weak: Weak) -> Failure {
        Failure::new(StatusCode::BAD_REQUEST, weak.word(), weak.to_string())
    }

    /// More was sent than is taken.
    pub fn too_large(message: impl Into<String>) -> Failure {
        Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
    }

    /// One address asks too often.
    pub fn too_many() -> Failure {
        Failure::new(StatusCode::TOO_MANY_REQUESTS, "too_many", "too many requests from this address")
            .hint("wait a second and ask again")
    }

    /// Everybody together asks too much.
    pub fn busy() -> Failure {
        let busy = Failure::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "too many requests are waiting")
            .hint("wait a moment and ask again");
        // Each answer that ends makes room.
        Failure { retry_after: Some(1), ..busy }
    }

    /// The library takes too long.
    pub fn slow() -> Failure {
        Failure::new(StatusCode::GATEWAY_TIMEOUT, "slow", "the answer took too long and was given up")
            .hint("ask for less: fewer results, or narrowed by a filter")
    }

    /// The body of the request did not come to its end.
    pub fn late() -> Failure {
        Failure::new(StatusCode::REQUEST_TIMEOUT, "late", "the body of the request took too long to come")
    }

    /// The route is there, the method is not.
    pub fn wrong_method() -> Failure {
        Failure::new(StatusCode::METHOD_NOT_ALLOWED, "wrong_method", "this address does not take that method")
    }

    /// What happened could not be written down, and it is declared that nothing happens unseen.
    pub fn not_recorded(cause: impl fmt::Display) -> Failure {
        let message = "the journal can't be written, and `journal.on_failure = \"refuse\"` is declared";
        Failure {
            cause: Some(cause.to_string()),
            ..Failure::new(StatusCode::SERVICE_UNAVAILABLE, "not_recorded", message)
        }
        .hint("make room on the disk that holds the journal; answers come back by themselves")
    }

    /// A fault of ours.
    pub fn internal(cause: impl fmt::Display) -> Failure {
        let message = "something went wrong here; the log has the reason under this request's number";
        Failure {
            cause: Some(cause.to_string()),
            ..Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
        }
    }

    /// Adds what to do next.
    pub fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hints.push(hint.into());
        self
    }
}

impl From<Taken> for Failure {
    fn from(_: Taken) -> Failure {
        Failure::new(StatusCode::CONFLICT, "taken", "this name is taken")
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let cause = error.to_string();
        match error.kind {
            ErrorKind::User => Failure {
                hints: error.hints,
                ..Failure::new(StatusCode::BAD_REQUEST, "bad_request", error.message)
            },
            ErrorKind::Data => Failure {
                cause: Some(cause),
                hints: error.hints,
                ..Failure::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "damaged_data",
                    "a stored value is damaged or can't be read; the log has the details",
                )
            },
            ErrorKind::Config | ErrorKind::Peer | ErrorKind::Internal => Failure::internal(cause),
        }
    }
}

/// Goes with the answer so that the guard can log it, and show it to whoever opened the address as a page.
#[derive(Clone, Debug)]
pub struct Cause {
    /// The stable word.
    pub kind: &'static str,
    /// What lies beneath, when it is a fault of ours.
    pub cause: Option<String>,
    /// What failed, for people.
    pub message: String,
    /// What to do next.
    pub hints: Vec<String>,
}

/// A failure with another body: its status and other headers stay, `Retry-After` among them.
pub(crate) fn in_other_words(failure: Response, content_type: &'static str, body: String) -> Response {
    let (mut parts, _) = failure.into_parts();
    // They are of the body before, which a route may have compressed.
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.remove(header::CONTENT_ENCODING);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    Response::from_parts(parts, body.into())
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (kind, message, hints) = (self.kind, self.message.clone(), self.hints.clone());
        let cause = Cause { kind, cause: self.cause, message: self.message, hints: self.hints };
        let body = FailureBody { kind, message, hints };
        let mut response = (self.status, Json(body)).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(cause);
        response
    }
}
