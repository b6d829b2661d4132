//! What does a program get that speaks OpenAI's interface and is not answered?
//!
//! An `error` as OpenAI's clients read it, whichever layer refused: the guard changes every failure under `/v1` on its way
//! out. These clients choose their exception by the status and show the `message`, so what to do next stands in there too;
//! our word for the failure is its `code` where OpenAI has none.

use axum::http::{Request, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

use crate::allowance::USED_UP;
use crate::failure::{Cause, in_other_words};

/// OpenAI's word for whoever asks too often or has used up their tokens.
const TOO_MUCH: &str = "rate_limit_exceeded";

/// Whether whoever asks expects answers as OpenAI gives them.
pub(crate) fn speaks_openai<T>(request: &Request<T>) -> bool {
    request.uri().path().starts_with("/v1/")
}

/// The same failure as OpenAI's clients read it. Answers stay as they are.
pub(crate) fn in_their_words(response: Response) -> Response {
    let Some(cause) = response.extensions().get::<Cause>() else { return response };
    let body = error(response.status(), cause).to_string();
    in_other_words(response, "application/json", body)
}

fn error(status: StatusCode, cause: &Cause) -> Value {
    let (kind, code) = kind_and_code(status, cause.kind);
    let lines = std::iter::once(&cause.message).chain(&cause.hints);
    let message = lines.map(String::as_str).collect::<Vec<_>>().join("; ");
    json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
}

fn kind_and_code(status: StatusCode, word: &'static str) -> (&'static str, &'static str) {
    match (status.as_u16(), word) {
        (_, USED_UP) => ("tokens", TOO_MUCH),
        (401, _) => ("authentication_error", "invalid_api_key"),
        (403, _) => ("permission_error", word),
        (404, _) => ("not_found_error", word),
        (429, _) => ("rate_limit_error", TOO_MUCH),
        (500.., _) => ("server_error", word),
        _ => ("invalid_request_error", word),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, header};
    use axum::response::IntoResponse;

    use super::*;
    use crate::failure::Failure;

    #[test]
    fn each_status_has_the_type_that_clients_know() {
        let check = |status: u16, word: &'static str, kind: &str, code: &str| {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(kind_and_code(status, word), (kind, code), "{status}");
        };
        check(400, "bad_request", "invalid_request_error", "bad_request");
        check(401, "sign_in", "authentication_error", "invalid_api_key");
        check(403, "forbidden", "permission_error", "forbidden");
        check(404, "not_found", "not_found_error", "not_found");
        check(405, "wrong_method", "invalid_request_error", "wrong_method");
        check(413, "too_large", "invalid_request_error", "too_large");
        check(429, "too_many", "rate_limit_error", "rate_limit_exceeded");
        check(429, "used_up", "tokens", "rate_limit_exceeded");
        check(500, "internal", "server_error", "internal");
        check(503, "busy", "server_error", "busy");
        check(504, "slow", "server_error", "slow");
    }

    #[test]
    fn hints_stand_in_the_message_headers_stay_and_the_cause_is_for_the_log_alone() {
        let cause = Cause {
            kind: "internal",
            cause: Some("chocolatine".to_owned()),
            message: "it failed".to_owned(),
            hints: vec!["ask again".to_owned(), "or wait".to_owned()],
        };
        let expected = json!({"error": {
            "message": "it failed; ask again; or wait", "type": "server_error", "param": null, "code": "internal",
        }});
        assert_eq!(error(StatusCode::INTERNAL_SERVER_ERROR, &cause), expected);
        let mut before = Failure::wait(3_000).into_response();
        before.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        let after = in_their_words(before);
        assert_eq!(after.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(after.headers().get(header::RETRY_AFTER), Some(&HeaderValue::from_static("3")));
        assert!(!after.headers().contains_key(header::CONTENT_ENCODING));
        let busy = in_their_words(Failure::busy().into_response());
        assert_eq!(busy.headers().get(header::RETRY_AFTER), Some(&HeaderValue::from_static("1")));
        let other = in_their_words(Failure::not_found().into_response());
        assert!(!other.headers().contains_key(header::RETRY_AFTER));
    }
}
