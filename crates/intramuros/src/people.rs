//! What does the program need to know people: the key, the providers' secrets, the code for the first owner?

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{ErrorKind as IoKind, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use intramuros_core::error::Error;
use intramuros_core::perimeter::Perimeter;
use intramuros_journal::line;
use intramuros_netpol::language::Language;
use intramuros_server::Accounts;
use intramuros_store::people::People;

/// Name of the key within the data folder, where no other place is declared.
pub const KEY: &str = "people.key";

/// Bytes of the key.
type Key = [u8; 32];

/// What is declared in files that a sealed process can't open any more.
pub struct Secrets {
    key: Option<Key>,
    providers: BTreeMap<String, String>,
    demanded: bool,
}

impl Secrets {
    /// Reads them. Before the seal.
    ///
    /// # Errors
    /// When a declared file can't be read or holds no key.
    pub fn read(perimeter: &Perimeter, listen: &[SocketAddr]) -> Result<Secrets, Error> {
        let key = match &perimeter.accounts.key_file {
            None => None,
            Some(path) => Some(parse(&text(path, "accounts.key_file")?).ok_or_else(|| {
                Error::config(format!("accounts.key_file: {} holds no key", path.display()))
                    .hint("`openssl rand -hex 32` makes one")
            })?),
        };
        let mut providers = BTreeMap::new();
        for provider in &perimeter.sign_in {
            if let Some(path) = &provider.client_secret_file {
                let secret = text(path, "sign_in.client_secret_file")?;
                providers.insert(provider.name.clone(), secret.trim().to_owned());
            }
        }
        Ok(Secrets { key, providers, demanded: perimeter.needs_accounts(listen) })
    }

    /// Whether people must sign in.
    pub fn demanded(&self) -> bool {
        self.demanded
    }

    /// The people of a data folder.
    ///
    /// # Errors
    /// When they can't be read, or the key can't be read or made.
    pub fn open(self, perimeter: &Perimeter, data: &Path) -> Result<Accounts, Error> {
        let key = self.key.map_or_else(|| own_key(data), Ok)?;
        let people = People::open(data)?;
        Ok(Accounts::new(people, Arc::new(perimeter.clone()), &key, self.providers, self.demanded))
    }
}

fn text(path: &Path, declared: &str) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|error| {
        Error::config(format!("{declared}: {} can't be read", path.display())).because(error)
    })
}

/// The key in the data folder; made when there is none.
fn own_key(data: &Path) -> Result<Key, Error> {
    let path = data.join(KEY);
    let wrong = |error: std::io::Error| {
        Error::config(format!("the key {} can't be read or made", path.display())).because(error)
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => parse(&text).ok_or_else(|| {
            Error::data(format!("{} holds no key", path.display()))
                .hint("put back the one from the last backup; without it, move it aside: who came by a provider signs in anew")
        }),
        Err(error) if error.kind() == IoKind::NotFound => {
            let key = Accounts::new_key()?;
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(&path).map_err(wrong)?;
            let text = line::hex(&key);
            writeln!(file, "{text}").and_then(|()| file.sync_all()).map_err(wrong)?;
            Ok(key)
        }
        Err(error) => Err(wrong(error)),
    }
}

fn parse(text: &str) -> Option<Key> {
    line::from_hex(&text.trim().to_ascii_lowercase())?.try_into().ok()
}

/// The address under which a browser on this machine opens what listens there: where every address is listened on, the
/// machine's own.
pub fn opened(listen: &SocketAddr) -> String {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, listen.port()))
}

/// What whoever started the program must know of how people come in.
///
/// # Errors
/// When the people can't be read.
pub fn in_words(
    perimeter: &Perimeter,
    accounts: &Accounts,
    listen: &[SocketAddr],
    anew: bool,
    language: Language,
) -> Result<Vec<String>, Error> {
    let mut lines = Vec::new();
    let encrypted = perimeter.server.public_url.as_ref().is_some_and(|url| url.starts_with("https://"));
    if accounts.demanded && !encrypted && listen.iter().any(|address| !address.ip().is_loopback()) {
        let https = language.pick(
            "Depuis une autre machine, on ne se connecte qu’en https : placez devant le programme un proxy qui chiffre \
             (TLS), et déclarez son adresse (server.public_url).",
            "From other machines people sign in over https alone: put a proxy that encrypts (TLS) before the program, \
             and declare its address (server.public_url).",
        );
        lines.push(https.to_owned());
    }
    if let Some(code) = accounts.first_code(anew)? {
        let at = perimeter.server.public_url.clone().or(listen.first().map(opened));
        let at = at.unwrap_or_default();
        let at = at.trim_end_matches('/');
        let owners = language.pick(
            "Code du propriétaire, valable une fois jusqu’à l’arrêt du programme :",
            "Owner's code, good once until the program stops:",
        );
        let place = language.pick("sur", "at");
        lines.push(format!("{owners} {code} ({place} {at}/sign-in#owner)"));
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_can_be_opened() {
        let check = |listen: &str, expected: &str| assert_eq!(opened(&listen.parse().unwrap()), expected);
        check("127.0.0.1:7171", "http://127.0.0.1:7171");
        check("0.0.0.0:7171", "http://127.0.0.1:7171");
        check("[::]:80", "http://[::1]:80");
        check("192.0.2.7:7171", "http://192.0.2.7:7171");
    }

    #[test]
    fn a_key_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let key = own_key(folder.path()).unwrap();
        assert_eq!(own_key(folder.path()).unwrap(), key);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(folder.path().join(KEY)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        for odd in ["", "x", &"g".repeat(64), &"a".repeat(63), &"é".repeat(32)] {
            std::fs::write(folder.path().join(KEY), odd).unwrap();
            assert!(own_key(folder.path()).is_err(), "{odd}");
        }
    }
}
