//! How do people come in, and what do they see and end of what is theirs?

pub mod first;
pub mod own;
pub mod provider;
pub mod session;
pub mod tokens;

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use intramuros_accounts::names;
use intramuros_accounts::secret::{self, Use};
use intramuros_journal::Event;
use intramuros_journal::time::now_ms;
use intramuros_store::people::{NewSession, Person};

use crate::accounts::Accounts;
use crate::application::Shared;
use crate::caller::Caller;
use crate::cookies::Cookie;
use crate::failure::Failure;

/// How long a browser is known, in seconds. 400 days: the most that browsers keep.
const BROWSER_SECONDS: i64 = 400 * 86_400;

/// Longest description of a browser that is kept, in letters.
const MOST_BROWSER: usize = 200;

/// Longest name that is shown, and longest mail address, in letters.
pub(crate) const MOST_SHOWN: usize = 200;

/// What a browser says it is, short and without control characters.
fn browser(headers: &HeaderMap) -> String {
    let said = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    said.chars().filter(|letter| !letter.is_control()).take(MOST_BROWSER).collect()
}

/// Opens a session for somebody who has shown who they are, in place of the one that the browser had: what was known of
/// it before is worth nothing now. Gives the headers that tell the browser.
pub(crate) async fn open(
    shared: &Shared,
    accounts: &Accounts,
    headers: &HeaderMap,
    caller: &Caller,
    person: &Person,
    way: &str,
    sealed: Option<String>,
) -> Result<[HeaderValue; 2], Failure> {
    let (secret, hash) = accounts.new_secret(Use::Session)?;
    let session = NewSession {
        hash,
        person: person.id,
        way: way.to_owned(),
        address: caller.address.to_string(),
        browser: browser(headers),
        sealed,
    };
    let before =
        Cookie::Session.of(headers, caller.secure).map(|cookie| secret::fingerprint(Use::Session, cookie));
    let (lifetimes, now) = (accounts.lifetimes, now_ms());
    accounts
        .people(move |people| {
            people.forget_old(lifetimes, now)?;
            if let Some((old, _)) = before.map(|hash| people.session(&hash)).transpose()?.flatten() {
                people.end_session(old.id, None)?;
            }
            people.open_session(&session, now)
        })
        .await?;
    shared.note(signed_in(&person.name, way, caller, true)).await?;
    let mark = accounts.browser_mark(&names::fold(&person.name))?;
    let session = Cookie::Session.set(Some(&secret), lifetimes.whole_ms / 1_000, caller.secure);
    Ok([session, Cookie::Browser.set(Some(&mark), BROWSER_SECONDS, caller.secure)])
}

/// The entry of a sign-in, or of an attempt at one.
pub(crate) fn signed_in(name: &str, way: &str, caller: &Caller, allowed: bool) -> Event {
    Event::SignIn {
        user: name.to_owned(),
        way: way.to_owned(),
        from: Some(caller.address.to_string()),
        allowed,
    }
}

/// The entry of an act of administration.
pub(crate) fn act(caller: &Caller, action: &str, on: &[(&str, &str)]) -> Event {
    let on = on.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Event::Administered { by: caller.name(), action: action.to_owned(), on }
}

/// An answer that sets cookies.
pub(crate) fn with_cookies(
    cookies: impl IntoIterator<Item = HeaderValue>,
    answer: impl IntoResponse,
) -> Response {
    let headers: Vec<_> = cookies.into_iter().map(|cookie| (header::SET_COOKIE, cookie)).collect();
    (AppendHeaders(headers), answer).into_response()
}

/// A name to show, or a mail address, as it is kept; none when nothing is left of it.
pub(crate) fn shown(text: Option<&str>) -> Result<Option<String>, Failure> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    if text.is_some_and(|text| text.chars().count() > MOST_SHOWN || text.chars().any(char::is_control)) {
        return Err(Failure::bad_request(format!(
            "at most {MOST_SHOWN} letters, none of them a control character"
        )));
    }
    Ok(text.map(str::to_owned))
}
