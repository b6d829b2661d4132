//! What do the declared providers say of themselves, and of somebody who signs in there?
//!
//! Everything goes through the one door out, for the purpose `sign-in`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use intramuros_accounts::jwt::{Doubt, Keys};
use intramuros_accounts::oidc::{self, Client, Discovery, Flow, Mapping};
use intramuros_core::perimeter::Purpose;
use intramuros_egress::{Egress, EgressError, Request};
use intramuros_journal::time::now_ms;
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use crate::accounts::Provider;

/// Largest answer of a provider, in bytes. 1 MiB: keys, claims of somebody in thousands of groups.
const MOST_BYTES: u64 = 1 << 20;

/// How long a provider may take until its answer begins, and between two pieces of it.
const WAIT: Duration = Duration::from_secs(10);

/// How long a provider may take for a whole answer. 20 s: one that gives a byte now and then would keep everybody who
/// signs in there waiting behind it.
const WHOLE: Duration = Duration::from_secs(20);

/// How long what a provider says of itself is believed.
const BELIEVED: Duration = Duration::from_secs(3_600);

/// Keys are fetched again at most this often, whatever tokens name: nobody makes us ask on and on.
const KEYS_EVERY: Duration = Duration::from_secs(30);

/// Sign-ins that ended are remembered while they could be tried again; beyond this many, those that began first are
/// forgotten. 10,000 within 10 minutes: more than honest people ever come, and less than 2 MB.
///
/// Nobody is turned away for those who flood: to refuse would let anybody who calls often enough lock everybody out. That a
/// sign-in is forgotten too early opens nothing by itself: whoever tries it again needs the browser's sealed cookie, which
/// went when it ended, and another code of the provider for the same challenge and nonce, since a code is good once.
const MOST_ENDED: usize = 10_000;

/// Why somebody was not signed in, by the word that the page explains.
#[derive(Debug)]
pub(crate) struct Hindrance {
    /// The word: `no_way_out`, `provider`, `refused`, `expired`, `taken`, `inactive`, `not_admitted`.
    pub word: &'static str,
    /// The reason, for the log.
    pub why: String,
}

impl Hindrance {
    /// A reason under its word.
    pub fn new(word: &'static str, why: impl Into<String>) -> Hindrance {
        Hindrance { word, why: why.into() }
    }
}

impl From<EgressError> for Hindrance {
    fn from(error: EgressError) -> Hindrance {
        let word = if matches!(error, EgressError::Refused(_)) { "no_way_out" } else { "provider" };
        Hindrance::new(word, error.to_string())
    }
}

/// What a provider says of itself.
#[derive(Clone)]
struct Known {
    discovery: Discovery,
    keys: Keys,
    at: Instant,
    keys_at: Instant,
}

/// What is known of the providers.
#[derive(Default)]
pub(crate) struct Providers {
    known: std::sync::Mutex<HashMap<String, Arc<Mutex<Option<Known>>>>>,
    ended: std::sync::Mutex<HashMap<String, i64>>,
}

/// What an exchange gives.
#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    access_token: Option<String>,
}

/// Somebody who signed in, as the provider says under its signature.
pub(crate) struct SignedIn {
    /// What the provider calls them for good.
    pub subject: String,
    /// Everything that it says of them.
    pub claims: Map<String, Value>,
    /// The token that signing out takes back.
    pub id_token: String,
}

impl Providers {
    /// What a provider says of itself, fetched when it is not known or old.
    pub async fn discover(&self, egress: &Egress, provider: &Provider) -> Result<Discovery, Hindrance> {
        Ok(self.known(egress, provider, false).await?.discovery)
    }

    /// Where what is known of one provider is kept. Nobody waits here.
    fn place(&self, name: &str) -> Arc<Mutex<Option<Known>>> {
        let mut known = self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Arc::clone(known.entry(name.to_owned()).or_default())
    }

    async fn known(&self, egress: &Egress, provider: &Provider, new_keys: bool) -> Result<Known, Hindrance> {
        let issuer = &provider.declared.issuer;
        let place = self.place(&provider.declared.name);
        // One at a time for each provider: others wait for what the first fetches, and for no other provider.
        let mut known = place.lock().await;
        if let Some(found) = known.as_ref()
            && found.at.elapsed() < BELIEVED
            && !(new_keys && found.keys_at.elapsed() > KEYS_EVERY)
        {
            return Ok(found.clone());
        }
        let text = fetch(egress, Request::get(Purpose::SignIn, Discovery::address(issuer))).await?;
        let discovery = Discovery::parse(&text, issuer).map_err(|why| Hindrance::new("provider", why))?;
        let text = fetch(egress, Request::get(Purpose::SignIn, discovery.jwks_uri.clone())).await?;
        let keys =
            Keys::parse(&text).ok_or_else(|| Hindrance::new("provider", "its keys can't be understood"))?;
        let now = Instant::now();
        let found = Known { discovery, keys, at: now, keys_at: now };
        *known = Some(found.clone());
        Ok(found)
    }

