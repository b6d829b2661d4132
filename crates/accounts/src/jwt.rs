//! Did this provider sign these claims?
//!
//! Only signatures with public keys are taken, by algorithms that are named here; a token never chooses by itself how it
//! is checked: the key's type must be the algorithm's. The cryptography is ring's.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Longest token in bytes. 64 KiB: a person in a thousand groups.
pub const MAX_TOKEN_BYTES: usize = 64 << 10;

/// Most keys of one provider.
pub const MAX_KEYS: usize = 64;

/// Why a token is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// It is not a signed token, or too long.
    #[error("it is not a signed token")]
    Form,
    /// It asks to be checked in a way that is not known.
    #[error("it is signed in a way that is not accepted")]
    Algorithm,
    /// None of the provider's keys is the one that it names.
    #[error("it names a key that the provider does not publish")]
    Key,
    /// The signature is wrong.
    #[error("its signature is wrong")]
    Signature,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

/// A public key, as providers publish it.
#[derive(Clone, Debug, Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    for_use: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// The public keys of a provider.
#[derive(Clone, Debug, Default)]
pub struct Keys(Vec<Jwk>);

impl Keys {
    /// Reads a JSON Web Key Set. Keys of kinds that are not known are passed over.
    pub fn parse(text: &[u8]) -> Option<Keys> {
        let whole: Value = serde_json::from_slice(text).ok()?;
        let keys = whole.get("keys")?.as_array()?.iter().take(MAX_KEYS);
        Some(Keys(keys.filter_map(|key| Jwk::deserialize(key).ok()).collect()))
    }

    /// The claims of a token that one of these keys signed.
    ///
    /// # Errors
    /// Why it is not believed. On [`Doubt::Key`] the provider may have changed its keys: they can be fetched again.
    pub fn verify(&self, token: &str) -> Result<Map<String, Value>, Doubt> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Doubt::Form);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Doubt::Form)?;
        let (header, claims) = signed.split_once('.').ok_or(Doubt::Form)?;
        let decode = |part: &str| BASE64.decode(part).map_err(|_| Doubt::Form);
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| Doubt::Form)?;
        let claims = decode(claims)?;
        let signature = decode(signature)?;
        let way = Way::of(&header.alg).filter(|_| header.crit.is_none()).ok_or(Doubt::Algorithm)?;
        let fitting = self.0.iter().filter(|key| {
            way.takes(key) && (header.kid.is_none() || key.kid.is_none() || key.kid == header.kid)
        });
        let mut tried = false;
        for key in fitting {
            tried = true;
            if way.verify(key, signed.as_bytes(), &signature).is_some() {
                return serde_json::from_slice(&claims).map_err(|_| Doubt::Form);
            }
        }
        Err(if tried { Doubt::Signature } else { Doubt::Key })
    }
}

/// How a token is signed.
enum Way {
    Rsa(&'static str, &'static signature::RsaParameters),
    Curve(&'static str, &'static str, &'static dyn VerificationAlgorithm),
    Edwards,
}

impl Way {
    fn of(algorithm: &str) -> Option<Way> {
        Some(match algorithm {
            "RS256" => Way::Rsa("RS256", &signature::RSA_PKCS1_2048_8192_SHA256),
            "RS384" => Way::Rsa("RS384", &signature::RSA_PKCS1_2048_8192_SHA384),
            "RS512" => Way::Rsa("RS512", &signature::RSA_PKCS1_2048_8192_SHA512),
            "PS256" => Way::Rsa("PS256", &signature::RSA_PSS_2048_8192_SHA256),
            "PS384" => Way::Rsa("PS384", &signature::RSA_PSS_2048_8192_SHA384),
            "PS512" => Way::Rsa("PS512", &signature::RSA_PSS_2048_8192_SHA512),
            "ES256" => Way::Curve("ES256", "P-256", &signature::ECDSA_P256_SHA256_FIXED),
            "ES384" => Way::Curve("ES384", "P-384", &signature::ECDSA_P384_SHA384_FIXED),
            "EdDSA" | "Ed25519" => Way::Edwards,
            _ => return None,
        })
    }

