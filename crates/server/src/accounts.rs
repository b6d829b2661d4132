//! What is needed to know people: their store, the key, the counts of failures, the limit on hashing?

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use intramuros_accounts::passphrase::{self, SALT_BYTES, Verdict};
use intramuros_accounts::sealing::{KEY_BYTES, Key, NONCE_BYTES};
use intramuros_accounts::secret::{self, FIRST_CODE_BYTES, FIRST_CODE_LETTERS, Use};
use intramuros_accounts::session::{Lifetimes, Noted};
use intramuros_accounts::throttle::Throttle;
use intramuros_core::access::Principal;
use intramuros_core::error::Error;
use intramuros_core::perimeter::{Perimeter, SignIn};
use intramuros_store::people::{Origin, People, Person, PersonId, TokenId};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::sync::{Semaphore, watch};

use crate::failure::Failure;
use crate::providers::Providers;

/// Passphrases hashed at the same time. 2, with 19 MiB each: sign-ins never take more memory than one file that is
/// read, and a flood of them keeps no processor from those who search.
const HASHING: usize = 2;

/// How long a sign-in waits for its turn to be hashed.
const HASHING_WAIT: Duration = Duration::from_secs(5);

/// What locks the known-browser mark in its cookie.
const BROWSER: &str = "known browser";

/// Everything that is needed to know people.
pub struct Accounts {
    people: Arc<People>,
    /// Whether a request without a person is nobody's, rather than this machine's owner's.
    pub demanded: bool,
    /// How long sessions live.
    pub lifetimes: Lifetimes,
    /// Locks what must be kept.
    pub key: Key,
    /// The declared providers.
    pub providers: Vec<Provider>,
    /// What is known of them.
    pub(crate) known: Providers,
    declared: RwLock<Arc<Perimeter>>,
    random: SystemRandom,
    throttle: Mutex<Throttle>,
    hashing: Semaphore,
    first_code: Mutex<Option<[u8; 32]>>,
    /// When a last use was noted, of the last minute.
    noted: Mutex<Noted<Used>>,
    /// Says that somebody's rights may have changed.
    changed: watch::Sender<()>,
}

/// What was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Used {
    /// A session, of this person.
    Session(i64, PersonId),
    /// A token.
    Token(TokenId),
}

/// A declared provider with our secret there.
#[derive(Clone)]
pub struct Provider {
    /// As declared.
    pub declared: SignIn,
    /// Our secret; none for a public client.
    pub secret: Option<String>,
}

impl Accounts {
    /// The people of a store, under what is declared. `secrets` are those of the providers, by name.
    pub fn new(
        people: People,
        declared: Arc<Perimeter>,
        key: &[u8; KEY_BYTES],
        mut secrets: BTreeMap<String, String>,
        demanded: bool,
    ) -> Accounts {
        let provider = |declared: &SignIn| Provider {
            secret: secrets.remove(&declared.name),
            declared: declared.clone(),
        };
        let providers = declared.sign_in.iter().map(provider).collect();
        let hours = &declared.accounts;
        Accounts {
            people: Arc::new(people),
            demanded,
            lifetimes: Lifetimes::of_hours(hours.idle_hours, hours.session_hours),
            key: Key::new(key),
            providers,
            known: Providers::default(),
            declared: RwLock::new(declared),
            random: SystemRandom::new(),
            throttle: Mutex::default(),
            hashing: Semaphore::new(HASHING),
            first_code: Mutex::default(),
            noted: Mutex::default(),
            changed: watch::Sender::new(()),
        }
    }

