//! What are the steps from "I want to send this there" to a connection?

use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use intramuros_core::perimeter::host::with_port;
use intramuros_core::perimeter::{Day, Egress as Rule, Host, Perimeter, Purpose};
use rustls::ClientConfig;

use crate::EgressError;
use crate::account::{Account, Accounts, Traffic};
use crate::connection::{self, Connection};
use crate::dns::Resolver;
use crate::http::Pool;
use crate::rules::{self, Refusal, Target};
use crate::tls;

/// One decision, for the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// What for.
    pub purpose: Purpose,
    /// The host, as it was asked for.
    pub host: String,
    /// The port; 0 when none could be read.
    pub port: u16,
    /// The address that will be connected to; none when refused, or when a proxy translates the name.
    pub address: Option<IpAddr>,
    /// The number of the rule that opens the way, or why it is closed.
    pub verdict: Result<usize, String>,
}

/// Takes every decision before it is acted on. When it fails, nothing leaves: what can't be journalled does not happen.
pub type Recorder = Arc<dyn Fn(&Decision) -> Result<(), String> + Send + Sync>;

/// What the client must know of the machine. Read at start-up, since a sealed process can't read it later.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Text of `/etc/resolv.conf`.
    pub resolv_conf: String,
    /// Text of `/etc/hosts`.
    pub hosts: String,
    /// The system's certificate authorities, in PEM.
    pub authorities: Vec<u8>,
    /// Our certificate and its private key, for rules that declare no files: an operator gets them over an API.
    pub identity: Option<Identity>,
}

/// A certificate and its private key, in PEM.
#[derive(Clone)]
pub struct Identity {
    /// The certificate, with those that lead to its authority.
    pub certificate: Vec<u8>,
    /// The private key.
    pub key: Vec<u8>,
}

impl std::fmt::Debug for Identity {
    /// Never the key.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Identity(…)")
    }
}

impl Surroundings {
    /// Those of this machine. A file that is not there counts as empty.
    pub fn of_system() -> Surroundings {
        Surroundings {
            resolv_conf: std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default(),
            hosts: std::fs::read_to_string("/etc/hosts").unwrap_or_default(),
            authorities: tls::system_authorities(),
            identity: None,
        }
    }
}

/// The only way out. Cheap to clone; clones share rules, accounts and connections.
#[derive(Clone)]
pub struct Egress {
    inner: Arc<Inner>,
}

struct Inner {
    gates: RwLock<Arc<Gates>>,
    accounts: Accounts,
    recorder: Recorder,
    pool: Pool,
    surroundings: Surroundings,
}

/// The rules with everything that was read for them.
struct Gates {
    rules: Vec<Rule>,
    /// One for each rule: its TLS settings, or why there are none.
    tls: Vec<Result<Arc<ClientConfig>, String>>,
    resolver: Resolver,
    proxy: Option<Proxy>,
}

struct Proxy {
    host: Host,
    port: u16,
    /// `user:password` in base64.
    credentials: Option<String>,
}

impl Gates {
    fn new(perimeter: &Perimeter, surroundings: &Surroundings) -> Result<Gates, EgressError> {
        let tls = perimeter
            .egress
            .iter()
            .map(|rule| {
                if rule.tls {
                    tls::settings(rule, surroundings)
                } else {
                    Err("the rule has no TLS".to_owned())
                }
            })
            .collect();
        let proxy = match &perimeter.proxy {
            None => None,
            Some(proxy) => Some(Proxy {
                host: proxy.host.clone(),
                port: proxy.port,
                credentials: proxy.credentials_file.as_deref().map(read_credentials).transpose()?,
            }),
        };
        let resolver = Resolver::new(&perimeter.dns.servers, &surroundings.resolv_conf, &surroundings.hosts);
        Ok(Gates { rules: perimeter.egress.clone(), tls, resolver, proxy })
    }
}