    /// Whether a key is for signatures of this way.
    fn takes(&self, key: &Jwk) -> bool {
        let signs = key.for_use.as_deref().is_none_or(|for_use| for_use == "sig");
        let named = |name: &str| key.alg.as_deref().is_none_or(|alg| alg == name);
        signs
            && match self {
                Way::Rsa(name, _) => key.kty == "RSA" && named(name),
                Way::Curve(name, curve, _) => {
                    key.kty == "EC" && key.crv.as_deref() == Some(curve) && named(name)
                }
                Way::Edwards => {
                    key.kty == "OKP"
                        && key.crv.as_deref() == Some("Ed25519")
                        && (named("EdDSA") || named("Ed25519"))
                }
            }
    }

    fn verify(&self, key: &Jwk, signed: &[u8], signature: &[u8]) -> Option<()> {
        let part = |part: &Option<String>| BASE64.decode(part.as_deref()?).ok();
        match self {
            Way::Rsa(_, parameters) => {
                let key = RsaPublicKeyComponents { n: part(&key.n)?, e: part(&key.e)? };
                key.verify(parameters, signed, signature).ok()
            }
            Way::Curve(_, _, algorithm) => {
                let point = [&[4][..], &part(&key.x)?, &part(&key.y)?].concat();
                UnparsedPublicKey::new(*algorithm, point).verify(signed, signature).ok()
            }
            Way::Edwards => {
                UnparsedPublicKey::new(&signature::ED25519, part(&key.x)?).verify(signed, signature).ok()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::{Ed25519KeyPair, KeyPair};

    use super::*;

    fn pair() -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&[5; 32]).unwrap()
    }

    fn keys(kid: &str) -> Keys {
        let x = BASE64.encode(pair().public_key().as_ref());
        let text = format!(
            r#"{{"keys":[{{"kty":"oct","k":"AAAA"}},{{"kty":"OKP","crv":"Ed25519","kid":"{kid}","use":"sig","x":"{x}"}}]}}"#
        );
        Keys::parse(text.as_bytes()).unwrap()
    }

    fn signed(header: &str, claims: &str) -> String {
        let start = format!("{}.{}", BASE64.encode(header), BASE64.encode(claims));
        let signature = pair().sign(start.as_bytes());
        format!("{start}.{}", BASE64.encode(signature))
    }

    #[test]
    fn only_what_the_provider_signed_is_believed() {
        let claims = r#"{"sub":"anne"}"#;
        let check = |token: &str, expected: Result<&str, Doubt>| {
            let found = keys("a").verify(token).map(|claims| claims["sub"].as_str().unwrap().to_owned());
            assert_eq!(found, expected.map(str::to_owned), "{token}");
        };
        check(&signed(r#"{"alg":"EdDSA","kid":"a"}"#, claims), Ok("anne"));
        check(&signed(r#"{"alg":"EdDSA"}"#, claims), Ok("anne"));
        check(&signed(r#"{"alg":"EdDSA","kid":"b"}"#, claims), Err(Doubt::Key));
        check(&signed(r#"{"alg":"RS256","kid":"a"}"#, claims), Err(Doubt::Key));
        for algorithm in ["none", "None", "HS256", "", "ES512"] {
            let header = format!(r#"{{"alg":"{algorithm}","kid":"a"}}"#);
            check(&signed(&header, claims), Err(Doubt::Algorithm));
        }
        check(&signed(r#"{"alg":"EdDSA","crit":["x"]}"#, claims), Err(Doubt::Algorithm));
        let good = signed(r#"{"alg":"EdDSA","kid":"a"}"#, claims);
        let (start, _) = good.rsplit_once('.').unwrap();
        check(&format!("{start}."), Err(Doubt::Signature));
        let other = BASE64.encode(r#"{"sub":"bruno"}"#);
        let parts: Vec<&str> = good.split('.').collect();
        check(&format!("{}.{other}.{}", parts[0], parts[2]), Err(Doubt::Signature));
        for odd in ["", ".", "..", "a.b", "a.b.c", "é.é.é"] {
            check(odd, Err(Doubt::Form));
        }
        check(&"a".repeat(MAX_TOKEN_BYTES + 1), Err(Doubt::Form));
    }
}
