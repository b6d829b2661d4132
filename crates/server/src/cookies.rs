//! Which cookies are set, and with which care?

use axum::http::{HeaderMap, HeaderValue, header};

/// A cookie of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// The session.
    Session,
    /// That somebody signed in with this browser before.
    Browser,
    /// A sign-in that is under way at a provider.
    Flow,
}

impl Cookie {
    /// Its name. Where the connection is encrypted the prefix makes browsers refuse it from anywhere else.
    fn name(self, secure: bool) -> &'static str {
        match (self, secure) {
            (Cookie::Session, true) => "__Host-intramuros",
            (Cookie::Session, false) => "intramuros",
            (Cookie::Browser, true) => "__Host-intramuros-browser",
            (Cookie::Browser, false) => "intramuros-browser",
            (Cookie::Flow, true) => "__Host-intramuros-flow",
            (Cookie::Flow, false) => "intramuros-flow",
        }
    }

    /// Its value in a request.
    pub fn of(self, headers: &HeaderMap, secure: bool) -> Option<&str> {
        let name = self.name(secure);
        let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        all.flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(found, value)| (found == name && !value.is_empty()).then_some(value))
    }

    /// The header that sets it for some seconds; none takes it away. The value is letters of ours.
    pub fn set(self, value: Option<&str>, seconds: i64, secure: bool) -> HeaderValue {
        let name = self.name(secure);
        let (value, seconds) = value.map_or(("", 0), |value| (value, seconds));
        let secure = if secure { "; Secure" } else { "" };
        // `Lax`: a link from a mail opens signed in. What changes anything is held against its origin besides.
        let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_read_by_its_whole_name() {
        let check = |header: &str, secure: bool, expected: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.append(header::COOKIE, HeaderValue::from_str(header).unwrap());
            assert_eq!(Cookie::Session.of(&headers, secure), expected, "{header}");
        };
        check("a=b; intramuros=x1", false, Some("x1"));
        check("a=b; __Host-intramuros=x1", true, Some("x1"));
        // Where it must be secure, one that anybody could have set is not taken.
        check("intramuros=x1", true, None);
        check("intramuros-browser=x1", false, None);
        check("xintramuros=x1", false, None);
        check("intramuros=", false, None);
        let set = Cookie::Session.set(Some("v"), 60, true);
        assert_eq!(set, "__Host-intramuros=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure");
    }
}
