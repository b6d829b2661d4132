//! What is asked of an OpenID Connect provider, and does what it says hold?
//!
//! The authorization code flow with PKCE, state and nonce. Values in, values out: requests are sent by the server, through
//! the one door out.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD as BASE64_PADDED, URL_SAFE_NO_PAD as BASE64};
use intramuros_core::perimeter::host::parse_url;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// How far the provider's clock may be off, in seconds.
const SKEW_SECONDS: i64 = 60;

/// How long a sign-in may take at the provider, in milliseconds. 10 minutes: a lost telephone, a new code.
pub const FLOW_MS: i64 = 600_000;

/// Most groups that are taken from a claim. 1,000; more is a fault of the provider's settings.
const MOST_GROUPS: usize = 1_000;

/// Longest address that a provider names, in bytes. 2,000: what browsers and proxies take.
const MAX_ADDRESS_BYTES: usize = 2_000;

/// Random bytes of a state, nonce or verifier. 32, as RFC 7636 advises.
pub const RANDOM_BYTES: usize = 32;

/// What a provider says of itself (`/.well-known/openid-configuration`).
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Discovery {
    /// Who it is; must be the declared issuer, letter by letter.
    pub issuer: String,
    /// Where people sign in.
    pub authorization_endpoint: String,
    /// Where the code is exchanged.
    pub token_endpoint: String,
    /// Where its keys are.
    pub jwks_uri: String,
    /// Where more is told of a person.
    pub userinfo_endpoint: Option<String>,
    /// Where people sign out.
    pub end_session_endpoint: Option<String>,
    /// How clients show who they are.
    #[serde(default)]
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// Whether the answer names who it comes from (RFC 9207).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
    /// Whether single claims can be asked for (OpenID Connect Core, 5.5).
    #[serde(default)]
    pub claims_parameter_supported: bool,
}

impl Discovery {
    /// Reads what a provider says of itself.
    ///
    /// # Errors
    /// When it is not what it should be, or another provider than the declared one, or when it leads to what is no
    /// address to be asked or gone to.
    pub fn parse(text: &[u8], issuer: &str) -> Result<Discovery, String> {
        let found: Discovery =
            serde_json::from_slice(text).map_err(|_| "its description can't be understood".to_owned())?;
        if found.issuer != issuer {
            return Err(format!("it calls itself `{}`, not `{issuer}` as declared", found.issuer));
        }
        if let Some((what, _)) = found.endpoints().find(|(_, address)| !is_address(address)) {
            return Err(format!("its `{what}` is no https address"));
        }
        Ok(found)
    }

    /// The addresses that it names, each under its own word.
    fn endpoints(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let always = [
            ("authorization_endpoint", &self.authorization_endpoint),
            ("token_endpoint", &self.token_endpoint),
            ("jwks_uri", &self.jwks_uri),
        ];
        let told = [
            ("userinfo_endpoint", &self.userinfo_endpoint),
            ("end_session_endpoint", &self.end_session_endpoint),
        ];
        let told = told.into_iter().filter_map(|(what, address)| Some((what, address.as_ref()?)));
        always.into_iter().chain(told).map(|(what, address)| (what, address.as_str()))
    }

    /// Where a declared issuer describes itself.
    pub fn address(issuer: &str) -> String {
        format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
    }
}

/// Whether a browser may be sent to an address, and we may ask there: over https, or without it on this machine, as for a
/// declared issuer. Nothing that runs (`javascript:`), nothing that readers of addresses disagree on.
fn is_address(address: &str) -> bool {
    address.len() <= MAX_ADDRESS_BYTES
        && parse_url(address).is_ok_and(|(tls, host, ..)| tls || host.is_loopback())
}

/// A sign-in under way. Goes to the browser under lock and comes back with the provider's answer.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Flow {
    /// Name of the provider.
    pub provider: String,
    /// Ties the answer to this browser.
    pub state: String,
    /// Ties the token to this sign-in.
    pub nonce: String,
    /// Shows that who began is who ends (PKCE).
    pub verifier: String,
    /// Where the person wanted to go.
    pub next: String,
    /// When it began, in milliseconds since 1970.
    pub began_ms: i64,
}

