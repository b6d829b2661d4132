//! Who vouches for the journal's end, and how is that checked?
//!
//! The head file is one line: the number and hash of the last entry that reached the disk, the moment, and an Ed25519
//! signature over all of it. It is overwritten in place after each group of entries; its length never changes.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use crate::JournalError;
use crate::line::{Hash, from_hex, hex};
use crate::time;

/// Keeps signatures for the journal from meaning anything elsewhere.
const CONTEXT: &str = "intramuros journal head 1";

/// Largest key file, in bytes. PKCS#8 for Ed25519 has fewer than 100.
const MAX_KEY_BYTES: u64 = 4096;

/// Number and hash of an entry, and when it was written: what is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Number of the last entry.
    pub number: u64,
    /// Its hash.
    pub hash: Hash,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

impl Head {
    fn signed_text(&self) -> String {
        format!("{CONTEXT} {:020} {} {}", self.number, self.hash.to_hex(), time::to_text(self.at_ms))
    }

    /// The head file's line, of constant length.
    pub(crate) fn line(&self, key: &Key) -> String {
        format!("{} {}\n", self.signed_text(), hex(key.sign(self).as_ref()))
    }

    /// Reads a head file's text and checks its signature. The error says what is wrong.
    pub fn read(text: &str, public: &[u8]) -> Result<Head, String> {
        let malformed = || "the head file is not as it was written".to_owned();
        let rest =
            text.strip_prefix(CONTEXT).and_then(|rest| rest.strip_suffix('\n')).ok_or_else(malformed)?;
        let parts: Vec<&str> = rest.trim_start().split(' ').collect();
        let [number, hash, at, signature] = parts[..] else { return Err(malformed()) };
        let head = Head {
            number: number.parse().map_err(|_| malformed())?,
            hash: Hash::from_hex(hash).ok_or_else(malformed)?,
            at_ms: time::from_text(at).ok_or_else(malformed)?,
        };
        let signature = from_hex(signature).ok_or_else(malformed)?;
        head.check(&signature, public)?;
        Ok(head)
    }

    /// Whether the signature is the key's over this head.
    pub fn check(&self, signature: &[u8], public: &[u8]) -> Result<(), String> {
        UnparsedPublicKey::new(&ED25519, public)
            .verify(self.signed_text().as_bytes(), signature)
            .map_err(|_| "the signature is not the key's".to_owned())
    }
}

/// The key that signs.
pub struct Key {
    pair: Ed25519KeyPair,
    path: PathBuf,
}

impl Key {
    /// Reads the key, or makes one (readable by its owner alone) with the public half beside it (`.pub`).
    pub fn open_or_create(path: &Path) -> Result<Key, JournalError> {
        let wrong = |what: String| JournalError::Key { path: path.to_owned(), what };
        match fs::metadata(path) {
            Ok(metadata) if metadata.len() > MAX_KEY_BYTES => {
                return Err(wrong("is not a key: too large".to_owned()));
            }
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => create(path)?,
            Err(error) => return Err(JournalError::io(path, "look at the key")(error)),
        }
        let bytes = fs::read(path).map_err(JournalError::io(path, "read the key"))?;
        let pair = Ed25519KeyPair::from_pkcs8(&bytes)
            .map_err(|error| wrong(format!("is not an Ed25519 key in PKCS#8: {error}")))?;
        Ok(Key { pair, path: path.to_owned() })
    }

    /// The public half.
    pub fn public(&self) -> Vec<u8> {
        self.pair.public_key().as_ref().to_vec()
    }

    /// Where the key lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The signature over a head.
    pub(crate) fn sign(&self, head: &Head) -> Vec<u8> {
        self.pair.sign(head.signed_text().as_bytes()).as_ref().to_vec()
    }
}

/// The short name of a public key: the first 16 hexadecimal digits of its SHA-256.
pub fn fingerprint(public: &[u8]) -> String {
    hex(&ring::digest::digest(&ring::digest::SHA256, public).as_ref()[..8])
}

/// Where the public half of a key lies.
pub fn public_path(key: &Path) -> PathBuf {
    key.with_added_extension("pub")
}

/// Where the head that a key signs lies.
pub fn head_path(key: &Path) -> PathBuf {
    key.with_added_extension("head")
}

/// Whether a key still lies at an earlier place, and none where it is declared. A place that can't be looked at may hold
/// one.
pub fn was_left_behind(declared: &Path, earlier: &Path) -> bool {
    matches!(declared.try_exists(), Ok(false)) && earlier.is_file()
}

/// Reads the public half beside a key: 64 hexadecimal digits.
pub fn read_public(key: &Path) -> Result<Vec<u8>, JournalError> {
    let path = public_path(key);
    let text = fs::read_to_string(&path).map_err(JournalError::io(&path, "read the public key"))?;
    from_hex(text.trim())
        .filter(|bytes| bytes.len() == 32)
        .ok_or_else(|| JournalError::Key { path, what: "is not 64 hexadecimal digits".to_owned() })
}

fn create(path: &Path) -> Result<(), JournalError> {
    use std::os::unix::fs::OpenOptionsExt;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(JournalError::io(folder, "make the key's folder"))?;
    }
    let wrong = |what: &str| JournalError::Key { path: path.to_owned(), what: what.to_owned() };
    let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
        .map_err(|_| wrong("no key could be made: the machine gives no randomness"))?;
    let pair =
        Ed25519KeyPair::from_pkcs8(document.as_ref()).map_err(|_| wrong("the new key can't be read"))?;
    let public = public_path(path);
    fs::write(&public, hex(pair.public_key().as_ref()) + "\n")
        .map_err(JournalError::io(&public, "write the public key"))?;
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(JournalError::io(path, "make the key"))?;
    file.write_all(document.as_ref())
        .and_then(|()| file.sync_all())
        .map_err(JournalError::io(path, "write the key"))
}