fn read_credentials(path: &std::path::Path) -> Result<String, EgressError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| EgressError::Setup(format!("{}: {error}", path.display())))?;
    Ok(base64(text.trim().as_bytes()))
}

/// Base64 with padding, as `Authorization: Basic` wants it.
pub fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group =
            chunk.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for position in 0..4 {
            let letter = LETTERS[(group >> (18 - 6 * position) & 63) as usize];
            text.push(if position <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

impl Egress {
    /// The client of a perimeter. Reads the declared certificates and keys now.
    ///
    /// # Errors
    /// When the proxy's credentials can't be read. A rule whose certificates can't be read fails when it is used.
    pub fn new(
        perimeter: &Perimeter,
        surroundings: Surroundings,
        recorder: Recorder,
    ) -> Result<Egress, EgressError> {
        let gates = RwLock::new(Arc::new(Gates::new(perimeter, &surroundings)?));
        let pool = Pool::default();
        Ok(Egress {
            inner: Arc::new(Inner { gates, accounts: Accounts::default(), recorder, pool, surroundings }),
        })
    }

    /// Takes the rules of a changed perimeter. Idle connections are closed; accounts go on.
    ///
    /// # Errors
    /// As [`Egress::new`]; the old rules stay then.
    pub fn reload(&self, perimeter: &Perimeter) -> Result<(), EgressError> {
        let gates = Arc::new(Gates::new(perimeter, &self.inner.surroundings)?);
        *self.inner.gates.write().unwrap_or_else(PoisonError::into_inner) = gates;
        self.inner.pool.clear();
        Ok(())
    }

    /// What went through each gate since the start.
    pub fn accounts(&self) -> Vec<Account> {
        self.inner.accounts.list()
    }

    /// Opens a connection for a protocol other than HTTP (IMAP, syslog): over TLS unless the rule says otherwise.
    ///
    /// # Errors
    /// Why it may not leave, or why the other end could not be reached.
    pub async fn connect(&self, purpose: Purpose, host: &str, port: u16) -> Result<Connection, EgressError> {
        let target = match Host::parse(host) {
            Ok(host) => Target { purpose, host, port, tls: None },
            Err(why) => return Err(self.refuse(purpose, host, port, Refusal::Odd(why))?),
        };
        let ticket = self.admit(&target)?;
        self.open(&target, &ticket).await
    }

    /// Whether a connection would be allowed, without making it or writing it down. For checks and pages.
    ///
    /// # Errors
    /// Why not.
    pub fn would_allow(&self, purpose: Purpose, url: &str) -> Result<(), Refusal> {
        let (target, _) = Target::of_url(purpose, url)?;
        rules::decide(&self.gates().rules, &target, Day::of_ms(now_ms())).map(|_| ())
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.inner.pool
    }

    fn gates(&self) -> Arc<Gates> {
        Arc::clone(&self.inner.gates.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The first step: is there a rule? A refusal is written down here; an admission once the address is known.
    pub(crate) fn admit(&self, target: &Target) -> Result<Ticket, EgressError> {
        let gates = self.gates();
        match rules::decide(&gates.rules, target, Day::of_ms(now_ms())) {
            Ok(number) => Ok(Ticket { gates, number }),
            Err(refusal) => {
                Err(self.refuse(target.purpose, &target.host.to_string(), target.port, refusal)?)
            }
        }
    }

    /// Writes a refusal down and gives it as the error; when it can't be written, that is the error.
    pub(crate) fn refuse(
        &self,
        purpose: Purpose,
        host: &str,
        port: u16,
        refusal: Refusal,
    ) -> Result<EgressError, EgressError> {
        let decision = Decision {
            at_ms: now_ms(),
            purpose,
            host: host.chars().take(300).collect(),
            port,
            address: None,
            verdict: Err(refusal.to_string()),
        };
        let place = format!("{}:{port}", decision.host);
        self.inner.accounts.note(purpose, &place, false, decision.at_ms);
        (self.inner.recorder)(&decision).map_err(EgressError::Unrecorded)?;
        Ok(refusal.into())
    }

    /// Writes an admission down and gives the counters for its bytes.
    pub(crate) fn record(
        &self,
        target: &Target,
        ticket: &Ticket,
        address: Option<IpAddr>,
    ) -> Result<Arc<Traffic>, EgressError> {
        let decision = Decision {
            at_ms: now_ms(),
            purpose: target.purpose,
            host: target.host.to_string(),
            port: target.port,
            address,
            verdict: Ok(ticket.number),
        };
        (self.inner.recorder)(&decision).map_err(EgressError::Unrecorded)?;
        Ok(self.inner.accounts.note(target.purpose, &target.place(), true, decision.at_ms))
    }

    /// The other steps: translate, check, write down, connect, encrypt.
    pub(crate) async fn open(&self, target: &Target, ticket: &Ticket) -> Result<Connection, EgressError> {
        let (gates, rule) = (&ticket.gates, ticket.rule());
        let to = target.place();
        let proxy = gates.proxy.as_ref().filter(|_| !target.host.is_loopback());
        let (stream, traffic) = match proxy {
            Some(proxy) => {
                // The proxy translates the name, so its address can't be checked here; the proxy's own is.
                let traffic = self.record(target, ticket, None)?;
                let addresses = proxy.addresses(&gates.resolver).await?;
                let place = with_port(&proxy.host, proxy.port);
                let stream = connection::reach(&addresses, proxy.port, &place).await?;
                (connection::through_proxy(stream, &to, proxy.credentials.as_deref()).await?, traffic)
            }
            None => {
                let found = self.translate(rule, &gates.resolver).await?;
                let addresses = match rules::covered(rule, &found) {
                    Ok(addresses) => addresses,
                    Err(refusal) => {
                        return Err(self.refuse(
                            target.purpose,
                            &rule.host.to_string(),
                            target.port,
                            refusal,
                        )?);
                    }
                };
                let traffic = self.record(target, ticket, addresses.first().copied())?;
                (connection::reach(&addresses, target.port, &to).await?, traffic)
            }
        };
        let address = stream
            .peer_addr()
            .map_err(|error| EgressError::Unreachable { to: to.clone(), why: error.to_string() })?;
        if !rule.tls {
            return Ok(Connection::plain(stream, traffic, address));
        }
        let mut settings = gates.tls[ticket.number].clone().map_err(EgressError::Setup)?;
        if target.tls.is_none() {
            // Another protocol than HTTP: what it is called is for the two ends to know.
            Arc::make_mut(&mut settings).alpn_protocols.clear();
        }
        let stream = connection::over_tls(stream, &target.host.to_string(), settings, &to).await?;
        Ok(Connection::tls(stream, traffic, address))
    }

    async fn translate(&self, rule: &Rule, resolver: &Resolver) -> Result<Vec<IpAddr>, EgressError> {
        match &rule.host {
            Host::Name(name) if rule.addresses.is_empty() => {
                resolver.resolve(name).await.map_err(|why| EgressError::Name { host: name.clone(), why })
            }
            _ => Ok(Vec::new()),
        }
    }
}

impl Proxy {
    async fn addresses(&self, resolver: &Resolver) -> Result<Vec<IpAddr>, EgressError> {
        match &self.host {
            Host::Address(address) => Ok(vec![*address]),
            Host::Name(name) => resolver
                .resolve(name)
                .await
                .map_err(|why| EgressError::Name { host: name.clone(), why: format!("the proxy: {why}") }),
        }
    }
}

/// The rule that lets a target pass, as the rules stood when it was asked.
pub(crate) struct Ticket {
    gates: Arc<Gates>,
    number: usize,
}

impl Ticket {
    fn rule(&self) -> &Rule {
        &self.gates.rules[self.number]
    }
}

pub(crate) fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| i64::try_from(time.as_millis()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    #[test]
    fn base64_is_as_in_its_standard() {
        for (text, expected) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(super::base64(text.as_bytes()), expected);
        }
    }
}