    /// A new key for an installation.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn new_key() -> Result<[u8; KEY_BYTES], Error> {
        let mut key = [0; KEY_BYTES];
        SystemRandom::new().fill(&mut key).map_err(|_| Error::internal("the system gives no randomness"))?;
        Ok(key)
    }

    /// The code that makes the first owner, for whoever sees the terminal; none where there is an owner already, unless
    /// `anew` asks for another one. Kept in memory until it is used.
    ///
    /// # Errors
    /// When the people can't be read.
    pub fn first_code(&self, anew: bool) -> Result<Option<String>, Error> {
        if !anew && (!self.demanded || self.people.owners()? > 0) {
            return Ok(None);
        }
        let random: [u8; FIRST_CODE_BYTES] =
            self.random().map_err(|_| Error::internal("the system gives no randomness"))?;
        let code = secret::code(&random, FIRST_CODE_LETTERS);
        *self.first_code_held() = Some(secret::fingerprint(Use::Code, &secret::plain_code(&code)));
        Ok(Some(code))
    }

    /// Whether this is the code that makes the first owner.
    pub fn is_first_code(&self, typed: &str) -> bool {
        let shown = secret::fingerprint(Use::Code, &secret::plain_code(typed));
        self.first_code_held().is_some_and(|held| secret::same(&held, &shown))
    }

    /// Whether a first code waits to be used.
    pub fn awaits_first(&self) -> bool {
        self.first_code_held().is_some()
    }

    /// Takes the first code, so that it is used once; says whether it was still there.
    pub fn take_first_code(&self) -> bool {
        self.first_code_held().take().is_some()
    }

    /// Lets the code be used again: what it was for came to nothing.
    pub fn give_first_code_back(&self, typed: &str) {
        *self.first_code_held() = Some(secret::fingerprint(Use::Code, &secret::plain_code(typed)));
    }

    fn first_code_held(&self) -> MutexGuard<'_, Option<[u8; 32]>> {
        self.first_code.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Random bytes.
    pub fn random<const BYTES: usize>(&self) -> Result<[u8; BYTES], Failure> {
        let mut bytes = [0; BYTES];
        self.random.fill(&mut bytes).map_err(|_| Failure::internal("the system gives no randomness"))?;
        Ok(bytes)
    }

    /// A new secret for a cookie, with its hash.
    pub fn new_secret(&self, of: Use) -> Result<(String, [u8; 32]), Failure> {
        let secret = secret::hex(&self.random::<{ secret::SESSION_BYTES }>()?);
        let hash = secret::fingerprint(of, &secret);
        Ok((secret, hash))
    }

    /// The counts of failures.
    pub fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The people, for a thread that may wait.
    pub(crate) fn here(&self) -> &People {
        &self.people
    }

    /// The people, from a thread that may wait.
    pub async fn people<T: Send + 'static>(
        &self,
        work: impl FnOnce(&People) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Failure> {
        let people = Arc::clone(&self.people);
        Ok(tokio::task::spawn_blocking(move || work(&people)).await.map_err(Failure::internal)??)
    }

    /// Notes a last use that is due, unless that was begun within the last minute: the requests of a page come together,
    /// and all of them see that it is due. Nobody waits for it.
    pub(crate) fn saw(&self, what: Used, now_ms: i64) {
        if !self.noted.lock().unwrap_or_else(PoisonError::into_inner).takes(what, now_ms) {
            return;
        }
        self.later(move |people| match what {
            Used::Token(token) => people.used_token(token, now_ms),
            Used::Session(session, person) => {
                people.saw_session(session, now_ms)?;
                people.saw_person(person, now_ms)
            }
        });
    }

    /// Does something with the people that nobody waits for.
    pub fn later(&self, work: impl FnOnce(&People) -> Result<(), Error> + Send + 'static) {
        let people = Arc::clone(&self.people);
        tokio::task::spawn_blocking(move || {
            if let Err(error) = work(&people) {
                tracing::warn!(%error, "a last use was not noted");
            }
        });
    }

    /// The hash of a new passphrase.
    pub async fn hash(&self, passphrase: String) -> Result<String, Failure> {
        let salt: [u8; SALT_BYTES] = self.random()?;
        self.hashing(move || passphrase::hash(&passphrase, &salt)).await?.map_err(Failure::internal)
    }

    /// Whether a passphrase is the one of this hash; takes as long where there is none.
    pub async fn verify(&self, passphrase: String, kept: Option<String>) -> Result<Verdict, Failure> {
        let kept = kept.unwrap_or_else(passphrase::nobody);
        self.hashing(move || passphrase::verify(&passphrase, &kept)).await
    }

    async fn hashing<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let _turn = tokio::time::timeout(HASHING_WAIT, self.hashing.acquire())
            .await
            .map_err(|_| Failure::busy())?
            .map_err(Failure::internal)?;
        tokio::task::spawn_blocking(work).await.map_err(Failure::internal)
    }

    /// Takes over the people and groups of a changed perimeter: they hold with the next request.
    pub fn declare(&self, declared: &Perimeter) {
        *self.declared.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(declared.clone());
        self.rights_changed();
    }

    /// Says that somebody's rights may have changed: what is watched on is looked at again.
    pub(crate) fn rights_changed(&self) {
        self.changed.send_replace(());
    }

    /// Tells when somebody's rights may have changed.
    pub(crate) fn watch_rights(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Who a person is to the access rules: with the groups of the store and those that are declared.
    pub fn principal(&self, person: &Person) -> Principal {
        let declared = Arc::clone(&self.declared.read().unwrap_or_else(PoisonError::into_inner));
        let mut groups = declared.principal(&person.name).groups;
        groups.extend(person.groups.iter().cloned());
        let owner = person.role == intramuros_accounts::Role::Owner;
        let principal = Principal { owner, ..named(person, groups) };
        person.mail.iter().fold(principal, |principal, mail| principal.with_address(mail))
    }

    /// Who a service's token is to the access rules.
    pub fn service(&self, name: &str, groups: &BTreeSet<String>) -> Principal {
        let user = format!("{}{name}", intramuros_accounts::names::SERVICE);
        Principal { user: Some(user), groups: groups.clone(), ..Principal::anonymous() }
    }

    /// A provider by name.
    pub fn provider(&self, name: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.declared.name == name)
    }

    /// The mark of a browser in which somebody of that name signed in.
    pub fn browser_mark(&self, folded: &str) -> Result<String, Failure> {
        Ok(self.key.seal(BROWSER, folded.as_bytes(), self.random::<NONCE_BYTES>()?))
    }

    /// Whether a mark says that somebody of that name signed in here before.
    pub fn knows_browser(&self, mark: &str, folded: &str) -> bool {
        self.key.open(BROWSER, mark).is_some_and(|name| name == folded.as_bytes())
    }
}