    /// Notes that a sign-in has ended; false where it had before: nobody ends one twice.
    pub fn end(&self, flow: &Flow) -> bool {
        let now = now_ms();
        let mut ended = self.ended.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if ended.contains_key(&flow.state) {
            return false;
        }
        if ended.len() >= MOST_ENDED {
            ended.retain(|_, began| now - *began < oidc::FLOW_MS);
        }
        if ended.len() >= MOST_ENDED
            && let Some(first) = ended.iter().min_by_key(|(_, began)| **began).map(|(state, _)| state.clone())
        {
            ended.remove(&first);
        }
        ended.insert(flow.state.clone(), flow.began_ms);
        true
    }

    /// Exchanges a code for who signed in.
    pub async fn exchange(
        &self,
        egress: &Egress,
        provider: &Provider,
        flow: &Flow,
        code: &str,
        client: &Client<'_>,
    ) -> Result<SignedIn, Hindrance> {
        let known = self.known(egress, provider, false).await?;
        let request = exchange(provider, &known.discovery, flow, code, client)?;
        let text = fetch(egress, request).await?;
        let tokens: Tokens = serde_json::from_slice(&text)
            .map_err(|_| Hindrance::new("provider", "it gave no token for the code"))?;
        let claims = self.verified(egress, provider, &tokens.id_token).await?;
        let issuer = &known.discovery.issuer;
        let subject = oidc::check(&claims, issuer, client.id, &flow.nonce, now_ms())
            .map_err(|why| Hindrance::new("refused", format!("its token does not hold: {why}")))?;
        if !oidc::is_sure(&claims, client.acr_values) {
            let why = "it does not know the person as surely as `acr_values` demands";
            return Err(Hindrance::new("refused", why));
        }
        let declared = &provider.declared;
        let mapping = Mapping { name: &declared.name_claim, groups: &declared.groups_claim };
        let told = oidc::says_name(&claims, &mapping)
            && oidc::identity(&claims, &mapping).is_ok_and(|said| said.groups.is_some())
            && oidc::says_all_of(&claims, &declared.only);
        let more = match (&known.discovery.userinfo_endpoint, &tokens.access_token) {
            (Some(endpoint), Some(token)) if !told => {
                self.user_info(egress, provider, &known, (endpoint, token), &subject).await?
            }
            _ => Map::new(),
        };
        // What the signed token says goes before what is told beside it.
        let claims: Map<String, Value> = more.into_iter().chain(claims).collect();
        if !oidc::is_admitted(&claims, &declared.only) {
            return Err(Hindrance::new("not_admitted", "the person is not among those named by `only`"));
        }
        Ok(SignedIn { subject, claims, id_token: tokens.id_token })
    }

    /// The claims of a token, after fetching new keys when it names one that is not known.
    async fn verified(
        &self,
        egress: &Egress,
        provider: &Provider,
        token: &str,
    ) -> Result<Map<String, Value>, Hindrance> {
        let doubt = match self.known(egress, provider, false).await?.keys.verify(token) {
            Ok(claims) => return Ok(claims),
            Err(doubt) => doubt,
        };
        let wrong = |doubt: Doubt| Hindrance::new("refused", format!("its token is not believed: {doubt}"));
        if doubt != Doubt::Key {
            return Err(wrong(doubt));
        }
        self.known(egress, provider, true).await?.keys.verify(token).map_err(wrong)
    }

    /// What a provider tells beside its token: JSON, or (as ProConnect does) a signed token.
    async fn user_info(
        &self,
        egress: &Egress,
        provider: &Provider,
        known: &Known,
        (endpoint, token): (&str, &str),
        subject: &str,
    ) -> Result<Map<String, Value>, Hindrance> {
        let text = fetch(egress, Request::get(Purpose::SignIn, endpoint).bearer(token)?).await?;
        let claims = match serde_json::from_slice::<Map<String, Value>>(&text) {
            Ok(claims) => claims,
            Err(_) => {
                let token = String::from_utf8(text)
                    .map_err(|_| Hindrance::new("provider", "what it tells can't be understood"))?;
                self.verified(egress, provider, token.trim()).await?
            }
        };
        if !oidc::is_told_to_us(&claims, &known.discovery.issuer, &provider.declared.client_id) {
            return Err(Hindrance::new("refused", "what it tells is for another program"));
        }
        if claims.get("sub").and_then(Value::as_str) != Some(subject) {
            return Err(Hindrance::new("refused", "it tells of somebody else than who signed in"));
        }
        Ok(claims)
    }
}