impl Flow {
    /// A new one from three pieces of chance.
    pub fn new(provider: &str, random: [[u8; RANDOM_BYTES]; 3], next: &str, now_ms: i64) -> Flow {
        let [state, nonce, verifier] = random.map(|bytes| BASE64.encode(bytes));
        Flow {
            provider: provider.to_owned(),
            state,
            nonce,
            verifier,
            next: safe_next(next).to_owned(),
            began_ms: now_ms,
        }
    }

    /// Whether it still may end.
    pub fn alive(&self, now_ms: i64) -> bool {
        (0..FLOW_MS).contains(&(now_ms - self.began_ms))
    }

    /// The address to which the browser is sent.
    pub fn authorization(&self, discovery: &Discovery, client: &Client<'_>) -> String {
        let challenge = BASE64.encode(digest(&SHA256, self.verifier.as_bytes()));
        let parameters = [
            ("response_type", "code"),
            ("client_id", client.id),
            ("redirect_uri", client.redirect),
            ("scope", client.scopes),
            ("state", &self.state),
            ("nonce", &self.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        // By the one way a level is a wish, by the other a demand; [`is_sure`] holds the answer against it in any case.
        let demand = client.acr_values.map(|values| match discovery.claims_parameter_supported {
            true => ("claims", demand(values)),
            false => ("acr_values", values.to_owned()),
        });
        let demand = demand.iter().map(|(name, value)| (*name, value.as_str()));
        with_parameters(&discovery.authorization_endpoint, parameters.into_iter().chain(demand))
    }

    /// The body that exchanges a code.
    pub fn exchange(&self, code: &str, client: &Client<'_>) -> String {
        form([
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", client.redirect),
            ("client_id", client.id),
            ("code_verifier", &self.verifier),
        ])
    }
}

/// The `claims` parameter that demands one of these levels.
fn demand(acr_values: &str) -> String {
    let values: Vec<&str> = acr_values.split_whitespace().collect();
    let acr = match values.as_slice() {
        [one] => json!({"essential": true, "value": one}),
        several => json!({"essential": true, "values": several}),
    };
    json!({"id_token": {"acr": acr}}).to_string()
}

/// Whether the provider knew the person as surely as is demanded: by one of the levels declared, where any are.
pub fn is_sure(claims: &Map<String, Value>, acr_values: Option<&str>) -> bool {
    let Some(values) = acr_values else { return true };
    let level = claims.get("acr").and_then(Value::as_str);
    level.is_some_and(|level| values.split_whitespace().any(|value| value == level))
}

/// Whether what a provider tells beside its token is for us, where it says for whom it is: signed, it does.
pub fn is_told_to_us(claims: &Map<String, Value>, issuer: &str, client_id: &str) -> bool {
    let issued = claims.get("iss").is_none_or(|said| said.as_str() == Some(issuer));
    let meant = !claims.contains_key("aud") || audience(claims).contains(&client_id);
    issued && meant
}

/// For whom a token or an answer is: one program or several.
fn audience(claims: &Map<String, Value>) -> Vec<&str> {
    match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Who we are to a provider.
#[derive(Clone, Copy, Debug)]
pub struct Client<'a> {
    /// As registered there.
    pub id: &'a str,
    /// Where answers come back to.
    pub redirect: &'a str,
    /// What is asked for, separated by spaces.
    pub scopes: &'a str,
    /// How surely the provider must know the person: the levels that are good enough, separated by spaces.
    pub acr_values: Option<&'a str>,
}

/// `Authorization` of a client with a secret (RFC 6749, 2.3.1).
pub fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", BASE64_PADDED.encode(format!("{}:{}", encoded(id), encoded(secret))))
}

/// The address at which somebody signs out at the provider too, and comes back from.
///
/// `state` comes back with the browser; some providers demand one. Nothing hangs on it here: to come back to the page on
/// which one signs in does nothing.
pub fn end_session(
    endpoint: &str,
    id_token: Option<&str>,
    client_id: &str,
    back: &str,
    state: &[u8; RANDOM_BYTES],
) -> String {
    let state = BASE64.encode(state);
    let hint = id_token.map(|token| ("id_token_hint", token));
    let parameters = [("client_id", client_id), ("post_logout_redirect_uri", back), ("state", &state)];
    with_parameters(endpoint, parameters.into_iter().chain(hint))
}

/// Where somebody goes after signing in: an address of our own page, or the start.
pub fn safe_next(next: &str) -> &str {
    let ours = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains(['\\', '\u{7f}'])
        && !next.chars().any(|letter| letter.is_control() || letter.is_whitespace())
        && next.len() <= 2_000
        && !["/api/", "/sign-in", "/sign-out", "/assets/"].iter().any(|start| next.starts_with(start));
    if ours { next } else { "/" }
}

/// Whether the claims of an ID token are for us, now, and of this sign-in. The signature was checked before.
///
/// # Errors
/// Which one does not hold.
pub fn check(
    claims: &Map<String, Value>,
    issuer: &str,
    client_id: &str,
    nonce: &str,
    now_ms: i64,
) -> Result<String, &'static str> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let moment = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(value) => {
            value.as_f64().map(|seconds| Some(seconds as i64)).ok_or("a moment in it is not a number")
        }
    };
    let now = now_ms / 1000;
    if text("iss") != Some(issuer) {
        return Err("another provider made it");
    }
    let audience = audience(claims);
    let party = text("azp");
    if !audience.contains(&client_id) || party.is_some_and(|party| party != client_id) {
        return Err("it was made for another program");
    }
    if audience.len() > 1 && party.is_none() {
        return Err("it was made for several programs and does not say which");
    }
    if moment("exp")?.is_none_or(|until| until <= now - SKEW_SECONDS) {
        return Err("it has expired");
    }
    if moment("iat")?.is_none_or(|from| from > now + SKEW_SECONDS)
        || moment("nbf")?.is_some_and(|from| from > now + SKEW_SECONDS)
    {
        return Err("it is from the future: compare the clocks");
    }
    if text("nonce") != Some(nonce) {
        return Err("it belongs to another sign-in");
    }
    match text("sub") {
        Some(subject) if !subject.is_empty() && subject.len() <= 255 => Ok(subject.to_owned()),
        _ => Err("it does not say who signed in"),
    }
}