/// A person by name. Whoever comes by a provider may have chosen their name there: of their addresses, the one that the
/// provider checked counts alone, and not a name that looks like one.
fn named(person: &Person, groups: BTreeSet<String>) -> Principal {
    match person.origin {
        Origin::Provider(_) => Principal::named(&person.name, groups),
        Origin::Local | Origin::Scim => Principal::user(&person.name, groups),
    }
}

#[cfg(test)]
mod tests {
    use intramuros_accounts::Role;

    use super::*;

    #[test]
    fn a_name_chosen_at_a_provider_is_no_mail_address() {
        let folder = tempfile::tempdir().unwrap();
        let perimeter = Arc::new(Perimeter::parse("", "intramuros.toml").unwrap());
        let people = People::open(folder.path()).unwrap();
        let accounts = Accounts::new(people, perimeter, &[3; KEY_BYTES], BTreeMap::new(), true);
        let check = |origin: Origin, mail: Option<&str>, expected: &[&str]| {
            let person = Person {
                id: PersonId(1),
                name: "bruno@x.fr".to_owned(),
                shown: "Bruno".to_owned(),
                mail: mail.map(str::to_owned),
                role: Role::Reader,
                active: true,
                passphrase: None,
                origin: origin.clone(),
                external: None,
                created_ms: 0,
                seen_ms: None,
                groups: BTreeSet::new(),
            };
            let found: Vec<String> = accounts.principal(&person).addresses.into_iter().collect();
            assert_eq!(found, expected, "{origin:?} {mail:?}");
        };
        let provider = || Origin::Provider("p".to_owned());
        check(provider(), None, &[]);
        check(provider(), Some("Carl@x.fr"), &["carl@x.fr"]);
        check(Origin::Local, None, &["bruno@x.fr"]);
        check(Origin::Scim, Some("carl@x.fr"), &["bruno@x.fr", "carl@x.fr"]);
    }
}