/// The request that exchanges a code, with who we are in the way that the provider takes.
fn exchange(
    provider: &Provider,
    discovery: &Discovery,
    flow: &Flow,
    code: &str,
    client: &Client<'_>,
) -> Result<Request, Hindrance> {
    const KIND: &str = "application/x-www-form-urlencoded";
    let mut body = flow.exchange(code, client);
    let ways = &discovery.token_endpoint_auth_methods_supported;
    let takes = |way: &str| ways.iter().any(|one| one == way);
    let in_body = takes("client_secret_post") && !takes("client_secret_basic");
    if let (Some(secret), true) = (&provider.secret, in_body) {
        body.push_str(&format!("&client_secret={}", oidc::encoded(secret)));
    }
    let mut request = Request::post(Purpose::SignIn, discovery.token_endpoint.clone(), KIND, body);
    if let (Some(secret), false) = (&provider.secret, in_body) {
        let value = axum::http::HeaderValue::from_str(&oidc::basic(client.id, secret));
        let mut value = value.map_err(|_| Hindrance::new("provider", "our secret can't be sent"))?;
        value.set_sensitive(true);
        request.headers.insert(axum::http::header::AUTHORIZATION, value);
    }
    Ok(request)
}

async fn fetch(egress: &Egress, request: Request) -> Result<Vec<u8>, Hindrance> {
    fetch_within(WHOLE, egress, request).await
}

async fn fetch_within(whole: Duration, egress: &Egress, request: Request) -> Result<Vec<u8>, Hindrance> {
    let late = |_| Hindrance::new("provider", format!("no whole answer within {} s", whole.as_secs()));
    tokio::time::timeout(whole, answer(egress, request)).await.map_err(late)?
}

async fn answer(egress: &Egress, request: Request) -> Result<Vec<u8>, Hindrance> {
    let mut response = egress.send(Request { answer_bytes: MOST_BYTES, wait: WAIT, ..request }).await?;
    let text = response.bytes().await?;
    if !response.status.is_success() {
        // Its own words may repeat a code or a token.
        return Err(Hindrance::new("provider", format!("it answered {}", response.status)));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_provider_that_is_slow_keeps_nobody_from_another() {
        let providers = Providers::default();
        let slow = providers.place("slow");
        let fetching = slow.lock().await;
        assert!(providers.place("slow").try_lock().is_err(), "two fetch at once from the same");
        assert!(providers.place("other").try_lock().is_ok(), "another provider waits for the slow one");
        drop(fetching);
        assert!(providers.place("slow").try_lock().is_ok());
    }

    #[test]
    fn a_flood_of_sign_ins_that_end_keeps_nobody_out() {
        let providers = Providers::default();
        let flow = |number: usize, began_ms: i64| Flow {
            provider: "p".to_owned(),
            state: number.to_string(),
            nonce: String::new(),
            verifier: String::new(),
            next: "/".to_owned(),
            began_ms,
        };
        let now = now_ms();
        let many = i64::try_from(MOST_ENDED).unwrap();
        for number in 0..MOST_ENDED {
            assert!(providers.end(&flow(number, now - many + i64::try_from(number).unwrap())), "{number}");
        }
        let honest = flow(MOST_ENDED, now);
        assert!(providers.end(&honest), "somebody is kept out by others");
        assert!(!providers.end(&honest), "a sign-in ended twice");
        assert!(!providers.end(&flow(MOST_ENDED - 1, now)), "a sign-in ended twice");
        // Only the one that began first was forgotten, and there are no more than before.
        let ended = providers.ended.lock().unwrap();
        assert!(ended.len() == MOST_ENDED && !ended.contains_key("0") && ended.contains_key("1"));
    }

    #[tokio::test]
    async fn a_provider_that_drips_is_not_waited_for() {
        use std::io::{Read, Write};

        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
            while stream.write_all(b" ").is_ok() {
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let toml =
            format!("[[egress]]\nhost = '127.0.0.1'\nport = {port}\npurpose = 'sign-in'\ntls = false\n");
        let perimeter = intramuros_core::perimeter::Perimeter::parse(&toml, "intramuros.toml").unwrap();
        let surroundings = intramuros_egress::Surroundings::of_system();
        let egress = Egress::new(&perimeter, surroundings, Arc::new(|_| Ok(()))).unwrap();
        let request = Request::get(Purpose::SignIn, format!("http://127.0.0.1:{port}/"));
        let began = Instant::now();
        let hindrance = fetch_within(Duration::from_millis(300), &egress, request).await.unwrap_err();
        assert!(hindrance.word == "provider" && hindrance.why.contains("no whole answer"), "{hindrance:?}");
        assert!(began.elapsed() < WAIT, "{:?}", began.elapsed());
    }
}