/// The claim with a mail address.
const MAIL: &str = "email";

/// Which claims say what.
#[derive(Clone, Copy, Debug)]
pub struct Mapping<'a> {
    /// The claim with the name; `preferred_username`, `email` and `sub` are tried where it is not there. In the place of
    /// an `email`, `sub` alone: people choose the first themselves, and it may look like an address.
    pub name: &'a str,
    /// The claim with the groups; dots lead into it (`realm_access.roles`).
    pub groups: &'a str,
}

/// Who signed in, as the provider says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name that they sign in with.
    pub name: String,
    /// The name to show.
    pub shown: String,
    /// Their mail address, where the provider checked it.
    pub mail: Option<String>,
    /// Their groups; none where the provider says nothing of groups.
    pub groups: Option<BTreeSet<String>>,
}

/// Reads who signed in from the claims.
///
/// # Errors
/// When the name is to be a mail address that the provider says it did not check: it may be anybody's. Where it says
/// nothing of it (ProConnect does not), a declared name is believed.
pub fn identity(claims: &Map<String, Value>, mapping: &Mapping<'_>) -> Result<Identity, &'static str> {
    let text =
        |name: &str| claims.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    let said = mail_checked(claims);
    let named_by_mail = mapping.name == MAIL;
    if named_by_mail && said == Some(false) {
        return Err("their mail address, which is to be their name, was not checked by it");
    }
    let mail = text(MAIL).filter(|_| said != Some(false));
    let chosen = text("preferred_username").filter(|_| !named_by_mail);
    let name = text(mapping.name).or(chosen).or(mail).or(text("sub")).unwrap_or_default();
    let full = text("given_name").zip(text("family_name").or(text("usual_name")));
    let shown = text("name").map(str::to_owned).or(full.map(|(given, family)| format!("{given} {family}")));
    Ok(Identity {
        name: name.to_owned(),
        shown: shown.unwrap_or_else(|| name.to_owned()),
        // Documents may be read by mail address, so one that people write down for themselves is none. A declared
        // name is believed in any case.
        mail: mail.filter(|_| said == Some(true) || named_by_mail).map(str::to_owned),
        groups: groups(claims, mapping.groups),
    })
}

/// Whether the provider says that it checked the mail address; none where it says nothing of it. Some write it as text.
fn mail_checked(claims: &Map<String, Value>) -> Option<bool> {
    let said = claims.get("email_verified")?;
    Some(said.as_bool() == Some(true) || said.as_str() == Some("true"))
}

/// Whether somebody is among those who may come in: of each claim named, one of the values, whose `*` at the start stands
/// for any beginning. Small and capital letters are the same.
pub fn is_admitted(claims: &Map<String, Value>, only: &BTreeMap<String, Vec<String>>) -> bool {
    let fits = |said: &str, value: &str| {
        let (said, value) = (said.trim().to_lowercase(), value.trim().to_lowercase());
        value.strip_prefix('*').map_or(said == value, |ending| said.ends_with(ending))
    };
    only.iter().all(|(name, values)| {
        let said: Vec<String> = match claim(claims, name) {
            Some(Value::Array(several)) => {
                several.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Number(number)) => vec![number.to_string()],
            _ => Vec::new(),
        };
        // An address that the provider says it did not check is nobody's.
        let unchecked = name == MAIL && mail_checked(claims) == Some(false);
        !unchecked && said.iter().any(|said| values.iter().any(|value| fits(said, value)))
    })
}

/// Whether the claims say everything that decides who may come in.
pub fn says_all_of(claims: &Map<String, Value>, only: &BTreeMap<String, Vec<String>>) -> bool {
    only.keys().all(|name| claim(claims, name).is_some())
}

/// A claim by its name; dots lead into it.
fn claim<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    // A claim may have dots in its own name.
    claims.get(path).or_else(|| {
        let mut parts = path.split('.');
        let first = claims.get(parts.next()?)?;
        parts.try_fold(first, |value, part| value.get(part))
    })
}

