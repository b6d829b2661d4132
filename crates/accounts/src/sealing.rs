//! How is a secret that must be kept (and not only compared) put under lock?
//!
//! AES-256-GCM with the installation's key, which lies outside the database: a copy of the database alone opens nothing.
//! What a sealed text is for is part of it, so that one can't be put in the place of another.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

/// Bytes of the installation's key.
pub const KEY_BYTES: usize = 32;

/// Random bytes that each sealing needs.
pub const NONCE_BYTES: usize = NONCE_LEN;

/// The installation's key.
pub struct Key(LessSafeKey);

impl std::fmt::Debug for Key {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Key")
    }
}

impl Key {
    /// The key of these bytes.
    pub fn new(bytes: &[u8; KEY_BYTES]) -> Key {
        let key = UnboundKey::new(&AES_256_GCM, bytes);
        Key(LessSafeKey::new(key.unwrap_or_else(|_| unreachable!("a key of this length is always taken"))))
    }

    /// A secret under lock, as letters that fit in a cookie. `nonce` must be random and used once.
    pub fn seal(&self, purpose: &str, secret: &[u8], nonce: [u8; NONCE_BYTES]) -> String {
        let mut bytes = secret.to_vec();
        let sealed = self.0.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(purpose),
            &mut bytes,
        );
        // Fails only for texts of gigabytes.
        if sealed.is_err() {
            return String::new();
        }
        BASE64.encode([&nonce[..], &bytes].concat())
    }

    /// What was sealed for this purpose with this key; none when anything was changed.
    pub fn open(&self, purpose: &str, sealed: &str) -> Option<Vec<u8>> {
        let bytes = BASE64.decode(sealed).ok()?;
        let (nonce, rest) = bytes.split_at_checked(NONCE_BYTES)?;
        let mut rest = rest.to_vec();
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let open = self.0.open_in_place(nonce, Aad::from(purpose), &mut rest).ok()?;
        Some(open.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_with_its_key_for_its_purpose_and_unchanged() {
        let key = Key::new(&[1; KEY_BYTES]);
        let sealed = key.seal("id-token", b"secret", [9; NONCE_BYTES]);
        assert_eq!(key.open("id-token", &sealed).as_deref(), Some(&b"secret"[..]));
        assert_eq!(key.open("state", &sealed), None);
        assert_eq!(Key::new(&[2; KEY_BYTES]).open("id-token", &sealed), None);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(key.open("id-token", std::str::from_utf8(&changed).unwrap()), None);
        }
        assert_eq!(key.open("id-token", ""), None);
        assert!(!sealed.contains("secret"));
    }
}