/// Whether the claims say a name at all; where they don't, more is asked for at the provider.
pub fn says_name(claims: &Map<String, Value>, mapping: &Mapping<'_>) -> bool {
    let says = |name: &&str| claims.get(*name).is_some_and(Value::is_string);
    // No other name stands for an address.
    let others: &[&str] = if mapping.name == MAIL { &[] } else { &["preferred_username", MAIL] };
    says(&mapping.name) || others.iter().any(says)
}

fn groups(claims: &Map<String, Value>, path: &str) -> Option<BTreeSet<String>> {
    let names: Vec<&str> = match claim(claims, path)? {
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        Value::String(names) => names.split([' ', ',']).collect(),
        _ => return None,
    };
    // Keycloak writes groups as paths: `/rh`.
    let names = names.into_iter().map(|name| name.trim().trim_start_matches('/'));
    Some(names.filter_map(|name| crate::names::group(name).ok()).take(MOST_GROUPS).collect())
}

fn with_parameters<'a>(address: &str, parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let join = if address.contains('?') { '&' } else { '?' };
    format!("{address}{join}{}", form(parameters))
}

/// `a=b&c=d`, percent-encoded.
pub fn form<'a>(parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let one = |(name, value): (&str, &str)| format!("{name}={}", encoded(value));
    parameters.into_iter().map(one).collect::<Vec<_>>().join("&")
}

/// Percent-encoded: everything but unreserved letters.
pub fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte))
            }
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn only_our_own_pages_are_gone_to() {
        let check = |next: &str, expected: &str| assert_eq!(safe_next(next), expected, "{next}");
        check("/?q=bail&kind=pdf", "/?q=bail&kind=pdf");
        check("/document/3?passage=7", "/document/3?passage=7");
        for odd in [
            "",
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "javascript:alert(1)",
            "/a\nb",
            "/\t/evil.example",
            " //evil.example",
            "/api/v1/sign-out",
            "/sign-in?next=/",
            "evil.example",
            "http:/evil",
            "/a b",
            "/\u{a0}",
        ] {
            check(odd, "/");
        }
        check(&format!("/{}", "a".repeat(2_000)), "/");
    }

    #[test]
    fn a_token_must_be_for_us_now_and_of_this_sign_in() {
        let good = json!({"iss": "https://p.example", "aud": "us", "exp": 1_000, "iat": 900, "nonce": "n", "sub": "s"});
        let check = |change: Value, expected: bool| {
            let mut claims = object(good.clone());
            for (name, value) in object(change.clone()) {
                if value.is_null() {
                    claims.remove(&name)
                } else {
                    claims.insert(name, value)
                };
            }
            let found = super::check(&claims, "https://p.example", "us", "n", 950_000);
            assert_eq!(found.is_ok(), expected, "{change}: {found:?}");
        };
        check(json!({}), true);
        check(json!({"aud": ["us"]}), true);
        check(json!({"aud": ["us", "them"], "azp": "us"}), true);
        check(json!({"aud": ["us", "them"]}), false);
        check(json!({"azp": "them"}), false);
        check(json!({"aud": "them"}), false);
        check(json!({"aud": null}), false);
        check(json!({"iss": "https://p.example/"}), false);
        check(json!({"exp": 800}), false);
        check(json!({"exp": "1000"}), false);
        check(json!({"exp": null}), false);
        check(json!({"iat": 2_000}), false);
        check(json!({"nbf": "soon"}), false);
        check(json!({"nonce": null}), false);
        check(json!({"nonce": "m"}), false);
        check(json!({"sub": ""}), false);
    }

    #[test]
    fn a_provider_must_be_as_sure_as_declared_and_tell_it_to_us() {
        let check = |claims: Value, declared: Option<&str>, expected: bool| {
            assert_eq!(is_sure(&object(claims.clone()), declared), expected, "{claims} {declared:?}");
        };
        check(json!({}), None, true);
        check(json!({"acr": "eidas1"}), Some("eidas1"), true);
        check(json!({"acr": "eidas2"}), Some("eidas1 eidas2"), true);
        check(json!({"acr": "eidas0"}), Some("eidas1 eidas2"), false);
        check(json!({"acr": ["eidas1"]}), Some("eidas1"), false);
        check(json!({}), Some("eidas1"), false);
        let told = |claims: Value, expected: bool| {
            assert_eq!(
                is_told_to_us(&object(claims.clone()), "https://p.example", "us"),
                expected,
                "{claims}"
            );
        };
        told(json!({"sub": "s"}), true);
        told(json!({"iss": "https://p.example", "aud": "us"}), true);
        told(json!({"aud": ["them", "us"]}), true);
        told(json!({"aud": "them"}), false);
        told(json!({"aud": 7}), false);
        told(json!({"iss": "https://q.example"}), false);
    }

    #[test]
    fn only_those_come_in_whom_the_declaration_names() {
        let check = |claims: Value, only: Value, expected: bool| {
            let declared: BTreeMap<String, Vec<String>> = serde_json::from_value(only.clone()).unwrap();
            assert_eq!(is_admitted(&object(claims.clone()), &declared), expected, "{claims} {only}");
        };
        check(json!({}), json!({}), true);
        let siret = json!({"siret": ["13002526500013", "21750001600019"]});
        check(json!({"siret": "21750001600019"}), siret.clone(), true);
        check(json!({"siret": "00000000000000"}), siret.clone(), false);
        check(json!({}), siret, false);
        let mail = json!({"email": ["*@ville.example"]});
        check(json!({"email": "Anne@Ville.example"}), mail.clone(), true);
        check(json!({"email": "anne@ville.example.org"}), mail.clone(), false);
        check(json!({"email": "anne@ville.example", "email_verified": false}), mail.clone(), false);
        // Each claim that is named counts.
        let both = json!({"email": ["*@ville.example"], "realm.roles": ["agents"]});
        check(json!({"email": "a@ville.example", "realm": {"roles": ["x", "agents"]}}), both.clone(), true);
        check(json!({"email": "a@ville.example", "realm": {"roles": ["x"]}}), both.clone(), false);
        check(json!({"email": "a@ville.example"}), both, false);
        check(json!({"siret": "1"}), json!({"siret": []}), false);
    }

    #[test]
    fn who_signed_in_is_read_from_the_claims() {
        let check = |claims: Value, name: &str, shown: &str, groups: Option<&[&str]>| {
            let mapping = Mapping { name: "preferred_username", groups: "groups" };
            let found = identity(&object(claims), &mapping).unwrap();
            let groups = groups.map(|groups| groups.iter().map(|group| (*group).to_owned()).collect());
            assert_eq!((found.name.as_str(), found.shown.as_str(), found.groups), (name, shown, groups));
        };
        check(
            json!({"sub": "1", "preferred_username": "anne", "name": "Anne D", "groups": ["/rh", "paie"]}),
            "anne",
            "Anne D",
            Some(&["paie", "rh"]),
        );
        // ProConnect names the parts.
        check(
            json!({"sub": "1", "email": "a@b.fr", "given_name": "Anne", "usual_name": "D"}),
            "a@b.fr",
            "Anne D",
            None,
        );
        check(json!({"sub": "1", "email": "a@b.fr", "email_verified": false}), "1", "1", None);
        // A mail address by which documents may be read: only one that somebody checked, or that is the name.
        let mail = |claims: Value, name: &str| {
            let found = identity(&object(claims), &Mapping { name, groups: "groups" });
            found.map(|found| found.mail.unwrap_or_default())
        };
        let said = |checked: bool| json!({"sub": "1", "email": "a@b.fr", "email_verified": checked});
        let unsaid = json!({"sub": "1", "email": "a@b.fr"});
        let good = |mail: &str| Ok(mail.to_owned());
        assert_eq!(mail(said(true), "sub"), good("a@b.fr"));
        assert_eq!(mail(said(false), "sub"), good(""));
        assert!(mail(said(false), "email").is_err());
        assert_eq!(mail(unsaid.clone(), "sub"), good(""));
        assert_eq!(mail(unsaid, "email"), good("a@b.fr"));
        let in_words = |checked: &str| json!({"sub": "1", "email": "a@b.fr", "email_verified": checked});
        assert_eq!(mail(in_words("true"), "email"), good("a@b.fr"));
        assert!(mail(in_words("false"), "email").is_err());
        // Where the name is an address, one that people choose is not taken for it; more is asked for instead.
        let by_mail = Mapping { name: "email", groups: "groups" };
        let chosen = object(json!({"sub": "1", "preferred_username": "bruno@b.fr"}));
        assert_eq!(identity(&chosen, &by_mail).unwrap().name, "1");
        assert!(!says_name(&chosen, &by_mail));
        assert!(says_name(&chosen, &Mapping { name: "upn", groups: "groups" }));
        check(json!({"sub": "1", "groups": []}), "1", "1", Some(&[]));
        let nested = object(json!({"realm_access": {"roles": ["x"]}}));
        assert_eq!(super::groups(&nested, "realm_access.roles").unwrap().len(), 1);
    }

    #[test]
    fn the_browser_is_sent_with_everything_that_ties_the_answer_to_it() {
        let flow = Flow::new("p", [[1; 32], [2; 32], [3; 32]], "//evil.example", 5);
        let client =
            Client { id: "us", redirect: "https://i.example/cb", scopes: "openid email", acr_values: None };
        let told = |more: Value| {
            let mut told = json!({"issuer": "https://p.example", "authorization_endpoint": "https://p.example/auth?x=1",
                "token_endpoint": "https://p.example/t", "jwks_uri": "https://p.example/j"});
            told.as_object_mut().unwrap().extend(object(more));
            Discovery::parse(told.to_string().as_bytes(), "https://p.example").unwrap()
        };
        let address = flow.authorization(&told(json!({})), &client);
        for part in [
            "https://p.example/auth?x=1&response_type=code",
            "&scope=openid%20email&",
            "code_challenge_method=S256",
            "redirect_uri=https%3A%2F%2Fi.example%2Fcb",
        ] {
            assert!(address.contains(part), "{part}: {address}");
        }
        assert!(!address.contains(&flow.verifier));
        // A level is demanded where that is possible, and wished for elsewhere.
        let sure = Client { acr_values: Some("eidas1 eidas2"), ..client };
        let wished = flow.authorization(&told(json!({})), &sure);
        assert!(wished.contains("&acr_values=eidas1%20eidas2") && !wished.contains("&claims="), "{wished}");
        let demanded = flow.authorization(&told(json!({"claims_parameter_supported": true})), &sure);
        let claims = encoded(r#"{"id_token":{"acr":{"essential":true,"values":["eidas1","eidas2"]}}}"#);
        assert!(demanded.ends_with(&format!("&claims={claims}")), "{demanded}");
        let one = encoded(r#"{"id_token":{"acr":{"essential":true,"value":"eidas1"}}}"#);
        assert_eq!(encoded(&demand("eidas1")), one);
        assert_eq!(flow.next, "/");
        assert!(flow.alive(5) && !flow.alive(5 + FLOW_MS) && !flow.alive(4));
        assert_eq!(basic("a:b", "c d"), "Basic YSUzQWI6YyUyMGQ=");
        let discovery = |issuer: &str| {
            let text = json!({"issuer": issuer, "authorization_endpoint": "https://p.example/a",
                "token_endpoint": "https://p.example/t", "jwks_uri": "https://p.example/j"});
            Discovery::parse(text.to_string().as_bytes(), "https://p.example")
        };
        assert!(discovery("https://p.example").is_ok());
        assert!(discovery("https://evil.example").is_err());
    }

    #[test]
    fn a_provider_leads_to_no_other_than_encrypted_addresses() {
        let check = |address: &str, expected: bool| {
            let names = ["authorization_endpoint", "token_endpoint", "jwks_uri"];
            for name in names.iter().chain(&["userinfo_endpoint", "end_session_endpoint"]) {
                let mut told = object(json!({"issuer": "https://p.example"}));
                for other in names {
                    told.insert(other.to_owned(), json!("https://p.example/x"));
                }
                told.insert((*name).to_owned(), json!(address));
                let found = Discovery::parse(Value::Object(told).to_string().as_bytes(), "https://p.example");
                assert_eq!(found.is_ok(), expected, "{name} {address}: {found:?}");
            }
        };
        check("https://login.p.example:8443/a?x=1", true);
        check("http://127.0.0.1:9000/a", true);
        check("http://localhost/a", true);
        for odd in [
            "javascript:alert(1)",
            "JavaScript://p.example/%0aalert(1)",
            "data:text/html,x",
            "http://p.example/a",
            "//p.example/a",
            "/a",
            "a",
            "",
            "https://",
            "https://us@p.example/a",
            "https://p.example/a b",
            "https://p.example\\evil.example/",
            &format!("https://p.example/{}", "a".repeat(2_000)),
        ] {
            check(odd, false);
        }
    }
}
